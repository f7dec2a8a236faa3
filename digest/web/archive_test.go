package web

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"courant/digest"
)

// shelf is the archive in memory: the numbers it has, seven if it says none.
type shelf struct {
	count int
	since []digest.Remark
	away  error
}

var appeared = time.Date(2026, 3, 3, 6, 0, 0, 0, time.UTC)

func (s *shelf) newest() int {
	if s.count == 0 {
		return 7
	}
	return s.count
}

func (s *shelf) ArchivedEditions(_ context.Context, name string, before, n, leads int) (list []digest.Archived, err error) {
	for number := s.newest(); number > 0 && len(list) < n; number-- {
		if before > 0 && number >= before {
			continue
		}
		day := appeared.AddDate(0, 0, number-7)
		a := digest.Archived{
			ID: digest.EditionID(number), Digest: name, Title: "Morning Brief", Number: number, Language: "en", Day: digest.DateOf(day),
			Appeared: day, Changed: day, Stories: 5,
		}
		for i := range min(leads, 5) {
			a.Leads = append(a.Leads, digest.Told{Title: fmt.Sprintf("Story %d of %d <b>&", i+1, number), Language: "en"})
		}
		list = append(list, a)
	}
	return list, s.away
}

func (s *shelf) ArchivedEdition(_ context.Context, name string, number int) (digest.Edition, digest.Variant, []digest.Remark, time.Time, error) {
	if s.away == nil && number > s.newest() {
		return digest.Edition{}, digest.Variant{}, nil, time.Time{}, digest.ErrNotFound
	}
	return digest.Edition{Digest: name, Number: number}, digest.Variant{}, s.since, appeared, s.away
}

func printed(e digest.Edition, _ digest.Variant, since []digest.Remark, text bool) ([]byte, error) {
	if text {
		return fmt.Appendf(nil, "Edition %d, %d remarks\n", e.Number, len(since)), nil
	}
	return fmt.Appendf(nil, `<!DOCTYPE html><html lang="en"><title>x</title><p style="color:red">Edition %d</p></html>`, e.Number), nil
}

func publications() []Publication {
	at := digest.Cadence{Weekdays: []time.Weekday{1, 2, 3, 4, 5}, Hour: 7, Zone: "Europe/Berlin"}
	return []Publication{
		{digest.Digest{Name: "morning", Title: "Morning Brief", Language: "en", Categories: []string{"Military", "World"}, Archive: digest.ArchiveNoindex}, at},
		{digest.Digest{Name: "inside", Title: "For the house only", Language: "en", Categories: []string{"World"}, Archive: digest.ArchiveNone}, at},
		{digest.Digest{Name: "weekly", Title: "Weekly", About: "The week in ten headlines.", Language: "de", Archive: digest.ArchiveIndex}, digest.Cadence{}},
	}
}

func TestHomePageListsWhatStrangersMayKnow(t *testing.T) {
	t.Parallel()
	w := open(t)
	a := w.get(w.URL + "/")
	for _, want := range []string{
		"Morning Brief", "weekdays at 07:00 (Berlin)", "Military and World", "The week in ten headlines.",
		`href="/a/morning"`, `href="/a/morning/7"`, "Story 1 of 7 &lt;b&gt;&amp;", "3 March 2026", "and 2 more stories",
	} {
		if !strings.Contains(a.body, want) {
			t.Errorf("the home page lacks %q:\n%s", want, a.body)
		}
	}
	if strings.Contains(a.body, "For the house only") || strings.Contains(a.body, "Get it by mail") {
		t.Errorf("the home page has what nobody may know or use:\n%s", a.body)
	}
	if a.Header.Get("Vary") != "Accept-Language" {
		t.Error("caches are not told that the home page has several languages")
	}
	open := open(t, func(s *Site) {
		s.SignUp = func(name string) string { return map[string]string{"inside": "/signup/readers"}[name] }
	})
	a = open.get(open.URL + "/")
	if !strings.Contains(a.body, "For the house only") || !strings.Contains(a.body, `href="/signup/readers"`) || strings.Contains(a.body, `href="/a/inside"`) {
		t.Errorf("a list that is open is not offered:\n%s", a.body)
	}
}

