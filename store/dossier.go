package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"courant/digest"

	"github.com/jmoiron/sqlx"
)

// Reader finds a reader by the id that links name; one who was erased is found
// too, without an address. digest.ErrNotFound when there is none.
func (s *Store) Reader(ctx context.Context, id digest.ReaderID) (digest.Reader, error) {
	var row readerRow
	err := s.db.GetContext(ctx, &row, `
		SELECT id, email, name, language, time_zone
		FROM readers
		WHERE id = $1`, id)
	if err != nil {
		return digest.Reader{}, fmt.Errorf("find reader %d: %w", id, found(err))
	}
	return row.reader(), nil
}

// Dossier reads all that is kept of a reader, as of one moment.
// digest.ErrNotFound when there is no such reader; of one who was erased there
// is little left.
func (s *Store) Dossier(ctx context.Context, id digest.ReaderID) (d digest.Dossier, err error) {
	snapshot := &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true}
	err = s.txOf(ctx, snapshot, func(tx *sqlx.Tx) error {
		d = digest.Dossier{Reader: digest.Reader{ID: id}}
		for _, read := range []func(context.Context, *sqlx.Tx, *digest.Dossier) error{
			dossierPerson, dossierHistory, dossierMails, dossierReturned,
		} {
			if err := read(ctx, tx, &d); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return digest.Dossier{}, fmt.Errorf("read what is kept of reader %d: %w", id, err)
	}
	return d, nil
}

func dossierPerson(ctx context.Context, tx *sqlx.Tx, d *digest.Dossier) error {
	var row struct {
		readerRow
		Now, CreatedAt                                  time.Time
		LeftAt, ErasedAt, SuppressedAt, SuppressedUntil *time.Time
		Suppressed                                      string
	}
	err := tx.GetContext(ctx, &row, `
		SELECT clock_timestamp() AS now, r.id, r.email, r.name, r.language, r.time_zone, r.created_at, r.left_at, r.erased_at,
		       COALESCE(x.reason || CASE WHEN x.detail <> '' THEN ' (' || x.detail || ')' ELSE '' END, '') AS suppressed,
		       x.since AS suppressed_at, x.until AS suppressed_until
		FROM readers r
		LEFT JOIN suppressions x ON x.email_hash = r.email_hash AND (x.until IS NULL OR x.until > clock_timestamp())
		WHERE r.id = $1`, d.Reader.ID)
	if err != nil {
		return found(err)
	}
	d.At, d.Reader, d.Known = row.Now, row.reader(), row.CreatedAt
	d.LeftAt, d.ErasedAt = orZero(row.LeftAt), orZero(row.ErasedAt)
	d.Suppressed, d.SuppressedAt, d.SuppressedUntil = row.Suppressed, orZero(row.SuppressedAt), orZero(row.SuppressedUntil)
	return nil
}

// dossierHistory reads what "why" reads, too.
func dossierHistory(ctx context.Context, tx *sqlx.Tx, d *digest.Dossier) error {
	a := digest.Account{Reader: d.Reader}
	for _, read := range []func(context.Context, *sqlx.Tx, *digest.Account) error{readSubscriptions, readChoices, readEvents} {
		if err := read(ctx, tx, &a); err != nil {
			return err
		}
	}
	d.Subscriptions, d.Choices, d.Events = a.Subscriptions, a.Choices, a.Events
	return nil
}

func dossierMails(ctx context.Context, tx *sqlx.Tx, d *digest.Dossier) error {
	var rows []struct {
		ID               digest.EditionID
		Digest, Title    string
		Number           int
		Published        time.Time
		State            digest.DeliveryState
		SettledAt        *time.Time
		Reply, MessageID string
	}
	err := tx.SelectContext(ctx, &rows, `
		SELECT e.id, e.digest, e.title, COALESCE(e.number, 0) AS number, e.published, d.state, d.settled_at,
		       COALESCE(d.reply, '') AS reply, COALESCE(d.message_id, '') AS message_id
		FROM deliveries d
		JOIN editions e ON e.id = d.edition_id
		WHERE d.reader_id = $1
		ORDER BY d.edition_id`, d.Reader.ID)
	if err != nil {
		return fmt.Errorf("read deliveries: %w", err)
	}
	for _, r := range rows {
		d.Mails = append(d.Mails, digest.Mailed{
			Edition: r.ID, Digest: r.Digest, Title: r.Title, Number: r.Number, Published: r.Published, State: r.State,
			SettledAt: orZero(r.SettledAt), Reply: r.Reply, MessageID: r.MessageID,
		})
	}
	return nil
}

func dossierReturned(ctx context.Context, tx *sqlx.Tx, d *digest.Dossier) error {
	var rows []struct {
		At         time.Time
		Kind       digest.ReportKind
		Recipients []byte
	}
	err := tx.SelectContext(ctx, &rows, `
		SELECT at, kind, recipients
		FROM reports
		WHERE reader_id = $1
		ORDER BY id`, d.Reader.ID)
	if err != nil {
		return fmt.Errorf("read reports: %w", err)
	}
	for _, r := range rows {
		var recipients []recipientJSON
		if err := json.Unmarshal(r.Recipients, &recipients); err != nil {
			return fmt.Errorf("read a report: %w", err)
		}
		returned := digest.Returned{At: r.At, Kind: r.Kind}
		for _, c := range recipients {
			returned.Recipients = append(returned.Recipients, digest.ReportRecipient(c))
		}
		d.Returned = append(d.Returned, returned)
	}
	return nil
}
