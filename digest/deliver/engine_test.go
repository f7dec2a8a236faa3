package deliver_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"courant/digest"
	"courant/digest/deliver"
	"courant/digest/smtpsink"
)

func TestEveryReaderGetsOneMail(t *testing.T) {
	t.Parallel()
	n, sink := newNewspaper(t, 300), smtpsink.Start(t, smtpsink.Options{})
	e := n.publish()
	left := drain(t, n.engine(sink, 4))
	if left.Total() != 0 {
		t.Errorf("left: %+v", left)
	}
	n.wantTally(e, digest.Tally{digest.Accepted: 300})
	for i := range 300 {
		if got := sink.To(address(i)); len(got) != 1 {
			t.Errorf("%s got %d mails", address(i), len(got))
		}
	}
	if got, err := n.Edition(t.Context(), e.ID); err != nil || got.State != digest.EditionDone {
		t.Errorf("edition is %s, %v; want done", got.State, err)
	}
}

// counted is a ledger that counts what lanes may send and have not settled:
// what is in doubt where they are lost together with their journal.
type counted struct {
	deliver.Store
	mu         *sync.Mutex
	open, most map[digest.LaneID]int
}

func (c counted) Commit(ctx context.Context, intents []digest.Intent, settlements []digest.Settlement) (granted, settled []digest.LaneRef, err error) {
	granted, settled, err = c.Store.Commit(ctx, intents, settlements)
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range settled {
		c.open[s.Lane.ID]--
	}
	for _, g := range granted {
		c.open[g.Lane.ID]++
		c.most[g.Lane.ID] = max(c.most[g.Lane.ID], c.open[g.Lane.ID])
	}
	return granted, settled, err
}

func TestRunAheadOfALaneIsBounded(t *testing.T) {
	t.Parallel()
	n, sink := newNewspaper(t, 4000), smtpsink.Start(t, smtpsink.Options{Tally: true})
	n.publish()
	engine := n.engine(sink, 2)
	ledger := counted{engine.Store, &sync.Mutex{}, map[digest.LaneID]int{}, map[digest.LaneID]int{}}
	engine.Store = ledger
	drain(t, engine)
	for lane, most := range ledger.most {
		if most > 64 || ledger.open[lane] != 0 {
			t.Errorf("lane %d had leave for %d messages at once, and %d are open", lane, most, ledger.open[lane])
		}
	}
}

func TestStopLetsNothingBeLostOrDoubled(t *testing.T) {
	t.Parallel()
	n, sink := newNewspaper(t, 1200), smtpsink.Start(t, smtpsink.Options{})
	e := n.publish()
	for stops := 1; ; stops++ {
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		engine := n.engine(sink, 3)
		go func() { done <- engine.Run(ctx) }()
		if err := sink.Wait(t.Context(), min(200*stops, 1200)); err != nil {
			t.Fatal(err)
		}
		stop()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		tally := n.tally(e)
		if tally[digest.Accepted] != sink.Count() {
			t.Fatalf("after stop %d: sink has %d, ledger says %s", stops, sink.Count(), tally)
		}
		if tally[digest.Claimed]+tally[digest.Sending]+tally[digest.InDoubt] > 0 {
			t.Fatalf("after stop %d: ledger says %s", stops, tally)
		}
		if tally[digest.Accepted] == 1200 {
			break
		}
	}
	if sink.Count() != 1200 {
		t.Errorf("sink has %d mails for 1200 readers", sink.Count())
	}
}

// cut cuts the line after the message was recorded: nobody knows it.
var cut = smtpsink.Action{Do: smtpsink.Cut}

func TestSilenceAfterTheDotIsInDoubtAndSentOnceMore(t *testing.T) {
	t.Parallel()
	for _, resend := range []bool{false, true} {
		n, sink := newNewspaper(t, 20), smtpsink.Start(t, smtpsink.Options{
			Script: smtpsink.Rules(smtpsink.Rule{At: smtpsink.AtRecorded, To: address(7), First: 1, Do: cut}),
		})
		e := n.publish()
		engine := n.engine(sink, 1)
		engine.Resend = resend
		drain(t, engine)
		want, copies := digest.Tally{digest.Accepted: 19, digest.InDoubt: 1}, 1
		if resend {
			want, copies = digest.Tally{digest.Accepted: 20}, 2
		}
		n.wantTally(e, want)
		got := sink.To(address(7))
		if len(got) != copies {
			t.Fatalf("resend %v: %d copies", resend, len(got))
		}
		for _, m := range got {
			if m.ID == "" || m.ID != got[0].ID {
				t.Errorf("copies have Message-IDs %q and %q", got[0].ID, m.ID)
			}
		}
	}
}

