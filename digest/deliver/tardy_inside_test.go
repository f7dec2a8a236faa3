package deliver

import (
	"fmt"
	"testing"
	"time"
)

// tardyMind knows a domain that took too long three times.
func tardyMind(t *testing.T, lanes int) *mind {
	m := newMind(t)
	m.crew.lanes = lanes
	m.linger(lateRow)
	return m
}

func (m *mind) linger(times int) {
	for range times {
		m.clock = m.clock.Add(2 * time.Second)
		m.Lingers("a@slow.example", 2*time.Second, true, false)
	}
}

// quick tells of attempts that were answered in so long.
func (m *mind) quick(took time.Duration, times int) {
	for range times {
		m.Took("a@slow.example", took, lateLeast)
	}
}

func (m *mind) wantTardy(want bool) {
	m.t.Helper()
	d := m.at["slow.example"]
	if got := d != nil && d.tardy; got != want {
		m.t.Errorf("tardy %v, want %v; %+v", got, want, d)
	}
}

func TestMedianOfARelayIsWhatMostAttemptsTake(t *testing.T) {
	t.Parallel()
	var m median
	if got := m.late(); got != 2*time.Second {
		t.Errorf("late is %s while nothing is known", got)
	}
	for i := range 200 {
		took := time.Millisecond
		if i%5 == 4 {
			took = time.Minute
		}
		m.take(took)
	}
	if got := m.late(); got > 2*lateLeast {
		t.Errorf("one in five takes a minute, the others a millisecond, and late is %s", got)
	}
	for range 200 {
		m.take(time.Second)
	}
	if got := m.late(); got < 6*time.Second || got > 12*time.Second {
		t.Errorf("all take a second, and late is %s", got)
	}
	for range 40 {
		m.take(time.Millisecond)
	}
	if got := m.late(); got != lateLeast {
		t.Errorf("all take a millisecond again, and late is %s", got)
	}
}

func TestDomainIsTardyAfterThreeInARow(t *testing.T) {
	t.Parallel()
	m := newMind(t)
	m.crew.lanes = 8
	for range 10 {
		m.linger(lateRow - 1)
		m.quick(time.Millisecond, 1)
	}
	m.wantTardy(false)
	if m.lates.Load() != 0 || len(m.Held()) != 0 {
		t.Errorf("%d are late, %v held", m.lates.Load(), m.Held())
	}
	m.linger(lateRow)
	m.wantTardy(true)
	if ok, wait, why := m.Leave("b@slow.example", grab{}); ok || wait <= 0 || why.Said != lateWords {
		t.Error("a mail of a general claim may go")
	}
	if ok, _, _ := m.Leave("b@other.example", grab{}); !ok {
		t.Error("another domain's mail waits")
	}
	if got := m.Held(); len(got) != 1 || got[0] != "slow.example" {
		t.Errorf("held are %v", got)
	}
}

func TestTardyDomainIsPromptAgainOnlyAfterAWhileAndLongerEachTime(t *testing.T) {
	t.Parallel()
	m := tardyMind(t, 8)
	for range 10 { // one in five is late: not yet
		m.quick(time.Millisecond, promptRow-1)
		m.linger(1)
	}
	m.quick(lateLeast-1, 3*promptRow) // in time, and no more than that
	m.wantTardy(true)
	m.quick(time.Millisecond, promptRow)
	m.wantTardy(false)
	// What was passed over is caught up, and then it is as any other.
	g, ok := m.Next(&m.crew)
	if !ok || !g.full || g.tardy {
		t.Fatalf("%+v %v", g, ok)
	}
	if ok, _, _ := m.Leave("b@slow.example", grab{}); !ok {
		t.Error("a mail of a general claim waits")
	}
	m.Found(g, 0)
	if len(m.Held()) != 0 || m.lates.Load() != 0 {
		t.Errorf("held are %v, %d late", m.Held(), m.lates.Load())
	}
	m.linger(lateRow)
	m.quick(time.Millisecond, 2*promptRow-1)
	m.wantTardy(true)
	m.quick(time.Millisecond, 1)
	m.wantTardy(false)
}

func TestTardyDomainsTogetherHaveAQuarterOfTheLanesInTurn(t *testing.T) {
	t.Parallel()
	for lanes, want := range map[int]int{1: 0, 2: 1, 4: 1, 8: 2, 16: 4} {
		m := newMind(t)
		m.crew.lanes = lanes
		for i := range 5 {
			for range lateRow {
				m.Lingers(fmt.Sprintf("a@slow%d.example", i), 2*time.Second, true, false)
			}
		}
		var grabs []grab
		seen := map[string]bool{}
		for {
			g, ok := m.Next(&m.crew)
			if !ok {
				break
			}
			if seen[g.domain] || !g.tardy || g.n != 1 {
				t.Fatalf("%d lanes: %+v after %+v", lanes, g, grabs)
			}
			seen[g.domain] = true
			grabs = append(grabs, g)
		}
		if len(grabs) != want {
			t.Errorf("of %d lanes %d are with tardy domains, want %d", lanes, len(grabs), want)
		}
		// What nobody else wants is theirs, and a lane that comes back is lent again.
		for range lanes - want {
			if g, ok := m.Left(&m.crew); !ok {
				t.Errorf("of %d lanes one is idle", lanes)
			} else {
				grabs = append(grabs, g)
			}
		}
		if _, ok := m.Left(&m.crew); ok {
			t.Errorf("more than %d lanes", lanes)
		}
		for _, g := range grabs {
			m.Over(g)
		}
		if m.crew.out != 0 {
			t.Errorf("%d lanes are out", m.crew.out)
		}
	}
}

