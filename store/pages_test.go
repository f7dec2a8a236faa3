package store_test

import (
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"courant/digest"
	"courant/store"
)

func (n *newsroom) claimPage(page string, now time.Time) (digest.FullPage, bool) {
	n.t.Helper()
	p, mine, err := n.ClaimPage(n.t.Context(), wire.Name, page, now, time.Hour)
	if err != nil {
		n.t.Fatal(err)
	}
	return p, mine
}

func (n *newsroom) savePage(p digest.FullPage) {
	n.t.Helper()
	if err := n.SavePage(n.t.Context(), p); err != nil {
		n.t.Fatal(err)
	}
}

const page = "https://example.com/story"

func TestPageIsClaimedOnceAndKeptForAll(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	p, mine := n.claimPage(page, n.now)
	if !mine || p.Tries != 1 || p.Reading != nil || p.Settled() {
		t.Fatalf("%+v %t", p, mine)
	}
	if p, mine := n.claimPage(page, n.now.Add(59*time.Minute)); mine || p.Settled() {
		t.Errorf("claimed twice: %+v", p)
	}
	// Whoever claimed it died: an hour later it is tried once more.
	if p, mine = n.claimPage(page, n.now.Add(time.Hour)); !mine || p.Tries != 2 {
		t.Fatalf("%+v %t", p, mine)
	}
	p.Again, p.Reading = time.Time{}, &digest.Article{Title: "Bridge\x00 closes", Points: []string{"One."}, PointsFrom: digest.PointsPage, Published: n.now.UTC()}
	n.savePage(p)
	got, mine := n.claimPage(page, n.now.Add(1000*time.Hour))
	if mine || !got.Settled() || got.Reading == nil || !slices.Equal(got.Reading.Points, p.Reading.Points) || !got.Reading.Published.Equal(n.now) {
		t.Errorf("%+v %t", got, mine)
	}
}

func TestPageThatWasGivenUpIsNotClaimedAgain(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	p, _ := n.claimPage(page, n.now)
	p.Again = time.Time{}
	n.savePage(p)
	if got, mine := n.claimPage(page, n.now.Add(1000*time.Hour)); mine || !got.Settled() {
		t.Errorf("%+v %t", got, mine)
	}
}

func TestOneOfManyClaimsThePage(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	var all sync.WaitGroup
	var mine atomic.Int32
	for range 12 {
		all.Go(func() {
			if _, yes, err := n.ClaimPage(t.Context(), wire.Name, page, n.now, time.Hour); err != nil {
				t.Error(err)
			} else if yes {
				mine.Add(1)
			}
		})
	}
	all.Wait()
	if mine.Load() != 1 {
		t.Errorf("%d claimed it", mine.Load())
	}
}

func TestArticlesWaitForTheirPagesUntilTheyAreTold(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	n.sync(wire)
	var articles []digest.Article
	for i := range 5 {
		a := article(i, n.now.Add(time.Duration(i)*time.Minute))
		a.Page = a.Canonical
		articles = append(articles, a)
	}
	articles[4].Page = ""
	n.save(digest.SourceState{Source: wire}, articles...)
	owed := func(now time.Time) (titles []string) {
		t.Helper()
		list, err := n.OwedPages(t.Context(), wire.Name, n.now, now, 2)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range list {
			titles = append(titles, a.Title)
		}
		return titles
	}
	if got := owed(n.now); !slices.Equal(got, []string{"Story 3", "Story 2"}) {
		t.Errorf("the newest first: %q", got)
	}
	p, _ := n.claimPage(articles[3].Page, n.now)
	if got := owed(n.now); !slices.Equal(got, []string{"Story 2", "Story 1"}) { // 0 was first seen at since
		t.Errorf("one is being asked for: %q", got)
	}
	p.Again, p.Reading = time.Time{}, &digest.Article{}
	n.savePage(p)
	if got := owed(n.now); !slices.Equal(got, []string{"Story 3", "Story 2"}) {
		t.Errorf("one is there: %q", got)
	}
	articles[3].Page, articles[3].Points, articles[3].PointsFrom = "", []string{"From the page."}, digest.PointsPage
	if added := n.save(digest.SourceState{Source: wire}, articles[3]); added != 0 {
		t.Errorf("added %d", added)
	}
	if got := n.articles()[1]; got.Title != "Story 3" || got.PointsFrom != digest.PointsPage || got.Page != "" {
		t.Errorf("%+v", got)
	}
	n.subscribe("ann@example.org")
	n.publish()
	if got := owed(n.now); len(got) != 0 {
		t.Errorf("told, and still waiting: %q", got)
	}
}

func TestOldPagesAreForgotten(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	n.claimPage(page, n.now.Add(-15*24*time.Hour))
	n.claimPage(page+"2", n.now)
	if got, err := n.ForgetPages(t.Context(), store.Retention{}); err != nil || got != 1 {
		t.Errorf("%d %v", got, err)
	}
	if _, mine := n.claimPage(page+"2", n.now); mine {
		t.Error("a page of today was forgotten")
	}
}

func (n *newsroom) claimPoll(st digest.SourceState, force bool) bool {
	n.t.Helper()
	_, ok, err := n.ClaimPoll(n.t.Context(), st, "example.com:443", force)
	if err != nil {
		n.t.Fatal(err)
	}
	return ok
}

func TestSourceIsPolledByOneProcessAtATime(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	n.sync(wire)
	before := n.states()[0]
	if !n.claimPoll(before, false) || n.claimPoll(before, false) {
		t.Fatal("want one claim")
	}
	if !n.claimPoll(before, true) {
		t.Error("an operator's word does not count")
	}
	after := before
	after.LastPoll = n.now
	n.save(after)
	if n.claimPoll(before, false) {
		t.Error("claimed by who has not seen the last poll")
	}
	if !n.claimPoll(n.states()[0], false) {
		t.Error("the poll was saved and the source is still claimed")
	}
	if err := n.ReleasePoll(t.Context(), wire.Name); err != nil {
		t.Fatal(err)
	}
	if !n.claimPoll(n.states()[0], false) {
		t.Error("released and still claimed")
	}
	// Its process died.
	if _, err := n.db.ExecContext(t.Context(), `UPDATE sources SET polling_until = clock_timestamp() - interval '1 second'`); err != nil {
		t.Fatal(err)
	}
	if !n.claimPoll(n.states()[0], false) {
		t.Error("a dead process keeps its claim")
	}
	moved := wire
	moved.URL += "2"
	if n.claimPoll(digest.SourceState{Source: moved}, true) {
		t.Error("an address that the config has not was claimed")
	}
}

func TestServersThatAskedForSilenceAreRememberedByAll(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	n.sync(wire)
	for _, wait := range []time.Duration{2, 1} { // the longest counts
		if err := n.HoldServers(t.Context(), map[string]time.Time{"example.com:443": n.now.Add(wait * time.Hour)}); err != nil {
			t.Fatal(err)
		}
	}
	held, err := n.HeldServers(t.Context())
	if err != nil || !held["example.com:443"].Equal(n.now.Add(2*time.Hour)) {
		t.Errorf("%v %v", held, err)
	}
	until, ok, err := n.ClaimPoll(t.Context(), n.states()[0], "example.com:443", false)
	if err != nil || !ok || !until.Equal(n.now.Add(2*time.Hour)) {
		t.Errorf("%s %t %v", until, ok, err)
	}
}
