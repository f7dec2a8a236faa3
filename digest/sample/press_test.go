package sample

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"courant/digest"
)

// stand is a press that is served.
type stand struct {
	*Press
	t     *testing.T
	url   string
	clock time.Time
}

func newStand(t *testing.T) *stand {
	t.Helper()
	s := &stand{t: t, clock: time.Date(2026, 3, 3, 9, 30, 15, 500, time.FixedZone("", 3600))}
	s.Press = New(func() time.Time { return s.clock })
	server := httptest.NewServer(s.Handler())
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

// ask makes a request; the headers come in pairs.
func (s *stand) ask(method, address string, headers ...string) (*http.Response, []byte) {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), method, address, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		s.t.Fatal(err)
	}
	return resp, body
}

// get wants 200 and gives the text.
func (s *stand) get(address string) string {
	s.t.Helper()
	resp, body := s.ask("GET", address)
	if resp.StatusCode != http.StatusOK {
		s.t.Fatalf("%s answered %s", address, resp.Status)
	}
	return string(body)
}

func TestBatchesComeOutInOrder(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	seen := map[string]int{}
	for batch, want := range []int{11, 5, 3} {
		if batch > 0 {
			s.clock = s.clock.Add(10 * time.Minute)
			if n := s.Publish(); n != want {
				t.Errorf("batch %d: %d articles came out, want %d", batch+1, n, want)
			}
		}
		out := s.issue().articles
		for i, a := range out {
			if seen[a.path()] == 0 {
				seen[a.path()] = batch + 1
				age := s.clock.Sub(a.At)
				if batch == 0 && (age < time.Minute || age > 20*time.Hour) || batch > 0 && age > time.Second {
					t.Errorf("%s of batch %d came out %s ago", a.path(), batch+1, age)
				}
			}
			if a.Batch != seen[a.path()] {
				t.Errorf("%s of batch %d came out in batch %d", a.path(), a.Batch, seen[a.path()])
			}
			if i > 0 && a.At.After(out[i-1].At) {
				t.Errorf("%s is newer than what stands above it", a.path())
			}
		}
	}
	if n := s.Publish(); n != 0 {
		t.Errorf("everything was out, and %d more came", n)
	}
	if len(seen) != len(s.all.articles) {
		t.Errorf("%d of %d articles came out", len(seen), len(s.all.articles))
	}
}

func TestUnpublishedArticleIsNowhere(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	const early = "/harbour-courier/cinema-reopens"
	if resp, _ := s.ask("GET", s.url+early); resp.StatusCode != http.StatusNotFound {
		t.Errorf("before it is out the article answers %s", resp.Status)
	}
	for _, list := range []string{"/", "/harbour-courier/", "/harbour-courier/news.xml"} {
		if strings.Contains(s.get(s.url+list), "cinema-reopens") {
			t.Errorf("%s names an article that is not out", list)
		}
	}
	s.Publish()
	for _, list := range []string{early, "/", "/harbour-courier/", "/harbour-courier/news.xml"} {
		if !strings.Contains(s.get(s.url+list), "cinema-reopens") {
			t.Errorf("%s does not name an article that is out", list)
		}
	}
}

func TestSourcesLeadToFeedsAndOnePage(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	formats, categories, names := map[string]int{}, map[string]bool{}, map[string]bool{}
	for _, source := range s.Sources(s.url) {
		if names[source.Name] || source.Name == "" {
			t.Errorf("the source name %q is given twice or empty", source.Name)
		}
		names[source.Name] = true
		if source.Category != "" {
			categories[source.Category] = true
		}
		resp, body := s.ask("GET", source.URL)
		if resp.StatusCode != http.StatusOK || len(body) == 0 {
			t.Errorf("%s answered %s", source.URL, resp.Status)
		}
		formats[resp.Header.Get("Content-Type")]++
		if page := strings.HasPrefix(resp.Header.Get("Content-Type"), "text/html"); page != (source.Kind == digest.SourcePage) {
			t.Errorf("%s is a source of kind %s and answers %s", source.Name, source.Kind, resp.Header.Get("Content-Type"))
		}
	}
	for _, format := range []string{typeRSS, typeAtom, typeJSON, typeHTML} {
		if formats[format] == 0 {
			t.Errorf("no source is %s; there are %v", format, formats)
		}
	}
	if len(categories) != 3 {
		t.Errorf("the sources' categories are %v", categories)
	}
}

// feedItem is what any reader takes from a feed.
type feedItem struct{ id, title, link, date string }

