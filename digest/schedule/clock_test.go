package schedule

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"courant/digest"
)

// rows keeps slots the way the table does: unique by digest, key and zone.
type rows struct {
	mu    sync.Mutex
	since map[string]time.Time
	terms map[string]string
	slots []digest.Slot
	zones []string
	moves []string // the zones that readers came to
	fault error
}

func (r *rows) ScheduleSince(_ context.Context, name, terms string, force time.Time) (time.Time, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.since == nil {
		r.since, r.terms = map[string]time.Time{}, map[string]string{}
	}
	switch since, known := r.since[name]; {
	case !known:
		r.since[name] = force
	case r.terms[name] != "" && r.terms[name] != terms && since.Before(force):
		r.since[name] = force
	}
	r.terms[name] = terms
	return r.since[name], r.fault
}

func (r *rows) RetireTimetables(_ context.Context, names []string, since time.Time) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for name, through := range r.since {
		if slices.Contains(names, name) || !through.Before(since) {
			continue
		}
		delete(r.since, name)
		delete(r.terms, name)
		for i := range r.slots {
			if s := &r.slots[i]; s.Digest == name && s.State == digest.SlotOwed {
				s.State, s.Reason = digest.SlotSkipped, "the digest was taken out of the config"
			}
		}
	}
	return nil
}

func (r *rows) OweSlots(_ context.Context, name string, slots []digest.Slot, through time.Time) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fault != nil {
		return r.fault
	}
	for _, s := range slots {
		if r.at(s) == nil {
			r.slots = append(r.slots, s)
		}
	}
	r.since[name] = through.Round(time.Microsecond) // as Postgres does
	return nil
}

func (r *rows) at(s digest.Slot) *digest.Slot {
	for i := range r.slots {
		if o := &r.slots[i]; o.Digest == s.Digest && o.Key == s.Key && o.Zone == s.Zone {
			return o
		}
	}
	return nil
}

func (r *rows) OwedSlots(_ context.Context, name string) ([]digest.Slot, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var owed []digest.Slot
	for _, s := range r.slots {
		if s.Digest == name && s.State == digest.SlotOwed {
			owed = append(owed, s)
		}
	}
	return owed, nil
}

func (r *rows) SkipSlot(_ context.Context, s digest.Slot) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if row := r.at(s); row.State == digest.SlotOwed {
		row.State, row.Reason = digest.SlotSkipped, s.Reason
	}
	return nil
}

func (r *rows) SetBack(_ context.Context, name string, to time.Time) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.since[name] = to
	for i := range r.slots {
		if s := &r.slots[i]; s.Digest == name && s.State == digest.SlotSkipped && s.Instant.After(to) {
			s.State, s.Reason = digest.SlotOwed, ""
		}
	}
	return nil
}

func (r *rows) TakeMoves(context.Context) ([]string, error) { return r.moves, nil }

func (r *rows) DropMoves(context.Context) error {
	r.moves = nil
	return nil
}

func (r *rows) ReaderZones(context.Context, digest.Digest) ([]string, error) { return r.zones, nil }

// publish marks the row as the transaction that makes an edition does, and
// says whether it was this call that did.
func (r *rows) publish(s digest.Slot) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	row := r.at(s)
	if row.State != digest.SlotOwed {
		return false
	}
	row.State = digest.SlotPublished
	return true
}

// watch is a clock under test: its time is set by hand.
type watch struct {
	Clock
	rows      *rows
	digest    digest.Digest
	now       time.Time
	published []string
	refuse    error // what Publish answers
}

func newWatch(spec, now string) *watch {
	w := &watch{rows: &rows{}, now: instant(now), digest: digest.Digest{Name: "morning", Schedule: spec, TimeZone: "UTC"}}
	w.Clock = Clock{
		Store:   w.rows,
		Digests: func() []digest.Digest { return []digest.Digest{w.digest} },
		Now:     func() time.Time { return w.now },
		Publish: func(_ context.Context, _ digest.Digest, s digest.Slot) error {
			if w.refuse != nil {
				return w.refuse
			}
			if w.rows.publish(s) {
				w.published = append(w.published, s.Key)
			}
			return nil
		},
		Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	}
	return w
}

func (w *watch) tickAt(t *testing.T, now string) time.Time {
	t.Helper()
	w.now = instant(now)
	next, err := w.Tick(t.Context())
	if err != nil && w.refuse == nil {
		t.Fatal(err)
	}
	return next
}

