package main

import (
	"context"
	"crypto/sha256"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"

	"courant/digest"
	"courant/digest/enrol"
	"courant/digest/schedule"

	"github.com/spf13/cobra"
)

// importFlags are what an import may be told.
type importFlags struct {
	list, encoding, consent, report string
	columns                         []string
	try                             bool
}

func (p *program) importCommand() *cobra.Command {
	var flags importFlags
	c := &cobra.Command{
		Use:   "import FILE",
		Short: "Put the readers of a CSV file on a list",
		Long: `Put the readers of a CSV file on a list, or of an export of listmonk, Mailchimp
(the archive as it comes) or Ghost. "-" reads standard input.

The first line names the columns: email, and where you like name (or first and
last name), time_zone, language, categories (Military;World), frequency (every,
daily, weekly or weekly:monday), state (active, unsubscribed, bounced ...).
Categories and frequency are set for every digest of the list. --map says what a
column of another name holds.

Imported readers are active at once, the file is noted as the source of their
consent. Nobody who left, bounced or was erased comes back by an import, and
those of whom the file says so are kept off for good. An import that was
stopped goes on where it was when the same file is imported again.`,
		Example: `  courant readers import readers.csv --dry-run
  courant readers import readers.csv --list weekend --map 'Mail privat=email'
  courant readers import audience_export.zip --consent "Mailchimp, sign-up form of the site"`,
		Args: arguments(1, 1),
		RunE: func(c *cobra.Command, args []string) error {
			return p.with(c.Context(), p.quiet(), func(h *house) error { return p.importReaders(c.Context(), h, args[0], flags) })
		},
	}
	listFlag(c, &flags.list)
	c.Flags().BoolVar(&flags.try, "dry-run", false, "say what would become of each line, and change nothing")
	c.Flags().StringArrayVar(&flags.columns, "map", nil, "`COLUMN=MEANING`: what a column of the file holds (email, name, language ...); nothing behind the = leaves it out")
	c.Flags().StringVar(&flags.encoding, "encoding", "", "the file's `ENCODING`, where it is not seen (iso-8859-2, shift_jis ...)")
	c.Flags().StringVar(&flags.consent, "consent", "", "where the readers gave their consent, in `WORDS`; otherwise the file's name is noted")
	c.Flags().StringVar(&flags.report, "report", "", "write a line for each line that puts nobody on the list to `FILE`, as CSV")
	return c
}

// importPortion is how many rows go into one transaction.
const importPortion = 20_000

// importing is one import on its way.
type importing struct {
	p       *program
	h       *house
	flags   importFlags
	list    string
	digests []string
	columns map[string]string
	report  *csv.Writer
	total   digest.ImportResult
	faulty  int
	line    atomic.Int64
	part    string // of an archive; empty: the file is one
}

func (p *program) importReaders(ctx context.Context, h *house, file string, flags importFlags) (err error) {
	i := importing{p: p, h: h, flags: flags, columns: map[string]string{}}
	if i.list, i.digests, err = h.config.listNamed(flags.list); err != nil {
		return err
	}
	for _, named := range flags.columns {
		from, to, ok := strings.Cut(named, "=")
		if !ok {
			return misuse{fmt.Errorf("--map %q: it goes like --map 'E-Mail=email'", named)}
		}
		i.columns[strings.TrimSpace(from)] = strings.TrimSpace(to)
	}
	if err := enrol.CheckNames(i.columns); err != nil {
		return misuse{fmt.Errorf("--map: %w", err)}
	}
	if flags.report != "" {
		out, err := os.Create(flags.report)
		if err != nil {
			return fmt.Errorf("write the report: %w", err)
		}
		i.report = csv.NewWriter(out)
		defer func() {
			i.report.Flush()
			err = errors.Join(err, i.report.Error(), out.Close())
		}()
		if err := i.report.Write([]string{"file", "line", "what", "why"}); err != nil {
			return fmt.Errorf("write the report: %w", err)
		}
	}
	stop := showProgress(ctx, p.stderr, func() string { return fmt.Sprintf("line %d", i.line.Load()) })
	defer stop()
	if err := i.parts(ctx, file); err != nil {
		return err
	}
	stop()
	return i.tell()
}

// parts imports the tables of a file one after the other.
func (i *importing) parts(ctx context.Context, file string) error {
	if file == "-" {
		return i.table(ctx, "standard input", i.p.stdin, nil)
	}
	f, err := os.Open(file)
	if err != nil {
		return fmt.Errorf("read readers: %w", err)
	}
	defer f.Close() // read only
	info, err := f.Stat()
	switch {
	case err != nil:
		return fmt.Errorf("read readers: %w", err)
	case info.IsDir():
		return misuse{fmt.Errorf("%s is a directory; name a file", file)}
	case !info.Mode().IsRegular():
		return i.table(ctx, filepath.Base(file), f, nil)
	}
	parts, err := enrol.Parts(f, info.Size(), filepath.Base(file))
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	for _, part := range parts {
		if len(parts) > 1 {
			i.part = part.Name
		}
		content, err := sumOf(part)
		if err != nil {
			return fmt.Errorf("%s: %w", part.Name, err)
		}
		in, err := part.Open()
		if err != nil {
			return fmt.Errorf("%s: %w", part.Name, err)
		}
		err = i.table(ctx, part.Name, in, content)
		if err = errors.Join(err, in.Close()); err != nil {
			return err
		}
	}
	return nil
}

// sumOf names a table by what is in it.
func sumOf(part enrol.Part) ([]byte, error) {
	in, err := part.Open()
	if err != nil {
		return nil, err
	}
	defer in.Close() // read only
	sum := sha256.New()
	if _, err := io.Copy(sum, in); err != nil {
		return nil, err
	}
	return sum.Sum(nil), nil
}

