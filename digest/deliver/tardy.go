package deliver

import (
	"context"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"courant/digest"
)

// A domain may take every mail and still hold up the others, by the time it
// takes: an answer to RCPT after two seconds keeps a lane from two thousand
// mails. It is tardy then, beside whatever else is said of it:
//
//	prompt --3 too late in a row--> tardy --5 in time in a row, then 10, 20, ...--> caught up --> prompt
//
// Too late is what takes eight times as long as this relay usually does, and
// longer than a quarter of a second. Where a relay is slow for all domains, none
// is. An attempt that is not over counts, too, once when it is too late, again
// at four times that, at sixteen times: a domain that hangs is known before its
// lines time out. That does not count while the relay answers nobody and another
// relay does.
//
// A tardy domain is claimed apart, about a second's mails at a time. All of them
// together have a quarter of a relay's lanes, in turn, while others have mail, and
// of a single lane what the others leave. A lane that got stuck with one beside that
// has mails of others in its hands: it is cut off before the body, and the mail
// goes back.
const (
	lateLeast   = 250 * time.Millisecond
	lateTimes   = 8
	lateRow     = 3  // late attempts in a row that make a domain tardy
	promptRow   = 5  // ... and those in half the time that make it prompt; doubles each time
	promptMost  = 80 // ... up to so many
	lateGrab    = time.Second
	medianStep  = 4                                   // a quarter up or down
	medianLeast = lateLeast / lateTimes               // less makes no difference
	medianFirst = 2 * time.Second / lateTimes         // before a relay is known
	hangs       = 5 * time.Second                     // longer than that never gets more than its quarter
	lateQuarter = 4                                   // the part of the lanes, one in so many
	lateWords   = "its mail domain is slow to answer" // for who looks at a delivery that waits
)

// median is about the middle of what attempts take, without keeping any: each
// moves it a step. Steps that two lanes make at once may get lost.
type median struct{ ns atomic.Int64 }

func (m *median) take(d time.Duration) {
	was := m.ns.Load()
	now := was
	switch {
	case was == 0:
		now = int64(medianFirst)
	case int64(d) > was:
		now = was + was/medianStep
	default:
		now = max(was-was/(medianStep+1), int64(medianLeast))
	}
	if now != was {
		m.ns.Store(now)
	}
}

// late is what takes too long.
func (m *median) late() time.Duration {
	usual := time.Duration(m.ns.Load())
	if usual == 0 {
		usual = medianFirst
	}
	return max(lateTimes*usual, lateLeast)
}

// tardiness is what is known of a domain's time.
type tardiness struct {
	tardy   bool
	late    int // attempts in a row that took too long
	prompt  int // in a row, while it is tardy
	need    int // of those
	typical time.Duration
	known   bool      // typical is of attempts that came to an end
	lately  time.Time // the last late attempt
}

// took notes what an attempt took, or takes already.
func (t *tardiness) took(d time.Duration, over bool) {
	switch {
	case !over:
		t.typical = max(t.typical, d)
	case !t.known:
		t.typical, t.known = d, true
	default:
		t.typical = (3*t.typical + d) / 4
	}
}

// handful is how many of its mails take about a second.
func (t *tardiness) handful() int {
	return int(min(max(lateGrab/max(t.typical, time.Millisecond), 1), mostClaim))
}

// Lingers notes an attempt that takes too long, or took: then it is over. It
// is judged once, and measured once more.
func (ds *domains) Lingers(address string, took time.Duration, over, judged bool) {
	ds.mu.Lock()
	defer ds.mu.Unlock()
	d := ds.entry(digest.DomainOf(address))
	if d.took(took, over); judged {
		return
	}
	if d.late == 0 && !d.tardy {
		ds.lates.Add(1)
	}
	d.late, d.prompt, d.lately = d.late+1, 0, ds.now()
	if !d.tardy && d.late >= lateRow {
		d.tardy, d.empty = true, time.Time{}
		d.need = min(max(2*d.need, promptRow), promptMost)
		ds.list()
		ds.log.Warn("mail domain is slow to answer and is sent to apart", "domain", d.name, "took", took.Round(time.Millisecond))
	}
}

// Took notes an attempt that was answered in time. Where no domain was late of
// late it costs one comparison.
func (ds *domains) Took(address string, took, late time.Duration) {
	if ds.lates.Load() == 0 {
		return
	}
	ds.mu.Lock()
	defer ds.mu.Unlock()
	d := ds.at[digest.DomainOf(address)]
	switch {
	case d == nil:
	case d.tardy:
		if d.took(took, true); took > late/2 {
			return
		}
		if d.prompt++; d.prompt >= d.need {
			ds.caughtUp(d)
		}
	case d.late > 0:
		d.late = 0
		ds.lates.Add(-1)
	}
}

