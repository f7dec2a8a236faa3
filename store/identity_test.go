package store_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"courant/digest"
)

// linked is an article as a feed's link and GUID give it.
func linked(guid, link, title string) digest.Article {
	a := named(guid, "/", title)
	a.URL, _ = digest.OpenURL(link)
	a.Canonical, _ = digest.CanonicalURL(link)
	return a
}

func TestFeedThatChangesItsAddressesBringsNoOldNews(t *testing.T) {
	t.Parallel()
	const fire, vote = "Fire in the old harbour", "Council votes on tram fares"
	for name, c := range map[string]struct {
		before, after []digest.Article
		added         int
	}{
		"http becomes https, in links and permalinks": {
			[]digest.Article{linked("http://example.com/fire", "http://example.com/fire", fire), linked("http://example.com/vote", "http://example.com/vote", vote)},
			[]digest.Article{linked("https://example.com/fire", "https://example.com/fire", fire), linked("https://example.com/vote", "https://example.com/vote", vote)}, 0},
		"links are tracked from now on": {
			[]digest.Article{linked("1", "https://example.com/fire", fire)},
			[]digest.Article{linked("x1", "https://example.com/fire?utm_source=rss&utm_medium=rss&utm_campaign=fire", fire)}, 0},
		"guids change wholesale": {
			[]digest.Article{linked("1", "https://example.com/fire", fire), linked("2", "https://example.com/vote", vote)},
			[]digest.Article{linked("a", "https://example.com/fire", fire), linked("b", "https://example.com/vote", vote)}, 0},
		"addresses change, guids stay": {
			[]digest.Article{linked("1", "https://example.com/fire", fire), linked("2", "https://example.com/vote", vote)},
			[]digest.Article{linked("1", "https://example.com/2026/fire-old-harbour", fire+", firemen say"), linked("2", "https://new.example.com/vote", vote)}, 0},
		"a service comes between: the guid is the old link": {
			[]digest.Article{linked("77", "https://example.com/fire", fire)},
			[]digest.Article{linked("http://www.example.com/fire/", "https://feedproxy.google.com/~r/Example/~3/x1/fire", fire)}, 0},
		"a service goes away: the link is the old guid": {
			[]digest.Article{linked("http://example.com/fire/", "https://feedproxy.google.com/~r/Example/~3/x1/fire", fire)},
			[]digest.Article{linked("https://example.com/?p=7", "https://example.com/fire", fire)}, 0},
		"a service goes away, permalinks become https": {
			[]digest.Article{linked("http://example.com/?p=7", "https://feedproxy.google.com/~r/Example/~3/x1/fire", fire)},
			[]digest.Article{linked("https://example.com/?p=7", "https://example.com/fire", fire)}, 0},
		"the same piece for phones": {
			[]digest.Article{linked("1", "https://www.example.com/world/fire-in-harbour", fire)},
			[]digest.Article{linked("9", "https://m.example.com/world/fire-in-harbour/amp", fire)}, 0},
		"a guid handed on to the next piece": {
			[]digest.Article{linked("latest", "https://example.com/fire", fire)},
			[]digest.Article{linked("latest", "https://example.com/vote", vote)}, 1},
		"guids by place in the feed": {
			[]digest.Article{linked("1", "https://example.com/fire", fire), linked("2", "https://example.com/vote", vote)},
			[]digest.Article{linked("1", "https://example.com/zoo", "Tapir born in zoo"), linked("2", "https://example.com/fire", fire), linked("3", "https://example.com/vote", vote)}, 1},
		"the front page as everybody's guid": {
			[]digest.Article{linked("https://example.com/", "https://example.com/fire", fire)},
			[]digest.Article{linked("https://example.com/", "https://example.com/vote", vote)}, 1},
		"two pieces that a parameter tells apart": {
			[]digest.Article{linked("", "https://example.com/show?id=1", fire)},
			[]digest.Article{linked("", "https://example.com/show?id=2", vote), linked("", "https://example.com/show?id=1&utm_source=rss", fire)}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := newNewsroom(t)
			n.sync(wire)
			n.save(digest.SourceState{Source: wire}, c.before...)
			for _, want := range []int{c.added, 0} {
				if got := n.save(digest.SourceState{Source: wire}, c.after...); got != want {
					t.Errorf("%d articles are new, want %d", got, want)
				}
			}
		})
	}
}

