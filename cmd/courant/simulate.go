package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"courant/digest"
	"courant/digest/explain"
	"courant/digest/publish"
	"courant/digest/schedule"

	"github.com/spf13/cobra"
)

func (p *program) simulateCommand() *cobra.Command {
	var days int
	var asJSON bool
	c := &cobra.Command{
		Use:   "simulate [DIGEST|all]",
		Short: "Replay the articles of the last days against the config as it is now",
		Long: `Replay the articles of the last days against the config as it is now: which
slots would have had an edition and which were skipped and why, how many
stories each edition tells and how many it leaves out and why, by category and
by source. The clock is always right, the reader wants all of it, and what
editors pinned and dropped counts for as long as it did. Nothing is published
or sent and no row changes.`,
		Example: "  courant simulate morning\n  courant simulate --days 90 --json",
		Args:    arguments(0, 1),
		RunE: func(c *cobra.Command, args []string) error {
			if days < 1 || days > 366 {
				return misuse{errors.New("--days takes a number from 1 to 366")}
			}
			return p.with(c.Context(), p.quiet(), func(h *house) error { return p.simulate(c.Context(), h, args, days, asJSON) })
		},
	}
	c.Flags().IntVar(&days, "days", 30, "how many `DAYS` back")
	c.Flags().BoolVar(&asJSON, "json", false, "one JSON object a line, one for each digest")
	return c
}

func (p *program) simulate(ctx context.Context, h *house, args []string, days int, asJSON bool) error {
	digests := h.config.Digests
	if len(args) > 0 && args[0] != "all" {
		d, err := h.config.digestNamed(args[0])
		if err != nil {
			return err
		}
		if d.Schedule == "" {
			return misuse{fmt.Errorf("%s has no schedule, so no slot of it lies behind", d.Name)}
		}
		digests = []digest.Digest{d}
	}
	to := h.now()
	from := to.AddDate(0, 0, -days)
	slots, oldest, err := replayed(digests, from, to)
	if err != nil {
		return err
	}
	stop := showProgress(ctx, p.stderr, func() string { return "replaying what came in" })
	list, err := h.replay(ctx, slots, oldest, to)
	stop()
	if err != nil {
		return err
	}
	for i := range list {
		list[i].From, list[i].To = from.UTC(), to.UTC()
	}
	if asJSON {
		return writeJSON(p, list)
	}
	return explain.WriteSimulation(p.stdout, list, p.look())
}

func (h *house) replay(ctx context.Context, slots []explain.Replayed, from, to time.Time) ([]explain.Simulated, error) {
	articles, err := h.store.Replay(ctx, from, to)
	if err != nil {
		return nil, err
	}
	marks, err := h.store.ReplayMarks(ctx, to)
	if err != nil {
		return nil, err
	}
	var composer publish.Composer
	return explain.Simulate(slots, articles, marks, func(m digest.Material) (digest.Composition, error) {
		if err := ctx.Err(); err != nil {
			return digest.Composition{}, err
		}
		return composer.Compose(m)
	})
}

// replayed lists the slots of the digests that lie behind, and where the oldest
// window begins. A digest in readers' zones is replayed in its home zone.
func replayed(digests []digest.Digest, from, to time.Time) (list []explain.Replayed, oldest time.Time, err error) {
	oldest = from
	for _, d := range digests {
		if d.Schedule == "" {
			continue // goes out by hand
		}
		t, err := schedule.Parse(d)
		if err != nil {
			return nil, oldest, err
		}
		for i, slot := range t.Owed(from, to) {
			r := explain.Replayed{Digest: d, Slot: skipped(d, slot)}
			if i == 0 {
				if r.FirstWindow, err = schedule.FirstWindow(d, slot.Instant); err != nil {
					return nil, oldest, err
				}
				if r.FirstWindow.Before(oldest) {
					oldest = r.FirstWindow
				}
			}
			list = append(list, r)
		}
	}
	slices.SortStableFunc(list, func(a, b explain.Replayed) int { return a.Slot.Instant.Compare(b.Slot.Instant) })
	return list, oldest, nil
}
