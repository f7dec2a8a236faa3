package explain

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/rivo/uniseg"

	"courant/digest"
)

func situation() Situation {
	at := instant("2026-03-29T05:01:30Z")
	slot := instant("2026-03-29T05:00:00Z")
	edition := func(n int, state digest.EditionState) digest.Edition {
		return digest.Edition{ID: digest.EditionID(n), Digest: "morning", Title: "Morning Brief", Number: n, Kind: digest.KindSlot, State: state,
			Instant: slot, Zone: "Europe/Berlin", Published: slot}
	}
	held := edition(0, digest.EditionHeld)
	held.Kind, held.HeldReason = digest.KindProof, "render: subject: function \"Led\" not defined"
	return Situation{
		At: at, Titles: map[string]string{"morning": "Morning Brief"},
		Editions: []digest.Progress{
			{Edition: edition(11, digest.EditionDone), At: at, Finished: slot.Add(80 * time.Second), Shares: []digest.Share{
				{State: digest.Accepted, N: 99_000, First: slot, Last: slot.Add(75 * time.Second)}, {State: digest.Cancelled, N: 12}, {State: digest.Bounced, N: 3},
			}},
			{Edition: edition(12, digest.EditionSending), At: at, Shares: []digest.Share{
				{State: digest.Accepted, N: 612_345, Lately: 23_100, First: slot.Add(time.Second), Last: at},
				{State: digest.Refused, Class: digest.ClassHard, N: 41, Attempts: 1, Said: "550 5.1.1 <ann@example.org>: user unknown"},
				{State: digest.Queued, Deferred: true, Class: digest.ClassThrottled, N: 1_200, Attempts: 3, Next: at.Add(4 * time.Minute), Said: "451 4.7.1 slow \x1b[31mdown"},
				{State: digest.Queued, N: 386_200, Waiting: slot},
				{State: digest.InDoubt, N: 1, Said: "connection reset"},
				{State: digest.Sending, Lane: 1, N: 150}, {State: digest.Claimed, Lane: 9, N: 63},
			}},
			{Edition: held, At: at, Shares: []digest.Share{{State: digest.Queued, N: 1, Waiting: slot}}},
		},
		Processes: []digest.Process{
			{Owner: "a1b2c3", Host: "mail-1", Lanes: []digest.LaneID{1, 2, 3, 4}, Lease: 4*time.Minute + 12*time.Second},
			{Owner: "d4e5f6", Host: "mail-2", Lanes: []digest.LaneID{9}, Lease: -8 * time.Second},
		},
		Relays: []digest.RelayCount{
			{Relay: "smtp.example.com:587", Attempts: map[digest.Verdict]int{digest.VerdictAccepted: 611_000, digest.VerdictDeferred: 1_300, digest.VerdictRefused: 41}, Rate: 2310},
			{Relay: "[2001:db8::25]:25", Attempts: map[digest.Verdict]int{}, Rate: -1},
		},
		Letters: []digest.LetterTally{
			{Kind: digest.LetterConfirm, State: digest.Queued, N: 1200, Deferred: 3, Next: 4 * time.Minute, Said: "450 4.2.1 later <ann@example.org>"},
			{Kind: digest.LetterManage, State: digest.Refused, N: 1, Said: "550 5.1.1 no such user"},
		},
		Limits: []digest.Submission{
			{Relay: "smtp.example.com:587", Limits: []digest.Spending{
				{Budget: digest.Budget{Messages: 5000, Per: time.Second}, Spent: []digest.Spent{{Messages: 5000, Back: 100 * time.Millisecond}}},
				{Budget: digest.Budget{Messages: 700_000, Per: 24 * time.Hour}, Spent: []digest.Spent{{Messages: 88_000, Back: 2 * time.Hour}, {Messages: 612_345, Back: 24 * time.Hour}}},
				{Budget: digest.Budget{Messages: 900_000, Per: time.Hour}, Spent: []digest.Spent{{Messages: 612_345, Back: time.Hour}}},
			}},
			{Relay: "[2001:db8::25]:25", Limits: []digest.Spending{{Budget: digest.Budget{Messages: 100, Per: time.Second}}}},
		},
		Domains: []digest.LeftAlone{
			{Circuit: digest.Circuit{Domain: "mail.example.net", Class: digest.ClassBlocked, Said: "550 5.7.1 \x1b[31mblocked, see https://example.net/ <bob@mail.example.net>",
				Since: at.Add(-12 * time.Minute), Openings: 2, Left: 3 * time.Minute}, Waiting: 1_199},
			{Circuit: digest.Circuit{Domain: "slow.example", Class: digest.ClassThrottled, Said: "451 4.7.1 later", Since: at.Add(-time.Hour), Openings: 1, Probing: true}, Waiting: 7},
		},
		Config: ConfigInForce{Hash: "5f0c", File: "91ab", Since: at.Add(-26 * time.Hour)},
		Slots:  []digest.Slot{{Digest: "morning", Zone: "Europe/Berlin", Instant: instant("2026-03-30T05:00:00Z")}, {Digest: "weekly", Zone: "Asia/Tokyo", Instant: instant("2026-04-03T22:00:00Z")}},
	}
}

