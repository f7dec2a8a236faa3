package ingest

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"courant/digest"
)

// signature is who the by-line that readers see names, for pages whose data
// names nobody: up to three people. It stands beside the headline or right
// behind the text. People stand elsewhere on a page as well, in comments and
// under other stories; where it is not clear who wrote this one, it is nobody.
func (p *page) signature(site string) string {
	w := p.signatories(site)
	if p.root != nil {
		w.walk(p.root)
	}
	names := w.beside
	if len(names) == 0 {
		names = w.plainLines()
	}
	if len(names) == 0 && !w.torn {
		names = w.behind
	}
	return digest.PlainLine(strings.Join(names, ", "), maxName)
}

// maxAuthors is how many people an article names.
const maxAuthors = 3

// How far is looked for an author: hostile pages name a hundred thousand.
const (
	mostAsked = 400
	mostCard  = 2000
)

// signatories are found in one walk over the tree.
type signatories struct {
	*page
	site       string
	barred     map[*html.Node]bool // where nobody is the author
	strange    map[*html.Node]bool // where another article's lines stand
	paragraphs map[*html.Node]bool
	headlineIn *html.Node
	begun      bool // the headline was passed
	outside    bool // another article's lines are being read
	read       int  // paragraphs passed
	asked      int  // elements that may name somebody
	first      *html.Node
	beside     []string
	behind     []string
	torn       bool // several are named behind the text, apart from each other
}

// signatories notes which elements of the page are the article's.
func (p *page) signatories(site string) *signatories {
	w := &signatories{page: p, site: site, barred: map[*html.Node]bool{}, strange: map[*html.Node]bool{}, paragraphs: map[*html.Node]bool{}}
	for _, r := range p.o.regions {
		if r.sign&(signFurniture|signHidden|signCaption) != 0 {
			w.barred[r.node] = true
		}
	}
	for _, s := range p.foreign {
		for _, b := range p.o.blocks[s.from:s.to] {
			w.strange[b.node] = true
		}
	}
	for _, i := range p.body {
		if n := p.o.blocks[i].node; n != nil {
			w.paragraphs[n] = true
		}
	}
	if w.begun = p.headlineAt < 0; !w.begun {
		w.headlineIn = p.o.blocks[p.headlineAt].node
	}
	return w
}

// walk visits the page until it has found who wrote it.
func (w *signatories) walk(n *html.Node) {
	if n.Type == html.ElementNode {
		own := w.own.of[n]
		switch {
		case w.barred[n], skipped(n.DataAtom), n.Namespace != "", w.isElsewhere(n, own):
			return
		case w.strange[n]:
			w.outside = true
		case w.paragraphs[n]:
			w.outside = false
			w.read++
		}
		w.begun = w.begun || n == w.headlineIn
		if how := signs(n); !own && how != signsNothing && w.asked < mostAsked && w.placed(n) {
			if names := w.namesWithin(n, how); len(names) > 0 {
				w.keep(n, names)
				return
			}
		}
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		w.walk(c)
	}
}

// isElsewhere tells elements that speak of others: other articles, quotations,
// answers of readers, what stands beside the article. own tells those that hold
// parts of it.
func (w *signatories) isElsewhere(n *html.Node, own bool) bool {
	switch n.DataAtom {
	case atom.Blockquote, atom.Figure:
		return true
	case atom.Footer, atom.Nav:
		return !own
	case atom.Article:
		return !own && len(w.own.of) > 0
	}
	if own {
		return false
	}
	names := strings.ToLower(attribute(n, "class") + " " + attribute(n, "id") + " " + attribute(n, "itemtype") + " " + attribute(n, "itemprop"))
	if n.DataAtom == atom.Aside && !containsAny(names, signingWords[:]) {
		return true
	}
	return containsAny(names, repliers[:])
}

// isReply tells what stands in a reader's answer.
func isReply(n *html.Node) bool {
	const levels = 12
	for i := 0; i < levels && n != nil && n.DataAtom != atom.Body && n.DataAtom != atom.Article; i, n = i+1, n.Parent {
		for _, key := range [...]string{"itemprop", "itemtype", "class", "id"} {
			if strings.Contains(strings.ToLower(attribute(n, key)), "comment") {
				return true
			}
		}
	}
	return false
}

var (
	signingWords = [...]string{"author", "byline", "by-line", "autor", "auteur", "writer", "forfatter", "författare"}
	repliers     = [...]string{"comment", "repl", "respon", "testimonial", "quote"}
)

// placed says whether who is named here may be the author: beside the headline,
// or behind the text.
func (w *signatories) placed(n *html.Node) bool {
	w.asked++
	return !w.outside && (w.isBeside(n) || w.isBehind(n)) && !w.isCard(n)
}

// isBeside is wherever at most two paragraphs were passed, or little stands
// around it and the headline.
func (w *signatories) isBeside(n *html.Node) bool {
	if w.begun {
		return w.read <= 2 && (w.read < len(w.paragraphs) || w.read == 0)
	}
	const near = 3
	around := w.headlineIn
	for range near {
		if around = around.Parent; around == nil || around.DataAtom == atom.Body || around.DataAtom == atom.Main {
			return false
		}
		if holds(around, n) {
			return true
		}
	}
	return false
}

