package main

import (
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"courant/digest"
	"courant/digest/smtpsink"
	"courant/store/storetest"
)

// Postgres hangs and the relay is silent at the dot: the program ends for all
// that, says what follows, and the journal has what the ledger lacks.
func TestSIGTERMEndsAlsoWhereNothingAnswers(t *testing.T) {
	t.Parallel()
	const readers, connections = 2000, 4
	for _, c := range []struct {
		name, ends string
		silent     bool // the relay, too
		args       []string
	}{
		{"serve", "", false, []string{"serve", "--only", "deliver"}},
		{"serve, and the relay is silent", "", true, []string{"serve", "--only", "deliver"}},
		{"drain, and the relay is silent", "exit status 1", true, []string{"deliver", "--drain"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, smtpsink.Options{Script: smtpsink.Rules(
				smtpsink.Rule{At: smtpsink.AtMail, Do: smtpsink.Action{Do: smtpsink.Stall, For: 5 * time.Millisecond}},
			)})
			d.extra += "in_doubt: hold\n"
			id := d.crowd(readers)
			proxy := storetest.Forward(t, d.dsn)
			d.dsn = proxy.DSN
			d.configure()
			p := d.start(c.args...)
			if err := d.sink.Wait(t.Context(), 200); err != nil {
				t.Fatal(err)
			}
			if c.silent {
				d.sink.SetScript(smtpsink.Rules(smtpsink.Rule{At: smtpsink.AtRecorded, Do: smtpsink.Action{Do: smtpsink.Stall}}))
				if err := d.sink.WaitStalled(t.Context(), 1); err != nil {
					t.Fatal(err)
				}
			}
			proxy.Hush()
			err := p.signal(syscall.SIGTERM)
			var exit *exec.ExitError
			if errors.As(err, &exit); c.ends == "" && err != nil || c.ends != "" && (exit == nil || exit.Error() != c.ends) {
				t.Errorf("it ended with %v, want %q", err, c.ends)
			}
			if log := p.log.String(); !strings.Contains(log, "kept in the journal") || !strings.Contains(log, "`courant deliver --drain`") {
				t.Errorf("it says not what follows:\n%s", tail(log, 2000))
			}
			proxy.Speak()
			d.sink.SetScript(nil)
			d.sink.Hangup()
			d.try("deliver", "--drain") // it takes what was in doubt for over
			tally, err := d.store.Tally(t.Context(), id)
			if err != nil || tally[digest.Accepted]+tally[digest.InDoubt] != readers || tally[digest.InDoubt] > connections {
				t.Errorf("the ledger says %s, %v", tally, err)
			}
			if missed, extra := d.copies(readers); missed > 0 || extra > 0 {
				t.Errorf("%d missed, %d copies too many", missed, extra)
			}
		})
	}
}

// Who stops a send hears what is left, and what goes on with it.
func TestSendThatIsStoppedSaysWhatIsLeft(t *testing.T) {
	t.Parallel()
	const readers = 2000
	d := newDesk(t, smtpsink.Options{Script: smtpsink.Rules(
		smtpsink.Rule{At: smtpsink.AtMail, Do: smtpsink.Action{Do: smtpsink.Stall, For: 10 * time.Millisecond}},
	)})
	d.configure()
	d.tell("Harbour closes for repairs")
	var csv strings.Builder
	csv.WriteString("email\n")
	for i := range readers {
		fmt.Fprintf(&csv, "reader%d@example.org\n", i)
	}
	d.must("readers", "import", d.write("crowd.csv", csv.String()))
	p := d.start("send", "morning")
	if err := d.sink.Wait(t.Context(), 50); err != nil {
		t.Fatal(err)
	}
	var exit *exec.ExitError
	if err := p.signal(syscall.SIGTERM); !errors.As(err, &exit) || exit.ExitCode() != exitFailed {
		t.Errorf("it ended with %v", err)
	}
	log := p.log.String()
	if strings.Contains(log, "context canceled") || !strings.Contains(log, "deliveries are left") || !strings.Contains(log, "`courant deliver --drain`") {
		t.Errorf("it says\n%s", log)
	}
	d.must("deliver", "--drain")
	if missed, extra := d.copies(readers); missed+extra > 0 {
		t.Errorf("%d missed, %d copies too many", missed, extra)
	}
}
