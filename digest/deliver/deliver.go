// Package deliver works the ledger off: it claims deliveries, hands each to a
// relay, and settles what came of it, so that nobody is missed, nobody is
// mailed twice and nobody is mailed after leaving.
//
// The protocol, per lane (one connection of one process):
//
//	claim ----> rows are ours, under a lease by the database's clock
//	intent ---> committed before the dot, for the lane's next w messages;
//	            whoever left by now is refused here; it stands for this lane
//	            and this claim alone
//	start ----> journalled by plain write(2) before the body goes out
//	dot, reply
//	end ------> journalled by plain write(2) before anything else is sent
//	settle ---> the verdict reaches the ledger through the group committer
//
// The ledger is authoritative. The journal only tells whoever takes over a
// dead process's lanes what the ledger could not know any more: an end means
// what it says, a start without an end is in doubt, a row without a start was
// never sent. So at most one message a lane is in doubt after kill -9; where
// the journal is lost, the run-ahead is (RFC 1047 explains why it cannot be
// none).
package deliver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"courant/digest"
)

// Store is what deliver needs of the ledger. Every method is one transaction.
type Store interface {
	JoinLanes(ctx context.Context, o digest.Owner, n int, lease time.Duration) ([]digest.Lane, error)
	RenewLanes(ctx context.Context, owner string, lease time.Duration) ([]digest.Lane, error)
	LeaveLanes(ctx context.Context, owner string) error
	MoveFence(ctx context.Context, lane digest.Lane) (digest.Lane, error)
	LostOwners(ctx context.Context, self string) (digest.Overdue, error)
	TakeOver(ctx context.Context, owner string, until time.Time, judge func([]digest.Stranded) []digest.Salvage) ([]digest.Salvage, error)

	ClaimFresh(ctx context.Context, lane digest.Lane, seq int, e digest.EditionID, after digest.ReaderID, n int) ([]digest.Work, error)
	ClaimDue(ctx context.Context, lane digest.Lane, seq int, n int) ([]digest.Work, error)
	Commit(ctx context.Context, intents []digest.Intent, settlements []digest.Settlement) (granted, settled []digest.LaneRef, err error)
	Release(ctx context.Context, lane digest.Lane, refs []digest.Ref) error

	WalkFresh(ctx context.Context, lane digest.Lane, seq int, e digest.EditionID, after digest.ReaderID, n int, d digest.DomainChoice) (digest.Walk, error)
	WalkDue(ctx context.Context, lane digest.Lane, seq int, from time.Time, n int, d digest.DomainChoice) (digest.DueWalk, error)
	Circuits(ctx context.Context) ([]digest.Circuit, error)
	OpenCircuit(ctx context.Context, c digest.Circuit, waits []time.Duration) (opened bool, err error)
	ProbeCircuit(ctx context.Context, domain string, hold time.Duration) (bool, error)
	EndProbe(ctx context.Context, domain string) error
	CloseCircuit(ctx context.Context, domain string) error
	LeaseBudget(ctx context.Context, relay string, budgets []digest.Budget, want, back int) (digest.Lease, error)

	EditionsIn(ctx context.Context, state digest.EditionState) ([]digest.EditionID, error)
	OpenEdition(ctx context.Context, id digest.EditionID) (bool, error)
	MoveEdition(ctx context.Context, id digest.EditionID, to digest.EditionState, reason string) (bool, error)
	FinishEditions(ctx context.Context, resend bool) ([]digest.EditionID, error)
	ExpireQueued(ctx context.Context) (int, error)
	ResendDoubtful(ctx context.Context) (int, error)
	Remainder(ctx context.Context) (digest.Remainder, error)
	Tally(ctx context.Context, id digest.EditionID) (digest.Tally, error)
	Edition(ctx context.Context, id digest.EditionID) (digest.Edition, error)
	Variants(ctx context.Context, id digest.EditionID) (digest.Edition, []digest.Variant, error)
	Variant(ctx context.Context, id digest.VariantID) (digest.Variant, error)
	FirstRecipients(ctx context.Context, id digest.EditionID) ([]digest.Recipient, error)
	SameAsLast(ctx context.Context, id digest.EditionID) (last digest.EditionID, readers int, err error)
}

// Message is a rendered variant. Splice appends one reader's mail to dst; it
// is called by many lanes at once.
type Message interface {
	Splice(dst []byte, to digest.Recipient) []byte
}

