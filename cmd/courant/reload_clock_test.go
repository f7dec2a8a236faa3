package main

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"courant/digest"
	"courant/digest/schedule"
	"courant/digest/smtpsink"
)

// hands is a serve whose clock a test sets, tick by tick: the config is read
// from its file, the rows are in the database, only time is not the system's.
type hands struct {
	*desk
	*serving
	house   *house
	hour    *schedule.Clock
	at      time.Time
	written *lockedBuffer // the log, which several clocks may write
	items   int
}

func moment(t testing.TB, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// newHands starts with the digests of a config at an instant.
func newHands(t *testing.T, at, digests string) *hands {
	t.Helper()
	h := &hands{desk: newDesk(t, smtpsink.Options{}), at: moment(t, at), written: &lockedBuffer{}}
	h.configure()
	h.write("base.yaml", strings.SplitAfter(h.text(), "digests:\n")[0])
	h.digests(digests)
	h.start(at)
	return h
}

// start is another start of the process.
func (h *hands) start(at string) {
	h.t.Helper()
	h.at = moment(h.t, at)
	log := slog.New(slog.NewTextHandler(h.written, nil))
	p := &program{stdout: h.written, stderr: h.written, env: os.LookupEnv, now: func() time.Time { return h.at }, configFile: filepath.Join(h.dir, "courant.yaml")}
	opened, err := p.open(h.t.Context(), log)
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() {
		if err := opened.store.Close(); err != nil {
			h.t.Error(err)
		}
	})
	h.house, h.serving = opened, newServing(p, opened, []string{"schedule", "deliver", "web"})
	h.hour = h.clock()
	h.tick(at)
}

func (h *hands) text() string {
	h.t.Helper()
	text, err := os.ReadFile(filepath.Join(h.dir, "courant.yaml"))
	if err != nil {
		h.t.Fatal(err)
	}
	return string(text)
}

// digests writes the config with others.
func (h *hands) digests(lines string) {
	h.t.Helper()
	base, err := os.ReadFile(filepath.Join(h.dir, "base.yaml"))
	if err != nil {
		h.t.Fatal(err)
	}
	text := string(base) + lines
	if lines == "" {
		text = strings.TrimSuffix(text, "digests:\n")
	}
	h.write("courant.yaml", text)
}

// edit has the process take a config with other digests at an instant.
func (h *hands) edit(at, digests string) {
	h.t.Helper()
	h.at = moment(h.t, at)
	h.digests(digests)
	h.reload(true)
	if h.refused != "" {
		h.t.Fatalf("refused: %s", h.refused)
	}
}

// tick has the clock look at an instant, with news that it can publish.
func (h *hands) tick(at string) {
	h.t.Helper()
	h.at = moment(h.t, at)
	h.report()
	if _, err := h.hour.Tick(h.t.Context()); err != nil {
		h.t.Fatalf("%s: %v", at, err)
	}
}

// report is a poll that brings one article.
func (h *hands) report() {
	h.t.Helper()
	h.items++
	url := fmt.Sprintf("https://example.com/%d", h.items)
	sources := h.reign().config.Sources
	if err := h.store.SyncSources(h.t.Context(), sources); err != nil {
		h.t.Fatal(err)
	}
	_, err := h.store.SavePoll(h.t.Context(), digest.SourceState{Source: sources[0]}, []digest.Article{{
		Source: sources[0].Name, GUID: url, URL: url, Canonical: url, Title: fmt.Sprintf("Harbour %d opens its gate", h.items), Category: "World",
		Points: []string{"The mole is mended."}, PointsFrom: digest.PointsFeed, FirstSeen: h.at,
	}})
	if err != nil {
		h.t.Fatal(err)
	}
}

// wantEditions wants these editions and no other, as digest and slot.
func (h *hands) wantEditions(name string, want ...string) {
	h.t.Helper()
	got := h.lines(`SELECT digest || ' ' || slot FROM editions WHERE kind = 'slot' ORDER BY instant`)
	if !slices.Equal(got, want) {
		h.t.Errorf("%s: editions %q, want %q", name, got, want)
	}
}

// lines are the rows of a query, each one text.
func (h *hands) lines(query string) []string {
	h.t.Helper()
	text := h.query(`SELECT coalesce(string_agg(line, E'\n'), '') FROM (` + strings.Replace(query, " FROM", " AS line FROM", 1) + `) AS rows`)
	if text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}

func digestLine(name, spec, zone, more string) string {
	return fmt.Sprintf("  %s: {title: %s, schedule: %q, time_zone: %s, lists: [readers], categories: [World]%s}\n", name, name, spec, zone, more)
}

func TestScheduleThatMovesInMidRunGivesOneEditionADay(t *testing.T) {
	t.Parallel()
	seven, eight, six := digestLine("morning", "0 7 * * *", "Europe/Berlin", ""), digestLine("morning", "0 8 * * *", "Europe/Berlin", ""), digestLine("morning", "0 6 * * *", "Europe/Berlin", "")
	t.Run("to 08:00 at 07:30", func(t *testing.T) {
		t.Parallel()
		h := newHands(t, "2026-12-01T06:00:00+01:00", seven)
		h.tick("2026-12-01T07:00:00+01:00")
		h.edit("2026-12-01T07:30:00+01:00", eight)
		for _, at := range []string{"2026-12-01T07:30:01+01:00", "2026-12-01T08:00:00+01:00", "2026-12-01T09:00:00+01:00", "2026-12-02T07:00:00+01:00"} {
			h.tick(at)
		}
		h.wantEditions("that day", "morning 2026-12-01T07:00+01:00")
		h.tick("2026-12-02T08:00:00+01:00")
		h.wantEditions("the next", "morning 2026-12-01T07:00+01:00", "morning 2026-12-02T08:00+01:00")
		if !strings.Contains(h.written.String(), `msg="schedule counts from now" digest=morning schedule="0 8 * * * in Europe/Berlin" next=2026-12-01T07:00:00.000Z`) {
			t.Errorf("the log does not say when the next is due:\n%s", h.written)
		}
	})
	t.Run("to 06:00 at 05:00", func(t *testing.T) {
		t.Parallel()
		h := newHands(t, "2026-12-01T04:00:00+01:00", seven)
		h.edit("2026-12-01T05:00:00+01:00", six)
		for _, at := range []string{"2026-12-01T05:00:01+01:00", "2026-12-01T06:00:00+01:00", "2026-12-01T07:00:00+01:00"} {
			h.tick(at)
		}
		h.wantEditions("that day", "morning 2026-12-01T06:00+01:00")
	})
	t.Run("from two a day to another hour", func(t *testing.T) {
		t.Parallel()
		h := newHands(t, "2026-12-01T06:00:00+01:00", digestLine("morning", "0 7,18 * * *", "Europe/Berlin", ""))
		h.tick("2026-12-01T07:00:00+01:00")
		h.edit("2026-12-01T07:30:00+01:00", eight)
		h.tick("2026-12-01T08:00:00+01:00")
		h.wantEditions("that day", "morning 2026-12-01T07:00+01:00")
	})
	t.Run("to an hour that is over, over a restart", func(t *testing.T) {
		t.Parallel()
		h := newHands(t, "2026-12-01T05:00:00+01:00", eight)
		h.digests(seven)
		h.start("2026-12-01T07:30:00+01:00")
		h.tick("2026-12-01T08:00:00+01:00")
		h.wantEditions("that day")
	})
}

