package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"sync"
	"syscall"
)

// output is what the program writes its results to. It remembers that a write
// failed: nobody looks after each of hundreds of lines, and a result that is
// not there must not end as if it were.
type output struct {
	io.Writer
	mu  sync.Mutex
	err error // the first
}

// Write implements io.Writer.
func (o *output) Write(b []byte) (int, error) {
	n, err := o.Writer.Write(b)
	if err != nil {
		o.mu.Lock()
		defer o.mu.Unlock()
		if o.err == nil {
			o.err = err
		}
	}
	return n, err
}

// Fd is the file that is written to; no file: a number that none has.
func (o *output) Fd() uintptr {
	if f, ok := o.Writer.(interface{ Fd() uintptr }); ok {
		return f.Fd()
	}
	return ^uintptr(0)
}

// lost says that not all was written.
func (o *output) lost() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err == nil {
		return nil
	}
	err := o.err
	if at := new(fs.PathError); errors.As(err, &at) {
		err = at.Err // the path is a descriptor's
	}
	next := "write it to a file or a program that takes it all"
	if errors.Is(err, syscall.ENOSPC) {
		next = "make room, or write it elsewhere"
	}
	return fmt.Errorf("what was to be shown could not be written (%w), so part of it is missing; %s", err, next)
}

// openInput opens a file that is named on the command line, to be read.
func openInput(name string) (*os.File, error) {
	if scheme, _, ok := strings.Cut(name, "://"); ok && !strings.ContainsAny(scheme, "/.") {
		return nil, fmt.Errorf("%s is an address that is not read: only http:// and https:// are; fetch it by another program and name the file", name)
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, inputFault(name, err)
	}
	if info, err := f.Stat(); err == nil && info.IsDir() {
		_ = f.Close() // nothing was written
		return nil, fmt.Errorf("%s is a directory; name the files in it, as in %s", name, strings.TrimSuffix(name, "/")+"/*.html")
	}
	return f, nil
}

// inputFault says why a file cannot be opened, and what to do.
func inputFault(name string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("there is no file %s; look at its name, an address begins with http:// or https://", name)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%s may not be read by this account; chmod or chown it", name)
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		return fmt.Errorf("%s was not opened, for too many files are open (%w); raise the limit (`ulimit -n`), or end what holds them", name, errors.Unwrap(err))
	}
	return fmt.Errorf("%w; look whether it is a file that can be read", err)
}
