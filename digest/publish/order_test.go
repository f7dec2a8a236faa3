package publish

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"courant/digest"
)

// by makes an article of a source.
func by(source string, a digest.Candidate) digest.Candidate {
	a.Source = source
	return a
}

// again is another source's telling of the same piece.
func again(of digest.Candidate, id int, hoursAgo float64) digest.Candidate {
	a := article(id, of.Category, hoursAgo)
	a.Canonical = of.Canonical
	return a
}

func TestSectionAndSourceHaveTheirLimits(t *testing.T) {
	t.Parallel()
	m := material(
		by("Wire", article(1, "World", 1)), by("Wire", article(2, "World", 2)), by("Wire", article(3, "Military", 3)),
		by("Post", article(4, "world", 4)), by("Post", article(5, "World", 5)), by("Post", article(6, "Military", 6)),
	)
	m.Digest.MaxPerCategory, m.Digest.MaxPerSource, m.Digest.MaxArticles = 3, 2, 4
	c := compose(t, m)
	if got := titles(c, c.Variants[0]); !slices.Equal(got, []string{"Headline 6", "Headline 1", "Headline 2", "Headline 4"}) {
		t.Errorf("tells %q", got)
	}
	want := map[string]string{"Headline 3": "over max_per_source (2)", "Headline 5": "over max_per_category (3)"}
	if got := reasons(c, c.Variants[0]); !reflect.DeepEqual(got, want) {
		t.Errorf("leaves out %q, want %q", got, want)
	}
	// A digest of all categories has sections, too, however sources write them.
	m.Digest.Categories, m.Digest.MaxPerSource = nil, 0
	m.Digest.MaxPerCategory = 1
	c = compose(t, m)
	if got := titles(c, c.Variants[0]); !slices.Equal(got, []string{"Headline 1", "Headline 3"}) {
		t.Errorf("of all categories tells %q", got)
	}
	m.Digest.Categories, m.Digest.MaxPerCategory = []string{"Military", "World"}, 0
	c = compose(t, m)
	want = map[string]string{"Headline 5": "over max_articles (4)", "Headline 6": "over max_articles (4)"}
	if got := reasons(c, c.Variants[0]); !reflect.DeepEqual(got, want) {
		t.Errorf("without limits leaves out %q, want %q", got, want)
	}
}

func TestLimitsHoldForEachGroupByItself(t *testing.T) {
	t.Parallel()
	first := article(1, "World", 1)
	first.Story = 71
	m := material(by("Wire", first), by("Wire", article(2, "World", 2)))
	m.Digest.MaxPerSource = 1
	m.Groups = []digest.Group{{Key: 1, Since: m.Edition.WindowFrom}, {Key: 2, Since: m.Edition.WindowFrom, Had: []digest.StoryID{71}}}
	c := compose(t, m)
	for key, want := range map[int64]string{1: "Headline 1", 2: "Headline 2"} {
		if got := titles(c, draftOf(t, c, key)); !slices.Equal(got, []string{want}) {
			t.Errorf("group %d gets %q, want %q", key, got, want)
		}
	}
}

func TestRankedGoesBySourcesAndFreshness(t *testing.T) {
	t.Parallel()
	big := article(1, "World", 8)
	m := material(big, again(big, 2, 9), again(big, 3, 10), article(4, "World", 1), article(5, "World", 20))
	m.Digest.Order, m.Digest.HalfLife, m.Digest.MaxArticles = digest.Ranked, 12*time.Hour, 2
	c := compose(t, m)
	if got := titles(c, c.Variants[0]); !slices.Equal(got, []string{"Headline 3", "Headline 4"}) {
		t.Errorf("tells %q", got)
	}
	for i, want := range []string{"by rank 1.89 (3 sources, freshness 0.63)", "by rank 0.94 (1 source, freshness 0.94)", "by rank 0.31 (1 source, freshness 0.31)"} {
		if got := c.Stories[i].Rank; got != want {
			t.Errorf("story %d stands there %q, want %q", i, got, want)
		}
	}
	// What is new counts more where freshness is lost sooner.
	m.Digest.HalfLife = 3 * time.Hour
	if c = compose(t, m); c.Stories[0].Told.Title != "Headline 4" {
		t.Errorf("with a half-life of 3 hours %q is first", c.Stories[0].Told.Title)
	}
	m.Digest.Order = digest.Newest
	if c = compose(t, m); c.Stories[0].Told.Title != "Headline 4" || c.Stories[0].Rank != "" {
		t.Errorf("by newness %q is first, %q", c.Stories[0].Told.Title, c.Stories[0].Rank)
	}
}

