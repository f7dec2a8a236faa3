package lint

import (
	"strings"

	"golang.org/x/net/html"
)

// outlook judges the comments that only Outlook on Windows reads. There are
// three kinds: hidden from all others, <!--[if mso]> ... <![endif]-->; shown to
// all others, <!--[if !mso]><!--> ... <!--<![endif]-->; and the plain
// <![if !mso]> ... <![endif]>, which the tokenizer gives as comments too. What
// the hidden ones open they must close.
func (r *report) outlook(d *document) {
	open, seen, inside := 0, false, &balance{}
	for _, c := range d.comments {
		at := place{PartHTML, c.line}
		text := strings.TrimSpace(c.text)
		lower := strings.ToLower(text)
		switch {
		case strings.HasPrefix(lower, "[if") && (strings.HasSuffix(lower, "]><!") || strings.Index(lower, "]") == len(lower)-1):
			open++
			seen = true
		case strings.HasPrefix(lower, "[if"):
			seen = true
			head := strings.Index(text, "]>")
			if head < 0 || !strings.HasSuffix(lower, "<![endif]") {
				r.find("mso-balance", at, "%s is not closed by <![endif]-->", short("<!--"+text))
				continue
			}
			if strings.Contains(lower[head:len(lower)-len("<![endif]")], "[if") {
				r.find("mso-balance", at, "%s stands in another one", short(text[head:]))
			}
			r.insideOutlook(text[head+2:len(text)-len("<![endif]")], c.line+strings.Count(c.text[:strings.Index(c.text, "]>")], "\n"))
			if fault := inside.read(text[head+2:len(text)-len("<![endif]")], c.line); fault != "" {
				r.find("mso-balance", at, "%s", fault)
			}
		case lower == "<![endif]" || lower == "[endif]":
			if open--; open < 0 {
				r.find("mso-balance", at, "an [endif] closes nothing")
				open = 0
			}
		}
	}
	if open > 0 {
		r.find("mso-balance", place{part: PartHTML}, "%d conditions for Outlook are never closed", open)
	}
	if n := len(inside.open); n > 0 {
		r.find("mso-balance", place{PartHTML, inside.line}, "<%s> for Outlook is never closed", short(inside.open[n-1]))
	}
	if !seen {
		r.find("mso-missing", place{part: PartHTML}, "there are no conditions for Outlook")
	}
	for _, w := range d.words {
		if w.shown() && strings.Contains(w.text, "<![endif]-->") && !r.given("<![endif]") {
			r.find("mso-balance", place{PartHTML, w.line}, "<![endif]--> is shown as text")
		}
	}
}

// insideOutlook judges what Outlook alone reads by the rules for what all
// read. Its words and its layout are left to it.
func (r *report) insideOutlook(markup string, line int) {
	d := readFrom([]byte(markup), line)
	r.styles(d)
	for _, e := range d.elements {
		r.one(d, e)
	}
	links := d.links(r.way)
	r.pixels(d, links, nil, r.way)
	for _, l := range links {
		if !strings.HasPrefix(l.href, "#") && !(r.template && strings.HasPrefix(l.href, action)) {
			l.hidden = true // its words may be anything
			r.link(d, l, r.way, nil)
		}
	}
	for _, w := range d.words {
		r.unresolved(w.text, place{PartHTML, w.line})
	}
}

// balance is what the comments for Outlook have opened so far.
type balance struct {
	open []string
	line int
}

func (b *balance) read(markup string, line int) (fault string) {
	b.line = line
	z := html.NewTokenizer(strings.NewReader(markup))
	for {
		switch z.Next() {
		case html.ErrorToken:
			return ""
		case html.StartTagToken:
			if name, _ := z.TagName(); !isVoid(string(name)) && len(b.open) < deepest {
				b.open = append(b.open, string(name))
			}
		case html.EndTagToken:
			name, _ := z.TagName()
			n := len(b.open)
			if n == 0 || b.open[n-1] != string(name) {
				return "</" + short(string(name)) + "> for Outlook closes nothing that is open"
			}
			b.open = b.open[:n-1]
		}
	}
}

func isVoid(tag string) bool {
	for _, v := range void {
		if v == tag {
			return true
		}
	}
	return false
}
