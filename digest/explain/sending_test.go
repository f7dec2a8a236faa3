package explain

import (
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"courant/digest"
)

// week is a plan in which all goes wrong that can be foreseen.
func week(t *testing.T) []Planned {
	t.Helper()
	m := coming()[0].Material
	m.OnLists = map[string]int{"readers": 900, "staff": 120}
	morning := morning
	morning.Lists, morning.FreshUntil = []string{"readers", "staff"}, 24*time.Hour
	evening := digest.Digest{Name: "evening", Title: "Evening Brief", Lists: []string{"staff"}, FreshUntil: 12 * time.Hour}
	slots := []Coming{
		{Digest: morning, Slot: slot("2026-10-25T06:00:00Z"), Apart: "clocks go back at 03:00 on 25 October 2026: this slot is 25 h after the last", Next: instant("2026-10-26T06:00:00Z"), Material: m},
		{Digest: evening, Slot: digest.Slot{Zone: "UTC", Instant: instant("2026-10-25T06:05:00Z")}, Next: instant("2026-10-26T06:05:00Z"), Material: m},
		{Digest: morning, Slot: slot("2026-10-26T06:00:00Z"), Next: instant("2026-10-27T06:00:00Z"), Material: m},
	}
	plan, err := Plan(slots, compose)
	if err != nil {
		t.Fatal(err)
	}
	Weigh(plan, func(_ digest.Edition, v digest.Variant) (Size, error) {
		return Size{HTML: 81_000 + 1000*len(v.Stories), Text: 4000, Mail: 95_000, More: 2}, nil
	})
	Dispatch(plan, Sending{
		Relays:      []digest.Submission{{Relay: "smtp.example.com:587", Limits: []digest.Spending{{Budget: digest.Budget{Messages: 600, Per: 24 * time.Hour}}}}},
		Connections: 8, Now: instant("2026-10-24T12:00:00Z"),
	})
	return plan
}

func TestPlanForeseesSizeTimeAndOverlap(t *testing.T) {
	t.Parallel()
	plan := week(t)
	golden(t, "plan-week.json", lines(t, plan))
	for name, look := range looks() {
		golden(t, "plan-week"+name+".txt", set(t, func(w io.Writer) error { return WritePlan(w, plan, look) }))
	}
}

func said(p Planned, words string) bool {
	return strings.Contains(strings.Join(p.Warnings, "\n"), words)
}

func TestPlanWarnsWhereTheRelaysCannotBeDoneInTime(t *testing.T) {
	t.Parallel()
	at := instant("2026-03-03T06:00:00Z")
	day := func(n int) []digest.Submission {
		return []digest.Submission{{Limits: []digest.Spending{{Budget: digest.Budget{Messages: n, Per: 24 * time.Hour}}}}}
	}
	for _, c := range []struct {
		name    string
		relays  []digest.Submission
		rate    float64
		readers int
		fresh   time.Duration
		next    time.Time
		late    string
	}{
		{"all in time", day(14000), 50, 14000, 24 * time.Hour, at.Add(24 * time.Hour), ""},
		{"limit of a day", day(14000), 50, 14001, 20 * time.Hour, at.Add(24 * time.Hour), "fresh_until"},
		{"slow connections", nil, 0.1, 9000, 24 * time.Hour, time.Time{}, "fresh_until"},
		{"the next slot is near", nil, 1, 7200, 24 * time.Hour, at.Add(time.Hour), "the next slot is 60 min later"},
		{"fresh_until is not written", nil, 1, 100_000, 0, time.Time{}, "fresh for 24 h"},
	} {
		plan := []Planned{{Slot: at, Readers: c.readers, of: digest.Digest{FreshUntil: c.fresh}, next: c.next}}
		Dispatch(plan, Sending{Relays: c.relays, PerSecond: c.rate, Now: at})
		if late := said(plan[0], "too slow"); late != (c.late != "") || !said(plan[0], c.late) {
			t.Errorf("%s: warnings %q", c.name, plan[0].Warnings)
		}
	}
}

func TestWhatAnEarlierEditionSpendsIsMissingForTheNext(t *testing.T) {
	t.Parallel()
	at := instant("2026-03-03T06:00:00Z")
	limit := digest.Spending{Budget: digest.Budget{Messages: 100, Per: time.Hour}}
	plan := []Planned{
		{Digest: "a", Slot: at, Readers: 100}, {Digest: "b", Slot: at.Add(10 * time.Minute), Readers: 100}, {Digest: "c", Slot: at.Add(5 * time.Hour), Readers: 100},
	}
	Dispatch(plan, Sending{Relays: []digest.Submission{{Limits: []digest.Spending{limit}}}, PerSecond: 100, Now: at})
	if first, second, third := *plan[0].TakesSeconds, *plan[1].TakesSeconds, *plan[2].TakesSeconds; first != 1 || second < 49*60 || second > 51*60 || third != 1 {
		t.Errorf("they take %d, %d and %d s", first, second, third)
	}
}

