package deliver

import (
	"cmp"
	"context"
	"math"
	"sync"
	"time"

	"courant/digest"
)

// Limit is a budget of a relay: so many messages in so long.
type Limit struct {
	Messages int
	Per      time.Duration
}

// pacer keeps a relay's limits. Within this process each limit is a bucket
// that starts full and refills evenly. What all processes together may send
// is the ledger's to say: a process leases a part of it for a short time and
// spends that message by message.
type pacer struct {
	mu      sync.Mutex
	now     func() time.Time
	buckets []bucket

	store   Store
	account string
	budgets []digest.Budget
	part    int           // the most that is leased at a time
	life    time.Duration // of a lease
	leased  int
	ends    time.Time  // of the lease
	next    time.Time  // when to ask again, where there was nothing to have
	asking  sync.Mutex // one lane asks, the others wait for its answer

	// The keeper's own: whether the operator knows that a limit is reached, and
	// since when it holds nothing up any more.
	told bool
	free time.Time
}

// A lease is short, since what is leased counts as sent at once, and one
// process gets a tenth of a limit at a time: the others want theirs.
const (
	leasePart     = 10
	leaseLongest  = time.Second
	leaseShortest = 20 * time.Millisecond
	askAgain      = time.Minute // others may have given something back
)

type bucket struct {
	Limit
	tokens float64
	at     time.Time
}

// newPacer is one for this process alone.
func newPacer(limits []Limit, now func() time.Time) *pacer {
	p := &pacer{now: now}
	for _, l := range limits {
		p.buckets = append(p.buckets, bucket{Limit: l, tokens: burst(l), at: now()})
	}
	return p
}

// sharedPacer is one for a relay that other processes send to, too.
func sharedPacer(r *Relay, now func() time.Time, store Store) *pacer {
	p := newPacer(r.Limits, now)
	p.store, p.account, p.part, p.life = store, cmp.Or(r.Account, r.Name), math.MaxInt32, leaseLongest
	for _, l := range r.Limits {
		p.budgets = append(p.budgets, digest.Budget{Messages: l.Messages, Per: l.Per})
		p.part = min(p.part, max(l.Messages/leasePart, 1))
		p.life = min(p.life, max(l.Per/leasePart, leaseShortest))
	}
	return p
}

// burst is how much of a limit may be spent at once: a second's worth of a
// short one, all of a long one.
func burst(l Limit) float64 { return float64(l.Messages) }

// take spends one message of every limit, or says how long to wait. Rate is
// how many a second the relay's lanes could send.
func (p *pacer) take(ctx context.Context, rate float64) (time.Duration, error) {
	for {
		wait, ok := p.spend(1)
		if ok || wait > 0 {
			return wait, nil
		}
		if err := p.ask(ctx, rate); err != nil {
			return 0, err
		}
	}
}

// ready says how long until a message may go, and spends nothing.
func (p *pacer) ready(ctx context.Context, rate float64) (time.Duration, error) {
	for {
		wait, ok := p.spend(0)
		if ok || wait > 0 {
			return wait, nil
		}
		if err := p.ask(ctx, rate); err != nil {
			return 0, err
		}
	}
}

