package inbox

import (
	"context"
	"net/http"
)

// next publishes and goes back to the list, which then begins with what came.
// A second press meanwhile is told so: two publications at once would be two
// editions where one was asked for.
func (h *handler) next(w http.ResponseWriter, r *http.Request) {
	if h.Next == nil {
		http.NotFound(w, r)
		return
	}
	if !h.publishing.CompareAndSwap(false, true) {
		h.complain(w, http.StatusConflict, "An edition is being published just now. This page shows it as soon as it is there.")
		return
	}
	err := func() error {
		defer h.publishing.Store(false)
		return h.Next(context.WithoutCancel(r.Context()))
	}()
	if err != nil {
		h.Log.Error("next edition not published", "error", err)
		h.complain(w, http.StatusInternalServerError, "The next edition was not published: "+err.Error())
		return
	}
	seeOther(w)
}

// complain shows the list with a sentence above it.
func (h *handler) complain(w http.ResponseWriter, status int, sentence string) {
	p := h.homePage(look{})
	p.Fault = sentence
	h.show(w, status, p)
}

// seeOther leads to the list. The address is relative (RFC 9110 section
// 10.2.2), which http.Redirect would make absolute, and wrong below a path.
func seeOther(w http.ResponseWriter) {
	w.Header().Set("Location", "./")
	w.WriteHeader(http.StatusSeeOther)
}
