package sample

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// visited is one answer that the crawl saw.
type visited struct {
	status int
	kind   string
	text   string
}

// crawl follows every link of the press from its first page and its sources.
func crawl(s *stand) map[string]visited {
	s.t.Helper()
	seen := map[string]visited{}
	queue := []string{s.url + "/", s.url + "/robots.txt"}
	for _, source := range s.Sources(s.url) {
		queue = append(queue, source.URL)
	}
	for len(queue) > 0 {
		at := queue[0]
		queue = queue[1:]
		if _, ok := seen[at]; ok {
			continue
		}
		resp, body := s.ask("GET", at)
		v := visited{resp.StatusCode, resp.Header.Get("Content-Type"), string(body)}
		seen[at] = v
		for _, link := range links(s.t, at, v) {
			if strings.HasPrefix(link, s.url+"/") {
				queue = append(queue, link)
			} else {
				s.t.Errorf("%s leads away to %s", at, link)
			}
		}
	}
	return seen
}

var addressInText = regexp.MustCompile(`https?://[^\s"'<>\\]+`)

// namespaces are addresses that name a format and are never asked.
func namespaces() []string {
	return []string{"http://www.w3.org/2005/Atom", "http://purl.org/rss/1.0/modules/content/", "http://purl.org/dc/elements/1.1/",
		"http://search.yahoo.com/mrss/", "https://jsonfeed.org/version/1.1", "https://schema.org"}
}

// links are all addresses that an answer names: in attributes of HTML, and
// absolute ones anywhere.
func links(t *testing.T, at string, v visited) []string {
	t.Helper()
	var list []string
	if v.kind == typePNG {
		return nil
	}
	for _, link := range addressInText.FindAllString(v.text, -1) {
		if !slices.Contains(namespaces(), link) {
			list = append(list, link)
		}
	}
	if v.kind != typeHTML {
		return list
	}
	base, err := url.Parse(at)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range elements(t, v.text) {
		for _, key := range []string{"href", "src"} {
			link := attr(n, key)
			if link == "" || strings.HasPrefix(link, "data:") {
				continue
			}
			u, err := base.Parse(link)
			if err != nil {
				t.Errorf("%s: %v", at, err)
				continue
			}
			u.Fragment = ""
			list = append(list, u.String())
		}
	}
	return list
}

func elements(t *testing.T, text string) []*html.Node {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	var list []*html.Node
	for n := range doc.Descendants() {
		if n.Type == html.ElementNode {
			list = append(list, n)
		}
	}
	return list
}

