package ingest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/temoto/robotstxt"
)

// robotsCache keeps what servers' robots.txt say, for a day (RFC 9309
// section 2.4).
type robotsCache struct {
	mu    sync.Mutex
	known map[string]*robotsEntry
}

type robotsEntry struct {
	gate  chan struct{} // of one place: who asks the server
	rules *robotstxt.RobotsData
	err   error // it could not be reached
	until time.Time
}

var errRobots = errors.New("robots.txt forbids it")

const (
	maxRobotsBytes = 500 << 10        // RFC 9309 section 2.5
	longestDelay   = 30 * time.Second // what a Crawl-delay is believed
	askRobotsAgain = 15 * time.Minute // after it could not be reached
)

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
	if !rules.TestAgent(robotsPath(u), "Courant") {
		return errRobots
	}
	return nil
}

// entry is the one record of a server's rules.
func (c *robotsCache) entry(key string) *robotsEntry {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known == nil || len(c.known) > 10_000 {
		c.known = map[string]*robotsEntry{}
	}
	if c.known[key] == nil {
		c.known[key] = &robotsEntry{gate: make(chan struct{}, 1)}
	}
	return c.known[key]
}

// robotsOf fetches a server's rules, or has them from the last time. Of
// several who want them one asks.
func (f *Fetcher) robotsOf(ctx context.Context, u *url.URL, origin string) (*robotstxt.RobotsData, error) {
	entry := f.robots.entry(u.Scheme + "://" + authority(u))
	select {
	case entry.gate <- struct{}{}:
		defer func() { <-entry.gate }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if f.now().Before(entry.until) {
		return entry.rules, entry.err
	}
	rules, keep, err := f.askRobots(ctx, u, origin)
	var held *heldError
	if ctx.Err() == nil && !errors.As(err, &held) && !errors.Is(err, errTurn) {
		entry.rules, entry.err, entry.until = rules, err, f.now().Add(keep)
	}
	return rules, err
}

// askRobots fetches a server's rules and says for how long they hold. A
// robots.txt that fails with 5xx forbids everything for an hour.
func (f *Fetcher) askRobots(ctx context.Context, u *url.URL, origin string) (*robotstxt.RobotsData, time.Duration, error) {
	a, err := f.get(ctx, request{address: u.Scheme + "://" + u.Host + "/robots.txt", origin: origin, max: maxRobotsBytes, accept: "text/plain, */*;q=0.5"})
	if err != nil {
		return nil, askRobotsAgain, fmt.Errorf("read robots.txt: %w", err)
	}
	defer a.release()
	if a.status == http.StatusTooManyRequests {
		// It is not missing, as section 2.3.1.3 has it for 4xx: it says not now.
		a.status = http.StatusServiceUnavailable
	}
	rules, err := robotstxt.FromStatusAndBytes(a.status, robotsSpelled(a.body))
	if err != nil || rules == nil {
		// Rules nobody can read are no rules, RFC 9309 section 2.3.1.5.
		if rules, err = robotstxt.FromStatusAndBytes(http.StatusNotFound, nil); err != nil {
			return nil, askRobotsAgain, fmt.Errorf("read robots.txt: %w", err)
		}
	}
	f.host(server(u)).slowDown(rules.FindGroup("Courant").CrawlDelay)
	if a.status >= 500 {
		return rules, usualInterval, nil
	}
	return rules, 24 * time.Hour, nil
}

// slowDown heeds a Crawl-delay. It stands in no standard, but who writes it
// means it; an hour of it would mean no pages at all.
func (h *host) slowDown(delay time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.delay = min(max(delay, 0), longestDelay)
}
