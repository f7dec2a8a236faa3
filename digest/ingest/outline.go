package ingest

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"courant/digest"
)

// outline is a page flattened in one pass: its blocks of text in document
// order, the lists they stand in and the elements around them that say
// something of themselves. Everything else in this package asks the outline,
// never the tree, so a page is walked once.
type outline struct {
	blocks  []block
	lists   []list
	regions []region
	names   map[string]sign // what class names say, by name

	run      strings.Builder // text of the block being read
	runLink  int             // bytes of it that are links
	runBold  int             // bytes of it that are bold
	owner    *html.Node      // the element the block stands in
	region   int
	list     int
	item     int
	heading  bool // within a heading
	elements int
	edge     bool // an inline element began or ended since the last text
	linked   int  // open links
	bold     int
}

// block is a line of text: a paragraph, a heading, a caption, a cell.
type block struct {
	text   string
	node   *html.Node // the element it stands in, nil: none
	tag    atom.Atom  // its name
	region int        // the nearest one, -1: none
	list   int        // the nearest one, -1: none
	item   int        // its number in the list
	link   int        // bytes of text that are links
	bold   int
	words  int
}

// list is a ul or ol.
type list struct {
	node     *html.Node
	parent   int // the list it stands in, -1: none
	region   int
	from, to int // its blocks
	items    int
	ordered  bool
}

// region is an element with signs. Regions nest; a parent stands before its
// children.
type region struct {
	node     *html.Node
	parent   int
	sign     sign
	around   sign // its own and its parents', after settle
	from, to int  // its blocks
	prose    int  // bytes of text outside lists and links
	text     int  // bytes of text
}

// newOutline walks a tree once.
func newOutline(root *html.Node) *outline {
	o := &outline{names: map[string]sign{}, region: -1, list: -1}
	o.walk(root)
	o.flush()
	for i := range o.regions {
		o.weigh(&o.regions[i])
	}
	return o
}

// weigh counts what a region holds. Regions nest, so this is the one place
// that looks at a block more than once; depth is bounded by the parser.
func (o *outline) weigh(r *region) {
	for _, b := range o.blocks[r.from:r.to] {
		r.text += len(b.text)
		if b.list < 0 && b.link*2 < len(b.text) {
			r.prose += len(b.text)
		}
	}
}

// walk reads a node in document order.
func (o *outline) walk(n *html.Node) {
	switch n.Type {
	case html.TextNode:
		o.add(n.Data)
		return
	case html.ElementNode:
		o.elements++
		switch {
		case n.DataAtom == atom.Button:
			o.button(n)
			return
		case skipped(n.DataAtom) && !isShadow(n), n.Namespace != "":
			return
		}
		o.element(n)
		return
	}
	o.children(n)
}

func (o *outline) children(n *html.Node) {
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		if c.Type == html.ElementNode && c.DataAtom == 0 && o.list < 0 && beginsItems(c) {
			c = o.customItems(c)
			continue
		}
		o.walk(c)
	}
}

// beginsItems tells the first of several elements of one name of the site's own
// that says they are items.
func beginsItems(n *html.Node) bool {
	if !isCustomItem(n) {
		return false
	}
	next := nextElement(n)
	return next != nil && next.Data == n.Data
}

// nextElement is the element behind another, if only white space parts them.
func nextElement(n *html.Node) *html.Node {
	for n = n.NextSibling; n != nil; n = n.NextSibling {
		switch {
		case n.Type == html.ElementNode:
			return n
		case n.Type == html.TextNode && strings.TrimSpace(n.Data) != "":
			return nil
		}
	}
	return nil
}

// customItems reads such items as the list that they are. It returns the last.
func (o *outline) customItems(first *html.Node) (last *html.Node) {
	o.flush()
	o.lists = append(o.lists, list{node: first.Parent, parent: -1, region: o.region, from: len(o.blocks)})
	outer := o.item
	o.list, o.item = len(o.lists)-1, -1
	for n := first; n != nil && n.Data == first.Data; n = nextElement(n) {
		o.item++
		o.walk(n)
		last = n
	}
	o.flush()
	o.lists[o.list].to, o.lists[o.list].items = len(o.blocks), o.item+1
	o.list, o.item = -1, outer
	return last
}

// skipped tells the elements that hold no text of the article.
func skipped(a atom.Atom) bool {
	switch a {
	case atom.Script, atom.Style, atom.Noscript, atom.Template, atom.Iframe, atom.Object, atom.Svg, atom.Math, atom.Head,
		atom.Textarea, atom.Select, atom.Button, atom.Audio, atom.Video, atom.Canvas, atom.Input, atom.Noembed, atom.Noframes,
		atom.Rt, atom.Rp: // how characters are read, said twice
		return true
	}
	return false
}

