package local

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// runMortal runs a short command that must not outlive us. The signal is sent
// when the starting *thread* ends, and Go ends threads as it likes, hence the
// lock (prctl(2), PR_SET_PDEATHSIG).
func runMortal(cmd *exec.Cmd) ([]byte, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	return cmd.CombinedOutput()
}

// initdbSync tells initdb to leave syncing to syncTree: one call for the whole
// file system takes a tenth of the time of a thousand files, one by one.
func initdbSync() []string { return []string{"--no-sync"} }

// syncTree makes everything below dir durable.
func syncTree(dir string) error {
	file, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer file.Close()
	return unix.Syncfs(int(file.Fd()))
}

// processStat is what /proc/PID/stat says of a process.
type processStat struct {
	comm            string
	state           byte
	parent, session int
}

func readStat(pid int) (processStat, bool) {
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return processStat{}, false
	}
	return parseStat(content)
}

// parseStat cuts at the last parenthesis: a process may be named ") R 1".
func parseStat(content []byte) (processStat, bool) {
	open, end := bytes.IndexByte(content, '('), bytes.LastIndexByte(content, ')')
	if open < 0 || end < open {
		return processStat{}, false
	}
	fields := bytes.Fields(content[end+1:])
	if len(fields) < 4 || len(fields[0]) != 1 {
		return processStat{}, false
	}
	parent, parentErr := strconv.Atoi(string(fields[1]))
	session, sessionErr := strconv.Atoi(string(fields[3]))
	s := processStat{string(content[open+1 : end]), fields[0][0], parent, session}
	return s, parentErr == nil && sessionErr == nil
}

// worksIn says whether pid is a Postgres whose working directory is data, as
// that of every Postgres process is. A zombie has no directory any more; a
// process whose directory we may not see belongs to another user and is not ours.
func worksIn(pid int, data string) bool {
	stat, ok := readStat(pid)
	if !ok || stat.comm != "postgres" {
		return false
	}
	cwd, err := os.Stat(fmt.Sprintf("/proc/%d/cwd", pid))
	if err != nil {
		return false
	}
	dir, err := os.Stat(data)
	return err == nil && os.SameFile(cwd, dir)
}

// backendsIn lists the Postgres processes at work in data.
func backendsIn(data string) []int {
	names, _ := filepath.Glob("/proc/[0-9]*") // the pattern is well-formed
	var found []int
	for _, name := range names {
		pid, err := strconv.Atoi(filepath.Base(name))
		if err == nil && worksIn(pid, data) {
			found = append(found, pid)
		}
	}
	return found
}

// reapOrphans buries what the kernel hands to process 1: the backends of a
// postmaster that was killed and the guards of processes that are gone. They
// are told from the children os/exec waits for by their session: Postgres and
// our guards open their own, those of os/exec are in ours.
func reapOrphans(ctx context.Context) {
	children := make(chan os.Signal, 1)
	signal.Notify(children, syscall.SIGCHLD)
	defer signal.Stop(children)
	for {
		reapOnce()
		select {
		case <-ctx.Done():
			return
		case <-children:
		}
	}
}

func reapOnce() {
	us, _ := readStat(os.Getpid())
	names, _ := filepath.Glob("/proc/[0-9]*")
	for _, name := range names {
		pid, _ := strconv.Atoi(filepath.Base(name))
		stat, ok := readStat(pid)
		if ok && stat.state == 'Z' && stat.parent == os.Getpid() && stat.session != us.session {
			syscall.Wait4(pid, nil, syscall.WNOHANG, nil) // gone already is as well
		}
	}
}

// memory is what this machine, or the control group we are in, has, in bytes.
func memory() int64 {
	var info syscall.Sysinfo_t
	if err := syscall.Sysinfo(&info); err != nil {
		return 0
	}
	total := int64(info.Totalram) * int64(info.Unit)
	limit, err := os.ReadFile("/sys/fs/cgroup/memory.max")
	if err != nil {
		return total
	}
	if bound, err := strconv.ParseInt(string(bytes.TrimSpace(limit)), 10, 64); err == nil {
		return min(total, bound)
	}
	return total // "max"
}
