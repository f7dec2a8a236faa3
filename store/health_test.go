package store_test

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"courant/digest"
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
	if s.Gone || s.Failures != 0 || s.Error != "" || !s.NextPoll.IsZero() || s.Address != "" || s.MovedTo != "" || s.ETag != "" || s.LastModified != "" || s.Seen != "" || !s.FailingSince.IsZero() {
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
