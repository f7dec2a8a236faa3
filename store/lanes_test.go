package store_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"courant/digest"
	"courant/store"
	"courant/store/storetest"

	"github.com/jmoiron/sqlx"
)

// owner joins lanes for a process of that name.
func (n *newsroom) join(owner string, lanes int, lease time.Duration) []digest.Lane {
	n.t.Helper()
	got, err := n.JoinLanes(n.t.Context(), digest.Owner{ID: owner, Host: "h", Boot: "b", Journal: "j"}, lanes, lease)
	if err != nil || len(got) != lanes {
		n.t.Fatalf("joined %d lanes, %v", len(got), err)
	}
	return got
}

// letLeaseRunOut ends a process's lease by the database's clock.
func (n *newsroom) letLeaseRunOut(owner string) {
	n.t.Helper()
	n.do(`UPDATE lanes SET lease_until = clock_timestamp() - interval '1 second' WHERE owner = $1`, owner)
}

// sendingTo subscribes readers and publishes an edition that is sending.
func sendingTo(t testing.TB, readers int) (*newsroom, digest.EditionID, []digest.ReaderID) {
	t.Helper()
	n := newNewsroom(t)
	addresses := make([]string, readers)
	for i := range addresses {
		addresses[i] = fmt.Sprintf("reader%d@example.org", i)
	}
	ids := n.subscribe(addresses...)
	return n, n.publish(), ids
}

// refs names the deliveries of claimed work.
func refs(work []digest.Work) []digest.Ref {
	list := make([]digest.Ref, len(work))
	for i, w := range work {
		list[i] = w.Ref
	}
	return list
}

// tallied counts an edition's deliveries in words.
func (n *newsroom) tallied(e digest.EditionID) string {
	n.t.Helper()
	tally, err := n.Tally(n.t.Context(), e)
	if err != nil {
		n.t.Fatal(err)
	}
	return tally.String()
}

func (n *newsroom) wantTally(e digest.EditionID, want string) {
	n.t.Helper()
	if got := n.tallied(e); got != want {
		n.t.Errorf("ledger says %s, want %s", got, want)
	}
}

// blocked says whether somebody who uses the table waits for a lock.
const blocked = `
	SELECT count(*) >= $1 FROM (
		SELECT DISTINCT l.pid FROM pg_locks l
		WHERE NOT l.granted AND l.pid IN (SELECT pid FROM pg_locks WHERE relation IN ('deliveries'::regclass, 'lanes'::regclass, 'editions'::regclass))
	) AS waiting`

// gate makes statements that set a delivery to a state wait in their middle,
// until the returned function is called.
func (n *newsroom) gate(state digest.DeliveryState) (open func()) {
	n.t.Helper()
	key := time.Now().UnixNano()
	n.do(fmt.Sprintf(`
		CREATE FUNCTION wait_at_gate() RETURNS trigger LANGUAGE plpgsql AS $$
		BEGIN
			PERFORM pg_advisory_xact_lock_shared(%d);
			RETURN NEW;
		END $$;
		CREATE TRIGGER gate BEFORE UPDATE ON deliveries FOR EACH ROW WHEN (NEW.state = '%s') EXECUTE FUNCTION wait_at_gate()`, key, state))
	conn, err := n.db.Conn(n.t.Context())
	if err != nil {
		n.t.Fatal(err)
	}
	if _, err := conn.ExecContext(n.t.Context(), `SELECT pg_advisory_lock($1)`, key); err != nil {
		n.t.Fatal(err)
	}
	return func() {
		n.t.Helper()
		if _, err := conn.ExecContext(n.t.Context(), `SELECT pg_advisory_unlock($1)`, key); err != nil {
			n.t.Error(err)
		}
		if err := conn.Close(); err != nil {
			n.t.Error(err)
		}
	}
}

// beside runs act beside the test, and tells when it blocks or is done.
func (n *newsroom) beside(waiting int, act func() error) <-chan error {
	n.t.Helper()
	done := make(chan error, 1)
	go func() { done <- act() }()
	for {
		select {
		case err := <-done:
			done <- err
			return done
		default:
		}
		var ok bool
		if err := n.db.QueryRowContext(n.t.Context(), blocked, waiting).Scan(&ok); err != nil {
			n.t.Fatal(err)
		}
		if ok {
			return done
		}
	}
}

