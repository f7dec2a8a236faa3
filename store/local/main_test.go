package local

import (
	"bufio"
	"context"
	"database/sql"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	_ "github.com/lib/pq"
)

// childDir makes the test binary a process that uses the private Postgres of
// that data directory; see childMain.
const childDir = "COURANT_LOCAL_TEST_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		os.Exit(childMain(dir))
	}
	code := m.Run()
	made, _ := filepath.Glob(filepath.Join(os.TempDir(), pristinePrefix+"*"))
	for _, dir := range made {
		os.RemoveAll(dir) // what is left is shown below
	}
	if left := leftovers(); len(left) > 0 {
		fmt.Fprintln(os.Stderr, "left behind:", left)
		code = 1
	}
	os.Exit(code)
}

// patience is longer than anything here takes; it only ends a test that hangs.
const patience = 30 * time.Second

func patient(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// dirPrefix begins the name of every directory these tests make; the number of
// the process in it keeps two runs from counting each other's.
var dirPrefix = fmt.Sprintf("courant-local-%d-", os.Getpid())

// pristinePrefix is dirPrefix for the one directory that outlives its test.
var pristinePrefix = dirPrefix + "pristine-"

// leftovers lists directories, and processes at work in them, that a test did
// not clear up.
func leftovers() []string {
	left, _ := filepath.Glob(filepath.Join(os.TempDir(), dirPrefix+"*"))
	return append(left, atWork(dirPrefix)...)
}

// atWork lists the processes whose directory has part in its path.
func atWork(part string) []string {
	var found []string
	cwds, _ := filepath.Glob("/proc/[0-9]*/cwd")
	for _, cwd := range cwds {
		if target, err := os.Readlink(cwd); err == nil && strings.Contains(target, part) {
			found = append(found, cwd+" -> "+target)
		}
	}
	return found
}

// dataDir is a data directory, not made yet, that every OS user can reach.
func dataDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", dirPrefix)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		// A killed test process leaves the end of the server to its guard.
		await(t, "no server works here", func() bool { return len(atWork(dir+"/")) == 0 })
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "state")
}

// pristine is the data directory of a fresh cluster, made once: initdb takes
// longer than all else that these tests do.
var pristine = sync.OnceValues(func() (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	dir, err := os.MkdirTemp("", pristinePrefix)
	if err != nil {
		return "", err
	}
	dir = filepath.Join(dir, "state")
	if err := os.Chmod(filepath.Dir(dir), 0o711); err != nil {
		return dir, err
	}
	s, err := Start(ctx, quick(dir))
	if err != nil {
		return dir, err
	}
	return dir, s.Close(ctx)
})

// clusterDir is a data directory with a fresh cluster in it.
func clusterDir(t testing.TB) string {
	t.Helper()
	dir := dataDir(t)
	copyCluster(t, dir)
	return dir
}

