package deliver

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"courant/digest"
)

// session holds what the lanes of one run share.
type session struct {
	*Engine
	owner     digest.Owner
	journal   *journal
	committer *committer
	feed      *feed
	proofs    *proofs
	letters   *letterLane
	relays    []*relayState
	shares    *shares
	domains   *domains
	vigil     *vigil
	drain     *drain

	// stop is done when lanes must take no more work; work is what calls to
	// the store and the relays live on, and ends drainTime later; last is
	// what the final verdicts are written on, and ends settleTime after that.
	stop     context.Context
	stopNow  context.CancelFunc
	work     context.Context
	endWork  context.CancelFunc
	last     context.Context
	endLast  context.CancelFunc
	retired  atomic.Bool  // what is under way may take its time
	busy     atomic.Int64 // lanes with claimed rows
	activity atomic.Int64 // grows with every claim
	peak     atomic.Int64 // messages accepted in the best second so far
	wake     *wakeup

	mu     sync.Mutex
	failed error
}

func newSession(e *Engine, j *journal, d *drain) *session {
	s := &session{
		Engine: e, journal: j, drain: d,
		owner: digest.Owner{ID: j.Name, Host: e.Host, Boot: e.Boot, Journal: filepath.Join(e.JournalDir, j.Name)},
		wake:  newWakeup(),
	}
	s.vigil = newVigil(e.grace())
	s.committer = newCommitter(s)
	s.domains = newDomains(s.now, s.rate, s.Log)
	s.feed = newFeed(e.heedful(), s.domains, s.now)
	s.proofs = newProofs(e)
	for i := range e.Relays {
		s.relays = append(s.relays, newRelayState(&e.Relays[i], s.now, e.Store))
	}
	s.shares = &shares{now: s.now, relays: s.relays}
	s.letters = newLetterLane(s)
	return s
}

// rate is how many messages a second this process sends at its best, as far
// as it was seen.
func (s *session) rate() float64 {
	rate := float64(s.peak.Load())
	now := 0.0
	for _, r := range s.relays {
		now += float64(r.pulse.Load()) * float64(max(r.Connections, 1))
	}
	return max(rate, now, 10)
}

// run tells the session in order: join, work, drain, settle, leave.
func (s *session) run(ctx context.Context) error {
	s.stop, s.stopNow = context.WithCancel(ctx)
	defer s.stopNow()
	s.work, s.endWork = context.WithCancel(context.WithoutCancel(ctx))
	defer s.endWork()
	s.last, s.endLast = context.WithCancel(context.WithoutCancel(ctx))
	defer s.endLast()
	lanes, err := s.join(ctx)
	if err != nil {
		return err
	}
	// The last messages and verdicts get their time, not more.
	timer := context.AfterFunc(s.stop, func() {
		if s.retired.Load() {
			select {
			case <-s.last.Done(): // all was said in time
				return
			case <-ctx.Done():
			}
		}
		time.AfterFunc(s.drainTime(), s.endWork)
		time.AfterFunc(s.drainTime()+settleTime, s.endLast)
	})
	defer timer()

	go s.committer.run(s.last)
	var crew sync.WaitGroup
	// A committer that gives up ends the session: nothing may be sent then.
	crew.Go(func() {
		select {
		case <-s.committer.ended:
			s.stopNow()
		case <-s.stop.Done():
		}
	})
	crew.Go(func() {
		select {
		case <-s.Retire:
			s.retired.Store(true)
			s.stopNow()
		case <-s.stop.Done():
		}
	})
	for _, l := range lanes {
		crew.Go(l.run)
	}
	crew.Go(s.letters.run)
	endLease := s.holdLease()
	s.keep()
	s.stopNow()
	s.wake.All()
	crew.Wait()
	close(s.committer.requests)
	<-s.committer.ended
	endLease()
	return s.leave()
}

