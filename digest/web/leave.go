package web

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"courant/digest"
	"courant/templates"
)

// oneClickAnswer is what a one-click POST is answered; nobody reads it but Probe.
const oneClickAnswer = "unsubscribed\n"

// The ways of leaving, as Leaving.How has them.
const (
	howOneClick = "one-click"
	howPage     = "page"
)

// unsubscribe answers the address of the List-Unsubscribe header. Its token
// leaves the digest and does nothing else.
func (h *handler) unsubscribe(w http.ResponseWriter, r *http.Request, ref digest.Ref) {
	if r.Method != http.MethodPost {
		h.withStandingOr(w, r, ref, h.offerToLeave(false), func(t templates.PageTexts, st digest.Standing) {
			h.show(w, http.StatusOK, "unsubscribe", h.unsubscribePage(t, st))
		})
		return
	}
	form, ok := h.form(w, r, ref)
	if !ok {
		return
	}
	switch form.Get("do") {
	case "leave":
		h.leaveByHeader(w, r, ref)
	case "undo":
		h.undoByTicket(w, r, ref, form.Get("ticket"))
	default:
		h.notice(w, r, http.StatusBadRequest, "notice.form")
	}
}

// form reads the body of a POST. A one-click body is answered here, for it
// means the same under every token that may leave; so is a body that is
// neither that nor a form of our own pages. Then it reports not ok.
func (h *handler) form(w http.ResponseWriter, r *http.Request, ref digest.Ref) (url.Values, bool) {
	body, long := readBody(r)
	form, err := readForm(r, body)
	switch {
	case oneClicked(form), (err != nil || long) && saysOneClick(body):
		h.oneClick(w, r, ref)
	case err != nil || long:
		h.notice(w, r, http.StatusBadRequest, "notice.form")
	case h.foreign(r):
		h.notice(w, r, http.StatusForbidden, "notice.form")
	default:
		return form, true
	}
	return nil, false
}

// oneClick leaves the digest: RFC 8058 section 3.2. It looks at nothing but
// the token, and is answered 200 also when the reader is long gone, or when the
// database is away and the leaving waits on this host's disk. Whoever posts may
// hang up before the answer; the leaving stands.
func (h *handler) oneClick(w http.ResponseWriter, r *http.Request, ref digest.Ref) {
	_, err := h.leave(r, ref, digest.Leaving{How: howOneClick})
	if err != nil && !errors.Is(err, digest.ErrNotFound) {
		h.away(w, r, err)
		return
	}
	plain(w, http.StatusOK, oneClickAnswer)
}

// Spool keeps leavings while the database is away.
type Spool interface {
	// Keep returns nil once the leaving is on the disk for good. It reaches the
	// rows before anything else is sent.
	Keep(ctx context.Context, s digest.Spooled) error
	// Waiting says whether some are kept that have not reached the rows yet.
	Waiting() bool
}

// leave records a leaving, and logs it without address or token. One that the
// rows don't take now is kept, if it is one that forbids all mail of the digest.
func (h *handler) leave(r *http.Request, ref digest.Ref, l digest.Leaving) (kept bool, err error) {
	l.At = h.Now()
	keeps := h.Spool != nil && choiceName(l) != "weekly" && l.PauseUntil.IsZero() && l.Categories == nil
	// Behind those that wait already: the database is away, and nobody gains by
	// finding that out once more.
	kept = keeps && h.Spool.Waiting() && h.keep(r, ref, l) == nil
	if !kept {
		err = h.record(r, ref, l)
	}
	if keeps && err != nil && !errors.Is(err, digest.ErrNotFound) {
		if fault := h.keep(r, ref, l); fault == nil {
			kept, err = true, nil
		} else {
			err = errors.Join(err, fault)
		}
	}
	if err != nil {
		return false, err
	}
	h.Log.Info("reader chose", "reader", ref.Reader, "edition", ref.Edition, "how", l.How, "choice", choiceName(l), "kept", kept)
	return kept, nil
}

