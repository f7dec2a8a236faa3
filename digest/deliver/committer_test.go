package deliver

import (
	"context"
	"log/slog"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"courant/digest"
)

// heldBy is a ledger whose rows are all in the hands of one lane.
type heldBy struct {
	Store
	lane digest.Lane
}

func (h heldBy) Commit(_ context.Context, intents []digest.Intent, settlements []digest.Settlement) (granted, settled []digest.LaneRef, err error) {
	for _, in := range intents {
		for _, ref := range in.Refs {
			if in.Lane == h.lane {
				granted = append(granted, digest.LaneRef{Lane: in.Lane, Ref: ref})
			}
		}
	}
	return granted, nil, nil
}

// A process stood still past its lease. Its lane 1 asks for leave to send what
// it had claimed before; its lane 3, which it joined since, has claimed the
// same; both in one commit. Only one of the two may send.
func TestLeaveToSendIsGivenToTheLaneThatHoldsTheDelivery(t *testing.T) {
	t.Parallel()
	j, err := createJournal(t.TempDir(), "boot")
	must(t, err)
	lost, now := digest.Lane{ID: 1, Fence: 1}, digest.Lane{ID: 3, Fence: 1}
	c := newCommitter(&session{Engine: &Engine{Store: heldBy{lane: now}, Log: slog.New(slog.DiscardHandler), Now: time.Now}, journal: j})
	ask := func(l digest.Lane) <-chan grant {
		return c.intend(digest.Intent{Lane: l, Refs: []digest.Ref{ref(1), ref(2)}, MessageIDs: []string{"<1@x>", "<2@x>"}})
	}
	first, second := ask(lost), ask(now)
	close(c.requests)
	c.run(t.Context()) // one commit: both are there before it begins
	if got := (<-first).refs; len(got) != 0 {
		t.Errorf("the lane that lost them may send %v", got)
	}
	if got := (<-second).refs; !slices.Equal(got, []digest.Ref{ref(1), ref(2)}) {
		t.Errorf("the lane that holds them may send %v", got)
	}
	must(t, j.Close())
}

// commits is a ledger that tells of each commit how many intents and verdicts
// it had.
type commits struct {
	Store
	seen chan [2]int
}

func (c commits) Commit(_ context.Context, intents []digest.Intent, settlements []digest.Settlement) (granted, settled []digest.LaneRef, err error) {
	c.seen <- [2]int{len(intents), len(settlements)}
	return nil, make([]digest.LaneRef, len(settlements)), nil
}

func TestVerdictsWaitALittleForAnIntentToCarryThem(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		j, err := createJournal(t.TempDir(), "boot")
		must(t, err)
		ledger := commits{seen: make(chan [2]int, 10)}
		c := newCommitter(&session{Engine: &Engine{Store: ledger, Log: slog.New(slog.DiscardHandler), Now: time.Now}, journal: j})
		go c.run(t.Context())
		wait := func(d time.Duration) (seen [][2]int) {
			time.Sleep(d) // of the bubble's clock
			synctest.Wait()
			for len(ledger.seen) > 0 {
				seen = append(seen, <-ledger.seen)
			}
			return seen
		}
		verdict := digest.Settlement{Lane: digest.Lane{ID: 1, Fence: 1}, Ref: ref(1)}
		c.settle(verdict)
		if seen := wait(awaitIntent / 2); len(seen) > 0 {
			t.Errorf("a verdict went alone: %v", seen)
		}
		c.settle(verdict)
		c.intend(digest.Intent{Lane: verdict.Lane, Refs: []digest.Ref{ref(2)}, MessageIDs: []string{"<2@x>"}})
		if seen := wait(0); !slices.Equal(seen, [][2]int{{1, 2}}) {
			t.Errorf("commits of intents and verdicts: %v", seen)
		}
		c.settle(verdict)
		if seen := wait(awaitIntent); !slices.Equal(seen, [][2]int{{0, 1}}) {
			t.Errorf("with no intent in sight, commits of intents and verdicts: %v", seen)
		}
		close(c.requests)
		<-c.ended
		must(t, j.Close())
	})
}
