package web

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"courant/digest"
	"courant/templates"
)

// confirm answers the link of a letter that asks for a yes: a page with a
// button, since scanners follow links and run scripts. GET and HEAD change
// nothing.
func (h *handler) confirm(w http.ResponseWriter, r *http.Request, ref digest.Ref) {
	if h.SignUps.Store == nil {
		h.lost(w, r, "notice.missing", digest.Digest{})
		return
	}
	ctx, cancel := patientContext(r)
	defer cancel()
	id := digest.LetterID(ref.Reader)
	l, err := h.SignUps.Store.Letter(ctx, id)
	t := h.language(r, l.Language)
	switch {
	case errors.Is(err, digest.ErrNotFound):
		h.notice(w, r, http.StatusGone, "notice.over")
	case err != nil:
		h.away(w, r, fmt.Errorf("read a letter: %w", err))
	case !l.UsedAt.IsZero():
		h.tell(w, t, "confirm.already")
	case l.State == digest.Cancelled || len(l.SignUps) == 0 && !l.Over:
		h.tell(w, t, "confirm.disowned")
	case l.Over || l.Address == "":
		h.notice(w, r, http.StatusGone, "notice.over")
	case r.Method != http.MethodPost:
		h.show(w, http.StatusOK, "confirm", h.confirmPage(t, l))
	default:
		h.answerLetter(w, r, t, l)
	}
}

// answerLetter does what a button of the page says.
func (h *handler) answerLetter(w http.ResponseWriter, r *http.Request, t templates.PageTexts, l digest.Letter) {
	body, long := readBody(r)
	form, err := readForm(r, body)
	switch {
	case err != nil || long:
		h.notice(w, r, http.StatusBadRequest, "notice.form")
	case h.foreign(r):
		h.notice(w, r, http.StatusForbidden, "notice.form")
	case form.Get("do") == "not me":
		h.disown(w, r, t, l)
	case form.Get("do") != "confirm":
		h.notice(w, r, http.StatusBadRequest, "notice.form")
	case form.Get("seen") != seen(l.SignUps):
		// Somebody asked for something else meanwhile: that is shown first.
		p := h.confirmPage(t, l)
		p.Changed = true
		h.show(w, http.StatusConflict, "confirm", p)
	default:
		h.sayYes(w, r, t, l)
	}
}

func (h *handler) sayYes(w http.ResponseWriter, r *http.Request, t templates.PageTexts, l digest.Letter) {
	ctx, cancel := patientContext(r)
	defer cancel()
	switch err := h.SignUps.Store.ConfirmSignUp(ctx, l.ID, l.SignUps, h.offers()); {
	case errors.Is(err, digest.ErrChanged):
		h.notice(w, r, http.StatusConflict, "notice.form")
	case errors.Is(err, digest.ErrNotFound):
		h.notice(w, r, http.StatusGone, "notice.over")
	case err != nil:
		h.away(w, r, err)
	default:
		h.Log.Info("sign-up was confirmed", "letter", int64(l.ID))
		var titles []string
		for _, item := range h.confirmItems(t, l) {
			titles = append(titles, item.Title)
		}
		h.tell(w, t, "confirm.done", "digests", t.List(titles), "address", l.Address)
	}
}

func (h *handler) disown(w http.ResponseWriter, r *http.Request, t templates.PageTexts, l digest.Letter) {
	ctx, cancel := patientContext(r)
	defer cancel()
	switch err := h.SignUps.Store.DisownSignUp(ctx, l.ID); {
	case errors.Is(err, digest.ErrNotFound):
		h.notice(w, r, http.StatusGone, "notice.over")
	case err != nil:
		h.away(w, r, err)
	default:
		h.Log.Info("sign-up was disowned", "letter", int64(l.ID))
		h.tell(w, t, "confirm.disowned")
	}
}

// tell is a page of one sentence about what was done.
func (h *handler) tell(w http.ResponseWriter, t templates.PageTexts, key string, pairs ...string) {
	h.show(w, http.StatusOK, "result", resultPage{frame: h.frame(t, t.Plain("result.title")), Message: t.HTML(key, pairs...)})
}

func (h *handler) confirmPage(t templates.PageTexts, l digest.Letter) confirmPage {
	return confirmPage{
		frame: h.frame(t, t.Plain("confirm.title")), Lead: t.HTML("confirm.lead", "address", digest.Masked(l.Address)),
		Items: h.confirmItems(t, l), Seen: seen(l.SignUps),
	}
}

// confirmItems are the digests a letter asks about, with what was chosen.
func (h *handler) confirmItems(t templates.PageTexts, l digest.Letter) (items []confirmItem) {
	for _, s := range l.SignUps {
		for _, d := range h.brought(s.List) {
			if !slices.Contains(s.Digests, d.Name) {
				continue
			}
			item := confirmItem{Title: d.Title}
			switch at := when(t, d.Cadence); {
			case s.Frequency == digest.Weekly:
				item.Notes = append(item.Notes, t.Plain("signup.weekly"))
			case at != "":
				item.Notes = append(item.Notes, at)
			}
			if s.Categories != nil {
				item.Notes = append(item.Notes, t.List(s.Categories))
			}
			items = append(items, item)
		}
	}
	return items
}

// seen names what a page showed, so that the button confirms that and nothing
// that was asked for since.
func seen(list []digest.SignUp) string {
	type shown struct {
		List                string
		Digests, Categories []string
		Frequency, Zone     string
	}
	var all []shown
	for _, s := range list {
		all = append(all, shown{s.List, s.Digests, s.Categories, string(s.Frequency), s.Zone})
	}
	doc, err := json.Marshal(all)
	if err != nil {
		return "" // strings always marshal
	}
	sum := sha256.Sum256(doc)
	return hex.EncodeToString(sum[:12])
}

// patientContext outlives the client's connection. A sign-up waits for nothing
// else, so it has all the time that the store has.
func patientContext(r *http.Request) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(r.Context()), storeTimeout)
}
