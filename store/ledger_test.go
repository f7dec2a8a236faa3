package store_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"courant/digest"

	"github.com/lib/pq"
)

var (
	accepted = digest.Outcome{Verdict: digest.VerdictAccepted, Stage: digest.StageDot, Reply: digest.Reply{Code: 250}}
	refused  = digest.Outcome{Verdict: digest.VerdictRefused, Stage: digest.StageRcpt, Class: digest.ClassBlocked, Reply: digest.Reply{Code: 554, Text: "policy"}}
	gone     = digest.Outcome{Verdict: digest.VerdictRefused, Stage: digest.StageRcpt, Class: digest.ClassHard, Reply: digest.Reply{Code: 550, Status: "5.1.1", Text: "no such user"}}
	deferred = digest.Outcome{Verdict: digest.VerdictDeferred, Stage: digest.StageRcpt, Class: digest.ClassThrottled, Reply: digest.Reply{Code: 451, Text: "later"}}
	doubtful = digest.Outcome{Verdict: digest.VerdictInDoubt, Stage: digest.StageDot, Fault: "connection reset"}
)

func TestIntentIsRefusedToWhomMustNotBeMailed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change string // $1 is the reader
		after  digest.DeliveryState
		said   string
	}{
		"left":         {`INSERT INTO choices (reader_id, digest, left_at) VALUES ($1, 'morning', now())`, digest.Cancelled, "the reader left"},
		"paused":       {`INSERT INTO choices (reader_id, digest, paused_until) VALUES ($1, 'morning', now() + interval '1 day')`, digest.Cancelled, "the reader paused the digest"},
		"suppressed":   {`INSERT INTO suppressions (email_hash, reason) SELECT email_hash, 'hard' FROM readers WHERE id = $1`, digest.Cancelled, "the address gets no more mail"},
		"unsubscribed": {`UPDATE subscriptions SET state = 'unsubscribed', ended_at = now() WHERE reader_id = $1`, digest.Cancelled, "the reader is on none of the lists any more"},
		"erased":       {`UPDATE readers SET email = NULL, erased_at = now() WHERE id = $1`, digest.Cancelled, "the reader was erased"},
		"recalled":     {`UPDATE deliveries SET recalled = true WHERE reader_id = $1`, digest.Cancelled, "the reader left"},
		"held":         {`UPDATE editions SET state = 'held', held_reason = 'hm' WHERE $1 > 0`, digest.Queued, ""},
		"abandoned":    {`UPDATE editions SET state = 'abandoned' WHERE $1 > 0`, digest.Queued, ""},
		"lease over":   {`UPDATE lanes SET lease_until = now() - interval '1 second' WHERE $1 > 0`, digest.Queued, ""},
		"fence moved":  {`UPDATE lanes SET fence = fence + 1 WHERE $1 > 0`, digest.Queued, ""},
		"too late":     {`UPDATE variants SET expires_at = now() WHERE $1 > 0`, digest.Expired, "too late to be news"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n, e, ids := sendingTo(t, 2)
			lane := n.lane()
			n.claim(lane, e)
			n.do(c.change, ids[0])
			ref := digest.Ref{Edition: e, Reader: ids[0]}
			// What is too late and claimed may still go; it only never waits again.
			if granted, err := n.intend(t.Context(), lane, ref); err != nil || len(granted) != 0 && name != "too late" {
				t.Fatalf("granted %v, %v", granted, err)
			} else if name == "too late" {
				n.do(`UPDATE deliveries SET state = 'claimed' WHERE reader_id = $1`, ids[0])
			}
			if err := n.Release(t.Context(), lane, []digest.Ref{ref}); err != nil {
				t.Fatal(err)
			}
			if state, said := n.delivery(e, ids[0]); state != c.after || said != c.said {
				t.Errorf("released it is %s (%s), want %s (%s)", state, said, c.after, c.said)
			}
			n.wantState(e, ids[1], digest.Claimed)
		})
	}
}

func TestPauseThatIsOverAndSuppressionThatEndedRefuseNobody(t *testing.T) {
	t.Parallel()
	n, e, ids := sendingTo(t, 2)
	lane := n.lane()
	work := n.claim(lane, e)
	n.do(`INSERT INTO choices (reader_id, digest, paused_until) VALUES ($1, 'morning', now() - interval '1 second')`, ids[0])
	n.do(`INSERT INTO suppressions (email_hash, reason, until) SELECT email_hash, 'soft', now() - interval '1 second' FROM readers WHERE id = $1`, ids[1])
	if granted, err := n.intend(t.Context(), lane, refs(work)...); err != nil || len(granted) != 2 {
		t.Errorf("granted %v, %v", granted, err)
	}
}

