package rehearse

import (
	crand "crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// place is the installation that is rehearsed with: a directory with configs,
// a feed that is served, and the readers.
type place struct {
	plan Plan
	dir  string
	url  string // of the readers' pages
	feed *wire
	dsn  string          // of the private Postgres
	key  *rsa.PrivateKey // that signs; nil: nothing is signed
}

func (p *place) file(name string) string { return filepath.Join(p.dir, name) }

// dataDir is the data_dir of all processes: they share one host. The private
// Postgres lies there.
func (p *place) dataDir() string { return p.file("data") }

// address is that of the nth reader. Three domains, as if of three providers.
func address(n int) string { return fmt.Sprintf("reader%07d@%c.example.org", n, 'a'+rune(n%3)) }

// freeAddress is a port that was free a moment ago.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	return l.Addr().String(), l.Close()
}

// settings are what configs of one rehearsal differ in.
type settings struct {
	name   string // of the file, without its end
	relay  string // host:port
	worker string // the domain of the envelope senders, which tells who sent a mail
	data   string // data_dir
	shared bool   // the database is said by its address: the data_dir is another host's
}

// configure writes a config and returns its path.
func (p *place) configure(s settings) (string, error) {
	host, port, err := net.SplitHostPort(s.relay)
	if err != nil {
		return "", fmt.Errorf("relay %s: %w", s.relay, err)
	}
	desk, err := freeAddress()
	if err != nil {
		return "", err
	}
	database, inDoubt, dkim := "", "resend", "[]"
	if s.shared {
		database = databaseURL(p.dsn)
	}
	if p.plan.Hold {
		inDoubt = "hold"
	}
	if p.plan.Signed {
		dkim = "{domain: rehearsal.example.com, selector: courant, key_file: " + quote(p.file("dkim.pem")) + "}"
	}
	// JSON strings are YAML strings.
	text := fmt.Sprintf(`name: Rehearsal News
url: %s
listen: %s
desk_listen: %s
from: Rehearsal News <news@rehearsal.example.com>
postal_address: 1 Example Street, Example City
data_dir: %s
secret_file: %s
database: %s
return_path: %s
smtp: {host: %s, port: %s, tls: none, connections: %d}
in_doubt: %s
delivery: {lease: %s}
dkim: %s
allow_private_sources: true
sources:
  - {name: Wire, feed: %s, category: World}
lists:
  known: {title: Everybody who is known}
  readers: {title: All readers}
digests:
  morning:
    title: Morning Brief
    lists: [readers]
    categories: [World]
    max_articles: 10
    min_articles: 1
`, quote(p.url), quote(strings.TrimPrefix(p.url, "http://")), quote(desk), quote(s.data), quote(p.file("secret")), quote(database),
		s.worker, host, port, p.plan.Connections, inDoubt, p.plan.lease(), dkim, quote(p.feed.url+"/feed.xml"))
	path := p.file(s.name + ".yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return "", fmt.Errorf("write a config: %w", err)
	}
	return path, nil
}

func quote(s string) string {
	b, _ := json.Marshal(s) // a string always can
	return string(b)
}

// databaseURL is a key=value connection string as the URL that a config has.
func databaseURL(dsn string) string {
	query := url.Values{}
	user, name := "", ""
	for _, pair := range settingsOf(dsn) {
		switch key, value, _ := strings.Cut(pair, "="); key {
		case "user":
			user = value
		case "dbname":
			name = value
		case "options":
		default:
			query.Set(key, value)
		}
	}
	u := url.URL{Scheme: "postgres", User: url.User(user), Path: "/" + name, RawQuery: query.Encode()}
	return u.String()
}

