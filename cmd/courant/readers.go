package main

import (
	"bufio"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"courant/digest"
	"courant/digest/schedule"

	"github.com/spf13/cobra"
	"golang.org/x/net/idna"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/language"
)

func (p *program) readersCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "readers",
		Short: "Import, list, add, remove and erase readers",
		Args:  noArguments,
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(p.importCommand(), p.exportCommand(), p.listCommand(), p.addCommand(), p.removeCommand(), p.eraseCommand())
	return c
}

// listFlag adds --list, which may be left out where the config has one list.
func listFlag(c *cobra.Command, list *string) {
	c.Flags().StringVar(list, "list", "", "the `LIST`; may be left out where the config has only one")
}

// listNamed finds the list and the digests that go to it.
func (c Config) listNamed(name string) (string, []string, error) {
	names := c.listNames()
	switch {
	case len(names) == 0:
		return "", nil, fmt.Errorf("%s has no lists; add one under lists", c.File)
	case name == "" && len(names) == 1:
		name = names[0]
	case name == "":
		return "", nil, misuse{fmt.Errorf("which list? say --list %s", strings.Join(names, " or --list "))}
	case !slices.Contains(names, name):
		return "", nil, misuse{fmt.Errorf("there is no list %q in %s; it has %s", name, c.File, strings.Join(names, ", "))}
	}
	var digests []string
	for _, d := range c.Digests {
		if slices.Contains(d.Lists, name) {
			digests = append(digests, d.Name)
		}
	}
	return name, digests, nil
}

func (p *program) importCommand() *cobra.Command {
	var list string
	c := &cobra.Command{
		Use:   "import FILE",
		Short: "Put the readers of a CSV file on a list",
		Long: `Put the readers of a CSV file on a list.

The first line names the columns: email, and where you like name, time_zone,
language, categories (Military;World), frequency (every, daily, weekly or
weekly:monday). Categories and frequency are set for every digest of the list.
Imported readers are active at once, the file is noted as the source of their
consent. Nobody who left, bounced or was erased comes back by an import. "-"
reads standard input.`,
		Args: arguments(1, 1),
		RunE: func(c *cobra.Command, args []string) error {
			return p.with(c.Context(), p.quiet(), func(h *house) error { return p.importReaders(c.Context(), h, args[0], list) })
		},
	}
	listFlag(c, &list)
	return c
}

// importPortion is how many rows go into one transaction.
const importPortion = 20_000

func (p *program) importReaders(ctx context.Context, h *house, file, list string) (err error) {
	list, digests, err := h.config.listNamed(list)
	if err != nil {
		return err
	}
	in := p.stdin
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return fmt.Errorf("read readers: %w", err)
		}
		defer f.Close() // read only
		in = f
	}
	rows, err := newReaderRows(in, h.keys)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	if len(rows.ignored) > 0 {
		p.tell("columns left out: %s; an import reads email, name, time_zone, language, categories and frequency", strings.Join(rows.ignored, ", "))
	}
	var total digest.ImportResult
	stop := showProgress(ctx, p.stderr, func() string { return fmt.Sprintf("line %d", rows.line) })
	defer stop()
	consent := "import of " + filepath.Base(file)
	for {
		portion, faults, end := rows.portion(importPortion)
		total.Faults = append(total.Faults, faults...)
		if len(portion) > 0 {
			r, err := h.store.ImportReaders(ctx, list, digests, portion, consent)
			if err != nil {
				return fmt.Errorf("%w; lines up to %d are imported, the same file may be imported again", err, rows.imported)
			}
			total.Add(r)
			rows.imported = rows.line
		}
		if end {
			break
		}
	}
	stop()
	return p.tellImport(list, total)
}

func (p *program) tellImport(list string, r digest.ImportResult) error {
	fmt.Fprintf(p.stdout, "%s: %d added, %d updated, %d unchanged, %d stay away (left), %d get no mail (suppressed), %d repeated, %d not imported\n",
		list, r.Added, r.Updated, r.Unchanged, r.Left, r.Suppressed, r.Repeated, len(r.Faults))
	for _, f := range r.Faults {
		p.tell("line %d: %s", f.Line, f.Why)
	}
	if len(r.Faults) > 0 {
		return fmt.Errorf("%d lines were not imported; mend them and import the file again", len(r.Faults))
	}
	return nil
}

