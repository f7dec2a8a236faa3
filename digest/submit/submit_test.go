package submit

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"courant/digest"
	"courant/digest/smtpsink"
)

var (
	toB = digest.Envelope{From: "a@x.test", To: "b@y.test"}
	toC = digest.Envelope{From: "a@x.test", To: "c@y.test"}
	toD = digest.Envelope{From: "a@x.test", To: "d@y.test"}
)

const text = "Message-ID: <1@x.test>\r\nSubject: x\r\n\r\nbody\r\n"

// patient bounds what a test waits for when something is broken; impatient is
// for rows whose relay never answers. Neither is asserted.
var (
	patient   = Timeouts{Connect: time.Minute, Greeting: time.Minute, Command: time.Minute, Data: time.Minute, Body: time.Minute, Dot: time.Minute}
	impatient = func() Timeouts {
		const d = 400 * time.Millisecond
		return Timeouts{Connect: d, Greeting: d, Command: d, Data: d, Body: d, Dot: d, Quit: d}
	}()
)

// relayTo is the way to a sink, as it wants to be spoken to.
func relayTo(s *smtpsink.Sink, how smtpsink.Security) *Relay {
	r := &Relay{Host: s.Host(), Port: s.Port(), LocalName: "courant.test", Timeouts: patient, Security: Cleartext}
	if how != smtpsink.Plain {
		r.Security = Security(how)
		r.TLS = &tls.Config{RootCAs: s.Pool()}
	}
	return r
}

