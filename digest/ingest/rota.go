package ingest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"courant/digest"
)

// longestSleep is after how long Run sees at the latest what other processes
// changed.
const longestSleep = time.Minute

// rota is what Run knows between two looks into the rows: what is due when,
// and which servers are being asked. Each server has its own turn, so that a
// slow one, or one whose pages are read one a second, delays no other.
type rota struct {
	in     *Ingest
	states []digest.SourceState
	asking map[string]bool // by server
	ended  chan turn

	synced  bool
	stale   bool      // the rows are to be read before anything else
	readAt  time.Time // when they were, by the real clock
	trouble int       // with the store, in a row
	quiet   time.Time // nothing is begun before, by the real clock
}

// turn is how the polls of one server's due sources ended.
type turn struct {
	server string
	polled []digest.SourceState
	err    error // the store's
}

// Run polls each source when it is due, until the context ends. Trouble with
// the store is logged and waited out; nothing is lost by it, as a poll that
// could not be kept is polled again.
func (in *Ingest) Run(ctx context.Context) error {
	defer in.Fetcher.attend()()
	r := &rota{in: in, asking: map[string]bool{}, ended: make(chan turn), stale: true}
	for ctx.Err() == nil {
		wait := time.Until(r.quiet)
		if wait <= 0 {
			wait = r.begin(ctx)
		}
		r.wait(ctx, wait)
	}
	for len(r.asking) > 0 {
		r.end(<-r.ended)
	}
	return ctx.Err()
}

// begin gives a turn to each server with something due, and says how long
// nothing else will be.
func (r *rota) begin(ctx context.Context) time.Duration {
	if r.stale || time.Since(r.readAt) >= longestSleep {
		if err := r.read(ctx); err != nil {
			return r.fail(ctx, err)
		}
	}
	now := r.in.Fetcher.now()
	due, next := map[string][]digest.SourceState{}, now.Add(longestSleep)
	for _, s := range r.states {
		at, server := dueAt(s), serverOf(s)
		switch {
		case s.Gone || s.Source.Kind == digest.SourcePush || r.asking[server]:
		case !at.After(now):
			due[server] = append(due[server], s)
		case at.Before(next):
			next = at
		}
	}
	for server, sources := range due {
		r.asking[server] = true
		go r.take(ctx, server, sources)
	}
	return next.Sub(now)
}

// dueAt is when a source may be polled by Courant's own schedule and its
// server's word.
func dueAt(s digest.SourceState) time.Time {
	if s.NotBefore.After(s.NextPoll) {
		return s.NotBefore
	}
	return s.NextPoll
}

// read looks into the rows. What is being polled is kept from being polled
// twice by its server's turn here, and by its claim elsewhere.
func (r *rota) read(ctx context.Context) error {
	if !r.synced {
		if err := r.in.sync(ctx); err != nil {
			return err
		}
		r.synced = true
	}
	states, err := r.in.Store.SourceStates(ctx)
	if err != nil {
		return fmt.Errorf("read sources: %w", err)
	}
	if err := r.in.hold(ctx, states); err != nil {
		return err
	}
	r.states, r.stale, r.readAt = states, false, time.Now()
	return nil
}

// fail waits out the store's trouble: a second, two, ... a minute.
func (r *rota) fail(ctx context.Context, err error) time.Duration {
	r.stale = true
	if ctx.Err() != nil || time.Now().Before(r.quiet) {
		return time.Until(r.quiet) // one pause for all that fail together
	}
	r.trouble++
	wait := min(time.Second<<min(r.trouble, 6), longestSleep)
	r.quiet = time.Now().Add(wait)
	r.in.Fetcher.log().Error("polling sources", "error", err, "again_in", wait)
	return wait
}

// take polls a server's sources one after the other.
func (r *rota) take(ctx context.Context, server string, sources []digest.SourceState) {
	t := turn{server: server}
	for _, s := range sources {
		after, result, taken := r.in.pollOne(ctx, s, false)
		if !taken {
			// Another process has it. The rows will say what came of it.
			after.NextPoll = r.in.Fetcher.now().Add(longestSleep)
		} else {
			r.in.tell(result)
		}
		if errors.Is(result.Err, errStore) {
			t.err = result.Err
			break
		}
		t.polled = append(t.polled, after)
	}
	r.ended <- t
}

// wait sleeps by the real clock: what is due was read by the clock handed in,
// and is looked at again after each wait.
func (r *rota) wait(ctx context.Context, wait time.Duration) {
	timer := time.NewTimer(max(wait, 0))
	defer timer.Stop()
	select {
	case t := <-r.ended:
		r.end(t)
		if t.err != nil {
			r.fail(ctx, t.err)
		}
	case <-timer.C:
	case <-r.in.Nudge:
		r.stale, r.quiet = true, time.Time{}
	case <-ctx.Done():
	}
}

// end takes over what a turn learned.
func (r *rota) end(t turn) {
	delete(r.asking, t.server)
	if t.err == nil {
		r.trouble = 0
	}
	for _, after := range t.polled {
		for i := range r.states {
			if r.states[i].Source.Name == after.Source.Name && r.states[i].Source.URL == after.Source.URL {
				r.states[i] = after
			}
		}
	}
}