// caughtUp lets a domain go that is prompt again: like one whose pace is back,
// which is sent to at full speed until nothing of it is left behind. One that
// is slowed or open for what it says stays that.
func (ds *domains) caughtUp(d *domain) {
	now := ds.now()
	d.tardy, d.late, d.prompt, d.empty = false, 0, 0, time.Time{}
	ds.lates.Add(-1)
	if !d.slowed && !d.open {
		d.top = max(ds.total(), 2*slowest)
		d.slowed, d.pace, d.knee, d.tokens, d.asOf, d.rest = true, d.top, d.top, 0, now, time.Time{}
		d.row, d.good, d.bad, d.sent, d.rated = 0, 0, 0, 0, now
	}
	ds.list()
	ds.log.Info("mail domain answers in time again", "domain", d.name)
}

// crew is the lanes of a relay.
type crew struct {
	lanes int
	out   int // with tardy domains; guarded by domains
}

// room is how many lanes may be with tardy domains: a quarter, while others
// have mail. What nobody else wants they may have, unless they hang: who comes
// next must find a lane.
func (c *crew) room(d *domain, left bool) int {
	quarter := max(c.lanes/lateQuarter, 1)
	switch {
	case left && d.known && d.typical <= hangs:
		return max(c.lanes, 1)
	case c.lanes < 2 && !left:
		return 0
	}
	return quarter
}

// Over gives the lane back that a grab took.
func (ds *domains) Over(g grab) {
	if g.tardy {
		ds.mu.Lock()
		defer ds.mu.Unlock()
		g.crew.out--
	}
}

// stuck says whether a lane that is with a domain without a grab of it must
// leave: the mails of others are in its hands. Once it began with the body it
// stays, and counts.
func (ds *domains) stuck(address string, c *crew, body bool) (leaves, stays bool) {
	ds.mu.Lock()
	defer ds.mu.Unlock()
	d := ds.at[digest.DomainOf(address)]
	if d == nil || !d.tardy {
		return false, false
	}
	if body {
		c.out++
	}
	return !body, body
}

// watch sees how long a lane's attempt takes, while it lasts. Its clock is the
// machine's own.
type watch struct {
	domains *domains
	relay   *relayState
	silent  func(r *relayState, since time.Time) bool // the relay says nothing, and others do
	cut     context.CancelFunc                        // ends what the relay is waited for with

	mu      sync.Mutex
	timer   *time.Timer
	address string // empty: there is no attempt
	grab    grab
	began   time.Time
	paused  time.Time // since when we keep the relay waiting, not it us
	counted int       // how often it was too late
	body    bool      // there is no way back without doubt
	stays   bool
	isCut   bool
}

// Begin starts the watch over an attempt.
func (w *watch) Begin(address string, g grab, cut context.CancelFunc) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.address, w.grab, w.cut, w.began, w.paused = address, g, cut, time.Now(), time.Time{}
	w.counted, w.body, w.stays, w.isCut = 0, false, false, false
	if w.timer == nil {
		w.timer = time.AfterFunc(lateLeast, w.look)
	} else {
		w.timer.Reset(lateLeast)
	}
}

// Body says whether the body may go out. From here on the attempt is not cut
// off: the mail might have been taken. The watch pauses until Go.
func (w *watch) Body() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.body, w.paused = true, time.Now()
	return !w.isCut
}

// Go ends the pause.
func (w *watch) Go() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.began, w.paused = w.began.Add(time.Since(w.paused)), time.Time{}
}

// End ends the watch, and draws the conclusions. It says whether the attempt
// was cut off.
func (w *watch) End(answered bool) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	address, took, late := w.address, time.Since(w.began), w.relay.usual.late()
	w.address = ""
	w.timer.Stop()
	switch {
	case w.isCut:
	case took > late:
		w.domains.Lingers(address, took, true, w.counted > 0)
	case answered && took <= late:
		w.domains.Took(address, took, late)
	}
	if w.stays {
		w.domains.Over(grab{tardy: true, crew: &w.relay.crew})
	}
	if answered {
		w.relay.answered.Store(time.Now().UnixNano())
	}
	// What is tardy is not the relay's measure, unless there is nothing else.
	if answered && !w.isCut && (!w.grab.tardy || w.grab.left) {
		w.relay.usual.take(took)
	}
	return w.isCut
}

// look is the timer's: at a quarter of a second, and then whenever the time is
// twice as long.
func (w *watch) look() {
	w.mu.Lock()
	defer w.mu.Unlock()
	took := time.Since(w.began)
	switch {
	case w.address == "" || took < lateLeast:
		return // it was the timer of the attempt before
	case !w.paused.IsZero():
		w.timer.Reset(lateLeast)
		return
	}
	if late := float64(w.relay.usual.late()) * math.Exp2(float64(2*w.counted)); float64(took) > late && !w.silent(w.relay, w.began) {
		w.counted++
		w.domains.Lingers(w.address, took, false, false)
	}
	if w.counted > 0 && !w.grab.tardy && !w.stays && !w.isCut {
		if w.isCut, w.stays = w.domains.stuck(w.address, &w.relay.crew, w.body); w.isCut {
			w.cut()
			return
		}
	}
	w.timer.Reset(took)
}
