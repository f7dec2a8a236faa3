package publish

import (
	"cmp"
	"fmt"
	"iter"
	"runtime"
	"slices"
	"strings"
	"sync"
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
	sameEventBy = "same event: "
)

// telling is one article on its way into a story.
type telling struct {
	*digest.Article
	story     digest.StoryID
	candidate bool
	dropped   bool // an editor dropped it
	reading
	at     time.Time // when it came out
	parent int       // towards the telling that stands for the story
	why    string    // what tied it to others; empty: nothing did
	to     *telling  // the first of those others

	// Of the whole story, where parent is the telling itself.
	earliest, latest time.Time
	members          []int
}

// folding finds out which articles tell the same story. Articles are looked at
// in order of first-seen, so that the order they came in does not matter.
type folding struct {
	tellings []telling
	refused  map[[4]int]bool // stories, by their first tellings and sizes, that were compared and are two
}

// fold sorts the candidates into stories, in the digest's order. A candidate that
// belongs to a story stays with it, and no two stories that exist are merged:
// a story's id never changes once it was sent.
func fold(m digest.Material) []story { return foldWith(m, nil) }

func foldWith(m digest.Material, known *memory) []story {
	f := collect(m, known)
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
		f.weigh(&stories[i], root, m)
	}
	arrange(stories, m)
	return stories
}

// collect lists candidates and what was sent before, each article once.
func collect(m digest.Material, known *memory) *folding {
	byID := make(map[digest.ArticleID]telling, len(m.Candidates))
	for i := range m.Sent {
		for j := range m.Sent[i].Articles {
			a := &m.Sent[i].Articles[j]
			byID[a.ID] = telling{Article: a, story: m.Sent[i].ID}
		}
	}
	for i := range m.Dropped {
		for j := range m.Dropped[i].Articles {
			a := &m.Dropped[i].Articles[j]
			byID[a.ID] = telling{Article: a, story: cmp.Or(m.Dropped[i].ID, byID[a.ID].story), dropped: true}
		}
	}
	for i := range m.Candidates {
		c := &m.Candidates[i]
		byID[c.ID] = telling{Article: &c.Article, story: cmp.Or(c.Story, byID[c.ID].story), candidate: true}
	}
	f := &folding{tellings: make([]telling, 0, len(byID)), refused: map[[4]int]bool{}}
	for _, t := range byID {
		f.tellings = append(f.tellings, t)
	}
	slices.SortFunc(f.tellings, func(a, b telling) int {
		return cmp.Or(a.FirstSeen.Compare(b.FirstSeen), cmp.Compare(a.ID, b.ID))
	})
	f.read(known)
	for i := range f.tellings {
		t := &f.tellings[i]
		t.at = cameOut(t.Article)
		t.parent, t.earliest, t.latest, t.members = i, t.at, t.at, []int{i}
	}
	return f
}

// cameOut is when an article was published, as far as that can be believed;
// else when it was first seen. Sources are not all polled at the same time.
func cameOut(a *digest.Article) time.Time {
	if a.Published.After(a.FirstSeen) || a.FirstSeen.Sub(a.Published) > 10*foldWithin {
		return a.FirstSeen
	}
	return a.Published
}

// read reads all texts, without what a source puts under its pieces again and
// again.
func (f *folding) read(known *memory) {
	l := newLexicon()
	leads := make([]lead, len(f.tellings))
	f.onAll(func(share iter.Seq[int]) {
		var room []string
		for i := range share {
			leads[i], room = f.tellings[i].split(room)
		}
	})
	repeated := f.standing(l, leads)
	f.onAll(func(share iter.Seq[int]) {
		reader := newTermer(l)
		for i := range share {
			t := &f.tellings[i]
			leads[i].text, leads[i].sentences = leads[i].without(repeated), nil
			var before bool
			if t.reading, before = known.of(t, leads[i].text); !before {
				t.reading = reader.read(t.Title, leads[i].text, t.Language)
			}
		}
	})
	for i := range leads {
		known.keep(&f.tellings[i], leads[i].text)
	}
}

