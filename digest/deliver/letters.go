package deliver

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"courant/digest"
)

// LetterStore is what the sending of letters needs of their rows.
type LetterStore interface {
	ClaimLetters(ctx context.Context, owner string, n int, lease time.Duration) ([]digest.Letter, error)
	IntendLetter(ctx context.Context, l digest.Letter, lease time.Duration) (bool, error)
	SettleLetter(ctx context.Context, o digest.LetterOutcome) (bool, error)
	TakeLetters(ctx context.Context, owner string, judge func([]digest.Stranded) []digest.Salvage) ([]digest.Salvage, error)
	SweepLetters(ctx context.Context, resend bool) (doubtful, resent int, err error)
}

// LetterPress makes mails out of letters, signed and ready for DATA.
type LetterPress interface {
	Letter(l digest.Letter) (digest.Envelope, []byte, error)
}

// Post is how letters are sent. They go over a connection of their own, which
// is there only while there are letters, so that none waits behind an edition.
// The protocol is that of deliveries: claim, intent before the dot, journal,
// settle. The journal knows them as deliveries of edition zero by lane zero.
type Post struct {
	Store LetterStore
	Press LetterPress
}

const (
	letterClaim = 8               // at a time
	letterEvery = time.Second     // between two looks
	letterIdle  = 5 * time.Second // how long the connection is kept without a letter
)

// letterLane is the one lane of letters of a session.
type letterLane struct {
	*session
	post  *Post
	lease time.Duration
	relay *relayState // the connection's
	conn  Conn
	used  time.Time

	looked   atomic.Bool // once, so that a drain knows that there were none
	due      atomic.Bool // there is something to send now
	unheard  atomic.Bool // a verdict did not reach its row: the journal must stay
	misprint bool        // told once
	kept     bool        // some went back for want of a relay
}

func newLetterLane(s *session) *letterLane {
	return &letterLane{session: s, post: s.Post, lease: s.lease()}
}

// Spent says whether there is nothing to send now.
func (t *letterLane) Spent() bool { return t.post == nil || t.looked.Load() && !t.due.Load() }

// run sends letters until the session stops.
func (t *letterLane) run() {
	if t.post == nil {
		return
	}
	defer t.hangUp()
	for t.stop.Err() == nil {
		wait := t.turn()
		t.looked.Store(true)
		if t.conn != nil && t.now().Sub(t.used) >= letterIdle {
			t.hangUp()
		}
		if wait > 0 && sleep(t.stop, wait) != nil {
			return
		}
	}
}

// turn claims a few letters and sends them. It returns how long to wait for the
// next.
func (t *letterLane) turn() time.Duration {
	list, err := t.post.Store.ClaimLetters(t.work, t.owner.ID, letterClaim, t.lease)
	if err != nil {
		if t.stop.Err() == nil {
			t.Log.Warn("letters cannot be claimed", "error", err)
		}
		return letterEvery
	}
	if len(list) == 0 {
		// What was given back for want of a relay is still to be sent now.
		t.due.Store(t.kept && t.conn == nil)
		return letterEvery
	}
	t.due.Store(true)
	t.activity.Add(1)
	t.kept = false
	until := t.now().Add(t.lease / 2)
	for i, l := range list {
		if t.stop.Err() != nil || t.now().After(until) {
			t.giveBack(list[i:], 0)
			break
		}
		if wait := t.one(l); wait > 0 {
			t.giveBack(list[i+1:], wait)
			t.kept = true
			return min(wait, letterEvery)
		}
	}
	return 0
}

