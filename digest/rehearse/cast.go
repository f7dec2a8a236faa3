package rehearse

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// stopTime is how long a worker may take to end after SIGTERM.
const stopTime = 30 * time.Second

// deliver lets the workers work the edition off while things are done to
// them.
func (p *run) deliver(ctx context.Context) error {
	order := SinkOrder{Log: p.file("accepted.log"), FaultLog: p.file("faults.log"), Faults: p.plan.Faults, Seed: p.plan.Seed}
	var err error
	if p.sink, p.sinkAt, err = p.startSink("sink", order); err != nil {
		return err
	}
	p.tail = newTail(order.Log, p.ReadLog)
	around, stop := context.WithCancel(ctx)
	var crew sync.WaitGroup
	defer crew.Wait()
	defer stop()
	crew.Go(func() { p.tail.follow(around) })
	crew.Go(func() { p.showAround(around) })

	database, counted := treeCPU(p.postgres.PID())
	if err := p.openPages(ctx); err != nil {
		return err
	}
	if err := p.raiseWorkers(); err != nil {
		return err
	}
	leaving := make(chan error, 1)
	crew.Go(func() { leaving <- p.leave(around) })
	inTime, err := p.play(ctx)
	if err != nil {
		return err
	}
	stop()
	if err := <-leaving; err != nil {
		return err
	}
	if err := p.dismiss(ctx); err != nil {
		return err
	}
	// What another would do next: nothing may be left to do.
	if inTime {
		_, err = p.troupe.run(ctx, nil, p.command(p.file("worker-1.yaml"), "deliver", "--drain", "--wait", "0"))
		if ctx.Err() == nil && err != nil {
			p.evidence.Quitters = append(p.evidence.Quitters, err.Error())
		}
	}
	if after, ok := treeCPU(p.postgres.PID()); ok && counted && p.plan.PostgresKills == 0 {
		p.report.PostgresCPU = after - database
	}
	p.report.Spent = p.spent
	return p.sink.end(ctx, syscall.SIGTERM, stopTime)
}

func (p *run) showAround(ctx context.Context) {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			p.show()
		}
	}
}

func (p *run) raiseWorkers() error {
	for i := range p.plan.Workers {
		w := &worker{number: i + 1, domain: fmt.Sprintf("w%d.rehearsal.example.com", i+1)}
		if err := p.raise(w); err != nil {
			return err
		}
		p.workers = append(p.workers, w)
	}
	return nil
}

// raise starts a worker, or its successor. Where journals are thrown away each
// life has a data_dir of its own, as if on another host.
func (p *run) raise(w *worker) error {
	w.lives++
	s := settings{name: fmt.Sprintf("worker-%d", w.number), relay: p.sinkAt, worker: w.domain, data: p.dataDir()}
	if p.plan.ThrowJournals {
		s.data, s.shared = p.file(fmt.Sprintf("host-%d-%d", w.number, w.lives)), true
	}
	config, err := p.configure(s)
	if err != nil {
		return err
	}
	w.dataDir, w.hadSent = s.data, p.tail.sentBy(w.domain)
	w.logged = sizeOf(p.file(s.name + ".log"))
	w.process, err = p.troupe.start(s.name, p.command(config, "serve", "--only", "deliver"))
	if err != nil {
		return err
	}
	w.await(p.troupe)
	return nil
}

// cue is the moment at which something is done to the cast: when so many
// readers have a mail.
type cue struct {
	kind MarkKind
	at   int
}

// cues spreads what the plan wants over the edition, in an order by chance.
func (p *Plan) cues() []cue {
	kinds := slices.Concat(slices.Repeat([]MarkKind{MarkKill}, p.Kills), slices.Repeat([]MarkKind{MarkTerm}, p.Terms),
		slices.Repeat([]MarkKind{MarkStop}, p.Stops), slices.Repeat([]MarkKind{MarkPostgres}, p.PostgresKills))
	list := make([]cue, len(kinds))
	dice := p.dice("cues")
	dice.Shuffle(len(kinds), func(i, j int) { kinds[i], kinds[j] = kinds[j], kinds[i] })
	// Some never get a mail, or only after a minute.
	most := float64(p.Readers) * 0.97 * (1 - float64(p.Faults.Sum()) - float64(p.Leave))
	for i, kind := range kinds {
		list[i] = cue{kind, int(most * (float64(i) + 0.5 + 0.6*dice.Float64()) / (float64(len(kinds)) + 0.5))}
	}
	return list
}

// errLimit says that the edition was not worked off in time: its open rows are
// evidence.
var errLimit = errors.New("the time that --limit gives is over")

// play follows the cues, then waits for the end of the edition. It says
// whether that came in time.
func (p *run) play(ctx context.Context) (inTime bool, err error) {
	limited, cancel := context.WithTimeoutCause(ctx, p.plan.Limit, errLimit)
	defer cancel()
	err = p.follow(limited)
	if errors.Is(err, errLimit) {
		return false, nil
	}
	return err == nil, err
}

