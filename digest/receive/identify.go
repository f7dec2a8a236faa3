package receive

import (
	"mime"
	"strings"

	"courant/digest"
)

// How a report was tied to a delivery, as Report.Via has it.
const (
	viaReturnPath = "return path"
	viaMessageID  = "message-id"
	viaMailto     = "mailto"
)

// maxSearched is how much of a part is searched for a token. It stands in a
// header, so near the top.
const maxSearched = 1 << 20

// maxTokens bounds how many look-alikes of a token are checked in a mail.
const maxTokens = 100

// arrivedAt is every address this mail may have come to, the surest first.
func (r *reading) arrivedAt() []string {
	var all []string
	if r.to != "" {
		all = append(all, r.to)
	}
	for _, value := range r.top.header.all("x-original-to", "delivered-to", "envelope-to", "x-envelope-to", "x-delivered-to", "x-rcpt-to", "to", "apparently-to", "received", "cc") {
		all = append(all, addressPattern.FindAllString(value, 20)...)
	}
	return all
}

// identify ties the report to a delivery by a token of ours, in the order of
// belief. Without keys or token the report is known by nobody.
func (r *reading) identify() {
	if r.keys == nil {
		return
	}
	budget := maxTokens
	try := func(via string, parse func(string) (digest.Ref, error), candidates []string) bool {
		for _, c := range candidates {
			if budget--; budget < 0 {
				return false
			}
			if ref, err := parse(c); err == nil {
				r.Ref, r.Via = ref, via
				return true
			}
		}
		return false
	}
	at := r.arrivedAt()
	if r.Kind == digest.ReportUnsubscribe && try(viaMailto, r.keys.ParseMailtoAddress, withPrefix(at, "unsubscribe+")) {
		return
	}
	if try(viaReturnPath, r.keys.ParseReturnPath, withPrefix(at, "bounce+")) {
		return
	}
	paths, ids := tokensIn(r.returnedText())
	_ = try(viaReturnPath, r.keys.ParseReturnPath, paths) || try(viaMessageID, r.keys.ParseMessageID, ids)
}

func withPrefix(all []string, prefix string) []string {
	var some []string
	for _, a := range all {
		if len(a) > len(prefix) && strings.EqualFold(a[:len(prefix)], prefix) {
			some = append(some, a)
		}
	}
	return some
}

// The shortest and longest a token can be in an address: see
// digest.Keyring.AddressToken.
const shortToken, longToken = 30, 64

// tokensIn finds what looks like a token of ours before an @: return paths,
// and Message-IDs. By hand, for a returned mail may be long and a regular
// expression takes ten times as long over it.
func tokensIn(text string) (paths, ids []string) {
	for at := strings.IndexByte(text, '@'); at >= 0 && len(paths)+len(ids) < maxTokens; {
		start := at
		for start > 0 && at-start <= longToken && inToken(text[start-1]) {
			start--
		}
		if n := at - start; n >= shortToken && n <= longToken {
			const prefix = "bounce+"
			if start >= len(prefix) && strings.EqualFold(text[start-len(prefix):start], prefix) {
				paths = append(paths, text[start-len(prefix):at]+"@ours")
			} else {
				ids = append(ids, text[start:at]+"@ours")
			}
		}
		next := strings.IndexByte(text[at+1:], '@')
		if next < 0 {
			break
		}
		at += 1 + next
	}
	return paths, ids
}

func inToken(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '2' && c <= '7'
}

// returnedText is all of the mail that may quote ours. A token can't be
// guessed, so wherever one stands it came out of our mail.
func (r *reading) returnedText() string {
	var b strings.Builder
	for _, f := range r.top.header {
		if f.name == "in-reply-to" || f.name == "references" || f.name == "original-message-id" || f.name == "x-original-message-id" {
			b.WriteString(f.value + "\n")
		}
	}
	for _, leaf := range r.top.leaves() {
		if b.Len() > maxSearched {
			break
		}
		b.Write(leaf.decoded(maxSearched))
		b.WriteByte('\n')
	}
	return b.String()
}

// decodeWords undoes encoded words, RFC 2047; what can't be stays.
func decodeWords(s string) string {
	d := mime.WordDecoder{}
	if plain, err := d.DecodeHeader(s); err == nil {
		return plain
	}
	return s
}
