package explain

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"courant/digest"
)

// foldingSpan is how far back an edition looks for stories that were told: the
// same as publishing does.
const foldingSpan = 72 * time.Hour

// Replayed is a slot that lies behind. The slot is SlotSkipped with its Reason
// where the config leaves its day out. The digest's first slot tells where the
// window of its first edition begins, whichever slot that answers: the articles
// of those that had none wait for it.
type Replayed struct {
	Digest      digest.Digest
	Slot        digest.Slot
	FirstWindow time.Time
}

// Simulated is what a digest would have made of the articles that came in, as
// --json gives it.
type Simulated struct {
	Digest     string          `json:"digest"`
	From       time.Time       `json:"from"`
	To         time.Time       `json:"to"`
	Editions   int             `json:"editions"`
	Skipped    int             `json:"skipped"`
	Stories    int             `json:"stories"` // told in all editions
	LeftOut    map[string]int  `json:"left_out"`
	Categories map[string]int  `json:"categories"`
	Sources    map[string]int  `json:"sources"`
	Slots      []SimulatedSlot `json:"slots"`

	title string
}

// SimulatedSlot is one slot of a simulation.
type SimulatedSlot struct {
	Slot       time.Time      `json:"slot"`
	Local      time.Time      `json:"local"`
	Zone       string         `json:"zone"`
	State      string         `json:"state"`      // published or skipped
	Reason     string         `json:"reason"`     // why it was skipped
	Edition    int            `json:"edition"`    // counted from 1; 0: skipped
	Candidates int            `json:"candidates"` // articles that came in since the last edition
	Stories    int            `json:"stories"`    // told
	LeftOut    map[string]int `json:"left_out"`   // stories, by the reason; folded articles as "folded"
	Categories map[string]int `json:"categories"` // stories told, by category
	Sources    map[string]int `json:"sources"`    // stories told, by the source shown
}

// foldedArticles counts the articles that another one stands for.
const foldedArticles = "folded into another article"

// Simulate replays slots in order of time with a clock that is always right.
// Articles stand in order of first-seen. The reader it is made for is on every
// list from the start, wants all of it, and had what each edition told: so no
// story comes twice, in whatever digest, as for the readers of these lists.
// Editors' marks count at the slots at which they were in force.
func Simulate(
	slots []Replayed, articles []digest.Article, marks []digest.Mark, compose func(digest.Material) (digest.Composition, error),
) ([]Simulated, error) {
	s := simulation{
		articles: articles, marks: marks, compose: compose, digests: map[string]*simulated{},
		byID: make(map[digest.ArticleID]int, len(articles)), stories: map[digest.ArticleID]digest.StoryID{}, had: map[digest.StoryID][]string{},
	}
	for i, a := range articles {
		s.byID[a.ID] = i
	}
	for _, r := range slots {
		if err := s.slot(r); err != nil {
			return nil, fmt.Errorf("simulate %s of %s: %w", r.Slot.Key, r.Digest.Name, err)
		}
	}
	list := make([]Simulated, len(s.order))
	for i, d := range s.order {
		list[i] = d.Simulated
	}
	return list, nil
}

// simulation is the state of the rows, as publishing would have left them.
type simulation struct {
	articles []digest.Article
	byID     map[digest.ArticleID]int // places in articles
	marks    []digest.Mark
	compose  func(digest.Material) (digest.Composition, error)
	digests  map[string]*simulated
	order    []*simulated
	stories  map[digest.ArticleID]digest.StoryID
	tellings [][]digest.Article          // of each story, by its id less one
	told     []toldStory                 // the stories that editions had to tell, the oldest first
	had      map[digest.StoryID][]string // the lists whose readers got it
}

// toldStory is a story that an edition had to tell, and when.
type toldStory struct {
	at time.Time
	id digest.StoryID
}

type simulated struct {
	Simulated
	windowFrom time.Time // of the edition to come: where the last one's ended
}

