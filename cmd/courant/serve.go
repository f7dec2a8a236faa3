package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime/debug"
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
either, the next start settles what is open.

A config that changes takes force within seconds, or at once with SIGHUP. One
that is wrong is refused: the log has its faults with their lines, and the one
before stays in force. Mails under way are finished as they were begun. listen,
desk_listen, receive.listen, database, data_dir and secret_file wait for a
restart.`,
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
			hup, ctx, stop := p.hangups(c.Context())
			defer stop()
			began := false
			err := p.with(ctx, log, func(h *house) error {
				began = true
				defer p.announce(ctx, log)()
				defer p.thrift(ctx, debug.SetMemoryLimit)()
				return newServing(p, h, only).serve(ctx, hup)
			})
			if !began && toldToStop(ctx, err) {
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
func (s *serving) serve(ctx context.Context, hup <-chan os.Signal) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	run := map[string]func(context.Context) error{
		"fetch": s.fetch, "schedule": s.schedule, "deliver": s.deliver, "web": s.web,
	}
	var crew sync.WaitGroup
	for _, part := range s.only {
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
	crew.Go(func() { s.desk(ctx) })
	crew.Go(func() { s.watch(ctx, hup) })
	if s.does("schedule") || s.does("deliver") {
		crew.Go(func() { s.retention(ctx) })
	}
	c := s.reign().config
	s.log.Info("serving", "parts", strings.Join(s.only, ","), "digests", len(c.Digests), "sources", len(c.Sources), "hash", c.Hash())
	crew.Wait()
	s.log.Info("stopped")
	if err := context.Cause(ctx); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// schedule publishes editions when they are due and wakes the delivery.
func (s *serving) schedule(ctx context.Context) error {
	s.clock().Run(ctx)
	return nil
}

// clock is what publishes. A tick works by one config, whose hash the editions
// get.
func (s *serving) clock() *schedule.Clock {
	r := s.reign()
	pub := r.publisher()
	return &schedule.Clock{
		Store: r.store, Now: r.now, Log: s.log, Nudge: s.nudge,
		Digests: func() []digest.Digest {
			if next := s.reign(); next != r {
				r, pub = next, next.publisher()
			}
			return r.config.Digests
		},
		Force: func(name string) schedule.Force { return r.force[name] },
		Publish: func(ctx context.Context, d digest.Digest, slot digest.Slot) error {
			_, err := pub.Slot(ctx, d, slot)
			s.wakeDelivery()
			return err
		},
		PublishMoved: func(ctx context.Context, d digest.Digest, slot digest.Slot) error {
			_, err := pub.Moved(ctx, d, slot)
			s.wakeDelivery()
			return err
		},
	}
}

func (s *serving) wakeDelivery() {
	select {
	case s.wake <- struct{}{}:
	default: // it is about to look
	}
}

// deliver delivers until ctx is done. When a config changes how mails are made
// or sent, the lanes finish what they hold as they began it, and others go on.
func (s *serving) deliver(ctx context.Context) error {
	var all sync.WaitGroup
	defer all.Wait()
	for {
		r, retire, ended := s.reign(), make(chan struct{}), make(chan error, 1)
		all.Go(func() { ended <- r.serveDeliver(ctx, s.wake, retire) })
		select {
		case err := <-ended:
			return err
		case <-s.differs(ctx, r, Config.ofDelivery):
		}
		if ctx.Err() != nil {
			return <-ended
		}
		close(retire)
		select {
		case <-ended: // it says in the log what went wrong
		case <-time.After(s.retired):
			s.log.Info("mails are still under way by the config before; others are sent by the one in force beside them")
		}
	}
}

// serveDeliver delivers until ctx is done or retire closed. A database or relay
// that is away at the start is waited for.
func (h *house) serveDeliver(ctx context.Context, wake, retire <-chan struct{}) error {
	e, err := h.engine()
	if err != nil {
		return err
	}
	e.Wake, e.Retire = wake, retire
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
		case <-retire:
			return nil
		case <-time.After(5 * time.Second):
		}
	}
}

// applySpoolEvery is how often a process that answers readers tries to bring to
// the database what they did while it was away.
const applySpoolEvery = time.Second

// web answers the readers' pages.
func (s *serving) web(ctx context.Context) error {
	c := s.reign().config
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", c.Listen)
	if err != nil {
		return fmt.Errorf("%w; set `listen` to an address that is free", err)
	}
	server, err := s.reign().pages()
	if err == nil {
		server.Handler, err = s.handler(Config.ofPages, func(h *house) (http.Handler, error) {
			made, err := h.pages()
			if err != nil {
				return nil, err
			}
			return made.Handler, nil
		})
	}
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	var crew sync.WaitGroup
	defer crew.Wait()
	crew.Go(func() { s.reign().spool.Look(ctx, applySpoolEvery) })
	s.log.Info("answering readers' pages", "listen", listener.Addr().String(), "url", c.URL)
	return serveHTTP(ctx, s.log, server, listener)
}

// pages are the readers' pages over the rows.
func (h *house) pages() (*http.Server, error) {
	r, err := h.renderer()
	if err != nil {
		return nil, err
	}
	site := web.Site{
		Name: h.config.Name, URL: h.config.URL, Language: h.config.Language, Languages: h.config.templatesOf(""), Keys: h.keys, Store: h.store,
		Digests: h.publications(), Archive: h.store, Edition: r.Archive, ID: h.id, SignUps: h.signUps(),
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
	if h.spool != nil {
		site.Spool = h.spool
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
