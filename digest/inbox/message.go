package inbox

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/quotedprintable"
	"slices"
	"strings"
)

// The limits of a mail's parts. A mail nested deeper than maxDepth, or in more
// parts, is an attack or a mistake.
const (
	maxDepth = 12
	maxParts = 120
	maxText  = 4 << 20 // bytes of one part that are decoded
)

// part is a mail or a part of one, RFC 2045.
type part struct {
	header   header
	media    string // lower case; text/plain where nothing usable is said
	params   map[string]string
	body     []byte // encoded, as it arrived
	parts    []*part
	attached bool // its Content-Disposition says attachment
}

// message is a mail as far as it could be read.
type message struct {
	part
	html, text *part   // what a mail program shows; nil: there is none
	rest       []*part // everything else that holds something
	faults     []string
}

// readMessage reads a mail. It never fails: what can't be read is told in
// faults, and the source stays.
func readMessage(raw []byte) *message {
	r := &partReader{left: maxParts}
	if len(raw) > maxRead {
		raw = raw[:maxRead]
		r.fault("It is larger than %d MB; only its beginning was read.", maxRead>>20)
	}
	m := &message{part: *r.read(raw, 0, "text/plain")}
	if len(m.header) == 0 {
		r.fault("It has no header.")
	}
	m.sort(&m.part)
	m.faults = r.faults
	return m
}

// best is the view that shows most of the mail.
func (m *message) best() string {
	switch {
	case m.html != nil:
		return viewHTML
	case m.text != nil:
		return viewText
	}
	return viewSource
}

// sort finds the parts that are shown: the first text, the first HTML. In a
// multipart/alternative they are the same words (RFC 2046 section 5.1.4).
func (m *message) sort(p *part) {
	switch {
	case strings.HasPrefix(p.media, "multipart/"):
		for _, child := range p.parts {
			m.sort(child)
		}
	case p.media == "text/html" && m.html == nil && !p.attached:
		m.html = p
	case p.media == "text/plain" && m.text == nil && !p.attached:
		m.text = p
	default:
		m.rest = append(m.rest, p)
	}
}

// partReader reads parts within what is left of the limits.
type partReader struct {
	left   int
	faults []string
}

// fault notes what is wrong with the mail, once.
func (r *partReader) fault(format string, args ...any) {
	if s := fmt.Sprintf(format, args...); !slices.Contains(r.faults, s) {
		r.faults = append(r.faults, s)
	}
}

// read reads a part; otherwise is its media type where it names none.
func (r *partReader) read(raw []byte, depth int, otherwise string) *part {
	p := &part{media: otherwise}
	whole := false
	p.header, p.body, whole = readHeader(raw)
	if !whole {
		r.fault("A header ends with a line that is no header field.")
	}
	r.readType(p)
	if disposition, _, err := mime.ParseMediaType(p.header.value("Content-Disposition")); err == nil {
		p.attached = disposition == "attachment"
	}
	if strings.HasPrefix(p.media, "multipart/") {
		r.readParts(p, depth)
	}
	return p
}

// readType reads Content-Type, RFC 2045 section 5.
func (r *partReader) readType(p *part) {
	value := p.header.value("Content-Type")
	if value == "" {
		return
	}
	media, params, err := mime.ParseMediaType(value)
	if err != nil && !errors.Is(err, mime.ErrInvalidMediaParameter) || !strings.Contains(media, "/") {
		r.fault("A Content-Type can't be read: %s.", clean(cut(value, 80)))
		p.media = "application/octet-stream"
		return
	}
	p.media, p.params = media, params
}

