package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"database/sql"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"net/mail"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"courant/digest"
	"courant/digest/deliver"
	"courant/digest/smtpsink"
	"courant/digest/submit"
	"courant/store"
	"courant/store/storetest"
)

// The conversation with a relay, broken at every stage in every way, and what
// the ledger says of it: a row per stage and fault. Each row is an edition for
// three readers over one connection, made and sent by the real rooms from real
// rows; the fault meets the second reader, or the first connection.

// fault is a row of the table.
type fault struct {
	name  string
	rules []smtpsink.Rule
	at    smtpsink.Stage // where the relay says nothing, so that one wait is made short; empty: it answers
	want  string         // the three deliveries, "a / b / c"; a single one is that of b, and a and c are accepted
	or    string         // what may become of b as well, where the relay and our kernel race
	says  string         // what the run ends with; empty: no error

	copies    int  // of b's mail, where that is not 1 for an accepted one and else 0
	hold      bool // in_doubt: hold
	heavy     bool // the body is larger than what the kernel takes at once
	encrypted bool // only where there is TLS and a password
	sink      func(*smtpsink.Options)
	relay     func(*submit.Relay)
}

// none is when the run stops before anybody was charged with anything.
const none = "queued / queued / queued"

func answer(code int, status, text string) smtpsink.Action {
	return smtpsink.Action{Do: smtpsink.Answer, Reply: smtpsink.Reply{Code: code, Enhanced: status, Text: text}}
}

// The ways to break a stage.
var (
	refuse  = answer(554, "5.3.0", "no")
	later   = answer(451, "4.3.0", "not now")
	bye     = smtpsink.Action{Do: smtpsink.Answer, Reply: smtpsink.Reply{Code: 421, Enhanced: "4.3.2", Text: "shutting down"}, ThenCut: true}
	hang    = smtpsink.Action{Do: smtpsink.Stall, ThenCut: true}
	cut     = smtpsink.Action{Do: smtpsink.Cut}
	abort   = smtpsink.Action{Do: smtpsink.Cut, Reset: true}
	garbage = smtpsink.Action{Do: smtpsink.Garbage, ThenCut: true}
	drip    = smtpsink.Action{Do: smtpsink.Drip, For: time.Millisecond}
)

// toB is a fault for the second reader's mail, once.
func toB(at smtpsink.Stage, do smtpsink.Action) []smtpsink.Rule {
	if at == smtpsink.AtMail { // named only afterwards
		return []smtpsink.Rule{{At: at, Skip: 1, First: 1, Do: do}}
	}
	return []smtpsink.Rule{{At: at, To: "@b.example", First: 1, Do: do}}
}

// atFirst is a fault for the first connection that comes so far.
func atFirst(at smtpsink.Stage, do smtpsink.Action) []smtpsink.Rule {
	return []smtpsink.Rule{{At: at, First: 1, Do: do}}
}

// late is a fault in mid-body.
func late(do smtpsink.Action) smtpsink.Action {
	do.After = 100
	return do
}

