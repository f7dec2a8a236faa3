package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	"courant/digest"
	"courant/digest/explain"

	"github.com/spf13/cobra"
)

func (p *program) listsCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "lists",
		Short: "Show how many readers each list has; merge lists; joins and leavings by week",
		Long: `Show how many readers each list has: active ones get its digests, suppressed
ones are on the list but their address bounced or complained, pending ones have
yet to confirm. Lists that the config no longer has, and that still have
readers, stand last.`,
		Example: `  courant lists
  courant lists stats --weeks 26
  courant lists merge weekend readers`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			return p.with(c.Context(), p.quiet(), func(h *house) error {
				list, err := h.lists(c.Context())
				if err != nil {
					return err
				}
				return p.writeLists(list, asJSON)
			})
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "one JSON object a line, one for each list")
	c.AddCommand(p.showListCommand(), p.mergeListsCommand(), p.statsCommand())
	return c
}

func (p *program) writeLists(list []explain.ListStanding, asJSON bool) error {
	if asJSON {
		return writeJSON(p, list)
	}
	if err := explain.WriteLists(p.stdout, list, p.look()); err != nil {
		return fmt.Errorf("write lists: %w", err)
	}
	return nil
}

// lists are those of the config and of the rows, with their counts.
func (h *house) lists(ctx context.Context) ([]explain.ListStanding, error) {
	counts, err := h.store.Lists(ctx)
	if err != nil {
		return nil, err
	}
	var configured []explain.ListStanding
	for _, l := range h.config.Lists {
		configured = append(configured, explain.ListStanding{List: l.Name, Title: l.Title, Confirm: l.Confirm, Digests: h.config.digestsTo(l.Name)})
	}
	return explain.Lists(configured, counts), nil
}

// digestsTo are the digests that go to a list, by name.
func (c Config) digestsTo(list string) []string {
	names := []string{}
	for _, d := range c.Digests {
		if slices.Contains(d.Lists, list) {
			names = append(names, d.Name)
		}
	}
	return names
}

func (p *program) showListCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "show LIST",
		Short: "Show one list",
		Args:  arguments(1, 1),
		RunE: func(c *cobra.Command, names []string) error {
			return p.with(c.Context(), p.quiet(), func(h *house) error {
				list, err := h.lists(c.Context())
				if err != nil {
					return err
				}
				one, err := h.listOf(list, names[0])
				if err != nil {
					return err
				}
				return p.writeLists([]explain.ListStanding{one}, asJSON)
			})
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "one JSON object")
	return c
}

// listOf finds a list that the config or the rows know.
func (h *house) listOf(list []explain.ListStanding, name string) (explain.ListStanding, error) {
	i := slices.IndexFunc(list, func(s explain.ListStanding) bool { return s.List == name })
	if i < 0 {
		var names []string
		for _, s := range list {
			names = append(names, s.List)
		}
		return explain.ListStanding{}, misuse{fmt.Errorf("there is no list %q; there are %s%s", name, strings.Join(names, ", "), didYouMean(name, names))}
	}
	return list[i], nil
}

func (p *program) statsCommand() *cobra.Command {
	var weeks int
	var asJSON bool
	c := &cobra.Command{
		Use:   "stats [LIST]",
		Short: "Show who joined and left, week by week",
		Long: `Show who joined and left a list, or each of them, week by week: who came onto
it, who left it or was taken off, who stayed and left one of its digests, whose
address bounced or complained, and how many got its digests in the end. Weeks
begin on Monday, in UTC; the last one still runs. Who left and came back counts
as of the coming back.`,
		Example: "  courant lists stats readers --weeks 26",
		Args:    arguments(0, 1),
		RunE: func(c *cobra.Command, names []string) error {
			if weeks < 1 || weeks > 520 {
				return misuse{errors.New("--weeks takes a number from 1 to 520")}
			}
			return p.with(c.Context(), p.quiet(), func(h *house) error { return p.listStats(c.Context(), h, names, weeks, asJSON) })
		},
	}
	c.Flags().IntVar(&weeks, "weeks", 12, "how many `WEEKS` back, the running one included")
	c.Flags().BoolVar(&asJSON, "json", false, "one JSON object a line, one for each week of each list")
	return c
}

