package smtpsink

import (
	"cmp"
	"context"
	"crypto/subtle"
	"crypto/tls"
	"encoding/base64"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"
)

// conversation is one client at the other end of a wire.
type conversation struct {
	*wire
	sink *Sink

	now     Conversation // what scripts see
	greeted bool
	mail    *path    // the transaction's sender; nil outside of one
	rcpts   []string // its recipients
	body    body
}

func newConversation(s *Sink, conn net.Conn, number int) *conversation {
	return &conversation{
		wire: newWire(conn, s.opt.Idle),
		sink: s,
		now:  Conversation{Number: number},
		body: body{keep: s.opt.Bodies, limit: s.opt.MaxSize},
	}
}

func (c *conversation) run() {
	defer c.raw.Close()
	if c.sink.opt.Security == Implicit && !c.handshake() {
		return
	}
	if !c.answer(AtConnect, Reply{220, "", c.sink.opt.Name + " ESMTP sink"}) {
		c.cut(false)
		return
	}
	for !c.over {
		line, whole := c.readLine()
		switch {
		case c.over:
		case !whole:
			c.say(500, "5.5.2", "A line ends with CRLF and has at most "+strconv.Itoa(maxLine)+" bytes")
		default:
			c.obey(parseCommand(string(line)))
		}
	}
}

func (c *conversation) obey(cmd command) {
	switch cmd.verb {
	case "EHLO", "HELO":
		c.hello(cmd)
	case "STARTTLS":
		c.startTLS()
	case "AUTH":
		c.auth(cmd)
	case "MAIL":
		c.mailFrom(cmd)
	case "RCPT":
		c.rcptTo(cmd)
	case "DATA":
		c.data()
	case "RSET":
		if c.answer(AtReset, Reply{250, "2.0.0", "Ok"}) {
			c.forget()
		}
	case "NOOP":
		c.say(250, "2.0.0", "Ok")
	case "VRFY":
		c.say(252, "2.5.0", "Send some mail, I'll try my best")
	case "QUIT":
		c.answer(AtQuit, Reply{221, "2.0.0", "Bye"})
		c.cut(false)
	default:
		c.say(500, "5.5.1", "Command unrecognized")
	}
}

func (c *conversation) say(code int, enhanced, text string) {
	c.out = Reply{code, enhanced, text}.appendTo(c.out)
}

// ask finds out what the script wants at a stage.
func (c *conversation) ask(at Stage) Action {
	nth := c.sink.stages.reach(at)
	script := c.sink.script.Load()
	if script == nil {
		return Action{}
	}
	shown := c.now
	shown.Nth = nth
	return (*script)(at, &shown)
}

// answer gives the usual reply, or what the script wants instead. It reports
// whether the command takes effect.
func (c *conversation) answer(at Stage, usual Reply) bool {
	return c.perform(c.ask(at), usual)
}

func (c *conversation) perform(a Action, usual Reply) bool {
	switch a.Do {
	case Cut:
		c.cut(a.Reset)
		return false
	case Stall:
		if !c.stall(a) {
			return false
		}
		c.out = usual.appendTo(c.out)
	case Answer:
		usual = a.Reply
		c.out = usual.appendTo(c.out)
	case Drip:
		c.drip(usual.appendTo(nil), pace(a))
	case Garbage:
		c.out = append(c.out, cmp.Or(a.Reply.Text, garbage)...)
	default:
		c.out = usual.appendTo(c.out)
	}
	if a.ThenCut {
		c.cut(a.Reset)
	}
	return usual.Code < 400 && !c.over
}

// garbage is what a broken middlebox might say: controls, high bytes, no code.
const garbage = "\x00\xff\xfe%%%\x1b[2J not a reply \x80\x81\r\n"

// pace is the time a dripping line takes for a byte.
func pace(a Action) time.Duration {
	if a.For == 0 {
		return time.Second
	}
	return a.For
}

// stall stands still, what was held back said first. It reports whether the
// conversation goes on.
func (c *conversation) stall(a Action) bool {
	c.flush()
	if c.over || !c.sink.stages.stall(a.For, c.aborted) {
		c.over = true
		return false
	}
	if a.ThenCut {
		c.cut(a.Reset)
	}
	return !c.over
}

// forget ends a transaction (RFC 5321 4.1.1.5).
func (c *conversation) forget() {
	c.mail, c.rcpts = nil, nil
	c.now.From, c.now.To = "", ""
}

func (c *conversation) hello(cmd command) {
	if cmd.arg == "" {
		c.say(501, "5.5.4", "Name yourself")
		return
	}
	c.now.Hello = cmd.arg
	a := c.ask(AtHello)
	usual := Reply{250, "", c.sink.opt.Name}
	if cmd.verb == "EHLO" {
		usual.Text += c.extensions(a)
	}
	if a.Do == Strip {
		a = Action{ThenCut: a.ThenCut}
	}
	if c.perform(a, usual) {
		c.greeted = true
		c.forget()
	}
}

