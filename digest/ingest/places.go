package ingest

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// What is in hand at the same time, in all. A hundred requests wait for their
// answers more or less for nothing; what costs is documents, and most of all
// reading them.
const (
	atOnce        = 128       // requests, and their documents until they are read
	largeAtOnce   = 4         // documents that are larger than usual
	largeDocument = 256 << 10 // bytes
)

// places bounds what many sources together may take of the machine, whatever
// they send.
type places struct {
	requests, large, reading chan struct{}
}

func newPlaces() places {
	return places{
		requests: make(chan struct{}, atOnce),
		large:    make(chan struct{}, largeAtOnce),
		reading:  make(chan struct{}, runtime.GOMAXPROCS(0)),
	}
}

// take waits for a place for one request. The function it returns gives the
// place back; a second call does nothing.
func (p places) take(ctx context.Context) (release func(), err error) { return taken(ctx, p.requests) }

// read waits for a place to read a document.
func (p places) read(ctx context.Context) (release func(), err error) { return taken(ctx, p.reading) }

func taken(ctx context.Context, of chan struct{}) (release func(), err error) {
	select {
	case of <- struct{}{}:
		return sync.OnceFunc(func() { <-of }), nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// patience is how long one document may take, over all its redirects. It
// stands still while Courant keeps the server waiting.
type patience struct {
	cancel context.CancelFunc
	left   time.Duration
	since  time.Time
	timer  *time.Timer
	over   atomic.Bool
	lost   atomic.Bool // the lease of its turn is over
}

// patient is a context that ends with the patience.
func (f *Fetcher) patient(ctx context.Context) (context.Context, *patience) {
	p := &patience{left: wholeTimeout}
	if f.patience > 0 {
		p.left = f.patience
	}
	ctx, p.cancel = context.WithCancel(ctx)
	return ctx, p
}

// run lets the time pass, by the real clock: a network knows no other.
func (p *patience) run() {
	p.since = time.Now()
	p.timer = time.AfterFunc(max(p.left, 0), func() {
		p.over.Store(true)
		p.cancel()
	})
}

func (p *patience) rest() {
	if p.timer.Stop() {
		p.left -= time.Since(p.since)
	}
}

// endWith ends the document with the lease of the turn that it is asked for
// in: another process may ask the server then.
func (p *patience) endWith(l *lease) (stop func() bool) {
	if l == nil {
		return func() bool { return true }
	}
	return context.AfterFunc(l.ctx, func() {
		p.lost.Store(true)
		p.cancel()
	})
}

// said names the end of the patience, which the network's error only calls
// cancelled.
func (p *patience) said(err error) error {
	if p.lost.Load() && errors.Is(err, context.Canceled) {
		return errTurn
	}
	if p.over.Load() && errors.Is(err, context.Canceled) {
		return errSlow
	}
	return err
}
