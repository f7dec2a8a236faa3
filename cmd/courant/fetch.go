package main

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"

	"courant/digest"
	"courant/digest/ingest"

	"github.com/spf13/cobra"
)

func (p *program) fetchCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "fetch [SOURCE...]",
		Short: "Poll the sources now",
		Long: `Poll every source of the config once, or the named ones, now. Courant's own
schedule doesn't hold it back; a server that asked for a pause (Retry-After)
or said that a source is gone (410) is left alone.`,
		Example: "  courant fetch\n  courant fetch \"Military wire\"",
		Args:    arguments(0, -1),
		RunE: func(c *cobra.Command, sources []string) error {
			return p.with(c.Context(), p.quiet(), func(h *house) error { return p.fetch(c.Context(), h, sources) })
		},
	}
}

func (p *program) fetch(ctx context.Context, h *house, sources []string) error {
	in := h.ingest()
	in.Progress = func(r ingest.Result) {
		if r.Status != ingest.StatusFailed || ctx.Err() == nil { // what was stopped is said at the end, once
			p.showPoll(r)
		}
	}
	if len(in.Sources) == 0 {
		return fmt.Errorf("%s has no sources; add one under sources", h.config.File)
	}
	if err := h.config.sourcesNamed(sources); err != nil {
		return err
	}
	defer p.thrift(ctx, debug.SetMemoryLimit)()
	known, err := h.goneSources(ctx)
	if err != nil {
		return err
	}
	results, err := in.FetchNow(ctx, sources...)
	if ctx.Err() != nil {
		return stoppedFetch(results, len(in.Sources))
	}
	if err != nil {
		return err
	}
	if err := p.tellChanges(ctx, h); err != nil {
		return err
	}
	if len(results) == 0 {
		fmt.Fprintln(p.stdout, "nothing to poll: the articles of all sources are pushed")
	}
	failed := 0
	for _, r := range results {
		// Who asks for one source wants to know; of all, what was known before is
		// no failure of this poll.
		left := r.Status == ingest.StatusHeld || r.Status == ingest.StatusGone && known[r.Source]
		if r.Status == ingest.StatusFailed || r.Status == ingest.StatusGone && !left || left && len(sources) > 0 {
			failed++
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d sources could not be polled", failed, len(results))
	}
	return nil
}

// goneSources are those whose servers said before that they are gone.
func (h *house) goneSources(ctx context.Context) (map[string]bool, error) {
	states, err := h.sourceStates(ctx)
	gone := map[string]bool{}
	for _, s := range states {
		gone[s.Source.Name] = s.Gone
	}
	return gone, err
}

// stoppedFetch says how far a poll of the sources came that was told to stop.
func stoppedFetch(results []ingest.Result, all int) error {
	done := 0
	for _, r := range results {
		if r.Status != "" && r.Status != ingest.StatusFailed {
			done++
		}
	}
	if len(results) > 0 {
		all = len(results)
	}
	return fmt.Errorf("told to stop: %d of %d sources were polled and what they brought is kept, the others stay as they were and nothing is lost; `courant fetch` polls them again", done, all)
}

// sourcesNamed says which of the names is none of the config's sources.
func (c Config) sourcesNamed(wanted []string) error {
	var names, quoted []string // a source's name may have a comma
	for _, s := range c.Sources {
		names, quoted = append(names, s.Name), append(quoted, strconv.Quote(s.Name))
	}
	for _, name := range wanted {
		if slices.Contains(names, name) {
			continue
		}
		hint := didYouMean(name, names)
		if i := slices.IndexFunc(names, func(n string) bool { return strings.Contains(strings.ToLower(n), strings.ToLower(name)) }); hint == "" && i >= 0 {
			hint = fmt.Sprintf("; did you mean %q?", names[i])
		}
		return misuse{fmt.Errorf("there is no source %q in %s; it has %s%s", name, c.File, strings.Join(quoted, ", "), hint)}
	}
	return nil
}

// fetchNew polls the sources that were never polled, so that the first edition
// of a fresh config has something to carry. One that fails is told, and keeps
// no edition from the others.
func (p *program) fetchNew(ctx context.Context, h *house) error {
	states, err := h.store.SourceStates(ctx)
	if err != nil {
		return err
	}
	type place struct{ name, url string }
	polled := map[place]bool{}
	for _, s := range states {
		polled[place{s.Source.Name, s.Source.URL}] = !s.LastPoll.IsZero()
	}
	var names []string
	for _, s := range h.config.Sources {
		if !polled[place{s.Name, s.URL}] && s.Kind != digest.SourcePush {
			names = append(names, s.Name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	results, err := h.ingest().FetchNow(ctx, names...)
	for _, r := range results {
		if r.Err != nil {
			p.tell("courant: %v", r.Err)
		}
	}
	return err
}

// showPoll prints how one poll ended.
func (p *program) showPoll(r ingest.Result) {
	fmt.Fprintf(p.stdout, "%s: %s, %d articles, %d new\n", r.Source, r.Status, r.Articles, r.Added)
	for _, w := range r.Warnings {
		p.tell("%s: warning: %s", r.Source, w)
	}
	if r.Err != nil {
		p.tell("%v", r.Err)
	}
}

// version is the program's own, as the build recorded it.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "dev"
}

func (h *house) ingest() *ingest.Ingest {
	f := h.config.fetcher(h.log)
	f.Now, f.Turns = h.now, h.store
	in := &ingest.Ingest{Store: h.store, Fetcher: f, Sources: h.config.Sources, Filing: h.config.filing()}
	if e := h.config.endpoint(h.log); e != nil {
		e.Now, in.Writer = h.now, e
		if h.figures != nil {
			e.Told = func(a ingest.Asked) { h.figures.Asked(a.Outcome, a.Faults) }
		}
	}
	if h.figures != nil {
		in.Progress = func(r ingest.Result) { h.figures.Polled(string(r.Status), r.Added) }
	}
	return in
}

// fetcher gets documents as the config allows.
func (c Config) fetcher(log *slog.Logger) *ingest.Fetcher {
	return &ingest.Fetcher{UserAgent: ingest.UserAgent(version(), c.URL), AllowPrivate: c.AllowPrivateSources, Log: log}
}

// fetcher is for commands that need no config but heed the one there is.
func (p *program) fetcher() *ingest.Fetcher {
	c, err := p.loadedConfig()
	if err != nil {
		c = Config{}
	}
	f := c.fetcher(p.quiet())
	f.Now = p.now
	return f
}

// fetch polls the sources when they are due, and says which of them fell silent.
// A poll that a change of the config cuts short is done anew, by that.
func (s *serving) fetch(ctx context.Context) error {
	var before *reign
	var in *ingest.Ingest
	for {
		r := s.reign()
		next := r.ingest()
		if in != nil {
			r.takeOver(next, in, before.config)
		}
		before, in = r, next
		polling, cut := context.WithCancel(ctx)
		over := s.differs(polling, r, Config.ofSources)
		ended := make(chan error, 1)
		go func() { ended <- r.serveFetch(polling, next) }()
		select {
		case <-over:
			cut()
			<-ended
		case err := <-ended:
			cut()
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// takeOver gives what polls by the config of now what the one before has
// learnt of servers, and spent of a day's questions.
func (h *house) takeOver(in, from *ingest.Ingest, before Config) {
	if before.URL == h.config.URL && before.AllowPrivateSources == h.config.AllowPrivateSources {
		in.Fetcher = from.Fetcher
	}
	if before.Endpoint == h.config.Endpoint && before.URL == h.config.URL {
		in.Writer = from.Writer
	}
}

func (h *house) serveFetch(ctx context.Context, in *ingest.Ingest) error {
	ctx, cancel := context.WithCancel(ctx)
	polled := make(chan struct{}, 1)
	watch := h.sourceWatch()
	watch.Nudge = polled
	var watching sync.WaitGroup
	watching.Go(func() { watch.Run(ctx) })
	defer watching.Wait()
	defer cancel()
	count := in.Progress
	in.Progress = func(r ingest.Result) {
		if count != nil {
			count(r)
		}
		select {
		case polled <- struct{}{}:
		default: // it knows
		}
	}
	return in.Run(ctx)
}
