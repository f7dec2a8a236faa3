package inbox

import (
	"context"
	"encoding/json"
	"errors"
	"html/template"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Mail is one message as it arrived.
type Mail struct {
	ID   string    // names it in addresses: letters, digits and '-'; unique in its box, never changes
	At   time.Time // when it arrived
	From string    // envelope sender; empty: the null sender
	To   string    // envelope recipient
	Raw  []byte    // header and body, CRLF lines
}

// Reader is what one publication did for one reader.
type Reader struct {
	Address string
	State   string // a delivery state, or a word such as "skipped"
	Reason  string // in words, for the page; empty: none is needed
	MailID  string // of the mail in the box; empty: no mail
}

// Round is one publication as the page tells it.
type Round struct {
	Title   string
	At      time.Time
	Note    string // why nothing went out, or what is new; empty: nothing to say
	Readers []Reader
}

// Link is another place worth opening.
type Link struct{ Label, URL string }

// Box is what the pages show and may do.
type Box struct {
	Title     string                          // heading of the page: the publication's name
	Intro     string                          // one or two sentences below it; empty: none
	Notes     []string                        // what else to know, a line each below the sentences
	Mails     func() []Mail                   // oldest first; called for every page, from several goroutines
	Rounds    func() []Round                  // oldest first; nil: the page tells no rounds
	Next      func(ctx context.Context) error // publishes the next edition and returns when it was delivered; nil: no button
	NextLabel string                          // of the button; empty: "Publish the next edition"
	WayOut    string                          // label of the link to leave; empty: "Leave as this reader"
	Links     []Link                          // other places worth opening
	Zone      *time.Location                  // times are shown in it; nil: UTC
	Log       *slog.Logger                    // nil: none
	Desk      *Desk                           // what an editor needs beside; nil: the mails are received ones

	// Hosts are names the pages answer to beside the loopback ones, without a
	// port. They are for a page that is meant to be reached from elsewhere.
	Hosts []string
}

// Handler answers all addresses of the pages. Every link on them is relative,
// so the handler works below any path, once that is stripped.
//
// The context of Next outlives the request, so a closed tab doesn't cut a
// publication in half; whoever gives Next ends it by a context of its own.
func (b Box) Handler() (http.Handler, error) {
	h, err := b.handler()
	if err != nil {
		return nil, err
	}
	return h.guard(h.routes()), nil
}

func (b Box) handler() (*handler, error) {
	if b.Mails == nil {
		return nil, errors.New("build the inbox page: it has no mails to show; set Box.Mails")
	}
	h := &handler{Box: b, known: map[string]summary{}}
	if h.Zone == nil {
		h.Zone = time.UTC
	}
	if h.Log == nil {
		h.Log = slog.New(slog.DiscardHandler)
	}
	if h.NextLabel == "" {
		h.NextLabel = "Publish the next edition"
	}
	if h.WayOut == "" {
		h.WayOut = "Leave as this reader"
	}
	if err := h.readPage(); err != nil {
		return nil, err
	}
	return h, nil
}

type handler struct {
	Box
	page   *template.Template
	assets map[string]asset

	publishing atomic.Bool

	mu    sync.Mutex
	known map[string]summary // by mail: reading 200 mails for each page would be felt
}

func (h *handler) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", h.home)
	mux.HandleFunc("GET /mail/{id}", h.mail)
	mux.HandleFunc("GET /mail/{id}/frame", h.frame)
	mux.HandleFunc("GET /mail/{id}/mail.eml", h.download)
	mux.HandleFunc("GET /state", h.state)
	mux.HandleFunc("GET /next", func(w http.ResponseWriter, _ *http.Request) { seeOther(w) })
	mux.Handle("POST /next", http.NewCrossOriginProtection().Handler(http.HandlerFunc(h.next)))
	if h.Desk != nil {
		mux.HandleFunc("GET /events", h.events)
		mux.HandleFunc("GET /mail/{id}/send", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "../"+url.PathEscape(r.PathValue("id")), http.StatusSeeOther)
		})
		if h.Desk.Send != nil {
			mux.Handle("POST /mail/{id}/send", http.NewCrossOriginProtection().Handler(http.HandlerFunc(h.send)))
		}
	}
	for name := range h.assets {
		mux.HandleFunc("GET /"+name, h.asset)
	}
	return mux
}

