package inbox

import (
	"fmt"
	"strings"
	"testing"
)

// crlf is a mail as it travels.
func crlf(lines ...string) []byte { return []byte(strings.Join(lines, "\r\n")) }

// wordsOf is a part's words; "-" where there is no part.
func wordsOf(p *part) string {
	if p == nil {
		return "-"
	}
	text, notes := p.words()
	return strings.Join(append([]string{text}, notes...), " | ")
}

func TestPartsAreFoundWhereverTheyStand(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		raw              []byte
		text, html, best string
		rest, faults     int
	}{
		"plain":         {crlf("Subject: a", "", "words"), "words", "-", "text", 0, 0},
		"html alone":    {crlf("Content-Type: text/html", "", "<p>"), "-", "<p>", "html", 0, 0},
		"bare LF":       {[]byte("Content-Type: text/html\n\n<p>\n"), "-", "<p>\n", "html", 0, 0},
		"no body":       {crlf("Subject: a", ""), "", "-", "text", 0, 0},
		"neither":       {crlf("Content-Type: application/pdf", "", "%PDF"), "-", "-", "source", 1, 0},
		"attached":      {crlf("Content-Type: text/html", "Content-Disposition: attachment; filename=a.html", "", "<p>"), "-", "-", "source", 1, 0},
		"bad type":      {crlf("Content-Type: html", "", "<p>"), "-", "-", "source", 1, 1},
		"bad parameter": {crlf("Content-Type: text/html; charset", "", "<p>"), "-", "<p>", "html", 0, 0},
		"no colon":      {crlf("Subject: a", "garbage", "", "words"), "garbage\r\n\r\nwords", "-", "text", 0, 1},
		"nested": {
			crlf("Content-Type: multipart/mixed; boundary=a", "", "preface", "--a", "Content-Type: multipart/alternative; boundary=ab", "",
				"--ab", "", "text", "--ab", "Content-Type: text/html", "", "<p>", "--ab--", "", "--a", "Content-Type: image/png; name=\"=?utf-8?q?=C3=A4.png?=\"", "", "x", "--a--", "epilogue"),
			"text", "<p>", "html", 1, 0,
		},
		"boundary like another's beginning": {
			crlf("Content-Type: multipart/alternative; boundary=a", "", "--a", "", "--ab is text", "--a \t", "Content-Type: text/html", "", "<p>", "--a--"),
			"--ab is text", "<p>", "html", 0, 0,
		},
		"no end":            {crlf("Content-Type: multipart/alternative; boundary=a", "", "--a", "", "text", "--a", "Content-Type: text/html", "", "<p>cut o"), "text", "<p>cut o", "html", 0, 1},
		"no parts":          {crlf("Content-Type: multipart/alternative; boundary=a", "", "text"), "-", "-", "source", 0, 1},
		"no boundary":       {crlf("Content-Type: multipart/alternative", "", "text"), "-", "-", "source", 0, 1},
		"empty part":        {crlf("Content-Type: multipart/alternative; boundary=a", "", "--a", "--a--"), "", "-", "text", 0, 0},
		"quoted-printable":  {crlf("Content-Transfer-Encoding: Quoted-Printable", "Content-Type: text/plain; charset=utf-8", "", "H=C3=A4f=", "en"), "Häfen", "-", "text", 0, 0},
		"base64":            {crlf("Content-Transfer-Encoding: base64", "", "aGVs", "bG8="), "hello", "-", "text", 0, 0},
		"damaged base64":    {crlf("Content-Transfer-Encoding: base64", "", "aGVs!!!"), "hel | The part is damaged (unexpected EOF); it is shown up to there.", "-", "text", 0, 0},
		"unknown encoding":  {crlf("Content-Transfer-Encoding: x-uue", "", "a"), `a | The transfer encoding "x-uue" is not known here; the part is shown as it arrived.`, "-", "text", 0, 0},
		"latin 1":           {crlf("Content-Type: text/plain; charset=ISO-8859-1", "", "H\xe4fen \x80\x93"), "Häfen €“", "-", "text", 0, 0},
		"unknown character": {crlf("Content-Type: text/plain; charset=koi8-r", "", "a\xc1"), "a\uFFFD | The character set \"koi8-r\" is not known here. Letters beyond ASCII may be wrong.", "-", "text", 0, 0},
		"wrong character":   {crlf("Content-Type: text/plain; charset=utf-8", "", "a\xc1"), "a\uFFFD | Some bytes are no letters of utf-8; they are shown as \uFFFD.", "-", "text", 0, 0},
		"no character set":  {crlf("Content-Type: text/plain", "", "a\xe4"), "aä | No character set is named. The letters are read as Western European and may be wrong.", "-", "text", 0, 0},
		"report":            {crlf("Content-Type: multipart/report; boundary=a", "", "--a", "", "It bounced.", "--a", "Content-Type: message/delivery-status", "", "Status: 5.1.1", "--a", "Content-Type: message/rfc822", "", "Subject: x", "--a--"), "It bounced.", "-", "text", 2, 0},
		"digest":            {crlf("Content-Type: multipart/digest; boundary=a", "", "--a", "", "Subject: x", "--a--"), "-", "-", "source", 1, 0},
	} {
		m := readMessage(c.raw)
		if text, html := wordsOf(m.text), wordsOf(m.html); text != c.text || html != c.html || m.best() != c.best || len(m.rest) != c.rest || len(m.faults) != c.faults {
			t.Errorf("%s: text %q, html %q, best %s, %d others, faults %q", name, text, html, m.best(), len(m.rest), m.faults)
		}
	}
}

