package rehearse

import (
	"fmt"
	"html"
	"io"
	"math"
	"slices"
	"strings"
	"time"
)

// Mark is something that was done at a moment of a rehearsal.
type Mark struct {
	At   time.Time
	Kind MarkKind
}

// MarkKind says what was done.
type MarkKind string

// The kinds of marks. Their first letters stand for them in the terminal.
const (
	MarkKill     MarkKind = "kill -9"
	MarkTerm     MarkKind = "TERM"
	MarkStop     MarkKind = "stop"
	MarkPostgres MarkKind = "Postgres killed"
)

// letter stands for a mark where there is room for one.
func (k MarkKind) letter() byte { return strings.ToUpper(string(k))[0] }

// Curve is the number of messages a second over time.
type Curve struct {
	Start time.Time
	Step  time.Duration
	Rate  []float64 // messages a second, for each step
	Marks []Mark
}

// newCurve counts mails in so many steps, from the first to the last.
func newCurve(mails []Mail, marks []Mark, steps int) Curve {
	c := Curve{Marks: marks}
	if len(mails) == 0 || steps < 1 {
		return c
	}
	first, last := mails[0].At, mails[0].At
	for _, m := range mails {
		if m.At.Before(first) {
			first = m.At
		}
		if m.At.After(last) {
			last = m.At
		}
	}
	for _, m := range marks {
		if m.At.Before(first) {
			first = m.At
		}
	}
	c.Start, c.Step = first, max((last.Sub(first)+time.Nanosecond*time.Duration(steps))/time.Duration(steps), time.Millisecond)
	c.Rate = make([]float64, steps)
	for _, m := range mails {
		c.Rate[min(int(m.At.Sub(first)/c.Step), steps-1)] += 1 / c.Step.Seconds()
	}
	return c
}

// place is the step a moment lies in, within the curve.
func (c Curve) place(at time.Time) int {
	return min(max(int(at.Sub(c.Start)/c.Step), 0), len(c.Rate)-1)
}

func (c Curve) length() time.Duration { return c.Step * time.Duration(len(c.Rate)) }

// blocks are the eighths of a character cell, from none to all.
const blocks = " ▁▂▃▄▅▆▇█"

// Blocks draws the curve with so many lines of block characters, and a line
// of letters below where something was done.
func (c Curve) Blocks(lines int) string {
	if len(c.Rate) == 0 {
		return ""
	}
	eighths := []rune(blocks)
	top := max(slices.Max(c.Rate), 1)
	var b strings.Builder
	for line := lines - 1; line >= 0; line-- {
		label := ""
		if line == lines-1 {
			label = fmt.Sprintf("%.0f/s", top)
		}
		fmt.Fprintf(&b, "%9s ", label)
		var row strings.Builder
		for _, r := range c.Rate {
			filled := int(math.Round(r/top*float64(8*lines))) - 8*line
			row.WriteRune(eighths[min(max(filled, 0), 8)])
		}
		b.WriteString(strings.TrimRight(row.String(), " ") + "\n")
	}
	return b.String() + c.legend()
}

// legend is what stands under the blocks: marks, time, what the letters mean.
func (c Curve) legend() string {
	row := []byte(strings.Repeat(" ", len(c.Rate)))
	var kinds []MarkKind
	for _, m := range c.Marks {
		row[c.place(m.At)] = m.Kind.letter()
		if !slices.Contains(kinds, m.Kind) {
			kinds = append(kinds, m.Kind)
		}
	}
	var b strings.Builder
	if len(kinds) > 0 {
		fmt.Fprintf(&b, "%9s %s\n", "", strings.TrimRight(string(row), " "))
	}
	end := seconds(c.length())
	fmt.Fprintf(&b, "%9s 0%s%s\n", "", strings.Repeat(" ", max(len(c.Rate)-1-len(end), 1)), end)
	for i, k := range kinds {
		if i == 0 {
			fmt.Fprintf(&b, "%9s ", "")
		} else {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%c %s", k.letter(), k)
		if i == len(kinds)-1 {
			b.WriteString("\n")
		}
	}
	return b.String()
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }

// The picture's measures, in its own units.
const (
	svgWidth, svgHeight = 960, 320
	svgLeft, svgTop     = 64, 40
	svgRight, svgBottom = 16, 36
)

// WriteSVG draws the curve as a picture that needs nothing else and suits
// light and dark grounds.
func (c Curve) WriteSVG(w io.Writer, title string) error {
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img" aria-label="%s">
<style>text{font:12px sans-serif;fill:#333}.area{fill:#1f6feb;fill-opacity:.35;stroke:#1f6feb}.axis{stroke:#888}.mark{stroke:#c02020;stroke-dasharray:3 3}.mark.postgres{stroke:#8a3ffc}
@media(prefers-color-scheme:dark){text{fill:#ddd}.area{fill:#58a6ff;stroke:#58a6ff}.mark{stroke:#ff7b72}.mark.postgres{stroke:#d2a8ff}}</style>
<text x="%d" y="20">%s</text>
`, svgWidth, svgHeight, html.EscapeString(title), svgLeft, html.EscapeString(title))
	if len(c.Rate) > 0 {
		c.drawMarks(&b)
		c.drawArea(&b)
	}
	b.WriteString("</svg>\n")
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("write the plot: %w", err)
	}
	return nil
}

// x is where a moment stands in the picture.
func (c Curve) x(at time.Duration) float64 {
	return svgLeft + float64(at)/float64(c.length())*(svgWidth-svgLeft-svgRight)
}

func (c Curve) drawMarks(b *strings.Builder) {
	for _, m := range c.Marks {
		class := "mark"
		if m.Kind == MarkPostgres {
			class += " postgres"
		}
		x := c.x(min(max(m.At.Sub(c.Start), 0), c.length()))
		fmt.Fprintf(b, `<line class="%s" x1="%.1f" x2="%.1f" y1="%d" y2="%d"><title>%s at %s</title></line>`+"\n",
			class, x, x, svgTop, svgHeight-svgBottom, m.Kind, seconds(m.At.Sub(c.Start)))
	}
}

func (c Curve) drawArea(b *strings.Builder) {
	top := max(slices.Max(c.Rate), 1)
	floor := float64(svgHeight - svgBottom)
	fmt.Fprintf(b, `<path class="area" d="M%d %.1f`, svgLeft, floor)
	for i, r := range c.Rate {
		y := floor - r/top*(floor-svgTop)
		fmt.Fprintf(b, "L%.1f %.1fL%.1f %.1f", c.x(time.Duration(i)*c.Step), y, c.x(time.Duration(i+1)*c.Step), y)
	}
	fmt.Fprintf(b, `L%d %.1fZ"/>`+"\n", svgWidth-svgRight, floor)
	fmt.Fprintf(b, `<line class="axis" x1="%d" x2="%d" y1="%.0f" y2="%.0f"/>`+"\n", svgLeft, svgWidth-svgRight, floor, floor)
	fmt.Fprintf(b, `<text x="%d" y="%d" text-anchor="end">%.0f/s</text><text x="%d" y="%.0f" text-anchor="end">0</text>`+"\n", svgLeft-6, svgTop+10, top, svgLeft-6, floor)
	fmt.Fprintf(b, `<text x="%d" y="%d" text-anchor="end">%s</text>`+"\n", svgWidth-svgRight, svgHeight-12, seconds(c.length()))
}
