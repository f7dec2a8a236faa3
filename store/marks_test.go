package store_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"courant/digest"
)

// considered is what an edition of the digest would be decided from, now.
func (n *newsroom) considered() digest.Material {
	n.t.Helper()
	m, err := n.Material(n.t.Context(), digest.Order{
		Digest: n.digest, Kind: digest.KindExtra, Now: n.now, FirstWindow: n.now.Add(-24 * time.Hour), ConfigHash: "c", KeyID: 1,
	})
	if err != nil {
		n.t.Fatal(err)
	}
	return m
}

func marksOf(m digest.Material) string {
	var words []string
	for _, mark := range m.Marks {
		words = append(words, fmt.Sprintf("%s %d", mark.Kind, mark.Article))
	}
	return strings.Join(words, ", ")
}

func candidatesOf(m digest.Material) string {
	var words []string
	for _, c := range m.Candidates {
		words = append(words, fmt.Sprint(c.ID))
	}
	return strings.Join(words, " ")
}

func (n *newsroom) mark(id digest.ArticleID, m digest.Mark) {
	n.t.Helper()
	m.By, m.At = "ann", n.now
	if m.Kind == digest.MarkPin && m.Until.IsZero() {
		m.Until = n.now.Add(time.Hour)
	}
	if _, err := n.Mark(n.t.Context(), id, "", m); err != nil {
		n.t.Fatal(err)
	}
}

func TestMarksHoldForTheirDigestAndTheirTime(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	n.report(5)
	n.mark(1, digest.Mark{Kind: digest.MarkPin})
	n.mark(2, digest.Mark{Kind: digest.MarkPin, Digest: "morning"})
	n.mark(3, digest.Mark{Kind: digest.MarkPin, Digest: "evening"})
	n.mark(4, digest.Mark{Kind: digest.MarkDrop})
	n.mark(5, digest.Mark{Kind: digest.MarkDrop, Digest: "evening"})
	if got := marksOf(n.considered()); got != "pin 1, pin 2, drop 4" {
		t.Errorf("in force are %s", got)
	}
	n.now = n.now.Add(time.Hour)
	if got := marksOf(n.considered()); got != "drop 4" {
		t.Errorf("after the pins' time there are %s", got)
	}
	// A slot ahead is judged as of its own moment.
	n.mark(1, digest.Mark{Kind: digest.MarkPin})
	slot := digest.Slot{Digest: "morning", Key: "k", LocalTime: n.now, Zone: "Europe/Berlin", Instant: n.now.Add(2 * time.Hour), LocalDate: digest.DateOf(n.now)}
	m, err := n.Material(t.Context(), digest.Order{Digest: n.digest, Kind: digest.KindSlot, Slot: slot, Now: n.now, FirstWindow: n.now.Add(-time.Hour), ConfigHash: "c", KeyID: 1})
	if got := marksOf(m); err != nil || got != "drop 4" {
		t.Errorf("two hours ahead there are %s, %v", got, err)
	}
}

func TestPinBringsWhatIsOlderThanTheWindow(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	n.report(3)
	n.do(`UPDATE articles SET first_seen = first_seen - interval '30 days' WHERE id IN (1, 2)`)
	n.do(`UPDATE articles SET category = 'Sport', categories = '{Sport}' WHERE id = 2`)
	if got := candidatesOf(n.considered()); got != "3" {
		t.Fatalf("candidates are %s", got)
	}
	if m := n.considered(); m.Older != 1 {
		t.Errorf("%d are counted as too old", m.Older)
	}
	n.mark(1, digest.Mark{Kind: digest.MarkPin})
	n.mark(2, digest.Mark{Kind: digest.MarkPin})
	n.mark(3, digest.Mark{Kind: digest.MarkPin})
	if m := n.considered(); candidatesOf(m) != "3 1" || m.Older != 0 {
		t.Errorf("with pins for every digest candidates are %s, %d too old", candidatesOf(m), m.Older)
	}
	// By name the digest is told why it has no place for it.
	n.mark(2, digest.Mark{Kind: digest.MarkPin, Digest: "morning"})
	if m := n.considered(); candidatesOf(m) != "3 1 2" {
		t.Errorf("with a pin for the digest by name candidates are %s", candidatesOf(m))
	}
	n.do(`UPDATE articles SET withdrawn = now() WHERE id = 1`)
	if m := n.considered(); candidatesOf(m) != "3 2" {
		t.Errorf("one that was taken back is a candidate: %s", candidatesOf(m))
	}
}

// However old it is: a pin brings nobody what he had.
func TestReadersPastIsKnownOfAnOldPinnedStory(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	n.subscribe("ann@example.org")
	e := n.publish()
	lane := n.lane()
	n.accept(lane, n.claim(lane, e)[0].Ref)
	n.do(`UPDATE articles SET first_seen = first_seen - interval '60 days'`)
	n.do(`UPDATE editions SET published = published - interval '60 days', instant = instant - interval '60 days'`)
	n.mark(1, digest.Mark{Kind: digest.MarkPin})
	m := n.considered()
	if len(m.Candidates) != 1 || len(m.Groups) != 1 || len(m.Groups[0].Had) != 1 || m.Groups[0].Had[0] != m.Candidates[0].Story {
		t.Errorf("%+v of %s", m.Groups, candidatesOf(m))
	}
}

