package store_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"courant/digest"
)

func (n *newsroom) owed(name string) []digest.Slot {
	n.t.Helper()
	slots, err := n.OwedSlots(n.t.Context(), name)
	if err != nil {
		n.t.Fatal(err)
	}
	return slots
}

// gapSlot is due in the hour that a spring night leaves out.
var gapSlot = digest.Slot{
	Digest: "morning", Key: "2026-03-29T03:00+02:00", Zone: "Europe/Berlin",
	LocalTime: time.Date(2026, 3, 29, 2, 30, 0, 0, time.UTC), Instant: time.Date(2026, 3, 29, 1, 0, 0, 0, time.UTC),
	LocalDate: digest.Date{Year: 2026, Month: 3, Day: 29}, Daily: true, State: digest.SlotOwed,
}

func TestFirstLookAtADigestOwesNothing(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	for i := range 3 {
		got, err := n.ScheduleSince(t.Context(), "morning", "at seven", n.now.Add(time.Duration(i)*time.Hour))
		if err != nil || !got.Equal(n.now) {
			t.Errorf("look %d: since %v, %v, want %v", i, got, err, n.now)
		}
	}
}

func TestSlotComesBackWhole(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	// The database's own zone must not leak into wall clocks.
	n.do(`SET TIME ZONE 'Australia/Lord_Howe'`)
	skipped := gapSlot
	skipped.Key, skipped.State, skipped.Reason = "another", digest.SlotSkipped, "too late"
	through := n.now.Add(time.Minute)
	if err := n.OweSlots(t.Context(), "morning", []digest.Slot{gapSlot, skipped}, through); err != nil {
		t.Fatal(err)
	}
	if got := n.owed("morning"); len(got) != 1 || got[0] != gapSlot {
		t.Errorf("owed %+v, want %+v", got, gapSlot)
	}
	if got := n.owed("evening"); len(got) != 0 {
		t.Errorf("another digest owes %+v", got)
	}
	if got := n.one(`SELECT local_time || ' ' || local_date FROM slots WHERE state = 'skipped' AND reason = 'too late'`); got != "2026-03-29 02:30:00 2026-03-29" {
		t.Errorf("row %q", got)
	}
	if got, err := n.ScheduleSince(t.Context(), "morning", "at seven", n.now.Add(time.Hour)); err != nil || !got.Equal(through) {
		t.Errorf("recorded through %v, %v", got, err)
	}
}

func TestSlotWithARowKeepsIt(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	ctx := t.Context()
	owe := func() {
		t.Helper()
		if err := n.OweSlots(ctx, "morning", []digest.Slot{gapSlot}, n.now); err != nil {
			t.Fatal(err)
		}
	}
	owe()
	late := gapSlot
	late.Reason = "more than 12h late"
	for range 2 {
		if err := n.SkipSlot(ctx, late); err != nil {
			t.Fatal(err)
		}
		owe()
		late.Reason = "another reason"
	}
	if got := n.owed("morning"); len(got) != 0 {
		t.Errorf("owed %+v", got)
	}
	if got := n.one(`SELECT reason FROM slots`); got != "more than 12h late" {
		t.Errorf("reason %q", got)
	}
	if err := n.SkipSlot(ctx, digest.Slot{Digest: "morning", Key: "none"}); err != nil {
		t.Error(err)
	}
}

func TestClockSetBackIsRecorded(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	for _, through := range []time.Time{n.now, n.now.Add(-48 * time.Hour)} {
		if err := n.OweSlots(t.Context(), "morning", nil, through); err != nil {
			t.Fatal(err)
		}
		if got, err := n.ScheduleSince(t.Context(), "morning", "at seven", n.now); err != nil || !got.Equal(through) {
			t.Errorf("recorded through %v, %v, want %v", got, err, through)
		}
	}
}

func TestProcessesThatMeetASlotTogetherOweItOnce(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	var slots []digest.Slot
	for i := range 40 {
		s := gapSlot
		s.Zone = fmt.Sprintf("Zone/%d", i)
		slots = append(slots, s)
	}
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			if _, err := n.ScheduleSince(t.Context(), "morning", "at seven", n.now); err != nil {
				t.Error(err)
			}
			mine := slices.Clone(slots)
			if i%2 == 0 {
				slices.Reverse(mine)
			}
			if err := n.OweSlots(t.Context(), "morning", mine, n.now); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got := n.owed("morning"); len(got) != 40 {
		t.Errorf("%d slots owed", len(got))
	}
}

