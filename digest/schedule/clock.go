package schedule

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"courant/digest"
)

// Store keeps slots as rows. Rows are unique by digest, key and zone, so any
// number of processes may run a Clock over one store.
type Store interface {
	// ScheduleSince is the instant up to which slots of the digest were
	// recorded. The first call records force, when the given terms took force,
	// and returns it: nothing that was due before a digest was first seen is ever
	// sent. Where the rows were made under other terms, it is no earlier either.
	ScheduleSince(ctx context.Context, digest, terms string, force time.Time) (time.Time, error)
	// OweSlots inserts owed and skipped rows, leaves existing ones as they
	// are, and sets the recorded instant to through, in one transaction.
	OweSlots(ctx context.Context, digest string, slots []digest.Slot, through time.Time) error
	// OwedSlots lists the rows still owed.
	OwedSlots(ctx context.Context, digest string) ([]digest.Slot, error)
	// SetBack takes back what is recorded after an instant, because the clock
	// was set back to it: slots that were skipped ahead of it are owed again.
	SetBack(ctx context.Context, digest string, to time.Time) error
	// SkipSlot makes an owed row a skipped one, for the slot's Reason.
	SkipSlot(ctx context.Context, slot digest.Slot) error
	// RetireTimetables forgets how far digests are recorded that are none of
	// these and were not looked at since, and skips what they owe.
	RetireTimetables(ctx context.Context, digests []string, since time.Time) error
	// TakeMoves lists the zones that readers moved to of whom no clock has
	// looked whether an edition passed them by; DropMoves says that this was
	// done for all that were taken.
	TakeMoves(ctx context.Context) (zones []string, err error)
	DropMoves(ctx context.Context) error
	// ReaderZones lists the zones that have readers of the digest.
	ReaderZones(ctx context.Context, d digest.Digest) ([]string, error)
}

const (
	// tick is the longest pause between two looks at the clock, and so how
	// long a suspended or set clock goes unnoticed.
	tick = 15 * time.Second
	// portion is how much time is recorded in one transaction after an outage.
	portion = 24 * time.Hour
	// memory is how far back missed slots are recorded: as long as the ledger
	// keeps its rows. A clock that jumps by decades cannot fill the table.
	memory = 400 * 24 * time.Hour
	// setBack is how far the recorded instant may be ahead before the clock
	// counts as set back. Less is the difference between two hosts.
	setBack = time.Hour
)

// Force is since when a digest's terms count. Zero: since now.
type Force struct {
	At time.Time
	// Anew says that it got them while the process ran, and had none or others
	// before: nothing that lies before At is owed. A process that starts cannot
	// know that, and believes the rows.
	Anew bool
}

// Terms are a digest's schedule and zone in words: what its slots follow from.
func Terms(d digest.Digest) string {
	if d.TimeZone == digest.ZoneReader {
		return d.Schedule + " in " + d.TimeZone + ", else " + homeZone(d)
	}
	return d.Schedule + " in " + d.TimeZone
}

// Clock records slots as they come due and has them published.
type Clock struct {
	Store   Store
	Digests func() []digest.Digest // the config in force, asked at each tick
	// Force is since when the terms count of a digest that was just asked for.
	Force func(digest string) Force
	Nudge <-chan struct{} // wakes Run before its time, as another config does; nil: never
	Now   func() time.Time
	// Publish answers a slot: in one transaction it makes the edition and
	// marks the slot's row. A slot that another process answered meanwhile is
	// no error. After an error the slot is tried again at the next tick, until
	// it is too late for it.
	Publish func(ctx context.Context, d digest.Digest, slot digest.Slot) error
	// PublishMoved gives the slot's edition to those who came to its zone since
	// it was due there. It may be asked again, and does nothing then.
	PublishMoved func(ctx context.Context, d digest.Digest, slot digest.Slot) error
	Log          *slog.Logger

	looked map[string]glance // by digest
}

// glance is when this clock looked at a digest last, and under which terms.
type glance struct {
	terms string
	at    time.Time
}

// Run ticks until ctx ends. Whatever fails is logged and tried again at the
// next tick.
func (c *Clock) Run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-c.Nudge:
		}
		next, err := c.Tick(ctx)
		if err != nil && ctx.Err() == nil {
			c.Log.Error("tick failed, next try at the next tick", "error", err)
		}
		timer.Reset(pause(c.Now(), next))
	}
}

// pause is how long to wait for the next slot, at most a tick: a timer does
// not run on while the machine sleeps, and does not see a clock that is set.
func pause(now, next time.Time) time.Duration {
	if next.IsZero() {
		return tick
	}
	return min(max(next.Sub(now), time.Millisecond), tick)
}

// Tick does for each digest what has come due, and returns when the next slot
// is due (zero: none). The error joins what went wrong; one digest's trouble
// does not keep the others waiting.
func (c *Clock) Tick(ctx context.Context) (next time.Time, err error) {
	var scheduled []string
	for _, d := range c.Digests() {
		if d.Schedule == "" {
			continue // goes out by hand
		}
		scheduled = append(scheduled, d.Name)
		if ctx.Err() != nil {
			return next, errors.Join(err, ctx.Err())
		}
		due, e := c.tick(ctx, d)
		if e != nil {
			err = errors.Join(err, fmt.Errorf("digest %s: %w", d.Name, e))
		}
		if !due.IsZero() && (next.IsZero() || due.Before(next)) {
			next = due
		}
	}
	err = errors.Join(err, c.follow(ctx, c.Now()))
	return next, errors.Join(err, c.Store.RetireTimetables(ctx, scheduled, c.Now().Add(-onTime)))
}

