package store_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"courant/digest"
)

func (n *newsroom) why(address string) digest.Account {
	n.t.Helper()
	a, err := n.Why(n.t.Context(), hash(address), n.now.Add(-24*time.Hour), n.now.Add(24*time.Hour))
	if err != nil {
		n.t.Fatal(err)
	}
	return a
}

func TestWhyTellsWhatWasSentAndWhatWasLeftOut(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	id := n.subscribe("ann@example.org")[0]
	n.report(2)
	n.now = n.now.Add(time.Minute)
	e, err := n.Publish(t.Context(), digest.Order{
		Digest: n.digest, Kind: digest.KindExtra, Now: n.now, FirstWindow: n.now.Add(-24 * time.Hour), ConfigHash: "c", KeyID: 1,
	}, func(m digest.Material) (digest.Composition, error) {
		c, err := oneVariant(m)
		c.Variants[0].Stories, c.Variants[0].LeftOut = []int{0}, map[int]string{1: "over max_articles (1)"}
		return c, err
	})
	if err != nil {
		t.Fatal(err)
	}
	a := n.why("ann@example.org")
	if a.Reader.ID != id || a.Erased || len(a.Subscriptions) != 1 || len(a.Events) != 1 || a.Events[0].Kind != digest.EventImported {
		t.Errorf("account %+v", a)
	}
	if len(a.Entries) != 1 {
		t.Fatalf("entries %+v", a.Entries)
	}
	got := a.Entries[0]
	if got.Edition.ID != e.ID || got.Edition.Digest != "morning" || got.Edition.Number != 1 || got.State != digest.Queued || got.Reason != "" {
		t.Errorf("entry %+v", got)
	}
	if len(got.Stories) != 1 || len(got.LeftOut) != 1 || got.LeftOut[0].Reason != "over max_articles (1)" ||
		got.Stories[0].Title == got.LeftOut[0].Title || got.Stories[0].URL == "" || len(got.Stories[0].Points) != 2 {
		t.Errorf("told %+v, left out %+v", got.Stories, got.LeftOut)
	}
}

func TestWhyTellsWhyThereWasNoMail(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	n := newNewsroom(t)
	n.do(`SET TIME ZONE 'UTC'`)
	readers := []string{"cancelled@example.org", "bounced@example.org", "stays@example.org"}
	ids := n.subscribe(readers...)
	n.do(`UPDATE subscriptions SET since = $1`, n.now.Add(-time.Hour))
	first := n.publish()
	n.leave(digest.Ref{Edition: first, Reader: ids[0]}, digest.Leaving{At: n.now, How: "one-click"})
	bounce := hardBounce(digest.Ref{Edition: first, Reader: ids[1]}, "5.1.1")
	bounce.At = n.now
	if _, err := n.Report(ctx, bounce); err != nil {
		t.Fatal(err)
	}
	n.publish()
	n.subscribe("late@example.org")
	for address, want := range map[string][]string{
		readers[0]:         {"the reader left the digest (one-click)", "left morning on "},
		readers[1]:         {"the address gets no more mail: hard", "the address gets no mail since "},
		readers[2]:         {"", ""},
		"late@example.org": {"not subscribed yet: on the list readers since ", "not subscribed yet: on the list readers since "},
	} {
		a := n.why(address)
		if len(a.Entries) != 2 {
			t.Errorf("%s has %d entries", address, len(a.Entries))
			continue
		}
		for i, e := range a.Entries {
			if !strings.HasPrefix(e.Reason, want[i]) || want[i] == "" && e.Reason != "" && e.State != digest.Expired {
				t.Errorf("%s, edition %d: %q (%s), want %q", address, i+1, e.Reason, e.State, want[i])
			}
		}
	}
	_, err := n.Why(ctx, hash("nobody@example.org"), n.now, n.now)
	is(t, err, digest.ErrNotFound)
}

