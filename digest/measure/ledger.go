package measure

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"courant/digest"

	"github.com/prometheus/client_golang/prometheus"
)

// Store is what a scrape reads of the rows.
type Store interface {
	// Underway reads the editions that are not finished, the last of each digest,
	// and what was published since.
	Underway(ctx context.Context, since time.Time) ([]digest.Progress, error)
	// Shares counts the deliveries of editions.
	Shares(ctx context.Context, editions []digest.EditionID) ([]digest.Share, error)
	// SourceStates reads how the sources stand.
	SourceStates(ctx context.Context) ([]digest.SourceState, error)
	// Spent reads how the limits of a relay's account stand.
	Spent(ctx context.Context, account string, limits []digest.Budget) ([]digest.Spending, error)
}

// How often the rows are looked at, however often somebody scrapes: counting a
// million deliveries takes some tenths of a second of the database, and it has
// mails to see to. So a look is kept for ten times what it took, and an edition
// that is finished for some minutes: only reports still change it.
const (
	lookEvery   = 5 * time.Second
	lookShare   = 10
	lookTime    = 8 * time.Second // a scrape is given up after ten, by default
	finishedFor = 5 * time.Minute
)

// ledger looks at the rows when it is scraped.
type ledger struct {
	store Store
	now   func() time.Time
	log   *slog.Logger

	mu       sync.Mutex
	next     time.Time
	err      error
	editions []digest.Progress
	sources  []digest.SourceState
	limits   []digest.Submission
	kept     map[digest.EditionID]keptShares
}

// keptShares are those of a finished edition.
type keptShares struct {
	shares   []digest.Share
	finished time.Time
	until    time.Time
}

func newLedger(o Options) *ledger {
	return &ledger{store: o.Store, now: o.Now, log: o.Log, limits: slices.Clone(o.Limits), kept: map[digest.EditionID]keptShares{}}
}

// limit has other limits told from the next scrape on.
func (l *ledger) limit(limits []digest.Submission) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.limits, l.next = slices.Clone(limits), time.Time{}
}

// gauge describes one figure of the ledger.
func gauge(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(prometheus.BuildFQName(namespace, "", name), help, labels, nil)
}

// The figures of the ledger. They never change: a Desc is a name with its help.
func descs() map[string]*prometheus.Desc {
	return map[string]*prometheus.Desc{
		"up":        gauge("database_up", "Whether the rows could be read: 1, or 0 and the figures of the ledger are missing."),
		"editions":  gauge("editions", "Editions that are not finished, by state.", "state"),
		"rows":      gauge("deliveries", "Deliveries of a digest's latest edition and of those not finished, by state; deferred ones are not in queued.", "digest", "state"),
		"took":      gauge("slot_to_last_accepted_seconds", "From the slot of a digest's latest edition to the last mail that a relay took.", "digest"),
		"waiting":   gauge("oldest_queued_seconds", "How long the longest of the queued or deferred deliveries waits.", "digest"),
		"published": gauge("last_published_timestamp_seconds", "When a digest's latest edition was published.", "digest"),
		"limit":     gauge("limit_wait_seconds", "How long until a relay's limits let a mail go; 0: one may go now.", "relay"),
		"failures":  gauge("source_failures", "Polls of a source that failed in a row.", "source"),
		"success":   gauge("source_last_success_timestamp_seconds", "When a source was last polled with success.", "source"),
		"newest":    gauge("source_newest_article_timestamp_seconds", "When a source last brought a new article.", "source"),
		"reachable": gauge("source_up", "Whether a source's last poll succeeded: 1, or 0. One that was never polled is left out.", "source"),
		"silent":    gauge("source_silent", "Whether a source answers and brought nothing new for a week.", "source"),
		"dead":      gauge("source_dead", "Whether a source is gone for good, or could not be read for a week.", "source"),
	}
}

// Describe names what Collect may give.
func (l *ledger) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range descs() {
		ch <- d
	}
}

// Collect looks at the rows, unless the last look is fresh enough.
func (l *ledger) Collect(ch chan<- prometheus.Metric) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now := l.now(); !now.Before(l.next) {
		l.err = l.look(now)
		took := l.now().Sub(now)
		l.next = l.now().Add(max(lookEvery, lookShare*took))
		if l.err != nil {
			l.log.Warn("a scrape could not read the rows", "error", l.err)
		}
	}
	c := collection{ch, descs()}
	if l.err != nil {
		c.give("up", 0)
		return
	}
	c.give("up", 1)
	c.editions(l.editions, l.now())
	c.sources(l.sources, l.now())
	c.limits(l.limits)
}

func (l *ledger) look(now time.Time) (err error) {
	ctx, cancel := context.WithTimeout(context.Background(), lookTime)
	defer cancel()
	if l.sources, err = l.store.SourceStates(ctx); err != nil {
		return err
	}
	// Nothing is published after now: the latest of each digest will do.
	if l.editions, err = l.store.Underway(ctx, now.AddDate(1, 0, 0)); err != nil {
		return err
	}
	var ids []digest.EditionID
	for _, p := range l.editions {
		k, ok := l.kept[p.Edition.ID]
		if !ok || p.Finished.IsZero() || !p.Finished.Equal(k.finished) || now.After(k.until) {
			ids = append(ids, p.Edition.ID)
		}
	}
	shares, err := l.store.Shares(ctx, ids)
	if err != nil {
		return err
	}
	l.keep(shares, ids, now)
	return l.spent(ctx)
}