func (c *Clock) tick(ctx context.Context, d digest.Digest) (next time.Time, err error) {
	timetable, err := c.timetable(ctx, d)
	if err != nil {
		return time.Time{}, err
	}
	// Whole seconds: a database that keeps microseconds would round an instant
	// just short of a slot up to it, and the slot would count as recorded.
	now := c.Now().Truncate(time.Second)
	if err := c.record(ctx, d, timetable, now); err != nil {
		return time.Time{}, err
	}
	if due := timetable.Next(1, now); len(due) > 0 {
		next = due[0].Instant
	}
	return next, c.answer(ctx, d, now)
}

func (c *Clock) timetable(ctx context.Context, d digest.Digest) (Timetable, error) {
	if d.TimeZone != digest.ZoneReader {
		return Parse(d)
	}
	zones, err := c.Store.ReaderZones(ctx, d)
	if err != nil {
		return Timetable{}, fmt.Errorf("list readers' zones: %w", err)
	}
	return Parse(d, zones...)
}

// since is the instant after which slots of the digest are to be recorded.
func (c *Clock) since(ctx context.Context, d digest.Digest, now time.Time) (time.Time, error) {
	var f Force
	if c.Force != nil {
		f = c.Force(d.Name)
	}
	if f.At.IsZero() || f.At.After(c.Now()) {
		f = Force{At: now} // the clock was set back since
	}
	since, err := c.Store.ScheduleSince(ctx, d.Name, Terms(d), f.At)
	if err != nil {
		return since, fmt.Errorf("read the recorded instant: %w", err)
	}
	since = c.hidden(d, since, now)
	if f.Anew && since.Before(f.At) {
		since = f.At
	}
	return since, nil
}

// hidden goes back from the recorded instant to this clock's own last look under
// the same terms. A host that still has another config records time without the
// slots of this one; they are owed all the same, and of those that have a row
// nothing changes. Longer ago than a slot is on time for, the rows are believed:
// a host that slept may have the older config itself.
func (c *Clock) hidden(d digest.Digest, since, now time.Time) time.Time {
	last, ok := c.looked[d.Name]
	if !ok || last.terms != Terms(d) || !last.at.Before(since) || since.After(now.Add(setBack)) || now.Sub(last.at) > onTime {
		return since
	}
	return last.at
}

// record writes the rows of what came due since the last time. Only new time
// is looked at, so a schedule that was changed makes no slots in the past.
func (c *Clock) record(ctx context.Context, d digest.Digest, t Timetable, now time.Time) error {
	since, err := c.since(ctx, d, now)
	if err != nil {
		return err
	}
	if since.After(now.Add(setBack)) {
		c.Log.Warn("the clock was set back; what was published ahead of it stays, what was skipped is owed again",
			"digest", d.Name, "recorded", since, "now", now)
		if err := c.Store.SetBack(ctx, d.Name, now); err != nil {
			return fmt.Errorf("take back what is recorded: %w", err)
		}
		return nil
	}
	if oldest := now.Add(-memory); since.Before(oldest) {
		since = oldest
	}
	for since.Before(now) {
		through := since.Add(portion)
		if through.After(now) {
			through = now
		}
		// What is missed already is written down as such at once; what is kept
		// here is looked at again when all rows are there.
		owed, skipped := Decide(d, t.Owed(since, through), now)
		if err := c.owe(ctx, d, append(owed, skipped...), through); err != nil {
			return err
		}
		since = through
	}
	if c.looked == nil {
		c.looked = map[string]glance{}
	}
	c.looked[d.Name] = glance{Terms(d), now}
	return nil
}

func (c *Clock) owe(ctx context.Context, d digest.Digest, slots []digest.Slot, through time.Time) error {
	if err := c.Store.OweSlots(ctx, d.Name, slots, through); err != nil {
		return fmt.Errorf("record slots: %w", err)
	}
	for _, s := range slots {
		c.logSlot(s)
	}
	return nil
}

// answer publishes what the rows say is owed, and skips what the catch-up rule
// drops. The rows may be older than this process.
func (c *Clock) answer(ctx context.Context, d digest.Digest, now time.Time) error {
	rows, err := c.Store.OwedSlots(ctx, d.Name)
	if err != nil {
		return fmt.Errorf("list owed slots: %w", err)
	}
	publish, skip := Decide(d, rows, now)
	for _, s := range skip {
		if e := c.Store.SkipSlot(ctx, s); e != nil {
			err = errors.Join(err, fmt.Errorf("skip slot %s: %w", s.Key, e))
			continue
		}
		c.logSlot(s)
	}
	for _, s := range publish {
		if e := c.Publish(ctx, d, s); e != nil {
			err = errors.Join(err, fmt.Errorf("publish slot %s: %w", s.Key, e))
		}
	}
	return err
}

func (c *Clock) logSlot(s digest.Slot) {
	if s.State == digest.SlotSkipped {
		c.Log.Info("slot skipped", "digest", s.Digest, "slot", s.Key, "zone", s.Zone, "reason", s.Reason)
		return
	}
	c.Log.Info("slot due", "digest", s.Digest, "slot", s.Key, "zone", s.Zone)
}
