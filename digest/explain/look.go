package explain

import (
	"bytes"
	"strings"
	"unicode"

	"github.com/rivo/uniseg"
)

// Look is how an answer is set for people. The zero value is for files and
// pipes: no colours, and lines as long as they come, so that nothing is cut.
type Look struct {
	Color bool // escape sequences may be used
	Width int  // columns of the terminal; 0: there is none
}

// Longer lines than the first are hard to follow by eye; in fewer columns than
// the second no table stands, so the terminal may wrap what is left over.
const (
	widestLine    = 110
	narrowestLine = 24
)

// tone is what a piece of text means, as the number of the escape sequence
// that shows it (ECMA-48 section 8.3.117). Colours only repeat what the words say: half
// of all terminals and some eyes know none.
type tone string

const (
	quiet   tone = "" // the terminal's own
	strong  tone = "1"
	faint   tone = "2"
	bad     tone = "31"
	good    tone = "32"
	warning tone = "33"
	section tone = "36"
)

// piece is a run of text in one tone.
type piece struct {
	tone tone
	text string
}

// sheet is what an answer is set on, line by line.
type sheet struct {
	look Look
	out  bytes.Buffer
}

// columns is how long a line gets; 0: as long as it comes.
func (s *sheet) columns() int {
	if s.look.Width <= 0 {
		return 0
	}
	return min(max(s.look.Width, narrowestLine), widestLine)
}

// line sets one line, which goes on at column hang where it is too long.
func (s *sheet) line(hang int, pieces ...piece) {
	room := s.columns()
	if room > 0 {
		hang = min(hang, room/2) // long names must leave room for what follows them
	}
	var row []piece
	col, blanks := 0, 0
	for _, w := range words(pieces) {
		for _, w := range w.fitting(room, hang) {
			if len(row) > 0 && room > 0 && col+blanks+w.width > room {
				s.flush(row)
				row, col, blanks = nil, 0, hang
			}
			if len(w.pieces) > 0 {
				row = append(append(row, piece{text: strings.Repeat(" ", blanks)}), w.pieces...)
				col += blanks + w.width
				blanks = 0
			}
			blanks += w.blanks
		}
	}
	s.flush(row)
}

// flush writes a finished line. Escape sequences end with it, so that a pager
// may begin anywhere.
func (s *sheet) flush(row []piece) {
	now := quiet
	for _, p := range row {
		if s.look.Color && p.tone != now && strings.TrimSpace(p.text) != "" {
			if now != quiet {
				s.out.WriteString("\x1b[0m")
			}
			if now = p.tone; now != quiet {
				s.out.WriteString("\x1b[" + string(now) + "m")
			}
		}
		s.out.WriteString(p.text)
	}
	if now != quiet {
		s.out.WriteString("\x1b[0m")
	}
	s.out.WriteByte('\n')
}

// word is what stays on one line, with the blanks behind it.
type word struct {
	pieces        []piece
	width, blanks int
}

// words takes pieces apart where a line may end: at blanks, and in scripts
// that are written without them where UAX #14 allows. Pieces that meet without
// a blank are one word.
func words(pieces []piece) []word {
	var list []word
	open := false // the last word goes on
	for _, p := range pieces {
		for part := range strings.SplitAfterSeq(legible(p.text), " ") {
			text := strings.TrimSuffix(part, " ")
			for i, text := range unspaced(text) {
				w := word{[]piece{{p.tone, text}}, uniseg.StringWidth(text), 0}
				if open && i == 0 {
					last := &list[len(list)-1]
					last.pieces, last.width = append(last.pieces, w.pieces...), last.width+w.width
				} else {
					list = append(list, w)
				}
				open = true
			}
			if len(text) < len(part) {
				if len(list) == 0 {
					list = append(list, word{})
				}
				list[len(list)-1].blanks++
				open = false
			}
		}
	}
	return list
}

// unspaced is a text without blanks in parts between which a line may end:
// none within a word of letters, even where UAX #14 would, for a hyphen or
// slash as in Europe/Berlin is no place to stop at.
func unspaced(text string) []string {
	switch {
	case text == "":
		return nil
	case uniseg.StringWidth(text) <= uniseg.GraphemeClusterCount(text):
		return []string{text}
	}
	return segments(text)
}

// segments are the parts of a text by UAX #14.
func segments(text string) []string {
	var list []string
	for state := -1; text != ""; {
		var segment string
		segment, text, _, state = uniseg.FirstLineSegmentInString(text, state)
		list = append(list, segment)
	}
	return list
}

// fitting is the word in parts that fit into a line: most words are one. An
// address ends a line behind a slash if it can; what has no such place ends
// one anywhere between two characters.
func (w word) fitting(room, hang int) []word {
	if room <= 0 || w.width <= room-hang {
		return []word{w}
	}
	var parts []word
	for _, p := range w.pieces {
		for _, text := range segments(p.text) {
			if width := uniseg.StringWidth(text); width <= room-hang {
				parts = append(parts, word{pieces: []piece{{p.tone, text}}, width: width})
				continue
			}
			for g := uniseg.NewGraphemes(text); g.Next(); {
				parts = append(parts, word{pieces: []piece{{p.tone, g.Str()}}, width: g.Width()})
			}
		}
	}
	if len(parts) > 0 {
		parts[len(parts)-1].blanks = w.blanks
	}
	return parts
}

// mostMarks is how many marks one letter may carry. Vietnamese needs two,
// pointed Hebrew four; those who need hundreds mean to paint over other lines.
const mostMarks = 6

// legible is s as a terminal may have it. Titles and replies come from
// strangers: what would move the cursor, colour the screen or turn the order of
// letters around goes.
func legible(s string) string {
	marks := 0
	return strings.Map(func(r rune) rune {
		if !unicode.In(r, unicode.Mn, unicode.Me) {
			marks = 0
		} else if marks++; marks > mostMarks {
			return -1
		}
		switch {
		case unicode.IsControl(r), r == 0x2028, r == 0x2029:
			return ' '
		case unicode.Is(unicode.Bidi_Control, r), r == 0xfeff, r == 0x00ad, r == 0x200b, r >= 0xe0000 && r <= 0xe0fff:
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
}

// pad fills text up to so many columns.
func pad(text string, columns int) string {
	return text + strings.Repeat(" ", max(0, columns-width(text)))
}

// width is how many columns text takes once it is legible.
func width(text string) int { return uniseg.StringWidth(legible(text)) }

// widest is the width of the widest text, but not more than most: whoever is
// wider stands out instead of pushing all others aside.
func widest(most int, texts ...string) int {
	w := 0
	for _, t := range texts {
		w = max(w, width(t))
	}
	return min(w, most)
}
