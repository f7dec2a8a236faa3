package rehearse

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"courant/digest"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// goodNight is evidence of a rehearsal in which all went as promised: of
// twelve readers one was refused, one left in time and one just too late, one
// was in doubt by a kill and one by a line that the relay cut.
func goodNight() *Evidence {
	e := &Evidence{
		Plan:   Plan{Readers: 12, Workers: 2, Connections: 2, Faults: Faults{Refused: 0.1, DropAfter: 0.1}, Leave: 0.2},
		FanOut: 12, Kills: 1,
	}
	for i := range 12 {
		at := noon.Add(time.Duration(i) * time.Second)
		e.Rows = append(e.Rows, Row{Email: address(i), State: digest.Accepted, Attempts: 1, MessageID: fmt.Sprintf("<%d@x>", i), IntentAt: at})
		e.Mails = append(e.Mails, Mail{At: at.Add(50 * time.Millisecond), To: address(i), ID: fmt.Sprintf("<%d@x>", i)})
	}
	// 2 is refused, 3 left before, 4 left right after its intent.
	e.Rows[2].State, e.Rows[2].Suppressed = digest.Refused, noon.Add(2100*time.Millisecond)
	e.Rows[3].State, e.Rows[3].MessageID, e.Rows[3].IntentAt = digest.Cancelled, "", time.Time{}
	e.Leavings = []Leaving{{address(3), noon.Add(2 * time.Second)}, {address(4), noon.Add(4020 * time.Millisecond)}}
	// 5 was in doubt by a kill, 6 because the relay cut the line.
	e.Rows[5].Resends, e.Rows[6].Resends = 1, 1
	e.Mails = append(e.Mails, e.Mails[5], e.Mails[6])
	e.Disturbances = []Disturbance{{noon, FaultRefused, address(2)}, {noon, FaultDropAfter, address(6)}}
	e.Mails = slices.DeleteFunc(e.Mails, func(m Mail) bool { return m.To == address(2) || m.To == address(3) })
	return e
}

// brokenBy lists the promises that evidence breaks.
func brokenBy(e *Evidence) []string {
	var names []string
	for _, p := range Judge(e) {
		if !p.Kept {
			names = append(names, p.Name)
		}
	}
	return names
}

func TestGoodNightKeepsEveryPromise(t *testing.T) {
	t.Parallel()
	if broken := brokenBy(goodNight()); len(broken) > 0 {
		t.Errorf("broken: %q", broken)
	}
}

// Each promise is broken, in each way that can break it.
func TestEachBrokenPromiseIsSeen(t *testing.T) {
	t.Parallel()
	const (
		mailRow, rowMail, missed = "no accepted mail without a row", "no row accepted without a mail", "nobody is missed"
		copies, oneID            = "copies: 1, and 1 more of what was in doubt", "all copies with the ledger's Message-ID"
		doubt, sums              = "in doubt through deaths and stops", "the states add up, none is open"
		leaving, suppressed      = "nobody is mailed after leaving", "nobody is mailed who is suppressed"
		giveUp, ends             = "workers go on by themselves", "SIGTERM ends a worker within half a minute"
	)
	for name, c := range map[string]struct {
		spoil func(*Evidence)
		want  []string
	}{
		"a mail to a stranger":           {func(e *Evidence) { e.Mails = append(e.Mails, Mail{To: "x@y", ID: "<x>"}) }, []string{mailRow}},
		"a mail of a queued row":         {func(e *Evidence) { e.Rows[7].State = digest.Queued }, []string{mailRow, sums}},
		"a mail of a cancelled row":      {func(e *Evidence) { e.Rows[7].State = digest.Cancelled }, []string{mailRow}},
		"a mail of a refused row":        {func(e *Evidence) { e.Rows[7].State = digest.Refused }, []string{mailRow}},
		"an accepted row with no mail":   {func(e *Evidence) { e.Mails = e.Mails[1:] }, []string{rowMail}},
		"a row that expired":             {func(e *Evidence) { e.Mails = e.Mails[1:]; e.Rows[0].State = digest.Expired }, []string{missed}},
		"refused without a word":         {func(e *Evidence) { e.Mails = e.Mails[1:]; e.Rows[0].State = digest.Refused }, []string{missed}},
		"cancelled without leaving":      {func(e *Evidence) { e.Mails = e.Mails[1:]; e.Rows[0].State = digest.Cancelled }, []string{missed}},
		"a copy that was never doubted":  {func(e *Evidence) { e.Mails = append(e.Mails, e.Mails[0]) }, []string{copies}},
		"a third copy":                   {func(e *Evidence) { e.Mails = append(e.Mails, e.Mails[len(e.Mails)-1]) }, []string{copies}},
		"a third copy by a second doubt": {func(e *Evidence) { e.Rows[6].Resends = 2; e.Mails = append(e.Mails, e.Mails[len(e.Mails)-1]) }, []string{copies}},
		"a second copy under hold":       {func(e *Evidence) { e.Plan.Hold = true }, []string{"nobody is mailed twice"}},
		"another Message-ID":             {func(e *Evidence) { e.Mails[len(e.Mails)-1].ID = "<other@x>" }, []string{oneID}},
		"a Message-ID not the ledger's":  {func(e *Evidence) { e.Rows[0].MessageID = "<other@x>" }, []string{oneID}},
		"no Message-ID":                  {func(e *Evidence) { e.Mails[0].ID, e.Rows[0].MessageID = "", "" }, []string{oneID}},
		"more doubts than connections": {func(e *Evidence) {
			for _, i := range []int{7, 8} {
				e.Rows[i].Resends = 1
			}
		}, []string{doubt}},
		"a doubt without a death": {func(e *Evidence) { e.Kills = 0 }, []string{doubt}},
		"a doubt that is held":    {func(e *Evidence) { e.Kills = 0; e.Rows[5].Resends, e.Rows[5].State = 0, digest.InDoubt }, []string{copies, doubt}},
		"a row that is sending":   {func(e *Evidence) { e.Rows[5].State = digest.Sending }, []string{sums}},
		"a row that got lost": {func(e *Evidence) {
			e.Rows = e.Rows[:11]
			e.Mails = slices.DeleteFunc(e.Mails, func(m Mail) bool { return m.To == address(11) })
		}, []string{sums}},
		"fewer rows than readers": {func(e *Evidence) { e.FanOut = 11 }, []string{sums}},
		"a mail of one who left":  {func(e *Evidence) { e.Rows[4].State = digest.Cancelled }, []string{mailRow, leaving}},
		"an intent after leaving": {func(e *Evidence) { e.Rows[4].IntentAt = e.Leavings[1].At.Add(time.Millisecond) }, []string{leaving}},
		"a mail on an old intent": {func(e *Evidence) { e.Mails[2].At = e.Leavings[1].At.Add(3 * time.Second) }, []string{leaving}},
		"a mail to one who left before": {func(e *Evidence) {
			e.Mails = append(e.Mails, Mail{At: noon.Add(9 * time.Second), To: address(3), ID: "<3@x>"})
		}, []string{mailRow, leaving}},
		"an intent while suppressed":  {func(e *Evidence) { e.Rows[2].IntentAt = noon.Add(3 * time.Second) }, []string{suppressed}},
		"a worker that gave up":       {func(e *Evidence) { e.Quitters = []string{"worker 1"} }, []string{giveUp}},
		"a worker that would not end": {func(e *Evidence) { e.BadEnds = []string{"worker 1"} }, []string{ends}},
		"a stop that nobody noticed":  {func(e *Evidence) { e.Stops = 1 }, []string{"a worker that stands still is taken over"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := goodNight()
			c.spoil(e)
			if got := brokenBy(e); !slices.Equal(got, c.want) {
				t.Errorf("broken: %q, want %q", got, c.want)
			}
		})
	}
}