func attr(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

func inner(n *html.Node) string {
	var b strings.Builder
	for c := range n.Descendants() {
		if c.Type == html.TextNode {
			b.WriteString(c.Data)
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

func TestEveryLinkResolvesWithinThePress(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	s.Publish()
	s.Publish()
	seen := crawl(s)
	for at, v := range seen {
		if v.status != http.StatusOK {
			t.Errorf("%s answered %d", at, v.status)
		}
	}
	for _, a := range s.all.articles {
		if _, ok := seen[s.url+a.path()]; !ok {
			t.Errorf("no link leads to %s", a.path())
		}
		if _, ok := seen[s.url+"/pictures/"+a.Picture]; a.Picture != "" && !ok {
			t.Errorf("no link leads to %s", a.Picture)
		}
	}
}

func TestEveryPageIsSound(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	s.Publish()
	s.Publish()
	for at, v := range crawl(s) {
		if v.kind != typeHTML {
			continue
		}
		for _, fault := range pageFaults(t, v.text) {
			t.Errorf("%s: %s", at, fault)
		}
	}
	_, missing := s.ask("GET", s.url+"/nothing")
	for _, fault := range pageFaults(t, string(missing)) {
		t.Errorf("the 404 page: %s", fault)
	}
}

// pageFaults lists what a browser, a screen reader or a validator would miss.
func pageFaults(t *testing.T, text string) []string {
	t.Helper()
	var faults []string
	count, ids := map[atom.Atom]int{}, map[string]bool{}
	lastHeading := 0
	for _, n := range elements(t, text) {
		count[n.DataAtom]++
		if id := attr(n, "id"); id != "" && ids[id] {
			faults = append(faults, "the id "+id+" is given twice")
		} else if id != "" {
			ids[id] = true
		}
		switch n.DataAtom {
		case atom.Html:
			if attr(n, "lang") == "" {
				faults = append(faults, "the page names no language")
			}
		case atom.Img:
			if attr(n, "alt") == "" || attr(n, "width") == "" || attr(n, "height") == "" {
				faults = append(faults, "a picture has no alt text or no size")
			}
		case atom.H1, atom.H2, atom.H3:
			level := int(n.Data[1] - '0')
			if level > lastHeading+1 {
				faults = append(faults, fmt.Sprintf("the heading %q skips a level", inner(n)))
			}
			lastHeading = level
		case atom.A, atom.Title:
			if inner(n) == "" {
				faults = append(faults, "a link or the title says nothing")
			}
		}
	}
	for _, one := range []atom.Atom{atom.H1, atom.Title, atom.Main, atom.Header, atom.Footer} {
		if count[one] != 1 {
			faults = append(faults, fmt.Sprintf("there are %d elements %s", count[one], one))
		}
	}
	if !strings.HasPrefix(text, "<!DOCTYPE html>") || strings.Contains(text, "ZgotmplZ") || strings.Contains(text, "could not be written") {
		faults = append(faults, "the page was not written as it should")
	}
	return faults
}

// metadata is what a page says of itself.
func metadata(t *testing.T, text string) (meta map[string]string, linked map[string]any) {
	t.Helper()
	meta = map[string]string{}
	for _, n := range elements(t, text) {
		switch {
		case n.DataAtom == atom.Meta:
			meta[attr(n, "property")+attr(n, "name")] = attr(n, "content")
		case n.DataAtom == atom.Link && attr(n, "rel") == "canonical":
			meta["canonical"] = attr(n, "href")
		case n.DataAtom == atom.Html:
			meta["lang"] = attr(n, "lang")
		case n.DataAtom == atom.H1:
			meta["h1"] = inner(n)
		case n.DataAtom == atom.Script && attr(n, "type") == "application/ld+json":
			if err := json.Unmarshal([]byte(n.FirstChild.Data), &linked); err != nil {
				t.Fatal(err)
			}
		}
	}
	return meta, linked
}

func TestArticlePageSaysWhatItIs(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	s.Publish()
	s.Publish()
	for _, a := range s.issue().articles {
		page := s.get(s.url + a.path())
		meta, linked := metadata(t, page)
		pub := s.all.publication(a.Publication)
		want := map[string]string{
			"canonical": s.url + a.path(), "og:url": s.url + a.path(), "lang": a.Language, "h1": a.Headline, "og:title": a.Headline, "og:site_name": pub.Name,
			"og:type": "article", "og:description": a.Description, "description": a.Description, "author": a.Author,
			"article:section": sectionName(a.Category, a.Language), "article:published_time": a.At.Format("2006-01-02T15:04:05Z07:00"),
		}
		if a.Picture != "" {
			want["og:image"], want["og:image:alt"] = s.url+"/pictures/"+a.Picture, a.Alt
			want["og:image:width"], want["og:image:height"] = "1200", "675"
		}
		for key, value := range want {
			if meta[key] != value {
				t.Errorf("%s: %s is %q, want %q", a.path(), key, meta[key], value)
			}
		}
		if linked["@type"] != "NewsArticle" || linked["headline"] != a.Headline || linked["isAccessibleForFree"] != !a.Paywalled {
			t.Errorf("%s: its JSON-LD is %v", a.path(), linked)
		}
		if a.Paywalled {
			continue
		}
		for _, b := range a.Body {
			if !strings.Contains(html.UnescapeString(page), b.Text) {
				t.Errorf("%s lacks %q", a.path(), b.Text)
			}
		}
	}
}

func TestPaywalledPageHoldsBackTheRest(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	a, ok := s.issue().find("orrery-and-moss", "lake-calendar")
	if !ok || !a.Paywalled {
		t.Fatal("the paywalled piece is not out")
	}
	page, feed := html.UnescapeString(s.get(s.url+a.path())), html.UnescapeString(s.get(s.url+"/orrery-and-moss/feed.json"))
	for i, b := range a.Body {
		if strings.Contains(page, b.Text) != (i < openParagraphs) {
			t.Errorf("paragraph %d stands on the page: %t", i+1, i >= openParagraphs)
		}
		if strings.Contains(feed, b.Text) {
			t.Errorf("paragraph %d stands in the feed", i+1)
		}
	}
	for _, point := range a.Points {
		if !strings.Contains(page, point) {
			t.Errorf("the page lacks its key point %q", point)
		}
	}
	if !strings.Contains(page, "Subscribe to continue reading") {
		t.Error("the page has no subscribe box")
	}
}

func TestDocumentsAreSentOnce(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	for _, path := range []string{"/", "/fennwick-wire/", "/fennwick-wire/news.atom", "/harbour-courier/news.xml", "/orrery-and-moss/feed.json",
		"/harbour-courier/flood-fund", "/harbour-courier/style.css", "/press/style.css", "/pictures/flood.png", "/robots.txt"} {
		first, body := s.ask("GET", s.url+path)
		tag := first.Header.Get("ETag")
		if first.StatusCode != http.StatusOK || len(body) == 0 || tag == "" || first.Header.Get("Cache-Control") == "" || first.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %s %v", path, first.Status, first.Header)
		}
		if again, body := s.ask("GET", s.url+path, "If-None-Match", tag); again.StatusCode != http.StatusNotModified || len(body) > 0 {
			t.Errorf("%s was sent again: %s", path, again.Status)
		}
		if modified := first.Header.Get("Last-Modified"); modified != "" {
			if again, _ := s.ask("GET", s.url+path, "If-Modified-Since", modified); again.StatusCode != http.StatusNotModified {
				t.Errorf("%s was sent again: %s", path, again.Status)
			}
		}
		if head, body := s.ask("HEAD", s.url+path); head.StatusCode != http.StatusOK || len(body) > 0 || head.Header.Get("ETag") != tag {
			t.Errorf("HEAD %s: %s", path, head.Status)
		}
	}
	tag := func(path string) string {
		resp, _ := s.ask("GET", s.url+path)
		return resp.Header.Get("ETag")
	}
	quiet, busy := tag("/brueckstaedter-tagblatt/politik.xml"), tag("/brueckstaedter-tagblatt/kultur.xml")
	s.Publish()
	if tag("/brueckstaedter-tagblatt/politik.xml") != quiet || tag("/brueckstaedter-tagblatt/kultur.xml") == busy {
		t.Error("a feed has a new tag where, and only where, the batch adds to it")
	}
}

func TestStrangeRequestsAreAnswered(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	for _, c := range []struct {
		method, path string
		status       int
	}{
		{"GET", "/nothing", http.StatusNotFound},
		{"GET", "/nothing/", http.StatusNotFound},
		{"GET", "/nothing/at/all", http.StatusNotFound},
		{"GET", "/harbour-courier/nothing", http.StatusNotFound},
		{"GET", "/fennwick-wire/flood-fund", http.StatusNotFound},
		{"GET", "/nothing/style.css", http.StatusNotFound},
		{"GET", "/pictures/nothing.png", http.StatusNotFound},
		{"GET", "/pictures/..%2fpublications.json", http.StatusNotFound},
		{"GET", "/pictures/flood.svg", http.StatusNotFound},
		{"GET", "/%00", http.StatusNotFound},
		{"POST", "/", http.StatusMethodNotAllowed},
		{"DELETE", "/harbour-courier/flood-fund", http.StatusMethodNotAllowed},
	} {
		resp, body := s.ask(c.method, s.url+c.path)
		if resp.StatusCode != c.status {
			t.Errorf("%s %s answered %s, want %d", c.method, c.path, resp.Status, c.status)
		}
		if c.status == http.StatusNotFound && !strings.Contains(string(body), "There is no page at this address") {
			t.Errorf("%s %s has no page to say so", c.method, c.path)
		}
	}
}

func TestHostileHostStaysText(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	for _, path := range []string{"/harbour-courier/flood-fund", "/harbour-courier/news.xml", "/fennwick-wire/news.atom", "/orrery-and-moss/feed.json"} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
		r.Host = `x"><script>&`
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, r)
		kind, text := w.Header().Get("Content-Type"), w.Body.String()
		if kind == typeJSON && !json.Valid(w.Body.Bytes()) || kind != typeJSON && strings.Contains(text, r.Host) {
			t.Errorf("%s carries the host's name as markup", path)
		}
	}
}

func TestPressIsReadWhileItPublishes(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 20 {
				if n := len(s.issue().articles); n != 11 && n != 16 && n != 19 {
					t.Errorf("%d articles are out at once", n)
				}
			}
		})
	}
	all.Go(func() { s.Publish(); s.Publish() })
	all.Wait()
}
