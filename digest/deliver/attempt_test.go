package deliver_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"courant/digest"
	"courant/digest/smtpsink"
)

// tallyMeter notes what it is told.
type tallyMeter struct {
	mu       sync.Mutex
	attempts []digest.Attempt
}

func (m *tallyMeter) Attempted(a digest.Attempt) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.attempts = append(m.attempts, a)
}
func (*tallyMeter) Began(string, digest.Work) {}
func (*tallyMeter) Expired(int)               {}
func (*tallyMeter) Salvaged(int, int)         {}
func (*tallyMeter) Resent(int)                {}

func TestEachAttemptIsOneLineWithItsFacts(t *testing.T) {
	t.Parallel()
	n := newNewspaper(t, 3)
	sink := smtpsink.Start(t, smtpsink.Options{Script: smtpsink.Rules(
		smtpsink.Rule{At: smtpsink.AtRcpt, To: address(0), Do: smtpsink.Action{Do: smtpsink.Answer, Reply: smtpsink.Reply{Code: 550, Enhanced: "5.1.1", Text: "<" + address(0) + ">: user unknown"}}},
		smtpsink.Rule{At: smtpsink.AtRcpt, To: address(1), Do: smtpsink.Action{Do: smtpsink.Answer, Reply: smtpsink.Reply{Code: 451, Enhanced: "4.7.1", Text: "slow down"}}},
	)})
	e := n.publish()
	var log bytes.Buffer
	meter := &tallyMeter{}
	engine := n.engine(sink, 2)
	engine.Log, engine.Meter = slog.New(slog.NewJSONHandler(&log, nil)), meter
	drain(t, engine)
	n.wantTally(e, digest.Tally{digest.Accepted: 1, digest.Refused: 1, digest.Queued: 1})
	seen := map[string]bool{}
	for line := range strings.Lines(log.String()) {
		var fact struct {
			Msg, Relay, Verdict, Stage, Class, Enhanced, Reply string
			Edition, Reader, Duration                          int64
			Attempt, Code                                      int
		}
		if err := json.Unmarshal([]byte(line), &fact); err != nil {
			t.Fatal(err)
		}
		if fact.Msg != "attempt" {
			continue
		}
		if fact.Edition != int64(e.ID) || fact.Reader == 0 || fact.Attempt != 1 || fact.Duration <= 0 || fact.Relay == "" || fact.Code == 0 || fact.Reply == "" || fact.Stage == "" {
			t.Errorf("a fact is missing: %s", line)
		}
		seen[strings.Join([]string{fact.Verdict, fact.Stage, fact.Class}, " ")] = true
	}
	if len(seen) != 3 || !seen["accepted dot "] || !seen["refused rcpt hard"] || !seen["deferred rcpt throttled"] {
		t.Errorf("the lines tell of %v\n%s", seen, &log)
	}
	if strings.Contains(log.String(), address(0)) {
		t.Errorf("an address is in the log:\n%s", &log)
	}
	if len(meter.attempts) != 3 {
		t.Errorf("the meter was told of %d attempts", len(meter.attempts))
	}
}
