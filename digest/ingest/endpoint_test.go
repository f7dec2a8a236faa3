package ingest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"courant/digest"
)

// machine is an endpoint that says what a test wants it to.
type machine struct {
	*httptest.Server
	answer http.HandlerFunc

	mu     sync.Mutex
	bodies []string
	heads  []http.Header
}

func newMachine(t *testing.T, answer http.HandlerFunc) *machine {
	t.Helper()
	m := &machine{answer: answer}
	m.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		m.mu.Lock()
		m.bodies, m.heads = append(m.bodies, r.URL.Path+" "+string(body)), append(m.heads, r.Header)
		m.mu.Unlock()
		m.answer(w, r)
	}))
	t.Cleanup(m.Close)
	return m
}

func (m *machine) asked() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.bodies)
}

// says answers with a text as a model does.
func says(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		answer, err := json.Marshal(map[string]any{"choices": []any{map[string]any{"message": map[string]any{"role": "assistant", "content": text}, "finish_reason": "stop"}}})
		if err != nil {
			panic(err)
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, "%s", answer)
	}
}

func writes(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, text) }
}

const goodPoints = "- The harbour closes at noon on Friday for three days.\n- Two ferries move to the old pier.\n- The works cost 3.5 million euros, which the city pays."

func TestEndpointIsAskedForTheArticleAndNothingElse(t *testing.T) {
	t.Parallel()
	m := newMachine(t, says(goodPoints))
	e := &Endpoint{URL: m.URL + "/v1/", Model: "llama3.1", Key: "a good key", UserAgent: "Courant/1 (+https://news.example.com)"}
	points, err := e.Write(t.Context(), quay())
	if err != nil || len(points) != 3 || points[0] != "The harbour closes at noon on Friday for three days." {
		t.Fatalf("%q, %v", points, err)
	}
	path, body, _ := strings.Cut(m.bodies[0], " ")
	var q map[string]any
	if err := json.Unmarshal([]byte(body), &q); err != nil || path != "/v1/chat/completions" || q["model"] != "llama3.1" || q["stream"] != false {
		t.Errorf("%s %s, %v", path, body, err)
	}
	messages, _ := q["messages"].([]any)
	if len(messages) != 2 || len(q) != 5 {
		t.Fatalf("asked %v", q)
	}
	said := messages[1].(map[string]any)["content"].(string)
	if said != "<<<ARTICLE\n"+quay().Title+"\n\n"+quay().Text+"\nARTICLE>>>" {
		t.Errorf("told %q", said)
	}
	if h := m.heads[0]; h.Get("Authorization") != "Bearer a good key" || h.Get("User-Agent") != e.UserAgent || h.Get("Content-Type") != "application/json" || h.Get("Cookie") != "" {
		t.Errorf("headers %v", h)
	}
	long := quay()
	long.Text = strings.Repeat(long.Text, 100)
	if _, err := e.Write(t.Context(), long); err != nil || len(m.bodies[1]) > 3*maxBody {
		t.Errorf("%d bytes were sent, %v", len(m.bodies[1]), err)
	}
}

