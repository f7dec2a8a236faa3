package render

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/mail"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

// parsed is a message as the strict parser of these tests reads it. It shares
// no code with the package: it knows the RFCs only.
type parsed struct {
	names  []string          // of the header fields, in order
	raw    map[string]string // value as it stands, with its folds
	fields map[string]string // unfolded, encoded words not decoded
	text   string            // decoded, line ends "\n"
	html   string
}

var (
	fieldName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]*$`)
	ourFields = []string{"From", "To", "Reply-To", "Subject", "Date", "Message-ID", "MIME-Version", "List-Id",
		"List-Unsubscribe", "List-Unsubscribe-Post", "Precedence", "Feedback-ID", "Content-Type"}
	unfolded = map[string]bool{"List-Unsubscribe": true, "List-Unsubscribe-Post": true}
)

// parseStrict reads a message and says the first thing that is wrong.
func parseStrict(raw []byte) (*parsed, error) {
	s := string(raw)
	if !strings.HasSuffix(s, "\r\n") {
		return nil, fmt.Errorf("the message does not end with CRLF")
	}
	if bare := strings.ReplaceAll(s, "\r\n", ""); strings.ContainsAny(bare, "\r\n\x00") {
		return nil, fmt.Errorf("a bare CR, LF or NUL")
	}
	for i, line := range strings.Split(s, "\r\n") {
		if strings.HasPrefix(line, ".") {
			return nil, fmt.Errorf("line %d begins with a dot: %q", i, line)
		}
		if len(line) > 998 {
			return nil, fmt.Errorf("line %d has %d octets", i, len(line))
		}
	}
	head, body, ok := strings.Cut(s, "\r\n\r\n")
	if !ok {
		return nil, fmt.Errorf("no empty line")
	}
	p := &parsed{raw: map[string]string{}, fields: map[string]string{}}
	if err := p.header(head); err != nil {
		return nil, err
	}
	return p, p.body(body)
}

func (p *parsed) header(head string) error {
	var last string
	for line := range strings.SplitSeq(head, "\r\n") {
		if strings.HasPrefix(line, " ") || strings.HasPrefix(line, "\t") {
			if last == "" || strings.TrimSpace(line) == "" {
				return fmt.Errorf("a fold of nothing: %q", line)
			}
			p.raw[last] += "\r\n" + line
			p.fields[last] += line
		} else {
			name, value, ok := strings.Cut(line, ": ")
			if !ok || !fieldName.MatchString(name) {
				return fmt.Errorf("not a header field: %q", line)
			}
			if _, twice := p.fields[name]; twice {
				return fmt.Errorf("%s stands twice", name)
			}
			last = name
			p.names = append(p.names, name)
			p.raw[name], p.fields[name] = value, value
		}
		if len(line) > 78 && !unfolded[last] && !strings.Contains(line, "@") && !strings.HasPrefix(line, " <") {
			return fmt.Errorf("%s has a line of %d", last, len(line))
		}
		for _, c := range line {
			if c < ' ' || c == 0x7f || c >= utf8.RuneSelf && last != "To" {
				return fmt.Errorf("%s holds %q", last, c)
			}
		}
	}
	return nil
}

var boundaryParam = regexp.MustCompile(`^multipart/alternative; boundary="([^"]{1,70})"$`)

func (p *parsed) body(body string) error {
	m := boundaryParam.FindStringSubmatch(p.fields["Content-Type"])
	if m == nil {
		return fmt.Errorf("content type %q", p.fields["Content-Type"])
	}
	pieces := strings.Split("\r\n"+body, "\r\n--"+m[1])
	if len(pieces) != 4 || pieces[0] != "" || pieces[3] != "--\r\n" {
		return fmt.Errorf("%d boundaries, want three and nothing around them", len(pieces)-1)
	}
	for i, kind := range []string{"text/plain", "text/html"} {
		head := "\r\nContent-Type: " + kind + "; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
		encoded, ok := strings.CutPrefix(pieces[i+1], head)
		if !ok {
			return fmt.Errorf("part %d is not %s", i, kind)
		}
		decoded, err := decodeQuoted(encoded)
		if err != nil {
			return fmt.Errorf("%s: %w", kind, err)
		}
		if !utf8.ValidString(decoded) {
			return fmt.Errorf("%s is not UTF-8", kind)
		}
		if i == 0 {
			p.text = decoded
		} else {
			p.html = decoded
		}
	}
	return nil
}

