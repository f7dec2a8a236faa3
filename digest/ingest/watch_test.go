package ingest

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"courant/digest"
)

// watched is the rows of one source, which several processes watch.
type watched struct {
	mu    sync.Mutex
	state digest.SourceState
	said  chan struct{} // after each look; nil: nobody listens
}

func (w *watched) SourceStates(context.Context) ([]digest.SourceState, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return []digest.SourceState{w.state}, nil
}

func (w *watched) TellSource(_ context.Context, c digest.SourceChange, at time.Time) (bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.state.Told != c.From {
		return false, nil
	}
	w.state.Told, w.state.ToldAt = c.To, at
	if w.said != nil {
		close(w.said)
	}
	return true, nil
}

func TestSilenceIsSaidOnceWhenItBeginsAndWhenItEnds(t *testing.T) {
	t.Parallel()
	rows := &watched{state: digest.SourceState{
		Source: digest.Source{Name: "Gazette", Kind: digest.SourceFeed}, FirstPoll: testNow.AddDate(0, -1, 0), LastPoll: testNow, LastSuccess: testNow, Newest: testNow.AddDate(0, 0, -8),
	}}
	// Each look is by a process that has just started.
	look := func() []digest.SourceChange {
		w := &Watch{Store: rows, Now: func() time.Time { return testNow }}
		changes, err := w.Look(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return changes
	}
	if c := look(); len(c) != 1 || c[0].From != "" || c[0].To != digest.SourceSilent {
		t.Errorf("%+v", c)
	}
	if c := look(); len(c) != 0 {
		t.Errorf("said again: %+v", c)
	}
	rows.state.Newest = testNow
	if c := look(); len(c) != 1 || c[0].From != digest.SourceSilent || c[0].To != "" {
		t.Errorf("%+v", c)
	}
	if c := look(); len(c) != 0 {
		t.Errorf("said again: %+v", c)
	}
}

func TestOneOfManyProcessesSaysIt(t *testing.T) {
	t.Parallel()
	rows := &watched{state: digest.SourceState{Source: digest.Source{Name: "Gazette", Kind: digest.SourceFeed}, LastPoll: testNow, Gone: true, Failures: 1, FailingSince: testNow}}
	var all sync.WaitGroup
	said := make(chan digest.SourceChange, 16)
	for range 16 {
		all.Go(func() {
			w := &Watch{Store: rows, Now: func() time.Time { return testNow }}
			changes, err := w.Look(t.Context())
			if err != nil {
				t.Error(err)
			}
			for _, c := range changes {
				said <- c
			}
		})
	}
	all.Wait()
	if len(said) != 1 {
		t.Errorf("said %d times", len(said))
	}
}

func TestWatchWarnsInTheLog(t *testing.T) {
	t.Parallel()
	rows := &watched{said: make(chan struct{}), state: digest.SourceState{
		Source: digest.Source{Name: "Gazette", Kind: digest.SourceFeed}, LastPoll: testNow, Gone: true, Failures: 1, FailingSince: testNow, Error: "answered 410 Gone",
	}}
	var log bytes.Buffer
	w := &Watch{Store: rows, Now: func() time.Time { return testNow }, Log: slog.New(slog.NewTextHandler(&log, nil))}
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	all.Go(func() { w.Run(ctx) })
	<-rows.said
	cancel()
	all.Wait()
	for _, want := range []string{"level=WARN", `msg="source is dead"`, "source=Gazette", "410 Gone"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("%s is missing in %s", want, log.String())
		}
	}
	w.tell(digest.SourceChange{Source: digest.SourceState{Source: rows.state.Source, ToldAt: testNow}, From: digest.SourceDead})
	if !strings.Contains(log.String(), `level=INFO msg="source is well again" source=Gazette was=dead`) {
		t.Error(log.String())
	}
}
