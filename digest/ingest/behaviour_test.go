package ingest

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"courant/digest"
)

// behaviour is a server that behaves as a scenario says, and an Ingest that
// meets it, by a clock that goes on only where somebody waits for it. What
// was asked, and when, is the test.
type behaviour struct {
	*site
	t     *testing.T
	in    *Ingest
	store *rows
	clock *clock
	rota  *rota
}

func newBehaviour(t *testing.T) *behaviour {
	s := newSite(t, map[string]http.HandlerFunc{"/robots.txt": status(404)})
	b := &behaviour{site: s, t: t}
	b.in, b.store, b.clock = room(s)
	s.now = b.clock.now
	b.restart()
	return b
}

// restart is another process, which knows what the rows know.
func (b *behaviour) restart() {
	in := &Ingest{Store: b.store, Sources: b.in.Sources}
	in.Fetcher = &Fetcher{UserAgent: UserAgent("1.2", "https://news.example"), AllowPrivate: true, Now: b.clock.now, After: b.clock.after}
	b.in, b.rota = in, &rota{in: in, asking: map[string]bool{}, ended: make(chan turn)}
}

// tick polls what is due now, as Run does.
func (b *behaviour) tick() {
	b.rota.stale, b.rota.quiet = true, time.Time{}
	b.rota.begin(b.t.Context())
	for len(b.rota.asking) > 0 {
		b.rota.end(<-b.rota.ended)
	}
}

// through ticks every five minutes for so long, which is how the clock of a
// scenario goes on for hours.
func (b *behaviour) through(d time.Duration) {
	for end := b.clock.now().Add(d); b.clock.now().Before(end); b.clock.turn(5 * time.Minute) {
		b.tick()
	}
}

// poll is an operator's "courant fetch".
func (b *behaviour) poll() Result { return fetchOne(b.t, b.in) }

func (b *behaviour) feed(items string, header ...string) {
	b.set("/feed.xml", func(w http.ResponseWriter, r *http.Request) {
		status(200, header...)(w, r)
		fmt.Fprint(w, items)
	})
}

