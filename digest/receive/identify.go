package receive

import (
	"mime"
	"regexp"
	"strings"

	"courant/digest"
)

// How a report was tied to a delivery, as Report.Via has it.
const (
	viaReturnPath = "return path"
	viaMessageID  = "message-id"
	viaMailto     = "mailto"
)

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
	returned := r.returnedText()
	_ = try(viaReturnPath, r.keys.ParseReturnPath, returnTokens.FindAllString(returned, maxTokens)) ||
		try(viaMessageID, r.keys.ParseMessageID, messageTokens.FindAllString(returned, maxTokens))
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

var (
	returnTokens  = regexp.MustCompile(`(?i)bounce\+[a-z2-7]{30,60}@[a-z0-9.-]+`)
	messageTokens = regexp.MustCompile(`(?i)\b[a-z2-7]{30,60}@[a-z0-9.-]+`)
)

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
		if b.Len() > 1<<20 {
			break
		}
		b.Write(leaf.decoded())
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
