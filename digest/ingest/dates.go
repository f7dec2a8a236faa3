package ingest

import (
	"regexp"
	"strings"
	"time"
)

// slack is how far a publisher's clock may be ahead before its date counts
// as a date in the future.
const slack = 10 * time.Minute

// earliest is before any article on the web; dates before it come from
// clocks that were never set.
const earliestYear = 1990

var dateLayouts = []string{
	time.RFC3339Nano, "2006-01-02T15:04:05.999999999Z0700", "2006-01-02T15:04Z07:00", "2006-01-02T15:04Z0700", "2006-01-02T15:04:05", "2006-01-02T15:04",
	"2006-01-02 15:04:05 Z07:00", "2006-01-02 15:04:05 Z0700", "2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05 MST", "2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02",
	"2 Jan 2006 15:04:05 Z0700", "2 Jan 2006 15:04:05 Z07:00", "2 Jan 2006 15:04:05 MST", "2 Jan 2006 15:04:05", "2 Jan 2006 15:04 Z0700", "2 Jan 2006 15:04 MST",
	"2 Jan 2006 15:04", "2 Jan 2006", "2 Jan 06 15:04:05 Z0700", "2 Jan 06 15:04:05 MST", "2 Jan 06 15:04 Z0700", "2 Jan 06 15:04 MST", "2 Jan 06",
	"2-Jan-2006 15:04:05 Z0700", "2-Jan-2006 15:04:05 MST", "2-Jan-06 15:04:05 MST",
	"Jan 2 2006 15:04:05 Z0700", "Jan 2 2006 15:04:05 MST", "Jan 2 2006 15:04:05", "Jan 2 2006 3:04 PM MST", "Jan 2 2006 3:04 PM", "Jan 2 2006 15:04", "Jan 2 2006",
	"Jan 2 15:04:05 MST 2006", "Jan 2 15:04:05 2006", "Jan 2 15:04:05 Z0700 2006",
	"2006/01/02 15:04:05", "2006/01/02", "2006/1/2", "20060102T150405Z", "20060102", "02.01.2006 15:04", "2.1.2006 15:04", "2.1.2006",
	"2006-01-02Z07:00",
}

// zoneOffsets are the zones RFC 822 section 5.1 names and a few more that
// feeds use; time.Parse alone reads unknown ones as UTC.
var zoneOffsets = strings.NewReplacer(
	" EST", " -0500", " EDT", " -0400", " CST", " -0600", " CDT", " -0500", " MST", " -0700", " MDT", " -0600", " PST", " -0800", " PDT", " -0700",
	" CEST", " +0200", " CET", " +0100", " MESZ", " +0200", " MEZ", " +0100", " BST", " +0100", " WEST", " +0100", " WET", " +0000", " EEST", " +0300", " EET", " +0200",
	" MSK", " +0300", " JST", " +0900", " KST", " +0900", " IST", " +0530", " AEST", " +1000", " AEDT", " +1100", " NZST", " +1200", " NZDT", " +1300",
	" GMT", " +0000", " UTC", " +0000", " UT", " +0000", " Z", " +0000")

var (
	weekday     = regexp.MustCompile(`^\pL{2,12}\.?,?\s+`)
	dateWord    = regexp.MustCompile(`\pL{3,}\.?`)
	gmtOffset   = regexp.MustCompile(`\s(?:GMT|UTC)\s*([+-]\d{1,2}):?(\d{2})?$`)
	zoneComment = regexp.MustCompile(`\s*\([^)]*\)\s*$`)
)

// parseDate reads what publishers write for a date. It is zero for what
// can't be read, lies in the future or before there were articles on the
// web: such an article counts from the moment it is first seen. Weekdays are
// ignored, as wrong ones are common.
func parseDate(s string, now time.Time) time.Time {
	s = strings.Join(strings.Fields(s), " ")
	if len(s) < 6 || len(s) > 64 {
		return time.Time{}
	}
	t, ok := usualDate(s)
	for _, tidy := range [...]func(string) string{func(s string) string { return s }, tidyDate} {
		for i, form := 0, tidy(s); i < len(dateLayouts) && !ok; i++ {
			read, err := time.Parse(dateLayouts[i], form)
			t, ok = read, err == nil
		}
		if ok {
			break
		}
	}
	if !ok || t.Year() < earliestYear || t.After(now.Add(slack)) {
		return time.Time{}
	}
	return t.UTC()
}

// usualDate reads the dates of RSS as nearly all feeds write them, without
// the cost of every other way.
func usualDate(s string) (time.Time, bool) {
	if day, found := strings.CutSuffix(s, " GMT"); found {
		s = day + " +0000"
	}
	t, err := time.Parse("Mon, 2 Jan 2006 15:04:05 -0700", s)
	return t, err == nil
}

// tidyDate brings a date in words to the shape of RFC 822: no weekday, no
// comma, English months of three letters, zones as numbers.
func tidyDate(s string) string {
	s = zoneComment.ReplaceAllString(s, "")
	s = gmtOffset.ReplaceAllString(s, " $1$2")
	if m := weekday.FindString(s); m != "" && monthName(strings.TrimRight(m, "., ")) == "" {
		s = s[len(m):]
	}
	s = strings.ReplaceAll(s, ",", "")
	s = dateWord.ReplaceAllStringFunc(s, func(word string) string {
		if m := monthName(strings.TrimSuffix(word, ".")); m != "" {
			return m
		}
		return word
	})
	s = strings.NewReplacer(". ", " ", " at ", " ", " um ", " ", " à ", " ", " Uhr", "", " de ", " ").Replace(s)
	return strings.TrimSpace(strings.TrimSuffix(zoneOffsets.Replace(s+" "), " "))
}

// months in the languages feeds write them in, by the letters that tell them
// apart.
var months = []struct{ name, stems string }{
	{"Jan", "jan gen ene янв"}, {"Feb", "feb fév fev fév febr фев"}, {"Mar", "mar mär mrz maa mrt март"}, {"Apr", "apr avr abr апр"},
	{"May", "may mai mei maj mag мая май"}, {"Jun", "jun juin giu июн"}, {"Jul", "jul juil lug июл"}, {"Aug", "aug aoû aou ago авг"},
	{"Sep", "sep set сен"}, {"Oct", "oct okt ott out окт"}, {"Nov", "nov ноя"}, {"Dec", "dec dez dic déc des дек"},
}

// monthName is the English abbreviation of a month's name, empty if it is
// none.
func monthName(word string) string {
	word = strings.ToLower(word)
	best, length := "", 0
	for _, m := range months {
		for stem := range strings.FieldsSeq(m.stems) {
			if strings.HasPrefix(word, stem) && len(stem) > length {
				best, length = m.name, len(stem)
			}
		}
	}
	return best
}