// Whoever's leaving was committed before the intent is never mailed, however
// the two meet; and an intent is not renewed after it.
func TestLeavingRacesTheIntent(t *testing.T) {
	t.Parallel()
	const readers = 120
	n, e, _ := sendingTo(t, readers)
	lane := n.lane()
	work := n.claim(lane, e)
	granted := make([]bool, readers)
	var wg sync.WaitGroup
	for i, w := range work {
		wg.Go(func() {
			if err := n.Leave(t.Context(), w.Ref, digest.Leaving{At: time.Now(), How: "one-click", Everything: i%3 == 0}); err != nil {
				t.Error(err)
			}
			// Committed: from here on no intent may be granted.
			if got, err := n.intend(t.Context(), lane, w.Ref); err != nil || len(got) != 0 {
				t.Errorf("reader %d was granted after leaving: %v", i, err)
			}
		})
		wg.Go(func() {
			got, err := n.intend(t.Context(), lane, w.Ref)
			if err != nil {
				t.Error(err)
			}
			granted[i] = len(got) > 0
		})
	}
	wg.Wait()
	for i, w := range work {
		want := digest.Cancelled
		if granted[i] {
			want = digest.Sending
		}
		n.wantState(e, w.Reader, want)
	}
}

func TestLeavingUnderWayHoldsTheIntentUp(t *testing.T) {
	t.Parallel()
	for _, state := range []digest.DeliveryState{digest.Claimed, digest.Sending} {
		n, e, ids := sendingTo(t, 1)
		lane, ref := n.lane(), digest.Ref{Edition: e, Reader: ids[0]}
		n.claim(lane, e)
		if state == digest.Sending {
			if granted, err := n.intend(t.Context(), lane, ref); err != nil || len(granted) != 1 {
				t.Fatalf("granted %v, %v", granted, err)
			}
		}
		// The leaving's transaction as it stands before its commit.
		tx, err := n.db.BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, q := range []string{
			`INSERT INTO choices (reader_id, digest, left_at) SELECT reader_id, 'morning', now() FROM deliveries`,
			`UPDATE deliveries SET recalled = true WHERE state = 'sending'`,
			`UPDATE deliveries SET state = 'cancelled', settled_at = now(), lane = NULL, fence = NULL, seq = NULL WHERE state = 'claimed'`,
		} {
			if _, err := tx.ExecContext(t.Context(), q); err != nil {
				t.Fatal(err)
			}
		}
		var granted []digest.Ref
		done := n.beside(1, func() (err error) {
			granted, err = n.intend(t.Context(), lane, ref)
			return err
		})
		if err := tx.Commit(); err != nil {
			t.Fatal(err)
		}
		if err := <-done; err != nil || len(granted) != 0 {
			t.Errorf("%s: granted %v, %v although its statement began before the leaving's commit", state, granted, err)
		}
	}
}

func TestCommitThatIsRepeatedSettlesOnce(t *testing.T) {
	t.Parallel()
	for _, o := range []digest.Outcome{accepted, refused, gone, deferred, doubtful} {
		n, e, ids := sendingTo(t, 1)
		lane, ref := n.lane(), digest.Ref{Edition: e, Reader: ids[0]}
		n.claim(lane, e)
		if granted, err := n.intend(t.Context(), lane, ref); err != nil || len(granted) != 1 {
			t.Fatalf("granted %v, %v", granted, err)
		}
		n.settle(lane, ref, o)
		state, said := n.delivery(e, ids[0])
		_, settled, err := n.Commit(t.Context(), nil, []digest.Settlement{{Lane: lane, Ref: ref, Outcome: o}})
		if err != nil || len(settled) != 0 {
			t.Errorf("%s was settled twice: %v, %v", o, settled, err)
		}
		if got, words := n.delivery(e, ids[0]); got != state || words != said {
			t.Errorf("%s became %s (%s) from %s (%s)", o, got, words, state, said)
		}
		if got := n.one(`SELECT attempts FROM deliveries`); got != "1" {
			t.Errorf("%s: %s attempts", o, got)
		}
	}
}

func TestIntentThatStandsFromTheFirstTimeIsWithdrawnWhenTheSecondIsRefused(t *testing.T) {
	t.Parallel()
	n, e, ids := sendingTo(t, 1)
	lane, ref := n.lane(), digest.Ref{Edition: e, Reader: ids[0]}
	n.claim(lane, e)
	for i, want := range []int{1, 1, 0} {
		if i == 2 {
			n.leave(ref, digest.Leaving{At: n.now})
		}
		if granted, err := n.intend(t.Context(), lane, ref); err != nil || len(granted) != want {
			t.Fatalf("time %d: granted %v, %v", i, granted, err)
		}
	}
	_, settled, err := n.Commit(t.Context(), nil, []digest.Settlement{{Lane: lane, Ref: ref, Withdrawn: true}})
	if err != nil || len(settled) != 1 {
		t.Fatalf("withdrawn %v, %v", settled, err)
	}
	work, err := n.ClaimDue(t.Context(), lane, 0, 10)
	if err != nil || len(work) != 1 || work[0].Attempts != 0 {
		t.Fatalf("claimed %+v, %v", work, err)
	}
	if granted, err := n.intend(t.Context(), lane, ref); err != nil || len(granted) != 0 {
		t.Fatalf("granted %v, %v", granted, err)
	}
	if err := n.Release(t.Context(), lane, []digest.Ref{ref}); err != nil {
		t.Fatal(err)
	}
	n.wantState(e, ids[0], digest.Cancelled)
}

