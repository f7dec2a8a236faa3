package digest

import (
	"fmt"
	"time"
)

// String is the form of the config, 50/s.
func (b Budget) String() string {
	unit, ok := map[time.Duration]string{time.Second: "s", time.Minute: "min", time.Hour: "hour", 24 * time.Hour: "day"}[b.Per]
	if !ok {
		unit = b.Per.String()
	}
	return fmt.Sprintf("%d/%s", b.Messages, unit)
}

// Submission is a relay with its limits, and how they stand.
type Submission struct {
	Relay   string // host:port, as the log and the figures name it
	Account string // whose limits they are, in the ledger
	Limits  []Spending
}

// Spending is a limit and what was spent of it lately, the oldest first.
type Spending struct {
	Budget
	Spent []Spent
}

// Spent is a part of a limit, and how long until it is free again.
type Spent struct {
	Messages int
	Back     time.Duration
}

// Total is how much is spent now.
func (s Spending) Total() int { return s.held(0) }

// held is how much of what is spent is not free again after so long.
func (s Spending) held(after time.Duration) (n int) {
	for _, p := range s.Spent {
		if p.Back > after {
			n += p.Messages
		}
	}
	return n
}

// Next is how long until a message may go; zero: now. Where a limit was lowered
// below what is spent, more than the oldest part must come back first.
func (s Spending) Next() time.Duration {
	if s.held(0) < s.Messages {
		return 0
	}
	for _, p := range s.Spent {
		if s.held(p.Back) < s.Messages {
			return p.Back
		}
	}
	return 0
}

// Room is how many messages may go within so long from now: what is sent is
// free again after the limit's time, so that the first stretch is repeated.
func (s Spending) Room(within time.Duration) int {
	full, rest := int(within/s.Per), within%s.Per
	return full*s.Messages + max(s.Messages-s.held(rest), 0)
}

// Next is how long until a relay's limits let a message go, and the limit that
// takes longest; zero: one may go now.
func (s Submission) Next() (wait time.Duration, by Spending) {
	for _, l := range s.Limits {
		if next := l.Next(); next > wait {
			wait, by = next, l
		}
	}
	return wait, by
}

// farthest is the longest that is looked ahead: nobody waits for more.
const farthest = 10 * 365 * 24 * time.Hour

// HeldUp is how long it takes at least, by the relays' limits alone, until so
// many messages are gone. Zero where one relay has no limit.
func HeldUp(relays []Submission, messages int) time.Duration {
	if len(relays) == 0 || messages <= 0 {
		return 0
	}
	room := func(within time.Duration) (n int) {
		for _, r := range relays {
			if len(r.Limits) == 0 {
				return messages
			}
			least := messages // more is not asked for
			for _, l := range r.Limits {
				least = min(least, l.Room(within))
			}
			n += least
		}
		return n
	}
	if room(0) >= messages {
		return 0
	}
	low, high := time.Duration(0), farthest
	for high-low > time.Second {
		if middle := low + (high-low)/2; room(middle) >= messages {
			high = middle
		} else {
			low = middle
		}
	}
	return high
}
