package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"strings"
)

// announce tells whoever started this process that it serves, and, when ctx
// ends, that it is on its way out. The returned function ends that.
func (p *program) announce(ctx context.Context, log *slog.Logger) (end func()) {
	tell := p.tellSystemd(log)
	tell("READY=1")
	told := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(told)
		tell("STOPPING=1")
	})
	return func() {
		if !stop() {
			<-told
		}
	}
}

// tellSystemd gives what tells a state to whoever asked for it.
func (p *program) tellSystemd(log *slog.Logger) func(state string) {
	socket, _ := p.env("NOTIFY_SOCKET")
	return func(state string) {
		if err := notify(socket, state); err != nil {
			log.Warn("systemd was not told how it goes", "error", err)
		}
	}
}

// notify sends a state to the socket of systemd or its like, as sd_notify(3)
// describes it: one datagram. No socket means that nobody asked. A name that
// begins with @ is an abstract one, which package net knows by the same sign.
func notify(socket, state string) error {
	switch {
	case socket == "":
		return nil
	case !strings.HasPrefix(socket, "/") && !strings.HasPrefix(socket, "@"):
		return fmt.Errorf("tell %s: NOTIFY_SOCKET is neither a path nor an abstract name", state)
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		return fmt.Errorf("tell %s: %w", state, err)
	}
	defer conn.Close() // a datagram is on its way when Write returns
	if _, err := conn.Write([]byte(state)); err != nil {
		return fmt.Errorf("tell %s: %w", state, err)
	}
	return nil
}