func TestOneCommitCarriesVerdictsAndIntentsOfManyLanes(t *testing.T) {
	t.Parallel()
	n, e, _ := sendingTo(t, 9)
	lanes := n.join("p", 3, time.Hour)
	var intents []digest.Intent
	var settlements []digest.Settlement
	var after digest.ReaderID
	for i, l := range lanes {
		work, err := n.ClaimFresh(t.Context(), l, 0, e, after, 3)
		if err != nil || len(work) != 3 {
			t.Fatalf("claimed %d, %v", len(work), err)
		}
		after = work[2].Reader
		if granted, err := n.intend(t.Context(), l, work[0].Ref); err != nil || len(granted) != 1 {
			t.Fatalf("granted %v, %v", granted, err)
		}
		settlements = append(settlements, digest.Settlement{
			Lane: l, Ref: work[0].Ref, Outcome: []digest.Outcome{accepted, deferred, gone}[i], RetryIn: time.Minute,
		})
		intents = append(intents, digest.Intent{Lane: l, Refs: refs(work[1:]), MessageIDs: []string{"<a@b>", "<c@d>"}})
	}
	// A lane that speaks for another's rows gets nothing.
	intents = append(intents, digest.Intent{Lane: lanes[0], Refs: intents[1].Refs, MessageIDs: []string{"<x@y>", "<x@y>"}})
	granted, settled, err := n.Commit(t.Context(), intents, settlements)
	if err != nil || len(granted) != 6 || len(settled) != 3 {
		t.Fatalf("granted %v, settled %v, %v", granted, settled, err)
	}
	for _, g := range granted {
		if i := slices.IndexFunc(intents[:3], func(in digest.Intent) bool { return in.Lane == g.Lane }); i < 0 || !slices.Contains(intents[i].Refs, g.Ref) {
			t.Errorf("granted to the wrong lane: %+v", g)
		}
	}
	n.wantTally(e, "1 queued, 6 sending, 1 accepted, 1 refused")
	if got := n.one(`SELECT count(*) FROM deliveries WHERE message_id = '<x@y>'`); got != "0" {
		t.Error("another lane's Message-ID was written")
	}
	if got := n.one(`SELECT count(*) FROM suppressions WHERE reason = 'hard'`); got != "1" {
		t.Errorf("%s suppressions", got)
	}
}

// A commit that was given up, because the database stood still, is finished by
// Postgres when its repetition is long settled: the lane has the row in its
// hands again by then.
func TestStatementThatComesLateChangesNothingOfTheNextAttempt(t *testing.T) {
	t.Parallel()
	n, e, ids := sendingTo(t, 2)
	lane := n.lane()
	first, other := digest.Ref{Edition: e, Reader: ids[0]}, digest.Ref{Edition: e, Reader: ids[1]}
	n.claim(lane, e)
	late := func() {
		t.Helper()
		in := digest.Intent{Lane: lane, Refs: []digest.Ref{other}, MessageIDs: []string{"<a@b>"}}
		granted, settled, err := n.Commit(t.Context(), []digest.Intent{in}, []digest.Settlement{{Lane: lane, Ref: first, Withdrawn: true}})
		if err != nil || len(granted)+len(settled) != 0 {
			t.Errorf("granted %v, settled %v, %v", granted, settled, err)
		}
	}
	if granted, err := n.intend(t.Context(), lane, first); err != nil || len(granted) != 1 {
		t.Fatalf("granted %v, %v", granted, err)
	}
	if _, settled, err := n.Commit(t.Context(), nil, []digest.Settlement{{Lane: lane, Ref: first, Withdrawn: true}}); err != nil || len(settled) != 1 {
		t.Fatalf("settled %v, %v", settled, err)
	}
	if err := n.Release(t.Context(), lane, []digest.Ref{other}); err != nil {
		t.Fatal(err)
	}
	again, err := n.ClaimDue(t.Context(), lane, 1, 10)
	if err != nil || len(again) != 2 || again[0].Seq != 1 {
		t.Fatalf("claimed %+v, %v", again, err)
	}
	late()
	n.wantTally(e, "2 claimed")
	in := digest.Intent{Lane: lane, Seq: 1, Refs: []digest.Ref{first}, MessageIDs: []string{"<a@b>"}}
	if granted, _, err := n.Commit(t.Context(), []digest.Intent{in}, nil); err != nil || len(granted) != 1 {
		t.Fatalf("granted %v, %v", granted, err)
	}
	late()
	n.wantTally(e, "1 claimed, 1 sending")
}