// pagePolicy lets the page load what is its own and nothing else.
const pagePolicy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; frame-src 'self'; " +
	"form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

// guard turns away foreign names and sets what every answer carries.
func (h *handler) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		set := w.Header().Set
		set("Content-Security-Policy", pagePolicy)
		set("X-Content-Type-Options", "nosniff")
		// With no-referrer, the button's POST would come from the origin "null".
		set("Referrer-Policy", "same-origin")
		set("Cross-Origin-Resource-Policy", "same-origin")
		set("Cross-Origin-Opener-Policy", "same-origin")
		set("X-DNS-Prefetch-Control", "off")
		set("X-Robots-Tag", "noindex")
		set("Cache-Control", "no-store")
		if !h.answersTo(r.Host) {
			// RFC 9110 section 15.5.20. A name that a stranger points at this
			// machine would make the stranger's page ours in a browser's eyes.
			http.Error(w, "This page answers to loopback names only, such as localhost.", http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// answersTo says whether a Host header names this machine to itself, or is one
// of the names that were allowed.
func (h *handler) answersTo(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
	if addr, err := netip.ParseAddr(host); err == nil && addr.IsLoopback() {
		return true
	}
	// RFC 6761 section 6.3: localhost and all names below it are loopback.
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || slices.ContainsFunc(h.Hosts, func(allowed string) bool {
		return strings.EqualFold(allowed, host)
	})
}

// find is the mail of an address, and all mails.
func (h *handler) find(r *http.Request) (Mail, []Mail, bool) {
	mails := h.Mails()
	i := slices.IndexFunc(mails, func(m Mail) bool { return m.ID == r.PathValue("id") })
	if i < 0 {
		return Mail{}, mails, false
	}
	return mails[i], mails, true
}

// raw is the mail in the direction that is looked at.
func (h *handler) raw(m Mail, l look) []byte {
	if l.Direction == directionRTL {
		if mirrored := h.mirrored(m.ID); len(mirrored) > 0 {
			return mirrored
		}
	}
	return m.Raw
}

func (h *handler) mirrored(id string) []byte {
	if h.Desk == nil || h.Desk.Mirrored == nil {
		return nil
	}
	return h.Desk.Mirrored(id)
}

// home is the list with the mail on its top beside it.
func (h *handler) home(w http.ResponseWriter, r *http.Request) {
	h.show(w, http.StatusOK, h.homePage(readLook(r.URL.Query())))
}

// homePage chooses the newest mail; of a publication, the first that is listed.
func (h *handler) homePage(l look) page {
	mails := h.Mails()
	p := h.newPage("./", mails, l)
	p.Home = true
	id := p.top()
	if i := slices.IndexFunc(mails, func(m Mail) bool { return m.ID == id }); i >= 0 {
		h.choose(&p, mails[i])
	}
	return p
}

// mail is the list with one mail beside it.
func (h *handler) mail(w http.ResponseWriter, r *http.Request) {
	m, mails, ok := h.find(r)
	p := h.newPage("../", mails, readLook(r.URL.Query()))
	if !ok {
		p.Missing = true
		h.show(w, http.StatusNotFound, p)
		return
	}
	h.choose(&p, m)
	h.show(w, http.StatusOK, p)
}

// download hands out the bytes that arrived, RFC 2046 section 5.2.1.
func (h *handler) download(w http.ResponseWriter, r *http.Request) {
	m, _, ok := h.find(r)
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Disposition", disposition(h.summary(m).Subject, m.ID))
	write(w, http.StatusOK, "message/rfc822", m.Raw)
}

// standing is what the page's script asks for.
type standing struct {
	Mails      int  `json:"mails"`
	Rounds     int  `json:"rounds"`
	Publishing bool `json:"publishing"`
}

func (h *handler) state(w http.ResponseWriter, _ *http.Request) {
	body, err := json.Marshal(h.standing(h.Mails()))
	if err != nil {
		http.Error(w, "The state could not be told.", http.StatusInternalServerError)
		return
	}
	write(w, http.StatusOK, "application/json", append(body, '\n'))
}

func (h *handler) standing(mails []Mail) standing {
	return standing{Mails: len(mails), Rounds: len(h.rounds()), Publishing: h.publishing.Load()}
}

func (h *handler) rounds() []Round {
	if h.Rounds == nil {
		return nil
	}
	return h.Rounds()
}
