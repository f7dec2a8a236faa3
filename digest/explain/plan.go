package explain

import (
	"fmt"
	"slices"
	"time"

	"courant/digest"
)

// Coming is a slot ahead, with what its edition would be made from if it were
// published now.
type Coming struct {
	Digest   digest.Digest
	Slot     digest.Slot // SlotSkipped with its Reason where nothing will be published
	Remark   string      // what a change of the clock does to it; empty: nothing
	Warnings []string    // what is to be said of the schedule
	Material digest.Material
}

// Planned is one slot of a plan, as --json gives it.
type Planned struct {
	Digest   string           `json:"digest"`
	Slot     time.Time        `json:"slot"`  // the instant, UTC
	Local    time.Time        `json:"local"` // the same instant on the zone's clock
	Zone     string           `json:"zone"`
	Articles []PlannedArticle `json:"articles"` // of the digest's own choice
	LeftOut  []NotPlanned     `json:"left_out"`
	Readers  int              `json:"readers"`  // who would get a mail; for a later slot of the digest: who is there now
	Variants int              `json:"variants"` // renders it takes; zero: not known yet
	Warnings []string         `json:"warnings"`

	title   string
	skipped string
	later   bool      // Readers is who is there now, Variants is not known
	unsaid  string    // the warning that text has another way to tell
	always  []string  // the warnings that hold for every slot of the digest
	since   time.Time // where the window begins; zero: not known
	own     int       // how many of Articles are the digest's own choice; the rest goes to some readers only
}

// PlannedArticle is an article that a slot would carry.
type PlannedArticle struct {
	Title      string            `json:"title"`
	URL        string            `json:"url"`
	Category   string            `json:"category"`
	PointsFrom digest.PointsFrom `json:"points_from"`
	Why        string            `json:"why"`

	source    string
	firstSeen time.Time
	rank      string // Why without the moment: text shows that in the digest's zone
}

// NotPlanned is an article that a slot would not carry on its own.
type NotPlanned struct {
	Title string `json:"title"`
	Why   string `json:"why"`
}

// Plan says what each slot would carry, by the decisions that compose takes.
// Slots come in order of time. What is there now goes to the next slot of its
// digest and zone; what later ones will carry has not been written yet, and
// the plan says so.
func Plan(coming []Coming, compose func(digest.Material) (digest.Composition, error)) ([]Planned, error) {
	type place struct{ digest, zone string }
	taken := map[place]Planned{} // the slot that takes what is there now
	plan := make([]Planned, 0, len(coming))
	for _, c := range coming {
		p := begin(c)
		at := place{c.Digest.Name, c.Slot.Zone}
		first, later := taken[at]
		switch {
		case c.Slot.State == digest.SlotSkipped:
			p.skipped = c.Slot.Reason
			p.unsaid = p.warn("nothing will be published: " + c.Slot.Reason)
		case later:
			p.later = true
			p.Readers = first.Readers
			p.unsaid = p.warn("its articles come in after the edition of " + first.Local.Format("Mon 2 January 15:04") + "; readers are counted as for that one")
		default:
			if err := p.fill(c, compose); err != nil {
				return nil, fmt.Errorf("plan %s of %s: %w", c.Slot.Key, c.Digest.Name, err)
			}
			taken[at] = p
		}
		plan = append(plan, p)
	}
	return plan, nil
}

func begin(c Coming) Planned {
	loc, err := time.LoadLocation(c.Slot.Zone)
	if err != nil {
		loc = time.UTC
	}
	p := Planned{
		Digest: c.Digest.Name, title: c.Digest.Title, Slot: c.Slot.Instant.UTC(), Local: c.Slot.Instant.In(loc), Zone: c.Slot.Zone,
		Articles: []PlannedArticle{}, LeftOut: []NotPlanned{}, Warnings: []string{},
	}
	p.always = c.Warnings
	p.warn(c.Remark)
	for _, w := range c.Warnings {
		p.warn(w)
	}
	return p
}

func (p *Planned) warn(w string) string {
	if w != "" {
		p.Warnings = append(p.Warnings, w)
	}
	return w
}