func (p *run) follow(ctx context.Context) error {
	acts := map[MarkKind]func(context.Context) error{
		MarkKill: p.kill, MarkTerm: p.terminate, MarkStop: p.freeze, MarkPostgres: p.killPostgres,
	}
	for _, c := range p.plan.cues() {
		over, err := p.until(ctx, func() bool { return p.tail.reached() >= c.at })
		if err != nil {
			return err
		}
		if over {
			break // the edition was done before; the report has what was made
		}
		if err := acts[c.kind](ctx); err != nil {
			return err
		}
	}
	_, err := p.until(ctx, func() bool { return false })
	return err
}

// until waits for something, or for the end of the edition. Workers that
// ended without being told to are noted and started anew.
func (p *run) until(ctx context.Context, happened func() bool) (over bool, err error) {
	reached, since := -1, time.Now()
	for !happened() {
		if err := p.replaceQuitters(); err != nil {
			return false, err
		}
		if now := p.tail.reached(); now != reached {
			reached, since = now, time.Now()
		}
		// Counting takes the database's time, so only where nothing moves.
		if quiet := time.Since(since); quiet > 100*time.Millisecond {
			open, waiting, err := p.books.open(ctx, p.edition)
			if err != nil {
				return false, causeOf(ctx, err)
			}
			if open+waiting == 0 {
				return true, nil
			}
			if open == 0 && p.plan.Hurry {
				if err := p.books.hurry(ctx, p.edition); err != nil {
					return false, causeOf(ctx, err)
				}
			}
		}
		if err := pause(ctx, 5*time.Millisecond); err != nil {
			return false, causeOf(ctx, err)
		}
	}
	return false, nil
}

// causeOf names the limit where that is what ended ctx.
func causeOf(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

func (p *run) replaceQuitters() error {
	for _, w := range p.workers {
		if w.runs() {
			continue
		}
		p.evidence.Quitters = append(p.evidence.Quitters, fmt.Sprintf("worker %d ended by itself: %v", w.number, w.err))
		p.spent.add(w.process)
		if len(p.evidence.Quitters) > 10 {
			return errors.New("workers give up again and again; the last said: " + p.lastWords(w))
		}
		if err := p.raise(w); err != nil {
			return err
		}
	}
	return nil
}

// allServe waits until every worker that runs serves.
func (p *run) allServe(ctx context.Context) error {
	for _, w := range p.workers {
		for until := time.Now().Add(stopTime); w.runs() && !p.serves(w) && time.Now().Before(until); {
			if err := pause(ctx, 10*time.Millisecond); err != nil {
				return causeOf(ctx, err)
			}
		}
	}
	return nil
}

// serves says whether a worker has said in this life that it serves.
func (p *run) serves(w *worker) bool {
	text, err := readFrom(p.file(w.name+".log"), w.logged)
	return err == nil && bytes.Contains(text, []byte("msg=serving"))
}

func (p *run) lastWords(w *worker) string {
	text, err := os.ReadFile(p.file(fmt.Sprintf("worker-%d.log", w.number)))
	if err != nil {
		return err.Error()
	}
	return lastLines(string(text), 2)
}

// victim is a worker in the middle of its work. Nil: the edition is over.
func (p *run) victim(ctx context.Context) (*worker, error) {
	over, err := p.until(ctx, func() bool { return p.oldest() != nil })
	if err != nil || over {
		return nil, err
	}
	return p.oldest(), nil
}

func (p *run) mark(kind MarkKind) { p.marks = append(p.marks, Mark{At: time.Now(), Kind: kind}) }

// kill ends a worker by the signal that none can catch.
func (p *run) kill(ctx context.Context) error {
	w, err := p.victim(ctx)
	if err != nil || w == nil {
		return err
	}
	p.spent.weigh(w.process)
	p.mark(MarkKill)
	p.evidence.Kills++
	w.signal(syscall.SIGKILL)
	<-w.done
	p.spent.add(w.process)
	if p.plan.ThrowJournals {
		if err := os.RemoveAll(filepath.Join(w.dataDir, "journal")); err != nil {
			return fmt.Errorf("throw a journal away: %w", err)
		}
	}
	return p.raise(w)
}

// terminate asks a worker to end, which it must do in good order and time.
func (p *run) terminate(ctx context.Context) error {
	w, err := p.victim(ctx)
	if err != nil || w == nil {
		return err
	}
	p.mark(MarkTerm)
	p.evidence.Terms++
	if err := p.endWorker(ctx, w); err != nil {
		return err
	}
	return p.raise(w)
}

// endWorker sends SIGTERM; an end that is late or no success is evidence.
func (p *run) endWorker(ctx context.Context, w *worker) error {
	p.spent.weigh(w.process)
	err := w.end(ctx, syscall.SIGTERM, stopTime)
	if ctx.Err() != nil {
		return causeOf(ctx, err)
	}
	if err != nil {
		p.evidence.BadEnds = append(p.evidence.BadEnds, fmt.Sprintf("worker %d: %v: %s", w.number, err, p.lastWords(w)))
		w.signal(syscall.SIGKILL)
		<-w.done
	}
	p.spent.add(w.process)
	return nil
}

// dismiss ends all workers. One that was started a moment ago is let come to
// its senses first: before that no program hears SIGTERM.
func (p *run) dismiss(ctx context.Context) error {
	if err := p.allServe(ctx); err != nil {
		return err
	}
	for _, w := range p.workers {
		if err := p.endWorker(ctx, w); err != nil {
			return err
		}
	}
	return nil
}

// freeze stops a worker until its lease is over and another has taken its
// lanes, then lets it go on as if nothing had been.
func (p *run) freeze(ctx context.Context) error {
	w, err := p.victim(ctx)
	if err != nil || w == nil {
		return err
	}
	p.mark(MarkStop)
	p.evidence.Stops++
	w.signal(syscall.SIGSTOP)
	defer func() {
		w.hadSent = p.tail.sentBy(w.domain) // it is worth a blow again when it sends again
		w.signal(syscall.SIGCONT)
	}()
	// Should it stand still while it takes over from another, those lanes come
	// free with its transaction, which the database ends after a minute.
	until := time.Now().Add(2*p.plan.lease() + 90*time.Second)
	for seen := false; time.Now().Before(until); {
		_, over, err := p.books.lanes(ctx)
		if err != nil {
			return causeOf(ctx, err)
		}
		seen = seen || over > 0
		if seen && over == 0 {
			p.evidence.TakenOver++
			return nil
		}
		if err := pause(ctx, 2*time.Millisecond); err != nil {
			return causeOf(ctx, err)
		}
	}
	return nil
}

// killPostgres kills the postmaster, and waits until the database answers
// again, which whoever uses it sees to. A worker that is just starting is
// waited for: it may end where there is no database, and whoever started it
// has to try again.
func (p *run) killPostgres(ctx context.Context) error {
	if err := p.allServe(ctx); err != nil {
		return err
	}
	pid := p.postgres.PID()
	for ; pid == 0; pid = p.postgres.PID() { // it is being started just now
		if err := pause(ctx, 20*time.Millisecond); err != nil {
			return causeOf(ctx, err)
		}
	}
	p.mark(MarkPostgres)
	p.evidence.PostgresKills++
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		return fmt.Errorf("kill Postgres: %w", err)
	}
	for p.postgres.PID() == pid || p.books.db.PingContext(ctx) != nil {
		if err := pause(ctx, 20*time.Millisecond); err != nil {
			return causeOf(ctx, err)
		}
	}
	return nil
}

