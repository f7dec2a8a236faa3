package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"courant/digest"
)

// passwordVariable is where the environment may hold the relay's password.
const passwordVariable = "SMTP_PASSWORD"

// noLogin is the answer for nobody's name.
const noLogin = "-"

// trialTime is how long a person waits for a relay or a feed.
const trialTime = 30 * time.Second

// parseRelayAnswer reads host, host:port, smtp://user@host:587 or
// smtps://user@host:465 (the scheme of RFC 8314's implicit TLS). On this
// machine a relay is spoken to in clear unless smtps asks for more.
func parseRelayAnswer(s string) (Relay, error) {
	bad := fmt.Errorf("%q is no relay; write it like smtp.example.com, smtp.example.com:587 or smtps://user@smtp.example.com:465", s)
	scheme, rest, schemed := strings.Cut(strings.TrimSpace(s), "://")
	if !schemed {
		scheme, rest = "smtp", scheme
		if strings.Contains(rest, "@") {
			return Relay{}, fmt.Errorf("%q is an address; the relay is a host such as smtp.example.com, or smtp://user@smtp.example.com:587", s)
		}
		if ip := net.ParseIP(rest); ip != nil && ip.To4() == nil {
			rest = "[" + rest + "]"
		}
	}
	u, err := url.Parse("smtp://" + rest)
	if err != nil || u.Hostname() == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		return Relay{}, withoutUserPart(bad, rest)
	}
	if scheme = strings.ToLower(scheme); scheme != "smtp" && scheme != "smtps" {
		return Relay{}, fmt.Errorf("%q is no way to a relay; it begins with smtp:// or smtps://", scheme)
	}
	if _, written := u.User.Password(); written {
		return Relay{}, errors.New("a password doesn't belong here, where it is shown; leave it out, it is asked for next")
	}
	r := Relay{TLS: TLSStart, Connections: 8, Weight: 1, Username: u.User.Username()}
	if r.Host, err = parseHost(u.Hostname()); err != nil {
		return Relay{}, fmt.Errorf("%q is no host; write its name or IP address", u.Hostname())
	}
	if r.Port, err = relayPort(u.Port()); err != nil {
		return Relay{}, err
	}
	return r.withTLS(scheme == "smtps"), nil
}

// withoutUserPart keeps an answer that could not be read, and may hold a
// password, out of the reason.
func withoutUserPart(bad error, rest string) error {
	if strings.Contains(rest, "@") {
		return errors.New("this is no relay; write it like smtp.example.com, smtp.example.com:587 or smtps://user@smtp.example.com:465")
	}
	return bad
}

func relayPort(s string) (int, error) {
	if s == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > 65535 {
		return 0, fmt.Errorf("%q is no port; it is a number from 1 to 65535", s)
	}
	return n, nil
}

// withTLS settles how TLS is spoken, and the port where none is written: as
// the config does, RFC 6409 section 3.1 and RFC 8314 section 3.3.
func (r Relay) withTLS(implicit bool) Relay {
	switch {
	case implicit || r.Port == 465:
		r.TLS = TLSFull
	case loopback(r.Host):
		r.TLS = TLSNone
	}
	if r.Port == 0 {
		r.Port = map[TLS]int{TLSStart: 587, TLSFull: 465, TLSNone: 25}[r.TLS]
	}
	return r
}

// answer is the relay as one would answer it.
func (r Relay) answer() string {
	if r.Host == "" {
		return ""
	}
	at := net.JoinHostPort(r.Host, strconv.Itoa(r.Port))
	if r.TLS == TLSFull && r.Port != 465 {
		return "smtps://" + at
	}
	return at
}

// askRelay asks for the relay and its login until one lets us in, or the
// editor wants it written all the same.
func (i *interview) askRelay(ctx context.Context) error {
	for {
		wanted, err := i.relayAnswer(ctx)
		if err != nil {
			return err
		}
		if err := i.settle(ctx); err != nil {
			return err
		}
		if err := i.askLogin(ctx, wanted); err != nil {
			return err
		}
		if i.opt.noTest {
			i.untried = append(i.untried, "the relay "+i.draft.Relay.answer())
			return nil
		}
		change, err := i.tryRelay(ctx)
		if err != nil || !change {
			return err
		}
		// From here on a person answers.
		i.opt.relay, i.opt.username, i.opt.pwFile, i.opt.environmentPasswordTaken = "", "", "", true
	}
}

