package deliver_test

import (
	"context"
	"database/sql"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"courant/digest"
	"courant/digest/deliver"
	"courant/digest/smtpsink"
)

// perilous is a ledger on which something goes wrong: each hook runs after
// the act, and an error of its takes the place of the answer.
type perilous struct {
	deliver.Store
	claim, commit, release, renew, takeOver func() error
}

func (p perilous) lose(hook func() error, err error) error {
	if err == nil && hook != nil {
		return hook()
	}
	return err
}

func (p perilous) ClaimFresh(ctx context.Context, l digest.Lane, seq int, e digest.EditionID, after digest.ReaderID, n int) ([]digest.Work, error) {
	work, err := p.Store.ClaimFresh(ctx, l, seq, e, after, n)
	if err = p.lose(p.claim, err); err != nil {
		return nil, err
	}
	return work, nil
}

func (p perilous) ClaimDue(ctx context.Context, l digest.Lane, seq, n int) ([]digest.Work, error) {
	work, err := p.Store.ClaimDue(ctx, l, seq, n)
	if err = p.lose(p.claim, err); err != nil {
		return nil, err
	}
	return work, nil
}

func (p perilous) Commit(ctx context.Context, in []digest.Intent, out []digest.Settlement) ([]digest.LaneRef, []digest.LaneRef, error) {
	granted, settled, err := p.Store.Commit(ctx, in, out)
	if err = p.lose(p.commit, err); err != nil {
		return nil, nil, err
	}
	return granted, settled, nil
}

func (p perilous) Release(ctx context.Context, l digest.Lane, refs []digest.Ref) error {
	if err := p.lose(p.release, nil); err != nil {
		return err
	}
	return p.Store.Release(ctx, l, refs)
}

func (p perilous) RenewLanes(ctx context.Context, owner string, lease time.Duration) ([]digest.Lane, error) {
	if err := p.lose(p.renew, nil); err != nil {
		return nil, err
	}
	return p.Store.RenewLanes(ctx, owner, lease)
}

func (p perilous) TakeOver(ctx context.Context, owner string, until time.Time, judge func([]digest.Stranded) []digest.Salvage) ([]digest.Salvage, error) {
	if err := p.lose(p.takeOver, nil); err != nil {
		return nil, err
	}
	return p.Store.TakeOver(ctx, owner, until, judge)
}

// everyNth loses one answer in n, as a line does that is cut. Which one is
// chance: counting would fall into step with the lanes, and always hit the
// same kind of question.
func everyNth(n int64) func() error {
	return func() error {
		if rand.Int64N(n) == 0 {
			return io.ErrUnexpectedEOF
		}
		return nil
	}
}

// clock is a clock that a test moves.
type clock struct{ ahead atomic.Int64 }

func (c *clock) now() time.Time          { return time.Now().Add(time.Duration(c.ahead.Load())) }
func (c *clock) advance(d time.Duration) { c.ahead.Add(int64(d)) }

// look asks the database a question beside the store.
func (n newspaper) look(query string, args ...any) (answer string) {
	n.t.Helper()
	db, err := sql.Open("postgres", n.dsn)
	if err != nil {
		n.t.Fatal(err)
	}
	defer db.Close()
	if err := db.QueryRowContext(n.t.Context(), query, args...).Scan(&answer); err != nil {
		n.t.Fatalf("%s: %v", query, err)
	}
	return answer
}

// await waits until a query says true.
func (n newspaper) await(query string, args ...any) {
	n.t.Helper()
	for n.look(`SELECT (`+query+`)::text`, args...) != "true" {
		if n.t.Context().Err() != nil {
			n.t.Fatal(n.t.Context().Err())
		}
	}
}

// wantOnce wants each reader mailed once, and nobody charged with a retry.
func (n newspaper) wantOnce(e digest.Edition, sink *smtpsink.Sink, readers int) {
	n.t.Helper()
	n.wantTally(e, digest.Tally{digest.Accepted: readers})
	seen := map[string]int{}
	for _, m := range sink.Messages() {
		seen[m.To]++
	}
	for i := range readers {
		if seen[address(i)] != 1 {
			n.t.Errorf("%s got %d mails", address(i), seen[address(i)])
		}
	}
	if got := n.look(`SELECT max(attempts)::text FROM deliveries`); got != "1" {
		n.t.Errorf("%s attempts for one mail", got)
	}
}

