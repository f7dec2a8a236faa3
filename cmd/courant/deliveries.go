package main

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"courant/digest"
	"courant/digest/enrol"
	"courant/digest/explain"

	"github.com/spf13/cobra"
)

// asked is what `courant deliveries` is asked for, as typed.
type asked struct {
	edition, state, since, reader, class string
	limit                                int
	asCSV, asJSON                        bool
}

func (p *program) deliveriesCommand() *cobra.Command {
	var a asked
	c := &cobra.Command{
		Use:   "deliveries",
		Short: "List rows of the ledger: who got which edition, and what the server said",
		Long: `List rows of the ledger, the newest edition first: whom an edition went to, in
which state each delivery is, and what the mail server said. Without --edition
these are the editions of the last seven days, with --reader those of the last
35. Nothing is changed.

--state takes a state of the ledger, or "deferred": queued for later, after an
attempt or because the mail domain takes nothing now. With --csv cells that a spreadsheet would run as a formula begin with
an apostrophe.`,
		Example: "  courant deliveries --edition morning/12 --state refused\n  courant deliveries --since 24h --state deferred --csv > deferred.csv",
		Args:    arguments(0, 0),
		RunE: func(c *cobra.Command, _ []string) error {
			sieve, err := a.sieve()
			if err != nil {
				return misuse{err}
			}
			since, err := a.from(p.now())
			if err != nil {
				return misuse{err}
			}
			return p.with(c.Context(), p.quiet(), func(h *house) error { return p.deliveries(c.Context(), h, a, sieve, since) })
		},
	}
	f := c.Flags()
	f.StringVar(&a.edition, "edition", "", "of one `EDITION`: its number, or DIGEST/NUMBER; DIGEST alone is all of its editions")
	f.StringVar(&a.state, "state", "", "in this `STATE`")
	f.StringVar(&a.since, "since", "", "of editions since `WHEN`: a date (2026-11-22) or how long ago (36h, 7d)")
	f.StringVar(&a.reader, "reader", "", "to one reader's `ADDRESS`")
	f.StringVar(&a.class, "class", "", "whose last reply is of this `CLASS`")
	f.IntVar(&a.limit, "limit", 0, "at most so many `ROWS`; 0: all")
	f.BoolVar(&a.asCSV, "csv", false, "as CSV, with the Message-ID")
	f.BoolVar(&a.asJSON, "json", false, "one JSON object a line")
	return c
}

// deferredState is the state that people call what is queued after an attempt.
const deferredState = "deferred"

// stateNames and classNames are what --state and --class take.
func stateNames() []string {
	names := []string{deferredState}
	for _, s := range digest.DeliveryStates() {
		names = append(names, string(s))
	}
	return names
}

func classNames() (names []string) {
	for _, c := range digest.Classes() {
		names = append(names, string(c))
	}
	return names
}

// sieve reads the flags that pick rows of an edition.
func (a asked) sieve() (digest.Sieve, error) {
	s := digest.Sieve{State: digest.DeliveryState(strings.ReplaceAll(a.state, "-", " ")), Class: digest.Class(a.class)}
	switch {
	case a.limit < 0:
		return s, errors.New("--limit takes a number of rows")
	case a.asCSV && a.asJSON:
		return s, errors.New("--csv and --json are two answers; take one")
	case a.state != "" && !slices.Contains(stateNames(), string(s.State)):
		return s, fmt.Errorf("--state %s: the states are %s%s", a.state, strings.Join(stateNames(), ", "), didYouMean(a.state, stateNames()))
	case a.class != "" && !slices.Contains(classNames(), a.class):
		return s, fmt.Errorf("--class %s: the classes are %s%s", a.class, strings.Join(classNames(), ", "), didYouMean(a.class, classNames()))
	}
	if s.State == deferredState {
		s.State, s.Deferred = digest.Queued, true
	}
	return s, nil
}

// from is since when editions are asked for.
func (a asked) from(now time.Time) (time.Time, error) {
	switch {
	case a.since == "" && strings.Contains(a.edition, "/"), a.since == "" && isNumber(a.edition):
		return time.Time{}, nil
	case a.since == "" && a.reader != "":
		return now.AddDate(0, 0, -35), nil
	case a.since == "":
		return now.AddDate(0, 0, -7), nil
	}
	if day, err := time.Parse(time.DateOnly, a.since); err == nil {
		return day.Add(-14 * time.Hour), nil // a local day may begin so long before
	}
	ago, err := time.ParseDuration(a.since)
	if days, ok := strings.CutSuffix(a.since, "d"); ok {
		var n int
		n, err = strconv.Atoi(days)
		ago = time.Duration(n) * 24 * time.Hour
	}
	if err != nil || ago < 0 {
		return time.Time{}, fmt.Errorf("--since %s: it takes a date like 2026-11-22, or how long ago, like 36h or 7d", a.since)
	}
	return now.Add(-ago), nil
}