// saw holds what was asked since the last time against what was to be asked:
// "+1s GET /path", the time since the scenario began, with the validators.
func (b *behaviour) saw(want ...string) {
	b.t.Helper()
	if got := b.log(); !slices.Equal(got, want) {
		b.t.Errorf("asked\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

func (b *behaviour) log() (lines []string) {
	b.site.mu.Lock()
	defer b.site.mu.Unlock()
	for _, r := range b.requests {
		line := fmt.Sprintf("+%s %s %s", r.at.Sub(testNow).Round(time.Second), r.Method, r.URL)
		for _, name := range []string{"If-None-Match", "If-Modified-Since"} {
			if v := r.Header.Get(name); v != "" {
				line += fmt.Sprintf(" %s: %s", name, v)
			}
		}
		lines = append(lines, line)
	}
	b.requests = nil
	return lines
}

// hours are the hours, counted from the scenario's beginning and rounded
// down, in which a path was asked for since the last time.
func (b *behaviour) hours(path string) (hours []int) {
	b.site.mu.Lock()
	defer b.site.mu.Unlock()
	for _, r := range b.requests {
		if r.URL.Path == path {
			hours = append(hours, int(r.at.Sub(testNow).Hours()))
		}
	}
	b.requests = nil
	return hours
}

func (b *behaviour) sawIn(hours ...int) {
	b.t.Helper()
	if got := b.hours("/feed.xml"); !slices.Equal(got, hours) {
		b.t.Errorf("the feed was asked for in the hours %d, want %d", got, hours)
	}
}

func (b *behaviour) fails(part string) {
	b.t.Helper()
	if r := b.poll(); r.Status != StatusFailed || !strings.Contains(r.Err.Error(), part) {
		b.t.Errorf("%+v, want an error with %q", r, part)
	}
}

func (b *behaviour) reads() Result {
	b.t.Helper()
	r := b.poll()
	if r.Status != StatusRead {
		b.t.Errorf("%+v", r)
	}
	return r
}

func packed(pack func(io.Writer) io.WriteCloser, text string) string {
	var out bytes.Buffer
	w := pack(&out)
	fmt.Fprint(w, text)
	w.Close()
	return out.String()
}

func gzipped(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) }
func zlibbed(w io.Writer) io.WriteCloser { return zlib.NewWriter(w) }
func flated(w io.Writer) io.WriteCloser {
	z, _ := flate.NewWriter(w, flate.BestSpeed)
	return z
}

// conditional answers 304 to whoever sends the validators back exactly.
func conditional(etag, modified, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header()["ETag"], w.Header()["Last-Modified"] = []string{etag}, []string{modified}
		if r.Header.Get("If-None-Match") == etag && r.Header.Get("If-Modified-Since") == modified {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		fmt.Fprint(w, body)
	}
}

const dayOld = "Sun, 01 Mar 2026 08:15:00 GMT"

// scenarios are the rules of asking, each with a server that puts it to the
// test.
var scenarios = map[string]func(b *behaviour){
	"a first poll asks plainly": func(b *behaviour) {
		b.feed(wholeFeed(1))
		b.reads()
		r := b.requests[0]
		b.saw("+0s GET /feed.xml")
		for _, name := range []string{"Cookie", "Referer", "Authorization", "Range"} {
			if r.Header.Get(name) != "" {
				b.t.Errorf("%s: %s", name, r.Header.Get(name))
			}
		}
		if r.UserAgent() != "Courant/1.2 (+https://news.example)" || r.Header.Get("Accept-Encoding") != "gzip" || !strings.Contains(r.Header.Get("Accept"), "rss+xml") {
			b.t.Errorf("%v", r.Header)
		}
	},
	"a weak validator goes back exactly": func(b *behaviour) {
		b.set("/feed.xml", conditional(`W/"a b;gzip"`, dayOld, wholeFeed(1)))
		b.reads()
		if r := b.poll(); r.Status != StatusUnchanged {
			b.t.Errorf("%+v", r)
		}
		b.saw("+0s GET /feed.xml", `+0s GET /feed.xml If-None-Match: W/"a b;gzip" If-Modified-Since: `+dayOld)
	},
	"validators of no known form go back exactly": func(b *behaviour) {
		b.set("/feed.xml", conditional(`bare'tag"é`, "yesterday, 8 o'clock", wholeFeed(1)))
		b.reads()
		b.restart() // by way of the rows
		b.poll()
		b.saw("+0s GET /feed.xml", `+0s GET /feed.xml If-None-Match: bare'tag"é If-Modified-Since: yesterday, 8 o'clock`)
	},
	"a validator that cannot be kept exactly is not sent": func(b *behaviour) {
		b.feed(wholeFeed(1), "ETag", "\"caf\xe9\"")
		b.reads()
		b.reads()
		b.saw("+0s GET /feed.xml", "+0s GET /feed.xml")
	},
	"a 304 may bring a new validator": func(b *behaviour) {
		b.feed(wholeFeed(1), "ETag", `"1"`)
		b.reads()
		b.set("/feed.xml", status(304, "ETag", `"2"`))
		b.poll()
		b.poll()
		b.saw("+0s GET /feed.xml", `+0s GET /feed.xml If-None-Match: "1"`, `+0s GET /feed.xml If-None-Match: "2"`)
	},
	"a 200 without validators ends the old ones": func(b *behaviour) {
		b.feed(wholeFeed(1), "ETag", `"1"`)
		b.reads()
		b.feed(wholeFeed(1, 2))
		b.reads()
		b.reads()
		b.saw("+0s GET /feed.xml", `+0s GET /feed.xml If-None-Match: "1"`, "+0s GET /feed.xml")
	},
	"validators go to the address that gave them, and to none that leads there": func(b *behaviour) {
		b.set("/feed.xml", status(302, "Location", "/a.xml"))
		b.set("/a.xml", conditional(`"1"`, dayOld, wholeFeed(1)))
		b.reads()
		b.restart() // by way of the rows
		if r := b.poll(); r.Status != StatusUnchanged {
			b.t.Errorf("%+v", r)
		}
		b.saw("+0s GET /feed.xml", "+0s GET /a.xml", "+0s GET /feed.xml", `+0s GET /a.xml If-None-Match: "1" If-Modified-Since: `+dayOld)
	},
	"a redirect that leads elsewhere by now gets no validators": func(b *behaviour) {
		b.set("/feed.xml", status(302, "Location", "/a.xml"))
		b.set("/a.xml", conditional(`"1"`, dayOld, wholeFeed(1)))
		b.reads()
		b.set("/feed.xml", status(302, "Location", "/b.xml"))
		b.set("/b.xml", conditional(`"1"`, dayOld, wholeFeed(2))) // of the same version, as many count from one
		if r := b.reads(); r.Added != 1 {
			b.t.Errorf("%+v", r)
		}
		b.poll()
		b.saw("+0s GET /feed.xml", "+0s GET /a.xml", "+0s GET /feed.xml", "+0s GET /b.xml",
			"+0s GET /feed.xml", `+0s GET /b.xml If-None-Match: "1" If-Modified-Since: `+dayOld)
	},
	"a redirect that has ended gets no validators": func(b *behaviour) {
		b.set("/feed.xml", status(307, "Location", "/a.xml"))
		b.set("/a.xml", conditional(`"1"`, dayOld, wholeFeed(1)))
		b.reads()
		b.set("/feed.xml", conditional(`"1"`, dayOld, wholeFeed(2)))
		if r := b.reads(); r.Added != 1 {
			b.t.Errorf("%+v", r)
		}
		b.saw("+0s GET /feed.xml", "+0s GET /a.xml", "+0s GET /feed.xml")
	},
	"an address that is taken over keeps its validators": func(b *behaviour) {
		b.set("/feed.xml", status(301, "Location", "/a.xml"))
		b.set("/a.xml", conditional(`"1"`, dayOld, wholeFeed(1)))
		b.reads()
		b.poll()
		b.log()
		b.poll()
		b.saw(`+0s GET /a.xml If-None-Match: "1" If-Modified-Since: ` + dayOld)
	},
	"a feed of too many items is not called damaged, and says how many were taken": func(b *behaviour) {
		var items strings.Builder
		for n := range 1200 {
			items.WriteString(rssItem(n, "<description>"+strings.Repeat("x ", 500)+"</description>"))
		}
		feed := rssHead + items.String() + "</channel></rss>"
		e, err := Extract("feed", []byte(feed), Options{})
		if want := []string{"the feed has 1200 items; the first 1000 were taken"}; err != nil || len(e.Articles) != 1000 || !slices.Equal(e.Warnings, want) {
			b.t.Errorf("%d articles, warnings %q, %v", len(e.Articles), e.Warnings, err)
		}
		// What is cut off behind the last item that is taken is nobody's loss.
		e, err = Extract("feed", []byte(feed[:len(feed)-400]), Options{})
		if err != nil || len(e.Articles) != 1000 || !strings.Contains(e.Warnings[0], "the first 1000 were taken") {
			b.t.Errorf("cut off: %d articles, warnings %q, %v", len(e.Articles), e.Warnings, err)
		}
	},
	"a bomb's message names the cap": func(b *behaviour) {
		b.feed(packed(gzipped, wholeFeed(1)[:200]+strings.Repeat(" ", 11<<20)), "Content-Encoding", "gzip")
		r := b.poll()
		if said := fmt.Sprint(r.Warnings, r.Err); !strings.Contains(said, "the document has more than 10 MB when it is unpacked") {
			b.t.Error(said)
		}
		b.feed(packed(gzipped, strings.TrimSuffix(wholeFeed(1), "</channel></rss>")+strings.Repeat(" ", 11<<20)), "Content-Encoding", "gzip")
		if r := b.reads(); !strings.Contains(fmt.Sprint(r.Warnings), "more than 10 MB when it is unpacked; the rest was not read") {
			b.t.Errorf("%q", r.Warnings)
		}
	},
	"a 304 to who knows nothing is a failure": func(b *behaviour) {
		b.set("/feed.xml", status(304))
		b.fails("304 Not Modified although nothing was known")
	},
	"half a document leaves no validator": func(b *behaviour) {
		whole := wholeFeed(1, 2)
		b.set("/feed.xml", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("ETag", `"1"`)
			w.Header().Set("Content-Length", fmt.Sprint(len(whole)))
			fmt.Fprint(w, whole[:len(whole)-40])
		})
		if r := b.reads(); r.Added != 1 || len(r.Warnings) == 0 {
			b.t.Errorf("%+v", r)
		}
		b.feed(whole, "ETag", `"1"`)
		if r := b.reads(); r.Added != 1 {
			b.t.Errorf("%+v", r)
		}
		b.saw("+0s GET /feed.xml", "+0s GET /feed.xml")
	},
	"who says nothing is asked hourly": func(b *behaviour) {
		b.feed(wholeFeed(1))
		b.through(4 * time.Hour)
		b.sawIn(0, 1, 2, 3)
	},
	"max-age of a day is a day": func(b *behaviour) {
		b.feed(wholeFeed(1), "Cache-Control", "public, max-age=86400")
		b.through(50 * time.Hour)
		b.sawIn(0, 24, 48)
	},
	"a feed's ttl outlives the 304": func(b *behaviour) {
		b.set("/feed.xml", conditional(`"1"`, dayOld, strings.Replace(wholeFeed(1), "<language>", "<ttl>180</ttl><language>", 1)))
		b.through(10 * time.Hour)
		b.sawIn(0, 3, 6, 9)
	},
	"the syndication module's period counts": func(b *behaviour) {
		b.feed(strings.Replace(wholeFeed(1), "<language>", "<sy:updatePeriod> daily </sy:updatePeriod><sy:updateFrequency>6</sy:updateFrequency><language>", 1))
		b.through(9 * time.Hour)
		b.sawIn(0, 4, 8)
	},
	"failures are asked after one hour, two, four, eight, sixteen, and a day": func(b *behaviour) {
		b.set("/feed.xml", status(500))
		b.through(85 * time.Hour)
		b.sawIn(0, 1, 3, 7, 16, 33, 57, 81) // with up to a tenth more, but for the day
	},
	"Retry-After in seconds binds the whole server": func(b *behaviour) { b.retryAfter("7200", 2) },
	"Retry-After as a date binds the whole server": func(b *behaviour) {
		b.retryAfter(testNow.Add(3*time.Hour).Format(http.TimeFormat), 3)
	},
	"a Retry-After beyond reason is believed for a month": func(b *behaviour) { b.retryAfter("99999999999999999999999", 720) },
	"a Retry-After in the past is none": func(b *behaviour) {
		b.set("/feed.xml", status(503, "Retry-After", testNow.Add(-time.Hour).Format(http.TimeFormat)))
		b.poll()
		b.fails("answered 503")
		b.saw("+0s GET /feed.xml", "+0s GET /feed.xml")
	},
	"a Retry-After that makes no sense is none": func(b *behaviour) {
		for _, value := range []string{"-5", "soon", "0", ""} {
			b.set("/feed.xml", status(429, "Retry-After", value))
			b.fails("answered 429")
		}
		if got := len(b.log()); got != 4 {
			b.t.Errorf("asked %d times", got)
		}
	},
	"what a server says of a page binds its feeds, in another process too": func(b *behaviour) {
		b.set("/story/1", status(429, "Retry-After", "7200"))
		b.feed(linkedFeed(b.site, 1, 2))
		b.reads()
		b.saw("+0s GET /feed.xml", "+0s GET /robots.txt", "+1s GET /story/1")
		b.restart()
		b.clock.turn(time.Hour)
		if r := b.poll(); r.Status != StatusHeld {
			b.t.Errorf("%+v", r)
		}
		b.saw()
		b.pages(3)
		b.clock.turn(time.Hour)
		b.poll()
		b.saw("+2h0m1s GET /feed.xml", "+2h0m1s GET /robots.txt", "+2h0m2s GET /story/0", "+2h0m3s GET /story/1", "+2h0m4s GET /story/2")
	},
	"410 is the end": func(b *behaviour) {
		b.set("/feed.xml", status(410))
		b.through(80 * time.Hour)
		b.poll()
		b.sawIn(0)
	},
	"410 behind a redirect ends nothing": func(b *behaviour) {
		b.set("/feed.xml", status(302, "Location", "/gone.xml"))
		b.set("/gone.xml", status(410))
		b.fails("/gone.xml, which is gone for good")
		b.feed(wholeFeed(1))
		b.reads()
	},
	"410 of the feed that a page names ends nothing": func(b *behaviour) {
		b.feed(`<html><head><link rel="alternate" type="application/rss+xml" href="/gone.xml"></head><body>x</body></html>`, "Content-Type", "text/html")
		b.set("/gone.xml", status(410))
		b.fails("its feed " + b.URL + "/gone.xml is gone for good")
		b.feed(wholeFeed(1))
		b.reads()
	},
	"410 of an address that was moved to gives it up": func(b *behaviour) {
		b.set("/feed.xml", status(301, "Location", "/new.xml"))
		b.set("/new.xml", send("text/xml", wholeFeed(1)))
		b.reads()
		b.reads()
		b.set("/new.xml", status(410))
		b.feed(wholeFeed(1, 2))
		b.log()
		b.fails("/new.xml, which is gone for good")
		b.reads()
		b.saw("+0s GET /new.xml", "+0s GET /feed.xml")
	},
	"301 is followed, and stored when seen twice": func(b *behaviour) { b.moves(301, true) },
	"308 is followed, and stored when seen twice": func(b *behaviour) { b.moves(308, true) },
	"302 is followed and never stored":            func(b *behaviour) { b.moves(302, false) },
	"303 is followed and never stored":            func(b *behaviour) { b.moves(303, false) },
	"307 is followed and never stored":            func(b *behaviour) { b.moves(307, false) },
	"300 is not followed": func(b *behaviour) {
		b.set("/feed.xml", status(300, "Location", "/new.xml"))
		b.fails("answered 300")
		b.saw("+0s GET /feed.xml")
	},
	"what comes behind a temporary redirect is not permanent": func(b *behaviour) {
		b.set("/feed.xml", status(301, "Location", "/a"))
		b.set("/a", status(302, "Location", "/b"))
		b.set("/b", status(301, "Location", "/c"))
		b.set("/c", send("text/xml", wholeFeed(1)))
		b.reads()
		b.reads()
		b.log()
		b.reads()
		b.saw("+0s GET /a", "+0s GET /b", "+0s GET /c")
	},
	"an address that was moved to and dies is given up for the config's": func(b *behaviour) {
		b.set("/feed.xml", status(301, "Location", "/new.xml"))
		b.set("/new.xml", send("text/xml", wholeFeed(1)))
		b.reads()
		b.reads()
		b.set("/new.xml", status(404))
		b.set("/feed.xml", send("text/xml", wholeFeed(1)))
		b.log()
		for range 3 {
			b.fails("/new.xml answered 404")
		}
		b.reads()
		b.saw("+0s GET /new.xml", "+0s GET /new.xml", "+0s GET /new.xml", "+0s GET /feed.xml")
	},
	"the sixth redirect is not followed": func(b *behaviour) {
		b.set("/feed.xml", status(302, "Location", "/feed.xml"))
		b.fails("redirects more than 5 times")
		b.saw(slices.Repeat([]string{"+0s GET /feed.xml"}, 6)...)
	},
	"pages come one a second": func(b *behaviour) {
		b.pages(3)
		b.reads()
		b.saw("+0s GET /feed.xml", "+0s GET /robots.txt", "+1s GET /story/0", "+2s GET /story/1", "+3s GET /story/2")
	},
	"a Crawl-delay is heeded": func(b *behaviour) {
		b.pages(2)
		b.set("/robots.txt", send("text/plain", "User-agent: *\nCrawl-delay: 7\nDisallow: /private"))
		b.reads()
		b.saw("+0s GET /feed.xml", "+0s GET /robots.txt", "+7s GET /story/0", "+14s GET /story/1")
	},
	"a Crawl-delay beyond reason is half a minute, and a poll ends in time": func(b *behaviour) {
		b.pages(9)
		b.set("/robots.txt", send("text/plain", "User-agent: courant\nCrawl-delay: 86400"))
		b.reads()
		if got := b.log(); len(got) != 9 || got[2] != "+30s GET /story/0" || got[8] != "+3m30s GET /story/6" {
			b.t.Errorf("asked %q", got)
		}
	},
	"what is too much for one poll comes with the next, be it a 304": func(b *behaviour) {
		b.pages(45)
		feed := b.site.pages["/feed.xml"]
		b.set("/feed.xml", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("ETag", `"1"`)
			if r.Header.Get("If-None-Match") != "" {
				w.WriteHeader(304)
				return
			}
			feed(w, r)
		})
		if r := b.reads(); r.Added != 45 || len(b.log()) != 22 { // the feed, robots.txt and twenty pages
			b.t.Errorf("%+v", r)
		}
		b.poll()
		if got := b.log(); len(got) != 21 || !strings.HasSuffix(got[1], "/story/20") || !strings.HasSuffix(got[20], "/story/39") {
			b.t.Errorf("asked %q", got)
		}
		b.poll()
		if got := b.log(); len(got) != 6 {
			b.t.Errorf("asked %q", got)
		}
		b.poll()
		if got := b.log(); len(got) != 1 {
			b.t.Errorf("asked %q", got)
		}
		for _, a := range b.store.articles {
			if a.PointsFrom != digest.PointsPage || a.Page != "" {
				b.t.Errorf("%s has points from %s", a.URL, a.PointsFrom)
			}
		}
	},
	"a page without points is not asked for again": func(b *behaviour) {
		b.set("/story/1", send("text/html", bridgePage("", "")))
		b.feed(linkedFeed(b.site, 1))
		b.through(6 * time.Hour)
		if got := b.hours("/story/1"); len(got) != 1 {
			b.t.Errorf("asked in the hours %d", got)
		}
	},
	"a page that was read is not asked for again after a crash": func(b *behaviour) {
		b.pages(2)
		b.store.refused = errors.New("the disk is full")
		if _, err := b.in.FetchNow(b.t.Context()); !errors.Is(err, b.store.refused) {
			b.t.Error(err)
		}
		b.log()
		b.store.refused = nil
		b.restart()
		if r := b.reads(); r.Added != 2 || b.store.articles[1].PointsFrom != digest.PointsPage {
			b.t.Errorf("%+v %+v", r, b.store.articles)
		}
		b.saw("+2s GET /feed.xml")
	},
	"a page is not asked for again under another source's name": func(b *behaviour) {
		b.pages(2)
		b.reads()
		b.log()
		b.in.Sources = append(b.in.Sources, digest.Source{Name: "Again", Kind: digest.SourceFeed, URL: b.URL + "/feed.xml?again"})
		if results, err := b.in.FetchNow(b.t.Context(), "Again"); err != nil || results[0].Added != 2 {
			b.t.Fatal(results, err)
		}
		b.saw("+2s GET /feed.xml?again")
		if a := b.store.articles[3]; a.Source != "Again" || a.PointsFrom != digest.PointsPage {
			b.t.Errorf("%+v", a)
		}
	},
	"a missing page is asked for five times, ever more seldom": func(b *behaviour) {
		b.feed(linkedFeed(b.site, 1))
		b.through(80 * time.Hour)
		if got := b.hours("/story/1"); len(got) != 5 || got[1]-got[0] > 2 || got[4]-got[3] < 8 || got[4] > 30 {
			b.t.Errorf("asked in the hours %d", got)
		}
		if a := b.store.articles[0]; a.Page != "" {
			b.t.Errorf("still waits for %s", a.Page)
		}
	},
	"a page that is gone is asked for once": func(b *behaviour) {
		b.set("/story/1", status(410))
		b.feed(linkedFeed(b.site, 1))
		b.through(30 * time.Hour)
		if got := b.hours("/story/1"); len(got) != 1 {
			b.t.Errorf("asked in the hours %d", got)
		}
	},
	"a page that comes late is read": func(b *behaviour) {
		b.set("/story/1", status(404))
		b.feed(linkedFeed(b.site, 1))
		b.tick()
		b.set("/story/1", send("text/html", pointedPage))
		b.through(3 * time.Hour)
		if a := b.store.articles[0]; a.PointsFrom != digest.PointsPage {
			b.t.Errorf("%+v", a)
		}
	},
	"after a 429 no further page is asked for": func(b *behaviour) {
		b.pages(3)
		b.set("/story/0", status(429))
		b.reads()
		b.saw("+0s GET /feed.xml", "+0s GET /robots.txt", "+1s GET /story/0")
	},
	"items with points of their own need no page": func(b *behaviour) {
		b.feed(wholeFeed(1, 2, 3))
		b.reads()
		b.saw("+0s GET /feed.xml")
	},
	"items too old for any digest need no page": func(b *behaviour) {
		b.feed(strings.Replace(linkedFeed(b.site, 1), "<guid>", "<pubDate>Mon, 05 Jan 2026 08:15:00 GMT</pubDate><guid>", 1))
		b.reads()
		b.saw("+0s GET /feed.xml")
	},
	"robots.txt is asked for once a day": func(b *behaviour) {
		for hour := range 30 {
			b.set(fmt.Sprint("/story/", hour), send("text/html", pointedPage))
			b.feed(linkedFeed(b.site, hour))
			b.poll()
			b.clock.turn(time.Hour)
		}
		if got := b.hours("/robots.txt"); !slices.Equal(got, []int{0, 24}) {
			b.t.Errorf("asked in the hours %d", got)
		}
	},
	"robots.txt forbids a page and no feed": func(b *behaviour) {
		b.pages(2)
		b.set("/robots.txt", send("text/plain", "User-agent: Courant\nDisallow: /"))
		b.reads()
		b.saw("+0s GET /feed.xml", "+0s GET /robots.txt")
	},
	"robots.txt that fails forbids for now": func(b *behaviour) {
		b.pages(2)
		b.set("/robots.txt", status(503))
		b.reads()
		b.saw("+0s GET /feed.xml", "+0s GET /robots.txt")
		b.set("/robots.txt", status(404))
		b.clock.turn(2 * time.Hour)
		b.reads()
		b.saw("+2h0m0s GET /feed.xml", "+2h0m0s GET /robots.txt", "+2h0m1s GET /story/0", "+2h0m2s GET /story/1")
	},
	"robots.txt elsewhere on the server is obeyed": func(b *behaviour) {
		b.pages(1)
		b.set("/robots.txt", status(301, "Location", "/rules"))
		b.set("/rules", send("text/plain", "User-agent: *\nDisallow: /story"))
		b.reads()
		b.saw("+0s GET /feed.xml", "+0s GET /robots.txt", "+0s GET /rules")
	},
	"no redirect leads a page round robots.txt": func(b *behaviour) {
		b.pages(1)
		b.set("/story/0", status(302, "Location", "/private/0"))
		b.set("/private/0", send("text/html", pointedPage))
		b.set("/robots.txt", send("text/plain", "User-agent: *\nDisallow: /private"))
		b.reads()
		b.saw("+0s GET /feed.xml", "+0s GET /robots.txt", "+1s GET /story/0")
	},
	"a page source obeys robots.txt": func(b *behaviour) {
		b.in.Sources[0].Kind = digest.SourcePage
		b.set("/robots.txt", send("text/plain", "User-agent: *\nDisallow: /feed.xml"))
		b.fails("robots.txt forbids it")
		b.saw("+0s GET /robots.txt")
	},
	"two sources that link one page ask once": func(b *behaviour) {
		b.pages(1)
		b.set("/other.xml", send("text/xml", linkedFeed(b.site, 0)))
		b.in.Sources = append(b.in.Sources, digest.Source{Name: "Other", Kind: digest.SourceFeed, URL: b.URL + "/other.xml"})
		b.tick()
		b.saw("+0s GET /feed.xml", "+0s GET /robots.txt", "+1s GET /story/0", "+1s GET /other.xml")
		for _, a := range b.store.articles {
			if a.PointsFrom != digest.PointsPage {
				b.t.Errorf("%+v", a)
			}
		}
	},
	"two sources that link a missing page ask once": func(b *behaviour) {
		b.feed(linkedFeed(b.site, 0))
		b.set("/other.xml", send("text/xml", linkedFeed(b.site, 0)))
		b.in.Sources = append(b.in.Sources, digest.Source{Name: "Other", Kind: digest.SourceFeed, URL: b.URL + "/other.xml"})
		b.tick()
		b.tick()
		b.saw("+0s GET /feed.xml", "+0s GET /robots.txt", "+1s GET /story/0", "+1s GET /other.xml")
	},
	"two processes ask once": func(b *behaviour) {
		b.feed(wholeFeed(1))
		b.tick()
		states := slices.Clone(b.rota.states)
		b.clock.turn(2 * time.Hour)
		b.tick()
		b.restart() // it read the rows before that poll
		b.rota.states, b.rota.readAt = states, time.Now()
		b.rota.states[0].LastPoll, b.rota.states[0].NextPoll = testNow, time.Time{}
		b.rota.begin(b.t.Context())
		b.rota.end(<-b.rota.ended)
		b.saw("+0s GET /feed.xml", "+2h0m0s GET /feed.xml")
	},
	"a page where a feed should be is asked for its feed": func(b *behaviour) {
		b.set("/feed.xml", status(302, "Location", "/news/"))
		b.set("/news/", send("text/html", `<html><head><link rel="alternate" type="application/atom+xml" href="atom.xml"></head><body><h1>Gazette</h1>`))
		b.set("/news/atom.xml", send("text/xml", wholeFeed(1)))
		b.reads()
		b.saw("+0s GET /feed.xml", "+0s GET /news/", "+0s GET /news/atom.xml")
	},
	"a page with several feeds is asked for its news first": func(b *behaviour) {
		b.feed(`<html><head><link rel="alternate" type="application/rss+xml" title="Gazette: comments" href="/talk.xml">
			<link rel="alternate" type="application/rss+xml" href="/none.xml"><link rel="alternate" type="application/rss+xml" href="/page.xml">
			<link rel="alternate" type="application/rss+xml" href="/news.xml"></head><body>x</body></html>`, "Content-Type", "text/html")
		b.set("/page.xml", send("text/html", pointedPage))
		b.set("/news.xml", send("text/xml", wholeFeed(1)))
		b.reads()
		b.saw("+0s GET /feed.xml", "+0s GET /none.xml", "+0s GET /page.xml", "+0s GET /news.xml")
		b.set("/news.xml", status(404))
		b.fails("/none.xml answered 404")
		b.saw("+0s GET /feed.xml", "+0s GET /none.xml", "+0s GET /page.xml", "+0s GET /news.xml")
	},
	"relative links are meant from where the feed came from": func(b *behaviour) {
		b.set("/feed.xml", status(302, "Location", "/deep/down/feed.xml"))
		b.set("/deep/down/feed.xml", send("text/xml", strings.ReplaceAll(linkedFeed(b.site, 1), b.URL+"/story/", "../story-")))
		b.set("/deep/story-1", send("text/html", pointedPage))
		b.reads()
		b.saw("+0s GET /feed.xml", "+0s GET /deep/down/feed.xml", "+0s GET /robots.txt", "+1s GET /deep/story-1")
	},
	"deflate within zlib is read":  func(b *behaviour) { b.coded("deflate", packed(zlibbed, wholeFeed(1))) },
	"deflate without zlib is read": func(b *behaviour) { b.coded("deflate", packed(flated, wholeFeed(1))) },
	"gzip by its old name is read": func(b *behaviour) { b.coded("x-gzip", packed(gzipped, wholeFeed(1))) },
	"gzip twice is read": func(b *behaviour) {
		b.coded("gzip", packed(gzipped, packed(gzipped, wholeFeed(1))))
	},
	"a packed file is read": func(b *behaviour) { b.coded("", packed(gzipped, wholeFeed(1))) },
	"an answer coded unasked is a failure": func(b *behaviour) {
		b.feed("\x1b\x00\x00", "Content-Encoding", "br")
		b.fails(`coded in a way that Courant did not ask for ("br"); tell the publisher`)
	},
	"a body of one byte an hour is given up": func(b *behaviour) {
		release := make(chan struct{})
		b.t.Cleanup(func() { close(release) })
		b.set("/feed.xml", func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, rssHead)
			w.(http.Flusher).Flush()
			<-release
		})
		b.in.Fetcher.patience = 50 * time.Millisecond
		b.fails("did not answer in time")
		b.saw("+0s GET /feed.xml")
	},
	"redirects have one patience together": func(b *behaviour) {
		release := make(chan struct{})
		b.t.Cleanup(func() { close(release) })
		b.set("/feed.xml", status(302, "Location", "/slow"))
		b.set("/slow", func(http.ResponseWriter, *http.Request) { <-release })
		b.in.Fetcher.patience = 50 * time.Millisecond
		b.fails("did not answer in time")
		b.saw("+0s GET /feed.xml", "+0s GET /slow")
	},
}

