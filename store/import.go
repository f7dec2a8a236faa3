package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"courant/digest"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

// importLock keeps imports one after the other: two that bring the same
// readers in another order would wait for each other for ever.
const importLock = 0x696d706f7274 // "import"

func lockImports(ctx context.Context, tx *sqlx.Tx) error {
	_, err := tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock($1::bigint # hashtext(current_schema()))`, int64(importLock))
	if err != nil {
		return fmt.Errorf("wait for other imports: %w", err)
	}
	return nil
}

// ImportReaders is Import for good.
func (s *Store) ImportReaders(ctx context.Context, list string, digests []string, rows []digest.ImportRow, consent string) (digest.ImportResult, error) {
	return s.Import(ctx, digest.Import{List: list, Digests: digests, Rows: rows, Consent: consent})
}

// Import puts readers on a list as active, with consent noted as its source,
// and sets what the rows say of choices for all the digests given. It never
// brings back who is gone: suppressed and erased addresses, readers who left
// the list or everything, and digests left stay as they are, and so do choices
// that a reader made alone. A known reader's name, zone and language change
// only where the row has them. Of rows that say their reader left or gets no
// mail that is kept: it takes off the list who is on it, and no later import
// puts them there.
//
// It is one transaction: a long file goes in by portions of some ten thousand
// rows, so that nobody waits long for a row of theirs. A try changes nothing.
func (s *Store) Import(ctx context.Context, in digest.Import) (digest.ImportResult, error) {
	rows, result := sift(in.Rows)
	if len(rows) == 0 && in.Content == nil {
		return result, nil
	}
	err := s.retried(ctx, func(tx *sqlx.Tx) error {
		imp := intake{tx: tx, list: in.List, digests: in.Digests, consent: digest.PlainLine(in.Consent, 500), result: result}
		imp.result.Away = slices.Clone(result.Away)
		if len(rows) > 0 {
			if err := imp.run(ctx, rows); err != nil {
				return err
			}
		}
		if err := remember(ctx, tx, in, imp.result); err != nil {
			return err
		}
		result = imp.result
		if in.Try {
			return errTried
		}
		return nil
	})
	if err != nil && !errors.Is(err, errTried) {
		return digest.ImportResult{}, fmt.Errorf("import readers to %s: %w", in.List, err)
	}
	return result, nil
}

// remember keeps how far a file is in, with the rows that brought it there.
func remember(ctx context.Context, tx *sqlx.Tx, in digest.Import, r digest.ImportResult) error {
	if in.Content == nil {
		return nil
	}
	if in.Last {
		if _, err := tx.ExecContext(ctx, `DELETE FROM imports WHERE list = $1 AND content = $2`, in.List, in.Content); err != nil {
			return fmt.Errorf("end the import: %w", err)
		}
		return nil
	}
	before, _, err := begun(ctx, tx, in.List, in.Content)
	if err != nil {
		return err
	}
	before.Add(r)
	before.Faults, before.Away = nil, nil // lines that are read over are said again
	counts, err := json.Marshal(before)
	if err != nil {
		return fmt.Errorf("write counts down: %w", err)
	}
	_, err = tx.ExecContext(ctx, `
		INSERT INTO imports (list, content, lines, counts) VALUES ($1, $2, $3, $4)
		ON CONFLICT (list, content) DO UPDATE SET lines = EXCLUDED.lines, counts = EXCLUDED.counts`,
		in.List, in.Content, in.Through, string(counts))
	if err != nil {
		return fmt.Errorf("keep how far the file is in: %w", err)
	}
	return nil
}

// ImportBegun tells up to which line a file was imported by an import that was
// stopped, and what became of those lines; 0: none was.
func (s *Store) ImportBegun(ctx context.Context, list string, content []byte) (digest.ImportResult, int, error) {
	return begun(ctx, s.db, list, content)
}

func begun(ctx context.Context, q sqlx.QueryerContext, list string, content []byte) (r digest.ImportResult, lines int, err error) {
	var row struct {
		Lines  int
		Counts []byte
	}
	err = sqlx.GetContext(ctx, q, &row, `SELECT lines, counts FROM imports WHERE list = $1 AND content = $2`, list, content)
	if errors.Is(err, sql.ErrNoRows) {
		return r, 0, nil
	}
	if err != nil {
		return r, 0, fmt.Errorf("find the import begun: %w", err)
	}
	if err := json.Unmarshal(row.Counts, &r); err != nil {
		return r, 0, fmt.Errorf("read counts: %w", err)
	}
	return r, row.Lines, nil
}

// errTried takes back what a try did.
var errTried = errors.New("only tried")

// AddReader puts one reader on a list, as ImportReaders does.
func (s *Store) AddReader(ctx context.Context, list string, digests []string, row digest.ImportRow, consent string) (digest.ImportResult, error) {
	return s.ImportReaders(ctx, list, digests, []digest.ImportRow{row}, consent)
}

// sift takes the faulty rows out, and those that never confirmed, and merges
// those for one address.
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
			result.Repeated++
			result.Away = append(result.Away, digest.ImportFault{Line: r.Line, Why: fmt.Sprintf("the address stands on line %d already", kept[i].Line)})
			kept[i].Merge(r)
			continue
		}
		first[hash] = len(kept)
		kept = append(kept, r)
	}
	return slices.DeleteFunc(kept, func(r digest.ImportRow) bool {
		if r.State != digest.ImportUnconfirmed {
			return false
		}
		result.Unconfirmed++
		result.Away = append(result.Away, digest.ImportFault{Line: r.Line, Why: "the file says that the reader never confirmed"})
		return true
	}), result
}

