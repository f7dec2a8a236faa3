// Package storetest gives every test a Postgres schema of its own, empty, in a
// server that all test processes of a run share.
//
// The server is the one COURANT_TEST_DATABASE names, or else a private one
// under the system's temporary directory, the same for every run of one OS
// user. It is started by the first test process that needs it and stops by
// itself when the last one ends; its files stay, so that the next run begins
// in a tenth of a second. A machine without Postgres skips the tests, which is
// a failure where CI is set.
//
// Each test process holds an advisory lock that carries its number, and its
// schemas carry the number too. The database is authoritative: a schema whose
// lock nobody holds belongs to a run that was killed, and whoever comes next
// drops it.
package storetest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/lib/pq"

	"courant/store/local"
)

// lockClass is the first half of the advisory locks' keys.
const lockClass = 0x636f7572 // "cour"

// patience bounds all that could wait for another process.
const patience = time.Minute

// DSN is a connection string for an empty schema, the first and only one of
// its search_path. The schema is dropped when the test ends; a transaction
// that is still open in it then fails the test.
func DSN(t testing.TB) string {
	t.Helper()
	r, err := shared()
	if err != nil {
		giveUp(t, err)
	}
	schema, err := r.createSchema(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.dropSchema(schema); err != nil {
			t.Error(err)
		}
	})
	return withSetting(r.dsn, "search_path", schema)
}

// Server is a private Postgres for this test alone, which may kill it. It is
// stopped and removed when the test ends.
func Server(t testing.TB) *local.Server {
	t.Helper()
	return NewStoppable(t).Server
}

// NewStoppable is Server for a test that also stops and starts it.
func NewStoppable(t testing.TB) *Stoppable {
	t.Helper()
	base, err := baseDir()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp(base, ownPrefix)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	// Started by root, Postgres runs as another user, who must pass here.
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	s := &Stoppable{t: t, dir: dir}
	s.Start()
	t.Cleanup(s.Stop)
	return s
}

// Stoppable is a Postgres that a test stops and starts.
type Stoppable struct {
	*local.Server // nil: it is stopped
	t             testing.TB
	dir           string
}

// Start starts it, where it was before and with what is in it.
func (s *Stoppable) Start() {
	s.t.Helper()
	// It outlives the test's own context, which ends before its last acts.
	server, err := local.Start(context.WithoutCancel(s.t.Context()), local.Options{DataDir: s.dir, Throwaway: true})
	if err != nil {
		giveUp(s.t, err)
	}
	s.Server = server
}

// Stop ends it, and every session with it.
func (s *Stoppable) Stop() {
	s.t.Helper()
	if s.Server == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := s.Close(ctx); err != nil {
		s.t.Error(err)
	}
	s.Server = nil
}

// giveUp skips a test that has no Postgres, unless nobody would notice.
func giveUp(t testing.TB, err error) {
	t.Helper()
	if errors.Is(err, local.ErrNoPostgres) && os.Getenv("CI") == "" {
		t.Skipf("%v, or set COURANT_TEST_DATABASE", err)
	}
	t.Fatalf("no Postgres for this test: %v", err)
}

// shared is this process's part in the run. It is the one thing here that
// outlives a test: the server is the process's, and go test gives no later
// moment to end it than the process's own end, which the server notices.
var shared = sync.OnceValues(begin)

// A run is what one test process holds of the shared server.
type run struct {
	dsn  string
	db   *sql.DB
	id   int32
	last atomic.Int64 // the number of the newest schema
}

func begin() (*run, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	dsn, err := findServer(ctx)
	if err != nil {
		return nil, err
	}
	connector, err := pq.NewConnector(dsn)
	if err != nil {
		return nil, fmt.Errorf("read COURANT_TEST_DATABASE: %w", err)
	}
	r := &run{dsn: dsn, db: sql.OpenDB(connector), id: rand.Int32()}
	conn, err := r.db.Conn(ctx)
	if err != nil {
		return nil, fmt.Errorf("reach the test database: %w", err)
	}
	// The session stays open to the end of the process: it holds the lock.
	if _, err := conn.ExecContext(ctx, "SELECT pg_advisory_lock($1, $2)", lockClass, r.id); err != nil {
		return nil, fmt.Errorf("lock the run: %w", err)
	}
	return r, sweep(ctx, conn)
}

// findServer is where the shared database is.
func findServer(ctx context.Context) (string, error) {
	if dsn := os.Getenv("COURANT_TEST_DATABASE"); dsn != "" {
		if !strings.Contains(dsn, "sslmode") {
			dsn = withSetting(dsn, "sslmode", "prefer") // lib/pq's own default fails without TLS
		}
		return dsn, nil
	}
	base, err := baseDir()
	if err != nil {
		return "", err
	}
	sweepOwn(base)
	server, err := local.Start(ctx, local.Options{DataDir: filepath.Join(base, "shared"), Throwaway: true})
	if err != nil {
		return "", err
	}
	return server.DSN(), nil
}