// join waits for the database and makes the lanes.
func (s *session) join(ctx context.Context) ([]*lane, error) {
	total := 0
	for _, r := range s.relays {
		total += max(r.Connections, 1)
	}
	ids, err := s.Store.JoinLanes(ctx, s.owner, total, s.lease())
	if err != nil {
		return nil, err
	}
	var lanes []*lane
	for _, r := range s.relays {
		for range max(r.Connections, 1) {
			lanes = append(lanes, newLane(s, r, ids[len(lanes)]))
		}
	}
	return lanes, nil
}

// leave gives the lanes back. When the committer could not settle all, the
// journal stays and the lease runs out.
func (s *session) leave() error {
	if s.committer.err != nil {
		return fmt.Errorf("%w: %w", ErrUnsettled, s.committer.err)
	}
	if s.letters.unheard.Load() {
		return fmt.Errorf("%w: %w", ErrUnsettled, errLetterUnheard)
	}
	ctx, cancel := context.WithTimeout(s.last, drainTime)
	defer cancel()
	s.tellLast(ctx)
	if err := s.Store.LeaveLanes(ctx, s.owner.ID); err != nil {
		return fmt.Errorf("%w: %w", ErrUnsettled, err)
	}
	if s.Resend {
		if _, err := s.Store.ResendDoubtful(ctx); err != nil {
			return err
		}
	}
	// The last verdict may have ended an edition.
	return s.finish(ctx)
}

// tellLast leaves to others what this process knows of mail domains and has
// left of the relays' limits. Where that fails they find out by themselves.
func (s *session) tellLast(ctx context.Context) {
	err := s.domains.Tell(ctx, s.Store)
	for _, r := range s.relays {
		err = errors.Join(err, r.pacer.giveBack(ctx, true))
	}
	if err != nil {
		s.Log.Warn("cannot tell what is known of mail domains and limits", "error", err)
	}
}

// fault is the outcome that stopped a session which was to end by itself.
func (s *session) fault() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failed
}

// intervals of the keeper's rounds.
const (
	roundEvery  = time.Second
	rewindEvery = 30 * time.Second // goes through all that was sent: not often
	sweepEvery  = 5 * time.Second
	resendEvery = 10 * time.Second
	finishEvery = 5 * time.Second
	// othersTime is how long a drain waits on while another process has rows
	// in its hands and none of them moves.
	othersTime = 5 * time.Second
)

// keep does the rounds until the session is to stop: it takes over from the dead, opens and finishes editions, and expires what is
// late. Errors of a database that is away are waited out.
func (s *session) keep() {
	k := keeper{session: s, quick: s.drain != nil}
	for {
		err := k.round()
		switch {
		case errors.Is(err, errDrained):
			return
		case s.away(err):
			s.Log.Warn("database is away", "error", err)
		case err != nil && s.stop.Err() == nil:
			s.Log.Error("ledger round failed", "error", err)
			if s.drain != nil {
				s.fail(err)
				return
			}
		}
		wait := min(roundEvery, s.lease()/4)
		if k.quick {
			wait = 50 * time.Millisecond
		}
		select {
		case <-s.stop.Done():
			return
		case <-s.Wake:
		case <-time.After(wait):
		}
	}
}

func (s *session) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failed == nil {
		s.failed = err
	}
}

// errDrained ends a session that works the ledger off.
var errDrained = errors.New("drained")

// keeper is the state of the rounds.
type keeper struct {
	*session
	retried                     bool // what is held was looked at again
	quick                       bool // rounds follow quickly: nothing was idle yet, or a drain waits for its end
	swept, rewound, took        time.Time
	resentAt, finished, countAt time.Time
	seen, doubts                int64
	measured                    time.Time // when accepted was read
	accepted                    int64
	leftAt                      time.Time // when a drain may count what is left again
	left                        int       // what a drain saw last ...
	moved                       time.Time // ... and since when
	asked                       time.Time // whether this host may send
}

// adoptedEvery is how often it is asked whether this host may still send.
const adoptedEvery = 2 * time.Second

