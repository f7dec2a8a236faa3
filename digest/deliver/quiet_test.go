package deliver_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"courant/digest"
	"courant/digest/deliver"
	"courant/digest/smtpsink"
)

func TestLogAndErrorsNameNoAddress(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		level slog.Level
		named bool
	}{{slog.LevelInfo, false}, {slog.LevelDebug, true}} {
		n := newNewspaper(t, 3)
		refuse := func(to string, code int) smtpsink.Rule {
			return smtpsink.Rule{At: smtpsink.AtRcpt, To: to, Do: smtpsink.Action{
				Do: smtpsink.Answer, Reply: smtpsink.Reply{Code: code, Text: "<" + to + ">: no"},
			}}
		}
		sink := smtpsink.Start(t, smtpsink.Options{Script: smtpsink.Rules(refuse(address(0), 550), refuse(address(1), 451))})
		n.publish()
		var log bytes.Buffer
		engine := n.engine(sink, 1)
		engine.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: c.level}))
		drain(t, engine)
		if !strings.Contains(log.String(), "@example.org") {
			t.Fatalf("the server's words are not in the log:\n%s", &log)
		}
		if strings.Contains(log.String(), address(0)) != c.named || strings.Contains(log.String(), address(1)) != c.named {
			t.Errorf("at %s an address is named: want %v\n%s", c.level, c.named, &log)
		}
	}
	fault := deliver.OutcomeError{Relay: "r", Outcome: digest.Outcome{Stage: digest.StageMail, Class: digest.ClassConfiguration,
		Reply: digest.Reply{Code: 550, Text: "<bounce+token@example.org> not yours"}}}
	if strings.Contains(fault.Error(), "token") {
		t.Errorf("the error tells the return path: %s", fault.Error())
	}
}

// full is a ledger that cannot be written: its disk is full.
type full struct{ deliver.Store }

var errFull = errors.New("could not extend file: No space left on device")

func (full) ClaimFresh(context.Context, digest.Lane, int, digest.EditionID, digest.ReaderID, int) ([]digest.Work, error) {
	return nil, errFull
}

func TestDrainEndsWhereClaimsCannotBeWritten(t *testing.T) {
	t.Parallel()
	n, sink := newNewspaper(t, 20), smtpsink.Start(t, smtpsink.Options{})
	e := n.publish()
	engine := n.engine(sink, 2)
	var log bytes.Buffer
	engine.Log = slog.New(slog.NewTextHandler(&log, nil))
	engine.Store = full{n.Store}
	if _, err := engine.Drain(t.Context(), time.Hour); !errors.Is(err, errFull) {
		t.Errorf("got %v, want what happened to the disk", err)
	}
	if said := strings.Count(log.String(), "claim failed"); said > 2 {
		t.Errorf("two lanes said it %d times", said)
	}
	n.wantTally(e, digest.Tally{digest.Queued: 20})
}
