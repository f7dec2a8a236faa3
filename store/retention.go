package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"time"

	"courant/digest"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

// Retention says how long what was is kept. What there is for good: editions,
// variants and what they told (the archive), who consented to what and left
// when, the hashes of addresses, and which articles were read before.
//
// Times run by the database's clock, so that a host whose clock is wrong
// deletes nothing.
type Retention struct {
	Ledger    time.Duration // the ledger's rows, what reports say, and the text of articles that nobody told
	Addresses time.Duration // of readers who left everything; at least digest.UndoFor
	// Digests are those of the config, by list: who left each one of a list has
	// left it, too. A digest that went to a list as long as the ledger is kept
	// counts beside them, for it may only be out of the config for a while.
	Digests map[string][]string
	Ahead   time.Duration // how far the program's clock is moved before the database's: tests only
}

// before is the instant by the database's clock before which a thing is too
// old, as SQL and in the microseconds of parameter $1.
const before = `now() - $1 * interval '1 microsecond'`

func (r Retention) ledger() int64 { return (r.Ledger - r.Ahead).Microseconds() }
func (r Retention) addresses() int64 {
	return (max(r.Addresses, digest.UndoFor) - r.Ahead).Microseconds()
}

// retentionLock is held by whoever removes what is old: of several processes
// one does it and the others pass it by.
const retentionLock = 0x72657461696e // "retain"

// alone runs act on a connection of its own while no other process removes
// anything, and not at all while one does. The connection is closed behind it,
// and the lock and the settings of act go with it.
func (s *Store) alone(ctx context.Context, act func(*sqlx.Conn) error) (err error) {
	conn, err := s.db.Connx(ctx)
	if err != nil {
		return fmt.Errorf("reach database: %w", err)
	}
	defer func() {
		// ErrBadConn is how a connection is kept from going back to the pool.
		if rerr := conn.Raw(func(any) error { return driver.ErrBadConn }); !errors.Is(rerr, driver.ErrBadConn) {
			err = errors.Join(err, rerr)
		}
		if cerr := conn.Close(); !errors.Is(cerr, sql.ErrConnDone) {
			err = errors.Join(err, cerr)
		}
	}()
	var free bool
	err = conn.GetContext(ctx, &free, `SELECT pg_try_advisory_lock($1::bigint # hashtext(current_schema()))`, int64(retentionLock))
	if err != nil {
		return fmt.Errorf("lock retention: %w", err)
	}
	if !free {
		return nil
	}
	defer func() {
		// The end of the connection does it, too, but a moment later, and the next
		// act of the same round would pass itself by.
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lockWait)
		defer cancel()
		_, uerr := conn.ExecContext(last, `SELECT pg_advisory_unlock($1::bigint # hashtext(current_schema()))`, int64(retentionLock))
		err = errors.Join(err, uerr)
	}()
	return act(conn)
}

// inPortions repeats an act of a short transaction until it finds less than
// most to do.
func (s *Store) inPortions(ctx context.Context, most int, act func(*sqlx.Tx) (int, error)) (n int, err error) {
	err = s.alone(ctx, func(*sqlx.Conn) error {
		for {
			portion := 0
			err := s.retried(ctx, func(tx *sqlx.Tx) (err error) {
				portion, err = act(tx)
				return err
			})
			if err != nil {
				return err
			}
			if n += portion; portion < most {
				return nil
			}
		}
	})
	return n, err
}

// part is one table of the ledger that may go.
type part struct {
	Name              string
	First             int64 // edition that it is for
	Attached, Pending bool
}

// oldParts lists the parts of the ledger whose editions all ended so long ago,
// and those of them that a process left half removed. A part is whole when an
// edition of a later one is a day old: nobody is still publishing into it.
const oldParts = `
	WITH parts AS MATERIALIZED (
		SELECT c.relname AS name, substr(c.relname, 12)::bigint AS first, i.inhrelid IS NOT NULL AS attached,
		       COALESCE(i.inhdetachpending, false) AS pending
		FROM pg_class c
		LEFT JOIN pg_inherits i ON i.inhrelid = c.oid AND i.inhparent = 'deliveries'::regclass
		WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r'
		  AND c.relname ~ '^deliveries_[0-9]{1,18}$'
	)
	SELECT p.name, p.first, p.attached, p.pending
	FROM parts p
	WHERE EXISTS (
	      SELECT 1 FROM editions e
	      WHERE e.id >= p.first + $2 AND e.published < now() - $3 * interval '1 microsecond')
	  AND NOT EXISTS (
	      SELECT 1 FROM editions e
	      WHERE e.id >= p.first AND e.id < p.first + $2
	        AND (e.state NOT IN ('done', 'abandoned') OR GREATEST(e.published, e.finished_at) >= ` + before + `))
	ORDER BY p.first`