// A stopped process may send, when it wakes, what it had begun before.
func TestMailOfASleeperIsNotLate(t *testing.T) {
	t.Parallel()
	e := goodNight()
	e.Mails[2].At = e.Leavings[1].At.Add(20 * time.Second)
	e.Stops, e.TakenOver = 1, 1
	if broken := brokenBy(e); len(broken) > 0 {
		t.Errorf("broken: %q", broken)
	}
}

func TestReportHoldsSignedMailsAgainstBareSignatures(t *testing.T) {
	t.Parallel()
	r := Report{Mails: 3000, Took: 2 * time.Second, Spent: usage{CPU: 2700 * time.Millisecond}, PostgresCPU: 300 * time.Millisecond,
		Bare: &Measured{Mails: 4000, Took: 2 * time.Second, CPU: 3 * time.Second}}
	if got := r.figures(); !strings.Contains(got, "bare RSA-2048 signatures on all cores: 2000 a second, CPU for 1,000 0.750 s; ratio 0.75, share of the CPU 0.75\n") {
		t.Errorf("the figures are\n%s", got)
	}
	if r.Bare = nil; strings.Contains(r.figures(), "bare") {
		t.Errorf("without a measurement the figures are\n%s", r.figures())
	}
}

func TestBareSignaturesAreMadeUntilTheEnd(t *testing.T) {
	t.Parallel()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	if n, err := signBare(ctxAfter{ctx, stop, new(atomic.Int64)}, key, 2); err != nil || n < 10 {
		t.Errorf("%d signatures, %v", n, err)
	}
}

// ctxAfter ends when it was asked ten times.
type ctxAfter struct {
	context.Context
	stop  func()
	asked *atomic.Int64
}

func (c ctxAfter) Err() error {
	if c.asked.Add(1) > 10 {
		c.stop()
	}
	return c.Context.Err()
}

func TestReportShowsWhatBroke(t *testing.T) {
	t.Parallel()
	e := goodNight()
	e.Mails = e.Mails[1:]
	var r Report
	r.fill(e, []Mark{{noon.Add(5 * time.Second), MarkKill}})
	var text, object strings.Builder
	if err := r.Write(&text, func(s string, _ bool) string { return s }); err != nil {
		t.Fatal(err)
	}
	if err := r.WriteJSON(&object); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"BROKEN  no row accepted without a mail", address(0) + " has no mail", "1 x kill -9", "kept    nobody is missed"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("%q is not in\n%s", want, text.String())
		}
	}
	for _, want := range []string{`"kept":false`, `"examples":["` + address(0)} {
		if !strings.Contains(object.String(), want) {
			t.Errorf("%s is not in %s", want, object.String())
		}
	}
	if strings.Count(object.String(), "\n") != 1 || r.Kept() {
		t.Errorf("kept %v, %s", r.Kept(), object.String())
	}
}
