package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"courant/digest/smtpsink"
)

// onTerminal runs the program with a terminal of so many columns for its
// stdout, and gives what it wrote there.
func (d *desk) onTerminal(columns uint16, env []string, args ...string) string {
	d.t.Helper()
	return d.onTerminalSeen(columns, env, func(*exec.Cmd, string) {}, args...)
}

// onTerminalSeen is onTerminal with somebody who sees what was written so far.
func (d *desk) onTerminalSeen(columns uint16, env []string, seen func(*exec.Cmd, string), args ...string) string {
	d.t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		d.t.Skipf("this machine has no terminals to hand out: %v", err)
	}
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		d.t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		d.t.Fatal(err)
	}
	if err := unix.IoctlSetWinsize(int(master.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: columns}); err != nil {
		d.t.Fatal(err)
	}
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		d.t.Skipf("this machine has no terminals to hand out: %v", err)
	}
	written := make(chan []byte, 1)
	c := d.command(d.t.Context(), args...)
	c.Env = append(append(c.Env, "TERM=xterm", "NO_COLOR="), env...)
	var errs bytes.Buffer
	c.Stdout, c.Stderr = slave, &errs
	if err := c.Start(); err != nil {
		d.t.Fatal(err)
	}
	go func() {
		var all, some []byte
		for some = make([]byte, 4096); ; {
			n, err := master.Read(some)
			all = append(all, some[:n]...)
			if err != nil { // EIO, when the last one lets the terminal go
				written <- all
				return
			}
			seen(c, string(all))
		}
	}()
	if err := c.Wait(); err != nil {
		d.t.Fatalf("%v\n%s", err, errs.String())
	}
	if err := slave.Close(); err != nil {
		d.t.Fatal(err)
	}
	b := <-written
	if err := master.Close(); err != nil {
		d.t.Error(err)
	}
	return strings.ReplaceAll(string(b), "\r\n", "\n")
}

func TestAnswersAreColouredAndBrokenToTheWidthOnATerminalOnly(t *testing.T) {
	t.Parallel()
	d := newDesk(t, smtpsink.Options{})
	d.configure()
	d.must("readers", "add", "ann@example.org")
	d.tell("A ferry that has been late every day since March is on time for the first time")
	for _, args := range [][]string{{"plan"}, {"preview", "morning", "--out", t.TempDir()}, {"why", "ann@example.org"}} {
		plain := d.must(args...)
		if strings.Contains(plain, "\x1b") {
			t.Errorf("%s is coloured in a pipe:\n%s", args, plain)
		}
		coloured := d.onTerminal(60, nil, args...)
		if !strings.Contains(coloured, "\x1b[1m") {
			t.Errorf("%s has no colours:\n%s", args, coloured)
		}
		for _, env := range []string{"NO_COLOR=1", "TERM=dumb"} {
			if got := d.onTerminal(200, []string{env}, args...); strings.Contains(got, "\x1b") {
				t.Errorf("%s is coloured with %s:\n%s", args, env, got)
			}
		}
		if got := d.onTerminal(200, []string{"NO_COLOR=1"}, args...); args[0] == "why" && got != plain {
			t.Errorf("%s on a wide terminal:\n%s\nin a pipe:\n%s", args, got, plain)
		}
	}
	narrow := d.onTerminal(60, []string{"NO_COLOR=1"}, "plan")
	for line := range strings.Lines(narrow) {
		if len([]rune(strings.TrimSuffix(line, "\n"))) > 60 {
			t.Errorf("a line is longer than the terminal: %s", line)
		}
	}
	if !strings.Contains(narrow, "  1  World  A ferry that has been late every day since March\n            is on time for the first time\n") {
		t.Errorf("plan in 60 columns:\n%s", narrow)
	}
}