// A site that changes its domain and all of its GUIDs brings nothing new but
// what is new, be it that its feed redirects or that the config has its new
// address.
func TestSiteThatChangesItsDomainAndAllGUIDsBringsNoOldNews(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	n.sync(wire)
	at := func(guid, link, title string, published time.Time) digest.Article {
		a := linked(guid, link, title)
		a.Published = published
		return a
	}
	first, second := n.now.Add(-2*time.Hour), n.now.Add(-time.Hour)
	n.save(digest.SourceState{Source: wire}, at("1", "https://old.example/fire", "Fire in the old harbour", first), at("2", "https://old.example/weather", "Weather report", first),
		at("3", "https://old.example/zoo", "Tapir born in the zoo", second))
	moved := wire
	moved.URL = "https://new.example/feed.xml"
	n.sync(moved)
	for range 3 {
		known, err := n.Known(t.Context(), wire.Name, []digest.Article{
			at("https://new.example/fire", "https://new.example/fire", "Fire in the old harbour", first),
			at("https://new.example/weather", "https://new.example/weather", "Weather report", second),
			at("https://new.example/zoo", "https://new.example/zoo", "Second tapir born in the zoo", second),
			at("https://new.example/vote", "https://new.example/vote", "Council votes", second)})
		if err != nil || !slices.Equal(known, []bool{true, false, false, false}) {
			t.Errorf("%v, %v", known, err)
		}
	}
	if known, err := n.Known(t.Context(), "another source", []digest.Article{at("", "https://new.example/fire", "Fire in the old harbour", first)}); err != nil || known[0] {
		t.Errorf("another source's: %v, %v", known, err)
	}
	// The article is still in the feed, beside its namesake of another city.
	if known, err := n.Known(t.Context(), wire.Name, []digest.Article{at("1", "https://away.example/fire", "Fire in the old harbour", first),
		at("", "https://new.example/fire", "Fire in the old harbour", first)}); err != nil || !slices.Equal(known, []bool{true, false}) {
		t.Errorf("beside it: %v, %v", known, err)
	}
}