// of is what is known of a digest so far.
func (s *simulation) of(r Replayed) *simulated {
	d, ok := s.digests[r.Digest.Name]
	if !ok {
		d = &simulated{Simulated: Simulated{
			Digest: r.Digest.Name, title: r.Digest.Title, LeftOut: map[string]int{}, Categories: map[string]int{}, Sources: map[string]int{}, Slots: []SimulatedSlot{},
		}, windowFrom: r.FirstWindow}
		s.digests[r.Digest.Name] = d
		s.order = append(s.order, d)
	}
	return d
}

func (s *simulation) slot(r Replayed) error {
	d := s.of(r)
	loc, err := time.LoadLocation(r.Slot.Zone)
	if err != nil {
		loc = time.UTC
	}
	at := SimulatedSlot{
		Slot: r.Slot.Instant.UTC(), Local: r.Slot.Instant.In(loc), Zone: r.Slot.Zone, State: stateSkipped,
		LeftOut: map[string]int{}, Categories: map[string]int{}, Sources: map[string]int{},
	}
	if r.Slot.State == digest.SlotSkipped {
		at.Reason = r.Slot.Reason
	} else if err := s.publish(r, d, &at); err != nil {
		return err
	}
	d.add(at)
	return nil
}

// publish makes the edition of a slot, or finds why there is none.
func (s *simulation) publish(r Replayed, d *simulated, at *SimulatedSlot) error {
	from := d.windowFrom
	m := digest.Material{
		Digest: r.Digest, Candidates: s.candidates(r.Digest, from, r.Slot.Instant),
		Edition: digest.Edition{
			Digest: r.Digest.Name, Title: r.Digest.Title, Kind: digest.KindSlot, Number: d.Editions + 1, Slot: r.Slot.Key, Instant: r.Slot.Instant,
			Zone: r.Slot.Zone, Language: r.Digest.Language, WindowFrom: from, WindowTo: r.Slot.Instant, Published: r.Slot.Instant,
		},
	}
	s.mark(&m)
	if len(m.Candidates) > 0 { // only they are folded into what was sent
		m.Sent = s.sent(r.Slot.Instant.Add(-foldingSpan))
	}
	m.Groups = []digest.Group{{Key: 1, Language: r.Digest.Language, Zone: r.Slot.Zone, Since: from, Had: s.hadOn(m), Readers: 1}}
	at.Candidates = len(m.Candidates)
	c, err := s.compose(m)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(c.Variants, func(d digest.Draft) bool { return slices.Contains(d.Groups, 1) })
	if i < 0 {
		return fmt.Errorf("the reader got no draft")
	}
	draft := c.Variants[i]
	if draft.Reason != "" {
		at.Reason = draft.Reason // nothing counts as had, and the articles wait
		return nil
	}
	at.State, at.Edition, d.windowFrom = string(digest.SlotPublished), d.Editions+1, r.Slot.Instant
	s.keep(m, c, draft)
	at.count(c, draft)
	return nil
}

// mostCandidates is how many articles an edition looks at: the newest.
const mostCandidates = 5000

// candidates are the articles of a digest's categories in a window, newest
// first.
func (s *simulation) candidates(d digest.Digest, from, to time.Time) []digest.Candidate {
	after := func(t time.Time) int {
		i, _ := slices.BinarySearchFunc(s.articles, t, func(a digest.Article, t time.Time) int {
			if a.FirstSeen.After(t) {
				return 1
			}
			return -1
		})
		return i
	}
	var list []digest.Candidate
	for i := after(to) - 1; i >= after(from) && len(list) < mostCandidates; i-- {
		a := s.articles[i]
		if carries(d, a) {
			list = append(list, digest.Candidate{Article: a, Story: s.stories[a.ID]})
		}
	}
	return list
}

// mark adds what editors had decided by then: the marks, what is pinned from
// outside the window, and what was dropped lately, for later tellings to fold
// into.
func (s *simulation) mark(m *digest.Material) {
	at := m.Edition.Instant
	for _, mark := range s.marks {
		if !mark.InForce(m.Digest.Name, at) {
			continue
		}
		mark.Story = s.stories[mark.Article]
		m.Marks = append(m.Marks, mark)
		i, known := s.byID[mark.Article]
		if !known || s.articles[i].FirstSeen.After(at) {
			continue
		}
		a := s.articles[i]
		switch {
		case mark.Kind == digest.MarkDrop:
			if a.FirstSeen.After(at.Add(-foldingSpan)) {
				m.Dropped = append(m.Dropped, digest.Story{ID: mark.Story, Articles: []digest.Article{a}})
			}
		case slices.ContainsFunc(m.Candidates, func(c digest.Candidate) bool { return c.ID == a.ID }):
		case mark.Digest != "" || carries(m.Digest, a):
			m.Candidates = append(m.Candidates, digest.Candidate{Article: a, Story: mark.Story})
		}
	}
}

