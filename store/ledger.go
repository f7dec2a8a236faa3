package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"courant/digest"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

// claimedRow is digest.Work as a claim returns it.
type claimedRow struct {
	EditionID, ReaderID, VariantID int64
	Digest, Email, Name            string
	Since                          time.Time
	First                          *time.Time
	KeyID                          int
	Attempts, Resends              int
	Late, Weekly                   bool
}

func (r claimedRow) work() digest.Work {
	var first digest.Date
	if r.First != nil {
		first = digest.DateOf(*r.First)
	}
	return digest.Work{
		Recipient: digest.Recipient{
			Ref:     digest.Ref{Edition: digest.EditionID(r.EditionID), Reader: digest.ReaderID(r.ReaderID)},
			Variant: digest.VariantID(r.VariantID), Digest: r.Digest, Address: r.Email, Name: r.Name, Since: r.Since, First: first, Weekly: r.Weekly,
			KeyID: byte(r.KeyID),
		},
		Attempts: r.Attempts, Resends: r.Resends, Late: r.Late,
	}
}

// The frame of a claim: whether the lane may, and what the mails are made
// from. Lanes whose lease is over claim nothing.
//
// The lane's row is locked against whoever takes the lane over, not against
// the renewal of its lease. A process that dies leaves a claim running in
// Postgres: the take-over must wait for it, or never hears of its rows.
const (
	// gettingSince is by which subscription the reader r has got the edition e for
	// longest, since when, and the digest's first day for its list, which may be
	// later. digest.Account.Began says the same.
	gettingSince = `
	LEFT JOIN LATERAL (
		SELECT s.since, e.lists_began[array_position(e.lists, s.list)] AS first
		FROM subscriptions s
		WHERE s.reader_id = r.id AND s.list = ANY (e.lists) AND s.state = 'active'
		ORDER BY GREATEST(s.since, e.lists_began[array_position(e.lists, s.list)]::timestamp AT TIME ZONE 'UTC'), s.since
		LIMIT 1
	) g ON true`
	claimHeld = `
	held AS MATERIALIZED (
		SELECT l.id FROM lanes l
		WHERE l.id = $1 AND l.fence = $2 AND l.lease_until > clock_timestamp()
		FOR KEY SHARE
	)`
	claimRead = `
	SELECT c.edition_id, c.reader_id, c.variant_id, c.attempts, c.resends, e.digest, e.key_id,
	       COALESCE(r.email, '') AS email, r.name, v.expires_at <= clock_timestamp() AS late,
	       -- Choices may be older than the subscription, made on a list that was left.
	       COALESCE(g.since, ch.since, r.created_at) AS since, g.first,
	       COALESCE(ch.frequency = 'weekly', false) AS weekly
	FROM claimed c
	JOIN editions e ON e.id = c.edition_id
	JOIN variants v ON v.id = c.variant_id
	JOIN readers r ON r.id = c.reader_id
	LEFT JOIN choices ch ON ch.reader_id = c.reader_id AND ch.digest = e.digest` + gettingSince + `
	ORDER BY c.edition_id, c.reader_id`
)

// ClaimFresh claims up to n deliveries of one edition that were never touched
// and whose reader comes after the given one, as the lane's claim number seq.
// The caller goes through an edition from reader to reader, so that claims
// never rescan what is sent.
//
// The update is bounded on both sides by what was picked: whatever the
// statistics say of an edition that was made a second ago, that is a walk of
// the primary key over the rows of the claim, and never over the edition.
func (s *Store) ClaimFresh(ctx context.Context, lane digest.Lane, seq int, e digest.EditionID, after digest.ReaderID, n int) ([]digest.Work, error) {
	const query = `
	WITH picked AS MATERIALIZED (
		SELECT d.reader_id
		FROM deliveries d
		WHERE d.edition_id = $4 AND d.reader_id > $5 AND d.state = 'queued' AND d.not_before IS NULL
		  AND (SELECT e.state FROM editions e WHERE e.id = $4) = 'sending'
		ORDER BY d.reader_id
		LIMIT $6
		FOR UPDATE SKIP LOCKED
	),` + claimHeld + `, claimed AS (
		UPDATE deliveries d
		SET state = 'claimed', lane = $1, fence = $2, seq = $3
		WHERE d.edition_id = $4 AND d.reader_id > $5 AND d.reader_id <= (SELECT max(reader_id) FROM picked)
		  AND d.reader_id = ANY (ARRAY(SELECT reader_id FROM picked))
		  AND EXISTS (SELECT 1 FROM held)
		RETURNING d.edition_id, d.reader_id, d.variant_id, d.attempts, d.resends
	)` + claimRead
	return s.claim(ctx, query, int64(lane.ID), lane.Fence, seq, int64(e), int64(after), n)
}

