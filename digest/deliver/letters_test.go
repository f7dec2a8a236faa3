package deliver_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"courant/digest"
	"courant/digest/deliver"
	"courant/digest/smtpsink"
)

// postPress makes letters of three lines.
type postPress struct{ fault error }

func letterID(l digest.LetterID) string { return fmt.Sprintf("<letter%d@example.org>", l) }

func (p postPress) Letter(l digest.Letter) (digest.Envelope, []byte, error) {
	return digest.Envelope{From: "news@example.org", To: l.Address},
		fmt.Appendf(nil, "To: %s\r\nMessage-ID: %s\r\nSubject: %s\r\n\r\nA letter.\r\n", l.Address, letterID(l.ID), l.Kind), p.fault
}

// post is engine with letters.
func (n newspaper) post(sink *smtpsink.Sink, connections int) *deliver.Engine {
	e := n.engine(sink, connections)
	e.Post = &deliver.Post{Store: n.Store, Press: postPress{}}
	return e
}

// ask has a letter written to an address nobody has.
func (n newspaper) ask(i int) {
	n.t.Helper()
	must(n.t, n.AskLetter(n.t.Context(), digest.LetterAsk{
		Kind: digest.LetterConfirm, Address: address(i), Hash: hash(i), KeyID: 1, SignUp: digest.SignUp{List: "all", Digests: []string{"morning"}, Frequency: digest.EveryEdition},
	}))
}

// letters counts letters by state.
func (n newspaper) letters() string {
	n.t.Helper()
	return n.look(`SELECT COALESCE(string_agg(n || ' ' || state, ', ' ORDER BY state), '') FROM (SELECT state, count(*) AS n FROM letters GROUP BY state) x`)
}

func TestDrainSendsLettersOnce(t *testing.T) {
	t.Parallel()
	n, sink := newNewspaper(t, 50), smtpsink.Start(t, smtpsink.Options{Bodies: true})
	n.publish()
	for i := range 20 {
		n.ask(1000 + i)
	}
	drain(t, n.post(sink, 2))
	drain(t, n.post(sink, 2))
	for i := range 20 {
		if got := sink.To(address(1000 + i)); len(got) != 1 || !strings.Contains(string(got[0].Body), "Subject: confirm") {
			t.Errorf("%s got %d letters", address(1000+i), len(got))
		}
	}
	if got := n.letters(); got != "20 accepted" || sink.Count() != 70 {
		t.Errorf("letters: %s; %d mails", got, sink.Count())
	}
}

// TestLetterDoesNotWaitBehindAnEdition stalls the lane of an edition and still
// gets its letter out.
func TestLetterDoesNotWaitBehindAnEdition(t *testing.T) {
	t.Parallel()
	n := newNewspaper(t, 400)
	sink := smtpsink.Start(t, smtpsink.Options{Script: smtpsink.Rules(
		smtpsink.Rule{At: smtpsink.AtDot, Skip: 20, First: 1, Do: smtpsink.Action{Do: smtpsink.Stall}},
	)})
	n.publish()
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	e := n.post(sink, 1)
	e.DrainTime = 100 * time.Millisecond
	go func() { done <- e.Run(ctx) }()
	must(t, sink.WaitStalled(ctx, 1))
	n.ask(5000)
	n.await(`SELECT count(*) = 1 FROM letters WHERE state = 'accepted'`)
	if len(sink.To(address(5000))) != 1 {
		t.Error("no letter came")
	}
	stop()
	sink.Hangup()
	must(t, <-done)
}

