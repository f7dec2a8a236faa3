package lint

import (
	"bytes"
	"mime"
	"net"
	"net/mail"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// message is a mail taken apart at its first empty line.
type message struct {
	raw    []byte
	fields []field
	broken int // the first line of the header that is no field; zero: none
	body   []byte
}

// field is a header field as it was written.
type field struct {
	name  string // as written
	value string // unfolded: RFC 5322 section 2.2.3
	lines int
	line  int // of its name
}

func readMessage(raw []byte) message {
	m := message{raw: raw}
	rest := raw
	for n := 1; len(rest) > 0; n++ {
		var line []byte
		line, rest = nextLine(rest)
		if len(line) == 0 {
			m.body = rest
			return m
		}
		m.add(string(line), n)
	}
	return m
}

// nextLine cuts a line off, whatever ends it.
func nextLine(b []byte) (line, rest []byte) {
	i := bytes.IndexByte(b, '\n')
	if i < 0 {
		return bytes.TrimSuffix(b, []byte("\r")), nil
	}
	return bytes.TrimSuffix(b[:i], []byte("\r")), b[i+1:]
}

func (m *message) add(line string, n int) {
	if line[0] == ' ' || line[0] == '\t' {
		if len(m.fields) == 0 {
			m.fault(n)
			return
		}
		f := &m.fields[len(m.fields)-1]
		f.value = strings.TrimLeft(f.value+line, " \t")
		f.lines++
		return
	}
	name, value, ok := strings.Cut(line, ":")
	if !ok || name == "" || strings.ContainsFunc(name, func(c rune) bool { return c <= ' ' || c > '~' }) {
		m.fault(n)
		return
	}
	m.fields = append(m.fields, field{name: name, value: strings.TrimLeft(value, " \t"), lines: 1, line: n})
}

func (m *message) fault(n int) {
	if m.broken == 0 {
		m.broken = n
	}
}

// field is the first field of a name, empty if there is none.
func (m message) field(name string) field {
	for _, f := range m.fields {
		if strings.EqualFold(f.name, name) {
			return f
		}
	}
	return field{}
}

func (m message) count(name string) (n int) {
	for _, f := range m.fields {
		if strings.EqualFold(f.name, name) {
			n++
		}
	}
	return n
}

// recipient is the bare address of To.
func (m message) recipient() string {
	if a, err := mail.ParseAddress(m.field("To").value); err == nil {
		return a.Address
	}
	return ""
}

// required are the fields of which there is exactly one.
var required = []string{"From", "To", "Subject", "Date", "Message-ID", "MIME-Version"}

// known are the fields that a digest has. Another one was brought in by a
// title or a name.
var known = []string{
	"from", "to", "reply-to", "subject", "date", "message-id", "mime-version", "list-id", "list-unsubscribe",
	"list-unsubscribe-post", "precedence", "feedback-id", "archived-at", "content-type", "content-language", "dkim-signature",
}

// trace are the fields that those on the way put on top: RFC 5321 section
// 4.4, RFC 8601, RFC 8617. They are not judged.
var trace = []string{
	"return-path", "received", "delivered-to", "x-original-to", "authentication-results", "received-spf",
	"arc-seal", "arc-message-signature", "arc-authentication-results", "x-received",
}

func (r *report) header(m message) {
	at := func(line int) place { return place{PartHeader, line} }
	if m.broken > 0 {
		r.find("header-syntax", at(m.broken), "this line is no header field")
	}
	if len(m.fields) == 0 {
		r.find("header-syntax", at(1), "there is no header")
	}
	for _, name := range required {
		if n := m.count(name); n != 1 {
			r.find("header-once", at(m.field(name).line), "there are %d fields %s, and must be exactly one", n, name)
		}
	}
	own := false // behind what others put on top
	for i, f := range m.fields {
		lower := strings.ToLower(f.name)
		isTrace := slices.Contains(trace, lower)
		switch {
		case isTrace && !own:
			continue
		case !slices.Contains(known, lower):
			r.find("header-foreign", at(f.line), "the field %s is none of a digest's", short(f.name))
		}
		own = own || lower != "dkim-signature"
		once := lower != "dkim-signature" && !slices.ContainsFunc(required, func(s string) bool { return strings.EqualFold(s, f.name) })
		if once && slices.ContainsFunc(m.fields[:i], func(g field) bool { return strings.EqualFold(g.name, f.name) }) {
			r.find("header-once", at(f.line), "the field %s stands here again", f.name)
		}
		r.fieldValue(f)
	}
	r.addresses(m)
	r.lists(m)
	if v := m.field("MIME-Version"); v.name != "" && v.value != "1.0" {
		r.find("mime-version", at(v.line), "MIME-Version is %q, not 1.0", short(v.value))
	}
	if s := m.field("Subject"); s.name != "" && strings.TrimSpace(decoded(s.value)) == "" {
		r.find("subject-empty", at(s.line), "the subject is empty")
	}
	r.unresolved(decoded(m.field("Subject").value), at(m.field("Subject").line))
}

func decoded(value string) string {
	var d mime.WordDecoder
	if s, err := d.DecodeHeader(value); err == nil {
		return s
	}
	return value
}

var encodedWord = regexp.MustCompile(`=\?[^?\s]*\?[^?\s]*\?[^?\s]*\?=`)

// fieldValue judges the letters of a field.
func (r *report) fieldValue(f field) {
	at := place{PartHeader, f.line}
	for i := range len(f.value) {
		if c := f.value[i]; c < ' ' && c != '\t' || c == 0x7f {
			r.find("header-syntax", at, "%s holds the control character %#02x", f.name, c)
			break
		}
	}
	// RFC 6532 section 3.2: an address beyond ASCII stands as it is, and only To
	// can hold one.
	if !ascii(f.value) && !(strings.EqualFold(f.name, "To") && utf8.ValidString(f.value)) {
		r.find("header-ascii", at, "%s holds letters beyond ASCII that are not encoded", f.name)
	}
	for _, w := range encodedWord.FindAllString(f.value, -1) {
		// RFC 2047 section 2: at most 75 characters. Section 5: no character is
		// divided between two words.
		text, err := new(mime.WordDecoder).Decode(w)
		switch {
		case len(w) > 75:
			r.find("encoded-word", at, "%s has an encoded word of %d characters", f.name, len(w))
		case err != nil:
			r.find("encoded-word", at, "%s has an encoded word that does not read", f.name)
		case !utf8.ValidString(text):
			r.find("encoded-word", at, "%s has an encoded word that ends within a character", f.name)
		}
	}
}

func (r *report) addresses(m message) {
	for _, name := range []string{"From", "To", "Reply-To"} {
		f := m.field(name)
		if f.name == "" {
			continue
		}
		if _, err := mail.ParseAddress(f.value); err != nil {
			// Not quoted: it may be a reader's, and findings go into logs.
			r.find("header-address", place{PartHeader, f.line}, "%s is not one address", name)
		}
	}
	if f := m.field("Date"); f.name != "" {
		if _, err := mail.ParseDate(f.value); err != nil {
			r.find("header-date", place{PartHeader, f.line}, "the date %q does not read", short(f.value))
		}
	}
	if f := m.field("Message-ID"); f.name != "" && !messageID.MatchString(f.value) {
		r.find("message-id", place{PartHeader, f.line}, "the Message-ID %s is not <left@right>", short(f.value))
	}
}

// messageID is RFC 5322 section 3.6.4, without its obsolete forms.
var messageID = regexp.MustCompile(`^<[A-Za-z0-9!#$%&'*+/=?^_{|}~.` + "`" + `-]+@(?:[A-Za-z0-9._-]+|\[[^\[\]\\\s]+\])>$`)

var (
	listID      = regexp.MustCompile(`^(?:[^<>]* )?<[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)+>$`)
	bracketed   = regexp.MustCompile(`<([^<>]*)>`)
	onlyFolding = regexp.MustCompile(`\s`)
)

func (r *report) lists(m message) {
	whole := place{part: PartHeader}
	f := m.field("List-Unsubscribe")
	at := place{PartHeader, f.line}
	switch u := oneClick(f); {
	case f.name == "":
		r.find("list-unsubscribe", whole, "there is no List-Unsubscribe")
	case f.lines > 1:
		// Folded, it broke signatures at relays.
		r.find("list-unsubscribe", at, "List-Unsubscribe is folded over %d lines", f.lines)
	case u == nil:
		r.find("list-unsubscribe", at, "List-Unsubscribe has no https address")
	case u.Scheme == "http" && !loopback(u.Hostname()):
		r.find("list-unsubscribe", at, "the address in List-Unsubscribe is http, which is for loopback only")
	}
	post := m.field("List-Unsubscribe-Post")
	switch {
	case post.name == "":
		r.find("list-unsubscribe-post", whole, "there is no List-Unsubscribe-Post")
	case post.value != "List-Unsubscribe=One-Click" || post.lines > 1:
		r.find("list-unsubscribe-post", place{PartHeader, post.line}, "List-Unsubscribe-Post is not List-Unsubscribe=One-Click on one line")
	}
	switch id := m.field("List-Id"); {
	case id.name == "":
		r.find("list-id", whole, "there is no List-Id")
	case !listID.MatchString(id.value):
		r.find("list-id", place{PartHeader, id.line}, "the List-Id %s does not end in <name.domain>", short(id.value))
	}
	if p := m.field("Precedence"); !strings.EqualFold(p.value, "bulk") {
		r.find("precedence", place{PartHeader, p.line}, "there is no Precedence: bulk")
	}
	id := m.field("Feedback-ID")
	if n := strings.Count(id.value, ":") + 1; id.name == "" || n > 4 || strings.HasSuffix(id.value, ":") {
		r.find("feedback-id", place{PartHeader, id.line}, "Feedback-ID is %q, and should have one to four fields, the last one constant", short(id.value))
	}
	if a := m.field("Auto-Submitted"); a.name != "" && !strings.EqualFold(a.value, "no") {
		r.find("auto-submitted", place{PartHeader, a.line}, "Auto-Submitted is for answers of machines")
	}
}

// oneClick is the web address of List-Unsubscribe; nil: it has none.
func oneClick(f field) *url.URL {
	for _, m := range bracketed.FindAllStringSubmatch(f.value, -1) {
		if onlyFolding.MatchString(m[1]) {
			continue
		}
		u, err := url.Parse(m[1])
		if err == nil && u.Hostname() != "" && (u.Scheme == "https" || u.Scheme == "http") {
			return u
		}
	}
	return nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// onOneLine are the fields that must not be folded.
var onOneLine = []string{"list-unsubscribe:", "list-unsubscribe-post:"}

// lines judges the lines of the whole mail.
func (r *report) lines(m message) {
	header, n := true, 0
	for rest := m.raw; len(rest) > 0; {
		n++
		i := bytes.IndexByte(rest, '\n')
		line := rest
		switch {
		case i < 0:
			rest = nil
			r.find("line-ends", place{PartMessage, n}, "the last line has no end")
		default:
			line, rest = rest[:i], rest[i+1:]
			if !bytes.HasSuffix(line, []byte("\r")) {
				r.find("line-ends", place{PartMessage, n}, "this line ends without a carriage return")
			}
			line = bytes.TrimSuffix(line, []byte("\r"))
		}
		r.line(line, header, n)
		header = header && len(line) > 0
	}
}

func (r *report) line(line []byte, header bool, n int) {
	at := place{PartMessage, n}
	if bytes.IndexByte(line, '\r') >= 0 {
		r.find("line-ends", at, "a carriage return stands within this line")
	}
	if !header && !ascii(string(line)) {
		r.find("eight-bit", at, "this line holds bytes that are not encoded")
	}
	most := 76
	if header {
		most = 78
	}
	switch {
	case len(line) > 998:
		r.find("line-over-998", at, "this line has %d characters", len(line))
	case len(line) > most && !(header && whole(string(line))):
		r.find("line-over-76", at, "this line has %d characters", len(line))
	}
}

// whole says that a header line cannot be folded: it must not be, or has no
// blank to be folded at.
func whole(line string) bool {
	lower := strings.ToLower(line)
	for _, name := range onOneLine {
		if strings.HasPrefix(lower, name) {
			return true
		}
	}
	value := strings.TrimLeft(line, " \t")
	if name, v, ok := strings.Cut(line, ": "); ok && !strings.ContainsAny(name, " \t") {
		value = v
	}
	return !strings.ContainsAny(value, " \t")
}
