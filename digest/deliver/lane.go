package deliver

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"courant/digest"
)

const (
	// intentAge is how old an intent may be at its dot.
	intentAge = 500 * time.Millisecond
	// runAhead is how much sending a lane's intents cover.
	runAhead = 200 * time.Millisecond
	// mostAhead bounds the run-ahead, in messages: what is in doubt for each
	// lane where a host is lost together with its journal.
	mostAhead = 64
	// intents is how many of a lane may be open at once: the one that is being
	// sent, and the next. That one is asked for when the last verdict of the one
	// before both is on its way, so its commit writes that down, too.
	intents = 2
	// claimAhead is how much sending one claim covers.
	claimAhead = 700 * time.Millisecond
	mostClaim  = 512
	// paceBurst is how long a lane waits with a message in its hands for the
	// relay's limit; for longer it gives its claims back.
	paceBurst = 300 * time.Millisecond
	// idleClose is how long an unused connection is kept.
	idleClose = 20 * time.Second
	// A connection is changed for a new one after so many messages or so
	// long: many relays cut it there anyway.
	mostMessages = 10_000
	longestUse   = 10 * time.Minute
)

// lane is one connection and the rows in its hands.
type lane struct {
	s     *session
	relay *relayState
	id    digest.Lane
	seq   int // counts the lane's claims

	// unsure: rows may be claimed for this lane that it does not know of.
	unsure bool
	pause  time.Duration // before the next turn, after a run that was broken off

	grab    grab            // of a held domain: what the lane sends now
	cleared digest.Ref      // may go, whatever its domain's budget is by now ...
	left    time.Time       // ... when its commands went out, with the message before it ...
	env     digest.Envelope // ... and what they named

	watch watch
	under context.Context    // what the relay is waited for with ...
	cut   context.CancelFunc // ... and how the watch ends that

	conn   Conn
	dialed time.Time
	used   time.Time
	sent   int     // over this connection
	rate   float64 // messages a second, smoothed
	buf    []byte  // a mail ...
	signed []byte  // ... and the same signed
}

func newLane(s *session, r *relayState, id digest.Lane) *lane {
	return &lane{s: s, relay: r, id: id, rate: 10, watch: watch{domains: s.domains, relay: r, silent: s.shares.Silent}}
}

// run claims and sends until the session stops.
func (l *lane) run() {
	defer l.hangUp()
	l.under, l.cut = context.WithCancel(l.s.work)
	defer func() { l.cut() }()
	for l.s.stop.Err() == nil {
		if wait := l.turn(); wait > 0 {
			l.rest(wait)
		}
	}
}

// rest waits for work, or for the wait to be over. An unused connection is
// closed after a while.
func (l *lane) rest(wait time.Duration) {
	if l.conn != nil {
		wait = min(wait, idleClose)
	}
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-l.s.stop.Done():
	case <-l.s.wake.Next():
	case <-t.C:
	}
	if l.conn != nil && l.s.now().Sub(l.used) >= idleClose {
		l.hangUp()
	}
}

// turn does one claim's worth of work. It returns how long to wait when there
// is nothing to do, or nothing to do it with.
func (l *lane) turn() time.Duration {
	const idle = 30 * time.Second
	if !l.s.feed.Waiting() {
		return idle
	}
	if l.s.wake.Lost(l.id) && !l.rejoin() || l.unsure && !l.makeSure() {
		return roundEvery
	}
	// A relay that is not known to be well is asked before the claim; one that
	// is well need not be dialled to find that there is no work.
	if !l.relay.Up() {
		if wait := l.connect(); wait > 0 {
			return wait
		}
	}
	n, wait := l.room()
	if wait > 0 {
		return wait
	}
	l.s.busy.Add(1)
	defer l.s.busy.Add(-1)
	c, err := l.s.feed.Claim(l.s.work, &l.relay.crew, l.id, l.seq, n)
	switch {
	case err != nil:
		return l.unclaimed(err)
	case c.again:
		return time.Millisecond
	case len(c.work) == 0:
		return l.s.domains.Wait(&l.relay.crew, idle)
	}
	l.seq++
	l.s.activity.Add(1)
	l.s.shares.Take(l.relay, len(c.work))
	l.pause, l.grab = 0, c.grab
	l.deliver(c.work)
	l.s.domains.ProbeOver(c.grab)
	l.s.domains.Over(c.grab)
	return l.pause
}

