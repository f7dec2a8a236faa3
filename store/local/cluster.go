package local

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/lib/pq"
)

// raise returns when a server of ours accepts connections. start.lock is held,
// so nobody else starts or stops one meanwhile; it may still die or be stopped
// by its guard, which is why every round looks anew.
func (s *Server) raise(ctx context.Context) error {
	for waited := time.Duration(0); ; waited += pollEvery {
		found, err := s.place.look()
		if err != nil {
			return err
		}
		switch {
		case found.foreign(s.place):
			return fmt.Errorf("a Postgres that Courant did not start, process %d, uses %s: stop it", found.pid, s.place.data)
		case !found.alive:
			if err := s.launch(ctx, found); err != nil {
				return err
			}
		case found.status == statusReady && !s.place.hasSocket():
			s.log.Warn("the socket of the private postgres is gone, restarting it", "pid", found.pid)
			if err := s.stop(ctx); err != nil {
				return err
			}
			continue
		}
		if err := s.ping(ctx); err == nil || !isPassing(err) {
			return err
		}
		if waited%(5*time.Second) == 0 && waited > 0 {
			s.log.Info("waiting for the private postgres", "pid", found.pid, "status", found.status)
		}
		if err := pause(ctx, pollEvery); err != nil {
			return fmt.Errorf("wait for Postgres, which is %s: %w", found.status, err)
		}
	}
}

// ping opens a session in our database, which the first one makes.
func (s *Server) ping(ctx context.Context) error {
	err := withSession(ctx, s.dsn, (*sql.DB).PingContext)
	if code(err) == "3D000" { // invalid_catalog_name
		return withSession(ctx, dsn(s.place.socket, "template1"), makeDatabase)
	}
	return err
}

// makeDatabase gives initdb's empty database our name, which costs nothing
// where CREATE DATABASE copies 7 MB through the log.
func makeDatabase(db *sql.DB, ctx context.Context) error {
	_, err := db.ExecContext(ctx, "ALTER DATABASE postgres RENAME TO "+databaseName)
	if code(err) == "3D000" { // it had been renamed, and dropped since
		_, err = db.ExecContext(ctx, "CREATE DATABASE "+databaseName)
	}
	if err != nil {
		return fmt.Errorf("make the database: %w", err)
	}
	return nil
}

func withSession(ctx context.Context, dsn string, act func(*sql.DB, context.Context) error) error {
	connector, err := pq.NewConnector(dsn)
	if err != nil {
		return fmt.Errorf("read connection string: %w", err)
	}
	db := sql.OpenDB(connector)
	defer db.Close()
	return act(db, ctx)
}

// code is the SQLSTATE of err, or empty.
func code(err error) string {
	var failure *pq.Error
	if errors.As(err, &failure) {
		return string(failure.Code)
	}
	return ""
}

