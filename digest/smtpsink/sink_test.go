package smtpsink

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/smtp"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// line is a client that talks the wire.
type line struct {
	testing.TB
	net.Conn
	r *bufio.Reader
}

func dial(t testing.TB, s *Sink) *line {
	t.Helper()
	conn, err := net.Dial("tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	return &line{TB: t, Conn: conn, r: bufio.NewReader(conn)}
}

func (l *line) send(text string) {
	l.Helper()
	if _, err := io.WriteString(l.Conn, text); err != nil {
		l.Fatalf("send %q: %v", text, err)
	}
}

// reply reads one reply, of several lines or one.
func (l *line) reply() string {
	l.Helper()
	var all string
	for {
		text, err := l.r.ReadString('\n')
		all += text
		if err != nil {
			return all + "<" + end(err) + ">"
		}
		if len(text) < 4 || text[3] != '-' {
			return all
		}
	}
}

// end names the way a line ended.
func end(err error) string {
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return "timeout"
	}
	return "cut"
}

func (l *line) expect(code string) {
	l.Helper()
	if got := l.reply(); !strings.HasPrefix(got, code) {
		l.Fatalf("got %q instead of %s", got, code)
	}
}

func (l *line) greet() {
	l.Helper()
	l.expect("220")
	l.send("EHLO client.test\r\n")
	l.expect("250")
}

func soon(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

const group = "MAIL FROM:<a@x.test>\r\nRCPT TO:<b@y.test>\r\nDATA\r\n"

func TestPipelinedGroupsAreAnsweredInOrder(t *testing.T) {
	t.Parallel()
	s := Start(t, Options{Bodies: true})
	l := dial(t, s)
	l.greet()
	l.send(group)
	for _, code := range []string{"250 2.1.0", "250 2.1.5", "354"} {
		l.expect(code)
	}
	// Body, dot and the next group in one write: the shape the submission room uses.
	l.send("Message-ID: <1@x>\r\n\r\n..dot\r\n.\r\n" + group + "second\r\n.\r\nQUIT\r\n")
	for _, code := range []string{"250 2.0.0", "250", "250", "354", "250 2.0.0", "221"} {
		l.expect(code)
	}
	got := s.Messages()
	if len(got) != 2 {
		t.Fatalf("recorded %d messages", len(got))
	}
	if want := "Message-ID: <1@x>\r\n\r\n.dot\r\n"; string(got[0].Body) != want || got[0].Size != int64(len(want)) {
		t.Errorf("body %q, size %d", got[0].Body, got[0].Size)
	}
	if m := got[0]; m.From != "a@x.test" || m.To != "b@y.test" || m.ID != "<1@x>" || m.Seq != 1 || m.Hello != "client.test" {
		t.Errorf("recorded %+v", m)
	}
}

func TestMessageIsRecordedBeforeItIsAnswered(t *testing.T) {
	t.Parallel()
	log := filepath.Join(t.TempDir(), "log")
	s := Start(t, Options{Log: log, Script: Rules(Rule{At: AtRecorded, Do: Action{Do: Stall}})})
	l := dial(t, s)
	l.greet()
	l.send(group)
	l.expect("250")
	l.expect("250")
	l.expect("354")
	l.send("x\r\n.\r\n")
	if err := s.WaitStalled(soon(t), 1); err != nil {
		t.Fatal(err)
	}
	if s.Count() != 1 {
		t.Error("not in memory")
	}
	file, err := os.Open(log)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	logged, err := ReadLog(file)
	if err != nil || len(logged) != 1 || logged[0].To != "b@y.test" {
		t.Errorf("log holds %v, %v", logged, err)
	}
	l.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
	if got := l.reply(); got != "<timeout>" {
		t.Errorf("answered %q while it stalls", got)
	}
	s.Release()
	l.SetReadDeadline(time.Now().Add(20 * time.Second))
	l.expect("250")
}

func TestEveryStageBreaksAsTheScriptSays(t *testing.T) {
	t.Parallel()
	steps := []struct {
		at   Stage
		send string
	}{
		{AtConnect, ""}, {AtHello, "EHLO c\r\n"}, {AtMail, "MAIL FROM:<a@x.test>\r\n"},
		{AtRcpt, "RCPT TO:<b@y.test>\r\n"}, {AtData, "DATA\r\n"}, {AtBody, strings.Repeat("x", 100) + "\r\n"},
		{AtDot, ".\r\n"}, {AtRecorded, ""}, {AtReset, "RSET\r\n"}, {AtQuit, "QUIT\r\n"},
	}
	faults := []struct {
		do   Action
		want string // what is read at the broken stage
	}{
		{Action{Do: Answer, Reply: Reply{451, "4.7.1", "later"}}, "451 4.7.1 later\r\n"},
		{Action{Do: Answer, Reply: Reply{550, "", "no\nnever"}}, "550-no\r\n550 never\r\n"},
		{Action{Do: Answer, Reply: Reply{421, "4.3.2", "bye"}, ThenCut: true}, "421 4.3.2 bye\r\n"},
		{Action{Do: Cut}, "<cut>"},
		{Action{Do: Cut, Reset: true}, "<cut>"},
		{Action{Do: Stall, For: time.Millisecond, ThenCut: true}, "<cut>"},
		{Action{Do: Garbage}, garbage},
	}
	for _, step := range steps {
		for _, fault := range faults {
			fault.do.After = 50 // of the body, so that it's under way
			if fault.do.Reset && step.at == AtConnect {
				continue // the RST may be there before connect(2) returns
			}
			name := fmt.Sprintf("%s/%s %d cut=%v", step.at, fault.do.Do, fault.do.Reply.Code, fault.do.ThenCut)
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				s := Start(t, Options{Script: Rules(Rule{At: step.at, Do: fault.do})})
				l := dial(t, s)
				for _, before := range steps {
					due := before.at != AtBody && before.at != AtDot
					if before.send != "" { // a line that is cut by now takes not even nothing
						l.send(before.send)
					}
					if before.at == step.at {
						break
					}
					if due && before.at != AtRecorded || before.at == AtRecorded && step.at != AtRecorded {
						if got := l.reply(); got[0] != '2' && got[0] != '3' {
							t.Fatalf("%s: %q", before.at, got)
						}
					}
				}
				if got := l.reply(); got != fault.want {
					t.Errorf("read %q instead of %q", got, fault.want)
				}
				recorded := step.at == AtRecorded || step.at == AtReset || step.at == AtQuit
				if got := s.Count() == 1; got != recorded {
					t.Errorf("recorded: %v", got)
				}
			})
		}
	}
}