// intake is one import inside its transaction. Rows go into a temporary table
// by COPY and are recognised, each by a look at the indices of readers,
// subscriptions and suppressions; what follows are statements over the whole
// that need these tables no more. So a portion costs the same whether ten
// readers are there or ten million.
type intake struct {
	tx      *sqlx.Tx
	list    string
	digests []string
	consent string
	result  digest.ImportResult

	choosing bool // a row says something of choices ...
	leaving  bool // ... or that its reader is gone
}

func (i *intake) run(ctx context.Context, rows []digest.ImportRow) error {
	if err := lockImports(ctx, i.tx); err != nil {
		return err
	}
	if err := i.load(ctx, rows); err != nil {
		return err
	}
	if err := i.recognise(ctx); err != nil {
		return err
	}
	// An address that stood in an earlier portion was counted there.
	repeated := 0
	for _, r := range rows {
		i.choosing = i.choosing || r.Frequency != "" || r.Categories != nil
		i.leaving = i.leaving || r.State != digest.ImportActive
		if r.Again {
			repeated++
			i.result.Away = append(i.result.Away, digest.ImportFault{Line: r.Line, Why: "the address stands on an earlier line already"})
		}
	}
	coming := len(rows) - repeated
	for _, step := range []struct {
		drop  func(context.Context) (int, error)
		count *int
	}{
		{i.suppress, &i.result.Gone}, {i.dropSuppressed, &i.result.Suppressed}, {i.unsubscribe, &i.result.Gone}, {i.dropGone, &i.result.Left},
	} {
		n, err := step.drop(ctx)
		if err != nil {
			return err
		}
		*step.count += n
		coming -= n
	}
	i.result.Repeated += repeated
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
		CREATE TEMPORARY TABLE lines (
			email text, hash bytea, name text, zone text, language text,
			categories text[], frequency text, weekday smallint,
			state text, consent text, line integer, again boolean
		) ON COMMIT DROP;
		CREATE TEMPORARY TABLE fates (reader_id bigint, added boolean) ON COMMIT DROP`)
	if err != nil {
		return fmt.Errorf("make room for the rows: %w", err)
	}
	st, err := i.tx.PrepareContext(ctx, `
		COPY lines (email, hash, name, zone, language, categories, frequency, weekday, state, consent, line, again) FROM STDIN`)
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
			emptyNull(string(r.Frequency)), weekday, string(r.State), r.Consent, r.Line, r.Again)
		if err != nil {
			return fmt.Errorf("copy line %d: %w", r.Line, err)
		}
	}
	if _, err := st.ExecContext(ctx); err != nil {
		return fmt.Errorf("copy rows: %w", err)
	}
	return nil
}

// recognise says of each row who it is about and how that reader stands. Who is
// not known yet is fresh, and has the id of the row to come: by it the rest of
// the import needs no look-ups, and ids follow the lines of the file.
//
// Each LIMIT keeps the planner from reading a whole table for a join.
func (i *intake) recognise(ctx context.Context) error {
	var ids string // asked for once, and not with each row
	if err := i.tx.GetContext(ctx, &ids, `SELECT pg_get_serial_sequence('readers', 'id')`); err != nil {
		return fmt.Errorf("find the readers' ids: %w", err)
	}
	_, err := i.tx.ExecContext(ctx, `
		CREATE TEMPORARY TABLE incoming ON COMMIT DROP AS
		SELECT l.*, r.id IS NULL AS fresh, COALESCE(r.id, nextval(`+pq.QuoteLiteral(ids)+`)) AS reader_id,
		       COALESCE(r.gone, false) AS gone, s.state AS stands, x.reason AS suppressed,
		       l.name NOT IN ('', r.name) OR l.zone NOT IN ('', r.time_zone) OR l.language NOT IN ('', r.language) AS amends
		FROM (SELECT * FROM lines ORDER BY line) l
		LEFT JOIN LATERAL (
			SELECT r.id, r.name, r.time_zone, r.language, r.email IS NULL OR r.left_at IS NOT NULL AS gone
			FROM readers r WHERE r.email_hash = l.hash LIMIT 1
		) r ON true
		LEFT JOIN LATERAL (
			SELECT s.state FROM subscriptions s WHERE s.reader_id = r.id AND s.list = `+pq.QuoteLiteral(i.list)+` LIMIT 1
		) s ON true
		LEFT JOIN LATERAL (
			SELECT x.reason FROM suppressions x
			WHERE x.email_hash = l.hash AND (x.until IS NULL OR x.until > clock_timestamp()) LIMIT 1
		) x ON true`)
	if err != nil {
		return fmt.Errorf("recognise readers: %w", err)
	}
	// Without figures the planner takes the table for a small one and loops.
	if _, err := i.tx.ExecContext(ctx, `ANALYZE incoming (line, reader_id, fresh, stands, amends, gone, suppressed)`); err != nil {
		return fmt.Errorf("recognise readers: %w", err)
	}
	return nil
}

// suppress keeps of addresses that the file says get no mail that they don't,
// on whatever list, and cancels what waits for them.
func (i *intake) suppress(ctx context.Context) (int, error) {
	if !i.leaving {
		return 0, nil
	}
	for _, state := range []digest.ImportState{digest.ImportBounced, digest.ImportComplained, digest.ImportBlocked} {
		var known []digest.ReaderID
		err := i.tx.SelectContext(ctx, &known, `
			WITH noted AS (
				INSERT INTO suppressions (email_hash, reason, detail)
				SELECT i.hash, $2, $3 FROM incoming i WHERE i.state = $1
				ON CONFLICT (email_hash) DO UPDATE
				SET reason = EXCLUDED.reason, detail = EXCLUDED.detail, since = EXCLUDED.since, until = NULL
				WHERE suppressions.until IS NOT NULL
				RETURNING email_hash
			), events AS (
				INSERT INTO reader_events (reader_id, kind, data)
				SELECT r.id, 'suppressed', jsonb_build_object('reason', $2 || ': ' || $3)
				FROM noted
				JOIN readers r USING (email_hash)
				RETURNING reader_id
			)
			SELECT reader_id FROM events`, string(state), state.Suppresses(), i.consent)
		if err != nil {
			return 0, fmt.Errorf("suppress who gets no mail: %w", err)
		}
		for _, id := range known {
			if err := cancelPending(ctx, i.tx, id, "", "the address gets no more mail: "+state.Suppresses()); err != nil {
				return 0, err
			}
		}
	}
	return i.drop(ctx, "the file says that the address gets no mail", `
		DELETE FROM incoming i
		WHERE i.state IN ('bounced', 'complained', 'blocked')
		RETURNING i.line, i.again, i.state AS why`)
}

// unsubscribe keeps of readers that the file says left the list that they did.
// Somebody unknown gets a row too, or another file would bring them back.
func (i *intake) unsubscribe(ctx context.Context) (int, error) {
	if !i.leaving {
		return 0, nil
	}
	var ended []digest.ReaderID
	err := i.tx.SelectContext(ctx, &ended, `
		WITH unknown AS (
			INSERT INTO readers (email, email_hash, name, time_zone, language)
			SELECT i.email, i.hash, i.name, i.zone, i.language
			FROM incoming i
			WHERE i.state = 'unsubscribed' AND NOT EXISTS (SELECT 1 FROM readers r WHERE r.email_hash = i.hash)
			ON CONFLICT (email_hash) DO NOTHING
			RETURNING id
		), known AS (
			SELECT r.id
			FROM incoming i
			JOIN readers r ON r.email_hash = i.hash
			WHERE i.state = 'unsubscribed' AND r.email IS NOT NULL
		), ended AS (
			INSERT INTO subscriptions (reader_id, list, state, consent, ended_at)
			SELECT id, $1, 'unsubscribed', $2, clock_timestamp() FROM (SELECT id FROM unknown UNION SELECT id FROM known) AS them
			ORDER BY id
			ON CONFLICT (reader_id, list) DO UPDATE
			SET state = 'unsubscribed', ended_at = EXCLUDED.ended_at
			WHERE subscriptions.state <> 'unsubscribed'
			RETURNING reader_id
		), events AS (
			INSERT INTO reader_events (reader_id, kind, data)
			SELECT reader_id, 'removed', jsonb_build_object('list', $1::text, 'how', $2::text) FROM ended
			RETURNING reader_id
		)
		SELECT reader_id FROM events`, i.list, i.consent)
	if err != nil {
		return 0, fmt.Errorf("note who left: %w", err)
	}
	if err := cancelFor(ctx, i.tx, ended, "left "+i.list+", says the "+i.consent); err != nil {
		return 0, err
	}
	return i.drop(ctx, "the file says that the reader left", `
		DELETE FROM incoming i
		WHERE i.state = 'unsubscribed'
		RETURNING i.line, i.again, '' AS why`)
}

// cancelFor cancels what waits for readers who are off the list now. Few of
// them have anything waiting.
func cancelFor(ctx context.Context, tx *sqlx.Tx, ended []digest.ReaderID, why string) error {
	var waiting []digest.ReaderID
	err := tx.SelectContext(ctx, &waiting, `
		SELECT DISTINCT d.reader_id
		FROM deliveries d
		WHERE d.reader_id = ANY ($1) AND d.state IN ('queued', 'claimed', 'sending')`, pq.Array(ended))
	if err != nil {
		return fmt.Errorf("find what waits: %w", err)
	}
	for _, id := range waiting {
		if err := cancelUnlisted(ctx, tx, id, why); err != nil {
			return err
		}
	}
	return nil
}

// dropSuppressed takes out whose address gets no mail, for whatever reason.
func (i *intake) dropSuppressed(ctx context.Context) (int, error) {
	return i.drop(ctx, "the address gets no mail", `
		DELETE FROM incoming i
		WHERE i.suppressed IS NOT NULL
		RETURNING i.line, i.again, i.suppressed AS why`)
}

// dropGone takes out who left the list or everything, and tombstones of those
// whose address was forgotten after they had left.
func (i *intake) dropGone(ctx context.Context) (int, error) {
	return i.drop(ctx, "left and stays away", `
		DELETE FROM incoming i
		WHERE i.gone OR i.stands = 'unsubscribed'
		RETURNING i.line, i.again, '' AS why`)
}

// drop takes rows out and says of each line why. It counts those whose address
// was not counted before.
func (i *intake) drop(ctx context.Context, what, query string, args ...any) (count int, err error) {
	var lines []struct {
		Line  int
		Again bool
		Why   string
	}
	if err := i.tx.SelectContext(ctx, &lines, query, args...); err != nil {
		return 0, fmt.Errorf("set aside who is gone: %w", err)
	}
	for _, l := range lines {
		if l.Again {
			continue
		}
		count++
		why := what
		if l.Why != "" {
			why += ": " + l.Why
		}
		i.result.Away = append(i.result.Away, digest.ImportFault{Line: l.Line, Why: why})
	}
	return count, nil
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
			WHERE r.id = i.reader_id AND i.amends AND NOT i.fresh AND r.email IS NOT NULL
			RETURNING r.id
		)
		INSERT INTO fates (reader_id, added)
		SELECT id, false FROM amended`)
	if err != nil {
		return fmt.Errorf("amend readers: %w", err)
	}
	return nil
}

