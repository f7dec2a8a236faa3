package inbox

import (
	"fmt"
	"mime"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// pane is the chosen mail.
type pane struct {
	summary
	ID, SenderAddress, To string
	At                    stamp
	Look                  look // settled
	Switches              switches
	Frames                []shownFrame // of the HTML part; none: it isn't shown
	Text                  []span       // of the text part
	Source                []string     // lines of the chosen part
	Fields                []shownField
	Envelope              []shownField
	Notes                 []string
	Parts                 []string // what the mail holds beside text and HTML
	Download, WayOut      string   // addresses; WayOut may be empty
	Size                  string

	// Of a desk.
	Sandbox string
	Meter   *meter
	Checks  []check
	Sound   bool // the checks were looked for, and there are none
	Send    *sendForm
}

// shownFrame is one window of the HTML part.
type shownFrame struct{ URL, Width, Title string }

// choose puts a mail beside the list.
func (h *handler) choose(p *page, m Mail) {
	desk := h.Desk != nil
	msg := readMessage(h.raw(m, p.look))
	l := p.look.settled(msg.best(), desk)
	address := p.Root + "mail/" + url.PathEscape(m.ID)
	name, from := msg.header.author()
	if name == "" {
		from = ""
	}
	c := &pane{
		summary: h.summary(m), ID: m.ID, SenderAddress: from, To: clean(m.To),
		At:       stamp{m.At.In(h.Zone).Format("2006-01-02T15:04:05Z07:00"), m.At.In(h.Zone).Format("Mon 2 January 2006, 15:04 MST")},
		Look:     l,
		Switches: p.look.switches(address, l, desk),
		Sandbox:  h.sandbox(),
		Notes:    msg.faults,
		Download: address + "/mail.eml",
		WayOut:   msg.header.wayOut(),
		Size:     sized(len(m.Raw)),
	}
	for _, rest := range msg.rest {
		c.Parts = append(c.Parts, fmt.Sprintf("%s, %s", cut(rest.name(), 80), sized(len(rest.body))))
	}
	if desk {
		h.fillDesk(p, c, msg, address)
	}
	m.Raw = h.raw(m, l)
	c.fill(m, msg, address)
	p.Mail = c
	for g := range p.Groups {
		for r := range p.Groups[g].Rows {
			p.Groups[g].Rows[r].Current = p.Groups[g].Rows[r].ID == m.ID
		}
	}
}

// fill adds what the chosen view shows.
func (c *pane) fill(m Mail, msg *message, address string) {
	switch c.Look.View {
	case viewHTML:
		c.fillHTML(msg, address)
	case viewText:
		if msg.text == nil {
			c.note("This mail has no text part. Readers whose program shows no HTML see nothing.")
			return
		}
		text, notes := msg.text.words()
		c.Notes = append(c.Notes, notes...)
		c.Text = linked(strings.ReplaceAll(text, "\r\n", "\n"))
	case viewSource:
		if msg.html == nil && msg.text == nil {
			c.note("No text and no HTML was found in this mail. This is what arrived.")
		}
		c.fillSource(m, msg)
	case viewHeaders:
		c.Envelope = []shownField{
			{Name: "MAIL FROM", Value: "<" + clean(m.From) + ">", Word: "The envelope sender, where bounces go. It may differ from From; an empty one keeps bounces of bounces from circling."},
			{Name: "RCPT TO", Value: "<" + clean(m.To) + ">", Word: "The envelope recipient: where the mail really went."},
		}
		for _, f := range msg.header {
			c.Fields = append(c.Fields, show(f))
		}
	}
}

func (c *pane) fillHTML(msg *message, address string) {
	if msg.html == nil {
		c.note("This mail has no HTML part.")
		return
	}
	for _, w := range c.Look.widths() {
		f := c.Look
		f.Width = w
		shown := shownFrame{URL: address + "/frame" + f.frameQuery(), Width: w, Title: "The mail as HTML"}
		if slices.Contains(deskWidths(), w) {
			shown.Title += ", " + w + " pixels wide"
		}
		c.Frames = append(c.Frames, shown)
	}
	text, notes := msg.html.words()
	c.Notes = append(c.Notes, notes...)
	if c.Look.Scheme == schemeDark {
		if _, dark := framed(text, look{Scheme: schemeDark}, noPicture); !dark {
			c.note("This mail has no dark colours of its own. Some mail programs would turn its colours around by themselves; this page does not guess how.")
		}
	}
}

func (c *pane) note(sentence string) { c.Notes = append(c.Notes, sentence) }

// maxSource is how much of a mail's source a page shows.
const maxSource = 1 << 20

func (c *pane) fillSource(m Mail, msg *message) {
	raw := m.Raw
	decoded := map[string]*part{partHTML: msg.html, partText: msg.text}
	if p := decoded[c.Look.Part]; p != nil {
		text, notes := p.words()
		raw, c.Notes = []byte(text), append(c.Notes, notes...)
	}
	if len(raw) > maxSource {
		raw = raw[:maxSource]
		c.note("Only the beginning of the source is shown. The download has all of it.")
	}
	if !utf8.Valid(raw) {
		c.note("The source has bytes that are not UTF-8; they are shown as \uFFFD. The download has them as they arrived.")
	}
	text := strings.ReplaceAll(strings.ToValidUTF8(string(raw), "\uFFFD"), "\r\n", "\n")
	c.Source = strings.Split(strings.TrimSuffix(text, "\n"), "\n")
}

// fillDesk adds what an editor needs beside the mail.
func (h *handler) fillDesk(p *page, c *pane, msg *message, address string) {
	if len(h.mirrored(c.ID)) == 0 {
		c.Switches.Directions = nil
	}
	if msg.html != nil {
		content, _ := msg.html.decoded()
		c.Meter = newMeter(len(content))
	}
	last := len(c.Switches.Views) - 1
	if h.Desk.Findings == nil {
		c.Switches.Views = c.Switches.Views[:last]
	} else {
		c.Checks = checks(h.Desk.Findings(c.ID), p.look, address)
		tab := &c.Switches.Views[last]
		tab.Count, tab.Mood = fmt.Sprint(len(c.Checks)), "good"
		if len(c.Checks) > 0 {
			tab.Mood = map[string]string{"error": "bad", "warning": "near"}[c.Checks[0].Severity]
		}
		c.Sound = len(c.Checks) == 0
	}
	if h.Desk.Send != nil {
		c.Send = &sendForm{Action: address + "/send" + p.look.query(), Address: h.Desk.SendTo, Version: h.Desk.Version}
		if h.Desk.Sent != nil {
			c.Send.Said = h.Desk.Sent(c.ID)
		}
	}
}

// shownField is a header field with its word.
type shownField struct{ Name, Value, Raw, Word string }

// show shows a field; the raw form only where it differs from the value.
func show(f field) shownField {
	s := shownField{Name: f.Name, Value: f.words(), Word: aWord(f.Name)}
	raw := strings.ReplaceAll(strings.ToValidUTF8(string(f.raw[:min(len(f.raw), maxValue)]), "\uFFFD"), "\r\n", "\n")
	if _, plain, _ := strings.Cut(raw, ":"); strings.TrimSpace(plain) != s.Value {
		s.Raw = raw
	}
	return s
}

// span is a piece of text; a link where URL is set.
type span struct{ Text, URL string }

var webAddress = regexp.MustCompile(`https?://[^\s<>"\x00-\x1f]+`)

// linked cuts text at the web addresses in it.
func linked(text string) []span {
	var spans []span
	at := 0
	for _, found := range webAddress.FindAllStringIndex(text, -1) {
		address := strings.TrimRight(text[found[0]:found[1]], ".,;:!?)]}'") // belongs to the sentence around it
		if at < found[0] {
			spans = append(spans, span{Text: text[at:found[0]]})
		}
		spans = append(spans, span{Text: address, URL: address})
		at = found[0] + len(address)
	}
	if at < len(text) {
		spans = append(spans, span{Text: text[at:]})
	}
	return spans
}

// disposition is a Content-Disposition with a file name made of the subject:
// letters and digits, so that no system takes offence.
func disposition(subject, id string) string {
	name := strings.Join(strings.FieldsFunc(subject, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r)
	}), "-")
	if over := []rune(name); len(over) > 60 {
		name = strings.TrimRight(string(over[:60]), "-")
	}
	if name == "" {
		name = "mail-" + id
	}
	// RFC 6266 section 4.3: letters beyond ASCII go as filename*.
	if s := mime.FormatMediaType("attachment", map[string]string{"filename": name + ".eml"}); s != "" {
		return s
	}
	return "attachment"
}

// counted is a number with its noun.
func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// sized is a number of bytes for people.
func sized(n int) string {
	switch {
	case n < 1000:
		return counted(n, "byte", "bytes")
	case n < 1000_000:
		return fmt.Sprintf("%.1f kB", float64(n)/1000)
	}
	return fmt.Sprintf("%.1f MB", float64(n)/1000_000)
}
