//go:build darwin || dragonfly || freebsd || netbsd || openbsd

package main

import "golang.org/x/sys/unix"

// The requests that read and set a terminal's modes.
const (
	readModes = unix.TIOCGETA
	setModes  = unix.TIOCSETA
)
