package store

import (
	"context"
	"fmt"
	"slices"
	"time"

	"courant/digest"

	"github.com/lib/pq"
)

// Underway reads the editions that are not finished, the last one of each
// digest, and what else was published since the given time, oldest first: how
// they stand, without their deliveries.
func (s *Store) Underway(ctx context.Context, since time.Time) ([]digest.Progress, error) {
	var rows []struct {
		editionRow
		FinishedAt *time.Time
		At         time.Time
	}
	err := s.db.SelectContext(ctx, &rows, `
		WITH wanted AS (
			SELECT id FROM editions WHERE state IN ('open', 'sending', 'held')
			UNION
			SELECT id FROM editions WHERE id IN (SELECT max(id) FROM editions WHERE kind <> 'proof' GROUP BY digest)
			UNION
			SELECT id FROM editions WHERE published >= $1
		)
		SELECT e.id, e.digest, e.title, e.kind, COALESCE(e.number, 0) AS number, e.slot, e.instant, e.zone, e.language,
		       e.window_from, e.window_to, e.subject, e.cadence, e.state, e.held_reason, e.config_hash, e.key_id, e.published,
		       e.finished_at, now() AS at
		FROM wanted w
		JOIN editions e ON e.id = w.id
		ORDER BY e.instant, e.id`, since)
	if err != nil {
		return nil, fmt.Errorf("list editions under way: %w", err)
	}
	list := make([]digest.Progress, len(rows))
	for i, r := range rows {
		edition, err := r.edition()
		if err != nil {
			return nil, err
		}
		list[i] = digest.Progress{Edition: edition, Finished: orZero(r.FinishedAt), At: r.At}
	}
	return list, nil
}

// Shares counts the deliveries of editions, those that are alike together. It
// goes through every row of them: a million take some tenths of a second, so
// whoever asks again and again leaves pauses.
func (s *Store) Shares(ctx context.Context, editions []digest.EditionID) ([]digest.Share, error) {
	ids := make([]int64, len(editions))
	for i, id := range editions {
		ids[i] = int64(id)
	}
	var rows []struct {
		EditionID                 digest.EditionID
		State                     digest.DeliveryState
		Class                     digest.Class
		Lane                      digest.LaneID
		Deferred                  bool
		N, Attempts, Lately       int
		Said                      string
		Waiting                   time.Time
		Next, FirstTime, LastTime *time.Time
	}
	// By variant first, which is in the row, and only then with what the variant
	// knows: a join of every row would cost as much again.
	err := s.db.SelectContext(ctx, &rows, `
		WITH alike AS (
			SELECT d.edition_id, d.variant_id, d.state, d.class, d.lane,
			       d.state = 'queued' AND (d.attempts > 0 OR COALESCE(d.not_before > now(), false)) AS deferred,
			       count(*) AS n, max(d.attempts) AS attempts, min(d.not_before) AS next,
			       max(d.reply) FILTER (WHERE d.class IS NOT NULL OR d.state = 'in doubt') AS said,
			       min(d.settled_at) AS first_time, max(d.settled_at) AS last_time,
			       count(*) FILTER (WHERE d.settled_at > now() - $2 * interval '1 second') AS lately
			FROM deliveries d
			WHERE d.edition_id = ANY ($1::bigint[])
			GROUP BY d.edition_id, d.variant_id, d.state, d.class, d.lane, deferred
		)
		SELECT a.edition_id, a.state, COALESCE(a.class, '') AS class, COALESCE(a.lane, 0) AS lane, a.deferred,
		       sum(a.n) AS n, max(a.attempts) AS attempts, min(a.next) AS next, COALESCE(max(a.said), '') AS said,
		       min(v.window_to) AS waiting, min(a.first_time) AS first_time, max(a.last_time) AS last_time, sum(a.lately) AS lately
		FROM alike a
		JOIN variants v ON v.id = a.variant_id
		GROUP BY a.edition_id, a.state, a.class, a.lane, a.deferred
		ORDER BY a.edition_id, a.state, a.class, a.lane, a.deferred`, pq.Array(ids), digest.Lately.Seconds())
	if err != nil {
		return nil, fmt.Errorf("count deliveries that are alike: %w", err)
	}
	shares := make([]digest.Share, len(rows))
	for i, r := range rows {
		shares[i] = digest.Share{
			Edition: r.EditionID, State: r.State, Class: r.Class, Lane: r.Lane, Deferred: r.Deferred, N: r.N, Attempts: r.Attempts,
			Next: orZero(r.Next), Said: r.Said, Waiting: r.Waiting, First: orZero(r.FirstTime), Last: orZero(r.LastTime), Lately: r.Lately,
		}
	}
	return s.shutOff(ctx, ids, shares)
}

