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

// WriteStatus writes for people what is going on.
func WriteStatus(w io.Writer, now Situation, look Look) error {
	s := &sheet{look: look}
	if fault := now.Config.fault(); fault != "" {
		s.line(0, piece{bad, "! " + fault})
		s.line(0)
	}
	if now.Doubt != "" {
		s.line(0, piece{bad, "! Not adopted: " + now.Doubt}, piece{text: "; this host sends nothing until you run `courant adopt`, which you must not while another Courant sends from the original"})
		s.line(0)
	}
	if len(now.Editions) == 0 {
		s.line(0, piece{text: "no edition was published yet"})
	}
	for i, p := range now.Editions {
		if i > 0 {
			s.line(0)
		}
		s.progress(p, now)
	}
	s.processes(now)
	s.relays(now.Relays)
	s.limits(now)
	s.domains(now)
	s.letters(now)
	s.sources(now)
	s.movers(now)
	s.next(now)
	_, err := w.Write(s.out.Bytes())
	return err
}

// progress sets how far one edition is.
func (s *sheet) progress(p digest.Progress, now Situation) {
	e := p.Edition
	name := cmp.Or(e.Title, e.Digest)
	if e.Number > 0 {
		name += fmt.Sprintf(" no. %d", e.Number)
	} else {
		name += " (proof)"
	}
	local := e.Instant.In(zoneOf(e.Zone))
	s.line(4, piece{strong, name}, piece{text: "  " + day(local) + ", " + clock(local) + " " + e.Zone}, piece{faint, inUTC(local)},
		piece{text: "  "}, piece{editionTone(e.State), string(e.State)})
	if e.State == digest.EditionHeld {
		s.line(4, piece{bad, "  ! held: " + e.HeldReason})
	}
	s.travelled(p.Moved)
	tally := p.Tally()
	if tally.Total() == 0 {
		s.line(4, piece{faint, "  no delivery"})
		return
	}
	if p.Finished.IsZero() {
		s.bar(p)
	}
	s.counts(p)
	s.pace(p, now)
	for _, c := range p.Complaints() {
		s.complaint(c, now.At)
	}
}

// travelled sets what became of those who moved while an edition opened from
// zone to zone.
func (s *sheet) travelled(m digest.Travelled) {
	var notes []string
	for _, part := range []struct {
		n    int
		what string
	}{
		{m.Before, "had it by the zone they left"}, {m.Ahead, "got it at its hour in the new one"}, {m.Followed, "followed to where its hour was over"}, {m.Without, "without it so far, `courant why` says why"},
	} {
		if part.n > 0 {
			notes = append(notes, grouped(part.n)+" "+part.what)
		}
	}
	if len(notes) > 0 {
		s.line(4, piece{text: "  readers who moved meanwhile: " + joined(notes)})
	}
}

// movers sets who moved and of whom no clock has looked yet whether an edition
// passed them by.
func (s *sheet) movers(now Situation) {
	m := now.Movers
	if m.Readers == 0 {
		return
	}
	zones := make([]string, len(m.Zones))
	for i, z := range m.Zones {
		zones[i] = zoneWord(z)
	}
	if more := len(zones) - mostNamed; more > 0 {
		zones = append(zones[:mostNamed], fmt.Sprintf("%d more", more))
	}
	s.line(0)
	s.line(2, piece{strong, "Readers who moved"}, piece{faint, ", an edition that passed them by comes when a clock is looked at next"})
	s.line(4, piece{text: fmt.Sprintf("  %s to %s, the first on %s", times(m.Readers, "reader"), strings.Join(zones, ", "), stamp(m.Since))})
}

func editionTone(state digest.EditionState) tone {
	switch state {
	case digest.EditionDone:
		return good
	case digest.EditionHeld, digest.EditionAbandoned:
		return bad
	}
	return warning
}

// stateTone is the colour of deliveries in a state.
func stateTone(state string) tone {
	if state == deferredState {
		return warning
	}
	return Answer{State: state}.tone()
}

