package digest

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// SubscriptionState is the state of a reader's place on a list.
type SubscriptionState string

// The states of a subscription.
const (
	SubscriptionPending      SubscriptionState = "pending" // waits for confirmation
	SubscriptionActive       SubscriptionState = "active"
	SubscriptionUnsubscribed SubscriptionState = "unsubscribed"
)

// Frequency says how often a reader wants a digest.
type Frequency string

// The frequencies.
const (
	EveryEdition Frequency = "every"
	Daily        Frequency = "daily"  // at most one edition a local day
	Weekly       Frequency = "weekly" // the first edition on or after Weekday
)

// ParseFrequency reads a frequency as a CSV file or form has it. Empty is
// EveryEdition.
func ParseFrequency(s string) (Frequency, error) {
	switch f := Frequency(strings.ToLower(strings.TrimSpace(s))); f {
	case "", "all", EveryEdition:
		return EveryEdition, nil
	case Daily, Weekly:
		return f, nil
	}
	return "", fmt.Errorf("frequency %q is not one of every, daily, weekly, weekly:monday", s)
}

// Reader is a person with an address. An erased reader has an empty Address.
type Reader struct {
	ID       ReaderID
	Address  string
	Name     string
	Language string // BCP 47; empty: the digest's
	Zone     string // IANA name; empty: the digest's
}

// Subscription is a reader's place on a list.
type Subscription struct {
	Reader  ReaderID
	List    string
	State   SubscriptionState
	Consent string // where it came from: "import of readers.csv", "form", "api"
	Since   time.Time
	EndedAt time.Time // zero: has not ended
}

// Choices is what one reader chose for one digest. The zero value gets every
// edition with all of the digest's categories.
type Choices struct {
	Reader      ReaderID
	Digest      string
	LeftAt      time.Time // zero: has not left
	Frequency   Frequency
	Weekday     time.Weekday // for Weekly ...
	OnWeekday   bool         // ... and whether one was named; else seven days after the last one
	Categories  []string     // nil: all
	PausedUntil time.Time    // zero: not paused
	PausedWhy   string
	Since       time.Time
}

// UndoFor is how long a reader can take leaving back.
const UndoFor = 28 * 24 * time.Hour

// ErrNotFound says that no such row exists (any more).
var ErrNotFound = errors.New("not found")

// Standing is how one reader stands to the digest of one delivery: what the
// unsubscribe page shows.
type Standing struct {
	Reader           ReaderID
	Address          string // empty: erased
	Name             string
	Language         string // the reader's, else the edition's
	Digest           string
	Title            string    // of the digest
	LeftAt           time.Time // left this digest; zero: has not
	AllLeftAt        time.Time // left everything; zero: has not
	PausedUntil      time.Time // zero: not paused
	Frequency        Frequency
	Weekday          time.Weekday
	Categories       []string // chosen; nil: all
	DigestCategories []string // what the digest offered in that edition
}

// Leaving is what a reader does on the way out, or instead of it. Exactly one
// of Everything, Weekly, PauseUntil and Categories is set; none of them means
// leaving the digest of the delivery.
type Leaving struct {
	At         time.Time
	How        string // "one-click", "page", "mail"
	Reason     string // the reader's own words; empty: none given
	Everything bool   // end all subscriptions
	Weekly     bool   // stay, but weekly
	PauseUntil time.Time
	Categories []string // stay, with these only
}

// MaxAddress is the longest address taken, RFC 5321 section 4.5.3.1.3 less
// the angle brackets.
const MaxAddress = 254

var errAddress = errors.New("an address looks like name@example.org")

// ParseAddress cleans one bare mail address: the part before the @ is kept
// as it is, the domain is lower-cased. Control characters, spaces, angle
// brackets, quotes, a missing part or too great a length are refused, so
// nothing can be smuggled into a header or an SMTP command.
func ParseAddress(s string) (string, error) {
	s = strings.TrimSpace(s)
	at := strings.LastIndexByte(s, '@')
	if at < 1 || at == len(s)-1 {
		return "", errAddress
	}
	local, domain := s[:at], strings.ToLower(strings.TrimSuffix(s[at+1:], "."))
	switch {
	case !utf8.ValidString(s):
		return "", errors.New("the address is not valid UTF-8")
	case len(local)+1+len(domain) > MaxAddress: // some letters are longer in lower case
		return "", fmt.Errorf("the address is longer than %d characters", MaxAddress)
	case len(local) > 64: // RFC 5321 section 4.5.3.1.1
		return "", errors.New("the part before the @ is longer than 64 characters")
	case strings.ContainsFunc(s, notInAddress):
		return "", errors.New("the address holds a space, a quote, a bracket or a control character")
	case strings.Contains(local, "@"):
		return "", errors.New("the address has an @ too many")
	case strings.HasPrefix(local, ".") || strings.HasSuffix(local, ".") || strings.Contains(local, ".."):
		return "", errors.New("the part before the @ has a dot too many")
	case !validDomain(domain):
		return "", fmt.Errorf("%q is not a mail domain", domain)
	}
	return local + "@" + domain, nil
}

// notInAddress refuses what RFC 5322 section 3.2.3 leaves out of a dot-atom.
// Quoted local parts are legal but no live mailbox needs one, and they are
// the way in for injection.
func notInAddress(r rune) bool {
	return r == ' ' || !unicode.IsPrint(r) || strings.ContainsRune(`<>()[]\,;:"`, r)
}

