package ingest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"courant/digest"
)

// rows is a store in memory.
type rows struct {
	mu       sync.Mutex
	states   []digest.SourceState
	articles []digest.Article
	saved    chan struct{} // told after each poll that was kept; nil: nobody listens
	broken   error
	refused  error // by SavePoll alone
	claimed  map[string]bool
	held     map[string]time.Time
	pages    map[string]digest.FullPage
}

func (r *rows) SyncSources(_ context.Context, sources []digest.Source) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := len(r.states); i < len(sources); i++ {
		r.states = append(r.states, digest.SourceState{Source: sources[i]})
	}
	return r.broken
}

func (r *rows) SourceStates(context.Context) ([]digest.SourceState, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]digest.SourceState{}, r.states...), r.broken
}

func (r *rows) find(a digest.Article) int {
	for i, b := range r.articles {
		if a.Source == b.Source && (a.GUID != "" && a.GUID == b.GUID || a.Canonical == b.Canonical) {
			return i
		}
	}
	return -1
}

func (r *rows) Known(_ context.Context, _ string, articles []digest.Article) ([]bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	known := make([]bool, len(articles))
	for i, a := range articles {
		known[i] = r.find(a) >= 0
	}
	return known, r.broken
}

func (r *rows) SavePoll(_ context.Context, state digest.SourceState, articles []digest.Article) (added int, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.refused != nil {
		return 0, r.refused
	}
	for i, s := range r.states {
		if s.Source.Name == state.Source.Name {
			r.states[i] = state
		}
	}
	for _, a := range articles {
		if i := r.find(a); i < 0 {
			r.articles = append(r.articles, a)
			added++
		} else {
			r.articles[i] = a
		}
	}
	delete(r.claimed, state.Source.Name)
	if r.saved != nil {
		r.saved <- struct{}{}
	}
	return added, r.broken
}

func (r *rows) Refile(_ context.Context, under func(source string, terms []digest.Term) []string) (changed int, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range r.articles {
		a := &r.articles[i]
		if all := under(a.Source, a.Terms); all != nil && !slices.Equal(all, a.AllCategories()) {
			a.Category, a.Categories = all[0], all
			changed++
		}
	}
	return changed, r.broken
}

func (r *rows) ClaimPoll(_ context.Context, state digest.SourceState, server string, force bool) (time.Time, bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.states {
		if s.Source.Name == state.Source.Name && (force || s.LastPoll.Equal(state.LastPoll) && !r.claimed[s.Source.Name]) {
			if r.claimed == nil {
				r.claimed = map[string]bool{}
			}
			r.claimed[s.Source.Name] = true
			return r.held[server], true, r.broken
		}
	}
	return r.held[server], false, r.broken
}

func (r *rows) ReleasePoll(_ context.Context, source string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.claimed, source)
	return r.broken
}

func (r *rows) HeldServers(context.Context) (map[string]time.Time, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.held), r.broken
}

func (r *rows) HoldServers(_ context.Context, until map[string]time.Time) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.held == nil {
		r.held = map[string]time.Time{}
	}
	maps.Copy(r.held, until)
	return r.broken
}

func (r *rows) ClaimPage(_ context.Context, _, page string, now time.Time, lease time.Duration) (digest.FullPage, bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p, known := r.pages[page]
	if known && (p.Settled() || p.Again.After(now)) {
		return p, false, r.broken
	}
	if r.pages == nil {
		r.pages = map[string]digest.FullPage{}
	}
	r.pages[page] = digest.FullPage{Page: page, Tries: p.Tries + 1, Again: now.Add(lease)}
	return r.pages[page], true, r.broken
}

func (r *rows) SavePage(_ context.Context, p digest.FullPage) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.pages[p.Page] = p
	return r.broken
}

