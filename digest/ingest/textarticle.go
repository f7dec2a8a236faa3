package ingest

import (
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"courant/digest"
)

// textLine is a line of a plain text.
type textLine struct {
	text   string
	bullet bool
	mark   lineMark // what it begins with as an item of a list
	whole  string   // the line with its mark, where it has one
	blank  bool     // a blank line stands before it
	words  int
}

// textArticle is a page copied as text: a category, a headline, bullets,
// paragraphs, and the site's own lines between and behind them.
type textArticle struct {
	lines     []textLine
	headline  int
	category  int // -1: none
	author    string
	published time.Time
}

// readText reads a plain text as an article.
func readText(text []byte, how reading) (digest.Article, choice, []string) {
	text = text[:min(len(text), maxText)]
	t := &textArticle{lines: textLines(strings.ToValidUTF8(string(text), "")), category: -1, headline: -1}
	t.findHead(how.now)
	a := digest.Article{Author: t.author, Published: t.published}
	if t.headline < 0 {
		a.PointsFrom = digest.PointsNone
		return a, choice{}, []string{"the text has no headline"}
	}
	a.Title = digest.PlainLine(t.lines[t.headline].text, maxTitle)
	if t.category >= 0 {
		a.Category = digest.PlainLine(t.lines[t.category].text, maxName)
	}
	t.credits(&a)
	var warnings []string
	a.URL, a.Canonical = t.address()
	astray := t.astray()
	if astray != "" {
		warnings = []string{astrayAddress(astray)}
	}
	p := t.page()
	p.reading, p.where, p.source = how, "text", "text"
	made := choice{pages: []*page{p}, astray: astray}
	lead := p.leadSentences()
	a.Lead, a.Text = digest.PlainLine(strings.Join(lead, " "), maxLead), p.text()
	if points := t.points(p); len(points) > 0 {
		a.Points, a.PointsFrom = points, digest.PointsPage
		return a, made, warnings
	}
	made.fallback = fallBack(&a, "", lead)
	return a, made, warnings
}

const (
	maxLines = 5000
	maxText  = 1 << 20
)

var (
	markdownLink = regexp.MustCompile(`!?\[([^\[\]]*)\]\((?:[^()\s]|\([^()]*\))*\)`)
	markdownBold = regexp.MustCompile(`(\*\*|__)(\S.*?)(\*\*|__)`)
	// CommonMark section 6.2: what opens has no space behind it, what closes none
	// before it.
	markdownSlant = regexp.MustCompile(`(^|[\s(“"„«‘])(?:\*([^\s*](?:[^*]*[^\s*])?)\*|_([^\s_](?:[^_]*[^\s_])?)_)($|[\s.,;:!?)”"»’…])`)
)

// withoutMarkdown is a line without Markdown's links and emphasis.
func withoutMarkdown(line string) string {
	if !strings.ContainsAny(line, "[*_") {
		return line
	}
	return strings.TrimSpace(withoutEmphasis(markdownLink.ReplaceAllString(line, "$1")))
}

// withoutEmphasis is a line without the marks that Markdown sets words apart
// by. A star alone, or one behind a number, is the text's own.
func withoutEmphasis(line string) string {
	if !strings.ContainsAny(line, "*_") {
		return line
	}
	line = markdownBold.ReplaceAllString(line, "$2")
	return markdownSlant.ReplaceAllString(line, "$1$2$3$4")
}

// textLines parts a text into lines. What was wrapped at a width is joined: a
// paragraph and a bullet are one line each.
func textLines(text string) []textLine {
	var lines []textLine
	text = strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n")
	width := wrapWidth(text)
	blank, last := true, 0 // the width of the line before, as it stands there
	for raw := range strings.SplitSeq(text, "\n") {
		indented := strings.HasPrefix(raw, "  ") || strings.HasPrefix(raw, "\t")
		line := withoutMarkdown(digest.PlainLine(strings.TrimLeft(raw, "#> \t\u00a0"), maxBlock))
		if line == "" {
			blank = true
			continue
		}
		body, m, marked := marking(line)
		full := width > 0 && last*10 >= width*7
		if n := len(lines); !marked && !blank && n > 0 && (full || lines[n-1].bullet && indented) && len(lines[n-1].text) < maxBlock {
			lines[n-1].text = joined(lines[n-1].text, line)
			lines[n-1].whole = joined(lines[n-1].whole, line)
			lines[n-1].words = wordCount(lines[n-1].text)
			last = utf8.RuneCountInString(strings.TrimRight(raw, " \t"))
			continue
		}
		if len(lines) == maxLines {
			break
		}
		lines = append(lines, textLine{text: withoutMarkdown(body), bullet: marked, mark: m, whole: line, blank: blank, words: wordCount(body)})
		blank, last = false, utf8.RuneCountInString(strings.TrimRight(raw, " \t"))
	}
	settleMarks(lines)
	return lines
}

