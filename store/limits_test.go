package store_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"courant/digest"
)

// lease asks for a part of the limits.
func (n *newsroom) lease(want, back int, limits ...digest.Budget) digest.Lease {
	n.t.Helper()
	l, err := n.LeaseBudget(n.t.Context(), "relay:25", limits, want, back)
	if err != nil {
		n.t.Fatal(err)
	}
	return l
}

func TestLimitIsSpentOnceByAll(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	day := digest.Budget{Messages: 1000, Per: 24 * time.Hour}
	var got atomic.Int64
	var crew sync.WaitGroup
	for range 8 {
		crew.Go(func() {
			for {
				l, err := n.LeaseBudget(t.Context(), "relay:25", []digest.Budget{day}, 7, 0)
				if err != nil {
					t.Error(err)
				}
				if l.Messages == 0 {
					return
				}
				got.Add(int64(l.Messages))
			}
		})
	}
	crew.Wait()
	if spent := n.one(`SELECT (SELECT sum(x) FROM unnest(spent) x) FROM relay_limits`); spent != "1000" || got.Load() != 1000 {
		t.Errorf("%s are counted, %d were leased", spent, got.Load())
	}
	if l := n.lease(1, 0, day); l.Messages != 0 || l.Wait < 23*time.Hour || l.Wait > 24*time.Hour+6*time.Minute {
		t.Errorf("%+v", l)
	}
}

func TestNarrowestLimitDecides(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	hour, day := digest.Budget{Messages: 5, Per: time.Hour}, digest.Budget{Messages: 8, Per: 24 * time.Hour}
	if l := n.lease(7, 0, day, hour, hour); l.Messages != 5 {
		t.Errorf("%+v", l)
	}
	if l := n.lease(7, 0, day, hour); l.Messages != 0 || l.Wait < 59*time.Minute || l.Wait > 61*time.Minute || l.By != hour {
		t.Errorf("%+v", l)
	}
	n.slide(time.Hour + time.Minute)
	if l := n.lease(7, 0, day, hour); l.Messages != 3 {
		t.Errorf("%+v", l)
	}
	// Another relay's are others.
	if l, err := n.LeaseBudget(t.Context(), "other:25", []digest.Budget{hour}, 7, 0); err != nil || l.Messages != 5 {
		t.Errorf("%+v, %v", l, err)
	}
}

// slide moves all that was spent into the past.
func (n *newsroom) slide(by time.Duration) {
	n.t.Helper()
	n.do(`UPDATE relay_limits SET slot = slot - ceil($1 * 240.0 / per_ms)::bigint`, by.Milliseconds())
}

func TestSpentSlidesOutAndNothingBefore(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	day := digest.Budget{Messages: 10, Per: 24 * time.Hour}
	for i, step := range []struct {
		slide     time.Duration
		want, get int
	}{
		{0, 4, 4}, {12 * time.Hour, 10, 6}, {11 * time.Hour, 1, 0}, {70 * time.Minute, 10, 4}, {12 * time.Hour, 10, 6}, {100 * 24 * time.Hour, 20, 10},
	} {
		n.slide(step.slide)
		if l := n.lease(step.want, 0, day); l.Messages != step.get {
			t.Errorf("step %d: leased %d, want %d", i, l.Messages, step.get)
		}
	}
}

func TestWhatComesBackLeavesTheNewestFirst(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	day := digest.Budget{Messages: 10, Per: 24 * time.Hour}
	n.lease(4, 0, day)
	n.slide(20 * time.Hour)
	n.lease(6, 0, day)
	if l := n.lease(9, 5, day); l.Messages != 5 {
		t.Errorf("%+v, want the five that came back", l)
	}
	n.lease(0, 5, day)
	n.slide(4*time.Hour + 20*time.Minute)
	// The four of long ago are free again, and the one that was used stays.
	if l := n.lease(20, 0, day); l.Messages != 9 {
		t.Errorf("%+v", l)
	}
}

func TestClockThatIsSetBackFreesNothing(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	second := digest.Budget{Messages: 3, Per: time.Second}
	n.lease(3, 0, second)
	n.do(`UPDATE relay_limits SET slot = slot + 100000`)
	if l := n.lease(3, 0, second); l.Messages != 0 {
		t.Errorf("%+v", l)
	}
}

