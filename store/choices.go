package store

import (
	"context"
	"fmt"
	"slices"
	"time"

	"courant/digest"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

// choicesRow is what a reader chose for a digest, as the database and the
// event log have it.
type choicesRow struct {
	LeftAt      *time.Time       `json:"left_at,omitempty"`
	Frequency   digest.Frequency `json:"frequency"`
	Weekday     *int16           `json:"weekday,omitempty"`
	Categories  pq.StringArray   `json:"categories,omitempty"`
	PausedUntil *time.Time       `json:"paused_until,omitempty"`
	PausedWhy   string           `json:"paused_why,omitempty"`
	Own         bool             `json:"own,omitempty"`
}

// choicesColumns reads a choicesRow that may not be there.
const choicesColumns = `c.left_at, COALESCE(c.frequency, 'every') AS frequency, c.weekday, c.categories, c.paused_until,
	COALESCE(c.paused_why, '') AS paused_why, COALESCE(c.own, false) AS own`

// day is meant for weekly readers with a day; Sunday otherwise.
func (c choicesRow) day() time.Weekday {
	if c.Weekday == nil {
		return time.Sunday
	}
	return time.Weekday(*c.Weekday)
}

// choices are a reader's for a digest.
func (c choicesRow) choices(reader digest.ReaderID, name string) digest.Choices {
	return digest.Choices{
		Reader: reader, Digest: name, LeftAt: orZero(c.LeftAt), Frequency: c.Frequency, Weekday: c.day(), OnWeekday: c.Weekday != nil,
		Categories: c.Categories, PausedUntil: orZero(c.PausedUntil), PausedWhy: c.PausedWhy,
	}
}

// sameChoices compares what a reader can see; who made the choice does not
// count.
func sameChoices(a, b choicesRow) bool {
	return sameTime(a.LeftAt, b.LeftAt) && sameTime(a.PausedUntil, b.PausedUntil) && a.PausedWhy == b.PausedWhy &&
		a.Frequency == b.Frequency && (a.Weekday == nil) == (b.Weekday == nil) && a.day() == b.day() &&
		slices.Equal(a.Categories, b.Categories)
}

// sameTime compares to the microsecond, as the database keeps it.
func sameTime(a, b *time.Time) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Round(time.Microsecond).Equal(b.Round(time.Microsecond))
}

// lockChoices reads the reader's choices for the digest and holds their row,
// which is made if it is missing: as old as the subscription that brings the
// digest.
func lockChoices(ctx context.Context, tx *sqlx.Tx, reader digest.ReaderID, name string) (c choicesRow, err error) {
	_, err = tx.ExecContext(ctx, `
		INSERT INTO choices (reader_id, digest, since)
		SELECT $1, $2, COALESCE(min(since), clock_timestamp())
		FROM subscriptions
		WHERE reader_id = $1
		ON CONFLICT (reader_id, digest) DO NOTHING`, reader, name)
	if err != nil {
		return c, fmt.Errorf("make room for choices: %w", err)
	}
	err = tx.GetContext(ctx, &c, `
		SELECT `+choicesColumns+`
		FROM choices c
		WHERE reader_id = $1 AND digest = $2
		FOR UPDATE`, reader, name)
	if err != nil {
		return c, fmt.Errorf("read choices: %w", err)
	}
	return c, nil
}

// writeChoices needs the row that lockChoices holds.
func writeChoices(ctx context.Context, tx *sqlx.Tx, reader digest.ReaderID, name string, c choicesRow) error {
	_, err := tx.ExecContext(ctx, `
		UPDATE choices
		SET left_at = $3, frequency = $4, weekday = $5, categories = $6, paused_until = $7, paused_why = $8, own = $9
		WHERE reader_id = $1 AND digest = $2`,
		reader, name, c.LeftAt, c.Frequency, c.Weekday, c.Categories, c.PausedUntil, c.PausedWhy, c.Own)
	if err != nil {
		return fmt.Errorf("write choices: %w", err)
	}
	return nil
}

// choicesOf reads what readers chose, by digest.
func choicesOf(ctx context.Context, q sqlx.QueryerContext, readers []int64) (map[digest.ReaderID][]digest.Choices, error) {
	var rows []struct {
		ReaderID digest.ReaderID
		Digest   string
		Since    time.Time
		choicesRow
	}
	err := sqlx.SelectContext(ctx, q, &rows, `
		SELECT c.reader_id, c.digest, c.since, `+choicesColumns+`
		FROM choices c
		WHERE c.reader_id = ANY ($1::bigint[])
		ORDER BY c.reader_id, c.digest`, pq.Array(readers))
	if err != nil {
		return nil, fmt.Errorf("read choices: %w", err)
	}
	chosen := map[digest.ReaderID][]digest.Choices{}
	for _, r := range rows {
		c := r.choices(r.ReaderID, r.Digest)
		c.Since = r.Since
		chosen[r.ReaderID] = append(chosen[r.ReaderID], c)
	}
	return chosen, nil
}