// one makes one try. A wait means that the next letter would fare no better.
func (t *letterLane) one(l digest.Letter) (wait time.Duration) {
	// A domain that is merely late holds up no one here but the letter itself.
	if ok, wait, why := t.domains.Leave(l.Address, grab{}); !ok && why.Said != lateWords {
		t.settle(digest.LetterOutcome{Letter: l, Withdrawn: true, RetryIn: max(wait, letterEvery),
			Outcome: digest.Outcome{Verdict: digest.VerdictDeferred, Class: why.Class, Fault: why.Said}})
		return 0
	}
	env, text, err := t.post.Press.Letter(l)
	if err != nil {
		if !t.misprint {
			t.Log.Error("letters cannot be made", "kind", string(l.Kind), "error", err)
			t.misprint = true
		}
		t.settle(digest.LetterOutcome{Letter: l, Withdrawn: true, RetryIn: retryIn(2), Outcome: digest.Outcome{Verdict: digest.VerdictDeferred, Fault: err.Error()}})
		return 0
	}
	if wait := t.connect(); wait > 0 {
		t.giveBack([]digest.Letter{l}, wait)
		return wait
	}
	switch wait, err := t.relay.pacer.take(t.work, 1); {
	case err != nil:
		t.giveBack([]digest.Letter{l}, roundEvery)
		return roundEvery
	case wait > 0:
		t.giveBack([]digest.Letter{l}, wait)
		return wait
	}
	return t.submit(l, env, text)
}

// submit hands the letter over. What the relay is waited for is bounded, so
// that the lease outlives the try.
func (t *letterLane) submit(l digest.Letter, env digest.Envelope, text []byte) time.Duration {
	ctx, cancel := context.WithTimeout(t.work, t.lease/2)
	defer cancel()
	began := t.now()
	asked, started := false, false
	o := t.conn.Submit(ctx, env, text, nil, func() bool {
		asked, started = true, t.ready(ctx, l)
		return started
	})
	t.used = t.now()
	return t.conclude(l, o, t.used.Sub(began), started, asked && !started)
}

// ready is the last moment before the body goes out: the intent is committed,
// then the start is journalled.
func (t *letterLane) ready(ctx context.Context, l digest.Letter) bool {
	asked := t.now()
	ok, err := t.post.Store.IntendLetter(ctx, l, t.lease)
	if err != nil {
		t.Log.Warn("letter is not sent", "letter", int64(l.ID), "error", err)
		return false
	}
	// A process that stood still meanwhile begins anew.
	if !ok || t.now().Round(0).Sub(asked.Round(0)) > t.lease/4 {
		return false
	}
	if err := t.journal.Start(0, l.ID.Ref()); err != nil {
		t.fail(journalFault(err))
		t.stopNow()
		return false
	}
	return true
}

// conclude journals how a try ended and writes it down.
func (t *letterLane) conclude(l digest.Letter, o digest.Outcome, took time.Duration, started, withdrawn bool) (wait time.Duration) {
	out := digest.LetterOutcome{Letter: l, Outcome: o, Withdrawn: withdrawn}
	switch {
	case withdrawn:
	case o.Class == digest.ClassConfiguration:
		out.Withdrawn, out.RetryIn, wait = true, faultWait, letterEvery
		t.relay.Refuse(o)
	case o.Verdict == digest.VerdictDeferred && beforeRcpt(o.Stage) && t.conn.Broken():
		out.Withdrawn, out.RetryIn = true, letterEvery
		t.relay.Refuse(o)
	case o.Verdict == digest.VerdictDeferred:
		out.RetryIn = retryIn(l.Attempts + 1)
	case o.Verdict == digest.VerdictAccepted:
		t.relay.Served()
	}
	if !withdrawn {
		t.domains.Heard(digest.Work{Recipient: digest.Recipient{Address: l.Address}}, o, t.now().Add(-took))
	}
	if started {
		told := o
		if out.Withdrawn {
			told.Verdict = digest.VerdictDeferred
		}
		if err := t.journal.End(0, l.ID.Ref(), told); err != nil {
			t.fail(journalFault(err))
			t.stopNow()
		}
	}
	t.tellLetter(out, took)
	t.settle(out)
	if t.conn.Broken() {
		t.hangUp()
	}
	return wait
}

