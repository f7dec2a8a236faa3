package store_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"courant/digest"
)

// owing gives each group what is new, and the corrections it is owed.
func owing(m digest.Material) (digest.Composition, error) {
	c := digest.Composition{Variants: []digest.Draft{{Signature: "home", Reason: "nobody", Language: "en", Zone: m.Edition.Zone, Default: true}}}
	for _, a := range m.Candidates {
		if a.Story == 0 {
			c.Stories = append(c.Stories, digest.Fold{Told: digest.Told{Article: a.ID, URL: a.URL, Title: a.Title, Source: a.Source}, Articles: []digest.ArticleID{a.ID}})
		}
	}
	for _, g := range m.Groups {
		d := digest.Draft{Signature: fmt.Sprint(g.Key), Groups: []int64{g.Key}, Language: "en", Zone: m.Edition.Zone}
		for i := range c.Stories {
			d.Stories = append(d.Stories, i)
		}
		for _, known := range m.Corrections {
			for _, id := range g.Owed {
				if id == known.ID {
					d.Corrections = append(d.Corrections, known)
				}
			}
		}
		c.Variants = append(c.Variants, d)
	}
	return c, nil
}

// issue publishes an edition with one new article and has every delivery of
// it accepted.
func (n *newsroom) issue() digest.EditionID {
	n.t.Helper()
	n.report(1)
	n.now = n.now.Add(time.Minute)
	e, err := n.Publish(n.t.Context(), digest.Order{
		Digest: n.digest, Kind: digest.KindExtra, Now: n.now, FirstWindow: n.now.Add(-24 * time.Hour), ConfigHash: "c", KeyID: 1,
	}, owing)
	if err != nil {
		n.t.Fatal(err)
	}
	n.do(`UPDATE editions SET state = 'sending' WHERE id = $1 AND state = 'open'`, e.ID)
	n.do(`UPDATE deliveries SET state = 'accepted', attempts = 1, intent_at = now(), settled_at = now(), message_id = reader_id || '@' || edition_id,
		not_before = NULL WHERE edition_id = $1`, e.ID)
	return e.ID
}

// corrected is what the mail of a reader corrects.
func (n *newsroom) corrected(e digest.EditionID, r digest.ReaderID) string {
	n.t.Helper()
	_, v, err := n.Delivered(n.t.Context(), digest.Ref{Edition: e, Reader: r})
	if err != nil {
		n.t.Fatal(err)
	}
	s := ""
	for _, c := range v.Corrections {
		s += c.Title + " " + c.URL + ": " + c.Text
	}
	return s
}

func TestCorrectionIsOwedOnceToThoseWhoHadTheStory(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	ada := n.subscribe("ada@example.org")[0]
	n.issue() // Story 1
	later := n.subscribe("bo@example.org")[0]
	n.do(`UPDATE subscriptions SET since = $1 WHERE reader_id = $2`, n.now.Add(30*time.Second), int64(later))
	n.now = n.now.Add(time.Minute)
	c, readers, err := n.Correct(t.Context(), "https://EXAMPLE.com/story-1?utm_source=x", "It was two, not one.", n.now)
	if err != nil || readers.Readers != 1 || c.Title != "Story 1" || c.ID == 0 {
		t.Fatalf("%+v, %+v, %v", c, readers, err)
	}
	next := n.issue()
	if got, want := n.corrected(next, ada), "Story 1 https://example.com/story-1: It was two, not one."; got != want {
		t.Errorf("who had the story gets %q, want %q", got, want)
	}
	if got := n.corrected(next, later); got != "" {
		t.Errorf("who never had the story gets %q", got)
	}
	if got := n.corrected(n.issue(), ada); got != "" {
		t.Errorf("the correction comes twice: %q", got)
	}
}

