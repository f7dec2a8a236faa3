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

// JoinLanes makes n lanes for a process, under a lease that runs by the
// database's clock.
func (s *Store) JoinLanes(ctx context.Context, o digest.Owner, n int, lease time.Duration) ([]digest.Lane, error) {
	var lanes []digest.Lane
	err := s.db.SelectContext(ctx, &lanes, `
		INSERT INTO lanes (owner, host, boot, journal, lease_until)
		SELECT $1, $2, $3, $4, clock_timestamp() + $5 * interval '1 millisecond'
		FROM generate_series(1, $6)
		RETURNING id, fence`,
		o.ID, o.Host, o.Boot, o.Journal, lease.Milliseconds(), n)
	if err != nil {
		return nil, fmt.Errorf("join with %d lanes: %w", n, err)
	}
	return lanes, nil
}

// RenewLanes extends the lease of a process's lanes and returns those it
// still holds: a lane that is missing was taken over, and its rows are gone.
func (s *Store) RenewLanes(ctx context.Context, owner string, lease time.Duration) ([]digest.Lane, error) {
	var lanes []digest.Lane
	err := s.db.SelectContext(ctx, &lanes, `
		WITH ours AS MATERIALIZED (
			SELECT id FROM lanes WHERE owner = $1 ORDER BY id FOR NO KEY UPDATE
		)
		UPDATE lanes l
		SET lease_until = clock_timestamp() + $2 * interval '1 millisecond'
		FROM ours
		WHERE l.id = ours.id
		RETURNING l.id, l.fence`, owner, lease.Milliseconds())
	if err != nil {
		return nil, fmt.Errorf("renew the lease: %w", err)
	}
	return lanes, nil
}

// LeaveLanes gives up a process's lanes in good order: what they claimed and
// did not send is queued again. Rows still sending stay for whoever takes the
// lane over.
func (s *Store) LeaveLanes(ctx context.Context, owner string) error {
	return s.retried(ctx, func(tx *sqlx.Tx) error {
		// Waits for claims that the process gave up on and Postgres did not.
		_, err := tx.ExecContext(ctx, `SELECT id FROM lanes WHERE owner = $1 ORDER BY id FOR UPDATE`, owner)
		if err != nil {
			return fmt.Errorf("lock lanes: %w", err)
		}
		_, err = tx.ExecContext(ctx, requeue+`
			  AND d.state = 'claimed' AND d.lane IN (SELECT id FROM lanes WHERE owner = $1)`, owner)
		if err != nil {
			return fmt.Errorf("give claims back: %w", err)
		}
		_, err = tx.ExecContext(ctx, `
			DELETE FROM lanes
			WHERE owner = $1 AND id NOT IN (
				SELECT d.lane FROM deliveries d
				WHERE d.lane IS NOT NULL AND d.edition_id IN (SELECT id FROM editions WHERE state <> 'done'))`, owner)
		if err != nil {
			return fmt.Errorf("leave lanes: %w", err)
		}
		return nil
	})
}

// MoveFence is for a lane that cannot know what it holds, because the answer
// to a claim never came or claims could not be given back: it moves the lane's
// fence on and queues again what the lane had claimed. What it was sending is
// still settled under the old fence. digest.ErrLaneLost when the lane is not
// the caller's any more.
func (s *Store) MoveFence(ctx context.Context, lane digest.Lane) (moved digest.Lane, err error) {
	err = s.retried(ctx, func(tx *sqlx.Tx) error {
		// A claim under way holds the lane's row, so this waits for its end; one
		// that comes later finds the fence moved.
		var there bool
		err := tx.GetContext(ctx, &there, `SELECT true FROM lanes WHERE id = $1 AND fence = $2 FOR UPDATE`, int64(lane.ID), lane.Fence)
		if errors.Is(err, sql.ErrNoRows) {
			return digest.ErrLaneLost
		}
		if err != nil {
			return err
		}
		if err := tx.GetContext(ctx, &moved, `UPDATE lanes SET fence = fence + 1 WHERE id = $1 RETURNING id, fence`, int64(lane.ID)); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, requeue+` AND d.state = 'claimed' AND d.lane = $1`, int64(lane.ID))
		return err
	})
	if err != nil {
		return lane, fmt.Errorf("move the fence of lane %d: %w", lane.ID, err)
	}
	return moved, nil
}

