package store_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"courant/digest"
)

// waiting is a newsroom with one reader and one queued delivery.
func waiting(t *testing.T) (*newsroom, digest.Ref) {
	t.Helper()
	n := newNewsroom(t)
	id := n.subscribe("ann@example.org")[0]
	return n, digest.Ref{Edition: n.publish(), Reader: id}
}

func (n *newsroom) leave(ref digest.Ref, l digest.Leaving) {
	n.t.Helper()
	if err := n.Leave(n.t.Context(), ref, l); err != nil {
		n.t.Fatal(err)
	}
}

func (n *newsroom) standing(ref digest.Ref) digest.Standing {
	n.t.Helper()
	st, err := n.Standing(n.t.Context(), ref)
	if err != nil {
		n.t.Fatal(err)
	}
	return st
}

func (n *newsroom) undo(ref digest.Ref) {
	n.t.Helper()
	if err := n.Undo(n.t.Context(), ref, n.now.Add(time.Hour)); err != nil {
		n.t.Fatal(err)
	}
}

func TestUnsubscribeCancelsQueuedDelivery(t *testing.T) {
	t.Parallel()
	n, ref := waiting(t)
	n.leave(ref, digest.Leaving{At: n.now, How: "one-click"})
	state, reply := n.delivery(ref.Edition, ref.Reader)
	if state != digest.Cancelled || reply != "the reader left the digest (one-click)" {
		t.Errorf("delivery is %s, %q", state, reply)
	}
	st := n.standing(ref)
	if !st.LeftAt.Equal(n.now) || !st.AllLeftAt.IsZero() || st.Address != "ann@example.org" || st.Title != "Morning Brief" ||
		st.Language != "en" || !slices.Equal(st.DigestCategories, n.digest.Categories) {
		t.Errorf("standing %+v", st)
	}
	if next := n.publish(); n.one(`SELECT count(*) FROM deliveries WHERE edition_id = $1`, next) != "0" {
		t.Error("the next edition has the reader")
	}
}

