package main

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"courant/digest"
	"courant/digest/explain"
	"courant/digest/publish"
	"courant/digest/schedule"
)

const readersZones = "  morning: {title: Morning, schedule: \"0 7 * * *\", time_zone: reader, lists: [readers], categories: [World]}\n"

// newHandsOfReaders has a digest in readers' zones, and readers there.
func newHandsOfReaders(t *testing.T, at string, zones ...string) (*hands, []digest.ReaderID) {
	t.Helper()
	h := newHands(t, at, readersZones)
	rows := make([]digest.ImportRow, len(zones))
	for i, zone := range zones {
		address := fmt.Sprintf("r%d@example.org", i)
		sum := sha256.Sum256([]byte(address))
		rows[i] = digest.ImportRow{Line: i + 1, Address: address, Hash: sum[:], Zone: zone}
	}
	if _, err := h.store.ImportReaders(t.Context(), "readers", []string{"morning"}, rows, "test"); err != nil {
		t.Fatal(err)
	}
	ids := make([]digest.ReaderID, len(zones))
	for i, row := range rows {
		r, err := h.store.FindReader(t.Context(), row.Hash)
		if err != nil {
			t.Fatal(err)
		}
		ids[i] = r.ID
	}
	return h, ids
}

// move has a reader live elsewhere.
func (h *hands) move(id digest.ReaderID, zone string) {
	h.t.Helper()
	h.query(fmt.Sprintf(`WITH moved AS (UPDATE readers SET time_zone = '%s' WHERE id = %d RETURNING id) SELECT id FROM moved`, zone, id))
}

// hourly ticks from one instant to another and has all mail accepted that is
// there after each.
func (h *hands) hourly(from, to string, before func()) {
	h.t.Helper()
	for at := moment(h.t, from); !at.After(moment(h.t, to)); at = at.Add(time.Hour) {
		if before != nil {
			before()
		}
		h.tick(at.Format(time.RFC3339))
		h.accept()
	}
}

func (h *hands) accept() {
	h.t.Helper()
	h.query(`WITH done AS (
		UPDATE deliveries SET state = 'accepted', not_before = NULL, intent_at = now(), settled_at = now(), message_id = 'm'
		WHERE state = 'queued' RETURNING 1) SELECT count(*) FROM done`)
}

// got are the slots whose editions a reader has, each with the zone it came by.
func (h *hands) got(id digest.ReaderID) []string {
	h.t.Helper()
	return h.lines(fmt.Sprintf(`SELECT e.slot || ' ' || v.zone FROM deliveries d JOIN editions e ON e.id = d.edition_id JOIN variants v ON v.id = d.variant_id
		WHERE d.reader_id = %d ORDER BY e.slot`, id))
}

func TestEachZoneGetsOneEditionAtItsOwnHour(t *testing.T) {
	t.Parallel()
	// 26 hours lie between the ends of a day. A reader without a zone, or with
	// one that nobody knows, has the digest's.
	h, ids := newHandsOfReaders(t, "2026-12-01T00:00:00Z", "Pacific/Kiritimati", "Etc/GMT+12", "", "Asia/Kathmandu", "Europe/Berlin")
	h.hourly("2026-12-01T00:00:00Z", "2026-12-04T00:00:00Z", nil)
	for i, zone := range []string{"Pacific/Kiritimati", "Etc/GMT+12", "UTC", "Asia/Kathmandu", "Europe/Berlin"} {
		for _, day := range []string{"2026-12-02", "2026-12-03"} {
			if n := countOf(h.got(ids[i]), day+"T07:00 "+zone); n != 1 {
				t.Errorf("%s has %d editions of %s: %q", zone, n, day, h.got(ids[i]))
			}
		}
	}
	if days := h.lines(`SELECT local_date || ' ' || count(*) FROM editions GROUP BY local_date HAVING count(*) > 1`); len(days) > 0 {
		t.Errorf("several editions of one day: %q", days)
	}
	// Each zone opens, selects and expires by its own instant.
	if rows := h.lines(`SELECT zone || ' ' || to_char(instant AT TIME ZONE 'UTC', 'DD HH24:MI') FROM slots WHERE slot = '2026-12-03T07:00' AND state = 'published' ORDER BY instant`); !slices.Equal(rows, []string{
		"Pacific/Kiritimati 02 17:00", "Asia/Kathmandu 03 01:15", "Europe/Berlin 03 06:00", "UTC 03 07:00", "Etc/GMT+12 03 19:00"}) {
		t.Errorf("slots %q", rows)
	}
	if wrong := h.lines(`SELECT v.zone || ' ' || v.expires_at FROM variants v JOIN editions e ON e.id = v.edition_id JOIN slots s ON s.slot = e.slot AND s.zone = v.zone
		WHERE EXISTS (SELECT 1 FROM deliveries d WHERE d.variant_id = v.id) AND e.slot = '2026-12-03T07:00' AND v.expires_at > s.instant + interval '24 hours'`); len(wrong) > 0 {
		t.Errorf("they do not expire a day after their own instant: %q", wrong)
	}
	if n := h.query(`SELECT count(DISTINCT v.window_to) FROM variants v JOIN editions e ON e.id = v.edition_id WHERE e.slot = '2026-12-03T07:00'`); n != "5" {
		t.Errorf("%s windows for five zones", n)
	}
}

