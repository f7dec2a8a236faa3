package web

import (
	"bytes"
	"html/template"
	"net/http"
	"strconv"
	"strings"
	"time"

	"courant/digest"
	"courant/templates"
)

type page struct{ *template.Template }

// frame is what every page is told. Templates call the methods of the texts
// on it.
type frame struct {
	templates.PageTexts
	Site, Style, Title string
	Index              bool   // search engines may keep it
	Home               string // path of the home page; empty: the page has nothing to do with it
	Feed, FeedTitle    string // path of the Atom feed of what the page lists
	Canonical          string // the page's one address; empty: it has none
}

func (h *handler) frame(t templates.PageTexts, title string) frame {
	return frame{PageTexts: t, Site: h.Name, Style: h.base + "/style.css?v=" + h.styleID, Title: title}
}

// show renders a page to bytes first, so that a page is whole or not there.
func (h *handler) show(w http.ResponseWriter, status int, name string, data any) {
	var b bytes.Buffer
	if err := h.pages[name].Execute(&b, data); err != nil {
		h.Log.Error("page not rendered", "page", name, "error", err)
		plain(w, http.StatusInternalServerError, "Something went wrong on our side. Please try again later.\n")
		return
	}
	write(w, status, "text/html; charset=utf-8", b.Bytes())
}

func write(w http.ResponseWriter, status int, mediaType string, body []byte) {
	w.Header().Set("Content-Type", mediaType)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	// A client that hung up is nobody's fault; net/http drops the body of HEAD.
	_, _ = w.Write(body)
}

func plain(w http.ResponseWriter, status int, text string) {
	write(w, status, "text/plain; charset=utf-8", []byte(text))
}

type noticePage struct {
	frame
	Message template.HTML
	List    string // path of the archive that may have what is missing
	Digest  string // its title
}

// notice is a page of one sentence: key names its title and text.
func (h *handler) notice(w http.ResponseWriter, r *http.Request, status int, key string) {
	t := h.language(r, "")
	h.show(w, status, "notice", noticePage{frame: h.frame(t, t.Plain(key+".title")), Message: t.HTML(key + ".text")})
}

// away says that the rows can't be reached. The log has the reason.
func (h *handler) away(w http.ResponseWriter, r *http.Request, err error) {
	h.Log.Error("page not answered", "error", err)
	w.Header().Set("Retry-After", "60")
	h.notice(w, r, http.StatusServiceUnavailable, "notice.away")
}

type unsubscribePage struct {
	frame
	Standing digest.Standing
	Address  string // masked
	LeftDay  string // empty: has not left
}

type choicesPage struct {
	frame
	Standing              digest.Standing
	Address               string // masked
	Left, AllLeft, Paused bool
	Weekly, CanUndo       bool
	LeftDay, PausedDay    string
	Categories            []category
	NoneTicked            bool
}

// awayPage is what can be done without the rows.
type awayPage struct {
	frame
	Everything bool
}

type category struct {
	Name   string
	Chosen bool
}

type resultPage struct {
	frame
	Message template.HTML
	CanUndo bool
	Ticket  string
	Back    string
}

func (h *handler) unsubscribePage(t templates.PageTexts, st digest.Standing) unsubscribePage {
	p := unsubscribePage{
		frame:    h.frame(t, t.Plain("unsubscribe.title", "digest", st.Title)),
		Standing: st,
		Address:  digest.Masked(st.Address),
	}
	if left := leftAt(st); !left.IsZero() {
		p.LeftDay = t.FormatDate(left.UTC())
	}
	return p
}

// leftAt is when the reader left the digest or everything; zero: neither.
func leftAt(st digest.Standing) time.Time {
	if !st.AllLeftAt.IsZero() {
		return st.AllLeftAt
	}
	return st.LeftAt
}

func (h *handler) choicesPage(t templates.PageTexts, st digest.Standing) choicesPage {
	now := h.Now()
	p := choicesPage{
		frame:    h.frame(t, t.Plain("choices.title", "digest", st.Title)),
		Standing: st,
		Address:  digest.Masked(st.Address),
		Left:     !st.LeftAt.IsZero(),
		AllLeft:  !st.AllLeftAt.IsZero(),
		Paused:   st.PausedUntil.After(now),
		Weekly:   st.Frequency == digest.Weekly,
	}
	left := leftAt(st)
	p.LeftDay, p.PausedDay = t.FormatDate(left.UTC()), t.FormatDate(st.PausedUntil.UTC())
	if p.Left || p.AllLeft {
		p.Paused, p.Weekly = false, false // of no matter to one who left
	}
	p.CanUndo = p.Paused || !left.IsZero() && now.Sub(left) < digest.UndoFor
	for _, name := range st.DigestCategories {
		p.Categories = append(p.Categories, category{name, chosen(st, name)})
	}
	return p
}

// language picks the texts: the reader's own language, else the first the
// browser asks for that we have, else the site's.
func (h *handler) language(r *http.Request, own string) templates.PageTexts {
	wanted := append([]string{own}, acceptedLanguages(r.Header.Get("Accept-Language"))...)
	return templates.PageTexts{Language: h.texts.Match(append(wanted, h.Language)...)}
}

// acceptedLanguages reads an Accept-Language header in the order it is
// written. Browsers write it by falling preference, so the weights of RFC 9110
// section 12.5.4 are looked at only for the refusal q=0.
func acceptedLanguages(header string) []string {
	header = header[:min(len(header), 256)]
	var tags []string
	for part := range strings.SplitSeq(header, ",") {
		tag, weight, _ := strings.Cut(part, ";")
		if q, err := strconv.ParseFloat(strings.TrimPrefix(strings.TrimSpace(weight), "q="), 64); err == nil && q == 0 {
			continue
		}
		tags = append(tags, strings.TrimSpace(tag))
	}
	return tags
}

// result is the page after a button: what was done, and the way back.
func (h *handler) result(t templates.PageTexts, st digest.Standing, key string, pairs ...string) resultPage {
	pairs = append(pairs, "digest", st.Title, "address", digest.Masked(st.Address))
	return resultPage{frame: h.frame(t, t.Plain("result.title")), Message: t.HTML(key, pairs...)}
}

// gone is the answer to the holder of a good token whose reader was erased.
func (h *handler) gone(w http.ResponseWriter, r *http.Request) {
	t := h.language(r, "")
	h.show(w, http.StatusOK, "notice", noticePage{frame: h.frame(t, t.Plain("result.title")), Message: t.HTML("result.gone")})
}

func pauseEnd(now time.Time) time.Time { return now.Add(4 * 7 * 24 * time.Hour) }
