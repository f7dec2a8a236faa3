package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"courant/digest"
	"courant/digest/explain"
	"courant/digest/measure"
	"courant/digest/schedule"

	"github.com/spf13/cobra"
)

func (p *program) statusCommand() *cobra.Command {
	var watch, asJSON bool
	c := &cobra.Command{
		Use:   "status",
		Short: "Show what is going on: editions, rates, processes, relays, next slots",
		Long: `Show what is going on: each edition that is under way or was published in the
last two days, how far it is, how fast it goes and when it will be done; what
the servers said about mails that were deferred or refused; the processes at
work, what each relay took and what is spent of its limits, which mail domains
are left alone and why, which letters wait, which sources need a look, and the next slots. Nothing
is changed.

On a terminal it is drawn again each second while an edition is being sent, and
ends with it or with Ctrl-C. --watch goes on until Ctrl-C whatever happens,
--watch=false shows it once.`,
		Args: arguments(0, 0),
		RunE: func(c *cobra.Command, _ []string) error {
			live := p.live()
			if watch && (!live || asJSON) {
				return misuse{errors.New("--watch draws on a terminal; elsewhere run `courant status` again, with --json for programs")}
			}
			err := p.with(c.Context(), p.quiet(), func(h *house) error {
				w := watcher{program: p, house: h, kept: map[digest.EditionID]digest.Progress{}}
				if live && !asJSON && (watch || !c.Flags().Changed("watch")) {
					return w.run(c.Context(), watch)
				}
				return w.once(c.Context(), asJSON)
			})
			if faults := (Faults)(nil); errors.As(err, &faults) {
				return fmt.Errorf("%w\na `courant serve` that runs works by the config it had before", err)
			}
			return err
		},
	}
	c.Flags().BoolVar(&watch, "watch", false, "draw it again each second until Ctrl-C")
	c.Flags().BoolVar(&asJSON, "json", false, "one JSON object a line: editions, processes, relays, limits, domains, letters, sources in trouble, the config, slots")
	return c
}

// watcher looks at the ledger again and again.
type watcher struct {
	*program
	house  *house
	kept   map[digest.EditionID]digest.Progress // finished ones, which are not counted twice
	relays []digest.RelayCount                  // of the last look ...
	asked  time.Time                            // ... and when that was
	drawn  int                                  // lines on the terminal
}

// recently is how long a finished edition is shown.
const recently = 48 * time.Hour

func (w *watcher) once(ctx context.Context, asJSON bool) error {
	now, err := w.look(ctx)
	if err != nil {
		return err
	}
	if asJSON {
		return writeJSON(w.program, explain.Status(now))
	}
	return explain.WriteStatus(w.stdout, now, w.program.look())
}

// The ledger is looked at each second, but not for more than a tenth of the
// time: it has mails to see to.
const (
	drawEvery = time.Second
	drawShare = 9
)

// run draws until ctx is done, or until nothing is under way.
func (w *watcher) run(ctx context.Context, forever bool) error {
	for {
		began := time.Now()
		now, err := w.look(ctx)
		switch {
		case ctx.Err() != nil:
			return nil // Ctrl-C is how it ends
		case err != nil:
			return err
		}
		took := time.Since(began)
		if err := w.draw(now); err != nil {
			return err
		}
		if !forever && !now.Going() {
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(max(drawEvery, drawShare*took)):
		}
	}
}

// draw puts a look over the last one. What doesn't fit the terminal's height
// is left out, for lines that scrolled away cannot be drawn over.
func (w *watcher) draw(now explain.Situation) error {
	var b bytes.Buffer
	if err := explain.WriteStatus(&b, now, w.program.look()); err != nil {
		return err
	}
	lines := slices.Collect(strings.Lines(b.String()))
	if rows := w.height(); rows > 2 && len(lines) > rows-1 {
		lines = append(lines[:rows-2], fmt.Sprintf("... and %d lines more\n", len(lines)-rows+2))
	}
	back := ""
	if w.drawn > 0 {
		back = fmt.Sprintf("\x1b[%dA", w.drawn)
	}
	w.drawn = len(lines)
	// Each line is cleared to its end and the rest of the screen last, so that
	// nothing flickers (ECMA-48 sections 8.3.39, 8.3.41).
	text := back + strings.ReplaceAll(strings.Join(lines, ""), "\n", "\x1b[K\n") + "\x1b[J"
	if _, err := fmt.Fprint(w.stdout, text); err != nil {
		return fmt.Errorf("draw: %w", err)
	}
	return nil
}

// look gathers what is going on now.
func (w *watcher) look(ctx context.Context) (now explain.Situation, err error) {
	h := w.house
	now.At, now.Titles = h.now(), map[string]string{}
	if now.Editions, err = w.editions(ctx); err != nil {
		return now, err
	}
	if now.Processes, err = h.store.Processes(ctx); err != nil {
		return now, err
	}
	for _, d := range h.config.Digests {
		now.Titles[d.Name] = d.Title
		slots, err := w.slots(ctx, d, now.At)
		if err != nil {
			return now, err
		}
		if i := slices.IndexFunc(slots, func(s digest.Slot) bool { return skipped(d, s).State != digest.SlotSkipped }); i >= 0 {
			now.Slots = append(now.Slots, slots[i])
		}
	}
	slices.SortStableFunc(now.Slots, func(a, b digest.Slot) int { return a.Instant.Compare(b.Instant) })
	now.Relays, now.Config = w.beside(ctx)
	if now.Limits, err = w.limits(ctx); err != nil {
		return now, err
	}
	if now.Domains, err = h.store.LeftAlone(ctx); err != nil {
		return now, err
	}
	if now.Movers, err = h.store.Movers(ctx); err != nil {
		return now, err
	}
	if now.Doubt, err = h.doubt(ctx); err != nil {
		return now, err
	}
	if now.Letters, err = h.store.Letters(ctx); err != nil {
		return now, err
	}
	if now.Sources, err = h.sourceStates(ctx); err != nil {
		return now, err
	}
	return now, nil
}