// ClaimDue claims up to n deliveries of any edition whose not_before has
// passed: retries, resends and what lost lanes left. Both claims return
// digest.ErrLaneLost to a lane that may not claim.
func (s *Store) ClaimDue(ctx context.Context, lane digest.Lane, seq int, n int) ([]digest.Work, error) {
	const query = `
	WITH picked AS MATERIALIZED (
		SELECT d.edition_id, d.reader_id
		FROM deliveries d
		WHERE d.not_before <= clock_timestamp() AND d.state = 'queued'
		  AND EXISTS (SELECT 1 FROM editions e WHERE e.id = d.edition_id AND e.state = 'sending')
		ORDER BY d.not_before
		LIMIT $4
		FOR UPDATE SKIP LOCKED
	),` + claimHeld + `, claimed AS (
		UPDATE deliveries d
		SET state = 'claimed', lane = $1, fence = $2, seq = $3, not_before = NULL
		FROM picked p
		WHERE d.edition_id = p.edition_id AND d.reader_id = p.reader_id
		  AND EXISTS (SELECT 1 FROM held)
		RETURNING d.edition_id, d.reader_id, d.variant_id, d.attempts, d.resends
	)` + claimRead
	return s.claim(ctx, query, int64(lane.ID), lane.Fence, seq, n)
}

func (s *Store) claim(ctx context.Context, query string, args ...any) ([]digest.Work, error) {
	st, err := s.stmt(ctx, query)
	if err != nil {
		return nil, err
	}
	var rows []claimedRow
	if err := st.SelectContext(ctx, &rows, args...); err != nil {
		return nil, fmt.Errorf("claim deliveries: %w", err)
	}
	if len(rows) == 0 {
		return nil, s.holds(ctx, args[0], args[1])
	}
	work := make([]digest.Work, len(rows))
	for i, r := range rows {
		work[i] = r.work()
		work[i].Seq = args[2].(int)
	}
	return work, nil
}

// holds tells a lane that found nothing to claim from one that may not.
func (s *Store) holds(ctx context.Context, lane, fence any) error {
	var held bool
	err := s.db.GetContext(ctx, &held, `
		SELECT EXISTS (SELECT 1 FROM lanes WHERE id = $1 AND fence = $2 AND lease_until > clock_timestamp())`, lane, fence)
	if err != nil {
		return fmt.Errorf("claim deliveries: %w", err)
	}
	if !held {
		return fmt.Errorf("claim deliveries: %w", digest.ErrLaneLost)
	}
	return nil
}

