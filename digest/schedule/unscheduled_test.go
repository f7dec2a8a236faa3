package schedule

import (
	"log/slog"
	"testing"
	"time"

	"courant/digest"
)

func TestDigestWithoutAScheduleGoesOutByHandOnly(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	d := digest.Digest{Name: "byhand", TimeZone: "UTC"}
	from, err := FirstWindow(d, now)
	if err != nil || !from.Equal(now.Add(-24*time.Hour)) {
		t.Errorf("its first window begins %s, %v; want a day back", from, err)
	}
	kept := &rows{}
	c := Clock{
		Store:   kept,
		Digests: func() []digest.Digest { return []digest.Digest{d} }, Now: func() time.Time { return now },
		Log: slog.New(slog.DiscardHandler),
	}
	// No publisher is asked: there is none.
	if next, err := c.Tick(t.Context()); err != nil || !next.IsZero() || len(kept.since) > 0 {
		t.Errorf("next slot %s, %v, recorded %v; want none", next, err, kept.since)
	}
}
