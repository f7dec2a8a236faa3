package ingest

import (
	"fmt"
	"slices"
	"strings"

	"courant/digest"
)

// Explanation says how an article came by its points: what was looked at, what
// speaks for and against it, and what decided. It holds what the tests
// themselves recorded.
type Explanation struct {
	From     digest.PointsFrom
	Rule     *RuleTrial // nil: no rule that picks
	Lists    []ListTrial
	Fallback *FallbackTrial // nil: the publisher's points were found
}

// ListTrial is one list that was tried.
type ListTrial struct {
	Where   string     // "page", "text", or of a feed's item "content" or "description"
	Lines   []RuleLine // as they stand there, cut: of a list that was taken all, of others the first
	Count   int        // how many there are
	Element string     // a selector that picks it alone, or what else it could be called; empty: it is plain text
	Unsure  string     // why Element does not do as a rule; empty: it does
	Heading string     // the line above it, if that counts; else empty
	Place   string
	Grade   string // what names it: "points", "summary" or "bare", nothing; in plain text "bullets"
	For     []string
	Against []string // without what decided
	Taken   bool
	Reason  string // why it was refused; empty: it was taken
	Menu    bool   // it belongs to menus, sharing tools and the like, and is of little interest
}

// RuleTrial is what an editor's rule came to.
type RuleTrial struct {
	CSS      string
	Elements int
	Picked   []string // the first of them, as a selector would name them
	Lines    []RuleLine
	Taken    bool
	Reason   string // why nothing was; empty: something was
}

// RuleLine is a line that a rule picked.
type RuleLine struct {
	Text string
	Left string // why it was left out; empty: it was taken
}

// FallbackTrial is what stands in where the publisher's points were not found.
type FallbackTrial struct {
	Description string // empty: there is none
	Reason      string // why it can't stand in; empty: it does
	Sentences   int    // of the beginning of the text that can
	Used        int    // of them
	Left        []RuleLine
}

const (
	shownItems = 4
	shownRunes = 110
	shownLines = 40
)

// explain puts what was recorded into words.
func (c choice) explain(a digest.Article, how reading) Explanation {
	x := Explanation{From: a.PointsFrom}
	taken, ruled := false, c.ruled()
	for i, p := range c.pages {
		if i > 0 && c.pages[i-1].source == p.source {
			continue // an item whose description is its content
		}
		if p.trial != nil && (x.Rule == nil || x.Rule.Elements == 0) {
			x.Rule = how.rule.explain(p.trial)
		}
		p.settle(ruled || taken, ruled)
		at := &locator{root: p.root, size: max(p.o.elements, 1), left: mostLookedAt}
		for _, t := range p.tried {
			l := p.explain(t)
			l.Taken = l.Reason == ""
			l.Lines = p.linesTried(t, l.Taken)
			l.Element, l.Unsure = p.elementOf(t, l, at)
			taken = taken || l.Taken
			x.Lists = append(x.Lists, l)
		}
	}
	if how.rule.picks() && x.Rule == nil {
		x.Rule = &RuleTrial{CSS: how.rule.text, Reason: "css is for pages and feeds, this is plain text"}
	}
	if !taken && !ruled {
		x.Fallback = c.explainFallback(a, how)
	}
	return x
}

// note remembers a list for who asks why it was taken or refused.
func (p *page) note(c *candidate) {
	if !p.explaining {
		return
	}
	p.tried = append(p.tried, c)
	for i, it := range c.items {
		c.items[i].at = i
		c.shown = append(c.shown, it.text)
	}
	if c.items == nil {
		for _, b := range p.o.blocks[c.from:c.to] {
			c.shown = append(c.shown, b.text)
		}
	}
}

// settle says of the lists that no rule refused why another was taken.
func (p *page) settle(elsewhere, ruled bool) {
	for _, c := range p.tried {
		switch {
		case c.refused():
		case ruled:
			c.must(false, reasonRuled)
		case elsewhere:
			c.must(false, reasonLater)
		case c == p.chosen:
		case c.state, p.chosen.grade == c.grade && p.uncovers(p.chosen, c):
			c.must(false, reasonShown)
		case p.chosen.grade > c.grade:
			c.must(false, reasonSurer)
		case p.chosen.holds(c):
			c.must(false, reasonPart)
		default:
			c.must(false, reasonLater)
		}
	}
}

// explain puts one list into words.
func (p *page) explain(c *candidate) ListTrial {
	l := ListTrial{
		Where: p.where, Count: len(c.shown), Heading: c.heading,
		Place: p.placeOf(c), Grade: map[grade]string{gradePoints: "points", gradeSummary: "summary"}[c.grade],
		Menu: p.isMenu(c),
	}
	switch {
	case p.root == nil && !c.headed:
		l.Grade = "bullets"
	case l.Grade == "":
		l.Grade = "bare"
	}
	for _, f := range c.pros {
		l.For = append(l.For, f.String())
	}
	for i, f := range c.cons {
		if i+1 == c.refusal {
			l.Reason = f.String()
		} else if text := f.String(); !ofOneLine(f.reason) && !slices.Contains(l.Against, text) {
			l.Against = append(l.Against, text)
		}
	}
	return l
}

