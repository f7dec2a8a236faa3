package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"courant/digest"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

// wallClock is how a zoneless time travels to and from the database.
const wallClock = "2006-01-02T15:04:05"

// slotRow is digest.Slot as the database has it.
type slotRow struct {
	Digest    string
	Slot      string
	Zone      string
	LocalTime time.Time
	LocalDate time.Time
	Daily     bool
	Instant   time.Time
	State     digest.SlotState
	Reason    string
}

func (r slotRow) slot() digest.Slot {
	return digest.Slot{
		// lib/pq reads zoneless values into a zone of its own at offset zero.
		Digest: r.Digest, Key: r.Slot, Zone: r.Zone, LocalTime: r.LocalTime.UTC(), LocalDate: digest.DateOf(r.LocalDate),
		Daily: r.Daily, Instant: r.Instant.UTC(), State: r.State, Reason: r.Reason,
	}
}

// ScheduleSince is the instant up to which the digest's slots are recorded.
// The first call records force, when its terms, the schedule and zone in words,
// took force, and returns that: what was due before a digest was first seen is
// never owed. Nor is what other terms than those of the rows would have made due
// before they took force.
func (s *Store) ScheduleSince(ctx context.Context, name, terms string, force time.Time) (through time.Time, err error) {
	// Rows without terms are older than the column, and whoever writes them
	// first is believed. A digest whose terms stay is not written at all.
	const read = `SELECT through, terms = $2 AS same FROM timetables WHERE digest = $1`
	var row struct {
		Through time.Time
		Same    bool
	}
	err = s.tx(ctx, func(tx *sqlx.Tx) error {
		if err := tx.GetContext(ctx, &row, read, name, terms); err == nil && row.Same || err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		_, err := tx.ExecContext(ctx, `
			INSERT INTO timetables AS t (digest, through, terms, since)
			VALUES ($1, $2, $3, $2)
			ON CONFLICT (digest) DO UPDATE
			SET terms = EXCLUDED.terms,
			    through = CASE WHEN t.terms IN ('', EXCLUDED.terms) THEN t.through ELSE GREATEST(t.through, EXCLUDED.through) END,
			    since = CASE WHEN t.terms IN ('', EXCLUDED.terms) THEN t.since ELSE GREATEST(t.through, EXCLUDED.through) END`,
			name, force, terms)
		if err != nil {
			return err
		}
		return tx.GetContext(ctx, &row, read, name, terms)
	})
	if err != nil {
		return time.Time{}, fmt.Errorf("read how far %s is recorded: %w", name, err)
	}
	return row.Through.UTC(), nil
}

// RetireTimetables forgets how far the slots of digests are recorded that are
// none of the given ones and that nobody has looked at since: one that is put
// back later begins anew. What they still owed is skipped. A process with
// another config that has them keeps them alive by looking at them.
func (s *Store) RetireTimetables(ctx context.Context, names []string, since time.Time) error {
	_, err := s.db.ExecContext(ctx, `
		WITH gone AS (
			DELETE FROM timetables
			WHERE digest <> ALL ($1::text[]) AND through < $2
			RETURNING digest
		)
		UPDATE slots
		SET state = 'skipped', reason = 'the digest was taken out of the config, or its schedule', decided_at = clock_timestamp()
		WHERE state = 'owed' AND digest IN (SELECT digest FROM gone)`, textArray(names), since)
	if err != nil {
		return fmt.Errorf("retire digests that the config no longer has: %w", err)
	}
	return nil
}

// OweSlots records slots of the digest, owed or skipped, and that all up to
// through are recorded. A slot that has a row keeps it as it is: several
// processes may see the same one come due.
func (s *Store) OweSlots(ctx context.Context, name string, slots []digest.Slot, through time.Time) error {
	err := s.tx(ctx, func(tx *sqlx.Tx) error {
		// The digest's row is the lock that keeps processes in line.
		_, err := tx.ExecContext(ctx, `
			INSERT INTO timetables (digest, through)
			VALUES ($1, $2)
			ON CONFLICT (digest) DO UPDATE SET through = EXCLUDED.through`, name, through)
		if err != nil || len(slots) == 0 {
			return err
		}
		return insertSlots(ctx, tx, name, slots)
	})
	if err != nil {
		return fmt.Errorf("record slots of %s: %w", name, err)
	}
	return nil
}

// SetBack records that the clock was set back to an instant: what was skipped
// beyond it was skipped by a wrong clock and is owed again. What was published
// stays so.
func (s *Store) SetBack(ctx context.Context, name string, to time.Time) error {
	err := s.tx(ctx, func(tx *sqlx.Tx) error {
		if _, err := tx.ExecContext(ctx, `UPDATE timetables SET through = $2 WHERE digest = $1`, name, to); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `
			UPDATE slots
			SET state = 'owed', reason = '', decided_at = NULL
			WHERE digest = $1 AND state = 'skipped' AND instant > $2`, name, to)
		return err
	})
	if err != nil {
		return fmt.Errorf("set the slots of %s back: %w", name, err)
	}
	return nil
}