// slots are the next of a digest: of one in readers' zones the next opening in
// any of those.
func (w *watcher) slots(ctx context.Context, d digest.Digest, now time.Time) ([]digest.Slot, error) {
	if d.Schedule == "" || d.TimeZone != digest.ZoneReader {
		return nextSlots(d, now)
	}
	zones, err := w.house.store.ReaderZones(ctx, d)
	if err != nil {
		return nil, err
	}
	t, err := schedule.Parse(d, zones...)
	if err != nil {
		return nil, err
	}
	return t.Next(5, now), nil
}

// editions reads how far each is; finished ones are counted once.
func (w *watcher) editions(ctx context.Context) ([]digest.Progress, error) {
	list, err := w.house.store.Underway(ctx, w.house.now().Add(-recently))
	if err != nil {
		return nil, err
	}
	var ids []digest.EditionID
	for _, p := range list {
		if k, ok := w.kept[p.Edition.ID]; !ok || !k.Finished.Equal(p.Finished) {
			ids = append(ids, p.Edition.ID)
		}
	}
	shares, err := w.house.store.Shares(ctx, ids)
	if err != nil {
		return nil, err
	}
	all := make([]digest.EditionID, len(list))
	for i, p := range list {
		all[i] = p.Edition.ID
	}
	moved, err := w.house.store.Travelled(ctx, all)
	if err != nil {
		return nil, err
	}
	for i := range list {
		p := &list[i]
		p.Moved = moved[p.Edition.ID]
		if !slices.Contains(ids, p.Edition.ID) {
			p.Shares = w.kept[p.Edition.ID].Shares
			continue
		}
		for _, s := range shares {
			if s.Edition == p.Edition.ID {
				p.Shares = append(p.Shares, s)
			}
		}
		if !p.Finished.IsZero() {
			w.kept[p.Edition.ID] = *p
		}
	}
	return list, nil
}

// beside asks the process that serves at desk_listen, if one does. Its counters
// are the only place that knows which relay took what.
func (w *watcher) beside(ctx context.Context) ([]digest.RelayCount, explain.ConfigInForce) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	c := w.house.config
	told, err := measure.Ask(ctx, "http://"+deskAddress(c.DeskListen)+"/metrics", c.relayNames())
	if err != nil {
		w.house.log.Debug("no process answers at desk_listen", "error", err)
		return nil, explain.ConfigInForce{}
	}
	counts, now := told.Relays, time.Now()
	for i, c := range counts {
		if i < len(w.relays) && c.Attempts[digest.VerdictAccepted] >= w.relays[i].Attempts[digest.VerdictAccepted] {
			rise := c.Attempts[digest.VerdictAccepted] - w.relays[i].Attempts[digest.VerdictAccepted]
			counts[i].Rate = float64(rise) / now.Sub(w.asked).Seconds()
		}
	}
	w.relays, w.asked = counts, now
	return counts, explain.ConfigInForce{Hash: told.Config.Hash, File: c.Hash(), OK: told.Config.OK, Since: told.Config.Since}
}

// limits reads how the limits of the config's relays stand.
func (w *watcher) limits(ctx context.Context) ([]digest.Submission, error) {
	relays := w.house.config.submissions()
	for i, r := range relays {
		var budgets []digest.Budget
		for _, l := range r.Limits {
			budgets = append(budgets, l.Budget)
		}
		limits, err := w.house.store.Spent(ctx, r.Account, budgets)
		if err != nil {
			return nil, err
		}
		relays[i].Limits = limits
	}
	return relays, nil
}

// deskAddress is where a listener on all addresses is come to from here.
func deskAddress(listen string) string {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return listen
	}
	switch host {
	case "", "0.0.0.0":
		host = "127.0.0.1"
	case "::":
		host = "::1"
	}
	return net.JoinHostPort(host, port)
}

// relayNames are the relays as the log and the figures name them.
func (c Config) relayNames() (names []string) {
	for _, r := range c.Relays {
		relay := r.submission()
		names = append(names, relay.String())
	}
	return names
}

// submissions are the relays with their limits, each account once: it has its
// limits once, however often the config names it.
func (c Config) submissions() (list []digest.Submission) {
	for _, r := range c.relays() {
		s := digest.Submission{Relay: r.Name, Account: r.Account}
		for _, l := range r.Limits {
			s.Limits = append(s.Limits, digest.Spending{Budget: digest.Budget{Messages: l.Messages, Per: l.Per}})
		}
		if i := slices.IndexFunc(list, func(other digest.Submission) bool { return other.Account == s.Account }); i >= 0 {
			list[i].Limits = append(list[i].Limits, s.Limits...)
			continue
		}
		list = append(list, s)
	}
	return list
}