func isNumber(s string) bool {
	n, err := strconv.Atoi(s)
	return err == nil && n > 0
}

// ledgerPage is how many rows are held at a time.
const ledgerPage = 1000

// deliveries writes the rows, page by page.
func (p *program) deliveries(ctx context.Context, h *house, a asked, sieve digest.Sieve, since time.Time) error {
	editions, err := h.editionsAsked(ctx, a.edition, since)
	if err != nil {
		return err
	}
	if a.reader != "" {
		r, _, err := h.reader(ctx, a.reader)
		if err != nil {
			return err
		}
		sieve.Reader = r.ID
	}
	write, end := p.ledgerWriter(a)
	rows := 0
	for _, e := range editions {
		if e.State == digest.EditionHeld { // its rows stay queued, and say nothing of why
			p.tell("%s is held: %s", editionName(e), e.HeldReason)
		}
		for after := digest.ReaderID(0); a.limit == 0 || rows < a.limit; {
			n := ledgerPage
			if a.limit > 0 {
				n = min(n, a.limit-rows)
			}
			page, err := h.store.Ledger(ctx, e, sieve, after, n)
			if err != nil {
				return err
			}
			if err := write(page); err != nil {
				return fmt.Errorf("write deliveries: %w", err)
			}
			rows += len(page)
			if len(page) < n {
				break
			}
			after = page[len(page)-1].Reader
		}
	}
	if rows == 0 && !a.asCSV && !a.asJSON {
		fmt.Fprintln(p.stderr, "no delivery is like that")
	}
	return end()
}

// ledgerWriter is how a page of rows is written, and what ends it.
func (p *program) ledgerWriter(a asked) (write func([]digest.Posted) error, end func() error) {
	none := func() error { return nil }
	switch {
	case a.asJSON:
		return func(page []digest.Posted) error { return writeJSON(p, explain.Deliveries(page)) }, none
	case !a.asCSV:
		return explain.NewLedgerTable(p.stdout, p.look()).Page, none
	}
	w := csv.NewWriter(p.stdout)
	// Its error stays until it is asked for.
	_ = w.Write(explain.PostedColumns())
	flush := func() error {
		w.Flush()
		return w.Error()
	}
	return func(page []digest.Posted) error {
		for _, r := range explain.Deliveries(page) {
			cells := r.Cells()
			for i := range cells {
				cells[i] = enrol.Guard(cells[i])
			}
			_ = w.Write(cells)
		}
		return flush()
	}, flush
}

// editionsAsked finds the editions that --edition names, the newest first.
func (h *house) editionsAsked(ctx context.Context, asked string, since time.Time) ([]digest.Edition, error) {
	name, number := asked, 0
	if before, behind, ok := strings.Cut(asked, "/"); ok {
		if name = before; !isNumber(behind) {
			return nil, misuse{fmt.Errorf("edition %s: it takes a number like 12, or DIGEST/12", asked)}
		}
		number, _ = strconv.Atoi(behind)
	} else if isNumber(asked) {
		name = ""
		number, _ = strconv.Atoi(asked)
	}
	list, err := h.store.EditionsWhere(ctx, name, number, since)
	if err != nil {
		return nil, err
	}
	switch {
	case number > 0 && name == "" && len(list) > 1:
		var named []string
		for _, e := range list {
			named = append(named, fmt.Sprintf("%s/%d", e.Digest, e.Number))
		}
		return nil, misuse{fmt.Errorf("edition %s: several digests have an edition of that number: %s", asked, strings.Join(named, ", "))}
	case len(list) > 0 || asked == "":
		return list, nil
	}
	return nil, h.noEdition(ctx, asked, name, number)
}

// noEdition says what is missing of an edition that was asked for.
func (h *house) noEdition(ctx context.Context, asked, name string, number int) error {
	list, err := h.store.EditionsWhere(ctx, name, 0, time.Time{})
	if err != nil {
		return err
	}
	last := 0
	for _, e := range list {
		last = max(last, e.Number)
	}
	if name != "" && len(list) == 0 {
		if _, err := h.config.digestNamed(name); err != nil {
			return err
		}
	}
	switch {
	case number == 0 && last > 0:
		return fmt.Errorf("edition %s: it has no edition of that time; its last is number %d, see --since", asked, last)
	case last == 0:
		return fmt.Errorf("edition %s: there is no edition yet", asked)
	}
	return fmt.Errorf("edition %s: there is no such edition; the last is number %d", asked, last)
}
