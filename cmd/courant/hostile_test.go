package main

import (
	"bytes"
	"database/sql"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/http"
	"net/http/httptest"
	"net/mail"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode"

	"courant/digest"
	"courant/digest/smtpsink"
	"courant/store/local"
	"courant/store/storetest"

	"golang.org/x/net/html"
)

// What the world does to the program: hostile words, broken feeds, relays,
// databases and disks that are away or lie. Whatever comes, no mail holds more
// than it should, nothing is lost, and one sentence says what to do.

// sentence wants a run to end with this code and one sentence on stderr that
// has all the words. A fault of the config begins with its place, so that an
// editor can go there, and shows its lines below it.
func sentence(t *testing.T, r result, code int, words ...string) {
	t.Helper()
	first, rest, _ := strings.Cut(r.stderr, "\n")
	if r.code != code || !strings.HasPrefix(first, "courant: ") && !placed.MatchString(first) || len(first) > 500 {
		t.Errorf("exit %d, want %d and a sentence:\n%s", r.code, code, r.stderr)
	}
	for line := range strings.Lines(rest) {
		if !excerpt.MatchString(line) {
			t.Errorf("more than a sentence:\n%s", r.stderr)
			break
		}
	}
	for _, word := range words {
		if !strings.Contains(first, word) {
			t.Errorf("%q is not in %q", word, first)
		}
	}
	for _, secret := range []string{"a good password", "a bad password", "goroutine", "panic"} {
		if strings.Contains(r.stderr+r.stdout, secret) {
			t.Errorf("%q is told:\n%s", secret, r.stderr)
		}
	}
}

var (
	excerpt = regexp.MustCompile(`^ *\d* \|`)
	placed  = regexp.MustCompile(`^/\S*/courant\.yaml:\d+:\d+: `)
)