// isShadow tells the templates that are shown: what an element draws instead of
// what it holds (HTML section 4.12.3, shadowrootmode; shadowroot before 2023).
func isShadow(n *html.Node) bool {
	return n.DataAtom == atom.Template && attribute(n, "shadowrootmode")+attribute(n, "shadowroot") != ""
}

// button reads a button only where it is a heading: what folds the points
// away is often one.
func (o *outline) button(n *html.Node) {
	if o.heading {
		o.children(n)
		return
	}
	text := textOf(n, maxHeading)
	if namedGrade(text) == gradeNone {
		return
	}
	o.flush()
	o.emit(text, 0, 0)
	o.blocks[len(o.blocks)-1].node, o.blocks[len(o.blocks)-1].tag = n, atom.H4
}

// element reads an element. Inline ones are transparent; every other ends
// the block before it and the one it holds.
func (o *outline) element(n *html.Node) {
	switch n.DataAtom {
	case atom.Br:
		o.run.WriteByte(lineBreak)
		return
	case atom.A:
		o.linked++
		o.inline(n)
		o.linked--
		return
	case atom.B, atom.Strong:
		o.bold++
		o.inline(n)
		o.bold--
		return
	}
	if n.DataAtom != 0 && inlineTag(n.Data) && n.DataAtom != atom.Time {
		o.inline(n)
		return
	}
	if o.heading && !isList(n) {
		o.add(" ") // a headline is one block, however it is wrapped
		o.children(n)
		return
	}
	o.flush()
	outerOwner, outerRegion := o.owner, o.region
	o.owner = n
	opened := o.open(n)
	o.heading = isHeading(n.DataAtom)
	switch {
	case isList(n):
		o.walkList(n)
	case n.DataAtom == atom.Li, n.DataAtom == atom.Div && attribute(n, "role") == "listitem":
		o.item++
		o.children(n)
	default:
		o.children(n)
	}
	o.flush()
	o.heading = false
	if opened {
		o.regions[o.region].to = len(o.blocks)
	}
	o.owner, o.region = outerOwner, outerRegion
}

// inline elements don't end a block, but a span may well carry the class
// that says what it holds.
func (o *outline) inline(n *html.Node) {
	if o.signsOf(n)&signHidden != 0 || o.heading && o.isSubtitle(n) {
		return
	}
	o.edge = true
	o.children(n)
	o.edge = true
}

// isSubtitle tells the second line of a heading, which some publishers put into
// the element of the first.
func (o *outline) isSubtitle(n *html.Node) bool {
	class := attribute(n, "class")
	return strings.Contains(class, "sub") && (strings.Contains(class, "subtitle") || strings.Contains(class, "sub-title") || strings.Contains(class, "subhead")) &&
		strings.TrimSpace(o.run.String()) != ""
}

// isList tells the elements that hold items, and those that say they do. Some
// publishers put their points into a list within a heading.
func isList(n *html.Node) bool {
	switch n.DataAtom {
	case atom.Ul, atom.Ol, atom.Menu, atom.Dl:
		return true
	case atom.Div:
		return attribute(n, "role") == "list"
	}
	return false
}

func isHeading(a atom.Atom) bool {
	switch a {
	case atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6:
		return true
	}
	return false
}

// open begins a region if the element has signs.
func (o *outline) open(n *html.Node) bool {
	s := o.signsOf(n)
	if s == 0 || n.DataAtom == atom.Body || n.DataAtom == atom.Html {
		return false
	}
	o.regions = append(o.regions, region{node: n, parent: o.region, sign: s, from: len(o.blocks), to: len(o.blocks)})
	o.region = len(o.regions) - 1
	return true
}

// walkList reads a list. Its items are counted as they begin, so that text
// between items counts to the one before.
func (o *outline) walkList(n *html.Node) {
	outer, outerItem := o.list, o.item
	o.lists = append(o.lists, list{node: n, parent: outer, region: o.region, from: len(o.blocks), ordered: n.DataAtom == atom.Ol})
	o.list, o.item = len(o.lists)-1, -1
	o.children(n)
	o.flush()
	o.lists[o.list].to, o.lists[o.list].items = len(o.blocks), o.item+1
	o.list, o.item = outer, outerItem
}

// add appends text to the block being read, and notes how much of it is
// links and bold: lists of links are told apart by that.
func (o *outline) add(text string) {
	if o.heading && o.edge && glued(o.run.String(), text) {
		o.run.WriteByte(' ')
	}
	o.edge = false
	o.run.WriteString(text)
	if o.linked > 0 {
		o.runLink += len(text)
	}
	if o.bold > 0 {
		o.runBold += len(text)
	}
}

