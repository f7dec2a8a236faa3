package vouch

import (
	"fmt"
	"maps"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"

	"courant/digest"
)

const keyText = "v=DKIM1; k=rsa; p=MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A"

// goodZone is a sender as mailbox providers want one: a relay of its own, and
// a domain for what comes back.
func goodZone() zone {
	return zone{
		"example.com TXT":                    {"some other record", "v=spf1 ip4:192.0.2.10 -all"},
		"bounces.example.com TXT":            {"v=spf1 a:mail.example.com -all"},
		"courant._domainkey.example.com TXT": {keyText},
		"_dmarc.example.com TXT":             {"v=DMARC1; p=quarantine; rua=mailto:d@example.com"},
		"example.com MX":                     {"mail.example.com."},
		"bounces.example.com MX":             {"mail.example.com."},
		"mail.example.com A":                 {"192.0.2.10"},
		"10.2.0.192.in-addr.arpa PTR":        {"mail.example.com."},
	}
}

func goodSender() Sender {
	return Sender{
		From: "example.com", ReturnPath: "bounces.example.com", Host: "news.example.com", Relays: []string{"mail.example.com"},
		Keys: []digest.DNSRecord{{Name: "courant._domainkey.example.com", Type: "TXT", Value: keyText}},
	}
}

// with is the good zone with a few names changed; no value takes a name away.
func with(changes zone) zone {
	z := goodZone()
	for name, values := range changes {
		if len(values) == 0 {
			delete(z, name)
			continue
		}
		z[name] = values
	}
	return z
}

func finding(t *testing.T, all []digest.Finding, what, subject string) digest.Finding {
	t.Helper()
	for _, f := range all {
		if f.What == what && (subject == "" || f.Subject == subject) {
			return f
		}
	}
	t.Fatalf("no row of %s %s in %+v", what, subject, all)
	return digest.Finding{}
}

func TestSenderAsProvidersWantOneIsGreen(t *testing.T) {
	t.Parallel()
	s := goodSender()
	s.Resolver = goodZone().serve(t)
	var told []string
	for _, f := range s.Findings(t.Context()) {
		if f.State != digest.FindingOK || f.Next != "" || len(f.Records) > 0 {
			t.Errorf("%+v", f)
		}
		told = append(told, f.What+" "+f.Subject)
	}
	want := "SPF bounces.example.com, DKIM courant._domainkey.example.com, DMARC example.com, MX example.com, MX bounces.example.com, PTR mail.example.com"
	if got := strings.Join(told, ", "); got != want {
		t.Errorf("rows %s, want %s", got, want)
	}
}

