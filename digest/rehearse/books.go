package rehearse

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"courant/digest"
)

// books reads the ledger over SQL. The database may be away for a moment, by
// our own doing: everything here is asked again.
type books struct {
	db *sql.DB
	// patience bounds how long a question is asked again; the database comes
	// back within a second or two.
	patience time.Duration
}

// ask repeats a question until it is answered.
func (b *books) ask(ctx context.Context, question func() error) error {
	until := time.Now().Add(b.patience)
	for {
		err := question()
		if err == nil || errors.Is(err, sql.ErrNoRows) {
			return err
		}
		if time.Now().After(until) {
			return fmt.Errorf("read the ledger: %w", err)
		}
		if err := pause(ctx, 50*time.Millisecond); err != nil {
			return err
		}
	}
}

// pause waits, or returns early with ctx's error.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// lastEdition is the edition that was published last, and its deliveries.
func (b *books) lastEdition(ctx context.Context) (id int64, deliveries int, err error) {
	err = b.ask(ctx, func() error {
		return b.db.QueryRowContext(ctx, `
			SELECT d.edition_id, count(*) FROM deliveries d
			WHERE d.edition_id = (SELECT max(edition_id) FROM deliveries)
			GROUP BY d.edition_id`).Scan(&id, &deliveries)
	})
	if errors.Is(err, sql.ErrNoRows) {
		err = errors.New("no edition was published")
	}
	return id, deliveries, err
}

// open is how many deliveries are not at an end: those of which something is
// to be done now, and those that wait for their next try.
func (b *books) open(ctx context.Context, edition int64) (now, later int, err error) {
	err = b.ask(ctx, func() error {
		return b.db.QueryRowContext(ctx, `
			SELECT count(*) FILTER (WHERE NOT waits), count(*) FILTER (WHERE waits)
			FROM (
				SELECT COALESCE(not_before > clock_timestamp(), false) AS waits
				FROM deliveries
				WHERE edition_id = $1 AND state IN ('queued', 'claimed', 'sending')
			) open`, edition).Scan(&now, &later)
	})
	return now, later, err
}

// hurry lets the retries that wait come now.
func (b *books) hurry(ctx context.Context, edition int64) error {
	return b.ask(ctx, func() error {
		_, err := b.db.ExecContext(ctx, `
			UPDATE deliveries SET not_before = clock_timestamp()
			WHERE edition_id = $1 AND state = 'queued' AND not_before > clock_timestamp()`, edition)
		return err
	})
}

// lanes are how many there are, and how many of them have outlived their
// lease.
func (b *books) lanes(ctx context.Context) (all, over int, err error) {
	err = b.ask(ctx, func() error {
		return b.db.QueryRowContext(ctx, `
			SELECT count(*), count(*) FILTER (WHERE lease_until < clock_timestamp()) FROM lanes`).Scan(&all, &over)
	})
	return all, over, err
}

// rows reads an edition's deliveries.
func (b *books) rows(ctx context.Context, edition int64) (list []Row, err error) {
	err = b.ask(ctx, func() error {
		list = list[:0]
		rows, err := b.db.QueryContext(ctx, `
			SELECT r.email, d.state, d.attempts, d.resends, COALESCE(d.message_id, ''), d.intent_at, x.since
			FROM deliveries d
			JOIN readers r ON r.id = d.reader_id
			LEFT JOIN suppressions x ON x.email_hash = r.email_hash
			WHERE d.edition_id = $1`, edition)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var r Row
			var state string
			var intent, since sql.NullTime
			if err := rows.Scan(&r.Email, &state, &r.Attempts, &r.Resends, &r.MessageID, &intent, &since); err != nil {
				return err
			}
			r.State, r.IntentAt, r.Suppressed = digest.DeliveryState(state), intent.Time, since.Time
			list = append(list, r)
		}
		return rows.Err()
	})
	return list, err
}
