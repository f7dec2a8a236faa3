package deliver_test

import (
	"bytes"
	"context"
	"log/slog"
	"sync"
	"testing"

	"courant/digest/smtpsink"
	"courant/store/storetest"
)

// herald is a log that tells when something was said.
type herald struct {
	words []byte
	said  chan struct{}
	once  sync.Once
}

func (h *herald) Write(line []byte) (int, error) {
	if bytes.Contains(line, h.words) {
		h.once.Do(func() { close(h.said) })
	}
	return len(line), nil
}

// The database takes what is sent and does not answer: no lane sends on what it
// was not granted, the process says so, and goes on by itself.
func TestDatabaseThatHangsStopsTheNextDot(t *testing.T) {
	t.Parallel()
	const readers, connections = 2000, 2
	straight := newNewspaper(t, readers)
	proxy := storetest.Forward(t, straight.dsn)
	n, sink := newspaperAt(t, proxy.DSN, 0), smtpsink.Start(t, smtpsink.Options{})
	e := straight.publish()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	engine := n.engine(sink, connections)
	lanes := &herald{words: []byte("database is away, deliveries wait"), said: make(chan struct{})}
	keeper := &herald{words: []byte(`msg="database is away"`), said: make(chan struct{})}
	engine.Log = slog.New(slog.NewTextHandler(both{lanes, keeper}, nil))
	done := make(chan error, 1)
	go func() { done <- engine.Run(ctx) }()
	must(t, sink.Wait(t.Context(), 50))
	proxy.Hush()
	before := sink.Count()
	for _, h := range []*herald{lanes, keeper} {
		select {
		case <-h.said:
		case err := <-done:
			t.Fatalf("delivery ended: %v", err)
		}
	}
	if got := sink.Count() - before; got > connections*2*64 {
		t.Errorf("%d mails went out without the ledger", got)
	}
	proxy.Speak()
	must(t, sink.Wait(t.Context(), readers))
	stop()
	must(t, <-done)
	straight.wantOnce(e, sink, readers)
}

// both writes to two.
type both [2]*herald

func (b both) Write(line []byte) (int, error) {
	for _, h := range b {
		if n, err := h.Write(line); err != nil {
			return n, err
		}
	}
	return len(line), nil
}
