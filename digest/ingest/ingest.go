package ingest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"courant/digest"
)

// Store is what ingest needs of the rows.
type Store interface {
	// SourceStates is what is remembered of each source of the config.
	SourceStates(ctx context.Context) ([]digest.SourceState, error)
	// SyncSources makes the given sources those of the config; what is
	// remembered of a source stays as long as its name and address do.
	SyncSources(ctx context.Context, sources []digest.Source) error
	// Known says of each article whether the source has brought it before, by
	// its GUID or else its Canonical.
	Known(ctx context.Context, source string, articles []digest.Article) ([]bool, error)
	// SavePoll keeps a poll's outcome in one transaction: the source's state,
	// and its articles by their identity. An article that is known keeps its
	// FirstSeen. added counts those that were not.
	SavePoll(ctx context.Context, state digest.SourceState, articles []digest.Article) (added int, err error)
	// Refile gives the articles that no story has yet, of the days that an
	// edition may still reach back to, the categories that under names, and
	// counts those that changed. Under gets an article's source and terms; where
	// it returns nil, the article stays as it is.
	Refile(ctx context.Context, under func(source string, terms []digest.Term) []string) (changed int, err error)
}

// Ingest polls sources and keeps what they bring.
type Ingest struct {
	Store    Store
	Fetcher  *Fetcher
	Sources  []digest.Source
	Filing   *Filing         // how articles get their categories; nil: as their publishers say
	Writer   Writer          // of points for articles without any; nil: first sentences stand in
	Progress func(Result)    // called after each poll, one at a time; nil: nobody asks
	Nudge    <-chan struct{} // wakes Run before its time; nil: never
}

const (
	sideBySide     = 8           // hosts polled at the same time
	pagesAPoll     = 20          // full pages fetched for one poll's new items
	writesAPoll    = 20          // articles of one poll whose points are asked for
	longestWriting = time.Minute // that one poll spends on that, beside the article under way
	longestSleep   = time.Minute // so that Run sees what other processes changed
)

// Run polls each source when it is due, until the context ends. Trouble with
// the store is logged and waited out; nothing is lost by it, as a poll that
// could not be kept is polled again.
func (in *Ingest) Run(ctx context.Context) error {
	synced, trouble := false, 0
	for ctx.Err() == nil {
		wait, err := in.round(ctx, &synced)
		if err != nil && ctx.Err() == nil {
			trouble++
			wait = min(time.Second<<min(trouble, 6), longestSleep)
			in.Fetcher.log().Error("polling sources", "error", err, "again_in", wait)
		} else {
			trouble = 0
		}
		in.sleep(ctx, wait)
	}
	return ctx.Err()
}

// round polls what is due and says how long nothing will be.
func (in *Ingest) round(ctx context.Context, synced *bool) (time.Duration, error) {
	if !*synced {
		if err := in.sync(ctx); err != nil {
			return 0, err
		}
		*synced = true
	}
	states, err := in.Store.SourceStates(ctx)
	if err != nil {
		return 0, fmt.Errorf("read sources: %w", err)
	}
	now := in.Fetcher.now()
	next := now.Add(longestSleep)
	var due []digest.SourceState
	for _, s := range states {
		at := s.NextPoll
		if s.NotBefore.After(at) {
			at = s.NotBefore
		}
		switch {
		case s.Gone:
		case !at.After(now):
			due = append(due, s)
		case at.Before(next):
			next = at
		}
	}
	in.hold(states)
	for _, r := range in.pollAll(ctx, due) {
		if errors.Is(r.Err, errStore) {
			return 0, r.Err
		}
	}
	if len(due) > 0 {
		return 0, nil // look again: what was polled is due later now
	}
	return next.Sub(now), nil
}

// sync makes the config's sources the ones that are polled, and files what no
// edition has told yet as the config says now: an editor who changes a rule
// sees it in the next edition, and not only in what comes in afterwards.
func (in *Ingest) sync(ctx context.Context) error {
	if err := in.Store.SyncSources(ctx, in.Sources); err != nil {
		return fmt.Errorf("sync sources: %w", err)
	}
	sources := map[string]digest.Source{}
	for _, src := range in.Sources {
		sources[src.Name] = src
	}
	changed, err := in.Store.Refile(ctx, func(source string, terms []digest.Term) []string {
		src, known := sources[source]
		if !known {
			return nil
		}
		return in.Filing.Under(src, terms)
	})
	if err != nil {
		return fmt.Errorf("file articles under their categories: %w", err)
	}
	if changed > 0 {
		in.Fetcher.log().Info("articles filed by the config's categories", "changed", changed)
	}
	return nil
}

// sleep waits by the real clock: what is due was read from the rows by the
// clock handed in, and is looked at again after each wait.
func (in *Ingest) sleep(ctx context.Context, wait time.Duration) {
	if wait <= 0 {
		return
	}
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-t.C:
	case <-in.Nudge:
	case <-ctx.Done():
	}
}

