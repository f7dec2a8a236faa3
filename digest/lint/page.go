package lint

import (
	"net/url"
	"strconv"
	"strings"
)

// The size of the decoded HTML, in bytes. Gmail clips a mail at about 102 KB.
const (
	wantedPage = 80_000
	mostPage   = 100_000
	readPage   = 512 << 10 // beyond this nothing is read: the size is fault enough
	mostWork   = 2_000_000 // elements times rules, beyond which colours are not computed
)

// page judges the HTML part.
func (r *report) page(d *document, w way) {
	whole := place{part: PartHTML}
	switch {
	case d.size > mostPage:
		r.find("html-size", whole, "the HTML has %d bytes, more than %d", d.size, mostPage)
	case d.size > wantedPage:
		r.find("html-size-warning", whole, "the HTML has %d bytes, more than %d", d.size, wantedPage)
	}
	if d.size > readPage {
		return
	}
	r.way = w
	sheet := r.markup(d)
	var seen []*sight
	if d.size <= mostPage { // a larger one is at fault by that alone
		seen = sights(d, sheet)
	}
	r.shownWords(d)
	r.blank(d, seen)
	r.seenWords("postal-address", "the postal address "+strconv.Quote(short(r.o.PostalAddress)), r.o.PostalAddress, d, seen)
	r.seenWords("reason", "the reason why its reader gets the mail", r.o.Reason, d, seen)
	links := d.links(w)
	r.links(d, links, w)
	r.pixels(d, links, seen, w)
	r.seenLeave(seen, links)
	r.waysOut(links, PartHTML, w)
	if r.o.ErrorsOnly {
		return
	}
	r.document(d)
	r.appearance(d, sheet)
}

// markup judges what holds for a mail and for the template of one.
func (r *report) markup(d *document) *sheet {
	s := r.styles(d)
	for _, e := range d.elements {
		r.one(d, e)
		if e.tag == "table" && e.attr("role") != "presentation" && e.attr("role") != "none" && !d.tabulates(e) {
			r.find("table-role", place{PartHTML, e.line}, "this table lays out without saying so")
		}
	}
	if !r.parts {
		r.outlook(d)
	}
	return s
}