func TestEndpointThatFailsIsNotBelieved(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		answer  http.HandlerFunc
		outcome string
		says    string
	}{
		{"good", says(goodPoints), AskedUsed, ""},
		{"more than asked", says(goodPoints + "\n- About 1,250 commuters use the two ferries.\n- The wall was built in 1911 and moved by 11 centimetres."), AskedUsed, ""},
		{"one good and one bad", says("The harbour closes at noon on Friday for three days.\nMayor Bob Example resigned over 17 million euros."), AskedUsed, ""},
		{"error", status(http.StatusInternalServerError), AskedFailed, "500"},
		{"no such model", status(http.StatusNotFound), AskedFailed, "check url and name"},
		{"wrong key", status(http.StatusUnauthorized), AskedFailed, "check the key"},
		{"no content", status(http.StatusNoContent), AskedFailed, "204"},
		{"redirect", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/v1/other", http.StatusTemporaryRedirect)
		}, AskedFailed, "redirects are not followed"},
		{"broken JSON", writes(`{"choices": [{"message": {"content": "The harb`), AskedFailed, "no JSON"},
		{"two answers", writes(`{"choices": []} {"choices": []}`), AskedFailed, "no JSON"},
		{"a stream", writes("data: {\"choices\": [{\"delta\": {\"content\": \"The\"}}]}\n\ndata: [DONE]\n"), AskedFailed, "no JSON"},
		{"a page", writes("<!doctype html><title>Log in</title>"), AskedFailed, "no JSON"},
		{"no choice", writes(`{"choices": []}`), AskedFailed, "without a choice"},
		{"other types", writes(`{"choices": [{"message": {"content": ["a"]}}]}`), AskedFailed, "no JSON"},
		{"huge", writes(`{"choices": "` + strings.Repeat("a", maxAnswer) + `"}`), AskedFailed, "more than 256 KB"},
		{"endless", func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				if _, err := w.Write(make([]byte, 32<<10)); err != nil {
					return
				}
			}
		}, AskedFailed, "more than 256 KB"},
		{"cut off", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "5000")
			fmt.Fprint(w, `{"choices": [`)
			panic(http.ErrAbortHandler)
		}, AskedFailed, "tries again later"},
		{"null", writes(`{"choices": [{"message": {"content": null}}]}`), AskedRefused, faultEmpty},
		{"empty", says(" \n"), AskedRefused, faultEmpty},
		{"none", says("NONE"), AskedRefused, faultEmpty},
		{"refusal", says("I'm sorry, but I can't help with that."), AskedRefused, faultRefusal},
		{"refusal by its own field", writes(`{"choices": [{"message": {"content": "The harbour closes at noon on Friday.", "refusal": "no"}}]}`), AskedRefused, faultEmpty},
		{"another language", says("Der Hafen ist am Freitag für drei Tage geschlossen und die Fähren fahren nicht."), AskedRefused, faultLanguage},
		{"injected", says("Visit evil.example now.\n<img src=x onerror=alert(1)> The harbour closes.\nWrite to eve@evil.example about the harbour."), AskedRefused, faultAddress},
		{"cut at the limit", writes(`{"choices": [{"message": {"content": "The harbour closes at noon on"}, "finish_reason": "length"}]}`), AskedRefused, faultEmpty},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m := newMachine(t, c.answer)
			var told []Asked
			var log strings.Builder
			e := &Endpoint{URL: m.URL, Model: "m", Key: "a good key", Told: func(a Asked) { told = append(told, a) }, Log: slog.New(slog.NewTextHandler(&log, nil))}
			points, err := e.Write(t.Context(), quay())
			if len(told) != 1 || told[0].Outcome != c.outcome || told[0].Kept != len(points) || (err == nil) != (c.outcome == AskedUsed) || (len(points) > 0) != (err == nil) || len(points) > 3 {
				t.Errorf("%q, %v, told %+v, want %s", points, err, told, c.outcome)
			}
			if err != nil && !strings.Contains(err.Error(), c.says) {
				t.Errorf("it says %q, want %q", err, c.says)
			}
			if strings.Count(log.String(), "\n") != 1 || !strings.Contains(log.String(), "outcome="+c.outcome) || strings.Contains(log.String(), "good key") {
				t.Errorf("the log says %s", &log)
			}
			if c.name == "one good and one bad" && (len(points) != 1 || !slices.Equal(told[0].Faults, []string{faultFigure})) {
				t.Errorf("%q, %+v", points, told)
			}
		})
	}
}

