package rehearse

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
)

// troupe starts processes and sees to it that none outlives the rehearsal.
//
// All are started by one goroutine on a thread of its own, because the signal
// that ends a child with its parent (where the system has one) follows the
// starting thread. Each leads a process group, so that Ctrl-C in a terminal
// reaches the rehearsal alone and that decides what follows.
type troupe struct {
	dir    string // for logs
	starts chan func()
	ended  sync.WaitGroup

	mu  sync.Mutex
	all []*process
}

func newTroupe(dir string) *troupe {
	t := &troupe{dir: dir, starts: make(chan func())}
	t.ended.Go(func() {
		runtime.LockOSThread()
		for start := range t.starts {
			start()
		}
	})
	return t
}

// process is a child that runs.
type process struct {
	name  string
	cmd   *exec.Cmd
	log   *os.File
	stdin io.Closer // held open while it may run, where it listens to that
	out   *bufio.Reader
	done  chan struct{} // closed when it has ended
	err   error         // how; read after done
	began time.Time
}

// start runs a program in the background; what it says goes to a log of that
// name.
func (t *troupe) start(name string, args []string) (*process, error) {
	log, err := os.OpenFile(filepath.Join(t.dir, name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("log of %s: %w", name, err)
	}
	p := &process{name: name, cmd: exec.Command(args[0], args[1:]...), log: log, done: make(chan struct{}), began: time.Now()}
	p.cmd.Stderr = log
	p.cmd.SysProcAttr = childAttributes()
	stdin, err := p.cmd.StdinPipe()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start %s: %w", name, err), log.Close())
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start %s: %w", name, err), log.Close())
	}
	p.stdin, p.out = stdin, bufio.NewReader(out)
	started := make(chan error)
	t.starts <- func() { started <- p.cmd.Start() }
	if err := <-started; err != nil {
		return nil, errors.Join(fmt.Errorf("start %s: %w", name, err), log.Close())
	}
	t.mu.Lock()
	t.all = append(t.all, p)
	t.mu.Unlock()
	return p, nil
}

// await collects the end of a process whose output was read, or is not wanted.
func (p *process) await(t *troupe) {
	t.ended.Go(func() {
		// What it says on stdout is for its log, too.
		_, _ = io.Copy(p.log, p.out)
		p.err = errors.Join(p.cmd.Wait(), p.log.Close())
		close(p.done)
	})
}

// runs says whether the process has not ended yet.
func (p *process) runs() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// signal sends a signal; to a process that has ended it does nothing.
func (p *process) signal(s syscall.Signal) { _ = p.cmd.Process.Signal(s) }

// end sends a signal and waits for the end.
func (p *process) end(ctx context.Context, s syscall.Signal, within time.Duration) error {
	p.signal(s)
	late := time.NewTimer(within)
	defer late.Stop()
	select {
	case <-p.done:
		return p.err
	case <-late.C:
		return fmt.Errorf("%s did not end within %s", p.name, within)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// usage is what ended processes took.
type usage struct {
	CPU    time.Duration
	Memory int64 // the largest resident set of one, in bytes; 0: not known
}

func (u *usage) add(p *process) {
	if p.cmd.ProcessState == nil {
		return
	}
	u.CPU += p.cmd.ProcessState.UserTime() + p.cmd.ProcessState.SystemTime()
}

// weigh notes the memory of a process that is about to end.
func (u *usage) weigh(p *process) { u.Memory = max(u.Memory, peakMemory(p.cmd.Process.Pid)) }

// close kills what still runs and waits for all.
func (t *troupe) close() {
	t.mu.Lock()
	for _, p := range t.all {
		p.signal(syscall.SIGKILL)
		p.stdin.Close() // its reader is gone, or about to be
	}
	t.mu.Unlock()
	close(t.starts)
	t.ended.Wait()
}

// run runs a program to its end and returns what it wrote. An exit other than
// one of those allowed is an error that has its last words.
func (t *troupe) run(ctx context.Context, u *usage, args []string, allowed ...int) (string, error) {
	p, err := t.start("commands", args)
	if err != nil {
		return "", err
	}
	var out strings.Builder
	p.out = bufio.NewReader(io.TeeReader(p.out, &out))
	before, _ := p.log.Seek(0, io.SeekEnd)
	p.await(t)
	select {
	case <-p.done:
	case <-ctx.Done():
		p.signal(syscall.SIGKILL)
		<-p.done
		return "", ctx.Err()
	}
	if u != nil {
		u.add(p)
	}
	code := p.cmd.ProcessState.ExitCode()
	for _, ok := range append(allowed, 0) {
		if code == ok {
			return out.String(), nil
		}
	}
	said, _ := os.ReadFile(filepath.Join(t.dir, "commands.log"))
	return out.String(), fmt.Errorf("courant %s: exit %d: %s", strings.Join(args[1:], " "), code, lastLines(string(said[min(int(before), len(said)):]), 3))
}

func lastLines(s string, n int) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return strings.Join(lines[max(len(lines)-n, 0):], "; ")
}
