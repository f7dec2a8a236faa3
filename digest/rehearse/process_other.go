//go:build !linux

package rehearse

import "syscall"

// childAttributes put a child into a group of its own. There is no signal that
// ends it with us: after a kill -9 of the rehearsal its workers stay.
func childAttributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
