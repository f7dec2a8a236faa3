package vouch

import (
	"context"
	"fmt"
	"strings"

	"courant/digest"
)

// policy is a DMARC record as far as a sender needs it (RFC 7489 section 6.3).
type policy struct {
	text         string
	at           string // the domain it was found for
	ask          string // none, quarantine or reject
	reports      bool   // somebody gets them
	strictDKIM   bool
	strictSender bool
}

// parsePolicy reads a record. below says that it was found for the
// organization's domain, and a domain below sends.
func parsePolicy(text string, below bool) (policy, error) {
	p := policy{text: text}
	list, err := tags(text)
	if err != nil {
		return p, err
	}
	if len(list) == 0 || list[0].name != "v" || list[0].value != "DMARC1" {
		return p, fmt.Errorf("it does not begin with v=DMARC1")
	}
	p.reports = valueOf(list, "rua", "") != ""
	p.ask = strings.ToLower(valueOf(list, "p", ""))
	if p.ask == "" && p.reports {
		p.ask = "none" // RFC 7489 section 6.6.3
	}
	if below {
		p.ask = strings.ToLower(valueOf(list, "sp", p.ask))
	}
	switch p.ask {
	case "none", "quarantine", "reject":
	case "":
		return p, fmt.Errorf("it has no p=")
	default:
		return p, fmt.Errorf("%q is no policy", digest.PlainLine(p.ask, 40))
	}
	p.strictDKIM = strings.EqualFold(valueOf(list, "adkim", "r"), "s")
	p.strictSender = strings.EqualFold(valueOf(list, "aspf", "r"), "s")
	return p, nil
}

// policiesIn are the TXT records that are meant as policies: those that begin
// with the version, all others are discarded (RFC 7489 section 6.6.3). Where
// there is none of them, one with the version elsewhere is a slip to be told.
func policiesIn(texts []string) (found []string) {
	const version = "v=dmarc1"
	var slips []string
	for _, text := range texts {
		switch low := strings.ReplaceAll(strings.ToLower(text), " ", ""); {
		case strings.HasPrefix(low, version):
			found = append(found, text)
		case strings.Contains(low, version):
			slips = append(slips, text)
		}
	}
	if len(found) == 0 {
		return slips
	}
	return found
}

// dmarc judges the policy of the From domain (RFC 7489 section 6.6.3): its
// own, else that of the organization.
func (s Sender) dmarc(ctx context.Context, n names) digest.Finding {
	f := digest.Finding{What: "DMARC", Subject: s.From}
	for _, domain := range []string{s.From, organization(s.From)} {
		texts, err := n.texts(ctx, "_dmarc."+domain)
		if err != nil {
			return unanswered(f, "_dmarc."+domain, err)
		}
		found := policiesIn(texts)
		switch {
		case len(found) > 1:
			f = f.Wrong(fmt.Sprintf("there are %d records at _dmarc.%s, so receivers heed none", len(found), domain), "leave one of them")
			return f
		case len(found) == 1:
			p, err := parsePolicy(found[0], domain != s.From)
			if err != nil {
				f = f.Wrong(fmt.Sprintf("the record at _dmarc.%s cannot be used: %v", domain, err), "publish this one in its place; "+fillMailbox)
				f.Records = []digest.DNSRecord{policyRecord(domain, "none")}
				return f
			}
			p.at = domain
			return s.alignedWith(f, p)
		}
	}
	f = f.Wrong("there is no record, and the large providers want one of who sends in bulk", "publish this one; "+fillMailbox)
	f.Records = []digest.DNSRecord{policyRecord(s.From, "none")}
	return f
}

// fillMailbox goes with every policyRecord.
const fillMailbox = "write a mailbox of yours, which gets the reports, where " + placeOfMailbox + " stands"

// policyRecord is a policy with a place for the mailbox of its reports: whom
// they should go to is not ours to guess.
func policyRecord(domain, ask string) digest.DNSRecord {
	return digest.DNSRecord{Name: "_dmarc." + domain, Type: "TXT", Value: fmt.Sprintf("v=DMARC1; p=%s; rua=mailto:%s@%s", ask, placeOfMailbox, domain)}
}

// alignedWith says whether our mail can pass at all (RFC 7489 section 3.1).
func (s Sender) alignedWith(f digest.Finding, p policy) digest.Finding {
	var by []string
	signed := false
	for _, key := range s.Keys {
		_, domain, _ := strings.Cut(key.Name, "._domainkey.")
		if agree(domain, s.From, p.strictDKIM) && !signed {
			by, signed = append(by, "DKIM of "+domain), true
		}
	}
	if agree(s.envelope(), s.From, p.strictSender) {
		by = append(by, "SPF of "+s.envelope())
	}
	text := "p=" + p.ask
	switch {
	case len(by) == 0:
		return f.Wrong(text+", and no mail of ours can pass: neither a key nor the envelope sender is of "+s.From, "sign with a key of "+s.From+" (dkim), or set return_path to a domain below it")
	case !signed:
		return f.Look(text+", passed by "+by[0]+" only, so forwarded mail fails", "sign with a key of "+s.From+" too (dkim)")
	}
	text += ", passed by " + strings.Join(by, " and ")
	switch {
	case p.ask == "none" && p.reports:
		f.Records = []digest.DNSRecord{{Name: "_dmarc." + p.at, Type: "TXT", Value: stricter(p.text)}}
		return f.Look(text+"; it asks receivers for nothing yet", "once the reports show no mail of yours that fails, publish this one")
	case p.ask == "none":
		f.Records = []digest.DNSRecord{policyRecord(p.at, "none")}
		return f.Look(text+"; it asks receivers for nothing, and nobody gets the reports", "publish this one; "+fillMailbox)
	}
	return f.OK(text)
}

// agree says whether two domains are aligned.
func agree(a, b string, strict bool) bool {
	if strict {
		return strings.EqualFold(a, b)
	}
	return organization(strings.ToLower(a)) == organization(strings.ToLower(b))
}

// stricter is a record that asks for quarantine, all else as it was.
func stricter(text string) string {
	list, err := tags(text)
	if err != nil {
		return text
	}
	var parts []string
	for _, t := range list {
		if (t.name == "p" || t.name == "sp") && strings.EqualFold(t.value, "none") {
			t.value = "quarantine"
		}
		parts = append(parts, t.name+"="+t.value)
	}
	return strings.Join(parts, "; ")
}
