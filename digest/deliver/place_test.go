package deliver_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"courant/digest"
	"courant/digest/deliver"
	"courant/digest/smtpsink"
)

// place is a data_dir that works the newspaper's database.
func (n newspaper) place(dir string) *deliver.Place {
	return &deliver.Place{
		Store: n.Store, File: filepath.Join(dir, "host", "id"), JournalDir: filepath.Join(dir, "journal"), DataDir: dir, Name: "mail-1",
		Watch: 50 * time.Millisecond,
	}
}

func (n newspaper) wantPlace(p *deliver.Place, words ...string) {
	n.t.Helper()
	err := p.Check(n.t.Context())
	if len(words) == 0 && err == nil {
		return
	}
	if len(words) == 0 || !errors.Is(err, digest.ErrNotAdopted) {
		n.t.Errorf("got %v, want %q", err, words)
		return
	}
	for _, word := range append(words, "nothing is sent until you run `courant adopt`") {
		if !strings.Contains(err.Error(), word) {
			n.t.Errorf("%q is not in %q", word, err)
		}
	}
}

// The first host asks nobody, one process or several, however often they
// start, and also where the first start died half way.
func TestFirstHostOfADatabaseNeedsNoCeremony(t *testing.T) {
	t.Parallel()
	n, dir := newNewspaper(t, 0), t.TempDir()
	p := n.place(dir)
	lost := errors.New("the line is cut")
	p.Store = dying{n.Store, lost}
	if err := p.Check(t.Context()); !errors.Is(err, lost) {
		t.Fatal(err)
	}
	for range 3 {
		p, beside := n.place(dir), n.place(dir)
		for range 3 {
			n.wantPlace(p)
			n.wantPlace(beside)
		}
	}
	if got := n.look(`SELECT count(*) || ' ' || max(pulse) FROM hosts`); got != "1 17" && got != "1 18" {
		t.Errorf("hosts and pulse are %s", got)
	}
}

// dying never hears that a host was added, and it was not.
type dying struct {
	deliver.HostStore
	err error
}

func (d dying) AddHost(context.Context, digest.Host, bool) (bool, error) { return false, d.err }

// Another host joins while the first is at work, and only then; later it needs
// nobody.
func TestHostJoinsOneThatIsAtWork(t *testing.T) {
	t.Parallel()
	n, firstDir, secondDir := newNewspaper(t, 0), t.TempDir(), t.TempDir()
	first, second := n.place(firstDir), n.place(secondDir)
	n.wantPlace(first)
	n.wantPlace(second, "last worked by mail-1 with "+firstDir, secondDir)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			if err := first.Check(ctx); err != nil && ctx.Err() == nil {
				t.Error(err)
			}
		}
	}()
	second.Watch = time.Minute // it is over as soon as the first one's pulse is seen
	n.wantPlace(second)
	stop()
	<-done
	n.wantPlace(second)
	n.wantPlace(n.place(secondDir))
	n.wantPlace(n.place(firstDir))
}

// A database that is older than its host remembers it is a copy, also when it
// takes the other's place under a process that works it.
func TestDatabaseThatWentBackIsNotWorkedUntilAdopted(t *testing.T) {
	t.Parallel()
	n, dir := newNewspaper(t, 0), t.TempDir()
	p := n.place(dir)
	n.wantPlace(p)
	backup := n.look(`SELECT pulse::text FROM hosts`)
	n.wantPlace(n.place(dir))
	n.exec(`UPDATE hosts SET pulse = $1`, backup)
	n.wantPlace(n.place(dir), "older than this host remembers it")
	n.wantPlace(n.place(dir), "older than this host remembers it")
	must(t, n.place(dir).Adopt(t.Context()))
	n.wantPlace(n.place(dir))
	n.wantPlace(n.place(dir))
	// Nothing was sent since the backup: it is as good as the original.
	p = n.place(dir)
	n.wantPlace(p)
	n.wantPlace(p)
	n.exec(`UPDATE hosts SET pulse = 0`)
	n.wantPlace(p, "older than this host remembers it")
}