// isPassing says whether err will end by waiting: 57P03 is a server that
// starts, recovers or stops, 57P01 and 57P02 one that has just been told to; a
// refused or broken connection is one on its way up or down.
func isPassing(err error) bool {
	if c := code(err); c != "" {
		return strings.HasPrefix(c, "57P0") || strings.HasPrefix(c, "08")
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return false
	}
	var network net.Error
	return errors.As(err, &network) || errors.Is(err, driver.ErrBadConn) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

// launch starts the server, on a new cluster if there is none, and returns
// when Postgres says it is ready, which is asked of the very process started:
// an answer at the socket alone could be another's.
func (s *Server) launch(ctx context.Context, stale postmaster) error {
	found, err := findBinaries(ctx, s.options.Binaries, s.place.data)
	if err != nil {
		return err
	}
	if err := s.place.checkReach(found); err != nil {
		return err
	}
	if err := s.makeCluster(ctx, found); err != nil {
		return err
	}
	if err := s.endBackends(ctx); err != nil {
		return err
	}
	if err := s.place.clearStale(stale); err != nil {
		return err
	}
	began := time.Now()
	log, err := s.openLog()
	if err != nil {
		return err
	}
	defer log.Close()
	from := size(log)
	g, err := startGuard(s.place, s.place.file("users.fifo"), s.command(found), log)
	if err != nil {
		return err
	}
	s.launched = g
	if err := s.awaitReady(ctx, g); err != nil {
		return fmt.Errorf("%w%s", err, s.said(from))
	}
	s.log.Info("private postgres started", "pid", g.server, "version", found.version, "took", time.Since(began).Round(time.Millisecond))
	return nil
}

// awaitReady waits for the postmaster that g started.
func (s *Server) awaitReady(ctx context.Context, g *guard) error {
	for {
		found, err := s.place.look()
		if err != nil {
			return err
		}
		if found.alive && found.pid == g.server && found.status == statusReady {
			return nil
		}
		if g.ended() {
			return errors.New("start Postgres: it ended at once")
		}
		if err := pause(ctx, pollEvery); err != nil {
			return fmt.Errorf("wait for Postgres to start: %w", err)
		}
	}
}

// endBackends waits for the backends that outlived a killed server, and tells
// them to go: they hold memory that keeps a new one from starting, and nothing
// they could still do would be kept. SIGQUIT is what their server would send.
func (s *Server) endBackends(ctx context.Context) error {
	for {
		left := backendsIn(s.place.data)
		if len(left) == 0 {
			return nil
		}
		for _, pid := range left {
			if err := syscall.Kill(pid, syscall.SIGQUIT); err != nil && !errors.Is(err, syscall.ESRCH) {
				return fmt.Errorf("end process %d of a Postgres that was killed: %w", pid, err)
			}
		}
		if err := pause(ctx, pollEvery); err != nil {
			return fmt.Errorf("wait for process %d of a Postgres that was killed: %w", left[0], err)
		}
	}
}

// command is how Postgres is called. What stands here is law and beats
// postgresql.conf; what may be tuned stands there.
func (s *Server) command(b binaries) []string {
	args := []string{b.postgres(), "-D", s.place.data, "-p", port}
	law := []string{
		"listen_addresses=",
		"unix_socket_directories=" + quoteList(s.place.socket),
		"unix_socket_permissions=0700",
		"logging_collector=off", "log_destination=stderr",
		// Statements and details hold readers' addresses; logs must not.
		"log_min_error_statement=panic", "log_error_verbosity=terse",
	}
	if s.options.Throwaway {
		law = append(law, "fsync=off", "full_page_writes=off",
			"max_connections=500") // all the tests of a machine at once
	} else {
		law = append(law, "fsync=on", "full_page_writes=on")
	}
	for _, setting := range law {
		args = append(args, "-c", setting)
	}
	return args
}

// quoteList writes one path as an element of a comma-separated setting.
func quoteList(path string) string { return `"` + strings.ReplaceAll(path, `"`, `""`) + `"` }

// makeCluster makes a cluster if there is none. It is made beside its place
// and renamed, so that a cluster that exists is whole.
func (s *Server) makeCluster(ctx context.Context, b binaries) error {
	p := s.place
	if _, err := os.Stat(filepath.Join(p.data, "PG_VERSION")); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	began := time.Now()
	tmp := p.data + ".tmp"
	if err := os.RemoveAll(tmp); err != nil {
		return fmt.Errorf("remove a half-made cluster: %w", err)
	}
	if err := errors.Join(os.Mkdir(tmp, 0o700), p.account.give(tmp)); err != nil {
		return fmt.Errorf("make a cluster: %w", err)
	}
	if err := s.initdb(ctx, b, tmp); err != nil {
		return err
	}
	if err := appendSettings(tmp, settings(memory())); err != nil {
		return fmt.Errorf("write postgresql.conf: %w", err)
	}
	if !s.options.Throwaway {
		if err := syncTree(tmp); err != nil {
			return fmt.Errorf("sync the new cluster: %w", err)
		}
	}
	// An empty directory in the way is replaced; one with something in it is not.
	if err := os.Rename(tmp, p.data); err != nil {
		return fmt.Errorf("put the new cluster in place: %w", err)
	}
	s.log.Info("private postgres cluster made", "dir", p.data, "version", b.version, "took", time.Since(began).Round(time.Millisecond))
	return syncTree(p.root)
}

// initdb runs initdb as the account. The locale is C: sorting and the bytes of
// an index then never depend on the C library's version, and Courant folds
// case itself. Nobody gets in by TCP, whoever starts the cluster by hand.
func (s *Server) initdb(ctx context.Context, b binaries, dir string) error {
	args := []string{"-D", dir, "-U", roleName, "--auth-local=trust", "--auth-host=reject",
		"--encoding=UTF8", "--locale=C", "--data-checksums"}
	if s.options.Throwaway {
		args = append(args, "--no-sync")
	} else {
		args = append(args, initdbSync()...)
	}
	cmd := exec.CommandContext(ctx, b.initdb(), args...)
	cmd.Dir = "/"
	cmd.Env = childEnv()
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.place.account.credential()}
	out, err := runMortal(cmd)
	if err != nil {
		return fmt.Errorf("make a cluster with %s: %w: %s", b.initdb(), err, lastLines(out))
	}
	return nil
}

// settings is what a cluster begins with: for a small machine and short
// transactions, with room for an import's write-ahead log.
func settings(memory int64) string {
	const mega = 1 << 20
	buffers := int64(128)
	if memory > 0 {
		buffers = min(max(memory/mega/8, 32), 512)
	}
	return `
# Added by Courant when it made this cluster. Yours to tune: Courant only
# insists on what it says on the command line (socket, durability, log).
listen_addresses = ''
unix_socket_permissions = 0700
max_connections = 200
shared_buffers = ` + strconv.FormatInt(buffers, 10) + `MB
max_wal_size = 2GB
checkpoint_timeout = 15min
random_page_cost = 1.1
jit = off
timezone = 'UTC'
log_timezone = 'UTC'
log_checkpoints = off
`
}

// appendSettings writes to the new cluster's postgresql.conf, which the
// account owns: os.Root keeps a link in it from leading anywhere.
func appendSettings(dir, text string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	conf, err := root.OpenFile("postgresql.conf", os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	_, err = conf.WriteString(text)
	return errors.Join(err, conf.Close())
}
