package store

import (
	"context"

	"github.com/jmoiron/sqlx"
)

// InTransaction runs act as every method does that needs more than one
// statement.
func (s *Store) InTransaction(ctx context.Context, act func(*sqlx.Tx) error) error {
	return s.tx(ctx, act)
}