// extensions are the lines of the EHLO reply after the first.
func (c *conversation) extensions(a Action) string {
	offer := []string{"PIPELINING", "SIZE " + strconv.FormatInt(c.sink.opt.MaxSize, 10)}
	if c.sink.opt.Security == StartTLS && !c.now.TLS {
		offer = append(offer, "STARTTLS")
	}
	if c.offersAuth() {
		offer = append(offer, "AUTH PLAIN LOGIN")
	}
	offer = append(offer, "ENHANCEDSTATUSCODES", "8BITMIME", "SMTPUTF8")
	var b strings.Builder
	for _, line := range offer {
		word, _, _ := strings.Cut(line, " ")
		if slices.Contains(c.sink.opt.Without, word) || a.Do == Strip && slices.Contains(a.Words, word) {
			continue
		}
		b.WriteString("\n" + line)
	}
	return b.String()
}

// offersAuth: no credentials in clear where TLS is to be had (RFC 4954 4).
func (c *conversation) offersAuth() bool {
	return len(c.sink.opt.Accounts) > 0 &&
		(c.now.TLS || c.sink.opt.Security == Plain || c.sink.opt.AuthInClear)
}

func (c *conversation) startTLS() {
	if c.sink.opt.Security != StartTLS || c.now.TLS {
		c.say(503, "5.5.1", "TLS not available")
		return
	}
	if !c.answer(AtStartTLS, Reply{220, "2.0.0", "Ready to start TLS"}) {
		return
	}
	c.flush()
	// What came in clear behind STARTTLS was put there by someone else (RFC 3207 4.2).
	c.r, c.w = 0, 0
	if c.handshake() {
		c.greeted = false
		c.forget()
	}
}

func (c *conversation) handshake() bool {
	switch a := c.ask(AtHandshake); a.Do {
	case Carry:
	case Stall:
		if !c.stall(a) {
			return false
		}
	default:
		a.ThenCut = true // there is no way back to clear text
		c.perform(a, Reply{})
		return false
	}
	conn := tls.Server(c.raw, c.sink.tls)
	ctx, cancel := context.WithTimeout(context.Background(), c.idle)
	defer cancel()
	if err := conn.HandshakeContext(ctx); err != nil {
		c.over = true
		return false
	}
	c.conn, c.now.TLS = conn, true
	return true
}

func (c *conversation) auth(cmd command) {
	if !c.greeted || !c.offersAuth() || c.now.User != "" {
		c.say(503, "5.5.1", "AUTH not available")
		return
	}
	mechanism, initial, _ := strings.Cut(cmd.arg, " ")
	var user, password string
	var ok bool
	switch strings.ToUpper(mechanism) {
	case "PLAIN":
		user, password, ok = c.authPlain(initial)
	case "LOGIN":
		user, password, ok = c.authLogin(initial)
	default:
		c.say(504, "5.5.4", "Mechanism not supported")
		return
	}
	if !ok {
		c.say(501, "5.5.2", "Cannot read that")
		return
	}
	usual := Reply{535, "5.7.8", "Authentication credentials invalid"}
	known, exists := c.sink.opt.Accounts[user]
	if exists && subtle.ConstantTimeCompare([]byte(known), []byte(password)) == 1 {
		usual = Reply{235, "2.7.0", "Authentication successful"}
	}
	c.now.User = user
	if !c.answer(AtAuth, usual) {
		c.now.User = ""
	}
}

// authPlain reads the one message of RFC 4616.
func (c *conversation) authPlain(initial string) (user, password string, ok bool) {
	text, ok := c.secret(initial, "")
	if !ok {
		return "", "", false
	}
	parts := strings.Split(text, "\x00")
	if len(parts) != 3 {
		return "", "", false
	}
	return parts[1], parts[2], true
}

func (c *conversation) authLogin(initial string) (user, password string, ok bool) {
	if user, ok = c.secret(initial, "VXNlcm5hbWU6"); !ok {
		return "", "", false
	}
	password, ok = c.secret("", "UGFzc3dvcmQ6")
	return user, password, ok
}

// secret decodes what came with the command, or asks for it.
func (c *conversation) secret(initial, challenge string) (string, bool) {
	if initial == "" {
		c.say(334, "", challenge)
		line, whole := c.readLine()
		if !whole {
			return "", false
		}
		initial = string(line)
	}
	if initial == "=" { // RFC 4954 4: an empty initial response
		return "", true
	}
	text, err := base64.StdEncoding.DecodeString(initial)
	return string(text), err == nil
}

