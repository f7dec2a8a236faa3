package explain

import (
	"io"
	"strings"
	"testing"
	"time"

	"github.com/rivo/uniseg"

	"courant/digest"
)

// fleet are sources in each condition.
func fleet() ([]SourceHealth, time.Time) {
	now := instant("2026-03-29T05:00:00Z")
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	const day = 24 * time.Hour
	source := func(name string, kind digest.SourceKind, change func(*digest.SourceState)) SourceHealth {
		s := digest.SourceState{Source: digest.Source{Name: name, Kind: kind, URL: "https://example.com/" + string(kind)},
			FirstPoll: ago(90 * day), LastPoll: ago(12 * time.Minute), LastSuccess: ago(12 * time.Minute), NextPoll: now.Add(50 * time.Minute), Newest: ago(3 * time.Hour)}
		change(&s)
		f := digest.SourceFigures{Source: name, Since: ago(28 * day), Articles: 200, Fresh: 140,
			From: map[digest.PointsFrom]int{digest.PointsPage: 120, digest.PointsFeed: 20, digest.PointsDescription: 40, digest.PointsLead: 15, digest.PointsNone: 5}}
		return SourceHealth{State: s, Figures: f}
	}
	fail := func(s *digest.SourceState, since time.Duration, why string) {
		s.Failures, s.FailingSince, s.LastSuccess, s.Error = 5, ago(since), ago(since+time.Hour), why
	}
	list := []SourceHealth{
		source("Military wire", digest.SourceFeed, func(*digest.SourceState) {}),
		source("Old Gazette", digest.SourceFeed, func(s *digest.SourceState) {
			s.Gone, s.NextPoll = true, time.Time{}
			fail(s, 2*day, "https://example.com/old.xml answered 410 Gone; it is gone for good: take it out of the config")
		}),
		source("Quiet Herald", digest.SourceFeed, func(s *digest.SourceState) { s.Newest = ago(9*day + time.Hour) }),
		source("Flaky \x1b[31mPost", digest.SourceFeed, func(s *digest.SourceState) {
			fail(s, 5*time.Hour, "https://example.com/f.xml did not answer in time; Courant tries again later")
			s.NextPoll = now.Add(3 * time.Hour)
		}),
		source("Polite News", digest.SourcePage, func(s *digest.SourceState) { s.NotBefore, s.NextPoll = now.Add(2*time.Hour), now.Add(2*time.Hour) }),
		source("Vanished Times with a name that is far too long for a column", digest.SourceFeed, func(s *digest.SourceState) {
			fail(s, 8*day, "there is no host example.invalid; check the address")
		}),
		source("Late Edition", digest.SourceFeed, func(s *digest.SourceState) {
			s.LastPoll, s.LastSuccess, s.NextPoll, s.Address = ago(5*time.Hour), ago(5*time.Hour), ago(4*time.Hour), "https://example.org/feed.xml"
		}),
		source("Wire drop", digest.SourceFolder, func(s *digest.SourceState) {
			s.Source.URL, s.FirstPoll, s.Newest = "/srv/wire", ago(3*time.Hour), ago(40*day)
			s.NextPoll = now
		}),
		{State: digest.SourceState{Source: digest.Source{Name: "Tomorrow", Kind: digest.SourceFeed, URL: "https://example.com/new"}}},
		{State: digest.SourceState{Source: digest.Source{Name: "Our system", Kind: digest.SourcePush}, Newest: ago(26 * time.Hour)}},
	}
	return list, now
}

func detailed() (SourceHealth, time.Time) {
	list, now := fleet()
	h := list[2]
	h.Last = []digest.Article{
		{Title: "City opens \u202ebridge", URL: "https://example.com/a/rather/long/address/of/an/article", PointsFrom: digest.PointsPage, Points: []string{"a", "b", "c"}, FirstSeen: h.State.Newest},
		{Title: "Harbour closes", URL: "https://example.com/b", PointsFrom: digest.PointsNone, FirstSeen: h.State.Newest.Add(-time.Hour)},
	}
	return h, now
}

func TestSourcesReadAsTheyShould(t *testing.T) {
	t.Parallel()
	list, now := fleet()
	one, _ := detailed()
	golden(t, "sources.jsonl", lines(t, Sources(list, now)))
	golden(t, "source.jsonl", lines(t, Sources([]SourceHealth{one}, now)))
	for name, look := range looks() {
		golden(t, "sources"+name+".txt", set(t, func(w io.Writer) error { return WriteSources(w, list, now, look) }))
		golden(t, "source"+name+".txt", set(t, func(w io.Writer) error { return WriteSource(w, one, now, look) }))
	}
	golden(t, "sources-none.txt", set(t, func(w io.Writer) error { return WriteSources(w, nil, now, Look{}) }))
}

func TestSourcesFitTheTerminalAndShowNothingRaw(t *testing.T) {
	t.Parallel()
	list, now := fleet()
	one, _ := detailed()
	for _, columns := range []int{24, 40, 61, 80, 110} {
		look := Look{Width: columns, Color: true}
		for _, b := range [][]byte{
			set(t, func(w io.Writer) error { return WriteSources(w, list, now, look) }), set(t, func(w io.Writer) error { return WriteSource(w, one, now, look) }),
		} {
			for line := range strings.Lines(ours.ReplaceAllString(string(b), "")) {
				if line = strings.TrimSuffix(line, "\n"); uniseg.StringWidth(line) > columns || strings.ContainsAny(line, "\x1b\u202e\r") {
					t.Errorf("%d columns: %q", columns, line)
				}
			}
		}
	}
}

func TestStatusTellsOfSourcesInTroubleOnly(t *testing.T) {
	t.Parallel()
	list, now := fleet()
	s := Situation{At: now}
	for _, h := range list {
		s.Sources = append(s.Sources, h.State)
	}
	text := string(set(t, func(w io.Writer) error { return WriteStatus(w, s, Look{}) }))
	want := "! 4 of 10 sources: Old Gazette is dead, Quiet Herald is silent, Flaky  [31mPost is failing, Vanished Times with a name that is far too long for a column is dead\n"
	if !strings.Contains(text, want) {
		t.Error(text)
	}
	if got := string(lines(t, Status(s))); strings.Count(got, `"kind":"source"`) != 4 || strings.Contains(got, "Military wire") {
		t.Error(got)
	}
	s.Sources = s.Sources[:1]
	if text := string(set(t, func(w io.Writer) error { return WriteStatus(w, s, Look{}) })); strings.Contains(text, "ources") {
		t.Error(text)
	}
}
