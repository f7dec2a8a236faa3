package sample

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"html"
	"path"
	"strings"
	"time"
)

// The media types of feeds: RFC 4287 section 7 for Atom; RSS has none
// registered, and readers know this one.
const (
	typeRSS  = "application/rss+xml; charset=utf-8"
	typeAtom = "application/atom+xml; charset=utf-8"
	typeJSON = "application/feed+json; charset=utf-8"
)

// teaserWords is where a feed that brings only teasers cuts off.
const teaserWords = 18

// feedWriter writes one feed of a publication.
type feedWriter struct {
	base     string
	pub      *publication
	feed     feed
	pictures map[string]picture
	changed  time.Time
}

// write gives the feed's media type and text. The ending of its path says
// which format it has.
func (w feedWriter) write(articles []published) (kind string, text []byte) {
	switch path.Ext(w.feed.Path) {
	case ".json":
		return typeJSON, jsonDocument(w.json(articles))
	case ".atom":
		return typeAtom, xmlDocument(w.atom(articles))
	}
	return typeRSS, xmlDocument(w.rss(articles))
}

// kindOfFeed is the media type that a page's link to a feed names.
func kindOfFeed(name string) string {
	kind := map[string]string{".json": typeJSON, ".atom": typeAtom}[path.Ext(name)]
	if kind == "" {
		kind = typeRSS
	}
	kind, _, _ = strings.Cut(kind, ";")
	return kind
}

// xmlDocument and jsonDocument cannot fail on the plain structs below.
func xmlDocument(v any) []byte {
	text, err := xml.MarshalIndent(v, "", "  ")
	if err != nil {
		return nil
	}
	return append([]byte(xml.Header), append(text, '\n')...)
}

func jsonDocument(v any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return nil
	}
	return b.Bytes()
}

func (w feedWriter) self() string                  { return w.base + "/" + w.pub.Slug + "/" + w.feed.Path }
func (w feedWriter) home() string                  { return w.base + "/" + w.pub.Slug + "/" }
func (w feedWriter) link(a published) string       { return w.base + a.path() }
func (w feedWriter) pictureURL(name string) string { return w.base + "/pictures/" + name }

// id is an article's identity for ever, whatever address the press has today:
// a tag URI (RFC 4151) of a host that cannot exist (RFC 2606 section 2).
func (w feedWriter) id(slug string) string { return "tag:" + w.pub.Slug + ".invalid,2025:" + slug }

// summary is the plain text that an item brings.
func (a published) summary() string {
	switch {
	case a.Feed != feedTeaser:
		return a.Description
	case len(a.Body) == 0:
		return ""
	}
	words := strings.Fields(a.Body[0].Text)
	if len(words) <= teaserWords {
		return a.Body[0].Text
	}
	return strings.Join(words[:teaserWords], " ") + " …"
}

// html is an item's whole text, empty where the feed does not bring it.
func (a published) html() string {
	if a.Feed != feedFull {
		return ""
	}
	var b strings.Builder
	if len(a.Points) > 0 {
		b.WriteString("<ul>\n")
		for _, point := range a.Points {
			b.WriteString("<li>" + html.EscapeString(point) + "</li>\n")
		}
		b.WriteString("</ul>\n")
	}
	for _, block := range a.Body {
		tag := "p"
		if block.Heading {
			tag = "h2"
		}
		b.WriteString("<" + tag + ">" + html.EscapeString(block.Text) + "</" + tag + ">\n")
	}
	if a.Source != "" {
		b.WriteString("<p>" + html.EscapeString(sourceLine(a.article)) + "</p>\n")
	}
	return b.String()
}

// RSS 2.0, with the content, Dublin Core, Media RSS and Atom elements that
// readers look for. encoding/xml writes prefixes as they stand.

type rss struct {
	XMLName xml.Name   `xml:"rss"`
	Version string     `xml:"version,attr"`
	Atom    string     `xml:"xmlns:atom,attr"`
	Content string     `xml:"xmlns:content,attr"`
	DC      string     `xml:"xmlns:dc,attr"`
	Media   string     `xml:"xmlns:media,attr"`
	Channel rssChannel `xml:"channel"`
}

type rssChannel struct {
	Title       string    `xml:"title"`
	Link        string    `xml:"link"`
	Description string    `xml:"description"`
	Language    string    `xml:"language"`
	Built       string    `xml:"lastBuildDate"`
	TTL         int       `xml:"ttl"` // minutes
	Self        atomLink  `xml:"atom:link"`
	Items       []rssItem `xml:"item"`
}

type rssItem struct {
	Title       string    `xml:"title"`
	Link        string    `xml:"link"`
	GUID        rssGUID   `xml:"guid"`
	Published   string    `xml:"pubDate"`
	Creator     string    `xml:"dc:creator"`
	Category    string    `xml:"category"`
	Description string    `xml:"description,omitempty"`
	Content     string    `xml:"content:encoded,omitempty"`
	Media       *rssMedia `xml:"media:content"`
}

type rssGUID struct {
	IsPermaLink bool   `xml:"isPermaLink,attr"`
	Text        string `xml:",chardata"`
}

type rssMedia struct {
	URL         string `xml:"url,attr"`
	Type        string `xml:"type,attr"`
	Medium      string `xml:"medium,attr"`
	Width       int    `xml:"width,attr"`
	Height      int    `xml:"height,attr"`
	Description string `xml:"media:description"`
}