// relayAnswer takes the relay into the draft and gives the name to log in by,
// if the answer had one.
func (i *interview) relayAnswer(ctx context.Context) (username string, err error) {
	err = i.ask.ask(ctx, question{
		flag: "relay", given: i.opt.relay, number: 4, title: "Relay", standard: i.draft.Relay.answer(),
		says: "The mail server that takes the mails: host, host:port, smtp://user@host:587 or smtps://user@host:465.\nFor example: smtp.example.com",
		take: func(s string) error {
			r, err := parseRelayAnswer(s)
			if err != nil {
				return err
			}
			if r.Username == "" && r.Host == i.draft.Relay.Host {
				username = i.draft.Relay.Username // the one before is offered again
			} else {
				username = r.Username
			}
			r.Username = ""
			i.draft.Relay, i.draft.PasswordFile = r, ""
			return nil
		},
	})
	return username, err
}

// askLogin asks who we are to the relay. One on this machine wants to know
// only if the answer said so.
func (i *interview) askLogin(ctx context.Context, username string) error {
	if i.opt.username != "" {
		username = i.opt.username
	}
	if username == "" && (loopback(i.draft.Relay.Host) || i.ask.silent) {
		if i.opt.pwFile != "" {
			return misuse{errors.New("--password-file needs --username, the name to log in by")}
		}
		return nil
	}
	standard := username
	if standard == "" {
		standard = i.draft.From.Address
	}
	err := i.ask.ask(ctx, question{
		flag: "username", given: username, title: "User name", standard: standard,
		says: "The name to log in by at " + i.draft.Relay.Host + "; - for none.",
		take: func(s string) (err error) {
			if s == noLogin {
				i.draft.Relay.Username = ""
				return nil
			}
			i.draft.Relay.Username, err = writableLine(s)
			return err
		},
	})
	if err != nil || i.draft.Relay.Username == "" {
		return err
	}
	return i.askPassword(ctx)
}

// askPassword takes the password from its file, the environment or a line.
func (i *interview) askPassword(ctx context.Context) error {
	fromEnvironment, _ := i.env(passwordVariable)
	switch {
	case i.opt.pwFile != "":
		text, open, err := readSecret(i.opt.pwFile)
		if err == nil {
			i.draft.Relay.Password, err = cleanSecret(strings.TrimRight(string(text), "\r\n"))
		}
		if err == nil && open {
			err = fmt.Errorf("others can read or change %s; run: chmod 600 %s", i.opt.pwFile, shellWordOf(i.opt.pwFile))
		}
		if err != nil {
			return misuse{fmt.Errorf("--password-file: %w", err)}
		}
		i.draft.PasswordFile, err = i.place.named(i.opt.pwFile)
		return err
	case fromEnvironment != "" && !i.opt.environmentPasswordTaken:
		if err := i.takePassword(fromEnvironment); err != nil {
			return fmt.Errorf("%s: %w", passwordVariable, err)
		}
		return nil
	case i.ask.silent:
		return misuse{fmt.Errorf("--yes asks nothing, and there is no password for %s; give --password-file, or %s in the environment", i.draft.Relay.Username, passwordVariable)}
	}
	return i.typePassword(ctx)
}

func (i *interview) typePassword(ctx context.Context) error {
	i.ask.at = "Password"
	standard := ""
	if i.place.password != "" {
		standard = "the one in " + i.place.passwordName
	}
	i.ask.say("The password of " + i.draft.Relay.Username + "; it is kept in " + i.place.passwordName + ", which only you can read.")
	for {
		answer, err := i.ask.secret(ctx, standard)
		if err != nil {
			return err
		}
		if answer == "" {
			answer = i.place.password
		}
		if err = i.takePassword(answer); err == nil {
			return nil
		}
		i.ask.refuse(err)
	}
}

// takePassword keeps a password for its file. One that lies there already is
// never overwritten.
func (i *interview) takePassword(s string) (err error) {
	if i.draft.Relay.Password, err = cleanSecret(s); err != nil {
		return err
	}
	if i.place.taken && s != i.place.password {
		return fmt.Errorf("%s is there already and holds something else; remove it (rm %s) or keep it by --password-file",
			i.place.passwordName, shellWordOf(i.place.path(i.place.passwordName)))
	}
	i.draft.PasswordFile = i.place.passwordName
	return nil
}

// tryRelay logs in, and says how that went. change: another relay is wanted.
func (i *interview) tryRelay(ctx context.Context) (change bool, err error) {
	for {
		r := i.draft.Relay
		fmt.Fprintf(i.stdout, "     Trying %s ... ", r.spoken())
		o, login := r.dial(ctx)
		if ctx.Err() != nil {
			fmt.Fprintln(i.stdout)
			return false, ctx.Err()
		}
		if o.Verdict == "" {
			fmt.Fprintln(i.stdout, i.style().green(r.welcome()))
			again := false
			if login && r.Username == "" && loopback(r.Host) {
				again, err = i.offerLogin(ctx)
			}
			if err != nil || !again {
				return false, err
			}
			continue
		}
		why := r.withoutPassword(o.Said()) + "; " + r.advice(o)
		fmt.Fprintln(i.stdout, i.style().red("no"))
		if i.ask.silent {
			return false, fmt.Errorf("relay %s: %s; --no-test writes it untried; %s", r.answer(), why, nothingWritten)
		}
		i.ask.say(why + ".")
		key, err := i.ask.choose(ctx, way{"c", "change the relay"}, way{"t", "try again"}, way{"w", "write it anyway"})
		if err != nil {
			return false, err
		}
		if key == "w" {
			i.untried = append(i.untried, "the relay "+r.answer())
			return false, nil
		}
		if key == "c" {
			return true, nil
		}
	}
}

