package ingest

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"courant/digest"
)

const (
	lookPages   = 3                   // full pages read of one source that is looked at
	lookAtOnce  = 64                  // hosts asked at the same time: each is asked little
	longSilence = 60 * 24 * time.Hour // a feed whose newest item is older may be dead
)

// glance is one source that is looked at.
type glance struct {
	before, state digest.SourceState
	articles      []digest.Article
	result        Result
	late          bool // it was not read in time

	// The full pages of articles without points of their own.
	pages        []digest.Article // not tried yet, lookPages at most
	tried, found int              // how many were, and had points
	cut          bool             // the time was over before one had answered
	trouble      string           // why the last that failed was not read
	missed       string           // a page of which the source's rule for points picked none; empty: none was seen
}

// Look polls each source once, as politely as ever, and keeps nothing of it.
// What is remembered of a source from earlier polls binds it too: a server's
// Retry-After, and that it is gone. The findings are in the order of the
// sources; the end of ctx ends what is not read by then.
//
// First come all sources of a host, for many newsrooms have all their feeds
// on one; then, in the time that is left, one full page of each source before
// a second of any.
func (in *Ingest) Look(ctx context.Context, remembered []digest.SourceState) []digest.Finding {
	defer in.Fetcher.attend()()
	states, past := make([]digest.SourceState, len(in.Sources)), make([]digest.SourceState, len(in.Sources))
	for i, s := range in.Sources {
		states[i] = digest.SourceState{Source: s}
		for _, r := range remembered {
			if r.Source.Name == s.Name && r.Source.URL == s.URL {
				states[i].NotBefore, states[i].Gone = r.NotBefore, r.Gone
				past[i] = r
			}
		}
	}
	in.holdSources(states)
	glances := make([]*glance, len(states))
	// Two queues, so that no host's pages delay another's sources.
	polling, reading := make(chan struct{}, lookAtOnce), make(chan struct{}, lookAtOnce)
	var all sync.WaitGroup
	for _, sources := range byHost(states) {
		all.Go(func() {
			var host []*glance
			polling <- struct{}{}
			for n, i := range sources {
				glances[i] = in.glanceAt(ctx, states[i], n == len(sources)-1)
				host = append(host, glances[i])
			}
			<-polling
			reading <- struct{}{}
			in.tryPages(ctx, host)
			<-reading
		})
	}
	all.Wait()
	findings := make([]digest.Finding, len(states))
	for i, g := range glances {
		findings[i] = withPast(in.judge(g, past[i]), past[i], in.Fetcher.now())
	}
	return findings
}

// withPast adds to a finding what only the rows know: that a source which
// answers brings nothing new, and that one which fails has done so for long.
func withPast(f digest.Finding, past digest.SourceState, now time.Time) digest.Finding {
	days := func(since time.Time) string { return counted(int(now.Sub(since).Hours()/24), "day") }
	switch c := past.Condition(now); {
	case c == digest.SourceSilent && f.State != digest.FindingWrong:
		next := "`courant sources \"" + past.Source.Name + "\"` shows its last articles; look at the publisher's site whether it was replaced by another"
		return f.Look(f.Text+"; silent, no new article for "+days(past.QuietSince()), next)
	case c == digest.SourceDead && !past.Gone && f.State == digest.FindingWrong:
		f.Text += "; dead, not read for " + days(past.TroubleSince(now))
	}
	return f
}

// glanceAt polls one source.
func (in *Ingest) glanceAt(ctx context.Context, before digest.SourceState, last bool) *glance {
	g := &glance{before: before}
	if before.Source.Kind == digest.SourcePush {
		return g // nobody can be asked
	}
	ctx, cancel := shareOf(ctx, last)
	defer cancel()
	g.state, g.articles, g.result = in.poll(ctx, before)
	g.late = g.result.Status == StatusFailed && ctx.Err() != nil
	if before.Source.Kind == digest.SourcePage && len(g.result.rulings.unruled) > 0 {
		g.missed = before.Source.URL
	}
	if before.Source.Kind == digest.SourcePage || before.Source.Kind == digest.SourceFolder {
		return g
	}
	for _, a := range g.articles {
		if u, err := url.Parse(a.URL); err == nil && u.Host != "" && g.result.rulings.wants(a) && len(g.pages) < lookPages {
			g.pages = append(g.pages, a)
		}
	}
	return g
}

