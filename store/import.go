package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"courant/digest"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

// importLock keeps imports one after the other: two that bring the same
// readers in another order would wait for each other for ever.
const importLock = 0x696d706f7274 // "import"

// ImportReaders puts readers on a list as active, with consent noted as its
// source, and sets what the rows say of choices for all the digests given. It
// never brings back who is gone: suppressed and erased addresses, readers who
// left the list or everything, and digests left stay as they are, and so do
// choices that a reader made alone. A known reader's name, zone and language
// change only where the row has them.
//
// It is one transaction: a long file goes in by portions of some ten thousand
// rows, so that nobody waits long for a row of theirs.
func (s *Store) ImportReaders(ctx context.Context, list string, digests []string, rows []digest.ImportRow, consent string) (digest.ImportResult, error) {
	rows, result := sift(rows)
	if len(rows) == 0 {
		return result, nil
	}
	err := s.retried(ctx, func(tx *sqlx.Tx) error {
		imp := intake{tx: tx, list: list, digests: digests, consent: digest.PlainLine(consent, 500), result: result}
		err := imp.run(ctx, rows)
		if err == nil {
			result = imp.result
		}
		return err
	})
	if err != nil {
		return digest.ImportResult{}, fmt.Errorf("import readers to %s: %w", list, err)
	}
	return result, nil
}

// AddReader puts one reader on a list, as ImportReaders does.
func (s *Store) AddReader(ctx context.Context, list string, digests []string, row digest.ImportRow, consent string) (digest.ImportResult, error) {
	return s.ImportReaders(ctx, list, digests, []digest.ImportRow{row}, consent)
}

// sift takes the faulty rows out and merges those for one address.
func sift(rows []digest.ImportRow) (kept []digest.ImportRow, result digest.ImportResult) {
	kept = make([]digest.ImportRow, 0, len(rows))
	first := make(map[[32]byte]int, len(rows))
	for _, r := range rows {
		if why := r.Fault(); why != "" {
			result.Faults = append(result.Faults, digest.ImportFault{Line: r.Line, Why: why})
			continue
		}
		hash := [32]byte(r.Hash)
		if i, again := first[hash]; again {
			kept[i].Merge(r)
			result.Repeated++
			continue
		}
		first[hash] = len(kept)
		kept = append(kept, r)
	}
	return kept, result
}

// intake is one import inside its transaction. Rows go into a temporary table
// by COPY; the rest are statements over the whole.
type intake struct {
	tx      *sqlx.Tx
	list    string
	digests []string
	consent string
	result  digest.ImportResult
}

