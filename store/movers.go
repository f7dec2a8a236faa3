package store

import (
	"context"
	"fmt"
	"slices"
	"time"

	"courant/digest"

	"github.com/lib/pq"
)

// Movers tells of the readers who moved and of whom no clock has looked yet
// whether an edition passed them by. It takes none of them, as TakeMoves does.
func (s *Store) Movers(ctx context.Context) (m digest.Movers, err error) {
	var rows []struct {
		Zone    string
		Readers int
		Since   time.Time
	}
	err = s.db.SelectContext(ctx, &rows, `
		SELECT r.time_zone AS zone, count(*) AS readers, min(m.at) AS since
		FROM moves m
		JOIN readers r ON r.id = m.reader_id
		GROUP BY r.time_zone`)
	if err != nil {
		return m, fmt.Errorf("count the readers who moved: %w", err)
	}
	for _, r := range rows {
		m.Readers += r.Readers
		m.Zones = append(m.Zones, knownZone(r.Zone))
		if m.Since.IsZero() || r.Since.Before(m.Since) {
			m.Since = r.Since
		}
	}
	slices.Sort(m.Zones)
	m.Zones = slices.Compact(m.Zones)
	return m, nil
}

// Travelled counts, of editions of readers' zones, those who moved while they
// opened. It begins at the moves, so it costs the less the fewer there are.
func (s *Store) Travelled(ctx context.Context, editions []digest.EditionID) (map[digest.EditionID]digest.Travelled, error) {
	ids := make([]int64, len(editions))
	for i, id := range editions {
		ids[i] = int64(id)
	}
	var rows []struct {
		ID digest.EditionID
		digest.Travelled
	}
	// Who was elsewhere when the edition opened in the zone that brought it was
	// followed there; the first move since then tells where.
	err := s.db.SelectContext(ctx, &rows, `
		WITH opened AS (
			SELECT e.id, e.digest, e.slot, e.zone AS home, e.lists, min(z.decided_at) AS first
			FROM editions e
			JOIN slots z ON z.digest = e.digest AND z.slot = e.slot AND z.state = 'published'
			WHERE e.id = ANY ($1::bigint[]) AND e.kind = 'slot' AND e.slot ~ '^[0-9T:-]{16}$'
			GROUP BY e.id
		), mover AS (
			SELECT DISTINCT o.id, o.digest, o.slot, o.home, v.reader_id
			FROM opened o
			JOIN reader_events v ON v.kind = 'moved' AND v.at > o.first AND v.at < o.first + $2 * interval '1 second'
			JOIN readers r ON r.id = v.reader_id AND r.email IS NOT NULL
			WHERE EXISTS (
				SELECT 1 FROM subscriptions s
				WHERE s.reader_id = v.reader_id AND s.list = ANY (o.lists) AND s.state = 'active' AND s.since < v.at)
		), fate AS (
			SELECT m.id, d.reader_id IS NOT NULL AS has, x.zone AS by, (
				SELECT COALESCE(NULLIF(v.data ->> 'from', ''), m.home)
				FROM reader_events v
				WHERE v.reader_id = m.reader_id AND v.kind = 'moved' AND v.at > z.decided_at
				ORDER BY v.id
				LIMIT 1) AS was
			FROM mover m
			LEFT JOIN deliveries d ON d.edition_id = m.id AND d.reader_id = m.reader_id
			LEFT JOIN variants x ON x.id = d.variant_id
			LEFT JOIN slots z ON z.digest = m.digest AND z.slot = m.slot AND z.zone = x.zone
		)
		SELECT id, count(*) FILTER (WHERE has AND was = by) AS before,
		       count(*) FILTER (WHERE has AND was IS NULL) AS ahead,
		       count(*) FILTER (WHERE has AND was IS NOT NULL AND was <> by) AS followed,
		       count(*) FILTER (WHERE NOT has) AS without
		FROM fate
		GROUP BY id`, pq.Array(ids), int(digest.MostApart.Seconds()))
	if err != nil {
		return nil, fmt.Errorf("count who moved while editions opened: %w", err)
	}
	moved := make(map[digest.EditionID]digest.Travelled, len(rows))
	for _, r := range rows {
		moved[r.ID] = r.Travelled
	}
	return moved, nil
}

// brought counts the readers who are in the slot's zone now and have the
// edition by another one, from where they moved since.
func (p *publication) brought(ctx context.Context) (n int, err error) {
	if !p.joined || p.zone == "" {
		return 0, nil
	}
	zones, err := p.knownZones(ctx)
	if err != nil {
		return 0, err
	}
	err = p.tx.GetContext(ctx, &n, `
		SELECT count(*)
		FROM deliveries d
		JOIN variants v ON v.id = d.variant_id AND v.zone <> $2
		JOIN readers r ON r.id = d.reader_id AND r.email IS NOT NULL
		WHERE d.edition_id = $1 AND CASE WHEN r.time_zone = ANY ($3::text[]) THEN r.time_zone ELSE $4 END = $2
		  AND d.reader_id IN (
			SELECT m.reader_id FROM reader_events m
			WHERE m.kind = 'moved' AND m.at > (SELECT min(z.decided_at) FROM slots z WHERE z.edition_id = $1 AND z.digest = $5))`,
		p.id, p.zone, textArray(zones), homeZone(p.order.Digest), p.order.Digest.Name)
	if err != nil {
		return 0, fmt.Errorf("count who brought the edition along: %w", err)
	}
	return n, nil
}
