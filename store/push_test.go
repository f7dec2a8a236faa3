package store_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"courant/digest"
)

var pressRoom = digest.Source{Name: "press room", Kind: digest.SourcePush}

// piece is an article as a publisher's system pushes it.
func piece(name string, points ...string) digest.Article {
	url := "https://news.example.com/" + name
	a := digest.Article{URL: url, Canonical: url, Title: "About " + name, Category: "World", Points: points, PointsFrom: digest.PointsFeed, Lead: "It happened."}
	if len(points) == 0 {
		a.PointsFrom = digest.PointsNone
	}
	return a
}

// push pushes, and says what became of each article.
func (n *newsroom) push(articles ...digest.Article) string {
	n.t.Helper()
	n.now = n.now.Add(time.Second)
	results, err := n.Push(n.t.Context(), digest.Push{Source: pressRoom, Articles: articles, At: n.now})
	if err != nil {
		n.t.Fatal(err)
	}
	return statuses(results)
}

func statuses(results []digest.Pushed) string {
	var all []string
	for _, r := range results {
		all = append(all, fmt.Sprintf("%d %s", r.ID, r.Status))
	}
	return strings.Join(all, ", ")
}

// tellAll publishes an extra edition of all there is.
func (n *newsroom) tellAll(kind digest.EditionKind) digest.Edition {
	n.t.Helper()
	n.now = n.now.Add(time.Minute)
	o := digest.Order{Digest: n.digest, Kind: kind, Now: n.now, FirstWindow: n.now.Add(-24 * time.Hour), ConfigHash: "c", KeyID: 1}
	if kind == digest.KindProof {
		o.Address = "proof@example.org"
	}
	e, err := n.Publish(n.t.Context(), o, oneVariant)
	if err != nil {
		n.t.Fatal(err)
	}
	return e
}

func TestPushedArticleIsCreatedUpdatedUnchangedAndKept(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	n.subscribe("ann@example.org")
	a := piece("bridge", "One.", "Two.", "Three.")
	for i, step := range []struct {
		change func()
		want   string
	}{
		{func() {}, "1 created"},
		{func() {}, "1 unchanged"},
		{func() { a.Points = []string{"One."} }, "1 updated"}, // the publisher's word, also where it says less
		{func() { a.Points, a.PointsFrom, a.Lead, a.Category = nil, digest.PointsNone, "", "Military" }, "1 updated"},
		{func() { a.Image = digest.Image{URL: "https://news.example.com/a.jpg", Width: 3} }, "1 updated"},
		{func() { n.tellAll(digest.KindExtra) }, "1 unchanged"},
		{func() { a.Title = "Too late" }, "1 kept"},
		{func() {}, "1 kept"},
	} {
		step.change()
		if got := n.push(a); got != step.want {
			t.Errorf("push %d: %s, want %s", i+1, got, step.want)
		}
	}
	if got := n.one(`SELECT title || ' ' || points_from || ' ' || category || image_width FROM articles`); got != "About bridge none Military3" {
		t.Errorf("the row is %q", got)
	}
	if st := n.states(); len(st) != 1 || st[0].Source.Name != pressRoom.Name || st[0].Source.Kind != digest.SourcePush || st[0].LastSuccess.IsZero() || st[0].FirstPoll.IsZero() {
		t.Errorf("the source is %+v", st)
	}
}

func TestProofTellsNobodyAndFreezesNothing(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	a := piece("bridge", "One.")
	n.push(a)
	n.tellAll(digest.KindProof)
	a.Title = "After the proof"
	if got := n.push(a); got != "1 updated" {
		t.Error(got)
	}
}

func TestPushedArticleKeepsItsFirstSeen(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	n.push(piece("a"), piece("b"))
	first := n.one(`SELECT string_agg(first_seen::text, ' ' ORDER BY id) FROM articles`)
	n.push(piece("b", "A point."), piece("a"))
	if got := n.one(`SELECT string_agg(first_seen::text, ' ' ORDER BY id) FROM articles`); got != first {
		t.Errorf("first seen %s, then %s", first, got)
	}
	if got := n.articles(); got[0].Title != "About a" {
		t.Errorf("the first of the document is not the first: %v", got[0].Title)
	}
}

