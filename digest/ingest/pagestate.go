package ingest

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/html"
)

// Publishers whose pages are drawn by scripts send the article along as JSON:
// in elements of type application/json, or as a script that assigns it. Some
// have the key points there and nowhere else. The state of a page also holds
// other articles, so points count only if what is around them bears this
// article's headline, or if they speak of it.

// Caps on what is read of a page's state.
const (
	maxStates     = 8       // scripts
	maxStateBytes = 2 << 20 // all of them together
	maxStateDepth = 40
	maxStateHits  = 16 // fields of one script that are named like points
	maxAssigned   = 6  // values tried in a script that assigns several
)

// stateKeys are the names of fields that hold key points, without case and
// marks. The weak ones have other meanings too.
var stateKeys = map[string]grade{
	"keypoints": gradePoints, "keypoint": gradePoints, "keytakeaways": gradePoints, "keytakeaway": gradePoints, "takeaways": gradePoints,
	"keyhighlights": gradePoints, "storyhighlights": gradePoints, "articlehighlights": gradePoints, "summarybullets": gradePoints,
	"summarybulletpoints": gradePoints, "bulletpoints": gradePoints, "summarypoints": gradePoints, "keyfacts": gradePoints, "keyfindings": gradePoints,
	"keyinsights": gradePoints, "keymessages": gradePoints, "tldr": gradePoints, "aikeypoints": gradePoints, "aitakeaways": gradePoints,
	"articlekeypoints": gradePoints, "storykeypoints": gradePoints, "articlebullets": gradePoints, "storybullets": gradePoints,
	"highlights": gradeSummary, "bullets": gradeSummary, "aisummary": gradeSummary, "summarylist": gradeSummary,
}

// stateHints are pieces of those names as scripts write them, by what several
// of them share. Looking for that costs next to nothing; most pages have none.
var stateHints = []struct {
	shared string
	hints  []string
}{
	{"oint", []string{"eyPoint", "ey_point", "ey-point", "eypoint", "ummaryPoint", "ummary_point"}},
	{"way", []string{"akeaway", "akeAway"}},
	{"ighlights", []string{"ighlights"}},
	{"ullet", []string{"ullet"}},
	{"eyF", []string{"eyFact", "eyFinding"}},
	{"ey_fact", []string{"ey_fact"}},
	{"eyInsight", []string{"eyInsight"}},
	{"eyMessage", []string{"eyMessage"}},
	{"ldr", []string{"ldr\"", "ldr\\\""}},
	{"LDR", []string{"LDR\"", "LDR\\\""}},
	{"ummary", []string{"iSummary", "i_summary", "ummaryList"}},
}

// stateField is a field of a script that may hold key points.
type stateField struct {
	grade grade
	value int // where its value begins
}

// mayHoldPoints looks for the hints.
func mayHoldPoints(script string) bool {
	for _, h := range stateHints {
		if strings.Contains(script, h.shared) && containsAny(script, h.hints) {
			return true
		}
	}
	return false
}

// stateFields finds the fields of a script whose names mean key points and
// whose values can hold them.
func stateFields(script string) []stateField {
	var found []stateField
	for at := 0; at < len(script) && len(found) < maxStateHits; {
		open := strings.IndexByte(script[at:], '"')
		if open < 0 {
			break
		}
		at += open + 1
		end := strings.IndexByte(script[at:min(at+32, len(script))], '"')
		if end < 0 {
			continue
		}
		g, known := stateKeys[fieldName(script[at:at+end])]
		if !known || script[at+end-1] == '\\' {
			continue
		}
		at += end + 1
		rest := strings.TrimLeft(script[at:min(at+16, len(script))], " \t\r\n")
		if rest = strings.TrimLeft(strings.TrimPrefix(rest, ":"), " \t\r\n"); rest != "" && strings.Contains(`[{"`, rest[:1]) {
			value := at + strings.IndexByte(script[at:], rest[0])
			found = append(found, stateField{grade: g, value: value})
		}
	}
	return found
}

// fieldName is a field's name without case and marks.
func fieldName(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		case r >= 'a' && r <= 'z':
			return r
		}
		return -1
	}, name)
}

// keepState keeps a script that may hold key points for later.
func (m *metadata) keepState(n *html.Node) {
	if n.FirstChild == nil || len(m.states) == maxStates {
		return
	}
	script := n.FirstChild.Data
	if m.stateSize+len(script) > maxStateBytes || !mayHoldPoints(script) {
		return
	}
	m.stateSize += len(script)
	m.states = append(m.states, script)
}

