package ingest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"courant/digest"
)

// linkedFeed has items that point at pages of the site and say nothing.
func linkedFeed(s *site, items ...int) string {
	var b strings.Builder
	for _, n := range items {
		fmt.Fprintf(&b, "<item><title>%s</title><link>%s/story/%d</link><guid>%d</guid></item>", bridgeTitle, s.URL, n, n)
	}
	return rssHead + b.String() + "</channel></rss>"
}

var pointedPage = bridgePage(listOf(`<ul class="key-points">`, bridgePoints...), "")

func TestFullPagesGiveTheirPointsToItemsWithout(t *testing.T) {
	t.Parallel()
	s := newSite(t, map[string]http.HandlerFunc{"/story/1": send("text/html", pointedPage), "/story/2": status(500)})
	s.set("/feed.xml", send("text/xml", linkedFeed(s, 1, 2)))
	in, store, _ := room(s)
	r := fetchOne(t, in)
	if r.Status != StatusRead || r.Added != 2 || len(r.Warnings) != 1 || !strings.Contains(r.Warnings[0], "/story/2 was not read: answered 500") {
		t.Fatalf("%+v", r)
	}
	if a := store.articles[0]; a.PointsFrom != digest.PointsPage || !slices.Equal(a.Points, bridgePoints) || a.Lead == "" {
		t.Errorf("%+v", a)
	}
	if a := store.articles[1]; a.PointsFrom != digest.PointsNone {
		t.Errorf("%+v", a)
	}
	if got := s.asked(); !slices.Equal(got, []string{"/feed.xml", "/robots.txt", "/story/1", "/story/2"}) {
		t.Errorf("asked %q", got)
	}
	// What is known is not asked for again.
	s.set("/story/3", send("text/html", pointedPage))
	s.set("/feed.xml", send("text/xml", linkedFeed(s, 3, 1, 2)))
	if r := fetchOne(t, in); r.Added != 1 || r.Articles != 3 {
		t.Errorf("%+v", r)
	}
	if got := s.asked(); !slices.Equal(got, []string{"/feed.xml", "/story/3"}) {
		t.Errorf("asked %q", got)
	}
}

func TestItemsWithPointsNeedNoPage(t *testing.T) {
	t.Parallel()
	s := newSite(t, map[string]http.HandlerFunc{"/feed.xml": send("text/xml", wholeFeed(1, 2))})
	in, store, _ := room(s)
	fetchOne(t, in)
	if got := s.asked(); len(got) != 1 || store.articles[0].PointsFrom != digest.PointsFeed {
		t.Errorf("asked %q, %+v", got, store.articles)
	}
}

func TestNoMoreThanTwentyPagesAPoll(t *testing.T) {
	t.Parallel()
	s := newSite(t, map[string]http.HandlerFunc{})
	var items []int
	for n := range 30 {
		items = append(items, n)
		s.set(fmt.Sprint("/story/", n), send("text/html", pointedPage))
	}
	s.set("/feed.xml", send("text/xml", linkedFeed(s, items...)))
	in, _, _ := room(s)
	if r := fetchOne(t, in); r.Added != 30 {
		t.Errorf("%+v", r)
	}
	if got := len(s.asked()); got != 22 { // the feed, robots.txt and twenty pages
		t.Errorf("asked %d times", got)
	}
}

