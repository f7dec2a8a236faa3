package deliver

import (
	"context"
	"maps"
	"sync"
	"time"

	"courant/digest"
)

// feed gives lanes their work: what a held mail domain's budget allows, then in
// turn deferred deliveries that came due and the editions that are sending,
// those in turn too, each from reader to reader. The deliveries of held domains are passed
// over there, and taken from where they were passed.
//
// Claims of one process go one after the other, so that the place in an
// edition only ever moves past rows that are claimed.
type feed struct {
	store   Store
	domains *domains

	mu       sync.Mutex
	editions []digest.EditionID
	after    map[digest.EditionID]digest.ReaderID
	spent    map[digest.EditionID]bool // gone through once; what comes back carries a not_before
	turn     int
	dueAt    time.Time                                       // when to look for deferred ones again
	dueFrom  map[string]time.Time                            // by held domain, and "" for all others: since when what came due was not looked at
	passed   map[string]map[digest.EditionID]digest.ReaderID // held domains: up to where each edition was gone through
	anew     time.Time                                       // when again began
	general  bool                                            // whose turn it is where a held domain has as much to send as all others
	dueLast  bool                                            // the last claim was of what came due
	now      func() time.Time
}

// dueEvery is how often deferred deliveries are looked for while fresh ones
// are at hand.
const dueEvery = 200 * time.Millisecond

func newFeed(store Store, ds *domains, now func() time.Time) *feed {
	return &feed{store: store, domains: ds, now: now, dueFrom: map[string]time.Time{}, passed: map[string]map[digest.EditionID]digest.ReaderID{}, after: map[digest.EditionID]digest.ReaderID{}, spent: map[digest.EditionID]bool{}}
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
	for _, passed := range f.passed {
		clear(passed)
	}
	f.dueAt = time.Time{}
	clear(f.dueFrom)
	f.domains.Rewound()
}

// Waiting says whether any edition is being sent at all.
func (f *feed) Waiting() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.editions) > 0
}

// Spent says whether every edition was gone through.
func (f *feed) Spent() bool {
	if f.domains.Waiting() {
		return false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, e := range f.editions {
		if !f.spent[e] {
			return false
		}
	}
	return true
}

// claim is what a lane got.
type claim struct {
	work  []digest.Work
	grab  grab // of a held domain
	again bool // nothing yet, and not all was looked at
}

// Claim takes up to n deliveries for a lane of a crew; none when there is no work now.
func (f *feed) Claim(ctx context.Context, of *crew, lane digest.Lane, seq, n int) (claim, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.editions) == 0 {
		return claim{}, nil
	}
	held := f.note(f.domains.Held())
	if g, ok := f.domains.Next(of); ok && !(g.full && f.general) {
		f.general = true
		if c, err := f.claimGrab(ctx, lane, seq, n, g); err != nil || len(c.work) > 0 {
			return c, err
		}
	}
	f.general = false
	if c, err := f.claimGeneral(ctx, lane, seq, n, held); err != nil || c.again || len(c.work) > 0 {
		return c, err
	}
	if g, ok := f.domains.Left(of); ok {
		f.again()
		return f.claimGrab(ctx, lane, seq, n, g)
	}
	return claim{}, nil
}

// again goes through the editions once more now and then while only tardy
// domains have mail: that may take hours, and what lanes gave back must not wait
// so long.
func (f *feed) again() {
	if now := f.now(); now.Sub(f.anew) > rewindEvery {
		f.anew = now
		clear(f.after)
		clear(f.spent)
	}
}

func (f *feed) claimGrab(ctx context.Context, lane digest.Lane, seq, n int, g grab) (claim, error) {
	work, err := f.claimHeld(ctx, lane, seq, min(n, g.n), g)
	if err != nil || len(work) == 0 {
		f.domains.Over(g)
		return claim{}, err
	}
	return claim{work: work, grab: g}, nil
}

// claimGeneral takes from whatever is not held.
func (f *feed) claimGeneral(ctx context.Context, lane digest.Lane, seq, n int, held []string) (claim, error) {
	// What came due and what is fresh take turns: the retries of a large edition
	// must not hold up a small one that was published a minute ago.
	if !f.dueLast {
		if c, err := f.claimOfDue(ctx, lane, seq, n, held); err != nil || len(c.work) > 0 {
			return c, err
		}
	}
	dueLast := f.dueLast
	f.dueLast = false
	if c, err := f.claimOfEditions(ctx, lane, seq, n, held); err != nil || c.again || len(c.work) > 0 || !dueLast {
		return c, err
	}
	return f.claimOfDue(ctx, lane, seq, n, held)
}

func (f *feed) claimOfDue(ctx context.Context, lane digest.Lane, seq, n int, held []string) (claim, error) {
	work, err := f.claimDue(ctx, lane, seq, n, held)
	f.dueLast = len(work) > 0
	return claim{work: work}, err
}

// claimOfEditions takes from the editions in turn, a claim each, however large
// they are.
func (f *feed) claimOfEditions(ctx context.Context, lane digest.Lane, seq, n int, held []string) (claim, error) {
	for range f.editions {
		f.turn = (f.turn + 1) % len(f.editions)
		e := f.editions[f.turn]
		if f.spent[e] {
			continue
		}
		work, end, err := f.claimFresh(ctx, lane, seq, n, e, held)
		if err != nil || len(work) > 0 {
			return claim{work: work}, err
		}
		if !end {
			return claim{again: true}, nil
		}
		f.spent[e] = true
	}
	return claim{}, nil
}

