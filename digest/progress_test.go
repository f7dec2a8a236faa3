package digest

import (
	"testing"
	"time"
)

func TestProgressTellsRateAndWhatIsLeft(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 22, 7, 1, 0, 0, time.UTC)
	p := Progress{At: at, Edition: Edition{State: EditionSending}, Shares: []Share{
		{State: Accepted, N: 600, Lately: 95, First: at.Add(-time.Minute), Last: at.Add(-time.Second)},
		{State: Refused, Class: ClassHard, N: 5, Lately: 5, First: at.Add(-2 * time.Second), Last: at, Said: "550 no"},
		{State: Queued, N: 190, Waiting: at.Add(-time.Minute)},
		{State: Queued, N: 40, Deferred: true, Class: ClassThrottled, Attempts: 2, Waiting: at.Add(-2 * time.Minute), Said: "451 slow"},
		{State: Sending, Lane: 7, N: 10}, {State: Claimed, Lane: 8, N: 3},
	}}
	if r := p.Rate(); r != 10 {
		t.Errorf("%g a second", r)
	}
	if left, ok := p.ETA(); !ok || left != 20300*time.Millisecond { // 190 + 13 at 10 a second; deferred ones wait anyway
		t.Errorf("%s, %v", left, ok)
	}
	if n := p.InHands(Process{Lanes: []LaneID{7}}); n != 10 {
		t.Errorf("%d in hands", n)
	}
	if p.Tally()[Queued] != 230 || p.Deferred() != 40 || !p.Waiting().Equal(at.Add(-2*time.Minute)) || !p.LastAccepted().Equal(at.Add(-time.Second)) {
		t.Errorf("%v, %d deferred, waiting since %s, last accepted %s", p.Tally(), p.Deferred(), p.Waiting(), p.LastAccepted())
	}
	if c := p.Complaints(); len(c) != 2 || c[0].Said != "451 slow" || c[1].Class != ClassHard {
		t.Errorf("%+v", c)
	}
	p.Edition.State = EditionHeld
	if _, ok := p.ETA(); ok {
		t.Error("an edition that is held comes to an end")
	}
	p.Finished = at
	if p.Rate() != 0 {
		t.Error("a finished edition is going on")
	}
}

func TestRateOfAnEditionThatHasJustBegun(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 22, 7, 1, 0, 0, time.UTC)
	p := Progress{At: at, Shares: []Share{{State: Accepted, N: 200, Lately: 200, First: at.Add(-2 * time.Second)}}}
	if r := p.Rate(); r != 100 {
		t.Errorf("%g a second, want 100: it had two seconds", r)
	}
}