// addReaders makes rows for addresses never seen, in the order of their hashes:
// a random order would touch a page of that index for each of them, and take
// twice the time. One that signs up at this moment by another way is recognised
// after all.
func (i *intake) addReaders(ctx context.Context) error {
	added, err := affected(i.tx.ExecContext(ctx, `
		INSERT INTO readers (id, email, email_hash, name, time_zone, language)
		OVERRIDING SYSTEM VALUE
		SELECT i.reader_id, i.email, i.hash, i.name, i.zone, i.language
		FROM incoming i
		WHERE i.fresh
		ORDER BY i.hash
		ON CONFLICT (email_hash) DO NOTHING`))
	if err != nil {
		return fmt.Errorf("add readers: %w", err)
	}
	var fresh int
	if err := i.tx.GetContext(ctx, &fresh, `SELECT count(*) FROM incoming WHERE fresh`); err != nil || fresh == added {
		return err
	}
	_, err = i.tx.ExecContext(ctx, `
		UPDATE incoming i
		SET fresh = false, reader_id = r.id
		FROM readers r
		WHERE i.fresh AND r.email_hash = i.hash AND r.id <> i.reader_id`)
	if err != nil {
		return fmt.Errorf("recognise who came meanwhile: %w", err)
	}
	return nil
}

