package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/http"
	"net/mail"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"courant/digest"
	"courant/digest/smtpsink"

	"github.com/emersion/go-msgauth/dkim"
	"golang.org/x/net/html"
)

// beforeSlot is the clock's offset at which the next 07:00 in Berlin comes in
// so long.
func beforeSlot(t testing.TB, in time.Duration) time.Duration {
	t.Helper()
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	local := now.In(berlin)
	slot := time.Date(local.Year(), local.Month(), local.Day()+1, 7, 0, 0, 0, berlin)
	return slot.Sub(now) - in
}

const points = `<ul><li>The harbour closes at noon on Friday.</li><li>Two ferries move to the old pier.</li></ul><p>The harbour closes for three days while the quay is mended, the port office said.</p>`

func TestFromAFeedToAMailboxAndBackOut(t *testing.T) {
	t.Parallel()
	d := newDesk(t, smtpsink.Options{})
	d.offset = beforeSlot(t, 8*time.Second)
	d.configure()
	d.feed.put(item{title: "Harbour closes for repairs", path: "/harbour", html: points})
	d.feed.pages["/bridge"] = page
	d.feed.put(item{title: "Bridge opens a year early", path: "/bridge", html: "<p>Short.</p>"})
	people := []string{"ann@example.org", "bob@example.org", "cy@example.net"}
	d.must("readers", "import", d.write("readers.csv", "email,name\nann@example.org,Ann Müller\nbob@example.org,Bob\ncy@example.net,\n"))
	d.must("fetch")
	plan := d.must("plan", "--days", "1", "--json")
	for _, want := range []string{`"digest":"morning"`, `"title":"Harbour closes for repairs"`, `"readers":3`, `"points_from":"feed"`, `"points_from":"page"`} {
		if !strings.Contains(plan, want) {
			t.Errorf("plan lacks %s:\n%s", want, plan)
		}
	}
	serve := d.start("serve")
	d.ready(serve)
	if err := d.sink.Wait(t.Context(), 3); err != nil {
		t.Fatalf("%v\n%s", err, serve.log)
	}
	for _, who := range people {
		got := d.sink.To(who)
		if len(got) != 1 {
			t.Fatalf("%s got %d mails", who, len(got))
		}
		d.examine(got[0])
	}

	// One leaves by one click, as a mailbox provider does it.
	link := unsubscribeLink(t, d.sink.To("bob@example.org")[0].Body)
	for range 2 {
		resp, err := http.Post(link, "application/x-www-form-urlencoded", strings.NewReader("List-Unsubscribe=One-Click"))
		if err != nil {
			t.Fatal(err)
		}
		if err := resp.Body.Close(); err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("one click answered %s, %v", resp.Status, err)
		}
	}
	// The next edition skips that reader, and nobody gets a story twice.
	d.feed.put(item{title: "Market hall sold to the city", path: "/market", html: strings.ReplaceAll(points, "harbour", "market")})
	d.must("fetch")
	d.must("send", "morning")
	if n := d.sink.Count(); n != 5 {
		t.Errorf("the sink has %d mails, want 3 of the first edition and 2 of the second", n)
	}
	if n := len(d.sink.To("bob@example.org")); n != 1 {
		t.Errorf("the reader who left has %d mails", n)
	}
	second := string(d.sink.To("ann@example.org")[1].Body)
	if !strings.Contains(second, "Market hall") || strings.Contains(second, "Bridge opens") {
		t.Errorf("the second edition is not what is new:\n%s", second)
	}
	why := d.must("why", "bob@example.org", "--json")
	if !strings.Contains(why, `"state":"accepted"`) || !strings.Contains(why, "left morning") {
		t.Errorf("why says:\n%s", why)
	}
	if err := serve.signal(syscall.SIGTERM); err != nil {
		t.Errorf("serve ended with %v\n%s", err, serve.log)
	}
	if strings.Contains(serve.log.String(), "@example.") {
		t.Errorf("an address is in the log:\n%s", serve.log)
	}
}

// page is an article with key points between headline and body.
const page = `<!doctype html><html lang="en"><head><title>Bridge opens a year early - Example Wire</title>
<meta property="og:site_name" content="Example Wire"></head><body><article><h1>Bridge opens a year early</h1>
<ul class="key-points"><li>The new bridge opens to traffic in March, a year early.</li>
<li>It cost eleven million less than the city had planned.</li></ul>
<p>The new bridge over the river opens in March, the city said on Monday, a year earlier than planned and eleven million cheaper.</p>
<p>Builders had worked through two mild winters. The old bridge stays open for bicycles and people on foot until it is taken down in autumn.</p>
</article></body></html>`

