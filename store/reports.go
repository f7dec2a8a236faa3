package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"courant/digest"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

// recipientJSON is digest.ReportRecipient as the reports keep it.
type recipientJSON struct {
	Address string       `json:"address"`
	Status  string       `json:"status"`
	Class   digest.Class `json:"class"`
	Said    string       `json:"said,omitempty"`
}

// Report records a returned mail and does what follows from it, in one
// transaction; the same report a second time does nothing. Without a delivery
// it is recorded only: a forged bounce ends nobody's mail. A dead mailbox ends
// the mail to the address, a complaint ends all subscriptions too, a mailed
// unsubscribe leaves the digest; every other bounce marks the delivery alone.
// Whatever the report is, it proves that a relay took the mail: a delivery in
// doubt is so no more, and a resend that waits is not sent.
// Whose mail it is, the delivery decides, never an address in the report:
// forwarded mail comes back in other names.
func (s *Store) Report(ctx context.Context, r digest.Report) (digest.ReportEffect, error) {
	var effect digest.ReportEffect
	err := s.retried(ctx, func(tx *sqlx.Tx) (err error) {
		effect, err = report(ctx, tx, r)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("record a report: %w", err)
	}
	return effect, nil
}

// report is Report inside its transaction. The reader's row is locked first,
// as by everything that changes a reader, so that two reports about one reader
// count one after the other.
func report(ctx context.Context, tx *sqlx.Tx, r digest.Report) (digest.ReportEffect, error) {
	address, err := addressee(ctx, tx, r.Ref.Reader)
	switch {
	case errors.Is(err, digest.ErrNotFound):
		// A token of ours for a reader that this database never had.
		r.Ref = digest.Ref{}
	case err != nil:
		return "", err
	}
	if r.At.IsZero() {
		if err := tx.GetContext(ctx, &r.At, `SELECT clock_timestamp()`); err != nil {
			return "", fmt.Errorf("read the clock: %w", err)
		}
	}
	id, err := insertReport(ctx, tx, r)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return digest.EffectDuplicate, nil
	case err != nil:
		return "", fmt.Errorf("record it: %w", err)
	case r.Ref == digest.Ref{}:
		return digest.EffectNone, nil
	}
	effect, err := follow(ctx, tx, r, address)
	if err != nil || effect == digest.EffectNone {
		return effect, err
	}
	if _, err := tx.ExecContext(ctx, `UPDATE reports SET effect = $2 WHERE id = $1`, id, effect); err != nil {
		return "", fmt.Errorf("note the effect: %w", err)
	}
	return effect, nil
}

// addressee locks the reader a report is about and gives the address, which is
// empty for one who was erased.
func addressee(ctx context.Context, tx *sqlx.Tx, id digest.ReaderID) (address string, err error) {
	err = tx.GetContext(ctx, &address, `
		SELECT COALESCE(email, '')
		FROM readers
		WHERE id = $1
		FOR NO KEY UPDATE`, id)
	if err != nil {
		return "", fmt.Errorf("find reader %d: %w", id, found(err))
	}
	return address, nil
}

// insertReport gives the new row's id, and sql.ErrNoRows where the report is
// known. What a stranger's mail says is kept as single lines of some length.
func insertReport(ctx context.Context, tx *sqlx.Tx, r digest.Report) (id int64, err error) {
	recipients := make([]recipientJSON, len(r.Recipients))
	for i, c := range r.Recipients {
		recipients[i] = recipientJSON{
			Address: digest.PlainLine(c.Address, 320), Status: digest.PlainLine(c.Status, 32), Class: c.Class,
			Said: digest.PlainLine(c.Said, 500),
		}
	}
	doc, err := json.Marshal(recipients)
	if err != nil {
		return 0, err
	}
	var edition, reader *int64
	if (r.Ref != digest.Ref{}) {
		edition, reader = (*int64)(&r.Ref.Edition), (*int64)(&r.Ref.Reader)
	}
	err = tx.GetContext(ctx, &id, `
		INSERT INTO reports (hash, kind, via, edition_id, reader_id, recipients, effect, at)
		VALUES ($1, $2, $3, $4, $5, $6, 'none', $7)
		ON CONFLICT (hash) DO NOTHING
		RETURNING id`, r.Hash, r.Kind, digest.PlainLine(r.Via, 32), edition, reader, string(doc), r.At)
	return id, err
}

// follow does what a report about one of our deliveries calls for.
func follow(ctx context.Context, tx *sqlx.Tx, r digest.Report, address string) (digest.ReportEffect, error) {
	arrived := false
	if r.Kind != digest.ReportBounce && r.Kind != digest.ReportComplaint {
		// Before a leaving cancels the resend.
		var err error
		arrived, err = mark(ctx, tx, r.Ref, `
			UPDATE deliveries
			SET state = 'accepted', `+ofNoLane+`
			WHERE edition_id = $1 AND reader_id = $2 AND `+doubted)
		if err != nil {
			return "", err
		}
	}
	switch r.Kind {
	case digest.ReportBounce:
		return bounce(ctx, tx, r, worst(r.Recipients, address))
	case digest.ReportComplaint:
		return complain(ctx, tx, r)
	case digest.ReportUnsubscribe:
		switch err := leave(ctx, tx, r.Ref, digest.Leaving{At: r.At, How: "mail"}); {
		case errors.Is(err, digest.ErrNotFound):
			return digest.EffectNone, nil
		case err != nil:
			return "", err
		}
		return digest.EffectLeft, nil
	}
	if arrived {
		return digest.EffectArrived, nil
	}
	return digest.EffectNone, nil
}

