package smtpsink

import (
	"strconv"
	"strings"
)

// Reply is what the server answers. Text of several lines becomes a reply of
// several lines (RFC 5321 4.2.1).
type Reply struct {
	Code     int
	Enhanced string // RFC 3463, "5.1.1"; empty: none
	Text     string
}

func (r Reply) appendTo(b []byte) []byte {
	for rest, more := r.Text, true; more; {
		var line string
		line, rest, more = strings.Cut(rest, "\n")
		b = strconv.AppendInt(b, int64(r.Code), 10)
		if more {
			b = append(b, '-')
		} else {
			b = append(b, ' ')
		}
		if r.Enhanced != "" {
			b = append(append(b, r.Enhanced...), ' ')
		}
		b = append(append(b, line...), "\r\n"...)
	}
	return b
}

// command is a line of the client in its two halves.
type command struct {
	verb string // upper case
	arg  string
}

func parseCommand(line string) command {
	verb, arg, _ := strings.Cut(line, " ")
	return command{verb: strings.ToUpper(verb), arg: strings.TrimSpace(arg)}
}

// path is the argument of MAIL and RCPT.
type path struct {
	address  string // without brackets; empty: the null sender
	size     int64  // SIZE=, 0 when not given
	eightBit bool   // BODY=8BITMIME
	utf8     bool   // SMTPUTF8
}

// parsePath reads "FROM:<address> parameters". It wants the angle brackets, as
// RFC 5321 4.1.2 does, and forgives the space many clients put before them.
func parsePath(arg, keyword string) (path, bool) {
	if len(arg) < len(keyword) || !strings.EqualFold(arg[:len(keyword)], keyword) {
		return path{}, false
	}
	arg = strings.TrimLeft(arg[len(keyword):], " ")
	end := pathEnd(arg)
	if end < 0 {
		return path{}, false
	}
	p := path{address: arg[1:end]}
	rest := arg[end+1:]
	if rest != "" && rest[0] != ' ' {
		return path{}, false
	}
	for _, word := range strings.Fields(rest) {
		if !p.parameter(word) {
			return path{}, false
		}
	}
	return p, true
}

// pathEnd finds the bracket that ends a path, outside a quoted local part; -1
// when there is none or something stands inside that no address has.
func pathEnd(arg string) int {
	if arg == "" || arg[0] != '<' {
		return -1
	}
	quoted := false
	for i := 1; i < len(arg); i++ {
		switch c := arg[i]; {
		case c < ' ' || c == 0x7f:
			return -1
		case c == '"':
			quoted = !quoted
		case quoted && c == '\\':
			i++
		case quoted:
		case c == '>':
			return i
		case c == '<' || c == ' ':
			return -1
		}
	}
	return -1
}

func (p *path) parameter(word string) bool {
	key, value, _ := strings.Cut(word, "=")
	switch strings.ToUpper(key) {
	case "SIZE":
		size, err := strconv.ParseInt(value, 10, 63)
		p.size = size
		return err == nil && size >= 0
	case "BODY":
		p.eightBit = strings.EqualFold(value, "8BITMIME")
		return p.eightBit || strings.EqualFold(value, "7BIT")
	case "SMTPUTF8":
		p.utf8 = true
		return value == ""
	case "AUTH": // RFC 4954 5: taken and not used
		return true
	}
	return false
}

func (p path) ascii() bool {
	for i := 0; i < len(p.address); i++ {
		if p.address[i] >= 0x80 {
			return false
		}
	}
	return true
}