func TestWhyTellsOfThinVariantsAndHeldEditions(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	id := n.subscribe("ann@example.org")[0]
	held := n.publish()
	if _, err := n.MoveEdition(t.Context(), held, digest.EditionHeld, "the relay refuses the sender"); err != nil {
		t.Fatal(err)
	}
	if got := n.why("ann@example.org").Entries[0]; got.Reason != "the relay refuses the sender" || got.State != digest.Queued {
		t.Errorf("entry %+v", got)
	}
	n.do(`DELETE FROM deliveries WHERE reader_id = $1`, id)
	n.do(`UPDATE editions SET recorded = false`) // as before it was written down
	n.do(`UPDATE variants SET reason = 'below min_articles: 1 of 3'`)
	n.do(`UPDATE subscriptions SET since = $1`, n.now.Add(-time.Hour))
	if got := n.why("ann@example.org").Entries[0]; got.Reason != "below min_articles: 1 of 3" || got.State != "" || len(got.Stories) != 1 {
		t.Errorf("entry %+v", got)
	}
}

// Who got nothing because too little was left is told how little, also when
// choices, lists and the digest are others by then.
func TestWhyKnowsWhoWasBelowTheMinimumHoweverMuchChangedSince(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	ids := n.subscribe("all@example.org", "navy@example.org", "world@example.org", "weekly@example.org")
	n.do(`INSERT INTO choices (reader_id, digest, categories) VALUES ($1, 'morning', '{Military}'), ($2, 'morning', '{World}')`, ids[1], ids[2])
	n.do(`INSERT INTO choices (reader_id, digest, paused_until) VALUES ($1, 'morning', $2)`, ids[3], n.now.Add(48*time.Hour))
	n.do(`UPDATE subscriptions SET since = $1`, n.now.Add(-time.Hour))
	n.report(3)
	n.now = n.now.Add(time.Minute)
	o := digest.Order{Digest: n.digest, Kind: digest.KindExtra, Now: n.now, FirstWindow: n.now.Add(-24 * time.Hour), ConfigHash: "c", KeyID: 1}
	e, err := n.Publish(t.Context(), o, func(m digest.Material) (digest.Composition, error) {
		c, err := oneVariant(m)
		c.Variants = c.Variants[:1]
		c.Variants[0].Groups = nil
		for _, g := range m.Groups {
			d := c.Variants[0]
			d.Default, d.Signature, d.Categories, d.Groups = false, fmt.Sprint(g.Categories), g.Categories, []int64{g.Key}
			switch {
			case slices.Contains(g.Categories, "Military"):
				d.Reason = "below min_articles: 0 of 3"
			case slices.Contains(g.Categories, "World"):
				d.Reason = "below min_articles: 2 of 3"
			}
			c.Variants = append(c.Variants, d)
		}
		return c, err
	})
	if err != nil {
		t.Fatal(err)
	}
	n.wantTally(e.ID, "1 queued")
	n.leave(digest.Ref{Edition: e.ID, Reader: ids[3]}, digest.Leaving{At: n.now.Add(time.Hour), Weekly: true, How: "page"})
	n.do(`UPDATE choices SET categories = '{World}', frequency = 'weekly' WHERE reader_id = $1`, ids[1])
	n.do(`UPDATE choices SET categories = NULL WHERE reader_id = $1`, ids[2])
	n.do(`UPDATE choices SET paused_until = NULL WHERE reader_id = $1`, ids[3])
	for address, want := range map[string]string{
		"all@example.org": "", "navy@example.org": "below min_articles: 0 of 3", "world@example.org": "below min_articles: 2 of 3",
		"weekly@example.org": "paused until ",
	} {
		if got := n.why(address).Entries[0]; !strings.HasPrefix(got.Reason, want) || want == "" && got.Reason != "" {
			t.Errorf("%s: %q, want %q", address, got.Reason, want)
		}
	}
	if got := n.one(`SELECT count(*) FROM unserved`); got != "1" {
		t.Errorf("%s rows for two neighbours", got)
	}
	// Where another zone finds too little as well, the last word counts.
	n.do(`UPDATE unserved SET readers = readers || readers, variants = variants || ARRAY[variants[2], variants[1]]`)
	if got := n.why("navy@example.org").Entries[0]; got.Reason != "below min_articles: 2 of 3" {
		t.Errorf("it is not the last that counts: %q", got.Reason)
	}
}

