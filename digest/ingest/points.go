package ingest

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"courant/digest"
)

// grade says how sure it is that a list holds key points.
type grade int

const (
	gradeNone    grade = iota
	gradeBare          // it stands between the headline and the first paragraph
	gradeSummary       // its class or heading says what often means key points
	gradePoints        // its class or heading means nothing else
)

// candidate is a list that may hold the publisher's key points.
type candidate struct {
	verdict
	items    []item
	from, to int // its blocks
	region   int
	grade    grade
	headed   bool // a heading named it, not only a class
	heading  string
	unknown  bool   // the heading may name anything
	teaser   string // the line above it, where that leads to another article
	played   bool   // a call to listen or watch stands above it
	early    bool   // named by words that mean key points only near the top
	ordered  bool
	spoken   bool       // its lines begin with the dash that many languages put before speech
	state    bool       // of the page's data, not of what it shows
	element  *html.Node // nil: lines that begin with a bullet
	before   int        // paragraphs between the headline and it
	shown    []string   // its lines as they stand there, if all is explained

	left map[int]finding // of these, those that were taken out, and why
}

type item struct {
	text  string
	link  int
	bold  int
	size  int
	words int
	at    int // its number in the list, if all is explained
}

// leave records why a line was taken out.
func (c *candidate) leave(it item, f finding) {
	if c.left == nil {
		c.left = map[int]finding{}
	}
	c.left[it.at] = f
}

// keepOnly takes out links that lead elsewhere.
func (c *candidate) keepOnly(kept, strange []item) {
	for _, it := range strange {
		c.leave(it, finding{reason: leftStrange})
	}
	c.items = kept
}

const maxPoints = 10

// keyPoints finds the publisher's key points: the best list that passes
// every test. Better none than wrong ones.
func (p *page) keyPoints() []string {
	var best *candidate
	noNews := p.isNoNews()
	if noNews && !p.explaining {
		return nil
	}
	for _, c := range p.candidates() {
		c.must(!noNews, reasonNews)
		p.note(&c)
		if p.judge(&c, p.wellPlaced); c.refused() {
			continue
		}
		if best != nil && c.state {
			continue // what readers see is what counts
		}
		if best == nil || c.grade > best.grade || c.grade == best.grade && (c.holds(best) || c.completes(best) || p.uncovers(&c, best)) {
			best = &c
		}
	}
	p.chosen = best
	if best == nil {
		return nil
	}
	return foldItems(best.items)
}

// isNoNews tells pages that say they sell something: their lists praise it.
func (p *page) isNoNews() bool {
	kind := strings.ToLower(p.m.one("og:type"))
	return strings.Contains(kind, "product") || strings.HasPrefix(kind, "music") || p.m.linked.product && p.m.linked.headline == ""
}

// uncovers tells a list that readers see from an equal one before it that is
// hidden from them. What is folded away may have more lines than what shows.
func (p *page) uncovers(c, best *candidate) bool {
	return p.o.around(best.region)&signHidden != 0 && p.o.around(c.region)&signHidden == 0 && !best.completes(c)
}

// holds tells an element that has all of another candidate's points and
// more: some publishers put each point into a list of its own.
func (c *candidate) holds(other *candidate) bool {
	return c.from <= other.from && c.to >= other.to && len(c.items) > len(other.items)
}

// completes tells the whole of a list that another candidate is the beginning
// of: a teaser, with fewer lines or with lines that are cut off.
func (c *candidate) completes(other *candidate) bool {
	if len(c.items) < len(other.items) || len(other.items) == 0 {
		return false
	}
	cut := 0
	for i, it := range other.items {
		start := squash(it.text)
		switch whole := squash(c.items[i].text); {
		case start == whole:
		case start != "" && isCutOff(it.text) && strings.HasPrefix(whole, start):
			cut++
		default:
			return false
		}
	}
	return cut > 0 || len(c.items) > len(other.items)
}

// foldItems are the items' texts, each once.
func foldItems(items []item) []string {
	var points []string
	for _, it := range items {
		points = append(points, it.text)
	}
	return foldLines(points)
}

// foldLines drops repeated lines: teasers and mobile layouts repeat them.
func foldLines(lines []string) []string {
	var out []string
	seen := map[string]bool{}
	for _, line := range lines {
		if key := squash(line); key != "" && !seen[key] {
			seen[key] = true
			out = append(out, line)
		}
	}
	return out
}

// candidates gathers lists, and elements with telling classes whose points
// are paragraphs or lists of one.
func (p *page) candidates() []candidate {
	var found []candidate
	for i, l := range p.o.lists {
		if l.items > 0 && l.to > l.from {
			found = append(found, p.listCandidate(i))
		}
	}
	for i, r := range p.o.regions {
		if r.sign&(signPoints|signSummary) != 0 {
			if c, ok := p.regionCandidate(i); ok {
				found = append(found, c)
			}
		}
	}
	return slices.Concat(found, p.bulletedRuns(), p.countedRuns(), p.definedRuns(), p.tabledRuns(), p.stateCandidates())
}

