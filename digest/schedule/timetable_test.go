package schedule

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"courant/digest"
)

func timetable(t testing.TB, spec, zone string, readerZones ...string) Timetable {
	t.Helper()
	tt, err := Parse(digest.Digest{Name: "morning", Schedule: spec, TimeZone: zone}, readerZones...)
	if err != nil {
		t.Fatal(err)
	}
	return tt
}

func instant(s string) time.Time {
	i, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return i
}

func keys(slots []digest.Slot) []string {
	var list []string
	for _, s := range slots {
		list = append(list, s.Key)
	}
	return list
}

// Each row was checked by hand against the zone's rules.
func TestSlotsAtChangesOfTheClock(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, spec, zone, from, to string
		want                       []string
	}{
		{"an ordinary week", "0 7 * * 1-5", "Europe/Berlin", "2026-03-12T12:00:00Z", "2026-03-17T12:00:00Z",
			[]string{"2026-03-13T07:00+01:00", "2026-03-16T07:00+01:00", "2026-03-17T07:00+01:00"}},
		{"from is exclusive, to is inclusive", "0 7 * * *", "UTC", "2026-01-01T07:00:00Z", "2026-01-02T07:00:00Z",
			[]string{"2026-01-02T07:00Z"}},
		{"in the spring gap: the end of the gap", "30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", "2026-03-30T12:00:00Z",
			[]string{"2026-03-29T03:00+02:00", "2026-03-30T02:30+02:00"}},
		{"two slots that fall on the end of the gap are one", "0,30 2,3 * * *", "Europe/Berlin", "2026-03-28T22:00:00Z", "2026-03-29T12:00:00Z",
			[]string{"2026-03-29T03:00+02:00", "2026-03-29T03:30+02:00"}},
		{"in the autumn repeat: the first", "30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", "2026-10-26T12:00:00Z",
			[]string{"2026-10-25T02:30+02:00", "2026-10-26T02:30+01:00"}},
		{"from between the two: nothing the second time", "30 2 * * *", "Europe/Berlin", "2026-10-25T00:45:00Z", "2026-10-25T12:00:00Z", nil},
		{"from within the repeat", "15,45 2 * * *", "Europe/Berlin", "2026-10-25T01:20:00Z", "2026-10-26T12:00:00Z",
			[]string{"2026-10-26T02:15+01:00", "2026-10-26T02:45+01:00"}},
		{"half an hour's gap", "15 2 * * 0", "Australia/Lord_Howe", "2026-09-28T00:00:00Z", "2026-10-12T00:00:00Z",
			[]string{"2026-10-04T02:30+11:00", "2026-10-11T02:15+11:00"}},
		{"a gap at midnight stays on its day", "30 0 * * 5", "Africa/Cairo", "2026-04-20T00:00:00Z", "2026-05-02T00:00:00Z",
			[]string{"2026-04-24T01:00+03:00", "2026-05-01T00:30+03:00"}},
		{"a weekly slot at Beirut's midnight gap", "0 0 * * 0", "Asia/Beirut", "2026-03-23T00:00:00Z", "2026-04-06T00:00:00Z",
			[]string{"2026-03-29T01:00+03:00", "2026-04-05T00:00+03:00"}},
		{"a gap up to midnight", "30 23 * * *", "America/Nuuk", "2026-03-28T12:00:00Z", "2026-03-30T12:00:00Z",
			[]string{"2026-03-29T00:00-01:00", "2026-03-29T23:30-01:00"}},
		{"a day left out: one edition per existing day", "0 7 * * *", "Pacific/Apia", "2011-12-29T00:00:00Z", "2012-01-01T12:00:00Z",
			[]string{"2011-12-29T07:00-10:00", "2011-12-31T07:00+14:00", "2012-01-01T07:00+14:00"}},
		{"a day left out: the week still has its Friday edition", "0 7 * * 5", "Pacific/Apia", "2011-12-20T00:00:00Z", "2012-01-07T00:00:00Z",
			[]string{"2011-12-23T07:00-10:00", "2011-12-31T00:00+14:00", "2012-01-06T07:00+14:00"}},
		{"a day left out, several a day: its slots are one", "0 7,19 * * *", "Pacific/Apia", "2011-12-29T17:30:00Z", "2011-12-31T12:00:00Z",
			[]string{"2011-12-29T19:00-10:00", "2011-12-31T00:00+14:00", "2011-12-31T07:00+14:00", "2011-12-31T19:00+14:00"}},
		{"a day left out at midnight is the next day's midnight", "0 0 * * *", "Pacific/Apia", "2011-12-29T12:00:00Z", "2012-01-01T00:00:00Z",
			[]string{"2011-12-31T00:00+14:00", "2012-01-01T00:00+14:00"}},
		{"Kwajalein leaves out 21 August 1993", "0 7 * * *", "Pacific/Kwajalein", "1993-08-20T00:00:00Z", "1993-08-22T23:00:00Z",
			[]string{"1993-08-20T07:00-12:00", "1993-08-22T07:00+12:00", "1993-08-23T07:00+12:00"}},
		{"Alaska goes from the 19th of October 1867 back to the 18th", "0 7 * * *", "America/Juneau", "1867-10-17T00:00:00Z", "1867-10-21T00:00:00Z",
			[]string{"1867-10-18T07:00+15:02", "1867-10-19T07:00+15:02", "1867-10-20T07:00-08:57"}},
		{"Manila leaves out the last day of 1844", "0 7 * * *", "Asia/Manila", "1844-12-30T12:00:00Z", "1845-01-02T00:00:00Z",
			[]string{"1844-12-30T07:00-15:56", "1845-01-01T07:00+08:03", "1845-01-02T07:00+08:03"}},
		{"real time: an hour shown twice fires twice", "30 * * * *", "Europe/Berlin", "2026-10-24T23:45:00Z", "2026-10-25T02:45:00Z",
			[]string{"2026-10-25T02:30+02:00", "2026-10-25T02:30+01:00", "2026-10-25T03:30+01:00"}},
		{"real time: an hour left out does not fire", "30 */1 * * *", "Europe/Berlin", "2026-03-29T00:00:00Z", "2026-03-29T02:00:00Z",
			[]string{"2026-03-29T01:30+01:00", "2026-03-29T03:30+02:00"}},
		{"real time: the change itself fires", "0 */3 * * *", "Europe/Berlin", "2026-03-29T00:00:00Z", "2026-03-29T05:00:00Z",
			[]string{"2026-03-29T03:00+02:00", "2026-03-29T06:00+02:00"}},
		{"real time: a day left out does not fire", "0 */12 * * *", "Pacific/Apia", "2011-12-29T12:00:00Z", "2011-12-30T23:00:00Z",
			[]string{"2011-12-29T12:00-10:00", "2011-12-31T00:00+14:00", "2011-12-31T12:00+14:00"}},
		{"month ends", "0 7 31 * *", "UTC", "2026-01-15T00:00:00Z", "2026-06-15T00:00:00Z",
			[]string{"2026-01-31T07:00Z", "2026-03-31T07:00Z", "2026-05-31T07:00Z"}},
		{"leap days, and no such day in 2100", "0 7 29 2 *", "UTC", "2089-01-01T00:00:00Z", "2105-01-01T00:00:00Z",
			[]string{"2092-02-29T07:00Z", "2096-02-29T07:00Z", "2104-02-29T07:00Z"}},
		{"the end of the year in a zone far ahead", "0 0 1 1 *", "Pacific/Kiritimati", "2025-06-01T00:00:00Z", "2027-06-01T00:00:00Z",
			[]string{"2026-01-01T00:00+14:00", "2027-01-01T00:00+14:00"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := keys(timetable(t, c.spec, c.zone).Owed(instant(c.from), instant(c.to)))
			if !slices.Equal(got, c.want) {
				t.Errorf("%s in %s\n got %v\nwant %v", c.spec, c.zone, got, c.want)
			}
		})
	}
}

