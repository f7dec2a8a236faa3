package main

import (
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"courant/digest"
	"courant/digest/publish"
	"courant/store"
	"courant/store/storetest"
)

// TestNobodyIsMissedOrToldTwiceWhateverComes lets two digests come out for some
// weeks over random news, readers, choices, marks, corrections and fates of
// mails, and holds each edition against what was in the ledger before it.
func TestNobodyIsMissedOrToldTwiceWhateverComes(t *testing.T) {
	t.Parallel()
	for seed := range uint64(8) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			w := newWeeks(t, seed)
			for range 14 {
				w.day()
			}
			w.checkWhole()
		})
	}
}

// weeks are the history of a publication, made at random.
type weeks struct {
	t       *testing.T
	store   *store.Store
	db      *sql.DB
	random  *rand.Rand
	now     time.Time
	digests []digest.Digest
	readers []int64
	told    int
	leads   []string
	urls    []string
}

var randomSections = []string{"World", "Sport", "Culture"}

func newWeeks(t *testing.T, seed uint64) *weeks {
	t.Helper()
	dsn := storetest.DSN(t)
	w := &weeks{t: t, store: storetest.Open(t, dsn), random: rand.New(rand.NewPCG(seed, 11)), now: time.Date(2026, 1, 5, 5, 0, 0, 0, time.UTC)}
	var err error
	if w.db, err = sql.Open("postgres", dsn); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.db.Close() })
	for _, name := range []string{"morning", "evening"} {
		w.digests = append(w.digests, digest.Digest{
			Name: name, Title: name, TimeZone: "UTC", Language: "en", Lists: [][]string{{"a", "b"}, {"b"}, {"a"}}[w.random.IntN(3)],
			Categories: randomSections[:1+w.random.IntN(3)], MaxArticles: 1 + w.random.IntN(6), MinArticles: 1 + w.random.IntN(2),
			MaxPerCategory: w.random.IntN(4), MaxPerSource: w.random.IntN(4), Order: []digest.Arrangement{digest.Newest, digest.Ranked}[w.random.IntN(2)],
			Subject: "{{.Title}}",
		})
	}
	for i := range 8 {
		address := fmt.Sprintf("reader%d@example.org", i)
		for k, list := range [][]string{{"a"}, {"b"}, {"a", "b"}}[w.random.IntN(3)] {
			hash := sha256.Sum256([]byte(address))
			row := digest.ImportRow{Line: k + 1, Address: address, Hash: hash[:]}
			if result, err := w.store.ImportReaders(t.Context(), list, []string{"morning"}, []digest.ImportRow{row}, "a test"); err != nil || len(result.Faults) > 0 {
				t.Fatalf("%+v, %v", result, err)
			}
		}
	}
	w.do(`UPDATE subscriptions SET since = $1`, w.now.Add(-time.Hour))
	w.do(`CREATE TABLE named (id bigint PRIMARY KEY, url text NOT NULL)`)
	w.readers = w.ints(`SELECT id FROM readers ORDER BY id`)
	return w
}

func (w *weeks) do(query string, args ...any) {
	w.t.Helper()
	if _, err := w.db.ExecContext(w.t.Context(), query, args...); err != nil {
		w.t.Fatalf("%v\n%s", err, query)
	}
}

func (w *weeks) ints(query string, args ...any) (list []int64) {
	w.t.Helper()
	rows, err := w.db.QueryContext(w.t.Context(), query, args...)
	if err != nil {
		w.t.Fatalf("%v\n%s", err, query)
	}
	defer rows.Close()
	for rows.Next() {
		var n int64
		if err := rows.Scan(&n); err != nil {
			w.t.Fatal(err)
		}
		list = append(list, n)
	}
	if err := rows.Err(); err != nil {
		w.t.Fatal(err)
	}
	return list
}

// none fails where a query finds anything.
func (w *weeks) none(rule, query string, args ...any) {
	w.t.Helper()
	if found := w.ints(query, args...); len(found) > 0 {
		w.t.Errorf("%s %s: %v", w.now.Format("2 January 15:04"), rule, found)
	}
}

// day brings news, lets readers and editors change their minds, and publishes.
func (w *weeks) day() {
	w.tell(1 + w.random.IntN(6))
	w.changeMinds()
	w.now = w.now.Truncate(24 * time.Hour).Add(7 * time.Hour)
	w.publish(w.digests[0], true)
	if w.random.IntN(3) > 0 {
		w.now = w.now.Add(time.Duration(w.random.IntN(2)*9) * time.Hour)
		w.tell(w.random.IntN(4))
		w.publish(w.digests[1], false)
	}
	w.decide(10)
	w.now = w.now.Truncate(24 * time.Hour).Add(29 * time.Hour)
}

