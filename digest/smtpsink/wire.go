package smtpsink

import (
	"bytes"
	"net"
	"sync"
	"time"
)

// maxLine is the longest command line taken: RFC 4954 4 asks for 12288, more
// than anything else in SMTP.
const maxLine = 12288

// wire is one connection with room for what was read and what is to be
// written. Replies are held back while there is input to answer, which is what
// makes pipelining pay (RFC 2920 3.2).
type wire struct {
	raw  net.Conn // what abort closes
	conn net.Conn // raw, or TLS over it
	idle time.Duration

	in   []byte
	r, w int
	out  []byte
	most int           // when > 0, the next read takes at most so many bytes
	slow time.Duration // when > 0, read a byte at a time and wait this long before each

	over    bool // nothing more is read or written
	once    sync.Once
	aborted chan struct{}
}

func newWire(conn net.Conn, idle time.Duration) *wire {
	return &wire{raw: conn, conn: conn, idle: idle, in: make([]byte, 64<<10), aborted: make(chan struct{})}
}

// abort cuts the line from outside. It is the only method another goroutine may call.
func (w *wire) abort() {
	w.once.Do(func() {
		close(w.aborted)
		w.raw.Close()
	})
}

// flush writes the replies held back.
func (w *wire) flush() {
	if len(w.out) == 0 || w.over {
		return
	}
	w.conn.SetWriteDeadline(time.Now().Add(w.idle))
	if _, err := w.conn.Write(w.out); err != nil {
		w.over = true
	}
	w.out = w.out[:0]
}

// fill reads more. It reports false when the line is over.
func (w *wire) fill() bool {
	w.flush()
	if w.over {
		return false
	}
	if w.r == w.w {
		w.r, w.w = 0, 0
	} else if w.w == len(w.in) {
		w.w = copy(w.in, w.in[w.r:w.w])
		w.r = 0
	}
	room := w.in[w.w:]
	if w.most > 0 {
		room = room[:min(w.most, len(room))]
	}
	if w.slow > 0 {
		if !w.pause(w.slow) {
			return false
		}
		room = room[:1]
	}
	w.conn.SetReadDeadline(time.Now().Add(w.idle))
	n, err := w.conn.Read(room)
	w.w += n
	if n == 0 && err != nil {
		w.over = true
	}
	return n > 0
}

// pause waits, unless the line is aborted.
func (w *wire) pause(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-w.aborted:
		w.over = true
	}
	return !w.over
}

// readLine returns the next line without its end, good until the next read.
// whole is false for a line without CRLF or longer than maxLine. The error of
// a dead line is w.over.
func (w *wire) readLine() (line []byte, whole bool) {
	tooLong := false
	for {
		if i := bytes.IndexByte(w.in[w.r:w.w], '\n'); i >= 0 {
			line = w.in[w.r : w.r+i]
			w.r += i + 1
			line, crlf := bytes.CutSuffix(line, []byte{'\r'})
			return line, crlf && !tooLong && bytes.IndexByte(line, '\r') < 0
		}
		if w.w-w.r > maxLine {
			tooLong = true
			w.r = w.w
		}
		if !w.fill() {
			w.over = true
			return nil, false
		}
	}
}

// cut closes the line, what was held back written first.
func (w *wire) cut(byReset bool) {
	w.flush()
	w.over = true
	if tcp, ok := w.raw.(*net.TCPConn); ok && byReset {
		tcp.SetLinger(0)
		w.raw.Close()
		return
	}
	// A TLS close_notify would be the polite end; a cut has none (RFC 8446 6.1).
	w.raw.Close()
}

// drip writes b a byte at a time.
func (w *wire) drip(b []byte, every time.Duration) {
	w.flush()
	for i := range b {
		if w.over || !w.pause(every) {
			return
		}
		w.out = append(w.out, b[i])
		w.flush()
	}
}
