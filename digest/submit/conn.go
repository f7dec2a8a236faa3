package submit

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"syscall"
	"time"

	"github.com/wneessen/go-mail/smtp"

	"courant/digest"
)

// Conn is an open line to a relay, for one goroutine. It goes from message to
// message until it breaks:
//
//	idle --MAIL RCPT DATA--> opened --body, dot--> idle
//	                           ^  \--refused--> idle, a RSET owed
//	idle --body, dot and the next MAIL RCPT DATA--> promised --(next Submit)--> opened
//	any --surprise--> broken
type Conn struct {
	client   *smtp.Client
	line     *line
	hush     *secrets // what no reply may be quoted with
	timeouts Timeouts
	way      [4]step // RSET, MAIL, RCPT, DATA

	pipelining, utf8, eightBit bool
	secured                    *tls.ConnectionState // nil: in clear

	out      []byte           // room for what is written at once
	both     net.Buffers      // room for two such
	promise  digest.Envelope  // room for promised
	promised *digest.Envelope // its MAIL, RCPT and DATA are written, their replies not read
	reset    bool             // the last transaction ended early: RSET comes first
	broken   bool
}

func newConn(d *dialing) *Conn {
	c := &Conn{client: d.client, line: d.line, hush: d.hush, timeouts: d.timeouts, way: d.timeouts.steps(), secured: d.secured}
	c.pipelining, _ = d.client.Extension("PIPELINING")
	c.utf8, _ = d.client.Extension("SMTPUTF8")
	c.eightBit, _ = d.client.Extension("8BITMIME")
	return c
}

// Broken reports whether the line is closed, after a surprise or by Close.
func (c *Conn) Broken() bool { return c.broken }

// Pipelining reports whether the relay takes commands ahead (RFC 2920).
func (c *Conn) Pipelining() bool { return c.pipelining }

// Promised is the envelope that the next Submit must be for: its DATA is on
// the way already, and after a 354 there is no way back but to hang up.
func (c *Conn) Promised() (digest.Envelope, bool) {
	if c.promised == nil || c.broken {
		return digest.Envelope{}, false
	}
	return *c.promised, true
}

// Message is what Submit hands over.
type Message struct {
	Envelope digest.Envelope
	// Text is the whole mail, RFC 5322, with CRLF line ends, not dot-stuffed.
	Text []byte
	// Stuffed says that no line of Text begins with a dot, so that none has to be
	// looked for. Who says so must be sure: such a line alone ends the message.
	Stuffed bool
	// Ahead is the envelope of the next message, whose MAIL, RCPT and DATA then
	// leave together with this message's dot; nil: none yet. Without PIPELINING
	// it's left unused.
	Ahead *digest.Envelope
	// Ready is asked when the relay has taken MAIL, RCPT and DATA, right before
	// the first byte of the body: the last moment at which nothing is sent. False
	// withdraws the message, and hangs up. Nil: ready.
	Ready func() bool
}

// Withdrawn is the fault in the outcome of a message that wasn't Ready.
const Withdrawn = "withdrawn"

// Submit hands over one message and says how that ended. Any surprise breaks
// the connection. The end of ctx interrupts it wherever it is, which after the
// dot leaves the message in doubt: to drain, let messages under way finish.
func (c *Conn) Submit(ctx context.Context, m Message) digest.Outcome {
	switch {
	case c.broken:
		return lost(digest.StageConnect, net.ErrClosed)
	case ctx.Err() != nil:
		return lost(digest.StageConnect, errInterrupted)
	case c.promised != nil && *c.promised != m.Envelope:
		return c.hangUp(lost(digest.StageData, errors.New("the connection was promised to another message")))
	}
	// What was promised was looked at before it was.
	if c.promised == nil {
		if o := c.unfit(m.Envelope); o.Verdict != "" {
			return o
		}
	}
	stop := context.AfterFunc(ctx, c.line.interrupt)
	outcome := c.submit(m)
	if !stop() {
		c.drop()
	}
	return outcome
}