func TestPushedArchiveIsNoNews(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	old, recent := piece("old"), piece("recent")
	old.Published, recent.Published = n.now.Add(-8*24*time.Hour), n.now.Add(-6*24*time.Hour)
	n.push(old, recent)
	if got := n.one(`SELECT string_agg(title, ' ') FROM articles WHERE first_seen > now() - interval '3 hours'`); got != "About recent" {
		t.Errorf("news is %q", got)
	}
}

func TestPushAfterAnEditionComesWithTheNext(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	n.subscribe("ann@example.org")
	n.push(piece("a"))
	e := n.tellAll(digest.KindExtra)
	// A push that began before the edition, and ends after it.
	at := n.now.Add(-30 * time.Second)
	if _, err := n.Push(t.Context(), digest.Push{Source: pressRoom, Articles: []digest.Article{piece("b")}, At: at}); err != nil {
		t.Fatal(err)
	}
	if got := n.one(fmt.Sprintf(`SELECT (first_seen > window_to)::text FROM articles, editions WHERE articles.title = 'About b' AND editions.id = %d`, e.ID)); got != "true" {
		t.Error("the article lies in a window that is closed")
	}
}

func TestMovedPieceIsKnownByItsGUID(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	a := piece("slug")
	a.GUID = "17"
	n.push(a)
	moved := piece("better-slug")
	moved.GUID = "17"
	if got := n.push(moved); got != "1 updated" {
		t.Error(got)
	}
	moved.GUID = ""
	if got := n.push(moved); got != "1 unchanged" {
		t.Errorf("by its new address alone: %s", got)
	}
}

func TestPushesAtOnceMakeOneArticle(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	var all sync.WaitGroup
	var mu sync.Mutex
	var got []string
	for i := range 8 {
		all.Go(func() {
			articles := []digest.Article{piece("a"), piece("b"), piece("c")}
			if i%2 == 1 {
				slices.Reverse(articles)
			}
			results, err := n.Push(context.WithoutCancel(t.Context()), digest.Push{Source: pressRoom, Articles: articles, At: n.now})
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				t.Error(err)
				return
			}
			for _, r := range results {
				got = append(got, string(r.Status))
			}
		})
	}
	all.Wait()
	slices.Sort(got)
	if n.one(`SELECT count(*) FROM articles`) != "3" || got[2] != "created" || got[3] != "unchanged" {
		t.Errorf("%s articles, %v", n.one(`SELECT count(*) FROM articles`), got)
	}
}

func TestDryPushKeepsNothing(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	n.push(piece("a"))
	results, err := n.Push(t.Context(), digest.Push{Source: pressRoom, Articles: []digest.Article{piece("a", "Now."), piece("b")}, At: n.now, DryRun: true})
	if err != nil || statuses(results) != "1 updated, 0 created" {
		t.Errorf("%s, %v", statuses(results), err)
	}
	if got := n.one(`SELECT count(*) || points_from FROM articles GROUP BY points_from`); got != "1none" {
		t.Error(got)
	}
}

