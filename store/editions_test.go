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

// slot is a due moment of the newsroom's digest, on a day of January 2026.
func (n *newsroom) slot(day int, zone string) digest.Slot {
	n.t.Helper()
	loc, err := time.LoadLocation(zone)
	if err != nil {
		n.t.Fatal(err)
	}
	wall := time.Date(2026, 1, day, 7, 0, 0, 0, time.UTC)
	instant := time.Date(2026, 1, day, 7, 0, 0, 0, loc)
	return digest.Slot{
		Digest: n.digest.Name, Key: digest.SlotKey(n.digest, wall, instant, loc), LocalTime: wall, Zone: zone, Instant: instant,
		LocalDate: digest.DateOf(wall), Daily: true,
	}
}

// order asks for the edition that answers a slot.
func (n *newsroom) order(slot digest.Slot) digest.Order {
	return digest.Order{
		Digest: n.digest, Kind: digest.KindSlot, Slot: slot, Now: slot.Instant.Add(time.Second),
		FirstWindow: slot.Instant.Add(-48 * time.Hour), ConfigHash: "c", KeyID: 1,
	}
}

// answer publishes the edition of a slot with one new article, and lets it go.
func (n *newsroom) answer(slot digest.Slot) digest.Edition {
	n.t.Helper()
	n.now = slot.Instant
	n.report(1)
	// The readers came long before January.
	n.do(`UPDATE subscriptions SET since = '2025-12-01'`)
	e, err := n.Publish(n.t.Context(), n.order(slot), publishNew)
	if err != nil {
		n.t.Fatal(err)
	}
	n.do(`UPDATE editions SET state = 'sending' WHERE id = $1 AND state = 'open'`, e.ID)
	return e
}

// publishNew gives each group what it has not had: a variant a group, none
// where nothing is left.
func publishNew(m digest.Material) (digest.Composition, error) {
	var c digest.Composition
	for _, a := range m.Candidates {
		c.Stories = append(c.Stories, digest.Fold{
			Told:     digest.Told{Story: a.Story, Article: a.ID, URL: a.URL, Title: a.Title, Source: a.Source},
			Articles: []digest.ArticleID{a.ID},
		})
	}
	for i, g := range m.Groups {
		v := digest.Draft{
			Signature: fmt.Sprintf("%s %v %v %s", g.Zone, g.Categories, g.Had, g.Since), Groups: []int64{g.Key}, Language: "en", Zone: g.Zone,
			Categories: g.Categories, Default: i == 0, LeftOut: map[int]string{},
		}
		for at, a := range m.Candidates {
			switch {
			case slices.Contains(g.Had, a.Story) && a.Story != 0:
				v.LeftOut[at] = "the reader had it"
			case a.FirstSeen.After(g.Since):
				v.Stories = append(v.Stories, at)
			}
		}
		if len(v.Stories) == 0 {
			v.Reason = "nothing new"
		}
		c.Variants = append(c.Variants, v)
	}
	return c, nil
}

// tells lists the titles a reader's delivery of an edition tells; "-" without
// one.
func (n *newsroom) tells(e digest.EditionID, r digest.ReaderID) string {
	n.t.Helper()
	return n.one(`
		SELECT COALESCE((SELECT string_agg(es.told ->> 'title', ', ' ORDER BY vs.position)
		FROM deliveries d
		JOIN variant_stories vs ON vs.variant_id = d.variant_id
		JOIN edition_stories es ON es.edition_id = d.edition_id AND es.story_id = vs.story_id
		WHERE d.edition_id = $1 AND d.reader_id = $2), '-')`, e, r)
}

func TestPublishingMakesEditionVariantsAndLedgerAtOnce(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	ids := n.subscribe("ann@example.org", "bob@example.org")
	slot := n.slot(5, "Europe/Berlin")
	e := n.answer(slot)
	if e.Number != 1 || e.State != digest.EditionOpen || e.Slot != slot.Key || !e.Instant.Equal(slot.Instant) || e.Zone != "Europe/Berlin" {
		t.Errorf("edition %+v", e)
	}
	n.wantTally(e.ID, "2 queued")
	for _, id := range ids {
		if got := n.tells(e.ID, id); got != "Story 1" {
			t.Errorf("reader %d is told %s", id, got)
		}
	}
	if got := n.one(`SELECT state || ' ' || edition_id FROM slots`); got != fmt.Sprintf("published %d", e.ID) {
		t.Errorf("the slot is %s", got)
	}
	if again, err := n.Publish(t.Context(), n.order(slot), publishNew); err != nil || again.ID != e.ID {
		t.Errorf("a second time: edition %d, %v; want %d", again.ID, err, e.ID)
	}
	n.wantTally(e.ID, "2 queued")
}

