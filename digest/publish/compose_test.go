package publish

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"courant/digest"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// article makes a candidate seen some hours before noon, with a text that is
// its own.
func article(id int, category string, hoursAgo float64) digest.Candidate {
	return digest.Candidate{Article: digest.Article{
		ID: digest.ArticleID(id), Source: fmt.Sprintf("Source %d", id), URL: fmt.Sprintf("https://s%d.example/a", id),
		Canonical: fmt.Sprintf("https://s%d.example/a", id), Title: fmt.Sprintf("Headline %d", id), Category: category,
		Points: []string{"A point."}, PointsFrom: digest.PointsPage, Lead: ownText(uint64(id), 30),
		FirstSeen: noon.Add(-time.Duration(hoursAgo * float64(time.Hour))),
	}}
}

// ownText is a text of n words that shares no three in a row with another's.
func ownText(seed uint64, n int) string {
	random := rand.New(rand.NewPCG(seed, 7))
	var b strings.Builder
	for range n {
		b.WriteString(strconv.Itoa(random.IntN(1_000_000)) + " ")
	}
	return b.String()
}

func material(candidates ...digest.Candidate) digest.Material {
	return digest.Material{
		Digest: digest.Digest{
			Name: "morning", Language: "en", Categories: []string{"Military", "World"}, MaxArticles: 10, MinArticles: 1,
		},
		Edition:    digest.Edition{Number: 1, Zone: "Europe/Berlin", WindowFrom: noon.Add(-24 * time.Hour), WindowTo: noon},
		Candidates: candidates,
	}
}