func TestArchiveListsEditionsByMonthAndPage(t *testing.T) {
	t.Parallel()
	w := open(t, func(s *Site) { s.Archive = &shelf{count: 65} })
	seen, pages := map[string]bool{}, 0
	for next := "/a/morning"; next != ""; pages++ {
		a := w.get(w.URL + next)
		if a.StatusCode != http.StatusOK || !strings.Contains(a.body, "<h2 id=\"m2026-0") {
			t.Fatalf("%s: %s\n%s", next, a.Status, a.body)
		}
		for _, m := range regexp.MustCompile(`href="/a/morning/(\d+)"`).FindAllStringSubmatch(a.body, -1) {
			if seen[m[1]] {
				t.Errorf("edition %s is listed twice", m[1])
			}
			seen[m[1]] = true
		}
		next = ""
		if m := regexp.MustCompile(`href="([^"]+)" rel="next"`).FindStringSubmatch(a.body); m != nil {
			next = m[1]
		}
	}
	if len(seen) != 65 || pages != 3 {
		t.Errorf("%d editions on %d pages", len(seen), pages)
	}
	for _, before := range []string{"0", "-1", "x", "07", "9.txt.txt"} {
		if a := w.get(w.URL + "/a/morning?before=" + url.QueryEscape(before)); a.StatusCode != http.StatusNotFound {
			t.Errorf("before %s: %s", before, a.Status)
		}
	}
}

func TestEditionHasAPageAndATextVersion(t *testing.T) {
	t.Parallel()
	w := open(t)
	a := w.get(w.URL + "/a/morning/7")
	if a.StatusCode != http.StatusOK || !strings.Contains(a.body, "Edition 7") || a.Header.Get("Content-Security-Policy") != viewPolicy {
		t.Errorf("%s %s %s", a.Status, a.Header.Get("Content-Security-Policy"), a.body)
	}
	a = w.get(w.URL + "/a/morning/7.txt")
	if a.StatusCode != http.StatusOK || a.Header.Get("Content-Type") != "text/plain; charset=utf-8" || a.body != "Edition 7, 0 remarks\n" {
		t.Errorf("%s %s %s", a.Status, a.Header.Get("Content-Type"), a.body)
	}
}

// A digest that is kept out is answered just as one that never was.
func TestDigestKeptOutOfTheArchiveIsNowhere(t *testing.T) {
	t.Parallel()
	w := open(t)
	want := w.get(w.URL + "/a/none").body
	for _, path := range []string{"/a/inside", "/a/inside/1", "/a/inside/1.txt", "/a/inside/feed.atom", "/a/inside?before=3", "/a/INSIDE", "/a/%20"} {
		if a := w.get(w.URL + path); a.StatusCode != http.StatusNotFound || a.body != want || a.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %s\n%s", path, a.Status, a.body)
		}
	}
	closed := open(t, func(s *Site) { s.Archive = nil })
	for _, path := range []string{"/a/morning", "/a/morning/1", "/a/morning/feed.atom"} {
		if a := closed.get(closed.URL + path); a.StatusCode != http.StatusNotFound {
			t.Errorf("without an archive %s: %s", path, a.Status)
		}
	}
}

func TestWhatIsNotThereLeadsToWhatIs(t *testing.T) {
	t.Parallel()
	w := open(t)
	for path, wants := range map[string][]string{
		"/a/morning/99":  {"Morning Brief has no edition", `href="/a/morning"`, `href="/"`},
		"/a/morning/x":   {`href="/a/morning"`},
		"/a/morning/007": {`href="/a/morning"`},
		"/a/nothing":     {`href="/"`},
		"/icon.ico":      {`href="/"`},
	} {
		a := w.get(w.URL + path)
		for _, want := range wants {
			if a.StatusCode != http.StatusNotFound || !strings.Contains(strings.NewReplacer(`<bdi class="digest">`, "", "</bdi>", "").Replace(a.body), want) {
				t.Errorf("%s: %s, lacks %s:\n%s", path, a.Status, want, a.body)
			}
		}
	}
	bare := open(t, func(s *Site) { s.Digests = nil })
	if a := bare.get(bare.URL + "/nowhere"); strings.Contains(a.body, `href="/"`) {
		t.Error("a page leads to a home page that has nothing")
	}
	if a := bare.get(bare.URL + "/"); a.StatusCode != http.StatusOK || !strings.Contains(a.body, "nothing to read") {
		t.Errorf("an empty home page: %s\n%s", a.Status, a.body)
	}
}

func TestSearchEnginesAreAskedByChoice(t *testing.T) {
	t.Parallel()
	w := open(t)
	for path, index := range map[string]bool{
		"/a/morning": false, "/a/morning/7": false, "/a/morning/7.txt": false, "/a/morning/feed.atom": false,
		"/a/weekly": true, "/a/weekly/7": true, "/a/weekly/7.txt": true, "/a/weekly/feed.atom": true, "/": true,
	} {
		a := w.get(w.URL + path)
		if got := a.Header.Get("X-Robots-Tag") == ""; got != index {
			t.Errorf("%s: search engines may keep it: %v", path, got)
		}
		if strings.HasPrefix(path, "/a/") && strings.Count(path, "/") == 2 && strings.Contains(a.body, `content="noindex"`) == index {
			t.Errorf("%s says otherwise in its head", path)
		}
	}
}

