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

// Correct records what editions told wrong by the article at an address, and
// says how many readers had it so and are owed the correction: it comes with
// their next edition. Said in the same words before, nothing is added. Another
// article may have told the same story right, and so who had only that one had
// no error. digest.ErrNotFound where no edition told the article; the
// correction then names the telling of its story that is out, if there is one.
func (s *Store) Correct(ctx context.Context, address, text string, at time.Time) (c digest.Correction, reach digest.Reach, err error) {
	canonical, err := digest.CanonicalURL(address)
	if err != nil {
		return c, reach, fmt.Errorf("correct the story at %s: %w", address, err)
	}
	err = s.tx(ctx, func(tx *sqlx.Tx) error {
		c, reach, err = correct(ctx, tx, canonical, address, text, at.UTC().Truncate(time.Microsecond))
		return err
	})
	return c, reach, err
}

// wrongly is an article at the address, as it was last told.
type wrongly struct {
	Article, StoryID int64
	Told             []byte
}

// correct is Correct inside its transaction. Two sources may both have the
// address, and each may have been told to other readers, under its own
// headline: then each is corrected.
func correct(ctx context.Context, tx *sqlx.Tx, canonical, address, text string, at time.Time) (c digest.Correction, reach digest.Reach, err error) {
	found, err := toldAt(ctx, tx, canonical, address, at)
	if err != nil {
		return c, reach, err
	}
	var articles []int64
	for i, w := range found {
		if w.Article == 0 { // it stands for what is at the address
			c, err = w.correction(text, at)
			return c, reach, errors.Join(err, digest.ErrNotFound)
		}
		said, again, err := w.record(ctx, tx, text, at)
		if err != nil {
			return c, reach, err
		}
		if i == 0 {
			c, reach.Again = said, again
		}
		reach.Again = reach.Again && again
		articles = append(articles, w.Article)
	}
	if len(articles) == 0 {
		return c, reach, digest.ErrNotFound
	}
	err = tx.GetContext(ctx, &reach, `
		SELECT count(DISTINCT d.reader_id) FILTER (WHERE `+hadState+`) AS readers,
		       count(*) FILTER (WHERE d.state = 'queued' AND d.resends = 0 AND e.state IN ('open', 'sending', 'held')) AS waiting, $2::boolean AS again
		FROM edition_stories es
		JOIN editions e ON e.id = es.edition_id
		JOIN variants v ON v.edition_id = es.edition_id
		JOIN variant_stories vs ON vs.variant_id = v.id AND vs.story_id = es.story_id
		JOIN deliveries d ON d.edition_id = v.edition_id AND d.variant_id = v.id
		WHERE es.story_id IN (SELECT story_id FROM article_story WHERE article_id = ANY ($1::bigint[]))
		  AND (es.told ->> 'article')::bigint = ANY ($1::bigint[])
		  AND v.reason IS NULL AND e.kind <> 'proof'`, pq.Array(articles), reach.Again)
	if err != nil {
		return c, reach, fmt.Errorf("count who had the story: %w", err)
	}
	return c, reach, nil
}

// toldAt lists the articles at an address that an edition told, the last one
// first. Where none was, but another article told the story, it lists that
// telling, with no article.
func toldAt(ctx context.Context, tx *sqlx.Tx, canonical, address string, at time.Time) (list []wrongly, err error) {
	err = tx.SelectContext(ctx, &list, `
		WITH told AS (
			SELECT DISTINCT ON (article) es.story_id, es.edition_id, es.told,
			       CASE WHEN (es.told ->> 'article')::bigint = a.id THEN a.id ELSE 0 END AS article
			FROM articles a
			JOIN article_story t ON t.article_id = a.id
			JOIN edition_stories es ON es.story_id = t.story_id
			JOIN editions e ON e.id = es.edition_id
			WHERE (a.canonical = $1 OR a.url = $3) AND e.kind <> 'proof' AND e.published <= $2
			  -- edition_stories has those too that every variant left out
			  AND EXISTS (
				SELECT 1 FROM variants v JOIN variant_stories vs ON vs.variant_id = v.id
				WHERE v.edition_id = es.edition_id AND vs.story_id = es.story_id)
			ORDER BY article, es.edition_id DESC
		)
		SELECT article, story_id, told
		FROM told
		WHERE article <> 0 OR NOT EXISTS (SELECT 1 FROM told WHERE article <> 0)
		ORDER BY edition_id DESC, article`, canonical, at, address)
	if err != nil {
		return nil, fmt.Errorf("look for the story at %s: %w", canonical, err)
	}
	return list, nil
}

func (w wrongly) correction(text string, at time.Time) (digest.Correction, error) {
	told, err := parseTold(w.Told)
	return digest.Correction{Story: digest.StoryID(w.StoryID), Title: told.Title, URL: told.URL, Text: text, At: at}, err
}

// record writes the correction of one article down, unless it was said so
// before: who repeats a command did not mean that readers should read it twice.
func (w wrongly) record(ctx context.Context, tx *sqlx.Tx, text string, at time.Time) (c digest.Correction, again bool, err error) {
	if c, err = w.correction(text, at); err != nil {
		return c, false, err
	}
	// Of two that say it at the same moment the second waits for the first.
	if _, err := tx.ExecContext(ctx, `SELECT id FROM stories WHERE id = $1 FOR NO KEY UPDATE`, w.StoryID); err != nil {
		return c, false, fmt.Errorf("hold the story: %w", err)
	}
	var before struct {
		ID int64
		At time.Time
	}
	err = tx.GetContext(ctx, &before, `
		SELECT id, at
		FROM corrections
		WHERE story_id = $1 AND correction = $2 AND wrong @> ARRAY[$3::bigint]
		ORDER BY id
		LIMIT 1`, w.StoryID, text, w.Article)
	if err == nil {
		c.ID, c.At = digest.CorrectionID(before.ID), before.At
		return c, true, nil
	}
	if !errors.Is(err, sql.ErrNoRows) {
		return c, false, fmt.Errorf("look for the same correction: %w", err)
	}
	err = tx.GetContext(ctx, &c.ID, `
		INSERT INTO corrections (story_id, wrong, correction, at) VALUES ($1, ARRAY[$2::bigint], $3, $4) RETURNING id`, w.StoryID, w.Article, text, at)
	if err != nil {
		return c, false, fmt.Errorf("write the correction: %w", err)
	}
	return c, false, nil
}

// correctionRow is a correction with how its story was last told wrong.
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

// wronglyTold is how correction c's story was last told by an article that is
// wrong. An article that was told does not change, so every edition that tells
// the story by it tells it wrong, and under this headline.
const wronglyTold = `
	SELECT es.told
	FROM edition_stories es
	WHERE es.story_id = c.story_id AND (es.told ->> 'article')::bigint = ANY (c.wrong)`

// corrections are those that a reader of the edition may be owed.
func (p *publication) corrections(ctx context.Context) ([]digest.Correction, error) {
	var rows []correctionRow
	err := p.tx.SelectContext(ctx, &rows, `
		SELECT c.id, c.story_id, c.correction, c.at, t.told, c.wrong
		FROM corrections c
		CROSS JOIN LATERAL (`+wronglyTold+` AND ($3 = 0 OR es.edition_id < $3) ORDER BY es.edition_id DESC LIMIT 1) t
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
		CROSS JOIN LATERAL (`+wronglyTold+` AND es.edition_id < $2 ORDER BY es.edition_id DESC LIMIT 1) t
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
