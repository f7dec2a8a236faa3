package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"courant/digest/smtpsink"

	"github.com/emersion/go-msgauth/dkim"
)

// toldKey is what generate prints to be pasted.
type toldKey struct {
	name, value string   // for a provider's form
	strings     []string // of the zone file's record
	line        string   // for the config
}

var (
	toldName   = regexp.MustCompile(`(?m)^name   (\S+)$`)
	toldValue  = regexp.MustCompile(`(?m)^value  (.+)$`)
	toldZone   = regexp.MustCompile(`(?m)^(\S+)\. IN TXT (.+)$`)
	toldString = regexp.MustCompile(`"([^"]*)"`)
	toldConfig = regexp.MustCompile(`(?m)^  - (\{domain: .*\})$`)
)

func readTold(t *testing.T, out string) (k toldKey) {
	t.Helper()
	var matches [][]string
	for _, want := range []*regexp.Regexp{toldName, toldValue, toldZone, toldConfig} {
		m := want.FindStringSubmatch(out)
		if m == nil {
			t.Fatalf("nothing like %s in\n%s", want, out)
		}
		matches = append(matches, m)
	}
	k.name, k.value, k.line = matches[0][1], matches[1][1], matches[3][1]
	if zone := matches[2]; zone[1] != k.name {
		t.Errorf("the zone file's record is for %s, the form's for %s", zone[1], k.name)
	}
	for _, m := range toldString.FindAllStringSubmatch(matches[2][2], -1) {
		k.strings = append(k.strings, m[1])
	}
	return k
}

// withKeys writes the config with the keys that generate told.
func (d *desk) withKeys(keys ...toldKey) {
	d.t.Helper()
	d.unsigned = true
	d.configure()
	var lines strings.Builder
	for _, k := range keys {
		lines.WriteString("\n  - " + k.line)
		if k.name != "" {
			d.publish(k.name, strings.Join(k.strings, ""))
		}
	}
	text, err := os.ReadFile(filepath.Join(d.dir, "courant.yaml"))
	if err != nil {
		d.t.Fatal(err)
	}
	d.write("courant.yaml", strings.Replace(string(text), "dkim: []", "dkim:"+lines.String(), 1))
}

func TestGeneratedKeySignsMailThatItsPrintedRecordVerifies(t *testing.T) {
	t.Parallel()
	d := newDesk(t, smtpsink.Options{})
	d.unsigned = true
	d.configure()
	if err := os.Remove(filepath.Join(d.dir, "dkim.pem")); err != nil {
		t.Fatal(err)
	}
	first := readTold(t, d.must("dkim", "generate"))
	if info, err := os.Stat(filepath.Join(d.dir, "dkim.pem")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the key's file is %v, %v", info, err)
	}
	if first.name != "courant._domainkey.example.com" || first.line != "{domain: example.com, selector: courant, key_file: dkim.pem}" {
		t.Errorf("told %+v", first)
	}
	for _, s := range first.strings {
		if len(s) > 255 { // RFC 1035 section 3.3
			t.Errorf("a string of %d octets", len(s))
		}
	}
	if len(first.strings) < 2 || strings.Join(first.strings, "") != first.value {
		t.Errorf("the zone file has %q, the form %q", first.strings, first.value)
	}
	// The one to take over, and a second signature.
	d.withKeys(first)
	next := readTold(t, d.must("dkim", "generate", "--bits", "2560"))
	short := readTold(t, d.must("dkim", "generate", "--type", "ed25519", "--selector", "ed", "--out", filepath.Join(d.dir, "short key.pem")))
	if want := "courant" + time.Now().Format("200601") + "._domainkey.example.com"; next.name != want || !strings.Contains(short.line, `"short key.pem"`) {
		t.Errorf("told %q and %q, want %s", next.name, short.line, want)
	}
	keys := []toldKey{first, next, short}
	d.withKeys(keys...)
	d.tell("Harbour closes for repairs")
	d.must("send", "morning", "--only", "ann@example.org")
	mail := d.sink.To("ann@example.org")[0].Body
	// Every key signs, and each signature stands alone: whichever record a
	// receiver sees during a rotation, one of them passes.
	for i := range keys {
		found, err := dkim.VerifyWithOptions(bytes.NewReader(mail), &dkim.VerifyOptions{LookupTXT: func(name string) ([]string, error) {
			if name != keys[i].name {
				return nil, fmt.Errorf("no record at %s", name)
			}
			return []string{strings.Join(keys[i].strings, "")}, nil
		}})
		if err != nil || len(found) != len(keys) {
			t.Fatalf("%d signatures, %v", len(found), err)
		}
		for j, v := range found {
			if (v.Err == nil) != (i == j) {
				t.Errorf("with the record of %s, signature %d: %v", keys[i].name, j, v.Err)
			}
		}
	}
}

