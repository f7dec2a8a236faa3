package ingest

import (
	"net/url"
	"strings"
	"time"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
	"golang.org/x/net/publicsuffix"
)

// metadata is what a page says of itself outside its text: meta elements,
// microdata, link elements and JSON-LD.
type metadata struct {
	meta      map[string][]string // by lower-cased name, property or itemprop
	linked    linkedData
	title     string
	canonical string
	base      string
	language  string // html lang
	times     []string
	states    []string // scripts that may hold key points
	stateSize int
	pictures  []picture
	crumbs    []string // the way to the page; nil: none was found yet
}

// readMetadata walks the whole tree: publishers put meta elements into the
// body, and microdata anywhere.
func readMetadata(doc *html.Node) *metadata {
	m := &metadata{meta: map[string][]string{}}
	m.walk(doc)
	return m
}

// walk visits every element once. SVG has title elements of its own, so other
// namespaces are left out.
func (m *metadata) walk(n *html.Node) {
	if n.Type == html.ElementNode {
		m.element(n)
		if n.DataAtom == atom.Script || n.Namespace != "" {
			return
		}
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		m.walk(c)
	}
}

// element reads one element. The first of each kind wins; what follows
// belongs to comments, related stories and embedded pages.
func (m *metadata) element(n *html.Node) {
	switch n.DataAtom {
	case atom.Html:
		if m.language == "" {
			m.language = first(attribute(n, "lang"), attribute(n, "xml:lang"))
		}
	case atom.Title:
		if m.title == "" && n.Namespace == "" {
			m.title = textOf(n, maxTitle)
		}
	case atom.Base:
		m.base = first(m.base, attribute(n, "href"))
	case atom.Link:
		if m.canonical == "" && strings.EqualFold(attribute(n, "rel"), "canonical") {
			m.canonical = attribute(n, "href")
		}
		if strings.EqualFold(attribute(n, "rel"), "image_src") && m.meta["image_src"] == nil {
			m.meta["image_src"] = []string{attribute(n, "href")}
		}
	case atom.Meta:
		m.metaElement(n)
	case atom.Time:
		if t := attribute(n, "datetime"); t != "" && len(m.times) < 4 {
			m.times = append(m.times, t)
		}
	case atom.Script:
		if !strings.Contains(strings.ToLower(attribute(n, "type")), "ld+json") {
			m.keepState(n)
		} else if n.FirstChild != nil {
			m.linked.add(n.FirstChild.Data)
		}
	case atom.Img:
		m.picture(n)
	case atom.Noscript:
		m.unscripted(n)
	default:
		m.microdata(n)
		m.breadcrumb(n)
	}
}

// mostNames is how many names of meta elements are kept. Pages have a hundred.
const mostNames = 1000

// metaElement reads name, property and itemprop alike, and value where
// content is missing: pages that were saved or templated have all of them.
func (m *metadata) metaElement(n *html.Node) {
	content := first(attribute(n, "content"), attribute(n, "value"))
	if content == "" || len(content) > 8000 {
		return
	}
	for _, key := range []string{"name", "property", "itemprop", "http-equiv"} {
		if name := strings.ToLower(strings.TrimSpace(attribute(n, key))); name != "" && len(m.meta[name]) < 12 && len(m.meta) < mostNames {
			m.meta[name] = append(m.meta[name], content)
		}
	}
}

// microdata keeps the few properties that matter, where they don't belong to
// another item within the page such as a comment.
func (m *metadata) microdata(n *html.Node) {
	property := attribute(n, "itemprop")
	switch property {
	case "headline", "articleSection", "datePublished", "author", "name":
	default:
		return
	}
	if property == "name" {
		if n.Parent == nil || attribute(n.Parent, "itemprop") != "author" {
			return
		}
		property = "author"
	}
	key := strings.ToLower(property)
	value := first(attribute(n, "content"), attribute(n, "datetime"))
	if property == "author" && (isReply(n) || value == "" && m.signed(n)) {
		return
	}
	if value == "" {
		value = textOf(n, maxTitle)
	}
	if value != "" && len(m.meta[key]) < 4 {
		m.meta[key] = append(m.meta[key], value)
	}
}

// signed keeps the people that an element marked as the author names, and says
// whether it does: dates and what they are may stand there as well.
func (m *metadata) signed(n *html.Node) bool {
	var names []string
	for _, line := range signedLines(n) {
		if names = namesIn(line, signsAuthor); len(names) > 0 {
			break
		}
	}
	if len(m.meta["author"]) < 4 {
		m.meta["author"] = append(m.meta["author"], names...)
	}
	return len(names) > 0
}

// one is the first value of the first of the names that has one, as plain
// text.
func (m *metadata) one(names ...string) string {
	for _, name := range names {
		for _, value := range m.meta[name] {
			if s := plainTitle(value); s != "" {
				return s
			}
		}
	}
	return ""
}

// siteOfHost is the registrable part of a host, so that
// "news.example.co.uk" is "example.co.uk".
func siteOfHost(address *url.URL) string {
	if address == nil || address.Hostname() == "" {
		return ""
	}
	domain, err := publicsuffix.EffectiveTLDPlusOne(strings.ToLower(address.Hostname()))
	if err != nil {
		return strings.ToLower(address.Hostname())
	}
	return domain
}

// published is the publisher's date, zero if it has none that can be
// trusted at the time given.
func (m *metadata) published(now time.Time) time.Time {
	candidates := []string{m.one("article:published_time", "og:article:published_time", "og:published_time", "article:published"), m.linked.published,
		m.one("datepublished", "parsely-pub-date", "sailthru.date", "citation_publication_date", "citation_date", "dc.date.issued", "dcterms.issued",
			"dcterms.date", "dc.date", "pubdate", "publishdate", "publish-date", "publication_date", "date", "cxenseparse:recs:publishtime")}
	candidates = append(candidates, m.times...)
	for _, s := range candidates {
		if t := parseDate(s, now); !t.IsZero() {
			return t
		}
	}
	return time.Time{}
}

// first is the first string that is not blank.
func first(candidates ...string) string {
	for _, s := range candidates {
		if strings.TrimSpace(s) != "" {
			return s
		}
	}
	return ""
}
