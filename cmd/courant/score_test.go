package main

import (
	"bytes"
	"cmp"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"

	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"courant/digest/submit"

	"github.com/emersion/go-msgauth/dkim"
)

// The golden mails before the filters that many a mailbox stands behind. They
// are signed by the product's own signer and handed over as by our relay; all
// that the filters ask DNS is answered on loopback.
//
// Not without a flag: rules and scores are other people's, and change with
// each release of theirs.
var score = flag.Bool("score", false, "hold the golden mails against rspamd, SpamAssassin and verifiers of DKIM")

// mostScore is what a good mail stays below, far from the 5 or 6 points of
// mail that is held for spam.
const mostScore = 0.5

// The relay that hands our mail over, and the server that takes it. The
// addresses are in a network that nobody sends mail from (RFC 7535): those for
// documentation are a fault of the mail in the eyes of a filter.
const (
	scoredFrom = "192.31.196.10"
	scoredAt   = "192.31.196.5"
	scoredHelo = "mail.example.com"
	scoredSent = "bounce+b9aeaxj3yhfedy6s4mchdsq@bounces.example.com"
)

// scored is one mail on its way to the filters.
type scored struct {
	name string
	raw  []byte
}

// rating is what a filter made of a mail: its rules with their points.
type rating struct {
	score float64
	rules map[string]float64
}

func TestGoldenMailsScoreAsGoodMail(t *testing.T) {
	t.Parallel()
	if !*score {
		t.Skip("make score-mail asks rspamd, SpamAssassin and verifiers of DKIM")
	}
	post := newScorePost(t)
	mails := post.mails(t, post.rsa)
	// A second signature, for those who have asked for it.
	both := post.sign(t, mails[0].name+" (two signatures)", goldenMail(t, mails[0].name), post.rsa, post.ed25519)
	mails = append(mails, both)
	for _, m := range mails {
		post.verify(t, m)
	}
	filters := []struct {
		name  string
		score func(testing.TB, []scored) map[string]rating
		want  []string // rules that say who sent it
	}{
		{"rspamd", post.rspamd, []string{"R_DKIM_ALLOW", "R_SPF_ALLOW", "DMARC_POLICY_ALLOW"}},
		{"SpamAssassin", post.spamAssassin, []string{"DKIM_VALID", "DKIM_VALID_AU", "SPF_PASS", "DMARC_PASS"}},
	}
	// A filter that finds no fault with this one cannot be trusted.
	spam := post.sign(t, "spam", spamOf(goldenMail(t, mails[0].name)), post.rsa)
	spam.raw = bytes.Replace(spam.raw, []byte("for mail only"), []byte("for all males"), 1)
	var table strings.Builder
	for _, f := range filters {
		verdicts := f.score(t, append(mails[:len(mails):len(mails)], spam))
		for _, m := range mails {
			v, judged := verdicts[m.name]
			if !judged {
				t.Errorf("%s says nothing of %s", f.name, m.name)
				continue
			}
			fmt.Fprintf(&table, "%-28s %-13s %6.2f  %s\n", m.name, f.name, v.score, v)
			if v.score >= mostScore {
				t.Errorf("%s gives %s %.2f points, want less than %.1f: %s", f.name, m.name, v.score, mostScore, v)
			}
			for _, rule := range f.want {
				if !v.has(rule) {
					t.Errorf("%s says of %s no %s: %s", f.name, m.name, rule, v)
				}
			}
		}
		if v := verdicts[spam.name]; v.score < 4 || v.has(f.want[0]) {
			t.Errorf("%s gives spam with a broken signature only %.2f points: %s", f.name, v.score, v)
		}
	}
	t.Logf("what the filters say:\n%s", &table)
}

func (v rating) has(rule string) bool {
	_, there := v.rules[rule]
	return there
}

// String lists the rules, those with the most points first.
func (v rating) String() string {
	names := slices.SortedFunc(maps.Keys(v.rules), func(a, b string) int {
		return cmp.Or(cmp.Compare(v.rules[b], v.rules[a]), cmp.Compare(a, b))
	})
	for i, name := range names {
		if points := v.rules[name]; points != 0 {
			names[i] = fmt.Sprintf("%s %+.2f", name, points)
		}
	}
	return strings.Join(names, ", ")
}

// scorePost is a sender with keys and a DNS that knows them.
type scorePost struct {
	rsa, ed25519 submit.Key
	dns          nameServer
	port         int // of the DNS
	now          time.Time
}

