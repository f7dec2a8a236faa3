package store

import (
	"context"
	"fmt"
	"time"

	"courant/digest"

	"github.com/jmoiron/sqlx"
)

// readerRow is digest.Reader as the database has it; an erased one has no
// address.
type readerRow struct {
	ID       digest.ReaderID
	Email    *string
	Name     string
	Language string
	TimeZone string
}

func (r readerRow) reader() digest.Reader {
	reader := digest.Reader{ID: r.ID, Name: r.Name, Language: r.Language, Zone: r.TimeZone}
	if r.Email != nil {
		reader.Address = *r.Email
	}
	return reader
}

// FindReader finds a reader by the keyed hash of the address; an erased one is
// found too, without an address. digest.ErrNotFound when there is none.
func (s *Store) FindReader(ctx context.Context, hash []byte) (digest.Reader, error) {
	var row readerRow
	err := s.db.GetContext(ctx, &row, `
		SELECT id, email, name, language, time_zone
		FROM readers
		WHERE email_hash = $1`, hash)
	if err != nil {
		return digest.Reader{}, fmt.Errorf("find reader: %w", found(err))
	}
	return row.reader(), nil
}

// Readers lists the readers of a list in the order of their ids, in whatever
// state, at most limit of those after the one named: the next page starts
// after the last one. Erased readers are left out.
func (s *Store) Readers(ctx context.Context, list string, after digest.ReaderID, limit int) ([]digest.Listed, error) {
	var rows []struct {
		readerRow
		State      digest.SubscriptionState
		Consent    string
		Since      time.Time
		Suppressed string
	}
	err := s.db.SelectContext(ctx, &rows, `
		SELECT r.id, r.email, r.name, r.language, r.time_zone, s.state, s.consent, s.since,
		       COALESCE(x.reason, '') AS suppressed
		FROM readers r
		JOIN subscriptions s ON s.reader_id = r.id AND s.list = $1
		LEFT JOIN suppressions x ON x.email_hash = r.email_hash AND (x.until IS NULL OR x.until > clock_timestamp())
		WHERE r.id > $2 AND r.email IS NOT NULL
		ORDER BY r.id
		LIMIT $3`, list, after, limit)
	if err != nil {
		return nil, fmt.Errorf("list readers of %s: %w", list, err)
	}
	listed, ids := make([]digest.Listed, len(rows)), make([]int64, len(rows))
	for i, r := range rows {
		ids[i] = int64(r.ID)
		listed[i] = digest.Listed{
			Reader:       r.reader(),
			Subscription: digest.Subscription{Reader: r.ID, List: list, State: r.State, Consent: r.Consent, Since: r.Since},
			Suppressed:   r.Suppressed,
		}
	}
	chosen, err := choicesOf(ctx, s.db, ids)
	if err != nil {
		return nil, err
	}
	for i := range listed {
		listed[i].Choices = chosen[listed[i].ID]
	}
	return listed, nil
}

// lockByHash is lockReader for one known by the hash of the address.
func lockByHash(ctx context.Context, tx *sqlx.Tx, hash []byte) (id digest.ReaderID, err error) {
	err = tx.GetContext(ctx, &id, `
		SELECT id
		FROM readers
		WHERE email_hash = $1 AND email IS NOT NULL
		FOR NO KEY UPDATE`, hash)
	if err != nil {
		return 0, fmt.Errorf("find reader: %w", found(err))
	}
	return id, nil
}

// lockUnerased is lockByHash for those, too, whose address was forgotten and
// who never asked for an erasure.
func lockUnerased(ctx context.Context, tx *sqlx.Tx, hash []byte) (id digest.ReaderID, err error) {
	err = tx.GetContext(ctx, &id, `
		SELECT id
		FROM readers r
		WHERE email_hash = $1
		  AND (email IS NOT NULL
		       OR NOT EXISTS (SELECT 1 FROM reader_events v WHERE v.reader_id = r.id AND v.kind = 'erased'))
		FOR NO KEY UPDATE`, hash)
	if err != nil {
		return 0, fmt.Errorf("find reader: %w", found(err))
	}
	return id, nil
}

// RemoveReader takes a reader off a list, for the editors, and cancels what
// waits in editions that no other list brings. Imports do not put the reader
// back. digest.ErrNotFound when the address is not on the list; one that is
// off it already stays off.
func (s *Store) RemoveReader(ctx context.Context, list string, hash []byte, at time.Time) error {
	err := s.retried(ctx, func(tx *sqlx.Tx) error {
		id, err := lockByHash(ctx, tx, hash)
		if err != nil {
			return err
		}
		var before digest.SubscriptionState
		err = tx.GetContext(ctx, &before, `
			SELECT state FROM subscriptions
			WHERE reader_id = $1 AND list = $2
			FOR UPDATE`, id, list)
		if err != nil {
			return fmt.Errorf("find the subscription: %w", found(err))
		}
		if before == digest.SubscriptionUnsubscribed {
			return nil
		}
		_, err = tx.ExecContext(ctx, `
			UPDATE subscriptions
			SET state = 'unsubscribed', ended_at = $3
			WHERE reader_id = $1 AND list = $2`, id, list, at)
		if err != nil {
			return fmt.Errorf("end the subscription: %w", err)
		}
		if err := appendEvent(ctx, tx, id, at, digest.EventRemoved, eventData{List: list, How: "editor"}); err != nil {
			return err
		}
		return cancelUnlisted(ctx, tx, id, "an editor took the reader off "+list)
	})
	if err != nil {
		return fmt.Errorf("remove a reader from %s: %w", list, err)
	}
	return nil
}