func TestRobotsAreObeyedForPagesNotForFeeds(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		robots  http.HandlerFunc
		allowed bool
	}{
		"none":          {status(404), true},
		"for everybody": {send("text/plain", "User-agent: *\nDisallow: /story/\nDisallow: /feed.xml\nDisallow: /page"), false},
		"for us":        {send("text/plain", "User-agent: courant\nDisallow: /\n\nUser-agent: *\nAllow: /"), false},
		"for others":    {send("text/plain", "User-agent: evilbot\nDisallow: /"), true},
		"allows us":     {send("text/plain", "User-agent: Courant\nAllow: /\n\nUser-agent: *\nDisallow: /"), true},
		"broken server": {status(500), false},
		"a page":        {send("text/html", "<html><body>Not found</body></html>"), true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, map[string]http.HandlerFunc{"/robots.txt": test.robots, "/story/1": send("text/html", pointedPage), "/page": send("text/html", pointedPage)})
			s.set("/feed.xml", send("text/xml", linkedFeed(s, 1)))
			in, store, _ := room(s)
			in.Sources = append(in.Sources, digest.Source{Name: "Page", Kind: digest.SourcePage, URL: s.URL + "/page"})
			results, err := in.FetchNow(t.Context())
			if err != nil || results[0].Status != StatusRead || results[0].Added != 1 {
				t.Fatal(results, err)
			}
			if got := slices.Contains(s.asked(), "/story/1"); got != test.allowed || (store.articles[0].PointsFrom == digest.PointsPage) != test.allowed {
				t.Errorf("page asked for: %t, %+v", got, results[0])
			}
			if want := map[bool]Status{true: StatusRead, false: StatusFailed}[test.allowed]; results[1].Status != want {
				t.Errorf("%+v", results[1])
			}
			if !test.allowed && name != "broken server" && !strings.Contains(results[1].Err.Error(), "robots.txt forbids it") {
				t.Errorf("%v", results[1].Err)
			}
		})
	}
}

func TestPageSourceIsOneArticle(t *testing.T) {
	t.Parallel()
	s := newSite(t, map[string]http.HandlerFunc{"/page": send("text/html; charset=utf-8", pointedPage)})
	in, store, c := room(s)
	in.Sources = []digest.Source{{Name: "One page", Kind: digest.SourcePage, URL: s.URL + "/page?utm_source=x", Category: "World"}}
	if r := fetchOne(t, in); r.Status != StatusRead || r.Added != 1 {
		t.Fatalf("%+v", r)
	}
	a := store.articles[0]
	if a.URL != s.URL+"/page" || a.Category != "World" || a.Source != "One page" || a.Title != bridgeTitle || !a.FirstSeen.Equal(c.now()) || len(a.Points) != 3 {
		t.Errorf("%+v", a)
	}
	if r := fetchOne(t, in); r.Added != 0 {
		t.Errorf("%+v", r)
	}
}

func TestPageWhereAFeedShouldBeNamesItsFeed(t *testing.T) {
	t.Parallel()
	s := newSite(t, map[string]http.HandlerFunc{"/rss": send("text/xml", wholeFeed(1, 2))})
	s.set("/feed.xml", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("ETag", `"page"`)
		fmt.Fprint(w, `<html><head><LINK href='/rss' type="application/rss+xml" rel=alternate></head><body><h1>Gazette</h1>`)
	})
	in, store, _ := room(s)
	r := fetchOne(t, in)
	if r.Status != StatusRead || r.Added != 2 || len(r.Warnings) != 1 || !strings.Contains(r.Warnings[0], s.URL+"/rss was read instead") {
		t.Fatalf("%+v", r)
	}
	if store.states[0].ETag != "" {
		t.Error("a validator was kept for the wrong document")
	}
	s.set("/feed.xml", send("text/html", "<html><body><h1>Nothing here"))
	if r := fetchOne(t, in); r.Status != StatusFailed || !strings.Contains(r.Err.Error(), "is a page and names no feed") {
		t.Errorf("%+v", r)
	}
}

