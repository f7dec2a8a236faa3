package render

import (
	"strings"
	"unicode/utf8"
)

// maxEncoded is how much of a line is used: RFC 2045 section 6.7 allows 76
// characters, the "=" of a soft break included.
const maxEncoded = 75

const hexDigits = "0123456789ABCDEF"

// quoted is the state of a quoted-printable text that is being written: the
// column, counted in encoded characters. Line ends are "\n" on the way in and
// CRLF on the way out.
type quoted struct{ col int }

// append encodes s behind dst. Beyond RFC 2045 it keeps three promises: no line
// begins with a dot, so that nothing needs dot-stuffing; none with "From ",
// which mailbox files mangle; and no character is split between two lines.
func (q *quoted) append(dst []byte, s string) []byte {
	for i := 0; i < len(s); {
		c := s[i]
		if c == '\n' {
			dst = append(dst, '\r', '\n')
			q.col = 0
			i++
			continue
		}
		size := 1
		if c >= utf8.RuneSelf {
			_, size = utf8.DecodeRuneInString(s[i:])
		}
		width := 3 * size
		if q.literal(c, s[i:]) {
			width = 1
		}
		if q.col+width > maxEncoded {
			dst = append(dst, "=\r\n"...)
			q.col = 0
			if width == 1 && !q.literal(c, s[i:]) {
				width = 3
			}
		}
		if width == 1 {
			dst = append(dst, c)
		} else {
			for _, b := range []byte(s[i : i+size]) {
				dst = append(dst, '=', hexDigits[b>>4], hexDigits[b&15])
			}
		}
		q.col += width
		i += size
	}
	return dst
}

// literal says whether c, the first byte of rest, stands for itself here.
func (q *quoted) literal(c byte, rest string) bool {
	switch {
	case c == ' ' || c == '\t':
		// White space at the end of a line gets lost: RFC 2045 section 6.7 rule 3.
		return len(rest) > 1 && rest[1] != '\n'
	case c < '!' || c > '~' || c == '=':
		return false
	case q.col > 0:
		return true
	}
	return c != '.' && !strings.HasPrefix(rest, "From ")
}

// breakLine ends the encoded line without ending the line of text.
func (q *quoted) breakLine(dst []byte) []byte {
	if q.col == 0 {
		return dst
	}
	q.col = 0
	return append(dst, "=\r\n"...)
}
