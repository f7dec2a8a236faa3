package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"courant/digest/lint"
	"courant/digest/smtpsink"

	"github.com/emersion/go-msgauth/dkim"
)

// receiver is what one knows who takes mail in.
type receiver struct {
	lookup func(name string) ([]string, error) // TXT records; nil: there are none, so no signature verifies
	given  func() []string                     // words of articles that look like tags; nil: none do
}

// startRelay starts a sink that reads each mail as a receiver would, and fails
// the test at the first that it would mind. Every sink of this package is
// started here (TestEveryRelayOfTheTestsReadsItsMail), so no test can forget it.
func startRelay(t testing.TB, opt smtpsink.Options, r receiver) *smtpsink.Sink {
	t.Helper()
	opt.Bodies = true
	keep := opt.Keep
	opt.Keep = func(m smtpsink.Message) error {
		if err := r.fault(m.Body); err != nil {
			t.Errorf("the mail to %s is not as a receiver wants it: %v\n%s", m.To, err, tail(string(m.Body), 2000))
		}
		if keep != nil {
			return keep(m)
		}
		return nil
	}
	return smtpsink.Start(t, opt)
}

// listRules are of digests: nobody subscribes to a letter to one person.
var listRules = []string{"list-unsubscribe", "list-unsubscribe-post", "list-id", "header-foreign", "auto-submitted", "unsubscribe-link"}

// fault says what a receiver would mind of a mail, by parsers, verifiers and
// rules that share nothing with what made it.
func (r receiver) fault(raw []byte) error {
	msg, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return fmt.Errorf("it cannot be parsed: %w", err)
	}
	faults := []error{lineFault(raw), headerFault(msg.Header), partsFault(msg), r.signatureFault(raw, len(msg.Header["Dkim-Signature"]))}
	o := lint.Options{ErrorsOnly: true}
	if r.given != nil {
		o.Given = r.given()
	}
	letter := msg.Header.Get("Auto-Submitted") == "auto-generated"
	for _, f := range lint.Mail(raw, o) {
		if letter && slices.Contains(listRules, f.Rule) {
			continue
		}
		faults = append(faults, fmt.Errorf("%s, %s line %d: %s", f.Rule, f.Part, f.Line, f.Finding))
	}
	return errors.Join(faults...)
}

// lineFault holds the lines against RFC 5322 section 2.1.1 and 2.3.
func lineFault(raw []byte) error {
	for line := range bytes.SplitSeq(raw, []byte("\r\n")) {
		if len(line) > 998 || bytes.ContainsAny(line, "\r\n\x00") {
			return fmt.Errorf("a line of %d bytes: %.80q", len(line), line)
		}
	}
	return nil
}

// headerFault wants what RFC 5322 section 3.6 has once, once.
func headerFault(h mail.Header) error {
	for _, name := range []string{"From", "To", "Subject", "Date", "Message-Id", "Mime-Version"} {
		if n := len(h[name]); n != 1 {
			return fmt.Errorf("%s is there %d times", name, n)
		}
	}
	_, subject := new(mime.WordDecoder).DecodeHeader(h.Get("Subject"))
	_, from := h.AddressList("From")
	_, to := h.AddressList("To")
	_, date := h.Date()
	return errors.Join(subject, from, to, date)
}

// partsFault wants every part to be text that can be decoded, and of two the
// plain one first.
func partsFault(msg *mail.Message) error {
	kind, params, err := mime.ParseMediaType(msg.Header.Get("Content-Type"))
	if err != nil {
		return fmt.Errorf("Content-Type: %w", err)
	}
	if !strings.HasPrefix(kind, "multipart/") {
		return textFault(kind, params, msg.Header.Get("Content-Transfer-Encoding"), msg.Body)
	}
	var kinds []string
	for r := multipart.NewReader(msg.Body, params["boundary"]); ; {
		p, err := r.NextRawPart()
		if err == io.EOF {
			break
		}
		if err != nil {
			return fmt.Errorf("part %d: %w", len(kinds)+1, err)
		}
		kind, params, err := mime.ParseMediaType(p.Header.Get("Content-Type"))
		if err != nil {
			return fmt.Errorf("part %d: %w", len(kinds)+1, err)
		}
		kinds = append(kinds, kind)
		if err := textFault(kind, params, p.Header.Get("Content-Transfer-Encoding"), p); err != nil {
			return err
		}
	}
	if !slices.Equal(kinds, []string{"text/plain", "text/html"}) {
		return fmt.Errorf("the parts are %q", kinds)
	}
	return nil
}

var badEscape = regexp.MustCompile(`=(?:$|[^0-9A-F\r]|\r[^\n]|[0-9A-F](?:$|[^0-9A-F]))`)