func (r *rows) OwedPages(_ context.Context, source string, since, now time.Time, most int) (owed []digest.Article, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, a := range r.articles {
		p, asked := r.pages[a.Page]
		if a.Source == source && a.Page != "" && a.FirstSeen.After(since) && (!asked || p.Settled() || !p.Again.After(now)) {
			owed = append(owed, a)
		}
	}
	slices.SortStableFunc(owed, func(a, b digest.Article) int { return b.FirstSeen.Compare(a.FirstSeen) })
	return owed[:min(len(owed), most)], r.broken
}

// site is a web server that notes what it was asked.
type site struct {
	*httptest.Server
	mu       sync.Mutex
	requests []asking
	pages    map[string]http.HandlerFunc
	now      func() time.Time // nil: nobody minds when
}

// asking is a request and its moment.
type asking struct {
	*http.Request
	at time.Time
}

func newSite(t *testing.T, pages map[string]http.HandlerFunc) *site {
	t.Helper()
	s := &site{pages: pages}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	at := time.Time{}
	if s.now != nil {
		at = s.now()
	}
	s.requests = append(s.requests, asking{r, at})
	page := s.pages[r.URL.Path]
	s.mu.Unlock()
	if page == nil {
		http.NotFound(w, r)
		return
	}
	page(w, r)
}

func (s *site) set(path string, h http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pages[path] = h
}

// asked lists what was asked for since the last time.
func (s *site) asked() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var paths []string
	for _, r := range s.requests {
		paths = append(paths, r.URL.Path)
	}
	s.requests = nil
	return paths
}

func send(contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		fmt.Fprint(w, body)
	}
}

func status(code int, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(code)
	}
}

// clock is a time that tests turn.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) turn(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// after rings at once and turns the clock by as much: whoever waits is alone.
func (c *clock) after(d time.Duration) <-chan time.Time {
	c.turn(d)
	bell := make(chan time.Time, 1)
	bell <- c.now()
	return bell
}

// room is an Ingest over a store in memory with one feed at a site.
func room(s *site) (*Ingest, *rows, *clock) {
	c := &clock{at: testNow}
	store := &rows{}
	in := &Ingest{
		Store:   store,
		Fetcher: &Fetcher{UserAgent: UserAgent("1.2", "https://news.example"), AllowPrivate: true, Now: c.now, Pace: -1},
		Sources: []digest.Source{{Name: "Gazette", Kind: digest.SourceFeed, URL: s.URL + "/feed.xml"}},
	}
	return in, store, c
}

func fetchOne(t *testing.T, in *Ingest) Result {
	t.Helper()
	results, err := in.FetchNow(t.Context())
	if err != nil || len(results) == 0 {
		t.Fatal(results, err)
	}
	return results[0]
}

// wholeFeed has items with points of their own, so that no pages are read.
func wholeFeed(items ...int) string {
	var b strings.Builder
	for _, n := range items {
		b.WriteString(rssItem(n, "<description><![CDATA[<h3>Key points</h3>"+listOf("<ul>", bridgePoints...)+"]]></description>"))
	}
	return rssHead + b.String() + "</channel></rss>"
}

func TestValidatorsAreSentBackExactly(t *testing.T) {
	t.Parallel()
	s := newSite(t, map[string]http.HandlerFunc{})
	const etag, modified = `W/"x y;gzip"`, "Mon, 2 Mar 2026 8:15:00 GMT"
	s.set("/feed.xml", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", etag)
		w.Header().Set("Last-Modified", modified)
		if r.Header.Get("If-None-Match") == etag && r.Header.Get("If-Modified-Since") == modified {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		fmt.Fprint(w, wholeFeed(1, 2))
	})
	in, store, c := room(s)
	if r := fetchOne(t, in); r.Status != StatusRead || r.Added != 2 || r.Articles != 2 {
		t.Fatalf("%+v", r)
	}
	c.turn(time.Hour)
	if r := fetchOne(t, in); r.Status != StatusUnchanged || r.Added != 0 || r.Err != nil {
		t.Fatalf("%+v", r)
	}
	if st := store.states[0]; !st.LastSuccess.Equal(c.now()) || st.Failures != 0 || st.ETag != etag {
		t.Errorf("%+v", st)
	}
}