// ledgerKept says of edition e whether the ledger still has the part its
// deliveries lie in, or lay in. One that is being detached is gone already:
// statements no longer look into it.
const ledgerKept = `
	EXISTS (
		SELECT 1 FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
		WHERE i.inhparent = 'deliveries'::regclass AND NOT i.inhdetachpending
		  AND c.relname = 'deliveries_' || (e.id - e.id % 64))`

// DropDeliveries drops the parts of the ledger whose editions were all over
// long ago, and says how many. A part goes as a whole, so a row may stay until
// the last of its part's 64 editions is old.
//
// Nobody who delivers waits for it. A plain DROP would lock the whole ledger,
// and every claim would queue behind that lock while it waits for a fan-out of
// ten seconds. Here the part is detached CONCURRENTLY: that marks it, waits
// without holding a lock for the statements that may still look into it, and
// then locks the part alone, where nobody looks any more. Only the making of a
// new part waits, for one of these moments and at most lockWait.
//
// Killed at any line it leaves a part that is attached, being detached,
// detached or gone; the next round goes on from there.
//
// What was in the rows and is still needed is needed for days: whom the last
// editions of a digest reached, and whom a mailbox was refused twice. Only
// "never the same story twice" has no end, and for it see forgets.
func (s *Store) DropDeliveries(ctx context.Context, r Retention) (n int, err error) {
	err = s.alone(ctx, func(conn *sqlx.Conn) error {
		var parts []part
		day := (24*time.Hour - r.Ahead).Microseconds()
		if err := conn.SelectContext(ctx, &parts, oldParts, r.ledger(), partitionSpan, day); err != nil {
			return fmt.Errorf("look for old parts: %w", err)
		}
		for _, p := range parts {
			if err := p.drop(ctx, conn); err != nil {
				return fmt.Errorf("drop %s: %w", p.Name, err)
			}
			n++
		}
		return nil
	})
	if err != nil {
		return n, fmt.Errorf("drop old deliveries: %w", err)
	}
	return n, nil
}

// How long the removal of a part may wait: for one lock, and in all. A dump
// that runs for an hour is not worth an hour's wait; the next round comes.
const (
	lockWait = 10 * time.Second
	dropWait = time.Minute
)

func (p part) drop(ctx context.Context, conn *sqlx.Conn) error {
	steps := []string{
		fmt.Sprintf(`SET lock_timeout = %d`, lockWait.Milliseconds()),
		fmt.Sprintf(`SET statement_timeout = %d`, dropWait.Milliseconds()),
	}
	name := pq.QuoteIdentifier(p.Name)
	steps = append(steps, fmt.Sprintf(`DELETE FROM unserved WHERE edition_id >= %[1]d AND edition_id < %[1]d + %[2]d`, p.First, partitionSpan))
	steps = append(steps, fmt.Sprintf(`DELETE FROM awaited WHERE edition_id >= %[1]d AND edition_id < %[1]d + %[2]d`, p.First, partitionSpan))
	switch {
	case p.Pending:
		steps = append(steps, `ALTER TABLE deliveries DETACH PARTITION `+name+` FINALIZE`)
	case p.Attached:
		steps = append(steps, `ALTER TABLE deliveries DETACH PARTITION `+name+` CONCURRENTLY`)
	}
	for _, step := range append(steps, `DROP TABLE `+name) {
		if _, err := conn.ExecContext(ctx, step); err != nil {
			return err
		}
	}
	return nil
}

// forgets lists those of the stories that editions told whose ledger is gone:
// they count as had by everyone, since nobody can tell any more who had them.
// Such a story comes up again where a digest rests for longer than the ledger is
// kept, and its next window reaches back over all that time.
//
// It looks after the deliveries were read: a part that goes in between is
// either read there or missed here, never neither.
func (p *publication) forgets(ctx context.Context, stories []int64) ([]digest.StoryID, error) {
	var gone []digest.StoryID
	err := p.tx.SelectContext(ctx, &gone, `
		SELECT DISTINCT vs.story_id
		FROM variant_stories vs
		JOIN variants v ON v.id = vs.variant_id
		JOIN editions e ON e.id = v.edition_id
		WHERE vs.story_id = ANY ($1::bigint[]) AND v.reason IS NULL AND e.kind <> 'proof'
		  AND NOT `+ledgerKept, pq.Array(stories))
	if err != nil {
		return nil, fmt.Errorf("look for what the ledger forgot: %w", err)
	}
	return gone, nil
}