// readerRows reads a CSV file of readers.
type readerRows struct {
	in       *bufio.Reader
	comma    rune
	keys     *digest.Keyring
	columns  map[string]int
	ignored  []string // columns of the head line that say nothing to us
	pending  []string // lines that were read and are still to come
	line     int      // read so far
	at       int      // where the record in hand begins
	imported int
	zones    map[string]error
}

// newReaderRows reads the head line. The delimiter is the one the head has
// most of; a byte order mark is dropped.
func newReaderRows(in io.Reader, keys *digest.Keyring) (*readerRows, error) {
	buffered := bufio.NewReaderSize(in, 1<<20)
	if bom, err := buffered.Peek(3); err == nil && string(bom) == "\uFEFF" {
		if _, err := buffered.Discard(3); err != nil {
			return nil, fmt.Errorf("read readers: %w", err)
		}
	}
	// A short file is no error here: the head is whatever comes.
	start, err := buffered.Peek(4096)
	if err != nil && !errors.Is(err, io.EOF) && len(start) == 0 {
		return nil, fmt.Errorf("read readers: %w", err)
	}
	head, _, _ := strings.Cut(string(start), "\n")
	r := &readerRows{in: buffered, comma: ',', keys: keys, columns: map[string]int{}, zones: map[string]error{}}
	for _, delimiter := range ",;\t" {
		if strings.Count(head, string(delimiter)) > strings.Count(head, string(r.comma)) {
			r.comma = delimiter
		}
	}
	names, err := r.record()
	if err != nil {
		return nil, errors.New("the file is empty, or its first line is no CSV; that names the columns, at least email")
	}
	return r, r.nameColumns(names)
}

var columnNames = map[string]string{
	"email": "email", "e-mail": "email", "mail": "email", "address": "email", "email address": "email", "email_address": "email",
	"name": "name", "full name": "name", "full_name": "name",
	"time_zone": "time_zone", "timezone": "time_zone", "time zone": "time_zone", "zone": "time_zone",
	"language": "language", "lang": "language", "categories": "categories", "frequency": "frequency",
}

func (r *readerRows) nameColumns(names []string) error {
	if len(names) > 0 && strings.ContainsAny(names[0], "\x00\uFFFE") {
		return errors.New("the file is not in UTF-8 (UTF-16, as it seems); save it as CSV in UTF-8")
	}
	for i, name := range names {
		column, ok := columnNames[strings.ToLower(strings.TrimSpace(name))]
		if _, twice := r.columns[column]; !ok || twice {
			r.ignored = append(r.ignored, digest.PlainLine(name, 60))
			continue
		}
		r.columns[column] = i
	}
	if _, ok := r.columns["email"]; ok {
		return nil
	}
	if len(names) > 0 && strings.Contains(names[0], "@") {
		return errors.New("the first line must name the columns; put a line that says email above the addresses")
	}
	return fmt.Errorf("no column is named email; the columns are %s", digest.PlainLine(strings.Join(names, ", "), 200))
}

// longestLine bounds one line of a file of readers.
const longestLine = 1 << 16

var (
	errLong  = errors.New("the line is longer than 64 KB")
	errQuote = errors.New("the line is no CSV")
)