// soon bounds the wait for something that happens at once or never.
func soon(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func dial(t testing.TB, r *Relay) *Conn {
	t.Helper()
	c, outcome := r.Dial(t.Context())
	if c == nil {
		t.Fatalf("dial: %v", outcome)
	}
	t.Cleanup(c.Close)
	return c
}

func send(t testing.TB, c *Conn, env digest.Envelope, ahead *digest.Envelope) digest.Outcome {
	return c.Submit(t.Context(), Message{Envelope: env, Text: []byte(text), Ahead: ahead})
}

func recipients(s *smtpsink.Sink) string {
	var all []string
	for _, m := range s.Messages() {
		all = append(all, m.To+strings.Join(m.Also, "+"))
	}
	return strings.Join(all, " ")
}

func TestMessagesArriveAsTheyAre(t *testing.T) {
	t.Parallel()
	for _, how := range []smtpsink.Security{smtpsink.Plain, smtpsink.StartTLS, smtpsink.Implicit} {
		for _, without := range [][]string{nil, {"PIPELINING"}} {
			t.Run(fmt.Sprint(how, without), func(t *testing.T) {
				t.Parallel()
				s := smtpsink.Start(t, smtpsink.Options{Security: how, Without: without, Bodies: true, Accounts: map[string]string{"u": "p"}})
				r := relayTo(s, how)
				r.Username, r.Password = "u", "p"
				c := dial(t, r)
				bodies := []string{text, "X: y\r\n\r\n.\r\n..\r\n.a\r\n", ".first\r\n", "no end", strings.Repeat("a line\r\n", 20000)}
				for i, body := range bodies {
					ahead := &toB
					if i == len(bodies)-1 {
						ahead = nil
					}
					o := c.Submit(t.Context(), Message{Envelope: toB, Text: []byte(body), Ahead: ahead})
					if o.Verdict != digest.VerdictAccepted || o.Stage != digest.StageDot || o.Reply.Code != 250 {
						t.Fatalf("message %d: %v", i, o)
					}
				}
				for i, m := range s.Messages() {
					if want := strings.TrimSuffix(bodies[i], "\r\n") + "\r\n"; string(m.Body) != want {
						t.Errorf("message %d arrived as %.80q", i, m.Body)
					}
					if m.User != "u" || m.TLS != (how != smtpsink.Plain) || m.Hello != "courant.test" || m.From != toB.From {
						t.Errorf("message %d: %+v", i, m)
					}
				}
				if s.Connections() != 1 {
					t.Errorf("%d connections", s.Connections())
				}
			})
		}
	}
}

// want is an outcome in short: "deferred at rcpt transient". A trailing " +"
// says that the connection is good for the next message.
func short(o digest.Outcome, c *Conn) string {
	s := strings.TrimSpace(fmt.Sprintf("%s at %s %s", o.Verdict, o.Stage, o.Class))
	if c != nil && !c.Broken() {
		s += " +"
	}
	return s
}

// A row per stage and fault. The outcomes hold in clear and in TLS, pipelined
// and not, for a connection's first message and for one promised ahead.
func TestEveryStageAndFaultHasItsOutcome(t *testing.T) {
	t.Parallel()
	reply := func(code int, status string) smtpsink.Action {
		return smtpsink.Action{Do: smtpsink.Answer, Reply: smtpsink.Reply{Code: code, Enhanced: status, Text: "so says the sink"}}
	}
	bye := reply(421, "4.3.2")
	bye.ThenCut = true
	cut := smtpsink.Action{Do: smtpsink.Cut}
	reset := smtpsink.Action{Do: smtpsink.Cut, Reset: true}
	hang := smtpsink.Action{Do: smtpsink.Stall}
	drip := smtpsink.Action{Do: smtpsink.Drip, For: time.Minute}
	garbage := smtpsink.Action{Do: smtpsink.Garbage}
	late := func(a smtpsink.Action) smtpsink.Action { a.After = 10; return a }

	rows := []struct {
		at   smtpsink.Stage
		do   smtpsink.Action
		want string
	}{
		{smtpsink.AtMail, reply(451, "4.3.0"), "deferred at mail transient +"},
		{smtpsink.AtMail, reply(550, "5.1.8"), "deferred at mail configuration +"},
		{smtpsink.AtMail, reply(530, "5.7.0"), "deferred at mail configuration +"},
		{smtpsink.AtMail, reply(552, "5.3.4"), "refused at mail content +"},
		{smtpsink.AtMail, bye, "deferred at mail transient"},
		{smtpsink.AtMail, reply(354, ""), "deferred at mail transient"},
		{smtpsink.AtMail, cut, "deferred at mail transient"},
		{smtpsink.AtMail, reset, "deferred at mail transient"},
		{smtpsink.AtMail, hang, "deferred at mail transient"},
		{smtpsink.AtMail, drip, "deferred at mail transient"},
		{smtpsink.AtMail, garbage, "deferred at mail transient"},

		{smtpsink.AtRcpt, reply(450, "4.7.1"), "deferred at rcpt throttled +"},
		{smtpsink.AtRcpt, reply(452, "4.2.2"), "deferred at rcpt soft +"},
		{smtpsink.AtRcpt, reply(550, "5.1.1"), "refused at rcpt hard +"},
		{smtpsink.AtRcpt, reply(550, "5.7.1"), "refused at rcpt blocked +"},
		{smtpsink.AtRcpt, reply(550, ""), "refused at rcpt unknown +"},
		{smtpsink.AtRcpt, bye, "deferred at rcpt transient"},
		{smtpsink.AtRcpt, cut, "deferred at rcpt transient"},
		{smtpsink.AtRcpt, reset, "deferred at rcpt transient"},
		{smtpsink.AtRcpt, hang, "deferred at rcpt transient"},
		{smtpsink.AtRcpt, drip, "deferred at rcpt transient"},
		{smtpsink.AtRcpt, garbage, "deferred at rcpt transient"},

		{smtpsink.AtData, reply(451, ""), "deferred at data transient +"},
		{smtpsink.AtData, reply(554, "5.7.1"), "refused at data blocked +"},
		{smtpsink.AtData, bye, "deferred at data transient"},
		{smtpsink.AtData, reply(250, ""), "deferred at data transient"},
		{smtpsink.AtData, cut, "deferred at data transient"},
		{smtpsink.AtData, reset, "deferred at data transient"},
		{smtpsink.AtData, hang, "deferred at data transient"},
		{smtpsink.AtData, drip, "deferred at data transient"},
		{smtpsink.AtData, garbage, "deferred at data transient"},

		// A small body is with the kernel, dot and all, before the relay breaks.
		{smtpsink.AtBody, late(cut), "in doubt at dot"},
		{smtpsink.AtBody, late(reset), "in doubt at dot"},
		{smtpsink.AtBody, late(hang), "in doubt at dot"},
		{smtpsink.AtBody, late(drip), "in doubt at dot"},
		{smtpsink.AtBody, late(garbage), "in doubt at dot"},
		{smtpsink.AtBody, late(bye), "deferred at dot transient"},

		{smtpsink.AtDot, reply(451, "4.3.0"), "deferred at dot transient +"},
		{smtpsink.AtDot, reply(452, "4.2.2"), "deferred at dot soft +"},
		{smtpsink.AtDot, reply(554, "5.7.1"), "refused at dot blocked +"},
		{smtpsink.AtDot, reply(552, "5.3.4"), "refused at dot content +"},
		{smtpsink.AtDot, bye, "deferred at dot transient"},
		{smtpsink.AtDot, cut, "in doubt at dot"},
		{smtpsink.AtDot, reset, "in doubt at dot"},
		{smtpsink.AtDot, hang, "in doubt at dot"},
		{smtpsink.AtDot, drip, "in doubt at dot"},
		{smtpsink.AtDot, garbage, "in doubt at dot"},

		{smtpsink.AtRecorded, reply(250, ""), "accepted at dot +"},
		{smtpsink.AtRecorded, reply(354, ""), "in doubt at dot"},
		{smtpsink.AtRecorded, cut, "in doubt at dot"},
		{smtpsink.AtRecorded, reset, "in doubt at dot"},
		{smtpsink.AtRecorded, hang, "in doubt at dot"},
		{smtpsink.AtRecorded, drip, "in doubt at dot"},
		{smtpsink.AtRecorded, garbage, "in doubt at dot"},
	}
	for _, row := range rows {
		t.Run(fmt.Sprintf("%s %s %d", row.at, row.do.Do, row.do.Reply.Code), func(t *testing.T) {
			t.Parallel()
			var wg sync.WaitGroup // most of a hanging row is waiting: its six shapes wait together
			for _, how := range []smtpsink.Security{smtpsink.Plain, smtpsink.StartTLS} {
				for _, shape := range []string{"plain", "pipelined", "promised"} {
					opt := smtpsink.Options{Security: how}
					rule := smtpsink.Rule{At: row.at, First: 1, Do: row.do}
					if shape == "plain" {
						opt.Without = []string{"PIPELINING"}
					}
					if shape == "promised" {
						rule.Skip = 1
					}
					opt.Script = smtpsink.Rules(rule)
					s := smtpsink.Start(t, opt)
					wg.Go(func() {
						if err := checkRow(t, s, relayTo(s, how), shape, row.at, row.do, row.want); err != nil {
							t.Errorf("%s %s: %v", how, shape, err)
						}
					})
				}
			}
			wg.Wait()
		})
	}
}

// hurry makes the one wait short that a row without an answer runs into.
func (c *Conn) hurry(at smtpsink.Stage) {
	switch at {
	case smtpsink.AtMail, smtpsink.AtRcpt:
		c.timeouts.Command = impatient.Command
	case smtpsink.AtData:
		c.timeouts.Data = impatient.Data
	default:
		c.timeouts.Dot = impatient.Dot
	}
	c.way = c.timeouts.steps()
}

func checkRow(t *testing.T, s *smtpsink.Sink, r *Relay, shape string, at smtpsink.Stage, do smtpsink.Action, want string) error {
	c, o := r.Dial(t.Context())
	if c == nil {
		return fmt.Errorf("dial: %v", o)
	}
	if shape == "promised" {
		if o := send(t, c, toC, &toB); o.Verdict != digest.VerdictAccepted {
			return fmt.Errorf("the message before: %v", o)
		}
	}
	if do.Do == smtpsink.Stall || do.Do == smtpsink.Drip {
		c.hurry(at)
	}
	o = send(t, c, toB, nil)
	if got := short(o, c); got != want {
		return fmt.Errorf("%q instead of %q (%v)", got, want, o)
	}
	recorded := len(s.To(toB.To))
	if o.Verdict == digest.VerdictAccepted && recorded != 1 || recorded > 1 ||
		recorded == 1 && o.Verdict != digest.VerdictAccepted && o.Verdict != digest.VerdictInDoubt {
		return fmt.Errorf("%v, and the relay has %d", o, recorded)
	}
	if c.Broken() {
		if c, o = r.Dial(t.Context()); c == nil {
			return fmt.Errorf("dial again: %v", o)
		}
	}
	defer c.Close()
	if o := send(t, c, toD, nil); o.Verdict != digest.VerdictAccepted || len(s.To(toD.To)) != 1 {
		return fmt.Errorf("the message after: %v, the relay has %s", o, recipients(s))
	}
	return nil
}

func TestDialTellsOurFaultsFromTheirs(t *testing.T) {
	t.Parallel()
	answer := func(code int, status string) smtpsink.Action {
		return smtpsink.Action{Do: smtpsink.Answer, Reply: smtpsink.Reply{Code: code, Enhanced: status, Text: "so says the sink"}}
	}
	hang := smtpsink.Action{Do: smtpsink.Stall}
	cut := smtpsink.Action{Do: smtpsink.Cut}
	garbage := smtpsink.Action{Do: smtpsink.Garbage}
	drip := smtpsink.Action{Do: smtpsink.Drip, For: time.Minute}
	strip := func(words ...string) smtpsink.Action {
		return smtpsink.Action{Do: smtpsink.Strip, Words: words}
	}
	for _, row := range []struct {
		at   smtpsink.Stage
		do   smtpsink.Action
		want string
	}{
		{smtpsink.AtConnect, answer(554, "5.7.1"), "deferred at banner configuration"},
		{smtpsink.AtConnect, answer(550, ""), "deferred at banner configuration"},
		{smtpsink.AtConnect, answer(421, "4.7.0"), "deferred at banner throttled"},
		{smtpsink.AtConnect, answer(250, ""), "deferred at banner transient"},
		{smtpsink.AtConnect, hang, "deferred at banner transient"},
		{smtpsink.AtConnect, cut, "deferred at banner transient"},
		{smtpsink.AtConnect, garbage, "deferred at banner transient"},
		{smtpsink.AtConnect, drip, "deferred at banner transient"},

		{smtpsink.AtHello, answer(451, "4.3.0"), "deferred at ehlo transient"},
		{smtpsink.AtHello, answer(550, "5.7.1"), "deferred at ehlo configuration"},
		{smtpsink.AtHello, answer(421, ""), "deferred at ehlo transient"},
		{smtpsink.AtHello, hang, "deferred at ehlo transient"},
		{smtpsink.AtHello, cut, "deferred at ehlo transient"},
		{smtpsink.AtHello, garbage, "deferred at ehlo transient"},
		{smtpsink.AtHello, drip, "deferred at ehlo transient"},
		{smtpsink.AtHello, strip("STARTTLS"), "deferred at starttls configuration"},

		{smtpsink.AtStartTLS, answer(454, "4.7.0"), "deferred at starttls throttled"},
		{smtpsink.AtStartTLS, answer(502, "5.5.1"), "deferred at starttls configuration"},
		{smtpsink.AtStartTLS, hang, "deferred at starttls transient"},
		{smtpsink.AtStartTLS, cut, "deferred at starttls transient"},
		{smtpsink.AtStartTLS, garbage, "deferred at starttls transient"},
		{smtpsink.AtHandshake, hang, "deferred at starttls transient"},
		{smtpsink.AtHandshake, cut, "deferred at starttls transient"},
		{smtpsink.AtHandshake, garbage, "deferred at starttls transient"},

		{smtpsink.AtAuth, answer(535, "5.7.8"), "deferred at auth configuration"},
		{smtpsink.AtAuth, answer(534, "5.7.9"), "deferred at auth configuration"},
		{smtpsink.AtAuth, answer(454, "4.7.0"), "deferred at auth throttled"},
		{smtpsink.AtAuth, answer(421, "4.3.0"), "deferred at auth transient"},
		{smtpsink.AtAuth, hang, "deferred at auth transient"},
		{smtpsink.AtAuth, cut, "deferred at auth transient"},
		{smtpsink.AtAuth, garbage, "deferred at auth transient"},
	} {
		t.Run(fmt.Sprint(row.at, row.do.Do, row.do.Reply.Code), func(t *testing.T) {
			t.Parallel()
			s := smtpsink.Start(t, smtpsink.Options{
				Security: smtpsink.StartTLS, Accounts: map[string]string{"u": "p"},
				Script: smtpsink.Rules(smtpsink.Rule{At: row.at, First: 1, Do: row.do}),
			})
			r := relayTo(s, smtpsink.StartTLS)
			r.Username, r.Password = "u", "p"
			if row.do.Do == smtpsink.Stall || row.do.Do == smtpsink.Drip {
				r.Timeouts = impatient
			}
			c, o := r.Dial(t.Context())
			if got := short(o, c); got != row.want {
				t.Errorf("%q instead of %q (%v)", got, row.want, o)
			}
			if o.Reply.Code == 0 && o.Fault == "" {
				t.Error("nothing says why")
			}
		})
	}
}

func TestSettingsThatCannotWorkAreNamed(t *testing.T) {
	t.Parallel()
	accounts := map[string]string{"u": "p"}
	for _, row := range []struct {
		name   string
		sink   smtpsink.Options
		change func(*Relay)
		want   string
	}{
		{"wrong password", smtpsink.Options{Security: smtpsink.StartTLS, Accounts: accounts},
			func(r *Relay) { r.Password = "secret-wrong" }, "check username and password_file"},
		{"no AUTH offered", smtpsink.Options{Security: smtpsink.StartTLS}, func(*Relay) {}, "does not offer AUTH"},
		{"unknown AUTH only", smtpsink.Options{Script: smtpsink.Rules(smtpsink.Rule{At: smtpsink.AtHello, Do: smtpsink.Action{
			Do: smtpsink.Answer, Reply: smtpsink.Reply{Code: 250, Text: "sink\nAUTH GSSAPI"}}})},
			func(*Relay) {}, "offers no AUTH that we may use (GSSAPI)"},
		{"no STARTTLS offered", smtpsink.Options{Accounts: accounts},
			func(r *Relay) { r.Security = StartTLS }, "does not offer STARTTLS"},
		{"TLS to a port in clear", smtpsink.Options{},
			func(r *Relay) { r.Security = TLS }, "does not begin with TLS: set tls: starttls"},
		{"certificate for another name", smtpsink.Options{Security: smtpsink.StartTLS, Names: []string{"other.test"}},
			func(*Relay) {}, "is not to be trusted"},
		{"certificate for another name, implicit", smtpsink.Options{Security: smtpsink.Implicit, Names: []string{"other.test"}},
			func(*Relay) {}, "is not to be trusted"},
		{"unknown issuer", smtpsink.Options{Security: smtpsink.Implicit},
			func(r *Relay) { r.TLS = &tls.Config{RootCAs: x509.NewCertPool()} }, "is not to be trusted"},
		{"no port", smtpsink.Options{}, func(r *Relay) { r.Port = 0 }, "check smtp"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			s := smtpsink.Start(t, row.sink)
			r := relayTo(s, row.sink.Security)
			r.Username, r.Password = "u", "p"
			row.change(r)
			c, o := r.Dial(t.Context())
			if c != nil || o.Verdict != digest.VerdictDeferred || o.Class != digest.ClassConfiguration {
				t.Fatalf("%v (%s)", o, o.Class)
			}
			if !strings.Contains(o.Fault, row.want) {
				t.Errorf("says %q, nothing of %q", o.Fault, row.want)
			}
			if strings.Contains(fmt.Sprint(o, o.Fault), "secret") {
				t.Error("says the password")
			}
		})
	}
}

