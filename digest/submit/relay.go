package submit

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"

	"courant/digest"
)

// Security says how the way to a relay is encrypted.
type Security string

// The values of smtp.tls.
const (
	StartTLS  Security = "starttls" // after EHLO, mandatory: the default
	TLS       Security = "tls"      // from the first byte (RFC 8314 3.3)
	Cleartext Security = "none"     // never a password in clear, but to loopback
)

// Relay is an SMTP server that takes our mail, and how we come to it. The zero
// value of all but Host and Port is useful.
type Relay struct {
	Host      string
	Port      int
	Username  string // empty: no AUTH
	Password  string
	Security  Security    // empty: StartTLS
	LocalName string      // how we name ourselves in EHLO; empty: the machine's name
	Timeouts  Timeouts    // zero fields: those of RFC 5321 4.5.3.2
	TLS       *tls.Config // trust of one's own; nil: the system's. The server's name is always checked.
}

// Timeouts bound each wait of a conversation.
type Timeouts struct {
	Connect  time.Duration // DNS and TCP; 0: 30 seconds
	Greeting time.Duration // each of banner, EHLO, STARTTLS, AUTH; 0: 5 minutes
	Command  time.Duration // MAIL, RCPT, RSET; 0: 5 minutes
	Data     time.Duration // the 354; 0: 2 minutes
	Body     time.Duration // until the kernel has taken the body; 0: 3 minutes
	Dot      time.Duration // the reply to the dot; 0: 10 minutes, since giving up early makes doubt
	Quit     time.Duration // the polite end; 0: 5 seconds
}

func (t Timeouts) withDefaults() Timeouts {
	for _, field := range []struct {
		at    *time.Duration
		usual time.Duration
	}{
		{&t.Connect, 30 * time.Second},
		{&t.Greeting, 5 * time.Minute},
		{&t.Command, 5 * time.Minute},
		{&t.Data, 2 * time.Minute},
		{&t.Body, 3 * time.Minute},
		{&t.Dot, 10 * time.Minute},
		{&t.Quit, 5 * time.Second},
	} {
		if *field.at <= 0 {
			*field.at = field.usual
		}
	}
	return t
}

// String is the relay's host and port; credentials are never part of it.
func (r *Relay) String() string { return net.JoinHostPort(r.Host, strconv.Itoa(r.Port)) }

func (r *Relay) security() Security {
	if r.Security == "" {
		return StartTLS
	}
	return r.Security
}

// Dial connects, encrypts and authenticates. Without a Conn the outcome says
// what stood in the way, always deferred: of class configuration when our own
// settings are at fault and another try would end the same. The end of ctx
// interrupts it.
func (r *Relay) Dial(ctx context.Context) (*Conn, digest.Outcome) {
	d := &dialing{relay: r, stage: digest.StageConnect, timeouts: r.Timeouts.withDefaults(), hush: newSecrets(r.Password)}
	defer func() {
		if d.stop != nil {
			d.stop()
		}
	}()
	outcome := d.run(ctx)
	if ctx.Err() != nil {
		outcome = lost(d.stage, errInterrupted)
	}
	if outcome.Verdict != "" {
		if d.line != nil {
			d.line.Close() // go-mail leaves it open when a dial fails halfway
		}
		return nil, outcome
	}
	d.line.left = -1 // from here on readReply bounds what is held
	return newConn(d), digest.Outcome{}
}

// dialing is a connection on its way: as far as stage, which names the fault.
type dialing struct {
	relay    *Relay
	timeouts Timeouts
	stage    digest.Stage
	line     *line
	hush     *secrets
	client   *smtp.Client
	refused  error // what EHLO was answered when go-mail went on with HELO
	secured  *tls.ConnectionState
	stop     func() bool // ends the watch over the context
}

func (d *dialing) run(ctx context.Context) digest.Outcome {
	for _, step := range []func(context.Context) digest.Outcome{d.greet, d.encrypt, d.authenticate} {
		if outcome := step(ctx); outcome.Verdict != "" {
			return outcome
		}
	}
	return digest.Outcome{}
}

// greet goes as far as EHLO.
func (d *dialing) greet(ctx context.Context) digest.Outcome {
	// go-mail's own context ends with its call; the watch is over the caller's.
	dial := func(short context.Context, network, _ string) (net.Conn, error) {
		return d.dial(ctx, short, network)
	}
	options := []mail.Option{
		mail.WithPort(d.relay.Port), mail.WithTimeout(d.timeouts.Greeting), mail.WithDialContextFunc(dial),
		// TLS and AUTH come after, step by step: go-mail would do them in this call
		// too, but tells a missing STARTTLS from a lost line only by its prose.
		mail.WithTLSPolicy(mail.NoTLS),
	}
	if d.relay.LocalName != "" {
		options = append(options, mail.WithHELO(d.relay.LocalName))
	}
	dialer, err := mail.NewClient(d.relay.Host, options...)
	if err != nil {
		return misset(d.stage, fmt.Sprintf("cannot use relay %s: %v: check smtp", d.relay, err))
	}
	dialer.ErrorHandlerRegistry.RegisterHandler(d.relay.Host, "ehlo", d)
	d.client, err = dialer.DialToSMTPClientWithContext(ctx)
	if d.refused != nil && (err != nil || d.needsExtensions()) {
		// go-mail falls back to HELO, which can neither encrypt nor authenticate.
		d.stage, err = digest.StageEhlo, d.refused
	}
	if err == nil {
		return digest.Outcome{}
	}
	if d.line != nil && d.line.written && d.stage == digest.StageBanner {
		d.stage = digest.StageEhlo
	}
	return d.blame(err)
}

func (d *dialing) needsExtensions() bool {
	return d.relay.security() == StartTLS || d.relay.Username != ""
}

