package store

import (
	"context"
	"fmt"

	"courant/digest"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

// mergeMost is how many readers one transaction merges: some tenths of a
// second, for which leaving waits at most.
const mergeMost = 5000

// MergeLists moves a portion of the readers of one list to another, and says
// what it did; it is called until nobody is Left. Who left either of the two
// has left both, who is on either is on both, and who waits for a confirmation
// on both still waits. Consent and since when come along, the older of two.
//
// Killed at any line it has moved a whole portion or none, and goes on from
// there when it is called again. What waits in editions for the one list is
// sent to its readers on the other.
func (s *Store) MergeLists(ctx context.Context, from, into string) (m digest.Merge, err error) {
	err = s.retried(ctx, func(tx *sqlx.Tx) error {
		a := merging{tx: tx, from: from, into: into}
		err := a.run(ctx)
		m = a.done
		return err
	})
	if err != nil {
		return digest.Merge{}, fmt.Errorf("merge %s into %s: %w", from, into, err)
	}
	return m, nil
}

// merging is one MergeLists inside its transaction.
type merging struct {
	tx         *sqlx.Tx
	from, into string
	done       digest.Merge
}

func (a *merging) run(ctx context.Context) error {
	// With the lock of imports: one that adds to either list waits.
	if err := lockImports(ctx, a.tx); err != nil {
		return err
	}
	if err := a.begin(ctx); err != nil {
		return err
	}
	ids, err := a.portion(ctx)
	if err != nil {
		return err
	}
	ended, err := a.move(ctx, ids)
	if err != nil {
		return err
	}
	if err := cancelFor(ctx, a.tx, ended, "left "+a.from+" or "+a.into+", which were merged"); err != nil {
		return err
	}
	a.done.Ended = len(ended)
	return a.rest(ctx)
}

// begin notes where the list goes, and lets editions under way look for their
// readers there, too. Merges into the list that goes now lead on, and a list
// that comes back to life this way is a merged one no more.
func (a *merging) begin(ctx context.Context) error {
	for _, act := range []struct {
		query string
		args  []any
	}{
		{`DELETE FROM merges WHERE list = $1`, []any{a.into}},
		{`UPDATE merges SET into_list = $2 WHERE into_list = $1`, []any{a.from, a.into}},
		{`INSERT INTO merges (list, into_list) VALUES ($1, $2)
		  ON CONFLICT (list) DO UPDATE SET into_list = EXCLUDED.into_list, ended = NULL`, []any{a.from, a.into}},
		{`UPDATE editions
		  SET lists = array_append(lists, $2)
		  WHERE $1 = ANY (lists) AND NOT $2 = ANY (lists) AND state IN ('open', 'sending', 'held')`, []any{a.from, a.into}},
	} {
		if _, err := a.tx.ExecContext(ctx, act.query, act.args...); err != nil {
			return fmt.Errorf("begin: %w", err)
		}
	}
	return nil
}

// portion holds the next readers of the list: whatever changes one of them
// waits in line at the reader's row.
func (a *merging) portion(ctx context.Context) (ids []int64, err error) {
	err = a.tx.SelectContext(ctx, &ids, `
		SELECT r.id
		FROM readers r
		WHERE r.id IN (SELECT reader_id FROM subscriptions WHERE list = $1 ORDER BY reader_id LIMIT $2)
		ORDER BY r.id
		FOR NO KEY UPDATE`, a.from, mergeMost)
	if err != nil {
		return nil, fmt.Errorf("hold the next readers: %w", err)
	}
	return ids, nil
}

// move brings the rows over, and says whose leaving of the one list now ends
// the other.
func (a *merging) move(ctx context.Context, ids []int64) (ended []digest.ReaderID, err error) {
	var rows []struct {
		ReaderID digest.ReaderID
		Ended    bool
		OnBoth   bool
	}
	err = a.tx.SelectContext(ctx, &rows, `
		WITH gone AS (
			DELETE FROM subscriptions
			WHERE list = $1 AND reader_id = ANY ($3::bigint[])
			RETURNING reader_id, state, consent, since, ended_at
		), was AS (
			SELECT g.reader_id, s.state IS NOT NULL AS on_both,
			       COALESCE('active' IN (g.state, s.state) AND 'unsubscribed' IN (g.state, s.state), false) AS ended
			FROM gone g
			LEFT JOIN subscriptions s ON s.reader_id = g.reader_id AND s.list = $2
		), moved AS (
			INSERT INTO subscriptions AS s (reader_id, list, state, consent, since, ended_at)
			SELECT reader_id, $2, state, consent, since, ended_at FROM gone
			ORDER BY reader_id
			ON CONFLICT (reader_id, list) DO UPDATE
			SET state = CASE
			        WHEN 'unsubscribed' IN (s.state, EXCLUDED.state) THEN 'unsubscribed'
			        WHEN 'active' IN (s.state, EXCLUDED.state) THEN 'active'
			        ELSE 'pending' END,
			    ended_at = LEAST(s.ended_at, EXCLUDED.ended_at),
			    consent = CASE
			        WHEN s.state = 'pending' AND EXCLUDED.state <> 'pending' THEN EXCLUDED.consent
			        WHEN EXCLUDED.state = 'pending' AND s.state <> 'pending' OR s.since <= EXCLUDED.since THEN s.consent
			        ELSE EXCLUDED.consent END,
			    since = CASE
			        WHEN s.state = 'pending' AND EXCLUDED.state <> 'pending' THEN EXCLUDED.since
			        WHEN EXCLUDED.state = 'pending' AND s.state <> 'pending' THEN s.since
			        ELSE LEAST(s.since, EXCLUDED.since) END
		), noted AS (
			INSERT INTO reader_events (reader_id, kind, data)
			SELECT reader_id, 'merged', jsonb_build_object('list', $2::text, 'merged', $1::text, 'how', 'editor') FROM gone
		)
		SELECT reader_id, ended, on_both FROM was`, a.from, a.into, pq.Array(ids))
	if err != nil {
		return nil, fmt.Errorf("move subscriptions: %w", err)
	}
	for _, r := range rows {
		if r.OnBoth {
			a.done.Both++
		} else {
			a.done.Moved++
		}
		if r.Ended {
			ended = append(ended, r.ReaderID)
		}
	}
	return ended, nil
}

// rest counts who is still to come; the last portion ends the merge.
func (a *merging) rest(ctx context.Context) error {
	if err := a.tx.GetContext(ctx, &a.done.Left, `SELECT count(*) FROM subscriptions WHERE list = $1`, a.from); err != nil {
		return fmt.Errorf("count the rest: %w", err)
	}
	if a.done.Left > 0 {
		return nil
	}
	if _, err := a.tx.ExecContext(ctx, `UPDATE merges SET ended = clock_timestamp() WHERE list = $1`, a.from); err != nil {
		return fmt.Errorf("end: %w", err)
	}
	return nil
}