// onAll runs work on all processors, each with its share of the tellings: most
// of folding looks at each of them by itself.
func (f *folding) onAll(work func(share iter.Seq[int])) {
	var workers sync.WaitGroup
	n := min(runtime.GOMAXPROCS(0), len(f.tellings))
	for first := range n {
		workers.Go(func() {
			work(func(yield func(int) bool) {
				for i := first; i < len(f.tellings) && yield(i); i += n {
				}
			})
		})
	}
	workers.Wait()
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
	for _, k := range [...][2]int{{i, j}, {j, i}} {
		if t := &f.tellings[k[0]]; t.why == "" {
			t.why, t.to = why, &f.tellings[k[1]]
		}
	}
	root, other := &f.tellings[a], &f.tellings[b]
	other.parent = a
	root.story = cmp.Or(root.story, other.story)
	root.members = append(root.members, other.members...)
	if other.earliest.Before(root.earliest) {
		root.earliest = other.earliest
	}
	if other.latest.After(root.latest) {
		root.latest = other.latest
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
		j, ok := seen[t.Canonical]
		switch {
		case !ok:
			seen[t.Canonical] = i
		case !digest.ItemOf(*t.Article).Apart(digest.ItemOf(*f.tellings[j].Article)):
			f.join(j, i, sameAddress)
		}
	}
}

