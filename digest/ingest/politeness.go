package ingest

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// host is what Courant owes one server: one request at a time, silence while
// it asks for it, and a pause between pages.
type host struct {
	busy chan struct{}

	mu        sync.Mutex
	notBefore time.Time
	last      time.Time     // the last request's end
	delay     time.Duration // what its robots.txt asks for between pages
}

// heldError says that a server asked to be left alone until then.
type heldError struct {
	until time.Time
}

func (e *heldError) Error() string {
	return "asked to be left alone until " + e.until.UTC().Format(time.RFC3339)
}

// host is the one record of a server that all requests share.
func (f *Fetcher) host(authority string) *host {
	f.setUp()
	f.hostsMu.Lock()
	defer f.hostsMu.Unlock()
	h := f.hosts[authority]
	if h == nil {
		h = &host{busy: make(chan struct{}, 1)}
		f.hosts[authority] = h
	}
	return h
}

// enter waits for a server's turn and, before a page, for the pause that is
// due since the last request. Nobody else asks the server meanwhile, as long as
// the lease is not over.
func (f *Fetcher) enter(ctx context.Context, server string, h *host, paced bool) (l *lease, err error) {
	select {
	case h.busy <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	err = ctx.Err() // a select picks at random among what is ready
	if err == nil {
		l, err = f.queue.take(ctx, server)
	}
	taken := err == nil
	if until := h.heldUntil(); err == nil && f.now().Before(until) {
		err = &heldError{until}
	}
	if err == nil && paced {
		err = f.sleep(ctx, f.stillOwed(h))
	}
	if err == nil && l.over() {
		err = errTurn
	}
	if err != nil {
		if taken {
			f.queue.give(server, false)
		}
		<-h.busy
	}
	return l, err
}

// leave ends a request. The pause before the next page begins now.
func (f *Fetcher) leave(server string, h *host) {
	h.rested(f.now())
	// First for the others, or the next here could lose its turn by it.
	f.queue.give(server, true)
	<-h.busy
}

// rested notes the end of a request, whoever made it.
func (h *host) rested(at time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if at.After(h.last) {
		h.last = at
	}
}

// hold keeps the longest silence a server asked for.
func (h *host) hold(until time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if until.After(h.notBefore) {
		h.notBefore = until
	}
}

func (h *host) heldUntil() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.notBefore
}

// hold is told what a server asked for, to be kept beyond this process.
func (f *Fetcher) hold(server string, until time.Time) {
	f.host(server).hold(until)
	f.hostsMu.Lock()
	defer f.hostsMu.Unlock()
	if until.After(f.heard[server]) {
		f.heard[server] = until
	}
}

// heardOf is what a server asked for since the last news.
func (f *Fetcher) heardOf(server string) time.Time {
	f.hostsMu.Lock()
	defer f.hostsMu.Unlock()
	return f.heard[server]
}

// heardNow is what servers asked for since the last news.
func (f *Fetcher) heardNow() map[string]time.Time {
	f.hostsMu.Lock()
	defer f.hostsMu.Unlock()
	return maps.Clone(f.heard)
}

// news are the silences that servers asked for since the last call.
func (f *Fetcher) news() map[string]time.Time {
	f.setUp()
	f.hostsMu.Lock()
	defer f.hostsMu.Unlock()
	heard := f.heard
	f.heard = map[string]time.Time{}
	return heard
}

// stillOwed is how long a host is left alone before the next page.
func (f *Fetcher) stillOwed(h *host) time.Duration {
	pace := f.Pace
	if pace == 0 {
		pace = time.Second
	}
	last := f.queue.lastDeath()
	h.mu.Lock()
	defer h.mu.Unlock()
	if pace > 0 {
		pace = max(pace, h.delay)
	}
	if h.last.After(last) {
		last = h.last
	}
	if last.IsZero() {
		return 0
	}
	// A clock that was set back must not stretch the pause.
	return min(pace-f.now().Sub(last), pace)
}

// untilPage is stillOwed of a server by its name.
func (f *Fetcher) untilPage(server string) time.Duration { return f.stillOwed(f.host(server)) }

// pause waits until a page may be asked for after the last request.
func (f *Fetcher) pause(ctx context.Context, server string) error {
	return f.sleep(ctx, f.untilPage(server))
}

// sleep waits by the clock that was handed in.
func (f *Fetcher) sleep(ctx context.Context, wait time.Duration) error {
	if wait <= 0 {
		return ctx.Err()
	}
	select {
	case <-f.after(wait):
		return ctx.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// longestHold bounds what a Retry-After is believed.
const longestHold = 30 * 24 * time.Hour

// retryAfter is when a server that answered 429 or 503 may be asked again,
// by RFC 9110 section 10.2.3; zero: it doesn't say.
func retryAfter(resp *http.Response, now time.Time) time.Time {
	if resp.StatusCode != http.StatusTooManyRequests && resp.StatusCode != http.StatusServiceUnavailable {
		return time.Time{}
	}
	value := strings.TrimSpace(resp.Header.Get("Retry-After"))
	until := time.Time{}
	if seconds, err := strconv.ParseInt(value, 10, 64); seconds > 0 && (err == nil || errors.Is(err, strconv.ErrRange)) {
		until = now.Add(min(time.Duration(min(seconds, 1<<31))*time.Second, longestHold))
	} else if at, err := http.ParseTime(value); err == nil {
		until = at
	}
	if until.After(now.Add(longestHold)) {
		until = now.Add(longestHold)
	}
	if !until.After(now) {
		return time.Time{}
	}
	return until
}

// The schedule of a source's polls.
const (
	usualInterval    = time.Hour
	shortestInterval = 15 * time.Minute
	longestInterval  = 24 * time.Hour
)

// interval is how long a source that answered is left alone: as long as the
// answer's max-age (RFC 9111 section 5.2.2.1) or the feed's own words say,
// within reason; an hour where they say nothing.
func interval(header http.Header, ttl time.Duration) time.Duration {
	asked := max(maxAge(header), ttl)
	if asked <= 0 {
		return usualInterval
	}
	return min(max(asked, shortestInterval), longestInterval)
}

// maxAge is what Cache-Control allows, 0 if it says nothing. A max-age of 0
// says "ask me each time", which a polite reader doesn't.
func maxAge(header http.Header) time.Duration {
	for directive := range strings.SplitSeq(strings.Join(header.Values("Cache-Control"), ","), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
		if !strings.EqualFold(name, "max-age") {
			continue
		}
		if n, err := strconv.ParseInt(strings.Trim(value, `"`), 10, 64); err == nil && n > 0 {
			return min(time.Duration(min(n, 1<<31))*time.Second, longestInterval)
		}
	}
	return 0
}

// backOff is how long a source that failed is left alone: an hour, then
// twice as long after each failure, up to a day.
func backOff(failures int) time.Duration {
	wait := usualInterval
	for ; failures > 1 && wait < longestInterval; failures-- {
		wait *= 2
	}
	return min(wait, longestInterval)
}

// spread adds up to a tenth, so that sources which were started together
// don't stay together, but nothing beyond a day. It depends on the source and
// the time alone.
func spread(wait time.Duration, name string, now time.Time) time.Duration {
	h := fnv.New64a()
	fmt.Fprint(h, name, now.Unix())
	return min(wait+time.Duration(float64(wait)*0.1*float64(h.Sum64()%1000)/1000), longestInterval)
}
