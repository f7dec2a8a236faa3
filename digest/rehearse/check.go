package rehearse

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"courant/digest"
)

// Mail is one message that the sink accepted, as its log has it.
type Mail struct {
	At   time.Time // before its 250
	From string    // envelope sender
	To   string
	ID   string // Message-ID
	Size int64
}

// Row is one delivery as the ledger has it at the end.
type Row struct {
	Email      string
	State      digest.DeliveryState
	Attempts   int
	Resends    int
	MessageID  string    // empty: no intent was ever granted
	IntentAt   time.Time // of the last intent; zero: none
	Suppressed time.Time // since when the address gets no mail; zero: it may
}

// Leaving is a reader who left in mid-edition.
type Leaving struct {
	Email string
	At    time.Time // when the answer was there: committed by then
}

// Evidence is all that was seen of a rehearsal.
type Evidence struct {
	Plan         Plan
	FanOut       int // deliveries when the edition was published
	Rows         []Row
	Mails        []Mail // of the edition, in the order of the sink's log
	Disturbances []Disturbance
	Leavings     []Leaving

	Kills, Terms, Stops, PostgresKills int      // as made
	Quitters                           []string // workers that ended without being told to
	BadEnds                            []string // ends after SIGTERM that were late or no success
	TakenOver                          int      // stopped workers whose lanes another took
}

// Promise is one line of the verdict.
type Promise struct {
	Name     string   // what was promised
	Promised string   // the figure
	Seen     string   // what came of it
	Kept     bool     // the two agree
	Examples []string // of what broke it, a few
}

// mostExamples is how many examples a broken promise shows.
const mostExamples = 5

// intentAge is how old an intent may be at its dot, and lateness what a busy
// machine may add between that look at the clock and the sink's.
const (
	intentAge = 500 * time.Millisecond
	lateness  = 2 * time.Second
)

// ledger is the evidence by reader.
type ledger struct {
	*Evidence
	rows   map[string]*Row
	mails  map[string][]Mail
	faults map[string]Fault
	left   map[string]time.Time
}

// Judge holds the promises against the evidence.
func Judge(e *Evidence) []Promise {
	l := ledger{Evidence: e, rows: map[string]*Row{}, mails: map[string][]Mail{}, faults: map[string]Fault{}, left: map[string]time.Time{}}
	for i := range e.Rows {
		l.rows[e.Rows[i].Email] = &e.Rows[i]
	}
	for _, m := range e.Mails {
		l.mails[m.To] = append(l.mails[m.To], m)
	}
	for _, d := range e.Disturbances {
		l.faults[d.To] = d.Fault
	}
	for _, r := range e.Leavings {
		l.left[r.Email] = r.At
	}
	promises := []Promise{
		l.everyMailHasARow(), l.everyAcceptedRowHasAMail(), l.nobodyIsMissed(), l.copiesAreResends(), l.oneMessageID(),
		l.doubtIsBounded(), l.statesAddUp(),
	}
	if len(e.Leavings) > 0 {
		promises = append(promises, l.nobodyAfterLeaving())
	}
	if e.Plan.Faults.Refused > 0 {
		promises = append(promises, l.nobodyWhileSuppressed())
	}
	return append(promises, l.workersLast()...)
}

// promise counts what breaks a promise of none.
func promise(name string, of int, what string, broken []string) Promise {
	return Promise{
		Name: name, Promised: "0", Seen: fmt.Sprintf("%d of %d %s", len(broken), of, what),
		Kept: len(broken) == 0, Examples: broken[:min(len(broken), mostExamples)],
	}
}

// everyMailHasARow: what the sink accepted, the ledger has as accepted, or as
// in doubt. A row that was in doubt once may have ended in any way since.
func (l *ledger) everyMailHasARow() Promise {
	var broken []string
	for _, m := range l.Mails {
		r := l.rows[m.To]
		switch {
		case r == nil:
			broken = append(broken, m.To+" has no row")
		case r.Resends > 0, r.State == digest.Accepted, r.State == digest.InDoubt, r.State == digest.Bounced, r.State == digest.Complained:
		default:
			broken = append(broken, fmt.Sprintf("%s is %s", m.To, r.State))
		}
	}
	return promise("no accepted mail without a row", len(l.Mails), "mails", broken)
}

func (l *ledger) everyAcceptedRowHasAMail() Promise {
	var broken []string
	accepted := 0
	for _, r := range l.Rows {
		if r.State == digest.Accepted {
			accepted++
			if len(l.mails[r.Email]) == 0 {
				broken = append(broken, r.Email+" has no mail")
			}
		}
	}
	return promise("no row accepted without a mail", accepted, "rows", broken)
}

// nobodyIsMissed: whoever got no mail has a row that says why, and the reason
// is one that this rehearsal gave.
func (l *ledger) nobodyIsMissed() Promise {
	var broken []string
	for _, r := range l.Rows {
		if len(l.mails[r.Email]) > 0 {
			continue
		}
		_, left := l.left[r.Email]
		switch {
		case r.State == digest.InDoubt: // listed, for a person to decide
		case r.State == digest.Refused && l.faults[r.Email] == FaultRefused:
		case r.State == digest.Cancelled && left:
		case r.State == digest.Accepted: // another promise
		default:
			broken = append(broken, fmt.Sprintf("%s is %s", r.Email, r.State))
		}
	}
	return promise("nobody is missed", len(l.Rows), "readers", broken)
}