// copyCluster makes dir a copy of the pristine data directory.
func copyCluster(t testing.TB, dir string) {
	t.Helper()
	from, err := pristine()
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("cp", "-a", from, dir).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

func quick(dir string) Options { return Options{DataDir: dir, Throwaway: true} }

// start is Start for this process, closed when the test ends.
func start(t testing.TB, o Options) *Server {
	t.Helper()
	if testing.Verbose() {
		o.Log = slog.New(slog.NewTextHandler(t.Output(), nil))
	}
	s, err := Start(patient(t), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { shut(t, s) })
	return s
}

// shut closes s unless that has been done.
func shut(t testing.TB, s *Server) {
	t.Helper()
	if s.use == nil {
		return
	}
	if err := s.Close(patient(t)); err != nil {
		t.Error(err)
	}
	s.use = nil
}

// open is a pool on the server. It is closed before the server is, because it
// is opened later.
func open(t testing.TB, dsn string) *sql.DB {
	t.Helper()
	db, err := sql.Open("postgres", dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// await asks until yes is true. The end of a process that is not our child
// sends no signal to wait for.
func await(t testing.TB, what string, yes func() bool) {
	t.Helper()
	ctx := patient(t)
	for !yes() {
		if pause(ctx, pollEvery) != nil {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

func kill(t testing.TB, pid int) {
	t.Helper()
	if pid <= 0 {
		t.Fatalf("no process to kill: %d", pid)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
}

// gone waits until no server runs in s's place and its guard has ended too.
func gone(t testing.TB, dir string) {
	t.Helper()
	p, err := findPlace(dir)
	if err != nil {
		t.Fatal(err)
	}
	await(t, "the server ends", func() bool {
		found, err := p.look()
		return err == nil && !found.alive && len(backendsIn(p.data)) == 0
	})
}

// A child is another process that uses the server.
type child struct {
	t   testing.TB
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
	dsn string
	pid int // the postmaster's
}

// spawn starts a child and returns when its server is ready.
func spawn(t testing.TB, dir string, env ...string) *child {
	t.Helper()
	c := launchChild(t, dir, env...)
	c.ready()
	return c
}

func launchChild(t testing.TB, dir string, env ...string) *child {
	t.Helper()
	return launchChildWith(t, dir, nil, env...)
}

func launchChildWith(t testing.TB, dir string, attr *syscall.SysProcAttr, env ...string) *child {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := &child{t: t, cmd: exec.Command(self)}
	c.cmd.Env = append(append(os.Environ(), childDir+"="+dir), env...)
	c.cmd.Stderr = os.Stderr
	c.cmd.SysProcAttr = attr
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	c.out = bufio.NewReader(out)
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.in.Close()
		c.cmd.Process.Kill()
		c.cmd.Wait()
	})
	return c
}

func (c *child) ready() {
	c.t.Helper()
	answer := c.hear()
	if _, err := fmt.Sscanf(answer, "ready %d ", &c.pid); err != nil {
		c.t.Fatalf("child: %s", answer)
	}
	_, c.dsn, _ = strings.Cut(strings.TrimPrefix(answer, "ready "), " ")
}

func (c *child) hear() string {
	c.t.Helper()
	line, err := c.out.ReadString('\n')
	if err != nil {
		c.t.Fatalf("child ended: %v", err)
	}
	return strings.TrimSpace(line)
}

// ask sends a word and returns the answer.
func (c *child) ask(word string) string {
	c.t.Helper()
	if _, err := fmt.Fprintln(c.in, word); err != nil {
		c.t.Fatal(err)
	}
	return c.hear()
}

func (c *child) want(word, answer string) {
	c.t.Helper()
	if got := c.ask(word); got != answer {
		c.t.Fatalf("child answers %q to %s, not %q", got, word, answer)
	}
}

func (c *child) kill() {
	c.t.Helper()
	kill(c.t, c.cmd.Process.Pid)
	c.cmd.Wait()
}

// childMain takes a share and answers one word a line until its input ends;
// then it dies without closing, like a killed process.
func childMain(dir string) int {
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	defer cancel()
	if os.Getenv("COURANT_LOCAL_TEST_PROC") != "" {
		if err := mountProc(); err != nil {
			fmt.Println("failed", err)
			return 1
		}
	}
	s, err := Start(ctx, quick(dir))
	if err != nil {
		fmt.Println("failed", err)
		return 1
	}
	fmt.Println("ready", s.PID(), s.DSN())
	db, err := sql.Open("postgres", s.DSN())
	if err != nil {
		fmt.Println("failed", err)
		return 1
	}
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		switch lines.Text() {
		case "query": // a pool that goes on trying, as the program's does
			for db.PingContext(ctx) != nil && pause(ctx, pollEvery) == nil {
			}
			fmt.Println("ok")
		case "pid":
			fmt.Println(s.PID())
		case "ensure":
			fmt.Println(s.Ensure(ctx))
		case "kill":
			fmt.Println(syscall.Kill(s.PID(), syscall.SIGKILL))
		case "zombies":
			fmt.Println(zombies())
		case "close":
			db.Close() // complains if the server was killed
			if err := s.Close(ctx); err != nil {
				fmt.Println("failed", err)
				continue
			}
			fmt.Println("closed")
		}
	}
	return 0
}
