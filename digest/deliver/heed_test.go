package deliver_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"courant/digest"
	"courant/digest/smtpsink"
)

// TestWhatIsKeptElsewhereIsHeededBeforeEachIntent has readers leave in
// mid-edition on a host that can't tell the ledger yet: their deliveries are
// claimed already, and their leaving reaches the rows only when it is asked for.
func TestWhatIsKeptElsewhereIsHeededBeforeEachIntent(t *testing.T) {
	t.Parallel()
	n := newNewspaper(t, 60)
	sink := smtpsink.Start(t, smtpsink.Options{Script: smtpsink.Rules(
		smtpsink.Rule{At: smtpsink.AtRcpt, First: 1, Do: smtpsink.Action{Do: smtpsink.Stall}},
	)})
	e := n.publish()
	var mu sync.Mutex
	var kept []digest.Ref
	engine := n.engine(sink, 1)
	engine.Heed = func(ctx context.Context) error {
		mu.Lock()
		defer mu.Unlock()
		for _, ref := range kept {
			if err := n.LeaveBelated(ctx, ref, digest.Leaving{At: time.Now(), How: "one-click"}); err != nil {
				return err
			}
		}
		kept = nil
		return nil
	}
	done := make(chan error, 1)
	go func() {
		_, err := engine.Drain(t.Context(), time.Minute)
		done <- err
	}()
	if err := sink.WaitStalled(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	var gone []digest.Ref
	for i := 10; i < 60; i++ {
		reader, err := n.FindReader(t.Context(), hash(i))
		if err != nil {
			t.Fatal(err)
		}
		gone = append(gone, digest.Ref{Edition: e.ID, Reader: reader.ID})
	}
	mu.Lock()
	kept = gone
	mu.Unlock()
	sink.Release()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	for i := 10; i < 60; i++ {
		if got := sink.To(address(i)); len(got) > 0 {
			t.Errorf("%s left and was mailed", address(i))
		}
	}
	n.wantTally(e, digest.Tally{digest.Accepted: 10, digest.Cancelled: 50})
}

func TestNothingIsSentWhileWhatIsKeptCannotBeHeeded(t *testing.T) {
	t.Parallel()
	n := newNewspaper(t, 20)
	sink := smtpsink.Start(t, smtpsink.Options{})
	e := n.publish()
	engine, errAway := n.engine(sink, 2), errors.New("the database is away")
	var asked, sent atomic.Int64
	engine.Heed = func(context.Context) error {
		if asked.Add(1) < 5 {
			sent.Store(int64(sink.Count()))
			return errAway
		}
		return nil
	}
	engine.Away = func(err error) bool { return errors.Is(err, errAway) }
	if _, err := engine.Drain(t.Context(), time.Minute); err != nil {
		t.Fatal(err)
	}
	if sent.Load() != 0 {
		t.Errorf("%d mails went out before it was heeded", sent.Load())
	}
	n.wantTally(e, digest.Tally{digest.Accepted: 20})
}
