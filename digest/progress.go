package digest

import (
	"cmp"
	"slices"
	"time"
)

// Lately is the time over which a rate is taken: long enough to be calm, short
// enough to show a change.
const Lately = 10 * time.Second

// Share is how many deliveries of one edition are alike, and what they have in
// common.
type Share struct {
	Edition  EditionID
	State    DeliveryState
	Class    Class  // what the last reply meant; empty: none, or a good one
	Lane     LaneID // in whose hands; zero: in nobody's
	Deferred bool   // queued, and not to be sent before a time: after an attempt, or while its mail domain is left alone
	N        int
	Attempts int       // the most that one of them has behind it
	Next     time.Time // when the first of them may be tried; zero: now
	Said     string    // the server's words for one of them
	Waiting  time.Time // since when the longest waits: its slot, or its publication
	First    time.Time // when the first of them was settled; zero: none
	Last     time.Time // when the last of them was settled; zero: none
	Lately   int       // how many of them were settled within Lately
}

// Progress is how far an edition is, at one moment by the database's clock.
type Progress struct {
	Edition  Edition
	Finished time.Time // zero: it is not
	At       time.Time
	Shares   []Share
	Moved    Travelled // of an edition of readers' zones
}

// Process is one that holds lanes.
type Process struct {
	Owner string
	Host  string
	Lanes []LaneID
	Lease time.Duration // what is left of it; negative: it is over
}

// Sum adds up the deliveries that a rule picks.
func (p Progress) Sum(picked func(Share) bool) int {
	n := 0
	for _, s := range p.Shares {
		if picked(s) {
			n += s.N
		}
	}
	return n
}

// Tally counts the deliveries by state; deferred ones are queued.
func (p Progress) Tally() Tally {
	t := Tally{}
	for _, s := range p.Shares {
		t[s.State] += s.N
	}
	return t
}

// Deferred is how many are queued and wait for their time.
func (p Progress) Deferred() int { return p.Sum(func(s Share) bool { return s.Deferred }) }

// InHands is how many of them a process's lanes hold.
func (p Progress) InHands(of Process) int {
	return p.Sum(func(s Share) bool { return s.Lane != 0 && slices.Contains(of.Lanes, s.Lane) })
}

// Rate is how many deliveries a second came to an end lately. Zero: none did,
// or the edition is finished.
func (p Progress) Rate() float64 {
	n, first := 0, time.Time{}
	for _, s := range p.Shares {
		if s.State == Queued || s.Lately == 0 {
			continue
		}
		n += s.Lately
		if first.IsZero() || s.First.Before(first) {
			first = s.First
		}
	}
	if n == 0 || !p.Finished.IsZero() {
		return 0
	}
	// An edition that has just begun is judged by the time it had.
	return float64(n) / min(max(p.At.Sub(first), time.Second), Lately).Seconds()
}

// ETA is how long the edition takes at the rate of now, without what is
// deferred; ok where that can be told.
func (p Progress) ETA() (left time.Duration, ok bool) {
	rate := p.Rate()
	n := p.Tally().Unfinished() - p.Deferred()
	if rate == 0 || p.Edition.State != EditionSending {
		return 0, false
	}
	return time.Duration(float64(n) / rate * float64(time.Second)), true
}

// LastAccepted is when the relay took the last mail; zero: it took none.
func (p Progress) LastAccepted() time.Time {
	var last time.Time
	for _, s := range p.Shares {
		if s.State == Accepted && s.Last.After(last) {
			last = s.Last
		}
	}
	return last
}

// Waiting is since when the longest of the queued deliveries waits; zero: none
// is queued.
func (p Progress) Waiting() time.Time {
	var since time.Time
	for _, s := range p.Shares {
		if s.State == Queued && (since.IsZero() || s.Waiting.Before(since)) {
			since = s.Waiting
		}
	}
	return since
}

// Complaints are the shares about which the server said something that a
// person should read: deferred, refused and in doubt, the most frequent first.
func (p Progress) Complaints() []Share {
	var list []Share
	for _, s := range p.Shares {
		if !s.Deferred && s.State != Refused && s.State != InDoubt {
			continue
		}
		i := slices.IndexFunc(list, func(t Share) bool { return t.State == s.State && t.Class == s.Class })
		if i < 0 {
			list = append(list, s)
			continue
		}
		list[i].N += s.N
		list[i].Attempts = max(list[i].Attempts, s.Attempts)
	}
	slices.SortStableFunc(list, func(a, b Share) int {
		return cmp.Or(cmp.Compare(b.N, a.N), cmp.Compare(a.State, b.State), cmp.Compare(a.Class, b.Class))
	})
	return list
}

// Posted is a row of the ledger with the address it is for: what was made of
// one reader's mail of one edition.
type Posted struct {
	Ref
	Digest    string
	Number    int // of the edition; zero: a proof
	Slot      time.Time
	Address   string // empty: the reader was erased
	State     DeliveryState
	Deferred  bool // queued, and not to be sent before NotBefore
	Attempts  int
	Resends   int
	Reply     string
	Class     Class
	NotBefore time.Time // zero: not deferred
	SettledAt time.Time // zero: not settled
	MessageID string    // empty: nothing was about to be sent
}

// Sieve says which rows of the ledger are asked for; a zero field asks for all.
type Sieve struct {
	State    DeliveryState
	Deferred bool // of those that are queued, only those that wait for their time
	Class    Class
	Reader   ReaderID
}

// RelayCount is what one process did by one relay since it started.
type RelayCount struct {
	Relay    string
	Attempts map[Verdict]int
	Rate     float64 // accepted a second since the last look; negative: this is the first
}
