package digest

import "time"

// FullPage is what Courant remembers of a page behind a feed's items. It was
// asked for by whichever item came first and serves all of them.
type FullPage struct {
	Page    string    // CanonicalURL of the link
	Reading *Article  // what stood there; nil: it was not read
	Tries   int       // how often it was asked for
	Again   time.Time // not asked for before; zero: never again
}

// Settled says that the page will not be asked for again.
func (p FullPage) Settled() bool { return p.Reading != nil || p.Tries > 0 && p.Again.IsZero() }
