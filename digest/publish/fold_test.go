package publish

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"courant/digest"
)

const wire = `The defence ministry said on Monday that it would order forty new transport aircraft in the largest purchase of its kind
since the end of the cold war, after years in which the fleet was kept flying with parts from retired machines. The first of them are
to be delivered in three years and will replace planes that entered service in the seventies. Parliament has yet to agree to the plan.`

func TestOneWireStoryInTwoPapersIsToldOnce(t *testing.T) {
	t.Parallel()
	a, b := article(1, "Military", 5), article(2, "World", 2)
	a.Title, a.Lead = "Ministry orders forty aircraft", wire
	b.Title, b.Lead = "Largest purchase of transport planes since the cold war", wire
	b.Source, b.URL = "Other Paper", "https://other.example/planes"
	a.PointsFrom, b.PointsFrom = digest.PointsLead, digest.PointsPage
	c := compose(t, material(a, b, article(3, "World", 1)))
	if len(c.Stories) != 2 {
		t.Fatalf("%d stories of three articles, want 2", len(c.Stories))
	}
	f := c.Stories[1]
	if f.Told.Article != 2 || f.Told.Story != 0 || !slices.Equal(f.Articles, []digest.ArticleID{1, 2}) {
		t.Errorf("shows article %d of %v; the one with the publisher's own points is 2", f.Told.Article, f.Articles)
	}
	if want := []digest.Also{{Source: "Source 1", URL: "https://s1.example/a"}}; !slices.Equal(f.Told.Also, want) {
		t.Errorf("also at %v, want %v", f.Told.Also, want)
	}
	want := `folded into "Largest purchase of transport planes since the cold war" at Other Paper: "Ministry orders forty aircraft" at Source 1 (same text)`
	if f.Why != want {
		t.Errorf("why %q, want %q", f.Why, want)
	}
	if c.Stories[0].Why != "" {
		t.Errorf("a single article has a reason: %q", c.Stories[0].Why)
	}
}

func TestWhatIsFoldedAndWhatIsNot(t *testing.T) {
	t.Parallel()
	words := strings.Fields(wire)
	for _, c := range []struct {
		name    string
		change  func(a, b *digest.Candidate)
		stories int
	}{
		{"two texts", func(a, b *digest.Candidate) {}, 2},
		{"the same address", func(a, b *digest.Candidate) { b.Canonical = a.Canonical }, 1},
		{"one front page", func(a, b *digest.Candidate) {
			a.Canonical, b.Canonical = "https://example.com/", "https://example.com/"
		}, 2},
		{"two parts of one page", func(a, b *digest.Candidate) {
			a.URL, b.URL, b.Canonical = a.Canonical+"#block-1", a.Canonical+"#block-2", a.Canonical
		}, 2},
		{"no address is no shared address", func(a, b *digest.Candidate) { a.Canonical, b.Canonical = "", "" }, 2},
		{"the same text", func(a, b *digest.Candidate) { a.Lead, b.Lead = wire, wire }, 1},
		{"the same text in other letters and marks", func(a, b *digest.Candidate) {
			a.Lead, b.Lead = wire, strings.ReplaceAll(strings.ToUpper(wire), ",", " -")
		}, 1},
		{"the last tenth cut off", func(a, b *digest.Candidate) {
			a.Lead, b.Lead = wire, strings.Join(words[:len(words)*9/10], " ")
		}, 1},
		{"another piece that repeats a part", func(a, b *digest.Candidate) {
			b.Title = "Schools are to serve free meals"
			a.Lead, b.Lead = wire, "From autumn on all schools serve lunch at no cost."+ownText(9, len(words)/2)+strings.Join(words[len(words)*3/4:], " ")
		}, 2},
		{"the same text within three days", func(a, b *digest.Candidate) {
			a.Lead, b.Lead = wire, wire
			a.FirstSeen = b.FirstSeen.Add(-72 * time.Hour)
		}, 1},
		{"the same text later than that", func(a, b *digest.Candidate) {
			a.Lead, b.Lead = wire, wire
			a.FirstSeen = b.FirstSeen.Add(-72*time.Hour - time.Second)
		}, 2},
		{"the same address at any distance", func(a, b *digest.Candidate) {
			b.Canonical = a.Canonical
			a.FirstSeen = b.FirstSeen.Add(-500 * time.Hour)
		}, 1},
		{"a headline that comes each day", func(a, b *digest.Candidate) {
			a.Title, b.Title, a.Lead, b.Lead = "Morning news in brief", "Morning news in brief", "", ""
		}, 2},
		{"a long headline without a text", func(a, b *digest.Candidate) {
			a.Title = "Ministry orders forty new transport aircraft in largest purchase"
			b.Title, a.Lead, b.Lead = a.Title, "", ""
		}, 1},
		{"a text without spaces", func(a, b *digest.Candidate) {
			a.Title = "防衛省は月曜日に四十機の新しい輸送機を発注すると発表した"
			b.Title, a.Lead, b.Lead = a.Title, "", ""
		}, 1},
		{"two stories that exist, the same text", func(a, b *digest.Candidate) {
			a.Lead, b.Lead, a.Story, b.Story = wire, wire, 5, 6
		}, 2},
		{"two stories that exist, the same address", func(a, b *digest.Candidate) {
			b.Canonical, a.Story, b.Story = a.Canonical, 5, 6
		}, 2},
		{"one story that exists", func(a, b *digest.Candidate) { a.Story, b.Story = 5, 5 }, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a, b := article(1, "World", 2), article(2, "World", 1)
			a.Title, b.Title = "Ministry orders forty aircraft", "Largest purchase of transport planes since the cold war"
			c.change(&a, &b)
			if got := fold(material(a, b)); len(got) != c.stories {
				t.Errorf("%d stories, want %d", len(got), c.stories)
			}
		})
	}
}

