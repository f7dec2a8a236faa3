package lint

import (
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
	sheet := r.markup(d)
	r.shownWords(d)
	r.address(d)
	links := d.links(w)
	r.links(d, links, w)
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
		r.css(e.style, place{part: PartHTML})
		r.element(e)
		if e.tag == "img" {
			r.image(d, e)
		}
		if e.tag == "table" && e.attr("role") != "presentation" && e.attr("role") != "none" && !d.tabulates(e) {
			r.find("table-role", place{PartHTML, e.line}, "this table lays out without saying so")
		}
	}
	if !r.parts {
		r.outlook(d)
	}
	return s
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
	"dialog": true, "template": true, "slot": true,
}

func (r *report) element(e *element) {
	at := place{PartHTML, e.line}
	switch {
	case e.tag == "script":
		r.find("script", at, "a script")
	case forbiddenElements[e.tag]:
		r.find("element-forbidden", at, "<%s> is not for mail", e.tag)
	case e.tag == "meta" && strings.EqualFold(e.attr("http-equiv"), "refresh"):
		r.find("element-forbidden", at, "<meta http-equiv=refresh> leads away from the mail")
	}
	for _, a := range e.attrs {
		switch {
		case len(a.Key) > 2 && strings.HasPrefix(a.Key, "on"):
			r.find("script", at, "<%s %s> runs a script", short(e.tag), short(a.Key))
		case a.Key == "background":
			r.find("css-remote", at, "<%s background> loads something", short(e.tag))
		}
		r.unresolved(a.Val, at)
	}
}

// image judges an image.
func (r *report) image(d *document, e *element) {
	at := place{PartHTML, e.line}
	src, has := e.has("src")
	lower := strings.ToLower(strings.TrimSpace(src))
	name := short(src)
	switch {
	case r.template && (strings.HasPrefix(lower, action) || !has):
	case !strings.HasPrefix(lower, "https://") && !strings.HasPrefix(lower, "http://"):
		r.find("image-source", at, "the image's src %q is no address of the web", name)
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

func tiny(length string) bool {
	n, err := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(length), "px"), 64)
	return err == nil && n <= 2
}

func tinyStyle(style []declaration) bool {
	for _, d := range style {
		switch d.name {
		case "width", "height", "max-width", "max-height", "opacity":
			if d.name != "opacity" && tiny(d.value) || d.name == "opacity" && strings.Trim(d.value, "0.") == "" {
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

// address looks for the postal address in what is shown.
func (r *report) address(d *document) {
	if r.o.PostalAddress == "" {
		return
	}
	var all strings.Builder
	for _, w := range d.words {
		if w.shown() {
			all.WriteString(w.text)
		}
	}
	r.addressIn(all.String(), PartHTML)
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