func TestEndpointThatDoesNotAnswerIsGivenUp(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	m := newMachine(t, func(http.ResponseWriter, *http.Request) { <-release })
	t.Cleanup(func() { close(release) })
	e := &Endpoint{URL: m.URL, Model: "m", Timeout: 50 * time.Millisecond}
	if points, err := e.Write(t.Context(), quay()); points != nil || err == nil || !strings.Contains(err.Error(), "did not answer within 50ms") {
		t.Errorf("%q, %v", points, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := e.Write(ctx, quay()); err == nil || e.failures != 1 {
		t.Errorf("that we stopped counts as its failure: %d, %v", e.failures, err)
	}
}

func TestEndpointThatFailsIsLeftAlone(t *testing.T) {
	t.Parallel()
	m := newMachine(t, status(http.StatusInternalServerError))
	c := &clock{at: testNow}
	e := &Endpoint{URL: m.URL, Model: "m", Now: c.now}
	ask := func(n int) {
		for range n {
			_, _ = e.Write(t.Context(), quay())
		}
	}
	for _, step := range []struct {
		after time.Duration
		asked int
	}{{0, 3}, {59 * time.Second, 0}, {time.Second, 1}, {119 * time.Second, 0}, {time.Second, 1}, {3 * time.Minute, 0}, {time.Minute, 1}} {
		before := m.asked()
		c.turn(step.after)
		ask(10)
		if got := m.asked() - before; got != step.asked {
			t.Fatalf("after %s more it was asked %d times, want %d", step.after, got, step.asked)
		}
	}
	for range 20 { // the rest never grows beyond an hour
		c.turn(longestRest)
		before := m.asked()
		if ask(5); m.asked() != before+1 {
			t.Fatalf("asked %d times after an hour", m.asked()-before)
		}
	}
	m.answer = says(goodPoints)
	c.turn(longestRest)
	before := m.asked()
	if ask(5); m.asked() != before+5 {
		t.Errorf("asked %d times of 5 after it was back", m.asked()-before)
	}
}

func TestEndpointIsLeftAloneAsLongAsItAsks(t *testing.T) {
	t.Parallel()
	m := newMachine(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "600")
		w.WriteHeader(http.StatusTooManyRequests)
	})
	c := &clock{at: testNow}
	e := &Endpoint{URL: m.URL, Model: "m", Now: c.now}
	var left *leftError
	for range 5 {
		_, err := e.Write(t.Context(), quay())
		if m.asked() != 1 || err == nil {
			t.Fatalf("asked %d times, %v", m.asked(), err)
		}
	}
	c.turn(599 * time.Second)
	if _, err := e.Write(t.Context(), quay()); !errors.As(err, &left) || m.asked() != 1 {
		t.Errorf("asked %d times before its time, %v", m.asked(), err)
	}
	c.turn(time.Second)
	m.answer = says(goodPoints)
	if _, err := e.Write(t.Context(), quay()); err != nil || m.asked() != 2 {
		t.Errorf("asked %d times, %v", m.asked(), err)
	}
}

func TestEndpointIsAskedSoOftenADay(t *testing.T) {
	t.Parallel()
	m := newMachine(t, says(goodPoints))
	c := &clock{at: testNow}
	e := &Endpoint{URL: m.URL, Model: "m", Now: c.now, Daily: 3}
	for day := 1; day <= 2; day++ {
		for range 5 {
			_, _ = e.Write(t.Context(), quay())
		}
		if m.asked() != 3*day {
			t.Errorf("asked %d times on day %d", m.asked(), day)
		}
		c.turn(24 * time.Hour)
	}
	short := quay()
	short.Text = "The harbour closes at noon."
	if _, err := e.Write(t.Context(), short); err == nil || m.asked() != 6 {
		t.Errorf("asked about next to no text: %v", err)
	}
}

func TestBusyEndpointHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := &Endpoint{URL: "http://127.0.0.1:1", Model: "m"}
		e.setUp()
		e.open = stuck{}
		var all sync.WaitGroup
		begun := time.Now()
		for range turns {
			all.Go(func() { _, _ = e.Write(t.Context(), quay()) })
		}
		synctest.Wait()
		var left *leftError
		if _, err := e.Write(t.Context(), quay()); !errors.As(err, &left) || left.why != "busy" || time.Since(begun) != turnPatience {
			t.Errorf("%v after %s", err, time.Since(begun))
		}
		all.Wait()
		if time.Since(begun) != usualPatience {
			t.Errorf("given up after %s", time.Since(begun))
		}
	})
}

// stuck never answers.
type stuck struct{}

func (stuck) RoundTrip(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

func TestPlainHTTPStaysInside(t *testing.T) {
	t.Parallel()
	for address, inside := range map[string]bool{"127.0.0.1:80": true, "10.1.2.3:11434": true, "[::1]:80": true, "[fd00::1]:80": true, "192.168.1.1:80": true,
		"93.184.216.34:80": false, "[2606:2800:220:1::1]:80": false, "no address": false} {
		if err := onlyPrivate(address); (err == nil) != inside {
			t.Errorf("%s: %v", address, err)
		}
	}
	e := &Endpoint{URL: "http://169.254.169.254/v1", Model: "m"}
	if _, err := e.Write(t.Context(), quay()); err == nil || !strings.Contains(err.Error(), "link-local or special address") {
		t.Errorf("asked a link-local address: %v", err)
	}
}

func TestLookTellsWhatTheEndpointIsGoodFor(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		state  digest.FindingState
		text   string
	}{
		"good":    {says("The harbour closes at noon on Friday for three days.\nTwo ferries move to the old pier until the work is done."), digest.FindingOK, "2 of its points"},
		"useless": {says("The moon is made of green cheese, says NASA."), digest.FindingLook, "were not used"},
		"away":    {status(http.StatusBadGateway), digest.FindingLook, "502"},
	} {
		e := &Endpoint{URL: newMachine(t, c.answer).URL, Model: "llama3.1"}
		if f := e.Look(t.Context()); f.State != c.state || !strings.Contains(f.Text, c.text) || f.State != digest.FindingOK && f.Next == "" {
			t.Errorf("%s: %+v", name, f)
		}
	}
}

