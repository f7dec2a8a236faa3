package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"courant/digest/smtpsink"
)

// notifySockets are the two kinds of socket that systemd may name.
func notifySockets(t *testing.T) []string {
	t.Helper()
	dir, err := os.MkdirTemp("", "courant-") // short: a socket's path is
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	sockets := []string{filepath.Join(dir, "notify")}
	if runtime.GOOS == "linux" {
		sockets = append(sockets, "@"+dir)
	}
	return sockets
}

// hears is the next datagram at a socket.
func hears(t *testing.T, conn *net.UnixConn) string {
	t.Helper()
	if err := conn.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 4096)
	n, err := conn.Read(got)
	if err != nil {
		t.Fatal(err)
	}
	return string(got[:n])
}

func TestServeTellsSystemdThatItIsReadyAndStops(t *testing.T) {
	t.Parallel()
	d := newDesk(t, smtpsink.Options{})
	d.configure()
	for _, socket := range notifySockets(t) {
		listener, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		serve := d.command(ctx, "serve", "--only", "web")
		serve.Env = append(serve.Env, "NOTIFY_SOCKET="+socket)
		var log lockedBuffer
		serve.Stderr = &log
		if err := serve.Start(); err != nil {
			t.Fatal(err)
		}
		if got := hears(t, listener); got != "READY=1" {
			t.Errorf("%s: first it hears %q\n%s", socket, got, &log)
		}
		if err := serve.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		if got := hears(t, listener); got != "STOPPING=1" {
			t.Errorf("%s: then it hears %q\n%s", socket, got, &log)
		}
		if err := serve.Wait(); err != nil {
			t.Errorf("%s: %v\n%s", socket, err, &log)
		}
		cancel()
		if err := listener.Close(); err != nil {
			t.Error(err)
		}
	}
}

// A socket that is gone or strange is told, and hinders nothing.
func TestStrangeNotifySocketIsNamed(t *testing.T) {
	t.Parallel()
	for socket, want := range map[string]string{
		"":                                     "<nil>",
		"vsock:2:1234":                         "neither a path nor an abstract name",
		filepath.Join(t.TempDir(), "no-such"):  "no such file",
		"/" + strings.Repeat("too-long/", 100): "invalid argument",
	} {
		if got := fmt.Sprint(notify(socket, "READY=1")); !strings.Contains(got, want) {
			t.Errorf("%q: %s, want %q", socket, got, want)
		}
	}
}
