package store_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"courant/digest"
	"courant/store"

	"github.com/lib/pq"
)

// The ledger of BenchmarkWhyAmongFiveMillion: 125 days of two digests.
const (
	whyReaders  = 20_000
	whyEditions = 250
	whyVariants = 100 // of an edition, as many as there are distinct choices
)

// BenchmarkWhyAmongFiveMillion asks for the account of a reader in a ledger of
// 5,000,000 deliveries: the 35 days that `courant why` shows, one day, and all
// of it. Each edition tells 10 stories of 30, half of the others were sent
// before, and three articles were folded into the first. With -v it shows the plan of each query that looks into the ledger.
func BenchmarkWhyAmongFiveMillion(b *testing.B) {
	n := newNewsroom(b)
	n.fillLedger()
	n.explain(b)
	day := 24 * time.Hour
	for _, c := range []struct {
		name     string
		from, to time.Time
		editions int
	}{
		{"35 days", n.now.Add(-35*day + time.Hour), n.now.Add(day), 70},
		{"one day", n.now.Add(-10 * day), n.now.Add(-9 * day), 2},
		{"all", time.Time{}, n.now.Add(day), whyEditions},
	} {
		b.Run(c.name, func(b *testing.B) {
			reader := 0
			var took []time.Duration
			for b.Loop() {
				began := time.Now()
				reader = (reader+997)%whyReaders + 1 // another reader each time: nobody's pages are warm
				a, err := n.Why(b.Context(), hash(fmt.Sprintf("reader%d@example.org", reader)), c.from, c.to)
				took = append(took, time.Since(began))
				if err != nil || len(a.Entries) != c.editions {
					b.Fatalf("%d editions, %v", len(a.Entries), err)
				}
				if e := a.Entries[len(a.Entries)-1]; e.State != digest.Accepted || len(e.Stories) != 10 || len(e.LeftOut) != 20+3 ||
					!strings.Contains(e.LeftOut[0].Reason, "already sent on ") {
					b.Fatalf("the last entry is %+v", e)
				}
			}
			// The mean is that of the machine's other work, too.
			slices.Sort(took)
			b.ReportMetric(float64(took[0].Microseconds())/1000, "ms-fastest")
			b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "ms-median")
		})
	}
}

// explain shows how Postgres goes about the queries that look into the ledger.
func (n *newsroom) explain(b *testing.B) {
	b.Helper()
	for name, q := range map[string]struct {
		text string
		args []any
	}{
		"entries": {store.EntriesQuery, []any{4711, n.now.Add(-35 * 24 * time.Hour), n.now.Add(24 * time.Hour)}},
		"had":     {store.HadQuery, []any{4711, pq.Array([]int64{8401, 8402, 8403, 8431, 8432})}},
	} {
		rows, err := n.db.QueryContext(b.Context(), `EXPLAIN (ANALYZE, BUFFERS, COSTS OFF, TIMING OFF) `+q.text, q.args...)
		if err != nil {
			b.Fatal(err)
		}
		plan := []string{name}
		for rows.Next() {
			var line string
			if err := rows.Scan(&line); err != nil {
				b.Fatal(err)
			}
			plan = append(plan, line)
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			b.Fatal(err)
		}
		b.Log(strings.Join(plan, "\n"))
	}
}

