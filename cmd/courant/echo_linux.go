package main

import "golang.org/x/sys/unix"

// The requests that read and set a terminal's modes.
const (
	readModes = unix.TCGETS
	setModes  = unix.TCSETS
)