// baseDir is this OS user's directory for test clusters. Its name can be
// guessed, so it counts only if it is a directory of ours.
func baseDir() (string, error) {
	dir := filepath.Join(os.TempDir(), "courant-test-"+strconv.Itoa(os.Geteuid()))
	mode := os.FileMode(0o700)
	if os.Geteuid() == 0 {
		mode = 0o711
	}
	if err := os.Mkdir(dir, mode); err != nil && !errors.Is(err, os.ErrExist) {
		return "", fmt.Errorf("make a directory for test databases: %w", err)
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return "", fmt.Errorf("look at the directory for test databases: %w", err)
	}
	if !info.IsDir() || int(info.Sys().(*syscall.Stat_t).Uid) != os.Geteuid() {
		return "", fmt.Errorf("%s belongs to somebody else: remove it, or set COURANT_TEST_DATABASE", dir)
	}
	return dir, nil
}

// ownPrefix begins the directories of the clusters that Server makes.
const ownPrefix = "own-"

// sweepOwn removes the clusters of tests that were killed. No test runs for a
// day; what cannot be removed is left for another time.
func sweepOwn(base string) {
	dirs, _ := filepath.Glob(filepath.Join(base, ownPrefix+"*")) // the pattern is well-formed
	for _, dir := range dirs {
		if info, err := os.Stat(dir); err == nil && time.Since(info.ModTime()) > 24*time.Hour {
			os.RemoveAll(dir)
		}
	}
}

func (r *run) createSchema(ctx context.Context) (string, error) {
	schema := fmt.Sprintf("test_%d_%d", r.id, r.last.Add(1))
	if _, err := r.db.ExecContext(ctx, "CREATE SCHEMA "+schema); err != nil {
		return "", fmt.Errorf("make a schema: %w", err)
	}
	return schema, nil
}

// dropSchema waits for open transactions a little, not for ever.
func (r *run) dropSchema(schema string) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_, err := r.db.ExecContext(ctx, "SET lock_timeout = '10s'; DROP SCHEMA "+schema+" CASCADE; RESET lock_timeout")
	if err != nil {
		return fmt.Errorf("drop schema %s (is a transaction still open in it?): %w", schema, err)
	}
	return nil
}

// sweep drops the schemas of runs whose process is gone.
func sweep(ctx context.Context, conn *sql.Conn) error {
	schemas, err := testSchemas(ctx, conn)
	if err != nil {
		return err
	}
	for id, names := range schemas {
		if err := sweepRun(ctx, conn, id, names); err != nil {
			return fmt.Errorf("drop what a killed test left: %w", err)
		}
	}
	return nil
}

// testSchemas lists the schemas that exist by their run.
func testSchemas(ctx context.Context, conn *sql.Conn) (map[int32][]string, error) {
	rows, err := conn.QueryContext(ctx, `
		SELECT nspname, split_part(nspname, '_', 2)::int
		FROM pg_namespace
		WHERE nspname ~ '^test_[0-9]{1,10}_[0-9]+$'`)
	if err != nil {
		return nil, fmt.Errorf("list schemas: %w", err)
	}
	defer rows.Close()
	schemas := map[int32][]string{}
	for rows.Next() {
		var name string
		var id int32
		if err := rows.Scan(&name, &id); err != nil {
			return nil, fmt.Errorf("list schemas: %w", err)
		}
		schemas[id] = append(schemas[id], name)
	}
	return schemas, rows.Err()
}

// sweepRun drops the schemas of one run if its lock is free.
func sweepRun(ctx context.Context, conn *sql.Conn, id int32, schemas []string) error {
	var gone bool
	if err := conn.QueryRowContext(ctx, "SELECT pg_try_advisory_lock($1, $2)", lockClass, id).Scan(&gone); err != nil || !gone {
		return err
	}
	for _, schema := range schemas {
		if _, err := conn.ExecContext(ctx, "DROP SCHEMA IF EXISTS "+schema+" CASCADE"); err != nil {
			return err
		}
	}
	_, err := conn.ExecContext(ctx, "SELECT pg_advisory_unlock($1, $2)", lockClass, id)
	return err
}

// withSetting adds a setting to a connection string of either form.
func withSetting(dsn, name, value string) string {
	if u, err := url.Parse(dsn); err == nil && u.Scheme != "" {
		query := u.Query()
		query.Set(name, value)
		u.RawQuery = query.Encode()
		return u.String()
	}
	return dsn + " " + name + "=" + value
}