// glued tells two parts of a headline that only styles keep apart: a kicker
// and what follows it.
func glued(before, text string) bool {
	last, _ := utf8.DecodeLastRuneInString(before)
	next, _ := utf8.DecodeRuneInString(text)
	return unicode.IsLower(last) && unicode.IsUpper(next)
}

// flush ends a block. A line break within a block starts a new one only
// where the lines are bulleted or a blank line parts them; old pages part
// their paragraphs so.
func (o *outline) flush() {
	if o.run.Len() == 0 {
		return
	}
	text, link, bold := o.run.String(), o.runLink, o.runBold
	o.run.Reset()
	o.runLink, o.runBold = 0, 0
	if strings.TrimSpace(text) == "" {
		return
	}
	if strings.IndexByte(text, lineBreak) < 0 {
		o.emit(text, link, bold)
		return
	}
	for _, part := range breakLines(text, o.region >= 0 && o.list < 0 && o.regions[o.region].sign&(signPoints|signSeveral) == signPoints|signSeveral) {
		o.emit(part, link*len(part)/len(text), bold*len(part)/len(text))
	}
}

const maxBlock = 4000

// emit keeps a block as one plain line.
func (o *outline) emit(text string, link, bold int) {
	text = digest.PlainLine(withoutTagEnd(head(text, 8*maxBlock)), maxBlock)
	if text == "" {
		return
	}
	tag := atom.Atom(0)
	if o.owner != nil {
		tag = o.owner.DataAtom
	}
	o.blocks = append(o.blocks, block{text: text, node: o.owner, tag: tag, region: o.region, list: o.list, item: max(o.item, 0),
		link: min(link, len(text)), bold: min(bold, len(text)), words: wordCount(text)})
}

// lineBreak stands for a br element while a block is read. Newlines in the
// source are white space and nothing more.
const lineBreak = '\v'

// breakLines parts a text with line breaks. Within an element that is named for
// its points each line is one.
func breakLines(text string, each bool) []string {
	lines := strings.Split(text, string(lineBreak))
	var parts []string
	current := ""
	for _, line := range lines {
		line = strings.TrimSpace(line)
		_, bulleted := bullet(line)
		if line == "" || bulleted || each {
			parts = append(parts, current)
			current = line
			continue
		}
		if len(current) < 8*maxBlock { // longer ones are cut anyway
			current = strings.TrimSpace(current + " " + line)
		}
	}
	return append(parts, current)
}

// settle decides what to believe of the regions once the headline is known:
// what holds the headline or most of the prose is the article, whatever its
// classes say. It leaves in each region what its parents say as well.
func (o *outline) settle(headline int) {
	total := 0
	for _, b := range o.blocks {
		if b.list < 0 && b.link*2 < len(b.text) {
			total += len(b.text)
		}
	}
	for i := range o.regions {
		r := &o.regions[i]
		holdsHeadline := headline >= r.from && headline < r.to
		if r.sign&signTeaser != 0 && (headline < 0 || r.from < headline || o.promotes(r)) {
			r.sign |= signFurniture
		}
		if r.sign&signWidget != 0 && !o.tellsPoints(r) {
			r.sign |= signFurniture
		}
		if holdsHeadline || r.prose*5 > total*2 {
			r.sign &^= signFurniture | signHidden | signAside | signCaption | signByline
		}
		// A field whose class says summary may hold the whole body.
		if holdsHeadline || r.prose > 1800 || r.to-r.from > 24 {
			r.sign &^= signPoints | signSummary
		}
		r.around = r.sign
		if r.parent >= 0 {
			r.around |= o.regions[r.parent].around
		}
	}
}

// tellsPoints tells a part that the site's editor put into the article, where it
// is headed as key points are.
func (o *outline) tellsPoints(r *region) bool {
	if !isWithin(r.node, atom.Article) || r.from == r.to || r.parent >= 0 && o.regions[r.parent].around&(signAside|signFurniture) != 0 {
		return false
	}
	heads := o.blocks[r.from]
	return heads.list < 0 && namedGrade(heads.text) == gradePoints
}

// promotes tells the teasers of other stories, which have links or headings,
// from the standfirst of this one.
func (o *outline) promotes(r *region) bool {
	link := 0
	for _, b := range o.blocks[r.from:r.to] {
		if isHeading(b.tag) {
			return true
		}
		link += b.link
	}
	return link*3 > r.text
}

// around is all that the elements around a block or list say of it.
func (o *outline) around(region int) sign {
	if region < 0 {
		return 0
	}
	return o.regions[region].around
}
