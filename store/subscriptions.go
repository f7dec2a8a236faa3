package store

import (
	"context"
	"fmt"
	"time"

	"courant/digest"

	"github.com/jmoiron/sqlx"
)

// endSubscriptions ends those that are not ended yet, and tells what each was.
func endSubscriptions(ctx context.Context, tx *sqlx.Tx, reader digest.ReaderID, at time.Time) (map[string]digest.SubscriptionState, error) {
	var rows []struct {
		List  string
		State digest.SubscriptionState
	}
	err := tx.SelectContext(ctx, &rows, `
		WITH live AS (
			SELECT list, state FROM subscriptions
			WHERE reader_id = $1 AND state <> 'unsubscribed'
			ORDER BY list FOR UPDATE
		)
		UPDATE subscriptions s
		SET state = 'unsubscribed', ended_at = $2
		FROM live
		WHERE s.reader_id = $1 AND s.list = live.list
		RETURNING live.list, live.state`, reader, at)
	if err != nil {
		return nil, fmt.Errorf("end subscriptions: %w", err)
	}
	ended := make(map[string]digest.SubscriptionState, len(rows))
	for _, r := range rows {
		ended[r.List] = r.State
	}
	return ended, nil
}
