package deliver_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"courant/digest"
	"courant/digest/smtpsink"
)

const slowDomain = "slow.example"

// at subscribes readers of a domain.
func (n newspaper) at(domain string, count int) {
	n.t.Helper()
	rows := make([]digest.ImportRow, count)
	for i := range rows {
		a := fmt.Sprintf("reader%d@%s", i, domain)
		sum := sha256.Sum256([]byte(a))
		rows[i] = digest.ImportRow{Line: i + 1, Address: a, Hash: sum[:]}
	}
	if r, err := n.ImportReaders(n.t.Context(), "all", []string{"morning"}, rows, "test"); err != nil || r.Added != count {
		n.t.Fatalf("added %d of %d readers: %v %v", r.Added, count, r.Faults, err)
	}
}

// tuesday is a mail domain that answers RCPT as it likes at the moment.
type tuesday struct {
	reply atomic.Pointer[smtpsink.Reply] // nil: it takes the mail
	hold  atomic.Bool                    // say nothing until the sink's Release
	asked atomic.Int64                   // RCPTs
	nth   atomic.Int64                   // only every so many get the reply; 0: all
}

var (
	slowDown = &smtpsink.Reply{Code: 451, Enhanced: "4.7.1", Text: "too much mail from you, slow down"}
	goAway   = &smtpsink.Reply{Code: 554, Enhanced: "5.7.1", Text: "blocked by policy, see https://slow.example/why"}
)

func (d *tuesday) script(at smtpsink.Stage, c *smtpsink.Conversation) smtpsink.Action {
	if at != smtpsink.AtRcpt || !strings.HasSuffix(c.To, "@"+slowDomain) {
		return smtpsink.Action{}
	}
	n := d.asked.Add(1)
	if d.hold.Load() {
		return smtpsink.Action{Do: smtpsink.Stall}
	}
	if every := d.nth.Load(); d.reply.Load() == nil || every > 0 && n%every != 0 {
		return smtpsink.Action{}
	}
	return smtpsink.Action{Do: smtpsink.Answer, Reply: *d.reply.Load()}
}

// buffer is a log that may be read while it is written.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	if os.Getenv("SHOWLOG") != "" {
		os.Stderr.Write(p)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func (b *buffer) count(message string) int { return strings.Count(b.String(), message) }

// byDomain counts what the sink has, and wants nobody to have two.
func byDomain(t testing.TB, sinks ...*smtpsink.Sink) map[string]int {
	t.Helper()
	count, seen := map[string]int{}, map[string]int{}
	for _, s := range sinks {
		for _, m := range s.Messages() {
			count[digest.DomainOf(m.To)]++
			if seen[m.To]++; seen[m.To] > 1 {
				t.Errorf("%s got %d mails", m.To, seen[m.To])
			}
		}
	}
	return count
}

// ofSlow counts deliveries to the slow domain.
const ofSlow = `FROM deliveries d JOIN readers r ON r.id = d.reader_id WHERE r.email LIKE '%@slow.example'`

// pressRoom is a newspaper for two domains, one of which has its moods.
func pressRoom(t testing.TB, slow, quick int) (newspaper, *smtpsink.Sink, *tuesday) {
	t.Helper()
	n, d := newNewspaper(t, quick/2), &tuesday{}
	n.at(slowDomain, slow)
	n.add(quick/2, quick-quick/2)
	return n, smtpsink.Start(t, smtpsink.Options{Script: d.script}), d
}

