package store_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"courant/digest"
)

func (n *newsroom) sync(sources ...digest.Source) {
	n.t.Helper()
	if err := n.SyncSources(n.t.Context(), sources); err != nil {
		n.t.Fatal(err)
	}
}

func (n *newsroom) save(st digest.SourceState, articles ...digest.Article) int {
	n.t.Helper()
	added, err := n.SavePoll(n.t.Context(), st, articles)
	if err != nil {
		n.t.Fatal(err)
	}
	return added
}

func (n *newsroom) states() []digest.SourceState {
	n.t.Helper()
	states, err := n.SourceStates(n.t.Context())
	if err != nil {
		n.t.Fatal(err)
	}
	return states
}

func (n *newsroom) articles() []digest.Candidate {
	n.t.Helper()
	list, err := n.Articles(n.t.Context(), time.Time{}, nil)
	if err != nil {
		n.t.Fatal(err)
	}
	return list
}

var wire = digest.Source{Name: "wire", Kind: digest.SourceFeed, URL: "https://example.com/a.xml", Category: "World"}

func fullState(src digest.Source, at time.Time) digest.SourceState {
	return digest.SourceState{
		Source: src, ETag: `W/"odd"`, LastModified: "Sun, 06 Nov 1994 08:49:37 GMT", Validated: "https://elsewhere.example/feed", NextPoll: at.Add(time.Hour),
		NotBefore: at.Add(time.Minute), FirstPoll: at, LastPoll: at, LastSuccess: at, Failures: 2, FailingSince: at, Error: "a fault", Gone: true,
		MovedTo: "https://example.com/b.xml", Address: "https://example.com/c.xml", TTL: 3 * time.Hour, Seen: "\x00\xff\\",
	}
}

