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

// WriteWhy writes for people what the account of a reader tells.
func WriteWhy(w io.Writer, a digest.Account, look Look) error {
	s := &sheet{look: look}
	s.reader(a)
	answers := Why(a)
	if len(answers) == 0 {
		s.line(0)
		s.line(0, piece{text: "no edition and no slot of the reader's digests in that time"})
	}
	var days, clocks, names []string
	for _, n := range answers {
		days, clocks, names = append(days, day(n.local())), append(clocks, n.clock()), append(names, n.name())
	}
	columns := [3]int{widest(30, days...), widest(30, clocks...), widest(40, names...)}
	for _, n := range answers {
		s.line(0)
		s.answer(n, columns)
	}
	_, err := w.Write(s.out.Bytes())
	return err
}

// reader tells how the reader stands now: the frame of all that follows.
func (s *sheet) reader(a digest.Account) {
	who := []piece{{strong, a.Reader.Address}}
	if a.Erased {
		who[0].text = "a reader whose address was erased"
	}
	if about := joined([]string{a.Reader.Name, a.Reader.Language, a.Reader.Zone}); about != "" {
		who = append(who, piece{faint, "  " + about})
	}
	s.line(2, who...)
	for _, sub := range a.Subscriptions {
		line := []piece{{text: "  on " + sub.List + ": "}, {standing(sub.State), string(sub.State)}, {text: " since " + stamp(sub.Since)}}
		if sub.Consent != "" {
			line = append(line, piece{faint, " (" + sub.Consent + ")"})
		}
		s.line(4, line...)
	}
	s.began(a)
	for _, c := range a.Choices {
		if chose := chosen(c); chose != "" {
			s.line(4, piece{text: "  " + c.Digest + ": " + chose})
		}
	}
	for _, m := range a.Events {
		if m.Kind == digest.EventMoved && m.From != m.To && !m.At.Before(a.From) && m.At.Before(a.To) {
			s.line(4, piece{text: fmt.Sprintf("  moved from %s to %s on %s", zoneWord(m.From), zoneWord(m.To), stamp(m.At))})
		}
	}
	if !a.LeftAt.IsZero() {
		s.line(4, piece{bad, "  ! left everything on " + stamp(a.LeftAt)})
	}
	if a.Suppressed != "" {
		s.line(4, piece{bad, "  ! gets no mail since " + stamp(a.SuppressedAt) + ": " + a.Suppressed})
	}
}

// began tells of digests that are younger than the reader's place on their list:
// the mails' footers count from then.
func (s *sheet) began(a digest.Account) {
	told := map[string]bool{}
	for _, e := range slices.Backward(a.Entries) {
		since, first := a.Began(e.Lists, e.Firsts)
		if told[e.Edition.Digest] || since.IsZero() || e.Edition.Kind == digest.KindProof {
			continue
		}
		told[e.Edition.Digest] = true
		if day := began(a, e); first.String() == day && day != since.In(zoneOf(e.Edition.Zone)).Format(time.DateOnly) {
			s.line(4, piece{text: fmt.Sprintf("  %s: since %s, its first day for the list", e.Edition.Digest, day)})
		}
	}
}

// zoneWord names a reader's zone.
func zoneWord(name string) string { return cmp.Or(name, "the digest's zone") }

func standing(state digest.SubscriptionState) tone {
	switch state {
	case digest.SubscriptionActive:
		return good
	case digest.SubscriptionPending:
		return warning
	}
	return faint
}

// chosen is what a reader chose for a digest; empty: all of it.
func chosen(c digest.Choices) string {
	var chose []string
	switch c.Frequency {
	case digest.Daily:
		chose = append(chose, "once a day")
	case digest.Weekly:
		chose = append(chose, "weekly")
		if c.OnWeekday {
			chose[len(chose)-1] += ", " + c.Weekday.String()
		}
	}
	if c.Categories != nil {
		chose = append(chose, "only "+strings.Join(c.Categories, ", "))
	}
	if !c.PausedUntil.IsZero() {
		chose = append(chose, "paused until "+stamp(c.PausedUntil))
	}
	if !c.LeftAt.IsZero() {
		chose = append(chose, "left on "+stamp(c.LeftAt))
	}
	return strings.Join(chose, "; ")
}

func (n Answer) local() time.Time {
	loc, err := time.LoadLocation(n.Zone)
	if err != nil {
		loc = time.UTC
	}
	return n.Slot.In(loc)
}

func (n Answer) clock() string { return n.local().Format("15:04 MST") + inUTC(n.local()) }

func (n Answer) name() string {
	switch {
	case n.Edition != nil:
		return fmt.Sprintf("%s no. %d", n.title, *n.Edition)
	case n.kind == digest.KindProof:
		return n.title + " (proof)"
	}
	return n.title
}

// answer sets one edition; the columns are those of day, clock and name.
func (s *sheet) answer(n Answer, columns [3]int) {
	none := "no mail"
	if n.toCome {
		none = "no mail yet"
	}
	s.line(4,
		piece{text: pad(day(n.local()), columns[0]) + "  "}, piece{faint, pad(n.clock(), columns[1]) + "  "},
		piece{strong, pad(n.name(), columns[2]) + "  "}, piece{n.tone(), cmp.Or(n.State, none)})
	if n.Reply != "" && n.Reply != n.Reason {
		s.line(4, piece{faint, "  the server said: “" + strings.Join(strings.Fields(n.Reply), " ") + "”"})
	}
	if n.Reason != "" {
		s.line(4, piece{text: "  " + n.Reason})
	}
	if n.Moved != "" {
		s.line(4, piece{text: "  " + n.Moved})
	}
	var categories []string
	for _, a := range n.Articles {
		categories = append(categories, a.Category)
	}
	for i, a := range n.Articles {
		s.headline(len(strconv.Itoa(len(n.Articles))), widest(widestCategory, categories...), i+1, a.Category, a.Title,
			piece{faint, " · " + pointsWord(a.PointsFrom)})
	}
	s.missed(n)
}

// missed sets what the reader did not get, by the reason. Where it is the
// reason for the whole edition it stands above already.
func (s *sheet) missed(n Answer) {
	for _, why := range reasons(n.LeftOut, func(l DidntGet) string { return l.Reason }) {
		if why == n.Reason {
			s.line(4, piece{faint, "  its stories"})
		} else {
			s.line(4, piece{faint, "  left out: " + why})
		}
		for _, l := range n.LeftOut {
			if l.Reason == why {
				s.line(6, piece{faint, "    - "}, piece{text: l.Title})
			}
		}
	}
}

// tone is the colour of a delivery's state: it came, it may yet come, it came
// back, it was called off.
func (n Answer) tone() tone {
	switch digest.DeliveryState(n.State) {
	case digest.Accepted:
		return good
	case digest.Queued, digest.Claimed, digest.Sending, digest.InDoubt:
		return warning
	case digest.Refused, digest.Bounced, digest.Complained:
		return bad
	}
	return faint
}
