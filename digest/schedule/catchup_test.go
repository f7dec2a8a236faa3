package schedule

import (
	"slices"
	"testing"
	"time"

	"courant/digest"
)

func TestCatchUpDecidesWhatIsStillSent(t *testing.T) {
	t.Parallel()
	const later = "missed: a later slot was due (catch_up: latest)"
	type skipped map[string]string
	for _, c := range []struct {
		name    string
		spec    string
		catchUp digest.CatchUp
		limit   time.Duration
		from    string
		now     string
		publish []string
		skip    skipped
	}{
		{"met on time", "0 7 * * *", digest.CatchUpLatest, 0, "2026-03-02T00:00:00Z", "2026-03-02T07:00:10Z",
			[]string{"2026-03-02T07:00Z"}, nil},
		{"the last missed one", "0 7,12 * * *", digest.CatchUpLatest, 0, "2026-03-02T00:00:00Z", "2026-03-02T13:00:00Z",
			[]string{"2026-03-02T12:00Z"}, skipped{"2026-03-02T07:00Z": later}},
		{"latest is the default", "0 7,12 * * *", "", 0, "2026-03-02T00:00:00Z", "2026-03-02T13:00:00Z",
			[]string{"2026-03-02T12:00Z"}, skipped{"2026-03-02T07:00Z": later}},
		{"exactly as late as it may be", "0 7 * * *", digest.CatchUpLatest, 12 * time.Hour, "2026-03-02T00:00:00Z", "2026-03-02T19:00:00Z",
			[]string{"2026-03-02T07:00Z"}, nil},
		{"too late", "0 7 * * *", digest.CatchUpLatest, 12 * time.Hour, "2026-03-02T00:00:00Z", "2026-03-02T21:00:00Z",
			nil, skipped{"2026-03-02T07:00Z": "missed: 14 h late, max_lateness is 12 h"}},
		{"a moment too late", "0 7 * * *", digest.CatchUpLatest, 90 * time.Minute, "2026-03-02T00:00:00Z", "2026-03-02T08:30:01Z",
			nil, skipped{"2026-03-02T07:00Z": "missed: 1 h 31 min late, max_lateness is 1 h 30 min"}},
		{"all within the limit", "0 7,12,15 * * *", digest.CatchUpAll, 6 * time.Hour, "2026-03-02T00:00:00Z", "2026-03-02T16:00:00Z",
			[]string{"2026-03-02T12:00Z", "2026-03-02T15:00Z"}, skipped{"2026-03-02T07:00Z": "missed: 9 h late, max_lateness is 6 h"}},
		{"none but on time", "0 7,12 * * *", digest.CatchUpNone, 0, "2026-03-02T00:00:00Z", "2026-03-02T12:05:00Z",
			[]string{"2026-03-02T12:00Z"}, skipped{"2026-03-02T07:00Z": "missed: 5 h 5 min late (catch_up: none)"}},
		{"a skip day", "0 7 * * *", digest.CatchUpLatest, 0, "2026-12-24T00:00:00Z", "2026-12-24T07:00:00Z",
			nil, skipped{"2026-12-24T07:00Z": "skip: 2026-12-24..2027-01-02 in the config"}},
		{"a skip day doesn't stand in for the day before", "0 20 * * *", digest.CatchUpLatest, 0, "2026-06-16T00:00:00Z", "2026-06-17T20:01:00Z",
			nil, skipped{"2026-06-16T20:00Z": "missed: 24 h 1 min late, max_lateness is 12 h", "2026-06-17T20:00Z": "skip: 2026-06-17 in the config"}},
		{"a skip day is not a later slot", "0 20 * * *", digest.CatchUpLatest, 48 * time.Hour, "2026-06-16T00:00:00Z", "2026-06-17T20:01:00Z",
			[]string{"2026-06-16T20:00Z"}, skipped{"2026-06-17T20:00Z": "skip: 2026-06-17 in the config"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := digest.Digest{
				Name: "morning", Schedule: c.spec, TimeZone: "UTC", CatchUp: c.catchUp, MaxLateness: c.limit,
				Skip: []digest.DateRange{
					{From: digest.Date{Year: 2026, Month: 12, Day: 24}, To: digest.Date{Year: 2027, Month: 1, Day: 2}},
					{From: digest.Date{Year: 2026, Month: 6, Day: 17}, To: digest.Date{Year: 2026, Month: 6, Day: 17}},
				},
			}
			tt, err := Parse(d)
			if err != nil {
				t.Fatal(err)
			}
			publish, skip := Decide(d, tt.Owed(instant(c.from), instant(c.now)), instant(c.now))
			if !slices.Equal(keys(publish), c.publish) {
				t.Errorf("publishes %v, want %v", keys(publish), c.publish)
			}
			for _, s := range skip {
				if s.State != digest.SlotSkipped || s.Reason != c.skip[s.Key] {
					t.Errorf("slot %s is %s for %q, want %q", s.Key, s.State, s.Reason, c.skip[s.Key])
				}
			}
			if len(skip) != len(c.skip) {
				t.Errorf("skips %v, want %v", keys(skip), c.skip)
			}
		})
	}
}

