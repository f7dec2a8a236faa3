//go:build !testclock

package main

import "time"

// clock is the system's. Built with the tag testclock, the program takes the
// clock that a test hands it instead.
func clock() func() time.Time { return time.Now }