// tellLetter writes the one line of a try. The address is in it at debug only.
func (t *letterLane) tellLetter(out digest.LetterOutcome, took time.Duration) {
	level, o := slog.LevelInfo, out.Outcome
	switch {
	case out.Withdrawn:
		level = slog.LevelDebug
	case o.Verdict == digest.VerdictInDoubt:
		level = slog.LevelWarn
	}
	attrs := []slog.Attr{
		slog.Int64("letter", int64(out.Letter.ID)), slog.String("kind", string(out.Letter.Kind)), slog.String("relay", t.relay.Name),
		slog.Int("attempt", out.Letter.Attempts+1), slog.String("verdict", string(o.Verdict)), slog.String("stage", string(o.Stage)),
		slog.Duration("duration", took.Round(time.Microsecond)), slog.Int("code", o.Reply.Code), slog.String("enhanced", o.Reply.Status),
		slog.String("reply", digest.WithoutAddresses(o.Said())),
	}
	if t.Log.Enabled(context.Background(), slog.LevelDebug) {
		attrs = append(attrs, slog.String("address", out.Letter.Address))
	}
	t.Log.LogAttrs(context.Background(), level, "letter", attrs...)
}

// settle writes a verdict down, and waits for a database that is away: until
// it has it, the journal is the only one that knows.
func (t *letterLane) settle(out digest.LetterOutcome) {
	for wait := 100 * time.Millisecond; ; wait = min(2*wait, roundEvery) {
		_, err := t.post.Store.SettleLetter(t.last, out)
		if err == nil {
			t.journal.Settled([]digest.Settlement{{Ref: out.Letter.ID.Ref()}})
			return
		}
		if !t.away(err) || t.last.Err() != nil || sleep(t.last, wait) != nil {
			t.unheard.Store(true)
			t.Log.Error("verdict of a letter is not written down", "letter", int64(out.Letter.ID), "error", err)
			return
		}
	}
}

// giveBack returns claims that were not tried.
func (t *letterLane) giveBack(list []digest.Letter, wait time.Duration) {
	for _, l := range list {
		t.settle(digest.LetterOutcome{Letter: l, Withdrawn: true, RetryIn: wait})
	}
}

// connect makes sure of a connection to the first relay that has one to give,
// or says how long to wait.
func (t *letterLane) connect() (wait time.Duration) {
	if t.conn != nil && !t.conn.Broken() {
		return 0
	}
	t.hangUp()
	wait = knockLast
	for _, r := range t.relays {
		if rest := r.Resting(); rest > 0 {
			wait = min(wait, rest)
			continue
		}
		conn, o, next := r.connect(t.work)
		wait = min(wait, max(next, letterEvery))
		if conn == nil {
			if o.Class == digest.ClassConfiguration && t.stop.Err() == nil {
				t.Log.Error("relay cannot be used", "relay", r.Name, "error", &OutcomeError{r.Name, o})
			}
			continue
		}
		t.conn, t.relay, t.used = conn, r, t.now()
		return 0
	}
	return wait
}

func (t *letterLane) hangUp() {
	if t.conn != nil {
		t.conn.Close()
		t.conn = nil
	}
}

// takeLetters ends what a dead process of this host was sending.
func (k *keeper) takeLetters(r *relic) error {
	if k.Post == nil {
		return nil
	}
	saved, err := k.Post.Store.TakeLetters(k.work, r.Name, r.Judge)
	if err != nil {
		return err
	}
	for _, v := range saved {
		k.Log.Warn("took a letter over from a dead process", "owner", r.Name, "letter", int64(v.Ref.Reader), "state", string(v.State))
	}
	return nil
}

// sweepLetters ends letters that nobody holds any more.
func (k *keeper) sweepLetters() error {
	if k.Post == nil {
		return nil
	}
	doubtful, resent, err := k.Post.Store.SweepLetters(k.work, k.Resend)
	if err == nil && (doubtful > 0 || resent > 0) {
		k.Log.Warn("letters were in doubt", "in_doubt", doubtful, "sent_again", resent)
	}
	return err
}

// errLetterUnheard keeps the journal of a session that could not write down how
// a letter ended.
var errLetterUnheard = errors.New("how a letter ended is not in its row")
