package vouch

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"

	"golang.org/x/net/publicsuffix"

	"courant/digest"
)

// Sender is who sends, as the config has it. Names are ASCII.
type Sender struct {
	From       string             // domain of From
	ReturnPath string             // domain of the envelope senders; empty: From
	Host       string             // of the public address, which may take returned mail
	Keys       []digest.DNSRecord // what DNS must hold for the DKIM keys
	Relays     []string           // hosts that take our mail
	Own        []netip.Addr       // addresses of this machine, which a relay on it sends from
	Resolver   *net.Resolver      // nil: the system's
}

// Findings asks DNS about everything side by side; the rows are in a fixed
// order.
func (s Sender) Findings(ctx context.Context) []digest.Finding {
	n := names{s.Resolver}
	if n.Resolver == nil {
		n.Resolver = net.DefaultResolver
	}
	ways := make([]way, len(s.Relays))
	var asked sync.WaitGroup
	for i, host := range s.Relays {
		asked.Go(func() { ways[i] = s.way(ctx, n, host) })
	}
	asked.Wait()
	asks := []func() digest.Finding{func() digest.Finding { return s.spf(ctx, n, ways) }}
	if len(s.Keys) == 0 {
		asks = append(asks, s.unsigned)
	}
	for _, key := range s.Keys {
		asks = append(asks, func() digest.Finding { return dkimFinding(ctx, n, key) })
	}
	asks = append(asks, func() digest.Finding { return s.dmarc(ctx, n) })
	asks = append(asks, func() digest.Finding { return s.mx(ctx, n, s.From) })
	if s.ReturnPath != "" && s.ReturnPath != s.From {
		asks = append(asks, func() digest.Finding { return s.mx(ctx, n, s.ReturnPath) })
	}
	for _, w := range ways {
		asks = append(asks, func() digest.Finding { return s.ptr(ctx, n, w) })
	}
	found := make([]digest.Finding, len(asks))
	for i, ask := range asks {
		asked.Go(func() { found[i] = ask() })
	}
	asked.Wait()
	return found
}

// KeyFindings asks DNS about the DKIM keys alone, side by side; the rows are in
// the order of the keys.
func (s Sender) KeyFindings(ctx context.Context) []digest.Finding {
	if len(s.Keys) == 0 {
		return []digest.Finding{s.unsigned()}
	}
	n := names{s.Resolver}
	if n.Resolver == nil {
		n.Resolver = net.DefaultResolver
	}
	found := make([]digest.Finding, len(s.Keys))
	var asked sync.WaitGroup
	for i, key := range s.Keys {
		asked.Go(func() { found[i] = dkimFinding(ctx, n, key) })
	}
	asked.Wait()
	return found
}

// envelope is the domain that SPF is asked about.
func (s Sender) envelope() string {
	if s.ReturnPath != "" {
		return s.ReturnPath
	}
	return s.From
}

// organization is the domain that somebody registered (RFC 7489 section 3.2).
func organization(domain string) string {
	if o, err := publicsuffix.EffectiveTLDPlusOne(domain); err == nil {
		return o
	}
	return domain
}

// way is a relay on the way out: the addresses that mail seems to leave from.
type way struct {
	host      string
	ours      bool // run by the sender, as far as its name tells
	lost      bool // its name leads to no address
	addresses []netip.Addr
	err       error
}

// way finds a relay's addresses. One on this machine sends from the machine's
// own, where those are of the world.
func (s Sender) way(ctx context.Context, n names, host string) way {
	w := way{host: host, ours: organization(host) == organization(s.From)}
	ip, err := netip.ParseAddr(strings.Trim(host, "[]"))
	switch {
	case host == "localhost" || err == nil && ip.IsLoopback():
		w.ours, w.addresses = true, s.Own
	case err == nil:
		w.ours, w.addresses = true, []netip.Addr{ip.Unmap()}
	default:
		w.addresses, w.err = n.addresses(ctx, host)
		w.lost = len(w.addresses) == 0
	}
	// A name that leads into this machine, or inside, is a relay of one's own.
	w.ours = w.ours || len(w.addresses) > 0 && !slices.ContainsFunc(w.addresses, func(a netip.Addr) bool {
		return ofTheWorld(a) && !slices.Contains(s.Own, a)
	})
	w.addresses = slices.DeleteFunc(slices.Clone(w.addresses), func(a netip.Addr) bool { return !ofTheWorld(a) })
	return w
}

// ofTheWorld says whether a receiver elsewhere could see mail come from it.
func ofTheWorld(a netip.Addr) bool {
	shared := netip.MustParsePrefix("100.64.0.0/10") // RFC 6598
	return a.IsGlobalUnicast() && !a.IsPrivate() && !shared.Contains(a)
}