func TestFirstSeenComesFromTheDateOnTheFirstPollOnly(t *testing.T) {
	t.Parallel()
	dated := func(n int, date string) string {
		return strings.Replace(strings.TrimPrefix(strings.TrimSuffix(wholeFeed(n), "</channel></rss>"), rssHead), "<guid>", "<pubDate>"+date+"</pubDate><guid>", 1)
	}
	s := newSite(t, map[string]http.HandlerFunc{})
	old, future := "Mon, 02 Mar 2026 08:15:00 GMT", "Mon, 02 Mar 2099 08:15:00 GMT"
	s.set("/feed.xml", send("text/xml", rssHead+dated(1, old)+dated(2, future)+dated(3, "soon")+"</channel></rss>"))
	in, store, c := room(s)
	fetchOne(t, in)
	first := c.now()
	c.turn(2 * time.Hour)
	s.set("/feed.xml", send("text/xml", rssHead+dated(4, old)+dated(1, old)+"</channel></rss>"))
	fetchOne(t, in)
	want := []time.Time{time.Date(2026, 3, 2, 8, 15, 0, 0, time.UTC), first.Add(-time.Microsecond), first.Add(-2 * time.Microsecond), c.now()}
	for i, a := range store.articles {
		if !a.FirstSeen.Equal(want[i]) {
			t.Errorf("article %s first seen %s, want %s", a.GUID, a.FirstSeen, want[i])
		}
	}
	if len(store.articles) != 4 {
		t.Errorf("%d articles", len(store.articles))
	}
}

func TestFailedPollsDontCountAsTheFirst(t *testing.T) {
	t.Parallel()
	s := newSite(t, map[string]http.HandlerFunc{"/feed.xml": status(500)})
	in, store, _ := room(s)
	fetchOne(t, in)
	s.set("/feed.xml", send("text/xml", strings.Replace(wholeFeed(1), "<guid>", "<pubDate>Mon, 02 Mar 2026 08:15:00 GMT</pubDate><guid>", 1)))
	fetchOne(t, in)
	if a := store.articles[0]; !a.FirstSeen.Equal(a.Published) {
		t.Errorf("%+v", a)
	}
}

func TestItemsWithoutHeadlineOrLinkAreNotKept(t *testing.T) {
	t.Parallel()
	s := newSite(t, map[string]http.HandlerFunc{"/feed.xml": send("text/xml", rssHead+"<item><title></title><link></link></item><item><title>Only a headline</title></item>"+strings.TrimPrefix(wholeFeed(1), rssHead))})
	in, store, _ := room(s)
	if r := fetchOne(t, in); r.Added != 1 || r.Articles != 3 || len(r.Warnings) != 1 || len(store.articles) != 1 {
		t.Errorf("%+v", r)
	}
}