func TestMessageIDStaysTheSameOverRetries(t *testing.T) {
	t.Parallel()
	n, e, ids := sendingTo(t, 1)
	lane, ref := n.lane(), digest.Ref{Edition: e, Reader: ids[0]}
	n.claim(lane, e)
	for _, id := range []string{"<first@x>", "<second@x>"} {
		if _, _, err := n.Commit(t.Context(), []digest.Intent{{Lane: lane, Refs: []digest.Ref{ref}, MessageIDs: []string{id}}}, nil); err != nil {
			t.Fatal(err)
		}
		if got := n.one(`SELECT message_id FROM deliveries`); got != "<first@x>" {
			t.Errorf("the Message-ID is %s", got)
		}
	}
}

func TestDoubtIsResentOnceToWhoStillWantsIt(t *testing.T) {
	t.Parallel()
	n, e, ids := sendingTo(t, 8)
	lane := n.lane()
	work := n.claim(lane, e)
	if granted, err := n.intend(t.Context(), lane, refs(work)...); err != nil || len(granted) != 8 {
		t.Fatalf("granted %v, %v", granted, err)
	}
	for _, w := range work {
		n.settle(lane, w.Ref, doubtful)
	}
	n.do(`UPDATE subscriptions SET state = 'unsubscribed', ended_at = now() WHERE reader_id = $1`, ids[6])
	n.do(`INSERT INTO choices (reader_id, digest, paused_until) VALUES ($1, $2, now() + interval '1 day')
	      ON CONFLICT (reader_id, digest) DO UPDATE SET paused_until = EXCLUDED.paused_until`, ids[7], n.digest.Name)
	n.leave(digest.Ref{Edition: e, Reader: ids[1]}, digest.Leaving{At: n.now})
	n.do(`INSERT INTO suppressions (email_hash, reason) SELECT email_hash, 'hard' FROM readers WHERE id = $1`, ids[2])
	n.do(`UPDATE deliveries SET recalled = true WHERE reader_id = $1`, ids[3])
	n.do(`UPDATE deliveries SET resends = 1 WHERE reader_id = $1`, ids[4])
	if got, err := n.FinishEditions(t.Context(), true); err != nil || len(got) != 0 {
		t.Fatalf("finished %v, %v although there is a doubt to be sent again", got, err)
	}
	if got, err := n.ResendDoubtful(t.Context()); err != nil || got != 2 {
		t.Fatalf("resent %d, %v", got, err)
	}
	n.wantTally(e, "2 queued, 6 in doubt")
	again, err := n.ClaimDue(t.Context(), lane, 0, 10)
	if err != nil || len(again) != 2 || again[0].Resends != 1 || again[0].Attempts != 1 {
		t.Fatalf("claimed %+v, %v", again, err)
	}
	if granted, err := n.intend(t.Context(), lane, refs(again)...); err != nil || len(granted) != 2 {
		t.Fatalf("granted %v, %v", granted, err)
	}
	for _, w := range again {
		n.settle(lane, w.Ref, doubtful)
	}
	if got, err := n.ResendDoubtful(t.Context()); err != nil || got != 0 {
		t.Errorf("resent %d a second time, %v", got, err)
	}
	if got, err := n.FinishEditions(t.Context(), true); err != nil || !slices.Equal(got, []digest.EditionID{e}) {
		t.Errorf("finished %v, %v", got, err)
	}
}

func TestDoubtThatIsTooOldIsNotResent(t *testing.T) {
	t.Parallel()
	n, e, ids := sendingTo(t, 1)
	lane := n.lane()
	n.claim(lane, e)
	ref := digest.Ref{Edition: e, Reader: ids[0]}
	if _, err := n.intend(t.Context(), lane, ref); err != nil {
		t.Fatal(err)
	}
	n.settle(lane, ref, doubtful)
	n.do(`UPDATE variants SET expires_at = now()`)
	if got, err := n.ResendDoubtful(t.Context()); err != nil || got != 0 {
		t.Errorf("resent %d, %v", got, err)
	}
	if got, err := n.FinishEditions(t.Context(), true); err != nil || len(got) != 1 {
		t.Errorf("finished %v, %v", got, err)
	}
}