// commitQuery settles and grants in one statement, so in one commit. A row is
// only changed for the claim that it came with: a statement that was given up,
// and that Postgres finishes for all that, may run when the lane has the same
// row in its hands for the second time.
//
// The lanes are locked before any delivery, as claims do: a take-over waits, or
// is waited for, and the two never hold rows that the other needs.
//
// The grant is the late intent: it checks once more, as of now, everything
// that may have changed since the claim. A reader whose leaving committed
// first is not granted: either this statement sees it, or it waits for the
// row that the leaving cancelled and then finds it no longer claimed.
const commitQuery = `
	WITH held AS MATERIALIZED (
		SELECT id FROM lanes WHERE id = ANY ($17::bigint[]) ORDER BY id FOR KEY SHARE
	), settled AS (
		UPDATE deliveries d
		SET state = u.state, attempts = d.attempts + u.attempts, reply = NULLIF(u.reply, ''), class = NULLIF(u.class, ''),
		    not_before = CASE WHEN u.state = 'queued' THEN clock_timestamp() + u.retry_ms * interval '1 millisecond' END,
		    settled_at = CASE WHEN u.state <> 'queued' THEN clock_timestamp() END,
		    lane = NULL, fence = NULL, seq = NULL
		FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::integer[], $6::text[], $7::bigint[], $8::text[], $9::text[], $10::bigint[])
		     AS u (edition_id, reader_id, lane, fence, seq, state, attempts, reply, class, retry_ms)
		WHERE d.edition_id = u.edition_id AND d.reader_id = u.reader_id AND d.lane = u.lane AND d.fence = u.fence AND d.seq = u.seq
		  AND d.state = 'sending'
		  AND u.lane = ANY (ARRAY(SELECT id FROM held))
		RETURNING u.edition_id, u.reader_id, u.lane, u.fence
	), granted AS (
		UPDATE deliveries d
		SET state = 'sending', intent_at = clock_timestamp(), message_id = COALESCE(d.message_id, u.message_id)
		FROM unnest($11::bigint[], $12::bigint[], $13::bigint[], $14::bigint[], $15::integer[], $16::text[])
		     AS u (edition_id, reader_id, lane, fence, seq, message_id)
		JOIN lanes l ON l.id = u.lane AND l.fence = u.fence
		JOIN editions e ON e.id = u.edition_id
		JOIN readers r ON r.id = u.reader_id
		LEFT JOIN choices c ON c.reader_id = u.reader_id AND c.digest = e.digest AND e.kind <> 'proof'
		WHERE d.edition_id = u.edition_id AND d.reader_id = u.reader_id AND d.lane = u.lane AND d.fence = u.fence AND d.seq = u.seq
		  AND d.state IN ('claimed', 'sending')
		  AND u.lane = ANY (ARRAY(SELECT id FROM held))
		  AND NOT d.recalled
		  AND l.lease_until > clock_timestamp()
		  AND e.state = 'sending'
		  AND r.email IS NOT NULL
		  AND c.left_at IS NULL
		  AND (c.paused_until IS NULL OR c.paused_until <= clock_timestamp())
		  AND NOT EXISTS (SELECT 1 FROM suppressions x WHERE x.email_hash = r.email_hash AND (x.until IS NULL OR x.until > clock_timestamp()))
		  AND (e.kind = 'proof' OR EXISTS (
			SELECT 1 FROM subscriptions s WHERE s.reader_id = u.reader_id AND s.list = ANY (e.lists) AND s.state = 'active'))
		RETURNING u.edition_id, u.reader_id, u.lane, u.fence
	)
	SELECT edition_id, reader_id, lane, fence, false AS granted FROM settled
	UNION ALL
	SELECT edition_id, reader_id, lane, fence, true FROM granted`

// Commit writes settlements and intents of any number of lanes in one
// transaction. It returns the intents that stand and the settlements that were
// written, each with the lane that it stands for; the others were refused or
// fenced off. It may be repeated when the database went away in between: what
// is settled already stays as it is.
func (s *Store) Commit(ctx context.Context, intents []digest.Intent, settlements []digest.Settlement) (granted, settled []digest.LaneRef, err error) {
	lanes := lanesOf(intents, settlements)
	args := append(append(settleArgs(settlements), intentArgs(intents)...), pq.Array(lanes))
	st, err := s.stmt(ctx, commitQuery)
	if err != nil {
		return nil, nil, err
	}
	var rows []committedRow
	hard := hardRefusals(settlements)
	err = undeadlocked(func() error {
		rows = nil
		if len(hard) > 0 {
			return s.tx(ctx, func(tx *sqlx.Tx) (err error) {
				rows, err = commitHard(ctx, tx, st, hard, lanes, args)
				return err
			})
		}
		return st.SelectContext(ctx, &rows, args...)
	})
	if err != nil {
		return nil, nil, fmt.Errorf("commit %d intents and %d verdicts: %w", len(intents), len(settlements), err)
	}
	granted, settled = parted(rows)
	return granted, settled, nil
}