// spent reads how the relays' limits stand.
func (l *ledger) spent(ctx context.Context) error {
	for i, r := range l.limits {
		budgets := make([]digest.Budget, len(r.Limits))
		for j, s := range r.Limits {
			budgets[j] = s.Budget
		}
		limits, err := l.store.Spent(ctx, r.Account, budgets)
		if err != nil {
			return err
		}
		l.limits[i].Limits = limits
	}
	return nil
}

// keep gives the editions their shares, those just counted or those of before.
func (l *ledger) keep(shares []digest.Share, counted []digest.EditionID, now time.Time) {
	byEdition := map[digest.EditionID][]digest.Share{}
	for _, id := range counted {
		byEdition[id] = nil
	}
	for _, s := range shares {
		byEdition[s.Edition] = append(byEdition[s.Edition], s)
	}
	kept := map[digest.EditionID]keptShares{}
	for i, p := range l.editions {
		k := l.kept[p.Edition.ID]
		if fresh, ok := byEdition[p.Edition.ID]; ok {
			k = keptShares{fresh, p.Finished, now.Add(finishedFor)}
		}
		kept[p.Edition.ID], l.editions[i].Shares = k, k.shares
	}
	l.kept = kept
}

// collection is where one scrape's figures go.
type collection struct {
	ch    chan<- prometheus.Metric
	descs map[string]*prometheus.Desc
}

func (c collection) give(name string, value float64, labels ...string) {
	c.ch <- prometheus.MustNewConstMetric(c.descs[name], prometheus.GaugeValue, value, labels...)
}

// editions gives what is told by digest, over all its editions at hand.
func (c collection) editions(list []digest.Progress, now time.Time) {
	states := map[digest.EditionState]int{digest.EditionOpen: 0, digest.EditionSending: 0, digest.EditionHeld: 0}
	byDigest := map[string][]digest.Progress{}
	for _, p := range list {
		if _, ok := states[p.Edition.State]; ok {
			states[p.Edition.State]++
		}
		byDigest[p.Edition.Digest] = append(byDigest[p.Edition.Digest], p)
	}
	for state, n := range states {
		c.give("editions", float64(n), string(state))
	}
	for name, editions := range byDigest {
		c.digest(name, editions, now)
	}
}

// deferredState is queued with attempts behind it, which an operator wants
// told apart.
const deferredState = "deferred"

// digest gives the figures of one digest; its editions come oldest first.
func (c collection) digest(name string, editions []digest.Progress, now time.Time) {
	rows := map[string]int{deferredState: 0}
	for _, state := range digest.DeliveryStates() {
		rows[string(state)] = 0
	}
	var waiting time.Time
	var latest, accepted digest.Progress
	for _, p := range editions {
		for state, n := range p.Tally() {
			rows[string(state)] += n
		}
		rows[deferredState] += p.Deferred()
		rows[string(digest.Queued)] -= p.Deferred()
		if w := p.Waiting(); !w.IsZero() && (waiting.IsZero() || w.Before(waiting)) {
			waiting = w
		}
		if p.Edition.Kind == digest.KindProof {
			continue
		}
		latest = p
		if !p.LastAccepted().IsZero() {
			accepted = p
		}
	}
	for state, n := range rows {
		c.give("rows", float64(n), name, state)
	}
	if last := accepted.LastAccepted(); !last.IsZero() {
		c.give("took", max(last.Sub(accepted.Edition.Instant).Seconds(), 0), name)
	}
	if !latest.Edition.Published.IsZero() {
		c.give("published", float64(latest.Edition.Published.UnixMilli())/1000, name)
	}
	age := 0.0
	if !waiting.IsZero() {
		age = max(now.Sub(waiting).Seconds(), 0)
	}
	c.give("waiting", age, name)
}

// limits gives each relay's wait: of several accounts there the shortest, which
// is when a mail may go.
func (c collection) limits(relays []digest.Submission) {
	waits := map[string]time.Duration{}
	for _, r := range relays {
		wait, _ := r.Next()
		if other, there := waits[r.Relay]; there {
			wait = min(wait, other)
		}
		waits[r.Relay] = wait
	}
	for relay, wait := range waits {
		c.give("limit", wait.Seconds(), relay)
	}
}

// sources gives each source of the config its figures, so their number is as
// bounded as the config.
func (c collection) sources(list []digest.SourceState, now time.Time) {
	for _, s := range list {
		name, condition := s.Source.Name, s.Condition(now)
		c.give("failures", float64(s.Failures), name)
		c.give("silent", truth(condition == digest.SourceSilent), name)
		c.give("dead", truth(condition == digest.SourceDead), name)
		if condition != digest.SourceNew {
			c.give("reachable", truth(s.Failures == 0 && !s.Gone), name)
		}
		c.since("success", s.LastSuccess, name)
		c.since("newest", s.Newest, name)
	}
}

// since gives a time, unless there is none.
func (c collection) since(name string, at time.Time, label string) {
	if !at.IsZero() {
		c.give(name, float64(at.UnixMilli())/1000, label)
	}
}

func truth(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}
