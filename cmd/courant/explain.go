package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"courant/digest"
	"courant/digest/explain"
	"courant/digest/publish"
	"courant/digest/schedule"

	"github.com/spf13/cobra"
)

func (p *program) planCommand() *cobra.Command {
	var days int
	var asJSON bool
	c := &cobra.Command{
		Use:   "plan",
		Short: "Show what will be sent, when, to how many, with which articles, and why",
		Long: `Show what will be sent: each slot of the coming days in local time and UTC,
and for the next one of each digest the articles it would carry now, those it
would leave out with the reason, how many readers would get it and how many
renders that takes. Nothing is changed.`,
		Args: arguments(0, 0),
		RunE: func(c *cobra.Command, _ []string) error {
			if days < 1 || days > 366 {
				return misuse{errors.New("--days takes a number from 1 to 366")}
			}
			return p.with(c.Context(), p.quiet(), func(h *house) error { return p.plan(c.Context(), h, days, asJSON) })
		},
	}
	c.Flags().IntVar(&days, "days", 7, "how many `DAYS` ahead")
	c.Flags().BoolVar(&asJSON, "json", false, "one JSON object a line, one for each slot")
	return c
}

func (p *program) plan(ctx context.Context, h *house, days int, asJSON bool) error {
	now := h.now()
	var coming []explain.Coming
	var composer publish.Composer
	for _, d := range h.config.Digests {
		if d.Schedule == "" {
			continue // goes out by hand
		}
		slots, err := h.coming(ctx, &composer, d, now, now.AddDate(0, 0, days))
		if err != nil {
			return err
		}
		coming = append(coming, slots...)
	}
	slices.SortStableFunc(coming, func(a, b explain.Coming) int { return a.Slot.Instant.Compare(b.Slot.Instant) })
	planned, err := explain.Plan(coming, composer.Compose)
	if err != nil {
		return err
	}
	if err := p.foresee(ctx, h, planned); err != nil {
		return err
	}
	if !asJSON {
		return explain.WritePlan(p.stdout, planned, p.look())
	}
	return writeJSON(p, planned)
}

// foresee adds to a plan how large its mails are and how long they take.
func (p *program) foresee(ctx context.Context, h *house, planned []explain.Planned) error {
	r, err := h.previewRenderer(h.config.URL)
	if err != nil {
		return err
	}
	to := digest.Recipient{Address: "reader@preview.invalid", KeyID: h.keys.Current}
	explain.Weigh(planned, func(e digest.Edition, v digest.Variant) (explain.Size, error) {
		if e.Published.Before(e.Instant) {
			e.Published = e.Instant
		}
		m, err := r.Render(e, v)
		if err != nil {
			return explain.Size{}, err
		}
		to.Digest = e.Digest
		text, html, err := m.Parts(to)
		return explain.Size{HTML: len(html), Text: len(text), Mail: len(m.Splice(nil, to)), More: m.More}, err
	})
	w := watcher{house: h}
	relays, err := w.limits(ctx)
	if err != nil {
		return err
	}
	rate, err := h.store.RecentRate(ctx)
	if err != nil {
		return err
	}
	s := explain.Sending{Relays: relays, PerSecond: rate, Now: h.now()}
	for _, r := range h.config.Relays {
		s.Connections += r.Connections
	}
	explain.Dispatch(planned, s)
	return nil
}

// look is how answers for people are set on stdout.
func (p *program) look() explain.Look {
	s := p.style()
	return explain.Look{Color: s.coloured, Width: s.width}
}

// writeJSON prints one object a line.
func writeJSON[T any](p *program, objects []T) error {
	for _, o := range objects {
		if err := json.NewEncoder(p.stdout).Encode(o); err != nil {
			return fmt.Errorf("write JSON: %w", err)
		}
	}
	return nil
}

// coming lists a digest's slots, the first of each zone with its material.
func (h *house) coming(ctx context.Context, composer *publish.Composer, d digest.Digest, from, to time.Time) ([]explain.Coming, error) {
	var zones []string
	if d.TimeZone == digest.ZoneReader {
		var err error
		if zones, err = h.store.ReaderZones(ctx, d); err != nil {
			return nil, err
		}
	}
	t, err := schedule.Parse(d, zones...)
	if err != nil {
		return nil, err
	}
	list, err := h.following(ctx, composer, d, from)
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	around := t.Owed(from.Add(-aroundPlan), to.Add(aroundPlan))
	last := map[string]digest.Slot{}
	for i, slot := range around {
		before := last[slot.Zone]
		last[slot.Zone] = slot
		if !slot.Instant.After(from) || slot.Instant.After(to) {
			continue
		}
		c := explain.Coming{
			Digest: d, Slot: skipped(d, slot), Remark: schedule.Remark(slot), Apart: schedule.ClockChange(before, slot), Next: nextOf(d, slot, around[i+1:]),
			Warnings: schedule.Warnings(d.Schedule),
		}
		if c.Slot.State != digest.SlotSkipped && !seen[slot.Zone] {
			seen[slot.Zone] = true
			order, err := h.publisher().Order(digest.Order{Digest: d, Kind: digest.KindSlot, Slot: slot, Known: composer.Known}, slot.Instant)
			if err != nil {
				return nil, err
			}
			if c.Material, err = h.store.Material(ctx, order); err != nil {
				return nil, err
			}
			if c.Material.Answered {
				c.Slot.State, c.Slot.Reason = digest.SlotSkipped, explain.Answered(c.Material.Edition)
				seen[slot.Zone] = false // what is here goes to the next one
			}
		}
		list = append(list, c)
	}
	return list, nil
}

