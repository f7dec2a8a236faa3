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

// EditionsIn lists the editions in a state, oldest first.
func (s *Store) EditionsIn(ctx context.Context, state digest.EditionState) ([]digest.EditionID, error) {
	var ids []digest.EditionID
	err := s.db.SelectContext(ctx, &ids, `SELECT id FROM editions WHERE state = $1 ORDER BY id`, string(state))
	if err != nil {
		return nil, fmt.Errorf("list editions that are %s: %w", state, err)
	}
	return ids, nil
}

// MoveEdition takes an edition to another state, by one of the legal moves; a
// reason belongs to held. It says whether the edition was in a state that
// allows it.
func (s *Store) MoveEdition(ctx context.Context, id digest.EditionID, to digest.EditionState, reason string) (bool, error) {
	var from []string
	for _, state := range digest.EditionStates() {
		if state.May(to) {
			from = append(from, string(state))
		}
	}
	r, err := s.db.ExecContext(ctx, `
		UPDATE editions
		SET state = $2, held_reason = $3, finished_at = CASE WHEN $2 IN ('done', 'abandoned') THEN clock_timestamp() END
		WHERE id = $1 AND state = ANY ($4::text[])`, int64(id), string(to), reason, pq.Array(from))
	if err != nil {
		return false, fmt.Errorf("move edition %d to %s: %w", id, to, err)
	}
	n, err := r.RowsAffected()
	if err != nil {
		return false, fmt.Errorf("move edition %d to %s: %w", id, to, err)
	}
	return n > 0, nil
}

// OpenEdition lets an edition go whose mails were rendered. It says whether it
// was open: a process that is late must not undo what others did with it, a
// hold least of all.
func (s *Store) OpenEdition(ctx context.Context, id digest.EditionID) (bool, error) {
	r, err := s.db.ExecContext(ctx, `UPDATE editions SET state = 'sending' WHERE id = $1 AND state = 'open'`, int64(id))
	if err != nil {
		return false, fmt.Errorf("open edition %d: %w", id, err)
	}
	n, err := r.RowsAffected()
	if err != nil {
		return false, fmt.Errorf("open edition %d: %w", id, err)
	}
	return n > 0, nil
}

// FinishEditions marks the editions that are sending and have nothing left to
// do as done, and returns them. Where what is in doubt is to be sent again,
// that is left to do.
func (s *Store) FinishEditions(ctx context.Context, resend bool) ([]digest.EditionID, error) {
	var ids []digest.EditionID
	err := s.tx(ctx, func(tx *sqlx.Tx) error {
		// Locked first and looked at by a statement of its own: one that waited
		// for a later zone's publication would not see that zone's deliveries.
		var sending []int64
		err := tx.SelectContext(ctx, &sending, `
			SELECT id FROM editions WHERE state = 'sending' ORDER BY id FOR NO KEY UPDATE SKIP LOCKED`)
		if err != nil || len(sending) == 0 {
			return err
		}
		err = tx.SelectContext(ctx, &ids, `
			UPDATE editions e
			SET state = 'done', finished_at = clock_timestamp()
			WHERE e.id = ANY ($1::bigint[])
			  AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.edition_id = e.id AND d.state IN ('queued', 'claimed', 'sending'))
			  AND NOT ($2 AND EXISTS (SELECT 1 FROM deliveries d WHERE d.edition_id = e.id AND `+resendable+`))
			RETURNING e.id`, pq.Array(sending), resend)
		if err != nil || len(ids) == 0 {
			return err
		}
		done := make([]int64, len(ids))
		for i, id := range ids {
			done[i] = int64(id)
		}
		return settleReported(ctx, tx, done)
	})
	if err != nil {
		return nil, fmt.Errorf("finish editions: %w", err)
	}
	return ids, nil
}

// Tally counts an edition's deliveries by state.
func (s *Store) Tally(ctx context.Context, id digest.EditionID) (digest.Tally, error) {
	var rows []struct {
		State digest.DeliveryState
		N     int
	}
	err := s.db.SelectContext(ctx, &rows, `
		SELECT state, count(*) AS n FROM deliveries WHERE edition_id = $1 GROUP BY state`, int64(id))
	if err != nil {
		return nil, fmt.Errorf("count deliveries: %w", err)
	}
	t := digest.Tally{}
	for _, r := range rows {
		t[r.State] = r.N
	}
	return t, nil
}

