package main

import (
	"context"
	"math/rand/v2"
	"time"

	"courant/store"
)

// removalEvery is how often what is old is removed.
const removalEvery = time.Hour

// retention removes what is old, until ctx is done. Several processes meet
// at the database, where one does it; so that they seldom meet, each comes up
// to a tenth later.
func (s *serving) retention(ctx context.Context) {
	wait := firstRemoval()
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait + rand.N(wait/10+1)):
		}
		s.reign().removeOld(ctx)
		wait = removalEvery
	}
}

// removeOld does one round. What fails is done by a later one, and keeps
// nothing else from being done.
func (h *house) removeOld(ctx context.Context) {
	r := store.Retention{
		Ledger: h.config.KeepLedger, Addresses: h.config.KeepAddresses,
		Digests: h.config.digestsByList(),
		Ahead:   time.Until(h.now()).Round(time.Second), // nothing, but in tests
	}
	facts, removed := []any{}, 0
	for _, act := range []struct {
		counts string
		remove func(context.Context, store.Retention) (int, error)
	}{
		{"ledger_parts", h.store.DropDeliveries},
		{"addresses", h.store.ForgetAddresses},
		{"letters", h.store.ForgetLetters},
		{"reports", h.store.EmptyReports},
		{"articles", h.store.EmptyArticles},
		{"pages", h.store.ForgetPages},
	} {
		n, err := act.remove(ctx, r)
		if err != nil && ctx.Err() == nil {
			h.log.Warn("what is old stays for another hour", "error", err)
		}
		facts, removed = append(facts, act.counts, n), removed+n
	}
	if removed > 0 {
		h.log.Info("removed what is old", facts...)
	} else {
		h.log.Debug("nothing is old enough to be removed")
	}
}

// digestsByList are the digests that go to each list.
func (c Config) digestsByList() map[string][]string {
	by := map[string][]string{}
	for _, l := range c.Lists {
		by[l.Name] = c.digestsTo(l.Name)
	}
	return by
}
