package main

import (
	"log/slog"
	"path/filepath"
	"syscall"
	"testing"

	"courant/store/storetest"
)

// A private Postgres that dies while a command begins comes back, and the
// command goes on.
func TestPrivatePostgresThatDiesAtTheStartIsWaitedFor(t *testing.T) {
	t.Parallel()
	server := storetest.Server(t)
	keys, err := openKeyring(filepath.Join(t.TempDir(), "secret"))
	if err != nil {
		t.Fatal(err)
	}
	h := &house{postgres: server, keys: keys, log: slog.New(slog.DiscardHandler)}
	if err := syscall.Kill(server.PID(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if err := h.attach(t.Context(), server.DSN()); err != nil {
		t.Fatal(err)
	}
	if err := h.store.Close(); err != nil {
		t.Error(err)
	}
}
