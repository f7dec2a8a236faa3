package ingest

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"courant/digest"
)

// looked is what a look at the site's feed comes to.
func looked(t *testing.T, in *Ingest, remembered ...digest.SourceState) digest.Finding {
	t.Helper()
	in.Store = nil // a look keeps nothing
	found := in.Look(t.Context(), remembered)
	if len(found) != 1 || found[0].What != "source" || found[0].Subject != "Gazette" {
		t.Fatalf("%+v", found)
	}
	if (found[0].State == digest.FindingOK) != (found[0].Next == "") {
		t.Errorf("%s, next %q", found[0].State, found[0].Next)
	}
	return found[0]
}

// datedFeed has so many items of a day, with points or as links to pages.
func datedFeed(s *site, day time.Time, pointed bool, n int) string {
	var b strings.Builder
	for i := range n {
		text := ""
		if pointed {
			text = "<description><![CDATA[<h3>Key points</h3>" + listOf("<ul>", bridgePoints...) + "]]></description>"
		}
		fmt.Fprintf(&b, "<item><title>Story %d of the café</title><link>%s/story/%d</link><guid>%d</guid><pubDate>%s</pubDate>%s</item>", i, s.URL, i, i, day.Format(time.RFC1123Z), text)
	}
	return rssHead + b.String() + "</channel></rss>"
}

func TestLookSaysWhatASourceBringsAndWhatIsDoubtful(t *testing.T) {
	t.Parallel()
	yesterday := testNow.Add(-24 * time.Hour)
	plainPage := bridgePage("", "")
	for name, c := range map[string]struct {
		set      func(s *site)
		state    digest.FindingState
		says, do string
	}{
		"points in the feed": {func(s *site) { s.set("/feed.xml", send("text/xml", datedFeed(s, yesterday, true, 3))) },
			digest.FindingOK, "3 articles, the newest of " + yesterday.UTC().Format(time.DateOnly) + ", key points in the feed for all", ""},
		"points on the pages": {func(s *site) {
			s.set("/feed.xml", send("text/xml", datedFeed(s, yesterday, false, 12)))
			for i := range 12 {
				s.set(fmt.Sprintf("/story/%d", i), send("text/html", pointedPage))
			}
			s.set("/story/1", send("text/html", plainPage))
		}, digest.FindingOK, "12 articles, the newest of " + yesterday.UTC().Format(time.DateOnly) + ", key points on 2 of 3 pages tried", ""},
		"teasers": {func(s *site) {
			s.set("/feed.xml", send("text/xml", datedFeed(s, yesterday, false, 1)))
			s.set("/story/0", send("text/html", plainPage))
		}, digest.FindingLook, "teasers only", "courant extract"},
		"pages that forbid it": {func(s *site) {
			s.set("/feed.xml", send("text/xml", datedFeed(s, yesterday, false, 1)))
			s.set("/story/0", status(http.StatusForbidden))
		}, digest.FindingLook, "teasers only", "answered 403"},
		"nothing":  {func(s *site) { s.set("/feed.xml", send("text/xml", rssHead+"</channel></rss>")) }, digest.FindingLook, "no articles", "browser"},
		"no dates": {func(s *site) { s.set("/feed.xml", send("text/xml", wholeFeed(1, 2))) }, digest.FindingLook, "no dates", "first saw it"},
		"a dead feed": {func(s *site) {
			s.set("/feed.xml", send("text/xml", datedFeed(s, testNow.Add(-100*24*time.Hour), true, 2)))
		}, digest.FindingLook, "2 articles", "kept up"},
		"moved for good": {func(s *site) {
			s.set("/feed.xml", status(http.StatusMovedPermanently, "Location", "/new.xml"))
			s.set("/new.xml", send("text/xml", datedFeed(s, yesterday, true, 1)))
		}, digest.FindingLook, "moved for good", "/new.xml"},
		"moved for now": {func(s *site) {
			s.set("/feed.xml", status(http.StatusFound, "Location", "/new.xml"))
			s.set("/new.xml", send("text/xml", datedFeed(s, yesterday, true, 1)))
		}, digest.FindingOK, "1 article,", ""},
		"a page that names its feed": {func(s *site) {
			s.set("/feed.xml", send("text/html", `<html><head><title>Gazette</title><link rel="alternate" type="application/rss+xml" href="/real.xml"></head></html>`))
			s.set("/real.xml", send("text/xml", datedFeed(s, yesterday, true, 1)))
		}, digest.FindingLook, "put that address into the config", "courant extract"},
		"not there":  {func(s *site) {}, digest.FindingWrong, "answered 404 Not Found", "check the address"},
		"no feed":    {func(s *site) { s.set("/feed.xml", send("text/html", plainPage)) }, digest.FindingWrong, "names no feed", "give the feed's address"},
		"asks peace": {func(s *site) { s.set("/feed.xml", status(http.StatusServiceUnavailable, "Retry-After", "3600")) }, digest.FindingWrong, "answered 503", "later"},
		"gone":       {func(s *site) { s.set("/feed.xml", status(http.StatusGone)) }, digest.FindingWrong, "410", "take it out"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, map[string]http.HandlerFunc{})
			c.set(s)
			in, _, _ := room(s)
			f := looked(t, in)
			if f.State != c.state || !strings.Contains(f.Text, c.says) || !strings.Contains(f.Next, c.do) {
				t.Errorf("%+v", f)
			}
		})
	}
}

