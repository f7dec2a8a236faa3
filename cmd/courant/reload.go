package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"reflect"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"courant/digest"
	"courant/digest/schedule"
)

// reign is the time in which one config is in force. What it holds never
// changes, so each part of serve takes one and works by it until it is over.
type reign struct {
	*house
	force map[string]schedule.Force // of the digests that have a schedule
	over  chan struct{}             // closed when another began
}

// serving is one run of `courant serve`, through all its configs.
type serving struct {
	p       *program
	log     *slog.Logger
	only    []string
	wake    chan struct{} // the delivery: an edition was published
	nudge   chan struct{} // the schedule: another config is in force
	retired time.Duration // how long a new delivery waits for the old one

	mu  sync.Mutex
	now *reign

	files      readFiles // that are looked at, those of a refused config too
	seen, half string    // traces of them: when they were last read, and as they may still change
	refused    string    // why the config was refused; empty: it is in force
	waiting    string    // the keys that wait for a restart, as they were last told
}

// retireTime is how long deliveries by another config wait for the mails that
// are under way by the old one. What takes longer goes on beside them.
const retireTime = 20 * time.Second

func newServing(p *program, h *house, only []string) *serving {
	s := &serving{p: p, log: h.log, only: only, wake: make(chan struct{}, 1), nudge: make(chan struct{}, 1), retired: retireTime, files: h.config.files}
	h.figures = h.measures()
	s.now = &reign{house: h, force: map[string]schedule.Force{}, over: make(chan struct{})}
	for _, d := range h.config.Digests {
		s.now.force[d.Name] = schedule.Force{At: h.now()}
	}
	s.tellFigures()
	return s
}

// reign is the one of now.
func (s *serving) reign() *reign {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

func (s *serving) does(part string) bool { return slices.Contains(s.only, part) }

func (s *serving) tellFigures() {
	h := s.reign().house
	h.figures.InForce(h.config.Hash(), h.now(), h.config.relayNames(), h.config.submissions())
}

// differs is closed when a reign begins that differs from r in what of tells,
// or when ctx ends.
func (s *serving) differs(ctx context.Context, r *reign, of func(Config) Config) <-chan struct{} {
	differs := make(chan struct{})
	go func() {
		defer close(differs)
		for now := r; reflect.DeepEqual(of(now.config), of(r.config)); now = s.reign() {
			select {
			case <-ctx.Done():
				return
			case <-now.over:
			}
		}
	}()
	return differs
}

// lookAtFilesEvery is how often the files are looked at. They are read when they have
// changed and then stayed as they are for one look more: whoever writes them may
// not be done.
const lookAtFilesEvery = 2 * time.Second

// watch reads the config anew when its files change, or at SIGHUP, until ctx is
// done.
func (s *serving) watch(ctx context.Context, hup <-chan os.Signal) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-hup:
			s.reload(true)
		case <-time.After(lookAtFilesEvery):
			s.look()
		}
	}
}

// look reads the config anew if its files have changed.
func (s *serving) look() {
	now := traces(s.files.paths(s.p.configFile)...)
	switch {
	case now == s.seen:
		s.half = ""
	case now != s.half:
		s.half = now
	default:
		s.reload(false)
	}
}

// reload reads the config and puts it in force. One that is wrong is refused:
// the one before stays, and the log, the figures and systemd say so. Asked for,
// it is said as well that nothing has changed.
func (s *serving) reload(asked bool) {
	tell := s.p.tellSystemd(s.log)
	if asked {
		tell("RELOADING=1")
		defer tell("READY=1")
	}
	before, old := traces(s.files.paths(s.p.configFile)...), s.reign()
	c, err := s.read()
	s.watchFiles(before, old.config.files, c.files)
	var next *reign
	if err == nil {
		next, err = s.succeed(old, c)
	}
	switch {
	case err != nil:
		if asked || s.refused != err.Error() {
			s.tellRefused(err)
			tell("STATUS=The config is refused, the one before stays in force; the log says why")
		}
		s.refused = err.Error()
		old.figures.Refused()
	case next == nil:
		if asked || s.refused != "" {
			s.log.Info("the config is in force as it stands", "config", s.p.configFile, "hash", old.config.Hash())
			tell("STATUS=The config is in force")
		}
		s.refused = ""
		old.figures.Restored()
	default:
		s.refused = ""
		s.begin(old, next)
		tell("STATUS=The config is in force")
	}
}

// watchFiles has the files of both configs looked at from now on: of one that
// was refused, the file that is missing may come.
func (s *serving) watchFiles(before string, sets ...readFiles) {
	files := readFiles{}
	for _, set := range sets {
		for path := range set {
			files[path] = ""
		}
	}
	// Files that were not looked at before the reading are read twice.
	s.seen, s.half = "", ""
	if slices.Equal(files.paths(""), s.files.paths("")) {
		s.seen = before
	}
	s.files = files
}

// read reads the config as it stands in its file.
func (s *serving) read() (Config, error) {
	switch info, err := os.Stat(s.p.configFile); {
	case err != nil: // loadConfig says it better
	case info.IsDir():
		return Config{}, fmt.Errorf("%s is a directory; put the file back in its place", s.p.configFile)
	case !info.Mode().IsRegular():
		return Config{}, fmt.Errorf("%s is no plain file, so it cannot be read twice; restart `courant serve` for another config", s.p.configFile)
	}
	c, _, err := loadConfig(s.p.configFile, s.p.env, s.p.hooks())
	return c, err
}