// until waits for a row, or whatever else cannot call back.
func (d *desk) until(what string, reached func() bool) {
	d.t.Helper()
	for deadline := time.Now().Add(45 * time.Second); !reached(); {
		if time.Now().After(deadline) {
			d.t.Fatalf("waited too long for %s", what)
		}
		select {
		case <-d.t.Context().Done():
			d.t.Fatalf("the test ended in the wait for %s", what)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// wantTally wants the states of an edition.
func (d *desk) wantTally(id digest.EditionID, want digest.Tally) {
	d.t.Helper()
	if got, err := d.store.Tally(d.t.Context(), id); err != nil || got.String() != want.String() {
		d.t.Errorf("the ledger says %s, %v; want %s", got, err, want)
	}
}

// query reads one value from the rows.
func (d *desk) query(query string, args ...any) (value string) {
	d.t.Helper()
	db, err := sql.Open("postgres", d.dsn)
	if err != nil {
		d.t.Fatal(err)
	}
	defer db.Close() // one query, nothing to flush
	if err := db.QueryRowContext(d.t.Context(), query, args...).Scan(&value); err != nil {
		d.t.Fatalf("%s: %v", query, err)
	}
	return value
}

// hostileWords are titles and points as strangers send them, in XML, and what
// a reader may see of them; empty: as long as it is harmless.
func hostileWords() []struct{ title, points, shown string } {
	long := strings.Repeat("Donaudampfschifffahrt", 4)
	return []struct{ title, points, shown string }{
		{"Harbour closes&#13;&#10;Bcc: eve@evil.example&#13;&#10;&#13;&#10;Hello", "Point&#13;&#10;.&#13;&#10;QUIT&#13;&#10;RCPT TO:&lt;eve@evil.example&gt;", "Harbour closes Bcc: eve@evil.example Hello"},
		{"Bridge &#0;opens\x01 \x1b[31mearly\x07", "A point with &#0; a NUL and \x0b a tab", "opens"},
		{"&lt;script&gt;alert(1)&lt;/script&gt;Market sold", "&lt;img src=x onerror=alert(1)&gt;&lt;b onclick=alert(2)&gt;It was sold.&lt;/b&gt;", "Market sold"},
		{"&lt;a href=&quot;javascript:alert(1)&quot;&gt;Trams&lt;/a&gt; run late &quot;&gt;&lt;svg onload=alert(1)&gt;", "&lt;iframe src=//evil.example&gt;&lt;/iframe&gt;The last one runs at two.", "Trams"},
		{"Museum \u202egnp.exe\u202c opens \u2066wing\u2069", "A \u202ereversed\u202c point about the new wing.", "Museum gnp.exe opens wing"},
		{long, long + " is a word of the Danube.", long},
		{"Team wins 👩‍👩‍👧‍👦🏳️‍🌈 4:0 🎉" + strings.Repeat("🥳", 60), "Fans 🎉 sang 👏🏽 all night long, the club said.", "Team wins"},
		{"{{.Secrets}} {{template &quot;x&quot;}} {{printf &quot;%s&quot; .}}", "{{define &quot;html&quot;}}{{end}} is what the city wrote.", "{{.Secrets}}"},
		{"=?utf-8?q?Free_money=0D=0ABcc:_eve@evil.example?=", "=?utf-8?b?RnJlZQ==?= is not a point of ours.", "=?utf-8?q?Free_money=0D=0ABcc:_eve@evil.example?="},
		{"--=_boundary-- --", "Content-Type: text/html&#10;&#10;&lt;h1&gt;Owned&lt;/h1&gt; stood in the filing.", "--=_boundary-- --"},
		{"مرفأ المدينة يغلق اليوم", "أغلق المرفأ ظهر الجمعة لثلاثة أيام.", "مرفأ المدينة يغلق اليوم"},
		{strings.Repeat("Ä very long headline about the harbour ", 40), "It was long.", "Ä very long headline"},
	}
}

// hostilePress is a server with a feed of one hostile article each at /N.xml.
func hostilePress(t *testing.T) *httptest.Server {
	words := hostileWords()
	var s *httptest.Server
	s = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var n int
		if _, err := fmt.Sscanf(r.URL.Path, "/%d.xml", &n); err != nil || n >= len(words) {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/rss+xml; charset=utf-8")
		fmt.Fprintf(w, `<?xml version="1.0" encoding="utf-8"?><rss version="2.0"><channel><title>Wire %[1]s</title><link>%[4]s</link>`+
			`<item><title>%[1]s</title><link>%[4]s/article-%[3]d</link><guid isPermaLink="false">%[3]d</guid><author>%[1]s</author>`+
			`<description>&lt;ul&gt;&lt;li&gt;%[2]s&lt;/li&gt;&lt;li&gt;%[2]s Again, at length.&lt;/li&gt;&lt;/ul&gt;</description></item></channel></rss>`,
			words[n].title, words[n].points, n, s.URL)
	}))
	t.Cleanup(s.Close)
	return s
}

func TestHostileWordsAreHarmlessInAMail(t *testing.T) {
	t.Parallel()
	d := newDesk(t, smtpsink.Options{})
	wire := hostilePress(t)
	d.configure()
	var sources, digests strings.Builder
	for i := range hostileWords() {
		fmt.Fprintf(&sources, "  - {name: Wire %[1]d, feed: \"%[2]s/%[1]d.xml\", category: C%[1]d}\n", i, wire.URL)
		fmt.Fprintf(&digests, "  d%[1]d: {title: Brief %[1]d, schedule: \"0 7 * * *\", time_zone: UTC, lists: [readers], categories: [C%[1]d], subject: \"{{.Title}}: {{.Lead.Title}}\"}\n", i)
	}
	text, err := os.ReadFile(filepath.Join(d.dir, "courant.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	d.write("courant.yaml", strings.Replace(string(text), "sources:\n", "sources:\n"+sources.String(), 1)+digests.String())

	names := "email,name\n" +
		"a@example.org,\"Eve\r\nBcc: victim@evil.example\r\n\r\nHello\"\n" +
		"b@example.org,\"\"\"Eve\"\" <eve@evil.example>, Bob\"\n" +
		"c@example.org,=?utf-8?q?Eve=0D=0ABcc:_x?= \u202e\x00 <b>👩‍👩‍👧</b>\n" +
		"\"eve@evil.example>\r\nRCPT TO:<mallory@evil.example\",Mallory\n" +
		"\"a@example.org\nBcc: eve@evil.example\",Eve\n" +
		"a b@example.org,\n<script>@example.org,\nno address at all,\n"
	r := d.try("readers", "import", d.write("hostile.csv", names))
	if r.code != 1 || !strings.Contains(r.stdout, "3 added") || strings.Count(r.stderr, "\nline")+1 != 5 {
		t.Errorf("import: exit %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	fetch := []string{"fetch"}
	for i := range hostileWords() {
		fetch = append(fetch, fmt.Sprintf("Wire %d", i))
	}
	d.must(fetch...)
	for i, w := range hostileWords() {
		d.sink.Clear()
		d.quote(html.UnescapeString(w.title), html.UnescapeString(w.points))
		d.must("send", fmt.Sprintf("d%d", i))
		for _, who := range []string{"a@example.org", "b@example.org", "c@example.org"} {
			got := d.sink.To(who)
			if len(got) != 1 || len(got[0].Also) > 0 {
				t.Fatalf("words %d: %s got %d mails", i, who, len(got))
			}
			d.examineHostile(got[0], wire.URL, w.shown)
		}
		if n := d.sink.Count(); n != 3 {
			t.Errorf("words %d: %d mails for 3 readers", i, n)
		}
	}
}

// allowed are the headers a digest may have, each once, and no others.
var allowed = append([]string{"Archived-At"}, once...)

// examineHostile wants one whole mail out of hostile words, and nothing in it
// that runs, hides, or leads elsewhere.
func (d *desk) examineHostile(m smtpsink.Message, wire, shown string) {
	d.t.Helper()
	msg, err := mail.ReadMessage(bytes.NewReader(m.Body))
	if err != nil {
		d.t.Fatal(err)
	}
	for name, values := range msg.Header {
		if len(values) != 1 || !slices.Contains(allowed, name) {
			d.t.Errorf("header %s: %q", name, values)
		}
	}
	d.examineLines(m.Body)
	d.examineSignature(m.Body)
	if to, err := mail.ParseAddressList(msg.Header.Get("To")); err != nil || len(to) != 1 || to[0].Address != m.To {
		d.t.Errorf("To is %q, %v", msg.Header.Get("To"), err)
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(msg.Header.Get("Subject"))
	if err != nil || strings.ContainsFunc(subject, invisible) || !strings.HasPrefix(subject, "Brief ") {
		d.t.Errorf("Subject is %q, %v", subject, err)
	}
	_, params, err := mime.ParseMediaType(msg.Header.Get("Content-Type"))
	if err != nil {
		d.t.Fatal(err)
	}
	parts := multipart.NewReader(msg.Body, params["boundary"])
	for _, kind := range []string{"text/plain", "text/html"} {
		p, err := parts.NextRawPart()
		if err != nil || !strings.HasPrefix(p.Header.Get("Content-Type"), kind) {
			d.t.Fatalf("part %v, %v, want %s", p, err, kind)
		}
		b, err := io.ReadAll(quotedprintable.NewReader(p))
		if err != nil {
			d.t.Fatal(err)
		}
		seen := string(b)
		if kind == "text/html" {
			d.examineMarkup(seen, wire)
			seen = visibleText(d.t, seen)
		}
		if strings.ContainsFunc(strings.NewReplacer("\r\n", "", "\n", "").Replace(seen), invisible) {
			d.t.Errorf("%s holds characters that hide or steer:\n%q", kind, seen)
		}
		// A text part may break a line anywhere.
		if want := strings.Join(strings.Fields(shown), ""); !strings.Contains(strings.Join(strings.Fields(seen), ""), want) {
			d.t.Errorf("%q is not in the %s:\n%s", shown, kind, seen)
		}
	}
	if p, err := parts.NextRawPart(); err != io.EOF {
		d.t.Errorf("a third part %v, %v", p, err)
	}
}

// invisible characters steer a terminal or the direction of what follows.
func invisible(r rune) bool {
	return unicode.IsControl(r) || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069
}

// examineMarkup walks the HTML: nothing runs, loads or leads away.
func (d *desk) examineMarkup(s, wire string) {
	d.t.Helper()
	for z := html.NewTokenizer(strings.NewReader(s)); ; {
		switch z.Next() {
		case html.ErrorToken:
			return
		case html.StartTagToken, html.SelfClosingTagToken:
			tag := z.Token()
			if slices.Contains([]string{"script", "iframe", "svg", "object", "embed", "form", "input", "base", "link"}, tag.Data) {
				d.t.Errorf("<%s> is in the mail", tag.Data)
			}
			for _, a := range tag.Attr {
				leads := a.Key == "href" || a.Key == "src" || a.Key == "background" || a.Key == "action"
				if strings.HasPrefix(a.Key, "on") || leads && !strings.HasPrefix(a.Val, wire+"/") && !strings.HasPrefix(a.Val, "http://"+d.listen+"/") {
					d.t.Errorf("<%s %s=%q> is in the mail", tag.Data, a.Key, a.Val)
				}
			}
		}
	}
}

func TestBrokenFeedsAreTellingAndSpoilNoOther(t *testing.T) {
	t.Parallel()
	bomb := `<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "` + strings.Repeat("&a;", 1000) + `"><!ENTITY c "` + strings.Repeat("&b;", 1000) + `">]><rss><channel><title>&c;</title></channel></rss>`
	feeds := []struct {
		name   string
		answer http.HandlerFunc
		says   string // of a failure, in one sentence
	}{
		{"not found", http.NotFound, "404"},
		{"gone", status(http.StatusGone), "it is gone for good: take it out of the config"},
		{"server error", status(http.StatusInternalServerError), "500"},
		{"forbidden", status(http.StatusForbidden), "403"},
		{"asked to wait", status(http.StatusTooManyRequests), "429"},
		{"empty", body("application/rss+xml", ""), ""},
		{"a page instead", body("text/html", "<html><body><h1>Log in</h1></body></html>"), ""},
		{"cut in two", body("application/rss+xml", `<?xml version="1.0"?><rss version="2.0"><channel><title>Wire</title><item><title>Half a`), ""},
		{"an XML bomb", body("application/rss+xml", bomb), "the feed has no items"},
		{"binary", body("application/rss+xml", "\x00\x01\x02\xff\xfe%PDF-1.4"), ""},
		{"a redirect to itself", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.Path, http.StatusFound) }, "redirect"},
		{"a redirect inside", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://169.254.169.254/latest/meta-data", http.StatusFound)
		}, ""},
		{"a line cut off", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "5000")
			fmt.Fprint(w, "<rss>")
			panic(http.ErrAbortHandler)
		}, ""},
	}
	d := newDesk(t, smtpsink.Options{})
	d.configure()
	d.feed.put(item{title: "Harbour closes for repairs", path: "/harbour", html: points})
	var sources strings.Builder
	for _, feed := range feeds {
		broken := httptest.NewServer(feed.answer)
		t.Cleanup(broken.Close)
		fmt.Fprintf(&sources, "  - {name: %s, feed: \"%s/feed\", category: World}\n", feed.name, broken.URL)
	}
	var r result
	d.withConfig("sources:\n", "sources:\n"+sources.String(), func() { r = d.try("fetch") })
	failed := 0
	for _, feed := range feeds {
		var told []string
		for line := range strings.Lines(r.stderr) {
			if strings.HasPrefix(line, "source "+feed.name+": ") || strings.HasPrefix(line, feed.name+": warning: the feed has no items") {
				told = append(told, line)
			}
		}
		if len(told) != 1 || !strings.Contains(told[0], feed.says) {
			t.Errorf("of %q is told %q, want one sentence with %q", feed.name, told, feed.says)
		}
		if strings.Contains(r.stdout, feed.name+": failed, ") || strings.Contains(r.stdout, feed.name+": gone, ") {
			failed++
		}
	}
	if r.code != exitFailed || !strings.Contains(r.stderr, fmt.Sprintf("courant: %d of %d sources could not be polled", failed, len(feeds)+1)) {
		t.Errorf("exit %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	if got := d.query(`SELECT string_agg(source, ',') FROM articles`); got != "Wire" {
		t.Errorf("articles of %s, want one of the good source only", got)
	}
}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { http.Error(w, http.StatusText(code), code) }
}

func body(kind, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		fmt.Fprint(w, text)
	}
}

