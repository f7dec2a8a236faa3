package web

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"courant/digest"
	"courant/templates"
)

var (
	theReader = digest.Ref{Edition: 7, Reader: 42}
	today     = time.Date(2026, 3, 3, 6, 0, 0, 0, time.UTC)
)

// rows is the store in memory: one reader.
type rows struct {
	mu     sync.Mutex
	reader digest.Standing
	last   digest.Standing // before the last leaving
	writes []string
	away   error
}

func (s *rows) Standing(_ context.Context, ref digest.Ref) (digest.Standing, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.away == nil && ref.Reader != s.reader.Reader {
		return digest.Standing{}, digest.ErrNotFound
	}
	return s.reader, s.away
}

func (s *rows) Leave(_ context.Context, ref digest.Ref, l digest.Leaving) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.away != nil {
		return s.away
	}
	if ref.Reader != s.reader.Reader {
		return digest.ErrNotFound
	}
	s.last = s.reader
	s.writes = append(s.writes, l.How+" "+choiceName(l))
	switch choiceName(l) {
	case "leave":
		if s.reader.LeftAt.IsZero() {
			s.reader.LeftAt = l.At
		}
	case "leave everything":
		s.reader.AllLeftAt = l.At
	case "weekly":
		s.reader.Frequency = digest.Weekly
	case "pause":
		s.reader.PausedUntil = l.PauseUntil
	case "categories":
		s.reader.Categories = l.Categories
	}
	return nil
}

func (s *rows) Undo(_ context.Context, ref digest.Ref, at time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if at.Sub(s.reader.LeftAt) > digest.UndoFor && !s.reader.LeftAt.IsZero() {
		return digest.ErrNotFound
	}
	s.writes = append(s.writes, "undo")
	s.reader = s.last
	return nil
}

func (s *rows) written() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.writes)
}

func (s *rows) change(f func(*rows)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(s)
}

func key(b byte) []byte { return bytes.Repeat([]byte{b}, 32) }

type world struct {
	*httptest.Server
	t    *testing.T
	rows *rows
	keys *digest.Keyring
	log  *bytes.Buffer
}

func open(t *testing.T, shape ...func(*Site)) *world {
	t.Helper()
	w := &world{
		t:    t,
		keys: &digest.Keyring{Current: 2, Tokens: map[byte][]byte{1: key(1), 2: key(2)}, Suppression: key(9)},
		rows: &rows{reader: digest.Standing{
			Reader: 42, Address: "ada.lovelace@example.org", Name: "Ada", Digest: "morning", Title: "Morning Brief",
			Frequency: digest.EveryEdition, DigestCategories: []string{"Military", "World", "Science"},
		}},
		log: &bytes.Buffer{},
	}
	s := &Site{
		Name: "Example News", URL: "https://news.example.com", Keys: w.keys, Store: w.rows, ID: "an installation",
		Digests: publications(), Archive: &shelf{}, Edition: printed,
		Now: func() time.Time { return today },
		Log: slog.New(slog.NewTextHandler(w.log, nil)),
		View: func(_ context.Context, ref digest.Ref) ([]byte, bool, error) {
			return []byte(`<!DOCTYPE html><html lang="en"><title>x</title><p style="color:red">seen</p></html>`), ref.Edition == 7, nil
		},
	}
	for _, f := range shape {
		f(s)
	}
	srv, err := s.Server()
	if err != nil {
		t.Fatal(err)
	}
	w.Server = httptest.NewServer(srv.Handler)
	t.Cleanup(w.Close)
	w.Client().CheckRedirect = func(*http.Request, []*http.Request) error { return errors.New("redirected") }
	return w
}

func (w *world) link(prefix string, p digest.Purpose) string {
	return w.linkFor(prefix, p, theReader)
}

func (w *world) linkFor(prefix string, p digest.Purpose, ref digest.Ref) string {
	return w.URL + prefix + w.keys.LinkToken(0, digest.Token{Purpose: p, Ref: ref})
}

func (w *world) headerLink() string { return w.link("/u/", digest.PurposeOneClick) }
func (w *world) pageLink() string   { return w.link("/p/", digest.PurposePage) }

type answer struct {
	*http.Response
	body string
}