// tell brings articles in: new ones, rewrites, and such as other sources had,
// under the same address or another GUID.
func (w *weeks) tell(n int) {
	w.t.Helper()
	for range n {
		w.told++
		source := digest.Source{Name: fmt.Sprintf("wire %d", w.random.IntN(4)), Kind: digest.SourceFeed, URL: "https://example.com/feed"}
		if err := w.store.SyncSources(w.t.Context(), []digest.Source{source}); err != nil {
			w.t.Fatal(err)
		}
		var lead strings.Builder
		for range 40 {
			fmt.Fprintf(&lead, "word%d ", w.random.IntN(1_000_000))
		}
		a := digest.Article{
			Source: source.Name, GUID: fmt.Sprint(w.told), URL: fmt.Sprintf("https://example.com/%d", w.told), Title: fmt.Sprintf("Report %d of place%d", w.told, w.random.IntN(1_000_000)),
			Category: randomSections[w.random.IntN(3)], Points: []string{"One."}, PointsFrom: digest.PointsPage, FirstSeen: w.now.Add(-time.Duration(w.random.IntN(3600)) * time.Second), Lead: lead.String(),
		}
		if w.random.IntN(4) == 0 {
			a.Categories = []string{a.Category, randomSections[w.random.IntN(3)]}
			if a.Categories[0] == a.Categories[1] {
				a.Categories = nil
			}
		}
		if w.random.IntN(4) == 0 && len(w.leads) > 0 {
			a.Lead = w.leads[w.random.IntN(len(w.leads))]
		}
		if w.random.IntN(5) == 0 && len(w.urls) > 0 {
			a.URL = w.urls[w.random.IntN(len(w.urls))]
		}
		a.Canonical = a.URL
		w.leads, w.urls = append(w.leads, a.Lead), append(w.urls, a.URL)
		if _, err := w.store.SavePoll(w.t.Context(), digest.SourceState{Source: source}, []digest.Article{a}); err != nil {
			w.t.Fatal(err)
		}
	}
}

func (w *weeks) changeMinds() {
	w.t.Helper()
	reader, name := w.readers[w.random.IntN(len(w.readers))], w.digests[w.random.IntN(2)].Name
	w.do(`INSERT INTO choices (reader_id, digest) VALUES ($1, $2) ON CONFLICT DO NOTHING`, reader, name)
	set := []string{
		`frequency = 'daily', weekday = NULL`, `frequency = 'weekly', weekday = 3`, `frequency = 'weekly', weekday = NULL`, `frequency = 'every', weekday = NULL`,
		`categories = '{World}'`, `categories = '{Sport,World}'`, `categories = NULL`, `left_at = NULL`, `left_at = NULL`, `left_at = NULL`, `left_at = now()`,
		`paused_until = '` + w.now.Add(3*24*time.Hour).Format(time.RFC3339) + `'`, `paused_until = NULL`,
	}[w.random.IntN(13)]
	w.do(`UPDATE choices SET `+set+` WHERE reader_id = $1 AND digest = $2`, reader, name)
	if id := digest.ArticleID(1 + w.random.IntN(w.told)); w.random.IntN(3) == 0 {
		m := digest.Mark{Kind: digest.MarkPin, Until: w.now.Add(48 * time.Hour), By: "desk", At: w.now}
		if w.random.IntN(2) == 0 {
			m = digest.Mark{Kind: digest.MarkDrop, By: "desk", At: w.now}
		}
		if _, err := w.store.Mark(w.t.Context(), id, "", m); err != nil && !errors.Is(err, digest.ErrNotFound) && !errors.Is(err, digest.ErrDropped) {
			w.t.Fatal(err)
		}
	}
	if w.random.IntN(2) == 0 && len(w.urls) > 0 {
		w.correct(w.urls[w.random.IntN(len(w.urls))])
	}
}

