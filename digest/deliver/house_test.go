package deliver_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"net"
	"net/textproto"
	"strings"
	"testing"
	"time"

	"courant/digest"
	"courant/digest/deliver"
	"courant/digest/smtpsink"
	"courant/store"
	"courant/store/storetest"
)

// newspaper is a database with readers on one list.
type newspaper struct {
	*store.Store
	dsn  string
	t    testing.TB
	list digest.Digest
}

func newNewspaper(t testing.TB, readers int) newspaper {
	t.Helper()
	return newspaperAt(t, storetest.DSN(t), readers)
}

// newspaperAt is newNewspaper in an empty database of the caller's.
func newspaperAt(t testing.TB, dsn string, readers int) newspaper {
	t.Helper()
	n := newspaper{Store: storetest.Open(t, dsn), dsn: dsn, t: t, list: digest.Digest{
		Name: "morning", Title: "Morning", TimeZone: "UTC", Language: "en", Lists: []string{"all"},
		Subject: "News", FreshUntil: 24 * time.Hour,
	}}
	n.add(0, readers)
	return n
}

func address(i int) string { return fmt.Sprintf("reader%d@example.org", i) }

func hash(i int) []byte {
	sum := sha256.Sum256([]byte(address(i)))
	return sum[:]
}

// add puts readers number from to from+n-1 on the list.
func (n newspaper) add(from, count int) {
	n.t.Helper()
	rows := make([]digest.ImportRow, count)
	for i := range rows {
		rows[i] = digest.ImportRow{Line: i + 1, Address: address(from + i), Hash: hash(from + i)}
	}
	r, err := n.ImportReaders(n.t.Context(), "all", []string{"morning"}, rows, "test")
	if err != nil || r.Added != count {
		n.t.Fatalf("added %d of %d readers: %v %v", r.Added, count, r.Faults, err)
	}
}

// publish makes an edition for all with one story, new each time.
func (n newspaper) publish() digest.Edition {
	n.t.Helper()
	return n.order(digest.KindExtra, "")
}

func (n newspaper) order(kind digest.EditionKind, to string) digest.Edition {
	n.t.Helper()
	now := time.Now()
	e, err := n.Publish(n.t.Context(), digest.Order{Digest: n.list, Kind: kind, Address: to, Now: now, FirstWindow: now.Add(-time.Hour), KeyID: 1},
		func(m digest.Material) (digest.Composition, error) {
			d := digest.Draft{Signature: "one", Language: "en", Zone: "UTC", Default: true, Stories: []int{0}}
			for _, g := range m.Groups {
				d.Groups = append(d.Groups, g.Key)
			}
			return digest.Composition{
				Stories:  []digest.Fold{{Told: digest.Told{Title: "A story", URL: "https://example.org/a"}}},
				Variants: []digest.Draft{d},
			}, nil
		})
	if err != nil {
		n.t.Fatal(err)
	}
	return e
}

func (n newspaper) tally(e digest.Edition) digest.Tally {
	n.t.Helper()
	tally, err := n.Tally(n.t.Context(), e.ID)
	if err != nil {
		n.t.Fatal(err)
	}
	return tally
}

// press makes short mails that name the delivery.
type press struct{ fault error }

type message struct{}

func (p press) Render(digest.Edition, digest.Variant) (deliver.Message, error) {
	return message{}, p.fault
}

func (message) Splice(dst []byte, to digest.Recipient) []byte {
	return fmt.Appendf(dst, "To: %s\r\nMessage-ID: %s\r\nSubject: News\r\n\r\nNews.\r\n", to.Address, messageID(to))
}

func messageID(to digest.Recipient) string {
	return fmt.Sprintf("<%d.%d@example.org>", to.Edition, to.Reader)
}

func (press) Envelope(to digest.Recipient) digest.Envelope {
	return digest.Envelope{From: "news@example.org", To: to.Address}
}
func (press) MessageID(to digest.Recipient) string   { return messageID(to) }
func (press) Sign(_, message []byte) ([]byte, error) { return message, nil }

// conn speaks just enough SMTP, one command at a time.
type conn struct {
	net.Conn
	text     *textproto.Reader
	broken   bool
	promised *digest.Envelope // as a pipelining connection would be
}

func dial(addr string) func(context.Context) (deliver.Conn, digest.Outcome) {
	return func(ctx context.Context) (deliver.Conn, digest.Outcome) {
		nc, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
		if err != nil {
			return nil, digest.Outcome{Verdict: digest.VerdictDeferred, Stage: digest.StageConnect, Class: digest.ClassTransient, Fault: err.Error()}
		}
		c := &conn{Conn: nc, text: textproto.NewReader(bufio.NewReader(nc))}
		for _, step := range []struct {
			stage digest.Stage
			say   string
		}{{digest.StageBanner, ""}, {digest.StageEhlo, "EHLO test\r\n"}} {
			if o := c.step(step.stage, step.say); o.Verdict != "" {
				return nil, o
			}
		}
		return c, digest.Outcome{}
	}
}

