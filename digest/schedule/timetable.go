package schedule

import (
	"cmp"
	"fmt"
	"iter"
	"slices"
	"time"
	_ "time/tzdata" // zones must not depend on what the machine has installed

	"courant/digest"
)

// Timetable is a digest's schedule in the zones it runs in.
type Timetable struct {
	digest digest.Digest
	expr   expression
	zones  []zone
}

// zone is a zone under the name that its slots carry.
type zone struct {
	name string
	loc  *time.Location
}

// Parse reads a digest's schedule and zone. readerZones are the zones that
// have readers and matter only where the digest's zone is the reader's; without
// any the digest runs in its home zone, so that there is an edition to show.
func Parse(d digest.Digest, readerZones ...string) (Timetable, error) {
	expr, err := parseExpression(d.Schedule)
	if err != nil {
		return Timetable{}, fmt.Errorf("digest %s: %w", d.Name, err)
	}
	t := Timetable{digest: d, expr: expr}
	home, err := loadZone(homeZone(d))
	if err != nil {
		return Timetable{}, fmt.Errorf("digest %s: %w", d.Name, err)
	}
	t.zones = []zone{home}
	if d.TimeZone == digest.ZoneReader && len(readerZones) > 0 {
		t.zones = readersZones(home, readerZones)
	}
	return t, nil
}

func homeZone(d digest.Digest) string {
	switch {
	case d.TimeZone != digest.ZoneReader:
		return d.TimeZone
	case d.HomeZone == "":
		return "UTC"
	}
	return d.HomeZone
}

// CheckZone says whether a name is a zone that a digest or reader can have.
func CheckZone(name string) error {
	_, err := loadZone(name)
	return err
}

// loadZone refuses the two names that Go reads as something else: the empty
// one as UTC and Local as whatever the machine is set to.
func loadZone(name string) (zone, error) {
	loc, err := time.LoadLocation(name)
	if err != nil || name == "" || name == "Local" {
		return zone{}, fmt.Errorf("time zone %q is not known: use a name such as Europe/Berlin, America/New_York or UTC", name)
	}
	return zone{name, loc}, nil
}

// readersZones loads the readers' zones. A name that is not known runs on the
// home zone's clock, under its own name: its readers must not be missed.
func readersZones(home zone, names []string) []zone {
	names = slices.Clone(names)
	for i := range names {
		names[i] = cmp.Or(names[i], home.name)
	}
	slices.Sort(names)
	var zones []zone
	for _, name := range slices.Compact(names) {
		z, err := loadZone(name)
		if err != nil {
			z = zone{name, home.loc}
		}
		zones = append(zones, z)
	}
	return zones
}

// Owed lists the slots that come due after from and not after to, by instant
// and then by zone.
func (t Timetable) Owed(from, to time.Time) []digest.Slot {
	var slots []digest.Slot
	for _, z := range t.zones {
		for s := range t.after(from, z) {
			if s.Instant.After(to) {
				break
			}
			slots = append(slots, s)
		}
	}
	slices.SortStableFunc(slots, inOrder)
	return slots
}

// Next lists the first n slots after an instant.
func (t Timetable) Next(n int, after time.Time) []digest.Slot {
	var slots []digest.Slot
	for _, z := range t.zones {
		left := n
		for s := range t.after(after, z) {
			if left--; left < 0 {
				break
			}
			slots = append(slots, s)
		}
	}
	slices.SortStableFunc(slots, inOrder)
	return slots[:min(max(n, 0), len(slots))]
}

func inOrder(a, b digest.Slot) int {
	return cmp.Or(a.Instant.Compare(b.Instant), cmp.Compare(a.Zone, b.Zone))
}

// shortestWindow is how far back a digest's first edition looks at least.
const shortestWindow = 24 * time.Hour