// commitHard is a commit with hard refusals among the verdicts, and draws the
// conclusions from those that were written.
func commitHard(ctx context.Context, tx *sqlx.Tx, st *sqlx.Stmt, hard []digest.Settlement, lanes []int64, args []any) (rows []committedRow, err error) {
	if err := lockReaders(ctx, tx, hard, lanes); err != nil {
		return nil, err
	}
	// Prepared here too: planning it takes longer than running it, and with
	// one refused address in a hundred nearly every commit comes this way.
	if err := tx.StmtxContext(ctx, st).SelectContext(ctx, &rows, args...); err != nil {
		return nil, err
	}
	_, settled := parted(rows)
	for _, h := range hard {
		if !slices.Contains(settled, digest.LaneRef{Lane: h.Lane, Ref: h.Ref}) {
			continue // fenced off: it says nothing
		}
		if err := noteRefusal(ctx, tx, h); err != nil {
			return nil, err
		}
	}
	return rows, nil
}

// lanesOf are the lanes that a commit speaks for.
func lanesOf(intents []digest.Intent, settlements []digest.Settlement) []int64 {
	var lanes []int64
	for _, in := range intents {
		lanes = append(lanes, int64(in.Lane.ID))
	}
	for _, v := range settlements {
		lanes = append(lanes, int64(v.Lane.ID))
	}
	slices.Sort(lanes)
	return slices.Compact(lanes)
}

// committedRow is a delivery that commitQuery changed.
type committedRow struct {
	EditionID, ReaderID, Lane, Fence int64
	Granted                          bool // else settled
}

func parted(rows []committedRow) (granted, settled []digest.LaneRef) {
	for _, r := range rows {
		ref := digest.LaneRef{
			Lane: digest.Lane{ID: digest.LaneID(r.Lane), Fence: r.Fence},
			Ref:  digest.Ref{Edition: digest.EditionID(r.EditionID), Reader: digest.ReaderID(r.ReaderID)},
		}
		if r.Granted {
			granted = append(granted, ref)
		} else {
			settled = append(settled, ref)
		}
	}
	return granted, settled
}

func hardRefusals(settlements []digest.Settlement) (hard []digest.Settlement) {
	for _, v := range settlements {
		if v.State() == digest.Refused && v.Outcome.Class == digest.ClassHard {
			hard = append(hard, v)
		}
	}
	return hard
}

// lockReaders locks before any delivery, as a leaving does, so that the two
// wait for each other and do not deadlock; and the lanes before that, as a
// take-over does.
func lockReaders(ctx context.Context, tx *sqlx.Tx, hard []digest.Settlement, lanes []int64) error {
	readers := make([]int64, len(hard))
	for i, h := range hard {
		readers[i] = int64(h.Ref.Reader)
	}
	_, err := tx.ExecContext(ctx, `
		WITH held AS MATERIALIZED (
			SELECT id FROM lanes WHERE id = ANY ($2::bigint[]) ORDER BY id FOR KEY SHARE
		)
		SELECT id
		FROM readers
		WHERE id = ANY ($1::bigint[]) AND (SELECT count(*) FROM held) >= 0
		ORDER BY id
		FOR NO KEY UPDATE`, pq.Array(readers), pq.Array(lanes))
	if err != nil {
		return fmt.Errorf("lock refused readers: %w", err)
	}
	return nil
}

// noteRefusal draws the conclusion from a hard refusal.
func noteRefusal(ctx context.Context, tx *sqlx.Tx, v digest.Settlement) error {
	var settled time.Time
	err := tx.GetContext(ctx, &settled, `
		SELECT d.settled_at
		FROM deliveries d JOIN readers r ON r.id = d.reader_id
		WHERE d.edition_id = $1 AND d.reader_id = $2 AND d.state = 'refused' AND r.email IS NOT NULL`,
		int64(v.Ref.Edition), int64(v.Ref.Reader))
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read a refusal: %w", err)
	}
	_, err = suppressHard(ctx, tx, v.Ref.Reader, v.Outcome.Reply.Status, digest.PlainLine(v.Outcome.Said(), 500), settled)
	return err
}

