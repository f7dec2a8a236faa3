package explain

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"courant/digest"
)

// press is a compose that tells each new article as a story, two at most.
func press(m digest.Material) (digest.Composition, error) {
	c := digest.Composition{Variants: []digest.Draft{{Default: true}, {Groups: []int64{1}, LeftOut: map[int]string{}}}}
	d := &c.Variants[1]
	for _, a := range m.Candidates {
		f := digest.Fold{Told: digest.Told{Article: a.ID, Title: a.Title, Source: a.Source, Category: a.Category}, Articles: []digest.ArticleID{a.ID}}
		for _, s := range m.Sent {
			if s.Articles[0].Title == a.Title {
				f.Told.Story = s.ID
			}
		}
		i := len(c.Stories)
		c.Stories = append(c.Stories, f)
		switch {
		case f.Told.Story != 0 && slices.Contains(m.Groups[0].Had, f.Told.Story):
			d.LeftOut[i] = "already sent"
		case len(d.Stories) == 2:
			d.LeftOut[i] = "over max_articles (2)"
		default:
			d.Stories = append(d.Stories, i)
		}
	}
	if len(d.Stories) < m.Digest.MinArticles {
		d.Reason, d.Stories = fmt.Sprintf("below min_articles: %d of %d", len(d.Stories), m.Digest.MinArticles), nil
	}
	return c, nil
}

func replays(d digest.Digest, days ...string) (list []Replayed) {
	for _, day := range days {
		at := instant(day + "T06:00:00Z")
		s := digest.Slot{Digest: d.Name, Key: day, Zone: "Europe/Berlin", Instant: at, State: digest.SlotOwed}
		list = append(list, Replayed{Digest: d, Slot: s, FirstWindow: at.Add(-24 * time.Hour)})
	}
	return list
}

func came(id digest.ArticleID, at, title, source, category string) digest.Article {
	return digest.Article{ID: id, FirstSeen: instant(at), Title: title, Source: source, Category: category}
}

// aWeek has a quiet day, a day the config leaves out, and a story that comes
// again.
func aWeek() ([]Replayed, []digest.Article) {
	d := digest.Digest{Name: "morning", Title: "Morning Brief", Categories: []string{"Military", "World"}, Lists: []string{"readers"}, MinArticles: 1}
	slots := replays(d, "2026-10-23", "2026-10-24", "2026-10-25", "2026-10-26", "2026-10-27")
	slots[3].Slot.State, slots[3].Slot.Reason = digest.SlotSkipped, "skip: 2026-10-26 in the config"
	return slots, []digest.Article{
		came(1, "2026-10-22T05:00:00Z", "Older than the first window", "Navy wire", "Military"),
		came(2, "2026-10-22T06:00:01Z", "Fleet leaves harbour", "Navy wire", "Military"),
		came(3, "2026-10-23T06:00:00Z", "Vote in Geneva", "World wire", "World"),
		came(4, "2026-10-24T07:00:00Z", "Cup final", "World wire", "Sport"),
		came(5, "2026-10-24T07:00:00Z", "Fleet leaves harbour", "Coast paper", "Military"),
		came(6, "2026-10-24T08:00:00Z", "Lighthouse for sale", "Coast paper", "World"),
		came(7, "2026-10-24T09:00:00Z", "Talks go on", "World wire", "World"),
		came(8, "2026-10-24T10:00:00Z", "Talks end", "World wire", "World"),
		came(9, "2026-10-26T09:00:00Z", "Königswahl in Köln", "World wire", "World"),
	}
}

func TestSimulationReplaysWhatCameIn(t *testing.T) {
	t.Parallel()
	slots, articles := aWeek()
	list, err := Simulate(slots, articles, nil, press)
	if err != nil {
		t.Fatal(err)
	}
	list[0].From, list[0].To = instant("2026-10-22T12:00:00Z"), instant("2026-10-27T12:00:00Z")
	golden(t, "simulate.json", lines(t, list))
	for name, look := range looks() {
		golden(t, "simulate"+name+".txt", set(t, func(w io.Writer) error { return WriteSimulation(w, list, look) }))
	}
}

func TestSimulatedStoryComesOnceToReadersOfAList(t *testing.T) {
	t.Parallel()
	morning := digest.Digest{Name: "morning", Lists: []string{"readers"}, MinArticles: 1}
	for _, c := range []struct {
		lists []string
		state string
	}{{[]string{"staff", "readers"}, "skipped"}, {[]string{"staff"}, "published"}} {
		noon := digest.Digest{Name: "noon", Lists: c.lists, MinArticles: 1}
		slots := append(replays(morning, "2026-10-24"), replays(noon, "2026-10-24")...)
		slots[1].Slot.Instant = slots[0].Slot.Instant.Add(6 * time.Hour)
		list, err := Simulate(slots, []digest.Article{came(1, "2026-10-24T05:00:00Z", "Fleet leaves harbour", "Navy wire", "")}, nil, press)
		if err != nil || list[1].Slots[0].State != c.state {
			t.Errorf("%v: %+v, %v", c.lists, list[1].Slots, err)
		}
	}
}

