package schedule

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"courant/digest"
)

// newsdesk is a clock whose config editors change while it runs.
type newsdesk struct {
	*watch
	digests []digest.Digest
	force   map[string]Force
}

func newNewsdesk(now string, digests ...digest.Digest) *newsdesk {
	d := &newsdesk{watch: newWatch("", now)}
	d.restart(now, digests...)
	d.Digests = func() []digest.Digest { return d.digests }
	d.Clock.Force = func(name string) Force { return d.force[name] }
	return d
}

// edit puts other digests into force, as a config that is read anew does.
func (d *newsdesk) edit(at string, digests ...digest.Digest) {
	force := map[string]Force{}
	for _, now := range digests {
		force[now.Name] = Force{At: instant(at), Anew: true}
		i := slices.IndexFunc(d.digests, func(o digest.Digest) bool { return o.Name == now.Name && Terms(o) == Terms(now) })
		if i >= 0 {
			force[now.Name] = d.force[now.Name]
		}
	}
	d.digests, d.force = digests, force
}

// restart is a process that begins with what the config has by now.
func (d *newsdesk) restart(at string, digests ...digest.Digest) {
	d.digests, d.force = digests, map[string]Force{}
	for _, now := range digests {
		d.force[now.Name] = Force{At: instant(at)}
	}
}

func daily(name, spec, zone string) digest.Digest {
	return digest.Digest{Name: name, Schedule: spec, TimeZone: zone}
}

func TestScheduleThatIsMovedCountsFromThen(t *testing.T) {
	t.Parallel()
	seven, eight, six := daily("morning", "0 7 * * *", "UTC"), daily("morning", "0 8 * * *", "UTC"), daily("morning", "0 6 * * *", "UTC")
	for _, c := range []struct {
		name     string
		from, to digest.Digest
		at       string // of the edit, on 2 March
		want     []string
	}{
		{"earlier, in time", seven, six, "05:00:00", []string{"2026-03-02T06:00Z"}},
		{"earlier, too late for today", eight, seven, "07:30:00", nil},
		{"to the minute that has just begun", eight, seven, "07:00:05", nil},
		{"to the minute that begins", eight, seven, "06:59:59", []string{"2026-03-02T07:00Z"}},
	} {
		d := newNewsdesk("2026-03-02T00:00:00Z", c.from)
		edited := instant("2026-03-02T" + c.at + "Z")
		for now := d.now; now.Before(instant("2026-03-02T07:50:00Z")); now = now.Add(13 * time.Second) {
			if !now.Before(edited) {
				d.edit(edited.Format(time.RFC3339), c.to)
				edited = now.AddDate(1, 0, 0)
			}
			d.tickAt(t, now.Format(time.RFC3339))
		}
		if !slices.Equal(d.published, c.want) {
			t.Errorf("%s: published %v, want %v", c.name, d.published, c.want)
		}
	}
}

func TestDigestThatIsPutBackOwesNothingOfTheTimeBetween(t *testing.T) {
	t.Parallel()
	morning, evening := daily("morning", "0 7 * * *", "UTC"), daily("evening", "0 18 * * *", "UTC")
	for _, back := range []string{"2026-03-02T07:00:10Z", "2026-03-02T07:03:00Z", "2026-03-02T09:00:00Z", "2026-03-20T09:00:00Z"} {
		d := newNewsdesk("2026-03-02T06:00:00Z", morning, evening)
		d.tickAt(t, "2026-03-02T06:00:00Z")
		d.tickAt(t, "2026-03-02T06:59:50Z")
		d.edit("2026-03-02T06:59:52Z", evening)
		d.tickAt(t, "2026-03-02T06:59:55Z")
		d.edit(back, evening, morning)
		d.tickAt(t, back)
		if slices.Contains(d.published, "2026-03-02T07:00Z") || slices.Contains(d.published, back[:10]+"T07:00Z") {
			t.Errorf("back at %s: published %v", back, d.published)
		}
	}
	// The same over restarts, which cannot know when it was put back.
	d := newNewsdesk("2026-03-02T06:00:00Z", morning, evening)
	d.tickAt(t, "2026-03-02T06:00:00Z")
	d.restart("2026-03-02T06:30:00Z", evening)
	d.tickAt(t, "2026-03-02T06:30:00Z")
	d.restart("2026-03-03T09:00:00Z", evening, morning)
	d.tickAt(t, "2026-03-03T09:00:00Z")
	if slices.Contains(d.published, "2026-03-03T07:00Z") {
		t.Errorf("after restarts: published %v", d.published)
	}
}