// stillAdopted ends the session where the database was replaced under it.
func (k *keeper) stillAdopted(now time.Time) error {
	if k.Adopted == nil || now.Sub(k.asked) < adoptedEvery {
		return nil
	}
	if k.asked.IsZero() {
		k.asked = now // the session began with it
		return nil
	}
	err := k.Adopted(k.work)
	if errors.Is(err, digest.ErrNotAdopted) {
		k.fail(err)
		return errDrained
	}
	if err == nil {
		k.asked = now
	}
	return err
}

func (k *keeper) round() error {
	now := k.now()
	if err := k.stillAdopted(now); err != nil {
		return err
	}
	if k.Heed != nil { // also where there is nothing to claim
		if err := k.Heed(k.work); err != nil {
			return err
		}
	}
	if now.Sub(k.took) > 2*time.Second {
		if err := k.takeRelics(); err != nil {
			return err
		}
		k.took = now
	}
	if err := k.takeOverdue(); err != nil {
		return err
	}
	if err := k.learn(now); err != nil {
		return err
	}
	if !k.retried {
		if err := k.retry(); err != nil {
			return err
		}
		k.retried = true
	}
	if err := k.open(); err != nil {
		return err
	}
	if now.Sub(k.swept) > sweepEvery {
		if err := k.sweep(); err != nil {
			return err
		}
		k.swept = now
	}
	if err := k.show(); err != nil {
		return err
	}
	if err := k.watchEdition(now); err != nil {
		return err
	}
	return k.rest(now)
}

// learn measures how fast it goes, and hears and tells what the processes have
// in common: which mail domains wait, and what the relays' limits have left.
func (k *keeper) learn(now time.Time) error {
	if now.Sub(k.measured) < roundEvery && !k.domains.News() {
		return nil
	}
	if span := now.Sub(k.measured); span >= roundEvery {
		accepted := k.counts.accepted.Load()
		if !k.measured.IsZero() {
			k.peak.Store(max(k.peak.Load(), int64(float64(accepted-k.accepted)/span.Seconds())))
		}
		k.measured, k.accepted = now, accepted
	}
	for _, r := range k.relays {
		if err := r.pacer.giveBack(k.work, false); err != nil {
			return err
		}
		if err := k.tellLimit(r); err != nil {
			return err
		}
	}
	return k.domains.Tell(k.work, k.Store)
}

// tellLimit tells the operator once that a limit of a relay is reached, and
// that it holds nothing up any more.
func (k *keeper) tellLimit(r *relayState) error {
	wait, by, any, err := r.pacer.news(k.work)
	switch {
	case err != nil || !any:
		return err
	case wait > 0:
		k.Log.Warn("limit of a relay is reached, its mails wait", "relay", r.Name, "limit", by.String(),
			"next", k.now().Add(wait).UTC().Format(time.RFC3339))
	default:
		k.Log.Info("limits of a relay let mail go again", "relay", r.Name)
	}
	return nil
}

// watchEdition ends a drain of one edition when that has nothing left to do.
// Counting takes its time with a million readers, so it gets a tenth of the
// time at most.
func (k *keeper) watchEdition(now time.Time) error {
	if k.drain == nil || k.drain.edition == 0 || now.Before(k.countAt) {
		return nil
	}
	tally, err := k.Store.Tally(k.work, k.drain.edition)
	if err != nil {
		return err
	}
	k.countAt = k.now().Add(10 * k.now().Sub(now))
	if tally.Unfinished() > 0 {
		return nil
	}
	if again, err := k.resend(); err != nil || again {
		return err
	}
	return errDrained
}

// takeRelics ends what dead processes left on this host, at once, by their
// journals.
func (k *keeper) takeRelics() error {
	relics, err := deadJournals(k.JournalDir, k.Boot)
	if err != nil {
		k.Log.Error("cannot read the journals of dead processes", "error", err)
		err = nil // the lease runs out on those that cannot be read
	}
	for _, r := range relics {
		// Each is let go, whatever became of those before it: a lock that stays
		// would make the dead look alive.
		err = errors.Join(err, k.takeRelic(r))
	}
	return err
}

