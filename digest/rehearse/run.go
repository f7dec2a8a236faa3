package rehearse

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Rehearsal is a rehearsal about to begin: the plan, and what only the program
// can hand in. All fields are needed but Keep, Peer and Progress.
type Rehearsal struct {
	Plan    Plan
	Program string // path of courant
	// Keep is a directory for all that is made and seen; it is not removed.
	// Empty: a temporary one.
	Keep string
	// Peer is the path of Postfix's smtp-source, to be measured in the same run;
	// empty: none is there.
	Peer string

	// Postgres starts the private database of a data_dir.
	Postgres func(ctx context.Context, dataDir string) (Postgres, error)
	// Sink is the command line of a recording sink.
	Sink func(SinkOrder) []string
	// ReadLog reads whole lines of a sink's log.
	ReadLog func(io.Reader) ([]Mail, error)
	// Progress is told how it goes, a few times a second.
	Progress func(Progress)
}

// Postgres is a running database. Open makes a pool that the caller closes.
type Postgres interface {
	DSN() string
	PID() int // 0: it does not run now
	Open() (*sql.DB, error)
	Close(ctx context.Context) error
}

// SinkOrder says what kind of sink is wanted. It writes its address to stdout,
// one line, and ends with its stdin.
type SinkOrder struct {
	Log      string // file for what it accepts
	FaultLog string // file for what it breaks
	Links    string // file for the one-click link of each mail, written at the end; empty: none
	Faults   Faults
	Seed     uint64
}

// Progress is how a rehearsal goes.
type Progress struct {
	Act     string // what is done now
	Reached int    // readers with a mail; 0 while nothing is delivered
	Readers int
}

// String is one line of it.
func (p Progress) String() string {
	if p.Reached == 0 || p.Reached == p.Readers {
		return p.Act
	}
	return fmt.Sprintf("%s: %d of %d readers have their mail", p.Act, p.Reached, p.Readers)
}

// run is a rehearsal that goes on.
type run struct {
	*Rehearsal
	place
	troupe   *troupe
	postgres Postgres
	books    books
	tail     *tail
	sink     *process
	sinkAt   string // its address
	edition  int64
	workers  []*worker
	spent    usage // by workers, without those that run
	marks    []Mark
	evidence Evidence
	report   Report
	links    map[string]string // of readers who will leave, by address

	mu  sync.Mutex // guards act
	act string
}

// worker is a delivering process and its successors.
type worker struct {
	*process
	number  int
	domain  string // of its envelope senders
	lives   int
	hadSent int   // mails of its domain when it was started
	logged  int64 // bytes of its log then
	dataDir string
}

// Run rehearses. The report is whole where err is nil; that promises broke is
// no error but in the report. When ctx ends, everything that was started is
// ended and everything that was made removed.
func (r *Rehearsal) Run(ctx context.Context) (report Report, err error) {
	if err := r.Plan.Check(); err != nil {
		return report, err
	}
	dir, remove, err := r.makeDir()
	if err != nil {
		return report, err
	}
	p := &run{Rehearsal: r, place: place{plan: r.Plan, dir: dir}, troupe: newTroupe(dir), books: books{patience: time.Minute}}
	p.evidence.Plan = r.Plan
	defer func() {
		err = errors.Join(err, p.close())
		switch {
		case err == nil && !p.report.Kept() && r.Keep == "":
			// What was seen is wanted now; the database is too large to keep.
			p.report.Dir = dir
			err = os.RemoveAll(p.dataDir())
		default:
			err = errors.Join(err, remove())
		}
		report = p.report
	}()
	for _, act := range p.acts() {
		p.tell(act.name)
		if err := act.play(ctx); err != nil {
			if ctx.Err() != nil {
				return report, context.Cause(ctx)
			}
			return report, fmt.Errorf("%s: %w", act.name, err)
		}
	}
	return p.report, nil
}

// act is a part of a rehearsal.
type act struct {
	name string
	play func(context.Context) error
}

