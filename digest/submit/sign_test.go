package submit

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-msgauth/dkim"
)

const letter = "From: Example News <news@example.com>\r\n" +
	"To: =?utf-8?q?J=C3=BCrgen?= <reader@example.net>\r\n" +
	"Subject: Morning Brief:\r\n  two  spaces and a fold\r\n" +
	"Date: Mon, 23 Nov 2026 07:00:00 +0100\r\n" +
	"Message-ID: <1.2@example.com>\r\n" +
	"MIME-Version: 1.0\r\n" +
	"List-Id: Morning Brief <morning.news.example.com>\r\n" +
	"List-Unsubscribe: <https://news.example.com/u/" + "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef" + ">, <mailto:unsubscribe+x@example.com>\r\n" +
	"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" +
	"Feedback-ID: 1:morning:courant\r\n" +
	"Content-Type: text/plain; charset=utf-8\r\n" +
	"\r\n" +
	"One line \t with  blanks  \r\n\r\n.a dot\r\nlast\r\n\r\n\r\n"

// testKeys makes an RSA and an Ed25519 key once for all tests: RSA keys are slow.
var testKeys = sync.OnceValue(func() (keys struct {
	rsa *rsa.PrivateKey
	ed  ed25519.PrivateKey
}) {
	var err error
	if keys.rsa, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
		return
	}
	_, keys.ed, _ = ed25519.GenerateKey(rand.Reader)
	return
})

func writePEM(t testing.TB, kind string, der []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "dkim.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func pkcs8(t testing.TB, key any) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return writePEM(t, "PRIVATE KEY", der)
}