// Each way in which the records of a sender can be wrong, with what is said
// and what is to be published.
func TestEachFaultOfTheRecordsIsSeen(t *testing.T) {
	t.Parallel()
	spf := func(text string, more zone) zone {
		z := zone{"bounces.example.com TXT": {text}}
		maps.Copy(z, more)
		return z
	}
	many := zone{}
	list := "v=spf1"
	for i := range 11 {
		many[fmt.Sprintf("i%d.example.net TXT", i)] = []string{"v=spf1 -all"}
		list += fmt.Sprintf(" include:i%d.example.net", i)
	}
	rows := []struct {
		what    string
		change  zone
		state   digest.FindingState
		says    string
		publish string // of the first record
	}{
		{"SPF", zone{"bounces.example.com TXT": {"hello"}}, digest.FindingWrong, "no record", "v=spf1 ip4:192.0.2.10 ~all"},
		{"SPF", zone{"bounces.example.com TXT": nil}, digest.FindingWrong, "no record", "v=spf1 ip4:192.0.2.10 ~all"},
		{"SPF", zone{"bounces.example.com TXT": {"v=spf1 include:a.example -all", "v=spf1 mx ~all"}}, digest.FindingWrong, "2 records", "v=spf1 ip4:192.0.2.10 include:a.example mx ~all"},
		{"SPF", zone{"bounces.example.com TXT": {"v=spf10 mx -all"}}, digest.FindingWrong, "no record", "v=spf1 ip4:192.0.2.10 ~all"},
		{"SPF", spf("v=spf1 ipv4:192.0.2.10 -all", nil), digest.FindingWrong, `"ipv4:192.0.2.10" is no mechanism`, ""},
		{"SPF", spf("v=spf1 ip4:2001:db8::1 -all", nil), digest.FindingWrong, "no address of its kind", ""},
		{"SPF", spf(list+" ip4:192.0.2.10 -all", many), digest.FindingWrong, "11 DNS lookups", ""},
		{"SPF", spf("v=spf1 include:bounces.example.com -all", nil), digest.FindingWrong, "more than 30 DNS lookups", ""},
		{"SPF", spf("v=spf1 include:gone.example.net ip4:192.0.2.10 -all", nil), digest.FindingWrong, "gone.example.net has no SPF record", ""},
		{"SPF", spf("v=spf1 include:b.example.net ip4:192.0.2.10 -all", zone{"b.example.net TXT": {"v=spf1 nonsense"}}), digest.FindingWrong, "of b.example.net", ""},
		{"SPF", spf("v=spf1 +all", nil), digest.FindingWrong, "everybody", "v=spf1 mx ~all"},
		{"SPF", spf("v=spf1 all", nil), digest.FindingWrong, "everybody", "v=spf1 mx ~all"},
		{"SPF", spf("v=spf1 ip4:0.0.0.0/0 -all", nil), digest.FindingWrong, "everybody", ""},
		{"SPF", spf("v=spf1 include:o.example.net -all", zone{"o.example.net TXT": {"v=spf1 +all"}}), digest.FindingWrong, "everybody", ""},
		{"SPF", spf("v=spf1 ip4:192.0.2.99 -all", nil), digest.FindingWrong, `192.0.2.10, an address of mail.example.com, gets "fail"`, "v=spf1 ip4:192.0.2.10 ip4:192.0.2.99 -all"},
		{"SPF", spf("v=spf1 ip4:192.0.2.99 ~all", nil), digest.FindingLook, `gets "softfail"`, "v=spf1 ip4:192.0.2.10 ip4:192.0.2.99 ~all"},
		{"SPF", spf("v=spf1 a:mail.example.com", nil), digest.FindingLook, "nothing of all others", "v=spf1 a:mail.example.com ~all"},
		{"SPF", spf("v=spf1 ip4:192.0.2.10 a:x.example a:y.example mx:z.example -all", nil), digest.FindingLook, "3 names in it lead nowhere", ""},
		{"SPF", spf("v=spf1 mx/28 redirect=r.example.net", zone{"r.example.net TXT": {"v=spf1 -all"}}), digest.FindingOK, "2 of 10 lookups", ""},
		{"SPF", spf("v=spf1 redirect=r.example.net", zone{"r.example.net TXT": {"v=spf1 ip4:192.0.2.0/28 ?all"}}), digest.FindingLook, "nothing of all others", "v=spf1 include:r.example.net ~all"},
		{"SPF", spf("v=spf1 exists:%{i}.l.example.net -all", nil), digest.FindingOK, "1 of 10 lookups", ""},
		{"SPF", zone{"bounces.example.com FAIL": {""}}, digest.FindingWrong, "could not be asked", ""},

		{"DKIM", zone{"courant._domainkey.example.com TXT": nil}, digest.FindingWrong, "not published", keyText},
		{"DKIM", zone{"courant._domainkey.example.com TXT": {keyText, keyText}}, digest.FindingWrong, "2 records", keyText},
		{"DKIM", zone{"courant._domainkey.example.com TXT": {"v=DKIM1; k=rsa; p=AAAA"}}, digest.FindingWrong, "another key", keyText},
		{"DKIM", zone{"courant._domainkey.example.com TXT": {"v=DKIM1; p="}}, digest.FindingWrong, "taken back", keyText},
		{"DKIM", zone{"courant._domainkey.example.com TXT": {strings.Replace(keyText, "rsa", "ed25519", 1)}}, digest.FindingWrong, "another kind", keyText},
		{"DKIM", zone{"courant._domainkey.example.com TXT": {"nonsense"}}, digest.FindingWrong, "cannot be read", keyText},
		{"DKIM", zone{"courant._domainkey.example.com TXT": {keyText + "; h=sha1"}}, digest.FindingWrong, "sha256", keyText},
		{"DKIM", zone{"courant._domainkey.example.com TXT": {strings.Replace(keyText, "DKIM1", "DKIM2", 1)}}, digest.FindingWrong, "not DKIM1", keyText},
		{"DKIM", zone{"courant._domainkey.example.com TXT": {keyText + "; t=y"}}, digest.FindingLook, "test", ""},
		{"DKIM", zone{"courant._domainkey.example.com TXT": {"k=rsa; p=" + " MIIBIjANBgkqhkiG9w0B AQEFAAOCAQ8A"}}, digest.FindingOK, "published", ""},
		{"DKIM", zone{"courant._domainkey.example.com FAIL": {""}}, digest.FindingWrong, "could not be asked", ""},

		{"DMARC", zone{"_dmarc.example.com TXT": nil}, digest.FindingWrong, "no record", "v=DMARC1; p=none; rua=mailto:YOUR-MAILBOX@example.com"},
		{"DMARC", zone{"_dmarc.example.com TXT": {"v=DMARC1; p=none", "v=DMARC1; p=reject"}}, digest.FindingWrong, "2 records", ""},
		{"DMARC", zone{"_dmarc.example.com TXT": {"v=DMARC1; p=maybe"}}, digest.FindingWrong, `"maybe" is no policy`, "v=DMARC1; p=none; rua=mailto:YOUR-MAILBOX@example.com"},
		{"DMARC", zone{"_dmarc.example.com TXT": {"p=none; v=DMARC1"}}, digest.FindingWrong, "does not begin", "v=DMARC1; p=none; rua=mailto:YOUR-MAILBOX@example.com"},
		{"DMARC", zone{"_dmarc.example.com TXT": {"v=DMARC1; rf=afrf"}}, digest.FindingWrong, "no p=", "v=DMARC1; p=none; rua=mailto:YOUR-MAILBOX@example.com"},
		{"DMARC", zone{"_dmarc.example.com TXT": {"v=DMARC1; p=none; rua=mailto:d@example.com"}}, digest.FindingLook, "asks receivers for nothing yet", "v=DMARC1; p=quarantine; rua=mailto:d@example.com"},
		{"DMARC", zone{"_dmarc.example.com TXT": {"v=DMARC1;p=none"}}, digest.FindingLook, "nobody gets the reports", "v=DMARC1; p=none; rua=mailto:YOUR-MAILBOX@example.com"},
		{"DMARC", zone{"_dmarc.example.com TXT": {"v=DMARC1; p=reject"}}, digest.FindingOK, "passed by DKIM of example.com and SPF of bounces.example.com", ""},
		{"DMARC", zone{"_dmarc.example.com TXT": {"v=DMARC1; p=reject; aspf=s"}}, digest.FindingOK, "passed by DKIM of example.com", ""},
		{"DMARC", zone{"_dmarc.example.com FAIL": {""}}, digest.FindingWrong, "could not be asked", ""},

		{"MX", zone{"example.com MX": nil}, digest.FindingWrong, "nothing takes its mail", "10 YOUR-MAIL-SERVER."},
		{"MX", zone{"example.com MX": nil, "example.com A": {"192.0.2.1"}}, digest.FindingLook, "no MX", "10 YOUR-MAIL-SERVER."},
		{"MX", zone{"example.com MX": {"."}}, digest.FindingWrong, "takes no mail", "10 YOUR-MAIL-SERVER."},
		{"MX", zone{"example.com MX": {"lost.example.com."}}, digest.FindingWrong, "lost.example.com has no address", ""},
		{"MX", zone{"example.com FAIL": {""}}, digest.FindingWrong, "could not be asked", ""},

		{"PTR", zone{"10.2.0.192.in-addr.arpa PTR": nil}, digest.FindingWrong, "no name that leads back", "mail.example.com."},
		{"PTR", zone{"10.2.0.192.in-addr.arpa PTR": {"elsewhere.example.net."}, "elsewhere.example.net A": {"192.0.2.77"}}, digest.FindingWrong, "no name that leads back", "mail.example.com."},
		{"PTR", zone{"mail.example.com A": nil}, digest.FindingWrong, "no address", ""},
		{"PTR", zone{"mail.example.com A": {"10.0.0.5"}}, digest.FindingOK, "cannot be told", ""},
		{"PTR", zone{"10.2.0.192.in-addr.arpa FAIL": {""}}, digest.FindingWrong, "could not be asked", ""},
	}
	for i, row := range rows {
		t.Run(fmt.Sprintf("%02d %s", i, row.says), func(t *testing.T) {
			t.Parallel()
			s := goodSender()
			s.Resolver = with(row.change).serve(t)
			f := finding(t, s.Findings(t.Context()), row.what, "")
			if f.State != row.state || !strings.Contains(f.Text, row.says) {
				t.Errorf("%s: %s, want %s: %s", f.State, f.Text, row.state, row.says)
			}
			if (f.State == digest.FindingOK) != (f.Next == "") {
				t.Errorf("next step %q where it is %s", f.Next, f.State)
			}
			if row.publish != "" && (len(f.Records) != 1 || f.Records[0].Value != row.publish) {
				t.Errorf("to publish: %+v, want %s", f.Records, row.publish)
			}
		})
	}
}

