package deliver

import (
	"context"
	"log/slog"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"courant/digest"
)

// A domain's budget and circuit, by what its server says of our mails (RFC
// 5321 section 4.2.1: 4yz asks us to come again, 5yz not to):
//
//	free --a 4xx--> watched --3 in a row, or 15 of 100--> slowed --3 more in a row--> open
//	 ^                 |                                    |  ^                       |
//	 +-- 1000 taken ---+                                    |  |      1, 5, 15, 30 min, then hourly
//	 ^                                                      |  |                       v
//	 +---------- its pace is back, its rest is sent --------+  +---one is taken--- half open: one probe
//	                                                                                   | 4xx, or blocked: open
//	any --5.7.x, blocked--> open
//
// Free and watched domains are sent to as fast as it goes. A slowed one has a
// pace and is claimed apart, so that a claim never holds more of it than its
// budget; of an open one nothing is claimed at all.
//
// Beside that, each of them may be tardy, by the time it takes (see tardy.go): a
// free one then has no pace but few lanes, a slowed one both, and the probe of an
// open one waits for such a lane. When it is prompt again it stays slowed or open
// if it was, else it is as one whose pace is back.
const (
	inARow      = 3   // 4xx replies, with no mail taken in between, that slow a domain
	rowsToOpen  = 3   // more of them, each after a rest, that open its circuit
	sample      = 100 // replies over which a share is taken ...
	tooMany     = 15  // ... and the 4xx among them that slow a domain: noise of 3 % never does
	trusted     = 1000
	slowest     = 1.0             // mails a second: below that it is the circuit's business
	restFirst   = time.Second / 2 // doubles with each throttling in a row
	regain      = 20.0            // seconds from half the pace back to all of it
	bolder      = 30.0            // seconds without a 4xx after which it grows twice as fast
	slowStart   = 2.0             // seconds in which the pace doubles up to the last good one
	forgetAfter = 10 * time.Minute
	// Where very many domains say a 4xx now and then, each is kept for less.
	manyWatched = 10_000
	forgetMany  = 30 * time.Second
	// blockedApart: one mailbox may have a policy of its own; a domain that took
	// so many since its last block goes on.
	blockedApart = 100
	probeTime    = 2 * time.Minute
)

// domains is what this process knows of mail domains that don't take all we
// have. Nothing is kept of the others, however many there are.
type domains struct {
	now   func() time.Time
	total func() float64 // mails a second, over all relays
	log   *slog.Logger

	known atomic.Int64 // entries; while there are none the lanes look no further
	held  atomic.Int64 // those that are slowed, open or tardy
	lates atomic.Int64 // those that are tardy, or were late the last time
	mu    sync.Mutex
	at    map[string]*domain
	names []string // those held, sorted
	turn  int
}

// domain is one that said 4xx or blocked us of late.
type domain struct {
	name     string
	slowed   bool
	open     bool           // its circuit is open or half open
	row      int            // 4xx in a row
	good     int            // of the sample
	bad      int            // of the sample
	taken    int            // since the last trouble
	last     digest.Circuit // what was said last
	troubled time.Time      // the last 4xx
	judged   time.Time      // slowed or opened: what was on its way then tells nothing new
	rest     time.Time      // nothing goes before
	until    time.Time      // of an open one: the probe's time

	pace, knee, top float64 // mails a second: now; the last that went well; what counts as unbounded
	tokens          float64
	asOf            time.Time // of pace and tokens
	rated           time.Time // since when sent counts
	sent            int

	probing, others bool // a probe is ours, or another process's, to send
	probeFrom       time.Time
	untold          news
	inLedger        bool      // the ledger knows that it is open
	empty           time.Time // when no row of it was found last
	wasBlocked      bool

	tardiness
}

// news is what the ledger has yet to hear of a domain.
type news string

const (
	nothing  news = ""
	isOpen   news = "open"
	isClosed news = "closed"
	unprobed news = "not probed" // the probe told nothing
)

