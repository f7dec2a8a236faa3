package render

import (
	"errors"
	"fmt"
	"strings"
	"text/template"
	"time"

	"courant/digest"
)

// maxSubject is how long a subject gets, in bytes. Inboxes show far less, and
// rspamd takes more than 200 letters for a sign of spam.
const maxSubject = 200

// DefaultSubject is the subject template of a digest that names none.
const DefaultSubject = "{{.Title}}: {{.Lead.Title}}"

// subjectData is what a subject template sees.
type subjectData struct {
	Publication string
	Title       string // of the digest
	Number      int    // zero: a proof
	Date        string // "2 March 2026"
	Weekday     string
	Count       int // stories
	Lead        struct{ Title, Category, By string }
}

// CheckSubject says whether a subject template can be used: it must parse and
// name only what there is.
func CheckSubject(text string) error {
	d := subjectData{Publication: "Example", Title: "Example", Number: 1, Date: "1 January 2026", Weekday: "Thursday", Count: 1}
	d.Lead.Title, d.Lead.Category, d.Lead.By = "Example", "Example", "Example"
	_, err := runSubject(text, d)
	return err
}

// subject is the subject of an edition: one line, whatever the titles hold.
func (s setting) subject(e digest.Edition, v digest.Variant, p *page) (string, error) {
	d := subjectData{
		Publication: p.Publication, Title: p.Title, Number: e.Number,
		Date: s.lang.FormatDate(s.day), Weekday: s.lang.Weekdays[s.day.Weekday()], Count: len(v.Stories),
	}
	d.Lead.Title, d.Lead.Category, d.Lead.By = p.Lead.Title, p.Lead.Kicker, p.Lead.By
	return runSubject(e.Subject, d)
}

func runSubject(text string, d subjectData) (string, error) {
	if strings.TrimSpace(text) == "" {
		text = DefaultSubject
	}
	t, err := template.New("subject").Option("missingkey=error").Parse(text)
	if err != nil {
		return "", fmt.Errorf("read the subject %q: %w", text, err)
	}
	var out limited
	if err := t.Execute(&out, d); err != nil {
		return "", fmt.Errorf("make the subject %q: %w", text, err)
	}
	line := plain(out.String(), maxSubject)
	if line == "" {
		return "", errors.New("the subject is empty")
	}
	return line, nil
}

// Reason is why a reader gets an edition, in the words that the mail has.
func (r *Renderer) Reason(e digest.Edition, v digest.Variant, to digest.Recipient) (string, error) {
	s, err := r.setting(e, v)
	if err != nil {
		return "", err
	}
	p, err := r.page(e, v, s)
	if err != nil {
		return "", err
	}
	m := &Message{r: r, lang: s.lang, loc: s.loc, title: p.Title}
	if err := m.words(e, v); err != nil {
		return "", err
	}
	return m.reasonText(to.Began(m.loc), to.Weekly), nil
}

// reasonText is why a reader gets this mail, truthfully.
func (m *Message) reasonText(since time.Time, weekly bool) string {
	key, pairs := m.reasonKey, m.reasonPairs
	if weekly && m.weeklyPairs != nil {
		pairs = m.weeklyPairs
	}
	switch {
	case since.IsZero() && key == "mail.reason":
		key = "mail.reason_no_since"
	case since.IsZero() && key == "mail.reason_no_days":
		key = "mail.reason_bare"
	}
	if !since.IsZero() {
		pairs = append(pairs[:len(pairs):len(pairs)], "since", m.lang.FormatDate(since))
	}
	s, err := m.lang.Say(key, pairs...)
	if err != nil {
		return m.title // cannot be: Render has tried the key
	}
	if m.brings != "" {
		s += " " + m.brings
	}
	return s
}