func TestDomainThatTakesNothingIsLeftAloneAndOthersGoOn(t *testing.T) {
	t.Parallel()
	const slow, quick, lanes = 400, 400, 3
	n, sink, d := pressRoom(t, slow, quick)
	d.reply.Store(slowDown)
	e := n.publish()
	engine, c, log := n.engine(sink, lanes), &clock{}, &buffer{}
	engine.Now, engine.Log, engine.Lease = c.now, slog.New(slog.NewTextHandler(log, nil)), 4*time.Second
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- engine.Run(ctx) }()
	must(t, sink.Wait(t.Context(), quick))
	n.await(`SELECT count(*) = 1 FROM circuits WHERE open_until > clock_timestamp() + interval '30 seconds' AND class = 'throttled' AND openings = 1`)
	if got := byDomain(t, sink); got["example.org"] != quick || got[slowDomain] != 0 {
		t.Errorf("the sink has %v", got)
	}
	// Six in a row, and what was on its way when it was slowed.
	asked := d.asked.Load()
	if asked > 6+4*lanes {
		t.Errorf("the domain was asked %d times", asked)
	}
	n.await(`SELECT COALESCE(sum(attempts), 0) = $1 `+ofSlow, asked)
	if said := n.look(`SELECT said FROM circuits`); !strings.Contains(said, "slow down") {
		t.Errorf("the ledger keeps %q", said)
	}
	if got := log.count("mail domain is left alone"); got != 1 || log.count("mail domain is slowed down") != 1 {
		t.Errorf("the operator was told %d times\n%s", got, log)
	}
	left, err := n.Remainder(t.Context())
	must(t, err)
	if left.Due+left.Deferred != slow || left.Due > 0 {
		t.Errorf("left %+v", left)
	}

	// Half open: one mail goes, and no other while nothing is known of it.
	d.hold.Store(true)
	n.exec(`UPDATE circuits SET open_until = clock_timestamp()`)
	must(t, sink.WaitStalled(t.Context(), 1))
	n.await(`SELECT count(*) = 1 FROM circuits WHERE probe_until > clock_timestamp()`)
	n.rounds(engine.Host, 3)
	if got := d.asked.Load(); got != asked+1 {
		t.Errorf("%d probes", got-asked)
	}
	// It fails, and the wait is longer.
	d.hold.Store(false)
	sink.Release()
	n.await(`SELECT count(*) = 0 FROM circuits WHERE probe_until > clock_timestamp()`)

	// The next one is taken: back in, slowly, and then as before.
	d.reply.Store(nil)
	n.exec(`UPDATE circuits SET open_until = clock_timestamp()`)
	n.await(`SELECT count(*) = 0 FROM circuits`)
	n.exec(`UPDATE deliveries SET not_before = clock_timestamp() WHERE not_before IS NOT NULL`)
	for sink.Count() < slow+quick {
		c.advance(5 * time.Second)
		must(t, sink.Wait(t.Context(), min(sink.Count()+1, slow+quick)))
	}
	n.await(`SELECT count(*) = $1 FROM deliveries WHERE state = 'accepted'`, slow+quick)
	stop()
	must(t, <-done)
	byDomain(t, sink)
	n.wantTally(e, digest.Tally{digest.Accepted: slow + quick})
}

// rounds waits until the lease was renewed so many times.
func (n newspaper) rounds(host string, times int) {
	n.t.Helper()
	for range times {
		before := n.look(`SELECT max(lease_until)::text FROM lanes WHERE host = $1`, host)
		n.await(`SELECT max(lease_until) > $2::timestamptz FROM lanes WHERE host = $1`, host, before)
	}
}

func TestDomainThatDefersSomeIsSlowedAndNotStopped(t *testing.T) {
	t.Parallel()
	const slow, quick = 1200, 600
	n, sink, d := pressRoom(t, slow, quick)
	d.nth.Store(4)
	d.reply.Store(slowDown)
	e := n.publish()
	engine, c, log := n.engine(sink, 2), &clock{}, &buffer{}
	engine.Now, engine.Log = c.now, slog.New(slog.NewTextHandler(log, nil))
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- engine.Run(ctx) }()
	// All of the other domain goes, while this one has a good part to come.
	must(t, sink.WaitFor(t.Context(), func(list []smtpsink.Message) bool {
		got := 0
		for _, m := range list {
			if strings.HasSuffix(m.To, "@example.org") {
				got++
			}
		}
		return got == quick
	}))
	for log.count("mail domain is slowed down") == 0 {
		must(t, sink.Wait(t.Context(), min(sink.Count()+1, slow+quick)))
	}
	// It recovers: the pace is back once nothing is deferred any more.
	d.reply.Store(nil)
	n.exec(`UPDATE deliveries SET not_before = clock_timestamp() WHERE not_before IS NOT NULL`)
	for sink.Count() < slow+quick {
		c.advance(20 * time.Second)
		n.exec(`UPDATE deliveries SET not_before = clock_timestamp() WHERE not_before > clock_timestamp()`)
		must(t, sink.Wait(t.Context(), min(sink.Count()+1, slow+quick)))
	}
	n.await(`SELECT count(*) = $1 FROM deliveries WHERE state = 'accepted'`, slow+quick)
	stop()
	must(t, <-done)
	byDomain(t, sink)
	n.wantTally(e, digest.Tally{digest.Accepted: slow + quick})
	if log.count("mail domain is left alone") > 0 {
		t.Errorf("its circuit was opened\n%s", log)
	}
}

