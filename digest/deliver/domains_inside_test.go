package deliver

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"courant/digest"
)

// mind is the domains of a process, with a clock of the test's.
type mind struct {
	*domains
	t     *testing.T
	clock time.Time
	crew  crew
}

func newMind(t *testing.T) *mind {
	m := &mind{t: t, clock: time.Unix(1e9, 0)}
	m.domains = newDomains(func() time.Time { return m.clock }, func() float64 { return 100 }, slog.New(slog.DiscardHandler))
	return m
}

var (
	taken     = digest.Outcome{Verdict: digest.VerdictAccepted, Stage: digest.StageDot, Reply: digest.Reply{Code: 250}}
	throttled = digest.Outcome{Verdict: digest.VerdictDeferred, Stage: digest.StageRcpt, Class: digest.ClassThrottled, Reply: digest.Reply{Code: 451, Status: "4.7.1"}}
	blocked   = digest.Outcome{Verdict: digest.VerdictRefused, Stage: digest.StageRcpt, Class: digest.ClassBlocked, Reply: digest.Reply{Code: 554, Status: "5.7.1"}}
)

// hear tells of so many replies, each to a mail that began after the last.
func (m *mind) hear(o digest.Outcome, times int) {
	for range times {
		m.clock = m.clock.Add(time.Millisecond)
		m.Heard(mailTo("a@slow.example"), o, m.clock)
	}
}

func mailTo(address string) digest.Work {
	return digest.Work{Recipient: digest.Recipient{Address: address}}
}

func (m *mind) want(slowed, open bool) {
	m.t.Helper()
	d := m.at["slow.example"]
	if got := d != nil && d.slowed; got != slowed || d != nil && d.open != open {
		m.t.Errorf("slowed %v, want %v; %+v", got, slowed, d)
	}
}

func TestWhatCountsAsPressure(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		verdict digest.Verdict
		stage   digest.Stage
		code    int
		status  string
		want    bool
	}{
		{digest.VerdictDeferred, digest.StageRcpt, 421, "", true},
		{digest.VerdictDeferred, digest.StageRcpt, 450, "", true},
		{digest.VerdictDeferred, digest.StageDot, 451, "4.3.0", true},
		{digest.VerdictDeferred, digest.StageDot, 454, "4.7.0", true},
		{digest.VerdictDeferred, digest.StageRcpt, 452, "4.7.28", true},
		{digest.VerdictDeferred, digest.StageRcpt, 452, "4.2.2", false},
		{digest.VerdictDeferred, digest.StageRcpt, 450, "4.2.2", false}, // one full mailbox
		{digest.VerdictDeferred, digest.StageRcpt, 0, "", false},        // a lost line is the relay's
		{digest.VerdictDeferred, digest.StageMail, 451, "4.7.1", false}, // no reader was named
		{digest.VerdictRefused, digest.StageRcpt, 550, "5.1.1", false},
	} {
		o := digest.Outcome{Verdict: c.verdict, Stage: c.stage, Class: digest.Classify(c.code, c.status, ""), Reply: digest.Reply{Code: c.code, Status: c.status}}
		if got := pressure(o); got != c.want {
			t.Errorf("%s: %v", o, got)
		}
	}
}

func TestNoiseSlowsNothing(t *testing.T) {
	t.Parallel()
	m := newMind(t)
	for range 300 {
		m.hear(throttled, 1)
		m.hear(taken, 30)
	}
	m.want(false, false)
	m.hear(throttled, 2)
	m.hear(taken, trusted)
	if len(m.at) != 0 {
		t.Errorf("a domain that is well is still known: %+v", m.at)
	}
	// One in five is no noise.
	for range 25 {
		m.hear(throttled, 1)
		m.hear(taken, 4)
	}
	m.want(true, false)
}

