package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// rehearsed is what is looked at of a rehearsal's report.
type rehearsed struct {
	Kept          bool
	Kills, Terms  int
	Stops         int
	PostgresKills int `json:"postgres_kills"`
	Mails         int
	Bare          float64 `json:"bare_signatures_rate"`
	BareCPU       float64 `json:"cpu_per_1000_bare_signatures"`
	SigningRatio  float64 `json:"signing_ratio"`
	SigningShare  float64 `json:"signing_share_of_cpu"`
	Promises      []struct {
		Promise, Promised, Seen string
		Kept                    bool
		Examples                []string
	}
}

// broken lists the promises that were not kept.
func (r rehearsed) broken() []string {
	var names []string
	for _, p := range r.Promises {
		if !p.Kept {
			names = append(names, p.Promise)
		}
	}
	return names
}

// rehearsal runs one by the program at path, in a directory of the test's. It
// wants the exit code that fits the report.
func rehearsal(t *testing.T, path string, args ...string) rehearsed {
	t.Helper()
	c := exec.CommandContext(t.Context(), path, append([]string{"rehearse", "--json", "--limit", "4m"}, args...)...)
	c.Env = append(os.Environ(), "TMPDIR="+openDir(t), "COURANT_CLOCK=0s")
	c.Cancel = func() error { return c.Process.Signal(syscall.SIGINT) }
	c.WaitDelay = time.Minute
	var out, errs bytes.Buffer
	c.Stdout, c.Stderr = &out, &errs
	runErr := c.Run()
	var r rehearsed
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		t.Fatalf("%v, %v\n%s%s", runErr, err, out.String(), errs.String())
	}
	if code := c.ProcessState.ExitCode(); r.Kept != (code == exitDone) || r.Kept == (code == exitFailed) {
		t.Errorf("exit %d, and the report says kept: %v\n%s", code, r.Kept, errs.String())
	}
	for _, p := range r.Promises {
		t.Logf("%-48s %-16s %s %q", p.Promise, p.Promised, p.Seen, p.Examples)
	}
	return r
}

// openDir is a directory that another OS user may pass: Postgres, where root
// runs the tests.
func openDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "courant-test-rehearsal-")
	if err == nil {
		err = os.Chmod(dir, 0o711)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// A small rehearsal of each row of the figures to reach that needs whole
// processes: kills and stops of two workers and of the database, with a relay
// that misbehaves and readers who leave. The other rows are held elsewhere:
//
//	every stage and fault of a relay    TestEveryStageAndFaultLeavesTheLedgerRight
//	disk full, relay away               TestNothingIsSentWithoutAJournal, TestRelayThatIsAwayIsWaitedFor, ...ForAnHourLosesNothing
//	restored copy beside the live one   TestCopyBesideTheLiveDatabaseSendsNothingUntilAdopted
//	a host is lost                      TestHostsShareAnEditionAndOneIsLost
//	database away before the next dot   TestDatabaseThatIsAwayStopsTheNextDot
//	16 processes reach a slot           TestSixteenServesAtOneSlotMakeOneEdition
//	every zone, two years               TestEveryZoneHasOneDailyEditionPerLocalDay, ...WeeklyEditionPerWeek
func TestSmallRehearsalsKeepEveryPromise(t *testing.T) {
	t.Parallel()
	const weather = "4xx=3%,5xx=2%,drop-before=1%,drop-after=1%,stall=0.2%"
	for name, c := range map[string]struct {
		args                       string
		kills, terms, stops, heart int // as is planned; on a fast machine the edition may end before the last of many
	}{
		"kills, hold":          {"--readers 4000 --kills 8 --in-doubt hold --leave 2% --postgres-kills 1 --faults " + weather, 8, 0, 0, 1},
		"kills, resend":        {"--readers 4000 --kills 8 --leave 2% --postgres-kills 1 --faults " + weather, 8, 0, 0, 1},
		"journals lost, hold":  {"--readers 2000 --kills 2 --throw-journals --in-doubt hold", 2, 0, 0, 0},
		"SIGTERM":              {"--readers 4000 --term 8 --leave 2%", 0, 8, 0, 0},
		"Postgres is killed":   {"--readers 4000 --postgres-kills 5 --in-doubt hold", 0, 0, 0, 5},
		"stopped past a lease": {"--readers 4000 --stop 1 --in-doubt hold", 0, 0, 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path, err := binary()
			if err != nil {
				t.Fatal(err)
			}
			r := rehearsal(t, path, append(strings.Fields(c.args), "--workers", "2", "--connections", "4", "--hurry", "--dkim")...)
			if broken := r.broken(); len(broken) > 0 {
				t.Errorf("broken: %q", broken)
			}
			if 2*r.Kills < c.kills || 2*r.Terms < c.terms || r.Stops < c.stops || 2*r.PostgresKills < c.heart {
				t.Errorf("made %d kills, %d terms, %d stops, %d kills of Postgres; want %+v", r.Kills, r.Terms, r.Stops, r.PostgresKills, c)
			}
			if c.kills == 0 && c.stops == 0 && !strings.HasPrefix(r.seen("in doubt through"), "0;") {
				t.Errorf("in doubt without a death: %s", r.seen("in doubt through"))
			}
		})
	}
}

