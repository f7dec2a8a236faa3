package spool

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"courant/digest"
)

var (
	errAway    = errors.New("the database is away")
	errRefused = errors.New("no such value")
	posted     = time.Date(2026, 3, 3, 6, 0, 0, 123000, time.UTC)
)

// rows take leavings.
type rows struct {
	mu    sync.Mutex
	taken []digest.Spooled
	fault func(r digest.ReaderID) error
}

func (s *rows) leave(_ context.Context, ref digest.Ref, l digest.Leaving) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fault != nil {
		if err := s.fault(ref.Reader); err != nil {
			return err
		}
	}
	s.taken = append(s.taken, digest.Spooled{Ref: ref, At: l.At, How: l.How, Reason: l.Reason, Everything: l.Everything})
	return nil
}

func (s *rows) readers() (ids []int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.taken {
		ids = append(ids, int(r.Reader))
	}
	slices.Sort(ids)
	return ids
}

func open(t testing.TB) (*Spool, *rows, *bytes.Buffer) {
	t.Helper()
	r, log := &rows{}, &bytes.Buffer{}
	return &Spool{
		Dir: filepath.Join(t.TempDir(), "spool", "id"), Leave: r.leave, Log: slog.New(slog.NewTextHandler(log, nil)),
		Refused: func(err error) bool { return errors.Is(err, errRefused) },
	}, r, log
}

func of(reader int) digest.Spooled {
	return digest.Spooled{Ref: digest.Ref{Edition: 7, Reader: digest.ReaderID(reader)}, At: posted, How: "one-click"}
}

func keep(t testing.TB, s *Spool, readers ...int) {
	t.Helper()
	for _, r := range readers {
		if err := s.Keep(t.Context(), of(r)); err != nil {
			t.Fatal(err)
		}
	}
}

