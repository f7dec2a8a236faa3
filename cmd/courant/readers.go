package main

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"courant/digest"
	"courant/digest/enrol"
	"courant/digest/explain"

	"github.com/spf13/cobra"
)

func (p *program) readersCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "readers",
		Short: "Import, export, show, add, pause, remove and erase readers",
		Args:  noArguments,
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(p.importCommand(), p.exportCommand(), p.listCommand(), p.showReaderCommand(), p.addCommand(), p.pauseCommand(),
		p.removeCommand(), p.eraseCommand(), p.readerStatsCommand())
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

func (p *program) listCommand() *cobra.Command {
	var list string
	var asJSON bool
	c := &cobra.Command{
		Use:   "list",
		Short: "Show the readers of a list",
		Args:  arguments(0, 0),
		RunE: func(c *cobra.Command, _ []string) error {
			return p.with(c.Context(), p.quiet(), func(h *house) error {
				return p.eachPage(c.Context(), h, list, func(page []digest.Listed) error {
					if asJSON {
						return writeJSON(p, explain.Readers(page))
					}
					return p.listPage(page)
				})
			})
		},
	}
	listFlag(c, &list)
	c.Flags().BoolVar(&asJSON, "json", false, "one JSON object a line, one for each reader")
	return c
}

func (p *program) listPage(page []digest.Listed) error {
	for _, r := range page {
		state := string(r.State)
		if r.Suppressed != "" {
			state = "suppressed: " + r.Suppressed // a complaint is the longest
		}
		if _, err := fmt.Fprintf(p.stdout, "%-40s %-21s %s\n", r.Address, state, r.Name); err != nil {
			return err
		}
	}
	return nil
}

// eachPage reads a list a thousand readers at a time: a million need no more
// memory than one page.
func (p *program) eachPage(ctx context.Context, h *house, list string, act func([]digest.Listed) error) error {
	list, _, err := h.config.listNamed(list)
	if err != nil {
		return err
	}
	var after digest.ReaderID
	for {
		page, err := h.store.Readers(ctx, list, after, 1000)
		if err != nil || len(page) == 0 {
			return err
		}
		if err := act(page); err != nil {
			return fmt.Errorf("write readers: %w", err)
		}
		after = page[len(page)-1].ID
	}
}

func (p *program) exportCommand() *cobra.Command {
	var list string
	c := &cobra.Command{
		Use:   "export",
		Short: "Write the readers of a list as CSV",
		Long: `Write the readers of a list as CSV, with their state. An import takes the file
as it is: who is active here is active there, and who left or bounced here stays
away there. Cells that a spreadsheet would run as a formula begin with an
apostrophe, which an import takes off again.`,
		Example: "  courant readers export --list readers > readers.csv",
		Args:    arguments(0, 0),
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
	err := p.eachPage(ctx, h, list, func(page []digest.Listed) error {
		for _, r := range page {
			categories, frequency := exportedChoices(r.Choices)
			err := w.Write([]string{enrol.Guard(r.Address), enrol.Guard(r.Name), r.Zone, r.Language, categories, frequency, string(r.State),
				r.Since.UTC().Format(time.RFC3339), enrol.Guard(r.Consent), r.Suppressed})
			if err != nil {
				return err
			}
		}
		return nil
	})
	w.Flush()
	return errors.Join(err, w.Error())
}

// exportedChoices are a reader's categories and frequency as an import takes
// them: those of the first digest that has some.
func exportedChoices(choices []digest.Choices) (categories, frequency string) {
	for _, c := range choices {
		if categories == "" {
			categories = enrol.Guard(strings.Join(c.Categories, ";"))
		}
		if frequency == "" && c.Frequency != digest.EveryEdition {
			frequency = c.FrequencyWord()
		}
	}
	return categories, frequency
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
	if row.Address, err = enrol.Address(address); err != nil {
		return misuse{fmt.Errorf("%s: %w", address, err)}
	}
	if row.Language, err = enrol.Language(row.Language); err != nil {
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
	address, err := enrol.Address(address)
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
