package vouch

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"courant/digest"
)

// strangers are addresses that no sender has (RFC 5737): a record that lets
// all of them pass lets everybody pass.
func strangers() []netip.Addr {
	return []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("198.51.100.1"), netip.MustParseAddr("203.0.113.1")}
}

// spf judges the record of the envelope's domain (RFC 7208).
func (s Sender) spf(ctx context.Context, n names, ways []way) digest.Finding {
	domain := s.envelope()
	f := digest.Finding{What: "SPF", Subject: domain}
	walk := spfWalk{names: n}
	node := walk.load(ctx, domain)
	wants := s.wanted(node, ways)
	publish := func(end string) []digest.DNSRecord {
		return []digest.DNSRecord{{Name: domain, Type: "TXT", Value: proposal(node, wants, end)}}
	}
	switch {
	case node.err != nil && len(node.found) == 0:
		return unanswered(f, domain, node.err)
	case len(node.found) == 0:
		f = f.Wrong("there is no record, so many providers refuse or mark the mail", "publish this one; if mail of this domain leaves elsewhere too, name that as well")
		f.Records = publish("~all")
	case len(node.found) > 1:
		f = f.Wrong(fmt.Sprintf("there are %d records, so receivers heed none", len(node.found)), "publish one in place of all") // RFC 7208 section 4.5
		f.Records = publish("~all")
	case node.fault != nil:
		f = f.Wrong(fmt.Sprintf("the record cannot be read: %v", node.fault), "mend it: "+node.text)
	case walk.lookups > maxLookups:
		f = f.Wrong(fmt.Sprintf("it takes %s DNS lookups, and receivers give up after %d", over(walk.lookups), maxLookups), "take out what sends no mail any more, or write addresses (ip4:, ip6:) for names")
	case walk.fault != "":
		f = f.Wrong(walk.fault, "write addresses (ip4:, ip6:) for names")
	case node.broken() != "":
		f = f.Wrong("receivers cannot use it: "+node.broken(), "mend or take out what leads there: "+node.text)
	case everybody(node):
		f = f.Wrong("it lets everybody send in your name", "end it with ~all, and name who may send before")
		f.Records = publish("~all")
	default:
		return s.passing(f, node, walk, ways, wants, publish)
	}
	return f
}

func over(lookups int) string {
	if lookups > maxWalk {
		return fmt.Sprintf("more than %d", maxWalk)
	}
	return fmt.Sprint(lookups)
}

func everybody(node *spfNode) bool {
	return !slices.ContainsFunc(strangers(), func(a netip.Addr) bool { return node.result(a) != spfPass })
}

// passing judges a record that can be used: whether our mail passes by it, and
// what it says of others'.
func (s Sender) passing(f digest.Finding, node *spfNode, walk spfWalk, ways []way, wants []string, publish func(string) []digest.DNSRecord) digest.Finding {
	text := fmt.Sprintf("%d of %d lookups", walk.lookups, maxLookups)
	for _, w := range ways {
		for _, a := range w.addresses {
			r := node.result(a)
			if r == spfPass || r == spfUnknown || len(wants) == 0 {
				continue
			}
			text := fmt.Sprintf("%s, an address of %s, gets %q", a, w.host, r)
			f.Records = publish("")
			switch {
			case w.ours && r == spfFail:
				return f.Wrong(text, "add it to the record")
			case w.ours:
				return f.Look(text, "add it to the record")
			}
			return f.Look(text, "ask whoever runs "+w.host+" what to include; mail may leave from other addresses than it comes in by")
		}
		if len(w.addresses) > 0 {
			text += ", " + w.host + " may send"
		}
	}
	stranger := spfPass
	for _, a := range strangers() {
		if r := node.result(a); r != spfPass {
			stranger = r
		}
	}
	switch {
	case stranger == spfNeutral:
		f.Records = publish("~all")
		return f.Look(text+", but it says nothing of all others", "end it with ~all, or -all once you know all who send")
	case walk.void > maxVoid:
		return f.Look(fmt.Sprintf("%s, but %d names in it lead nowhere", text, walk.void), "take them out: some receivers give up after "+fmt.Sprint(maxVoid))
	case stranger == spfUnknown:
		return f.OK(text)
	}
	return f.OK(fmt.Sprintf("%s, others get %q", text, stranger))
}

// providers are what the records of those who send by well-known relays
// include, by the end of the relay's name, as their own pages say.
func providers() map[string]string {
	return map[string]string{
		"amazonaws.com":          "include:amazonses.com",
		"sendgrid.net":           "include:sendgrid.net",
		"mailgun.org":            "include:mailgun.org",
		"postmarkapp.com":        "include:spf.mtasv.net",
		"mandrillapp.com":        "include:spf.mandrillapp.com",
		"mailjet.com":            "include:spf.mailjet.com",
		"gmail.com":              "include:_spf.google.com",
		"google.com":             "include:_spf.google.com",
		"office365.com":          "include:spf.protection.outlook.com",
		"messagingengine.com":    "include:spf.messagingengine.com",
		"mailbox.org":            "include:mailbox.org",
		"smtp2go.com":            "include:spf.smtp2go.com",
		"protection.outlook.com": "include:spf.protection.outlook.com",
	}
}

// wanted are the terms that a record needs for the relays and doesn't have.
func (s Sender) wanted(node *spfNode, ways []way) (terms []string) {
	add := func(term string) {
		if !slices.Contains(terms, term) && !node.says(term) {
			terms = append(terms, term)
		}
	}
	for _, w := range ways {
		include := ""
		for end, term := range providers() {
			if w.host == end || strings.HasSuffix(w.host, "."+end) {
				include = term
			}
		}
		switch {
		case include != "":
			add(include)
		case w.ours:
			for _, a := range w.addresses {
				if node.result(a) != spfPass {
					add(addressTerm(a))
				}
			}
		case len(w.addresses) > 0 && !slices.ContainsFunc(w.addresses, func(a netip.Addr) bool { return node.result(a) == spfPass }):
			add("a:" + w.host)
		}
	}
	return terms
}

func addressTerm(a netip.Addr) string {
	if a.Is4() {
		return "ip4:" + a.String()
	}
	return "ip6:" + a.String()
}

// says whether a record, or one it leads to, has a term.
func (n *spfNode) says(term string) bool {
	if n == nil {
		return false
	}
	for i, t := range n.record.terms {
		if strings.EqualFold(strings.TrimPrefix(t.text, "+"), term) || n.includes[i].says(term) {
			return true
		}
	}
	return n.redirect.says(term)
}

// proposal is the record to publish: what is there, with what is missing
// before its end. An empty end keeps the one it has.
func proposal(node *spfNode, wants []string, end string) string {
	var terms []string
	last := ""
	for _, text := range node.found {
		for _, word := range strings.Fields(text)[1:] {
			switch low := strings.ToLower(word); {
			case strings.TrimLeft(low, "+-~?") == "all":
				last = word
			case strings.HasPrefix(low, "redirect=") && end == "":
				last = word
			case strings.HasPrefix(low, "redirect="):
				terms = append(terms, "include:"+word[len("redirect="):])
			case !slices.Contains(terms, word):
				terms = append(terms, word)
			}
		}
	}
	if end != "" {
		last = end
	}
	if len(terms) == 0 && len(wants) == 0 {
		terms = []string{"mx"}
	}
	words := slices.Concat([]string{"v=spf1"}, wants, terms)
	return strings.TrimSpace(strings.Join(append(words, last), " "))
}