func (c *Conn) submit(m Message) digest.Outcome {
	if o := c.open(m.Envelope); o.Verdict != "" {
		return o
	}
	if m.Ready != nil && !m.Ready() {
		return c.hangUp(lost(digest.StageData, errors.New(Withdrawn)))
	}
	if c.client.Text.R.Buffered() > 0 {
		return c.interjected()
	}
	ahead := m.Ahead
	if !c.pipelining || ahead != nil && c.unfit(*ahead).Verdict != "" {
		ahead = nil
	}
	if o := c.writeBody(m, ahead); o.Verdict != "" {
		return o
	}
	return c.closing()
}

// open goes as far as the 354. The outcome is zero when it came.
func (c *Conn) open(env digest.Envelope) digest.Outcome {
	steps := c.steps()
	switch {
	case c.promised != nil:
		c.promised = nil
	case c.pipelining:
		c.out = c.out[:0]
		for _, s := range steps {
			c.out = c.command(c.out, s.stage, env)
		}
		if _, err := c.write(c.out, c.timeouts.Command); err != nil {
			return c.hangUp(lost(steps[0].stage, err))
		}
	default:
		return c.openSlowly(steps, env)
	}
	return c.readGroup(steps)
}

// interjected judges what a relay says between its 354 and our body. Left in
// the buffer, it would pass for the reply to the dot.
func (c *Conn) interjected() digest.Outcome {
	reply, err := c.read(c.timeouts.Data)
	if err != nil {
		return c.hangUp(lost(digest.StageBody, err))
	}
	return c.hangUp(judge(digest.StageBody, reply))
}

// step is one command of the way to the 354, and the reply it hopes for.
type step struct {
	stage digest.Stage
	hope  int // first digit
	wait  time.Duration
}

func (t Timeouts) steps() [4]step {
	return [4]step{
		{digest.StageReset, 2, t.Command},
		{digest.StageMail, 2, t.Command},
		{digest.StageRcpt, 2, t.Command},
		{digest.StageData, 3, t.Data},
	}
}

func (c *Conn) steps() []step {
	if c.reset {
		return c.way[:]
	}
	return c.way[1:]
}

// command appends the command of a stage. SMTPUTF8 is asked for only when the
// address needs it (RFC 6531 3.4), and 8BITMIME with it, since the headers
// hold the address; our bodies are plain ASCII.
func (c *Conn) command(b []byte, stage digest.Stage, env digest.Envelope) []byte {
	switch stage {
	case digest.StageReset:
		b = append(b, "RSET"...)
	case digest.StageMail:
		b = append(append(append(b, "MAIL FROM:<"...), env.From...), '>')
		if env.SMTPUTF8 && c.eightBit {
			b = append(b, " BODY=8BITMIME"...)
		}
		if env.SMTPUTF8 {
			b = append(b, " SMTPUTF8"...)
		}
	case digest.StageRcpt:
		b = append(append(append(b, "RCPT TO:<"...), env.To...), '>')
	case digest.StageData:
		b = append(b, "DATA"...)
	}
	return append(b, "\r\n"...)
}

// readGroup reads the replies to a pipelined group. The first that isn't
// hoped for decides, but the others are read too, so that the line can be used
// on (RFC 2920 3.1).
func (c *Conn) readGroup(steps []step) digest.Outcome {
	var decided digest.Outcome
	for _, s := range steps {
		if decided.Verdict == "" && c.hoped(s.hope) {
			continue
		}
		reply, err := c.read(s.wait)
		if err != nil {
			if decided.Verdict == "" {
				decided = lost(s.stage, err)
			}
			return c.hangUp(decided)
		}
		if decided.Verdict == "" && reply.Code/100 != s.hope {
			decided = judge(s.stage, reply)
		}
		if c.surprising(s, reply, decided) {
			return c.hangUp(decided)
		}
	}
	c.reset = decided.Verdict != ""
	return decided
}

