package web

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"courant/digest"
)

// Desk is what Courant shows to those who run it, on a listener of its own: the
// figures of the process, and the way in for articles that are pushed.
type Desk struct {
	Metrics http.Handler                // answers a scrape
	Health  func(context.Context) error // as Site has it
	Push    Push                        // the way in for articles
	Log     *slog.Logger                // nil: none
	// Inside says that the listener is on a loopback address. Then only names of
	// this machine are answered: a stranger's page in a browser here can name
	// its own host 127.0.0.1, but not be called so.
	Inside bool
}

// deskRoute is a row of the desk's access table.
type deskRoute struct {
	path    string
	methods []string
	token   bool // asks for the token of a source
	serve   http.Handler
}

// routes is the access table of the desk. What is not in it does not exist.
// Without a token nothing changes anything, and nothing names a reader: whoever
// reaches the listener may read it.
func (d *Desk) routes() []deskRoute {
	push := newPushing(d.Push, d.log())
	health := &handler{Site: Site{Health: d.Health, Log: d.log()}}
	return []deskRoute{
		{"/metrics", reading, false, d.Metrics},
		{"/api/articles", append(slices.Clone(reading), http.MethodPost, http.MethodDelete), true, http.HandlerFunc(push.articles)},
		{"/api/openapi.json", reading, false, http.HandlerFunc(describe)},
		{"/healthz", reading, false, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { health.healthz(w, r, digest.Ref{}) })},
	}
}

func (d *Desk) log() *slog.Logger {
	if d.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return d.Log
}

// Server is an HTTP server for the desk with its limits set. The caller owns
// the listener.
func (d *Desk) Server() *http.Server { return limited(d.Handler(), d.Log) }

// Handler answers all routes of the desk.
func (d *Desk) Handler() http.Handler {
	mux := http.NewServeMux()
	for _, r := range d.routes() {
		mux.Handle(r.path, guardDesk(r))
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		set := w.Header().Set
		set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		set("X-Content-Type-Options", "nosniff")
		set("X-Frame-Options", "DENY")
		set("Referrer-Policy", "no-referrer")
		set("Cross-Origin-Resource-Policy", "same-origin")
		set("Cache-Control", "no-store")
		switch _, pattern := mux.Handler(r); {
		case d.Inside && !namesThisMachine(r.Host):
			turnAway(w, r, http.StatusMisdirectedRequest, "ask for this machine by its address or as localhost") // RFC 9110 section 15.5.20
		case pattern == "" || pattern != r.URL.Path:
			turnAway(w, r, http.StatusNotFound, "there is /metrics, /api/articles, /api/openapi.json and /healthz here")
		default:
			mux.ServeHTTP(w, r)
		}
	})
}

func guardDesk(rt deskRoute) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !slices.Contains(rt.methods, r.Method) {
			w.Header().Set("Allow", strings.Join(rt.methods, ", ")) // RFC 9110 section 15.5.6
			turnAway(w, r, http.StatusMethodNotAllowed, "this address takes "+strings.Join(rt.methods, ", "))
			return
		}
		rt.serve.ServeHTTP(w, r)
	})
}

// turnAway says no, to programs in their words.
func turnAway(w http.ResponseWriter, r *http.Request, status int, text string) {
	if strings.HasPrefix(r.URL.Path, "/api/") {
		refuse(w, status, text)
		return
	}
	plain(w, status, text+"\n")
}

// namesThisMachine says whether a Host header is an address, or localhost:
// what a resolver in a stranger's hands cannot make up.
func namesThisMachine(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.Trim(host, "[]")
	_, err := netip.ParseAddr(host)
	return err == nil || strings.EqualFold(host, "localhost")
}
