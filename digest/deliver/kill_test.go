package deliver_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"courant/digest"
	"courant/digest/deliver"
	"courant/digest/smtpsink"
	"courant/store"
	"courant/store/storetest"
)

// childVariable makes this test binary a delivering process: its value is the
// address of the sink.
const childVariable = "COURANT_DELIVER_CHILD"

func TestMain(m *testing.M) {
	if sink := os.Getenv(childVariable); sink != "" {
		if err := child(sink); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// child delivers until it is told to stop, or killed.
func child(sink string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	s, err := store.Open(ctx, os.Getenv("COURANT_DELIVER_DSN"))
	if err != nil {
		return err
	}
	defer s.Close()
	lease, err := time.ParseDuration(os.Getenv("COURANT_DELIVER_LEASE"))
	if err != nil {
		return err
	}
	engine := &deliver.Engine{
		Store: s, Press: press{}, JournalDir: os.Getenv("COURANT_DELIVER_JOURNAL"), Host: "here", Boot: "boot", Away: store.Away,
		Resend: os.Getenv("COURANT_DELIVER_RESEND") != "", Lease: lease,
		Relays: []deliver.Relay{{Name: sink, Connections: childLanes, Dial: mortalDial(sink)}},
		Post:   &deliver.Post{Store: mortalLetters{s}, Press: postPress{}},
		Log:    slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})),
	}
	// The parent ends, and so do we.
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		stop()
	}()
	return engine.Run(ctx)
}

// childLanes is how many connections each process has.
const childLanes = 4

// worker is a running child.
type worker struct {
	*exec.Cmd
	journal string
	stdin   io.Closer
}

// start runs a child that delivers to the sink.
func (n newspaper) start(sink *smtpsink.Sink, journal string, resend bool, lease time.Duration) worker {
	n.t.Helper()
	return n.startWith(sink, journal, resend, lease)
}

// startWith is start with more of an environment.
func (n newspaper) startWith(sink *smtpsink.Sink, journal string, resend bool, lease time.Duration, env ...string) worker {
	n.t.Helper()
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), childVariable+"="+sink.Addr(), "COURANT_DELIVER_DSN="+n.dsn, "COURANT_DELIVER_JOURNAL="+journal,
		"COURANT_DELIVER_LEASE="+lease.String())
	c.Env = append(c.Env, env...)
	if resend {
		c.Env = append(c.Env, "COURANT_DELIVER_RESEND=1")
	}
	c.Stderr = n.t.Output()
	stdin, err := c.StdinPipe()
	must(n.t, err)
	must(n.t, c.Start())
	n.t.Cleanup(func() { _ = c.Process.Kill() }) // dead already, unless the test failed
	return worker{c, journal, stdin}
}

func (w worker) kill(t testing.TB) {
	t.Helper()
	must(t, w.Process.Kill())
	_ = w.Wait() // "signal: killed"
}

// mailed counts copies by reader, and wants all copies to have one
// Message-ID.
func mailed(t testing.TB, sink *smtpsink.Sink) map[string]int {
	t.Helper()
	copies, id := map[string]int{}, map[string]string{}
	for _, m := range sink.Messages() {
		copies[m.To]++
		if was, again := id[m.To]; again && was != m.ID {
			t.Errorf("%s got Message-IDs %s and %s", m.To, was, m.ID)
		}
		id[m.To] = m.ID
	}
	return copies
}

// doubts lists the readers whose delivery is in doubt, by address.
func (n newspaper) doubts(e digest.Edition) map[string]bool {
	n.t.Helper()
	list := map[string]bool{}
	lines := n.look(`SELECT COALESCE(string_agg(r.email, E'\n'), '') FROM deliveries d JOIN readers r ON r.id = d.reader_id
		WHERE d.edition_id = $1 AND d.state = 'in doubt'`, int64(e.ID))
	for line := range strings.Lines(lines) {
		list[strings.TrimSpace(line)] = true
	}
	return list
}

// TestKillsLoseNobody kills delivering processes while two of them share an
// edition, and compares the sink with the ledger.
func TestKillsLoseNobody(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		resend, loseJournal bool
		kills, each         int // bound of doubts for each killed lane
		lease               time.Duration
	}{
		"hold":              {kills: 20, each: 1, lease: time.Hour},
		"resend":            {resend: true, kills: 20, each: 1, lease: time.Hour},
		"journals are lost": {loseJournal: true, kills: 4, each: 64, lease: 2 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const readers = 3000
			n, sink := newNewspaper(t, readers), smtpsink.Start(t, smtpsink.Options{})
			e := n.publish()
			dir := t.TempDir()
			var workers []worker
			for i := range 2 {
				workers = append(workers, n.start(sink, filepath.Join(dir, fmt.Sprint(i)), c.resend, c.lease))
			}
			// What is in doubt may never have been sent, and is held: more than the
			// rest must not be waited for.
			bound := c.kills * childLanes * c.each
			for range c.kills {
				if err := sink.Wait(t.Context(), min(sink.Count()+20+rand.IntN(readers/c.kills), readers-200-bound)); err != nil {
					t.Fatal(err)
				}
				i := rand.IntN(2)
				workers[i].kill(t)
				if c.loseJournal {
					must(t, os.RemoveAll(workers[i].journal))
				}
				workers[i] = n.start(sink, workers[i].journal, c.resend, c.lease)
			}
			n.await(`SELECT count(*) = 0 FROM deliveries WHERE state IN ('queued', 'claimed', 'sending')
			         AND (SELECT count(*) FROM deliveries) = $1`, readers)
			for _, w := range workers {
				must(t, w.Process.Signal(syscall.SIGTERM))
				must(t, w.Wait())
			}
			n.judge(e, sink, readers, bound, c.resend)
		})
	}
}