func TestLettersEndAsTheirServersSay(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		script smtpsink.Script
		resend bool
		want   string
		mails  int
	}{
		"refused":              {script: smtpsink.Rules(smtpsink.Rule{At: smtpsink.AtRcpt, Do: smtpsink.Action{Do: smtpsink.Answer, Reply: smtpsink.Reply{Code: 550, Text: "5.1.1 no such user"}}}), want: "1 refused"},
		"deferred":             {script: smtpsink.Rules(smtpsink.Rule{At: smtpsink.AtRcpt, Do: smtpsink.Action{Do: smtpsink.Answer, Reply: smtpsink.Reply{Code: 450, Text: "4.2.1 later"}}}), want: "1 queued"},
		"in doubt":             {script: smtpsink.Rules(smtpsink.Rule{At: smtpsink.AtDot, First: 1, Do: smtpsink.Action{Do: smtpsink.Cut}}), want: "1 in doubt"},
		"in doubt, sent again": {script: smtpsink.Rules(smtpsink.Rule{At: smtpsink.AtDot, First: 1, Do: smtpsink.Action{Do: smtpsink.Cut}}), resend: true, want: "1 accepted", mails: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n, sink := newNewspaper(t, 0), smtpsink.Start(t, smtpsink.Options{Script: c.script})
			n.ask(1)
			e := n.post(sink, 1)
			e.Resend = c.resend
			drain(t, e)
			if c.resend {
				drain(t, e) // the sweep of the next session queues it again
				n.await(`SELECT count(*) = 0 FROM letters WHERE state = 'in doubt'`)
				drain(t, e)
			}
			if got := n.letters(); got != c.want || sink.Count() != c.mails {
				t.Errorf("letters: %s, want %s; %d mails", got, c.want, sink.Count())
			}
			if c.want == "1 queued" && n.look(`SELECT attempts || ' ' || (not_before > clock_timestamp()) FROM letters`) != "1 true" {
				t.Error("the letter was not put off")
			}
		})
	}
}

func TestLetterThatCannotBeMadeWaits(t *testing.T) {
	t.Parallel()
	n, sink := newNewspaper(t, 0), smtpsink.Start(t, smtpsink.Options{})
	n.ask(1)
	e := n.post(sink, 1)
	e.Post.Press = postPress{errors.New("no ink")}
	drain(t, e)
	if got := n.look(`SELECT state || ' ' || attempts || ' ' || said FROM letters`); got != "queued 0 no ink" {
		t.Errorf("%s", got)
	}
}

// Where a child dies, in the order of a letter's way.
const dieVariable = "COURANT_DELIVER_DIE"

var deaths = []struct {
	at          string
	hold, again string // what the letter comes to, by in_doubt
	mails, more int    // copies, by in_doubt
}{
	{"claimed", "accepted", "accepted", 1, 1},
	{"intended", "accepted", "accepted", 1, 1},
	{"started", "in doubt", "accepted", 0, 1},
	{"replied", "in doubt", "accepted", 1, 2},
	{"ended", "accepted", "accepted", 1, 1},
	{"settled", "accepted", "accepted", 1, 1},
}

func die(at string) {
	if os.Getenv(dieVariable) == at {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	}
}

// mortalLetters is a store of letters that kills its process after an act.
type mortalLetters struct{ deliver.LetterStore }

func (m mortalLetters) ClaimLetters(ctx context.Context, owner string, n int, lease time.Duration) ([]digest.Letter, error) {
	list, err := m.LetterStore.ClaimLetters(ctx, owner, n, lease)
	if len(list) > 0 {
		die("claimed")
	}
	return list, err
}

func (m mortalLetters) IntendLetter(ctx context.Context, l digest.Letter, lease time.Duration) (bool, error) {
	ok, err := m.LetterStore.IntendLetter(ctx, l, lease)
	die("intended")
	return ok, err
}

func (m mortalLetters) SettleLetter(ctx context.Context, o digest.LetterOutcome) (bool, error) {
	die("ended")
	ok, err := m.LetterStore.SettleLetter(ctx, o)
	die("settled")
	return ok, err
}

// mortalConn kills its process around the dot.
type mortalConn struct{ deliver.Conn }

func (c mortalConn) Submit(ctx context.Context, env digest.Envelope, text []byte, ahead *digest.Envelope, ready func() bool) digest.Outcome {
	o := c.Conn.Submit(ctx, env, text, ahead, func() bool {
		ok := ready()
		die("started")
		return ok
	})
	die("replied")
	return o
}

func mortalDial(addr string) func(context.Context) (deliver.Conn, digest.Outcome) {
	return func(ctx context.Context) (deliver.Conn, digest.Outcome) {
		conn, o := dial(addr)(ctx)
		if conn == nil {
			return nil, o
		}
		return mortalConn{conn}, o
	}
}