func TestArticlesKnownByFormerRulesStayKnownAfterAnUpgrade(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	n.sync(wire)
	// As the rules of before left them: a slash at the end, parameters in the
	// feed's order, an edition for phones, an address in two spellings.
	for _, former := range []string{"https://example.com/fire/", "https://example.com/show?b=2&a=1", "https://m.example.com/world/vote-1", "https://example.com/zoo",
		"https://example.com/zoo/", "sha256:00"} {
		if _, err := n.db.Exec(`INSERT INTO articles (source, url, canonical, title, points_from, first_seen) VALUES ('wire', $1, $1, 'News', 'none', now())`, former); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := n.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	again := []digest.Article{linked("", "https://example.com/fire/", "Fire"), linked("", "https://example.com/show?a=1&b=2", "Show"),
		linked("", "https://example.com/world/vote-1/", "Vote"), linked("", "https://example.com/zoo/", "Zoo")}
	if added := n.save(digest.SourceState{Source: wire}, again...); added != 0 {
		t.Errorf("%d known articles are new after the upgrade", added)
	}
	if added := n.save(digest.SourceState{Source: wire}, linked("", "https://example.com/park/", "Park")); added != 1 {
		t.Errorf("%d articles added, want 1", added)
	}
	var left int
	if err := n.db.QueryRow(`SELECT count(*) FROM articles WHERE canonical_form < $1`, digest.CanonicalForm).Scan(&left); err != nil || left != 0 {
		t.Errorf("%d rows are left by the rules of before, %v", left, err)
	}
}

// TestArticlesThatShareAnAddressAreAllKept polls feeds whose items have one
// address: what an item is known by must stay the same whoever else is there.
func TestArticlesThatShareAnAddressAreAllKept(t *testing.T) {
	t.Parallel()
	type poll struct {
		added    int
		articles []digest.Article
	}
	notes := func(guid, day, title string) digest.Article {
		return linked(guid, "https://cloud.example/release-notes#November_"+day, "November "+day+": "+title)
	}
	front := func(guid, title string) digest.Article { return linked(guid, "https://www.example.com/", title) }
	page := func(guid, title string) digest.Article { return linked(guid, "https://example.com/news/today", title) }
	const fire, vote, zoo = "Fire in the old harbour of Faro", "Council of Faro votes on tram fares", "Tapir born in the zoo of Faro"
	for name, polls := range map[string][]poll{
		"release notes": {
			{2, []digest.Article{notes("a", "21", "Queues"), notes("b", "20", "Search")}},
			{1, []digest.Article{notes("c", "22", "Copies"), notes("a", "21", "Queues"), notes("b", "20", "Search")}},
			{0, []digest.Article{notes("b", "20", "Search")}},
			{1, []digest.Article{notes("d", "23", "Search")}}},
		"release notes, one at a time": {
			{1, []digest.Article{notes("a", "20", "Search")}},
			{1, []digest.Article{notes("b", "21", "Queues")}},
			{0, []digest.Article{notes("b", "21", "Queues"), notes("a", "20", "Search")}},
			{0, []digest.Article{notes("a", "20", "Search")}}},
		"release notes without guids": {
			{1, []digest.Article{notes("", "20", "Search")}},
			{1, []digest.Article{notes("", "21", "Queues"), notes("", "20", "Search")}},
			{0, []digest.Article{notes("", "21", "Queues are gone")}}},
		"a front page for a link": {
			{2, []digest.Article{front("1", fire), front("2", vote)}},
			{1, []digest.Article{front("3", zoo)}},
			{0, []digest.Article{front("3", zoo), front("1", fire)}},
			{0, []digest.Article{front("x", zoo), front("y", vote), front("z", fire)}},
			{0, []digest.Article{front("2", "Tram fares: the council has spoken")}}},
		"a front page, one at a time": {
			{1, []digest.Article{front("1", fire)}},
			{1, []digest.Article{front("2", vote)}},
			{1, []digest.Article{front("3", zoo), front("2", vote), front("1", fire)}},
			{0, []digest.Article{front("1", fire)}}},
		"one page, the second comes later": {
			{1, []digest.Article{page("1", "Fire in the old harbour")}},
			{1, []digest.Article{page("2", "Council votes on tram fares"), page("1", "Fire in the old harbour")}},
			{0, []digest.Article{page("2", "Council votes on tram fares")}},
			{1, []digest.Article{page("3", "Tram to the harbour opens")}},
			{0, []digest.Article{page("1", "Fire in the old harbour")}}},
		"a block of a live page": {
			{1, []digest.Article{linked("https://example.com/live/day-1#block-tram", "https://example.com/live/day-1#block-tram", "Tram derails in Bari")}},
			{1, []digest.Article{linked("https://example.com/live/day-1#block-fire", "https://example.com/live/day-1#block-fire", "Fire after tram accident")}},
			{0, []digest.Article{linked("https://example.com/live/day-1#block-tram", "https://example.com/live/day-1#block-tram", "Tram derails in Bari")}}},
		"versions on one page": {
			{2, []digest.Article{linked("v1.2", "https://example.com/releases", "Version 1.2 is out"), linked("v1.4", "https://example.com/releases", "Version 1.4 is out")}},
			{0, []digest.Article{linked("v1.2", "https://example.com/releases", "Version 1.2 is out")}}},
		"items without anything of their own": {
			{1, []digest.Article{front("", fire), front("", vote)}},
			{0, []digest.Article{front("", vote)}},
			{1, []digest.Article{front("7", zoo), front("", vote)}},
			{0, []digest.Article{front("", vote), front("7", zoo)}}},
		"a publisher changes all guids": {
			{1, []digest.Article{page("1", fire)}},
			{0, []digest.Article{page("one", fire)}},
			{0, []digest.Article{page("uno", "Faro harbour burns for a second day")}}},
		"retitled under its guid": {
			{1, []digest.Article{page("1", fire)}},
			{0, []digest.Article{page("1", "Blaze kills two")}}},
		"retitled without a guid": {
			{1, []digest.Article{page("", fire)}},
			{0, []digest.Article{page("", "Blaze kills two")}}},
		"a guid that counts editions": {
			{1, []digest.Article{linked("https://example.com/articles/c1#0", "https://example.com/articles/c1?at_medium=RSS", fire)}},
			{0, []digest.Article{linked("https://example.com/articles/c1#1", "https://example.com/articles/c1?at_medium=RSS", "Blaze kills two")}}},
		"an address of a thousand characters": {
			{2, []digest.Article{linked("1", "https://example.com/"+strings.Repeat("a", 1100), fire), linked("2", "https://example.com/"+strings.Repeat("a", 1100), "Blaze kills two")}},
			{0, []digest.Article{linked("2", "https://example.com/"+strings.Repeat("a", 1100), "Blaze kills two")}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := newNewsroom(t)
			n.sync(wire)
			for i, p := range polls {
				for _, want := range []int{p.added, 0} {
					if got := n.save(digest.SourceState{Source: wire}, p.articles...); got != want {
						t.Errorf("poll %d: %d articles are new, want %d", i+1, got, want)
					}
				}
				known, err := n.Known(t.Context(), wire.Name, p.articles)
				if err != nil || slices.Contains(known, false) {
					t.Errorf("poll %d: known are %v, %v", i+1, known, err)
				}
			}
		})
	}
}

// Lesser rules took parameters for tracking that lead to a page.
func TestArticlesWhoseAddressesWereShortenedStayKnown(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	n.sync(wire)
	if _, err := n.db.Exec(`INSERT INTO articles (source, url, canonical, title, points_from, first_seen)
		VALUES ('wire', 'https://example.com/detail.do', 'https://example.com/detail.do', 'Fire in the old harbour', 'none', now())`); err != nil {
		t.Fatal(err)
	}
	if _, err := n.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	fire := linked("1", "https://example.com/detail.do?ncid=1", "Fire in the old harbour")
	if added := n.save(digest.SourceState{Source: wire}, fire); added != 0 {
		t.Errorf("%d known articles are new after the upgrade", added)
	}
	vote := linked("2", "https://example.com/detail.do?ncid=2", "Council votes on tram fares")
	if added := n.save(digest.SourceState{Source: wire}, vote, fire); added != 1 {
		t.Errorf("%d articles are new, want 1", added)
	}
}

func TestMarksOfSharedAddressesOutliveAnUpgrade(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	n.sync(wire)
	two := []digest.Article{linked("1", "https://example.com/news/today/", "Fire in the old harbour"), linked("2", "https://example.com/news/today/", "Council votes")}
	n.save(digest.SourceState{Source: wire}, two...)
	if _, err := n.db.Exec(`UPDATE articles SET canonical_form = 1, canonical = replace(canonical, 'today', 'today/')`); err != nil {
		t.Fatal(err)
	}
	if _, err := n.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if added := n.save(digest.SourceState{Source: wire}, two[1]); added != 0 {
		t.Errorf("%d known articles are new after the upgrade", added)
	}
	if added := n.save(digest.SourceState{Source: wire}, linked("3", "https://example.com/news/today", "Tapir born in Faro"), two[0]); added != 1 {
		t.Errorf("%d articles are new, want 1", added)
	}
}
