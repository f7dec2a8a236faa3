package store

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"courant/digest"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

// sourceRow is digest.SourceState as the database has it.
type sourceRow struct {
	Name         string
	Kind         digest.SourceKind
	URL          string
	Category     string
	Categories   pq.StringArray
	Address      string
	MovedTo      string
	ETag         string
	LastModified string
	Validated    string
	NextPoll     *time.Time
	NotBefore    *time.Time
	FirstPoll    *time.Time
	LastPoll     *time.Time
	LastSuccess  *time.Time
	Failures     int
	FailingSince *time.Time
	Error        string
	Gone         bool
	Seen         string
	TTL          int64 // seconds
	Newest       *time.Time
	Listened     int64 // seconds
	Told         digest.SourceCondition
	ToldAt       *time.Time
}

func (r sourceRow) state() digest.SourceState {
	return digest.SourceState{
		Source: digest.Source{Name: r.Name, Kind: r.Kind, URL: r.URL, Category: r.Category, Categories: several(r.Categories)},
		ETag:   r.ETag, LastModified: r.LastModified, Validated: r.Validated,
		NextPoll: orZero(r.NextPoll), NotBefore: orZero(r.NotBefore),
		FirstPoll: orZero(r.FirstPoll), LastPoll: orZero(r.LastPoll), LastSuccess: orZero(r.LastSuccess),
		Failures: r.Failures, FailingSince: orZero(r.FailingSince), Error: r.Error,
		Gone: r.Gone, MovedTo: r.MovedTo, Address: r.Address, Seen: r.Seen, TTL: time.Duration(r.TTL) * time.Second,
		Newest: orZero(r.Newest), Listened: time.Duration(r.Listened) * time.Second, Told: r.Told, ToldAt: orZero(r.ToldAt),
	}
}

// orZero makes NULL the zero time.
func orZero(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}

// SourceStates lists what is remembered of the sources in the config, by name.
func (s *Store) SourceStates(ctx context.Context) ([]digest.SourceState, error) {
	var rows []sourceRow
	err := s.db.SelectContext(ctx, &rows, `
		SELECT s.name, s.kind, s.url, s.category, s.categories, s.address, s.moved_to, s.etag AS e_tag, s.last_modified, s.validated, s.next_poll,
		       s.not_before, s.first_poll, s.last_poll, s.last_success, s.failures, s.failing_since, s.error, s.gone, s.seen, s.ttl, s.listened, s.told,
		       s.told_at, (SELECT max(a.first_seen) FROM articles a WHERE a.source = s.name) AS newest
		FROM sources s
		WHERE s.active
		ORDER BY s.name`)
	if err != nil {
		return nil, fmt.Errorf("list sources: %w", err)
	}
	states := make([]digest.SourceState, len(rows))
	for i, r := range rows {
		states[i] = r.state()
	}
	return states, nil
}

// SyncSources makes the config's sources the active ones. What is remembered
// of a source stays, unless its URL or kind is another now: then it counts as
// never polled. A source that is no longer in the config keeps its row and its
// articles and is not polled.
func (s *Store) SyncSources(ctx context.Context, sources []digest.Source) error {
	var names, kinds, urls, categories, all []string
	for _, src := range sources {
		names, kinds = append(names, src.Name), append(kinds, string(src.Kind))
		urls, categories = append(urls, src.URL), append(categories, first(src.AllCategories()))
		// An array of arrays would want them all of one length.
		list, err := json.Marshal(append([]string{}, src.AllCategories()...))
		if err != nil {
			return fmt.Errorf("write down the categories of source %s: %w", src.Name, err)
		}
		all = append(all, string(list))
	}
	return s.tx(ctx, func(tx *sqlx.Tx) error {
		// Processes that start together go one after the other; a poll is
		// saved in a moment.
		if _, err := tx.ExecContext(ctx, `LOCK TABLE sources IN SHARE ROW EXCLUSIVE MODE`); err != nil {
			return fmt.Errorf("lock sources: %w", err)
		}
		_, err := tx.ExecContext(ctx, `
			UPDATE sources
			SET active = false
			WHERE active AND name <> ALL ($1::text[])`, textArray(names))
		if err != nil {
			return fmt.Errorf("rest sources that left the config: %w", err)
		}
		_, err = tx.ExecContext(ctx, `
			DELETE FROM sources s
			USING unnest($1::text[], $2::text[], $3::text[]) AS c (name, kind, url)
			WHERE s.name = c.name AND (s.kind, s.url) IS DISTINCT FROM (c.kind, c.url)`,
			textArray(names), textArray(kinds), textArray(urls))
		if err != nil {
			return fmt.Errorf("forget sources at another address: %w", err)
		}
		_, err = tx.ExecContext(ctx, `
			INSERT INTO sources (name, kind, url, category, categories)
			SELECT name, kind, url, category, ARRAY(SELECT jsonb_array_elements_text(all_of_them::jsonb))
			FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[]) AS c (name, kind, url, category, all_of_them)
			ON CONFLICT (name) DO UPDATE
			SET category = EXCLUDED.category, categories = EXCLUDED.categories, active = true`,
			textArray(names), textArray(kinds), textArray(urls), textArray(categories), textArray(all))
		if err != nil {
			return fmt.Errorf("write sources: %w", err)
		}
		return nil
	})
}