// TakeMoves lists the zones that readers moved to since the last DropMoves,
// those that were taken before included: whoever took them may have died. A
// zone that Postgres does not know is empty, as for a reader without one.
func (s *Store) TakeMoves(ctx context.Context) (zones []string, err error) {
	err = s.db.SelectContext(ctx, &zones, `
		WITH taken AS (
			UPDATE moves SET taken = true RETURNING reader_id
		), zones AS (
			SELECT DISTINCT r.time_zone AS zone FROM taken t JOIN readers r ON r.id = t.reader_id
		)
		SELECT DISTINCT CASE WHEN zone IN (SELECT name FROM pg_timezone_names) THEN zone ELSE '' END FROM zones`)
	if err != nil {
		return nil, fmt.Errorf("take the moves of readers: %w", err)
	}
	slices.Sort(zones)
	return zones, nil
}

// DropMoves forgets the moves that were taken, except of readers who moved on
// since.
func (s *Store) DropMoves(ctx context.Context) error {
	if _, err := s.db.ExecContext(ctx, `DELETE FROM moves WHERE taken`); err != nil {
		return fmt.Errorf("drop the moves of readers: %w", err)
	}
	return nil
}

// insertSlots sends wall clocks as text: as a time they would carry an offset
// that the column does not have.
func insertSlots(ctx context.Context, tx *sqlx.Tx, name string, slots []digest.Slot) error {
	n := len(slots)
	keys, zones, states, reasons := make([]string, n), make([]string, n), make([]string, n), make([]string, n)
	walls, days, instants, daily := make([]string, n), make([]string, n), make([]string, n), make([]bool, n)
	for i, slot := range slots {
		keys[i], zones[i], states[i], reasons[i] = slot.Key, slot.Zone, string(slot.State), slot.Reason
		walls[i], days[i] = slot.LocalTime.UTC().Format(wallClock), slot.LocalDate.String()
		instants[i], daily[i] = slot.Instant.Format(time.RFC3339Nano), slot.Daily
		if slot.State == "" {
			states[i] = string(digest.SlotOwed)
		}
	}
	_, err := tx.ExecContext(ctx, `
		INSERT INTO slots (digest, slot, zone, local_time, local_date, daily, instant, state, reason, decided_at)
		SELECT $1, slot, zone, local_time::timestamp, local_date::date, daily, instant::timestamptz, state, reason,
		       CASE WHEN state = 'skipped' THEN clock_timestamp() END
		FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::boolean[], $7::text[], $8::text[], $9::text[])
		     AS o (slot, zone, local_time, local_date, daily, instant, state, reason)
		ON CONFLICT (digest, slot, zone) DO NOTHING`,
		name, textArray(keys), textArray(zones), textArray(walls), textArray(days), pq.BoolArray(daily),
		textArray(instants), textArray(states), textArray(reasons))
	return err
}

// OwedSlots lists the digest's slots that are neither published nor skipped,
// the earliest first.
func (s *Store) OwedSlots(ctx context.Context, name string) ([]digest.Slot, error) {
	var rows []slotRow
	err := s.db.SelectContext(ctx, &rows, `
		SELECT digest, slot, zone, local_time, local_date, daily, instant, state, reason
		FROM slots
		WHERE digest = $1 AND state = 'owed'
		ORDER BY instant, zone`, name)
	if err != nil {
		return nil, fmt.Errorf("list owed slots of %s: %w", name, err)
	}
	slots := make([]digest.Slot, len(rows))
	for i, r := range rows {
		slots[i] = r.slot()
	}
	return slots, nil
}

// SkipSlot records that an owed slot is not answered, for the slot's Reason.
// One that another process published or skipped meanwhile stays as it is.
func (s *Store) SkipSlot(ctx context.Context, slot digest.Slot) error {
	_, err := s.db.ExecContext(ctx, `
		UPDATE slots
		SET state = 'skipped', reason = $4, decided_at = clock_timestamp()
		WHERE digest = $1 AND slot = $2 AND zone = $3 AND state = 'owed'`,
		slot.Digest, slot.Key, slot.Zone, slot.Reason)
	if err != nil {
		return fmt.Errorf("skip slot %s of %s: %w", slot.Key, slot.Digest, err)
	}
	return nil
}

// ReaderZones lists the zones in which the digest has active readers, sorted.
// A reader without a zone, or with one that Go or Postgres does not know,
// counts as in the digest's home zone, as in Publish.
func (s *Store) ReaderZones(ctx context.Context, d digest.Digest) ([]string, error) {
	var rows []struct {
		Zone  string
		Known bool
	}
	// One zone after the other, each looked up in an index and left at its
	// first active reader: a clock asks this at every tick.
	err := s.db.SelectContext(ctx, &rows, `
		WITH RECURSIVE zones AS (
			SELECT min(time_zone) AS zone FROM readers
			UNION ALL
			SELECT (SELECT min(r.time_zone) FROM readers r WHERE r.time_zone > z.zone)
			FROM zones z
			WHERE z.zone IS NOT NULL
		)
		SELECT z.zone, z.zone <> '' AND z.zone IN (SELECT name FROM pg_timezone_names) AS known
		FROM zones z
		WHERE EXISTS (
			SELECT 1
			FROM readers r
			JOIN subscriptions s ON s.reader_id = r.id
			WHERE r.time_zone = z.zone AND r.email IS NOT NULL AND s.list = ANY ($1::text[]) AND s.state = 'active')`,
		textArray(d.Lists))
	if err != nil {
		return nil, fmt.Errorf("list zones of readers of %s: %w", d.Name, err)
	}
	zones := make([]string, len(rows))
	for i, r := range rows {
		zones[i] = r.Zone
		if _, err := time.LoadLocation(r.Zone); err != nil || !r.Known {
			zones[i] = homeZone(d)
		}
	}
	slices.Sort(zones)
	return slices.Compact(zones), nil
}