func TestGenerateNeverTouchesAKeyThatIsThere(t *testing.T) {
	t.Parallel()
	d := newDesk(t, smtpsink.Options{})
	d.unsigned = true
	d.configure()
	before := d.read("dkim.pem")
	r := d.try("dkim", "generate")
	sentence(t, r, exitFailed, "dkim.pem is there already", "--out")
	link := filepath.Join(d.dir, "link.pem")
	if err := os.Symlink(filepath.Join(d.dir, "nowhere.pem"), link); err != nil {
		t.Fatal(err)
	}
	sentence(t, d.try("dkim", "generate", "--out", link), exitFailed, "link.pem is there already", "--out")
	if after := d.read("dkim.pem"); after != before || r.stdout != "" {
		t.Errorf("the key was changed, or a record told: %s", r.stdout)
	}
	sentence(t, d.try("dkim", "generate", "--out", filepath.Join(d.dir, "no", "such.pem")), exitFailed, "no such file or directory", "--out")
}

func TestGenerateSaysWhatItCannotMake(t *testing.T) {
	t.Parallel()
	d := newDesk(t, smtpsink.Options{})
	d.configure()
	out := filepath.Join(d.dir, "new.pem")
	for _, c := range []struct {
		args []string
		want []string
	}{
		{[]string{"--bits", "1024"}, []string{"1024 bits", "2048 to 4096"}},
		{[]string{"--bits", "8192"}, []string{"8192 bits", "2048 to 4096"}},
		{[]string{"--type", "dsa"}, []string{`"dsa"`, "rsa or ed25519"}},
		{[]string{"--type", "ed25519", "--bits", "2048"}, []string{"--bits", "take it away"}},
		{[]string{"--domain", "two words"}, []string{"--domain", "two words"}},
		{[]string{"--selector", "two words"}, []string{"--selector", "two words"}},
		{[]string{"--selector", "Courant"}, []string{"has a key with the selector", "--selector courant2"}},
		{[]string{"--config", filepath.Join(d.dir, "none.yaml")}, []string{"whose key", "--domain", "no config at"}},
		{[]string{"word"}, []string{"takes other arguments"}},
	} {
		sentence(t, d.try(append([]string{"dkim", "generate", "--out", out}, c.args...)...), exitMisused, c.want...)
	}
	if _, err := os.Stat(out); err == nil {
		t.Error("a key was made all the same")
	}
	// Without a config a domain is enough, and what is printed says what is missing.
	bare := d.must("--config", filepath.Join(d.dir, "none.yaml"), "dkim", "generate", "--domain", "münchen.example", "--type", "ed25519", "--out", out)
	if k := readTold(t, bare); k.name != "courant._domainkey.xn--mnchen-3ya.example" || !strings.Contains(bare, "only beside an RSA key of xn--mnchen-3ya.example") {
		t.Errorf("told:\n%s", bare)
	}
}

// dkimIn runs `courant dkim` with a name server on loopback.
func (d *desk) dkimIn(dns nameServer, json bool) (out string, err error) {
	d.t.Helper()
	port := dns.serve(d.t)
	var b strings.Builder
	p := program{stdout: &b, stderr: io.Discard, now: time.Now, configFile: filepath.Join(d.dir, "courant.yaml"), env: os.LookupEnv}
	c, err := p.loadedConfig()
	if err != nil {
		d.t.Fatal(err)
	}
	s := p.lookAround(c)
	s.resolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", fmt.Sprintf("127.0.0.1:%d", port))
	}}
	err = p.tellKeys(d.t.Context(), s, checkOptions{json: json})
	return b.String(), err
}

func TestDKIMNamesTheRecordThatDNSLacks(t *testing.T) {
	t.Parallel()
	d := newDesk(t, smtpsink.Options{})
	d.configure()
	d.withKeys(toldKey{line: "{domain: example.com, selector: courant, key_file: dkim.pem}"})
	next := readTold(t, d.must("dkim", "generate", "--selector", "s2027"))
	d.withKeys(toldKey{line: "{domain: example.com, selector: courant, key_file: dkim.pem}"}, next)
	texts, err := d.lookup("courant._domainkey.example.com")
	if err != nil {
		t.Fatal(err)
	}
	dns := nameServer{"courant._domainkey.example.com TXT": texts}
	out, err := d.dkimIn(dns, false)
	if err == nil || !strings.Contains(err.Error(), "1 of 2 DKIM records are wrong") {
		t.Errorf("ended with %v", err)
	}
	for _, want := range []string{"ok     DKIM courant._domainkey.example.com", "wrong  DKIM s2027._domainkey.example.com", "not published", next.strings[0], "1 wrong, 0 to look at, 1 ok"} {
		if !strings.Contains(out, want) {
			t.Errorf("lacks %q:\n%s", want, out)
		}
	}
	lines, err := d.dkimIn(nameServer{"courant._domainkey.example.com TXT": texts, next.name + " TXT": {next.value}}, true)
	if err != nil {
		t.Errorf("with both records it ended with %v", err)
	}
	for line := range strings.Lines(lines) {
		var row checkLine
		if err := json.Unmarshal([]byte(line), &row); err != nil || row.State != "ok" || row.What != "DKIM" {
			t.Errorf("%s, %v", line, err)
		}
	}
	if n := strings.Count(lines, "\n"); n != 2 {
		t.Errorf("%d lines for two keys", n)
	}
	d.unsigned = true
	d.configure()
	if out, err := d.dkimIn(nameServer{}, false); err != nil || !strings.Contains(out, "courant dkim generate") {
		t.Errorf("without a key it says %q, %v", out, err)
	}
}