// bar sets how much of the fan-out came to which end. What has any part in it
// gets a place, however small: a thousand refusals in a million are seen.
func (s *sheet) bar(p digest.Progress) {
	length := 40
	if room := s.columns(); room > 0 {
		length = min(length, max(room-30, 8))
	}
	tally, full, empty := p.Tally(), "#", "-"
	if s.look.Width > 0 {
		full, empty = "█", "░"
	}
	total := tally.Total()
	ended := total - tally.Unfinished()
	parts := []struct {
		n    int
		tone tone
	}{
		{tally[digest.Accepted] + tally[digest.Bounced] + tally[digest.Complained], good},
		{tally[digest.Refused], bad},
		{tally[digest.InDoubt], warning},
		{tally[digest.Cancelled] + tally[digest.Expired], faint},
	}
	row, left := []piece{{text: "  "}}, length
	for _, part := range parts {
		if part.n == 0 {
			continue
		}
		cells := min(max(part.n*length/total, 1), left)
		row, left = append(row, piece{part.tone, strings.Repeat(full, cells)}), left-cells
	}
	row = append(row, piece{faint, strings.Repeat(empty, left)})
	row = append(row, piece{text: fmt.Sprintf("  %s of %s, %s", grouped(ended), grouped(total), percent(ended, total))})
	s.line(4, row...)
}

// percent never says 100 of what is not all.
func percent(n, of int) string { return fmt.Sprintf("%d %%", n*100/of) }

