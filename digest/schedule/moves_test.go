package schedule

import (
	"context"
	"errors"
	"slices"
	"testing"

	"courant/digest"
)

// movers is a clock of a digest in readers' zones that notes for which slots it
// looked after readers who moved.
func movers(now string, zones ...string) (w *watch, followed *[]string) {
	w = newWatch("0 7 * * *", now)
	w.digest.TimeZone, w.digest.HomeZone = digest.ZoneReader, "Europe/Berlin"
	w.rows.zones = zones
	followed = new([]string)
	w.PublishMoved = func(_ context.Context, _ digest.Digest, s digest.Slot) error {
		if w.refuse != nil {
			return w.refuse
		}
		*followed = append(*followed, s.Key+" "+s.Zone)
		return nil
	}
	return w, followed
}

func TestReadersWhoMovedAreFollowedToTheLastSlotOfTheirNewZone(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		now   string
		moved []string
		want  []string
	}{
		{"2026-03-02T12:00:00Z", nil, nil},
		{"2026-03-02T12:00:00Z", []string{"Asia/Tokyo"}, []string{"2026-03-02T07:00 Asia/Tokyo"}},
		{"2026-03-02T23:00:00Z", []string{"Asia/Tokyo"}, []string{"2026-03-03T07:00 Asia/Tokyo"}},
		{"2026-03-02T12:00:00Z", []string{"", "Moon/Tranquility"}, []string{"2026-03-02T07:00 Europe/Berlin"}},
		// The far ends of the day: what the one has had, the other has yet to see.
		{"2026-03-02T18:30:00Z", []string{"Pacific/Kiritimati", "Etc/GMT+12"}, []string{"2026-03-01T07:00 Etc/GMT+12", "2026-03-03T07:00 Pacific/Kiritimati"}},
	} {
		w, followed := movers(c.now)
		w.tickAt(t, c.now)
		w.rows.moves = c.moved
		w.tickAt(t, c.now)
		if !slices.Equal(*followed, c.want) {
			t.Errorf("%s, moves to %v: followed to %v, want %v", c.now, c.moved, *followed, c.want)
		}
		if w.rows.moves != nil {
			t.Errorf("%s: moves to %v are not dropped", c.now, w.rows.moves)
		}
	}
}

func TestNobodyIsFollowedOnASkipDayNorForADigestOfOneZone(t *testing.T) {
	t.Parallel()
	w, followed := movers("2026-12-25T12:00:00Z")
	w.digest.Skip = []digest.DateRange{{From: digest.Date{Year: 2026, Month: 12, Day: 24}, To: digest.Date{Year: 2027, Month: 1, Day: 2}}}
	w.rows.moves = []string{"Asia/Tokyo"}
	w.tickAt(t, "2026-12-25T12:00:00Z")
	w.digest.Skip, w.digest.TimeZone = nil, "Europe/Berlin"
	w.rows.moves = []string{"Asia/Tokyo"}
	w.tickAt(t, "2026-12-25T12:00:15Z")
	if len(*followed) > 0 || w.rows.moves != nil {
		t.Errorf("followed to %v, moves %v", *followed, w.rows.moves)
	}
}

func TestMovesAreKeptUntilTheyWereFollowed(t *testing.T) {
	t.Parallel()
	w, followed := movers("2026-03-02T12:00:00Z")
	w.rows.moves, w.refuse = []string{"Asia/Tokyo"}, errors.New("the database is away")
	w.tickAt(t, "2026-03-02T12:00:00Z")
	w.refuse = nil
	w.tickAt(t, "2026-03-02T12:00:15Z")
	if want := []string{"2026-03-02T07:00 Asia/Tokyo"}; !slices.Equal(*followed, want) {
		t.Errorf("followed to %v, want %v", *followed, want)
	}
}