func TestManyProcessesReachASlotTogether(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	n.subscribe("ann@example.org", "bob@example.org", "cy@example.org")
	slot := n.slot(5, "Europe/Berlin")
	n.now = slot.Instant
	n.report(1)
	var wg sync.WaitGroup
	ids := make([]digest.EditionID, 16)
	for i := range ids {
		wg.Go(func() {
			e, err := n.Publish(t.Context(), n.order(slot), publishNew)
			if err != nil {
				t.Error(err)
			}
			ids[i] = e.ID
		})
	}
	wg.Wait()
	if slices.Sort(ids); ids[0] != ids[15] || ids[0] == 0 {
		t.Errorf("editions %v", ids)
	}
	if got := n.one(`SELECT count(*) || ' ' || (SELECT count(*) FROM editions) || ' ' || (SELECT count(*) FROM stories) FROM deliveries`); got != "3 1 1" {
		t.Errorf("deliveries, editions, stories: %s", got)
	}
}

func TestDigestThatFiresDailyHasOneEditionADay(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	n.subscribe("ann@example.org")
	slot := n.slot(5, "Europe/Berlin")
	e := n.answer(slot)
	// The editors move the digest to another hour and zone, the same day.
	moved := n.slot(5, "Asia/Tokyo")
	moved.Key, moved.Instant = "2026-01-05T19:00+09:00", moved.Instant.Add(12*time.Hour)
	if again, err := n.Publish(t.Context(), n.order(moved), publishNew); err != nil || again.ID != e.ID {
		t.Errorf("edition %d, %v; want %d", again.ID, err, e.ID)
	}
	_, err := n.db.Exec(`INSERT INTO editions (digest, title, kind, number, slot, local_date, daily, instant, zone, language, lists, categories,
		window_from, window_to, subject, cadence, state, config_hash, key_id, published)
		SELECT digest, title, kind, number + 1, 'another', local_date, daily, instant, zone, language, lists, categories,
		window_from, window_to, subject, cadence, state, config_hash, key_id, published FROM editions`)
	if err == nil || !strings.Contains(err.Error(), "editions_daily") {
		t.Errorf("a second edition of the day was written: %v", err)
	}
}

func TestEmptySlotIsSkippedAndExpiresNothing(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	n.subscribe("ann@example.org")
	first := n.answer(n.slot(5, "Europe/Berlin"))
	next := n.slot(6, "Europe/Berlin")
	if err := n.OweSlots(t.Context(), n.digest.Name, []digest.Slot{next}, next.Instant); err != nil {
		t.Fatal(err)
	}
	nothing := func(m digest.Material) (digest.Composition, error) {
		return digest.Composition{Variants: []digest.Draft{{Signature: "all", Default: true, Reason: "below min_articles: 0 of 1"}}}, nil
	}
	e, err := n.Publish(t.Context(), n.order(next), nothing)
	if err != nil || e.ID != 0 || !strings.Contains(e.HeldReason, "min_articles") {
		t.Fatalf("edition %+v, %v", e, err)
	}
	n.wantTally(first.ID, "1 queued")
	if got := n.one(`SELECT state || ': ' || reason FROM slots WHERE slot = $1`, next.Key); got != "skipped: below min_articles: 0 of 1" {
		t.Errorf("the slot is %s", got)
	}
	if got := n.one(`SELECT count(*) FROM variants WHERE expires_at <= clock_timestamp() AND edition_id = $1 AND $2 < clock_timestamp()`, first.ID, first.Instant.Add(24*time.Hour)); got != "1" {
		t.Log("the first edition's time is over by itself")
	}
	// What was skipped is not answered later.
	if e, err := n.Publish(t.Context(), n.order(next), publishNew); err != nil || e.ID != 0 {
		t.Errorf("a skipped slot was answered: %+v, %v", e, err)
	}
}

func TestNextEditionExpiresWhatTheLastStillQueues(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	ids := n.subscribe("queued@example.org", "claimed@example.org", "doubt@example.org", "deferred@example.org", "proof@example.org")
	first := n.answer(n.slot(5, "Europe/Berlin"))
	n.do(`UPDATE deliveries SET state = 'claimed', lane = 1, fence = 1, seq = 1 WHERE reader_id = $1`, ids[1])
	n.do(`UPDATE deliveries SET state = 'in doubt', settled_at = now(), intent_at = now(), message_id = 'm' WHERE reader_id = $1`, ids[2])
	n.do(`UPDATE deliveries SET attempts = 1, not_before = now(), reply = '451' WHERE reader_id = $1`, ids[3])
	proof, err := n.Publish(t.Context(), digest.Order{Digest: n.digest, Kind: digest.KindProof, Address: "proof@example.org", Now: n.now}, oneVariant)
	if err != nil {
		t.Fatal(err)
	}
	n.digest.Name = "evening"
	other := n.answer(n.slot(5, "Europe/Berlin"))
	n.digest.Name = "morning"
	second := n.answer(n.slot(6, "Europe/Berlin"))
	n.wantTally(first.ID, "1 claimed, 1 in doubt, 3 expired")
	n.wantTally(proof.ID, "1 queued")
	n.wantTally(other.ID, "5 queued")
	if got := n.one(`SELECT bool_and(v.expires_at <= clock_timestamp()) FROM variants v WHERE edition_id = $1`, first.ID); got != "true" {
		t.Error("a claim that comes back would wait again")
	}
	// Who was not sent the first edition gets its story now, the others not.
	for i, want := range []string{"Story 3, Story 1", "Story 3", "Story 3", "Story 3, Story 1", "Story 3, Story 1"} {
		if got := n.tells(second.ID, ids[i]); got != want {
			t.Errorf("reader %d is told %s, want %s", i, got, want)
		}
	}
}