func TestLocalDateIsTheDayTheScheduleMeans(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ spec, zone, from, date string }{
		// 23:30 is sent at midnight, still as that evening's edition.
		{"30 23 * * *", "America/Nuuk", "2026-03-28T12:00:00Z", "2026-03-28"},
		// The Friday does not exist; its edition belongs to the Saturday.
		{"0 7 * * 5", "Pacific/Apia", "2011-12-29T12:00:00Z", "2011-12-31"},
		{"30 0 * * 5", "Africa/Cairo", "2026-04-20T00:00:00Z", "2026-04-24"},
	} {
		s := timetable(t, c.spec, c.zone).Next(1, instant(c.from))[0]
		if s.LocalDate.String() != c.date || !s.Daily {
			t.Errorf("%s in %s: day %s, daily %v; want %s, daily", c.spec, c.zone, s.LocalDate, s.Daily, c.date)
		}
	}
}

func TestDailyMeansAtMostOncePerLocalDay(t *testing.T) {
	t.Parallel()
	for spec, want := range map[string]bool{
		"0 7 * * *": true, "0 7 13 * 5": true, "30 2 29 2 *": true, "@daily": true,
		"0 7,19 * * *": false, "0,30 7 * * *": false, "0 * * * *": false,
		// Real time fires twice where midnight is shown twice, as in Havana.
		"0 */24 * * *": false,
	} {
		if s := timetable(t, spec, "America/Havana").Next(1, instant("2026-01-01T00:00:00Z"))[0]; s.Daily != want {
			t.Errorf("%q: daily %v, want %v", spec, s.Daily, want)
		}
	}
}

