package explain

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"courant/digest"
)

// WritePlan writes a plan for people: each slot with what it would carry, and
// in between a line for each slot of which nothing is known yet.
func WritePlan(w io.Writer, plan []Planned, look Look) error {
	s := &sheet{look: look}
	if len(plan) == 0 {
		s.line(0, piece{text: "no slot is due in that time"})
	}
	told := map[string]bool{} // what holds for every slot is said once
	for rest := plan; len(rest) > 0; {
		if len(rest) < len(plan) {
			s.line(0)
		}
		if rest[0].known() {
			s.edition(rest[0], told)
			rest = rest[1:]
			continue
		}
		n := slices.IndexFunc(rest, Planned.known)
		if n < 0 {
			n = len(rest)
		}
		s.slots(rest[:n], told)
		rest = rest[n:]
	}
	_, err := w.Write(s.out.Bytes())
	return err
}

// known says whether the plan tells what the slot would carry.
func (p Planned) known() bool { return !p.later && p.skipped == "" }

// edition sets a slot with all that its edition would carry.
func (s *sheet) edition(p Planned, told map[string]bool) {
	s.heading(p.Digest, p.title, p.Local, p.Zone)
	to := piece{text: "  to " + times(p.Readers, "reader")}
	switch {
	case p.Readers == 0:
		to = piece{warning, "  to nobody"}
	case p.Variants > 1:
		to.text += " in " + times(p.Variants, "variant")
	}
	since := piece{tone: faint}
	if !p.since.IsZero() {
		since.text = ", of what came in since " + moment(p.since.In(p.Local.Location()))
	}
	s.line(4, to, since)
	if about := p.weight(); about != "" {
		s.line(4, piece{faint, "  " + about})
	}
	s.warnings(2, p, told)
	s.articles(p)
	s.leftOut(p.LeftOut)
}

// weight is who the readers are, how large their mail is and how long it takes
// to carry it away.
func (p Planned) weight() string {
	var notes []string
	if p.Readers > 0 {
		for _, l := range p.Lists {
			notes = append(notes, fmt.Sprintf("%s %d", l.List, l.Readers))
		}
		if len(notes) > 0 {
			notes = []string{"lists: " + strings.Join(notes, ", ")}
		}
	}
	if p.Size != nil {
		notes = append(notes, fmt.Sprintf("HTML %s, text %s", kilobytes(p.Size.HTML), kilobytes(p.Size.Text)))
	}
	if p.OutBy != nil {
		notes = append(notes, "out in "+long(time.Duration(*p.TakesSeconds)*time.Second)+" ("+p.pace+")")
	}
	return joined(notes)
}

// heading names an edition: its digest, by title and by the name that commands
// take, and its moment on the zone's clock.
func (s *sheet) heading(name, title string, local time.Time, zone string) {
	head := []piece{{strong, cmp.Or(title, name)}}
	if title != "" && title != name {
		head = append(head, piece{faint, " (" + name + ")"})
	}
	head = append(head, piece{text: "  " + day(local) + ", " + clock(local) + " " + zone})
	s.line(4, append(head, piece{faint, inUTC(local)})...)
}

// warnings sets what is to be said of a slot, each once.
func (s *sheet) warnings(indent int, p Planned, told map[string]bool) {
	for _, w := range p.Warnings {
		about := p.Digest + "\n" + w
		if w == p.unsaid || told[about] {
			continue
		}
		told[about] = slices.Contains(p.always, w)
		s.line(indent+2, piece{warning, strings.Repeat(" ", indent) + "! " + w})
	}
}

// articles sets what an edition would carry, in its order.
func (s *sheet) articles(p Planned) {
	if len(p.Articles) == 0 {
		return
	}
	s.line(0)
	var categories []string
	for _, a := range p.Articles {
		categories = append(categories, a.Category)
	}
	number := len(strconv.Itoa(len(p.Articles)))
	category := widest(widestCategory, categories...)
	for i, a := range p.Articles {
		if i == p.own {
			if i > 0 {
				s.line(0)
			}
			s.line(4, piece{strong, "  For some readers only"}, piece{faint, ", by their choices or what they have not had"})
		}
		hang := s.headline(number, category, i+1, a.Category, a.Title)
		notes := []string{pointsWord(a.PointsFrom), a.source, a.seen(p.Local.Location()), a.rank}
		if a.readers > 0 && a.readers < p.Readers {
			notes = append(notes, fmt.Sprintf("for %d of %s", a.readers, times(p.Readers, "reader")))
		}
		s.line(hang, piece{faint, strings.Repeat(" ", hang) + joined(notes)})
	}
}