func TestPasswordIsNeverSaidInClearToAnotherMachine(t *testing.T) {
	t.Parallel()
	r := &Relay{Host: "smtp.example.com", Security: Cleartext, Username: "u", Password: "p"}
	if r.mechanism([]string{"PLAIN", "LOGIN"}) != nil {
		t.Error("a password in clear")
	}
	if r.mechanism([]string{"PLAIN", "CRAM-MD5"}) == nil {
		t.Error("no way although one needs no password on the wire")
	}
	r.Host = "127.0.0.1"
	if r.mechanism([]string{"LOGIN"}) == nil {
		t.Error("no password to this machine itself")
	}
}

func TestRelayThatIsAwayDefersEverything(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := listener.Addr().(*net.TCPAddr).Port
	listener.Close()
	c, o := (&Relay{Host: "127.0.0.1", Port: port}).Dial(t.Context())
	if got := short(o, c); got != "deferred at connect transient" || o.Fault != "connection refused" {
		t.Errorf("%q: %v", got, o)
	}
	c, o = (&Relay{Host: "relay.invalid", Port: 25}).Dial(t.Context())
	if got := short(o, c); got != "deferred at connect transient" {
		t.Errorf("%q: %v", got, o)
	}
}

func TestEndOfContextInterruptsADial(t *testing.T) {
	t.Parallel()
	for _, at := range []smtpsink.Stage{smtpsink.AtConnect, smtpsink.AtHello, smtpsink.AtHandshake, smtpsink.AtAuth} {
		t.Run(string(at), func(t *testing.T) {
			t.Parallel()
			s := smtpsink.Start(t, smtpsink.Options{
				Security: smtpsink.StartTLS, Accounts: map[string]string{"u": "p"},
				Script: smtpsink.Rules(smtpsink.Rule{At: at, Do: smtpsink.Action{Do: smtpsink.Stall}}),
			})
			r := relayTo(s, smtpsink.StartTLS)
			r.Username, r.Password = "u", "p"
			ctx, cancel := context.WithCancel(t.Context())
			go func() {
				s.WaitStalled(t.Context(), 1)
				cancel()
			}()
			c, o := r.Dial(ctx)
			if c != nil || o.Verdict != digest.VerdictDeferred || o.Fault != "interrupted" {
				t.Errorf("%v", o)
			}
		})
	}
}