func TestOneRequestAtATimePerHostAndHostsSideBySide(t *testing.T) {
	t.Parallel()
	var both sync.WaitGroup
	both.Add(2)
	serve := func(running *atomic.Int32) http.HandlerFunc {
		var once sync.Once
		return func(w http.ResponseWriter, _ *http.Request) {
			if running.Add(1) > 1 {
				t.Error("two requests at the same time")
			}
			once.Do(func() { both.Done(); both.Wait() }) // the hosts' first requests meet, or this never ends
			fmt.Fprint(w, wholeFeed(1))
			running.Add(-1)
		}
	}
	var sources []digest.Source
	var first *site
	for host := range 2 {
		h := serve(&atomic.Int32{})
		s := newSite(t, map[string]http.HandlerFunc{"/0": h, "/1": h, "/2": h, "/3": h})
		for n := range 4 {
			sources = append(sources, digest.Source{Name: fmt.Sprint(host, n), Kind: digest.SourceFeed, URL: fmt.Sprint(s.URL, "/", n)})
		}
		first = s
	}
	in, _, _ := room(first)
	in.Sources = sources
	var told []string
	in.Progress = func(r Result) { told = append(told, r.Source) }
	results, err := in.FetchNow(t.Context())
	if err != nil || len(results) != 8 || len(told) != 8 {
		t.Fatal(results, err)
	}
	for i, r := range results {
		if r.Status != StatusRead || r.Source != sources[i].Name {
			t.Errorf("%+v", r)
		}
	}
	var twice sync.WaitGroup
	in.Progress = nil
	for range 2 {
		twice.Go(func() {
			if _, err := in.FetchNow(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	twice.Wait()
	if some, err := in.FetchNow(t.Context(), "0 2", "1 1"); err != nil || len(some) != 2 || some[0].Source != "0 2" || some[1].Source != "1 1" {
		t.Errorf("%+v %v", some, err)
	}
}

func TestRunPollsWhatIsDueAndWakes(t *testing.T) {
	t.Parallel()
	s := newSite(t, map[string]http.HandlerFunc{"/feed.xml": send("text/xml", wholeFeed(1))})
	in, store, c := room(s)
	store.saved = make(chan struct{})
	nudge := make(chan struct{})
	in.Nudge = nudge
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- in.Run(ctx) }()
	<-store.saved // at once, as it was never polled
	nudge <- struct{}{}
	if got := s.asked(); len(got) != 1 {
		t.Errorf("asked %q", got)
	}
	c.turn(2 * time.Hour)
	select { // it may have looked at the clock after it was turned
	case nudge <- struct{}{}:
		<-store.saved
	case <-store.saved:
	}
	stop()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if got := s.asked(); len(got) != 1 {
		t.Errorf("asked %q", got)
	}
}

func TestRunOutlivesTheStoresTrouble(t *testing.T) {
	t.Parallel()
	s := newSite(t, map[string]http.HandlerFunc{"/feed.xml": send("text/xml", wholeFeed(1))})
	in, store, _ := room(s)
	store.broken = errors.New("the database is away")
	nudge := make(chan struct{})
	in.Nudge = nudge
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- in.Run(ctx) }()
	nudge <- struct{}{} // it sleeps, so it has met the trouble
	store.mu.Lock()
	store.broken, store.saved = nil, make(chan struct{})
	saved := store.saved
	store.mu.Unlock()
	select {
	case nudge <- struct{}{}:
		<-saved
	case <-saved:
	}
	stop()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestStoppingIsNoFailureOfTheSource(t *testing.T) {
	t.Parallel()
	asked := make(chan struct{})
	s := newSite(t, map[string]http.HandlerFunc{"/feed.xml": func(_ http.ResponseWriter, r *http.Request) {
		close(asked)
		<-r.Context().Done()
	}})
	in, store, _ := room(s)
	ctx, stop := context.WithCancel(t.Context())
	go func() { <-asked; stop() }()
	if _, err := in.FetchNow(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if st := store.states[0]; st.Failures != 0 || st.Error != "" || !st.LastPoll.IsZero() {
		t.Errorf("%+v", st)
	}
}

func TestExtractOfAnAddress(t *testing.T) {
	t.Parallel()
	s := newSite(t, map[string]http.HandlerFunc{"/page": send("text/html", pointedPage), "/feed.xml": send("text/xml", wholeFeed(1, 2)),
		"/robots.txt": send("text/plain", "User-agent: *\nDisallow: /feed.xml\nDisallow: /secret")})
	f := &Fetcher{AllowPrivate: true, Pace: -1}
	if e, err := f.Extract(t.Context(), s.URL+"/page", Options{}); err != nil || e.Kind != KindPage || len(e.Articles[0].Points) != 3 || e.Input != s.URL+"/page" {
		t.Error(e, err)
	}
	if e, err := f.Extract(t.Context(), s.URL+"/feed.xml", Options{}); err != nil || e.Kind != KindFeed || len(e.Articles) != 2 {
		t.Error(e, err)
	}
	for path, want := range map[string]string{"/secret": "robots.txt forbids it", "/missing": "answered 404 Not Found; check the address"} {
		if e, err := f.Extract(t.Context(), s.URL+path, Options{}); err == nil || !strings.Contains(err.Error(), want) || e.Input == "" {
			t.Error(e, err)
		}
	}
}

func TestASecondRequestWaitsForTheHost(t *testing.T) {
	t.Parallel()
	f := &Fetcher{}
	const gazette = "gazette.example"
	h := f.host(gazette)
	if _, err := f.enter(t.Context(), gazette, h, false); err != nil {
		t.Fatal(err)
	}
	over, stop := context.WithCancel(t.Context())
	stop()
	for range 20 { // a select picks at random among what is ready
		if _, err := f.enter(over, gazette, h, false); !errors.Is(err, context.Canceled) {
			t.Fatal("a second request got in")
		}
	}
	f.leave(gazette, h)
	if _, err := f.enter(t.Context(), gazette, h, false); err != nil {
		t.Error(err)
	}
}
