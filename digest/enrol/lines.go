package enrol

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// records takes a file apart: lines, then cells. A record may go on over
// several lines within quotes; a stray quote costs its own line only.
type records struct {
	in      *bufio.Reader
	comma   rune
	pending []string // lines that were read and are still to come
	line    int      // read so far
	at      int      // where the record in hand begins
	begins  func(line string) bool
}

// longestLine is the longest line of a file that is read, in bytes.
const longestLine = 1 << 16

var (
	errLong  = errors.New("the line is longer than 64 KB")
	errQuote = errors.New("the line is no CSV")
)

// delimiterOf is the character that parts the cells of the head line, outside
// of quotes.
func delimiterOf(head string) rune {
	counts := map[rune]int{}
	quoted := false
	for _, c := range head {
		switch {
		case c == '"':
			quoted = !quoted
		case !quoted:
			counts[c]++
		}
	}
	best := ','
	for _, c := range ";\t|" {
		if counts[c] > counts[best] {
			best = c
		}
	}
	return best
}

// nextLine reads one line, whichever of \n, \r\n and \r ends it: spreadsheets
// of old Macs write the last one. A line that is too long is read over.
func (r *records) nextLine() (string, error) {
	if len(r.pending) > 0 {
		line := r.pending[0]
		r.pending = r.pending[1:]
		return r.ended(line)
	}
	var b strings.Builder
	for {
		c, err := r.in.ReadByte()
		switch {
		case err != nil && b.Len() > 0 && errors.Is(err, io.EOF), err == nil && c == '\n':
			return r.ended(b.String())
		case err != nil:
			return "", err
		case c == '\r':
			if next, err := r.in.Peek(1); err == nil && next[0] == '\n' {
				continue
			}
			return r.ended(b.String())
		case b.Len() <= longestLine:
			b.WriteByte(c)
		}
	}
}

func (r *records) ended(line string) (string, error) {
	r.line++
	if len(line) > longestLine {
		return "", errLong
	}
	return line, nil
}

// record reads the next record that holds anything. io.EOF is the end; errLong
// and errQuote cost one line.
func (r *records) record() ([]string, error) {
	for {
		line, err := r.nextLine()
		r.at = r.line
		if err != nil {
			return nil, err
		}
		if strings.TrimSpace(line) == "" {
			continue
		}
		if strings.Count(line, `"`)%2 != 0 {
			line = r.whole(line)
		}
		record, err := r.cells(line)
		if err != nil {
			return nil, fmt.Errorf("%w: a quote stands alone; write \"\" for a quote within quotes", errQuote)
		}
		return record, nil
	}
}

func (r *records) cells(line string) ([]string, error) {
	if !strings.Contains(line, `"`) {
		return strings.Split(line, string(r.comma)), nil
	}
	c := csv.NewReader(strings.NewReader(line))
	c.Comma, c.FieldsPerRecord, c.TrimLeadingSpace = r.comma, -1, true
	return c.Read()
}

// mostLines is how many lines one record may go on over.
const mostLines = 40

// whole adds the lines that a cell in quotes goes on over. Where they make no
// record, or hold one of their own, the first line stands for itself.
func (r *records) whole(line string) string {
	joined, more := line, []string(nil)
	for len(more) < mostLines && len(joined) < longestLine {
		next, err := r.nextLine()
		if errors.Is(err, errLong) {
			more = append(more, strings.Repeat(" ", longestLine+1)) // comes again as what it is
			break
		}
		if err != nil {
			break
		}
		more = append(more, next)
		joined += "\n" + next
		if strings.Count(joined, `"`)%2 != 0 {
			continue
		}
		if _, err := r.cells(joined); err == nil && !slices.ContainsFunc(more, r.begins) {
			return joined
		}
		break
	}
	r.line -= len(more)
	r.pending = append(more, r.pending...)
	return line
}
