package digest

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

var errWebAddress = errors.New("an article's address begins with http:// or https:// and a host")

// CanonicalForm numbers the rules of CanonicalURL. Rows that were stored under
// lesser ones are written anew: CanonicalURL of what earlier rules made of an
// address is CanonicalURL of the address, but for parameters that they took
// away and that stay now, see BarerCanonical.
const CanonicalForm = 3

// CanonicalURL is the identity of the article behind an address: two
// addresses with the same canonical form are the same article. It is not
// meant to be opened: the scheme is always https and a leading "www." is
// gone, because publishers use both of each for one page.
//
// What two addresses may differ in was decided by one question: could two
// articles be told apart by it? A wrong join loses news, a missed one only
// repeats it. So these are gone: default port, user information, fragment,
// a slash at the end, parameters that tell where a click came from, the order
// of parameters, the page's editions for phones and for AMP, and redirects
// that carry the address along. These stay: letter case of the path,
// parameters of unknown meaning, and routes that stand in the fragment.
func CanonicalURL(raw string) (string, error) {
	form, err := canonicalOnce(raw)
	// One spelling may bring to light what another hid: a redirect within a
	// redirect, written oddly.
	for range mostWrappers {
		again, errAgain := canonicalOnce(form)
		if err != nil || errAgain != nil || again == form {
			break
		}
		form = again
	}
	return form, err
}

func canonicalOnce(raw string) (string, error) {
	u, err := parseWebAddress(raw)
	if err != nil {
		return "", err
	}
	u = unwrap(u, true)
	c := canonical{host: bareHost(u.Hostname()), port: u.Port(), path: normalPath(u)}
	c.stripPhones()
	c.query = normalQuery(u.RawQuery, c.path)
	if route := u.EscapedFragment(); strings.HasPrefix(route, "!") || strings.HasPrefix(route, "/") {
		c.route = "#" + respell(route, queryCharacters) // a page of its own in sites that scripts put together
	}
	return c.String(), nil
}

// canonical is an address in parts that need no further escaping.
type canonical struct{ host, port, path, query, route string }

func (c canonical) String() string {
	s := "https://" + c.host
	if strings.Contains(c.host, ":") {
		s = "https://[" + c.host + "]" // an IPv6 address, RFC 3986 section 3.2.2
	}
	if c.port != "" && c.port != "80" && c.port != "443" {
		s += ":" + c.port
	}
	s += c.path
	if c.query != "" {
		s += "?" + c.query
	}
	return s + c.route
}

// OpenURL is an address as a reader should open it: what only tracks the
// click and user information are removed, and so are redirects that carry the
// address along; everything else works as before.
func OpenURL(raw string) (string, error) {
	u, err := parseWebAddress(raw)
	if err != nil {
		return "", err
	}
	u = unwrap(u, false)
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

// bareHost is a host in lower case and ASCII without what sites put before it
// at will.
func bareHost(host string) string {
	labels := strings.Split(strings.TrimRight(strings.ToLower(host), "."), ".")
	for i, l := range labels {
		labels[i] = asciiLabel(l)
	}
	host = strings.Join(labels, ".")
	for bare, www := strings.CutPrefix(host, "www."); www && strings.Contains(bare, "."); bare, www = strings.CutPrefix(host, "www.") {
		host = bare
	}
	if blog, _, ok := strings.Cut(host, ".blogspot."); ok && blog != "" && !strings.Contains(blog, ".") {
		return blog + ".blogspot.com" // it answers in the reader's country
	}
	return host
}

// spelledPath is the path in one spelling: dot segments resolved, characters
// percent-encoded only where they must be, RFC 3986 sections 6.2.2.2 and
// 6.2.2.3.
func spelledPath(u *url.URL) string {
	// Spelled first: an encoded dot is a dot.
	path := respell(u.EscapedPath(), pathCharacters)
	if plain, err := url.PathUnescape(path); err == nil {
		base := url.URL{Scheme: "https", Host: "x", Path: "/"}
		path = respell(base.ResolveReference(&url.URL{Path: plain, RawPath: path}).EscapedPath(), pathCharacters)
	}
	return path
}

// normalPath is the path without what servers leave out or add: the slash at
// the end, the name of the directory's page, a session.
func normalPath(u *url.URL) string {
	path := spelledPath(u)
	for {
		before := path
		if i := strings.Index(strings.ToLower(path), ";jsessionid="); i >= 0 {
			_, below, more := strings.Cut(path[i:], "/")
			if path = path[:i]; more {
				path += "/" + below // a parameter of one segment, RFC 3986 section 3.3
			}
		}
		for _, page := range [...]string{"/index.html", "/index.htm", "/index.php"} {
			path = strings.TrimSuffix(path, page)
		}
		if path = strings.TrimRight(path, "/"); path == before {
			break
		}
	}
	if path == "" || path[0] != '/' {
		path = "/" + path
	}
	return path
}

const (
	// Of RFC 3986 section 3.3 and 3.4: what may stand as it is.
	unreserved      = "-._~"
	pathCharacters  = unreserved + "/!$&'()*+,;=:@"
	queryCharacters = unreserved + "/?!$&'()*,;=:@+"
)

// respell writes a percent-encoded text so that one meaning has one spelling.
// What is reserved keeps its encoding: "%2F" is no "/".
func respell(s, plain string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		c, encoded := s[i], false
		if c == '%' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]) {
			c, encoded = unhex(s[i+1])<<4|unhex(s[i+2]), true
			i += 2
		}
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if letter || c != '%' && strings.IndexByte(unreserved, c) >= 0 || !encoded && strings.IndexByte(plain, c) >= 0 {
			b.WriteByte(c)
			continue
		}
		const digits = "0123456789ABCDEF"
		b.Write([]byte{'%', digits[c>>4], digits[c&15]})
	}
	return b.String()
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

func unhex(c byte) byte {
	switch {
	case c >= 'a':
		return c - 'a' + 10
	case c >= 'A':
		return c - 'A' + 10
	}
	return c - '0'
}

// normalQuery is what of a query tells pages apart, in one order. Parameters
// without a name may count by their place.
func normalQuery(query, path string) string {
	query = strings.NewReplacer("%20", "+", " ", "+").Replace(strings.TrimSpace(query))
	parts := strings.Split(withoutTracking(respell(query, queryCharacters)), "&")
	named := true
	var kept []string
	for _, p := range withoutDoubtful(parts, path) {
		name, value, ok := strings.Cut(p, "=")
		if phoneEdition(strings.ToLower(name), strings.ToLower(value)) {
			continue
		}
		named = named && ok
		kept = append(kept, p)
	}
	if named {
		slices.SortStableFunc(kept, func(a, b string) int {
			a, _, _ = strings.Cut(a, "=")
			b, _, _ = strings.Cut(b, "=")
			return strings.Compare(a, b)
		})
	}
	return strings.Trim(strings.Join(kept, "&"), "+")
}
