package ingest

import (
	"errors"
	"fmt"
	"html"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/mmcdole/gofeed"

	"courant/digest"
)

var errFeed = errors.New("the feed cannot be read")

// maxItems bounds what one feed may bring at once.
const maxItems = 1000

// tooMany says how much of a feed that holds so many items is taken.
func tooMany(items int) string {
	return fmt.Sprintf("the feed has %d items; the first %d were taken", items, maxItems)
}

// readFeed reads a feed of any format.
func (e *Extraction) readFeed(text []byte, address *url.URL, how reading) error {
	feed, warnings, err := parseFeed(text)
	e.Warnings = append(e.Warnings, warnings...)
	if err != nil {
		return err
	}
	e.Title = plainTitle(feed.Title)
	e.ttl = feedTTL(text)
	f := feedReader{feed: feed, base: feedBase(feed, address), site: feedSite(feed), reading: how, language: languageTag(feed.Language),
		about: feed.Description, described: map[string]int{}}
	if len(feed.Items) > maxItems {
		e.Warnings = append(e.Warnings, tooMany(len(feed.Items)))
		feed.Items = feed.Items[:maxItems]
	}
	heads, repeats := f.heads()
	e.Warnings = append(e.Warnings, sharing(heads)...)
	if n := lostItems(heads, repeats); n > 0 {
		e.Warnings = append(e.Warnings, fmt.Sprintf("%s the address of another and nothing else that tells them apart: no GUID, no part of the page; not read", hasOrHave(n)))
	}
	for _, it := range feed.Items {
		f.described[it.Description]++
	}
	blank := 0
	for i, it := range feed.Items {
		if repeats[i] {
			continue
		}
		made := f.fill(it, &heads[i])
		if !usable(heads[i]) {
			blank++
		}
		e.keep(heads[i], made, how)
	}
	if blank > 0 {
		e.Warnings = append(e.Warnings, fmt.Sprintf("%d of the feed's items have no headline or no link", blank))
	}
	if len(feed.Items) == 0 {
		e.Warnings = append(e.Warnings, "the feed has no items")
	}
	return nil
}

// feedBase is what relative links are resolved against: the address the feed
// came from, else the channel's own link.
func feedBase(feed *gofeed.Feed, address *url.URL) *url.URL {
	if address != nil {
		return address
	}
	for _, link := range []string{feed.Link, feed.FeedLink} {
		if u, err := url.Parse(strings.TrimSpace(link)); err == nil && u.IsAbs() && u.Host != "" {
			return u
		}
	}
	return nil
}

type feedReader struct {
	feed      *gofeed.Feed
	base      *url.URL
	site      string
	about     string         // what the feed says of itself
	described map[string]int // how many of its items have a description
	language  string
	reading
}

// usable tells articles a reader can be given: they have a headline and a
// link.
func usable(a digest.Article) bool { return worded(a.Title) && a.URL != "" && a.Canonical != "" }

// worded tells a text in which a reader sees a letter or a digit. The fillers
// of Hangul are letters to Unicode, and nothing to see.
func worded(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool {
		return (unicode.IsLetter(r) || unicode.IsNumber(r)) && !strings.ContainsRune("\u115f\u1160\u3164\uffa0", r)
	})
}

// heads are the feed's items as far as they are told apart by, and which of
// them repeat one before.
func (f *feedReader) heads() (heads []digest.Article, repeats []bool) {
	for _, it := range f.feed.Items {
		heads = append(heads, f.head(it))
	}
	lone := lonely(heads)
	told := slices.Clone(heads)
	for i := range told {
		if told[i].Title == "" {
			told[i].Title = firstWords(plainText(first(f.feed.Items[i].Description, f.feed.Items[i].Content), maxTitle), 12)
		}
		if !lone[told[i].GUID] {
			told[i].GUID = "" // that of several items is nobody's own
		}
	}
	repeats, _ = digest.TellApart(told)
	for i := range heads {
		heads[i].Canonical = told[i].Canonical
	}
	return heads, repeats
}

// lonely are the GUIDs that one item has alone.
func lonely(heads []digest.Article) map[string]bool {
	lone := map[string]bool{}
	for _, a := range heads {
		_, twice := lone[a.GUID]
		lone[a.GUID] = !twice
	}
	return lone
}

