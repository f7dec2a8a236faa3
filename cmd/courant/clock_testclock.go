//go:build testclock

package main

import (
	"fmt"
	"os"
	"time"
)

// clock is the system's, moved by the duration in COURANT_CLOCK. Only the
// program that tests build has it.
func clock() func() time.Time {
	offset, err := time.ParseDuration(os.Getenv("COURANT_CLOCK"))
	if err != nil {
		fmt.Fprintln(os.Stderr, "COURANT_CLOCK is not a duration:", err)
		os.Exit(exitMisused)
	}
	return func() time.Time { return time.Now().Add(offset) }
}

// firstRemoval is as the program's, unless COURANT_FIRST_REMOVAL says otherwise.
func firstRemoval() time.Duration {
	if first, err := time.ParseDuration(os.Getenv("COURANT_FIRST_REMOVAL")); err == nil {
		return first
	}
	return 5 * time.Minute
}
