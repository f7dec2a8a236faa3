package store

import (
	"context"
	"fmt"
	"time"

	"courant/digest"

	"github.com/jmoiron/sqlx"
)

// undeliverable says of letter l why its address gets no mail any more. Somebody
// who was erased may sign up again: the mailbox itself is asked.
const undeliverable = `
	EXISTS (
		SELECT 1 FROM suppressions x
		WHERE x.email_hash = l.email_hash AND x.reason <> 'erased' AND (x.until IS NULL OR x.until > clock_timestamp()))`

// ClaimLetters gives a process up to n letters that are due, under a lease by
// the database's clock. What came too late, was used meanwhile or may not be
// sent any more is ended first.
func (s *Store) ClaimLetters(ctx context.Context, owner string, n int, lease time.Duration) (list []digest.Letter, err error) {
	const due = `l.state = 'queued' AND l.not_before <= clock_timestamp()`
	var any bool
	if err := s.db.GetContext(ctx, &any, `SELECT EXISTS (SELECT 1 FROM letters l WHERE `+due+`)`); err != nil || !any {
		return nil, err
	}
	var rows []letterRow
	err = s.retried(ctx, func(tx *sqlx.Tx) error {
		_, err := tx.ExecContext(ctx, `
			UPDATE letters l
			SET state = CASE WHEN l.expires_at <= clock_timestamp() THEN 'expired' ELSE 'cancelled' END,
			    said = CASE WHEN l.expires_at <= clock_timestamp() THEN l.said WHEN l.used_at IS NOT NULL THEN 'it was used' ELSE 'the address gets no mail' END,
			    settled_at = clock_timestamp()
			WHERE l.id IN (
				SELECT l.id FROM letters l
				WHERE `+due+` AND (l.expires_at <= clock_timestamp() OR l.used_at IS NOT NULL OR l.disowned_at IS NOT NULL OR `+undeliverable+`)
				FOR UPDATE SKIP LOCKED)`)
		if err != nil {
			return err
		}
		rows = nil
		return tx.SelectContext(ctx, &rows, `
			UPDATE letters l
			SET state = 'claimed', owner = $1, fence = l.fence + 1, lease_until = clock_timestamp() + $3 * interval '1 millisecond'
			WHERE l.id IN (SELECT l.id FROM letters l WHERE `+due+` ORDER BY l.not_before LIMIT $2 FOR UPDATE SKIP LOCKED)
			RETURNING `+letterColumns, owner, n, lease.Milliseconds())
	})
	if err != nil {
		return nil, fmt.Errorf("claim letters: %w", err)
	}
	for _, row := range rows {
		l, err := row.letter()
		if err != nil {
			return nil, err
		}
		list = append(list, l)
	}
	return list, nil
}

// IntendLetter commits that the dot of a letter goes out now, and says whether
// it may: the claim stands, the link is of use, the address gets mail.
func (s *Store) IntendLetter(ctx context.Context, l digest.Letter, lease time.Duration) (bool, error) {
	n, err := affected(s.db.ExecContext(ctx, `
		UPDATE letters l
		SET state = 'sending', lease_until = clock_timestamp() + $4 * interval '1 millisecond'
		WHERE l.id = $1 AND l.owner = $2 AND l.fence = $3 AND l.state = 'claimed' AND l.lease_until > clock_timestamp()
		  AND l.expires_at > clock_timestamp() AND l.used_at IS NULL AND l.disowned_at IS NULL AND NOT `+undeliverable, l.ID, l.Owner, l.Fence, lease.Milliseconds()))
	if err != nil {
		return false, fmt.Errorf("intend to send letter %d: %w", l.ID, err)
	}
	return n > 0, nil
}

// SettleLetter writes down how a try ended. It says whether it counted: a late
// verdict of one whose lease was over does not.
func (s *Store) SettleLetter(ctx context.Context, o digest.LetterOutcome) (bool, error) {
	state, tried := digest.Queued, 1
	switch {
	case o.Withdrawn:
		tried = 0
	case o.Outcome.Verdict == digest.VerdictAccepted:
		state = digest.Accepted
	case o.Outcome.Verdict == digest.VerdictRefused:
		state = digest.Refused
	case o.Outcome.Verdict == digest.VerdictInDoubt:
		state = digest.InDoubt
	}
	said := digest.PlainLine(digest.WithoutAddresses(o.Outcome.Said()), 500)
	n, err := affected(s.db.ExecContext(ctx, `
		UPDATE letters
		SET state = $4, owner = NULL, lease_until = NULL, attempts = attempts + $5, said = $6,
		    not_before = CASE WHEN $4 = 'queued' THEN clock_timestamp() + $7 * interval '1 millisecond' ELSE not_before END,
		    settled_at = CASE WHEN $4 = 'queued' THEN NULL ELSE clock_timestamp() END
		WHERE id = $1 AND owner = $2 AND fence = $3 AND state IN ('claimed', 'sending')`,
		o.Letter.ID, o.Letter.Owner, o.Letter.Fence, state, tried, said, o.RetryIn.Milliseconds()))
	if err != nil {
		return false, fmt.Errorf("settle letter %d: %w", o.Letter.ID, err)
	}
	return n > 0, nil
}

