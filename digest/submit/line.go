package submit

import (
	"errors"
	"net"
	"sync"
	"time"
)

// errTooMuch ends a conversation with a server that talks without end.
var errTooMuch = errors.New("the relay talks without end")

// greetingLimit is how many bytes a relay may say before the first MAIL: some
// kilobytes of certificates and extensions, with room.
const greetingLimit = 256 << 10

// line is the TCP connection below go-mail and below TLS. It can be
// interrupted from outside, which go-mail's calls without a context cannot,
// and it bounds what textproto, which has no limit, would otherwise hold.
type line struct {
	net.Conn
	left    int64 // bytes that may still be read; below 0: any number
	written bool

	mu  sync.Mutex
	cut bool
}

// Read counts, since a reply without end would fill the memory.
func (l *line) Read(p []byte) (int, error) {
	if l.left == 0 {
		return 0, errTooMuch
	}
	if l.left > 0 {
		p = p[:min(int64(len(p)), l.left)]
	}
	n, err := l.Conn.Read(p)
	if l.left > 0 {
		l.left -= int64(n)
	}
	return n, err
}

// Write remembers that it happened: a dial that fails before is the banner's.
func (l *line) Write(p []byte) (int, error) {
	l.written = true
	return l.Conn.Write(p)
}

// interrupt makes every call that waits return at once, now and later.
func (l *line) interrupt() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut = true
	l.Conn.SetDeadline(time.Unix(1, 0))
}

func (l *line) interrupted() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.cut
}

// SetDeadline cannot undo an interruption.
func (l *line) SetDeadline(t time.Time) error {
	return l.unlessCut(func() error { return l.Conn.SetDeadline(t) })
}

// SetReadDeadline cannot undo an interruption.
func (l *line) SetReadDeadline(t time.Time) error {
	return l.unlessCut(func() error { return l.Conn.SetReadDeadline(t) })
}

// SetWriteDeadline cannot undo an interruption.
func (l *line) SetWriteDeadline(t time.Time) error {
	return l.unlessCut(func() error { return l.Conn.SetWriteDeadline(t) })
}

func (l *line) unlessCut(set func() error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cut {
		return nil
	}
	return set()
}
