package main

import (
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"courant/digest"
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
