package render

import (
	"strings"

	"github.com/rivo/uniseg"
)

// columns is how wide the text part is, in display columns.
const columns = 76

// hang wraps a paragraph at 76 display columns. The first line begins with
// lead, the others with as many blanks. Text breaks at its blanks; a word that
// is too long, or is written without blanks as Chinese and Japanese are, breaks
// where UAX #14 allows, and in the end anywhere between two characters.
func hang(lead, paragraph string) string {
	indent := strings.Repeat(" ", width(lead))
	room := columns - len(indent)
	var out strings.Builder
	out.WriteString(lead)
	col := 0
	blank := func(r rune) bool { return r == ' ' || r == '\n' || r == '\t' } // not those that forbid a break
	words := strings.FieldsFunc(paragraph, blank)
	for i, word := range words {
		gap := min(i, 1)
		if i+1 < len(words) && ordinal(word) && col+gap+width(word)+1+width(words[i+1]) > room && len(words[i+1])+4 < room {
			if col > 0 {
				out.WriteString("\n" + indent)
			}
			col, gap = 0, 0
		}
		for _, part := range breakable(word, room) {
			w := width(part)
			switch {
			case col > 0 && col+gap+w > room:
				out.WriteString("\n" + indent)
				col = 0
			case gap > 0 && col > 0:
				out.WriteByte(' ')
				col++
			}
			out.WriteString(part)
			col += w
			gap = 0
		}
	}
	return out.String()
}

// ordinal says whether a word is the day of a date as German writes it: at the
// end of a line "22." would end a sentence.
func ordinal(word string) bool {
	day, ok := strings.CutSuffix(word, ".")
	return ok && day != "" && len(day) <= 2 && strings.Trim(day, "0123456789") == ""
}

// breakable is a word in parts between which a line may end.
func breakable(word string, room int) []string {
	if w := width(word); w <= room && (ascii(word) || w <= uniseg.GraphemeClusterCount(word)) {
		return []string{word}
	}
	var parts []string
	for state := -1; word != ""; {
		var segment string
		segment, word, _, state = uniseg.FirstLineSegmentInString(word, state)
		if width(segment) <= room {
			parts = append(parts, segment)
			continue
		}
		for g := uniseg.NewGraphemes(segment); g.Next(); {
			parts = append(parts, g.Str())
		}
	}
	return parts
}

// width is how many columns s takes: two for each wide character.
func width(s string) int {
	if ascii(s) {
		return len(s)
	}
	return uniseg.StringWidth(s)
}

// tidyText takes blanks off the ends of lines and leaves at most two empty
// lines in a row, so that a template need not fight for its white space.
func tidyText(s string) string {
	var out strings.Builder
	empty := 2
	for line := range strings.SplitSeq(strings.ReplaceAll(s, "\r", ""), "\n") {
		line = strings.TrimRight(line, " \t")
		if line == "" {
			empty++
			continue
		}
		if out.Len() > 0 {
			out.WriteString(strings.Repeat("\n", 1+min(empty, 2)))
		}
		empty = 0
		out.WriteString(line)
	}
	return out.String() + "\n"
}

// tidyHTML takes off what indents the template, not the page.
func tidyHTML(s string) string {
	var out strings.Builder
	for line := range strings.Lines(s) {
		if line = strings.Trim(line, " \t\r\n"); line != "" {
			out.WriteString(line)
			out.WriteByte('\n')
		}
	}
	return out.String()
}
