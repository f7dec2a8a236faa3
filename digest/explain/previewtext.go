package explain

import (
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Audience says who would get the mail.
func (m PreviewMail) Audience() string {
	who := m.For
	switch {
	case m.For != "":
	case m.Readers == 0:
		who = "nobody yet"
	default:
		who = times(m.Readers, "reader")
	}
	if m.Own {
		who += ", the digest's own choice"
	}
	if m.Only != nil {
		who += ", only " + strings.Join(m.Only, ", ")
	}
	return who
}

// WritePreview writes a preview for people: the edition, its mails, and the
// files they are in.
func WritePreview(w io.Writer, p Preview, look Look) error {
	s := &sheet{look: look}
	s.heading(p.Digest, p.Title, p.Local, p.Zone)
	if p.Nothing != "" {
		s.line(4, piece{warning, "  ! " + p.Nothing})
	}
	for _, n := range p.Notes {
		s.line(4, piece{warning, "  ! " + n})
	}
	for i, m := range p.Mails {
		number := "  "
		if len(p.Mails) > 1 {
			number = fmt.Sprintf("  %*d  ", len(strconv.Itoa(len(p.Mails))), i+1)
		}
		s.line(len(number), piece{faint, number}, piece{strong, m.Audience()}, piece{faint, " · " + joined([]string{times(m.Articles, "article"), m.Language})})
		s.line(len(number), piece{text: strings.Repeat(" ", len(number)) + m.Subject})
	}
	var left []NotPlanned
	for _, l := range p.LeftOut {
		left = append(left, NotPlanned{l.Title, l.Reason})
	}
	s.leftOut(left)
	for i, m := range p.Mails {
		if i == 0 && len(m.Files) > 0 {
			s.line(0)
		}
		for _, f := range m.Files {
			s.path(f)
		}
	}
	_, err := w.Write(s.out.Bytes())
	return err
}

// path sets a file's name on a line of its own, whole, so that it can be
// copied however long it is.
func (s *sheet) path(name string) { s.flush([]piece{{text: legible(name)}}) }