// dialFaults break the way to the first MAIL: the relay is left alone for a
// moment or, where the settings are ours to mend, the run stops. No reader is
// charged with any of it.
func dialFaults() []fault {
	const stops, fine = "nothing was counted against any reader", "accepted"
	var rows []fault
	for _, stage := range []struct {
		at        smtpsink.Stage
		refuse    smtpsink.Action
		want      string // of a refusal
		later     smtpsink.Action
		encrypted bool
	}{
		{smtpsink.AtConnect, answer(554, "5.7.1", "your address is on a list"), none, answer(450, "4.3.2", "busy"), false},
		{smtpsink.AtStartTLS, answer(554, "5.3.3", "no TLS today"), none, answer(454, "4.7.0", "TLS not available"), true},
		{smtpsink.AtAuth, answer(535, "5.7.8", "no such account"), none, answer(454, "4.7.0", "no directory"), true},
		// A server that talks plainly where TLS begins may mean anything.
		{smtpsink.AtHandshake, refuse, fine, later, true},
		// go-mail says HELO after a refused EHLO, which is enough in clear.
		{smtpsink.AtHello, bye, fine, later, false},
	} {
		f := fault{want: stage.want, rules: atFirst(stage.at, stage.refuse), encrypted: stage.encrypted}
		if f.want == none {
			f.says = stops
		}
		f.name = fmt.Sprintf("%s refuses", stage.at)
		rows = append(rows, f)
		for name, do := range map[string]smtpsink.Action{
			"defers": stage.later, "says 421": bye, "hangs": hang, "is cut": cut, "is reset": abort, "talks garbage": garbage, "drips": drip,
		} {
			if name == "drips" && stage.at == smtpsink.AtHandshake {
				continue // no reply to drip
			}
			f := fault{name: fmt.Sprintf("%s %s", stage.at, name), rules: atFirst(stage.at, do), want: fine, encrypted: stage.encrypted}
			if name == "hangs" {
				f.at = stage.at
			}
			rows = append(rows, f)
		}
	}
	return append(rows,
		fault{name: "every hello refused", rules: []smtpsink.Rule{{At: smtpsink.AtHello, Do: answer(550, "5.7.1", "unknown host name")}}, want: none, says: "unknown host name"},
		fault{name: "banner 550", rules: atFirst(smtpsink.AtConnect, answer(550, "", "go away")), want: none, says: "go away"},
		fault{name: "STARTTLS stripped", rules: atFirst(smtpsink.AtHello, smtpsink.Action{Do: smtpsink.Strip, Words: []string{"STARTTLS"}}), encrypted: true,
			want: none, says: "does not offer STARTTLS"},
		fault{name: "AUTH stripped", encrypted: true, sink: func(o *smtpsink.Options) { o.Without = append(o.Without, "AUTH") }, want: none, says: "does not offer AUTH"},
		fault{name: "certificate of another name", encrypted: true, sink: func(o *smtpsink.Options) { o.Names = []string{"elsewhere.test"} },
			want: none, says: "certificate"},
		fault{name: "certificate of nobody we trust", encrypted: true, relay: func(r *submit.Relay) { r.TLS = &tls.Config{RootCAs: x509.NewCertPool()} },
			want: none, says: "certificate"},
		fault{name: "wrong password", encrypted: true, relay: func(r *submit.Relay) { r.Password = "not this" }, want: none, says: "check username and password_file"},
		fault{name: "no password", encrypted: true, relay: func(r *submit.Relay) { r.Username, r.Password = "", "" }, want: none, says: "530"},
	)
}

// mailFaults break the handing over of the second reader's mail.
func mailFaults() []fault {
	rows := []fault{
		{name: "mail refuses", rules: toB(smtpsink.AtMail, refuse), want: "accepted / queued / queued", says: "check from and return_path"},
		{name: "mail defers", rules: toB(smtpsink.AtMail, later), want: "deferred transient"},
		{name: "mail drips", rules: toB(smtpsink.AtMail, drip), want: "accepted"},
		{name: "rset drips", rules: afterRefusal(drip), want: "refused unknown / accepted / accepted"},
	}
	// The line broke before the reader was named.
	for name, do := range map[string]smtpsink.Action{"says 421": bye, "hangs": hang, "is cut": cut, "is reset": abort, "talks garbage": garbage} {
		rows = append(rows,
			fault{name: "mail " + name, rules: toB(smtpsink.AtMail, do), want: "accepted"},
			fault{name: "rset " + name, rules: afterRefusal(do), want: "refused unknown / accepted / accepted"},
			fault{name: "quit " + name, rules: atFirst(smtpsink.AtQuit, do), want: "accepted"})
	}
	for name, do := range map[string]smtpsink.Action{"refuses": refuse, "defers": later} {
		rows = append(rows, fault{name: "rset " + name, rules: afterRefusal(do), want: "refused unknown / accepted / accepted"},
			fault{name: "quit " + name, rules: atFirst(smtpsink.AtQuit, do), want: "accepted"})
	}
	// The reader was named, the dot not sent.
	for _, at := range []smtpsink.Stage{smtpsink.AtRcpt, smtpsink.AtData} {
		rows = append(rows, fault{name: string(at) + " refuses", rules: toB(at, refuse), want: "refused unknown"},
			fault{name: string(at) + " defers", rules: toB(at, later), want: "deferred transient"},
			fault{name: string(at) + " drips", rules: toB(at, drip), want: "accepted"})
		for name, do := range map[string]smtpsink.Action{"says 421": bye, "hangs": hang, "is cut": cut, "is reset": abort, "talks garbage": garbage} {
			rows = append(rows, fault{name: string(at) + " " + name, rules: toB(at, do), want: "deferred transient"})
		}
	}
	for i := range rows {
		if stage, ok := strings.CutSuffix(rows[i].name, " hangs"); ok {
			rows[i].at = smtpsink.Stage(stage)
		}
	}
	return append(rows, bodyFaults()...)
}