func TestCopyOfADataDirIsNotWorkedUntilAdopted(t *testing.T) {
	t.Parallel()
	n, dir, elsewhere := newNewspaper(t, 0), t.TempDir(), t.TempDir()
	n.wantPlace(n.place(dir))
	writeFile(t, filepath.Join(mkdir(t, dir, "journal"), "dead.0"), "courant journal 1\nboot\n")
	must(t, os.CopyFS(filepath.Join(elsewhere, "data"), os.DirFS(dir)))
	copied := filepath.Join(elsewhere, "data")
	n.wantPlace(n.place(copied), "was copied from another place")
	// One that is moved is the same; so is a database that other hosts work.
	moved := filepath.Join(filepath.Dir(dir), "moved")
	must(t, os.Rename(dir, moved))
	n.wantPlace(n.place(moved))
	must(t, n.place(copied).Adopt(t.Context()))
	n.wantPlace(n.place(copied))
	n.wantPlace(n.place(moved))
	// The journals in a copy are copies too, and say of what came later that it
	// never happened.
	if names, err := filepath.Glob(filepath.Join(copied, "journal", "*")); err != nil || len(names) > 0 {
		t.Errorf("journals are left: %s, %v", names, err)
	}
	if _, err := os.Stat(filepath.Join(moved, "journal", "dead.0")); err != nil {
		t.Error(err)
	}
}

func mkdir(t testing.TB, dir, name string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	must(t, os.MkdirAll(path, 0o700))
	return path
}

func TestDatabaseOnAnotherServerIsNotWorkedUntilAdopted(t *testing.T) {
	t.Parallel()
	n, dir := newNewspaper(t, 0), t.TempDir()
	p := n.place(dir)
	p.Store = elsewhere{n.Store}
	n.wantPlace(p)
	n.wantPlace(n.place(dir), "on another server")
	must(t, n.place(dir).Adopt(t.Context()))
	n.wantPlace(n.place(dir))
}

// elsewhere is the same database on another server.
type elsewhere struct{ deliver.HostStore }

func (elsewhere) Cluster(context.Context) (string, error) { return "4711/1", nil }

// A host takes the place of one that is gone: the database is what it was, and
// where it was. A dump that was read back, or a copy elsewhere, is not.
func TestHostFindsTheDatabaseAsOthersDid(t *testing.T) {
	t.Parallel()
	n := newNewspaper(t, 0)
	at := func(address string) *deliver.Place {
		p := n.place(t.TempDir())
		p.Address = address
		return p
	}
	first := at("db.example.com/courant")
	n.wantPlace(first)
	n.wantPlace(at("db.example.com/courant"))
	n.wantPlace(at("copy.example.com/courant"), "does not know")
	n.wantPlace(at(""), "does not know")
	// The tables are others, as after a dump: so those who were there say.
	n.exec(`UPDATE hosts SET found_at = replace(found_at, '/' || 'hosts'::regclass::oid || '/', '/1/')`)
	n.wantPlace(at("db.example.com/courant"), "does not know")
	// A known host goes on, and tells those who come after it where it is.
	again := n.place(first.DataDir)
	again.Address = "db.example.com/courant"
	n.wantPlace(again)
	n.wantPlace(at("db.example.com/courant"))
}

// A file that tells nothing, or half, is none.
func TestPlaceThatCannotBeReadIsNoPlace(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "courant", "courant host 1\nid a\n", "courant host 2\nid a\ncluster b\n", strings.Repeat("x", 1000)} {
		n, dir := newNewspaper(t, 0), t.TempDir()
		writeFile(t, filepath.Join(mkdir(t, dir, "host"), "id"), text)
		n.wantPlace(n.place(dir))
		n.wantPlace(n.place(dir))
		writeFile(t, filepath.Join(dir, "host", "id"), text)
		n.wantPlace(n.place(dir), "does not know")
	}
	for _, text := range []string{"", "inode 1\n", "inode x\nchanged 1\npulse 1 1\n"} {
		n, dir := newNewspaper(t, 0), t.TempDir()
		n.wantPlace(n.place(dir))
		writeFile(t, filepath.Join(dir, "host", "id.pulse"), text)
		n.wantPlace(n.place(dir), "does not know")
	}
}

