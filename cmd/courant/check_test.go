package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"courant/digest"
	"courant/digest/smtpsink"
	"courant/store"
)

// checkedLine is a line of check --json, whatever it is about.
type checkedLine struct {
	What, Subject, State, Finding, Next string
	File, Path                          string
	Line, Column                        int
	Digest, Slot, Local, Zone, Remark   string
	Records                             []struct{ Name, Type, Value string }
}

func checkedLines(t *testing.T, text string) (lines []checkedLine) {
	t.Helper()
	for l := range strings.Lines(text) {
		var one checkedLine
		d := json.NewDecoder(strings.NewReader(l))
		d.DisallowUnknownFields()
		if err := d.Decode(&one); err != nil {
			t.Fatalf("%q: %v", l, err)
		}
		lines = append(lines, one)
	}
	return lines
}

// rowOf is the line about a thing, which must be there once, with a next step
// where it needs one.
func rowOf(t *testing.T, lines []checkedLine, what, subject string) checkedLine {
	t.Helper()
	var found []checkedLine
	for _, l := range lines {
		if l.What == what && (subject == "" || l.Subject == subject) {
			found = append(found, l)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d rows of %s %s in %+v", len(found), what, subject, lines)
	}
	if found[0].State != "ok" && found[0].Next == "" {
		t.Errorf("no next step: %+v", found[0])
	}
	return found[0]
}

func (l checkedLine) want(t *testing.T, state string, words ...string) {
	t.Helper()
	for _, w := range words {
		if !strings.Contains(l.Finding+" "+l.Next, w) {
			t.Errorf("%s %s: %q, next %q: no %q", l.What, l.Subject, l.Finding, l.Next, w)
		}
	}
	if l.State != state {
		t.Errorf("%s %s is %s, want %s: %q", l.What, l.Subject, l.State, state, l.Finding)
	}
}

// kept counts the rows that check must leave as they are.
func (d *desk) kept() string {
	d.t.Helper()
	var counts []string
	for _, table := range []string{"sources", "articles", "keys", "readers", "choices", "reader_events", "slots", "editions"} {
		counts = append(counts, table+" "+d.query(`SELECT count(*) FROM `+table))
	}
	return strings.Join(counts, ", ")
}

const threePoints = "<h3>Key points</h3><ul><li>The bridge opens a year early.</li><li>It cost less than was planned.</li><li>Ferries stop in May.</li></ul>"

func TestCheckLooksAroundAndChangesNothing(t *testing.T) {
	t.Parallel()
	d := newDesk(t, smtpsink.Options{})
	d.feed.put(item{"Bridge opens a year early", "/1", threePoints})
	d.configure()
	before := d.kept()
	lines := checkedLines(t, d.must("check", "--json"))
	rowOf(t, lines, "config file", "").want(t, "ok", "mode 0600")
	rowOf(t, lines, "data_dir", "").want(t, "ok", "made at first use")
	rowOf(t, lines, "secret_file", "").want(t, "ok", "made at first use")
	rowOf(t, lines, "disk", "")
	rowOf(t, lines, "DKIM keys", "").want(t, "ok", "1 can sign")
	rowOf(t, lines, "listen", d.listen).want(t, "ok", "free")
	rowOf(t, lines, "time zones", "")
	rowOf(t, lines, "database", "").want(t, "look", "schema version ", " is up to date", "power cut") // tests run without fsync
	rowOf(t, lines, "database latency", "")
	rowOf(t, lines, "clock", "").want(t, "ok", "database's")
	rowOf(t, lines, "keys", "").want(t, "ok", "has seen none")
	rowOf(t, lines, "readers", "morning").want(t, "look", "nobody", "courant readers import FILE --list readers")
	rowOf(t, lines, "relay", d.sink.Addr()).want(t, "ok", "in clear, PIPELINING, SIZE 26 MB, 8BITMIME")
	rowOf(t, lines, "source", "Wire").want(t, "look", "1 article, no dates, key points in the feed for all")
	if _, err := os.Stat(filepath.Join(d.dir, "data")); !os.IsNotExist(err) {
		t.Errorf("check made the data directory: %v", err)
	}
	if after := d.kept(); after != before {
		t.Errorf("the rows were %s and are %s", before, after)
	}
	if n := len(d.sink.Messages()); n > 0 {
		t.Errorf("check sent %d mails", n)
	}
}

func TestCheckSeesARunningCourantAndNobodyLeaves(t *testing.T) {
	t.Parallel()
	d := newDesk(t, smtpsink.Options{})
	d.configure()
	d.must("readers", "add", "ann@example.org")
	p := d.start("serve", "--only", "web")
	d.ready(p)
	before := d.kept()
	r := d.try("check", "--live", "--json")
	lines := checkedLines(t, r.stdout)
	rowOf(t, lines, "data_dir", "").want(t, "ok", "can be written")
	rowOf(t, lines, "secret_file", "").want(t, "ok", "for its owner only")
	rowOf(t, lines, "listen", d.listen).want(t, "ok", "Courant answers there")
	rowOf(t, lines, "keys", "").want(t, "ok", "belong together")
	rowOf(t, lines, "readers", "morning").want(t, "ok", "1 active")
	rowOf(t, lines, "pages", "").want(t, "ok", "answers ok")
	rowOf(t, lines, "one-click", "").want(t, "ok", "200")
	rowOf(t, lines, "DNS", "").want(t, "ok", "not asked")
	rowOf(t, lines, "source", "Wire").want(t, "look", "no articles")
	if r.code != 0 {
		t.Errorf("exit %d: %s", r.code, r.stderr)
	}
	if after := d.kept(); after != before {
		t.Errorf("the rows were %s and are %s", before, after)
	}
	if n := d.query(`SELECT count(*) FROM choices WHERE left_at IS NOT NULL`); n != "0" {
		t.Errorf("the one-click POST made %s readers leave", n)
	}
	if err := p.signal(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
}

func TestCheckTellsWhatIsWrongAroundTheConfig(t *testing.T) {
	t.Parallel()
	d := newDesk(t, smtpsink.Options{})
	d.configure()
	d.must("readers", "add", "ann@example.org")
	// Each thing in reach is broken: who may write, who holds the port, the
	// keys, the relay, the feed.
	taken, err := net.Listen("tcp", d.listen)
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	if err := d.sink.Close(); err != nil {
		t.Fatal(err)
	}
	d.feed.Close()
	for file, mode := range map[string]os.FileMode{"courant.yaml": 0o622, "dkim.pem": 0o640, "data/secret": 0o644} {
		if err := os.Chmod(filepath.Join(d.dir, file), mode); err != nil {
			t.Fatal(err)
		}
	}
	r := d.try("check", "--json")
	if r.code != 0 {
		t.Errorf("exit %d where the config is right: %s", r.code, r.stderr)
	}
	lines := checkedLines(t, r.stdout)
	rowOf(t, lines, "config file", "").want(t, "look", "0622", "chmod go-w")
	rowOf(t, lines, "secret_file", "").want(t, "wrong", "read by others", "chmod 600")
	rowOf(t, lines, "DKIM keys", "").want(t, "wrong", "readable by others", "chmod 600")
	rowOf(t, lines, "relay", "").want(t, "wrong", "connection refused", "check host, port and tls")
	rowOf(t, lines, "source", "Wire").want(t, "wrong", "cannot be reached")
	rowOf(t, lines, "listen", "").want(t, "wrong", "taken by another program")
	if r := d.try("check", "--live"); r.code != 1 || !strings.Contains(r.stderr, "rows are wrong") {
		t.Errorf("--live: exit %d, %s", r.code, r.stderr)
	}
	if r := d.try("check", "--offline"); r.code != 0 || strings.Contains(r.stdout, "relay") {
		t.Errorf("--offline: exit %d, %s", r.code, r.stdout)
	}
	if r := d.try("check", "--offline", "--live"); r.code != 2 {
		t.Errorf("--offline --live: exit %d", r.code)
	}
}

func TestCheckHoldsTheClockAgainstTheDatabases(t *testing.T) {
	t.Parallel()
	d := newDesk(t, smtpsink.Options{})
	d.configure()
	for offset, state := range map[time.Duration]string{0: "ok", 5 * time.Second: "look", -5 * time.Second: "look", time.Minute: "wrong"} {
		d.offset = offset
		rowOf(t, checkedLines(t, d.must("check", "--json")), "clock", "").want(t, state, "database's")
	}
}

func TestCheckFindsAnotherSecretAndALostOne(t *testing.T) {
	t.Parallel()
	d := newDesk(t, smtpsink.Options{})
	d.configure()
	d.must("readers", "list")
	secretFile := filepath.Join(d.dir, "data", "secret")
	if err := os.Remove(secretFile); err != nil {
		t.Fatal(err)
	}
	rowOf(t, checkedLines(t, d.must("check", "--json")), "keys", "").want(t, "wrong", "there is none here", "backup")
	if err := makeSecretFile(secretFile); err != nil {
		t.Fatal(err)
	}
	rowOf(t, checkedLines(t, d.must("check", "--json")), "keys", "").want(t, "wrong", "another secret_file", "backup")
}

func TestCheckMigratesNothing(t *testing.T) {
	t.Parallel()
	d := newDesk(t, smtpsink.Options{})
	d.configure()
	db, err := sql.Open("postgres", d.dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close() // one act, nothing to flush
	if _, err := db.ExecContext(t.Context(), `DROP TABLE schema_versions`); err != nil {
		t.Fatal(err)
	}
	lines := checkedLines(t, d.must("check", "--json"))
	rowOf(t, lines, "database", "").want(t, "look", "no schema yet: made at first use")
	if n := d.query(`SELECT count(*) FROM pg_tables WHERE schemaname = current_schema() AND tablename = 'schema_versions'`); n != "0" {
		t.Error("check made a table")
	}
}

func TestCheckNeverPrintsTheDatabasesPassword(t *testing.T) {
	t.Parallel()
	d := newDesk(t, smtpsink.Options{})
	d.configure()
	d.withConfig(postgresURL(d.dsn), "postgres://courant:hunter%2Ftwo@"+freeAddress(t)+"/courant?connect_timeout=2", func() {
		for _, args := range [][]string{{"check"}, {"check", "--json"}} {
			r := d.try(args...)
			if r.code != 0 || !strings.Contains(r.stdout, "connection refused") {
				t.Errorf("exit %d, %s", r.code, r.stdout)
			}
			if out := r.stdout + r.stderr; strings.Contains(out, "hunter") {
				t.Errorf("the password is told: %s", out)
			}
		}
	})
}

// A server that takes every connection and never says a word: each look ends
// by itself, or this test does not.
func TestCheckEndsWhereNobodyAnswers(t *testing.T) {
	t.Parallel()
	d := newDesk(t, smtpsink.Options{})
	silent, err := net.Listen("tcp", "127.0.0.1:0") // the kernel takes the connections
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	port := silent.Addr().(*net.TCPAddr).Port
	d.relay = fmt.Sprintf("{host: 127.0.0.1, port: %d, tls: none}", port)
	d.configure()
	d.withConfig(d.feed.URL, "http://"+silent.Addr().String(), func() {
		d.withConfig(postgresURL(d.dsn), "postgres://a:long-secret@"+silent.Addr().String()+"/x", func() {
			lines := checkedLines(t, d.must("check", "--json"))
			rowOf(t, lines, "database", "").want(t, "wrong", "check `database`")
			rowOf(t, lines, "relay", "").want(t, "wrong", "no answer in time")
			rowOf(t, lines, "source", "").want(t, "look", "in the time there was")
		})
	})
}

func TestCheckGivesFaultsAsLinesToo(t *testing.T) {
	t.Parallel()
	d := newDesk(t, smtpsink.Options{})
	d.configure()
	d.withConfig("min_articles: 1", "min_articles: 99", func() {
		r := d.try("check", "--json")
		lines := checkedLines(t, r.stdout)
		if len(lines) != 1 || r.code != 1 {
			t.Fatalf("exit %d, %+v", r.code, lines)
		}
		l := lines[0]
		l.want(t, "wrong", "more than max_articles")
		if l.What != "config" || l.Line == 0 || l.Column == 0 || l.Path != "digests.morning.min_articles" || filepath.Base(l.File) != "courant.yaml" {
			t.Errorf("%+v", l)
		}
		plain := d.try("check")
		if plain.stderr != r.stderr || plain.stdout != "" || plain.code != 1 {
			t.Errorf("exit %d\n%s\n%s", plain.code, plain.stdout, plain.stderr)
		}
		// An editor's matcher finds each by its place, the first as well.
		if !strings.HasPrefix(plain.stderr, filepath.Join(d.dir, "courant.yaml")+":") {
			t.Error(plain.stderr)
		}
		d.withConfig("postal_address:", "language: it\npostal_address:", func() {
			if both := d.try("check"); !strings.Contains(both.stdout, "warning: ") || !strings.Contains(both.stdout, "language: ") || !strings.Contains(both.stderr, "min_articles") {
				t.Errorf("not fault and warning at once:\n%s\n%s", both.stdout, both.stderr)
			}
		})
	})
	lines := checkedLines(t, d.must("check", "--json", "--offline"))
	slots := 0
	for _, l := range lines {
		if l.What != "slot" {
			continue
		}
		slots++
		at, err := time.Parse(time.RFC3339, l.Slot)
		local, lerr := time.Parse(time.RFC3339, l.Local)
		if err != nil || lerr != nil || !at.Equal(local) || l.Digest != "morning" || l.Zone != "Europe/Berlin" {
			t.Errorf("%+v", l)
		}
	}
	if slots != 5 {
		t.Errorf("%d slots in %+v", slots, lines)
	}
}

func TestCheckShowsClockChangesAlignedInBothTimes(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	d := digest.Digest{Name: "night", Title: "Night", Schedule: "30 2 * * *", TimeZone: "Europe/Berlin"}
	(&checkTable{Writer: &out}).slots(d, time.Date(2027, 3, 26, 12, 0, 0, 0, time.UTC))
	want := `
night (Night), "30 2 * * *" Europe/Berlin
  Sat 2027-03-27 02:30 CET   2027-03-27 01:30 UTC
  Sun 2027-03-28 03:00 CEST  2027-03-28 01:00 UTC`
	if got := out.String(); !strings.HasPrefix(got, want) || !strings.Contains(strings.SplitN(got, "\n", 5)[3], "(") {
		t.Errorf("%s", got)
	}
}

func TestDatabaseOfEachKindHasItsState(t *testing.T) {
	t.Parallel()
	good := store.Condition{Version: "15.18 (Debian)", Major: 15, Schema: 2, Known: 2, Place: "public", MayMake: true, Durable: true}
	for _, c := range []struct {
		change func(*store.Condition)
		state  digest.FindingState
		words  string
	}{
		{func(*store.Condition) {}, digest.FindingOK, "PostgreSQL 15.18, schema version 2 is up to date"},
		{func(c *store.Condition) { c.Schema = 0 }, digest.FindingOK, "made at first use"},
		{func(c *store.Condition) { c.Schema = 1 }, digest.FindingLook, "schema version 1 of 2"},
		{func(c *store.Condition) { c.Schema = 3 }, digest.FindingWrong, "this Courant knows 2"},
		{func(c *store.Condition) { c.Schema, c.MayMake = 1, false }, digest.FindingWrong, "may not make tables"},
		{func(c *store.Condition) { c.ReadOnly = true }, digest.FindingWrong, "read-only"},
		{func(c *store.Condition) { c.Place = "" }, digest.FindingWrong, "no schema"},
		{func(c *store.Condition) { c.Durable = false }, digest.FindingLook, "power cut"},
		{func(c *store.Condition) { c.Major = 13 }, digest.FindingLook, "up to date"},
	} {
		condition := good
		c.change(&condition)
		f := databaseFinding(digest.Finding{What: "database"}, condition)
		if f.State != c.state || !strings.Contains(f.Text, c.words) || (f.State == digest.FindingOK) != (f.Next == "") {
			t.Errorf("%+v: %+v", condition, f)
		}
	}
}

func TestFreeDiskHasItsThreeStates(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		free, total uint64
		state       digest.FindingState
	}{
		{80 << 30, 100 << 30, digest.FindingOK},
		{9 << 30, 100 << 30, digest.FindingLook},
		{1 << 30, 4 << 30, digest.FindingLook},
		{100 << 20, 4 << 30, digest.FindingWrong},
	} {
		if f := diskFinding(digest.Finding{What: "disk"}, c.free, c.total); f.State != c.state {
			t.Errorf("%d of %d is %s: %s", c.free, c.total, f.State, f.Text)
		}
	}
	if f := latencyFinding(farDatabase + 1); f.State != digest.FindingLook || latencyFinding(farDatabase).State != digest.FindingOK {
		t.Errorf("%+v", f)
	}
}

func TestDataDirThatCannotBeAndOldZonesAreSeen(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, state := range map[string]digest.FindingState{
		dir: digest.FindingOK, filepath.Join(dir, "a", "b"): digest.FindingOK,
		file: digest.FindingWrong, filepath.Join(file, "below"): digest.FindingWrong,
	} {
		if f := writable(path); f.State != state {
			t.Errorf("%s is %s: %s", path, f.State, f.Text)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "tzdata.zi"), []byte("# version 2019c\n# more\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	if f := zoneVersion(digest.Finding{}, dir, now); f.State != digest.FindingLook || !strings.Contains(f.Text, "2019c") {
		t.Errorf("%+v", f)
	}
	if f := timeZones([]digest.Digest{{Name: "a", TimeZone: "Europe/Atlantis"}}, now); f.State != digest.FindingWrong {
		t.Errorf("%+v", f)
	}
}

func TestCheckLooksAtAPrivateDatabaseAsItFindsIt(t *testing.T) {
	t.Parallel()
	d := newDesk(t, smtpsink.Options{})
	d.configure()
	// The server's account must be able to pass, which t.TempDir forbids it.
	dir, err := os.MkdirTemp("", "courant-check-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	private := filepath.Join(dir, "data")
	d.withConfig(postgresURL(d.dsn), "", func() {
		d.withConfig("data_dir: "+filepath.Join(d.dir, "data"), "data_dir: "+private, func() {
			rowOf(t, checkedLines(t, d.must("check", "--json")), "database", "private").want(t, "ok", "made at first use, by PostgreSQL")
			if _, err := os.Stat(private); !os.IsNotExist(err) {
				t.Errorf("check made %s: %v", private, err)
			}
			d.must("migrate")
			lines := checkedLines(t, d.must("check", "--json"))
			rowOf(t, lines, "database", "private").want(t, "ok", "schema version", "up to date")
			rowOf(t, lines, "clock", "").want(t, "ok")
			if _, err := os.Stat(filepath.Join(private, "postgres", "data", "postmaster.pid")); !os.IsNotExist(err) {
				t.Errorf("check left the server running: %v", err)
			}
		})
	})
}

// The whole answer as a person sees it, on a terminal of two widths and in a
// pipe, and as a program does.
func TestCheckTableIsAsDrawn(t *testing.T) {
	t.Parallel()
	skip := digest.DateRange{From: digest.Date{Year: 2026, Month: time.October, Day: 26}, To: digest.Date{Year: 2026, Month: time.October, Day: 27}}
	config := Config{
		File: "courant.yaml", Sources: make([]digest.Source, 3), Lists: make([]List, 1), ReceiveListen: "127.0.0.1:2525",
		Digests: []digest.Digest{
			{Name: "night", Title: "Night Brief", Schedule: "30 2 * * *", TimeZone: "Europe/Berlin", Skip: []digest.DateRange{skip}},
			{Name: "friday", Title: "Friday the 13th", Schedule: "0 9 13 * 5", TimeZone: "Pacific/Auckland"},
			{Name: "alarm", Title: "Alarm"},
		},
	}
	doubtful := []Fault{{File: "courant.yaml", Line: 12, Column: 5, Path: "digests.night.max_articles", Message: "500 stories are more than a mail holds"}}
	now := time.Date(2026, 10, 23, 12, 0, 0, 0, time.UTC)
	findings := []digest.Finding{
		digest.Finding{What: "data_dir", Subject: "/var/lib/courant"}.OK("can be written"),
		digest.Finding{What: "disk", Subject: "/var/lib/courant"}.Look("1.4 GB free of 41.0 GB", "make room, or set data_dir to a larger disk; Postgres stops when it cannot write"),
		digest.Finding{What: "relay", Subject: "smtp.with-a-long-name.example.com:587"}.OK("TLS 1.3, login taken, PIPELINING, SIZE 26 MB, 8BITMIME, certificate until 2027-01-12"),
		{
			What: "DMARC", Subject: "example.com", State: digest.FindingWrong, Text: "there is no \x1b[32mrecord", Next: "publish this record",
			Records: []digest.DNSRecord{{Name: "_dmarc.example.com", Type: "TXT", Value: "v=DMARC1; p=none; rua=mailto:dmarc@example.com"}},
		},
	}
	for name, tell := range map[string]func(io.Writer) checkTeller{
		"plain":    func(w io.Writer) checkTeller { return &checkTable{Writer: w} },
		"coloured": func(w io.Writer) checkTeller { return &checkTable{w, style{coloured: true, width: 90}} },
		"narrow":   func(w io.Writer) checkTeller { return &checkTable{w, style{width: 72}} },
		"json":     func(w io.Writer) checkTeller { return &checkLines{encoder: json.NewEncoder(w)} },
	} {
		var out bytes.Buffer
		told := tell(&out)
		told.config(config, doubtful)
		for _, d := range config.Digests {
			told.slots(d, now)
		}
		told.findings(findings)
		if err := told.end(); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join("testdata", "check", name+".want")
		if *update {
			if err := os.WriteFile(path, out.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(out.Bytes(), want) {
			t.Errorf("%s:\n%s\nwant\n%s", name, fmt.Sprintf("%q", out.String()), fmt.Sprintf("%q", want))
		}
	}
}

func TestCheckAsksDNSAboutTheSenderOfTheConfig(t *testing.T) {
	t.Parallel()
	d := newDesk(t, smtpsink.Options{})
	d.relay = "{host: smtp.example.com}, {host: smtp.example.com, port: 465, tls: tls}, {host: relay.example.net}"
	d.configure()
	d.withConfig("url: http://"+d.listen, "url: https://news.example.com", func() {
		p := program{stdout: io.Discard, stderr: io.Discard, now: time.Now, configFile: filepath.Join(d.dir, "courant.yaml"), env: os.LookupEnv}
		c, err := p.loadedConfig()
		if err != nil {
			t.Fatal(err)
		}
		s := p.lookAround(c)
		s.resolver = &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("no name server") }}
		var rows []string
		for _, f := range s.names(t.Context()) {
			if f.State != digest.FindingWrong || !strings.Contains(f.Text, "could not be asked") {
				t.Errorf("%+v", f)
			}
			rows = append(rows, f.What+" "+f.Subject)
		}
		want := []string{"SPF bounces.example.com", "DKIM courant._domainkey.example.com", "DMARC example.com", "MX example.com", "MX bounces.example.com", "PTR smtp.example.com", "PTR relay.example.net"}
		if !slices.Equal(rows, want) {
			t.Errorf("rows %q, want %q", rows, want)
		}
		if f := s.public(t.Context()); len(f) != 1 || f[0].State != digest.FindingWrong || f[0].Subject != "news.example.com" {
			t.Errorf("%+v", f)
		}
		// A key that cannot be used has a row of its own; DNS is not blamed for it.
		if err := os.Chmod(filepath.Join(d.dir, "dkim.pem"), 0o640); err != nil {
			t.Fatal(err)
		}
		if f := s.names(t.Context()); slices.ContainsFunc(f, func(f digest.Finding) bool { return f.What == "DKIM" }) || len(f) != 6 {
			t.Errorf("%+v", f)
		}
	})
}
