package store

import (
	"context"
	"fmt"
	"slices"
	"time"

	"courant/digest"

	"github.com/lib/pq"
)

// fillPast notes, for readers to whom it matters, which variants they had that
// told what the edition may tell, in whatever digest. A story queued in another
// digest's live edition counts too: two digests due in the same minute would
// otherwise both carry it. But nobody is owed a correction for what may never
// come, so those stand apart where there are corrections.
//
// What lies before a reader's window is not told anyway, so its past does not
// matter; and an edition of this digest that a reader had ends where the
// reader's window begins, or before. So of this digest only stories that were
// told again since then are looked up, which are few.
func (p *publication) fillPast(ctx context.Context, m digest.Material) error {
	_, err := p.tx.ExecContext(ctx, `
		CREATE TEMPORARY TABLE past (reader_id bigint NOT NULL, had bigint[] NOT NULL, awaited bigint[] NOT NULL) ON COMMIT DROP`)
	if err != nil {
		return fmt.Errorf("make room for what readers had: %w", err)
	}
	var known []digest.Known
	proof := p.order.Kind == digest.KindProof
	if !proof { // which tells its stories to whoever had them
		known = p.known(m)
	}
	stories, newest := make([]int64, len(known)), make([]string, len(known))
	for i, k := range known {
		stories[i], newest[i] = int64(k.ID), "infinity"
		if !k.Newest.IsZero() {
			newest[i] = k.Newest.UTC().Format(time.RFC3339Nano)
		}
	}
	var corrected, made []int64
	for _, c := range m.Corrections {
		corrected, made = append(corrected, int64(c.Story)), append(made, int64(c.ID))
	}
	if len(known)+len(made) == 0 {
		return nil
	}
	_, err = p.tx.ExecContext(ctx, `
		INSERT INTO past
		WITH known AS MATERIALIZED (
			SELECT story_id, max(newest) AS newest
			FROM (
				SELECT u.story_id, u.newest::timestamptz FROM unnest($1::bigint[], $2::text[]) AS u (story_id, newest)
				UNION ALL
				-- who had what was wrong is owed the correction, whenever that was
				SELECT u.story_id, 'infinity' FROM unnest($3::bigint[]) AS u (story_id)
			) k
			GROUP BY story_id
		), told AS MATERIALIZED (
			SELECT v.id, v.edition_id, e.digest <> $5 AND e.state IN ('open', 'sending', 'held') AS coming, max(k.newest) AS newest
			FROM known k
			JOIN variant_stories vs ON vs.story_id = k.story_id
			JOIN variants v ON v.id = vs.variant_id
			JOIN editions e ON e.id = v.edition_id
			WHERE v.reason IS NULL AND e.kind <> 'proof' AND (e.digest <> $5 OR k.newest > v.window_to)
			GROUP BY v.id, v.edition_id, e.digest, e.state
			UNION
			SELECT v.id, v.edition_id, e.digest <> $5 AND e.state IN ('open', 'sending', 'held'), 'infinity'
			FROM variant_corrections vc
			JOIN variants v ON v.id = vc.variant_id
			JOIN editions e ON e.id = v.edition_id
			WHERE vc.correction_id = ANY ($4::bigint[]) AND e.kind <> 'proof'
		)
		SELECT a.reader_id,
		       COALESCE(array_agg(DISTINCT d.variant_id ORDER BY d.variant_id) FILTER (WHERE NOT $7 OR `+hadState+`), '{}'),
		       COALESCE(array_agg(DISTINCT d.variant_id ORDER BY d.variant_id) FILTER (WHERE $7 AND NOT `+hadState+`), '{}')
		FROM told t
		JOIN deliveries d ON d.edition_id = t.edition_id AND d.variant_id = t.id
		JOIN audience a ON a.reader_id = d.reader_id AND a.since < t.newest
		WHERE ($6::bigint IS NULL OR d.reader_id = $6)
		  AND d.edition_id = ANY (ARRAY(SELECT edition_id FROM told))
		  AND (`+hadState+` OR d.state = 'queued' AND t.coming)
		GROUP BY a.reader_id`,
		pq.Array(stories), pq.Array(newest), pq.Array(corrected), pq.Array(made), p.order.Digest.Name, p.reader, len(made) > 0)
	if err != nil {
		return fmt.Errorf("read what readers had: %w", err)
	}
	if err := p.learn(ctx, "past"); err != nil || proof {
		return err
	}
	p.forgotten, err = p.forgets(ctx, stories)
	return err
}

