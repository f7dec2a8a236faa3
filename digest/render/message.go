package render

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"courant/digest"
	"courant/templates"
)

// The size of the decoded HTML: Gmail clips a mail at about 102 KB, and hides
// the unsubscribe link with the rest.
const (
	wantedSize = 80_000
	mostSize   = 100_000
)

// Message is the mail of a variant with places for the personal parts. It
// does not change; any number of lanes may splice it at once.
type Message struct {
	r     *Renderer
	fixed []byte
	cuts  []cut

	Subject string
	Shown   int // stories in the mail
	More    int // stories that did not fit and are on the web only

	lang        *templates.Language
	loc         *time.Location
	title       string
	address     string // in the archive; empty: it is not shown there
	reader      string // the word for a reader without a name
	reasonKey   string
	reasonPairs []any
	weeklyPairs []any  // the same for readers who chose one edition a week
	brings      string // which categories the variant is of; empty: not said

	mu      sync.RWMutex
	reasons map[began]reason // encoded
}

// cut is a place in a message: behind fixed[:end].
type cut struct {
	end   int
	place place
	html  bool
}

// began is what reasons differ by among the readers of a variant: the day a
// reader began, and how often the reader wants it.
type began struct {
	day    digest.Date
	weekly bool
}

// reason is why a reader gets the mail, encoded for both parts.
type reason struct{ html, text []byte }

// maxReasons bounds what a message remembers; a list ten years old has 3,650
// first days.
const maxReasons = 4096

// Render makes the message of a variant. It fails where the mail would not
// be right: no stories, no unsubscribe link, a personal value in a place that
// would change it, more than 100,000 bytes.
func (r *Renderer) Render(e digest.Edition, v digest.Variant) (*Message, error) {
	m, err := r.render(e, v)
	if err != nil {
		return nil, fmt.Errorf("render edition %d of %s, variant %d: %w", e.ID, e.Digest, v.ID, err)
	}
	return m, nil
}

func (r *Renderer) render(e digest.Edition, v digest.Variant) (*Message, error) {
	if !listLabel(e.Digest) {
		return nil, fmt.Errorf("%q cannot name a digest in List-Id: use letters, digits and hyphens", e.Digest)
	}
	if sent(e).IsZero() {
		return nil, errors.New("the edition has no date")
	}
	s, err := r.setting(e, v)
	if err == nil {
		err = s.style.mailLayout(e)
	}
	if err != nil {
		return nil, err
	}
	p, err := r.page(e, v, s)
	if err != nil {
		return nil, err
	}
	p.Personal = true
	m := &Message{r: r, lang: s.lang, loc: s.loc, title: p.Title, reasons: map[began]reason{}}
	if err := m.words(e, v); err != nil {
		return nil, err
	}
	if m.Subject, err = s.subject(e, v, p); err != nil {
		return nil, err
	}
	x, err := s.layout.take(s.lang)
	if err != nil {
		return nil, err
	}
	defer s.layout.give(x)
	html, p, err := x.fit(p, r.personalSize())
	if err != nil {
		return nil, err
	}
	text, err := x.textPieces(p)
	if err != nil {
		return nil, err
	}
	m.Shown, m.More = p.stories(), p.More
	boundary := boundary(e, v)
	b := &builder{}
	r.header(b, e, s, m.Subject, boundary)
	b.part(boundary, "text/plain", text, false)
	b.part(boundary, "text/html", html, true) // the richest last, RFC 2046 section 5.1.4
	b.text("--" + boundary + "--\r\n")
	m.fixed, m.cuts = b.fixed, b.cuts
	return m, nil
}

// words finds what the personal texts of the message are made from.
func (m *Message) words(e digest.Edition, v digest.Variant) error {
	var err error
	if m.reader, err = m.lang.Say("mail.reader"); err != nil {
		return err
	}
	m.reasonPairs = []any{"digest", m.title}
	if m.brings, err = m.categories(e, v); err != nil {
		return err
	}
	c := e.Cadence
	days, err := m.lang.Days(c.Weekdays)
	switch {
	case err != nil:
		return err
	case e.Kind == digest.KindProof:
		m.reasonKey = "mail.reason_proof"
	case days == "":
		m.reasonKey = "mail.reason_no_days"
	default:
		place, err := m.place(c.Zone, v.Zone)
		if err != nil {
			return err
		}
		m.reasonKey = "mail.reason"
		weekly, err := m.lang.Say("days.weekly")
		if err != nil {
			return err
		}
		m.weeklyPairs = append(m.reasonPairs[:len(m.reasonPairs):len(m.reasonPairs)], "days", weekly, "time", m.lang.FormatClock(c.Hour, c.Minute), "place", place, "n", c.Hour)
		m.reasonPairs = append(m.reasonPairs, "days", days, "time", m.lang.FormatClock(c.Hour, c.Minute), "place", place,
			"n", c.Hour) // some languages say one o'clock in the singular
	}
	_, err = m.lang.Say(m.reasonKey, m.reasonPairs...)
	return err
}

