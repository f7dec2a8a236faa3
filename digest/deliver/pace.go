package deliver

import (
	"context"
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
	if len(p.buckets) == 0 {
		return 0
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	now, wait := p.now(), time.Duration(0)
	for i := range p.buckets {
		b := &p.buckets[i]
		rate := float64(b.Messages) / b.Per.Seconds()
		b.tokens = min(b.tokens+now.Sub(b.at).Seconds()*rate, burst(b.Limit))
		b.at = now
		if b.tokens < 1 {
			wait = max(wait, time.Duration((1-b.tokens)/rate*float64(time.Second)))
		}
	}
	if wait > 0 {
		return wait
	}
	for i := range p.buckets {
		p.buckets[i].tokens--
	}
	return 0
}

// wait blocks until a message may go, or ctx is done.
func (p *pacer) wait(ctx context.Context) error {
	for {
		d := p.take()
		if d == 0 {
			return nil
		}
		if err := sleep(ctx, d); err != nil {
			return err
		}
	}
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
