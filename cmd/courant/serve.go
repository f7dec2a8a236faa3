package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"courant/digest"
	"courant/digest/deliver"
	"courant/digest/schedule"
	"courant/digest/web"
	"courant/store"

	"github.com/spf13/cobra"
)

// parts are what serve can do, in the words of --only. Returned mail has no
// listener yet, so receive does nothing; it comes by `courant bounce`.
var parts = []string{"fetch", "schedule", "deliver", "receive", "web"}

func (p *program) serveCommand() *cobra.Command {
	var only []string
	c := &cobra.Command{
		Use:   "serve",
		Short: "Do everything, until told to stop",
		Long: `Do everything, until told to stop: poll the sources, publish editions when
they are due, deliver them, answer readers' pages, and remove what is old by
the config's retention.

With --only this process does some of it; several processes with one database
share the work. SIGTERM lets each connection finish the message in its hands,
settles what is known and ends within half a minute, whatever hangs; what the
database did not take by then is kept in the journal. kill -9 loses nothing
either, the next start settles what is open.`,
		Args: arguments(0, 0),
		RunE: func(c *cobra.Command, _ []string) error {
			for _, part := range only {
				if !slices.Contains(parts, part) {
					return misuse{fmt.Errorf("--only %s: the parts are %s", part, strings.Join(parts, ", "))}
				}
			}
			if len(only) == 0 {
				only = parts
			}
			log := p.log()
			began := false
			err := p.with(c.Context(), log, func(h *house) error {
				began = true
				defer p.announce(c.Context(), log)()
				return h.serve(c.Context(), only)
			})
			if !began && toldToStop(c.Context(), err) {
				log.Info("stopped before it served")
				return nil
			}
			return err
		},
	}
	c.Flags().StringSliceVar(&only, "only", nil, "the `PARTS` this process does: "+strings.Join(parts, ","))
	return c
}

// toldToStop says whether an act failed because ctx ended under it. What the
// database says of that it says in many ways.
func toldToStop(ctx context.Context, err error) bool {
	return ctx.Err() != nil && (errors.Is(err, context.Canceled) || store.Away(err))
}

// serve runs the parts side by side until ctx is done or one of them cannot
// go on.
func (h *house) serve(ctx context.Context, only []string) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	wake := make(chan struct{}, 1)
	h.figures = h.measures()
	run := map[string]func(context.Context) error{
		"fetch":    h.serveFetch,
		"schedule": func(ctx context.Context) error { return h.serveSchedule(ctx, wake) },
		"deliver":  func(ctx context.Context) error { return h.serveDeliver(ctx, wake) },
		"web":      h.serveWeb,
	}
	var crew sync.WaitGroup
	for _, part := range only {
		act := run[part]
		if act == nil {
			continue
		}
		crew.Go(func() {
			if err := act(ctx); err != nil && !errors.Is(err, context.Canceled) {
				cancel(fmt.Errorf("%s: %w", part, err))
			}
		})
	}
	crew.Go(func() { h.serveDesk(ctx) })
	if slices.Contains(only, "schedule") || slices.Contains(only, "deliver") {
		crew.Go(func() { h.serveRetention(ctx) })
	}
	h.log.Info("serving", "parts", strings.Join(only, ","), "digests", len(h.config.Digests), "sources", len(h.config.Sources))
	crew.Wait()
	h.log.Info("stopped")
	if err := context.Cause(ctx); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// serveSchedule publishes editions when they are due and wakes the delivery.
func (h *house) serveSchedule(ctx context.Context, wake chan<- struct{}) error {
	pub := h.publisher()
	clock := schedule.Clock{
		Store: h.store, Now: h.now, Log: h.log,
		Digests: func() []digest.Digest { return h.config.Digests },
		Publish: func(ctx context.Context, d digest.Digest, slot digest.Slot) error {
			_, err := pub.Slot(ctx, d, slot)
			select {
			case wake <- struct{}{}:
			default:
			}
			return err
		},
	}
	clock.Run(ctx)
	return nil
}

// serveDeliver delivers until ctx is done. A database or relay that is away
// at the start is waited for.
func (h *house) serveDeliver(ctx context.Context, wake <-chan struct{}) error {
	e, err := h.engine()
	if err != nil {
		return err
	}
	e.Wake = wake
	told := false
	for {
		err := e.Run(ctx)
		if errors.Is(err, deliver.ErrUnsettled) {
			h.log.Warn("delivery ended before the ledger knew all", "error", err)
		}
		if err == nil || ctx.Err() != nil {
			return err
		}
		// Whether to adopt the database may take the operator hours to say.
		if waits := errors.Is(err, digest.ErrNotAdopted); !waits || !told {
			h.log.Error("delivery stopped, next try in five seconds", "error", err)
			told = waits
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(5 * time.Second):
		}
	}
}

// serveWeb answers the readers' pages.
func (h *house) serveWeb(ctx context.Context) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", h.config.Listen)
	if err != nil {
		return fmt.Errorf("%w; set `listen` to an address that is free", err)
	}
	return h.servePages(ctx, listener)
}

// servePages answers the readers' pages at a listener, and closes that.
func (h *house) servePages(ctx context.Context, listener net.Listener) error {
	server, err := h.pages()
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	h.log.Info("answering readers' pages", "listen", listener.Addr().String(), "url", h.config.URL)
	return serveHTTP(ctx, h.log, server, listener)
}

// pages are the readers' pages over the rows.
func (h *house) pages() (*http.Server, error) {
	r, err := h.renderer()
	if err != nil {
		return nil, err
	}
	site := web.Site{
		Name: h.config.Name, URL: h.config.URL, Language: h.config.Language, Languages: h.config.templatesOf(""), Keys: h.keys, Store: h.store,
		Health: h.store.Ping, Now: h.now, Log: h.log, TrustedProxies: h.config.TrustedProxies,
		View: func(ctx context.Context, ref digest.Ref) ([]byte, bool, error) {
			e, v, err := h.store.Delivered(ctx, ref)
			if errors.Is(err, digest.ErrNotFound) {
				// The ledger no longer tells; the link works for ever.
				e, v, err = h.store.Archived(ctx, ref.Edition)
			}
			if errors.Is(err, digest.ErrNotFound) {
				return nil, false, nil
			}
			if err != nil {
				return nil, false, err
			}
			html, err := r.View(e, v, nil)
			return html, err == nil, err
		},
	}
	return site.Server()
}

// serveHTTP serves until ctx is done, then lets answers under way finish.
func serveHTTP(ctx context.Context, log *slog.Logger, server *http.Server, listener net.Listener) error {
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	select {
	case err := <-ended:
		return fmt.Errorf("serve pages: %w", err)
	case <-ctx.Done():
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	if err := server.Shutdown(last); err != nil {
		log.Warn("pages were cut off at the end", "error", err)
	}
	<-ended
	return nil
}