func (c *conversation) mailFrom(cmd command) {
	p, ok := parsePath(cmd.arg, "FROM:")
	switch {
	case !c.greeted:
		c.say(503, "5.5.1", "EHLO first")
	case len(c.sink.opt.Accounts) > 0 && c.now.User == "":
		c.say(530, "5.7.0", "Authentication required")
	case c.mail != nil:
		c.say(503, "5.5.1", "Nested MAIL command")
	case !ok:
		c.say(501, "5.1.7", "Bad sender address syntax")
	case !p.utf8 && !p.ascii():
		c.say(553, "5.6.7", "SMTPUTF8 required")
	case p.size > c.sink.opt.MaxSize:
		c.say(552, "5.3.4", "Message too big")
	default:
		c.now.From, c.now.To = p.address, ""
		if c.answer(AtMail, Reply{250, "2.1.0", "Ok"}) {
			c.mail, c.rcpts = &p, nil
		}
	}
}

func (c *conversation) rcptTo(cmd command) {
	p, ok := parsePath(cmd.arg, "TO:")
	switch {
	case c.mail == nil:
		c.say(503, "5.5.1", "MAIL first")
	case !ok || p.address == "":
		c.say(501, "5.1.3", "Bad recipient address syntax")
	case !c.mail.utf8 && !p.ascii():
		c.say(553, "5.6.7", "SMTPUTF8 required")
	case len(c.rcpts) >= 100: // RFC 5321 4.5.3.1.8
		c.say(452, "4.5.3", "Too many recipients")
	default:
		c.now.To = p.address
		if c.answer(AtRcpt, Reply{250, "2.1.5", "Ok"}) {
			c.rcpts = append(c.rcpts, p.address)
		}
	}
}

func (c *conversation) data() {
	switch {
	case c.mail == nil:
		c.say(503, "5.5.1", "MAIL first")
	case len(c.rcpts) == 0:
		c.say(554, "5.5.1", "No valid recipients")
	case c.answer(AtData, Reply{354, "", "End data with <CR><LF>.<CR><LF>"}):
		if c.readBody() {
			c.finish()
		}
		c.forget()
	}
}

// readBody reads up to and including the final dot. It reports false when the
// line went over before.
func (c *conversation) readBody() bool {
	c.body.begin()
	fault := c.ask(AtBody)
	defer func() { c.most, c.slow = 0, 0 }()
	for taken := int64(0); ; {
		c.most = 0
		if due := fault.After - taken - int64(c.w-c.r); fault.Do != Carry && due > 0 {
			c.most = int(due)
		} else if fault.Do != Carry {
			c.disturb(fault)
			fault = Action{}
		}
		if c.over {
			return false
		}
		if c.r < c.w {
			n, done := c.body.feed(c.in[c.r:c.w])
			c.r += n
			taken += int64(n)
			if done {
				return true
			}
		}
		if !c.fill() {
			return false
		}
	}
}

// disturb does what a script wants in mid-body, where no reply is due.
func (c *conversation) disturb(a Action) {
	switch a.Do {
	case Drip:
		c.slow = pace(a)
	case Stall:
		c.stall(a)
	case Answer, Cut, Garbage:
		c.perform(a, Reply{})
	}
}

// finish judges a complete message: records it, then answers.
func (c *conversation) finish() {
	usual := Reply{250, "2.0.0", "Ok"}
	if c.body.size > c.sink.opt.MaxSize {
		c.say(552, "5.3.4", "Message too big")
		return
	}
	a := c.ask(AtDot)
	switch {
	case a.Do == Stall:
		if !c.stall(a) {
			return
		}
		a = Action{}
	case a.Do == Answer && a.Reply.Code < 400 && !a.ThenCut:
		usual, a = a.Reply, Action{}
	case a.Do != Carry && a.Do != Drip:
		c.perform(a, usual)
		return
	}
	if err := c.sink.record(c.message()); err != nil {
		c.say(452, "4.3.1", "Cannot record that")
		return
	}
	c.now.Accepted++
	if a.Do == Drip {
		c.perform(a, usual)
		return
	}
	c.answer(AtRecorded, usual)
}

func (c *conversation) message() Message {
	m := Message{
		From: c.mail.address, To: c.rcpts[0], ID: c.body.messageID(), Size: c.body.size, Body: c.body.kept,
		Conversation: c.now.Number, Hello: c.now.Hello, TLS: c.now.TLS, User: c.now.User,
		EightBit: c.mail.eightBit, UTF8: c.mail.utf8,
	}
	if len(c.rcpts) > 1 {
		m.Also = slices.Clone(c.rcpts[1:])
	}
	return m
}
