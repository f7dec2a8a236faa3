// Package spool keeps readers' leavings on this host's disk while the database
// is away, and brings them to it before anything is sent.
//
// A leaving that a reader was told of must outlive the process, the machine's
// power and the database's absence: Keep returns when its line is on the disk,
// fsynced, and so is the directory that names the file. Apply brings all that
// waits here into the rows; whoever claims deliveries or records intents asks
// for it first. Many processes may share the directory: the web process writes,
// whoever delivers on this host applies.
//
//	records --Apply takes it: rename--> applying --every line in the rows--> gone
//
// The files are authoritative for what the rows do not know yet, and for
// nothing else. Doing a line twice is doing it once, so a process that dies
// between the rows and the end of the file leaves work, not harm. A line that
// was torn by such a death was told to nobody; it is passed over and said. What
// the rows refuse for good is put aside in the file unapplied and said.
package spool

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"courant/digest"
)

// The files of a spool.
const (
	recordsFile   = "records"   // what waits; each process appends under a lock
	applyingFile  = "applying"  // what is being brought into the rows
	unappliedFile = "unapplied" // what the rows refused, for people
	lockFile      = "lock"      // of the one process that applies
)

// Spool is this host's, for one database. Fill the fields and use it from any
// number of goroutines.
type Spool struct {
	Dir string // made when it is needed; on a local disk
	// Leave brings a leaving to the rows. digest.ErrNotFound: the reader is gone,
	// and nothing is left to do.
	Leave func(ctx context.Context, ref digest.Ref, l digest.Leaving) error
	// Refused says whether an error of Leave means that it will never be taken.
	// Any other is tried again, and until then nothing is sent. Nil: none is.
	Refused func(error) bool
	Log     *slog.Logger

	mu      sync.Mutex
	next    *batch // what waits for the writer; nil: nothing
	writing bool
	kept    map[record]bool // what stands in the file below
	file    fs.FileInfo     // of records, as it was when it was last written; only the writer changes it

	applying sync.Mutex
}

// batch is lines that reach the disk by one fsync.
type batch struct {
	records []digest.Spooled
	done    chan struct{}
	err     error
}

// record is what two lines have in common that ask for the same.
type record struct {
	digest.Ref
	everything bool
}

// Keep writes a leaving down and returns once it is safe there. With an error it
// may or may not be kept. It is done when the reader has been told to wait no
// longer than ctx.
func (s *Spool) Keep(ctx context.Context, r digest.Spooled) error {
	s.mu.Lock()
	if s.known(r) {
		s.mu.Unlock()
		return nil
	}
	if s.next == nil {
		s.next = &batch{done: make(chan struct{})}
	}
	b := s.next
	b.records = append(b.records, r)
	if !s.writing {
		s.writing = true
		go s.write()
	}
	s.mu.Unlock()
	select {
	case <-b.done:
		return b.err
	case <-ctx.Done():
		return fmt.Errorf("spool a leaving: %w", ctx.Err())
	}
}

// known says whether the same wish stands in the file that waits, so that one
// who presses a thousand times fills no disk.
func (s *Spool) known(r digest.Spooled) bool {
	if !s.kept[record{r.Ref, r.Everything}] {
		return false
	}
	now, err := os.Stat(s.path(recordsFile))
	return err == nil && os.SameFile(now, s.file)
}

// write writes batches until none is left: what comes while the disk works goes
// into the next one. Every Keep waits for its own.
func (s *Spool) write() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.next != nil {
		b := s.next
		s.next = nil
		s.mu.Unlock()
		file, err := s.append(b.records)
		s.mu.Lock()
		if err == nil {
			s.remember(file, b.records)
		}
		b.err = err
		close(b.done)
	}
	s.writing = false
}

func (s *Spool) remember(file fs.FileInfo, records []digest.Spooled) {
	if s.file == nil || !os.SameFile(s.file, file) {
		s.kept = map[record]bool{}
	}
	s.file = file
	for _, r := range records {
		s.kept[record{r.Ref, r.Everything}] = true
	}
}

func (s *Spool) path(name string) string { return filepath.Join(s.Dir, name) }

