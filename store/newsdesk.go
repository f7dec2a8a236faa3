package store

import (
	"context"
	"fmt"
	"strings"
	"time"

	"courant/digest"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

// listedRow is digest.ListedArticle as the database has it.
type listedRow struct {
	articleRow
	Withdrawn *time.Time
	Told      int
}

func (r listedRow) listed() digest.ListedArticle {
	return digest.ListedArticle{Candidate: r.candidate(), Withdrawn: orZero(r.Withdrawn), Told: r.Told}
}

// listedQuery reads articles as listedRow has them.
func listedQuery() string {
	return strings.Replace(articleQuery, "AS story_id", `AS story_id, a.withdrawn, (
		SELECT count(DISTINCT v.edition_id)
		FROM variant_stories vs
		JOIN variants v ON v.id = vs.variant_id
		JOIN editions e ON e.id = v.edition_id
		WHERE vs.story_id = s.story_id AND v.reason IS NULL AND e.kind <> 'proof') AS told`, 1)
}

// ListArticles lists the articles that pass a sieve, the newest first.
func (s *Store) ListArticles(ctx context.Context, sieve digest.ArticleSieve) ([]digest.ListedArticle, error) {
	var most *int
	if sieve.Limit > 0 {
		most = &sieve.Limit
	}
	var rows []listedRow
	err := s.db.SelectContext(ctx, &rows, listedQuery()+`
		WHERE ($1 = '' OR a.source = $1) AND ($2 = '' OR EXISTS (SELECT 1 FROM unnest(a.categories) AS its WHERE lower(its) = lower($2)))
		  AND ($3::timestamptz IS NULL OR a.first_seen > $3) AND ($4 = '' OR a.points_from = $4)
		ORDER BY a.first_seen DESC, a.id
		LIMIT $5`, sieve.Source, sieve.Category, zeroNull(sieve.Since), string(sieve.PointsFrom), most)
	if err != nil {
		return nil, fmt.Errorf("list articles: %w", err)
	}
	list := make([]digest.ListedArticle, len(rows))
	for i, r := range rows {
		list[i] = r.listed()
	}
	return list, nil
}

// ArticleRecords is everything known of the article with an id, or of those at
// an address: each source has its own. digest.ErrNotFound where there is none.
func (s *Store) ArticleRecords(ctx context.Context, id digest.ArticleID, address string) (records []digest.ArticleRecord, err error) {
	canonical, err := digest.CanonicalURL(address)
	if err != nil && id == 0 {
		return nil, fmt.Errorf("look for the article at %s: %w", address, err)
	}
	var rows []listedRow
	err = s.db.SelectContext(ctx, &rows, listedQuery()+`
		WHERE CASE WHEN $1 > 0 THEN a.id = $1 ELSE a.canonical = $2 OR a.url = $3 END
		ORDER BY a.first_seen, a.id
		LIMIT 50`, int64(id), identity(canonical), address)
	if err != nil {
		return nil, fmt.Errorf("look for an article: %w", err)
	}
	if len(rows) == 0 {
		return nil, digest.ErrNotFound
	}
	for _, r := range rows {
		record := digest.ArticleRecord{ListedArticle: r.listed()}
		if err := s.fillRecord(ctx, &record); err != nil {
			return nil, err
		}
		records = append(records, record)
	}
	return records, nil
}

// fillRecord reads what editors decided, and what became of the article's
// story.
func (s *Store) fillRecord(ctx context.Context, r *digest.ArticleRecord) (err error) {
	if r.Marks, err = selectMarks(ctx, s.db, ` WHERE m.article_id = $1 ORDER BY m.id DESC`, int64(r.ID)); err != nil {
		return err
	}
	if r.Story == 0 {
		return nil
	}
	if r.Tellings, err = tellings(ctx, s.db, r.Story); err != nil {
		return err
	}
	var others []articleRow
	err = s.db.SelectContext(ctx, &others, articleQuery+`
		WHERE s.story_id = $1 AND a.id <> $2
		ORDER BY a.id
		LIMIT 100`, int64(r.Story), int64(r.ID))
	if err != nil {
		return fmt.Errorf("read what else tells the story: %w", err)
	}
	for _, o := range others {
		r.Others = append(r.Others, o.candidate().Article)
	}
	var corrections []struct {
		ID         int64
		Correction string
		At         time.Time
	}
	err = s.db.SelectContext(ctx, &corrections, `
		SELECT id, correction, at FROM corrections WHERE story_id = $1 ORDER BY id`, int64(r.Story))
	if err != nil {
		return fmt.Errorf("read the story's corrections: %w", err)
	}
	for _, c := range corrections {
		r.Corrections = append(r.Corrections, digest.Correction{ID: digest.CorrectionID(c.ID), Story: r.Story, Title: r.Title, URL: r.URL, Text: c.Correction, At: c.At})
	}
	return nil
}

// tellings are the editions that had a story to tell, the newest first.
func tellings(ctx context.Context, q sqlx.QueryerContext, story digest.StoryID) ([]digest.Telling, error) {
	var rows []struct {
		ID           int64
		Digest, Kind string
		Number       int
		Published    time.Time
		Told         []byte
		Carried      bool
		Readers      int
		LeftOut      string
	}
	err := sqlx.SelectContext(ctx, q, &rows, `
		SELECT e.id, e.digest, e.kind, COALESCE(e.number, 0) AS number, e.published, es.told,
		       EXISTS (
		           SELECT 1 FROM variant_stories vs JOIN variants v ON v.id = vs.variant_id
		           WHERE vs.story_id = es.story_id AND v.edition_id = e.id AND v.reason IS NULL) AS carried,
		       (SELECT count(*)
		        FROM variant_stories vs
		        JOIN variants v ON v.id = vs.variant_id
		        JOIN deliveries d ON d.edition_id = v.edition_id AND d.variant_id = v.id
		        WHERE vs.story_id = es.story_id AND v.edition_id = e.id AND v.reason IS NULL
		          AND (d.state IN ('claimed', 'sending', 'accepted', 'in doubt', 'bounced', 'complained') OR d.resends > 0)) AS readers,
		       COALESCE((
		           SELECT string_agg(DISTINCT o.reason, '; ')
		           FROM variant_left_out o JOIN variants v ON v.id = o.variant_id
		           WHERE o.story_id = es.story_id AND v.edition_id = e.id), '') AS left_out
		FROM edition_stories es
		JOIN editions e ON e.id = es.edition_id
		WHERE es.story_id = $1
		ORDER BY e.id DESC
		LIMIT 50`, int64(story))
	if err != nil {
		return nil, fmt.Errorf("read where the story was told: %w", err)
	}
	list := make([]digest.Telling, len(rows))
	for i, r := range rows {
		told, err := parseTold(r.Told)
		if err != nil {
			return nil, err
		}
		list[i] = digest.Telling{
			Edition: digest.EditionID(r.ID), Digest: r.Digest, Kind: digest.EditionKind(r.Kind), Number: r.Number, Published: r.Published,
			Told: told, Carried: r.Carried, Readers: r.Readers, LeftOut: r.LeftOut,
		}
	}
	return list, nil
}

// AddressesLike are addresses of articles on the host of one that nobody
// knows, the newest first: one of them may have been meant.
func (s *Store) AddressesLike(ctx context.Context, address string) (urls []string, err error) {
	canonical, err := digest.CanonicalURL(address)
	if err != nil {
		return nil, nil
	}
	host, _, _ := strings.Cut(strings.TrimPrefix(canonical, "https://"), "/")
	prefix := "https://" + host + "/"
	var rows pq.StringArray
	err = s.db.SelectContext(ctx, &rows, `
		SELECT url FROM articles WHERE starts_with(canonical, $1) ORDER BY first_seen DESC LIMIT 500`, prefix)
	if err != nil {
		return nil, fmt.Errorf("look for addresses like it: %w", err)
	}
	return rows, nil
}
