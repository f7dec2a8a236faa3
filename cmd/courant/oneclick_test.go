package main

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"courant/digest"
	"courant/digest/smtpsink"
	"courant/store"
)

// presses has an independent client press links: each with its form and the
// status it must be answered with.
func presses(t *testing.T, lines []string) {
	t.Helper()
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("no python3 here, which plays the mailbox provider: apt-get install python3")
	}
	c := exec.CommandContext(t.Context(), python, filepath.Join("testdata", "oneclick.py"))
	c.Stdin = strings.NewReader(strings.Join(lines, "\n") + "\n")
	if out, err := c.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// forgeries are a link with each byte of its token changed.
func forgeries(t *testing.T, link string) (forged []string) {
	t.Helper()
	at := strings.LastIndexByte(link, '/') + 1
	token, err := base64.RawURLEncoding.DecodeString(link[at:])
	if err != nil {
		t.Fatal(err)
	}
	for i := range token {
		for _, flip := range []byte{0x01, 0x80} {
			bad := slices.Clone(token)
			bad[i] ^= flip
			forged = append(forged, link[:at]+base64.RawURLEncoding.EncodeToString(bad))
		}
	}
	return forged
}

// TestRFC8058ByAnIndependentClient presses the links of mails as providers do.
func TestRFC8058ByAnIndependentClient(t *testing.T) {
	t.Parallel()
	d := newDesk(t, smtpsink.Options{})
	d.configure()
	d.must("readers", "import", d.write("readers.csv", "email\nurlencoded@example.org\nmultipart@example.org\nbare@example.org\nforged@example.org\nold@example.org\nerased@example.org\n"))
	d.tell("Harbour closes for repairs")
	d.must("send", "morning")
	link := func(who string) string {
		header, _, _ := d.links(t, who+"@example.org")
		return header
	}
	secret := filepath.Join(d.dir, "data", "secret")
	keys, err := openKeyring(secret)
	if err != nil {
		t.Fatal(err)
	}
	old := link("old")
	rotate(t, secret, keys)
	d.must("readers", "erase", "erased@example.org")
	d.ready(d.start("serve", "--only", "web"))
	base := "http://" + d.listen + "/u/"
	nobody := base + keys.LinkToken(0, digest.Token{Purpose: digest.PurposeOneClick, Ref: digest.Ref{Edition: 1, Reader: 999_999}})
	stranger := &digest.Keyring{Current: keys.Current, Tokens: map[byte][]byte{keys.Current: make([]byte, 32)}}
	foreign := base + stranger.LinkToken(0, digest.Token{Purpose: digest.PurposeOneClick, Ref: digest.Ref{Edition: 1, Reader: 1}})
	var lines []string
	for range 2 { // the second time nothing is left to do
		lines = append(lines, "urlencoded 200 "+link("urlencoded"), "multipart 200 "+link("multipart"), "bare 200 "+link("bare"),
			"urlencoded 200 "+old, "multipart 200 "+nobody, "urlencoded 200 "+link("erased"))
	}
	lines = append(lines, "urlencoded 404 "+foreign, "multipart 404 "+foreign, "urlencoded 404 "+base+"x")
	for i, bad := range forgeries(t, link("forged")) {
		lines = append(lines, []string{"urlencoded", "multipart"}[i%2]+" 404 "+bad)
	}
	presses(t, lines)
	for who, want := range map[string]string{
		"urlencoded": "readers active; morning left", "multipart": "readers active; morning left", "bare": "readers active; morning left",
		"old": "readers active; morning left", "forged": "readers active",
	} {
		if got := d.stands(t, who+"@example.org"); got != want {
			t.Errorf("%s stands as %q, want %q", who, got, want)
		}
	}
}