// spend takes n of what is at hand. Neither ok nor a wait: the lease is spent
// or over.
func (p *pacer) spend(n int) (wait time.Duration, ok bool) {
	if len(p.buckets) == 0 {
		return 0, true
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if wait := p.refill(); wait > 0 {
		return wait, false
	}
	now := p.now()
	if len(p.budgets) > 0 && (p.leased < 1 || !now.Before(p.ends)) {
		return max(p.next.Sub(now), 0), false
	}
	p.leased -= n
	for i := range p.buckets {
		p.buckets[i].tokens -= float64(n)
	}
	return 0, true
}

// ask leases what the lanes send in a lease's time, and gives back what is
// left of the last one.
func (p *pacer) ask(ctx context.Context, rate float64) error {
	p.asking.Lock()
	defer p.asking.Unlock()
	if wait, ok := p.spend(0); ok || wait > 0 {
		return nil // somebody else asked meanwhile
	}
	want := min(max(int(rate*p.life.Seconds()), 1), p.part)
	asked := p.now()
	l, err := p.store.LeaseBudget(ctx, p.account, p.budgets, want, p.over(true))
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil {
		// What came back may have come back, so it is not given back again.
		p.next = p.now().Add(roundEvery)
		return err
	}
	p.leased, p.ends = l.Messages, asked.Add(p.life)
	if l.Messages == 0 {
		p.next = p.now().Add(min(max(l.Wait, leaseShortest), askAgain))
	}
	return nil
}

// over takes what is left of a lease that is over, or of any.
func (p *pacer) over(any bool) (left int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if any || !p.now().Before(p.ends) {
		left, p.leased = p.leased, 0
	}
	return left
}

// giveBack returns what was leased and will not be used. What is not given
// back is lost: the count says it was sent.
func (p *pacer) giveBack(ctx context.Context, all bool) error {
	if len(p.budgets) == 0 {
		return nil
	}
	p.asking.Lock()
	defer p.asking.Unlock()
	left := p.over(all)
	if left == 0 {
		return nil
	}
	_, err := p.store.LeaseBudget(ctx, p.account, p.budgets, 0, left)
	return err
}

// ahead says how long until a message may go, as far as this process knows.
func (p *pacer) ahead() time.Duration {
	wait, _ := p.spend(0)
	return wait
}

// A limit that holds up for so long is told. It is over when nothing was held
// up for a while: a long one comes back in little parts, each spent at once.
const (
	toldFrom  = 5 * time.Second
	freeAgain = 10 * time.Second
)

// news says whether the operator is to hear that a limit is reached, or holds
// nothing up any more (zero), and for how long. Only the keeper asks.
func (p *pacer) news(ctx context.Context) (wait time.Duration, by digest.Budget, any bool, err error) {
	if len(p.budgets) == 0 {
		return 0, by, false, nil
	}
	now, held := p.now(), p.ahead() > toldFrom
	switch {
	case held == p.told:
		p.free = time.Time{}
		return 0, by, false, nil
	case !held && p.free.IsZero():
		p.free = now
	}
	if !held && now.Sub(p.free) < freeAgain {
		return 0, by, false, nil
	}
	// What this process knows of it is little: the ledger has the others', too.
	if wait, by, err = p.reached(ctx); err != nil || wait > toldFrom != held {
		p.free = time.Time{}
		return 0, by, false, err
	}
	p.told, p.free = held, time.Time{}
	return wait, by, true, nil
}

// reached says how long until the limits let a message go, and by which.
func (p *pacer) reached(ctx context.Context) (wait time.Duration, by digest.Budget, err error) {
	l, err := p.store.LeaseBudget(ctx, p.account, p.budgets, 0, 0)
	wait, by = l.Wait, l.By
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refill()
	for _, b := range p.buckets {
		if own := b.wait(); own > wait {
			wait, by = own, digest.Budget(b.Limit)
		}
	}
	return wait, by, err
}

// within is how many messages may go in so long, at least one.
func (p *pacer) within(d time.Duration) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refill()
	n := math.MaxInt32
	for _, b := range p.buckets {
		n = min(n, int(b.tokens+d.Seconds()*b.rate()))
		if len(p.budgets) > 0 {
			n = min(n, int(float64(p.leased)+d.Seconds()*b.rate()))
		}
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
		wait = max(wait, b.wait())
	}
	return wait
}

// wait is how long until the bucket holds a message, as it was filled last.
func (b bucket) wait() time.Duration {
	if b.tokens >= 1 {
		return 0
	}
	// Rounded up, or the last nanosecond would be waited for in vain.
	return time.Duration(math.Ceil((1 - b.tokens) / b.rate() * float64(time.Second)))
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
