package store

import (
	"context"
	"fmt"
	"slices"
	"time"

	"courant/digest"

	"github.com/jmoiron/sqlx"
)

// Pause lets digests rest for a reader until a day, or go on, and says which of
// them it changed; what waits of those that rest is cancelled. It brings nobody
// back to a digest that was left. digest.ErrNotFound when the reader was erased
// or never was.
func (s *Store) Pause(ctx context.Context, reader digest.ReaderID, p digest.Pause) (changed []string, err error) {
	err = s.retried(ctx, func(tx *sqlx.Tx) error {
		changed = nil
		if err := lockReader(ctx, tx, reader); err != nil {
			return err
		}
		for _, name := range slices.Sorted(slices.Values(p.Digests)) {
			did, err := pause(ctx, tx, reader, name, p)
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			if did {
				changed = append(changed, name)
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("pause the mail of reader %d: %w", reader, err)
	}
	return changed, nil
}

// pause is Pause for one digest.
func pause(ctx context.Context, tx *sqlx.Tx, reader digest.ReaderID, name string, p digest.Pause) (bool, error) {
	before, err := lockChoices(ctx, tx, reader, name)
	if err != nil {
		return false, err
	}
	after, kind := before, digest.EventPaused
	after.PausedUntil, after.PausedWhy, after.Own = &p.Until, digest.PlainLine(p.Why, 200), before.Own || p.Own
	if p.Until.IsZero() {
		after.PausedUntil, after.PausedWhy, kind = nil, "", digest.EventResumed
	}
	if kind == digest.EventResumed && (before.PausedUntil == nil || !before.PausedUntil.After(p.At)) || sameChoices(before, after) {
		return false, nil
	}
	if err := writeChoices(ctx, tx, reader, name, after); err != nil {
		return false, err
	}
	if err := appendEvent(ctx, tx, reader, p.At, kind, eventData{Digest: name, How: p.How, Before: &before}); err != nil {
		return false, err
	}
	if kind == digest.EventResumed {
		return true, nil
	}
	return true, cancelPending(ctx, tx, reader, name, pausedUntil(p.Until))
}

// pausedUntil is what the ledger keeps of a mail that a pause cancelled.
func pausedUntil(t time.Time) string {
	return "paused until " + t.UTC().Format("2006-01-02 15:04 UTC")
}
