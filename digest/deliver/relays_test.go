package deliver_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"courant/digest"
	"courant/digest/deliver"
	"courant/digest/smtpsink"
)

// over makes an engine send over several relays.
func (n newspaper) over(lanes int, sinks []*smtpsink.Sink, weights ...int) *deliver.Engine {
	engine := n.engine(sinks[0], lanes)
	engine.Relays = nil
	for i, s := range sinks {
		engine.Relays = append(engine.Relays, deliver.Relay{Name: s.Addr(), Connections: lanes, Weight: weights[i], Dial: dial(s.Addr())})
	}
	return engine
}

// unhurried takes its time for each mail, so that lanes and not the machine
// bound the speed.
func unhurried(at smtpsink.Stage, _ *smtpsink.Conversation) smtpsink.Action {
	if at == smtpsink.AtDot {
		return smtpsink.Action{Do: smtpsink.Stall, For: 2 * time.Millisecond}
	}
	return smtpsink.Action{}
}

func TestRelaysShareByWeight(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		weights   []int
		low, high float64 // the first relay's share
	}{{[]int{3, 1}, 0.65, 0.85}, {[]int{1, 1}, 0.4, 0.6}, {[]int{1, 9}, 0.05, 0.2}} {
		const readers = 2000
		n := newNewspaper(t, readers)
		sinks := []*smtpsink.Sink{smtpsink.Start(t, smtpsink.Options{Script: unhurried}), smtpsink.Start(t, smtpsink.Options{Script: unhurried})}
		e := n.publish()
		drain(t, n.over(3, sinks, c.weights...))
		n.wantTally(e, digest.Tally{digest.Accepted: readers})
		byDomain(t, sinks...)
		if share := float64(sinks[0].Count()) / readers; share < c.low || share > c.high {
			t.Errorf("weights %v: the first relay got %.2f of it", c.weights, share)
		}
	}
}

// mortal is a relay that can die: lines are cut when a reader is named, and
// none is answered.
type mortal struct{ dead atomic.Bool }

func (m *mortal) script(at smtpsink.Stage, c *smtpsink.Conversation) smtpsink.Action {
	if m.dead.Load() && (at == smtpsink.AtConnect || at == smtpsink.AtRcpt) {
		return cut
	}
	return unhurried(at, c)
}

func TestRelayThatDiesInMidRunIsTakenOverForAndComesBack(t *testing.T) {
	t.Parallel()
	const readers = 3000
	var m mortal
	n := newNewspaper(t, readers)
	sinks := []*smtpsink.Sink{smtpsink.Start(t, smtpsink.Options{Script: m.script}), smtpsink.Start(t, smtpsink.Options{Script: unhurried})}
	e := n.publish()
	engine := n.over(2, sinks, 4, 1)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- engine.Run(ctx) }()
	must(t, sinks[0].Wait(t.Context(), 200))
	m.dead.Store(true)
	// The other goes on, at once and with all of it: far more than its share.
	must(t, sinks[0].WaitOpen(t.Context(), 0))
	before := sinks[0].Count()
	must(t, sinks[1].Wait(t.Context(), sinks[1].Count()+800))
	if got := sinks[0].Count(); got != before {
		t.Errorf("the dead relay took %d mails", got-before)
	}
	m.dead.Store(false)
	must(t, sinks[0].Wait(t.Context(), before+200))
	n.await(`SELECT count(*) = $1 FROM deliveries WHERE state = 'accepted'`, readers)
	stop()
	must(t, <-done)
	byDomain(t, sinks...)
	n.wantTally(e, digest.Tally{digest.Accepted: readers})
	if got := n.look(`SELECT max(attempts)::text FROM deliveries`); got > "2" {
		t.Errorf("a delivery took %s attempts", got)
	}
}

func TestRelayThatHangsHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	const readers = 3000
	n := newNewspaper(t, readers)
	hung := smtpsink.Start(t, smtpsink.Options{Script: smtpsink.Rules(
		smtpsink.Rule{At: smtpsink.AtRcpt, Skip: 20, Do: smtpsink.Action{Do: smtpsink.Stall}},
		smtpsink.Rule{At: smtpsink.AtDot, Do: smtpsink.Action{Do: smtpsink.Stall, For: 2 * time.Millisecond}},
	)})
	sinks := []*smtpsink.Sink{hung, smtpsink.Start(t, smtpsink.Options{Script: unhurried})}
	e := n.publish()
	engine := n.over(2, sinks, 100, 1)
	engine.DrainTime = time.Second
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- engine.Run(ctx) }()
	must(t, hung.WaitStalled(t.Context(), 2))
	must(t, sinks[1].Wait(t.Context(), sinks[1].Count()+200))
	stop()
	must(t, <-done)
	byDomain(t, sinks...)
	if got := n.tally(e); got[digest.Accepted] != hung.Count()+sinks[1].Count() || got[digest.Accepted]+got[digest.Queued] != readers {
		t.Errorf("ledger says %s, the sinks have %d and %d", got, hung.Count(), sinks[1].Count())
	}
}

func TestRelayAtItsLimitIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	for limit, atMost := range map[deliver.Limit]int{
		{Messages: 30, Per: 24 * time.Hour}: 30,
		{Messages: 20, Per: time.Second}:    200, // half of it, were it waited for
	} {
		const readers = 600
		n := newNewspaper(t, readers)
		sinks := []*smtpsink.Sink{smtpsink.Start(t, smtpsink.Options{Script: unhurried}), smtpsink.Start(t, smtpsink.Options{Script: unhurried})}
		e := n.publish()
		engine := n.over(2, sinks, 1, 1)
		engine.Relays[0].Limits = []deliver.Limit{limit}
		drain(t, engine)
		n.wantTally(e, digest.Tally{digest.Accepted: readers})
		byDomain(t, sinks...)
		if got := sinks[0].Count(); got < 10 || got > atMost {
			t.Errorf("the relay with a limit of %d in %s got %d", limit.Messages, limit.Per, got)
		}
	}
}

// most is the most mails that a sink took in any stretch of so long.
func most(sink *smtpsink.Sink, stretch time.Duration) (n int) {
	list := sink.Messages()
	for i, first := 0, 0; i < len(list); i++ {
		for list[i].At.Sub(list[first].At) >= stretch {
			first++
		}
		n = max(n, i-first+1)
	}
	return n
}

func TestTwoProcessesKeepOneLimit(t *testing.T) {
	t.Parallel()
	const readers, limit = 240, 60
	n, sink := newNewspaper(t, readers), smtpsink.Start(t, smtpsink.Options{})
	e := n.publish()
	var crew sync.WaitGroup
	for range 2 {
		engine := n.engine(sink, 3)
		engine.Relays[0].Limits = []deliver.Limit{{Messages: limit, Per: time.Second}}
		crew.Go(func() {
			if _, err := engine.Drain(t.Context(), time.Minute); err != nil {
				t.Error(err)
			}
		})
	}
	crew.Wait()
	n.wantOnce(e, sink, readers)
	// Each for itself would send its sixty at once, and sixty more in the second
	// after: 240. A lease is used within a tenth of a second.
	if got := most(sink, time.Second); got > limit*3/2 {
		t.Errorf("%d in one second, the limit is %d", got, limit)
	}
}

func TestDayLimitSurvivesARestart(t *testing.T) {
	t.Parallel()
	n, sink := newNewspaper(t, 90), smtpsink.Start(t, smtpsink.Options{})
	e := n.publish()
	limited := func(messages int) *deliver.Engine {
		engine := n.engine(sink, 2)
		engine.Relays[0].Limits = []deliver.Limit{{Messages: messages, Per: 24 * time.Hour}, {Messages: 500, Per: time.Second}}
		return engine
	}
	for i, want := range []int{20, 35, 60, 60} {
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		engine := limited(60)
		engine.Lease = 2 * time.Second
		go func() { done <- engine.Run(ctx) }()
		must(t, sink.Wait(t.Context(), want))
		n.await(`SELECT count(*) = 2 FROM lanes`)
		n.rounds(engine.Host, i/3)
		stop()
		must(t, <-done)
		// What was leased and not used has come back.
		if got := n.look(`SELECT (SELECT sum(x) FROM unnest(spent) x)::text FROM relay_limits WHERE per_ms = 86400000`); got != fmt.Sprint(sink.Count()) {
			t.Errorf("run %d: %s are counted, %d were sent", i, got, sink.Count())
		}
	}
	if got := sink.Count(); got != 60 {
		t.Errorf("%d went out within a day, the limit is 60", got)
	}
	n.wantTally(e, digest.Tally{digest.Accepted: 60, digest.Queued: 30})
	// A day later there is room again.
	n.exec(`UPDATE relay_limits SET slot = slot - 241`)
	drain(t, limited(60))
	n.wantOnce(e, sink, 90)
}

func TestReachedLimitIsToldOnceAndThatItGoesOn(t *testing.T) {
	t.Parallel()
	n, sink := newNewspaper(t, 25), smtpsink.Start(t, smtpsink.Options{})
	e := n.publish()
	engine, c, log := n.engine(sink, 2), &clock{}, &buffer{}
	engine.Now, engine.Log, engine.Lease = c.now, slog.New(slog.NewTextHandler(log, nil)), 4*time.Second
	engine.Relays[0].Limits = []deliver.Limit{{Messages: 1000, Per: time.Second}, {Messages: 20, Per: time.Minute}}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- engine.Run(ctx) }()
	must(t, sink.Wait(t.Context(), 20))
	for log.count("limit of a relay is reached") == 0 {
		n.rounds(engine.Host, 1)
	}
	n.rounds(engine.Host, 3)
	if log.count("limit of a relay is reached") != 1 || log.count("limit=20/min next=") != 1 || log.count("let mail go again") != 0 {
		t.Errorf("the operator is told\n%s", log)
	}
	n.exec(`UPDATE relay_limits SET slot = slot - 241 WHERE per_ms = 60000`)
	for log.count("let mail go again") == 0 {
		c.advance(20 * time.Second)
		n.rounds(engine.Host, 1)
	}
	must(t, sink.Wait(t.Context(), 25))
	n.await(`SELECT count(*) = 25 FROM deliveries WHERE state = 'accepted'`)
	stop()
	must(t, <-done)
	if log.count("limit of a relay is reached") != 1 || log.count("let mail go again") != 1 {
		t.Errorf("the operator is told\n%s", log)
	}
	n.wantOnce(e, sink, 25)
}

