package publish

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"courant/digest"
)

// ruling is what becomes of one story for one group.
type ruling byte

const (
	told ruling = iota
	alreadySent
	otherCategory
	beforeWindow
	overMax
	belowMin
	dropped
	overCategory
	overSource
)

// Compose decides an edition: the stories its candidates make, and for each
// group of readers which of them it gets and why it doesn't get the others. It
// has no error to give yet; the signature leaves room for a subject or an
// order that cannot be applied.
func Compose(m digest.Material) (digest.Composition, error) { return composeOf(m, fold(m)) }

func composeOf(m digest.Material, stories []story) (digest.Composition, error) {
	e := newEditor(m, stories)
	home := digest.Group{Language: m.Edition.Language, Zone: m.Edition.Zone, Since: m.Edition.WindowFrom}
	home.Language = cmp.Or(home.Language, m.Digest.Language)
	// The digest's own choice comes first: the archive shows it even where no
	// reader has it.
	e.composition.Variants[e.draft(home)].Default = true
	for _, g := range m.Groups {
		g.Language = cmp.Or(g.Language, home.Language)
		g.Zone = cmp.Or(g.Zone, home.Zone)
		d := &e.composition.Variants[e.draft(g)]
		d.Groups = append(d.Groups, g.Key)
	}
	return e.composition, nil
}

// editor makes drafts for groups, one for all that come out the same.
type editor struct {
	digest      digest.Digest
	corrections []digest.Correction
	stories     []story // in the digest's order
	byID        map[digest.StoryID]int
	categories  map[string]bool // every category of a story's tellings -> whether the group in hand gets it
	drafts      map[string]int  // index into Variants, by everything that tells drafts apart
	rulings     []ruling        // of the group in hand, by story
	taken       places          // by the group in hand
	returned    map[int]bool    // stories that never came to the group in hand
	composition digest.Composition
}

func newEditor(m digest.Material, stories []story) *editor {
	e := &editor{
		digest: m.Digest, stories: stories, byID: map[digest.StoryID]int{},
		categories: map[string]bool{}, drafts: map[string]int{}, corrections: m.Corrections, returned: map[int]bool{},
	}
	e.rulings = make([]ruling, len(e.stories))
	for i := range e.stories {
		e.place(&e.stories[i])
	}
	for i, s := range e.stories {
		e.composition.Stories = append(e.composition.Stories, s.Fold)
		if s.Told.Story != 0 {
			e.byID[s.Told.Story] = i
		}
		for _, n := range s.newest {
			e.categories[n.category] = false
		}
	}
	return e
}

// place gives a story its section: the first of its categories in the editor's
// order, in the editor's spelling.
func (e *editor) place(s *story) {
	all := s.Told.AllCategories()
	s.Told.Category = cmp.Or(digest.FirstCategory(e.digest.Categories, all), s.Told.Category)
	if s.Told.Categories = nil; len(all) > 1 {
		s.Told.Categories = digest.Told{Category: s.Told.Category, Categories: all}.AllCategories()
	}
}

// draft returns the index of the group's draft.
func (e *editor) draft(g digest.Group) int {
	categories := e.choice(g.Categories)
	reason := e.rule(g, categories)
	corrections := e.owed(g, reason)
	key := fmt.Sprintf("%t %q %q %q %s %v", categories == nil, categories, g.Language, g.Zone, e.rulings, corrections)
	if i, ok := e.drafts[key]; ok {
		return i
	}
	d := digest.Draft{
		Signature: e.signature(g, categories, corrections), Reason: reason, Corrections: corrections,
		Language: g.Language, Zone: g.Zone, Categories: categories, LeftOut: map[int]string{},
	}
	for i, r := range e.rulings {
		if r == told {
			d.Stories = append(d.Stories, i)
			continue
		}
		d.LeftOut[i] = e.reason(r, i, reason)
	}
	e.intoSections(d.Stories)
	e.drafts[key] = len(e.composition.Variants)
	e.composition.Variants = append(e.composition.Variants, d)
	return e.drafts[key]
}