// requeue puts rows back to queued, to be found by their not_before. The rows
// of a lane can only lie in editions that are not done.
const requeue = `
	UPDATE deliveries d
	SET state = 'queued', not_before = clock_timestamp(), lane = NULL, fence = NULL, seq = NULL
	WHERE d.edition_id IN (SELECT id FROM editions WHERE state <> 'done')`

// overdueLane is a process whose lease is over; without an owner there is none.
type overdueLane struct {
	At, Server           time.Time
	Owner, Host, Journal string
	Boot                 string
}

// LostOwners lists the processes, other than self, with lanes whose lease is
// over, and says when it looked.
func (s *Store) LostOwners(ctx context.Context, self string) (seen digest.Overdue, err error) {
	var rows []overdueLane
	err = s.db.SelectContext(ctx, &rows, `
		SELECT now.at, pg_postmaster_start_time() AS server, COALESCE(l.owner, '') AS owner,
		       COALESCE(l.host, '') AS host, COALESCE(l.boot, '') AS boot, COALESCE(l.journal, '') AS journal
		FROM (SELECT clock_timestamp() AS at) now
		LEFT JOIN (
			SELECT DISTINCT owner, host, boot, journal
			FROM lanes
			WHERE owner <> $1 AND lease_until < clock_timestamp()
		) l ON true`, self)
	if err != nil {
		return seen, fmt.Errorf("look for lost lanes: %w", err)
	}
	for _, r := range rows {
		seen.At, seen.Server = r.At, r.Server
		if r.Owner != "" {
			seen.Owners = append(seen.Owners, digest.Owner{ID: r.Owner, Host: r.Host, Boot: r.Boot, Journal: r.Journal})
		}
	}
	return seen, nil
}

// TakeOver moves the fence of a lost process's lanes on and ends what they
// held: claimed rows are queued again, rows that were sending become what
// judge says of them. It returns what judge said.
//
// A lease must be over, and nothing is taken after until, by the database's
// clock: a call that hung as the database did must not be the first one that
// runs when it is back. Where until is zero the process is known to be dead,
// and is taken over before its lease ends; what it had asked of Postgres may
// still be under way then and is waited for.
func (s *Store) TakeOver(ctx context.Context, owner string, until time.Time, judge func([]digest.Stranded) []digest.Salvage) ([]digest.Salvage, error) {
	var salvaged []digest.Salvage
	dead := until.IsZero()
	err := s.retried(ctx, func(tx *sqlx.Tx) error {
		// Every claim, intent and verdict holds its lane's row: once the rows are
		// ours, all that the process claimed or said is committed and seen by the
		// statements below.
		salvaged = nil
		lock := `FOR UPDATE`
		if !dead {
			lock = `FOR UPDATE SKIP LOCKED` // somebody else is at it, or it claims: it lives
		}
		var lanes []int64
		err := tx.SelectContext(ctx, &lanes, `
			WITH lost AS (
				SELECT id FROM lanes
				WHERE owner = $1 AND ($2 OR lease_until < clock_timestamp() AND clock_timestamp() < $3)
				ORDER BY id `+lock+`
			)
			DELETE FROM lanes l USING lost WHERE l.id = lost.id
			RETURNING l.id`, owner, dead, until)
		if err != nil || len(lanes) == 0 {
			return err
		}
		if err := lockStranded(ctx, tx, lanes); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, requeue+` AND d.state = 'claimed' AND d.lane = ANY ($1::bigint[])`, pq.Array(lanes)); err != nil {
			return fmt.Errorf("queue lost claims again: %w", err)
		}
		stranded, err := strandedRows(ctx, tx, lanes)
		if err != nil {
			return err
		}
		salvaged = judge(stranded)
		return salvage(ctx, tx, salvaged)
	})
	if err != nil {
		return nil, fmt.Errorf("take over lanes of %s: %w", owner, err)
	}
	return salvaged, nil
}

