package local

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

func TestServerSeesNothingOfOurEnvironment(t *testing.T) {
	t.Parallel()
	c := spawn(t, clusterDir(t), "SMTP_PASSWORD=canary", "PGOPTIONS=-c statement_timeout=1")
	env, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", c.pid))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(env), "canary") || strings.Contains(string(env), "PGOPTIONS") {
		t.Errorf("the server's environment is %q", env)
	}
}

func TestServerKeepsNoDescriptorOfItsUsers(t *testing.T) {
	t.Parallel()
	c := spawn(t, clusterDir(t))
	links, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", c.pid))
	if err != nil || len(links) == 0 {
		t.Fatalf("no descriptors to see: %v", err)
	}
	for _, link := range links {
		target, _ := os.Readlink(link)
		if strings.Contains(target, "users.") || strings.Contains(target, "start.lock") {
			t.Errorf("the server holds %s", target)
		}
	}
}

// zombies counts the children that nobody has waited for.
func zombies() int {
	count := 0
	names, _ := filepath.Glob("/proc/[0-9]*")
	for _, name := range names {
		pid, _ := strconv.Atoi(filepath.Base(name))
		if stat, ok := readStat(pid); ok && stat.state == 'Z' {
			count++
		}
	}
	return count
}

func TestKilledGuardLeavesTheServerToItsUsers(t *testing.T) {
	t.Parallel()
	s := start(t, quick(clusterDir(t)))
	pid := s.PID()
	stat, ok := readStat(pid)
	if !ok {
		t.Fatal("the server is gone")
	}
	kill(t, stat.parent)
	<-s.launched.done
	if err := s.Ensure(patient(t)); err != nil || s.PID() != pid {
		t.Fatalf("process %d instead of %d, %v", s.PID(), pid, err)
	}
	shut(t, s)
	if worksIn(pid, s.place.data) {
		t.Error("the server outlived its last user")
	}
}

func TestProcess1OfAContainerBuriesTheDead(t *testing.T) {
	t.Parallel()
	asRoot(t)
	dir := clusterDir(t)
	c := contain(t, dir)
	c.ready()
	for range 2 {
		pid, err := strconv.Atoi(c.ask("pid"))
		if err != nil || pid == 0 {
			t.Fatalf("process %d, %v", pid, err)
		}
		c.want("kill", "<nil>")
		c.want("ensure", "<nil>")
		c.want("query", "ok")
	}
	await(t, "the dead are buried", func() bool { return c.ask("zombies") == "0" })
	c.want("close", "closed")
}

func TestProcessNameMayHoldAnything(t *testing.T) {
	t.Parallel()
	stat, ok := parseStat([]byte("42 (a) R 1 (b) S 7 42 43 0 -1"))
	if want := (processStat{"a) R 1 (b", 'S', 7, 43}); !ok || stat != want {
		t.Errorf("read %+v, %v", stat, ok)
	}
}

func FuzzStat(f *testing.F) {
	f.Add([]byte("42 (postgres) S 1 42 42 0 -1 4194304"))
	f.Add([]byte("42 (a) R 1 (b) Z 7 42 43"))
	f.Add([]byte("42 )("))
	f.Fuzz(func(t *testing.T, content []byte) {
		if stat, ok := parseStat(content); ok && stat.state == 0 {
			t.Errorf("no state in %+v", stat)
		}
	})
}

// contain starts a child as process 1 of a process namespace of its own.
func contain(t *testing.T, dir string) *child {
	t.Helper()
	return launchChildWith(t, dir, &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS,
	}, "COURANT_LOCAL_TEST_PROC=1")
}

// mountProc shows a child in its own process namespace that one's processes.
func mountProc() error {
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return err
	}
	return syscall.Mount("proc", "/proc", "proc", 0, "")
}