func nothingStranded([]digest.Stranded) []digest.Salvage { return nil }

// A process that was killed leaves its claim running in Postgres; whoever
// takes over at once must not miss the rows.
func TestTakeOverWaitsForTheClaimOfADeadProcess(t *testing.T) {
	t.Parallel()
	n, e, _ := sendingTo(t, 5)
	lane := n.join("dead", 1, time.Hour)[0]
	open := n.gate(digest.Claimed)
	claim := n.beside(1, func() error {
		_, err := n.ClaimFresh(t.Context(), lane, 0, e, 0, 5)
		return err
	})
	over := n.beside(2, func() error {
		_, err := n.TakeOver(t.Context(), "dead", time.Time{}, nothingStranded)
		return err
	})
	open()
	if err := <-claim; err != nil {
		t.Fatal(err)
	}
	if err := <-over; err != nil {
		t.Fatal(err)
	}
	n.wantTally(e, "5 queued")
}

func TestLeavingLanesWaitsForAClaimThatWasGivenUp(t *testing.T) {
	t.Parallel()
	n, e, _ := sendingTo(t, 5)
	lane := n.join("leaving", 1, time.Hour)[0]
	open := n.gate(digest.Claimed)
	claim := n.beside(1, func() error {
		_, err := n.ClaimFresh(t.Context(), lane, 0, e, 0, 5)
		return err
	})
	left := n.beside(2, func() error { return n.LeaveLanes(t.Context(), "leaving") })
	open()
	if err := <-claim; err != nil {
		t.Fatal(err)
	}
	if err := <-left; err != nil {
		t.Fatal(err)
	}
	n.wantTally(e, "5 queued")
	if got := n.one(`SELECT count(*) FROM lanes`); got != "0" {
		t.Errorf("%s lanes are left", got)
	}
}

func TestLaneThatLostAnAnswerMovesItsFenceOn(t *testing.T) {
	t.Parallel()
	n, e, _ := sendingTo(t, 6)
	lane := n.lane()
	n.claim(lane, e)
	sending := digest.Ref{Edition: e, Reader: n.oneReader(`SELECT min(reader_id) FROM deliveries`)}
	if granted, err := n.intend(t.Context(), lane, sending); err != nil || len(granted) != 1 {
		t.Fatalf("granted %v, %v", granted, err)
	}
	moved, err := n.MoveFence(t.Context(), lane)
	if err != nil || moved.ID != lane.ID || moved.Fence <= lane.Fence {
		t.Fatalf("moved to %+v, %v", moved, err)
	}
	n.wantTally(e, "5 queued, 1 sending")
	if _, err := n.ClaimDue(t.Context(), lane, 0, 10); err == nil {
		t.Error("the old fence still claims")
	} else {
		is(t, err, digest.ErrLaneLost)
	}
	if _, err := n.MoveFence(t.Context(), lane); err == nil {
		t.Error("the old fence moves again")
	} else {
		is(t, err, digest.ErrLaneLost)
	}
	work, err := n.ClaimDue(t.Context(), moved, 0, 10)
	if err != nil || len(work) != 5 {
		t.Fatalf("claimed %d, %v", len(work), err)
	}
	// What it was sending is settled under the old fence.
	n.settle(lane, sending, digest.Outcome{Verdict: digest.VerdictAccepted, Reply: digest.Reply{Code: 250}})
	n.wantTally(e, "5 claimed, 1 accepted")
}

func (n *newsroom) oneReader(query string, args ...any) (id digest.ReaderID) {
	n.t.Helper()
	if err := n.db.QueryRow(query, args...).Scan(&id); err != nil {
		n.t.Fatal(err)
	}
	return id
}

// settle writes one verdict and wants it to be written.
func (n *newsroom) settle(l digest.Lane, ref digest.Ref, o digest.Outcome) {
	n.t.Helper()
	_, settled, err := n.Commit(n.t.Context(), nil, []digest.Settlement{{Lane: l, Ref: ref, Outcome: o, RetryIn: time.Minute}})
	if err != nil || len(settled) != 1 {
		n.t.Fatalf("settle %v: %v, %v", ref, settled, err)
	}
}

