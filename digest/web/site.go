package web

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"courant/digest"
	"courant/templates"
)

// Store is what the pages need of the rows.
type Store interface {
	// Standing is how the reader of a delivery stands to its digest;
	// digest.ErrNotFound when the reader was erased or never was.
	Standing(ctx context.Context, ref digest.Ref) (digest.Standing, error)
	// Leave records a leaving, or what was chosen instead of it. Doing it
	// twice is doing it once.
	Leave(ctx context.Context, ref digest.Ref, l digest.Leaving) error
	// Undo takes back what the reader last chose on the way out;
	// digest.ErrNotFound when there is nothing that can be taken back.
	Undo(ctx context.Context, ref digest.Ref, at time.Time) error
}

// Site is Courant's public face.
type Site struct {
	Name      string // of the publisher, on every page
	URL       string // Courant's public address
	Language  string // BCP 47, where neither the reader nor the browser names one we have
	Languages fs.FS  // lang/ as in package templates; nil: that
	Keys      *digest.Keyring
	Store     Store
	Spool     Spool // nil: while the database is away, nobody can leave
	// View gives the HTML of the variant a delivery carried; not ok when it is
	// no longer kept. Nil: nothing is kept.
	View func(ctx context.Context, ref digest.Ref) (html []byte, ok bool, err error)
	// Digests are those readers may know of, in the editor's order.
	Digests []Publication
	Archive ArchiveStore // nil: no edition is shown
	// Edition is an edition as the archive shows it, as HTML or as text.
	Edition func(e digest.Edition, v digest.Variant, since []digest.Remark, text bool) ([]byte, error)
	// SignUp is the path of the page that signs readers up for a digest, empty
	// where its lists take nobody. Nil: there is no such page.
	SignUp  func(name string) (path string)
	SignUps SignUps // the pages themselves
	ID      string  // of the installation, in the ids of its feeds; they stay if the address changes
	// Health says whether the parts behind the pages answer. Nil: always.
	Health         func(ctx context.Context) error
	Now            func() time.Time // nil: time.Now
	Log            *slog.Logger     // nil: none
	TrustedProxies []netip.Prefix   // whose X-Forwarded-For is believed
}

// The limits of a conversation. What a browser or a mailbox provider sends
// here is a few hundred bytes; whoever needs longer is not one.
const (
	maxBody      = 16 << 10
	maxHeader    = 16 << 10
	readTimeout  = 15 * time.Second
	writeTimeout = 30 * time.Second
	idleTimeout  = 60 * time.Second
	storeTimeout = 5 * time.Second
	spoolTimeout = 2 * time.Second // where a leaving can be kept meanwhile
)

// Server is an HTTP server for the site with its time and size limits set. The
// caller owns the listener.
func (s *Site) Server() (*http.Server, error) {
	h, err := s.Handler()
	if err != nil {
		return nil, err
	}
	return limited(h, s.Log), nil
}

// limited is a server that a slow or talkative client cannot hold up.
func limited(h http.Handler, log *slog.Logger) *http.Server {
	srv := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: readTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
	}
	if log != nil {
		srv.ErrorLog = slog.NewLogLogger(log.Handler(), slog.LevelDebug)
	}
	return srv
}

// Handler answers all routes of the site.
func (s *Site) Handler() (http.Handler, error) {
	h := &handler{Site: *s, mux: http.NewServeMux(), bad: &limiter{max: maxBadTokens, window: time.Minute}, forms: &limiter{max: maxForms, window: time.Minute}}
	if h.Now == nil {
		h.Now = time.Now
	}
	if h.Log == nil {
		h.Log = slog.New(slog.DiscardHandler)
	}
	if h.Languages == nil {
		h.Languages = templates.FS
	}
	if h.SignUp == nil {
		h.SignUp = h.signUpOf
	}
	if err := h.readURL(); err != nil {
		return nil, err
	}
	if err := h.readPages(); err != nil {
		return nil, err
	}
	for _, r := range h.routes() {
		h.mux.Handle(r.path, h.guard(r))
	}
	return h, nil
}

type handler struct {
	Site
	mux     *http.ServeMux
	origin  http.CrossOriginProtection
	base    string // path of the public address, without the slash at its end
	pages   map[string]page
	texts   *templates.Catalogue
	style   []byte
	styleID string
	bad     *limiter // of tokens that are not ours
	forms   *limiter // of sign-up forms

	viewPolicy string // of pages that show what a mail carried
}

