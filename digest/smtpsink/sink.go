package smtpsink

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// Security says how a sink speaks TLS.
type Security string

// The three ways a submission server listens (RFC 8314 3).
const (
	Plain    Security = ""         // no TLS at all
	StartTLS Security = "starttls" // offered after EHLO, as on port 587
	Implicit Security = "tls"      // from the first byte, as on port 465
)

// Options describe a sink. The zero value is a plain server on a free port of
// loopback that offers every extension and accepts every message.
type Options struct {
	Addr     string            // host:port to listen on; empty: 127.0.0.1:0
	Name     string            // how the server names itself; empty: sink.test
	Security Security          // how it speaks TLS
	Names    []string          // names and addresses in the certificate; empty: localhost and its addresses
	Accounts map[string]string // user name to password; when there is one, MAIL needs AUTH

	AuthInClear bool     // offer AUTH before TLS too
	Without     []string // extensions not to offer: "PIPELINING", "STARTTLS", "SMTPUTF8" ...
	MaxSize     int64    // largest message in bytes, advertised as SIZE; 0: 25 MiB

	Script Script // faults; nil: none
	Bodies bool   // keep the bodies in memory
	Tally  bool   // keep no messages in memory, only their number
	Log    string // file that each accepted message is appended to; empty: none
	// Keep is given each message before it is answered with a 250; an error
	// answers 452 instead. One call at a time, and it must not call the sink.
	// Nil: none.
	Keep func(Message) error
	Idle time.Duration // a silent client is dropped after this; 0: 5 minutes (RFC 5321 4.5.3.2.7)

	Now func() time.Time // clock of the records; nil: time.Now
}

// Sink is a listening server and what it has accepted.
type Sink struct {
	opt      Options
	listener net.Listener
	tls      *tls.Config
	pool     *x509.CertPool
	log      *os.File

	script atomic.Pointer[Script]
	inbox  inbox
	stages tally

	mu     sync.Mutex
	open   map[*conversation]struct{}
	opened int
	closed bool
	wg     sync.WaitGroup
}

// Listen opens the listener and, when asked, the log. Nothing is answered
// before Serve.
func Listen(opt Options) (*Sink, error) {
	opt = opt.withDefaults()
	s := &Sink{opt: opt, open: map[*conversation]struct{}{}}
	s.inbox.tallyOnly = opt.Tally
	s.stages.release = make(chan struct{})
	s.SetScript(opt.Script)
	var err error
	if opt.Security != Plain {
		if s.tls, s.pool, err = selfSigned(opt.Names); err != nil {
			return nil, fmt.Errorf("make certificate of smtp sink: %w", err)
		}
	}
	if opt.Log != "" {
		// O_APPEND and one write(2) a line: a killed sink loses none of what it answered.
		if s.log, err = os.OpenFile(opt.Log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600); err != nil {
			return nil, fmt.Errorf("open log of smtp sink: %w", err)
		}
	}
	if s.listener, err = net.Listen("tcp", opt.Addr); err != nil {
		if s.log != nil {
			err = errors.Join(err, s.log.Close())
		}
		return nil, fmt.Errorf("listen as smtp sink: %w", err)
	}
	return s, nil
}

func (o Options) withDefaults() Options {
	if o.Addr == "" {
		o.Addr = "127.0.0.1:0"
	}
	if o.Name == "" {
		o.Name = "sink.test"
	}
	if len(o.Names) == 0 {
		o.Names = []string{"localhost", "127.0.0.1", "::1"}
	}
	if o.MaxSize == 0 {
		o.MaxSize = 25 << 20
	}
	if o.Idle == 0 {
		o.Idle = 5 * time.Minute
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// Serve answers until ctx ends or Close is called, then cuts what is open and
// waits for it. It returns nil when it was asked to stop.
func (s *Sink) Serve(ctx context.Context) error {
	stop := context.AfterFunc(ctx, s.shut)
	defer stop()
	defer s.wg.Wait()
	for {
		conn, err := s.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			s.shut()
			return fmt.Errorf("accept at smtp sink: %w", err)
		}
		s.begin(conn)
	}
}

func (s *Sink) begin(conn net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		conn.Close()
		return
	}
	s.opened++
	c := newConversation(s, conn, s.opened)
	s.open[c] = struct{}{}
	s.wg.Add(1)
	go func() {
		defer s.wg.Done()
		c.run()
		s.mu.Lock()
		delete(s.open, c)
		s.mu.Unlock()
		s.stages.wake()
	}()
}

// shut closes the listener and cuts every conversation.
func (s *Sink) shut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	s.closed = true
	s.listener.Close()
	for c := range s.open {
		c.abort()
	}
}

// Close stops the sink, waits for its conversations and closes its log. The
// messages stay readable.
func (s *Sink) Close() error {
	s.shut()
	s.wg.Wait()
	s.inbox.mu.Lock()
	defer s.inbox.mu.Unlock()
	if s.log == nil {
		return nil
	}
	err := s.log.Close()
	s.log = nil
	if err != nil {
		return fmt.Errorf("close log of smtp sink: %w", err)
	}
	return nil
}

// Addr is the host:port the sink listens on.
func (s *Sink) Addr() string { return s.listener.Addr().String() }

// Host is the address the sink listens on.
func (s *Sink) Host() string { return s.listener.Addr().(*net.TCPAddr).IP.String() }

// Port is the port the sink listens on.
func (s *Sink) Port() int { return s.listener.Addr().(*net.TCPAddr).Port }

// Pool trusts the sink's certificate; nil for a plain sink.
func (s *Sink) Pool() *x509.CertPool { return s.pool }

// Connections is the number of connections opened since the start.
func (s *Sink) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.opened
}

// Open is the number of conversations under way.
func (s *Sink) Open() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.open)
}

// WaitOpen waits until at most n conversations are under way.
func (s *Sink) WaitOpen(ctx context.Context, n int) error {
	return s.stages.wait(ctx, func() bool { return s.Open() <= n })
}

// Hangup cuts every open conversation, as a relay does that restarts.
func (s *Sink) Hangup() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.open {
		c.abort()
	}
}

// SetScript replaces the faults, for conversations already open too. Nil
// means none.
func (s *Sink) SetScript(script Script) {
	if script == nil {
		s.script.Store(nil)
		return
	}
	s.script.Store(&script)
}

// TB is what Start needs of a *testing.T, *testing.B or *testing.F.
type TB interface {
	Helper()
	Fatalf(format string, args ...any)
	Errorf(format string, args ...any)
	Cleanup(func())
}

// Start serves a sink until the end of the test.
func Start(tb TB, opt Options) *Sink {
	tb.Helper()
	s, err := Listen(opt)
	if err != nil {
		tb.Fatalf("start smtp sink: %v", err)
	}
	done := make(chan error, 1)
	go func() { done <- s.Serve(context.Background()) }()
	tb.Cleanup(func() {
		if err := errors.Join(s.Close(), <-done); err != nil {
			tb.Errorf("stop smtp sink: %v", err)
		}
	})
	return s
}