// listCandidate reads a list. Its grade comes from the elements around it, if
// they hold little else, and from the line above it.
func (p *page) listCandidate(i int) candidate {
	l := p.o.lists[i]
	c := candidate{from: l.from, to: l.to, region: l.region, ordered: l.ordered, element: l.node, grade: gradeBare}
	if c.must(l.items <= 3*maxPoints, reasonMany, l.items, maxPoints); c.refused() {
		return c
	}
	items, nested := make([]item, l.items), false
	for _, b := range p.o.blocks[l.from:l.to] {
		if b.list != i && p.o.lists[b.list].parent == i {
			nested = true // a point's own points
			continue
		}
		if c.must(b.list == i && b.item < l.items && b.tag != atom.H1 && b.tag != atom.H2, reasonNested); c.refused() {
			return c
		}
		items[b.item].join(b)
	}
	c.items = items
	p.dropBeside(&c)
	p.regionGrade(&c)
	p.readHeading(&c)
	c.must(!nested || c.grade == gradePoints, reasonNested)
	c.must(!p.compares(l.node), reasonColumns)
	p.joinLists(&c, i)
	c.readFirst()
	return c
}

// joinLists takes the lists that follow for one with it, where a heading that
// means key points stands above lists of a single item each.
func (p *page) joinLists(c *candidate, i int) {
	if len(c.items) != 1 || !c.headed || c.grade != gradePoints {
		return
	}
	for _, l := range p.o.lists[i+1:] {
		if l.items != 1 || l.from != c.to || l.to != l.from+1 {
			return
		}
		c.items = append(c.items, item{})
		c.items[len(c.items)-1].join(p.o.blocks[l.from])
		c.to = l.to
	}
}

// definedRuns finds points that are the meanings of a term, which is their
// heading.
func (p *page) definedRuns() []candidate {
	var found []candidate
	for i := p.headlineAt + 1; i < len(p.o.blocks); i++ {
		b := p.o.blocks[i]
		if b.tag != atom.Dt {
			continue
		}
		g := namedGrade(b.text)
		if g == gradeNone {
			continue
		}
		c := candidate{from: i + 1, region: b.region, grade: g, headed: true, heading: b.text}
		c.pro(headingReasons[g], c.heading)
		for i++; i < len(p.o.blocks) && p.o.blocks[i].tag == atom.Dd; i++ {
			c.items = append(c.items, item{})
			c.items[len(c.items)-1].join(p.o.blocks[i])
		}
		if c.to = i; len(c.items) > 1 && (i == len(p.o.blocks) || p.o.blocks[i].tag != atom.Dt) {
			found = append(found, c)
		}
		i--
	}
	return found
}

// readFirst takes a list's first item for its heading, where it is one.
func (c *candidate) readFirst() {
	if len(c.items) < 3 || c.headed {
		return
	}
	if g := namedGrade(c.items[0].text); g != gradeNone {
		c.pro(headingReasons[g], c.items[0].text)
		c.headed, c.heading, c.grade = true, c.items[0].text, max(c.grade, g)
		c.items = c.items[1:]
	}
}

// join adds a block to an item: an item may hold several paragraphs.
func (it *item) join(b block) {
	switch {
	case it.text == "":
		it.text = b.text
	case len(it.text) <= maxPoint+100: // what is longer is no point, however long it is
		it.text += " " + b.text
	}
	it.link += b.link
	it.bold += b.bold
	it.size += len(b.text)
	it.words += b.words
}

// regionGrade asks the elements around a list, as long as the list is most
// of what they hold.
func (p *page) regionGrade(c *candidate) {
	size := 0
	for _, b := range p.o.blocks[c.from:c.to] {
		size += len(b.text)
	}
	for r := c.region; r >= 0; r = p.o.regions[r].parent {
		at := p.o.regions[r]
		if at.text > size+size/2+80 {
			return
		}
		switch {
		case at.sign&signPoints != 0:
			c.grade = gradePoints
			c.pro(reasonClassPoints, within{p.o, r, signPoints})
			return
		case at.sign&signSummary != 0 && c.grade < gradeSummary:
			c.grade = gradeSummary
			c.pro(reasonClassSummary, within{p.o, r, signSummary})
		}
	}
}