// shutOff counts as deferred what waits for a mail domain that is left alone:
// such rows are not touched, so nothing in them says so.
func (s *Store) shutOff(ctx context.Context, editions []int64, shares []digest.Share) ([]digest.Share, error) {
	var rows []struct {
		EditionID digest.EditionID
		Class     digest.Class // of the row
		Shut      digest.Class // why the domain is left alone
		N         int
		Said      string
		Waiting   time.Time
		Next      time.Time
	}
	err := s.db.SelectContext(ctx, &rows, `
		SELECT d.edition_id, COALESCE(d.class, '') AS class, c.class AS shut, count(*) AS n, min(c.said) AS said,
		       min(v.window_to) AS waiting, min(c.open_until) AS next
		FROM circuits c
		JOIN readers r ON `+domainOf+` = c.domain
		JOIN deliveries d ON d.reader_id = r.id AND d.edition_id = ANY ($1::bigint[]) AND d.state = 'queued' AND d.attempts = 0
		     AND NOT COALESCE(d.not_before > now(), false)
		JOIN variants v ON v.id = d.variant_id
		WHERE c.open_until > now()
		  -- Looked at once, and mostly the end of it.
		  AND EXISTS (SELECT 1 FROM circuits WHERE open_until > now())
		GROUP BY d.edition_id, d.class, c.class
		ORDER BY d.edition_id, d.class, c.class`, pq.Array(editions))
	if err != nil {
		return nil, fmt.Errorf("count what waits for its domain: %w", err)
	}
	for _, r := range rows {
		for i := range shares {
			of := &shares[i]
			if of.Edition == r.EditionID && of.State == digest.Queued && of.Class == r.Class && !of.Deferred {
				// The rows may have moved since they were counted.
				n := min(r.N, of.N)
				of.N -= n
				shares = append(shares, digest.Share{
					Edition: r.EditionID, State: digest.Queued, Class: r.Shut, Deferred: true, N: n, Next: r.Next, Said: r.Said, Waiting: r.Waiting,
				})
				break
			}
		}
	}
	return slices.DeleteFunc(shares, func(of digest.Share) bool { return of.N == 0 }), nil
}

// Processes lists those that hold lanes, the oldest first.
func (s *Store) Processes(ctx context.Context) ([]digest.Process, error) {
	var rows []struct {
		Owner, Host string
		Lanes       pq.Int64Array
		LeaseMs     float64
	}
	err := s.db.SelectContext(ctx, &rows, `
		SELECT owner, host, array_agg(id ORDER BY id) AS lanes,
		       EXTRACT(EPOCH FROM min(lease_until) - clock_timestamp()) * 1000 AS lease_ms
		FROM lanes
		GROUP BY owner, host
		ORDER BY min(id)`)
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	list := make([]digest.Process, len(rows))
	for i, r := range rows {
		list[i] = digest.Process{Owner: r.Owner, Host: r.Host, Lease: time.Duration(r.LeaseMs * float64(time.Millisecond))}
		for _, id := range r.Lanes {
			list[i].Lanes = append(list[i].Lanes, digest.LaneID(id))
		}
	}
	return list, nil
}

