package rehearse

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"time"
)

// Fault is one kind of trouble a relay makes.
type Fault string

// The faults, in the words of --faults.
const (
	FaultNone       Fault = ""
	FaultDeferred   Fault = "4xx"
	FaultRefused    Fault = "5xx"
	FaultDropBefore Fault = "drop-before"
	FaultDropAfter  Fault = "drop-after"
	FaultStall      Fault = "stall"
)

// Moment is a place in the conversation about one message.
type Moment string

// The moments at which a fault may come. AtDot lies before the message is
// recorded, AtRecorded after it.
const (
	AtRcpt     Moment = "rcpt"
	AtDot      Moment = "dot"
	AtRecorded Moment = "recorded"
)

// Disturbance is a fault that a relay made.
type Disturbance struct {
	At    time.Time
	Fault Fault
	To    string
}

// Weather decides who meets which fault: by the address and the seed alone,
// so that a rehearsal can be repeated, and each reader once, so that it ends.
type Weather struct {
	Faults Faults
	Seed   uint64
	Now    func() time.Time
	Log    io.Writer // takes a line for each disturbance, before it is made

	mu  sync.Mutex
	had map[string]bool
}

// forecast is the fault that awaits a reader, and when.
func (w *Weather) forecast(to string) (Fault, Moment) {
	h := fnv.New64a()
	h.Write([]byte(strings.ToLower(to)))
	dice := rand.New(rand.NewPCG(w.Seed, h.Sum64()))
	at := Share(dice.Float64())
	for _, n := range w.Faults.named() {
		if at >= *n.share {
			at -= *n.share
			continue
		}
		return Fault(n.name), moment(Fault(n.name), dice.IntN(2) == 0)
	}
	return FaultNone, ""
}

// moment is where a fault strikes; some may at two places.
func moment(f Fault, early bool) Moment {
	switch {
	case f == FaultDropAfter:
		return AtRecorded
	case f == FaultDropBefore:
		return AtDot
	case early:
		return AtRcpt
	case f == FaultStall:
		return AtRecorded // after the log has it, so that its time there is that of the dot
	}
	return AtDot
}

// Strike says what the relay does to a reader's message at a moment, and logs
// it. An error means that it could not be logged and so must not be done.
func (w *Weather) Strike(at Moment, to string) (Fault, error) {
	fault, when := w.forecast(to)
	if fault == FaultNone || when != at {
		return FaultNone, nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.had[to] {
		return FaultNone, nil
	}
	if w.had == nil {
		w.had = map[string]bool{}
	}
	w.had[to] = true
	line := fmt.Sprintf("%s\t%s\t%s\n", w.Now().UTC().Format(time.RFC3339Nano), fault, to)
	if _, err := io.WriteString(w.Log, line); err != nil {
		return FaultNone, fmt.Errorf("log a fault: %w", err)
	}
	return fault, nil
}

// readDisturbances reads what Strike logged.
func readDisturbances(r io.Reader) ([]Disturbance, error) {
	var list []Disturbance
	for in := bufio.NewScanner(r); ; {
		if !in.Scan() {
			return list, in.Err()
		}
		f := strings.Split(in.Text(), "\t")
		if len(f) != 3 {
			return list, fmt.Errorf("read the log of faults: %q", in.Text())
		}
		at, err := time.Parse(time.RFC3339Nano, f[0])
		if err != nil {
			return list, fmt.Errorf("read the log of faults: %w", err)
		}
		list = append(list, Disturbance{At: at, Fault: Fault(f[1]), To: f[2]})
	}
}

// dice is a source of chance for one purpose, the same for the same seed.
func (p *Plan) dice(purpose string) *rand.Rand {
	h := fnv.New64a()
	h.Write(binary.BigEndian.AppendUint64([]byte(purpose), p.Seed))
	return rand.New(rand.NewPCG(p.Seed, h.Sum64()))
}
