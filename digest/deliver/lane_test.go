package deliver

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"courant/digest"
)

// line is a connection that takes everything.
type line struct {
	Conn
	closed bool
}

func (*line) Broken() bool { return false }
func (l *line) Close()     { l.closed = true }

// A connection is used until so many messages went over it, or so long; then
// it is closed in good order and another takes its place.
func TestConnectionIsRefreshedByCountAndAge(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		sent  int
		old   time.Duration
		fresh bool
	}{
		{0, 0, false}, {mostMessages - 1, longestUse - time.Second, false}, {mostMessages, 0, true}, {1, longestUse, true},
	} {
		now := time.Unix(1e9, 0)
		clock := func() time.Time { return now }
		var dialed []*line
		r := newRelayState(&Relay{Name: "relay", Connections: 1, Dial: func(context.Context) (Conn, digest.Outcome) {
			dialed = append(dialed, &line{})
			return dialed[len(dialed)-1], digest.Outcome{}
		}}, clock, nil)
		s := &session{Engine: &Engine{Now: clock, Log: slog.New(slog.DiscardHandler)}, wake: newWakeup(), work: t.Context(), stop: t.Context()}
		l := newLane(s, r, digest.Lane{ID: 1})
		if wait := l.connect(); wait != 0 || len(dialed) != 1 {
			t.Fatalf("waits %s, %d connections", wait, len(dialed))
		}
		now, l.sent = now.Add(c.old), c.sent
		wait := l.connect()
		if got := len(dialed) == 2; wait != 0 || got != c.fresh || dialed[0].closed != c.fresh {
			t.Errorf("after %d messages and %s: waits %s, %d connections, the first closed: %v", c.sent, c.old, wait, len(dialed), dialed[0].closed)
		}
		if c.fresh && (l.sent != 0 || !l.dialed.Equal(now)) {
			t.Errorf("the new connection counts %d messages from %s", l.sent, l.dialed)
		}
	}
}