func TestLookAtPagesNeedsNoDate(t *testing.T) {
	t.Parallel()
	s := newSite(t, map[string]http.HandlerFunc{"/story": send("text/html", pointedPage), "/bare": send("text/html", bridgePage("", ""))})
	in, _, _ := room(s)
	in.Sources = []digest.Source{{Name: "Gazette", Kind: digest.SourcePage, URL: s.URL + "/story"}}
	if f := looked(t, in); f.State != digest.FindingOK || f.Text != "1 article, key points on the page" {
		t.Errorf("%+v", f)
	}
	in.Sources[0].URL = s.URL + "/bare"
	if f := looked(t, in); f.State != digest.FindingLook || !strings.Contains(f.Text, "no key points") {
		t.Errorf("%+v", f)
	}
	s.set("/robots.txt", send("text/plain", "User-agent: *\nDisallow: /\n"))
	in, _, _ = room(s)
	in.Sources = []digest.Source{{Name: "Gazette", Kind: digest.SourcePage, URL: s.URL + "/story"}}
	s.asked()
	if f := looked(t, in); f.State != digest.FindingWrong || !strings.Contains(f.Text, "robots.txt forbids it") {
		t.Errorf("%+v", f)
	}
	if got := s.asked(); !slices.Equal(got, []string{"/robots.txt"}) {
		t.Errorf("asked %q", got)
	}
}

// What a server said in an earlier poll binds a look as well.
func TestLookLeavesAloneWhoAskedForIt(t *testing.T) {
	t.Parallel()
	s := newSite(t, map[string]http.HandlerFunc{"/feed.xml": send("text/xml", wholeFeed(1))})
	in, _, c := room(s)
	if f := looked(t, in, digest.SourceState{Source: in.Sources[0], NotBefore: c.now().Add(time.Hour)}); f.State != digest.FindingLook || !strings.Contains(f.Text, "left alone until") {
		t.Errorf("%+v", f)
	}
	in, _, _ = room(s)
	if f := looked(t, in, digest.SourceState{Source: in.Sources[0], Gone: true}); f.State != digest.FindingWrong || !strings.Contains(f.Next, "out of the config") {
		t.Errorf("%+v", f)
	}
	if got := s.asked(); len(got) > 0 {
		t.Errorf("asked %q", got)
	}
	// The same name at another address is another source.
	in, _, _ = room(s)
	other := digest.SourceState{Source: digest.Source{Name: "Gazette", URL: "https://old.example/feed"}, Gone: true}
	if f := looked(t, in, other); f.Text != "1 article, no dates, key points in the feed for all" {
		t.Errorf("%+v", f)
	}
}