// byText joins pairs that tell the same, the likest first: a telling that is
// near two stories goes to the nearer one. The span of the whole story is
// bounded, or a chain of follow-ups would go on for weeks, and the stories as
// a whole have to agree, or it would lead from one event to another.
func (f *folding) byText() {
	for _, p := range f.likest() {
		i, j := f.root(p.i), f.root(p.j)
		if i == j || f.apart(i, j) {
			continue
		}
		a, b := &f.tellings[i], &f.tellings[j]
		if later(a.latest, b.latest).Sub(earlier(a.earliest, b.earliest)) <= foldWithin && f.agree(i, j) {
			f.join(p.i, p.j, because(&f.tellings[p.i], &f.tellings[p.j]))
		}
	}
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

const (
	// witnesses is how many tellings of a story are asked whether it is the
	// same as another.
	witnesses = 4
	// nearly is by how many points a pair may fall short and still not
	// speak against its stories being one.
	nearly = 1.5
	// strangers is by how many points a pair falls short that is of two events,
	// whatever lies between them.
	strangers = 5
)

// agree says whether two stories are one: no two of their tellings rule it
// out, and at least half are alike, or nearly.
func (f *folding) agree(i, j int) bool {
	a, b := f.tellings[i].members, f.tellings[j].members
	if len(a) == 1 && len(b) == 1 {
		return true
	}
	key := [4]int{i, len(a), j, len(b)}
	if f.refused[key] {
		return false
	}
	alike, asked := 0, 0
	for _, m := range a[:min(witnesses, len(a))] {
		for _, n := range b[:min(witnesses, len(b))] {
			s, t := &f.tellings[m], &f.tellings[n]
			points, against := judge(s, t)
			if against != "" || points < -strangers {
				f.refused[key] = true
				return false
			}
			asked++
			if points > -nearly {
				alike++
			}
		}
	}
	f.refused[key] = 2*alike < asked
	return !f.refused[key]
}

// pair is two tellings that may be of one story.
type pair struct {
	points float64
	i, j   int
}

const (
	// mostPostings is how many tellings a word leads to: the latest ones. A
	// word that more tellings have ties none of them.
	mostPostings = 200
	// mostRivals is how many others a telling is compared with: those that
	// share most. A story has fewer tellings than that, or more than anyone
	// reads.
	mostRivals = 24
	// leastShared is the weight that two texts share at least to be compared.
	leastShared = 1.5
)

// likest lists the pairs that are alike enough, the likest first. Only tellings
// that share words are compared, which an index over the words finds.
func (f *folding) likest() []pair {
	var pairs []pair
	var adding sync.Mutex
	at := f.post()
	// Of two that were told before nothing is asked, and of most editions all
	// of those come first.
	first := slices.IndexFunc(f.tellings, func(t telling) bool { return t.candidate })
	f.onAll(func(share iter.Seq[int]) {
		r := rivalry{shared: make([]float64, len(f.tellings))}
		var mine []pair
		for i := range share {
			if i < first {
				continue
			}
			a := &f.tellings[i]
			for _, j := range r.rivals(a, at[i]) {
				b := &f.tellings[j]
				if !a.candidate && !b.candidate || a.at.Sub(b.at).Abs() > foldWithin {
					continue
				}
				if points, against := judge(b, a); against == "" && points > 0 {
					mine = append(mine, pair{points, int(j), i})
				}
			}
		}
		adding.Lock()
		defer adding.Unlock()
		pairs = append(pairs, mine...)
	})
	slices.SortFunc(pairs, func(p, q pair) int {
		return cmp.Or(cmp.Compare(q.points, p.points), cmp.Compare(p.i, q.i), cmp.Compare(p.j, q.j))
	})
	return pairs
}

// post makes an index over the words: for each telling and each of its terms,
// the latest of the tellings before it that have the term.
func (f *folding) post() [][][]int32 {
	places, total := map[uint64]int32{}, 0
	var sizes []int32
	for i := range f.tellings {
		for k := range f.tellings[i].terms {
			t := &f.tellings[i].terms[k]
			place, known := places[t.id]
			if !known {
				place = int32(len(sizes))
				places[t.id], sizes = place, append(sizes, 0)
			}
			sizes[place]++
			t.place = place
		}
		total += len(f.tellings[i].terms)
	}
	room := make([]int32, total)
	postings := make([][]int32, len(sizes))
	for place, n := range sizes {
		postings[place], room = room[:0:n], room[n:]
	}
	at, lists := make([][][]int32, len(f.tellings)), make([][]int32, total)
	for i := range f.tellings {
		terms := f.tellings[i].terms
		at[i], lists = lists[:len(terms)], lists[len(terms):]
		for k := range terms {
			list := postings[terms[k].place]
			at[i][k] = list[max(0, len(list)-mostPostings):]
			postings[terms[k].place] = append(list, int32(i))
		}
	}
	return at
}

// rivalry is room to find rivals in, for one telling after the other.
type rivalry struct {
	shared []float64 // by telling, all zero between two searches
	list   []int32   // who shares anything
	best   []int32
}

// rivals lists the earlier tellings that share most with a telling, of those
// that its terms lead to. The list is good until the next call.
func (r *rivalry) rivals(a *telling, at [][]int32) []int32 {
	list, best, shared := r.list[:0], r.best[:0], r.shared
	for k := range at {
		weight := a.terms[k].weight
		for _, j := range at[k] {
			if shared[j] == 0 {
				list = append(list, j)
			}
			shared[j] += weight
		}
	}
	// The best so far, in order; few of the others get in.
	for _, j := range list {
		if shared[j] < leastShared || len(best) == mostRivals && shared[j] < shared[best[mostRivals-1]] {
			continue
		}
		at, _ := slices.BinarySearchFunc(best, j, func(i, j int32) int { return cmp.Or(cmp.Compare(shared[j], shared[i]), cmp.Compare(i, j)) })
		best = slices.Insert(best, at, j)
		best = best[:min(len(best), mostRivals)]
	}
	for _, j := range list {
		shared[j] = 0
	}
	r.list, r.best = list, best
	return best
}

// story is one story up for selection.
type story struct {
	digest.Fold
	firstSeen time.Time
	newest    []categoryTime // by category of its tellings, in order of first-seen
	pinned    bool
	dropped   bool
	sources   int       // that tell it
	lastSeen  time.Time // when the last telling came
	weight    float64   // where the digest is ranked
}

// categoryTime is when a story was last told in a category.
type categoryTime struct {
	category string
	at       time.Time
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
		s.Articles, s.Ties = append(s.Articles, t.ID), append(s.Ties, t.why)
		s.lastSeen = t.FirstSeen
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
	case shown.to != nil && shown.to.dropped:
		return fmt.Sprintf("folded into %q at %s, which was dropped (%s)", shown.to.Title, shown.to.Source, shown.why)
	case shown.to != nil:
		return fmt.Sprintf("folded into %q at %s, told before (%s)", shown.to.Title, shown.to.Source, shown.why)
	}
	return ""
}
