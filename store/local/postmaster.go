package local

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

const pidFile = "postmaster.pid"

// The last line of postmaster.pid; Postgres also writes "stopping".
const (
	statusStarting = "starting"
	statusReady    = "ready"
)

// unusedPID is above what any kernel we run on gives out (Linux ends at 2^22).
const unusedPID = 1<<31 - 2

// A postmaster is what postmaster.pid says, and whether it is true.
type postmaster struct {
	pid    int    // 0: no file, or one that names nobody
	single bool   // a single-user backend, started by hand
	socket string // the directory of its socket; empty until it listens
	status string
	alive  bool // a Postgres of this number works in our data directory
}

// foreign says whether somebody else started it, so that it listens where
// nobody would find it.
func (m postmaster) foreign(p place) bool {
	return m.alive && (m.single || m.socket != "" && m.socket != p.socket)
}

// look reads postmaster.pid and asks the kernel about the process it names.
func (p place) look() (postmaster, error) {
	content, err := os.ReadFile(filepath.Join(p.data, pidFile))
	if errors.Is(err, fs.ErrNotExist) {
		return postmaster{}, nil
	}
	if err != nil {
		return postmaster{}, fmt.Errorf("look for a running Postgres: %w", err)
	}
	found := parsePIDFile(content)
	found.alive = found.pid > 0 && worksIn(found.pid, p.data)
	return found, nil
}

// parsePIDFile reads what Postgres (pidfile.h) writes a line at a time: number,
// data directory, start, port, socket directory, address, memory key, status.
// Lines may be missing while it starts.
func parsePIDFile(content []byte) postmaster {
	var lines [8]string
	for i, line := range strings.SplitN(string(content), "\n", 9) {
		if i < len(lines) {
			lines[i] = strings.TrimSpace(line)
		}
	}
	pid, err := strconv.ParseInt(lines[0], 10, 32)
	if err != nil {
		return postmaster{}
	}
	m := postmaster{pid: int(pid), socket: lines[4], status: lines[7]}
	if pid < 0 {
		m.pid, m.single = int(-pid), true
	}
	return m
}

// clearStale removes what would keep Postgres from starting after a crash.
// start.lock is held and no server of ours is alive.
//
// Postgres refuses to start while the number in postmaster.pid belongs to any
// process of its own user, which in a container, where numbers begin anew, is
// the rule. The file is not removed but made to name a number that nobody has:
// its memory key is how Postgres finds backends that outlived their server.
// The socket's own lock file repeats the number and guards nothing else.
func (p place) clearStale(stale postmaster) error {
	data, err := os.OpenRoot(p.data)
	if err != nil {
		return fmt.Errorf("clear up after a crash: %w", err)
	}
	defer data.Close()
	if stale.pid == 0 {
		// Empty or unreadable, as a full disk leaves it: nothing to keep.
		if err := data.Remove(pidFile); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("clear up after a crash: %w", err)
		}
	} else if err := renumber(data); err != nil {
		return fmt.Errorf("clear up after a crash: %w", err)
	}
	socket, err := os.OpenRoot(p.socket)
	if err != nil {
		return fmt.Errorf("clear up after a crash: %w", err)
	}
	defer socket.Close()
	for _, name := range []string{socketName, socketName + ".lock"} {
		if err := socket.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("clear up after a crash: %w", err)
		}
	}
	return nil
}

// renumber rewrites the first line of postmaster.pid.
func renumber(data *os.Root) error {
	content, err := data.ReadFile(pidFile)
	if err != nil {
		return err
	}
	_, rest, _ := bytes.Cut(content, []byte("\n"))
	file, err := data.OpenFile(pidFile, os.O_WRONLY|os.O_TRUNC, 0)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(file, "%d\n%s", unusedPID, rest)
	return errors.Join(err, file.Close())
}