func apply(t testing.TB, s *Spool) {
	t.Helper()
	if err := s.Apply(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s.Waiting() {
		t.Error("something waits still")
	}
}

func (s *rows) wants(t testing.TB, readers ...int) {
	t.Helper()
	if got := s.readers(); !slices.Equal(got, readers) {
		t.Errorf("in the rows are %v, want %v", got, readers)
	}
}

func TestKeptLeavingReachesTheRows(t *testing.T) {
	t.Parallel()
	s, r, _ := open(t)
	if s.Waiting() {
		t.Error("an empty spool waits")
	}
	apply(t, s)
	all := of(3)
	all.Everything, all.Reason, all.How = true, "too\n\"much\"", "page"
	keep(t, s, 1, 2)
	if err := s.Keep(t.Context(), all); err != nil || !s.Waiting() {
		t.Fatal(err)
	}
	apply(t, s)
	r.wants(t, 1, 2, 3)
	if i := slices.IndexFunc(r.taken, func(x digest.Spooled) bool { return x.Everything }); i < 0 || r.taken[i] != all {
		t.Errorf("it came as %+v", r.taken)
	}
}

// A second process has a Spool of its own over the same directory.
func TestAnotherProcessAppliesWhatThisOneKept(t *testing.T) {
	t.Parallel()
	s, r, _ := open(t)
	keep(t, s, 1, 2)
	other := &Spool{Dir: s.Dir, Leave: s.Leave, Log: s.Log}
	apply(t, other)
	keep(t, s, 3) // the file it wrote to is gone
	apply(t, other)
	r.wants(t, 1, 2, 3)
}

func TestDatabaseThatIsAwayKeepsEverythingWhereItIs(t *testing.T) {
	t.Parallel()
	s, r, _ := open(t)
	keep(t, s, 1, 2, 3, 4, 5)
	r.fault = func(id digest.ReaderID) error {
		if id >= 3 {
			return errAway
		}
		return nil
	}
	if err := s.Apply(t.Context()); !errors.Is(err, errAway) || !s.Waiting() {
		t.Errorf("it came to %v", err)
	}
	keep(t, s, 6) // beside what is being applied
	r.fault, r.taken = nil, nil
	apply(t, s)
	r.wants(t, 1, 2, 3, 4, 5, 6) // some for the second time, which is harmless
}

func TestReaderWhoIsGoneIsNoFault(t *testing.T) {
	t.Parallel()
	s, r, _ := open(t)
	keep(t, s, 1, 2)
	r.fault = func(id digest.ReaderID) error {
		if id == 1 {
			return digest.ErrNotFound
		}
		return nil
	}
	apply(t, s)
	r.wants(t, 2)
}

func TestWhatTheRowsRefuseIsPutAsideAndSaid(t *testing.T) {
	t.Parallel()
	s, r, log := open(t)
	keep(t, s, 1, 2)
	r.fault = func(id digest.ReaderID) error {
		if id == 1 {
			return errRefused
		}
		return nil
	}
	apply(t, s)
	r.wants(t, 2)
	text, err := os.ReadFile(s.path(unappliedFile))
	if err != nil || !bytes.Equal(text, of(1).AppendLine(nil)) || !strings.Contains(log.String(), "reader=1") {
		t.Errorf("put aside is %q, %v; the log says %s", text, err, log)
	}
}

// torn is every way a file can end when its writer dies.
func TestTornLineHidesNoOther(t *testing.T) {
	t.Parallel()
	whole := of(1).AppendLine(nil)
	for cut := range whole {
		s, r, _ := open(t)
		keep(t, s, 8)
		f, err := os.OpenFile(s.path(recordsFile), os.O_WRONLY|os.O_APPEND, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write(whole[:cut]); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		next := &Spool{Dir: s.Dir, Leave: s.Leave, Log: s.Log}
		keep(t, next, 9)
		apply(t, next)
		if cut == len(whole)-1 { // all but the line feed: it is whole
			r.wants(t, 1, 8, 9)
			continue
		}
		r.wants(t, 8, 9)
	}
}

// TestDeathBetweenTheRowsAndTheFile leaves the file that was applied.
func TestDeathBetweenTheRowsAndTheFile(t *testing.T) {
	t.Parallel()
	s, r, _ := open(t)
	keep(t, s, 1, 2)
	if err := os.Rename(s.path(recordsFile), s.path(applyingFile)); err != nil {
		t.Fatal(err)
	}
	next := &Spool{Dir: s.Dir, Leave: s.Leave, Log: s.Log}
	if !next.Waiting() {
		t.Fatal("what a dead process was at does not wait")
	}
	keep(t, next, 3)
	apply(t, next)
	r.wants(t, 1, 2, 3)
}

func TestSameWishIsKeptOnceAndAgainOnceApplied(t *testing.T) {
	t.Parallel()
	s, r, _ := open(t)
	for range 100 {
		keep(t, s, 1)
	}
	if text, err := os.ReadFile(s.path(recordsFile)); err != nil || bytes.Count(text, []byte("\n")) != 1 {
		t.Errorf("%v in\n%s", err, text)
	}
	apply(t, s)
	keep(t, s, 1) // the reader came back meanwhile
	apply(t, s)
	r.wants(t, 1, 1)
}

func TestFullDiskIsAnErrorAndLeavesNoHalfLine(t *testing.T) {
	t.Parallel()
	s, r, _ := open(t)
	keep(t, s, 1)
	apply(t, s)
	if err := os.Symlink("/dev/full", s.path(recordsFile)); err != nil {
		t.Fatal(err)
	}
	if err := s.Keep(t.Context(), of(2)); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("on a full disk it came to %v", err)
	}
	if err := os.Remove(s.path(recordsFile)); err != nil {
		t.Fatal(err)
	}
	keep(t, s, 3)
	apply(t, s)
	r.wants(t, 1, 3)
}

// TestHalfALineIsTakenBackOnAFullDisk fills a file up to its limit.
func TestHalfALineIsTakenBackOnAFullDisk(t *testing.T) {
	if os.Getenv("COURANT_SPOOL_DIR") != "" {
		fillUp(t, os.Getenv("COURANT_SPOOL_DIR"))
		return
	}
	t.Parallel()
	s, r, _ := open(t)
	keep(t, s, 1)
	c := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestHalfALineIsTakenBackOnAFullDisk$")
	c.Env = append(os.Environ(), "COURANT_SPOOL_DIR="+s.Dir)
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if text, err := os.ReadFile(s.path(recordsFile)); err != nil || !bytes.HasSuffix(text, []byte("\n")) || bytes.Count(text, []byte("\n")) < 2 {
		t.Errorf("%v, half a line is left of\n%s", err, text)
	}
	keep(t, s, 1000)
	apply(t, s)
	if got := r.readers(); got[len(got)-1] != 1000 || got[0] != 1 {
		t.Errorf("in the rows are %v", got)
	}
}

// fillUp keeps leavings under a limit of the size of files, which stands in for
// a disk that fills up: a write beyond it is cut.
func fillUp(t *testing.T, dir string) {
	limit := syscall.Rlimit{Cur: 300, Max: 300}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		t.Fatal(err)
	}
	s := &Spool{Dir: dir, Log: slog.New(slog.DiscardHandler)}
	for reader := 2; ; reader++ {
		if err := s.Keep(t.Context(), of(reader)); err != nil {
			if !errors.Is(err, syscall.EFBIG) {
				t.Error(err)
			}
			return
		}
	}
}

