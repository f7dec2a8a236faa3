package render

import (
	"strings"
	"time"

	"courant/digest"
)

// Splice appends a reader's whole mail to dst: RFC 5322 bytes with CRLF line
// ends, ready for DATA as they are, but for the final dot. Links are signed
// with the key the recipient names, so every try makes the same bytes.
func (m *Message) Splice(dst []byte, to digest.Recipient) []byte {
	s := splice{m: m, to: to}
	from := 0
	for _, c := range m.cuts {
		dst = append(dst, m.fixed[from:c.end]...)
		dst = s.append(dst, c)
		from = c.end
	}
	return append(dst, m.fixed[from:]...)
}

// splice is one reader's values, each made when it is first needed.
type splice struct {
	m          *Message
	to         digest.Recipient
	page, view string // tokens
}

func (s *splice) append(dst []byte, c cut) []byte {
	switch c.place {
	case placeTo:
		return s.m.r.appendTo(dst, s.to)
	case placeMessageID:
		return append(dst, s.m.r.MessageID(s.to)...)
	case placeListUnsub:
		return s.m.r.appendListUnsubscribe(dst, s.to)
	case placeReason:
		r := s.m.reasonFor(s.to.Began(s.m.loc), s.to.Weekly)
		if c.html {
			return append(dst, r.html...)
		}
		return append(dst, r.text...)
	}
	var q quoted
	if c.place == placeName {
		name := s.m.nameFor(s.to)
		if c.html {
			name = escape(name)
		}
		return q.append(dst, name)
	}
	path, token, fragment := s.link(c.place)
	dst = q.append(dst, s.m.r.c.URL)
	dst = q.append(dst, path)
	dst = q.append(dst, token)
	return q.append(dst, fragment)
}

// link is what follows the base address in a reader's link. The page and view
// tokens differ, so that a forwarded "view in browser" opens no choices.
func (s *splice) link(p place) (path, token, fragment string) {
	if p == placeView {
		if s.view == "" {
			s.view = s.m.r.token(s.to, digest.PurposeView)
		}
		return "/v/", s.view, ""
	}
	if s.page == "" {
		s.page = s.m.r.token(s.to, digest.PurposePage)
	}
	if p == placePreferences {
		fragment = "#choices"
	}
	return "/p/", s.page, fragment
}

func (r *Renderer) token(to digest.Recipient, p digest.Purpose) string {
	return r.c.Keys.LinkToken(to.KeyID, digest.Token{Purpose: p, Ref: to.Ref})
}

// appendTo writes the value of To. An address beyond ASCII stands as it is,
// RFC 6532 section 3.2; encoded words are not for addresses.
func (r *Renderer) appendTo(dst []byte, to digest.Recipient) []byte {
	name := oneLine(to.Name, maxName)
	return appendMailbox(dst, len("To: "), name, addressee(to.Address).address)
}

// appendListUnsubscribe writes the value of List-Unsubscribe on one line: the
// one-click link first, then the mail address if one is read (RFC 2369 section
// 3.2, RFC 8058 section 3.1).
func (r *Renderer) appendListUnsubscribe(dst []byte, to digest.Recipient) []byte {
	dst = append(dst, '<')
	dst = append(dst, r.c.URL...)
	dst = append(dst, "/u/"...)
	dst = append(dst, r.token(to, digest.PurposeOneClick)...)
	dst = append(dst, '>')
	if r.c.Mailto == "" {
		return dst
	}
	dst = append(dst, ", <mailto:"...)
	dst = append(dst, r.c.Keys.MailtoAddress(to.KeyID, to.Ref, r.c.Mailto)...)
	return append(dst, "?subject=unsubscribe>"...)
}

// nameFor is how the mail names its reader.
func (m *Message) nameFor(to digest.Recipient) string {
	if name := oneLine(to.Name, maxName); name != "" {
		return name
	}
	return m.reader
}

// reasonFor is the encoded reason of readers who began on one day; it is made
// once for each, because it is the dearest of the personal parts.
func (m *Message) reasonFor(since time.Time, weekly bool) reason {
	key := began{weekly: weekly}
	if !since.IsZero() {
		key.day = digest.DateOf(since)
	}
	m.mu.RLock()
	r, ok := m.reasons[key]
	m.mu.RUnlock()
	if ok {
		return r
	}
	var html, text quoted
	words := m.reasonText(since, weekly)
	r = reason{html.append(nil, escape(words)), text.append(nil, hang("", words))}
	m.mu.Lock()
	if len(m.reasons) < maxReasons {
		m.reasons[key] = r
	}
	m.mu.Unlock()
	return r
}

// oneLine is digest.PlainLine with a quick way for names that need nothing.
func oneLine(s string, max int) string {
	blank := true
	for i := range len(s) {
		c := s[i]
		if c < ' ' || c > '~' || c == ' ' && blank {
			return digest.PlainLine(s, max)
		}
		blank = c == ' '
	}
	if blank && s != "" || len(s) > max {
		return digest.PlainLine(s, max)
	}
	return s
}

// escape is what html/template does to text and quoted attributes.
func escape(s string) string {
	if !strings.ContainsAny(s, `&<>"'+`+"\x00") {
		return s
	}
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&#34;", "'", "&#39;", "+", "&#43;", "\x00", "\uFFFD").Replace(s)
}
