//go:build !linux

package local

import (
	"context"
	"os/exec"
	"strconv"
	"strings"
)

// runMortal runs a short command. There is no parent-death signal here; what
// an orphaned initdb leaves is swept at the next start.
func runMortal(cmd *exec.Cmd) ([]byte, error) { return cmd.CombinedOutput() }

// initdbSync: initdb syncs its files itself.
func initdbSync() []string { return nil }

// syncTree has nothing left to do.
func syncTree(string) error { return nil }

// psColumn asks ps about one process.
func psColumn(pid int, column string) string {
	out, err := exec.Command("ps", "-o", column+"=", "-p", strconv.Itoa(pid)).Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}

// worksIn sees only that pid is some Postgres: without /proc its directory is
// not to be had, and taking a stranger for ours only delays the start.
// A zombie, which has a number still, is none.
func worksIn(pid int, _ string) bool {
	return !strings.HasPrefix(psColumn(pid, "stat"), "Z") && strings.Contains(psColumn(pid, "command"), "postgres")
}

// backendsIn cannot be answered here; Postgres itself refuses to start while
// backends of a killed server are left, and the start is tried again.
func backendsIn(string) []int { return nil }

// reapOrphans: containers, where this process is number 1, run Linux.
func reapOrphans(ctx context.Context) { <-ctx.Done() }

// memory is not asked for; the settings for a small machine are taken.
func memory() int64 { return 0 }
