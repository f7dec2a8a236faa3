package main

import (
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"

	"courant/digest/smtpsink"
)

var upwards = regexp.MustCompile(`\x1b\[\d+A`)

func TestStatusIsDrawnAnewUntilTheEditionIsDone(t *testing.T) {
	t.Parallel()
	d := newDesk(t, smtpsink.Options{Script: smtpsink.Rules(
		smtpsink.Rule{At: smtpsink.AtDot, To: "reader2@example.org", Do: smtpsink.Action{Do: smtpsink.Stall}})})
	d.crowd(30)
	serve := d.start("serve", "--only", "deliver")
	if err := d.sink.WaitStalled(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	var once sync.Once
	drawn := d.onTerminalSeen(100, nil, func(_ *exec.Cmd, so string) {
		if upwards.MatchString(so) { // it was drawn twice: now it may end
			once.Do(d.sink.Release)
		}
	}, "status")
	if !strings.Contains(drawn, "█") || !strings.Contains(drawn, "\x1b[32m30 accepted\x1b[0m") {
		t.Errorf("drawn:\n%q", drawn)
	}
	last := drawn[strings.LastIndex(drawn, "\x1b[K\n"):]
	if !strings.HasSuffix(last, "\x1b[J") {
		t.Errorf("the end is %q", last)
	}
	// A terminal that cannot be drawn over gets it once.
	if dumb := d.onTerminal(100, []string{"TERM=dumb"}, "status"); strings.Contains(dumb, "\x1b") || !strings.Contains(dumb, "30 accepted") {
		t.Errorf("on a dumb terminal: %q", dumb)
	}
	// --watch goes on though nothing is under way, and Ctrl-C is a good end.
	once = sync.Once{}
	d.onTerminalSeen(100, nil, func(c *exec.Cmd, so string) {
		if upwards.MatchString(so) {
			once.Do(func() {
				if err := c.Process.Signal(syscall.SIGINT); err != nil {
					t.Error(err)
				}
			})
		}
	}, "status", "--watch")
	if err := serve.signal(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
}
