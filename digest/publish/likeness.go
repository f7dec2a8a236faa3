package publish

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// likeness is how far two readings tell the same event.
type likeness struct {
	least, most float64 // how much of either headline the other text tells, 0 to 1
	headlines   float64 // how much the headlines share, 0 to 1
	shared      float64 // weight of all that is shared
	names       float64 // weight of the names that are shared
	figures     float64 // weight of the numbers that are shared
	foreign     float64 // names in a headline that the other text doesn't have: the smaller of the two
	others      float64 // share of the names that only one has, where both have such: 0 to 1
	clash       float64 // 1: either headline has a number that the other text doesn't
	slots       float64 // whom or what a headline is about and the other text doesn't have: the smaller of the two
	swapped     float64 // the same, the more the headlines share
	differ      float64 // long numbers, where both texts have such and share none
	subjects    float64 // the same as slots, and figures, weekdays and what may be a name for all that shows
	placed      float64 // weight of the shared names that a headline has
	calamity    bool    // both tell of one kind of disaster
	within      float64 // how much of the shorter text the longer one has, 0 to 1
}

// points weighs a likeness: above zero it is one event. The weights are those
// that best tell apart the pairs of testdata/fold/tuned.txt, rounded. What one
// text tells of the other's headline, names and figures speak for one event;
// against it speaks whatever both have for themselves, headlines that share
// more than their texts do (two events of one kind), and time.
func (l likeness) points(apart time.Duration) float64 {
	forIt := 2.1*l.least + 3*l.most + 2.9*math.Log1p(min(l.shared, 15)) + 0.33*min(l.names, 6) + min(l.figures, 2.5)
	against := 1.75*l.headlines + 1.5*min(l.foreign, 3) + 3*l.others + 1.9*l.clash + 1.8*l.differ + 1.3*l.swapped +
		1.4*max(0, 0.25-l.least) + 0.6*apart.Hours()/24
	return forIt - against - demanded
}

// demanded is how much more has to speak for one event than against it.
const demanded = 7

// compare measures two readings.
func compare(a, b *reading) likeness {
	var l likeness
	var headA, headB, both, namesBoth float64
	var onlyA, onlyB lonely
	i, j := 0, 0
	for i < len(a.terms) || j < len(b.terms) {
		switch {
		case j == len(b.terms) || i < len(a.terms) && a.terms[i].id < b.terms[j].id:
			t := &a.terms[i]
			i++
			onlyA.count(t, b)
		case i == len(a.terms) || b.terms[j].id < a.terms[i].id:
			t := &b.terms[j]
			j++
			onlyB.count(t, a)
		default:
			s, t := &a.terms[i], &b.terms[j]
			i, j = i+1, j+1
			w := max(s.weight, t.weight)
			l.shared += w
			l.calamity = l.calamity || s.calamity && t.calamity
			if s.head {
				headA += s.weight
			}
			if t.head {
				headB += t.weight
			}
			if s.head && t.head {
				both += (s.weight + t.weight) / 2
			}
			if (s.head || t.head) && (s.kind == name || t.kind == name || s.slot || t.slot) {
				l.placed += w
			}
			switch {
			case s.kind == number:
				l.figures += w
			case s.kind == name || t.kind == name:
				l.names += w
				namesBoth += w
			}
		}
	}
	if a.head > 0 && b.head > 0 {
		ca, cb := headA/a.head, headB/b.head
		l.least, l.most = min(ca, cb), max(ca, cb)
		l.headlines = 2 * both / (a.head + b.head)
	}
	l.subjects = min(onlyA.subjects, onlyB.subjects)
	l.within = min(1, l.shared/max(1, min(a.whole, b.whole)))
	l.slots = min(onlyA.slots, onlyB.slots, 2)
	l.swapped = l.slots * l.headlines
	l.foreign = min(onlyA.foreign, onlyB.foreign)
	if m := min(onlyA.names, onlyB.names) + namesBoth; m > 0 {
		l.others = min(onlyA.names, onlyB.names) / m
	}
	l.clash = min(onlyA.headNumbers, onlyB.headNumbers, 1)
	if l.figures < 1 {
		l.differ = min(onlyA.numbers, onlyB.numbers, 2)
	}
	return l
}

