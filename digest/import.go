package digest

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// ImportRow is one line of a file of readers. What a line leaves empty, or
// nil, it says nothing about: a reader who is known keeps what is there.
type ImportRow struct {
	Line       int    // where it stands in the file, from 1
	Address    string // as ParseAddress gives it
	Hash       []byte // Keyring.AddressHash of Address
	Name       string // as PlainLine gives it
	Zone       string // IANA name
	Language   string // BCP 47
	Categories []string
	Frequency  Frequency
	Weekday    *time.Weekday // only with Weekly; nil: seven days after the last one
}

// MaxName is how much of a reader's name is kept, in bytes.
const MaxName = 200

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
		{&r.Name, &later.Name}, {&r.Zone, &later.Zone}, {&r.Language, &later.Language},
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
}

// ImportFault is a line that was not imported.
type ImportFault struct {
	Line int
	Why  string // one sentence
}

// ImportResult counts what became of the rows; every row is in exactly one of
// the counts or among the faults.
type ImportResult struct {
	Added      int // on the list now
	Updated    int // were on the list, something changed
	Unchanged  int // were on the list, nothing changed
	Suppressed int // the address gets no mail: bounced, complained or erased
	Left       int // left the list, or everything, and stay away
	Repeated   int // the address stood on an earlier line, which this one amends
	Faults     []ImportFault
}

// Add sums up the result of another portion of the same file.
func (r *ImportResult) Add(more ImportResult) {
	r.Added += more.Added
	r.Updated += more.Updated
	r.Unchanged += more.Unchanged
	r.Suppressed += more.Suppressed
	r.Left += more.Left
	r.Repeated += more.Repeated
	r.Faults = append(r.Faults, more.Faults...)
}

// Listed is a reader on a list, with all that an export of the list shows.
type Listed struct {
	Reader
	Subscription
	Suppressed string    // the reason why no mail goes to the address; empty: none
	Choices    []Choices // one for each digest the reader chose something for
}