func TestSignedRehearsalTellsWhatTheMachineGives(t *testing.T) {
	t.Parallel()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	r := rehearsal(t, path, "--readers", "200", "--dkim")
	if broken := r.broken(); len(broken) > 0 {
		t.Errorf("broken: %q", broken)
	}
	if r.Bare <= 0 || r.BareCPU <= 0 || r.SigningRatio <= 0 || r.SigningShare <= 0 {
		t.Errorf("bare signatures: %+v", r)
	}
}

func TestNonsenseIsNotRehearsed(t *testing.T) {
	t.Parallel()
	for want, args := range map[string][]string{
		"--readers":   {"--readers", "0"},
		"resend or":   {"--in-doubt", "maybe"},
		"is no fault": {"--faults", "rain=1%"},
		"there twice": {"--faults", "4xx=1%,4xx=2%"},
		"--kills takes a whole number, not \"few\"": {"--kills", "few"},
		"--seed takes a whole number from 0 on":     {"--seed", "-1"},
		"--limit takes a time such as 90s or 15m":   {"--limit", "long"},
		"no share":     {"--leave", "some"},
		"other argume": {"now"},
		"not there ye": {"--keep", t.TempDir(), "--readers", "5"},
	} {
		var errs bytes.Buffer
		p := program{args: append([]string{"rehearse"}, args...), stdout: &errs, stderr: &errs, env: os.LookupEnv, now: time.Now}
		code := p.run(t.Context())
		if wantCode := map[bool]int{true: exitFailed, false: exitMisused}[args[0] == "--keep"]; code != wantCode || !strings.Contains(errs.String(), want) {
			t.Errorf("%q: exit %d, want %q in %s", args, code, want, errs.String())
		}
	}
}

// seen is what was seen of the promise whose name begins so.
func (r rehearsed) seen(promise string) string {
	for _, p := range r.Promises {
		if strings.HasPrefix(p.Promise, promise) {
			return p.Seen
		}
	}
	return ""
}

// Ctrl-C in mid-edition leaves neither files nor processes.
func TestRehearsalBrokenOffLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	dir := openDir(t)
	// A stall of every mail: it goes on until it is broken off.
	c := exec.Command(path, "rehearse", "--readers", "500", "--workers", "2", "--faults", "stall=100%", "--leave", "2%")
	c.Env = append(os.Environ(), "TMPDIR="+dir, "COURANT_CLOCK=0s")
	var log lockedBuffer
	c.Stdout, c.Stderr = &log, &log
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- c.Wait() }()
	for len(accepted(dir)) == 0 {
		select {
		case err := <-done:
			t.Fatalf("ended early: %v\n%s", err, log.String())
		case <-time.After(20 * time.Millisecond):
		}
	}
	if err := c.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if err := <-done; c.ProcessState.ExitCode() != exitFailed || !strings.Contains(log.String(), "nothing of it is left") {
		t.Errorf("%v\n%s", err, log.String())
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	for _, line := range processesNaming(dir) {
		t.Errorf("still runs: %s", line)
	}
}

