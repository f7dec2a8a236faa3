package ingest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"courant/digest"
)

// Turns are the rows by which several processes ask one server one after the
// other. They cost next to nothing where one process asks: it has said that it
// does, and as long as nobody else has, turns are kept in its memory. One that
// comes later waits until the others have seen it, which takes them a beat;
// from then on each turn is a row.
type Turns interface {
	// JoinAskers makes a process known that is about to ask, for as long as the
	// lease says.
	JoinAskers(ctx context.Context, lease time.Duration) (digest.Asker, error)
	// RenewAsker extends the lease; digest.ErrNotFound: it was over.
	RenewAsker(ctx context.Context, id digest.AskerID, lease time.Duration) (digest.Asker, error)
	// AskerStanding tells how an asker stands among the others.
	AskerStanding(ctx context.Context, id digest.AskerID) (digest.Asker, error)
	// SeeAskers says that id knows of all up to newest, and makes rows of the
	// turns that it has, of how long ago servers answered it, and of what they
	// asked for.
	SeeAskers(ctx context.Context, id, newest digest.AskerID, turns []string, rested map[string]time.Duration, held map[string]time.Time) error
	// LeaveAskers ends an asker and all its turns.
	LeaveAskers(ctx context.Context, id digest.AskerID, rested map[string]time.Duration) error
	// TakeTurn takes a server's turn, or the place behind who has it, for so
	// long as waiting.
	TakeTurn(ctx context.Context, id digest.AskerID, server string, waiting time.Duration) (digest.Turn, error)
	// EndTurn gives it back; asked: the server was, and held is what it asked for.
	EndTurn(ctx context.Context, id digest.AskerID, server string, asked bool, held time.Time) error
}

const (
	askerLease  = 10 * time.Second // of a process that died the others wait it out
	beatsALease = 20               // how often in it a process looks for others
	turnAgain   = 50 * time.Millisecond
	turnWaiting = time.Second     // one that waits is passed over if it was not heard of for so long
	lastWords   = 2 * time.Second // what may be said to the rows when all is over
)

// errTurn says that nobody is asked for now, as it is not known whose turn it
// is. It is the store's trouble, not the source's.
var errTurn = errors.New("the database does not say whose turn it is to ask a server")

// lease is for how long a process may ask, by its own clock. Its context ends
// with it.
type lease struct {
	ctx    context.Context
	cancel context.CancelFunc

	mu    sync.Mutex
	until time.Time
	bell  *time.Timer
}

func newLease(until time.Time) *lease {
	l := &lease{until: until}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	l.bell = time.AfterFunc(time.Until(until), l.ring)
	return l
}

// ring ends the lease, unless it was extended in the same moment.
func (l *lease) ring() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if left := time.Until(l.until); left > 0 {
		l.bell.Reset(left)
		return
	}
	l.cancel()
}

// extend says whether the lease was not over when it was extended: an answer
// that comes later is none, as others may have looked in between.
func (l *lease) extend(until time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ctx.Err() != nil || !time.Now().Before(l.until) {
		l.cancel()
		return false
	}
	l.until = until
	return true
}

