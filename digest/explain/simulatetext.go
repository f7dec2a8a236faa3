package explain

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// WriteSimulation sets a simulation for people: for each digest its slots, a
// line each, and what they come to.
func WriteSimulation(w io.Writer, list []Simulated, look Look) error {
	s := &sheet{look: look}
	if len(list) == 0 {
		s.line(0, piece{text: "no slot was due in that time"})
	}
	for i, d := range list {
		if i > 0 {
			s.line(0)
		}
		s.simulated(d)
	}
	_, err := w.Write(s.out.Bytes())
	return err
}

func (s *sheet) simulated(d Simulated) {
	head := []piece{{strong, cmp.Or(d.title, d.Digest)}}
	if d.title != "" && d.title != d.Digest {
		head = append(head, piece{faint, " (" + d.Digest + ")"})
	}
	head = append(head, piece{text: "  " + times(d.Editions, "edition") + " with " + storiesOf(d.Stories)})
	if d.Skipped > 0 {
		head = append(head, piece{warning, ", " + times(d.Skipped, "slot") + " skipped"})
	}
	s.line(4, append(head, piece{faint, ", " + stamp(d.From) + " to " + stamp(d.To)})...)
	s.replayedSlots(d.Slots)
	s.tally("Stories by category", d.Categories)
	s.tally("Stories by source", d.Sources)
	s.tally("Left out", d.LeftOut)
}

func (s *sheet) replayedSlots(slots []SimulatedSlot) {
	var days, clocks, numbers []string
	for _, at := range slots {
		days, clocks = append(days, day(at.Local)), append(clocks, clock(at.Local)+" "+at.Zone+inUTC(at.Local))
		number := ""
		if at.Edition > 0 {
			number = "no. " + strconv.Itoa(at.Edition)
		}
		numbers = append(numbers, number)
	}
	for i, at := range slots {
		row := []piece{
			{text: "  " + pad(days[i], widest(30, days...)) + "  "}, {faint, pad(clocks[i], widest(40, clocks...)) + "  "},
			{strong, pad(numbers[i], widest(10, numbers...)) + "  "},
		}
		switch {
		case at.State == stateSkipped:
			row = append(row, piece{bad, "skipped"}, piece{faint, ": " + strings.TrimPrefix(at.Reason, "skip: ")})
		default:
			row = append(row, piece{text: storiesOf(at.Stories)}, piece{faint, " from " + times(at.Candidates, "article")})
			if n := sum(at.LeftOut) - at.LeftOut[foldedArticles]; n > 0 {
				row = append(row, piece{faint, fmt.Sprintf(", %d left out", n)})
			}
		}
		s.line(6, row...)
	}
}

func sum(counts map[string]int) (n int) {
	for _, c := range counts {
		n += c
	}
	return n
}

// tally sets counts, the largest first.
func (s *sheet) tally(title string, counts map[string]int) {
	if len(counts) == 0 {
		return
	}
	names := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b))
	})
	s.line(0)
	s.line(4, piece{strong, "  " + title})
	number := len(strconv.Itoa(counts[names[0]]))
	for _, name := range names {
		s.line(number+6, piece{text: fmt.Sprintf("    %*d  ", number, counts[name])}, piece{faint, name})
	}
}