func TestArticlesOfASkippedSlotWaitInASimulation(t *testing.T) {
	t.Parallel()
	d := digest.Digest{Name: "morning", Lists: []string{"readers"}, MinArticles: 2}
	slots := replays(d, "2026-10-23", "2026-10-24", "2026-10-25")
	list, err := Simulate(slots, []digest.Article{
		came(1, "2026-10-22T09:00:00Z", "One", "Wire", ""), came(2, "2026-10-22T10:00:00Z", "Two", "Wire", ""),
		came(3, "2026-10-23T09:00:00Z", "Three", "Wire", ""), came(4, "2026-10-24T09:00:00Z", "Four", "Wire", ""),
	}, nil, press)
	if err != nil {
		t.Fatal(err)
	}
	if s := list[0].Slots; s[1].State != "skipped" || s[2].Stories != 2 || s[2].Edition != 2 || s[2].Candidates != 2 {
		t.Errorf("%+v", s)
	}
}

func TestSimulationNamesTheSlotThatCannotBeComposed(t *testing.T) {
	t.Parallel()
	slots, articles := aWeek()
	broken := errors.New("broken")
	_, err := Simulate(slots, articles, nil, func(digest.Material) (digest.Composition, error) { return digest.Composition{}, broken })
	if !errors.Is(err, broken) || !strings.Contains(err.Error(), "2026-10-23 of morning") {
		t.Errorf("error %v", err)
	}
}

func TestMarksCountInASimulationAsLongAsTheyDid(t *testing.T) {
	t.Parallel()
	d := digest.Digest{Name: "morning", Categories: []string{"World"}, Lists: []string{"readers"}, MinArticles: 1}
	slots := replays(d, "2026-10-23", "2026-10-24", "2026-10-25", "2026-10-29")
	articles := []digest.Article{
		came(1, "2026-10-20T06:00:00Z", "Old", "Wire", "World"), came(2, "2026-10-20T07:00:00Z", "Old Sport", "Wire", "Sport"),
		came(3, "2026-10-22T07:00:00Z", "Three", "Wire", "World"), came(4, "2026-10-23T07:00:00Z", "Four", "Wire", "World"),
		came(5, "2026-10-24T07:00:00Z", "Five", "Wire", "World"), came(6, "2026-10-28T07:00:00Z", "Six", "Wire", "World"),
	}
	at := instant("2026-10-23T12:00:00Z")
	marks := []digest.Mark{
		{Kind: digest.MarkPin, Article: 1, At: at, Until: instant("2026-10-24T12:00:00Z")},
		{Kind: digest.MarkPin, Article: 2, At: at, Until: instant("2026-11-24T12:00:00Z")},
		{Kind: digest.MarkPin, Article: 2, Digest: "morning", At: at, Ended: instant("2026-10-24T12:00:00Z")},
		{Kind: digest.MarkPin, Article: 6, Digest: "evening", At: at},
		{Kind: digest.MarkPin, Article: 6, At: at, Until: instant("2026-11-24T12:00:00Z")}, // not yet there
		{Kind: digest.MarkDrop, Article: 3, At: at},
		{Kind: digest.MarkDrop, Article: 99, At: at}, // older than the replay
	}
	var told []string
	_, err := Simulate(slots, articles, marks, func(m digest.Material) (digest.Composition, error) {
		line := m.Edition.Slot
		for _, c := range m.Candidates {
			line += fmt.Sprint(" ", c.ID)
		}
		line += fmt.Sprintf(", %d marks", len(m.Marks))
		for _, s := range m.Dropped {
			line += fmt.Sprintf(", dropped %d of story %d", s.Articles[0].ID, s.ID)
		}
		told = append(told, line)
		return press(m)
	})
	want := []string{
		"2026-10-23 3, 0 marks",
		"2026-10-24 4 1 2, 6 marks, dropped 3 of story 1",
		"2026-10-25 5, 4 marks, dropped 3 of story 1",
		"2026-10-29 6, 4 marks",
	}
	if err != nil || !slices.Equal(told, want) {
		t.Errorf("composed from\n%s\nwant\n%s, %v", strings.Join(told, "\n"), strings.Join(want, "\n"), err)
	}
}