func (h *handler) record(r *http.Request, ref digest.Ref, l digest.Leaving) error {
	ctx, cancel := h.storeContext(r)
	defer cancel()
	if err := h.Store.Leave(ctx, ref, l); err != nil {
		return fmt.Errorf("record a leaving: %w", err)
	}
	return nil
}

func (h *handler) keep(r *http.Request, ref digest.Ref, l digest.Leaving) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), storeTimeout)
	defer cancel()
	return h.Spool.Keep(ctx, digest.Spooled{Ref: ref, At: l.At, How: l.How, Reason: l.Reason, Everything: l.Everything})
}

// storeContext outlives the client's connection but not the store's patience,
// which is short where leavings wait for the store: whoever posts may not wait
// long for an answer.
func (h *handler) storeContext(r *http.Request) (context.Context, context.CancelFunc) {
	patience := storeTimeout
	if h.Spool != nil {
		patience = spoolTimeout
	}
	return context.WithTimeout(context.WithoutCancel(r.Context()), patience)
}

func choiceName(l digest.Leaving) string {
	switch {
	case l.Everything:
		return "leave everything"
	case l.Weekly:
		return "weekly"
	case !l.PauseUntil.IsZero():
		return "pause"
	case l.Categories != nil:
		return "categories"
	}
	return "leave"
}

// leaveByHeader is the button of the header's page. The way back it offers
// is a ticket for this very leaving: were it for any, whoever holds the header's
// token could bring back a reader who left by other means.
func (h *handler) leaveByHeader(w http.ResponseWriter, r *http.Request, ref digest.Ref) {
	l := digest.Leaving{How: howPage}
	h.withStandingOr(w, r, ref, h.leaveUnseen(ref, l), func(t templates.PageTexts, before digest.Standing) {
		kept, err := h.leave(r, ref, l)
		if err != nil || kept {
			h.left(w, r, err)
			return
		}
		p := h.result(t, before, "result.left")
		if leftAt(before).IsZero() {
			p.Ticket = h.ticketNow(r, ref)
		}
		p.CanUndo = p.Ticket != ""
		h.show(w, http.StatusOK, "result", p)
	})
}

// ticketNow makes a ticket for the leaving just recorded, or none when it
// can't be read back.
func (h *handler) ticketNow(r *http.Request, ref digest.Ref) string {
	ctx, cancel := h.storeContext(r)
	defer cancel()
	after, err := h.Store.Standing(ctx, ref)
	if err != nil || after.LeftAt.IsZero() {
		return ""
	}
	return undoTicket(h.Keys, ref, after.LeftAt)
}

func (h *handler) undoByTicket(w http.ResponseWriter, r *http.Request, ref digest.Ref, ticket string) {
	h.withStanding(w, r, ref, func(t templates.PageTexts, st digest.Standing) {
		if !validTicket(h.Keys, ref, st.LeftAt, ticket) {
			h.notice(w, r, http.StatusBadRequest, "notice.form")
			return
		}
		h.undo(w, r, ref, t, st, "")
	})
}

// choices answers the address in the body of a mail: the page with all ways
// to have less, and its buttons.
func (h *handler) choices(w http.ResponseWriter, r *http.Request, ref digest.Ref) {
	if r.Method != http.MethodPost {
		h.withStandingOr(w, r, ref, h.offerToLeave(true), func(t templates.PageTexts, st digest.Standing) {
			h.show(w, http.StatusOK, "choices", h.choicesPage(t, st))
		})
		return
	}
	form, ok := h.form(w, r, ref)
	if !ok {
		return
	}
	var away awayFunc = h.away
	if l := readLeaving(form); l.Everything || form.Get("do") == "leave" {
		away = h.leaveUnseen(ref, l)
	}
	h.withStandingOr(w, r, ref, away, func(t templates.PageTexts, st digest.Standing) {
		if form.Get("do") == "undo" {
			h.undo(w, r, ref, t, st, h.base+r.URL.Path)
			return
		}
		h.choose(w, r, ref, t, st, form)
	})
}

