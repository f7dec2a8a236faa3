package explain

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"time"

	"courant/digest"
)

// WriteSources writes for people how the sources fare, trouble first.
func WriteSources(w io.Writer, list []SourceHealth, now time.Time, look Look) error {
	s := &sheet{look: look}
	list = worstFirst(list, now)
	t := sourceTable{now: now}
	t.measure(list, s.columns())
	if len(list) > 0 {
		t.head(s)
	}
	for _, h := range list {
		t.row(s, h)
	}
	s.line(0)
	s.line(0, t.sum(list)...)
	_, err := w.Write(s.out.Bytes())
	return err
}

// sourceTable are the columns of the list.
type sourceTable struct {
	now  time.Time
	name int
}

const (
	conditionColumn = 7
	perDayColumn    = 6
	ownColumn       = 6
	ageColumn       = 7
)

// otherColumns is what stands beside a name, up to the time of the next poll.
const otherColumns = 66

func (t *sourceTable) measure(list []SourceHealth, room int) {
	names := []string{"source"}
	for _, h := range list {
		names = append(names, h.State.Source.Name)
	}
	most := 32
	if room > 0 {
		most = min(max(room-otherColumns, 12), most)
	}
	t.name = widest(most, names...)
}

func (t *sourceTable) head(s *sheet) {
	s.line(4, piece{faint, pad("", conditionColumn) + "  " + pad("source", t.name) + "  " + left("a day", perDayColumn) + "  " + left("points", ownColumn) + "  " +
		left("newest", ageColumn) + "  " + left("polled", ageColumn) + "  next poll"})
}

// row sets one source: a line of figures, and below it what is wrong and what
// to do.
func (t *sourceTable) row(s *sheet, h SourceHealth) {
	st := h.status(t.now)
	perDay, own := "-", "-"
	if st.PerDay != nil {
		perDay = fmt.Sprintf("%.1f", *st.PerDay)
	}
	if st.OwnPoints != nil {
		own = fmt.Sprintf("%.0f %%", 100**st.OwnPoints)
	}
	s.line(conditionColumn+2,
		piece{conditionTone(st.Condition), pad(string(st.Condition), conditionColumn)}, piece{strong, "  " + pad(st.Source, t.name)},
		piece{text: "  " + left(perDay, perDayColumn) + "  " + left(own, ownColumn) + "  " + left(age(t.now, h.State.Newest), ageColumn) +
			"  " + left(age(t.now, h.State.LastPoll), ageColumn) + "  " + t.next(h.State)})
	indent := strings.Repeat(" ", conditionColumn+2)
	if why := trouble(h.State, t.now); why != "" {
		s.line(len(indent)+2, piece{text: indent + why})
	}
	if st.Next != "" {
		s.line(len(indent)+2, piece{faint, indent + "next: "}, piece{text: st.Next})
	}
}

// next is when a source is polled, in a few words.
func (t *sourceTable) next(s digest.SourceState) string {
	at, _ := nextPoll(s, t.now)
	switch late := t.now.Sub(at); {
	case s.Source.Kind == digest.SourcePush:
		return "pushed"
	case s.Gone:
		return "never"
	case at.IsZero():
		return "at once"
	case late > overdue:
		return "overdue for " + length(late) + ": is `courant serve` running?"
	case late >= 0:
		return "now"
	case s.NotBefore.Equal(at):
		return "in " + length(-late) + " (Retry-After)"
	case s.Failures > 0:
		return "in " + length(-late) + " (back-off)"
	}
	return "in " + length(at.Sub(t.now))
}

// overdue is from when on a poll that was not made is told.
const overdue = 10 * time.Minute

// trouble says what is wrong with a source; empty: nothing.
func trouble(s digest.SourceState, now time.Time) string {
	since := s.TroubleSince(now)
	switch s.Condition(now) {
	case digest.SourceSilent:
		return fmt.Sprintf("no new article for %s, since %s", length(now.Sub(since)), stamp(since))
	case digest.SourceFailing, digest.SourceDead:
		what := times(s.Failures, "failure") + " in a row since " + stamp(since)
		if s.Failures == 0 {
			what = "not read since " + stamp(since)
		}
		text, _ := errorOf(s)
		return what + ": " + cmp.Or(text, "its server asks to be left alone")
	}
	return ""
}

// errorOf is the last error in what happened and what to do: a poll's sentences
// end with that.
func errorOf(s digest.SourceState) (text, next string) {
	text, next, _ = strings.Cut(s.Error, "; ")
	return text, next
}