func TestExpiryEndsWhatIsQueuedAndLate(t *testing.T) {
	t.Parallel()
	n, e, _ := sendingTo(t, 4)
	lane := n.lane()
	if work, err := n.ClaimFresh(t.Context(), lane, 0, e, 0, 1); err != nil || len(work) != 1 {
		t.Fatalf("claimed %d, %v", len(work), err)
	}
	n.do(`UPDATE deliveries SET attempts = 1, not_before = now() + interval '1 hour', reply = '451 later'
	      WHERE reader_id = (SELECT max(reader_id) FROM deliveries)`)
	if got, err := n.ExpireQueued(t.Context()); err != nil || got != 0 {
		t.Fatalf("expired %d before its time, %v", got, err)
	}
	n.do(`UPDATE variants SET expires_at = now()`)
	if got, err := n.ExpireQueued(t.Context()); err != nil || got != 3 {
		t.Fatalf("expired %d, %v", got, err)
	}
	n.wantTally(e, "1 claimed, 3 expired")
	if got := n.one(`SELECT string_agg(DISTINCT reply, ', ' ORDER BY reply) FROM deliveries WHERE state = 'expired'`); got != "451 later, too late to be news" {
		t.Errorf("the replies are %s", got)
	}
	if got, err := n.FinishEditions(t.Context(), false); err != nil || len(got) != 0 {
		t.Errorf("finished %v with a claim out, %v", got, err)
	}
}

func TestEditionIsNotFinishedUnderALaterZone(t *testing.T) {
	t.Parallel()
	n, e, _ := sendingTo(t, 1)
	n.do(`UPDATE deliveries SET state = 'expired', settled_at = now()`)
	later := n.one(`INSERT INTO readers (email, email_hash) VALUES ('late@example.org', 'h') RETURNING id`)
	tx, err := n.db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range []string{
		`UPDATE editions SET window_to = window_to`,
		`INSERT INTO deliveries (edition_id, reader_id, variant_id, not_before) SELECT edition_id, ` + later + `, variant_id, now() FROM deliveries`,
	} {
		if _, err := tx.ExecContext(t.Context(), q); err != nil {
			t.Fatal(err)
		}
	}
	done := n.beside(1, func() error {
		_, err := n.FinishEditions(t.Context(), false)
		return err
	})
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if got := n.one(`SELECT state FROM editions WHERE id = $1`, e); got != "sending" {
		t.Errorf("the edition is %s with a delivery queued", got)
	}
}

func TestLateOpenerDoesNotUndoAHold(t *testing.T) {
	t.Parallel()
	n, e, _ := sendingTo(t, 1)
	for state, want := range map[string]bool{"open": true, "sending": false, "held": false, "done": false, "abandoned": false} {
		n.do(`UPDATE editions SET state = $1, held_reason = CASE WHEN $1 = 'held' THEN 'hm' ELSE '' END`, state)
		if opened, err := n.OpenEdition(t.Context(), e); err != nil || opened != want {
			t.Errorf("an edition that is %s was opened: %v, %v", state, opened, err)
		}
	}
}

func TestEditionMovesOnlyAsItMay(t *testing.T) {
	t.Parallel()
	n, e, _ := sendingTo(t, 1)
	for _, from := range digest.EditionStates() {
		for _, to := range digest.EditionStates() {
			n.do(`UPDATE editions SET state = $1, held_reason = CASE WHEN $1 = 'held' THEN 'hm' ELSE '' END`, string(from))
			reason := ""
			if to == digest.EditionHeld {
				reason = "the relay refuses"
			}
			if moved, err := n.MoveEdition(t.Context(), e, to, reason); err != nil || moved != from.May(to) {
				t.Errorf("%s to %s: %v, %v; the law says %v", from, to, moved, err, from.May(to))
			}
		}
	}
}

