package store

import (
	"context"
	"fmt"
	"time"

	"courant/digest"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

// knownZone is a reader's zone as editions know it; empty where it is none, and
// the digest's own counts.
func knownZone(name string) string {
	if _, err := time.LoadLocation(name); err != nil || name == "Local" {
		return ""
	}
	return name
}

// readOpenings reads how the editions of readers' zones came to the zones that
// the reader was in, and when the one of now shows their wall clock.
func readOpenings(ctx context.Context, tx *sqlx.Tx, a *digest.Account) error {
	type key struct{ digest, slot string }
	shared := map[key]*digest.Entry{}
	var digests, slots []string
	zones := []string{a.Zone}
	for i := range a.Entries {
		e := &a.Entries[i]
		wall, ok := digest.SharedWall(e.Edition.Slot)
		if !ok || e.Edition.Kind != digest.KindSlot {
			continue
		}
		shared[key{e.Edition.Digest, e.Edition.Slot}] = e
		digests, slots, zones = append(digests, e.Edition.Digest), append(slots, e.Edition.Slot), append(zones, e.Home, e.Edition.Zone)
		e.Due = shownIn(wall, a.Zone, e.Home)
	}
	if len(shared) == 0 {
		return nil
	}
	for _, m := range a.Events {
		if m.Kind == digest.EventMoved {
			zones = append(zones, m.From, m.To)
		}
	}
	var rows []struct {
		Digest, Slot string
		First        *time.Time
		Zone, Reason *string
		Instant      *time.Time
		State        *digest.SlotState
		DecidedAt    *time.Time
	}
	err := tx.SelectContext(ctx, &rows, `
		SELECT u.digest, u.slot, s.zone, s.instant, s.state, s.reason, s.decided_at, (
		           SELECT min(f.decided_at) FROM slots f WHERE f.digest = u.digest AND f.slot = u.slot) AS first
		FROM unnest($1::text[], $2::text[]) AS u (digest, slot)
		LEFT JOIN slots s ON s.digest = u.digest AND s.slot = u.slot AND s.zone = ANY ($3::text[])
		ORDER BY s.decided_at, s.instant, s.zone`, pq.Array(digests), pq.Array(slots), pq.Array(zones))
	if err != nil {
		return fmt.Errorf("read where editions opened: %w", err)
	}
	for _, r := range rows {
		e := shared[key{r.Digest, r.Slot}]
		e.First = orZero(r.First)
		if r.Zone != nil {
			e.Openings = append(e.Openings, digest.Opening{Zone: *r.Zone, Instant: *r.Instant, State: *r.State, Reason: *r.Reason, Decided: orZero(r.DecidedAt)})
		}
	}
	return nil
}

// shownIn is when a zone's clock shows a wall clock; the home zone's, where the
// reader has none.
func shownIn(wall time.Time, zone, home string) time.Time {
	if zone == "" {
		zone = home
	}
	loc, err := time.LoadLocation(zone)
	if err != nil {
		loc = time.UTC
	}
	return time.Date(wall.Year(), wall.Month(), wall.Day(), wall.Hour(), wall.Minute(), 0, 0, loc)
}
