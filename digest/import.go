package digest

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// ImportRow is one line of a file of readers. What a line leaves empty, or
// nil, it says nothing about: a reader who is known keeps what is there.
type ImportRow struct {
	Line       int  // where it stands in the file, from 1
	Again      bool // the address stood in an earlier portion of the same file
	State      ImportState
	Consent    string // what the file knows of it, in words; it goes behind the import's own
	Address    string // as ParseAddress gives it
	Hash       []byte // Keyring.AddressHash of Address
	Name       string // as PlainLine gives it
	Zone       string // IANA name
	Language   string // BCP 47
	Categories []string
	Frequency  Frequency
	Weekday    *time.Weekday // only with Weekly; nil: seven days after the last one
}

// ImportState is how a file says a reader stands to a list.
type ImportState string

// The states. Only those who are active get mail by an import; of the
// others it keeps that they don't want or don't take any.
const (
	ImportActive       ImportState = ""
	ImportUnconfirmed  ImportState = "unconfirmed"  // signed up, never confirmed
	ImportUnsubscribed ImportState = "unsubscribed" // left this list
	ImportBounced      ImportState = "bounced"      // the mailbox is gone
	ImportComplained   ImportState = "complained"   // called a mail spam
	ImportBlocked      ImportState = "blocked"      // barred by an operator
)

// Suppresses says that no list of ours mails an address in this state, and
// gives the suppression's reason; empty: it doesn't.
func (s ImportState) Suppresses() string {
	switch s {
	case ImportBounced:
		return "hard"
	case ImportComplained:
		return "complaint"
	case ImportBlocked:
		return "operator"
	}
	return ""
}

// weight orders states by how much they keep away: of two lines for one
// address the heavier one counts.
func (s ImportState) weight() int {
	order := [...]ImportState{ImportActive, ImportUnconfirmed, ImportUnsubscribed, ImportBounced, ImportBlocked, ImportComplained}
	return slices.Index(order[:], s)
}

// Heavier is the one of two states that keeps mail away more.
func Heavier(a, b ImportState) ImportState {
	if b.weight() > a.weight() {
		return b
	}
	return a
}

// MaxName is how much of a reader's name is kept, in bytes.
const MaxName = 200

// MaxConsent is how much a file may say of a reader's consent, in bytes.
const MaxConsent = 300

// Fault says what keeps the row from being imported; empty: nothing does. It
// refuses whatever the database would choke on, so that one line cannot spoil
// the ten thousand around it.
func (r ImportRow) Fault() string {
	switch clean, err := ParseAddress(r.Address); {
	case err != nil:
		return err.Error()
	case clean != r.Address || strings.ContainsFunc(r.Address, notPrintable):
		return fmt.Sprintf("the address %q holds characters that no mail server takes", r.Address)
	case len(r.Hash) != 32:
		return "the address was not hashed"
	case len(r.Name) > MaxName || !plain(r.Name):
		return fmt.Sprintf("the name is longer than %d bytes or holds control characters", MaxName)
	case len(r.Zone) > 64 || !plain(r.Zone):
		return fmt.Sprintf("%q is not a time zone", PlainLine(r.Zone, 64))
	case len(r.Language) > 64 || !plain(r.Language):
		return fmt.Sprintf("%q is not a language", PlainLine(r.Language, 64))
	case r.State.weight() < 0:
		return fmt.Sprintf("%q is not a state", PlainLine(string(r.State), 64))
	case len(r.Consent) > MaxConsent || !plain(r.Consent):
		return fmt.Sprintf("the consent is longer than %d bytes or holds control characters", MaxConsent)
	}
	for _, c := range r.Categories {
		if c == "" || len(c) > 200 || !plain(c) {
			return fmt.Sprintf("%q is not a category", PlainLine(c, 64))
		}
	}
	return r.frequencyFault()
}

func (r ImportRow) frequencyFault() string {
	switch r.Frequency {
	case "", EveryEdition, Daily, Weekly:
	default:
		return fmt.Sprintf("frequency %q is not one of every, daily, weekly, weekly:monday", r.Frequency)
	}
	if r.Weekday != nil && (r.Frequency != Weekly || *r.Weekday < time.Sunday || *r.Weekday > time.Saturday) {
		return "a weekday goes with the frequency weekly only"
	}
	return ""
}

// plain says that s can stand in a row and in a header as it is.
func plain(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}

func notPrintable(r rune) bool { return !unicode.IsPrint(r) }

// Merge takes over what a later line for the same address says.
func (r *ImportRow) Merge(later ImportRow) {
	for _, f := range []struct{ into, from *string }{
		{&r.Name, &later.Name}, {&r.Zone, &later.Zone}, {&r.Language, &later.Language}, {&r.Consent, &later.Consent},
	} {
		if *f.from != "" {
			*f.into = *f.from
		}
	}
	if later.Categories != nil {
		r.Categories = later.Categories
	}
	if later.Frequency != "" {
		r.Frequency, r.Weekday = later.Frequency, later.Weekday
	}
	r.State = Heavier(r.State, later.State)
}

// Import is a portion of a file of readers on its way into a list.
type Import struct {
	List    string
	Digests []string // those of the list
	Consent string   // where the readers come from, in words
	Rows    []ImportRow
	Try     bool // find out what would become of the rows, and change nothing

	Content []byte // SHA-256 of the file, under which it is kept how far it is in; nil: that isn't kept
	Through int    // the last line that is in with these rows
	Last    bool   // the file ends here
}

// ImportFault is a line that was not imported, or that puts nobody on the list.
type ImportFault struct {
	Line int
	Why  string // one sentence
}

// ImportResult counts what became of the rows; every row is in exactly one of
// the counts or among the faults.
type ImportResult struct {
	Added       int // on the list now
	Updated     int // were on the list, something changed
	Unchanged   int // were on the list, nothing changed
	Suppressed  int // the address gets no mail: bounced, complained or erased
	Left        int // left the list, or everything, and stay away
	Gone        int // the file itself says that they left, bounced or complained
	Unconfirmed int // the file itself says that they never confirmed
	Repeated    int // the address stood on an earlier line, which this one amends
	Faults      []ImportFault
	Away        []ImportFault // of Suppressed, Left, Gone, Unconfirmed and Repeated, line by line
}

// Add sums up the result of another portion of the same file.
func (r *ImportResult) Add(more ImportResult) {
	r.Added += more.Added
	r.Updated += more.Updated
	r.Unchanged += more.Unchanged
	r.Suppressed += more.Suppressed
	r.Left += more.Left
	r.Gone += more.Gone
	r.Unconfirmed += more.Unconfirmed
	r.Repeated += more.Repeated
	r.Faults = append(r.Faults, more.Faults...)
	r.Away = append(r.Away, more.Away...)
}

// Listed is a reader on a list, with all that an export of the list shows.
type Listed struct {
	Reader
	Subscription
	Suppressed string    // the reason why no mail goes to the address; empty: none
	Choices    []Choices // one for each digest the reader chose something for
}