// A proof shows the corrections that its reader's edition would show, and takes
// none of them away.
func TestProofShowsTheCorrectionsOwedToItsReader(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	ada := n.subscribe("ada@example.org")[0]
	first := n.issue() // Story 1
	bo := n.subscribe("bo@example.org")[0]
	n.now = n.now.Add(time.Minute)
	if _, _, err := n.Correct(t.Context(), "https://example.com/story-1", "It was two.", n.now); err != nil {
		t.Fatal(err)
	}
	n.report(1)
	n.now = n.now.Add(time.Minute)
	prove := func(address string) digest.Edition {
		t.Helper()
		var material digest.Material
		e, err := n.Publish(t.Context(), digest.Order{Digest: n.digest, Kind: digest.KindProof, Address: address, Now: n.now, FirstWindow: n.now.Add(-24 * time.Hour)},
			func(m digest.Material) (digest.Composition, error) { material = m; return owing(m) })
		if err != nil {
			t.Fatal(err)
		}
		if len(material.Groups) != 1 || len(material.Groups[0].Had) != 0 {
			t.Errorf("a proof leaves out what its reader had: %+v", material.Groups)
		}
		n.do(`UPDATE deliveries SET state = 'accepted', attempts = 1, intent_at = now(), settled_at = now(), message_id = 'm', not_before = NULL WHERE edition_id = $1`, e.ID)
		return e
	}
	for range 2 {
		if got, want := n.corrected(prove("ada@example.org").ID, ada), "Story 1 https://example.com/story-1: It was two."; got != want {
			t.Errorf("the proof corrects %q, want %q", got, want)
		}
	}
	if got := n.corrected(prove("bo@example.org").ID, bo); got != "" {
		t.Errorf("who never had the story gets %q", got)
	}
	next := n.issue()
	if got := n.corrected(next, ada); got == "" {
		t.Error("the proof took the correction away")
	}
	if got := n.corrected(prove("ada@example.org").ID, ada); got != "" {
		t.Errorf("a proof corrects what edition %d after %d did: %q", next, first, got)
	}
}

func TestCorrectionStaysOwedWhereNoMailCame(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	ada := n.subscribe("ada@example.org")[0]
	n.issue()
	n.now = n.now.Add(time.Minute)
	if _, _, err := n.Correct(t.Context(), "https://example.com/story-1", "It was two.", n.now); err != nil {
		t.Fatal(err)
	}
	refused := n.issue()
	n.do(`UPDATE deliveries SET state = 'refused', reply = 'no', intent_at = NULL, message_id = NULL WHERE edition_id = $1`, refused)
	if got := n.corrected(n.issue(), ada); got == "" {
		t.Error("a refused mail counts as told")
	}
}

// TestNobodyIsOwedACorrectionForWhatMayNeverCome publishes a second digest while
// the mail with the error waits still.
func TestNobodyIsOwedACorrectionForWhatMayNeverCome(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	ada := n.subscribe("ada@example.org")[0]
	first := n.issue()
	n.do(`UPDATE deliveries SET state = 'queued', attempts = 0, settled_at = NULL, intent_at = NULL, message_id = NULL WHERE edition_id = $1`, first)
	n.now = n.now.Add(time.Minute)
	if _, _, err := n.Correct(t.Context(), "https://example.com/story-1", "It was two.", n.now); err != nil {
		t.Fatal(err)
	}
	n.digest.Name = "evening"
	if got := n.corrected(n.issue(), ada); got != "" {
		t.Errorf("who never had the story gets %q", got)
	}
	n.do(`UPDATE deliveries SET state = 'accepted', attempts = 1, intent_at = now(), settled_at = now(), message_id = 'm', not_before = NULL WHERE edition_id = $1`, first)
	if got := n.corrected(n.issue(), ada); got == "" {
		t.Error("who had it after all gets nothing")
	}
}

func TestCorrectionOfWhatNoEditionToldIsNotFound(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	n.subscribe("ada@example.org")
	n.report(1)
	_, _, err := n.Correct(t.Context(), "https://example.com/story-1", "It was two.", n.now)
	if !errors.Is(err, digest.ErrNotFound) {
		t.Error(err)
	}
	n.issue()
	if _, _, err := n.Correct(t.Context(), "https://example.com/story-1", "a\nb", n.now.Add(time.Hour)); err == nil {
		t.Error("a correction of two lines was written")
	}
}

func TestStoryThatNoVariantToldIsNotCorrected(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	n.subscribe("ada@example.org")
	n.issue() // Story 1
	// As for one that came after the last place of every variant.
	n.do(`DELETE FROM variant_stories`)
	if c, _, err := n.Correct(t.Context(), "https://example.com/story-1", "It was two, not one.", n.now); !errors.Is(err, digest.ErrNotFound) {
		t.Errorf("%+v, %v", c, err)
	}
}

