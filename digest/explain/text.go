package explain

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"courant/digest"
)

// WritePlan writes a plan for people.
func WritePlan(w io.Writer, plan []Planned) error {
	var b bytes.Buffer
	if len(plan) == 0 {
		b.WriteString("no slot is due in that time\n")
	}
	for i, p := range plan {
		if i > 0 {
			b.WriteByte('\n')
		}
		p.write(&b)
	}
	_, err := w.Write(b.Bytes())
	return err
}

func (p Planned) write(b *bytes.Buffer) {
	fmt.Fprintf(b, "%s  %s %s  (%s)\n", cmp.Or(p.title, p.Digest), p.Local.Format("Mon 2 January 2006 15:04"), p.Zone, stamp(p.Slot))
	switch {
	case p.skipped != "":
	case p.later:
		fmt.Fprintf(b, "  about %s\n", times(p.Readers, "reader"))
	default:
		fmt.Fprintf(b, "  %s, %s\n", times(p.Readers, "reader"), times(p.Variants, "variant"))
	}
	for _, w := range p.Warnings {
		fmt.Fprintf(b, "  ! %s\n", w)
	}
	var rows [][]string
	for i, a := range p.Articles {
		rows = append(rows, []string{fmt.Sprintf("%d.", i+1), a.Category, a.Title, "points: " + string(a.PointsFrom), a.Why})
	}
	for _, l := range p.LeftOut {
		rows = append(rows, []string{"-", "", l.Title, "", l.Why})
	}
	table(b, rows)
}

// WriteWhy writes for people what the account of a reader tells.
func WriteWhy(w io.Writer, a digest.Account) error {
	var b bytes.Buffer
	writeReader(&b, a)
	answers := Why(a)
	if len(answers) == 0 {
		b.WriteString("\nno edition and no slot of the reader's digests in that time\n")
	}
	for _, n := range answers {
		b.WriteByte('\n')
		n.write(&b)
	}
	_, err := w.Write(b.Bytes())
	return err
}

// writeReader tells how the reader stands now: the frame of all that follows.
func writeReader(b *bytes.Buffer, a digest.Account) {
	who := a.Reader.Address
	if a.Erased {
		who = "a reader whose address was erased"
	}
	fmt.Fprintf(b, "%s\n", who)
	for _, s := range a.Subscriptions {
		fmt.Fprintf(b, "  on %s: %s since %s", s.List, s.State, stamp(s.Since))
		if s.Consent != "" {
			fmt.Fprintf(b, " (%s)", s.Consent)
		}
		b.WriteByte('\n')
	}
	for _, c := range a.Choices {
		writeChoices(b, c)
	}
	if !a.LeftAt.IsZero() {
		fmt.Fprintf(b, "  left everything on %s\n", stamp(a.LeftAt))
	}
	if a.Suppressed != "" {
		fmt.Fprintf(b, "  gets no mail since %s: %s\n", stamp(a.SuppressedAt), a.Suppressed)
	}
}

func writeChoices(b *bytes.Buffer, c digest.Choices) {
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
	if chose != nil {
		fmt.Fprintf(b, "  %s: %s\n", c.Digest, strings.Join(chose, "; "))
	}
}

func (n Answer) write(b *bytes.Buffer) {
	loc, err := time.LoadLocation(n.zone)
	if err != nil {
		loc = time.UTC
	}
	name := n.title
	switch {
	case n.Edition != nil:
		name += fmt.Sprintf(" no. %d", *n.Edition)
	case n.kind == digest.KindProof:
		name += " (proof)"
	}
	fmt.Fprintf(b, "%s  %s  %s", n.Slot.In(loc).Format("Mon 2 January 2006 15:04 MST"), name, cmp.Or(n.State, "no mail"))
	if n.Reply != "" && n.Reply != n.Reason {
		fmt.Fprintf(b, ": %s", n.Reply)
	}
	b.WriteByte('\n')
	if n.Reason != "" {
		fmt.Fprintf(b, "  %s\n", n.Reason)
	}
	var rows [][]string
	for i, a := range n.Articles {
		rows = append(rows, []string{fmt.Sprintf("%d.", i+1), a.Category, a.Title, "points: " + string(a.PointsFrom)})
	}
	for _, l := range n.LeftOut {
		rows = append(rows, []string{"-", "", l.Title, l.Reason})
	}
	table(b, rows)
}

// widest is where a column stops making the others wait for it.
const widest = 60

// table writes rows in aligned columns. Characters are counted, not bytes; a
// script whose characters are twice as wide stands a little further out.
func table(b *bytes.Buffer, rows [][]string) {
	var width []int
	for _, row := range rows {
		for i, cell := range row {
			if i == len(width) {
				width = append(width, 0)
			}
			width[i] = max(width[i], min(widest, utf8.RuneCountInString(cell)))
		}
	}
	for _, row := range rows {
		var line strings.Builder
		for i, cell := range row {
			line.WriteString("  " + cell + strings.Repeat(" ", max(0, width[i]-utf8.RuneCountInString(cell))))
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
}
