package schedule

import (
	"archive/zip"
	"io"
	"maps"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"courant/digest"
)

// everyZone lists the zones of the tzdata that comes with Go, one of each set
// of names for the same rules.
func everyZone(t *testing.T) []string {
	t.Helper()
	byRules := map[string]string{}
	for name, data := range zoneFiles(t) {
		byRules[string(data)] = name
	}
	if len(byRules) < 250 {
		t.Fatalf("found only %d zones", len(byRules))
	}
	return slices.Sorted(maps.Values(byRules))
}

// zoneFiles reads that tzdata, by name.
func zoneFiles(t *testing.T) map[string][]byte {
	t.Helper()
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Skip("needs the go command on the PATH to find the list of zones")
	}
	archive, err := zip.OpenReader(filepath.Join(strings.TrimSpace(string(root)), "lib", "time", "zoneinfo.zip"))
	if err != nil {
		t.Skipf("needs Go's own zoneinfo.zip: %v", err)
	}
	defer archive.Close()
	files := map[string][]byte{}
	for _, file := range archive.File {
		if strings.HasSuffix(file.Name, "/") {
			continue
		}
		r, err := file.Open()
		if err != nil {
			t.Fatal(err)
		}
		if files[file.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

// look is how often localDays looks at a clock; no local day was ever shorter.
const look = 6 * time.Hour

// localDays lists the days a zone's calendar has, found by looking at its
// clock: nothing of what is tested is used. Each comes with the first instant
// at which it was seen.
func localDays(zone string, from, to time.Time) (days []digest.Date, began map[digest.Date]time.Time) {
	loc, err := time.LoadLocation(zone)
	if err != nil {
		panic(err)
	}
	began = map[digest.Date]time.Time{}
	for t := from.In(loc); t.Before(to); t = t.Add(look) {
		d := digest.DateOf(t)
		if _, known := began[d]; !known {
			days = append(days, d)
			began[d] = t
		}
	}
	return days, began
}

// calendar keeps the local days of the zone looked at last, for its next
// schedule.
type calendar struct {
	zone  string
	from  time.Time
	days  []digest.Date
	began map[digest.Date]time.Time
}

func (c *calendar) of(zone string, from, to time.Time) ([]digest.Date, map[digest.Date]time.Time) {
	if c.zone != zone || !c.from.Equal(from) {
		c.zone, c.from = zone, from
		// Days at the edges are only in part within the time looked at.
		c.days, c.began = localDays(zone, from.AddDate(0, 0, -2), to.AddDate(0, 0, 2))
	}
	return c.days, c.began
}

func TestEveryZoneHasOneDailyEditionPerLocalDay(t *testing.T) {
	t.Parallel()
	var calendars calendar
	eachZone(t, []string{"0 2 * * *", "0 0 * * *", "0 23 * * *"}, func(t *testing.T, spec, zone string, from, to time.Time) {
		days, began := calendars.of(zone, from, to)
		count := map[digest.Date]int{}
		var last digest.Slot
		for _, s := range timetable(t, spec, zone).Owed(from, to) {
			if count[s.LocalDate]++; !s.Instant.After(last.Instant) || s.LocalDate.Compare(last.LocalDate) < 0 {
				t.Errorf("%s in %s: %s comes after %s", spec, zone, s.Key, last.Key)
			}
			last = s
			begin, exists := began[s.LocalDate]
			if !exists {
				t.Errorf("%s in %s: an edition on %s, which does not exist", spec, zone, s.LocalDate)
			}
			// A day has up to 26 hours (Troll, in October), and a gap may move
			// a slot to the first moment of the next one.
			if !s.Instant.After(begin.Add(-look)) || s.Instant.After(begin.Add(26*time.Hour)) {
				t.Errorf("%s in %s: the edition of %s is sent at %s", spec, zone, s.LocalDate, s.Instant)
			}
		}
		for _, day := range days[4 : len(days)-4] {
			if count[day] != 1 {
				t.Errorf("%s in %s: %d editions on %s", spec, zone, count[day], day)
			}
		}
	})
}

// One edition of a digest in readers' zones is opened by each zone that has the
// day, once, and by none that has not.
func TestEditionOfReadersZonesOpensOnceInEveryZone(t *testing.T) {
	t.Parallel()
	zones := everyZone(t)
	places := map[string]*time.Location{}
	for _, zone := range zones {
		loc, err := time.LoadLocation(zone)
		if err != nil {
			t.Fatal(err)
		}
		places[zone] = loc
	}
	for _, years := range [][2]string{{"2026-01-01T00:00:00Z", "2028-01-01T00:00:00Z"}, {"2011-12-20T00:00:00Z", "2012-01-10T00:00:00Z"}} {
		from, to := instant(years[0]), instant(years[1])
		type opened struct {
			n     map[string]int
			first time.Time
			last  time.Time
		}
		editions := map[string]*opened{}
		for _, s := range timetable(t, "30 2 * * *", digest.ZoneReader, zones...).Owed(from, to) {
			e := editions[s.Key]
			if e == nil {
				e = &opened{map[string]int{}, s.Instant, s.Instant}
				editions[s.Key] = e
			}
			e.n[s.Zone]++
			e.last = s.Instant
		}
		for key, e := range editions {
			day, err := time.Parse(sharedWall, key)
			if err != nil || day.Before(from.AddDate(0, 0, 2)) || day.After(to.AddDate(0, 0, -2)) {
				continue // not all of its zones lie within the time looked at
			}
			// A gap adds its hour to the 26 that zones are apart.
			if e.last.Sub(e.first) > digest.MostApart+time.Hour {
				t.Errorf("%s opens from %s to %s", key, e.first, e.last)
			}
			for zone, loc := range places {
				if want := map[bool]int{true: 1}[dayExists(digest.DateOf(day), loc)]; e.n[zone] != want {
					t.Errorf("%s opens %d times in %s, want %d", key, e.n[zone], zone, want)
				}
			}
		}
		if len(editions) < 20 {
			t.Errorf("%d editions", len(editions))
		}
	}
}

// sharedWall is how a slot's key has its wall clock.
const sharedWall = "2006-01-02T15:04"

func TestEveryZoneHasOneWeeklyEditionPerWeek(t *testing.T) {
	t.Parallel()
	// Clocks are changed on Fridays (Cairo), Saturdays (Nuuk) and Sundays.
	eachZone(t, []string{"30 2 * * 0", "15 0 * * 5", "45 23 * * 6"}, func(t *testing.T, spec, zone string, from, to time.Time) {
		loc, err := time.LoadLocation(zone)
		if err != nil {
			t.Fatal(err)
		}
		last := from.In(loc)
		for _, s := range timetable(t, spec, zone).Owed(from, to) {
			at := s.Instant.In(loc)
			if pause := at.Sub(last); last != from.In(loc) && (pause < 5*24*time.Hour || pause > 8*24*time.Hour) {
				t.Errorf("%s in %s: an edition at %s, the next at %s", spec, zone, last, at)
			}
			// On the day it names, or on the next if the clock was moved past it.
			if ahead := (at.Weekday() - s.LocalTime.Weekday() + 7) % 7; ahead > 1 {
				t.Errorf("%s in %s: an edition at %s", spec, zone, at)
			}
			last = at
		}
		if to.Sub(last) > 8*24*time.Hour {
			t.Errorf("%s in %s: no edition after %s", spec, zone, last)
		}
	})
}

// eachZone looks at two years to come in all zones, and at years in which
// zones left out a day or moved by odd amounts. Zones that keep one offset all
// the time are the same clock: one of them is tried, with one schedule.
func eachZone(t *testing.T, specs []string, check func(t *testing.T, spec, zone string, from, to time.Time)) {
	type clock struct {
		offset int
		from   string
	}
	known := map[clock]bool{}
	years := func(zone, from, to string) {
		tried := specs
		if offset, steady := steady(zone, instant(from), instant(to)); steady {
			if known[clock{offset, from}] {
				return
			}
			known[clock{offset, from}] = true
			tried = specs[:1]
		}
		for _, spec := range tried {
			check(t, spec, zone, instant(from), instant(to))
		}
	}
	for _, zone := range everyZone(t) {
		years(zone, "2026-01-01T00:00:00Z", "2028-01-01T00:00:00Z")
	}
	for _, zone := range []string{"Pacific/Apia", "Pacific/Fakaofo", "Asia/Gaza"} {
		years(zone, "2011-01-01T00:00:00Z", "2013-01-01T00:00:00Z")
	}
	for _, zone := range []string{"Pacific/Kwajalein", "Pacific/Kiritimati", "Pacific/Enderbury"} {
		years(zone, "1993-01-01T00:00:00Z", "1995-06-01T00:00:00Z")
	}
}

// steady says whether a zone keeps its first offset; none leaves it for less
// than three weeks.
func steady(zone string, from, to time.Time) (offset int, steady bool) {
	loc, err := time.LoadLocation(zone)
	if err != nil {
		panic(err)
	}
	_, first := from.In(loc).Zone()
	for at := from; at.Before(to); at = at.AddDate(0, 0, 7) {
		if _, offset := at.In(loc).Zone(); offset != first {
			return first, false
		}
	}
	return first, true
}

// The definition, looked up second by second: the first instant at which the
// local clock shows the time or a later one.
func TestFirstInstantIsWhenTheClockShowsThatOrLater(t *testing.T) {
	t.Parallel()
	for _, zone := range []string{"Europe/Berlin", "Australia/Lord_Howe", "America/Nuuk", "Africa/Casablanca", "Pacific/Apia", "America/Havana", "Asia/Amman", "UTC", "Etc/GMT-14"} {
		loc, err := time.LoadLocation(zone)
		if err != nil {
			t.Fatal(err)
		}
		for _, year := range []int{2011, 2026, 2038} {
			start := time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC)
			highest := wallOf(start, loc)
			for at := start; at.Year() == year; at = at.Add(10 * time.Minute) {
				for wall := wallOf(at, loc); highest.Before(wall); {
					highest = highest.Add(10 * time.Minute)
					if got := firstInstant(highest, loc); !got.Equal(at) {
						t.Fatalf("%s shows %s first at %s, not %s", zone, highest, at, got)
					}
				}
			}
		}
	}
}