// judgedInDoubt is a judgement without a journal.
func judgedInDoubt(rows []digest.Stranded) (list []digest.Salvage) {
	for _, r := range rows {
		list = append(list, digest.Salvage{Ref: r.Ref, State: digest.InDoubt, Attempt: true, Reply: "lost"})
	}
	return list
}

// free says whether nobody holds a delivery.
func (n *newsroom) free(ref digest.Ref) bool {
	n.t.Helper()
	return n.one(`SELECT count(*) FROM (
		SELECT 1 FROM deliveries WHERE edition_id = $1 AND reader_id = $2 FOR UPDATE SKIP LOCKED) AS free`, ref.Edition, ref.Reader) == "1"
}

// What a commit writes and what a take-over ends are the same rows, and each
// goes through them in an order of its own: whoever comes second must wait
// before it holds any.
func TestTakeOverWaitsForACommitUnderWay(t *testing.T) {
	t.Parallel()
	n, e, ids := sendingTo(t, 4)
	lane := n.join("slow", 1, time.Hour)[0]
	n.claim(lane, e)
	first, last := digest.Ref{Edition: e, Reader: ids[0]}, digest.Ref{Edition: e, Reader: ids[3]}
	if _, err := n.intend(t.Context(), lane, last); err != nil {
		t.Fatal(err)
	}
	open := n.gate(digest.Accepted)
	commit := n.beside(1, func() error {
		in := digest.Intent{Lane: lane, Refs: []digest.Ref{first}, MessageIDs: []string{"<a@b>"}}
		granted, settled, err := n.Commit(t.Context(), []digest.Intent{in}, []digest.Settlement{{Lane: lane, Ref: last, Outcome: accepted}})
		if len(granted) != 1 || len(settled) != 1 {
			t.Errorf("granted %v, settled %v", granted, settled)
		}
		return err
	})
	taken := n.beside(2, func() error {
		_, err := n.TakeOver(t.Context(), "slow", time.Time{}, judgedInDoubt)
		return err
	})
	if !n.free(first) {
		t.Error("the take-over holds what the commit has yet to write")
	}
	open()
	if err := errors.Join(<-commit, <-taken); err != nil {
		t.Fatal(err)
	}
	n.wantTally(e, "2 queued, 1 accepted, 1 in doubt")
}

func TestCommitAndReleaseWaitForATakeOverUnderWay(t *testing.T) {
	t.Parallel()
	n, e, ids := sendingTo(t, 4)
	lane := n.join("slow", 1, time.Hour)[0]
	n.claim(lane, e)
	ref := func(i int) digest.Ref { return digest.Ref{Edition: e, Reader: ids[i]} }
	if _, err := n.intend(t.Context(), lane, ref(3)); err != nil {
		t.Fatal(err)
	}
	open := n.gate(digest.Queued)
	taken := n.beside(1, func() error {
		_, err := n.TakeOver(t.Context(), "slow", time.Time{}, judgedInDoubt)
		return err
	})
	commit := n.beside(2, func() error {
		in := digest.Intent{Lane: lane, Refs: []digest.Ref{ref(0), ref(1), ref(2)}, MessageIDs: []string{"<a@b>", "<c@d>", "<e@f>"}}
		granted, settled, err := n.Commit(t.Context(), []digest.Intent{in}, []digest.Settlement{{Lane: lane, Ref: ref(3), Outcome: accepted}})
		if len(granted)+len(settled) != 0 {
			t.Errorf("granted %v, settled %v", granted, settled)
		}
		return err
	})
	release := n.beside(3, func() error { return n.Release(t.Context(), lane, []digest.Ref{ref(2), ref(1), ref(0)}) })
	if !n.free(ref(3)) {
		t.Error("the commit holds what the take-over has yet to judge")
	}
	open()
	if err := errors.Join(<-taken, <-commit, <-release); err != nil {
		t.Fatal(err)
	}
	n.wantTally(e, "3 queued, 1 in doubt")
}

