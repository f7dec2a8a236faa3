package explain

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"courant/digest"
)

// Coming is a slot ahead, with what its edition would be made from if it were
// published now.
type Coming struct {
	Digest   digest.Digest
	Slot     digest.Slot // SlotSkipped with its Reason where nothing will be published
	Remark   string      // what a change of the clock does to it; empty: nothing
	Apart    string      // what a change of the clock since the last slot does to the time between them; empty: nothing
	Next     time.Time   // the next slot of the digest in the zone; zero: none that matters
	Warnings []string    // what is to be said of the schedule
	Follows  bool        // only for those who came to the zone after its hour there
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
	Readers  int              `json:"readers"`  // who would get a mail; for a later slot of the digest: who would if there is news
	Variants int              `json:"variants"` // renders it takes; zero: not known yet
	Warnings []string         `json:"warnings"`

	Lists        []OnList   `json:"lists"`         // the readers who are due, by list
	Size         *Size      `json:"size"`          // null: not known yet
	TakesSeconds *int       `json:"takes_seconds"` // how long the relays need; null: nobody gets it
	OutBy        *time.Time `json:"out_by"`        // when the last mail is gone, UTC

	// Readers who moved from zone to zone, of a digest of readers' zones.
	Follows bool `json:"follows"` // the slot is over: its edition follows who came to the zone since then
	Brought int  `json:"brought"` // readers of the zone who have the edition by the one they left

	of      digest.Digest
	next    time.Time
	edition digest.Edition
	mails   []digest.Variant // that would be made, those with most readers first
	pace    string           // what TakesSeconds comes from
	title   string
	skipped string
	later   bool      // Readers is who is there now, Variants is not known
	unsaid  string    // the warning that text has another way to tell
	always  []string  // the warnings that hold for every slot of the digest
	since   time.Time // where the window begins; zero: not known
	own     int       // how many of Articles are the digest's own choice or go to all; the rest goes to some readers only
	due     int       // readers who would get a mail if there were enough for them
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
	published bool   // firstSeen is the publisher's date, not the moment of the poll
	readers   int    // who would get it
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
		case c.Follows:
			// Beside the zone's next slot, which takes what comes after it.
			if err := p.fill(c, compose); err != nil {
				return nil, fmt.Errorf("plan %s of %s: %w", c.Slot.Key, c.Digest.Name, err)
			}
		case c.Slot.State == digest.SlotSkipped:
			p.skipped = c.Slot.Reason
			p.unsaid = p.warn("nothing will be published: " + c.Slot.Reason)
		case later:
			p.later = true
			p.Readers, p.Lists = first.due, first.Lists
			p.unsaid = p.warn("its articles come in after the edition of " + first.Local.Format("Mon 2 January 15:04") + "; readers are those who are due for that one, if there is news")
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

// Answered is why nothing will be published for a slot that lies ahead: it was
// skipped before, or the digest's one edition of that day is out, by the
// schedule of before.
func Answered(e digest.Edition) string {
	if e.ID == 0 {
		return e.HeldReason
	}
	return fmt.Sprintf("no. %d is the edition of that day", e.Number)
}

func begin(c Coming) Planned {
	loc, err := time.LoadLocation(c.Slot.Zone)
	if err != nil {
		loc = time.UTC
	}
	p := Planned{
		Digest: c.Digest.Name, title: c.Digest.Title, Slot: c.Slot.Instant.UTC(), Local: c.Slot.Instant.In(loc), Zone: c.Slot.Zone,
		Articles: []PlannedArticle{}, LeftOut: []NotPlanned{}, Warnings: []string{}, Lists: []OnList{},
		of: c.Digest, next: c.Next, Follows: c.Follows, Brought: c.Material.Brought,
	}
	p.warn(p.moved())
	p.always = c.Warnings
	p.warn(c.Remark)
	p.warn(c.Apart)
	for _, w := range c.Warnings {
		p.warn(w)
	}
	return p
}

// moved is what is to be said of readers who moved; empty: nothing.
func (p *Planned) moved() string {
	switch {
	case p.Follows:
		return "its hour in " + p.Zone + " is over: it follows those who came there since, when a clock is looked at next"
	case p.Brought == 1:
		return "1 reader moved to " + p.Zone + " and has this edition by the zone before: it does not come again"
	case p.Brought > 1:
		return fmt.Sprintf("%d readers moved to %s and have this edition by the zone before: it does not come again", p.Brought, p.Zone)
	}
	return ""
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
	a := newAudience(c.Material.Groups, composition.Variants)
	p.count(a, composition.Variants)
	for _, l := range c.Digest.Lists {
		p.Lists = append(p.Lists, OnList{l, c.Material.OnLists[l]})
	}
	p.edition, p.mails = c.Material.Edition, mailsOf(composition, a)
	p.older(c.Material)
	shown, ok := archived(composition.Variants)
	if !ok {
		return nil
	}
	seen := map[digest.ArticleID]digest.Candidate{}
	for _, c := range c.Material.Candidates {
		seen[c.ID] = c
	}
	p.since = c.Material.Edition.WindowFrom
	var carried []int
	carried, p.own = a.carried(shown, composition.Variants)
	for _, i := range carried {
		p.tell(i, composition.Stories, seen)
		p.Articles[len(p.Articles)-1].readers = a.gets[i]
	}
	for i, f := range composition.Stories {
		if !slices.Contains(carried, i) {
			why := a.missing(i, shown, composition.Variants)
			if len(f.Articles) == 1 && f.Why != "" {
				why += ": " + f.Why // else its headline was never sent
			}
			p.LeftOut = append(p.LeftOut, NotPlanned{f.Told.Title, why})
		}
		p.folded(f, seen)
	}
	if p.Readers == 0 {
		p.warn(shown.Reason)
	}
	return nil
}

// carried lists the stories that the edition would carry. The first own of them
// are the digest's own choice, as far as any reader of the audience gets it, and
// what all readers get beside it; the rest is what only some get, such as a
// week's stories for those who read it weekly. Where there is no audience yet
// it is the digest's own choice.
func (a audience) carried(shown digest.Draft, drafts []digest.Draft) (list []int, own int) {
	if a.total == 0 {
		return shown.Stories, len(shown.Stories)
	}
	for _, i := range shown.Stories {
		if a.gets[i] > 0 {
			list = append(list, i)
		}
	}
	var some []int
	for _, d := range drafts {
		if d.Reason != "" || a.of(d) == 0 {
			continue
		}
		for _, i := range d.Stories {
			switch {
			case slices.Contains(list, i), slices.Contains(some, i):
			case a.gets[i] == a.receive:
				list = append(list, i)
			default:
				some = append(some, i)
			}
		}
	}
	return append(list, some...), len(list)
}

// audience is who is due for an edition.
type audience struct {
	total   int
	receive int           // who would get a mail
	readers map[int64]int // by group
	gets    map[int]int   // by story: who would get it
}

func newAudience(groups []digest.Group, drafts []digest.Draft) audience {
	a := audience{readers: map[int64]int{}, gets: map[int]int{}}
	for _, g := range groups {
		a.readers[g.Key] += g.Readers
		a.total += g.Readers
	}
	for _, d := range drafts {
		if d.Reason != "" {
			continue
		}
		a.receive += a.of(d)
		for _, i := range d.Stories {
			a.gets[i] += a.of(d)
		}
	}
	return a
}

// of is how many readers a draft has.
func (a audience) of(d digest.Draft) (n int) {
	for _, key := range d.Groups {
		n += a.readers[key]
	}
	return n
}

// missing is why a story is left out for most of those who are due; where
// nobody is, why it is none of the digest's own choice.
func (a audience) missing(story int, shown digest.Draft, drafts []digest.Draft) string {
	most, why := 0, shown.LeftOut[story]
	readers := map[string]int{}
	for _, d := range drafts {
		reason, left := d.LeftOut[story]
		if n := a.of(d); left && n > 0 {
			if readers[reason] += n; readers[reason] > most {
				most, why = readers[reason], reason
			}
		}
	}
	return why
}

// count adds up who would get a mail, and how many renders that takes.
func (p *Planned) count(a audience, drafts []digest.Draft) {
	p.Readers = a.receive
	for _, d := range drafts {
		if d.Reason == "" && a.of(d) > 0 {
			p.Variants++
		}
	}
	switch p.due = a.total; {
	case p.due == 0:
		p.warn("no reader is due for it: nobody is subscribed to its lists, or all have had what they want of it")
	case p.Readers == 0:
		p.warn(fmt.Sprintf("nothing new yet for %s: too little is left of what they chose and have not had; `courant fetch` polls the sources now", times(p.due, "reader")))
	case p.Readers < p.due:
		p.warn(fmt.Sprintf("%d of %d readers get nothing: too little is left of what they chose and have not had", p.due-p.Readers, p.due))
	}
}

// older says how many articles came in too old to be told, and since when
// they would have been new enough: for the reader whose window is the widest.
func (p *Planned) older(m digest.Material) {
	since := m.Edition.WindowFrom
	for _, g := range m.Groups {
		if !g.Since.IsZero() && g.Since.Before(since) {
			since = g.Since
		}
	}
	begins := "the window, which begins " + moment(since.In(p.Local.Location()))
	switch {
	case m.Older == 1:
		p.warn("1 new article is older than " + begins + ": it goes into no edition")
	case m.Older > 1:
		p.warn(fmt.Sprintf("%d new articles are older than %s: they go into no edition", m.Older, begins))
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
	article.rank = fmt.Sprintf("number %d of %d %s", i+1, len(stories), cmp.Or(stories[i].Rank, "by newness"))
	if stories[i].Rank != "" && !strings.HasPrefix(stories[i].Rank, "by ") {
		article.rank = fmt.Sprintf("number %d of %d, %s", i+1, len(stories), stories[i].Rank)
	}
	article.Why = article.rank
	if a, ok := seen[t.Article]; ok {
		article.firstSeen = a.FirstSeen
		// A source that is polled for the first time counts by its own dates.
		article.published = a.FirstSeen.Equal(a.Published)
		article.Why += ", " + article.counted() + stamp(a.FirstSeen)
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

// counted is what happened to an article at the time it counts from.
func (a PlannedArticle) counted() string {
	if a.published {
		return "published "
	}
	return "first seen "
}

// folded lists the articles of a story that it is not shown by.
func (p *Planned) folded(f digest.Fold, seen map[digest.ArticleID]digest.Candidate) {
	for i, id := range f.Articles {
		if a, ok := seen[id]; ok && id != f.Told.Article {
			why := fmt.Sprintf("folded into %q at %s", f.Told.Title, f.Told.Source)
			if i < len(f.Ties) && f.Ties[i] != "" {
				why += ", " + f.Ties[i]
			}
			p.LeftOut = append(p.LeftOut, NotPlanned{a.Title, why})
		}
	}
}