// append brings lines onto the disk, all or none as far as the disk lets it.
func (s *Spool) append(records []digest.Spooled) (fs.FileInfo, error) {
	f, info, err := s.open()
	if err != nil {
		return nil, fmt.Errorf("spool a leaving: %w", err)
	}
	if err = s.appendTo(f, info, records); err != nil {
		// Half a line must not stand before whole ones.
		err = fmt.Errorf("spool a leaving: %w", errors.Join(err, f.Truncate(info.Size())))
	}
	return info, errors.Join(err, f.Close()) // which unlocks it
}

func (s *Spool) appendTo(f *os.File, info fs.FileInfo, records []digest.Spooled) error {
	torn, err := endsTorn(f, info)
	if err != nil {
		return err
	}
	var lines []byte
	if torn { // a process died in the middle of a line
		lines = append(lines, '\n')
	}
	for _, r := range records {
		lines = r.AppendLine(lines)
	}
	if _, err := f.Write(lines); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if s.file != nil && os.SameFile(s.file, info) {
		return nil
	}
	return s.syncNames() // once for each file: whoever made it may have died before
}

// open opens records and locks it, made anew where it was taken meanwhile.
func (s *Spool) open() (*os.File, fs.FileInfo, error) {
	for {
		f, err := os.OpenFile(s.path(recordsFile), os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
		if errors.Is(err, fs.ErrNotExist) {
			err = os.MkdirAll(s.Dir, 0o700)
			if err == nil {
				continue
			}
		}
		if err != nil {
			return nil, nil, err
		}
		info, same, err := locked(f)
		if err == nil && same {
			return f, info, nil
		}
		if err := errors.Join(err, f.Close()); err != nil {
			return nil, nil, err
		}
	}
}

// locked locks a file and says whether its name is still its own.
func locked(f *os.File) (info fs.FileInfo, same bool, err error) {
	if err := flock(f, syscall.LOCK_EX); err != nil {
		return nil, false, err
	}
	if info, err = f.Stat(); err != nil {
		return nil, false, err
	}
	now, err := os.Stat(f.Name())
	if errors.Is(err, fs.ErrNotExist) {
		return info, false, nil
	}
	return info, err == nil && os.SameFile(now, info), err
}

func flock(f *os.File, how int) error {
	for {
		if err := syscall.Flock(int(f.Fd()), how); !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}

// endsTorn says whether the last line has no end.
func endsTorn(f *os.File, info fs.FileInfo) (bool, error) {
	if info.Size() == 0 {
		return false, nil
	}
	var last [1]byte
	if _, err := f.ReadAt(last[:], info.Size()-1); err != nil {
		return false, err
	}
	return last[0] != '\n', nil
}

// syncNames brings the name of a new file onto the disk, and those of the
// directories that were made for it.
func (s *Spool) syncNames() error {
	parent := filepath.Dir(s.Dir)
	for _, dir := range []string{s.Dir, parent, filepath.Dir(parent)} {
		f, err := os.Open(dir)
		if err != nil {
			return err
		}
		if err := errors.Join(f.Sync(), f.Close()); err != nil {
			return err
		}
	}
	return nil
}

// Waiting says whether anything here is not in the rows yet.
func (s *Spool) Waiting() bool {
	for _, name := range []string{recordsFile, applyingFile} {
		// What can't be looked at is read, and then it says why.
		if _, err := os.Lstat(s.path(name)); !errors.Is(err, fs.ErrNotExist) {
			return true
		}
	}
	return false
}

// Apply brings all that waits into the rows. Where another process is at it,
// Apply waits for its end: when it returns nil, what was kept before it was
// called is in the rows. With an error all that is not stays.
func (s *Spool) Apply(ctx context.Context) error {
	if !s.Waiting() {
		return nil
	}
	s.applying.Lock()
	defer s.applying.Unlock()
	lock, err := s.lock(ctx)
	if err != nil {
		return fmt.Errorf("apply the spool: %w", err)
	}
	defer lock.Close() // which unlocks it; nothing was written
	for s.Waiting() {
		if err := s.applyFile(ctx); err != nil {
			return fmt.Errorf("apply the spool: %w", err)
		}
	}
	return nil
}

// lockEvery is how often the lock of another process is asked for.
const lockEvery = 20 * time.Millisecond

func (s *Spool) lock(ctx context.Context) (*os.File, error) {
	f, err := os.OpenFile(s.path(lockFile), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		err := flock(f, syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return f, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, errors.Join(err, f.Close())
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), f.Close())
		case <-time.After(lockEvery):
		}
	}
}