// sum is the last line: how many are in which condition.
func (t *sourceTable) sum(list []SourceHealth) []piece {
	counts, days := map[digest.SourceCondition]int{}, 0.0
	for _, h := range list {
		counts[h.State.Condition(t.now)]++
		if !h.Figures.Since.IsZero() {
			days = t.now.Sub(h.Figures.Since).Hours() / 24
		}
	}
	row := []piece{{text: times(len(list), "source")}}
	for i, c := range []digest.SourceCondition{digest.SourceDead, digest.SourceSilent, digest.SourceFailing, digest.SourceHeld, digest.SourceNew, digest.SourceUp} {
		if counts[c] == 0 {
			continue
		}
		sep := ", "
		if i == 0 || len(row) == 1 {
			sep = ": "
		}
		row = append(row, piece{text: sep}, piece{conditionTone(c), fmt.Sprintf("%d %s", counts[c], c)})
	}
	if days > 0 {
		row = append(row, piece{faint, fmt.Sprintf("; new articles a day and the share with the publisher's own points are over the last %.0f days", days)})
	}
	return row
}

func conditionTone(c digest.SourceCondition) tone {
	switch c {
	case digest.SourceDead:
		return bad
	case digest.SourceUp:
		return good
	case digest.SourceNew:
		return faint
	}
	return warning
}

// left fills text up to so many columns in front, as figures stand.
func left(text string, columns int) string {
	return strings.Repeat(" ", max(0, columns-width(text))) + text
}

// age is how long ago something was.
func age(now, at time.Time) string {
	if at.IsZero() {
		return "never"
	}
	return length(now.Sub(at))
}

// length is a stretch of time in one unit.
func length(d time.Duration) string {
	switch d = max(d, 0); {
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", int(d.Hours()))
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}

// WriteSource writes for people all that is known of one source.
func WriteSource(w io.Writer, h SourceHealth, now time.Time, look Look) error {
	s, src := &sheet{look: look}, h.State
	st := h.status(now)
	s.line(0, piece{strong, src.Source.Name}, piece{text: "  "}, piece{conditionTone(st.Condition), string(st.Condition)})
	row := func(name, text string) {
		if text != "" {
			s.line(18, piece{faint, "  " + pad(name, 14) + "  "}, piece{text: text})
		}
	}
	row(string(src.Source.Kind), src.Source.URL)
	row("moved to", st.MovedTo)
	row("known since", told(src.FirstPoll, now))
	row("last poll", told(src.LastPoll, now))
	row("last success", told(src.LastSuccess, now))
	row("next poll", nextInWords(src, now))
	row("newest", told(src.Newest, now))
	row("a day", perDayInWords(st))
	row("key points", pointsInWords(h.Figures, st.Days))
	row("trouble", trouble(src, now))
	row("next", st.Next)
	if len(h.Last) > 0 {
		s.line(0)
		s.line(0, piece{strong, "Last articles"})
	}
	for _, a := range h.Last {
		s.line(4, piece{faint, "  " + a.FirstSeen.UTC().Format("2006-01-02 15:04") + "  "}, piece{text: a.Title},
			piece{faint, fmt.Sprintf("  (%s: %s)", times(len(a.Points), "point"), cmp.Or(pointsWord(a.PointsFrom), string(a.PointsFrom)))})
		s.line(4, piece{faint, "    " + a.URL})
	}
	_, err := w.Write(s.out.Bytes())
	return err
}

// told is a time with how long ago it was.
func told(at, now time.Time) string {
	if at.IsZero() {
		return "never"
	}
	return stamp(at) + ", " + length(now.Sub(at)) + " ago"
}

func nextInWords(s digest.SourceState, now time.Time) string {
	at, why := nextPoll(s, now)
	switch {
	case at.IsZero() && s.LastPoll.IsZero() && s.Source.Kind != digest.SourcePush:
		return "at once: " + why
	case at.IsZero() && (s.Gone || s.Source.Kind == digest.SourcePush):
		return "never: " + why
	case now.Sub(at) > overdue:
		return stamp(at) + ", overdue for " + length(now.Sub(at)) + ": is `courant serve` running?"
	}
	return stamp(at) + ", " + why
}

func perDayInWords(st SourceStatus) string {
	if st.PerDay == nil {
		return "not known for a day yet"
	}
	return fmt.Sprintf("%.1f new articles, the mean of the last %.0f days or of those it is known for", *st.PerDay, st.Days)
}

// pointsInWords says where the key points of its articles come from.
func pointsInWords(f digest.SourceFigures, days float64) string {
	if f.Articles == 0 {
		return fmt.Sprintf("no articles in the last %.0f days", days)
	}
	var parts []string
	for _, from := range []digest.PointsFrom{digest.PointsPage, digest.PointsFeed, digest.PointsDescription, digest.PointsLead, digest.PointsModel, digest.PointsNone} {
		if n := f.From[from]; n > 0 {
			parts = append(parts, fmt.Sprintf("%s %d %%", from, (n*100+f.Articles/2)/f.Articles))
		}
	}
	return fmt.Sprintf("%s of %s", strings.Join(parts, ", "), times(f.Articles, "article"))
}
