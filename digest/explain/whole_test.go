package explain

import (
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"courant/digest"
)

func TestReaderWhoWasNotDueMissedEveryStoryForThat(t *testing.T) {
	t.Parallel()
	const weekly = "reads it weekly, and this was not the week's edition"
	entry := digest.Entry{
		Edition: digest.Edition{Digest: "morning", Number: 1}, Reason: weekly, Empty: "below min_articles: 0 of 1",
		Stories: []digest.Told{{Title: "Told"}}, LeftOut: []digest.LeftOut{{Title: "Left", Reason: "category World is not among the reader's"}},
	}
	a := answer(entry)
	if len(a.Articles) != 0 || len(a.LeftOut) != 2 || a.LeftOut[0].Reason != weekly || a.LeftOut[1].Reason != weekly {
		t.Errorf("%+v", a)
	}
	// A reader whose own choice was too thin is told what the variant says.
	entry.Reason, entry.Stories = entry.Empty, nil
	if a := answer(entry); len(a.LeftOut) != 1 || a.LeftOut[0].Reason != "category World is not among the reader's" {
		t.Errorf("%+v", a)
	}
}

func TestPlanShowsWhatOnlySomeReadersWillGet(t *testing.T) {
	t.Parallel()
	c := coming()[:1]
	planned, err := Plan(c, func(m digest.Material) (digest.Composition, error) {
		composed, err := compose(m)
		composed.Variants = []digest.Draft{
			{Default: true, Reason: "below min_articles: 0 of 1", LeftOut: map[int]string{0: "already sent", 1: "already sent", 2: "already sent"}},
			{Groups: []int64{2}, Stories: []int{1}},
		}
		return composed, err
	})
	if err != nil {
		t.Fatal(err)
	}
	p := planned[0]
	if len(p.Articles) != 1 || p.Articles[0].Title != "Vote in Geneva" || p.Readers != 80 {
		t.Errorf("%d readers get %+v", p.Readers, p.Articles)
	}
	for _, l := range p.LeftOut {
		if l.Title == "Vote in Geneva" {
			t.Error("a story that is carried is said to be left out")
		}
	}
	for _, w := range p.Warnings {
		if w == "below min_articles: 0 of 1" {
			t.Error("warned of an empty edition that goes out")
		}
	}
}

// planOf is the plan of the first coming slot, its drafts changed.
func planOf(t *testing.T, change func(*digest.Composition)) Planned {
	t.Helper()
	planned, err := Plan(coming()[:1], func(m digest.Material) (digest.Composition, error) {
		composed, err := compose(m)
		change(&composed)
		return composed, err
	})
	if err != nil {
		t.Fatal(err)
	}
	return planned[0]
}

func titles(list []PlannedArticle) (titles []string) {
	for _, a := range list {
		titles = append(titles, a.Title)
	}
	return titles
}

func TestPlanLeavesOutWhatEveryReaderHad(t *testing.T) {
	t.Parallel()
	sent, max := "already sent", "over max_articles (2)"
	p := planOf(t, func(c *digest.Composition) {
		c.Variants = []digest.Draft{
			{Default: true, Stories: []int{0, 1}, LeftOut: map[int]string{2: max}},
			{Groups: []int64{1}, Stories: []int{1}, LeftOut: map[int]string{0: sent, 2: max}},
			{Groups: []int64{2, 3}, Reason: "below min_articles: 0 of 1", LeftOut: map[int]string{0: sent, 1: sent, 2: sent}},
		}
	})
	if got := titles(p.Articles); !slices.Equal(got, []string{"Vote in Geneva"}) || p.Readers != 900 || p.own != 1 {
		t.Errorf("%d readers get %q, %d of them the digest's own", p.Readers, got, p.own)
	}
	for _, want := range []NotPlanned{{"Fleet leaves harbour", sent}, {"Königswahl in Köln", max}} {
		if !slices.Contains(p.LeftOut, want) {
			t.Errorf("left out %q, want %q", p.LeftOut, want)
		}
	}
	// Where all have had all of it, there is nothing to show.
	p = planOf(t, func(c *digest.Composition) {
		had := digest.Draft{Groups: []int64{1, 2, 3}, Reason: "below min_articles: 0 of 1", LeftOut: map[int]string{0: sent, 1: sent, 2: sent}}
		c.Variants = []digest.Draft{{Default: true, Stories: []int{0, 1}, LeftOut: map[int]string{2: max}}, had}
	})
	if len(p.Articles) != 0 || !slices.Contains(p.LeftOut, NotPlanned{"Vote in Geneva", sent}) {
		t.Errorf("nobody gets %q, left out %q", titles(p.Articles), p.LeftOut)
	}
	if !slices.ContainsFunc(p.Warnings, func(w string) bool {
		return strings.Contains(w, "1000 readers") && strings.Contains(w, "courant fetch")
	}) {
		t.Errorf("no next step in %q", p.Warnings)
	}
}