func (p *run) acts() []act {
	key := act{"making bare signatures", p.measureKey}
	measured := p.plan.Calm() && p.plan.Signed
	acts := []act{
		{"starting a private Postgres", p.prepare},
		{"importing readers", p.gather},
		{"publishing", p.publish},
	}
	if measured {
		acts = append(acts, key)
	}
	acts = append(acts, act{"delivering", p.deliver})
	if measured {
		acts = append(acts, key)
	}
	acts = append(acts, act{"comparing", p.compare})
	if p.plan.Calm() && p.Peer != "" {
		acts = append(acts, act{"measuring smtp-source", p.measurePeer})
	}
	return acts
}

// makeDir makes the directory of the rehearsal. Postgres runs as another user
// where root starts it, who must be able to pass.
func (r *Rehearsal) makeDir() (dir string, remove func() error, err error) {
	if r.Keep != "" {
		dir, err = filepath.Abs(r.Keep)
		if err == nil {
			err = os.Mkdir(dir, 0o711)
		}
		if err != nil {
			return "", nil, fmt.Errorf("%w; --keep names a directory that is not there yet", err)
		}
		return dir, func() error { return nil }, nil
	}
	if dir, err = os.MkdirTemp("", "courant-rehearsal-"); err != nil {
		return "", nil, fmt.Errorf("make a directory: %w", err)
	}
	return dir, func() error { return os.RemoveAll(dir) }, os.Chmod(dir, 0o711)
}

// close ends all that runs.
func (p *run) close() error {
	p.troupe.close()
	var errs []error
	if p.feed != nil {
		errs = append(errs, p.feed.close())
	}
	if p.books.db != nil {
		errs = append(errs, p.books.db.Close())
	}
	if p.postgres != nil {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		errs = append(errs, p.postgres.Close(ctx))
	}
	return errors.Join(errs...)
}

func (p *run) tell(act string) {
	p.mu.Lock()
	p.act = act
	p.mu.Unlock()
	p.show()
}

func (p *run) show() {
	if p.Progress == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	now := Progress{Act: p.act, Readers: p.plan.Readers}
	if p.tail != nil {
		now.Reached = p.tail.reached()
	}
	p.Progress(now)
}

// prepare starts what everything stands on: the feed and the database.
func (p *run) prepare(ctx context.Context) (err error) {
	if p.feed, err = serveWire(); err != nil {
		return err
	}
	listen, err := freeAddress()
	if err != nil {
		return err
	}
	p.url = "http://" + listen
	if p.postgres, err = p.Postgres(ctx, p.dataDir()); err != nil {
		return err
	}
	p.dsn = p.postgres.DSN()
	if p.books.db, err = p.postgres.Open(); err != nil {
		return err
	}
	return p.makeKey()
}

// command is a command line of the program with a config.
func (p *run) command(config string, args ...string) []string {
	return append([]string{p.Program, "--config", config}, args...)
}

// nobody is an address where no relay answers: what is sent there stays
// queued.
const nobody = "127.0.0.1:1"

// gather puts everybody on the list. Those who will leave get an edition
// before, whose mail has the link they will click.
func (p *run) gather(ctx context.Context) error {
	config, err := p.configure(settings{name: "publish", relay: nobody, worker: "nobody.example.com", data: p.dataDir()})
	if err != nil {
		return err
	}
	everybody, err := p.writeReaders("readers", p.everybody())
	if err != nil {
		return err
	}
	if p.plan.Leave > 0 {
		// Known first, so that their numbers say nothing of who will leave: an
		// edition goes from number to number.
		if _, err := p.troupe.run(ctx, nil, p.command(config, "readers", "import", "--list", "known", everybody)); err != nil {
			return err
		}
		if err := p.yesterday(ctx, config); err != nil {
			return err
		}
	}
	began := time.Now()
	if _, err := p.troupe.run(ctx, nil, p.command(config, "readers", "import", "--list", "readers", everybody)); err != nil {
		return err
	}
	p.report.Import = time.Since(began)
	return nil
}