// accepted is what the sink of a rehearsal under dir has logged.
func accepted(dir string) []byte {
	logs, _ := filepath.Glob(filepath.Join(dir, "*", "accepted.log"))
	if len(logs) == 0 {
		return nil
	}
	text, _ := os.ReadFile(logs[0])
	return text
}

// processesNaming lists the command lines that hold a word, where there is a
// /proc.
func processesNaming(word string) []string {
	var found []string
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err == nil && bytes.Contains(text, []byte(word)) {
			found = append(found, strings.ReplaceAll(string(text), "\x00", " "))
		}
	}
	return found
}

// mutation is a rule of delivery, broken on purpose: a change of the sources,
// and the rehearsal that must see it.
type mutation struct {
	run     []string
	breaks  string
	changes map[string]string // whole files, by their path from the module's root
}

// readMutation reads a file of testdata/mutations and makes its changes. What
// is to be replaced must be there, exactly once: a mutation that no longer fits
// the sources proves nothing.
func readMutation(path, root string) (mutation, error) {
	m := mutation{changes: map[string]string{}}
	text, err := os.ReadFile(path)
	if err != nil {
		return m, err
	}
	file := ""
	for lines := strings.SplitAfter(string(text), "\n"); len(lines) > 0; {
		line := strings.TrimSuffix(lines[0], "\n")
		lines = lines[1:]
		key, value, _ := strings.Cut(line, ": ")
		switch {
		case line == "", strings.HasPrefix(line, "#"):
		case key == "run":
			m.run = strings.Fields(value)
		case key == "breaks":
			m.breaks = value
		case key == "file":
			file = value
			source, err := os.ReadFile(filepath.Join(root, file))
			if err != nil {
				return m, err
			}
			m.changes[file] = string(source)
		case line == "<<<<":
			middle, end := slices.Index(lines, "====\n"), slices.Index(lines, ">>>>\n")
			if middle < 0 || end < middle || file == "" {
				return m, fmt.Errorf("%s: a change is not whole", path)
			}
			old, now := strings.Join(lines[:middle], ""), strings.Join(lines[middle+1:end], "")
			if n := strings.Count(m.changes[file], old); n != 1 {
				return m, fmt.Errorf("%s: %d places in %s read\n%s", path, n, file, old)
			}
			m.changes[file] = strings.Replace(m.changes[file], old, now, 1)
			lines = lines[end+1:]
		default:
			return m, fmt.Errorf("%s: what is %q?", path, line)
		}
	}
	if len(m.run) == 0 || m.breaks == "" || len(m.changes) == 0 {
		return m, fmt.Errorf("%s: run, breaks or file is missing", path)
	}
	return m, nil
}

// build makes the program with the changes laid over its sources.
func (m mutation) build(ctx context.Context, root, dir string) (string, error) {
	overlay := struct{ Replace map[string]string }{map[string]string{}}
	for file, text := range m.changes {
		path := filepath.Join(dir, strings.ReplaceAll(file, "/", "-"))
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			return "", err
		}
		overlay.Replace[filepath.Join(root, file)] = path
	}
	text, err := json.Marshal(overlay)
	if err != nil {
		return "", err
	}
	list, program := filepath.Join(dir, "overlay.json"), filepath.Join(dir, "courant")
	if err := os.WriteFile(list, text, 0o600); err != nil {
		return "", err
	}
	c := exec.CommandContext(ctx, "go", "build", "-overlay", list, "-o", program, "./cmd/courant")
	c.Dir = root
	if out, err := c.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build: %w\n%s", err, out)
	}
	return program, nil
}

// Each rule of delivery is broken in the program itself, and a small rehearsal
// sees it.
func TestRehearsalSeesEachRuleOfDeliveryBroken(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/mutations/*.txt")
	if err != nil || len(files) < 6 {
		t.Fatalf("%d mutations, %v", len(files), err)
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) {
			t.Parallel()
			m, err := readMutation(path, root)
			if err != nil {
				t.Fatal(err)
			}
			program, err := m.build(t.Context(), root, t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			if broken := rehearsal(t, program, m.run...).broken(); !slices.Contains(broken, m.breaks) {
				t.Errorf("broken: %q; want %q", broken, m.breaks)
			}
		})
	}
}
