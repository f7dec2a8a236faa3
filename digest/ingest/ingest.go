package ingest

import (
	"context"
	"errors"
	"fmt"
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
	// ClaimPoll takes a source for one poll, until SavePoll or ReleasePoll, or
	// until its process has died long ago. Not ok: another process polls it, or
	// has polled it since state was read; with force only where the rows have
	// another address for it. held is until when the server asked to be left
	// alone, whichever process heard it.
	ClaimPoll(ctx context.Context, state digest.SourceState, server string, force bool) (held time.Time, ok bool, err error)
	// ReleasePoll gives a claimed source back that was not polled.
	ReleasePoll(ctx context.Context, source string) error
	// SavePoll keeps a poll's outcome in one transaction: the source's state,
	// and its articles by their identity. An article that is known keeps its
	// FirstSeen. added counts those that were not.
	SavePoll(ctx context.Context, state digest.SourceState, articles []digest.Article) (added int, err error)
	// Refile gives the articles that no story has yet, of the days that an
	// edition may still reach back to, the categories that under names, and
	// counts those that changed. Under gets an article's source and terms; where
	// it returns nil, the article stays as it is.
	Refile(ctx context.Context, under func(source string, terms []digest.Term) []string) (changed int, err error)
	// HeldServers and HoldServers remember until when servers, by host and
	// port, asked to be left alone.
	HeldServers(ctx context.Context) (map[string]time.Time, error)
	HoldServers(ctx context.Context, until map[string]time.Time) error
	// ClaimPage tells what is remembered of a page. It is mine where it may be
	// asked for now: nobody else may then, until it is saved or the lease over.
	ClaimPage(ctx context.Context, source, page string, now time.Time, lease time.Duration) (p digest.FullPage, mine bool, err error)
	// SavePage keeps what came of a page that was claimed.
	SavePage(ctx context.Context, p digest.FullPage) error
	// OwedPages lists articles of a source, newest first, that were first seen
	// after since, are not told yet, and wait for a page that is there or may be
	// asked for now.
	OwedPages(ctx context.Context, source string, since, now time.Time, most int) ([]digest.Article, error)
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

	gates gates
}

const (
	writesAPoll    = 20          // articles of one poll whose points are asked for
	longestWriting = time.Minute // that one poll spends on that, beside the article under way
)

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