// decodeQuoted is RFC 2045 section 6.7 to the letter, with no mercy.
func decodeQuoted(s string) (string, error) {
	var out strings.Builder
	for line := range strings.SplitSeq(s, "\r\n") {
		if len(line) > 76 {
			return "", fmt.Errorf("an encoded line of %d: %q", len(line), line)
		}
		if strings.HasSuffix(line, " ") || strings.HasSuffix(line, "\t") {
			return "", fmt.Errorf("a line ends with white space: %q", line)
		}
		if strings.HasPrefix(line, "From ") {
			return "", fmt.Errorf("a line begins with From: %q", line)
		}
		line, soft := strings.CutSuffix(line, "=")
		for i := 0; i < len(line); i++ {
			switch c := line[i]; {
			case c == '=':
				if i+2 >= len(line) {
					return "", fmt.Errorf("a cut escape: %q", line)
				}
				b, err := hex.DecodeString(line[i+1 : i+3])
				if err != nil || strings.ToUpper(line[i+1:i+3]) != line[i+1:i+3] {
					return "", fmt.Errorf("a bad escape: %q", line)
				}
				out.Write(b)
				i += 2
			case c < ' ' && c != '\t' || c > '~':
				return "", fmt.Errorf("octet %#x stands unencoded", c)
			default:
				out.WriteByte(c)
			}
		}
		if !soft {
			out.WriteByte('\n')
		}
	}
	return strings.TrimSuffix(out.String(), "\n"), nil
}

var encodedWord = regexp.MustCompile(`=\?utf-8\?([bq])\?([^? ]*)\?=`)

// checkEncodedWords holds RFC 2047 section 2 and 5 against a folded value and
// gives it decoded.
func checkEncodedWords(value string) (string, error) {
	value = strings.ReplaceAll(value, "\r\n", "")
	between := regexp.MustCompile(`(=\?utf-8\?[bq]\?[^? ]*\?=)[ \t]+(?:(=\?utf-8\?))`)
	for prev := ""; prev != value; {
		prev, value = value, between.ReplaceAllString(value, "$1$2")
	}
	var failed error
	fail := func(err error) {
		if failed == nil {
			failed = err
		}
	}
	decoded := encodedWord.ReplaceAllStringFunc(value, func(w string) string {
		if len(w) > 75 {
			fail(fmt.Errorf("an encoded word of %d", len(w)))
		}
		m := encodedWord.FindStringSubmatch(w)
		b, err := base64.StdEncoding.DecodeString(m[2])
		if m[1] == "q" {
			var line string
			line, err = decodeQuoted(strings.ReplaceAll(m[2], "_", " ") + "=")
			b = []byte(line)
		}
		fail(err)
		if !utf8.Valid(b) {
			fail(fmt.Errorf("an encoded word splits a character: %q", b))
		}
		return string(b)
	})
	return decoded, failed
}

// mustParse reads a message strictly, reads it again with the standard
// library, and wants both to see the same.
func mustParse(t testing.TB, raw []byte) *parsed {
	t.Helper()
	return mustParseWith(t, raw, ourFields)
}

func mustParseWith(t testing.TB, raw []byte, fields []string) *parsed {
	t.Helper()
	p, err := parseStrict(raw)
	if err != nil {
		t.Fatalf("%v in:\n%s", err, firstLines(raw))
	}
	if got, want := strings.Join(p.names, " "), strings.Join(fields, " "); got != want {
		t.Fatalf("header fields\n%s\nwant\n%s", got, want)
	}
	m, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		t.Fatalf("net/mail: %v", err)
	}
	if len(m.Header) != len(fields) {
		t.Fatalf("net/mail sees %d fields: %v", len(m.Header), m.Header)
	}
	_, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	parts := multipart.NewReader(m.Body, params["boundary"])
	for _, want := range []string{p.text, p.html} {
		part, err := parts.NextPart()
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(part)
		if err != nil {
			t.Fatal(err)
		}
		if strings.ReplaceAll(string(got), "\r\n", "\n") != want {
			t.Fatalf("the standard library reads another part:\n%.300q\nwant\n%.300q", got, want)
		}
	}
	if _, err := parts.NextPart(); err != io.EOF {
		t.Fatalf("a third part, %v", err)
	}
	return p
}

func firstLines(raw []byte) []byte { return raw[:min(len(raw), 1500)] }