// rotate puts a new key before the others of a secret file.
func rotate(t *testing.T, path string, keys *digest.Keyring) {
	t.Helper()
	key := make([]byte, 32)
	if _, err := rand.Read(key); err != nil {
		t.Fatal(err)
	}
	next := &digest.Keyring{Current: keys.Current + 1, Tokens: map[byte][]byte{keys.Current + 1: key}, Suppression: keys.Suppression}
	for id, k := range keys.Tokens {
		next.Tokens[id] = k
	}
	text, err := next.AppendText(nil)
	if err == nil {
		err = os.WriteFile(path, text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// BenchmarkOneClickWhileDelivering posts 300 one-clicks a second, by a clock
// that waits for no answer, while an edition for 40,000 readers is delivered
// beside it. It gives the times from when each was due to its answer, kills the
// process in the end, and counts who was told 200 and has not left.
func BenchmarkOneClickWhileDelivering(b *testing.B) {
	const readers, rate, posts = 40_000, 300, 3000
	for range b.N {
		d := newDesk(b, smtpsink.Options{})
		d.sink = smtpsink.Start(b, smtpsink.Options{Tally: true})
		d.relay = fmt.Sprintf("{host: 127.0.0.1, port: %d, tls: none, connections: 8, limits: [2500/s]}", d.sink.Port())
		d.unsigned = true
		d.configure()
		var csv strings.Builder
		csv.WriteString("email\n")
		for i := range readers {
			fmt.Fprintf(&csv, "reader%d@example.org\n", i)
		}
		d.must("readers", "import", d.write("crowd.csv", csv.String()))
		d.tell("Harbour closes for repairs")
		keys, err := openKeyring(filepath.Join(d.dir, "data", "secret"))
		if err != nil {
			b.Fatal(err)
		}
		p := d.start("serve", "--only", "web")
		d.ready(p)
		delivery := d.start("send", "morning")
		for d.sink.Count() < readers/20 {
			time.Sleep(10 * time.Millisecond) // the delivery has begun
		}
		took := make([]time.Duration, posts)
		told := make([]bool, posts)
		client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}, Timeout: 20 * time.Second}
		began := time.Now()
		var all sync.WaitGroup
		for i := range posts {
			due := began.Add(time.Duration(i) * time.Second / rate)
			time.Sleep(time.Until(due))
			all.Go(func() {
				reader := digest.ReaderID(1 + (i*13)%readers)
				link := "http://" + d.listen + "/u/" + keys.LinkToken(0, digest.Token{Purpose: digest.PurposeOneClick, Ref: digest.Ref{Edition: 1, Reader: reader}})
				resp, err := client.Post(link, "application/x-www-form-urlencoded", strings.NewReader("List-Unsubscribe=One-Click"))
				if err == nil {
					told[i] = resp.StatusCode == http.StatusOK
					_ = resp.Body.Close()
				}
				took[i] = time.Since(due)
			})
			if i == posts-50 {
				_ = p.Process.Signal(syscall.SIGKILL) // the last ones find nobody
			}
		}
		all.Wait()
		pace := float64(d.sink.Count()) / time.Since(began).Seconds()
		if err := <-delivery.done; err != nil {
			b.Fatal(err)
		}
		lost, answered := unheard(b, d, told, readers)
		took = took[:posts-100]
		slices.Sort(took)
		b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
		b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
		b.ReportMetric(float64(answered), "answered")
		b.ReportMetric(float64(lost), "lost")
		b.ReportMetric(pace, "mails/s")
		if lost > 0 {
			b.Errorf("%d readers were told 200 and have not left", lost)
		}
	}
}

// unheard counts who was told 200, and who of them has not left.
func unheard(b *testing.B, d *desk, told []bool, readers int) (lost, answered int) {
	b.Helper()
	s, err := store.Open(b.Context(), d.dsn)
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	for i, ok := range told {
		if !ok {
			continue
		}
		answered++
		st, err := s.Standing(b.Context(), digest.Ref{Edition: 1, Reader: digest.ReaderID(1 + (i*13)%readers)})
		if err != nil {
			b.Fatal(err)
		}
		if st.LeftAt.IsZero() {
			lost++
		}
	}
	return lost, answered
}
