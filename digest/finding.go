package digest

import (
	"fmt"
	"strings"
)

// FindingState says what a look at a thing came to.
type FindingState string

// The states of a finding, best first.
const (
	FindingOK    FindingState = "ok"    // as it should be
	FindingLook  FindingState = "look"  // an editor should look at it; mail goes out all the same
	FindingWrong FindingState = "wrong" // mail, or its way back, suffers now
)

// Finding is what a look at one thing came to. What and Subject name it
// ("relay", "smtp.example.com:587"), Text says what was found, in a few words,
// and Next what to do about it; a finding that is not ok always has one.
type Finding struct {
	What    string
	Subject string // empty: there is only one
	State   FindingState
	Text    string
	Next    string
	Records []DNSRecord // what Next wants published
}

// OK is the finding with everything as it should be.
func (f Finding) OK(text string) Finding {
	f.State, f.Text = FindingOK, text
	return f
}

// Look is the finding with something doubtful.
func (f Finding) Look(text, next string) Finding {
	f.State, f.Text, f.Next = FindingLook, text, next
	return f
}

// Wrong is the finding with something that must be mended.
func (f Finding) Wrong(text, next string) Finding {
	f.State, f.Text, f.Next = FindingWrong, text, next
	return f
}

// DNSRecord is a record to be published.
type DNSRecord struct {
	Name  string // without the dot at its end
	Type  string // TXT, MX, A ...
	Value string // whole, as a resolver gives it; of a TXT record in one piece
}

// longestString is what a character-string of DNS holds, in octets (RFC 1035
// section 3.3).
const longestString = 255

// Zone is the record as a zone file has it (RFC 1035 section 5.1). A TXT
// record longer than 255 octets is given in pieces, which resolvers join again
// without a space (RFC 7208 section 3.3, RFC 6376 section 3.6.2.2).
func (r DNSRecord) Zone() string {
	if r.Type != "TXT" {
		return fmt.Sprintf("%s. IN %s %s", r.Name, r.Type, r.Value)
	}
	var pieces []string
	rest := r.Value
	for {
		n := min(len(rest), longestString)
		pieces = append(pieces, `"`+zoneEscapes.Replace(rest[:n])+`"`)
		if rest = rest[n:]; rest == "" {
			break
		}
	}
	text := strings.Join(pieces, " ")
	if len(pieces) > 1 {
		text = "( " + text + " )"
	}
	return fmt.Sprintf("%s. IN TXT %s", r.Name, text)
}

var zoneEscapes = strings.NewReplacer(`\`, `\\`, `"`, `\"`)