func TestPollStateComesBackWhole(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	n.sync(wire)
	if got := n.states(); len(got) != 1 || !reflect.DeepEqual(got[0], digest.SourceState{Source: wire}) {
		t.Fatalf("new source %+v", got)
	}
	want := fullState(wire, n.now)
	n.save(want)
	got := n.states()[0]
	for _, at := range []*time.Time{&got.NextPoll, &got.NotBefore, &got.FirstPoll, &got.LastPoll, &got.LastSuccess, &got.FailingSince} {
		*at = at.In(n.now.Location())
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestConfigDecidesWhichSourcesRest(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	other := digest.Source{Name: "other", Kind: digest.SourcePage, URL: "https://example.com/p"}
	n.sync(wire, digest.Source{Name: "drop", Kind: digest.SourceFolder, URL: "/srv/drop"}, digest.Source{Name: "system", Kind: digest.SourcePush})
	n.sync(wire, other)
	n.save(fullState(wire, n.now))
	n.sync(other)
	if got := n.states(); len(got) != 1 || !reflect.DeepEqual(got[0].Source, other) {
		t.Errorf("active sources %+v", got)
	}
	// It comes back with its memory, and a category is no new address.
	renamed := wire
	renamed.Category, renamed.Categories = "Military", []string{"Military", "World"}
	n.sync(renamed)
	if got := n.states(); len(got) != 1 || !reflect.DeepEqual(got[0].Source, renamed) || got[0].ETag == "" {
		t.Errorf("active sources %+v", got)
	}
	n.sync()
	if got := n.states(); len(got) != 0 {
		t.Errorf("active sources of an empty config %+v", got)
	}
}

func TestChangedAddressStartsAnew(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	n.sync(wire)
	n.save(fullState(wire, n.now))
	moved := wire
	moved.URL = "https://example.com/new.xml"
	n.sync(moved)
	if got := n.states()[0]; !reflect.DeepEqual(got, digest.SourceState{Source: moved}) {
		t.Errorf("state %+v", got)
	}
	// A poll of the old address that ends only now must not spoil it.
	_, err := n.SavePoll(t.Context(), fullState(wire, n.now), []digest.Article{article(1, n.now)})
	is(t, err, digest.ErrNotFound)
	if got := n.states()[0]; got.ETag != "" || len(n.articles()) != 0 {
		t.Errorf("the old address's poll was kept: %+v", got)
	}
}

func TestArticleComesBackWhole(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	n.sync(wire)
	want := article(1, n.now)
	want.Site, want.Attribution, want.Author, want.Language = "SOFREP", "Business Insider", "A. Author", "en-US"
	want.Published = n.now.Add(-time.Hour)
	want.Categories = []string{"Military", "World"}
	want.Terms = []digest.Term{{Text: "Army \"news\"", From: digest.TermSection}, {Text: "geneva", From: digest.TermTag}}
	want.Image = digest.Image{URL: "https://example.com/i.jpg", Alt: "An image", Width: 600, Height: 400}
	if added := n.save(digest.SourceState{Source: wire}, want); added != 1 {
		t.Fatalf("added %d", added)
	}
	got := n.articles()[0]
	want.ID, want.FirstSeen, want.Published = got.ID, got.FirstSeen, got.Published
	if fmt.Sprintf("%+v", got.Article) != fmt.Sprintf("%+v", want) || got.Story != 0 || !got.FirstSeen.Equal(n.now) {
		t.Errorf("got  %+v\nwant %+v", got.Article, want)
	}
}

func TestPollThatEndsAfterAnEditionBringsItsArticlesIntoTheNext(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	began := n.now
	e, err := n.Edition(t.Context(), n.publish())
	if err != nil {
		t.Fatal(err)
	}
	lead, second, old := named("g8", "/lead", "Lead"), named("g9", "/second", "Second"), named("g7", "/old", "Old")
	lead.FirstSeen, second.FirstSeen = began, began.Add(-time.Microsecond)
	old.FirstSeen, old.Published = began.Add(-time.Hour), began.Add(-time.Hour)
	n.sync(wire)
	n.save(digest.SourceState{Source: wire}, lead, second, old)
	got := n.articles()
	if got[0].Title != "Lead" || got[1].Title != "Second" || !got[1].FirstSeen.After(e.WindowTo) {
		t.Errorf("%s first seen %s, %s %s: want both after the window that ended at %s", got[0].Title, got[0].FirstSeen, got[1].Title, got[1].FirstSeen, e.WindowTo)
	}
	if last := got[len(got)-1]; last.Title != "Old" || !last.FirstSeen.Equal(old.FirstSeen) {
		t.Errorf("what was dated back is now %+v", last)
	}
}

func TestKnownArticlesAreNotNew(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		poll  []digest.Article
		added int
	}{
		"the same":                      {[]digest.Article{named("g1", "/a", "A"), named("g2", "/b", "B")}, 0},
		"the address moved":             {[]digest.Article{named("g1", "/moved", "A")}, 0},
		"guids changed wholesale":       {[]digest.Article{named("x1", "/a", "A"), named("x2", "/b", "B")}, 0},
		"guids swapped":                 {[]digest.Article{named("g2", "/a", "A"), named("g1", "/b", "B")}, 0},
		"guids handed on":               {[]digest.Article{named("g1", "/c", "C"), named("g2", "/a", "A"), named("g3", "/b", "B")}, 1},
		"no guid, known address":        {[]digest.Article{named("", "/a", "A")}, 0},
		"no guid, new address":          {[]digest.Article{named("", "/c", "C")}, 1},
		"one guid for all":              {[]digest.Article{named("g", "/c", "C"), named("g", "/d", "D"), named("g", "/e", "E")}, 3},
		"told twice by guid and title":  {[]digest.Article{named("g9", "/c", "C"), named("g9", "/c2", "C")}, 1},
		"told twice by address":         {[]digest.Article{named("g8", "/c", "C"), named("g9", "/c", "C again")}, 1},
		"told twice without guid":       {[]digest.Article{named("", "/c", "C"), named("", "/c", "C")}, 1},
		"no canonical address":          {[]digest.Article{{URL: "https://example.com/z", Title: "Z"}, {URL: "https://example.com/y", Title: "Y"}}, 2},
		"nothing":                       {nil, 0},
		"an endless guid and address":   {[]digest.Article{named(strings.Repeat("g\x00ü", 9000), "/"+random(9000), "C")}, 1},
		"an endless guid, told twice":   {[]digest.Article{named(strings.Repeat("g", 9000), "/c", "C"), named(strings.Repeat("g", 9000), "/d", "C")}, 1},
		"the same canonical elsewhere":  {[]digest.Article{named("g1", "/a?again", "A")}, 0},
		"one known by guid and one new": {[]digest.Article{named("g1", "/a", "A"), named("g1", "/c", "C")}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := newNewsroom(t)
			n.sync(wire)
			n.save(digest.SourceState{Source: wire}, named("g1", "/a", "A"), named("g2", "/b", "B"))
			first := n.articles()
			known, err := n.Known(t.Context(), "wire", c.poll)
			if err != nil {
				t.Fatal(err)
			}
			if news := len(known) - count(known); c.added == 0 && news != 0 || news < c.added {
				t.Errorf("%d of %d articles are unknown, %d come in", news, len(known), c.added)
			}
			for range 2 {
				if got := n.save(digest.SourceState{Source: wire}, c.poll...); got != c.added {
					t.Errorf("added %d, want %d", got, c.added)
				}
				c.added = 0
			}
			for _, f := range first {
				if !slices.ContainsFunc(n.articles(), func(a digest.Candidate) bool {
					return a.ID == f.ID && a.FirstSeen.Equal(f.FirstSeen)
				}) {
					t.Errorf("article %d lost its identity", f.ID)
				}
			}
		})
	}
}