func TestRowsThatMakeNoSenseAreImpossible(t *testing.T) {
	t.Parallel()
	n, _, _ := sendingTo(t, 1)
	for wrong, constraint := range map[string]string{
		`UPDATE deliveries SET state = 'lost'`:                                                                                "deliveries_state",
		`UPDATE deliveries SET state = 'claimed'`:                                                                             "deliveries_lane",
		`UPDATE deliveries SET lane = 1, fence = 1, seq = 1`:                                                                  "deliveries_lane",
		`UPDATE deliveries SET state = 'claimed', lane = 1, seq = 1`:                                                          "deliveries_lane",
		`UPDATE deliveries SET state = 'claimed', lane = 1, fence = 1`:                                                        "deliveries_lane",
		`UPDATE deliveries SET state = 'cancelled', settled_at = now(), not_before = now()`:                                   "deliveries_not_before",
		`UPDATE deliveries SET attempts = 1`:                                                                                  "deliveries_deferred",
		`UPDATE deliveries SET state = 'sending', lane = 1, fence = 1, seq = 1, message_id = 'm'`:                             "deliveries_intent",
		`UPDATE deliveries SET state = 'sending', lane = 1, fence = 1, seq = 1, intent_at = now()`:                            "deliveries_intent",
		`UPDATE deliveries SET state = 'accepted', settled_at = now()`:                                                        "deliveries_intent",
		`UPDATE deliveries SET state = 'in doubt', settled_at = now(), intent_at = now()`:                                     "deliveries_intent",
		`UPDATE deliveries SET state = 'accepted', intent_at = now(), message_id = 'm'`:                                       "deliveries_settled",
		`UPDATE deliveries SET state = 'expired'`:                                                                             "deliveries_settled",
		`UPDATE deliveries SET state = 'refused', settled_at = now()`:                                                         "deliveries_refused",
		`INSERT INTO deliveries (edition_id, reader_id, variant_id) SELECT edition_id, reader_id, variant_id FROM deliveries`: "deliveries_64_pkey|deliveries_0_pkey",
		`UPDATE editions SET state = 'sent'`:                                                                                  "editions_state",
		`UPDATE editions SET state = 'held'`:                                                                                  "editions_held",
		`UPDATE editions SET held_reason = 'hm'`:                                                                              "editions_held",
		`UPDATE editions SET kind = 'weekly'`:                                                                                 "editions_kind",
		`UPDATE editions SET number = NULL`:                                                                                   "editions_number",
		`UPDATE editions SET kind = 'proof'`:                                                                                  "editions_number",
		`UPDATE editions SET window_from = window_to + interval '1 second'`:                                                   "editions_window",
		`INSERT INTO slots (digest, slot, zone, local_time, local_date, daily, instant, state) SELECT 'd', 's', 'UTC', now(), now(), true, now(), 'late'`:      "slots_state",
		`INSERT INTO slots (digest, slot, zone, local_time, local_date, daily, instant, state) SELECT 'd', 's', 'UTC', now(), now(), true, now(), 'skipped'`:   "slots_reason",
		`INSERT INTO slots (digest, slot, zone, local_time, local_date, daily, instant, state) SELECT 'd', 's', 'UTC', now(), now(), true, now(), 'published'`: "slots_edition",
		`UPDATE readers SET email = NULL`:                                                          "readers_erased",
		`UPDATE readers SET erased_at = now()`:                                                     "readers_erased",
		`UPDATE readers SET email = E'a@b\r\nBcc: c@d'`:                                            "readers_email",
		`UPDATE readers SET name = E'a\nb'`:                                                        "readers_name",
		`UPDATE subscriptions SET state = 'gone'`:                                                  "subscriptions_state",
		`UPDATE subscriptions SET state = 'unsubscribed'`:                                          "subscriptions_ended",
		`INSERT INTO choices (reader_id, digest, frequency) SELECT id, 'x', 'hourly' FROM readers`: "choices_frequency",
		`INSERT INTO choices (reader_id, digest, weekday) SELECT id, 'x', 3 FROM readers`:          "choices_weekday",
		`INSERT INTO choices (reader_id, digest, categories) SELECT id, 'x', '{}' FROM readers`:    "choices_categories",
		`INSERT INTO suppressions (email_hash, reason) VALUES ('x', 'rude')`:                       "suppressions_reason",
	} {
		_, err := n.db.Exec(wrong)
		var pe *pq.Error
		if !errors.As(err, &pe) || !strings.Contains(constraint, pe.Constraint) || pe.Constraint == "" {
			t.Errorf("%s: %v, want %s broken", wrong, err, constraint)
		}
	}
}

