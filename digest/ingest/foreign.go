package ingest

import (
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// stretch is a run of blocks, the last one not included.
type stretch struct{ from, to int }

// isForeign tells blocks that belong to another article of the page.
func (p *page) isForeign(block int) bool {
	for _, s := range p.foreign {
		if block >= s.from && block < s.to {
			return true
		}
	}
	return false
}

// foreignTexts are the lines of other articles, for what is read by other
// means than the outline.
func (p *page) foreignTexts() map[string]bool {
	texts := map[string]bool{}
	for _, s := range p.foreign {
		for _, b := range p.o.blocks[s.from:s.to] {
			texts[squash(b.text)] = true
		}
	}
	return texts
}

// mostHeadings is how many headings are asked whether another article begins
// with them. Who has more of them has them in one piece, or is no article.
const mostHeadings = 60

// findForeign finds what else a page holds besides its article: pages that
// load the next story as readers scroll, and cards of other stories.
func (p *page) findForeign() {
	w := &withinArticle{page: p, of: map[*html.Node]bool{}, known: vocabulary{}}
	p.own = w
	if p.headlineAt < 0 || p.o.blocks[p.headlineAt].node == nil {
		return
	}
	w.mark(p.o.blocks[p.headlineAt].node)
	w.known.add(p.headline)
	w.known.add(p.description)
	asked := 0
	for i := p.headlineAt + 1; i < len(p.o.blocks) && asked < mostHeadings; i++ {
		b := p.o.blocks[i]
		switch {
		case b.node == nil:
		case p.isProse(b):
			w.paragraphs++
			w.known.add(b.text)
			w.mark(b.node)
		case p.mayBegin(b):
			asked++
			if s := w.other(i); s.to > i {
				p.foreign = append(p.foreign, s)
				i = s.to - 1
			}
		}
	}
}

// mayBegin tells headings that another article may begin with.
func (p *page) mayBegin(b block) bool {
	if b.tag != atom.H1 && b.tag != atom.H2 && b.tag != atom.H3 || b.words < 3 {
		return false
	}
	return p.o.around(b.region)&(signFurniture|signAside|signHidden|signCaption|signPoints|signSummary) == 0 &&
		similar(b.text, p.headline) < 0.4 && namedGrade(b.text) == gradeNone
}

// withinArticle is what is known to be the article's while its blocks are read.
type withinArticle struct {
	*page
	of         map[*html.Node]bool // elements that hold the headline or paragraphs of it
	inArticle  bool                // one of them is an article element
	known      vocabulary
	paragraphs int
}

// mark notes an element and all around it.
func (w *withinArticle) mark(n *html.Node) {
	for ; n != nil && !w.of[n]; n = n.Parent {
		w.of[n] = true
		w.inArticle = w.inArticle || n.DataAtom == atom.Article
	}
}

// other is the stretch of another article that begins with a heading, empty if
// none does. It is what the largest element holds that holds the heading and
// nothing of this article. Where there is no such element, the rest of the page
// is as little of this article as what follows the heading.
func (w *withinArticle) other(at int) stretch {
	b := w.o.blocks[at]
	own := b.node
	article := own.DataAtom == atom.Article
	for ; own.Parent != nil && !w.of[own.Parent]; own = own.Parent {
		article = article || own.Parent.DataAtom == atom.Article
	}
	s := w.held(own, at)
	flat := own == b.node
	if flat {
		s.to = len(w.o.blocks)
	}
	known, all, prose := w.shared(at, s.to)
	share := float64(known) / float64(max(all, 1))
	if w.begins(b, flat, article, isWithin(own.Parent, atom.Article), share, prose) {
		return s
	}
	return stretch{}
}

// begins says whether another article begins with a heading. Elements that are
// articles say so themselves; of others, the words must tell, for subheadings
// stand in elements of their own as well. nested tells that the article whose
// element began before is still open, as it is around the posts of a live blog
// and the parts of a long piece.
func (w *withinArticle) begins(b block, flat, article, nested bool, share float64, prose int) bool {
	top := b.tag == atom.H1
	strange := share < 0.12 && prose >= 2 && b.words >= 4
	switch {
	case flat:
		return top && strange && w.paragraphs > 0 && b.words >= 5
	case article && !nested && w.inArticle && !w.isPost(b):
		return top || share < 0.5 && w.paragraphs > 0
	case top:
		return share < 0.25 && prose >= 1 && w.paragraphs > 0
	}
	return strange && w.paragraphs >= 3
}

// isPost tells the posts of a live blog that stand below its headline in article
// elements of their own: they are alike, and the first of them, which follows
// text of the blog, is known to be the article's. Cards of other stories are
// links.
func (w *withinArticle) isPost(b block) bool {
	if b.tag == atom.H1 || b.link > 0 {
		return false
	}
	n := b.node
	for ; n != nil && n.DataAtom != atom.Article; n = n.Parent {
	}
	if n == nil || attribute(n, "class") == "" {
		return false
	}
	first := n.PrevSibling
	for ; first != nil && (first.DataAtom != atom.Article || !w.of[first]); first = first.PrevSibling {
	}
	return first != nil && attribute(first, "class") == attribute(n, "class") && !holds(first, w.o.blocks[w.headlineAt].node) && w.headedPost(first)
}

// headedPost tells that an article element begins with a subheading, as each post
// does.
func (w *withinArticle) headedPost(n *html.Node) bool {
	for d := range n.Descendants() {
		switch {
		case d.DataAtom == atom.H2, d.DataAtom == atom.H3, d.DataAtom == atom.H4:
			return true
		case d.DataAtom == atom.P:
			return false
		}
	}
	return false
}

// isWithin tells whether an element is of a kind, or stands in one that is.
func isWithin(n *html.Node, kind atom.Atom) bool {
	for ; n != nil; n = n.Parent {
		if n.DataAtom == kind {
			return true
		}
	}
	return false
}

// cardOf is the heading of the article element that a list stands in, where
// that holds nothing else of this article: a card of another story.
func (w *withinArticle) cardOf(c *candidate) string {
	n := c.element
	for ; n != nil && n.DataAtom != atom.Article; n = n.Parent {
	}
	if n == nil || w.of[n] || len(w.of) == 0 {
		return ""
	}
	for i := c.from - 1; i > w.headlineAt && i > c.from-mostAbove && holds(n, w.o.blocks[i].node); i-- {
		if b := w.o.blocks[i]; isHeading(b.tag) && b.words >= 3 && namedGrade(b.text) == gradeNone {
			return b.text
		}
	}
	return ""
}

// How far is looked for what an element holds. Real articles have a few hundred
// blocks, and cards a dozen.
const (
	mostHeld  = 2000
	mostAbove = 20
)

// held are the blocks around one that stand in an element.
func (w *withinArticle) held(n *html.Node, at int) stretch {
	s := stretch{at, at + 1}
	for s.from > max(w.headlineAt+1, at-mostHeld) && holds(n, w.o.blocks[s.from-1].node) {
		s.from--
	}
	for s.to < min(len(w.o.blocks), at+mostHeld) && holds(n, w.o.blocks[s.to].node) {
		s.to++
	}
	return s
}

// holds tells whether an element is another or is around it.
func holds(outer, n *html.Node) bool {
	for ; n != nil && n != outer; n = n.Parent {
	}
	return n != nil
}

// shared says how many of the words of what follows a heading the article
// has, and how many paragraphs follow.
func (w *withinArticle) shared(at, to int) (known, all, prose int) {
	known, all = w.known.shared(w.o.blocks[at].text)
	for _, b := range w.o.blocks[at+1 : to] {
		if prose == 5 {
			break
		}
		if w.isProse(b) {
			k, a := w.known.shared(b.text)
			known, all, prose = known+k, all+a, prose+1
		}
	}
	return known, all, prose
}
