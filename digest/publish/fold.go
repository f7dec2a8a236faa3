package publish

import (
	"cmp"
	"fmt"
	"math/bits"
	"slices"
	"strings"
	"time"

	"courant/digest"
)

// foldWithin is how far apart two tellings of one event may be first seen.
const foldWithin = 72 * time.Hour

// Why an article was folded, in the words of plan and why.
const (
	sameAddress = "same address"
	sameText    = "same text"
	sameStory   = "same story before"
)

// telling is one article on its way into a story.
type telling struct {
	*digest.Article
	story     digest.StoryID
	candidate bool
	print     fingerprint
	parent    int    // towards the telling that stands for the story
	why       string // what tied it to others; empty: nothing did

	// Of the whole story, where parent is the telling itself.
	first, last time.Time
}

// folding finds out which articles tell the same story. Articles are looked at
// in order of first-seen, so that the order they came in does not matter.
type folding struct {
	tellings []telling
}

// fold sorts the candidates into stories, newest first. A candidate that
// belongs to a story stays with it, and no two stories that exist are merged:
// a story's id never changes once it was sent.
func fold(m digest.Material) []story {
	f := collect(m)
	f.byStory()
	f.byAddress()
	f.byText()
	byRoot := map[int][]*telling{}
	var roots []int
	for i := range f.tellings {
		if t := &f.tellings[i]; t.candidate {
			root := f.root(i)
			if byRoot[root] == nil {
				roots = append(roots, root)
			}
			byRoot[root] = append(byRoot[root], t)
		}
	}
	stories := make([]story, len(roots))
	for i, root := range roots {
		stories[i] = tell(f.tellings[root].story, byRoot[root])
	}
	slices.SortFunc(stories, newestFirst)
	return stories
}

// collect lists candidates and what was sent before, each article once.
func collect(m digest.Material) *folding {
	byID := make(map[digest.ArticleID]telling, len(m.Candidates))
	for i := range m.Sent {
		for j := range m.Sent[i].Articles {
			a := &m.Sent[i].Articles[j]
			byID[a.ID] = telling{Article: a, story: m.Sent[i].ID}
		}
	}
	for i := range m.Candidates {
		c := &m.Candidates[i]
		byID[c.ID] = telling{Article: &c.Article, story: cmp.Or(c.Story, byID[c.ID].story), candidate: true}
	}
	f := &folding{tellings: make([]telling, 0, len(byID))}
	for _, t := range byID {
		f.tellings = append(f.tellings, t)
	}
	slices.SortFunc(f.tellings, func(a, b telling) int {
		return cmp.Or(a.FirstSeen.Compare(b.FirstSeen), cmp.Compare(a.ID, b.ID))
	})
	for i := range f.tellings {
		t := &f.tellings[i]
		t.parent, t.first, t.last = i, t.FirstSeen, t.FirstSeen
		t.print = read(t.Title, t.Lead)
	}
	return f
}

func (f *folding) root(i int) int {
	for f.tellings[i].parent != i {
		f.tellings[i].parent = f.tellings[f.tellings[i].parent].parent
		i = f.tellings[i].parent
	}
	return i
}

// join makes one story of two tellings' stories, unless both exist already.
func (f *folding) join(i, j int, why string) {
	a, b := f.root(i), f.root(j)
	if a == b || f.apart(a, b) {
		return
	}
	if a > b {
		a, b = b, a
	}
	for _, k := range []int{i, j} {
		f.tellings[k].why = cmp.Or(f.tellings[k].why, why)
	}
	root, other := &f.tellings[a], &f.tellings[b]
	other.parent = a
	root.story = cmp.Or(root.story, other.story)
	if other.first.Before(root.first) {
		root.first = other.first
	}
	if other.last.After(root.last) {
		root.last = other.last
	}
}

// apart says that two stories must stay two.
func (f *folding) apart(a, b int) bool {
	s, t := f.tellings[a].story, f.tellings[b].story
	return s != 0 && t != 0 && s != t
}

func (f *folding) byStory() {
	seen := map[digest.StoryID]int{}
	for i, t := range f.tellings {
		if t.story == 0 {
			continue
		}
		if j, ok := seen[t.story]; ok {
			f.join(j, i, sameStory)
			continue
		}
		seen[t.story] = i
	}
}

func (f *folding) byAddress() {
	seen := map[string]int{}
	for i, t := range f.tellings {
		if t.Canonical == "" {
			continue
		}
		if j, ok := seen[t.Canonical]; ok {
			f.join(j, i, sameAddress)
			continue
		}
		seen[t.Canonical] = i
	}
}

// byText joins pairs that are alike, the closest first: a telling that is near
// two stories goes to the nearer one. The span of the whole story is bounded,
// or a chain of rewrites would go on for weeks.
func (f *folding) byText() {
	for _, p := range f.alike() {
		a, b := &f.tellings[f.root(p.i)], &f.tellings[f.root(p.j)]
		first, last := a.first, a.last
		if b.first.Before(first) {
			first = b.first
		}
		if b.last.After(last) {
			last = b.last
		}
		if last.Sub(first) <= foldWithin {
			f.join(p.i, p.j, sameText)
		}
	}
}

