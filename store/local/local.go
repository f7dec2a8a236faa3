package local

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Options say where the private Postgres lives. Only DataDir is needed.
type Options struct {
	// DataDir is Courant's data_dir; it is made if it does not exist.
	DataDir string
	// Log takes starts, stops and recoveries. Nil: nothing is logged.
	Log *slog.Logger
	// Binaries are the directories searched for initdb and postgres. Empty:
	// PATH, pg_config and the places where packages put them.
	Binaries []string
	// Throwaway gives up durability for speed: a power cut may ruin the
	// cluster. For tests.
	Throwaway bool
}

// A Server is this process's share in a running private Postgres. It watches
// the server and starts it again, at the same address, should it die.
type Server struct {
	options  Options
	log      *slog.Logger
	place    place
	dsn      string
	use      *use
	mu       sync.Mutex // one Ensure at a time in this process, guards launched
	launched *guard     // the newest guard that is our child; nil while only attached
	cancel   context.CancelFunc
	watchers sync.WaitGroup
}

// pollEvery paces the loops that wait for another process. Neither flock with
// a deadline nor the death of a process that is no child can be awaited
// portably, so both are asked for.
const pollEvery = 10 * time.Millisecond

// watchEvery is how soon a dead server is noticed: a few system calls each.
const watchEvery = 200 * time.Millisecond

// Start returns when the private Postgres of o.DataDir accepts connections:
// it makes the cluster if there is none, starts the server if none runs, and
// attaches to the one that does. Close gives the share back.
func Start(ctx context.Context, o Options) (*Server, error) {
	if os.Getenv("PGHOSTADDR") != "" {
		// lib/pq prefers it to any host, and has no way to say "none".
		return nil, errors.New("start private Postgres: PGHOSTADDR is set and would lead every connection elsewhere: unset it")
	}
	s := &Server{options: o, log: o.Log}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	var err error
	if s.place, err = findPlace(o.DataDir); err != nil {
		return nil, err
	}
	if err := s.enter(ctx); err != nil {
		return nil, fmt.Errorf("start private Postgres in %s: %w", s.place.root, err)
	}
	s.watch()
	return s, nil
}

// enter takes the share first and looks at the server second: from then on
// nobody can be the last one out, so a server found running stays.
func (s *Server) enter(ctx context.Context) error {
	unlock, err := lock(ctx, s.place.file("start.lock"))
	if err != nil {
		return err
	}
	defer unlock()
	if err := s.place.settleSocket(); err != nil {
		return err
	}
	s.dsn = dsn(s.place.socket, databaseName)
	if s.use, err = enter(s.place); err != nil {
		return err
	}
	if err := s.raise(ctx); err != nil {
		return errors.Join(err, s.leave(ctx))
	}
	return nil
}

// DSN is the connection string for lib/pq. It stays the same as long as any
// process uses the server, however often that is started again, so a pool
// that reconnects needs nothing else.
func (s *Server) DSN() string { return s.dsn }

// PID is the process number of the postmaster, 0 when none runs.
func (s *Server) PID() int {
	if found, err := s.place.look(); err == nil && found.alive {
		return found.pid
	}
	return 0
}

// Ensure returns when the server accepts connections and starts it again if
// it does not run. The Server does this by itself within watchEvery; a caller
// that has just lost its connection may come earlier.
func (s *Server) Ensure(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	unlock, err := lock(ctx, s.place.file("start.lock"))
	if err != nil {
		return err
	}
	defer unlock()
	if err := s.place.restoreSocket(); err != nil {
		return err
	}
	return s.raise(ctx)
}

// Close gives this process's share back. The last one out stops the server
// and waits for it; as process 1 of a container there is no later, the kernel
// kills what is left. The caller closes its connections first.
func (s *Server) Close(ctx context.Context) error {
	s.cancel()
	s.watchers.Wait()
	unlock, err := lock(ctx, s.place.file("start.lock"))
	if err != nil {
		s.use.close() // the guard does the rest
		return fmt.Errorf("leave private Postgres: %w", err)
	}
	defer unlock()
	if err := s.leave(ctx); err != nil {
		return fmt.Errorf("leave private Postgres: %w", err)
	}
	return nil
}

// leave is called with start.lock held, so nobody enters between the question
// whether others use the server and its end.
func (s *Server) leave(ctx context.Context) error {
	defer s.use.close()
	last, err := s.use.last()
	if err != nil || !last {
		return err
	}
	if err := s.stop(ctx); err != nil {
		return err
	}
	return s.place.forgetSocket()
}

// stop asks for Postgres's fast shutdown (sessions end, work that is not
// committed is rolled back, a checkpoint is made) and waits for its end, which
// comes a little after postmaster.pid is gone.
func (s *Server) stop(ctx context.Context) error {
	for asked := 0; ; {
		found, err := s.place.look()
		if err != nil || found.foreign(s.place) {
			return err
		}
		if !found.alive && (asked == 0 || !worksIn(asked, s.place.data)) {
			return nil
		}
		if found.alive && asked != found.pid {
			asked = found.pid
			if err := syscall.Kill(found.pid, syscall.SIGINT); err != nil && !errors.Is(err, syscall.ESRCH) {
				return fmt.Errorf("stop Postgres, process %d: %w", found.pid, err)
			}
		}
		if err := pause(ctx, pollEvery); err != nil {
			return fmt.Errorf("wait for Postgres, process %d, to shut down: %w", asked, err)
		}
	}
}

// watch starts the goroutines that keep the server up, and, in process 1,
// bury the orphans of a server that was killed.
func (s *Server) watch() {
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	s.watchers.Go(func() { s.keepUp(ctx) })
	if os.Getpid() == 1 {
		s.watchers.Go(func() { reapOrphans(ctx) })
	}
}

// keepUp looks after the server until ctx ends. Failures to start it, a full
// disk for instance, are tried again ever more slowly.
func (s *Server) keepUp(ctx context.Context) {
	const slowest = 10 * time.Second
	for wait := watchEvery; pause(ctx, wait) == nil; {
		if s.healthy() {
			wait = watchEvery
			s.boundLog(ctx)
			continue
		}
		s.log.Warn("private postgres is gone, starting it again")
		if err := s.Ensure(ctx); err != nil && ctx.Err() == nil {
			wait = min(2*wait, slowest)
			s.log.Error("private postgres cannot be started", "error", err, "again_in", wait)
		}
	}
}

// healthy asks the kernel only. A server whose socket was swept from a
// temporary directory is as good as gone.
func (s *Server) healthy() bool {
	found, err := s.place.look()
	if err != nil || !found.alive {
		return false
	}
	return found.status != statusReady || s.place.hasSocket()
}

// dsn writes a connection string for lib/pq. sslmode is always said, because
// its default is to demand TLS, which Postgres never speaks on a Unix socket;
// all else that PGOPTIONS and its like could change is said too.
func dsn(socket, database string) string {
	quote := strings.NewReplacer(`\`, `\\`, `'`, `\'`)
	return fmt.Sprintf("host='%s' port=%s user=%s dbname=%s options='' sslmode=disable",
		quote.Replace(socket), port, roleName, database)
}

// pause waits, or returns ctx's error when that ends first.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// file is a path in the directory that is ours alone.
func (p place) file(name string) string { return filepath.Join(p.root, name) }
