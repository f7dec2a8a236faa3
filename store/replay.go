package store

import (
	"context"
	"fmt"
	"time"

	"courant/digest"
)

// Replay reads the articles first seen within (from, to] that their publishers
// have not withdrawn since, oldest first.
func (s *Store) Replay(ctx context.Context, from, to time.Time) ([]digest.Article, error) {
	// What was sent of them is of no account, so their stories are not read.
	rows, err := s.db.QueryxContext(ctx, `
		SELECT a.id, a.source, a.url, a.canonical, a.title, a.category, a.categories, a.points, a.points_from,
		       a.published, a.first_seen, a.language, a.lead
		FROM articles a
		WHERE a.first_seen > $1 AND a.first_seen <= $2 AND a.withdrawn IS NULL
		ORDER BY a.first_seen, a.id DESC`, from, to)
	if err != nil {
		return nil, fmt.Errorf("read the articles to replay: %w", err)
	}
	defer rows.Close()
	var list []digest.Article
	for rows.Next() {
		var r articleRow
		if err := rows.StructScan(&r); err != nil {
			return nil, fmt.Errorf("read an article to replay: %w", err)
		}
		list = append(list, r.candidate().Article)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read the articles to replay: %w", err)
	}
	return list, nil
}

// ReplayMarks reads what editors marked by a moment, also what they took back
// since.
func (s *Store) ReplayMarks(ctx context.Context, to time.Time) ([]digest.Mark, error) {
	return selectMarks(ctx, s.db, ` WHERE m.set_at <= $1 ORDER BY m.id`, to)
}