func TestDripWritesTheReplyByteByByte(t *testing.T) {
	t.Parallel()
	s := Start(t, Options{Script: Rules(Rule{At: AtConnect, Do: Action{Do: Drip, For: time.Microsecond}})})
	l := dial(t, s)
	l.greet()
}

func TestBodyDripsUntilItsEnd(t *testing.T) {
	t.Parallel()
	s := Start(t, Options{Script: Rules(Rule{At: AtBody, Do: Action{Do: Drip, For: time.Microsecond, After: 3}})})
	l := dial(t, s)
	l.greet()
	l.send(group)
	l.expect("250")
	l.expect("250")
	l.expect("354")
	l.send("a body\r\n.\r\n")
	l.expect("250")
	if m := s.Messages(); len(m) != 1 || m[0].Size != 8 {
		t.Errorf("recorded %+v", m)
	}
}

// submit sends one message with the standard library's client.
func submit(s *Sink, how Security, auth smtp.Auth) error {
	config := &tls.Config{RootCAs: s.Pool(), ServerName: "localhost"}
	conn, err := net.Dial("tcp", s.Addr())
	if err != nil {
		return err
	}
	defer conn.Close()
	if how == Implicit {
		conn = tls.Client(conn, config)
	}
	c, err := smtp.NewClient(conn, "localhost")
	if err != nil {
		return err
	}
	if how == StartTLS {
		if err := c.StartTLS(config); err != nil {
			return err
		}
	}
	if auth != nil {
		if err := c.Auth(auth); err != nil {
			return err
		}
	}
	if err := errors.Join(c.Mail("a@x.test"), c.Rcpt("b@y.test")); err != nil {
		return err
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, "Subject: x\r\n\r\nbody\r\n")
	return errors.Join(err, w.Close(), c.Quit())
}

func TestMailComesByTLSAndWithCredentials(t *testing.T) {
	t.Parallel()
	for _, how := range []Security{Plain, StartTLS, Implicit} {
		t.Run(string(how), func(t *testing.T) {
			t.Parallel()
			s := Start(t, Options{Security: how, Accounts: map[string]string{"u": "p"}})
			if err := submit(s, how, smtp.PlainAuth("", "u", "p", "localhost")); err != nil {
				t.Fatal(err)
			}
			if m := s.Messages(); len(m) != 1 || m[0].User != "u" || m[0].TLS != (how != Plain) {
				t.Errorf("recorded %+v", m)
			}
			if err := submit(s, how, smtp.PlainAuth("", "u", "wrong", "localhost")); err == nil || !strings.HasPrefix(err.Error(), "535") {
				t.Errorf("wrong password: %v", err)
			}
			if err := submit(s, how, nil); err == nil || !strings.Contains(err.Error(), "530") {
				t.Errorf("no password: %v", err)
			}
		})
	}
}