// joined puts a wrapped line behind the one before it. Scripts without spaces
// have none where the line ended either.
func joined(line, next string) string {
	before, _ := utf8.DecodeLastRuneInString(line)
	after, _ := firstRune(next)
	if unspaced(before) && unspaced(after) {
		return line + next
	}
	return line + " " + next
}

// wrapWidth is the width in characters at which a text's lines were wrapped, 0
// for a text that has a line for each paragraph: none of its lines is longer,
// and enough of them go on in the next one.
func wrapWidth(text string) int {
	const narrowest, widest = 30, 110
	width, goesOn := 0, 0
	before, open := 0, false // the last line's width, and whether its sentence does not end there
	for raw := range strings.SplitSeq(text, "\n") {
		line := strings.TrimSpace(raw)
		n := utf8.RuneCountInString(line)
		if strings.Contains(line, "://") && !strings.Contains(line, " ") {
			n = 0 // an address is never wrapped
		}
		if width = max(width, n); width > widest {
			return 0
		}
		if _, _, marked := marking(line); open && n > 0 && !marked && before >= narrowest {
			goesOn++
		}
		before, open = n, n > 0 && !endsLikeSentence(line)
	}
	if goesOn < 3 {
		return 0
	}
	return width
}

var labelledHead = regexp.MustCompile(`(?i)^(category|section|title|headline|subject|author|by|byline|date|published|rubrik|titel|betreff|kategorie|autor|datum)\s*:\s*(.+)$`)

// findHead reads what stands above the body: an optional category (one to
// four words), the headline, a by-line and a date.
func (t *textArticle) findHead(now time.Time) {
	for i := t.menu(now); i < len(t.lines) && i < 24; i++ {
		l := t.lines[i]
		if t.label(i, now) || t.headline < 0 && t.preamble(i, now) {
			continue
		}
		switch {
		case l.bullet, isBoilerplate(l.text):
			if t.headline >= 0 {
				return
			}
		case t.headline >= 0:
			if !t.byline(l.text, now) {
				return
			}
		case t.isCategory(i):
			t.category = i
			if _, last, path := cutLast(l.text, " > ", " » ", " / ", " › "); path {
				t.lines[i].text = last
			}
		default:
			t.headline = i
			t.unwrapHeadline()
		}
	}
}

// unwrapHeadline joins a headline with its second line where the first can't
// be all of it: it ends in one of the small words that lead on.
func (t *textArticle) unwrapHeadline() {
	i := t.headline
	words := strings.Fields(t.lines[i].text)
	if i+1 >= len(t.lines) || len(words) < 3 {
		return
	}
	last, next := words[len(words)-1], t.lines[i+1]
	if end, _ := utf8.DecodeLastRuneInString(last); !unicode.IsLetter(end) || len(namesIn(next.text, signsNothing)) > 0 {
		return // a quotation ends there, or the by-line follows
	}
	if len([]rune(last)) > 3 || strings.ToLower(last) != last || unicode.IsDigit([]rune(last)[0]) || next.blank || next.bullet || next.words > 12 {
		return
	}
	t.lines[i].text = joined(t.lines[i].text, next.text)
	t.lines = slices.Delete(t.lines, i+1, i+2)
}

// menu counts the lines of a copied page's menu above everything: several in a
// row of a word or two, and behind them one long enough for a headline.
func (t *textArticle) menu(now time.Time) int {
	n := 0
	for n < len(t.lines) && n < 20 {
		l := t.lines[n]
		if site := isBoilerplate(l.text); !site && l.words > 3 || l.bullet || !site && (endsLikeSentence(l.text) || byLine.MatchString(l.text) || !parseDate(l.text, now).IsZero()) {
			break
		}
		n++
	}
	if n < 3 || n == len(t.lines) || endsLikeSentence(t.lines[n].text) || t.lines[n].bullet {
		return 0
	}
	return n
}