// room is how many messages the lane may claim, by its relay's limits and
// share, or how long to wait.
func (l *lane) room() (n int, wait time.Duration) {
	if wait := l.relay.Resting(); wait > 0 {
		return 0, wait
	}
	wait, err := l.relay.pacer.ready(l.s.work, l.relayRate())
	if err != nil {
		l.s.Log.Warn("cannot tell what the relay's limits have left", "relay", l.relay.Name, "error", err)
		return 0, roundEvery
	}
	if wait > 0 {
		return 0, wait
	}
	if n = min(l.ahead(claimAhead, mostClaim), l.relay.pacer.within(claimAhead), l.s.shares.Room(l.relay, l.rate)); n == 0 {
		return 0, shareWait
	}
	return n, 0
}

// relayRate is about how many a second all lanes of the relay send.
func (l *lane) relayRate() float64 { return l.rate * float64(max(l.relay.Connections, 1)) }

// unclaimed says how long to wait after a claim that failed. Its rows may be
// ours for all that: the answer can get lost after the commit.
func (l *lane) unclaimed(err error) time.Duration {
	if errors.Is(err, digest.ErrLaneLost) {
		if l.regain() {
			return 0
		}
		return roundEvery
	}
	l.unsure = true
	if l.s.away(err) || l.s.stop.Err() != nil {
		return roundEvery
	}
	l.s.Log.Error("claim failed", "error", err)
	if l.s.drain != nil {
		l.s.fail(err)
		l.s.stopNow()
	}
	// Not to be woken by work: there is work, and it cannot be had.
	if sleep(l.s.stop, 2*roundEvery) != nil {
		return roundEvery
	}
	return 0
}

// makeSure queues again whatever is claimed for this lane without its knowing.
// Nothing is in its hands between two turns.
func (l *lane) makeSure() bool {
	moved, err := l.s.Store.MoveFence(l.s.work, l.id)
	switch {
	case errors.Is(err, digest.ErrLaneLost):
		return l.rejoin()
	case err != nil:
		if l.s.stop.Err() == nil {
			l.s.Log.Warn("cannot tell what is claimed", "lane", l.id.ID, "error", err)
		}
		return false
	}
	l.id, l.unsure = moved, false
	return true
}

// regain renews a lease that ran out while it could not be renewed, and takes a
// new lane where this one was taken over meanwhile.
func (l *lane) regain() bool {
	if err := l.s.renew(l.s.work, true); err != nil {
		l.s.Log.Warn("cannot renew the lease", "error", err)
		return false
	}
	return !l.s.wake.Lost(l.id) || l.rejoin()
}

// rejoin takes a new lane in place of one that was lost with its lease.
func (l *lane) rejoin() bool {
	l.s.Log.Warn("the lane was taken over while this process was stopped or cut off", "lane", l.id.ID)
	// Or the database was replaced by an older copy, which knows nothing of it.
	if l.s.Adopted != nil {
		if err := l.s.Adopted(l.s.work); err != nil {
			l.s.Log.Warn("cannot join again", "error", err)
			return false
		}
	}
	ids, err := l.s.Store.JoinLanes(l.s.work, l.s.owner, 1, l.s.lease())
	if err != nil {
		l.s.Log.Warn("cannot join again", "error", err)
		return false
	}
	l.hangUp()
	l.id, l.unsure = ids[0], false
	held, err := l.s.Store.RenewLanes(l.s.work, l.s.owner.ID, l.s.lease())
	if err != nil {
		return false
	}
	l.s.wake.Held(held)
	return true
}