// correct corrects what is at an address, sometimes in the words of before, and
// notes which corrections are of what is there.
func (w *weeks) correct(url string) {
	w.t.Helper()
	_, reach, err := w.store.Correct(w.t.Context(), url, fmt.Sprintf("It was %d.", w.random.IntN(4)), w.now)
	if err != nil && !errors.Is(err, digest.ErrNotFound) {
		w.t.Fatal(err)
	}
	w.do(`INSERT INTO named SELECT id, $1 FROM corrections WHERE id NOT IN (SELECT id FROM named)`, url)
	if err == nil && !reach.Again {
		var told int
		err := w.db.QueryRowContext(w.t.Context(), `
			SELECT count(DISTINCT d.reader_id) FROM deliveries d JOIN variant_stories s ON s.variant_id = d.variant_id
			JOIN edition_stories es ON es.edition_id = d.edition_id AND es.story_id = s.story_id
			WHERE d.state IN `+had+` AND es.told ->> 'url' = $1`, url).Scan(&told)
		if err != nil || told != reach.Readers {
			w.t.Errorf("%d readers had %s, it says %d, %v", told, url, reach.Readers, err)
		}
	}
}

// decide ends most of what waits, one way or another; what is left out of it
// waits on, or is being sent.
func (w *weeks) decide(leave int) {
	w.t.Helper()
	w.do(`UPDATE editions SET state = 'sending' WHERE state = 'open'`)
	for _, key := range w.ints(`SELECT edition_id * 1000 + reader_id FROM deliveries WHERE state IN ('queued', 'claimed') ORDER BY 1`) {
		if w.random.IntN(100) < leave {
			if w.random.IntN(2) == 0 {
				w.do(`UPDATE deliveries SET state = 'claimed', lane = 1, fence = 1, seq = 1 WHERE edition_id * 1000 + reader_id = $1`, key)
			}
			continue
		}
		state := []string{"accepted", "accepted", "accepted", "accepted", "accepted", "refused", "expired", "cancelled", "in doubt", "bounced"}[w.random.IntN(10)]
		w.do(`UPDATE deliveries SET state = $2, settled_at = now(), intent_at = now(), message_id = 'm', reply = 'r', lane = NULL, fence = NULL, seq = NULL WHERE edition_id * 1000 + reader_id = $1`, key, state)
		if state == "cancelled" { // by a reader who leaves the digest, or its list, and reads the other one on
			w.do(`INSERT INTO choices (reader_id, digest, left_at)
				SELECT $1::bigint % 1000, digest, now() FROM editions WHERE id = $1::bigint / 1000
				ON CONFLICT (reader_id, digest) DO UPDATE SET left_at = now()`, key)
		}
	}
}

// had are the deliveries whose readers had the mail, or may have, as design
// and digest.DeliveryState.Had define it.
const had = `('accepted', 'bounced', 'complained', 'in doubt', 'sending', 'claimed')`