func TestEndOfContextInterruptsASubmission(t *testing.T) {
	t.Parallel()
	for at, want := range map[smtpsink.Stage]string{
		smtpsink.AtMail: "deferred at mail transient", smtpsink.AtData: "deferred at data transient",
		smtpsink.AtDot: "in doubt at dot", smtpsink.AtRecorded: "in doubt at dot",
	} {
		t.Run(string(at), func(t *testing.T) {
			t.Parallel()
			// Not pipelined, so that the replies before the stall are read before it.
			s := smtpsink.Start(t, smtpsink.Options{Without: []string{"PIPELINING"},
				Script: smtpsink.Rules(smtpsink.Rule{At: at, Do: smtpsink.Action{Do: smtpsink.Stall}})})
			c := dial(t, relayTo(s, smtpsink.Plain))
			ctx, cancel := context.WithCancel(t.Context())
			go func() {
				s.WaitStalled(t.Context(), 1)
				cancel()
			}()
			o := c.Submit(ctx, Message{Envelope: toB, Text: []byte(text)})
			if got := short(o, c); got != want || o.Fault != "interrupted" {
				t.Errorf("%q: %v", got, o)
			}
		})
	}
}

func TestCancelledContextTouchesNothing(t *testing.T) {
	t.Parallel()
	s := smtpsink.Start(t, smtpsink.Options{})
	c := dial(t, relayTo(s, smtpsink.Plain))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if o := c.Submit(ctx, Message{Envelope: toB, Text: []byte(text)}); short(o, c) != "deferred at connect transient +" {
		t.Errorf("%v", o)
	}
	if o := send(t, c, toB, nil); o.Verdict != digest.VerdictAccepted {
		t.Errorf("%v", o)
	}
}