func compose(t testing.TB, m digest.Material) digest.Composition {
	t.Helper()
	c, err := Compose(m)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// titles lists what a draft tells, in order.
func titles(c digest.Composition, d digest.Draft) []string {
	var list []string
	for _, i := range d.Stories {
		list = append(list, c.Stories[i].Told.Title)
	}
	return list
}

// reasons lists what a draft leaves out.
func reasons(c digest.Composition, d digest.Draft) map[string]string {
	list := map[string]string{}
	for i, reason := range d.LeftOut {
		list[c.Stories[i].Told.Title] = reason
	}
	return list
}

// draftOf finds the one draft that a group gets.
func draftOf(t *testing.T, c digest.Composition, key int64) digest.Draft {
	t.Helper()
	var found []digest.Draft
	for _, d := range c.Variants {
		if slices.Contains(d.Groups, key) {
			found = append(found, d)
		}
	}
	if len(found) != 1 {
		t.Fatalf("group %d is in %d drafts", key, len(found))
	}
	return found[0]
}

func TestEditionTellsTheNewestInTheEditorsSections(t *testing.T) {
	t.Parallel()
	m := material(article(1, "World", 1), article(2, "Military", 3), article(3, "World", 2), article(4, "Military", 4))
	m.Digest.MaxArticles = 3
	c := compose(t, m)
	d := c.Variants[0]
	if !d.Default || d.Reason != "" || d.Language != "en" || d.Zone != "Europe/Berlin" {
		t.Errorf("the digest's own draft is %+v", d)
	}
	if want := []string{"Headline 2", "Headline 1", "Headline 3"}; !slices.Equal(titles(c, d), want) {
		t.Errorf("tells %v, want %v", titles(c, d), want)
	}
	if want := map[string]string{"Headline 4": "over max_articles (3)"}; !reflect.DeepEqual(reasons(c, d), want) {
		t.Errorf("leaves out %v, want %v", reasons(c, d), want)
	}
}

func TestArticlesSeenTogetherKeepTheirFeedsOrder(t *testing.T) {
	t.Parallel()
	c := compose(t, material(article(3, "World", 1), article(1, "World", 1), article(2, "World", 1)))
	if want := []string{"Headline 1", "Headline 2", "Headline 3"}; !slices.Equal(titles(c, c.Variants[0]), want) {
		t.Errorf("tells %v, want %v", titles(c, c.Variants[0]), want)
	}
}

func TestEachGroupGetsWhatItChoseAndNeverHad(t *testing.T) {
	t.Parallel()
	sent := article(3, "World", 5)
	sent.Story = 30
	m := material(article(1, "World", 1), article(2, "Military", 2), sent, article(4, "World", 30))
	m.Groups = []digest.Group{
		{Key: 1, Since: m.Edition.WindowFrom},
		{Key: 2, Since: m.Edition.WindowFrom, Categories: []string{"military"}},
		{Key: 3, Since: m.Edition.WindowFrom, Had: []digest.StoryID{29, 30}},
		{Key: 4, Since: noon.Add(-7 * 24 * time.Hour)},
		{Key: 5, Since: m.Edition.WindowFrom, Language: "de", Zone: "Asia/Tokyo"},
		{Key: 6, Since: m.Edition.WindowFrom, Categories: []string{"Gardens"}},
	}
	c := compose(t, m)
	const notChosen, old = "category World is not among the reader's", "first seen before this reader's window"
	for _, want := range []struct {
		group   int64
		told    []string
		leftOut map[string]string
		reason  string
	}{
		{1, []string{"Headline 2", "Headline 1", "Headline 3"}, map[string]string{"Headline 4": old}, ""},
		{2, []string{"Headline 2"}, map[string]string{"Headline 1": notChosen, "Headline 3": notChosen, "Headline 4": notChosen}, ""},
		{3, []string{"Headline 2", "Headline 1"}, map[string]string{"Headline 3": "already sent", "Headline 4": old}, ""},
		{4, []string{"Headline 2", "Headline 1", "Headline 3", "Headline 4"}, map[string]string{}, ""},
		{6, nil, map[string]string{
			"Headline 1": notChosen, "Headline 3": notChosen, "Headline 4": notChosen,
			"Headline 2": "category Military is not among the reader's",
		}, "below min_articles: 0 of 1"},
	} {
		d := draftOf(t, c, want.group)
		if !slices.Equal(titles(c, d), want.told) || !reflect.DeepEqual(reasons(c, d), want.leftOut) || d.Reason != want.reason {
			t.Errorf("group %d gets %v, not %v, because %q", want.group, titles(c, d), reasons(c, d), d.Reason)
		}
	}
	if d := draftOf(t, c, 5); d.Language != "de" || d.Zone != "Asia/Tokyo" {
		t.Errorf("group 5 reads %s in %s", d.Language, d.Zone)
	}
	if d := draftOf(t, c, 1); !d.Default {
		t.Error("the group with the digest's own choice does not share its draft")
	}
}

func TestBelowTheMinimumNothingIsTold(t *testing.T) {
	t.Parallel()
	m := material(article(1, "World", 1), article(2, "Military", 2))
	m.Digest.MinArticles = 3
	m.Groups = []digest.Group{{Key: 1, Since: m.Edition.WindowFrom}}
	c := compose(t, m)
	d := draftOf(t, c, 1)
	const reason = "below min_articles: 2 of 3"
	if d.Reason != reason || len(d.Stories) != 0 {
		t.Errorf("tells %v, reason %q", titles(c, d), d.Reason)
	}
	if want := map[string]string{"Headline 1": reason, "Headline 2": reason}; !reflect.DeepEqual(reasons(c, d), want) {
		t.Errorf("leaves out %v", reasons(c, d))
	}
}

func TestEmptyEditionIsNeverSent(t *testing.T) {
	t.Parallel()
	m := material()
	m.Digest.MinArticles = 0
	if c := compose(t, m); len(c.Variants) != 1 || c.Variants[0].Reason != "below min_articles: 0 of 1" {
		t.Errorf("an empty slot gives %+v", c.Variants)
	}
}

func TestGroupsThatComeOutTheSameShareADraft(t *testing.T) {
	t.Parallel()
	m := material(article(1, "World", 1), article(2, "Military", 2))
	for key := range int64(100) {
		g := digest.Group{Key: key, Since: m.Edition.WindowFrom.Add(-time.Duration(key) * time.Hour), Had: []digest.StoryID{digest.StoryID(900 + key)}}
		if key%2 == 1 {
			g.Categories = []string{"World", "Military"} // all of them, said one by one
		}
		m.Groups = append(m.Groups, g)
	}
	c := compose(t, m)
	if len(c.Variants) != 1 || len(c.Variants[0].Groups) != 100 {
		t.Errorf("%d drafts for a hundred groups with one outcome", len(c.Variants))
	}
}

func TestDigestWithoutCategoriesTakesAll(t *testing.T) {
	t.Parallel()
	m := material(article(1, "World", 1), article(2, "", 2))
	m.Digest.Categories = nil
	m.Groups = []digest.Group{{Key: 1, Since: m.Edition.WindowFrom, Categories: []string{"World"}}}
	c := compose(t, m)
	if want := []string{"Headline 1", "Headline 2"}; !slices.Equal(titles(c, c.Variants[0]), want) {
		t.Errorf("tells %v, want %v", titles(c, c.Variants[0]), want)
	}
	if d := draftOf(t, c, 1); d.LeftOut[1] != "category (none) is not among the reader's" {
		t.Errorf("leaves out %v", reasons(c, d))
	}
}

func TestWindowBeginsAfterItsFirstInstant(t *testing.T) {
	t.Parallel()
	m := material(article(1, "World", 24), article(2, "World", 23.99))
	c := compose(t, m)
	if want := []string{"Headline 2"}; !slices.Equal(titles(c, c.Variants[0]), want) {
		t.Errorf("tells %v; the edition before had what was seen at its last instant", titles(c, c.Variants[0]))
	}
}

// A story that was dropped or missed comes back when somebody tells it anew.
func TestWindowGoesByAnyTellingOfAStory(t *testing.T) {
	t.Parallel()
	old, again := article(1, "World", 30), article(2, "Military", 1)
	again.Canonical = old.Canonical
	m := material(old, again)
	m.Groups = []digest.Group{
		{Key: 1, Since: m.Edition.WindowFrom},
		{Key: 2, Since: m.Edition.WindowFrom, Categories: []string{"World"}},
	}
	c := compose(t, m)
	if d := draftOf(t, c, 1); len(d.Stories) != 1 {
		t.Errorf("leaves out %v", reasons(c, d))
	}
	if d := draftOf(t, c, 2); d.LeftOut[0] != "first seen before this reader's window" {
		t.Errorf("the World telling is old, but it is left out for %v", reasons(c, d))
	}
}

// randomMaterial makes news with repeats, known stories and readers of all
// sorts.
func randomMaterial(random *rand.Rand) digest.Material {
	categories := []string{"Military", "World", "Sport", ""}
	m := material()
	m.Digest.MaxArticles, m.Digest.MinArticles = random.IntN(6), random.IntN(4)
	m.Digest.MaxPerCategory, m.Digest.MaxPerSource = random.IntN(4), random.IntN(4)
	m.Digest.Order = []digest.Arrangement{"", digest.Newest, digest.Ranked}[random.IntN(3)]
	m.Digest.HalfLife = time.Duration(random.IntN(30)) * time.Hour
	for id := range random.IntN(30) {
		a := article(id+1, categories[random.IntN(len(categories))], random.Float64()*100)
		a.Source = fmt.Sprintf("Source %d", random.IntN(6))
		if random.IntN(3) == 0 {
			a.Lead = ownText(uint64(random.IntN(5)), 30)
		}
		if random.IntN(5) == 0 {
			a.Canonical = fmt.Sprintf("https://shared.example/%d", random.IntN(3))
		}
		if random.IntN(4) == 0 {
			a.Story = digest.StoryID(1 + random.IntN(4))
		}
		m.Candidates = append(m.Candidates, a)
	}
	for id := range random.IntN(5) {
		s := article(100+id, "World", random.Float64()*70)
		s.Lead = ownText(uint64(random.IntN(5)), 30)
		m.Sent = append(m.Sent, digest.Story{ID: digest.StoryID(1 + id), Articles: []digest.Article{s.Article}})
	}
	for id := range random.IntN(3) {
		s := article(200+id, "World", random.Float64()*70)
		s.Lead = ownText(uint64(random.IntN(5)), 30)
		m.Dropped = append(m.Dropped, digest.Story{ID: digest.StoryID(random.IntN(7)), Articles: []digest.Article{s.Article}})
		m.Marks = append(m.Marks, digest.Mark{Kind: digest.MarkDrop, Article: s.ID, Story: m.Dropped[id].ID})
	}
	for range random.IntN(4) {
		kind := []digest.MarkKind{digest.MarkPin, digest.MarkPin, digest.MarkDrop}[random.IntN(3)]
		m.Marks = append(m.Marks, digest.Mark{Kind: kind, Article: digest.ArticleID(1 + random.IntN(30)), Story: digest.StoryID(random.IntN(5))})
	}
	for key := range random.IntN(12) {
		g := digest.Group{Key: int64(key), Since: noon.Add(-time.Duration(random.IntN(100)) * time.Hour)}
		if random.IntN(2) == 0 {
			g.Categories = []string{categories[random.IntN(3)]}
		}
		for id := range digest.StoryID(6) {
			if random.IntN(4) == 0 {
				g.Had = append(g.Had, id)
			}
		}
		m.Groups = append(m.Groups, g)
	}
	return m
}

func TestEveryGroupAndStoryIsCoveredExactlyOnce(t *testing.T) {
	t.Parallel()
	for seed := range uint64(400) {
		m := randomMaterial(rand.New(rand.NewPCG(seed, 1)))
		c := compose(t, m)
		in := map[digest.ArticleID]int{}
		for _, f := range c.Stories {
			for _, a := range f.Articles {
				in[a]++
			}
		}
		for _, a := range m.Candidates {
			if in[a.ID] != 1 {
				t.Fatalf("seed %d: article %d is in %d stories", seed, a.ID, in[a.ID])
			}
		}
		for _, g := range m.Groups {
			checkDraft(t, seed, m, c, g)
		}
	}
}

func checkDraft(t *testing.T, seed uint64, m digest.Material, c digest.Composition, g digest.Group) {
	t.Helper()
	d := draftOf(t, c, g.Key)
	for i, f := range c.Stories {
		reason, left := d.LeftOut[i]
		isTold := slices.Contains(d.Stories, i)
		if isTold == left || left && reason == "" {
			t.Fatalf("seed %d, group %d: story %d is told: %v, left out for %q", seed, g.Key, i, isTold, reason)
		}
		had := f.Told.Story != 0 && slices.Contains(g.Had, f.Told.Story)
		if had && !left {
			t.Fatalf("seed %d, group %d: story %d was had before, and is told", seed, g.Key, i)
		}
		if came := lastSeen(m, f).After(g.Since); had && came != (reason == "already sent") && f.Rank != "pinned by an editor" {
			t.Fatalf("seed %d, group %d: story %d was had before, came within the window: %v, and is left out for %q", seed, g.Key, i, came, reason)
		}
	}
	n := len(d.Stories)
	if d.Reason == "" && n < max(1, m.Digest.MinArticles) || d.Reason != "" && n > 0 {
		t.Fatalf("seed %d, group %d: %d stories, reason %q", seed, g.Key, n, d.Reason)
	}
	checkLimits(t, seed, m, c, d)
}

// lastSeen is when the last of a story's candidates was first seen.
func lastSeen(m digest.Material, f digest.Fold) (last time.Time) {
	for _, c := range m.Candidates {
		if slices.Contains(f.Articles, c.ID) && c.FirstSeen.After(last) {
			last = c.FirstSeen
		}
	}
	return last
}

// checkLimits counts what a draft tells: what is pinned may be more than a
// limit, and then leaves nothing for the others.
func checkLimits(t *testing.T, seed uint64, m digest.Material, c digest.Composition, d digest.Draft) {
	t.Helper()
	all, sections, sources := map[string]int{}, map[string]int{}, map[string]int{}
	limited := map[string]bool{}
	for _, i := range d.Stories {
		told := c.Stories[i].Told
		for _, mark := range m.Marks {
			if mark.Kind == digest.MarkDrop && (slices.Contains(c.Stories[i].Articles, mark.Article) || mark.Story != 0 && mark.Story == told.Story) {
				t.Fatalf("seed %d: %q was dropped, and is told", seed, told.Title)
			}
		}
		section := strings.ToLower(told.Category)
		all[""]++
		sections[section]++
		sources[told.Source]++
		if c.Stories[i].Rank != "pinned by an editor" {
			limited["all"], limited["section "+section], limited["source "+told.Source] = true, true, true
		}
	}
	for _, limit := range []struct {
		name   string
		most   int
		counts map[string]int
	}{{"all", m.Digest.MaxArticles, all}, {"section ", m.Digest.MaxPerCategory, sections}, {"source ", m.Digest.MaxPerSource, sources}} {
		for what, n := range limit.counts {
			if limit.most > 0 && n > limit.most && limited[limit.name+what] {
				t.Fatalf("seed %d: %d stories of %s%s, of at most %d", seed, n, limit.name, what, limit.most)
			}
		}
	}
	for i, reason := range d.LeftOut {
		if c.Stories[i].Rank == "pinned by an editor" && strings.HasPrefix(reason, "over ") {
			t.Fatalf("seed %d: %q is pinned, and left out for %q", seed, c.Stories[i].Told.Title, reason)
		}
	}
}

func TestCompositionDoesNotDependOnTheOrderOfItsMaterial(t *testing.T) {
	t.Parallel()
	for seed := range uint64(150) {
		random := rand.New(rand.NewPCG(seed, 2))
		m := randomMaterial(random)
		want := compose(t, m)
		random.Shuffle(len(m.Candidates), func(i, j int) { m.Candidates[i], m.Candidates[j] = m.Candidates[j], m.Candidates[i] })
		random.Shuffle(len(m.Marks), func(i, j int) { m.Marks[i], m.Marks[j] = m.Marks[j], m.Marks[i] })
		random.Shuffle(len(m.Sent), func(i, j int) { m.Sent[i], m.Sent[j] = m.Sent[j], m.Sent[i] })
		if got := compose(t, m); !reflect.DeepEqual(got, want) {
			t.Fatalf("seed %d: the order of the material shows:\n got %+v\nwant %+v", seed, got, want)
		}
	}
}

func TestSignaturesTellDraftsApart(t *testing.T) {
	t.Parallel()
	for seed := range uint64(150) {
		c := compose(t, randomMaterial(rand.New(rand.NewPCG(seed, 3))))
		seen := map[string]bool{}
		for _, d := range c.Variants {
			if seen[d.Signature] {
				t.Fatalf("seed %d: two drafts have signature %s", seed, d.Signature)
			}
			seen[d.Signature] = true
		}
	}
}

// A later zone of the same edition must find its variant again, though the
// stories have ids by then.
func TestSignatureSurvivesThatStoriesGetIDs(t *testing.T) {
	t.Parallel()
	before := material(article(1, "World", 1), article(2, "Military", 2))
	after := material(article(1, "World", 1), article(2, "Military", 2))
	after.Candidates[0].Story, after.Candidates[1].Story = 71, 72
	if a, b := compose(t, before).Variants[0].Signature, compose(t, after).Variants[0].Signature; a != b {
		t.Errorf("signature %s became %s", a, b)
	}
}

func BenchmarkComposeAHundredChoicesOfFiveHundredArticles(b *testing.B) {
	m := material()
	for id := range 500 {
		m.Candidates = append(m.Candidates, article(id+1, []string{"Military", "World"}[id%2], float64(id)/10))
	}
	for key := range int64(100) {
		m.Groups = append(m.Groups, digest.Group{Key: key, Since: noon.Add(-time.Duration(key) * time.Hour)})
	}
	b.ReportAllocs()
	for b.Loop() {
		compose(b, m)
	}
}

func TestCorrectionsGoToThoseWhoAreOwedThem(t *testing.T) {
	t.Parallel()
	m := material(article(1, "World", 2))
	for id := range digest.CorrectionID(7) {
		m.Corrections = append(m.Corrections, digest.Correction{ID: id + 1, Story: 90, Title: "Flood fund", Text: "It was 38, not 48."})
	}
	m.Groups = []digest.Group{{Key: 1, Readers: 5}, {Key: 2, Readers: 5, Owed: []digest.CorrectionID{2}}, {Key: 3, Readers: 1, Owed: []digest.CorrectionID{1, 2, 3, 4, 5, 6, 7}}}
	c := compose(t, m)
	if len(c.Variants) != 3 {
		t.Fatalf("%d variants", len(c.Variants))
	}
	signatures := map[string]bool{}
	for i, want := range []int{0, 1, mostCorrections} {
		if got := len(c.Variants[i].Corrections); got != want {
			t.Errorf("variant %d brings %d corrections, want %d", i, got, want)
		}
		signatures[c.Variants[i].Signature] = true
	}
	if len(signatures) != 3 {
		t.Error("what is owed is not in the signature")
	}
	m.Candidates = nil
	for _, v := range compose(t, m).Variants {
		if v.Reason == "" || len(v.Corrections) > 0 {
			t.Errorf("corrections alone make an edition: %+v", v)
		}
	}
}

// An article that was told stays as it was told. Whoever is told it after it was
// corrected must not wait for the next edition to learn so.
func TestWhoIsToldAKnownErrorIsToldSoAtOnce(t *testing.T) {
	t.Parallel()
	wrong := article(1, "World", 2)
	wrong.Story = 90
	m := material(wrong, article(2, "Military", 2))
	m.Corrections = []digest.Correction{{ID: 7, Story: 90, Text: "It was 38, not 48.", Wrong: []digest.ArticleID{1}}}
	m.Groups = []digest.Group{
		{Key: 1, Since: m.Edition.WindowFrom},
		{Key: 2, Since: m.Edition.WindowFrom, Categories: []string{"Military"}},
	}
	c := compose(t, m)
	if d := draftOf(t, c, 1); len(d.Corrections) != 1 {
		t.Errorf("who is told the error gets corrections %v", d.Corrections)
	}
	if d := draftOf(t, c, 2); len(d.Corrections) != 0 {
		t.Errorf("who is not told it gets corrections %v", d.Corrections)
	}
	m.Corrections[0].Wrong = []digest.ArticleID{8} // another telling was wrong
	if d := draftOf(t, compose(t, m), 1); len(d.Corrections) != 0 {
		t.Errorf("who is told it right gets corrections %v", d.Corrections)
	}
}

func TestKnownStoriesAreThoseThatCandidatesTellAgain(t *testing.T) {
	t.Parallel()
	again, fresh, pinned := article(1, "World", 2), article(2, "World", 1), article(3, "World", 60)
	pinned.Story = 30
	m := material(again, fresh, pinned)
	before, other := article(11, "World", 40), article(12, "World", 40)
	before.Canonical = again.Canonical
	m.Sent = []digest.Story{{ID: 10, Articles: []digest.Article{before.Article}}, {ID: 20, Articles: []digest.Article{other.Article}}}
	m.Marks = []digest.Mark{{Kind: digest.MarkPin, Article: 3}}
	want := []digest.Known{{ID: 10, Newest: again.FirstSeen}, {ID: 30}}
	if got := Known(m); !slices.Equal(got, want) {
		t.Errorf("known are %v, want %v", got, want)
	}
}

// Readers who differ only in what they had before their window began share a
// render.
func TestPastBeforeTheWindowMakesNoOtherVariant(t *testing.T) {
	t.Parallel()
	old := article(1, "World", 40)
	old.Story = 90
	m := material(old, article(2, "World", 2))
	m.Groups = []digest.Group{
		{Key: 1, Since: m.Edition.WindowFrom, Had: []digest.StoryID{90}},
		{Key: 2, Since: m.Edition.WindowFrom},
		{Key: 3, Since: noon.Add(-48 * time.Hour)},
	}
	c := compose(t, m)
	if draftOf(t, c, 1).Signature != draftOf(t, c, 2).Signature {
		t.Error("what lies before both windows tells them apart")
	}
	if got := titles(c, draftOf(t, c, 3)); len(got) != 2 {
		t.Errorf("who missed an edition is told %v", got)
	}
}

func TestLayoutIsInTheSignature(t *testing.T) {
	t.Parallel()
	m := material(article(1, "World", 2))
	before := compose(t, m).Variants[0].Signature
	m.Digest.Layout = "brief"
	if compose(t, m).Variants[0].Signature == before {
		t.Error("two layouts have one signature")
	}
}

func TestStoryOfSeveralCategoriesStandsOnceInTheEditorsFirst(t *testing.T) {
	t.Parallel()
	both := article(1, "World", 1)
	both.Categories = []string{"World", "Culture", "military"}
	alone, last := article(2, "World", 2), article(3, "Military", 3)
	m := material(both, alone, last)
	m.Groups = []digest.Group{
		{Key: 1, Categories: []string{"World"}, Since: m.Edition.WindowFrom}, {Key: 2, Categories: []string{"Military"}, Since: m.Edition.WindowFrom},
		{Key: 3, Categories: []string{"Culture"}, Since: m.Edition.WindowFrom},
	}
	c := compose(t, m)
	if got := titles(c, c.Variants[0]); !slices.Equal(got, []string{"Headline 1", "Headline 3", "Headline 2"}) {
		t.Errorf("sections %q", got)
	}
	told := c.Stories[0].Told
	if told.Category != "Military" || !slices.Equal(told.Categories, []string{"Military", "World", "Culture"}) {
		t.Errorf("told in %q of %q", told.Category, told.Categories)
	}
	for key, want := range map[int64][]string{1: {"Headline 1", "Headline 2"}, 2: {"Headline 1", "Headline 3"}} {
		if got := titles(c, draftOf(t, c, key)); !slices.Equal(got, want) {
			t.Errorf("group %d gets %q, want %q", key, got, want)
		}
	}
	// Culture is none of the digest's, so nothing of it is offered.
	if d := draftOf(t, c, 3); len(d.Stories) != 0 || reasons(c, d)["Headline 1"] != "none of its categories (Military, World, Culture) is among the reader's" {
		t.Errorf("%+v", d)
	}
}

func TestArticleOfOtherCategoriesIsLeftOutByAllItsNames(t *testing.T) {
	t.Parallel()
	other := article(1, "Sport", 1)
	other.Categories = []string{"Sport", "Culture"}
	c := compose(t, material(other, article(2, "World", 2)))
	if got := reasons(c, c.Variants[0])["Headline 1"]; got != "none of its categories (Sport, Culture) is one of the digest's" {
		t.Errorf("%q", got)
	}
}

// A story that another mail was to bring, and that never came, is told though the
// group's window has passed it; every other rule holds for it, too.
func TestStoryThatNeverCameIsToldThoughItIsOlderThanTheWindow(t *testing.T) {
	t.Parallel()
	m := material(article(1, "World", 30), article(2, "Military", 31), article(3, "World", 1))
	m.Candidates[0].Story, m.Candidates[1].Story = 7, 8
	m.Groups = []digest.Group{
		{Key: 1, Since: noon.Add(-24 * time.Hour)},
		{Key: 2, Since: noon.Add(-24 * time.Hour), Returned: []digest.StoryID{7, 8, 99}},
		{Key: 3, Since: noon.Add(-24 * time.Hour), Returned: []digest.StoryID{7, 8}, Categories: []string{"Military"}},
		{Key: 4, Since: noon.Add(-24 * time.Hour), Returned: []digest.StoryID{7}, Had: []digest.StoryID{7}},
	}
	c := compose(t, m)
	for key, want := range map[int64]string{1: "3", 2: "231", 3: "2", 4: "3"} {
		d := draftOf(t, c, key)
		got := ""
		for _, i := range d.Stories {
			got += fmt.Sprint(c.Stories[i].Told.Article)
		}
		if got != want {
			t.Errorf("group %d is told %s, want %s; it leaves out %v", key, got, want, reasons(c, d))
		}
	}
}