func validDomain(d string) bool {
	if len(d) > 253 || !strings.Contains(d, ".") && d != "localhost" {
		return false
	}
	for label := range strings.SplitSeq(d, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' ||
			strings.ContainsFunc(label, notInLabel) {
			return false
		}
	}
	return true
}

func notInLabel(r rune) bool {
	return r < 0x80 && (r < '0' || r > '9') && (r < 'a' || r > 'z') && r != '-' && r != '_'
}

// Domain is the part of an address behind the last @, lower-cased.
func Domain(address string) string {
	return strings.ToLower(address[strings.LastIndexByte(address, '@')+1:])
}

// Masked shows an address without giving it away: "a…e@example.org".
func Masked(address string) string {
	at := strings.LastIndexByte(address, '@')
	if at < 1 {
		return "…"
	}
	first, size := utf8.DecodeRuneInString(address)
	last, _ := utf8.DecodeLastRuneInString(address[:at])
	if size >= at {
		return string(first) + "…" + address[at:]
	}
	return string(first) + "…" + string(last) + address[at:]
}

// terminal is what steers a terminal: colours, the cursor, a window's title
// (ECMA-48 section 5.4 and 5.6).
var terminal = regexp.MustCompile("(?:\x1b\\[|\u009b)[0-?]*[ -/]*[@-~]|\x1b\\][^\x07\x1b\r\n]*(?:\x07|\x1b\\\\)")

// PlainLine is s as one line of text that may stand in a header or a list:
// control characters and line breaks become spaces, white space collapses,
// commands to terminals, invisible direction overrides, hyphens, joiners in
// scripts that don't join, spaces of no width and letters that
// nobody sees go, and so do accents in heaps that would be drawn over other
// lines. At most max bytes are kept, cut at a character.
func PlainLine(s string, max int) string {
	if len(s) <= max && isPlainLine(s) {
		return s
	}
	s = strings.ToValidUTF8(s, "\uFFFD")
	if strings.ContainsAny(s, "\x1b\u009b") {
		s = terminal.ReplaceAllString(s, "")
	}
	var marks stack
	var before rune
	s = strings.Map(func(r rune) rune {
		last := before
		before = r
		switch {
		case unseen(last, r):
			before = last
			return -1
		case r >= 0x300 && !marks.holds(r):
			return -1
		case r < 0x300:
			marks = stack{}
		}
		switch {
		case r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 || r == 0x2028 || r == 0x2029:
			return ' '
		case r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 || r == 0xfeff || r == 0x00ad || r == 0x200b || r == 0x2060:
			return -1
		}
		return r
	}, s)
	s = strings.Join(strings.Fields(s), " ")
	if len(s) <= max {
		return s
	}
	for max > 0 && !utf8.RuneStart(s[max]) {
		max--
	}
	return strings.TrimSpace(s[:max])
}

// isPlainLine says of most lines that are plain already that they are. It
// knows the characters below the first mark, and the quotation marks and
// dashes that print has.
func isPlainLine(s string) bool {
	before := ' '
	for _, r := range s {
		if r == ' ' && before == ' ' || r < ' ' || r > '~' && r <= 0xa0 || r == 0xad || r >= 0x300 && (r < 0x2010 || r > 0x2027) {
			return false
		}
		before = r
	}
	return before != ' ' || s == ""
}

// unseen tells letters that draw nothing of their own where nothing before
// them makes use of them: tags spell a flag behind a black one (UTS 51, annex
// C), and are a secret writing elsewhere; the second block of variation
// selectors picks a form of a Chinese character (UTS 37).
func unseen(before, r rune) bool {
	switch {
	case r >= 0xe0000 && r <= 0xe007f:
		return before != 0x1f3f4 && (before < 0xe0020 || before > 0xe007e)
	case r >= 0xe0100 && r <= 0xe01ef:
		return !unicode.Is(unicode.Han, before)
	case r == 0x180e: // a Mongolian vowel's separator
		return !unicode.Is(unicode.Mongolian, before)
	case r == 0x200d: // joins emoji, and letters from Arabic to the scripts of India
		return before < 0x0590 && before != 0xa9 && before != 0xae || unicode.In(before, unicode.Latin, unicode.Greek, unicode.Cyrillic)
	}
	return false
}

// stack counts the combining marks on one character.
type stack struct{ any, common int }

// Written languages stack few marks: Vietnamese two, vocalized Arabic three,
// Hebrew with its accents five, Tibetan six. Those that go with every script,
// of which heaps are made, are needed least.
const (
	mostMarks       = 6
	mostCommonMarks = 4
)

// holds takes the next character, and says whether it may stand there.
func (s *stack) holds(r rune) bool {
	switch {
	case unicode.Is(unicode.Cf, r): // a joiner draws nothing and parts nothing
		return true
	case !unicode.In(r, unicode.Mn, unicode.Me):
		*s = stack{}
		return true
	}
	common := unicode.Is(unicode.Inherited, r)
	if s.any >= mostMarks || common && s.common >= mostCommonMarks {
		return false
	}
	if s.any++; common {
		s.common++
	}
	return true
}
