package store

import (
	"context"
	"fmt"
	"time"

	"courant/digest"

	"github.com/lib/pq"
)

// SourceFigures counts what each source of the config brought since then, by
// name. It is read from articles_by_source alone, so a million articles take
// some tenths of a second.
func (s *Store) SourceFigures(ctx context.Context, since time.Time) ([]digest.SourceFigures, error) {
	var rows []struct {
		Name            string
		PointsFrom      *digest.PointsFrom
		Articles, Fresh int
	}
	err := s.db.SelectContext(ctx, &rows, `
		SELECT s.name, a.points_from, COALESCE(a.articles, 0) AS articles, COALESCE(a.fresh, 0) AS fresh
		FROM sources s
		LEFT JOIN LATERAL (
			SELECT points_from, count(*) AS articles, count(*) FILTER (WHERE first_seen >= s.first_poll) AS fresh
			FROM articles
			WHERE source = s.name AND first_seen >= $1
			GROUP BY points_from
		) AS a ON true
		WHERE s.active
		ORDER BY s.name`, since)
	if err != nil {
		return nil, fmt.Errorf("count articles by source: %w", err)
	}
	var list []digest.SourceFigures
	for _, r := range rows {
		if n := len(list); n == 0 || list[n-1].Source != r.Name {
			list = append(list, digest.SourceFigures{Source: r.Name, Since: since, From: map[digest.PointsFrom]int{}})
		}
		f := &list[len(list)-1]
		if r.PointsFrom != nil {
			f.From[*r.PointsFrom] += r.Articles
			f.Articles, f.Fresh = f.Articles+r.Articles, f.Fresh+r.Fresh
		}
	}
	return list, nil
}

// LastArticles lists the newest articles of a source, the newest first. Only
// what names an article is read.
func (s *Store) LastArticles(ctx context.Context, source string, most int) ([]digest.Article, error) {
	var rows []struct {
		ID         digest.ArticleID
		URL, Title string
		Points     pq.StringArray
		PointsFrom digest.PointsFrom
		Category   string
		Published  *time.Time
		FirstSeen  time.Time
	}
	err := s.db.SelectContext(ctx, &rows, `
		SELECT id, url, title, points, points_from, category, published, first_seen
		FROM articles
		WHERE source = $1
		ORDER BY first_seen DESC
		LIMIT $2`, source, most)
	if err != nil {
		return nil, fmt.Errorf("list the last articles of %s: %w", source, err)
	}
	articles := make([]digest.Article, len(rows))
	for i, r := range rows {
		articles[i] = digest.Article{
			ID: r.ID, Source: source, URL: r.URL, Title: r.Title, Points: r.Points, PointsFrom: r.PointsFrom, Category: r.Category,
			Published: orZero(r.Published), FirstSeen: r.FirstSeen,
		}
	}
	return articles, nil
}

// TellSource records that the operator is told of a change. Of several
// processes that see it, one is given true, and says it.
func (s *Store) TellSource(ctx context.Context, c digest.SourceChange, at time.Time) (bool, error) {
	result, err := s.db.ExecContext(ctx, `
		UPDATE sources
		SET told = $3, told_at = $4
		WHERE name = $1 AND told = $2 AND active`, c.Source.Source.Name, string(c.From), string(c.To), at)
	if err != nil {
		return false, fmt.Errorf("record what was told of source %s: %w", c.Source.Source.Name, err)
	}
	n, err := result.RowsAffected()
	if err != nil {
		return false, fmt.Errorf("record what was told of source %s: %w", c.Source.Source.Name, err)
	}
	return n == 1, nil
}

// WakeSource forgets what keeps a source from being asked: that it is gone, its
// back-off, where it moved to and what it said when it last answered. What its
// server asked for by Retry-After stays, and so do its articles.
// digest.ErrNotFound when no source of the config has the name.
func (s *Store) WakeSource(ctx context.Context, name string) error {
	result, err := s.db.ExecContext(ctx, `
		UPDATE sources
		SET gone = false, failures = 0, failing_since = NULL, error = '', next_poll = NULL,
		    address = '', moved_to = '', etag = '', last_modified = '', validated = '', seen = ''
		WHERE name = $1 AND active`, name)
	if err != nil {
		return fmt.Errorf("wake source %s: %w", name, err)
	}
	n, err := result.RowsAffected()
	if err != nil {
		return fmt.Errorf("wake source %s: %w", name, err)
	}
	if n == 0 {
		return fmt.Errorf("wake source %s: %w", name, digest.ErrNotFound)
	}
	return nil
}
