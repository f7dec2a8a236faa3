package inbox

import (
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/html"
)

// summary is what the list tells of a mail.
type summary struct {
	Sender, Subject, Preheader string
}

// summary reads a mail for the list, once.
func (h *handler) summary(m Mail) summary {
	h.mu.Lock()
	defer h.mu.Unlock()
	s, ok := h.known[m.ID]
	if !ok {
		s = summarize(m)
		h.known[m.ID] = s
	}
	return s
}

// forget drops what is known of mails that are no longer in the box.
func (h *handler) forget(mails []Mail) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.known) <= len(mails) {
		return
	}
	kept := make(map[string]summary, len(mails))
	for _, m := range mails {
		if s, ok := h.known[m.ID]; ok {
			kept[m.ID] = s
		}
	}
	h.known = kept
}

func summarize(m Mail) summary {
	msg := readMessage(m.Raw)
	name, address := msg.header.author()
	s := summary{Sender: name, Subject: msg.header.words("Subject")}
	for _, otherwise := range []string{address, clean(m.From), "unknown sender"} {
		if s.Sender == "" {
			s.Sender = otherwise
		}
	}
	switch {
	case msg.html != nil:
		text, _ := msg.html.words()
		s.Preheader = firstWords(text)
	case msg.text != nil:
		text, _ := msg.text.words()
		s.Preheader = clean(cut(strings.Join(strings.Fields(cut(text, 4*maxPreheader)), " "), maxPreheader))
	}
	return s
}

// maxPreheader is how many characters of the preheader the list shows; mail
// programs show between 40 and 140.
const maxPreheader = 140

// padding is what senders put behind a preheader to keep the words below it
// out of the list.
const padding = "\u034F\u200B\u200C\u200D\u2007\u00AD\uFEFF\u2060"

// firstWords is the first text of an HTML part, shown or not: what mail
// programs put beside the subject.
func firstWords(text string) string {
	var b strings.Builder
	z := html.NewTokenizer(strings.NewReader(text))
	skipped := "" // the element whose text isn't text
	for b.Len() < 4*maxPreheader {
		switch z.Next() {
		case html.ErrorToken:
			return preheader(b.String())
		case html.StartTagToken:
			if name, _ := z.TagName(); skipped == "" && slices.Contains([]string{"head", "style", "script", "title"}, string(name)) {
				skipped = string(name)
			}
			b.WriteByte(' ')
		case html.EndTagToken:
			if name, _ := z.TagName(); string(name) == skipped {
				skipped = ""
			}
			b.WriteByte(' ')
		case html.TextToken:
			if skipped == "" {
				b.WriteString(html.UnescapeString(string(z.Raw())))
			}
		}
	}
	return preheader(b.String())
}

// preheader is the words up to the padding, shortened.
func preheader(s string) string {
	words := strings.Fields(s)
	for i, w := range words {
		words[i] = strings.Trim(w, padding)
		if strings.TrimRight(w, padding) != w { // it may begin at the last word
			words = words[:i+1]
			break
		}
	}
	return clean(cut(strings.Join(words, " "), maxPreheader))
}

// row is one line of the list: a mail, a reader without one, or both.
type row struct {
	summary
	ID, URL string // empty: there is no mail
	Current bool
	To      string
	At      stamp
	State   string
	Mood    string // of the state, for its colour
	Reason  string
}

// group is a publication in the list, or the mails outside of any.
type group struct {
	Title, Note string
	At          stamp
	Rows        []row
	Tally       string // "3 mails, 1 reader without"
}

// stamp is a time as the list shows it.
type stamp struct{ Machine, Words string }

// stamp leaves the day out where it is the day of the newest mail.
func (h *handler) stamp(at, newest time.Time) stamp {
	if at.IsZero() {
		return stamp{}
	}
	at, newest = at.In(h.Zone), newest.In(h.Zone)
	layout := "2 Jan, 15:04"
	if at.Format(time.DateOnly) == newest.Format(time.DateOnly) {
		layout = "15:04"
	}
	return stamp{Machine: at.Format(time.RFC3339), Words: at.Format(layout)}
}

// groups is the list, newest first. Mails that no round claims stand on top
// when they are newer than every round, else at the end.
func (p *page) groups(h *handler, mails []Mail) []group {
	rounds, byID, claimed := h.rounds(), map[string]Mail{}, map[string]bool{}
	var newest time.Time
	for _, m := range mails {
		byID[m.ID], newest = m, m.At
	}
	var groups []group
	for _, round := range slices.Backward(rounds) {
		g := group{Title: round.Title, Note: round.Note, At: h.stamp(round.At, newest)}
		for _, reader := range round.Readers {
			m, ok := byID[reader.MailID]
			ok = ok && !claimed[m.ID]
			if ok {
				claimed[m.ID] = true
			}
			g.Rows = append(g.Rows, p.row(h, reader, m, ok, newest))
		}
		g.Tally = tally(g.Rows)
		groups = append(groups, g)
	}
	other := group{}
	for _, m := range slices.Backward(mails) {
		if !claimed[m.ID] {
			other.Rows = append(other.Rows, p.row(h, Reader{Address: m.To}, m, true, newest))
		}
	}
	if len(other.Rows) == 0 {
		return groups
	}
	if len(rounds) > 0 {
		other.Title, other.Tally = "Other mail", tally(other.Rows)
		if last := mails[len(mails)-1]; claimed[last.ID] {
			return append(groups, other)
		}
	}
	return append([]group{other}, groups...)
}

// top is the first mail of the list; empty: there is none.
func (p *page) top() string {
	for _, g := range p.Groups {
		for _, r := range g.Rows {
			if r.ID != "" {
				return r.ID
			}
		}
	}
	return ""
}

func (p *page) row(h *handler, reader Reader, m Mail, ok bool, newest time.Time) row {
	r := row{To: clean(reader.Address), State: clean(reader.State), Mood: mood(reader.State), Reason: clean(reader.Reason)}
	if !ok {
		return r
	}
	r.summary, r.ID, r.At = h.summary(m), m.ID, h.stamp(m.At, newest)
	r.URL = p.Root + "mail/" + url.PathEscape(m.ID) + p.look.query()
	if r.To == "" {
		r.To = clean(m.To)
	}
	return r
}

// mood sorts the delivery states by what they mean to the reader.
func mood(state string) string {
	switch state {
	case "accepted":
		return "good"
	case "refused", "bounced", "complained", "expired":
		return "bad"
	}
	return "idle"
}

// tally counts the mails of a group, and the readers without one.
func tally(rows []row) string {
	mails := 0
	for _, r := range rows {
		if r.ID != "" {
			mails++
		}
	}
	s := counted(mails, "mail", "mails")
	if without := len(rows) - mails; without > 0 {
		s += ", " + counted(without, "reader", "readers") + " without"
	}
	return s
}