// takeOverdue ends what processes left whose journal is not to be had, when
// their lease was seen to be over for long enough.
func (k *keeper) takeOverdue() error {
	owners, until := k.vigil.Due()
	for _, o := range owners {
		judge, how := k.judgeLost(o)
		saved, err := k.Store.TakeOver(k.work, o.ID, until, judge)
		if err != nil {
			return err
		}
		k.logTakeover(o.ID, how, saved)
	}
	return nil
}

// judgeLost finds who judges the rows of a process whose lease is over. One of
// this host that stands still keeps its lock, but what it journalled as ended
// has ended; nothing else of it is believed.
func (k *keeper) judgeLost(o digest.Owner) (judge func([]digest.Stranded) []digest.Salvage, how string) {
	if o.Host == k.Host && o.Journal == filepath.Join(k.JournalDir, o.ID) {
		r, err := readRelic(k.JournalDir, o.ID, k.Boot)
		if err == nil {
			r.Whole = false
			return r.Judge, "lease over, it stands still"
		}
		k.Log.Warn("cannot read the journal of a process that stands still", "owner", o.ID, "error", err)
	}
	return judgeWithout, "lease over, no journal"
}

func (k *keeper) takeRelic(r *relic) (err error) {
	defer func() { err = errors.Join(err, r.Close()) }()
	saved, err := k.Store.TakeOver(k.work, r.Name, time.Time{}, r.Judge)
	if err != nil {
		return err
	}
	k.logTakeover(r.Name, "journal read", saved)
	if err := k.takeLetters(r); err != nil {
		return err
	}
	// The lanes are gone and their rows judged, now or by whoever came first.
	return removeJournal(k.JournalDir, r.Name)
}

func (k *keeper) logTakeover(owner, how string, saved []digest.Salvage) {
	states := map[digest.DeliveryState]int{}
	for _, s := range saved {
		states[s.State]++
	}
	k.counts.salvaged.Add(int64(len(saved)))
	k.counts.inDoubt.Add(int64(states[digest.InDoubt]))
	k.meter().Salvaged(len(saved), states[digest.InDoubt])
	if states[digest.InDoubt] > 0 {
		k.resentAt = time.Time{}
	}
	k.Log.Warn("took over from a dead process", "owner", owner, "how", how, "accepted", states[digest.Accepted],
		"in_doubt", states[digest.InDoubt], "queued", states[digest.Queued], "refused", states[digest.Refused])
}

// open renders the editions that were published and lets them go, or holds
// them with the reason.
func (k *keeper) open() error {
	ids, err := k.Store.EditionsIn(k.work, digest.EditionOpen)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if err := k.openEdition(id); err != nil {
			return err
		}
	}
	return nil
}

func (k *keeper) openEdition(id digest.EditionID) error {
	err := k.preflight(id)
	var fault renderFault
	if errors.As(err, &fault) {
		return k.hold(id, fault.Error())
	}
	if err != nil {
		return err
	}
	_, err = k.Store.OpenEdition(k.work, id)
	return err
}

func (s *session) hold(id digest.EditionID, reason string) error {
	s.Log.Error("edition is held", "edition", id, "reason", reason)
	_, err := s.Store.MoveEdition(s.work, id, digest.EditionHeld, reason)
	return err
}

func (k *keeper) sweep() error {
	n, err := k.Store.ExpireQueued(k.work)
	if err != nil {
		return err
	}
	if n > 0 {
		k.meter().Expired(n)
		k.Log.Warn("deliveries expired", "deliveries", n)
	}
	return k.sweepLetters()
}

// show tells the lanes what there is to do.
func (k *keeper) show() error {
	if doubts := k.counts.inDoubt.Load(); k.Resend && (doubts != k.doubts || k.now().Sub(k.resentAt) > resendEvery) {
		k.doubts, k.resentAt = doubts, k.now()
		if _, err := k.resend(); err != nil {
			return err
		}
	}
	ids, err := k.Store.EditionsIn(k.work, digest.EditionSending)
	if err != nil {
		return err
	}
	k.proofs.Keep(ids)
	k.feed.Show(ids)
	if len(ids) > 0 {
		k.wake.All()
	}
	return nil
}