func TestDomainThatHangsNeverHasMoreThanItsQuarter(t *testing.T) {
	t.Parallel()
	m := newMind(t)
	m.crew.lanes = 8
	for range lateRow {
		m.Lingers("a@slow.example", time.Second, false, false) // none is over
	}
	m.wantTardy(true)
	n := 0
	for _, ok := m.Left(&m.crew); ok; _, ok = m.Left(&m.crew) {
		n++
	}
	if n != 2 {
		t.Errorf("%d of 8 lanes are with a domain that never answered", n)
	}
}

func TestTardyDomainMayBeSlowedAndOpenAsWell(t *testing.T) {
	t.Parallel()
	m := tardyMind(t, 8)
	m.hear(throttled, inARow)
	m.want(true, false)
	m.clock = m.clock.Add(time.Minute)
	g, ok := m.Next(&m.crew)
	if !ok || !g.tardy || g.full || g.n != 1 {
		t.Fatalf("slowed: %+v %v", g, ok)
	}
	m.Found(g, 1)
	m.Over(g)
	m.hear(blocked, 1)
	m.want(true, true)
	if _, ok := m.Next(&m.crew); ok {
		t.Error("an open one is claimed")
	}
	m.clock = m.clock.Add(time.Hour)
	g, ok = m.Next(&m.crew)
	if !ok || !g.probe || !g.tardy || m.crew.out != 1 {
		t.Fatalf("open: %+v %v", g, ok)
	}
	// Prompt does not close a circuit, and a mail that is taken makes none prompt.
	m.quick(time.Millisecond, promptRow)
	m.wantTardy(false)
	m.want(true, true)
	m.hear(taken, 1)
	m.Over(g)
	m.want(true, false)
	if m.crew.out != 0 || m.at["slow.example"].free() {
		t.Errorf("%d lanes out, %+v", m.crew.out, m.at["slow.example"])
	}
	// One that is tardy is not forgotten for what it takes, nor with the relay's acquittal.
	m = tardyMind(t, 8)
	m.hear(taken, 2*trusted)
	m.hear(throttled, 1)
	m.Acquit(time.Time{})
	m.learn(nil)
	m.wantTardy(true)
}

func TestGrabOfADomainThatBecameTardyGoesBack(t *testing.T) {
	t.Parallel()
	m := newMind(t)
	m.crew.lanes = 8
	m.hear(throttled, inARow)
	m.clock = m.clock.Add(10 * time.Second)
	g, ok := m.Next(&m.crew)
	if !ok || g.tardy {
		t.Fatalf("%+v", g)
	}
	m.linger(lateRow)
	if ok, _, _ := m.Leave("b@slow.example", g); ok {
		t.Error("a large claim of it goes on")
	}
	m.clock = m.clock.Add(time.Minute)
	if g, ok = m.Next(&m.crew); !ok || !g.tardy {
		t.Fatalf("%+v", g)
	}
	if ok, _, _ := m.Leave("b@slow.example", g); !ok {
		t.Error("its own grab waits")
	}
}

func TestRelayThatRefusesSeveralDomainsInARowDoesNotSendForUs(t *testing.T) {
	t.Parallel()
	r := newRelayState(&Relay{Name: "r"}, time.Now, nil)
	for i := range 10 {
		if r.Blocked(fmt.Sprintf("d%d.example", i%2)) {
			t.Fatal("two domains are two domains")
		}
	}
	r.Served()
	if r.Blocked("d2.example") || r.Blocked("d3.example") {
		t.Fatal("it took a mail in between")
	}
	for range 2 {
		if !r.Blocked("d4.example") {
			t.Error("three domains are the relay")
		}
	}
}

func TestRelayThatAnswersNobodyWhileAnotherDoesHangsItself(t *testing.T) {
	t.Parallel()
	began := time.Unix(1e9, 0)
	one, two := newRelayState(&Relay{Name: "one"}, time.Now, nil), newRelayState(&Relay{Name: "two"}, time.Now, nil)
	s := &shares{relays: []*relayState{one, two}}
	if s.Silent(one, began) {
		t.Error("nobody answers")
	}
	two.answered.Store(began.UnixNano() + 1)
	if !s.Silent(one, began) || s.Silent(two, began) {
		t.Error("it is the one that hangs")
	}
	one.answered.Store(began.UnixNano() + 1)
	if s.Silent(one, began) {
		t.Error("both answer others")
	}
}
