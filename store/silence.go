package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lib/pq"
)

// lib/pq waits for an answer for ever: a context that is done asks the server
// to cancel, and waits on. A server that refuses, dies or loses its host is
// noticed by TCP; one that hangs, or a proxy before it that does, takes what is
// sent and says nothing. A limit on each answer would not do, since a fan-out
// or a migration may take minutes. So who waits long makes the store ask on a
// line of its own whether anybody is there; if nobody is, all lines are cut,
// and what waited on them is told that the database is away.
const (
	// longWait is how long an answer may take before somebody asks, and how
	// often is asked while it takes on.
	longWait = 5 * time.Second
	// askWait is how long the question may take. Far below any lease in use, far
	// above what a busy server needs to let a session in.
	askWait = 10 * time.Second
)

// errSilent is told to those who waited on a line that was cut. lib/pq gives
// up a connection for good only for a *net.OpError.
var errSilent error = &net.OpError{Op: "read", Net: "database", Err: errors.New("the database is silent, it neither answers nor lets anybody in")}

// errCutOff is told to those who come after CutOff.
var errCutOff error = &net.OpError{Op: "dial", Net: "database", Err: errors.New("this process has given the database up")}

// CutOff ends all that waits for the database, and lets nobody begin anew: for
// a process that must end now, whether the database answers or not.
func (s *Store) CutOff() {
	s.lines.shut()
	s.lines.cut()
}

// lines are the connections of a store, as lib/pq's Dialer.
type lines struct {
	dialer net.Dialer
	ask    func() bool // whether the database lets a session in and answers it

	mu     sync.Mutex
	open   map[*line]struct{}
	asked  net.Conn // of the last question
	closed bool     // nobody gets in any more

	once        sync.Once
	stop, ended chan struct{}
}

// watched gives a connector whose connections are watched until Close.
func watched(dsn string) (*pq.Connector, *lines, error) {
	c, err := pq.NewConnector(dsn)
	if err != nil {
		return nil, nil, err
	}
	l := &lines{
		// A peer that is gone is noticed in half a minute, whether it owes us an
		// answer (keep-alive) or a receipt (Control).
		dialer: net.Dialer{
			Timeout:         askWait,
			KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 15 * time.Second, Interval: 5 * time.Second, Count: 3},
			Control:         limitUnacknowledged,
		},
		open: map[*line]struct{}{}, stop: make(chan struct{}), ended: make(chan struct{}),
	}
	l.ask = func() bool { return answers(c) }
	c.Dialer(l)
	go l.watch()
	return c, l, nil
}

// answers opens a session and lets it answer nothing: behind a pooler only
// that reaches the server. A refusal is an answer, too.
func answers(c *pq.Connector) bool {
	ctx, cancel := context.WithTimeout(context.WithValue(context.Background(), asking{}, true), askWait)
	defer cancel()
	conn, err := c.Connect(ctx)
	if err == nil {
		defer conn.Close()
		if p, ok := conn.(driver.Pinger); ok {
			err = p.Ping(ctx)
		}
	}
	var refusal *pq.Error
	return err == nil || errors.As(err, &refusal)
}

// asking marks the context of the question, whose line ends with its time.
type asking struct{}

// question is a line whose time does not change: lib/pq lifts the limit once a
// session is there, if connect_timeout is set.
type question struct{ net.Conn }

// SetDeadline implements net.Conn and does nothing.
func (question) SetDeadline(time.Time) error { return nil }

// DialContext implements pq.DialerContext.
func (l *lines) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := l.dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	n := &line{Conn: conn, lines: l}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		_ = conn.Close() // nothing was said over it
		return nil, errCutOff
	}
	if until, ok := ctx.Deadline(); ok && ctx.Value(asking{}) != nil {
		l.asked = conn
		return question{conn}, conn.SetDeadline(until)
	}
	l.open[n] = struct{}{}
	return n, nil
}

// Dial implements pq.Dialer.
func (l *lines) Dial(network, address string) (net.Conn, error) {
	return l.DialContext(context.Background(), network, address)
}

// DialTimeout implements pq.Dialer.
func (l *lines) DialTimeout(network, address string, timeout time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	return l.DialContext(ctx, network, address)
}

// watch looks after the lines until close.
func (l *lines) watch() {
	defer close(l.ended)
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	var asked time.Time
	for {
		select {
		case <-l.stop:
			return
		case <-tick.C:
		}
		if !l.waiting() || time.Since(asked) < longWait {
			continue
		}
		if !l.ask() {
			l.cut()
		}
		asked = time.Now()
	}
}

// waiting says whether any line has waited for long.
func (l *lines) waiting() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for n := range l.open {
		if since := n.since.Load(); since != nil && time.Since(*since) > longWait {
			return true
		}
	}
	return false
}

// cut ends all lines. One on which nothing is under way would only be silent
// for the next who takes it.
func (l *lines) cut() {
	l.mu.Lock()
	cut := make([]*line, 0, len(l.open))
	for n := range l.open {
		cut = append(cut, n)
	}
	l.mu.Unlock()
	for _, n := range cut {
		n.silent.Store(true)
		_ = n.Close() // it is broken already
	}
}

// shut lets nobody in any more, and a question that waits end.
func (l *lines) shut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	if l.asked != nil {
		_ = l.asked.Close() // often the second time
	}
}

func (l *lines) close() {
	l.once.Do(func() { close(l.stop) })
	l.shut()
	<-l.ended
}

// line is a connection that knows since when it waits.
type line struct {
	net.Conn
	lines  *lines
	since  atomic.Pointer[time.Time] // since when a Read or Write is under way; nil: none is
	silent atomic.Bool
}

// Read waits for the server.
func (n *line) Read(b []byte) (int, error) { return n.timed(n.Conn.Read, b) }

// Write waits, too, where the server takes no more.
func (n *line) Write(b []byte) (int, error) { return n.timed(n.Conn.Write, b) }

// timed notes the time. A Write beside a Read, as in COPY, may hide the Read
// for as long as it takes, which is for ever only where both are silent.
func (n *line) timed(act func([]byte) (int, error), b []byte) (int, error) {
	now := time.Now()
	n.since.Store(&now)
	k, err := act(b)
	n.since.CompareAndSwap(&now, nil)
	if err != nil && n.silent.Load() {
		err = errSilent
	}
	return k, err
}

// Close implements net.Conn.
func (n *line) Close() error {
	n.lines.mu.Lock()
	delete(n.lines.open, n)
	n.lines.mu.Unlock()
	return n.Conn.Close()
}
