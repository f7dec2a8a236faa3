package inbox

import (
	"bytes"
	"io"
	"mime"
	"net/mail"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The limits of reading a mail. Digests are far below them; a mail beyond is
// shown as far as they go, and says so.
const (
	maxRead   = 16 << 20
	maxFields = 400
	maxValue  = 64 << 10
)

// field is one header field as it arrived.
type field struct {
	Name string // as it was written
	raw  []byte // the whole field with its folds, without its last line end
}

// header is the fields in the order they arrived.
type header []field

// readHeader reads the fields up to the empty line, RFC 5322 section 2.2. What
// is no field ends the header; whole tells whether that was the empty line, or
// the end of a mail that has no body.
func readHeader(raw []byte) (h header, body []byte, whole bool) {
	start := 0 // of the field that is being read
	for at := 0; at < len(raw); {
		line, next := lineAt(raw, at)
		name, isField := fieldName(line)
		switch {
		case len(line) == 0:
			return h, raw[next:], true
		case (line[0] == ' ' || line[0] == '\t') && len(h) > 0:
			h[len(h)-1].raw = trimEnd(raw[start:next])
		case isField && len(h) < maxFields:
			start = at
			h = append(h, field{Name: name, raw: trimEnd(raw[at:next])})
		case at == 0 && bytes.HasPrefix(line, []byte("From ")): // an mbox separator
		default:
			return h, raw[at:], false
		}
		at = next
	}
	return h, nil, true
}

// lineAt is the line that begins at a place, without its end, and where the
// next one begins.
func lineAt(b []byte, at int) (line []byte, next int) {
	next = len(b)
	if i := bytes.IndexByte(b[at:], '\n'); i >= 0 {
		next = at + i + 1
	}
	return trimEnd(b[at:next]), next
}

func trimEnd(b []byte) []byte {
	return bytes.TrimSuffix(bytes.TrimSuffix(b, []byte("\n")), []byte("\r"))
}

// fieldName is the name before the colon, RFC 5322 section 3.6.8.
func fieldName(line []byte) (string, bool) {
	name, _, ok := bytes.Cut(line, []byte(":"))
	name = bytes.TrimRight(name, " \t") // obsolete syntax, section 4.5
	if !ok || len(name) == 0 || len(name) > 128 {
		return "", false
	}
	for _, c := range name {
		if c <= ' ' || c >= 0x7f {
			return "", false
		}
	}
	return string(name), true
}

// value is the field's body on one line, encoded as it arrived.
func (f field) value() string {
	_, v, _ := bytes.Cut(f.raw[:min(len(f.raw), maxValue)], []byte(":"))
	// Unfolding takes out the line ends alone, RFC 5322 section 2.2.3.
	v = bytes.ReplaceAll(bytes.ReplaceAll(v, []byte("\r\n"), nil), []byte("\n"), nil)
	return string(bytes.TrimSpace(bytes.ReplaceAll(v, []byte("\t"), []byte(" "))))
}

// words is the value as people read it: encoded words decoded (RFC 2047), what
// can't be shown replaced.
func (f field) words() string { return decodeWords(f.value()) }

func decodeWords(value string) string {
	if decoded, err := wordDecoder().DecodeHeader(value); err == nil {
		value = decoded
	}
	return clean(value)
}

func wordDecoder() *mime.WordDecoder {
	return &mime.WordDecoder{CharsetReader: func(charset string, r io.Reader) (io.Reader, error) {
		b, err := io.ReadAll(io.LimitReader(r, maxValue))
		if err != nil {
			return nil, err
		}
		s, _ := decodeText(b, charset)
		return strings.NewReader(s), nil
	}}
}

// clean makes text fit to be shown on one line: valid, without control
// characters. Marks of direction stay; whoever shows the text isolates it.
func clean(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		switch {
		case r == '\t' || r == '\n' || r == '\r' || r == '\u2028' || r == '\u2029':
			return ' '
		case unicode.IsControl(r):
			return utf8.RuneError
		}
		return r
	}, s))
}

// get is the first field of a name; ok is false when there is none.
func (h header) get(name string) (field, bool) {
	for _, f := range h {
		if strings.EqualFold(f.Name, name) {
			return f, true
		}
	}
	return field{}, false
}

// value is the first field's value; empty where there is none.
func (h header) value(name string) string {
	f, ok := h.get(name)
	if !ok {
		return ""
	}
	return f.value()
}

// words is the first field's value for people.
func (h header) words(name string) string { return decodeWords(h.value(name)) }

// author is the name and address in From. Whatever can't be read as an address
// is a name.
func (h header) author() (name, address string) {
	list, err := (&mail.AddressParser{WordDecoder: wordDecoder()}).ParseList(h.value("From"))
	if err != nil || len(list) == 0 {
		return h.words("From"), ""
	}
	return clean(list[0].Name), clean(list[0].Address)
}

// wayOut is the first web address in List-Unsubscribe, RFC 2369 section 3.2;
// empty where there is none that a browser may open.
func (h header) wayOut() string {
	for rest := h.value("List-Unsubscribe"); ; {
		_, after, ok := strings.Cut(rest, "<")
		if !ok {
			return ""
		}
		address, after, ok := strings.Cut(after, ">")
		if !ok {
			return ""
		}
		address = strings.ReplaceAll(address, " ", "") // white space in it is to be ignored, section 2
		if u, err := url.Parse(address); err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" {
			return u.String()
		}
		rest = after
	}
}