func settleArgs(settlements []digest.Settlement) []any {
	n := len(settlements)
	editions, readers, lanes, fences, seqs := make([]int64, n), make([]int64, n), make([]int64, n), make([]int64, n), make([]int64, n)
	states, replies, classes := make([]string, n), make([]string, n), make([]string, n)
	attempts, retry := make([]int64, n), make([]int64, n)
	for i, v := range settlements {
		editions[i], readers[i] = int64(v.Ref.Edition), int64(v.Ref.Reader)
		lanes[i], fences[i], seqs[i] = int64(v.Lane.ID), v.Lane.Fence, int64(v.Seq)
		states[i], replies[i], classes[i] = string(v.State()), digest.PlainLine(v.Outcome.Said(), 500), string(v.Outcome.Class)
		if !v.Withdrawn {
			attempts[i] = 1
		}
		retry[i] = v.RetryIn.Milliseconds()
		if v.State() == digest.Refused && replies[i] == "" {
			replies[i] = "refused"
		}
	}
	return []any{pq.Array(editions), pq.Array(readers), pq.Array(lanes), pq.Array(fences), pq.Array(seqs), pq.Array(states),
		pq.Array(attempts), pq.Array(replies), pq.Array(classes), pq.Array(retry)}
}

func intentArgs(intents []digest.Intent) []any {
	var editions, readers, lanes, fences, seqs []int64
	var ids []string
	for _, in := range intents {
		for i, ref := range in.Refs {
			editions, readers = append(editions, int64(ref.Edition)), append(readers, int64(ref.Reader))
			lanes, fences, seqs = append(lanes, int64(in.Lane.ID)), append(fences, in.Lane.Fence), append(seqs, int64(in.Seq))
			ids = append(ids, in.MessageIDs[i])
		}
	}
	return []any{pq.Array(editions), pq.Array(readers), pq.Array(lanes), pq.Array(fences), pq.Array(seqs), pq.Array(ids)}
}

// Release gives back claimed rows that were not granted or not wanted any
// more: readers who left in between are cancelled, what is too late expires,
// the rest is queued again.
func (s *Store) Release(ctx context.Context, lane digest.Lane, refs []digest.Ref) error {
	editions, readers := make([]int64, len(refs)), make([]int64, len(refs))
	for i, ref := range refs {
		editions[i], readers[i] = int64(ref.Edition), int64(ref.Reader)
	}
	// The lane first, as in a commit.
	const query = `
		WITH held AS MATERIALIZED (
			SELECT id FROM lanes WHERE id = $1 FOR KEY SHARE
		)
		UPDATE deliveries d
		SET state = n.state, lane = NULL, fence = NULL, seq = NULL, reply = COALESCE(n.why, d.reply),
		    not_before = CASE WHEN n.state = 'queued' THEN clock_timestamp() END,
		    settled_at = CASE WHEN n.state <> 'queued' THEN clock_timestamp() END
		FROM (
			SELECT u.edition_id, u.reader_id, g.why,
			       CASE WHEN g.why IS NULL THEN 'queued' WHEN g.late THEN 'expired' ELSE 'cancelled' END AS state
			FROM unnest($3::bigint[], $4::bigint[]) AS u (edition_id, reader_id)
			JOIN deliveries w ON w.edition_id = u.edition_id AND w.reader_id = u.reader_id
			JOIN editions e ON e.id = u.edition_id
			JOIN variants v ON v.id = w.variant_id
			JOIN readers r ON r.id = u.reader_id
			LEFT JOIN choices c ON c.reader_id = u.reader_id AND c.digest = e.digest AND e.kind <> 'proof'
			CROSS JOIN LATERAL (
				SELECT CASE
				       WHEN r.email IS NULL THEN 'the reader was erased'
				       WHEN w.recalled OR c.left_at IS NOT NULL THEN 'the reader left'
				       WHEN c.paused_until > clock_timestamp() THEN 'the reader paused the digest'
				       WHEN EXISTS (SELECT 1 FROM suppressions x WHERE x.email_hash = r.email_hash AND (x.until IS NULL OR x.until > clock_timestamp()))
				       THEN 'the address gets no more mail'
				       WHEN e.kind <> 'proof' AND NOT EXISTS (SELECT 1 FROM subscriptions s WHERE s.reader_id = u.reader_id AND s.list = ANY (e.lists) AND s.state = 'active')
				       THEN 'the reader is on none of the lists any more'
				       END AS why
			) gone
			CROSS JOIN LATERAL (
				SELECT gone.why IS NULL AND v.expires_at <= clock_timestamp() AS late,
				       CASE WHEN gone.why IS NULL AND v.expires_at <= clock_timestamp() THEN 'too late to be news' ELSE gone.why END AS why
			) g
		) n
		WHERE d.edition_id = n.edition_id AND d.reader_id = n.reader_id
		  AND d.lane = $1 AND d.fence = $2 AND d.state = 'claimed'
		  AND EXISTS (SELECT 1 FROM held)`
	err := undeadlocked(func() error {
		_, err := s.db.ExecContext(ctx, query, int64(lane.ID), lane.Fence, pq.Array(editions), pq.Array(readers))
		return err
	})
	if err != nil {
		return fmt.Errorf("give %d claims back: %w", len(refs), err)
	}
	return nil
}