// succeed makes the reign that follows on old by a config, or nil where that
// changes nothing. Whatever can be wrong with it is found before it begins.
func (s *serving) succeed(old *reign, c Config) (*reign, error) {
	s.tellWaiting(c.pin(old.config))
	if reflect.DeepEqual(c.plain(), old.config.plain()) {
		return nil, nil
	}
	if err := c.foreignData(); err != nil {
		return nil, err
	}
	h := *old.house
	h.config = c
	if s.does("deliver") {
		if _, err := h.engine(); err != nil {
			return nil, err
		}
	}
	if s.does("web") {
		if _, err := h.pages(); err != nil {
			return nil, err
		}
	}
	next := &reign{house: &h, force: map[string]schedule.Force{}, over: make(chan struct{})}
	for _, d := range c.Digests {
		next.force[d.Name] = schedule.Force{At: h.now(), Anew: true}
		if i := slices.IndexFunc(old.config.Digests, func(o digest.Digest) bool {
			return o.Name == d.Name && schedule.Terms(o) == schedule.Terms(d)
		}); i >= 0 {
			next.force[d.Name] = old.force[d.Name]
		}
	}
	return next, nil
}

// begin ends a reign and begins the next one.
func (s *serving) begin(old, next *reign) {
	s.mu.Lock()
	s.now = next
	s.mu.Unlock()
	close(old.over)
	select {
	case s.nudge <- struct{}{}:
	default: // it is coming
	}
	c := next.config
	s.tellFigures()
	if next.postgres != nil {
		if err := c.claimData(); err != nil {
			s.log.Warn("data_dir does not say whose it is", "error", err)
		}
	}
	s.log.Info("another config is in force", "config", c.File, "hash", c.Hash(), "before", old.config.Hash(),
		"digests", len(c.Digests), "sources", len(c.Sources), "relays", len(c.Relays))
	for _, d := range c.Digests {
		if next.force[d.Name] == old.force[d.Name] || d.Schedule == "" {
			continue
		}
		if slots, err := nextSlots(d, next.now()); err == nil && len(slots) > 0 {
			s.log.Info("schedule counts from now", "digest", d.Name, "schedule", schedule.Terms(d), "next", slots[0].Instant)
		}
	}
	for _, d := range old.config.Digests {
		if _, err := c.digestNamed(d.Name); err != nil {
			s.log.Info("digest is no longer in the config; what is published of it is sent", "digest", d.Name)
		}
	}
}

// tellRefused says what is wrong, each fault in a line with its place.
func (s *serving) tellRefused(err error) {
	const refused = "config refused, the one before stays in force"
	var faults Faults
	if !errors.As(err, &faults) {
		s.log.Error(refused, "config", s.p.configFile, "error", err)
		return
	}
	for _, f := range faults {
		s.log.Error(refused, "at", fmt.Sprintf("%s:%d:%d", f.File, f.Line, f.Column), "key", f.Path, "error", f.Message)
	}
}

// tellWaiting names the keys that the file has otherwise and that stay, once.
func (s *serving) tellWaiting(keys []string) {
	told := strings.Join(keys, ", ")
	if told != "" && told != s.waiting {
		s.log.Warn("these keys stay as they are until courant serve is started anew", "config", s.p.configFile, "keys", told)
	}
	s.waiting = told
}

// handler answers by what build makes of the config in force. It is made anew
// only when what it depends on changes: it may count who comes too often.
func (s *serving) handler(of func(Config) Config, build func(*house) (http.Handler, error)) (http.Handler, error) {
	var mu sync.Mutex
	r := s.reign()
	now, err := build(r.house)
	if err != nil {
		return nil, err
	}
	current := func() http.Handler {
		mu.Lock()
		defer mu.Unlock()
		next := s.reign()
		if next == r {
			return now
		}
		if !reflect.DeepEqual(of(next.config), of(r.config)) {
			made, err := build(next.house)
			if err != nil { // it was tried before the config took force
				s.log.Error("pages stay as they were", "error", err)
				made = now
			}
			now = made
		}
		r = next
		return now
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { current().ServeHTTP(w, r) }), nil
}

// hangups are SIGHUPs from now on, which end the program otherwise. Where a
// terminal hung up, they still do: nobody sees what goes on, nor can end it.
func (p *program) hangups(ctx context.Context) (hup <-chan os.Signal, hungUp context.Context, stop func()) {
	raw, passed := make(chan os.Signal, 1), make(chan os.Signal, 1)
	signal.Notify(raw, syscall.SIGHUP)
	hungUp, cancel := context.WithCancel(ctx)
	attended := terminal(p.stderr)
	var relay sync.WaitGroup
	relay.Go(func() {
		for {
			select {
			case <-hungUp.Done():
				return
			case sig := <-raw:
				if attended && !terminal(p.stderr) {
					cancel()
					return
				}
				select {
				case passed <- sig:
				default: // one is waiting to be heeded
				}
			}
		}
	})
	return passed, hungUp, func() {
		signal.Stop(raw)
		cancel()
		relay.Wait()
	}
}
