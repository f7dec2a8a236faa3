package digest

import (
	"fmt"
	"strings"
	"time"
)

// EventKind says what happened to a reader.
type EventKind string

// The kinds of event. The log of them is append-only: it proves consent, and
// tells what was in force when an edition went out.
const (
	EventImported   EventKind = "imported"        // put on a list by an editor
	EventUpdated    EventKind = "updated"         // name, zone, language or choices changed by an editor
	EventRemoved    EventKind = "removed"         // taken off a list by an editor
	EventLeft       EventKind = "left"            // left a digest
	EventLeftAll    EventKind = "left everything" // left all lists
	EventWeekly     EventKind = "weekly"          // stayed, but weekly
	EventPaused     EventKind = "paused"
	EventResumed    EventKind = "resumed"    // a pause was ended before its time
	EventCategories EventKind = "categories" // stayed, with fewer categories
	EventUndone     EventKind = "undone"     // took the last leaving back
	EventSuppressed EventKind = "suppressed" // the address gets no more mail
	EventMerged     EventKind = "merged"     // the list was merged into another, and the reader came along
	EventConfirmed  EventKind = "confirmed"  // said yes to a sign-up, by a letter
	EventErased     EventKind = "erased"
	EventMoved      EventKind = "moved"     // came to another time zone
	EventForgotten  EventKind = "forgotten" // the address went some time after leaving everything
)

// Leaves says whether the event is one that Undo can take back.
func (k EventKind) Leaves() bool {
	switch k {
	case EventLeft, EventLeftAll, EventWeekly, EventPaused, EventCategories:
		return true
	}
	return false
}

// Event is one line of a reader's history.
type Event struct {
	ID     int64
	At     time.Time
	Kind   EventKind
	Digest string   // the digest it was about; empty: all
	List   string   // the list it was about; empty: none
	Merged string   // for EventMerged: the list that was merged into it
	How    string   // "one-click", "page", "mail", "import of readers.csv"
	Reason string   // the reader's own words, or a server's
	Undoes int64    // for EventUndone: the event taken back
	Before *Choices // for digest Digest, before a reader's own change of them; nil: not known
	From   string   // for EventMoved: the zone that was left ...
	To     string   // ... and the one come to; empty: the digest's own
}

// Account is all that the rows tell about one reader and a period.
type Account struct {
	Reader        Reader
	Erased        bool
	LeftAt        time.Time // left everything; zero: has not
	Suppressed    string    // why the address gets no mail; empty: it does
	SuppressedAt  time.Time
	Subscriptions []Subscription
	EndedAt       map[string]time.Time // by list: when an unsubscribed one ended
	Choices       []Choices
	Events        []Event   // all of them, oldest first
	Entries       []Entry   // the period's editions, oldest first
	Skipped       []Slot    // the period's slots that no edition answered
	From, To      time.Time // the period: From <= instant < To
	At            time.Time // when the rows were read, by the database's clock
	Zone          string    // the reader's as editions know it; empty: each digest's own
	Following     bool      // moved, and no clock has looked yet whether an edition passed by on the way
}

// Entry is what one edition of a digest meant for one reader.
type Entry struct {
	Edition   Edition
	Lists     []string        // whose readers the edition was for
	Firsts    map[string]Date // by list: the digest's first day for it; empty: not known
	State     DeliveryState   // empty: there is no delivery for the reader
	Reply     string          // the server's last words, or why it was cancelled
	Reason    string          // why there was no mail; empty: there was, or will be
	Attempts  int
	Resends   int
	NotBefore time.Time // when a deferred delivery is tried again; zero: now
	SettledAt time.Time // zero: not settled
	MessageID string
	Variant   VariantID // zero: none
	Stories   []Told    // in order
	LeftOut   []LeftOut
	Empty     string // why readers with these choices got none: the variant's reason
	Recorded  bool   // publishing wrote down who got none for that reason, so nobody else did
	Gone      bool   // the ledger's rows of that time are no longer kept
	// Of an edition of readers' zones: the digest's own zone, how the edition
	// came to the zones that the reader was in, the first first, and when its
	// wall clock is shown in the reader's zone of now.
	Home     string
	Openings []Opening
	First    time.Time // when the first zone of all opened or skipped it
	Due      time.Time
}

// Began is by which subscription the reader has got an edition for longest: since
// when, and the digest's first day for its list. Zero: by none.
func (a Account) Began(lists []string, firsts map[string]Date) (since time.Time, first Date) {
	var least time.Time
	for _, s := range a.Subscriptions {
		if s.State != SubscriptionActive || !contains(lists, s.List) {
			continue
		}
		day := firsts[s.List]
		later := s.Since
		if day != (Date{}) {
			if at := time.Date(day.Year, day.Month, day.Day, 0, 0, 0, 0, time.UTC); at.After(later) {
				later = at
			}
		}
		if since.IsZero() || later.Before(least) || later.Equal(least) && s.Since.Before(since) {
			since, first, least = s.Since, day, later
		}
	}
	return since, first
}

