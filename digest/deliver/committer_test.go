package deliver

import (
	"context"
	"log/slog"
	"slices"
	"testing"
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