func TestCourantIntroducesItself(t *testing.T) {
	t.Parallel()
	s := newSite(t, map[string]http.HandlerFunc{"/feed.xml": send("text/xml", wholeFeed(1))})
	in, _, _ := room(s)
	fetchOne(t, in)
	if got := s.requests[0].UserAgent(); got != "Courant/1.2 (+https://news.example)" {
		t.Errorf("%q", got)
	}
}

func TestScheduleFollowsTheServerWithinReason(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		cache, ttl string
		want       time.Duration
	}{
		"nothing is said":      {"", "", time.Hour},
		"no-cache":             {"no-cache, max-age=0", "", time.Hour},
		"five minutes":         {"public, max-age=300", "", 15 * time.Minute},
		"half an hour":         {"max-age=1800", "", 30 * time.Minute},
		"a week":               {"max-age=604800", "", 24 * time.Hour},
		"nonsense":             {"max-age=soon", "", time.Hour},
		"ttl":                  {"", "<ttl>180</ttl>", 3 * time.Hour},
		"the longer of both":   {"max-age=1800", "<ttl>120</ttl>", 2 * time.Hour},
		"a ttl of a hundredth": {"", "<ttl>1</ttl>", 15 * time.Minute},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, map[string]http.HandlerFunc{"/feed.xml": func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Cache-Control", test.cache)
				fmt.Fprint(w, strings.Replace(wholeFeed(1), "<language>", test.ttl+"<language>", 1))
			}})
			in, _, c := room(s)
			wait := fetchOne(t, in).Next.Sub(c.now())
			if wait < test.want || wait > test.want+test.want/10 {
				t.Errorf("waits %s, want %s and a little", wait, test.want)
			}
		})
	}
}

func TestBackOffDoublesFromAnHourToADay(t *testing.T) {
	t.Parallel()
	s := newSite(t, map[string]http.HandlerFunc{"/feed.xml": status(500)})
	in, store, c := room(s)
	for i, want := range []time.Duration{1, 2, 4, 8, 16, 24, 24} {
		want *= time.Hour
		r := fetchOne(t, in)
		if wait := r.Next.Sub(c.now()); r.Status != StatusFailed || wait < want || wait > want+want/10 {
			t.Errorf("failure %d: %s, waits %s, want %s", i+1, r.Status, wait, want)
		}
	}
	if want := "source Gazette: " + s.URL + "/feed.xml answered 500 Internal Server Error; Courant tries again later"; fetchOne(t, in).Err.Error() != want {
		t.Error(fetchOne(t, in).Err)
	}
	s.set("/feed.xml", send("text/xml", wholeFeed(1)))
	if r := fetchOne(t, in); r.Status != StatusRead || store.states[0].Failures != 0 || store.states[0].Error != "" {
		t.Errorf("%+v %+v", r, store.states[0])
	}
}

