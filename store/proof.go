package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"courant/digest"

	"github.com/jmoiron/sqlx"
)

// ProofReader makes sure that an address has a row that a proof's delivery
// can name. It subscribes to nothing. A reader who was erased stays erased,
// and a suppressed address gets no proof either.
func (s *Store) ProofReader(ctx context.Context, address string, hash []byte) error {
	return s.tx(ctx, func(tx *sqlx.Tx) error {
		_, err := tx.ExecContext(ctx, `
			INSERT INTO readers (email, email_hash) VALUES ($1, $2) ON CONFLICT (email_hash) DO NOTHING`, address, hash)
		if err != nil {
			return fmt.Errorf("note the proof's reader: %w", err)
		}
		// An address that was only forgotten is in an editor's hands again. Its
		// reader has still left, and the next round of retention forgets it anew.
		_, err = tx.ExecContext(ctx, `
			UPDATE readers r
			SET email = $1, erased_at = NULL
			WHERE r.email_hash = $2 AND r.email IS NULL
			  AND NOT EXISTS (SELECT 1 FROM reader_events v WHERE v.reader_id = r.id AND v.kind = 'erased')`, address, hash)
		if err != nil {
			return fmt.Errorf("note the proof's reader: %w", err)
		}
		var row struct {
			Email  *string
			Reason *string
		}
		err = tx.GetContext(ctx, &row, `
			SELECT r.email, x.reason
			FROM readers r
			LEFT JOIN suppressions x ON x.email_hash = r.email_hash AND (x.until IS NULL OR x.until > clock_timestamp())
			WHERE r.email_hash = $1`, hash)
		if errors.Is(err, sql.ErrNoRows) {
			return digest.ErrNotFound
		}
		if err != nil {
			return fmt.Errorf("find the proof's reader: %w", err)
		}
		switch {
		case row.Email == nil:
			return fmt.Errorf("%s was erased on its owner's wish and gets no mail", address)
		case row.Reason != nil:
			return fmt.Errorf("%s gets no mail (%s); `courant why %s` tells more", address, *row.Reason, address)
		}
		return nil
	})
}
