package render

import (
	"encoding/base64"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"courant/digest"
)

// maxHeaderLine is how long a header line gets where it can be folded: RFC
// 2047 section 2 allows 76 to lines with encoded words, RFC 5322 section 2.1.1
// advises 78 for the others.
const maxHeaderLine = 76

const encodedWordFrame = len("=?utf-8?q??=")

// appendUnstructured writes the value of a field like Subject, folded. col is
// how much of the line is used. s must be one plain line.
func appendUnstructured(dst []byte, col int, s string) []byte {
	if !foldable(s) {
		return appendEncodedWords(dst, col, s)
	}
	for i, word := range strings.Fields(s) {
		switch {
		case i > 0 && col+1+len(word) > maxHeaderLine:
			dst = append(dst, "\r\n "...)
			col = 1
		case i > 0:
			dst = append(dst, ' ')
			col++
		}
		dst = append(dst, word...)
		col += len(word)
	}
	return dst
}

// foldable says that s can stand as it is: printable ASCII, nothing that a
// reader would decode, and no word too long for a line.
func foldable(s string) bool {
	run := 0
	for i := range len(s) {
		switch c := s[i]; {
		case c == ' ':
			run = 0
		case c < ' ' || c > '~':
			return false
		default:
			if run++; run > maxHeaderLine-len("Subject: ") {
				return false
			}
		}
	}
	return !strings.Contains(s, "=?")
}

// appendPhrase writes a display name: RFC 5322 section 3.2.5.
func appendPhrase(dst []byte, col int, s string) []byte {
	atoms, quotable := len(s) > 0, foldable(s) && len(s) <= maxHeaderLine-20
	for i := range len(s) {
		atoms = atoms && (s[i] == ' ' || atext(s[i]))
	}
	switch {
	case !quotable:
		return appendEncodedWords(dst, col, s)
	case atoms:
		return append(dst, s...)
	}
	dst = append(dst, '"')
	for i := range len(s) {
		if s[i] == '"' || s[i] == '\\' {
			dst = append(dst, '\\')
		}
		dst = append(dst, s[i])
	}
	return append(dst, '"')
}

// appendMailbox writes a display name and an address, or anything else in
// angle brackets; address alone where there is no name.
func appendMailbox(dst []byte, col int, name, address string) []byte {
	if name == "" {
		return append(dst, address...)
	}
	start := len(dst)
	dst = appendPhrase(dst, col, name)
	if i := lastFold(dst[start:]); i >= 0 {
		col = len(dst) - start - i
	} else {
		col += len(dst) - start
	}
	if col+len(address)+3 > maxHeaderLine {
		dst = append(dst, "\r\n <"...)
	} else {
		dst = append(dst, " <"...)
	}
	dst = append(dst, address...)
	return append(dst, '>')
}

// lastFold is where the last line of a folded value begins, -1 if it has one
// line.
func lastFold(b []byte) int {
	for i := len(b) - 1; i >= 0; i-- {
		if b[i] == '\n' {
			return i + 1
		}
	}
	return -1
}

// appendEncodedWords writes s as encoded words of at most 75 characters, none
// of which ends within a character (RFC 2047 sections 2 and 5). The encoding
// is the shorter one; both fit text and phrases alike.
func appendEncodedWords(dst []byte, col int, s string) []byte {
	letters := 0
	for i := range len(s) {
		if qLiteral(s[i]) {
			letters++
		}
	}
	q := letters+3*(len(s)-letters) <= base64.StdEncoding.EncodedLen(len(s))
	for s != "" {
		room := maxHeaderLine - col - encodedWordFrame
		if room < 4*utf8.UTFMax {
			dst = append(dst, "\r\n "...)
			col, room = 1, maxHeaderLine-1-encodedWordFrame
		}
		n := wordLen(s, room, q)
		if q {
			dst = appendQ(append(dst, "=?utf-8?q?"...), s[:n])
		} else {
			dst = base64.StdEncoding.AppendEncode(append(dst, "=?utf-8?b?"...), []byte(s[:n]))
		}
		dst = append(dst, "?="...)
		s, col = s[n:], maxHeaderLine
	}
	return dst
}

// wordLen is how many bytes of s go into an encoded word with room characters.
func wordLen(s string, room int, q bool) int {
	n, used := 0, 0
	for n < len(s) {
		_, size := utf8.DecodeRuneInString(s[n:])
		switch {
		case !q:
			used = base64.StdEncoding.EncodedLen(n + size)
		case qLiteral(s[n]):
			used++
		default:
			used += 3 * size
		}
		if used > room {
			break
		}
		n += size
	}
	return n
}

// qLiteral is what may stand for itself in an encoded word of a phrase, the
// narrowest place: RFC 2047 section 5 (3). The blank becomes "_".
func qLiteral(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == ' ' || strings.IndexByte("!*+-/", c) >= 0
}

func appendQ(dst []byte, s string) []byte {
	for i := range len(s) {
		switch c := s[i]; {
		case c == ' ':
			dst = append(dst, '_')
		case qLiteral(c):
			dst = append(dst, c)
		default:
			dst = append(dst, '=', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	return dst
}

// header writes the header of a message: each field once.
func (r *Renderer) header(b *builder, e digest.Edition, s setting, subject, boundary string) {
	b.mailboxField("From", r.senderName(), r.from.Address)
	b.text("To: ")
	b.place(placeTo, false)
	b.text("\r\n")
	if r.replyTo != nil {
		b.mailboxField("Reply-To", r.replyTo.Name, r.replyTo.Address)
	}
	b.text("Subject: ")
	b.fixed = appendUnstructured(b.fixed, len("Subject: "), subject)
	// The edition's own moment, not that of the attempt: a retry is the same
	// message (RFC 5322 section 3.6.1).
	b.text("\r\nDate: " + sent(e).In(s.loc).Format("Mon, 2 Jan 2006 15:04:05 -0700") + "\r\nMessage-ID: ")
	b.place(placeMessageID, false)
	b.text("\r\nMIME-Version: 1.0\r\n")
	b.mailboxField("List-Id", listPhrase(e), strings.Trim(digest.ListID(e.Digest, r.listHost), "<>"))
	// Both on one line each: folding them broke signatures at relays (RFC
	// 8058 section 3.2 fixes the second to the letter).
	b.text("List-Unsubscribe: ")
	b.place(placeListUnsub, false)
	b.text("\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\nPrecedence: bulk\r\n")
	// Four fields at most, from the particular to the constant one; no field
	// names a reader.
	b.text(fmt.Sprintf("Feedback-ID: e%d:%s:%s:courant\r\n", e.ID, e.Digest, e.Kind))
	if r.c.Archived != nil {
		if at := link(r.c.Archived(e)); at != "" {
			b.text("Archived-At: <" + at + ">\r\n") // RFC 5064 section 2
		}
	}
	// No Auto-Submitted: people chose to get this (RFC 3834 section 5).
	b.text("Content-Type: multipart/alternative; boundary=\"" + boundary + "\"\r\n\r\n")
}

// listPhrase is the readable half of List-Id, never empty: the other half must
// stand in angle brackets.
func listPhrase(e digest.Edition) string {
	if title := plain(e.Title, maxName); title != "" {
		return title
	}
	return e.Digest
}

// senderName is the display name mails come from.
func (r *Renderer) senderName() string {
	if r.from.Name == "" {
		return r.c.Name
	}
	return r.from.Name
}

// sent is the moment an edition's mails carry.
func sent(e digest.Edition) time.Time {
	if e.Published.IsZero() {
		return e.Instant
	}
	return e.Published
}