// afterRefusal is a fault at the RSET that a refused first reader makes due.
func afterRefusal(do smtpsink.Action) []smtpsink.Rule {
	return []smtpsink.Rule{{At: smtpsink.AtRcpt, To: "@a.example", First: 1, Do: refuse}, {At: smtpsink.AtReset, First: 1, Do: do}}
}

// bodyFaults break the line where a mail is half or wholly sent. Once the
// kernel has the dot, silence is doubt, and doubt is one more copy at most.
func bodyFaults() []fault {
	slow := drip
	slow.After, slow.For = 9000, 10*time.Microsecond
	rows := []fault{
		{name: "body refuses and hangs up", rules: toB(smtpsink.AtBody, late(smtpsink.Action{Do: smtpsink.Answer, Reply: refuse.Reply, ThenCut: true})), want: "refused unknown"},
		{name: "body says 421", rules: toB(smtpsink.AtBody, late(bye)), want: "deferred transient"},
		{name: "body is read slowly", rules: toB(smtpsink.AtBody, slow), want: "accepted"},
		{name: "dot refuses", rules: toB(smtpsink.AtDot, refuse), want: "refused unknown"},
		{name: "dot defers", rules: toB(smtpsink.AtDot, later), want: "deferred transient"},
		{name: "dot says 421", rules: toB(smtpsink.AtDot, bye), want: "deferred transient"},
		{name: "dot drips", rules: toB(smtpsink.AtDot, drip), want: "accepted"},
		{name: "recorded drips", rules: toB(smtpsink.AtRecorded, drip), want: "accepted"},
		{name: "recorded, then 451", rules: toB(smtpsink.AtRecorded, later), want: "deferred transient", copies: 1}, // the relay's word counts
		{name: "doubt, and doubt again", rules: []smtpsink.Rule{{At: smtpsink.AtRecorded, To: "@b.example", Do: cut}}, want: "in doubt again", copies: 2},
		{name: "doubt, then no", rules: append(toB(smtpsink.AtRecorded, cut), smtpsink.Rule{At: smtpsink.AtRcpt, To: "@b.example", Skip: 1, Do: refuse}),
			want: "refused unknown again", copies: 1},
	}
	for name, do := range map[string]smtpsink.Action{"is cut": cut, "is reset": abort, "hangs": hang, "talks garbage": garbage} {
		at := func(stage smtpsink.Stage) smtpsink.Stage {
			if name == "hangs" {
				return stage
			}
			return ""
		}
		rows = append(rows,
			fault{name: "large body " + name, rules: toB(smtpsink.AtBody, late(do)), at: at(smtpsink.AtBody), heavy: true, want: "deferred transient"},
			// The relay may go before the kernel has the dot: then nothing is in doubt.
			fault{name: "body " + name, rules: toB(smtpsink.AtBody, late(do)), at: at(smtpsink.AtDot), want: "accepted again", or: "deferred transient"},
			fault{name: "dot " + name, rules: toB(smtpsink.AtDot, do), at: at(smtpsink.AtDot), want: "accepted again"},
			fault{name: "recorded, then " + name, rules: toB(smtpsink.AtRecorded, do), at: at(smtpsink.AtDot), want: "accepted again", copies: 2},
			fault{name: "dot " + name + ", hold", rules: toB(smtpsink.AtDot, do), at: at(smtpsink.AtDot), hold: true, want: "in doubt"},
			fault{name: "recorded, then " + name + ", hold", rules: toB(smtpsink.AtRecorded, do), at: at(smtpsink.AtDot), hold: true, want: "in doubt", copies: 1})
	}
	return rows
}