// regionCandidate reads an element with a telling class whose points are
// paragraphs, or several lists.
func (p *page) regionCandidate(i int) (candidate, bool) {
	r := p.o.regions[i]
	c := candidate{from: r.from, to: r.to, region: i, grade: gradeSummary, element: r.node}
	if r.sign&signPoints != 0 {
		c.grade = gradePoints
		c.pro(reasonClassPoints, within{p.o, i, signPoints})
	} else {
		c.pro(reasonClassSummary, within{p.o, i, signSummary})
	}
	lists := map[int]bool{}
	c.must(r.from == r.to || !p.compares(p.o.blocks[r.to-1].node), reasonColumns)
	for _, b := range p.o.blocks[r.from:r.to] {
		if b.tag == atom.Dt || b.tag == atom.Dd {
			c.must(false, reasonTerms)
			return c, true
		}
		c.must(b.list >= 0 || !prosAndCons[headingKey(b.text)], reasonNamed, b.text)
		if b.list >= 0 && !p.strays(b, i) {
			lists[b.list] = true
		}
	}
	last := [2]int{-1, -1}
	for _, b := range p.o.blocks[r.from:r.to] {
		if p.strays(b, i) {
			continue
		}
		if len(lists) > 0 {
			switch key := [2]int{b.list, b.item}; {
			case b.list < 0:
			case key == last:
				c.items[len(c.items)-1].join(b)
			default:
				c.items = append(c.items, item{})
				c.items[len(c.items)-1].join(b)
				last = key
			}
			continue
		}
		if isHeading(b.tag) || b.tag == atom.Th || b.tag == atom.Caption || b.words < 4 || len(c.items) == 0 && b.words <= 14 && namedGrade(b.text) != gradeNone {
			continue // the box's own heading, whatever element it is
		}
		text, _ := bullet(b.text)
		c.items = append(c.items, item{text: text, link: b.link, bold: b.bold, size: len(b.text), words: b.words})
	}
	// One list is a candidate by itself; one paragraph is a description.
	c.must(len(c.items) > 1, reasonOneText)
	c.must(len(lists) > 1 || r.sign&signSeveral != 0, reasonStandfirst)
	return c, len(lists) != 1 && len(c.items) > 0
}

// strays tells a block that stands in furniture within a region.
func (p *page) strays(b block, region int) bool {
	return b.region != region && p.o.around(b.region)&^p.o.around(region)&signFurniture != 0
}

// bulletedRuns finds points written as paragraphs that begin with a bullet.
func (p *page) bulletedRuns() []candidate {
	var found []candidate
	for i := p.headlineAt + 1; i < len(p.o.blocks); i++ {
		c := candidate{from: i, region: p.o.blocks[i].region, grade: gradeBare}
		for ; i < len(p.o.blocks) && p.o.blocks[i].list < 0; i++ {
			b := p.o.blocks[i]
			text, ok := bullet(b.text)
			if !ok || isHeading(b.tag) && stripBullet(b.text) == b.text {
				break // a heading may have a number or a dash, but never draws a bullet
			}
			if len(c.items) > 1 && len(c.items) <= 3*maxPoints && p.marksElsewhere(c.from, i) {
				break
			}
			if _, counted := numbered(b.text); counted {
				c.ordered = true
			}
			c.spoken = c.spoken || strings.HasPrefix(b.text, "–") || strings.HasPrefix(b.text, "—")
			c.items = append(c.items, item{text: text, link: b.link, bold: b.bold, size: len(b.text), words: wordCount(text)})
		}
		if c.to = i; len(c.items) > 0 && i < len(p.o.blocks) && p.o.blocks[i].list < 0 {
			if _, ok := bullet(p.o.blocks[i].text); ok {
				i-- // it begins another run
			}
		}
		if len(c.items) < 2 {
			continue
		}
		p.regionGrade(&c)
		p.readHeading(&c)
		found = append(found, c)
	}
	return found
}

// marksElsewhere tells a line with a bullet that begins another list than the
// lines from the given one on: in another element, with a mark that none of
// them has, and none of theirs comes back. Points of a point come back to it.
func (p *page) marksElsewhere(from, i int) bool {
	if p.o.blocks[i-1].node == p.o.blocks[i].node {
		return false
	}
	var marks [4]rune
	used := marks[:0]
	for _, b := range p.o.blocks[from:i] {
		if m := markOf(b.text); !slices.Contains(used, m) && len(used) < cap(used) {
			used = append(used, m)
		}
	}
	for _, next := range p.o.blocks[i:min(i+3*maxPoints, len(p.o.blocks))] {
		if _, ok := bullet(next.text); !ok || next.list >= 0 {
			break
		}
		if slices.Contains(used, markOf(next.text)) {
			return false
		}
	}
	return true
}

// markOf is a line's bullet. All numbers are one mark.
func markOf(line string) rune {
	if _, counted := numbered(line); counted {
		return '1'
	}
	r, _ := firstRune(line)
	return r
}

// countedRuns finds points that numbers in elements of their own count: 1, a
// line, 2, another.
func (p *page) countedRuns() []candidate {
	var found []candidate
	for i := p.headlineAt + 1; i < len(p.o.blocks); i++ {
		if !p.counts(i, 1) {
			continue
		}
		c := candidate{from: i, region: p.o.blocks[i].region, grade: gradeBare, ordered: true}
		for n := 1; p.counts(i, n); n++ {
			c.items = append(c.items, item{})
			c.items[n-1].join(p.o.blocks[i+1])
			i += 2
		}
		if c.to = i; len(c.items) > 1 {
			for c.region >= 0 && p.o.regions[c.region].to < c.to {
				c.region = p.o.regions[c.region].parent // each may stand in a box of its own
			}
			p.regionGrade(&c)
			p.readHeading(&c)
			found = append(found, c)
		}
		i--
	}
	return found
}