func TestRelayThatIsAwayIsWaitedFor(t *testing.T) {
	t.Parallel()
	const readers = 50
	d := newDesk(t, smtpsink.Options{})
	id := d.crowd(readers) // the send in it meets the sentence
	host, port, _ := strings.Cut(freeAddress(t), ":")
	d.relay = fmt.Sprintf("{host: %s, port: %s, tls: none, connections: 4}", host, port)
	d.configure()
	sentence(t, d.try("deliver", "--drain", "--wait", "0s"), exitFailed, host+":"+port, "connection refused", "stay queued", "goes on")
	d.wantTally(id, digest.Tally{digest.Queued: readers})
	serve := d.start("serve", "--only", "deliver")
	d.until("the program to find that the relay is away", func() bool { return strings.Contains(serve.log.String(), "relay cannot be used") })
	d.wantTally(id, digest.Tally{digest.Queued: readers})
	back := startRelay(t, smtpsink.Options{Addr: host + ":" + port}, d.receiver())
	if err := back.Wait(t.Context(), readers); err != nil {
		t.Fatal(err)
	}
	if err := serve.signal(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
	d.wantTally(id, digest.Tally{digest.Accepted: readers})
	if back.Count() != readers || d.query(`SELECT max(attempts) FROM deliveries`) != "1" {
		t.Errorf("%d mails for %d readers, %s attempts", back.Count(), readers, d.query(`SELECT max(attempts) FROM deliveries`))
	}
}

func TestRelayThatRefusesUsIsNamedAndChargesNobody(t *testing.T) {
	t.Parallel()
	const login = ", username: courant, password_file: password"
	accounts := map[string]string{"courant": "a good password"}
	no := func(at smtpsink.Stage, code int, enhanced, text string) smtpsink.Script {
		return smtpsink.Rules(smtpsink.Rule{At: at, Do: answer(code, enhanced, text)})
	}
	for _, c := range []struct {
		name  string
		opt   smtpsink.Options
		relay string
		says  []string
	}{
		{"wrong password", smtpsink.Options{Accounts: accounts}, "tls: none" + login, []string{"535 5.7.8", "check username and password_file"}},
		{"no password", smtpsink.Options{Accounts: accounts}, "tls: none", []string{"530", "check username and password_file"}},
		{"AUTH not offered", smtpsink.Options{}, "tls: none" + login, []string{"does not offer AUTH", "leave username out"}},
		{"STARTTLS stripped", smtpsink.Options{Accounts: accounts}, "tls: starttls" + login, []string{"does not offer STARTTLS", "strips it"}},
		{"a certificate nobody vouches for", smtpsink.Options{Security: smtpsink.StartTLS}, "tls: starttls", []string{"certificate", "check host under smtp"}},
		{"TLS at a plain port", smtpsink.Options{}, "tls: tls", []string{"does not begin with TLS", "tls: starttls"}},
		{"sender refused", smtpsink.Options{Script: no(smtpsink.AtMail, 550, "5.7.1", "not your domain")}, "tls: none", []string{"not your domain", "check from and return_path"}},
		{"machine refused", smtpsink.Options{Script: no(smtpsink.AtConnect, 554, "5.7.1", "on a list")}, "tls: none", []string{"on a list", "block list"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, smtpsink.Options{})
			d.tell("Harbour closes for repairs")
			refusing := startRelay(t, c.opt, d.receiver())
			d.write("password", "a bad password\n")
			good := d.relay
			d.relay = fmt.Sprintf("{host: 127.0.0.1, port: %d, connections: 2, %s}", refusing.Port(), c.relay)
			d.configure()
			d.must("readers", "import", d.write("readers.csv", "email\na@example.org\nb@example.org\n"))
			r := d.try("send", "morning")
			sentence(t, r, exitFailed, append(c.says, fmt.Sprintf("127.0.0.1:%d", refusing.Port()), "nothing was counted against any reader")...)
			if got := d.query(`SELECT string_agg(DISTINCT state || ' ' || attempts, ',') FROM deliveries`); got != "queued 0" || refusing.Count() > 0 {
				t.Errorf("the ledger says %s, %d mails", got, refusing.Count())
			}
			d.relay = good
			d.configure()
			d.must("deliver", "--drain")
			if got := d.query(`SELECT string_agg(DISTINCT state || ' ' || attempts, ',') FROM deliveries`); got != "accepted 1" || d.sink.Count() != 2 {
				t.Errorf("then the ledger says %s, %d mails", got, d.sink.Count())
			}
		})
	}
}

