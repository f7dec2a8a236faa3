package web

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"courant/digest"
)

const cmsToken = "a-token-of-the-newsroom"

// pressRows are what the way in needs of the rows, in memory.
type pressRows struct {
	pushed digest.Push
	err    error
}

func (r *pressRows) Push(_ context.Context, p digest.Push) ([]digest.Pushed, error) {
	r.pushed = p
	var results []digest.Pushed
	for i, a := range p.Articles {
		results = append(results, digest.Pushed{URL: a.URL, ID: digest.ArticleID(i + 1), Status: digest.PushStatuses()[i%4]})
	}
	return results, r.err
}

func (r *pressRows) Withdraw(_ context.Context, _, address string, _ time.Time) (digest.Withdrawal, error) {
	if strings.Contains(address, "unknown") {
		return digest.Withdrawal{}, digest.ErrNotFound
	}
	return digest.Withdrawal{URL: address, ID: 7, Told: strings.Contains(address, "told")}, r.err
}

func (r *pressRows) ListArticles(_ context.Context, sieve digest.ArticleSieve) ([]digest.ListedArticle, error) {
	return []digest.ListedArticle{{Candidate: digest.Candidate{Article: digest.Article{ID: 1, Title: sieve.Source}}}}, r.err
}

// wayIn is a desk that takes articles; the log is what it said.
func wayIn(r *pressRows) (*Desk, *bytes.Buffer) {
	log := &bytes.Buffer{}
	return &Desk{
		Metrics: http.NotFoundHandler(), Log: slog.New(slog.NewTextHandler(log, nil)), Inside: true,
		Push: Push{
			Store: r, Tokens: []PushToken{
				{digest.Source{Name: "CMS", Kind: digest.SourcePush}, sha256.Sum256([]byte(cmsToken))},
				{digest.Source{Name: "Other", Kind: digest.SourcePush}, sha256.Sum256([]byte("another-token-of-theirs"))},
			},
			Read: func(body []byte) ([]digest.Article, []digest.ArticleFault, error) {
				switch {
				case bytes.HasPrefix(body, []byte("bad")):
					return nil, nil, digest.ArticleFault{Line: 3, Said: "this is no JSON"}
				case bytes.HasPrefix(body, []byte("faulty")):
					return nil, []digest.ArticleFault{{Pointer: "/0/a b~1c", Line: 2, Said: "wrong"}, {Said: "and more"}}, nil
				}
				return []digest.Article{{URL: "https://example.com/a"}, {URL: "https://example.com/b"}, {}, {}}, nil, nil
			},
		},
	}, log
}

// request is one to the way in; what is not said is as it should be.
type request struct {
	method, path, body, token, kind string
	header                          map[string]string
}

