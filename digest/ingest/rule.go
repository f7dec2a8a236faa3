package ingest

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"courant/digest"
)

// rule is an editor's PointRule, ready for use. A nil rule says nothing.
type rule struct {
	css  *selector // nil: the points are found the usual ways
	text string    // the selector as written
	drop []dropLine
}

// dropLine is a line that is never taken.
type dropLine struct {
	written string
	folded  string         // what a line must hold, as foldCase leaves it
	pattern *regexp.Regexp // nil: folded decides
}

// newRule reads a rule. The config has tried it before, so an error here is
// about a rule that came another way.
func newRule(r digest.PointRule) (*rule, error) {
	if !r.Says() {
		return nil, nil
	}
	out := &rule{text: r.CSS}
	if r.CSS != "" {
		var err error
		if out.css, err = newSelector(r.CSS); err != nil {
			return nil, fmt.Errorf("points css: %w", err)
		}
	}
	for _, written := range r.Drop {
		d, err := newDropLine(written)
		if err != nil {
			return nil, fmt.Errorf("points drop: %w", err)
		}
		out.drop = append(out.drop, d)
	}
	return out, nil
}

// CheckDrop says what is wrong with a line of a PointRule's Drop.
func CheckDrop(line string) error {
	_, err := newDropLine(line)
	return err
}

// newDropLine reads a text, or a pattern between slashes. Capitals don't count
// in either.
func newDropLine(written string) (dropLine, error) {
	d := dropLine{written: written}
	text := strings.TrimSpace(written)
	if len(text) > 1 && text[0] == '/' && text[len(text)-1] == '/' {
		source := text[1 : len(text)-1]
		if _, err := regexp.Compile(source); err != nil {
			return d, fmt.Errorf("%s is no pattern (%s); without the slashes it is a plain text", text, strings.TrimPrefix(err.Error(), "error parsing regexp: "))
		}
		if d.pattern = regexp.MustCompile("(?i)" + source); d.pattern.MatchString("") {
			return d, fmt.Errorf("%s matches every line; no point would be left", text)
		}
		return d, nil
	}
	if d.folded = foldCase(text); d.folded == "" {
		return d, errors.New("an empty line would drop every point; write the text that a line holds, or a /pattern/")
	}
	return d, nil
}

var marksFolded = strings.NewReplacer("’", "'", "‘", "'", "“", `"`, "”", `"`, "„", `"`, "–", "-", "—", "-", "\u2011", "-")

// foldCase makes texts alike that differ only in capitals, white space or how
// their marks are drawn: an editor types what a keyboard has.
func foldCase(s string) string {
	return marksFolded.Replace(strings.ToLower(digest.PlainLine(s, maxBlock)))
}

// drops says whether a line is never taken, and which line of the rule says
// so.
func (r *rule) drops(line string) (by string, yes bool) {
	if r == nil || len(r.drop) == 0 {
		return "", false
	}
	folded := foldCase(line)
	for _, d := range r.drop {
		if d.pattern != nil && d.pattern.MatchString(line) || d.pattern == nil && strings.Contains(folded, d.folded) {
			return d.written, true
		}
	}
	return "", false
}

// keep are the lines that the rule doesn't drop.
func (r *rule) keep(lines []string) []string {
	kept := lines[:0:0]
	for _, line := range lines {
		if _, dropped := r.drops(line); !dropped {
			kept = append(kept, line)
		}
	}
	return kept
}

// trim is a text without the sentences that the rule drops.
func (r *rule) trim(text string) string {
	if _, dropped := r.drops(text); !dropped {
		return text
	}
	text = strings.Join(r.keep(sentences(text)), " ")
	if _, dropped := r.drops(text); dropped {
		return ""
	}
	return text
}

// picks tells a rule with a selector.
func (r *rule) picks() bool { return r != nil && r.css != nil }

// rulePoints are what the editor's rule picks of the page.
func (p *page) rulePoints() []string {
	if !p.rule.picks() || p.root == nil {
		return nil
	}
	t := p.rule.try(p.root)
	p.trial = &t
	return t.points
}

// rulings follow a source's rule through a poll: from the items of a feed to
// their full pages.
type rulings struct {
	rule         digest.PointRule
	unruled      map[string]bool // items of which the selector picked no points, by identity
	read, missed int             // full pages for the rule's sake, and those it picked nothing of either
}

// wants tells an item whose full page is asked for points.
func (r *rulings) wants(a digest.Article) bool { return !hasPoints(a) || r.unruled[identity(a)] }

// settle takes in what the rule came to on an item's full page.
func (r *rulings) settle(a digest.Article, page Extraction) {
	if !r.unruled[identity(a)] {
		return
	}
	r.read++
	if len(page.unruled) > 0 {
		r.missed++
		return
	}
	delete(r.unruled, identity(a))
}

// warnings say where the rule picked nothing at all.
func (r *rulings) warnings() []string {
	if r.missed == 0 {
		return nil
	}
	return []string{fmt.Sprintf("css %q of the source's points finds none for %d of %d articles, neither in the feed nor on their pages; the usual ways were used", r.rule.CSS, r.missed, r.read)}
}

// warning says that a rule picked nothing of a page.
func (r *rule) warning(t *trial) string {
	const rest = "; the usual ways were used"
	switch {
	case t == nil:
		return ""
	case t.err != nil:
		return fmt.Sprintf("css %q was not tried: %s%s", r.text, t.err, rest)
	case len(t.elements) == 0:
		return fmt.Sprintf("css %q picks nothing of the page%s", r.text, rest)
	}
	return fmt.Sprintf("css %q picks %s of the page, and none of what they hold can be a point%s", r.text, counted(len(t.elements), "element"), rest)
}

