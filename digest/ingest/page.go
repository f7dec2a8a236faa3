package ingest

import (
	"net/url"
	"strconv"
	"strings"

	readability "codeberg.org/readeck/go-readability/v2"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"courant/digest"
)

// page is one document read as an article.
type page struct {
	o           *outline
	m           *metadata
	headline    string
	headlineAt  int // block, -1: not in the text
	description string
	body        []int // blocks
	known       vocabulary
	chosen      *candidate         // the list its key points were taken from, nil: none
	foreign     []stretch          // blocks of other articles
	own         *withinArticle     // what is known to be its own, nil: it is a text
	snippet     bool               // the HTML of a feed item: the headline stands above it
	headed      map[string][]int   // see headings; nil: nobody asked yet
	columns     map[*html.Node]int // see columned; nil: nobody asked yet
	reading
	root    *html.Node   // nil: it is a text
	trial   *trial       // what the rule came to; nil: there is none, or it was not needed
	where   string       // what of an input it is, for who asks
	source  string       // a feed's item: the HTML
	tried   []*candidate // if all is explained
	omitted []line       // sentences that the rule drops, if all is explained
}

// readPage reads an article page. address is where it was fetched from, nil
// if unknown.
func readPage(text []byte, address *url.URL, how reading) (digest.Article, choice, []string) {
	doc, warnings := parseHTML(text)
	m := readMetadata(doc)
	base := address
	if canonical, err := url.Parse(first(m.canonical, m.one("og:url"))); base == nil && err == nil && canonical.IsAbs() {
		base = canonical
	}
	p := newPage(newOutline(doc), m, base)
	p.root, p.reading, p.where, p.source = doc, how, "page", "page"
	p.readBody(doc, base)
	a := digest.Article{
		Title:     digest.PlainLine(p.headline, maxTitle),
		Category:  m.section(),
		Site:      m.site(base, p.headline),
		Published: m.published(how.now),
		Language:  m.lang(),
		Image:     m.leadImage(base, p.headline),
		Text:      p.text(),
	}
	if a.Author = m.author(a.Site); a.Author == "" {
		a.Author = p.signature(a.Site)
	}
	if a.Language == "" {
		a.Language = guessedLanguage(a.Text)
	}
	a.Terms = m.terms(p.headline)
	a.URL, a.Canonical = m.addresses(address)
	p.attribute(&a, address, base)
	made := p.fill(&a)
	if a.Title == "" {
		warnings = append(warnings, "the page has no headline")
	}
	return a, made, warnings
}

// newPage reads an outline in the order the parts need each other: the
// headline decides what the regions mean, they decide what the body is, and
// the body's words judge the points.
func newPage(o *outline, m *metadata, base *url.URL) *page {
	p := &page{o: o, m: m}
	p.headline, p.headlineAt = findHeadline(o, m, base)
	p.description = plainText(first(m.one("og:description", "description", "twitter:description"), m.linked.description, m.one("dc.description")), 4*maxPoint)
	o.settle(p.headlineAt)
	p.findBody()
	p.known = vocabulary{}
	p.known.add(p.headline)
	p.known.add(p.description)
	begun := false
	for _, i := range p.body {
		// Points written as paragraphs are not the body they are judged by.
		if _, bulleted := bullet(o.blocks[i].text); begun || !bulleted {
			begun = true
			p.known.add(o.blocks[i].text)
		}
	}
	return p
}

// findBody collects the paragraphs of the article: running text behind the
// headline, outside lists and furniture. If the page names its body, only
// what stands in it counts.
func (p *page) findBody() {
	var all, named []int
	namedSize := 0
	p.findForeign()
	for i := p.headlineAt + 1; i < len(p.o.blocks); i++ {
		b := p.o.blocks[i]
		if p.isForeign(i) || !p.isProse(b) {
			continue
		}
		all = append(all, i)
		if p.o.around(b.region)&signBody != 0 {
			named = append(named, i)
			namedSize += len(b.text)
		}
	}
	p.body = all
	if namedSize > 300 {
		p.body = named
	}
}

// mostReadable is how many elements readability is asked to weigh. It takes a
// second for 60,000, and real articles have 10,000 at most.
const mostReadable = 15_000

