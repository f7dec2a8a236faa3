package web

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

// TestDeskAccessTable walks every route of the desk with every method.
func TestDeskAccessTable(t *testing.T) {
	t.Parallel()
	d := Desk{Metrics: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { plain(w, http.StatusOK, "courant_x 1\n") }), Inside: true}
	h := d.Handler()
	ask := func(method, host, path string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, "http://"+host+path, nil)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store", "Location": "", "Set-Cookie": "", "Access-Control-Allow-Origin": ""} {
			if got := w.Header().Get(name); got != want {
				t.Errorf("%s %s: %s is %q, want %q", method, path, name, got, want)
			}
		}
		if !strings.Contains(w.Header().Get("Content-Security-Policy"), "default-src 'none'") {
			t.Errorf("%s %s has no policy", method, path)
		}
		return w
	}
	known := map[string][]string{
		"/metrics": {"GET", "HEAD"}, "/healthz": {"GET", "HEAD"}, "/api/openapi.json": {"GET", "HEAD"},
		"/api/articles": {"GET", "HEAD", "POST", "DELETE"},
	}
	if n := len(d.routes()); n != len(known) {
		t.Errorf("%d routes, the test knows %d", n, len(known))
	}
	for _, rt := range d.routes() {
		if !slices.Equal(rt.methods, known[rt.path]) || rt.token != (rt.path == "/api/articles") {
			t.Errorf("%s for %v, token %v, is in the table", rt.path, rt.methods, rt.token)
		}
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"} {
			want := http.StatusMethodNotAllowed
			if slices.Contains(rt.methods, method) {
				want = http.StatusOK
				if rt.token {
					want = http.StatusUnauthorized
				}
			}
			if w := ask(method, "127.0.0.1:8081", rt.path); w.Code != want {
				t.Errorf("%s %s: %d, want %d", method, rt.path, w.Code, want)
			}
		}
	}
	for _, path := range []string{"/", "/metrics/", "/metrics/x", "//metrics", "/api", "/api/", "/api/articles/", "/api/articles/1", "/../metrics", "/debug/pprof/", "/u/x"} {
		if w := ask("GET", "localhost", path); w.Code != http.StatusNotFound {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
}

func TestDeskInsideAnswersToNoStrangersName(t *testing.T) {
	t.Parallel()
	d := Desk{Metrics: http.NotFoundHandler(), Inside: true}
	for host, want := range map[string]int{
		"127.0.0.1:8081": 200, "[::1]:8081": 200, "localhost:8081": 200, "LOCALHOST": 200, "10.0.0.7": 200,
		"evil.example:8081": 421, "127.0.0.1.evil.example": 421, "": 421,
	} {
		for _, inside := range []bool{true, false} {
			d.Inside = inside
			r := httptest.NewRequest("GET", "/healthz", nil)
			r.Host = host
			w := httptest.NewRecorder()
			d.Handler().ServeHTTP(w, r)
			if inside && w.Code != want || !inside && w.Code != 200 {
				t.Errorf("asked as %q, inside %v: %d", host, inside, w.Code)
			}
		}
	}
}
