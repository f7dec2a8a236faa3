// Package store keeps Courant's state in Postgres: one file per noun, one
// exported method per act, one transaction per method. The queries stand in
// the functions that run them.
//
// Postgres is authoritative for everything: leases run by its clock, an
// edition exists once because a UNIQUE constraint says so, and a delivery's
// state changes only by an UPDATE that names the state it leaves.
package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

// Store is an open database. It is safe for concurrent use.
type Store struct {
	db    *sqlx.DB
	lines *lines

	mu       sync.Mutex
	prepared map[string]*sqlx.Stmt
}

// Open connects to the Postgres at dsn, which is a URL or lib/pq's key=value
// form; where it leaves sslmode out, prefer is meant, as in libpq. The schema
// is the first of the connection's search_path. Open does not migrate.
func Open(ctx context.Context, dsn string) (*Store, error) {
	connector, lines, err := watched(withSSLMode(dsn))
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	return open(ctx, connector, lines)
}

func open(ctx context.Context, connector driver.Connector, lines *lines) (*Store, error) {
	db := sqlx.NewDb(sql.OpenDB(connector), "postgres")
	db.MapperFunc(snakeCase)
	db.SetMaxOpenConns(24)
	db.SetMaxIdleConns(8)
	db.SetConnMaxIdleTime(5 * time.Minute)
	s := &Store{db: db, lines: lines, prepared: map[string]*sqlx.Stmt{}}
	if err := s.Ping(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// withSSLMode names the mode, because lib/pq's own default (require) fails at
// a server without TLS.
func withSSLMode(dsn string) string {
	switch {
	case strings.Contains(dsn, "sslmode=") || os.Getenv("PGSSLMODE") != "":
		return dsn
	case !strings.HasPrefix(dsn, "postgres://") && !strings.HasPrefix(dsn, "postgresql://"):
		return dsn + " sslmode=prefer"
	case strings.Contains(dsn, "?"):
		return dsn + "&sslmode=prefer"
	}
	return dsn + "?sslmode=prefer"
}

// Ping says whether the database answers.
func (s *Store) Ping(ctx context.Context) error {
	if err := s.db.PingContext(ctx); err != nil {
		return fmt.Errorf("reach database: %w", err)
	}
	return nil
}

// Close gives all connections back.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, stmt := range s.prepared {
		// The connections go with the pool below; only its error counts.
		_ = stmt.Close()
	}
	s.prepared = map[string]*sqlx.Stmt{}
	err := s.db.Close()
	s.lines.close()
	if err != nil {
		return fmt.Errorf("close database: %w", err)
	}
	return nil
}

// stmt prepares a query once; database/sql prepares it again on each new
// connection by itself. Only for queries on the hot path.
func (s *Store) stmt(ctx context.Context, query string) (*sqlx.Stmt, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if st, ok := s.prepared[query]; ok {
		return st, nil
	}
	st, err := s.db.PreparexContext(ctx, query)
	if err != nil {
		return nil, fmt.Errorf("prepare: %w", err)
	}
	s.prepared[query] = st
	return st, nil
}

// idleTime is how long a transaction may wait for us. A process that stands
// still in the middle of one (a stopped container, a laptop that sleeps) must
// not keep from others what it has locked, a dead process's lanes least of all.
// What the database's owner has set instead stays.
const idleTime = `
	SELECT set_config('idle_in_transaction_session_timeout', '1min', true)
	WHERE current_setting('idle_in_transaction_session_timeout') = '0'`

// tx runs act in one transaction and rolls back whatever it leaves undone.
func (s *Store) tx(ctx context.Context, act func(*sqlx.Tx) error) error {
	return s.txOf(ctx, nil, act)
}

// txOf is tx for a transaction of another kind than the usual; nil: as usual.
func (s *Store) txOf(ctx context.Context, kind *sql.TxOptions, act func(*sqlx.Tx) error) (err error) {
	tx, err := s.db.BeginTxx(ctx, kind)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer func() {
		if rerr := tx.Rollback(); rerr != nil && !errors.Is(rerr, sql.ErrTxDone) && err == nil {
			err = fmt.Errorf("roll back: %w", rerr)
		}
	}()
	if _, err := tx.ExecContext(ctx, idleTime); err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	if err := act(tx); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

// Away says whether an error means that the database cannot be reached or is
// stopping or starting, so that the same act is worth another try: SQLSTATE
// classes 08 and 57P, a lost connection, a deadline inside the database
// (57014), a transaction that we kept waiting too long (25P03) and
// serialization failures (40001, 40P01).
func Away(err error) bool {
	var pe *pq.Error
	if errors.As(err, &pe) {
		return pe.Code.Class() == "08" || strings.HasPrefix(string(pe.Code), "57P") ||
			pe.Code == "57014" || pe.Code == "25P03" || pe.Code == "40001" || pe.Code == "40P01" || pe.Code == "53300"
	}
	var ne net.Error
	return errors.As(err, &ne) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone)
}

// Refused says whether an error means that the same act will never be taken:
// what it says is no value of its type (SQLSTATE class 22), or breaks a
// constraint (23).
func Refused(err error) bool {
	var pe *pq.Error
	return errors.As(err, &pe) && (pe.Code.Class() == "22" || pe.Code.Class() == "23")
}

// snakeCase is the column of a field: FirstSeen -> first_seen, URL -> url,
// ReaderID -> reader_id.
func snakeCase(field string) string {
	var b strings.Builder
	for i := 0; i < len(field); i++ {
		c := field[i]
		upper := c >= 'A' && c <= 'Z'
		if upper && i > 0 && (lower(field[i-1]) || i+1 < len(field) && lower(field[i+1])) {
			b.WriteByte('_')
		}
		if upper {
			c += 'a' - 'A'
		}
		b.WriteByte(c)
	}
	return b.String()
}

func lower(c byte) bool { return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' }

// zeroNull makes the zero time NULL.
func zeroNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// emptyNull makes the empty string NULL.
func emptyNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// Installation is the identity of the database, made with its schema.
func (s *Store) Installation(ctx context.Context) (id string, err error) {
	if err := s.db.GetContext(ctx, &id, `SELECT id FROM installation`); err != nil {
		return "", fmt.Errorf("read the database's identity: %w", err)
	}
	return id, nil
}