// stateCandidates are the points of the page's state.
func (p *page) stateCandidates() []candidate {
	var found []candidate
	for _, script := range p.m.states {
		found = append(found, p.scriptCandidates(script)...)
	}
	return found
}

// scriptCandidates reads one script: whole where it is JSON or assigns JSON,
// else field by field.
func (p *page) scriptCandidates(script string) []candidate {
	fields := stateFields(script)
	if len(fields) == 0 {
		if script = unquoted(script); script == "" {
			return nil
		}
		if fields = stateFields(script); len(fields) == 0 {
			return nil
		}
	}
	if v, ok := stateValue(script, fields[0].value); ok {
		s := &stateSearch{page: p}
		s.visit(v, ownerUnknown, 0)
		return s.found
	}
	var found []candidate
	for _, f := range fields {
		if v, ok := looseValue(script[f.value:]); ok {
			if c, ok := stateCandidate(v, f.grade); ok {
				c.must(f.grade == gradePoints, reasonStateOther)
				c.grade = gradeSummary // nothing says whose points they are
				found = append(found, c)
			}
		}
	}
	return found
}

// unquoted is a script whose JSON stands in a string, without that string's
// escapes; empty if it holds none.
func unquoted(script string) string {
	if !strings.Contains(script, `\"`) {
		return ""
	}
	var b strings.Builder
	for i := 0; i < len(script); i++ {
		if script[i] == '\\' && i+1 < len(script) && (script[i+1] == '"' || script[i+1] == '\\' || script[i+1] == '\'') {
			i++
		}
		b.WriteByte(script[i])
	}
	return b.String()
}

var assigned = regexp.MustCompile(`[=(]\s*[\[{]`)

// stateValue decodes the outermost JSON value around a place of a script.
func stateValue(script string, at int) (any, bool) {
	starts := []int{}
	if s := strings.TrimSpace(script); strings.HasPrefix(s, "{") || strings.HasPrefix(s, "[") {
		starts = append(starts, strings.Index(script, s[:1]))
	}
	for _, m := range assigned.FindAllStringIndex(script[:at], maxAssigned) {
		starts = append(starts, m[1]-1)
	}
	for _, start := range starts {
		var v any
		d := json.NewDecoder(strings.NewReader(script[start:]))
		if d.Decode(&v) == nil && start+int(d.InputOffset()) > at {
			return v, true
		}
	}
	return nil, false
}

// looseValue decodes the one value at the beginning of a text, repaired if it
// must be.
func looseValue(s string) (any, bool) {
	s = head(s, 64<<10)
	var v any
	if json.NewDecoder(strings.NewReader(s)).Decode(&v) == nil {
		return v, true
	}
	end := valueEnd(s)
	return v, json.Unmarshal([]byte(repairJSON(s[:end])), &v) == nil
}

// valueEnd finds the end of an array or object by its brackets.
func valueEnd(s string) int {
	depth, quoted := 0, false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '[' || c == '{':
			depth++
		case c == ']' || c == '}':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return len(s)
}

// owner says whose the values below an object are.
type owner int

const (
	ownerUnknown owner = iota // nothing above bears a headline
	ownerOurs
	ownerOther // another article's
)

// stateSearch walks a page's state for key points.
type stateSearch struct {
	page  *page
	found []candidate
}

func (s *stateSearch) visit(v any, whose owner, depth int) {
	if depth > maxStateDepth || len(s.found) == maxStateHits {
		return
	}
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			s.visit(e, whose, depth+1)
		}
	case map[string]any:
		whose = s.ownerOf(v, whose)
		for _, key := range slices.Sorted(maps.Keys(v)) {
			if g, known := stateKeys[fieldName(key)]; known {
				s.take(v[key], g, whose)
			}
			s.visit(v[key], whose, depth+1)
		}
	}
}

// take makes a candidate of a field's value.
func (s *stateSearch) take(v any, g grade, whose owner) {
	c, ok := stateCandidate(v, g)
	if !ok {
		return
	}
	c.must(whose != ownerOther && (g == gradePoints || whose == ownerOurs), reasonStateOther)
	if whose != ownerOurs {
		c.grade = gradeSummary
	}
	s.found = append(s.found, c)
}