// FirstWindow is where the window of a digest's first edition begins: the last
// slot at least a day before now. A Monday edition of a weekday digest so looks
// back to Friday.
//
// A digest without a schedule, which goes out by hand, looks back a day.
func FirstWindow(d digest.Digest, now time.Time) (time.Time, error) {
	if d.Schedule == "" {
		return now.Add(-shortestWindow), nil
	}
	t, err := Parse(d)
	if err != nil {
		return time.Time{}, err
	}
	latest := now.Add(-shortestWindow)
	// Most digests come once a day or more often: looking far back at once would
	// list a week of the slots of one that comes every minute.
	const day = 24 * time.Hour
	for _, back := range []time.Duration{time.Hour, day, 8 * day, 32 * day, 367 * day} {
		if slots := t.Owed(latest.Add(-back), latest); len(slots) > 0 {
			return slots[len(slots)-1].Instant, nil
		}
	}
	return latest, nil
}

// after yields the slots of one zone after an instant, in order. Which slots
// there are never depends on from: a run in many ticks gives what one would.
func (t Timetable) after(from time.Time, z zone) iter.Seq[digest.Slot] {
	if t.expr.realTime {
		return t.onRealTime(from, z)
	}
	return t.onWallClock(from, z)
}

func (t Timetable) onWallClock(from time.Time, z zone) iter.Seq[digest.Slot] {
	return func(yield func(digest.Slot) bool) {
		wall := t.expr.next(wallOf(from, z.loc))
		for instant := firstInstant(wall, z.loc); !wall.IsZero(); {
			next := t.expr.next(wall)
			nextInstant := firstInstant(next, z.loc)
			// Within a repeated hour the local clock is behind itself, so the
			// first walls tried may have had their instant already.
			if instant.After(from) && !t.oneSlot(wall, instant, nextInstant, z) {
				if !yield(t.slot(wall, instant, z)) {
					return
				}
			}
			wall, instant = next, nextInstant
		}
	}
}

// oneSlot says whether the slot of wall is one with the next: they fall on one
// instant, or wall lies on a day that the zone leaves out, of a digest that
// fires at most once a day, and the next one is that same day's own.
func (t Timetable) oneSlot(wall, instant, next time.Time, z zone) bool {
	if next.Equal(instant) {
		return true
	}
	return t.expr.oncePerDay() &&
		digest.DateOf(next.In(z.loc)) == digest.DateOf(instant.In(z.loc)) &&
		!dayExists(digest.DateOf(wall), z.loc)
}

func (t Timetable) onRealTime(from time.Time, z zone) iter.Seq[digest.Slot] {
	return func(yield func(digest.Slot) bool) {
		at, wall := from, wallOf(from, z.loc)
		for {
			next := t.expr.next(wall)
			if next.IsZero() {
				return
			}
			offset, _, end := period(at, z.loc)
			instant := next.Add(-offset)
			if !end.IsZero() && !instant.Before(end) {
				// The clock is changed before it gets there. Look again from
				// the change on, which may be a match itself.
				at, wall = end, wallOf(end, z.loc).Add(-time.Second)
				continue
			}
			at, wall = instant, next
			// Readers' zones share an edition by its wall clock, so an hour
			// shown twice is still one edition to them.
			if t.digest.TimeZone == digest.ZoneReader && !firstInstant(next, z.loc).Equal(instant) {
				continue
			}
			if !yield(t.slot(next, instant, z)) {
				return
			}
		}
	}
}

func (t Timetable) slot(wall, instant time.Time, z zone) digest.Slot {
	return digest.Slot{
		Digest:    t.digest.Name,
		Key:       digest.SlotKey(t.digest, wall, instant, z.loc),
		LocalTime: wall,
		Zone:      z.name,
		Instant:   instant.UTC(),
		LocalDate: t.localDate(wall, instant, z),
		Daily:     t.expr.oncePerDay(),
		State:     digest.SlotOwed,
	}
}

// localDate is the day the schedule means, even where a gap at midnight moves
// the slot into the next one; a day the zone leaves out gives way to the day
// the slot falls on. Readers' zones share one edition and so its day.
func (t Timetable) localDate(wall, instant time.Time, z zone) digest.Date {
	day, shown := digest.DateOf(wall), digest.DateOf(instant.In(z.loc))
	if day == shown || t.digest.TimeZone == digest.ZoneReader || dayExists(day, z.loc) {
		return day
	}
	return shown
}
