package store

import (
	"context"
	"fmt"
	"time"

	"courant/digest"

	"github.com/jmoiron/sqlx"
)

// pollLease is how long a source is kept for who polls it. One feed takes a
// minute at most, and each page that is read for it begins the time anew; of a
// process that died the others wait it out.
const pollLease = 3 * time.Minute

// ClaimPoll takes a source for one poll, until SavePoll or ReleasePoll. It
// fails where another process polls it, or has polled it since state was read;
// with force it is taken anyhow. held is until when server asked to be left
// alone, whichever process heard it.
func (s *Store) ClaimPoll(ctx context.Context, state digest.SourceState, server string, force bool) (held time.Time, ok bool, err error) {
	var row struct {
		Held *time.Time
		OK   bool
	}
	err = s.db.GetContext(ctx, &row, `
		WITH claimed AS (
			UPDATE sources
			SET polling_until = clock_timestamp() + $4 * interval '1 microsecond'
			WHERE name = $1 AND url = $2 AND active
			  AND ($5 OR last_poll IS NOT DISTINCT FROM $3 AND COALESCE(polling_until < clock_timestamp(), true))
			RETURNING name
		)
		SELECT EXISTS (SELECT 1 FROM claimed) AS ok, (SELECT until FROM held_servers WHERE server = $6) AS held`,
		state.Source.Name, state.Source.URL, zeroNull(state.LastPoll), pollLease.Microseconds(), force, server)
	if err != nil {
		return time.Time{}, false, fmt.Errorf("claim source %s: %w", state.Source.Name, err)
	}
	return orZero(row.Held), row.OK, nil
}

// ReleasePoll gives a claimed source back that was not polled.
func (s *Store) ReleasePoll(ctx context.Context, source string) error {
	if _, err := s.db.ExecContext(ctx, `UPDATE sources SET polling_until = NULL WHERE name = $1`, source); err != nil {
		return fmt.Errorf("release source %s: %w", source, err)
	}
	return nil
}

// HoldServers keeps until when servers asked to be left alone.
func (s *Store) HoldServers(ctx context.Context, until map[string]time.Time) error {
	return holdServers(ctx, s.db, until)
}

func holdServers(ctx context.Context, db sqlx.ExecerContext, until map[string]time.Time) error {
	for server, at := range until {
		_, err := db.ExecContext(ctx, `
			INSERT INTO held_servers AS h (server, until)
			VALUES ($1, $2)
			ON CONFLICT (server) DO UPDATE
			SET until = GREATEST(h.until, EXCLUDED.until)`, clean(server), at)
		if err != nil {
			return fmt.Errorf("hold %s: %w", server, err)
		}
	}
	return nil
}

// HeldServers tells which servers asked to be left alone, and until when.
func (s *Store) HeldServers(ctx context.Context) (map[string]time.Time, error) {
	var rows []struct {
		Server string
		Until  time.Time
	}
	if err := s.db.SelectContext(ctx, &rows, `SELECT server, until FROM held_servers`); err != nil {
		return nil, fmt.Errorf("list held servers: %w", err)
	}
	held := map[string]time.Time{}
	for _, r := range rows {
		held[r.Server] = r.Until
	}
	return held, nil
}
