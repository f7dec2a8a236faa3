package digest

import (
	"net/netip"
	"slices"
	"strings"
)

// insideNames end the names that only a network of its own knows: RFC 6762
// section 3 and appendix G, RFC 8375, RFC 7686, RFC 9476, and what ICANN set
// aside as internal. None is in the public root.
func insideNames() []string {
	return []string{".local", ".internal", ".intranet", ".private", ".corp", ".home", ".lan", ".home.arpa", ".localdomain", ".onion", ".alt"}
}

// insideNetworks are the addresses that nobody outside can open, beside those
// netip knows: RFC 6890's registries, with the ones that are for examples
// (RFC 5737, RFC 3849, RFC 9637), and the ways of RFC 6052 and RFC 3056 to
// write one address inside another.
func insideNetworks() []string {
	return []string{
		"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
		"::/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001:db8::/32", "2002::/16", "3fff::/20", "fec0::/10",
	}
}

// PrivateHost says whether a host is written as an address inside a network
// of its own, or as a name that only such a network knows.
func PrivateHost(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
	ip, err := netip.ParseAddr(host)
	if err != nil {
		inside := func(end string) bool { return strings.HasSuffix(host, end) }
		return !strings.Contains(host, ".") || slices.ContainsFunc(insideNames(), inside)
	}
	ip = ip.Unmap().WithZone("")
	inside := func(network string) bool { return netip.MustParsePrefix(network).Contains(ip) }
	return ip.IsPrivate() || ip.IsLoopback() || ip.IsLinkLocalUnicast() || ip.IsMulticast() || slices.ContainsFunc(insideNetworks(), inside)
}
