package render

import (
	"strings"
	"testing"
	"time"

	"courant/digest"
)

func TestLanguageAndMostLettersSayWhichWayATextRuns(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, lang, want string }{
		{"NATO: اجتماع طارئ في بروكسل", "", "rtl"},
		{"NATO: اجتماع طارئ في بروكسل", "ar", "rtl"},
		{"iPhone Air و Galaxy Fold", "ar-EG", "rtl"},
		{"iPhone Air و Galaxy Fold", "", "ltr"},
		{"السلام: what the word means to readers", "en", "ltr"},
		{"السلام عليكم", "en", "rtl"}, // whatever the source says of itself
		{"Only Latin", "he", "ltr"},
		{"NATO: פגישה", "he", "rtl"},
		{"日本 اليوم في العالم", "", "rtl"},
		{"2026: 12 %", "ar", "auto"},
	} {
		if got := direction(scriptOf(c.lang), c.text); got != c.want {
			t.Errorf("%q in %q runs %s, want %s", c.text, c.lang, got, c.want)
		}
	}
}

// TestLatinFirstWordDoesNotTurnAStory looks at the cell, the headline and the
// points of an Arabic story, and at its line in an English table of contents.
func TestLatinFirstWordDoesNotTurnAStory(t *testing.T) {
	t.Parallel()
	const title, point, english = "NATO: اجتماع طارئ", "Reuters: عادت السفن", "A point in English"
	stories := []digest.Told{{Title: "The lead", URL: "https://example.com/", Language: "en"}}
	for range 8 {
		stories = append(stories, digest.Told{Title: title, URL: "https://example.com/", Language: "ar", Points: []string{point, english}})
	}
	r := newRenderer(t, testConfig())
	m, err := r.Render(testEdition(), testVariant(stories...))
	if err != nil {
		t.Fatal(err)
	}
	_, html, err := m.Parts(testRecipient())
	if err != nil {
		t.Fatal(err)
	}
	for want, why := range map[string]string{
		`<td dir="rtl" lang="ar" id="a2"`:                              "the story runs from the right",
		`<span dir="rtl">` + title + `</span></a></li>`:                "its headline in the contents as well",
		`<li dir="ltr" style="margin:0 0 8px 0;padding:0;">` + english: "a point against it does not",
	} {
		if !strings.Contains(string(html), want) {
			t.Errorf("there is no %s: %s", want, why)
		}
	}
	for _, not := range []string{`<ul dir=`, `dir="auto" lang`} {
		if strings.Contains(string(html), not) {
			t.Errorf("there is %s: the first letter decides", not)
		}
	}
}

func TestLongEditionOfOneCategoryHasContents(t *testing.T) {
	t.Parallel()
	var stories []digest.Told
	for range 30 {
		stories = append(stories, digest.Told{Title: "A headline", URL: "https://example.com/", Category: "World"})
	}
	r := newRenderer(t, testConfig())
	m, err := r.Render(testEdition(), testVariant(stories...))
	if err != nil {
		t.Fatal(err)
	}
	text, html, err := m.Parts(testRecipient())
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(html), `<a href="#a`); n != headlinesFirst {
		t.Errorf("the contents name %d headlines, want %d", n, headlinesFirst)
	}
	for _, part := range []string{string(text), string(html)} {
		if !strings.Contains(part, "and 19 more below") {
			t.Error("a part does not say how many headlines are not in its contents")
		}
	}
}

// TestMailSaysWhoseTimeItShows wants it said once, where stories have times
// and the zone is not each reader's own.
func TestMailSaysWhoseTimeItShows(t *testing.T) {
	t.Parallel()
	timed := digest.Told{Title: "A", URL: "https://example.com/", Published: opening.Add(-time.Hour)}
	own := testEdition()
	own.Cadence.Zone, own.Zone = digest.ZoneReader, digest.ZoneReader
	for what, c := range map[string]struct {
		edition digest.Edition
		story   digest.Told
		times   int
	}{
		"a fixed zone": {testEdition(), timed, 1},
		"no times":     {testEdition(), digest.Told{Title: "A", URL: "https://example.com/"}, 0},
		"readers' own": {own, timed, 0},
	} {
		m, err := newRenderer(t, testConfig()).Render(c.edition, testVariant(c.story))
		if err != nil {
			t.Fatal(what, err)
		}
		text, html, err := m.Parts(testRecipient())
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range [][]byte{text, html} {
			if n := strings.Count(string(part), "Time zone: Berlin."); n != c.times {
				t.Errorf("%s: the zone is told %d times, not %d", what, n, c.times)
			}
		}
	}
}