// hoped takes a reply of one line that is what was hoped for, where it is here
// already; nobody asks for its words. Anything else is left for read.
func (c *Conn) hoped(digit int) bool {
	r := c.client.Text.R
	held, _ := r.Peek(r.Buffered()) // never more than there is
	end := bytes.IndexByte(held, '\n')
	if end < 0 {
		return false
	}
	code, last, _ := splitReplyLine(held[:end])
	if code/100 != digit || !last {
		return false
	}
	r.Discard(end + 1)
	return true
}

// surprising replies end the use of the line: a 421 (RFC 5321 3.8), a reply
// that belongs to no such command, and a 354 to a message already refused,
// after which only hanging up keeps an empty mail from going out.
func (c *Conn) surprising(s step, r digest.Reply, decided digest.Outcome) bool {
	switch {
	case r.Code == 421:
		return true
	case r.Code/100 == s.hope:
		return s.stage == digest.StageData && decided.Verdict != ""
	}
	return r.Code < 400 || s.stage == digest.StageReset
}

// openSlowly is the way without PIPELINING, a round trip a command.
func (c *Conn) openSlowly(steps []step, env digest.Envelope) digest.Outcome {
	for i, s := range steps {
		c.out = c.command(c.out[:0], s.stage, env)
		if _, err := c.write(c.out, c.timeouts.Command); err != nil {
			return c.hangUp(lost(s.stage, err))
		}
		if o := c.readGroup(steps[i : i+1]); o.Verdict != "" {
			return o
		}
	}
	return digest.Outcome{}
}

// writeBody writes the message, its dot and the group that comes next as one.
// The outcome is zero when the kernel has taken all of it.
func (c *Conn) writeBody(m Message, ahead *digest.Envelope) digest.Outcome {
	c.out = c.out[:0]
	apart := false // the text is written from where it is
	switch {
	case !m.Stuffed || !bytes.HasSuffix(m.Text, []byte("\r\n")):
		c.out = appendStuffed(c.out, m.Text)
	case c.secured != nil:
		c.out = append(c.out, m.Text...)
	default:
		apart = true
	}
	dot := len(c.out)
	c.out = append(c.out, ".\r\n"...)
	if ahead != nil {
		for _, s := range c.way[1:] {
			c.out = c.command(c.out, s.stage, *ahead)
		}
	}
	var n int
	var err error
	if apart {
		dot = len(m.Text)
		n, err = c.writeBoth(m.Text, c.out, c.timeouts.Body)
	} else {
		n, err = c.write(c.out, c.timeouts.Body)
	}
	if err != nil {
		return c.hangUp(c.halfWritten(n, dot, err))
	}
	if ahead != nil {
		c.promise = *ahead
		c.promised = &c.promise
	}
	return digest.Outcome{}
}

// appendStuffed doubles the dots that begin a line (RFC 5321 4.5.2) and sees to
// it that the last line ends. It costs one search, from line end to line end: a
// mail has short lines, and a search for all three bytes would take half as much
// time again.
func appendStuffed(b, text []byte) []byte {
	if bytes.HasPrefix(text, []byte(".")) {
		b = append(b, '.')
	}
	done := 0 // copied so far
	for at := 0; ; {
		i := bytes.IndexByte(text[at:], '\n')
		if i < 0 {
			break
		}
		at += i + 1
		if at < len(text) && text[at] == '.' && at > 1 && text[at-2] == '\r' {
			b = append(append(b, text[done:at]...), '.')
			done = at
		}
	}
	b = append(b, text[done:]...)
	if !bytes.HasSuffix(b, []byte("\r\n")) && len(b) > 0 {
		b = append(b, "\r\n"...)
	}
	return b
}