func named(guid, path, title string) digest.Article {
	a := article(1, time.Now())
	a.GUID, a.Title, a.URL = guid, title, "https://example.com"+path
	a.Canonical, _, _ = strings.Cut(a.URL, "?")
	return a
}

func count(list []bool) (n int) {
	for _, yes := range list {
		if yes {
			n++
		}
	}
	return n
}

// random is text that does not compress.
func random(size int) string {
	var b strings.Builder
	for x := uint64(1); b.Len() < size; x = x*6364136223846793005 + 1442695040888963407 {
		fmt.Fprintf(&b, "%x", x>>20)
	}
	return b.String()
}

func TestUntoldArticleIsCorrected(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	n.sync(wire)
	a := article(1, n.now)
	a.PointsFrom, a.Lead, a.Author = digest.PointsPage, "A lead.", "An author"
	n.save(digest.SourceState{Source: wire}, a)
	a.Title, a.Lead, a.Author, a.FirstSeen = "Corrected title", "", "", n.now.Add(time.Hour)
	a.Points, a.PointsFrom = []string{"A thinner reading."}, digest.PointsLead
	n.save(digest.SourceState{Source: wire}, a)
	got := n.articles()[0]
	if got.Title != "Corrected title" || len(got.Points) != 2 || got.PointsFrom != digest.PointsPage ||
		got.Lead != "A lead." || got.Author != "An author" || !got.FirstSeen.Equal(n.now) {
		t.Errorf("article %+v", got)
	}
	a.Points, a.PointsFrom = []string{"A better one."}, digest.PointsPage
	n.save(digest.SourceState{Source: wire}, a)
	if got := n.articles()[0]; !slices.Equal(got.Points, a.Points) {
		t.Errorf("points %q", got.Points)
	}
}

func TestToldArticleStaysAsItWasTold(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	n.subscribe("ann@example.org")
	n.publish()
	a := article(n.told, n.now)
	a.Title = "Another title"
	n.save(digest.SourceState{Source: digest.Source{Name: "wire", Kind: digest.SourceFeed, URL: "https://example.com/wire.xml"}}, a)
	if got := n.articles()[0]; got.Title == a.Title || got.Story == 0 {
		t.Errorf("article %+v", got)
	}
}

func TestHostileArticleIsStoredClean(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	n.sync(wire)
	evil := "a\x00b\xff\r\nBcc: all@example.org\u202e"
	a := digest.Article{
		Source: "wire", GUID: evil, URL: "https://example.com/" + evil, Canonical: evil, Title: evil, Category: evil,
		Points: []string{evil, "\x00", `{"a",NULL,\}`}, PointsFrom: digest.PointsFeed, Site: evil, Attribution: evil, Author: evil,
		Published: time.Date(90000, 1, 1, 0, 0, 0, 0, time.UTC), FirstSeen: n.now, Language: evil, Lead: evil,
		Image: digest.Image{URL: evil, Alt: evil, Width: -1, Height: 1 << 40},
	}
	empty := digest.Article{Source: "wire", URL: "u", Canonical: "u", Title: "t", PointsFrom: digest.PointsFeed, FirstSeen: n.now}
	st := digest.SourceState{Source: wire, ETag: evil, Error: evil, LastModified: evil, Validated: evil, MovedTo: evil, Address: evil}
	if got := n.save(st, a, empty); got != 2 {
		t.Fatalf("added %d", got)
	}
	for _, got := range n.articles() {
		if strings.ContainsAny(got.Title, "\x00\r\n\u202e") || got.Image.Width != 0 || got.Image.Height != 0 || !got.Published.IsZero() {
			t.Errorf("article %+v", got)
		}
		if got.URL != "u" && !slices.Equal(got.Points, []string{strings.ReplaceAll(strings.ToValidUTF8(evil, "\uFFFD"), "\x00", ""), `{"a",NULL,\}`}) {
			t.Errorf("points %q", got.Points)
		}
		if got.URL == "u" && got.PointsFrom != digest.PointsNone {
			t.Errorf("no points, but from %s", got.PointsFrom)
		}
	}
}

