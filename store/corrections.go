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

// correctionsCount is how long a correction is brought to those who are owed
// it: who comes back from a longer pause has forgotten what was wrong.
const correctionsCount = "30 days"

// Correct records what an edition told wrong of the story at an address, and
// says how many readers had it and are owed the correction: it comes with
// their next edition. digest.ErrNotFound where no edition told such a story.
func (s *Store) Correct(ctx context.Context, address, text string, at time.Time) (c digest.Correction, readers int, err error) {
	canonical, err := digest.CanonicalURL(address)
	if err != nil {
		return c, 0, fmt.Errorf("correct the story at %s: %w", address, err)
	}
	err = s.tx(ctx, func(tx *sqlx.Tx) error {
		c, readers, err = correct(ctx, tx, canonical, address, text, at.UTC().Truncate(time.Microsecond))
		return err
	})
	return c, readers, err
}

func correct(ctx context.Context, tx *sqlx.Tx, canonical, address, text string, at time.Time) (c digest.Correction, readers int, err error) {
	var frozen struct {
		StoryID int64
		Told    []byte
	}
	err = tx.GetContext(ctx, &frozen, `
		SELECT es.story_id, es.told
		FROM articles a
		JOIN article_story t ON t.article_id = a.id
		JOIN edition_stories es ON es.story_id = t.story_id
		JOIN editions e ON e.id = es.edition_id
		WHERE (a.canonical = $1 OR a.url = $3) AND e.kind <> 'proof' AND e.published <= $2
		  -- edition_stories has those too that every variant left out
		  AND EXISTS (
			SELECT 1 FROM variants v JOIN variant_stories vs ON vs.variant_id = v.id
			WHERE v.edition_id = es.edition_id AND vs.story_id = es.story_id)
		ORDER BY es.edition_id DESC
		LIMIT 1`, canonical, at, address)
	if errors.Is(err, sql.ErrNoRows) {
		return c, 0, digest.ErrNotFound
	}
	if err != nil {
		return c, 0, fmt.Errorf("look for the story at %s: %w", canonical, err)
	}
	told, err := parseTold(frozen.Told)
	if err != nil {
		return c, 0, err
	}
	c = digest.Correction{Story: digest.StoryID(frozen.StoryID), Title: told.Title, URL: told.URL, Text: text, At: at}
	err = tx.GetContext(ctx, &c.ID, `
		INSERT INTO corrections (story_id, correction, at) VALUES ($1, $2, $3) RETURNING id`, frozen.StoryID, text, at)
	if err != nil {
		return c, 0, fmt.Errorf("write the correction: %w", err)
	}
	err = tx.GetContext(ctx, &readers, `
		SELECT count(DISTINCT d.reader_id)
		FROM variant_stories vs
		JOIN variants v ON v.id = vs.variant_id
		JOIN editions e ON e.id = v.edition_id
		JOIN deliveries d ON d.edition_id = v.edition_id AND d.variant_id = v.id
		WHERE vs.story_id = $1 AND v.reason IS NULL AND e.kind <> 'proof'
		  AND (d.state IN ('claimed', 'sending', 'accepted', 'in doubt', 'bounced', 'complained') OR d.resends > 0)`, frozen.StoryID)
	if err != nil {
		return c, 0, fmt.Errorf("count who had the story: %w", err)
	}
	return c, readers, nil
}

// correctionRow is a correction with how its story was last told.
type correctionRow struct {
	ID, StoryID int64
	Correction  string
	At          time.Time
	Told        []byte
	Wrong       pq.Int64Array
}

func toCorrections(rows []correctionRow) ([]digest.Correction, error) {
	list := make([]digest.Correction, 0, len(rows))
	for _, r := range rows {
		told, err := parseTold(r.Told)
		if err != nil {
			return nil, err
		}
		c := digest.Correction{
			ID: digest.CorrectionID(r.ID), Story: digest.StoryID(r.StoryID), Title: told.Title, URL: told.URL, Text: r.Correction, At: r.At,
		}
		for _, id := range r.Wrong {
			c.Wrong = append(c.Wrong, digest.ArticleID(id))
		}
		list = append(list, c)
	}
	return list, nil
}

// wrongTellings are the articles by which the story of correction c had been
// told when the correction was made. An article that was told does not change,
// so a later edition that tells the story by one of them tells it wrong, too.
const wrongTellings = `
	SELECT DISTINCT (w.told ->> 'article')::bigint
	FROM edition_stories w JOIN editions x ON x.id = w.edition_id
	WHERE w.story_id = c.story_id AND x.kind <> 'proof' AND x.published <= c.at`

// corrections are those that a reader of the edition may be owed.
func (p *publication) corrections(ctx context.Context) ([]digest.Correction, error) {
	var rows []correctionRow
	err := p.tx.SelectContext(ctx, &rows, `
		SELECT c.id, c.story_id, c.correction, c.at, t.told, ARRAY(`+wrongTellings+`) AS wrong
		FROM corrections c
		CROSS JOIN LATERAL (
			SELECT es.told FROM edition_stories es
			WHERE es.story_id = c.story_id AND ($3 = 0 OR es.edition_id < $3) ORDER BY es.edition_id DESC LIMIT 1) t
		WHERE c.at > $1::timestamptz - $2::interval AND c.at <= $1
		ORDER BY c.id`, p.edition.Published, correctionsCount, p.id)
	if err != nil {
		return nil, fmt.Errorf("read the corrections: %w", err)
	}
	return toCorrections(rows)
}

// variantCorrections reads what a variant corrects, told as it was before its
// edition, so that every render of it says the same.
func variantCorrections(ctx context.Context, q sqlx.QueryerContext, v digest.Variant) ([]digest.Correction, error) {
	var rows []correctionRow
	err := sqlx.SelectContext(ctx, q, &rows, `
		SELECT c.id, c.story_id, c.correction, c.at, t.told
		FROM variant_corrections vc
		JOIN corrections c ON c.id = vc.correction_id
		CROSS JOIN LATERAL (
			SELECT es.told FROM edition_stories es
			WHERE es.story_id = c.story_id AND es.edition_id < $2 ORDER BY es.edition_id DESC LIMIT 1) t
		WHERE vc.variant_id = $1
		ORDER BY c.id`, int64(v.ID), int64(v.Edition))
	if err != nil {
		return nil, fmt.Errorf("read the corrections of variant %d: %w", v.ID, err)
	}
	if len(rows) == 0 {
		return nil, nil
	}
	return toCorrections(rows)
}
