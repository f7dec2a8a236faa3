package deliver

import (
	"context"
	"log/slog"
	"time"

	"courant/digest"
)

// Meter is told of what the engine does, by many lanes at once.
type Meter interface {
	// Began is told of an attempt before it is made, Attempted of the same one
	// when it is over.
	Began(relay string, w digest.Work)
	Attempted(a digest.Attempt)
	Expired(deliveries int)
	Salvaged(deliveries, inDoubt int)
	Resent(deliveries int)
}

// unmetered is a meter that nobody reads.
type unmetered struct{}

func (unmetered) Began(string, digest.Work) {}
func (unmetered) Attempted(digest.Attempt)  {}
func (unmetered) Expired(int)               {}
func (unmetered) Salvaged(int, int)         {}
func (unmetered) Resent(int)                {}

func (e *Engine) meter() Meter {
	if e.Meter == nil {
		return unmetered{}
	}
	return e.Meter
}

// tell writes the one line of an attempt, and counts it. Addresses are in it
// at debug only, those in the server's words too.
func (e *Engine) tell(a digest.Attempt) {
	e.meter().Attempted(a)
	ctx, o := context.Background(), a.Outcome
	level := slog.LevelInfo
	switch {
	case a.Withdrawn:
		level = slog.LevelDebug
	case o.Verdict == digest.VerdictInDoubt:
		level = slog.LevelWarn
	}
	if !e.Log.Enabled(ctx, level) {
		return
	}
	said := o.Said()
	attrs := make([]slog.Attr, 0, 14)
	attrs = append(attrs,
		slog.Int64("edition", int64(a.Work.Edition)), slog.Int64("reader", int64(a.Work.Reader)), slog.String("relay", a.Relay),
		slog.Int("attempt", a.Work.Attempts+1), slog.String("verdict", string(o.Verdict)), slog.String("stage", string(o.Stage)),
		slog.Duration("duration", a.Took.Round(time.Microsecond)))
	if e.Log.Enabled(ctx, slog.LevelDebug) {
		attrs = append(attrs, slog.String("address", a.Work.Address), slog.Bool("withdrawn", a.Withdrawn))
	} else if said != "" {
		said = digest.WithoutAddresses(said)
	}
	if o.Class != "" {
		attrs = append(attrs, slog.String("class", string(o.Class)))
	}
	attrs = append(attrs, slog.Int("code", o.Reply.Code), slog.String("enhanced", o.Reply.Status), slog.String("reply", said))
	e.Log.LogAttrs(ctx, level, "attempt", attrs...)
}