func TestArticlesAreOfTheCategoriesAndNewestFirst(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	n.sync(wire)
	for i := range 6 {
		a := article(i, n.now.Add(time.Duration(i)*time.Minute))
		a.Category = []string{"World", "military", "Sports"}[i%3]
		n.save(digest.SourceState{Source: wire}, a)
	}
	both := article(6, n.now.Add(6*time.Minute))
	both.Category, both.Categories = "Sports", []string{"Sports", "World"}
	n.save(digest.SourceState{Source: wire}, both)
	list, err := n.Articles(t.Context(), n.now, []string{"World", "Military"})
	if err != nil {
		t.Fatal(err)
	}
	var titles []string
	for _, a := range list {
		titles = append(titles, a.Title)
	}
	if want := []string{"Story 6", "Story 4", "Story 3", "Story 1"}; !slices.Equal(titles, want) {
		t.Errorf("articles %q, want %q", titles, want)
	}
}

func TestPollsAtOnceAddEachArticleOnce(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	n.sync(wire)
	var articles []digest.Article
	for i := range 50 {
		articles = append(articles, article(i, n.now))
	}
	added := make([]int, 6)
	var wg sync.WaitGroup
	for i := range added {
		wg.Go(func() {
			mine := slices.Clone(articles)
			if i%2 == 0 {
				slices.Reverse(mine)
			}
			var err error
			if added[i], err = n.SavePoll(t.Context(), digest.SourceState{Source: wire}, mine); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	sum := 0
	for _, k := range added {
		sum += k
	}
	if sum != 50 || len(n.articles()) != 50 {
		t.Errorf("added %v, stored %d", added, len(n.articles()))
	}
}

func TestConfigsReadAtOnceAgree(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	var sources []digest.Source
	for i := range 30 {
		sources = append(sources, digest.Source{Name: fmt.Sprint(i), Kind: digest.SourceFeed, URL: fmt.Sprintf("https://example.com/%d", i)})
	}
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			mine := slices.Clone(sources)
			if i%2 == 0 {
				slices.Reverse(mine)
			}
			for j := range mine {
				mine[j].Category = fmt.Sprint(i)
			}
			if err := n.SyncSources(t.Context(), mine[i%3:]); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	n.sync(sources...)
	if got := n.states(); len(got) != 30 {
		t.Errorf("%d sources", len(got))
	}
}

func TestRefilingMovesOnlyWhatWasNotTold(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	n.subscribe("ann@example.org")
	n.publish()
	n.sync(wire)
	term := []digest.Term{{Text: "army", From: digest.TermTag}}
	fresh, other, gone := article(7, n.now), article(8, n.now), article(9, n.now.Add(-11*24*time.Hour))
	gone.Published = gone.FirstSeen
	fresh.Terms, other.Terms, gone.Terms = term, []digest.Term{{Text: "film", From: digest.TermTag}}, term
	n.save(digest.SourceState{Source: wire}, fresh, other, gone)
	changed, err := n.Refile(t.Context(), func(source string, terms []digest.Term) []string {
		if len(terms) == 1 && terms[0].Text == "film" {
			return nil
		}
		return []string{"World " + source, "Army"}
	})
	if err != nil || changed != 1 {
		t.Fatalf("%d changed, %v", changed, err)
	}
	for _, a := range n.articles() {
		moved := a.Title == "Story 7"
		if got := a.Category == "World wire" && slices.Equal(a.Categories, []string{"World wire", "Army"}); got != moved {
			t.Errorf("%s is in %q", a.Title, a.AllCategories())
		}
	}
	if changed, err = n.Refile(t.Context(), func(string, []digest.Term) []string { return []string{"World wire", "Army"} }); err != nil || changed != 1 {
		t.Errorf("again: %d changed, %v", changed, err)
	}
}