func countOf(list []string, want string) (n int) {
	for _, s := range list {
		if s == want {
			n++
		}
	}
	return n
}

// TestDayThatAZoneLeavesOutHasNoEditionThere is Samoa's way over the date line:
// there was no 30 December 2011.
func TestDayThatAZoneLeavesOutHasNoEditionThere(t *testing.T) {
	t.Parallel()
	h, ids := newHandsOfReaders(t, "2011-12-28T00:00:00Z", "Pacific/Apia", "UTC")
	h.hourly("2011-12-28T00:00:00Z", "2012-01-01T12:00:00Z", nil)
	var apia, utc []string
	for _, day := range []string{"28", "29", "31"} {
		apia = append(apia, "2011-12-"+day+"T07:00 Pacific/Apia")
	}
	for _, day := range []string{"28", "29", "30", "31"} {
		utc = append(utc, "2011-12-"+day+"T07:00 UTC")
	}
	apia, utc = append(apia, "2012-01-01T07:00 Pacific/Apia"), append(utc, "2012-01-01T07:00 UTC")
	if got := h.got(ids[0]); !slices.Equal(got, apia) {
		t.Errorf("Apia got %q, want %q", got, apia)
	}
	if got := h.got(ids[1]); !slices.Equal(got, utc) {
		t.Errorf("UTC got %q, want %q", got, utc)
	}
}

func TestHourThatAZoneLeavesOutIsSentAfterTheGap(t *testing.T) {
	t.Parallel()
	h, ids := newHandsOfReaders(t, "2026-03-27T12:00:00Z", "Europe/Berlin", "UTC")
	h.edit("2026-03-27T12:00:01Z", strings.ReplaceAll(readersZones, "0 7 * * *", "30 2 * * *"))
	h.hourly("2026-03-28T00:00:00Z", "2026-03-30T12:00:00Z", nil)
	for i, zone := range []string{"Europe/Berlin", "UTC"} {
		if got, want := h.got(ids[i]), []string{"2026-03-28T02:30 " + zone, "2026-03-29T02:30 " + zone, "2026-03-30T02:30 " + zone}; !slices.Equal(got, want) {
			t.Errorf("%s got %q, want %q", zone, got, want)
		}
	}
	if at := h.query(`SELECT to_char(instant AT TIME ZONE 'UTC', 'HH24:MI') FROM slots WHERE slot = '2026-03-29T02:30' AND zone = 'Europe/Berlin'`); at != "01:00" {
		t.Errorf("it was due at %s UTC", at)
	}
}

func TestReaderWhoMovesPastAnEditionStillGetsIt(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		from, to string
		at       string // of the move
		want     string // the zone by which the edition of 2 December comes
	}{
		"east, from before to after":        {"America/Los_Angeles", "Asia/Tokyo", "2026-12-02T12:00:00Z", "Asia/Tokyo"},
		"west, had it":                      {"Asia/Tokyo", "America/Los_Angeles", "2026-12-02T12:00:00Z", "Asia/Tokyo"},
		"west, before it was due in either": {"Asia/Tokyo", "America/Los_Angeles", "2026-12-01T20:00:00Z", "America/Los_Angeles"},
		"to where nobody was":               {"America/Los_Angeles", "Asia/Kolkata", "2026-12-02T12:00:00Z", "Asia/Kolkata"},
		"to where nobody is the digest's":   {"America/Los_Angeles", "", "2026-12-02T12:00:00Z", "UTC"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, ids := newHandsOfReaders(t, "2026-12-01T19:00:00Z", c.from, "Asia/Tokyo", "America/Los_Angeles", "Europe/Berlin")
			moved := false
			h.hourly("2026-12-01T19:00:00Z", "2026-12-03T16:00:00Z", func() {
				if !moved && h.at.Add(time.Hour).After(moment(t, c.at)) {
					moved = true
					h.move(ids[0], c.to)
				}
			})
			var got []string
			for _, line := range h.got(ids[0]) {
				if strings.HasPrefix(line, "2026-12-02") {
					got = append(got, line)
				}
			}
			if want := []string{"2026-12-02T07:00 " + c.want}; !slices.Equal(got, want) {
				t.Errorf("got %q, want %q", h.got(ids[0]), want)
			}
		})
	}
}