func (p *program) listStats(ctx context.Context, h *house, names []string, weeks int, asJSON bool) error {
	list, err := h.lists(ctx)
	if err != nil {
		return err
	}
	if len(names) > 0 {
		one, err := h.listOf(list, names[0])
		if err != nil {
			return err
		}
		list = []explain.ListStanding{one}
	}
	for i, l := range list {
		told, err := h.store.ListWeeks(ctx, l.List, l.Digests, weeks)
		if err != nil {
			return err
		}
		if asJSON {
			err = writeJSON(p, explain.Weeks(told))
		} else {
			if i > 0 {
				fmt.Fprintln(p.stdout)
			}
			err = explain.WriteWeeks(p.stdout, told, p.look())
		}
		if err != nil {
			return fmt.Errorf("write weeks: %w", err)
		}
	}
	return nil
}

func (p *program) mergeListsCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "merge LIST INTO",
		Short: "Move the readers of one list to another, for good",
		Long: `Move the readers of one list to another, for good. Who left either of the two
has left both: nobody gets mail again by a merge. Who is on either is on both,
with the consent and the day of the older one; who has yet to confirm still has.

First see to it in the config that each digest that goes to LIST goes to INTO,
too, and let a running "courant serve" take that up: whoever is moved gets the
digests of INTO. Editions on their way reach their readers. A merge that was
stopped goes on when it is begun again.`,
		Example: "  courant lists merge weekend readers",
		Args:    arguments(2, 2),
		RunE: func(c *cobra.Command, names []string) error {
			return p.with(c.Context(), p.quiet(), func(h *house) error { return p.mergeLists(c.Context(), h, names[0], names[1]) })
		},
	}
}

func (p *program) mergeLists(ctx context.Context, h *house, from, into string) error {
	if err := h.mayMerge(ctx, from, into); err != nil {
		return err
	}
	var moved atomic.Int64
	stop := showProgress(ctx, p.stderr, func() string { return fmt.Sprintf("%d readers moved", moved.Load()) })
	defer stop()
	var total digest.Merge
	for {
		m, err := h.store.MergeLists(ctx, from, into)
		if err != nil {
			return fmt.Errorf("%w; %d readers were moved, and the same command goes on from there", err, total.Moved+total.Both)
		}
		total.Moved, total.Both, total.Ended = total.Moved+m.Moved, total.Both+m.Both, total.Ended+m.Ended
		moved.Store(int64(total.Moved + total.Both))
		if m.Left == 0 {
			break
		}
	}
	stop()
	fmt.Fprintf(p.stdout, "%s is merged into %s: %d moved, %d were on both, %d of these had left one and left both now\n", from, into, total.Moved, total.Both, total.Ended)
	if h.config.hasList(from) {
		p.tell("%s has no readers now; take it out of %s", from, h.config.File)
	}
	return nil
}

func (c Config) hasList(name string) bool { return slices.Contains(c.listNames(), name) }

// mayMerge refuses what would keep a digest from who is moved.
func (h *house) mayMerge(ctx context.Context, from, into string) error {
	if from == into {
		return misuse{errors.New("a list can't be merged into itself; name another one")}
	}
	if _, _, err := h.config.listNamed(into); err != nil {
		return err
	}
	list, err := h.lists(ctx)
	if err != nil {
		return err
	}
	if _, err := h.listOf(list, from); err != nil {
		return err
	}
	for _, d := range h.config.Digests {
		if slices.Contains(d.Lists, from) && !slices.Contains(d.Lists, into) {
			return fmt.Errorf("the digest %s goes to %s and not to %s, so who is moved would not get it any more; write lists: [%s] there in %s first", d.Name, from, into, into, h.config.File)
		}
	}
	return nil
}