// halfWritten judges a message whose write failed after n bytes. A relay that
// refuses a body and hangs up has often said why. Short of the dot's first
// byte nothing can have been accepted; of anything behind it a part may be on
// its way.
func (c *Conn) halfWritten(n, dot int, err error) digest.Outcome {
	stage := digest.StageBody
	if n > dot {
		stage = digest.StageDot
	}
	if errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) {
		if reply, readErr := c.read(min(time.Second, c.timeouts.Quit)); readErr == nil {
			return lastWords(stage, reply, n >= dot+len(".\r\n"))
		}
	}
	return lost(stage, err)
}

// lastWords judges a reply found on a line that went down under a body. A 2xx
// answers the dot only if the dot was out.
func lastWords(stage digest.Stage, reply digest.Reply, dotOut bool) digest.Outcome {
	if reply.Code/100 == 2 && dotOut {
		return digest.Outcome{Verdict: digest.VerdictAccepted, Stage: digest.StageDot, Reply: quoted(reply)}
	}
	return judge(stage, reply)
}

// closing reads the reply to the dot.
func (c *Conn) closing() digest.Outcome {
	reply, err := c.read(c.timeouts.Dot)
	if err != nil {
		return c.hangUp(lost(digest.StageDot, err))
	}
	if reply.Code/100 == 2 {
		return digest.Outcome{Verdict: digest.VerdictAccepted, Stage: digest.StageDot, Reply: quoted(reply)}
	}
	o := judge(digest.StageDot, reply)
	if reply.Code == 421 || o.Verdict == digest.VerdictInDoubt {
		return c.hangUp(o)
	}
	return o
}

// write hands bytes to the kernel, past textproto's byte-wise dot writer, and
// returns how many it took.
func (c *Conn) write(p []byte, wait time.Duration) (int, error) {
	c.line.SetWriteDeadline(time.Now().Add(wait))
	w := c.client.Text.W
	n, err := w.Write(p)
	if err == nil {
		err = w.Flush()
	}
	if err != nil && c.line.interrupted() {
		err = errInterrupted
	}
	return n - w.Buffered(), err
}

// writeBoth is write for two buffers, by one writev(2) and without a copy. Only
// for a line in clear: TLS makes records of its own.
func (c *Conn) writeBoth(text, rest []byte, wait time.Duration) (int, error) {
	c.line.SetWriteDeadline(time.Now().Add(wait))
	c.both = append(c.both[:0], text, rest)
	left := c.both // what is written is taken off it
	n, err := left.WriteTo(c.line.Conn)
	if err != nil && c.line.interrupted() {
		err = errInterrupted
	}
	return int(n), err
}

// read waits for one reply.
func (c *Conn) read(wait time.Duration) (digest.Reply, error) {
	r := c.client.Text.R
	// Of a pipelined group's replies most are here already; a deadline costs more
	// than reading them.
	if !holdsLine(r) {
		c.line.SetReadDeadline(time.Now().Add(wait))
	}
	reply, err := readReply(r, c.hush)
	switch {
	case err == nil:
	case c.line.interrupted():
		err = errInterrupted
	case errors.Is(err, bufio.ErrBufferFull):
		err = errTooMuch
	}
	return reply, err
}

func holdsLine(r *bufio.Reader) bool {
	held, err := r.Peek(r.Buffered())
	return err == nil && bytes.IndexByte(held, '\n') >= 0
}

func (c *Conn) hangUp(o digest.Outcome) digest.Outcome {
	c.drop()
	return o
}

// drop closes TCP without a word: a TLS close_notify in mid-body could pass for
// an honest end of the message.
func (c *Conn) drop() {
	c.broken = true
	c.line.Close()
}

// Close says QUIT, waits a moment for the answer and closes. What it meets
// there changes nothing any more: what was accepted stays accepted.
func (c *Conn) Close() {
	if c.broken {
		return
	}
	if c.promised == nil {
		c.line.SetDeadline(time.Now().Add(c.timeouts.Quit))
		if _, err := io.WriteString(c.client.Text.W, "QUIT\r\n"); err == nil && c.client.Text.W.Flush() == nil {
			readReply(c.client.Text.R, c.hush)
		}
	}
	c.drop()
}
