package inbox

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"net/http"
	"path"
	"strconv"
)

//go:embed page
var pageFS embed.FS

// asset is a file that pages load, with the name of its content.
type asset struct {
	body      []byte
	id, media string
}

// readPage reads the template and what it loads.
func (h *handler) readPage() (err error) {
	lines := template.FuncMap{"line": func(i int) int { return i + 1 }}
	if h.page, err = template.New("page.html").Funcs(lines).ParseFS(pageFS, "page/*.html"); err != nil {
		return fmt.Errorf("read the inbox page: %w", err)
	}
	h.assets = map[string]asset{}
	for name, media := range map[string]string{
		"style.css": "text/css; charset=utf-8",
		"script.js": "text/javascript; charset=utf-8",
		"icon.svg":  "image/svg+xml",
	} {
		body, err := pageFS.ReadFile("page/" + name)
		if err != nil {
			return fmt.Errorf("read the inbox page: %w", err)
		}
		sum := sha256.Sum256(body)
		h.assets[name] = asset{body, hex.EncodeToString(sum[:6]), media}
	}
	return nil
}

// asset may be kept for a year: its address changes when it does.
func (h *handler) asset(w http.ResponseWriter, r *http.Request) {
	a := h.assets[path.Base(r.URL.Path)]
	if r.URL.Query().Get("v") == a.id {
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	write(w, http.StatusOK, a.media, a.body)
}

// page is what the template is told.
type page struct {
	Title, Intro        string
	Notes               []string
	WayOut              string // label of the link to leave
	Root                string // leads to the list, ends with a slash
	Style, Script, Icon string
	Home                bool // the list was asked for, not one mail
	Missing             bool // a mail was asked for that isn't here
	Fault               string
	Refused             string // what was asked of the mail, and why it wasn't done
	Desk                bool
	Version             string
	Groups              []group
	Mail                *pane
	Next                string // label of the button; empty: there is none
	Standing            standing
	Links               []Link
	Tally               string

	look look
}

// newPage is the page with its list; root leads from its address to the list.
func (h *handler) newPage(root string, mails []Mail, l look) page {
	h.forget(mails)
	address := func(name string) string { return root + name + "?v=" + h.assets[name].id }
	p := page{
		Title: h.Title, Intro: h.Intro, Notes: h.Notes, WayOut: h.WayOut, Root: root, Links: h.Links,
		Style: address("style.css"), Script: address("script.js"), Icon: address("icon.svg"),
		Standing: h.standing(mails),
		Tally:    counted(len(mails), "mail", "mails"),
		look:     l,
	}
	if h.Desk != nil {
		p.Desk, p.Version, p.Fault = true, h.Desk.Version, h.Desk.Fault
	}
	if h.Next != nil {
		p.Next = h.NextLabel
	}
	p.Groups = p.groups(h, mails)
	return p
}

// show renders a page to bytes first, so that a page is whole or not there.
func (h *handler) show(w http.ResponseWriter, status int, p page) {
	var b bytes.Buffer
	if err := h.page.ExecuteTemplate(&b, "page.html", p); err != nil {
		h.Log.Error("inbox page not rendered", "error", err)
		http.Error(w, "The page could not be put together; the log says why.", http.StatusInternalServerError)
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