// nextLine reads one line, however it ends: \n, \r\n or a lone \r.
func (r *readerRows) nextLine() (string, error) {
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

func (r *readerRows) ended(line string) (string, error) {
	r.line++
	if len(line) > longestLine {
		return "", errLong
	}
	return line, nil
}

// record reads the cells of the next line that is not blank, with the lines
// that a quoted cell goes on over.
func (r *readerRows) record() ([]string, error) {
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

func (r *readerRows) cells(line string) ([]string, error) {
	c := csv.NewReader(strings.NewReader(line))
	c.Comma, c.FieldsPerRecord, c.TrimLeadingSpace = r.comma, -1, true
	return c.Read()
}

// mostLines is how many lines a quoted cell may go on over.
const mostLines = 20

// whole adds the lines that an open quote goes on over. Where it is never
// closed, or the lines below are readers of their own, the line stays as it
// is: a stray quote costs its own line, and never takes the readers below it
// for a part of a name.
func (r *readerRows) whole(line string) string {
	joined, more := line, []string(nil)
	for len(more) < mostLines && len(joined) < longestLine {
		next, err := r.nextLine()
		if err != nil {
			break
		}
		more = append(more, next)
		joined += "\n" + next
		if strings.Count(joined, `"`)%2 != 0 {
			continue
		}
		if _, err := r.cells(joined); err == nil && !slices.ContainsFunc(more, r.isReader) {
			return joined
		}
		break
	}
	r.line -= len(more)
	r.pending = append(more, r.pending...)
	return line
}

// isReader says whether a line has an address where the column of addresses
// is.
func (r *readerRows) isReader(line string) bool {
	cells := strings.Split(line, string(r.comma))
	at, ok := r.columns["email"]
	if !ok || at >= len(cells) || len(cells) < 2 && len(r.columns) > 1 {
		return false
	}
	_, err := mailAddress(strings.Trim(cells[at], `" `))
	return err == nil
}

// portion reads up to n rows; end says that the file is read.
func (r *readerRows) portion(n int) (rows []digest.ImportRow, faults []digest.ImportFault, end bool) {
	for len(rows) < n {
		record, err := r.record()
		switch {
		case errors.Is(err, io.EOF):
			return rows, faults, true
		case errors.Is(err, errLong), errors.Is(err, errQuote):
			faults = append(faults, digest.ImportFault{Line: r.at, Why: err.Error()})
			continue
		case err != nil:
			return rows, append(faults, digest.ImportFault{Line: r.line + 1, Why: "reading stopped: " + err.Error()}), true
		}
		row, err := r.row(record)
		if err != nil {
			faults = append(faults, digest.ImportFault{Line: r.at, Why: err.Error()})
			continue
		}
		rows = append(rows, row)
	}
	return rows, faults, false
}

func (r *readerRows) row(record []string) (digest.ImportRow, error) {
	row := digest.ImportRow{Line: r.at, Name: digest.PlainLine(r.field(record, "name"), digest.MaxName)}
	var err error
	if row.Address, err = mailAddress(r.field(record, "email")); err != nil {
		return row, fmt.Errorf("email %q: %w", digest.PlainLine(r.field(record, "email"), 100), err)
	}
	row.Hash = r.keys.AddressHash(row.Address)
	if row.Zone = r.field(record, "time_zone"); row.Zone != "" {
		if err := r.checkZone(row.Zone); err != nil {
			return row, err
		}
	}
	if row.Language, err = languageTag(r.field(record, "language")); err != nil {
		return row, err
	}
	for c := range strings.SplitSeq(r.field(record, "categories"), ";") {
		if c = digest.PlainLine(c, 200); c != "" && !slices.Contains(row.Categories, c) {
			row.Categories = append(row.Categories, c)
		}
	}
	slices.Sort(row.Categories)
	return row, readFrequency(&row, r.field(record, "frequency"))
}

// languageTag cleans a BCP 47 tag; empty stays empty.
func languageTag(s string) (string, error) {
	if s == "" {
		return "", nil
	}
	tag, err := language.Parse(s)
	if err != nil {
		return "", fmt.Errorf("language %q is not like en or pt-BR", digest.PlainLine(s, 40))
	}
	return tag.String(), nil
}

// field is a cell, in UTF-8: a file of an old spreadsheet is taken as
// Windows-1252.
func (r *readerRows) field(record []string, column string) string {
	i, ok := r.columns[column]
	if !ok || i >= len(record) {
		return ""
	}
	s := strings.TrimSpace(record[i])
	if bare, quoted := strings.CutPrefix(s, "'"); quoted && harmless(bare) != bare {
		s = bare // as an export wrote it
	}
	if utf8.ValidString(s) {
		return s
	}
	if decoded, err := charmap.Windows1252.NewDecoder().String(s); err == nil {
		return decoded
	}
	return s
}

func (r *readerRows) checkZone(name string) error {
	err, known := r.zones[name]
	if !known {
		err = checkZone(name)
		r.zones[name] = err
	}
	return err
}

// checkZone is the room's judgement of a zone, with the one probably meant.
func checkZone(name string) error {
	err := schedule.CheckZone(name)
	if near := nearestZone(name); err != nil && near != "" {
		return fmt.Errorf("time zone %q is not known; did you mean %q?", name, near)
	}
	return err
}

// readFrequency reads every, daily, weekly or weekly:monday.
func readFrequency(row *digest.ImportRow, s string) error {
	if s == "" {
		return nil
	}
	word, day, hasDay := strings.Cut(s, ":")
	f, err := digest.ParseFrequency(word)
	if err != nil {
		return err
	}
	row.Frequency = f
	if !hasDay {
		return nil
	}
	for d := time.Sunday; d <= time.Saturday; d++ {
		name := strings.ToLower(d.String())
		if day = strings.ToLower(strings.TrimSpace(day)); f == digest.Weekly && (day == name || day == name[:3]) {
			row.Weekday = &d
			return nil
		}
	}
	return fmt.Errorf("frequency %q is not one of every, daily, weekly, weekly:monday", digest.PlainLine(s, 40))
}

// mailAddress cleans an address as people write it; an internationalised
// domain becomes ASCII (RFC 5891).
func mailAddress(s string) (string, error) {
	s = strings.TrimSpace(s)
	if at := strings.LastIndexByte(s, '@'); at >= 0 {
		if ascii, err := idna.Lookup.ToASCII(s[at+1:]); err == nil {
			s = s[:at+1] + ascii
		}
	}
	return digest.ParseAddress(s)
}

func (p *program) listCommand() *cobra.Command {
	var list string
	c := &cobra.Command{
		Use:   "list",
		Short: "Show the readers of a list",
		Args:  arguments(0, 0),
		RunE: func(c *cobra.Command, _ []string) error {
			return p.with(c.Context(), p.quiet(), func(h *house) error {
				return p.eachReader(c.Context(), h, list, func(r digest.Listed) error {
					state := string(r.State)
					if r.Suppressed != "" {
						state = "suppressed: " + r.Suppressed // a complaint is the longest
					}
					_, err := fmt.Fprintf(p.stdout, "%-40s %-21s %s\n", r.Address, state, r.Name)
					return err
				})
			})
		},
	}
	listFlag(c, &list)
	return c
}

func (p *program) eachReader(ctx context.Context, h *house, list string, act func(digest.Listed) error) error {
	list, _, err := h.config.listNamed(list)
	if err != nil {
		return err
	}
	var after digest.ReaderID
	for {
		page, err := h.store.Readers(ctx, list, after, 1000)
		if err != nil {
			return err
		}
		for _, r := range page {
			if err := act(r); err != nil {
				return fmt.Errorf("write readers: %w", err)
			}
		}
		if len(page) == 0 {
			return nil
		}
		after = page[len(page)-1].ID
	}
}

func (p *program) exportCommand() *cobra.Command {
	var list string
	c := &cobra.Command{
		Use:   "export",
		Short: "Write the readers of a list as CSV",
		Long: `Write the readers of a list as CSV, with their state. The active ones can be
imported again as they are. Cells that a spreadsheet would run as a formula
begin with an apostrophe.`,
		Args: arguments(0, 0),
		RunE: func(c *cobra.Command, _ []string) error {
			return p.with(c.Context(), p.quiet(), func(h *house) error { return p.exportReaders(c.Context(), h, list) })
		},
	}
	listFlag(c, &list)
	return c
}

func (p *program) exportReaders(ctx context.Context, h *house, list string) error {
	w := csv.NewWriter(p.stdout)
	if err := w.Write([]string{"email", "name", "time_zone", "language", "categories", "frequency", "state", "since", "consent", "suppressed"}); err != nil {
		return fmt.Errorf("write readers: %w", err)
	}
	err := p.eachReader(ctx, h, list, func(r digest.Listed) error {
		categories, frequency := exportedChoices(r.Choices)
		return w.Write([]string{harmless(r.Address), harmless(r.Name), r.Zone, r.Language, categories, frequency, string(r.State),
			r.Since.UTC().Format(time.RFC3339), harmless(r.Consent), r.Suppressed})
	})
	w.Flush()
	return errors.Join(err, w.Error())
}

// exportedChoices are a reader's categories and frequency as an import takes
// them: those of the first digest that has some.
func exportedChoices(choices []digest.Choices) (categories, frequency string) {
	for _, c := range choices {
		if categories == "" {
			categories = harmless(strings.Join(c.Categories, ";"))
		}
		if frequency == "" && c.Frequency != digest.EveryEdition {
			frequency = string(c.Frequency)
			if c.OnWeekday {
				frequency += ":" + strings.ToLower(c.Weekday.String())
			}
		}
	}
	return categories, frequency
}

// harmless quotes what a spreadsheet would take for a formula.
func harmless(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return "'" + s
	}
	return s
}

func (p *program) addCommand() *cobra.Command {
	var list string
	var row digest.ImportRow
	c := &cobra.Command{
		Use:   "add ADDRESS",
		Short: "Put one reader on a list",
		Args:  arguments(1, 1),
		RunE: func(c *cobra.Command, args []string) error {
			return p.with(c.Context(), p.quiet(), func(h *house) error { return p.addReader(c.Context(), h, list, args[0], row) })
		},
	}
	listFlag(c, &list)
	c.Flags().StringVar(&row.Name, "name", "", "the reader's `NAME`")
	c.Flags().StringVar(&row.Zone, "time-zone", "", "the reader's IANA time `ZONE`")
	c.Flags().StringVar(&row.Language, "language", "", "the reader's `LANGUAGE`, like en or pt-BR")
	return c
}

func (p *program) addReader(ctx context.Context, h *house, list, address string, row digest.ImportRow) error {
	list, digests, err := h.config.listNamed(list)
	if err != nil {
		return err
	}
	if row.Address, err = mailAddress(address); err != nil {
		return misuse{fmt.Errorf("%s: %w", address, err)}
	}
	if row.Language, err = languageTag(row.Language); err != nil {
		return misuse{fmt.Errorf("--language: %w", err)}
	}
	if row.Zone != "" {
		if err := checkZone(row.Zone); err != nil {
			return misuse{fmt.Errorf("--time-zone: %w", err)}
		}
	}
	row.Line, row.Hash, row.Name = 1, h.keys.AddressHash(row.Address), digest.PlainLine(row.Name, digest.MaxName)
	r, err := h.store.AddReader(ctx, list, digests, row, "added by hand")
	switch {
	case err != nil:
		return err
	case len(r.Faults) > 0:
		return fmt.Errorf("%s: %s", row.Address, r.Faults[0].Why)
	case r.Left > 0:
		return fmt.Errorf("%s left and stays away; only the reader can come back", row.Address)
	case r.Suppressed > 0:
		return fmt.Errorf("%s gets no mail (it bounced, complained or was erased); `courant why %s` tells more", row.Address, row.Address)
	}
	fmt.Fprintf(p.stdout, "%s is on %s\n", row.Address, list)
	return nil
}

// reader finds the reader of an address given on the command line.
func (h *house) reader(ctx context.Context, address string) (digest.Reader, []byte, error) {
	address, err := mailAddress(address)
	if err != nil {
		return digest.Reader{}, nil, misuse{fmt.Errorf("%s: %w", address, err)}
	}
	hash := h.keys.AddressHash(address)
	r, err := h.store.FindReader(ctx, hash)
	if errors.Is(err, digest.ErrNotFound) {
		return r, hash, fmt.Errorf("nobody with the address %s is known; `courant readers list` shows the readers", address)
	}
	return r, hash, err
}

func (p *program) removeCommand() *cobra.Command {
	var list string
	c := &cobra.Command{
		Use:   "remove ADDRESS",
		Short: "Take one reader off a list",
		Args:  arguments(1, 1),
		RunE: func(c *cobra.Command, args []string) error {
			return p.with(c.Context(), p.quiet(), func(h *house) error {
				list, _, err := h.config.listNamed(list)
				if err != nil {
					return err
				}
				_, hash, err := h.reader(c.Context(), args[0])
				if err != nil {
					return err
				}
				if err := h.store.RemoveReader(c.Context(), list, hash, h.now()); err != nil {
					return err
				}
				fmt.Fprintf(p.stdout, "%s is off %s\n", args[0], list)
				return nil
			})
		},
	}
	listFlag(c, &list)
	return c
}

func (p *program) eraseCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "erase ADDRESS",
		Short: "Forget a reader; only a keyed hash stays, which keeps the address off imports",
		Args:  arguments(1, 1),
		RunE: func(c *cobra.Command, args []string) error {
			return p.with(c.Context(), p.quiet(), func(h *house) error {
				_, hash, err := h.reader(c.Context(), args[0])
				if err != nil {
					return err
				}
				if err := h.store.EraseReader(c.Context(), hash, h.now()); err != nil {
					return err
				}
				fmt.Fprintf(p.stdout, "%s is erased; no mail goes there again\n", args[0])
				return nil
			})
		},
	}
}