func TestReadingAMailHasLimits(t *testing.T) {
	t.Parallel()
	deep := strings.Builder{}
	for i := range 2 * maxDepth {
		fmt.Fprintf(&deep, "Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n", i, i)
	}
	deep.WriteString("\r\nbottom")
	for name, c := range map[string]struct{ raw, fault string }{
		"depth":  {deep.String(), "nested more than 12 deep"},
		"parts":  {"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + strings.Repeat("--b\r\n\r\nx\r\n", 3*maxParts) + "--b--\r\n", "more than 120 parts"},
		"fields": {strings.Repeat("A: b\r\n", 3*maxFields) + "\r\n", "no header field"},
		"size":   {"Subject: a\r\n\r\n" + strings.Repeat("x", maxRead), "larger than 16 MB"},
	} {
		m := readMessage([]byte(c.raw))
		if !strings.Contains(strings.Join(m.faults, " "), c.fault) {
			t.Errorf("%s: faults are %q", name, m.faults)
		}
		if parts := count(&m.part); parts > maxParts+1 || len(m.header) > maxFields {
			t.Errorf("%s: %d parts and %d fields were read", name, parts, len(m.header))
		}
	}
	if text, notes := readMessage([]byte("\r\n" + strings.Repeat("x", maxText+1))).text.words(); len(text) != maxText || len(notes) != 1 {
		t.Errorf("%d bytes of text were read, with %q", len(text), notes)
	}
}

func count(p *part) int {
	n := 1
	for _, child := range p.parts {
		n += count(child)
	}
	return n
}

func TestFieldsKeepTheirFoldsAndLoseThemInTheirValue(t *testing.T) {
	t.Parallel()
	h, body, whole := readHeader([]byte("From x@y Mon\nA :b\r\n  c\r\n\td \r\nB: =?utf-8?b?w6Q=?=\r\n =?iso-8859-1?q?=E4?= =?utf-8?q?=C3?= =?x?q?a?=\x01\r\n\r\nbody"))
	if !whole || string(body) != "body" || len(h) != 2 {
		t.Fatalf("%d fields, body %q, whole %t", len(h), body, whole)
	}
	if h[0].Name != "A" || h[0].value() != "b  c d" || string(h[0].raw) != "A :b\r\n  c\r\n\td " {
		t.Errorf("field is %q %q %q", h[0].Name, h[0].value(), h[0].raw)
	}
	if got := h[1].words(); got != "ää\uFFFD a\uFFFD" && got != "ää\uFFFDa\uFFFD" {
		t.Errorf("words are %q", got)
	}
}

func TestAuthorIsReadAsFarAsItGoes(t *testing.T) {
	t.Parallel()
	for from, want := range map[string]string{
		"News <a@b.c>":                       "News|a@b.c",
		"a@b.c":                              "|a@b.c",
		"=?utf-8?q?H=C3=A4fen?= <a@b.c>":     "Häfen|a@b.c",
		"One <a@b.c>, Two <d@e.f>":           "One|a@b.c",
		"not an address":                     "not an address|",
		`"<b>" <a@b.c>`:                      "<b>|a@b.c",
		"":                                   "|",
		"=?windows-1252?q?=80?= <a@b.c>":     "€|a@b.c",
		"\"a\\\"b\u202e\" <a@b.c>":           "a\"b\u202e|a@b.c",
		"=?utf-8?q?=0D=0ABcc:_x?= <a@b.c>":   "Bcc: x <a@b.c>|",
		"undisclosed:;":                      "undisclosed:;|",
		"News <a@b.c> (daily) and some more": "News <a@b.c> (daily) and some more|",
	} {
		name, address := header{{Name: "From", raw: []byte("From: " + from)}}.author()
		if got := name + "|" + address; got != want {
			t.Errorf("%s is read as %q, want %q", from, got, want)
		}
	}
}

func TestFirstWordsEndAtThePadding(t *testing.T) {
	t.Parallel()
	for html, want := range map[string]string{
		"<p>a <b>b</b>c": "a b c",
		"<div>Preheader&#847;&zwnj;&nbsp;&#847;</div><p>More": "Preheader",
		"<div>Preheader &#8203; </div><p>More":                "Preheader",
		"&#847;&nbsp;<p>More":                                 "",
		"<style>a</style><title>b</title><!--c-->d":           "d",
		"<p>" + strings.Repeat("word ", 100):                  strings.Repeat("word ", 28) + "…",
		"":                                                    "",
		"<p":                                                  "",
	} {
		if got := firstWords(html); got != want {
			t.Errorf("%.60s begins with %q, want %q", html, got, want)
		}
	}
}
