package store

import (
	"context"
	"database/sql"
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
	editions, latest, err := p.fillTold(ctx, stories, newest, corrected, made)
	if err != nil {
		return err
	}
	if len(editions) > 0 {
		if err := p.fillHad(ctx, editions, latest, len(made) > 0); err != nil {
			return err
		}
	}
	if err := p.learn(ctx, "past"); err != nil || proof {
		return err
	}
	p.forgotten, err = p.forgets(ctx, stories)
	return err
}

// fillTold lists the variants that told one of the stories, or brought one of
// the corrections, and until when a reader's window begins to whom that matters.
// It says in which editions they were, and the last such moment of all.
func (p *publication) fillTold(ctx context.Context, stories []int64, newest []string, corrected, made []int64) (editions []int64, latest string, err error) {
	_, err = p.tx.ExecContext(ctx, `
		CREATE TEMPORARY TABLE told ON COMMIT DROP AS
		WITH known AS MATERIALIZED (
			SELECT story_id, max(newest) AS newest
			FROM (
				SELECT u.story_id, u.newest::timestamptz FROM unnest($1::bigint[], $2::text[]) AS u (story_id, newest)
				UNION ALL
				-- who had what was wrong is owed the correction, whenever that was
				SELECT u.story_id, 'infinity' FROM unnest($3::bigint[]) AS u (story_id)
			) k
			GROUP BY story_id
		)
		SELECT id AS variant_id, edition_id, coming, max(newest) AS newest
		FROM (
			SELECT v.id, v.edition_id, e.digest <> $5 AND e.state IN ('open', 'sending', 'held') AS coming, k.newest
			FROM known k
			JOIN variant_stories vs ON vs.story_id = k.story_id
			JOIN variants v ON v.id = vs.variant_id
			JOIN editions e ON e.id = v.edition_id
			WHERE v.reason IS NULL AND e.kind <> 'proof' AND (e.digest <> $5 OR k.newest > v.window_to)
			UNION ALL
			SELECT v.id, v.edition_id, e.digest <> $5 AND e.state IN ('open', 'sending', 'held'), 'infinity'
			FROM variant_corrections vc
			JOIN variants v ON v.id = vc.variant_id
			JOIN editions e ON e.id = v.edition_id
			WHERE vc.correction_id = ANY ($4::bigint[]) AND e.kind <> 'proof'
		) t
		GROUP BY id, edition_id, coming`,
		pq.Array(stories), pq.Array(newest), pq.Array(corrected), pq.Array(made), p.order.Digest.Name)
	if err != nil {
		return nil, "", fmt.Errorf("list who told the stories before: %w", err)
	}
	if err := p.learn(ctx, "told"); err != nil {
		return nil, "", err
	}
	var row struct {
		Editions pq.Int64Array
		Latest   sql.NullString
	}
	if err := p.tx.GetContext(ctx, &row, `SELECT array_agg(DISTINCT edition_id) AS editions, max(newest)::text AS latest FROM told`); err != nil {
		return nil, "", fmt.Errorf("read the editions that told the stories before: %w", err)
	}
	return row.Editions, row.Latest.String, nil
}

// fillHad looks into the ledger for those variants. Most readers' windows begin
// where the last edition ended, and often nothing was told again since then: so
// the moment is told to the planner, who may find that few readers are left.
func (p *publication) fillHad(ctx context.Context, editions []int64, latest string, corrects bool) error {
	_, err := p.tx.ExecContext(ctx, `
		INSERT INTO past
		SELECT reader_id,
		       COALESCE(array_agg(variant_id) FILTER (WHERE had), '{}'),
		       COALESCE(array_agg(variant_id) FILTER (WHERE NOT had), '{}')
		FROM (
			SELECT d.reader_id, d.variant_id, NOT $4 OR `+hadState+` AS had
			FROM told t
			JOIN deliveries d ON d.edition_id = t.edition_id AND d.variant_id = t.variant_id
			JOIN audience a ON a.reader_id = d.reader_id AND a.since < t.newest
			WHERE ($3::bigint IS NULL OR d.reader_id = $3)
			  AND d.edition_id = ANY ($1::bigint[]) AND a.since < $2::timestamptz
			  AND (`+hadState+` OR d.state = 'queued' AND t.coming)
			ORDER BY d.reader_id, d.variant_id
		) d
		GROUP BY reader_id`, pq.Array(editions), latest, p.reader, corrects)
	if err != nil {
		return fmt.Errorf("read what readers had: %w", err)
	}
	return nil
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

// readersOfGroups are the readers of the groups $2, each with the variant of $3
// that its group gets.
const readersOfGroups = `(
			SELECT unnest(g.reader_ids) AS reader_id, u.variant_id
			FROM unnest($2::bigint[], $3::bigint[]) AS u (grp, variant_id)
			JOIN grouped g ON g.grp = u.grp)`

// group names the groups and reads them. Readers of one group share choices,
// zone, window and past. Who they are stays in the database.
func (p *publication) group(ctx context.Context, m digest.Material) ([]digest.Group, error) {
	_, err := p.tx.ExecContext(ctx, `
		CREATE TEMPORARY TABLE grouped (
			grp bigint GENERATED ALWAYS AS IDENTITY, language text, zone text, categories text[], since timestamptz,
			had bigint[], awaited bigint[], returned bigint[], readers bigint, reader_ids bigint[]
		) ON COMMIT DROP;
		ALTER TABLE grouped ALTER reader_ids SET STORAGE EXTERNAL`) // a million numbers in a row: not worth packing
	if err != nil {
		return nil, fmt.Errorf("make room for the groups: %w", err)
	}
	returned, whose := `'{}'::bigint[]`, ``
	if len(p.returned) > 0 {
		returned = `COALESCE(b.stories, '{}')`
		whose = `LEFT JOIN (SELECT reader_id, array_agg(story_id ORDER BY story_id) AS stories FROM returned GROUP BY 1) b ON b.reader_id = a.reader_id`
	}
	// An array holds 16 million of them, so that no audience is too large for one.
	_, err = p.tx.ExecContext(ctx, `
		INSERT INTO grouped (language, zone, categories, since, had, awaited, returned, readers, reader_ids)
		SELECT a.language, a.zone, a.categories, a.since, COALESCE(h.had, '{}'), COALESCE(h.awaited, '{}'), `+returned+`, count(*), array_agg(a.reader_id)
		FROM audience a
		LEFT JOIN past h ON h.reader_id = a.reader_id
		`+whose+`
		GROUP BY a.language, a.zone, a.categories, a.since, COALESCE(h.had, '{}'), COALESCE(h.awaited, '{}'), `+returned+`, a.reader_id >> 24`)
	if err != nil {
		return nil, fmt.Errorf("group the audience: %w", err)
	}
	var rows []struct {
		Grp        int64
		Language   string
		Zone       string
		Categories pq.StringArray
		Had        pq.Int64Array
		Returned   pq.Int64Array
		Owed       pq.Int64Array
		Since      time.Time
		Readers    int
	}
	err = p.tx.SelectContext(ctx, &rows, `
		SELECT g.grp, g.language, g.zone, g.categories, g.since, g.readers, g.returned,
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
		for _, id := range r.Returned {
			groups[i].Returned = append(groups[i].Returned, digest.StoryID(id))
		}
		for _, id := range r.Owed {
			groups[i].Owed = append(groups[i].Owed, digest.CorrectionID(id))
		}
	}
	return groups, nil
}
