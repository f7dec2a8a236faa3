package main

import (
	"context"
	"net"
	"time"

	"courant/digest/measure"
	"courant/digest/web"
)

// measures are the figures of this process.
func (h *house) measures() *measure.Figures {
	return measure.New(measure.Options{Store: h.store, Relays: h.config.relayNames(), Limits: h.config.submissions(), Now: h.now, Log: h.log})
}

// deskEvery is how often a desk whose address is taken is tried again.
const deskEvery = 10 * time.Second

// serveDesk answers at desk_listen until ctx is done. Of several processes on
// one host with one config only the first can; the others go on with their
// work, and take the address over when it is free.
func (h *house) serveDesk(ctx context.Context) {
	for told := false; ; {
		listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", h.config.DeskListen)
		if err == nil {
			h.serveDeskAt(ctx, listener)
			return
		}
		if ctx.Err() == nil && !told {
			told = true
			h.log.Warn("metrics of this process cannot be pulled, for desk_listen cannot be used; it is tried again, or set another address",
				"desk_listen", h.config.DeskListen, "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(deskEvery):
		}
	}
}

func (h *house) serveDeskAt(ctx context.Context, listener net.Listener) {
	host, _, err := net.SplitHostPort(listener.Addr().String())
	desk := web.Desk{Metrics: h.figures.Handler(), Health: h.store.Ping, Log: h.log, Inside: err == nil && loopback(host)}
	h.log.Info("answering scrapes", "desk_listen", listener.Addr().String(), "path", "/metrics")
	if err := serveHTTP(ctx, h.log, desk.Server(), listener); err != nil {
		h.log.Error("the desk stopped", "error", err)
	}
}
