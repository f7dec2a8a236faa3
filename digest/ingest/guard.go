package ingest

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"courant/digest"
)

// errPrivate is the answer to addresses that lead inside.
var errPrivate = errors.New("leads to a private or special address")

// inward is an address that may not be connected to.
type inward struct {
	address string
	whose   string
	never   bool // whatever the operator says
	led     bool // private networks are open, but not to where others lead
}

func (r *inward) Error() string {
	s := fmt.Sprintf("%v (%s)", errPrivate, r.address)
	if r.whose != "" {
		s += ", " + r.whose
	}
	return s
}

func (r *inward) Unwrap() error { return errPrivate }

// next is what an editor can do about it.
func (r *inward) next() string {
	switch {
	case r.never:
		return "no source may be there, so give another address"
	case r.led:
		return "only an address in the config itself may be inside, and no redirect or link may lead there"
	}
	return "a source inside needs allow_private_sources, and no redirect may lead there"
}

// whoseAddress names the special addresses that editors meet.
func whoseAddress(a netip.Addr) string {
	switch {
	case a.IsLoopback():
		return "which is this machine itself"
	case a.IsUnspecified() || a.Is4() && a.As4()[0] == 0:
		return "which is no host's"
	case a.IsLinkLocalUnicast():
		return "which is good on one cable only"
	case a.IsMulticast():
		return "which is that of many hosts"
	}
	return ""
}

// privateNetworks are the ones a source may only be in if the operator says
// so: RFC 6890's registries, RFC 6598 section 7, RFC 2544 appendix C.2.2.
var privateNetworks = networks("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "100.64.0.0/10", "198.18.0.0/15", "192.0.0.0/24",
	"192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "192.88.99.0/24", "::1/128", "fc00::/7", "fec0::/10", "2001:db8::/32", "2001::/23", "100::/64", "5f00::/16", "3fff::/20")

// forbiddenNetworks are nobody's sources, whatever the operator says: link
// local addresses serve credentials to cloud machines, the others are no
// addresses of one host.
var forbiddenNetworks = networks("169.254.0.0/16", "fe80::/10", "0.0.0.0/8", "::/128", "224.0.0.0/4", "240.0.0.0/4", "ff00::/8", "fd00:ec2::254/128", "fd20:ce::254/128")

// networks reads the tables above. They are constants; a mistake in them is
// found by the first test.
func networks(prefixes ...string) []netip.Prefix {
	var list []netip.Prefix
	for _, p := range prefixes {
		list = append(list, netip.MustParsePrefix(p))
	}
	return list
}

// embedded is the IPv4 address within an IPv6 address that a gateway
// translates: RFC 6052 section 2.1, RFC 8215, RFC 3056 section 2 and the
// long deprecated RFC 4291 section 2.5.5.1. private says that the address is
// of such a kind at all.
func embedded(a netip.Addr) (inner netip.Addr, private bool) {
	b := a.As16()
	switch {
	case !a.Is6():
		return a, false
	case netip.MustParsePrefix("64:ff9b::/96").Contains(a), netip.MustParsePrefix("64:ff9b:1::/48").Contains(a), netip.MustParsePrefix("::/96").Contains(a):
		return netip.AddrFrom4([4]byte(b[12:16])), true
	case netip.MustParsePrefix("2002::/16").Contains(a):
		return netip.AddrFrom4([4]byte(b[2:6])), true
	}
	return a, false
}

// refused says why an address may not be connected to; nil: it may.
func refused(a netip.Addr, allowPrivate bool) error {
	a = a.Unmap().WithZone("")
	inner, translated := embedded(a)
	r := &inward{address: a.String(), whose: whoseAddress(a)}
	for _, n := range forbiddenNetworks {
		if n.Contains(a) || translated && a != netip.IPv6Loopback() && n.Contains(inner) {
			r.never = true
			return r
		}
	}
	if allowPrivate {
		return nil
	}
	if translated || slices.ContainsFunc(privateNetworks, func(n netip.Prefix) bool { return n.Contains(a) }) {
		return r
	}
	return nil
}

// sealed says why readers, who are outside, cannot open an address, and what to
// do; empty: they may. What no reader can open is refused whatever the operator
// says. Names are not asked for: they may be public only tomorrow.
func sealed(address string, allowPrivate bool) string {
	u, err := url.Parse(address)
	if err != nil {
		return "it is no address; write the whole of it, as in https://example.com/story"
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
			return fmt.Sprintf("no server has the port %s, ports are 1 to 65535; write the address with the right one, or with none", digest.PlainLine(port, 20))
		}
	}
	host := strings.ToLower(strings.TrimSuffix(u.Hostname(), "."))
	ip, err := netip.ParseAddr(host)
	switch {
	case err == nil && refused(ip, true) != nil:
		return host + " is an address that nobody may open; write the public address"
	case err == nil && refused(ip, false) == nil && !digest.PrivateHost(host):
		return ""
	case err != nil && !digest.PrivateHost(host) && !strings.HasSuffix(host, ".localhost") && !endsInNumber(host): // RFC 6761 section 6.3
		return ""
	case allowPrivate:
		return ""
	}
	return host + " is known inside a network only; write the public address, or set allow_private_sources: true where all readers are inside"
}

// endsInNumber tells a host that browsers read as an IPv4 address in an odd
// spelling, such as 127.1 or 0x7f.0.0.1 (URL Standard, "ends in a number").
func endsInNumber(host string) bool {
	last := host[strings.LastIndexByte(host, '.')+1:]
	_, err := strconv.ParseUint(last, 0, 64)
	return err == nil || last != "" && strings.Trim(last, "0123456789") == ""
}

// guardedDialer connects to allowed addresses only. Control runs after the
// name was resolved and for each address tried, so neither redirects nor a
// name that changes its address get round it.
func guardedDialer(allowPrivate bool, timeout time.Duration, resolver *net.Resolver) *net.Dialer {
	return &net.Dialer{
		Timeout:  timeout,
		Resolver: resolver,
		Control: func(_, address string, _ syscall.RawConn) error {
			at, err := netip.ParseAddrPort(address)
			if err != nil {
				return fmt.Errorf("%w (%s)", errPrivate, address)
			}
			return refused(at.Addr(), allowPrivate)
		},
	}
}