func (w *watch) want(t *testing.T, published ...string) {
	t.Helper()
	if !slices.Equal(w.published, published) {
		t.Errorf("published %v, want %v", w.published, published)
	}
}

func TestNothingFromBeforeADigestWasSeenIsSent(t *testing.T) {
	t.Parallel()
	w := newWatch("0 7 * * *", "2026-03-02T07:00:01Z")
	next := w.tickAt(t, "2026-03-02T07:00:01Z")
	w.want(t)
	if !next.Equal(instant("2026-03-03T07:00:00Z")) {
		t.Errorf("next slot is due at %s", next)
	}
	w.tickAt(t, "2026-03-03T06:59:59Z")
	w.want(t)
	w.tickAt(t, "2026-03-03T07:00:00Z")
	w.tickAt(t, "2026-03-03T07:00:15Z")
	w.want(t, "2026-03-03T07:00Z")
}

func TestTickJustBeforeASlotDoesNotSwallowIt(t *testing.T) {
	t.Parallel()
	w := newWatch("0 7 * * *", "2026-03-02T06:00:00Z")
	w.tickAt(t, "2026-03-02T06:00:00Z")
	w.tickAt(t, "2026-03-02T06:59:59.9999998Z")
	w.tickAt(t, "2026-03-02T07:00:00Z")
	w.want(t, "2026-03-02T07:00Z")
}

func TestMissedSlotsAreRecordedWithTheirReason(t *testing.T) {
	t.Parallel()
	w := newWatch("0 7 * * *", "2026-03-01T08:00:00Z")
	w.tickAt(t, "2026-03-01T08:00:00Z")
	w.tickAt(t, "2026-03-05T10:00:00Z") // the machine was away for four days
	w.want(t, "2026-03-05T07:00Z")
	skipped := 0
	for _, s := range w.rows.slots {
		if s.State == digest.SlotSkipped && strings.HasPrefix(s.Reason, "missed: ") {
			skipped++
		}
	}
	if skipped != 3 {
		t.Errorf("%d slots are recorded as missed, want 3", skipped)
	}
}

func TestFailedPublishIsTriedAgainUntilItIsTooLate(t *testing.T) {
	t.Parallel()
	w := newWatch("0 7 * * *", "2026-03-02T06:00:00Z")
	w.tickAt(t, "2026-03-02T06:00:00Z")
	w.refuse = errors.New("the database is away")
	w.tickAt(t, "2026-03-02T07:00:00Z")
	if _, err := w.Tick(t.Context()); !errors.Is(err, w.refuse) || !strings.Contains(err.Error(), "digest morning: publish slot 2026-03-02T07:00Z") {
		t.Errorf("error %v names neither the slot nor the cause", err)
	}
	w.refuse = nil
	w.tickAt(t, "2026-03-02T07:00:30Z")
	w.want(t, "2026-03-02T07:00Z")

	w.refuse = errors.New("the database is away")
	w.tickAt(t, "2026-03-03T07:00:00Z")
	w.refuse = nil
	w.tickAt(t, "2026-03-03T19:00:01Z")
	w.want(t, "2026-03-02T07:00Z")
	if row := w.rows.slots[1]; row.Reason != "missed: 12 h 1 min late, max_lateness is 12 h" {
		t.Errorf("the slot is %s: %q", row.State, row.Reason)
	}
}

func TestRowsAreWrittenBeforeAnythingIsPublished(t *testing.T) {
	t.Parallel()
	w := newWatch("0 7 * * *", "2026-03-02T06:00:00Z")
	w.tickAt(t, "2026-03-02T06:00:00Z")
	w.rows.fault = errors.New("the database is away")
	w.now = instant("2026-03-02T07:00:00Z")
	if _, err := w.Tick(t.Context()); !errors.Is(err, w.rows.fault) {
		t.Errorf("error %v, want the store's", err)
	}
	w.want(t)
	w.rows.fault = nil
	w.tickAt(t, "2026-03-02T07:00:15Z")
	w.want(t, "2026-03-02T07:00Z")
}

