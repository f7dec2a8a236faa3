package ingest

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// lineMark is what a line of a plain text begins with as an item of a list. The
// zero value is none.
type lineMark struct {
	kind string // what all items of a list have in common
	n    int    // its number, where the items are counted
}

// alone tells marks that mean something by themselves: what is drawn as a
// bullet is nothing else. Dashes begin speech, numbers and stars begin lines of
// every kind.
func (m lineMark) alone() bool {
	r, _ := firstRune(m.kind)
	return m.n == 0 && strings.ContainsRune(drawnBullets+"➔→✓✔✅☑★", r)
}

// follows says that two lines below each other are items of one list. Where
// all are "1." the program that shows them counts (CommonMark, "Lists").
func (m lineMark) follows(before lineMark) bool {
	return m.kind != "" && m.kind == before.kind && (m.n == 0 || m.n == before.n+1 || m == lineMark{"1.", 1} && before == m)
}

// textMarks begin items of texts besides bullets. On pages they are too rare
// and mean too much else.
var textMarks = [...]string{"=>", "->", "~", "※"}

// marking reads a line's mark. text is what stands behind it.
func marking(line string) (text string, m lineMark, ok bool) {
	for _, w := range textMarks {
		if rest, found := strings.CutPrefix(line, w); found && (w == "※" || strings.HasPrefix(rest, " ")) && strings.TrimSpace(rest) != "" {
			return strings.TrimSpace(rest), lineMark{kind: w}, true
		}
	}
	if text, m, ok = counting(line); ok {
		return text, m, true
	}
	if text, ok = bullet(line); !ok {
		return line, lineMark{}, false
	}
	r, _ := firstRune(line)
	return text, lineMark{kind: string(r)}, true
}

// counting reads marks that count: "1.", "(2)", "[3]", "a)" and numbers in
// circles.
func counting(line string) (text string, m lineMark, ok bool) {
	r, size := firstRune(line)
	switch {
	case r >= '①' && r <= '⑳':
		m = lineMark{"①", int(r-'①') + 1}
	case r >= '❶' && r <= '❿':
		m = lineMark{"❶", int(r-'❶') + 1}
	case r < utf8.RuneSelf:
		m, size = countedBetween(line)
	}
	text = strings.TrimSpace(line[min(size, len(line)):])
	return text, m, m.n > 0 && text != ""
}

// countedBetween reads a number or a letter with its point or brackets, and
// how long they are with the space behind them.
func countedBetween(line string) (lineMark, int) {
	open := ""
	if strings.HasPrefix(line, "(") || strings.HasPrefix(line, "[") {
		open = line[:1]
	}
	end := strings.IndexAny(line[:min(len(line), 5)], ".)]")
	if end < 0 || end+1 >= len(line) || line[end+1] != ' ' && line[end+1] != '\t' {
		return lineMark{}, 0
	}
	closes := line[end : end+1]
	counter := line[len(open):end]
	n, err := strconv.Atoi(counter)
	kind := open + "1" + closes
	if err != nil && len(counter) == 1 && closes == ")" {
		switch c := counter[0]; {
		case c >= 'a' && c <= 'z':
			n, kind = int(c-'a')+1, open+"a)"
		case c >= 'A' && c <= 'Z':
			n, kind = int(c-'A')+1, open+"A)"
		}
	}
	if (open == "[") != (closes == "]") || n < 1 || n > 99 {
		return lineMark{}, 0
	}
	return lineMark{kind, n}, end + 2
}

// settleMarks leaves lines their marks that are no items: a list has two at
// least, of one kind, and what counts them counts up.
func settleMarks(lines []textLine) {
	for i := range lines {
		l := &lines[i]
		if !l.bullet || l.mark.alone() || i > 0 && l.mark.follows(lines[i-1].mark) || i+1 < len(lines) && lines[i+1].mark.follows(l.mark) {
			continue
		}
		l.text, l.bullet = l.whole, false
		l.words = wordCount(l.text)
	}
}

// markedHTML is a plain text with lists in it as HTML: an item's lines are
// white space there. A text without two items of one list stays what it is.
func markedHTML(text string) string {
	if !strings.ContainsAny(text, "\r\n") || strings.Contains(text, "<") {
		return text
	}
	lines, items := textLines(text[:min(len(text), maxText)]), 0
	var b strings.Builder
	for i, l := range lines {
		tag := "p"
		if l.bullet {
			tag = "li"
			items++
		}
		if l.bullet && (i == 0 || !lines[i-1].bullet) {
			b.WriteString("<ul>")
		}
		b.WriteString("<" + tag + ">" + strings.ReplaceAll(l.text, "<", "&lt;") + "</" + tag + ">")
		if l.bullet && (i+1 == len(lines) || !lines[i+1].bullet) {
			b.WriteString("</ul>\n")
		}
	}
	if items < 2 {
		return text
	}
	return b.String()
}