// Missed says why the edition made no delivery for the reader: what was in
// force when it was published. Where the rows no longer tell, it says so.
func (a Account) Missed(e Entry) string {
	t := a.turn(e)
	if e.Recorded && e.Empty != "" && !(t.why != "" && t.due.After(a.At)) {
		return e.Empty // was in the audience, whatever was changed since
	}
	for _, why := range []string{
		a.notSubscribed(e.Lists, t.at), a.leftBy(e.Edition.Digest, t.at), a.suppressedBy(t.at), a.resting(e.Edition, t.at), t.why, e.untold(),
	} {
		if why != "" {
			return why
		}
	}
	return "not in the audience when the edition was published; the rows do not tell why"
}

// untold is why an entry without a delivery has none, by its rows alone.
func (e Entry) untold() string {
	if e.Gone {
		return "the ledger of that time is no longer kept: it does not tell who got the edition"
	}
	return e.Empty
}

func (a Account) notSubscribed(lists []string, at time.Time) string {
	why := "not on the list " + strings.Join(lists, " or ")
	if len(lists) > 1 {
		why = "not on the lists " + strings.Join(lists, " or ")
	}
	for _, e := range a.Events {
		if e.Kind == EventMerged && contains(lists, e.Merged) {
			lists = append(lists[:len(lists):len(lists)], e.List) // where the reader came along to
		}
	}
	for _, s := range a.Subscriptions {
		if !contains(lists, s.List) {
			continue
		}
		switch ended := a.EndedAt[s.List]; {
		case s.Since.After(at):
			why = fmt.Sprintf("not subscribed yet: on the list %s since %s", s.List, stamp(s.Since))
		case s.State == SubscriptionPending:
			why = fmt.Sprintf("has not confirmed the subscription to the list %s", s.List)
		case s.State == SubscriptionUnsubscribed && !ended.After(at):
			why = fmt.Sprintf("off the list %s since %s", s.List, stamp(ended))
		default:
			return ""
		}
	}
	return why
}

// leftBy tells the last leaving before at that was not taken back before at.
func (a Account) leftBy(digest string, at time.Time) string {
	undone := map[int64]time.Time{}
	for _, e := range a.Events {
		if e.Kind == EventUndone && !e.At.After(at) {
			undone[e.Undoes] = e.At
		}
	}
	for i := len(a.Events) - 1; i >= 0; i-- {
		e := a.Events[i]
		if _, back := undone[e.ID]; back || e.At.After(at) {
			continue
		}
		switch {
		case e.Kind == EventLeftAll:
			return "left everything on " + stamp(e.At)
		case e.Kind == EventLeft && e.Digest == digest:
			return fmt.Sprintf("left %s on %s", digest, stamp(e.At))
		case e.Kind.Leaves() && e.Digest == digest:
			return "" // chose to stay, after whatever came before
		}
	}
	return ""
}

func (a Account) suppressedBy(at time.Time) string {
	if a.Suppressed == "" || a.SuppressedAt.After(at) {
		return ""
	}
	return fmt.Sprintf("the address gets no mail since %s: %s", stamp(a.SuppressedAt), a.Suppressed)
}

// resting tells of choices that skip an edition.
func (a Account) resting(e Edition, at time.Time) string {
	for _, c := range a.Choices {
		if c.Digest != e.Digest {
			continue
		}
		switch c = a.chosenAt(c, at); {
		case c.PausedUntil.After(at):
			return "paused until " + stamp(c.PausedUntil)
		case c.Frequency == Weekly:
			return "reads it weekly, and this was not the week's edition"
		case c.Frequency == Daily:
			return "reads it once a day, and had that day's edition"
		}
	}
	return ""
}

// chosenAt is what choices were at a moment: what the reader's first change since
// then says was there before.
func (a Account) chosenAt(c Choices, at time.Time) Choices {
	for _, e := range a.Events {
		if e.Before != nil && e.Digest == c.Digest && e.At.After(at) {
			return *e.Before
		}
	}
	return c
}

// AlreadySent begins the reason of a story that the reader had before; Where
// says in which edition.
const AlreadySent = "already sent"

// BeforeWindow is the reason of a story that is none of a reader's own window, but
// of another reader's.
const BeforeWindow = "first seen before this reader's window"

// Where is the edition as the reason of what it told: " on 2026-11-20 in
// Morning Brief no. 12". The day is that of local, its instant in its zone.
func (e Edition) Where(local time.Time) string {
	name := e.Title
	if name == "" {
		name = e.Digest
	}
	where := fmt.Sprintf(" on %s in %s", local.Format(time.DateOnly), name)
	if e.Number > 0 {
		where += fmt.Sprintf(" no. %d", e.Number)
	}
	return where
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }
