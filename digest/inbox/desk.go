package inbox

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// Desk makes the pages an editor's proof desk: the mails are not received but
// to come, and are made anew while the pages are open.
type Desk struct {
	// Version names what the mails were made from; another one, other mails.
	Version string
	// Changed waits until the version is another than the given one and gives
	// it; empty: ctx ended first.
	Changed func(ctx context.Context, version string) string
	// Fault says what keeps the mails from being made anew; the mails shown are
	// the last good ones then. It may have several lines. Empty: nothing does.
	Fault string
	// Findings are what is wrong with a mail, the worst first; nil: nobody looks.
	Findings func(id string) []Finding
	// Mirrored is a mail with the furniture of a language that is read from
	// right to left; nil, or nothing: there is none.
	Mirrored func(id string) []byte
	// Send sends a mail to an address and says what the mail server answered.
	// Its errors are sentences for the page. Nil: there is no button.
	Send func(ctx context.Context, id, address string) (said string, err error)
	// SendTo is the address that stands in the field.
	SendTo string
	// Sent is what the last sending of a mail came to; empty: there was none.
	Sent func(id string) string
}

// Finding is one thing that is wrong with a mail.
type Finding struct {
	Rule    string
	Error   bool   // it keeps the edition back; else it's a warning
	Part    string // message, header, text or html
	Line    int    // of the message, or of the decoded part; zero: the whole of it
	Finding string
	Advice  string
}

// beat is how often an open line says that it's still there: a proxy or a
// sleeping laptop would let it hang unseen.
const beat = 20 * time.Second

// events tells the page's script of each new version, as server-sent events
// (HTML section 9.2). The first comes at once: the page may be behind.
func (h *handler) events(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	flush := http.NewResponseController(w).Flush
	version := h.Desk.Version
	if v := h.Desk.Changed(r.Context(), ""); v != "" {
		version = v
	}
	said := fmt.Sprintf("retry: 1000\ndata: %s\n\n", version)
	for {
		// A page that went away ends the context; then there's nobody to tell.
		if _, err := w.Write([]byte(said)); err != nil || flush() != nil {
			return
		}
		wait, cancel := context.WithTimeout(r.Context(), beat)
		next := h.Desk.Changed(wait, version)
		cancel()
		switch {
		case r.Context().Err() != nil:
			return
		case next == "":
			said = ": still here\n\n"
		default:
			version, said = next, fmt.Sprintf("data: %s\n\n", next)
		}
	}
}

// maxForm is how many bytes of a form are read.
const maxForm = 8 << 10

// send sends the mail that the page showed. A page that is behind is told so:
// what is sent is what was seen.
func (h *handler) send(w http.ResponseWriter, r *http.Request) {
	m, mails, ok := h.find(r)
	if !ok {
		http.NotFound(w, r)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	address, version := r.PostFormValue("address"), r.PostFormValue("version")
	complain := func(status int, sentence string) {
		p := h.newPage("../../", mails, readLook(r.URL.Query()))
		p.Refused = sentence
		h.choose(&p, m)
		if p.Mail.Send != nil && address != "" {
			p.Mail.Send.Address = address
		}
		h.show(w, status, p)
	}
	switch {
	case h.Desk.Fault != "":
		complain(http.StatusConflict, "Nothing was sent: what you see is the last good state. Mend what is said above first.")
		return
	case version != h.Desk.Version:
		complain(http.StatusConflict, "Nothing was sent: the edition has changed since your page was loaded. This is how it is now; send it if it is right.")
		return
	}
	if _, err := h.Desk.Send(context.WithoutCancel(r.Context()), m.ID, address); err != nil {
		complain(http.StatusUnprocessableEntity, "Not sent: "+err.Error())
		return
	}
	// Relative, as in seeOther.
	w.Header().Set("Location", "../"+url.PathEscape(m.ID)+readLook(r.URL.Query()).query())
	w.WriteHeader(http.StatusSeeOther)
}

// sendForm is the button and its field.
type sendForm struct{ Action, Address, Version, Said string }

// meter holds the size of the HTML against where Gmail clips it: at about
// 102 KB it hides the rest of a mail, and the link to leave with it.
type meter struct {
	Bytes, Part      int // Part of Whole is as long as the bar
	Size, Word, Mood string
}

// The sizes of decoded HTML. An edition is built to stay below the first and
// is not sent over the second.
const (
	wantedHTML = 80_000
	mostHTML   = 100_000
	clipHTML   = 102 << 10
)

func newMeter(n int) *meter {
	m := &meter{Bytes: n, Part: min(n, clipHTML), Size: sized(n), Mood: "good", Word: "Gmail shows all of it"}
	switch {
	case n > mostHTML:
		m.Mood, m.Word = "bad", "Gmail would clip it, and the link to leave with it"
	case n > wantedHTML:
		m.Mood, m.Word = "near", "near the size that Gmail clips"
	}
	return m
}

// check is a finding as the page shows it.
type check struct {
	Finding
	Severity string
	Where    string
	URL      string // of its line in the source
}

// checks are the findings of a mail; address is the mail's.
func checks(found []Finding, l look, address string) []check {
	var list []check
	for _, f := range found {
		c := check{Finding: f, Severity: "warning"}
		if f.Error {
			c.Severity = "error"
		}
		next := l
		next.View, next.Part = viewSource, partMessage
		switch f.Part {
		case partText, partHTML:
			next.Part, c.Where = f.Part, f.Part+" part"
		case "header":
			c.Where = "headers"
		default:
			c.Where = "the mail"
		}
		c.URL = address + next.query()
		if f.Line > 0 {
			c.Where += fmt.Sprintf(", line %d", f.Line)
			c.URL += fmt.Sprintf("#L%d", f.Line)
		}
		list = append(list, c)
	}
	return list
}