func posted() []digest.Posted {
	slot := instant("2026-03-29T05:00:00Z")
	row := digest.Posted{Ref: digest.Ref{Edition: 1, Reader: 1}, Digest: "morning", Number: 12, Slot: slot, Address: "anna@example.org",
		State: digest.Accepted, Attempts: 1, Reply: "250 2.0.0 ok", SettledAt: slot.Add(time.Minute), MessageID: "<1.abc@news.example.com>"}
	refused, deferred, erased, late, again := row, row, row, row, row
	refused.Address, refused.State, refused.Reply, refused.Class = "bob.with.a.rather.long.name@subdomain.example.net", digest.Refused, "550-5.7.1 \x1b[31mblocked\r\n550 see \u202ehttps://example.net/", digest.ClassBlocked
	deferred.Address, deferred.State, deferred.Attempts, deferred.Reply, deferred.Class = "cy@例え.jp", digest.Queued, 2, "451 4.7.1 slow down", digest.ClassThrottled
	deferred.Deferred = true
	deferred.NotBefore, deferred.SettledAt = slot.Add(20*time.Minute), time.Time{}
	erased.Address, erased.State, erased.Attempts, erased.Reply, erased.MessageID = "", digest.Cancelled, 0, "the reader was erased", ""
	late.Number, late.State, late.SettledAt, late.Reply, late.Attempts, late.MessageID = 0, digest.Queued, time.Time{}, "", 0, ""
	again.State, again.Resends, again.Attempts = digest.InDoubt, 1, 2
	return []digest.Posted{row, refused, deferred, erased, late, again}
}

func table(look Look, rows []digest.Posted) func(io.Writer) error {
	return func(w io.Writer) error { return NewLedgerTable(w, look).Page(rows) }
}

func TestStatusAndDeliveriesReadAsTheyShould(t *testing.T) {
	t.Parallel()
	golden(t, "status.jsonl", lines(t, Status(situation())))
	golden(t, "deliveries.jsonl", lines(t, Deliveries(posted())))
	for name, look := range looks() {
		golden(t, "status"+name+".txt", set(t, func(w io.Writer) error { return WriteStatus(w, situation(), look) }))
		golden(t, "deliveries"+name+".txt", set(t, table(look, posted())))
	}
}

func TestStatusFitsTheTerminalAndShowsNothingRaw(t *testing.T) {
	t.Parallel()
	for _, columns := range []int{24, 40, 61, 80, 110} {
		look := Look{Width: columns, Color: true}
		for _, b := range [][]byte{set(t, func(w io.Writer) error { return WriteStatus(w, situation(), look) }), set(t, table(look, posted()))} {
			for line := range strings.Lines(ours.ReplaceAllString(string(b), "")) {
				if line = strings.TrimSuffix(line, "\n"); uniseg.StringWidth(line) > columns || strings.ContainsAny(line, "\x1b\u202e\r") {
					t.Errorf("%d columns: %q", columns, line)
				}
			}
		}
	}
	for _, b := range [][]byte{set(t, func(w io.Writer) error { return WriteStatus(w, situation(), Look{}) }), lines(t, Status(situation()))} {
		if strings.Contains(string(b), "ann@") {
			t.Errorf("a status names a reader:\n%s", b)
		}
	}
}