func TestLookEndsWithItsTime(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	held := make(chan struct{})
	s := newSite(t, map[string]http.HandlerFunc{"/feed.xml": func(http.ResponseWriter, *http.Request) {
		stop()
		<-held
	}})
	defer close(held)
	in, _, _ := room(s)
	f := in.Look(ctx, nil)
	if len(f) != 1 || f[0].State != digest.FindingLook || !strings.Contains(f[0].Next, `courant fetch "Gazette"`) {
		t.Errorf("%+v", f)
	}
}

// newsroom is one host with so many category feeds and a page; each feed's
// items need their pages read.
func newsroom(t *testing.T, feeds int) (*site, *Ingest) {
	t.Helper()
	s := newSite(t, map[string]http.HandlerFunc{"/story": send("text/html", pointedPage)})
	in, _, _ := room(s)
	in.Store, in.Sources = nil, nil
	for i := range feeds {
		name := string(rune('a' + i))
		var b strings.Builder
		for n := range 4 {
			path := fmt.Sprintf("/%s%d.html", name, n)
			fmt.Fprintf(&b, "<item><title>Story %d of the café</title><link>%s%s</link><guid>%s</guid><pubDate>%s</pubDate></item>", n, s.URL, path, path, testNow.Add(-time.Hour).Format(time.RFC1123Z))
			s.set(path, send("text/html", pointedPage))
		}
		s.set("/"+name+".xml", send("text/xml", rssHead+b.String()+"</channel></rss>"))
		in.Sources = append(in.Sources, digest.Source{Name: name, Kind: digest.SourceFeed, URL: s.URL + "/" + name + ".xml"})
	}
	in.Sources = append(in.Sources, digest.Source{Name: "page", Kind: digest.SourcePage, URL: s.URL + "/story"})
	return s, in
}

func TestLookReadsAllSourcesOfAHostBeforeAnyOfTheirPages(t *testing.T) {
	t.Parallel()
	s, in := newsroom(t, 6)
	in.Fetcher.Pace = time.Hour // owed to others, not to this machine
	for _, f := range in.Look(t.Context(), nil) {
		if want := "key points on 3 of 3 pages tried"; f.State != digest.FindingOK || f.Subject != "page" && !strings.HasSuffix(f.Text, want) {
			t.Errorf("%+v", f)
		}
	}
	want := []string{"/a.xml", "/b.xml", "/c.xml", "/d.xml", "/e.xml", "/f.xml", "/robots.txt", "/story"}
	for n := range 3 {
		for _, name := range strings.Split("abcdef", "") {
			want = append(want, fmt.Sprintf("/%s%d.html", name, n))
		}
	}
	if got := s.asked(); !slices.Equal(got, want) {
		t.Errorf("asked\n%q\nwant\n%q", got, want)
	}
}

// Who hangs takes half of the time, not all of it, and nobody is blamed for
// what our own time did not allow.
func TestLookAtAHostThatHangsStillReadsTheOthers(t *testing.T) {
	t.Parallel()
	s, in := newsroom(t, 3)
	held := make(chan struct{})
	hang := func(http.ResponseWriter, *http.Request) { <-held }
	for _, path := range []string{"/a.xml", "/b0.html", "/b1.html", "/b2.html", "/c0.html", "/c1.html", "/c2.html"} {
		s.set(path, hang)
	}
	defer close(held)
	ctx, stop := context.WithTimeout(t.Context(), 8*time.Second)
	defer stop()
	found := in.Look(ctx, nil)
	if f := found[0]; f.State != digest.FindingLook || f.Text != "was not read in the time there was" {
		t.Errorf("%+v", f)
	}
	for _, f := range found[1:3] {
		if f.State != digest.FindingOK || !strings.HasSuffix(f.Text, "no page tried in the time there was") {
			t.Errorf("%+v", f)
		}
	}
	if f := found[3]; f.State != digest.FindingOK {
		t.Errorf("%+v", f)
	}
}