// readParts cuts a multipart body at its boundary, RFC 2046 section 5.1.1.
func (r *partReader) readParts(p *part, depth int) {
	boundary := p.params["boundary"]
	if boundary == "" {
		r.fault("It says that it has several parts, but not where one ends and the next begins.")
		return
	}
	if depth >= maxDepth {
		r.fault("Its parts are nested more than %d deep; what lies below was not read.", maxDepth)
		return
	}
	otherwise := "text/plain"
	if p.media == "multipart/digest" {
		otherwise = "message/rfc822" // RFC 2046 section 5.1.5
	}
	pieces, closed := splitParts(p.body, boundary, r.left)
	if len(pieces) == 0 {
		r.fault("It says that it has several parts, but none was found.")
	}
	for _, piece := range pieces {
		if r.left--; r.left < 0 {
			break
		}
		p.parts = append(p.parts, r.read(piece, depth+1, otherwise))
	}
	switch {
	case r.left <= 0:
		r.fault("It has more than %d parts; the others were not read.", maxParts)
	case !closed && len(pieces) > 0:
		r.fault("The end of its last part is missing; it may have been cut off.")
	}
}

// splitParts is the pieces between the lines of a boundary, at most a number
// of them; closed tells whether the closing line was found.
func splitParts(body []byte, boundary string, most int) (pieces [][]byte, closed bool) {
	mark, start := []byte("--"+boundary), -1
	for at := 0; at < len(body) && len(pieces) < most; {
		line, next := lineAt(body, at)
		if tail, ok := bytes.CutPrefix(line, mark); ok {
			tail = bytes.TrimRight(tail, " \t")
			if closed = string(tail) == "--"; closed || len(tail) == 0 {
				if start >= 0 {
					// The line end before a boundary belongs to the boundary.
					pieces = append(pieces, trimEnd(body[min(start, at):at]))
				}
				start = next
			}
			if closed {
				return pieces, true
			}
		}
		at = next
	}
	if start >= 0 && len(pieces) < most {
		pieces = append(pieces, body[start:])
	}
	return pieces, false
}

// decoded is the part's content with its transfer encoding undone, RFC 2045
// section 6. The note says what may be missing; empty: nothing.
func (p *part) decoded() (content []byte, note string) {
	var r io.Reader = bytes.NewReader(p.body)
	encoding := strings.ToLower(p.header.value("Content-Transfer-Encoding"))
	switch encoding {
	case "quoted-printable":
		r = quotedprintable.NewReader(r)
	case "base64":
		r = base64.NewDecoder(base64.StdEncoding, r)
	case "", "7bit", "8bit", "binary":
	default:
		note = fmt.Sprintf("The transfer encoding %q is not known here; the part is shown as it arrived.", clean(cut(encoding, 40)))
	}
	content, err := io.ReadAll(io.LimitReader(r, maxText+1))
	switch {
	case err != nil:
		note = fmt.Sprintf("The part is damaged (%s); it is shown up to there.", clean(err.Error()))
	case len(content) > maxText:
		content, note = content[:maxText], fmt.Sprintf("The part is longer than %d MB; it is shown up to there.", maxText>>20)
	}
	return content, note
}

// words is a text part in UTF-8, with notes on what may be wrong.
func (p *part) words() (text string, notes []string) {
	content, note := p.decoded()
	if note != "" {
		notes = append(notes, note)
	}
	text, note = decodeText(content, p.params["charset"])
	if note != "" {
		notes = append(notes, note)
	}
	return strings.TrimPrefix(text, "\uFEFF"), notes
}

// name is what the part calls itself, or else its media type.
func (p *part) name() string {
	_, params, err := mime.ParseMediaType(p.header.value("Content-Disposition"))
	if err == nil && params["filename"] != "" {
		return decodeWords(params["filename"])
	}
	if p.params["name"] != "" {
		return decodeWords(p.params["name"])
	}
	return clean(p.media)
}

// picture is the image that a cid: address names (RFC 2392), as a data:
// address; empty where there is none.
func (m *message) picture(cid string) string {
	for _, p := range m.rest {
		id := strings.Trim(p.header.value("Content-ID"), "<>")
		if id == "" || id != cid || !strings.HasPrefix(p.media, "image/") {
			continue
		}
		content, _ := p.decoded()
		return "data:" + p.media + ";base64," + base64.StdEncoding.EncodeToString(content)
	}
	return ""
}