func TestRestartWithAnotherScheduleDoesNotBackFill(t *testing.T) {
	t.Parallel()
	d := newNewsdesk("2026-03-02T06:00:00Z", daily("morning", "0 9 * * *", "UTC"))
	d.tickAt(t, "2026-03-02T06:00:00Z")
	d.restart("2026-03-02T08:00:00Z", daily("morning", "0 7 * * *", "UTC"))
	d.tickAt(t, "2026-03-02T08:00:00Z")
	d.want(t)
	// Where the terms stayed, what was missed is made up for.
	d.restart("2026-03-03T08:00:00Z", d.digests...)
	d.tickAt(t, "2026-03-03T08:00:00Z")
	d.want(t, "2026-03-03T07:00Z")
}

func TestClockSetBackAfterAnEditLosesNoSlot(t *testing.T) {
	t.Parallel()
	d := newNewsdesk("2026-03-02T06:00:00Z", daily("morning", "0 9 * * *", "UTC"))
	d.tickAt(t, "2026-03-02T06:00:00Z")
	d.edit("2026-03-02T18:00:00Z", daily("morning", "0 8 * * *", "UTC"))
	d.tickAt(t, "2026-03-02T07:00:00Z") // the edit was at eleven hours from now
	d.tickAt(t, "2026-03-02T08:00:00Z")
	d.want(t, "2026-03-02T08:00Z")
}

// TestRandomEditsOwnEverySlotOnce edits schedules, zones and digests at random
// between ticks: each slot that is due while its terms are in force is published
// or has a reason, and no other slot is.
func TestRandomEditsOwnEverySlotOnce(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 7))
		specs := []string{"0 6 * * *", "0 7 * * *", "30 7 * * 1-5", "0 7,18 * * *", "15 * * * *", ""}
		zones := []string{"UTC", "Europe/Berlin", "Pacific/Auckland", "America/New_York"}
		pick := func() (list []digest.Digest) {
			for _, name := range []string{"morning", "evening", "weekly"} {
				if r.IntN(4) > 0 {
					d := daily(name, specs[r.IntN(len(specs))], zones[r.IntN(len(zones))])
					d.CatchUp = digest.CatchUpAll
					list = append(list, d)
				}
			}
			return list
		}
		d := newNewsdesk("2026-03-27T00:00:00Z", pick()...) // across a change of the clocks
		got := map[string]int{}
		d.Publish = func(_ context.Context, of digest.Digest, s digest.Slot) error {
			if d.rows.publish(s) {
				got[of.Name+" "+s.Key]++
			}
			return nil
		}
		d.Log = slog.New(slog.NewTextHandler(io.Discard, nil))
		want := map[string]int{}
		for range 900 {
			last := d.now
			step := d.now.Add(time.Duration(1+r.IntN(900)) * time.Second)
			edited := step
			if r.IntN(12) == 0 {
				edited = d.now.Add(time.Duration(r.Int64N(int64(step.Sub(d.now))/int64(time.Second)+1)) * time.Second)
			}
			before := d.digests
			if edited != step {
				d.edit(edited.Format(time.RFC3339), pick()...)
			}
			for _, due := range owedBetween(t, before, d.digests, last, edited, step) {
				want[due]++
			}
			d.tickAt(t, step.Format(time.RFC3339))
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("seed %d: published\n%v\nwant\n%v", seed, got, want)
		}
	}
}

// owedBetween are the slots of the digests in force: those that kept their terms
// over an edit owe all of the time, new ones what comes after it.
func owedBetween(t *testing.T, before, after []digest.Digest, last, edited, now time.Time) (due []string) {
	t.Helper()
	for _, d := range after {
		if d.Schedule == "" {
			continue
		}
		from := edited
		if slices.ContainsFunc(before, func(o digest.Digest) bool { return o.Name == d.Name && Terms(o) == Terms(d) }) {
			from = last
		}
		timetable, err := Parse(d)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range timetable.Owed(from, now) {
			due = append(due, d.Name+" "+s.Key)
		}
	}
	return due
}