// once are the headers a digest has exactly once (RFC 5322 section 3.6 and
// the rules for bulk mail).
var once = []string{"From", "To", "Subject", "Date", "Message-Id", "Mime-Version", "Content-Type", "Reply-To",
	"List-Unsubscribe", "List-Unsubscribe-Post", "List-Id", "Precedence", "Feedback-Id", "Dkim-Signature"}

// examine holds one received mail against the rules, with parsers that share
// nothing with what made it.
func (d *desk) examine(m smtpsink.Message) {
	d.t.Helper()
	msg, err := mail.ReadMessage(bytes.NewReader(m.Body))
	if err != nil {
		d.t.Fatal(err)
	}
	for _, name := range once {
		if n := len(msg.Header[name]); n != 1 {
			d.t.Errorf("%s: %d times", name, n)
		}
	}
	for _, never := range []string{"Auto-Submitted", "Bcc", "Cc"} {
		if len(msg.Header[never]) > 0 {
			d.t.Errorf("%s is there", never)
		}
	}
	if to, err := mail.ParseAddressList(msg.Header.Get("To")); err != nil || len(to) != 1 || to[0].Address != m.To {
		d.t.Errorf("To is %q for %s, %v", msg.Header.Get("To"), m.To, err)
	}
	if !strings.HasPrefix(m.From, "bounce+") || !strings.HasSuffix(m.From, "@bounces.example.com") || strings.Index(m.From, "@") > 64 {
		d.t.Errorf("the return path is %q", m.From)
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(msg.Header.Get("Subject"))
	if err != nil || !strings.HasPrefix(subject, "Morning Brief: ") {
		d.t.Errorf("Subject is %q, %v", subject, err)
	}
	d.examineLines(m.Body)
	d.examineSignature(m.Body)
	d.examineParts(msg)
}

func (d *desk) examineLines(body []byte) {
	d.t.Helper()
	head, _, _ := bytes.Cut(body, []byte("\r\n\r\n"))
	for line := range bytes.SplitSeq(body, []byte("\r\n")) {
		if len(line) > 998 || bytes.ContainsAny(line, "\r\n\x00") {
			d.t.Errorf("a line of %d bytes: %.80q", len(line), line)
		}
	}
	// Folding broke signatures at relays.
	for _, want := range []string{`(?m)^List-Unsubscribe: <http://[^\s>]+>\r$`, `(?m)^List-Unsubscribe-Post: List-Unsubscribe=One-Click\r$`} {
		if !regexp.MustCompile(want).Match(head) {
			d.t.Errorf("no line like %s in\n%s", want, head)
		}
	}
}

func (d *desk) examineSignature(body []byte) {
	d.t.Helper()
	found, err := dkim.VerifyWithOptions(bytes.NewReader(body), &dkim.VerifyOptions{LookupTXT: d.lookup})
	if err != nil || len(found) != 1 || found[0].Err != nil {
		d.t.Fatalf("DKIM: %v %v", found, err)
	}
	for _, name := range []string{"from", "subject", "list-unsubscribe", "list-unsubscribe-post"} {
		signed := 0
		for _, key := range found[0].HeaderKeys {
			if strings.EqualFold(key, name) {
				signed++
			}
		}
		if signed < 2 {
			d.t.Errorf("%s is signed %d times, want oversigned", name, signed)
		}
	}
}

// examineParts wants text first and HTML last, with the same headlines,
// points and links in the same order.
func (d *desk) examineParts(msg *mail.Message) {
	d.t.Helper()
	kind, params, err := mime.ParseMediaType(msg.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		d.t.Fatalf("%s, %v", kind, err)
	}
	var kinds, parts []string
	for r := multipart.NewReader(msg.Body, params["boundary"]); ; {
		p, err := r.NextRawPart()
		if err == io.EOF {
			break
		}
		if err != nil {
			d.t.Fatal(err)
		}
		kind, params, err := mime.ParseMediaType(p.Header.Get("Content-Type"))
		if err != nil || !strings.EqualFold(params["charset"], "utf-8") || p.Header.Get("Content-Transfer-Encoding") != "quoted-printable" {
			d.t.Errorf("part %v, %v", p.Header, err)
		}
		b, err := io.ReadAll(quotedprintable.NewReader(p))
		if err != nil {
			d.t.Fatal(err)
		}
		kinds, parts = append(kinds, kind), append(parts, string(b))
	}
	if !slices.Equal(kinds, []string{"text/plain", "text/html"}) {
		d.t.Fatalf("parts %v", kinds)
	}
	text, visible := oneLine(parts[0]), oneLine(visibleText(d.t, parts[1]))
	at, atHTML := 0, 0
	for _, want := range []string{
		"Harbour closes for repairs", "The harbour closes at noon on Friday.", "Two ferries move to the old pier.",
		"Bridge opens a year early", "The new bridge opens to traffic in March, a year early.", "It cost eleven million less than the city had planned.",
		"1 Example Street, Example City",
	} {
		i, j := strings.Index(text[at:], want), strings.Index(visible[atHTML:], want)
		if i < 0 || j < 0 {
			d.t.Errorf("%q: text %v, HTML %v, in this order", want, i >= 0, j >= 0)
			continue
		}
		at, atHTML = at+i, atHTML+j
	}
	for _, link := range []string{d.feed.URL + "/bridge", d.feed.URL + "/harbour"} {
		if !strings.Contains(parts[0], "\n"+link+"\n") && !strings.Contains(parts[0], link+"\r\n") || !strings.Contains(parts[1], `href="`+link+`"`) {
			d.t.Errorf("%s is not in both parts", link)
		}
	}
	if n := strings.Count(parts[1], "http://"+d.listen+"/p/"); n < 2 {
		d.t.Errorf("%d links to the unsubscribe page, want one on top and one below", n)
	}
	if strings.Contains(parts[1], "#ZgotmplZ") || !strings.Contains(parts[1], "<!--[if") {
		d.t.Error("the template lost its comments or its values")
	}
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// visibleText is what a reader sees of an HTML mail, in order.
func visibleText(t testing.TB, s string) string {
	t.Helper()
	var b strings.Builder
	hidden := 0
	for z := html.NewTokenizer(strings.NewReader(s)); ; {
		switch z.Next() {
		case html.ErrorToken:
			return b.String()
		case html.StartTagToken:
			if name, _ := z.TagName(); string(name) == "style" || string(name) == "head" {
				hidden++
			}
		case html.EndTagToken:
			if name, _ := z.TagName(); string(name) == "style" || string(name) == "head" {
				hidden--
			}
		case html.TextToken:
			if hidden == 0 {
				b.Write(z.Text())
				b.WriteByte(' ')
			}
		}
	}
}

func unsubscribeLink(t testing.TB, body []byte) string {
	t.Helper()
	for s := bufio.NewScanner(bytes.NewReader(body)); s.Scan(); {
		if rest, ok := strings.CutPrefix(s.Text(), "List-Unsubscribe: <"); ok {
			link, _, _ := strings.Cut(rest, ">")
			return link
		}
	}
	t.Fatal("no List-Unsubscribe")
	return ""
}

// crowd imports n readers and publishes an edition that is not delivered yet.
func (d *desk) crowd(n int) digest.EditionID {
	d.t.Helper()
	d.tell("Harbour closes for repairs")
	var csv strings.Builder
	csv.WriteString("email\n")
	for i := range n {
		fmt.Fprintf(&csv, "reader%d@example.org\n", i)
	}
	relay := d.relay
	d.relay = "{host: 127.0.0.1, port: 1, tls: none, connections: 4}" // nobody is there
	d.configure()
	d.must("readers", "import", d.write("crowd.csv", csv.String()))
	if r := d.try("send", "morning"); r.code != 1 || !strings.Contains(r.stderr, "stay queued") {
		d.t.Fatalf("send with a relay that is away: exit %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	d.relay = relay
	d.configure()
	ids, err := d.store.EditionsIn(d.t.Context(), digest.EditionSending)
	if err != nil || len(ids) != 1 {
		d.t.Fatalf("editions that are sending: %v, %v", ids, err)
	}
	return ids[0]
}

// tell puts an article into the database, as a poll does.
func (d *desk) tell(title string) {
	d.t.Helper()
	source := digest.Source{Name: "Wire", Kind: digest.SourceFeed, URL: d.feed.URL + "/feed.xml", Category: "World"}
	if err := d.store.SyncSources(d.t.Context(), []digest.Source{source}); err != nil {
		d.t.Fatal(err)
	}
	address := d.feed.URL + "/" + strings.ReplaceAll(strings.ToLower(title), " ", "-")
	added, err := d.store.SavePoll(d.t.Context(), digest.SourceState{Source: source}, []digest.Article{{
		Source: "Wire", GUID: address, URL: address, Canonical: address, Title: title, Category: "World",
		Points: []string{"The harbour closes at noon on Friday."}, PointsFrom: digest.PointsFeed, FirstSeen: time.Now(),
	}})
	if err != nil || added != 1 {
		d.t.Fatalf("added %d articles, %v", added, err)
	}
}

// copies counts the mails of each reader and holds their Message-IDs against
// each other.
func (d *desk) copies(n int) (missed, extra int) {
	d.t.Helper()
	for i := range n {
		got := d.sink.To(fmt.Sprintf("reader%d@example.org", i))
		if len(got) == 0 {
			missed++
			continue
		}
		extra += len(got) - 1
		for _, m := range got[1:] {
			if m.ID != got[0].ID || m.ID == "" {
				d.t.Errorf("copies with Message-IDs %q and %q", got[0].ID, m.ID)
			}
		}
	}
	return missed, extra
}

func TestTenKillsInMidEditionLoseNobody(t *testing.T) {
	t.Parallel()
	const readers, kills, connections = 5000, 10, 4
	d := newDesk(t, smtpsink.Options{})
	id := d.crowd(readers)
	for k := 1; k <= kills; k++ {
		p := d.start("serve", "--only", "deliver")
		if err := d.sink.Wait(t.Context(), k*readers/(kills+1)); err != nil {
			t.Fatal(err)
		}
		// The signal is what kill -9 sends; the error is that it was sent.
		_ = p.signal(syscall.SIGKILL)
	}
	d.must("deliver", "--drain")
	missed, extra := d.copies(readers)
	if missed > 0 || extra > kills*connections {
		t.Errorf("%d missed, %d copies too many (at most %d)", missed, extra, kills*connections)
	}
	tally, err := d.store.Tally(t.Context(), id)
	if err != nil || tally[digest.Accepted] != readers {
		t.Errorf("ledger says %s, %v", tally, err)
	}
	t.Logf("%d kills: %d copies, bound %d", kills, extra, kills*connections)
}

func TestKillsWithHoldDoubleNobodyAndListTheDoubtful(t *testing.T) {
	t.Parallel()
	const readers, kills, connections = 3000, 5, 4
	d := newDesk(t, smtpsink.Options{})
	d.extra = "in_doubt: hold\n"
	id := d.crowd(readers)
	for k := 1; k <= kills; k++ {
		p := d.start("serve", "--only", "deliver")
		if err := d.sink.Wait(t.Context(), k*readers/(kills+1)); err != nil {
			t.Fatal(err)
		}
		_ = p.signal(syscall.SIGKILL)
	}
	d.must("deliver", "--drain")
	missed, extra := d.copies(readers)
	tally, err := d.store.Tally(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	doubt := tally[digest.InDoubt]
	if extra > 0 || missed > doubt || doubt > kills*connections || tally[digest.Accepted]+doubt != readers {
		t.Errorf("%d missed, %d copies too many, ledger says %s (in doubt at most %d)", missed, extra, tally, kills*connections)
	}
}

// The database takes the connection and says nothing, so the program is still
// starting when it is told to stop.
func TestToldToStopWhileItStarts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args string
		code int
		says string
	}{
		{"serve", exitDone, "stopped before it served"},
		{"serve --only deliver", exitDone, "stopped before it served"},
		{"deliver --drain", exitFailed, "told to stop before anything was sent; what is queued stays queued"},
	} {
		silent, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		d := newDesk(t, smtpsink.Options{})
		d.dsn = fmt.Sprintf("postgres://courant@%s/courant?sslmode=disable", silent.Addr())
		d.configure()
		ctx, stop := context.WithCancel(t.Context())
		var errs bytes.Buffer
		p := program{args: append([]string{"--config", filepath.Join(d.dir, "courant.yaml")}, strings.Fields(c.args)...), stdin: strings.NewReader(""), stdout: &errs, stderr: &errs, env: testEnv, now: time.Now}
		done := make(chan int, 1)
		go func() { done <- p.run(ctx) }()
		line, err := silent.Accept()
		if err != nil {
			t.Fatal(err)
		}
		stop()
		if code := <-done; code != c.code || !strings.Contains(errs.String(), c.says) || strings.Contains(errs.String(), "context canceled") {
			t.Errorf("%s: exit %d, and it said %s", c.args, code, errs.String())
		}
		if err := errors.Join(line.Close(), silent.Close()); err != nil {
			t.Error(err)
		}
	}
}

func TestSIGTERMInMidEditionLeavesNothingOpen(t *testing.T) {
	t.Parallel()
	const readers, stops = 3000, 5
	d := newDesk(t, smtpsink.Options{})
	id := d.crowd(readers)
	for k := 1; k <= stops; k++ {
		p := d.start("serve", "--only", "deliver")
		if err := d.sink.Wait(t.Context(), k*readers/(stops+1)); err != nil {
			t.Fatal(err)
		}
		if err := p.signal(syscall.SIGTERM); err != nil {
			t.Errorf("serve ended with %v\n%s", err, tail(p.log.String(), 2000))
		}
		tally, err := d.store.Tally(t.Context(), id)
		if err != nil || tally[digest.InDoubt]+tally[digest.Sending]+tally[digest.Claimed] > 0 || tally[digest.Accepted] != d.sink.Count() {
			t.Errorf("after SIGTERM %d the sink has %d, the ledger says %s, %v", k, d.sink.Count(), tally, err)
		}
	}
	d.must("deliver", "--drain")
	if missed, extra := d.copies(readers); missed+extra > 0 {
		t.Errorf("%d missed, %d copies too many", missed, extra)
	}
}

// host is another machine with a data_dir of its own and the same database and
// secret; it gives the path of its config.
func (d *desk) host(name string) string {
	d.t.Helper()
	text, err := os.ReadFile(filepath.Join(d.dir, "courant.yaml"))
	if err != nil {
		d.t.Fatal(err)
	}
	config := strings.NewReplacer("data_dir: "+filepath.Join(d.dir, "data"), "data_dir: "+filepath.Join(d.dir, name)+"\nsecret_file: "+filepath.Join(d.dir, "data", "secret"),
		"desk_listen: "+d.inside, "desk_listen: "+freeAddress(d.t)).Replace(string(text))
	return d.write(name+".yaml", config)
}

// Three hosts with a data_dir each work one ledger. One is lost with all that it
// had; the others take its rows over when its lease is over, and nobody but
// its run-ahead is in doubt.
func TestHostsShareAnEditionAndOneIsLost(t *testing.T) {
	t.Parallel()
	const readers, connections = 1500, 4
	d := newDesk(t, smtpsink.Options{})
	d.extra = "in_doubt: hold\ndelivery: {lease: 10s}\n"
	id := d.crowd(readers)
	// Slow enough for all three to be at it, and one limit for all of them.
	d.relay = fmt.Sprintf("{host: 127.0.0.1, port: %d, tls: none, connections: %d, limits: [80/s]}", d.sink.Port(), connections)
	d.configure()
	hosts := []*process{d.start("serve", "--only", "deliver")}
	for _, name := range []string{"second", "third"} {
		hosts = append(hosts, d.start("--config", d.host(name), "serve", "--only", "deliver"))
	}
	for i, h := range hosts {
		d.until(fmt.Sprintf("host %d to send", i+1), func() bool { return strings.Contains(h.log.String(), "verdict=accepted") })
	}
	_ = hosts[1].signal(syscall.SIGKILL)
	if err := os.RemoveAll(filepath.Join(d.dir, "second")); err != nil {
		t.Fatal(err)
	}
	d.until("the rest to be sent", func() bool {
		return d.query(`SELECT count(*) FROM deliveries WHERE state IN ('queued', 'claimed', 'sending')`) == "0"
	})
	for _, h := range []*process{hosts[0], hosts[2]} {
		if err := h.signal(syscall.SIGTERM); err != nil {
			t.Error(err)
		}
	}
	tally, err := d.store.Tally(t.Context(), id)
	missed, extra := d.copies(readers)
	if doubt := tally[digest.InDoubt]; err != nil || extra > 0 || missed > doubt || doubt > connections*64 || tally[digest.Accepted]+doubt != readers {
		t.Errorf("%d missed, %d copies too many, the ledger says %s, %v", missed, extra, tally, err)
	}
	if log := hosts[0].log.String() + hosts[2].log.String(); !strings.Contains(log, `how="lease over, no journal"`) {
		t.Error("nobody took over from the host that was lost")
	}
	if got := d.query(`SELECT count(*) FROM hosts`); got != "3" {
		t.Errorf("the database knows %s hosts", got)
	}
}