// counts says whether a block is the number n alone, and a line follows.
func (p *page) counts(i, n int) bool {
	if i+1 >= len(p.o.blocks) || len(p.o.blocks[i].text) > 4 || p.o.blocks[i].list >= 0 {
		return false
	}
	number := strings.TrimPrefix(strings.TrimRight(strings.TrimLeft(p.o.blocks[i].text, "#("), ".)"), "0")
	line := p.o.blocks[i+1]
	return number == strconv.Itoa(n) && line.list < 0 && !isHeading(line.tag) && line.words > 1
}

// readHeading reads the line above a list: what it names the list counts
// for more than classes do, and a list that is named something else is that.
func (p *page) readHeading(c *candidate) {
	for i := c.from - 1; i >= 0 && i >= c.from-3; i-- {
		b := p.o.blocks[i]
		if i == p.headlineAt || b.list >= 0 && !isHeading(b.tag) {
			return
		}
		if key := headingKey(b.text); prosAndCons[key] || elseHeadings[key] {
			c.must(!prosAndCons[key], reasonNamed, b.text)
			c.headed, c.heading = true, b.text
			if c.grade < gradePoints {
				c.grade = gradeBare
			}
			return
		}
		if g := namedGrade(b.text); g != gradeNone {
			c.pro(headingReasons[g], b.text)
			c.headed, c.heading = true, b.text
			if c.grade == gradePoints {
				return // the class says as much, and says it anywhere
			}
			c.grade = g
			c.early = g == gradePoints && !meansPoints.MatchString(b.text)
			return
		}
		if !isHeading(b.tag) && b.words <= 20 && leadsElsewhere(b.text) {
			c.headed, c.heading = true, b.text
			if c.grade < gradePoints {
				c.grade = gradeBare
			}
			return
		}
		if !isHeading(b.tag) && (b.words <= 1 || b.words <= 20 && isBoilerplate(b.text)) {
			c.played = c.played || callToWatch.MatchString(b.text)
			continue // an icon's name, a button or a note between heading and list
		}
		if p.isHeadersOwn(b, c) {
			return
		}
		if isHeading(b.tag) && b.words <= 7 || strings.HasSuffix(b.text, ":") && b.words <= 10 || b.words <= 4 && b.bold*2 > len(b.text) {
			c.headed, c.heading, c.unknown = true, b.text, p.namesNothing(b)
			if isHeading(b.tag) && b.link*2 > len(b.text) && b.words >= 3 {
				c.teaser = b.text
			}
			if c.grade < gradePoints {
				c.grade = gradeBare
			}
		}
		return
	}
}

// namesNothing tells a short heading of no word of the article's: it may be
// words for key points that nobody foresaw. What names a part of the story,
// "Ferry times", shares its words.
func (p *page) namesNothing(b block) bool {
	known, all := p.known.shared(b.text)
	return isHeading(b.tag) && b.link == 0 && b.words <= 5 && known == 0 && all > 0 && !strings.ContainsAny(b.text, "?？؟;0123456789") && !leadsElsewhere(b.text)
}

// isHeadersOwn tells a line that belongs to the article's headline and names no
// list below: a by-line, or whatever stands in the header element with the
// headline while the list stands outside. Some themes set the author's name as a
// heading.
func (p *page) isHeadersOwn(b block, c *candidate) bool {
	if p.o.around(b.region)&signByline != 0 && p.o.around(c.region)&signByline == 0 {
		return true
	}
	if p.headlineAt < 0 || c.element == nil {
		return false
	}
	for n := b.node; n != nil; n = n.Parent {
		if n.DataAtom == atom.Header {
			return holds(n, p.o.blocks[p.headlineAt].node) && !holds(n, c.element)
		}
	}
	return false
}

var headingReasons = map[grade]reason{gradePoints: reasonHeadingPoints, gradeSummary: reasonHeadingSummary}

// meansPoints tells the headings that mean key points even at the end of a
// piece. "In brief" or "Key facts" down there head boxes about other things.
var meansPoints = regexp.MustCompile(`(?i)key ?(?:point|takeaway|highlight|message|finding|insight)|takeaways|story highlights|das wichtigste|wichtigsten? (?:punkte|fakten|aussagen|erkenntnisse)|kernpunkte|points[ -]clés|retenir|puntos clave|pontos[ -]chave|punti chiave|tl;?dr|ポイント|要点`)