func TestStatusSaysWhatIsWrongWithTheConfig(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		config ConfigInForce
		want   string // empty: nothing is said
	}{
		{ConfigInForce{}, ""}, // nobody answers
		{ConfigInForce{Hash: "5f0c", File: "5f0c", OK: true}, ""},
		{ConfigInForce{Hash: "5f0c", File: "5f0c"}, "! The process at desk_listen refused the config as it was saved last"},
		{ConfigInForce{Hash: "5f0c", File: "91ab", OK: true}, "! The process at desk_listen works by another config"},
	} {
		s := Situation{Config: c.config}
		if got := string(set(t, func(w io.Writer) error { return WriteStatus(w, s, Look{}) })); !strings.HasPrefix(got, c.want) || c.want == "" && strings.Contains(got, "config") {
			t.Errorf("%+v: %s", c.config, got)
		}
	}
}

func TestBarIsAsLongWhateverItShows(t *testing.T) {
	t.Parallel()
	for _, p := range [][]int{{0, 0, 0, 10}, {10, 0, 0, 0}, {1, 1, 1, 1_000_000}, {1_000_000, 1, 1, 0}, {3, 3, 3, 1}} {
		s := &sheet{}
		s.bar(digest.Progress{Shares: []digest.Share{{State: digest.Accepted, N: p[0]}, {State: digest.Refused, N: p[1]}, {State: digest.InDoubt, N: p[2]}, {State: digest.Queued, N: p[3]}}})
		bar := strings.Fields(s.out.String())[0]
		if len(bar) != 40 {
			t.Errorf("%v: a bar of %d: %s", p, len(bar), bar)
		}
		if full := p[3] == 0; full != !strings.Contains(bar, "-") {
			t.Errorf("%v: %s", p, bar)
		}
	}
}

func TestNobodyIsBlamedForAQuietDay(t *testing.T) {
	t.Parallel()
	s := situation()
	s.Editions, s.Processes = s.Editions[:1], nil
	if got := string(set(t, func(w io.Writer) error { return WriteStatus(w, s, Look{}) })); strings.Contains(got, "! Nobody") || s.Going() {
		t.Errorf("nothing is to be done:\n%s", got)
	}
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567"} {
		if got := grouped(n); got != want {
			t.Errorf("%d is %s", n, got)
		}
	}
	if got := fmt.Sprintln(rough(90*time.Second), rough(25*time.Hour), rough(0), rough(100*time.Hour)); got != "1 min 30 s 25 h 0 min a second 4 days 4 h\n" {
		t.Error(got)
	}
}

// A spent limit is no pause of the relay: the time to go is the limit's, and
// what an edition before it will spend is not there twice.
func TestTimeToGoHeedsTheLimits(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	s := situation()
	sending := s.Editions[1]
	second := sending
	second.Edition.ID = 99
	left := sending.Tally().Unfinished() - sending.Deferred()
	s.Editions = []digest.Progress{sending, second}
	limit := func(messages int, spent ...digest.Spent) {
		s.Limits = []digest.Submission{{Relay: "mx:25", Limits: []digest.Spending{{Budget: digest.Budget{Messages: messages, Per: day}, Spent: spent}}}}
	}
	for i, c := range []struct {
		messages int
		spent    []digest.Spent
		first    time.Duration // zero: by the rate
		second   time.Duration
	}{
		{3 * left, nil, 0, 0},
		{left, nil, 0, day},
		{left, []digest.Spent{{Messages: left, Back: 5 * time.Hour}}, 5 * time.Hour, 29 * time.Hour},
	} {
		limit(c.messages, c.spent...)
		for j, want := range []time.Duration{c.first, c.second} {
			got, limited, ok := s.eta(s.Editions[j])
			if !ok || limited != (want > 0) || limited && (got-want).Abs() > 2*time.Second {
				t.Errorf("%d: edition %d takes %s, limited %v", i, j, got, limited)
			}
		}
	}
	// Nothing goes, and the limit says why.
	s.Editions = s.Editions[:1]
	s.Editions[0].Shares = []digest.Share{{State: digest.Queued, N: left}}
	if text := string(set(t, func(w io.Writer) error { return WriteStatus(w, s, Look{}) })); !strings.Contains(text, "held up by the relays' limits, about 5 h 0 min to go") ||
		!strings.Contains(text, "reached, next at 10:01 UTC (in 5 h 0 min)") || strings.Contains(text, "nothing came to an end") {
		t.Error(text)
	}
	s.Editions[0].Edition.State = digest.EditionHeld
	if _, _, ok := s.eta(s.Editions[0]); ok {
		t.Error("a held edition has a time to go")
	}
}
