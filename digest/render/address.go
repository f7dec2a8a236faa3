package render

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"

	"courant/digest"
)

// address is a reader's address as it goes over the wire.
type address struct {
	address string // the domain in punycode where it can be
	utf8    bool   // not ASCII even so: needs SMTPUTF8 (RFC 6531 section 3.3)
	safe    bool   // may stand in a header and an SMTP command
}

// addressee puts an address in the form of the wire. A domain beyond ASCII is
// turned into punycode, which every server takes; only a local part beyond
// ASCII needs the extension.
func addressee(s string) address {
	if plainASCIIAddress(s) {
		return address{s, false, true}
	}
	clean, err := digest.ParseAddress(s)
	// A second @ would need quotes in the local part, which no address here has.
	if err != nil || strings.Count(clean, "@") != 1 {
		return address{address: withoutControl(s)}
	}
	at := strings.LastIndexByte(clean, '@')
	local, domain := clean[:at], clean[at+1:]
	if d, err := idna.Lookup.ToASCII(domain); err == nil {
		domain = d
	}
	clean = local + "@" + domain
	return address{clean, !ascii(clean), true}
}

// plainASCIIAddress is the quick way for nearly all addresses: a dot-atom of
// RFC 5322 section 3.2.3 on both sides of one @.
func plainASCIIAddress(s string) bool {
	at := 0
	for i := range len(s) {
		switch c := s[i]; {
		case c == '@':
			if at != 0 || i == 0 || i > 64 {
				return false
			}
			at = i
		case c == '.':
			if i == 0 || i == len(s)-1 || s[i-1] == '.' || s[i-1] == '@' || s[i+1] == '@' {
				return false
			}
		case !atext(c):
			return false
		}
	}
	return at > 0 && at < len(s)-1 && len(s) <= digest.MaxAddress
}

// atext is RFC 5322 section 3.2.3.
func atext(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' ||
		strings.IndexByte("!#$%&'*+-/=?^_`{|}~", c) >= 0
}

// withoutControl is what of an impossible address can be shown in a header.
func withoutControl(s string) string {
	s = digest.PlainLine(s, digest.MaxAddress) // a line has 998 octets, RFC 5322 section 2.1.1
	return strings.Map(func(r rune) rune {
		if r <= ' ' || r >= 0x7f || strings.ContainsRune(`<>()[]\,;:"`, r) {
			return -1
		}
		return r
	}, s)
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