// Relays that refuse our login or sender are named in the log and left alone;
// the others send it all, and no reader is charged with it.
func TestRelayThatRefusesUsLeavesAllToTheOthers(t *testing.T) {
	t.Parallel()
	const readers = 300
	for name, rule := range map[string]smtpsink.Rule{
		"sender": {At: smtpsink.AtMail, Do: smtpsink.Action{Do: smtpsink.Answer, Reply: smtpsink.Reply{Code: 550, Text: "sender not allowed"}}},
		"banner": {At: smtpsink.AtConnect, Do: smtpsink.Action{Do: smtpsink.Answer, Reply: smtpsink.Reply{Code: 554, Text: "no service for you"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := newNewspaper(t, readers)
			refusing, good := smtpsink.Start(t, smtpsink.Options{Script: smtpsink.Rules(rule)}), smtpsink.Start(t, smtpsink.Options{})
			e := n.publish()
			engine := n.over(2, []*smtpsink.Sink{refusing, good}, 9, 1)
			var log strings.Builder
			engine.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelWarn}))
			left, err := engine.Drain(t.Context(), time.Minute)
			if err != nil || left.Total() != 0 {
				t.Errorf("left %+v, %v", left, err)
			}
			n.wantTally(e, digest.Tally{digest.Accepted: readers})
			if refusing.Count() != 0 || good.Count() != readers || n.look(`SELECT max(attempts)::text || ' ' || (SELECT count(*) FROM suppressions) FROM deliveries`) != "1 0" {
				t.Errorf("%d and %d mails, attempts and suppressions %s", refusing.Count(), good.Count(), n.look(`SELECT max(attempts)::text || ' ' || (SELECT count(*) FROM suppressions) FROM deliveries`))
			}
			for _, word := range []string{"level=ERROR", refusing.Addr(), "does not let us send", "nothing was counted against any reader", "under smtp"} {
				if !strings.Contains(log.String(), word) {
					t.Errorf("%q is not in the log\n%s", word, log.String())
				}
			}
		})
	}
}

// A connection that is older than ten minutes is changed for a new one, whose
// first mail is the next.
func TestOldConnectionIsChangedForANewOne(t *testing.T) {
	t.Parallel()
	const readers = 40
	n, c := newNewspaper(t, readers), &clock{}
	sink := smtpsink.Start(t, smtpsink.Options{Script: func(at smtpsink.Stage, _ *smtpsink.Conversation) smtpsink.Action {
		if at == smtpsink.AtDot {
			c.advance(time.Minute)
		}
		return smtpsink.Action{}
	}})
	e := n.publish()
	engine := n.engine(sink, 1)
	engine.Now = c.now
	if _, err := engine.Drain(t.Context(), 10*time.Hour); err != nil {
		t.Fatal(err)
	}
	n.wantOnce(e, sink, readers)
	if got := sink.Connections(); got != 4 {
		t.Errorf("%d connections for forty mails of a minute each, want one for each ten minutes", got)
	}
}

// A relay that is away for an hour costs nobody an attempt, and what was
// queued all that time goes out when it is back.
func TestRelayThatIsAwayForAnHourLosesNothing(t *testing.T) {
	t.Parallel()
	const readers = 200
	n, sink, c := newNewspaper(t, readers), smtpsink.Start(t, smtpsink.Options{}), &clock{}
	e := n.publish()
	engine := n.engine(sink, 3)
	engine.Now = c.now
	var back atomic.Bool
	knocks := make(chan struct{}, 100)
	there := engine.Relays[0].Dial
	engine.Relays[0].Dial = func(ctx context.Context) (deliver.Conn, digest.Outcome) {
		if back.Load() {
			return there(ctx)
		}
		knocks <- struct{}{}
		c.advance(20 * time.Minute)
		return nil, digest.Outcome{Verdict: digest.VerdictDeferred, Stage: digest.StageConnect, Class: digest.ClassTransient, Fault: "connection refused"}
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- engine.Run(ctx) }()
	for range 3 {
		<-knocks
	}
	n.wantTally(e, digest.Tally{digest.Queued: readers})
	back.Store(true)
	must(t, sink.Wait(t.Context(), readers))
	stop()
	must(t, <-done)
	n.wantOnce(e, sink, readers)
}