// openPages serves the readers' pages where somebody is to leave by them.
func (p *run) openPages(ctx context.Context) error {
	if p.plan.Leave == 0 {
		return nil
	}
	web, err := p.troupe.start("web", p.command(p.file("publish.yaml"), "serve", "--only", "web"))
	if err != nil {
		return err
	}
	web.await(p.troupe)
	for until := time.Now().Add(time.Minute); ; {
		resp, err := http.Get(p.url + "/healthz")
		if err == nil {
			err = resp.Body.Close()
			if err == nil && resp.StatusCode == http.StatusOK {
				return nil
			}
		}
		if !web.runs() || time.Now().After(until) {
			return fmt.Errorf("the readers' pages do not answer: %w", errors.Join(err, web.err))
		}
		if err := pause(ctx, 10*time.Millisecond); err != nil {
			return err
		}
	}
}

// removals is how many of those who leave are taken off the list by the
// operator's command; the others click.
const removals = 5

// leave lets readers leave while the edition goes out. It ends with ctx,
// whoever is left then.
func (p *run) leave(ctx context.Context) error {
	who := p.leavers()
	if len(who) == 0 {
		return nil
	}
	config := p.file("publish.yaml")
	dice := p.plan.dice("ways to leave")
	removed := 0
	for i, n := range who {
		for p.tail.reached() < p.leaveAt(i, len(who)) {
			if pause(ctx, 2*time.Millisecond) != nil {
				return nil
			}
		}
		var err error
		if removed < removals && dice.IntN(len(who)) < removals {
			removed++
			_, err = p.troupe.run(ctx, nil, p.command(config, "readers", "remove", "--list", "readers", address(n)))
		} else {
			err = p.click(ctx, address(n))
		}
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("let %s leave: %w", address(n), err)
		}
		p.evidence.Leavings = append(p.evidence.Leavings, Leaving{Email: address(n), At: time.Now()})
	}
	return nil
}

// click leaves by one click (RFC 8058), as often as it takes while the
// database is away.
func (p *run) click(ctx context.Context, who string) error {
	link := p.links[who]
	if link == "" {
		return errors.New("yesterday's mail had no link")
	}
	for until := time.Now().Add(time.Minute); ; {
		status, err := post(ctx, link)
		if status == http.StatusOK {
			return nil
		}
		if time.Now().After(until) {
			return fmt.Errorf("one click was answered with %d: %w", status, err)
		}
		if err := pause(ctx, 20*time.Millisecond); err != nil {
			return err
		}
	}
}

func post(ctx context.Context, link string) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, link, strings.NewReader("List-Unsubscribe=One-Click"))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	return resp.StatusCode, resp.Body.Close()
}