// FetchNow polls the named sources once, or all of them. Courant's own
// schedule doesn't hold it back; a server's Retry-After and 410 do. The
// results are in the order of the sources; the error is about the store or a
// name nobody knows, never about a source.
func (in *Ingest) FetchNow(ctx context.Context, names ...string) ([]Result, error) {
	if err := in.sync(ctx); err != nil {
		return nil, err
	}
	states, err := in.Store.SourceStates(ctx)
	if err != nil {
		return nil, fmt.Errorf("read sources: %w", err)
	}
	in.hold(states)
	wanted := states
	if len(names) > 0 {
		wanted = nil
		for _, name := range names {
			at := slices.IndexFunc(states, func(s digest.SourceState) bool { return s.Source.Name == name })
			if at < 0 {
				return nil, fmt.Errorf("there is no source %q in the config; it has %s", name, sourceNames(states))
			}
			wanted = append(wanted, states[at])
		}
	}
	results := in.pollAll(ctx, wanted)
	for _, r := range results {
		if errors.Is(r.Err, errStore) {
			return results, r.Err
		}
	}
	return results, ctx.Err()
}

// sourceNames lists what an editor could have meant.
func sourceNames(states []digest.SourceState) string {
	if len(states) == 0 {
		return "none"
	}
	var names []string
	for _, s := range states {
		names = append(names, strconv.Quote(s.Source.Name)) // a name may have a comma
	}
	return strings.Join(names, ", ")
}

// hold carries a server's Retry-After over from one process to the next: it
// was said to one source and binds all of its host.
func (in *Ingest) hold(states []digest.SourceState) {
	for _, s := range states {
		if u, err := url.Parse(address(s)); err == nil && !s.NotBefore.IsZero() {
			in.Fetcher.host(authority(u)).hold(s.NotBefore)
		}
	}
}

// pollAll polls several sources and tells of each.
func (in *Ingest) pollAll(ctx context.Context, states []digest.SourceState) []Result {
	results := make([]Result, len(states))
	var telling sync.Mutex
	eachHost(states, sideBySide, func(i int) {
		results[i] = in.pollOne(ctx, states[i])
		telling.Lock()
		defer telling.Unlock()
		in.tell(results[i])
	})
	return results
}

// eachHost does something with each source: so many hosts side by side, the
// sources of one host one after the other.
func eachHost(states []digest.SourceState, atOnce int, act func(i int)) {
	places := make(chan struct{}, atOnce)
	var all sync.WaitGroup
	for _, sources := range byHost(states) {
		places <- struct{}{}
		all.Go(func() {
			defer func() { <-places }()
			for _, i := range sources {
				act(i)
			}
		})
	}
	all.Wait()
}

// byHost are the places of the sources, those of a host together.
func byHost(states []digest.SourceState) (hosts [][]int) {
	at := map[string]int{}
	for i, s := range states {
		key := ""
		if u, err := url.Parse(address(s)); err == nil {
			key = authority(u)
		}
		if _, known := at[key]; !known {
			at[key], hosts = len(hosts), append(hosts, nil)
		}
		hosts[at[key]] = append(hosts[at[key]], i)
	}
	return hosts
}

// tell writes the one log line of a poll and passes the result on.
func (in *Ingest) tell(r Result) {
	log := in.Fetcher.log().With("source", r.Source, "status", r.Status, "articles", r.Articles, "added", r.Added, "warnings", len(r.Warnings))
	switch {
	case r.Err != nil:
		log.Warn("source polled", "error", r.Err)
	case r.Files > 0 && r.Status == StatusUnchanged:
		log.Debug("source polled") // each minute
	default:
		log.Info("source polled")
	}
	if in.Progress != nil {
		in.Progress(r)
	}
}

// errStore marks errors of the store among a poll's.
var errStore = errors.New("keep what was polled")

// pollOne polls a source and keeps the outcome.
func (in *Ingest) pollOne(ctx context.Context, before digest.SourceState) Result {
	if err := ctx.Err(); err != nil {
		return Result{Source: before.Source.Name, Status: StatusFailed, Err: fmt.Errorf("source %s: %w", before.Source.Name, err)}
	}
	state, articles, result := in.poll(ctx, before)
	if ctx.Err() != nil || before.Gone {
		return result // stopped by us, which is not the source's failure
	}
	articles, err := in.complete(ctx, state, articles, &result)
	for i := range articles {
		in.Filing.File(state.Source, &articles[i])
	}
	if err == nil {
		in.write(ctx, articles)
		if result.Status == StatusRead || result.Status == StatusUnchanged {
			state.LastSuccess = state.LastPoll
		}
		result.Added, err = in.Store.SavePoll(ctx, state, articles)
	}
	if err != nil {
		result.Status = StatusFailed
		result.Err = fmt.Errorf("%w of source %s: %w", errStore, state.Source.Name, err)
	}
	return result
}

// write asks for the points of new articles for which first sentences would
// stand in. It is done before anything is kept, so that no row waits for it,
// and what came of it is kept with the article: nobody is asked twice. The
// newest come first; the others make do.
func (in *Ingest) write(ctx context.Context, articles []digest.Article) {
	begun := in.Fetcher.now()
	for i, asked := 0, 0; i < len(articles) && in.Writer != nil; i++ {
		a := &articles[i]
		if a.PointsFrom != digest.PointsLead {
			continue
		}
		if asked++; asked > writesAPoll || in.Fetcher.now().Sub(begun) > longestWriting || ctx.Err() != nil {
			return
		}
		_ = Rewrite(ctx, in.Writer, a) // the writer says in the log why there is nothing
	}
}

