package render

import (
	"strings"
	"testing"
	"unicode/utf8"

	"courant/digest"
)

// FuzzNothingIsInjected puts whatever it likes where outsiders write, and
// wants a message with our header fields, two parts that tell the same, and
// the reader's own address as the only one.
func FuzzNothingIsInjected(f *testing.F) {
	for _, s := range []string{"a", "x\r\nBcc: v@example.net", "=?utf-8?q?=0D=0A?=", "\u2028.\u0085", "<!--[if mso]>", "{{name}}", "\xff\xfe", "ZgotmplZ",
		strings.Repeat("長", 300), strings.Repeat("w", 1200), "\u202e\u0000", `","@`, "%0d%0a", "a@b@c", ". \t.", "From x"} {
		f.Add(s, s, s, s, s)
	}
	f.Add("Title", "Name", "Point", "ada@example.org", "https://example.org/a?b=c")
	r := newRenderer(f, testConfig())
	f.Fuzz(func(t *testing.T, title, name, point, address, url string) {
		s := plainSample()
		s.Edition.Title, s.Recipient.Name, s.Recipient.Address = title+" t", name, address
		story := &s.Variant.Stories[0]
		story.Title, story.URL, story.Points = title, url, []string{point, title}
		story.Category, story.Site, story.Attribution, story.Image.Alt = name, point, title, title
		story.Image.URL, story.Language = url, name
		story.Also = []digest.Also{{Source: title, URL: url}}
		m, err := r.Render(s.Edition, s.Variant)
		if err != nil {
			t.Fatal(err)
		}
		raw := m.Splice(nil, s.Recipient)
		// An address beyond ASCII may stand in To; nothing else may.
		p := mustParse(t, raw)
		if _, err := checkEncodedWords(p.raw["Subject"]); err != nil {
			t.Error(err)
		}
		checkHTML(t, p.html)
		text, html := naive(t, r, s)
		if m.More == 0 && (p.text != text || p.html != html) {
			t.Error("the splice is not what rendering for the reader makes")
		}
		checkEnvelope(t, r.Envelope(s.Recipient), address)
	})
}

func checkEnvelope(t *testing.T, e digest.Envelope, address string) {
	t.Helper()
	clean, err := digest.ParseAddress(address)
	if (err == nil && strings.Count(clean, "@") == 1) != (e.To != "") {
		t.Errorf("%q: %v, but the envelope goes to %q", address, err, e.To)
	}
	if strings.ContainsAny(e.To, "<> \r\n\x00,;") || strings.Count(e.To, "@") > 1 {
		t.Errorf("envelope to %q", e.To)
	}
	if e.SMTPUTF8 == ascii(e.To) {
		t.Errorf("SMTPUTF8 %v for %q", e.SMTPUTF8, e.To)
	}
}

// FuzzQuotedPrintable wants every text back as it was, however it is cut at
// places.
func FuzzQuotedPrintable(f *testing.F) {
	for _, s := range []string{"", "a", ".", "\n.\n..", "From me\nFrom you", "a \nb\t\n ", strings.Repeat("x", 75) + ".", strings.Repeat("長", 60), "=", "\r", strings.Repeat(" ", 80), "\xff\xc3", strings.Repeat("a", 75) + "From "} {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		var q quoted
		out := q.append(nil, a)
		out = q.breakLine(out)
		out = append(out, (new(quoted)).append(nil, b)...)
		out = append(out, "=\r\n"...)
		out = q.append(out, a+"\n")
		for line := range strings.SplitSeq(string(out), "\r\n") {
			if strings.HasPrefix(line, ".") {
				t.Fatalf("a line begins with a dot: %q", line)
			}
		}
		got, err := decodeQuoted(string(out))
		if want := a + b + a + "\n"; err != nil || got != want {
			t.Fatalf("%q came back as %q, %v", want, got, err)
		}
	})
}

// FuzzHeaderText wants encoded words of 75 characters at most, and the text
// back.
func FuzzHeaderText(f *testing.F) {
	for _, s := range []string{"plain", "=?utf-8?q?x?=", strings.Repeat("ü", 100), strings.Repeat("word ", 50), strings.Repeat("w", 200), `"q" \`, "😀", "a  b"} {
		f.Add(s, uint8(9))
	}
	for i := range 12 {
		f.Add(strings.Repeat("x", 36+i)+"üüü"+strings.Repeat("y", 60), uint8(9)) // the end of a word falls within ü
	}
	f.Fuzz(func(t *testing.T, s string, col uint8) {
		s = digest.PlainLine(s, maxTitle)
		start := int(col) % 11 // "Reply-To: " is the longest
		for what, out := range map[string]string{
			"text":   string(appendUnstructured(nil, start, s)),
			"phrase": string(appendMailbox(nil, start, s, "a@example.org")),
		} {
			for i, line := range strings.Split(out, "\r\n") {
				if i == 0 {
					line = strings.Repeat("x", start) + line
				} else if !strings.HasPrefix(line, " ") || strings.TrimSpace(line) == "" {
					t.Fatalf("%s: a fold of nothing: %q", what, out)
				}
				if len(line) > 78 && s != "" {
					t.Fatalf("%s: a line of %d: %q", what, len(line), line)
				}
			}
			got, err := checkEncodedWords(out)
			if err != nil || !utf8.ValidString(got) {
				t.Fatalf("%s: %q: %v", what, out, err)
			}
			if what == "text" && got != s {
				t.Fatalf("%q came back as %q", s, got)
			}
		}
	})
}
