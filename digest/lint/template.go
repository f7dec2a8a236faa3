package lint

import (
	"regexp"
	"strings"
)

// action stands for what a template prints, while its source is read as HTML.
const action = "\uE000"

// Template judges the source of an HTML template by the rules for HTML that a
// source can show: styles, elements, links, images, the conditions for Outlook.
// Lines are those of the source. What the template's tags name, and what its
// mails come to, is judged by those who run it.
//
// Both halves of an {{if}} are read one after the other, so nothing is said
// about nesting and about what must stand somewhere. Where a template is made
// of parts, what Outlook is told in one may be closed in another, and only the
// mails show whether it is.
func Template(src []byte) []Finding {
	if len(src) > readPage {
		src = src[:readPage]
	}
	r := &report{perRule: map[string]int{}, template: true, parts: partsOf.Match(src)}
	d := readDocument([]byte(skeleton(string(src))))
	r.markup(d)
	for _, e := range d.elements {
		r.colours(e.style, PartHTML)
	}
	for _, l := range d.links(way{}) {
		if !strings.HasPrefix(l.href, action) && (l.href == "" || l.href[0] != '#') {
			l.hidden = true // its words may be anything
			r.link(d, l, way{}, nil)
		}
	}
	for i := range r.findings {
		r.findings[i].Part = PartTemplate
	}
	return r.sorted()
}

var partsOf = regexp.MustCompile(`\{\{-?\s*(?:template|define|block)\b`)

// skeleton is a template with its tags taken out: what they print is action,
// and mso prints what it is given. Line ends stay where they are.
func skeleton(src string) string {
	var out strings.Builder
	for {
		before, rest, found := strings.Cut(src, "{{")
		out.WriteString(before)
		if !found {
			return out.String()
		}
		tag, after := cutTag(rest)
		out.WriteString(printed(tag))
		out.WriteString(strings.Repeat("\n", strings.Count(tag, "\n")-strings.Count(printed(tag), "\n")))
		src = after
	}
}

// cutTag cuts a tag off behind its }}, which does not count in quotes and
// comments.
func cutTag(s string) (tag, rest string) {
	trimmed := strings.TrimLeft(strings.TrimPrefix(s, "-"), " \t\r\n")
	if strings.HasPrefix(trimmed, "/*") {
		if i := strings.Index(s, "*/"); i >= 0 {
			if j := strings.Index(s[i:], "}}"); j >= 0 {
				return s[:i+j], s[i+j+2:]
			}
		}
		return s, ""
	}
	var quote byte
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case quote != 0:
			if c == '\\' && quote != '`' {
				i++
			} else if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'' || c == '`':
			quote = c
		case strings.HasPrefix(s[i:], "}}"):
			return s[:i], s[i+2:]
		}
	}
	return s, ""
}

// silent are the words that begin a tag which prints nothing.
var silent = map[string]bool{"if": true, "else": true, "end": true, "range": true, "with": true, "define": true, "block": true, "template": true, "break": true, "continue": true}

// printed is what stands for a tag.
func printed(tag string) string {
	tag = strings.Trim(tag, "- \t\r\n")
	word, rest, _ := strings.Cut(tag, " ")
	switch {
	case tag == "" || strings.HasPrefix(tag, "/*") || silent[word] || strings.HasPrefix(tag, "$") && strings.Contains(tag, "="):
		return ""
	case word == "mso":
		rest = strings.TrimSpace(rest)
		if len(rest) > 1 && (rest[0] == '`' || rest[0] == '"') && rest[len(rest)-1] == rest[0] {
			return "<!--[if mso]>" + rest[1:len(rest)-1] + "<![endif]-->"
		}
	}
	return action
}
