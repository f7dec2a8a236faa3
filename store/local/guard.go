package local

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
)

// Who stops the server when a process that uses it is killed?
//
// A parent-death signal (Pdeathsig) does stop it with its starter, but the
// starter is just the command that happened to come first: its exit would cut
// the database under `serve` when a short `courant why` had started it, and
// the signal follows the starting thread, not the process. So the server is
// nobody's child but a guard's: a shell of a few lines in a session of its own
// that starts Postgres and listens at a pipe which every user of the server
// holds open. When the last of them is gone, by kill -9 too, the pipe ends
// and the guard asks Postgres to stop. It runs as Postgres's own user, costs a
// megabyte, works on every Unix and needs nothing of the program it is in.
//
// Should the guard itself be killed, the server runs on, and the last process
// to leave in order stops it; only after a kill -9 of both would it stay, for
// the next one to attach to.
//
// Signals to a whole control group reach the guard and Postgres as well: the
// guard ignores them, and Postgres takes SIGTERM as "no new sessions", which
// would hinder a drain. A systemd unit should say KillMode=mixed.
const guardScript = `
trap '' HUP INT TERM PIPE
exec 3<&0 </dev/null
"$@" >&2 3<&- &
server=$!
echo "$server"
exec >&2
{ while read -r _; do :; done <&3; kill -INT "$server"; } &
reader=$!
exec 3<&-
wait "$server"
kill -9 "$reader"
`

// A guard is the shell above with Postgres under it.
type guard struct {
	server int           // the postmaster's process number
	done   chan struct{} // closed when the guard, and so the server, has ended
}

// startGuard starts command under a guard that listens at fifo. The goroutine
// that waits for the guard outlives a Close that leaves the server to others,
// since nobody can wait for it then; it ends with the process at the latest.
func startGuard(p place, fifo string, command []string, log *os.File) (*guard, error) {
	fd, err := openOurs(fifo, syscall.O_RDONLY)
	if err != nil {
		return nil, err
	}
	pipe := os.NewFile(uintptr(fd), fifo)
	defer pipe.Close()
	report, reportTo, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("start Postgres: %w", err)
	}
	defer report.Close()
	cmd := exec.Command("/bin/sh", append([]string{"-c", guardScript, "sh"}, command...)...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = pipe, reportTo, log
	cmd.Dir = "/" // neither a directory the account may not enter nor a mount to pin
	cmd.Env = childEnv()
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Credential: p.account.credential()}
	err = cmd.Start()
	reportTo.Close()
	if err != nil {
		return nil, fmt.Errorf("start Postgres as OS user %s: %w", p.account.name, err)
	}
	g := &guard{done: make(chan struct{})}
	go func() {
		defer close(g.done)
		cmd.Wait() // its exit code says nothing that the log does not say better
	}()
	line, err := bufio.NewReader(report).ReadString('\n')
	if err != nil {
		return nil, fmt.Errorf("start Postgres: its guard ended early: %w", err)
	}
	if g.server, err = strconv.Atoi(strings.TrimSpace(line)); err != nil {
		return nil, fmt.Errorf("start Postgres: %w", err)
	}
	return g, nil
}

// ended says whether the guard is gone.
func (g *guard) ended() bool {
	select {
	case <-g.done:
		return true
	default:
		return false
	}
}

// childEnv is all that children see of our environment: secrets may be in it,
// and they run as another user. C is the locale of every message.
func childEnv() []string {
	env := []string{"LC_ALL=C", "LANG=C"}
	for _, name := range []string{"PATH", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"} {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	return env
}
