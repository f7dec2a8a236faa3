package ingest

import (
	"net/url"
	"regexp"
	"strings"

	"golang.org/x/net/html"
)

var linkTag = regexp.MustCompile(`(?is)<link\s[^>]{1,600}>`)

// feedLinks are the feeds a page names in its head, in order: where a feed
// was expected and a page came, one of them is meant.
func feedLinks(text []byte, address *url.URL) []string {
	var links []string
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
			if link := absolute(address, attribute(n, "href")); link != "" && len(links) < 5 {
				links = append(links, link)
			}
		}
	}
	return links
}

// Feeds are the addresses of the feeds that a page names in its head, in
// order; none for what is no page, or has no address.
func (e Extraction) Feeds() []string {
	if e.Kind != KindPage || e.address == nil {
		return nil
	}
	return feedLinks(e.page, e.address)
}