// Two hosts have different configs for a while: the one with the older looks at
// the clock just when a slot of the newer is due.
func TestSlotOfTheNewerConfigIsNotHiddenByAHostWithTheOlder(t *testing.T) {
	t.Parallel()
	h := newHands(t, "2026-12-01T05:00:00Z", digestLine("morning", "0 9 * * *", "UTC", ""))
	older := h.hour
	h.digests(digestLine("morning", "0 8 * * *", "UTC", ""))
	h.start("2026-12-01T07:00:00Z")
	newer := h.hour
	for _, at := range []string{"2026-12-01T07:59:50Z", "2026-12-01T08:00:04Z", "2026-12-01T08:00:19Z", "2026-12-01T09:00:00Z"} {
		for _, c := range []*schedule.Clock{older, newer} {
			h.hour = c
			h.tick(at)
		}
	}
	h.wantEditions("two configs", "morning 2026-12-01T08:00Z") // and none at nine: it is that day's
	// Who slept for longer may be the one with the older config, and believes the rows.
	h.hour = newer
	h.tick("2026-12-02T07:30:00Z")
	h.hour = older
	h.tick("2026-12-02T08:30:00Z")
	h.hour = newer
	h.tick("2026-12-02T08:30:01Z")
	h.wantEditions("after a sleep", "morning 2026-12-01T08:00Z")
}

func TestZoneThatMovesInMidRunGivesOneEditionADay(t *testing.T) {
	t.Parallel()
	berlin, auckland := digestLine("morning", "0 7 * * *", "Europe/Berlin", ""), digestLine("morning", "0 7 * * *", "Pacific/Auckland", "")
	h := newHands(t, "2026-11-30T06:00:00+01:00", berlin)
	h.tick("2026-11-30T07:00:00+01:00")
	h.edit("2026-12-01T06:59:00+01:00", auckland)
	for _, at := range []string{"2026-12-01T06:59:01+01:00", "2026-12-01T07:00:00+01:00", "2026-12-01T18:00:00Z"} {
		h.tick(at)
	}
	h.wantEditions("to Auckland", "morning 2026-11-30T07:00+01:00", "morning 2026-12-02T07:00+13:00")
	// Back again: Auckland's 2 December was Berlin's, too.
	h.edit("2026-12-01T20:00:00Z", berlin)
	h.tick("2026-12-02T07:00:00+01:00")
	h.tick("2026-12-03T07:00:00+01:00")
	h.wantEditions("and back", "morning 2026-11-30T07:00+01:00", "morning 2026-12-02T07:00+13:00", "morning 2026-12-03T07:00+01:00")
}

func TestDigestThatIsTakenOutAndPutBackDoesNotBackFill(t *testing.T) {
	t.Parallel()
	morning, other := digestLine("morning", "0 7 * * *", "UTC", ", catch_up: all"), digestLine("evening", "0 18 * * *", "UTC", "")
	h := newHands(t, "2026-12-01T06:00:00Z", morning+other)
	h.tick("2026-12-01T07:00:00Z")
	h.edit("2026-12-02T06:59:58Z", other)
	h.tick("2026-12-02T06:59:59Z")
	h.edit("2026-12-02T07:00:05Z", morning+other)
	h.tick("2026-12-02T07:00:06Z")
	h.wantEditions("back at once", "morning 2026-12-01T07:00Z")
	h.edit("2026-12-02T07:10:00Z", other)
	h.tick("2026-12-02T07:20:00Z")
	h.edit("2026-12-12T09:00:00Z", morning+other)
	h.tick("2026-12-12T09:00:01Z")
	h.tick("2026-12-13T07:00:00Z")
	h.wantEditions("back after days", "morning 2026-12-01T07:00Z", "morning 2026-12-13T07:00Z")
	if n := h.query(`SELECT number FROM editions WHERE digest = 'morning' AND slot LIKE '2026-12-13%'`); n != "2" {
		t.Errorf("its next edition has number %s, want 2", n)
	}
}