// publish makes an edition, and holds it against the ledger as it was before.
func (w *weeks) publish(d digest.Digest, slot bool) {
	w.t.Helper()
	w.do(`DROP TABLE IF EXISTS before_it`)
	w.do(`CREATE TABLE before_it AS
		SELECT d.*, e.digest, e.local_date, v.window_to, d.state IN ` + had + ` AS had
		FROM deliveries d JOIN editions e ON e.id = d.edition_id JOIN variants v ON v.id = d.variant_id
		WHERE d.state IN ` + had + ` OR d.state = 'queued'`)
	publisher := publish.Publisher{
		Store: w.store, Now: func() time.Time { return w.now }, Log: slog.New(slog.DiscardHandler), KeyID: 1,
		Cadence:     func(digest.Digest) digest.Cadence { return digest.Cadence{} },
		FirstWindow: func(_ digest.Digest, now time.Time) (time.Time, error) { return now.Add(-24 * time.Hour), nil },
	}
	var e digest.Edition
	var err error
	if slot {
		e, err = publisher.Slot(w.t.Context(), d, digest.Slot{
			Digest: d.Name, Key: w.now.Format("2006-01-02T15:04Z07:00"), LocalTime: w.now, Zone: "UTC", Instant: w.now, LocalDate: digest.DateOf(w.now), Daily: true,
		})
	} else {
		e, err = publisher.Extra(w.t.Context(), d)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	if e.ID != 0 {
		w.checkAudience(d, int64(e.ID))
		w.checkStories(int64(e.ID))
		w.checkMissed(int64(e.ID))
		w.checkCorrections(int64(e.ID))
	}
	w.decide(20)
	w.now = w.now.Add(time.Minute)
}

// checkAudience says who should have a mail, reader by reader.
func (w *weeks) checkAudience(d digest.Digest, edition int64) {
	w.t.Helper()
	got := w.ints(`SELECT reader_id FROM deliveries WHERE edition_id = $1 ORDER BY 1`, edition)
	for _, r := range w.readers {
		due := len(w.ints(`
			SELECT 1 FROM readers r LEFT JOIN choices c ON c.reader_id = r.id AND c.digest = $2
			WHERE r.id = $1 AND c.left_at IS NULL AND (c.paused_until IS NULL OR c.paused_until <= $3)
			  AND EXISTS (SELECT 1 FROM subscriptions s WHERE s.reader_id = r.id AND s.state = 'active' AND s.list = ANY (string_to_array($4, ',')))`,
			r, d.Name, w.now, strings.Join(d.Lists, ","))) > 0 && w.dueByFrequency(d, r)
		mailed := slices.Contains(got, r)
		// Who is due and has no mail finds fewer stories than min_articles.
		thin := len(w.ints(`SELECT id FROM variants WHERE edition_id = $1 AND reason IS NOT NULL`, edition)) > 0
		if mailed && !due || !mailed && due && !thin {
			w.t.Errorf("%s %s: reader %d is due: %v, mailed: %v", w.now.Format("2 January 15:04"), d.Name, r, due, mailed)
		}
	}
}

func (w *weeks) dueByFrequency(d digest.Digest, r int64) bool {
	w.t.Helper()
	var frequency, last sql.NullString
	var weekday sql.NullInt64
	err := w.db.QueryRowContext(w.t.Context(), `
		SELECT c.frequency, c.weekday, (SELECT max(local_date)::text FROM before_it b WHERE b.reader_id = $1 AND b.digest = $2 AND b.had)
		FROM readers r LEFT JOIN choices c ON c.reader_id = r.id AND c.digest = $2 WHERE r.id = $1`, r, d.Name).Scan(&frequency, &weekday, &last)
	if err != nil {
		w.t.Fatal(err)
	}
	today := w.now.Truncate(24 * time.Hour)
	day, err := time.Parse(time.DateOnly, last.String)
	never := err != nil
	switch {
	case frequency.String == "daily":
		return never || day.Before(today)
	case frequency.String == "weekly" && !weekday.Valid:
		return never || !day.After(today.AddDate(0, 0, -7))
	case frequency.String == "weekly":
		for back := range 7 {
			if on := today.AddDate(0, 0, -back); int64(on.Weekday()) == weekday.Int64 {
				// All came on 5 January.
				return !never && day.Before(on) || never && !on.Before(time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC))
			}
		}
	}
	return true
}

func (w *weeks) checkStories(edition int64) {
	w.t.Helper()
	w.none("stories neither told nor left out by a variant, or both", `
		SELECT es.story_id FROM edition_stories es JOIN variants v ON v.edition_id = es.edition_id
		WHERE es.edition_id = $1
		  AND (SELECT count(*) FROM variant_stories s WHERE s.variant_id = v.id AND s.story_id = es.story_id)
		    + (SELECT count(*) FROM variant_left_out s WHERE s.variant_id = v.id AND s.story_id = es.story_id) <> 1`, edition)
	w.none("readers are told what they had, or another digest is about to tell them", `
		SELECT d.reader_id FROM deliveries d JOIN variant_stories n ON n.variant_id = d.variant_id
		JOIN before_it b ON b.reader_id = d.reader_id JOIN variant_stories o ON o.variant_id = b.variant_id AND o.story_id = n.story_id
		JOIN editions e ON e.id = d.edition_id
		WHERE d.edition_id = $1 AND (b.had OR b.digest <> e.digest)`, edition)
	w.none("readers are not told what they never had, as if they had", `
		SELECT d.reader_id FROM deliveries d JOIN variant_left_out n ON n.variant_id = d.variant_id
		WHERE d.edition_id = $1 AND n.reason LIKE 'already sent%' AND NOT EXISTS (
		  SELECT 1 FROM before_it b JOIN variant_stories o ON o.variant_id = b.variant_id AND o.story_id = n.story_id WHERE b.reader_id = d.reader_id)`, edition)
	// A reader's window begins where the last edition ended that the reader had.
	w.none("articles of readers' windows are not in their editions", `
		SELECT a.id FROM deliveries d JOIN editions e ON e.id = d.edition_id JOIN variants v ON v.id = d.variant_id
		CROSS JOIN LATERAL (
		  SELECT COALESCE((SELECT max(window_to) FROM before_it b WHERE b.reader_id = d.reader_id AND b.digest = e.digest AND b.had),
		                  (SELECT min(window_from) FROM editions f WHERE f.digest = e.digest)) AS since) l
		JOIN articles a ON a.first_seen > GREATEST(l.since, e.published - interval '10 days') AND a.first_seen <= v.window_to AND a.categories && e.categories
		WHERE d.edition_id = $1 AND NOT EXISTS (
		  SELECT 1 FROM article_story t JOIN edition_stories es ON es.story_id = t.story_id WHERE t.article_id = a.id AND es.edition_id = e.id)`, edition)
	w.none("stories are told from before their readers' windows, and nobody pinned them", `
		SELECT n.story_id FROM deliveries d JOIN editions e ON e.id = d.edition_id JOIN variant_stories n ON n.variant_id = d.variant_id
		CROSS JOIN LATERAL (SELECT max(window_to) AS since FROM before_it b WHERE b.reader_id = d.reader_id AND b.digest = e.digest AND b.had) l
		WHERE d.edition_id = $1
		  AND NOT EXISTS (SELECT 1 FROM article_story t JOIN articles a ON a.id = t.article_id WHERE t.story_id = n.story_id AND a.first_seen > l.since)
		  AND NOT EXISTS (SELECT 1 FROM article_story t JOIN article_marks m ON m.article_id = t.article_id WHERE t.story_id = n.story_id AND m.kind = 'pin')
		  AND l.since IS NOT NULL
		  -- what never came, though an edition of the reader's left it out for that, or went on behind it
		  AND NOT EXISTS (SELECT 1 FROM before_it x JOIN variant_left_out o ON o.variant_id = x.variant_id AND o.story_id = n.story_id
		                  WHERE x.reader_id = d.reader_id AND x.digest = e.digest AND x.had AND o.reason = 'already sent')
		  AND NOT EXISTS (SELECT 1 FROM deliveries y JOIN variant_stories s ON s.variant_id = y.variant_id AND s.story_id = n.story_id
		                  JOIN editions f ON f.id = y.edition_id AND f.digest = e.digest AND f.id < e.id WHERE y.reader_id = d.reader_id AND y.state IN ('refused', 'expired', 'cancelled'))`, edition)
}