func TestSecondDoubtStaysInDoubt(t *testing.T) {
	t.Parallel()
	n, sink := newNewspaper(t, 3), smtpsink.Start(t, smtpsink.Options{
		Script: smtpsink.Rules(smtpsink.Rule{At: smtpsink.AtRecorded, To: address(1), Do: cut}),
	})
	e := n.publish()
	engine := n.engine(sink, 1)
	engine.Resend = true
	drain(t, engine)
	n.wantTally(e, digest.Tally{digest.Accepted: 2, digest.InDoubt: 1})
	if got := len(sink.To(address(1))); got != 2 {
		t.Errorf("%d copies, want the first and one more", got)
	}
}

func TestRefusedAddressIsSuppressedAndDeferredOneWaits(t *testing.T) {
	t.Parallel()
	n, sink := newNewspaper(t, 10), smtpsink.Start(t, smtpsink.Options{Script: smtpsink.Rules(
		smtpsink.Rule{At: smtpsink.AtRcpt, To: address(2), Do: smtpsink.Action{Do: smtpsink.Answer, Reply: smtpsink.Reply{Code: 550, Text: "no such user"}}},
		smtpsink.Rule{At: smtpsink.AtRcpt, To: address(3), Do: smtpsink.Action{Do: smtpsink.Answer, Reply: smtpsink.Reply{Code: 451, Text: "later"}}},
	)})
	e := n.publish()
	left := drain(t, n.engine(sink, 1))
	n.wantTally(e, digest.Tally{digest.Accepted: 8, digest.Refused: 1, digest.Queued: 1})
	if left.Deferred != 1 || left.Next <= 30*time.Second || left.Next > 70*time.Second || !strings.Contains(left.Said, "later") {
		t.Errorf("left %+v, want one deferred for about a minute", left)
	}
	second := n.publish()
	// The one who waits for the first edition gets the second instead.
	n.wantTally(e, digest.Tally{digest.Accepted: 8, digest.Refused: 1, digest.Expired: 1})
	n.wantTally(second, digest.Tally{digest.Queued: 9})
}

func TestRelayThatRefusesOurSenderStopsTheRunAndBlamesNobody(t *testing.T) {
	t.Parallel()
	n, sink := newNewspaper(t, 5), smtpsink.Start(t, smtpsink.Options{Script: smtpsink.Rules(
		smtpsink.Rule{At: smtpsink.AtMail, Do: smtpsink.Action{Do: smtpsink.Answer, Reply: smtpsink.Reply{Code: 550, Text: "sender not allowed"}}},
	)})
	e := n.publish()
	_, err := n.engine(sink, 2).Drain(t.Context(), time.Hour)
	var oe *deliver.OutcomeError
	if !errors.As(err, &oe) || !strings.Contains(err.Error(), "return_path") || !strings.Contains(err.Error(), "sender not allowed") {
		t.Errorf("got %v, want what to set", err)
	}
	n.wantTally(e, digest.Tally{digest.Queued: 5})
}

func TestRelayThatIsAwayLosesNothing(t *testing.T) {
	t.Parallel()
	n, sink := newNewspaper(t, 5), smtpsink.Start(t, smtpsink.Options{})
	e := n.publish()
	engine := n.engine(sink, 2)
	engine.Relays[0].Dial = dial("127.0.0.1:1")
	_, err := engine.Drain(t.Context(), 0)
	if err == nil || !strings.Contains(err.Error(), "stay queued") {
		t.Errorf("got %v", err)
	}
	n.wantTally(e, digest.Tally{digest.Queued: 5})
	drain(t, n.engine(sink, 2))
	n.wantTally(e, digest.Tally{digest.Accepted: 5})
}

func TestLineCutBeforeTheReaderIsNamedChargesNobody(t *testing.T) {
	t.Parallel()
	n, sink := newNewspaper(t, 30), smtpsink.Start(t, smtpsink.Options{Script: smtpsink.Rules(
		smtpsink.Rule{At: smtpsink.AtMail, Every: 10, First: 30, Do: cut},
	)})
	e := n.publish()
	if _, err := n.engine(sink, 1).Drain(t.Context(), time.Minute); err != nil {
		t.Fatal(err)
	}
	n.wantTally(e, digest.Tally{digest.Accepted: 30})
}