func (h *handler) readURL() error {
	u, err := url.Parse(h.URL)
	if err != nil {
		return fmt.Errorf("read the public address: %w", err)
	}
	h.base, h.URL = strings.TrimSuffix(u.Path, "/"), strings.TrimSuffix(h.URL, "/")
	h.viewPolicy = viewPolicy
	if u.Scheme == "http" {
		h.viewPolicy = localViewPolicy
	}
	if u.Host == "" {
		return nil
	}
	// Behind a proxy that rewrites Host, an old browser's Origin is ours all
	// the same.
	if err := h.origin.AddTrustedOrigin(u.Scheme + "://" + u.Host); err != nil {
		return fmt.Errorf("read the public address: %w", err)
	}
	return nil
}

func (h *handler) readPages() (err error) {
	if h.texts, err = templates.Load(h.Languages); err != nil {
		return err
	}
	if h.style, err = templates.PageStyle(); err != nil {
		return err
	}
	sum := sha256.Sum256(h.style)
	h.styleID = hex.EncodeToString(sum[:6])
	h.pages = map[string]page{}
	for _, name := range []string{"unsubscribe", "choices", "result", "notice", "home", "archive", "away", "signup", "check", "confirm", "embed"} {
		t, err := templates.Page(name)
		if err != nil {
			return err
		}
		h.pages[name] = page{t}
	}
	return nil
}

// route is a row of the access table: who may use which address, and how.
type route struct {
	path    string
	methods []string
	holder  digest.Purpose // of the token in the path; 0: open to anyone
	serve   func(http.ResponseWriter, *http.Request, digest.Ref)
}

var reading = []string{http.MethodGet, http.MethodHead}

// routes is the access table. What is not in it does not exist.
func (h *handler) routes() []route {
	acting := append(slices.Clone(reading), http.MethodPost)
	return []route{
		{"/u/{token}", acting, digest.PurposeOneClick, h.unsubscribe},
		{"/p/{token}", acting, digest.PurposePage, h.choices},
		{"/v/{token}", reading, digest.PurposeView, h.view},
		{"/s/{list}", acting, 0, h.enrol},
		{"/s/{list}/form", reading, 0, h.embed},
		{"/c/{token}", acting, digest.PurposeConfirm, h.confirm},
		{"/zone.js", reading, 0, zoneScript},
		{"/{$}", reading, 0, h.home},
		{"/a/{digest}", reading, 0, h.archive},
		{"/a/{digest}/feed.atom", reading, 0, h.feed},
		{"/a/{digest}/{edition}", reading, 0, h.edition},
		{"/healthz", reading, 0, h.healthz},
		{"/robots.txt", reading, 0, robots},
		{"/style.css", reading, 0, h.stylesheet},
		{"/favicon.ico", reading, 0, noIcon},
	}
}

// guard lets through the methods of a route and the holders of its token.
func (h *handler) guard(rt route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !slices.Contains(rt.methods, r.Method) {
			w.Header().Set("Allow", strings.Join(rt.methods, ", ")) // RFC 9110 section 15.5.6
			h.notice(w, r, http.StatusMethodNotAllowed, "notice.method")
			return
		}
		if rt.holder == 0 {
			rt.serve(w, r, digest.Ref{})
			return
		}
		token, err := h.Keys.ParseLinkToken(r.PathValue("token"), rt.holder)
		if err != nil {
			h.badToken(w, r)
			return
		}
		if token.Ref == (digest.Ref{}) {
			// A preview's, which names no delivery: no button may do anything,
			// not even a mail program's own (RFC 8058 wants any 2xx).
			h.notice(w, r, http.StatusOK, "notice.preview")
			return
		}
		rt.serve(w, r, token.Ref)
	})
}

// badToken is the one answer to every bad token. A network that sends many is
// told to wait; its good tokens go on working, for a mailbox provider sends
// thousands of one-clicks from one address.
func (h *handler) badToken(w http.ResponseWriter, r *http.Request) {
	status := http.StatusNotFound
	from, at := clientNetwork(r, h.TrustedProxies), h.Now()
	if !h.bad.allow(from, at) {
		status = http.StatusTooManyRequests
		w.Header().Set("Retry-After", strconv.Itoa(max(1, seconds(h.bad.wait(from, at)))))
	}
	h.notice(w, r, status, "notice.token")
}

