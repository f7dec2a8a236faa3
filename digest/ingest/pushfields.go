package ingest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/mmcdole/gofeed"

	"courant/digest"
)

// What one article may hold, in characters. What is longer is a fault, never
// cut: only its publisher knows what may go.
const (
	mostTitle       = 400
	mostName        = 160
	mostPoint       = 700
	mostPoints      = 10
	mostCategories  = 10
	mostDescription = 5000
	mostBody        = 1 << 20
	mostAddress     = 2000
	mostGUID        = 1000
)

// soon is how far a publisher's clock may be ahead of ours.
const soon = 15 * time.Minute

// pushNames are the fields of an article, in the order in which they are told.
func pushNames() []string {
	return []string{"url", "title", "category", "categories", "points", "points_from", "site", "attribution", "author", "published",
		"language", "image", "description", "body", "html", "text", "guid"}
}

// meantBy are names that other formats have for our fields.
func meantBy(name string) string {
	return map[string]string{
		"link": "url", "href": "url", "permalink": "url", "headline": "title", "section": "category", "tags": "categories", "tag": "category",
		"keypoints": "points", "key_points": "points", "highlights": "points", "bullets": "points", "summary": "description", "teaser": "description",
		"excerpt": "description", "content": "body", "content_html": "html", "content_text": "text", "byline": "author", "authors": "author",
		"date": "published", "published_at": "published", "date_published": "published", "pubdate": "published", "lang": "language",
		"picture": "image", "image_url": "image", "id": "guid", "source": "attribution", "publisher": "site",
	}[strings.ToLower(name)]
}

// pushFields are the fields of one article.
type pushFields struct {
	r       *pushReader
	pointer string
	at      int
	members map[string]member
}

// fault notes what is wrong with a field.
func (f *pushFields) fault(name, format string, args ...any) {
	at := f.at
	if m, there := f.members[name]; there {
		at = m.at
	}
	f.r.fault(at, f.pointer+"/"+name, format, args...)
}

// take sorts the fields by their names. What is null was not given.
func (f *pushFields) take(members []member) {
	for _, m := range members {
		_, twice := f.members[m.name]
		switch {
		case twice:
			f.r.fault(m.at, f.pointer+"/"+escapePointer(m.name), "this field is there twice")
		case slices.Contains(pushNames(), m.name):
			f.members[m.name] = m
		case meantBy(m.name) != "":
			f.r.fault(m.at, f.pointer+"/"+escapePointer(m.name), "unknown field; did you mean %q?", meantBy(m.name))
		default:
			f.r.fault(m.at, f.pointer+"/"+escapePointer(m.name), "unknown field; an article has %s", strings.Join(pushNames(), ", "))
		}
	}
}

// value is a field as it was written, and whether it was.
func (f *pushFields) value(name string) (json.RawMessage, bool) {
	m, there := f.members[name]
	return m.value, there && m.value[0] != 'n'
}

// text is a field that is a text, as it was written.
func (f *pushFields) text(name string, most int) string {
	value, there := f.value(name)
	if !there {
		return ""
	}
	s, ok := f.textOf(name, value)
	if ok && len(s) > most {
		f.fault(name, "it has %d bytes; at most %d are taken", len(s), most)
		return ""
	}
	return s
}

// textOf is a value that must be a text; name is its place in the article.
func (f *pushFields) textOf(name string, value json.RawMessage) (s string, ok bool) {
	if value[0] != '"' {
		f.fault(name, "it is a text, and this is %s", kindOfValue(value))
		return "", false
	}
	if err := json.Unmarshal(value, &s); err != nil {
		f.fault(name, "this is no text: %s", err)
		return "", false
	}
	return s, true
}

// line is a field that is one line of plain text.
func (f *pushFields) line(name string, most int) string {
	value, there := f.value(name)
	if !there {
		return ""
	}
	s, _ := f.plain(name, value, most)
	return s
}

// plain is a value as plain text: what markup it has is taken off, twice as of
// a feed's headlines, so that none comes out from behind its entities.
func (f *pushFields) plain(name string, value json.RawMessage, most int) (string, bool) {
	s, ok := f.textOf(name, value)
	if !ok || strings.TrimSpace(s) == "" {
		return "", ok
	}
	room := 4*most + utf8.UTFMax // bytes
	clean := plainText(plainText(s, 2*room), room)
	n := utf8.RuneCountInString(clean)
	switch {
	case n > most || len(s) > 4*room:
		f.fault(name, "it has more than the %d characters that are taken", most)
	case n == 0:
		f.fault(name, "there is markup in it and no words")
	default:
		return clean, true
	}
	return "", false
}