func TestReadersZonesShareOneKey(t *testing.T) {
	t.Parallel()
	d := digest.Digest{Name: "morning", Schedule: "0 7 * * *", TimeZone: digest.ZoneReader, HomeZone: "Europe/Berlin"}
	tt, err := Parse(d, "America/New_York", "Asia/Tokyo", "", "Mars/Olympus", "Asia/Tokyo")
	if err != nil {
		t.Fatal(err)
	}
	slots := tt.Owed(instant("2026-06-01T12:00:00Z"), instant("2026-06-02T12:00:00Z"))
	type at struct{ zone, instant string }
	var got []at
	for _, s := range slots {
		if s.Key != "2026-06-02T07:00" || s.LocalDate.String() != "2026-06-02" {
			t.Errorf("slot %+v is not the edition of 2 June", s)
		}
		got = append(got, at{s.Zone, s.Instant.Format(time.TimeOnly)})
	}
	// A zone nobody knows runs with the home zone: its readers are not missed.
	want := []at{{"Asia/Tokyo", "22:00:00"}, {"Europe/Berlin", "05:00:00"}, {"Mars/Olympus", "05:00:00"}, {"America/New_York", "11:00:00"}}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestReadersZonesShareTheEditionOfARepeatedHour(t *testing.T) {
	t.Parallel()
	tt := timetable(t, "30 * * * *", digest.ZoneReader, "Europe/Berlin")
	got := keys(tt.Owed(instant("2026-10-24T23:45:00Z"), instant("2026-10-25T02:45:00Z")))
	if want := []string{"2026-10-25T02:30", "2026-10-25T03:30"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestDigestWithoutReadersRunsInItsHomeZone(t *testing.T) {
	t.Parallel()
	d := digest.Digest{Name: "morning", Schedule: "0 7 * * *", TimeZone: digest.ZoneReader, HomeZone: "Asia/Tokyo"}
	tt, err := Parse(d)
	if err != nil {
		t.Fatal(err)
	}
	if s := tt.Next(1, instant("2026-06-01T12:00:00Z"))[0]; s.Zone != "Asia/Tokyo" {
		t.Errorf("zone %s, want the home zone", s.Zone)
	}
}

func TestUnknownZoneOfADigestIsRefused(t *testing.T) {
	t.Parallel()
	for _, zone := range []string{"", "Local", "Europe/Belin", "CET+1", "../etc/passwd"} {
		if _, err := Parse(digest.Digest{Schedule: "0 7 * * *", TimeZone: zone}); err == nil {
			t.Errorf("zone %q was taken", zone)
		}
	}
}

func TestNextGivesAsManyAsAsked(t *testing.T) {
	t.Parallel()
	tt := timetable(t, "0 7 * * *", digest.ZoneReader, "Europe/Berlin", "Asia/Tokyo")
	for _, n := range []int{-1, 0, 1, 5} {
		if got := len(tt.Next(n, instant("2026-01-01T00:00:00Z"))); got != max(n, 0) {
			t.Errorf("Next(%d) gives %d", n, got)
		}
	}
}

func TestFirstWindowReachesBackToTheLastSlotADayAgo(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ spec, now, want string }{
		{"0 7 * * 1-5", "2026-03-16T07:00:00Z", "2026-03-13T07:00:00Z"}, // Monday: since Friday
		{"0 7 * * 1-5", "2026-03-17T07:00:00Z", "2026-03-16T07:00:00Z"},
		{"0 7 * * 1-5", "2026-03-17T06:59:00Z", "2026-03-13T07:00:00Z"},
		{"0 * * * *", "2026-03-17T07:10:00Z", "2026-03-16T07:00:00Z"},
		{"0 7 1 * *", "2026-03-17T07:00:00Z", "2026-03-01T07:00:00Z"},
		{"0 7 1 1 *", "2026-03-17T07:00:00Z", "2026-01-01T07:00:00Z"},
		{"0 7 29 2 *", "2027-03-17T07:00:00Z", "2027-03-16T07:00:00Z"}, // nothing for years: a day
	} {
		got, err := FirstWindow(digest.Digest{Schedule: c.spec, TimeZone: "UTC"}, instant(c.now))
		if err != nil || !got.Equal(instant(c.want)) {
			t.Errorf("%q at %s: %s, %v; want %s", c.spec, c.now, got.Format(time.RFC3339), err, c.want)
		}
	}
}

// Ticks may come at any moment, in mid-gap and mid-repeat too.
func TestManyTicksOweWhatOneTickOwes(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(4, 2))
	for _, zone := range []string{"Europe/Berlin", "Australia/Lord_Howe", "America/Nuuk", "Africa/Cairo", "America/Havana", "Pacific/Apia", digest.ZoneReader} {
		for _, spec := range []string{"30 2 * * *", "*/20 1-3 * * *", "*/20 * * * *", "30 23 * * *", "0 0 * * 0", "45 */2 * * *", "0 7,19 * * *"} {
			for _, start := range []string{"2011-12-27T00:00:00Z", "2026-03-25T00:00:00Z", "2026-10-22T00:00:00Z", "2026-04-22T00:00:00Z"} {
				tt := timetable(t, spec, zone, "Europe/Berlin", "Pacific/Apia", "America/Sao_Paulo")
				from := instant(start)
				to := from.Add(6 * 24 * time.Hour)
				var ticks []digest.Slot
				for at := from; at.Before(to); {
					next := at.Add(time.Duration(random.Int64N(int64(11 * time.Hour))))
					if next.After(to) {
						next = to
					}
					ticks = append(ticks, tt.Owed(at, next)...)
					at = next
				}
				if once := tt.Owed(from, to); !slices.Equal(once, ticks) {
					t.Fatalf("%s in %s from %s:\n once %v\nticks %v", spec, zone, start, keys(once), keys(ticks))
				}
			}
		}
	}
}

func BenchmarkTwoYearsOfADailySchedule(b *testing.B) {
	tt := timetable(b, "0 7 * * *", "Europe/Berlin")
	for b.Loop() {
		tt.Owed(instant("2025-01-01T00:00:00Z"), instant("2027-01-01T00:00:00Z"))
	}
}