// TestKillBetweenAnyTwoStepsLosesNoLetter kills the process at each step of a
// letter's way; the next one on the host ends it. None is lost, and none goes
// out twice but one in doubt, with the same Message-ID.
func TestKillBetweenAnyTwoStepsLosesNoLetter(t *testing.T) {
	t.Parallel()
	for _, d := range deaths {
		for _, resend := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, resend %v", d.at, resend), func(t *testing.T) {
				t.Parallel()
				n, sink := newNewspaper(t, 0), smtpsink.Start(t, smtpsink.Options{})
				n.ask(1)
				dir := t.TempDir()
				w := n.startWith(sink, dir, resend, time.Hour, dieVariable+"="+d.at)
				if err := w.Wait(); err == nil || !strings.Contains(err.Error(), "killed") {
					t.Fatalf("the process ended with %v", err)
				}
				sink.Hangup() // what has no reply yet is dropped
				must(t, sink.WaitOpen(t.Context(), 0))
				again := n.start(sink, dir, resend, time.Hour)
				want, mails := d.hold, d.mails
				if resend {
					want, mails = d.again, d.more
				}
				resends := 0
				if resend && d.hold != d.again {
					resends = 1
				}
				n.await(`SELECT state = $1 AND resends = $2 FROM letters`, want, resends)
				again.kill(t)
				if got := mailed(t, sink)[address(1)]; got != mails {
					t.Errorf("%d mails, want %d", got, mails)
				}
			})
		}
	}
}

// TestKillsLoseNoLetter kills processes at random while two of them send.
func TestKillsLoseNoLetter(t *testing.T) {
	t.Parallel()
	const letters, kills = 300, 8
	n, sink := newNewspaper(t, 0), smtpsink.Start(t, smtpsink.Options{})
	var asked sync.WaitGroup
	for k := range 4 {
		asked.Go(func() {
			for i := range letters / 4 {
				n.ask(k*letters/4 + i)
			}
		})
	}
	dir := t.TempDir()
	workers := []worker{n.start(sink, dir+"/0", false, time.Hour), n.start(sink, dir+"/1", false, time.Hour)}
	for k := range kills {
		must(t, sink.Wait(t.Context(), (k+1)*letters/(kills+3)))
		workers[k%2].kill(t)
		workers[k%2] = n.start(sink, workers[k%2].journal, false, time.Hour)
	}
	asked.Wait()
	n.await(`SELECT count(*) = $1 FROM letters WHERE state IN ('accepted', 'in doubt')`, letters)
	for _, w := range workers {
		must(t, w.Process.Signal(syscall.SIGTERM))
		must(t, w.Wait())
	}
	copies, doubts := mailed(t, sink), 0
	for i := range letters {
		if copies[address(i)] > 1 {
			t.Errorf("%s got %d letters", address(i), copies[address(i)])
		}
		if copies[address(i)] == 0 {
			doubts++
		}
	}
	if doubts > kills || n.look(`SELECT count(*) >= $1 FROM letters WHERE state = 'in doubt'`, doubts) != "true" {
		t.Errorf("%d did not come, and the rows say %s", doubts, n.letters())
	}
	t.Logf("%s; %d in doubt did not come", n.letters(), doubts)
}

// A lease that is over is taken by whoever comes, and the late verdict of the one
// that stood still does not count.
func TestLateVerdictOfALetterIsFencedOff(t *testing.T) {
	t.Parallel()
	n := newNewspaper(t, 0)
	n.ask(1)
	list, err := n.ClaimLetters(t.Context(), "stands still", 5, time.Hour)
	must(t, err)
	if ok, err := n.IntendLetter(t.Context(), list[0], time.Hour); !ok || err != nil {
		t.Fatal(ok, err)
	}
	n.look(`WITH x AS (UPDATE letters SET lease_until = clock_timestamp() - interval '1 second' RETURNING 1) SELECT count(*) FROM x`)
	if doubtful, resent, err := n.SweepLetters(t.Context(), true); doubtful != 1 || resent != 1 || err != nil {
		t.Fatal(doubtful, resent, err)
	}
	ok, err := n.SettleLetter(t.Context(), digest.LetterOutcome{Letter: list[0], Outcome: digest.Outcome{Verdict: digest.VerdictAccepted}})
	if ok || err != nil || n.letters() != "1 queued" {
		t.Errorf("%v %v, %s", ok, err, n.letters())
	}
	again, err := n.ClaimLetters(t.Context(), "next", 5, time.Hour)
	if err != nil || len(again) != 1 || again[0].Fence <= list[0].Fence {
		t.Errorf("%+v %v", again, err)
	}
	if ok, err := n.IntendLetter(t.Context(), list[0], time.Hour); ok || err != nil {
		t.Errorf("the old claim still stands: %v %v", ok, err)
	}
}
