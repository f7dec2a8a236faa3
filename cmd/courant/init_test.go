package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/mail"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"courant/digest"
	"courant/digest/ingest"
	"courant/digest/smtpsink"
	"courant/store/storetest"
)

// novice is somebody with an empty directory, a relay and a feed.
type novice struct {
	t    testing.TB
	dir  string
	sink *smtpsink.Sink
	feed *feedServer
	env  []string
}

// relayPassword is what the sink takes. Nothing may print it.
const relayPassword = "canary secret"

func newNovice(t testing.TB, opt smtpsink.Options) *novice {
	t.Helper()
	n := &novice{t: t, dir: t.TempDir(), sink: startRelay(t, opt, receiver{}), feed: newFeed(t)}
	n.feed.put(item{title: "Harbour closes for repairs", path: "/harbour", html: points})
	n.feed.put(item{title: "Bridge opens a year early", path: "/bridge", html: "<p>Short.</p>"})
	n.env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + n.dir, "TZ=Europe/Lisbon", "LANG=de_AT.UTF-8", "COURANT_CLOCK=0s"}
	return n
}

// withLogin is a relay on this machine that wants a name and a password.
func withLogin() smtpsink.Options {
	return smtpsink.Options{Accounts: map[string]string{"harbour": relayPassword}, AuthInClear: true}
}

func (n *novice) command(args ...string) *exec.Cmd {
	n.t.Helper()
	path, err := binary()
	if err != nil {
		n.t.Fatal(err)
	}
	c := exec.CommandContext(n.t.Context(), path, args...)
	c.Dir, c.Env = n.dir, n.env
	return c
}

// run runs the program with lines on standard input. Whatever it says, it
// says nothing secret.
func (n *novice) run(lines string, args ...string) result {
	n.t.Helper()
	c := n.command(args...)
	c.Stdin = strings.NewReader(lines)
	var out, errs bytes.Buffer
	c.Stdout, c.Stderr = &out, &errs
	err := c.Run()
	if c.ProcessState == nil {
		n.t.Fatal(err)
	}
	if said := out.String() + errs.String(); strings.Contains(said, "canary") {
		n.t.Errorf("a secret is printed:\n%s", said)
	}
	return result{c.ProcessState.ExitCode(), out.String(), errs.String()}
}