func TestAnswerToAClaimGetsLost(t *testing.T) {
	t.Parallel()
	n, sink := newNewspaper(t, 120), smtpsink.Start(t, smtpsink.Options{})
	e := n.publish()
	engine := n.engine(sink, 2)
	engine.Store = perilous{Store: n.Store, claim: everyNth(4)}
	if left, err := engine.Drain(t.Context(), time.Minute); err != nil || left.Total() != 0 {
		t.Errorf("left %+v, %v", left, err)
	}
	n.wantOnce(e, sink, 120)
}

func TestAnswerToACommitGetsLost(t *testing.T) {
	t.Parallel()
	n, sink := newNewspaper(t, 120), smtpsink.Start(t, smtpsink.Options{})
	e := n.publish()
	engine := n.engine(sink, 3)
	engine.Store = perilous{Store: n.Store, commit: everyNth(3)}
	if left, err := engine.Drain(t.Context(), time.Minute); err != nil || left.Total() != 0 {
		t.Errorf("left %+v, %v", left, err)
	}
	n.wantOnce(e, sink, 120)
}

// The intent stands from the first time, the reader leaves, and the second
// time refuses it: the row must not stay in the lane's hands.
func TestReaderLeavesBetweenAnIntentAndItsRepetition(t *testing.T) {
	t.Parallel()
	n, sink := newNewspaper(t, 30), smtpsink.Start(t, smtpsink.Options{})
	e := n.publish()
	var once sync.Once
	engine := n.engine(sink, 1)
	engine.Store = perilous{Store: n.Store, commit: func() (err error) {
		once.Do(func() {
			reader, ferr := n.FindReader(t.Context(), hash(0))
			lerr := n.Leave(t.Context(), digest.Ref{Edition: e.ID, Reader: reader.ID}, digest.Leaving{At: time.Now()})
			err = io.ErrUnexpectedEOF
			if ferr != nil || lerr != nil {
				t.Error(ferr, lerr)
			}
		})
		return err
	}}
	if left, err := engine.Drain(t.Context(), time.Minute); err != nil || left.Total() != 0 {
		t.Errorf("left %+v, %v", left, err)
	}
	n.wantTally(e, digest.Tally{digest.Accepted: 29, digest.Cancelled: 1})
	if len(sink.To(address(0))) > 0 {
		t.Error("the reader who left was mailed")
	}
}

// An editor holds the edition right after a claim, so that no intent is
// granted; the claims cannot be given back; then the edition goes on.
func TestClaimsThatCannotBeGivenBackAreNotForgotten(t *testing.T) {
	t.Parallel()
	n, sink := newNewspaper(t, 40), smtpsink.Start(t, smtpsink.Options{})
	e := n.publish()
	engine := n.engine(sink, 1)
	var claims, failures atomic.Int64
	engine.Store = perilous{Store: n.Store, claim: func() error {
		if claims.Add(1) == 2 { // the first asked for what is due
			_, err := n.MoveEdition(t.Context(), e.ID, digest.EditionHeld, "an editor said stop")
			return err
		}
		return nil
	}, release: func() error {
		switch failures.Add(1) {
		case 1, 2:
			return io.ErrUnexpectedEOF
		case 3:
			if _, err := n.MoveEdition(t.Context(), e.ID, digest.EditionSending, ""); err != nil {
				return err
			}
			return io.ErrUnexpectedEOF
		}
		return nil
	}}
	if left, err := engine.Drain(t.Context(), 20*time.Second); err != nil || left.Total() != 0 {
		t.Errorf("left %+v, %v", left, err)
	}
	if failures.Load() < 3 {
		t.Errorf("giving back failed %d times only", failures.Load())
	}
	n.wantOnce(e, sink, 40)
}