// transport is a way to talk to a relay.
type transport struct {
	name string
	opt  smtpsink.Options
}

func (tr transport) tls() bool { return tr.opt.Security != smtpsink.Plain }

func transports() []transport {
	accounts := map[string]string{"courant": "a good password"}
	return []transport{
		{"clear", smtpsink.Options{}},
		{"clear, one command at a time", smtpsink.Options{Without: []string{"PIPELINING"}}},
		{"STARTTLS", smtpsink.Options{Security: smtpsink.StartTLS, Accounts: accounts}},
		{"TLS, one command at a time", smtpsink.Options{Security: smtpsink.Implicit, Accounts: accounts, Without: []string{"PIPELINING"}}},
	}
}

func TestEveryStageAndFaultLeavesTheLedgerRight(t *testing.T) {
	t.Parallel()
	var trials []trial
	for _, tr := range transports() {
		for _, f := range dialFaults() {
			// Before the first MAIL nothing is pipelined.
			if len(tr.opt.Without) == 0 && (tr.tls() || !f.encrypted) {
				trials = append(trials, trial{f, tr})
			}
		}
		for _, f := range mailFaults() {
			trials = append(trials, trial{f, tr})
		}
	}
	runTrials(t, trials)
}

// What the words of a relay mean for a reader: mail.md's table, where the
// enhanced status counts before the code and the code before the words.
func TestEveryReplyLeavesTheLedgerRight(t *testing.T) {
	t.Parallel()
	var trials []trial
	for _, row := range []struct {
		code               int
		status, text, want string
	}{
		{550, "5.1.1", "no", "refused hard, suppressed"},
		{550, "5.1.0", "no", "refused hard, suppressed"},
		{550, "5.1.3", "no", "refused hard, suppressed"},
		{550, "5.1.6", "moved", "refused hard, suppressed"},
		{550, "5.1.10", "null MX", "refused hard, suppressed"},
		{550, "", "User unknown", "refused hard, suppressed"},
		{550, "5.1.2", "no such domain", "refused hard"},
		{550, "5.4.4", "no route", "refused hard"},
		{550, "5.2.1", "disabled", "refused hard"},
		{452, "4.2.2", "full", "deferred soft"},
		{552, "5.2.2", "full", "refused soft"},
		{552, "", "quota exceeded", "refused soft"},
		{552, "", "too much", "refused soft"},
		{550, "5.7.1", "not from you", "refused blocked"},
		{550, "5.7.26", "unauthenticated", "refused blocked"},
		{550, "5.7.515", "access denied", "refused blocked"},
		{554, "", "this looks like spam", "refused blocked"},
		{550, "", "blocked by a list", "refused blocked"},
		{550, "5.7.1", "recipient address rejected: user unknown", "refused blocked"}, // a policy's words win
		{451, "4.7.0", "slow down", "deferred throttled"},
		{450, "4.7.1", "come back", "deferred throttled"},
		{450, "", "greylisted", "deferred throttled"},
		{451, "", "too many messages, too fast", "deferred throttled"},
		{454, "", "throttling failure", "deferred throttled"},
		{451, "4.4.1", "no answer from host", "deferred transient"},
		{452, "4.3.1", "out of memory", "deferred transient"},
		{552, "5.3.4", "too big", "refused content"},
		{550, "5.2.3", "too long", "refused content"},
		{550, "5.6.0", "what is this", "refused content"},
		{554, "5.5.2", "syntax", "refused content"},
		{550, "", "no", "refused unknown"},
	} {
		for _, at := range []smtpsink.Stage{smtpsink.AtRcpt, smtpsink.AtDot} {
			f := fault{name: fmt.Sprintf("%d %s %s at %s", row.code, row.status, row.text, at), rules: toB(at, answer(row.code, row.status, row.text)), want: row.want}
			trials = append(trials, trial{f, transports()[0]})
		}
	}
	slow := answer(421, "4.7.0", "too fast")
	slow.ThenCut = true
	for _, f := range []fault{
		{name: "421 4.7.0", rules: toB(smtpsink.AtRcpt, slow), want: "deferred throttled"},
		{name: "535 at RCPT", rules: toB(smtpsink.AtRcpt, answer(535, "5.7.8", "log in")), want: "accepted / queued / queued", says: "log in"},
		{name: "530 at RCPT", rules: toB(smtpsink.AtRcpt, answer(530, "5.7.0", "log in first")), want: "accepted / queued / queued", says: "log in first"},
		{name: "550 5.7.1 at MAIL", rules: toB(smtpsink.AtMail, answer(550, "5.7.1", "not yours")), want: "accepted / queued / queued", says: "not yours"},
		{name: "550 at MAIL", rules: toB(smtpsink.AtMail, answer(550, "", "bad sender")), want: "accepted / queued / queued", says: "return_path"},
		{name: "552 5.3.4 at MAIL", rules: toB(smtpsink.AtMail, answer(552, "5.3.4", "too big")), want: "refused content"},
		{name: "451 4.7.0 at MAIL", rules: toB(smtpsink.AtMail, answer(451, "4.7.0", "slow down")), want: "deferred throttled"},
	} {
		trials = append(trials, trial{f, transports()[0]})
	}
	runTrials(t, trials)
}