func TestWhyTellsOfSkippedSlotsAndOtherListsNot(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	n.subscribe("ann@example.org")
	skipped := gapSlot
	skipped.Instant, skipped.State, skipped.Reason = n.now, digest.SlotSkipped, "below min_articles: 0 of 1"
	foreign := skipped
	foreign.Digest, foreign.Zone = "foreign", "UTC"
	for _, s := range []digest.Slot{skipped, foreign} {
		if err := n.OweSlots(t.Context(), s.Digest, []digest.Slot{s}, n.now); err != nil {
			t.Fatal(err)
		}
	}
	n.digest.Name, n.digest.Lists = "foreign", []string{"strangers"}
	n.publish()
	a := n.why("ann@example.org")
	if len(a.Entries) != 0 || len(a.Skipped) != 1 || a.Skipped[0].Digest != "morning" || a.Skipped[0].Reason != skipped.Reason {
		t.Errorf("entries %+v, skipped %+v", a.Entries, a.Skipped)
	}
}

func TestWhyOfAnErasedReaderTellsNoAddress(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	n.subscribe("ann@example.org")
	n.publish()
	if err := n.EraseReader(t.Context(), hash("ann@example.org"), n.now); err != nil {
		t.Fatal(err)
	}
	a := n.why("ann@example.org")
	if !a.Erased || a.Reader.Address != "" || a.Suppressed != "erased" || len(a.Entries) != 1 || a.Entries[0].State != digest.Cancelled {
		t.Errorf("account %+v", a)
	}
}

// again publishes what came in, tells the newest story, and leaves the stories
// of before out as already sent. Articles but the newest are folded into it.
func (n *newsroom) again() digest.EditionID {
	n.t.Helper()
	n.now = n.now.Add(time.Minute)
	e, err := n.Publish(n.t.Context(), digest.Order{
		Digest: n.digest, Kind: digest.KindExtra, Now: n.now, FirstWindow: n.now.Add(-24 * time.Hour), ConfigHash: "c", KeyID: 1,
	}, func(m digest.Material) (digest.Composition, error) {
		c, err := oneVariant(m)
		if len(c.Stories) > 1 {
			for _, f := range c.Stories[1:] {
				c.Stories[0].Articles = append(c.Stories[0].Articles, f.Articles...)
			}
			c.Stories, c.Variants[0].Stories = c.Stories[:1], []int{0}
		}
		c.Variants[0].LeftOut = map[int]string{}
		for _, s := range m.Sent {
			c.Variants[0].LeftOut[len(c.Stories)] = digest.AlreadySent
			c.Stories = append(c.Stories, digest.Fold{Told: digest.Told{Story: s.ID, Article: s.Articles[0].ID, Title: s.Articles[0].Title}})
		}
		return c, err
	})
	if err != nil {
		n.t.Fatal(err)
	}
	return e.ID
}