// choose does what a button of the page of choices says.
func (h *handler) choose(w http.ResponseWriter, r *http.Request, ref digest.Ref, t templates.PageTexts, st digest.Standing, form url.Values) {
	a, ok := readAct(form, st, h.Now())
	stays := a.Weekly || !a.PauseUntil.IsZero() || a.Categories != nil
	switch {
	case !ok && form.Get("do") == "categories":
		p := h.choicesPage(t, st)
		p.NoneTicked = true
		for i := range p.Categories {
			p.Categories[i].Chosen = false // as the reader left it
		}
		h.show(w, http.StatusBadRequest, "choices", p)
		return
	case !ok:
		h.notice(w, r, http.StatusBadRequest, "notice.form")
		return
	case stays && !leftAt(st).IsZero():
		// A page from before the leaving: choosing less must not bring the
		// reader back unasked. The page as it is now offers that.
		h.show(w, http.StatusConflict, "choices", h.choicesPage(t, st))
		return
	}
	kept, err := h.leave(r, ref, a.Leaving)
	if err != nil || kept {
		h.left(w, r, err)
		return
	}
	p := h.result(t, st, a.key, "day", t.FormatDate(a.PauseUntil.UTC()), "categories", t.List(a.Categories))
	p.CanUndo, p.Back = true, h.base+r.URL.Path
	h.show(w, http.StatusOK, "result", p)
}

// act is a button pressed: what to record, and the sentence that says so.
type act struct {
	digest.Leaving
	key string
}

// maxReason is how many bytes of a reader's own words are kept.
const maxReason = 500

// readAct reads a form of the page of choices. It is not ok when no button of
// ours was pressed, or when the categories are none or not of the digest.
func readAct(form url.Values, st digest.Standing, now time.Time) (act, bool) {
	l := readLeaving(form)
	switch form.Get("do") {
	case "leave":
		return act{l, "result.left"}, true
	case "everything":
		return act{l, "result.left.all"}, true
	case "weekly":
		l.Weekly = true
		return act{l, "result.weekly"}, true
	case "pause":
		l.PauseUntil = pauseEnd(now)
		return act{l, "result.paused"}, true
	case "categories":
		// In the digest's own order, each once. An empty set would mean
		// leaving, so it is refused here.
		for _, name := range st.DigestCategories {
			if slices.Contains(form["category"], name) && !slices.Contains(l.Categories, name) {
				l.Categories = append(l.Categories, name)
			}
		}
		return act{l, "result.categories"}, len(l.Categories) > 0
	}
	return act{}, false
}

// readLeaving is what a form says that needs no look at the rows.
func readLeaving(form url.Values) digest.Leaving {
	return digest.Leaving{How: howPage, Reason: digest.PlainLine(form.Get("reason"), maxReason), Everything: form.Get("do") == "everything"}
}

func chosen(st digest.Standing, name string) bool {
	return st.Categories == nil || slices.Contains(st.Categories, name)
}

func (h *handler) undo(w http.ResponseWriter, r *http.Request, ref digest.Ref, t templates.PageTexts, st digest.Standing, back string) {
	ctx, cancel := h.storeContext(r)
	defer cancel()
	switch err := h.Store.Undo(ctx, ref, h.Now()); {
	case errors.Is(err, digest.ErrNotFound):
		h.notice(w, r, http.StatusConflict, "notice.late")
	case err != nil:
		h.away(w, r, fmt.Errorf("undo a leaving: %w", err))
	default:
		h.Log.Info("reader chose", "reader", ref.Reader, "edition", ref.Edition, "how", howPage, "choice", "undo")
		p := h.result(t, st, "result.undone")
		p.Back = back
		h.show(w, http.StatusOK, "result", p)
	}
}

// withStanding does what needs to know how the reader stands. One who was
// erased is told that nothing is left to do.
func (h *handler) withStanding(w http.ResponseWriter, r *http.Request, ref digest.Ref, do func(templates.PageTexts, digest.Standing)) {
	h.withStandingOr(w, r, ref, h.away, do)
}

// awayFunc answers where the rows can't be reached.
type awayFunc func(w http.ResponseWriter, r *http.Request, err error)