func TestPlanShowsArticlesWhereThereIsNobodyYet(t *testing.T) {
	t.Parallel()
	c := coming()[:1]
	c[0].Material.Groups = nil
	planned, err := Plan(c, func(m digest.Material) (digest.Composition, error) {
		composed, err := compose(m)
		composed.Variants = composed.Variants[:1]
		composed.Variants[0].Groups = nil
		return composed, err
	})
	if err != nil {
		t.Fatal(err)
	}
	p := planned[0]
	if got := titles(p.Articles); len(got) != 2 || p.Readers != 0 {
		t.Errorf("%d readers, articles %q", p.Readers, got)
	}
}

func TestPlanSaysHowManyGetAnArticleThatNotAllGet(t *testing.T) {
	t.Parallel()
	p := planOf(t, func(*digest.Composition) {})
	text := string(set(t, func(w io.Writer) error { return WritePlan(w, []Planned{p}, Look{}) }))
	if !strings.Contains(text, "freshness 0.87) · for 900 of 980 readers\n") || strings.Count(text, "of 980 readers") != 1 {
		t.Errorf("the plan says\n%s", text)
	}
}

func TestPlanKeepsWhatAllReadersGetInOneList(t *testing.T) {
	t.Parallel()
	p := planOf(t, func(c *digest.Composition) {
		c.Variants = []digest.Draft{
			{Default: true, Stories: []int{0, 1}, LeftOut: map[int]string{2: "over max_articles (2)"}},
			{Groups: []int64{1, 2}, Stories: []int{1, 2}, LeftOut: map[int]string{0: "already sent"}},
			{Groups: []int64{3}, Stories: []int{2}, LeftOut: map[int]string{0: "already sent", 1: "already sent"}},
		}
	})
	if got := titles(p.Articles); !slices.Equal(got, []string{"Vote in Geneva", "Königswahl in Köln"}) || p.own != 2 {
		t.Errorf("articles %q, %d of them in the first list", got, p.own)
	}
}

func TestPlanCountsWhatIsOlderThanTheWindow(t *testing.T) {
	t.Parallel()
	for want, older := range map[string]int{
		"25 new articles are older than the window, which begins Fri 27 March, 07:00": 25,
		"1 new article is older than the window, which begins Fri 27 March, 07:00":    1,
	} {
		c := coming()[:1]
		c[0].Material.Older = older
		planned, err := Plan(c, compose)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(planned[0].Warnings, func(w string) bool { return strings.HasPrefix(w, want) }) {
			t.Errorf("warnings %q lack %q", planned[0].Warnings, want)
		}
	}
	// A weekly reader's window is wider: only what is older than that is lost.
	c := coming()[:1]
	c[0].Material.Older = 2
	c[0].Material.Groups[2].Since = instant("2026-03-22T06:00:00Z")
	planned, err := Plan(c, compose)
	if err != nil || !strings.Contains(strings.Join(planned[0].Warnings, "\n"), "begins Sun 22 March, 07:00") {
		t.Errorf("warnings %q, %v", planned[0].Warnings, err)
	}
}

func TestLaterSlotsCountWhoIsThereForNews(t *testing.T) {
	t.Parallel()
	c := []Coming{coming()[0], coming()[2]}
	planned, err := Plan(c, func(m digest.Material) (digest.Composition, error) {
		composed, err := compose(m)
		composed.Variants = []digest.Draft{{Default: true, Groups: []int64{1, 2, 3}, Reason: "below min_articles: 0 of 1"}}
		return composed, err
	})
	if err != nil {
		t.Fatal(err)
	}
	text := string(set(t, func(w io.Writer) error { return WritePlan(w, planned, Look{}) }))
	if planned[1].Readers != 1000 || !strings.Contains(text, "1000 readers, if there is news\n") || strings.Contains(text, "0 readers\n") {
		t.Errorf("%d readers; the plan says\n%s", planned[1].Readers, text)
	}
}

func TestArticleThatCountsByItsOwnDateIsSaidToBePublished(t *testing.T) {
	t.Parallel()
	c := coming()[:1]
	c[0].Material.Candidates[0].Published = c[0].Material.Candidates[0].FirstSeen
	c[0].Material.Candidates[2].Published = c[0].Material.Candidates[2].FirstSeen.Add(-time.Hour)
	planned, err := Plan(c, compose)
	if err != nil {
		t.Fatal(err)
	}
	text := string(set(t, func(w io.Writer) error { return WritePlan(w, planned, Look{}) }))
	for _, want := range []string{"Navy wire · published Sat 28 March, 05:10", "World wire · first seen Sat 28 March, 03:10"} {
		if !strings.Contains(text, want) {
			t.Errorf("the plan lacks %q:\n%s", want, text)
		}
	}
	if got := planned[0].Articles[0].Why; !strings.Contains(got, "published 2026-03-28 04:10 UTC") {
		t.Errorf("why %q", got)
	}
}