// yesterday sends an edition to those who will leave, and keeps their links.
func (p *run) yesterday(ctx context.Context, config string) error {
	file, err := p.writeReaders("leaving", p.leavers())
	if err != nil {
		return err
	}
	if _, err := p.troupe.run(ctx, nil, p.command(config, "readers", "import", "--list", "readers", file)); err != nil {
		return err
	}
	order := SinkOrder{Log: p.file("yesterday.log"), FaultLog: p.file("yesterday-faults.log"), Links: p.file("links")}
	sink, at, err := p.startSink("yesterday", order)
	if err != nil {
		return err
	}
	sending, err := p.configure(settings{name: "yesterday", relay: at, worker: "yesterday.example.com", data: p.dataDir()})
	if err != nil {
		return err
	}
	p.feed.tell(1)
	for _, act := range [][]string{{"fetch"}, {"send", "morning"}} {
		if _, err := p.troupe.run(ctx, nil, p.command(sending, act...)); err != nil {
			return err
		}
	}
	if err := sink.end(ctx, syscall.SIGTERM, 30*time.Second); err != nil {
		return err
	}
	p.links, err = readLinks(order.Links)
	return err
}

// leavers are the readers who leave, in the order in which they do. Each leaves
// before the edition comes to it, some shortly before, so that it matters.
func (p *run) leavers() []int {
	n := int(float64(p.plan.Readers) * float64(p.plan.Leave))
	dice := p.plan.dice("leaving")
	taken := map[int]bool{}
	var list []int
	for i := range n {
		at := p.leaveAt(i, n)
		who := min(at+p.plan.Readers/50+dice.IntN(p.plan.Readers/4+1), p.plan.Readers-1)
		for taken[who] {
			who = (who + 1) % p.plan.Readers
		}
		taken[who] = true
		list = append(list, who)
	}
	return list
}

// leaveAt is how many readers have a mail when the ith of n leaves.
func (p *run) leaveAt(i, n int) int {
	return int(float64(p.plan.Readers) * 0.9 * float64(i+1) / float64(n+1))
}

// readLinks reads what a sink wrote as Links: an address and a link a line.
func readLinks(path string) (map[string]string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the links of yesterday's mails: %w", err)
	}
	links := map[string]string{}
	for line := range strings.Lines(string(text)) {
		to, link, ok := strings.Cut(strings.TrimSpace(line), "\t")
		if ok {
			links[to] = link
		}
	}
	return links, nil
}

// startSink starts a sink and waits for its address.
func (p *run) startSink(name string, order SinkOrder) (*process, string, error) {
	sink, err := p.troupe.start(name, p.Sink(order))
	if err != nil {
		return nil, "", err
	}
	at, err := sink.out.ReadString('\n')
	sink.await(p.troupe)
	if err != nil {
		<-sink.done
		return nil, "", fmt.Errorf("the sink did not start: %w (see %s.log)", errors.Join(err, sink.err), name)
	}
	return sink, strings.TrimSpace(at), nil
}

// publish makes the edition. The relay of that config is nobody, so all of it
// stays queued for the workers.
func (p *run) publish(ctx context.Context) error {
	p.feed.tell(10)
	config := p.file("publish.yaml")
	if _, err := p.troupe.run(ctx, nil, p.command(config, "fetch")); err != nil {
		return err
	}
	began := time.Now()
	if _, err := p.troupe.run(ctx, nil, p.command(config, "send", "morning"), 1); err != nil {
		return err
	}
	p.report.Publish = time.Since(began)
	var err error
	p.edition, p.evidence.FanOut, err = p.books.lastEdition(ctx)
	return err
}

// compare collects the evidence and judges it.
func (p *run) compare(ctx context.Context) (err error) {
	e := &p.evidence
	if e.Mails, err = p.tail.all(); err != nil {
		return err
	}
	f, err := os.Open(p.file("faults.log"))
	if err != nil {
		return fmt.Errorf("read the log of faults: %w", err)
	}
	defer f.Close() // read only
	if e.Disturbances, err = readDisturbances(f); err != nil {
		return err
	}
	if e.Rows, err = p.books.rows(ctx, p.edition); err != nil {
		return err
	}
	p.report.fill(e, p.marks)
	return nil
}

// oldest is the running worker that serves, has sent something in this life
// and was started first; nil when there is none.
func (p *run) oldest() *worker {
	var ready []*worker
	for _, w := range p.workers {
		if w.runs() && p.tail.sentBy(w.domain) > w.hadSent && p.serves(w) {
			ready = append(ready, w)
		}
	}
	if len(ready) == 0 {
		return nil
	}
	return slices.MinFunc(ready, func(a, b *worker) int { return a.began.Compare(b.began) })
}