func TestArticleFoldedIntoASentStoryIsNotSentAgain(t *testing.T) {
	t.Parallel()
	sent, again := article(1, "World", 40), article(2, "World", 1)
	sent.Lead, again.Lead = wire, wire
	sent.Title, again.Title = "Ministry orders forty aircraft", "Forty new planes for the air force"
	m := material(again)
	m.Sent = []digest.Story{{ID: 5, Articles: []digest.Article{sent.Article}}}
	m.Groups = []digest.Group{{Key: 1, Since: m.Edition.WindowFrom, Had: []digest.StoryID{5}}}
	c := compose(t, m)
	f := c.Stories[0]
	if f.Told.Story != 5 || f.Told.Article != 2 || f.Why != `folded into "Ministry orders forty aircraft" at Source 1, told before (same text)` {
		t.Errorf("story %d shows article %d, why %q", f.Told.Story, f.Told.Article, f.Why)
	}
	if d := draftOf(t, c, 1); d.LeftOut[0] != "already sent" || d.Reason == "" {
		t.Errorf("a reader who had the story gets %+v", d)
	}
}

func TestTellingNearTwoStoriesGoesToTheNearer(t *testing.T) {
	t.Parallel()
	words := strings.Fields(wire)
	far, near, new := article(1, "World", 9), article(2, "World", 8), article(3, "World", 1)
	for _, c := range []*digest.Candidate{&far, &near, &new} {
		c.Title = ""
	}
	new.Lead = wire
	near.Lead = strings.Join(words[:len(words)-3], " ")
	far.Lead = strings.Join(words[:len(words)*3/4], " ")
	m := material(new)
	m.Sent = []digest.Story{{ID: 5, Articles: []digest.Article{far.Article}}, {ID: 6, Articles: []digest.Article{near.Article}}}
	if got := fold(m); len(got) != 1 || got[0].Told.Story != 6 {
		t.Errorf("folded into %+v, want story 6", got)
	}
}

func TestChainOfRewritesEndsAfterThreeDays(t *testing.T) {
	t.Parallel()
	a, b, c := article(1, "World", 140), article(2, "World", 70), article(3, "World", 0)
	a.Lead, b.Lead, c.Lead = wire, wire, wire
	a.Title, b.Title, c.Title = "Ministry orders forty aircraft", "Forty aircraft ordered", "Forty transport aircraft for the ministry"
	if got := fold(material(a, b, c)); len(got) != 2 {
		t.Errorf("%d stories over six days, want 2", len(got))
	}
}

func TestExistingStoriesAreNeverMerged(t *testing.T) {
	t.Parallel()
	for seed := range uint64(200) {
		m := randomMaterial(rand.New(rand.NewPCG(seed, 4)))
		was := map[digest.ArticleID]digest.StoryID{}
		for _, s := range m.Sent {
			for _, a := range s.Articles {
				was[a.ID] = s.ID
			}
		}
		for _, c := range m.Candidates {
			was[c.ID] = c.Story
		}
		seen := map[digest.StoryID]bool{}
		for _, s := range fold(m) {
			for _, a := range s.Articles {
				if was[a] != 0 && was[a] != s.Told.Story {
					t.Fatalf("seed %d: article %d went from story %d to %d", seed, a, was[a], s.Told.Story)
				}
			}
			if s.Told.Story != 0 && seen[s.Told.Story] {
				t.Fatalf("seed %d: story %d is there twice", seed, s.Told.Story)
			}
			seen[s.Told.Story] = true
		}
	}
}

// The simhash is only a sieve: two strangers that fall together in it stay two.
func TestHalfTheShinglesMustBeShared(t *testing.T) {
	t.Parallel()
	a := fingerprint{simhash: 1, shingles: []uint64{1, 2, 3, 4, 5, 6}}
	for shared, want := range map[int]bool{6: true, 4: true, 3: false, 0: false} {
		b := fingerprint{simhash: 1, shingles: slices.Clone(a.shingles[:shared])}
		for i := range 6 - shared {
			b.shingles = append(b.shingles, uint64(100+i))
		}
		if got := a.alike(b); got != want {
			t.Errorf("%d of 6 shared: alike %v", shared, got)
		}
	}
}

func FuzzFingerprintTakesAnyText(f *testing.F) {
	for _, s := range []string{"", wire, "a b c d e f g h", "防衛省は月曜日に", "\xff\xfe \x00", "e\u0301 e\u0301 e\u0301 e\u0301", "١٢٣ ٤٥٦ ٧٨٩"} {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		x, y := read(words(a)), read(words(b))
		if x.alike(y) != y.alike(x) {
			t.Errorf("%q and %q are alike in one order only", a, b)
		}
		if x.shingles != nil && !x.alike(x) {
			t.Errorf("%q is not alike itself", a)
		}
	})
}

func BenchmarkFoldFiveThousandArticles(b *testing.B) {
	m := material()
	for id := range 5000 {
		a := article(id+1, "World", float64(id)/5000*72)
		if id%5 == 0 {
			a.Lead = ownText(uint64(id/25), 90) + fmt.Sprint(id)
		} else {
			a.Lead = ownText(uint64(id), 90)
		}
		m.Candidates = append(m.Candidates, a)
	}
	b.ReportAllocs()
	for b.Loop() {
		if n := len(fold(m)); n >= 5000 {
			b.Fatalf("nothing was folded: %d stories", n)
		}
	}
}