func TestDigestThatIsRenamedBeginsAnew(t *testing.T) {
	t.Parallel()
	h := newHands(t, "2026-12-01T06:00:00Z", digestLine("morning", "0 7 * * *", "UTC", ""))
	h.tick("2026-12-01T07:00:00Z")
	h.edit("2026-12-01T07:30:00Z", digestLine("dawn", "0 7 * * *", "UTC", ""))
	h.tick("2026-12-01T07:30:01Z")
	h.wantEditions("that day", "morning 2026-12-01T07:00Z")
	h.tick("2026-12-02T07:00:00Z")
	h.wantEditions("the next", "morning 2026-12-01T07:00Z", "dawn 2026-12-02T07:00Z")
	if n := h.query(`SELECT number FROM editions WHERE digest = 'dawn'`); n != "1" {
		t.Errorf("the first dawn has number %s", n)
	}
}

func TestEditionsKeepTheHashOfTheConfigInForce(t *testing.T) {
	t.Parallel()
	h := newHands(t, "2026-12-01T06:00:00Z", digestLine("morning", "0 7 * * *", "UTC", ""))
	first := h.reign().config.Hash()
	h.tick("2026-12-01T07:00:00Z")
	h.edit("2026-12-01T08:00:00Z", digestLine("morning", "0 7 * * *", "UTC", ", max_articles: 3"))
	second := h.reign().config.Hash()
	h.digests(digestLine("morning", "0 7 * * *", "UTC", ", max_articles: none"))
	h.reload(true)
	if h.refused == "" || first == second {
		t.Fatalf("refused %q, hashes %s and %s", h.refused, first, second)
	}
	h.tick("2026-12-02T07:00:00Z")
	if got := h.lines(`SELECT config_hash FROM editions ORDER BY instant`); !slices.Equal(got, []string{first, second}) {
		t.Errorf("editions keep %q, in force were %s, then %s", got, first, second)
	}
	if !strings.Contains(h.written.String(), "config refused, the one before stays in force") || !strings.Contains(h.written.String(), "courant.yaml:") {
		t.Errorf("the log does not say where:\n%s", h.written)
	}
}

// TestRandomEditsNeverGiveADailyDigestTwoEditionsADay edits schedules and zones
// at random between ticks, through the config's file and the rows.
func TestRandomEditsNeverGiveADailyDigestTwoEditionsADay(t *testing.T) {
	t.Parallel()
	for seed := range uint64(2) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(seed, 11))
			hours, zones := []string{"0 6 * * *", "0 7 * * *", "30 8 * * *", "0 20 * * *"}, []string{"UTC", "Europe/Berlin", "Pacific/Auckland", "America/New_York"}
			pick := func() (text string) {
				for _, name := range []string{"morning", "evening"} {
					if r.IntN(5) > 0 {
						text += digestLine(name, hours[r.IntN(len(hours))], zones[r.IntN(len(zones))], ", catch_up: all")
					}
				}
				return text
			}
			h := newHands(t, "2026-03-27T00:00:00Z", pick())
			edited := h.at
			for range 24 {
				next := h.at.Add(time.Duration(1+r.IntN(400)) * time.Minute)
				switch r.IntN(4) {
				case 0:
					edited = next
					h.edit(next.Format(time.RFC3339), pick())
				case 1:
					h.start(next.Format(time.RFC3339))
				}
				h.tick(next.Format(time.RFC3339))
			}
			if twice := h.lines(`SELECT digest || ' ' || local_date FROM editions WHERE kind = 'slot' GROUP BY digest, local_date HAVING count(*) > 1`); len(twice) > 0 {
				t.Errorf("two editions of one day: %q", twice)
			}
			if n := h.query(`SELECT count(*) FROM editions`); n == "0" {
				t.Errorf("no edition at all, last edit %s", edited)
			}
			// Each slot is published or has its reason.
			if open := h.lines(`SELECT digest || ' ' || slot FROM slots WHERE state = 'owed'`); len(open) > 0 {
				t.Errorf("still owed: %q", open)
			}
		})
	}
}