func (w feedWriter) rss(articles []published) rss {
	channel := rssChannel{
		Title: w.pub.Name, Link: w.home(), Description: w.pub.Tagline, Language: w.pub.Language, Built: w.changed.UTC().Format(time.RFC1123Z),
		TTL: 15, Self: atomLink{Rel: "self", Type: "application/rss+xml", Href: w.self()},
	}
	for _, a := range articles {
		item := rssItem{
			Title: a.Headline, Link: w.link(a), GUID: rssGUID{Text: w.id(a.Slug)}, Published: a.At.UTC().Format(time.RFC1123Z), Creator: a.Author,
			Category: sectionName(a.Category, a.Language), Description: a.summary(), Content: a.html(),
		}
		if pic, ok := w.pictures[a.Picture]; ok && w.feed.Pictures {
			item.Media = &rssMedia{w.pictureURL(a.Picture), typePNG, "image", pic.Width, pic.Height, a.Alt}
		}
		channel.Items = append(channel.Items, item)
	}
	return rss{
		Version: "2.0", Atom: "http://www.w3.org/2005/Atom", Content: "http://purl.org/rss/1.0/modules/content/",
		DC: "http://purl.org/dc/elements/1.1/", Media: "http://search.yahoo.com/mrss/", Channel: channel,
	}
}

// Atom, RFC 4287.

type atomFeed struct {
	XMLName  xml.Name    `xml:"http://www.w3.org/2005/Atom feed"`
	Language string      `xml:"xml:lang,attr"`
	ID       string      `xml:"id"`
	Title    string      `xml:"title"`
	Subtitle string      `xml:"subtitle"`
	Updated  string      `xml:"updated"`
	Links    []atomLink  `xml:"link"`
	Entries  []atomEntry `xml:"entry"`
}

type atomLink struct {
	Rel    string `xml:"rel,attr"`
	Type   string `xml:"type,attr,omitempty"`
	Href   string `xml:"href,attr"`
	Length int    `xml:"length,attr,omitempty"` // bytes
}

type atomEntry struct {
	ID        string       `xml:"id"`
	Title     string       `xml:"title"`
	Published string       `xml:"published"`
	Updated   string       `xml:"updated"`
	Author    string       `xml:"author>name"`
	Category  atomCategory `xml:"category"`
	Links     []atomLink   `xml:"link"`
	Summary   string       `xml:"summary,omitempty"`
	Content   *atomContent `xml:"content"`
}

type atomCategory struct {
	Term string `xml:"term,attr"`
}

type atomContent struct {
	Type string `xml:"type,attr"`
	Text string `xml:",chardata"`
}

func (w feedWriter) atom(articles []published) atomFeed {
	f := atomFeed{
		Language: w.pub.Language, ID: w.id(w.feed.Path), Title: w.pub.Name, Subtitle: w.pub.Tagline, Updated: w.changed.UTC().Format(time.RFC3339),
		Links: []atomLink{{Rel: "self", Type: "application/atom+xml", Href: w.self()}, {Rel: "alternate", Type: "text/html", Href: w.home()}},
	}
	for _, a := range articles {
		at := a.At.UTC().Format(time.RFC3339)
		e := atomEntry{
			ID: w.id(a.Slug), Title: a.Headline, Published: at, Updated: at, Author: a.Author, Category: atomCategory{sectionName(a.Category, a.Language)},
			Links: []atomLink{{Rel: "alternate", Type: "text/html", Href: w.link(a)}}, Summary: a.summary(),
		}
		if pic, ok := w.pictures[a.Picture]; ok && w.feed.Pictures {
			e.Links = append(e.Links, atomLink{Rel: "enclosure", Type: typePNG, Href: w.pictureURL(a.Picture), Length: len(pic.Bytes)})
		}
		if text := a.html(); text != "" {
			e.Content = &atomContent{"html", text}
		}
		f.Entries = append(f.Entries, e)
	}
	return f
}

// JSON Feed, version 1.1.

type jsonFeed struct {
	Version     string     `json:"version"`
	Title       string     `json:"title"`
	HomePage    string     `json:"home_page_url"`
	FeedURL     string     `json:"feed_url"`
	Description string     `json:"description"`
	Language    string     `json:"language"`
	Items       []jsonItem `json:"items"`
}

type jsonItem struct {
	ID        string       `json:"id"`
	URL       string       `json:"url"`
	Title     string       `json:"title"`
	HTML      string       `json:"content_html,omitempty"`
	Text      string       `json:"content_text,omitempty"` // an item needs one of the two
	Summary   string       `json:"summary,omitempty"`
	Image     string       `json:"image,omitempty"`
	Published string       `json:"date_published"`
	Authors   []jsonAuthor `json:"authors"`
	Tags      []string     `json:"tags"`
	Language  string       `json:"language"`
}

type jsonAuthor struct {
	Name string `json:"name"`
}

func (w feedWriter) json(articles []published) jsonFeed {
	f := jsonFeed{
		Version: "https://jsonfeed.org/version/1.1", Title: w.pub.Name, HomePage: w.home(), FeedURL: w.self(),
		Description: w.pub.Tagline, Language: w.pub.Language, Items: []jsonItem{},
	}
	for _, a := range articles {
		item := jsonItem{
			ID: w.id(a.Slug), URL: w.link(a), Title: a.Headline, HTML: a.html(), Summary: a.summary(), Published: a.At.UTC().Format(time.RFC3339),
			Authors: []jsonAuthor{{a.Author}}, Tags: []string{sectionName(a.Category, a.Language)}, Language: a.Language,
		}
		if item.HTML == "" {
			item.Text = item.Summary
		}
		if a.Picture != "" && w.feed.Pictures {
			item.Image = w.pictureURL(a.Picture)
		}
		f.Items = append(f.Items, item)
	}
	return f
}