// Lines that stand above a headline and are none: what a press office writes,
// what agencies put over a report, an address.
var (
	officeLine = regexp.MustCompile(`(?i)^(?:(?:for )?immediate release|(?:press|news|media) release|pressemitteilung|presseinformation|communiqué(?: de presse)?|nota de prensa|comunicato stampa|comunicado(?: de imprensa| de prensa)?|persbericht|pressemelding|pressmeddelande|pressemeddelelse|komunikat(?: prasowy)?|for immediate (?:use|publication)|zur sofortigen veröffentlichung|pour diffusion immédiate|sperrfrist|embargo(?:ed)?|under embargo|not for (?:release|publication)|(?:from|to|cc|sent|von|an|gesendet|de|à)\s*:.*@)`)
	slugLine   = regexp.MustCompile(`^(?:[A-Z]{2,4}-{1,2}[A-Z]{1,4}[-\w]*-{1,2}.*|[a-z]{2,4}\d{3,4} .*\d{3,4}|(?:\pL[\pL-]*/){2,}\s*)$`)
	dividing   = regexp.MustCompile(`^[\pP\pS\s]+$`)
)

// preamble tells such a line. A section and a date on one line are both read.
func (t *textArticle) preamble(i int, now time.Time) bool {
	text := t.lines[i].text
	if section, date, cut := cutLast(text, " | ", " · ", " • ", " – ", " - "); cut && wordCount(section) <= 3 {
		if when := parseDate(date, now); !when.IsZero() {
			t.published, t.lines[i].text = when, strings.TrimSpace(section)
			if t.category < 0 {
				t.category = i
			}
			return true
		}
	}
	if when := parseDate(text, now); !when.IsZero() && wordCount(text) <= 6 {
		t.published = when
		return true
	}
	return officeLine.MatchString(text) || slugLine.MatchString(text) || dividing.MatchString(text) ||
		strings.Contains(text, "://") && !strings.Contains(text, " ")
}

// label reads "Category: Military" and its like.
func (t *textArticle) label(i int, now time.Time) bool {
	if namesAddress(t.lines[i].text) != nil {
		return true
	}
	if _, ok := straysFrom(t.lines[i].text); ok {
		return true
	}
	m := labelledHead.FindStringSubmatch(t.lines[i].text)
	if m == nil || t.lines[i].bullet {
		return false
	}
	switch strings.ToLower(m[1]) {
	case "category", "section", "rubrik", "kategorie":
		t.lines[i].text, t.category = m[2], i
	case "title", "headline", "titel", "subject", "betreff":
		t.lines[i].text, t.headline = strings.Trim(m[2], `"'`), i
	case "author", "by", "byline", "autor":
		t.author = cleanAuthor(m[2])
	default:
		t.published = parseDate(m[2], now)
	}
	return true
}

// isCategory tells a short line above a longer one that can be the headline.
func (t *textArticle) isCategory(i int) bool {
	l := t.lines[i]
	if t.category >= 0 || i+1 >= len(t.lines) || strings.ContainsAny(l.text, ".?!") || len(l.text) > 60 {
		return false
	}
	_, _, path := cutLast(l.text, " > ", " » ", " / ", " › ")
	next := t.lines[i+1]
	return (l.words <= 3 && len(l.text) <= 40 || path) && !next.bullet && !byLine.MatchString(next.text) && next.words > l.words && next.words <= 40 && len(next.text) <= maxTitle
}

// cutLast cuts a text at the last of the first separator it holds.
func cutLast(s string, separators ...string) (head, tail string, ok bool) {
	for _, sep := range separators {
		if i := strings.LastIndex(s, sep); i > 0 {
			return s[:i], strings.TrimSpace(s[i+len(sep):]), true
		}
	}
	return s, "", false
}

var byLine = regexp.MustCompile(`^(?i:by|von|par|por) (\p{Lu}[\pL.'’-]+(?: \p{Lu}?[\pL.'’-]+){0,4})(?:[,|–—-].*)?$`)

// byline reads a line between headline and body that names author or date.
func (t *textArticle) byline(line string, now time.Time) bool {
	if m := byLine.FindStringSubmatch(line); m != nil {
		t.author = digest.PlainLine(m[1], maxName)
		return true
	}
	if names := namesIn(line, signsNothing); len(names) > 0 && wordCount(line) <= 12 {
		t.author = digest.PlainLine(strings.Join(names, ", "), maxName)
		return true
	}
	if when := parseDate(strings.TrimPrefix(line, "Published "), now); !when.IsZero() {
		t.published = when
		return true
	}
	return isByline(line) && wordCount(line) <= 8
}