func textFault(kind string, params map[string]string, encoding string, r io.Reader) error {
	text, err := io.ReadAll(r)
	if strings.EqualFold(encoding, "quoted-printable") {
		// The library takes a = that stands for nothing as itself (RFC 2045 section 6.7 doesn't).
		if at := badEscape.FindIndex(text); at != nil {
			return fmt.Errorf("%s is no quoted-printable at %q", kind, text[at[0]:at[1]])
		}
		text, err = io.ReadAll(quotedprintable.NewReader(bytes.NewReader(text)))
	}
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", kind, err)
	case !strings.HasPrefix(kind, "text/") || !strings.EqualFold(params["charset"], "utf-8") || !utf8.Valid(text):
		return fmt.Errorf("%s in %q is not what it says", kind, params["charset"])
	case len(bytes.TrimSpace(text)) == 0:
		return fmt.Errorf("%s is empty", kind)
	}
	return nil
}

// signatureFault wants every signature that is there to verify.
func (r receiver) signatureFault(raw []byte, there int) error {
	if there == 0 {
		return nil
	}
	dns := r.lookup
	if dns == nil {
		dns = func(name string) ([]string, error) { return nil, fmt.Errorf("nobody knows %s", name) }
	}
	found, err := dkim.VerifyWithOptions(bytes.NewReader(raw), &dkim.VerifyOptions{LookupTXT: dns})
	if err != nil || len(found) != there {
		return fmt.Errorf("%d of %d signatures could be read, %w", len(found), there, err)
	}
	for _, v := range found {
		err = errors.Join(err, v.Err)
	}
	return err
}

func TestReceiverSeesEachFaultOfAMail(t *testing.T) {
	t.Parallel()
	d := newDesk(t, smtpsink.Options{})
	d.configure()
	d.tell("Harbour closes for repairs")
	d.must("send", "morning", "--only", "ann@example.org")
	good := string(d.sink.To("ann@example.org")[0].Body)
	if err := d.receiver().fault([]byte(good)); err != nil {
		t.Fatal(err)
	}
	if err := (receiver{}).fault([]byte(good)); err == nil {
		t.Error("a signature verifies by a key that is nowhere")
	}
	_, unsigned, _ := strings.Cut(good, "\r\nFrom: ")
	unsigned = "From: " + unsigned
	for name, c := range map[string]struct{ from, to, want string }{
		"no From":           {"From: ", "X-From: ", "From is there 0 times"},
		"two subjects":      {"\r\nSubject: ", "\r\nSubject: one\r\nSubject: ", "Subject is there 2 times"},
		"a bare line feed":  {"\r\nDate: ", "\nX: y\r\nDate: ", "a line of"},
		"a long line":       {"\r\nDate: ", "\r\nX: " + strings.Repeat("x", 1000) + "\r\nDate: ", "a line of 1003 bytes"},
		"no date":           {"\r\nDate: ", "\r\nDate: someday ", "date"},
		"two addresses":     {"\r\nTo: ", "\r\nTo: a@b@c ", "address"},
		"HTML first":        {"text/plain;", "text/html;", "the parts are"},
		"another charset":   {"charset=utf-8", "charset=latin-9", "is not what it says"},
		"a broken encoding": {"", "", "no quoted-printable"},
		"no way out":        {"\r\nList-Unsubscribe: ", "\r\nX-Unsubscribe: ", "list-unsubscribe"},
	} {
		text := strings.Replace(unsigned, c.from, c.to, 1)
		if name == "a broken encoding" {
			text = strings.Replace(unsigned, "quoted-printable\r\n\r\n", "quoted-printable\r\n\r\n=2x", 1)
		}
		if text == unsigned {
			t.Fatalf("%s: nothing was changed", name)
		}
		if err := (receiver{}).fault([]byte(text)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	altered := strings.Replace(good, "\r\nSubject: ", "\r\nSubject: Re: ", 1)
	if err := d.receiver().fault([]byte(altered)); err == nil {
		t.Error("an altered mail verifies")
	}
}

var sinkStarted = regexp.MustCompile(`smtpsink\.(Start|Listen)\(`)

func TestEveryRelayOfTheTestsReadsItsMail(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		n := len(sinkStarted.FindAll(text, -1))
		switch seen += n; file {
		case "received_test.go": // startRelay, and this pattern's own words
		case "bench_test.go", "oneclick_test.go": // whose benchmarks keep no mail, only their number
		default:
			if n > 0 {
				t.Errorf("%s starts a sink of its own; startRelay reads what it is given", file)
			}
		}
	}
	if seen < 2 {
		t.Error("no sink was found at all")
	}
}