func TestWithdrawnMessageIsNeverSent(t *testing.T) {
	t.Parallel()
	for _, without := range [][]string{nil, {"PIPELINING"}} {
		s := smtpsink.Start(t, smtpsink.Options{Without: without})
		c := dial(t, relayTo(s, smtpsink.Plain))
		asked := 0
		no := func() bool { asked++; return false }
		o := c.Submit(t.Context(), Message{Envelope: toB, Text: []byte(text), Ready: no})
		if short(o, c) != "deferred at data transient" || o.Fault != Withdrawn || asked != 1 {
			t.Errorf("%v, asked %d times", o, asked)
		}
		if s.Reached(smtpsink.AtData) != 1 || s.Count() != 0 {
			t.Errorf("the relay came to DATA %d times and has %d", s.Reached(smtpsink.AtData), s.Count())
		}
	}
}

func TestReadyIsAskedOnlyWhenTheRelayIsReady(t *testing.T) {
	t.Parallel()
	s := smtpsink.Start(t, smtpsink.Options{Script: smtpsink.Rules(smtpsink.Rule{At: smtpsink.AtRcpt, To: toB.To,
		Do: smtpsink.Action{Do: smtpsink.Answer, Reply: smtpsink.Reply{Code: 550, Enhanced: "5.1.1", Text: "no"}}})})
	c := dial(t, relayTo(s, smtpsink.Plain))
	asked := 0
	yes := func() bool {
		asked++
		if s.Reached(smtpsink.AtData) != 1 || s.Reached(smtpsink.AtDot) != 0 {
			t.Error("asked at the wrong moment")
		}
		return true
	}
	o := c.Submit(t.Context(), Message{Envelope: toB, Text: []byte(text), Ready: yes})
	if short(o, c) != "refused at rcpt hard +" || asked != 0 {
		t.Errorf("%v, asked %d times", o, asked)
	}
	if o := c.Submit(t.Context(), Message{Envelope: toC, Text: []byte(text), Ready: yes}); o.Verdict != digest.VerdictAccepted || asked != 1 {
		t.Errorf("%v, asked %d times", o, asked)
	}
}