// initialised wants init to have written its files.
func (n *novice) initialised(lines string, args ...string) result {
	n.t.Helper()
	r := n.run(lines, append([]string{"init"}, args...)...)
	if r.code != 0 {
		n.t.Fatalf("init: exit %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	if check := n.run("", "check", "--offline"); check.code != 0 && !slices.Contains(args, "--config") {
		n.t.Fatalf("check: exit %d\n%s%s\n%s", check.code, check.stdout, check.stderr, n.read("courant.yaml"))
	}
	return r
}

// files are the names in the directory.
func (n *novice) files() (names []string) {
	n.t.Helper()
	entries, err := os.ReadDir(n.dir)
	if err != nil {
		n.t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func (n *novice) read(name string) string {
	n.t.Helper()
	text, err := os.ReadFile(filepath.Join(n.dir, name))
	if err != nil {
		n.t.Fatal(err)
	}
	return string(text)
}

func (n *novice) write(name, text string) {
	n.t.Helper()
	if err := os.WriteFile(filepath.Join(n.dir, name), []byte(text), 0o600); err != nil {
		n.t.Fatal(err)
	}
}

func (n *novice) page(path, html string) {
	n.feed.mu.Lock()
	defer n.feed.mu.Unlock()
	n.feed.pages[path] = html
}

func (n *novice) feedAddress() string { return n.feed.URL + "/feed.xml" }

// flags answer everything, for a relay on this machine without a login.
func (n *novice) flags(more ...string) []string {
	return append([]string{"--yes", "--name", "Harbour News", "--from", "news@example.com", "--postal-address", "1 Quay Street, Harbour City",
		"--relay", n.sink.Addr(), "--feed", n.feedAddress()}, more...)
}

// realFlags are for a relay elsewhere, which is not tried.
func realFlags(more ...string) []string {
	return append([]string{"--yes", "--no-test", "--name", "Harbour News", "--from", "news@courant.news", "--postal-address", "1 Quay Street",
		"--relay", "smtp.courant.news", "--feed", "https://wire.courant.news/feed.xml"}, more...)
}

func has(t testing.TB, text string, wants ...string) {
	t.Helper()
	for _, want := range wants {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
}

// The issue's own promise: three steps from nothing to a mail.
func TestThreeStepsFromNothingToAMail(t *testing.T) {
	t.Parallel()
	dsn := storetest.DSN(t)
	opt := withLogin()
	opt.Bodies = true
	n := newNovice(t, opt)
	r := n.initialised(strings.Join([]string{
		"Harbour News", "news@example.com", "1 Quay Street, Harbour City", "",
		"smtp://harbour@" + n.sink.Addr(), relayPassword, n.feedAddress(), "",
	}, "\n"))
	has(t, r.stdout, "1/5", "5/5", "logged in as harbour.", `"Wire", articles: 2, category "News"`, "• Harbour closes for repairs  points: feed",
		"courant readers import list.csv", "courant send morning --only news@example.com", "courant serve", "allow_private_sources")
	if got := n.files(); !slices.Equal(got, []string{"courant.schema.json", "courant.yaml", "smtp-password"}) {
		t.Errorf("files: %q", got)
	}
	written := n.read("courant.yaml")
	has(t, written, "name: Harbour News\n", "from: Harbour News <news@example.com>\n", "url: http://127.0.0.1:8080", "time_zone: Europe/Lisbon\n",
		"language: de ", "allow_private_sources: true", "username: harbour, password_file: smtp-password}\n", "sources:\n  - {name: Wire, feed: ", "categories: [News]\n", "courant schema")
	if !strings.HasPrefix(written, "# yaml-language-server: $schema=courant.schema.json\n") || strings.Contains(written, "canary") {
		t.Errorf("the config is\n%s", written)
	}
	if lines := strings.Count(written, "\n"); lines > 20 {
		t.Errorf("the config has %d lines\n%s", lines, written)
	}
	n.mode("smtp-password", 0o600)
	n.mode("courant.yaml", 0o644)

	// What belongs to the machine of the test, not to the editor.
	second := "  - {name: Gone, feed: \"" + n.feed.URL + "/gone.xml\", category: News}\nlists:\n"
	n.write("courant.yaml", strings.Replace(written, "lists:\n", second, 1)+fmt.Sprintf("database: %q\ndata_dir: data\nlisten: %s\n", postgresURL(dsn), freeAddress(t)))
	n.write("list.csv", "email,name\nann@example.org,Ann\n")
	for _, args := range [][]string{{"readers", "import", "list.csv"}, {"send", "morning", "--only", "me@example.org"}} {
		r := n.run("", args...)
		if r.code != 0 {
			t.Fatalf("%q: exit %d\n%s%s", args, r.code, r.stdout, r.stderr)
		}
		if args[0] == "send" {
			has(t, r.stderr, "source Gone: ", "answered 404") // and keeps no mail from anybody
		}
	}
	got := n.sink.To("me@example.org")
	if len(got) != 1 || !bytes.Contains(got[0].Body, []byte("Harbour closes for repairs")) || got[0].User != "harbour" {
		t.Fatalf("%d mails came", len(got))
	}
	if r := n.run("", "send", "morning"); r.code != 0 || len(n.sink.To("ann@example.org")) != 1 || strings.Contains(r.stderr, "Gone") {
		t.Errorf("the reader got no mail, or a source was polled again: %+v", r)
	}
}

func (n *novice) mode(name string, want fs.FileMode) {
	n.t.Helper()
	info, err := os.Stat(filepath.Join(n.dir, name))
	if err != nil || info.Mode().Perm() != want {
		n.t.Errorf("%s has mode %v, want %v (%v)", name, info.Mode(), want, err)
	}
}

func TestFlagsAnswerEverything(t *testing.T) {
	t.Parallel()
	n := newNovice(t, withLogin())
	n.write("pw", relayPassword+"\n")
	n.initialised("", n.flags("--username", "harbour", "--password-file", "pw", "--category", "Port: #1", "--zone", "Asia/Tokyo", "--language", "fr", "--url", "http://127.0.0.1:8088")...)
	has(t, n.read("courant.yaml"), "password_file: pw}", "username: harbour,", `categories: ["Port: #1"]`, "time_zone: Asia/Tokyo", "language: fr", "url: http://127.0.0.1:8088")
	if slices.Contains(n.files(), "smtp-password") {
		t.Error("a second password file was written")
	}
}

func TestPasswordComesFromTheEnvironment(t *testing.T) {
	t.Parallel()
	n := newNovice(t, withLogin())
	n.env = append(n.env, "SMTP_PASSWORD="+relayPassword)
	n.initialised("", n.flags("--username", "harbour")...)
	if got := n.read("smtp-password"); got != relayPassword+"\n" {
		t.Errorf("the password file holds %q", got)
	}
	n.mode("smtp-password", 0o600)
}

// Each wrong answer of a pipe is refused with its reason, and ends the command:
// the line behind it may be a password.
func TestWrongAnswersAreRefusedWithTheReason(t *testing.T) {
	t.Parallel()
	n := newNovice(t, smtpsink.Options{})
	right := []string{"Harbour News", `'"Desk, Night" <news@example.com>'`, "1 Quay", "https://news.example.com", n.sink.Addr(), n.feedAddress(), ""}
	for _, c := range []struct {
		at            int
		wrong, reason string
	}{
		{0, "", "there is no default here"}, {0, "a\x07b", "without control characters"}, {0, "${HOME}", "read in secret keys only"}, {0, "\xff", "no UTF-8"},
		{1, "news", `"news" is no address`}, {1, "news@127.1", `"127.1" is not a whole domain`}, {1, "Harbour, News <news@example.com>", "stands in double quotes"},
		{2, "", "there is no default here"},
		{3, "ftp://news.example.com", `"ftp" addresses are not read`}, {3, "https://news.example.com/?a=b", "nothing from ? or # on"}, {3, "http://news.example.com", "must be https"},
		{4, "news@example.com", "is an address; the relay is a host"}, {4, "smtp://u:canary@host", "a password doesn't belong here"}, {4, "host:99999", `"99999" is no port`},
		{4, "ftp://host", `"ftp" is no way to a relay`}, {4, "smtp://host/path", "is no relay"},
		{5, "gopher://x", `"gopher" addresses`}, {5, "http://169.254.169.254/feed", "is never read"},
	} {
		lines := append(slices.Clone(right[:c.at]), c.wrong, "canary")
		r := n.run(strings.Join(lines, "\n"), "init")
		if r.code != exitFailed || !strings.Contains(r.stderr, c.reason) || !strings.Contains(r.stderr, "nothing was written") {
			t.Errorf("%q: exit %d, %s", c.wrong, r.code, r.stderr)
		}
		if len(n.files()) > 0 {
			t.Errorf("%q: the next line was read, or something written: %s\n%s", c.wrong, n.files(), r.stderr)
		}
	}
	n.initialised(strings.Join(right, "\n"))
	has(t, n.read("courant.yaml"), `"Desk, Night\" <news@example.com>`, "url: https://news.example.com ")
}

// No default leaks into a mail that leaves the machine: what was fine for
// trying out is refused when the relay is known.
func TestExamplesAreRefusedForARealRelay(t *testing.T) {
	t.Parallel()
	n := newNovice(t, smtpsink.Options{})
	for _, c := range []struct{ from, address, reason string }{
		{"news@example.com", "https://news.courant.news", "example.com is a domain for examples, but smtp.courant.news would send real mail"},
		{"news@office.lan", "https://news.courant.news", "not office.lan"},
		{"news@courant.news", "http://127.0.0.1:8080", "readers elsewhere cannot open 127.0.0.1"},
		{"news@courant.news", "https://localhost", "readers elsewhere cannot open localhost"},
		{"news@courant.news", "https://127.1", `"127.1" is no host`},
		{"news@courant.news", "https://news.example.net", "news.example.net is a domain for examples"},
		{"news@courant.news", "https://10.0.0.1", "readers elsewhere cannot open 10.0.0.1"},
	} {
		r := n.run(strings.Join([]string{"Harbour News", c.from, "1 Quay", c.address, "smtp.courant.news", "-", "https://wire.courant.news/feed.xml", ""}, "\n"), "init", "--no-test")
		if r.code != exitFailed || !strings.Contains(r.stderr, c.reason) || len(n.files()) > 0 {
			t.Errorf("%s, %s: exit %d, files %s, %s", c.from, c.address, r.code, n.files(), r.stderr)
		}
	}
	r := n.initialised(strings.Join([]string{"Harbour News", "news@courant.news", "1 Quay", "", "smtp.courant.news", "-", "https://wire.courant.news/feed.xml", ""}, "\n"), "--no-test")
	has(t, r.stdout, "Not tried: the relay smtp.courant.news:587 and the feed", "courant check --live")
	has(t, n.read("courant.yaml"), "from: Harbour News <news@courant.news>", "url: https://news.courant.news ", "host: smtp.courant.news")
}

func TestMisusedFlagsAreNamed(t *testing.T) {
	t.Parallel()
	n := newNovice(t, withLogin())
	n.write("open", relayPassword)
	if err := os.Chmod(filepath.Join(n.dir, "open"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		want string
		args []string
	}{
		{"--name, --from, --postal-address, --relay, --feed", []string{"--yes"}},
		{"no default for --feed;", []string{"--yes", "--name", "a", "--from", "a@b.c", "--postal-address", "b", "--relay", "localhost"}},
		{"--from: \"x\" is no address", n.flags("--from", "x")},
		{"--url: ", n.flags("--url", "http://news.courant.news")},
		{"--zone: \"CET\"", n.flags("--zone", "CET")},
		{"--language: ", n.flags("--language", "xxxxxxxxx")},
		{"--category: ", n.flags("--category", "a\nb")},
		{"no password for harbour", n.flags("--username", "harbour")},
		{"--password-file needs --username", n.flags("--password-file", "open")},
		{"chmod 600 open", n.flags("--username", "harbour", "--password-file", "open")},
		{"there is no file", n.flags("--username", "harbour", "--password-file", "away")},
		{"--from: example.com is a domain for examples", realFlags("--from", "news@example.com")},
		{"--url: readers elsewhere cannot open 127.0.0.1", realFlags("--url", "http://127.0.0.1:8080")},
		{"--url: readers elsewhere cannot open", realFlags("--url", "https://[64:ff9b::7f00:1]")},
		{"and --url: ", realFlags("--from", "news@example.com", "--url", "https://localhost")},
		{"unknown flag", []string{"--password", "canary-less"}},
		{"takes other arguments", []string{"five"}},
	} {
		r := n.run("", append([]string{"init"}, c.args...)...)
		if r.code != 2 || !strings.Contains(r.stderr, c.want) {
			t.Errorf("%q: exit %d, %s, want %s", c.args, r.code, r.stderr, c.want)
		}
	}
	if got := n.files(); !slices.Equal(got, []string{"open"}) {
		t.Errorf("files: %q", got)
	}
}

func TestRelayThatRefusesIsToldWithTheNextStep(t *testing.T) {
	t.Parallel()
	closed := freeAddress(t)
	silent := startRelay(t, smtpsink.Options{Script: smtpsink.Rules(smtpsink.Rule{At: smtpsink.AtConnect, Do: smtpsink.Action{Do: smtpsink.Answer, Reply: smtpsink.Reply{Code: 554, Text: "go away"}}})}, receiver{})
	n := newNovice(t, withLogin())
	n.env = append(n.env, "SMTP_PASSWORD=canary wrong")
	for _, c := range []struct{ relay, want string }{
		{"smtp://harbour@" + n.sink.Addr(), "check user name and password"},
		{closed, "nothing listens at port"},
		{silent.Addr(), "554 go away"},
		{"smtps://" + n.sink.Addr(), "write it without smtps://"},
		{"smtp://u@nowhere.invalid", "check the spelling of nowhere.invalid"},
	} {
		r := n.run("", append([]string{"init"}, n.flags("--relay", c.relay, "--from", "news@courant.news")...)...)
		if r.code != 1 || !strings.Contains(r.stderr, c.want) || !strings.Contains(r.stderr, "--no-test") || !strings.HasSuffix(r.stderr, "nothing was written\n") {
			t.Errorf("%s: exit %d, %s, want %s", c.relay, r.code, r.stderr, c.want)
		}
	}
	if got := n.files(); len(got) != 0 {
		t.Errorf("files: %q", got)
	}
}

// A server that repeats what it was told must not show it to whoever looks
// over the shoulder.
func TestPasswordInARelaysWordsIsMasked(t *testing.T) {
	t.Parallel()
	opt := withLogin()
	opt.Script = smtpsink.Rules(smtpsink.Rule{At: smtpsink.AtAuth, Do: smtpsink.Action{Do: smtpsink.Answer, Reply: smtpsink.Reply{Code: 535, Text: "no such password: " + relayPassword}}})
	n := newNovice(t, opt)
	n.env = append(n.env, "SMTP_PASSWORD="+relayPassword)
	r := n.run("", append([]string{"init"}, n.flags("--username", "harbour")...)...)
	if r.code != 1 {
		t.Errorf("exit %d", r.code)
	}
	has(t, r.stderr, "535 no such password: [cut out];")
}

func TestRelayIsTriedAgainChangedOrWrittenAnyway(t *testing.T) {
	t.Parallel()
	n := newNovice(t, withLogin())
	closed := freeAddress(t)
	start := []string{"Harbour News", "news@example.com", "1 Quay", ""}
	r := n.initialised(strings.Join(append(slices.Clone(start),
		closed, "t", "what", "", // no listener: again, then another relay
		"smtp://harbour@"+n.sink.Addr(), "canary wrong", "c",
		"", "", relayPassword, // the same relay and name, the right password
		n.feedAddress(), ""), "\n"))
	has(t, r.stdout, "nothing listens", `"what" is not one of c, t, w`, "535", "check user name and password", "logged in as harbour.")
	if got := n.read("smtp-password"); got != relayPassword+"\n" {
		t.Errorf("the password file holds %q", got)
	}
	other := newNovice(t, smtpsink.Options{})
	r = other.initialised(strings.Join(append(slices.Clone(start), closed, "w", closed+"/feed.xml", "w", ""), "\n"))
	has(t, r.stdout, "Not tried: the relay "+closed+" and the feed")
}

// trustSink lets a child process trust the sink's certificate.
func (n *novice) trustSink() {
	n.t.Helper()
	conn, err := tls.Dial("tcp", n.sink.Addr(), &tls.Config{RootCAs: n.sink.Pool(), ServerName: "localhost"})
	if err != nil {
		n.t.Fatal(err)
	}
	leaf := conn.ConnectionState().PeerCertificates[0].Raw
	if err := conn.Close(); err != nil {
		n.t.Fatal(err)
	}
	path := filepath.Join(n.t.TempDir(), "roots.pem")
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leaf}), 0o600); err != nil {
		n.t.Fatal(err)
	}
	n.env = append(n.env, "SSL_CERT_FILE="+path)
}

func TestLoginGoesThroughTLS(t *testing.T) {
	t.Parallel()
	n := newNovice(t, smtpsink.Options{Accounts: map[string]string{"harbour": relayPassword}, Security: smtpsink.Implicit})
	n.env = append(n.env, "SMTP_PASSWORD="+relayPassword)
	relay := fmt.Sprintf("smtps://harbour@localhost:%d", n.sink.Port())
	if r := n.run("", append([]string{"init"}, n.flags("--relay", relay)...)...); r.code != 1 || !strings.Contains(r.stderr, "by the name its certificate has") {
		t.Errorf("a strange certificate: %+v", r)
	}
	n.trustSink()
	n.initialised("", n.flags("--relay", relay)...)
	has(t, n.read("courant.yaml"), "tls: tls", "host: localhost", fmt.Sprintf("port: %d", n.sink.Port()))
	if n.sink.Reached(smtpsink.AtAuth) != 1 {
		t.Errorf("%d logins", n.sink.Reached(smtpsink.AtAuth))
	}
}

func TestPageLeadsToItsFeed(t *testing.T) {
	t.Parallel()
	n := newNovice(t, smtpsink.Options{})
	n.page("/", `<html><head><title>Harbour</title><link rel="alternate" type="application/rss+xml" href="/feed.xml"></head><body><h1>Harbour</h1><p>News.</p></body></html>`)
	r := n.initialised("", n.flags("--feed", n.feed.URL+"/")...)
	has(t, r.stdout, "names its feed", `"Wire"`)
	has(t, n.read("courant.yaml"), "feed: "+n.feedAddress()+",")
}

// What one private host says of another is no permission to look there.
func TestFeedOfAnotherPrivateHostIsNotRead(t *testing.T) {
	t.Parallel()
	n, other := newNovice(t, smtpsink.Options{}), newFeed(t)
	n.page("/", `<html><head><title>Harbour</title><link rel="alternate" type="application/rss+xml" href="`+other.URL+`/feed.xml"></head><body><h1>Harbour</h1></body></html>`)
	r := n.run("", append([]string{"init"}, n.flags("--feed", n.feed.URL+"/")...)...)
	if r.code != 1 || !strings.Contains(r.stderr, "private or special address") {
		t.Errorf("%+v", r)
	}
}

func TestPageWithoutAFeedIsKeptOrChanged(t *testing.T) {
	t.Parallel()
	n := newNovice(t, smtpsink.Options{})
	n.page("/story", page)
	lines := []string{"Harbour News", "news@example.com", "1 Quay", "", n.sink.Addr(), n.feed.URL + "/story"}
	r := n.initialised(strings.Join(append(slices.Clone(lines), "", ""), "\n"))
	has(t, r.stdout, "one article, and nothing new later")
	has(t, n.read("courant.yaml"), "page: "+n.feed.URL+"/story,")
	other := newNovice(t, smtpsink.Options{})
	other.initialised(strings.Join(append(lines, "c", other.feedAddress(), ""), "\n"))
	has(t, other.read("courant.yaml"), "feed: "+other.feedAddress()+",")
}

func TestFeedThatCannotBeReadIsTold(t *testing.T) {
	t.Parallel()
	n := newNovice(t, smtpsink.Options{})
	r := n.run("", append([]string{"init"}, n.flags("--feed", n.feed.URL+"/none.xml")...)...)
	if r.code != 1 || !strings.Contains(r.stderr, "answered 404") || len(n.files()) != 0 {
		t.Errorf("%+v, files %q", r, n.files())
	}
	lines := []string{"Harbour News", "news@example.com", "1 Quay", "", n.sink.Addr(), n.feed.URL + "/none.xml", "t", "c", n.feedAddress(), ""}
	n.initialised(strings.Join(lines, "\n"))
	has(t, n.read("courant.yaml"), "feed: "+n.feedAddress()+",", "name: Wire,")
}

// What ends early leaves nothing behind, wherever it ends.
func TestAnswersThatEndEarlyLeaveNothing(t *testing.T) {
	t.Parallel()
	n := newNovice(t, withLogin())
	lines := []string{"Harbour News", "news@example.com", "1 Quay", "", "smtp://harbour@" + n.sink.Addr(), relayPassword}
	for i := range len(lines) + 1 {
		r := n.run(strings.Join(lines[:i], "\n"), "init")
		if r.code != 1 || !strings.Contains(r.stderr, "the answers ended at the question") || !strings.HasSuffix(r.stderr, "nothing was written\n") {
			t.Errorf("after %d answers: %+v", i, r)
		}
	}
	if got := n.files(); len(got) != 0 {
		t.Errorf("files: %q", got)
	}
}

func TestNothingIsOverwritten(t *testing.T) {
	t.Parallel()
	n := newNovice(t, withLogin())
	n.write("courant.yaml", "mine\n")
	r := n.run("", append([]string{"init"}, n.flags()...)...)
	if r.code != 1 || !strings.Contains(r.stderr, "--config other.yaml") || n.read("courant.yaml") != "mine\n" {
		t.Errorf("%+v", r)
	}
	n.write("other.smtp-password", "canary other\n")
	n.env = append(n.env, "SMTP_PASSWORD="+relayPassword)
	r = n.run("", append([]string{"init", "--config", "other.yaml"}, n.flags("--username", "harbour")...)...)
	if r.code != 1 || !strings.Contains(r.stderr, "rm other.smtp-password") || n.read("other.smtp-password") != "canary other\n" {
		t.Errorf("%+v", r)
	}
	if r := n.run("", "init", "--config", "away/courant.yaml"); r.code != 1 || !strings.Contains(r.stderr, "mkdir -p away") {
		t.Errorf("%+v", r)
	}
	if got := n.files(); !slices.Equal(got, []string{"courant.yaml", "other.smtp-password"}) {
		t.Errorf("files: %q", got)
	}
}

// Between the first look and the last answer another init may have been there.
func TestFileThatAppearedMeanwhileIsKept(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "courant.yaml")
	if err := placeFile(path, 0o644, []byte("theirs\n")); err != nil {
		t.Fatal(err)
	}
	err := placeFile(path, 0o644, []byte("ours\n"))
	text, readErr := os.ReadFile(path)
	if err == nil || !strings.Contains(err.Error(), "appeared meanwhile") || readErr != nil || string(text) != "theirs\n" {
		t.Errorf("%v; %q, %v", err, text, readErr)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("%d files, %v", len(entries), err)
	}
}

// A config that would be read as something else is never put in place, and
// takes the files beside it away again.
func TestWrittenConfigMustBeReadAsAnswered(t *testing.T) {
	t.Parallel()
	for what, spoil := range map[string]func(*draft){
		"refused":      func(d *draft) { d.Zone = "nowhere" },
		"another one":  func(d *draft) { d.From.Address = "news@Courant.news" },
		"no such file": func(d *draft) { d.PasswordFile = "away" },
	} {
		d := wholeDraft("Harbour News", "1 Quay", "News", "harbour")
		spoil(&d)
		dir := t.TempDir()
		at, err := newPlace(filepath.Join(dir, "courant.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		i := &interview{program: &program{env: testEnv, configFile: "courant.yaml"}, place: at, draft: d}
		_, _, err = i.write()
		if err == nil || !strings.Contains(err.Error(), "a fault of init itself") || strings.Contains(err.Error(), canary) {
			t.Errorf("%s: %v", what, err)
		}
		if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 {
			t.Errorf("%s: %d files are left, %v", what, len(entries), err)
		}
	}
}

// A killed init leaves at most a password file and a half one: both are told,
// and the first can be taken again.
func TestLeftOversAreRecognised(t *testing.T) {
	t.Parallel()
	n := newNovice(t, withLogin())
	n.write("smtp-password", relayPassword+"\n")
	n.write(unfinished+"HALF", "canary")
	r := n.initialised(strings.Join([]string{"Harbour News", "news@example.com", "1 Quay", "", "smtp://harbour@" + n.sink.Addr(),
		"canary another", "", n.feedAddress(), ""}, "\n"))
	has(t, r.stdout, "note: smtp-password is there already", "rm "+unfinished+"HALF", "smtp-password is there already and holds something else", "[the one in smtp-password]", "logged in")
}

// Killed at whatever moment, init leaves no config or a whole one.
func TestKilledInitLeavesNoHalfConfig(t *testing.T) {
	t.Parallel()
	for i := range 12 {
		n := newNovice(t, smtpsink.Options{})
		n.env = append(n.env, "SMTP_PASSWORD="+relayPassword)
		c := n.command(append([]string{"init"}, realFlags("--username", "u")...)...)
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		kill := time.AfterFunc(time.Duration(i)*3*time.Millisecond, func() { _ = c.Process.Kill() }) // it may be over
		err := c.Wait()
		kill.Stop()
		_, missing := os.Stat(filepath.Join(n.dir, "courant.yaml"))
		if missing == nil {
			if r := n.run("", "check", "--offline"); r.code != 0 {
				t.Errorf("a half config is left (%v): %+v\n%s", err, r, n.read("courant.yaml"))
			}
		} else if text, err := os.ReadFile(filepath.Join(n.dir, "smtp-password")); err == nil && string(text) != relayPassword+"\n" {
			t.Errorf("a half password is left: %q", text)
		}
	}
}

func TestInterruptedInitLeavesNothing(t *testing.T) {
	t.Parallel()
	n := newNovice(t, smtpsink.Options{})
	c := n.command("init")
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out := &lockedBuffer{}
	asked := make(chan struct{})
	c.Stdout, c.Stderr = &watched{out, "2/5", asked}, out
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintln(in, "Harbour News")
	<-asked
	if err := c.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	var exit *exec.ExitError
	if err := c.Wait(); !errors.As(err, &exit) || exit.ExitCode() != 1 {
		t.Errorf("it ended with %v", err)
	}
	has(t, out.String(), "init was interrupted; nothing was written")
	if got := n.files(); len(got) != 0 {
		t.Errorf("files: %q", got)
	}
}

// watched tells when a word was written.
type watched struct {
	*lockedBuffer
	word string
	seen chan struct{}
}

func (w *watched) Write(p []byte) (int, error) {
	before := strings.Contains(w.String(), w.word)
	n, err := w.lockedBuffer.Write(p)
	if !before && strings.Contains(w.String(), w.word) {
		close(w.seen)
	}
	return n, err
}

func TestPipesAreNotReadForever(t *testing.T) {
	t.Parallel()
	n := newNovice(t, smtpsink.Options{})
	if r := n.run(strings.Repeat("x", 2*mostAnswers), "init"); r.code != 1 {
		t.Errorf("exit %d", r.code)
	}
}

func TestMachineZoneAndLanguage(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	if err := os.MkdirAll(filepath.Join(root, "etc"), 0o755); err != nil {
		t.Fatal(err)
	}
	env := func(pairs ...string) func(string) (string, bool) {
		return func(name string) (string, bool) {
			if i := slices.Index(pairs, name); i >= 0 {
				return pairs[i+1], true
			}
			return "", false
		}
	}
	zone := func(want string, pairs ...string) {
		t.Helper()
		if len(pairs) == 0 {
			pairs = []string{"TZ", ""}
		}
		if got := machineZone(root, env(pairs...)); got != want {
			t.Errorf("%q: %s, want %s", pairs, got, want)
		}
	}
	zone("UTC")
	if err := os.WriteFile(filepath.Join(root, "etc/timezone"), []byte("America/Lima\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	zone("America/Lima")
	if err := os.Symlink("/usr/share/zoneinfo/Asia/Kolkata", filepath.Join(root, "etc/localtime")); err != nil {
		t.Fatal(err)
	}
	zone("Asia/Kolkata")
	zone("Europe/Paris", "TZ", ":Europe/Paris")
	zone("UTC", "TZ", "Etc/UTC")
	zone("Asia/Kolkata", "TZ", "CET-1CEST")
	zone("Asia/Kolkata", "TZ", "reader")
	for _, c := range []struct{ name, locale, want string }{
		{"LANG", "de_DE.UTF-8", "de"}, {"LANG", "C.UTF-8", "en"}, {"LC_ALL", "pt_BR", "pt"}, {"LC_MESSAGES", "ja_JP.UTF-8", "en"}, {"LANG", "", "en"}, {"LANG", "../x", "en"},
	} {
		if got, err := machineLanguage(env(c.name, c.locale)); err != nil || got != c.want {
			t.Errorf("%s=%s: %s, %v, want %s", c.name, c.locale, got, err, c.want)
		}
	}
}

func TestRelayAnswers(t *testing.T) {
	t.Parallel()
	for answer, want := range map[string]string{
		"smtp.courant.news":                      "smtp.courant.news 587 starttls ",
		"smtp.courant.news:25":                   "smtp.courant.news 25 starttls ",
		"smtp.courant.news:465":                  "smtp.courant.news 465 tls ",
		"smtps://smtp.courant.news":              "smtp.courant.news 465 tls ",
		"SMTPS://u@smtp.courant.news:2465/":      "smtp.courant.news 2465 tls u",
		"smtp://a@b.news@smtp.courant.news":      "smtp.courant.news 587 starttls a@b.news",
		"smtp://a%40b.news@smtp.courant.news:25": "smtp.courant.news 25 starttls a@b.news",
		"localhost":                              "localhost 25 none ",
		"127.0.0.1:2525":                         "127.0.0.1 2525 none ",
		"::1":                                    "::1 25 none ",
		"[::1]:2525":                             "::1 2525 none ",
		" Bücher.news ":                          "xn--bcher-kva.news 587 starttls ",
		"2001:db8::1":                            "2001:db8::1 587 starttls ",
	} {
		r, err := parseRelayAnswer(answer)
		if got := fmt.Sprintf("%s %d %s %s", r.Host, r.Port, r.TLS, r.Username); err != nil || got != want {
			t.Errorf("%q: %q, %v, want %q", answer, got, err, want)
		}
		if back, err := parseRelayAnswer(r.answer()); err != nil || back.Host != r.Host || back.Port != r.Port || back.TLS != r.TLS {
			t.Errorf("%q is offered as %q, which is %+v, %v", answer, r.answer(), back, err)
		}
	}
	for _, answer := range []string{"", "@", "a b", "u@host.news", "smtp://u:canary@host", "smtp://u:canary@", "smtp://u:can%zzary@host", "host:0", "host:x", "127.1", "https://x", "smtp://", "host?x", "smtp://host#canary@x"} {
		if r, err := parseRelayAnswer(answer); err == nil || strings.Contains(err.Error(), "canary") {
			t.Errorf("%q: %+v, %v", answer, r, err)
		}
	}
}

func TestFeedInsideIsSeenBehindItsName(t *testing.T) {
	t.Parallel()
	i := &interview{hosts: func(_ context.Context, _, host string) ([]netip.Addr, error) {
		switch host {
		case "wire.courant.news":
			return []netip.Addr{netip.MustParseAddr("10.0.0.7")}, nil
		case "both.courant.news":
			return []netip.Addr{netip.MustParseAddr("10.0.0.7"), netip.MustParseAddr("193.99.144.80")}, nil
		}
		return nil, &net.DNSError{IsNotFound: true}
	}}
	for address, want := range map[string]bool{
		"https://wire.courant.news/feed": true, "https://both.courant.news/feed": false, "https://gone.courant.news/feed": false,
		"http://127.0.0.1/feed": true, "http://wire.lan/feed": true, "https://193.99.144.80/feed": false,
	} {
		if got := i.inside(t.Context(), address); got != want {
			t.Errorf("%s: %v", address, got)
		}
	}
}

func TestUsualCategoryAndName(t *testing.T) {
	t.Parallel()
	articles := func(categories ...string) (all []digest.Article) {
		for _, c := range categories {
			all = append(all, digest.Article{Category: c, Site: "Example Wire"})
		}
		return all
	}
	for want, all := range map[string][]digest.Article{
		"World": articles("World", "world", "Sport"), "": articles("World", "", ""), "Sport": articles("", "Sport"),
	} {
		if got := usualCategory(all); got != want {
			t.Errorf("%+v: %q, want %q", all, got, want)
		}
	}
	for _, c := range []struct {
		seen ingest.Extraction
		want string
	}{
		{ingest.Extraction{Kind: ingest.KindFeed, Title: "Wire"}, "Wire"},
		{ingest.Extraction{Kind: ingest.KindFeed}, "host"},
		{ingest.Extraction{Kind: ingest.KindFeed, Title: "a\u202eb\x1b[31m"}, "ab"},
		{ingest.Extraction{Kind: ingest.KindFeed, Title: strings.Repeat("é", 200)}, strings.Repeat("é", 79) + "…"},
		{ingest.Extraction{Kind: ingest.KindPage, Title: "Headline", Articles: articles("")}, "Example Wire"},
	} {
		if got := sourceName(c.seen, "host"); got != c.want {
			t.Errorf("%q: %q, want %q", c.seen.Title, got, c.want)
		}
	}
}

// wholeDraft is a draft with every answer, and these texts in it.
func wholeDraft(name, postal, category, username string) draft {
	return draft{
		Name: name, From: mail.Address{Name: name, Address: "news@courant.news"}, Postal: postal, URL: "https://news.courant.news",
		Language: "en", Zone: "Europe/Berlin", PasswordFile: "smtp-password",
		Relay:  Relay{Host: "smtp.courant.news", Port: 587, TLS: TLSStart, Username: username, Password: secret{value: canary + "-file"}},
		Source: digest.Source{Name: name, Kind: digest.SourceFeed, URL: "https://wire.courant.news/feed.xml", Category: category},
	}
}

// Whatever may be answered is written so that the config reads it back.
func FuzzAnswersAreReadBack(f *testing.F) {
	for _, s := range []string{
		"Harbour News", `"Harbour" 'News'`, "a: b # c", "#", "- a", "? a", "~", "null", "true", "yes", "0x1f", "1_000", "2026-01-01", "12:30:00", "&a", "*a", "!a", "|", ">", "%a", "@a", "`a`",
		"{a}", "[a]", "a, b", "a:", ":a", "a\\b", `a\"b`, "😀 النشرة", "נייעס", "${HOME}", "{{.Title}}", "<a@b>", "a\u00a0b", "a\ufeffb", "\ufffd", "...", "---", "=?utf-8?q?a?=", "Example, Inc.", "a;b", "(a)", "é", "e\u0301", "a\\", "\xff0",
	} {
		f.Add(s)
	}
	dir := configDir(f)
	p := &program{env: testEnv}
	f.Fuzz(func(t *testing.T, s string) {
		name, err := writableLine(s)
		if err != nil {
			return
		}
		if _, err := parseMailbox(mailbox(mail.Address{Name: name, Address: "news@courant.news"})); err != nil {
			return // no name of a mailbox, nor of this config then
		}
		path := filepath.Join(t.TempDir(), "courant.yaml")
		d := wholeDraft(name, name, name, name)
		d.PasswordFile = filepath.Join(dir, "smtp-password")
		back, err := parseMailbox(mailboxText(d.From))
		if err != nil {
			t.Fatalf("%q: %v", mailboxText(d.From), err)
		}
		d.From = back
		if err := os.WriteFile(path, []byte(d.yaml()), 0o600); err != nil {
			t.Fatal(err)
		}
		i := &interview{program: p, draft: d}
		if _, err := i.readBack(path); err != nil {
			t.Errorf("%v\n%s", err, d.yaml())
		}
	})
}

// A relay on this machine that offers a login may take none; Enter says so.
func TestLoginOfALoopbackRelayIsOffered(t *testing.T) {
	t.Parallel()
	start := []string{"Harbour News", "news@example.com", "1 Quay", ""}
	n := newNovice(t, withLogin())
	r := n.initialised(strings.Join(append(slices.Clone(start), n.sink.Addr(), "harbour", relayPassword, n.feedAddress(), ""), "\n"))
	has(t, r.stdout, "it answers.", "It takes a login", "Enter for none", "logged in as harbour.")
	has(t, n.read("courant.yaml"), "username: harbour, password_file: smtp-password}")
	none := newNovice(t, withLogin())
	none.initialised(strings.Join(append(slices.Clone(start), none.sink.Addr(), "", none.feedAddress(), ""), "\n"))
	if text := none.read("courant.yaml"); strings.Contains(text, "username") || slices.Contains(none.files(), "smtp-password") {
		t.Errorf("a login was written:\n%s", text)
	}
	silent := newNovice(t, withLogin())
	silent.initialised("", silent.flags()...) // --yes asks nothing
}

// Long values have a line each.
func TestLongMappingsStayInBlocks(t *testing.T) {
	t.Parallel()
	pairs := [][2]string{{"name", "Wire, {late}"}, {"feed", "https://wire.courant.news/a,b"}}
	if got, want := compactMapping("  - ", "    ", pairs), "  - {name: \"Wire, {late}\", feed: \"https://wire.courant.news/a,b\"}\n"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	pairs[1][1] += strings.Repeat("/long", 40)
	if got, want := compactMapping("  - ", "    ", pairs), "  - name: Wire, {late}\n    feed: "+pairs[1][1]+"\n"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
