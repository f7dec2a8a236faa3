package vouch

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"courant/digest"
)

// The limits of RFC 7208 section 4.6.4. A receiver that meets more gives up
// with an error, which counts as no SPF at all.
const (
	maxLookups   = 10
	maxVoid      = 2  // lookups that find nothing
	maxExchanges = 10 // hosts behind one mx
	maxWalk      = 30 // lookups of ours, to say how far over the limit a record is
)

// spfTerm is one mechanism of a record (RFC 7208 section 4.6.2).
type spfTerm struct {
	text         string // as it stands in the record
	qualifier    byte   // + - ~ ?
	name         string // all include a mx ptr ip4 ip6 exists
	target       string // domain; empty: the record's own
	network      netip.Prefix
	bits4, bits6 int // of a and mx
}

// spfRecord is a record as it is written.
type spfRecord struct {
	terms    []spfTerm
	redirect string
}

// isSPF says whether a TXT record is meant as one: the version stands alone
// (RFC 7208 section 4.5).
func isSPF(text string) bool {
	version, _, _ := strings.Cut(text, " ")
	return strings.EqualFold(version, "v=spf1")
}

// parseSPF reads a record. The error is a sentence about the first term that
// is wrong.
func parseSPF(text string) (r spfRecord, err error) {
	for _, word := range strings.Fields(text)[1:] {
		name, value, modifier := cutModifier(word)
		switch {
		case modifier && strings.EqualFold(name, "redirect"):
			if r.redirect != "" || value == "" {
				return r, fmt.Errorf("%q is no single redirect", digest.PlainLine(word, 80))
			}
			r.redirect = value
		case modifier: // exp and those to come change no result, RFC 7208 section 6
		default:
			term, err := parseTerm(word)
			if err != nil {
				return r, err
			}
			r.terms = append(r.terms, term)
		}
	}
	return r, nil
}

// cutModifier splits name=value where the = comes before any : or /.
func cutModifier(word string) (name, value string, ok bool) {
	at := strings.IndexAny(word, "=:/")
	if at < 1 || word[at] != '=' {
		return "", "", false
	}
	return word[:at], word[at+1:], true
}

func parseTerm(word string) (spfTerm, error) {
	t := spfTerm{text: word, qualifier: '+', bits4: 32, bits6: 128}
	bad := fmt.Errorf("%q is no mechanism", digest.PlainLine(word, 80))
	rest := word
	if rest != "" && strings.IndexByte("+-~?", rest[0]) >= 0 {
		t.qualifier, rest = rest[0], rest[1:]
	}
	at := strings.IndexAny(rest, ":/")
	if at < 0 {
		at = len(rest)
	}
	t.name, rest = strings.ToLower(rest[:at]), rest[at:]
	argument, colon := strings.CutPrefix(rest, ":")
	switch t.name {
	case "all":
		if rest != "" {
			return t, bad
		}
	case "ip4", "ip6":
		network, err := parseNetwork(argument)
		if err != nil || !colon || network.Addr().Is4() != (t.name == "ip4") {
			return t, fmt.Errorf("%q has no address of its kind", digest.PlainLine(word, 80))
		}
		t.network = network
	case "include", "exists", "ptr":
		if colon == (argument == "") && (colon || t.name != "ptr") || strings.Contains(rest, "/") && !strings.Contains(rest, "%") {
			return t, bad
		}
		t.target = argument
	case "a", "mx":
		if err := t.readLengths(rest); err != nil {
			return t, bad
		}
	default:
		return t, bad
	}
	return t, nil
}

// readLengths reads [:domain][/bits][//bits] of a and mx.
func (t *spfTerm) readLengths(rest string) (err error) {
	target, six, dual := strings.Cut(rest, "//")
	if dual {
		if t.bits6, err = length(six, 128); err != nil {
			return err
		}
	}
	if at := strings.LastIndexByte(target, '/'); at >= 0 && !strings.Contains(target[at:], "}") {
		if t.bits4, err = length(target[at+1:], 32); err != nil {
			return err
		}
		target = target[:at]
	}
	argument, colon := strings.CutPrefix(target, ":")
	if target != "" && (!colon || argument == "") {
		return fmt.Errorf("no domain")
	}
	t.target = argument
	return nil
}

func length(s string, most int) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 || n > most || strconv.Itoa(n) != s {
		return 0, fmt.Errorf("no length")
	}
	return n, nil
}