// countedHeading is a heading that counts the points: "5 key takeaways from
// the debate".
var countedHeading = regexp.MustCompile(`^(?:the |die |les |las |los |le |i |as |os |de )?(?:(?:\d{1,2}|two|three|four|five|six|seven|zwei|drei|vier|fünf|deux|trois|quatre|cinq|dos|tres|cuatro|cinco|due|tre|quattro|cinque|três|quatro|twee|drie|vijf|fyra|fem|fire|trzy|cztery|pięć) )?(?:key (?:points|takeaways|facts|findings|highlights|insights)|takeaways|wichtigsten? (?:punkte|fakten|erkenntnisse)|points (?:clés|essentiels|à retenir)|puntos clave|claves|punti chiave|pontos[- ]chave|belangrijkste punten|viktigste punkter|viktigaste punkter|vigtigste pointer|najważniejsze (?:punkty|fakty|informacje)|things (?:to|you (?:need to|should|must)) know|dinge,? die (?:sie|man|du) (?:jetzt )?wissen (?:müssen|muss|musst|sollten|sollte)|choses à (?:savoir|retenir)|cosas que (?:debes|hay que|tienes que) saber|cose da sapere|coisas (?:a|para|que precisa) saber|dingen die je moet weten|ting du bør vite|ting du skal vide|saker (?:att|du bör) veta)(?: (?:from|of|about|on|to|in|aus|zu|zum|zur|vom|der|des|du|de|del|della|dell|do|da|uit|van|over|fra|om|från|z|o|w) .{1,50})?$`)

const maxHeading = 80

// countedWords are those of which each counted heading has one.
var countedWords = [...]string{"key ", "takeaway", "thing", "wichtigst", "points", "puntos", "claves", "punti", "pontos", "punten", "punkter", "pointer",
	"najważniejsze", "dinge", "choses", "cosas", "cose", "coisas", "ting", "saker"}

// plainMarks also drops the dot that a Turkish capital leaves when it is made
// small.
var plainMarks = strings.NewReplacer("’", "'", "ß", "ss", "‘", "'", "\u0307", "")

// namedGrade knows the headings publishers put over key points. It is asked of
// many a line, so the patterns come last.
func namedGrade(heading string) grade {
	if len(heading) > maxHeading {
		return gradeNone
	}
	h := strings.TrimSpace(heading)
	first, _ := firstRune(h)
	if last, _ := utf8.DecodeLastRuneInString(h); !unicode.IsLetter(first) || !unicode.IsLetter(last) {
		h = withoutNoise(withoutNoise(h))
	}
	h = plainMarks.Replace(strings.ToLower(h))
	if strings.IndexFunc(h, unicode.IsDigit) >= 0 && !pointsHeadings[h] {
		if counted := withCountOfThree(h); pointsHeadings[counted] {
			h = counted
		}
	}
	switch {
	case pointsHeadings[h], containsAny(h, countedWords[:]) && countedHeading.MatchString(h):
		return gradePoints
	case summaryHeadings[h]:
		return gradeSummary
	case strings.Contains(h, "s' "), strings.Contains(h, "'s "), speaksOfMachine(h):
		return brandedGrade(h)
	}
	return gradeNone
}

// withCountOfThree is a heading that counts its points as if they were three:
// the sets have one number for all.
func withCountOfThree(h string) string {
	digits := 0
	for _, r := range h {
		if unicode.IsDigit(r) {
			digits++
		}
	}
	if digits != 1 {
		return h
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsDigit(r) {
			return '3'
		}
		return r
	}, h)
}

// withoutNoise takes off what stands around a heading: marks and emojis or a
// number before it, a note in brackets or marks behind it, as of
// "✨ Key points (AI)". It reads by hand what a pattern would try at each
// letter, for many lines of a page are asked whether they are headings.
func withoutNoise(h string) string {
	rest := strings.TrimLeftFunc(h, beforeHeading)
	if len(rest) == len(h) {
		rest = withoutCount(h)
	}
	return rest[:min(noteBehind(rest), len(strings.TrimRightFunc(rest, behindHeading)))]
}

func beforeHeading(r rune) bool { return !inWord(r) && !strings.ContainsRune("(„\"«", r) }

func behindHeading(r rune) bool { return !inWord(r) && r != ')' && r != ']' }

// inWord tells letters and numbers of all kinds, and the vowels that some
// scripts write as marks, but not those that style emojis.
func inWord(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.IsMark(r) && r < '\u2000'
}

// asciiSpace is the white space that patterns know.
const asciiSpace = "\t\n\f\r "

// withoutCount takes the "1." or "12)" off that counts headings. It counts
// nothing where no space follows.
func withoutCount(h string) string {
	digits := len(h) - len(strings.TrimLeft(h, "0123456789"))
	if digits == 0 || digits > 2 || digits == len(h) || h[digits] != '.' && h[digits] != ')' {
		return h
	}
	rest := h[digits+1:]
	if trimmed := strings.TrimLeft(rest, asciiSpace); len(trimmed) < len(rest) {
		return trimmed
	}
	return h
}

// longestNote is how many letters a note in brackets behind a heading has.
const longestNote = 40

// noteBehind is where that note begins, the white space before it included; the
// heading's end if it has none.
func noteBehind(h string) int {
	inside := strings.TrimRight(h, asciiSpace)
	if !strings.HasSuffix(inside, ")") && !strings.HasSuffix(inside, "]") {
		return len(h)
	}
	inside = inside[:len(inside)-1]
	at := strings.LastIndexAny(inside, "()[]")
	if at < 0 || inside[at] == ')' || inside[at] == ']' {
		return len(h)
	}
	if n := utf8.RuneCountInString(inside[at+1:]); n == 0 || n > longestNote {
		return len(h)
	}
	return len(strings.TrimRight(h[:at], asciiSpace))
}