// known lists the stories there are that the edition may tell. Without anybody
// who knows which of them its articles tell, any of those that were told or
// dropped lately may be, to everyone.
func (p *publication) known(m digest.Material) []digest.Known {
	if p.order.Known != nil {
		return p.order.Known(m)
	}
	var known []digest.Known
	for _, c := range m.Candidates {
		if c.Story != 0 {
			known = append(known, digest.Known{ID: c.Story})
		}
	}
	for _, s := range slices.Concat(m.Sent, m.Dropped) {
		if s.ID != 0 {
			known = append(known, digest.Known{ID: s.ID})
		}
	}
	return known
}

// audienceInGroups is who is in which group, as far as the tables audience,
// past and grouped know.
const audienceInGroups = `
	audience a
	LEFT JOIN past h ON h.reader_id = a.reader_id
	JOIN grouped g ON g.language = a.language AND g.zone = a.zone AND g.since = a.since AND g.categories = a.categories
	     AND g.had = COALESCE(h.had, '{}') AND g.awaited = COALESCE(h.awaited, '{}')`

// group names the groups and reads them. Readers of one group share choices,
// zone, window and past.
func (p *publication) group(ctx context.Context, m digest.Material) ([]digest.Group, error) {
	_, err := p.tx.ExecContext(ctx, `
		CREATE TEMPORARY TABLE grouped ON COMMIT DROP AS
		SELECT row_number() OVER () AS grp, *
		FROM (
			SELECT a.language, a.zone, a.categories, a.since, COALESCE(h.had, '{}') AS had, COALESCE(h.awaited, '{}') AS awaited, count(*) AS readers
			FROM audience a
			LEFT JOIN past h ON h.reader_id = a.reader_id
			GROUP BY 1, 2, 3, 4, 5, 6
		) g`)
	if err != nil {
		return nil, fmt.Errorf("group the audience: %w", err)
	}
	if err := p.learn(ctx, "grouped"); err != nil {
		return nil, err
	}
	var rows []struct {
		Grp        int64
		Language   string
		Zone       string
		Categories pq.StringArray
		Had        pq.Int64Array
		Owed       pq.Int64Array
		Since      time.Time
		Readers    int
	}
	err = p.tx.SelectContext(ctx, &rows, `
		SELECT g.grp, g.language, g.zone, g.categories, g.since, g.readers,
		       (SELECT array_agg(DISTINCT vs.story_id ORDER BY vs.story_id)
		        FROM variant_stories vs WHERE vs.variant_id = ANY (g.had || g.awaited)) AS had,
		       CASE WHEN $1 THEN (
		           SELECT array_agg(c.id ORDER BY c.id)
		           FROM corrections c
		           WHERE c.at > $2::timestamptz - $3::interval AND c.at <= $2
		             AND EXISTS (
		                 SELECT 1
		                 FROM variant_stories vs
		                 JOIN variants v ON v.id = vs.variant_id
		                 JOIN edition_stories es ON es.edition_id = v.edition_id AND es.story_id = vs.story_id
		                 WHERE vs.variant_id = ANY (g.had) AND vs.story_id = c.story_id
		                   AND (es.told ->> 'article')::bigint = ANY (c.wrong))
		             AND NOT EXISTS (
		                 SELECT 1 FROM variant_corrections vc WHERE vc.variant_id = ANY (g.had || g.awaited) AND vc.correction_id = c.id))
		       END AS owed
		FROM grouped g
		ORDER BY g.grp`, len(m.Corrections) > 0, p.edition.Published, correctionsCount)
	if err != nil {
		return nil, fmt.Errorf("read the groups: %w", err)
	}
	groups := make([]digest.Group, len(rows))
	for i, r := range rows {
		groups[i] = digest.Group{Key: r.Grp, Language: r.Language, Zone: r.Zone, Since: r.Since, Readers: r.Readers}
		if len(r.Categories) > 0 {
			groups[i].Categories = r.Categories
		}
		for _, id := range r.Had {
			groups[i].Had = append(groups[i].Had, digest.StoryID(id))
		}
		groups[i].Had = append(groups[i].Had, p.forgotten...)
		slices.Sort(groups[i].Had)
		groups[i].Had = slices.Compact(groups[i].Had)
		if p.order.Kind == digest.KindProof {
			groups[i].Had = nil
		}
		for _, id := range r.Owed {
			groups[i].Owed = append(groups[i].Owed, digest.CorrectionID(id))
		}
	}
	return groups, nil
}
