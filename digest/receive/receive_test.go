package receive

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"courant/digest"
)

var update = flag.Bool("update", false, "rewrite the golden files")

var (
	theDelivery = digest.Ref{Edition: 7, Reader: 42}
	other       = digest.Ref{Edition: 8, Reader: 99}
	today       = time.Date(2026, 3, 3, 6, 0, 0, 0, time.UTC)
)

func ring() *digest.Keyring {
	return &digest.Keyring{
		Current:     2,
		Tokens:      map[byte][]byte{1: bytes.Repeat([]byte{1}, 32), 2: bytes.Repeat([]byte{2}, 32)},
		Suppression: bytes.Repeat([]byte{9}, 32),
	}
}

func fixture(t testing.TB, name string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", name+".eml"))
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func parse(t testing.TB, raw, to string) Mail {
	t.Helper()
	m, err := Parse([]byte(raw), ring(), to)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestFixturesReadAsWritten holds every dialect to its golden line, and
// whether it is a mere delay.
func TestFixturesReadAsWritten(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.eml")
	if err != nil || len(files) == 0 {
		t.Fatal(err, len(files))
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		m, err := Parse(raw, nil, "")
		got, jsonErr := json.MarshalIndent(struct {
			Line
			Delayed bool `json:"delayed,omitempty"`
		}{LineOf(filepath.Base(file), m, err), m.Delayed}, "", "  ")
		if jsonErr != nil {
			t.Fatal(jsonErr)
		}
		got = append(got, '\n')
		golden := strings.TrimSuffix(file, ".eml") + ".json"
		if *update {
			if err := os.WriteFile(golden, got, 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s reads as\n%swant\n%s", file, got, want)
		}
	}
}

func TestReturnPathTokenNamesTheDelivery(t *testing.T) {
	t.Parallel()
	path := ring().ReturnPath(0, theDelivery, "bounces.test")
	raw := fixture(t, "postfix-unknown")
	rows := map[string]struct{ raw, to string }{
		"envelope":       {raw, "<" + path + ">"},
		"to":             {strings.Replace(raw, "To: news@digest.test", "To: "+path, 1), ""},
		"to, upper case": {strings.Replace(raw, "To: news@digest.test", "To: <"+strings.ToUpper(path)+">", 1), ""},
		"delivered-to":   {"Delivered-To: " + path + "\n" + raw, ""},
		"x-original-to":  {"X-Original-To: " + path + "\n" + raw, ""},
		"received":       {"Received: from a by b for <" + path + ">; Mon, 2 Mar 2026 06:00:09 +0000\n" + raw, ""},
		"returned mail":  {strings.Replace(raw, "Return-Path: <news@digest.test>", "Return-Path: <"+path+">", 1), ""},
	}
	for name, row := range rows {
		m := parse(t, row.raw, row.to)
		if m.Ref != theDelivery || m.Via != viaReturnPath || m.Kind != digest.ReportBounce || m.Recipients[0].Class != digest.ClassHard {
			t.Errorf("%s: %+v via %q, %s %v", name, m.Ref, m.Via, m.Kind, m.Recipients)
		}
	}
}

func TestReturnedMessageIDNamesTheDelivery(t *testing.T) {
	t.Parallel()
	id := ring().MessageID(1, theDelivery, "digest.test") // of a retired key
	for _, name := range []string{"postfix-unknown", "qmail-several", "exim-text", "arf-abuse", "jmrp", "broken-boundary"} {
		m := parse(t, strings.ReplaceAll(fixture(t, name), "<one@digest.test>", id), "news@digest.test")
		if m.Ref != theDelivery || m.Via != viaMessageID {
			t.Errorf("%s: %+v via %q", name, m.Ref, m.Via)
		}
	}
}

func TestReturnPathIsBelievedBeforeMessageID(t *testing.T) {
	t.Parallel()
	raw := strings.ReplaceAll(fixture(t, "postfix-unknown"), "<one@digest.test>", ring().MessageID(0, other, "digest.test"))
	if m := parse(t, raw, ring().ReturnPath(0, theDelivery, "bounces.test")); m.Ref != theDelivery {
		t.Errorf("%+v via %s", m.Ref, m.Via)
	}
}

func TestForgedTokensNameNobody(t *testing.T) {
	t.Parallel()
	path := ring().ReturnPath(0, theDelivery, "bounces.test")
	end := strings.IndexByte(path, '@')
	for i := len("bounce+"); i < end; i++ {
		c := byte('a')
		if path[i] == c {
			c = 'b'
		}
		forged := path[:i] + string(rune(c)) + path[i+1:]
		if m := parse(t, fixture(t, "postfix-unknown"), forged); m.Ref != (digest.Ref{}) || m.Via != "" {
			t.Fatalf("%s names %+v", forged, m.Ref)
		}
	}
	// Tokens made for something else.
	for _, p := range []digest.Purpose{digest.PurposeOneClick, digest.PurposePage, digest.PurposeMessage, digest.PurposeMailto} {
		wrong := "bounce+" + ring().AddressToken(0, digest.Token{Purpose: p, Ref: theDelivery}) + "@bounces.test"
		if m := parse(t, fixture(t, "postfix-unknown"), wrong); m.Ref != (digest.Ref{}) {
			t.Errorf("a token for %q names %+v", p, m.Ref)
		}
	}
}

func TestMailedUnsubscribe(t *testing.T) {
	t.Parallel()
	address := ring().MailtoAddress(0, theDelivery, "news.test")
	raw := fixture(t, "mailed-unsubscribe")
	if m := parse(t, raw, address); m.Kind != digest.ReportUnsubscribe || m.Ref != theDelivery || m.Via != viaMailto {
		t.Errorf("%s %+v via %q", m.Kind, m.Ref, m.Via)
	}
	if m := parse(t, raw, ""); m.Kind != digest.ReportUnsubscribe || m.Ref != (digest.Ref{}) {
		t.Errorf("without a token: %s %+v", m.Kind, m.Ref)
	}
	if m := parse(t, fixture(t, "out-of-office"), address); m.Kind != digest.ReportAutoReply {
		t.Errorf("an out-of-office to the address: %s", m.Kind)
	}
	for _, name := range []string{"postfix-unknown", "qmail-several"} {
		if m := parse(t, fixture(t, name), address); m.Kind != digest.ReportBounce {
			t.Errorf("the bounce %s to the address: %s", name, m.Kind)
		}
	}
}

func TestSameReportHasOneHash(t *testing.T) {
	t.Parallel()
	raw := fixture(t, "postfix-unknown")
	path := ring().ReturnPath(0, theDelivery, "bounces.test")
	first := parse(t, raw, path)
	again := parse(t, "Received: by another way\n"+strings.ReplaceAll(raw, "\n", "\r\n"), path)
	if len(first.Hash) != 32 || !bytes.Equal(first.Hash, again.Hash) {
		t.Error("the same report by another way counts twice")
	}
	for what, m := range map[string]Mail{
		"another report":   parse(t, strings.Replace(raw, "report-1@", "report-x@", 1), path),
		"another delivery": parse(t, raw, ring().ReturnPath(0, other, "bounces.test")),
		"no message-id":    parse(t, strings.Replace(raw, "Message-ID: <report-1@mx.test>\n", "", 1), path),
	} {
		if bytes.Equal(first.Hash, m.Hash) {
			t.Errorf("%s has the same hash", what)
		}
	}
}

// ledger is the store in memory.
type ledger struct {
	reports []digest.Report
	err     error
}

func (l *ledger) Report(_ context.Context, r digest.Report) (digest.ReportEffect, error) {
	l.reports = append(l.reports, r)
	return digest.EffectBounced, l.err
}

func TestDelayIsOnlyRecorded(t *testing.T) {
	t.Parallel()
	l := &ledger{}
	r := &Receiver{Store: l, Now: func() time.Time { return today }}
	for _, name := range []string{"postfix-delay", "exim-warning", "postfix-unknown"} {
		if _, err := r.Take(t.Context(), parse(t, fixture(t, name), "")); err != nil {
			t.Fatal(err)
		}
	}
	for i, want := range []digest.ReportKind{digest.ReportOther, digest.ReportOther, digest.ReportBounce} {
		if got := l.reports[i]; got.Kind != want || !got.At.Equal(today) {
			t.Errorf("report %d was taken as %s at %s", i, got.Kind, got.At)
		}
	}
}

func TestStoreFaultIsPassedOn(t *testing.T) {
	t.Parallel()
	fault := errors.New("no database")
	r := &Receiver{Store: &ledger{err: fault}}
	if _, err := r.Take(t.Context(), parse(t, fixture(t, "postfix-unknown"), "")); !errors.Is(err, fault) {
		t.Error(err)
	}
}

func TestWhatIsNoMailSaysSo(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]error{
		"": ErrNotMail, "\n\n": ErrNotMail, "just a line": ErrNotMail, "\x00\xff\xfe": ErrNotMail,
		"From: a@b.test\n\n" + strings.Repeat("x", MaxMail): ErrTooLong,
	} {
		m, err := Parse([]byte(raw), nil, "")
		if !errors.Is(err, want) {
			t.Errorf("%.20q: %v", raw, err)
		}
		l := LineOf("x", m, err)
		if b, _ := json.Marshal(l); !strings.Contains(string(b), `"kind":"other","recipients":[],"warnings":[`) {
			t.Errorf("%s", b)
		}
	}
}

// TestWords has a row for what servers of each kind say.
func TestWords(t *testing.T) {
	t.Parallel()
	const hard, soft, blocked, throttled, content, unknown = digest.ClassHard, digest.ClassSoft, digest.ClassBlocked, digest.ClassThrottled, digest.ClassContent, digest.ClassUnknown
	rows := []struct {
		said, status string
		want         digest.Class
	}{
		{"550 5.1.1 The email account that you tried to reach does not exist", "5.1.1", hard},
		{"550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found", "5.1.10", hard},
		{"550 No such user here", "", hard},
		{"550 sorry, no mailbox here by that name", "", hard},
		{"554 delivery error: dd This user doesn't have a yahoo.test account", "", hard},
		{"550 5.2.1 The email account that you tried to reach is disabled", "5.2.1", hard},
		{"550 Unbekannter Empfänger: unbekannt", "", hard},
		{"Host or domain name not found", "5.4.4", hard},
		{"556 5.1.10 Recipient address has null MX", "5.1.10", hard},
		{"550 5.7.1 Recipient address rejected: user unknown", "5.7.1", hard},
		{"452 4.2.2 The email account that you tried to reach is over quota", "4.2.2", soft},
		{"552 sorry, mailbox is over quota temporarily (#5.1.1)", "5.1.1", soft},
		{"550 5.2.0 storage quota exceeded", "5.2.0", soft},
		{"connect to mx.test: Connection timed out", "4.4.1", soft},
		{"421 4.3.0 system error", "4.3.0", soft},
		{"550 5.7.26 This mail has been blocked because the sender is unauthenticated. SPF check failed", "5.7.26", blocked},
		{"550 5.7.515 Access denied", "5.7.515", blocked},
		{"554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org", "5.7.1", blocked},
		{"550 5.7.25 The IP address has no PTR record", "5.7.25", blocked},
		{"554 message looks like spam", "", blocked},
		{"550 5.1.8 Domain of sender address does not exist", "5.1.8", blocked},
		{"550 user unknown (in reply to MAIL FROM command)", "", blocked},
		{"550 relaying denied", "", blocked},
		{"550 5.1.1 user unknown; IP listed in a block list", "5.1.1", blocked},
		{"553 http://www.spamhaus.org/query/bl?ip=192.0.2.1 550 5.1.1 User unknown", "5.1.1", blocked},
		{"421 4.7.0 Try again later, closing connection", "4.7.0", soft},
		{"450 4.2.0 Recipient address rejected: Greylisted", "4.2.0", throttled},
		{"421 4.7.28 rate limited", "4.7.28", throttled},
		{"421 too many connections from your host", "", throttled},
		{"451 4.7.1 access denied by policy, try again later", "4.7.1", throttled},
		{"552 5.3.4 message size exceeds limit", "5.3.4", content},
		{"554 5.6.0 message contains a virus", "5.6.0", content},
		{"something odd happened", "", unknown},
		{"550", "5.0.0", unknown},
		{"", "5.1.1", hard}, {"", "5.7.1", blocked}, {"", "4.7.1", throttled}, {"", "5.2.2", soft}, {"", "5.3.4", content},
		{"450 no such user here", "4.1.1", soft},
	}
	for _, row := range rows {
		if got := classOf(verdict{said: row.said, status: row.status}); got != row.want {
			t.Errorf("%q %s is %s, want %s", row.said, row.status, got, row.want)
		}
	}
}

func TestStatusIsNoAddressAndNoVersion(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]string{
		"550 5.1.1 no": "5.1.1", "host 5.1.1.9 said": "", "[5.1.1.9]": "", "(#5.4.4)": "5.4.4", "550-5.7.26 x": "5.7.26",
		"version 4.60.1": "4.60.1", "v14.5.1.1": "", "5.2.2": "5.2.2", "": "", "sorry (5.1.1).": "5.1.1", "code 5.7.515.": "5.7.515",
	} {
		if got := firstStatus(s); got != want {
			t.Errorf("%q: %q, want %q", s, got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("testdata/*.eml")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw, "")
	}
	f.Add([]byte("Content-Type: multipart/mixed; boundary=a\n\n--a\nContent-Type: multipart/mixed; boundary=a\n\n--a\n--a--"), "bounce+x@y")
	f.Fuzz(func(t *testing.T, raw []byte, to string) {
		m, err := Parse(raw, ring(), to)
		if err != nil {
			return
		}
		if m.Ref != (digest.Ref{}) && m.Via == "" || len(m.Hash) != 32 || m.Kind == "" {
			t.Errorf("%+v", m)
		}
		for _, r := range m.Recipients {
			if r.Class == "" || strings.ContainsAny(r.Said, "\r\n") {
				t.Errorf("%+v", r)
			}
		}
	})
}

// TestLongMailIsReadInBounds gives what is quadratic a chance to show: it
// would not end within the test's time.
func TestLongMailIsReadInBounds(t *testing.T) {
	t.Parallel()
	const status, parts = "Content-Type: message/delivery-status\n", "Content-Type: multipart/mixed; boundary=a\n"
	rows := [][2]string{
		{"\n", "<ada@readers.test>:\n550 5.1.1 no\n"}, {"\n", "@"}, {"\n", "bounce+" + strings.Repeat("a", 50) + "@"},
		{status + "\n", "Final-Recipient: rfc822; a@b.test\nAction: failed\n\n"}, {status + "\n", "\n"}, {status + "\n", "\n x"}, {status + "\n", "x: y\n"},
		{parts + "\n", "--a\n"}, {parts + "\n", "--a\n" + parts}, {"Content-Type: multipart/mixed\n\n", "--a\n"},
		{"Content-Type: text/html\n\n", "<"}, {"Content-Transfer-Encoding: quoted-printable\n\n", "=\n"},
		{"Subject: x\n", " \n"}, {"Subject: x\n", " y\n"}, {"", "x: y\n"}, {"Subject: ", "=?"},
	}
	for _, row := range rows {
		parse(t, "From: MAILER-DAEMON@x.test\nReturn-Path: <>\n"+row[0]+strings.Repeat(row[1], (512<<10)/len(row[1]))+"x", "")
	}
}

func BenchmarkParse(b *testing.B) {
	raw := []byte(fixture(b, "sendmail-blocked-over-unknown"))
	keys := ring()
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(raw, keys, ""); err != nil {
			b.Fatal(err)
		}
	}
}