const (
	pagePolicy = "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
	// A mail carries its styles inline and its pictures by https; where Courant
	// itself is reached by http, which is on loopback only, theirs may be too.
	viewPolicy      = "default-src 'none'; style-src 'unsafe-inline'; img-src https:" + viewRest
	localViewPolicy = "default-src 'none'; style-src 'unsafe-inline'; img-src https: http:" + viewRest

	viewRest = "; form-action 'none'; frame-ancestors 'none'; base-uri 'none'; sandbox allow-popups allow-popups-to-escape-sandbox"
)

// ServeHTTP sets what every answer carries, and turns away addresses that are
// not in their plain form: the mux would answer those with a redirect.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	set := w.Header().Set
	set("Content-Security-Policy", pagePolicy)
	set("Referrer-Policy", "no-referrer") // or a link out of a page would carry its token
	set("X-Content-Type-Options", "nosniff")
	set("X-Frame-Options", "DENY")
	set("X-Robots-Tag", "noindex")
	set("Cross-Origin-Opener-Policy", "same-origin")
	set("Cross-Origin-Resource-Policy", "same-origin")
	set("Cache-Control", "no-store")

	r = h.withoutBase(r)
	if _, pattern := h.mux.Handler(r); pattern == "" || r.URL.Path != path.Clean(r.URL.Path) {
		h.lost(w, r, "notice.missing", digest.Digest{})
		return
	}
	h.mux.ServeHTTP(w, r)
}

// withoutBase takes the path of the public address off, where a proxy left it.
func (h *handler) withoutBase(r *http.Request) *http.Request {
	rest, ok := strings.CutPrefix(r.URL.Path, h.base+"/")
	if r.URL.Path == h.base {
		rest, ok = "", true
	}
	if h.base == "" || !ok {
		return r
	}
	short := r.Clone(r.Context())
	short.URL.Path, short.URL.RawPath = "/"+rest, ""
	return short
}

// healthAnswer is what /healthz says when the parts behind the pages answer.
const healthAnswer = "ok\n"

func (h *handler) healthz(w http.ResponseWriter, r *http.Request, _ digest.Ref) {
	status, text := http.StatusOK, healthAnswer
	if h.Health != nil {
		ctx, cancel := context.WithTimeout(r.Context(), storeTimeout)
		defer cancel()
		if err := h.Health(ctx); err != nil {
			h.Log.Error("health check failed", "error", err)
			status, text = http.StatusServiceUnavailable, "not ready\n"
		}
	}
	plain(w, status, text)
}

func robots(w http.ResponseWriter, _ *http.Request, _ digest.Ref) {
	plain(w, http.StatusOK, "User-agent: *\nDisallow: /u/\nDisallow: /p/\nDisallow: /v/\nDisallow: /c/\n")
}

// noIcon is what browsers are given that ask for an icon unbidden: an empty
// picture, or each page would leave a fault in their log. Views of a mail are
// of no origin, hence for any.
func noIcon(w http.ResponseWriter, _ *http.Request, _ digest.Ref) {
	w.Header().Set("Cross-Origin-Resource-Policy", "cross-origin")
	write(w, http.StatusOK, "image/svg+xml", []byte(`<svg xmlns="http://www.w3.org/2000/svg"/>`))
}

// stylesheet may be kept for a year: its address changes when it does.
func (h *handler) stylesheet(w http.ResponseWriter, r *http.Request, _ digest.Ref) {
	if r.URL.Query().Get("v") == h.styleID {
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	write(w, http.StatusOK, "text/css; charset=utf-8", h.style)
}

// view shows the variant of an edition as it was mailed.
func (h *handler) view(w http.ResponseWriter, r *http.Request, ref digest.Ref) {
	if h.View == nil {
		h.notice(w, r, http.StatusNotFound, "notice.edition")
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), storeTimeout)
	defer cancel()
	html, ok, err := h.View(ctx, ref)
	switch {
	case err != nil:
		h.away(w, r, fmt.Errorf("view an edition: %w", err))
	case !ok:
		h.notice(w, r, http.StatusNotFound, "notice.edition")
	default:
		w.Header().Set("Content-Security-Policy", h.viewPolicy)
		write(w, http.StatusOK, "text/html; charset=utf-8", html)
	}
}