func TestLoginAsksForUserAndPassword(t *testing.T) {
	t.Parallel()
	s := Start(t, Options{Accounts: map[string]string{"user": "pass"}})
	l := dial(t, s)
	l.greet()
	l.send("AUTH LOGIN\r\n")
	l.expect("334 VXNlcm5hbWU6")
	l.send("dXNlcg==\r\n")
	l.expect("334 UGFzc3dvcmQ6")
	l.send("cGFzcw==\r\n")
	l.expect("235")
}

func TestTLSFaults(t *testing.T) {
	t.Parallel()
	for name, script := range map[string]Script{
		"stripped":  Rules(Rule{At: AtHello, Do: Action{Do: Strip, Words: []string{"STARTTLS"}}}),
		"refused":   Rules(Rule{At: AtStartTLS, Do: Action{Do: Answer, Reply: Reply{454, "4.7.0", "not now"}}}),
		"cut":       Rules(Rule{At: AtHandshake, Do: Action{Do: Cut}}),
		"garbage":   Rules(Rule{At: AtHandshake, Do: Action{Do: Garbage}}),
		"stall":     Rules(Rule{At: AtHandshake, Do: Action{Do: Stall, For: time.Millisecond, ThenCut: true}}),
		"cleartext": Rules(Rule{At: AtHandshake, Do: Action{Do: Answer, Reply: Reply{454, "", "no"}}}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := Start(t, Options{Security: StartTLS, Script: script})
			if name == "stripped" {
				l := dial(t, s)
				l.expect("220")
				l.send("EHLO c\r\n")
				if got := l.reply(); strings.Contains(got, "STARTTLS") || !strings.Contains(got, "PIPELINING") {
					t.Errorf("EHLO: %q", got)
				}
				return
			}
			if err := submit(s, StartTLS, nil); err == nil {
				t.Error("submitted in spite of it")
			}
			if s.Count() != 0 {
				t.Error("recorded in spite of it")
			}
		})
	}
}

func TestCommandsBehindStartTLSInClearAreDropped(t *testing.T) {
	t.Parallel()
	s := Start(t, Options{Security: StartTLS})
	l := dial(t, s)
	l.greet()
	l.send("STARTTLS\r\nMAIL FROM:<evil@x.test>\r\n")
	l.expect("220")
	conn := tls.Client(l.Conn, &tls.Config{RootCAs: s.Pool(), ServerName: "localhost"})
	inside := &line{TB: t, Conn: conn, r: bufio.NewReader(conn)}
	inside.send("RCPT TO:<b@y.test>\r\n")
	inside.expect("503 5.5.1 MAIL first")
}

func TestRefusalsOfTheServerItself(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ send, want string }{
		{"MAIL FROM:a@x.test\r\n", "501"},
		{"MAIL FROM:<a@x.test\r\n", "501"},
		{"MAIL FROM:<a@x.test> SIZE=99999999999\r\n", "552"},
		{"MAIL FROM:<a@x.test> BODY=BINARYMIME\r\n", "501"},
		{"MAIL FROM:<é@x.test>\r\n", "553"},
		{"MAIL FROM:<é@x.test> SMTPUTF8 BODY=8BITMIME SIZE=5\r\n", "250"},
		{"MAIL FROM:<>\r\n", "250"},
		{"MAIL FROM:<\"a >b\"@x.test>\r\n", "250"},
		{"MAIL FROM:<a@x.test>\nRCPT TO:<b@y.test>\r\n", "500"},
		{"RCPT TO:<b@y.test>\r\n", "503"},
		{"DATA\r\n", "503"},
		{"AUTH PLAIN AAA=\r\n", "503"},
		{"STARTTLS\r\n", "503"},
		{"NOOP\r\n", "250"},
		{"VRFY x\r\n", "252"},
		{"BDAT 3\r\n", "500"},
		{strings.Repeat("x", 30000) + "\r\n", "500"},
	} {
		s := Start(t, Options{})
		l := dial(t, s)
		l.greet()
		l.send(row.send)
		if got := l.reply(); !strings.HasPrefix(got, row.want) {
			t.Errorf("%.60q: %q instead of %s", row.send, got, row.want)
		}
	}
}

func TestTooBigMessageIsRefusedAtTheDot(t *testing.T) {
	t.Parallel()
	s := Start(t, Options{MaxSize: 50, Bodies: true})
	l := dial(t, s)
	l.greet()
	l.send(group + strings.Repeat("x", 100) + "\r\n.\r\n")
	l.expect("250")
	l.expect("250")
	l.expect("354")
	l.expect("552")
	if s.Count() != 0 {
		t.Error("recorded in spite of it")
	}
}