func TestMoveFenceWaitsForAClaimUnderWay(t *testing.T) {
	t.Parallel()
	n, e, _ := sendingTo(t, 5)
	lane := n.lane()
	open := n.gate(digest.Claimed)
	claim := n.beside(1, func() error {
		_, err := n.ClaimFresh(t.Context(), lane, 0, e, 0, 5)
		return err
	})
	moved := n.beside(2, func() error {
		_, err := n.MoveFence(t.Context(), lane)
		return err
	})
	open()
	if err := <-claim; err != nil {
		t.Fatal(err)
	}
	if err := <-moved; err != nil {
		t.Fatal(err)
	}
	n.wantTally(e, "5 queued")
}

func TestLaneWhoseLeaseIsOverClaimsNothing(t *testing.T) {
	t.Parallel()
	n, e, _ := sendingTo(t, 2)
	lane := n.join("slow", 1, time.Hour)[0]
	n.letLeaseRunOut("slow")
	_, err := n.ClaimFresh(t.Context(), lane, 0, e, 0, 5)
	is(t, err, digest.ErrLaneLost)
	n.wantTally(e, "2 queued")
	if held, err := n.RenewLanes(t.Context(), "slow", time.Minute); err != nil || len(held) != 1 || held[0] != lane {
		t.Fatalf("renewed %v, %v", held, err)
	}
	if work, err := n.ClaimFresh(t.Context(), lane, 0, e, 0, 5); err != nil || len(work) != 2 {
		t.Errorf("claimed %d, %v", len(work), err)
	}
}

func TestTakeOverEndsWhatALostLaneHeld(t *testing.T) {
	t.Parallel()
	n, e, _ := sendingTo(t, 8)
	lane := n.join("lost", 2, time.Hour)[0]
	work := n.claim(lane, e)
	if granted, err := n.intend(t.Context(), lane, refs(work[:5])...); err != nil || len(granted) != 5 {
		t.Fatalf("granted %v, %v", granted, err)
	}
	judge := func(rows []digest.Stranded) (list []digest.Salvage) {
		for i, r := range rows {
			if r.Lane != lane.ID || r.Ref != work[i].Ref || r.State != digest.Sending {
				t.Errorf("row %d is %+v", i, r)
			}
			list = append(list, digest.Salvage{
				Ref: r.Ref, Attempt: i > 0, Reply: "250",
				State: []digest.DeliveryState{digest.Queued, digest.Accepted, digest.Refused, digest.InDoubt, digest.Queued}[i],
			})
		}
		return list
	}
	// A living process is let alone as long as its lease runs.
	if saved, err := n.TakeOver(t.Context(), "lost", time.Now().Add(time.Hour), judge); err != nil || len(saved) != 0 {
		t.Fatalf("took a living process over: %v, %v", saved, err)
	}
	before, err := n.LostOwners(t.Context(), "me")
	if err != nil || len(before.Owners) != 0 || before.At.IsZero() || !before.Server.Before(before.At) {
		t.Fatalf("lost: %v, %v", before, err)
	}
	n.letLeaseRunOut("lost")
	seen, err := n.LostOwners(t.Context(), "me")
	if err != nil || len(seen.Owners) != 1 || seen.Owners[0] != (digest.Owner{ID: "lost", Host: "h", Boot: "b", Journal: "j"}) ||
		!seen.At.After(before.At) || !seen.Server.Equal(before.Server) {
		t.Fatalf("lost: %+v, %v", seen, err)
	}
	// A call that ran late takes nothing.
	if saved, err := n.TakeOver(t.Context(), "lost", seen.At, judge); err != nil || len(saved) != 0 {
		t.Fatalf("took over too late: %v, %v", saved, err)
	}
	if saved, err := n.TakeOver(t.Context(), "lost", time.Now().Add(time.Hour), judge); err != nil || len(saved) != 5 {
		t.Fatalf("saved %v, %v", saved, err)
	}
	n.wantTally(e, "5 queued, 1 accepted, 1 refused, 1 in doubt")
	if got := n.one(`SELECT string_agg(attempts::text, '' ORDER BY reader_id) FROM deliveries`); got != "01111000" {
		t.Errorf("attempts are %s", got)
	}
	if saved, err := n.TakeOver(t.Context(), "lost", time.Time{}, judge); err != nil || len(saved) != 0 {
		t.Errorf("a second time: %v, %v", saved, err)
	}
	// Late verdicts and intents of the lost lane change nothing.
	for _, v := range []digest.Verdict{digest.VerdictAccepted, digest.VerdictRefused, digest.VerdictDeferred, digest.VerdictInDoubt} {
		for _, w := range work {
			_, settled, err := n.Commit(t.Context(), nil, []digest.Settlement{{Lane: lane, Ref: w.Ref, Outcome: digest.Outcome{Verdict: v, Class: digest.ClassHard}}})
			if err != nil || len(settled) != 0 {
				t.Fatalf("a late verdict was written: %v, %v", settled, err)
			}
		}
	}
	if granted, err := n.intend(t.Context(), lane, refs(work)...); err != nil || len(granted) != 0 {
		t.Errorf("a late intent was granted: %v, %v", granted, err)
	}
	n.wantTally(e, "5 queued, 1 accepted, 1 refused, 1 in doubt")
	if got := n.one(`SELECT count(*) FROM suppressions`); got != "0" {
		t.Errorf("a verdict that was fenced off suppressed an address")
	}
}