// Archived reads an edition as its digest's default variant, where the ledger
// no longer tells which variant a reader got. digest.ErrNotFound where it does
// tell, and where there is no such edition.
func (s *Store) Archived(ctx context.Context, id digest.EditionID) (digest.Edition, digest.Variant, error) {
	var shown digest.VariantID
	err := s.db.GetContext(ctx, &shown, `
		SELECT v.id
		FROM editions e
		JOIN variants v ON v.edition_id = e.id AND v.shown AND v.reason IS NULL
		WHERE e.id = $1 AND e.kind <> 'proof' AND NOT `+ledgerKept, int64(id))
	if err != nil {
		return digest.Edition{}, digest.Variant{}, fmt.Errorf("look for edition %d in the archive: %w", id, found(err))
	}
	e, err := s.Edition(ctx, id)
	if err != nil {
		return e, digest.Variant{}, err
	}
	v, err := s.Variant(ctx, shown)
	return e, v, err
}

// forgetMost is how many readers one transaction forgets.
const forgetMost = 500

// ForgetAddresses forgets who left everything, or each digest of their lists, so
// long ago that it cannot be taken back any more, and says how many. The reader's row stays as a tombstone
// with the keyed hash, as after EraseReader: links of any age name it and
// imports bring nobody back. Unlike an erasure it does not suppress the
// address, and what proves consent stays: the subscriptions and the events,
// without words of the reader's or of a server's.
//
// Who is subscribed again or has a delivery under way is left alone.
func (s *Store) ForgetAddresses(ctx context.Context, r Retention) (int, error) {
	var lists, digests []string
	for list, names := range r.Digests {
		for _, name := range names {
			lists, digests = append(lists, list), append(digests, name)
		}
	}
	n, err := s.inPortions(ctx, forgetMost, func(tx *sqlx.Tx) (int, error) {
		var rows []struct {
			ID        int64
			Email     string
			EmailHash []byte
		}
		// Undo holds the reader's row, too: of the two the later one finds what
		// the other has done, by left_at.
		err := tx.SelectContext(ctx, &rows, `
			WITH goes AS MATERIALIZED (
				SELECT * FROM unnest($3::text[], $4::text[]) AS g (list, digest)
				UNION
				SELECT l.list, e.digest
				FROM editions e CROSS JOIN unnest(e.lists) AS l (list)
				WHERE e.kind <> 'proof' AND e.published >= now() - $5 * interval '1 microsecond'
			), left_all AS (
				SELECT id FROM readers WHERE left_at < `+before+` AND email IS NOT NULL
				  AND NOT EXISTS (SELECT 1 FROM subscriptions s WHERE s.reader_id = readers.id AND s.state <> 'unsubscribed')
			), left_each AS (
				SELECT DISTINCT h.reader_id AS id
				FROM choices h
				WHERE h.left_at < `+before+`
				  AND NOT EXISTS (
				      SELECT 1 FROM choices o
				      WHERE o.reader_id = h.reader_id AND (o.left_at IS NULL OR o.left_at >= `+before+`))
				  AND NOT EXISTS (
				      SELECT 1
				      FROM subscriptions s
				      LEFT JOIN goes g ON g.list = s.list
				      LEFT JOIN choices c ON c.reader_id = s.reader_id AND c.digest = g.digest
				      WHERE s.reader_id = h.reader_id AND s.state <> 'unsubscribed'
				        AND (s.state = 'pending' OR c.left_at IS NULL OR c.left_at >= `+before+`))
				  AND EXISTS (SELECT 1 FROM subscriptions s WHERE s.reader_id = h.reader_id AND s.state = 'active')
			)
			SELECT r.id, r.email, r.email_hash
			FROM readers r
			WHERE r.id IN (SELECT id FROM left_all UNION ALL SELECT id FROM left_each) AND r.email IS NOT NULL
			  AND NOT EXISTS (
			      SELECT 1 FROM editions e JOIN deliveries d ON d.edition_id = e.id AND d.reader_id = r.id
			      WHERE e.state IN ('open', 'sending', 'held') AND d.state IN ('queued', 'claimed', 'sending'))
			ORDER BY r.id
			LIMIT $2
			FOR NO KEY UPDATE OF r SKIP LOCKED`, r.addresses(), forgetMost, textArray(lists), textArray(digests), r.ledger())
		if err != nil || len(rows) == 0 {
			return 0, err
		}
		var ids []int64
		var emails []string
		var hashes [][]byte
		for _, row := range rows {
			ids, emails, hashes = append(ids, row.ID), append(emails, row.Email), append(hashes, row.EmailHash)
		}
		return len(rows), forgetLeavers(ctx, tx, ids, emails, hashes)
	})
	if err != nil {
		return n, fmt.Errorf("forget addresses of those who left: %w", err)
	}
	return n, nil
}