var (
	moreFrom  = regexp.MustCompile(`(?i)^(?:more|related|latest|other stories|mehr|plus)(?: stories| news| articles)? (?:from|by|on|at|von|aus|de) (.{2,48}?)\s*:?$`)
	aboutTeam = regexp.MustCompile(`^(?i:about)(?: the| The)? (.{2,48}?) (?i:news team|news desk|newsroom|staff|staff writers?|editors?|editorial team|editorial board|team)\b`)
	joinSite  = regexp.MustCompile(`^(?i:join|subscribe to|support|follow) (?:the )?(\p{Lu}[\pL\pN&.'’-]*(?: \p{Lu}[\pL\pN&.'’-]*){0,4}) (?i:for|today|now|on|to)\b`)
	copyright = regexp.MustCompile(`(?i)(?:©|\(c\)|copyright)\s*(?:\d{4}(?:\s*[-–]\s*\d{4})?)?,?\s*(?:by\s+)?(\p{L}[\pL\pN&.'’ -]{1,48}?)(?:\s*\d{4})?(?:[.,|]|\s+all rights|$)`)
)

// credits reads the lines behind the body: where the text was read, and
// whose story it is.
func (t *textArticle) credits(a *digest.Article) {
	for _, find := range []*regexp.Regexp{moreFrom, aboutTeam, joinSite, copyright} {
		for _, l := range t.lines[t.headline+1:] {
			if a.Site != "" || l.words > 30 || l.bullet {
				continue
			}
			if m := find.FindStringSubmatch(l.text); m != nil && wordCount(m[1]) <= 5 && !genericSite(m[1]) {
				a.Site = digest.PlainLine(m[1], maxName)
			}
		}
	}
	for _, l := range t.lines[t.headline+1:] {
		if name := attribution(l.text); name != "" && l.words <= 40 && squash(name) != squash(a.Site) {
			a.Attribution = name
			return
		}
	}
}

// genericSite tells "More from us" from "More from PIERSIDE".
func genericSite(name string) bool {
	switch strings.ToLower(name) {
	case "us", "the author", "author", "this author", "our", "the web", "around the web", "this section", "the", "home", "category", "this story", "this article", "this topic", "this", "the story", "dieser geschichte", "diesem thema":
		return true
	}
	return false
}

// page gives the body the tests a page's body gets: the same vocabulary, the
// same lead. The body ends where the site speaks of itself.
func (t *textArticle) page() *page {
	o := &outline{}
	p := &page{o: o, headline: t.lines[t.headline].text, headlineAt: -1, known: vocabulary{}}
	p.known.add(p.headline)
	seen := map[string]bool{}
	for _, l := range t.lines[t.headline+1:] {
		if endOfText(l.text) {
			break
		}
		key := squash(l.text)
		if _, address := straysFrom(l.text); address || l.bullet || l.words < 5 || l.words < 8 && !endsLikeSentence(l.text) || seen[key] || isBoilerplate(l.text) || attribution(l.text) != "" {
			continue
		}
		seen[key] = true
		p.body = append(p.body, len(o.blocks))
		o.blocks = append(o.blocks, block{text: l.text, region: -1, list: -1, words: l.words})
		p.known.add(l.text)
	}
	return p
}

var endMarks = regexp.MustCompile(`(?i)^(?:comments|leave a reply|view all posts|about the author|more from\b.*|related (?:articles|stories|posts).*|about .{2,48} (?:news team|staff|newsroom).*)$`)

// endOfText tells the lines behind which the site speaks of itself.
func endOfText(line string) bool { return endMarks.MatchString(line) }

// points are the first bullets behind the headline that pass the tests a
// page's lists get: they stand above the second paragraph, or a heading names
// them.
func (t *textArticle) points(p *page) []string {
	paragraphs, best := 0, []string(nil)
	for i := t.headline + 1; i < len(t.lines); i++ {
		if endOfText(t.lines[i].text) {
			break
		}
		if !t.lines[i].bullet {
			if t.lines[i].words >= 12 && !isBoilerplate(t.lines[i].text) {
				paragraphs++
			}
			continue
		}
		c := candidate{grade: gradeSummary}
		if named := namedGrade(t.lines[i-1].text); named != gradeNone {
			c.grade, c.headed, c.heading = named, true, t.lines[i-1].text
			c.pro(headingReasons[named], c.heading)
		}
		if above := t.lines[i-1].text; i-1 > t.headline && leadsElsewhere(above) {
			c.must(false, reasonNamed, above)
		}
		for ; i < len(t.lines) && t.lines[i].bullet; i++ {
			l := t.lines[i]
			c.items = append(c.items, item{text: l.text, size: len(l.text), words: l.words})
		}
		i--
		if best != nil && !p.explaining {
			continue
		}
		c.before = paragraphs
		p.note(&c)
		p.judge(&c, func(c *candidate) {
			c.must(c.grade == gradePoints || paragraphs <= 1, reasonLateText, paragraphs)
			c.must(best == nil, reasonLater)
		})
		if !c.refused() {
			p.chosen, best = &c, foldItems(c.items)
		}
	}
	return best
}