// isBehind is within what holds the text, all of which was passed.
func (w *signatories) isBehind(n *html.Node) bool {
	if !w.begun || w.read < len(w.paragraphs) || w.read == 0 {
		return false
	}
	for n = n.Parent; n != nil && !w.own.of[n]; n = n.Parent {
	}
	return n != nil && n.DataAtom != atom.Body && n.DataAtom != atom.Html && n.DataAtom != atom.Main
}

// isCard tells who is named under the headline of another story.
func (w *signatories) isCard(n *html.Node) bool {
	const levels = 4
	outer := n
	for range levels {
		if outer.Parent == nil || w.own.of[outer.Parent] {
			break
		}
		outer = outer.Parent
	}
	seen := 0
	for d := range outer.Descendants() {
		if seen++; seen > mostCard {
			return true
		}
		if isHeading(d.DataAtom) && d != w.headlineIn && !holds(d, n) && wordCount(textOf(d, maxTitle)) >= 4 {
			return true
		}
	}
	return false
}

// keep takes names in. Further ones count where they stand by the first.
func (w *signatories) keep(n *html.Node, names []string) {
	to := &w.behind
	if w.isBeside(n) {
		to = &w.beside
	}
	together := w.first == nil || (n.Parent == w.first.Parent || n.Parent != nil && w.first.Parent != nil && n.Parent.Parent == w.first.Parent.Parent && !w.own.of[n.Parent.Parent])
	for _, name := range names {
		switch {
		case slices.ContainsFunc(*to, func(known string) bool { return squash(known) == squash(name) }):
		case len(*to) > 0 && !together:
			w.torn = w.torn || to == &w.behind
		case len(*to) < maxAuthors:
			*to = append(*to, name)
		}
	}
	if w.first == nil {
		w.first = n
	}
}

// signing is how an element says that it names an author.
type signing int

const (
	signsNothing signing = iota
	signsLine            // a by-line, which holds more than names
	signsAuthor          // an author, and what is said of him
	signsName            // a name and nothing else
)

// signs reads an element's names.
func signs(n *html.Node) signing {
	how := signsNothing
	for _, a := range n.Attr {
		switch a.Key {
		case "rel":
			if n.DataAtom == atom.A && hasWord(a.Val, "author") {
				return signsName
			}
		case "class":
			if hasWord(a.Val, "fn") && isCardOf(n) || hasWord(a.Val, "p-author") {
				return signsName
			}
			how = max(how, signsByName(a.Val))
		case "id", "itemprop", "data-testid", "data-component", "data-qa":
			how = max(how, signsByName(a.Val))
		}
	}
	return how
}

// isCardOf tells elements within an hCard.
func isCardOf(n *html.Node) bool {
	for range 5 {
		if n == nil {
			return false
		}
		if class := attribute(n, "class"); hasWord(class, "vcard") || hasWord(class, "hcard") || hasWord(class, "h-card") {
			return true
		}
		n = n.Parent
	}
	return false
}

// hasWord tells one of the words of an attribute.
func hasWord(value, word string) bool {
	if !strings.Contains(value, word) {
		return false
	}
	return slices.ContainsFunc(strings.Fields(value), func(w string) bool { return strings.EqualFold(w, word) })
}

// signsByName reads a class name or the like.
func signsByName(name string) signing {
	if len(name) > 400 || !containsAny(strings.ToLower(name), signingWords[:]) {
		return signsNothing
	}
	how := signsNothing
	for class := range strings.FieldsSeq(name) {
		how = max(how, signsByClass(nameWords(class)))
	}
	return how
}

func signsByClass(words []string) signing {
	how, named := signsNothing, false
	for i, w := range words {
		switch w {
		case "byline", "bylines":
			how = max(how, signsLine)
		case "by":
			if i+1 < len(words) && words[i+1] == "line" {
				how = max(how, signsLine)
			}
		case "author", "authors", "autor", "autoren", "autores", "auteur", "auteurs", "autore", "writer", "forfatter", "författare", "creator":
			how = signsAuthor
		case "name", "names", "link", "fullname":
			named = true
		case "bio", "biography", "image", "avatar", "photo", "picture", "pic", "thumb", "thumbnail", "social", "twitter", "follow", "date", "time", "timestamp",
			"title", "role", "job", "position", "description", "desc", "about", "email", "count", "more", "icon", "handle", "location", "archive", "related", "posts":
			return signsNothing
		}
	}
	if how == signsAuthor && named {
		return signsName
	}
	return how
}