// lonely is what one text has and the other doesn't.
type lonely struct{ slots, subjects, names, foreign, numbers, headNumbers float64 }

func (l *lonely) count(t *term, other *reading) {
	if t.kind == number {
		l.countFigure(t)
		return
	}
	if !t.subject && t.kind != name || other.begins(t) {
		return
	}
	if t.slot {
		l.slots += t.weight
	}
	if t.subject {
		l.subjects += t.weight
	}
	if t.kind == name {
		l.names += t.weight
		if t.head {
			l.foreign += t.weight
		}
	}
}

func (l *lonely) countFigure(t *term) {
	if t.toll {
		return
	}
	if t.weight >= 1 {
		l.numbers++
	}
	if t.head {
		l.headNumbers++
		l.subjects += t.weight
	}
}

// begins says that a text has a word that begins as the term does: "Hamburger"
// stands for "Hamburg".
func (r *reading) begins(t *term) bool {
	if t.start == 0 {
		return false
	}
	return r.has(t.start)
}

// find gives the place of a term among a text's.
func (r *reading) find(id uint64) (at int, ok bool) {
	if r.marks[id>>6&7]&(1<<(id&63)) == 0 {
		return 0, false
	}
	return slices.BinarySearch(r.ids, id)
}

// judge says how many points speak for two tellings being one story, and why
// not where something rules it out. Two texts in mostly the same words have
// more than any others.
func judge(a, b *telling) (points float64, against string) {
	l := compare(&a.reading, &b.reading)
	if against = a.against(b, l); against != "" {
		return math.Inf(-1), against
	}
	if a.print.alike(b.print) {
		return copied + float64(64-a.print.distance(b.print)), ""
	}
	points = l.points(a.at.Sub(b.at).Abs())
	points += a.rules(b, l)
	for i, m := range a.moves {
		if n := b.moves[i]; m[0] != m[1] && n[0] != n[1] && m[0] != n[0] {
			points -= opposed
		}
	}
	return points, ""
}

// rules are the points of what is seldom there, and says much then.
func (t *telling) rules(o *telling, l likeness) (points float64) {
	if l.calamity && l.placed > 0.9 && t.tolled && o.tolled && t.at.Sub(o.at).Abs() <= 24*time.Hour {
		points += oneDisaster
	}
	if t.another(&o.reading) || o.another(&t.reading) {
		points -= another
	}
	if l.headlines < kindred {
		points += within * max(0, l.within-0.6)
	}
	if t.bare && o.bare && l.shared >= bareShared {
		points += bare - min(l.subjects, 2)
	}
	return points
}

const (
	copied  = 100 // points of two texts in mostly the same words
	opposed = 3   // what one headline with "rises" and one with "falls" lose
	// oneDisaster is what a kind of disaster, its place and a toll are worth
	// within a day.
	oneDisaster = 2
	// another is what an event loses that one headline counts as one of several
	// and the other text doesn't know.
	another = 2
	// within is what a short text gains that stands in a longer one as a whole,
	// by the part above three fifths.
	within = 8
	// bare is what two headlines without a text are worth more: there is less
	// that could be shared.
	bare, bareShared = 1.5, 3
)