// doubted is a delivery of which nobody knew whether it arrived: it is in
// doubt, or waits to be sent again out of doubt. What a lane is sending again
// is the lane's to settle.
const doubted = `(state = 'in doubt' OR resends > 0 AND state IN ('queued', 'claimed'))`

// ofNoLane are the columns of a delivery that is settled without an attempt.
const ofNoLane = `lane = NULL, fence = NULL, seq = NULL, not_before = NULL, settled_at = COALESCE(settled_at, clock_timestamp())`

// worst picks the recipient that says most: one with the reader's own address
// before others, a dead mailbox before lesser troubles.
func worst(recipients []digest.ReportRecipient, address string) digest.ReportRecipient {
	best, rank := digest.ReportRecipient{Class: digest.ClassUnknown}, -1
	for _, c := range recipients {
		n := 0
		if address != "" && strings.EqualFold(c.Address, address) {
			n += 2
		}
		if c.Class == digest.ClassHard {
			n++
		}
		if n > rank {
			best, rank = c, n
		}
	}
	return best
}

// bounce marks the delivery. Only what was accepted, or may have been, can
// come back; a second bounce of the same mail still counts as a sign.
func bounce(ctx context.Context, tx *sqlx.Tx, r digest.Report, c digest.ReportRecipient) (digest.ReportEffect, error) {
	said := digest.PlainLine(strings.TrimSpace(c.Status+" "+c.Said), 500)
	marked, err := mark(ctx, tx, r.Ref, `
		UPDATE deliveries
		SET state = 'bounced', reply = COALESCE(NULLIF($3, ''), reply), class = $4, `+ofNoLane+`
		WHERE edition_id = $1 AND reader_id = $2 AND (state = 'accepted' OR `+doubted+`)`, said, c.Class)
	if err != nil {
		return "", err
	}
	if c.Class == digest.ClassHard {
		gone, err := suppressHard(ctx, tx, r.Ref.Reader, c.Status, said, r.At)
		if err != nil {
			return "", err
		}
		if gone {
			return digest.EffectSuppressed, nil
		}
	}
	if marked {
		return digest.EffectBounced, nil
	}
	return digest.EffectNone, nil
}

// complain is for a reader who called the mail spam: no digest, no list, no
// address any more.
func complain(ctx context.Context, tx *sqlx.Tx, r digest.Report) (digest.ReportEffect, error) {
	_, err := mark(ctx, tx, r.Ref, `
		UPDATE deliveries
		SET state = 'complained', `+ofNoLane+`
		WHERE edition_id = $1 AND reader_id = $2 AND (state IN ('accepted', 'bounced') OR `+doubted+`)`)
	if err != nil {
		return "", err
	}
	err = leave(ctx, tx, r.Ref, digest.Leaving{At: r.At, How: howComplaint, Everything: true})
	if err != nil && !errors.Is(err, digest.ErrNotFound) {
		return "", err
	}
	return digest.EffectSuppressed, suppress(ctx, tx, r.Ref.Reader, "complaint", "", r.At)
}

// mark changes the state of one delivery and says whether it was in a state
// that allows it; a delivery that is no longer kept is none.
func mark(ctx context.Context, tx *sqlx.Tx, ref digest.Ref, query string, args ...any) (bool, error) {
	result, err := tx.ExecContext(ctx, query, append([]any{ref.Edition, ref.Reader}, args...)...)
	if err != nil {
		return false, fmt.Errorf("mark the delivery: %w", err)
	}
	n, err := result.RowsAffected()
	if err != nil {
		return false, fmt.Errorf("mark the delivery: %w", err)
	}
	return n > 0, nil
}

// settleReported ends the doubt about deliveries of which a report came before
// the doubt did: a relay that takes a mail, returns it and never answers.
func settleReported(ctx context.Context, tx *sqlx.Tx, editions []int64) error {
	_, err := tx.ExecContext(ctx, `
		UPDATE deliveries d
		SET state = p.state
		FROM (
			SELECT d.edition_id, d.reader_id,
			       CASE WHEN bool_or(r.kind = 'complaint') THEN 'complained' WHEN bool_or(r.kind = 'bounce') THEN 'bounced' ELSE 'accepted' END AS state
			FROM deliveries d
			JOIN reports r ON r.reader_id = d.reader_id AND r.edition_id = d.edition_id
			WHERE d.edition_id = ANY ($1::bigint[]) AND d.state = 'in doubt'
			GROUP BY d.edition_id, d.reader_id
		) p
		WHERE d.edition_id = p.edition_id AND d.reader_id = p.reader_id AND d.state = 'in doubt'`, pq.Array(editions))
	if err != nil {
		return fmt.Errorf("settle doubts by reports: %w", err)
	}
	return nil
}