// ofOneLine tells what speaks against a line and not against the list: it is
// said at the line.
func ofOneLine(r reason) bool { return r == reasonSite || r == reasonDropped }

// isMenu tells the lists of which a page has dozens.
func (p *page) isMenu(c *candidate) bool {
	if !c.refused() || c.grade == gradePoints {
		return false
	}
	switch c.cons[c.refusal-1].reason {
	case reasonFurniture:
		return true
	case reasonNews:
		return p.o.around(c.region)&signFurniture != 0
	case reasonNested, reasonMany:
		return c.items == nil && (c.from < p.headlineAt || p.o.around(c.region)&signFurniture != 0)
	}
	return false
}

// linesTried are a list's lines, each with the reason why it is no point. Of a
// list that was refused the first ones are enough.
func (p *page) linesTried(c *candidate, taken bool) (lines []RuleLine) {
	most := shownItems
	if taken {
		most = shownLines
	}
	seen := map[string]bool{}
	for i, text := range c.shown[:min(len(c.shown), most)] {
		l := line{text: text, left: c.left[i]}
		if key := squash(text); l.left.reason == "" {
			if taken && key == "" {
				l.left.reason = leftEmpty
			} else if taken && seen[key] {
				l.left.reason = leftTwice
			}
			seen[key] = true
		}
		lines = append(lines, l.explain())
	}
	return lines
}

// elementOf is a selector that picks a list, and why it would not do as a rule
// where it doesn't. Of menus a name is enough.
func (p *page) elementOf(c *candidate, l ListTrial, at *locator) (element, unsure string) {
	switch {
	case p.root == nil:
		return "", ""
	case c.state:
		return "script", "it is no element that readers see"
	case c.element == nil:
		return p.named(c), "it is no element of its own"
	case l.Menu:
		return p.named(c), ""
	}
	element, found := at.selectorOf(c.element)
	if !found {
		return p.named(c), "no selector that was tried picks it alone"
	}
	if !l.Taken {
		return element, ""
	}
	r, err := newRule(digest.PointRule{CSS: element})
	if err != nil {
		return element, err.Error()
	}
	if p.rule != nil {
		r.drop = p.rule.drop
	}
	if t := r.try(p.root); !slices.Equal(t.points, foldItems(c.items)) {
		unsure = "as a rule it gives other lines, too; try it, and drop those that are no points"
	}
	return element, unsure
}

// named names a list's element and, if that says nothing of itself, the one
// around it that does.
func (p *page) named(c *candidate) string {
	name := label(c.element)
	if c.region < 0 || c.region >= len(p.o.regions) {
		return name
	}
	around := p.o.regions[c.region].node
	switch {
	case around == nil || around == c.element:
		return name
	case c.element == nil:
		return name + " in " + label(around)
	}
	return label(around) + " " + name
}

// placeOf says where a list stands in the article.
func (p *page) placeOf(c *candidate) string {
	if c.state {
		return "in the page's data, not in what it shows"
	}
	before := c.before
	if p.root != nil {
		before = p.proseBefore(c)
	}
	switch {
	case p.root != nil && c.from < p.headlineAt:
		return "above the headline"
	case before == 0:
		return "before the first paragraph"
	}
	return "behind " + counted(before, "paragraph")
}

// explain puts a rule's trial into words.
func (r *rule) explain(t *trial) *RuleTrial {
	out := &RuleTrial{CSS: r.text, Elements: len(t.elements), Taken: len(t.points) > 0}
	for _, n := range t.elements[:min(len(t.elements), shownItems)] {
		out.Picked = append(out.Picked, label(n))
	}
	for _, l := range t.lines[:min(len(t.lines), shownLines)] {
		out.Lines = append(out.Lines, l.explain())
	}
	switch {
	case t.err != nil:
		out.Reason = t.err.Error()
	case len(t.elements) == 0:
		out.Reason = "it picks nothing here"
	case !out.Taken:
		out.Reason = "none of the lines it picks can be a point"
	}
	return out
}

func (l line) explain() RuleLine {
	out := RuleLine{Text: cut(l.text)}
	if l.left.reason != "" {
		out.Left = l.left.String()
	}
	return out
}

// undropped are sentences without those that the rule drops.
func (p *page) undropped(sentences []string) []string {
	if p.explaining {
		for _, s := range sentences {
			if by, dropped := p.rule.drops(s); dropped {
				p.omitted = append(p.omitted, line{s, finding{leftDropped, []any{by}}})
			}
		}
	}
	return p.rule.keep(sentences)
}

