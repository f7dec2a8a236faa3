package deliver_test

import (
	"context"
	"testing"
	"time"

	"courant/digest"
	"courant/digest/deliver"
	"courant/digest/smtpsink"
	"courant/store/storetest"
)

// looking is a ledger that tells each time somebody looked for leases that are
// over.
type looking struct {
	deliver.Store
	looked chan<- digest.Overdue
}

func (l looking) LostOwners(ctx context.Context, self string) (digest.Overdue, error) {
	seen, err := l.Store.LostOwners(ctx, self)
	if err == nil {
		select {
		case l.looked <- seen:
		default:
		}
	}
	return seen, err
}

// The database is away for longer than the lease, and the second host is back
// before the first: it sees that lease over, and lets the first one renew it.
// Each host has a journal of its own, so the other's is not to be had.
func TestLeaseThatRanOutWhileTheDatabaseWasAwayProvesNothing(t *testing.T) {
	t.Parallel()
	const readers = 3000
	straight, sink := newNewspaper(t, readers), smtpsink.Start(t, smtpsink.Options{})
	e := straight.publish()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var ways []*storetest.Forwarder
	looked, done := make(chan digest.Overdue), make(chan error, 2)
	for i := range 2 {
		way := storetest.Forward(t, straight.dsn)
		ways = append(ways, way)
		n := newspaperAt(t, way.DSN, 0)
		engine := n.engine(sink, 3)
		engine.Lease, engine.Grace, engine.Resend = time.Second, time.Minute, true
		if i == 1 {
			engine.Store = looking{n.Store, looked}
		}
		go func() { done <- engine.Run(ctx) }()
	}
	must(t, sink.Wait(t.Context(), 300))
	straight.await(`SELECT count(DISTINCT owner) = 2 FROM lanes`)
	for _, way := range ways {
		way.Hush()
	}
	straight.await(`SELECT bool_and(lease_until < clock_timestamp()) FROM lanes`)
	const all = `SELECT string_agg(owner || ' ' || id, ', ' ORDER BY id) FROM lanes`
	lanes := straight.look(all)
	ways[1].Speak()
	for range 3 { // one look may have been on its way before the first was gone
		select {
		case <-looked:
		case err := <-done:
			t.Fatalf("delivery ended: %v", err)
		}
	}
	ways[0].Speak()
	must(t, sink.Wait(t.Context(), readers))
	if left := straight.look(all); left != lanes {
		t.Errorf("the lanes were %s and are %s", lanes, left)
	}
	stop()
	for range 2 {
		must(t, <-done)
	}
	straight.wantOnce(e, sink, readers)
}

// The database's clock went past the lease, and nobody took the lanes over:
// their process renews the lease when a claim is refused, and keeps them.
func TestLeaseThatRanOutIsRenewedByItsOwner(t *testing.T) {
	t.Parallel()
	const readers = 400
	n := newNewspaper(t, readers)
	sink := smtpsink.Start(t, smtpsink.Options{Script: smtpsink.Rules(
		smtpsink.Rule{At: smtpsink.AtRcpt, Skip: 20, First: 1, Do: smtpsink.Action{Do: smtpsink.Stall}},
	)})
	e := n.publish()
	engine := n.engine(sink, 1)
	engine.Lease = time.Hour
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	done := make(chan error, 1)
	go func() { done <- engine.Run(ctx) }()
	must(t, sink.WaitStalled(t.Context(), 1))
	lane := n.look(`SELECT id::text FROM lanes`)
	n.exec(`UPDATE lanes SET lease_until = clock_timestamp() - interval '1 second'`)
	sink.Release()
	must(t, sink.Wait(t.Context(), readers))
	if now := n.look(`SELECT string_agg(id::text, ' ') FROM lanes`); now != lane {
		t.Errorf("lane %s became %s", lane, now)
	}
	stop()
	must(t, <-done)
	n.wantOnce(e, sink, readers)
}