// cancelUnlisted is cancelPending for editions none of whose lists has the
// reader any more.
func cancelUnlisted(ctx context.Context, tx *sqlx.Tx, reader digest.ReaderID, why string) error {
	_, err := tx.ExecContext(ctx, cancelSet+`
		  AND e.kind <> 'proof'
		  AND NOT EXISTS (
		      SELECT 1 FROM subscriptions s
		      WHERE s.reader_id = $1 AND s.list = ANY (e.lists) AND s.state = 'active')`, reader, why)
	if err != nil {
		return fmt.Errorf("cancel what waits: %w", err)
	}
	return nil
}

// EraseReader forgets a person: the row stays as a tombstone with the keyed
// hash, so that links of any age still name it and no import brings the
// address back. What waits is cancelled; names, choices, the words of servers
// and reports, and the data of events go. It also ends what is kept of a reader
// whose address was forgotten after leaving. digest.ErrNotFound when nobody has
// the address.
func (s *Store) EraseReader(ctx context.Context, hash []byte, at time.Time) error {
	return s.erase(ctx, at, func(*sqlx.Tx) ([]byte, error) { return hash, nil })
}

// Erase is EraseReader for a reader whom a link names.
func (s *Store) Erase(ctx context.Context, reader digest.ReaderID, at time.Time) error {
	return s.erase(ctx, at, func(tx *sqlx.Tx) (hash []byte, err error) {
		err = tx.GetContext(ctx, &hash, `SELECT email_hash FROM readers WHERE id = $1`, reader)
		return hash, found(err)
	})
}

func (s *Store) erase(ctx context.Context, at time.Time, who func(*sqlx.Tx) ([]byte, error)) error {
	err := s.retried(ctx, func(tx *sqlx.Tx) error {
		hash, err := who(tx)
		if err != nil {
			return err
		}
		id, err := lockUnerased(ctx, tx, hash)
		if err != nil {
			return err
		}
		if err := suppress(ctx, tx, id, "erased", "", at); err != nil {
			return err
		}
		if _, err := endSubscriptions(ctx, tx, id, at); err != nil {
			return err
		}
		if err := forget(ctx, tx, id, hash, at); err != nil {
			return err
		}
		return appendEvent(ctx, tx, id, at, digest.EventErased, eventData{})
	})
	if err != nil {
		return fmt.Errorf("erase a reader: %w", err)
	}
	return nil
}

// forget clears what is personal, table by table; the address goes last,
// because reports are searched for it.
func forget(ctx context.Context, tx *sqlx.Tx, id digest.ReaderID, hash []byte, at time.Time) error {
	for _, act := range []struct {
		query string
		args  []any
	}{
		{`UPDATE suppressions SET detail = '' WHERE email_hash = $1`, []any{hash}},
		{`UPDATE subscriptions SET consent = '' WHERE reader_id = $1`, []any{id}},
		{`DELETE FROM choices WHERE reader_id = $1`, []any{id}},
		// One that is being sent ends first; ForgetLetters finds it.
		{`UPDATE letters SET address = NULL, sign_ups = '[]', network = NULL, said = '', state = CASE state WHEN 'queued' THEN 'cancelled' ELSE state END
		  WHERE email_hash = $1 AND state NOT IN ('claimed', 'sending')`, []any{hash}},
		{`UPDATE reader_events SET data = '{}' WHERE reader_id = $1`, []any{id}},
		// A server's words often repeat the address.
		{`UPDATE deliveries SET reply = 'erased' WHERE reader_id = $1 AND reply IS NOT NULL`, []any{id}},
		{`UPDATE reports SET recipients = '[]'
		  WHERE reader_id = $1 OR EXISTS (
		      SELECT 1
		      FROM jsonb_array_elements(recipients) AS c, readers r
		      WHERE r.id = $1 AND lower(c ->> 'address') = lower(r.email))`, []any{id}},
		{`UPDATE readers SET email = NULL, name = '', language = '', time_zone = '', erased_at = $2
		  WHERE id = $1`, []any{id, at}},
	} {
		if _, err := tx.ExecContext(ctx, act.query, act.args...); err != nil {
			return fmt.Errorf("forget what is personal: %w", err)
		}
	}
	return nil
}
