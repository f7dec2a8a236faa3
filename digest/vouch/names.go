package vouch

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"

	"courant/digest"
)

// names asks DNS. That there is nothing is an answer, not an error.
type names struct{ *net.Resolver }

// whole keeps the search list of resolv.conf out.
func whole(name string) string { return strings.TrimSuffix(name, ".") + "." }

// nothing turns "there is no such record" into no error.
func nothing(err error) error {
	var known *net.DNSError
	if errors.As(err, &known) && known.IsNotFound {
		return nil
	}
	return err
}

func (n names) texts(ctx context.Context, name string) ([]string, error) {
	texts, err := n.LookupTXT(ctx, whole(name))
	return texts, nothing(err)
}

func (n names) addresses(ctx context.Context, host string) ([]netip.Addr, error) {
	found, err := n.LookupNetIP(ctx, "ip", whole(host))
	for i := range found {
		found[i] = found[i].Unmap()
	}
	slices.SortFunc(found, netip.Addr.Compare)
	return slices.Compact(found), nothing(err)
}

// exchangers are the hosts that take a domain's mail, best first. A single
// "." says that none does (RFC 7505).
func (n names) exchangers(ctx context.Context, domain string) ([]string, error) {
	found, err := n.LookupMX(ctx, whole(domain))
	var hosts []string
	for _, mx := range found {
		hosts = append(hosts, mx.Host)
	}
	if len(hosts) > 0 {
		return hosts, nil // an error besides is about other records
	}
	return nil, nothing(err)
}

func (n names) pointers(ctx context.Context, a netip.Addr) ([]string, error) {
	found, err := n.LookupAddr(ctx, a.String())
	if len(found) > 0 {
		return found, nil
	}
	return nil, nothing(err)
}

// unanswered is the finding when DNS itself failed.
func unanswered(f digest.Finding, name string, err error) digest.Finding {
	why := "no answer"
	var known *net.DNSError
	switch {
	case errors.As(err, &known) && known.IsTimeout:
		why = "no answer in time"
	case known != nil:
		why = digest.PlainLine(known.Err, 200)
	}
	return f.Wrong(fmt.Sprintf("DNS could not be asked for %s (%s)", name, why), "check /etc/resolv.conf here and the name servers of "+organization(name)+", then try again")
}

// tag is one of a tag list, the grammar that DKIM (RFC 6376 section 3.2) and
// DMARC (RFC 7489 section 6.4) share.
type tag struct{ name, value string }

// tags reads a tag list. White space around names and values counts for
// nothing.
func tags(text string) ([]tag, error) {
	var list []tag
	for part := range strings.SplitSeq(text, ";") {
		if strings.TrimSpace(part) == "" {
			continue
		}
		name, value, found := strings.Cut(part, "=")
		if name = strings.TrimSpace(name); !found || name == "" {
			return nil, fmt.Errorf("%q is no tag=value", digest.PlainLine(part, 60))
		}
		if slices.ContainsFunc(list, func(t tag) bool { return t.name == name }) {
			return nil, fmt.Errorf("%s= stands twice", digest.PlainLine(name, 60))
		}
		list = append(list, tag{name, strings.TrimSpace(value)})
	}
	return list, nil
}

// valueOf is a tag's value, or what stands for it when it is missing.
func valueOf(list []tag, name, missing string) string {
	for _, t := range list {
		if t.name == name {
			return t.value
		}
	}
	return missing
}