func TestChangedScheduleNeverBackFills(t *testing.T) {
	t.Parallel()
	w := newWatch("0 9 * * *", "2026-03-02T06:00:00Z")
	w.tickAt(t, "2026-03-02T06:00:00Z")
	w.tickAt(t, "2026-03-02T08:00:00Z")
	w.digest.Schedule = "0 7 * * *" // today's is past already, and 09:00 no longer named
	w.tickAt(t, "2026-03-02T08:00:15Z")
	w.tickAt(t, "2026-03-02T12:00:00Z")
	w.want(t)
	w.tickAt(t, "2026-03-03T07:00:00Z")
	w.want(t, "2026-03-03T07:00Z")
}

func TestClockThatJumpsDoesNotSendTwiceNorForgetTheFuture(t *testing.T) {
	t.Parallel()
	w := newWatch("0 7 * * *", "2026-03-02T06:00:00Z")
	w.tickAt(t, "2026-03-02T06:00:00Z")
	w.tickAt(t, "2026-03-02T07:00:00Z")
	w.tickAt(t, "2026-03-02T06:30:00Z") // set back half an hour
	w.tickAt(t, "2026-03-02T07:00:00Z")
	w.want(t, "2026-03-02T07:00Z")
	w.refuse = errors.New("not now")
	w.tickAt(t, "2099-01-01T00:00:00Z") // a battery gone flat
	w.refuse = nil
	if n := len(w.rows.slots); n > 402 {
		t.Errorf("%d slots recorded in a jump of decades", n)
	}
	w.tickAt(t, "2026-03-02T08:00:00Z")
	w.tickAt(t, "2026-03-03T07:00:00Z")
	w.want(t, "2026-03-02T07:00Z", "2026-03-03T07:00Z")
}

// However often the clock looks, and however often a process dies between the
// rows and the edition, the same slots are answered.
func TestManyTicksAnswerWhatOneDoes(t *testing.T) {
	t.Parallel()
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 3))
		spec := []string{"0 7 * * *", "30 2 * * *", "0 7,18 * * 1-5", "0 */6 * * *", "0 7 28-31 * *"}[r.IntN(5)]
		zones := [][]string{{"Europe/Berlin"}, {"Asia/Tokyo", "America/New_York", "Pacific/Apia"}, {"Africa/Cairo", "Australia/Lord_Howe"}}[r.IntN(3)]
		from, to := instant("2026-03-20T00:00:00Z"), instant("2026-04-30T00:00:00Z")
		answered := func(tick func() time.Duration, dies int) []string {
			w := newWatch(spec, from.Format(time.RFC3339))
			w.digest.TimeZone, w.digest.CatchUp, w.digest.MaxLateness = zones[0], digest.CatchUpAll, 10_000*time.Hour
			if len(zones) > 1 {
				w.digest.TimeZone, w.rows.zones = digest.ZoneReader, zones
			}
			var list []string
			w.Publish = func(_ context.Context, _ digest.Digest, s digest.Slot) error {
				if dies > 0 && r.IntN(dies) == 0 {
					return errors.New("killed")
				}
				if w.rows.publish(s) {
					list = append(list, s.Key+" "+s.Zone)
				}
				return nil
			}
			for w.now = from; w.now.Before(to); w.now = w.now.Add(tick()) {
				_, _ = w.Tick(t.Context()) // a death is found by the next
			}
			w.now, dies = to, 0
			if _, err := w.Tick(t.Context()); err != nil {
				t.Fatal(err)
			}
			slices.Sort(list)
			return list
		}
		once := answered(func() time.Duration { return to.Sub(from) }, 0)
		often := answered(func() time.Duration { return time.Duration(1 + r.Int64N(int64(20*time.Hour))) }, 4)
		if len(once) < 3 || !slices.Equal(once, often) {
			t.Errorf("%q in %v: once %q, often %q", spec, zones, once, often)
		}
	}
}

