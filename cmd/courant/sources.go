package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"courant/digest"
	"courant/digest/explain"
	"courant/digest/ingest"

	"github.com/spf13/cobra"
)

// The figures of a source are over so many days, and so many of its articles
// are shown beside them.
const (
	sourceDays     = 28
	sourceArticles = 10
)

func (p *program) sourcesCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "sources [SOURCE]",
		Short: "Show how the sources fare: silent, dead, articles a day, key points",
		Long: `Show how each source of the config fares, those that need a look first: whether
it answers, how many new articles it brings a day and how many of them with the
publisher's own key points, when its newest came, when it was polled and will be
next, and what to do about it. With SOURCE all that is known of one, its last
articles among it. Nothing is polled and nothing is changed.

A source is silent when it answers and has brought nothing new for a week, and
dead when its server said that it is gone (410) or nothing could be read of it
for a week. That is a report and no failure: it ends with 0.`,
		Example: "  courant sources\n  courant sources \"Military wire\"\n  courant sources --json | jq -r 'select(.condition == \"dead\") | .source'",
		Args:    arguments(0, 1),
		RunE: func(c *cobra.Command, names []string) error {
			return p.with(c.Context(), p.quiet(), func(h *house) error { return p.sources(c.Context(), h, names, asJSON) })
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "one JSON object a line, one for each source")
	c.AddCommand(p.wakeCommand())
	return c
}

func (p *program) sources(ctx context.Context, h *house, names []string, asJSON bool) error {
	if err := h.config.sourcesNamed(names); err != nil {
		return err
	}
	list, err := h.sourceHealth(ctx, names)
	if err != nil {
		return err
	}
	now := h.now()
	switch {
	case asJSON:
		return writeJSON(p, explain.Sources(list, now))
	case len(names) == 1:
		return explain.WriteSource(p.stdout, list[0], now, p.look())
	}
	return explain.WriteSources(p.stdout, list, now, p.look())
}

// sourceHealth reads how the config's sources fare, or one of them with its
// last articles. One that has no row yet was never polled.
func (h *house) sourceHealth(ctx context.Context, names []string) ([]explain.SourceHealth, error) {
	states, err := h.sourceStates(ctx)
	if err != nil {
		return nil, err
	}
	figures, err := h.store.SourceFigures(ctx, h.now().Add(-sourceDays*24*time.Hour))
	if err != nil {
		return nil, err
	}
	var list []explain.SourceHealth
	for _, s := range states {
		if len(names) > 0 && !slices.Contains(names, s.Source.Name) {
			continue
		}
		n := explain.SourceHealth{State: s}
		if i := slices.IndexFunc(figures, func(f digest.SourceFigures) bool { return f.Source == s.Source.Name }); i >= 0 {
			n.Figures = figures[i]
		}
		if len(names) > 0 {
			if n.Last, err = h.store.LastArticles(ctx, s.Source.Name, sourceArticles); err != nil {
				return nil, err
			}
		}
		list = append(list, n)
	}
	return list, nil
}

// sourceStates are the config's sources with what is remembered of them. A
// source at another address than its row has starts anew.
func (h *house) sourceStates(ctx context.Context) ([]digest.SourceState, error) {
	rows, err := h.store.SourceStates(ctx)
	if err != nil {
		return nil, err
	}
	byName := map[string]digest.SourceState{}
	for _, r := range rows {
		byName[r.Source.Name] = r
	}
	states := make([]digest.SourceState, len(h.config.Sources))
	for i, s := range h.config.Sources {
		states[i].Source = s
		if r, ok := byName[s.Name]; ok && r.Source.Kind == s.Kind && r.Source.URL == s.URL {
			states[i] = r
			states[i].Source = s
		}
	}
	return states, nil
}

func (p *program) wakeCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "wake SOURCE",
		Short: "Ask a source again that is gone or backed off",
		Long: `Ask a source again, now, that Courant has given up or asks less and less often.
Forgotten are: that its server said it is gone for good (410), the back-off
after failures, the address it had moved to, and what it said when it last
answered, so that all of it is read once more. Its articles stay as they are. A
pause that its server asked for (Retry-After) stays, too.`,
		Example: "  courant sources wake \"Military wire\"",
		Args:    arguments(1, 1),
		RunE: func(c *cobra.Command, names []string) error {
			return p.with(c.Context(), p.quiet(), func(h *house) error { return p.wake(c.Context(), h, names[0]) })
		},
	}
}

func (p *program) wake(ctx context.Context, h *house, name string) error {
	if err := h.config.sourcesNamed([]string{name}); err != nil {
		return err
	}
	if slices.ContainsFunc(h.config.Sources, func(s digest.Source) bool { return s.Name == name && s.Kind == digest.SourcePush }) {
		return fmt.Errorf("nobody is asked for %s: its articles are sent to Courant, so look at the system that sends them", name)
	}
	// The row is that of the config, even where nothing was polled since.
	if err := h.store.SyncSources(ctx, h.config.Sources); err != nil {
		return err
	}
	if err := h.store.WakeSource(ctx, name); err != nil {
		return err
	}
	in := h.ingest()
	in.Progress = p.showPoll
	results, err := in.FetchNow(ctx, name)
	if err != nil {
		return err
	}
	if err := p.tellChanges(ctx, h); err != nil {
		return err
	}
	for _, r := range results {
		if r.Err != nil {
			return errTold // by showPoll
		}
	}
	return nil
}

// sourceWatch says when a source falls silent or dies.
func (h *house) sourceWatch() *ingest.Watch {
	return &ingest.Watch{Store: h.store, Now: h.now, Log: h.log}
}

// tellChanges tells a person who polls by hand what serve would log.
func (p *program) tellChanges(ctx context.Context, h *house) error {
	changes, err := h.sourceWatch().Look(ctx)
	for _, c := range changes {
		if c.To == "" {
			p.tell("%s: well again; it was %s", c.Source.Source.Name, c.From)
			continue
		}
		p.tell("%s: %s since %s; `courant sources %q` says more", c.Source.Source.Name, c.To,
			c.Source.TroubleSince(h.now()).UTC().Format("2006-01-02 15:04 UTC"), c.Source.Source.Name)
	}
	if err != nil {
		return fmt.Errorf("watch sources: %w", err)
	}
	return nil
}