// EditionsWhere finds editions by digest and number, the newest first. An empty
// digest is any, number zero is any; proofs have none and are found by time
// only.
func (s *Store) EditionsWhere(ctx context.Context, name string, number int, since time.Time) ([]digest.Edition, error) {
	var rows []editionRow
	err := s.db.SelectContext(ctx, &rows, editionQuery+`
		WHERE ($1 = '' OR e.digest = $1) AND ($2 = 0 OR e.number = $2) AND e.instant >= $3
		ORDER BY e.instant DESC, e.id DESC`, name, number, since)
	if err != nil {
		return nil, fmt.Errorf("find editions: %w", err)
	}
	list := make([]digest.Edition, len(rows))
	for i, r := range rows {
		if list[i], err = r.edition(); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// Ledger reads rows of one edition's ledger in the order of their readers, at
// most limit of those after the one named: the next page starts after the
// last one.
func (s *Store) Ledger(ctx context.Context, e digest.Edition, sieve digest.Sieve, after digest.ReaderID, limit int) ([]digest.Posted, error) {
	var rows []struct {
		ReaderID             digest.ReaderID
		Email                string
		State                digest.DeliveryState
		Attempts, Resends    int
		Reply, MessageID     string
		Class                digest.Class
		NotBefore, SettledAt *time.Time
		At                   time.Time // by the database's clock
		Shut                 *time.Time
		ShutClass, ShutSaid  *string
	}
	// The page is picked before its readers are looked up, so that each page is
	// a walk along the primary key from where the last one ended.
	err := s.db.SelectContext(ctx, &rows, `
		WITH page AS MATERIALIZED (
			SELECT d.reader_id, d.state, d.attempts, d.resends, d.reply, d.class, d.not_before, d.settled_at, d.message_id
			FROM deliveries d
			WHERE d.edition_id = $1 AND d.reader_id > $2
			  AND ($3 = 0 OR d.reader_id = $3)
			  AND ($4 = '' OR d.state = $4)
			  AND ($5 = '' OR d.class = $5)
			  AND (NOT $6 OR d.attempts > 0 OR d.not_before > now()
			       OR EXISTS (SELECT 1 FROM circuits c JOIN readers r ON r.id = d.reader_id WHERE c.domain = `+domainOf+` AND c.open_until > now()))
			ORDER BY d.reader_id
			LIMIT $7
		)
		SELECT p.reader_id, COALESCE(r.email, '') AS email, p.state, p.attempts, p.resends, COALESCE(p.reply, '') AS reply,
		       COALESCE(p.class, '') AS class, p.not_before, p.settled_at, COALESCE(p.message_id, '') AS message_id,
		       now() AS at, c.open_until AS shut, c.class AS shut_class, c.said AS shut_said
		FROM page p
		JOIN readers r ON r.id = p.reader_id
		LEFT JOIN circuits c ON c.domain = `+domainOf+` AND c.open_until > now() AND p.state = 'queued'
		ORDER BY p.reader_id`,
		int64(e.ID), int64(after), int64(sieve.Reader), string(sieve.State), string(sieve.Class), sieve.Deferred, limit)
	if err != nil {
		return nil, fmt.Errorf("read the ledger of edition %d: %w", e.ID, err)
	}
	list := make([]digest.Posted, len(rows))
	for i, r := range rows {
		list[i] = digest.Posted{
			Ref: digest.Ref{Edition: e.ID, Reader: r.ReaderID}, Digest: e.Digest, Number: e.Number, Slot: e.Instant,
			Address: r.Email, State: r.State, Attempts: r.Attempts, Resends: r.Resends, Reply: r.Reply, Class: r.Class,
			NotBefore: orZero(r.NotBefore), SettledAt: orZero(r.SettledAt), MessageID: r.MessageID,
		}
		list[i].Deferred = r.State == digest.Queued && (r.Attempts > 0 || list[i].NotBefore.After(r.At))
		if r.Shut != nil && r.NotBefore == nil {
			// It waits for its domain, and what is known of that is in the circuit.
			list[i].Deferred, list[i].NotBefore = true, *r.Shut
			list[i].Class, list[i].Reply = digest.Class(*r.ShutClass), *r.ShutSaid
		}
	}
	return list, nil
}
