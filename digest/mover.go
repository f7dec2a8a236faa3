package digest

import (
	"fmt"
	"time"
)

// Opening is how an edition of readers' zones came to one zone.
type Opening struct {
	Zone    string
	Instant time.Time // when it was due there
	State   SlotState
	Reason  string    // why it was skipped there
	Decided time.Time // when it was opened or skipped there; zero: not yet
}

// MostApart is how far apart two zones show the same wall clock: so long does
// an edition of readers' zones open, and so far back lies one that passed a
// reader by on the way from zone to zone.
const MostApart = 26 * time.Hour

// Movers are readers who came to another zone and of whom no clock has looked
// yet whether an edition passed them by.
type Movers struct {
	Readers int
	Since   time.Time // when the first of them moved; zero: there is none
	Zones   []string  // where they are now; empty: the digest's own
}

// Travelled counts the readers who moved while an edition opened from zone to zone.
type Travelled struct {
	Before   int // had it, or are about to, by the zone they left
	Ahead    int // got it at its hour in the zone they came to
	Followed int // came to their zone when its hour there was over
	Without  int // have no delivery of it: its hour is ahead, or something else keeps them from it
}

// in is a reader's zone as the edition knows it.
func (e Entry) in(zone string) string {
	if zone == "" {
		return e.Home
	}
	return zone
}

// opening is how the edition came to a zone.
func (e Entry) opening(zone string) (Opening, bool) {
	for _, o := range e.Openings {
		if o.Zone == e.in(zone) {
			return o, true
		}
	}
	return Opening{}, false
}

// zoneAt is the reader's zone at a moment; empty: the digest's own.
func (a Account) zoneAt(at time.Time) string {
	if m, ok := a.moveAfter(at); ok {
		return m.From
	}
	return a.Zone
}

// moveAfter is the reader's first move after a moment.
func (a Account) moveAfter(at time.Time) (Event, bool) {
	for _, m := range a.Events {
		if m.Kind == EventMoved && m.From != m.To && m.At.After(at) {
			return m, true
		}
	}
	return Event{}, false
}

// arrival is the reader's first move to a zone after a moment.
func (a Account) arrival(e Entry, zone string, after time.Time) (Event, bool) {
	for m, ok := a.moveAfter(after); ok; m, ok = a.moveAfter(m.At) {
		if e.in(m.To) == zone {
			return m, true
		}
	}
	return Event{}, false
}

// opened is since when an edition is out in a zone: one that was late there was
// to be had from its instant on.
func (o Opening) opened() time.Time {
	if o.Instant.Before(o.Decided) {
		return o.Instant
	}
	return o.Decided
}

// Moved says what a move had to do with the mail that was made of an edition of
// readers' zones; empty: nothing.
func (a Account) Moved(e Entry) string {
	o, ok := e.opening(e.Edition.Zone)
	if e.State == "" || !ok || o.Decided.IsZero() {
		return ""
	}
	if e.in(a.zoneAt(o.opened())) != o.Zone {
		if m, ok := a.arrival(e, o.Zone, o.opened()); ok {
			return fmt.Sprintf("came to %s on %s, when its hour there was over: the edition followed", o.Zone, stamp(m.At))
		}
		return ""
	}
	m, ok := a.moveAfter(o.opened())
	if !ok || m.At.Sub(o.Decided) > MostApart {
		return ""
	}
	return fmt.Sprintf("opened in %s, where the reader was then; moved to %s on %s, where it does not come again", o.Zone, e.in(m.To), stamp(m.At))
}

// Turn is the zone by whose opening the reader gets an edition of readers'
// zones, or would have, and when it was due there; of any other edition, its own.
func (a Account) Turn(e Entry) (zone string, due time.Time) {
	t := a.turn(e)
	return t.zone, t.due
}

// turn is where and when it was decided whether the reader gets an edition.
type turn struct {
	zone string
	due  time.Time // in the zone
	at   time.Time // when it was decided
	why  string    // what to say where nothing kept the reader from it; empty: the rows' own words
}

// turn finds the opening that counts for a reader without a delivery. The zone
// the reader is in now goes before those of before: there it may be ahead.
func (a Account) turn(e Entry) turn {
	t := turn{zone: e.Edition.Zone, due: e.Edition.Instant, at: e.Edition.Published}
	if e.State != "" || len(e.Openings) == 0 && e.Due.IsZero() {
		return t
	}
	here := e.in(a.Zone)
	o, known := e.opening(a.Zone)
	switch {
	case !known && e.Due.After(a.At):
		return turn{here, e.Due, a.At, a.ahead(e, here)}
	case known && o.State == SlotOwed:
		return turn{here, o.Instant, a.At, "is due in " + here + " now: it is opened when the clock is looked at next"}
	case known && o.State == SlotSkipped && e.in(a.zoneAt(o.Decided)) == here:
		return turn{here, o.Instant, o.Decided, "skipped in " + here + ": " + o.Reason}
	case known && o.State == SlotPublished:
		if m, ok := a.arrival(e, here, o.Decided); ok && e.in(a.zoneAt(o.Decided)) != here && m.At.Sub(o.Decided) < MostApart {
			return turn{here, o.Instant, m.At, a.passedBy(e, m)}
		}
	}
	for _, o := range e.Openings {
		if !o.Decided.IsZero() && e.in(a.zoneAt(o.Decided)) == o.Zone {
			t = turn{o.Zone, o.Instant, o.Decided, ""}
		}
	}
	return t
}

// ahead tells when the edition comes to the zone that the reader is in.
func (a Account) ahead(e Entry, zone string) string {
	when := fmt.Sprintf("opens in %s on %s, by the clock there", zone, e.Due.Format("2 January at 15:04"))
	if m, ok := a.arrival(e, zone, e.First); ok && !e.First.IsZero() {
		return fmt.Sprintf("came to %s on %s; it %s", zone, stamp(m.At), when)
	}
	return when
}

// passedBy tells why an edition did not follow the reader to a zone where its
// hour was over.
func (a Account) passedBy(e Entry, m Event) string {
	came := fmt.Sprintf("came to %s on %s, when its hour there was over", e.in(m.To), stamp(m.At))
	switch {
	case e.Edition.State == EditionAbandoned:
		return came + ", and the edition was abandoned"
	case a.Following:
		return came + "; it is sent when the clock is looked at next"
	}
	for _, later := range a.Entries {
		if later.Edition.Digest == e.Edition.Digest && later.Edition.ID > e.Edition.ID && later.State != "" && later.Edition.Published.Sub(e.Edition.Published) < 2*MostApart {
			return fmt.Sprintf("%s; no. %d brought its stories, too", came, later.Edition.Number)
		}
	}
	return came + "; the rows do not tell why it did not follow"
}

// Concerns says whether a slot that was skipped is the reader's: in a digest of
// readers' zones one of the zone that the reader was in when it was, of which no
// edition gives the account. home is the digest's own zone; empty: not known.
func (a Account) Concerns(s Slot, skipped time.Time, home string) bool {
	if !SharedKey(s.Key) {
		return true
	}
	for _, e := range a.Entries {
		if e.Edition.Digest == s.Digest && e.Edition.Slot == s.Key {
			return false
		}
	}
	zone := a.zoneAt(skipped)
	if zone == "" {
		return home == "" || s.Zone == home
	}
	return s.Zone == zone
}

// ToCome says of an edition of readers' zones that nothing keeps the reader from
// it but the hour: it is ahead in the reader's zone.
func (a Account) ToCome(e Entry) bool {
	t := a.turn(e)
	return e.State == "" && t.why != "" && t.due.After(a.At) && a.Missed(e) == t.why
}
