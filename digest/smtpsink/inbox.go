package smtpsink

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"
)

// Message is one accepted message.
type Message struct {
	Seq  int       // 1 for the first the sink accepted; goes on after Clear
	At   time.Time // when it was recorded, before the 250
	From string    // envelope sender; empty: the null sender
	To   string    // recipient, the first when there are several
	Also []string  // further recipients of the same transaction
	ID   string    // the Message-ID header with its angle brackets; empty: none
	Size int64     // bytes, dot-stuffing undone
	Body []byte    // header and body; nil unless Options.Bodies

	Conversation int    // the connection it came by, from 1
	Hello        string // how the client named itself
	TLS          bool   // the line was encrypted
	User         string // who authenticated; empty: nobody
	EightBit     bool   // BODY=8BITMIME was asked for (RFC 6152)
	UTF8         bool   // SMTPUTF8 was asked for (RFC 6531)
}

// inbox holds what was accepted, in order.
type inbox struct {
	tallyOnly bool

	mu       sync.Mutex
	seq      int // messages ever
	count    int // messages since the last Clear
	messages []Message
	line     []byte        // room for a line of the log
	changed  chan struct{} // closed at the next change; nil while nobody waits
}

// record makes a message part of the truth: numbered, in the log, in memory.
// An error means it isn't, and must not be answered with a 250.
func (s *Sink) record(m Message) error {
	b := &s.inbox
	b.mu.Lock()
	defer b.mu.Unlock()
	b.seq++
	m.Seq, m.At = b.seq, s.opt.Now()
	if s.opt.Keep != nil {
		if err := s.opt.Keep(m); err != nil {
			return fmt.Errorf("keep a message of smtp sink: %w", err)
		}
	}
	if s.log != nil {
		b.line = appendLine(b.line[:0], &m)
		if _, err := s.log.Write(b.line); err != nil {
			return fmt.Errorf("append to log of smtp sink: %w", err)
		}
	}
	b.count++
	if !b.tallyOnly {
		b.messages = append(b.messages, m)
	}
	if b.changed != nil {
		close(b.changed)
		b.changed = nil
	}
	return nil
}

// Count is the number of messages accepted since the last Clear.
func (s *Sink) Count() int {
	s.inbox.mu.Lock()
	defer s.inbox.mu.Unlock()
	return s.inbox.count
}

// Messages is what was accepted since the last Clear, in order. The slice is
// shared: read it only.
func (s *Sink) Messages() []Message {
	s.inbox.mu.Lock()
	defer s.inbox.mu.Unlock()
	return s.inbox.snapshot()
}

// snapshot costs nothing: messages are only ever appended, and the capacity is
// clipped so that nobody else's append can reach them.
func (b *inbox) snapshot() []Message {
	return b.messages[:len(b.messages):len(b.messages)]
}

// To lists the messages to one recipient, in order. Addresses are compared
// without regard to case.
func (s *Sink) To(address string) []Message {
	var found []Message
	for _, m := range s.Messages() {
		if m.isFor(address) {
			found = append(found, m)
		}
	}
	return found
}

func (m *Message) isFor(address string) bool {
	if strings.EqualFold(m.To, address) {
		return true
	}
	for _, also := range m.Also {
		if strings.EqualFold(also, address) {
			return true
		}
	}
	return false
}

// Clear forgets the messages held in memory. The log keeps them.
func (s *Sink) Clear() {
	s.inbox.mu.Lock()
	defer s.inbox.mu.Unlock()
	s.inbox.messages, s.inbox.count = nil, 0
}

// Wait waits until at least n messages were accepted since the last Clear.
func (s *Sink) Wait(ctx context.Context, n int) error {
	return s.inbox.wait(ctx, func([]Message) bool { return s.inbox.count >= n })
}

// WaitFor waits until the messages fulfil a condition. It is asked after every
// message, under the inbox's lock: it must not call the sink.
func (s *Sink) WaitFor(ctx context.Context, fulfilled func([]Message) bool) error {
	return s.inbox.wait(ctx, fulfilled)
}

func (b *inbox) wait(ctx context.Context, fulfilled func([]Message) bool) error {
	for {
		changed, ok := b.check(fulfilled)
		if ok {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("wait for messages at smtp sink: %w", context.Cause(ctx))
		}
	}
}

func (b *inbox) check(fulfilled func([]Message) bool) (<-chan struct{}, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if fulfilled(b.snapshot()) {
		return nil, true
	}
	if b.changed == nil {
		b.changed = make(chan struct{})
	}
	return b.changed, false
}