func (i *intake) run(ctx context.Context, rows []digest.ImportRow) error {
	_, err := i.tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock($1::bigint # hashtext(current_schema()))`, int64(importLock))
	if err != nil {
		return fmt.Errorf("wait for other imports: %w", err)
	}
	if err := i.load(ctx, rows); err != nil {
		return err
	}
	coming := len(rows)
	if i.result.Suppressed, err = i.dropSuppressed(ctx); err != nil {
		return err
	}
	if i.result.Left, err = i.dropGone(ctx); err != nil {
		return err
	}
	coming -= i.result.Suppressed + i.result.Left
	for _, step := range []func(context.Context) error{
		i.amendReaders, i.addReaders, i.subscribe, i.amendChoices, i.addChoices, i.note,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	i.result.Unchanged = coming - i.result.Added - i.result.Updated
	return nil
}

// load brings the rows to the database: 100,000 in a third of a second, where
// an INSERT each would take half a minute. The tables are this connection's own
// and go with the transaction.
func (i *intake) load(ctx context.Context, rows []digest.ImportRow) (err error) {
	_, err = i.tx.ExecContext(ctx, `
		CREATE TEMPORARY TABLE incoming (
			email text, hash bytea, name text, zone text, language text,
			categories text[], frequency text, weekday smallint
		) ON COMMIT DROP;
		CREATE TEMPORARY TABLE fates (reader_id bigint, added boolean) ON COMMIT DROP`)
	if err != nil {
		return fmt.Errorf("make room for the rows: %w", err)
	}
	st, err := i.tx.PrepareContext(ctx, `
		COPY incoming (email, hash, name, zone, language, categories, frequency, weekday) FROM STDIN`)
	if err != nil {
		return fmt.Errorf("copy rows: %w", err)
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	for _, r := range rows {
		var weekday any
		if r.Weekday != nil {
			weekday = int64(*r.Weekday)
		}
		var categories any
		if len(r.Categories) > 0 {
			categories = pq.Array(r.Categories)
		}
		_, err := st.ExecContext(ctx, r.Address, r.Hash, r.Name, r.Zone, r.Language, categories,
			emptyNull(string(r.Frequency)), weekday)
		if err != nil {
			return fmt.Errorf("copy line %d: %w", r.Line, err)
		}
	}
	if _, err := st.ExecContext(ctx); err != nil {
		return fmt.Errorf("copy rows: %w", err)
	}
	// Without figures the planner takes the table for a small one and loops.
	if _, err := i.tx.ExecContext(ctx, `ANALYZE incoming`); err != nil {
		return fmt.Errorf("copy rows: %w", err)
	}
	return nil
}

// dropSuppressed takes out whose address gets no mail, for whatever reason.
func (i *intake) dropSuppressed(ctx context.Context) (int, error) {
	return i.drop(ctx, `
		DELETE FROM incoming i
		USING suppressions x
		WHERE x.email_hash = i.hash AND (x.until IS NULL OR x.until > clock_timestamp())`)
}

// dropGone takes out who left the list or everything, and tombstones of those
// whose address was forgotten after they had left.
func (i *intake) dropGone(ctx context.Context) (int, error) {
	return i.drop(ctx, `
		DELETE FROM incoming i
		USING readers r
		LEFT JOIN subscriptions s ON s.reader_id = r.id AND s.list = $1
		WHERE r.email_hash = i.hash
		  AND (r.email IS NULL OR r.left_at IS NOT NULL OR s.state = 'unsubscribed')`, i.list)
}

func (i *intake) drop(ctx context.Context, query string, args ...any) (int, error) {
	result, err := i.tx.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, fmt.Errorf("set aside who is gone: %w", err)
	}
	n, err := result.RowsAffected()
	if err != nil {
		return 0, fmt.Errorf("set aside who is gone: %w", err)
	}
	return int(n), nil
}

// amendReaders brings known readers up to date. Rows that say nothing new are
// not written, and nobody waits for them.
func (i *intake) amendReaders(ctx context.Context) error {
	_, err := i.tx.ExecContext(ctx, `
		WITH amended AS (
			UPDATE readers r
			SET name = COALESCE(NULLIF(i.name, ''), r.name),
			    time_zone = COALESCE(NULLIF(i.zone, ''), r.time_zone),
			    language = COALESCE(NULLIF(i.language, ''), r.language)
			FROM incoming i
			WHERE r.email_hash = i.hash
			  AND (i.name NOT IN ('', r.name) OR i.zone NOT IN ('', r.time_zone) OR i.language NOT IN ('', r.language))
			RETURNING r.id
		)
		INSERT INTO fates (reader_id, added)
		SELECT id, false FROM amended`)
	if err != nil {
		return fmt.Errorf("amend readers: %w", err)
	}
	return nil
}

// addReaders makes rows for addresses never seen. One that signs up at this
// moment by another way is found by the next step.
func (i *intake) addReaders(ctx context.Context) error {
	_, err := i.tx.ExecContext(ctx, `
		INSERT INTO readers (email, email_hash, name, time_zone, language)
		SELECT i.email, i.hash, i.name, i.zone, i.language
		FROM incoming i
		WHERE NOT EXISTS (SELECT 1 FROM readers r WHERE r.email_hash = i.hash)
		ON CONFLICT (email_hash) DO NOTHING`)
	if err != nil {
		return fmt.Errorf("add readers: %w", err)
	}
	return nil
}

// subscribe makes the readers active on the list. A sign-up that waits for
// its confirmation is overtaken: the editor answers for the consent now.
func (i *intake) subscribe(ctx context.Context) error {
	_, err := i.tx.ExecContext(ctx, `
		WITH subscribed AS (
			INSERT INTO subscriptions (reader_id, list, state, consent)
			SELECT r.id, $1, 'active', $2
			FROM incoming i
			JOIN readers r ON r.email_hash = i.hash
			LEFT JOIN subscriptions s ON s.reader_id = r.id AND s.list = $1
			WHERE r.email IS NOT NULL AND s.state IS DISTINCT FROM 'active'
			ORDER BY r.id
			ON CONFLICT (reader_id, list) DO UPDATE
			SET state = 'active', consent = EXCLUDED.consent, since = EXCLUDED.since
			WHERE subscriptions.state = 'pending'
			RETURNING reader_id
		)
		INSERT INTO fates (reader_id, added)
		SELECT reader_id, true FROM subscribed`, i.list, i.consent)
	if err != nil {
		return fmt.Errorf("subscribe readers: %w", err)
	}
	return nil
}

// amendChoices overrides what editors chose before, never what a reader chose
// alone, and never that a digest was left. A weekly reader keeps the weekday
// where the row names none.
func (i *intake) amendChoices(ctx context.Context) error {
	_, err := i.tx.ExecContext(ctx, `
		WITH amended AS (
			UPDATE choices c
			SET frequency = COALESCE(i.frequency, c.frequency),
			    weekday = CASE COALESCE(i.frequency, c.frequency) WHEN 'weekly' THEN COALESCE(i.weekday, c.weekday) END,
			    categories = COALESCE(i.categories, c.categories)
			FROM incoming i
			JOIN readers r ON r.email_hash = i.hash
			WHERE c.reader_id = r.id
			  AND c.digest = ANY ($1::text[])
			  AND NOT c.own
			  AND (i.frequency <> c.frequency OR i.weekday IS DISTINCT FROM c.weekday AND i.weekday IS NOT NULL
			       OR i.categories <> COALESCE(c.categories, '{}'))
			RETURNING c.reader_id
		)
		INSERT INTO fates (reader_id, added)
		SELECT reader_id, false FROM amended`, textArray(i.digests))
	if err != nil {
		return fmt.Errorf("amend choices: %w", err)
	}
	return nil
}

// addChoices gives readers without choices those of their row, in every digest
// of the list.
func (i *intake) addChoices(ctx context.Context) error {
	_, err := i.tx.ExecContext(ctx, `
		WITH chosen AS (
			INSERT INTO choices (reader_id, digest, frequency, weekday, categories, since)
			SELECT r.id, d.digest, COALESCE(i.frequency, 'every'), i.weekday, i.categories, s.since
			FROM incoming i
			JOIN readers r ON r.email_hash = i.hash
			JOIN subscriptions s ON s.reader_id = r.id AND s.list = $1
			CROSS JOIN unnest($2::text[]) AS d (digest)
			WHERE i.frequency IS NOT NULL OR i.categories IS NOT NULL
			ON CONFLICT (reader_id, digest) DO NOTHING
			RETURNING reader_id
		)
		INSERT INTO fates (reader_id, added)
		SELECT reader_id, false FROM chosen`, i.list, textArray(i.digests))
	if err != nil {
		return fmt.Errorf("set choices: %w", err)
	}
	return nil
}

// note appends an event for everyone the import changed, and counts them.
func (i *intake) note(ctx context.Context) error {
	doc, err := json.Marshal(eventData{List: i.list, How: i.consent})
	if err != nil {
		return fmt.Errorf("write event down: %w", err)
	}
	var counts struct{ Added, Updated int }
	err = i.tx.GetContext(ctx, &counts, `
		WITH changed AS (
			SELECT reader_id, bool_or(added) AS added
			FROM fates
			GROUP BY reader_id
		), noted AS (
			INSERT INTO reader_events (reader_id, kind, data)
			SELECT reader_id, CASE WHEN added THEN 'imported' ELSE 'updated' END, $1
			FROM changed
		)
		SELECT count(*) FILTER (WHERE added) AS added, count(*) FILTER (WHERE NOT added) AS updated
		FROM changed`, string(doc))
	if err != nil {
		return fmt.Errorf("note the import: %w", err)
	}
	i.result.Added, i.result.Updated = counts.Added, counts.Updated
	return nil
}
