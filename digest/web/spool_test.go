package web

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"courant/digest"
)

// shelter keeps leavings in memory.
type shelter struct {
	mu    sync.Mutex
	kept  []digest.Spooled
	fault error
}

func (s *shelter) Keep(_ context.Context, x digest.Spooled) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fault == nil {
		s.kept = append(s.kept, x)
	}
	return s.fault
}

func (s *shelter) Waiting() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.kept) > 0
}

// stranded is a site whose database is away.
func stranded(t *testing.T) (*world, *shelter) {
	t.Helper()
	s := &shelter{}
	w := open(t, func(site *Site) { site.Spool = s })
	w.rows.change(func(r *rows) { r.away = errors.New("secret detail") })
	return w, s
}

func TestOneClickIsKeptWhileTheDatabaseIsAway(t *testing.T) {
	t.Parallel()
	for mediaType, body := range oneClickBodies(t) {
		for prefix, purpose := range map[string]digest.Purpose{"/u/": digest.PurposeOneClick, "/p/": digest.PurposePage} {
			w, s := stranded(t)
			for range 2 {
				if a := w.do("POST", w.link(prefix, purpose), mediaType, body); a.StatusCode != http.StatusOK || a.body != oneClickAnswer {
					t.Errorf("%s %s: %s\n%s", prefix, mediaType, a.Status, a.body)
				}
			}
			want := digest.Spooled{Ref: theReader, At: today, How: "one-click"}
			if len(s.kept) != 2 || s.kept[0] != want || s.kept[1] != want {
				t.Errorf("kept is %+v", s.kept)
			}
		}
	}
}

func TestForgedTokenIsNotKept(t *testing.T) {
	t.Parallel()
	w, s := stranded(t)
	link := w.headerLink()
	for _, bad := range []string{link[:len(link)-1] + "A", w.URL + "/u/" + w.keys.LinkToken(0, digest.Token{Purpose: digest.PurposeView, Ref: theReader})} {
		if a := w.do("POST", bad, urlencoded, "List-Unsubscribe=One-Click"); a.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %s", bad, a.Status)
		}
	}
	if len(s.kept) != 0 {
		t.Errorf("kept is %+v", s.kept)
	}
}

func TestWhatCannotBeKeptIsNotPromised(t *testing.T) {
	t.Parallel()
	w, s := stranded(t)
	s.fault = errors.New("the disk is full")
	a := w.do("POST", w.headerLink(), urlencoded, "List-Unsubscribe=One-Click")
	if a.StatusCode != http.StatusServiceUnavailable || a.Header.Get("Retry-After") == "" || strings.Contains(a.body, "disk") {
		t.Errorf("%s\n%s", a.Status, a.body)
	}
	if a := w.press(w.headerLink(), "do", "leave"); a.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("the button: %s", a.Status)
	}
	if !strings.Contains(w.log.String(), "the disk is full") || !strings.Contains(w.log.String(), "secret detail") {
		t.Errorf("the log lacks a reason:\n%s", w.log)
	}
	// The database is back, and the disk is not needed.
	w.rows.change(func(r *rows) { r.away = nil })
	s.mu.Lock()
	s.kept = []digest.Spooled{{}}
	s.mu.Unlock()
	if a := w.do("POST", w.headerLink(), urlencoded, "List-Unsubscribe=One-Click"); a.StatusCode != http.StatusOK || len(w.rows.written()) != 1 {
		t.Errorf("%s, the rows have %q", a.Status, w.rows.written())
	}
}

// TestPagesLeaveWhileTheDatabaseIsAway opens the links of a mail, finds a page
// that knows nobody, and leaves by its button.
func TestPagesLeaveWhileTheDatabaseIsAway(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		header     bool
		do         string
		everything bool
	}{{true, "leave", false}, {false, "leave", false}, {false, "everything", true}} {
		w, s := stranded(t)
		link := w.pageLink()
		if row.header {
			link = w.headerLink()
		}
		page := w.get(link)
		if page.StatusCode != http.StatusServiceUnavailable || !strings.Contains(page.body, `value="`+row.do+`"`) || strings.Contains(page.body, "ada") || strings.Contains(page.body, "secret") {
			t.Errorf("%s\n%s", page.Status, page.body)
		}
		if row.header && strings.Contains(page.body, "everything") {
			t.Error("the header's page offers to leave everything")
		}
		if len(s.kept) != 0 {
			t.Fatal("looking at the page left")
		}
		a := w.press(link, "do", row.do, "reason", "too\r\nmuch")
		if a.StatusCode != http.StatusOK || !strings.Contains(a.body, "We have noted that you leave") || strings.Contains(a.body, `value="undo"`) {
			t.Errorf("%s: %s\n%s", row.do, a.Status, a.body)
		}
		if len(s.kept) != 1 || s.kept[0].Everything != row.everything || s.kept[0].How != "page" || !row.header && s.kept[0].Reason != "too much" {
			t.Errorf("%s: kept is %+v", row.do, s.kept)
		}
	}
}

func TestOnlyLeavingIsKept(t *testing.T) {
	t.Parallel()
	w, s := stranded(t)
	for _, do := range []string{"weekly", "pause", "categories", "undo", ""} {
		if a := w.press(w.pageLink(), "do", do, "category", "World"); a.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("%s: %s", do, a.Status)
		}
	}
	if len(s.kept) != 0 {
		t.Errorf("kept is %+v", s.kept)
	}
}

// Who leaves behind others that wait is kept behind them, and not asked to wait
// for a database that hangs.
func TestLeavingsKeepTheirOrder(t *testing.T) {
	t.Parallel()
	w, s := stranded(t)
	w.do("POST", w.headerLink(), urlencoded, "List-Unsubscribe=One-Click")
	w.rows.change(func(r *rows) { r.away = nil })
	if a := w.do("POST", w.headerLink(), urlencoded, "List-Unsubscribe=One-Click"); a.StatusCode != http.StatusOK {
		t.Error(a.Status)
	}
	if got := w.rows.written(); len(got) != 0 || len(s.kept) != 2 {
		t.Errorf("the rows have %q, kept are %d", got, len(s.kept))
	}
	s.mu.Lock()
	s.kept = nil
	s.mu.Unlock()
	w.do("POST", w.headerLink(), urlencoded, "List-Unsubscribe=One-Click")
	if got := w.rows.written(); !slices.Equal(got, []string{"one-click leave"}) {
		t.Errorf("the rows have %q", got)
	}
}