func TestEchoOfTheSameMomentCountsOnce(t *testing.T) {
	t.Parallel()
	m := newMind(t)
	before := m.clock
	m.hear(throttled, inARow)
	m.want(true, false)
	rest := m.at["slow.example"].rest
	for range 50 {
		m.Heard(mailTo("b@slow.example"), throttled, before)
	}
	m.want(true, false)
	if d := m.at["slow.example"]; !d.rest.Equal(rest) || d.row != inARow {
		t.Errorf("%+v", d)
	}
	if ok, wait, _ := m.Leave("c@Slow.Example", grab{}); ok || wait <= 0 {
		t.Error("it rests, and a mail may go")
	}
	if ok, _, _ := m.Leave("c@other.example", grab{}); !ok {
		t.Error("another domain's mail waits")
	}
}

func TestPaceFindsTheDomainsOwnAndComesBack(t *testing.T) {
	t.Parallel()
	m := newMind(t)
	m.hear(throttled, inARow)
	// A domain that takes ten a second: for ten minutes, a tick of 100 ms each.
	const limit = 10.0
	sent, room, bad := 0, 0.0, 0
	for range 6000 {
		m.clock = m.clock.Add(100 * time.Millisecond)
		room = min(room+limit/10, limit)
		for {
			g, ok := m.Next(&m.crew)
			if !ok {
				break
			}
			m.Found(g, g.n)
			for range g.n {
				if ok, _, _ := m.Leave("a@slow.example", g); !ok {
					break
				}
				sent++
				if room >= 1 {
					room--
					m.Heard(mailTo("a@slow.example"), taken, m.clock)
				} else {
					bad++
					m.Heard(mailTo("a@slow.example"), throttled, m.clock)
				}
			}
		}
		if m.at["slow.example"].open {
			t.Fatal("its circuit opened")
		}
	}
	t.Logf("%d taken, %d deferred", sent-bad, bad)
	if good := sent - bad; good < 600*limit/3 || bad > good/5 {
		t.Errorf("%d taken and %d deferred in ten minutes, the domain would take %d", good, bad, int(600*limit))
	}
	// Its limit is gone: back to full speed within minutes.
	m.clock = m.clock.Add(5 * time.Minute)
	g, ok := m.Next(&m.crew)
	if !ok || !g.full {
		t.Errorf("%+v %v", g, m.at["slow.example"])
	}
	m.Found(g, 0)
	m.want(false, false)
}

func TestBlockOfOneMailboxAmongManyGoesOn(t *testing.T) {
	t.Parallel()
	m := newMind(t)
	m.hear(taken, 5000)
	m.hear(blocked, 1)
	m.want(true, true)
	m.clock = m.clock.Add(time.Hour)
	g, ok := m.Next(&m.crew)
	if !ok || !g.probe || g.n != 1 {
		t.Fatalf("%+v", g)
	}
	if _, again := m.Next(&m.crew); again {
		t.Error("a second probe")
	}
	m.hear(taken, 1)
	m.want(true, false)
	m.hear(taken, blockedApart)
	m.hear(blocked, 1)
	m.want(true, false)
	m.hear(taken, blockedApart/2)
	m.hear(blocked, 1)
	m.want(true, true)
}

func TestRelayIsPressedWhereSeveralDomainsAre(t *testing.T) {
	t.Parallel()
	now := time.Unix(1e9, 0)
	r := newRelayState(&Relay{Name: "r"}, func() time.Time { return now }, nil)
	for i := range 50 {
		if itself, _ := r.Pressed(fmt.Sprintf("d%d.example", i%2)); itself {
			t.Fatal("two domains are two domains")
		}
	}
	if itself, _ := r.Pressed("d3.example"); !itself || r.Resting() != relayRest {
		t.Errorf("rests %s", r.Resting())
	}
	now = now.Add(2 * relayRest)
	if itself, _ := r.Pressed("d3.example"); !itself || r.Resting() != 2*relayRest {
		t.Errorf("rests %s", r.Resting())
	}
	r.Served()
	if itself, _ := r.Pressed("d3.example"); itself || r.Resting() != 0 {
		t.Errorf("a relay that took a mail rests %s", r.Resting())
	}
}
