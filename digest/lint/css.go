package lint

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// declaration is a property with its value, both in lower case where case
// does not matter.
type declaration struct {
	name, value string
	important   bool
	line        int
}

// declarations reads the inside of a block or a style attribute. line is
// where it begins.
func declarations(s string, line int) (list []declaration) {
	if s == "" {
		return nil
	}
	if strings.Contains(s, "/*") {
		s = uncommented(s)
	}
	for _, piece := range split(s, ';') {
		name, value, ok := strings.Cut(piece.text, ":")
		if !ok {
			continue
		}
		d := declaration{name: strings.ToLower(strings.TrimSpace(unescaped(name))), line: line + piece.line + strings.Count(name[:len(name)-len(strings.TrimLeft(name, " \t\r\n"))], "\n")}
		value = strings.TrimSpace(strings.ToLower(unescaped(value)))
		if v, found := strings.CutSuffix(value, "important"); found {
			if v, found = strings.CutSuffix(strings.TrimSpace(v), "!"); found {
				d.important, value = true, strings.TrimSpace(v)
			}
		}
		d.value = value
		list = append(list, d)
	}
	return list
}

// piece is a part of a style with the line it begins at, from zero.
type piece struct {
	text string
	line int
}

// split cuts at a letter, but not in quotes and brackets.
func split(s string, at byte) (list []piece) {
	from, line, depth := 0, 0, 0
	var quote byte
	for i := range len(s) {
		c := s[i]
		switch {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '(' || c == '[':
			depth++
		case (c == ')' || c == ']') && depth > 0:
			depth--
		case c == at && depth == 0:
			list = append(list, piece{s[from:i], line})
			line += strings.Count(s[from:i], "\n")
			from = i + 1
		}
	}
	return append(list, piece{s[from:], line})
}

// rule is a rule of a style element.
type rule struct {
	media        string // of the at-rules around it, squeezed and in lower case; empty: none
	selectors    []selector
	declarations []declaration
}

// sheet is the style elements of a mail.
type sheet struct {
	rules  []rule
	at     []declaration // at-rules without a block: @import, @charset; name is the word, value the rest
	fonts  []int         // lines of @font-face
	broken int           // line of a block that never ends; zero: none
}

var cssComment = regexp.MustCompile(`(?s)/\*.*?(?:\*/|$)`)

// uncommented is a style without its comments; lines stay what they are.
func uncommented(text string) string {
	return cssComment.ReplaceAllStringFunc(text, func(c string) string { return strings.Repeat("\n", strings.Count(c, "\n")) })
}

var cssEscape = regexp.MustCompile(`\\(?:([0-9A-Fa-f]{1,6})(?:\r\n|[ \t\r\n\f])?|(\r\n|[\r\n\f])|([\s\S]))`)

// unescaped is what a piece of a style says: CSS Syntax 3 section 4.3.7.
func unescaped(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	return cssEscape.ReplaceAllStringFunc(s, func(e string) string {
		m := cssEscape.FindStringSubmatch(e)
		if n, err := strconv.ParseInt(m[1], 16, 32); err == nil {
			return string(rune(n))
		}
		return m[3]
	})
}

// remote are the functions of CSS that load something.
var remote = regexp.MustCompile(`(?:^|[^a-z0-9_-])(?:url|src|image|(?:-[a-z]+-)?image-set|(?:-[a-z]+-)?cross-fade)\s*\(`)

// readSheet reads a style element that begins at a line.
func (s *sheet) read(text string, line int) {
	text = uncommented(text)
	text = strings.NewReplacer("<!--", "", "-->", "").Replace(text)
	s.block(text, line, "", 0)
}

// nested is how deep at-rules may stand in each other.
const nested = 8

func (s *sheet) block(text string, line int, media string, depth int) {
	for text != "" {
		i := strings.IndexAny(text, "{;")
		if i < 0 { // what the end of the sheet ends
			text, i = text+";", len(text)
		}
		head := text[:i]
		start := line + strings.Count(head[:len(head)-len(strings.TrimLeft(head, " \t\r\n"))], "\n")
		line += strings.Count(head, "\n")
		head = strings.TrimSpace(unescaped(head))
		if text[i] == ';' {
			name, value, _ := strings.Cut(head, " ")
			if head != "" {
				s.at = append(s.at, declaration{name: strings.ToLower(name), value: strings.ToLower(value), line: start})
			}
			text = text[i+1:]
			continue
		}
		body, rest, closed := matching(text[i+1:])
		if !closed && s.broken == 0 {
			s.broken = start
		}
		s.rule(head, body, start, line, media, depth)
		line += strings.Count(body, "\n")
		text = rest
	}
}