// applyFile brings one file into the rows: what a dead process was at, else
// what waits.
func (s *Spool) applyFile(ctx context.Context) error {
	text, err := os.ReadFile(s.path(applyingFile))
	if errors.Is(err, fs.ErrNotExist) {
		if err := s.take(); err != nil {
			return err
		}
		text, err = os.ReadFile(s.path(applyingFile))
	}
	if err != nil {
		return err
	}
	records := s.read(text)
	if err := s.leaveAll(ctx, records); err != nil {
		return err
	}
	if len(records) > 0 {
		s.Log.Info("leavings that waited for the database are in it", "leavings", len(records))
	}
	return os.Remove(s.path(applyingFile))
}

// take makes the file that waits the one that is applied. Whoever was writing
// to it is waited for; whoever comes later finds its name gone.
func (s *Spool) take() error {
	f, err := os.OpenFile(s.path(recordsFile), os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := flock(f, syscall.LOCK_EX); err != nil {
		return errors.Join(err, f.Close())
	}
	return errors.Join(os.Rename(s.path(recordsFile), s.path(applyingFile)), f.Close())
}

// read reads the lines of a file, the same wish once: the first of it.
func (s *Spool) read(text []byte) (records []digest.Spooled) {
	seen := map[record]bool{}
	for line := range bytes.SplitSeq(text, []byte("\n")) {
		if len(line) == 0 {
			continue
		}
		r, err := digest.ParseSpooled(line)
		if err != nil {
			s.Log.Warn("a line of the spool is torn, as a process that dies leaves it; nobody was told that it is kept", "bytes", len(line))
			continue
		}
		if key := (record{r.Ref, r.Everything}); !seen[key] {
			seen[key] = true
			records = append(records, r)
		}
	}
	return records
}

// applyAtOnce is how many leavings are under way together: they end in one
// commit of the database's then.
const applyAtOnce = 8

// leaveAll brings records to the rows. The first error that is worth another
// try ends it.
func (s *Spool) leaveAll(ctx context.Context, records []digest.Spooled) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	work := make(chan digest.Spooled)
	var crew sync.WaitGroup
	for range min(applyAtOnce, len(records)) {
		crew.Go(func() {
			for r := range work {
				if err := s.leave(ctx, r); err != nil {
					cancel(err)
				}
			}
		})
	}
	for _, r := range records {
		if ctx.Err() != nil {
			break
		}
		work <- r
	}
	close(work)
	crew.Wait()
	return context.Cause(ctx)
}

func (s *Spool) leave(ctx context.Context, r digest.Spooled) error {
	err := s.Leave(ctx, r.Ref, r.Leaving())
	switch {
	case err == nil, errors.Is(err, digest.ErrNotFound):
		return nil
	case s.Refused == nil || !s.Refused(err):
		return err
	}
	s.Log.Error("the database refuses a leaving that was kept for it; it is put aside, and this reader is still mailed", "reader", r.Reader, "file", s.path(unappliedFile), "error", err)
	return s.putAside(r)
}

func (s *Spool) putAside(r digest.Spooled) error {
	f, err := os.OpenFile(s.path(unappliedFile), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(r.AppendLine(nil))
	return errors.Join(err, f.Sync(), f.Close())
}

// Look applies what waits, again and again until ctx is done: for a process
// that delivers nothing. It says once that the database is away.
func (s *Spool) Look(ctx context.Context, every time.Duration) {
	told := false
	for {
		err := s.Apply(ctx)
		if err != nil && ctx.Err() == nil && !told {
			s.Log.Warn("leavings wait on this host's disk for the database", "error", err)
		}
		told = err != nil
		select {
		case <-ctx.Done():
			return
		case <-time.After(every):
		}
	}
}
