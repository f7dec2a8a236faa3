package render

import (
	"fmt"
	"strings"
)

// spot is where in HTML a text ends: between tags, or in which attribute of
// which element. It reads what html/template writes and templates say; what
// neither does is taken for a spot where nothing personal may stand.
type spot struct {
	in    region
	tag   string // of the element whose start tag it is in, or whose raw text
	attr  string
	quote byte
	lost  bool // a part of the template that is not read here may have moved it
}

// region is what kind of HTML a spot is in.
type region int

const (
	inText region = iota
	inTagName
	inEndTag
	inTag // between the attributes
	inAttr
	inValue
	inComment
	inMarkup // <!DOCTYPE, <?xml
	inRaw    // of a style or script
)

// wordy are the attributes that hold words for people, which may name the
// reader.
var wordy = map[string]bool{"title": true, "alt": true, "aria-label": true, "summary": true}

// refuses says why a personal value must not stand here; nil: it may. A link
// of the reader's in any attribute but the href of a link would be fetched when
// the mail is opened, or sent along when a link is followed: it would tell who
// read (ePrivacy article 5(3)).
func (s *spot) refuses(p place) error {
	switch {
	case s.lost || s.in == inText:
		return nil
	case s.in == inValue && p.url():
		if s.tag == "a" && s.attr == "href" {
			return nil
		}
		return fmt.Errorf("%s stands in the %s of <%s>, where it would tell who opened the mail: write it as the href of a link, <a href=\"{{%[1]s}}\">, or in text", p.function(), s.attr, s.tag)
	case s.in == inValue && wordy[s.attr]:
		return nil
	case s.in == inValue:
		return fmt.Errorf("%s stands in the %s of <%s>: write it in text, or in a title or alt", p.function(), s.attr, s.tag)
	}
	return fmt.Errorf("%s stands where its value would be changed or cut: write it in text", p.function())
}

// read goes on over a text.
func (s *spot) read(text string) {
	for i := 0; i < len(text); {
		i += s.step(text[i:])
	}
}

// step reads the next letters and says how many.
func (s *spot) step(t string) int {
	c := t[0]
	blank := strings.IndexByte(" \t\r\n\f/", c) >= 0
	switch s.in {
	case inText:
		return s.textStep(t)
	case inTagName:
		switch {
		case c == '>':
			s.endTag()
		case blank:
			s.in = inTag
		default:
			s.tag += strings.ToLower(t[:1])
		}
	case inTag, inAttr:
		s.attrStep(c, blank)
	case inValue:
		s.valueStep(c)
	case inComment:
		return s.until(t, "-->")
	case inMarkup, inEndTag:
		return s.until(t, ">")
	case inRaw:
		if len(t) > 2+len(s.tag) && strings.EqualFold(t[:2+len(s.tag)], "</"+s.tag) {
			s.in = inEndTag
		}
	}
	return 1
}

func (s *spot) textStep(t string) int {
	i := strings.IndexByte(t, '<')
	switch {
	case i < 0:
		return len(t)
	case i > 0:
		return i
	case strings.HasPrefix(t, "<!--"):
		s.in = inComment
		return 4
	case strings.HasPrefix(t, "<!") || strings.HasPrefix(t, "<?"):
		s.in = inMarkup
	case strings.HasPrefix(t, "</"):
		s.in = inEndTag
	case len(t) > 1 && (t[1]|0x20 >= 'a' && t[1]|0x20 <= 'z'):
		s.in, s.tag = inTagName, ""
	}
	return 1
}

func (s *spot) attrStep(c byte, blank bool) {
	switch {
	case c == '>':
		s.endTag()
	case c == '=' && s.attr != "":
		s.in, s.quote = inValue, 0
	case blank && s.in == inAttr:
		s.in = inTag
	case blank:
	case s.in == inTag:
		s.in, s.attr = inAttr, strings.ToLower(string(c))
	default:
		s.attr += strings.ToLower(string(c))
	}
}

// valueStep reads a value; quote is ' ' while it stands without quotes.
func (s *spot) valueStep(c byte) {
	blank := strings.IndexByte(" \t\r\n\f", c) >= 0
	switch {
	case s.quote == 0 && blank:
	case s.quote == 0 && (c == '"' || c == '\''):
		s.quote = c
	case s.quote == 0 && c == '>', s.quote == ' ' && c == '>':
		s.endTag()
	case s.quote == 0:
		s.quote = ' '
	case s.quote == ' ' && blank, s.quote == c && c != ' ':
		s.in, s.attr = inTag, ""
	}
}

func (s *spot) endTag() {
	s.in, s.attr = inText, ""
	if s.tag == "style" || s.tag == "script" {
		s.in = inRaw
	}
}

func (s *spot) until(t, end string) int {
	i := strings.Index(t, end)
	if i < 0 {
		return max(len(t)-len(end)+1, 1)
	}
	s.in = inText
	return i + len(end)
}