// fill asks compose what would be published now.
func (p *Planned) fill(c Coming, compose func(digest.Material) (digest.Composition, error)) error {
	composition, err := compose(c.Material)
	if err != nil {
		return err
	}
	p.count(c.Material.Groups, composition.Variants)
	shown, ok := archived(composition.Variants)
	if !ok {
		return nil
	}
	seen := map[digest.ArticleID]digest.Candidate{}
	for _, a := range c.Material.Candidates {
		seen[a.ID] = a
	}
	p.own, p.since = len(shown.Stories), c.Material.Edition.WindowFrom
	carried := map[int]bool{}
	for _, i := range p.carried(shown, composition.Variants) {
		carried[i] = true
		p.tell(i, composition.Stories, seen)
	}
	for i, f := range composition.Stories {
		if reason, left := shown.LeftOut[i]; left && !carried[i] {
			p.LeftOut = append(p.LeftOut, NotPlanned{f.Told.Title, reason})
		}
		p.folded(f, seen)
	}
	if p.Readers == 0 {
		p.warn(shown.Reason)
	}
	return nil
}

// carried lists the stories that any reader would get, or that the digest's
// own choice has: that first, then what other variants carry beside it, such
// as a week's stories for those who read it weekly.
func (p *Planned) carried(shown digest.Draft, drafts []digest.Draft) []int {
	list := slices.Clone(shown.Stories)
	for _, d := range drafts {
		if d.Reason != "" || len(d.Groups) == 0 {
			continue
		}
		for _, i := range d.Stories {
			if !slices.Contains(list, i) {
				list = append(list, i)
			}
		}
	}
	return list
}

// count adds up who would get a mail, and how many renders that takes.
func (p *Planned) count(groups []digest.Group, drafts []digest.Draft) {
	readers := map[int64]int{}
	total := 0
	for _, g := range groups {
		readers[g.Key] += g.Readers
		total += g.Readers
	}
	for _, d := range drafts {
		n := 0
		for _, key := range d.Groups {
			n += readers[key]
		}
		if d.Reason == "" && n > 0 {
			p.Readers += n
			p.Variants++
		}
	}
	switch {
	case total == 0:
		p.warn("no reader is due for it: nobody is subscribed to its lists, or all have had what they want of it")
	case p.Readers < total:
		p.warn(fmt.Sprintf("%d of %d readers get nothing: too little is left of what they chose and have not had", total-p.Readers, total))
	}
}

// archived is the draft of the digest's own choice.
func archived(drafts []digest.Draft) (digest.Draft, bool) {
	i := slices.IndexFunc(drafts, func(d digest.Draft) bool { return d.Default })
	if i < 0 {
		return digest.Draft{}, false
	}
	return drafts[i], true
}

// tell adds the story at index i; stories are in order of rank.
func (p *Planned) tell(i int, stories []digest.Fold, seen map[digest.ArticleID]digest.Candidate) {
	t := stories[i].Told
	article := PlannedArticle{Title: t.Title, URL: t.URL, Category: t.Category, PointsFrom: t.PointsFrom, source: t.Source}
	article.rank = fmt.Sprintf("number %d of %d by newness", i+1, len(stories))
	article.Why = article.rank
	if a, ok := seen[t.Article]; ok {
		article.firstSeen = a.FirstSeen
		article.Why += ", first seen " + stamp(a.FirstSeen)
	}
	more := ""
	if n := len(stories[i].Articles); n > 1 {
		more = fmt.Sprintf(", told in %d articles", n)
	} else if stories[i].Why != "" {
		more = ", " + stories[i].Why
	}
	article.Why, article.rank = article.Why+more, article.rank+more
	p.Articles = append(p.Articles, article)
}

// folded lists the articles of a story that it is not shown by.
func (p *Planned) folded(f digest.Fold, seen map[digest.ArticleID]digest.Candidate) {
	for _, id := range f.Articles {
		if a, ok := seen[id]; ok && id != f.Told.Article {
			p.LeftOut = append(p.LeftOut, NotPlanned{a.Title, fmt.Sprintf("folded into %q at %s", f.Told.Title, f.Told.Source)})
		}
	}
}
