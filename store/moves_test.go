package store_test

import (
	"slices"
	"testing"
	"time"

	"courant/digest"
)

// live has a reader live in a zone.
func (n *newsroom) live(id digest.ReaderID, zone string) {
	n.t.Helper()
	n.do(`UPDATE readers SET time_zone = $2 WHERE id = $1`, id, zone)
}

func (n *newsroom) takeMoves(want ...string) {
	n.t.Helper()
	got, err := n.TakeMoves(n.t.Context())
	if err != nil || !slices.Equal(got, want) {
		n.t.Errorf("moves to %q, %v, want %q", got, err, want)
	}
}

func TestMoveIsNotedUntilAClockHasLookedAtIt(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	ids := n.subscribe("ann@example.org", "bob@example.org", "eve@example.org")
	n.takeMoves()
	n.live(ids[0], "Asia/Tokyo")
	n.live(ids[1], "Moon/Tranquility")
	n.do(`UPDATE readers SET name = 'Eve', time_zone = time_zone WHERE id = $1`, ids[2]) // stays at home
	n.takeMoves("", "Asia/Tokyo")
	n.takeMoves("", "Asia/Tokyo") // whoever took them died
	n.live(ids[0], "Europe/Berlin")
	if err := n.DropMoves(t.Context()); err != nil {
		t.Fatal(err)
	}
	n.takeMoves("Europe/Berlin") // moved on while the clock looked
	if err := n.DropMoves(t.Context()); err != nil {
		t.Fatal(err)
	}
	n.do(`UPDATE readers SET email = NULL, name = '', time_zone = '', erased_at = now() WHERE id = $1`, ids[0])
	n.takeMoves()
	// An import that says another zone is a move, too; a new reader is none.
	moved, fresh := row(1, "bob@example.org"), row(2, "new@example.org")
	moved.Zone, fresh.Zone = "Asia/Kolkata", "America/New_York"
	n.imports(moved, fresh)
	n.takeMoves("Asia/Kolkata")
	if got, want := n.one(`SELECT string_agg(concat(data ->> 'from', '>', data ->> 'to'), ' ' ORDER BY id) FROM reader_events WHERE kind = 'moved'`),
		">Asia/Tokyo >Moon/Tranquility Asia/Tokyo>Europe/Berlin Moon/Tranquility>Asia/Kolkata"; got != want {
		t.Errorf("their histories say %q, want %q", got, want)
	}
}

// A reader whom one import puts on the list and into a zone begins with the next
// edition, as whoever comes onto a list does.
func TestReaderWhoComesWithAZoneBeginsWithTheNextEdition(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	n.digest.TimeZone = digest.ZoneReader
	known := row(1, "known@example.org")
	if _, err := n.ImportReaders(t.Context(), "others", []string{"morning"}, []digest.ImportRow{known}, "test"); err != nil {
		t.Fatal(err)
	}
	ids := n.subscribe("tokyo@example.org")
	n.live(ids[0], "Asia/Tokyo")
	slot := n.slot(5, "Asia/Tokyo")
	e := n.answer(slot)
	known.Zone = "Asia/Tokyo"
	n.imports(known)
	n.takeMoves("Asia/Tokyo")
	n.follow(slot, slot.Instant.Add(time.Hour))
	n.wantTally(e.ID, "1 queued")
}

// follow publishes for those who moved past a slot.
func (n *newsroom) follow(slot digest.Slot, now time.Time) digest.Edition {
	n.t.Helper()
	o := n.order(slot)
	o.Moved, o.Now = true, now
	e, err := n.Publish(n.t.Context(), o, publishNew)
	if err != nil {
		n.t.Fatal(err)
	}
	return e
}

