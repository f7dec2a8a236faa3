package store_test

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"courant/digest"
	"courant/store"
	"courant/store/storetest"
)

// Each earlier schema with rows in it comes up to date and keeps them.
func TestMigrationKeepsWhatIsThere(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("migrations/*.sql")
	if err != nil || len(files) < 2 {
		t.Fatalf("%v, %v", files, err)
	}
	for from := 1; from < len(files); from++ {
		dsn := storetest.DSN(t)
		earlier(t, dsn, files[:from])
		s, err := store.Open(t.Context(), dsn)
		if err != nil {
			t.Fatal(err)
		}
		for again := range 2 {
			m, err := s.Migrate(t.Context())
			if err != nil || m.To != len(files) || again == 0 && m.From != from || again == 1 && m.From != len(files) {
				t.Errorf("from %d: %+v, %v", from, m, err)
			}
		}
		if list, err := s.Circuits(t.Context()); err != nil || len(list) != 0 {
			t.Errorf("%v, %v", list, err)
		}
		left, err := s.Remainder(t.Context())
		if err != nil || left.Due != 1 || left.Deferred != 1 {
			t.Errorf("from %d: left %+v, %v", from, left, err)
		}
		states, err := s.SourceStates(t.Context())
		if err != nil || len(states) != 2 || states[0].FailingSince.IsZero() || !states[0].FirstPoll.Before(states[0].LastPoll) || !states[1].FailingSince.IsZero() || !states[1].FirstPoll.IsZero() {
			t.Errorf("from %d: sources %+v, %v", from, states, err)
		}
		list, err := s.Articles(t.Context(), time.Time{}, []string{`Army "news"`})
		if err != nil || len(list) != 1 || !slices.Equal(list[0].Terms, []digest.Term{{Text: `Army "news"`, From: digest.TermFeed}}) {
			t.Errorf("from %d: articles %+v, %v", from, list, err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// earlier makes a schema of so many migrations, with readers and an edition
// under way.
func earlier(t *testing.T, dsn string, files []string) {
	t.Helper()
	db, err := sql.Open("postgres", dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	do := func(query string, args ...any) {
		if _, err := db.ExecContext(t.Context(), query, args...); err != nil {
			t.Fatalf("%s: %v", query, err)
		}
	}
	do(`CREATE TABLE schema_versions (version integer PRIMARY KEY, name text NOT NULL, applied_at timestamptz NOT NULL DEFAULT clock_timestamp())`)
	for i, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		do(string(text))
		do(`INSERT INTO schema_versions (version, name) VALUES ($1, $2)`, i+1, f)
	}
	for i := range 3 {
		do(`INSERT INTO readers (email, email_hash) VALUES ($1, $2)`, fmt.Sprintf("reader%d@Example.org", i), []byte{byte(i)})
	}
	do(`INSERT INTO readers (email, email_hash, erased_at) VALUES (NULL, '\xff', now())`)
	do(`INSERT INTO editions (id, digest, title, kind, number, slot, local_date, instant, zone, language, lists, categories,
	                          window_from, window_to, subject, cadence, state, config_hash, key_id, published)
	    VALUES (7, 'morning', 'Morning', 'extra', 1, 's', '2026-01-01', now(), 'UTC', 'en', '{all}', '{}', now(), now(), 'News', '{}', 'sending', '', 1, now())`)
	do(`CREATE TABLE IF NOT EXISTS deliveries_first PARTITION OF deliveries FOR VALUES FROM (0) TO (1000)`)
	do(`INSERT INTO variants (id, edition_id, signature, language, zone, window_to, expires_at) OVERRIDING SYSTEM VALUE
	    VALUES (9, 7, 'one', 'en', 'UTC', now(), now() + interval '1 day')`)
	do(`INSERT INTO deliveries (edition_id, reader_id, variant_id) VALUES (7, 1, 9)`)
	do(`INSERT INTO deliveries (edition_id, reader_id, variant_id, attempts, not_before) VALUES (7, 2, 9, 1, now() + interval '1 hour')`)
	do(`INSERT INTO deliveries (edition_id, reader_id, variant_id, state, settled_at, reply) VALUES (7, 3, 9, 'refused', now(), 'no')`)
	do(`INSERT INTO sources (name, kind, url, last_poll, failures, error) VALUES ('failing', 'feed', 'https://example.com/a', now(), 0, 'no answer')`)
	if from := len(files); from < 5 {
		do(`UPDATE sources SET failures = 3`)
	} else {
		do(`UPDATE sources SET failures = 3, failing_since = now(), first_poll = now() - interval '1 day'`)
	}
	do(`INSERT INTO sources (name, kind, url) VALUES ('fresh', 'page', 'https://example.com/b')`)
	do(`INSERT INTO articles (source, url, canonical, title, points_from, first_seen)
	    VALUES ('failing', 'https://example.com/1', 'https://example.com/1', 'News', 'none', now() - interval '1 day')`)
	if len(files) < 6 {
		do(`UPDATE articles SET category = 'Army "news"'`)
	} else {
		do(`UPDATE articles SET category = 'Army "news"', categories = '{"Army \"news\""}', terms = '[{"text": "Army \"news\"", "from": "feed"}]'`)
	}
}