// article reads all of them. What it gives where there are faults is not used.
func (f *pushFields) article() digest.Article {
	a := digest.Article{
		GUID: digest.PlainLine(f.text("guid", mostGUID), mostGUID), Title: f.line("title", mostTitle),
		Site: f.line("site", mostName), Attribution: f.line("attribution", mostName), Author: f.line("author", mostName),
		Published: f.published(), Language: f.language(), Image: f.image(),
	}
	switch {
	case f.faulty("title"):
	case a.Title == "":
		f.fault("title", "there is no title; every article has its headline")
	case !worded(a.Title):
		f.fault("title", "there is no letter or digit in it that a reader could see; every article has its headline")
	}
	a.URL, a.Canonical = f.address()
	f.categories(&a)
	f.points(&a)
	return a
}

// faulty says whether a field was found wrong already.
func (f *pushFields) faulty(name string) bool {
	return f.r.untold > 0 || slices.ContainsFunc(f.r.faults, func(x digest.ArticleFault) bool { return x.Pointer == f.pointer+"/"+name })
}

// address is the article's own: it is what the article is known by.
func (f *pushFields) address() (open, canonical string) {
	s := strings.TrimSpace(f.text("url", mostAddress))
	if s == "" {
		if !f.faulty("url") {
			f.fault("url", "there is no url; it is where readers open the article, and what it is known by")
		}
		return "", ""
	}
	open, err := digest.OpenURL(s)
	if err == nil {
		canonical, err = digest.CanonicalURL(s)
	}
	if err != nil {
		f.fault("url", "readers cannot open this; write the whole address, as in https://example.com/story")
		return "", ""
	}
	if why := sealed(open, f.r.o.AllowPrivate); why != "" {
		f.fault("url", "readers cannot open this: %s", why)
		return "", ""
	}
	return open, canonical
}

func (f *pushFields) published() time.Time {
	s := strings.TrimSpace(f.text("published", 100))
	if s == "" {
		return time.Time{}
	}
	at, err := time.Parse(time.RFC3339, s)
	switch {
	case err != nil:
		f.fault("published", "%q is no time of RFC 3339; write it like 2026-11-22T09:30:00Z", digest.PlainLine(s, 60))
	case at.Year() < 1800:
		f.fault("published", "nothing was published in the year %d; leave it out where it is not known", at.Year())
	case at.After(f.r.o.Now.Add(soon)):
		f.fault("published", "this is yet to come; push the article when it is out, for the next edition may carry it at once")
	default:
		return at.UTC()
	}
	return time.Time{}
}

func (f *pushFields) language() string {
	s := f.text("language", 100)
	tag := languageTag(s)
	if tag == "" && strings.TrimSpace(s) != "" {
		f.fault("language", "%q is no language; write its tag, as in en or pt-BR", digest.PlainLine(s, 40))
	}
	return tag
}

// image reads the lead image: its address, or an object that says more.
func (f *pushFields) image() digest.Image {
	value, there := f.value("image")
	switch {
	case !there:
		return digest.Image{}
	case value[0] == '"':
		return digest.Image{URL: f.imageAddress("image", value)}
	case value[0] != '{':
		f.fault("image", "it is an address, or an object with url, alt, width and height; this is %s", kindOfValue(value))
		return digest.Image{}
	}
	var i digest.Image
	for _, m := range membersOf(value, f.members["image"].at) {
		name := "image/" + escapePointer(m.name)
		switch {
		case m.value[0] == 'n':
		case m.name == "url":
			i.URL = f.imageAddress(name, m.value)
		case m.name == "alt":
			i.Alt, _ = f.plain(name, m.value, mostTitle)
		case m.name == "width":
			i.Width = f.size(name, m.value)
		case m.name == "height":
			i.Height = f.size(name, m.value)
		default:
			f.fault(name, "unknown field; an image has url, alt, width and height")
		}
	}
	if i.URL == "" && !f.faulty("image/url") {
		f.fault("image/url", "the image has no address")
	}
	return i
}

func (f *pushFields) imageAddress(name string, value json.RawMessage) string {
	s, ok := f.textOf(name, value)
	if !ok || s == "" {
		return ""
	}
	open, err := digest.OpenURL(s)
	if err != nil || len(s) > mostAddress {
		f.fault(name, "a mail cannot show this; write the image's whole address, as in https://example.com/a.jpg")
		return ""
	}
	if why := sealed(open, f.r.o.AllowPrivate); why != "" {
		f.fault(name, "a mail cannot show this: %s", why)
		return ""
	}
	return open
}