func TestArchiveMayBeKept(t *testing.T) {
	t.Parallel()
	w := open(t)
	for path, keep := range map[string]string{
		"/": "public, max-age=60", "/a/morning": "public, max-age=60", "/a/morning/feed.atom": "public, max-age=60",
		"/a/morning/7": "public, max-age=600", "/a/morning/7.txt": "public, max-age=600",
	} {
		a := w.get(w.URL + path)
		tag := a.Header.Get("ETag")
		if a.Header.Get("Cache-Control") != keep || tag == "" {
			t.Errorf("%s: %q, %q", path, a.Header.Get("Cache-Control"), tag)
		}
		if again := w.do("GET", w.URL+path, "", "", "If-None-Match", tag); again.StatusCode != http.StatusNotModified || again.body != "" {
			t.Errorf("%s with its tag: %s", path, again.Status)
		}
		if other := w.do("GET", w.URL+path, "", "", "If-None-Match", `"other"`); other.StatusCode != http.StatusOK {
			t.Errorf("%s with another tag: %s", path, other.Status)
		}
		head := w.do("HEAD", w.URL+path, "", "")
		if head.StatusCode != http.StatusOK || head.body != "" || head.ContentLength != int64(len(a.body)) || head.Header.Get("ETag") != tag {
			t.Errorf("HEAD %s: %s, %d bytes, tag %s", path, head.Status, head.ContentLength, head.Header.Get("ETag"))
		}
		modified := a.Header.Get("Last-Modified")
		if strings.HasSuffix(path, "7") || strings.HasSuffix(path, ".txt") || strings.HasSuffix(path, ".atom") {
			if again := w.do("GET", w.URL+path, "", "", "If-Modified-Since", modified); again.StatusCode != http.StatusNotModified {
				t.Errorf("%s since %s: %s", path, modified, again.Status)
			}
		}
	}
}

func TestArchiveWithoutRowsSaysSo(t *testing.T) {
	t.Parallel()
	w := open(t, func(s *Site) { s.Archive = &shelf{away: errors.New("secret detail")} })
	for _, path := range []string{"/", "/a/morning", "/a/morning/7", "/a/morning/feed.atom"} {
		a := w.get(w.URL + path)
		if a.StatusCode != http.StatusServiceUnavailable || strings.Contains(a.body, "secret") || a.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %s\n%s", path, a.Status, a.body)
		}
	}
}

// parsedFeed reads a feed by names alone.
type parsedFeed struct {
	XMLName  xml.Name     `xml:"http://www.w3.org/2005/Atom feed"`
	ID       []string     `xml:"http://www.w3.org/2005/Atom id"`
	Title    []string     `xml:"http://www.w3.org/2005/Atom title"`
	Updated  []string     `xml:"http://www.w3.org/2005/Atom updated"`
	Author   []parsedName `xml:"http://www.w3.org/2005/Atom author"`
	Links    []parsedLink `xml:"http://www.w3.org/2005/Atom link"`
	Entries  []parsedItem `xml:"http://www.w3.org/2005/Atom entry"`
	Language string       `xml:"http://www.w3.org/XML/1998/namespace lang,attr"`
}

type parsedName struct {
	Name []string `xml:"http://www.w3.org/2005/Atom name"`
}

type parsedLink struct {
	Rel  string `xml:"rel,attr"`
	Href string `xml:"href,attr"`
	Type string `xml:"type,attr"`
}

type parsedItem struct {
	ID        []string     `xml:"http://www.w3.org/2005/Atom id"`
	Title     []string     `xml:"http://www.w3.org/2005/Atom title"`
	Updated   []string     `xml:"http://www.w3.org/2005/Atom updated"`
	Published []string     `xml:"http://www.w3.org/2005/Atom published"`
	Links     []parsedLink `xml:"http://www.w3.org/2005/Atom link"`
	Content   []struct {
		Type string `xml:"type,attr"`
		Text string `xml:",chardata"`
	} `xml:"http://www.w3.org/2005/Atom content"`
}

func readFeed(t *testing.T, text string) parsedFeed {
	t.Helper()
	var f parsedFeed
	if err := xml.Unmarshal([]byte(text), &f); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return f
}