// A domain or an account may come back: one refusal ends nothing, the second,
// on another day, does.
func TestDoubtfulRefusalSuppressesOnTheSecondDay(t *testing.T) {
	t.Parallel()
	for _, status := range []string{"5.1.2", "5.4.4", "5.2.1"} {
		t.Run(status, func(t *testing.T) {
			t.Parallel()
			office := newPostOffice(t)
			d := office.subscribe(t)
			tr := trial{fault{rules: []smtpsink.Rule{{At: smtpsink.AtRcpt, To: "@b.example", Do: answer(550, status, "gone for now")}}}, transports()[0]}
			titles := []string{"Bridge opens a year early", "Market hall sold to the city", "Trams run all night"}
			for i, want := range []string{"refused hard", "refused hard, suppressed", ""} {
				sink := startRelay(t, smtpsink.Options{Script: smtpsink.Rules(tr.rules...)}, receiver{lookup: office.lookup})
				e := office.publish(t, d)
				if err := office.drain(t, sink, tr); err != nil {
					t.Fatal(err)
				}
				if want != "" {
					tr.want = want
					office.compare(t, sink, e, tr.fault)
				} else if got := office.standings(t, e); len(got) != 2 {
					t.Errorf("the third edition has %d deliveries, want none for the suppressed reader", len(got))
				}
				office.aDayLater(t)
				office.tell(t, titles[i])
			}
		})
	}
}

// aDayLater moves what is in the ledger a day back.
func (o *postOffice) aDayLater(t *testing.T) {
	t.Helper()
	if _, err := o.db.ExecContext(t.Context(), `UPDATE deliveries SET settled_at = settled_at - interval '1 day'`); err != nil {
		t.Fatal(err)
	}
}

// trial is a row of a table over one transport.
type trial struct {
	fault
	transport
}