func TestReaderZonesAreThoseOfActiveReaders(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	n.digest.TimeZone, n.digest.HomeZone = digest.ZoneReader, "Europe/Oslo"
	zones := func() []string {
		t.Helper()
		got, err := n.ReaderZones(t.Context(), n.digest)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	if got := zones(); len(got) != 0 {
		t.Errorf("zones without readers %q", got)
	}
	var rows []digest.ImportRow
	for i, zone := range []string{"Asia/Tokyo", "Asia/Tokyo", "Africa/Cairo", "America/Lima"} {
		r := row(i+1, fmt.Sprintf("%d@example.org", i))
		r.Zone = zone
		rows = append(rows, r)
	}
	n.imports(rows...)
	if got, want := zones(), []string{"Africa/Cairo", "America/Lima", "Asia/Tokyo"}; !slices.Equal(got, want) {
		t.Errorf("zones %q, want %q", got, want)
	}
	if err := n.RemoveReader(t.Context(), "readers", rows[2].Hash, n.now); err != nil {
		t.Fatal(err)
	}
	if err := n.EraseReader(t.Context(), rows[3].Hash, n.now); err != nil {
		t.Fatal(err)
	}
	if got, want := zones(), []string{"Asia/Tokyo"}; !slices.Equal(got, want) {
		t.Errorf("zones %q, want %q", got, want)
	}
	n.do(`UPDATE readers SET time_zone = 'Mars/Olympus' WHERE email_hash = $1`, rows[0].Hash)
	if got, want := zones(), []string{"Asia/Tokyo", "Europe/Oslo"}; !slices.Equal(got, want) {
		t.Errorf("zones with an unknown one %q, want %q", got, want)
	}
	n.do(`UPDATE readers SET time_zone = ''`)
	n.digest.HomeZone = ""
	if got, want := zones(), []string{"UTC"}; !slices.Equal(got, want) {
		t.Errorf("zones of readers without one %q, want %q", got, want)
	}
}

// BenchmarkReaderZones asks for the zones of 100,000 readers in one zone.
func BenchmarkReaderZones(b *testing.B) {
	n := newNewsroom(b)
	n.imports(crowd(0, 100_000)...)
	n.do(`ANALYZE`)
	for b.Loop() {
		if _, err := n.ReaderZones(b.Context(), n.digest); err != nil {
			b.Fatal(err)
		}
	}
}

// since is ScheduleSince, for a digest that took these terms at an instant.
func (n *newsroom) since(terms string, force time.Time) time.Time {
	n.t.Helper()
	through, err := n.ScheduleSince(n.t.Context(), "morning", terms, force)
	if err != nil {
		n.t.Fatal(err)
	}
	return through
}

func TestOtherTermsOweNothingFromBeforeTheyTookForce(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	hour := func(h int) time.Time { return n.now.Add(time.Duration(h) * time.Hour) }
	for i, step := range []struct {
		terms       string
		force, want time.Time
	}{
		{"at seven", hour(0), hour(0)}, // the first look
		{"at seven", hour(2), hour(0)}, // a restart: what was missed is owed
		{"at eight", hour(3), hour(3)}, // another schedule
		{"at eight", hour(3), hour(3)}, // and again
		{"at seven", hour(1), hour(3)}, // a process that has the old one counts from the rows
	} {
		if got := n.since(step.terms, step.force); !got.Equal(step.want) {
			t.Errorf("look %d: since %s, want %s", i, got, step.want)
		}
	}
	n.do(`UPDATE timetables SET terms = ''`)
	if got := n.since("at nine", hour(9)); !got.Equal(hour(3)) {
		t.Errorf("rows of before: since %s, want %s", got, hour(3))
	}
}

func TestDigestThatWasTakenOutAndPutBackBeginsAnew(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	hour := func(h int) time.Time { return n.now.Add(time.Duration(h) * time.Hour) }
	n.since("at seven", hour(0))
	if err := n.OweSlots(t.Context(), "morning", []digest.Slot{gapSlot}, hour(1)); err != nil {
		t.Fatal(err)
	}
	retire := func(since time.Time, names ...string) {
		t.Helper()
		if err := n.RetireTimetables(t.Context(), names, since); err != nil {
			t.Fatal(err)
		}
	}
	retire(hour(5), "evening", "morning") // it is there
	retire(hour(1), "evening")            // another process looked at it by now
	if got := n.since("at seven", hour(2)); !got.Equal(hour(1)) || len(n.owed("morning")) != 1 {
		t.Errorf("since %s, %d slots owed", got, len(n.owed("morning")))
	}
	retire(hour(5))
	if got := n.one(`SELECT state || ': ' || reason FROM slots`); got != "skipped: the digest was taken out of the config, or its schedule" {
		t.Errorf("its slot is %s", got)
	}
	if got := n.since("at seven", hour(6)); !got.Equal(hour(6)) {
		t.Errorf("put back: since %s, want %s", got, hour(6))
	}
}
