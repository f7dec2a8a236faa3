package templates

import (
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

func load(t *testing.T) *Catalogue {
	t.Helper()
	c, err := Load(FS)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

var placeholder = regexp.MustCompile(`\{\w+\}`)

// TestLanguagesAreComplete wants every text of English in every language, with
// the same places to fill.
func TestLanguagesAreComplete(t *testing.T) {
	t.Parallel()
	c := load(t)
	if len(c.Languages()) < 6 {
		t.Fatalf("%d languages", len(c.Languages()))
	}
	english := c.Languages()[0]
	for _, l := range c.Languages() {
		if strings.Contains(l.Tag, "-") { // a country's: its language has what it lacks
			continue
		}
		for key, want := range english.Texts {
			got, ok := l.Texts[key]
			if !ok {
				t.Errorf("%s has no %s", l.Tag, key)
				continue
			}
			if a, b := places(got.Other), places(want.Other); !slices.Equal(a, b) {
				t.Errorf("%s: %s has the places %v, English %v", l.Tag, key, a, b)
			}
		}
		for key := range l.Texts {
			if _, ok := english.Texts[key]; !ok {
				t.Errorf("%s: %s is not in English", l.Tag, key)
			}
		}
		for _, names := range [][]string{l.Months[:], l.Weekdays[:], l.OnWeekdays[:]} {
			if slices.Contains(names, "") || len(slices.Compact(slices.Sorted(slices.Values(names)))) != len(names) {
				t.Errorf("%s: %q", l.Tag, names)
			}
		}
		for zone := range l.Cities {
			if _, err := time.LoadLocation(zone); err != nil {
				t.Errorf("%s: %v", l.Tag, err)
			}
		}
	}
}

func places(s string) []string { return slices.Sorted(slices.Values(placeholder.FindAllString(s, -1))) }

func TestMatchTakesTheFirstLanguageThereIs(t *testing.T) {
	t.Parallel()
	c := load(t)
	for _, row := range []struct {
		wanted []string
		tag    string
	}{
		{[]string{"de-AT"}, "de"}, {[]string{"pt-BR"}, "pt"}, {[]string{"ar-EG"}, "ar"}, {[]string{"es-419"}, "es"},
		{[]string{"", "fr"}, "fr"}, {[]string{"nl", "de"}, "de"}, {[]string{"zz", "not a tag"}, "en"}, {nil, "en"}, {[]string{"en-GB", "fr"}, "en"}, {[]string{"en"}, "en"}, {[]string{"en-US"}, "en-US"}, {[]string{"en-AU"}, "en"},
	} {
		if got := c.Match(row.wanted...).Tag; got != row.tag {
			t.Errorf("%v: %s, want %s", row.wanted, got, row.tag)
		}
	}
}

func TestPluralsFollowEachLanguage(t *testing.T) {
	t.Parallel()
	c := load(t)
	for _, row := range []struct {
		tag  string
		n    int
		want string
	}{
		{"en", 1, "+ 1 more on the web"}, {"en", 7, "+ 7 more on the web"},
		{"de", 1, "+ 1 weiterer Artikel im Web"}, {"de", 2, "+ 2 weitere Artikel im Web"},
		{"fr", 2, "+ 2 autres articles sur le web"},
		{"ar", 1, "+ خبر واحد آخر على الويب"}, {"ar", 2, "+ خبران آخران على الويب"}, {"ar", 5, "+ 5 أخبار أخرى على الويب"},
		{"ar", 11, "+ 11 خبرًا آخر على الويب"}, {"ar", 100, "+ 100 خبر آخر على الويب"},
	} {
		got, err := c.Match(row.tag).Say("mail.more", "n", row.n)
		if err != nil || got != row.want {
			t.Errorf("%s %d: %q, want %q, %v", row.tag, row.n, got, row.want, err)
		}
	}
}

func TestSayFallsBackToEnglishAndKnowsItsKeys(t *testing.T) {
	t.Parallel()
	file := `{"name":"X","direction":"ltr","long_date":"x","date":"x","short_date":"x","clock":"x","texts":{%s}}`
	files := fstest.MapFS{
		"lang/en.json": {Data: []byte(strings.Replace(file, "%s", `"a":"English {n}","b":{"one":"{n} thing","other":"{n} things"}`, 1))},
		"lang/nl.json": {Data: []byte(strings.Replace(file, "%s", `"b":{"one":"{n} ding","other":"{n} dingen"}`, 1))},
	}
	c, err := Load(files)
	if err != nil {
		t.Fatal(err)
	}
	dutch := c.Match("nl")
	for key, want := range map[string]string{"a": "English 2", "b": "2 dingen"} {
		if got, err := dutch.Say(key, "n", 2); err != nil || got != want {
			t.Errorf("%s: %q, %v", key, got, err)
		}
	}
	if _, err := dutch.Say("c"); err == nil || !strings.Contains(err.Error(), "lang/en.json") {
		t.Errorf("an unknown key: %v", err)
	}
	// What is filled in is never read again for places.
	if got, _ := dutch.Say("a", "n", "{n}"); got != "English {n}" {
		t.Errorf("%q", got)
	}
}

func TestBrokenLanguageFilesAreNamed(t *testing.T) {
	t.Parallel()
	english, err := fs.ReadFile(FS, "lang/en.json")
	if err != nil {
		t.Fatal(err)
	}
	for want, file := range map[string]string{
		"lang/nl.json":          `{`,
		"neither ltr nor rtl":   `{"direction":"up"}`,
		"long_date is missing":  `{"direction":"ltr","date":"x","short_date":"x","clock":"x"}`,
		`need at least "other"`: `{"direction":"ltr","texts":{"a":{"one":"x"}}}`,
		"a text is a string or": `{"direction":"ltr","texts":{"a":3}}`,
	} {
		_, err := Load(fstest.MapFS{"lang/en.json": {Data: english}, "lang/nl.json": {Data: []byte(file)}})
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "lang/nl.json") {
			t.Errorf("%v, want %q", err, want)
		}
	}
	if _, err := Load(fstest.MapFS{}); err == nil {
		t.Error("no English, no error")
	}
}

func TestDatesAreWrittenAsEachLanguageDoes(t *testing.T) {
	t.Parallel()
	c := load(t)
	first := time.Date(2026, 3, 1, 7, 5, 0, 0, time.UTC)
	for tag, want := range map[string]string{
		"en":    "Sunday, 1 March 2026 | 1 March | 07:05",
		"en-US": "Sunday, March 1, 2026 | March 1 | 7:05\u00a0a.m.",
		"de":    "Sonntag, 1. März 2026 | 1. März | 7:05 Uhr",
		"fr":    "dimanche 1er mars 2026 | 1er mars | 7\u00a0h\u00a005",
		"es":    "domingo, 1 de marzo de 2026 | 1 de marzo | 7:05",
		"pt":    "domingo, 1º de março de 2026 | 1º de março | 7h05",
		"ar":    "الأحد، 1 مارس 2026 | 1 مارس | 07:05",
	} {
		l := c.Match(tag)
		if got := l.FormatLong(first) + " | " + l.FormatShort(first) + " | " + l.FormatClock(7, 5); got != want {
			t.Errorf("%s: %s, want %s", tag, got, want)
		}
	}
}

func TestDaysSayHowOftenInWords(t *testing.T) {
	t.Parallel()
	l := load(t).Match("en")
	for want, days := range map[string][]time.Weekday{
		"":                                {},
		"daily":                           {0, 1, 2, 3, 4, 5, 6},
		"weekdays":                        {5, 4, 3, 2, 1},
		"weekends":                        {0, 6},
		"Fridays":                         {5, 5},
		"Mondays, Wednesdays and Sundays": {0, 1, 3},
	} {
		if got, err := l.Days(days); err != nil || got != want {
			t.Errorf("%v: %q, want %q, %v", days, got, want, err)
		}
	}
}

func TestCitiesComeFromZoneNames(t *testing.T) {
	t.Parallel()
	c := load(t)
	for zone, want := range map[string]string{
		"Europe/Berlin": "Berlin", "America/New_York": "New York", "America/Argentina/Buenos_Aires": "Buenos Aires",
		"UTC": "UTC", "Etc/UTC": "UTC", "Etc/GMT+5": "UTC-5", "Etc/GMT-3": "UTC+3",
	} {
		if got := c.Match("en").City(zone); got != want {
			t.Errorf("%s: %s, want %s", zone, got, want)
		}
	}
	if got := c.Match("de").City("Europe/Vienna"); got != "Wien" {
		t.Errorf("Vienna is %s in German", got)
	}
}