// runTrials runs each as a subtest, eight at a time whatever the number of
// cores: most of a trial is waiting. Those of one office follow each other,
// since its deliverer works off whatever the ledger holds.
func runTrials(t *testing.T, trials []trial) {
	t.Helper()
	var crew sync.WaitGroup
	next := make(chan trial)
	for range 8 {
		office := newPostOffice(t)
		crew.Go(func() {
			for tr := range next {
				t.Run(tr.fault.name+", "+tr.transport.name, func(t *testing.T) { office.try(t, tr) })
			}
		})
	}
	for _, tr := range trials {
		next <- tr
	}
	close(next)
	crew.Wait()
}

// postOffice is a house with one story to tell.
type postOffice struct {
	*house
	db    *sql.DB
	press press
	rows  int
}

func newPostOffice(t *testing.T) *postOffice {
	t.Helper()
	dsn := storetest.DSN(t)
	keys, err := openKeyring(filepath.Join(t.TempDir(), "secret"))
	if err != nil {
		t.Fatal(err)
	}
	o := &postOffice{house: &house{
		store: storetest.Open(t, dsn), keys: keys, now: time.Now, log: slog.New(slog.DiscardHandler),
		config: Config{
			Name: "Example News", URL: "http://127.0.0.1:8080", From: mail.Address{Name: "Example News", Address: "news@example.com"},
			PostalAddress: "1 Example Street, Example City", ReturnPath: "bounces.example.com",
		},
	}}
	if o.db, err = sql.Open("postgres", dsn); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := o.db.Close(); err != nil {
			t.Error(err)
		}
	})
	if o.press.Renderer, err = o.renderer(); err != nil {
		t.Fatal(err)
	}
	o.press.signer = newSigner(t)
	o.tell(t, "Harbour closes for repairs")
	return o
}

func (o *postOffice) tell(t *testing.T, title string) {
	t.Helper()
	source := digest.Source{Name: "Wire", Kind: digest.SourceFeed, URL: "https://example.net/feed", Category: "World"}
	if err := o.store.SyncSources(t.Context(), []digest.Source{source}); err != nil {
		t.Fatal(err)
	}
	address := "https://example.net/" + strings.ReplaceAll(strings.ToLower(title), " ", "-")
	_, err := o.store.SavePoll(t.Context(), digest.SourceState{Source: source}, []digest.Article{{
		Source: "Wire", GUID: address, URL: address, Canonical: address, Title: title, Category: "World",
		Points: []string{"The harbour closes at noon on Friday."}, PointsFrom: digest.PointsFeed, FirstSeen: time.Now(),
	}})
	if err != nil {
		t.Fatal(err)
	}
}

// lookup is the DNS of a receiver, which has the records of the signer.
func (o *postOffice) lookup(name string) ([]string, error) {
	records, err := o.press.signer.Records()
	for _, r := range records {
		if r.Name == name {
			return []string{r.Text}, err
		}
	}
	return nil, errors.Join(err, fmt.Errorf("no such record: %s", name))
}

// newSigner signs for example.com with a key of its own.
func newSigner(t *testing.T) *submit.Signer {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "dkim.pem")
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	signer, err := submit.LoadSigner(submit.Key{Domain: "example.com", Selector: "courant", File: path})
	if err != nil {
		t.Fatal(err)
	}
	return signer
}

// try runs one trial: an edition of its own for three readers of its own.
func (o *postOffice) try(t *testing.T, tr trial) {
	opt := tr.opt
	opt.Script = smtpsink.Rules(tr.rules...)
	if tr.fault.sink != nil {
		opt.Without = slices.Clone(opt.Without)
		tr.fault.sink(&opt)
	}
	sink := startRelay(t, opt, receiver{lookup: o.lookup})
	d := o.subscribe(t)
	e := o.publish(t, d)
	err := o.drain(t, sink, tr)
	switch {
	case tr.says == "" && err != nil:
		t.Errorf("the run ended with %v", err)
	case tr.says != "" && (err == nil || !strings.Contains(err.Error(), tr.says)):
		t.Errorf("the run ended with %v, want %q in it", err, tr.says)
	}
	o.compare(t, sink, e, tr.fault)
	// What is left is not for the next trial.
	if _, err := o.store.MoveEdition(t.Context(), e.ID, digest.EditionHeld, "the trial is over"); err != nil {
		t.Fatal(err)
	}
	if _, err := o.db.ExecContext(t.Context(), `DELETE FROM circuits`); err != nil {
		t.Fatal(err)
	}
}