// forgetLeavers clears what names or describes the person, table by table.
// Servers' words often repeat an address, so they go; our own stay.
func forgetLeavers(ctx context.Context, tx *sqlx.Tx, ids []int64, emails []string, hashes [][]byte) error {
	for _, act := range []struct {
		query string
		arg   any
	}{
		{`UPDATE suppressions SET detail = '' WHERE email_hash = ANY ($1::bytea[]) AND detail <> ''`, pq.Array(hashes)},
		{`UPDATE subscriptions SET state = 'unsubscribed', ended_at = clock_timestamp()
		  WHERE reader_id = ANY ($1::bigint[]) AND state <> 'unsubscribed'`, pq.Array(ids)},
		{`DELETE FROM choices WHERE reader_id = ANY ($1::bigint[])`, pq.Array(ids)},
		{`UPDATE reader_events SET data = (data - '{reason,from,to}'::text[]) #- '{before,paused_why}'
		  WHERE reader_id = ANY ($1::bigint[]) AND data <> '{}'`, pq.Array(ids)},
		{`UPDATE deliveries SET reply = 'forgotten with the address'
		  WHERE reader_id = ANY ($1::bigint[]) AND reply IS NOT NULL AND state <> 'cancelled'`, pq.Array(ids)},
		{`UPDATE reports SET recipients = '[]' WHERE reader_id = ANY ($1::bigint[])`, pq.Array(ids)},
		{`UPDATE reports SET recipients = '[]'
		  WHERE EXISTS (
		      SELECT 1
		      FROM jsonb_array_elements(recipients) AS c, unnest($1::text[]) AS gone (email)
		      WHERE lower(c ->> 'address') = lower(gone.email))`, pq.Array(emails)},
		{`UPDATE readers SET email = NULL, name = '', language = '', time_zone = '', erased_at = clock_timestamp()
		  WHERE id = ANY ($1::bigint[])`, pq.Array(ids)},
		{`INSERT INTO reader_events (reader_id, kind) SELECT id, 'forgotten' FROM unnest($1::bigint[]) AS gone (id)`, pq.Array(ids)},
	} {
		if _, err := tx.ExecContext(ctx, act.query, act.arg); err != nil {
			return err
		}
	}
	return nil
}

// emptyMost is how many rows one transaction empties.
const emptyMost = 5000

// EmptyReports takes addresses and servers' words out of reports as old as the
// ledger's rows, and says of how many. Their hashes stay: a report that comes a
// second time, years later and with an archive, still counts once.
func (s *Store) EmptyReports(ctx context.Context, r Retention) (int, error) {
	n, err := s.inPortions(ctx, emptyMost, func(tx *sqlx.Tx) (int, error) {
		return affected(tx.ExecContext(ctx, `
			UPDATE reports
			SET recipients = '[]'
			WHERE id IN (
				SELECT id FROM reports
				WHERE at < `+before+` AND recipients <> '[]'
				LIMIT $2
				FOR NO KEY UPDATE SKIP LOCKED)`, r.ledger(), emptyMost))
	})
	if err != nil {
		return n, fmt.Errorf("empty old reports: %w", err)
	}
	return n, nil
}

// EmptyArticles takes the text out of articles that no story has and that are
// older than the ledger's rows, and says of how many. The row stays with its
// address, title and GUID: without it a feed that lists the article for years
// would bring it as news.
func (s *Store) EmptyArticles(ctx context.Context, r Retention) (int, error) {
	n, err := s.inPortions(ctx, emptyMost, func(tx *sqlx.Tx) (int, error) {
		return affected(tx.ExecContext(ctx, `
			UPDATE articles
			SET points = '{}', points_from = 'none', lead = '', author = '', attribution = '', image_url = '', image_alt = '',
			    image_width = 0, image_height = 0
			WHERE id IN (
				SELECT a.id FROM articles a
				WHERE a.first_seen < `+before+`
				  AND (a.points_from <> 'none' OR a.lead <> '' OR a.author <> '' OR a.attribution <> '' OR a.image_url <> '')
				  AND NOT EXISTS (SELECT 1 FROM article_story t WHERE t.article_id = a.id)
				LIMIT $2
				FOR NO KEY UPDATE SKIP LOCKED)`, r.ledger(), emptyMost))
	})
	if err != nil {
		return n, fmt.Errorf("empty old articles: %w", err)
	}
	return n, nil
}

func affected(r sql.Result, err error) (int, error) {
	if err != nil {
		return 0, err
	}
	n, err := r.RowsAffected()
	return int(n), err
}