// widestCategory is where a category stops making the others wait for it.
const widestCategory = 16

// headline sets an article's number, category and title, and says at which
// column the title stands.
func (s *sheet) headline(number, category, i int, name, title string, behind ...piece) int {
	head := []piece{{faint, fmt.Sprintf("  %*d  ", number, i)}}
	hang := number + 4
	if category > 0 {
		head = append(head, piece{section, pad(name, category)}, piece{text: "  "})
		hang += category + 2
	}
	if room := s.columns(); room > 0 {
		hang = min(hang, room/2)
	}
	s.line(hang, append(append(head, piece{text: title}), behind...)...)
	return hang
}

// leftOut sets what an edition would not carry, by the reason.
func (s *sheet) leftOut(left []NotPlanned) {
	if len(left) == 0 {
		return
	}
	s.line(0)
	s.line(4, piece{strong, "  Left out"})
	for _, why := range reasons(left, func(l NotPlanned) string { return l.Why }) {
		s.line(6, piece{faint, "    " + why})
		for _, l := range left {
			if l.Why == why {
				s.line(8, piece{faint, "      - "}, piece{text: l.Title})
			}
		}
	}
}

// reasons lists the reasons of what was left out, each once.
func reasons[T any](left []T, reason func(T) string) []string {
	var list []string
	for _, l := range left {
		if r := reason(l); !slices.Contains(list, r) {
			list = append(list, r)
		}
	}
	return list
}

// slots sets slots of which nothing more is known, a line each.
func (s *sheet) slots(plan []Planned, told map[string]bool) {
	if slices.ContainsFunc(plan, func(p Planned) bool { return p.later }) {
		head := []piece{{strong, "Later"}, {faint, ", with what comes in until then; readers are counted as of now"}}
		if told[""] {
			head = head[:1]
		}
		told[""] = true
		s.line(2, head...)
	}
	var days, clocks, names []string
	for _, p := range plan {
		days, names = append(days, day(p.Local)), append(names, cmp.Or(p.title, p.Digest))
		clocks = append(clocks, clock(p.Local)+" "+p.Zone+inUTC(p.Local))
	}
	for i, p := range plan {
		row := []piece{
			{text: "  " + pad(days[i], widest(30, days...)) + "  "},
			{faint, pad(clocks[i], widest(40, clocks...)) + "  "},
			{strong, pad(names[i], widest(30, names...)) + "  "},
		}
		if p.skipped != "" {
			row = append(row, piece{bad, "skipped"}, piece{faint, ": " + strings.TrimPrefix(p.skipped, "skip: ")})
		} else {
			row = append(row, piece{text: ifNews(p.Readers)})
		}
		s.line(6, row...)
		s.warnings(4, p, told)
	}
}

// pointsWord says where key points come from, to those who don't know the
// names by heart.
func pointsWord(from digest.PointsFrom) string {
	switch from {
	case digest.PointsPage:
		return "the page's own points"
	case digest.PointsFeed:
		return "the feed's own points"
	case digest.PointsDescription:
		return "the publisher's description"
	case digest.PointsLead:
		return "first sentences"
	case digest.PointsModel:
		return "a model's points"
	}
	return "no points"
}

// seen is since when an article counts, on the zone's clock.
func (a PlannedArticle) seen(loc *time.Location) string {
	if a.firstSeen.IsZero() {
		return ""
	}
	return a.counted() + moment(a.firstSeen.In(loc))
}

// ifNews is who would get an edition of which nothing is written yet.
func ifNews(readers int) string {
	if readers == 0 {
		return "no reader as of now"
	}
	return times(readers, "reader") + ", if there is news"
}

func moment(t time.Time) string { return t.Format("Mon 2 January, 15:04") }

// joined is the notes that have something to say.
func joined(notes []string) string {
	return strings.Join(slices.DeleteFunc(notes, func(s string) bool { return s == "" }), " · ")
}

func day(t time.Time) string   { return t.Format("Mon 2 January 2006") }
func clock(t time.Time) string { return t.Format("15:04") }

// inUTC is the same moment for those who compare it with a log; nothing where
// it would be said twice.
func inUTC(local time.Time) string {
	utc := local.UTC()
	switch _, offset := local.Zone(); {
	case offset == 0:
		return ""
	case digest.DateOf(utc) == digest.DateOf(local):
		return " (" + clock(utc) + " UTC)"
	}
	return " (" + utc.Format("Mon 15:04") + " UTC)"
}