// sharing tells the editor of addresses that several items have: a click on
// any of them leads to the same page.
func sharing(heads []digest.Article) (warnings []string) {
	count := map[string]int{}
	for _, a := range heads {
		if address, shared := digest.SharedAddress(a.Canonical); shared {
			count[address]++
		}
	}
	for _, address := range slices.Sorted(maps.Keys(count)) {
		if len(warnings) == 3 {
			return append(warnings, fmt.Sprintf("%d more addresses are shared by several items", len(count)-3))
		}
		warnings = append(warnings, fmt.Sprintf("%d items share one address, %s; they are told apart by their GUIDs or by the part of the page", count[address], digest.PlainLine(address, 200)))
	}
	return warnings
}

// lostItems counts items that were taken for one before only because they have
// nothing but the address, under a headline that shares no word with it.
func lostItems(heads []digest.Article, repeats []bool) (n int) {
	first := map[string]string{}
	for i, a := range heads {
		if title, twice := first[a.Canonical]; !twice {
			first[a.Canonical] = a.Title
		} else if repeats[i] && a.GUID == "" && !digest.Retitled(title, a.Title) {
			n++
		}
	}
	return n
}

func hasOrHave(n int) string {
	if n == 1 {
		return "1 item has"
	}
	return fmt.Sprintf("%d items have", n)
}

// head is an item's article without what its texts say.
func (f *feedReader) head(it *gofeed.Item) digest.Article {
	a := digest.Article{
		GUID:      digest.PlainLine(it.GUID, 1000),
		Title:     plainTitle(it.Title),
		Site:      digest.PlainLine(f.site, maxName),
		Author:    f.author(it),
		Published: f.published(it),
		Language:  f.language,
	}
	f.credit(it, &a)
	if link := f.link(it); link != "" {
		a.URL, _ = digest.OpenURL(link)
		a.Canonical, _ = digest.CanonicalURL(link)
	}
	return a
}

// fill completes an item's article.
func (f *feedReader) fill(it *gofeed.Item, a *digest.Article) choice {
	a.Image = f.image(it, a.Title)
	if it.DublinCoreExt != nil && len(it.DublinCoreExt.Language) > 0 {
		a.Language = first(languageTag(it.DublinCoreExt.Language[0]), a.Language)
	}
	a.Terms = itemTerms(it)
	a.Category = publishersOwn(a.Terms)
	made := f.points(it, a)
	if a.Language == "" {
		a.Language = guessedLanguage(first(a.Text, a.Title+" "+a.Lead))
	}
	if a.Title == "" {
		a.Title = digest.PlainLine(firstWords(first(a.Lead, strings.Join(a.Points, " ")), 12), maxTitle)
	}
	return made
}

// itemTerms are what an item is filed under: its categories, which gofeed reads
// from RSS, Atom, JSON Feed and Dublin Core, and those of Media RSS.
func itemTerms(it *gofeed.Item) []digest.Term {
	var l termList
	l.add(digest.TermFeed, it.Categories...)
	if it.DublinCoreExt != nil {
		l.add(digest.TermFeed, it.DublinCoreExt.Subject...)
	}
	for _, c := range it.Extensions["media"]["category"] {
		l.add(digest.TermFeed, first(c.Attrs["label"], c.Value))
	}
	for _, c := range it.Extensions["media"]["keywords"] {
		l.addList(digest.TermTag, c.Value)
	}
	return l
}

// firstWords makes a headline of a text for items that have none: links,
// notes and pictures, which RSS 2.0 allows.
func firstWords(s string, n int) string {
	words := strings.Fields(s)
	if len(words) <= n {
		return s
	}
	return strings.Join(words[:n], " ") + " …"
}

// link is the item's address. A guid that is an address serves where there
// is no link: RSS 2.0 says it may be one.
func (f *feedReader) link(it *gofeed.Item) string {
	for _, service := range [...]string{"feedburner", "pheedo"} {
		for _, o := range it.Extensions[service]["origLink"] {
			if link := absolute(f.base, o.Value); link != "" {
				return link // the item's link is the service's redirect
			}
		}
	}
	for _, candidate := range append([]string{it.Link}, it.Links...) {
		if link := absolute(f.base, candidate); link != "" {
			return link
		}
	}
	if strings.HasPrefix(it.GUID, "http") {
		return absolute(nil, it.GUID)
	}
	return ""
}

// author names up to three people. gofeed reads most formats; Dublin Core is
// left to us.
func (f *feedReader) author(it *gofeed.Item) string {
	var names []string
	for _, p := range it.Authors {
		if p == nil {
			continue
		}
		if name := cleanAuthor(p.Name); name != "" && len(names) < 3 {
			names = append(names, name)
		}
	}
	if len(names) == 0 && it.DublinCoreExt != nil {
		for _, c := range it.DublinCoreExt.Creator {
			if name := cleanAuthor(c); name != "" && len(names) < 3 {
				names = append(names, name)
			}
		}
	}
	return digest.PlainLine(strings.Join(foldLines(names), ", "), maxName)
}