// A reader all alone moves from where the edition is ahead to where its hour is
// over, before anybody opened it.
func TestReaderAloneWhoMovesOpensTheEdition(t *testing.T) {
	t.Parallel()
	h, ids := newHandsOfReaders(t, "2026-12-01T19:00:00Z", "America/Los_Angeles")
	h.tick("2026-12-02T12:00:00Z")
	h.move(ids[0], "Asia/Tokyo")
	h.tick("2026-12-02T12:00:15Z")
	h.tick("2026-12-02T12:00:30Z")
	h.accept()
	h.tick("2026-12-02T22:00:00Z")
	if got, want := h.got(ids[0]), []string{"2026-12-02T07:00 Asia/Tokyo", "2026-12-03T07:00 Asia/Tokyo"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	// What was due before the digest was there is not made up for.
	h.edit("2026-12-03T12:00:00Z", readersZones+strings.ReplaceAll(readersZones, "morning:", "dawn:"))
	h.tick("2026-12-03T12:00:01Z")
	h.move(ids[0], "Asia/Shanghai")
	h.tick("2026-12-03T12:00:15Z")
	if n := h.query(`SELECT count(*) FROM editions WHERE digest = 'dawn'`); n != "0" {
		t.Errorf("%s editions of a digest that begins tomorrow", n)
	}
}

// TestReadersWhoMoveAtRandomGetEachEditionOnce has readers move from zone to
// zone, hour after hour, within less than a day of each other.
func TestReadersWhoMoveAtRandomGetEachEditionOnce(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 26))
	zones := []string{"Pacific/Auckland", "Asia/Tokyo", "Asia/Kathmandu", "Europe/Berlin", "", "America/St_Johns", "America/New_York", "Pacific/Honolulu"}
	h, ids := newHandsOfReaders(t, "2026-03-27T00:00:00Z", zones...) // across a change of some clocks
	h.hourly("2026-03-27T00:00:00Z", "2026-03-30T20:00:00Z", func() {
		h.move(ids[r.IntN(len(ids))], zones[r.IntN(len(zones))])
	})
	for _, id := range ids {
		var days []string
		for _, line := range h.got(id) {
			days = append(days, line[:10])
		}
		for _, day := range []string{"2026-03-28", "2026-03-29", "2026-03-30"} {
			if n := countOf(days, day); n != 1 {
				t.Errorf("reader %d has %d editions of %s: %q", id, n, day, days)
			}
		}
	}
	if n := h.query(`SELECT count(*) FROM moves`); n != "0" {
		t.Errorf("%s moves are left", n)
	}
}

// A digest leaves readers' zones in the middle of a day: the edition of that
// day is the one that is out, and those whom it had not reached get it at the
// new hour.
func TestDigestThatLeavesReadersZonesReachesTheOthersToo(t *testing.T) {
	t.Parallel()
	h, ids := newHandsOfReaders(t, "2026-12-01T19:00:00Z", "Asia/Tokyo", "Europe/Berlin", "America/Los_Angeles")
	h.tick("2026-12-01T22:00:00Z")
	h.accept()
	h.edit("2026-12-01T23:00:00Z", digestLine("morning", "0 7 * * *", "Europe/Berlin", ""))
	h.hourly("2026-12-01T23:00:00Z", "2026-12-02T20:00:00Z", nil)
	for i, id := range ids {
		if got := h.got(id); len(got) != 1 || !strings.HasPrefix(got[0], "2026-12-02T07:00 ") {
			t.Errorf("reader %d got %q", i, got)
		}
	}
	if n := h.query(`SELECT count(*) FROM editions`); n != "1" {
		t.Errorf("%s editions", n)
	}
	// And back into them.
	h.edit("2026-12-03T12:00:00Z", readersZones)
	h.hourly("2026-12-03T12:00:00Z", "2026-12-05T00:00:00Z", nil)
	if twice := h.lines(`SELECT local_date::text FROM editions GROUP BY local_date HAVING count(*) > 1`); len(twice) > 0 {
		t.Errorf("two editions of %q", twice)
	}
}

