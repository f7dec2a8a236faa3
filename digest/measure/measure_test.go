package measure

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"courant/digest"
)

// rows stands in for the store.
type rows struct {
	editions []digest.Progress
	shares   []digest.Share
	spent    map[string][]digest.Spent
	err      error
	counted  []digest.EditionID // by the last look
	looks    atomic.Int64
}

func (r *rows) Underway(context.Context, time.Time) ([]digest.Progress, error) {
	return append([]digest.Progress(nil), r.editions...), r.err
}

func (r *rows) Shares(_ context.Context, ids []digest.EditionID) (list []digest.Share, err error) {
	r.looks.Add(1)
	r.counted = ids
	for _, s := range r.shares {
		for _, id := range ids {
			if s.Edition == id {
				list = append(list, s)
			}
		}
	}
	return list, r.err
}

func (r *rows) SourceStates(context.Context) ([]digest.SourceState, error) {
	at := time.Date(2026, 11, 22, 7, 0, 0, 0, time.UTC)
	past := at.AddDate(0, 0, -9)
	return []digest.SourceState{
		{Source: digest.Source{Name: "Wire"}, LastPoll: at, Failures: 3, FailingSince: at, Error: "https://token@example.org/ is away"},
		{Source: digest.Source{Name: "Herald"}, FirstPoll: past, LastPoll: at, LastSuccess: at, Newest: past},
		{Source: digest.Source{Name: "Gazette"}, LastPoll: at, Failures: 1, FailingSince: at, Gone: true},
		{Source: digest.Source{Name: "Tomorrow"}},
	}, r.err
}

func (r *rows) Spent(_ context.Context, account string, limits []digest.Budget) (list []digest.Spending, err error) {
	for _, l := range limits {
		list = append(list, digest.Spending{Budget: l, Spent: r.spent[account]})
	}
	return list, r.err
}

func TestSpentLimitIsAFigure(t *testing.T) {
	t.Parallel()
	r := &rows{spent: map[string][]digest.Spent{"harbour@mx:587": {{Messages: 5, Back: time.Minute}, {Messages: 45, Back: 90 * time.Minute}},
		"other@mx:25": {{Messages: 2, Back: time.Minute}}}}
	now := time.Date(2026, 11, 22, 7, 0, 0, 0, time.UTC)
	limits := func(l ...digest.Budget) (list []digest.Spending) {
		for _, b := range l {
			list = append(list, digest.Spending{Budget: b})
		}
		return list
	}
	f := New(Options{Store: r, Now: func() time.Time { return now }, Limits: []digest.Submission{
		{Relay: "mx:587", Account: "harbour@mx:587", Limits: limits(digest.Budget{Messages: 60, Per: time.Hour}, digest.Budget{Messages: 45, Per: 24 * time.Hour})},
		{Relay: "mx:25", Account: "mx:25", Limits: limits(digest.Budget{Messages: 60, Per: time.Hour})}, {Relay: "free:25", Account: "free:25"},
		{Relay: "mx:25", Account: "other@mx:25", Limits: limits(digest.Budget{Messages: 2, Per: time.Hour})}, // one name, one figure
	}})
	want(t, scrape(t, f), `courant_limit_wait_seconds{relay="mx:587"} 5400`, `courant_limit_wait_seconds{relay="mx:25"} 0`, `courant_limit_wait_seconds{relay="free:25"} 0`)
	// It is asked with the limits of the config each time.
	now, r.spent = now.Add(time.Hour), nil
	want(t, scrape(t, f), `courant_limit_wait_seconds{relay="mx:587"} 0`)
}

// scrape is what a Prometheus reads.
func scrape(t *testing.T, f *Figures) string {
	t.Helper()
	w := httptest.NewRecorder()
	f.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if w.Code != http.StatusOK || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/plain") {
		t.Fatalf("%d %s\n%s", w.Code, w.Header().Get("Content-Type"), w.Body)
	}
	return w.Body.String()
}

func want(t *testing.T, text string, lines ...string) {
	t.Helper()
	for _, line := range lines {
		if !strings.Contains(text, "\n"+line+"\n") {
			name, _, _ := strings.Cut(line, "{")
			t.Errorf("no line %s; there is\n%s", line, grep(text, name))
		}
	}
}

func grep(text, name string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, name) {
			b.WriteString(line)
		}
	}
	return b.String()
}

