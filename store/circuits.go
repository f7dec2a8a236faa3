package store

import (
	"context"
	"fmt"
	"time"

	"courant/digest"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

// domainOf is digest.DomainOf for a reader r, word for word as the index
// readers_by_domain has it.
const domainOf = `lower(substring(r.email FROM '[^@]*$') COLLATE "C")`

// openCircuits are the circuits as the ledger has them.
const openCircuits = `
		SELECT domain, class, said, openings, since, EXTRACT(EPOCH FROM open_until - clock_timestamp()) * 1000 AS left_ms,
		       COALESCE(probe_until > clock_timestamp(), false) AS probing`

type circuitRow struct {
	Domain, Class, Said string
	Openings, Waiting   int
	Since               time.Time
	LeftMs              float64
	Probing             bool
}

func (r circuitRow) circuit() digest.Circuit {
	return digest.Circuit{
		Domain: r.Domain, Class: digest.Class(r.Class), Said: r.Said, Openings: r.Openings, Since: r.Since,
		Left: time.Duration(r.LeftMs * float64(time.Millisecond)), Probing: r.Probing,
	}
}

// Circuits lists the mail domains that are left alone, or were and have not
// taken a mail since.
func (s *Store) Circuits(ctx context.Context) ([]digest.Circuit, error) {
	var rows []circuitRow
	err := s.db.SelectContext(ctx, &rows, openCircuits+`
		FROM circuits
		ORDER BY domain`)
	if err != nil {
		return nil, fmt.Errorf("list circuits: %w", err)
	}
	list := make([]digest.Circuit, len(rows))
	for i, r := range rows {
		list[i] = r.circuit()
	}
	return list, nil
}

// LeftAlone is Circuits with how many deliveries wait for each: those of all
// editions under way that are queued. With a million readers at one domain it
// takes some tenths of a second.
func (s *Store) LeftAlone(ctx context.Context) ([]digest.LeftAlone, error) {
	var rows []circuitRow
	err := s.db.SelectContext(ctx, &rows, openCircuits+`,
		       (SELECT count(*)
			FROM readers r
			JOIN deliveries d ON d.reader_id = r.id AND d.state = 'queued' AND d.edition_id IN (SELECT id FROM editions WHERE state <> 'done')
			WHERE `+domainOf+` = c.domain) AS waiting
		FROM circuits c
		ORDER BY domain`)
	if err != nil {
		return nil, fmt.Errorf("list mail domains that are left alone: %w", err)
	}
	list := make([]digest.LeftAlone, len(rows))
	for i, r := range rows {
		list[i] = digest.LeftAlone{Circuit: r.circuit(), Waiting: r.Waiting}
	}
	return list, nil
}

// ResumeDomain ends the leaving alone of a mail domain at a person's word, and
// makes due what lanes gave back because of it: what is queued for a later
// time, has no attempt behind it and carries the class of a circuit. What was
// tried itself keeps its own time. closed: it was left alone.
func (s *Store) ResumeDomain(ctx context.Context, domain string) (closed bool, due int, err error) {
	err = s.retried(ctx, func(tx *sqlx.Tx) error {
		r, err := tx.ExecContext(ctx, `DELETE FROM circuits WHERE domain = $1`, domain)
		if err != nil {
			return err
		}
		n, err := r.RowsAffected()
		if err != nil {
			return err
		}
		closed = n > 0
		// In the order of the key, as all do who lock many rows.
		err = tx.GetContext(ctx, &due, `
			WITH held AS MATERIALIZED (
				SELECT d.edition_id, d.reader_id
				FROM deliveries d
				JOIN readers r ON r.id = d.reader_id
				WHERE d.edition_id IN (SELECT id FROM editions WHERE state <> 'done')
				  AND d.state = 'queued' AND d.not_before > clock_timestamp() AND d.attempts = 0 AND d.class IN ('throttled', 'blocked')
				  AND `+domainOf+` = $1
				ORDER BY d.edition_id, d.reader_id
				FOR UPDATE OF d
			), moved AS (
				UPDATE deliveries d
				SET not_before = clock_timestamp()
				FROM held h
				WHERE d.edition_id = h.edition_id AND d.reader_id = h.reader_id
				RETURNING 1
			)
			SELECT count(*) FROM moved`, domain)
		return err
	})
	if err != nil {
		return false, 0, fmt.Errorf("send to mail domain %s again: %w", domain, err)
	}
	return closed, due, nil
}

// OpenCircuit leaves a mail domain alone for the wait of its opening: the
// first, the second ... and from then on the last. It says whether this call
// opened it: where another process did a moment ago, its wait stands.
func (s *Store) OpenCircuit(ctx context.Context, c digest.Circuit, waits []time.Duration) (opened bool, err error) {
	ms := make([]int64, len(waits))
	for i, w := range waits {
		ms[i] = w.Milliseconds()
	}
	r, err := s.db.ExecContext(ctx, `
		INSERT INTO circuits AS c (domain, class, said, open_until)
		VALUES ($1, $2, $3, clock_timestamp() + ($4::bigint[])[1] * interval '1 millisecond')
		ON CONFLICT (domain) DO UPDATE
		SET class = EXCLUDED.class, said = EXCLUDED.said, openings = c.openings + 1, probe_until = NULL, since = clock_timestamp(),
		    open_until = clock_timestamp() + ($4::bigint[])[LEAST(c.openings + 1, cardinality($4::bigint[]))] * interval '1 millisecond'
		WHERE c.open_until <= clock_timestamp()`,
		c.Domain, string(c.Class), digest.PlainLine(c.Said, 500), pq.Array(ms))
	if err != nil {
		return false, fmt.Errorf("leave mail domain %s alone: %w", c.Domain, err)
	}
	n, err := r.RowsAffected()
	if err != nil {
		return false, fmt.Errorf("leave mail domain %s alone: %w", c.Domain, err)
	}
	return n > 0, nil
}

// ProbeCircuit asks for leave to send one mail to a domain whose wait is over.
// Who gets it has so long to say how it went.
func (s *Store) ProbeCircuit(ctx context.Context, domain string, hold time.Duration) (bool, error) {
	r, err := s.db.ExecContext(ctx, `
		UPDATE circuits
		SET probe_until = clock_timestamp() + $2 * interval '1 millisecond'
		WHERE domain = $1 AND open_until <= clock_timestamp() AND COALESCE(probe_until <= clock_timestamp(), true)`,
		domain, hold.Milliseconds())
	if err != nil {
		return false, fmt.Errorf("probe mail domain %s: %w", domain, err)
	}
	n, err := r.RowsAffected()
	if err != nil {
		return false, fmt.Errorf("probe mail domain %s: %w", domain, err)
	}
	return n > 0, nil
}

// EndProbe gives the leave back of a probe that told nothing.
func (s *Store) EndProbe(ctx context.Context, domain string) error {
	_, err := s.db.ExecContext(ctx, `UPDATE circuits SET probe_until = NULL WHERE domain = $1`, domain)
	if err != nil {
		return fmt.Errorf("end the probe of mail domain %s: %w", domain, err)
	}
	return nil
}

// CloseCircuit ends the leaving alone of a mail domain: it took a mail.
func (s *Store) CloseCircuit(ctx context.Context, domain string) error {
	_, err := s.db.ExecContext(ctx, `DELETE FROM circuits WHERE domain = $1`, domain)
	if err != nil {
		return fmt.Errorf("send to mail domain %s again: %w", domain, err)
	}
	return nil
}

// walkWindow is how many deliveries, or readers, one walk looks at.
const walkWindow = 4096

// WalkFresh is ClaimFresh for a part of the mail domains. It looks at a window
// of the edition only: an edition may hold a million deliveries in a row that
// are not meant.
func (s *Store) WalkFresh(ctx context.Context, lane digest.Lane, seq int, e digest.EditionID, after digest.ReaderID, n int, d digest.DomainChoice) (digest.Walk, error) {
	look, claim, arg := lookExcept, claimExcept, any(pq.Array(d.Except))
	if d.Only != "" {
		look, claim, arg = lookOnly, claimOnly, d.Only
	}
	// The window's end is read first and bounds the claim: what is claimed by
	// others in between makes the claim smaller, and never moves past a row that
	// was not looked at.
	var end *int64
	args := []any{int64(e), int64(after), walkWindow}
	if d.Only != "" {
		args = []any{d.Only, int64(after), walkWindow}
	}
	st, err := s.stmt(ctx, look)
	if err != nil {
		return digest.Walk{}, err
	}
	if err := st.GetContext(ctx, &end, args...); err != nil {
		return digest.Walk{}, fmt.Errorf("look for deliveries: %w", err)
	}
	if end == nil {
		return digest.Walk{Through: after, End: true}, nil
	}
	work, err := s.claim(ctx, claim, int64(lane.ID), lane.Fence, seq, int64(e), int64(after), n, *end, arg)
	w := digest.Walk{Work: work, Through: digest.ReaderID(*end)}
	if len(work) == n && n > 0 {
		w.Through = work[n-1].Reader
	}
	return w, err
}

// Both claims lock a row by its primary key, one after the other until there
// are enough: a sub-select with FOR UPDATE is never turned into a join, so the
// plan does not hang on statistics, which a new edition has none of.
const (
	lookExcept = `
	SELECT max(w.reader_id)
	FROM (
		SELECT d.reader_id
		FROM deliveries d
		WHERE d.edition_id = $1 AND d.reader_id > $2 AND d.state = 'queued' AND d.not_before IS NULL
		ORDER BY d.reader_id
		LIMIT $3
	) w`
	claimExcept = `
	WITH walked AS MATERIALIZED (
		SELECT d.reader_id
		FROM deliveries d
		WHERE d.edition_id = $4 AND d.reader_id > $5 AND d.reader_id <= $7 AND d.state = 'queued' AND d.not_before IS NULL
		  AND (SELECT e.state FROM editions e WHERE e.id = $4) = 'sending'
		ORDER BY d.reader_id
	), picked AS MATERIALIZED (
		SELECT k.reader_id
		FROM walked w
		CROSS JOIN LATERAL (
			SELECT r.id FROM readers r WHERE r.id = w.reader_id AND ` + domainOf + ` <> ALL ($8::text[]) OFFSET 0
		) r` + lockFresh + claimPicked
	lookOnly = `
	SELECT max(w.id)
	FROM (
		SELECT r.id
		FROM readers r
		WHERE ` + domainOf + ` = $1 AND r.id > $2
		ORDER BY r.id
		LIMIT $3
	) w`
	claimOnly = `
	WITH walked AS MATERIALIZED (
		SELECT r.id AS reader_id
		FROM readers r
		WHERE ` + domainOf + ` = $8 AND r.id > $5 AND r.id <= $7
		  AND (SELECT e.state FROM editions e WHERE e.id = $4) = 'sending'
		ORDER BY r.id
	), picked AS MATERIALIZED (
		SELECT k.reader_id
		FROM walked w` + lockFresh + claimPicked
	lockFresh = `
		CROSS JOIN LATERAL (
			SELECT d.reader_id
			FROM deliveries d
			WHERE d.edition_id = $4 AND d.reader_id = w.reader_id AND d.state = 'queued' AND d.not_before IS NULL
			FOR UPDATE SKIP LOCKED
		) k
		LIMIT $6
	),`
	claimPicked = claimHeld + `, claimed AS (
		UPDATE deliveries d
		SET state = 'claimed', lane = $1, fence = $2, seq = $3
		WHERE d.edition_id = $4 AND d.reader_id > $5 AND d.reader_id <= (SELECT max(reader_id) FROM picked)
		  AND d.reader_id = ANY (ARRAY(SELECT reader_id FROM picked))
		  AND EXISTS (SELECT 1 FROM held)
		RETURNING d.edition_id, d.reader_id, d.variant_id, d.attempts, d.resends
	)` + claimRead
)

// WalkDue is ClaimDue for a part of the mail domains, from a due time on: it
// looks at a window of what is due. Many thousands that are not meant may
// stand before one that is.
func (s *Store) WalkDue(ctx context.Context, lane digest.Lane, seq int, from time.Time, n int, d digest.DomainChoice) (digest.DueWalk, error) {
	const look = `
	SELECT max(w.not_before)
	FROM (
		SELECT d.not_before
		FROM deliveries d
		WHERE d.not_before > $1 AND d.not_before <= clock_timestamp() AND d.state = 'queued'
		ORDER BY d.not_before
		LIMIT $2
	) w`
	var until *time.Time
	st, err := s.stmt(ctx, look)
	if err != nil {
		return digest.DueWalk{}, err
	}
	if err := st.GetContext(ctx, &until, from, walkWindow); err != nil {
		return digest.DueWalk{}, fmt.Errorf("look for what is due: %w", err)
	}
	if until == nil {
		return digest.DueWalk{Until: from, End: true}, nil
	}
	query, arg := claimDueExcept, any(pq.Array(d.Except))
	if d.Only != "" {
		query, arg = claimDueOnly, d.Only
	}
	work, err := s.claim(ctx, query, int64(lane.ID), lane.Fence, seq, n, arg, from, *until, walkWindow)
	w := digest.DueWalk{Work: work, Until: *until}
	if len(work) == n {
		w.Until = from // there may be more of them in this window
	}
	return w, err
}

// As with fresh ones, the plan must not hang on statistics: the window's LIMIT
// makes it a walk of the index, and each row is locked by its primary key:
// COALESCE keeps the index of due times out of that, which looks cheap before
// the first ANALYZE and is walked from end to end for each row. Of more rows that came due in the same microsecond than a window holds, the
// rest is found by the next walk from the start.
const (
	claimDueOnly   = dueWalked + ` = $5 OFFSET 0` + duePicked
	claimDueExcept = dueWalked + ` <> ALL ($5::text[]) OFFSET 0` + duePicked
	dueWalked      = `
	WITH walked AS MATERIALIZED (
		SELECT d.edition_id, d.reader_id
		FROM deliveries d
		WHERE d.not_before > $6 AND d.not_before <= $7 AND d.state = 'queued'
		ORDER BY d.not_before
		LIMIT $8
	), picked AS MATERIALIZED (
		SELECT k.edition_id, k.reader_id
		FROM walked w
		CROSS JOIN LATERAL (
			SELECT r.id FROM readers r WHERE r.id = w.reader_id AND ` + domainOf
	duePicked = `
		) r
		CROSS JOIN LATERAL (
			SELECT d.edition_id, d.reader_id
			FROM deliveries d
			WHERE d.edition_id = w.edition_id AND d.reader_id = w.reader_id AND d.state = 'queued'
			  AND COALESCE(d.not_before <= clock_timestamp(), false)
			  AND EXISTS (SELECT 1 FROM editions e WHERE e.id = d.edition_id AND e.state = 'sending')
			FOR UPDATE SKIP LOCKED
		) k
		LIMIT $4
	),` + claimHeld + `, claimed AS (
		UPDATE deliveries d
		SET state = 'claimed', lane = $1, fence = $2, seq = $3, not_before = NULL
		WHERE d.edition_id = ANY (ARRAY(SELECT DISTINCT edition_id FROM picked))
		  AND d.reader_id = ANY (ARRAY(SELECT reader_id FROM picked))
		  AND (d.edition_id, d.reader_id) IN (SELECT edition_id, reader_id FROM picked)
		  AND EXISTS (SELECT 1 FROM held)
		RETURNING d.edition_id, d.reader_id, d.variant_id, d.attempts, d.resends
	)` + claimRead
)