// withStandingOr is withStanding with an answer of its own for when the rows
// can't be reached.
func (h *handler) withStandingOr(w http.ResponseWriter, r *http.Request, ref digest.Ref, away awayFunc, do func(templates.PageTexts, digest.Standing)) {
	ctx, cancel := h.storeContext(r)
	defer cancel()
	st, err := h.Store.Standing(ctx, ref)
	switch {
	case errors.Is(err, digest.ErrNotFound):
		h.gone(w, r)
	case err != nil:
		away(w, r, fmt.Errorf("read a reader's standing: %w", err))
	default:
		do(h.language(r, st.Language), st)
	}
}

// offerToLeave is a page without the rows: who the reader is and what the digest
// is called can't be said, but leaving is possible, where it can be kept.
func (h *handler) offerToLeave(everything bool) awayFunc {
	if h.Spool == nil {
		return h.away
	}
	return func(w http.ResponseWriter, r *http.Request, err error) {
		h.Log.Error("page not answered", "error", err)
		t := h.language(r, "")
		w.Header().Set("Retry-After", "60")
		h.show(w, http.StatusServiceUnavailable, "away", awayPage{h.frame(t, t.Plain("unsubscribe.away.title")), everything})
	}
}

// leaveUnseen leaves without knowing how the reader stands.
func (h *handler) leaveUnseen(ref digest.Ref, l digest.Leaving) awayFunc {
	if h.Spool == nil {
		return h.away
	}
	return func(w http.ResponseWriter, r *http.Request, err error) {
		h.Log.Error("a reader leaves unseen", "error", err)
		_, err = h.leave(r, ref, l)
		h.left(w, r, err)
	}
}

// left says that a leaving is kept, or why not.
func (h *handler) left(w http.ResponseWriter, r *http.Request, err error) {
	if err != nil {
		h.failed(w, r, err)
		return
	}
	t := h.language(r, "")
	h.show(w, http.StatusOK, "result", resultPage{frame: h.frame(t, t.Plain("result.title")), Message: t.HTML("result.left.away")})
}

func (h *handler) failed(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, digest.ErrNotFound) {
		h.gone(w, r)
		return
	}
	h.away(w, r, err)
}

// readBody reads as much of a body as any form of ours has; long says that
// there was more, or that the line was lost.
func readBody(r *http.Request) (body []byte, long bool) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	return body[:min(len(body), maxBody)], err != nil || len(body) > maxBody
}

// readForm reads a form out of a body, in either encoding.
func readForm(r *http.Request, body []byte) (url.Values, error) {
	media, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err == nil && media == "multipart/form-data" {
		// Within maxBody nothing of it is ever written to a file.
		form, err := multipart.NewReader(bytes.NewReader(body), params["boundary"]).ReadForm(maxBody)
		if err != nil {
			return nil, err
		}
		return form.Value, form.RemoveAll()
	}
	return url.ParseQuery(strings.TrimSpace(string(body)))
}

// saysOneClick finds the pair of RFC 8058 in a body that is no form, such as
// one that was cut off. The token is genuine and the wish is plain: only a
// forged token may be refused.
func saysOneClick(body []byte) bool {
	low := bytes.ToLower(body)
	at := bytes.Index(low, []byte("list-unsubscribe"))
	return at >= 0 && bytes.Contains(low[at:], []byte("one-click"))
}

// oneClicked finds the pair of RFC 8058 section 3.1.
func oneClicked(form url.Values) bool {
	for key, values := range form {
		if strings.EqualFold(key, "List-Unsubscribe") &&
			len(values) == 1 && strings.EqualFold(strings.TrimSpace(values[0]), "One-Click") {
			return true
		}
	}
	return false
}

// foreign says that a form of ours was sent by a page that isn't. Only forms
// are asked: a one-click comes from anywhere. Because of our Referrer-Policy,
// browsers older than Sec-Fetch-Site send "Origin: null" from our own pages;
// they must be able to leave, and the token in the address is what counts.
func (h *handler) foreign(r *http.Request) bool {
	if r.Header.Get("Sec-Fetch-Site") == "" && r.Header.Get("Origin") == "null" {
		return false
	}
	return h.origin.Check(r) != nil
}
