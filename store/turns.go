package store

import (
	"context"
	"fmt"
	"time"

	"courant/digest"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

// longestRest is how long a server's last request matters to anybody: the
// longest pause that Courant makes is half a minute.
const longestRest = time.Minute

// JoinAskers makes a process known that is about to ask servers. It may ask
// as soon as none of the others is unaware of it. Those that come together come
// one after the other, so that the later one sees the earlier one.
func (s *Store) JoinAskers(ctx context.Context, lease time.Duration) (digest.Asker, error) {
	var a digest.Asker
	err := s.tx(ctx, func(tx *sqlx.Tx) error {
		if _, err := tx.ExecContext(ctx, `LOCK TABLE askers IN SHARE ROW EXCLUSIVE MODE`); err != nil {
			return err
		}
		err := tx.GetContext(ctx, &a.ID, `
			INSERT INTO askers (until)
			VALUES (clock_timestamp() + $1 * interval '1 microsecond')
			RETURNING id`, lease.Microseconds())
		if err != nil {
			return err
		}
		// It has seen those before it: it takes rows for turns while they live.
		if _, err := tx.ExecContext(ctx, `UPDATE askers SET seen = id WHERE id = $1`, int64(a.ID)); err != nil {
			return err
		}
		if a, err = standing(ctx, tx, a.ID); err != nil {
			return err
		}
		return recent(ctx, tx, &a)
	})
	if err != nil {
		return digest.Asker{}, fmt.Errorf("come to ask servers: %w", err)
	}
	return a, nil
}

// standing is an asker among the others. Of one that died nobody knows what it
// asked; it could until its lease was over.
func standing(ctx context.Context, q sqlx.QueryerContext, id digest.AskerID) (digest.Asker, error) {
	var row struct {
		Others, Unaware int
		Newest          int64
		Died            *int64
	}
	err := sqlx.GetContext(ctx, q, &row, `
		SELECT count(*) FILTER (WHERE id <> $1 AND until > statement_timestamp()) AS others,
		       count(*) FILTER (WHERE id <> $1 AND until > statement_timestamp() AND seen < $1) AS unaware,
		       COALESCE(max(id), 0) AS newest,
		       (extract(epoch FROM statement_timestamp() - max(until) FILTER (WHERE id <> $1 AND until <= statement_timestamp())) * 1000000)::bigint AS died
		FROM askers`, int64(id))
	a := digest.Asker{ID: id, Others: row.Others, Unaware: row.Unaware, Newest: digest.AskerID(row.Newest)}
	if row.Died != nil && *row.Died < longestRest.Microseconds() {
		a.Died = max(time.Duration(*row.Died)*time.Microsecond, 1)
	}
	return a, err
}

// recent fills in what servers were asked lately, and forgets what matters to
// nobody.
func recent(ctx context.Context, tx *sqlx.Tx, a *digest.Asker) error {
	var rows []struct {
		Server string
		Micros int64
	}
	err := tx.SelectContext(ctx, &rows, `
		SELECT server, (extract(epoch FROM clock_timestamp() - asked_at) * 1000000)::bigint AS micros
		FROM turns
		WHERE asked_at > clock_timestamp() - $1 * interval '1 microsecond'`, longestRest.Microseconds())
	if err != nil {
		return err
	}
	a.Rested = map[string]time.Duration{}
	for _, r := range rows {
		a.Rested[r.Server] = max(time.Duration(r.Micros)*time.Microsecond, 1)
	}
	_, err = tx.ExecContext(ctx, `
		DELETE FROM askers
		WHERE until < clock_timestamp() - $1 * interval '1 microsecond'`, longestRest.Microseconds())
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `
		DELETE FROM turns t
		WHERE COALESCE(asked_at < clock_timestamp() - interval '1 hour', true)
		  AND NOT EXISTS (SELECT 1 FROM askers a WHERE a.id IN (t.asker, t.waiter))`)
	return err
}

// RenewAsker extends an asker's lease, and tells how it stands among the
// others. digest.ErrNotFound: the lease was over, and its turns may be others'.
func (s *Store) RenewAsker(ctx context.Context, id digest.AskerID, lease time.Duration) (digest.Asker, error) {
	var until time.Time
	err := s.db.GetContext(ctx, &until, `
		UPDATE askers
		SET until = clock_timestamp() + $2 * interval '1 microsecond'
		WHERE id = $1 AND until > clock_timestamp()
		RETURNING until`, int64(id), lease.Microseconds())
	if err != nil {
		return digest.Asker{}, fmt.Errorf("go on asking servers: %w", found(err))
	}
	return s.AskerStanding(ctx, id)
}

// AskerStanding tells how an asker stands among the others, for one that waits
// until they know of it.
func (s *Store) AskerStanding(ctx context.Context, id digest.AskerID) (digest.Asker, error) {
	a, err := standing(ctx, s.db, id)
	if err != nil {
		return digest.Asker{}, fmt.Errorf("look who asks servers: %w", err)
	}
	return a, nil
}

// SeeAskers says that an asker knows of all others up to newest, and makes
// rows of the turns that it has, in one transaction: who waits for it to know
// finds them. rested are the servers that it asked lately, held those that asked
// it to be left alone.
func (s *Store) SeeAskers(ctx context.Context, id, newest digest.AskerID, turns []string, rested map[string]time.Duration, held map[string]time.Time) error {
	err := s.tx(ctx, func(tx *sqlx.Tx) error {
		if err := rest(ctx, tx, rested); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `
			INSERT INTO turns (server, asker)
			SELECT server, $1 FROM unnest($2::text[]) AS t (server)
			ON CONFLICT (server) DO UPDATE
			SET asker = EXCLUDED.asker`, int64(id), textArray(turns))
		if err != nil {
			return err
		}
		if err := holdServers(ctx, tx, held); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `UPDATE askers SET seen = GREATEST(seen, $2) WHERE id = $1`, int64(id), int64(newest))
		return err
	})
	if err != nil {
		return fmt.Errorf("see who asks servers: %w", err)
	}
	return nil
}

