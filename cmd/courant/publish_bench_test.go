package main

import (
	"database/sql"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"time"

	"courant/digest"
	"courant/digest/publish"
	"courant/store"
	"courant/store/storetest"
)

// BenchmarkPublishToAMillion publishes an edition and fans it out to 1,000,000
// readers after four editions of a day each, of which each tells some stories
// again. In the first case all chose the same and had every edition. In the
// second they made 100 distinct choices; in the third, too, and their pasts are
// mixed: weekly readers, new ones, refused and expired mails, and a second
// digest that some read. It takes three gigabytes of disk and some minutes to
// set up; -benchtime=1x is enough.
func BenchmarkPublishToAMillion(b *testing.B) {
	for _, c := range []struct {
		name    string
		choices int
		mixed   bool
	}{{"one choice", 1, false}, {"100 choices", 100, false}, {"100 choices, mixed pasts", 100, true}} {
		b.Run(c.name, func(b *testing.B) {
			p := newPast(b, 1_000_000, c.choices)
			p.fill(c.mixed)
			for b.Loop() {
				b.StopTimer()
				p.settle()
				p.tell(40)
				b.StartTimer()
				e := p.publish("daily")
				b.StopTimer()
				p.check(b, e)
				b.StartTimer()
			}
		})
	}
}

// past is a database in which readers had editions.
type past struct {
	b                *testing.B
	store            *store.Store
	db               *sql.DB
	readers, choices int
	now              time.Time
	told             int
	random           *rand.Rand
	lead             string // of a story that is told again
}

func newPast(b *testing.B, readers, choices int) *past {
	dsn := storetest.DSN(b)
	p := &past{
		b: b, store: storetest.Open(b, dsn), readers: readers, choices: choices, random: rand.New(rand.NewPCG(1, 2)),
		now: time.Now().Add(-5 * 24 * time.Hour).Truncate(time.Hour),
	}
	var err error
	if p.db, err = sql.Open("postgres", dsn); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = p.db.Close() })
	return p
}

func (p *past) do(query string, args ...any) {
	p.b.Helper()
	if _, err := p.db.ExecContext(p.b.Context(), query, args...); err != nil {
		p.b.Fatalf("%v\n%s", err, query)
	}
}

// sections are what readers choose from: 7 of them make more than 100 choices.
var benchedSections = []string{"World", "Politics", "Business", "Science", "Sport", "Culture", "Weather"}

func (p *past) digest(name string) digest.Digest {
	return digest.Digest{
		Name: name, Title: "Daily", TimeZone: "Europe/Berlin", Language: "en", Lists: []string{"readers"},
		Categories: benchedSections, MaxArticles: 12, MinArticles: 1, Subject: "{{.Title}}",
	}
}

// tell brings so many articles in, of 20 sources.
func (p *past) tell(n int) {
	p.b.Helper()
	sources := make([]digest.Source, 20)
	bySource := make([][]digest.Article, len(sources))
	for i := range sources {
		sources[i] = digest.Source{Name: fmt.Sprintf("wire %d", i), Kind: digest.SourceFeed, URL: fmt.Sprintf("https://wire%d.example/feed", i)}
	}
	if err := p.store.SyncSources(p.b.Context(), sources); err != nil {
		p.b.Fatal(err)
	}
	for k := range n {
		p.told++
		i := p.random.IntN(len(sources))
		url := fmt.Sprintf("https://wire%d.example/%d", i, p.told)
		var lead strings.Builder
		for range 40 {
			fmt.Fprintf(&lead, "word%d ", p.random.IntN(1_000_000))
		}
		if k%8 == 0 && p.lead != "" { // another source has yesterday's
			lead.Reset()
			lead.WriteString(p.lead)
		} else if k%8 == 1 {
			p.lead = lead.String()
		}
		bySource[i] = append(bySource[i], digest.Article{
			Source: sources[i].Name, GUID: url, URL: url, Canonical: url, Title: fmt.Sprintf("Report %d of place%d", p.told, p.random.IntN(1_000_000)),
			Category: benchedSections[p.random.IntN(len(benchedSections))], Points: []string{"One.", "Two."}, PointsFrom: digest.PointsPage,
			FirstSeen: p.now.Add(-time.Duration(p.random.IntN(3600)) * time.Second), Lead: lead.String(),
		})
	}
	for i, articles := range bySource {
		if _, err := p.store.SavePoll(p.b.Context(), digest.SourceState{Source: sources[i]}, articles); err != nil {
			p.b.Fatal(err)
		}
	}
}

func (p *past) publish(name string) digest.Edition {
	p.b.Helper()
	publisher := publish.Publisher{
		Store: p.store, Now: func() time.Time { return p.now }, Log: slog.New(slog.DiscardHandler), KeyID: 1,
		Cadence:     func(digest.Digest) digest.Cadence { return digest.Cadence{} },
		FirstWindow: func(_ digest.Digest, now time.Time) (time.Time, error) { return now.Add(-24 * time.Hour), nil },
	}
	e, err := publisher.Extra(p.b.Context(), p.digest(name))
	if err != nil {
		p.b.Fatal(err)
	}
	return e
}