// grouped is a number with a comma for each thousand.
func grouped(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// counts sets the states that occur, in the order of their life.
func (s *sheet) counts(p digest.Progress) {
	by, row := byState(p), []piece{{text: "  "}}
	for _, state := range digest.DeliveryStates() {
		names := []string{string(state)}
		if state == digest.Queued {
			names = append(names, deferredState)
		}
		for _, name := range names {
			if by[name] == 0 {
				continue
			}
			if len(row) > 1 {
				row = append(row, piece{faint, " · "})
			}
			row = append(row, piece{stateTone(name), grouped(by[name]) + " " + name})
		}
	}
	s.line(4, row...)
}

// pace sets how fast it goes and how long it takes, or how long it took.
func (s *sheet) pace(p digest.Progress, now Situation) {
	switch left, limited, ok := now.eta(p); {
	case limited && p.Rate() == 0:
		s.line(4, piece{warning, "  held up by the relays' limits"}, piece{text: ", about " + rough(left) + " to go"})
	case limited:
		s.line(4, piece{text: fmt.Sprintf("  %s a second, about %s to go by the relays' limits", rate(p.Rate()), rough(left))})
	case ok && left > 0:
		s.line(4, piece{text: fmt.Sprintf("  %s a second, about %s to go", rate(p.Rate()), rough(left))})
	case ok:
		s.line(4, piece{text: fmt.Sprintf("  %s a second", rate(p.Rate()))})
	case p.Edition.State == digest.EditionSending && p.Tally().Unfinished() > p.Deferred():
		s.line(4, piece{warning, "  nothing came to an end in the last " + digest.Lately.String()})
	case !p.Finished.IsZero() && !p.LastAccepted().IsZero() && !p.LastAccepted().Before(p.Edition.Instant):
		s.line(4, piece{faint, "  the last mail was accepted " + rough(p.LastAccepted().Sub(p.Edition.Instant)) + " after the slot"})
	}
}

func rate(r float64) string {
	if r < 10 {
		return strconv.FormatFloat(r, 'f', 1, 64)
	}
	return grouped(int(r + 0.5))
}

// rough is a duration as people say it: two units at most.
func rough(d time.Duration) string {
	switch {
	case d < time.Second:
		return "a second"
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min %d s", int(d.Minutes()), int(d.Seconds())%60)
	}
	if d < 48*time.Hour {
		return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
	}
	return fmt.Sprintf("%d days %d h", int(d.Hours())/24, int(d.Hours())%24)
}

// complaint sets what a server said about deliveries that were not accepted.
func (s *sheet) complaint(c digest.Share, at time.Time) {
	state := string(c.State)
	if c.Deferred {
		state = deferredState
	}
	text := fmt.Sprintf("  ! %s %s", grouped(c.N), state)
	if c.Class != "" {
		text += ", " + string(c.Class)
	}
	row := []piece{{stateTone(state), text}}
	if c.Said != "" {
		row = append(row, piece{text: ": “" + strings.Join(strings.Fields(digest.WithoutAddresses(c.Said)), " ") + "”"})
	}
	if c.Deferred {
		when := "now"
		if c.Next.After(at) {
			when = "in " + rough(c.Next.Sub(at))
		}
		after := " after up to " + times(c.Attempts, "attempt")
		if c.Attempts == 0 {
			after = " waiting for their mail domain"
		}
		row = append(row, piece{faint, fmt.Sprintf("%s, next %s", after, when)})
	}
	s.line(4, row...)
}

// processes sets who is at work.
func (s *sheet) processes(now Situation) {
	s.line(0)
	if len(now.Processes) == 0 {
		row := []piece{{strong, "Nobody delivers"}}
		if now.Going() && now.Doubt == "" {
			row = []piece{{bad, "! Nobody delivers"}, {text: "; start `courant serve`, or run `courant deliver --drain`"}}
		}
		s.line(2, row...)
		return
	}
	s.line(0, piece{strong, "Processes"})
	var hosts, owners []string
	for _, p := range now.Processes {
		hosts, owners = append(hosts, p.Host), append(owners, p.Owner)
	}
	for i, p := range now.Processes {
		row := []piece{{text: "  " + pad(hosts[i], widest(24, hosts...)) + "  " + times(len(p.Lanes), "lane") + ", " + grouped(now.inHands(p)) + " in hand, "}}
		if p.Lease > 0 {
			row = append(row, piece{text: "lease for " + rough(p.Lease)})
		} else {
			row = append(row, piece{bad, "lease over since " + rough(-p.Lease)})
		}
		s.line(4, append(row, piece{faint, "  " + owners[i]})...)
	}
}

// relays sets what each relay took.
func (s *sheet) relays(list []digest.RelayCount) {
	if len(list) == 0 {
		return
	}
	s.line(0)
	s.line(2, piece{strong, "Relays"}, piece{faint, ", since the process at desk_listen started"})
	var names []string
	for _, r := range list {
		names = append(names, r.Relay)
	}
	for i, r := range list {
		row := []piece{{text: "  " + pad(names[i], widest(40, names...)) + "  "}}
		for _, v := range digest.Verdicts() {
			if len(row) > 1 && r.Attempts[v] > 0 {
				row = append(row, piece{faint, " · "})
			}
			if r.Attempts[v] > 0 || v == digest.VerdictAccepted {
				row = append(row, piece{stateTone(string(v)), grouped(r.Attempts[v]) + " " + string(v)})
			}
		}
		if r.Rate > 0 {
			row = append(row, piece{text: ", " + rate(r.Rate) + " a second"})
		}
		s.line(4, row...)
	}
}

// limits sets what is spent of the relays' limits. One of seconds is spent all
// the time while mail goes out, which says nothing.
func (s *sheet) limits(now Situation) {
	var names []string
	for _, r := range now.Limits {
		if slices.ContainsFunc(r.Limits, shown) {
			names = append(names, r.Relay)
		}
	}
	if len(names) == 0 {
		return
	}
	s.line(0)
	s.line(0, piece{strong, "Limits"})
	for _, r := range now.Limits {
		row := []piece{{text: "  " + pad(r.Relay, widest(40, names...)) + "  "}}
		for _, l := range r.Limits {
			if !shown(l) {
				continue
			}
			if len(row) > 1 {
				row = append(row, piece{faint, " · "})
			}
			if next := l.Next(); next > heldUpFor {
				row = append(row, piece{warning, "limit " + l.String() + " reached"},
					piece{text: ", next at " + clock(now.At.Add(next).UTC()) + " UTC"}, piece{faint, " (in " + rough(next) + ")"})
				continue
			}
			row = append(row, piece{text: grouped(l.Total()) + " of " + l.String()})
		}
		if len(row) > 1 {
			s.line(4, row...)
		}
	}
}

// shown says whether a limit tells more than how fast it goes just now.
func shown(l digest.Spending) bool { return l.Per >= time.Minute || l.Next() > heldUpFor }

// letterWords name the kinds of letters for people.
var letterWords = map[digest.LetterKind]string{
	digest.LetterConfirm: "sign-ups to confirm", digest.LetterManage: "links to choices", digest.LetterAddress: "new addresses to confirm",
	digest.LetterMoved: "notes of a changed address", digest.LetterExport: "links to export", digest.LetterErase: "links to erase",
}

// letters sets which mails to one person outside any edition wait or failed.
func (s *sheet) letters(now Situation) {
	if len(now.Letters) == 0 {
		return
	}
	s.line(0)
	s.line(2, piece{strong, "Letters"}, piece{faint, ", outside any edition; refused and expired ones of the last day"})
	for _, l := range now.Letters {
		row := []piece{{text: "  "}, {stateTone(string(l.State)), grouped(l.N) + " " + string(l.State)}, {text: ", " + letterWords[l.Kind]}}
		if l.Deferred > 0 {
			row = append(row, piece{warning, fmt.Sprintf(", %s of them deferred", grouped(l.Deferred))}, piece{faint, ", next in " + rough(l.Next)})
		}
		if l.Said != "" && l.State != digest.Claimed && l.State != digest.Sending {
			row = append(row, piece{text: ": “" + strings.Join(strings.Fields(digest.WithoutAddresses(l.Said)), " ") + "”"})
		}
		s.line(4, row...)
	}
}

// domains sets which mail domains are left alone, why, and what to do.
func (s *sheet) domains(now Situation) {
	if len(now.Domains) == 0 {
		return
	}
	s.line(0)
	s.line(2, piece{strong, "Mail domains left alone"}, piece{faint, ", what waits goes by itself; `courant resume --domain NAME` lets it go at once"})
	for _, d := range now.Domains {
		next := "next try in " + rough(d.Left)
		switch {
		case d.Probing:
			next = "one is trying now"
		case d.Left <= 0:
			next = "next try now"
		}
		s.line(4, piece{warning, "  ! " + d.Domain + " " + string(d.Class)}, piece{text: " since " + clock(d.Since.UTC()) + " UTC"},
			piece{faint, " (" + rough(now.At.Sub(d.Since)) + ")"},
			piece{text: ": “" + strings.Join(strings.Fields(digest.WithoutAddresses(d.Said)), " ") + "”"},
			piece{text: ", " + grouped(d.Waiting) + " wait, " + next})
	}
}

// sources sets in one line how many sources need a look, and which first.
func (s *sheet) sources(now Situation) {
	list := now.troubled()
	if len(list) == 0 {
		return
	}
	s.line(0)
	s.line(2, piece{strong, "Sources"}, piece{faint, ", `courant sources` says what to do"})
	row := []piece{{text: "  "}, {warning, fmt.Sprintf("! %d of %s", len(list), times(len(now.Sources), "source"))}}
	for i, t := range list[:min(len(list), mostNamed)] {
		lead := ", "
		if i == 0 {
			lead = ": "
		}
		row = append(row, piece{text: lead + t.Source + " is "}, piece{conditionTone(t.Condition), string(t.Condition)})
	}
	if extra := len(list) - mostNamed; extra > 0 {
		row = append(row, piece{text: fmt.Sprintf(" and %d more", extra)})
	}
	s.line(4, row...)
}

// mostNamed is how many sources in trouble a status names.
const mostNamed = 4

// next sets the slots that come.
func (s *sheet) next(now Situation) {
	if len(now.Slots) == 0 {
		return
	}
	s.line(0)
	s.line(0, piece{strong, "Next"})
	var names []string
	for _, slot := range now.Slots {
		names = append(names, cmp.Or(now.Titles[slot.Digest], slot.Digest))
	}
	for i, slot := range now.Slots {
		local := slot.Instant.In(zoneOf(slot.Zone))
		s.line(4, piece{strong, "  " + pad(names[i], widest(30, names...)) + "  "}, piece{text: day(local) + ", " + clock(local) + " " + slot.Zone},
			piece{faint, inUTC(local)}, piece{faint, "  in " + rough(slot.Instant.Sub(now.At))})
	}
}