// subscribe puts three new readers, each with a domain of its own, on a new
// list with a new digest.
func (o *postOffice) subscribe(t *testing.T) digest.Digest {
	t.Helper()
	o.rows++
	d := digest.Digest{
		Name: fmt.Sprintf("trial%d", o.rows), Title: "Morning Brief", Schedule: "0 7 * * *", TimeZone: "UTC", Language: "en",
		Lists: []string{fmt.Sprintf("list%d", o.rows)}, Categories: []string{"World"}, MaxArticles: 10, MinArticles: 1,
		Subject: "{{.Title}}: {{.Lead.Title}}", FreshUntil: 24 * time.Hour,
	}
	var rows []digest.ImportRow
	for i, name := range []string{"a", "b", "c"} {
		address := o.address(name)
		rows = append(rows, digest.ImportRow{Line: i + 1, Address: address, Hash: o.keys.AddressHash(address), Name: name})
	}
	report, err := o.store.ImportReaders(t.Context(), d.Lists[0], []string{d.Name}, rows, "trial")
	if err != nil || report.Added != 3 {
		t.Fatalf("imported %+v, %v", report, err)
	}
	return d
}

// address is that of a reader of the present trial.
func (o *postOffice) address(name string) string {
	return fmt.Sprintf("reader%d@%s.example", o.rows, name)
}

func (o *postOffice) publish(t *testing.T, d digest.Digest) digest.Edition {
	t.Helper()
	e, err := o.publisher().Extra(t.Context(), d)
	if err != nil || e.ID == 0 {
		t.Fatalf("published %+v, %v", e, err)
	}
	return e
}

// drain delivers over one connection, as house.engine and Config.relays wire
// it, with waits that suit the trial.
func (o *postOffice) drain(t *testing.T, sink *smtpsink.Sink, tr trial) error {
	t.Helper()
	dials := 0
	relay := deliver.Relay{Name: sink.Addr(), Connections: 1, Dial: func(ctx context.Context) (deliver.Conn, digest.Outcome) {
		dials++
		s := submit.Relay{Host: sink.Host(), Port: sink.Port(), Security: submit.Cleartext, Timeouts: submit.Timeouts{Quit: 300 * time.Millisecond}}
		if tr.tls() {
			s.Security, s.TLS = submit.StartTLS, &tls.Config{RootCAs: sink.Pool()}
			s.Username, s.Password = "courant", "a good password"
			if tr.opt.Security == smtpsink.Implicit {
				s.Security = submit.TLS
			}
		}
		if tr.relay != nil {
			tr.relay(&s)
		}
		if dials == 1 {
			s.Timeouts = hurried(s.Timeouts, tr.at)
		}
		conn, outcome := s.Dial(ctx)
		if conn == nil {
			return nil, outcome
		}
		return smtpConn{conn}, outcome
	}}
	engine := &deliver.Engine{
		Store: o.store, Press: padded{o.press, tr.heavy}, Relays: []deliver.Relay{relay}, JournalDir: t.TempDir(), Host: "here", Boot: bootID(),
		Resend: !tr.hold, Log: slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug})), Away: store.Away,
	}
	_, err := engine.Drain(t.Context(), 30*time.Second)
	return err
}

// hurried makes the one wait short that a silent relay is met with.
func hurried(w submit.Timeouts, at smtpsink.Stage) submit.Timeouts {
	const short = 1200 * time.Millisecond
	switch at {
	case smtpsink.AtConnect, smtpsink.AtHello, smtpsink.AtStartTLS, smtpsink.AtHandshake, smtpsink.AtAuth:
		w.Greeting = short
	case smtpsink.AtMail, smtpsink.AtRcpt, "rset":
		w.Command = short
	case smtpsink.AtData:
		w.Data = short
	case smtpsink.AtBody:
		w.Body = short
	case smtpsink.AtDot:
		w.Dot = short
	}
	return w
}