// retryAfter is a server that asks one source for silence, and says for how
// many hours it means that.
func (b *behaviour) retryAfter(value string, hours int) {
	b.t.Helper()
	b.set("/feed.xml", status(429, "Retry-After", value))
	b.set("/other.xml", send("text/xml", wholeFeed(7)))
	b.in.Sources = append(b.in.Sources, digest.Source{Name: "Other", Kind: digest.SourceFeed, URL: b.URL + "/other.xml"})
	b.tick()
	b.saw("+0s GET /feed.xml")
	b.clock.turn(time.Duration(hours)*time.Hour - time.Second)
	b.restart()
	b.tick()
	if results, err := b.in.FetchNow(b.t.Context()); err != nil || results[0].Status != StatusHeld || results[1].Status != StatusHeld {
		b.t.Errorf("%+v %v", results, err)
	}
	b.saw()
	b.clock.turn(time.Second)
	b.feed(wholeFeed(1))
	b.tick()
	if got := b.asked(); !slices.Equal(got, []string{"/feed.xml", "/other.xml"}) {
		b.t.Errorf("asked %q", got)
	}
}

// moves is a server that redirects its feed.
func (b *behaviour) moves(code int, stored bool) {
	b.t.Helper()
	b.set("/feed.xml", status(code, "Location", "/new.xml"))
	b.set("/new.xml", send("text/xml", wholeFeed(1)))
	both := []string{"+0s GET /feed.xml", "+0s GET /new.xml"}
	b.reads()
	b.saw(both...)
	b.reads()
	b.saw(both...)
	b.reads()
	if stored {
		both = both[1:]
	}
	b.saw(both...)
}