// checkMissed looks for what an edition of the reader's left out for another
// mail, or told in a mail that counted as sent, and that no mail brought in the
// end: the first edition after that tells it, or says why not.
func (w *weeks) checkMissed(edition int64) {
	w.t.Helper()
	const settled = ` q.reason NOT IN ('already sent', 'first seen before this reader''s window')`
	const missed = `
		  AND x.window_to > e.published - interval '9 days'
		  AND EXISTS (SELECT 1 FROM before_it z WHERE z.reader_id = d.reader_id AND z.digest = e.digest AND z.had AND z.edition_id >= x.edition_id)
		  AND NOT EXISTS (SELECT 1 FROM before_it b JOIN variant_stories s ON s.variant_id = b.variant_id AND s.story_id = o.story_id
		                  WHERE b.reader_id = d.reader_id AND (b.had OR b.digest <> e.digest))
		  AND NOT EXISTS (SELECT 1 FROM before_it z JOIN variant_left_out q ON q.variant_id = z.variant_id AND q.story_id = o.story_id AND ` + settled + `
		                  WHERE z.reader_id = d.reader_id AND z.digest = e.digest AND z.had AND z.edition_id >= x.edition_id)
		  AND NOT EXISTS (SELECT 1 FROM variant_stories s WHERE s.variant_id = d.variant_id AND s.story_id = o.story_id)
		  AND NOT EXISTS (SELECT 1 FROM variant_left_out q WHERE q.variant_id = d.variant_id AND q.story_id = o.story_id AND ` + settled + `)`
	w.none("readers never get what was left out because another mail was to bring it", `
		SELECT d.reader_id FROM deliveries d JOIN editions e ON e.id = d.edition_id
		JOIN before_it x ON x.reader_id = d.reader_id AND x.digest = e.digest AND x.had
		JOIN variant_left_out o ON o.variant_id = x.variant_id AND o.reason = 'already sent'
		WHERE d.edition_id = $1`+missed, edition)
	w.none("readers never get what was in a mail that never came", `
		SELECT d.reader_id FROM deliveries d JOIN editions e ON e.id = d.edition_id
		JOIN (SELECT y.edition_id, y.reader_id, y.variant_id, f.digest, v.window_to FROM deliveries y JOIN editions f ON f.id = y.edition_id JOIN variants v ON v.id = y.variant_id
		      WHERE y.state IN ('refused', 'expired', 'cancelled')) x ON x.reader_id = d.reader_id AND x.digest = e.digest AND x.edition_id < e.id
		JOIN variant_stories o ON o.variant_id = x.variant_id
		WHERE d.edition_id = $1`+missed, edition)
}

