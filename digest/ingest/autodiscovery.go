package ingest

import (
	"net/url"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/net/html"
)

var linkTag = regexp.MustCompile(`(?is)<link\s[^>]{1,600}>`)

// feedLinks are the feeds a page names in its head, in order: where a feed
// was expected and a page came, one of them is meant. Comments are no news, so
// their feeds come last.
func feedLinks(text []byte, address *url.URL) []string {
	var links, comments []string
	for _, tag := range linkTag.FindAll(text[:min(len(text), 256<<10)], 200) {
		z := html.NewTokenizer(strings.NewReader(string(tag)))
		z.Next()
		t := z.Token()
		n := &html.Node{Attr: t.Attr}
		if !strings.Contains(strings.ToLower(attribute(n, "rel")), "alternate") {
			continue
		}
		switch strings.ToLower(strings.TrimSpace(attribute(n, "type"))) {
		case "application/rss+xml", "application/atom+xml", "application/rdf+xml", "application/feed+json", "application/json":
			link := absolute(address, attribute(n, "href"))
			switch {
			case link == "" || slices.Contains(links, link) || slices.Contains(comments, link):
			case commentWords.MatchString(attribute(n, "title")) || commentWords.MatchString(attribute(n, "href")):
				comments = append(comments, link)
			default:
				links = append(links, link)
			}
		}
	}
	links = append(links, comments...)
	return links[:min(len(links), maxFeedsNamed)]
}

// maxFeedsNamed is how many of a page's feeds are kept.
const maxFeedsNamed = 5

// commentWords mark a feed of readers' comments, in the languages of the blog
// software that names one on each page.
var commentWords = regexp.MustCompile(`(?i)\b(?:comments?|replies|kommentare?|kommentarer|commentaires?|comentarios?|coment[aá]rios?|commenti|reacties)\b`)

// Feeds are the addresses of the feeds that a page names in its head, in
// order; none for what is no page, or has no address.
func (e Extraction) Feeds() []string {
	if e.Kind != KindPage || e.address == nil {
		return nil
	}
	return feedLinks(e.page, e.address)
}
