//go:build !testclock

package main

import "time"

// clock is the system's. Built with the tag testclock, the program takes the
// clock that a test hands it instead.
func clock() func() time.Time { return time.Now }

// firstRemoval is how long serve waits before it first removes what is old: a
// start has other things to do, and who sees a wrong config can still end it.
func firstRemoval() time.Duration { return 5 * time.Minute }