func TestRulesCountSkipAndPickRecipients(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		rule Rule
		want string // x where the rule acts, of eight RCPTs to a@x, b@y, a@x ...
	}{
		{Rule{}, "xxxxxxxx"},
		{Rule{Every: 3}, "..x..x.."},
		{Rule{First: 2}, "xx......"},
		{Rule{Skip: 5}, ".....xxx"},
		{Rule{Skip: 1, First: 4, Every: 2}, "..x.x..."},
		{Rule{To: "A@x"}, "x.x.x.x."},
		{Rule{To: "@Y"}, ".x.x.x.x"},
		{Rule{To: "@y", First: 1}, ".x......"},
	} {
		row.rule.At, row.rule.Do.Do = AtRcpt, Cut
		script := Rules(row.rule)
		var got string
		for i := range 8 {
			to := []string{"a@x", "b@y"}[i%2]
			got += map[Verb]string{Carry: ".", Cut: "x"}[script(AtRcpt, &Conversation{To: to}).Do]
		}
		if got != row.want || script(AtMail, &Conversation{To: "a@x"}).Do != Carry {
			t.Errorf("%+v: %s instead of %s", row.rule, got, row.want)
		}
	}
}

func TestScriptSeesTheConversation(t *testing.T) {
	t.Parallel()
	seen := make(chan Conversation, 1)
	s := Start(t, Options{Script: func(at Stage, c *Conversation) Action {
		if at == AtData {
			seen <- *c
		}
		return Action{}
	}})
	l := dial(t, s)
	l.greet()
	l.send(group)
	want := Conversation{Number: 1, Nth: 1, Hello: "client.test", From: "a@x.test", To: "b@y.test"}
	if got := <-seen; got != want {
		t.Errorf("saw %+v", got)
	}
}

func TestWaitingForMessages(t *testing.T) {
	t.Parallel()
	s := Start(t, Options{})
	done := make(chan error, 2)
	ctx := soon(t)
	go func() { done <- s.Wait(ctx, 3) }()
	go func() { done <- s.WaitFor(ctx, func(m []Message) bool { return len(m) > 0 && m[len(m)-1].Seq == 3 }) }()
	for range 3 {
		if err := submit(s, Plain, nil); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	if len(s.To("B@y.test")) != 3 || len(s.To("nobody@y.test")) != 0 {
		t.Error("wrong messages by recipient")
	}
	s.Clear()
	if s.Count() != 0 || len(s.Messages()) != 0 {
		t.Error("not cleared")
	}
	over, cancel := context.WithCancel(context.Background())
	cancel()
	if err := s.Wait(over, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("wait without end: %v", err)
	}
}

func TestEndOfContextStopsAStalledSink(t *testing.T) {
	t.Parallel()
	s, err := Listen(Options{Script: Rules(Rule{At: AtConnect, Do: Action{Do: Stall}})})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx) }()
	l := dial(t, s)
	if err := s.WaitStalled(soon(t), 1); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if got := l.reply(); got != "<cut>" {
		t.Errorf("read %q", got)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestHangupCutsWhatIsOpen(t *testing.T) {
	t.Parallel()
	s := Start(t, Options{})
	l := dial(t, s)
	l.greet()
	s.Hangup()
	if got := l.reply(); got != "<cut>" {
		t.Errorf("read %q", got)
	}
	if s.Connections() != 1 {
		t.Errorf("%d connections", s.Connections())
	}
}

func TestLogLeavesOutAnUnfinishedLine(t *testing.T) {
	t.Parallel()
	m := Message{Seq: 7, At: time.Unix(1, 5).UTC(), To: "a b@x", Also: []string{"-", "%"}, Size: 3, Conversation: 2, TLS: true}
	whole := appendLine(nil, &m)
	got, err := ReadLog(bytes.NewReader(append(bytes.Clone(whole), whole[:20]...)))
	if err != nil || len(got) != 1 || fmt.Sprint(got[0]) != fmt.Sprint(m) {
		t.Errorf("read %+v, %v", got, err)
	}
	for _, bad := range []string{"x\n", "x" + string(whole), strings.Replace(string(whole), "%20", "%zz", 1)} {
		if _, err := ReadLog(strings.NewReader(bad)); err == nil {
			t.Errorf("read %q without an error", bad)
		}
	}
}

func TestTallyKeepsOnlyTheNumber(t *testing.T) {
	t.Parallel()
	s := Start(t, Options{Tally: true})
	if err := submit(s, Plain, nil); err != nil {
		t.Fatal(err)
	}
	if s.Count() != 1 || len(s.Messages()) != 0 {
		t.Errorf("count %d, kept %d", s.Count(), len(s.Messages()))
	}
}
