package store_test

import (
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"courant/digest"
	"courant/store/storetest"
)

func TestSourceRemembersItsFirstPollAndSinceWhenItFails(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	n.sync(wire)
	at := n.now
	poll := func(failures int, articles ...digest.Article) digest.SourceState {
		st := digest.SourceState{Source: wire, LastPoll: at, Failures: failures}
		if failures == 0 {
			st.LastSuccess = at
		}
		n.save(st, articles...)
		at = at.Add(time.Hour)
		return n.states()[0]
	}
	if s := poll(1); !s.FirstPoll.Equal(n.now) || !s.FailingSince.Equal(n.now) {
		t.Errorf("%+v", s)
	}
	if s := poll(2); !s.FirstPoll.Equal(n.now) || !s.FailingSince.Equal(n.now) {
		t.Errorf("%+v", s)
	}
	seen := at
	if s := poll(0, digest.Article{URL: "https://example.com/1", Title: "One", PointsFrom: digest.PointsNone, FirstSeen: seen}); !s.FailingSince.IsZero() || !s.Newest.Equal(seen) {
		t.Errorf("%+v", s)
	}
	again := at
	if s := poll(1); !s.FailingSince.Equal(again) || !s.Newest.Equal(seen) {
		t.Errorf("%+v", s)
	}
}

func TestFiguresOfSourcesCountByOriginOfPoints(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	idle := digest.Source{Name: "idle", Kind: digest.SourceFolder, URL: "/srv/idle"}
	n.sync(wire, idle)
	article := func(i int, from digest.PointsFrom, seen time.Time) digest.Article {
		a := digest.Article{URL: fmt.Sprintf("https://example.com/%d", i), Title: fmt.Sprintf("Headline %d", i), PointsFrom: from, FirstSeen: seen}
		if from != digest.PointsNone {
			a.Points = []string{"A point"}
		}
		return a
	}
	past := n.now.AddDate(0, 0, -3) // dated back, at the first poll
	back := article(1, digest.PointsLead, past)
	back.Published = past
	n.save(digest.SourceState{Source: wire, LastPoll: n.now}, back, article(2, digest.PointsPage, n.now), article(3, digest.PointsPage, n.now.Add(time.Minute)), article(4, digest.PointsNone, n.now.Add(time.Hour)))
	list, err := n.SourceFigures(t.Context(), n.now.AddDate(0, 0, -28))
	if err != nil || len(list) != 2 {
		t.Fatal(list, err)
	}
	if f := list[0]; f.Source != "idle" || f.Articles != 0 || f.From == nil {
		t.Errorf("%+v", f)
	}
	if f := list[1]; f.Articles != 4 || f.Fresh != 3 || f.Own() != 2 || f.Fallback() != 1 || f.From[digest.PointsNone] != 1 {
		t.Errorf("%+v", f)
	}
	last, err := n.LastArticles(t.Context(), wire.Name, 2)
	if err != nil || len(last) != 2 || last[0].Title != "Headline 4" || last[1].PointsFrom != digest.PointsPage || len(last[1].Points) != 1 {
		t.Errorf("%+v, %v", last, err)
	}
}

func TestOneProcessIsToldToSayIt(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	n.sync(wire)
	c := digest.SourceChange{Source: n.states()[0], To: digest.SourceSilent}
	var said atomic.Int32
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			ours, err := n.TellSource(t.Context(), c, n.now)
			if err != nil {
				t.Error(err)
			}
			if ours {
				said.Add(1)
			}
		})
	}
	all.Wait()
	if s := n.states()[0]; said.Load() != 1 || s.Told != digest.SourceSilent || !s.ToldAt.Equal(n.now) {
		t.Errorf("said %d times, %+v", said.Load(), s)
	}
	// A poll leaves alone what was said.
	n.save(digest.SourceState{Source: wire, LastPoll: n.now})
	if s := n.states()[0]; s.Told != digest.SourceSilent {
		t.Errorf("%+v", s)
	}
}

