package deliver

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"courant/digest"
)

// heap is a ledger of nothing but numbers: what is due, and what is fresh in
// each edition.
type heap struct {
	Store
	due   int
	fresh map[digest.EditionID]int
}

func (h *heap) take(left *int, e digest.EditionID, after digest.ReaderID, n int) (work []digest.Work) {
	for n = min(n, *left); len(work) < n; *left-- {
		after++
		work = append(work, digest.Work{Recipient: digest.Recipient{Ref: digest.Ref{Edition: e, Reader: after}}})
	}
	return work
}

func (h *heap) ClaimDue(_ context.Context, _ digest.Lane, _, n int) ([]digest.Work, error) {
	return h.take(&h.due, 1, 0, n), nil
}

func (h *heap) ClaimFresh(_ context.Context, _ digest.Lane, _ int, e digest.EditionID, after digest.ReaderID, n int) ([]digest.Work, error) {
	left := h.fresh[e]
	defer func() { h.fresh[e] = left }()
	return h.take(&left, e, after, n), nil
}

// A small edition that is published while a huge one is sent gets its turns,
// and the huge one's retries take turns with it too.
func TestHugeEditionAndItsRetriesHoldUpNoSmallOne(t *testing.T) {
	t.Parallel()
	const claim = 50
	for name, h := range map[string]*heap{
		"fresh":         {fresh: map[digest.EditionID]int{1: 1_000_000}},
		"retries":       {due: 1_000_000, fresh: map[digest.EditionID]int{1: 0}},
		"fresh, and it": {due: 1_000_000, fresh: map[digest.EditionID]int{1: 1_000_000}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			clock := time.Unix(1e9, 0)
			now := func() time.Time { return clock }
			f := newFeed(h, newDomains(now, func() float64 { return 1000 }, slog.New(slog.DiscardHandler)), now)
			f.Show([]digest.EditionID{1})
			claimed := map[digest.EditionID]int{}
			next := func() {
				clock = clock.Add(time.Millisecond)
				c, err := f.Claim(t.Context(), &crew{}, digest.Lane{}, 0, claim)
				if err != nil || len(c.work) == 0 {
					t.Fatalf("claimed %d, %v", len(c.work), err)
				}
				claimed[c.work[0].Edition] += len(c.work)
			}
			for range 10 {
				next()
			}
			h.fresh[2] = 4 * claim
			f.Show([]digest.EditionID{1, 2})
			before := claimed[1]
			for turns := 1; h.fresh[2] > 0; turns++ {
				next()
				if turns > 20 {
					t.Fatalf("the small edition has %d left after %d claims", h.fresh[2], turns)
				}
			}
			if claimed[1] == before {
				t.Error("the huge edition was held up")
			}
			// Nothing is lost between the turns.
			for h.due, h.fresh[1] = min(h.due, 70), min(h.fresh[1], 70); h.due+h.fresh[1] > 0; {
				next()
			}
		})
	}
}