func (w *world) do(method, address, mediaType, body string, head ...string) answer {
	w.t.Helper()
	r, err := http.NewRequest(method, address, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	if mediaType != "" {
		r.Header.Set("Content-Type", mediaType)
	}
	for i := 0; i+1 < len(head); i += 2 {
		r.Header.Set(head[i], head[i+1])
	}
	resp, err := w.Client().Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return answer{resp, string(b)}
}

func (w *world) get(address string) answer { return w.do("GET", address, "", "") }

const urlencoded = "application/x-www-form-urlencoded"

func (w *world) press(address string, fields ...string) answer {
	w.t.Helper()
	form := url.Values{}
	for i := 0; i+1 < len(fields); i += 2 {
		form.Add(fields[i], fields[i+1])
	}
	return w.do("POST", address, urlencoded, form.Encode(), "Sec-Fetch-Site", "same-origin")
}

// oneClickBodies are the two forms of RFC 8058 section 3.2.
func oneClickBodies(t *testing.T) map[string]string {
	t.Helper()
	var b bytes.Buffer
	m := multipart.NewWriter(&b)
	if err := m.WriteField("List-Unsubscribe", "One-Click"); err != nil {
		t.Fatal(err)
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	return map[string]string{urlencoded: "List-Unsubscribe=One-Click", m.FormDataContentType(): b.String()}
}

func TestOneClickLeavesInBothForms(t *testing.T) {
	t.Parallel()
	for mediaType, body := range oneClickBodies(t) {
		w := open(t)
		for range 2 { // the second time nothing is left to do, and that is no error
			if a := w.do("POST", w.headerLink(), mediaType, body); a.StatusCode != http.StatusOK {
				t.Fatalf("%s: %s", mediaType, a.Status)
			}
		}
		if w.rows.reader.LeftAt.IsZero() || w.rows.written()[0] != "one-click leave" {
			t.Errorf("%s: the reader has not left: %q", mediaType, w.rows.written())
		}
	}
}

func TestOneClickComesFromAnywhere(t *testing.T) {
	t.Parallel()
	w := open(t)
	a := w.do("POST", w.headerLink(), urlencoded, "List-Unsubscribe=One-Click",
		"Origin", "https://webmail.example", "Sec-Fetch-Site", "cross-site", "Cookie", "a=b")
	if a.StatusCode != http.StatusOK || w.rows.reader.LeftAt.IsZero() {
		t.Errorf("%s, left at %v", a.Status, w.rows.reader.LeftAt)
	}
}

func TestOneClickOfErasedReaderIsStillFine(t *testing.T) {
	t.Parallel()
	w := open(t)
	gone := w.linkFor("/u/", digest.PurposeOneClick, digest.Ref{Edition: 7, Reader: 99})
	if a := w.do("POST", gone, urlencoded, "List-Unsubscribe=One-Click"); a.StatusCode != http.StatusOK {
		t.Errorf("POST: %s", a.Status)
	}
	if a := w.get(gone); a.StatusCode != http.StatusOK || !strings.Contains(a.body, "not on our lists") {
		t.Errorf("GET: %s\n%s", a.Status, a.body)
	}
}

func TestOneClickUnderRetiredKey(t *testing.T) {
	t.Parallel()
	w := open(t)
	old := w.URL + "/u/" + w.keys.LinkToken(1, digest.Token{Purpose: digest.PurposeOneClick, Ref: theReader})
	if a := w.do("POST", old, urlencoded, "List-Unsubscribe=One-Click"); a.StatusCode != http.StatusOK || w.rows.reader.LeftAt.IsZero() {
		t.Errorf("%s, left at %v", a.Status, w.rows.reader.LeftAt)
	}
}

func TestForgedTokensGetOnePageAndChangeNothing(t *testing.T) {
	t.Parallel()
	w := open(t)
	link := w.headerLink()
	token := link[len(w.URL+"/u/"):]
	forged := []string{"x", token[:len(token)-1], token + "A", strings.Repeat("A", 500), "%00", "a%2Fb",
		w.keys.LinkToken(0, digest.Token{Purpose: digest.PurposePage, Ref: theReader}),
		w.keys.LinkToken(0, digest.Token{Purpose: digest.PurposeView, Ref: theReader}),
		w.keys.LinkToken(0, digest.Token{Purpose: digest.PurposeReturn, Ref: theReader}),
	}
	for i := range token {
		for _, c := range []byte{token[i] ^ 1, token[i] ^ 0x20, 'A', '_'} {
			if c != token[i] {
				forged = append(forged, url.PathEscape(token[:i]+string(rune(c))+token[i+1:]))
			}
		}
	}
	want := w.get(w.URL + "/u/forged")
	for _, f := range forged {
		for _, method := range []string{"GET", "POST"} {
			a := w.do(method, w.URL+"/u/"+f, urlencoded, "List-Unsubscribe=One-Click")
			if a.StatusCode != http.StatusNotFound || a.body != want.body {
				t.Fatalf("%s %s: %s, same page: %v", method, f, a.Status, a.body == want.body)
			}
		}
	}
	if got := w.rows.written(); len(got) != 0 {
		t.Errorf("forged tokens changed %q", got)
	}
}

func TestLinksOfAPreviewSaySoAndChangeNothing(t *testing.T) {
	t.Parallel()
	w := open(t)
	for prefix, purpose := range map[string]digest.Purpose{"/u/": digest.PurposeOneClick, "/p/": digest.PurposePage, "/v/": digest.PurposeView} {
		link := w.linkFor(prefix, purpose, digest.Ref{})
		answers := []answer{w.get(link)}
		if prefix != "/v/" {
			answers = append(answers, w.do("POST", link, urlencoded, "List-Unsubscribe=One-Click"), w.press(link, "do", "leave"))
		}
		for _, a := range answers {
			if a.StatusCode != http.StatusOK || !strings.Contains(a.body, "This is a preview") {
				t.Errorf("%s %s: %s\n%s", a.Request.Method, prefix, a.Status, a.body)
			}
		}
	}
	if got := w.rows.written(); len(got) != 0 {
		t.Errorf("a preview changed %q", got)
	}
}

func TestHeaderTokenOnlyLeaves(t *testing.T) {
	t.Parallel()
	w := open(t)
	for _, do := range []string{"everything", "weekly", "pause", "categories", "undo", ""} {
		if a := w.press(w.headerLink(), "do", do, "category", "World"); a.StatusCode != http.StatusBadRequest {
			t.Errorf("do=%s: %s", do, a.Status)
		}
	}
	if a := w.do("POST", w.URL+"/p/"+w.headerLink()[len(w.URL)+3:], urlencoded, "do=everything"); a.StatusCode != http.StatusNotFound {
		t.Errorf("the header's token opened the page of choices: %s", a.Status)
	}
	if got := w.rows.written(); len(got) != 0 {
		t.Errorf("the header's token did %q", got)
	}
}

func TestOneClickIsUnderstoodInABrokenBody(t *testing.T) {
	t.Parallel()
	for _, b := range [][2]string{
		{urlencoded, "List-Unsubscribe=One-Click&a=%zz"}, {urlencoded, "List-Unsubscribe=One-Click;x=1"},
		{urlencoded, "List-Unsubscribe=One-Click&a=" + strings.Repeat("x", 4*maxBody)},
		{"multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nOne-Click\r\n"},
	} {
		w := open(t)
		if a := w.do("POST", w.headerLink(), b[0], b[1]); a.StatusCode != http.StatusOK {
			t.Errorf("%s %.60q: %s", b[0], b[1], a.Status)
		}
		if got := w.rows.written(); len(got) != 1 {
			t.Errorf("%.60q did %q", b[1], got)
		}
	}
}

func TestBodiesThatAreNeitherChangeNothing(t *testing.T) {
	t.Parallel()
	w := open(t)
	bodies := [][2]string{
		{urlencoded, ""}, {urlencoded, "List-Unsubscribe=Two-Click"}, {urlencoded, "%zz"}, {"text/plain", "hello"},
		{urlencoded, "a=" + strings.Repeat("x", maxBody)}, {"multipart/form-data", "no boundary"},
		{"multipart/form-data; boundary=b", "--b\r\nbroken"}, {"multipart/form-data; boundary=b", strings.Repeat("-", 2*maxBody)},
		{urlencoded, "List-Unsubscribe=One-Click&List-Unsubscribe=No"},
	}
	for _, b := range bodies {
		for _, link := range []string{w.headerLink(), w.pageLink()} {
			if a := w.do("POST", link, b[0], b[1]); a.StatusCode != http.StatusBadRequest {
				t.Errorf("%s %.30q: %s", b[0], b[1], a.Status)
			}
		}
	}
	if got := w.rows.written(); len(got) != 0 {
		t.Errorf("they did %q", got)
	}
}

func TestScannerChangesNothing(t *testing.T) {
	t.Parallel()
	w := open(t)
	seen := map[string]bool{}
	next := []string{w.headerLink(), w.pageLink(), w.link("/v/", digest.PurposeView)}
	for _, query := range []string{"?do=leave", "?List-Unsubscribe=One-Click"} {
		next = append(next, w.headerLink()+query, w.pageLink()+query)
	}
	for len(next) > 0 {
		address := next[0]
		next = next[1:]
		if seen[address] {
			continue
		}
		seen[address] = true
		for _, method := range []string{"HEAD", "GET"} {
			a := w.do(method, address, urlencoded, "do=leave&List-Unsubscribe=One-Click")
			if a.StatusCode != http.StatusOK {
				t.Errorf("%s %s: %s", method, address, a.Status)
			}
			for _, m := range regexp.MustCompile(`(?:href|src|action)="([^"]*)"`).FindAllStringSubmatch(a.body, -1) {
				if strings.HasPrefix(m[1], "#") {
					continue // a place on the page itself
				}
				if !strings.HasPrefix(m[1], "/") || strings.HasPrefix(m[1], "//") {
					t.Errorf("%s leads elsewhere: %s", address, m[1])
				}
				next = append(next, w.URL+m[1])
			}
		}
	}
	if got := w.rows.written(); len(got) != 0 {
		t.Errorf("looking did %q", got)
	}
}

func TestEveryChoiceByButton(t *testing.T) {
	t.Parallel()
	rows := []struct {
		press []string
		did   string
		says  string
	}{
		{[]string{"do", "leave", "reason", "too\r\nmuch"}, "page leave", "You have left <bdi class=\"digest\">Morning Brief</bdi>"},
		{[]string{"do", "everything"}, "page leave everything", "You have left everything"},
		{[]string{"do", "weekly"}, "page weekly", "once a week"},
		{[]string{"do", "pause"}, "page pause", "paused until <bdi class=\"day\">31 March 2026</bdi>"},
		{[]string{"do", "categories", "category", "World", "category", "Military", "category", "Sport"}, "page categories", "brings <bdi class=\"categories\">Military and World</bdi>"},
	}
	for _, row := range rows {
		w := open(t)
		if page := w.get(w.pageLink()).body; !strings.Contains(page, `value="`+row.press[1]+`"`) {
			t.Errorf("no button for %s", row.press[1])
		}
		a := w.press(w.pageLink(), row.press...)
		if a.StatusCode != http.StatusOK || !strings.Contains(a.body, row.says) || !strings.Contains(a.body, "a…e@example.org") && row.press[1] == "leave" {
			t.Errorf("%s: %s\n%s", row.did, a.Status, a.body)
		}
		if got := w.rows.written(); !slices.Equal(got, []string{row.did}) {
			t.Errorf("%s did %q", row.press, got)
		}
		if !strings.Contains(a.body, `value="undo"`) {
			t.Errorf("%s offers no undo", row.did)
		}
		a = w.press(w.pageLink(), "do", "undo")
		if a.StatusCode != http.StatusOK || !w.rows.reader.LeftAt.IsZero() || w.rows.reader.Frequency == digest.Weekly {
			t.Errorf("undo of %s: %s", row.did, a.Status)
		}
	}
}

func TestNoCategoryTickedIsNotLeaving(t *testing.T) {
	t.Parallel()
	w := open(t)
	for _, fields := range [][]string{{"do", "categories"}, {"do", "categories", "category", "Sport"}} {
		a := w.press(w.pageLink(), fields...)
		if a.StatusCode != http.StatusBadRequest || !strings.Contains(a.body, "Tick at least one") {
			t.Errorf("%s", a.Status)
		}
	}
	if got := w.rows.written(); len(got) != 0 {
		t.Errorf("did %q", got)
	}
}

func TestStalePageDoesNotBringReaderBack(t *testing.T) {
	t.Parallel()
	w := open(t)
	w.press(w.pageLink(), "do", "leave")
	for _, do := range []string{"weekly", "pause", "categories"} {
		if a := w.press(w.pageLink(), "do", do, "category", "World"); a.StatusCode != http.StatusConflict {
			t.Errorf("%s after leaving: %s", do, a.Status)
		}
	}
	if got := w.rows.written(); !slices.Equal(got, []string{"page leave"}) {
		t.Errorf("did %q", got)
	}
}

func ticketIn(t *testing.T, page string) string {
	t.Helper()
	m := regexp.MustCompile(`name="ticket" value="([^"]+)"`).FindStringSubmatch(page)
	if m == nil {
		t.Fatalf("no ticket in\n%s", page)
	}
	return m[1]
}

func TestHeaderPageTakesBackItsOwnLeavingOnly(t *testing.T) {
	t.Parallel()
	w := open(t)
	ticket := ticketIn(t, w.press(w.headerLink(), "do", "leave").body)
	if a := w.press(w.headerLink(), "do", "undo", "ticket", ticket+"x"); a.StatusCode != http.StatusBadRequest {
		t.Errorf("forged ticket: %s", a.Status)
	}
	if a := w.press(w.headerLink(), "do", "undo", "ticket", ticket); a.StatusCode != http.StatusOK || !w.rows.reader.LeftAt.IsZero() {
		t.Errorf("undo: %s", a.Status)
	}
	w.rows.change(func(s *rows) { s.reader.LeftAt = today.Add(time.Hour) })
	if a := w.press(w.headerLink(), "do", "undo", "ticket", ticket); a.StatusCode != http.StatusBadRequest {
		t.Errorf("a ticket took back another leaving: %s", a.Status)
	}
	if a := w.press(w.headerLink(), "do", "leave"); strings.Contains(a.body, `value="undo"`) {
		t.Error("a reader who had left before is offered an undo by the header's token")
	}
}

func TestFormsOfOtherSitesAreRefused(t *testing.T) {
	t.Parallel()
	w := open(t, func(s *Site) { s.URL = "https://news.example.com" })
	rows := []struct {
		head   []string
		status int
	}{
		{[]string{"Sec-Fetch-Site", "cross-site"}, http.StatusForbidden},
		{[]string{"Origin", "https://evil.example"}, http.StatusForbidden},
		{[]string{"Origin", "null", "Sec-Fetch-Site", "cross-site"}, http.StatusForbidden},
		{[]string{"Origin", "null"}, http.StatusOK},
		{[]string{"Origin", "https://news.example.com"}, http.StatusOK},
		{nil, http.StatusOK},
	}
	for _, row := range rows {
		for _, link := range []string{w.headerLink(), w.pageLink()} {
			if a := w.do("POST", link, urlencoded, "do=leave", row.head...); a.StatusCode != row.status {
				t.Errorf("%q: %s", row.head, a.Status)
			}
		}
	}
}

func TestUndoEndsAfter28Days(t *testing.T) {
	t.Parallel()
	w := open(t)
	w.rows.change(func(s *rows) { s.reader.LeftAt = today.Add(-digest.UndoFor - time.Hour) })
	if a := w.get(w.pageLink()); strings.Contains(a.body, `value="undo"`) || !strings.Contains(a.body, "You left") {
		t.Errorf("the page still offers it:\n%s", a.body)
	}
	if a := w.press(w.pageLink(), "do", "undo"); a.StatusCode != http.StatusConflict || w.rows.reader.LeftAt.IsZero() {
		t.Errorf("undo: %s", a.Status)
	}
}

func TestDatabaseAwayIsSaidAndAskedToRetry(t *testing.T) {
	t.Parallel()
	w := open(t)
	w.rows.change(func(s *rows) { s.away = errors.New("dial postgres: secret detail") })
	for _, a := range []answer{
		w.do("POST", w.headerLink(), urlencoded, "List-Unsubscribe=One-Click"),
		w.get(w.headerLink()), w.get(w.pageLink()), w.press(w.pageLink(), "do", "leave"),
	} {
		if a.StatusCode != http.StatusServiceUnavailable || a.Header.Get("Retry-After") == "" || strings.Contains(a.body, "secret") {
			t.Errorf("%s, Retry-After %q\n%s", a.Status, a.Header.Get("Retry-After"), a.body)
		}
	}
	if !strings.Contains(w.log.String(), "secret detail") {
		t.Error("the log lacks the reason")
	}
}

func TestHealthFollowsTheParts(t *testing.T) {
	t.Parallel()
	var sick error
	w := open(t, func(s *Site) { s.Health = func(context.Context) error { return sick } })
	if a := w.get(w.URL + "/healthz"); a.StatusCode != http.StatusOK {
		t.Errorf("well: %s", a.Status)
	}
	sick = errors.New("no database")
	if a := w.get(w.URL + "/healthz"); a.StatusCode != http.StatusServiceUnavailable || strings.Contains(a.body, "database") {
		t.Errorf("sick: %s %s", a.Status, a.body)
	}
}

func TestViewShowsTheVariantOrSaysItIsGone(t *testing.T) {
	t.Parallel()
	w := open(t)
	a := w.get(w.link("/v/", digest.PurposeView))
	if a.StatusCode != http.StatusOK || !strings.Contains(a.body, "seen") {
		t.Errorf("%s %s", a.Status, a.body)
	}
	if csp := a.Header.Get("Content-Security-Policy"); csp != viewPolicy || strings.Contains(csp, "script") {
		t.Errorf("policy %s", csp)
	}
	// On loopback pictures may come by http as well, as those of the demo do.
	local := open(t, func(s *Site) { s.URL = "http://127.0.0.1:8080" })
	if csp := local.get(local.link("/v/", digest.PurposeView)).Header.Get("Content-Security-Policy"); csp != localViewPolicy || csp == viewPolicy {
		t.Errorf("policy on loopback %s", csp)
	}
	a = w.get(w.linkFor("/v/", digest.PurposeView, digest.Ref{Edition: 8, Reader: 42}))
	if a.StatusCode != http.StatusNotFound || !strings.Contains(a.body, "no longer kept") {
		t.Errorf("%s %s", a.Status, a.body)
	}
}

// TestAccessTable walks every route with every method and holds it to the
// table, and to the headers that every answer carries.
func TestAccessTable(t *testing.T) {
	t.Parallel()
	w := open(t, func(s *Site) {
		s.Digests[0].Lists = []string{"readers"}
		s.SignUps = SignUps{Store: &post{letter: aLetter()}, Lists: []OpenList{{Name: "readers", Open: true}}}
	})
	purposes := map[string]digest.Purpose{
		"/u/{token}": digest.PurposeOneClick, "/p/{token}": digest.PurposePage, "/v/{token}": digest.PurposeView,
		"/healthz": 0, "/robots.txt": 0, "/style.css": 0,
		"/s/{list}": 0, "/s/{list}/form": 0, "/c/{token}": digest.PurposeConfirm, "/zone.js": 0, "/favicon.ico": 0,
		"/{$}": 0, "/a/{digest}": 0, "/a/{digest}/feed.atom": 0, "/a/{digest}/{edition}": 0,
	}
	all := []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"}
	routes := (&handler{}).routes()
	if len(routes) != len(purposes) {
		t.Errorf("%d routes, the test knows %d", len(routes), len(purposes))
	}
	for _, rt := range routes {
		if want, known := purposes[rt.path]; !known || want != rt.holder {
			t.Errorf("%s is held by %q", rt.path, rt.holder)
		}
		for _, p := range []digest.Purpose{0, 'o', 'p', 'v', 'r', 'm', 't', 'c', 'g', 'l'} {
			for _, method := range all {
				path := strings.NewReplacer("{$}", "", "{digest}", "morning", "{list}", "readers", "{edition}", "7", "{token}", w.keys.LinkToken(0, digest.Token{Purpose: p, Ref: theReader})).Replace(rt.path)
				a := w.do(method, w.URL+path, urlencoded, "")
				checkHeaders(t, method+" "+rt.path, a)
				if want := expectedStatus(rt, method, p); a.StatusCode != want {
					t.Errorf("%s %s with a token for %q: %s, want %d", method, rt.path, p, a.Status, want)
				}
			}
		}
	}
	for _, path := range []string{"/a", "/a/", "/a/morning/", "/a/morning/7/x", "/u/", "/u", "/p/a/b", "/%2e%2e/", "/icon.ico", "//evil.example/", "/u/../healthz", "/healthz/"} {
		a := w.get(w.URL + path)
		checkHeaders(t, path, a)
		if a.StatusCode != http.StatusNotFound || !strings.Contains(a.body, "no page at this address") {
			t.Errorf("%s: %s", path, a.Status)
		}
	}
}

func expectedStatus(rt route, method string, p digest.Purpose) int {
	switch {
	case !slices.Contains(rt.methods, method):
		return http.StatusMethodNotAllowed
	case rt.holder != 0 && p != rt.holder:
		return http.StatusNotFound
	case method == "POST" && rt.path != "/s/{list}": // which other sites' forms may lead to
		return http.StatusBadRequest // an empty body
	}
	return http.StatusOK
}

func checkHeaders(t *testing.T, what string, a answer) {
	t.Helper()
	csp := a.Header.Get("Content-Security-Policy")
	for _, part := range []string{"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action"} {
		if !strings.Contains(csp, part) {
			t.Errorf("%s: policy %q lacks %s", what, csp, part)
		}
	}
	for name, want := range map[string]string{
		"Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff", "X-Robots-Tag": "noindex",
		"Cache-Control": "no-store", "Location": "", "Set-Cookie": "",
	} {
		if a.Header.Get("ETag") != "" && (name == "Cache-Control" || name == "X-Robots-Tag") {
			want = a.Header.Get(name) // the same for everyone; see TestArchiveMayBeKept
		}
		if got := a.Header.Get(name); got != want {
			t.Errorf("%s: %s is %q, want %q", what, name, got, want)
		}
	}
}

func TestStyleIsSmallAndKept(t *testing.T) {
	t.Parallel()
	w := open(t)
	m := regexp.MustCompile(`href="([^"]+)"`).FindStringSubmatch(w.get(w.URL + "/missing").body)
	a := w.get(w.URL + m[1])
	if a.StatusCode != http.StatusOK || !strings.Contains(a.Header.Get("Cache-Control"), "immutable") {
		t.Errorf("%s %s", a.Status, a.Header.Get("Cache-Control"))
	}
	if len(a.body) > 10_000 || strings.Contains(a.body, "url(") || strings.Contains(a.body, "@import") {
		t.Errorf("%d bytes, or something to fetch in it", len(a.body))
	}
}

func TestPagesSpeakTheReadersLanguage(t *testing.T) {
	t.Parallel()
	w := open(t)
	table := []struct{ own, accept, want string }{
		{"de", "en", "de"}, {"de-AT", "", "de"}, {"", "de-CH, en;q=0.5", "de"}, {"nl", "fi, de;q=0.1", "de"}, {"ar", "", "ar"},
		{"", "de;q=0, en", "en"}, {"", "", "en"}, {"", strings.Repeat(",", 1000), "en"}, {"EN-gb", "de", "en"},
	}
	for _, row := range table {
		w.rows.change(func(s *rows) { s.reader.Language = row.own })
		a := w.do("GET", w.pageLink(), "", "", "Accept-Language", row.accept)
		if !strings.Contains(a.body, `<html lang="`+row.want+`" dir="`) {
			t.Errorf("own %q, accepts %.20q: %.80s", row.own, row.accept, a.body)
		}
	}
}

// TestEveryPageIsWellFormedAndSafe renders all pages in all languages with
// hostile names in every place.
func TestEveryPageIsWellFormedAndSafe(t *testing.T) {
	t.Parallel()
	texts, err := templates.Load(templates.FS)
	if err != nil {
		t.Fatal(err)
	}
	hostile := `<script>alert(1)</script>"'{address}`
	for _, language := range texts.Languages() {
		lang := language.Tag
		w := open(t, func(s *Site) { s.Name = hostile })
		w.rows.change(func(s *rows) {
			s.reader.Language, s.reader.Title = lang, hostile
			s.reader.DigestCategories = []string{hostile, "World"}
		})
		pages := map[string]string{
			"missing": w.get(w.URL + "/missing").body, "home": w.get(w.URL + "/").body, "archive": w.get(w.URL + "/a/morning").body,
			"no edition": w.get(w.URL + "/a/morning/99").body, "no digest": w.get(w.URL + "/a/none").body, "bad": w.get(w.URL + "/u/x").body,
			"preview":     w.get(w.linkFor("/p/", digest.PurposePage, digest.Ref{})).body,
			"unsubscribe": w.get(w.headerLink()).body, "choices": w.get(w.pageLink()).body,
			"none":       w.press(w.pageLink(), "do", "categories").body,
			"categories": w.press(w.pageLink(), "do", "categories", "category", hostile).body,
			"weekly":     w.press(w.pageLink(), "do", "weekly").body,
			"pause":      w.press(w.pageLink(), "do", "pause").body, "paused": w.get(w.pageLink()).body,
			"left": w.press(w.headerLink(), "do", "leave").body, "gone": w.get(w.pageLink()).body,
			"everything": w.press(w.pageLink(), "do", "everything").body, "all gone": w.get(w.pageLink()).body,
			"undone": w.press(w.pageLink(), "do", "undo").body,
		}
		for name, page := range pages {
			if err := wellFormed(page); err != nil {
				t.Errorf("%s %s: %v\n%s", lang, name, err, page)
			}
			if strings.Contains(page, "<script") || strings.Contains(page, "ada.lovelace") || strings.Contains(page, "ZgotmplZ") ||
				regexp.MustCompile(`\{[a-z]+\}`).MatchString(strings.ReplaceAll(page, "{address}", "")) || strings.Contains(page, "<no value>") || unsaid.MatchString(page) {
				t.Errorf("%s %s:\n%s", lang, name, page)
			}
		}
	}
}

// unsaid is a key that no language has a text for.
var unsaid = regexp.MustCompile(`>(?:unsubscribe|choices|state|result|undo|notice|home|archive)\.[a-z.]+<|>back<`)

// wellFormed reads a page by an independent parser that wants every element
// closed, and no id twice.
func wellFormed(page string) error {
	d := xml.NewDecoder(strings.NewReader(page))
	d.Strict, d.AutoClose, d.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	ids := map[string]bool{}
	for depth := 0; ; {
		token, err := d.Token()
		switch e := token.(type) {
		case xml.StartElement:
			depth++
			for _, a := range e.Attr {
				if a.Name.Local == "id" && ids[a.Value] {
					return errors.New("id twice: " + a.Value)
				}
				ids[a.Value] = ids[a.Value] || a.Name.Local == "id"
			}
		case xml.EndElement:
			depth--
		}
		if errors.Is(err, io.EOF) && depth == 0 {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func TestBadTokensAreCountedByNetwork(t *testing.T) {
	t.Parallel()
	w := open(t, func(s *Site) { s.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} })
	last := answer{}
	for range maxBadTokens + 1 {
		last = w.do("GET", w.URL+"/u/x", "", "", "X-Forwarded-For", "203.0.113.9, 127.0.0.2")
	}
	if last.StatusCode != http.StatusTooManyRequests {
		t.Errorf("the last of many: %s", last.Status)
	}
	if a := w.do("GET", w.URL+"/u/x", "", "", "X-Forwarded-For", "203.0.113.9, 203.0.113.10"); a.StatusCode != http.StatusNotFound {
		t.Errorf("another network: %s", a.Status)
	}
	if a := w.do("POST", w.headerLink(), urlencoded, "List-Unsubscribe=One-Click", "X-Forwarded-For", "203.0.113.9"); a.StatusCode != http.StatusOK {
		t.Errorf("a good token from there: %s", a.Status)
	}
}

func TestClientNetwork(t *testing.T) {
	t.Parallel()
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	rows := []struct{ remote, forwarded, want string }{
		{"192.0.2.1:1", "198.51.100.1", "192.0.2.1/32"},
		{"10.0.0.1:1", "198.51.100.1", "198.51.100.1/32"},
		{"10.0.0.1:1", "1.1.1.1, 198.51.100.1, 10.9.9.9", "198.51.100.1/32"},
		{"10.0.0.1:1", "1.1.1.1, garbage", "10.0.0.1/32"},
		{"10.0.0.1:1", "", "10.0.0.1/32"},
		{"[::1]:1", "2001:db8:1:2:3::4", "2001:db8:1:2::/64"},
		{"[::ffff:10.0.0.1]:1", "::ffff:198.51.100.1", "198.51.100.1/32"},
		{"@", "", "invalid Prefix"},
	}
	for _, row := range rows {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = row.remote
		r.Header.Set("X-Forwarded-For", row.forwarded)
		if got := clientNetwork(r, proxies).String(); got != row.want {
			t.Errorf("%s via %q: %s, want %s", row.remote, row.forwarded, got, row.want)
		}
	}
}

func TestLimiterForgetsAndStaysSmall(t *testing.T) {
	t.Parallel()
	l := &limiter{max: 2, window: time.Minute}
	one := netip.MustParsePrefix("192.0.2.1/32")
	for i, want := range []bool{true, true, false} {
		if got := l.allow(one, today); got != want {
			t.Errorf("try %d: %v", i, got)
		}
	}
	if l.allow(one, today.Add(61*time.Second)) {
		t.Error("forgotten within the next window")
	}
	if !l.allow(one, today.Add(10*time.Minute)) {
		t.Error("never forgotten")
	}
	for i := range 4 * maxNetworks {
		l.allow(netip.PrefixFrom(netip.AddrFrom4([4]byte{1, byte(i >> 16), byte(i >> 8), byte(i)}), 32), today)
	}
	if n := len(l.now) + len(l.old); n > 2*maxNetworks {
		t.Errorf("%d networks held", n)
	}
}

func TestPublicAddressWithPath(t *testing.T) {
	t.Parallel()
	w := open(t, func(s *Site) { s.URL = "https://example.com/news/" })
	token := w.headerLink()[len(w.URL):]
	for _, prefix := range []string{"", "/news"} {
		a := w.get(w.URL + prefix + token)
		if a.StatusCode != http.StatusOK || !strings.Contains(a.body, `href="/news/style.css`) {
			t.Errorf("%q: %s", prefix, a.Status)
		}
	}
}

func TestLogHoldsNoAddressAndNoToken(t *testing.T) {
	t.Parallel()
	w := open(t)
	w.do("POST", w.headerLink(), urlencoded, "List-Unsubscribe=One-Click")
	w.press(w.pageLink(), "do", "undo")
	w.Close() // all answers are written now
	got := w.log.String()
	if !strings.Contains(got, "reader=42") || strings.Contains(got, "@") || strings.Contains(got, w.headerLink()[len(w.URL)+3:]) {
		t.Errorf("log:\n%s", got)
	}
}

// TestWriteGallery leaves the pages as files for looking at them in a
// browser: COURANT_GALLERY=dir go test -run Gallery ./digest/web
func TestWriteGallery(t *testing.T) {
	dir := os.Getenv("COURANT_GALLERY")
	if dir == "" {
		t.Skip("set COURANT_GALLERY to a directory to write the pages there")
	}
	for _, lang := range []string{"en", "de", "ar"} {
		w := open(t)
		w.rows.change(func(s *rows) { s.reader.Language = lang })
		style := w.get(w.URL + "/style.css").body
		keep := func(name, page string) {
			page = regexp.MustCompile(`<link rel="stylesheet"[^>]*>`).ReplaceAllString(page, "<style>"+style+"</style>")
			if err := os.WriteFile(dir+"/"+lang+"-"+name+".html", []byte(page), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		keep("unsubscribe", w.get(w.headerLink()).body)
		keep("choices", w.get(w.pageLink()).body)
		keep("none", w.press(w.pageLink(), "do", "categories").body)
		keep("paused", w.press(w.pageLink(), "do", "pause").body)
		keep("choices-paused", w.get(w.pageLink()).body)
		keep("left", w.press(w.pageLink(), "do", "leave").body)
		keep("choices-left", w.get(w.pageLink()).body)
		keep("undone", w.press(w.pageLink(), "do", "undo").body)
		keep("bad", w.do("GET", w.URL+"/u/x", "", "", "Accept-Language", lang).body)
		keep("home", w.do("GET", w.URL+"/", "", "", "Accept-Language", lang).body)
		own := open(t, func(s *Site) { s.Digests = slices.Clone(s.Digests); s.Digests[0].Language = lang })
		keep("archive", own.get(own.URL+"/a/morning").body)
		away, _ := stranded(t)
		keep("away", away.do("GET", away.pageLink(), "", "", "Accept-Language", lang).body)
	}
}

func FuzzToken(f *testing.F) {
	f.Add("x")
	f.Add("AQJvKgc")
	f.Add("%2e%2e/..")
	h, rows := fuzzed(f)
	f.Fuzz(func(t *testing.T, token string) {
		for _, prefix := range []string{"/u/", "/p/", "/v/"} {
			r := httptest.NewRequest("POST", "/", strings.NewReader("List-Unsubscribe=One-Click"))
			r.URL = &url.URL{Path: prefix + token}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code == http.StatusOK || w.Header().Get("Location") != "" || w.Code >= 500 {
				t.Errorf("%d for %q", w.Code, token)
			}
		}
		if len(rows.written()) != 0 {
			t.Error("a guessed token did something")
		}
	})
}

func FuzzBody(f *testing.F) {
	f.Add(urlencoded, []byte("List-Unsubscribe=One-Click"))
	f.Add(urlencoded, []byte("do=categories&category=World"))
	f.Add("multipart/form-data; boundary=b", []byte("--b\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nOne-Click\r\n--b--\r\n"))
	f.Add("", []byte{0xff, '%'})
	h, _ := fuzzed(f)
	keys := &digest.Keyring{Current: 1, Tokens: map[byte][]byte{1: key(1)}}
	f.Fuzz(func(t *testing.T, mediaType string, body []byte) {
		for prefix, p := range map[string]digest.Purpose{"/u/": digest.PurposeOneClick, "/p/": digest.PurposePage} {
			r := httptest.NewRequest("POST", prefix+keys.LinkToken(0, digest.Token{Purpose: p, Ref: theReader}), bytes.NewReader(body))
			r.Header.Set("Content-Type", mediaType)
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if !slices.Contains([]int{200, 400, 409}, w.Code) {
				t.Errorf("%d for %q %q", w.Code, mediaType, body)
			}
		}
	})
}

func fuzzed(f *testing.F) (http.Handler, *rows) {
	f.Helper()
	s := &rows{reader: digest.Standing{Reader: 42, Title: "M", DigestCategories: []string{"World"}}}
	h, err := (&Site{Keys: &digest.Keyring{Current: 1, Tokens: map[byte][]byte{1: key(1)}}, Store: s}).Handler()
	if err != nil {
		f.Fatal(err)
	}
	return h, s
}

func BenchmarkOneClick(b *testing.B) {
	keys := &digest.Keyring{Current: 1, Tokens: map[byte][]byte{1: key(1)}}
	h, err := (&Site{Keys: keys, Store: &rows{reader: digest.Standing{Reader: 42}}}).Handler()
	if err != nil {
		b.Fatal(err)
	}
	link := "/u/" + keys.LinkToken(0, digest.Token{Purpose: digest.PurposeOneClick, Ref: theReader})
	b.ReportAllocs()
	for b.Loop() {
		r := httptest.NewRequest("POST", link, strings.NewReader("List-Unsubscribe=One-Click"))
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != http.StatusOK {
			b.Fatal(w.Code)
		}
	}
}