func TestNothingIsSentWithoutAJournal(t *testing.T) {
	t.Parallel()
	d := newDesk(t, smtpsink.Options{})
	const readers = 400
	id := d.crowd(readers)
	journal := filepath.Join(d.dir, "data", "journal")
	if err := os.Rename(journal, journal+".aside"); err != nil {
		t.Fatal(err)
	}
	d.write("data/journal", "in the way")
	sentence(t, d.try("deliver", "--drain"), exitFailed, journal, "nothing is sent without a journal", "data_dir")
	d.wantTally(id, digest.Tally{digest.Queued: readers})
	if d.sink.Connections() > 0 {
		t.Errorf("%d connections to the relay", d.sink.Connections())
	}
	if err := os.Remove(journal); err != nil {
		t.Fatal(err)
	}

	// A disk that fills up in mid-edition: no file grows beyond some kilobytes.
	c := d.command(t.Context(), "deliver", "--drain")
	c.Args = append([]string{"/bin/sh", "-c", `ulimit -f 8; exec "$0" "$@"`}, c.Args...)
	c.Path = "/bin/sh"
	var out, errs bytes.Buffer
	c.Stdout, c.Stderr = &out, &errs
	if err := c.Run(); c.ProcessState == nil {
		t.Fatal(err)
	}
	sentence(t, result{c.ProcessState.ExitCode(), out.String(), errs.String()}, exitFailed, "write the journal", "nothing is sent without a journal", "has room")
	tally, err := d.store.Tally(t.Context(), id)
	if sent := d.sink.Count(); err != nil || sent == 0 || sent == readers || tally[digest.Accepted] != sent || tally[digest.Queued] != readers-sent {
		t.Errorf("the relay has %d mails, the ledger says %s, %v", sent, tally, err)
	}
	d.must("deliver", "--drain")
	if missed, extra := d.copies(readers); missed+extra > 0 {
		t.Errorf("%d missed, %d copies too many", missed, extra)
	}
	d.wantTally(id, digest.Tally{digest.Accepted: readers})
}