// settingsOf splits a connection string; values may stand in single quotes,
// with \ before what would end them.
func settingsOf(dsn string) (pairs []string) {
	var b strings.Builder
	quoted, escaped := false, false
	for _, r := range dsn + " " {
		switch {
		case escaped:
			escaped = false
			b.WriteRune(r)
		case r == '\\':
			escaped = true
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

// makeKey writes a DKIM key (RFC 6376, RFC 8301: RSA of 2048 bits).
func (p *place) makeKey() (err error) {
	if !p.plan.Signed {
		return nil
	}
	if p.key, err = rsa.GenerateKey(crand.Reader, 2048); err != nil {
		return fmt.Errorf("make a DKIM key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(p.key)
	if err != nil {
		return fmt.Errorf("make a DKIM key: %w", err)
	}
	return os.WriteFile(p.file("dkim.pem"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600)
}

// writeReaders writes a file of readers for an import.
func (p *place) writeReaders(name string, numbers []int) (string, error) {
	var b strings.Builder
	b.WriteString("email,name\n")
	for _, n := range numbers {
		fmt.Fprintf(&b, "%s,Reader %d\n", address(n), n)
	}
	path := p.file(name + ".csv")
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		return "", fmt.Errorf("write the readers: %w", err)
	}
	return path, nil
}

// everybody are the numbers of all readers.
func (p *place) everybody() []int {
	all := make([]int, p.plan.Readers)
	for i := range all {
		all[i] = i
	}
	return all
}

// wire serves a feed of as many articles as were told.
type wire struct {
	url    string
	server *http.Server
	done   chan error

	mu    sync.Mutex
	items []string
}

func serveWire() (*wire, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("serve a feed: %w", err)
	}
	w := &wire{url: "http://" + l.Addr().String(), done: make(chan error, 1)}
	w.server = &http.Server{Handler: w, ReadHeaderTimeout: 10 * time.Second}
	go func() { w.done <- w.server.Serve(l) }()
	return w, nil
}

func (w *wire) close() error {
	err := w.server.Close()
	if serr := <-w.done; !errors.Is(serr, http.ErrServerClosed) {
		err = errors.Join(err, serr)
	}
	return err
}

// words are what headlines and key points are made of. Articles must be
// unlike each other, or the program would rightly fold them into one story.
const words = `harbour bridge council flood library tram garden market ferry station roof wall cellar quay tower school theatre
brick winter spring budget million neighbour engineer mayor fisherman teacher driver painter nurse judge farmer baker captain
opens closes moves sells mends paints builds raises lowers counts measures promises refuses delays shortens doubles halves finds
loses keeps early late again slowly twice nearly hardly north south east west upper lower old new narrow broad quiet loud wet dry
cold warm first second third last seven eleven forty ninety hundred thousand metre kilometre week month decade night morning noon
because while until unless although before after behind beside under over through across between against without within around
river lake forest valley island coast village district corner square street lane crossing tunnel canal lock dam mill barn stable`

// sentence is as many words as asked for, by chance.
func sentence(dice *rand.Rand, n int) string {
	all := strings.Fields(words)
	picked := make([]string, n)
	for i := range picked {
		picked[i] = all[dice.IntN(len(all))]
	}
	text := strings.Join(picked, " ")
	return strings.ToUpper(text[:1]) + text[1:]
}

// tell adds n articles to the feed, none of them told before: together they
// make a mail of about 30 KB.
func (w *wire) tell(n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for range n {
		number := len(w.items) + 1
		dice := rand.New(rand.NewPCG(uint64(number), 0))
		var list strings.Builder
		for range 5 {
			list.WriteString("<li>" + sentence(dice, 19) + ".</li>")
		}
		w.items = append(w.items, fmt.Sprintf(`<item><title>%s</title><link>%s/%d</link><guid isPermaLink="false">%d</guid><description><![CDATA[<ul>%s</ul><p>%s.</p>]]></description></item>`,
			sentence(dice, 8), w.url, number, number, list.String(), sentence(dice, 30)))
	}
}

// ServeHTTP answers with the feed; of articles there is nothing but what the
// feed says.
func (w *wire) ServeHTTP(out http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/feed.xml" {
		http.NotFound(out, r)
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	out.Header().Set("Content-Type", "application/rss+xml; charset=utf-8")
	fmt.Fprintf(out, `<?xml version="1.0" encoding="utf-8"?><rss version="2.0"><channel><title>Wire</title><link>%s/</link>%s</channel></rss>`,
		w.url, strings.Join(w.items, ""))
}
