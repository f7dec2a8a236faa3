package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"

	"courant/digest/smtpsink"

	"github.com/rivo/uniseg"
	"golang.org/x/sys/unix"
)

// terminalPair is a terminal with the program at its one end and the test,
// which types and reads, at the other.
type terminalPair struct {
	t      testing.TB
	master *os.File // what is typed, and what is shown
	slave  *os.File
	shown  *lockedBuffer
	grown  chan struct{}
}

func newTerminal(t testing.TB) *terminalPair {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("no terminal can be made here: %v", err)
	}
	t.Cleanup(func() { _ = master.Close() }) // closed by the test already
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = slave.Close() }) // closed by the test already
	return &terminalPair{t: t, master: master, slave: slave, shown: &lockedBuffer{}, grown: make(chan struct{}, 1)}
}

// run starts a program on the terminal.
func (p *terminalPair) run(c *exec.Cmd) {
	p.t.Helper()
	c.Stdin, c.Stdout, c.Stderr = p.slave, p.slave, p.slave
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := c.Start(); err != nil {
		p.t.Fatal(err)
	}
	go func() {
		defer close(p.grown)
		b := make([]byte, 4096)
		for {
			n, err := p.master.Read(b)
			if n > 0 {
				_, _ = p.shown.Write(b[:n]) // memory takes everything
				select {
				case p.grown <- struct{}{}:
				default:
				}
			}
			if err != nil {
				return
			}
		}
	}()
}

// answer waits for a prompt behind a word and types a line.
func (p *terminalPair) answer(word, line string) {
	p.t.Helper()
	for {
		if _, after, found := strings.Cut(p.shown.String(), word); found && strings.Contains(after, "> ") {
			break
		}
		if _, open := <-p.grown; !open {
			p.t.Fatalf("%q was never asked:\n%s", word, p.shown)
		}
	}
	if _, err := p.master.WriteString(line); err != nil {
		p.t.Fatal(err)
	}
}

func (p *terminalPair) echoes() bool {
	p.t.Helper()
	state, err := unix.IoctlGetTermios(int(p.slave.Fd()), unix.TCGETS)
	if err != nil {
		p.t.Fatal(err)
	}
	return state.Lflag&unix.ECHO != 0
}

func TestPasswordIsNotShownOnATerminal(t *testing.T) {
	t.Parallel()
	n := newNovice(t, withLogin())
	n.env = append(n.env, "TERM=dumb")
	term := newTerminal(t)
	c := n.command("init")
	term.run(c)
	term.answer("1/5", "Harbour News\n")
	term.answer("2/5", "news@example.com\n")
	term.answer("Your postal address", "1 Quay\n")
	term.answer("3/5", "\n")
	term.answer("4/5", "smtp://harbour@"+n.sink.Addr()+"\n")
	term.answer("The password of harbour", relayPassword+"\n")
	term.answer("5/5", n.feedAddress()+"\n")
	if err := c.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, term.shown)
	}
	if shown := term.shown.String(); strings.Contains(shown, "canary") || !strings.Contains(shown, "> Harbour News") || !strings.Contains(shown, "logged in as harbour") {
		t.Errorf("the terminal shows\n%s", shown)
	}
	if got := n.read("smtp-password"); got != relayPassword+"\n" || !term.echoes() {
		t.Errorf("the password is %q, the terminal echoes: %v", got, term.echoes())
	}
}

func TestCtrlCAtThePasswordGivesTheTerminalBack(t *testing.T) {
	t.Parallel()
	n := newNovice(t, withLogin())
	term := newTerminal(t)
	c := n.command("init", "--name", "Harbour News", "--from", "news@example.com", "--postal-address", "1 Quay", "--url", "http://127.0.0.1:8080",
		"--relay", "smtp://harbour@"+n.sink.Addr())
	term.run(c)
	term.answer("The password of harbour", "half a canary\x03")
	var exit *exec.ExitError
	if err := c.Wait(); !errors.As(err, &exit) || exit.ExitCode() != 1 {
		t.Errorf("it ended with %v", err)
	}
	if !term.echoes() || len(n.files()) != 0 || strings.Contains(term.shown.String(), "canary") {
		t.Errorf("echoes: %v, files: %q\n%s", term.echoes(), n.files(), term.shown)
	}
	if err := term.slave.Close(); err != nil {
		t.Fatal(err)
	}
	for range term.grown { // until the last reader of the terminal is gone
	}
	if !slices.Contains(strings.Fields(term.shown.String()), "interrupted;") {
		t.Errorf("the terminal shows\n%s", term.shown)
	}
}

func TestInitKeepsWithinTheTerminal(t *testing.T) {
	t.Parallel()
	const columns = 72
	n := newNovice(t, smtpsink.Options{})
	n.env = append(n.env, "TERM=dumb")
	term := newTerminal(t)
	if err := unix.IoctlSetWinsize(int(term.slave.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: columns}); err != nil {
		t.Fatal(err)
	}
	c := n.command("init")
	term.run(c)
	term.answer("1/5", "Harbour News\n")
	term.answer("2/5", "news@localhost.\n")
	term.answer("No:", "news@example.com\n")
	term.answer("Your postal address", "1 Quay\n")
	term.answer("3/5", "\n")
	term.answer("4/5", n.sink.Addr()+"\n")
	term.answer("5/5", n.feedAddress()+"\n")
	if err := c.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, term.shown)
	}
	if err := term.slave.Close(); err != nil {
		t.Fatal(err)
	}
	for range term.grown { // until all is shown
	}
	for line := range strings.Lines(term.shown.String()) {
		if line = strings.TrimRight(line, "\r\n"); uniseg.StringWidth(line) > columns {
			t.Errorf("%d columns: %q", uniseg.StringWidth(line), line)
		}
	}
}
