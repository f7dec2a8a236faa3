package receive

import (
	"bytes"
	"encoding/base64"
	"mime"
	"regexp"
	"strings"
	"unicode/utf8"
)

// The limits of reading. Reports are small; what is beyond these is cut off.
const (
	maxFields = 2000
	maxValue  = 64 << 10
	maxDepth  = 8
	maxParts  = 100
)

// field is one header field, its name in lower case, its value on one line.
type field struct{ name, value string }

type header []field

// get is the first value of a name, empty if there is none.
func (h header) get(name string) string {
	for _, f := range h {
		if f.name == name {
			return f.value
		}
	}
	return ""
}

// all is every value of the names, in the order of the names.
func (h header) all(names ...string) []string {
	var values []string
	for _, name := range names {
		for _, f := range h {
			if f.name == name {
				values = append(values, f.value)
			}
		}
	}
	return values
}

// entity is a mail or a part of one, RFC 2045, read with patience: whatever
// is broken becomes text.
type entity struct {
	header header
	media  string // lower case; text/plain where nothing usable is said
	params map[string]string
	body   []byte // as sent, lines end in LF
	parts  []*entity
}

// readEntity reads a mail whose lines end in LF.
func readEntity(raw []byte) *entity {
	budget := maxParts
	return readPart(raw, 0, &budget)
}

func readPart(raw []byte, depth int, budget *int) *entity {
	e := &entity{}
	e.header, e.body = readHeader(raw)
	e.media, e.params = mediaType(e.header.get("content-type"))
	if strings.HasPrefix(e.media, "multipart/") && depth < maxDepth {
		parts := splitParts(e.body, e.params["boundary"], *budget)
		if len(parts) == 0 {
			parts = splitParts(e.body, guessBoundary(e.body), *budget)
		}
		for _, part := range parts {
			if *budget--; *budget < 0 {
				break
			}
			e.parts = append(e.parts, readPart(part, depth+1, budget))
		}
	}
	return e
}

// cutLine takes the first line off b.
func cutLine(b []byte) (line, rest []byte) {
	if i := bytes.IndexByte(b, '\n'); i >= 0 {
		return b[:i], b[i+1:]
	}
	return b, nil
}

// readHeader reads fields up to the empty line, or up to the first line that
// can be no field: some systems forget the empty line.
func readHeader(raw []byte) (header, []byte) {
	var h header
	var folded []byte // the last value while it grows
	unfold := func() {
		if folded != nil {
			h[len(h)-1].value, folded = string(folded), nil
		}
	}
	defer unfold() // reaches what was returned: the fields, not the slice, change
	for len(raw) > 0 {
		line, rest := cutLine(raw)
		name, value, isField := fieldLine(line)
		switch {
		case len(bytes.TrimSpace(line)) == 0:
			return h, rest
		case (line[0] == ' ' || line[0] == '\t') && len(h) > 0:
			if folded == nil {
				folded = []byte(h[len(h)-1].value)
			}
			if len(folded) < maxValue {
				folded = append(append(folded, ' '), bytes.TrimSpace(line)...)
			}
		case isField && len(h) < maxFields:
			unfold()
			h = append(h, field{name, value})
		case bytes.HasPrefix(line, []byte("From ")), bytes.HasPrefix(line, []byte(">From ")): // mbox
		default:
			return h, raw
		}
		raw = rest
	}
	return h, nil
}

// fieldLine reads "Name: value", RFC 5322 section 2.2.
func fieldLine(line []byte) (name, value string, ok bool) {
	colon := bytes.IndexByte(line, ':')
	if colon < 1 || colon > 76 {
		return "", "", false
	}
	for _, c := range bytes.TrimRight(line[:colon], " \t") { // obsolete: white space before the colon
		if c <= ' ' || c >= 0x7f {
			return "", "", false
		}
	}
	return strings.ToLower(string(bytes.TrimRight(line[:colon], " \t"))), strings.TrimSpace(string(line[colon+1:])), true
}

var boundaryParam = regexp.MustCompile(`(?i)boundary\s*=\s*(?:"([^"]+)"|([^";\s]+))`)

func mediaType(value string) (string, map[string]string) {
	media, params, err := mime.ParseMediaType(value)
	if err == nil && strings.Contains(media, "/") {
		return media, params
	}
	media, _, _ = strings.Cut(strings.ToLower(value), ";")
	media = strings.TrimSpace(media)
	if m := boundaryParam.FindStringSubmatch(value); m != nil {
		return media, map[string]string{"boundary": m[1] + m[2]}
	}
	if !strings.Contains(media, "/") {
		media = "text/plain"
	}
	return media, nil
}

// likelyBoundary is a line that begins a part, as the field after it shows.
var likelyBoundary = regexp.MustCompile(`(?mi)^--(\S[^\n]*?)[ \t]*\n(?:content-|\n)`)

// guessBoundary finds the boundary of a body whose header names none, or
// another.
func guessBoundary(body []byte) string {
	if m := likelyBoundary.FindSubmatch(body); m != nil {
		return string(m[1])
	}
	return ""
}

