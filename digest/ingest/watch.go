package ingest

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"courant/digest"
)

// WatchStore is what a Watch needs of the rows.
type WatchStore interface {
	SourceStates(ctx context.Context) ([]digest.SourceState, error)
	// TellSource records that a change is said; false: somebody else said it.
	TellSource(ctx context.Context, c digest.SourceChange, at time.Time) (bool, error)
}

// Watch says to the operator, in the log, when a source falls silent or dies,
// and when that is over: each once, however many processes there are and
// however often they start.
type Watch struct {
	Store WatchStore
	Now   func() time.Time
	Log   *slog.Logger
	Every time.Duration   // 0: a minute
	Nudge <-chan struct{} // told after each poll; nil: only the clock
}

// lookAfter is how long after a poll a look follows: a thousand polls that end
// together are one look.
const lookAfter = 10 * time.Second

// Run looks until the context ends. Trouble with the store is told by those who
// poll.
func (w *Watch) Run(ctx context.Context) {
	every := w.Every
	if every <= 0 {
		every = time.Minute
	}
	t := time.NewTimer(0)
	defer t.Stop()
	for next := time.Now(); ; {
		select {
		case <-w.Nudge:
			if at := time.Now().Add(lookAfter); at.Before(next) {
				next = at
				t.Reset(lookAfter)
			}
			continue
		case <-t.C:
		case <-ctx.Done():
			return
		}
		changes, err := w.Look(ctx)
		for _, c := range changes {
			w.tell(c)
		}
		if err != nil && ctx.Err() == nil {
			w.Log.Debug("watching sources", "error", err)
		}
		next = time.Now().Add(every)
		t.Reset(every)
	}
}

// Look finds the changes that nobody has said yet, and records that they are
// said now.
func (w *Watch) Look(ctx context.Context) (said []digest.SourceChange, err error) {
	states, err := w.Store.SourceStates(ctx)
	if err != nil {
		return nil, fmt.Errorf("read sources: %w", err)
	}
	now := w.Now()
	for _, s := range states {
		c := digest.SourceChange{Source: s, From: s.Told, To: s.Trouble(now)}
		if c.From == c.To {
			continue
		}
		ours, err := w.Store.TellSource(ctx, c, now)
		if err != nil {
			return said, err
		}
		if ours {
			said = append(said, c)
		}
	}
	return said, nil
}

func (w *Watch) tell(c digest.SourceChange) {
	s := c.Source
	if c.To == "" {
		w.Log.Info("source is well again", "source", s.Source.Name, "was", c.From, "since", s.ToldAt.UTC().Format(time.RFC3339))
		return
	}
	args := []any{"source", s.Source.Name, "since", s.TroubleSince(w.Now()).UTC().Format(time.RFC3339)}
	if s.Error != "" {
		args = append(args, "error", s.Error)
	}
	if c.To == digest.SourceDead {
		w.Log.Warn("source is dead", args...)
		return
	}
	w.Log.Warn("source is silent", args...)
}