// rest notes how long ago servers were asked.
func rest(ctx context.Context, tx *sqlx.Tx, rested map[string]time.Duration) error {
	var servers []string
	var micros []int64
	for server, ago := range rested {
		if ago < longestRest {
			servers, micros = append(servers, clean(server)), append(micros, ago.Microseconds())
		}
	}
	if len(servers) == 0 {
		return nil
	}
	_, err := tx.ExecContext(ctx, `
		INSERT INTO turns AS t (server, asked_at)
		SELECT server, clock_timestamp() - micros * interval '1 microsecond'
		FROM unnest($1::text[], $2::bigint[]) AS r (server, micros)
		ON CONFLICT (server) DO UPDATE
		SET asked_at = GREATEST(t.asked_at, EXCLUDED.asked_at)`, textArray(servers), pq.Array(micros))
	return err
}

// LeaveAskers ends an asker in good order: its turns are free at once, and
// others know how long the servers that it asked have rested.
func (s *Store) LeaveAskers(ctx context.Context, id digest.AskerID, rested map[string]time.Duration) error {
	err := s.tx(ctx, func(tx *sqlx.Tx) error {
		if err := rest(ctx, tx, rested); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `DELETE FROM askers WHERE id = $1`, int64(id))
		return err
	})
	if err != nil {
		return fmt.Errorf("end asking servers: %w", err)
	}
	return nil
}

// TakeTurn takes a server's turn for an asker. Where it is another's, the asker
// is the next for so long as waiting says, unless somebody is already: who has
// just had a turn then lets others by.
func (s *Store) TakeTurn(ctx context.Context, id digest.AskerID, server string, waiting time.Duration) (digest.Turn, error) {
	var row struct {
		Mine   bool
		Micros *int64
		Held   *time.Time
	}
	// Whether an asker lives is judged as of this statement's beginning, which
	// is when its rows were read: a renewal counts only where it was answered
	// before the last lease was over. Of one that died in the middle, the lease's
	// end is the latest at which it asked.
	err := s.db.GetContext(ctx, &row, `
		WITH living AS MATERIALIZED (
			SELECT id FROM askers WHERE until > statement_timestamp()
		), taken AS (
			INSERT INTO turns AS t (server, asker)
			SELECT $2, id FROM living WHERE id = $1
			ON CONFLICT (server) DO UPDATE
			SET (asker, asked_at, waiter, waiting_until) = (
				SELECT CASE WHEN f.free THEN $1 ELSE t.asker END,
				       CASE WHEN f.free THEN GREATEST(t.asked_at, (SELECT until FROM askers WHERE id = t.asker AND id <> $1)) ELSE t.asked_at END,
				       CASE WHEN f.free THEN NULL WHEN f.next THEN $1 ELSE t.waiter END,
				       CASE WHEN f.free THEN NULL WHEN f.next THEN clock_timestamp() + $3 * interval '1 microsecond' ELSE t.waiting_until END
				FROM (
					SELECT n.next AND (t.asker IS NULL OR t.asker = $1 OR t.asker NOT IN (SELECT id FROM living)) AS free, n.next
					FROM (
						SELECT t.waiter IS NULL OR t.waiter = $1 OR t.waiting_until < clock_timestamp()
						       OR t.waiter NOT IN (SELECT id FROM living) AS next
					) AS n
				) AS f
			)
			RETURNING asker, asked_at
		)
		SELECT COALESCE((SELECT asker = $1 FROM taken), false) AS mine,
		       (SELECT (extract(epoch FROM clock_timestamp() - asked_at) * 1000000)::bigint FROM taken) AS micros,
		       (SELECT until FROM held_servers WHERE server = $2) AS held`,
		int64(id), clean(server), waiting.Microseconds())
	if err != nil {
		return digest.Turn{}, fmt.Errorf("take the turn of %s: %w", server, err)
	}
	t := digest.Turn{Mine: row.Mine, Held: orZero(row.Held)}
	if row.Micros != nil && *row.Micros < longestRest.Microseconds() {
		t.Rested = max(time.Duration(*row.Micros)*time.Microsecond, 1)
	}
	return t, nil
}

// EndTurn gives a server's turn back after a request, or after none. What the
// server asked for by Retry-After binds whoever has the next.
func (s *Store) EndTurn(ctx context.Context, id digest.AskerID, server string, asked bool, held time.Time) error {
	_, err := s.db.ExecContext(ctx, `
		WITH holding AS (
			INSERT INTO held_servers AS h (server, until)
			SELECT $2, $4 WHERE $4::timestamptz IS NOT NULL
			ON CONFLICT (server) DO UPDATE
			SET until = GREATEST(h.until, EXCLUDED.until)
		)
		UPDATE turns
		SET asker = NULL, asked_at = CASE WHEN $3 THEN clock_timestamp() ELSE asked_at END
		WHERE server = $2 AND asker = $1`, int64(id), clean(server), asked, zeroNull(held))
	if err != nil {
		return fmt.Errorf("give the turn of %s back: %w", server, err)
	}
	return nil
}