func TestRetryAfterHoldsTheWholeHost(t *testing.T) {
	t.Parallel()
	for name, value := range map[string]string{"seconds": "7200", "a date": testNow.Add(2 * time.Hour).Format(http.TimeFormat)} {
		for _, code := range []int{429, 503} {
			t.Run(fmt.Sprint(name, code), func(t *testing.T) {
				t.Parallel()
				s := newSite(t, map[string]http.HandlerFunc{"/feed.xml": status(code, "Retry-After", value), "/other.xml": send("text/xml", wholeFeed(7))})
				in, store, c := room(s)
				in.Sources = append(in.Sources, digest.Source{Name: "Other", Kind: digest.SourceFeed, URL: s.URL + "/other.xml"})
				results, err := in.FetchNow(t.Context())
				if err != nil || results[0].Status != StatusFailed || results[1].Status != StatusHeld {
					t.Fatal(results, err)
				}
				if got := s.asked(); len(got) != 1 {
					t.Errorf("asked %q", got)
				}
				// Another process reads it from the rows, and fetch does not override it.
				in.Fetcher = &Fetcher{AllowPrivate: true, Now: c.now, Pace: -1}
				store.states[1].NotBefore = time.Time{} // it was said to the other source only
				c.turn(time.Hour)
				if results, _ = in.FetchNow(t.Context()); results[0].Status != StatusHeld || results[1].Status != StatusHeld || len(s.asked()) != 0 {
					t.Errorf("%+v", results)
				}
				if store.states[1].Failures != 0 {
					t.Error("held counts as a failure")
				}
				c.turn(time.Hour + time.Second)
				s.set("/feed.xml", send("text/xml", wholeFeed(1)))
				if results, _ = in.FetchNow(t.Context()); results[0].Status != StatusRead || results[1].Status != StatusRead {
					t.Errorf("%+v", results)
				}
			})
		}
	}
}

func TestGoneSourcesAreNeverAskedAgain(t *testing.T) {
	t.Parallel()
	s := newSite(t, map[string]http.HandlerFunc{"/feed.xml": status(410)})
	in, store, c := room(s)
	r := fetchOne(t, in)
	if r.Status != StatusGone || !store.states[0].Gone || !r.Next.IsZero() || !strings.Contains(r.Err.Error(), "take it out of the config") {
		t.Fatalf("%+v", r)
	}
	s.asked()
	c.turn(100 * time.Hour)
	if r := fetchOne(t, in); r.Status != StatusGone || len(s.asked()) != 0 {
		t.Errorf("%+v", r)
	}
}

func TestPermanentRedirectIsStoredWhenSeenTwice(t *testing.T) {
	t.Parallel()
	s := newSite(t, map[string]http.HandlerFunc{"/feed.xml": status(301, "Location", "/new.xml"), "/new.xml": send("text/xml", wholeFeed(1))})
	in, store, _ := room(s)
	fetchOne(t, in)
	if st := store.states[0]; st.Address != "" || st.MovedTo != s.URL+"/new.xml" {
		t.Fatalf("after one: %+v", st)
	}
	s.set("/feed.xml", status(302, "Location", "/new.xml"))
	fetchOne(t, in)
	if st := store.states[0]; st.Address != "" || st.MovedTo != "" {
		t.Fatalf("a temporary one between them: %+v", st)
	}
	s.set("/feed.xml", status(308, "Location", "/new.xml"))
	fetchOne(t, in)
	fetchOne(t, in)
	if st := store.states[0]; st.Address != s.URL+"/new.xml" {
		t.Fatalf("after two: %+v", st)
	}
	s.asked()
	fetchOne(t, in)
	if got := s.asked(); len(got) != 1 || got[0] != "/new.xml" {
		t.Errorf("asked %q", got)
	}
}

func TestRedirectsEndSomewhere(t *testing.T) {
	t.Parallel()
	s := newSite(t, map[string]http.HandlerFunc{
		"/feed.xml": status(302, "Location", "/1"), "/1": status(307, "Location", "/2"), "/2": status(303, "Location", "/3"),
		"/3": status(301, "Location", "/4"), "/4": status(308, "Location", "/5"), "/5": send("text/xml", wholeFeed(1)),
	})
	in, _, _ := room(s)
	if r := fetchOne(t, in); r.Status != StatusRead {
		t.Errorf("five: %+v", r)
	}
	s.set("/5", status(302, "Location", "/feed.xml"))
	if r := fetchOne(t, in); r.Status != StatusFailed || !strings.Contains(r.Err.Error(), "redirects more than 5 times") {
		t.Errorf("a circle: %+v", r)
	}
	for _, location := range []string{"file:///etc/passwd", "gopher://x/", "javascript:alert(1)"} {
		s.set("/feed.xml", status(302, "Location", location))
		if r := fetchOne(t, in); r.Status != StatusFailed || !strings.Contains(r.Err.Error(), "no web address") {
			t.Errorf("%s: %+v", location, r)
		}
	}
}

