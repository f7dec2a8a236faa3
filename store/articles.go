package store

import (
	"context"
	"time"

	"courant/digest"
)

// Articles lists the articles of the categories first seen after since, newest
// first, each with the story it belongs to. No categories means all.
func (s *Store) Articles(ctx context.Context, since time.Time, categories []string) ([]digest.Candidate, error) {
	endOfTime := time.Date(9999, time.December, 31, 0, 0, 0, 0, time.UTC)
	return selectCandidates(ctx, s.db, since, endOfTime, categories)
}
