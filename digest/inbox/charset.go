package inbox

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// decodeText makes UTF-8 of a part's bytes. The note says what may have gone
// wrong; empty: nothing.
func decodeText(b []byte, charset string) (text, note string) {
	switch name := strings.ToLower(strings.TrimSpace(charset)); name {
	case "utf-8", "utf8", "us-ascii", "ascii":
		if utf8.Valid(b) {
			return string(b), ""
		}
		return strings.ToValidUTF8(string(b), "\uFFFD"), "Some bytes are no letters of " + name + "; they are shown as \uFFFD."
	case "iso-8859-1", "latin1", "windows-1252", "cp1252", "iso8859-1":
		return fromWindows1252(b), ""
	case "":
		if utf8.Valid(b) {
			return string(b), ""
		}
		return fromWindows1252(b), "No character set is named. The letters are read as Western European and may be wrong."
	default:
		note = fmt.Sprintf("The character set %q is not known here. Letters beyond ASCII may be wrong.", clean(cut(charset, 40)))
		return strings.ToValidUTF8(string(b), "\uFFFD"), note
	}
}

// windows1252 is what the bytes 0x80 to 0x9f mean there; in ISO 8859-1 they
// are controls that no text has, so browsers read both names this way (WHATWG
// Encoding Standard, section 4.2).
const windows1252 = "€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ"

func fromWindows1252(b []byte) string {
	high := []rune(windows1252)
	var s strings.Builder
	for _, c := range b {
		if c >= 0x80 && c < 0x80+byte(len(high)) {
			s.WriteRune(high[c-0x80])
			continue
		}
		s.WriteRune(rune(c))
	}
	return s.String()
}

// cut shortens text to a number of characters.
func cut(s string, most int) string {
	for i := range s {
		if most--; most < 0 {
			return s[:i] + "…"
		}
	}
	return s
}