// TestSixteenProcessesAtOneSlotMakeOneEdition has sixteen clocks, each with
// connections of its own, meet the slots of several zones together.
func TestSixteenProcessesAtOneSlotMakeOneEdition(t *testing.T) {
	t.Parallel()
	h, ids := newHandsOfReaders(t, "2026-12-01T21:00:00Z", "Asia/Tokyo", "Asia/Seoul", "Europe/Berlin", "", "America/New_York")
	clocks := []*schedule.Clock{h.hour}
	for len(clocks) < 16 {
		h.start(h.at.Format(time.RFC3339))
		clocks = append(clocks, h.hour)
	}
	for _, at := range []string{"2026-12-01T22:00:00Z", "2026-12-02T06:00:00Z", "2026-12-02T07:00:00Z", "2026-12-02T12:00:00Z", "2026-12-02T22:00:01Z"} {
		h.at = moment(t, at)
		h.report()
		var all sync.WaitGroup
		for _, c := range clocks {
			all.Go(func() {
				if _, err := c.Tick(t.Context()); err != nil {
					t.Errorf("%s: %v", at, err)
				}
			})
		}
		all.Wait()
		h.accept()
	}
	h.wantEditions("sixteen processes", "morning 2026-12-02T07:00", "morning 2026-12-03T07:00")
	for i, id := range ids {
		want := 1
		if i < 2 {
			want = 2 // the next morning began in the east
		}
		if got := h.got(id); len(got) != want {
			t.Errorf("reader %d got %q", i, got)
		}
	}
	if n := h.query(`SELECT count(*) FROM slots WHERE state <> 'published'`); n != "0" {
		t.Errorf("%s slots are not answered", n)
	}
}

// account is what why tells of a reader.
func (h *hands) account(i int) (digest.Account, string) {
	h.t.Helper()
	sum := sha256.Sum256(fmt.Appendf(nil, "r%d@example.org", i))
	a, err := h.store.Why(h.t.Context(), sum[:], h.at.AddDate(0, 0, -3), h.at.AddDate(0, 0, 3))
	if err != nil {
		h.t.Fatal(err)
	}
	var text bytes.Buffer
	if err := explain.WriteWhy(&text, a, explain.Look{}); err != nil {
		h.t.Fatal(err)
	}
	return a, text.String()
}

// TestWhyTellsByWhichZoneAnEditionCameToWhoMoved asks at each stage of a journey.
func TestWhyTellsByWhichZoneAnEditionCameToWhoMoved(t *testing.T) {
	t.Parallel()
	h, ids := newHandsOfReaders(t, "2026-12-01T19:00:00Z", "America/Los_Angeles", "Asia/Tokyo", "America/Los_Angeles", "Europe/Berlin", "America/Los_Angeles")
	tell := func(step string, reader int, state, zone, reason, moved string) {
		t.Helper()
		a, text := h.account(reader)
		answers := explain.Why(a)
		if len(answers) != 1 {
			t.Errorf("%s: %d answers\n%s", step, len(answers), text)
			return
		}
		n := answers[0]
		if n.State != state || n.Zone != zone || !strings.HasPrefix(n.Reason, reason) || reason == "" && n.Reason != "" ||
			!strings.HasPrefix(n.Moved, moved) || moved == "" && n.Moved != "" {
			t.Errorf("%s: %q by %s, reason %q, moved %q", step, n.State, n.Zone, n.Reason, n.Moved)
		}
		if !strings.Contains(text, cmp.Or(n.Moved, n.Reason)) {
			t.Errorf("%s: the text does not say it:\n%s", step, text)
		}
	}
	h.tick("2026-12-01T22:00:00Z") // seven in Tokyo
	h.accept()
	tell("where it opened", 1, "accepted", "Asia/Tokyo", "", "")
	tell("where it is ahead", 0, "", "America/Los_Angeles", "opens in America/Los_Angeles on 2 December at 07:00, by the clock there", "")
	h.query(`WITH p AS (INSERT INTO choices (reader_id, digest, paused_until) VALUES (` + fmt.Sprint(ids[2]) + `, 'morning', '2027-01-01') RETURNING 1) SELECT count(*) FROM p`)
	tell("paused", 2, "", "America/Los_Angeles", "paused until 2027-01-01", "")
	h.move(ids[1], "America/Los_Angeles")
	tell("who had it and went west", 1, "accepted", "Asia/Tokyo", "", "opened in Asia/Tokyo, where the reader was then; moved to America/Los_Angeles on ")
	h.move(ids[0], "Asia/Tokyo")
	tell("who came east, before the clock has looked", 0, "", "Asia/Tokyo", "came to Asia/Tokyo on ", "")
	h.move(ids[3], "America/Los_Angeles")
	tell("who went west, before it was due in either", 3, "", "America/Los_Angeles", "came to America/Los_Angeles on ", "")
	if a, _ := h.account(3); !strings.Contains(a.Entries[0].Reason, "it opens in America/Los_Angeles on 2 December at 07:00") || !a.ToCome(a.Entries[0]) {
		t.Errorf("it does not say where it opens: %q", a.Entries[0].Reason)
	}
	h.move(ids[2], "Asia/Tokyo")
	if a, _ := h.account(0); !strings.HasSuffix(a.Entries[0].Reason, "it is sent when the clock is looked at next") {
		t.Errorf("it does not say that it comes: %q", a.Entries[0].Reason)
	}
	var status bytes.Buffer
	h.status(&status)
	if !strings.Contains(status.String(), "4 readers to America/Los_Angeles, Asia/Tokyo, the first on ") {
		t.Errorf("status does not tell of those who wait:\n%s", &status)
	}
	plan := h.plan()
	if len(plan) < 2 || !plan[0].Follows || plan[0].Readers != 1 || plan[0].Zone != "Asia/Tokyo" || plan[1].Zone != "America/Los_Angeles" || plan[1].Brought != 1 || plan[1].Readers != 2 {
		t.Errorf("the plan is %+v", plan)
	}
	h.tick("2026-12-01T22:00:15Z")
	h.accept()
	tell("whom it followed", 0, "accepted", "Asia/Tokyo", "", "came to Asia/Tokyo on ")
	tell("who paused is not followed", 2, "", "Asia/Tokyo", "paused until 2027-01-01", "")
	h.query(`WITH l AS (UPDATE subscriptions SET state = 'unsubscribed', ended_at = clock_timestamp() WHERE reader_id = ` + fmt.Sprint(ids[4]) + ` RETURNING 1) SELECT count(*) FROM l`)
	h.tick("2026-12-02T15:00:00Z") // seven in Los Angeles
	h.accept()
	tell("went west, and its hour came", 3, "accepted", "America/Los_Angeles", "", "")
	tell("left while it opened elsewhere", 4, "", "America/Los_Angeles", "off the list readers since ", "")
	status.Reset()
	h.status(&status)
	if !strings.Contains(status.String(), "readers who moved meanwhile: 1 had it by the zone they left · 1 got it at its hour in the new one · 1 followed to where its hour was over · 1 without it so far") {
		t.Errorf("status does not tell of those who moved:\n%s", &status)
	}
	for _, p := range h.plan() {
		if p.Follows {
			t.Errorf("nobody is left to follow: %+v", p)
		}
	}
}

