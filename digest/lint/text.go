package lint

import (
	"slices"
	"strings"

	"github.com/rivo/uniseg"
)

// columns is how wide the text part is, in display columns.
const columns = 76

// text judges the text part, and holds it against the HTML if there is one.
func (r *report) text(s string, d *document, w way) {
	whole := place{part: PartText}
	if strings.TrimSpace(s) == "" {
		r.find("empty-part", whole, "the text part is empty")
		return
	}
	r.unresolved(s, place{PartText, 1})
	r.addressIn(s, PartText)
	links := textLinks(s, w)
	r.waysOut(links, PartText, w)
	if r.o.ErrorsOnly {
		return
	}
	n := 0
	for line := range strings.Lines(s) {
		n++
		line = strings.TrimRight(line, "\n")
		if width := uniseg.StringWidth(line); width > columns && !isURL(line) {
			r.find("text-columns", place{PartText, n}, "a line has %d columns", width)
		}
	}
	if d != nil && d.size <= readPage {
		r.parity(s, d, d.links(w), links, w)
	}
}

func isURL(line string) bool {
	return (strings.HasPrefix(line, "https://") || strings.HasPrefix(line, "http://")) && !strings.ContainsAny(line, " \t")
}

// textLinks are the addresses that stand alone on their lines.
func textLinks(s string, w way) (list []link) {
	n := 0
	for line := range strings.Lines(s) {
		n++
		if line = strings.TrimSpace(line); isURL(line) {
			list = append(list, link{href: line, kind: w.kindOf(line), line: n})
		}
	}
	return list
}

// parity holds the text part against the HTML: the same headlines, points and
// links, in the same order.
func (r *report) parity(text string, d *document, links, inText []link, w way) {
	var titles, points []string
	for _, e := range d.elements {
		if e.hidden {
			continue
		}
		switch said := squeeze(d.content(e)); {
		case said == "":
		case len(e.tag) == 2 && e.tag[0] == 'h' && e.tag[1] >= '1' && e.tag[1] <= '6':
			if d.linked(e) {
				titles = append(titles, said)
			}
		case e.tag == "li" && !d.linked(e): // a table of contents has links, and is of titles
			points = append(points, said)
		}
	}
	r.inOrder("parity-titles", "headline", titles, text)
	r.inOrder("parity-points", "point", points, text)
	r.sameLinks(links, inText, text, w)
}

// linked says whether there is a link in the element, or around it.
func (d *document) linked(e *element) bool {
	if e.within("a") != nil {
		return true
	}
	for _, x := range d.elements[e.index+1:] {
		if x.depth <= e.depth {
			return false
		}
		if x.tag == "a" {
			return true
		}
	}
	return false
}

func (r *report) inOrder(rule, what string, list []string, text string) {
	rest := squeeze(text)
	for _, s := range list {
		i := strings.Index(rest, s)
		if i < 0 {
			r.find(rule, place{part: PartText}, "the %s %q is missing, or in another order than in the HTML", what, short(s))
			return
		}
		rest = rest[i+len(s):]
	}
}

// sameLinks wants the stories' addresses in one order, each told at its first
// place, and the same ways to the sender.
func (r *report) sameLinks(links, inText []link, text string, w way) {
	at := place{part: PartText}
	html, plain := firsts(links, toStory), firsts(inText, toStory)
	for i, href := range html {
		if i < len(plain) && plain[i] == href {
			continue
		}
		// Running text breaks addresses; a link that is there, but not alone, is
		// another fault than one that's missing.
		if !slices.Contains(plain, href) && strings.Contains(text, href) {
			r.find("text-url-alone", at, "the address %s shares its line", short(href))
		} else {
			r.find("parity-links", at, "the link to %s is missing, or in another order than in the HTML", short(href))
		}
		return
	}
	if len(plain) > len(html) {
		r.find("parity-links", at, "the link to %s is in the text part only", short(plain[len(html)]))
		return
	}
	for _, k := range []kind{toLeave, toChoices, toView} {
		if len(firsts(links, k)) > 0 && len(firsts(inText, k)) == 0 {
			r.find("parity-links", at, "the link to %s is in the HTML only", w.quoted(firsts(links, k)[0]))
		}
	}
}

// firsts is each address of a kind once, in the order of their first places.
func firsts(links []link, k kind) (list []string) {
	seen := map[string]bool{}
	for _, l := range links {
		if l.kind == k && !l.hidden && !seen[l.href] {
			seen[l.href] = true
			list = append(list, l.href)
		}
	}
	return list
}