// pair is two tellings of much the same text.
type pair struct{ distance, i, j int }

// alike lists the pairs, the closest first. It looks at each pair within the
// time: millions of them, so what that takes lies side by side in memory.
func (f *folding) alike() []pair {
	simhashes := make([]uint64, len(f.tellings))
	for i := range f.tellings {
		simhashes[i] = f.tellings[i].print.simhash
	}
	var pairs []pair
	end := 0
	for i := range f.tellings {
		a := &f.tellings[i]
		until := a.FirstSeen.Add(foldWithin)
		for end < len(f.tellings) && !f.tellings[end].FirstSeen.After(until) {
			end++
		}
		for j := i + 1; j < end; j++ {
			if bits.OnesCount64(simhashes[i]^simhashes[j]) > sieve {
				continue
			}
			if b := &f.tellings[j]; (a.candidate || b.candidate) && a.print.alike(b.print) {
				pairs = append(pairs, pair{a.print.distance(b.print), i, j})
			}
		}
	}
	slices.SortFunc(pairs, func(p, q pair) int {
		return cmp.Or(cmp.Compare(p.distance, q.distance), cmp.Compare(p.i, q.i), cmp.Compare(p.j, q.j))
	})
	return pairs
}

// story is one story up for selection.
type story struct {
	digest.Fold
	firstSeen time.Time
	newest    []categoryTime // by category of its tellings, in order of first-seen
}

// categoryTime is when a story was last told in a category.
type categoryTime struct {
	category string
	at       time.Time
}

func newestFirst(a, b story) int {
	return cmp.Or(b.firstSeen.Compare(a.firstSeen), cmp.Compare(a.Told.Article, b.Told.Article))
}

// tell makes a story of its tellings, which are in order of first-seen.
func tell(id digest.StoryID, tellings []*telling) story {
	shown := slices.MinFunc(tellings, func(a, b *telling) int {
		return cmp.Compare(pointsRank(a.PointsFrom), pointsRank(b.PointsFrom))
	})
	a := shown.Article
	s := story{firstSeen: a.FirstSeen, Fold: digest.Fold{Told: digest.Told{
		Story: id, Article: a.ID, URL: a.URL, Title: a.Title, Points: a.Points, PointsFrom: a.PointsFrom,
		Category: a.Category, Categories: a.AllCategories(), Source: a.Source, Site: a.Site, Attribution: a.Attribution, Author: a.Author,
		Published: a.Published, Language: a.Language, Image: a.Image,
	}}}
	for _, t := range tellings {
		s.Articles = append(s.Articles, t.ID)
		for _, c := range t.filedUnder() {
			s.seenIn(c, t.FirstSeen)
		}
		if t != shown {
			s.also(t.Article)
		}
	}
	s.Why = explain(shown, tellings)
	return s
}

// pointsRank is the place of an origin of key points, best first; ties keep
// the earlier telling.
func pointsRank(p digest.PointsFrom) int {
	order := [...]digest.PointsFrom{digest.PointsPage, digest.PointsFeed, digest.PointsDescription, digest.PointsLead, digest.PointsModel}
	if i := slices.Index(order[:], p); i >= 0 {
		return i
	}
	return len(order)
}

// filedUnder are an article's categories; without any it is filed under none,
// which a digest of all categories takes.
func (t *telling) filedUnder() []string {
	if all := t.AllCategories(); all != nil {
		return all
	}
	return []string{""}
}

func (s *story) seenIn(category string, at time.Time) {
	for i := range s.newest {
		if strings.EqualFold(s.newest[i].category, category) {
			s.newest[i].at = at
			return
		}
	}
	s.newest = append(s.newest, categoryTime{category, at})
}

// also names another source once; a second piece of the same source, or the
// one shown, is no other telling to a reader.
func (s *story) also(a *digest.Article) {
	known := func(o digest.Also) bool { return o.Source == a.Source || o.URL == a.URL }
	if a.Source == s.Told.Source || a.URL == s.Told.URL || slices.ContainsFunc(s.Told.Also, known) {
		return
	}
	s.Told.Also = append(s.Told.Also, digest.Also{Source: a.Source, URL: a.URL})
}

// explain says what was folded into the telling that is shown, and why.
func explain(shown *telling, tellings []*telling) string {
	var others []string
	for _, t := range tellings {
		if t != shown {
			others = append(others, fmt.Sprintf("%q at %s (%s)", t.Title, t.Source, cmp.Or(t.why, sameStory)))
		}
	}
	switch {
	case len(others) > 0:
		return fmt.Sprintf("folded into %q at %s: %s", shown.Title, shown.Source, strings.Join(others, ", "))
	case shown.why != "":
		return "folded into a story told before (" + shown.why + ")"
	}
	return ""
}