func newDomains(now func() time.Time, total func() float64, log *slog.Logger) *domains {
	return &domains{now: now, total: total, log: log, at: map[string]*domain{}}
}

// entry finds a domain or makes one. Called with mu held.
func (ds *domains) entry(name string) *domain {
	d := ds.at[name]
	if d == nil {
		d = &domain{name: name, rated: ds.now()}
		ds.at[name] = d
		ds.known.Store(int64(len(ds.at)))
	}
	return d
}

// drop forgets a domain. Called with mu held.
func (ds *domains) drop(d *domain) {
	if d.tardy || d.late > 0 {
		ds.lates.Add(-1)
	}
	delete(ds.at, d.name)
	ds.known.Store(int64(len(ds.at)))
}

// list brings up to date who is held. Called with mu held.
func (ds *domains) list() {
	ds.names = nil // never changed in place: claims hold it
	for name, d := range ds.at {
		if d.slowed || d.open || d.tardy {
			ds.names = append(ds.names, name)
		}
	}
	slices.Sort(ds.names)
	ds.held.Store(int64(len(ds.names)))
	ds.known.Store(int64(len(ds.at)))
}

// Held names the domains that are claimed apart, or not at all.
func (ds *domains) Held() []string {
	if ds.held.Load() == 0 {
		return nil
	}
	ds.mu.Lock()
	defer ds.mu.Unlock()
	return ds.names
}

// pressure says whether an outcome asks us to be slower at the reader's
// domain: 421, 450, 451, 454 and what says so in words, said of this message.
func pressure(o digest.Outcome) bool {
	if o.Verdict != digest.VerdictDeferred || beforeRcpt(o.Stage) || o.Reply.Code == 0 {
		return false
	}
	switch o.Reply.Code {
	case 421, 450, 451, 454:
		return o.Class != digest.ClassSoft // a full mailbox is one reader's
	}
	return o.Class == digest.ClassThrottled
}

func blockedBy(o digest.Outcome) bool {
	return o.Verdict == digest.VerdictRefused && o.Class == digest.ClassBlocked && !beforeRcpt(o.Stage)
}

// Heard draws the conclusions from the end of an attempt that began at from.
func (ds *domains) Heard(w digest.Work, o digest.Outcome, from time.Time) {
	bad, blocked := pressure(o), blockedBy(o)
	if !bad && !blocked && ds.known.Load() == 0 {
		return
	}
	ds.mu.Lock()
	defer ds.mu.Unlock()
	name := digest.DomainOf(w.Address)
	switch {
	case blocked:
		ds.blocked(ds.entry(name), o, from)
	case bad:
		ds.throttled(ds.entry(name), o, from)
	case o.Verdict == digest.VerdictAccepted && ds.at[name] != nil:
		ds.accepted(ds.at[name])
	}
}

func (ds *domains) accepted(d *domain) {
	d.row, d.taken, d.sent, d.good = 0, d.taken+1, d.sent+1, d.good+1
	if d.probing {
		ds.closed(d)
	}
	ds.sampled(d)
	if !d.slowed && !d.open && !d.tardy && d.taken >= trusted && !d.wasBlocked {
		ds.drop(d)
	}
}

func (ds *domains) throttled(d *domain, o digest.Outcome, from time.Time) {
	now := ds.now()
	d.last = digest.Circuit{Domain: d.name, Class: digest.ClassThrottled, Said: digest.WithoutAddresses(o.Said())}
	d.troubled, d.taken = now, 0
	if d.probing {
		ds.opened(d, now)
		return
	}
	// What was on its way when it was slowed says nothing of the slower pace.
	if d.open || !from.After(d.judged) && !d.judged.IsZero() {
		return
	}
	d.row, d.bad = d.row+1, d.bad+1
	switch {
	case d.slowed && d.row >= inARow+rowsToOpen:
		ds.opened(d, now)
	case d.slowed && d.row > inARow, d.row == inARow:
		ds.slow(d, now, restFirst<<(d.row-inARow))
	default:
		ds.sampled(d)
	}
}