// carries says whether an article is of one of the digest's categories.
func carries(d digest.Digest, a digest.Article) bool {
	return len(d.Categories) == 0 || digest.FirstCategory(d.Categories, a.AllCategories()) != ""
}

// sent are the stories that editions had to tell lately.
func (s *simulation) sent(since time.Time) []digest.Story {
	s.told = slices.DeleteFunc(s.told, func(t toldStory) bool { return !t.at.After(since) })
	seen := map[digest.StoryID]bool{}
	var list []digest.Story
	for _, t := range s.told {
		if !seen[t.id] {
			seen[t.id] = true
			list = append(list, digest.Story{ID: t.id, Articles: s.tellings[t.id-1]})
		}
	}
	return list
}

// hadOn are the stories that a reader of the digest's lists had, of those that
// the material can tell: a year holds many more.
func (s *simulation) hadOn(m digest.Material) (ids []digest.StoryID) {
	had := func(id digest.StoryID) {
		if slices.ContainsFunc(s.had[id], func(l string) bool { return slices.Contains(m.Digest.Lists, l) }) {
			ids = append(ids, id)
		}
	}
	for _, c := range m.Candidates {
		had(c.Story)
	}
	for _, story := range slices.Concat(m.Sent, m.Dropped) {
		had(story.ID)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// keep writes down what publishing would.
func (s *simulation) keep(m digest.Material, c digest.Composition, draft digest.Draft) {
	articles := make(map[digest.ArticleID]digest.Article, len(m.Candidates))
	for _, candidate := range m.Candidates {
		articles[candidate.ID] = candidate.Article
	}
	for i, f := range c.Stories {
		id := f.Told.Story
		if id == 0 {
			s.tellings = append(s.tellings, nil)
			id = digest.StoryID(len(s.tellings))
		}
		for _, article := range f.Articles {
			if s.stories[article] == 0 {
				s.stories[article] = id
				s.tellings[id-1] = append(s.tellings[id-1], articles[article])
			}
		}
		s.told = append(s.told, toldStory{m.Edition.Instant, id})
		if slices.Contains(draft.Stories, i) {
			s.hadBy(id, m.Digest.Lists)
		}
	}
}

// hadBy notes that readers of the lists had a story.
func (s *simulation) hadBy(id digest.StoryID, lists []string) {
	for _, l := range lists {
		if !slices.Contains(s.had[id], l) {
			s.had[id] = append(s.had[id], l)
		}
	}
}

// count adds up what the edition told and left out.
func (at *SimulatedSlot) count(c digest.Composition, draft digest.Draft) {
	at.Stories = len(draft.Stories)
	for i, f := range c.Stories {
		if n := len(f.Articles) - 1; n > 0 {
			at.LeftOut[foldedArticles] += n
		}
		if reason, left := draft.LeftOut[i]; left {
			at.LeftOut[reason]++
			continue
		}
		at.Categories[cmp.Or(f.Told.Category, noCategory)]++
		at.Sources[f.Told.Source]++
	}
}

// noCategory stands for stories without one.
const noCategory = "(none)"

// add takes a slot into the digest's sums.
func (d *simulated) add(at SimulatedSlot) {
	d.Slots = append(d.Slots, at)
	if at.State == stateSkipped {
		d.Skipped++
		return
	}
	d.Editions++
	d.Stories += at.Stories
	for _, sum := range []struct{ to, of map[string]int }{{d.LeftOut, at.LeftOut}, {d.Categories, at.Categories}, {d.Sources, at.Sources}} {
		for name, n := range sum.of {
			sum.to[name] += n
		}
	}
}