// lockStranded locks the readers of what lost lanes were sending, before any
// delivery, as a leaving and a refusal do: one of them may turn out to be gone.
func lockStranded(ctx context.Context, tx *sqlx.Tx, lanes []int64) error {
	_, err := tx.ExecContext(ctx, `
		SELECT id
		FROM readers
		WHERE id IN (
			SELECT d.reader_id FROM deliveries d
			WHERE d.edition_id IN (SELECT id FROM editions WHERE state <> 'done')
			  AND d.state = 'sending' AND d.lane = ANY ($1::bigint[]))
		ORDER BY id
		FOR NO KEY UPDATE`, pq.Array(lanes))
	if err != nil {
		return fmt.Errorf("lock the readers of lost lanes: %w", err)
	}
	return nil
}

func strandedRows(ctx context.Context, tx *sqlx.Tx, lanes []int64) ([]digest.Stranded, error) {
	var rows []struct {
		EditionID, ReaderID, Lane int64
		Seq                       int
	}
	err := tx.SelectContext(ctx, &rows, `
		SELECT d.edition_id, d.reader_id, d.lane, d.seq
		FROM deliveries d
		WHERE d.edition_id IN (SELECT id FROM editions WHERE state <> 'done')
		  AND d.state = 'sending' AND d.lane = ANY ($1::bigint[])
		ORDER BY d.lane, d.seq, d.edition_id, d.reader_id
		FOR UPDATE`, pq.Array(lanes))
	if err != nil {
		return nil, fmt.Errorf("read what lost lanes were sending: %w", err)
	}
	stranded := make([]digest.Stranded, len(rows))
	for i, r := range rows {
		stranded[i] = digest.Stranded{
			Lane: digest.LaneID(r.Lane), State: digest.Sending, Seq: r.Seq,
			Ref: digest.Ref{Edition: digest.EditionID(r.EditionID), Reader: digest.ReaderID(r.ReaderID)},
		}
	}
	return stranded, nil
}

func salvage(ctx context.Context, tx *sqlx.Tx, list []digest.Salvage) error {
	var editions, readers []int64
	var states, replies, classes []string
	var attempts []int64
	for _, v := range list {
		editions, readers = append(editions, int64(v.Ref.Edition)), append(readers, int64(v.Ref.Reader))
		states, replies, classes = append(states, string(v.State)), append(replies, v.Reply), append(classes, string(v.Class))
		n := int64(0)
		if v.Attempt {
			n = 1
		}
		attempts = append(attempts, n)
	}
	_, err := tx.ExecContext(ctx, `
		UPDATE deliveries d
		SET state = u.state, attempts = d.attempts + u.attempts, reply = COALESCE(NULLIF(u.reply, ''), d.reply),
		    class = COALESCE(NULLIF(u.class, ''), d.class), lane = NULL, fence = NULL, seq = NULL,
		    not_before = CASE WHEN u.state = 'queued' THEN clock_timestamp() END,
		    settled_at = CASE WHEN u.state <> 'queued' THEN clock_timestamp() END
		FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::bigint[])
		     AS u (edition_id, reader_id, state, reply, class, attempts)
		WHERE d.edition_id = u.edition_id AND d.reader_id = u.reader_id AND d.state = 'sending'`,
		pq.Array(editions), pq.Array(readers), pq.Array(states), pq.Array(replies), pq.Array(classes), pq.Array(attempts))
	if err != nil {
		return fmt.Errorf("settle what lost lanes were sending: %w", err)
	}
	for _, v := range list {
		if v.State != digest.Refused || v.Class != digest.ClassHard {
			continue
		}
		// The conclusion that Commit draws from the same refusal.
		o := digest.Outcome{Verdict: digest.VerdictRefused, Class: v.Class, Reply: digest.Reply{Status: v.Status, Text: v.Reply}}
		if err := noteRefusal(ctx, tx, digest.Settlement{Ref: v.Ref, Outcome: o}); err != nil {
			return err
		}
	}
	return nil
}