// What a dead process was told is worth the same as what a living one is told.
func TestTakeOverDrawsTheConclusionFromARefusal(t *testing.T) {
	t.Parallel()
	n, e, _ := sendingTo(t, 5)
	lane := n.join("lost", 1, time.Hour)[0]
	work := n.claim(lane, e)
	if granted, err := n.intend(t.Context(), lane, refs(work)...); err != nil || len(granted) != 5 {
		t.Fatalf("granted %v, %v", granted, err)
	}
	_, err := n.TakeOver(t.Context(), "lost", time.Time{}, func(rows []digest.Stranded) (list []digest.Salvage) {
		for i, r := range rows {
			s := digest.Salvage{Ref: r.Ref, State: digest.Refused, Attempt: true, Reply: "550 (from the journal)"}
			s.Class = []digest.Class{digest.ClassHard, digest.ClassHard, digest.ClassBlocked, digest.ClassUnknown, digest.ClassSoft}[i]
			if i == 1 {
				s.Status = "5.1.2" // may heal: it takes a second day
			}
			list = append(list, s)
		}
		return list
	})
	if err != nil {
		t.Fatal(err)
	}
	n.wantTally(e, "5 refused")
	if got := n.one(`SELECT string_agg(class, ',' ORDER BY reader_id) FROM deliveries`); got != "hard,hard,blocked,unknown,soft" {
		t.Errorf("classes are %s", got)
	}
	got := n.one(`SELECT string_agg(r.id || ' ' || x.reason || ' ' || x.detail, ';') FROM suppressions x JOIN readers r USING (email_hash)`)
	if want := fmt.Sprintf("%d hard 550 (from the journal)", work[0].Reader); got != want {
		t.Errorf("suppressed are %q, want %q", got, want)
	}
}

func TestOnlyOneOfManyTakesOver(t *testing.T) {
	t.Parallel()
	n, e, _ := sendingTo(t, 20)
	lane := n.join("lost", 1, time.Hour)[0]
	work := n.claim(lane, e)
	if _, err := n.intend(t.Context(), lane, refs(work[:10])...); err != nil {
		t.Fatal(err)
	}
	n.letLeaseRunOut("lost")
	results := make(chan int, 8)
	for range 8 {
		go func() {
			saved, err := n.TakeOver(t.Context(), "lost", time.Now().Add(time.Hour), func(rows []digest.Stranded) (list []digest.Salvage) {
				for _, r := range rows {
					list = append(list, digest.Salvage{Ref: r.Ref, State: digest.InDoubt, Attempt: true, Reply: "lost"})
				}
				return list
			})
			if err != nil {
				t.Error(err)
			}
			results <- len(saved)
		}()
	}
	sum := 0
	for range 8 {
		sum += <-results
	}
	if sum != 10 {
		t.Errorf("%d rows were judged, want each of 10 once", sum)
	}
	n.wantTally(e, "10 queued, 10 in doubt")
}