// connect makes sure of a usable connection, or says how long to wait.
func (l *lane) connect() time.Duration {
	if l.conn != nil && !l.conn.Broken() && l.sent < mostMessages && l.s.now().Sub(l.dialed) < longestUse {
		return 0
	}
	l.hangUp()
	up := l.relay.Up()
	conn, o, wait := l.relay.connect(l.s.work)
	if conn == nil {
		if o.Verdict != "" && l.s.stop.Err() == nil {
			l.complain(o)
		}
		return wait
	}
	l.conn, l.dialed, l.used, l.sent = conn, l.s.now(), l.s.now(), 0
	if !up {
		l.s.wake.All() // the others wait for this knock
	}
	return 0
}

func (l *lane) hangUp() {
	if l.conn != nil {
		l.conn.Close()
		l.conn = nil
	}
}

// ahead is how many messages the lane sends in so long, at its present rate.
func (l *lane) ahead(d time.Duration, most int) int {
	return min(max(int(l.rate*d.Seconds()), 1), most)
}

// deliver sends claimed deliveries, one run-ahead after the other. While one
// is being sent, the intent for the next is on its way.
func (l *lane) deliver(work []digest.Work) {
	work = l.fresh(work)
	var now, next *run
	for len(work) > 0 || next != nil {
		if now = next; now == nil {
			now, work = l.intend(work)
		}
		next = nil
		ahead := func() {
			if len(work) > 0 && l.s.stop.Err() == nil && next == nil {
				next, work = l.intend(work)
			}
		}
		if !l.send(now, ahead) {
			// The connection may be promised to a message that is not sent.
			l.hangUp()
			if next != nil {
				l.withdraw(next.await(l))
			}
			l.release(work)
			return
		}
	}
}

// fresh gives back what was too late already when it was claimed.
func (l *lane) fresh(work []digest.Work) []digest.Work {
	kept, late := work[:0:0], []digest.Ref(nil)
	for _, w := range work {
		if w.Address == "" || w.Late {
			late = append(late, w.Ref)
			continue
		}
		kept = append(kept, w)
	}
	l.releaseRefs(late)
	return kept
}

// run is a run-ahead: deliveries that one intent covers.
type run struct {
	work    []digest.Work
	answer  <-chan grant
	at      time.Time // when the intent was asked for
	revoked bool      // a renewal was not granted in full: what is left goes back
}

// intend asks for leave to send the next few.
func (l *lane) intend(work []digest.Work) (*run, []digest.Work) {
	n := min(l.ahead(runAhead/intents, mostAhead/intents), len(work))
	r := &run{work: work[:n]}
	r.answer = l.s.committer.intend(l.intent(r.work))
	return r, work[n:]
}

func (l *lane) intent(work []digest.Work) digest.Intent {
	in := digest.Intent{Lane: l.id, Seq: work[0].Seq, Refs: make([]digest.Ref, len(work)), MessageIDs: make([]string, len(work))}
	for i, w := range work {
		in.Refs[i], in.MessageIDs[i] = w.Ref, l.s.Press.MessageID(w.Recipient)
	}
	return in
}

// await blocks until the intent was answered, and leaves only what was
// granted. The rest goes back: readers who left, an edition that was held, a
// lease that is over.
func (r *run) await(l *lane) []digest.Work {
	g := <-r.answer
	r.at = g.at
	stands := make(map[digest.Ref]bool, len(g.refs))
	for _, ref := range g.refs {
		stands[ref] = true
	}
	var kept, lost []digest.Work
	for _, w := range r.work {
		if stands[w.Ref] {
			kept = append(kept, w)
		} else {
			lost = append(lost, w)
		}
	}
	r.work = kept
	if g.repeated {
		// Of an intent that was asked for twice the first may have stood.
		l.withdraw(lost)
	}
	l.release(lost)
	return kept
}

// send hands a run-ahead over, message by message. It says whether the lane
// may go on with what it claimed.
func (l *lane) send(r *run, ahead func()) bool {
	work := r.await(l)
	if len(work) > 0 {
		ahead()
	}
	began := l.s.now()
	for i := range work {
		if !l.may(work[i]) {
			continue
		}
		if l.s.stop.Err() != nil || l.connect() > 0 || !l.paced() {
			l.withdraw(work[i:])
			return false
		}
		if !l.one(r, work, i) {
			l.withdraw(work[i+1:])
			return false
		}
	}
	l.measure(len(work), l.s.now().Sub(began))
	return true
}

