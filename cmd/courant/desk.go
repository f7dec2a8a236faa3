package main

import (
	"context"
	"crypto/sha256"
	"net"
	"time"

	"courant/digest"
	"courant/digest/ingest"
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
	desk := web.Desk{Metrics: h.figures.Handler(), Health: h.store.Ping, Push: h.wayIn(), Log: h.log, Inside: err == nil && loopback(host)}
	h.log.Info("answering scrapes", "desk_listen", listener.Addr().String(), "path", "/metrics")
	if n := len(desk.Push.Tokens); n > 0 {
		h.log.Info("taking articles", "desk_listen", listener.Addr().String(), "path", "/api/articles", "sources", n)
		listening, stop := context.WithCancel(ctx)
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			h.countListening(listening, desk.Push.Tokens)
		}()
		defer func() { stop(); <-ended }()
	}
	if err := serveHTTP(ctx, h.log, desk.Server(), listener); err != nil {
		h.log.Error("the desk stopped", "error", err)
	}
}

// countListening records that sources can push, as long as they can: their
// silence is measured by it. A database that is away counts as nobody listening,
// and a push would fail, too.
func (h *house) countListening(ctx context.Context, tokens []web.PushToken) {
	var sources []string
	for _, t := range tokens {
		sources = append(sources, t.Source.Name)
	}
	tick := time.NewTicker(digest.ListenEvery)
	defer tick.Stop()
	for {
		if err := h.store.Listening(ctx, sources, h.now()); err != nil && ctx.Err() == nil {
			h.log.Debug("the time in which articles can be pushed is not counted", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// wayIn is where publishers' own systems send their articles.
func (h *house) wayIn() web.Push {
	filing := h.config.filing()
	push := web.Push{
		Store: h.store, Now: h.now, TrustedProxies: h.config.TrustedProxies,
		Read: func(body []byte) ([]digest.Article, []digest.ArticleFault, error) {
			return ingest.ReadPush(body, ingest.PushOptions{Now: h.now(), Most: web.MostPushed, Filing: filing, AllowPrivate: h.config.AllowPrivateSources})
		},
		Counted: func(created int) { h.figures.Polled("pushed", created) },
	}
	for _, t := range h.config.Tokens {
		for _, s := range h.config.Sources {
			if s.Name == t.Source {
				push.Tokens = append(push.Tokens, web.PushToken{Source: s, Sum: sha256.Sum256([]byte(t.Token.reveal()))})
			}
		}
	}
	return push
}
