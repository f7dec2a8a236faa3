package render

import (
	"crypto/sha256"
	"errors"
	"fmt"
	htmltemplate "html/template"
	"io/fs"
	"maps"
	"slices"
	"text/template"
	"text/template/parse"
	"time"

	"courant/digest"
	"courant/templates"
)

// letterPage is a letter as its templates see it: plain lines, and links of
// ours. What stands around it is that of every mail.
type letterPage struct {
	page
	Title, Lead       string
	Items             []string // what is to be confirmed: titles of the config
	Button, URL       string
	Lasts             string // how long the link works
	Note              string // what to do if it was somebody else; empty: nothing
	NoteLink, NoteURL string
}

// letterParts are the files a letter is made of. They are the program's own,
// whatever templates an editor has: a mail that lets somebody in is no place to
// lose its link. The publication's colours, fonts, logo and words are in it.
var letterParts = [...]string{"mail/" + parts, "letter/letter"}

// parseLetter reads the templates of letters and sets the look into them.
func parseLetter(fsys fs.FS, look Look) (*layout, error) {
	funcs := new(run).funcs()
	html, text := make([]string, 0, 2), make([]string, 0, 2)
	for _, name := range letterParts {
		html, text = append(html, name+".html"), append(text, name+".txt")
	}
	l := &layout{name: "letter", html: htmltemplate.New("letter.html").Funcs(funcs), text: template.New("letter.txt").Funcs(funcs)}
	if _, err := l.html.ParseFS(fsys, html...); err != nil {
		return nil, fmt.Errorf("parse the letter: %w", err)
	}
	if _, err := l.text.ParseFS(fsys, text...); err != nil {
		return nil, fmt.Errorf("parse the letter: %w", err)
	}
	trees := map[string]*parse.Tree{}
	for _, t := range l.html.Templates() {
		trees[t.Name()] = t.Tree
	}
	for _, name := range slices.Sorted(maps.Keys(trees)) {
		if err := look.setInto(trees[name]); err != nil {
			return nil, fmt.Errorf("set the look into the letter: %w", err)
		}
	}
	return l, nil
}

// Letter makes a letter as RFC 5322 bytes, ready for DATA, but for its
// signature: the same bytes on every try, but for the marks of its parts. It
// fails where the letter has no address that may stand in a header.
func (r *Renderer) Letter(l digest.Letter) ([]byte, error) {
	to := addressee(l.Address)
	if !to.safe {
		return nil, fmt.Errorf("letter %d has no address that a mail can go to", l.ID)
	}
	style := r.styles[""]
	lang := style.texts.Match(l.Language, r.c.Language)
	p, subject, err := r.letterPage(l, style, lang)
	if err != nil {
		return nil, fmt.Errorf("make letter %d: %w", l.ID, err)
	}
	x, err := style.letter.take(lang)
	if err != nil {
		return nil, err
	}
	defer style.letter.give(x)
	html, err := x.executeHTML(p)
	if err != nil {
		return nil, fmt.Errorf("make letter %d: %w", l.ID, err)
	}
	text, err := x.executeText(p)
	if err != nil {
		return nil, fmt.Errorf("make letter %d: %w", l.ID, err)
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "letter %d", l.ID))
	boundary := fmt.Sprintf("=_%x", sum[:12])
	b := &builder{}
	r.letterHeader(b, l, to.address, subject, boundary)
	b.part(boundary, "text/plain", []piece{{text: text}}, false)
	b.part(boundary, "text/html", []piece{{text: html}}, true)
	b.text("--" + boundary + "--\r\n")
	return b.fixed, nil
}

// letterHeader writes the header: each field once. Nobody subscribes to
// letters, so there is nothing to unsubscribe from (RFC 8058 is for lists).
func (r *Renderer) letterHeader(b *builder, l digest.Letter, to, subject, boundary string) {
	b.mailboxField("From", r.senderName(), r.from.Address)
	b.text("To: " + to + "\r\n")
	if r.replyTo != nil {
		b.mailboxField("Reply-To", r.replyTo.Name, r.replyTo.Address)
	}
	b.text("Subject: ")
	b.fixed = appendUnstructured(b.fixed, len("Subject: "), subject)
	b.text("\r\nDate: " + l.MadeAt.UTC().Format("Mon, 2 Jan 2006 15:04:05 -0700") + "\r\nMessage-ID: " + r.c.Keys.LetterMessageID(l, r.c.MessageDomain))
	// A program wrote it, so that no program answers: RFC 3834 section 5.
	b.text("\r\nMIME-Version: 1.0\r\nAuto-Submitted: auto-generated\r\nFeedback-ID: " + string(l.Kind) + ":letter:courant\r\n")
	b.text("Content-Type: multipart/alternative; boundary=\"" + boundary + "\"\r\n\r\n")
}

// LetterEnvelope is the SMTP envelope of a letter.
func (r *Renderer) LetterEnvelope(l digest.Letter) digest.Envelope {
	e := digest.Envelope{From: r.from.Address}
	if a := addressee(l.Address); a.safe {
		e.To, e.SMTPUTF8 = a.address, a.utf8
	}
	if r.c.ReturnPath != "" {
		e.From = r.c.Keys.LetterReturnPath(l, r.c.ReturnPath)
	}
	return e
}

// letterPage finds the words. Nothing that somebody typed into a form is in
// them: a form must not be a way to write to strangers.
func (r *Renderer) letterPage(l digest.Letter, s *style, lang *templates.Language) (p *letterPage, subject string, err error) {
	if !slices.Contains(digest.LetterKinds(), l.Kind) {
		return nil, "", fmt.Errorf("there is no letter of the kind %q", l.Kind)
	}
	var faults []error
	name := plain(r.c.Name, maxName)
	say := func(key string, pairs ...any) string {
		text, err := lang.Say("mail.letter."+key, append([]any{"name", name}, pairs...)...)
		if err != nil {
			faults = append(faults, err)
		}
		return text
	}
	kind := string(l.Kind)
	p = &letterPage{
		page:  page{Lang: lang.Tag, Dir: lang.Direction, Publication: name, Logo: s.logo, Sender: r.from.Address, PostalAddress: r.c.PostalAddress},
		Title: say(kind + ".title"), Lead: say(kind + ".lead"), Button: say(kind + ".button"),
		URL: r.c.URL + l.Kind.Path() + r.c.Keys.LetterLink(l), Items: r.letterItems(l),
	}
	if hours := int(l.Kind.Lasts() / time.Hour); hours > 24 {
		p.Lasts = say("days", "n", hours/24)
	} else {
		p.Lasts = say("hours", "n", hours)
	}
	switch l.Kind {
	case digest.LetterConfirm:
		p.Note, p.NoteLink, p.NoteURL = say("not_me.note"), say("not_me"), p.URL+"#not-me"
	case digest.LetterMoved:
		p.Note = say("moved.note")
	default:
		p.Note = say("ignore")
	}
	p.Head, p.Preheader = p.Title, p.Lead
	p.Padding = padding(p.Preheader)
	return p, say(kind + ".subject"), errors.Join(faults...)
}

// letterItems are the titles of what is to be confirmed.
func (r *Renderer) letterItems(l digest.Letter) (titles []string) {
	for _, s := range l.SignUps {
		for _, name := range s.Digests {
			title := plain(r.c.Titles[name], maxTitle)
			if title == "" {
				title = name
			}
			if !slices.Contains(titles, title) {
				titles = append(titles, title)
			}
		}
	}
	return titles
}
