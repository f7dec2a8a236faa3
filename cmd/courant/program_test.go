package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"courant/digest/smtpsink"
	"courant/store"
	"courant/store/storetest"
)

// binary builds the program once, with the clock that tests hand in.
var binary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "courant-test-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "courant")
	out, err := exec.Command("go", "build", "-tags", "testclock", "-o", path, ".").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build: %w\n%s", err, out)
	}
	return path, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if path, err := binary(); err == nil {
		if err := os.RemoveAll(filepath.Dir(path)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// desk is one installation under test: a config, a feed, a relay.
type desk struct {
	t        testing.TB
	dir      string
	dsn      string
	store    *store.Store
	sink     *smtpsink.Sink
	feed     *feedServer
	listen   string
	inside   string // desk_listen
	key      *rsa.PrivateKey
	offset   time.Duration
	unsigned bool   // no DKIM
	relay    string // instead of the sink: the smtp mapping of the config
	extra    string // appended to the config
	env      []string

	known   sync.Mutex
	records map[string]string // of keys that were made later
	given   []string          // words of articles that look like tags
}

// feedServer serves what it holds as RSS, and pages beside it.
type feedServer struct {
	*httptest.Server
	mu    sync.Mutex
	items []item
	pages map[string]string
}

type item struct{ title, path, html string }

func newFeed(t testing.TB) *feedServer {
	f := &feedServer{pages: map[string]string{}}
	f.Server = httptest.NewServer(http.HandlerFunc(f.answer))
	t.Cleanup(f.Close)
	return f
}

func (f *feedServer) put(i item) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.items = append(f.items, i)
}

func (f *feedServer) answer(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if page, ok := f.pages[r.URL.Path]; ok {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, page)
		return
	}
	if r.URL.Path != "/feed.xml" {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/rss+xml; charset=utf-8")
	fmt.Fprintf(w, `<?xml version="1.0" encoding="utf-8"?><rss version="2.0"><channel><title>Wire</title><link>%s/</link>`, f.URL)
	for _, i := range f.items {
		fmt.Fprintf(w, `<item><title>%s</title><link>%s%s</link><guid isPermaLink="false">%s</guid><description><![CDATA[%s]]></description></item>`,
			i.title, f.URL, i.path, i.path, i.html)
	}
	fmt.Fprint(w, `</channel></rss>`)
}

// newDesk makes an installation with a schema of its own, a feed and a sink.
func newDesk(t testing.TB, opt smtpsink.Options) *desk {
	t.Helper()
	d := &desk{t: t, dir: t.TempDir(), dsn: storetest.DSN(t), feed: newFeed(t), listen: freeAddress(t), inside: freeAddress(t)}
	d.store = storetest.Open(t, d.dsn)
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	d.key = key
	d.sink = startRelay(t, opt, d.receiver())
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	d.write("dkim.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})))
	d.relay = fmt.Sprintf("{host: 127.0.0.1, port: %d, tls: none, connections: 4}", d.sink.Port())
	return d
}

// nextPort counts through the ports that freeAddress gives.
var nextPort atomic.Uint32

// freeAddress is a port that was free a moment ago and stays so. The system
// hands out those from 32768 on to whoever asks for any port, so one of them
// may be another test's before it is used.
func freeAddress(t testing.TB) string {
	t.Helper()
	const lowest, number = 12000, 20000
	for range number {
		n := uint32(os.Getpid())*257 + nextPort.Add(1)
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", lowest+n%number))
		if err != nil {
			continue
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		return l.Addr().String()
	}
	t.Fatal("no port is free")
	return ""
}

func (d *desk) write(name, text string) string {
	d.t.Helper()
	path := filepath.Join(d.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		d.t.Fatal(err)
	}
	return path
}

// configure writes the config file.
func (d *desk) configure() {
	d.t.Helper()
	dkim := "{domain: example.com, selector: courant, key_file: dkim.pem}"
	if d.unsigned {
		dkim = "[]"
	}
	d.write("courant.yaml", fmt.Sprintf(`
name: Example News
url: http://%[1]s
listen: %[1]s
desk_listen: %[8]s
from: Example News <news@example.com>
reply_to: desk@example.com
postal_address: 1 Example Street, Example City
data_dir: %[2]s
database: "%[3]s"
return_path: bounces.example.com
smtp: [%[4]s]
dkim: %[7]s
allow_private_sources: true
sources:
  - {name: Wire, feed: "%[5]s/feed.xml", category: World}
lists:
  readers: {title: All readers}
digests:
  morning:
    title: Morning Brief
    schedule: "0 7 * * *"
    time_zone: Europe/Berlin
    lists: [readers]
    categories: [World]
    max_articles: 10
    min_articles: 1
    subject: "{{.Title}}: {{.Lead.Title}}"
%[6]s`, d.listen, filepath.Join(d.dir, "data"), postgresURL(d.dsn), d.relay, d.feed.URL, d.extra, dkim, d.inside))
}

// postgresURL is a key=value DSN as the URL that a config has.
func postgresURL(dsn string) string {
	if strings.HasPrefix(dsn, "postgres") {
		return dsn
	}
	query := url.Values{}
	user := ""
	for _, pair := range splitDSN(dsn) {
		switch key, value, _ := strings.Cut(pair, "="); key {
		case "user":
			user = value
		default:
			query.Set(key, value)
		}
	}
	u := url.URL{Scheme: "postgres", User: url.User(user), Path: "/" + query.Get("dbname"), RawQuery: query.Encode()}
	return u.String()
}

// splitDSN splits key=value pairs, values in single quotes unquoted.
func splitDSN(dsn string) []string {
	var pairs []string
	var b strings.Builder
	quoted := false
	for _, r := range dsn + " " {
		switch {
		case r == '\'':
			quoted = !quoted
		case r == ' ' && !quoted:
			if b.Len() > 0 {
				pairs = append(pairs, b.String())
			}
			b.Reset()
		default:
			b.WriteRune(r)
		}
	}
	return pairs
}

// command prepares a run of the program.
func (d *desk) command(ctx context.Context, args ...string) *exec.Cmd {
	d.t.Helper()
	path, err := binary()
	if err != nil {
		d.t.Fatal(err)
	}
	c := exec.CommandContext(ctx, path, append([]string{"--config", filepath.Join(d.dir, "courant.yaml")}, args...)...)
	c.Env = append(append(os.Environ(), "COURANT_CLOCK="+d.offset.String()), d.env...)
	return c
}

// result is how a run ended.
type result struct {
	code           int
	stdout, stderr string
}

// try runs the program to its end.
func (d *desk) try(args ...string) result {
	d.t.Helper()
	c := d.command(d.t.Context(), args...)
	var out, errs bytes.Buffer
	c.Stdout, c.Stderr = &out, &errs
	err := c.Run()
	if c.ProcessState == nil {
		d.t.Fatal(err)
	}
	return result{c.ProcessState.ExitCode(), out.String(), errs.String()}
}

// must runs the program and wants exit 0.
func (d *desk) must(args ...string) string {
	d.t.Helper()
	r := d.try(args...)
	if r.code != 0 {
		d.t.Fatalf("courant %s: exit %d\n%s%s", strings.Join(args, " "), r.code, r.stdout, r.stderr)
	}
	return r.stdout
}

// process is the program in the background.
type process struct {
	*exec.Cmd
	t    testing.TB
	log  *lockedBuffer
	done chan error
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// start runs the program in the background; it is killed when the test ends.
func (d *desk) start(args ...string) *process {
	d.t.Helper()
	p := &process{Cmd: d.command(context.WithoutCancel(d.t.Context()), args...), t: d.t, log: &lockedBuffer{}, done: make(chan error, 1)}
	p.Stdout, p.Stderr = p.log, p.log
	if err := p.Start(); err != nil {
		d.t.Fatal(err)
	}
	go func() { p.done <- p.Wait() }()
	d.t.Cleanup(func() {
		// Gone already in most tests.
		_ = p.Process.Kill()
		if d.t.Failed() {
			d.t.Logf("courant %s:\n%s", strings.Join(args, " "), tail(p.log.String(), 4000))
		}
	})
	return p
}

func tail(s string, n int) string {
	if len(s) > n {
		return "..." + s[len(s)-n:]
	}
	return s
}

// signal sends a signal and waits for the end.
func (p *process) signal(s syscall.Signal) error {
	p.t.Helper()
	if err := p.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
	select {
	case err := <-p.done:
		return err
	case <-time.After(45 * time.Second):
		p.t.Fatalf("the process did not end after %s", s)
	}
	return nil
}

// ready waits until the readers' pages answer.
func (d *desk) ready(p *process) {
	d.t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for time.Now().Before(deadline) {
		resp, err := http.Get("http://" + d.listen + "/healthz")
		if err == nil {
			if err := resp.Body.Close(); err != nil {
				d.t.Fatal(err)
			}
			if resp.StatusCode == http.StatusOK {
				return
			}
		}
		select {
		case err := <-p.done:
			d.t.Fatalf("courant ended early: %v\n%s", err, p.log)
		case <-time.After(20 * time.Millisecond):
		}
	}
	d.t.Fatalf("courant does not answer\n%s", p.log)
}

// receiver knows our DNS and what our articles quote.
func (d *desk) receiver() receiver {
	return receiver{d.lookup, func() []string {
		d.known.Lock()
		defer d.known.Unlock()
		return slices.Clone(d.given)
	}}
}

// quote tells receivers of words that articles bring.
func (d *desk) quote(words ...string) {
	d.known.Lock()
	defer d.known.Unlock()
	d.given = append(d.given, words...)
}

// publish puts a record of a DKIM key into the DNS of receivers.
func (d *desk) publish(name, text string) {
	d.known.Lock()
	defer d.known.Unlock()
	if d.records == nil {
		d.records = map[string]string{}
	}
	d.records[name] = text
}

// lookup is the DNS of a receiver: it knows our DKIM key.
func (d *desk) lookup(name string) ([]string, error) {
	d.known.Lock()
	defer d.known.Unlock()
	if text, there := d.records[name]; there {
		return []string{text}, nil
	}
	if name != "courant._domainkey.example.com" {
		return nil, fmt.Errorf("no such record: %s", name)
	}
	der, err := x509.MarshalPKIXPublicKey(&d.key.PublicKey)
	if err != nil {
		return nil, err
	}
	return []string{"v=DKIM1; k=rsa; p=" + base64.StdEncoding.EncodeToString(der)}, nil
}