func TestEditionFollowsReadersWhoMovedPastIt(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	n.digest.TimeZone, n.digest.HomeZone = digest.ZoneReader, "Europe/Berlin"
	ids := n.subscribe("tokyo@example.org", "york@example.org", "paused@example.org", "stays@example.org")
	for i, zone := range []string{"Asia/Tokyo", "America/New_York", "America/New_York", "America/New_York"} {
		n.live(ids[i], zone)
	}
	n.do(`DELETE FROM moves`)
	slot := n.slot(5, "Asia/Tokyo")
	e := n.answer(slot)
	n.wantTally(e.ID, "1 queued")
	n.do(`INSERT INTO choices (reader_id, digest, paused_until) VALUES ($1, 'morning', '2026-02-01')`, ids[2])
	for _, id := range ids[:3] {
		n.live(id, "Asia/Seoul")
		n.live(id, "Asia/Tokyo")
	}
	n.subscribe("late@example.org")
	n.do(`UPDATE readers SET time_zone = 'Asia/Tokyo' WHERE email = 'late@example.org'`)
	n.do(`DELETE FROM moves WHERE reader_id NOT IN ($1, $2, $3)`, ids[0], ids[1], ids[2])
	arrival := slot.Instant.Add(10 * time.Hour)
	for range 2 { // a tick that was cut short is done anew
		if n.follow(slot, arrival); n.one(`SELECT count(*) FROM editions`) != "1" {
			t.Fatal("it made an edition of its own")
		}
		n.wantTally(e.ID, "2 queued")
	}
	if n.tells(e.ID, ids[1]) != "Story 1" || n.tells(e.ID, ids[3]) != "-" {
		t.Error("the wrong reader was followed")
	}
	expires := n.one(`SELECT to_char(v.expires_at AT TIME ZONE 'UTC', 'DD HH24:MI') FROM deliveries d JOIN variants v ON v.id = d.variant_id WHERE d.reader_id = $1`, ids[1])
	if want := arrival.Add(24 * time.Hour).UTC().Format("02 15:04"); expires != want {
		t.Errorf("it expires at %s, want a day after the arrival, %s", expires, want)
	}
	// A slot that is owed still finds them by itself; one that was given up stays so.
	n.live(ids[3], "Europe/Berlin")
	home := n.slot(5, "Europe/Berlin")
	if err := n.OweSlots(t.Context(), "morning", []digest.Slot{home}, home.Instant); err != nil {
		t.Fatal(err)
	}
	n.follow(home, home.Instant)
	n.wantTally(e.ID, "2 queued")
	n.do(`UPDATE slots SET state = 'published', edition_id = $1, decided_at = now() WHERE state = 'owed'`, e.ID)
	n.do(`UPDATE editions SET state = 'abandoned', finished_at = now()`)
	n.follow(home, home.Instant)
	n.wantTally(e.ID, "2 queued")
}

func TestEditionIsMadeForWhoMovesPastItsFirstHourButNotForATimeBeforeItsTerms(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	n.digest.TimeZone = digest.ZoneReader
	ids := n.subscribe("ann@example.org")
	slot := n.slot(5, "Asia/Tokyo")
	n.now = slot.Instant
	n.report(1)
	n.do(`UPDATE subscriptions SET since = '2025-12-01'`)
	n.since("at seven", slot.Instant) // from now on: not what is due now
	n.live(ids[0], "Asia/Tokyo")
	if e := n.follow(slot, slot.Instant.Add(time.Hour)); e.ID != 0 {
		t.Errorf("edition %d of a slot that was over when the schedule began", e.ID)
	}
	n.do(`UPDATE timetables SET since = $1`, slot.Instant.Add(-time.Second))
	nobody := n.order(n.slot(5, "Asia/Kolkata"))
	nobody.Moved = true // the archive alone is no reason to make one
	if e, err := n.Publish(t.Context(), nobody, oneVariant); err != nil || e.ID != 0 || n.one(`SELECT count(*) FROM editions`) != "0" {
		t.Errorf("edition %d for nobody, %v", e.ID, err)
	}
	e := n.follow(slot, slot.Instant.Add(time.Hour))
	n.wantTally(e.ID, "1 queued")
	if got := n.one(`SELECT state || ' ' || zone FROM slots`); got != "published Asia/Tokyo" {
		t.Errorf("its slot is %s", got)
	}
	if e := n.follow(slot, slot.Instant.Add(2*time.Hour)); e.ID != 0 {
		t.Errorf("followed again, by edition %d", e.ID)
	}
}

func TestClockSetBackOwesAgainWhatLiesAhead(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	slots := []digest.Slot{n.slot(5, "Europe/Berlin"), n.slot(6, "Europe/Berlin"), n.slot(7, "Europe/Berlin")}
	for i := range slots[:2] {
		slots[i].State, slots[i].Reason = digest.SlotSkipped, "missed: by a wrong clock"
	}
	if err := n.OweSlots(t.Context(), "morning", slots, slots[2].Instant); err != nil {
		t.Fatal(err)
	}
	back := slots[1].Instant.Add(-time.Hour)
	if err := n.SetBack(t.Context(), "morning", back); err != nil {
		t.Fatal(err)
	}
	owed := n.owed("morning")
	if len(owed) != 2 || owed[0].Key != slots[1].Key || owed[1].Key != slots[2].Key {
		t.Errorf("owed %+v", owed)
	}
	if got := n.one(`SELECT through = $1 FROM timetables`, back); got != "true" {
		t.Error("the recorded instant was not set back")
	}
}
