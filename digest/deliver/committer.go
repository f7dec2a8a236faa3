package deliver

import (
	"context"
	"log/slog"
	"time"

	"courant/digest"
)

const (
	commitMost = 4096 // rows
	// awaitIntent is how long verdicts wait for an intent of any lane to carry
	// them along: no lane waits for a verdict, and a commit costs the database
	// before its first row what a dozen rows cost.
	awaitIntent = 25 * time.Millisecond
)

// request is what a lane wants written: an intent, whose grant it waits for,
// or a settlement, for which it does not wait.
type request struct {
	intent     digest.Intent
	settlement *digest.Settlement
	answer     chan<- grant // for an intent; buffered
}

// grant is the answer to an intent.
type grant struct {
	refs []digest.Ref
	// at is when the intent was asked for, by our clock: before it was committed,
	// so that it is only ever thought older than it is.
	at time.Time
	// repeated says that it was asked for more than once: what is refused now may
	// stand from the first time.
	repeated bool
}

// committer merges the intents and verdicts of all lanes of the process into
// one transaction at a time: while one commits, the next gathers. A database
// that is away is waited for; nothing is dropped.
type committer struct {
	store    Store
	journal  *journal
	log      *slog.Logger
	away     func(error) bool
	now      func() time.Time
	requests chan request
	err      error // why it ended early; read after its end
	ended    chan struct{}
}

func newCommitter(s *session) *committer {
	return &committer{
		ended: make(chan struct{}),
		store: s.heedful(), journal: s.journal, log: s.Log, away: s.away, now: s.now,
		requests: make(chan request, commitMost),
	}
}

// run serves until the channel is closed and empty, or ctx is done.
func (c *committer) run(ctx context.Context) {
	defer close(c.ended)
	for {
		first, ok := <-c.requests
		if !ok {
			return
		}
		if err := c.commit(ctx, c.gather(first)); err != nil {
			c.err = err
			c.refuseAll()
			return
		}
	}
}

// refuseAll answers what still comes in after the committer gave up, so that
// no lane waits for ever. Verdicts are in the journal.
func (c *committer) refuseAll() {
	go func() {
		for r := range c.requests {
			if r.answer != nil {
				r.answer <- grant{}
			}
		}
	}()
}

// gather takes what else is there, and waits a little where that is only
// verdicts.
func (c *committer) gather(first request) []request {
	batch, rows, waiting := []request{first}, first.rows(), first.answer == nil
	patience := time.NewTimer(awaitIntent)
	defer patience.Stop()
	for rows < commitMost {
		r, ok := c.next(waiting, patience.C)
		if !ok {
			break
		}
		batch = append(batch, r)
		rows += r.rows()
		waiting = waiting && r.answer == nil
	}
	return batch
}

// next is the next request; none where the patience or the session is over, or
// where nobody waits for one that is not there yet.
func (c *committer) next(waiting bool, patience <-chan time.Time) (r request, ok bool) {
	if waiting {
		select {
		case r, ok = <-c.requests:
		case <-patience:
		}
		return r, ok
	}
	select {
	case r, ok = <-c.requests:
	default:
	}
	return r, ok
}

func (r request) rows() int { return len(r.intent.Refs) + 1 }

// commit writes a batch, as often as it takes while the database is away.
func (c *committer) commit(ctx context.Context, batch []request) error {
	var intents []digest.Intent
	var settlements []digest.Settlement
	for _, r := range batch {
		if r.settlement != nil {
			settlements = append(settlements, *r.settlement)
		} else {
			intents = append(intents, r.intent)
		}
	}
	stand, answer, err := c.persist(ctx, intents, settlements)
	stands := make(map[digest.LaneRef]bool, len(stand))
	for _, ref := range stand {
		stands[ref] = true
	}
	for _, r := range batch {
		if r.answer != nil {
			answer.refs = among(r.intent, stands)
			r.answer <- answer
		}
	}
	return err
}

// among is what stands of an intent, in order. After a take-over two lanes may
// ask for the same delivery in one batch: the one that lost it, and the one that
// claimed it since.
func among(in digest.Intent, stands map[digest.LaneRef]bool) []digest.Ref {
	kept := make([]digest.Ref, 0, len(in.Refs))
	for _, ref := range in.Refs {
		if stands[digest.LaneRef{Lane: in.Lane, Ref: ref}] {
			kept = append(kept, ref)
		}
	}
	return kept
}

// persist returns what stands, and what its answers have in common.
func (c *committer) persist(ctx context.Context, intents []digest.Intent, settlements []digest.Settlement) ([]digest.LaneRef, grant, error) {
	wait, waited := 100*time.Millisecond, false
	for {
		asked := c.now()
		granted, settled, err := c.store.Commit(ctx, intents, settlements)
		if err == nil {
			c.forget(settlements, len(settled), waited)
			return granted, grant{at: asked, repeated: waited}, nil
		}
		if !c.away(err) {
			c.log.Error("ledger refused a commit", "error", err)
			return nil, grant{}, err
		}
		if !waited {
			c.log.Warn("database is away, deliveries wait", "error", err)
			waited = true
		}
		if serr := sleep(ctx, wait); serr != nil {
			return nil, grant{}, err
		}
		wait = min(2*wait, vigilEvery)
	}
}

// forget drops settled attempts from the journal. What was not settled had
// been taken over: its late verdict is fenced off, and whoever took it over
// has judged it.
func (c *committer) forget(settlements []digest.Settlement, settled int, repeated bool) {
	c.journal.Settled(settlements)
	if n := len(settlements) - settled; n > 0 && !repeated {
		c.log.Warn("late verdicts were fenced off", "verdicts", n)
	}
}

// intend asks for leave to send and returns the channel on which the answer
// will come.
func (c *committer) intend(in digest.Intent) <-chan grant {
	answer := make(chan grant, 1)
	c.requests <- request{intent: in, answer: answer}
	return answer
}

// settle hands a verdict on.
func (c *committer) settle(s digest.Settlement) {
	c.requests <- request{settlement: &s}
}