// over says whether nobody may be asked under it any more. Without any there
// is nothing to end.
func (l *lease) over() bool {
	if l == nil {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.ctx.Err() != nil || !time.Now().Before(l.until)
}

// queue is this process among all that ask servers: nobody while it asks
// none, else alone, or one of several.
type queue struct {
	f     *Fetcher
	rows  Turns
	lease time.Duration
	gate  chan struct{} // of one place: who makes it an asker
	beats sync.WaitGroup

	mu     sync.Mutex
	within int            // how many count on it
	me     digest.AskerID // 0: it is none
	mine   *lease
	alone  bool                 // no other has come, up to seen
	known  bool                 // the others know of it
	seen   digest.AskerID       // the last that it knows of
	wanted int                  // turns that are had or waited for
	idle   time.Time            // since when none is
	turns  map[string]turnHeld  // had now, by server
	ended  map[string]time.Time // last answers, by server
	owed   map[string]turnHeld  // rows that could not be given back
	died   time.Time            // when another that died could have asked last
}

// turnHeld is a turn that is had: whose it is, and whether a row says so.
type turnHeld struct {
	by    digest.AskerID
	row   bool
	asked bool
}

func newQueue(f *Fetcher) *queue {
	q := &queue{f: f, rows: f.Turns, lease: f.lease, gate: make(chan struct{}, 1)}
	if q.lease == 0 {
		q.lease = askerLease
	}
	q.turns, q.ended, q.owed = map[string]turnHeld{}, map[string]time.Time{}, map[string]turnHeld{}
	return q
}

// attend lets documents be fetched until leave: then nothing is left of it,
// neither in the rows nor running.
func (f *Fetcher) attend() (leave func()) {
	f.setUp()
	q := f.queue
	if q == nil {
		return func() {}
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.within++
	return func() {
		q.mu.Lock()
		q.within--
		last := q.within == 0
		q.mu.Unlock()
		if last {
			q.leave(0)
			q.beats.Wait()
		}
	}
}

// lastDeath is when another process that died could have asked any server
// last; zero: none has.
func (q *queue) lastDeath() time.Time {
	if q == nil {
		return time.Time{}
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.died
}

// take waits for a server's turn among all processes. It is had until give, or
// until the lease is over. In this process somebody else's turn is over.
func (q *queue) take(ctx context.Context, server string) (*lease, error) {
	if q == nil {
		return nil, nil
	}
	q.want(1)
	for {
		l, err := q.tryTake(ctx, server)
		if l != nil && err == nil {
			return l, nil
		}
		if err != nil {
			q.want(-1)
			return nil, err
		}
	}
}

// want counts the turns that are had or waited for: while there is any, this
// process goes on being an asker.
func (q *queue) want(n int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.wanted += n
	q.idle = time.Now()
}

// tryTake is take, once; no lease: it was over in between.
func (q *queue) tryTake(ctx context.Context, server string) (*lease, error) {
	if err := q.come(ctx); err != nil {
		return nil, err
	}
	q.mu.Lock()
	me, l, alone := q.me, q.mine, q.alone
	if me != 0 && alone {
		q.turns[server] = turnHeld{by: me}
	}
	q.mu.Unlock()
	switch {
	case me == 0:
		return nil, nil
	case alone:
		return l, nil
	}
	got, err := q.claim(ctx, l, me, server)
	if err != nil || !got.Mine {
		return nil, err
	}
	q.learn(server, got)
	q.mu.Lock()
	defer q.mu.Unlock()
	q.turns[server] = turnHeld{by: me, row: true}
	return l, nil
}

// claim asks the rows for a turn until it is had, or the lease over.
func (q *queue) claim(ctx context.Context, l *lease, me digest.AskerID, server string) (digest.Turn, error) {
	for {
		got, err := q.rows.TakeTurn(ctx, me, server, turnWaiting)
		switch {
		case err != nil && ctx.Err() != nil:
			return digest.Turn{}, ctx.Err()
		case err != nil:
			return digest.Turn{}, fmt.Errorf("%w: %w", errTurn, err)
		case got.Mine || l.over():
			return got, nil
		}
		if err := q.moment(ctx, l); err != nil {
			return digest.Turn{}, err
		}
	}
}

// moment waits by the real clock, as other processes have no other.
func (q *queue) moment(ctx context.Context, l *lease) error {
	bell := time.NewTimer(turnAgain)
	defer bell.Stop()
	select {
	case <-bell.C:
	case <-l.ctx.Done():
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}

// learn takes over what others know of a server.
func (q *queue) learn(server string, t digest.Turn) {
	h := q.f.host(server)
	if t.Rested > 0 {
		h.rested(q.f.now().Add(-t.Rested))
	}
	if !t.Held.IsZero() {
		h.hold(t.Held)
	}
}

// here says whether this process may take turns.
func (q *queue) here() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.me != 0 && !q.mine.over() && (q.alone || q.known)
}

// come makes this process an asker that all others know of.
func (q *queue) come(ctx context.Context) error {
	if q.here() {
		return nil
	}
	select {
	case q.gate <- struct{}{}:
		defer func() { <-q.gate }()
	case <-ctx.Done():
		return ctx.Err()
	}
	err := q.join(ctx)
	for err == nil && !q.here() {
		var a digest.Asker
		me, l := q.self()
		if me == 0 || l.over() {
			return nil // take comes again
		}
		if a, err = q.rows.AskerStanding(ctx, me); err == nil && a.Unaware == 0 {
			q.mourn(a)
			q.mu.Lock()
			q.known = q.known || q.me == me
			q.mu.Unlock()
			return nil
		}
		if err == nil {
			err = q.moment(ctx, l)
		}
	}
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	}
	return fmt.Errorf("%w: %w", errTurn, err)
}

// mourn notes when one that died could have asked last: nobody knows whom, so
// all servers rest from then on.
func (q *queue) mourn(a digest.Asker) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if at := q.f.now().Add(-a.Died); a.Died > 0 && at.After(q.died) {
		q.died = at
	}
}

func (q *queue) self() (digest.AskerID, *lease) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.me, q.mine
}

// join makes this process an asker, if it is none.
func (q *queue) join(ctx context.Context) error {
	if me, l := q.self(); me != 0 && !l.over() {
		return nil
	}
	q.forget()
	begun := time.Now() // before the rows' lease begins, so that it outlasts ours
	a, err := q.rows.JoinAskers(ctx, q.lease)
	if err != nil {
		return err
	}
	for server, rested := range a.Rested {
		q.f.host(server).rested(q.f.now().Add(-rested))
	}
	q.mourn(a)
	q.mu.Lock()
	defer q.mu.Unlock()
	q.me, q.mine, q.seen = a.ID, newLease(begun.Add(q.lease)), a.Newest
	q.alone, q.known = a.Others == 0, a.Unaware == 0
	q.beats.Go(func() { q.beat(a.ID, q.mine) })
	return nil
}