// mostCorrections is how many an edition brings; the others are owed still.
const mostCorrections = 5

// owed is what a group has to be told about what it had. A group that gets no
// mail stays owed. Whoever is told a story only now, in the words that were
// found wrong, is told so at once.
func (e *editor) owed(g digest.Group, reason string) []digest.Correction {
	if reason != "" {
		return nil
	}
	var owed []digest.Correction
	for _, c := range e.corrections {
		if slices.Contains(g.Owed, c.ID) || e.tellsWrong(c) {
			owed = append(owed, c)
		}
	}
	slices.SortFunc(owed, func(a, b digest.Correction) int { return cmp.Compare(a.ID, b.ID) })
	return owed[:min(len(owed), mostCorrections)]
}

// tellsWrong says whether the group in hand is told what a correction is about
// by an article that was wrong. What an edition told stays as it was told; but
// another article may tell it right.
func (e *editor) tellsWrong(c digest.Correction) bool {
	i, known := e.byID[c.Story]
	return known && e.rulings[i] == told && slices.Contains(c.Wrong, e.stories[i].Told.Article)
}

// choice is what of the reader's categories the digest has, in the editor's
// order; nil where that is all of them.
func (e *editor) choice(chosen []string) []string {
	if chosen == nil {
		return nil
	}
	offered := e.digest.Categories
	if len(offered) == 0 {
		return slices.Clone(chosen)
	}
	kept := []string{}
	for _, c := range offered {
		if containsFold(chosen, c) {
			kept = append(kept, c)
		}
	}
	if len(kept) == len(offered) {
		return nil
	}
	return kept
}

func containsFold(list []string, s string) bool {
	return slices.ContainsFunc(list, func(t string) bool { return strings.EqualFold(s, t) })
}

// rule decides every story for a group, and says why the group gets nothing
// where that is so: nothing counts as had then.
func (e *editor) rule(g digest.Group, categories []string) (reason string) {
	clear(e.rulings)
	for c := range e.categories {
		e.categories[c] = e.allows(categories, c)
	}
	clear(e.returned)
	for _, id := range g.Returned {
		if i, ok := e.byID[id]; ok {
			e.returned[i] = true
		}
	}
	// What lies before the group's window is told apart first: its past beyond
	// that is of no account, and need not be known.
	for _, id := range g.Had {
		if i, ok := e.byID[id]; ok && e.mayTell(i, g.Since) {
			e.rulings[i] = alreadySent
		}
	}
	e.taken.clear()
	for i := range e.stories {
		if e.rulings[i] == told {
			e.rulings[i] = e.fits(i, g.Since)
		}
		if e.rulings[i] == told {
			e.rulings[i] = e.taken.admit(&e.stories[i], e.digest)
		}
	}
	chosen := e.taken.all
	// An edition of nothing is never sent, whatever min_articles says.
	least := max(e.digest.MinArticles, 1)
	if chosen >= least {
		return ""
	}
	for i, r := range e.rulings {
		if r == told {
			e.rulings[i] = belowMin
		}
	}
	return fmt.Sprintf("below min_articles: %d of %d", chosen, least)
}

// allows says whether a category is among a group's; nil stands for all that
// the digest has, and a digest that names none has all there are.
func (e *editor) allows(chosen []string, category string) bool {
	if chosen == nil {
		chosen = e.digest.Categories
		if len(chosen) == 0 {
			return true
		}
	}
	return containsFold(chosen, category)
}

// Known lists the stories of earlier editions that a material's candidates
// tell again, by id: whoever had one of them must not get it.
func Known(m digest.Material) []digest.Known { return known(fold(m)) }