// What is to be published makes the row green, or at worst yellow.
func TestRecordsToPasteMendWhatTheyAreGivenFor(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]zone{
		"nothing": {
			"bounces.example.com TXT": nil, "courant._domainkey.example.com TXT": nil, "_dmarc.example.com TXT": nil,
			"example.com MX": nil, "bounces.example.com MX": nil, "10.2.0.192.in-addr.arpa PTR": nil,
		},
		"everybody": {"bounces.example.com TXT": {"v=spf1 +all"}, "_dmarc.example.com TXT": {"v=DMARC1; p=what"}},
		"twice":     {"bounces.example.com TXT": {"v=spf1 -all", "v=spf1 a ~all"}},
	} {
		z := with(change)
		z["news.example.com A"] = []string{"192.0.2.20"}
		s := goodSender()
		s.Resolver = z.serve(t)
		mended := maps.Clone(z)
		for _, f := range s.Findings(t.Context()) {
			for _, r := range f.Records {
				if strings.Contains(r.Value, "YOUR-") && !strings.Contains(f.Next, "where YOUR-") {
					t.Errorf("nobody says what to fill in: %+v", f)
				}
				value := strings.ReplaceAll(r.Value, placeOfHost+".", "mail.example.com.")
				if r.Type == "MX" {
					value = strings.TrimPrefix(value, "10 ")
				}
				mended[strings.ToLower(r.Name)+" "+r.Type] = []string{value}
			}
		}
		s.Resolver = mended.serve(t)
		for _, f := range s.Findings(t.Context()) {
			if f.State == digest.FindingWrong {
				t.Errorf("%s: still %+v", name, f)
			}
		}
	}
}

