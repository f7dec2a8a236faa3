package submit

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/bits"
)

// errBareLineEnd is what a signer must not sign: servers on the way would
// mend it each in its own manner (RFC 5322 2.3, RFC 6376 5.3).
var errBareLineEnd = errors.New("it has a CR or LF that is not half of a line end")

// appendRelaxedBody appends the relaxed form of a body, RFC 6376 3.4.4: each run
// of blanks is one space, none stands at the end of a line, no empty line at the
// end of the body, and a line end after whatever comes last.
func appendRelaxedBody(dst, body []byte) ([]byte, error) {
	if !wholeLineEnds(body) {
		return nil, errBareLineEnd
	}
	body = bytes.TrimRight(body, " \t\r\n")
	if len(body) == 0 {
		return dst, nil // no line end is added to nothing
	}
	for {
		from := oddBlank(body)
		dst = append(dst, body[:from]...)
		if from == len(body) {
			return append(dst, "\r\n"...), nil
		}
		to := from + 1
		for blank(body[to]) { // the last byte is none
			to++
		}
		if body[to] != '\r' {
			dst = append(dst, ' ')
		}
		body = body[to:]
	}
}

func wholeLineEnds(text []byte) bool {
	n := 0
	for rest := text; ; n++ {
		i := bytes.IndexByte(rest, '\r')
		if i < 0 {
			break
		}
		if i+1 == len(rest) || rest[i+1] != '\n' {
			return false
		}
		rest = rest[i+len("\r\n"):]
	}
	return bytes.Count(text, []byte("\n")) == n
}

func blank(c byte) bool { return c == ' ' || c == '\t' }

// oddBlank is where the first run of blanks begins that is not one space between
// two words, or the length of the body, which doesn't end with a blank.
func oddBlank(body []byte) int {
	i := firstOdd(body)
	if i > 0 && i < len(body) && body[i-1] == ' ' {
		i-- // a space before a tab begins the run
	}
	return i
}

// firstOdd is the first tab, or space before a space or a line end. It looks at
// eight bytes at once: with a branch at each blank, one every six bytes, it
// would take as long as the hash.
func firstOdd(body []byte) int {
	const (
		ones   = 0x0101010101010101
		tops   = 0x80 * ones
		spaces = ' ' * ones
		tabs   = '\t' * ones
		ends   = '\r' * ones
	)
	i := 0
	for ; i+8 < len(body); i += 8 {
		here, next := binary.LittleEndian.Uint64(body[i:]), binary.LittleEndian.Uint64(body[i+1:])
		// A zero byte is what is looked for. The lowest top bit that is left
		// stands for the first one; those above it may be false.
		pair, last, tab := (here^spaces)|(next^spaces), (here^spaces)|(next^ends), here^tabs
		if found := ((pair-ones)&^pair | (last-ones)&^last | (tab-ones)&^tab) & tops; found != 0 {
			return i + bits.TrailingZeros64(found)/8
		}
	}
	for ; i < len(body); i++ {
		if body[i] == '\t' || body[i] == ' ' && (body[i+1] == ' ' || body[i+1] == '\r') {
			return i
		}
	}
	return len(body)
}

// field is one of a message's header, its name without the colon.
type field struct{ name, value []byte }

// splitMessage takes a message apart, its fields into room that may be kept. It
// refuses what readers of mail don't read alike, since they would not agree on
// what was signed.
func splitMessage(fields []field, message []byte) (_ []field, body []byte, err error) {
	head, body, ok := bytes.Cut(message, []byte("\r\n\r\n"))
	if !ok {
		return nil, nil, errors.New("its header has no end")
	}
	for len(head) > 0 {
		n := fieldEnd(head)
		name, value, ok := bytes.Cut(head[:n], []byte(":"))
		name = bytes.TrimRight(name, " \t") // RFC 5322 4.5, RFC 6376 3.4.2
		if !ok || !fieldName(name) {
			return nil, nil, errors.New("a line of its header is no field")
		}
		if !wholeLineEnds(head[:n]) {
			return nil, nil, errBareLineEnd
		}
		fields = append(fields, field{name, value})
		head = bytes.TrimPrefix(head[n:], []byte("\r\n"))
	}
	return fields, body, nil
}

// fieldEnd is the length of the first field without its last line end: lines
// that begin with a blank go on with it (RFC 5322 2.2.3).
func fieldEnd(head []byte) int {
	for at := 0; ; {
		i := bytes.Index(head[at:], []byte("\r\n"))
		if i < 0 {
			return len(head)
		}
		if at += i + len("\r\n"); at == len(head) || !blank(head[at]) {
			return at - len("\r\n")
		}
	}
}

// fieldName is RFC 5322 2.2.
func fieldName(name []byte) bool {
	for _, c := range name {
		if c <= ' ' || c > '~' || c == ':' {
			return false
		}
	}
	return len(name) > 0
}

// appendRelaxedField appends the relaxed form of a field without its line end,
// RFC 6376 3.4.2: the name in lower case, the value on one line, each run of
// blanks one space, none at its ends.
func appendRelaxedField(dst []byte, f field) []byte {
	for _, c := range f.name {
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		dst = append(dst, c)
	}
	dst = append(dst, ':')
	start, gap := len(dst), false
	for _, c := range f.value {
		if blank(c) || c == '\r' || c == '\n' {
			gap = true
			continue
		}
		if gap && len(dst) > start {
			dst = append(dst, ' ')
		}
		dst, gap = append(dst, c), false
	}
	return dst
}