// namesWithin are the people that an element names: those its own elements
// hold, else those of its lines.
func (w *signatories) namesWithin(n *html.Node, how signing) []string {
	if how == signsName {
		lines := signedLines(n)
		if len(lines) == 0 {
			return nil
		}
		if names := w.known(namesIn(lines[0], how)); len(names) > 0 {
			return names
		}
		return w.known([]string{loneName(lines[0])})
	}
	var names []string
	for d := range n.Descendants() {
		if d.Type == html.ElementNode && len(names) < maxAuthors && (signs(d) == signsName || attribute(d, "itemprop") == "name" || d.DataAtom == atom.A && leadsToPerson(attribute(d, "href"))) {
			for _, name := range w.namesWithin(d, signsName) {
				if !slices.Contains(names, name) && strings.Contains(name, " ") {
					names = append(names, name)
				}
			}
		}
	}
	for _, line := range signedLines(n) {
		if len(names) > 0 {
			break
		}
		names = w.known(namesIn(line, how))
	}
	return names
}

// known are the names that are people's: not the site's own, nor an account's.
func (w *signatories) known(names []string) []string {
	return slices.DeleteFunc(names, func(name string) bool {
		return cleanAuthor(name) == "" || sameName(name, w.site)
	})
}

// loneName is a name of a single word, which only an element that says it
// holds a name is believed.
func loneName(line string) string {
	line = strings.TrimSpace(line)
	first, _ := firstRune(line)
	if wordCount(line) > 2 || len([]rune(line)) < 3 && !unspaced(first) || !nameToken(line) || noPerson[strings.ToLower(line)] || unicode.IsLower(first) {
		return ""
	}
	return line
}

// leadsToPerson tells the addresses of people's pages.
func leadsToPerson(href string) bool {
	return containsAny(strings.ToLower(href), personPaths[:])
}

var personPaths = [...]string{"/author", "/autor", "/auteur", "/people/", "/staff/", "/by/", "/profile", "/contributor", "/journalist", "/writer", "/redakteur", "/columnist", "/forfatter"}

// plainLines are the names of a line below the headline that is a by-line by
// its words alone: "By Jane Porter".
func (w *signatories) plainLines() []string {
	const farthest = 12
	read := 0
	for i := w.headlineAt + 1; i < len(w.o.blocks) && i <= w.headlineAt+farthest && read < 2; i++ {
		b := w.o.blocks[i]
		if b.list >= 0 || w.isForeign(i) || w.o.around(b.region)&(signFurniture|signCaption|signHidden|signAside) != 0 {
			continue
		}
		if word, _, _ := strings.Cut(b.text, " "); !isHeading(b.tag) && b.words <= 24 && opensLine(word) && !isWithin(b.node, atom.Blockquote) {
			if names := w.known(namesIn(lineOf(b), signsNothing)); len(names) > 0 {
				return names
			}
		}
		if w.isProse(b) && b.words >= 12 {
			read++
		}
	}
	return nil
}

// opensLine tells the words that by-lines begin with, cheaply.
func opensLine(word string) bool {
	w := strings.ToLower(strings.TrimRight(word, ":"))
	return byWords[w] || byLabels[w] || byLeads[w]
}

// lineOf is a block's line, parted from what styles put on lines of their own.
func lineOf(b block) string {
	if b.node != nil {
		for _, line := range signedLines(b.node) {
			if strings.HasPrefix(b.text, line) {
				return line
			}
		}
	}
	return b.text
}

// signedLines are the lines of an element as a by-line is read: what is a date
// or tells of the author is on a line of its own.
func signedLines(n *html.Node) []string {
	var b strings.Builder
	gatherSigned(n, n, &b)
	var lines []string
	for line := range strings.SplitSeq(b.String(), "\n") {
		if line = digest.PlainLine(line, maxTitle); line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}

// gatherSigned collects the text of an element.
func gatherSigned(n, top *html.Node, b *strings.Builder) {
	const most = 600
	if b.Len() > most {
		return
	}
	if n.Type == html.TextNode {
		text := head(n.Data, most)
		if last, _ := utf8.DecodeLastRuneInString(b.String()); n.PrevSibling == nil || n.PrevSibling.Type == html.ElementNode {
			if next, _ := firstRune(text); unicode.IsLower(last) && (unicode.IsUpper(next) || unicode.IsDigit(next)) {
				b.WriteByte('\n') // styles keep them apart
			}
		}
		b.WriteString(strings.ReplaceAll(text, "\n", " "))
		return
	}
	apart := false
	if n.Type == html.ElementNode {
		if skipped(n.DataAtom) || n.Namespace != "" || n != top && unsigned(n) {
			b.WriteByte('\n')
			return
		}
		if apart = n.DataAtom == atom.Br || !inlineTag(n.Data); apart {
			b.WriteByte('\n')
		}
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		gatherSigned(c, top, b)
	}
	if apart {
		b.WriteByte('\n')
	}
}

// unsigned tells what stands in a by-line and names nobody.
func unsigned(n *html.Node) bool {
	if n.DataAtom == atom.Time {
		return true
	}
	for _, key := range [...]string{"class", "itemprop"} {
		for w := range strings.FieldsFuncSeq(strings.ToLower(attribute(n, key)), func(r rune) bool { return !unicode.IsLetter(r) }) {
			switch w {
			case "date", "time", "timestamp", "datetime", "published", "updated", "role", "job", "position", "avatar", "social", "bio", "email", "location":
				return true
			}
		}
	}
	return false
}