// may says whether a message's domain takes it now. If not, it goes back and
// waits, without an attempt against its reader.
func (l *lane) may(w digest.Work) bool {
	if w.Ref == l.cleared {
		return true
	}
	ok, wait, why := l.s.domains.Leave(w.Address, l.grab)
	if !ok {
		l.giveUp(digest.Settlement{Lane: l.id, Seq: w.Seq, Ref: w.Ref, Withdrawn: true, RetryIn: wait,
			Outcome: digest.Outcome{Verdict: digest.VerdictDeferred, Class: why.Class, Fault: why.Said}})
	}
	return ok
}

// paced waits for the relay's limit, unless that takes long.
func (l *lane) paced() bool {
	for {
		if rest := l.relay.Resting(); rest > 0 {
			l.pause = rest
			return false
		}
		wait, err := l.relay.pacer.take(l.s.work, l.relayRate())
		switch {
		case err != nil:
			l.s.Log.Warn("cannot tell what the relay's limits have left", "relay", l.relay.Name, "error", err)
			l.pause = roundEvery
			return false
		case wait == 0:
			return true
		case wait > paceBurst:
			l.pause = wait
			return false
		case sleep(l.s.stop, wait) != nil:
			return false
		}
	}
}

// measure smooths the lane's rate, quickly up and quickly down.
func (l *lane) measure(n int, took time.Duration) {
	if n == 0 || took <= 0 || l.grab.tardy { // whose rate is not the lane's
		return
	}
	l.rate = 0.5*l.rate + 0.5*math.Min(float64(n)/took.Seconds(), 1e5)
	l.relay.pulse.Store(int64(l.rate))
}

// one makes one attempt: work[i] of the run. It says whether the lane may go
// on.
func (l *lane) one(r *run, work []digest.Work, i int) bool {
	w := work[i]
	text, err := l.text(w)
	if err != nil {
		l.withdraw(work[i : i+1])
		l.pause = roundEvery
		l.misprint(w, err)
		return false
	}
	began := l.s.now()
	from, env := began, l.env
	if w.Ref == l.cleared {
		from = l.left
	} else {
		env = l.s.Press.Envelope(w.Recipient)
	}
	l.cleared = digest.Ref{}
	var ahead *digest.Envelope
	if i+1 < len(work) {
		// Its commands go out together with this message's dot, after which it
		// must be sent. One that may not is asked about again at its turn.
		if ok, _, _ := l.s.domains.Leave(work[i+1].Address, l.grab); ok {
			next := l.s.Press.Envelope(work[i+1].Recipient)
			ahead = &next
			l.cleared, l.left, l.env = work[i+1].Ref, began, next
		}
	}
	started, asked := false, false
	l.s.meter().Began(l.relay.Name, w)
	l.watch.Begin(w.Address, l.grab, l.cut)
	o := l.conn.Submit(l.under, env, text, ahead, func() bool {
		asked, started = true, l.watch.Body() && l.ready(r, work[i:])
		l.watch.Go()
		return started
	})
	l.sent++
	l.used = l.s.now()
	if l.watch.End(o.Reply.Code != 0 || o.Verdict == digest.VerdictAccepted) {
		l.under, l.cut = context.WithCancel(l.s.work)
		if o.Reply.Code == 0 {
			return l.wasCut(w, l.used.Sub(began))
		}
	}
	o = l.hear(w, o, from)
	return l.conclude(w, o, l.used.Sub(began), started, asked && !started) && !r.revoked
}

