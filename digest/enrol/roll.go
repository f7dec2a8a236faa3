package enrol

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"courant/digest"

	"golang.org/x/net/idna"
)

// Options say how a file is read.
type Options struct {
	File      string                      // its name, which tells of a part of an export
	Columns   map[string]string           // the file's name of a column -> ours; empty: leave it out
	Encoding  string                      // as the WHATWG names it; empty: seen from the bytes
	CheckZone func(string) error          // whether a time zone is one
	Hash      func(address string) []byte // Keyring.AddressHash
}

// Roll is a file of readers that is being read.
type Roll struct {
	Kind    Kind
	Ignored []string // columns that say nothing to us, as the file names them

	options Options
	records records
	columns columns
	bare    []string // the first record of a file without a head line
	zones   map[string]error
	states  map[string]digest.ImportState // by the file's words
	seen    map[uint64]struct{}           // first bytes of the hashes of all addresses so far
}

// Open reads the head of a file. The error is one sentence for the person who
// has the file.
func Open(in io.Reader, o Options) (*Roll, error) {
	buffered, err := decoded(in, o.Encoding)
	if err != nil {
		return nil, err
	}
	r := &Roll{options: o, zones: map[string]error{}, states: map[string]digest.ImportState{}, seen: map[uint64]struct{}{}, records: records{in: buffered}}
	r.records.begins = r.isReader
	if err := r.delimit(buffered); err != nil {
		return nil, err
	}
	headers, err := r.records.record()
	if err != nil {
		return nil, errors.New("the file is empty, or its first line is no CSV; that names the columns, at least email")
	}
	if err := r.head(headers); err != nil {
		return nil, err
	}
	return r, nil
}

// delimit finds out what parts the cells. Some spreadsheets say so in a first
// line of their own.
func (r *Roll) delimit(in *bufio.Reader) error {
	start, err := in.Peek(peeked)
	if err != nil && !errors.Is(err, io.EOF) && len(start) == 0 {
		return fmt.Errorf("read readers: %w", err)
	}
	head := string(start)
	if i := strings.IndexAny(head, "\r\n"); i >= 0 {
		head = head[:i]
	}
	if c, ok := strings.CutPrefix(strings.ToLower(head), "sep="); ok && len(c) == 1 {
		r.records.comma = rune(c[0])
		_, err := r.records.nextLine()
		return err
	}
	r.records.comma = delimiterOf(head)
	return nil
}

// head takes the names of the columns, or finds that there are none: a file of
// bare addresses needs no head line.
func (r *Roll) head(headers []string) (err error) {
	for i := range headers {
		headers[i] = strings.TrimSpace(text(headers[i]))
	}
	if len(r.options.Columns) == 0 && slices.ContainsFunc(headers, isAddress) {
		if len(headers) > 1 {
			return errors.New("the first line must name the columns; put a line that says email, and what the others are, above the readers")
		}
		r.Kind, r.bare, r.columns = Plain, headers, columns{at: map[string]int{email: 0}}
		return nil
	}
	r.Kind = kindOf(headers)
	r.columns, err = columnsOf(headers, r.options.Columns)
	r.Ignored = r.columns.ignored
	return err
}

func isAddress(s string) bool {
	_, err := Address(s)
	return err == nil
}

// isReader says that a line begins a record of its own.
func (r *Roll) isReader(line string) bool {
	cells := strings.Split(line, string(r.records.comma))
	at, ok := r.columns.at[email]
	if !ok || at >= len(cells) || len(cells) < 2 && len(r.columns.at) > 1 {
		return false
	}
	return isAddress(strings.Trim(cells[at], `" `))
}

// Line is how many lines were read.
func (r *Roll) Line() int { return r.records.line }

// Portion reads up to n rows more. A line that gives none is among the faults;
// end says that the file has no more.
func (r *Roll) Portion(n int) (rows []digest.ImportRow, faults []digest.ImportFault, end bool) {
	portion := make(map[uint64]struct{}, n)
	for len(rows) < n {
		record, err := r.next()
		switch {
		case errors.Is(err, io.EOF):
			return rows, faults, true
		case errors.Is(err, errLong), errors.Is(err, errQuote):
			faults = append(faults, digest.ImportFault{Line: r.records.at, Why: err.Error()})
			continue
		case err != nil:
			return rows, append(faults, digest.ImportFault{Line: r.records.line + 1, Why: "reading stopped: " + err.Error()}), true
		}
		row, err := r.row(record)
		if err != nil {
			faults = append(faults, digest.ImportFault{Line: r.records.at, Why: err.Error()})
			continue
		}
		rows = append(rows, r.mark(row, portion))
	}
	return rows, faults, false
}

// mark says of a row whether its address stood in an earlier portion.
func (r *Roll) mark(row digest.ImportRow, portion map[uint64]struct{}) digest.ImportRow {
	id := binary.BigEndian.Uint64(row.Hash)
	if _, here := portion[id]; here {
		return row
	}
	portion[id] = struct{}{}
	_, row.Again = r.seen[id]
	r.seen[id] = struct{}{}
	return row
}

func (r *Roll) next() ([]string, error) {
	if r.bare != nil {
		record := r.bare
		r.bare = nil
		return record, nil
	}
	return r.records.record()
}

// Address reads a mail address as people write it: an international domain
// goes in its ASCII form.
func Address(s string) (string, error) {
	s = strings.TrimSpace(s)
	if at := strings.LastIndexByte(s, '@'); at >= 0 {
		if ascii, err := idna.Lookup.ToASCII(s[at+1:]); err == nil {
			s = s[:at+1] + ascii
		}
	}
	return digest.ParseAddress(s)
}