// toldBy publishes an edition of a digest to a list that tells one event by one
// of the articles that are out, and ends it with the states given.
func (n *newsroom) toldBy(name, list string, shown int, states ...digest.DeliveryState) digest.EditionID {
	n.t.Helper()
	n.now = n.now.Add(time.Minute)
	d := n.digest
	d.Name, d.Lists = name, []string{list}
	e, err := n.Publish(n.t.Context(), digest.Order{Digest: d, Kind: digest.KindExtra, Now: n.now, FirstWindow: n.now.Add(-24 * time.Hour)},
		func(m digest.Material) (c digest.Composition, err error) {
			f := digest.Fold{}
			for _, a := range m.Candidates {
				f.Articles, f.Told.Story = append(f.Articles, a.ID), max(f.Told.Story, a.Story)
				if int(a.ID) == shown {
					f.Told.Article, f.Told.URL, f.Told.Title, f.Told.Source = a.ID, a.URL, a.Title, a.Source
				} else {
					f.Told.Also = append(f.Told.Also, digest.Also{Source: a.Source, URL: a.URL})
				}
			}
			c.Stories = []digest.Fold{f}
			v := digest.Draft{Signature: "all", Language: "en", Zone: m.Edition.Zone, Default: true, Stories: []int{0}}
			for _, g := range m.Groups {
				v.Groups = append(v.Groups, g.Key)
			}
			c.Variants = []digest.Draft{v}
			return c, nil
		})
	if err != nil {
		n.t.Fatal(err)
	}
	n.do(`UPDATE editions SET state = 'sending' WHERE id = $1`, e.ID)
	for i, state := range states {
		n.do(`UPDATE deliveries SET state = $2, attempts = 1, settled_at = now(), not_before = NULL,
			intent_at = CASE WHEN $2 <> 'refused' THEN now() END, message_id = CASE WHEN $2 <> 'refused' THEN 'm' END, reply = 'r'
			WHERE edition_id = $1 AND reader_id = (SELECT reader_id FROM deliveries WHERE edition_id = $1 ORDER BY reader_id OFFSET $3 LIMIT 1)`, e.ID, string(state), i)
	}
	return e.ID
}

// TestCorrectionReachesWhoWasToldByTheArticleThatWasWrong has two digests tell
// one event by two sources, of which one is wrong.
func TestCorrectionReachesWhoWasToldByTheArticleThatWasWrong(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	n.digest.Lists = []string{"evening"}
	ada := n.subscribe("ada@example.org")[0]
	n.do(`UPDATE subscriptions SET list = 'morning'`)
	bo := n.subscribe("bo@example.org")[0]
	n.do(`UPDATE subscriptions SET list = 'evening' WHERE reader_id = $1`, int64(bo))
	n.report(2)
	n.toldBy("morning", "morning", 1, digest.Accepted)
	n.now = n.now.Add(time.Minute)
	c, _, err := n.Correct(t.Context(), "https://example.com/story-2", "Only the second said so.", n.now)
	if !errors.Is(err, digest.ErrNotFound) || c.URL != "https://example.com/story-1" {
		t.Errorf("the article was only linked to: %+v, %v", c, err)
	}
	n.toldBy("evening", "evening", 2, digest.Accepted)
	n.now = n.now.Add(time.Minute)
	c, reach, err := n.Correct(t.Context(), "https://example.com/story-2", "Only the second said so.", n.now)
	if err != nil || reach != (digest.Reach{Readers: 1}) || c.Title != "Story 2" {
		t.Fatalf("%+v, %+v, %v", c, reach, err)
	}
	n.toldBy("evening", "evening", 1, digest.Refused) // told last by the other one
	n.digest.Name, n.digest.Lists = "noon", []string{"morning", "evening"}
	next := n.issue()
	if got := n.corrected(next, ada); got != "" {
		t.Errorf("who was told by the other article gets %q", got)
	}
	if got, want := n.corrected(next, bo), "Story 2 https://example.com/story-2: Only the second said so."; got != want {
		t.Errorf("who was told by the wrong article gets %q, want %q", got, want)
	}
}

// TestCorrectionSaidTwiceIsOneCorrection repeats one, as after a terminal was
// lost, while mails with the error wait still.
func TestCorrectionSaidTwiceIsOneCorrection(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	n.subscribe("ada@example.org", "bo@example.org", "cy@example.org")
	n.report(1)
	n.toldBy("morning", "readers", 1, digest.Accepted)
	n.now = n.now.Add(time.Minute)
	for i := range 2 {
		_, reach, err := n.Correct(t.Context(), "https://example.com/story-1", "It was two.", n.now.Add(time.Duration(i)*time.Minute))
		if want := (digest.Reach{Readers: 1, Waiting: 2, Again: i == 1}); err != nil || reach != want {
			t.Errorf("%+v, want %+v, %v", reach, want, err)
		}
	}
	if got := n.one(`SELECT count(*) FROM corrections`); got != "1" {
		t.Errorf("there are %s corrections", got)
	}
	if _, reach, err := n.Correct(t.Context(), "https://example.com/story-1", "It was three.", n.now); err != nil || reach.Again {
		t.Errorf("other words are not said: %+v, %v", reach, err)
	}
}