// FetchNow polls the named sources once, or all of them. Courant's own
// schedule doesn't hold it back; a server's Retry-After and 410 do. The
// results are in the order of the sources; the error is about the store or a
// name nobody knows, never about a source.
func (in *Ingest) FetchNow(ctx context.Context, names ...string) ([]Result, error) {
	defer in.Fetcher.attend()()
	if err := in.sync(ctx); err != nil {
		return nil, err
	}
	states, err := in.Store.SourceStates(ctx)
	if err != nil {
		return nil, fmt.Errorf("read sources: %w", err)
	}
	if err := in.hold(ctx, states); err != nil {
		return nil, err
	}
	wanted := polled(states)
	if len(names) > 0 {
		wanted = nil
		for _, name := range names {
			at := slices.IndexFunc(states, func(s digest.SourceState) bool { return s.Source.Name == name })
			if at < 0 {
				return nil, fmt.Errorf("there is no source %q in the config; it has %s", name, sourceNames(states))
			}
			if states[at].Source.Kind == digest.SourcePush {
				return nil, fmt.Errorf("source %q is pushed: its publisher's system sends the articles, and there is nothing to poll", name)
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

// polled are the sources that are asked; the others push.
func polled(states []digest.SourceState) []digest.SourceState {
	return slices.DeleteFunc(slices.Clone(states), func(s digest.SourceState) bool { return s.Source.Kind == digest.SourcePush })
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

// hold carries servers' Retry-After over from one process to the next: it
// was said to one source and binds all of its host.
func (in *Ingest) hold(ctx context.Context, states []digest.SourceState) error {
	held, err := in.Store.HeldServers(ctx)
	if err != nil {
		return fmt.Errorf("read held servers: %w", err)
	}
	for server, until := range held {
		in.Fetcher.host(server).hold(until)
	}
	in.holdSources(states)
	return nil
}

// holdSources is hold by what the sources themselves remember.
func (in *Ingest) holdSources(states []digest.SourceState) {
	for _, s := range states {
		if !s.NotBefore.IsZero() {
			in.Fetcher.host(serverOf(s)).hold(s.NotBefore)
		}
	}
}

// serverOf is the server a source is asked at, empty where it has none.
func serverOf(s digest.SourceState) string {
	if u, err := url.Parse(address(s)); err == nil && u.Host != "" {
		return server(u)
	}
	return ""
}

// pollAll polls several sources and tells of each: all servers side by side,
// the sources of one server one after the other. How much of that happens at
// the same moment is the Fetcher's to say.
func (in *Ingest) pollAll(ctx context.Context, states []digest.SourceState) []Result {
	results := make([]Result, len(states))
	var telling sync.Mutex
	var all sync.WaitGroup
	for _, sources := range byHost(states) {
		all.Go(func() {
			for _, i := range sources {
				_, results[i], _ = in.pollOne(ctx, states[i], true)
				telling.Lock()
				in.tell(results[i])
				telling.Unlock()
			}
		})
	}
	all.Wait()
	return results
}

// byHost are the places of the sources, those of a host together.
func byHost(states []digest.SourceState) (hosts [][]int) {
	at := map[string]int{}
	for i, s := range states {
		key := serverOf(s)
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
	case r.Local && r.Status == StatusUnchanged:
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

// pollOne polls a source and keeps the outcome. Without force a source that
// another process polls is left to it, and taken is false.
func (in *Ingest) pollOne(ctx context.Context, before digest.SourceState, force bool) (after digest.SourceState, result Result, taken bool) {
	if err := ctx.Err(); err != nil {
		return before, Result{Source: before.Source.Name, Status: StatusFailed, Err: fmt.Errorf("source %s: %w", before.Source.Name, err)}, true
	}
	if before.Gone {
		after, _, result = in.poll(ctx, before)
		return after, result, true
	}
	server := serverOf(before)
	held, ok, err := in.Store.ClaimPoll(ctx, before, server, force)
	switch {
	case err == nil && !ok && force:
		err = fmt.Errorf("the config has another address for it by now: %w", digest.ErrNotFound)
	case err == nil && !ok:
		return before, Result{}, false
	}
	if err != nil {
		return before, lost(Result{Source: before.Source.Name}, err), true
	}
	if !held.IsZero() {
		in.Fetcher.host(server).hold(held)
	}
	after, articles, result := in.poll(ctx, before)
	if errors.Is(result.Err, errTurn) { // which is not the source's failure either
		in.release(ctx, before.Source.Name)
		return before, lost(result, rootOf(result.Err, errTurn)), true
	}
	for i := range articles {
		in.letGo(&articles[i])
	}
	kept := ctx.Err() == nil
	if kept {
		err = in.keep(ctx, &after, articles, &result)
	}
	if err != nil || ctx.Err() != nil { // stopped by us, which is not the source's failure
		in.release(ctx, before.Source.Name)
	}
	if err != nil {
		return before, lost(result, err), true
	}
	if !kept {
		return before, Result{Source: before.Source.Name, Status: StatusFailed, Err: fmt.Errorf("source %s: %w", before.Source.Name, ctx.Err())}, true
	}
	return after, result, true
}

// letGo drops what an article needs no longer: thousands wait for their
// pages at a first start. Its text is only for a writer, who is asked where
// first sentences stand in; and its other texts are copied, as each may be cut
// from a paragraph or a page that would stay in memory with it.
func (in *Ingest) letGo(a *digest.Article) {
	if in.Writer == nil || a.PointsFrom != digest.PointsLead && a.PointsFrom != digest.PointsNone {
		a.Text = ""
	}
	for _, s := range [...]*string{&a.GUID, &a.URL, &a.Canonical, &a.Title, &a.Category, &a.Site, &a.Attribution, &a.Author, &a.Language,
		&a.Lead, &a.Text, &a.Page, &a.Image.URL, &a.Image.Alt} {
		*s = strings.Clone(*s)
	}
	a.Points, a.Terms = slices.Clone(a.Points), slices.Clone(a.Terms)
	for i := range a.Points {
		a.Points[i] = strings.Clone(a.Points[i])
	}
	for i := range a.Terms {
		a.Terms[i].Text = strings.Clone(a.Terms[i].Text)
	}
}

// lost is the result of a poll that could not be kept.
func lost(r Result, err error) Result {
	r.Status, r.Err = StatusFailed, fmt.Errorf("%w of source %s: %w", errStore, r.Source, err)
	return r
}

// release gives a source back, so that another process need not wait for the
// claim to grow old.
func (in *Ingest) release(ctx context.Context, source string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	if err := in.Store.ReleasePoll(ctx, source); err != nil {
		in.Fetcher.log().Debug("a source stays claimed for some minutes", "source", source, "error", err)
	}
}

// keep completes what a poll brought and saves it with the source's state.
func (in *Ingest) keep(ctx context.Context, state *digest.SourceState, articles []digest.Article, result *Result) error {
	success := result.Status == StatusRead || result.Status == StatusUnchanged
	if success {
		var err error
		if articles, err = in.complete(ctx, *state, articles, result); err != nil {
			return err
		}
		state.LastSuccess = state.LastPoll
	}
	for i := range articles {
		in.Filing.File(state.Source, &articles[i])
	}
	in.write(ctx, articles, state.Source.Points)
	added, err := in.Store.SavePoll(ctx, *state, articles)
	if err != nil {
		return err
	}
	result.Added = added
	if heard := in.Fetcher.news(); len(heard) > 0 {
		return in.Store.HoldServers(ctx, heard)
	}
	return nil
}

// write asks for the points of new articles for which first sentences would
// stand in. It is done before anything is kept, so that no row waits for it,
// and what came of it is kept with the article: nobody is asked twice. The
// newest come first; the others make do.
func (in *Ingest) write(ctx context.Context, articles []digest.Article, rule digest.PointRule) {
	begun := in.Fetcher.now()
	for i, asked := 0, 0; i < len(articles) && in.Writer != nil; i++ {
		a := &articles[i]
		if a.PointsFrom != digest.PointsLead || a.ID != 0 && a.Text == "" {
			continue // an earlier one that still waits for its page was asked about then
		}
		if asked++; asked > writesAPoll || in.Fetcher.now().Sub(begun) > longestWriting || ctx.Err() != nil {
			return
		}
		_ = Rewrite(ctx, in.Writer, a, rule) // the writer says in the log why there is nothing
	}
}

// Rewrite has a writer's points stand in for an article's first sentences, if
// it gives any that the source's rule doesn't drop.
func Rewrite(ctx context.Context, w Writer, a *digest.Article, of digest.PointRule) error {
	points, err := w.Write(ctx, *a)
	if err != nil {
		return err
	}
	rule, err := newRule(of)
	if points = rule.keep(points); err == nil && len(points) > 0 {
		a.Points, a.PointsFrom = points, digest.PointsModel
	}
	return err
}

// complete leaves out what is known already, and reads the full pages of new
// items that brought no points of their own, and of earlier ones that still
// wait for theirs.
func (in *Ingest) complete(ctx context.Context, state digest.SourceState, articles []digest.Article, result *Result) ([]digest.Article, error) {
	if state.Source.Kind == digest.SourceFolder {
		return articles, nil // of a folder comes only what is new or corrected
	}
	fresh, err := in.unknown(ctx, state, articles)
	if err != nil || state.Source.Kind != digest.SourceFeed {
		return fresh, err
	}
	since := in.Fetcher.now().Add(-oldestPage)
	for i, a := range fresh {
		// A page that several items link to has no points of one of them.
		if _, shared := digest.SharedAddress(a.Canonical); !shared && result.rulings.wants(a) && a.FirstSeen.After(since) {
			fresh[i].Page = pageOf(a, state.Source.Points)
		}
	}
	waiting, err := in.Store.OwedPages(ctx, state.Source.Name, since, in.Fetcher.now(), pagesAPoll)
	if err != nil {
		return nil, err
	}
	all := append(fresh, waiting...)
	warnings, err := in.readPages(ctx, state.Source, all, &result.rulings)
	result.Warnings = append(result.Warnings, warnings...)
	return all, err
}

// unknown are the articles that the source has not brought before.
func (in *Ingest) unknown(ctx context.Context, state digest.SourceState, articles []digest.Article) ([]digest.Article, error) {
	if len(articles) == 0 {
		return nil, nil
	}
	known, err := in.Store.Known(ctx, state.Source.Name, articles)
	if err != nil {
		return nil, err
	}
	fresh := make([]digest.Article, 0, len(articles)) // and no more: they wait for their pages
	for i, a := range articles {
		if i >= len(known) || !known[i] {
			fresh = append(fresh, a)
		}
	}
	return fresh, nil
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
	a.Image = betterImage(a.Image, page.Image)
	if a.Published.IsZero() {
		a.Published = page.Published
	}
	// Without a GUID the link is what the next poll knows the item by.
	if a.GUID != "" {
		a.Canonical = first(page.Canonical, a.Canonical)
	}
}