// wasCut gives a mail back whose domain kept the lane too long. Nothing of its
// body was sent, so nobody is charged with an attempt.
func (l *lane) wasCut(w digest.Work, took time.Duration) bool {
	l.cleared = digest.Ref{} // the line that was named on is gone
	o := digest.Outcome{Verdict: digest.VerdictDeferred, Stage: digest.StageRcpt, Class: digest.ClassTransient, Fault: lateWords}
	s := digest.Settlement{Lane: l.id, Seq: w.Seq, Ref: w.Ref, Outcome: o, Withdrawn: true, RetryIn: restFirst}
	l.s.tell(digest.Attempt{Work: w, Relay: l.relay.Name, Outcome: o, Took: took, Withdrawn: true})
	l.giveUp(s)
	return !l.s.wake.Lost(l.id)
}

// hear draws the conclusions for the reader's mail domain, or for the relay
// where it defers or refuses whatever it is given. It returns what the outcome
// then means.
func (l *lane) hear(w digest.Work, o digest.Outcome, from time.Time) digest.Outcome {
	if blockedBy(o) && l.relay.Blocked(digest.DomainOf(w.Address)) {
		o.Class, o.Fault = digest.ClassConfiguration, fmt.Sprintf(relayingHint, l.relay.Name)
		return o
	}
	if !pressure(o) {
		l.s.domains.Heard(w, o, from)
		return o
	}
	itself, since := l.relay.Pressed(digest.DomainOf(w.Address))
	if !itself {
		l.s.domains.Heard(w, o, from)
		return o
	}
	l.s.domains.Acquit(since)
	l.s.Log.Warn("relay defers whatever it is given, and is left in peace for a moment", "relay", l.relay.Name,
		"said", digest.WithoutAddresses(o.Said()))
	return o
}

// relayingHint is what to set where a relay takes nobody's mail from us.
const relayingHint = "relay %s refuses every mail domain it is given, so it does not send for us: set username and password_file of this relay under smtp, or let this machine relay there, and see that the relay may send as from and return_path"

// text is one reader's mail, signed.
func (l *lane) text(w digest.Work) ([]byte, error) {
	m, err := l.s.proofs.Message(l.s.work, w.Recipient)
	if err != nil {
		return nil, err
	}
	l.buf = m.Splice(l.buf[:0], w.Recipient)
	signed, err := l.s.Press.Sign(l.signed[:0], l.buf)
	if len(signed) > len(l.buf) { // else it is the message itself
		l.signed = signed
	}
	return signed, err
}

// misprint holds the edition whose mail cannot be made.
func (l *lane) misprint(w digest.Work, err error) {
	if l.s.away(err) || l.s.work.Err() != nil {
		return
	}
	if herr := l.s.hold(w.Edition, err.Error()); herr != nil {
		l.s.Log.Error("cannot hold the edition", "edition", w.Edition, "error", herr)
	}
}

// ready is the last moment before the body goes out. An intent that grew old
// is renewed for all that is left of the run; a reader who left meanwhile is
// not sent to. Then the start is journalled; where that fails the session ends
// for all lanes.
func (l *lane) ready(r *run, rest []digest.Work) bool {
	if l.old(r.at) {
		g := <-l.s.committer.intend(l.intent(rest))
		r.at = g.at
		if len(g.refs) != len(rest) {
			// Somebody left, or the lane was taken over: the whole rest is
			// looked at again from the claim on.
			r.revoked = true
			return false
		}
	}
	if err := l.s.journal.Start(l.id.ID, rest[0].Ref); err != nil {
		l.s.fail(journalFault(err))
		l.s.stopNow()
		r.revoked = true
		return false
	}
	return true
}

// old says whether an intent must be renewed. The wall clock is asked too: the
// monotonic one stands still while a machine sleeps.
func (l *lane) old(at time.Time) bool {
	now := l.s.now()
	return now.Sub(at) > intentAge || now.Round(0).Sub(at.Round(0)) > intentAge
}

