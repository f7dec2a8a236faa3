package deliver

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"courant/digest"
)

// relayState is what the lanes of one relay share: whether it can be used,
// and its limits. While it cannot, one lane at a time knocks.
type relayState struct {
	*Relay
	pacer *pacer
	now   func() time.Time

	mu       sync.Mutex
	up       bool
	last     *OutcomeError // why it is down; nil: not tried yet
	served   bool          // it took a message before
	downAt   time.Time
	wait     time.Duration
	next     time.Time // when to knock again
	knocking bool

	// pressed are the domains whose mails it deferred since it took the last
	// one, and how many those were; rest is until when it is left in peace.
	pressed map[string]bool
	press   int
	refused map[string]bool // the domains that blocked us since then
	since   time.Time
	rests   time.Duration
	rest    time.Time

	share share        // guarded by shares
	pulse atomic.Int64 // messages a second of one of its lanes, of late
	usual median       // what its attempts take
	crew  crew

	answered atomic.Int64 // when it last ended an attempt, by the machine's clock
}

func newRelayState(r *Relay, now func() time.Time, store Store) *relayState {
	return &relayState{Relay: r, pacer: sharedPacer(r, now, store), now: now, pressed: map[string]bool{}, refused: map[string]bool{}, crew: crew{lanes: r.Connections}}
}

// A relay that defers mails of several domains one after the other, and takes
// none in between, is itself the one that is pressed.
const (
	pressDomains = 3
	pressMails   = 10
	relayRest    = time.Second // doubles up to a minute while it takes nothing
)

// Pressed notes that a mail to a domain was deferred. It says whether that is
// the relay's doing, and since when.
func (r *relayState) Pressed(domain string) (itself bool, since time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.press == 0 {
		r.since = r.now()
	}
	r.press++
	if len(r.pressed) < pressDomains {
		r.pressed[domain] = true
	}
	if r.press < pressMails || len(r.pressed) < pressDomains {
		return false, r.since
	}
	if !r.rest.After(r.now()) {
		r.rests = min(max(2*r.rests, relayRest), time.Minute)
		r.rest = r.now().Add(r.rests)
	}
	return true, r.since
}

// Blocked notes that a domain's server, or the relay for it, blocked us. Where
// that are several domains one after the other, and nothing is taken in between,
// it is the relay that does not send for us.
func (r *relayState) Blocked(domain string) (itself bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.refused) < pressDomains {
		r.refused[domain] = true
	}
	return len(r.refused) >= pressDomains
}

// Resting is how long the relay is to be left in peace.
func (r *relayState) Resting() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.rest.IsZero() {
		return 0
	}
	return max(r.rest.Sub(r.now()), 0)
}

// The waits between knocks at a relay that is away, or that refuses our
// login: the operator may be mending either right now.
const (
	knockFirst = 500 * time.Millisecond
	knockLast  = 30 * time.Second
	faultWait  = time.Minute
	// blip is how long a relay that worked may be away before that counts.
	blip = 10 * time.Second
)

// Down is why the relay cannot be used; nil when it can, was never tried, or
// worked a moment ago: relays cut a line now and then.
func (r *relayState) Down() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.up || r.last == nil:
		return nil
	case r.last.Outcome.Class == digest.ClassConfiguration || !r.served || r.now().Sub(r.downAt) > blip:
		return r.last
	}
	return nil
}

// Up says whether the relay was well when it was last tried.
func (r *relayState) Up() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.up
}

// MayDial says whether a lane may dial now: always while the relay is up,
// else one at a time when the wait is over. Whoever got leave to knock must
// call Answered.
func (r *relayState) MayDial() (ok bool, wait time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch left := r.next.Sub(r.now()); {
	case r.up:
		return true, 0
	case r.knocking:
		return false, knockFirst
	case left > 0:
		return false, left
	}
	r.knocking = true
	return true, 0
}

// Answered notes how a dial ended; a zero outcome is success.
func (r *relayState) Answered(o digest.Outcome) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.knocking = false
	if o.Verdict == "" {
		r.up, r.last = true, nil
		return
	}
	r.down(o)
}

// Served notes that the relay took a message: the next fault is a new one.
func (r *relayState) Served() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.wait, r.served = 0, true
	if r.press > 0 {
		r.press, r.rests, r.rest = 0, 0, time.Time{}
		clear(r.pressed)
	}
	if len(r.refused) > 0 {
		clear(r.refused)
	}
}

// Refuse takes the relay out of use after a fault that is ours to mend.
func (r *relayState) Refuse(o digest.Outcome) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.down(o)
}

func (r *relayState) down(o digest.Outcome) {
	if r.up || r.downAt.IsZero() {
		r.downAt = r.now()
	}
	r.up, r.last = false, &OutcomeError{r.Name, o}
	r.wait = min(max(2*r.wait, knockFirst), knockLast)
	if o.Class == digest.ClassConfiguration {
		r.wait = faultWait
	}
	r.next = r.now().Add(r.wait)
}

// connect dials when that is allowed. A nil Conn comes with how long to wait.
func (r *relayState) connect(ctx context.Context) (Conn, digest.Outcome, time.Duration) {
	ok, wait := r.MayDial()
	if !ok {
		return nil, digest.Outcome{}, wait
	}
	conn, o := r.Dial(ctx)
	if conn == nil && o.Verdict == "" {
		o = digest.Outcome{Verdict: digest.VerdictDeferred, Stage: digest.StageConnect, Class: digest.ClassTransient, Fault: "no connection"}
	}
	r.Answered(o)
	if o.Verdict != "" {
		return nil, o, knockFirst
	}
	return conn, o, 0
}
