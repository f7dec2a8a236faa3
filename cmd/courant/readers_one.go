package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"courant/digest"
	"courant/digest/explain"

	"github.com/spf13/cobra"
)

func (p *program) showReaderCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "show ADDRESS",
		Short: "Show all that is kept of one reader",
		Long: `Show what is kept of one reader: lists and consent, choices, pauses, why the
address gets no mail, and the last of what happened and was mailed. --json gives
all of it as one object: what a reader who asks for their data is to be given.`,
		Example: `  courant readers show ann@example.org
  courant readers show ann@example.org --json > ann.json`,
		Args: arguments(1, 1),
		RunE: func(c *cobra.Command, args []string) error {
			return p.with(c.Context(), p.quiet(), func(h *house) error { return p.showReader(c.Context(), h, args[0], asJSON) })
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "all of it, as one JSON object")
	return c
}

func (p *program) showReader(ctx context.Context, h *house, address string, asJSON bool) error {
	r, _, err := h.reader(ctx, address)
	if err != nil {
		return err
	}
	d, err := h.store.Dossier(ctx, r.ID)
	switch {
	case err != nil:
		return err
	case asJSON:
		return writeJSON(p, []digest.Dossier{d})
	}
	if err := explain.WriteDossier(p.stdout, d, p.look()); err != nil {
		return fmt.Errorf("write the reader: %w", err)
	}
	return nil
}

// pauseFlags are what a pause may be told.
type pauseFlags struct {
	until   string
	digests []string
	why     string
	off     bool
}

func (p *program) pauseCommand() *cobra.Command {
	var flags pauseFlags
	c := &cobra.Command{
		Use:   "pause ADDRESS",
		Short: "Let digests rest for one reader until a day",
		Long: `Let digests rest for one reader: from now until the day given, at its beginning
in each digest's time zone (UTC where that is the reader's own). Without
--digest all that the config has now. What waits of them is cancelled. --off
ends a pause, also one that the reader or a full mailbox began.`,
		Example: `  courant readers pause ann@example.org --until 2026-12-24
  courant readers pause ann@example.org --digest morning --until 2026-12-24 --why "on holiday"
  courant readers pause ann@example.org --off`,
		Args: arguments(1, 1),
		RunE: func(c *cobra.Command, args []string) error {
			return p.with(c.Context(), p.quiet(), func(h *house) error { return p.pause(c.Context(), h, args[0], flags) })
		},
	}
	c.Flags().StringVar(&flags.until, "until", "", "the `DAY` on which it goes on, as in 2026-12-24")
	c.Flags().StringArrayVar(&flags.digests, "digest", nil, "this `DIGEST` only; may be given more than once")
	c.Flags().StringVar(&flags.why, "why", "", "the reason, in `WORDS` that the reader may see")
	c.Flags().BoolVar(&flags.off, "off", false, "go on at once")
	return c
}

func (p *program) pause(ctx context.Context, h *house, address string, flags pauseFlags) error {
	digests, err := h.config.digestsNamed(flags.digests)
	if err != nil {
		return err
	}
	if flags.off == (flags.until != "") {
		return misuse{errors.New("until when? say --until 2026-12-24, or --off to go on at once")}
	}
	r, _, err := h.reader(ctx, address)
	if err != nil {
		return err
	}
	var changed []string
	for _, d := range digests {
		until, err := pauseEnd(d, flags.until, h.now())
		if err != nil {
			return err
		}
		did, err := h.store.Pause(ctx, r.ID, digest.Pause{At: h.now(), Until: until, Digests: []string{d.Name}, How: "editor", Why: flags.why})
		if errors.Is(err, digest.ErrNotFound) {
			return fmt.Errorf("%s was erased and gets no mail", address)
		}
		if err != nil {
			return err
		}
		changed = append(changed, did...)
	}
	switch {
	case len(changed) == 0:
		fmt.Fprintf(p.stdout, "%s: nothing to change\n", r.Address)
	case flags.off:
		fmt.Fprintf(p.stdout, "%s gets %s again\n", r.Address, strings.Join(changed, ", "))
	default:
		fmt.Fprintf(p.stdout, "%s gets no %s until %s\n", r.Address, strings.Join(changed, ", "), flags.until)
	}
	return nil
}

// digestsNamed finds digests of the config; none named: all.
func (c Config) digestsNamed(names []string) ([]digest.Digest, error) {
	if len(names) == 0 {
		return c.Digests, nil
	}
	var list []digest.Digest
	for _, name := range names {
		d, err := c.digestNamed(name)
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(list, func(o digest.Digest) bool { return o.Name == d.Name }) {
			list = append(list, d)
		}
	}
	return list, nil
}

// pauseEnd is the beginning of a day in a digest's zone; empty: no pause.
func pauseEnd(d digest.Digest, day string, now time.Time) (time.Time, error) {
	if day == "" {
		return time.Time{}, nil
	}
	zone, err := time.LoadLocation(d.TimeZone)
	if err != nil || d.TimeZone == digest.ZoneReader {
		zone = time.UTC
	}
	until, err := time.ParseInLocation(time.DateOnly, day, zone)
	if err != nil {
		return until, misuse{fmt.Errorf("--until takes a day such as %s, not %q", now.AddDate(0, 0, 28).Format(time.DateOnly), day)}
	}
	if !until.After(now) {
		return until, misuse{fmt.Errorf("--until %s is over; name a day to come, or --off to go on at once", day)}
	}
	return until, nil
}

func (p *program) readerStatsCommand() *cobra.Command {
	var list string
	var weeks int
	var asJSON bool
	c := &cobra.Command{
		Use:     "stats",
		Short:   "Show who joined and left, week by week",
		Long:    "Show who joined and left, week by week, as \"courant lists stats\" does; without --list for each list.",
		Example: "  courant readers stats --list readers --weeks 26",
		Args:    arguments(0, 0),
		RunE: func(c *cobra.Command, _ []string) error {
			if weeks < 1 || weeks > 520 {
				return misuse{errors.New("--weeks takes a number from 1 to 520")}
			}
			var names []string
			if list != "" {
				names = []string{list}
			}
			return p.with(c.Context(), p.quiet(), func(h *house) error { return p.listStats(c.Context(), h, names, weeks, asJSON) })
		},
	}
	c.Flags().StringVar(&list, "list", "", "this `LIST` only")
	c.Flags().IntVar(&weeks, "weeks", 12, "how many `WEEKS` back, the running one included")
	c.Flags().BoolVar(&asJSON, "json", false, "one JSON object a line, one for each week of each list")
	return c
}