func TestManyKeepWhileOthersApply(t *testing.T) {
	t.Parallel()
	s, r, _ := open(t)
	other := &Spool{Dir: s.Dir, Leave: s.Leave, Log: s.Log}
	ctx, cancel := context.WithCancel(t.Context())
	var appliers, writers sync.WaitGroup
	for _, x := range []*Spool{s, other} {
		appliers.Go(func() { x.Look(ctx, time.Millisecond) })
		for i := range 20 {
			writers.Go(func() {
				for k := range 10 {
					if err := x.Keep(t.Context(), of(1+i*10+k)); err != nil {
						t.Error(err)
					}
				}
			})
		}
	}
	writers.Wait()
	cancel()
	appliers.Wait()
	apply(t, s)
	got := slices.Compact(r.readers())
	if len(got) != 200 || got[0] != 1 || got[199] != 200 {
		t.Errorf("%d readers have left: %v", len(got), got)
	}
}

// TestApplyWaitsForAnotherThatIsAtIt is what a claim relies on: nil means that
// all is in the rows, whoever brought it there.
func TestApplyWaitsForAnotherThatIsAtIt(t *testing.T) {
	t.Parallel()
	s, r, _ := open(t)
	keep(t, s, 1)
	at, goOn := make(chan struct{}), make(chan struct{})
	slow := &Spool{Dir: s.Dir, Log: s.Log, Leave: func(ctx context.Context, ref digest.Ref, l digest.Leaving) error {
		close(at)
		<-goOn
		return r.leave(ctx, ref, l)
	}}
	ended := make(chan error, 2)
	go func() { ended <- slow.Apply(t.Context()) }()
	<-at
	hasty, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Apply(hasty); !errors.Is(err, context.Canceled) {
		t.Errorf("beside another it came to %v", err)
	}
	go func() { ended <- s.Apply(t.Context()) }()
	close(goOn)
	for range 2 {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	r.wants(t, 1)
}

func FuzzFile(f *testing.F) {
	f.Add(of(1).AppendLine(nil))
	f.Add(append([]byte("leave1 x\n\n\x00"), of(2).AppendLine(nil)...))
	f.Fuzz(func(t *testing.T, text []byte) {
		s, _, _ := open(t)
		if err := os.MkdirAll(s.Dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(s.path(recordsFile), text, 0o600); err != nil {
			t.Fatal(err)
		}
		keep(t, s, 99)
		apply(t, s)
	})
}

func BenchmarkWaiting(b *testing.B) {
	s, _, _ := open(b)
	for b.Loop() {
		if s.Waiting() {
			b.Fatal("it waits")
		}
	}
}

func BenchmarkKeep(b *testing.B) {
	s, _, _ := open(b)
	reader := 0
	var mu sync.Mutex
	b.SetParallelism(32)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			mu.Lock()
			reader++
			mine := of(reader)
			mu.Unlock()
			if err := s.Keep(b.Context(), mine); err != nil {
				b.Error(err)
			}
		}
	})
}

// Who waited for the lock of a file that was taken meanwhile must not write to
// it: it may have been read to its end.
func TestFileThatWasTakenIsNotWrittenTo(t *testing.T) {
	t.Parallel()
	s, _, _ := open(t)
	keep(t, s, 1)
	f, err := os.OpenFile(s.path(recordsFile), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	wants := func(what string, want bool) {
		t.Helper()
		if _, same, err := locked(f); err != nil || same != want {
			t.Errorf("%s: it is still the one that waits: %v, %v", what, same, err)
		}
		if err := flock(f, syscall.LOCK_UN); err != nil {
			t.Fatal(err)
		}
	}
	wants("untouched", true)
	if err := os.Rename(s.path(recordsFile), s.path(applyingFile)); err != nil {
		t.Fatal(err)
	}
	wants("taken", false)
	keep(t, s, 2)
	wants("with another in its place", false)
}
