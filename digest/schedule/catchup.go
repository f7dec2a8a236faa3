package schedule

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"courant/digest"
)

const (
	// onTime is how late a slot may be met and still not count as missed: a
	// restart takes less, and so does a clock that is a little off.
	onTime = 5 * time.Minute
	// lateness is used where a digest sets no max_lateness.
	lateness = 12 * time.Hour
)

// Decide applies a digest's skip days and catch-up rule to slots that are
// owed. It returns those to publish, oldest first, and those to skip with
// State and Reason set; a slot that is not due yet is in neither. Lateness
// counts from each slot's own instant and the rule holds within each zone.
func Decide(d digest.Digest, owed []digest.Slot, now time.Time) (publish, skip []digest.Slot) {
	newestFirst := slices.SortedFunc(slices.Values(owed), func(a, b digest.Slot) int { return inOrder(b, a) })
	kept := map[string]digest.Slot{} // the last one kept, by zone
	for _, s := range newestFirst {
		if s.Instant.After(now) {
			continue
		}
		reason := cmp.Or(OnSkipDay(d, s), tooLate(d, s, now))
		if later, ok := kept[s.Zone]; ok && reason == "" {
			reason = superseded(d, s, later)
		}
		if reason != "" {
			s.State, s.Reason = digest.SlotSkipped, reason
			skip = append(skip, s)
			continue
		}
		kept[s.Zone] = s
		publish = append(publish, s)
	}
	slices.Reverse(publish)
	slices.Reverse(skip)
	return publish, skip
}

// OnSkipDay says why a slot is left out whose day the config names to be
// skipped; nothing where it does not.
func OnSkipDay(d digest.Digest, s digest.Slot) string {
	for _, r := range d.Skip {
		if r.Contains(s.LocalDate) {
			if r.From == r.To {
				return fmt.Sprintf("skip: %s in the config", r.From)
			}
			return fmt.Sprintf("skip: %s..%s in the config", r.From, r.To)
		}
	}
	return ""
}

func tooLate(d digest.Digest, s digest.Slot, now time.Time) string {
	late, limit := now.Sub(s.Instant), cmp.Or(d.MaxLateness, lateness)
	switch {
	case late > limit:
		return fmt.Sprintf("missed: %s late, max_lateness is %s", spoken(ceil(late)), spoken(limit))
	case d.CatchUp == digest.CatchUpNone && late > onTime:
		return fmt.Sprintf("missed: %s late (catch_up: none)", spoken(ceil(late)))
	}
	return ""
}

// superseded says why a slot gives way to a later one that is kept. A daily
// digest has one edition a local day even where the editor moved the slot to
// another hour and both were missed.
func superseded(d digest.Digest, s, later digest.Slot) string {
	switch {
	case d.CatchUp != digest.CatchUpAll:
		return "missed: a later slot was due (catch_up: " + string(cmp.Or(d.CatchUp, digest.CatchUpLatest)) + ")"
	case s.Daily && later.Daily && s.LocalDate == later.LocalDate:
		return "missed: a later slot of the same day was due"
	}
	return ""
}

// ceil rounds up to a minute, so that "12 h late" is never more than 12 h.
func ceil(d time.Duration) time.Duration {
	return (d + time.Minute - 1).Truncate(time.Minute)
}

// spoken is a duration as an editor says it: "14 h", "1 h 30 min", "45 s".
func spoken(d time.Duration) string {
	var parts []string
	for _, u := range []struct {
		of   time.Duration
		name string
	}{{time.Hour, "h"}, {time.Minute, "min"}, {time.Second, "s"}} {
		if n := d / u.of; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, u.name))
			d -= n * u.of
		}
	}
	if parts == nil {
		return "0 s"
	}
	return strings.Join(parts, " ")
}