// readBody asks readability for the body where the outline shows next to
// none: pages made of bare divs and table cells, mostly. Key points are not
// looked for in what it returns, it drops a third of them.
func (p *page) readBody(doc *html.Node, base *url.URL) {
	size := 0
	for _, i := range p.body {
		size += len(p.o.blocks[i].text)
	}
	if size > 250 || len(p.o.blocks) > 5000 || p.o.elements > mostReadable {
		return
	}
	if base == nil {
		base = &url.URL{}
	}
	lighten(doc)
	article, err := readability.FromDocument(doc, base)
	if err != nil || article.Node == nil {
		return
	}
	others := p.foreignTexts()
	for _, b := range newOutline(article.Node).blocks {
		if others[squash(b.text)] {
			continue
		}
		if b.list < 0 && b.words >= 8 && b.link*2 < len(b.text) && !isHeading(b.tag) {
			b.node, b.region, b.list = nil, -1, -1
			p.body = append(p.body, len(p.o.blocks))
			p.o.blocks = append(p.o.blocks, b)
			p.known.add(b.text)
		}
	}
}

// lighten takes from a tree that was read already what costs readability
// much and tells it nothing: scripts, titles and attributes of megabytes, over
// which it runs its patterns.
func lighten(n *html.Node) {
	const longest = 1000
	for i := range n.Attr {
		n.Attr[i].Val = head(n.Attr[i].Val, longest)
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		if c.Type == html.TextNode && (n.DataAtom == atom.Title || n.DataAtom == atom.Script || n.DataAtom == atom.Style) {
			c.Data = head(c.Data, longest)
		}
		lighten(c)
	}
}

// isProse tells running text. A paragraph element may be short, a bare div or
// a table cell must be long to count.
func (p *page) isProse(b block) bool {
	if b.list >= 0 || b.link*2 > len(b.text) || isHeading(b.tag) {
		return false
	}
	if p.o.around(b.region)&(signFurniture|signHidden|signCaption|signByline|signAside|signPoints) != 0 {
		return false
	}
	switch b.tag {
	case atom.P:
		return b.words >= 5
	case atom.Td, atom.Th, atom.Dt, atom.Label, atom.Legend, atom.Option, atom.Pre:
		return b.words >= 30
	}
	return b.words >= 12
}

// addresses are the link a reader opens and the article's identity. A
// canonical link to the front page is a template's mistake.
func (m *metadata) addresses(address *url.URL) (open, identity string) {
	canonical := m.resolve(address, first(m.canonical, m.one("og:url")))
	if canonical != "" && address != nil {
		if u, err := url.Parse(canonical); err != nil || strings.Trim(u.Path, "/") == "" && u.RawQuery == "" && strings.Trim(address.Path, "/") != "" {
			canonical = ""
		}
	}
	raw := canonical
	if address != nil {
		raw = address.String()
	}
	open, err := digest.OpenURL(raw)
	if err != nil {
		return "", ""
	}
	identity, err = digest.CanonicalURL(first(canonical, open))
	if err != nil {
		return open, ""
	}
	return open, identity
}

// resolve makes a link of the page absolute; it is empty for what a reader
// can't open.
func (m *metadata) resolve(address *url.URL, link string) string {
	base := address
	if b, err := url.Parse(strings.TrimSpace(m.base)); err == nil && m.base != "" {
		if base == nil {
			base = b
		} else {
			base = base.ResolveReference(b)
		}
	}
	return absolute(base, link)
}

// absolute resolves a link against a base, nil if there is none. Whatever is
// not http or https afterwards is no link.
func absolute(base *url.URL, link string) string {
	link = strings.TrimSpace(link)
	u, err := url.Parse(link)
	if link == "" || err != nil {
		return ""
	}
	if base != nil && !u.IsAbs() {
		u = base.ResolveReference(u)
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil || !portFits(u.Port()) {
		return ""
	}
	return u.String()
}

// portFits tells a port that there can be, or none.
func portFits(port string) bool {
	_, err := strconv.ParseUint(port, 10, 16)
	return port == "" || err == nil
}
