package ingest

import (
	"bytes"
	"strconv"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// source finds where a picture's element has it. What is loaded late has a
// pixel in src; what comes in several sizes may have nothing there.
func (p *picture) source(n *html.Node) {
	for _, name := range []string{"data-src", "data-original", "data-lazy-src", "src"} {
		if s := attribute(n, name); s != "" && !strings.HasPrefix(s, "data:") {
			p.url = s
			break
		}
	}
	if p.url != "" && !p.decorative() {
		return
	}
	for _, set := range sourceSets(n) {
		c := largest(set)
		if c.url == "" {
			continue
		}
		if c.width > 0 && p.width > 0 {
			p.height = p.height * c.width / p.width
		}
		p.url, p.width = c.url, max(p.width, c.width)
		return
	}
}

// sourceSets are the sizes that an element offers, and those of the picture
// element around it: first of kinds that every mail program shows.
func sourceSets(n *html.Node) (sets []string) {
	own := func(n *html.Node) string {
		return first(attribute(n, "srcset"), attribute(n, "data-srcset"), attribute(n, "data-lazy-srcset"))
	}
	sets = append(sets, own(n))
	if n.Parent == nil || n.Parent.DataAtom != atom.Picture {
		return sets
	}
	var modern []string
	for c := n.Parent.FirstChild; c != nil && c != n; c = c.NextSibling {
		if c.DataAtom != atom.Source {
			continue
		}
		if kind := strings.ToLower(attribute(c, "type")); strings.Contains(kind, "webp") || strings.Contains(kind, "avif") {
			modern = append(modern, own(c))
			continue
		}
		sets = append(sets, own(c))
	}
	return append(sets, modern...)
}

// offer is one of the sizes a picture is offered in.
type offer struct {
	url   string
	width int // pixels; 0: unknown
}

// widest is the most that a mail shows, twice over.
const widest = 2000

// largest is the offer of a source set that is largest without being wider
// than a mail ever needs, else the narrowest (HTML, "srcset attributes").
func largest(set string) (best offer) {
	if len(set) > 8<<10 {
		return best
	}
	bestDensity := 0.0
	for rest := set; ; {
		rest = strings.TrimLeft(rest, " \t\r\n\f,")
		if rest == "" {
			return best
		}
		end := strings.IndexAny(rest, " \t\r\n\f")
		if end < 0 {
			end = len(rest)
		}
		link, said := rest[:end], ""
		rest = rest[end:]
		if bare := strings.TrimRight(link, ","); bare != link {
			link = bare
		} else {
			said, rest, _ = strings.Cut(rest, ",")
		}
		if strings.HasPrefix(link, "data:") || link == "" {
			continue
		}
		c, density := offer{url: link}, 1.0
		for word := range strings.FieldsSeq(said) {
			if w, ok := strings.CutSuffix(word, "w"); ok {
				c.width = pixels(w)
			} else if x, ok := strings.CutSuffix(word, "x"); ok {
				if d, err := strconv.ParseFloat(x, 64); err == nil {
					density = d
				}
			}
		}
		if best.url == "" || c.better(best, density, bestDensity) {
			best, bestDensity = c, density
		}
	}
}

func (c offer) better(best offer, density, bestDensity float64) bool {
	switch {
	case c.width == 0 || best.width == 0:
		return density > bestDensity && density <= 3
	case best.width > widest:
		return c.width < best.width
	}
	return c.width > best.width && c.width <= widest
}

// unscripted keeps the pictures that a page has for those without scripts:
// often the only ones with an address.
func (m *metadata) unscripted(n *html.Node) {
	if n.FirstChild == nil || n.FirstChild.Type != html.TextNode || !strings.Contains(n.FirstChild.Data, "<img") {
		return
	}
	around := &html.Node{Type: html.ElementNode, Data: "div", DataAtom: atom.Div}
	inside, err := html.ParseFragment(strings.NewReader(head(n.FirstChild.Data, 8<<10)), around)
	if err != nil {
		return
	}
	around.Parent = n.Parent // a figure around it counts
	for _, c := range inside {
		around.AppendChild(c)
	}
	for c := range around.Descendants() {
		if c.DataAtom == atom.Img {
			m.picture(c)
		}
	}
}

// longInline is how long a picture written into the text may be: an ornament.
const longInline = 512

// withoutInline takes out pictures that stand in a feed as base64: of an item
// of megabytes nothing but its picture would be too long to be read.
func withoutInline(text []byte) []byte {
	mark := []byte(";base64,")
	var out []byte
	done := 0
	for at := 0; ; {
		next := bytes.Index(text[at:], mark)
		if next < 0 {
			break
		}
		start := at + next + len(mark)
		end := start
		for end < len(text) {
			if inBase64(text[end]) {
				end++
			} else if bytes.HasPrefix(text[end:], []byte(`\/`)) { // as JSON may write a slash
				end += 2
			} else {
				break
			}
		}
		if end-start > longInline {
			out = append(out, text[done:start]...)
			done = end
		}
		at = end
	}
	if done == 0 {
		return text
	}
	return append(out, text[done:]...)
}

// inBase64 tells the letters of RFC 4648 sections 4 and 5, and the line ends
// that some programs fold them with.
func inBase64(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' ||
		c == '+' || c == '/' || c == '-' || c == '_' || c == '=' || c == '\n' || c == '\r'
}