func TestPromisedConnectionServesNoOtherMessage(t *testing.T) {
	t.Parallel()
	s := smtpsink.Start(t, smtpsink.Options{})
	c := dial(t, relayTo(s, smtpsink.Plain))
	send(t, c, toB, &toC)
	if env, ok := c.Promised(); !ok || env != toC {
		t.Errorf("promised to %v, %v", env, ok)
	}
	if got := short(send(t, c, toD, nil), c); got != "deferred at data transient" {
		t.Errorf("%q", got)
	}
	if _, ok := c.Promised(); ok {
		t.Error("still promised")
	}
	if got := short(send(t, c, toC, nil), c); got != "deferred at connect transient" {
		t.Errorf("%q on a broken connection", got)
	}
	if got := recipients(s); got != toB.To {
		t.Errorf("the relay has %s", got)
	}
}

func TestPromisedConnectionClosesWithoutAMail(t *testing.T) {
	t.Parallel()
	s := smtpsink.Start(t, smtpsink.Options{})
	c := dial(t, relayTo(s, smtpsink.Plain))
	send(t, c, toB, &toC)
	c.Close()
	again := dial(t, relayTo(s, smtpsink.Plain))
	again.Close()
	if err := s.WaitReached(soon(t), smtpsink.AtQuit, 1); err != nil {
		t.Error(err)
	}
	if got := recipients(s); got != toB.To {
		t.Errorf("the relay has %s", got)
	}
}

func TestRefusalOfOneLeavesTheNextPromised(t *testing.T) {
	t.Parallel()
	refuse := smtpsink.Action{Do: smtpsink.Answer, Reply: smtpsink.Reply{Code: 554, Enhanced: "5.7.1", Text: "no"}}
	s := smtpsink.Start(t, smtpsink.Options{Script: smtpsink.Rules(smtpsink.Rule{At: smtpsink.AtDot, To: toB.To, Do: refuse})})
	c := dial(t, relayTo(s, smtpsink.Plain))
	if o := send(t, c, toB, &toC); o.Verdict != digest.VerdictRefused {
		t.Errorf("%v", o)
	}
	if o := send(t, c, toC, nil); o.Verdict != digest.VerdictAccepted {
		t.Errorf("%v", o)
	}
	if s.Connections() != 1 || recipients(s) != toC.To {
		t.Errorf("%d connections, the relay has %s", s.Connections(), recipients(s))
	}
}

