package digest

import (
	"strings"
	"time"
)

// DomainOf is the mail domain of an address, as the ledger compares it: what
// stands behind the last @, with ASCII letters in lower case. Domains are
// registered in ASCII (RFC 5891 section 4.4), so that no other case matters.
func DomainOf(address string) string {
	domain := address[strings.LastIndexByte(address, '@')+1:]
	for i := 0; i < len(domain); i++ {
		if c := domain[i]; c >= 'A' && c <= 'Z' {
			return lowerASCII(domain)
		}
	}
	return domain
}

func lowerASCII(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + ('a' - 'A')
		}
		return r
	}, s)
}

// DomainChoice narrows a claim by mail domain. The zero value takes all.
type DomainChoice struct {
	Only   string   // this one; empty: any
	Except []string // none of these
}

// Circuit is a mail domain that is left alone for a while, because it said
// again and again that it takes nothing now, or that it does not want us.
type Circuit struct {
	Domain   string
	Class    Class         // ClassThrottled or ClassBlocked
	Said     string        // the server's words
	Openings int           // in a row, without an accepted mail in between
	Left     time.Duration // until one mail may try, by the database's clock; not positive: now
	Probing  bool          // somebody is trying
	Since    time.Time     // of this opening
}

// LeftAlone is a circuit with what waits for it.
type LeftAlone struct {
	Circuit
	Waiting int // deliveries of its domain that are queued
}

// Walk is how far a claim went through an edition.
type Walk struct {
	Work    []Work
	Through ReaderID // the last reader it looked at
	End     bool     // there is nobody behind
}

// DueWalk is how far a claim went through what is due.
type DueWalk struct {
	Work  []Work
	Until time.Time // up to when what came due was looked at
	End   bool      // nothing came due after that
}

// Budget is a limit of a relay, as all processes share it.
type Budget struct {
	Messages int
	Per      time.Duration
}

// Lease is a part of a relay's budgets that one process may spend.
type Lease struct {
	Messages int
	Wait     time.Duration // where there is none: until some may be had
	By       Budget        // ... and the limit that takes so long
}
