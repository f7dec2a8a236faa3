package deliver_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"courant/digest"
	"courant/digest/smtpsink"
)

// mix puts a reader of the slow domain at every so manieth place of a claim.
func (n newspaper) mix(every int) {
	n.exec(`UPDATE readers r SET email = 'mixed' || id || CASE WHEN id % $1 = 0 THEN '@slow.example' ELSE '@other' || id % 7 || '.example' END`, every)
}

// shares counts the readers of the slow domain, and the others.
func shares(list []smtpsink.Message) (slow, quick int) {
	for _, m := range list {
		if strings.HasSuffix(m.To, "@"+slowDomain) {
			slow++
		} else {
			quick++
		}
	}
	return slow, quick
}

// A domain that says nothing at RCPT keeps a quarter of the lanes at most, and
// the others' mail is all sent while not one of its own is.
func TestDomainThatHangsHoldsNoOtherUp(t *testing.T) {
	t.Parallel()
	const readers, every, lanes = 600, 6, 4
	n, d := newNewspaper(t, readers), &tuesday{}
	n.mix(every)
	d.hold.Store(true)
	sink := smtpsink.Start(t, smtpsink.Options{Script: d.script})
	e := n.publish()
	engine, log := n.engine(sink, lanes), &buffer{}
	engine.Log = slog.New(slog.NewTextHandler(log, nil))
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- engine.Run(ctx) }()
	must(t, sink.Wait(t.Context(), readers-readers/every))
	slow, quick := shares(sink.Messages())
	if slow != 0 || quick != readers-readers/every {
		t.Errorf("%d of the domain and %d others were sent", slow, quick)
	}
	if got := d.asked.Load(); got > 3*lanes {
		t.Errorf("the domain was asked %d times meanwhile", got)
	}
	n.await(`SELECT count(*) = $1 FROM deliveries WHERE state = 'accepted'`, quick)
	if got := n.look(`SELECT COALESCE(sum(attempts), 0)::text ` + ofSlow); got != "0" {
		t.Errorf("%s attempts are counted against readers whose domain is slow", got)
	}
	if log.count("slow to answer") != 1 {
		t.Errorf("the log says\n%s", log)
	}
	// It answers again: prompt, and nothing of it is left behind.
	d.hold.Store(false)
	sink.Release()
	must(t, sink.Wait(t.Context(), readers))
	n.await(`SELECT count(*) = $1 FROM deliveries WHERE state = 'accepted'`, readers)
	stop()
	must(t, <-done)
	byDomain(t, sink)
	n.wantTally(e, digest.Tally{digest.Accepted: readers})
	if log.count("answers in time again") != 1 {
		t.Errorf("the log says\n%s", log)
	}
}

// The same with answers that come, late: the mails are taken one after the
// other, and most of them are not before the others are.
func TestDomainThatAnswersLateHoldsNoOtherUp(t *testing.T) {
	t.Parallel()
	const readers, every = 1000, 20
	for _, lanes := range []int{1, 4} {
		n := newNewspaper(t, readers)
		n.mix(every)
		sink := smtpsink.Start(t, smtpsink.Options{Script: smtpsink.Rules(smtpsink.Rule{
			At: smtpsink.AtRcpt, To: "@" + slowDomain, Do: smtpsink.Action{Do: smtpsink.Stall, For: 1500 * time.Millisecond},
		})})
		n.publish()
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		engine := n.engine(sink, lanes)
		go func() { done <- engine.Run(ctx) }()
		var slow int
		must(t, sink.WaitFor(t.Context(), func(list []smtpsink.Message) bool {
			var quick int
			slow, quick = shares(list)
			return quick == readers-readers/every
		}))
		must(t, sink.Wait(t.Context(), readers-readers/every+slow+2)) // a single lane goes on with it
		stop()
		must(t, <-done)
		if t.Logf("%d lanes: %d of its %d mails were sent before all others", lanes, slow, readers/every); slow > readers/every/2 {
			t.Errorf("%d lanes: %d of %d mails of the slow domain came before others", lanes, slow, readers/every)
		}
	}
}

// A relay that refuses every domain for our sake is set up wrongly. Two readers
// learn it, nobody else.
func TestRelayThatDoesNotSendForUsRefusesTwoReaders(t *testing.T) {
	t.Parallel()
	n := newNewspaper(t, 100)
	n.shuffle()
	sink := smtpsink.Start(t, smtpsink.Options{Script: smtpsink.Rules(smtpsink.Rule{At: smtpsink.AtRcpt, Do: smtpsink.Action{
		Do: smtpsink.Answer, Reply: smtpsink.Reply{Code: 550, Enhanced: "5.7.1", Text: "relaying denied"},
	}})})
	e := n.publish()
	_, err := n.engine(sink, 1).Drain(t.Context(), time.Hour)
	if err == nil || !strings.Contains(err.Error(), "username and password_file") || !strings.Contains(err.Error(), "relaying denied") {
		t.Errorf("got %v, want what to set", err)
	}
	n.wantTally(e, digest.Tally{digest.Refused: 2, digest.Queued: 98})
	if got := n.look(`SELECT COALESCE(sum(attempts), 0)::text FROM deliveries WHERE state = 'queued'`); got != "0" {
		t.Errorf("%s attempts are counted against those who wait", got)
	}
}
