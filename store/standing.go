package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"courant/digest"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

// Standing is how the reader of a delivery stands to its digest. It is known
// as long as the edition and the reader are, whatever became of the ledger's
// row; digest.ErrNotFound when the reader was erased or never was.
func (s *Store) Standing(ctx context.Context, ref digest.Ref) (digest.Standing, error) {
	var row struct {
		Email, Name, Language, Digest, Title string
		DigestCategories                     pq.StringArray
		AllLeftAt                            *time.Time
		choicesRow
	}
	err := s.db.GetContext(ctx, &row, `
		SELECT r.email, r.name, COALESCE(NULLIF(r.language, ''), e.language) AS language, e.digest, e.title,
		       e.categories AS digest_categories, `+choicesColumns+`,
		       COALESCE(r.left_at, (
		           SELECT max(s.ended_at) FROM subscriptions s
		           WHERE s.reader_id = r.id
		           HAVING bool_and(s.state = 'unsubscribed'))) AS all_left_at
		FROM readers r
		CROSS JOIN editions e
		LEFT JOIN choices c ON c.reader_id = r.id AND c.digest = e.digest
		WHERE r.id = $1 AND e.id = $2 AND r.email IS NOT NULL`, ref.Reader, ref.Edition)
	if err != nil {
		return digest.Standing{}, fmt.Errorf("read the standing of reader %d: %w", ref.Reader, found(err))
	}
	return digest.Standing{
		Reader: ref.Reader, Address: row.Email, Name: row.Name, Language: row.Language, Digest: row.Digest, Title: row.Title,
		LeftAt: orZero(row.LeftAt), AllLeftAt: orZero(row.AllLeftAt), PausedUntil: orZero(row.PausedUntil),
		Frequency: row.Frequency, Weekday: row.day(), Categories: row.Categories, DigestCategories: row.DigestCategories,
	}, nil
}

// found makes the missing row digest.ErrNotFound.
func found(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return digest.ErrNotFound
	}
	return err
}

// Leave records a leaving, or what the reader chose instead of it, and cancels
// what waits for the reader, in one transaction; a delivery whose intent was
// committed before is on its way. Pausing and reading weekly cancel what waits
// too; fewer categories do not. Doing it twice is doing it once.
// digest.ErrNotFound when the reader was erased or never was.
func (s *Store) Leave(ctx context.Context, ref digest.Ref, l digest.Leaving) error {
	err := s.retried(ctx, func(tx *sqlx.Tx) error { return leave(ctx, tx, ref, l) })
	if err != nil {
		return fmt.Errorf("record the leaving of reader %d: %w", ref.Reader, err)
	}
	return nil
}

// LeaveBelated is Leave for a leaving that was kept elsewhere while the database
// was away. Whoever came back since, by taking a leaving back or by choosing how
// to read the digest, stays: what is done later counts.
func (s *Store) LeaveBelated(ctx context.Context, ref digest.Ref, l digest.Leaving) error {
	err := s.retried(ctx, func(tx *sqlx.Tx) error {
		if err := lockReader(ctx, tx, ref.Reader); err != nil {
			return err
		}
		var back bool
		err := tx.GetContext(ctx, &back, `
			SELECT EXISTS (
			    SELECT 1 FROM reader_events v JOIN editions e ON e.id = $2
			    WHERE v.reader_id = $1 AND v.at > $3
			      AND v.kind IN ('undone', 'weekly', 'paused', 'resumed', 'categories')
			      AND COALESCE(v.data ->> 'digest', '') IN ('', e.digest))`, ref.Reader, ref.Edition, l.At)
		if err != nil {
			return fmt.Errorf("look whether the reader came back: %w", err)
		}
		if back {
			return nil
		}
		return leave(ctx, tx, ref, l)
	})
	if err != nil {
		return fmt.Errorf("record the leaving of reader %d: %w", ref.Reader, err)
	}
	return nil
}

// retried is tx for acts that nobody can be asked to repeat: what Postgres
// stops to end a deadlock is done again.
func (s *Store) retried(ctx context.Context, act func(*sqlx.Tx) error) error {
	return undeadlocked(func() error { return s.tx(ctx, act) })
}