// offerLogin asks for a login where a relay on this machine takes one: some
// take mail from anybody here, some only say so after MAIL. given: there is one
// to be tried now.
func (i *interview) offerLogin(ctx context.Context) (given bool, err error) {
	if i.ask.silent || i.opt.username == noLogin {
		return false, nil
	}
	err = i.ask.ask(ctx, question{
		flag: "username", title: "User name", standard: noLogin,
		says: "It takes a login. The name to log in by; Enter for none.",
		take: func(s string) (err error) {
			if s != noLogin {
				i.draft.Relay.Username, err = writableLine(s)
			}
			return err
		},
	})
	if err != nil || i.draft.Relay.Username == "" {
		return false, err
	}
	return true, i.askPassword(ctx)
}

// spoken is the relay with the way to speak TLS.
func (r Relay) spoken() string {
	return net.JoinHostPort(r.Host, strconv.Itoa(r.Port)) + map[TLS]string{
		TLSStart: " with STARTTLS", TLSFull: " with TLS", TLSNone: " on this machine, in clear",
	}[r.TLS]
}

func (r Relay) welcome() string {
	if r.Username == "" {
		return "it answers."
	}
	return "logged in as " + r.Username + "."
}

// dial opens a connection, logs in and hangs up. The zero outcome is success;
// login says whether the relay takes one.
func (r Relay) dial(ctx context.Context) (o digest.Outcome, login bool) {
	ctx, cancel := context.WithTimeout(ctx, trialTime)
	defer cancel()
	relay := r.submission()
	conn, o := relay.Dial(ctx)
	if conn != nil {
		login = conn.TakesLogin()
		conn.Close()
		return digest.Outcome{}, login
	}
	if ctx.Err() != nil {
		o.Fault = fmt.Sprintf("no answer in %s", trialTime)
	}
	return o, false
}

// withoutPassword masks the password in a server's words: none should repeat
// it, but this is shown.
func (r Relay) withoutPassword(s string) string {
	if r.Password.isZero() {
		return s
	}
	return strings.ReplaceAll(s, r.Password.reveal(), redacted)
}

// advice is what to do about a relay that did not let us in.
func (r Relay) advice(o digest.Outcome) string {
	switch o.Stage {
	case digest.StageConnect:
		return r.connectAdvice(o.Fault)
	case digest.StageBanner:
		if r.TLS == TLSFull {
			return "check host and port"
		}
		return fmt.Sprintf("if this port speaks TLS from the first byte, write smtps://%s", net.JoinHostPort(r.Host, strconv.Itoa(r.Port)))
	case digest.StageStartTLS:
		switch {
		case strings.Contains(o.Fault, "certificate"):
			return "write the host by the name its certificate has"
		case r.TLS == TLSFull:
			return "write it without smtps://, or with port 465"
		case digest.PrivateHost(r.Host):
			return "if nobody can listen inside your network, write it anyway, then set tls: none and allow_cleartext: true"
		}
		return "try smtps://" + net.JoinHostPort(r.Host, "465") + ", TLS from the first byte"
	case digest.StageAuth:
		if o.Reply.Code == 0 && o.Fault != "" {
			return "log in by port 587 or 465, or answer - to log in as nobody"
		}
		return "check user name and password; many providers want one made for programs, not that of the mailbox"
	}
	return "ask who runs it whether this machine may send by it"
}

func (r Relay) connectAdvice(fault string) string {
	switch {
	case strings.Contains(fault, "no such host"):
		return "there is no such name in the DNS: check the spelling of " + r.Host
	case strings.Contains(fault, "lookup "):
		return "the DNS does not answer: is this machine online?"
	case strings.Contains(fault, "refused") && loopback(r.Host):
		return fmt.Sprintf("nothing listens at port %d of this machine: start the mail server, or write its port", r.Port)
	case strings.Contains(fault, "refused"):
		return fmt.Sprintf("nothing listens at port %d: relays take mail at 587, or at 465 as smtps://%s", r.Port, net.JoinHostPort(r.Host, "465"))
	}
	return fmt.Sprintf("port %d may be closed by a firewall, as hosting companies do with 25: try 587 or 465", r.Port)
}