// against is what rules out that two tellings are one story, however much
// they share.
func (t *telling) against(o *telling, l likeness) string {
	switch {
	case foreign(t.reading.language, o.reading.language):
		// A reader of one of the languages would be sent the other one.
		return "two languages"
	case t.genre != o.genre:
		return fmt.Sprintf("%s beside %s", cmp.Or(t.genre, "news"), cmp.Or(o.genre, "news"))
	case slices.Contains([]string{"column", "opinion", "review", "tribute"}, t.genre) && (l.subjects >= 2*swaps || !t.print.alike(o.print)):
		return "two pieces of a " + t.genre
	case l.clash > 0 && l.headlines > 0.6 && !sameWords(t.title, o.title):
		return "one headline with other numbers"
	case l.subjects >= swaps && framed(t.title, o.title):
		return "one headline about two"
	case l.headlines > 0.7 && l.subjects > 0.5:
		return "one headline about two"
	case l.headlines >= kindred && l.subjects >= 2*swaps && t.print.alike(o.print):
		return "two texts of one form"
	case falls(t, o):
		return "a toll that falls"
	case l.headlines >= 0.6 && (t.another(&o.reading) || o.another(&t.reading)):
		return "one event and another"
	case t.earlierStage(&o.reading) || o.earlierStage(&t.reading):
		return "two stages of a contest"
	case !slices.Equal(t.serial, o.serial) && len(t.serial) > 0 && len(o.serial) > 0:
		return "parts of a series"
	case t.Source == o.Source && l.subjects >= swaps:
		return "one source, two subjects"
	case t.Source == o.Source:
		return t.repeats(o)
	case l.most < 0.25 && t.head > 0 && o.head > 0:
		return "headlines of which neither text tells"
	}
	return ""
}

// foreign says that two languages are known to be two. Few words don't tell
// Japanese from Chinese, nor the languages of the north from one another.
func foreign(a, b string) bool {
	for _, near := range [...][2]string{{"ja", "zh"}, {"da", "sv"}} {
		if slices.Contains(near[:], a) && slices.Contains(near[:], b) {
			return false
		}
	}
	return a != "" && b != "" && a != b
}

// repeats says why two pieces of one source are not the same piece put out
// twice. A source that tells an event twice has something new to tell; a
// headline of few words comes again each day.
func (t *telling) repeats(o *telling) string {
	switch {
	case !sameWords(t.title, o.title):
		return "one source, two headlines"
	case !t.print.alike(o.print):
		return "one source, two texts"
	case t.at.Sub(o.at).Abs() > repeatWithin && len(t.title) < 5:
		return "a headline that comes again"
	}
	return ""
}

// repeatWithin is how soon a source puts the same piece out twice by mistake;
// later it is a column.
const repeatWithin = 18 * time.Hour

// sameWords says that two headlines have nearly all words in common, and all
// numbers.
func sameWords(a, b []string) bool {
	common := 0
	for _, w := range a {
		if slices.Contains(b, w) {
			common++
		} else if isNumber(w) {
			return false
		}
	}
	for _, w := range b {
		if isNumber(w) && !slices.Contains(a, w) {
			return false
		}
	}
	return 4*common >= 3*max(len(a), len(b))
}

// because says in plain words what ties two tellings together.
func because(a, b *telling) string {
	if a.print.alike(b.print) {
		return sameText
	}
	var head, text []term
	for i := range a.terms {
		s := &a.terms[i]
		j, ok := b.find(s.id)
		if !ok || s.kind == part && !unspaced(first(s.key)) {
			continue
		}
		if b.terms[j].head && s.head {
			head = append(head, *s)
		} else {
			text = append(text, *s)
		}
	}
	why := sameEventBy
	if len(head) > 0 {
		why += "headlines share " + heaviest(head, 4)
	}
	if len(text) > 0 {
		if len(head) > 0 {
			why += "; "
		}
		why += "texts share " + heaviest(text, 5)
	}
	return why
}

// heaviest lists the terms that tie most, as the text has them.
func heaviest(list []term, most int) string {
	slices.SortFunc(list, func(a, b term) int {
		return cmp.Or(cmp.Compare(b.weight, a.weight), cmp.Compare(b.kind, a.kind), cmp.Compare(a.shown, b.shown))
	})
	var shown []string
	for _, t := range list[:min(most, len(list))] {
		shown = append(shown, t.shown)
	}
	return strings.Join(shown, ", ")
}
