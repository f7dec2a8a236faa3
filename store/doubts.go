package store

import (
	"context"
	"fmt"

	"courant/digest"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

// ResendDoubts is an operator's word that what is in doubt in an edition is to
// be sent again: once, with the same Message-ID, and only what is still news
// and still wanted. A finished edition is sent again for it. A reader of zero
// means all. It says how many are queued and how many stay in doubt.
func (s *Store) ResendDoubts(ctx context.Context, id digest.EditionID, reader digest.ReaderID) (resent, stay int, err error) {
	err = s.doubts(ctx, id, reader, &stay, func(tx *sqlx.Tx) error {
		r, err := tx.ExecContext(ctx, `
			UPDATE deliveries d
			SET state = 'queued', resends = d.resends + 1, not_before = clock_timestamp(), settled_at = NULL
			WHERE d.edition_id = $1 AND ($2 = 0 OR d.reader_id = $2) AND `+resendable, int64(id), int64(reader))
		if err != nil {
			return err
		}
		n, err := r.RowsAffected()
		if resent = int(n); err != nil || n == 0 {
			return err
		}
		_, err = tx.ExecContext(ctx, `UPDATE editions SET state = 'sending', finished_at = NULL WHERE id = $1 AND state = 'done'`, int64(id))
		return err
	})
	if err != nil {
		return 0, 0, fmt.Errorf("send what is in doubt again: %w", err)
	}
	return resent, stay, nil
}

// AcceptDoubts is an operator's word that what is in doubt in an edition
// arrived. It says how many deliveries that were.
func (s *Store) AcceptDoubts(ctx context.Context, id digest.EditionID, reader digest.ReaderID) (accepted int, err error) {
	var stay int
	err = s.doubts(ctx, id, reader, &stay, func(tx *sqlx.Tx) error {
		r, err := tx.ExecContext(ctx, `
			UPDATE deliveries
			SET state = 'accepted', reply = concat_ws('; ', NULLIF(reply, ''), 'the operator says that it arrived')
			WHERE edition_id = $1 AND ($2 = 0 OR reader_id = $2) AND state = 'in doubt'`, int64(id), int64(reader))
		if err != nil {
			return err
		}
		n, err := r.RowsAffected()
		accepted = int(n)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("take what is in doubt as accepted: %w", err)
	}
	return accepted, nil
}

// doubts lets an act decide on what is in doubt in an edition, after what
// reports say of it, and counts what stays so.
func (s *Store) doubts(ctx context.Context, id digest.EditionID, reader digest.ReaderID, stay *int, act func(*sqlx.Tx) error) error {
	return s.tx(ctx, func(tx *sqlx.Tx) error {
		// Held off against FinishEditions, which must see what is queued here.
		var there bool
		err := tx.GetContext(ctx, &there, `SELECT true FROM editions WHERE id = $1 FOR NO KEY UPDATE`, int64(id))
		if err != nil {
			return found(err)
		}
		if err := settleReported(ctx, tx, pq.Int64Array{int64(id)}); err != nil {
			return err
		}
		if err := act(tx); err != nil {
			return err
		}
		return tx.GetContext(ctx, stay, `
			SELECT count(*) FROM deliveries
			WHERE edition_id = $1 AND ($2 = 0 OR reader_id = $2) AND state = 'in doubt'`, int64(id), int64(reader))
	})
}