func TestFeedsSayWhatIsOut(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	s.Publish()
	s.Publish()
	told := map[string]bool{}
	for _, pub := range s.all.publications {
		for _, f := range pub.Feeds {
			items := readFeed(t, s.get(s.url+"/"+pub.Slug+"/"+f.Path))
			want := s.issue().of(pub.Slug, f.Category)
			if len(items) != len(want) {
				t.Errorf("%s has %d items, want %d", f.Path, len(items), len(want))
				continue
			}
			for i, a := range want {
				it := items[i]
				if it.title != a.Headline || it.link != s.url+a.path() || !strings.Contains(it.id, a.Slug) || strings.Contains(it.id, "127.0.0.1") {
					t.Errorf("item %+v does not tell %s", it, a.path())
				}
				if at, err := time.Parse(time.RFC1123Z, it.date); err != nil || !at.Equal(a.At) {
					if at, err := time.Parse(time.RFC3339, it.date); err != nil || !at.Equal(a.At) {
						t.Errorf("%s is dated %q in its feed, want %s", a.path(), it.date, a.At)
					}
				}
				told[a.path()] = true
			}
		}
	}
	for _, a := range s.all.articles {
		if !told[a.path()] && s.all.publication(a.Publication).Page != a.Slug {
			t.Errorf("%s stands in no feed", a.path())
		}
	}
}

// readFeed reads any of the three formats.
func readFeed(t *testing.T, text string) []feedItem {
	t.Helper()
	var list []feedItem
	if strings.HasPrefix(text, "{") {
		var f jsonFeed
		dec := json.NewDecoder(strings.NewReader(text))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&f); err != nil {
			t.Fatal(err)
		}
		for _, it := range f.Items {
			if it.HTML == "" && it.Text == "" {
				t.Errorf("%s has no content, which JSON Feed demands", it.ID)
			}
			list = append(list, feedItem{it.ID, it.Title, it.URL, it.Published})
		}
		return list
	}
	var f struct {
		Items []struct {
			GUID    string `xml:"guid"`
			Title   string `xml:"title"`
			Link    string `xml:"link"`
			PubDate string `xml:"pubDate"`
		} `xml:"channel>item"`
		Entries []struct {
			ID        string     `xml:"id"`
			Title     string     `xml:"title"`
			Published string     `xml:"published"`
			Links     []atomLink `xml:"link"`
		} `xml:"entry"`
	}
	if err := xml.Unmarshal([]byte(text), &f); err != nil {
		t.Fatal(err)
	}
	for _, it := range f.Items {
		list = append(list, feedItem{it.GUID, it.Title, it.Link, it.PubDate})
	}
	for _, e := range f.Entries {
		link := ""
		for _, l := range e.Links {
			if l.Rel == "alternate" {
				link = l.Href
			}
		}
		list = append(list, feedItem{e.ID, e.Title, link, e.Published})
	}
	return list
}

func TestFeedsCarryMarkupAsText(t *testing.T) {
	t.Parallel()
	const hostile = `Fish & <b>"chips"</b> ]]> ’til late`
	a := &article{
		Publication: "paper", Slug: "fish", Headline: hostile, Category: "Culture", Language: "en", Author: hostile, Description: hostile, Feed: feedFull,
		Points: []string{hostile}, Body: []block{{true, hostile}, {false, hostile}}, Source: hostile,
	}
	pub := &publication{Slug: "paper", Name: hostile, Language: "en"}
	for _, path := range []string{"feed.xml", "feed.atom", "feed.json"} {
		w := feedWriter{base: "http://127.0.0.1:1", pub: pub, feed: feed{Path: path}}
		_, text := w.write([]published{{a, time.Unix(1e9, 0)}})
		items := readFeed(t, string(text))
		if len(items) != 1 || items[0].title != hostile {
			t.Errorf("%s: the headline is read as %+v", path, items)
		}
	}
	body, escaped := published{article: a}.html(), html.EscapeString(hostile)
	if strings.Count(body, escaped) != 4 || strings.Contains(body, "<b>") {
		t.Errorf("the item's HTML carries markup of the text:\n%s", body)
	}
}

func TestFeedsCarryPicturesWhereTheyShould(t *testing.T) {
	t.Parallel()
	const at = "http://127.0.0.1:1/pictures/boat.png"
	a := published{&article{Publication: "paper", Slug: "boat", Headline: "A boat", Picture: "boat.png", Alt: "A boat on a lake", Feed: feedSummary}, time.Unix(1e9, 0)}
	for path, want := range map[string]string{
		"feed.xml":  `<media:content url="` + at + `" type="image/png" medium="image" width="12" height="7">`,
		"feed.atom": `<link rel="enclosure" type="image/png" href="` + at + `" length="4"></link>`,
		"feed.json": `"image": "` + at + `"`,
	} {
		for _, pictures := range []bool{true, false} {
			w := feedWriter{base: "http://127.0.0.1:1", pub: &publication{Slug: "paper"}, feed: feed{Path: path, Pictures: pictures}}
			w.pictures = map[string]picture{"boat.png": {12, 7, []byte("boat")}}
			if _, text := w.write([]published{a}); strings.Contains(string(text), want) != pictures {
				t.Errorf("%s, pictures %t: want %s in\n%s", path, pictures, want, text)
			}
		}
	}
}
