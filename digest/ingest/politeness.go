package ingest

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/temoto/robotstxt"
)

// host is what Courant owes one server: one request at a time, silence while
// it asks for it, and a pause between pages.
type host struct {
	busy chan struct{}

	mu        sync.Mutex
	notBefore time.Time
	last      time.Time // the last request's end, by the real clock
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

// enter waits for the host's turn.
func (h *host) enter(ctx context.Context, now time.Time) error {
	select {
	case h.busy <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	if until := h.heldUntil(); now.Before(until) {
		<-h.busy
		return &heldError{until}
	}
	return nil
}

// leave ends a request. The pause before the next page begins now.
func (h *host) leave() {
	h.mu.Lock()
	h.last = time.Now()
	h.mu.Unlock()
	<-h.busy
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

// untilPage is how long a host is still left alone before the next page.
func (f *Fetcher) untilPage(authority string) time.Duration {
	pace := f.Pace
	if pace == 0 {
		pace = time.Second
	}
	h := f.host(authority)
	h.mu.Lock()
	defer h.mu.Unlock()
	return pace - time.Since(h.last)
}

// pause waits until a page may be asked for after the last request.
func (f *Fetcher) pause(ctx context.Context, authority string) error {
	wait := f.untilPage(authority)
	if wait <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
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
	if seconds, err := strconv.ParseInt(value, 10, 64); err == nil && seconds >= 0 {
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
// answer's max-age (RFC 9111 section 5.2.2.1) or the feed's ttl say, within
// reason; an hour where they say nothing.
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
// don't stay together. It depends on the source and the time alone.
func spread(wait time.Duration, name string, now time.Time) time.Duration {
	h := fnv.New64a()
	fmt.Fprint(h, name, now.Unix())
	return wait + time.Duration(float64(wait)*0.1*float64(h.Sum64()%1000)/1000)
}

// robotsCache keeps what servers' robots.txt say, for a day (RFC 9309
// section 2.4).
type robotsCache struct {
	mu    sync.Mutex
	known map[string]robotsEntry
}

type robotsEntry struct {
	rules *robotstxt.RobotsData
	until time.Time
}

var errRobots = errors.New("robots.txt forbids it")

const maxRobotsBytes = 500 << 10 // RFC 9309 section 2.5

// allowed asks a server's robots.txt whether a page may be fetched. A server
// whose robots.txt cannot be reached forbids everything, RFC 9309 section
// 2.3.1.4; one that has none allows everything, section 2.3.1.3.
func (f *Fetcher) allowed(ctx context.Context, address, origin string) error {
	u, err := url.Parse(address)
	if err != nil {
		return fmt.Errorf("%q is not a web address", address)
	}
	rules, err := f.robotsOf(ctx, u, origin)
	if err != nil {
		return err
	}
	path := u.EscapedPath()
	if path == "" {
		path = "/"
	}
	if u.RawQuery != "" {
		path += "?" + u.RawQuery
	}
	if !rules.TestAgent(path, "Courant") {
		return errRobots
	}
	return nil
}

// robotsOf fetches a server's rules, or has them from the last time. A
// robots.txt that fails with 5xx forbids everything for an hour.
func (f *Fetcher) robotsOf(ctx context.Context, u *url.URL, origin string) (*robotstxt.RobotsData, error) {
	key := u.Scheme + "://" + authority(u)
	f.robots.mu.Lock()
	entry, ok := f.robots.known[key]
	f.robots.mu.Unlock()
	if ok && f.now().Before(entry.until) {
		return entry.rules, nil
	}
	a, err := f.get(ctx, request{address: u.Scheme + "://" + u.Host + "/robots.txt", origin: origin, max: maxRobotsBytes, accept: "text/plain, */*;q=0.5"})
	if err != nil {
		return nil, fmt.Errorf("read robots.txt: %w", err)
	}
	rules, err := robotstxt.FromStatusAndBytes(a.status, a.body)
	if err != nil || rules == nil {
		// Rules nobody can read are no rules, RFC 9309 section 2.3.1.5.
		if rules, err = robotstxt.FromStatusAndBytes(http.StatusNotFound, nil); err != nil {
			return nil, fmt.Errorf("read robots.txt: %w", err)
		}
	}
	keep := 24 * time.Hour
	if a.status >= 500 {
		keep = usualInterval
	}
	f.robots.mu.Lock()
	defer f.robots.mu.Unlock()
	if f.robots.known == nil || len(f.robots.known) > 10_000 {
		f.robots.known = map[string]robotsEntry{}
	}
	f.robots.known[key] = robotsEntry{rules, f.now().Add(keep)}
	return rules, nil
}
