package submit

import (
	"strings"
	"testing"
	"time"

	"courant/digest"
	"courant/digest/smtpsink"
)

func TestLookGoesUpToTheLoginAndSendsNothing(t *testing.T) {
	t.Parallel()
	for _, how := range []smtpsink.Security{smtpsink.StartTLS, smtpsink.Implicit} {
		s := smtpsink.Start(t, smtpsink.Options{Security: how, Accounts: map[string]string{"ann": "right"}, MaxSize: 30_000_000})
		r := relayTo(s, how)
		r.Username, r.Password = "ann", "right"
		f := r.Look(t.Context(), time.Now())
		want := "TLS 1.3, login taken, PIPELINING, SIZE 30 MB, 8BITMIME, certificate until "
		if f.State != digest.FindingOK || !strings.HasPrefix(f.Text, want) || f.Subject != s.Addr() {
			t.Errorf("%s: %+v", how, f)
		}
		// The sink's certificate lasts a month.
		f = r.Look(t.Context(), time.Now().Add(25*24*time.Hour))
		if f.State != digest.FindingLook || !strings.Contains(f.Next, "ends in 4 days") {
			t.Errorf("%s: %+v", how, f)
		}
		r.Password = "hunter2"
		f = r.Look(t.Context(), time.Now())
		if f.State != digest.FindingWrong || !strings.Contains(f.Text, "535") || !strings.Contains(f.Next, "username and password_file") {
			t.Errorf("%s: %+v", how, f)
		}
		if strings.Contains(f.Text+f.Next, "hunter2") {
			t.Errorf("the password is told: %+v", f)
		}
		if n := len(s.Messages()); n > 0 {
			t.Errorf("%d mails were sent", n)
		}
	}
}

func TestLookSaysWhyARelayCannotBeUsed(t *testing.T) {
	t.Parallel()
	busy := smtpsink.Rules(smtpsink.Rule{At: smtpsink.AtConnect, Do: smtpsink.Action{Do: smtpsink.Answer, Reply: smtpsink.Reply{Code: 421, Text: "come later"}, ThenCut: true}})
	blocked := smtpsink.Rules(smtpsink.Rule{At: smtpsink.AtConnect, Do: smtpsink.Action{Do: smtpsink.Answer, Reply: smtpsink.Reply{Code: 554, Text: "no service"}, ThenCut: true}})
	for name, c := range map[string]struct {
		opt      smtpsink.Options
		how      smtpsink.Security
		state    digest.FindingState
		says, do string
	}{
		"busy":     {smtpsink.Options{Script: busy}, smtpsink.Plain, digest.FindingLook, "421", "try again"},
		"blocked":  {smtpsink.Options{Script: blocked}, smtpsink.Plain, digest.FindingWrong, "554", "check host and port"},
		"no TLS":   {smtpsink.Options{}, smtpsink.StartTLS, digest.FindingWrong, "does not offer STARTTLS", "check port and tls"},
		"no login": {smtpsink.Options{Security: smtpsink.StartTLS}, smtpsink.StartTLS, digest.FindingWrong, "AUTH", "check"},
		"slow way": {smtpsink.Options{Without: []string{"PIPELINING", "SIZE"}}, smtpsink.Plain, digest.FindingOK, "in clear, 8BITMIME, no PIPELINING", ""},
	} {
		s := smtpsink.Start(t, c.opt)
		r := relayTo(s, c.how)
		if name == "no login" {
			r.Username, r.Password = "ann", "right"
		}
		f := r.Look(t.Context(), time.Now())
		if f.State != c.state || !strings.Contains(f.Text, c.says) || !strings.Contains(f.Next, c.do) || (f.State == digest.FindingOK) != (f.Next == "") {
			t.Errorf("%s: %+v", name, f)
		}
	}
	s := smtpsink.Start(t, smtpsink.Options{})
	r := relayTo(s, smtpsink.Plain)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if f := r.Look(t.Context(), time.Now()); f.State != digest.FindingWrong || !strings.Contains(f.Text, "at connect: connection refused") || !strings.Contains(f.Next, s.Addr()) {
		t.Errorf("%+v", f)
	}
}