func TestRedirectFromHTTPSToHTTPIsRefused(t *testing.T) {
	t.Parallel()
	plain := newSite(t, map[string]http.HandlerFunc{"/feed.xml": send("text/xml", wholeFeed(1))})
	secure := httptest.NewTLSServer(status(302, "Location", plain.URL+"/feed.xml"))
	t.Cleanup(secure.Close)
	in, _, _ := room(plain)
	in.Fetcher.roots = secure.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	in.Sources[0].URL = secure.URL + "/feed.xml"
	r := fetchOne(t, in)
	if r.Status != StatusFailed || !strings.Contains(r.Err.Error(), "https to http") || len(plain.asked()) != 0 {
		t.Errorf("%+v", r)
	}
}

func TestUntrustedCertificatesAreRefused(t *testing.T) {
	t.Parallel()
	secure := httptest.NewUnstartedServer(send("text/xml", wholeFeed(1)))
	secure.Config.ErrorLog = discardLog()
	secure.StartTLS()
	t.Cleanup(secure.Close)
	in, _, _ := room(newSite(t, nil))
	in.Sources[0].URL = secure.URL + "/feed.xml"
	if r := fetchOne(t, in); r.Status != StatusFailed || !strings.Contains(r.Err.Error(), "certificate is not valid") {
		t.Errorf("%+v", r)
	}
}

func TestErrorsSayWhatToDo(t *testing.T) {
	t.Parallel()
	tests := map[int]string{404: "answered 404 Not Found; check the address", 403: "ask the publisher", 401: "ask the publisher", 418: "check the address in a browser", 502: "tries again later"}
	for code, want := range tests {
		s := newSite(t, map[string]http.HandlerFunc{"/feed.xml": status(code)})
		in, store, _ := room(s)
		r := fetchOne(t, in)
		if r.Status != StatusFailed || !strings.Contains(r.Err.Error(), want) || !strings.HasPrefix(r.Err.Error(), "source Gazette: http://") || strings.Contains(r.Err.Error(), "\n") {
			t.Errorf("%d: %v", code, r.Err)
		}
		if store.states[0].Error == "" {
			t.Errorf("%d: nothing is remembered", code)
		}
	}
	s := newSite(t, nil)
	in, _, _ := room(s)
	s.Close()
	if r := fetchOne(t, in); !strings.Contains(r.Err.Error(), "cannot be reached") {
		t.Errorf("%v", r.Err)
	}
	if _, err := in.FetchNow(t.Context(), "Nobody"); err == nil || !strings.Contains(err.Error(), `no source "Nobody"`) || !strings.Contains(err.Error(), "Gazette") {
		t.Errorf("%v", err)
	}
}

func TestSlowServersAreGivenUp(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	s := newSite(t, map[string]http.HandlerFunc{"/feed.xml": func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, rssHead)
		w.(http.Flusher).Flush()
		<-release
	}})
	t.Cleanup(func() { close(release) })
	in, _, _ := room(s)
	in.Fetcher.patience = 50 * time.Millisecond
	if r := fetchOne(t, in); r.Status != StatusFailed || !strings.Contains(r.Err.Error(), "did not answer in time") {
		t.Errorf("%+v", r)
	}
}

func TestStoreTroubleIsNotTheSources(t *testing.T) {
	t.Parallel()
	s := newSite(t, map[string]http.HandlerFunc{"/feed.xml": send("text/xml", wholeFeed(1))})
	in, store, _ := room(s)
	fetchOne(t, in)
	broken := errors.New("the database is away")
	store.broken = broken
	if _, err := in.FetchNow(t.Context()); !errors.Is(err, broken) {
		t.Error(err)
	}
}