// Remainder counts the work left in all unfinished editions.
func (s *Store) Remainder(ctx context.Context) (digest.Remainder, error) {
	var row struct {
		Due, Deferred, Held, Claimed int
		NextMs                       *float64
		Said                         *string
	}
	// One moment for all: by a clock that goes on, a row that comes due between
	// two looks would be neither due nor deferred, and a drain would end.
	err := s.db.GetContext(ctx, &row, `
		SELECT count(*) FILTER (WHERE e.state <> 'held' AND d.state = 'queued' AND COALESCE(d.not_before <= statement_timestamp(), true)) AS due,
		       count(*) FILTER (WHERE e.state <> 'held' AND d.state = 'queued' AND d.not_before > statement_timestamp()) AS deferred,
		       count(*) FILTER (WHERE e.state = 'held' AND d.state = 'queued') AS held,
		       count(*) FILTER (WHERE d.state IN ('claimed', 'sending')) AS claimed,
		       EXTRACT(EPOCH FROM min(d.not_before) FILTER (WHERE e.state <> 'held' AND d.not_before > statement_timestamp()) - statement_timestamp()) * 1000 AS next_ms,
		       max(d.reply) FILTER (WHERE d.state = 'queued' AND (d.attempts > 0 OR d.not_before > statement_timestamp())) AS said
		FROM editions e
		JOIN deliveries d ON d.edition_id = e.id AND d.state IN ('queued', 'claimed', 'sending')
		WHERE e.state IN ('open', 'sending', 'held')`)
	if err != nil {
		return digest.Remainder{}, fmt.Errorf("count what is left: %w", err)
	}
	left := digest.Remainder{Due: row.Due, Deferred: row.Deferred, Held: row.Held, Claimed: row.Claimed}
	if row.NextMs != nil {
		left.Next = max(time.Duration(*row.NextMs)*time.Millisecond, time.Millisecond)
	}
	if row.Said != nil {
		left.Said = *row.Said
	}
	return s.waiting(ctx, left)
}

// waiting counts what waits for its mail domain as deferred: it is not due
// before the domain is tried again.
func (s *Store) waiting(ctx context.Context, left digest.Remainder) (digest.Remainder, error) {
	var rows []struct {
		N      int
		LeftMs float64
		Said   string
	}
	err := s.db.SelectContext(ctx, &rows, `
		SELECT count(*) AS n, min(EXTRACT(EPOCH FROM c.open_until - clock_timestamp())) * 1000 AS left_ms, min(c.said) AS said
		FROM circuits c
		JOIN readers r ON `+domainOf+` = c.domain
		JOIN deliveries d ON d.reader_id = r.id AND d.state = 'queued' AND COALESCE(d.not_before <= clock_timestamp(), true)
		JOIN editions e ON e.id = d.edition_id AND e.state IN ('open', 'sending')
		WHERE c.open_until > clock_timestamp()
		  -- Looked at once, and mostly the end of it.
		  AND EXISTS (SELECT 1 FROM circuits WHERE open_until > clock_timestamp())
		HAVING count(*) > 0`)
	if err != nil {
		return left, fmt.Errorf("count what waits for its domain: %w", err)
	}
	for _, r := range rows {
		left.Due, left.Deferred = max(left.Due-r.N, 0), left.Deferred+r.N
		next := max(time.Duration(r.LeftMs*float64(time.Millisecond)), time.Millisecond)
		if left.Next == 0 || next < left.Next {
			left.Next = next
		}
		if left.Said == "" {
			left.Said = r.Said
		}
	}
	return left, nil
}

// Variants reads an edition and the variants that are sent, as frozen.
func (s *Store) Variants(ctx context.Context, id digest.EditionID) (digest.Edition, []digest.Variant, error) {
	e, err := s.Edition(ctx, id)
	if err != nil {
		return e, nil, err
	}
	var ids []digest.VariantID
	err = s.db.SelectContext(ctx, &ids, `SELECT id FROM variants WHERE edition_id = $1 AND reason IS NULL ORDER BY id`, int64(id))
	if err != nil {
		return e, nil, fmt.Errorf("list variants: %w", err)
	}
	variants := make([]digest.Variant, 0, len(ids))
	for _, v := range ids {
		variant, err := s.Variant(ctx, v)
		if err != nil {
			return e, nil, err
		}
		variants = append(variants, variant)
	}
	return e, variants, nil
}