// matching cuts the text of a block off, its brace left out.
func matching(text string) (body, rest string, closed bool) {
	depth := 1
	for i := range len(text) {
		switch text[i] {
		case '{':
			depth++
		case '}':
			if depth--; depth == 0 {
				return text[:i], text[i+1:], true
			}
		}
	}
	return text, "", false
}

func (s *sheet) rule(head, body string, start, line int, media string, depth int) {
	lower := strings.ToLower(head)
	switch {
	case strings.HasPrefix(lower, "@media") || strings.HasPrefix(lower, "@supports"):
		if depth < nested {
			s.block(body, line, strings.TrimPrefix(media+" and "+squeeze(lower[strings.IndexAny(lower+" ", " ("):]), " and "), depth+1)
		}
	case strings.HasPrefix(lower, "@font-face"):
		s.fonts = append(s.fonts, start)
	case strings.HasPrefix(lower, "@"):
		s.at = append(s.at, declaration{name: lower, line: start})
		s.rules = append(s.rules, rule{media: "print " + lower, declarations: declarations(body, line)})
		if depth < nested && strings.Contains(body, "{") && !strings.Contains(lower, "keyframes") { // @layer, @container
			s.block(body, line, strings.TrimPrefix(media+" and "+squeeze(lower), " and "), depth+1)
		}
	default:
		r := rule{media: media, declarations: declarations(body, line)}
		for _, one := range split(head, ',') {
			r.selectors = append(r.selectors, readSelector(one.text))
		}
		s.rules = append(s.rules, r)
	}
}

// squeeze takes all white space out.
func squeeze(s string) string { return strings.Join(strings.Fields(s), "") }

// dark says whether the rule is for the night, and for nothing narrower.
func (r rule) dark() bool {
	return slices.ContainsFunc(strings.Split(r.media, ","), func(m string) bool {
		m = strings.TrimPrefix(strings.TrimPrefix(m, "only"), "screenand")
		return m == "(prefers-color-scheme:dark)"
	})
}

// always says whether the rule holds at any size and in any light.
func (r rule) always() bool { return r.media == "" || r.media == "screen" || r.media == "all" }

// selector is a chain of compounds, the last one for the element itself. A
// selector that says more than tags, classes, ids and attributes matches
// nothing here.
type selector struct {
	chain  []compound
	weight int  // its specificity, as far as it matters
	loose  bool // more was said than is read here: it matches fewer elements than it seems
}

type compound struct {
	tag     string
	id      string
	classes []string
	attrs   []string // name, or name=value
}

var compoundPart = regexp.MustCompile(`^(?:([.#]?)([A-Za-z0-9_-]+)|\[([A-Za-z-]+)(?:=["']?([^"'\]]*)["']?)?\]|(\*)|(:root))`)

// unread are the parts of selectors that are passed over; momentary those
// that hold for a moment, or for what is not in the mail.
var (
	unread    = regexp.MustCompile(`^(?:::?[A-Za-z-]+(?:\([^)]*\)+)?|\[[^\]]*\])`)
	momentary = regexp.MustCompile(`(?i)^:(?::|hover|focus|active|visited|target|before|after|first-l|selection|lang)`)
)

func readSelector(s string) (sel selector) {
	s = strings.TrimSpace(strings.NewReplacer(">", " ", "+", " + ", "~", " ~ ").Replace(s))
	for _, text := range strings.Fields(s) {
		var c compound
		for text != "" {
			m := compoundPart.FindStringSubmatch(text)
			if m == nil {
				rest := unread.FindString(text)
				if rest == "" || momentary.MatchString(rest) {
					return selector{} // :hover and the like
				}
				text, sel.loose = text[len(rest):], true
				continue
			}
			text = text[len(m[0]):]
			switch {
			case m[6] != "":
				c.tag, sel.weight = "html", sel.weight+10
			case strings.HasPrefix(strings.ToLower(m[3]), "data-ogs"):
				sel.loose = true // Outlook's own mark, put on what it has darkened
			case m[3] != "":
				c.attrs, sel.weight = append(c.attrs, strings.ToLower(m[3])+"="+m[4]), sel.weight+10
			case m[1] == ".":
				c.classes, sel.weight = append(c.classes, m[2]), sel.weight+10
			case m[1] == "#":
				c.id, sel.weight = m[2], sel.weight+100
			case m[2] != "":
				c.tag, sel.weight = strings.ToLower(m[2]), sel.weight+1
			}
		}
		sel.chain = append(sel.chain, c)
	}
	return sel
}