// table imports one table, behind what an import of it that was stopped has
// done already.
func (i *importing) table(ctx context.Context, name string, in io.Reader, content []byte) error {
	roll, err := enrol.Open(in, enrol.Options{
		File: name, Columns: i.columns, Encoding: i.flags.encoding, CheckZone: checkZone, Hash: i.h.keys.AddressHash,
	})
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	i.introduce(name, roll)
	through := 0
	if content != nil && !i.flags.try {
		var before digest.ImportResult
		if before, through, err = i.h.store.ImportBegun(ctx, i.list, content); err != nil {
			return err
		}
		if through > 0 {
			i.p.tell("%s: up to line %d it was imported before; going on behind that", name, through)
			i.total.Add(before)
		}
	}
	consent := i.flags.consent
	if consent == "" {
		consent = "import of " + filepath.Base(name)
	}
	ahead, stop := read(roll)
	defer stop()
	for got := range ahead {
		i.line.Store(int64(got.through))
		if got.through <= through && !got.end {
			continue
		}
		portion := digest.Import{List: i.list, Digests: i.digests, Consent: consent, Rows: i.due(got.rows, through), Try: i.flags.try,
			Content: content, Through: got.through, Last: got.end}
		if i.flags.try {
			portion.Content = nil
		}
		r, err := i.h.store.Import(ctx, portion)
		if err != nil {
			return fmt.Errorf("%w; the lines before %d are imported, and the same file goes on there when it is imported again", err, got.through-len(got.rows)+1)
		}
		r.Faults = append(got.faults, r.Faults...)
		if err := i.add(r); err != nil {
			return err
		}
	}
	return nil
}

// portion is what was read of a table in one go.
type portion struct {
	rows    []digest.ImportRow
	faults  []digest.ImportFault
	through int // the last of its lines
	end     bool
}

// read reads a table one portion ahead of who takes them: the next one is
// parsed while the database works. The last one ends it, and so does stop.
func read(roll *enrol.Roll) (ahead <-chan portion, stop func()) {
	portions, stopped := make(chan portion), make(chan struct{})
	go func() {
		defer close(portions)
		for end := false; !end; {
			var p portion
			p.rows, p.faults, p.end = roll.Portion(importPortion)
			p.through, end = roll.Line(), p.end
			select {
			case portions <- p:
			case <-stopped:
				return
			}
		}
	}()
	// It isn't waited for: standard input may bring nothing for hours.
	return portions, func() { close(stopped) }
}

// due are the rows that are not in yet. A try leaves out those it tried
// before, for it can't see what became of them.
func (i *importing) due(rows []digest.ImportRow, through int) []digest.ImportRow {
	kept := rows[:0]
	for _, r := range rows {
		switch {
		case r.Line <= through:
		case i.flags.try && r.Again:
			i.total.Repeated++
		default:
			kept = append(kept, r)
		}
	}
	return kept
}

// introduce says what the file was taken for.
func (i *importing) introduce(name string, roll *enrol.Roll) {
	if roll.Kind != enrol.Plain {
		i.p.tell("%s: an export of %s", name, roll.Kind)
	}
	if len(roll.Ignored) > 0 {
		i.p.tell("columns left out: %s; an import reads email, name, time_zone, language, categories, frequency and state", strings.Join(roll.Ignored, ", "))
	}
}

// mostTold is how many lines are named on the terminal; a report names all.
const mostTold = 50

// add counts a portion, names its faults, and writes its lines into the report.
func (i *importing) add(r digest.ImportResult) error {
	for _, f := range r.Faults {
		if i.faulty++; i.faulty <= mostTold {
			i.p.tell("%sline %d: %s", i.prefix(), f.Line, f.Why)
		}
	}
	for _, kind := range []struct {
		what  string
		lines []digest.ImportFault
	}{{"not imported", r.Faults}, {"away", r.Away}} {
		for _, f := range kind.lines {
			if i.report == nil {
				break
			}
			if err := i.report.Write([]string{enrol.Guard(i.part), strconv.Itoa(f.Line), kind.what, enrol.Guard(f.Why)}); err != nil {
				return fmt.Errorf("write the report: %w", err)
			}
		}
	}
	r.Faults, r.Away = nil, nil
	i.total.Add(r)
	return nil
}

func (i *importing) prefix() string {
	if i.part == "" {
		return ""
	}
	return i.part + ", "
}

// tell sums up what became of the file.
func (i *importing) tell() error {
	r, would := i.total, ""
	if i.flags.try {
		would = " (a dry run, nothing was changed)"
	}
	extra := ""
	if r.Gone > 0 {
		extra += fmt.Sprintf(", %d gone (the file says so)", r.Gone)
	}
	if r.Unconfirmed > 0 {
		extra += fmt.Sprintf(", %d never confirmed", r.Unconfirmed)
	}
	fmt.Fprintf(i.p.stdout, "%s: %d added, %d updated, %d unchanged, %d stay away (left), %d get no mail (suppressed)%s, %d repeated, %d not imported%s\n",
		i.list, r.Added, r.Updated, r.Unchanged, r.Left, r.Suppressed, extra, r.Repeated, i.faulty, would)
	if i.faulty > mostTold {
		i.p.tell("%d more lines were not imported; --report FILE names them all", i.faulty-mostTold)
	}
	if i.faulty > 0 {
		return fmt.Errorf("%d lines were not imported; mend them and import the file again", i.faulty)
	}
	return nil
}

// checkZone is the room's judgement of a zone, with the one probably meant.
func checkZone(name string) error {
	err := schedule.CheckZone(name)
	if near := nearestZone(name); err != nil && near != "" {
		return fmt.Errorf("time zone %q is not known; did you mean %q?", name, near)
	}
	return err
}
