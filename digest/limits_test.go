package digest_test

import (
	"testing"
	"time"

	"courant/digest"
)

const day = 24 * time.Hour

func spending(messages int, per time.Duration, spent ...digest.Spent) digest.Spending {
	return digest.Spending{Budget: digest.Budget{Messages: messages, Per: per}, Spent: spent}
}

func TestLimitSaysWhenTheNextMessageMayGo(t *testing.T) {
	t.Parallel()
	for i, c := range []struct {
		of   digest.Spending
		next time.Duration
	}{
		{spending(10, day), 0},
		{spending(10, day, digest.Spent{Messages: 9, Back: time.Hour}), 0},
		{spending(10, day, digest.Spent{Messages: 4, Back: time.Hour}, digest.Spent{Messages: 6, Back: 3 * time.Hour}), time.Hour},
		// Lowered below what is spent: the first four are not enough.
		{spending(6, day, digest.Spent{Messages: 4, Back: time.Hour}, digest.Spent{Messages: 6, Back: 3 * time.Hour}), 3 * time.Hour},
		{spending(7, day, digest.Spent{Messages: 4, Back: time.Hour}, digest.Spent{Messages: 6, Back: 3 * time.Hour}), time.Hour},
	} {
		if next := c.of.Next(); next != c.next {
			t.Errorf("%d: next in %s, want %s", i, next, c.next)
		}
	}
	s := digest.Submission{Limits: []digest.Spending{
		spending(5, time.Second), spending(3, day, digest.Spent{Messages: 3, Back: time.Hour}), spending(2, time.Hour, digest.Spent{Messages: 2, Back: time.Minute}),
	}}
	if wait, by := s.Next(); wait != time.Hour || by.String() != "3/day" {
		t.Errorf("%s by %s", wait, by)
	}
}

func TestLimitsHoldAnEditionUp(t *testing.T) {
	t.Parallel()
	one := func(l ...digest.Spending) []digest.Submission { return []digest.Submission{{Limits: l}} }
	full := spending(50, day, digest.Spent{Messages: 50, Back: 20 * time.Hour})
	for i, c := range []struct {
		relays   []digest.Submission
		messages int
		want     time.Duration
	}{
		{nil, 100, 0},
		{one(spending(50, day)), 50, 0},
		{one(spending(50, day)), 51, day},
		{one(full), 1, 20 * time.Hour},
		{one(full), 50, 20 * time.Hour},
		{one(full), 51, 44 * time.Hour},
		{one(full), 150, 68 * time.Hour},
		{one(spending(5, time.Second), spending(1000, day)), 100, 19 * time.Second},
		{one(spending(5, time.Second), full), 50, 20 * time.Hour},
		// The other relay takes over, and one without a limit takes all.
		{append(one(full), one(spending(30, time.Hour))...), 60, time.Hour},
		{append(one(full), digest.Submission{}), 1_000_000, 0},
	} {
		if got := digest.HeldUp(c.relays, c.messages); got < c.want || got > c.want+2*time.Second {
			t.Errorf("%d: %s, want %s", i, got, c.want)
		}
	}
}
