package ingest

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"courant/digest"
)

const (
	lookPages   = 3                   // full pages read of one source that is looked at
	lookAtOnce  = 64                  // hosts asked at the same time: each is asked little
	longSilence = 60 * 24 * time.Hour // a feed whose newest item is older may be dead
)

// Look polls each source once, as politely as ever, and keeps nothing of it.
// What is remembered of a source from earlier polls binds it too: a server's
// Retry-After, and that it is gone. The findings are in the order of the
// sources; the end of ctx ends what is not read by then.
func (in *Ingest) Look(ctx context.Context, remembered []digest.SourceState) []digest.Finding {
	states := make([]digest.SourceState, len(in.Sources))
	for i, s := range in.Sources {
		states[i] = digest.SourceState{Source: s}
		for _, r := range remembered {
			if r.Source.Name == s.Name && r.Source.URL == s.URL {
				states[i].NotBefore, states[i].Gone = r.NotBefore, r.Gone
			}
		}
	}
	in.hold(states)
	findings := make([]digest.Finding, len(states))
	eachHost(states, lookAtOnce, func(i int) { findings[i] = in.look(ctx, states[i]) })
	return findings
}

// look polls one source, and reads some of its pages as a poll would.
func (in *Ingest) look(ctx context.Context, before digest.SourceState) digest.Finding {
	f := digest.Finding{What: "source", Subject: before.Source.Name}
	state, articles, result := in.poll(ctx, before)
	switch {
	case ctx.Err() != nil:
		return f.Look("was not read in the time there was", "try `courant fetch \""+before.Source.Name+"\"`, which waits longer")
	case result.Status == StatusHeld:
		return f.Look("its server asked to be left alone until "+result.Next.UTC().Format("2006-01-02 15:04 UTC"), "nothing: Courant waits until then")
	case result.Err != nil:
		text, next, _ := strings.Cut(strings.TrimPrefix(result.Err.Error(), "source "+before.Source.Name+": "), "; ")
		if next == "" {
			next = "check the address in a browser"
		}
		return f.Wrong(text, next)
	case len(articles) == 0:
		return f.Look("there are no articles in it", "check the address in a browser; an empty feed brings nothing")
	}
	text, teasers := in.describe(ctx, state, articles)
	switch at := newest(articles); {
	case state.MovedTo != "":
		return f.Look(text+"; it has moved for good", "put the new address into the config: "+state.MovedTo)
	case len(result.Warnings) > 0:
		return f.Look(text+"; "+result.Warnings[0], "`courant extract "+before.Source.URL+"` shows what Courant sees")
	case teasers != "":
		return f.Look(text, teasers)
	case before.Source.Kind == digest.SourcePage:
	case at.IsZero():
		return f.Look(text, "nothing, or ask the publisher for dates: without them an article counts from when Courant first saw it")
	case in.Fetcher.now().Sub(at) > longSilence:
		return f.Look(text, "look whether it is still kept up; the last article is old")
	}
	return f.OK(text)
}

// describe says what a source brings, and where its key points come from. The
// second sentence is the next step where it brings teasers only.
func (in *Ingest) describe(ctx context.Context, state digest.SourceState, articles []digest.Article) (text, teasers string) {
	inFeed := withPoints(articles)
	if state.Source.Kind == digest.SourcePage {
		if inFeed > 0 {
			return "1 article, key points on the page", ""
		}
		return "1 article, no key points on the page", "its first sentences stand in their place; `courant extract " + state.Source.URL + "` shows them"
	}
	text = counted(len(articles), "article") + ", "
	if at := newest(articles); at.IsZero() {
		text += "no dates"
	} else {
		text += "the newest of " + at.UTC().Format(time.DateOnly)
	}
	if inFeed == len(articles) {
		return text + ", key points in the feed for all", ""
	}
	pages, onPages, trouble := in.tryPages(ctx, address(state), articles)
	switch {
	case inFeed > 0 && pages > 0:
		return fmt.Sprintf("%s, key points in the feed for %d and on %d of %s", text, inFeed, onPages, counted(pages, "page")+" tried"), ""
	case inFeed > 0:
		return fmt.Sprintf("%s, key points in the feed for %d", text, inFeed), ""
	case onPages > 0:
		return fmt.Sprintf("%s, key points on %d of %s", text, onPages, counted(pages, "page")+" tried"), ""
	}
	text += ", teasers only: no key points in the feed or on its pages"
	if trouble != "" {
		return text, trouble
	}
	return text, "the digest will carry the feed's own descriptions; `courant extract " + articles[0].URL + "` shows what Courant sees of a page"
}

// tryPages reads a few pages of items without points of their own.
func (in *Ingest) tryPages(ctx context.Context, origin string, articles []digest.Article) (tried, found int, trouble string) {
	for _, a := range articles {
		u, err := url.Parse(a.URL)
		if err != nil || hasPoints(a) || tried == lookPages || ctx.Err() != nil {
			continue
		}
		tried++
		if err := in.readFull(ctx, origin, u, &a); err != nil {
			why, _, _ := strings.Cut(err.Error(), "; ")
			trouble = fmt.Sprintf("look at its pages in a browser: %s was not read, it %s", a.URL, why)
			continue
		}
		if hasPoints(a) {
			found++
		}
	}
	return tried, found, trouble
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