// sampled judges a whole sample by the share of 4xx in it.
func (ds *domains) sampled(d *domain) {
	switch {
	case d.good+d.bad < sample:
	case d.bad >= tooMany && !d.open:
		ds.slow(d, ds.now(), restFirst)
	default:
		d.good, d.bad = 0, 0
	}
}

// slow halves what went through, and lets the domain rest for a moment.
func (ds *domains) slow(d *domain, now time.Time, rest time.Duration) {
	d.grow(now)
	went := d.top
	if span := now.Sub(d.rated).Seconds(); span > 1 {
		went = float64(d.sent) / span
	}
	if !d.slowed {
		d.top = max(ds.total(), 2*slowest)
		if went == 0 || d.sent == 0 {
			went = d.top
		}
		d.pace = went
		ds.log.Warn("mail domain is slowed down", "domain", d.name, "said", d.last.Said, "mails_a_second", math.Round(max(min(went, d.pace)/2, slowest)))
	}
	d.pace = max(min(d.pace, went)/2, slowest)
	d.knee = d.pace
	d.good, d.bad, d.sent, d.rated = 0, 0, 0, now
	d.judged, d.rest, d.tokens, d.asOf = now, now.Add(rest), 0, now.Add(rest)
	d.slowed, d.empty = true, time.Time{}
	ds.list()
}

// grow brings pace and tokens up to now. From a fresh start the pace doubles
// up to the last good one. Beyond that it grows evenly, and the bolder the
// longer nothing speaks against it.
func (d *domain) grow(now time.Time) {
	dt := now.Sub(d.asOf).Seconds()
	if dt <= 0 || !d.slowed {
		return
	}
	d.asOf = now
	if d.pace < d.knee {
		d.pace = min(d.pace*math.Exp2(dt/slowStart), d.knee)
	} else {
		quiet := min(now.Sub(d.judged).Seconds(), 600)
		d.pace += min(dt, regain) * d.knee / regain * math.Exp2(quiet/bolder)
	}
	d.tokens = min(d.tokens+dt*d.pace, max(d.pace, 1))
}

// free says whether a slowed domain's pace bounds it no more.
func (d *domain) free() bool { return d.slowed && !d.open && d.pace >= d.top }

// blocked opens the circuit: it is about us, and each further mail makes it
// worse.
func (ds *domains) blocked(d *domain, o digest.Outcome, from time.Time) {
	apart := d.wasBlocked && d.taken >= blockedApart && !d.open
	now := ds.now()
	d.last = digest.Circuit{Domain: d.name, Class: digest.ClassBlocked, Said: digest.WithoutAddresses(o.Said())}
	d.troubled, d.taken, d.wasBlocked = now, 0, true
	if apart || !d.probing && (d.open || !from.After(d.judged) && !d.judged.IsZero()) {
		return
	}
	ds.opened(d, now)
}

// opened leaves a domain alone. How long is the ledger's to say, which counts
// the openings of all processes; until it is asked the first wait holds.
func (ds *domains) opened(d *domain, now time.Time) {
	if !d.slowed {
		d.top = max(ds.total(), 2*slowest)
		d.knee = d.top / 2
	}
	d.open, d.slowed, d.probing, d.untold = true, true, false, isOpen
	d.until, d.judged, d.row, d.pace, d.tokens = now.Add(openSteps(d.last.Class)[0]), now, 0, slowest, 0
	ds.list()
}

// closed: the probe was taken. The domain starts slowly.
func (ds *domains) closed(d *domain) {
	now := ds.now()
	d.open, d.probing, d.untold = false, false, isClosed
	d.pace, d.tokens, d.asOf, d.rest, d.judged = slowest, slowest, now, now, now
	d.row, d.good, d.bad, d.sent, d.rated, d.empty = 0, 0, 0, 0, now, time.Time{}
	d.top = max(d.top, ds.total()) // it may have been opened before anything was sent
	ds.list()
	ds.log.Info("mail domain takes mail again", "domain", d.name)
}

