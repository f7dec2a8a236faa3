package templates

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// FormatLong is the day of t in its own location, with the weekday:
// "Monday, 2 March 2026".
func (l *Language) FormatLong(t time.Time) string { return l.fill(l.LongDate, t) }

// FormatDate is the day of t in its own location: "2 March 2026".
func (l *Language) FormatDate(t time.Time) string { return l.fill(l.Date, t) }

// FormatShort is the day of t without the year: "2 March".
func (l *Language) FormatShort(t time.Time) string { return l.fill(l.ShortDate, t) }

// FormatClock is the wall clock: "07:00".
func (l *Language) FormatClock(hour, minute int) string {
	half := l.AM
	if hour >= 12 {
		half = l.PM
	}
	return strings.NewReplacer(
		"{h12}", strconv.Itoa((hour+11)%12+1), "{ampm}", half,
		"{hour}", fmt.Sprintf("%02d", hour), "{h}", strconv.Itoa(hour), "{minute}", fmt.Sprintf("%02d", minute),
	).Replace(l.Clock)
}

func (l *Language) fill(pattern string, t time.Time) string {
	day := strconv.Itoa(t.Day())
	if t.Day() == 1 && l.FirstDay != "" {
		day = l.FirstDay
	}
	return strings.NewReplacer(
		"{weekday}", l.Weekdays[t.Weekday()], "{day}", day,
		"{month}", l.Months[t.Month()-1], "{year}", strconv.Itoa(t.Year()),
	).Replace(pattern)
}

// List joins names as a sentence does: "Mondays, Wednesdays and Fridays".
func (l *Language) List(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	last := len(names) - 1
	and := l.Last
	if l.LastI != "" && soundsI(names[last]) {
		and = l.LastI
	}
	return strings.Join(names[:last], l.Between) + and + names[last]
}

// soundsI says whether a word begins with the vowel i, spelled with an h or
// not. Before another vowel it is a consonant: hielo, iodo.
func soundsI(word string) bool {
	word = strings.TrimPrefix(strings.ToLower(word), "h")
	rest, ok := strings.CutPrefix(word, "i")
	if !ok {
		return strings.HasPrefix(word, "í")
	}
	return rest == "" || !strings.ContainsAny(rest[:1], "aeou")
}

// Days says on which days something comes: "daily", "weekdays", "Mondays and
// Thursdays". No weekday at all is the empty string.
func (l *Language) Days(days []time.Weekday) (string, error) {
	sorted := slices.Compact(slices.Sorted(slices.Values(days)))
	switch {
	case len(sorted) == 7:
		return l.Say("days.daily")
	case slices.Equal(sorted, []time.Weekday{1, 2, 3, 4, 5}):
		return l.Say("days.weekdays")
	case slices.Equal(sorted, []time.Weekday{0, 6}):
		return l.Say("days.weekends")
	}
	// A week is read from Monday: Sunday goes last.
	if len(sorted) > 1 && sorted[0] == time.Sunday {
		sorted = append(sorted[1:], time.Sunday)
	}
	names := make([]string, len(sorted))
	for i, d := range sorted {
		names[i] = l.OnWeekdays[d]
	}
	return l.List(names), nil
}

// City is how people of the language call the place an IANA zone is named
// after: "New York" for America/New_York, unless the language has its own name.
// The Etc zones count the wrong way round, so their offset is turned: Etc/GMT+5
// is UTC-5.
func (l *Language) City(zone string) string {
	if own, ok := l.Cities[zone]; ok {
		return own
	}
	city := strings.ReplaceAll(zone[strings.LastIndexByte(zone, '/')+1:], "_", " ")
	if !strings.HasPrefix(zone, "Etc/") {
		return city
	}
	switch {
	case strings.HasPrefix(city, "GMT+"):
		return "UTC-" + city[4:]
	case strings.HasPrefix(city, "GMT-"):
		return "UTC+" + city[4:]
	}
	return city
}
