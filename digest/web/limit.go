package web

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"
)

// maxBadTokens is how many bad tokens a network may send a minute. A broken
// mail program sends a handful; guessing 128 bits would take more.
const maxBadTokens = 600

// maxNetworks bounds the memory of each half of a limiter.
const maxNetworks = 8192

// limiter counts by network in two halves, the running window and the one
// before. When a window is over or full, the older half is dropped: the memory
// is bounded and a flood from many networks only makes it forget sooner.
type limiter struct {
	max    int
	window time.Duration

	mu       sync.Mutex
	since    time.Time
	now, old map[netip.Prefix]int
}

// allow counts one more and says whether that was still within the limit.
func (l *limiter) allow(network netip.Prefix, at time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.turn(at)
	if l.now[network]+l.old[network] >= l.max {
		return false
	}
	l.now[network]++
	return true
}

// wait is how long one more would be too many; 0: it would not. It counts
// nothing.
func (l *limiter) wait(network netip.Prefix, at time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.turn(at)
	end := l.since.Add(l.window)
	switch {
	case l.now[network]+l.old[network] < l.max:
		return 0
	case l.now[network] >= l.max: // the half that runs is the older one next
		end = end.Add(l.window)
	}
	return end.Sub(at)
}

// seconds are a time in whole ones, rounded up, as Retry-After has it (RFC
// 9110 section 10.2.3).
func seconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }

// turn drops the older half when the window is over or full. Windows follow
// each other without a gap, so that what wait promises is kept whoever else
// asks meanwhile.
func (l *limiter) turn(at time.Time) {
	if l.now != nil && at.Sub(l.since) < l.window && len(l.now) < maxNetworks {
		return
	}
	gone := at.Sub(l.since)
	if gone >= 2*l.window {
		l.now = nil // what it holds is too old to count
	} else if gone >= l.window {
		at = l.since.Add(l.window)
	}
	l.old, l.now, l.since = l.now, map[netip.Prefix]int{}, at
}

// clientNetwork is the network a request came from: the address itself for
// IPv4, its /64 for IPv6, which is what one household gets. Behind trusted
// proxies it is the right-most address of X-Forwarded-For that is not one of
// them; what stands left of it anyone may have written.
func clientNetwork(r *http.Request, trusted []netip.Prefix) netip.Prefix {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	client := parseAddr(host)
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, hop := range slices.Backward(hops) {
		if !isTrusted(client, trusted) {
			break
		}
		addr := parseAddr(strings.TrimSpace(hop))
		if !addr.IsValid() {
			break
		}
		client = addr
	}
	bits := 32
	if client.Is6() {
		bits = 64
	}
	network, err := client.Prefix(bits)
	if err != nil {
		return netip.Prefix{} // a socket without an address; all of those are one
	}
	return network
}

func parseAddr(s string) netip.Addr {
	addr, err := netip.ParseAddr(strings.Trim(s, "[]"))
	if err != nil {
		return netip.Addr{}
	}
	return addr.Unmap().WithZone("")
}

func isTrusted(addr netip.Addr, trusted []netip.Prefix) bool {
	return addr.IsValid() && slices.ContainsFunc(trusted, func(p netip.Prefix) bool { return p.Contains(addr) })
}