// TestStateMachine brings a delivery into each state, lets each act of the
// store loose on it, and holds what became of it against digest.May: nothing
// else may happen, and all of that must.
func TestStateMachine(t *testing.T) {
	t.Parallel()
	n, e, ids := sendingTo(t, 1)
	ref := digest.Ref{Edition: e, Reader: ids[0]}
	lane := n.lane()
	seen := map[[2]digest.DeliveryState]bool{}
	into := map[digest.DeliveryState]string{
		digest.Queued:     `not_before = now() - interval '1 second'`,
		digest.Claimed:    `lane = $1, fence = $2, seq = 0`,
		digest.Sending:    `lane = $1, fence = $2, seq = 0, intent_at = now(), message_id = 'm'`,
		digest.Accepted:   `intent_at = now(), message_id = 'm', settled_at = now()`,
		digest.InDoubt:    `intent_at = now(), message_id = 'm', settled_at = now()`,
		digest.Bounced:    `intent_at = now(), message_id = 'm', settled_at = now()`,
		digest.Complained: `intent_at = now(), message_id = 'm', settled_at = now()`,
		digest.Refused:    `settled_at = now(), reply = 'no'`,
		digest.Cancelled:  `settled_at = now()`,
		digest.Expired:    `settled_at = now()`,
	}
	settle := func(o digest.Outcome) func() error {
		return func() error {
			_, _, err := n.Commit(t.Context(), nil, []digest.Settlement{{Lane: lane, Ref: ref, Outcome: o}})
			return err
		}
	}
	takeOver := func(as digest.DeliveryState) func() error {
		return func() error {
			_, err := n.TakeOver(t.Context(), n.one(`SELECT owner FROM lanes`), time.Time{}, func(rows []digest.Stranded) (list []digest.Salvage) {
				for _, r := range rows {
					list = append(list, digest.Salvage{Ref: r.Ref, State: as, Reply: "told"})
				}
				return list
			})
			return err
		}
	}
	report := func(kind digest.ReportKind, class digest.Class) func() error {
		return func() error {
			_, err := n.Report(t.Context(), digest.Report{
				Kind: kind, Ref: ref, Via: "return path", Hash: []byte(rowID(t)),
				Recipients: []digest.ReportRecipient{{Address: "reader0@example.org", Class: class, Status: "5.1.1"}},
			})
			return err
		}
	}
	acts := map[string]func() error{
		"claim fresh": func() error { _, err := n.ClaimFresh(t.Context(), lane, 0, e, 0, 9); return err },
		"claim due":   func() error { _, err := n.ClaimDue(t.Context(), lane, 0, 9); return err },
		"intent":      func() error { _, err := n.intend(t.Context(), lane, ref); return err },
		"accepted":    settle(accepted),
		"refused":     settle(refused),
		"gone":        settle(gone),
		"deferred":    settle(deferred),
		"doubtful":    settle(doubtful),
		"withdrawn": func() error {
			_, _, err := n.Commit(t.Context(), nil, []digest.Settlement{{Lane: lane, Ref: ref, Withdrawn: true}})
			return err
		},
		"release": func() error { return n.Release(t.Context(), lane, []digest.Ref{ref}) },
		"late release": func() error {
			n.do(`UPDATE variants SET expires_at = now()`)
			return n.Release(t.Context(), lane, []digest.Ref{ref})
		},
		"leave":            func() error { return n.Leave(t.Context(), ref, digest.Leaving{At: n.now}) },
		"leave everything": func() error { return n.Leave(t.Context(), ref, digest.Leaving{At: n.now, Everything: true}) },
		"leave lanes":      func() error { return n.LeaveLanes(t.Context(), n.one(`SELECT owner FROM lanes`)) },
		"move fence":       func() error { _, err := n.MoveFence(t.Context(), lane); return err },
		"lost, accepted":   takeOver(digest.Accepted),
		"lost, refused":    takeOver(digest.Refused),
		"lost, in doubt":   takeOver(digest.InDoubt),
		"lost, queued":     takeOver(digest.Queued),
		"hard bounce":      report(digest.ReportBounce, digest.ClassHard),
		"soft bounce":      report(digest.ReportBounce, digest.ClassSoft),
		"complaint":        report(digest.ReportComplaint, digest.ClassUnknown),
		"mailed leaving":   report(digest.ReportUnsubscribe, digest.ClassUnknown),
		"auto-reply":       report(digest.ReportAutoReply, digest.ClassUnknown),
		"resend":           func() error { _, err := n.ResendDoubtful(t.Context()); return err },
		"expire": func() error {
			n.do(`UPDATE variants SET expires_at = now()`)
			_, err := n.ExpireQueued(t.Context())
			return err
		},
		"erase":        func() error { return n.EraseReader(t.Context(), hash("reader0@example.org"), n.now) },
		"next edition": func() error { n.publish(); return nil },
		"finish":       func() error { _, err := n.FinishEditions(t.Context(), true); return err },
	}
	for i := range 2 * len(digest.DeliveryStates()) {
		from, resends := digest.DeliveryStates()[i/2], i%2
		for name, act := range acts {
			n.do(`DELETE FROM deliveries WHERE edition_id <> $1`, e)
			n.do(`DELETE FROM reports`)
			n.do(`DELETE FROM lanes`)
			n.do(`DELETE FROM choices`)
			n.do(`DELETE FROM suppressions`)
			n.do(`UPDATE readers SET email = 'reader0@example.org', erased_at = NULL, left_at = NULL`)
			n.do(`UPDATE subscriptions SET state = 'active', ended_at = NULL`)
			n.do(`UPDATE editions SET state = 'sending', finished_at = NULL WHERE id = $1`, e)
			n.do(`UPDATE variants SET expires_at = now() + interval '1 day'`)
			lane = n.lane()
			row := `UPDATE deliveries SET attempts = 0, resends = $2, recalled = false, not_before = NULL, lane = NULL, fence = NULL, seq = NULL,
			        intent_at = NULL, settled_at = NULL, reply = NULL, class = NULL, message_id = NULL, state = 'queued' WHERE edition_id = $1`
			n.do(row, e, resends)
			if resends > 0 {
				n.do(`UPDATE deliveries SET intent_at = now(), message_id = 'm' WHERE edition_id = $1`, e)
			}
			set := fmt.Sprintf(`UPDATE deliveries SET state = '%s', %s WHERE ($1::bigint, $2::bigint, $3::bigint) IS NOT NULL AND edition_id = $3`, from, into[from])
			n.do(set, int64(lane.ID), lane.Fence, e)
			if err := act(); err != nil && !errors.Is(err, digest.ErrNotFound) {
				t.Errorf("%s on a delivery that is %s: %v", name, from, err)
			}
			to, _ := n.delivery(e, ids[0])
			if to == from {
				continue
			}
			seen[[2]digest.DeliveryState{from, to}] = true
			if !from.May(to) {
				t.Errorf("%s made a delivery that was %s %s: the law forbids it", name, from, to)
			}
		}
	}
	// A move that the law keeps open and nobody makes: intents here come before
	// the relay hears of a reader.
	seen[[2]digest.DeliveryState{digest.Claimed, digest.Refused}] = true
	for _, from := range digest.DeliveryStates() {
		for _, to := range digest.DeliveryStates() {
			if from.May(to) && !seen[[2]digest.DeliveryState{from, to}] {
				t.Errorf("no act makes a delivery that is %s %s, and the law allows it", from, to)
			}
		}
	}
}