// judge puts a candidate to the tests: place, shape, links, and words shared
// with the article. What is about the site is taken out first. The first rule
// that is broken decides, and unless somebody wants all reasons, it is the last
// one tried.
func (p *page) judge(c *candidate, wellPlaced func(*candidate)) {
	for _, test := range []func(*candidate){wellPlaced, p.aboutNews, wellShaped, p.noContents, p.onTopic} {
		if c.refused() && (!p.explaining || len(c.items) == 0) {
			return
		}
		test(c)
	}
}

// aboutNews takes out what is about the site, and what is no text of a line.
func (p *page) aboutNews(c *candidate) {
	whole := c.items[:0:0]
	c.unmark()
	for _, it := range c.items {
		it.text = withoutReadOn(strings.TrimSpace(stripBullet(it.text)))
		if by, dropped := p.rule.drops(it.text); dropped {
			c.con(reasonDropped, it.text, by)
			c.leave(it, finding{leftDropped, []any{by}})
			continue
		}
		if isBoilerplate(it.text) {
			c.con(reasonSite, it.text)
			c.leave(it, finding{reason: leftSite})
			continue
		}
		if it.text = withoutEmphasis(unescaped(it.text)); unfilled(it.text) {
			c.leave(it, finding{reason: leftUnfilled})
			continue
		}
		whole = append(whole, it)
	}
	c.items = whole
	c.must(len(whole) > 0, reasonEmpty)
}

// unmark takes off what marks or counts each of the items and is no part of
// them: the same tick or arrow before all, or 1, 2, 3.
func (c *candidate) unmark() {
	if len(c.items) < 2 {
		return
	}
	mark, _ := firstRune(c.items[0].text)
	marked, counted := strings.ContainsRune("➔→✓✔✅☑★☆", mark), true
	for i, it := range c.items {
		rest, ok := behindNumber(it.text, i+1)
		counted = counted && ok && rest != ""
		marked = marked && strings.HasPrefix(it.text, string(mark))
	}
	for i, it := range c.items {
		switch {
		case marked:
			c.items[i].text = strings.TrimSpace(strings.TrimPrefix(strings.TrimPrefix(it.text, string(mark)), emojiStyle))
		case counted:
			c.items[i].text, _ = behindNumber(it.text, i+1)
		}
	}
}

// behindNumber is a text without the number that it begins with.
func behindNumber(text string, n int) (string, bool) {
	rest, ok := strings.CutPrefix(text, strconv.Itoa(n))
	trimmed := strings.TrimLeft(rest, ".) ")
	first, _ := firstRune(trimmed)
	return trimmed, ok && len(trimmed) < len(rest) && !unicode.IsDigit(first)
}

// withoutReadOn takes a call to read on off a point's end.
func withoutReadOn(point string) string {
	if !containsAny(strings.ToLower(point), pointerWords[:]) {
		return point
	}
	if at := pointsOn.FindStringIndex(point); at != nil && endsLikeSentence(point[:at[0]]) {
		return strings.TrimSpace(point[:at[0]])
	}
	return point
}

// escapedTwice tells text that still holds entities or tags after it was
// read as HTML.
var escapedTwice = regexp.MustCompile(`&(?:[a-zA-Z]{2,8}|#\d{1,6}|#[xX][0-9a-fA-F]{1,5});|</?(?:b|i|em|strong|a|p|br|span|u|li)(?: [^<>]*)?/?>`)

// unescaped is a point without what a second escaping left in it.
func unescaped(s string) string {
	if strings.ContainsAny(s, "&<") && escapedTwice.MatchString(s) {
		return plainText(s, maxPoint+100)
	}
	return digest.PlainLine(s, maxPoint+100)
}

// stripBullet takes a bullet off that was typed into an item besides the
// one the list draws. Hyphens and numbers stay, they may be the text.
func stripBullet(s string) string {
	if r, _ := firstRune(s); strings.ContainsRune(drawnBullets, r) {
		text, _ := bullet(s)
		return text
	}
	return s
}

