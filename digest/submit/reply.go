package submit

import (
	"bufio"
	"errors"
	"fmt"
	"strings"
	"unicode"

	"courant/digest"
)

// Limits of a reply. RFC 5321 4.5.3.1.5 allows lines of 512 bytes; servers
// with much to say are read further, and cut.
const (
	maxReplyLines = 100
	maxReplyText  = 500 // read, since a class may stand late in it
	maxQuote      = 300 // shown, logged and kept
)

// errGarbage is a line that is no reply. What the server meant is unknown, so
// is where its next reply would begin.
var errGarbage = errors.New("unreadable reply")

// readReply reads one reply of one or several lines (RFC 5321 4.2.1). It
// forgives a bare LF, a missing text and lines that are too long. Secrets that
// the relay repeats are cut out.
func readReply(r *bufio.Reader, hush *secrets) (digest.Reply, error) {
	var reply digest.Reply
	var words []string
	for range maxReplyLines {
		line, err := readReplyLine(r)
		if err != nil {
			return digest.Reply{}, err
		}
		code, last, text := splitReplyLine(line)
		if code == 0 || reply.Code != 0 && code != reply.Code {
			return digest.Reply{}, fmt.Errorf("%w: %q", errGarbage, printable(hush.cut(line), 80))
		}
		reply.Code = code
		words = append(words, text)
		if last {
			reply.Status, reply.Text = joinReply(words, hush)
			return reply, nil
		}
	}
	return digest.Reply{}, fmt.Errorf("%w: more than %d lines", errGarbage, maxReplyLines)
}

// readReplyLine reads a line without its end. Of a longer one than the buffer
// the rest is thrown away; the line's byte budget is what ends an endless one.
func readReplyLine(r *bufio.Reader) (string, error) {
	part, err := r.ReadSlice('\n')
	line := strings.TrimRight(string(part), "\r\n")
	for n := 0; errors.Is(err, bufio.ErrBufferFull); n++ {
		if n == maxReplyLines {
			return "", errTooMuch
		}
		_, err = r.ReadSlice('\n')
	}
	return line, err
}

// splitReplyLine takes a line apart; code is 0 when it's none.
func splitReplyLine[T string | []byte](line T) (code int, last bool, text T) {
	if len(line) < 3 || line[0] < '2' || line[0] > '5' {
		return 0, false, text
	}
	for _, c := range []byte(line[:3]) {
		if c < '0' || c > '9' {
			return 0, false, text
		}
		code = code*10 + int(c-'0')
	}
	if len(line) == 3 {
		return code, true, text
	}
	if line[3] != ' ' && line[3] != '-' {
		return 0, false, text
	}
	return code, line[3] == ' ', line[4:]
}

// joinReply makes one printable line of a reply's lines and takes the enhanced
// status out, which RFC 2034 4 repeats on each.
func joinReply(lines []string, hush *secrets) (status, text string) {
	for i, line := range lines {
		found, rest := splitStatus(line)
		if i == 0 {
			status = found
		}
		if found != "" && found == status {
			lines[i] = rest
		}
	}
	return status, printable(hush.cut(strings.Join(lines, " ")), maxReplyText)
}

// splitStatus takes an enhanced status (RFC 3463 2) off the front of a text.
func splitStatus(text string) (status, rest string) {
	word, rest, _ := strings.Cut(text, " ")
	class, detail, dotted := strings.Cut(word, ".")
	subject, detail, whole := strings.Cut(detail, ".")
	if !dotted || !whole || len(class) != 1 || !strings.Contains("245", class) || !upTo999(subject) || !upTo999(detail) {
		return "", text
	}
	return word, rest
}

// upTo999 says whether s is of one to three digits.
func upTo999(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return len(s) >= 1 && len(s) <= 3
}

// quoted is a reply as much of it as is shown and kept, once it was judged.
func quoted(r digest.Reply) digest.Reply {
	r.Text = printable(r.Text, maxQuote)
	return r
}

// printable makes text from outside fit for a log, a page and a row of the
// ledger: one line, no controls, at most limit bytes.
func printable(text string, limit int) string {
	if len(text) <= limit-4 && tidy(text) {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		if b.Len() > limit-4 {
			break
		}
		switch {
		case unicode.IsSpace(r) || unicode.IsControl(r):
			b.WriteByte(' ')
		case r == unicode.ReplacementChar || !unicode.IsPrint(r):
			b.WriteByte('?')
		default:
			b.WriteRune(r)
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// tidy texts are printable as they are: ASCII, and single spaces between words.
func tidy(text string) bool {
	blank := true // a space may not follow
	for i := range len(text) {
		c := text[i]
		if c < ' ' || c > '~' || c == ' ' && blank {
			return false
		}
		blank = c == ' '
	}
	return !blank || text == ""
}