func (l *ledger) copiesAreResends() Promise {
	var broken []string
	extra := 0
	for to, mails := range l.mails {
		allowed := 1
		if r := l.rows[to]; r != nil && !l.Plan.Hold {
			allowed += min(r.Resends, 1)
		}
		extra += len(mails) - 1
		if len(mails) > allowed {
			broken = append(broken, fmt.Sprintf("%s got %d mails, at most %d", to, len(mails), allowed))
		}
	}
	slices.Sort(broken)
	p := promise("copies: 1, and 1 more of what was in doubt", len(l.mails), fmt.Sprintf("readers beyond; %d second copies", extra), broken)
	if l.Plan.Hold {
		p.Name = "nobody is mailed twice"
	}
	return p
}

func (l *ledger) oneMessageID() Promise {
	var broken []string
	for to, mails := range l.mails {
		ids := map[string]bool{}
		for _, m := range mails {
			ids[m.ID] = true
		}
		if r := l.rows[to]; r != nil && r.MessageID != "" {
			ids[r.MessageID] = true
		}
		if len(ids) != 1 || ids[""] {
			broken = append(broken, fmt.Sprintf("%s has %d Message-IDs", to, len(ids)))
		}
	}
	slices.Sort(broken)
	return promise("all copies with the ledger's Message-ID", len(l.mails), "readers", broken)
}

// doubtIsBounded: deaths leave at most one message a connection in doubt. The
// lines that the relay itself cut are doubts of another kind, one for each.
func (l *ledger) doubtIsBounded() Promise {
	ours, relays := 0, 0
	for _, r := range l.Rows {
		if r.State != digest.InDoubt && r.Resends == 0 {
			continue
		}
		if f := l.faults[r.Email]; f == FaultDropBefore || f == FaultDropAfter {
			relays++
		} else {
			ours++
		}
	}
	bound := l.Plan.Bound(l.Kills, l.Stops)
	return Promise{
		Name:     "in doubt through deaths and stops",
		Promised: l.Plan.boundAs(l.Kills, l.Stops), Seen: fmt.Sprintf("%d; %d more by lines the relay cut", ours, relays),
		Kept: ours <= bound,
	}
}

func (l *ledger) statesAddUp() Promise {
	states := map[digest.DeliveryState]int{}
	unfinished := 0
	for _, r := range l.Rows {
		states[r.State]++
		if !r.State.Final() {
			unfinished++
		}
	}
	var parts []string
	for _, s := range digest.DeliveryStates() {
		if states[s] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", states[s], s))
		}
	}
	return Promise{
		Name: "the states add up, none is open", Promised: fmt.Sprintf("%d deliveries", l.Plan.Readers),
		Seen: strings.Join(parts, ", "), Kept: len(l.Rows) == l.Plan.Readers && l.FanOut == l.Plan.Readers && len(l.rows) == len(l.Rows) && unfinished == 0,
	}
}

// nobodyAfterLeaving: no intent was committed after the leaving, and no mail
// went out on an intent that was too old.
func (l *ledger) nobodyAfterLeaving() Promise {
	var broken []string
	mailed := 0
	for _, who := range l.Leavings {
		r := l.rows[who.Email]
		if r != nil && r.IntentAt.After(who.At) {
			broken = append(broken, fmt.Sprintf("%s left %s before the intent", who.Email, r.IntentAt.Sub(who.At).Round(time.Millisecond)))
			continue
		}
		mails := l.mails[who.Email]
		if len(mails) == 0 {
			continue
		}
		mailed++
		if r != nil && r.State == digest.Cancelled && r.Resends == 0 {
			broken = append(broken, who.Email+" was mailed for all that")
			continue
		}
		// A process that stood still may send what it had begun when it wakes.
		if late := mails[len(mails)-1].At.Sub(who.At); late > intentAge+lateness && l.Stops == 0 {
			broken = append(broken, fmt.Sprintf("%s was mailed %s after leaving", who.Email, late.Round(time.Millisecond)))
		}
	}
	return promise("nobody is mailed after leaving", len(l.Leavings), fmt.Sprintf("who left; %d had their mail before", mailed-len(broken)), broken)
}

// nobodyWhileSuppressed: an address the relay does not know is not asked for
// again.
func (l *ledger) nobodyWhileSuppressed() Promise {
	var broken []string
	suppressed := 0
	for _, r := range l.Rows {
		if r.Suppressed.IsZero() {
			continue
		}
		suppressed++
		if r.IntentAt.After(r.Suppressed) {
			broken = append(broken, r.Email+" had an intent after that")
		}
	}
	return promise("nobody is mailed who is suppressed", suppressed, "suppressed", broken)
}

// workersLast: what was not killed went on by itself and ended when told to.
func (l *ledger) workersLast() []Promise {
	list := []Promise{promise("workers go on by themselves", l.Plan.Workers, "gave up", l.Quitters)}
	if l.Terms > 0 || len(l.BadEnds) > 0 {
		list = append(list, promise("SIGTERM ends a worker within half a minute", l.Terms+l.Plan.Workers, "did not", l.BadEnds))
	}
	if l.Stops > 0 {
		list = append(list, Promise{
			Name: "a worker that stands still is taken over", Promised: fmt.Sprint(l.Stops), Seen: fmt.Sprint(l.TakenOver), Kept: l.TakenOver == l.Stops,
		})
	}
	return list
}