// undeadlocked does an act again that Postgres stopped to end a deadlock.
func undeadlocked(act func() error) error {
	for tries := 1; ; tries++ {
		err := act()
		var pe *pq.Error
		if tries == 5 || !errors.As(err, &pe) || pe.Code != "40P01" && pe.Code != "40001" {
			return err
		}
	}
}

// leaving is one Leave inside its transaction.
type leaving struct {
	digest.Leaving
	tx      *sqlx.Tx
	ref     digest.Ref
	edition struct {
		Digest     string
		Categories pq.StringArray
		Weekday    int16
	}
}

// leave is Leave inside its transaction. All of the reader's changes wait in
// line at the reader's row.
func leave(ctx context.Context, tx *sqlx.Tx, ref digest.Ref, l digest.Leaving) error {
	if err := lockReader(ctx, tx, ref.Reader); err != nil {
		return err
	}
	l.Reason = digest.PlainLine(l.Reason, 500)
	a := leaving{Leaving: l, tx: tx, ref: ref}
	err := tx.GetContext(ctx, &a.edition, `
		SELECT digest, categories, EXTRACT(DOW FROM local_date)::smallint AS weekday
		FROM editions
		WHERE id = $1`, ref.Edition)
	if err != nil {
		return fmt.Errorf("read edition %d: %w", ref.Edition, found(err))
	}
	if l.Everything {
		return a.everything(ctx)
	}
	return a.digest(ctx)
}

// lockReader makes whatever changes one reader wait in line. Rows that only
// refer to the reader are not held up by it.
func lockReader(ctx context.Context, tx *sqlx.Tx, id digest.ReaderID) error {
	var there bool
	err := tx.GetContext(ctx, &there, `
		SELECT true
		FROM readers
		WHERE id = $1 AND email IS NOT NULL
		FOR NO KEY UPDATE`, id)
	if err != nil {
		return fmt.Errorf("find reader %d: %w", id, found(err))
	}
	return nil
}

// everything ends all subscriptions, and remembers that the reader said so:
// no import into another list brings the reader back.
func (a leaving) everything(ctx context.Context) error {
	ended, err := endSubscriptions(ctx, a.tx, a.ref.Reader, a.At)
	if err != nil {
		return err
	}
	result, err := a.tx.ExecContext(ctx, `
		UPDATE readers
		SET left_at = $2
		WHERE id = $1 AND left_at IS NULL`, a.ref.Reader, a.At)
	if err != nil {
		return fmt.Errorf("mark the reader as gone: %w", err)
	}
	n, err := result.RowsAffected()
	if err != nil {
		return fmt.Errorf("mark the reader as gone: %w", err)
	}
	if n > 0 || len(ended) > 0 {
		if err := a.event(ctx, digest.EventLeftAll, eventData{Ended: ended, First: n > 0}); err != nil {
			return err
		}
	}
	return cancelPending(ctx, a.tx, a.ref.Reader, "", a.because("the reader left everything"))
}

// digest leaves the digest of the edition, or changes how it is read.
func (a leaving) digest(ctx context.Context) error {
	before, err := lockChoices(ctx, a.tx, a.ref.Reader, a.edition.Digest)
	if err != nil {
		return err
	}
	kind, after, err := a.apply(before)
	if err != nil {
		return err
	}
	changed := !sameChoices(before, after)
	if changed {
		if err := writeChoices(ctx, a.tx, a.ref.Reader, a.edition.Digest, after); err != nil {
			return err
		}
		if err := a.event(ctx, kind, eventData{Digest: a.edition.Digest, Before: &before}); err != nil {
			return err
		}
	}
	switch kind {
	case digest.EventLeft:
		return cancelPending(ctx, a.tx, a.ref.Reader, a.edition.Digest, a.because("the reader left the digest"))
	case digest.EventPaused:
		return cancelPending(ctx, a.tx, a.ref.Reader, a.edition.Digest, a.because("the reader paused the digest"))
	case digest.EventWeekly:
		// Said again later, it must not take away the week's edition.
		if changed {
			return cancelPending(ctx, a.tx, a.ref.Reader, a.edition.Digest, a.because("the reader chose weekly"))
		}
	}
	return nil
}