func TestRelayOfAProviderIsDoubtedAndNeverCondemned(t *testing.T) {
	t.Parallel()
	z := with(zone{"smtp.sendgrid.net A": {"203.0.113.40"}, "relay.example.net A": {"203.0.113.50"}, "mail.example.com A": nil})
	s := goodSender()
	s.Resolver = z.serve(t)
	for relay, want := range map[string]string{
		"smtp.sendgrid.net": "v=spf1 include:sendgrid.net a:mail.example.com -all", "relay.example.net": "v=spf1 a:relay.example.net a:mail.example.com -all",
	} {
		s.Relays = []string{relay}
		all := s.Findings(t.Context())
		f := finding(t, all, "SPF", "")
		if f.State != digest.FindingLook || len(f.Records) != 1 || f.Records[0].Value != want {
			t.Errorf("%s: %+v", relay, f)
		}
		if f := finding(t, all, "PTR", ""); f.State != digest.FindingLook || !strings.Contains(f.Next, "nothing") {
			t.Errorf("%s: %+v", relay, f)
		}
	}
}

func TestRelayOnThisMachineSendsFromItsAddresses(t *testing.T) {
	t.Parallel()
	s := goodSender()
	s.Resolver = goodZone().serve(t)
	s.Relays = []string{"127.0.0.1"}
	for own, want := range map[string]digest.FindingState{"192.0.2.10": digest.FindingOK, "192.0.2.66": digest.FindingWrong, "10.1.2.3": digest.FindingOK} {
		s.Own = []netip.Addr{netip.MustParseAddr(own)}
		all := s.Findings(t.Context())
		for _, what := range []string{"SPF", "PTR"} {
			if f := finding(t, all, what, ""); f.State != want {
				t.Errorf("%s: %+v", own, f)
			}
		}
	}
}

func TestAlignmentFollowsThePolicy(t *testing.T) {
	t.Parallel()
	key := func(domain string) []digest.DNSRecord {
		return []digest.DNSRecord{{Name: "c._domainkey." + domain, Type: "TXT", Value: keyText}}
	}
	for _, c := range []struct {
		from, back string
		keys       []digest.DNSRecord
		policy     string
		state      digest.FindingState
	}{
		{"example.com", "", key("example.com"), "v=DMARC1; p=reject", digest.FindingOK},
		{"news.example.com", "", key("example.com"), "v=DMARC1; p=reject", digest.FindingOK},
		{"news.example.com", "bounces.example.net", key("example.com"), "v=DMARC1; p=reject; adkim=s", digest.FindingWrong},
		{"example.com", "bounces.example.net", nil, "v=DMARC1; p=reject", digest.FindingWrong},
		{"example.com", "bounces.example.com", nil, "v=DMARC1; p=reject", digest.FindingLook},
		{"example.com", "bounces.example.com", nil, "v=DMARC1; p=reject; aspf=s", digest.FindingWrong},
		{"example.com", "bounces.example.net", key("example.net"), "v=DMARC1; p=reject", digest.FindingWrong},
		{"a.co.uk", "b.co.uk", nil, "v=DMARC1; p=reject", digest.FindingWrong}, // co.uk is nobody's
		{"news.example.com", "", key("example.com"), "v=DMARC1; p=reject; sp=none; rua=mailto:d@example.com", digest.FindingLook},
	} {
		s := Sender{From: c.from, ReturnPath: c.back, Keys: c.keys, Resolver: zone{"_dmarc." + organization(c.from) + " TXT": {c.policy}}.serve(t)}
		if f := finding(t, s.Findings(t.Context()), "DMARC", ""); f.State != c.state {
			t.Errorf("from %s, return path %s, %s: %s %s", c.from, c.back, c.policy, f.State, f.Text)
		}
	}
	s := Sender{From: "example.com", Resolver: goodZone().serve(t)}
	if f := finding(t, s.Findings(t.Context()), "DKIM", ""); f.State != digest.FindingLook || !strings.Contains(f.Next, "courant dkim generate") {
		t.Errorf("%+v", f)
	}
}