// checkCorrections holds who is told of an error against who had it: by then,
// or by this edition.
func (w *weeks) checkCorrections(edition int64) {
	w.t.Helper()
	// What is at one address may be told by the articles of two sources: each
	// has its own correction, by its headline.
	const wrong = `
		JOIN edition_stories es ON es.edition_id = x.edition_id AND es.story_id = s.story_id
		WHERE s.story_id = c.story_id AND es.told ->> 'url' = (SELECT url FROM named n WHERE n.id = c.id) AND (es.told ->> 'article')::bigint = ANY (c.wrong)`
	const owed = `
		(EXISTS (SELECT 1 FROM before_it x JOIN variant_stories s ON s.variant_id = x.variant_id ` + wrong + ` AND x.reader_id = d.reader_id AND x.had)
		   AND NOT EXISTS (SELECT 1 FROM before_it x JOIN variant_corrections o ON o.variant_id = x.variant_id
		                   JOIN editions e ON e.id = d.edition_id
		                   WHERE x.reader_id = d.reader_id AND o.correction_id = c.id AND (x.had OR x.digest <> e.digest)))
		OR EXISTS (SELECT 1 FROM deliveries x JOIN variant_stories s ON s.variant_id = x.variant_id ` + wrong + ` AND x.edition_id = d.edition_id AND x.reader_id = d.reader_id)`
	const brought = `EXISTS (SELECT 1 FROM variant_corrections o WHERE o.variant_id = d.variant_id AND o.correction_id = c.id)`
	w.none("readers are told of errors that they never had", `
		SELECT d.reader_id FROM deliveries d CROSS JOIN corrections c WHERE d.edition_id = $1 AND `+brought+` AND NOT (`+owed+`)`, edition)
	w.none("readers are not told of errors that they had", `
		SELECT d.reader_id FROM deliveries d CROSS JOIN corrections c WHERE d.edition_id = $1 AND NOT `+brought+` AND (`+owed+`)
		AND (SELECT count(*) FROM variant_corrections o WHERE o.variant_id = d.variant_id) < 5`, edition)
	for _, r := range w.ints(`SELECT d.reader_id FROM deliveries d WHERE d.edition_id = $1 AND d.variant_id IN (SELECT variant_id FROM variant_corrections)`, edition) {
		_, v, err := w.store.Delivered(w.t.Context(), digest.Ref{Edition: digest.EditionID(edition), Reader: digest.ReaderID(r)})
		if err != nil {
			w.t.Fatal(err)
		}
		for _, c := range v.Corrections {
			if len(w.ints(`
				SELECT 1 FROM deliveries d JOIN variant_stories s ON s.variant_id = d.variant_id
				JOIN edition_stories es ON es.edition_id = d.edition_id AND es.story_id = s.story_id
				WHERE d.reader_id = $1 AND s.story_id = $2 AND es.told ->> 'title' = $3 AND es.told ->> 'url' = $4`, r, int64(c.Story), c.Title, c.URL)) == 0 {
				w.t.Errorf("reader %d is told what was wrong under a headline that no mail had: %+v", r, c)
			}
		}
	}
}

// checkWhole looks back on all of it.
func (w *weeks) checkWhole() {
	w.t.Helper()
	w.none("readers had a story twice", `
		SELECT d.reader_id FROM deliveries d JOIN variant_stories s ON s.variant_id = d.variant_id
		WHERE d.state IN `+had+` GROUP BY d.reader_id, s.story_id HAVING count(*) > 1`)
	w.none("readers had an address twice", `
		SELECT d.reader_id FROM deliveries d JOIN variant_stories s ON s.variant_id = d.variant_id
		JOIN edition_stories es ON es.edition_id = d.edition_id AND es.story_id = s.story_id
		WHERE d.state IN `+had+` GROUP BY d.reader_id, es.told ->> 'url' HAVING count(*) > 1`)
	w.none("digests with gaps in their numbers", `
		SELECT count(*) FROM editions GROUP BY digest HAVING count(*) <> max(number)`)
	w.none("windows that don't follow each other", `
		SELECT e.id FROM editions e JOIN editions f ON f.digest = e.digest AND f.number = e.number + 1 WHERE f.window_from <> e.window_to`)
	if n := w.ints(`SELECT count(*) FROM variant_corrections`); n[0] == 0 {
		w.t.Log("no correction was brought")
	}
}