// Rewrite has a writer's points stand in for an article's first sentences, if
// it gives any.
func Rewrite(ctx context.Context, w Writer, a *digest.Article) error {
	points, err := w.Write(ctx, *a)
	if err == nil && len(points) > 0 {
		a.Points, a.PointsFrom = points, digest.PointsModel
	}
	return err
}

// complete leaves out what is known already, and reads the full pages of new
// items that brought no points of their own.
func (in *Ingest) complete(ctx context.Context, state digest.SourceState, articles []digest.Article, result *Result) ([]digest.Article, error) {
	if len(articles) == 0 || state.Source.Kind == digest.SourceFolder {
		return articles, nil // of a folder comes only what is new or corrected
	}
	known, err := in.Store.Known(ctx, state.Source.Name, articles)
	if err != nil {
		return nil, err
	}
	fresh := articles[:0:0]
	for i, a := range articles {
		if i >= len(known) || !known[i] {
			fresh = append(fresh, a)
		}
	}
	if state.Source.Kind == digest.SourcePage {
		return fresh, nil
	}
	result.Warnings = append(result.Warnings, in.readPages(ctx, address(state), fresh, &result.rulings)...)
	return fresh, nil
}

// readPages reads the full pages of new items without points of their own, and
// of those of which the source's rule picked none. A host that can't be reached
// is not tried again for the next item.
func (in *Ingest) readPages(ctx context.Context, origin string, articles []digest.Article, by *rulings) (warnings []string) {
	pages, failed, away := 0, 0, map[string]bool{}
	for i := range articles {
		a := &articles[i]
		u, err := url.Parse(a.URL)
		if !by.wants(*a) || pages == pagesAPoll || ctx.Err() != nil || err != nil || away[authority(u)] {
			continue
		}
		pages++
		if err := in.readFull(ctx, origin, u, a, by); err != nil {
			failed++
			away[authority(u)] = !errors.Is(err, errPage)
			warnings = append(warnings, fmt.Sprintf("the full page %s was not read: %s", a.URL, err))
		}
	}
	if failed > 3 {
		warnings = append(warnings[:3], fmt.Sprintf("%d full pages in all were not read", failed))
	}
	return append(warnings, by.warnings()...)
}

// errPage marks failures of one page, as against those of its host.
var errPage = errors.New("its fallback is used")

// readFull fetches an item's page and takes over what it says better. The
// publisher's points win; everything else only fills gaps.
func (in *Ingest) readFull(ctx context.Context, origin string, u *url.URL, a *digest.Article, by *rulings) error {
	if err := in.mayRead(ctx, origin, a); err != nil {
		return err
	}
	if err := in.Fetcher.pause(ctx, authority(u)); err != nil {
		return plainError(err)
	}
	return in.readNow(ctx, origin, a, by)
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

// readNow is readFull without its questions.
func (in *Ingest) readNow(ctx context.Context, origin string, a *digest.Article, by *rulings) error {
	got, e, err := in.Fetcher.document(ctx, request{address: a.URL, origin: origin, max: maxPageBytes, accept: acceptPage, obey: true}, a.URL, Options{Rule: by.rule})
	switch {
	case got == nil:
		return plainError(err)
	case got.status != http.StatusOK:
		return fmt.Errorf("%s; %w", strings.SplitN(answered(got.status), ";", 2)[0], errPage)
	case err != nil:
		return fmt.Errorf("%w; %w", err, errPage)
	}
	if e.Kind == KindPage {
		by.settle(*a, e)
		merge(a, e.Articles[0])
	}
	return nil
}

// merge fills an item of a feed from its page.
func merge(a *digest.Article, page digest.Article) {
	switch {
	case page.PointsFrom == digest.PointsPage,
		page.PointsFrom == digest.PointsDescription && a.PointsFrom != digest.PointsDescription && !hasPoints(*a),
		page.PointsFrom == digest.PointsLead && a.PointsFrom == digest.PointsNone:
		a.Points, a.PointsFrom = page.Points, page.PointsFrom
	}
	fillUp(a, realSentences(page.Lead, a.Title))
	a.Category = first(a.Category, page.Category)
	a.Terms = append(a.Terms, page.Terms...)
	a.Author = first(a.Author, page.Author)
	a.Language = first(a.Language, page.Language)
	a.Attribution = first(a.Attribution, page.Attribution)
	if len(page.Lead) > len(a.Lead) {
		a.Lead = page.Lead
	}
	if len(page.Text) > len(a.Text) {
		a.Text = page.Text
	}
	if a.Image.URL == "" {
		a.Image = page.Image
	}
	if a.Published.IsZero() {
		a.Published = page.Published
	}
	// Without a GUID the link is what the next poll knows the item by.
	if a.GUID != "" {
		a.Canonical = first(page.Canonical, a.Canonical)
	}
}