func known(stories []story) (list []digest.Known) {
	for _, s := range stories {
		switch {
		case s.Told.Story == 0:
		case s.pinned:
			list = append(list, digest.Known{ID: s.Told.Story})
		default:
			list = append(list, digest.Known{ID: s.Told.Story, Newest: s.lastSeen})
		}
	}
	slices.SortFunc(list, func(a, b digest.Known) int { return cmp.Compare(a.ID, b.ID) })
	return list
}

// since says whether a story may be told to a group whose window begins then.
func (s *story) since(window time.Time) bool { return s.pinned || s.lastSeen.After(window) }

// mayTell says whether a story may be told to the group in hand: what never came
// to it may be older than its window.
func (e *editor) mayTell(story int, since time.Time) bool {
	return e.returned[story] || e.stories[story].since(since)
}

// fits says whether a story was told in one of the group's categories since
// its window began. What an editor pinned, or what never came, may be older, and
// what was dropped never fits.
func (e *editor) fits(story int, since time.Time) ruling {
	s := &e.stories[story]
	if s.dropped {
		return dropped
	}
	r := otherCategory
	for _, n := range s.newest {
		switch {
		case !e.categories[n.category]:
		case s.pinned || e.returned[story] || n.at.After(since):
			return told
		default:
			r = beforeWindow
		}
	}
	return r
}

// reason puts a ruling into words; below is the group's own reason.
func (e *editor) reason(r ruling, story int, below string) string {
	switch r {
	case alreadySent:
		return digest.AlreadySent
	case otherCategory:
		all := e.stories[story].Told.AllCategories()
		if len(e.digest.Categories) > 0 && digest.FirstCategory(e.digest.Categories, all) == "" {
			return named(all, "one of the digest's")
		}
		return named(all, "among the reader's")
	case beforeWindow:
		return digest.BeforeWindow
	case overMax:
		return fmt.Sprintf("over max_articles (%d)", e.digest.MaxArticles)
	case overCategory:
		return fmt.Sprintf("over max_per_category (%d)", e.digest.MaxPerCategory)
	case overSource:
		return fmt.Sprintf("over max_per_source (%d)", e.digest.MaxPerSource)
	case dropped:
		return "dropped by an editor"
	}
	return below
}

// named says that a story's categories are not where they should be.
func named(categories []string, where string) string {
	switch len(categories) {
	case 0:
		return "category (none) is not " + where
	case 1:
		return "category " + categories[0] + " is not " + where
	}
	return "none of its categories (" + strings.Join(categories, ", ") + ") is " + where
}

// intoSections puts the chosen stories into the editor's order of categories
// and leaves them in the digest's order within each. The first story, which gives the subject its
// title, so is the one a reader sees first. Categories the editor doesn't name
// come last.
func (e *editor) intoSections(chosen []int) {
	section := func(i int) int {
		for n, c := range e.digest.Categories {
			if strings.EqualFold(c, e.stories[i].Told.Category) {
				return n
			}
		}
		return len(e.digest.Categories)
	}
	slices.SortStableFunc(chosen, func(a, b int) int { return cmp.Compare(section(a), section(b)) })
}

// signature names what a draft's readers share. Stories go by the
// article shown, because a new story has no id yet and a later zone of the
// same edition must come to the same signature, and another one where the
// digest's layout, order or limits were changed in between. Pins need no word:
// they show in the order of the stories.
func (e *editor) signature(g digest.Group, categories []string, corrections []digest.Correction) string {
	b := fmt.Appendf(nil, "%t\n%q\n%q\n%q\n", categories == nil, categories, g.Language, g.Zone)
	if e.digest.Layout != "" {
		b = fmt.Appendf(b, "%q\n", e.digest.Layout)
	}
	for _, c := range corrections {
		b = fmt.Appendf(b, "correction %d\n", c.ID)
	}
	for i, r := range e.rulings {
		b = strconv.AppendInt(b, int64(e.stories[i].Told.Article), 10)
		b = append(b, ' ', '0'+byte(r), '\n')
		if r == overCategory || r == overSource {
			b = append(append(b, e.reason(r, i, "")...), '\n')
		}
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:16])
}