func TestWithdrawnArticleIsNeverChosenAndComesBackAsNews(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	n.subscribe("ann@example.org")
	n.push(piece("a"), piece("b"))
	for range 2 {
		w, err := n.Withdraw(t.Context(), pressRoom.Name, "http://www.news.example.com/a?utm_source=x", n.now)
		if err != nil || w.ID != 1 || w.Told || w.URL != "https://news.example.com/a" {
			t.Fatalf("%+v, %v", w, err)
		}
	}
	if got := n.articles(); len(got) != 1 || got[0].Title != "About b" {
		t.Errorf("up for selection: %v", got)
	}
	if _, err := n.Withdraw(t.Context(), "another", "https://news.example.com/a", n.now); !errors.Is(err, digest.ErrNotFound) {
		t.Errorf("of another source: %v", err)
	}
	n.tellAll(digest.KindExtra)
	if got := n.push(piece("a"), piece("b")); got != "1 created, 2 unchanged" {
		t.Error(got)
	}
	if got := n.one(`SELECT (first_seen > (SELECT max(window_to) FROM editions))::text FROM articles WHERE id = 1`); got != "true" {
		t.Error("it came back into a window that is closed")
	}
	w, err := n.Withdraw(t.Context(), pressRoom.Name, "https://news.example.com/b", n.now)
	if err != nil || !w.Told {
		t.Errorf("%+v, %v", w, err)
	}
	if got := n.push(piece("b", "Otherwise.")); got != "2 kept" || len(n.articles()) != 2 {
		t.Errorf("%s, %d up for selection", got, len(n.articles()))
	}
}

func TestArticleRecordSaysWhereItWasTold(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	n.subscribe("ann@example.org")
	n.push(piece("a", "A point."), piece("b"))
	n.tellAll(digest.KindExtra)
	if _, _, err := n.Correct(t.Context(), "https://news.example.com/a", "It was not so.", n.now); err != nil {
		t.Fatal(err)
	}
	records, err := n.ArticleRecords(t.Context(), 0, "https://news.example.com/a#top")
	if err != nil || len(records) != 1 {
		t.Fatalf("%v, %v", records, err)
	}
	r := records[0]
	if r.Told != 1 || len(r.Tellings) != 1 || !r.Tellings[0].Carried || r.Tellings[0].Told.Title != "About a" || len(r.Corrections) != 1 {
		t.Errorf("%+v", r)
	}
	if byID, err := n.ArticleRecords(t.Context(), r.ID, ""); err != nil || len(byID) != 1 || byID[0].ID != r.ID {
		t.Errorf("%v, %v", byID, err)
	}
	if _, err := n.ArticleRecords(t.Context(), 99, ""); !errors.Is(err, digest.ErrNotFound) {
		t.Error(err)
	}
	near, err := n.AddressesLike(t.Context(), "https://news.example.com/c")
	if err != nil || len(near) != 2 {
		t.Errorf("%v, %v", near, err)
	}
	for sieve, want := range map[digest.ArticleSieve]int{
		{}: 2, {Limit: 1}: 1, {Source: "other"}: 0, {Category: "wOrld"}: 2, {PointsFrom: digest.PointsNone}: 1, {Since: n.now}: 0,
	} {
		if list, err := n.ListArticles(t.Context(), sieve); err != nil || len(list) != want {
			t.Errorf("%+v: %d articles, %v", sieve, len(list), err)
		}
	}
}

func TestSilenceOfAPushIsTimeInWhichItCouldCome(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	n.push(piece("a"))
	listen := func(after time.Duration, sources ...string) {
		t.Helper()
		n.now = n.now.Add(after)
		if err := n.Listening(t.Context(), sources, n.now); err != nil {
			t.Fatal(err)
		}
	}
	listened := func(want time.Duration) {
		t.Helper()
		if got := n.states()[0].Listened; got != want {
			t.Errorf("listened %s, want %s", got, want)
		}
	}
	listen(0, pressRoom.Name)
	listen(time.Minute, pressRoom.Name)
	listen(0, pressRoom.Name) // a second process
	listen(time.Minute, pressRoom.Name)
	listened(2 * time.Minute)
	listen(20*24*time.Hour, pressRoom.Name) // it was off
	listen(time.Minute, pressRoom.Name)
	listen(time.Minute, "another source")
	listened(3 * time.Minute)
	listen(-40*24*time.Hour, pressRoom.Name) // a clock was ahead, and was set right
	listen(time.Minute, pressRoom.Name)
	listened(4 * time.Minute)
	n.push(piece("a", "It says more."))
	listened(4 * time.Minute)
	n.push(piece("b"))
	listened(0)
}
