package receive

import (
	"bytes"
	"net/mail"
	"regexp"
	"strings"
)

// verdict is what a report says of one recipient before it is classified.
type verdict struct {
	address string
	action  string // RFC 3464 section 2.3.3, lower case; empty: none
	status  string // enhanced status as given
	said    string // the remote server's words
	around  string // words of the reporting system about it
}

func (v verdict) sameAddress(w verdict) bool { return strings.EqualFold(v.address, w.address) }

// readStatus reads the body of a message/delivery-status, RFC 3464 section 2.
// Dialects put empty lines inside a recipient's fields and leave them out
// between two, so a recipient ends where one of its fields comes again.
func readStatus(body []byte) []verdict {
	var all []verdict
	var cur verdict
	var original, final, diag, actual string
	flush := func() {
		cur.address = pickRecipient(final, original, actual)
		cur.said = diag
		if cur.address != "" || cur.action != "" {
			all = append(all, cur)
		}
		cur, original, final, diag, actual = verdict{}, "", "", "", ""
	}
	for len(all) < maxRecipients {
		if body = bytes.TrimLeft(body, " \t\n"); len(body) == 0 {
			break
		}
		before := len(body)
		fields, rest := readHeader(body)
		if len(rest) == before { // not a field: step over the line
			_, rest = cutLine(body)
		}
		body = rest
		for _, f := range fields {
			switch f.name {
			case "original-recipient":
				if original != "" {
					flush()
				}
				original = recipientField(f.value)
			case "final-recipient":
				if final != "" {
					flush()
				}
				final = recipientField(f.value)
			case "x-actual-recipient":
				actual = recipientField(f.value)
			case "action":
				cur.action = firstWord(f.value)
			case "status":
				cur.status = firstStatus(f.value)
				cur.around += " " + f.value
			case "diagnostic-code":
				diag += " " + diagnostic(f.value)
			case "x-supplementary-info", "x-display-name", "x-notes":
				cur.around += " " + f.value
			}
		}
	}
	flush()
	return all
}

// pickRecipient prefers the final recipient, as the words are about that one;
// but not where it is no address, or a route through the reporter's own hosts.
func pickRecipient(final, original, actual string) string {
	for _, a := range []string{final, original, actual} {
		if domain := a[strings.LastIndexByte(a, '@')+1:]; len(domain) < len(a) && strings.Contains(domain, ".") {
			return a
		}
	}
	return final
}

// recipientField reads "rfc822; name@example.org" in its many spellings.
func recipientField(value string) string {
	if kind, rest, ok := strings.Cut(value, ";"); ok && !strings.Contains(kind, "@") {
		value = rest
	}
	if m := quotedLocal.FindString(value); m != "" {
		return m
	}
	return cleanAddress(value)
}

var addressPattern = regexp.MustCompile("[A-Za-z0-9.!#$%&'*+/=?^_`{|}~\u0080-\U0010FFFF-]+@[A-Za-z0-9\u0080-\U0010FFFF](?:[A-Za-z0-9._\u0080-\U0010FFFF-]*[A-Za-z0-9\u0080-\U0010FFFF])?")

var quotedLocal = regexp.MustCompile(`"[^"\s]{1,64}"@[A-Za-z0-9.-]+[A-Za-z0-9]`)

// cleanAddress takes the one address out of a field: no comment, brackets or
// route (RFC 5321 appendix C: "@relay:name@example.org").
func cleanAddress(s string) string {
	if found := addressPattern.FindAllString(s, -1); len(found) > 0 {
		return strings.TrimLeft(found[len(found)-1], "'=")
	}
	return ""
}

// headerAddresses reads an address header; broken ones by pattern.
func headerAddresses(value string) []string {
	if list, err := mail.ParseAddressList(value); err == nil {
		var all []string
		for _, a := range list {
			all = append(all, a.Address)
		}
		return all
	}
	return addressPattern.FindAllString(value, -1)
}

func firstWord(s string) string {
	return strings.TrimRight(strings.ToLower(append(strings.Fields(s), "")[0]), ";,.")
}

// diagnostic takes the type ("smtp;") off a Diagnostic-Code.
func diagnostic(value string) string {
	if kind, rest, ok := strings.Cut(value, ";"); ok && len(kind) < 20 && !strings.ContainsAny(kind, "<0123456789") {
		return strings.TrimSpace(rest)
	}
	return value
}

var (
	statusPattern = regexp.MustCompile(`(?:^|[^0-9.\[])([245]\.[0-9]{1,3}\.[0-9]{1,3})(?:$|[^0-9.]|\.(?:$|[^0-9]))`)
	codePattern   = regexp.MustCompile(`(?:^|[^0-9.A-Za-z#=+-])([45][0-5][0-9])(?:[ :;,-]|$|\()`)
)

// firstStatus finds an enhanced status, RFC 3463, that is no IP address or
// version number.
func firstStatus(s string) string {
	if m := statusPattern.FindStringSubmatch(s); m != nil {
		return m[1]
	}
	return ""
}

// firstCode finds an SMTP reply code; 0: none.
func firstCode(s string) int {
	m := codePattern.FindStringSubmatch(s)
	if m == nil {
		return 0
	}
	return int(m[1][0]-'0')*100 + int(m[1][1]-'0')*10 + int(m[1][2]-'0')
}
