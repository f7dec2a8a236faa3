package store

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"courant/digest"
)

// archived is what the archive shows of an edition e: its variant v.
const archived = `
	FROM editions e
	JOIN variants v ON v.edition_id = e.id AND v.shown AND v.reason IS NULL
	WHERE e.appeared IS NOT NULL AND e.kind <> 'proof' AND e.digest = $1`

// remarked are the moments at which something became known of what variant v
// of edition e told.
const remarked = `
	SELECT max(known.at) AS at
	FROM variant_stories vs
	JOIN edition_stories es ON es.edition_id = e.id AND es.story_id = vs.story_id
	CROSS JOIN LATERAL (
		SELECT c.at FROM corrections c WHERE c.story_id = vs.story_id AND (es.told ->> 'article')::bigint = ANY (c.wrong) AND c.at > e.published
		UNION ALL
		SELECT a.withdrawn FROM articles a WHERE a.id = (es.told ->> 'article')::bigint AND a.withdrawn > e.published
	) known
	WHERE vs.variant_id = v.id`

// ArchivedEditions lists editions of a digest that stand in the archive, the
// newest first: at most n, with at most leads stories each, and only those with
// a number below before, if it is not zero.
func (s *Store) ArchivedEditions(ctx context.Context, name string, before, n, leads int) ([]digest.Archived, error) {
	var rows []struct {
		ID                      int64
		Digest, Title, Language string
		Number, Stories         int
		Day                     time.Time
		Appeared                time.Time
		At                      *time.Time
		Told                    []byte
	}
	err := s.db.SelectContext(ctx, &rows, `
		SELECT shown.id, shown.digest, shown.title, shown.language, shown.number, shown.day, shown.appeared, remarks.at,
		       told.stories, COALESCE(told.told, '[]') AS told
		FROM (
			SELECT e.id, e.digest, e.title, e.language, e.number, e.local_date AS day, e.appeared, v.id AS variant`+archived+`
			  AND ($2 = 0 OR e.number < $2)
			ORDER BY e.number DESC
			LIMIT $3
		) shown
		JOIN editions e ON e.id = shown.id
		JOIN variants v ON v.id = shown.variant
		CROSS JOIN LATERAL (`+remarked+`) remarks
		CROSS JOIN LATERAL (
			SELECT count(*) AS stories, jsonb_agg(es.told ORDER BY vs.position) FILTER (WHERE vs.position <= $4) AS told
			FROM variant_stories vs
			JOIN edition_stories es ON es.edition_id = shown.id AND es.story_id = vs.story_id
			WHERE vs.variant_id = shown.variant
		) told
		ORDER BY shown.number DESC`, name, before, n, leads)
	if err != nil {
		return nil, fmt.Errorf("list the archive of %s: %w", name, err)
	}
	list := make([]digest.Archived, 0, len(rows))
	for _, r := range rows {
		a := digest.Archived{
			ID: digest.EditionID(r.ID), Digest: r.Digest, Title: r.Title, Number: r.Number, Language: r.Language,
			Day: digest.DateOf(r.Day), Appeared: r.Appeared, Changed: r.Appeared, Stories: r.Stories,
		}
		if r.At != nil && r.At.After(r.Appeared) {
			a.Changed = *r.At
		}
		var told []toldJSON
		if err := json.Unmarshal(r.Told, &told); err != nil {
			return nil, fmt.Errorf("read the stories of edition %d: %w", r.ID, err)
		}
		for _, t := range told {
			a.Leads = append(a.Leads, digest.Told(t))
		}
		list = append(list, a)
	}
	return list, nil
}

// ArchivedEdition reads an edition as the archive shows it: what was mailed by
// the digest's own choice, and what became known of it since.
// digest.ErrNotFound where the archive has none of the number: there is none,
// it was a proof, or none of its mails went out.
func (s *Store) ArchivedEdition(ctx context.Context, name string, number int) (e digest.Edition, v digest.Variant, since []digest.Remark, changed time.Time, err error) {
	fail := func(err error) (digest.Edition, digest.Variant, []digest.Remark, time.Time, error) {
		return e, v, nil, changed, fmt.Errorf("read edition %d of %s out of the archive: %w", number, name, err)
	}
	var row struct {
		ID, Variant int64
		Appeared    time.Time
	}
	err = s.db.GetContext(ctx, &row, `
		SELECT e.id, e.appeared, v.id AS variant`+archived+` AND e.number = $2`, name, number)
	if err != nil {
		return fail(found(err))
	}
	if e, err = s.Edition(ctx, digest.EditionID(row.ID)); err != nil {
		return fail(err)
	}
	if v, err = s.Variant(ctx, digest.VariantID(row.Variant)); err != nil {
		return fail(err)
	}
	if since, err = s.remarks(ctx, v); err != nil {
		return fail(err)
	}
	changed = row.Appeared
	for _, r := range since {
		if r.At.After(changed) {
			changed = r.At
		}
	}
	return e, v, since, changed, nil
}

// remarks reads what became known of the stories of a variant: corrections of
// tellings such as its own which it does not bring itself, and articles that
// their publisher took back since.
func (s *Store) remarks(ctx context.Context, v digest.Variant) ([]digest.Remark, error) {
	var rows []struct {
		StoryID    int64
		Title, URL string
		Text       string
		At         time.Time
		Withdrawn  bool
	}
	err := s.db.SelectContext(ctx, &rows, `
		WITH told AS (
			SELECT es.story_id, es.told ->> 'title' AS title, es.told ->> 'url' AS url, (es.told ->> 'article')::bigint AS article, vs.position, e.published
			FROM variant_stories vs
			JOIN edition_stories es ON es.edition_id = $2 AND es.story_id = vs.story_id
			JOIN editions e ON e.id = $2
			WHERE vs.variant_id = $1
		)
		SELECT t.story_id, t.title, t.url, c.correction AS text, c.at, false AS withdrawn
		FROM told t
		JOIN corrections c ON c.story_id = t.story_id
		WHERE t.article = ANY (c.wrong)
		  AND NOT EXISTS (SELECT 1 FROM variant_corrections vc WHERE vc.variant_id = $1 AND vc.correction_id = c.id)
		UNION ALL
		SELECT t.story_id, t.title, t.url, '', a.withdrawn, true
		FROM told t
		JOIN articles a ON a.id = t.article
		WHERE a.withdrawn > t.published
		ORDER BY at`, int64(v.ID), int64(v.Edition))
	if err != nil {
		return nil, fmt.Errorf("read what became known since: %w", err)
	}
	list := make([]digest.Remark, 0, len(rows))
	for _, r := range rows {
		list = append(list, digest.Remark{Story: digest.StoryID(r.StoryID), Title: r.Title, URL: r.URL, Text: r.Text, At: r.At, Withdrawn: r.Withdrawn})
	}
	return slices.Clip(list), nil
}
