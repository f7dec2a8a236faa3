package lint

import (
	"bytes"
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// document is an HTML part as a tree, each element with its line. The
// tokenizer is that of the web; the tree is built as it was written and mends
// nothing, because what mail programs mend they mend each in its own way.
type document struct {
	size     int
	doctype  bool
	elements []*element // in the order of their start tags; parents first
	words    []words    // in order
	comments []comment
	faults   []fault // of the nesting
}

type element struct {
	tag       string
	attrs     []html.Attribute
	parent    *element // nil: the outermost
	index     int      // in document.elements
	depth     int
	line      int
	hidden    bool // it, or one around it, is not shown
	from, end int  // its words: document.words[from:end]
	style     []declaration
}

// words is a run of text.
type words struct {
	text   string
	parent *element // nil: outside of everything
	line   int
}

type comment struct {
	text string
	line int
}

type fault struct {
	text string
	line int
}

// deepest is how many elements may stand in each other. No mail needs more,
// and what is bounded cannot be made slow.
const deepest = 200

// void are the elements that have no end tag (HTML section 13.1.2).
var void = []string{"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}

// ended are the elements that the next of their kind ends, and where the look
// for them stops.
var ended = map[string][]string{
	"li": {"ul", "ol"}, "td": {"tr", "table"}, "th": {"tr", "table"}, "tr": {"table", "tbody", "thead", "tfoot"}, "p": {"td", "th", "div", "body", "li"},
}

// reading is the state of readDocument.
type reading struct {
	*document
	open []*element
	line int
}

func readDocument(src []byte) *document { return readFrom(src, 1) }

// readFrom reads what begins at a line.
func readFrom(src []byte, line int) *document {
	d := &reading{document: &document{size: len(src)}, line: line}
	z := html.NewTokenizer(bytes.NewReader(src))
	for {
		kind := z.Next()
		lines := bytes.Count(z.Raw(), []byte("\n")) // before Token, which changes the bytes
		if kind == html.ErrorToken {
			break
		}
		d.token(z.Token())
		d.line += lines
	}
	for _, e := range d.open {
		e.end = len(d.words)
		if !slices.Contains([]string{"html", "body", "li", "p", "td", "th", "tr"}, e.tag) {
			d.fault("<%s> is never closed", e)
		}
	}
	return d.document
}

func (d *reading) fault(format string, e *element) {
	d.faults = append(d.faults, fault{strings.Replace(format, "%s", short(e.tag), 1), e.line})
}

func (d *reading) token(t html.Token) {
	switch t.Type {
	case html.DoctypeToken:
		d.doctype = true
	case html.CommentToken:
		d.comments = append(d.comments, comment{t.Data, d.line})
	case html.TextToken:
		d.words = append(d.words, words{t.Data, d.top(), d.line})
	case html.StartTagToken, html.SelfClosingTagToken:
		d.start(t)
	case html.EndTagToken:
		d.close(t.Data)
	}
}

func (d *reading) top() *element {
	if len(d.open) == 0 {
		return nil
	}
	return d.open[len(d.open)-1]
}

func (d *reading) start(t html.Token) {
	if stops, ok := ended[t.Data]; ok {
		d.endLast(t.Data, stops)
	}
	e := &element{tag: t.Data, attrs: t.Attr, parent: d.top(), index: len(d.elements), line: d.line, from: len(d.words), end: len(d.words)}
	if e.parent != nil {
		e.depth, e.hidden = e.parent.depth+1, e.parent.hidden
	}
	e.style = declarations(e.attr("style"), e.line)
	_, hidden := e.has("hidden")
	e.hidden = e.hidden || hidden || slices.ContainsFunc(e.style, func(s declaration) bool {
		return s.name == "display" && s.value == "none" || s.name == "visibility" && s.value == "hidden"
	})
	d.elements = append(d.elements, e)
	switch {
	case slices.Contains(void, e.tag):
	case len(d.open) >= deepest:
		d.fault("<%s> stands within too many others", e)
	default:
		d.open = append(d.open, e)
	}
}

// endLast ends an open element whose end tag was left out.
func (d *reading) endLast(tag string, stops []string) {
	for i := len(d.open) - 1; i >= 0; i-- {
		switch {
		case d.open[i].tag == tag:
			d.shut(i)
			return
		case slices.Contains(stops, d.open[i].tag):
			return
		}
	}
}

func (d *reading) close(tag string) {
	for i := len(d.open) - 1; i >= 0; i-- {
		if d.open[i].tag != tag {
			continue
		}
		for _, e := range d.open[i+1:] {
			if ended[e.tag] == nil {
				d.fault("<%s> is closed by the end of the element around it", e)
			}
		}
		d.shut(i)
		return
	}
	if !slices.Contains(void, tag) {
		d.faults = append(d.faults, fault{"</" + short(tag) + "> closes nothing", d.line})
	}
}

func (d *reading) shut(i int) {
	for _, e := range d.open[i:] {
		e.end = len(d.words)
	}
	d.open = d.open[:i]
}

func (e *element) has(key string) (string, bool) {
	for _, a := range e.attrs {
		if a.Key == key {
			return a.Val, true
		}
	}
	return "", false
}

func (e *element) attr(key string) string {
	v, _ := e.has(key)
	return v
}

// within is the element itself or the nearest around it that has one of the
// tags; nil: none has.
func (e *element) within(tags ...string) *element {
	for ; e != nil; e = e.parent {
		if slices.Contains(tags, e.tag) {
			return e
		}
	}
	return nil
}

// content is the text in an element, its white space squeezed.
func (d *document) content(e *element) string {
	var out strings.Builder
	for _, w := range d.words[e.from:e.end] {
		out.WriteString(w.text)
	}
	return strings.Join(strings.Fields(out.String()), " ")
}

// shown says whether a reader sees the words: not those of a style, a title or
// what is hidden.
func (w words) shown() bool {
	return (w.parent == nil || !w.parent.hidden && w.parent.within("head", "style", "script", "title", "template") == nil) && strings.TrimSpace(w.text) != ""
}

// source is the text of an element like style, which holds no others, and the
// line it begins at.
func (d *document) source(e *element) (string, int) {
	if e.from < e.end {
		return d.words[e.from].text, d.words[e.from].line
	}
	return "", e.line
}

// named is the elements with a tag.
func (d *document) named(tags ...string) (list []*element) {
	for _, e := range d.elements {
		if slices.Contains(tags, e.tag) {
			list = append(list, e)
		}
	}
	return list
}