// subscribe makes the readers active on the list. A sign-up that waits for
// its confirmation is overtaken: the editor answers for the consent now. Who is
// known is looked at once more, for leaving everything meanwhile.
func (i *intake) subscribe(ctx context.Context) error {
	_, err := i.tx.ExecContext(ctx, `
		WITH coming AS (
			SELECT i.reader_id, i.consent
			FROM incoming i
			WHERE i.fresh
			UNION ALL
			SELECT i.reader_id, i.consent
			FROM incoming i
			JOIN readers r ON r.id = i.reader_id
			WHERE NOT i.fresh AND i.stands IS DISTINCT FROM 'active' AND r.email IS NOT NULL AND r.left_at IS NULL
		), subscribed AS (
			INSERT INTO subscriptions (reader_id, list, state, consent)
			SELECT reader_id, $1, 'active', $2 || COALESCE(': ' || NULLIF(consent, ''), '')
			FROM coming
			ORDER BY reader_id
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
	if !i.choosing {
		return nil
	}
	_, err := i.tx.ExecContext(ctx, `
		WITH amended AS (
			UPDATE choices c
			SET frequency = COALESCE(i.frequency, c.frequency),
			    weekday = CASE COALESCE(i.frequency, c.frequency) WHEN 'weekly' THEN COALESCE(i.weekday, c.weekday) END,
			    categories = COALESCE(i.categories, c.categories)
			FROM incoming i
			WHERE c.reader_id = i.reader_id
			  AND NOT i.fresh
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
	if !i.choosing {
		return nil
	}
	_, err := i.tx.ExecContext(ctx, `
		WITH chosen AS (
			INSERT INTO choices (reader_id, digest, frequency, weekday, categories, since)
			SELECT i.reader_id, d.digest, COALESCE(i.frequency, 'every'), i.weekday, i.categories, s.since
			FROM incoming i
			JOIN LATERAL (
				SELECT s.since FROM subscriptions s WHERE s.reader_id = i.reader_id AND s.list = $1 LIMIT 1
			) s ON true
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
		FROM changed c
		JOIN incoming i ON i.reader_id = c.reader_id
		WHERE NOT i.again`, string(doc))
	if err != nil {
		return fmt.Errorf("note the import: %w", err)
	}
	i.result.Added, i.result.Updated = counts.Added, counts.Updated
	return nil
}