// A source that tells a thing three times is one source.
func TestRankCountsSourcesNotTellings(t *testing.T) {
	t.Parallel()
	loud := by("Loud", article(1, "World", 2))
	m := material(loud, by("Loud", again(loud, 2, 3)), by("Loud", again(loud, 3, 4)), article(4, "World", 1))
	m.Digest.Order = digest.Ranked
	if c := compose(t, m); c.Stories[0].Told.Title != "Headline 4" {
		t.Errorf("%q is first, %s", c.Stories[0].Told.Title, c.Stories[0].Rank)
	}
}

// Zones of one edition open hours apart, and must rank alike.
func TestRankDoesNotDependOnTheMoment(t *testing.T) {
	t.Parallel()
	for seed := range uint64(200) {
		m := randomMaterial(rand.New(rand.NewPCG(seed, 4)))
		m.Digest.Order = digest.Ranked
		order := func() (list []digest.ArticleID) {
			for _, f := range compose(t, m).Stories {
				list = append(list, f.Told.Article)
			}
			return list
		}
		before := order()
		m.Edition.WindowTo = m.Edition.WindowTo.Add(26 * time.Hour)
		if after := order(); !slices.Equal(before, after) {
			t.Fatalf("seed %d: %v became %v", seed, before, after)
		}
	}
}

func pin(a digest.ArticleID) digest.Mark  { return digest.Mark{Kind: digest.MarkPin, Article: a} }
func drop(a digest.ArticleID) digest.Mark { return digest.Mark{Kind: digest.MarkDrop, Article: a} }

func TestPinnedStoryLeadsItsSectionAndIsNotShutOut(t *testing.T) {
	t.Parallel()
	m := material(article(1, "World", 1), article(2, "World", 2), article(3, "World", 3), article(4, "Military", 4), article(5, "World", 40))
	m.Digest.MaxArticles, m.Digest.MaxPerCategory = 2, 1
	m.Marks = []digest.Mark{pin(3), pin(5)}
	m.Groups = []digest.Group{
		{Key: 1, Since: m.Edition.WindowFrom}, {Key: 2, Since: m.Edition.WindowFrom, Categories: []string{"Military"}},
	}
	c := compose(t, m)
	// Both are told, the one from before the window too; together they leave no place.
	if got := titles(c, draftOf(t, c, 1)); !slices.Equal(got, []string{"Headline 3", "Headline 5"}) {
		t.Errorf("tells %q", got)
	}
	want := map[string]string{"Headline 1": "over max_per_category (1)", "Headline 2": "over max_per_category (1)", "Headline 4": "over max_articles (2)"}
	if got := reasons(c, draftOf(t, c, 1)); !reflect.DeepEqual(got, want) {
		t.Errorf("leaves out %q, want %q", got, want)
	}
	if got := reasons(c, draftOf(t, c, 2))["Headline 3"]; got != "category World is not among the reader's" {
		t.Errorf("a pin reached who chose another category, or is left out for %q", got)
	}
	m.Digest.MaxArticles, m.Digest.MaxPerCategory = 10, 0
	c = compose(t, m)
	if got := titles(c, c.Variants[0]); !slices.Equal(got, []string{"Headline 4", "Headline 3", "Headline 5", "Headline 1", "Headline 2"}) {
		t.Errorf("with places for all tells %q", got)
	}
	if c.Stories[0].Rank != "pinned by an editor" || c.Stories[2].Rank != "" {
		t.Errorf("ranks %q, %q", c.Stories[0].Rank, c.Stories[2].Rank)
	}
}

func TestPinnedStoryIsNotToldTwice(t *testing.T) {
	t.Parallel()
	had := article(1, "World", 1)
	had.Story = 71
	m := material(had, article(2, "World", 2))
	m.Marks = []digest.Mark{pin(1)}
	m.Groups = []digest.Group{{Key: 1, Since: m.Edition.WindowFrom, Had: []digest.StoryID{71}}}
	c := compose(t, m)
	if got := reasons(c, draftOf(t, c, 1)); !reflect.DeepEqual(got, map[string]string{"Headline 1": "already sent"}) {
		t.Errorf("leaves out %q", got)
	}
}