func TestBlockStopsTheDomainForAllProcessesAndBlamesNobody(t *testing.T) {
	t.Parallel()
	const slow, quick, lanes = 300, 300, 2
	n, sink, d := pressRoom(t, slow, quick)
	d.reply.Store(goAway)
	e := n.publish()
	engine, log := n.engine(sink, lanes), &buffer{}
	engine.Log = slog.New(slog.NewTextHandler(log, nil))
	left := drain(t, engine)
	asked := int(d.asked.Load())
	if asked > 2*lanes {
		t.Errorf("%d mails were refused before it was left alone", asked)
	}
	n.wantTally(e, digest.Tally{digest.Accepted: quick, digest.Refused: asked, digest.Queued: slow - asked})
	if left.Deferred != slow-asked || left.Due > 0 || left.Next < 4*time.Minute || !strings.Contains(left.Said, "blocked by policy") {
		t.Errorf("left %+v", left)
	}
	if got := n.look(`SELECT COALESCE(sum(attempts), 0)::text ` + ofSlow + ` AND d.state = 'queued'`); got != "0" {
		t.Errorf("%s attempts are counted against readers who wait", got)
	}
	if got := n.look(`SELECT count(*)::text FROM suppressions`); got != "0" {
		t.Errorf("%s readers are suppressed", got)
	}
	if log.count("mail domain is left alone") != 1 || log.count("https://slow.example/why") == 0 || log.count("SPF, DKIM, DMARC") != 1 {
		t.Errorf("the operator was not told once\n%s", log)
	}
	// Another process knows it from the ledger.
	n.publish()
	drain(t, n.engine(sink, lanes))
	if got := int(d.asked.Load()); got != asked {
		t.Errorf("a process that starts asked the domain %d times", got-asked)
	}
	if got := byEdition(sink); got != "300 300" {
		t.Errorf("the sink has %s", got)
	}
}

// byEdition counts the mails of each edition, in order.
func byEdition(sink *smtpsink.Sink) string {
	count := map[string]int{}
	var order []string
	for _, m := range sink.Messages() {
		edition, _, _ := strings.Cut(strings.Trim(m.ID, "<"), ".")
		if count[edition]++; count[edition] == 1 {
			order = append(order, edition)
		}
	}
	var counts []string
	for _, edition := range order {
		counts = append(counts, fmt.Sprint(count[edition]))
	}
	return strings.Join(counts, " ")
}

// A relay that defers everything is not a hundred domains that do.
func TestRelayThatDefersEverythingIsRestedAndNoDomainBlamed(t *testing.T) {
	t.Parallel()
	const domains, each = 8, 5
	n := newNewspaper(t, 0)
	for i := range domains {
		n.at(fmt.Sprintf("domain%d.example", i), each)
	}
	sink := smtpsink.Start(t, smtpsink.Options{Script: smtpsink.Rules(
		smtpsink.Rule{At: smtpsink.AtRcpt, First: 11, Do: smtpsink.Action{Do: smtpsink.Answer, Reply: *slowDown}},
	)})
	e := n.publish()
	engine, log := n.engine(sink, 1), &buffer{}
	engine.Log = slog.New(slog.NewTextHandler(log, nil))
	n.shuffle()
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- engine.Run(ctx) }()
	must(t, sink.Wait(t.Context(), domains*each-11))
	n.await(`SELECT count(*) = 11 FROM deliveries WHERE state = 'queued' AND attempts = 1`)
	n.exec(`UPDATE deliveries SET not_before = clock_timestamp() WHERE not_before IS NOT NULL`)
	must(t, sink.Wait(t.Context(), domains*each))
	stop()
	must(t, <-done)
	byDomain(t, sink)
	n.wantTally(e, digest.Tally{digest.Accepted: domains * each})
	if log.count("relay defers whatever it is given") == 0 || log.count("left alone") > 0 {
		t.Errorf("the log says\n%s", log)
	}
}

// shuffle makes the readers' domains alternate in the order of a claim.
func (n newspaper) shuffle() {
	n.exec(`UPDATE readers r SET email = 'reader' || r.id || '@domain' || r.id % 8 || '.example'`)
}
