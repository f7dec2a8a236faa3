package ingest

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"courant/digest"
)

// What full pages may cost. Who has more news than this gets the rest at the
// next polls, the newest first.
const (
	pagesAPoll = 20                  // asked for in one poll of a source
	pagesTime  = 3 * time.Minute     // and begun within so long
	oldestPage = 31 * 24 * time.Hour // articles first seen before go without
	pageTries  = 5                   // then a page is given up
	pageLease  = time.Hour           // until a page is tried again that a process died over
)

// errPage marks failures of one page, as against those of its host.
var errPage = errors.New("its fallback is used")

// pageRound reads pages for one poll of a source.
type pageRound struct {
	in       *Ingest
	source   digest.Source
	by       *rulings
	end      time.Time
	asked    int
	failed   int
	away     map[string]bool // hosts that are not tried again
	warnings []string
}

// readPages reads the full pages that articles wait for, and says of each by
// its Page whether it still does. The error is the store's.
func (in *Ingest) readPages(ctx context.Context, source digest.Source, articles []digest.Article, by *rulings) (warnings []string, err error) {
	r := &pageRound{in: in, source: source, by: by, end: in.Fetcher.now().Add(pagesTime), away: map[string]bool{}}
	for i := range articles {
		if articles[i].Page == "" {
			continue
		}
		if err := r.read(ctx, &articles[i]); err != nil {
			return nil, err
		}
	}
	if r.failed > 3 {
		r.warnings = append(r.warnings[:3], fmt.Sprintf("%d full pages in all were not read", r.failed))
	}
	return append(r.warnings, by.warnings()...), nil
}

// pageOf is an item's page as it is remembered. Who reads it by a rule of
// their own reads another page, so to speak.
func pageOf(a digest.Article, rule digest.PointRule) string {
	if !rule.Says() {
		return a.Canonical
	}
	return fmt.Sprintf("%s#%x", a.Canonical, sha256.Sum256(fmt.Append(nil, rule.CSS, "\x00", strings.Join(rule.Drop, "\x00"))))
}

// read reads one article's page, or has it from whoever read it before.
func (r *pageRound) read(ctx context.Context, a *digest.Article) error {
	u, err := url.Parse(a.URL)
	if err != nil {
		a.Page = ""
		return nil
	}
	server, in := server(u), r.in
	if r.away[server] || r.asked == pagesAPoll || in.Fetcher.now().After(r.end) || ctx.Err() != nil {
		return nil
	}
	leave, err := in.gates.enter(ctx, a.Page)
	if err != nil {
		return err
	}
	defer leave()
	p, mine, err := in.Store.ClaimPage(ctx, r.source.Name, a.Page, in.Fetcher.now(), pageLease)
	if err != nil {
		return err
	}
	if mine {
		r.asked++
		trouble := in.readFull(ctx, r.source.URL, a, &p, r.by)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if errors.Is(trouble, errTurn) {
			return trouble
		}
		if trouble != nil {
			r.failed++
			r.away[server] = !errors.Is(trouble, errPage)
			r.warnings = append(r.warnings, fmt.Sprintf("the full page %s was not read: %s", a.URL, trouble))
		}
		if err := in.Store.SavePage(ctx, remembered(p)); err != nil {
			return err
		}
	}
	if p.Reading != nil {
		merge(a, *p.Reading)
		in.letGo(a)
	}
	if p.Settled() {
		a.Page = ""
	}
	return nil
}

// remembered is a page without its text, which only its first reader needs.
func remembered(p digest.FullPage) digest.FullPage {
	if p.Reading != nil {
		reading := *p.Reading
		reading.Text = ""
		p.Reading = &reading
	}
	return p
}

// readFull asks for an item's page and notes in p what came of it. The error
// says why it was not read.
func (in *Ingest) readFull(ctx context.Context, origin string, a *digest.Article, p *digest.FullPage, by *rulings) error {
	now := in.Fetcher.now()
	if p.Again = now.Add(backOff(p.Tries)); p.Tries >= pageTries {
		p.Again = time.Time{}
	}
	status, reading, err := 0, (*digest.Article)(nil), in.mayRead(ctx, origin, a)
	if err == nil {
		status, reading, err = in.askPage(ctx, origin, a, by, true)
	}
	var held *heldError
	switch {
	case errors.As(err, &held): // nothing was asked
		p.Tries, p.Again = p.Tries-1, held.until
	case status == http.StatusGone || err == nil:
		p.Again, p.Reading = time.Time{}, reading
	}
	return err
}

// mayRead says why an item's page may not be asked for; nil: it may.
func (in *Ingest) mayRead(ctx context.Context, origin string, a *digest.Article) error {
	switch err := in.Fetcher.allowed(ctx, a.URL, origin); {
	case errors.Is(err, errRobots):
		return fmt.Errorf("%w; %w", err, errPage)
	case err != nil:
		return plainError(err)
	}
	return nil
}

// askPage asks for an item's page. A document that is none, a film or a
// picture, gives no reading and no error.
func (in *Ingest) askPage(ctx context.Context, origin string, a *digest.Article, by *rulings, paced bool) (status int, reading *digest.Article, err error) {
	got, e, err := in.Fetcher.document(ctx, request{address: a.URL, origin: origin, max: maxPageBytes, accept: acceptPage, paced: paced, obey: true}, a.URL, Options{Rule: by.rule})
	switch {
	case got == nil && errors.Is(err, errRobots):
		return 0, nil, fmt.Errorf("%w; %w", errRobots, errPage)
	case got == nil:
		return 0, nil, plainError(err)
	case got.status == http.StatusTooManyRequests || got.status == http.StatusServiceUnavailable:
		return got.status, nil, errors.New(strings.SplitN(answered(got.status), ";", 2)[0])
	case got.status != http.StatusOK:
		return got.status, nil, fmt.Errorf("%s; %w", strings.SplitN(answered(got.status), ";", 2)[0], errPage)
	case err != nil:
		return got.status, nil, fmt.Errorf("%w; %w", err, errPage)
	}
	if e.Kind == KindPage {
		by.settle(*a, e)
		reading = &e.Articles[0]
	}
	return got.status, reading, nil
}

// readNow asks for a page without its questions and without a pause, and
// takes over what it says better. The publisher's points win; everything else
// only fills gaps.
func (in *Ingest) readNow(ctx context.Context, origin string, a *digest.Article, by *rulings) error {
	_, reading, err := in.askPage(ctx, origin, a, by, false)
	if reading != nil {
		merge(a, *reading)
	}
	return err
}

// gates let one at a time have to do with a page: the second has it from the
// rows then.
type gates struct {
	mu   sync.Mutex
	busy map[string]chan struct{}
}

func (g *gates) enter(ctx context.Context, page string) (leave func(), err error) {
	for {
		g.mu.Lock()
		if g.busy == nil {
			g.busy = map[string]chan struct{}{}
		}
		other := g.busy[page]
		if other == nil {
			mine := make(chan struct{})
			g.busy[page] = mine
			g.mu.Unlock()
			return func() {
				g.mu.Lock()
				defer g.mu.Unlock()
				delete(g.busy, page)
				close(mine)
			}, nil
		}
		g.mu.Unlock()
		select {
		case <-other:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}