// splitParts cuts a multipart body, RFC 2046 section 5.1.1. A missing end is
// forgiven.
func splitParts(body []byte, boundary string, most int) [][]byte {
	if boundary == "" {
		return nil
	}
	mark := []byte("--" + boundary)
	var parts [][]byte
	start := -1
	for at := 0; at < len(body); {
		line, _ := cutLine(body[at:])
		next := min(at+len(line)+1, len(body))
		if bytes.HasPrefix(line, mark) {
			tail := bytes.TrimSpace(line[len(mark):])
			if len(tail) == 0 || string(tail) == "--" {
				if start >= 0 {
					parts = append(parts, body[start:at])
				}
				start = next
				if len(tail) > 0 || len(parts) >= most {
					return parts
				}
			}
		}
		at = next
	}
	if start >= 0 && start < len(body) {
		parts = append(parts, body[start:])
	}
	return parts
}

// leaves are the parts that hold no parts, in order.
func (e *entity) leaves() []*entity {
	if len(e.parts) == 0 {
		return []*entity{e}
	}
	var all []*entity
	for _, p := range e.parts {
		all = append(all, p.leaves()...)
	}
	return all
}

// maxText is how much of a part is read as words.
const maxText = 256 << 10

// decoded is the body, at most the given number of bytes of it, with its
// transfer encoding undone as far as it goes.
func (e *entity) decoded(most int) []byte {
	body := e.body[:min(len(e.body), most)]
	switch strings.ToLower(strings.TrimSpace(e.header.get("content-transfer-encoding"))) {
	case "base64":
		return unbase64(body)
	case "quoted-printable":
		return unquote(body)
	}
	return body
}

// text is the decoded body as UTF-8 text; HTML without its markup.
func (e *entity) text() string {
	b := normalLines(e.decoded(maxText))
	if cs := strings.ToLower(e.params["charset"]); !utf8.Valid(b) && (strings.HasPrefix(cs, "iso-8859-") || strings.HasPrefix(cs, "windows-125")) {
		// Enough for the Western words that are looked for.
		runes := make([]rune, len(b))
		for i, c := range b {
			runes[i] = rune(c)
		}
		b = []byte(string(runes))
	}
	s := strings.ToValidUTF8(string(b), "\uFFFD")
	if e.media == "text/html" {
		s = untag(s)
	}
	return s
}

func unbase64(b []byte) []byte {
	clean := make([]byte, 0, len(b))
	for _, c := range b {
		switch {
		case c >= 'A' && c <= 'Z', c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '+', c == '/':
			clean = append(clean, c)
		}
	}
	clean = clean[:len(clean)-boolInt(len(clean)%4 == 1)]
	out := make([]byte, base64.RawStdEncoding.DecodedLen(len(clean)))
	n, _ := base64.RawStdEncoding.Decode(out, clean) // what decoded is what there is
	return out[:n]
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// unquote undoes quoted-printable, RFC 2045 section 6.7; a broken escape
// stays as it is.
func unquote(b []byte) []byte {
	out := make([]byte, 0, len(b))
	for len(b) > 0 {
		line, rest := cutLine(b)
		line = bytes.TrimRight(line, " \t\r")
		soft := bytes.HasSuffix(line, []byte("="))
		if soft {
			line = line[:len(line)-1]
		}
		for i := 0; i < len(line); i++ {
			if line[i] == '=' && i+2 < len(line) {
				hi, lo := unhex(line[i+1]), unhex(line[i+2])
				if hi >= 0 && lo >= 0 {
					out = append(out, byte(hi<<4|lo))
					i += 2
					continue
				}
			}
			out = append(out, line[i])
		}
		if !soft {
			out = append(out, '\n')
		}
		b = rest
	}
	return out
}

func unhex(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	}
	return -1
}

var (
	hidden    = regexp.MustCompile(`(?is)<(script|style|head|title)\b.*?</(script|style|head|title)\s*>|<!--.*?-->`)
	lineBreak = regexp.MustCompile(`(?i)</?(br|p|div|tr|li|h[1-6]|table|pre|blockquote|td|th)\b[^>]*>`)
	anyTag    = regexp.MustCompile(`</?[a-zA-Z][^>@]*>`) // but not <name@example.org>
	entities  = strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&", "&quot;", `"`, "&#39;", "'", "&nbsp;", " ", "&#64;", "@", "&#43;", "+")
)

// untag leaves the words of HTML, a block a line. It feeds pattern matching
// only; nothing of it is ever shown as HTML.
func untag(s string) string {
	s = hidden.ReplaceAllString(s, " ")
	s = lineBreak.ReplaceAllString(s, "\n")
	s = anyTag.ReplaceAllString(s, "")
	return entities.Replace(s)
}

// normalLines makes CRLF and lone CR into LF.
func normalLines(b []byte) []byte {
	if bytes.IndexByte(b, '\r') < 0 {
		return b
	}
	b = bytes.ReplaceAll(b, []byte("\r\n"), []byte("\n"))
	return bytes.ReplaceAll(b, []byte("\r"), []byte("\n"))
}