func (q request) ask(h http.Handler) *httptest.ResponseRecorder {
	if q.method == "" {
		q.method = "POST"
	}
	if q.path == "" {
		q.path = "/api/articles"
	}
	r := httptest.NewRequest(q.method, "http://127.0.0.1:8081"+q.path, strings.NewReader(q.body))
	if q.token == "" {
		q.token = "Bearer " + cmsToken
	}
	if q.token != "none" {
		r.Header.Set("Authorization", q.token)
	}
	if q.kind == "" {
		q.kind = "application/json"
	}
	r.Header.Set("Content-Type", q.kind)
	for name, value := range q.header {
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestPushAnswersEachFaultWithItsStatus(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		ask  request
		err  error
		want int
		says string // in the answer, or a header as "Name: value"
	}{
		{"new articles", request{}, nil, 201, `{"source":"CMS","articles":[{"url":"https://example.com/a","id":1,"status":"created"},{"url":"https://example.com/b","id":2,"status":"updated"}`},
		{"a charset", request{kind: `application/json; charset=UTF-8`}, nil, 201, ""},
		{"a small bearer", request{token: "bearer " + cmsToken}, nil, 201, ""},
		{"kept", request{}, nil, 201, "courant articles correct"},
		{"no JSON", request{body: "bad"}, nil, 400, "line 3: this is no JSON"},
		{"faults", request{body: "faulty"}, nil, 422, `"errors":[{"pointer":"#/0/a%20b~1c","line":2,"detail":"wrong"},{"pointer":"#","detail":"and more"}]`},
		{"a parameter", request{path: "/api/articles?source=CMS"}, nil, 400, "takes no parameters"},
		{"no token", request{token: "none"}, nil, 401, `Www-Authenticate: Bearer realm="courant"`},
		{"a wrong token", request{token: "Bearer " + cmsToken + "x"}, nil, 401, `Www-Authenticate: Bearer realm="courant"`},
		{"an empty token", request{token: "Bearer "}, nil, 401, ""},
		{"another scheme", request{token: "Basic " + cmsToken}, nil, 401, ""},
		{"the bare token", request{token: cmsToken}, nil, 401, ""},
		{"the sum of a token", request{token: fmt.Sprintf("Bearer %x", sha256.Sum256([]byte(cmsToken)))}, nil, 401, ""},
		{"a page of another origin", request{header: map[string]string{"Sec-Fetch-Site": "cross-site"}}, nil, 403, "other origins"},
		{"an origin", request{header: map[string]string{"Origin": "https://evil.example"}}, nil, 403, ""},
		{"put", request{method: "PUT"}, nil, 405, "Allow: GET, HEAD, POST, DELETE"},
		{"options", request{method: "OPTIONS"}, nil, 405, ""},
		{"too large", request{body: strings.Repeat(" ", MostPushBody+1)}, nil, 413, "5 MB"},
		{"a form", request{kind: "application/x-www-form-urlencoded"}, nil, 415, "Accept: application/json"},
		{"plain text", request{kind: "text/plain"}, nil, 415, ""},
		{"another charset", request{kind: "application/json; charset=latin1"}, nil, 415, ""},
		{"packed", request{header: map[string]string{"Content-Encoding": "gzip"}}, nil, 415, ""},
		{"the database is away", request{}, errors.New("gone"), 503, "Retry-After: 10"},
		{"withdrawn", request{method: "DELETE", path: "/api/articles?url=https%3A%2F%2Fexample.com%2Fa"}, nil, 200, `{"url":"https://example.com/a","id":7,"status":"withdrawn","told":false}`},
		{"withdrawn late", request{method: "DELETE", path: "/api/articles?url=https%3A%2F%2Fexample.com%2Ftold"}, nil, 200, `"told":true`},
		{"withdrawn by nobody", request{method: "DELETE", path: "/api/articles?url=https%3A%2F%2Fexample.com%2Funknown"}, nil, 404, "no article at that address"},
		{"withdrawn what", request{method: "DELETE"}, nil, 400, "?url="},
		{"withdrawn javascript", request{method: "DELETE", path: "/api/articles?url=javascript:alert(1)"}, nil, 400, ""},
		{"withdrawn while away", request{method: "DELETE", path: "/api/articles?url=https%3A%2F%2Fexample.com%2Fa"}, errors.New("gone"), 503, ""},
		{"a list", request{method: "GET", path: "/api/articles?limit=5&since=2026-11-22T09:30:00Z"}, nil, 200, `"title":"CMS"`},
		{"a list of too many", request{method: "GET", path: "/api/articles?limit=501"}, nil, 400, "1 to 500"},
		{"a list since when", request{method: "GET", path: "/api/articles?since=yesterday"}, nil, 400, "RFC 3339"},
		{"another's list", request{method: "GET", path: "/api/articles?source=Other"}, nil, 400, "since, limit"},
		{"another's list by token", request{method: "GET", token: "Bearer another-token-of-theirs"}, nil, 200, `"title":"Other"`},
	} {
		d, log := wayIn(&pressRows{err: c.err})
		w := c.ask.ask(d.Handler())
		if w.Code != c.want {
			t.Errorf("%s: %d, want %d: %s", c.name, w.Code, c.want, w.Body)
		}
		name, value, _ := strings.Cut(c.says, ": ")
		if !strings.Contains(w.Body.String(), c.says) && (c.says == "" || w.Header().Get(name) != value) {
			t.Errorf("%s: %v %s, want %s", c.name, w.Header(), w.Body, c.says)
		}
		kind := w.Header().Get("Content-Type")
		if c.want < 400 && kind != "application/json" || c.want >= 400 && kind != "application/problem+json" {
			t.Errorf("%s: Content-Type %s", c.name, kind)
		}
		var p problem
		if c.want >= 400 && (json.Unmarshal(w.Body.Bytes(), &p) != nil || p.Status != c.want || p.Title == "" || p.Detail == "" || p.Type != "about:blank") {
			t.Errorf("%s: %s", c.name, w.Body)
		}
		if strings.Contains(log.String(), cmsToken) || strings.Contains(w.Body.String(), cmsToken) {
			t.Errorf("%s: the token is told: %s %s", c.name, log, w.Body)
		}
	}
}

func TestPushIsLoggedInOneLine(t *testing.T) {
	t.Parallel()
	d, log := wayIn(&pressRows{})
	request{}.ask(d.Handler())
	if got := log.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, `msg="articles pushed" source=CMS articles=4 created=1 updated=1 unchanged=1 kept=1`) {
		t.Error(got)
	}
}

func TestPushTakesTheSourceOfTheToken(t *testing.T) {
	t.Parallel()
	r := &pressRows{}
	d, _ := wayIn(r)
	request{token: "Bearer another-token-of-theirs"}.ask(d.Handler())
	if r.pushed.Source.Name != "Other" {
		t.Errorf("pushed as %q", r.pushed.Source.Name)
	}
}