// openSteps are the waits before the probes. A block is not over in a minute,
// and each probe there costs a reader the mail.
func openSteps(class digest.Class) []time.Duration {
	if class == digest.ClassBlocked {
		return retrySteps[1:]
	}
	return retrySteps[:]
}

// Leave says whether a mail of a general claim may go to its domain; if not,
// how long it has to wait, and the words that say why.
// What was claimed by a grab may go as long as nothing was heard since that
// speaks against it.
func (ds *domains) Leave(address string, g grab) (ok bool, wait time.Duration, why digest.Circuit) {
	if ds.held.Load() == 0 {
		return true, 0, why
	}
	ds.mu.Lock()
	defer ds.mu.Unlock()
	d := ds.at[digest.DomainOf(address)]
	now := ds.now()
	switch {
	case d == nil || !d.slowed && !d.open && !d.tardy,
		d.name == g.domain && d.judged.Equal(g.judged) && (g.tardy || !d.tardy):
		return true, 0, why
	case d.open:
		// A moment later than the probe, which decides.
		return false, max(d.until.Sub(now), 0) + restFirst, d.last
	case d.tardy:
		return false, restFirst, digest.Circuit{Class: digest.ClassTransient, Said: lateWords}
	}
	d.grow(now)
	if wait := d.rest.Sub(now); wait > 0 {
		return false, wait, d.last
	}
	if d.free() || d.tokens >= 1 {
		d.tokens--
		return true, 0, why
	}
	return false, restFirst, d.last
}

// grab is a budget to claim with.
type grab struct {
	domain string
	n      int
	probe  bool
	full   bool // its pace bounds it no more: it is as any other work
	tardy  bool // it has one of the lanes of the crew that tardy domains may have, until Over
	crew   *crew
	left   bool // nobody else had mail
	judged time.Time
}

// Next is a domain with a budget, of which rows may be found.
func (ds *domains) Next(c *crew) (g grab, ok bool) { return ds.next(c, false) }

// Left is a tardy domain that may have a lane where nobody else has mail.
func (ds *domains) Left(c *crew) (g grab, ok bool) { return ds.next(c, true) }

func (ds *domains) next(c *crew, left bool) (g grab, ok bool) {
	if ds.held.Load() == 0 {
		return g, false
	}
	ds.mu.Lock()
	defer ds.mu.Unlock()
	now := ds.now()
	ds.turn++
	for i := range ds.names {
		name := ds.names[(ds.turn+i)%len(ds.names)]
		d := ds.at[name]
		if left && !d.tardy || ds.wait(d, now, c, left) > 0 {
			continue
		}
		if !d.tardy && !d.open && d.free() {
			g, ok = grab{domain: name, n: mostClaim, full: true, judged: d.judged}, true
			continue
		}
		return ds.grab(d, now, c, left), true
	}
	return g, ok
}

// grab takes a domain's budget, and a tardy one's lane.
func (ds *domains) grab(d *domain, now time.Time, c *crew, left bool) grab {
	g := grab{domain: d.name, n: mostClaim, tardy: d.tardy, crew: c, left: left, judged: d.judged}
	if d.tardy {
		c.out++
		g.n = d.handful()
	}
	switch {
	case d.open:
		d.probing, d.probeFrom = true, now
		g.n, g.probe = 1, true
	case d.slowed && !d.free():
		g.n = min(int(d.tokens), g.n)
		d.tokens -= float64(g.n)
	}
	return g
}

// wait is how long until a domain may be claimed from. Called with mu held.
func (ds *domains) wait(d *domain, now time.Time, c *crew, left bool) time.Duration {
	d.grow(now)
	wait := max(d.rest.Sub(now), d.empty.Add(emptyFor).Sub(now))
	if d.tardy && c.out >= c.room(d, left) {
		wait = max(wait, roundEvery)
	}
	switch {
	case d.open && (d.probing || d.others):
		wait = max(wait, roundEvery)
	case d.open:
		wait = max(wait, d.until.Sub(now))
	case d.slowed && d.tokens < d.worth() && !d.free():
		wait = max(wait, time.Duration((d.worth()-d.tokens)/d.pace*float64(time.Second))+time.Millisecond)
	}
	return wait
}