func TestWokenSourceIsAskedAgain(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	n.sync(wire)
	n.save(fullState(wire, n.now))
	if err := n.WakeSource(t.Context(), wire.Name); err != nil {
		t.Fatal(err)
	}
	s := n.states()[0]
	if s.Gone || s.Failures != 0 || s.Error != "" || !s.NextPoll.IsZero() || s.Address != "" || s.MovedTo != "" || s.ETag != "" || s.LastModified != "" || s.Validated != "" || s.Seen != "" || !s.FailingSince.IsZero() {
		t.Errorf("%+v", s)
	}
	// What its server asked for stays, and what makes its first poll the first.
	if !s.NotBefore.Equal(n.now.Add(time.Minute)) || s.LastSuccess.IsZero() || s.FirstPoll.IsZero() {
		t.Errorf("%+v", s)
	}
	if err := n.WakeSource(t.Context(), "nobody"); !errors.Is(err, digest.ErrNotFound) {
		t.Error(err)
	}
}

// BenchmarkHealthOfAThousandSources is over a million articles of 400 days, and
// over a million of the last 28.
func BenchmarkHealthOfAThousandSources(b *testing.B) {
	for _, days := range []int{400, 28} {
		b.Run(fmt.Sprintf("days=%d", days), func(b *testing.B) {
			dsn := storetest.DSN(b)
			s := storetest.Open(b, dsn)
			db, err := sql.Open("postgres", dsn)
			if err != nil {
				b.Fatal(err)
			}
			defer db.Close()
			for _, fill := range []string{
				`INSERT INTO sources (name, kind, url, first_poll, last_poll, last_success)
				 SELECT 'source ' || i, 'feed', 'https://example.com/' || i, now() - interval '500 days', now(), now() FROM generate_series(1, 1000) AS i`,
				fmt.Sprintf(`INSERT INTO articles (source, url, canonical, title, points_from, points, first_seen)
				 SELECT 'source ' || (i %% 1000 + 1), 'https://example.com/' || i, 'https://example.com/' || i, 'A headline of some length about ' || i,
				        (ARRAY['page','feed','description','lead'])[i %% 4 + 1], ARRAY['One point'], now() - (i %% 997) * interval '%d days' / 997
				 FROM generate_series(1, 1000000) AS i`, days),
				`VACUUM ANALYZE articles`,
			} {
				if _, err := db.ExecContext(b.Context(), fill); err != nil {
					b.Fatal(err)
				}
			}
			b.Run("figures", func(b *testing.B) {
				for b.Loop() {
					if list, err := s.SourceFigures(b.Context(), time.Now().AddDate(0, 0, -28)); err != nil || len(list) != 1000 {
						b.Fatal(len(list), err)
					}
				}
			})
			b.Run("states", func(b *testing.B) {
				for b.Loop() {
					if list, err := s.SourceStates(b.Context()); err != nil || len(list) != 1000 || list[0].Newest.IsZero() {
						b.Fatal(len(list), err)
					}
				}
			})
			b.Run("last articles", func(b *testing.B) {
				for b.Loop() {
					if list, err := s.LastArticles(b.Context(), "source 7", 10); err != nil || len(list) != 10 {
						b.Fatal(len(list), err)
					}
				}
			})
			if testing.Verbose() {
				showPlan(b, db, `SELECT s.name, (SELECT max(a.first_seen) FROM articles a WHERE a.source = s.name) FROM sources s WHERE s.active`)
				showPlan(b, db, `SELECT s.name, a.* FROM sources s LEFT JOIN LATERAL (SELECT points_from, count(*), count(*) FILTER (WHERE first_seen >= s.first_poll)
					FROM articles WHERE source = s.name AND first_seen >= now() - interval '28 days' GROUP BY points_from) AS a ON true WHERE s.active ORDER BY s.name`)
			}
		})
	}
}

func showPlan(b *testing.B, db *sql.DB, query string) {
	b.Helper()
	rows, err := db.QueryContext(b.Context(), `EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) `+query)
	if err != nil {
		b.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			b.Fatal(err)
		}
		b.Log(line)
	}
	if err := rows.Err(); err != nil {
		b.Fatal(err)
	}
}