func TestReaderWhoLeavesInMidEditionIsNotMailed(t *testing.T) {
	t.Parallel()
	n := newNewspaper(t, 400)
	sink := smtpsink.Start(t, smtpsink.Options{Script: smtpsink.Rules(
		// The first message waits until half of the others have left.
		smtpsink.Rule{At: smtpsink.AtRcpt, First: 1, Do: smtpsink.Action{Do: smtpsink.Stall}},
	)})
	e := n.publish()
	engine := n.engine(sink, 1)
	done := make(chan error, 1)
	go func() {
		_, err := engine.Drain(t.Context(), time.Minute)
		done <- err
	}()
	if err := sink.WaitStalled(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	for i := 200; i < 400; i++ {
		reader, err := n.FindReader(t.Context(), hash(i))
		if err != nil {
			t.Fatal(err)
		}
		if err := n.Leave(t.Context(), digest.Ref{Edition: e.ID, Reader: reader.ID}, digest.Leaving{At: time.Now(), How: "one-click"}); err != nil {
			t.Fatal(err)
		}
	}
	left := sink.Count()
	sink.Release()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if left != 0 {
		t.Fatalf("%d mails went out before the stall was over", left)
	}
	for i := 200; i < 400; i++ {
		if got := sink.To(address(i)); len(got) > 0 {
			t.Errorf("%s left and was mailed", address(i))
		}
	}
	n.wantTally(e, digest.Tally{digest.Accepted: 200, digest.Cancelled: 200})
}

func TestRenderFaultHoldsTheEdition(t *testing.T) {
	t.Parallel()
	n, sink := newNewspaper(t, 5), smtpsink.Start(t, smtpsink.Options{})
	e := n.publish()
	engine := n.engine(sink, 1)
	engine.Press = press{fault: errors.New("no unsubscribe link")}
	left := drain(t, engine)
	got, err := n.Edition(t.Context(), e.ID)
	if err != nil || got.State != digest.EditionHeld || !strings.Contains(got.HeldReason, "no unsubscribe link") || left.Held != 5 {
		t.Errorf("edition %s (%s), left %+v, %v", got.State, got.HeldReason, left, err)
	}
	if sink.Count() > 0 {
		t.Error("a mail went out")
	}
}

func TestTwoProcessesShareAnEdition(t *testing.T) {
	t.Parallel()
	n, sink := newNewspaper(t, 1000), smtpsink.Start(t, smtpsink.Options{})
	e := n.publish()
	done := make(chan error, 2)
	for range 2 {
		engine := n.engine(sink, 3)
		go func() {
			_, err := engine.Drain(t.Context(), time.Minute)
			done <- err
		}()
	}
	for range 2 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	n.wantTally(e, digest.Tally{digest.Accepted: 1000})
	if sink.Count() != 1000 {
		t.Errorf("sink has %d mails for 1000 readers", sink.Count())
	}
}

func TestLateVerdictIsFencedOff(t *testing.T) {
	t.Parallel()
	n := newNewspaper(t, 1)
	e := n.publish()
	if _, err := n.MoveEdition(t.Context(), e.ID, digest.EditionSending, ""); err != nil {
		t.Fatal(err)
	}
	lanes, err := n.JoinLanes(t.Context(), digest.Owner{ID: "stopped"}, 1, time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	// The claim of a lane whose lease is over gets nothing.
	if _, err := n.RenewLanes(t.Context(), "stopped", time.Minute); err != nil {
		t.Fatal(err)
	}
	work, err := n.ClaimFresh(t.Context(), lanes[0], 0, e.ID, 0, 10)
	if err != nil || len(work) != 1 {
		t.Fatalf("claimed %d, %v", len(work), err)
	}
	granted, _, err := n.Commit(t.Context(), []digest.Intent{{Lane: lanes[0], Refs: []digest.Ref{work[0].Ref}, MessageIDs: []string{"<a@b>"}}}, nil)
	if err != nil || len(granted) != 1 {
		t.Fatalf("granted %v, %v", granted, err)
	}
	saved, err := n.TakeOver(t.Context(), "stopped", time.Time{}, func(rows []digest.Stranded) []digest.Salvage {
		return []digest.Salvage{{Ref: rows[0].Ref, State: digest.InDoubt, Attempt: true, Reply: "lost"}}
	})
	if err != nil || len(saved) != 1 {
		t.Fatalf("saved %v, %v", saved, err)
	}
	_, settled, err := n.Commit(t.Context(), nil, []digest.Settlement{{
		Lane: lanes[0], Ref: work[0].Ref, Outcome: digest.Outcome{Verdict: digest.VerdictAccepted, Reply: digest.Reply{Code: 250}},
	}})
	if err != nil || len(settled) != 0 {
		t.Errorf("the late verdict was written: %v, %v", settled, err)
	}
	n.wantTally(e, digest.Tally{digest.InDoubt: 1})
	granted, _, err = n.Commit(t.Context(), []digest.Intent{{Lane: lanes[0], Refs: []digest.Ref{work[0].Ref}, MessageIDs: []string{"<a@b>"}}}, nil)
	if err != nil || len(granted) != 0 {
		t.Errorf("a fenced lane was granted an intent: %v, %v", granted, err)
	}
}

func TestJournalLeftBehindIsTakenOverAtTheNextStart(t *testing.T) {
	t.Parallel()
	n, sink := newNewspaper(t, 50), smtpsink.Start(t, smtpsink.Options{})
	e := n.publish()
	engine := n.engine(sink, 1)
	dead := filepath.Join(engine.JournalDir, "deadbeef")
	for _, suffix := range []string{".0", ".1"} {
		if err := os.WriteFile(dead+suffix, []byte("courant journal 1\nboot\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := n.MoveEdition(t.Context(), e.ID, digest.EditionSending, ""); err != nil {
		t.Fatal(err)
	}
	lanes, err := n.JoinLanes(t.Context(), digest.Owner{ID: "deadbeef", Journal: dead}, 1, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	work, err := n.ClaimFresh(t.Context(), lanes[0], 0, e.ID, 0, 10)
	if err != nil || len(work) != 10 {
		t.Fatalf("claimed %d, %v", len(work), err)
	}
	drain(t, engine)
	n.wantTally(e, digest.Tally{digest.Accepted: 50})
	if _, err := os.Stat(dead + ".0"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the dead journal is still there: %v", err)
	}
}

func TestDrainOfOneEditionDoesNotWaitForAnother(t *testing.T) {
	t.Parallel()
	n := newNewspaper(t, 1000)
	sink := smtpsink.Start(t, smtpsink.Options{Script: func(at smtpsink.Stage, c *smtpsink.Conversation) smtpsink.Action {
		if at == smtpsink.AtRcpt && c.To != "proof@example.net" {
			return smtpsink.Action{Do: smtpsink.Stall, For: 20 * time.Millisecond}
		}
		return smtpsink.Action{}
	}})
	big := n.publish()
	if err := n.ProofReader(t.Context(), "proof@example.net", []byte("proof")); err != nil {
		t.Fatal(err)
	}
	proof := n.order(digest.KindProof, "proof@example.net")
	if _, err := n.engine(sink, 2).DrainEdition(t.Context(), proof.ID, 0); err != nil {
		t.Fatal(err)
	}
	n.wantTally(proof, digest.Tally{digest.Accepted: 1})
	if tally := n.tally(big); tally[digest.Queued] < 500 || tally.Unfinished() != tally[digest.Queued] {
		t.Errorf("the other edition: %s, want most of it queued and nothing in the hands of lanes", tally)
	}
}

func TestStopWithASilentRelaySettlesWhatIsKnown(t *testing.T) {
	t.Parallel()
	n := newNewspaper(t, 200)
	sink := smtpsink.Start(t, smtpsink.Options{Script: smtpsink.Rules(
		smtpsink.Rule{At: smtpsink.AtRecorded, Skip: 20, Do: smtpsink.Action{Do: smtpsink.Stall}},
	)})
	e := n.publish()
	engine := n.engine(sink, 1)
	engine.DrainTime = 300 * time.Millisecond
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- engine.Run(ctx) }()
	if err := sink.WaitStalled(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	stop()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	// One message had its dot out; everything else is known.
	n.wantTally(e, digest.Tally{digest.Accepted: 20, digest.InDoubt: 1, digest.Queued: 179})
}