// A turn that comes after the end is not waited for, and no fault.
func TestLookWaitsForNoTurnThatComesTooLate(t *testing.T) {
	t.Parallel()
	s, in := newsroom(t, 2)
	elsewhere(s, in, "http://wire.example")
	in.Fetcher.Pace = time.Hour
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	for _, f := range in.Look(ctx, nil) {
		if f.State != digest.FindingOK || f.Subject != "page" && !strings.HasSuffix(f.Text, ", no page tried in the time there was") {
			t.Errorf("%+v", f)
		}
	}
	if ctx.Err() != nil {
		t.Error("it waited")
	}
	if got := s.asked(); !slices.Equal(got, []string{"/a.xml", "/b.xml", "/robots.txt", "/story"}) {
		t.Errorf("asked %q", got)
	}
}

// elsewhere gives the site another address, which is not of this machine.
func elsewhere(s *site, in *Ingest, address string) {
	in.Fetcher.setUp()
	in.Fetcher.open = &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, s.Listener.Addr().String())
	}}
	s.mu.Lock()
	defer s.mu.Unlock()
	for path, page := range s.pages {
		s.pages[path] = func(w http.ResponseWriter, r *http.Request) {
			var told bytes.Buffer
			page(&rewritten{w, &told}, r)
			_, _ = w.Write(bytes.ReplaceAll(told.Bytes(), []byte(s.URL), []byte(address))) // a client that went away wants nothing
		}
	}
	for i := range in.Sources {
		in.Sources[i].URL = strings.Replace(in.Sources[i].URL, s.URL, address, 1)
	}
}

// rewritten keeps a page back.
type rewritten struct {
	http.ResponseWriter
	body *bytes.Buffer
}

func (r *rewritten) Write(b []byte) (int, error) { return r.body.Write(b) }

func TestThisMachineIsKnownByNameAndAddress(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]bool{
		"localhost": true, "LocalHost.": true, "feeds.localhost": true, "127.0.0.1": true, "127.8.8.8": true, "::1": true, "::ffff:127.0.0.1": true,
		"localhost.example.com": false, "example.com": false, "10.0.0.1": false, "128.0.0.1": false, "": false, "notlocalhost": false,
	} {
		if got := thisMachine(host); got != want {
			t.Errorf("%q: %v", host, got)
		}
	}
}

func TestLookAddsWhatTheRowsKnow(t *testing.T) {
	t.Parallel()
	s := newSite(t, map[string]http.HandlerFunc{"/feed.xml": send("text/xml", wholeFeed(1, 2))})
	in, _, _ := room(s)
	silent := digest.SourceState{Source: in.Sources[0], FirstPoll: testNow.AddDate(0, -1, 0), LastPoll: testNow, LastSuccess: testNow, Newest: testNow.AddDate(0, 0, -9)}
	f := in.Look(t.Context(), []digest.SourceState{silent})[0]
	if f.State != digest.FindingLook || !strings.Contains(f.Text, "silent, no new article for 9 days") || !strings.Contains(f.Next, "courant sources") {
		t.Errorf("%+v", f)
	}
	s.set("/feed.xml", status(500))
	dead := digest.SourceState{Source: in.Sources[0], LastPoll: testNow, Failures: 9, FailingSince: testNow.AddDate(0, 0, -8)}
	if f = in.Look(t.Context(), []digest.SourceState{dead})[0]; f.State != digest.FindingWrong || !strings.Contains(f.Text, "dead, not read for 8 days") {
		t.Errorf("%+v", f)
	}
	// A source that answers again is no longer dead, whatever the rows say.
	s.set("/feed.xml", send("text/xml", wholeFeed(1, 2)))
	if f = in.Look(t.Context(), []digest.SourceState{dead})[0]; strings.Contains(f.Text, "dead") {
		t.Errorf("%+v", f)
	}
}
