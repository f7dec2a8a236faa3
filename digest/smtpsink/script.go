package smtpsink

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Stage is a place in a conversation where a Script is asked what to do.
type Stage string

// The stages, in the order a conversation meets them.
const (
	AtConnect   Stage = "connect"   // before the banner
	AtHello     Stage = "hello"     // EHLO or HELO
	AtStartTLS  Stage = "starttls"  // the command
	AtHandshake Stage = "handshake" // before the TLS handshake, STARTTLS or implicit
	AtAuth      Stage = "auth"      // before the credentials are judged
	AtMail      Stage = "mail"
	AtRcpt      Stage = "rcpt"
	AtData      Stage = "data"     // the command
	AtBody      Stage = "body"     // after Action.After bytes of the body
	AtDot       Stage = "dot"      // the body is complete, nothing recorded yet
	AtRecorded  Stage = "recorded" // recorded, the 250 not yet written
	AtReset     Stage = "reset"
	AtQuit      Stage = "quit"
)

// stages gives each stage its place in a tally.
var stages = [...]Stage{AtConnect, AtHello, AtStartTLS, AtHandshake, AtAuth, AtMail, AtRcpt, AtData, AtBody,
	AtDot, AtRecorded, AtReset, AtQuit}

// Script decides what happens at a stage. It is called from many conversations
// at once; the zero Action means nothing out of the ordinary.
type Script func(Stage, *Conversation) Action

// Conversation is what a Script may know: one connection and the transaction
// under way on it. It's a copy, good for the length of the call.
type Conversation struct {
	Number   int    // 1 for the sink's first connection
	Nth      int    // how often the sink as a whole has reached this stage, from 1
	TLS      bool   // the line is encrypted
	User     string // who authenticated, or tries to; empty: nobody
	Hello    string // how the client named itself
	From     string // envelope sender of the transaction
	To       string // its last recipient, also the one RCPT names now
	Accepted int    // messages recorded on this connection
}

// Verb is the kind of thing an Action does.
type Verb string

// The verbs. All but Carry and Strip stand in the place of the usual reply.
const (
	Carry   Verb = ""        // as usual
	Answer  Verb = "answer"  // with Reply; a code under 400 has the effect of the usual one
	Cut     Verb = "cut"     // close the line without a word
	Stall   Verb = "stall"   // say nothing for For, or until Release when it's 0; then as usual
	Drip    Verb = "drip"    // as usual, but a byte every For (0: a second); a body is read at that pace
	Garbage Verb = "garbage" // bytes that are no reply, or Reply.Text as it stands; then as usual without the reply
	Strip   Verb = "strip"   // EHLO without the extensions in Words
)

// Action is what happens at a stage. The zero value carries on as usual.
type Action struct {
	Do      Verb
	Reply   Reply
	For     time.Duration // of Stall and Drip
	After   int64         // at body: after so many bytes of it
	Words   []string      // of Strip
	ThenCut bool          // close the line after Answer, Stall, Drip or Garbage
	Reset   bool          // close by RST instead of FIN
}

// Rule is an Action with the conditions under which it is taken.
type Rule struct {
	At    Stage
	To    string // only for this recipient, or for a domain when it begins with '@'; empty: all
	Skip  int    // not the first so many that match
	First int    // only so many after that; 0: no end
	Every int    // of those only every nth, the nth first; 0: each
	Do    Action
}

// Rules makes a Script that takes the first rule that applies. Each rule
// counts for itself how often it matched, over all conversations.
func Rules(rules ...Rule) Script {
	counts := make([]atomic.Int64, len(rules))
	return func(at Stage, c *Conversation) Action {
		for i, rule := range rules {
			if rule.matches(at, c) && rule.due(int(counts[i].Add(1))) {
				return rule.Do
			}
		}
		return Action{}
	}
}

func (r Rule) matches(at Stage, c *Conversation) bool {
	if r.At != at {
		return false
	}
	if strings.HasPrefix(r.To, "@") {
		return len(c.To) >= len(r.To) && strings.EqualFold(c.To[len(c.To)-len(r.To):], r.To)
	}
	return r.To == "" || strings.EqualFold(r.To, c.To)
}

// due says whether the nth match is one the rule acts on.
func (r Rule) due(n int) bool {
	n -= r.Skip
	if n < 1 || r.First > 0 && n > r.First {
		return false
	}
	return r.Every < 2 || n%r.Every == 0
}

// tally counts how often each stage was reached and how many conversations
// stall, and wakes those who wait for a number.
type tally struct {
	reached [len(stages)]atomic.Int64
	stalled atomic.Int64
	waiting atomic.Int64

	mu      sync.Mutex
	changed chan struct{}
	release chan struct{}
}

func (t *tally) reach(at Stage) int {
	for i, stage := range stages {
		if stage == at {
			n := t.reached[i].Add(1)
			t.wake()
			return int(n)
		}
	}
	return 0
}

func (t *tally) count(at Stage) int {
	for i, stage := range stages {
		if stage == at {
			return int(t.reached[i].Load())
		}
	}
	return 0
}

// wake costs one atomic load while nobody waits, so that the fast path stays fast.
func (t *tally) wake() {
	if t.waiting.Load() == 0 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.changed != nil {
		close(t.changed)
		t.changed = nil
	}
}

func (t *tally) wait(ctx context.Context, reached func() bool) error {
	t.waiting.Add(1)
	defer t.waiting.Add(-1)
	for {
		t.mu.Lock()
		if t.changed == nil {
			t.changed = make(chan struct{})
		}
		changed := t.changed
		t.mu.Unlock()
		if reached() {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// Reached is how often the sink has come to a stage.
func (s *Sink) Reached(at Stage) int { return s.stages.count(at) }

// WaitReached waits until the sink has come to a stage n times since the start.
func (s *Sink) WaitReached(ctx context.Context, at Stage, n int) error {
	return s.stages.wait(ctx, func() bool { return s.stages.count(at) >= n })
}

// WaitStalled waits until n conversations stand still in a Stall.
func (s *Sink) WaitStalled(ctx context.Context, n int) error {
	return s.stages.wait(ctx, func() bool { return int(s.stages.stalled.Load()) >= n })
}

// Release lets every conversation go on that stalls now; later stalls wait for
// the next Release.
func (s *Sink) Release() {
	s.stages.mu.Lock()
	defer s.stages.mu.Unlock()
	close(s.stages.release)
	s.stages.release = make(chan struct{})
}

// stall waits for d, or when d is 0 for Release. It reports false when the
// conversation was aborted meanwhile.
func (t *tally) stall(d time.Duration, aborted <-chan struct{}) bool {
	t.mu.Lock()
	release := t.release
	t.mu.Unlock()
	t.stalled.Add(1)
	t.wake()
	defer t.stalled.Add(-1)
	var over <-chan time.Time
	if d > 0 {
		timer := time.NewTimer(d)
		defer timer.Stop()
		over = timer.C
	}
	select {
	case <-over:
	case <-release:
	case <-aborted:
		return false
	}
	return true
}