// trial is what a rule came to on one tree.
type trial struct {
	elements []*html.Node // what the selector picked
	lines    []line       // what they hold
	points   []string
	err      error
}

// line is a line that may become a point.
type line struct {
	text string
	left finding // why it was left out; zero: it was taken
}

// Why a rule's line is no point.
const (
	reasonDropped reason = `your rule drops %q by "%s"`
	leftDropped   reason = `dropped by "%s"`
	leftSite      reason = "about the site, not the news"
	leftLong      reason = "too long for a point (%d characters)"
	leftTwice     reason = "there already"
	leftMany      reason = "more than %d points"
	leftEmpty     reason = "no text"
	leftHeading   reason = "the heading over the points"
	leftUnfilled  reason = "a template's place that nothing has filled"
	leftStrange   reason = "a link whose words the article doesn't have"
)

// try picks the points of a tree as the rule says. An editor's word needs no
// further evidence, but what is about the site never passes, nor a line twice.
func (r *rule) try(root *html.Node) trial {
	var t trial
	if t.elements, t.err = r.css.find(root); t.err != nil {
		return t
	}
	seen := map[string]bool{}
	texts := unmarkedLines(linesOf(t.elements))
	for _, text := range texts {
		l := line{text: text}
		by, dropped := r.drops(l.text)
		key := squash(l.text)
		switch {
		case key == "":
			l.left = finding{reason: leftEmpty}
		case dropped:
			l.left = finding{leftDropped, []any{by}}
		case isBoilerplate(l.text):
			l.left = finding{reason: leftSite}
		case len(texts) > 1 && namedGrade(l.text) != gradeNone:
			l.left = finding{reason: leftHeading}
		case unfilled(l.text):
			l.left = finding{reason: leftUnfilled}
		case len(l.text) > maxPoint:
			l.left = finding{leftLong, []any{len([]rune(l.text))}}
		case seen[key]:
			l.left = finding{reason: leftTwice}
		case len(t.points) == maxPoints:
			l.left = finding{leftMany, []any{maxPoints}}
		default:
			seen[key] = true
			l.text = digest.PlainLine(withoutEmphasis(unescaped(withoutReadOn(l.text))), maxPoint)
			t.points = append(t.points, l.text)
		}
		t.lines = append(t.lines, l)
	}
	return t
}

// unmarkedLines are lines without what marks or counts them.
func unmarkedLines(lines []string) []string {
	var c candidate
	for _, text := range lines {
		c.items = append(c.items, item{text: text})
	}
	c.unmark()
	for i, it := range c.items {
		lines[i] = strings.TrimSpace(stripBullet(it.text))
	}
	return lines
}

// placeholder is a place in a template: {{ point.text }}, ${title}, <%= body %>,
// {% if x %}.
var placeholder = regexp.MustCompile(`\{\{[^{}]{0,120}\}\}|\$\{[\pL_][^{}]{0,120}\}|<%[^<>]{0,120}%>|\{%[^{}]{0,120}%\}`)

// unfilled tells a line that scripts of the page should have filled.
func unfilled(line string) bool {
	return strings.ContainsAny(line, "{<") && placeholder.MatchString(line)
}

// maxRuleLines bounds what is read of what a selector picked.
const maxRuleLines = 200

// linesOf are the lines that elements hold. One element holds the points: the
// items of its lists, else its paragraphs. Of several each is a point, but a
// list among them, or a box around lists, gives its items.
func linesOf(elements []*html.Node) []string {
	var lines []string
	for _, n := range elements {
		if len(lines) >= maxRuleLines {
			break
		}
		if len(elements) > 1 && n.DataAtom != atom.Ul && n.DataAtom != atom.Ol && !holdsItems(n) {
			lines = append(lines, wholeText(n))
			continue
		}
		lines = append(lines, partsOf(n)...)
	}
	return lines
}

// holdsItems tells a box around lists. An item with points of its own is one
// point.
func holdsItems(n *html.Node) bool {
	found := false
	if n.DataAtom != atom.Li {
		eachItem(n, func(*html.Node) bool { found = true; return false })
	}
	return found
}

// partsOf are the items of an element's lists, else its paragraphs.
func partsOf(n *html.Node) []string {
	var lines []string
	if n.DataAtom == atom.Li {
		return []string{wholeText(n)}
	}
	eachItem(n, func(item *html.Node) bool {
		lines = append(lines, wholeText(item))
		return len(lines) < maxRuleLines
	})
	if len(lines) > 0 {
		return lines
	}
	blocks := newOutline(n).blocks
	headings := 0
	for _, b := range blocks {
		if isHeading(b.tag) {
			headings++
		}
	}
	for _, b := range blocks[:min(len(blocks), maxRuleLines)] {
		if isHeading(b.tag) && headings < len(blocks) {
			continue // it stands over the points
		}
		text, _ := bullet(b.text)
		lines = append(lines, text)
	}
	return lines
}

// eachItem visits the items below an element, not those within items.
func eachItem(n *html.Node, visit func(*html.Node) bool) bool {
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		if c.DataAtom == atom.Li {
			if !visit(c) {
				return false
			}
		} else if !eachItem(c, visit) {
			return false
		}
	}
	return true
}

// wholeText is what readers see of an element, as one line.
func wholeText(n *html.Node) string {
	size := 0
	var parts []string
	for _, b := range newOutline(n).blocks {
		if size += len(b.text); size > maxBlock {
			break
		}
		parts = append(parts, b.text)
	}
	return strings.Join(parts, " ")
}