// A body bigger than all buffers shows the honest half: nothing of the dot went out.
func TestBodyThatBreaksBeforeItsDotIsDeferred(t *testing.T) {
	t.Parallel()
	big := []byte("Subject: x\r\n\r\n" + strings.Repeat("a line of the body\r\n", 400_000))
	bye := smtpsink.Reply{Code: 552, Enhanced: "5.3.4", Text: "too big for me"}
	for _, row := range []struct {
		name string
		do   smtpsink.Action
		want []string
	}{
		{"cut", smtpsink.Action{Do: smtpsink.Cut, After: 1000}, []string{"deferred at body transient"}},
		{"reset", smtpsink.Action{Do: smtpsink.Cut, Reset: true, After: 1000}, []string{"deferred at body transient"}},
		{"hang", smtpsink.Action{Do: smtpsink.Stall, After: 1000}, []string{"deferred at body transient"}},
		{"drip", smtpsink.Action{Do: smtpsink.Drip, For: time.Minute, After: 1000}, []string{"deferred at body transient"}},
		// Whether the words survive the reset that follows them is up to TCP.
		{"refuse", smtpsink.Action{Do: smtpsink.Answer, Reply: bye, ThenCut: true, After: 1000},
			[]string{"refused at body content", "deferred at body transient"}},
	} {
		for i := range 4 {
			how, stuffed := []smtpsink.Security{smtpsink.Plain, smtpsink.Implicit}[i%2], i > 1
			t.Run(fmt.Sprint(row.name, " ", how, " stuffed=", stuffed), func(t *testing.T) {
				t.Parallel()
				s := smtpsink.Start(t, smtpsink.Options{Security: how, MaxSize: 1 << 30,
					Script: smtpsink.Rules(smtpsink.Rule{At: smtpsink.AtBody, Do: row.do})})
				c := dial(t, relayTo(s, how))
				if err := c.line.Conn.(*net.TCPConn).SetWriteBuffer(64 << 10); err != nil {
					t.Fatal(err)
				}
				c.timeouts.Body = impatient.Body
				if row.do.Do == smtpsink.Cut || row.do.Do == smtpsink.Answer {
					c.timeouts.Body = time.Minute
				}
				o := c.Submit(t.Context(), Message{Envelope: toB, Text: big, Stuffed: stuffed, Ahead: &toC})
				got := short(o, c)
				for _, want := range row.want {
					if got == want {
						return
					}
				}
				t.Errorf("%q instead of %q (%v)", got, row.want, o)
			})
		}
	}
}

func TestLastWordsOfALostLineAreBelieved(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		stage  digest.Stage
		code   int
		dotOut bool
		want   string
	}{
		{digest.StageBody, 554, false, "refused at body unknown"},
		{digest.StageBody, 451, false, "deferred at body transient"},
		{digest.StageBody, 250, false, "deferred at body transient"},
		{digest.StageDot, 250, true, "accepted at dot"},
		{digest.StageDot, 250, false, "in doubt at dot"},
		{digest.StageDot, 451, true, "deferred at dot transient"},
	} {
		if got := short(lastWords(row.stage, digest.Reply{Code: row.code}, row.dotOut), nil); got != row.want {
			t.Errorf("%+v: %q", row, got)
		}
	}
}

// A relay that speaks between its 354 and our body must not be taken at that
// word for the message.
func TestReplyBeforeTheBodyIsNotTheReplyToTheDot(t *testing.T) {
	t.Parallel()
	twice := smtpsink.Action{Do: smtpsink.Garbage, Reply: smtpsink.Reply{Text: "354 go\r\n250 2.0.0 taken already\r\n"}}
	s := smtpsink.Start(t, smtpsink.Options{Script: smtpsink.Rules(smtpsink.Rule{At: smtpsink.AtData, Do: twice})})
	c := dial(t, relayTo(s, smtpsink.Plain))
	if got := short(send(t, c, toB, nil), c); got != "deferred at body transient" || s.Count() != 0 {
		t.Errorf("%q, the relay has %d", got, s.Count())
	}
}

// What is known to need no stuffing goes out as it is, and so does the end of a
// text that lacks its last line end.
func TestStuffedTextArrivesAsItIs(t *testing.T) {
	t.Parallel()
	for _, how := range []smtpsink.Security{smtpsink.Plain, smtpsink.Implicit} {
		s := smtpsink.Start(t, smtpsink.Options{Security: how, Bodies: true})
		c := dial(t, relayTo(s, how))
		texts := []string{"Subject: x\r\n\r\n" + strings.Repeat("a line of the body\r\n", 4000), "Subject: y\r\n\r\nshort\r\n", "Subject: z\r\n\r\nno end"}
		for i, text := range texts {
			ahead := &toB
			if i == len(texts)-1 {
				ahead = nil
			}
			if o := c.Submit(t.Context(), Message{Envelope: toB, Text: []byte(text), Stuffed: true, Ahead: ahead}); o.Verdict != digest.VerdictAccepted {
				t.Fatalf("%s: message %d: %v", how, i, o)
			}
		}
		for i, m := range s.Messages() {
			if got := strings.TrimSuffix(string(m.Body), "\r\n"); got != strings.TrimSuffix(texts[i], "\r\n") {
				t.Errorf("%s: message %d arrived with %d bytes of %d", how, i, len(got), len(texts[i]))
			}
		}
	}
}

// RFC 2920 3.1: a relay may take DATA although it took no recipient. A body
// would then go nowhere, or to someone else.
func TestDataTakenWithoutARecipientIsNotAnswered(t *testing.T) {
	t.Parallel()
	refuse := smtpsink.Action{Do: smtpsink.Garbage, Reply: smtpsink.Reply{Text: "550 5.1.1 nobody\r\n"}}
	s := smtpsink.Start(t, smtpsink.Options{Script: smtpsink.Rules(smtpsink.Rule{At: smtpsink.AtRcpt, Do: refuse})})
	c := dial(t, relayTo(s, smtpsink.Plain))
	if got := short(send(t, c, toB, nil), c); got != "refused at rcpt hard" {
		t.Errorf("%q", got)
	}
	if err := s.WaitOpen(soon(t), 0); err != nil || s.Count() != 0 {
		t.Errorf("the relay has %d, %v", s.Count(), err)
	}
}

