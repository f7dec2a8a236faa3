package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
)

// lock takes path's exclusive lock and returns what lets it go. The kernel
// does that too when the process dies.
func lock(ctx context.Context, path string) (unlock func(), err error) {
	fd, err := openOurs(path, syscall.O_RDWR|syscall.O_CREAT)
	if err != nil {
		return nil, err
	}
	for {
		got, err := flock(fd, syscall.LOCK_EX)
		if got {
			return func() { syscall.Close(fd) }, nil
		}
		if err == nil {
			err = pause(ctx, pollEvery)
		}
		if err != nil {
			syscall.Close(fd)
			return nil, fmt.Errorf("wait for %s, which another Courant holds: %w", path, err)
		}
	}
}

// flock tries once, without waiting.
func flock(fd, how int) (bool, error) {
	for {
		switch err := syscall.Flock(fd, how|syscall.LOCK_NB); {
		case err == nil:
			return true, nil
		case errors.Is(err, syscall.EWOULDBLOCK):
			return false, nil
		case !errors.Is(err, syscall.EINTR):
			return false, err
		}
	}
}

// openOurs opens a file of our own directory. Plain descriptors are used for
// locks and pipe ends: an os.File would set the pipe non-blocking for the
// shell that shares it. Close on exec keeps them from every child, which would
// otherwise count as a user of the server.
func openOurs(path string, flags int) (int, error) {
	for {
		fd, err := syscall.Open(path, flags|syscall.O_CLOEXEC, 0o600)
		switch {
		case err == nil:
			return fd, nil
		case errors.Is(err, syscall.EACCES):
			return -1, fmt.Errorf("open %s: permission denied: run Courant as the OS user who owns that directory", path)
		case !errors.Is(err, syscall.EINTR):
			return -1, &os.PathError{Op: "open", Path: path, Err: err}
		}
	}
}

// A use is the sign that a process uses the server: a shared lock, which tells
// the last one out that it is the last, and a writing end of the pipe at which
// the guard listens. The kernel takes back both, kill -9 included.
type use struct {
	lock, pipe int
}

// enter is called with start.lock held, which also orders it with leave.
func enter(p place) (*use, error) {
	fifo := p.file("users.fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil && !errors.Is(err, syscall.EEXIST) {
		return nil, fmt.Errorf("make the pipe %s: %w", fifo, err)
	}
	// Reading and writing: opened to write alone, it would wait for a reader.
	pipe, err := openOurs(fifo, syscall.O_RDWR)
	if err != nil {
		return nil, err
	}
	fd, err := openOurs(p.file("users.lock"), syscall.O_RDWR|syscall.O_CREAT)
	if err != nil {
		syscall.Close(pipe)
		return nil, err
	}
	u := &use{lock: fd, pipe: pipe}
	if got, err := flock(fd, syscall.LOCK_SH); !got {
		u.close()
		return nil, fmt.Errorf("lock %s: taken exclusively: %w", p.file("users.lock"), err)
	}
	return u, nil
}

// last says whether no other process uses the server.
func (u *use) last() (bool, error) { return flock(u.lock, syscall.LOCK_EX) }

// close ends the use.
func (u *use) close() {
	syscall.Close(u.lock)
	syscall.Close(u.pipe)
}