func (s selector) matches(e *element) bool { return !s.loose && s.reaches(e) }

func (s selector) reaches(e *element) bool {
	if len(s.chain) == 0 || !s.chain[len(s.chain)-1].matches(e) {
		return false
	}
	for i := len(s.chain) - 2; i >= 0; i-- {
		for e = e.parent; e != nil && !s.chain[i].matches(e); {
			e = e.parent
		}
		if e == nil {
			return false
		}
	}
	return true
}

func (c compound) matches(e *element) bool {
	if c.tag != "" && c.tag != e.tag || c.id != "" && c.id != e.attr("id") {
		return false
	}
	if len(c.classes) > 0 {
		has := strings.Fields(e.attr("class"))
		for _, class := range c.classes {
			if !slices.Contains(has, class) {
				return false
			}
		}
	}
	for _, a := range c.attrs {
		key, want, _ := strings.Cut(a, "=")
		got, ok := e.has(key)
		if !ok || want != "" && got != want {
			return false
		}
	}
	return true
}

// layoutProperties are what mail programs ignore, each with the values that
// are harmless.
var layoutProperties = map[string][]string{
	"position": {"static"}, "float": {"none"}, "grid-template": nil, "grid-template-columns": nil, "grid-area": nil, "grid": nil,
	"flex": nil, "flex-direction": nil, "flex-wrap": nil, "justify-content": nil, "align-items": nil, "gap": nil,
}

// css judges declarations, wherever they stand.
func (r *report) css(list []declaration, at place) {
	for _, d := range list {
		at.line = d.line
		harmless, layout := layoutProperties[d.name]
		switch {
		case remote.MatchString(d.value):
			r.find("css-remote", at, "%s loads something", short(d.name+": "+d.value))
		case strings.Contains(d.value, "expression(") || d.name == "behavior" || d.name == "-moz-binding":
			r.find("script", at, "%s runs a script", short(d.name+": "+d.value))
		case strings.Contains(d.value, "var(") || strings.HasPrefix(d.name, "--"):
			r.find("css-layout", at, "%s is a CSS variable", short(d.name+": "+d.value))
		case layout && !slices.Contains(harmless, d.value),
			d.name == "display" && (strings.Contains(d.value, "flex") || strings.Contains(d.value, "grid")):
			r.find("css-layout", at, "%s is not for mail", short(d.name+": "+d.value))
		}
	}
}

// styles reads the style elements and judges them.
func (r *report) styles(d *document) *sheet {
	s := &sheet{}
	size := 0
	var first int
	for _, e := range d.named("style") {
		text, line := d.source(e)
		if size += len(text); first == 0 {
			first = e.line
		}
		s.read(text, line)
		if i := strings.IndexByte(text, '\\'); i >= 0 {
			r.find("css-escape", place{PartHTML, line + strings.Count(text[:i], "\n")}, "the style element holds a backslash")
		}
	}
	// Gmail reads 16 KB of styles since 2017 and cuts off what follows; half of
	// that keeps to what it was before.
	const most = 8 << 10
	if size > most {
		r.find("style-size", place{PartHTML, first}, "the style element has %d bytes, more than %d", size, most)
	}
	for _, a := range s.at {
		if strings.HasPrefix(a.name, "@import") || remote.MatchString(a.name+" "+a.value) {
			r.find("css-remote", place{PartHTML, a.line}, "%s loads something", short(a.name+" "+a.value))
		}
	}
	if s.broken > 0 {
		r.find("css-syntax", place{PartHTML, s.broken}, "a block of the style element is never closed")
	}
	for _, line := range s.fonts {
		r.find("css-remote", place{PartHTML, line}, "@font-face loads something")
	}
	for _, one := range s.rules {
		r.css(one.declarations, place{part: PartHTML})
	}
	return s
}