// shareOf is half of the time that is left, unless nobody waits behind: who
// hangs must not take the turn of all others.
func shareOf(ctx context.Context, last bool) (context.Context, context.CancelFunc) {
	end, ok := ctx.Deadline()
	if !ok || last {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, time.Until(end)/2)
}

// tryPages reads full pages of the sources of one host in turn, until all that
// were chosen are read or the time is over.
func (in *Ingest) tryPages(ctx context.Context, host []*glance) {
	for range lookPages {
		for _, g := range host {
			if len(g.pages) > 0 && ctx.Err() == nil {
				in.tryPage(ctx, g)
			}
		}
	}
}

// tryPage reads the next page of a source. One that was cut short was not
// tried: the time is ours, not the page's fault.
func (in *Ingest) tryPage(ctx context.Context, g *glance) {
	a := g.pages[0]
	share, cancel := shareOf(ctx, false)
	defer cancel()
	missed := g.result.rulings.missed
	u, err := url.Parse(a.URL)
	if err == nil {
		err = in.readOne(share, address(g.state), u, &a, &g.result.rulings)
	}
	if errors.Is(err, errNoTime) {
		return
	}
	g.pages = g.pages[1:]
	if err != nil && share.Err() != nil {
		g.cut = true
		return
	}
	g.tried++
	if g.result.rulings.missed > missed {
		g.missed = a.URL
	}
	switch {
	case err != nil:
		why, _, _ := strings.Cut(err.Error(), "; ")
		g.trouble = fmt.Sprintf("look at its pages in a browser: %s was not read: %s", a.URL, why)
	case hasPoints(a):
		g.found++
	}
}

// errNoTime says that a page's turn comes after the end of the look.
var errNoTime = errors.New("its turn comes too late")

// readOne is readFull for a look: it waits for no turn that comes too late,
// and for none on this very machine. The pause is owed to others' servers.
func (in *Ingest) readOne(ctx context.Context, origin string, u *url.URL, a *digest.Article, by *rulings) error {
	if err := in.mayRead(ctx, origin, a); err != nil {
		return err
	}
	if !thisMachine(u.Hostname()) {
		if end, ok := ctx.Deadline(); ok && in.Fetcher.untilPage(server(u)) > time.Until(end) {
			return errNoTime
		}
		if err := in.Fetcher.pause(ctx, server(u)); err != nil {
			return errNoTime
		}
	}
	return in.readNow(ctx, origin, a, by)
}

// thisMachine knows the loopback by its name and its addresses (RFC 6761
// section 6.3, RFC 1122 section 3.2.1.3).
func thisMachine(host string) bool {
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || err == nil && ip.Unmap().IsLoopback()
}

// judge says what a source came to.
func (in *Ingest) judge(g *glance, past digest.SourceState) digest.Finding {
	source, result := g.before.Source, g.result
	f := digest.Finding{What: "source", Subject: source.Name}
	switch {
	case g.late:
		return f.Look("was not read in the time there was", "try `courant fetch \""+source.Name+"\"`, which waits longer")
	case result.Status == StatusHeld:
		return f.Look("its server asked to be left alone until "+result.Next.UTC().Format("2006-01-02 15:04 UTC"), "nothing: Courant waits until then")
	case result.Err != nil:
		text, next, _ := strings.Cut(strings.TrimPrefix(result.Err.Error(), "source "+source.Name+": "), "; ")
		if next == "" {
			next = "check the address in a browser"
		}
		return f.Wrong(text, next)
	case source.Kind == digest.SourcePush:
		return heardOf(past, f)
	case source.Kind == digest.SourceFolder:
		return g.folder(f, len(unpackMarks(past.Seen)))
	case len(g.articles) == 0:
		return f.Look("there are no articles in it", "check the address in a browser; an empty feed brings nothing")
	}
	text, teasers := g.describe()
	switch at := newest(g.articles); {
	case g.missed != "":
		return f.Look(text+"; "+g.ruleFault(), fmt.Sprintf("`courant extract --explain --rules %q %s` shows what it picks", source.Name, g.missed))
	case g.state.MovedTo != "":
		return f.Look(text+"; it says that it has moved for good", "put the new address into the config if it goes on saying so: "+g.state.MovedTo)
	case len(result.Warnings) > 0:
		return f.Look(text+"; "+result.Warnings[0], "`courant extract "+source.URL+"` shows what Courant sees")
	case teasers != "":
		return f.Look(text, teasers)
	case source.Kind == digest.SourcePage:
	case at.IsZero():
		return f.Look(text, "nothing, or ask the publisher for dates: without them an article counts from when Courant first saw it")
	case in.Fetcher.now().Sub(at) > longSilence:
		return f.Look(text, "look whether it is still kept up; the last article is old")
	}
	return f.OK(text)
}