// note remembers for domains that are newly held how far the editions are:
// theirs is left behind from here on.
func (f *feed) note(held []string) []string {
	if len(held) == 0 && len(f.passed) == 0 {
		return nil
	}
	is := make(map[string]bool, len(held))
	for _, name := range held {
		is[name] = true
		if f.passed[name] == nil {
			f.passed[name] = maps.Clone(f.after)
		}
	}
	for name := range f.passed {
		if !is[name] {
			delete(f.passed, name)
			delete(f.dueFrom, name)
		}
	}
	return held
}

// claimDue takes what came due. Among what is held it goes on from where it
// was, at a tenth of the time at most; at the end it looks from the start
// again.
func (f *feed) claimDue(ctx context.Context, lane digest.Lane, seq, n int, held []string) ([]digest.Work, error) {
	began := f.now()
	if began.Before(f.dueAt) {
		return nil, nil
	}
	if len(held) == 0 {
		work, err := f.store.ClaimDue(ctx, lane, seq, n)
		if err == nil && len(work) == 0 {
			f.dueAt = began.Add(dueEvery)
		}
		return work, err
	}
	w, err := f.walkDue(ctx, lane, seq, n, digest.DomainChoice{Except: held}, "")
	if err != nil {
		return nil, err
	}
	now := f.now()
	f.dueAt = now.Add(9 * now.Sub(began))
	if w.End {
		f.dueAt = now.Add(max(9*now.Sub(began), dueEvery))
	}
	return w.Work, nil
}

// walkDue goes through what is due for all, or for one held domain.
func (f *feed) walkDue(ctx context.Context, lane digest.Lane, seq, n int, d digest.DomainChoice, domain string) (digest.DueWalk, error) {
	for range passMost {
		w, err := f.store.WalkDue(ctx, lane, seq, f.dueFrom[domain], n, d)
		if err != nil {
			return w, err
		}
		if f.dueFrom[domain] = w.Until; w.End {
			delete(f.dueFrom, domain)
		}
		if w.End || len(w.Work) > 0 {
			return w, nil
		}
	}
	return digest.DueWalk{}, nil
}

// passMost is how many windows of held deliveries one claim passes over: the
// other lanes wait for it.
const passMost = 16

// claimFresh takes the next of an edition. Without work, end says whether the
// edition is at its end.
func (f *feed) claimFresh(ctx context.Context, lane digest.Lane, seq, n int, e digest.EditionID, held []string) (work []digest.Work, end bool, err error) {
	if len(held) == 0 {
		work, err = f.store.ClaimFresh(ctx, lane, seq, e, f.after[e], n)
		if len(work) > 0 {
			f.after[e] = work[len(work)-1].Reader
		}
		return work, true, err
	}
	for range passMost {
		w, err := f.store.WalkFresh(ctx, lane, seq, e, f.after[e], n, digest.DomainChoice{Except: held})
		if err != nil {
			return nil, false, err
		}
		f.after[e] = w.Through
		if w.End || len(w.Work) > 0 {
			return w.Work, w.End, nil
		}
	}
	return nil, false, nil
}

// claimHeld takes deliveries of a held domain: those that were tried before
// first, since a domain that greylists knows them.
func (f *feed) claimHeld(ctx context.Context, lane digest.Lane, seq, n int, g grab) ([]digest.Work, error) {
	if f.passed[g.domain] == nil { // held a moment ago
		f.passed[g.domain] = maps.Clone(f.after)
	}
	due, err := f.walkDue(ctx, lane, seq, n, digest.DomainChoice{Only: g.domain}, g.domain)
	work := due.Work
	for i := 0; i < len(f.editions) && err == nil && len(work) == 0; i++ {
		f.turn = (f.turn + 1) % len(f.editions)
		work, err = f.freshOf(ctx, lane, seq, n, f.editions[f.turn], g.domain)
	}
	if err == nil && g.probe && len(work) > 0 {
		work, err = f.mayProbe(ctx, lane, g, work)
	}
	if err != nil {
		f.domains.Failed(g)
		return nil, err
	}
	f.domains.Found(g, len(work))
	return work, nil
}

func (f *feed) freshOf(ctx context.Context, lane digest.Lane, seq, n int, e digest.EditionID, domain string) ([]digest.Work, error) {
	for {
		w, err := f.store.WalkFresh(ctx, lane, seq, e, f.passed[domain][e], n, digest.DomainChoice{Only: domain})
		if err != nil || w.End {
			return nil, err
		}
		f.passed[domain][e] = w.Through
		if len(w.Work) > 0 {
			return w.Work, nil
		}
	}
}

// mayProbe asks for leave to send a probe, or gives its row back.
func (f *feed) mayProbe(ctx context.Context, lane digest.Lane, g grab, work []digest.Work) ([]digest.Work, error) {
	ok, err := f.store.ProbeCircuit(ctx, g.domain, probeTime)
	if ok || err != nil {
		return work, err
	}
	f.domains.Denied(g)
	refs := make([]digest.Ref, len(work))
	for i, w := range work {
		refs[i] = w.Ref
	}
	return nil, f.store.Release(ctx, lane, refs)
}
