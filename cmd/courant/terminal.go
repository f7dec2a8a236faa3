package main

import (
	"io"
	"strings"
	"unicode"

	"github.com/rivo/uniseg"
	"golang.org/x/term"
)

// style colours what a person reads. The zero style writes plain text, and so
// does every style whose output is no terminal that shows colours.
type style struct {
	coloured bool
	width    int // columns of the terminal; 0: no terminal
}

// style is how the program's stdout is written.
func (p *program) style() style { return styleOf(p.stdout, p.env) }

// live says whether what is on stdout can be drawn over: a terminal that is not
// too dumb for it.
func (p *program) live() bool {
	if !terminal(p.stdout) {
		return false
	}
	kind, _ := p.env("TERM")
	return kind != "dumb"
}

// height is how many lines the terminal behind stdout shows; 0: unknown.
func (p *program) height() int {
	f, ok := p.stdout.(interface{ Fd() uintptr })
	if !ok {
		return 0
	}
	_, rows, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0
	}
	return rows
}

// styleOf asks the terminal behind w, if there is one. NO_COLOR, when it holds
// anything, is a person's wish (no-color.org); TERM=dumb a terminal's word.
func styleOf(w io.Writer, env func(string) (string, bool)) style {
	if !terminal(w) {
		return style{}
	}
	s := style{coloured: true, width: 80}
	if f, ok := w.(interface{ Fd() uintptr }); ok {
		if columns, _, err := term.GetSize(int(f.Fd())); err == nil && columns > 0 {
			s.width = columns
		}
	}
	if env == nil {
		return s
	}
	if wish, _ := env("NO_COLOR"); wish != "" {
		s.coloured = false
	}
	if kind, _ := env("TERM"); kind == "dumb" {
		s.coloured = false
	}
	return s
}

// The colours are the sixteen that every terminal lets its owner choose, so
// they are legible on light and dark grounds alike.
func (s style) bold(text string) string   { return s.paint("1", text) }
func (s style) dim(text string) string    { return s.paint("2", text) }
func (s style) red(text string) string    { return s.paint("31", text) }
func (s style) green(text string) string  { return s.paint("32", text) }
func (s style) yellow(text string) string { return s.paint("33", text) }

func (s style) paint(code, text string) string {
	if !s.coloured || text == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// pad fills plain text up to so many columns, by the width it has on a
// terminal; colour comes after.
func pad(text string, columns int) string {
	return text + strings.Repeat(" ", max(0, columns-uniseg.StringWidth(text)))
}

// visible is text of strangers as a terminal may show it: what would steer the
// terminal, or turn the direction of what follows, is replaced. Lines stay.
func visible(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r), r == '\uFEFF':
			return '\uFFFD'
		}
		return r
	}, text)
}

// narrowestWords is the room below which a terminal breaks lines by itself.
const narrowestWords = 30

// wrap breaks plain text into lines that fit the terminal behind an indent,
// which all but the first begin with. A word is never broken: it may be there
// to be copied.
func (s style) wrap(text, indent string) string {
	room := s.width - uniseg.StringWidth(indent)
	if s.width == 0 || room < narrowestWords {
		return text
	}
	var b strings.Builder
	column := 0
	for i, word := range strings.Fields(text) {
		w := uniseg.StringWidth(word)
		switch {
		case i == 0:
		case column+1+w > room:
			b.WriteString("\n" + indent)
			column = 0
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += w
	}
	return b.String()
}
