package store

import (
	"context"
	"fmt"
	"slices"
	"time"

	"courant/digest"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

// markRow is digest.Mark as the database has it.
type markRow struct {
	Kind      digest.MarkKind
	ArticleID int64
	StoryID   int64
	Digest    string
	Until     *time.Time
	SetBy     string
	SetAt     time.Time
	EndedBy   *string
	EndedAt   *time.Time
}

// markQuery reads marks as markRow has them.
const markQuery = `
	SELECT m.kind, m.article_id, COALESCE(s.story_id, 0) AS story_id, m.digest, m.until, m.set_by, m.set_at, m.ended_by, m.ended_at
	FROM article_marks m
	LEFT JOIN article_story s ON s.article_id = m.article_id`

func selectMarks(ctx context.Context, q sqlx.QueryerContext, where string, args ...any) ([]digest.Mark, error) {
	var rows []markRow
	if err := sqlx.SelectContext(ctx, q, &rows, markQuery+where, args...); err != nil {
		return nil, fmt.Errorf("read editors' marks: %w", err)
	}
	var marks []digest.Mark
	for _, r := range rows {
		m := digest.Mark{
			Kind: r.Kind, Article: digest.ArticleID(r.ArticleID), Story: digest.StoryID(r.StoryID), Digest: r.Digest,
			Until: orZero(r.Until), By: r.SetBy, At: r.SetAt, Ended: orZero(r.EndedAt),
		}
		if r.EndedBy != nil {
			m.EndedBy = *r.EndedBy
		}
		marks = append(marks, m)
	}
	return marks, nil
}

// Mark sets an editor's mark on the article with an id, or on those at an
// address, and gives what it marked. A mark of the same kind for the same
// digest is ended by it. digest.ErrNotFound where there is no such article;
// digest.ErrDropped for a pin of what a drop would win over.
func (s *Store) Mark(ctx context.Context, id digest.ArticleID, address string, m digest.Mark) (marked []digest.ListedArticle, err error) {
	err = s.tx(ctx, func(tx *sqlx.Tx) error {
		if marked, err = markable(ctx, tx, id, address); err != nil {
			return err
		}
		ids := idsOf(marked)
		if m.Kind == digest.MarkPin {
			drops, err := selectMarks(ctx, tx, `
				WHERE m.article_id = ANY ($1::bigint[]) AND m.kind = 'drop' AND m.ended_at IS NULL AND m.digest IN ('', $2)`, pq.Array(ids), m.Digest)
			if err != nil {
				return err
			}
			if len(drops) > 0 {
				return digest.ErrDropped
			}
		}
		if _, err := endMarks(ctx, tx, ids, m, true); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `
			INSERT INTO article_marks (article_id, kind, digest, until, set_by, set_at)
			SELECT u.article, $2, $3, $4, $5, $6 FROM unnest($1::bigint[]) AS u (article)`,
			pq.Array(ids), string(m.Kind), m.Digest, zeroNull(m.Until), m.By, m.At)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("mark an article: %w", err)
	}
	return marked, nil
}

// Unmark ends the marks of a kind that an article has: those for m.Digest, or,
// where it is empty, all. It says how many that were; in force are those of
// the kind that hold still. digest.ErrNotFound where there is no such article.
func (s *Store) Unmark(ctx context.Context, id digest.ArticleID, address string, m digest.Mark) (ended int, inForce []digest.Mark, err error) {
	err = s.tx(ctx, func(tx *sqlx.Tx) error {
		articles, err := markable(ctx, tx, id, address)
		if err != nil {
			return err
		}
		ids := idsOf(articles)
		if ended, err = endMarks(ctx, tx, ids, m, m.Digest != ""); err != nil {
			return err
		}
		inForce, err = selectMarks(ctx, tx, `
			WHERE m.article_id = ANY ($1::bigint[]) AND m.kind = $2 AND m.ended_at IS NULL
			ORDER BY m.id`, pq.Array(ids), string(m.Kind))
		return err
	})
	if err != nil {
		return 0, nil, fmt.Errorf("take a mark back: %w", err)
	}
	return ended, inForce, nil
}

// markable reads the articles to mark, and keeps others from marking them
// meanwhile.
func markable(ctx context.Context, tx *sqlx.Tx, id digest.ArticleID, address string) ([]digest.ListedArticle, error) {
	canonical, err := digest.CanonicalURL(address)
	if err != nil && id == 0 {
		return nil, err
	}
	var rows []listedRow
	err = tx.SelectContext(ctx, &rows, listedQuery()+`
		WHERE CASE WHEN $1 > 0 THEN a.id = $1 ELSE a.canonical = $2 OR a.url = $3 END
		ORDER BY a.id
		LIMIT 50
		FOR NO KEY UPDATE OF a`, int64(id), identity(canonical), address)
	if err != nil {
		return nil, fmt.Errorf("look for the article: %w", err)
	}
	if len(rows) == 0 {
		return nil, digest.ErrNotFound
	}
	articles := make([]digest.ListedArticle, len(rows))
	for i, r := range rows {
		articles[i] = r.listed()
	}
	return articles, nil
}

func idsOf(articles []digest.ListedArticle) []int64 {
	ids := make([]int64, len(articles))
	for i, a := range articles {
		ids[i] = int64(a.ID)
	}
	return ids
}

// endMarks ends the marks of m's kind; of those for m's digest only, or for
// any.
func endMarks(ctx context.Context, tx *sqlx.Tx, ids []int64, m digest.Mark, only bool) (int, error) {
	return affected(tx.ExecContext(ctx, `
		UPDATE article_marks
		SET ended_by = $3, ended_at = $4
		WHERE article_id = ANY ($1::bigint[]) AND kind = $2 AND ended_at IS NULL AND (NOT $5 OR digest = $6)`,
		pq.Array(ids), string(m.Kind), m.By, m.At, only, m.Digest))
}

// marks reads what editors decided that holds at the edition's moment, and
// what it needs: pinned articles that lie outside the window, and the stories
// that were dropped, for later tellings to fold into. A pin for this digest by
// name brings an article of any category, so that its mail says why it has no
// place.
func (p *publication) marks(ctx context.Context, m *digest.Material) (err error) {
	m.Marks, err = selectMarks(ctx, p.tx, `
		WHERE m.ended_at IS NULL AND (m.until IS NULL OR m.until > $1) AND m.digest IN ('', $2)
		ORDER BY m.id`, p.moment(), p.order.Digest.Name)
	if err != nil || len(m.Marks) == 0 {
		return err
	}
	var named, anywhere, dropped, stories []int64
	for _, mark := range m.Marks {
		switch {
		case mark.Kind == digest.MarkDrop:
			dropped, stories = append(dropped, int64(mark.Article)), append(stories, int64(mark.Story))
		case mark.Digest != "":
			named = append(named, int64(mark.Article))
		default:
			anywhere = append(anywhere, int64(mark.Article))
		}
	}
	if err := p.pinned(ctx, m, named, anywhere); err != nil {
		return err
	}
	return p.dropped(ctx, m, dropped, stories)
}

// pinned adds the pinned articles that are no candidates yet.
func (p *publication) pinned(ctx context.Context, m *digest.Material, named, anywhere []int64) error {
	var rows []articleRow
	err := p.tx.SelectContext(ctx, &rows, articleQuery+`
		WHERE (a.id = ANY ($1::bigint[]) OR a.id = ANY ($2::bigint[]) AND `+ofCategories+`) AND a.withdrawn IS NULL AND a.first_seen <= $4
		ORDER BY a.first_seen DESC, a.id`, pq.Array(named), pq.Array(anywhere), textArray(p.order.Digest.Categories), p.edition.WindowTo)
	if err != nil {
		return fmt.Errorf("read pinned articles: %w", err)
	}
	addCandidates(m, rows)
	return nil
}

// addCandidates adds the articles that are no candidates yet.
func addCandidates(m *digest.Material, rows []articleRow) {
	for _, r := range rows {
		if !slices.ContainsFunc(m.Candidates, func(c digest.Candidate) bool { return int64(c.ID) == r.ID }) {
			m.Candidates = append(m.Candidates, r.candidate())
		}
	}
}

// dropped reads the tellings of what was dropped, as far back as stories fold.
func (p *publication) dropped(ctx context.Context, m *digest.Material, articles, stories []int64) error {
	var rows []articleRow
	err := p.tx.SelectContext(ctx, &rows, articleQuery+`
		WHERE (a.id = ANY ($1::bigint[]) OR s.story_id = ANY ($2::bigint[])) AND a.first_seen > $3
		ORDER BY a.id`, pq.Array(articles), pq.Array(stories), p.foldsBack(m.Candidates))
	if err != nil {
		return fmt.Errorf("read what was dropped: %w", err)
	}
	for _, r := range rows {
		c := r.candidate()
		m.Dropped = append(m.Dropped, digest.Story{ID: c.Story, Articles: []digest.Article{c.Article}})
	}
	return nil
}