// explainFallback says what stands in for key points, and why.
func (c choice) explainFallback(a digest.Article, how reading) *FallbackTrial {
	f := &FallbackTrial{Description: cut(digest.PlainLine(c.description, maxBlock)), Sentences: len(c.fallback.lead), Used: len(a.Points)}
	if a.PointsFrom == digest.PointsDescription {
		f.Used--
	} else if f.Reason = c.fallback.why.String(); f.Reason == "" {
		f.Reason = string(whyNone)
	}
	if trimmed := how.rule.trim(c.description); trimmed != c.description {
		by, _ := how.rule.drops(c.description)
		if trimmed == "" {
			f.Reason = finding{whyDropped, []any{by}}.String()
		} else {
			f.Left = append(f.Left, RuleLine{"a sentence of the description", finding{leftDropped, []any{by}}.String()})
		}
	}
	for _, p := range c.pages {
		for _, l := range p.omitted {
			f.Left = append(f.Left, l.explain())
		}
	}
	return f
}

// cut is a line short enough to be looked at among others.
func cut(s string) string {
	r := []rune(s)
	if len(r) <= shownRunes {
		return s
	}
	return strings.TrimRight(string(r[:shownRunes-2]), " ") + " …"
}

// Verdict is the explanation in one sentence.
func (x Explanation) Verdict() string {
	at := slices.IndexFunc(x.Lists, func(l ListTrial) bool { return l.Taken })
	switch {
	case x.Rule != nil && x.Rule.Taken:
		return "the points are what your rule picks"
	case at >= 0:
		return fmt.Sprintf("the points are list %d", at+1)
	}
	none := "no list was taken"
	if len(x.Lists) == 0 {
		none = "there is no list that could hold key points"
	}
	f := x.Fallback
	switch {
	case f == nil || x.From == digest.PointsNone:
		return none + ", and nothing can stand in for it"
	case x.From == digest.PointsModel:
		return none + "; a language model wrote what stands in"
	case x.From == digest.PointsLead:
		return none + "; first sentences of the text stand in"
	case f.Used > 0:
		return none + "; the description stands in, filled up with first sentences of the text"
	}
	return none + "; the description stands in"
}

type explanationJSON struct {
	Verdict  string        `json:"verdict"`
	Rule     *ruleJSON     `json:"rule"`
	Lists    []listJSON    `json:"lists"`
	Fallback *fallbackJSON `json:"fallback"`
}

type listJSON struct {
	Number  int            `json:"number"`
	Where   string         `json:"where"`
	Element string         `json:"element"`
	Unsure  string         `json:"element_unsure"`
	Heading string         `json:"heading"`
	Place   string         `json:"place"`
	Items   []string       `json:"items"`
	Left    []ruleLineJSON `json:"left_out"`
	Count   int            `json:"count"`
	Grade   string         `json:"grade"`
	For     []string       `json:"for"`
	Against []string       `json:"against"`
	Verdict string         `json:"verdict"`
	Reason  string         `json:"reason"`
}

type ruleJSON struct {
	CSS      string         `json:"css"`
	Elements int            `json:"elements"`
	Picked   []string       `json:"picked"`
	Lines    []ruleLineJSON `json:"lines"`
	Verdict  string         `json:"verdict"`
	Reason   string         `json:"reason"`
}

type ruleLineJSON struct {
	Text string `json:"text"`
	Left string `json:"left_out"`
}

type fallbackJSON struct {
	Description string         `json:"description"`
	Usable      bool           `json:"usable"`
	Reason      string         `json:"reason"`
	Sentences   int            `json:"sentences"`
	Used        int            `json:"used"`
	Left        []ruleLineJSON `json:"left_out"`
}

func (x Explanation) json() *explanationJSON {
	out := &explanationJSON{Verdict: x.Verdict(), Lists: []listJSON{}}
	for i, l := range x.Lists {
		items, left := parted(l.Lines)
		out.Lists = append(out.Lists, listJSON{
			Number: i + 1, Where: l.Where, Element: l.Element, Unsure: l.Unsure, Heading: l.Heading, Place: l.Place, Items: items, Left: left, Count: l.Count,
			Grade: l.Grade, For: full(l.For), Against: full(l.Against), Verdict: verdictWord(l.Taken), Reason: l.Reason,
		})
	}
	if r := x.Rule; r != nil {
		out.Rule = &ruleJSON{r.CSS, r.Elements, full(r.Picked), linesJSON(r.Lines), verdictWord(r.Taken), r.Reason}
	}
	if f := x.Fallback; f != nil {
		out.Fallback = &fallbackJSON{f.Description, f.Reason == "", f.Reason, f.Sentences, f.Used, linesJSON(f.Left)}
	}
	return out
}

// parted are the lines that were taken, or would have been, and those left out.
func parted(lines []RuleLine) (items []string, left []ruleLineJSON) {
	items, left = []string{}, []ruleLineJSON{}
	for _, l := range lines {
		if l.Left == "" {
			items = append(items, l.Text)
		} else {
			left = append(left, ruleLineJSON(l))
		}
	}
	return items, left
}

func verdictWord(taken bool) string {
	if taken {
		return "taken"
	}
	return "refused"
}

// full is a list that is never null.
func full(s []string) []string { return append([]string{}, s...) }

func linesJSON(lines []RuleLine) []ruleLineJSON {
	out := []ruleLineJSON{}
	for _, l := range lines {
		out = append(out, ruleLineJSON(l))
	}
	return out
}
