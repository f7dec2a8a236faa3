package deliver

import (
	"context"
	"time"

	"courant/digest"
)

// heeding is a Store that is asked for nothing to send before Heed has said
// that all is known which forbids it: leavings that were kept on this host's
// disk while the database was away. Claims come after it, and so do intents,
// or what was claimed before the database went away would go to who left
// meanwhile.
type heeding struct {
	Store
	heed func(context.Context) error
}

// heedful is the engine's store as its session sees it.
func (e *Engine) heedful() Store {
	if e.Heed == nil {
		return e.Store
	}
	return heeding{e.Store, e.Heed}
}

// Commit lets verdicts alone through: what was sent was sent.
func (h heeding) Commit(ctx context.Context, intents []digest.Intent, settlements []digest.Settlement) (granted, settled []digest.LaneRef, err error) {
	if len(intents) > 0 {
		if err := h.heed(ctx); err != nil {
			return nil, nil, err
		}
	}
	return h.Store.Commit(ctx, intents, settlements)
}

func (h heeding) ClaimFresh(ctx context.Context, lane digest.Lane, seq int, e digest.EditionID, after digest.ReaderID, n int) ([]digest.Work, error) {
	if err := h.heed(ctx); err != nil {
		return nil, err
	}
	return h.Store.ClaimFresh(ctx, lane, seq, e, after, n)
}

func (h heeding) ClaimDue(ctx context.Context, lane digest.Lane, seq int, n int) ([]digest.Work, error) {
	if err := h.heed(ctx); err != nil {
		return nil, err
	}
	return h.Store.ClaimDue(ctx, lane, seq, n)
}

func (h heeding) WalkFresh(ctx context.Context, lane digest.Lane, seq int, e digest.EditionID, after digest.ReaderID, n int, d digest.DomainChoice) (digest.Walk, error) {
	if err := h.heed(ctx); err != nil {
		return digest.Walk{}, err
	}
	return h.Store.WalkFresh(ctx, lane, seq, e, after, n, d)
}

func (h heeding) WalkDue(ctx context.Context, lane digest.Lane, seq int, from time.Time, n int, d digest.DomainChoice) (digest.DueWalk, error) {
	if err := h.heed(ctx); err != nil {
		return digest.DueWalk{}, err
	}
	return h.Store.WalkDue(ctx, lane, seq, from, n, d)
}