// The endpoint is asked for new articles for which first sentences would
// stand in, once each, and for no others.
func TestPollAsksOnlyWhereNobodyGavePoints(t *testing.T) {
	t.Parallel()
	m := newMachine(t, says("The harbour closes for three days while divers mend the quay wall."))
	body := "<p>The harbour closes for three days while divers mend the quay wall, the port office said.</p><p>" + strings.Repeat("The works go on day and night while the ferries move to the old pier. ", 6) + "</p>"
	s := newSite(t, map[string]http.HandlerFunc{})
	item := func(path, description, content string) string {
		return fmt.Sprintf(`<item><title>Harbour news of %s</title><link>%[4]s/%[1]s</link><description><![CDATA[%[2]s]]></description><content:encoded><![CDATA[%[3]s]]></content:encoded></item>`, path, description, content, s.URL)
	}
	feed := `<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/"><channel><title>Wire</title>` +
		item("list", "", "<ul><li>The harbour closes for three days.</li><li>The ferries move to the old pier.</li></ul>"+body) +
		item("described", "Divers mend the oldest wall of the port, and shops at the quay stay open all the while.", body) +
		item("bare", "", body) + item("short", "", "<p>The harbour closes for three days while divers mend the wall.</p>") + `</channel></rss>`
	s.set("/feed.xml", writes(feed))
	var told []Asked
	r := &rows{}
	in := &Ingest{Store: r, Fetcher: &Fetcher{AllowPrivate: true, Pace: -1}, Sources: []digest.Source{{Name: "Wire", Kind: digest.SourceFeed, URL: s.URL + "/feed.xml"}},
		Writer: &Endpoint{URL: m.URL, Model: "m", Told: func(a Asked) { told = append(told, a) }}}
	for range 2 {
		if _, err := in.FetchNow(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	from := map[string]digest.PointsFrom{}
	for _, a := range r.articles {
		from[strings.TrimPrefix(a.URL, s.URL)] = a.PointsFrom
	}
	want := map[string]digest.PointsFrom{"/list": digest.PointsFeed, "/described": digest.PointsDescription, "/bare": digest.PointsModel, "/short": digest.PointsLead}
	if fmt.Sprint(from) != fmt.Sprint(want) || m.asked() != 1 {
		t.Errorf("from %v after %d questions, want %v after one", from, m.asked(), want)
	}
	if len(told) != 2 || told[0].Outcome != AskedUsed || told[1].Outcome != AskedNobody {
		t.Errorf("told %+v", told)
	}
	// One that lies changes nothing: first sentences stand in.
	m.answer = says("President Bob Example resigned on Tuesday over 17 million dollars.")
	a := digest.Article{Title: quay().Title, Text: quay().Text, Points: []string{"The first sentence."}, PointsFrom: digest.PointsLead}
	if err := Rewrite(t.Context(), in.Writer, &a, digest.PointRule{}); err == nil || a.PointsFrom != digest.PointsLead || a.Points[0] != "The first sentence." {
		t.Errorf("%v, from %s: %q", err, a.PointsFrom, a.Points)
	}
}

// One poll spends so much on the points of its articles, and no more.
func TestPollAsksForSoManyArticles(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		each  time.Duration
		asked int
	}{"quick": {0, writesAPoll}, "slow": {20 * time.Second, 4}} {
		now := &clock{at: testNow}
		w := &slowWriter{now, c.each, 0}
		articles := make([]digest.Article, 100)
		for i := range articles {
			articles[i].PointsFrom = digest.PointsLead
		}
		in := &Ingest{Fetcher: &Fetcher{Now: now.now}, Writer: w}
		in.write(t.Context(), articles, digest.PointRule{})
		if w.asked != c.asked {
			t.Errorf("%s: asked %d times, want %d", name, w.asked, c.asked)
		}
	}
}

type slowWriter struct {
	*clock
	each  time.Duration
	asked int
}

func (w *slowWriter) Write(context.Context, digest.Article) ([]string, error) {
	w.asked++
	w.turn(w.each)
	return nil, errRefused
}