// padded makes the second reader's mail larger than what a socket takes at
// once. The first one's is not: the kernel makes room for as much as went
// through a connection before, and would take the second one whole.
type padded struct {
	press
	heavy bool
}

func (p padded) Sign(dst, message []byte) ([]byte, error) {
	signed, err := p.press.Sign(dst, message)
	if err == nil && p.heavy && bytes.Contains(message, []byte("@b.example")) {
		signed = append(slices.Clip(signed), strings.Repeat(strings.Repeat("x", 70)+"\r\n", 120_000)...)
	}
	return signed, err
}

// standing is one reader's row as the table names it.
type standing struct {
	state             digest.DeliveryState
	attempts, resends int
	waits             sql.NullFloat64 // seconds until the next try
	class, id         sql.NullString
	suppressed        bool
}

func (s standing) String() string {
	word := string(s.state)
	charged := s.state != digest.Queued
	if s.state == digest.Queued && s.attempts > 0 {
		word, charged = "deferred", true
	}
	if s.class.Valid && charged {
		word += " " + s.class.String
	}
	if s.resends > 0 {
		word += " again"
	}
	if s.suppressed {
		word += ", suppressed"
	}
	if charged && s.attempts != s.resends+1 {
		word += fmt.Sprintf(", after %d attempts", s.attempts)
	}
	// The first retry comes after a minute, a tenth earlier or later.
	if strings.HasPrefix(word, "deferred") && (s.waits.Float64 < 20 || s.waits.Float64 > 70) {
		word += fmt.Sprintf(", due in %.0f s", s.waits.Float64)
	}
	return word
}

// compare holds ledger, suppressions and the relay's log against the row.
func (o *postOffice) compare(t *testing.T, sink *smtpsink.Sink, e digest.Edition, f fault) {
	t.Helper()
	want := strings.Split(f.want, " / ")
	if len(want) == 1 {
		want = []string{"accepted", f.want, "accepted"}
	}
	got := o.standings(t, e)
	if len(got) != 3 {
		t.Fatalf("%d deliveries", len(got))
	}
	for i, s := range got {
		address := o.address(string(rune('a' + i)))
		if i == 1 && f.or != "" && s.String() == f.or {
			want[i] = f.or
		}
		if s.String() != want[i] {
			t.Errorf("the ledger says of %s: %s; want %s", address, s, want[i])
		}
		copies := 0
		if strings.HasPrefix(want[i], "accepted") {
			copies = 1
		}
		if i == 1 && f.copies > 0 {
			copies = f.copies
		}
		mails := sink.To(address)
		if len(mails) != copies {
			t.Errorf("the relay has %d mails for %s, want %d", len(mails), address, copies)
		}
		for _, m := range mails {
			if m.ID == "" || m.ID != s.id.String || len(m.Also) > 0 {
				t.Errorf("a mail for %s and %v has the Message-ID %q, the ledger %q", address, m.Also, m.ID, s.id.String)
			}
		}
	}
}

// standings are the rows of an edition in the order of the readers.
func (o *postOffice) standings(t *testing.T, e digest.Edition) []standing {
	t.Helper()
	rows, err := o.db.QueryContext(t.Context(), `
		SELECT d.state, d.attempts, d.resends, EXTRACT(EPOCH FROM d.not_before - clock_timestamp())::float8, d.class, d.message_id,
		       EXISTS (SELECT 1 FROM suppressions x WHERE x.email_hash = r.email_hash)
		FROM deliveries d JOIN readers r ON r.id = d.reader_id
		WHERE d.edition_id = $1
		ORDER BY r.name`, e.ID)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var list []standing
	for rows.Next() {
		var s standing
		if err := rows.Scan(&s.state, &s.attempts, &s.resends, &s.waits, &s.class, &s.id, &s.suppressed); err != nil {
			t.Fatal(err)
		}
		list = append(list, s)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return list
}
