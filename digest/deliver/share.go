package deliver

import (
	"math"
	"sync"
	"time"
)

// shares keeps the relays to their weights: a relay claims only while it is
// not ahead of the others, by what each claimed for its weight.
//
// Only those count that can take mail now: a relay that is down, rests, waits
// for a limit or has not asked for work for a while gets nothing and is waited
// for by nobody. When it comes back it begins where the others are: what it
// missed is not made up for.
type shares struct {
	now func() time.Time

	mu     sync.Mutex
	relays []*relayState
}

const (
	// shareLead is how far a relay may be ahead, in seconds of its own sending.
	// Less would cost claims; a run of a second is then true to a twentieth.
	shareLead  = 0.05
	shareLeast = 4 // messages; a slow relay's lead
	// shareSilence is after how long a relay that asks for nothing is not waited
	// for: all its lines hang.
	shareSilence = 2 * time.Second
	// shareWait is how often a relay that is ahead looks again.
	shareWait = 5 * time.Millisecond
)

// share is a relay's part in the sharing.
type share struct {
	taken   float64 // messages claimed and not given back, for a weight of 1
	asked   time.Time
	counted bool
	rate    float64 // messages a second of all its lanes
}

// Room is how many messages a relay may claim now; zero: others come first.
// With one relay there is nothing to share.
func (s *shares) Room(r *relayState, rate float64) int {
	if len(s.relays) < 2 {
		return math.MaxInt32
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	r.share.asked = now
	r.share.rate = rate * float64(max(r.Connections, 1))
	least := s.count(now)
	lead := max(r.share.rate*shareLead, shareLeast)
	room := (least-r.share.taken)*r.weight() + lead
	return int(max(room, 0))
}

// count brings up to date who takes part, and returns the least that one of
// them took.
func (s *shares) count(now time.Time) float64 {
	least := math.Inf(1)
	for _, r := range s.relays {
		if r.share.counted = r.share.counted && s.present(r, now); r.share.counted {
			least = min(least, r.share.taken)
		}
	}
	for _, r := range s.relays {
		if r.share.counted || !s.present(r, now) {
			continue
		}
		r.share.counted = true
		if !math.IsInf(least, 1) {
			r.share.taken = max(r.share.taken, least)
		}
		least = min(least, r.share.taken)
	}
	return least
}

func (s *shares) present(r *relayState, now time.Time) bool {
	return now.Sub(r.share.asked) < shareSilence && r.Up() && r.Resting() == 0 && r.pacer.ahead() == 0
}

// Take notes what a relay claimed; less than nothing is given back.
func (s *shares) Take(r *relayState, n int) {
	if len(s.relays) < 2 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r.share.taken += float64(n) / r.weight()
}

// Others says whether another relay than r can take mail now.
func (s *shares) Others(r *relayState) bool {
	for _, other := range s.relays {
		if other != r && other.Up() && other.Resting() == 0 {
			return true
		}
	}
	return false
}

// Silent says whether a relay ended no attempt since then, and another one did:
// then it is the relay that hangs, and no mail domain.
func (s *shares) Silent(r *relayState, since time.Time) bool {
	at := since.UnixNano()
	if r.answered.Load() > at {
		return false
	}
	for _, other := range s.relays {
		if other != r && other.answered.Load() > at {
			return true
		}
	}
	return false
}

func (r *relayState) weight() float64 { return float64(max(r.Weight, 1)) }
