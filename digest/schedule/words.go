package schedule

import (
	"fmt"
	"math/bits"
	"time"

	"courant/digest"
)

// Cadence is a digest's schedule in the words of a reader. Its Weekdays are
// empty where days or hours are too irregular to say in a line, and where the
// schedule cannot be read.
func Cadence(d digest.Digest) digest.Cadence {
	c := digest.Cadence{Zone: d.TimeZone}
	e, err := parseExpression(d.Schedule)
	if err != nil || !e.oncePerDay() {
		return c
	}
	c.Hour = bits.TrailingZeros64(e.fields.Hour)
	c.Minute = bits.TrailingZeros64(e.fields.Minute)
	c.Weekdays = e.weekdays()
	return c
}

// weekdays lists the days of the week on which the expression fires, each week
// of the year; nil where it depends on the date.
func (e expression) weekdays() []time.Weekday {
	const (
		everyMonth = 1<<13 - 1<<1
		everyDate  = 1<<32 - 1<<1
		everyDay   = 1<<7 - 1
	)
	days := e.fields.Dow & everyDay
	if e.fields.Month&everyMonth != everyMonth {
		return nil
	}
	switch allDates := e.fields.Dom&everyDate == everyDate; {
	case e.eitherDay() && (allDates || days == everyDay):
		days = everyDay
	case !allDates:
		return nil
	}
	var list []time.Weekday
	for ; days != 0; days &= days - 1 {
		list = append(list, time.Weekday(bits.TrailingZeros64(days)))
	}
	return list
}

// Remark says what a change of the clock does to a slot, or nothing where it
// does nothing.
func Remark(s digest.Slot) string {
	z, err := loadZone(s.Zone)
	if err != nil {
		return ""
	}
	const date, clock = "2 January 2006", "15:04"
	shown, day := wallOf(s.Instant, z.loc), s.LocalTime.Format(date)
	switch first := firstInstant(s.LocalTime, z.loc); {
	case !dayExists(digest.DateOf(s.LocalTime), z.loc):
		return fmt.Sprintf("%s does not exist in %s; sent on %s at %s", day, s.Zone, shown.Format(date), shown.Format(clock))
	case !shown.Equal(s.LocalTime):
		return fmt.Sprintf("%s does not exist on %s; sent at %s", s.LocalTime.Format(clock), day, shown.Format(clock))
	case !first.Equal(s.Instant):
		return fmt.Sprintf("%s comes twice on %s; this is the second", s.LocalTime.Format(clock), day)
	case shownAgain(s.LocalTime, first, z.loc):
		return fmt.Sprintf("%s comes twice on %s; this is the first", s.LocalTime.Format(clock), day)
	}
	return ""
}

// shownAgain says whether the local clock shows wall once more after its first
// time, before a day and a half are over.
func shownAgain(wall, first time.Time, loc *time.Location) bool {
	_, _, end := period(first, loc)
	for !end.IsZero() && end.Before(first.Add(36*time.Hour)) {
		offset, start, until := period(end, loc)
		if again := wall.Add(-offset); !again.Before(start) && (until.IsZero() || again.Before(until)) {
			return true
		}
		end = until
	}
	return false
}

// ClockChange says what a change of the zone's clock between two slots of a
// digest does to the time between them; empty: nothing. Both are in one zone.
func ClockChange(last, next digest.Slot) string {
	z, err := loadZone(next.Zone)
	if err != nil || last.Instant.IsZero() {
		return ""
	}
	real := next.Instant.Sub(last.Instant)
	by := wallOf(next.Instant, z.loc).Sub(wallOf(last.Instant, z.loc)) - real
	if by == 0 {
		return ""
	}
	// Of several changes in between the last one is named: the time apart is
	// what all of them make.
	offset, start, _ := period(next.Instant, z.loc)
	before, earlier, _ := period(start.Add(-time.Nanosecond), z.loc)
	for before == offset && !earlier.IsZero() { // nothing changed there
		start = earlier
		before, earlier, _ = period(start.Add(-time.Nanosecond), z.loc)
	}
	moved := "forward"
	if offset < before {
		moved = "back"
	}
	shown := start.Add(before)
	return fmt.Sprintf("clocks go %s at %s on %s: this slot is %s after the last", moved, shown.Format("15:04"), shown.Format("2 January 2006"), apart(real))
}

// apart is a time between two slots: 25 h, 24 h 30 min.
func apart(d time.Duration) string {
	text := fmt.Sprintf("%d h", int(d.Hours()))
	if rest := d % time.Hour; rest >= time.Minute {
		text += fmt.Sprintf(" %d min", int(rest.Minutes()))
	}
	return text
}