// first is a list's first text; empty: the list is.
func first(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[0]
}

// several is a list of categories as the nouns have it: nil where the main one
// is all.
func several(categories []string) []string {
	if len(categories) < 2 {
		return nil
	}
	return categories
}

// SavePoll keeps what a poll learned about its source and the articles it
// read, in one transaction, and says how many of them are new. A known article
// keeps its ID and FirstSeen; while no story has it, its title, points and the
// rest are corrected, but never by a thinner reading (points of a lesser
// origin, an empty lead). Polls of one source wait for each other.
//
// A poll of an address that the config has replaced meanwhile keeps nothing;
// the error then wraps digest.ErrNotFound.
func (s *Store) SavePoll(ctx context.Context, state digest.SourceState, articles []digest.Article) (added int, err error) {
	articles = cleanArticles(articles)
	err = s.tx(ctx, func(tx *sqlx.Tx) error {
		last, err := lastWindow(ctx, tx)
		if err != nil {
			return err
		}
		// The source's row is the lock that all writers of its articles hold.
		if err := saveState(ctx, tx, state); err != nil {
			return err
		}
		known, err := matchArticles(ctx, tx, state.Source.Name, articles)
		if err != nil {
			return err
		}
		fresh, seen := splitArticles(state.Source.Name, articles, known)
		behind(last, fresh)
		if added, err = insertArticles(ctx, tx, fresh); err != nil {
			return err
		}
		return correctArticles(ctx, tx, seen)
	})
	if err != nil {
		return 0, fmt.Errorf("save poll of %s: %w", state.Source.Name, err)
	}
	return added, nil
}

// lastWindow is where the last window of any edition ended. No edition is made
// until the transaction ends, so whatever it adds is new to all of them.
func lastWindow(ctx context.Context, tx *sqlx.Tx) (time.Time, error) {
	_, err := tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock_shared($1::bigint # hashtext(current_schema()))`, int64(publishLock))
	if err != nil {
		return time.Time{}, fmt.Errorf("wait for publications: %w", err)
	}
	var last *time.Time
	if err := tx.GetContext(ctx, &last, `SELECT max(window_to) FROM editions WHERE kind <> 'proof'`); err != nil {
		return time.Time{}, fmt.Errorf("read the last window: %w", err)
	}
	if last == nil {
		return time.Time{}, nil
	}
	return *last, nil
}

// behind moves articles behind the last window: a poll that began before an
// edition and ends after it would otherwise bring articles into a window that
// is closed, and no reader would ever get them. Their order stays. What was
// dated back to its publication, at a source's first poll, stays where it is.
func behind(last time.Time, fresh []articleText) {
	shift := time.Duration(0)
	for _, a := range fresh {
		if !a.datedBack() {
			shift = max(shift, last.Add(time.Microsecond).Sub(a.FirstSeen))
		}
	}
	for i := range fresh {
		if !fresh[i].datedBack() {
			fresh[i].FirstSeen = fresh[i].FirstSeen.Add(shift)
		}
	}
}

func (a articleText) datedBack() bool { return a.Published != nil && a.Published.Equal(a.FirstSeen) }

// saveState takes the source's row, and with it the source's articles, for the
// transaction.
func saveState(ctx context.Context, tx *sqlx.Tx, st digest.SourceState) error {
	result, err := tx.ExecContext(ctx, `
		UPDATE sources
		SET address = $3, moved_to = $4, etag = $5, last_modified = $6, next_poll = $7, not_before = $8,
		    last_poll = $9, last_success = $10, failures = $11, error = $12, gone = $13, ttl = $15, validated = $16, polling_until = NULL,
		    seen = CASE WHEN seen = $14 THEN seen ELSE $14 END, -- 80 KB, each minute the same, are not written again
		    first_poll = COALESCE(first_poll, $9),
		    failing_since = CASE WHEN $11 > 0 THEN COALESCE(failing_since, $9, clock_timestamp()) END
		WHERE name = $1 AND url = $2`,
		st.Source.Name, st.Source.URL, clean(st.Address), clean(st.MovedTo), clean(st.ETag), clean(st.LastModified),
		zeroNull(st.NextPoll), zeroNull(st.NotBefore), zeroNull(st.LastPoll), zeroNull(st.LastSuccess),
		st.Failures, clean(st.Error), st.Gone, []byte(st.Seen), int64(st.TTL/time.Second), clean(st.Validated))
	if err != nil {
		return fmt.Errorf("keep the source's state: %w", err)
	}
	n, err := result.RowsAffected()
	if err != nil {
		return fmt.Errorf("keep the source's state: %w", err)
	}
	if n == 0 {
		return fmt.Errorf("the config has another address for it by now: %w", digest.ErrNotFound)
	}
	return nil
}

// clean drops what Postgres cannot hold: NUL, and bytes that are no UTF-8.
func clean(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "")
}