func TestAttemptsAreCountedByRelayProviderAndVerdict(t *testing.T) {
	t.Parallel()
	f := New(Options{Relays: []string{"mx:587"}})
	attempt := func(address string, v digest.Verdict, c digest.Class) {
		f.Began("mx:587", digest.Work{Recipient: digest.Recipient{Address: address}})
		f.Attempted(digest.Attempt{Work: digest.Work{Recipient: digest.Recipient{Address: address}}, Relay: "mx:587",
			Outcome: digest.Outcome{Verdict: v, Class: c}, Took: 20 * time.Millisecond})
	}
	attempt("a@gmail.com", digest.VerdictAccepted, "")
	attempt("b@gmail.com", digest.VerdictAccepted, "")
	attempt("secret.name@strange.example", digest.VerdictRefused, digest.ClassBlocked)
	f.Began("mx:587", digest.Work{})
	f.Attempted(digest.Attempt{Relay: "mx:587", Withdrawn: true})
	f.Began("mx:587", digest.Work{Recipient: digest.Recipient{Address: "c@yahoo.com"}})
	f.Polled("read", 7)
	f.Polled("failed", 0)
	f.Asked("used", []string{"number", "name", "number"})
	f.Expired(2)
	f.Salvaged(5, 1)
	f.Resent(1)
	text := scrape(t, f)
	want(t, text,
		`courant_attempts_total{provider="gmail",relay="mx:587",verdict="accepted"} 2`,
		`courant_attempts_total{provider="other",relay="mx:587",verdict="refused"} 1`,
		`courant_attempts_total{provider="apple",relay="mx:587",verdict="in doubt"} 0`,
		`courant_setbacks_total{class="blocked",relay="mx:587",verdict="refused"} 1`,
		`courant_attempt_seconds_count{relay="mx:587"} 3`, `courant_attempt_seconds_bucket{relay="mx:587",le="0.025"} 3`,
		`courant_in_flight{provider="yahoo",relay="mx:587"} 1`, `courant_in_flight{provider="gmail",relay="mx:587"} 0`,
		`courant_in_flight{provider="other",relay="mx:587"} 0`, `courant_withdrawn_total 1`, `courant_polls_total{status="failed"} 1`, `courant_articles_total 7`, `courant_points_asked_total{outcome="used"} 1`, `courant_points_asked_total{outcome="left"} 0`, `courant_points_dropped_total{fault="number"} 2`, `courant_expired_total 2`,
		`courant_salvaged_total{state="settled"} 4`, `courant_salvaged_total{state="in doubt"} 1`, `courant_resent_total 1`)
	if !strings.Contains(text, "\ngo_goroutines ") || !strings.Contains(text, "\nprocess_cpu_seconds_total ") {
		t.Error("the figures of the Go runtime are missing")
	}
	if strings.Contains(text, "strange") || strings.Contains(text, "@") {
		t.Error("a scrape names an address or its domain")
	}
}

func TestLedgerIsToldByDigestAndState(t *testing.T) {
	t.Parallel()
	slot := time.Date(2026, 11, 22, 7, 0, 0, 0, time.UTC)
	now := slot.Add(10 * time.Minute)
	r := &rows{
		editions: []digest.Progress{
			{Edition: digest.Edition{ID: 1, Digest: "morning", Kind: digest.KindSlot, State: digest.EditionSending, Instant: slot, Published: slot.Add(time.Second)}},
			{Edition: digest.Edition{ID: 2, Digest: "morning", Kind: digest.KindProof, State: digest.EditionHeld, Instant: slot}},
		},
		shares: []digest.Share{
			{Edition: 1, State: digest.Accepted, N: 70, Last: slot.Add(90 * time.Second)},
			{Edition: 1, State: digest.Queued, N: 20, Waiting: slot},
			{Edition: 1, State: digest.Queued, Deferred: true, N: 5, Waiting: slot},
			{Edition: 1, State: digest.Sending, Lane: 1, N: 3}, {Edition: 1, State: digest.Sending, Lane: 2, N: 1},
			{Edition: 1, State: digest.InDoubt, N: 1}, {Edition: 2, State: digest.Queued, N: 1, Waiting: slot.Add(time.Minute)},
		},
	}
	f := New(Options{Store: r, Now: func() time.Time { return now }})
	want(t, scrape(t, f), `courant_database_up 1`,
		`courant_editions{state="sending"} 1`, `courant_editions{state="held"} 1`, `courant_editions{state="open"} 0`,
		`courant_deliveries{digest="morning",state="accepted"} 70`, `courant_deliveries{digest="morning",state="queued"} 21`,
		`courant_deliveries{digest="morning",state="deferred"} 5`, `courant_deliveries{digest="morning",state="sending"} 4`,
		`courant_deliveries{digest="morning",state="in doubt"} 1`, `courant_deliveries{digest="morning",state="expired"} 0`,
		`courant_slot_to_last_accepted_seconds{digest="morning"} 90`, `courant_oldest_queued_seconds{digest="morning"} 600`,
		`courant_source_failures{source="Wire"} 3`, `courant_source_up{source="Wire"} 0`, `courant_source_up{source="Herald"} 1`, `courant_source_up{source="Gazette"} 0`,
		`courant_source_silent{source="Herald"} 1`, `courant_source_silent{source="Wire"} 0`, `courant_source_dead{source="Gazette"} 1`, `courant_source_dead{source="Tomorrow"} 0`,
		`courant_source_last_success_timestamp_seconds{source="Herald"} 1.7953308e+09`, `courant_source_newest_article_timestamp_seconds{source="Herald"} 1.7945532e+09`)
	if text := scrape(t, f); strings.Contains(text, `courant_source_up{source="Tomorrow"}`) || strings.Contains(text, "token") {
		t.Error("a source's fault is in the figures, or one that was never polled is up or down")
	}
}