// Press makes mails out of variants.
type Press interface {
	Render(e digest.Edition, v digest.Variant) (Message, error)
	Envelope(to digest.Recipient) digest.Envelope
	MessageID(to digest.Recipient) string
	// Sign appends the message to dst, its signatures before it, or returns it as
	// it is where nothing signs.
	Sign(dst, message []byte) ([]byte, error)
}

// Conn is one SMTP connection. See package submit, whose Conn fits.
type Conn interface {
	Submit(ctx context.Context, env digest.Envelope, message []byte, ahead *digest.Envelope, ready func() bool) digest.Outcome
	Broken() bool
	Close()
}

// Relay is where mails are handed to.
type Relay struct {
	Name        string // host:port, for people
	Account     string // whose limits they are, in the ledger; empty: Name
	Connections int    // lanes; at least 1
	Weight      int    // its share among the relays that can take mail; zero: 1
	Limits      []Limit
	// Dial connects and logs in. A nil Conn comes with the outcome that says
	// why.
	Dial func(ctx context.Context) (Conn, digest.Outcome)
}

// Engine is what delivers. Fill the fields, then call Run or Drain.
type Engine struct {
	Store      Store
	Press      Press
	Post       *Post // nil: letters are not sent
	Judge      Judge // nil: mails go out unjudged
	Relays     []Relay
	JournalDir string          // made if it is missing; on a local disk
	Host       string          // names this host to others that share the database
	Boot       string          // identity of this boot of the host; empty where the system tells none
	Lease      time.Duration   // zero: 5 minutes
	Grace      time.Duration   // for how long a lease must have been seen to be over; zero: a quarter of it, between 2.5 and 15 seconds
	DrainTime  time.Duration   // how long messages under way may take at the end; zero: 20 seconds
	Resend     bool            // in_doubt: resend
	Wake       <-chan struct{} // a hint that an edition was published; polling is the truth
	// Retire, once closed, ends Run as the end of its context does, but with all
	// the time that messages under way need: another engine takes over, and
	// nothing has to be cut. Nil: it never does.
	Retire <-chan struct{}
	Now    func() time.Time
	Log    *slog.Logger
	Meter  Meter // nil: nobody reads the figures
	// Adopted says whether this host may send what the ledger holds. It is asked
	// before anything else, and every two seconds; nil: it may. See Place.
	Adopted func(context.Context) error
	Away    func(error) bool // whether an error of Store means "try again"
	// Heed brings to the ledger what this host keeps that forbids sending. It is
	// asked before each claim and each intent, so it must cost next to nothing
	// where there is nothing. Nil: there never is.
	Heed func(context.Context) error

	counts counts
}

// counts is what this process did since it started.
type counts struct {
	accepted, deferred, refused, inDoubt, withdrawn, salvaged, resent atomic.Int64
}

// Counts is what an engine did so far.
type Counts struct {
	Accepted, Deferred, Refused, Withdrawn int
	InDoubt                                int // those of lanes taken over too
	Salvaged                               int // rows settled for processes that died
	Resent                                 int // queued once more out of doubt
}

// Counts may be called while the engine runs.
func (e *Engine) Counts() Counts {
	return Counts{
		Accepted: int(e.counts.accepted.Load()), Deferred: int(e.counts.deferred.Load()),
		Refused: int(e.counts.refused.Load()), InDoubt: int(e.counts.inDoubt.Load()),
		Withdrawn: int(e.counts.withdrawn.Load()), Salvaged: int(e.counts.salvaged.Load()), Resent: int(e.counts.resent.Load()),
	}
}

func (e *Engine) count(s digest.Settlement) {
	switch {
	case s.Withdrawn:
		e.counts.withdrawn.Add(1)
	case s.Outcome.Verdict == digest.VerdictAccepted:
		e.counts.accepted.Add(1)
	case s.Outcome.Verdict == digest.VerdictRefused:
		e.counts.refused.Add(1)
	case s.Outcome.Verdict == digest.VerdictInDoubt:
		e.counts.inDoubt.Add(1)
	default:
		e.counts.deferred.Add(1)
	}
}

// drainTime is how long the last messages and verdicts may take when the
// engine is told to stop.
const drainTime = 20 * time.Second

// settleTime is how long the ledger gets beyond that: lines that were silent
// to the end must still be judged, and their claims given back. Both together
// leave a program that has half a minute some of it.
const settleTime = 5 * time.Second