func newScorePost(t *testing.T) *scorePost {
	t.Helper()
	dir := t.TempDir()
	file := func(name string, key any, err error) string {
		der, merr := x509.MarshalPKCS8PrivateKey(key)
		if err != nil || merr != nil {
			t.Fatal(err, merr)
		}
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	long, err := rsa.GenerateKey(rand.Reader, 2048)
	p := &scorePost{now: time.Now(), rsa: submit.Key{Domain: "example.com", Selector: "courant", File: file("rsa.pem", long, err)}}
	_, short, err := ed25519.GenerateKey(rand.Reader)
	p.ed25519 = submit.Key{Domain: "example.com", Selector: "second", File: file("ed25519.pem", short, err)}
	p.dns = nameServer{
		"example.com TXT":                {"v=spf1 ip4:" + scoredFrom + " -all"},
		"example.com MX":                 {scoredHelo + "."},
		"example.com A":                  {scoredFrom},
		"bounces.example.com TXT":        {"v=spf1 ip4:" + scoredFrom + " -all"},
		"bounces.example.com MX":         {scoredHelo + "."},
		"in.example.com MX":              {scoredHelo + "."},
		"_dmarc.example.com TXT":         {"v=DMARC1; p=reject"},
		scoredHelo + " A":                {scoredFrom},
		"news.example.com A":             {scoredFrom},
		"10.196.31.192.in-addr.arpa PTR": {scoredHelo + "."},
		"mx.example.org A":               {scoredAt},
		"5.196.31.192.in-addr.arpa PTR":  {"mx.example.org."},
		"example.org MX":                 {"mx.example.org."},
	}
	signer, err := submit.LoadSigner(p.rsa, p.ed25519)
	if err != nil {
		t.Fatal(err)
	}
	records, err := signer.Records()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range records {
		p.dns[r.Name+" TXT"] = []string{r.Text}
	}
	p.port = p.dns.serve(t)
	return p
}

func goldenMail(t *testing.T, name string) []byte {
	t.Helper()
	raw, err := os.ReadFile("../../digest/render/testdata/" + name + ".eml")
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// mails are the golden mails, signed.
func (p *scorePost) mails(t *testing.T, keys ...submit.Key) (mails []scored) {
	t.Helper()
	files, err := filepath.Glob("../../digest/render/testdata/*.eml")
	if err != nil || len(files) < 9 {
		t.Fatalf("%d golden mails, %v", len(files), err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".eml")
		mails = append(mails, p.sign(t, name, goldenMail(t, name), keys...))
	}
	return mails
}

var dateOfMail = regexp.MustCompile(`(?m)^Date: .*\r$`)

// sign gives a golden mail today's date, as filters mind an old one, and the
// signatures of the signer that signs what is delivered.
func (p *scorePost) sign(t *testing.T, name string, raw []byte, keys ...submit.Key) scored {
	t.Helper()
	signer, err := submit.LoadSigner(keys...)
	if err != nil {
		t.Fatal(err)
	}
	raw = dateOfMail.ReplaceAll(raw, []byte("Date: "+p.now.Format(time.RFC1123Z)+"\r"))
	if raw, err = signer.Sign(nil, raw); err != nil {
		t.Fatal(err)
	}
	return scored{name, raw}
}

// spamOf is what nobody wants, of the same shape.
func spamOf(raw []byte) []byte {
	subject := regexp.MustCompile(`(?m)^Subject: .*\r$`)
	raw = subject.ReplaceAll(raw, []byte("Subject: VIAGRA!!! for mail only\r"))
	head, body, _ := bytes.Cut(raw, []byte("\r\n\r\n"))
	part := []byte("\r\n\r\nXJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X\r\n")
	return slices.Concat(head, []byte("\r\n\r\n"), bytes.Replace(body, []byte("\r\n\r\n"), part, 1))
}

// received is the mail as the server has it that took it from our relay.
func (p *scorePost) received(m scored) []byte {
	return fmt.Appendf(nil, "Return-Path: <%s>\r\nReceived: from %s (%s [%s])\r\n\tby mx.example.org (Postfix) with ESMTPS id 4XyZ1;\r\n\t%s\r\n%s",
		scoredSent, scoredHelo, scoredHelo, scoredFrom, p.now.Add(time.Second).Format(time.RFC1123Z), m.raw)
}

// verify holds the signatures against verifiers that nobody of ours wrote.
func (p *scorePost) verify(t *testing.T, m scored) {
	t.Helper()
	want := bytes.Count(m.raw, []byte("DKIM-Signature:"))
	found, err := dkim.VerifyWithOptions(bytes.NewReader(m.raw), &dkim.VerifyOptions{LookupTXT: func(name string) ([]string, error) {
		return p.dns[strings.ToLower(name)+" TXT"], nil
	}})
	if err != nil || len(found) != want {
		t.Errorf("go-msgauth finds %d signatures of %d in %s, %v", len(found), want, m.name, err)
	}
	for _, v := range found {
		if v.Err != nil {
			t.Errorf("go-msgauth on %s: %v", m.name, v.Err)
		}
	}
	records, err := json.Marshal(p.dns)
	if err != nil {
		t.Fatal(err)
	}
	for _, judge := range []struct {
		name string
		args []string
	}{
		{"dkimpy", []string{debianPython(), "-c", dkimpyScript, string(records), strconv.Itoa(want)}},
		{"Mail::DKIM", []string{"perl", "-e", mailDKIMScript, strconv.Itoa(p.port), strconv.Itoa(want)}},
	} {
		c := exec.CommandContext(t.Context(), judge.args[0], judge.args[1:]...)
		c.Stdin = bytes.NewReader(m.raw)
		if out, err := c.CombinedOutput(); err != nil {
			t.Errorf("%s on %s: %v\n%s", judge.name, m.name, err, out)
		}
	}
}

// debianPython is the Python that packages of the system are for, where
// another stands before it on PATH.
func debianPython() string {
	if _, err := os.Stat("/usr/bin/python3"); err == nil {
		return "/usr/bin/python3"
	}
	return "python3"
}

// dkimpyScript reads a mail and checks each of its signatures.
const dkimpyScript = `
import json, sys, dkim
records = json.loads(sys.argv[1])
def txt(name, timeout=5):
    return records[name.decode().rstrip(".") + " TXT"][0].encode()
mail = sys.stdin.buffer.read()
for i in range(int(sys.argv[2])):
    if not dkim.DKIM(mail).verify(idx=i, dnsfunc=txt):
        sys.exit("signature %d does not verify" % i)
`

// mailDKIMScript is the same for Perl. Debian's Mail::DKIM knows no Ed25519,
// which must not keep it from the other signature (RFC 8463 section 3).
const mailDKIMScript = `
use strict; use Mail::DKIM::Verifier; use Mail::DKIM::DNS; use Net::DNS::Resolver;
my ($port, $want) = @ARGV;
$Mail::DKIM::DNS::RESOLVER = Net::DNS::Resolver->new(nameservers => ["127.0.0.1"], port => $port);
my $v = Mail::DKIM::Verifier->new();
$v->load(\*STDIN);
my @known = grep { $_->result_detail !~ /unsupported algorithm ed25519/ } $v->signatures;
my @good = grep { $_->result eq "pass" } @known;
die join("; ", map { $_->result_detail } $v->signatures) . "\n" unless @good && @good == @known && $v->signatures == $want;
`

// rspamd starts one of its own, with its configuration as shipped but for what
// would reach off this machine.
func (p *scorePost) rspamd(t testing.TB, mails []scored) map[string]rating {
	t.Helper()
	path := findFilter(t, "rspamd")
	// It gives up root, so its directories must be open to that account.
	dir, err := os.MkdirTemp("", "courant-rspamd-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	at := freeAddress(t)
	for name, text := range map[string]string{
		"options.inc": fmt.Sprintf("dns { nameserver = [\"127.0.0.1:%d\"]; timeout = 2s; retransmits = 2; enable_dnssec = false; }\n"+
			"control_socket = \"%s/control.sock mode=0600\";\ntask_timeout = 20s;\n", p.port, dir),
		"worker-normal.inc":     fmt.Sprintf("bind_socket = %q;\ncount = 1;\n", at),
		"worker-controller.inc": "count = 0;\nenabled = false;\n",
		"worker-proxy.inc":      "count = 0;\nenabled = false;\n",
		"logging.inc":           "type = \"console\";\nlevel = \"warning\";\n",
		"fuzzy_check.conf":      "enabled = false;\n",
		"rspamd_update.conf":    "enabled = false;\n",
		"dkim_signing.conf":     "enabled = false;\n",
		"redis.conf":            "enabled = false;\n",
	} {
		path := filepath.Join(dir, "override.d", name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), path, "-f", "-i", "--var=LOCAL_CONFDIR="+dir, "--var=DBDIR="+dir, "--var=RUNDIR="+dir, "--var=LOGDIR="+dir)
	log := &lockedBuffer{}
	c.Stdout, c.Stderr = log, log
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = c.Process.Signal(os.Interrupt)
		_ = c.Wait()
	}()
	awaitAnswer(t, "http://"+at+"/ping", log)
	verdicts := map[string]rating{}
	for _, m := range mails {
		verdicts[m.name] = p.askRspamd(t, at, m)
	}
	return verdicts
}

func (p *scorePost) askRspamd(t testing.TB, at string, m scored) rating {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+at+"/checkv2", bytes.NewReader(p.received(m)))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{"IP": scoredFrom, "Helo": scoredHelo, "Hostname": scoredHelo, "From": scoredSent, "Rcpt": "ada@example.org"} {
		req.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close() // only read from
	var said struct {
		Score   float64
		Symbols map[string]struct{ Score float64 }
	}
	text, err := io.ReadAll(resp.Body)
	if err != nil || json.Unmarshal(text, &said) != nil {
		t.Fatalf("rspamd answers %s, %v", text, err)
	}
	v := rating{said.Score, map[string]float64{}}
	for name, s := range said.Symbols {
		v.rules[name] = s.Score
	}
	return v
}

// awaitAnswer waits until a server of ours answers. rspamd compiles its
// patterns first, which keeps a core busy for seconds, on a busy machine for a minute.
func awaitAnswer(t testing.TB, url string, log fmt.Stringer) {
	t.Helper()
	for deadline := time.Now().Add(4 * time.Minute); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		resp, err := http.Get(url)
		if err == nil {
			resp.Body.Close() // only asked for
			return
		}
	}
	t.Fatalf("%s does not answer\n%s", url, log)
}

// judgedHeader is the line that SpamAssassin is told to write, with a name
// that says which mail it is about.
var judgedHeader = regexp.MustCompile(`(?m)^X-Spam-Judged: mail=(.*) score=(\S+) tests=(.*)$`)

func (p *scorePost) spamAssassin(t testing.TB, mails []scored) map[string]rating {
	t.Helper()
	path := findFilter(t, "spamassassin")
	dir := t.TempDir()
	plugins, err := filepath.Glob("/etc/*assassin/*.pre")
	if err != nil || len(plugins) == 0 {
		t.Fatalf("SpamAssassin has %d lists of plugins in /etc, %v", len(plugins), err)
	}
	for _, file := range plugins {
		text, err := os.ReadFile(file)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, filepath.Base(file)), text, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	resolver := filepath.Join(dir, "resolver.pm")
	site := fmt.Sprintf("dns_server 127.0.0.1:%d\ndns_available yes\nuse_bayes 0\nfold_headers 0\nloadplugin Golden::Resolver %s\n"+
		"trusted_networks "+scoredAt+"\ninternal_networks "+scoredAt+"\nenvelope_sender_header Return-Path\n"+
		"clear_headers\nadd_header all Judged mail=_HEADER(X-Golden-Name)_ score=_SCORE_ tests=_TESTSSCORES(,)_\nreport_safe 0\n", p.port, resolver)
	plugin := fmt.Sprintf(goldenResolver, p.port)
	if err := errors.Join(os.WriteFile(filepath.Join(dir, "local.cf"), []byte(site), 0o644), os.WriteFile(resolver, []byte(plugin), 0o644)); err != nil {
		t.Fatal(err)
	}
	args := []string{"--siteconfigpath=" + dir, "--prefs-file=" + filepath.Join(dir, "local.cf")}
	for i, m := range mails {
		file := filepath.Join(dir, fmt.Sprintf("%03d.eml", i))
		if err := os.WriteFile(file, append([]byte("X-Golden-Name: "+m.name+"\r\n"), p.received(m)...), 0o644); err != nil {
			t.Fatal(err)
		}
		args = append(args, file)
	}
	c := exec.CommandContext(t.Context(), path, args...)
	c.Env = append(os.Environ(), "HOME="+dir)
	var out, errs bytes.Buffer
	c.Stdout, c.Stderr = &out, &errs
	if err := c.Run(); err != nil {
		t.Fatalf("spamassassin: %v\n%s", err, &errs)
	}
	verdicts := map[string]rating{}
	for _, line := range judgedHeader.FindAllStringSubmatch(out.String(), -1) {
		points, err := strconv.ParseFloat(line[2], 64)
		if err != nil {
			t.Fatalf("SpamAssassin gives %q points", line[2])
		}
		v := rating{points, map[string]float64{}}
		for _, rule := range strings.Split(strings.TrimSpace(line[3]), ",") {
			name, points, _ := strings.Cut(rule, "=")
			v.rules[name], _ = strconv.ParseFloat(points, 64) // none: no points
		}
		verdicts[strings.TrimSpace(line[1])] = v
	}
	if errs.Len() > 0 {
		t.Logf("spamassassin said: %s", tail(errs.String(), 1000))
	}
	return verdicts
}

// goldenResolver leads what SpamAssassin asks by other libraries, such as
// Mail::DMARC, to our DNS too: its own setting doesn't reach them, and with
// taint checks on the environment may not.
const goldenResolver = `package Golden::Resolver;
use strict; use Mail::SpamAssassin::Plugin; use Net::DNS::Resolver;
our @ISA = ("Mail::SpamAssassin::Plugin");
Net::DNS::Resolver->new; # reads the system's settings, which it does once
Net::DNS::Resolver->nameservers("127.0.0.1");
Net::DNS::Resolver->port(%d);
sub new { my ($class, $main) = @_; return bless $class->SUPER::new($main), $class; }
1;
`

// findFilter finds a program that the make target installs.
func findFilter(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatalf("%s is not here: sh .ci/need %s", name, name)
	}
	return path
}
