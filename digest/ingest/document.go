package ingest

import (
	"bytes"
	"io"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

const (
	warnDeep = "the page nests its elements too deep; deep levels were read as one"
	warnCut  = "the page is very long; only its beginning was read"
)

// maxNodes bounds what one page may cost, in tags. The largest real page at
// hand has 20,000; a page of 5 MB of nothing else would have a million.
const maxNodes = 50_000

// parseHTML parses a page. x/net/html gives up beyond 512 open elements, and
// takes quadratic time over a page that repeats its body element with new
// attributes; then a plainer parser reads the same bytes, so that there is
// always a tree.
func parseHTML(text []byte) (doc *html.Node, warnings []string) {
	text = shortTags(text)
	budget := &nodeBudget{data: text, left: maxNodes}
	if !repeatsBody(text) {
		if doc, err := html.Parse(budget); err == nil {
			return doc, budget.warning()
		}
	}
	budget = &nodeBudget{data: text, left: maxNodes}
	return parseShallow(budget), append(budget.warning(), warnDeep)
}

// Caps on one tag. Pictures stand in attributes of a megabyte, so it is the
// number of attributes that counts.
const (
	longTag   = 16 << 10
	mostParts = 2000 // names, values and what parts them
)

// shortTags takes the attributes out of tags that have thousands of them; each
// costs the parser a hundred times its length. Most pages have no tag so long,
// and are returned as they are.
func shortTags(text []byte) []byte {
	var out []byte
	done, end := 0, -1
	for at := 0; at < len(text); {
		open := bytes.IndexByte(text[at:], '<')
		if open < 0 {
			break
		}
		at += open + 1
		if end < at {
			end = len(text)
			if n := bytes.IndexByte(text[at:], '>'); n >= 0 {
				end = at + n
			}
		}
		if end-at < longTag {
			continue
		}
		if name := bytes.IndexAny(text[at:at+64], " \t\r\n\f/"); name > 0 && manyParts(text[at:end]) {
			out = append(append(out, text[done:at+name]...), '>')
			done = min(end+1, len(text))
		}
		at = end
	}
	if out == nil {
		return text
	}
	return append(out, text[done:]...)
}

// manyParts counts what may part attributes: quotes, and white space and
// slashes outside them. Pictures in attributes stand in quotes.
func manyParts(tag []byte) bool {
	n, quote := 0, byte(0)
	for _, c := range tag {
		switch {
		case c == '"' || c == '\'':
			if n++; quote == 0 {
				quote = c
			} else if quote == c {
				quote = 0
			}
		case quote == 0 && (c == ' ' || c == '\n' || c == '\t' || c == '/'):
			n++
		}
		if n > mostParts {
			return true
		}
	}
	return false
}

// repeatsBody counts body and html tags by hand: a pattern over 5 MB would
// cost more than the parser it protects.
func repeatsBody(text []byte) bool {
	n := 0
	for {
		at := bytes.IndexByte(text, '<')
		if at < 0 || n == 32 {
			return n == 32
		}
		text = text[at+1:]
		if len(text) > 4 && (bytes.EqualFold(text[:4], []byte("body")) || bytes.EqualFold(text[:4], []byte("html"))) {
			n++
		}
	}
}

// nodeBudget hands a page to the parser until it has seen as many tags as
// the page may have, so that no input costs more than its share.
type nodeBudget struct {
	data []byte
	left int
}

// Read counts tags as they pass. At the end of the budget the rest of the
// page does not exist.
func (r *nodeBudget) Read(p []byte) (int, error) {
	if len(r.data) == 0 || r.left <= 0 {
		return 0, io.EOF
	}
	n := copy(p, r.data)
	r.left -= bytes.Count(p[:n], []byte{'<'})
	r.data = r.data[n:]
	return n, nil
}

// warning says that the budget ran out, if it did.
func (r *nodeBudget) warning() []string {
	if len(r.data) > 0 {
		return []string{warnCut}
	}
	return nil
}

// parseShallow builds a tree without HTML's repairs and never deeper than
// 200: deeper elements become siblings.
func parseShallow(r io.Reader) *html.Node {
	const deepest = 200
	doc := &html.Node{Type: html.DocumentNode}
	open := []*html.Node{doc}
	z := html.NewTokenizer(r)
	for {
		switch z.Next() {
		case html.ErrorToken:
			return doc
		case html.TextToken:
			t := z.Token()
			open[len(open)-1].AppendChild(&html.Node{Type: html.TextNode, Data: t.Data})
		case html.StartTagToken, html.SelfClosingTagToken:
			t := z.Token()
			n := &html.Node{Type: html.ElementNode, Data: t.Data, DataAtom: t.DataAtom, Attr: t.Attr}
			open[len(open)-1].AppendChild(n)
			if t.Type == html.StartTagToken && !void(t.DataAtom) && len(open) < deepest {
				open = append(open, n)
			}
		case html.EndTagToken:
			name, _ := z.TagName()
			open = closeTag(open, string(name))
		}
	}
}

// closeTag closes the nearest open element of that name. Only the last few
// are looked at, which keeps hostile input linear.
func closeTag(open []*html.Node, name string) []*html.Node {
	for i := len(open) - 1; i > 0 && i > len(open)-16; i-- {
		if open[i].Data == name {
			return open[:i]
		}
	}
	return open
}

// void tells the elements that have no content, HTML section 13.1.2.
func void(a atom.Atom) bool {
	switch a {
	case atom.Area, atom.Base, atom.Br, atom.Col, atom.Embed, atom.Hr, atom.Img, atom.Input, atom.Link, atom.Meta,
		atom.Param, atom.Source, atom.Track, atom.Wbr:
		return true
	}
	return false
}

// attribute is the value of an element's attribute, empty if it has none.
func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name && a.Namespace == "" {
			return a.Val
		}
	}
	return ""
}

// textOf is all visible text below a node, on one line.
func textOf(n *html.Node, max int) string {
	var b bytes.Buffer
	gatherText(n, &b, max)
	return plainText(html.EscapeString(b.String()), max)
}

// gatherText collects text until there is more than enough of it, so that a
// headline element around a whole page costs no more than a headline.
func gatherText(n *html.Node, b *bytes.Buffer, max int) {
	switch {
	case b.Len() > 2*max:
	case n.Type == html.TextNode:
		b.WriteString(head(n.Data, 4*max))
	case n.Type == html.ElementNode && hidesText(n.Data) && n.Data != "title":
	default:
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			gatherText(c, b, max)
		}
		if n.Type == html.ElementNode && !inlineTag(n.Data) {
			b.WriteByte(' ')
		}
	}
}
