package deliver

import (
	"context"
	"math"
	"sync"
	"time"
)

// Limit is a budget of a relay: so many messages in so long.
type Limit struct {
	Messages int
	Per      time.Duration
}

// pacer keeps a relay's limits within this process. Each limit is a bucket
// that starts full and refills evenly.
type pacer struct {
	mu      sync.Mutex
	now     func() time.Time
	buckets []bucket
}

type bucket struct {
	Limit
	tokens float64
	at     time.Time
}

func newPacer(limits []Limit, now func() time.Time) *pacer {
	p := &pacer{now: now}
	for _, l := range limits {
		p.buckets = append(p.buckets, bucket{Limit: l, tokens: burst(l), at: now()})
	}
	return p
}

// burst is how much of a limit may be spent at once: a second's worth of a
// short one, all of a long one.
func burst(l Limit) float64 { return float64(l.Messages) }

// take spends one message of every limit, or says how long to wait.
func (p *pacer) take() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	wait := p.refill()
	if wait > 0 {
		return wait
	}
	for i := range p.buckets {
		p.buckets[i].tokens--
	}
	return 0
}

// ahead says how long until a message may go, and spends nothing.
func (p *pacer) ahead() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.refill()
}

// within is how many messages may go in so long, at least one.
func (p *pacer) within(d time.Duration) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refill()
	n := math.MaxInt32
	for _, b := range p.buckets {
		n = min(n, int(b.tokens+d.Seconds()*b.rate()))
	}
	return max(n, 1)
}

func (b bucket) rate() float64 { return float64(b.Messages) / b.Per.Seconds() }

// refill brings the buckets up to now and says how long until each holds a
// message.
func (p *pacer) refill() (wait time.Duration) {
	if len(p.buckets) == 0 {
		return 0
	}
	now := p.now()
	for i := range p.buckets {
		b := &p.buckets[i]
		b.tokens = min(b.tokens+max(now.Sub(b.at).Seconds(), 0)*b.rate(), burst(b.Limit))
		b.at = now
		if b.tokens < 1 {
			// Rounded up, or the last nanosecond would be waited for in vain.
			wait = max(wait, time.Duration(math.Ceil((1-b.tokens)/b.rate()*float64(time.Second))))
		}
	}
	return wait
}

// sleep waits, or returns early with ctx's error.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
