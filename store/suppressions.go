package store

import (
	"context"
	"fmt"
	"time"

	"courant/digest"

	"github.com/jmoiron/sqlx"
)

// suppress ends all mail to the reader's address for ever, notes the event and
// cancels what waits. A suppression that is there already keeps its reason,
// unless it was to end one day.
func suppress(ctx context.Context, tx *sqlx.Tx, reader digest.ReaderID, reason, detail string, at time.Time) error {
	detail = digest.PlainLine(detail, 500)
	result, err := tx.ExecContext(ctx, `
		INSERT INTO suppressions (email_hash, reason, detail, since)
		SELECT email_hash, $2, $3, $4
		FROM readers
		WHERE id = $1
		ON CONFLICT (email_hash) DO UPDATE
		SET reason = EXCLUDED.reason, detail = EXCLUDED.detail, since = EXCLUDED.since, until = NULL
		WHERE suppressions.until IS NOT NULL`, reader, reason, detail, at)
	if err != nil {
		return fmt.Errorf("suppress the address: %w", err)
	}
	n, err := result.RowsAffected()
	if err != nil {
		return fmt.Errorf("suppress the address: %w", err)
	}
	if n > 0 {
		said := reason
		if detail != "" {
			said += ": " + detail
		}
		if err := appendEvent(ctx, tx, reader, at, digest.EventSuppressed, eventData{Reason: said}); err != nil {
			return err
		}
	}
	return cancelPending(ctx, tx, reader, "", "the address gets no more mail: "+reason)
}

// suppressHard draws the conclusion from a mailbox that is said to be gone: at
// once where the status names the mailbox, else when it was said on two
// different days, by whatever way. The report or refusal of now must have its
// row already.
func suppressHard(ctx context.Context, tx *sqlx.Tx, reader digest.ReaderID, status, said string, at time.Time) (bool, error) {
	if !digest.GoneAtOnce(status) {
		var days int
		err := tx.GetContext(ctx, &days, `
			SELECT count(DISTINCT day)
			FROM (
				SELECT (d.settled_at AT TIME ZONE 'UTC')::date AS day
				FROM deliveries d
				WHERE d.reader_id = $1 AND d.state = 'refused' AND d.class = 'hard'
				UNION ALL
				SELECT (r.at AT TIME ZONE 'UTC')::date
				FROM reports r
				WHERE r.reader_id = $1 AND r.kind = 'bounce' AND r.recipients @> '[{"class": "hard"}]'
			) AS signs`, reader)
		if err != nil {
			return false, fmt.Errorf("count earlier refusals: %w", err)
		}
		if days < 2 {
			return false, nil
		}
	}
	return true, suppress(ctx, tx, reader, "hard", said, at)
}