// ownPostgres moves the desk to a server of its own, which may be killed.
func (d *desk) ownPostgres() *local.Server {
	d.t.Helper()
	server := storetest.Server(d.t)
	d.dsn = server.DSN()
	d.store = storetest.Open(d.t, d.dsn)
	return server
}

func TestPostgresKilledInMidEditionLosesAndDoublesNobody(t *testing.T) {
	t.Parallel()
	const readers, kills = 3000, 3
	d := newDesk(t, smtpsink.Options{})
	server := d.ownPostgres()
	id := d.crowd(readers)
	serve := d.start("serve", "--only", "deliver")
	for k := 1; k <= kills; k++ {
		if err := d.sink.Wait(t.Context(), k*readers/(kills+1)); err != nil {
			t.Fatal(err)
		}
		pid := server.PID()
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		d.until("Postgres to be back", func() bool { return server.PID() != 0 && server.PID() != pid })
		if err := server.Ensure(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.sink.Wait(t.Context(), readers); err != nil {
		t.Fatal(err)
	}
	d.until("the last verdict", func() bool {
		tally, err := d.store.Tally(t.Context(), id)
		return err == nil && tally[digest.Accepted] == readers
	})
	if missed, extra := d.copies(readers); missed+extra > 0 {
		t.Errorf("%d missed, %d copies too many", missed, extra)
	}
	if err := serve.signal(syscall.SIGTERM); err != nil {
		t.Errorf("serve ended with %v", err)
	}
	if !strings.Contains(serve.log.String(), "database is away") {
		t.Errorf("the log does not tell that the database was away:\n%s", tail(serve.log.String(), 2000))
	}
	if strings.Contains(serve.log.String(), "@example.") {
		t.Errorf("an address is in the log:\n%s", tail(serve.log.String(), 2000))
	}
}

// What is wrong with an installation is one sentence each, and when it is put
// right everything is as it was.
func TestFaultsOfTheInstallationAreOneSentenceEach(t *testing.T) {
	t.Parallel()
	d := newDesk(t, smtpsink.Options{})
	d.tell("Harbour closes for repairs")
	d.configure()
	d.must("readers", "import", d.write("readers.csv", "email\na@example.org\n"))
	secret := filepath.Join(d.dir, "data", "secret")
	kept, err := os.ReadFile(secret)
	if err != nil {
		t.Fatal(err)
	}
	drain := []string{"deliver", "--drain"}
	putSecret := func(text string, mode os.FileMode) {
		if err := os.Remove(secret); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		if text == "" {
			return
		}
		if err := os.WriteFile(secret, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	putSecret(string(kept[:len(kept)/2]), 0o600)
	sentence(t, d.try(drain...), exitFailed, secret, "backup")
	putSecret(string(kept[:bytes.IndexByte(kept, '\n')+1]), 0o600)
	sentence(t, d.try(drain...), exitFailed, secret, "cut short", "backup")
	putSecret("something else\n", 0o600)
	sentence(t, d.try(drain...), exitFailed, secret, "not a Courant secret file", "backup")
	putSecret(string(kept), 0o644)
	sentence(t, d.try(drain...), exitFailed, secret, "can be read by others", "chmod 600")
	putSecret("", 0)
	sentence(t, d.try(drain...), exitFailed, "secret_file is not the one this database was used with", "name it in secret_file")
	putSecret(string(kept), 0o600)

	d.query(`INSERT INTO schema_versions (version, name) VALUES (9999, 'of tomorrow') RETURNING name`)
	sentence(t, d.try(drain...), exitFailed, "schema version 9999", "newer Courant", "run that one")
	sentence(t, d.try("migrate"), exitFailed, "schema version 9999")
	d.query(`DELETE FROM schema_versions WHERE version = 9999 RETURNING name`)

	taken := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(taken.Close)
	d.withConfig("listen: "+d.listen, "listen: "+strings.TrimPrefix(taken.URL, "http://"), func() {
		r := d.try("serve", "--only", "web")
		last := r.stderr[strings.LastIndex(strings.TrimSpace(r.stderr), "\n")+1:]
		sentence(t, result{r.code, r.stdout, last}, exitFailed, "address already in use", "set `listen`")
	})
	d.withConfig("data_dir: "+filepath.Join(d.dir, "data"), "data_dir: /dev/null/courant", func() {
		sentence(t, d.try(drain...), exitFailed, "/dev/null/courant", "data_dir")
	})
	d.withConfig("database: ", "database: \"postgres://courant:a%20good%20password@127.0.0.1:1/courant\" #", func() {
		sentence(t, d.try(drain...), exitFailed, "127.0.0.1:1", "connection refused", "check `database`")
	})
	d.withConfig("min_articles: 1", "min_artikles: 1", func() {
		sentence(t, d.try(drain...), exitFailed, "courant.yaml:", "min_artikles", "min_articles")
	})
	d.withConfig("min_articles: 1", "max_articles: [", func() { sentence(t, d.try(drain...), exitFailed, "courant.yaml:") })
	d.withConfig("lists: [readers]", "lists: [reeders]", func() { sentence(t, d.try(drain...), exitFailed, "courant.yaml:", "reeders") })

	sentence(t, d.try("send", "evening"), exitMisused, `"evening"`, "it has morning")
	sentence(t, d.try("send"), exitMisused, "usage")
	sentence(t, d.try("deliver"), exitMisused, "--drain")
	sentence(t, d.try("sned", "morning"), exitMisused, "send")
	sentence(t, d.try("send", "morning", "--only", "nobody"), exitMisused, "--only nobody", "name@example.org")
	sentence(t, d.try("serve", "--only", "cooking"), exitMisused, "cooking", "deliver")
	sentence(t, d.try("why", "stranger@example.org"), exitFailed, "stranger@example.org")
	sentence(t, d.try("readers", "import", filepath.Join(d.dir, "nothing.csv")), exitFailed, "nothing.csv")

	d.must("send", "morning")
	if n := d.sink.Count(); n != 1 {
		t.Errorf("%d mails when all was right again, want 1", n)
	}
}

// withConfig changes a place of the config for the length of an act.
func (d *desk) withConfig(was, is string, act func()) {
	d.t.Helper()
	path := filepath.Join(d.dir, "courant.yaml")
	text, err := os.ReadFile(path)
	if err != nil {
		d.t.Fatal(err)
	}
	if !strings.Contains(string(text), was) {
		d.t.Fatalf("the config has no %q", was)
	}
	d.write("courant.yaml", strings.Replace(string(text), was, is, 1))
	defer d.write("courant.yaml", string(text))
	act()
}
