package render

import (
	"bytes"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/mail"

	"courant/digest"
)

// View is the HTML edition as a web page: every story of the variant, however
// long. With a reader it has the link to the reader's choices and says why the
// edition came; it never names the reader, since view links get forwarded.
// The page needs inline styles and images from anywhere, and no scripts.
func (r *Renderer) View(e digest.Edition, v digest.Variant, to *digest.Recipient) ([]byte, error) {
	page, err := r.viewPage(e, v, to)
	if err != nil {
		return nil, fmt.Errorf("show edition %d of %s, variant %d: %w", e.ID, e.Digest, v.ID, err)
	}
	return page, nil
}

func (r *Renderer) viewPage(e digest.Edition, v digest.Variant, to *digest.Recipient) ([]byte, error) {
	s, err := r.setting(e, v)
	if err != nil {
		return nil, err
	}
	p, err := r.page(e, v, s)
	if err != nil {
		return nil, err
	}
	p.Web, p.Personal = true, to != nil
	return r.onTheWeb(e, v, s, p, to, false)
}

// onTheWeb is a part of an edition with its places filled.
func (r *Renderer) onTheWeb(e digest.Edition, v digest.Variant, s setting, p *page, to *digest.Recipient, text bool) ([]byte, error) {
	m := &Message{r: r, lang: s.lang, loc: s.loc, title: p.Title}
	if p.Archive != nil {
		m.address = p.Archive.Address
	}
	if err := m.words(e, v); err != nil {
		return nil, err
	}
	x, err := s.layout.take(s.lang)
	if err != nil {
		return nil, err
	}
	defer s.layout.give(x)
	run, written := x.htmlPieces, escape
	if text {
		run, written = x.textPieces, func(s string) string { return hang("", s) }
	}
	pieces, err := run(p)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	for _, y := range pieces {
		out.WriteString(y.text)
		out.WriteString(m.shown(y.place, to, written))
	}
	return out.Bytes(), nil
}

// shown is the value of a place on the web, as words of its part are written.
func (m *Message) shown(p place, to *digest.Recipient, written func(string) string) string {
	switch {
	case p == placeNone:
		return ""
	case p == placeName:
		return written(m.reader)
	case p == placeReason && to == nil:
		return written(m.title)
	case p == placeReason:
		since := to.Since
		if !since.IsZero() {
			since = since.In(m.loc)
		}
		return written(m.reasonText(since, to.Weekly))
	case to == nil && p == placeView && m.address != "":
		return m.address
	case to == nil:
		return m.r.c.URL + "/"
	}
	s := splice{m: m, to: *to}
	path, token, fragment := s.link(p)
	return m.r.c.URL + path + token + fragment
}

// Parts is a reader's mail decoded: the text part and the HTML part, for
// people to look at.
func (m *Message) Parts(to digest.Recipient) (text, html []byte, err error) {
	mail, err := mail.ReadMessage(bytes.NewReader(m.Splice(nil, to)))
	if err != nil {
		return nil, nil, fmt.Errorf("read the mail back: %w", err)
	}
	_, params, err := mime.ParseMediaType(mail.Header.Get("Content-Type"))
	if err != nil {
		return nil, nil, fmt.Errorf("read the mail back: %w", err)
	}
	parts := multipart.NewReader(mail.Body, params["boundary"])
	for _, dst := range []*[]byte{&text, &html} {
		part, err := parts.NextPart() // decodes quoted-printable by itself
		if err != nil {
			return nil, nil, fmt.Errorf("read the mail back: %w", err)
		}
		if *dst, err = io.ReadAll(part); err != nil {
			return nil, nil, fmt.Errorf("read the mail back: %w", err)
		}
	}
	return text, html, nil
}