// A clock that was ahead for a moment has skipped what lay between. It is owed
// again when its time comes; what was published stays.
func TestClockSetBackOwesAgainWhatItSkippedAhead(t *testing.T) {
	t.Parallel()
	w := newWatch("0 7 * * *", "2026-03-02T06:00:00Z")
	w.digest.Skip = []digest.DateRange{{From: digest.Date{Year: 2026, Month: 3, Day: 4}, To: digest.Date{Year: 2026, Month: 3, Day: 4}}}
	w.tickAt(t, "2026-03-02T06:00:00Z")
	w.tickAt(t, "2026-03-05T08:00:00Z") // three days ahead
	w.want(t, "2026-03-05T07:00Z")
	w.tickAt(t, "2026-03-02T06:30:00Z")
	for _, now := range []string{"2026-03-02T07:00:00Z", "2026-03-03T07:00:00Z", "2026-03-04T07:00:00Z", "2026-03-05T07:00:00Z", "2026-03-06T07:00:00Z"} {
		w.tickAt(t, now)
	}
	w.want(t, "2026-03-05T07:00Z", "2026-03-02T07:00Z", "2026-03-03T07:00Z", "2026-03-06T07:00Z")
	if s := w.rows.slots[2]; s.Reason != "skip: 2026-03-04 in the config" {
		t.Errorf("the pause is %s: %q", s.State, s.Reason)
	}
}

func TestSlotLeftByADeadProcessIsAnswered(t *testing.T) {
	t.Parallel()
	w := newWatch("0 7 * * *", "2026-03-02T06:00:00Z")
	w.tickAt(t, "2026-03-02T06:00:00Z")
	slots := timetable(t, "0 7 * * *", "UTC").Owed(w.now, instant("2026-03-02T07:00:00Z"))
	if err := w.rows.OweSlots(t.Context(), "morning", slots, instant("2026-03-02T07:00:00Z")); err != nil {
		t.Fatal(err)
	}
	w.tickAt(t, "2026-03-02T07:03:00Z")
	w.want(t, "2026-03-02T07:00Z")
}

func TestSixteenProcessesMakeOneEdition(t *testing.T) {
	t.Parallel()
	shared := &rows{zones: []string{"Europe/Berlin", "Asia/Tokyo"}}
	now := instant("2026-03-02T00:00:00Z")
	var mu sync.Mutex
	published := map[string]int{}
	d := digest.Digest{Name: "morning", Schedule: "0 7 * * *", TimeZone: digest.ZoneReader, CatchUp: digest.CatchUpAll}
	tick := func(at time.Time) {
		var all sync.WaitGroup
		for range 16 {
			c := Clock{
				Store:   shared,
				Digests: func() []digest.Digest { return []digest.Digest{d} },
				Now:     func() time.Time { return at.Add(time.Duration(rand.IntN(2000)) * time.Millisecond) },
				Publish: func(_ context.Context, _ digest.Digest, s digest.Slot) error {
					if shared.publish(s) {
						mu.Lock()
						published[s.Key+" "+s.Zone]++
						mu.Unlock()
					}
					return nil
				},
				Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
			}
			all.Go(func() {
				if _, err := c.Tick(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
	}
	for range 4 * 24 {
		tick(now)
		now = now.Add(30 * time.Minute)
	}
	if len(published) != 4 {
		t.Errorf("published %v, want two days in two zones", published)
	}
	for slot, n := range published {
		if n != 1 {
			t.Errorf("%s was published %d times", slot, n)
		}
	}
}

func TestOneDigestsTroubleDoesNotStopTheOthers(t *testing.T) {
	t.Parallel()
	w := newWatch("0 7 * * *", "2026-03-02T06:00:00Z")
	broken := digest.Digest{Name: "broken", Schedule: "0 7 * *", TimeZone: "UTC"}
	w.Digests = func() []digest.Digest { return []digest.Digest{broken, w.digest} }
	for _, now := range []string{"2026-03-02T06:00:00Z", "2026-03-02T07:00:00Z"} {
		w.now = instant(now)
		if _, err := w.Tick(t.Context()); err == nil || !strings.Contains(err.Error(), "digest broken") {
			t.Errorf("error %v does not name the broken digest", err)
		}
	}
	w.want(t, "2026-03-02T07:00Z")
}

func TestRunPublishesAtTheMinuteAndEndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWatch("* * * * *", "2026-03-02T06:00:00Z")
		w.Now = time.Now
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		var at []time.Time
		w.Publish = func(_ context.Context, _ digest.Digest, s digest.Slot) error {
			w.rows.publish(s)
			at = append(at, time.Now())
			if len(at) == 3 {
				cancel()
			}
			return nil
		}
		go func() {
			defer close(done)
			w.Run(ctx)
		}()
		<-done
		for _, i := range at {
			if i.Second() != 0 {
				t.Errorf("published at %s, want the full minute", i)
			}
		}
	})
}