// TestWhatCountsAsHad sets the state of a first delivery, and looks whether
// another digest tells the story once more.
func TestWhatCountsAsHad(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	n.digest.Lists = []string{"readers"}
	var addresses []string
	for _, state := range digest.DeliveryStates() {
		addresses = append(addresses, strings.ReplaceAll(string(state), " ", "-")+"@example.org")
	}
	addresses = append(addresses, "resent@example.org")
	ids := n.subscribe(addresses...)
	first := n.answer(n.slot(5, "Europe/Berlin"))
	for i, state := range digest.DeliveryStates() {
		n.do(`UPDATE deliveries SET state = $2, settled_at = now(), intent_at = now(), message_id = 'm', reply = 'r',
		      lane = CASE WHEN $2 IN ('claimed', 'sending') THEN 1 END, fence = CASE WHEN $2 IN ('claimed', 'sending') THEN 1 END,
		      seq = CASE WHEN $2 IN ('claimed', 'sending') THEN 1 END WHERE reader_id = $1`, ids[i], string(state))
	}
	n.do(`UPDATE deliveries SET state = 'expired', settled_at = now(), resends = 1 WHERE reader_id = $1`, ids[len(ids)-1])
	same := n.answer(n.slot(6, "Europe/Berlin"))
	for i, state := range digest.DeliveryStates() {
		if got := !strings.Contains(n.tells(same.ID, ids[i]), "Story 1"); got != state.Had() {
			t.Errorf("the same digest: %s counts as had: %v, the law says %v", state, got, state.Had())
		}
	}
	if got := n.tells(same.ID, ids[len(ids)-1]); got != "Story 2" {
		t.Errorf("one that was in doubt and never sent again is told %s: the first copy may have come", got)
	}
	n.do(`DELETE FROM deliveries WHERE edition_id = $1`, same.ID)
	n.do(`UPDATE deliveries SET state = 'queued', settled_at = NULL WHERE edition_id = $1 AND reader_id = $2`, first.ID, ids[0])
	n.do(`UPDATE editions SET state = 'sending' WHERE id = $1`, first.ID)
	n.digest.Name = "evening"
	other := n.answer(n.slot(5, "Europe/Berlin"))
	for i, state := range digest.DeliveryStates() {
		// What another digest has queued and will send counts: two digests due
		// in one minute must not both tell it.
		want := state.Had() || state == digest.Queued
		if got := !strings.Contains(n.tells(other.ID, ids[i]), "Story 1"); got != want {
			t.Errorf("another digest: %s counts as had: %v, want %v", state, got, want)
		}
	}
	n.do(`DELETE FROM deliveries WHERE edition_id = $1`, other.ID)
	n.do(`UPDATE editions SET state = 'abandoned' WHERE id = $1`, first.ID)
	n.digest.Name = "noon"
	if got := n.tells(n.answer(n.slot(5, "Europe/Berlin")).ID, ids[0]); !strings.Contains(got, "Story 1") {
		t.Errorf("an abandoned edition's queue counts as had: %s", got)
	}
}

// TestWhoMissedTheEditionOfAMonthGetsItsStoriesWithTheNext holds for digests
// whose last edition lies further back than ten days.
func TestWhoMissedTheEditionOfAMonthGetsItsStoriesWithTheNext(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	ids := n.subscribe("missed@example.org", "had@example.org")
	first := n.answer(n.slot(1, "Europe/Berlin"))
	n.do(`UPDATE deliveries SET state = CASE WHEN reader_id = $2 THEN 'refused' ELSE 'accepted' END, reply = 'r', settled_at = now(), intent_at = now(), message_id = 'm'
		WHERE edition_id = $1`, first.ID, ids[0])
	second := n.answer(n.slot(29, "Europe/Berlin"))
	for i, want := range []string{"Story 2, Story 1", "Story 2"} {
		if got := n.tells(second.ID, ids[i]); got != want {
			t.Errorf("reader %d is told %s, want %s", i, got, want)
		}
	}
}

// TestAddressToldLongAgoIsNoNewsOfASecondSource brings a piece again when folding
// by its text has ended.
func TestAddressToldLongAgoIsNoNewsOfASecondSource(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	n.subscribe("ann@example.org")
	first := n.answer(n.slot(1, "Europe/Berlin"))
	n.do(`UPDATE editions SET published = instant`)
	slot := n.slot(20, "Europe/Berlin")
	again := article(1, slot.Instant.Add(-time.Hour))
	again.Source, again.GUID = "other", "another"
	src := digest.Source{Name: "other", Kind: digest.SourceFeed, URL: "https://example.com/other.xml"}
	if err := n.SyncSources(t.Context(), []digest.Source{src}); err != nil {
		t.Fatal(err)
	}
	if _, err := n.SavePoll(t.Context(), digest.SourceState{Source: src}, []digest.Article{again}); err != nil {
		t.Fatal(err)
	}
	m, err := n.Material(t.Context(), n.order(slot))
	if err != nil {
		t.Fatal(err)
	}
	if len(m.Sent) != 1 || len(m.Sent[0].Articles) != 1 || m.Sent[0].Articles[0].Canonical != again.Canonical {
		t.Errorf("the story of edition %d is not among what was told: %+v", first.ID, m.Sent)
	}
}