// because is what the ledger keeps as the reason of a cancelled delivery.
func (a leaving) because(why string) string {
	if a.How == "" {
		return why
	}
	return fmt.Sprintf("%s (%s)", why, a.How)
}

// apply is what the leaving makes of the choices. Whoever chooses how to read
// a digest stays, also after having left it.
func (a leaving) apply(before choicesRow) (digest.EventKind, choicesRow, error) {
	after := before
	after.Own = true
	if a.Weekly || !a.PauseUntil.IsZero() || len(a.Categories) > 0 {
		after.LeftAt = nil
	}
	switch {
	case a.Weekly:
		if before.Frequency != digest.Weekly || before.Weekday == nil {
			after.Frequency, after.Weekday = digest.Weekly, &a.edition.Weekday
		}
		return digest.EventWeekly, after, nil
	case !a.PauseUntil.IsZero():
		after.PausedUntil, after.PausedWhy = &a.PauseUntil, "the reader asked for it"
		return digest.EventPaused, after, nil
	case len(a.Categories) > 0:
		after.Categories = nil
		for _, c := range a.edition.Categories {
			if slices.Contains(a.Categories, c) {
				after.Categories = append(after.Categories, c)
			}
		}
		if len(after.Categories) == 0 {
			return "", before, fmt.Errorf("none of the categories is one of %s", a.edition.Digest)
		}
		if len(after.Categories) == len(a.edition.Categories) {
			after.Categories = nil // all, and whatever the editors add
		}
		return digest.EventCategories, after, nil
	}
	if before.LeftAt != nil {
		return digest.EventLeft, before, nil
	}
	after.LeftAt = &a.At
	return digest.EventLeft, after, nil
}

// cancelPending takes back what waits for the reader in editions of the
// digest, or of all digests where it is empty. An intent takes only rows that
// are still claimed, and this cancels none that are sending: of two that race
// for one row, the second finds that the first has won. A row that is sending
// is recalled, so that an intent which grew old is not renewed by a statement
// that began before the leaving was committed.
func cancelPending(ctx context.Context, tx *sqlx.Tx, reader digest.ReaderID, name, why string) error {
	_, err := tx.ExecContext(ctx, cancelSet+`
		  AND ($3 = '' OR e.digest = $3)`, reader, why, name)
	if err != nil {
		return fmt.Errorf("cancel what waits: %w", err)
	}
	return nil
}

// cancelSet cancels the rows of reader $1 that wait, for the reason $2.
const cancelSet = `
		UPDATE deliveries d
		SET state = CASE d.state WHEN 'sending' THEN d.state ELSE 'cancelled' END,
		    settled_at = CASE d.state WHEN 'sending' THEN d.settled_at ELSE clock_timestamp() END,
		    reply = CASE d.state WHEN 'sending' THEN d.reply ELSE $2 END,
		    lane = CASE d.state WHEN 'sending' THEN d.lane END,
		    fence = CASE d.state WHEN 'sending' THEN d.fence END,
		    seq = CASE d.state WHEN 'sending' THEN d.seq END,
		    not_before = NULL,
		    recalled = d.state = 'sending'
		FROM editions e
		WHERE d.reader_id = $1
		  AND d.state IN ('queued', 'claimed', 'sending')
		  AND e.id = d.edition_id`

func (a leaving) event(ctx context.Context, kind digest.EventKind, data eventData) error {
	data.Edition, data.How, data.Reason = int64(a.ref.Edition), a.How, a.Reason
	return appendEvent(ctx, a.tx, a.ref.Reader, a.At, kind, data)
}

// howComplaint marks a leaving that the reader's mailbox reported: there is
// nothing to take back on a page.
const howComplaint = "complaint"

// Undo takes back the last leaving that concerns the delivery's digest, within
// digest.UndoFor, and restores what it changed and nothing else; what it
// cancelled stays cancelled. Doing it twice is doing it once.
// digest.ErrNotFound when there is nothing that can be taken back.
func (s *Store) Undo(ctx context.Context, ref digest.Ref, at time.Time) error {
	err := s.retried(ctx, func(tx *sqlx.Tx) error { return undo(ctx, tx, ref, at) })
	if err != nil {
		return fmt.Errorf("undo the leaving of reader %d: %w", ref.Reader, err)
	}
	return nil
}

