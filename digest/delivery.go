package digest

import (
	"errors"
	"fmt"
	"time"
)

// DeliveryState is the state of one reader's row in the ledger.
type DeliveryState string

// The states of a delivery. Deferred is Queued with attempts behind it and a
// NotBefore ahead.
const (
	Queued     DeliveryState = "queued"
	Claimed    DeliveryState = "claimed"
	Sending    DeliveryState = "sending"
	Accepted   DeliveryState = "accepted"
	Refused    DeliveryState = "refused"
	InDoubt    DeliveryState = "in doubt"
	Bounced    DeliveryState = "bounced"
	Complained DeliveryState = "complained"
	Cancelled  DeliveryState = "cancelled"
	Expired    DeliveryState = "expired"
)

var deliveryMoves = map[DeliveryState][]DeliveryState{
	// The reports are about the first copy of what waits to be sent again.
	Queued:   {Claimed, Cancelled, Expired, Accepted, Bounced, Complained},
	Claimed:  {Sending, Queued, Refused, Cancelled, Expired, Accepted, Bounced, Complained},
	Sending:  {Accepted, Refused, InDoubt, Queued},
	InDoubt:  {Accepted, Bounced, Complained, Queued},
	Accepted: {Bounced, Complained},
	Bounced:  {Complained},
}

// DeliveryStates lists every state of a delivery.
func DeliveryStates() []DeliveryState {
	return []DeliveryState{Queued, Claimed, Sending, Accepted, Refused, InDoubt, Bounced, Complained, Cancelled, Expired}
}

// May says whether a delivery may go from s to next.
func (s DeliveryState) May(next DeliveryState) bool { return contains(deliveryMoves[s], next) }

// Had says whether a reader in this state counts as having the stories: the
// mail arrived, or may have. Queued, refused, cancelled and expired do not.
func (s DeliveryState) Had() bool {
	switch s {
	case Claimed, Sending, Accepted, InDoubt, Bounced, Complained:
		return true
	}
	return false
}

// Final says that Courant will not touch the delivery again by itself.
func (s DeliveryState) Final() bool {
	switch s {
	case Queued, Claimed, Sending:
		return false
	}
	return true
}

// Ref names a delivery: one edition, one reader, one row.
type Ref struct {
	Edition EditionID
	Reader  ReaderID
}

// Recipient is all that the personal parts of one mail are made from.
type Recipient struct {
	Ref
	Variant VariantID
	Digest  string
	Address string
	Name    string
	Since   time.Time // when the reader joined the list that brings this digest
	First   Date      // the digest's first day for that list; zero: not known
	Weekly  bool      // the reader chose one edition a week
	KeyID   byte      // the token key of the edition, so that a retry makes the same links
}

// Began is when the reader began to get the digest, on a clock: on the day of
// joining, or on the digest's first, where that came later. Zero: not known.
func (r Recipient) Began(loc *time.Location) time.Time {
	since := r.Since.In(loc)
	if r.Since.IsZero() || r.First.Compare(DateOf(since)) <= 0 {
		return since
	}
	return time.Date(r.First.Year, r.First.Month, r.First.Day, 12, 0, 0, 0, loc)
}

// Work is a claimed delivery in the hands of a lane.
type Work struct {
	Recipient
	Seq      int  // the number of the lane's claim it came with
	Attempts int  // made before this one
	Late     bool // past its time, by the database's clock
	Resends  int  // how often it was already sent again out of doubt
}

// Lane is one connection of one process, under a lease by the database's
// clock. A lane whose fence moved on has lost its rows.
type Lane struct {
	ID    LaneID
	Fence int64
}

// LaneRef names a delivery in the hands of a lane. One lane can lose a delivery
// to another of its own process, so a Ref alone does not say who may send it.
type LaneRef struct {
	Lane Lane
	Ref  Ref
}

// ErrLaneLost says that a lane is not the caller's any more: its lease is over,
// or its fence moved on.
var ErrLaneLost = errors.New("the lane is lost")

// Owner names the process that holds lanes.
type Owner struct {
	ID      string // random, one per process
	Host    string // so that others know whether its journal can be here
	Boot    string // identity of this boot of the host; a journal from before it is not complete
	Journal string // path of the journal file
}

// Overdue is which processes' leases are over, and when that was seen.
type Overdue struct {
	At     time.Time // by the database's clock
	Server time.Time // since when the database server runs
	Owners []Owner
}

// Intent asks for leave to send: the deliveries of one claim that a lane will
// hand over next, in that order.
type Intent struct {
	Lane       Lane
	Seq        int // the number of the claim
	Refs       []Ref
	MessageIDs []string // of the same deliveries
}

// Stranded is a row in the hands of a lane that was lost.
type Stranded struct {
	Lane  LaneID
	Ref   Ref
	State DeliveryState // Claimed or Sending
	Seq   int           // the number of the claim it came with
}

// Salvage is what becomes of a stranded row that was sending.
type Salvage struct {
	Ref     Ref
	State   DeliveryState // Accepted, Refused, InDoubt or Queued
	Reply   string
	Status  string // enhanced status of the reply, where GoneAtOnce has to know it
	Class   Class
	Attempt bool // an attempt was made
}

// Settlement is the end of one attempt on its way to the ledger.
type Settlement struct {
	Lane    Lane
	Seq     int // the number of the claim it came with
	Ref     Ref
	Outcome Outcome
	RetryIn time.Duration // for Deferred: how long to wait, by the database's clock
	// Withdrawn says that the mail never left although its intent stood: the
	// reader left, or the intent grew too old. It counts as no attempt.
	Withdrawn bool
}

// Attempt is how one attempt went: what the log and the figures are told.
type Attempt struct {
	Work      Work
	Relay     string // host:port
	Outcome   Outcome
	Took      time.Duration
	Withdrawn bool // the mail never left, and it counts as no attempt
}

// State is what a settled outcome makes of a delivery.
func (s Settlement) State() DeliveryState {
	if s.Withdrawn {
		return Queued
	}
	switch s.Outcome.Verdict {
	case VerdictAccepted:
		return Accepted
	case VerdictRefused:
		return Refused
	case VerdictInDoubt:
		return InDoubt
	}
	return Queued
}

// Remainder is what a worked-off ledger still holds.
type Remainder struct {
	Due      int           // may be claimed now
	Deferred int           // wait for their time
	Held     int           // in editions that are held
	Claimed  int           // in the hands of lanes
	Next     time.Duration // until the first deferred one is due; zero: none
	Said     string        // the words of the server for one that is deferred
}

// Total is how many deliveries are left.
func (r Remainder) Total() int { return r.Due + r.Deferred + r.Held + r.Claimed }

// Tally counts deliveries by state.
type Tally map[DeliveryState]int

// Unfinished is how many deliveries are still to be worked on.
func (t Tally) Unfinished() int { return t[Queued] + t[Claimed] + t[Sending] }

// Total is how many deliveries there are: the fan-out.
func (t Tally) Total() int {
	n := 0
	for _, c := range t {
		n += c
	}
	return n
}

// String names the states that occur, in the order of their life.
func (t Tally) String() string {
	s := ""
	for _, state := range DeliveryStates() {
		if n := t[state]; n > 0 {
			s += fmt.Sprintf(", %d %s", n, state)
		}
	}
	if s == "" {
		return "nothing"
	}
	return s[2:]
}