// worth is how many mails are worth a claim: a fifth of a second's.
func (d *domain) worth() float64 { return min(max(d.pace/5, 1), mostClaim) }

// emptyFor is how long a domain is not looked at after none of its rows was
// found.
const emptyFor = time.Second

// Wait is how long until some held domain has a budget for a relay's lane.
func (ds *domains) Wait(c *crew, most time.Duration) time.Duration {
	if ds.held.Load() == 0 {
		return most
	}
	ds.mu.Lock()
	defer ds.mu.Unlock()
	now := ds.now()
	for _, name := range ds.names {
		most = min(most, ds.wait(ds.at[name], now, c, true))
	}
	return max(most, time.Millisecond)
}

// Waiting says whether a held domain has, or will shortly have, rows to claim.
func (ds *domains) Waiting() bool {
	if ds.held.Load() == 0 {
		return false
	}
	ds.mu.Lock()
	defer ds.mu.Unlock()
	now := ds.now()
	for _, name := range ds.names {
		d := ds.at[name]
		switch {
		case d.empty.Add(emptyFor).After(now) || d.open && d.others:
		case d.open && d.until.After(now):
		default:
			return true
		}
	}
	return false
}

// Found notes how many rows a grab found. One whose pace is back is sent to
// like any other, once nothing of it is left behind.
func (ds *domains) Found(g grab, n int) {
	ds.mu.Lock()
	defer ds.mu.Unlock()
	d := ds.at[g.domain]
	if d == nil {
		return
	}
	if !g.full && !g.probe && d.slowed {
		d.tokens += float64(g.n - n)
	}
	if n > 0 {
		return
	}
	if g.probe {
		d.probing = false
	}
	if d.free() && !d.tardy {
		d.slowed, d.row, d.good, d.bad = false, 0, 0, 0
		ds.list()
		return
	}
	d.empty = ds.now()
}

// ProbeOver ends a probe that told nothing: its mail was refused for its
// reader's sake, or never left.
func (ds *domains) ProbeOver(g grab) { ds.endProbe(g, false, unprobed) }

// Denied ends a probe that another process sends.
func (ds *domains) Denied(g grab) { ds.endProbe(g, true, nothing) }

// Failed gives a grab back whose claim failed.
func (ds *domains) Failed(g grab) { ds.endProbe(g, false, nothing) }

func (ds *domains) endProbe(g grab, others bool, n news) {
	if !g.probe {
		return
	}
	ds.mu.Lock()
	defer ds.mu.Unlock()
	if d := ds.at[g.domain]; d != nil && d.probing {
		d.probing, d.others = false, others
		if n != nothing {
			d.untold = n
		}
	}
}

// Rewound forgets that domains had no rows.
func (ds *domains) Rewound() {
	if ds.held.Load() == 0 {
		return
	}
	ds.mu.Lock()
	defer ds.mu.Unlock()
	for _, name := range ds.names {
		ds.at[name].empty = time.Time{}
	}
}

// Acquit takes back what was held against domains of late: the relay as a
// whole was it.
func (ds *domains) Acquit(since time.Time) {
	if ds.known.Load() == 0 {
		return
	}
	ds.mu.Lock()
	defer ds.mu.Unlock()
	for _, d := range ds.at {
		if !d.open && !d.troubled.Before(since) {
			d.row, d.good, d.bad = 0, 0, 0
			switch {
			case d.slowed:
				d.pace, d.rest = d.top, time.Time{}
			case !d.tardy:
				ds.drop(d)
			}
		}
	}
	ds.list()
}

// News says whether the ledger has something to hear.
func (ds *domains) News() bool { return len(ds.untold()) > 0 }

