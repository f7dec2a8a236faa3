package main

import (
	"context"
	"math"
	"runtime/metrics"
	"sync"
	"time"
)

// What the garbage collector is given. Left alone it lets as much lie about as
// lives, which at a first start with a thousand sources is 70 MB of nothing.
const (
	usualMemory = 96 << 20 // up to here it is left alone: what sends lives in half of that
	besideHeap  = 24 << 20 // stacks, and what the runtime keeps for itself
	memoryStep  = 8 << 20  // each change of the limit stops the world for a moment
)

// memoryLimit is the soft limit for a process in which so many bytes live. It
// grows with them: a fixed one would have the collector do nothing else as soon
// as more lives than it allows.
func memoryLimit(live uint64) int64 {
	limit := max(usualMemory, live+live/2+besideHeap)
	return int64((limit + memoryStep - 1) / memoryStep * memoryStep)
}

// thrift holds what this process takes of the machine to half more than what
// lives in it, until stop is called. An operator who sets GOGC or GOMEMLIMIT
// decides alone. set is debug.SetMemoryLimit.
func (p *program) thrift(ctx context.Context, set func(int64) int64) (stop func()) {
	for _, name := range []string{"GOGC", "GOMEMLIMIT"} {
		if value, _ := p.env(name); value != "" {
			return func() {}
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	var watching sync.WaitGroup
	watching.Go(func() {
		defer set(math.MaxInt64)
		watchMemory(ctx, set)
	})
	return func() {
		cancel()
		watching.Wait()
	}
}

// watchMemory looks each second at what lives, and moves the limit where that
// has changed much.
func watchMemory(ctx context.Context, set func(int64) int64) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	lives := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	for held := int64(0); ; {
		metrics.Read(lives)
		if limit := memoryLimit(lives[0].Value.Uint64()); limit != held {
			set(limit)
			held = limit
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}