// Edition reads one edition; digest.ErrNotFound when there is none.
func (s *Store) Edition(ctx context.Context, id digest.EditionID) (digest.Edition, error) {
	var row editionRow
	err := s.db.GetContext(ctx, &row, editionQuery+` WHERE e.id = $1`, int64(id))
	if errors.Is(err, sql.ErrNoRows) {
		return digest.Edition{}, digest.ErrNotFound
	}
	if err != nil {
		return digest.Edition{}, fmt.Errorf("read edition %d: %w", id, err)
	}
	return row.edition()
}

// Variant reads one variant with its stories as frozen; digest.ErrNotFound
// when there is none.
func (s *Store) Variant(ctx context.Context, id digest.VariantID) (digest.Variant, error) {
	return readVariant(ctx, s.db, id)
}

func readVariant(ctx context.Context, q sqlx.QueryerContext, id digest.VariantID) (digest.Variant, error) {
	var row struct {
		ID, EditionID             int64
		Signature, Language, Zone string
		Reason                    *string
		Categories                pq.StringArray
		Shown                     bool
	}
	err := sqlx.GetContext(ctx, q, &row, `
		SELECT id, edition_id, signature, language, zone, reason, categories, shown FROM variants WHERE id = $1`, int64(id))
	if errors.Is(err, sql.ErrNoRows) {
		return digest.Variant{}, digest.ErrNotFound
	}
	if err != nil {
		return digest.Variant{}, fmt.Errorf("read variant %d: %w", id, err)
	}
	v := digest.Variant{
		ID: id, Edition: digest.EditionID(row.EditionID), Signature: row.Signature, Language: row.Language, Zone: row.Zone,
		Categories: row.Categories, Default: row.Shown,
	}
	if row.Reason != nil {
		v.Reason = *row.Reason
	}
	var frozen [][]byte
	err = sqlx.SelectContext(ctx, q, &frozen, `
		SELECT es.told
		FROM variant_stories vs
		JOIN edition_stories es ON es.edition_id = $2 AND es.story_id = vs.story_id
		WHERE vs.variant_id = $1
		ORDER BY vs.position`, int64(id), row.EditionID)
	if err != nil {
		return v, fmt.Errorf("read the stories of variant %d: %w", id, err)
	}
	for _, b := range frozen {
		t, err := parseTold(b)
		if err != nil {
			return v, err
		}
		v.Stories = append(v.Stories, t)
	}
	v.Corrections, err = variantCorrections(ctx, q, v)
	return v, err
}

// Delivered reads what one reader got in one edition: for the view in the
// browser. digest.ErrNotFound when there is no such delivery.
func (s *Store) Delivered(ctx context.Context, ref digest.Ref) (digest.Edition, digest.Variant, error) {
	var id digest.VariantID
	err := s.db.GetContext(ctx, &id, `
		SELECT variant_id FROM deliveries WHERE edition_id = $1 AND reader_id = $2`, int64(ref.Edition), int64(ref.Reader))
	if errors.Is(err, sql.ErrNoRows) {
		return digest.Edition{}, digest.Variant{}, digest.ErrNotFound
	}
	if err != nil {
		return digest.Edition{}, digest.Variant{}, fmt.Errorf("read delivery: %w", err)
	}
	e, err := s.Edition(ctx, ref.Edition)
	if err != nil {
		return e, digest.Variant{}, err
	}
	v, err := s.Variant(ctx, id)
	return e, v, err
}

// fewForARate is how many mails make a rate worth believing.
const fewForARate = 100

// RecentRate is how many mails a second the relays took of the last large
// edition that is done; zero: there is none to judge by. The last tenth is left
// out: retries wait for minutes, and are no work.
func (s *Store) RecentRate(ctx context.Context) (perSecond float64, err error) {
	err = s.db.GetContext(ctx, &perSecond, `
		SELECT r.rate
		FROM (
			SELECT id FROM editions WHERE state = 'done' AND kind <> 'proof' ORDER BY id DESC LIMIT 5
		) e
		CROSS JOIN LATERAL (
			SELECT (0.9 * count(*) / GREATEST(1, EXTRACT(EPOCH FROM
			        percentile_disc(0.9) WITHIN GROUP (ORDER BY d.settled_at) - min(d.settled_at))))::float8 AS rate
			FROM deliveries d
			WHERE d.edition_id = e.id AND d.state = 'accepted'
			HAVING count(*) >= $1
		) r
		ORDER BY e.id DESC
		LIMIT 1`, fewForARate)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("measure the rate of the last editions: %w", err)
	}
	return perSecond, nil
}