// A process that stands still while it takes over keeps the lanes from others
// only for so long.
func TestTakeOverThatStandsStillIsPassedOn(t *testing.T) {
	t.Parallel()
	n, e, _ := sendingTo(t, 4)
	lane := n.join("lost", 1, time.Hour)[0]
	work := n.claim(lane, e)
	if _, err := n.intend(t.Context(), lane, refs(work)...); err != nil {
		t.Fatal(err)
	}
	n.letLeaseRunOut("lost")
	// The database's own setting is shorter here than ours, and stays.
	sleeper := storetest.Open(t, n.dsn+" idle_in_transaction_session_timeout=300")
	asleep, wake, woken := make(chan bool), make(chan bool), make(chan error)
	go func() {
		_, err := sleeper.TakeOver(context.WithoutCancel(t.Context()), "lost", time.Time{}, func([]digest.Stranded) []digest.Salvage {
			asleep <- true
			<-wake
			return nil
		})
		woken <- err
	}()
	<-asleep
	for saved := []digest.Salvage(nil); len(saved) == 0; {
		var err error
		saved, err = n.TakeOver(t.Context(), "lost", time.Now().Add(time.Hour), func(rows []digest.Stranded) (list []digest.Salvage) {
			for _, r := range rows {
				list = append(list, digest.Salvage{Ref: r.Ref, State: digest.InDoubt, Attempt: true, Reply: "lost"})
			}
			return list
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	wake <- true
	if err := <-woken; !store.Away(err) {
		t.Errorf("who slept hears %v, want an error that is worth another try", err)
	}
	n.wantTally(e, "4 in doubt")
}

func TestTransactionsDoNotWaitForUsForEver(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	err := n.InTransaction(t.Context(), func(tx *sqlx.Tx) error {
		var limit string
		err := tx.GetContext(t.Context(), &limit, `SHOW idle_in_transaction_session_timeout`)
		if limit != "1min" {
			t.Errorf("a transaction may be idle for %q", limit)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func TestLeavingLanesQueuesClaimsAndKeepsWhatIsSending(t *testing.T) {
	t.Parallel()
	n, e, _ := sendingTo(t, 4)
	lanes := n.join("leaving", 2, time.Hour)
	work := n.claim(lanes[0], e)
	if _, err := n.intend(t.Context(), lanes[0], work[0].Ref); err != nil {
		t.Fatal(err)
	}
	if err := n.LeaveLanes(t.Context(), "leaving"); err != nil {
		t.Fatal(err)
	}
	n.wantTally(e, "3 queued, 1 sending")
	if got := n.one(`SELECT string_agg(id::text, ',') FROM lanes`); got != fmt.Sprint(lanes[0].ID) {
		t.Errorf("lanes %s are left, want the one that was sending", got)
	}
}

// The row is being sent again by another lane: its state alone would let the
// late verdict of the first one pass.
func TestLateVerdictDoesNotSettleTheNextLanesAttempt(t *testing.T) {
	t.Parallel()
	n, e, ids := sendingTo(t, 1)
	ref := digest.Ref{Edition: e, Reader: ids[0]}
	first, second := n.join("first", 1, time.Hour)[0], n.join("second", 1, time.Hour)[0]
	n.claim(first, e)
	if granted, err := n.intend(t.Context(), first, ref); err != nil || len(granted) != 1 {
		t.Fatalf("granted %v, %v", granted, err)
	}
	_, err := n.TakeOver(t.Context(), "first", time.Time{}, func(rows []digest.Stranded) []digest.Salvage {
		return []digest.Salvage{{Ref: rows[0].Ref, State: digest.Queued}}
	})
	if err != nil {
		t.Fatal(err)
	}
	if work, err := n.ClaimDue(t.Context(), second, 0, 1); err != nil || len(work) != 1 {
		t.Fatalf("claimed %d, %v", len(work), err)
	}
	if granted, err := n.intend(t.Context(), second, ref); err != nil || len(granted) != 1 {
		t.Fatalf("granted %v, %v", granted, err)
	}
	for _, late := range []digest.Lane{first, {ID: second.ID, Fence: second.Fence + 1}} {
		for _, o := range []digest.Outcome{accepted, gone, deferred, doubtful} {
			_, settled, err := n.Commit(t.Context(), nil, []digest.Settlement{{Lane: late, Ref: ref, Outcome: o}})
			if err != nil || len(settled) != 0 {
				t.Errorf("the late verdict %q was written: %v, %v", o, settled, err)
			}
		}
	}
	n.wantState(e, ids[0], digest.Sending)
	n.settle(second, ref, accepted)
	n.wantState(e, ids[0], digest.Accepted)
}