// A slot that was skipped in one zone is told to its readers only, and where
// the edition is out elsewhere, as its reason.
func TestWhyTellsOfSlotsSkippedInTheReadersZoneOnly(t *testing.T) {
	t.Parallel()
	h, _ := newHandsOfReaders(t, "2026-12-01T19:00:00Z", "Asia/Tokyo", "Europe/Berlin")
	h.tick("2026-12-01T22:00:00Z")
	h.accept()
	h.query(`WITH s AS (UPDATE timetables SET through = '2026-12-02T05:00:00Z' RETURNING 1) SELECT count(*) FROM s`)
	h.tick("2026-12-02T21:00:00Z") // too late for Berlin
	h.accept()
	a, text := h.account(1)
	if len(a.Skipped) != 0 || len(a.Entries) != 1 || !strings.HasPrefix(a.Entries[0].Reason, "skipped in Europe/Berlin: ") {
		t.Errorf("Berlin is told:\n%s", text)
	}
	if a, text := h.account(0); len(a.Skipped) != 0 || len(a.Entries) != 1 || a.Entries[0].State != digest.Accepted {
		t.Errorf("Tokyo is told:\n%s", text)
	}
}

func (h *hands) status(to *bytes.Buffer) {
	h.t.Helper()
	now, err := (&watcher{program: h.p, house: h.house, kept: map[digest.EditionID]digest.Progress{}}).look(h.t.Context())
	if err == nil {
		err = explain.WriteStatus(to, now, explain.Look{})
	}
	if err != nil {
		h.t.Fatal(err)
	}
}

// plan is that of a day.
func (h *hands) plan() []explain.Planned {
	h.t.Helper()
	var composer publish.Composer
	coming, err := h.house.coming(h.t.Context(), &composer, h.house.config.Digests[0], h.at, h.at.AddDate(0, 0, 1))
	if err != nil {
		h.t.Fatal(err)
	}
	slices.SortStableFunc(coming, func(a, b explain.Coming) int { return a.Slot.Instant.Compare(b.Slot.Instant) })
	plan, err := explain.Plan(coming, composer.Compose)
	if err != nil {
		h.t.Fatal(err)
	}
	return plan
}