// place is whose clock the digest's hour is on. By each reader's own it is the
// variant's: a reader who gave no zone has the digest's, and is not told that
// it were his or hers.
func (m *Message) place(zone, variant string) (string, error) {
	switch {
	case zone != digest.ZoneReader:
		return m.lang.City(zone), nil
	case variant != "" && variant != digest.ZoneReader:
		return m.lang.City(variant), nil
	}
	return m.lang.Say("mail.your_time")
}

// mostNamed is how many categories of a digest a mail still names: more is a
// list that nobody reads. What readers chose themselves is always named.
const mostNamed = 8

// categories says which categories a variant is of.
func (m *Message) categories(e digest.Edition, v digest.Variant) (string, error) {
	names := v.Categories
	if names == nil && len(e.Categories) <= mostNamed {
		names = e.Categories
	}
	if len(names) == 0 || e.Kind == digest.KindProof {
		return "", nil
	}
	return m.lang.Say("mail.reason_categories", "categories", m.lang.List(names))
}

// personalSize is the most a place can add to the HTML, roughly: links are
// bounded, reasons and names nearly so.
func (r *Renderer) personalSize() int { return len(r.c.URL) + 6*maxName }

// fit makes HTML that stays under the size inboxes show whole: stories go
// from the end until it does.
func (x *run) fit(p *page, personalSize int) ([]piece, *page, error) {
	try := func(p *page) ([]piece, int, error) {
		pieces, err := x.htmlPieces(p)
		size := 0
		for _, y := range pieces {
			size += len(y.text) + personalSize
		}
		return pieces, size, err
	}
	pieces, size, err := try(p)
	if err != nil || size <= wantedSize {
		return pieces, p, err
	}
	// The most stories that fit, by halving: the size grows with each.
	best, low, high := p.first(1), 1, p.stories()-1
	for low <= high {
		n := (low + high) / 2
		q := p.first(n)
		if _, size, err = try(q); err != nil {
			return nil, nil, err
		}
		if size <= wantedSize {
			best, low = q, n+1
		} else {
			high = n - 1
		}
	}
	if pieces, size, err = try(best); err == nil && size > mostSize {
		best = p.bare()
		pieces, size, err = try(best)
	}
	if err == nil && size > mostSize {
		err = fmt.Errorf("the HTML has %d bytes with one story: make the template smaller than %d", size, mostSize)
	}
	return pieces, best, err
}

// htmlPieces runs the HTML template and finds its places.
func (x *run) htmlPieces(p *page) ([]piece, error) {
	s, err := x.executeHTML(p)
	if err != nil {
		return nil, err
	}
	pieces, err := x.cutHTML(s)
	if err == nil && p.Personal && count(pieces, placeUnsubscribe) == 0 {
		err = errors.New("the HTML template has no {{unsubscribeURL}}")
	}
	return pieces, err
}

// textPieces runs the text template and finds its places.
func (x *run) textPieces(p *page) ([]piece, error) {
	s, err := x.executeText(p)
	if err != nil {
		return nil, err
	}
	pieces, err := x.cutText(s)
	if err == nil && p.Personal && count(pieces, placeUnsubscribe) == 0 {
		err = errors.New("the text template has no {{unsubscribeURL}}")
	}
	return pieces, err
}

// boundary is the same for every render of a variant. "=_" cannot occur in
// quoted-printable text (RFC 2045 section 6.7, note at the end of rule 5).
func boundary(e digest.Edition, v digest.Variant) string {
	h := sha256.Sum256(fmt.Appendf(nil, "%d %d %s", e.ID, v.ID, v.Signature))
	return fmt.Sprintf("=_%x", h[:12])
}

// listLabel says whether a digest's name can begin a List-Id: a label of RFC
// 2919 section 3, taken narrowly.
func listLabel(s string) bool {
	return s != "" && len(s) <= 63 && !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_'
	})
}

// builder collects fixed bytes and places.
type builder struct {
	fixed []byte
	cuts  []cut
}

func (b *builder) text(s string) { b.fixed = append(b.fixed, s...) }

func (b *builder) place(p place, html bool) {
	b.cuts = append(b.cuts, cut{len(b.fixed), p, html})
}

func (b *builder) mailboxField(field, name, address string) {
	b.text(field + ": ")
	b.fixed = appendMailbox(b.fixed, len(field)+2, name, address)
	b.text("\r\n")
}

// part encodes one body part. A place begins at the first column, and the
// text behind it begins a new line.
func (b *builder) part(boundary, kind string, pieces []piece, html bool) {
	b.text("--" + boundary + "\r\nContent-Type: " + kind + "; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n")
	var q quoted
	for _, p := range pieces {
		b.fixed = q.append(b.fixed, p.text)
		if p.place != placeNone {
			b.fixed = q.breakLine(b.fixed)
			b.place(p.place, html)
			b.text("=\r\n")
		}
	}
	b.text("\r\n") // belongs to the boundary, RFC 2046 section 5.1.1
}