func parseNetwork(s string) (netip.Prefix, error) {
	if !strings.Contains(s, "/") {
		a, err := netip.ParseAddr(s)
		if err != nil || a.Zone() != "" {
			return netip.Prefix{}, fmt.Errorf("no address")
		}
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	return p.Masked(), err
}

// spfNode is a record with everything it leads to, asked once.
type spfNode struct {
	domain   string
	record   spfRecord
	text     string
	found    []string // all SPF records there
	err      error    // DNS failed
	fault    error    // the record cannot be read
	includes map[int]*spfNode
	networks map[int][]netip.Prefix // of a and mx
	redirect *spfNode
}

// spfWalk asks DNS for a whole tree of records, and counts.
type spfWalk struct {
	names
	lookups, void int
	fault         string // a limit other than the ten that was broken
}

// load reads a domain's record and what it leads to. A record that includes
// itself ends with maxWalk.
func (w *spfWalk) load(ctx context.Context, domain string) *spfNode {
	node := &spfNode{domain: domain, includes: map[int]*spfNode{}, networks: map[int][]netip.Prefix{}}
	texts, err := w.texts(ctx, domain)
	if err != nil {
		node.err = err
		return node
	}
	for _, text := range texts {
		if isSPF(text) {
			node.found = append(node.found, text)
		}
	}
	if len(node.found) != 1 {
		return node
	}
	node.text = node.found[0]
	if node.record, node.fault = parseSPF(node.text); node.fault != nil {
		return node
	}
	for i, t := range node.record.terms {
		if t.name == "all" {
			return node // what stands behind is never asked, redirect included (RFC 7208 section 5.1)
		}
		w.follow(ctx, node, i)
	}
	if r := node.record.redirect; r != "" && w.count() && !strings.Contains(r, "%") {
		node.redirect = w.load(ctx, r)
	}
	return node
}

// count takes note of a lookup; false when there were more than enough.
func (w *spfWalk) count() bool {
	w.lookups++
	return w.lookups <= maxWalk
}

// follow asks what one term leads to. Names with macros depend on the mail, so
// they are counted and not asked.
func (w *spfWalk) follow(ctx context.Context, node *spfNode, i int) {
	t := node.record.terms[i]
	if t.name == "ip4" || t.name == "ip6" || !w.count() || strings.Contains(t.target, "%") {
		return
	}
	target := t.target
	if target == "" {
		target = node.domain
	}
	switch t.name {
	case "include":
		node.includes[i] = w.load(ctx, target)
	case "a":
		node.networks[i] = w.around(ctx, node, target, t)
	case "mx":
		hosts, err := w.exchangers(ctx, target)
		if err != nil {
			node.err = err
		}
		if len(hosts) == 0 {
			w.void++
		}
		if len(hosts) > maxExchanges {
			w.fault = fmt.Sprintf("%s has %d hosts behind it, more than %d", t.text, len(hosts), maxExchanges)
			hosts = hosts[:maxExchanges]
		}
		for _, host := range hosts {
			node.networks[i] = append(node.networks[i], w.around(ctx, node, host, t)...)
		}
	}
}

// around is what a term of a or mx covers around a host's addresses.
func (w *spfWalk) around(ctx context.Context, node *spfNode, host string, t spfTerm) (networks []netip.Prefix) {
	addresses, err := w.addresses(ctx, host)
	if err != nil {
		node.err = err
	}
	if len(addresses) == 0 {
		w.void++
	}
	for _, a := range addresses {
		bits := t.bits6
		if a.Is4() {
			bits = t.bits4
		}
		networks = append(networks, netip.PrefixFrom(a, bits).Masked())
	}
	return networks
}

// spfResult is what a receiver makes of a record (RFC 7208 section 2.6).
type spfResult string

// The results, and one more: what depends on the mail cannot be told here.
const (
	spfPass     spfResult = "pass"
	spfFail     spfResult = "fail"
	spfSoftfail spfResult = "softfail"
	spfNeutral  spfResult = "neutral"
	spfNone     spfResult = "none"
	spfError    spfResult = "error"
	spfUnknown  spfResult = "unknown"
)

// result is what becomes of mail from an address.
func (n *spfNode) result(from netip.Addr) spfResult {
	switch {
	case n == nil:
		return spfUnknown
	case n.err != nil, n.fault != nil, len(n.found) > 1:
		return spfError
	case len(n.found) == 0:
		return spfNone
	}
	for i, t := range n.record.terms {
		switch n.matches(i, t, from) {
		case spfPass:
			return map[byte]spfResult{'+': spfPass, '-': spfFail, '~': spfSoftfail, '?': spfNeutral}[t.qualifier]
		case spfError:
			return spfError
		case spfUnknown:
			return spfUnknown
		}
	}
	if n.record.redirect == "" {
		return spfNeutral // RFC 7208 section 4.7
	}
	if r := n.redirect.result(from); r != spfNone {
		return r
	}
	return spfError // RFC 7208 section 6.1
}

// matches is pass when a term is about the address, fail when it is not.
func (n *spfNode) matches(i int, t spfTerm, from netip.Addr) spfResult {
	within := func(networks ...netip.Prefix) spfResult {
		if slices.ContainsFunc(networks, func(p netip.Prefix) bool { return p.Contains(from) }) {
			return spfPass
		}
		return spfFail
	}
	switch t.name {
	case "all":
		return spfPass
	case "ip4", "ip6":
		return within(t.network)
	case "a", "mx":
		if strings.Contains(t.target, "%") {
			return spfUnknown
		}
		return within(n.networks[i]...)
	case "include": // RFC 7208 section 5.2
		switch r := n.includes[i].result(from); r {
		case spfPass, spfError, spfUnknown:
			return r
		case spfNone:
			return spfError
		}
		return spfFail
	}
	return spfUnknown // ptr and exists
}

// broken is the first record below that no receiver can use.
func (n *spfNode) broken() string {
	if n == nil {
		return ""
	}
	switch {
	case n.err != nil:
		return "DNS does not answer for " + n.domain
	case n.fault != nil:
		return fmt.Sprintf("of %s, %v", n.domain, n.fault)
	case len(n.found) == 0:
		return n.domain + " has no SPF record"
	case len(n.found) > 1:
		return fmt.Sprintf("%s has %d SPF records", n.domain, len(n.found))
	}
	for i := range n.record.terms {
		if s := n.includes[i].broken(); s != "" {
			return s
		}
	}
	return n.redirect.broken()
}