func TestEightBitAndUTF8AreAskedForOnlyWhenNeeded(t *testing.T) {
	t.Parallel()
	s := smtpsink.Start(t, smtpsink.Options{})
	c := dial(t, relayTo(s, smtpsink.Plain))
	jose := digest.Envelope{From: "a@x.test", To: "josé@y.test", SMTPUTF8: true}
	for _, env := range []digest.Envelope{toB, jose, {From: "", To: "b@y.test"}} {
		if o := send(t, c, env, nil); o.Verdict != digest.VerdictAccepted {
			t.Errorf("%v: %v", env, o)
		}
	}
	for i, m := range s.Messages() {
		if m.UTF8 != (i == 1) || m.EightBit != (i == 1) {
			t.Errorf("%s: SMTPUTF8 %v, 8BITMIME %v", m.To, m.UTF8, m.EightBit)
		}
	}
	poor := dial(t, relayTo(smtpsink.Start(t, smtpsink.Options{Without: []string{"SMTPUTF8"}}), smtpsink.Plain))
	if got := short(send(t, poor, jose, nil), poor); got != "refused at rcpt content +" {
		t.Errorf("%q", got)
	}
}

func TestHostileAddressesNeverReachTheWire(t *testing.T) {
	t.Parallel()
	s := smtpsink.Start(t, smtpsink.Options{})
	c := dial(t, relayTo(s, smtpsink.Plain))
	for _, address := range []string{
		"", "b", "@y.test", "b@", "b@y.test>\r\nRCPT TO:<c@y.test", "b@y.test\n", "b@y.test\x00", "<b@y.test>",
		"b @y.test", "b@y.test> SIZE=1", "b@y.test\u2028", "b@y.test\u0085", "josé@y.test", "b\xff@y.test",
		strings.Repeat("b", 250) + "@y.test",
	} {
		if got := short(send(t, c, digest.Envelope{From: "a@x.test", To: address}, nil), c); got != "refused at rcpt content +" {
			t.Errorf("to %q: %q", address, got)
		}
		if address == "" {
			continue // the null sender is one
		}
		if got := short(send(t, c, digest.Envelope{From: address, To: "b@y.test"}, nil), c); got != "deferred at mail configuration +" {
			t.Errorf("from %q: %q", address, got)
		}
	}
	// Nor by the way of a message ahead.
	if got := short(send(t, c, toB, &digest.Envelope{To: "c@y.test>\r\nRSET\r\n"}), c); got != "accepted at dot +" {
		t.Errorf("%q", got)
	}
	if s.Reached(smtpsink.AtMail) != 1 || recipients(s) != toB.To {
		t.Errorf("%d MAILs, the relay has %s", s.Reached(smtpsink.AtMail), recipients(s))
	}
}

func TestEndlessGreetingIsCut(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		for chunk := []byte(strings.Repeat("2", 4096)); err == nil; {
			_, err = conn.Write(chunk)
		}
	}()
	r := &Relay{Host: "127.0.0.1", Port: listener.Addr().(*net.TCPAddr).Port, Security: Cleartext, Timeouts: patient}
	c, o := r.Dial(t.Context())
	if got := short(o, c); got != "deferred at banner transient" || o.Fault != errTooMuch.Error() {
		t.Errorf("%q: %v", got, o)
	}
}

func TestCloseSaysQuitAndDoesNotWaitForever(t *testing.T) {
	t.Parallel()
	s := smtpsink.Start(t, smtpsink.Options{Script: smtpsink.Rules(smtpsink.Rule{At: smtpsink.AtQuit, Do: smtpsink.Action{Do: smtpsink.Stall}})})
	r := relayTo(s, smtpsink.Plain)
	r.Timeouts.Quit = 50 * time.Millisecond
	c := dial(t, r)
	if o := send(t, c, toB, nil); o.Verdict != digest.VerdictAccepted {
		t.Fatalf("%v", o)
	}
	c.Close()
	c.Close()
	if !c.Broken() || s.Reached(smtpsink.AtQuit) != 1 {
		t.Errorf("broken %v, %d QUITs", c.Broken(), s.Reached(smtpsink.AtQuit))
	}
}

func TestFaultsAreNamedInWordsOfTheField(t *testing.T) {
	t.Parallel()
	for want, err := range map[string]error{
		"no answer in time": fmt.Errorf("read: %w", context.DeadlineExceeded),
		"interrupted":       errInterrupted,
		"a b":               errors.New("a\x00\r\nb"),
	} {
		if got := fault(err, nil); got != want {
			t.Errorf("%v is named %q", err, got)
		}
	}
}