// TakeLetters ends what a dead process had in its hands: what it had claimed is
// queued again, and of what it was sending its journal judges.
func (s *Store) TakeLetters(ctx context.Context, owner string, judge func([]digest.Stranded) []digest.Salvage) (saved []digest.Salvage, err error) {
	err = s.retried(ctx, func(tx *sqlx.Tx) error {
		saved = nil
		var rows []struct {
			ID    digest.LetterID
			State digest.DeliveryState
		}
		err := tx.SelectContext(ctx, &rows, `
			SELECT id, state FROM letters
			WHERE owner = $1 AND state IN ('claimed', 'sending')
			ORDER BY id
			FOR UPDATE`, owner)
		if err != nil {
			return err
		}
		var sending []digest.Stranded
		for _, r := range rows {
			if r.State == digest.Sending {
				sending = append(sending, digest.Stranded{Ref: r.ID.Ref(), State: r.State})
				continue
			}
			saved = append(saved, digest.Salvage{Ref: r.ID.Ref(), State: digest.Queued})
		}
		if len(sending) > 0 {
			saved = append(saved, judge(sending)...)
		}
		for _, v := range saved {
			if err := salvageLetter(ctx, tx, v); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("take over letters: %w", err)
	}
	return saved, nil
}

// salvageLetter moves the fence on: whoever held it is not heard any more.
func salvageLetter(ctx context.Context, tx *sqlx.Tx, v digest.Salvage) error {
	tried := 0
	if v.Attempt {
		tried = 1
	}
	_, err := tx.ExecContext(ctx, `
		UPDATE letters
		SET state = $2, owner = NULL, lease_until = NULL, fence = fence + 1, attempts = attempts + $3, said = $4,
		    not_before = clock_timestamp(), settled_at = CASE WHEN $2 = 'queued' THEN NULL ELSE clock_timestamp() END
		WHERE id = $1`, int64(v.Ref.Reader), v.State, tried, digest.PlainLine(digest.WithoutAddresses(v.Reply), 500))
	return err
}

// SweepLetters ends what nobody else does: leases that ran out, whose journal
// is not to be had, and letters that came too late. Where resend is the policy,
// what is in doubt goes out once more, with the same Message-ID. It says how
// many came in doubt and how many are sent again.
func (s *Store) SweepLetters(ctx context.Context, resend bool) (doubtful, resent int, err error) {
	err = s.retried(ctx, func(tx *sqlx.Tx) error {
		doubtful, err = affected(tx.ExecContext(ctx, `
			UPDATE letters
			SET state = 'in doubt', owner = NULL, lease_until = NULL, fence = fence + 1, attempts = attempts + 1,
			    said = 'the process that was sending it died', settled_at = clock_timestamp()
			WHERE id IN (SELECT id FROM letters WHERE state = 'sending' AND lease_until <= clock_timestamp() FOR UPDATE SKIP LOCKED)`))
		if err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `
			UPDATE letters
			SET state = 'queued', owner = NULL, lease_until = NULL, fence = fence + 1, not_before = clock_timestamp()
			WHERE id IN (SELECT id FROM letters WHERE state = 'claimed' AND lease_until <= clock_timestamp() FOR UPDATE SKIP LOCKED)`)
		if err != nil || !resend {
			return err
		}
		resent, err = affected(tx.ExecContext(ctx, `
			UPDATE letters
			SET state = 'queued', resends = resends + 1, not_before = clock_timestamp(), settled_at = NULL
			WHERE id IN (
				SELECT id FROM letters
				WHERE state = 'in doubt' AND resends = 0 AND address IS NOT NULL AND used_at IS NULL AND expires_at > clock_timestamp()
				FOR UPDATE SKIP LOCKED)`))
		return err
	})
	if err != nil {
		return 0, 0, fmt.Errorf("sweep letters: %w", err)
	}
	return doubtful, resent, nil
}
