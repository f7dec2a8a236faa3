package sample

import (
	"bytes"
	"fmt"
	"html/template"
	"io/fs"
	"path"
	"strings"
	"time"
)

// pages writes the press's web pages.
type pages struct {
	templates *template.Template
	styles    map[string][]byte // by publication, the shared rules first
}

// readPages reads templates and styles. It panics as New does, and for the
// same reason.
func readPages(files fs.FS) *pages {
	p := &pages{styles: map[string][]byte{}}
	p.templates = template.Must(template.New("").ParseFS(files, "content/pages/*.html"))
	shared, err := fs.ReadFile(files, "content/styles/press.css")
	if err != nil {
		panic("sample: " + err.Error())
	}
	names, err := fs.Glob(files, "content/styles/*.css")
	if err != nil {
		panic("sample: " + err.Error())
	}
	for _, name := range names {
		text, err := fs.ReadFile(files, name)
		if err != nil {
			panic("sample: " + err.Error())
		}
		p.styles[strings.TrimSuffix(path.Base(name), ".css")] = append(bytes.Clone(shared), text...)
	}
	return p
}

// page fills a template. What fails here fails for every article alike, and
// the tests ask for each page; a reader would see where it broke off.
func (p *pages) page(name string, data any) []byte {
	var b bytes.Buffer
	if err := p.templates.ExecuteTemplate(&b, name, data); err != nil {
		fmt.Fprintf(&b, "<p>This page could not be written: %s</p>", template.HTMLEscapeString(err.Error()))
	}
	return b.Bytes()
}

// frame is what every page has.
type frame struct {
	Language string
	Title    string
	Style    string // the stylesheet's address
	Words    words
	Pub      *publication // nil: the press's own pages
}

func newFrame(pub *publication, title string) frame {
	if pub == nil {
		return frame{Language: "en", Title: title, Style: "/press/style.css", Words: wordsIn("en")}
	}
	return frame{Language: pub.Language, Title: title, Style: "/" + pub.Slug + "/style.css", Words: wordsIn(pub.Language), Pub: pub}
}

// entry is an article in a list.
type entry struct {
	Path, Headline, Description, Section string
	At                                   string
	Machine                              string // the same for machines
}

func newEntry(a published) entry {
	text := a.Description
	if text == "" {
		text = a.summary()
	}
	return entry{a.path(), a.Headline, text, sectionName(a.Category, a.Language), clockIn(a.Language, a.At), a.At.Format(time.RFC3339)}
}

func (p *pages) index(all *collection, is issue) []byte {
	type row struct {
		*publication
		Latest []entry
	}
	data := struct {
		frame
		Rows []row
	}{frame: newFrame(nil, "The sample press")}
	for i := range all.publications {
		pub := &all.publications[i]
		r := row{publication: pub}
		for _, a := range is.of(pub.Slug, "") {
			r.Latest = append(r.Latest, newEntry(a))
		}
		data.Rows = append(data.Rows, r)
	}
	return p.page("index.html", data)
}

func (p *pages) front(pub *publication, articles []published) []byte {
	type link struct{ Path, Kind, Title string }
	data := struct {
		frame
		Entries []entry
		Feeds   []link
	}{frame: newFrame(pub, pub.Name)}
	for _, a := range articles {
		data.Entries = append(data.Entries, newEntry(a))
	}
	for _, f := range pub.Feeds {
		data.Feeds = append(data.Feeds, link{"/" + pub.Slug + "/" + f.Path, kindOfFeed(f.Path), f.Source})
	}
	return p.page("front.html", data)
}

// figure is an article's picture.
type figure struct {
	URL           string
	Path          string
	Width, Height int
}

func (p *pages) article(base string, pub *publication, a published, pic picture) []byte {
	data := struct {
		frame
		published
		URL      string
		Section  string
		When     string
		Machine  string
		Body     []block
		Figure   *figure
		From     string
		Metadata map[string]any
	}{
		frame: newFrame(pub, a.Headline+" – "+pub.Name), published: a, URL: base + a.path(), Section: sectionName(a.Category, a.Language),
		When: dateIn(a.Language, a.At), Machine: a.At.Format(time.RFC3339), Body: a.Body,
	}
	data.Language = a.Language
	if a.Picture != "" {
		at := "/pictures/" + a.Picture
		data.Figure = &figure{base + at, at, pic.Width, pic.Height}
	}
	if a.Source != "" {
		data.From = sourceLine(a.article)
	}
	if a.Paywalled {
		data.Body = a.Body[:min(len(a.Body), openParagraphs)]
	}
	data.Metadata = linkedData(base, pub, a)
	return p.page("article.html", data)
}

// openParagraphs is how much of a paywalled piece everyone may read.
const openParagraphs = 2

// linkedData is the article as schema.org's NewsArticle. What is paywalled
// says so, and which part of the page it is.
func linkedData(base string, pub *publication, a published) map[string]any {
	m := map[string]any{
		"@context": "https://schema.org", "@type": "NewsArticle", "headline": a.Headline, "inLanguage": a.Language,
		"articleSection": sectionName(a.Category, a.Language), "datePublished": a.At.Format(time.RFC3339), "dateModified": a.At.Format(time.RFC3339),
		"mainEntityOfPage": base + a.path(), "author": map[string]any{"@type": "Person", "name": a.Author},
		"publisher":           map[string]any{"@type": "NewsMediaOrganization", "name": pub.Name, "url": base + "/" + pub.Slug + "/"},
		"isAccessibleForFree": !a.Paywalled,
	}
	if a.Description != "" {
		m["description"] = a.Description
	}
	if a.Picture != "" {
		m["image"] = base + "/pictures/" + a.Picture
	}
	if a.Paywalled {
		m["hasPart"] = map[string]any{"@type": "WebPageElement", "isAccessibleForFree": false, "cssSelector": ".story-body"}
	}
	return m
}

func (p *pages) missing() []byte {
	return p.page("missing.html", struct{ frame }{newFrame(nil, "Nothing here")})
}