// judge compares what the sink accepted with what the ledger says.
func (n newspaper) judge(e digest.Edition, sink *smtpsink.Sink, readers, bound int, resend bool) {
	n.t.Helper()
	copies, doubts, tally := mailed(n.t, sink), n.doubts(e), n.tally(e)
	doubled := 0
	for i := range readers {
		to := address(i)
		switch got := copies[to]; {
		case got == 0 && !doubts[to]:
			n.t.Errorf("%s was lost", to)
		case got > 2 || got == 2 && !resend:
			n.t.Errorf("%s got %d mails", to, got)
		case got == 2:
			doubled++
		}
	}
	if doubled > bound || len(doubts) > bound {
		n.t.Errorf("%d got two mails and %d are in doubt, want at most %d", doubled, len(doubts), bound)
	}
	if tally[digest.Accepted]+tally[digest.InDoubt] != readers || resend && len(doubts) > doubled+bound {
		n.t.Errorf("ledger says %s", tally)
	}
	n.t.Logf("%s; %d copies too many; bound %d", tally, doubled, bound)
}

// What was on its way when the process died is in doubt, and never taken for
// accepted: nobody has heard a reply.
func TestKillBeforeTheReplyLeavesADoubt(t *testing.T) {
	t.Parallel()
	const readers = 200
	n := newNewspaper(t, readers)
	sink := smtpsink.Start(t, smtpsink.Options{Script: smtpsink.Rules(
		smtpsink.Rule{At: smtpsink.AtDot, Skip: 40, First: 1, Do: smtpsink.Action{Do: smtpsink.Stall}},
	)})
	e := n.publish()
	dir := t.TempDir()
	w := n.start(sink, dir, false, time.Hour)
	must(t, sink.WaitStalled(t.Context(), 1))
	w.kill(t)
	sink.SetScript(nil)
	sink.Hangup() // the relay drops what it had no 250 for
	must(t, sink.WaitOpen(t.Context(), 0))
	engine := n.engine(sink, 2)
	engine.JournalDir = dir
	drain(t, engine)
	n.judge(e, sink, readers, childLanes, false)
	if tally := n.tally(e); tally[digest.Accepted] > sink.Count() {
		t.Errorf("the ledger says %s and the sink has %d", tally, sink.Count())
	}
}

func TestTerminatedProcessesLeaveNothingInDoubt(t *testing.T) {
	t.Parallel()
	const readers = 2000
	n, sink := newNewspaper(t, readers), smtpsink.Start(t, smtpsink.Options{})
	e := n.publish()
	dir := t.TempDir()
	for stops := 1; sink.Count() < readers; stops++ {
		w := n.start(sink, dir, false, time.Hour)
		must(t, sink.Wait(t.Context(), min(sink.Count()+150, readers)))
		must(t, w.Process.Signal(syscall.SIGTERM))
		must(t, w.Wait())
		tally := n.tally(e)
		if tally[digest.Accepted] != sink.Count() || tally[digest.Accepted]+tally[digest.Queued] != readers {
			t.Fatalf("after stop %d the sink has %d and the ledger says %s", stops, sink.Count(), tally)
		}
	}
	n.judge(e, sink, readers, 0, false)
}

func TestPostgresIsKilledWhileSending(t *testing.T) {
	t.Parallel()
	const readers, kills = 3000, 5
	server := storetest.Server(t)
	n, sink := newspaperAt(t, server.DSN(), readers), smtpsink.Start(t, smtpsink.Options{})
	e := n.publish()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var crew sync.WaitGroup
	for range 2 {
		engine := n.engine(sink, 3)
		crew.Go(func() {
			if err := engine.Run(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	for k := range kills {
		must(t, sink.Wait(t.Context(), (k+1)*readers/(kills+2)))
		pid := server.PID()
		must(t, syscall.Kill(pid, syscall.SIGKILL))
		before := sink.Count()
		for server.PID() == pid || n.Ping(t.Context()) != nil {
			if t.Context().Err() != nil {
				t.Fatal(t.Context().Err())
			}
		}
		// What an intent covered may still go; nothing else does without the ledger.
		if more := sink.Count() - before; more > 2*3*64*2 {
			t.Errorf("%d mails went out while the database was away", more)
		}
	}
	must(t, sink.Wait(t.Context(), readers))
	stop()
	crew.Wait()
	n.wantOnce(e, sink, readers)
}

func TestDatabaseThatIsAwayStopsTheNextDot(t *testing.T) {
	t.Parallel()
	const readers = 400
	n, sink := newNewspaper(t, readers), smtpsink.Start(t, smtpsink.Options{})
	e := n.publish()
	var away sync.Mutex
	lost := errors.Join(io.ErrUnexpectedEOF, errors.New("the database is away"))
	isAway := false
	gone := func() error {
		away.Lock()
		defer away.Unlock()
		if isAway {
			return lost
		}
		return nil
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	engine := n.engine(sink, 2)
	engine.Store = perilous{Store: n.Store, claim: gone, commit: gone, release: gone, renew: gone}
	done := make(chan error, 1)
	go func() { done <- engine.Run(ctx) }()
	must(t, sink.Wait(t.Context(), 50))
	away.Lock()
	isAway = true
	away.Unlock()
	before := sink.Count()
	n.await(`SELECT (SELECT count(*) FROM deliveries WHERE state = 'sending') <= $1`, 2*2*64)
	if got := sink.Count() - before; got > 2*2*64 {
		t.Errorf("%d mails went out without the ledger", got)
	}
	away.Lock()
	isAway = false
	away.Unlock()
	must(t, sink.Wait(t.Context(), readers))
	stop()
	must(t, <-done)
	n.wantOnce(e, sink, readers)
}