// HandleError is go-mail's hook for a reply it didn't want: that to EHLO is
// kept, go-mail itself forgets it once HELO went through.
func (d *dialing) HandleError(_, _ string, _ *textproto.Conn, err error) error {
	d.refused = err
	return err
}

// dial opens the TCP connection, and TLS on it where that comes first.
func (d *dialing) dial(ctx, short context.Context, network string) (net.Conn, error) {
	connect, cancel := context.WithTimeout(short, d.timeouts.Connect)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(connect, network, d.relay.String())
	if err != nil {
		return nil, err
	}
	d.line = &line{Conn: conn, left: greetingLimit}
	d.stop = context.AfterFunc(ctx, d.line.interrupt)
	if d.relay.security() != TLS {
		d.stage = digest.StageBanner
		return d.line, nil
	}
	d.stage = digest.StageStartTLS
	d.line.SetDeadline(time.Now().Add(d.timeouts.Greeting))
	secure := tls.Client(d.line, d.tlsConfig())
	if err := secure.HandshakeContext(short); err != nil {
		return nil, err
	}
	d.stage, d.line.written = digest.StageBanner, false
	return secure, nil
}

func (d *dialing) tlsConfig() *tls.Config {
	config := &tls.Config{}
	if d.relay.TLS != nil {
		config = d.relay.TLS.Clone()
	}
	config.ServerName = d.relay.Host
	config.MinVersion = max(config.MinVersion, tls.VersionTLS12) // RFC 8996
	verify := config.VerifyConnection
	config.VerifyConnection = func(state tls.ConnectionState) error {
		d.secured = &state
		if verify == nil {
			return nil
		}
		return verify(state)
	}
	return config
}

// encrypt takes STARTTLS, and nothing less where it was asked for: who strips
// it from the EHLO reply gets neither mail nor password (RFC 3207 6).
func (d *dialing) encrypt(context.Context) digest.Outcome {
	if d.relay.security() != StartTLS {
		return digest.Outcome{}
	}
	d.stage = digest.StageStartTLS
	if offered, _ := d.client.Extension("STARTTLS"); !offered {
		return misset(d.stage, fmt.Sprintf("relay %s does not offer STARTTLS: check port and tls under smtp, "+
			"or whether something between strips it", d.relay))
	}
	d.line.SetDeadline(time.Now().Add(d.timeouts.Greeting))
	err := d.client.StartTLS(d.tlsConfig())
	if err == nil {
		return digest.Outcome{}
	}
	if state, stateErr := d.client.GetTLSConnectionState(); stateErr == nil && state.HandshakeComplete {
		d.stage = digest.StageEhlo // the second EHLO, inside TLS
	}
	return d.blame(err)
}

// authenticate proves who we are, when we are to.
func (d *dialing) authenticate(context.Context) digest.Outcome {
	if d.relay.Username == "" {
		return digest.Outcome{}
	}
	d.stage = digest.StageAuth
	offered, mechanisms := d.client.Extension("AUTH")
	if !offered {
		return misset(d.stage, fmt.Sprintf("relay %s does not offer AUTH: check port and tls under smtp, "+
			"or leave username out", d.relay))
	}
	way := d.relay.mechanism(strings.Fields(strings.ToUpper(mechanisms)))
	if way == nil {
		return misset(d.stage, fmt.Sprintf("relay %s offers no AUTH that we may use (%s): check tls under smtp",
			d.relay, printable(d.hush.cut(mechanisms), 200)))
	}
	d.line.SetDeadline(time.Now().Add(d.timeouts.Greeting))
	if err := d.client.Auth(overheard{way, d.hush}); err != nil {
		return d.blame(err)
	}
	return digest.Outcome{}
}

// mechanism picks the way to authenticate. Inside TLS the plain ones come
// first, since servers that keep hashed passwords offer others which then
// fail. In clear a password is never said, but to this machine itself.
func (r *Relay) mechanism(offered []string) smtp.Auth {
	local := r.loopback()
	ways := []struct {
		name  string
		plain bool
		auth  smtp.Auth
	}{
		{"PLAIN", true, smtp.PlainAuth("", r.Username, r.Password, r.Host, local)},
		{"LOGIN", true, smtp.LoginAuth(r.Username, r.Password, r.Host, local)},
		{"SCRAM-SHA-256", false, smtp.ScramSHA256Auth(r.Username, r.Password)},
		{"SCRAM-SHA-1", false, smtp.ScramSHA1Auth(r.Username, r.Password)},
		{"CRAM-MD5", false, smtp.CRAMMD5Auth(r.Username, r.Password)},
	}
	for _, way := range ways {
		if way.plain && r.security() == Cleartext && !local {
			continue
		}
		if slices.Contains(offered, way.name) {
			return way.auth
		}
	}
	return nil
}

func (r *Relay) loopback() bool {
	ip := net.ParseIP(r.Host)
	return r.Host == "localhost" || ip != nil && ip.IsLoopback()
}

// blame makes an outcome of an error of go-mail at the present stage.
func (d *dialing) blame(err error) digest.Outcome {
	if reply, ok := replyIn(err, d.hush); ok {
		return judge(d.stage, reply)
	}
	var certificate *tls.CertificateVerificationError
	if errors.As(err, &certificate) {
		return misset(d.stage, fmt.Sprintf("the certificate of relay %s is not to be trusted: %s: check host under smtp",
			d.relay, printable(certificate.Err.Error(), 300)))
	}
	var record tls.RecordHeaderError
	if errors.As(err, &record) && string(record.RecordHeader[:3]) == "220" {
		return misset(d.stage, fmt.Sprintf("relay %s does not begin with TLS: set tls: starttls, or port 465", d.relay))
	}
	return lostWith(d.stage, err, d.hush)
}
