package schedule

import (
	"time"

	"courant/digest"
)

// farthestOffset is more than any zone was ever away from UTC (Manila, 1844:
// almost 16 hours).
const farthestOffset = 20 * time.Hour

// wallOf is what the local clock shows at t, with its fields in UTC.
func wallOf(t time.Time, loc *time.Location) time.Time {
	_, offset := t.In(loc).Zone()
	return t.UTC().Add(time.Duration(offset) * time.Second)
}

// firstInstant is the first instant at which the local clock shows w or later:
// w itself where it is shown, the first time where it is shown twice, and the
// end of the gap where it is left out. It never decreases as w grows, which is
// what keeps slots in order through every change of a zone.
func firstInstant(w time.Time, loc *time.Location) time.Time {
	t := w.Add(-farthestOffset)
	for {
		offset, start, end := period(t, loc)
		i := w.Add(-offset)
		switch {
		case !end.IsZero() && !i.Before(end):
			t = end
		case i.Before(start):
			return start
		default:
			return i
		}
	}
}

// period is a stretch of time around t in which the zone's offset holds: end
// is after t, and start is not. A zero start or end means that the zone knows no
// change on that side. There may be none at the ends of a period either: the
// offset before or after it is the same then.
func period(t time.Time, loc *time.Location) (offset time.Duration, start, end time.Time) {
	t = t.In(loc)
	_, seconds := t.Zone()
	start, end = t.ZoneBounds()
	if !end.IsZero() && !end.After(t) {
		// Beyond a zone's table Go works by its rule, a year at a time, and has
		// all years end after 365 days: on 31 December of a leap year the end
		// lies behind. No rule changes the clock between that day and the next
		// year.
		end = time.Date(t.UTC().Year()+1, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	return time.Duration(seconds) * time.Second, start.UTC(), end.UTC()
}

// dayExists says whether the local calendar has the day at all: Apia went
// from 29 to 31 December 2011 over night.
func dayExists(d digest.Date, loc *time.Location) bool {
	midnight := time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, time.UTC)
	return digest.DateOf(firstInstant(midnight, loc).In(loc)) == d
}
