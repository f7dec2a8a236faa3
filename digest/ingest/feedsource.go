package ingest

import (
	"bytes"
	"net/url"
	"strings"

	"github.com/mmcdole/gofeed"
	"github.com/mmcdole/gofeed/atom"
	"github.com/mmcdole/gofeed/rss"

	"courant/digest"
)

// sourceKey is where a translated item keeps what feed it came from, which
// gofeed leaves out: the source element of RSS 2.0 and of RFC 4287 section
// 4.2.11. Aggregators name the publisher by it.
const sourceKey = "courant:source"

// newFeedParser is gofeed with the source of items, and without looking for
// pictures in their HTML.
func newFeedParser() *gofeed.Parser {
	p := gofeed.NewParser()
	p.RSSTranslator = rssSources{&gofeed.DefaultRSSTranslator{DisableContentImageScan: true}}
	p.AtomTranslator = atomSources{&gofeed.DefaultAtomTranslator{}}
	return p
}

type rssSources struct{ gofeed.Translator }

// Translate is gofeed's, with the items' sources.
func (t rssSources) Translate(feed any) (*gofeed.Feed, error) {
	out, err := t.Translator.Translate(feed)
	if in, ok := feed.(*rss.Feed); err == nil && ok && len(in.Items) == len(out.Items) {
		for i, it := range in.Items {
			if it.Source != nil {
				keepSource(out.Items[i], it.Source.Title)
			}
		}
	}
	return out, err
}

type atomSources struct{ gofeed.Translator }

// Translate is gofeed's, with the entries' sources.
func (t atomSources) Translate(feed any) (*gofeed.Feed, error) {
	out, err := t.Translator.Translate(feed)
	if in, ok := feed.(*atom.Feed); err == nil && ok && len(in.Entries) == len(out.Items) {
		for i, e := range in.Entries {
			if e.Source != nil {
				keepSource(out.Items[i], e.Source.Title)
			}
		}
	}
	return out, err
}

func keepSource(it *gofeed.Item, title string) {
	if it == nil || strings.TrimSpace(title) == "" {
		return
	}
	if it.Custom == nil {
		it.Custom = map[string]string{}
	}
	it.Custom[sourceKey] = title
}

// parseOnce hands a feed to gofeed, which may not like it.
func parseOnce(text []byte) (*gofeed.Feed, error) {
	return newFeedParser().Parse(bytes.NewReader(text))
}

// credit tells whose story an item is, and takes that name and the feed's own
// off its headline's end. It must be the whole name, so that a headline with
// a dash of its own stays whole.
func (f *feedReader) credit(it *gofeed.Item, a *digest.Article) {
	source := siteName(plainTitle(it.Custom[sourceKey]), "")
	if source != "" && !sameName(source, a.Site) {
		a.Attribution = digest.PlainLine(source, maxName)
	}
	t := &titles{}
	for _, name := range []string{source, plainTitle(it.Custom[sourceKey]), a.Site, f.site} {
		if s := squash(name); len(s) > 1 {
			t.sites = append(t.sites, s)
		}
	}
	if u, err := url.Parse(f.link(it)); err == nil {
		if domain := squash(siteOfHost(u)); domain != "" {
			t.sites = append(t.sites, domain)
		}
	}
	for range 2 {
		a.Title = t.withoutExactSite(a.Title)
	}
}

// feedSite is the publication behind a feed, whose title often names a section
// as well: "World news | The Gazette".
func feedSite(feed *gofeed.Feed) string {
	domain := ""
	if u, err := url.Parse(strings.TrimSpace(first(feed.Link, feed.FeedLink))); err == nil {
		domain = siteOfHost(u)
	}
	return first(siteName(plainTitle(feed.Title), domain), plainTitle(feed.Title))
}
