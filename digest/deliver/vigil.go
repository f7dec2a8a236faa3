package deliver

import (
	"context"
	"sync"
	"time"

	"courant/digest"
)

// vigilEvery is how often, at least, a process looks after its own lease and
// those of others. Whoever could not reach the database tries again within it.
const vigilEvery = time.Second

// vigil is what this process has seen of leases that are over. While the
// database is away nobody can renew, so a lease that ran out then proves
// nothing. Its owner is taken over only when the lease was seen to be over
// again and again, for a grace in which the database was there without a break
// and the owner, too, could have reached it.
//
// All of it is told by the database's clock: whether this process stood still,
// its question did, or the database, two looks are too far apart then, and what
// was seen before them counts no more.
type vigil struct {
	grace time.Duration
	every time.Duration // between two looks
	apart time.Duration // that two looks may be at most

	mu         sync.Mutex
	at, server time.Time // of the last look; zero: none that counts
	over       map[string]overdue
}

// overdue is an owner whose lease is over since a look, or before.
type overdue struct {
	digest.Owner
	since time.Time
}

func newVigil(grace time.Duration) *vigil {
	every := min(grace/5, vigilEvery)
	return &vigil{grace: grace, every: every, apart: 4 * every}
}

// Saw notes a look.
func (v *vigil) Saw(seen digest.Overdue) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if gap := seen.At.Sub(v.at); gap < 0 || gap > v.apart || !seen.Server.Equal(v.server) {
		v.over = nil
	}
	v.at, v.server = seen.At, seen.Server
	over := make(map[string]overdue, len(seen.Owners))
	for _, o := range seen.Owners {
		was, known := v.over[o.ID]
		if !known {
			was = overdue{o, seen.At}
		}
		over[o.ID] = was
	}
	v.over = over
}

// Forget is for when the database could not be reached: all is counted anew.
func (v *vigil) Forget() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.at, v.over = time.Time{}, nil
}

// Due lists those who may be taken over, until then by the database's clock.
func (v *vigil) Due() (owners []digest.Owner, until time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, o := range v.over {
		if v.at.Sub(o.since) >= v.grace {
			owners = append(owners, o.Owner)
		}
	}
	return owners, v.at.Add(v.apart)
}

// Watching says whether any lease was over at the last look.
func (v *vigil) Watching() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.over) > 0
}

// away is the engine's, and ends what the vigil has counted: where one call
// could not reach the database, others' could not either.
func (s *session) away(err error) bool {
	away := s.Engine.away(err)
	if away {
		s.vigil.Forget()
	}
	return away
}

// holdLease renews the lease and looks at those of others, beside the rounds of
// the keeper, which may take long. The returned function ends it.
func (s *session) holdLease() (end func()) {
	ctx, cancel := context.WithCancel(s.last)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		first, failed, renewed := true, false, time.Time{}
		for ctx.Err() == nil {
			now := s.now()
			var err error
			if failed || longAgo(now, renewed, s.lease()/4) {
				if err = s.renew(ctx, !first); err == nil {
					first, renewed = false, now
				}
			}
			if err == nil {
				err = s.lookAround(ctx)
			}
			if err != nil && !failed && ctx.Err() == nil {
				s.Log.Warn("cannot renew the lease or look at those of others", "error", err)
			}
			failed = err != nil
			_ = sleep(ctx, min(s.vigil.every, s.lease()/4)) // its end is the loop's
		}
	}()
	return func() {
		cancel()
		<-ended
	}
}

// longAgo asks the wall clock, too: the monotonic one stands still while a
// machine sleeps.
func longAgo(now, then time.Time, d time.Duration) bool {
	return now.Sub(then) > d || now.Round(0).Sub(then.Round(0)) > d
}

// renew extends the lease, also one that ran out and was not taken over. Lanes
// that are gone were taken over while this process was stopped or cut off. The
// database may have been replaced by an older copy meanwhile, in which we must
// not be at work, so ask.
func (s *session) renew(ctx context.Context, ask bool) error {
	if ask && s.Adopted != nil {
		if err := s.Adopted(ctx); err != nil {
			return err
		}
	}
	held, err := s.Store.RenewLanes(ctx, s.owner.ID, s.lease())
	if err != nil {
		return err
	}
	s.wake.Held(held)
	return nil
}

// lookAround notes whose leases are over.
func (s *session) lookAround(ctx context.Context) error {
	seen, err := s.Store.LostOwners(ctx, s.owner.ID)
	if err != nil {
		s.vigil.Forget()
		return err
	}
	s.vigil.Saw(seen)
	return nil
}