func twoKeys(t testing.TB) *Signer {
	t.Helper()
	s, err := LoadSigner(
		Key{"example.com", "courant", writePEM(t, "RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(testKeys().rsa))},
		Key{"example.com", "courant-ed", pkcs8(t, testKeys().ed)},
	)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// lookup answers for the DNS.
func lookup(t testing.TB, s *Signer) func(string) ([]string, error) {
	records, err := s.Records()
	if err != nil {
		t.Fatal(err)
	}
	return func(name string) ([]string, error) {
		for _, r := range records {
			if r.Name == name {
				return []string{r.Text}, nil
			}
		}
		return nil, fmt.Errorf("no record %s", name)
	}
}

func TestSignaturesVerifyWithGoMsgauth(t *testing.T) {
	t.Parallel()
	s := twoKeys(t)
	signed, err := s.Sign(nil, []byte(letter))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.HasSuffix(signed, []byte(letter)) {
		t.Error("the message itself was changed")
	}
	found, err := dkim.VerifyWithOptions(bytes.NewReader(signed), &dkim.VerifyOptions{LookupTXT: lookup(t, s)})
	if err != nil || len(found) != 2 {
		t.Fatalf("%d signatures, %v", len(found), err)
	}
	for _, v := range found {
		if v.Err != nil || v.Domain != "example.com" {
			t.Errorf("%s: %v", v.Domain, v.Err)
		}
	}
	if first := tagsOf(signed)["a"]; first != "rsa-sha256" {
		t.Errorf("the first signature is %s", first)
	}
}

func TestSignatureNamesTheHeadersOfTheRule(t *testing.T) {
	t.Parallel()
	s := twoKeys(t)
	signed, err := s.Sign(nil, []byte(letter))
	if err != nil {
		t.Fatal(err)
	}
	tags := tagsOf(signed)
	want := "From:From:Subject:Subject:List-Unsubscribe:List-Unsubscribe:List-Unsubscribe-Post:List-Unsubscribe-Post:" +
		"To:Date:Message-ID:MIME-Version:Content-Type:List-Id:Feedback-ID"
	// Equal as it stands in the field: no fold within it, over which other verifiers stumble.
	if tags["h"] != want {
		t.Errorf("h=%s", tags["h"])
	}
	if tags["c"] != "relaxed/relaxed" || tags["l"] != "" || tags["d"] != "example.com" || tags["s"] != "courant" {
		t.Errorf("tags %v", tags)
	}
	for _, line := range strings.Split(string(signed[:len(signed)-len(letter)]), "\r\n") {
		if len(line) > 998 {
			t.Errorf("line of %d bytes", len(line))
		}
	}
}

func TestAbsentHeadersAreOversignedAllTheSame(t *testing.T) {
	t.Parallel()
	s := twoKeys(t)
	signed, err := s.Sign(nil, []byte("From: a@example.com\r\nSubject: x\r\n\r\nx\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := "From:From:Subject:Subject:List-Unsubscribe:List-Unsubscribe:List-Unsubscribe-Post:List-Unsubscribe-Post"
	if h := tagsOf(signed)["h"]; h != want {
		t.Errorf("h=%s", h)
	}
	forged := append([]byte("List-Unsubscribe: <https://evil.example/>\r\n"), signed...)
	if err := verify(forged, testKeys().rsa); err == nil {
		t.Error("verifies with a header put in")
	}
}

func TestSignaturesVerifyByTheLetterOfRFC6376(t *testing.T) {
	t.Parallel()
	s := twoKeys(t)
	for name, text := range map[string]string{
		"letter":        letter,
		"empty body":    "From: a@x\r\n\r\n",
		"only blanks":   "From: a@x\r\n\r\n \t\r\n\r\n",
		"no last CRLF":  "From: a@x\r\n\r\nlast",
		"blank header":  "From: a@x\r\nSubject:  \r\nReply-To:\ta@x\r\n\r\nx\r\n",
		"long":          "From: a@x\r\nSubject: x\r\n\r\n" + strings.Repeat("a line =\r\n", 5000),
		"lowered names": "from: a@x\r\nsubject: x\r\nmessage-id: <a@b>\r\n\r\nx\r\n",
	} {
		signed, err := s.Sign(nil, []byte(text))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := verify(signed, testKeys().rsa); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	signed, err := s.Sign(nil, []byte(letter))
	if err != nil {
		t.Fatal(err)
	}
	for name, forged := range map[string][]byte{
		"body":        bytes.Replace(signed, []byte("One line"), []byte("Own line"), 1),
		"subject":     bytes.Replace(signed, []byte("Morning Brief:"), []byte("Evening Brief:"), 1),
		"second From": append([]byte("From: evil@example.org\r\n"), signed...),
	} {
		if verify(forged, testKeys().rsa) == nil {
			t.Errorf("verifies with another %s", name)
		}
	}
}

// tagsOf reads the first DKIM-Signature of a message.
func tagsOf(message []byte) map[string]string {
	tags := map[string]string{}
	field, _ := firstField(message)
	_, value, _ := strings.Cut(field, ":")
	for _, tag := range strings.Split(value, ";") {
		k, v, _ := strings.Cut(tag, "=")
		tags[strings.TrimSpace(k)] = strings.TrimSpace(v)
	}
	return tags
}

var nextField = regexp.MustCompile(`\r\n[^ \t]`)

func firstField(message []byte) (field string, rest []byte) {
	at := nextField.FindIndex(message)
	return string(message[:at[0]]), message[at[0]+2:]
}

var blanks = regexp.MustCompile(`[ \t]+`)

// relaxedHeader is RFC 6376 3.4.2, written down from the text.
func relaxedHeader(field string) string {
	name, value, _ := strings.Cut(strings.ReplaceAll(field, "\r\n", ""), ":")
	value = strings.Trim(blanks.ReplaceAllString(value, " "), " \t")
	return strings.TrimRight(strings.ToLower(name), " \t") + ":" + value
}

// relaxedBody is RFC 6376 3.4.4.
func relaxedBody(body string) string {
	lines := strings.Split(body, "\r\n")
	for i := range lines {
		lines[i] = strings.TrimRight(blanks.ReplaceAllString(lines[i], " "), " ")
	}
	for len(lines) > 0 && lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	if len(lines) == 0 {
		return ""
	}
	return strings.Join(lines, "\r\n") + "\r\n"
}

// verify checks the first rsa-sha256 signature of a message by RFC 6376 6.1.3,
// with nothing shared with what made it.
func verify(message []byte, key *rsa.PrivateKey) error {
	head, body, _ := strings.Cut(string(message), "\r\n\r\n")
	var fields []string
	for rest := []byte(head + "\r\nx"); len(rest) > 1; {
		var field string
		field, rest = firstField(rest)
		fields = append(fields, field)
	}
	var signature string
	for _, field := range fields {
		if strings.HasPrefix(field, "DKIM-Signature:") && strings.Contains(field, "rsa-sha256") {
			signature = field
			break
		}
	}
	tags := tagsOf([]byte(signature + "\r\nx"))
	sum := sha256.Sum256([]byte(relaxedBody(body)))
	if tags["bh"] != base64.StdEncoding.EncodeToString(sum[:]) {
		return fmt.Errorf("body hash differs")
	}
	var hashed strings.Builder
	used := map[int]bool{}
	for _, name := range strings.Split(tags["h"], ":") {
		for i := len(fields) - 1; i >= 0; i-- { // RFC 6376 5.4.2: from the bottom up
			n, _, _ := strings.Cut(fields[i], ":")
			if !used[i] && strings.EqualFold(strings.TrimSpace(n), strings.TrimSpace(name)) {
				used[i] = true
				hashed.WriteString(relaxedHeader(fields[i]) + "\r\n")
				break
			}
		}
	}
	bare := regexp.MustCompile(`(?s)b=[^;]*$`).ReplaceAllString(signature, "b=")
	hashed.WriteString(relaxedHeader(bare))
	sum = sha256.Sum256([]byte(hashed.String()))
	b, err := base64.StdEncoding.DecodeString(regexp.MustCompile(`\s`).ReplaceAllString(tags["b"], ""))
	if err != nil {
		return err
	}
	return rsa.VerifyPKCS1v15(&key.PublicKey, crypto.SHA256, sum[:], b)
}

func TestSignaturesVerifyWithDkimpy(t *testing.T) {
	t.Parallel()
	python := "python3"
	for _, python = range []string{"python3", "/usr/bin/python3"} { // another may come first in PATH
		if exec.Command(python, "-c", "import dkim, nacl").Run() == nil {
			break
		}
		if python == "/usr/bin/python3" {
			t.Skip("no dkimpy on this machine: apt-get install python3-dkim python3-nacl")
		}
	}
	s := twoKeys(t)
	signed, err := s.Sign(nil, []byte(letter))
	if err != nil {
		t.Fatal(err)
	}
	records, err := s.Records()
	if err != nil {
		t.Fatal(err)
	}
	script := "import sys, dkim\nrecords = {"
	for _, r := range records {
		script += fmt.Sprintf("b'%s.': b'%s',", r.Name, r.Text)
	}
	script += "}\nd = dkim.DKIM(sys.stdin.buffer.read())\n" +
		"print([d.verify(idx=i, dnsfunc=lambda n, timeout=5: records[n]) for i in (0, 1)])"
	cmd := exec.Command(python, "-c", script)
	cmd.Stdin = bytes.NewReader(signed)
	out, err := cmd.CombinedOutput()
	if err != nil || strings.TrimSpace(string(out)) != "[True, True]" {
		t.Errorf("dkimpy says %s, %v", out, err)
	}
}

func TestUnfitKeysAreRefusedWithASentence(t *testing.T) {
	t.Parallel()
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	open := pkcs8(t, testKeys().rsa)
	if err := os.Chmod(open, 0o640); err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(testKeys().rsa.Public())
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct{ name, file, want string }{
		{"others may read", open, "is readable by others: chmod 600"},
		{"too small", pkcs8(t, small), "has 1024 bits, receivers want 2048"},
		{"Ed25519 alone", pkcs8(t, testKeys().ed), "only good as the second signature"},
		{"public half", writePEM(t, "PUBLIC KEY", public), "holds no private key"},
		{"encrypted", writePEM(t, "ENCRYPTED PRIVATE KEY", []byte("x")), "is encrypted"},
		{"broken", writePEM(t, "PRIVATE KEY", []byte("x")), "cannot be read"},
		{"missing", filepath.Join(t.TempDir(), "none.pem"), "no such file"},
	} {
		_, err := LoadSigner(Key{"example.com", "courant", row.file})
		if err == nil || !strings.Contains(err.Error(), row.want) || !strings.Contains(err.Error(), "example.com") {
			t.Errorf("%s: %v", row.name, err)
		}
	}
	if _, err := LoadSigner(Key{"example.com", "a", pkcs8(t, testKeys().rsa)}, Key{"other.example", "b", pkcs8(t, testKeys().ed)}); err == nil {
		t.Error("an RSA key of another domain stands in for one")
	}
}

// Each lane signs mails of its own: no two may meet in one room.
func TestManyMaySignAtOnce(t *testing.T) {
	t.Parallel()
	s := &Signer{keys: []signingKey{{"example.com", "courant", testKeys().ed}}}
	records := lookup(t, s)
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			var room []byte
			for k := range 100 {
				text := strings.ReplaceAll(letter, "reader", fmt.Sprintf("reader%d.%d", i, k)) + strings.Repeat("own ", 1000*i)
				signed, err := s.Sign(room[:0], []byte(text))
				if err != nil {
					t.Error(err)
					return
				}
				room = signed
				found, err := dkim.VerifyWithOptions(bytes.NewReader(signed), &dkim.VerifyOptions{LookupTXT: records})
				if err != nil || len(found) != 1 || found[0].Err != nil || !bytes.HasSuffix(signed, []byte(text)) {
					t.Errorf("mail %d of lane %d: %v", k, i, err)
				}
			}
		})
	}
	wg.Wait()
}

func FuzzSignNeverPanicsAndVerifies(f *testing.F) {
	for _, text := range hostile() {
		f.Add([]byte(text))
	}
	f.Add([]byte(""))
	f.Add([]byte("From: a\r\n \r\n\tb\r\n\r\n \r\n"))
	f.Add([]byte(":\r\n\r\n"))
	f.Add([]byte("\r\nFrom: a\r\n\r\n"))
	f.Add([]byte(" From: a\r\nFrom: a\r\n\r\n"))
	f.Add([]byte("From \r\n\r\n"))
	keys := testKeys()
	// Ed25519 alone, past LoadSigner: signing in microseconds lets the fuzzer run.
	s := &Signer{keys: []signingKey{{"example.com", "courant", keys.ed}}}
	records := lookup(f, s)
	f.Fuzz(func(t *testing.T, message []byte) {
		signed, err := s.Sign(nil, message)
		if err != nil {
			return
		}
		if !bytes.HasSuffix(signed, message) {
			t.Fatal("the message itself was changed")
		}
		found, err := dkim.VerifyWithOptions(bytes.NewReader(signed), &dkim.VerifyOptions{LookupTXT: records})
		if err != nil {
			t.Fatalf("%q: %v", message, err)
		}
		if v := found[0]; v.Err != nil {
			t.Errorf("%q: %v", message, v.Err)
		}
	})
}

// FuzzRelaxedBodyIsWhatGoMsgauthHashes holds our canonical form against that
// of go-msgauth's signer, and both against the letter of the RFC.
func FuzzRelaxedBodyIsWhatGoMsgauthHashes(f *testing.F) {
	for _, text := range hostile() {
		_, body, _ := strings.Cut(text, "\r\n\r\n")
		f.Add([]byte(body))
	}
	f.Add([]byte("a\nb\r\n"))
	f.Add([]byte("a\rb\r\n"))
	f.Add([]byte("\n\r"))
	f.Add([]byte("a \r\n\r"))
	ed := testKeys().ed
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := appendRelaxedBody([]byte("before"), body)
		if broken := strings.ContainsAny(strings.ReplaceAll(string(body), "\r\n", ""), "\r\n"); broken != (err != nil) {
			t.Fatalf("%q: %v", body, err)
		}
		if err != nil {
			return
		}
		got, _ = bytes.CutPrefix(got, []byte("before"))
		if want := relaxedBody(string(body)); string(got) != want {
			t.Errorf("%q: %q, want %q", body, got, want)
		}
		signer, err := dkim.NewSigner(&dkim.SignOptions{
			Domain: "example.com", Selector: "courant", Signer: ed, HeaderKeys: []string{"From"},
			HeaderCanonicalization: dkim.CanonicalizationRelaxed, BodyCanonicalization: dkim.CanonicalizationRelaxed,
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := signer.Write(append([]byte("From: a@example.com\r\n\r\n"), body...)); err != nil {
			t.Fatal(err)
		}
		if err := signer.Close(); err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(got)
		if bh := tagsOf([]byte(signer.Signature() + "x"))["bh"]; bh != base64.StdEncoding.EncodeToString(sum[:]) {
			t.Errorf("%q: go-msgauth hashes something else", body)
		}
	})
}

func TestMessagesThatServersWouldMendAreNotSigned(t *testing.T) {
	t.Parallel()
	s := twoKeys(t)
	for name, text := range map[string]string{
		"LF alone in the body":   "From: a@x\r\n\r\na\nb\r\n",
		"CR alone in the body":   "From: a@x\r\n\r\na\rb\r\n",
		"CR at the end":          "From: a@x\r\n\r\na\r\n\r",
		"LF alone in the header": "From: a@x\nSubject: x\r\n\r\nx\r\n",
		"CR alone in the header": "From: a@x\r\nSubject: x\ry\r\n\r\nx\r\n",
		"no field":               "From: a@x\r\nSubject\r\n\r\nx\r\n",
		"no colon":               "From: a@x\r\nSubject \r\n\r\nx\r\n",
		"a name beyond ASCII":    "From: a@x\r\nSubj\u00ebct: x\r\n\r\nx\r\n",
		"no From":                "Subject: x\r\n\r\nx\r\n",
		"a fold at the top":      " Subject: x\r\nFrom: a@x\r\n\r\nx\r\n",
		"no end of the header":   "From: a@x\r\nSubject: x\r\n",
		"nothing":                "",
	} {
		if signed, err := s.Sign(nil, []byte(text)); err == nil {
			t.Errorf("%s: signed as %q", name, signed)
		}
	}
}

// BenchmarkSign signs a mail of 38 KB, on all cores. Beside each figure stands
// its share of what the keys alone give: mails and bare signatures take turns,
// so that whatever else the machine does meets both.
func BenchmarkSign(b *testing.B) {
	line := "A line of seventy-six bytes, as quoted-printable text has them in a mail =\r\n"
	head, _, _ := strings.Cut(letter, "\r\n\r\n")
	message := []byte(head + "\r\n\r\n" + strings.Repeat(line, 38_000/len(line)))
	sum := sha256.Sum256(message)
	keys := testKeys()
	rsaKey, edKey := signingKey{"example.com", "courant", keys.rsa}, signingKey{"example.com", "courant-ed", keys.ed}
	for _, row := range []struct {
		name string
		keys []signingKey
	}{{"RSA-2048", []signingKey{rsaKey}}, {"Ed25519", []signingKey{edKey}}, {"both", []signingKey{rsaKey, edKey}}} {
		b.Run(row.name, func(b *testing.B) {
			s := &Signer{keys: row.keys}
			var mails, bare atomic.Int64
			b.SetBytes(int64(len(message)))
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				var room []byte
				for pb.Next() {
					began := time.Now()
					for _, key := range row.keys {
						hash := crypto.Hash(0)
						if key.private == keys.rsa {
							hash = crypto.SHA256
						}
						if _, err := key.private.Sign(rand.Reader, sum[:], hash); err != nil {
							b.Error(err)
						}
					}
					between := time.Now()
					var err error
					if room, err = s.Sign(room[:0], message); err != nil {
						b.Error(err)
					}
					bare.Add(int64(between.Sub(began)))
					mails.Add(int64(time.Since(between)))
				}
			})
			b.ReportMetric(float64(mails.Load())/float64(b.N), "ns/mail")
			b.ReportMetric(float64(bare.Load())/float64(mails.Load()), "of-bare")
		})
	}
}
