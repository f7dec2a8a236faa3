package schedule

import (
	"reflect"
	"testing"
	"time"

	"courant/digest"
)

func TestCadenceSaysTheScheduleInAReadersWords(t *testing.T) {
	t.Parallel()
	days := func(list ...time.Weekday) []time.Weekday { return list }
	const sun, mon, tue, wed, thu, fri, sat = time.Sunday, time.Monday, time.Tuesday, time.Wednesday, time.Thursday, time.Friday, time.Saturday
	for spec, want := range map[string]digest.Cadence{
		"0 7 * * *":        {Weekdays: days(sun, mon, tue, wed, thu, fri, sat), Hour: 7},
		"30 18 * * 1-5":    {Weekdays: days(mon, tue, wed, thu, fri), Hour: 18, Minute: 30},
		"0 7 * * sun,wed":  {Weekdays: days(sun, wed), Hour: 7},
		"0 7 1-31 * 1":     {Weekdays: days(sun, mon, tue, wed, thu, fri, sat), Hour: 7}, // the OR rule
		"0 7 1 * 0-6":      {Weekdays: days(sun, mon, tue, wed, thu, fri, sat), Hour: 7},
		"0 7 1 * *":        {Hour: 7},
		"0 7 13 * 5":       {Hour: 7},
		"0 7 * 1 1":        {Hour: 7},
		"0 7,19 * * *":     {},
		"0 * * * *":        {},
		"no such schedule": {},
	} {
		want.Zone = "Europe/Berlin"
		got := Cadence(digest.Digest{Schedule: spec, TimeZone: "Europe/Berlin"})
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %+v, want %+v", spec, got, want)
		}
	}
}

func TestRemarksOnChangesOfTheClock(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		spec, zone, after string
		want              []string
	}{
		{"30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z",
			[]string{"02:30 does not exist on 29 March 2026; sent at 03:00", ""}},
		{"30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z",
			[]string{"02:30 comes twice on 25 October 2026; this is the first", ""}},
		{"30 * * * *", "Europe/Berlin", "2026-10-24T23:40:00Z",
			[]string{"02:30 comes twice on 25 October 2026; this is the first", "02:30 comes twice on 25 October 2026; this is the second", ""}},
		{"0 7 * * 5", "Pacific/Apia", "2011-12-29T12:00:00Z",
			[]string{"30 December 2011 does not exist in Pacific/Apia; sent on 31 December 2011 at 00:00", ""}},
		{"30 23 * * *", "America/Nuuk", "2026-03-28T12:00:00Z",
			[]string{"23:30 does not exist on 28 March 2026; sent at 00:00", ""}},
		{"0 7 * * *", "UTC", "2026-03-28T12:00:00Z", []string{""}},
	} {
		for i, s := range timetable(t, c.spec, c.zone).Next(len(c.want), instant(c.after)) {
			if got := Remark(s); got != c.want[i] {
				t.Errorf("%s in %s at %s: %q, want %q", c.spec, c.zone, s.Key, got, c.want[i])
			}
		}
	}
	if got := Remark(digest.Slot{Zone: "Mars/Olympus"}); got != "" {
		t.Errorf("a zone nobody knows gives %q", got)
	}
}

func TestClockChangeSaysHowFarSlotsAreApart(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		spec, zone, after string
		want              []string // of the second slot on
	}{
		{"0 7 * * *", "Europe/Berlin", "2026-10-24T00:00:00Z", []string{"clocks go back at 03:00 on 25 October 2026: this slot is 25 h after the last", ""}},
		{"0 7 * * *", "Europe/Berlin", "2026-03-28T00:00:00Z", []string{"clocks go forward at 02:00 on 29 March 2026: this slot is 23 h after the last", ""}},
		{"30 2 * * *", "Europe/Berlin", "2026-03-28T00:00:00Z", []string{"clocks go forward at 02:00 on 29 March 2026: this slot is 23 h 30 min after the last"}},
		{"0 7 * * 1", "America/New_York", "2026-10-25T12:00:00Z", []string{"clocks go back at 02:00 on 1 November 2026: this slot is 169 h after the last"}},
		{"0 7 * * *", "Australia/Lord_Howe", "2026-10-02T12:00:00Z", []string{"clocks go forward at 02:00 on 4 October 2026: this slot is 23 h 30 min after the last"}},
		{"0 7 * * *", "UTC", "2026-03-28T00:00:00Z", []string{"", ""}},
	} {
		slots := timetable(t, c.spec, c.zone).Next(len(c.want)+1, instant(c.after))
		for i, want := range c.want {
			if got := ClockChange(slots[i], slots[i+1]); got != want {
				t.Errorf("%s in %s, %s: %q, want %q", c.spec, c.zone, slots[i+1].Key, got, want)
			}
		}
		if got := ClockChange(digest.Slot{}, slots[0]); got != "" {
			t.Errorf("the first slot ever is %q", got)
		}
	}
}
