package main

import (
	"math"
	"testing"
)

func TestMemoryIsHeldToHalfMoreThanLives(t *testing.T) {
	t.Parallel()
	for live, want := range map[uint64]int64{
		0:        96 << 20,
		40 << 20: 96 << 20,
		48 << 20: 96 << 20,
		64 << 20: 120 << 20,
		65 << 20: 128 << 20, // in steps
		1 << 30:  1560 << 20,
	} {
		if got := memoryLimit(live); got != want {
			t.Errorf("with %d MB alive the limit is %d MB, want %d", live>>20, got>>20, want>>20)
		}
		if got := memoryLimit(live); uint64(got) < live+live/2 {
			t.Errorf("with %d MB alive a limit of %d MB leaves the collector no rest", live>>20, got>>20)
		}
	}
}

func TestMemoryLimitIsTheOperatorsWhereTheySetOne(t *testing.T) {
	t.Parallel()
	for _, variable := range []string{"GOGC", "GOMEMLIMIT", ""} {
		p := &program{env: func(name string) (string, bool) {
			if name == variable {
				return "200", true
			}
			return "", false
		}}
		limits := make(chan int64, 8)
		stop := p.thrift(t.Context(), func(limit int64) int64 {
			limits <- limit
			return 0
		})
		stop()
		close(limits)
		var set []int64
		for limit := range limits {
			set = append(set, limit)
		}
		switch {
		case variable != "" && len(set) > 0:
			t.Errorf("%s is set, and the limit became %v", variable, set)
		case variable == "" && (len(set) < 2 || set[0] < usualMemory || set[len(set)-1] != math.MaxInt64):
			t.Errorf("the limit became %v, want one and then none", set)
		}
	}
}