// finish ends the editions that have nothing left to do, a line each.
func (s *session) finish(ctx context.Context) error {
	ids, err := s.Store.FinishEditions(ctx, s.Resend)
	if err != nil {
		return err
	}
	for _, id := range ids {
		tally, err := s.Store.Tally(ctx, id)
		if err != nil {
			return err
		}
		s.Log.Info("edition is done", "edition", id, "deliveries", tally.String())
	}
	return nil
}

// resend queues what is in doubt once more, where that is the policy. An
// edition is not done before.
func (s *session) resend() (any bool, err error) {
	if !s.Resend {
		return false, nil
	}
	n, err := s.Store.ResendDoubtful(s.work)
	if err != nil {
		return false, err
	}
	if n > 0 {
		s.counts.resent.Add(int64(n))
		s.meter().Resent(n)
		s.Log.Warn("sending again what was in doubt", "deliveries", n)
	}
	return n > 0, nil
}

// rest looks whether the work is done: it finishes editions, and ends a drain
// whose time or work is over.
func (k *keeper) rest(now time.Time) error {
	claims := k.activity.Load()
	idle := k.busy.Load() == 0 && claims == k.seen && k.feed.Spent() && k.letters.Spent()
	k.seen = claims
	k.quick = k.drain != nil
	if down := k.allDown(); down != nil && k.drain != nil && now.After(k.drain.until) {
		k.fail(down)
		return errDrained
	}
	if k.faulted() && k.drain != nil {
		k.fail(k.allDown())
		return errDrained
	}
	if !idle || k.drain == nil && now.Sub(k.finished) < finishEvery {
		return nil
	}
	k.finished = now
	if again, err := k.resend(); err != nil || again {
		return err
	}
	if err := k.finish(k.work); err != nil {
		return err
	}
	if k.drain == nil {
		if now.Sub(k.rewound) > rewindEvery {
			k.feed.Rewind()
			k.rewound = now
		}
		return nil
	}
	return k.drained(now)
}

// drained ends a drain when nothing can come in time any more.
func (k *keeper) drained(now time.Time) error {
	if now.Before(k.leftAt) {
		return nil
	}
	left, err := k.Store.Remainder(k.work)
	if err != nil {
		return err
	}
	// Counting a million that wait for their domain takes a second or two.
	k.leftAt = k.now().Add(4 * k.now().Sub(now))
	if n := left.Total(); n != k.left {
		k.left, k.moved = n, now
	}
	early := now.Before(k.drain.until)
	switch {
	case left.Due > 0 && (early || now.Sub(k.moved) < drainTime):
		if now.Sub(k.rewound) > 200*time.Millisecond {
			k.feed.Rewind()
			k.rewound = now
		}
	case left.Claimed > 0 && (early || now.Sub(k.moved) < othersTime || k.vigil.Watching()):
		// Another process is at it, or its lease has to end.
	case left.Deferred > 0 && left.Next > 0 && now.Add(left.Next).Before(k.drain.until):
	default:
		return errDrained
	}
	// Leases and retries are far away: no need for quick rounds.
	k.quick = left.Due > 0 || left.Next > 0 && left.Next < 2*roundEvery
	return nil
}

// allDown is the outcome of one relay when none can be used.
func (s *session) allDown() error {
	var last error
	for _, r := range s.relays {
		err := r.Down()
		if err == nil {
			return nil
		}
		last = err
	}
	return last
}

// faulted says whether every relay refuses our login or sender.
func (s *session) faulted() bool {
	for _, r := range s.relays {
		var oe *OutcomeError
		if !errors.As(r.Down(), &oe) || oe.Outcome.Class != digest.ClassConfiguration {
			return false
		}
	}
	return true
}