// ErrUnsettled ends a session whose last verdicts, or lanes, the ledger did not
// take.
var ErrUnsettled = errors.New("the database did not take what was known at the end; nothing is lost: it is kept in the journal, and the next `courant serve` or `courant deliver --drain` on this host settles it")

// Run delivers until ctx is done, then lets each lane finish the message in
// its hands, settles, gives the rest back and returns nil. A relay that
// refuses our login or sender is left alone for a while and tried again.
func (e *Engine) Run(ctx context.Context) error {
	_, err := e.session(ctx, nil)
	return err
}

// Drain works the ledger off and returns what is left: it waits up to wait
// for leases of others, for retries to come due and for relays to come back.
// A relay that refuses our login or sender ends it with an error once no
// other relay is left.
func (e *Engine) Drain(ctx context.Context, wait time.Duration) (digest.Remainder, error) {
	return e.session(ctx, &drain{until: e.now().Add(wait)})
}

// DrainEdition is Drain for one edition: it ends when that one has nothing
// left to do now, whatever else is queued.
func (e *Engine) DrainEdition(ctx context.Context, id digest.EditionID, wait time.Duration) (digest.Remainder, error) {
	return e.session(ctx, &drain{until: e.now().Add(wait), edition: id})
}

// drain is the end condition of a session that works the ledger off.
type drain struct {
	until   time.Time
	edition digest.EditionID // only this one; zero: all
}

func (e *Engine) now() time.Time {
	if e.Now != nil {
		return e.Now()
	}
	return time.Now()
}

func (e *Engine) drainTime() time.Duration {
	if e.DrainTime > 0 {
		return e.DrainTime
	}
	return drainTime
}

func (e *Engine) lease() time.Duration {
	if e.Lease > 0 {
		return e.Lease
	}
	return 5 * time.Minute
}

func (e *Engine) grace() time.Duration {
	if e.Grace > 0 {
		return e.Grace
	}
	return min(max(e.lease()/4, 2500*time.Millisecond), 15*time.Second)
}

// away says whether an act of the store is worth repeating.
func (e *Engine) away(err error) bool {
	if err == nil || errors.Is(err, context.Canceled) {
		return false
	}
	return e.Away != nil && e.Away(err)
}

// session is one process's time at the ledger, from the first lane to the
// last verdict.
func (e *Engine) session(ctx context.Context, d *drain) (left digest.Remainder, err error) {
	if len(e.Relays) == 0 {
		return left, errors.New("no relay is configured: add one under smtp")
	}
	if e.Adopted != nil {
		if err := e.Adopted(ctx); err != nil {
			return left, err
		}
	}
	j, err := createJournal(e.JournalDir, e.Boot)
	if err != nil {
		return left, journalFault(err)
	}
	s := newSession(e, j, d)
	if err := s.run(ctx); err != nil {
		return left, errors.Join(err, j.Close())
	}
	// Everything is settled, so the journal has nothing to tell any more.
	if err := j.Remove(); err != nil {
		return left, err
	}
	if d == nil {
		return left, s.fault()
	}
	left, err = e.Store.Remainder(context.WithoutCancel(ctx))
	if err != nil {
		return left, err
	}
	return left, s.fault()
}

// OutcomeError is an outcome that stopped the engine.
type OutcomeError struct {
	Relay   string
	Outcome digest.Outcome
}

// Error says what happened, to what, and what to do.
func (o *OutcomeError) Error() string {
	if o.Outcome.Class != digest.ClassConfiguration {
		return fmt.Sprintf("relay %s cannot be used now (%s); the deliveries stay queued, `courant deliver --drain` or `courant serve` goes on", o.Relay, digest.WithoutAddresses(o.Outcome.String()))
	}
	s := o.Outcome.Fault // which says what to set
	if s == "" {
		s = "check host, port, username, password_file and tls of this relay under smtp, and from and return_path"
	}
	if !strings.Contains(s, o.Relay) {
		s = fmt.Sprintf("relay %s does not let us send: %s", o.Relay, s)
	}
	if said := digest.WithoutAddresses(o.Outcome.Reply.String()); said != "" {
		s += fmt.Sprintf(" (it said %q)", said)
	}
	return s + "; nothing was counted against any reader"
}

// journalFault says what to do about a journal that cannot be written.
func journalFault(err error) error {
	return fmt.Errorf("%w; nothing is sent without a journal: see that data_dir can be written to and that its disk has room", err)
}