// A backup is written over the data_dir: the files keep their numbers, and the
// database is as old as they are, where it lies beside them.
func TestDataDirThatWasPutBackIsNotWorkedUntilAdopted(t *testing.T) {
	t.Parallel()
	n, dir := newNewspaper(t, 0), t.TempDir()
	n.wantPlace(n.place(dir))
	backup := map[string][]byte{}
	for _, name := range []string{"id", "id.pulse"} {
		b, err := os.ReadFile(filepath.Join(dir, "host", name))
		must(t, err)
		backup[name] = b
	}
	pulse := n.look(`SELECT pulse::text FROM hosts`)
	n.wantPlace(n.place(dir))
	for name, b := range backup {
		writeFile(t, filepath.Join(dir, "host", name), string(b))
	}
	n.exec(`UPDATE hosts SET pulse = $1`, pulse)
	n.wantPlace(n.place(dir), "put back from a backup")
	must(t, n.place(dir).Adopt(t.Context()))
	n.wantPlace(n.place(dir))
}

// Several processes start in one data_dir at the same moment, before anybody
// knew the host: all of them are it.
func TestProcessesThatStartTogetherAreOneHost(t *testing.T) {
	t.Parallel()
	n, dir := newNewspaper(t, 0), t.TempDir()
	ended := make(chan error)
	for range 8 {
		go func() { ended <- n.place(dir).Check(t.Context()) }()
	}
	for range 8 {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	if got := n.look(`SELECT count(*)::text FROM hosts`); got != "1" {
		t.Errorf("%s hosts", got)
	}
	n.wantPlace(n.place(dir))
}

// A database that is away says nothing about where it is.
func TestPlaceOfADatabaseThatIsAwayIsTriedAgain(t *testing.T) {
	t.Parallel()
	n, dir := newNewspaper(t, 0), t.TempDir()
	p := n.place(dir)
	n.wantPlace(p)
	p.Store = away{n.Store}
	if err := p.Check(t.Context()); !errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, digest.ErrNotAdopted) {
		t.Errorf("got %v", err)
	}
	p.Store = n.Store
	n.wantPlace(p)
}

type away struct{ deliver.HostStore }

func (away) PulseHost(context.Context, string, int64, string) (int64, error) {
	return 0, io.ErrUnexpectedEOF
}

// A process claims nothing of a database that it may not work, and nothing
// more of one that is replaced under it.
func TestNothingIsSentOfADatabaseThatIsNotAdopted(t *testing.T) {
	t.Parallel()
	const readers = 600
	slow := smtpsink.Rules(smtpsink.Rule{At: smtpsink.AtDot, Do: smtpsink.Action{Do: smtpsink.Stall, For: 50 * time.Millisecond}})
	n, sink := newNewspaper(t, readers), smtpsink.Start(t, smtpsink.Options{Script: slow})
	e := n.publish()
	dir := t.TempDir()
	n.wantPlace(n.place(t.TempDir()))
	engine := n.engine(sink, 2)
	engine.Adopted = n.place(dir).Check
	if _, err := engine.Drain(t.Context(), time.Minute); !errors.Is(err, digest.ErrNotAdopted) {
		t.Errorf("got %v", err)
	}
	n.wantTally(e, digest.Tally{digest.Queued: readers})
	if sink.Connections() > 0 || n.look(`SELECT count(*)::text FROM lanes`) != "0" {
		t.Error("it went to work")
	}
	must(t, n.place(dir).Adopt(t.Context()))
	c := &clock{}
	engine = n.engine(sink, 2)
	engine.Adopted, engine.Now = n.place(dir).Check, c.now
	done := make(chan error, 1)
	go func() { done <- engine.Run(t.Context()) }()
	must(t, sink.Wait(t.Context(), 50))
	n.exec(`UPDATE hosts SET pulse = 0`)
	c.advance(10 * time.Second)
	if err := <-done; !errors.Is(err, digest.ErrNotAdopted) {
		t.Errorf("got %v", err)
	}
	if tally := n.tally(e); tally[digest.Accepted] != sink.Count() || tally[digest.Accepted]+tally[digest.Queued] != readers || sink.Count() == readers {
		t.Errorf("the sink has %d, the ledger says %s", sink.Count(), tally)
	}
	sink.SetScript(nil)
	must(t, n.place(dir).Adopt(t.Context()))
	engine = n.engine(sink, 2)
	engine.Adopted = n.place(dir).Check
	drain(t, engine)
	n.wantTally(e, digest.Tally{digest.Accepted: readers})
}