// subscribe adds readers from..to, who choose in turn.
func (p *past) subscribe(from, to int) {
	p.do(`INSERT INTO readers (email, email_hash) SELECT 'reader' || i || '@example.org', sha256(i::text::bytea) FROM generate_series($1::int, $2::int) AS i`, from, to)
	p.do(`INSERT INTO subscriptions (reader_id, list, state, since) SELECT id, 'readers', 'active', '2020-01-01' FROM readers WHERE id >= $1`, from)
	if p.choices == 1 {
		return
	}
	p.do(`INSERT INTO choices (reader_id, digest, categories)
		SELECT r.id, 'daily', ARRAY(SELECT c FROM unnest($3::text[]) WITH ORDINALITY AS u (c, n) WHERE (r.id % $2 + 1)::int & (1 << (n::int - 1)) <> 0 ORDER BY c)
		FROM readers r WHERE r.id >= $1`, from, p.choices, "{"+strings.Join(benchedSections, ",")+"}")
}

// fill lets four editions come and go: a few readers, one of each choice, are
// there when they are published; the others are given what those got.
func (p *past) fill(mixed bool) {
	p.b.Helper()
	p.subscribe(1, p.choices)
	for day := range 4 {
		p.now = p.now.Add(24 * time.Hour)
		p.tell(40)
		p.publish("daily")
		if mixed && day%3 == 0 {
			p.publish("weekend")
		}
		p.settle()
	}
	p.now = p.now.Add(24 * time.Hour)
	p.subscribe(p.choices+1, p.readers)
	if mixed {
		p.do(`UPDATE subscriptions SET since = $1 WHERE reader_id % 100 = 7`, p.now.Add(-36*time.Hour))
		p.do(`INSERT INTO choices (reader_id, digest, frequency, weekday)
			SELECT id, 'daily', 'weekly', id % 7 FROM readers WHERE id % 20 = 3
			ON CONFLICT (reader_id, digest) DO UPDATE SET frequency = 'weekly', weekday = EXCLUDED.weekday`)
		p.do(`INSERT INTO choices (reader_id, digest, paused_until)
			SELECT id, 'daily', now() + interval '9 days' FROM readers WHERE id % 100 = 11
			ON CONFLICT (reader_id, digest) DO UPDATE SET paused_until = EXCLUDED.paused_until`)
	}
	// The past is packed, or it would take five times the disk.
	p.do(`ALTER TABLE deliveries_0 SET (fillfactor = 90)`)
	p.do(`INSERT INTO deliveries (edition_id, reader_id, variant_id, state, attempts, intent_at, settled_at, message_id, reply)
		SELECT d.edition_id, r.id, d.variant_id,
		       CASE WHEN $3 AND (r.id * 31 + d.edition_id * 7919) % 100 = 1 THEN 'refused'
		            WHEN $3 AND (r.id * 37 + d.edition_id * 104729) % 100 = 2 THEN 'expired' ELSE 'accepted' END,
		       1, e.published, e.published, format('<%s.%s.0123456789abcdef0123456789abcdef@bounces.example.com>', e.id, r.id),
		       '250 2.0.0 Ok: queued as 4bXYZ' || r.id
		FROM deliveries d
		JOIN editions e ON e.id = d.edition_id
		JOIN readers r ON r.id % $1 = d.reader_id % $1 AND r.id > $1
		JOIN subscriptions s ON s.reader_id = r.id AND s.since < e.published
		LEFT JOIN choices c ON c.reader_id = r.id AND c.digest = e.digest
		WHERE c.paused_until IS NULL AND (c.weekday IS NULL OR c.weekday = EXTRACT(DOW FROM e.local_date))
		  AND (e.digest = 'daily' OR r.id % $2 = 0)
		ORDER BY d.edition_id, r.id`, p.choices, 10, mixed)
	p.do(`ALTER TABLE deliveries_0 SET (fillfactor = 20)`)
	p.do(`ANALYZE`)
	p.do(`CHECKPOINT`)
}

// settle has all mails accepted.
func (p *past) settle() {
	p.do(`UPDATE deliveries SET state = 'accepted', settled_at = now(), intent_at = now(), message_id = 'm' WHERE state = 'queued'`)
	p.do(`UPDATE editions SET state = 'done', finished_at = now()`)
	p.now = p.now.Add(time.Hour)
}

// check says how many readers and renders the edition has.
func (p *past) check(b *testing.B, e digest.Edition) {
	b.Helper()
	var readers, renders int
	err := p.db.QueryRowContext(b.Context(), `SELECT count(*), count(DISTINCT variant_id) FROM deliveries WHERE edition_id = $1`, int64(e.ID)).Scan(&readers, &renders)
	if err != nil || readers == 0 {
		b.Fatalf("%d readers, %v", readers, err)
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	b.ReportMetric(float64(readers), "readers")
	b.ReportMetric(float64(renders), "renders")
	b.ReportMetric(float64(m.Sys)/1e6, "MB-process")
}
