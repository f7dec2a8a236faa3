package deliver

import (
	"context"
	"sync"
	"time"

	"courant/digest"
)

// feed gives lanes their work: deferred deliveries that came due first, then
// the editions that are sending, in turn, each from reader to reader.
//
// Claims of one process go one after the other, so that the place in an
// edition only ever moves past rows that are claimed.
type feed struct {
	store Store

	mu       sync.Mutex
	editions []digest.EditionID
	after    map[digest.EditionID]digest.ReaderID
	spent    map[digest.EditionID]bool // gone through once; what comes back carries a not_before
	turn     int
	dueAt    time.Time // when to look for deferred ones again
	now      func() time.Time
}

// dueEvery is how often deferred deliveries are looked for while fresh ones
// are at hand.
const dueEvery = 200 * time.Millisecond

func newFeed(store Store, now func() time.Time) *feed {
	return &feed{store: store, now: now, after: map[digest.EditionID]digest.ReaderID{}, spent: map[digest.EditionID]bool{}}
}

// Show tells the feed which editions are sending.
func (f *feed) Show(editions []digest.EditionID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.editions = editions
	sending := make(map[digest.EditionID]bool, len(editions))
	for _, e := range editions {
		sending[e] = true
	}
	for e := range f.after {
		if !sending[e] {
			delete(f.after, e)
			delete(f.spent, e)
		}
	}
	for e := range f.spent {
		if !sending[e] {
			delete(f.spent, e)
		}
	}
}

// Rewind goes through the editions once more: rows that were locked by
// somebody else when the feed passed them are found.
func (f *feed) Rewind() {
	f.mu.Lock()
	defer f.mu.Unlock()
	clear(f.after)
	clear(f.spent)
	f.dueAt = time.Time{}
}

// Waiting says whether any edition is being sent at all.
func (f *feed) Waiting() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.editions) > 0
}

// Spent says whether every edition was gone through.
func (f *feed) Spent() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, e := range f.editions {
		if !f.spent[e] {
			return false
		}
	}
	return true
}

// Claim takes up to n deliveries for a lane; none when there is no work now.
func (f *feed) Claim(ctx context.Context, lane digest.Lane, seq, n int) ([]digest.Work, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.editions) == 0 {
		return nil, nil
	}
	if now := f.now(); !now.Before(f.dueAt) {
		work, err := f.store.ClaimDue(ctx, lane, seq, n)
		if err != nil || len(work) > 0 {
			return work, err
		}
		f.dueAt = now.Add(dueEvery)
	}
	for range f.editions {
		f.turn = (f.turn + 1) % len(f.editions)
		e := f.editions[f.turn]
		if f.spent[e] {
			continue
		}
		work, err := f.store.ClaimFresh(ctx, lane, seq, e, f.after[e], n)
		if err != nil {
			return nil, err
		}
		if len(work) == 0 {
			f.spent[e] = true
			continue
		}
		f.after[e] = work[len(work)-1].Reader
		return work, nil
	}
	return nil, nil
}