func TestDroppedStoryIsThereForLaterTellings(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	n.report(2)
	n.mark(1, digest.Mark{Kind: digest.MarkDrop})
	m := n.considered()
	if len(m.Dropped) != 1 || m.Dropped[0].ID != 0 || m.Dropped[0].Articles[0].ID != 1 {
		t.Errorf("dropped is %+v", m.Dropped)
	}
	n.tellAll(digest.KindExtra)
	m = n.considered()
	if len(m.Candidates) != 0 || len(m.Dropped) != 1 || m.Dropped[0].ID == 0 || m.Marks[0].Story != m.Dropped[0].ID {
		t.Errorf("after an edition dropped is %+v of %+v", m.Dropped, m.Marks)
	}
	n.now = n.now.Add(73 * time.Hour)
	if m = n.considered(); len(m.Dropped) != 0 || len(m.Marks) != 1 {
		t.Errorf("three days later dropped is %+v of %+v", m.Dropped, m.Marks)
	}
}

func TestMarksKeepWhoDidWhatAndWhen(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	n.report(1)
	pin := digest.Mark{Kind: digest.MarkPin, By: "ann", At: n.now, Until: n.now.Add(time.Hour)}
	if marked, err := n.Mark(t.Context(), 0, "https://example.com/story-1", pin); err != nil || len(marked) != 1 || marked[0].Title != "Story 1" {
		t.Fatalf("%+v, %v", marked, err)
	}
	n.mark(1, digest.Mark{Kind: digest.MarkPin, Digest: "morning"})
	again := digest.Mark{Kind: digest.MarkPin, By: "bob", At: n.now.Add(time.Minute), Until: n.now.Add(2 * time.Hour)}
	if _, err := n.Mark(t.Context(), 1, "", again); err != nil {
		t.Fatal(err)
	}
	// For the digest only, then all.
	ended, left, err := n.Unmark(t.Context(), 1, "", digest.Mark{Kind: digest.MarkPin, Digest: "morning", By: "cyn", At: n.now})
	if err != nil || ended != 1 || len(left) != 1 || left[0].By != "bob" {
		t.Errorf("%d, %+v, %v", ended, left, err)
	}
	ended, left, err = n.Unmark(t.Context(), 1, "", digest.Mark{Kind: digest.MarkPin, By: "dan", At: n.now})
	if err != nil || ended != 1 || len(left) != 0 {
		t.Errorf("%d, %+v, %v", ended, left, err)
	}
	if ended, _, err = n.Unmark(t.Context(), 1, "", digest.Mark{Kind: digest.MarkPin, By: "dan", At: n.now}); err != nil || ended != 0 {
		t.Errorf("taken back twice: %d, %v", ended, err)
	}
	records, err := n.ArticleRecords(t.Context(), 1, "")
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	for _, m := range records[0].Marks {
		told = append(told, fmt.Sprintf("%s %q by %s, ended by %s %t", m.Kind, m.Digest, m.By, m.EndedBy, m.Ended.IsZero()))
	}
	want := `pin "" by bob, ended by dan false; pin "morning" by ann, ended by cyn false; pin "" by ann, ended by bob false`
	if got := strings.Join(told, "; "); got != want {
		t.Errorf("kept is %s\nwant %s", got, want)
	}
	if m := n.considered(); len(m.Marks) != 0 {
		t.Errorf("in force are %s", marksOf(m))
	}
}

func TestDropWinsOverAPin(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	n.report(1)
	n.mark(1, digest.Mark{Kind: digest.MarkDrop, Digest: "morning"})
	pin := digest.Mark{Kind: digest.MarkPin, Digest: "morning", By: "ann", At: n.now, Until: n.now.Add(time.Hour)}
	if _, err := n.Mark(t.Context(), 1, "", pin); !errors.Is(err, digest.ErrDropped) {
		t.Errorf("%v", err)
	}
	pin.Digest = "evening"
	if _, err := n.Mark(t.Context(), 1, "", pin); err != nil {
		t.Error(err)
	}
	if _, err := n.Mark(t.Context(), 9, "", pin); !errors.Is(err, digest.ErrNotFound) {
		t.Errorf("of an article that nobody knows: %v", err)
	}
}

func TestNewsChangeWithMarks(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	n.report(1)
	look := func() string {
		mark, err := n.NewsMark(t.Context(), "morning", n.now.Add(-time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		return mark
	}
	first := look()
	n.mark(1, digest.Mark{Kind: digest.MarkDrop})
	second := look()
	if _, _, err := n.Unmark(t.Context(), 1, "", digest.Mark{Kind: digest.MarkDrop, By: "ann", At: n.now}); err != nil {
		t.Fatal(err)
	}
	if third := look(); first == second || second == third {
		t.Errorf("%q, %q, %q", first, second, third)
	}
}