// published reads the dates itself: gofeed takes impossible ones and zones
// it doesn't know for UTC.
func (f *feedReader) published(it *gofeed.Item) time.Time {
	raw := []string{it.Published, it.Updated}
	if it.DublinCoreExt != nil {
		raw = append(raw, it.DublinCoreExt.Date...)
	}
	for _, s := range raw {
		if strings.TrimSpace(s) != "" {
			return parseDate(s, f.now)
		}
	}
	return time.Time{}
}

// points fills the key points from the item alone: a list near the top of
// its HTML, its description, its first sentences.
func (f *feedReader) points(it *gofeed.Item, a *digest.Article) choice {
	content, description := markedHTML(unescapedHTML(it.Content)), markedHTML(unescapedHTML(it.Description))
	whole := content == "" && len(plainText(description, 2000)) > 600
	if whole {
		content = description // the whole article where its description belongs
	}
	body := snippetPage(first(content, description), a.Title, plainText(description, 4*maxPoint), f.reading)
	if len(body.body) == 0 && content != it.Content {
		body.known.add(plainText(content, maxBody)) // the item's text is that list, and nothing else is there to measure it by
	}
	lead := body.leadSentences()
	a.Lead, a.Text = digest.PlainLine(strings.Join(lead, " "), maxLead), body.text()
	if a.Lead == "" {
		a.Lead = plainText(description, maxLead)
	}
	if a.Attribution == "" {
		a.Attribution = body.credit(a.Site)
	}
	made := choice{pages: []*page{body, snippetPage(description, a.Title, "", f.reading)}}
	body.where, made.pages[1].where = "content", "description"
	if points := made.points(); len(points) > 0 {
		a.Points, a.PointsFrom = points, digest.PointsFeed
		return made
	}
	ofSite := f.described[it.Description] > 2 || sameText(description, f.about)
	if ofSite && it.Content == "" {
		a.Lead, a.Text, lead = "", "", nil // what the site says of itself, whatever the item
	}
	if whole || ofSite {
		description = ""
	}
	made.description = shortDescription(description)
	made.fallback = fallBack(a, f.rule.trim(made.description), lead)
	return made
}

// escapedTags is HTML that was escaped twice: what should be markup is text.
var escapedTags = regexp.MustCompile(`&lt;/?(?:p|ul|ol|li|div|br|strong|em|b|i|a|h[1-6]|span|img|blockquote)\b[^<>]{0,500}?&gt;`)

// unescapedHTML takes the second escaping off HTML that has no tag of its own.
func unescapedHTML(s string) string {
	if strings.Contains(s, "&lt;") && !pageTag.MatchString(s) && len(escapedTags.FindAllStringIndex(s, 2)) == 2 {
		return html.UnescapeString(s)
	}
	return s
}

// sameText compares two pieces of HTML by what they say.
func sameText(a, b string) bool {
	key := squash(plainText(a, 4*maxPoint))
	return key != "" && key == squash(plainText(b, 4*maxPoint))
}

// credit is the publication that a line of an item names as the story's own.
func (p *page) credit(site string) string {
	end := len(p.o.blocks) * 4 / 5
	for i, b := range p.o.blocks {
		if b.words > 40 || b.list >= 0 {
			continue
		}
		if name := credited(b.text, i >= end); name != "" && !sameName(name, site) {
			return name
		}
	}
	return ""
}

// shortDescription is a description without the lists and links that feeds
// put behind it.
func shortDescription(description string) string {
	if !strings.Contains(description, "<") {
		return plainText(description, 4*maxPoint)
	}
	doc, _ := parseHTML([]byte(description))
	o := newOutline(doc)
	var kept []string
	for _, b := range o.blocks {
		if b.list < 0 && b.link*2 <= len(b.text) && !isBoilerplate(head(b.text, 300)) {
			kept = append(kept, b.text)
		}
	}
	return strings.Join(kept, " ")
}

// snippetPage reads an item's HTML as the page below its headline.
func snippetPage(snippet, headline, description string, how reading) *page {
	doc, _ := parseHTML([]byte(snippet))
	o := newOutline(doc)
	p := &page{reading: how, root: doc, source: snippet, o: o, m: &metadata{}, headline: headline, headlineAt: -1, description: description, known: vocabulary{}}
	o.settle(-1)
	p.findBody()
	p.known.add(headline)
	p.known.add(description)
	for _, i := range p.body {
		p.known.add(o.blocks[i].text)
	}
	p.snippet = true
	return p
}