// The mail's last line says since when its reader gets the digest.
func TestReaderGetsADigestSinceTheSubscriptionThatBringsIt(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	n.digest.Lists = []string{"readers", "staff"}
	id := n.subscribe("ann@example.org")[0]
	n.do(`UPDATE subscriptions SET since = '2026-03-03 12:00Z'`)
	n.do(`INSERT INTO subscriptions (reader_id, list, state, since, ended_at) VALUES ($1, 'staff', 'unsubscribed', '2024-01-01', '2025-01-01')`, id)
	n.do(`INSERT INTO subscriptions (reader_id, list, state, since) VALUES ($1, 'elsewhere', 'active', '2023-01-01')`, id)
	n.do(`INSERT INTO choices (reader_id, digest, frequency, since) VALUES ($1, 'morning', 'weekly', '2023-01-01')`, id)
	work := n.claim(n.lane(), n.publish())
	if len(work) != 1 || !work[0].Since.Equal(time.Date(2026, 3, 3, 12, 0, 0, 0, time.UTC)) || !work[0].Weekly {
		t.Errorf("claimed %+v", work)
	}
}

// A reader gets a digest since its first day for his list, however long he was
// there before; why says what the mail says.
func TestNobodyGetsADigestBeforeItsFirstDay(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	ids := n.subscribe("old@example.org", "both@example.org", "new@example.org")
	n.do(`UPDATE subscriptions SET since = '2020-05-01 12:00Z'`)
	n.do(`UPDATE subscriptions SET since = '2026-02-01 12:00Z' WHERE reader_id = $1`, ids[2])
	n.do(`INSERT INTO subscriptions (reader_id, list, state, since) VALUES ($1, 'staff', 'active', '2025-01-01 12:00Z')`, ids[1])
	first := n.publish()
	n.do(`UPDATE editions SET local_date = '2026-01-05' WHERE id = $1`, first) // that was long ago
	n.digest.Lists = []string{"staff", "readers"}
	n.publish()
	n.do(`UPDATE editions SET local_date = '2026-01-20', number = 3 WHERE id <> $1`, first)
	n.do(`INSERT INTO merges (list, into_list, ended) VALUES ('readers', 'everyone', now())`)
	n.do(`UPDATE subscriptions SET list = 'everyone' WHERE list = 'readers'`)
	n.digest.Lists = []string{"staff", "everyone"}
	e := n.publish()
	got := map[digest.ReaderID]string{}
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range n.claim(n.lane(), e) {
		got[w.Reader] = w.Began(berlin).Format(time.DateOnly)
	}
	for i, want := range []string{"2026-01-05", "2026-01-05", "2026-02-01"} {
		if got[ids[i]] != want {
			t.Errorf("reader %d gets it since %s, want %s", i, got[ids[i]], want)
		}
	}
	for i, address := range []string{"old@example.org", "both@example.org", "new@example.org"} {
		a := n.why(address)
		last := a.Entries[len(a.Entries)-1]
		var to digest.Recipient
		if to.Since, to.First = a.Began(last.Lists, last.Firsts); to.Began(berlin).Format(time.DateOnly) != got[ids[i]] {
			t.Errorf("why says %s, the mail %s", to.Began(berlin), got[ids[i]])
		}
	}
	// Of an edition from before days were kept the list alone tells.
	n.do(`UPDATE deliveries SET state = 'queued', lane = NULL, fence = NULL, seq = NULL`)
	n.do(`UPDATE editions SET lists_began = '{}'`)
	for _, w := range n.claim(n.lane(), e) {
		if w.Reader == ids[0] && w.Began(berlin).Year() != 2020 {
			t.Errorf("gets it since %s", w.Began(berlin))
		}
	}
}