// pages is a server with so many stories, each with points on its page only.
func (b *behaviour) pages(n int) {
	var items []int
	for i := range n {
		items = append(items, i)
		b.set(fmt.Sprint("/story/", i), send("text/html", pointedPage))
	}
	b.set("/feed.xml", send("text/xml", linkedFeed(b.site, items...)))
}

// coded is a server that packs its feed.
func (b *behaviour) coded(coding, body string) {
	b.t.Helper()
	header := []string{"Content-Type", "application/octet-stream"}
	if coding != "" {
		header = append(header, "Content-Encoding", coding)
	}
	b.feed(body, header...)
	if r := b.reads(); r.Added != 1 {
		b.t.Errorf("%+v", r)
	}
}

func TestServersAreAskedByTheRules(t *testing.T) {
	t.Parallel()
	for _, name := range slices.Sorted(maps.Keys(scenarios)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			scenarios[name](newBehaviour(t))
		})
	}
}

func TestSlowServersDelayNoOther(t *testing.T) {
	t.Parallel()
	arrived, release := make(chan struct{}), make(chan struct{})
	slow := newSite(t, map[string]http.HandlerFunc{"/feed.xml": func(http.ResponseWriter, *http.Request) {
		close(arrived)
		<-release
	}})
	t.Cleanup(func() { close(release) })
	b := newBehaviour(t)
	b.feed(wholeFeed(1))
	b.in.Sources = append(b.in.Sources, digest.Source{Name: "Slow", Kind: digest.SourceFeed, URL: slow.URL + "/feed.xml"})
	b.store.saved = make(chan struct{})
	nudge := make(chan struct{})
	b.in.Nudge = nudge
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- b.in.Run(ctx) }()
	<-arrived
	for range 3 { // while the slow one is still being asked for the first time
		<-b.store.saved
		b.clock.turn(2 * time.Hour)
		nudge <- struct{}{}
	}
	stop()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if got := slow.asked(); len(got) != 1 {
		t.Errorf("the slow one was asked %d times", len(got))
	}
	if len(b.store.claimed) > 0 {
		t.Errorf("still claimed: %v", b.store.claimed)
	}
}

func TestMovedAddressIsNoPermissionForPrivateNetworks(t *testing.T) {
	t.Parallel()
	address, visitors := canary(t)
	b := newBehaviour(t)
	b.feed(wholeFeed(1))
	b.reads()
	// It was a public one when it was stored; its name leads inside now.
	b.store.states[0].Address = "http://" + address + "/feed.xml"
	b.fails("private or special address")
	if n := visitors.Load(); n != 0 {
		t.Errorf("the canary saw %d visitors", n)
	}
}