// Tell brings the ledger and this process's view of the circuits together. It
// is the keeper's: lanes never wait for it.
func (ds *domains) Tell(ctx context.Context, store Store) error {
	for _, t := range ds.untold() {
		if err := ds.tell(ctx, store, t); err != nil {
			return err
		}
	}
	list, err := store.Circuits(ctx)
	if err != nil {
		return err
	}
	ds.learn(list)
	return nil
}

// telling is one thing the ledger is to hear.
type telling struct {
	news news
	of   digest.Circuit
}

func (ds *domains) untold() (list []telling) {
	if ds.known.Load() == 0 {
		return nil
	}
	ds.mu.Lock()
	defer ds.mu.Unlock()
	for name, d := range ds.at {
		if d.untold != nothing {
			c := d.last
			c.Domain = name
			list = append(list, telling{d.untold, c})
		}
	}
	return list
}

func (ds *domains) tell(ctx context.Context, store Store, t telling) (err error) {
	switch t.news {
	case isOpen:
		err = ds.tellOpen(ctx, store, t.of)
	case isClosed:
		err = store.CloseCircuit(ctx, t.of.Domain)
	case unprobed:
		err = store.EndProbe(ctx, t.of.Domain)
	}
	if err != nil {
		return err
	}
	ds.mu.Lock()
	defer ds.mu.Unlock()
	if d := ds.at[t.of.Domain]; d != nil && d.untold == t.news {
		d.untold, d.inLedger = nothing, t.news != isClosed
	}
	return nil
}

// tellOpen writes an opening down, and tells the operator: once, by the
// process that opened it.
func (ds *domains) tellOpen(ctx context.Context, store Store, c digest.Circuit) error {
	waits := slices.Clone(openSteps(c.Class))
	for i, w := range waits {
		waits[i] = jitter(w)
	}
	opened, err := store.OpenCircuit(ctx, c, waits)
	if err != nil || !opened {
		return err
	}
	advice := "it asks for less; its deliveries wait and go on by themselves"
	if c.Class == digest.ClassBlocked {
		advice = "it does not want our mail: look up what it says, check SPF, DKIM, DMARC and block lists; its deliveries wait, no reader is blamed"
	}
	ds.log.Error("mail domain is left alone", "domain", c.Domain, "class", c.Class, "said", c.Said, "what_to_do", advice)
	return nil
}

// learn takes over what the ledger says: openings of other processes, the
// waits, and circuits that others closed.
func (ds *domains) learn(list []digest.Circuit) {
	if len(list) == 0 && ds.known.Load() == 0 {
		return
	}
	ds.mu.Lock()
	defer ds.mu.Unlock()
	now := ds.now()
	stands := make(map[string]bool, len(list))
	for _, c := range list {
		stands[c.Domain] = true
		if d := ds.entry(c.Domain); d.untold != isOpen && d.untold != isClosed { // else ours is newer
			ds.adopt(d, c, now)
		}
	}
	forget := forgetAfter
	if len(ds.at) > manyWatched {
		forget = forgetMany
	}
	for name, d := range ds.at {
		switch {
		case d.open && d.inLedger && d.untold != isOpen && !stands[name]:
			ds.closed(d)
			d.untold, d.inLedger = nothing, false
		case !d.slowed && !d.open && !d.tardy && d.untold == nothing && now.Sub(d.troubled) > forget && now.Sub(d.lately) > forget:
			ds.drop(d)
		}
	}
	ds.list()
}

// adopt makes a circuit of the ledger this process's own.
func (ds *domains) adopt(d *domain, c digest.Circuit, now time.Time) {
	if !d.open {
		ds.opened(d, now)
		d.untold = nothing
	}
	if d.probing && now.Sub(d.probeFrom) > probeTime {
		d.probing = false
	}
	d.inLedger, d.others = true, c.Probing && !d.probing
	if !d.probing {
		d.last, d.until = c, now.Add(c.Left)
	}
}