func TestDroppedStoryIsNeverChosen(t *testing.T) {
	t.Parallel()
	a := article(1, "World", 1)
	m := material(a, again(a, 2, 2), article(3, "World", 3))
	// A drop of one telling is one of the story, and wins over a pin.
	m.Marks = []digest.Mark{drop(2), pin(1)}
	c := compose(t, m)
	if got := titles(c, c.Variants[0]); !slices.Equal(got, []string{"Headline 3"}) {
		t.Errorf("tells %q", got)
	}
	if got := c.Variants[0].LeftOut; len(got) != 1 || got[0] != "dropped by an editor" {
		t.Errorf("leaves out %q", got)
	}
	m.Digest.MinArticles = 2
	if d := compose(t, m).Variants[0]; d.Reason != "below min_articles: 1 of 2" || d.LeftOut[0] != "dropped by an editor" {
		t.Errorf("%q, %q", d.Reason, d.LeftOut)
	}
}

// Who drops a story on Monday doesn't want it from another source on Tuesday.
func TestDropHoldsForLaterTellings(t *testing.T) {
	t.Parallel()
	before, later := article(1, "World", 40), article(2, "World", 1)
	later.Lead, later.Title = before.Lead, before.Title
	m := material(later, article(3, "World", 2))
	m.Dropped = []digest.Story{{Articles: []digest.Article{before.Article}}}
	m.Marks = []digest.Mark{drop(1)}
	c := compose(t, m)
	if got := titles(c, c.Variants[0]); !slices.Equal(got, []string{"Headline 3"}) {
		t.Errorf("tells %q", got)
	}
	if got := c.Stories[0].Why; !strings.HasPrefix(got, `folded into "Headline 1" at Source 1, which was dropped (`) {
		t.Errorf("because %q", got)
	}
	// The story keeps its id, by which its readers are known.
	m.Dropped[0].ID = 70
	if c = compose(t, m); c.Stories[0].Told.Story != 70 {
		t.Errorf("the story of a later telling is %d", c.Stories[0].Told.Story)
	}
	// By its id, where the telling that was dropped is out of sight.
	known := article(4, "World", 1)
	known.Story = 71
	m = material(known, article(3, "World", 2))
	m.Marks = []digest.Mark{{Kind: digest.MarkDrop, Article: 1, Story: 71}}
	c = compose(t, m)
	if got := reasons(c, c.Variants[0])["Headline 4"]; got != "dropped by an editor" {
		t.Errorf("left out for %q", got)
	}
}

func TestLimitsOrderAndPinsAreInTheSignature(t *testing.T) {
	t.Parallel()
	big := article(1, "World", 8)
	news := func() digest.Material {
		return material(big, again(big, 2, 9), by("Wire", article(3, "World", 2)), by("Wire", article(4, "World", 3)))
	}
	seen := map[string]string{}
	for name, change := range map[string]func(m *digest.Material){
		"nothing":         func(*digest.Material) {},
		"order":           func(m *digest.Material) { m.Digest.Order = digest.Ranked },
		"section limit 1": func(m *digest.Material) { m.Digest.MaxPerCategory = 1 },
		"source limit 1":  func(m *digest.Material) { m.Digest.MaxPerSource = 1 },
		"section limit 2": func(m *digest.Material) { m.Digest.MaxPerCategory = 2 },
		"pin":             func(m *digest.Material) { m.Marks = []digest.Mark{pin(4)} },
		"drop":            func(m *digest.Material) { m.Marks = []digest.Mark{drop(4)} },
	} {
		m := news()
		change(&m)
		s := compose(t, m).Variants[0].Signature
		if other, ok := seen[s]; ok {
			t.Errorf("%s and %s have one signature", name, other)
		}
		seen[s] = name
	}
	// What is left out says the limit, so that is part of what readers share.
	limited := func(most int) string {
		m := material(by("Wire", article(1, "World", 1)), by("Wire", article(2, "World", 2)), by("Wire", article(3, "World", 3)))
		m.Marks, m.Digest.MaxPerSource = []digest.Mark{pin(1), pin(2)}, most
		return compose(t, m).Variants[0].Signature
	}
	if limited(1) == limited(2) {
		t.Error("two limits that shut the same out have one signature")
	}
	// A limit that shuts nothing out changes nothing: no mail is rendered twice for it.
	m := news()
	m.Digest.MaxPerCategory, m.Digest.MaxPerSource, m.Digest.Order, m.Digest.HalfLife = 9, 9, digest.Newest, time.Hour
	if seen[compose(t, m).Variants[0].Signature] != "nothing" {
		t.Error("limits that shut nothing out are in the signature")
	}
}