// wellPlaced: key points stand between the headline and the first
// paragraphs. Only what is named by words that mean nothing else may stand
// elsewhere in the article; nothing may stand in the furniture.
func (p *page) wellPlaced(c *candidate) {
	if c.state {
		return // data has no place
	}
	around := p.o.around(c.region)
	c.must(around&signFurniture == 0, reasonFurniture, within{p.o, c.region, signFurniture})
	c.must(!p.isForeign(c.from), reasonForeign)
	if c.teaser == "" {
		c.teaser = p.own.cardOf(c)
	}
	c.must(c.teaser == "", reasonTeaser, c.teaser)
	c.must(c.from >= p.headlineAt || c.grade == gradePoints, reasonAbove)
	if c.refused() && !p.explaining {
		return // counting the paragraphs costs
	}
	before := p.proseBefore(c)
	c.before = before
	if before == 0 && c.from > p.headlineAt {
		c.pro(reasonAtTop)
	}
	switch c.grade {
	case gradePoints:
		c.must(!c.early || before <= 3, reasonLate, before, 3)
	case gradeSummary:
		c.must(before <= 2, reasonLate, before, 2)
		unseen := signHidden | signCaption
		if c.headed && before == 0 {
			unseen = signCaption // folded away below its heading
		}
		c.must(around&unseen == 0, reasonUnseen, within{p.o, c.region, unseen})
	default:
		c.must(before == 0, reasonBehind, before)
		if c.must(!c.headed || c.unknown, reasonNamed, c.heading); c.unknown {
			c.con(reasonUnknown, c.heading)
		}
		c.must(!c.ordered, reasonOrdered)
		c.must(!c.spoken, reasonSpoken)
		c.must(p.headlineAt >= 0 || p.snippet, reasonNoHeadline)
		beside := signAside | signHidden | signCaption | signByline
		c.must(around&beside == 0, reasonBeside, within{p.o, c.region, beside})
	}
}

// proseBefore counts the paragraphs between the headline and a candidate.
// One that repeats the description is the standfirst and doesn't count.
func (p *page) proseBefore(c *candidate) int {
	n, blocks := 0, 0
	for _, i := range p.body {
		if i >= c.from {
			break
		}
		b := p.o.blocks[i]
		if b.words < 12 || blocks == 0 && b.words < 60 && (similar(b.text, p.description) > 0.5 || p.o.around(b.region)&signSummary != 0) {
			blocks++
			continue
		}
		n++
	}
	return n
}

// wellShaped looks at the items alone: enough of them, sentences or lines in
// headline style, not a list of links, names, labels, amounts or dates.
func wellShaped(c *candidate) {
	n := len(c.items)
	c.must(n <= maxPoints, reasonMany, n, maxPoints)
	c.must(n != 1 || c.grade == gradePoints && c.items[0].words >= 6, reasonOne)
	words, short, long, labels, amounts, linked, questions, offers, practical := 0, 0, 0, 0, 0, 0, 0, 0, 0
	for _, it := range c.items {
		words += it.words
		if it.words < 4 {
			short++
		}
		if it.words > 75 || len(it.text) > maxPoint {
			long++
		}
		if labelled.MatchString(it.text) {
			labels++
		}
		if amount.MatchString(it.text) {
			amounts++
		}
		if offersMore(it.text) {
			offers++
		}
		if isPractical(it.text) {
			practical++
		}
		if it.size > 0 && it.link*10 >= it.size*8 {
			linked++
		}
		if strings.HasSuffix(it.text, "?") || strings.HasSuffix(it.text, "？") || strings.HasSuffix(it.text, "؟") {
			questions++
		}
	}
	c.must(long == 0, reasonLong, long, n)
	c.must(c.grade == gradePoints || questions < n || n == 0, reasonQuestions)
	c.must(c.grade == gradePoints || offers < n || n == 0, reasonOffers)
	c.must(!c.ofFilms(), reasonFilms)
	c.must(practical*2 < n || practical < min(2, n) || n == 0, reasonPractical, practical, n)
	switch c.grade {
	case gradePoints:
		c.must(linked*2 <= n, reasonLinked, linked, n)
		c.must(short*2 <= n, reasonShort, short, n)
		c.must(words >= 4*n, reasonTerse, words/n, 4)
		c.must(!c.early || labels < n || n == 0, reasonLabels, labels, n)
	case gradeSummary:
		c.must(linked*3 <= n, reasonLinked, linked, n)
		c.must(short*4 <= n, reasonShort, short, n)
		c.must(words >= 5*n, reasonTerse, words/n, 5)
		c.must(labels*2 <= n, reasonLabels, labels, n)
		c.must(amounts*2 <= n, reasonAmounts, amounts, n)
	default:
		c.must(!c.alike(), reasonAlike)
		c.must(!hasPictures(c.element, n), reasonPictures)
		c.must(linked == 0, reasonLinked, linked, n)
		c.must(short == 0, reasonShort, short, n)
		c.must(words >= 6*n, reasonTerse, words/n, 6)
		c.must(labels*2 < n, reasonLabels, labels, n)
		c.must(amounts*2 < n, reasonAmounts, amounts, n)
		c.must(n <= 7, reasonMany, n, 7)
		c.must(!c.unknown || labels == 0 && n > 2, reasonUnsure)
	}
}

// offersMore tells what a site offers beside the news: videos to watch, what
// readers get for so much a month.
func offersMore(line string) bool {
	return callToWatch.MatchString(line) || strings.ContainsAny(line, "0123456789") && perMonth.MatchString(line)
}

// hasPictures tells lists whose items are pictures with what they show.
func hasPictures(n *html.Node, items int) bool {
	if n == nil {
		return false
	}
	pictures := 0
	for d := range n.Descendants() {
		if d.DataAtom == atom.Img {
			pictures++
		}
	}
	return pictures > 0 && pictures >= items
}

