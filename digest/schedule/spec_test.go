package schedule

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestRefusedScheduleSaysWhatToDo(t *testing.T) {
	t.Parallel()
	for spec, want := range map[string]string{
		"":                              "the schedule is empty: write minute, hour",
		"   ":                           "the schedule is empty",
		"TZ=Europe/Berlin 0 7 * * *":    "name the zone in time_zone",
		"CRON_TZ=Europe/Rome 0 7 * * *": "name the zone in time_zone",
		"TZ=":                           "name the zone in time_zone",
		"TZ=Europe/Berlin":              "name the zone in time_zone",
		"@every 1h":                     "has no time of day",
		"@every":                        "has no time of day",
		"@reboot":                       "use @hourly, @daily",
		"@":                             "use @hourly, @daily",
		"0 0 7 * * *":                   "leave out the one for seconds",
		"0 7 * *":                       "has 4 of five fields",
		"0 7 * * * * *":                 "has 7 of five fields",
		"60 7 * * *":                    `minute "60" is not within 0-59`,
		"0 24 * * *":                    `hour "24" is not within 0-23`,
		"0 7 0 * *":                     `day of month "0" is not within 1-31`,
		"0 7 * 13 *":                    `month "13" is not within 1-12`,
		"0 7 * * 7":                     "Sunday is 0",
		"0 7 * * 1-7":                   "Sunday is 0",
		"0 7 * * fri-mon":               "runs backwards",
		"0 7 * * fr":                    `day of week "fr" is not within`,
		"0 7 * * onm":                   `day of week "onm" is not within`,
		"0 22-2 * * *":                  "runs backwards",
		"*/0 7 * * *":                   "step outside 1-60",
		"*/90 7 * * *":                  "step outside 1-60",
		"0 7 */32 * *":                  "step outside 1-31",
		", 7 * * *":                     `minute "" is not a number`,
		"0 7, * * *":                    `hour "" is not a number`,
		"+5 7 * * *":                    `minute "+5" is not a number`,
		"*-5 7 * * *":                   `minute "*-5" is not a number`,
		"-5 7 * * *":                    `minute "-5" is not a number`,
		"1-2-3 7 * * *":                 "is not a number",
		"*/5/5 7 * * *":                 "is not a number",
		"0 7 30 2 *":                    "never comes due",
		"0 7 30,31 feb *":               "never comes due",
		"0 7 31 2,4,6,9,11 *":           "never comes due",
		strings.Repeat("0,", 200) + "0": "longer than 200",
		"0 ٧ * * *":                     "is not a number",
	} {
		err := Check(spec)
		if err == nil {
			t.Errorf("Check(%q) let it pass, want %q", spec, want)
		} else if !strings.Contains(err.Error(), want) {
			t.Errorf("Check(%q) = %q, want %q in it", spec, err, want)
		}
		if Warnings(spec) != nil {
			t.Errorf("Warnings(%q) has something to say of a refused schedule", spec)
		}
	}
}

func TestRefusedScheduleNamesTheWordAndItsPlace(t *testing.T) {
	t.Parallel()
	for spec, want := range map[string]WordError{
		"0 7 * * mo-fr":       {Offset: 8, Word: "mo"},
		"0 7 * * mon-fr":      {Offset: 12, Word: "fr"},
		" 0  7 * * 1,mon-fr":  {Offset: 16, Word: "fr"},
		"0 7 * jun,jly *":     {Offset: 10, Word: "jly"},
		"7 7 77 * *":          {Offset: 4, Word: "77"},
		"0 7 * * 5,7":         {Offset: 10, Word: "7"},
		" @dayly":             {Offset: 1, Word: "@dayly"},
		"\u201c0 7 * * 1-5":   {Offset: 0, Word: "\u201c0"},
		"0 7 * * sat-sun,1-5": {Offset: 8, Word: "sat-sun"},
	} {
		var word *WordError
		if err := Check(spec); !errors.As(err, &word) || word.Offset != want.Offset || word.Word != want.Word {
			t.Errorf("Check(%q) = %#v, want %q at %d", spec, err, want.Word, want.Offset)
		}
	}
}

func TestUsualSchedulesPass(t *testing.T) {
	t.Parallel()
	for _, spec := range []string{
		"0 7 * * 1-5", "30 6,18 * * *", "0 7 * * MON-fri", "*/15 8-18 * * 1,3,5", "0 7 29 2 *", "0 7 31 * *",
		"0 */6 * * *", "0 7 1 jan,jul ?", "0 7/2 * * *", "@daily", "@weekly", "@hourly", " 0  7\t* * * ", "0 7 30 2 1",
	} {
		if err := Check(spec); err != nil {
			t.Errorf("Check(%q): %v", spec, err)
		}
	}
}

func TestWarningsNameTheDayRule(t *testing.T) {
	t.Parallel()
	for spec, want := range map[string]string{
		"0 7 13 * 5":    "either of them, not both",
		"0 7 */2 * 1":   "either of them, not both",
		"0 7 31 * *":    "months without a day 31",
		"0 7 31 9,10 *": "months without a day 31",
		"0 7 31 10 *":   "",
		"0 7 29 2 *":    "months without a day 29",
		"* 7 * * *":     "60 times within each hour",
		"*/10 7 * * *":  "6 times within each hour",
		"0 7 * * 1-5":   "",
		"0 7 1 * *":     "",
		"*/30 * * * *":  "",
	} {
		got := strings.Join(Warnings(spec), "; ")
		if (want == "") != (got == "") || !strings.Contains(got, want) {
			t.Errorf("Warnings(%q) = %q, want %q in it", spec, got, want)
		}
	}
}

func TestLeapDayIsFoundAcrossACenturyWithoutOne(t *testing.T) {
	t.Parallel()
	slots := timetable(t, "0 7 29 2 *", "UTC").Next(2, instant("2092-03-01T00:00:00Z"))
	want := []string{"2096-02-29T07:00Z", "2104-02-29T07:00Z"}
	if got := keys(slots); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func FuzzCheckNeitherPanicsNorHangs(f *testing.F) {
	for _, spec := range []string{
		"0 7 * * 1-5", "TZ=x", "TZ=", "CRON_TZ= 0 7 * * *", "@every 1s", "*/0 * * * *", "0 7 30 2 *", ",,,, , , , ,",
		"0 7 29 2 */7", "9-1/3 * * * *", "* * * * * *", "0 0-23/23 31 1-12/11 sun-sat/6", "?/1 ? ? ? ?", "0 \x00 * * *",
	} {
		f.Add(spec)
	}
	f.Fuzz(func(t *testing.T, spec string) {
		err := Check(spec)
		if err != nil {
			if len(spec) < maxSpec && utf8.ValidString(spec) && strings.ContainsAny(err.Error(), "\r\n") {
				t.Errorf("Check(%q) answers in more than one line: %q", spec, err)
			}
			return
		}
		Warnings(spec)
		e, err := parseExpression(spec)
		if err != nil {
			t.Fatal(err)
		}
		w := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		for range 3 {
			n := e.next(w)
			if !n.After(w) {
				t.Fatalf("%q: after %v comes %v", spec, w, n)
			}
			w = n
		}
	})
}
