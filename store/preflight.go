package store

import (
	"context"
	"fmt"

	"courant/digest"
)

// FirstRecipients is, of each variant of an edition that has anything queued,
// the first reader of it.
func (s *Store) FirstRecipients(ctx context.Context, id digest.EditionID) ([]digest.Recipient, error) {
	var rows []claimedRow
	err := s.db.SelectContext(ctx, &rows, `
		WITH claimed AS (
			SELECT edition_id, min(reader_id) AS reader_id, variant_id, 0 AS attempts, 0 AS resends
			FROM deliveries
			WHERE edition_id = $1 AND state = 'queued'
			GROUP BY edition_id, variant_id
		)`+claimRead, int64(id))
	if err != nil {
		return nil, fmt.Errorf("read the first readers of edition %d: %w", id, err)
	}
	list := make([]digest.Recipient, len(rows))
	for i, r := range rows {
		list[i] = r.work().Recipient
	}
	return list, nil
}

// SameAsLast counts the readers who would get from an edition the same
// headlines and points, in the same order, as they got from the digest's last
// one. Proofs are not counted: whoever asks for one again wants it again.
func (s *Store) SameAsLast(ctx context.Context, id digest.EditionID) (last digest.EditionID, readers int, err error) {
	var row struct {
		Last    int64
		Readers int
	}
	// What a variant tells is compared first: there are few variants, and
	// hardly ever two that are alike.
	err = s.db.GetContext(ctx, &row, `
		WITH pair AS MATERIALIZED (
			SELECT e.id, (SELECT max(p.id) FROM editions p WHERE p.digest = e.digest AND p.kind <> 'proof' AND p.id < e.id) AS last
			FROM editions e
			WHERE e.id = $1 AND e.kind <> 'proof'
		), content AS MATERIALIZED (
			SELECT v.edition_id, v.id, string_agg(md5(es.told->>'title' || chr(10) || COALESCE(es.told->>'points', '')), '' ORDER BY vs.position) AS told
			FROM pair
			JOIN variants v ON v.edition_id IN (pair.id, pair.last) AND v.reason IS NULL
			JOIN variant_stories vs ON vs.variant_id = v.id
			JOIN edition_stories es ON es.edition_id = v.edition_id AND es.story_id = vs.story_id
			GROUP BY v.edition_id, v.id
		), same AS MATERIALIZED (
			SELECT a.id AS now, b.id AS before, pair.id AS edition_id, pair.last
			FROM pair
			JOIN content a ON a.edition_id = pair.id
			JOIN content b ON b.edition_id = pair.last AND b.told = a.told
		)
		SELECT COALESCE(max(same.last), 0) AS last, count(*) AS readers
		FROM same
		JOIN deliveries d ON d.edition_id = same.edition_id AND d.variant_id = same.now AND d.state = 'queued'
		JOIN deliveries p ON p.edition_id = same.last AND p.reader_id = d.reader_id AND p.variant_id = same.before
		  AND p.state IN ('accepted', 'sending', 'claimed', 'in doubt', 'bounced', 'complained')`, int64(id))
	if err != nil {
		return 0, 0, fmt.Errorf("compare edition %d with the one before: %w", id, err)
	}
	return digest.EditionID(row.Last), row.Readers, nil
}
