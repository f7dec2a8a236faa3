package store

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"github.com/jmoiron/sqlx"
)

//go:embed migrations/*.sql
var migrations embed.FS

// migrateLock is held while the schema changes, so that several processes
// that start together migrate one after the other.
const migrateLock = 0x636f7572616e74 // "courant"

// Migrated is what Migrate did.
type Migrated struct {
	From, To int // schema versions; equal: nothing was to do
}

// Migrate brings the schema up to date: each numbered file once, forward
// only, each in a transaction of its own, all under one lock. A schema newer
// than this program is an error.
func (s *Store) Migrate(ctx context.Context) (m Migrated, err error) {
	files, err := migrationFiles()
	if err != nil {
		return m, err
	}
	conn, err := s.db.Connx(ctx)
	if err != nil {
		return m, fmt.Errorf("reach database: %w", err)
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	// The lock is one per schema: databases are shared by tests.
	if _, err := conn.ExecContext(ctx, `SELECT pg_advisory_lock($1::bigint # hashtext(current_schema()))`, int64(migrateLock)); err != nil {
		return m, fmt.Errorf("lock the schema: %w", err)
	}
	defer func() {
		_, uerr := conn.ExecContext(context.WithoutCancel(ctx), `SELECT pg_advisory_unlock($1::bigint # hashtext(current_schema()))`, int64(migrateLock))
		err = errors.Join(err, uerr)
	}()
	if m.From, err = schemaVersion(ctx, conn); err != nil {
		return m, err
	}
	m.To = m.From
	if m.From > len(files) {
		return m, fmt.Errorf("the database has schema version %d and this Courant knows %d: it was used by a newer Courant, run that one", m.From, len(files))
	}
	for _, f := range files[m.From:] {
		if err := applyMigration(ctx, conn, f); err != nil {
			return m, err
		}
		m.To = f.version
	}
	return m, renewCanonicals(ctx, conn)
}

type migration struct {
	version int
	name    string
	sql     string
}

// migrationFiles reads the migrations in order and checks that their numbers
// run from 1 without a gap.
func migrationFiles() ([]migration, error) {
	names, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return nil, fmt.Errorf("list migrations: %w", err)
	}
	files := make([]migration, len(names))
	for i, name := range names {
		body, err := migrations.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("read migration: %w", err)
		}
		number, _, _ := strings.Cut(strings.TrimPrefix(name, "migrations/"), "_")
		if n, err := strconv.Atoi(number); err != nil || n != i+1 {
			return nil, fmt.Errorf("migration %s is not number %d", name, i+1)
		}
		files[i] = migration{i + 1, name, string(body)}
	}
	return files, nil
}

func schemaVersion(ctx context.Context, conn *sqlx.Conn) (version int, err error) {
	_, err = conn.ExecContext(ctx, `
		CREATE TABLE IF NOT EXISTS schema_versions (
			version    integer PRIMARY KEY,
			name       text NOT NULL,
			applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
		)`)
	if err != nil {
		return 0, fmt.Errorf("prepare the schema: %w", err)
	}
	if err := conn.GetContext(ctx, &version, `SELECT COALESCE(max(version), 0) FROM schema_versions`); err != nil {
		return 0, fmt.Errorf("read schema version: %w", err)
	}
	return version, nil
}

func applyMigration(ctx context.Context, conn *sqlx.Conn, f migration) error {
	tx, err := conn.BeginTxx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	_, err = tx.ExecContext(ctx, f.sql)
	if err == nil {
		_, err = tx.ExecContext(ctx, `INSERT INTO schema_versions (version, name) VALUES ($1, $2)`, f.version, f.name)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("apply %s: %w", f.name, err), tx.Rollback())
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit %s: %w", f.name, err)
	}
	return nil
}