// ownerOf reads the headline of an object. A heading such as "Key points" is
// the list's and not an article's.
func (s *stateSearch) ownerOf(v map[string]any, above owner) owner {
	whose := above
	for _, key := range []string{"headline", "title", "articleTitle", "seoTitle", "headlines", "longHeadline", "shortHeadline"} {
		title := plainTitle(jsonText(v[key], "basic"))
		if wordCount(title) < 3 || namedGrade(title) != gradeNone {
			continue
		}
		if similar(title, s.page.headline) >= 0.5 || strings.Contains(squash(title), squash(s.page.headline)) {
			return ownerOurs
		}
		whose = ownerOther
	}
	return whose
}

// stateCandidate reads a value as points; ok tells whether it holds several.
func stateCandidate(v any, g grade) (candidate, bool) {
	c := candidate{grade: g, region: -1, state: true}
	c.pro(reasonState)
	lines, short := foldLines(stateLines(v, 0)), 0
	for _, line := range lines {
		words := wordCount(line)
		if words < 2 {
			short++ // a key, a kind, a number of the database
			continue
		}
		c.items = append(c.items, item{text: line, size: len(line), words: words})
	}
	c.must(short*2 <= len(lines), reasonShort, short, len(lines))
	return c, len(c.items) > 1 && len(c.items) <= 3*maxPoints
}

// What objects of points and of rich text call their parts.
var (
	stateParts = []string{"items", "list", "points", "bullets", "bulletPoints", "keyPoints", "listItems", "content", "contents", "children", "nodes", "blocks",
		"elements", "entries", "data", "json", "document", "root", "body", "value", "text", "html"}
	stateTexts = []string{"text", "html", "value", "content", "point", "bullet", "body", "description", "rendered", "title", "headline", "label", "summary", "copy"}
)

// stateLines are the lines of a value: of strings, of HTML, of objects, of a
// tree of rich text.
func stateLines(v any, depth int) []string {
	if depth > maxStateDepth {
		return nil
	}
	var lines []string
	switch v := v.(type) {
	case string:
		return markupLines(v)
	case []any:
		told := slices.ContainsFunc(v, isText)
		for _, e := range v[:min(len(v), 4*maxPoints)] {
			if _, nested := e.([]any); !nested || !told { // what stands in lists between texts is about them
				lines = append(lines, stateLines(e, depth+1)...)
			}
		}
	case map[string]any:
		if isLine(v) {
			return []string{plainText(richText(v, 0), maxPoint+100)}
		}
		for _, key := range stateParts {
			switch v[key].(type) {
			case []any, map[string]any:
				return stateLines(v[key], depth+1)
			}
		}
		for _, key := range stateTexts {
			if s, ok := v[key].(string); ok && strings.TrimSpace(s) != "" {
				return markupLines(s)
			}
		}
	}
	return lines
}

func isText(v any) bool {
	_, ok := v.(string)
	return ok
}

// isLine tells the nodes of rich text that are one line of it.
func isLine(v map[string]any) bool {
	for _, key := range []string{"type", "nodeType", "tag", "tagName", "name", "_type"} {
		kind, _ := v[key].(string)
		switch fieldName(kind) {
		case "li", "p", "listitem", "paragraph":
			return true
		}
	}
	return false
}

// richText is all text below a node.
func richText(v any, depth int) string {
	if depth > maxStateDepth {
		return ""
	}
	switch v := v.(type) {
	case string:
		return v
	case []any:
		var b strings.Builder
		for _, e := range v[:min(len(v), 200)] {
			b.WriteString(richText(e, depth+1))
		}
		return b.String()
	case map[string]any:
		for _, key := range []string{"children", "content", "text", "value", "html", "data", "body"} {
			if s := richText(v[key], depth+1); s != "" {
				return s
			}
		}
	}
	return ""
}

// markupLines are the lines of a string: of its list items if it is HTML,
// else of its bulleted lines, else itself.
func markupLines(s string) []string {
	s = head(s, 16<<10)
	if strings.Contains(s, "<li") || strings.Contains(s, "<p") {
		doc, _ := parseHTML([]byte(s))
		var lines []string
		for _, b := range newOutline(doc).blocks {
			lines = append(lines, b.text)
		}
		return lines
	}
	var lines []string
	for line := range strings.SplitSeq(strings.ReplaceAll(s, `\n`, "\n"), "\n") {
		line, _ = bullet(plainText(line, maxPoint+100))
		if line = plainText(line, maxPoint+100); line != "" && !isNumber(line) {
			lines = append(lines, line)
		}
	}
	return lines
}

// isNumber tells what JSON holds besides texts.
func isNumber(s string) bool {
	_, err := strconv.ParseFloat(s, 64)
	return err == nil
}