// The relays carry one edition after the other: what the first takes in several
// stretches of a limit, or at the pace of the connections, the second waits for.
func TestEditionWaitsForTheOneBefore(t *testing.T) {
	t.Parallel()
	at := instant("2026-03-03T07:00:00Z")
	budget := func(n int, per time.Duration) []digest.Submission {
		return []digest.Submission{{Limits: []digest.Spending{{Budget: digest.Budget{Messages: n, Per: per}}}}}
	}
	for _, c := range []struct {
		name          string
		relays        []digest.Submission
		rate          float64
		first, second string // when the last mail is gone
	}{
		{"1000 an hour", budget(1000, time.Hour), 100, "2026-03-03T10:00:00Z", "2026-03-03T13:00:00Z"},
		{"5 a second", nil, 5, "2026-03-03T07:11:40Z", "2026-03-03T07:23:20Z"},
		{"5 a second as a limit", budget(5, time.Second), 100, "2026-03-03T07:11:40Z", "2026-03-03T07:23:20Z"},
		{"fast enough", nil, 100, "2026-03-03T07:00:35Z", "2026-03-03T07:10:35Z"},
	} {
		plan := []Planned{{Digest: "a", Slot: at, Readers: 3500}, {Digest: "b", Slot: at.Add(10 * time.Minute), Readers: 3500}}
		Dispatch(plan, Sending{Relays: c.relays, PerSecond: c.rate, Now: at.Add(-time.Hour)})
		for i, want := range []string{c.first, c.second} {
			if off := plan[i].OutBy.Sub(instant(want)).Abs(); off > 20*time.Second {
				t.Errorf("%s: edition %d is out by %s, want %s", c.name, i, plan[i].OutBy, want)
			}
		}
	}
}

// What expires before its turn keeps no later edition waiting.
func TestWhatExpiresKeepsNoRelayBusy(t *testing.T) {
	t.Parallel()
	at := instant("2026-03-03T07:00:00Z")
	plan := []Planned{
		{Digest: "a", Slot: at, Readers: 100_000, of: digest.Digest{FreshUntil: time.Hour}}, {Digest: "b", Slot: at.Add(2 * time.Hour), Readers: 60},
	}
	Dispatch(plan, Sending{PerSecond: 1, Now: at})
	if took := *plan[1].TakesSeconds; took != 60 {
		t.Errorf("it takes %d s", took)
	}
}

func TestDigestsMeetOnlyWhereTheyShareAListAndTheMinutes(t *testing.T) {
	t.Parallel()
	at := instant("2026-03-03T06:00:00Z")
	for _, c := range []struct {
		name   string
		list   string
		later  time.Duration
		rate   float64
		shared bool
	}{
		{"same minute", "readers", 0, 100, true},
		{"ten minutes", "readers", 10 * time.Minute, 100, true},
		{"an hour", "readers", time.Hour, 100, false},
		{"an hour, the first still going out", "readers", time.Hour, 0.2, true},
		{"another list", "staff", 0, 100, false},
	} {
		plan := []Planned{
			{Digest: "a", Slot: at, Readers: 1000, of: digest.Digest{Lists: []string{"readers"}}},
			{Digest: "b", Slot: at.Add(c.later), Readers: 1000, of: digest.Digest{Lists: []string{c.list}}},
		}
		Dispatch(plan, Sending{PerSecond: c.rate, Now: at})
		if said(plan[0], "overlaps with b") != c.shared || said(plan[1], "overlaps with a") != c.shared {
			t.Errorf("%s: %q, %q", c.name, plan[0].Warnings, plan[1].Warnings)
		}
	}
}

func TestPlanWarnsOfMailsThatAreTooLargeOrCannotBeMade(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		size Size
		err  error
		want string
	}{
		{Size{HTML: 110_000}, nil, "Gmail clips"}, {Size{HTML: 85_000}, nil, "near the 102 KB"}, {Size{HTML: 30_000, More: 1}, nil, "1 story left"},
		{Size{}, errors.New("no {{reason}}"), "cannot be made as things are: no {{reason}}"}, {Size{HTML: 30_000}, nil, ""},
	} {
		plan := []Planned{{mails: make([]digest.Variant, 1)}}
		Weigh(plan, func(digest.Edition, digest.Variant) (Size, error) { return c.size, c.err })
		if w := strings.Join(plan[0].Warnings, "\n"); !strings.Contains(w, c.want) || (w == "") != (c.want == "") {
			t.Errorf("%+v: %q", c.size, w)
		}
	}
}