// undo is Undo inside its transaction. The event log says what the last
// leaving was, what it changed, and whether it was taken back.
func undo(ctx context.Context, tx *sqlx.Tx, ref digest.Ref, at time.Time) error {
	if err := lockReader(ctx, tx, ref.Reader); err != nil {
		return err
	}
	var last struct {
		ID     int64
		At     time.Time
		Kind   digest.EventKind
		Data   []byte
		Undone bool
	}
	err := tx.GetContext(ctx, &last, `
		SELECT v.id, v.at, v.kind, v.data,
		       EXISTS (
		           SELECT 1 FROM reader_events u
		           WHERE u.reader_id = v.reader_id AND u.kind = 'undone' AND u.data ->> 'undoes' = v.id::text) AS undone
		FROM reader_events v
		JOIN editions e ON e.id = $2
		WHERE v.reader_id = $1
		  AND v.kind IN ('left', 'left everything', 'weekly', 'paused', 'categories')
		  AND (v.kind = 'left everything' OR v.data ->> 'digest' = e.digest)
		ORDER BY v.id DESC
		LIMIT 1`, ref.Reader, ref.Edition)
	if err != nil {
		return fmt.Errorf("find the last leaving: %w", found(err))
	}
	var data eventData
	if err := json.Unmarshal(last.Data, &data); err != nil {
		return fmt.Errorf("read the last leaving: %w", err)
	}
	switch {
	case last.Undone:
		return nil
	case at.Sub(last.At) > digest.UndoFor, data.How == howComplaint:
		return fmt.Errorf("too late to take back what was done on %s: %w", last.At.UTC().Format(time.DateOnly), digest.ErrNotFound)
	}
	if err := restore(ctx, tx, ref.Reader, last.At, last.Kind, data); err != nil {
		return err
	}
	return appendEvent(ctx, tx, ref.Reader, at, digest.EventUndone,
		eventData{Digest: data.Digest, Edition: int64(ref.Edition), Undoes: last.ID})
}

// restore puts back the columns that a leaving of this kind sets; what was
// chosen since in others stays.
func restore(ctx context.Context, tx *sqlx.Tx, reader digest.ReaderID, left time.Time, kind digest.EventKind, data eventData) error {
	if kind == digest.EventLeftAll {
		return rejoin(ctx, tx, reader, left, data)
	}
	if data.Before == nil {
		return fmt.Errorf("the leaving does not say what it changed: %w", digest.ErrNotFound)
	}
	now, err := lockChoices(ctx, tx, reader, data.Digest)
	if err != nil {
		return err
	}
	now.LeftAt, now.Own = data.Before.LeftAt, data.Before.Own
	switch kind {
	case digest.EventWeekly:
		now.Frequency, now.Weekday = data.Before.Frequency, data.Before.Weekday
	case digest.EventPaused:
		now.PausedUntil, now.PausedWhy = data.Before.PausedUntil, data.Before.PausedWhy
	case digest.EventCategories:
		now.Categories = data.Before.Categories
	}
	return writeChoices(ctx, tx, reader, data.Digest, now)
}

// rejoin takes "everything" back: the subscriptions it ended, as they were,
// and no others. Those of a list that was merged into another meanwhile are
// there, unless the reader had left the other one before.
func rejoin(ctx context.Context, tx *sqlx.Tx, reader digest.ReaderID, left time.Time, data eventData) error {
	var lists, states []string
	for list, state := range data.Ended {
		lists, states = append(lists, list), append(states, string(state))
	}
	_, err := tx.ExecContext(ctx, `
		UPDATE subscriptions s
		SET state = was.state, ended_at = NULL
		FROM unnest($2::text[], $3::text[]) AS was (list, state)
		LEFT JOIN merges m ON m.list = was.list
		WHERE s.reader_id = $1 AND s.state = 'unsubscribed'
		  AND (s.list = was.list OR s.list = m.into_list AND s.ended_at = $4)`,
		reader, textArray(lists), textArray(states), left)
	if err == nil && data.First {
		_, err = tx.ExecContext(ctx, `UPDATE readers SET left_at = NULL WHERE id = $1`, reader)
	}
	if err != nil {
		return fmt.Errorf("restore subscriptions: %w", err)
	}
	return nil
}
