package main

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/token"
)

// What word processors, messengers and web pages put into a config, and an
// editor does not see: other spaces, other quotes, another encoding.

// notUTF8 is the first place that is no UTF-8 text, or zero. A NUL is one: half
// of a UTF-16 file consists of them. Only the first counts, since the rest of
// such a file is no better.
func notUTF8(lines []string) place {
	for i, line := range lines {
		for at, c := range line {
			if c == 0 || c == utf8.RuneError && !strings.HasPrefix(line[at:], "\uFFFD") {
				return place{i + 1, utf8.RuneCountInString(line[:at]) + 1}
			}
		}
	}
	return place{}
}

// unlikeSpace says whether a character looks like a space, or like nothing,
// and is no space to YAML (YAML 1.2.2 section 6.1: spaces alone indent).
func unlikeSpace(c rune) bool {
	return c != ' ' && (unicode.In(c, unicode.Z, unicode.Cf) || c == 0x85)
}

// nameOfSpace is what an editor's search knows such a character by.
func nameOfSpace(c rune) string {
	name := map[rune]string{
		0xA0: "no-break space", 0xAD: "soft hyphen", 0x200B: "zero width space", 0x2009: "thin space",
		0x202F: "narrow no-break space", 0x3000: "ideographic space", 0xFEFF: "byte order mark",
	}[c]
	if name == "" {
		name = "a space only in looks"
	}
	return fmt.Sprintf("U+%04X, %s", c, name)
}

// yamlSpaces finds where YAML counts on spaces: before a key, and between its
// colon and its value.
var yamlSpaces = regexp.MustCompile(`^[\s\-\x{85}\p{Z}\p{Cf}]*(?:[a-z_]+:[\x{85}\p{Z}\p{Cf}]*)?`)

// opensBlock finds a key whose text stands below it, where every character counts.
var opensBlock = regexp.MustCompile(`:\s+[|>][-+0-9]*\s*(?:#.*)?$`)

// plainSpaces tells of characters that only look like spaces where YAML wants
// spaces, and puts those in, so that the rest of the file can be read.
func (r *configReader) plainSpaces(lines []string) {
	block := -1 // indentation of the key that the text in hand belongs to
	for i, line := range lines {
		indent := len(line) - len(strings.TrimLeft(line, " "))
		if block >= 0 && (indent > block || strings.TrimSpace(line) == "") {
			continue
		}
		if block = -1; opensBlock.MatchString(line) {
			block = indent
		}
		head := yamlSpaces.FindString(line)
		at := strings.IndexFunc(head, unlikeSpace)
		if at < 0 {
			continue
		}
		c, _ := utf8.DecodeRuneInString(head[at:])
		r.fault(place{i + 1, utf8.RuneCountInString(head[:at]) + 1}, "", "this is no plain space (%s); replace it by one", nameOfSpace(c))
		lines[i] = strings.Map(plainSpace, head) + line[len(head):]
	}
}

// plainSpace is the space that stands for c; what has no width stands for none.
func plainSpace(c rune) rune {
	switch {
	case !unlikeSpace(c):
		return c
	case unicode.Is(unicode.Cf, c):
		return -1
	}
	return ' '
}

const (
	opensCurly  = "“”„‟«»‘’‚‛‹›"
	curlyQuotes = `these are typographic quotes, which YAML takes for letters; write plain ones (")`
)

// inCurlyQuotes says whether v is a text between typographic quotes and no
// others: whoever writes "“Brief”" means it.
func (v yamlValue) inCurlyQuotes() bool {
	s, err := v.rawText()
	if err != nil || v.node.GetToken().Type != token.StringType {
		return false
	}
	first, _ := utf8.DecodeRuneInString(s)
	last, _ := utf8.DecodeLastRuneInString(s)
	return utf8.RuneCountInString(s) > 1 && strings.ContainsRune(opensCurly, first) && strings.ContainsRune(opensCurly, last)
}

// keyLine is a line that sets a key.
var keyLine = regexp.MustCompile(`^\s*(?:- )?\{?([a-z_]+):(?: |$)`)

// setsKey says whether one of the lines sets a key of a config, as no line of
// a text does.
func setsKey(lines []string) bool {
	keys := map[string]bool{}
	for _, line := range lines {
		if m := keyLine.FindStringSubmatch(line); m != nil {
			keys[m[1]] = true
		}
	}
	known := false
	describedConfig().eachKey("", func(path string, _ *shape) {
		_, key, _ := cutLast(path)
		known = known || keys[key]
	})
	return known
}

// swallowingQuote finds the quote to blame for a fault of syntax behind it: one
// that is never closed takes the next lines in, keys and all, up to where a
// later text should begin.
func swallowingQuote(lines []string, fault place) (place, bool) {
	for _, tk := range lexer.Tokenize(strings.Join(lines, "\n")) {
		if tk.Type != token.DoubleQuoteType && tk.Type != token.SingleQuoteType {
			continue
		}
		_, below, _ := strings.Cut(strings.TrimSpace(tk.Origin), "\n")
		if below != "" && tk.Position.Line <= fault.line && setsKey(strings.Split(below, "\n")) {
			return place{tk.Position.Line, tk.Position.Column}, true
		}
	}
	return place{}, false
}