// following lists the slots that are over and follow readers who moved, of whom
// no clock has looked yet whether they were passed by.
func (h *house) following(ctx context.Context, composer *publish.Composer, d digest.Digest, now time.Time) (list []explain.Coming, err error) {
	if d.TimeZone != digest.ZoneReader {
		return nil, nil
	}
	movers, err := h.store.Movers(ctx)
	if err != nil || movers.Readers == 0 {
		return nil, err
	}
	passed, err := schedule.PassedBy(d, movers.Zones, now)
	if err != nil {
		return nil, err
	}
	for _, slot := range passed {
		order, err := h.publisher().Order(digest.Order{Digest: d, Kind: digest.KindSlot, Slot: slot, Moved: true, Known: composer.Known}, slot.Instant)
		if err != nil {
			return nil, err
		}
		m, err := h.store.Material(ctx, order)
		if err != nil {
			return nil, err
		}
		if !m.Answered && len(m.Groups) > 0 {
			list = append(list, explain.Coming{Digest: d, Slot: slot, Follows: true, Material: m})
		}
	}
	return list, nil
}

// aroundPlan is how far beside a plan slots are looked at: a weekly digest's
// last one, and the next one before which an edition must be out.
const aroundPlan = 8 * 24 * time.Hour

// nextOf is when the next edition of the digest comes to the readers of a slot;
// zero: not soon.
func nextOf(d digest.Digest, slot digest.Slot, later []digest.Slot) time.Time {
	for _, s := range later {
		if s.Zone == slot.Zone && skipped(d, s).State != digest.SlotSkipped {
			return s.Instant
		}
	}
	return time.Time{}
}

// skipped marks a slot on a day that the config leaves out.
func skipped(d digest.Digest, slot digest.Slot) digest.Slot {
	if reason := schedule.OnSkipDay(d, slot); reason != "" {
		slot.State, slot.Reason = digest.SlotSkipped, reason
	}
	return slot
}

func (p *program) whyCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "why ADDRESS [DATE]",
		Short: "Show what this reader got, did not get, and why",
		Long: `Show what this reader got and did not get, edition by edition, with the reason
and the mail server's words, and each story with why it was left out. DATE
(2026-11-22, or a range 2026-11-01..2026-11-30) limits it; without one it is
the last 35 days.`,
		Args: arguments(1, 2),
		RunE: func(c *cobra.Command, args []string) error {
			from, to, err := period(args[1:], p.now())
			if err != nil {
				return misuse{err}
			}
			return p.with(c.Context(), p.quiet(), func(h *house) error { return p.why(c.Context(), h, args[0], from, to, asJSON) })
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "one JSON object a line, one for each edition")
	return c
}

// period reads DATE: a day, or two with .. between them, in UTC.
func period(args []string, now time.Time) (from, to time.Time, err error) {
	if len(args) == 0 {
		return now.AddDate(0, 0, -35), now.Add(24 * time.Hour), nil
	}
	first, last := args[0], args[0]
	if a, b, ok := strings.Cut(args[0], ".."); ok {
		first, last = a, b
	}
	if from, err = time.Parse(time.DateOnly, first); err != nil {
		return from, to, fmt.Errorf("%q is not a date like 2026-11-22", first)
	}
	if to, err = time.Parse(time.DateOnly, last); err != nil {
		return from, to, fmt.Errorf("%q is not a date like 2026-11-22", last)
	}
	// A local day may begin half a day before or end half a day after it.
	return from.Add(-14 * time.Hour), to.Add(36 * time.Hour), nil
}

func (p *program) why(ctx context.Context, h *house, address string, from, to time.Time, asJSON bool) error {
	_, hash, err := h.reader(ctx, address)
	if err != nil {
		return err
	}
	account, err := h.store.Why(ctx, hash, from, to)
	if err != nil {
		return err
	}
	if asJSON {
		return writeJSON(p, explain.Why(account))
	}
	return explain.WriteWhy(p.stdout, account, p.look())
}