func TestLatenessCountsFromEachZonesOwnInstant(t *testing.T) {
	t.Parallel()
	d := digest.Digest{Name: "morning", Schedule: "0 7 * * *", TimeZone: digest.ZoneReader, MaxLateness: 12 * time.Hour}
	tt, err := Parse(d, "Asia/Tokyo", "America/Los_Angeles")
	if err != nil {
		t.Fatal(err)
	}
	// 07:00 of 2 June was at 22:00 UTC in Tokyo and at 14:00 UTC in Los Angeles.
	now := instant("2026-06-02T15:00:00Z")
	publish, skip := Decide(d, tt.Owed(instant("2026-06-01T20:00:00Z"), now), now)
	if len(publish) != 1 || publish[0].Zone != "America/Los_Angeles" {
		t.Errorf("publishes %+v, want Los Angeles", publish)
	}
	if len(skip) != 1 || skip[0].Reason != "missed: 17 h late, max_lateness is 12 h" {
		t.Errorf("skips %+v, want Tokyo as 17 h late", skip)
	}
}

func TestMovedDailySlotGivesOneEditionThatDay(t *testing.T) {
	t.Parallel()
	d := digest.Digest{Name: "morning", Schedule: "0 7 * * *", TimeZone: "UTC", CatchUp: digest.CatchUpAll}
	owed := timetable(t, "0 7 * * *", "UTC").Owed(instant("2026-03-02T06:00:00Z"), instant("2026-03-02T08:00:00Z"))
	owed = append(owed, timetable(t, "0 9 * * *", "UTC").Owed(instant("2026-03-02T08:00:00Z"), instant("2026-03-02T10:00:00Z"))...)
	publish, skip := Decide(d, owed, instant("2026-03-02T10:00:00Z"))
	if want := []string{"2026-03-02T09:00Z"}; !slices.Equal(keys(publish), want) || len(skip) != 1 {
		t.Errorf("publishes %v and skips %v, want one of each", keys(publish), keys(skip))
	}
}

func TestSlotAheadOfTheClockIsLeftAlone(t *testing.T) {
	t.Parallel()
	owed := timetable(t, "0 7 * * *", "UTC").Next(1, instant("2026-03-02T00:00:00Z"))
	if publish, skip := Decide(digest.Digest{}, owed, instant("2026-03-02T06:59:59Z")); len(publish)+len(skip) != 0 {
		t.Errorf("publishes %v and skips %v before its time", publish, skip)
	}
}

func TestSpokenDurations(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		0: "0 s", 45 * time.Second: "45 s", time.Minute: "1 min", 14 * time.Hour: "14 h",
		90 * time.Minute: "1 h 30 min", 26*time.Hour + 5*time.Second: "26 h 5 s",
	} {
		if got := spoken(d); got != want {
			t.Errorf("spoken(%d) = %q, want %q", d, got, want)
		}
	}
}