// conclude journals how an attempt ended and hands the verdict on. It says
// whether the lane may go on.
func (l *lane) conclude(w digest.Work, o digest.Outcome, took time.Duration, started, withdrawn bool) bool {
	s := digest.Settlement{Lane: l.id, Seq: w.Seq, Ref: w.Ref, Outcome: o, Withdrawn: withdrawn}
	config := o.Class == digest.ClassConfiguration
	switch {
	case withdrawn:
		// Nothing was tried, so nothing has to wait.
	case config:
		// Ours to mend: no reader is charged with it. Another one is tried next.
		s.Withdrawn = true
		if blocksAll(o) {
			s.RetryIn = retryIn(2)
		}
		l.relay.Refuse(o)
		l.complain(o)
	case o.Verdict == digest.VerdictDeferred && beforeRcpt(o.Stage) && l.conn.Broken():
		// The relay hung up before it was told of the reader.
		s.Withdrawn = true
		l.relay.Refuse(o)
	case o.Verdict == digest.VerdictDeferred && o.Reply.Code == 0 && w.Attempts == 0 && l.conn.Broken() && l.s.shares.Others(l.relay):
		// The line broke before the dot: another relay takes over at once.
	case o.Verdict == digest.VerdictDeferred:
		s.RetryIn = retryIn(w.Attempts + 1)
	case o.Verdict == digest.VerdictAccepted:
		l.relay.Served()
	}
	if started {
		told := o
		if s.Withdrawn {
			told.Verdict = digest.VerdictDeferred // what the ledger is about to say
		}
		if err := l.s.journal.End(l.id.ID, w.Ref, told); err != nil {
			l.s.fail(journalFault(err))
			l.s.stopNow()
		}
	}
	l.s.count(s)
	l.s.tell(digest.Attempt{Work: w, Relay: l.relay.Name, Outcome: o, Took: took, Withdrawn: s.Withdrawn})
	l.s.committer.settle(s)
	return !config && !l.s.wake.Lost(l.id)
}

// complain logs why the relay cannot be used; as an error, with what to set,
// where that is ours to mend. A drain with this relay alone ends by it, and
// whoever asked for it says so.
func (l *lane) complain(o digest.Outcome) {
	if o.Class == digest.ClassConfiguration {
		if l.s.drain != nil && len(l.s.relays) == 1 {
			return
		}
		l.s.Log.Error("relay cannot be used", "relay", l.relay.Name, "error", &OutcomeError{l.relay.Name, o})
		return
	}
	l.s.Log.Warn("relay cannot be used", "relay", l.relay.Name, "outcome", digest.WithoutAddresses(o.String()))
}

// blocksAll says whether a fault of our settings showed at a reader's name.
func blocksAll(o digest.Outcome) bool {
	return o.Class == digest.ClassConfiguration && !beforeRcpt(o.Stage)
}

// beforeRcpt says whether a conversation ended before the reader's address
// was given.
func beforeRcpt(stage digest.Stage) bool {
	switch stage {
	case digest.StageRcpt, digest.StageData, digest.StageBody, digest.StageDot:
		return false
	}
	return true
}

// withdraw gives up intents that were not used: the rows go back to queued.
func (l *lane) withdraw(work []digest.Work) {
	for _, w := range work {
		l.giveUp(digest.Settlement{Lane: l.id, Seq: w.Seq, Ref: w.Ref, Withdrawn: true})
	}
}

func (l *lane) giveUp(s digest.Settlement) {
	l.s.shares.Take(l.relay, -1)
	l.s.count(s)
	l.s.committer.settle(s)
}

func (l *lane) release(work []digest.Work) {
	refs := make([]digest.Ref, len(work))
	for i, w := range work {
		refs[i] = w.Ref
	}
	l.releaseRefs(refs)
}

// releaseRefs gives claims back. When the database is away they are given back
// before the next claim, or when the lanes are left.
func (l *lane) releaseRefs(refs []digest.Ref) {
	if len(refs) == 0 {
		return
	}
	l.s.shares.Take(l.relay, -len(refs))
	for attempt := range 3 {
		err := l.s.Store.Release(l.s.last, l.id, refs)
		if err == nil {
			return
		}
		l.unsure = true
		l.s.Log.Warn("cannot give claims back", "error", err)
		if !l.s.away(err) || sleep(l.s.last, time.Duration(attempt+1)*300*time.Millisecond) != nil {
			return
		}
	}
}
