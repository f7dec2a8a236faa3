package submit

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"courant/digest"
)

// parrot is a relay that answers AUTH with everything it was told, as reply
// makes a reply of it.
func parrot(t *testing.T, mechanisms string, reply func(heard []string) string) *Relay {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go squawk(conn, mechanisms, reply)
		}
	}()
	return &Relay{Host: "127.0.0.1", Port: listener.Addr().(*net.TCPAddr).Port, Security: Cleartext, Username: "news@example.com", Password: "korrekt-pferd-9", Timeouts: patient}
}

func squawk(conn net.Conn, mechanisms string, reply func(heard []string) string) {
	defer conn.Close()
	in := bufio.NewScanner(conn)
	say := func(line string) { fmt.Fprintf(conn, "%s\r\n", line) }
	say("220 parrot")
	var heard []string
	wanted := 0 // answers to AUTH
	for in.Scan() {
		line := in.Text()
		switch {
		case strings.HasPrefix(line, "EHLO"):
			say("250-parrot\r\n250 AUTH " + mechanisms)
			continue
		case strings.HasPrefix(line, "AUTH LOGIN"):
			wanted = 2
		case strings.HasPrefix(line, "AUTH CRAM-MD5"):
			wanted = 1
		case line == "*":
			say("501 ended")
			continue
		case line == "QUIT":
			say("221 bye")
			return
		}
		heard = append(heard, line)
		switch {
		case len(heard) <= wanted && strings.HasPrefix(heard[0], "AUTH LOGIN"):
			say("334 " + base64.StdEncoding.EncodeToString([]byte([]string{"Username:", "Password:"}[len(heard)-1])))
		case len(heard) <= wanted:
			say("334 " + base64.StdEncoding.EncodeToString([]byte("<1@parrot>")))
		default:
			say(reply(heard))
		}
	}
}

// leaks are traces of what the relay was told in what we say of it.
func leaks(o digest.Outcome, f digest.Finding, heard []string) (found []string) {
	said := lower(fmt.Sprintf("%+v %s %s %+v", o, o.String(), o.Said(), f))
	words := append(heard, "korrekt-pferd-9", base64.StdEncoding.EncodeToString([]byte("korrekt-pferd-9")))
	for _, word := range words {
		word = lower(word[strings.LastIndexByte(word, ' ')+1:])
		for i := 0; i+shortestPiece <= len(word); i++ {
			if strings.Contains(said, word[i:i+shortestPiece]) && !strings.HasPrefix("cram-md5", word) {
				found = append(found, word[i:i+shortestPiece])
			}
		}
	}
	return found
}

func TestNothingSaidOfARelayHoldsWhatItWasToldToLogIn(t *testing.T) {
	t.Parallel()
	replies := map[string]func([]string) string{
		"as it is":    func(heard []string) string { return "535 5.7.8 no: " + strings.Join(heard, " / ") },
		"in capitals": func(heard []string) string { return "535 5.7.8 NO: " + strings.ToUpper(strings.Join(heard, " / ")) },
		"for later":   func(heard []string) string { return "454 4.7.0 no: " + strings.Join(heard, " / ") },
		"in clear":    func([]string) string { return "535 no korrekt-pferd-9 for news@example.com" },
		"in two lines": func(heard []string) string {
			w := heard[len(heard)-1]
			return "535-no " + w[:len(w)/2] + "\r\n535 " + w[len(w)/2:]
		},
		"cut":           func(heard []string) string { w := heard[len(heard)-1]; return "535 no " + w[:len(w)-5] },
		"at the end":    func(heard []string) string { return "535 " + strings.Repeat("no ", 90) + strings.Join(heard, " / ") },
		"as no reply":   func(heard []string) string { return strings.Join(heard, " / ") },
		"out of turn":   func(heard []string) string { return "250 " + strings.Join(heard, " / ") },
		"as no numbers": func(heard []string) string { return "5x5 " + strings.Join(heard, " / ") },
	}
	for _, mechanism := range []string{"PLAIN", "LOGIN", "CRAM-MD5"} {
		for name, reply := range replies {
			t.Run(mechanism+" "+name, func(t *testing.T) {
				t.Parallel()
				said := make(chan []string, 9)
				r := parrot(t, mechanism, func(heard []string) string {
					said <- heard
					return reply(heard)
				})
				c, o := r.Dial(soon(t))
				if c != nil {
					t.Fatal("the parrot took the login")
				}
				heard := <-said
				if found := leaks(o, r.Look(soon(t), time.Now()), heard); len(found) > 0 {
					t.Errorf("%q of %q in %v", found, heard, o)
				}
			})
		}
	}
}

func TestShortPasswordsAreCutWithoutHarmToWords(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ password, text, want string }{
		{"e", "user e refused, e", "user [cut out] refused, [cut out]"},
		{"pass", "no pass", "no [cut out]"},
		{"", "anything", "anything"},
		{"ab", "about ab", "about [cut out]"},
	} {
		if got := newSecrets(c.password).cut(c.text); got != c.want {
			t.Errorf("%q cut out of %q is %q", c.password, c.text, got)
		}
	}
}

// A class may stand late in what a relay says; what is kept of it is short.
func TestLongRepliesAreJudgedWholeAndQuotedInPart(t *testing.T) {
	t.Parallel()
	reply, err := readReply(bufio.NewReader(strings.NewReader("550 "+strings.Repeat("so sorry ", 40)+"user unknown "+strings.Repeat("!", 3000)+"\r\n")), nil)
	if err != nil {
		t.Fatal(err)
	}
	if o := judge(digest.StageRcpt, reply); o.Class != digest.ClassHard || len(o.Reply.Text) > maxQuote || len(o.Reply.Text) < maxQuote-20 {
		t.Errorf("%s, %d bytes: %v", o.Class, len(o.Reply.Text), o)
	}
	for _, greeting := range []string{"hello \x1b[2J" + strings.Repeat("x", 3000) + "\r\n", "554 " + strings.Repeat("y", 3000) + "\r\n"} {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { listener.Close() })
		go func() {
			if conn, err := listener.Accept(); err == nil {
				fmt.Fprint(conn, greeting)
				conn.Close()
			}
		}()
		r := &Relay{Host: "127.0.0.1", Port: listener.Addr().(*net.TCPAddr).Port, Security: Cleartext, Timeouts: patient}
		_, o := r.Dial(soon(t))
		if said := o.String(); len(said) > maxQuote+60 || strings.ContainsAny(said, "\x1b\r\n") {
			t.Errorf("%d bytes: %s", len(said), said)
		}
	}
}