// A lane is taken over although its process lives: it goes on with another,
// at once and not with the next renewal of its lease.
func TestLaneThatWasTakenOverIsReplaced(t *testing.T) {
	t.Parallel()
	n := newNewspaper(t, 200)
	sink := smtpsink.Start(t, smtpsink.Options{Script: smtpsink.Rules(
		smtpsink.Rule{At: smtpsink.AtRcpt, Skip: 20, First: 1, Do: smtpsink.Action{Do: smtpsink.Stall}},
	)})
	e := n.publish()
	engine := n.engine(sink, 1)
	engine.Lease = time.Hour
	done := make(chan error, 1)
	go func() {
		left, err := engine.Drain(t.Context(), time.Minute)
		if left.Total() != 0 {
			err = errors.Join(err, errors.New("something is left"))
		}
		done <- err
	}()
	must(t, sink.WaitStalled(t.Context(), 1))
	owner := n.look(`SELECT owner FROM lanes`)
	_, err := n.TakeOver(t.Context(), owner, time.Time{}, func(rows []digest.Stranded) (list []digest.Salvage) {
		for _, r := range rows {
			list = append(list, digest.Salvage{Ref: r.Ref, State: digest.InDoubt, Attempt: true, Reply: "taken over"})
		}
		return list
	})
	must(t, err)
	doubts := n.tally(e)[digest.InDoubt]
	sink.Release()
	must(t, <-done)
	// Whatever the lane had in its hands stays as the other one judged it.
	n.wantTally(e, digest.Tally{digest.InDoubt: doubts, digest.Accepted: 200 - doubts})
	if doubts == 0 || doubts > 64 {
		t.Errorf("%d in doubt, want the lane's run-ahead", doubts)
	}
	for i := range 200 {
		if got := len(sink.To(address(i))); got > 1 {
			t.Errorf("%s got %d mails", address(i), got)
		}
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// The intent for the next messages is asked for while the present ones are
// sent; when those take long, it is old before it is used.
func TestIntentThatGrewOldBehindASlowMessageIsRenewed(t *testing.T) {
	t.Parallel()
	n := newNewspaper(t, 7)
	sink := smtpsink.Start(t, smtpsink.Options{Script: smtpsink.Rules(
		// The second of the first two: the next two are being asked for.
		smtpsink.Rule{At: smtpsink.AtRcpt, Skip: 1, First: 1, Do: smtpsink.Action{Do: smtpsink.Stall}},
	)})
	e := n.publish()
	engine, c := n.engine(sink, 1), &clock{}
	engine.Now = c.now
	done := make(chan error, 1)
	go func() {
		_, err := engine.Drain(t.Context(), time.Hour)
		done <- err
	}()
	must(t, sink.WaitStalled(t.Context(), 1))
	n.await(`SELECT count(*) >= 3 FROM deliveries WHERE state = 'sending'`)
	// All leave but the two who come first: the one who has the mail, and the
	// one whose mail is in the lane's hands.
	for i := 2; i < 7; i++ {
		reader, err := n.FindReader(t.Context(), hash(i))
		must(t, err)
		must(t, n.Leave(t.Context(), digest.Ref{Edition: e.ID, Reader: reader.ID}, digest.Leaving{At: time.Now()}))
	}
	c.advance(time.Second)
	sink.Release()
	must(t, <-done)
	if got := sink.Count(); got != 2 {
		t.Errorf("%d mails, want those of the two who stayed", got)
	}
	n.wantTally(e, digest.Tally{digest.Accepted: 2, digest.Cancelled: 5})
}

func TestHeldEditionStopsWithinAnIntent(t *testing.T) {
	t.Parallel()
	n := newNewspaper(t, 40)
	sink := smtpsink.Start(t, smtpsink.Options{Script: smtpsink.Rules(
		smtpsink.Rule{At: smtpsink.AtRcpt, Skip: 4, First: 1, Do: smtpsink.Action{Do: smtpsink.Stall}},
	)})
	e := n.publish()
	engine, c := n.engine(sink, 1), &clock{}
	engine.Now = c.now
	done := make(chan error, 1)
	go func() {
		_, err := engine.Drain(t.Context(), time.Hour)
		done <- err
	}()
	must(t, sink.WaitStalled(t.Context(), 1))
	if held, err := n.MoveEdition(t.Context(), e.ID, digest.EditionHeld, "an editor said stop"); err != nil || !held {
		t.Fatal(held, err)
	}
	c.advance(time.Second)
	sink.Release()
	must(t, <-done)
	n.wantTally(e, digest.Tally{digest.Accepted: 4, digest.Queued: 36})
	if got, err := n.Edition(t.Context(), e.ID); err != nil || got.State != digest.EditionHeld || sink.Count() != 4 {
		t.Errorf("the edition is %s with %d mails, %v", got.State, sink.Count(), err)
	}
	if got := n.look(`SELECT sum(attempts)::text FROM deliveries WHERE state = 'queued'`); got != "0" {
		t.Errorf("%s attempts were charged", got)
	}
	_, err := n.MoveEdition(t.Context(), e.ID, digest.EditionSending, "")
	must(t, err)
	drain(t, n.engine(sink, 2))
	n.wantOnce(e, sink, 40)
}

func TestClocksApartLoseNothing(t *testing.T) {
	t.Parallel()
	for _, apart := range []time.Duration{-48 * time.Hour, 48 * time.Hour} {
		n, sink := newNewspaper(t, 30), smtpsink.Start(t, smtpsink.Options{})
		e := n.publish()
		engine, c := n.engine(sink, 2), &clock{}
		c.advance(apart)
		engine.Now = c.now
		drain(t, engine)
		n.wantOnce(e, sink, 30)
	}
}

func TestSpentLimitLeavesTheRestQueued(t *testing.T) {
	t.Parallel()
	n, sink := newNewspaper(t, 12), smtpsink.Start(t, smtpsink.Options{})
	e := n.publish()
	ctx, stop := context.WithCancel(t.Context())
	engine := n.engine(sink, 3)
	engine.Relays[0].Limits = []deliver.Limit{{Messages: 5, Per: 1000 * time.Hour}, {Messages: 100, Per: time.Second}}
	done := make(chan error, 1)
	go func() { done <- engine.Run(ctx) }()
	must(t, sink.Wait(t.Context(), 5))
	// Nothing stays in the hands of lanes that may not send: others could.
	n.await(`SELECT count(*) = 7 AND sum(attempts) = 0 FROM deliveries WHERE state = 'queued'`)
	stop()
	must(t, <-done)
	n.wantTally(e, digest.Tally{digest.Accepted: 5, digest.Queued: 7})
	drain(t, n.engine(sink, 1))
	n.wantOnce(e, sink, 12)
}

// One relic whose take-over fails must not keep the locks of the others.
func TestFailedTakeOverIsTriedAgain(t *testing.T) {
	t.Parallel()
	n, sink := newNewspaper(t, 30), smtpsink.Start(t, smtpsink.Options{})
	e := n.publish()
	engine := n.engine(sink, 1)
	_, err := n.MoveEdition(t.Context(), e.ID, digest.EditionSending, "")
	must(t, err)
	for i, owner := range []string{"dead0", "dead1", "dead2"} {
		for _, suffix := range []string{".0", ".1"} {
			writeFile(t, filepath.Join(engine.JournalDir, owner+suffix), "courant journal 1\nboot\n")
		}
		lanes, err := n.JoinLanes(t.Context(), digest.Owner{ID: owner, Host: "here", Journal: filepath.Join(engine.JournalDir, owner)}, 1, time.Hour)
		must(t, err)
		if work, err := n.ClaimFresh(t.Context(), lanes[0], i, e.ID, 0, 10); err != nil || len(work) != 10 {
			t.Fatalf("claimed %d, %v", len(work), err)
		}
	}
	var tries atomic.Int64
	engine.Store = perilous{Store: n.Store, takeOver: func() error {
		if tries.Add(1) == 1 {
			return io.ErrUnexpectedEOF
		}
		return nil
	}}
	if left, err := engine.Drain(t.Context(), 20*time.Second); err != nil || left.Total() != 0 {
		t.Errorf("left %+v, %v", left, err)
	}
	n.wantOnce(e, sink, 30)
	if names, err := filepath.Glob(filepath.Join(engine.JournalDir, "*")); err != nil || len(names) > 0 {
		t.Errorf("journals are left: %s, %v", strings.Join(names, " "), err)
	}
}

// A process that stands still past its lease is taken over by another on the
// same host. What it had journalled counts; what it says late does not.
func TestStoppedProcessIsTakenOverAndFencedOff(t *testing.T) {
	t.Parallel()
	const readers = 300
	n := newNewspaper(t, readers)
	sink := smtpsink.Start(t, smtpsink.Options{Script: smtpsink.Rules(
		smtpsink.Rule{At: smtpsink.AtDot, Skip: 100, First: 1, Do: smtpsink.Action{Do: smtpsink.Stall}},
	)})
	e := n.publish()
	stopped, other := n.engine(sink, 1), n.engine(sink, 2)
	other.JournalDir = stopped.JournalDir
	stopped.Lease = time.Hour
	// From the moment its message hangs, nothing it says gets through any more.
	var still atomic.Bool
	awake := make(chan struct{})
	hang := func() error {
		if still.Load() {
			<-awake
		}
		return nil
	}
	stopped.Store = perilous{Store: n.Store, claim: hang, renew: hang, release: hang}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	done := make(chan error, 1)
	go func() { done <- stopped.Run(ctx) }()
	must(t, sink.WaitStalled(t.Context(), 1))
	still.Store(true)
	n.exec(`UPDATE lanes SET lease_until = clock_timestamp() - interval '1 second'`)
	otherDone := make(chan error, 1)
	go func() {
		_, err := other.Drain(t.Context(), time.Minute)
		otherDone <- err
	}()
	// All but what the stopped one had in its hands is sent by the other.
	must(t, <-otherDone)
	tally := n.tally(e)
	if tally[digest.InDoubt] < 1 || tally[digest.InDoubt] > 64 || tally[digest.InDoubt]+tally[digest.Accepted] != readers {
		t.Errorf("ledger says %s", tally)
	}
	sink.Release()
	close(awake)
	stop()
	must(t, <-done)
	if after := n.tally(e); after.String() != tally.String() {
		t.Errorf("late verdicts changed the ledger from %s to %s", tally, after)
	}
	for i := range readers {
		if got := len(sink.To(address(i))); got > 1 {
			t.Errorf("%s got %d mails", address(i), got)
		}
	}
}

// exec changes the database beside the store.
func (n newspaper) exec(query string, args ...any) {
	n.t.Helper()
	db, err := sql.Open("postgres", n.dsn)
	must(n.t, err)
	defer db.Close()
	_, err = db.ExecContext(n.t.Context(), query, args...)
	must(n.t, err)
}

func writeFile(t testing.TB, name, text string) {
	t.Helper()
	must(t, os.WriteFile(name, []byte(text), 0o600))
}

// A lane that gives its claims back for a while goes on with other messages:
// the connection must not be promised to the one it gave back.
func TestLimitBreaksARunOffWithoutBlame(t *testing.T) {
	t.Parallel()
	n, sink := newNewspaper(t, 6), smtpsink.Start(t, smtpsink.Options{})
	e := n.publish()
	reader, err := n.FindReader(t.Context(), hash(3))
	must(t, err)
	engine := n.engine(sink, 1)
	engine.Relays[0].Limits = []deliver.Limit{{Messages: 3, Per: 1500 * time.Millisecond}}
	var once sync.Once
	engine.Store = perilous{Store: n.Store, claim: func() (err error) {
		if sink.Count() == 3 {
			// The fourth was promised, and leaves before its turn comes again.
			once.Do(func() {
				err = n.Leave(t.Context(), digest.Ref{Edition: e.ID, Reader: reader.ID}, digest.Leaving{At: time.Now()})
			})
		}
		return err
	}}
	if left, err := engine.Drain(t.Context(), time.Minute); err != nil || left.Total() != 0 {
		t.Errorf("left %+v, %v", left, err)
	}
	n.wantTally(e, digest.Tally{digest.Accepted: 5, digest.Cancelled: 1})
	if got := n.look(`SELECT string_agg(attempts::text, '' ORDER BY reader_id) FROM deliveries`); got != "111011" {
		t.Errorf("attempts are %s", got)
	}
}

// All lanes of a process are taken over while it lives, again and again. What
// one of them had claimed is claimed by another of the same process, while the
// first still asks for leave to send it: often in the same commit.
func TestLanesOfOneProcessDoNotSendForEachOther(t *testing.T) {
	t.Parallel()
	const readers, takeOvers = 1500, 10
	n, sink := newNewspaper(t, readers), smtpsink.Start(t, smtpsink.Options{})
	e := n.publish()
	engine := n.engine(sink, 8)
	engine.Lease = time.Hour
	engine.Log = slog.New(slog.DiscardHandler)
	// A slow ledger makes for large commits.
	engine.Store = perilous{Store: n.Store, commit: func() error {
		n.look(`SELECT pg_sleep(0.02)::text`)
		return nil
	}}
	done := make(chan error, 1)
	go func() {
		left, err := engine.Drain(t.Context(), time.Minute)
		if left.Total() != 0 {
			err = errors.Join(err, errors.New("something is left"))
		}
		done <- err
	}()
	for i := range takeOvers {
		must(t, sink.Wait(t.Context(), (i+1)*readers/(2*takeOvers)))
		n.await(`SELECT EXISTS (SELECT 1 FROM lanes)`) // they may be joining again just now
		_, err := n.TakeOver(t.Context(), n.look(`SELECT owner FROM lanes LIMIT 1`), time.Time{}, allInDoubt)
		must(t, err)
	}
	must(t, <-done)
	tally := n.tally(e)
	if tally[digest.Accepted]+tally[digest.InDoubt] != readers {
		t.Errorf("ledger says %s", tally)
	}
	for i := range readers {
		if got := len(sink.To(address(i))); got > 1 {
			t.Errorf("%s got %d mails", address(i), got)
		}
	}
}

// allInDoubt judges without a journal.
func allInDoubt(rows []digest.Stranded) (list []digest.Salvage) {
	for _, r := range rows {
		list = append(list, digest.Salvage{Ref: r.Ref, State: digest.InDoubt, Attempt: true, Reply: "taken over"})
	}
	return list
}