// step says something and wants a reply under 400.
func (c *conn) step(stage digest.Stage, say string) digest.Outcome {
	if _, err := c.Write([]byte(say)); err != nil && say != "" {
		return c.lost(stage, err)
	}
	code, text, err := c.text.ReadResponse(0)
	switch {
	case code == 0 && err != nil:
		return c.lost(stage, err)
	case code >= 400 && len(text) > 5 && (text[:2] == "4." || text[:2] == "5."): // as submit does
		status, words, _ := strings.Cut(text, " ")
		o := digest.Outcome{Verdict: digest.VerdictDeferred, Stage: stage, Class: digest.Classify(code, status, words), Reply: digest.Reply{Code: code, Status: status, Text: words}}
		if code >= 500 {
			o.Verdict = digest.VerdictRefused
		}
		return o
	case code >= 500 && (stage == digest.StageMail || stage == digest.StageBanner):
		return digest.Outcome{Verdict: digest.VerdictRefused, Stage: stage, Class: digest.ClassConfiguration, Reply: digest.Reply{Code: code, Text: text}}
	case code >= 500:
		return digest.Outcome{Verdict: digest.VerdictRefused, Stage: stage, Class: digest.ClassHard, Reply: digest.Reply{Code: code, Status: "5.1.1", Text: text}}
	case code >= 400:
		return digest.Outcome{Verdict: digest.VerdictDeferred, Stage: stage, Class: digest.ClassTransient, Reply: digest.Reply{Code: code, Text: text}}
	}
	return digest.Outcome{}
}

func (c *conn) lost(stage digest.Stage, err error) digest.Outcome {
	c.broken = true
	o := digest.Outcome{Verdict: digest.VerdictDeferred, Stage: stage, Class: digest.ClassTransient, Fault: err.Error()}
	if stage == digest.StageDot {
		o.Verdict = digest.VerdictInDoubt
	}
	return o
}

func (c *conn) Submit(ctx context.Context, env digest.Envelope, text []byte, ahead *digest.Envelope, ready func() bool) digest.Outcome {
	if c.promised != nil && *c.promised != env {
		c.broken = true
		return digest.Outcome{Verdict: digest.VerdictDeferred, Stage: digest.StageData, Class: digest.ClassTransient, Fault: "promised to another"}
	}
	c.promised = ahead
	defer context.AfterFunc(ctx, func() { _ = c.Conn.Close() })() // the end of ctx interrupts it
	for _, step := range []struct {
		stage digest.Stage
		say   string
	}{
		{digest.StageMail, "MAIL FROM:<" + env.From + ">\r\n"}, {digest.StageRcpt, "RCPT TO:<" + env.To + ">\r\n"}, {digest.StageData, "DATA\r\n"},
	} {
		if o := c.step(step.stage, step.say); o.Verdict != "" {
			if !c.broken && step.stage != digest.StageMail {
				c.step(digest.StageReset, "RSET\r\n")
			}
			return o
		}
	}
	if !ready() {
		c.broken = true
		return digest.Outcome{Verdict: digest.VerdictDeferred, Stage: digest.StageData, Fault: "withdrawn"}
	}
	if o := c.step(digest.StageDot, string(bytes.TrimSuffix(text, []byte("\r\n")))+"\r\n.\r\n"); o.Verdict != "" {
		return o
	}
	return digest.Outcome{Verdict: digest.VerdictAccepted, Stage: digest.StageDot, Reply: digest.Reply{Code: 250}}
}

func (c *conn) Broken() bool { return c.broken }
func (c *conn) Close()       { _ = c.Conn.Close() }

// engine delivers the newspaper to the sink.
func (n newspaper) engine(sink *smtpsink.Sink, connections int) *deliver.Engine {
	return &deliver.Engine{
		Store: n.Store, Press: press{}, JournalDir: n.t.TempDir(), Host: "here", Boot: "boot", Away: store.Away,
		Grace:  200 * time.Millisecond,
		Relays: []deliver.Relay{{Name: sink.Addr(), Connections: connections, Dial: dial(sink.Addr())}},
		Log:    slog.New(slog.NewTextHandler(n.t.Output(), &slog.HandlerOptions{Level: slog.LevelInfo})),
	}
}

// drain works the ledger off and wants no error.
func drain(t testing.TB, e *deliver.Engine) digest.Remainder {
	t.Helper()
	left, err := e.Drain(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	return left
}

// wantTally compares states.
func (n newspaper) wantTally(e digest.Edition, want digest.Tally) {
	n.t.Helper()
	if got := n.tally(e); got.String() != want.String() {
		n.t.Errorf("ledger says %s, want %s", got, want)
	}
}