// ruleFault says what a rule for points missed.
func (g *glance) ruleFault() string {
	if fault := g.result.rulings.warnings(); len(fault) > 0 {
		return fault[0]
	}
	at := slices.IndexFunc(g.result.Warnings, func(w string) bool { return strings.HasPrefix(w, "css ") })
	return g.result.Warnings[max(at, 0)]
}

// heardOf says when articles of a source were last pushed.
func heardOf(past digest.SourceState, f digest.Finding) digest.Finding {
	if past.LastSuccess.IsZero() {
		return f.Look("its articles are pushed, and none came yet", "give its publisher's system the token and the address of the desk; docs/api.md shows a request")
	}
	return f.OK("its articles are pushed, the last on " + past.LastSuccess.UTC().Format("2006-01-02 15:04 UTC"))
}

// folder says what a folder holds, which had so many files.
func (g *glance) folder(f digest.Finding, had int) digest.Finding {
	text := counted(g.result.Files, "file")
	if n := len(g.articles); n > 0 {
		text += fmt.Sprintf(", %s, key points in %d", counted(n, "article"), withPoints(g.articles))
		text += ", the newest of " + newest(g.articles).UTC().Format(time.DateOnly)
	}
	dir := g.before.Source.URL
	switch {
	case g.result.Files == 0 && had > 0:
		return f.Look(strings.TrimSuffix(emptied(dir, had), "; is it mounted?"), "look whether it is mounted; if the files were taken away, nothing")
	case len(g.result.Warnings) > 0:
		return f.Look(text+"; "+g.result.Warnings[0], "`courant extract "+dir+"/FILE` shows what Courant sees in one of them")
	case g.result.Files == 0:
		return f.Look("the folder "+dir+" is there and empty", "put pages, texts or feeds into it: names that end in .html, .txt, .xml and the like")
	}
	return f.OK(text)
}

// describe says what a source brings, and where its key points come from. The
// second sentence is the next step where it brings teasers only.
func (g *glance) describe() (text, teasers string) {
	inFeed := withPoints(g.articles)
	if g.state.Source.Kind == digest.SourcePage {
		if inFeed > 0 {
			return "1 article, key points on the page", ""
		}
		return "1 article, no key points on the page", "its first sentences stand in their place; `courant extract " + g.state.Source.URL + "` shows them"
	}
	text = counted(len(g.articles), "article") + ", "
	if at := newest(g.articles); at.IsZero() {
		text += "no dates"
	} else {
		text += "the newest of " + at.UTC().Format(time.DateOnly)
	}
	if inFeed == len(g.articles) {
		return text + ", key points in the feed for all", ""
	}
	tried, untried := counted(g.tried, "page")+" tried", ", no page tried in the time there was"
	if g.tried > 0 || len(g.pages) == 0 && !g.cut {
		untried = ""
	}
	switch {
	case inFeed > 0 && g.tried > 0:
		return fmt.Sprintf("%s, key points in the feed for %d and on %d of %s", text, inFeed, g.found, tried), ""
	case inFeed > 0:
		return fmt.Sprintf("%s, key points in the feed for %d%s", text, inFeed, untried), ""
	case g.found > 0:
		return fmt.Sprintf("%s, key points on %d of %s", text, g.found, tried), ""
	case untried != "":
		return text + untried, ""
	case g.tried > 0:
		text += ", teasers only: no key points in the feed, nor on " + tried
	default:
		text += ", teasers only: no key points in the feed, and no pages behind it"
	}
	if g.trouble != "" {
		return text, g.trouble
	}
	return text, "the digest will carry the feed's own descriptions; `courant extract " + g.articles[0].URL + "` shows what Courant sees of a page"
}

func hasPoints(a digest.Article) bool {
	return a.PointsFrom == digest.PointsPage || a.PointsFrom == digest.PointsFeed
}

func withPoints(articles []digest.Article) (n int) {
	for _, a := range articles {
		if hasPoints(a) {
			n++
		}
	}
	return n
}

// newest is the latest date among articles, zero if they have none.
func newest(articles []digest.Article) time.Time {
	return slices.MaxFunc(articles, func(a, b digest.Article) int { return a.Published.Compare(b.Published) }).Published
}

func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