func TestScrapesShareALookAtTheRows(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 7, 0, 0, 0, time.UTC)
	done := digest.Progress{Edition: digest.Edition{ID: 1, Digest: "morning", State: digest.EditionDone}, Finished: now}
	open := digest.Progress{Edition: digest.Edition{ID: 2, Digest: "evening", State: digest.EditionSending}}
	r := &rows{editions: []digest.Progress{done, open}, shares: []digest.Share{{Edition: 1, State: digest.Accepted, N: 9}}}
	f := New(Options{Store: r, Now: func() time.Time { return now }})
	scrape(t, f)
	scrape(t, f)
	if n := r.looks.Load(); n != 1 {
		t.Errorf("two scrapes in one moment looked %d times", n)
	}
	now = now.Add(lookEvery)
	if want(t, scrape(t, f), `courant_deliveries{digest="morning",state="accepted"} 9`); r.looks.Load() != 2 || len(r.counted) != 1 || r.counted[0] != 2 {
		t.Errorf("look %d counted editions %v: the finished one is known", r.looks.Load(), r.counted)
	}
	now = now.Add(finishedFor)
	if scrape(t, f); len(r.counted) != 2 {
		t.Errorf("after some minutes editions %v were counted: reports may have come in", r.counted)
	}
}

func TestProcessTellsWhichConfigIsInForce(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 22, 7, 0, 0, 5_000_000, time.UTC)
	f := New(Options{Store: &rows{}, Relays: []string{"a:25"}})
	server := httptest.NewServer(f.Handler())
	t.Cleanup(server.Close)
	asked := func() Told {
		told, err := Ask(t.Context(), server.URL, []string{"a:25", "b:25"})
		if err != nil {
			t.Fatal(err)
		}
		return told
	}
	f.InForce("5f0c", at.Add(-time.Hour), []string{"a:25"}, nil)
	f.InForce("91ab", at, []string{"b:25"}, []digest.Submission{{Relay: "b:25", Limits: []digest.Spending{{Budget: digest.Budget{Messages: 5, Per: time.Hour}}}}})
	if got := asked(); got.Config != (Config{"91ab", true, at}) || len(got.Relays) != 2 {
		t.Errorf("it tells %+v", got)
	}
	text := scrape(t, f)
	if want(t, text, `courant_config_info{hash="91ab"} 1`); strings.Contains(text, "5f0c") || !strings.Contains(text, `relay="b:25"`) {
		t.Error("the config of before is told, or nothing of the new relay")
	}
	if f.Refused(); asked().Config.OK {
		t.Error("a config that was refused is told as in force")
	}
	if f.Restored(); !asked().Config.OK {
		t.Error("the file is the one in force again, and nobody is told")
	}
}

func TestScrapeWithoutADatabaseStillTellsWhatTheProcessDid(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 7, 0, 0, 0, time.UTC)
	r := &rows{err: errors.New("connection refused")}
	f := New(Options{Store: r, Now: func() time.Time { return now }})
	f.Resent(1)
	text := scrape(t, f)
	want(t, text, `courant_database_up 0`, `courant_resent_total 1`)
	if strings.Contains(text, "courant_deliveries{") || strings.Contains(text, "connection refused") {
		t.Errorf("figures nobody could read, or the fault's words, are told:\n%s", grep(text, "courant"))
	}
}
