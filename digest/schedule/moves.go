package schedule

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"courant/digest"
)

// follow looks after readers who moved to another zone since the last tick. One
// who left before a slot was due and arrived where it was over gets that
// edition now: nobody is missed. One who got it already has a delivery, which
// no second one joins. Only the last slot of the new zone counts: what came
// before it is in it.
func (c *Clock) follow(ctx context.Context, now time.Time) error {
	zones, err := c.Store.TakeMoves(ctx)
	if err != nil || len(zones) == 0 {
		return err
	}
	for _, d := range c.Digests() {
		if d.Schedule == "" || d.TimeZone != digest.ZoneReader {
			continue
		}
		passed, e := PassedBy(d, zones, now)
		for _, s := range passed {
			e = errors.Join(e, c.PublishMoved(ctx, d, s))
		}
		if e != nil {
			err = errors.Join(err, fmt.Errorf("digest %s: %w", d.Name, e))
		}
	}
	if err != nil {
		return err // they are looked at again at the next tick
	}
	return c.Store.DropMoves(ctx)
}

// PassedBy lists for each zone that readers moved to the digest's last slot
// there, if it is so near that it can have been ahead elsewhere.
func PassedBy(d digest.Digest, zones []string, now time.Time) (slots []digest.Slot, err error) {
	zones = slices.Clone(zones)
	for i, name := range zones {
		if CheckZone(name) != nil {
			zones[i] = "" // its readers have the digest's own
		}
	}
	t, err := Parse(d, zones...)
	if err != nil {
		return nil, err
	}
	last := map[string]digest.Slot{}
	for _, s := range t.Owed(now.Add(-digest.MostApart), now) {
		last[s.Zone] = s
	}
	for _, s := range last {
		if OnSkipDay(d, s) == "" {
			slots = append(slots, s)
		}
	}
	slices.SortFunc(slots, inOrder)
	return slots, nil
}
