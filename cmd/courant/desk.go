package main

import (
	"context"
	"crypto/sha256"
	"net"
	"net/http"
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

// desk answers at desk_listen until ctx is done. Of several processes on
// one host with one config only the first can; the others go on with their
// work, and take the address over when it is free.
func (s *serving) desk(ctx context.Context) {
	at := s.reign().config.DeskListen
	for told := false; ; {
		listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", at)
		if err == nil {
			s.deskAt(ctx, listener)
			return
		}
		if ctx.Err() == nil && !told {
			told = true
			s.log.Warn("metrics of this process cannot be pulled, for desk_listen cannot be used; it is tried again, or set another address",
				"desk_listen", at, "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(deskEvery):
		}
	}
}

func (s *serving) deskAt(ctx context.Context, listener net.Listener) {
	host, _, err := net.SplitHostPort(listener.Addr().String())
	inside := err == nil && loopback(host)
	made := func(h *house) *web.Desk {
		return &web.Desk{Metrics: h.figures.Handler(), Health: h.store.Ping, Push: h.wayIn(), Log: h.log, Inside: inside}
	}
	desk := made(s.reign().house)
	s.log.Info("answering scrapes", "desk_listen", listener.Addr().String(), "path", "/metrics")
	if n := len(desk.Push.Tokens); n > 0 {
		s.log.Info("taking articles", "desk_listen", listener.Addr().String(), "path", "/api/articles", "sources", n)
	}
	listening, stop := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.countListening(listening)
	}()
	defer func() { stop(); <-ended }()
	server := desk.Server()
	server.Handler, err = s.handler(Config.ofSources, func(h *house) (http.Handler, error) { return made(h).Handler(), nil })
	if err == nil {
		err = serveHTTP(ctx, s.log, server, listener)
	}
	if err != nil {
		s.log.Error("the desk stopped", "error", err)
	}
}

// countListening records that sources can push, as long as they can: their
// silence is measured by it. A database that is away counts as nobody listening,
// and a push would fail, too.
func (s *serving) countListening(ctx context.Context) {
	tick := time.NewTicker(digest.ListenEvery)
	defer tick.Stop()
	for {
		h := s.reign().house
		var sources []string
		for _, t := range h.config.Tokens {
			sources = append(sources, t.Source)
		}
		if len(sources) > 0 {
			if err := h.store.Listening(ctx, sources, h.now()); err != nil && ctx.Err() == nil {
				h.log.Debug("the time in which articles can be pushed is not counted", "error", err)
			}
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