func TestTwoDigestsOfOneMinuteDoNotTellTheSameStory(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	ids := n.subscribe("ann@example.org")
	slot := n.slot(5, "Europe/Berlin")
	n.now = slot.Instant
	n.report(1)
	var wg sync.WaitGroup
	for i := range 4 {
		d := n.digest
		d.Name = fmt.Sprintf("digest%d", i)
		o := n.order(slot)
		o.Digest, o.Slot.Digest = d, d.Name
		wg.Go(func() {
			if _, err := n.Publish(t.Context(), o, publishNew); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got := n.one(`SELECT count(*) FROM deliveries WHERE reader_id = $1`, ids[0]); got != "1" {
		t.Errorf("%s digests carry the one story", got)
	}
}

func TestAudience(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change string // $1 is the reader; 6 January 2026 is a Tuesday
		want   bool
	}{
		"everyone":                      {`SELECT $1::bigint`, true},
		"left":                          {`INSERT INTO choices (reader_id, digest, left_at) VALUES ($1, 'morning', now())`, false},
		"left another digest":           {`INSERT INTO choices (reader_id, digest, left_at) VALUES ($1, 'evening', now())`, true},
		"paused":                        {`INSERT INTO choices (reader_id, digest, paused_until) VALUES ($1, 'morning', '2026-01-07')`, false},
		"pause over":                    {`INSERT INTO choices (reader_id, digest, paused_until) VALUES ($1, 'morning', '2026-01-05')`, true},
		"suppressed":                    {`INSERT INTO suppressions (email_hash, reason) SELECT email_hash, 'hard' FROM readers WHERE id = $1`, false},
		"suppression over":              {`INSERT INTO suppressions (email_hash, reason, until) SELECT email_hash, 'soft', '2026-01-05' FROM readers WHERE id = $1`, true},
		"erased":                        {`UPDATE readers SET email = NULL, erased_at = now() WHERE id = $1`, false},
		"pending":                       {`UPDATE subscriptions SET state = 'pending' WHERE reader_id = $1`, false},
		"unsubscribed":                  {`UPDATE subscriptions SET state = 'unsubscribed', ended_at = now() WHERE reader_id = $1`, false},
		"daily, had it today":           {`WITH c AS (INSERT INTO choices (reader_id, digest, frequency) VALUES ($1, 'morning', 'daily')) UPDATE editions SET local_date = '2026-01-06', kind = 'extra'`, false},
		"daily, had it yesterday":       {`INSERT INTO choices (reader_id, digest, frequency) VALUES ($1, 'morning', 'daily')`, true},
		"weekly, day not come":          {`INSERT INTO choices (reader_id, digest, frequency, weekday) VALUES ($1, 'morning', 'weekly', 3)`, false},
		"weekly, today":                 {`INSERT INTO choices (reader_id, digest, frequency, weekday) VALUES ($1, 'morning', 'weekly', 2)`, true},
		"weekly, was due, not had":      {`WITH c AS (INSERT INTO choices (reader_id, digest, frequency, weekday) VALUES ($1, 'morning', 'weekly', 1)) UPDATE editions SET local_date = '2026-01-04'`, true},
		"weekly, was due and had":       {`INSERT INTO choices (reader_id, digest, frequency, weekday) VALUES ($1, 'morning', 'weekly', 1)`, false},
		"weekly without a day, had":     {`INSERT INTO choices (reader_id, digest, frequency) VALUES ($1, 'morning', 'weekly')`, false},
		"weekly without a day, week on": {`WITH c AS (INSERT INTO choices (reader_id, digest, frequency) VALUES ($1, 'morning', 'weekly')) UPDATE editions SET local_date = '2025-12-30'`, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := newNewsroom(t)
			ids := n.subscribe("ann@example.org", "other@example.org")
			first := n.answer(n.slot(5, "Europe/Berlin")) // a Monday
			n.do(`UPDATE deliveries SET state = 'accepted', settled_at = now(), intent_at = now(), message_id = 'm' WHERE edition_id = $1`, first.ID)
			n.do(`UPDATE editions SET daily = false`)
			n.do(c.change, ids[0])
			e := n.answer(n.slot(6, "Europe/Berlin"))
			if got := n.tells(e.ID, ids[0]) != "-"; got != c.want {
				t.Errorf("in the audience: %v, want %v", got, c.want)
			}
			if n.tells(e.ID, ids[1]) == "-" {
				t.Error("the other reader is missing")
			}
		})
	}
}

func TestCategoriesMakeGroups(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	ids := n.subscribe("ann@example.org", "bob@example.org", "cy@example.org")
	n.do(`INSERT INTO choices (reader_id, digest, categories) VALUES ($1, 'morning', '{World}')`, ids[2])
	var groups []digest.Group
	n.now = n.slot(5, "Europe/Berlin").Instant
	n.report(1)
	_, err := n.Publish(t.Context(), n.order(n.slot(5, "Europe/Berlin")), func(m digest.Material) (digest.Composition, error) {
		groups = m.Groups
		return publishNew(m)
	})
	if err != nil || len(groups) != 2 {
		t.Fatalf("groups %+v, %v", groups, err)
	}
	slices.SortFunc(groups, func(a, b digest.Group) int { return len(a.Categories) - len(b.Categories) })
	if groups[0].Readers != 2 || groups[0].Categories != nil || groups[1].Readers != 1 || !slices.Equal(groups[1].Categories, []string{"World"}) {
		t.Errorf("groups %+v", groups)
	}
}

func TestWindowBeginsWhereTheReadersOwnLastEditionEnded(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	readers := n.subscribe("ada@example.org", "bob@example.org")
	arrive := func(e digest.EditionID, r digest.ReaderID) {
		n.do(`UPDATE deliveries SET state = 'accepted', attempts = 1, intent_at = now(), settled_at = now(), message_id = 'x' WHERE edition_id = $1 AND reader_id = $2`, e, r)
	}
	first := n.publish()
	ended := n.now
	arrive(first, readers[0])
	arrive(first, readers[1])
	second := n.publish() // which only ada got
	arrive(second, readers[0])
	both := n.now
	n.now = n.now.Add(time.Minute)
	groups := func(newest time.Time) (got []string) {
		t.Helper()
		m, err := n.Material(t.Context(), digest.Order{
			Digest: n.digest, Kind: digest.KindExtra, Now: n.now, FirstWindow: n.now.Add(-24 * time.Hour), ConfigHash: "c", KeyID: 1,
			Known: func(digest.Material) []digest.Known {
				return []digest.Known{{ID: 1, Newest: newest}, {ID: 2, Newest: newest}}
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range m.Groups {
			got = append(got, fmt.Sprint(g.Since.Sub(ended), g.Had, g.Readers))
		}
		slices.Sort(got)
		return got
	}
	// Both stories are told again now: each has had what came.
	if got, want := groups(n.now), []string{"0s [1] 1", both.Sub(ended).String() + " [1 2] 1"}; !slices.Equal(got, want) {
		t.Errorf("groups are %q, want %q", got, want)
	}
	// Told again before the second ended, they matter to bob alone.
	if got, want := groups(both), []string{"0s [1] 1", both.Sub(ended).String() + " [] 1"}; !slices.Equal(got, want) {
		t.Errorf("groups are %q, want %q", got, want)
	}
}

// A group's readers are kept in an array, and there is one array for each 16
// million of readers' ids.
func TestReadersOfAlikeChoicesShareAVariantHoweverManyThereAre(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	first := n.subscribe("ada@example.org")[0]
	n.do(`ALTER TABLE readers ALTER id RESTART WITH 20000000`)
	late := n.subscribe("bob@example.org", "cy@example.org")
	e := n.publish()
	for _, r := range append(late, first) {
		n.wantState(e, r, digest.Queued)
	}
	if variants := n.one(`SELECT count(DISTINCT variant_id)::text FROM deliveries WHERE edition_id = $1`, e); variants != "1" {
		t.Errorf("%s variants for one choice", variants)
	}
	if order := n.one(`SELECT string_agg(reader_id::text, ' ' ORDER BY ctid) FROM deliveries WHERE edition_id = $1`, e); order != fmt.Sprint(first, " ", late[0], " ", late[1]) {
		t.Errorf("the ledger's rows are not in the order of a claim: %s", order)
	}
}

func TestSeveralListsOfOneDigestMakeOneDelivery(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	ids := n.subscribe("ann@example.org")
	if _, err := n.AddReader(t.Context(), "friends", nil, row(1, "ann@example.org"), "by hand"); err != nil {
		t.Fatal(err)
	}
	n.digest.Lists = []string{"readers", "friends"}
	e := n.answer(n.slot(5, "Europe/Berlin"))
	n.wantTally(e.ID, "1 queued")
	// Off one list, the other still brings it.
	n.do(`UPDATE subscriptions SET state = 'unsubscribed', ended_at = now() WHERE list = 'readers'`)
	if n.tells(n.answer(n.slot(6, "Europe/Berlin")).ID, ids[0]) == "-" {
		t.Error("the reader is missing")
	}
}

func TestEachZoneJoinsTheEditionAtItsOwnHour(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	n.digest.TimeZone, n.digest.HomeZone = digest.ZoneReader, "Europe/Berlin"
	ids := n.subscribe("tokyo@example.org", "berlin@example.org", "nowhere@example.org", "moves@example.org", "york@example.org")
	zones := []string{"Asia/Tokyo", "Europe/Berlin", "", "Asia/Tokyo", "America/New_York"}
	for i, z := range zones {
		n.do(`UPDATE readers SET time_zone = $2 WHERE id = $1`, ids[i], z)
	}
	east := n.answer(n.slot(5, "Asia/Tokyo"))
	n.wantTally(east.ID, "2 queued")
	lane := n.lane()
	n.claim(lane, east.ID)
	for _, i := range []int{0, 3} {
		n.accept(lane, digest.Ref{Edition: east.ID, Reader: ids[i]})
	}
	n.do(`UPDATE readers SET time_zone = 'America/New_York' WHERE id = $1`, ids[3])
	// Nothing is left to do: the edition is done when the next zone comes.
	if got, err := n.FinishEditions(t.Context(), false); err != nil || len(got) != 1 {
		t.Fatalf("finished %v, %v", got, err)
	}
	home := n.answer(n.slot(5, "Europe/Berlin"))
	if home.ID != east.ID {
		t.Fatalf("Berlin made edition %d of its own, beside %d", home.ID, east.ID)
	}
	if got := n.one(`SELECT state FROM editions`); got != "sending" {
		t.Errorf("the edition is %s", got)
	}
	n.wantTally(east.ID, "2 queued, 2 accepted")
	if work, err := n.ClaimDue(t.Context(), lane, 0, 10); err != nil || len(work) != 2 {
		t.Errorf("the later zone's rows are not found: %d, %v", len(work), err)
	}
	n.do(`UPDATE editions SET state = 'held', held_reason = 'hm'`)
	n.answer(n.slot(5, "America/New_York"))
	if got := n.one(`SELECT state FROM editions`); got != "held" {
		t.Errorf("the next zone made a held edition %s", got)
	}
	n.wantTally(east.ID, "1 queued, 2 claimed, 2 accepted")
	if got := n.one(`SELECT count(*) FROM editions`); got != "1" {
		t.Errorf("%s editions", got)
	}
	// The next day's first zone ends what its own readers still wait for, no more.
	n.do(`UPDATE editions SET state = 'sending', held_reason = ''`)
	next := n.answer(n.slot(6, "Asia/Tokyo"))
	if next.ID == east.ID {
		t.Fatal("the next day has no edition of its own")
	}
	n.wantTally(east.ID, "1 queued, 2 claimed, 2 accepted")
}

func TestProofTouchesNothingElse(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	ids := n.subscribe("ann@example.org")
	n.now = n.slot(5, "Europe/Berlin").Instant
	n.report(1)
	order := digest.Order{Digest: n.digest, Kind: digest.KindProof, Address: "ann@example.org", Now: n.now, FirstWindow: n.now.Add(-time.Hour)}
	var slots []string
	for range 3 {
		e, err := n.Publish(t.Context(), order, publishNew)
		if err != nil || e.Number != 0 {
			t.Fatalf("proof %+v, %v", e, err)
		}
		n.wantTally(e.ID, "1 queued")
		slots = append(slots, e.Slot)
		n.do(`UPDATE deliveries SET state = 'accepted', settled_at = now(), intent_at = now(), message_id = 'm' WHERE edition_id = $1`, e.ID)
	}
	if slices.Sort(slots); len(slices.Compact(slots)) != 3 {
		t.Errorf("proofs share a slot: %v", slots)
	}
	e := n.answer(n.slot(6, "Europe/Berlin"))
	if e.Number != 1 {
		t.Errorf("the first edition is number %d", e.Number)
	}
	if got := n.tells(e.ID, ids[0]); got != "Story 2, Story 1" {
		t.Errorf("after the proofs the reader is told %s", got)
	}
}

// TestCrashInMidPublicationLeavesNothing kills the server's side of the
// connection at the first row of each table that publishing writes.
func TestCrashInMidPublicationLeavesNothing(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	n.subscribe("ann@example.org", "bob@example.org")
	first := n.answer(n.slot(5, "Europe/Berlin"))
	slot := n.slot(6, "Europe/Berlin")
	if err := n.OweSlots(t.Context(), n.digest.Name, []digest.Slot{slot}, slot.Instant); err != nil {
		t.Fatal(err)
	}
	n.now = slot.Instant
	n.report(1)
	n.do(`CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$`)
	const all = `
		SELECT concat_ws(' ', (SELECT count(*) FROM editions), (SELECT count(*) FROM stories), (SELECT count(*) FROM article_story),
		       (SELECT count(*) FROM edition_stories), (SELECT count(*) FROM variants), (SELECT count(*) FROM variant_stories),
		       (SELECT count(*) FROM deliveries), (SELECT string_agg(state, ',' ORDER BY state) FROM deliveries),
		       (SELECT string_agg(state, ',' ORDER BY id) FROM slots), (SELECT max(expires_at) FROM variants))`
	before := n.one(all)
	for _, table := range []string{"editions", "stories", "article_story", "edition_stories", "variants", "variant_stories", "variant_left_out", "deliveries", "slots"} {
		n.do(`CREATE TRIGGER die BEFORE INSERT OR UPDATE ON ` + table + ` FOR EACH STATEMENT EXECUTE FUNCTION die()`)
		if _, err := n.Publish(t.Context(), n.order(slot), publishNew); err == nil {
			t.Errorf("published through a crash at %s", table)
		}
		n.do(`DROP TRIGGER die ON ` + table)
		if after := n.one(all); after != before {
			t.Errorf("a crash at %s left %s, want %s", table, after, before)
		}
	}
	if _, err := n.Publish(t.Context(), n.order(slot), func(digest.Material) (digest.Composition, error) {
		return digest.Composition{}, errors.New("cannot compose")
	}); err == nil || n.one(all) != before {
		t.Errorf("a composition that failed left %s, %v", n.one(all), err)
	}
	e, err := n.Publish(t.Context(), n.order(slot), publishNew)
	if err != nil {
		t.Fatal(err)
	}
	n.wantTally(e.ID, "2 queued")
	n.wantTally(first.ID, "2 expired")
}

func TestPublishersMakePartitionsTogether(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	n.subscribe("ann@example.org")
	n.do(`ALTER TABLE editions ALTER COLUMN id RESTART WITH 60`)
	var wg sync.WaitGroup
	for i := range 12 {
		d := n.digest
		d.Name = fmt.Sprintf("digest%d", i)
		wg.Go(func() {
			o := digest.Order{Digest: d, Kind: digest.KindExtra, Now: n.now, FirstWindow: n.now.Add(-time.Hour)}
			e, err := n.Publish(t.Context(), o, oneVariant)
			if err != nil || e.ID < 60 {
				t.Errorf("edition %d, %v", e.ID, err)
			}
		})
	}
	wg.Wait()
	if got := n.one(`SELECT string_agg(inhrelid::regclass::text, ' ' ORDER BY inhrelid::regclass::text) FROM pg_inherits WHERE inhparent = 'deliveries'::regclass`); got != "deliveries_0 deliveries_64" {
		t.Errorf("partitions %s", got)
	}
	if got := n.one(`SELECT count(*) FROM deliveries`); got != "12" {
		t.Errorf("%s deliveries", got)
	}
}

func TestPlanSeesWhatPublishSeesAndChangesNothing(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	n.subscribe("ann@example.org")
	slot := n.slot(5, "Europe/Berlin")
	n.now = slot.Instant
	n.report(2)
	planned, err := n.Material(t.Context(), n.order(slot))
	if err != nil {
		t.Fatal(err)
	}
	if got := n.one(`SELECT (SELECT count(*) FROM editions) + (SELECT count(*) FROM slots) + (SELECT count(*) FROM stories)`); got != "0" {
		t.Errorf("planning wrote %s rows", got)
	}
	_, err = n.Publish(t.Context(), n.order(slot), func(m digest.Material) (digest.Composition, error) {
		if len(m.Candidates) != 2 || len(planned.Candidates) != 2 || m.Edition.Number != planned.Edition.Number || len(m.Groups) != len(planned.Groups) {
			t.Errorf("published from %+v, planned from %+v", m, planned)
		}
		return publishNew(m)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestArticlesThatCameInTooOldAreCounted(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	n.subscribe("ann@example.org")
	order := func() digest.Order {
		return digest.Order{Digest: n.digest, Kind: digest.KindExtra, Now: n.now, FirstWindow: n.now.Add(-24 * time.Hour)}
	}
	// A source that is polled for the first time brings what it has.
	old := func(count int) {
		n.sync(wire)
		for range count {
			n.told++
			a := article(n.told, n.now.Add(-48*time.Hour))
			a.Published = a.FirstSeen
			n.save(digest.SourceState{Source: wire}, a)
		}
	}
	want := func(older, candidates int) {
		t.Helper()
		m, err := n.Material(t.Context(), order())
		if err != nil || m.Older != older || len(m.Candidates) != candidates {
			t.Errorf("%d articles too old and %d to tell, %v; want %d and %d", m.Older, len(m.Candidates), err, older, candidates)
		}
	}
	old(3)
	want(3, 0)
	n.digest.Categories = []string{"World"}
	want(0, 0)
	n.digest.Categories = []string{"World", "Military"}
	n.publish()
	n.now = n.now.Add(time.Hour)
	want(0, 0) // what came in before the last edition is no news any more
	old(2)
	n.report(1)
	want(2, 1)
	n.do(`WITH s AS (INSERT INTO stories DEFAULT VALUES RETURNING id)
		INSERT INTO article_story (article_id, story_id) SELECT (SELECT id FROM articles ORDER BY id DESC LIMIT 1 OFFSET 1), id FROM s`)
	want(1, 1) // another digest has told it
}

func TestMaterialForOneReaderIsThatReadersGroup(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	ids := n.subscribe("ann@example.org", "bob@example.org", "cem@example.org")
	n.do(`INSERT INTO choices (reader_id, digest, categories) VALUES ($1, 'morning', '{Military}')`, ids[1])
	n.do(`INSERT INTO choices (reader_id, digest, left_at) VALUES ($1, 'morning', now() - interval '1 day')`, ids[2])
	e := n.publish() // ann and bob have had its story
	n.do(`UPDATE deliveries SET state = 'accepted', settled_at = now(), intent_at = now(), message_id = 'm' WHERE edition_id = $1`, e)
	n.report(2)
	n.now = n.now.Add(time.Hour)
	o := digest.Order{Digest: n.digest, Kind: digest.KindExtra, Now: n.now, FirstWindow: n.now.Add(-24 * time.Hour)}
	all, err := n.Material(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if len(all.Groups) != 2 {
		t.Fatalf("groups %+v", all.Groups)
	}
	for i, want := range []int{1, 1, 0} {
		m, err := n.MaterialFor(t.Context(), o, ids[i])
		if err != nil {
			t.Fatal(err)
		}
		if len(m.Groups) != want || len(m.Candidates) != len(all.Candidates) || len(m.Sent) != len(all.Sent) {
			t.Fatalf("reader %d: %+v", i, m)
		}
		if want == 0 {
			continue
		}
		same := slices.IndexFunc(all.Groups, func(g digest.Group) bool { return (g.Categories != nil) == (i == 1) })
		g, whole := m.Groups[0], all.Groups[same]
		if g.Readers != 1 || !slices.Equal(g.Categories, whole.Categories) || !slices.Equal(g.Had, whole.Had) || len(g.Had) != 1 || !g.Since.Equal(whole.Since) {
			t.Errorf("reader %d: %+v, of all: %+v", i, g, whole)
		}
	}
}

func TestRenewedMaterialHasTheNewsAndTheSameGroups(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	n.subscribe("ann@example.org")
	n.report(1)
	o := digest.Order{Digest: n.digest, Kind: digest.KindExtra, Now: n.now, FirstWindow: n.now.Add(-time.Hour)}
	m, err := n.Material(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	n.report(2)
	n.subscribe("bob@example.org")
	again, err := n.Renew(t.Context(), o, m)
	if err != nil {
		t.Fatal(err)
	}
	if len(m.Candidates) != 1 || len(again.Candidates) != 3 || len(again.Groups) != 1 || again.Groups[0].Readers != 1 || again.Edition.Number != m.Edition.Number {
		t.Errorf("first %+v, then %+v", m, again)
	}
}

func TestTheMarkOfTheNewsChangesWithWhateverAnEditionWouldTell(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	n.subscribe("ann@example.org")
	n.report(2)
	since, marks := n.now.Add(-time.Hour), map[string]string{}
	mark := func(what string) string {
		t.Helper()
		m, err := n.NewsMark(t.Context(), n.digest.Name, since)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	for _, c := range []struct {
		what string
		do   func()
	}{
		{"the start", func() {}},
		{"an article that came in", func() { n.report(1) }},
		{"a corrected article", func() { n.do(`UPDATE articles SET title = 'Corrected' WHERE id = (SELECT min(id) FROM articles)`) }},
		{"a published edition", func() { n.publish() }},
		// Of which only the kind matters: this one no longer moves the window.
		{"an edition less", func() { n.do(`UPDATE editions SET kind = 'proof', number = NULL`) }},
	} {
		c.do()
		m := mark(c.what)
		if before, same := marks[m]; same {
			t.Errorf("the mark after %s is that after %s", c.what, before)
		}
		if again := mark(c.what); again != m {
			t.Errorf("after %s nothing changed, and the mark is another", c.what)
		}
		marks[m] = c.what
	}
}

func TestWhoIsPausedIsAskedOfTheEditionsMoment(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	ids := n.subscribe("ann@example.org", "bob@example.org")
	slot := n.slot(5, "Europe/Berlin")
	o := n.order(slot)
	o.Now = slot.Instant.Add(-48 * time.Hour)
	n.do(`INSERT INTO choices (reader_id, digest, paused_until) VALUES ($1, 'morning', $2)`, ids[0], slot.Instant.Add(-time.Hour))
	n.do(`INSERT INTO choices (reader_id, digest, paused_until) VALUES ($1, 'morning', $2)`, ids[1], slot.Instant.Add(time.Hour))
	for i, want := range []int{1, 0} {
		m, err := n.MaterialFor(t.Context(), o, ids[i])
		if err != nil {
			t.Fatal(err)
		}
		if len(m.Groups) != want {
			t.Errorf("reader %d is in %d groups", i, len(m.Groups))
		}
	}
}

func TestForeseeingWaitsForNobodyAndHoldsUpNobody(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	n.subscribe("ann@example.org")
	slot := n.slot(5, "Europe/Berlin")
	n.now = slot.Instant
	n.report(1)
	if _, err := n.Publish(t.Context(), n.order(slot), publishNew); err != nil {
		t.Fatal(err)
	}
	tx, err := n.db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := tx.Rollback(); err != nil {
			t.Error(err)
		}
	}()
	if _, err := tx.ExecContext(t.Context(), `SELECT 1 FROM editions, slots FOR UPDATE`); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	m, err := n.Material(ctx, n.order(slot))
	if err != nil || !m.Answered || m.Edition.Number != 1 || len(m.Groups) != 0 {
		t.Errorf("%+v, %v", m, err)
	}
}
