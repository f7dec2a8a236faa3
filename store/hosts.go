package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"courant/digest"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

// Hosts lists the hosts that worked this database, the last one first.
func (s *Store) Hosts(ctx context.Context) ([]digest.Host, error) {
	var hosts []digest.Host
	err := s.db.SelectContext(ctx, &hosts, `
		SELECT id, name, data_dir, found_at, pulse, seen
		FROM hosts
		ORDER BY seen DESC, id`)
	if err != nil {
		return nil, fmt.Errorf("list hosts: %w", err)
	}
	return hosts, nil
}

// AddHost makes a host known. With only, it does so for the very first one, and
// says whether this was it.
func (s *Store) AddHost(ctx context.Context, h digest.Host, only bool) (added bool, err error) {
	err = s.tx(ctx, func(tx *sqlx.Tx) error {
		// Of several that start together one is the first.
		if _, err := tx.ExecContext(ctx, `LOCK TABLE hosts IN SHARE ROW EXCLUSIVE MODE`); err != nil {
			return err
		}
		r, err := tx.ExecContext(ctx, `
			INSERT INTO hosts (id, name, data_dir, found_at)
			SELECT $1, $2, $3, $4
			WHERE NOT ($5 AND EXISTS (SELECT 1 FROM hosts))`, h.ID, h.Name, h.DataDir, h.FoundAt, only)
		if err != nil {
			return err
		}
		n, err := r.RowsAffected()
		added = n > 0
		return err
	})
	if err != nil {
		return false, fmt.Errorf("make host %s known: %w", h.Name, err)
	}
	return added, nil
}

// PulseHost counts a host's pulse on and returns it. digest.ErrNotFound where
// the host is unknown, or remembers a pulse that never was here: this database
// is a copy, from before that. What foundAt says is kept for hosts that begin
// later.
func (s *Store) PulseHost(ctx context.Context, id string, remembered int64, foundAt string) (pulse int64, err error) {
	err = s.db.GetContext(ctx, &pulse, `
		UPDATE hosts
		SET pulse = pulse + 1, seen = clock_timestamp(), found_at = $3
		WHERE id = $1 AND pulse >= $2
		RETURNING pulse`, id, remembered, foundAt)
	if err != nil {
		return 0, fmt.Errorf("count the host's pulse: %w", found(err))
	}
	return pulse, nil
}

// Cluster names the database within its server, and the server by what initdb
// gave it: a dump that is restored elsewhere has another name, a replica that
// takes over has the same.
func (s *Store) Cluster(ctx context.Context) (name string, err error) {
	err = s.db.GetContext(ctx, &name, `
		SELECT c.system_identifier || '/' || d.oid
		FROM pg_control_system() c, pg_database d
		WHERE d.datname = current_database()`)
	var pe *pq.Error
	if errors.As(err, &pe) && (pe.Code == "42501" || pe.Code == "42883") { // not allowed, or not Postgres itself
		err = s.db.GetContext(ctx, &name, `SELECT d.oid FROM pg_database d WHERE d.datname = current_database()`)
	}
	if err != nil {
		return "", fmt.Errorf("read the server's identity: %w", err)
	}
	return name, nil
}

// Origin names what no copy of this database has in common with it: server and
// database, the tables, which a dump that is read back makes or empties, and how often
// the server was taken back to a moment or took over from another. Empty where
// the server doesn't say. Copies of a running server's disk have the same.
func (s *Store) Origin(ctx context.Context) (name string, err error) {
	err = s.db.GetContext(ctx, &name, `
		SELECT concat_ws('/', c.system_identifier, d.oid, 'hosts'::regclass::oid, pg_relation_filenode('hosts'), k.timeline_id)
		FROM pg_control_system() c, pg_control_checkpoint() k, pg_database d
		WHERE d.datname = current_database()`)
	var pe *pq.Error
	if errors.As(err, &pe) && (pe.Code == "42501" || pe.Code == "42883") { // not allowed, or not Postgres itself
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read the server's identity: %w", err)
	}
	return name, nil
}

// GiveUp ends what a restored database still has open, so that nothing of it
// is sent: editions that are not finished are abandoned, slots up to now are
// not owed any more. It returns the editions.
func (s *Store) GiveUp(ctx context.Context, now time.Time) (editions []digest.EditionID, err error) {
	const reason = "given up when the database was adopted"
	err = s.tx(ctx, func(tx *sqlx.Tx) error {
		err := tx.SelectContext(ctx, &editions, `
			UPDATE editions
			SET state = 'abandoned', held_reason = '', finished_at = clock_timestamp()
			WHERE state IN ('open', 'sending', 'held')
			RETURNING id`)
		if err != nil {
			return fmt.Errorf("abandon editions: %w", err)
		}
		_, err = tx.ExecContext(ctx, `
			UPDATE slots
			SET state = 'skipped', reason = $2, decided_at = clock_timestamp()
			WHERE state = 'owed' AND instant <= $1`, now, reason)
		if err != nil {
			return fmt.Errorf("skip slots: %w", err)
		}
		// Slots since the backup have no rows: they are not looked for.
		if _, err := tx.ExecContext(ctx, `UPDATE timetables SET through = GREATEST(through, $1), since = GREATEST(since, $1)`, now); err != nil {
			return fmt.Errorf("move the timetables: %w", err)
		}
		return nil
	})
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("give up what is open: %w", err)
	}
	return editions, nil
}