func TestDeskWithoutTokensLetsNobodyPush(t *testing.T) {
	t.Parallel()
	r := &pressRows{}
	d, _ := wayIn(r)
	d.Push.Tokens = nil
	for _, token := range []string{"none", "Bearer ", "Bearer x", "Bearer " + cmsToken} {
		if w := (request{token: token}).ask(d.Handler()); w.Code != 401 || r.pushed.Articles != nil {
			t.Errorf("%q: %d", token, w.Code)
		}
	}
}

// While a network guesses, not even the right token tells that it is right.
func TestGuessedTokensAreNotListenedToForSoLongAsIsSaid(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	d, _ := wayIn(&pressRows{})
	d.Push.Now = func() time.Time { return now }
	h := d.Handler()
	for i := range maxBadPushes {
		if w := (request{token: fmt.Sprintf("Bearer guess-%d", i)}).ask(h); w.Code != 401 {
			t.Fatalf("guess %d: %d", i, w.Code)
		}
	}
	for _, token := range []string{"", "Bearer guess", "none"} {
		if w := (request{token: token}).ask(h); w.Code != 429 || w.Header().Get("Retry-After") != "120" {
			t.Errorf("with token %q: %d", token, w.Code)
		}
	}
	other := httptest.NewRequest("GET", "http://127.0.0.1:8081/api/articles", nil)
	other.RemoteAddr = "198.51.100.9:4711"
	other.Header.Set("Authorization", "Bearer "+cmsToken)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, other)
	if w.Code != 200 {
		t.Errorf("another network: %d", w.Code)
	}
	begun := now
	for _, left := range []int{90, 30, 1} {
		now = begun.Add(2*time.Minute - time.Duration(left)*time.Second)
		if w := (request{}).ask(h); w.Code != 429 || w.Header().Get("Retry-After") != fmt.Sprint(left) {
			t.Errorf("%d seconds before: %d, Retry-After %s", left, w.Code, w.Header().Get("Retry-After"))
		}
	}
	now = begun.Add(2 * time.Minute)
	if w := (request{}).ask(h); w.Code != 201 {
		t.Errorf("later: %d", w.Code)
	}
}

func TestBodyThatDoesNotComeWholeIsRefused(t *testing.T) {
	t.Parallel()
	d, _ := wayIn(&pressRows{})
	r := httptest.NewRequest("POST", "http://127.0.0.1/api/articles", io.MultiReader(strings.NewReader("{"), broken{}))
	r.Header.Set("Authorization", "Bearer "+cmsToken)
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	d.Handler().ServeHTTP(w, r)
	if w.Code != 400 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("the line was cut") }

// TestDescriptionNamesEveryRoute holds the OpenAPI document against the access
// table, and what it says of answers against those that are given.
func TestDescriptionNamesEveryRoute(t *testing.T) {
	t.Parallel()
	d, _ := wayIn(&pressRows{})
	w := request{method: "GET", path: "/api/openapi.json", token: "none"}.ask(d.Handler())
	var doc struct {
		OpenAPI string
		Paths   map[string]map[string]struct {
			Security  []map[string][]string
			Responses map[string]any
		}
		Components struct{ Schemas map[string]any }
	}
	if err := json.Unmarshal(w.Body.Bytes(), &doc); err != nil || w.Code != 200 || doc.OpenAPI != "3.1.0" {
		t.Fatalf("%d %v %s", w.Code, err, doc.OpenAPI)
	}
	described := 0
	for _, rt := range d.routes() {
		if !strings.HasPrefix(rt.path, "/api/") {
			continue
		}
		described++
		methods := slices.Sorted(maps.Keys(doc.Paths[rt.path]))
		var want []string
		for _, m := range rt.methods {
			want = append(want, strings.ToLower(m))
		}
		slices.Sort(want)
		if !slices.Equal(methods, want) {
			t.Errorf("%s is described for %v, and takes %v", rt.path, methods, want)
		}
		for method, op := range doc.Paths[rt.path] {
			if rt.token != (len(op.Security) == 1) || rt.token != (op.Responses["401"] != nil) {
				t.Errorf("%s %s: its token is described otherwise", method, rt.path)
			}
		}
	}
	if described != len(doc.Paths) {
		t.Errorf("%d paths are described, %d are there", len(doc.Paths), described)
	}
	for _, ref := range strings.Split(w.Body.String(), `"$ref": "`)[1:] {
		at, _, _ := strings.Cut(ref, `"`)
		if u, err := url.Parse(at); err != nil || doc.Components.Schemas[strings.TrimPrefix(u.Fragment, "/components/schemas/")] == nil {
			t.Errorf("%s leads nowhere", at)
		}
	}
}