// size is a number of pixels; 0 is unknown.
func (f *pushFields) size(name string, value json.RawMessage) int {
	var n int
	if err := json.Unmarshal(value, &n); err != nil || n < 0 || n > 100000 {
		f.fault(name, "it is a number of pixels")
		return 0
	}
	return n
}

// texts is a field that is a list of lines.
func (f *pushFields) texts(name string, most, long int) (list []string) {
	value, there := f.value(name)
	if !there {
		return nil
	}
	if value[0] != '[' {
		f.fault(name, "it is a list of texts, and this is %s", kindOfValue(value))
		return nil
	}
	items := itemsOf(value, most+1)
	if len(items) > most {
		f.fault(name, "there are more than %d; an article has at most so many", most)
		return nil
	}
	for i, item := range items {
		if s, _ := f.plain(fmt.Sprintf("%s/%d", name, i), item, long); s != "" {
			list = append(list, s)
		}
	}
	return list
}

// points takes the publisher's own points. Where there are none, they are
// found in what else was sent, as in an item of a feed, and what they were
// taken from is recorded: a description is never passed off as key points.
//
// A publisher's own points count as the feed's own: they came by its channel,
// made for this, and no page was read for them.
func (f *pushFields) points(a *digest.Article) {
	var points []string
	for _, s := range unmarked(f.texts("points", mostPoints, mostPoint), a.Language) {
		if !isBoilerplate(s) {
			points = append(points, s)
		}
	}
	points = foldLines(points)
	from := f.pointsFrom(len(points) > 0)
	f.found(a)
	switch {
	case len(points) > 0:
		a.Points, a.PointsFrom = points, from
	case from == digest.PointsNone:
		a.Points, a.PointsFrom = nil, from
	}
}

// pointsFrom is where given points come from, in the words of extract. Whoever
// doesn't say it gives points of their own.
func (f *pushFields) pointsFrom(given bool) digest.PointsFrom {
	all := []digest.PointsFrom{digest.PointsPage, digest.PointsFeed, digest.PointsDescription, digest.PointsLead, digest.PointsModel, digest.PointsNone}
	from := digest.PointsFrom(f.text("points_from", 40))
	switch {
	case from == "" && given:
		return digest.PointsFeed
	case from == "":
		return ""
	case !slices.Contains(all, from):
		f.fault("points_from", "%q is no origin of points; leave it out for points of your own, or take page, feed, description, lead, model or none", digest.PlainLine(string(from), 40))
	case given == (from == digest.PointsNone):
		f.fault("points_from", "%q does not fit the points that are there; leave it out for points of your own", from)
	}
	return from
}

// found fills points and lead from the article's text.
func (f *pushFields) found(a *digest.Article) {
	description := f.text("description", 4*mostDescription)
	if utf8.RuneCountInString(description) > mostDescription {
		f.fault("description", "it has more than the %d characters that are taken", mostDescription)
	}
	var bodies []string
	for _, name := range []string{"body", "html", "text"} {
		if _, there := f.value(name); there {
			bodies = append(bodies, name)
		}
	}
	if len(bodies) > 1 {
		f.fault(bodies[1], "%s is there, too; the text is sent once: body or html as HTML, or text as it is", bodies[0])
		return
	}
	body, text := "", f.text("text", mostBody)
	if len(bodies) == 1 && bodies[0] != "text" {
		body = f.text(bodies[0], mostBody)
	}
	if text == "" {
		(&feedReader{}).points(&gofeed.Item{Content: body, Description: description}, a)
		return
	}
	read, _, _ := readText([]byte(a.Title+"\n\n"+text), reading{now: f.r.o.Now})
	a.Lead = read.Lead
	if read.PointsFrom == digest.PointsPage {
		a.Points, a.PointsFrom = read.Points, digest.PointsFeed
		return
	}
	fallBack(a, shortDescription(description), sentences(read.Lead))
}

// categories are what the article belongs to, the main one first: what the
// config's rules find for the publisher's words, else those words. They are
// kept as terms only where a rule knew them. Else all of them stand, while of a
// feed's many words only the first would, and no later filing takes that back.
func (f *pushFields) categories(a *digest.Article) {
	a.Category, a.Categories = f.line("category", mostName), f.texts("categories", mostCategories, mostName)
	all := a.AllCategories()
	var terms []digest.Term
	for _, c := range all {
		terms = append(terms, digest.Term{Text: c, From: digest.TermFeed})
	}
	if filed := f.r.o.Filing.Categories(terms); len(filed) > 0 {
		a.Terms, all = terms, nil
		for _, x := range filed {
			all = append(all, x.Category)
		}
	}
	a.Category, a.Categories = "", nil
	if len(all) > 0 {
		a.Category = all[0]
	}
	if len(all) > 1 {
		a.Categories = all
	}
}
