package rehearse

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Plan says what is rehearsed. The zero value of what may go wrong is that
// nothing does.
type Plan struct {
	Readers     int
	Workers     int // delivering processes
	Connections int // of each worker
	Seed        uint64

	Kills         int // kill -9 of a worker
	Terms         int // SIGTERM to a worker, which is started anew
	Stops         int // SIGSTOP of a worker until its lease is over and another took over
	PostgresKills int // kill -9 of the database
	Faults        Faults
	Leave         Share // of the readers, in mid-edition
	ThrowJournals bool  // each killed worker's journal is lost with it
	Hold          bool  // in_doubt: hold

	Signed bool          // DKIM with RSA of 2048 bits
	Hurry  bool          // retries are brought forward instead of waited for
	Limit  time.Duration // how long the edition may take
}

// RunAhead is the most messages that one intent covers for a lane: the bound
// of what is in doubt for each where a journal is lost.
const RunAhead = 64

// Share is a part of the whole, 0 to 1. As text it is a percentage.
type Share float64

// String writes a percentage.
func (s Share) String() string {
	return strconv.FormatFloat(math.Round(float64(s)*1e8)/1e6, 'f', -1, 64) + "%"
}

// Set reads 1%, 0.5% or 0.005.
func (s *Share) Set(text string) error {
	number, percent := strings.CutSuffix(strings.TrimSpace(text), "%")
	v, err := strconv.ParseFloat(number, 64)
	if percent {
		v /= 100
	}
	if err != nil || !(v >= 0 && v <= 1) {
		return fmt.Errorf("%q is no share of readers; write 1%% or 0.01", text)
	}
	*s = Share(v)
	return nil
}

// Type is how a flag of this type is shown.
func (s *Share) Type() string { return "SHARE" }

// Faults are the shares of readers that meet each fault of the relay, once.
type Faults struct {
	Deferred   Share // 4xx at RCPT or after the dot
	Refused    Share // 5xx at RCPT or after the dot
	DropBefore Share // the line is cut at the dot, nothing was accepted
	DropAfter  Share // the message is accepted, the line is cut before the 250
	Stall      Share // the relay stands still for StallTime
}

// StallTime is how long a stalling relay says nothing: longer than an intent
// may be old, shorter than any timeout of SMTP (RFC 5321 4.5.3.2).
const StallTime = 1500 * time.Millisecond

// named pairs the faults with the words of --faults.
func (f *Faults) named() []struct {
	name  string
	share *Share
} {
	return []struct {
		name  string
		share *Share
	}{{"4xx", &f.Deferred}, {"5xx", &f.Refused}, {"drop-before", &f.DropBefore}, {"drop-after", &f.DropAfter}, {"stall", &f.Stall}}
}

// String writes what Set reads; no faults are the empty string.
func (f *Faults) String() string {
	var parts []string
	for _, n := range f.named() {
		if *n.share > 0 {
			parts = append(parts, n.name+"="+n.share.String())
		}
	}
	return strings.Join(parts, ",")
}

// Set reads 4xx=3%,5xx=1%,drop-before=0.5%,drop-after=0.5%,stall=0.1%.
func (f *Faults) Set(text string) error {
	var read Faults
	given := map[string]bool{}
	for part := range strings.SplitSeq(text, ",") {
		if strings.TrimSpace(part) == "" {
			continue
		}
		name, value, _ := strings.Cut(part, "=")
		share := read.share(strings.TrimSpace(name))
		if share == nil {
			return fmt.Errorf("%q is no fault; they are 4xx, 5xx, drop-before, drop-after and stall, as in 4xx=3%%", name)
		}
		if given[strings.TrimSpace(name)] {
			return fmt.Errorf("%s is there twice: which share is meant?", strings.TrimSpace(name))
		}
		given[strings.TrimSpace(name)] = true
		if err := share.Set(value); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	if read.Sum() > 1 {
		return errors.New("the faults add up to more than all readers; each reader meets one at most")
	}
	*f = read
	return nil
}

// Type is how a flag of this type is shown.
func (f *Faults) Type() string { return "FAULTS" }

func (f *Faults) share(name string) *Share {
	for _, n := range f.named() {
		if n.name == name {
			return n.share
		}
	}
	return nil
}

// Sum is the share of readers that meet any fault.
func (f *Faults) Sum() Share {
	var sum Share
	for _, n := range f.named() {
		sum += *n.share
	}
	return sum
}

// Calm says that nothing goes wrong: such a rehearsal is a benchmark.
func (p *Plan) Calm() bool {
	return p.blows() == 0 && p.Faults.Sum() == 0 && p.Leave == 0
}

// blows is how often something is done to a process.
func (p *Plan) blows() int { return p.Kills + p.Terms + p.Stops + p.PostgresKills }

// Check says what is wrong with a plan.
func (p *Plan) Check() error {
	switch {
	case p.Readers < 1 || p.Readers > 10_000_000:
		return errors.New("--readers takes a number from 1 to 10000000")
	case p.Workers < 1 || p.Workers > 64:
		return errors.New("--workers takes a number from 1 to 64")
	case p.Connections < 1 || p.Connections > 200:
		return errors.New("--connections takes a number from 1 to 200")
	case min(p.Kills, p.Terms, p.Stops, p.PostgresKills) < 0:
		return errors.New("--kills, --term, --stop and --postgres-kills take numbers from 0 on")
	case p.blows()*5 > p.Readers:
		return fmt.Errorf("%d kills and stops are too many for %d readers; take five readers for each at least", p.blows(), p.Readers)
	case p.Stops > 0 && p.Workers < 2:
		return errors.New("--stop needs --workers 2 or more: another takes over from the one that stands still")
	case p.ThrowJournals && p.Kills == 0:
		return errors.New("--throw-journals needs --kills: what is lost is the journal of a killed worker")
	case p.Limit <= 0:
		return errors.New("--limit takes a duration like 10m")
	}
	return nil
}

// Bound is how many deliveries may be in doubt through the deaths and stops
// that were made (design: connections x deaths, times the run-ahead where the
// journal is lost or not to be trusted to the end).
func (p *Plan) Bound(kills, stops int) int {
	each := 1
	if p.ThrowJournals {
		each = RunAhead
	}
	return p.Connections * (kills*each + stops*RunAhead)
}

// boundAs is how the bound comes about, as a person would write it.
func (p *Plan) boundAs(kills, stops int) string {
	var parts []string
	if kills > 0 && p.ThrowJournals {
		parts = append(parts, fmt.Sprintf("%d x %d x %d", p.Connections, kills, RunAhead))
	} else if kills > 0 {
		parts = append(parts, fmt.Sprintf("%d x %d", p.Connections, kills))
	}
	if stops > 0 {
		parts = append(parts, fmt.Sprintf("%d x %d x %d", p.Connections, stops, RunAhead))
	}
	if len(parts) == 0 {
		return "0"
	}
	return fmt.Sprintf("at most %s = %d", strings.Join(parts, " + "), p.Bound(kills, stops))
}

// lease is the shortest the config takes where a lease must run out, else the
// usual one.
func (p *Plan) lease() time.Duration {
	if p.Stops > 0 || p.ThrowJournals {
		return 10 * time.Second
	}
	return 5 * time.Minute
}
