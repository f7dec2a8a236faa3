package digest

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

var errWebAddress = errors.New("an article's address begins with http:// or https:// and a host")

// CanonicalURL is the identity of the article behind an address: two
// addresses with the same canonical form are the same article. It is not
// meant to be opened: the scheme is always https and a leading "www." is
// gone, because publishers use both of each for one page.
//
// The host is lower-cased, its default port, user information and fragment
// dropped, dot segments resolved (RFC 3986 section 6.2.2) and query
// parameters that only track the click removed; the others keep their order,
// as some sites tell articles apart by it.
func CanonicalURL(raw string) (string, error) {
	u, err := parseWebAddress(raw)
	if err != nil {
		return "", err
	}
	host := strings.TrimRight(strings.ToLower(u.Hostname()), ".")
	for bare, www := strings.CutPrefix(host, "www."); www && strings.Contains(bare, "."); bare, www = strings.CutPrefix(host, "www.") {
		host = bare
	}
	port := u.Port()
	if port == "80" || port == "443" {
		port = ""
	}
	if strings.Contains(host, ":") {
		host = "[" + host + "]" // an IPv6 address, RFC 3986 section 3.2.2
	}
	if port != "" {
		host += ":" + port
	}
	base := url.URL{Scheme: "https", Host: host, Path: "/"}
	ref := url.URL{Path: u.Path, RawPath: u.RawPath, RawQuery: withoutTracking(u.RawQuery)}
	return base.ResolveReference(&ref).String(), nil
}

// OpenURL is an address as a reader should open it: what only tracks the
// click and user information are removed, everything else works as before.
func OpenURL(raw string) (string, error) {
	u, err := parseWebAddress(raw)
	if err != nil {
		return "", err
	}
	u.User = nil
	u.RawQuery = withoutTracking(u.RawQuery)
	u.ForceQuery = false
	return u.String(), nil
}

func parseWebAddress(raw string) (*url.URL, error) {
	raw = strings.TrimSpace(raw)
	u, err := url.Parse(raw)
	if err != nil {
		return nil, fmt.Errorf("%q is not an address: %w", raw, errWebAddress)
	}
	u.Scheme = strings.ToLower(u.Scheme)
	if u.Scheme != "http" && u.Scheme != "https" || u.Opaque != "" || !validHost(u.Hostname()) {
		return nil, errWebAddress
	}
	return u, nil
}

// validHost refuses what url.Parse lets through but no resolver takes. Zones
// of IPv6 addresses mean nothing outside the machine, RFC 6874 section 1.
func validHost(host string) bool {
	if ip, err := netip.ParseAddr(host); err == nil {
		return ip.Zone() == ""
	}
	return strings.Trim(host, ".") != "" && utf8.ValidString(host) && !strings.ContainsFunc(host, func(r rune) bool {
		return notInLabel(r) && r != '.' && (r < 'A' || r > 'Z') || unicode.IsSpace(r) || unicode.IsControl(r)
	})
}

// withoutTracking works on the raw query, so that the spelling of what stays
// is the publisher's own.
func withoutTracking(query string) string {
	if query == "" {
		return ""
	}
	var kept []string
	for part := range strings.SplitSeq(query, "&") {
		name, _, _ := strings.Cut(part, "=")
		if plain, err := url.QueryUnescape(name); err == nil {
			name = plain
		}
		if part != "" && !tracks(strings.ToLower(name)) {
			kept = append(kept, part)
		}
	}
	return strings.Join(kept, "&")
}

// tracks tells the parameters that say where a click came from and never
// which page it leads to. Short or common names (ref, source, id) stay out:
// sites use them for real.
func tracks(name string) bool {
	switch name {
	case "fbclid", "gclid", "gclsrc", "dclid", "gbraid", "wbraid", "msclkid", "yclid", "twclid", "ttclid", "igshid", "igsh",
		"li_fat_id", "epik", "srsltid", "_openstat",
		"mc_cid", "mc_eid", "mkt_tok", "_hsenc", "_hsmi", "__hstc", "__hssc", "__hsfp", "vero_id", "vero_conv", "oly_anon_id", "oly_enc_id",
		"wt_mc", "wt.mc_id", "wt_zmc", "ito", "ns_mchannel", "ns_source", "ns_campaign", "ns_linkname", "ns_fee",
		"cmpid", "smid", "sr_share", "at_medium", "at_campaign", "xtor", "rb_clickid", "s_cid", "guccounter":
		return true
	}
	for _, family := range []string{"utm_", "pk_", "piwik_", "mtm_", "matomo_", "hsa_", "at_custom", "at_bbc_", "at_link_", "at_ptr_", "ga_"} {
		if strings.HasPrefix(name, family) {
			return true
		}
	}
	return false
}
