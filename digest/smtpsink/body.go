package smtpsink

import "bytes"

// headRoom is how much of a message is kept to find its Message-ID in.
const headRoom = 16 << 10

// body takes a message as it comes off the line: finds its end, undoes the
// dot-stuffing (RFC 5321 4.5.2) and keeps what is asked for. Only CRLF ends a
// line: taking a bare LF would let one message smuggle in another.
type body struct {
	keep  bool
	limit int64 // bytes to keep at most

	size  int64
	kept  []byte // the message when keep is set
	head  []byte // its first bytes otherwise
	fresh bool   // nothing was taken yet, so the DATA line's CRLF counts as the line end before
}

// begin makes b ready for the next message. The room for the head is used
// again, that of a kept body is not.
func (b *body) begin() {
	b.size, b.kept, b.head, b.fresh = 0, nil, b.head[:0], true
}

// feed takes bytes off the front of p and reports how many, and whether the
// message ended with them. What it leaves, it wants to see again with more
// behind it: at most the four bytes that may begin an end.
func (b *body) feed(p []byte) (n int, done bool) {
	if b.fresh {
		switch {
		case len(p) < 3 && bytes.HasPrefix([]byte(".\r\n"), p):
			return 0, false
		case bytes.HasPrefix(p, []byte(".\r\n")):
			return 3, true
		case p[0] == '.':
			n = 1
		}
		b.fresh = false
	}
	for {
		i := bytes.Index(p[n:], []byte("\r\n."))
		if i < 0 {
			end := len(p) - unfinished(p[n:])
			b.take(p[n:end])
			return end, false
		}
		at := n + i
		switch after := p[at+3:]; {
		case bytes.HasPrefix(after, []byte("\r\n")):
			b.take(p[n : at+2])
			return at + 5, true
		case len(after) == 0 || len(after) == 1 && after[0] == '\r':
			b.take(p[n:at])
			return at, false
		}
		b.take(p[n : at+2])
		n = at + 3
	}
}

// unfinished is how many bytes at the end of p may begin a CRLF and a dot.
func unfinished(p []byte) int {
	switch {
	case bytes.HasSuffix(p, []byte("\r\n")):
		return 2
	case bytes.HasSuffix(p, []byte("\r")):
		return 1
	}
	return 0
}

func (b *body) take(p []byte) {
	b.size += int64(len(p))
	if b.keep {
		if b.size <= b.limit {
			b.kept = append(b.kept, p...)
		}
		return
	}
	if room := headRoom - len(b.head); room > 0 {
		b.head = append(b.head, p[:min(room, len(p))]...)
	}
}

// messageID is the value of the Message-ID header (RFC 5322 3.6.4), unfolded;
// empty when there is none within the first bytes.
func (b *body) messageID() string {
	head := b.head
	if b.keep {
		head = b.kept[:min(len(b.kept), headRoom)]
	}
	const name = "message-id:"
	for len(head) > 0 {
		line, rest, _ := bytes.Cut(head, []byte("\r\n"))
		if len(line) == 0 {
			return ""
		}
		if len(line) >= len(name) && bytes.EqualFold(line[:len(name)], []byte(name)) {
			return unfold(line[len(name):], rest)
		}
		head = rest
	}
	return ""
}

func unfold(value, rest []byte) string {
	value = bytes.TrimSpace(value)
	for len(rest) > 0 && (rest[0] == ' ' || rest[0] == '\t') {
		var line []byte
		line, rest, _ = bytes.Cut(rest, []byte("\r\n"))
		value = bytes.TrimSpace(append(value[:len(value):len(value)], line...))
	}
	return string(value)
}
