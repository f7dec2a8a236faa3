package vouch

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"courant/digest"
)

// mx asks where a domain's mail comes to (RFC 5321 section 5.1): answers and
// bounces must arrive somewhere, and many receivers refuse senders that
// nobody can write to.
func (s Sender) mx(ctx context.Context, n names, domain string) digest.Finding {
	f := digest.Finding{What: "MX", Subject: domain}
	next := "publish the host that takes mail for " + domain + ", as in this record"
	if s.takes(domain) == placeOfHost {
		next += "; write its name where " + placeOfHost + " stands"
	}
	want := []digest.DNSRecord{{Name: domain, Type: "MX", Value: "10 " + whole(s.takes(domain))}}
	hosts, err := n.exchangers(ctx, domain)
	if err != nil {
		return unanswered(f, domain, err)
	}
	if len(hosts) == 0 {
		addresses, err := n.addresses(ctx, domain)
		switch {
		case err != nil:
			return unanswered(f, domain, err)
		case len(addresses) > 0:
			f = f.Look("no MX; mail comes to its address "+addresses[0].String()+" instead", next)
		default:
			f = f.Wrong("nothing takes its mail, so answers and bounces are lost", next)
		}
		f.Records = want
		return f
	}
	if hosts[0] == "." { // RFC 7505
		f = f.Wrong("it says that it takes no mail (\".\"), so receivers refuse its senders", next)
		f.Records = want
		return f
	}
	var shown []string
	for _, host := range hosts {
		addresses, err := n.addresses(ctx, host)
		shown = append(shown, strings.TrimSuffix(host, "."))
		if err == nil && len(addresses) == 0 {
			return f.Wrong(strings.TrimSuffix(host, ".")+" has no address", "publish one for it, or another MX")
		}
	}
	return f.OK("mail comes to " + strings.Join(shown, ", "))
}

// What an operator has to fill in, in a record that is not known whole. In
// capitals, so that nobody takes it for a name.
const (
	placeOfHost    = "YOUR-MAIL-SERVER"
	placeOfMailbox = "YOUR-MAILBOX"
)

// takes is the host that takes a domain's mail: for the return path this one,
// which runs `courant bounce`; any other is not ours to guess.
func (s Sender) takes(domain string) string {
	if domain == s.ReturnPath && s.Host != "" {
		return s.Host
	}
	return placeOfHost
}

// ptr asks what the addresses of a relay call themselves, and whether the
// name leads back: receivers refuse mail from hosts whose name doesn't.
func (s Sender) ptr(ctx context.Context, n names, w way) digest.Finding {
	f := digest.Finding{What: "PTR", Subject: w.host}
	switch {
	case w.err != nil:
		return unanswered(f, w.host, w.err)
	case w.lost:
		return f.Wrong("the relay's name leads to no address", "check host under smtp")
	case len(w.addresses) == 0:
		return f.OK("mail leaves by an address that cannot be told from here")
	}
	var shown []string
	for _, a := range w.addresses {
		name, err := confirmed(ctx, n, a)
		if err != nil {
			return unanswered(f, a.String(), err)
		}
		if name == "" {
			return s.nameless(f, w, a)
		}
		shown = append(shown, a.String()+" is "+name)
	}
	return f.OK(strings.Join(shown, ", "))
}

// nameless is the finding for an address whose name is missing or does not
// lead back to it.
func (s Sender) nameless(f digest.Finding, w way, a netip.Addr) digest.Finding {
	text := fmt.Sprintf("%s has no name that leads back to it", a)
	if !w.ours {
		return f.Look(text, "nothing, if "+w.host+" is a provider's: its mail leaves by others")
	}
	host, next := w.host, "let whoever gave you the address set this record, and give that name this address"
	if _, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil || host == "localhost" {
		host, next = placeOfHost, next+"; write the relay's name where "+placeOfHost+" stands"
	}
	f = f.Wrong(text, next)
	f.Records = []digest.DNSRecord{{Name: reverse(a), Type: "PTR", Value: whole(host)}}
	return f
}

// confirmed is a name of an address that leads back to it.
func confirmed(ctx context.Context, n names, a netip.Addr) (string, error) {
	pointers, err := n.pointers(ctx, a)
	if err != nil {
		return "", err
	}
	for _, name := range pointers[:min(len(pointers), 10)] {
		back, err := n.addresses(ctx, name)
		if err == nil && slices.Contains(back, a) {
			return strings.TrimSuffix(name, "."), nil
		}
	}
	return "", nil
}

// reverse is the name under which DNS keeps an address's name (RFC 1035
// section 3.5, RFC 3596 section 2.5).
func reverse(a netip.Addr) string {
	var parts []string
	zone := "in-addr.arpa"
	if a.Is4() {
		for _, b := range a.As4() {
			parts = append(parts, fmt.Sprint(b))
		}
	} else {
		zone = "ip6.arpa"
		for _, b := range a.As16() {
			parts = append(parts, fmt.Sprintf("%x", b>>4), fmt.Sprintf("%x", b&15))
		}
	}
	slices.Reverse(parts)
	return strings.Join(append(parts, zone), ".")
}