// alike tells answers to choose from, and forms: each of their lines says
// nearly what the one before it says.
func (c *candidate) alike() bool {
	for i := 1; i < len(c.items); i++ {
		if similar(c.items[i-1].text, c.items[i].text) < 0.5 {
			return false
		}
	}
	return len(c.items) > 1
}

var (
	callToWatch = regexp.MustCompile(`(?i)^(?:watch|listen|regardez|écoutez|assista|ouça|ascolta|bekijk|luister|lyssna|obejrzyj|posłuchaj)\b`)
	perMonth    = regexp.MustCompile(`(?i)(?:[$€£]\s?[\d.,]+|[\d.,]+\s?(?:[$€£]|euros?\b|kr\b|zł))\s*(?:/|a|an|per|im|pro|par|al|por|pr\.?|i)?\s*(?:month|year|monat|jahr|mois|an|mes|año|mese|anno|mês|ano|maand|jaar|måned(?:en)?|månad(?:en)?|år|miesięcznie|miesiąc)(?:\P{L}|$)`)
	labelled    = regexp.MustCompile(`^[^:]{1,28}:(\s|$)`)
	amount      = regexp.MustCompile(`(?i)^(?:[\d½¼¾⅓⅔/.,–-]+\s?(?:x\b|g|kg|mg|ml|dl|cl|l|el|tl|oz|lbs?|pounds?|cups?|tbsps?|tsps?|tablespoons?|teaspoons?|cloves?|cans?|large|medium|small|slices?|prise|min|minutes?|st)\b|step\s+\d|schritt\s+\d|\d{1,2}[:.]\d\d\b)`)
)

// noContents tells tables of contents: their items are the page's headings.
func (p *page) noContents(c *candidate) {
	headings, n := p.headings(), 0
	for _, it := range c.items {
		if slices.ContainsFunc(headings[squash(it.text)], func(at int) bool { return at < c.from || at >= c.to }) {
			n++
		}
	}
	c.must(n*2 < len(c.items) || n == 0, reasonContents)
}

// headings are the blocks of the page's headings, the headline left out, by
// their squashed text.
func (p *page) headings() map[string][]int {
	if p.headed != nil {
		return p.headed
	}
	p.headed = map[string][]int{}
	for i, b := range p.o.blocks {
		if isHeading(b.tag) && i != p.headlineAt {
			key := squash(b.text)
			p.headed[key] = append(p.headed[key], i)
		}
	}
	return p.headed
}

// onTopic demands that the points speak of the article: each shares words
// with headline, description or body, and the weaker the evidence otherwise,
// the more of them.
func (p *page) onTopic(c *candidate) {
	strangers, ratio := 0, 0.0
	kept, strange := c.items[:0:0], c.items[:0:0]
	for _, it := range c.items {
		c.must(!c.played || squash(it.text) != squash(p.headline), reasonHeadline, it.text)
		known, all := p.known.shared(it.text)
		if all == 0 || known == 0 {
			strangers++
			// A point in other words than the article's is one all the same;
			// a link among points leads elsewhere.
			if it.link*2 < it.size {
				kept = append(kept, it)
			} else {
				strange = append(strange, it)
			}
			continue
		}
		ratio += float64(known) / float64(all)
		c.must(!c.unknown || c.grade != gradeBare || known*3 > all, reasonUnsure)
		kept = append(kept, it)
	}
	n := len(c.items)
	thin := len(p.known) < 25 // the page's text is loaded later, or behind a wall
	ratio /= float64(n)
	percent := int(100 * ratio)
	switch c.grade {
	case gradePoints:
		thin = thin || p.seesLittle(c)
		c.must((strangers*3 <= n || thin) && strangers < n, reasonStrangers, strangers, n)
		if !thin {
			c.keepOnly(kept, strange)
		}
	case gradeSummary:
		c.keepOnly(kept, strange)
		c.must(strangers*4 <= n, reasonStrangers, strangers, n)
		c.must(ratio >= 0.25, reasonOffTopic, percent, 25)
	default:
		least := 40
		if c.unknown {
			least = 60
		}
		c.must(strangers == 0, reasonStrangers, strangers, n)
		c.must(percent >= least, reasonOffTopic, percent, least)
	}
	if !c.refused() {
		c.pro(reasonOnTopic, percent)
	}
}

// shownOfMore is how many paragraphs are shown at most where readers pay for
// the others.
const shownOfMore = 3

// seesLittle tells that an article's points speak of what the page doesn't show:
// they stand between its headline and the first of a few paragraphs.
func (p *page) seesLittle(c *candidate) bool {
	if c.before > 0 || c.from <= p.headlineAt || p.headlineAt < 0 || c.state || len(p.body) > 2*shownOfMore {
		return false
	}
	shown := map[string]bool{} // readability may have found the same ones again
	for _, i := range p.body {
		shown[squash(p.o.blocks[i].text)] = true
	}
	return len(shown) <= shownOfMore
}
