package publish

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"courant/digest"
)

// weigh finds out what a story's place is decided by: the editors' marks, and how
// many sources tell it. A mark of one telling is a
// mark of the story, also if that telling is no candidate any more.
func (f *folding) weigh(s *story, root int, m digest.Material) {
	sources := map[string]bool{}
	articles := map[digest.ArticleID]bool{}
	for _, i := range f.tellings[root].members {
		t := &f.tellings[i]
		sources[t.Source], articles[t.ID] = true, true
	}
	s.sources = len(sources)
	for _, mark := range m.Marks {
		if !articles[mark.Article] && (mark.Story == 0 || mark.Story != s.Told.Story) {
			continue
		}
		s.dropped = s.dropped || mark.Kind == digest.MarkDrop
		s.pinned = s.pinned || mark.Kind == digest.MarkPin
	}
}

// arrange puts stories into the digest's order, what is pinned first, and says
// of each why it stands where it does.
func arrange(stories []story, m digest.Material) {
	half := cmp.Or(m.Digest.HalfLife, digest.DefaultHalfLife)
	ranked := m.Digest.Order == digest.Ranked
	for i := range stories {
		s := &stories[i]
		if ranked {
			s.weight = weight(s.sources, s.lastSeen, half)
			s.Rank = rankOf(s, m.Edition.WindowTo, half)
		}
		if s.pinned {
			s.Rank = "pinned by an editor"
		}
	}
	slices.SortFunc(stories, func(a, b story) int {
		return cmp.Or(pinnedFirst(a, b), cmp.Compare(b.weight, a.weight), b.firstSeen.Compare(a.firstSeen), cmp.Compare(a.Told.Article, b.Told.Article))
	})
}

func pinnedFirst(a, b story) int {
	switch {
	case a.pinned == b.pinned:
		return 0
	case a.pinned:
		return -1
	}
	return 1
}

// weight is the logarithm of what a story counts, its sources times its
// freshness, but for a summand that is the same for all stories: the present.
// So two stories never change places while time goes by, and a later zone of an
// edition ranks them as the first one did.
func weight(sources int, last time.Time, half time.Duration) float64 {
	return math.Log2(float64(sources)) + float64(last.UnixMicro())/float64(half.Microseconds())
}

// rankOf puts what a story counts into words.
func rankOf(s *story, now time.Time, half time.Duration) string {
	fresh := math.Exp2(-max(0, float64(now.Sub(s.lastSeen))/float64(half)))
	sources := "1 source"
	if s.sources > 1 {
		sources = fmt.Sprintf("%d sources", s.sources)
	}
	return fmt.Sprintf("by rank %.2f (%s, freshness %.2f)", float64(s.sources)*fresh, sources, fresh)
}

// places counts what a group was given.
type places struct {
	all                 int
	bySection, bySource map[string]int
}

func (p *places) clear() {
	if p.bySection == nil {
		p.bySection, p.bySource = map[string]int{}, map[string]int{}
	}
	p.all = 0
	clear(p.bySection)
	clear(p.bySource)
}

// admit gives a story a place, or says which limit leaves none. A pinned one
// always has its place, and takes it from others. What one section or source
// has too much of is told apart from what an edition is too full for.
func (p *places) admit(s *story, d digest.Digest) ruling {
	section := strings.ToLower(s.Told.Category)
	switch {
	case s.pinned:
	case d.MaxPerCategory > 0 && p.bySection[section] >= d.MaxPerCategory:
		return overCategory
	case d.MaxPerSource > 0 && p.bySource[s.Told.Source] >= d.MaxPerSource:
		return overSource
	case d.MaxArticles > 0 && p.all >= d.MaxArticles:
		return overMax
	}
	p.all++
	p.bySection[section]++
	p.bySource[s.Told.Source]++
	return told
}