// forget ends an asker whose lease is over, for this process.
func (q *queue) forget() {
	q.mu.Lock()
	if q.mine != nil {
		q.mine.cancel()
	}
	q.me = 0
	q.mu.Unlock()
	q.beats.Wait()
}

// beat extends the lease and looks for others, until nothing has been asked
// for the length of a few beats.
func (q *queue) beat(me digest.AskerID, l *lease) {
	tick := time.NewTicker(q.lease / beatsALease)
	defer tick.Stop()
	for {
		select {
		case <-l.ctx.Done():
			return
		case <-tick.C:
		}
		if q.leave(2 * q.lease / beatsALease) {
			return
		}
		begun := time.Now()
		a, err := q.rows.RenewAsker(l.ctx, me, q.lease)
		switch {
		case errors.Is(err, digest.ErrNotFound):
			l.cancel()
			return
		case err != nil:
			q.f.log().Debug("the lease to ask servers was not extended", "error", err)
			continue
		case !l.extend(begun.Add(q.lease)):
			return
		}
		q.mourn(a)
		if err := q.see(l, a); err != nil {
			q.f.log().Debug("other processes that ask servers wait", "error", err)
		}
		q.giveOwed(l)
	}
}

// see makes room for who came, or is alone again. What is had now becomes
// rows before anybody else is told to go ahead.
func (q *queue) see(l *lease, a digest.Asker) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.me != a.ID:
		return nil
	case a.Others == 0:
		// Who comes now is newer than seen, and waits.
		q.alone, q.known, q.seen = true, true, max(q.seen, a.Newest)
		return nil
	}
	q.alone = false
	if a.Newest <= q.seen {
		return nil
	}
	for server, t := range q.turns {
		// Even if this fails, for then nobody knows whether it did.
		t.by, t.row = a.ID, true
		q.turns[server] = t
	}
	if err := q.rows.SeeAskers(l.ctx, a.ID, a.Newest, slices.Collect(maps.Keys(q.turns)), q.restedNow(), q.f.heardNow()); err != nil {
		return err
	}
	q.seen = a.Newest
	return nil
}

// restedNow tells how long ago servers answered this process.
func (q *queue) restedNow() map[string]time.Duration {
	rested := map[string]time.Duration{}
	for server, at := range q.ended {
		rested[server] = time.Since(at)
	}
	return rested
}

// give ends a server's turn. asked: it was asked.
func (q *queue) give(server string, asked bool) {
	if q == nil {
		return
	}
	q.mu.Lock()
	t := q.turns[server]
	delete(q.turns, server)
	if asked {
		q.ended[server] = time.Now()
	}
	q.mu.Unlock()
	defer q.want(-1)
	if t.row {
		t.asked = asked
		q.giveRow(server, t)
	}
}

// giveRow gives the row of a turn back. While that fails it is owed.
func (q *queue) giveRow(server string, t turnHeld) {
	ctx, cancel := context.WithTimeout(context.Background(), lastWords)
	defer cancel()
	err := q.rows.EndTurn(ctx, t.by, server, t.asked, q.f.heardOf(server))
	if err == nil {
		return
	}
	q.f.log().Debug("a server stays ours for a moment", "server", server, "error", err)
	q.mu.Lock()
	defer q.mu.Unlock()
	q.owed[server] = t
}

// giveOwed gives back what could not be, unless it was taken again.
func (q *queue) giveOwed(l *lease) {
	q.mu.Lock()
	owed := q.owed
	q.owed = map[string]turnHeld{}
	for server := range q.turns {
		delete(owed, server)
	}
	q.mu.Unlock()
	for server, t := range owed {
		h := q.f.host(server)
		select {
		case h.busy <- struct{}{}:
			if !l.over() {
				q.giveRow(server, t)
			}
			<-h.busy
		default: // somebody here is taking it
		}
	}
}

// leave ends this process as an asker, if nothing was wanted of it for so
// long, and says whether it did.
func (q *queue) leave(idle time.Duration) bool {
	q.mu.Lock()
	if q.me == 0 || q.wanted > 0 || time.Since(q.idle) < idle {
		q.mu.Unlock()
		return false
	}
	me, rested := q.me, q.restedNow()
	q.me = 0
	q.mine.cancel()
	q.ended, q.owed = map[string]time.Time{}, map[string]turnHeld{}
	q.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), lastWords)
	defer cancel()
	if err := q.rows.LeaveAskers(ctx, me, rested); err != nil {
		q.f.log().Debug("other processes wait some seconds until they ask servers", "error", err)
	}
	return true
}