// resendable is a delivery in doubt that is worth sending again: it never was
// yet, it is still news, and its reader still wants it.
const resendable = `
	d.state = 'in doubt' AND d.resends = 0 AND NOT d.recalled
	AND EXISTS (SELECT 1 FROM variants v WHERE v.id = d.variant_id AND v.expires_at > clock_timestamp())
	AND EXISTS (
		SELECT 1 FROM readers r
		JOIN editions g ON g.id = d.edition_id
		LEFT JOIN choices c ON c.reader_id = r.id AND c.digest = g.digest AND g.kind <> 'proof'
		WHERE r.id = d.reader_id AND r.email IS NOT NULL AND c.left_at IS NULL
		  AND (c.paused_until IS NULL OR c.paused_until <= clock_timestamp())
		  AND (g.kind = 'proof' OR EXISTS (SELECT 1 FROM subscriptions s WHERE s.reader_id = r.id AND s.list = ANY (g.lists) AND s.state = 'active'))
		  AND NOT EXISTS (SELECT 1 FROM suppressions x WHERE x.email_hash = r.email_hash AND (x.until IS NULL OR x.until > clock_timestamp())))`

// ResendDoubtful queues each delivery in doubt once more, with the same
// Message-ID, and says how many. What no reader would get any more stays in
// doubt.
func (s *Store) ResendDoubtful(ctx context.Context) (n int, err error) {
	err = s.tx(ctx, func(tx *sqlx.Tx) error {
		// Held off against FinishEditions, which must see what is queued here.
		var editions []int64
		err := tx.SelectContext(ctx, &editions, `SELECT id FROM editions WHERE state = 'sending' ORDER BY id FOR NO KEY UPDATE`)
		if err != nil || len(editions) == 0 {
			return err
		}
		if err := settleReported(ctx, tx, editions); err != nil {
			return err
		}
		r, err := tx.ExecContext(ctx, `
			UPDATE deliveries d
			SET state = 'queued', resends = d.resends + 1, not_before = clock_timestamp(), settled_at = NULL
			WHERE d.edition_id = ANY ($1::bigint[]) AND `+resendable, pq.Array(editions))
		if err != nil {
			return err
		}
		count, err := r.RowsAffected()
		n = int(count)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("queue what is in doubt again: %w", err)
	}
	return n, nil
}

// ExpireQueued ends what is queued past its time and says how many.
func (s *Store) ExpireQueued(ctx context.Context) (int, error) {
	r, err := s.db.ExecContext(ctx, `
		UPDATE deliveries d
		SET state = 'expired', not_before = NULL, settled_at = clock_timestamp(),
		    reply = COALESCE(d.reply, 'too late to be news')
		FROM variants v JOIN editions e ON e.id = v.edition_id
		WHERE e.state IN ('open', 'sending', 'held') AND v.expires_at <= clock_timestamp()
		  AND d.edition_id = e.id AND d.variant_id = v.id AND d.state = 'queued'`)
	if err != nil {
		return 0, fmt.Errorf("expire deliveries: %w", err)
	}
	n, err := r.RowsAffected()
	if err != nil {
		return 0, fmt.Errorf("expire deliveries: %w", err)
	}
	return int(n), nil
}