// isIRI is what RFC 4287 section 4.2.6 wants of an id.
func isIRI(s string) bool {
	u, err := url.Parse(s)
	return err == nil && u.Scheme != ""
}

func TestFeedIsWhatRFC4287Wants(t *testing.T) {
	t.Parallel()
	w := open(t, func(s *Site) { s.Archive = &shelf{count: 40}; s.Name = `News <&> "Co"` })
	a := w.get(w.URL + "/a/morning/feed.atom")
	if got := a.Header.Get("Content-Type"); got != "application/atom+xml; charset=utf-8" {
		t.Errorf("it is %s", got)
	}
	f := readFeed(t, a.body)
	// Section 4.1.1: exactly one of each, and an author.
	if len(f.ID) != 1 || len(f.Title) != 1 || len(f.Updated) != 1 || len(f.Author) != 1 || len(f.Author[0].Name) != 1 || f.Author[0].Name[0] != `News <&> "Co"` || f.Language != "en" {
		t.Errorf("the feed has %+v", f)
	}
	if len(f.Links) != 2 || f.Links[0] != (parsedLink{"self", "https://news.example.com/a/morning/feed.atom", "application/atom+xml"}) || f.Links[1].Href != "https://news.example.com/a/morning" {
		t.Errorf("its links are %+v", f.Links)
	}
	if len(f.Entries) != editionsInFeed {
		t.Errorf("%d entries", len(f.Entries))
	}
	ids := map[string]bool{f.ID[0]: true}
	for i, e := range f.Entries {
		if len(e.ID) != 1 || len(e.Title) != 1 || len(e.Updated) != 1 || len(e.Published) != 1 || len(e.Content) != 1 || e.Content[0].Type != "html" {
			t.Fatalf("entry %d: %+v", i, e)
		}
		if ids[e.ID[0]] || !isIRI(e.ID[0]) || strings.Contains(e.ID[0], "example") {
			t.Errorf("entry %d has the id %s", i, e.ID[0])
		}
		ids[e.ID[0]] = true
		for _, s := range []string{e.Updated[0], e.Published[0], f.Updated[0]} {
			if _, err := time.Parse(time.RFC3339, s); err != nil {
				t.Error(err)
			}
		}
		if want := fmt.Sprintf("https://news.example.com/a/morning/%d", 40-i); e.Links[0] != (parsedLink{"alternate", want, "text/html"}) {
			t.Errorf("entry %d leads to %+v", i, e.Links)
		}
		if !strings.Contains(e.Content[0].Text, "&lt;b&gt;") || strings.Contains(e.Content[0].Text, "<b>") {
			t.Errorf("entry %d tells %s", i, e.Content[0].Text)
		}
	}
	// The same ids at another address, others for another installation.
	moved := open(t, func(s *Site) { s.Archive = &shelf{count: 40}; s.URL = "https://moved.example/news" })
	if g := readFeed(t, moved.get(moved.URL+"/a/morning/feed.atom").body); g.ID[0] != f.ID[0] || g.Entries[0].ID[0] != f.Entries[0].ID[0] {
		t.Error("the ids change with the address")
	}
	other := open(t, func(s *Site) { s.ID = "another" })
	if g := readFeed(t, other.get(other.URL+"/a/morning/feed.atom").body); g.ID[0] == f.ID[0] {
		t.Error("two installations have one id")
	}
	if page := w.get(w.URL + "/a/morning").body; !strings.Contains(page, `<link rel="alternate" type="application/atom+xml" title="Atom feed of Morning Brief" href="/a/morning/feed.atom">`) {
		t.Errorf("the page does not lead feed readers to it:\n%s", page)
	}
}

// TestArchiveNamesNoReader shows everything to a stranger who comes with a
// reader's cookies, tokens and referrer, and wants none of it back.
func TestArchiveNamesNoReader(t *testing.T) {
	t.Parallel()
	w := open(t)
	token := w.headerLink()[len(w.URL)+3:]
	for _, path := range []string{"/", "/a/morning", "/a/morning/7", "/a/morning/7.txt", "/a/morning/feed.atom", "/a/morning/99", "/a/none"} {
		a := w.do("GET", w.URL+path+"?token="+token, "", "", "Referer", w.pageLink(), "Cookie", "reader=canary-cookie")
		for _, canary := range []string{token, "canary", "ada", "Ada", "/u/", "/p/", "/v/"} {
			if strings.Contains(a.body, canary) || strings.Contains(fmt.Sprint(a.Header), canary) {
				t.Errorf("%s has %q", path, canary)
			}
		}
	}
}