func TestWhyTellsWhereAStoryWasSentBefore(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	ids := n.subscribe("ann@example.org", "bob@example.org")
	first := n.publish()
	n.do(`UPDATE deliveries SET state = 'accepted', intent_at = clock_timestamp(), settled_at = clock_timestamp(), message_id = 'm' || reader_id WHERE reader_id = $1`, ids[0])
	n.do(`UPDATE deliveries SET state = 'refused', reply = '550 no', intent_at = clock_timestamp(), settled_at = clock_timestamp(), message_id = 'm' || reader_id WHERE reader_id = $1`, ids[1])
	n.report(1)
	n.again()
	// A later telling, however it came to be, is not what came before.
	later := n.publish()
	n.do(`INSERT INTO variant_stories (variant_id, story_id, position)
	      SELECT v.id, (SELECT min(story_id) FROM edition_stories WHERE edition_id = $1), 99 FROM variants v WHERE v.edition_id = $2`, first, later)
	day := n.one(`SELECT to_char(instant AT TIME ZONE zone, 'YYYY-MM-DD') FROM editions WHERE id = $1`, first)
	for address, want := range map[string]string{
		"ann@example.org": "already sent on " + day + " in Morning Brief no. 1",
		"bob@example.org": "already sent", // not to him
	} {
		left := n.why(address).Entries[1].LeftOut
		if len(left) != 1 || left[0].Reason != want {
			t.Errorf("%s is told %+v, want %q", address, left, want)
		}
	}
	if left := n.why("ann@example.org").Entries[0].LeftOut; len(left) != 0 {
		t.Errorf("the first edition left out %+v", left)
	}
}

func TestWhyTellsWhatWasFoldedIntoWhat(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	n.subscribe("ann@example.org")
	n.report(3)
	n.again()
	// What comes in later and joins the story was no candidate.
	n.now = n.now.Add(time.Minute)
	n.report(1)
	n.do(`INSERT INTO article_story (article_id, story_id) SELECT max(a.id), (SELECT min(id) FROM stories) FROM articles a`)
	e := n.why("ann@example.org").Entries[0]
	if len(e.Stories) != 1 || len(e.LeftOut) != 2 {
		t.Fatalf("told %+v, left out %+v", e.Stories, e.LeftOut)
	}
	for _, l := range e.LeftOut {
		if want := `folded into "` + e.Stories[0].Title + `" at wire`; l.Reason != want || l.Title == e.Stories[0].Title {
			t.Errorf("left out %+v, want %q", l, want)
		}
	}
}

func TestRateIsThatOfTheLastLargeEdition(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	if rate, err := n.RecentRate(t.Context()); err != nil || rate != 0 {
		t.Errorf("without editions it is %g, %v", rate, err)
	}
	n.multitude(200)
	large := n.publish()
	n.do(`UPDATE deliveries SET state = 'accepted', intent_at = clock_timestamp(), message_id = 'm' || reader_id, settled_at = clock_timestamp() + make_interval(secs => reader_id / 10.0)`)
	n.do(`UPDATE deliveries SET settled_at = settled_at + interval '1 hour' WHERE reader_id = (SELECT max(reader_id) FROM deliveries)`)
	n.do(`UPDATE editions SET state = 'done' WHERE id = $1`, large)
	if rate, err := n.RecentRate(t.Context()); err != nil || rate < 9 || rate > 11.5 {
		t.Errorf("200 mails, ten a second, are %g/s, %v", rate, err)
	}
}

func TestWhyTellsWhenTheReadersOwnZoneOpenedTheEdition(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	n.digest.TimeZone, n.digest.HomeZone = digest.ZoneReader, "Europe/Berlin"
	for i, zone := range []string{"Asia/Tokyo", "Europe/Berlin"} {
		n.subscribe(fmt.Sprintf("reader%d@example.org", i))
		n.do(`UPDATE readers SET time_zone = $1 WHERE email = $2`, zone, fmt.Sprintf("reader%d@example.org", i))
	}
	for i, zone := range []string{"Asia/Tokyo", "Europe/Berlin"} {
		slot := n.slot(5, zone)
		n.answer(slot)
		a, err := n.Why(t.Context(), hash(fmt.Sprintf("reader%d@example.org", i)), slot.Instant.Add(-48*time.Hour), slot.Instant.Add(48*time.Hour))
		if err != nil || len(a.Entries) != 1 {
			t.Fatalf("%s: %+v, %v", zone, a.Entries, err)
		}
		if e := a.Entries[0].Edition; e.Number != 1 || e.Zone != zone || !e.Instant.Equal(slot.Instant) {
			t.Errorf("a reader in %s is told of %+v", zone, e)
		}
	}
}