// What was spent is kept by the time of a limit: whoever changes how many
// messages it has begins no new count.
func TestChangedLimitForgetsNothing(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	of := func(messages int) digest.Budget { return digest.Budget{Messages: messages, Per: 24 * time.Hour} }
	if l := n.lease(100, 0, of(10)); l.Messages != 10 {
		t.Errorf("%+v", l)
	}
	n.slide(12 * time.Hour)
	if l := n.lease(100, 0, of(25)); l.Messages != 15 {
		t.Errorf("raised from 10 to 25: %+v, want the 15 that are new", l)
	}
	// Lowered below what is spent: nothing goes, and that the ten of half a day
	// ago slide out is not enough.
	if l := n.lease(100, 0, of(12)); l.Messages != 0 || l.Wait < 23*time.Hour {
		t.Errorf("lowered to 12: %+v", l)
	}
	if l := n.lease(100, 0, of(20)); l.Messages != 0 || l.Wait < 11*time.Hour || l.Wait > 12*time.Hour+6*time.Minute {
		t.Errorf("lowered to 20: %+v, want to wait for the ten", l)
	}
	n.slide(12*time.Hour + 10*time.Minute)
	if l := n.lease(100, 0, of(12)); l.Messages != 0 {
		t.Errorf("15 are within the day, the limit is 12: %+v", l)
	}
	n.slide(12 * time.Hour)
	if l := n.lease(100, 0, of(12)); l.Messages != 12 {
		t.Errorf("a day later: %+v", l)
	}
}

func TestHostsWithDifferentLimitsShareWhatIsSpent(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	wide, narrow := digest.Budget{Messages: 30, Per: 24 * time.Hour}, digest.Budget{Messages: 20, Per: 24 * time.Hour}
	for i, step := range []struct {
		limit     digest.Budget
		want, get int
	}{{wide, 12, 12}, {narrow, 50, 8}, {wide, 4, 4}, {narrow, 1, 0}, {wide, 50, 6}, {wide, 1, 0}} {
		if l := n.lease(step.want, 0, step.limit); l.Messages != step.get {
			t.Errorf("step %d: leased %d, want %d", i, l.Messages, step.get)
		}
	}
}

// Of two limits for the same time on one relay the narrower counts, in
// whatever order they stand.
func TestNarrowerOfTwoLimitsForTheSameTimeCounts(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	wide, narrow := digest.Budget{Messages: 30, Per: time.Hour}, digest.Budget{Messages: 20, Per: 60 * time.Minute}
	if l := n.lease(50, 0, wide, narrow); l.Messages != 20 {
		t.Errorf("%+v", l)
	}
	if l := n.lease(50, 3, narrow, wide); l.Messages != 3 {
		t.Errorf("%+v", l)
	}
	if rows := n.one(`SELECT count(*) FROM relay_limits`); rows != "1" {
		t.Errorf("%s rows", rows)
	}
}

// What is told of a limit is what a lease will find.
func TestSpentIsToldAsLeasesFindIt(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	day, second := digest.Budget{Messages: 10, Per: 24 * time.Hour}, digest.Budget{Messages: 50, Per: time.Second}
	look := func() (spent int, next time.Duration) {
		t.Helper()
		list, err := n.Spent(t.Context(), "relay:25", []digest.Budget{second, day, {Messages: 30, Per: 24 * time.Hour}})
		if err != nil || len(list) != 2 || list[0].Budget != second || list[1].Budget != day {
			t.Fatalf("%+v, %v", list, err)
		}
		return list[1].Total(), list[1].Next()
	}
	if spent, next := look(); spent != 0 || next != 0 {
		t.Errorf("%d spent before anything was, next in %s", spent, next)
	}
	n.lease(4, 0, day, second)
	n.slide(20 * time.Hour)
	n.lease(6, 0, day, second)
	spent, next := look()
	if l := n.lease(1, 0, day, second); spent != 10 || l.Messages != 0 || (next-l.Wait).Abs() > time.Minute || next > 5*time.Hour {
		t.Errorf("%d spent, next in %s; a lease says %+v", spent, next, l)
	}
	n.slide(4*time.Hour + 20*time.Minute)
	if spent, next := look(); spent != 6 || next != 0 {
		t.Errorf("%d spent, next in %s", spent, next)
	}
	if list, err := n.Spent(t.Context(), "relay:25", nil); err != nil || list != nil {
		t.Errorf("%v, %v", list, err)
	}
}