// fillLedger fills the ledger past publishing, which would take an hour.
func (n *newsroom) fillLedger() {
	n.t.Helper()
	n.do(`INSERT INTO readers (email, email_hash)
	      SELECT a, sha256(a::bytea) FROM (SELECT 'reader' || i || '@example.org' AS a FROM generate_series(1, $1::int) AS i) r`, 2*whyReaders)
	n.do(`INSERT INTO subscriptions (reader_id, list, state, since) SELECT id, 'readers', 'active', '2025-12-01' FROM readers WHERE id <= $1`, whyReaders)
	for from := 0; from <= whyEditions+1; from += 64 { // as many editions share a part
		n.do(fmt.Sprintf(`CREATE TABLE deliveries_%d PARTITION OF deliveries FOR VALUES FROM (%d) TO (%d)`, from, from, from+64))
	}
	n.do(`INSERT INTO stories (id) OVERRIDING SYSTEM VALUE SELECT 1000 + i FROM generate_series(1, $1::int) AS i`, 20*whyEditions)
	n.do(`INSERT INTO articles (id, source, url, canonical, title, category, categories, points, points_from, first_seen)
	      OVERRIDING SYSTEM VALUE
	      SELECT 1000 + i, 'wire', 'https://example.com/a' || i, 'https://example.com/a' || i, 'Article ' || i, 'World', '{World}', '{}', 'none',
	             $2::timestamptz - ($1::int - 1 - (i - 1) % (20 * $1::int) / 20) * interval '12 hours' - interval '1 minute'
	      FROM generate_series(1, 23 * $1::int) AS i`, whyEditions, n.now)
	// Three articles of an edition were folded into its first story.
	n.do(`INSERT INTO article_story (article_id, story_id)
	      SELECT 1000 + i, CASE WHEN i <= 20 * $1::int THEN 1000 + i ELSE 1001 + (i - 20 * $1::int - 1) / 3 * 20 END
	      FROM generate_series(1, 23 * $1::int) AS i`, whyEditions)
	n.do(`UPDATE articles a SET first_seen = t.first_seen
	      FROM article_story s JOIN articles t ON t.id = s.story_id
	      WHERE s.article_id = a.id AND a.id > 1000 + 20 * $1::int`, whyEditions)
	n.do(`INSERT INTO editions (id, digest, title, kind, number, slot, local_date, instant, zone, language, lists, categories, window_from, window_to,
	                            subject, cadence, state, config_hash, key_id, published)
	      SELECT i + 1, d, d, 'slot', i / 2 + 10, i::text, at::date, at, 'Europe/Berlin', 'en', '{readers}', '{}', at - interval '12 hours', at,
	             'News', '{}', 'done', 'c', 1, at
	      FROM generate_series(1, $1::int) AS i
	      CROSS JOIN LATERAL (SELECT $2::timestamptz - ($1::int - i) * interval '12 hours' AS at, CASE i % 2 WHEN 0 THEN 'morning' ELSE 'evening' END AS d) x`,
		whyEditions, n.now)
	n.do(`INSERT INTO variants (edition_id, signature, language, zone, shown, window_to, expires_at)
	      SELECT e.id, v::text, 'en', e.zone, v = 0, e.instant, e.instant + interval '1 day'
	      FROM editions e, generate_series(0, $1::int - 1) AS v WHERE e.state = 'done'`, whyVariants)
	n.tellStories()
	// Edition by edition, as they go out: a reader's rows lie on as many pages.
	for e := 2; e <= whyEditions+1; e++ {
		n.do(`INSERT INTO deliveries (edition_id, reader_id, variant_id, state, attempts, intent_at, settled_at, reply, message_id)
		      SELECT e.id, r, v.id, 'accepted', 1, e.instant, e.instant, '250 2.0.0 Ok: queued as 4bXyZ12AbC',
		             '<' || r || '.' || e.id || '.abcdefghijklmnopqrstuvwx@news.example.com>'
		      FROM generate_series(1, $1::int) AS r
		      JOIN variants v ON v.edition_id = $3 AND v.signature = (r % $2::int)::text
		      JOIN editions e ON e.id = v.edition_id
		      ORDER BY r`, whyReaders, whyVariants, e)
	}
	n.do(`VACUUM ANALYZE`)
}

// tellStories gives each edition 30 stories. A variant tells 10; 10 more were
// told by the edition before, and 10 are too many.
func (n *newsroom) tellStories() {
	n.t.Helper()
	n.do(`INSERT INTO edition_stories (edition_id, story_id, told)
	      SELECT e.id, 1000 + s, jsonb_build_object('story', 1000 + s, 'article', 1000 + s, 'title', 'Article ' || s, 'source', 'wire', 'url', 'https://example.com/a')
	      FROM editions e CROSS JOIN generate_series(GREATEST(1, (e.id - 3) * 20 + 1), (e.id - 1) * 20) AS s
	      WHERE e.state = 'done' AND (s > (e.id - 2) * 20 OR s % 20 BETWEEN 1 AND 10)`)
	n.do(`INSERT INTO variant_stories (variant_id, story_id, position)
	      SELECT v.id, 1000 + (v.edition_id - 2) * 20 + i, i
	      FROM variants v JOIN editions e ON e.id = v.edition_id AND e.state = 'done' CROSS JOIN generate_series(1, 10) AS i`)
	n.do(`INSERT INTO variant_left_out (variant_id, story_id, reason)
	      SELECT v.id, s.story_id, CASE WHEN s.story_id <= 1000 + (v.edition_id - 2) * 20 THEN 'already sent' ELSE 'over max_articles (10)' END
	      FROM variants v
	      JOIN edition_stories s ON s.edition_id = v.edition_id
	      LEFT JOIN variant_stories t ON t.variant_id = v.id AND t.story_id = s.story_id
	      JOIN editions e ON e.id = v.edition_id AND e.state = 'done'
	      WHERE t.story_id IS NULL`)
}
