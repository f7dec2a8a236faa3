package schedule

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
	"testing"
	"time"

	"courant/digest"
)

// farZones are all zones as Go has them, whose tables end in 2037, and all the
// rules for the time beyond as zones of their own: so a machine has them whose
// tzdata was made slim, from the next year on.
func farZones(t *testing.T) map[string]*time.Location {
	t.Helper()
	zones := map[string]*time.Location{}
	for _, name := range everyZone(t) {
		loc, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		zones[name] = loc
	}
	rules := everyRule(t)
	if len(rules) < 50 {
		t.Fatalf("found only %d rules", len(rules))
	}
	for _, rule := range rules {
		zones["rule "+rule] = ruled(t, rule)
	}
	return zones
}

// everyRule lists the rules that zones follow beyond their tables: the last
// line of each file, RFC 9636 section 3.3.
func everyRule(t *testing.T) (rules []string) {
	t.Helper()
	for _, data := range zoneFiles(t) {
		data = bytes.TrimSuffix(data, []byte("\n"))
		if rule := string(data[bytes.LastIndexByte(data, '\n')+1:]); len(data) > 0 && rule != "" {
			rules = append(rules, rule)
		}
	}
	slices.Sort(rules)
	return slices.Compact(rules)
}

// ruled is a zone that has nothing but a rule.
func ruled(t *testing.T, rule string) *time.Location {
	t.Helper()
	var data bytes.Buffer
	for range 2 { // one block for readers of version 1, one for the others
		data.WriteString("TZif2" + strings.Repeat("\x00", 15))
		for _, count := range []uint32{0, 0, 0, 0, 1, 4} {
			if err := binary.Write(&data, binary.BigEndian, count); err != nil {
				t.Fatal(err)
			}
		}
		data.WriteString("\x00\x00\x00\x00\x00\x00LMT\x00")
	}
	data.WriteString("\n" + rule + "\n")
	loc, err := time.LoadLocationFromTZData("rule "+rule, data.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

// The clock of every zone is followed from change to change up to 2200: each
// look comes further, and what is said of a period holds at both its ends.
func TestPeriodsOfEveryZoneLeadOnForCenturies(t *testing.T) {
	t.Parallel()
	for name, loc := range farZones(t) {
		for at := instant("2026-01-01T00:00:00Z"); at.Year() < 2200; {
			offset, start, end := period(at, loc)
			if !end.IsZero() && !end.After(at) || start.After(at) {
				t.Errorf("%s: at %s the period is %s to %s", name, at, start, end)
				break
			}
			if end.IsZero() {
				break
			}
			for _, within := range []time.Time{at, at.Add(end.Sub(at) / 2), end.Add(-time.Second)} {
				if _, seconds := within.In(loc).Zone(); time.Duration(seconds)*time.Second != offset {
					t.Errorf("%s: %d s from UTC at %s, which belongs to %s to %s", name, seconds, within, start, end)
				}
			}
			at = end
		}
	}
}

// Around the end of each year, where a rule's year begins, a daily slot comes
// once a local day and an hourly one once an hour.
func TestSlotsOfEveryZoneGoOnOverTheEndsOfYears(t *testing.T) {
	t.Parallel()
	daily, hourly := timetable(t, "0 7 * * *", "UTC"), timetable(t, "0 * * * *", "UTC")
	for name, loc := range farZones(t) {
		for _, year := range []int{2028, 2037, 2040, 2044, 2096, 2196} {
			from := time.Date(year, 12, 30, 12, 0, 0, 0, time.UTC)
			for _, c := range []struct {
				of   Timetable
				want int
			}{{daily, 3}, {hourly, 72}} {
				c.of.zones = []zone{{name, loc}}
				if got := len(c.of.Owed(from, from.AddDate(0, 0, 3))); got != c.want {
					t.Errorf("%s: %d slots of %s in the three days from %s on, want %d", name, got, c.of.digest.Schedule, from, c.want)
				}
			}
		}
	}
}

// Sparse schedules look far ahead, by way of many years' ends.
func TestSparseSchedulesComeDueForCenturies(t *testing.T) {
	t.Parallel()
	for _, zone := range []string{"Europe/Berlin", "America/New_York", "Australia/Sydney", "Africa/Casablanca", "Asia/Tokyo", "UTC"} {
		for spec, want := range map[string]int{
			"0 7 1 * *": 12 * 174, "0 7 1,15 * *": 24 * 174, "0 7 31 * *": 7 * 174, "@yearly": 174, "0 7 31 12 *": 174, "0 7 29 2 *": 42,
		} {
			slots := timetable(t, spec, zone).Owed(instant("2026-01-01T00:00:00Z").AddDate(0, 0, -1), instant("2199-12-31T23:00:00Z"))
			slots = slices.DeleteFunc(slots, func(s digest.Slot) bool { return s.LocalDate.Year < 2026 || s.LocalDate.Year > 2199 })
			if len(slots) != want {
				t.Errorf("%s in %s: %d slots until 2200, want %d", spec, zone, len(slots), want)
			}
		}
	}
}

func TestClockChangeIsNamedAcrossAYearsEnd(t *testing.T) {
	t.Parallel()
	slots := timetable(t, "0 7 1 1,7 *", "Europe/Berlin").Next(2, instant("2044-03-01T00:00:00Z"))
	const want = "clocks go back at 03:00 on 30 October 2044: this slot is 4417 h after the last"
	if got := ClockChange(slots[0], slots[1]); got != want {
		t.Errorf("said %q, want %q", got, want)
	}
}