// one judges an element, whoever reads it.
func (r *report) one(d *document, e *element) {
	r.css(e.style, place{part: PartHTML})
	if strings.Contains(e.attr("style"), `\`) {
		r.find("css-escape", place{PartHTML, e.line}, "the style of <%s> holds a backslash", short(e.tag))
	}
	r.element(e)
	if e.tag == "img" {
		r.image(d, e)
	}
}

// tabulates says whether a table holds data: it has a heading of its own.
func (d *document) tabulates(table *element) bool {
	for _, e := range d.elements[table.index+1:] {
		if e.depth <= table.depth {
			return false
		}
		if e.tag == "th" && e.within("table") == table {
			return true
		}
	}
	return false
}

// forbiddenElements are what mail programs drop, or take the mail for an
// attack.
var forbiddenElements = map[string]bool{
	"form": true, "input": true, "button": true, "select": true, "textarea": true, "svg": true, "math": true, "iframe": true, "frame": true,
	"frameset": true, "object": true, "embed": true, "applet": true, "video": true, "audio": true, "canvas": true, "link": true, "base": true,
	"dialog": true, "template": true, "slot": true, "picture": true, "source": true, "track": true, "image": true, "bgsound": true,
	// What is in these one program reads as text and another as markup.
	"noscript": true, "noembed": true, "noframes": true, "xmp": true, "plaintext": true,
}

// loading are the attributes that fetch something when a mail is opened.
var loading = map[string]bool{
	"background": true, "src": true, "srcset": true, "imagesrcset": true, "poster": true, "lowsrc": true, "dynsrc": true, "xlink:href": true, "o:href": true,
}

func (r *report) element(e *element) {
	at := place{PartHTML, e.line}
	switch {
	case e.tag == "script":
		r.find("script", at, "a script")
	case r.template && e.tag == "link" && (e.attr("rel") == "canonical" || e.attr("rel") == "alternate"):
		// For the edition in the archive; in a mail it would be found.
	case forbiddenElements[e.tag]:
		r.find("element-forbidden", at, "<%s> is not for mail", e.tag)
	case e.tag == "meta" && strings.EqualFold(e.attr("http-equiv"), "refresh"):
		r.find("element-forbidden", at, "<meta http-equiv=refresh> leads away from the mail")
	}
	for _, a := range e.attrs {
		switch {
		case len(a.Key) > 2 && strings.HasPrefix(a.Key, "on"):
			r.find("script", at, "<%s %s> runs a script", short(e.tag), short(a.Key))
		case a.Key == "ping":
			r.find("tracked-link", at, "<%s ping> tells who followed the link", short(e.tag))
		case loading[a.Key] && !(e.tag == "img" && (a.Key == "src" || a.Key == "srcset")) && e.tag != "script" && !forbiddenElements[e.tag]:
			r.find("css-remote", at, "<%s %s> loads something", short(e.tag), a.Key)
		}
		r.unresolved(a.Val, at)
	}
}

// image judges an image.
func (r *report) image(d *document, e *element) {
	at := place{PartHTML, e.line}
	src, has := e.has("src")
	lower := strings.ToLower(strings.TrimSpace(src))
	name := r.way.quoted(src)
	switch {
	case r.template && (strings.HasPrefix(lower, action) || !has):
	case !strings.HasPrefix(lower, "https://") && !strings.HasPrefix(lower, "http://"):
		r.find("image-source", at, "the image's src %q is no address of the web", name)
	case strings.HasPrefix(lower, "http://"):
		r.find("image-plain", at, "the image %s is fetched in the clear", name)
	}
	if _, ok := e.has("srcset"); ok {
		r.find("image-source", at, "the image has a srcset")
	}
	// alt="" is right for what only decorates (WCAG 1.1.1, technique H67), unless
	// the image is all that a link holds.
	if alt, ok := e.has("alt"); !ok {
		r.find("image-alt", at, "the image %s has no alt", name)
	} else if link := e.within("a"); link != nil && strings.TrimSpace(alt) == "" && d.content(link) == "" {
		r.find("image-alt", at, "the image %s is all that its link holds, and its alt is empty", name)
	}
	width := e.attr("width")
	if n, err := strconv.Atoi(width); (err != nil || n <= 0) && !(r.template && strings.Contains(width, action)) && width != "0" {
		r.find("image-width", at, "the image %s has no width in pixels", name)
	}
	if e.hidden || tiny(width) || tiny(e.attr("height")) || tinyStyle(e.style) {
		r.find("open-pixel", at, "the image %s cannot be seen, so it is there to be fetched", name)
	}
}

// pixels looks for images that tell who opened the mail: those whose address
// is a reader's own, and those that nobody sees.
func (r *report) pixels(d *document, links []link, seen []*sight, w way) {
	tokens := w.tokens(links)
	for _, e := range d.named("img") {
		at := place{PartHTML, e.line}
		src, _ := e.has("src")
		full, err := url.QueryUnescape(src)
		if err != nil {
			full = src
		}
		own := w.address != "" && strings.Contains(strings.ToLower(full), strings.ToLower(w.address))
		for _, token := range tokens {
			own = own || strings.Contains(full, token)
		}
		switch k := w.kindOf(src); {
		case own, k == toLeave, w.base != "" && (k == toChoices || k == toView):
			r.find("open-pixel", at, "the image's address is the reader's own, so it tells who opened the mail")
		case len(seen) > 0 && !e.hidden:
			style := seen[0].style(e)
			_, box := conceals(style)
			for x := e.parent; x != nil && !box; x = x.parent {
				_, box = conceals(seen[0].style(x))
			}
			if (box || tinyStyle(style)) && !tinyStyle(e.style) {
				r.find("open-pixel", at, "the image %s cannot be seen, so it is there to be fetched", short(src))
			}
		}
	}
}

func tinyStyle(style []declaration) bool {
	for _, d := range style {
		switch d.name {
		case "width", "height", "max-width", "max-height", "opacity":
			if d.name != "opacity" && tiny(d.value) || d.name == "opacity" && faint(d.value) {
				return true
			}
		}
	}
	return false
}

// shownWords judges what is to be read.
func (r *report) shownWords(d *document) {
	empty := true
	for _, w := range d.words {
		if w.parent.within("style") != nil {
			if i := strings.Index(w.text, "ZgotmplZ"); i >= 0 {
				r.find("unresolved-tag", place{PartHTML, w.line + strings.Count(w.text[:i], "\n")}, "ZgotmplZ stands in a style")
			}
			continue
		}
		r.unresolved(w.text, place{PartHTML, w.line})
		empty = empty && !w.shown()
	}
	if empty {
		r.find("empty-part", place{part: PartHTML}, "the HTML shows no words")
	}
}

func (r *report) addressIn(text, part string) {
	if r.o.PostalAddress != "" && !strings.Contains(squeeze(text), squeeze(r.o.PostalAddress)) {
		r.find("postal-address", place{part: part}, "the postal address %q is missing", short(r.o.PostalAddress))
	}
}

// document judges the page as a whole.
func (r *report) document(d *document) {
	top := place{PartHTML, 1}
	if !d.doctype {
		r.find("html-doctype", top, "there is no <!DOCTYPE html>")
	}
	root := d.named("html")
	if len(root) == 0 || strings.TrimSpace(root[0].attr("lang")) == "" {
		r.find("html-lang", top, "the html element has no lang")
	}
	if len(root) == 0 || root[0].attr("dir") != "ltr" && root[0].attr("dir") != "rtl" {
		r.find("html-dir", top, "the html element has no dir of ltr or rtl")
	}
	if title := d.named("title"); len(title) == 0 || d.content(title[0]) == "" {
		r.find("html-title", top, "the page has no title")
	}
	for _, f := range d.faults {
		r.find("html-nesting", place{PartHTML, f.line}, "%s", f.text)
	}
}

// appearance judges what the styles make of it.
func (r *report) appearance(d *document, s *sheet) {
	for _, e := range d.elements {
		r.colours(e.style, PartHTML)
	}
	dark := false
	for _, one := range s.rules {
		r.colours(one.declarations, PartHTML)
		dark = dark || one.dark()
	}
	if !dark {
		r.find("dark-mode", place{part: PartHTML}, "there are no colours for the dark")
	}
	if len(d.elements)*max(len(s.rules), 1) > mostWork {
		return
	}
	looks := day.looks(d, s)
	r.contrasts(d, day, looks)
	r.longWords(d, looks)
	if dark {
		r.contrasts(d, night, night.looks(d, s))
	}
}

// longWords looks whether headlines and points fit a phone, and read right in
// their own script.
func (r *report) longWords(d *document, looks []look) {
	for _, e := range d.named("h1", "h2", "h3", "h4", "li") {
		if e.hidden || d.content(e) == "" {
			continue
		}
		at := place{PartHTML, e.line}
		if !looks[e.index].wraps {
			r.find("long-word", at, "<%s> has no word-break:break-word on it or around it", e.tag)
		}
		if t := e.within("table"); t != nil && !fixed(t) {
			r.find("long-word", place{PartHTML, t.line}, "the table around <%s> has no table-layout:fixed", e.tag)
		}
		if e.tag != "h1" && !directed(e) {
			r.find("text-dir", at, "<%s> has no dir on it or on its cell", e.tag)
		}
	}
}

func fixed(table *element) bool {
	for _, d := range table.style {
		if d.name == "table-layout" && d.value == "fixed" {
			return true
		}
	}
	return false
}

// directed says whether an element below html says which way it reads.
func directed(e *element) bool {
	for ; e != nil && e.tag != "html"; e = e.parent {
		if _, ok := e.has("dir"); ok {
			return true
		}
	}
	return false
}