func TestUnsubscribeTwiceIsOnce(t *testing.T) {
	t.Parallel()
	n, ref := waiting(t)
	var wg sync.WaitGroup
	for i := range 6 {
		wg.Go(func() {
			err := n.Leave(t.Context(), ref, digest.Leaving{At: n.now.Add(time.Duration(i) * time.Second)})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got := n.one(`SELECT count(*) FROM reader_events WHERE kind = 'left'`); got != "1" {
		t.Errorf("%s events", got)
	}
}

func TestUnsubscribeCancelsDeferredAndClaimedDeliveries(t *testing.T) {
	t.Parallel()
	n, claimed := waiting(t)
	n.claim(n.lane(), claimed.Edition)
	n.leave(claimed, digest.Leaving{At: n.now})
	n.wantState(claimed.Edition, claimed.Reader, digest.Cancelled)

	n, deferred := waiting(t)
	n.do(`UPDATE deliveries SET attempts = 1, not_before = now() + interval '1 hour', reply = '451 later'`)
	n.leave(deferred, digest.Leaving{At: n.now})
	n.wantState(deferred.Edition, deferred.Reader, digest.Cancelled)
}

func TestLeavingRecallsWhatIsSending(t *testing.T) {
	t.Parallel()
	n, ref := waiting(t)
	l := n.lane()
	n.claim(l, ref.Edition)
	if granted, err := n.intend(t.Context(), l, ref); err != nil || len(granted) != 1 {
		t.Fatalf("granted %v, %v", granted, err)
	}
	n.leave(ref, digest.Leaving{At: n.now})
	n.wantState(ref.Edition, ref.Reader, digest.Sending)
	if got := n.one(`SELECT recalled FROM deliveries`); got != "true" {
		t.Error("the delivery is not recalled")
	}
	if granted, err := n.intend(t.Context(), l, ref); err != nil || len(granted) != 0 {
		t.Errorf("the intent was renewed after the leaving: %v, %v", granted, err)
	}
}

func TestLeavingOneDigestKeepsTheOthers(t *testing.T) {
	t.Parallel()
	n, morning := waiting(t)
	n.digest.Name, n.digest.Title = "evening", "Evening Brief"
	evening := digest.Ref{Edition: n.publish(), Reader: morning.Reader}
	n.leave(morning, digest.Leaving{At: n.now})
	n.wantState(morning.Edition, morning.Reader, digest.Cancelled)
	n.wantState(evening.Edition, evening.Reader, digest.Queued)
}

func TestLeavingEverythingEndsAllListsAndDigests(t *testing.T) {
	t.Parallel()
	n, morning := waiting(t)
	if _, err := n.AddReader(t.Context(), "friends", nil, row(1, "ann@example.org"), "by hand"); err != nil {
		t.Fatal(err)
	}
	n.do(`INSERT INTO subscriptions (reader_id, list, state) VALUES ($1, 'waiting', 'pending')`, morning.Reader)
	n.do(`INSERT INTO subscriptions (reader_id, list, state, ended_at) VALUES ($1, 'old', 'unsubscribed', now())`, morning.Reader)
	n.digest.Name = "evening"
	evening := digest.Ref{Edition: n.publish(), Reader: morning.Reader}
	n.leave(morning, digest.Leaving{At: n.now, Everything: true})
	n.leave(evening, digest.Leaving{At: n.now.Add(time.Minute), Everything: true})
	n.wantState(morning.Edition, morning.Reader, digest.Cancelled)
	n.wantState(evening.Edition, evening.Reader, digest.Cancelled)
	if st := n.standing(morning); !st.AllLeftAt.Equal(n.now) || !st.LeftAt.IsZero() {
		t.Errorf("standing %+v", st)
	}
	n.undo(evening)
	want := "friends active, old unsubscribed, readers active, waiting pending"
	if got := n.one(`SELECT string_agg(list || ' ' || state, ', ' ORDER BY list) FROM subscriptions`); got != want {
		t.Errorf("after undo: %s, want %s", got, want)
	}
	if st := n.standing(morning); !st.AllLeftAt.IsZero() {
		t.Errorf("standing after undo %+v", st)
	}
}

func TestWeeklyAndPauseCancelWhatWaits(t *testing.T) {
	t.Parallel()
	until := time.Now().Add(28 * 24 * time.Hour).Truncate(time.Second)
	for name, c := range map[string]struct {
		leaving digest.Leaving
		want    digest.DeliveryState
		events  string
		check   func(digest.Standing) bool
	}{
		"weekly": {digest.Leaving{Weekly: true}, digest.Cancelled, "1", func(st digest.Standing) bool {
			return st.Frequency == digest.Weekly
		}},
		"pause": {digest.Leaving{PauseUntil: until}, digest.Cancelled, "1", func(st digest.Standing) bool {
			return st.PausedUntil.Equal(until)
		}},
		"fewer categories": {digest.Leaving{Categories: []string{"World", "Sports\x00"}}, digest.Queued, "1", func(st digest.Standing) bool {
			return slices.Equal(st.Categories, []string{"World"})
		}},
		"all categories": {digest.Leaving{Categories: []string{"World", "Military"}}, digest.Queued, "0", func(st digest.Standing) bool {
			return st.Categories == nil
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n, ref := waiting(t)
			before := n.standing(ref)
			c.leaving.At = n.now
			n.leave(ref, c.leaving)
			n.wantState(ref.Edition, ref.Reader, c.want)
			if st := n.standing(ref); !c.check(st) || !st.LeftAt.IsZero() {
				t.Errorf("standing %+v", st)
			}
			n.leave(ref, c.leaving)
			if got := n.one(`SELECT count(*) FROM reader_events WHERE kind <> 'imported'`); got != c.events {
				t.Errorf("%s events", got)
			}
			if c.events != "0" {
				n.undo(ref)
			}
			if after := n.standing(ref); fmt.Sprint(after) != fmt.Sprint(before) {
				t.Errorf("after undo %+v, before %+v", after, before)
			}
		})
	}
}

func TestUnknownCategoriesChangeNothing(t *testing.T) {
	t.Parallel()
	n, ref := waiting(t)
	if err := n.Leave(t.Context(), ref, digest.Leaving{At: n.now, Categories: []string{"Sports"}}); err == nil {
		t.Error("a category that the digest does not have was taken")
	}
	if st := n.standing(ref); st.Categories != nil {
		t.Errorf("standing %+v", st)
	}
}

func TestUndoRestoresOnlyTheLastLeaving(t *testing.T) {
	t.Parallel()
	n, ref := waiting(t)
	n.leave(ref, digest.Leaving{At: n.now, Weekly: true})
	n.leave(ref, digest.Leaving{At: n.now.Add(time.Second), Reason: "too\r\nmuch"})
	n.undo(ref)
	n.undo(ref) // twice is once
	if got := n.one(`SELECT count(*) FROM reader_events WHERE kind = 'undone'`); got != "1" {
		t.Errorf("%s events", got)
	}
	if st := n.standing(ref); !st.LeftAt.IsZero() || st.Frequency != digest.Weekly {
		t.Errorf("standing %+v", st)
	}
	n.wantState(ref.Edition, ref.Reader, digest.Cancelled)
	if got := n.one(`SELECT data ->> 'reason' FROM reader_events WHERE kind = 'left'`); got != "too much" {
		t.Errorf("reason %q", got)
	}
	n.leave(ref, digest.Leaving{At: n.now.Add(time.Minute)})
	if st := n.standing(ref); st.LeftAt.IsZero() {
		t.Error("leaving again after an undo did nothing")
	}
}

func TestChoosingToStayAfterLeavingStays(t *testing.T) {
	t.Parallel()
	n, ref := waiting(t)
	n.leave(ref, digest.Leaving{At: n.now})
	n.leave(ref, digest.Leaving{At: n.now, Weekly: true})
	if st := n.standing(ref); !st.LeftAt.IsZero() || st.Frequency != digest.Weekly {
		t.Errorf("standing %+v", st)
	}
}

func TestUndoHasItsTime(t *testing.T) {
	t.Parallel()
	n, ref := waiting(t)
	is(t, n.Undo(t.Context(), ref, n.now), digest.ErrNotFound)
	n.leave(ref, digest.Leaving{At: n.now})
	is(t, n.Undo(t.Context(), ref, n.now.Add(digest.UndoFor+time.Second)), digest.ErrNotFound)
	if err := n.Undo(t.Context(), ref, n.now.Add(digest.UndoFor)); err != nil {
		t.Error(err)
	}
}

func TestStrangersHaveNoStanding(t *testing.T) {
	t.Parallel()
	n, ref := waiting(t)
	for _, bad := range []digest.Ref{{Edition: ref.Edition, Reader: 999}, {Edition: 999, Reader: ref.Reader}, {}} {
		_, err := n.Standing(t.Context(), bad)
		is(t, err, digest.ErrNotFound)
		is(t, n.Leave(t.Context(), bad, digest.Leaving{At: n.now}), digest.ErrNotFound)
		is(t, n.Undo(t.Context(), bad, n.now), digest.ErrNotFound)
	}
}

// TestLeavingAndIntentRaceForTheRow lets each reader's leaving and intent
// start together. Whichever order they commit in, a reader is either granted
// and was not gone yet, or gone and not granted.
func TestLeavingAndIntentRaceForTheRow(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	n := newNewsroom(t)
	const readers = 60
	n.imports(crowd(0, readers)...)
	edition, l := n.publish(), n.lane()
	work := n.claim(l, edition)
	if len(work) != readers {
		t.Fatalf("claimed %d", len(work))
	}
	granted := make([]bool, readers)
	for i, w := range work {
		var wg sync.WaitGroup
		start := make(chan struct{})
		wg.Go(func() {
			<-start
			got, err := n.intend(ctx, l, w.Ref)
			if granted[i] = len(got) == 1; err != nil {
				t.Error(err)
			}
		})
		wg.Go(func() {
			<-start
			if err := n.Leave(ctx, w.Ref, digest.Leaving{At: n.now, Everything: i%2 == 0}); err != nil {
				t.Error(err)
			}
		})
		close(start)
		wg.Wait()
	}
	for i, w := range work {
		want := digest.Cancelled
		if granted[i] {
			want = digest.Sending
		}
		n.wantState(edition, w.Reader, want)
	}
}

// TestIntentWaitsForALeavingUnderWay holds a leaving open right before its
// commit: the intent must neither overtake it nor miss it.
func TestIntentWaitsForALeavingUnderWay(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	n, ref := waiting(t)
	l := n.lane()
	n.claim(l, ref.Edition)
	// Someone else holds the event log, so the leaving stops half-way, with
	// the choices written and nothing committed.
	blocker, err := n.db.BeginTx(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := blocker.Exec(`LOCK TABLE reader_events IN EXCLUSIVE MODE`); err != nil {
		t.Fatal(err)
	}
	left, asked := make(chan error, 1), make(chan []digest.Ref, 1)
	go func() { left <- n.Leave(ctx, ref, digest.Leaving{At: n.now}) }()
	n.await(ctx, `SELECT EXISTS (SELECT 1 FROM pg_locks WHERE relation = 'reader_events'::regclass AND NOT granted)`)
	go func() {
		granted, err := n.intend(ctx, l, ref)
		if err != nil {
			t.Error(err)
		}
		asked <- granted
	}()
	granted := <-asked // the leaving is not committed: the intent comes first
	if len(granted) != 1 {
		t.Errorf("an intent before the leaving's commit was refused")
	}
	if err := blocker.Rollback(); err != nil {
		t.Fatal(err)
	}
	if err := <-left; err != nil {
		t.Error(err)
	}
	n.wantState(ref.Edition, ref.Reader, digest.Sending)
}

// TestUndoTwiceAtOnceIsOnce holds the first at its commit until the second
// waits for it.
func TestUndoTwiceAtOnceIsOnce(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	n, ref := waiting(t)
	n.leave(ref, digest.Leaving{At: n.now})
	gate := n.holdAtCommit(ctx)
	done := make(chan error, 2)
	again := func() { done <- n.Undo(ctx, ref, n.now.Add(time.Hour)) }
	go again()
	n.await(ctx, gate.waited)
	go again()
	n.await(ctx, gate.blocks)
	if err := gate.open(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if got := n.one(`SELECT count(*) FROM reader_events WHERE kind = 'undone'`); got != "1" {
		t.Errorf("%s events", got)
	}
}

// TestIntentSeesALeavingThatCommitsWhileItWaits holds a leaving at its commit.
// An intent that began before it, new or renewed, waits for the ledger's row
// and must then find that the leaving was first.
func TestIntentSeesALeavingThatCommitsWhileItWaits(t *testing.T) {
	t.Parallel()
	for _, renewed := range []bool{false, true} {
		t.Run(fmt.Sprintf("renewed %v", renewed), func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			n, ref := waiting(t)
			l := n.lane()
			n.claim(l, ref.Edition)
			if renewed {
				if granted, err := n.intend(ctx, l, ref); err != nil || len(granted) != 1 {
					t.Fatalf("granted %v, %v", granted, err)
				}
			}
			gate := n.holdAtCommit(ctx)
			left, asked := make(chan error, 1), make(chan []digest.Ref, 1)
			go func() { left <- n.Leave(ctx, ref, digest.Leaving{At: n.now}) }()
			n.await(ctx, gate.waited)
			go func() {
				granted, err := n.intend(ctx, l, ref)
				if err != nil {
					t.Error(err)
				}
				asked <- granted
			}()
			n.await(ctx, gate.blocks)
			if err := gate.open(); err != nil {
				t.Fatal(err)
			}
			if err := <-left; err != nil {
				t.Error(err)
			}
			if granted := <-asked; len(granted) != 0 {
				t.Error("an intent was committed after the leaving")
			}
		})
	}
}

// gate holds transactions that append an event right before their commit.
type gate struct {
	key    string
	waited string // a query that says whether one stands before the gate
	blocks string // a query that says whether another waits for that one
	open   func() error
}

func (n *newsroom) holdAtCommit(ctx context.Context) gate {
	n.t.Helper()
	key := n.one(`SELECT abs(hashtext(current_schema())) & 1073741823`)
	n.do(fmt.Sprintf(`
		CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS
			'BEGIN PERFORM pg_advisory_xact_lock(1071, %s); RETURN NULL; END';
		CREATE CONSTRAINT TRIGGER hold AFTER INSERT ON reader_events DEFERRABLE INITIALLY DEFERRED
			FOR EACH ROW EXECUTE FUNCTION hold()`, key))
	tx, err := n.db.BeginTx(ctx, nil)
	if err != nil {
		n.t.Fatal(err)
	}
	if _, err := tx.Exec(`SELECT pg_advisory_xact_lock(1071, ` + key + `)`); err != nil {
		n.t.Fatal(err)
	}
	return gate{
		key:    key,
		waited: `SELECT EXISTS (SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND objid = ` + key + ` AND NOT granted)`,
		blocks: `
			SELECT EXISTS (
				SELECT 1 FROM pg_locks w JOIN pg_locks h ON h.transactionid = w.transactionid AND h.granted
				WHERE NOT w.granted AND h.pid IN (
					SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objid = ` + key + ` AND NOT granted))`,
		open: tx.Rollback,
	}
}

// await waits until the query says true, and gives up after half a minute.
func (n *newsroom) await(ctx context.Context, query string) {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for {
		var yes bool
		if err := n.db.QueryRowContext(ctx, query).Scan(&yes); err != nil {
			n.t.Fatal(err)
		}
		if yes {
			return
		}
	}
}

// TestBelatedLeavingYieldsToWhatWasDoneLater brings leavings that were kept
// elsewhere, some twice, to readers who meanwhile did this and that.
func TestBelatedLeavingYieldsToWhatWasDoneLater(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	ids := n.subscribe("ada@example.org", "bo@example.org", "cy@example.org", "di@example.org")
	e := n.publish()
	at := time.Now().Add(-time.Minute)
	ref := func(i int) digest.Ref { return digest.Ref{Edition: e, Reader: ids[i]} }
	belated := func(i int, l digest.Leaving) {
		t.Helper()
		if err := n.LeaveBelated(t.Context(), ref(i), l); err != nil {
			t.Fatal(err)
		}
	}
	left := func(i int) bool {
		t.Helper()
		st, err := n.Standing(t.Context(), ref(i))
		if err != nil {
			t.Fatal(err)
		}
		return !st.LeftAt.IsZero() || !st.AllLeftAt.IsZero()
	}
	for range 2 {
		belated(0, digest.Leaving{At: at, How: "one-click"})
	}
	n.wantState(e, ids[0], digest.Cancelled)
	if !left(0) || n.one(`SELECT count(*) FROM reader_events WHERE reader_id = $1 AND kind = 'left'`, int64(ids[0])) != "1" {
		t.Error("the leaving is not in the rows once")
	}
	if err := n.Undo(t.Context(), ref(0), at.Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	belated(0, digest.Leaving{At: at, How: "one-click"})
	if left(0) {
		t.Error("who took the leaving back is gone again")
	}
	belated(0, digest.Leaving{At: at.Add(2 * time.Second), How: "one-click"})
	if !left(0) {
		t.Error("who left once more is still there")
	}
	if err := n.Leave(t.Context(), ref(1), digest.Leaving{At: at.Add(time.Second), How: "page", Weekly: true}); err != nil {
		t.Fatal(err)
	}
	belated(1, digest.Leaving{At: at, How: "one-click"})
	if left(1) {
		t.Error("who chose weekly later is gone")
	}
	belated(2, digest.Leaving{At: at, How: "page", Everything: true})
	if !left(2) {
		t.Error("who left everything is still there")
	}
	if err := n.LeaveBelated(t.Context(), digest.Ref{Edition: e, Reader: 999}, digest.Leaving{At: at}); !errors.Is(err, digest.ErrNotFound) {
		t.Errorf("an unknown reader: %v", err)
	}
}