func TestReverseNamesAreThoseOfTheRFCs(t *testing.T) {
	t.Parallel()
	for a, want := range map[string]string{
		"192.0.2.10":  "10.2.0.192.in-addr.arpa",
		"2001:db8::1": "1" + strings.Repeat(".0", 23) + ".8.b.d.0.1.0.0.2.ip6.arpa",
	} {
		if got := reverse(netip.MustParseAddr(a)); got != want {
			t.Errorf("%s: %s, want %s", a, got, want)
		}
	}
}

var notOneLine = regexp.MustCompile(`[\x00-\x1f\x7f]`)

// Whatever DNS holds, the reading ends, and what is said fits a line.
func FuzzRecordsOfStrangers(f *testing.F) {
	for _, seed := range []string{
		"v=spf1 -all", "v=spf1 a:x/24//64 mx/28 ip4:1.2.3.4/8 ip6:::/0 include:%{d} exists:%{i}.x ptr ?all redirect=y", "v=spf1 a//", "v=spf1 =x +", "v=spf1",
		"v=DMARC1; p=none", "v=DMARC1;;p=", "p==;=", keyText, "v=DKIM1; p=\x00\n", "v=spf1 \x1b[31m",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		found := []digest.Finding{judgeDKIM(digest.Finding{}, []string{text}, keyText)}
		p, err := parsePolicy(text, len(text)%2 == 0)
		if err == nil {
			found = append(found, goodSender().alignedWith(digest.Finding{}, p))
		} else {
			found = append(found, digest.Finding{Text: err.Error()})
		}
		if isSPF(text) {
			r, err := parseSPF(text)
			node := &spfNode{domain: "x", record: r, text: text, found: []string{text}, fault: err}
			for _, a := range append(strangers(), netip.MustParseAddr("2001:db8::1")) {
				node.result(a)
			}
			if again := proposal(node, nil, "~all"); err == nil {
				if _, err := parseSPF(again); err != nil && !slices.Contains(strings.Fields(again), "include:") {
					t.Errorf("%q gives %q: %v", text, again, err)
				}
			}
			found = append(found, digest.Finding{Text: node.broken()})
		}
		for _, f := range found {
			if notOneLine.MatchString(f.Text) {
				t.Errorf("%q is told as %q", text, f.Text)
			}
		}
	})
}

func TestKeysAreAskedForAloneInTheirOrder(t *testing.T) {
	t.Parallel()
	key := func(selector string) digest.DNSRecord {
		return digest.DNSRecord{Name: selector + "._domainkey.example.com", Type: "TXT", Value: keyText}
	}
	s := Sender{From: "example.com", Keys: []digest.DNSRecord{key("b"), key("a"), key("c")},
		Resolver: zone{"a._domainkey.example.com TXT": {keyText}, "b._domainkey.example.com TXT": {"v=DKIM1; p="}}.serve(t)}
	var got []string
	for _, f := range s.KeyFindings(t.Context()) {
		got = append(got, string(f.State)+" "+f.Subject)
		if f.State == digest.FindingWrong && (len(f.Records) != 1 || f.Records[0].Name != f.Subject) {
			t.Errorf("%s is wrong, and the record to publish is %+v", f.Subject, f.Records)
		}
	}
	if want := []string{"wrong b._domainkey.example.com", "ok a._domainkey.example.com", "wrong c._domainkey.example.com"}; !slices.Equal(got, want) {
		t.Errorf("found %q, want %q", got, want)
	}
}
