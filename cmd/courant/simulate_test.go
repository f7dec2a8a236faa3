package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"courant/digest"
	"courant/digest/explain"
	"courant/digest/publish"
	"courant/digest/smtpsink"
)

func TestSimulateReplaysStoredArticlesAndChangesNoRow(t *testing.T) {
	t.Parallel()
	d := newDesk(t, smtpsink.Options{})
	d.configure()
	d.must("migrate")
	at := time.Now().UTC().Add(-50 * time.Hour)
	for i, title := range []string{"The harbour closes for dredging", "An old lighthouse is for sale", "Ferries collide in thick fog"} {
		d.query(`INSERT INTO articles (source, url, canonical, title, category, categories, points, points_from, first_seen, language)
			VALUES ('Wire', $2, $2, $1, 'World', '{World}', '{}', 'none', $3, 'en') RETURNING 'x'`, title, fmt.Sprintf("https://example.com/%d", i), at)
	}
	d.query(`INSERT INTO article_marks (article_id, kind, set_by, set_at) SELECT id, 'drop', 'ann', $1 FROM articles WHERE title LIKE '%lighthouse%' RETURNING 'x'`, at)
	const rows = `SELECT concat((SELECT count(*) FROM editions), ' ', (SELECT count(*) FROM stories), ' ', (SELECT count(*) FROM slots), ' ',
		(SELECT count(*) FROM article_story), ' ', (SELECT count(*) FROM variants))`
	before := d.query(rows)
	var s struct {
		Digest                     string
		Editions, Skipped, Stories int
		Sources                    map[string]int
		LeftOut                    map[string]int `json:"left_out"`
		Slots                      []struct{ State, Reason string }
	}
	out := d.must("simulate", "--json", "--days", "7")
	if err := json.Unmarshal([]byte(strings.TrimSpace(out)), &s); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if s.Digest != "morning" || s.Editions != 1 || s.Stories != 2 || s.Sources["Wire"] != 2 || s.LeftOut["dropped by an editor"] != 1 || s.Editions+s.Skipped != len(s.Slots) {
		t.Errorf("simulated %+v", s)
	}
	if s.Slots[0].State != "skipped" || s.Slots[0].Reason != "below min_articles: 0 of 1" {
		t.Errorf("the first slot is %+v", s.Slots[0])
	}
	if said := d.must("simulate", "morning"); !strings.Contains(said, "1 edition with 2 stories") || strings.Contains(said, "\x1b[") {
		t.Errorf("simulate says\n%s", said)
	}
	d.must("simulate", "all")
	if after := d.query(rows); after != before {
		t.Errorf("rows were %s and are %s", before, after)
	}
	sentence(t, d.try("simulate", "mornin"), exitMisused, `there is no digest "mornin"`, "did you mean")
	sentence(t, d.try("simulate", "--days", "0"), exitMisused, "--days takes a number from 1 to 366")
}

// BenchmarkSimulateHundredThousandArticles replays a month of a daily digest:
// 3,333 articles a day, of which a fifth tell what another source told.
func BenchmarkSimulateHundredThousandArticles(b *testing.B) {
	const n = 100_000
	to := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	from := to.AddDate(0, 0, -30)
	r := rand.New(rand.NewPCG(1, 2))
	text := func(words int) string {
		list := make([]string, words)
		for i := range list {
			list[i] = fmt.Sprintf("w%x", r.IntN(1+r.IntN(20_000)))
		}
		return strings.Join(list, " ")
	}
	articles := make([]digest.Article, n)
	for i := range articles {
		a := digest.Article{
			ID: digest.ArticleID(i + 1), Source: fmt.Sprintf("Source %d", i%200), URL: fmt.Sprintf("https://example.com/%d", i), Canonical: fmt.Sprintf("https://example.com/%d", i),
			Title: text(9), Lead: text(50), Category: "World", Language: "en", FirstSeen: from.Add(to.Sub(from) / n * time.Duration(i+1)),
		}
		if i > 100 && i%5 == 0 {
			a.Title, a.Lead = articles[i-77].Title, articles[i-77].Lead
		}
		articles[i] = a
	}
	d := digest.Digest{Name: "morning", Schedule: "0 7 * * *", TimeZone: "Europe/Berlin", Lists: []string{"readers"}, MaxArticles: 10, MinArticles: 1}
	slots, _, err := replayed([]digest.Digest{d}, from, to)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		var composer publish.Composer
		list, err := explain.Simulate(slots, articles, nil, composer.Compose)
		if err != nil || list[0].Editions != 30 {
			b.Fatalf("%d editions, %v", list[0].Editions, err)
		}
	}
}
