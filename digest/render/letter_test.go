package render

import (
	"bytes"
	"net/mail"
	"os"
	"strings"
	"testing"
	"time"

	"courant/digest"
)

// letterFields are the header fields of a letter, in order.
var letterFields = []string{"From", "To", "Reply-To", "Subject", "Date", "Message-ID", "MIME-Version", "Auto-Submitted", "Feedback-ID", "Content-Type"}

func testLetter(kind digest.LetterKind, language string) digest.Letter {
	l := digest.Letter{ID: 77, Kind: kind, Address: "ada@example.org", Language: language, KeyID: 1, MadeAt: time.Date(2026, 3, 3, 6, 0, 3, 0, time.UTC)}
	if kind == digest.LetterConfirm {
		l.SignUps = []digest.SignUp{{List: "readers", Digests: []string{"morning", "evening"}}}
	}
	return l
}

func letterRenderer(t testing.TB, shape ...func(*Config)) *Renderer {
	t.Helper()
	c := testConfig()
	c.Titles = map[string]string{"morning": "Morning Brief", "evening": "The Evening <Paper> & more"}
	for _, f := range shape {
		f(&c)
	}
	return newRenderer(t, c)
}

func TestLettersRenderAsTheyDid(t *testing.T) {
	t.Parallel()
	r := letterRenderer(t)
	if err := os.MkdirAll("testdata/letters", 0o755); err != nil {
		t.Fatal(err)
	}
	for _, lang := range []string{"en", "de", "fr", "es", "pt", "ar"} {
		for _, kind := range digest.LetterKinds() {
			text, err := r.Letter(testLetter(kind, lang))
			if err != nil {
				t.Fatal(err)
			}
			if kind == digest.LetterConfirm || lang == "en" {
				golden(t, "letters/"+string(kind)+"."+lang+".eml", text)
			}
			p := mustParseWith(t, text, letterFields)
			for name, part := range map[string]string{"text": p.text, "html": p.html} {
				if strings.Contains(part, "mail.letter") || strings.Contains(part, "{") && name == "text" {
					t.Errorf("%s in %s: the %s part lacks a text:\n%s", kind, lang, name, part)
				}
				if link := "https://news.example.com" + kind.Path(); !strings.Contains(part, link) {
					t.Errorf("%s in %s: the %s part has no %s", kind, lang, name, link)
				}
			}
		}
	}
}

func TestLetterSaysThatAProgramWroteItAndIsNoList(t *testing.T) {
	t.Parallel()
	text, err := letterRenderer(t).Letter(testLetter(digest.LetterConfirm, ""))
	if err != nil {
		t.Fatal(err)
	}
	m, err := mail.ReadMessage(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"Auto-Submitted": "auto-generated", "To": "ada@example.org", "Date": "Tue, 3 Mar 2026 06:00:03 +0000", "Feedback-ID": "confirm:letter:courant",
		"List-Unsubscribe": "", "List-Unsubscribe-Post": "", "List-Id": "", "Precedence": "", "Reply-To": "desk@example.com",
	} {
		if got := m.Header[name]; len(got) > 1 || m.Header.Get(name) != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	p := mustParseWith(t, text, letterFields)
	for _, line := range strings.Split(string(text), "\r\n") {
		if len(line) > 160 && !strings.HasPrefix(line, "Message-ID") && !strings.HasPrefix(line, "From") || strings.HasPrefix(line, ".") {
			t.Errorf("line %q", line)
		}
	}
	if !strings.Contains(p.html, "The Evening &lt;Paper&gt; &amp; more") || !strings.Contains(p.text, "- The Evening <Paper> & more") {
		t.Error("titles are not told")
	}
}

// TestLetterTellsNothingThatWasTyped: a form must be no way to write to strangers.
func TestLetterTellsNothingThatWasTyped(t *testing.T) {
	t.Parallel()
	l := testLetter(digest.LetterConfirm, "en")
	l.SignUps = append(l.SignUps, digest.SignUp{List: "typed", Zone: "typed", Categories: []string{"typed"}, How: "typed", Text: "typed"})
	text, err := letterRenderer(t).Letter(l)
	if err != nil {
		t.Fatal(err)
	}
	if p := mustParseWith(t, text, letterFields); strings.Contains(p.html+p.text, "typed") {
		t.Error("what was typed stands in the mail")
	}
}

func TestLetterGoesToNoAddressThatBreaksOut(t *testing.T) {
	t.Parallel()
	r := letterRenderer(t)
	for _, address := range []string{"", "a@b\r\nBcc: x@y.org", "<a@b.org>", "a b@c.org", "a@b.org, c@d.org"} {
		l := testLetter(digest.LetterConfirm, "en")
		l.Address = address
		if _, err := r.Letter(l); err == nil {
			t.Errorf("a letter to %q was made", address)
		}
		if to := r.LetterEnvelope(l).To; to != "" {
			t.Errorf("%q went into the envelope as %q", address, to)
		}
	}
}

func TestLetterIsTheSameOnEveryTry(t *testing.T) {
	t.Parallel()
	r := letterRenderer(t, func(c *Config) { c.ReturnPath = "bounces.example.com" })
	l := testLetter(digest.LetterManage, "de")
	first, err := r.Letter(l)
	if err != nil {
		t.Fatal(err)
	}
	l.Attempts, l.Fence = 3, 9
	if again, err := r.Letter(l); err != nil || !bytes.Equal(first, again) {
		t.Errorf("the second try differs, %v", err)
	}
	from := r.LetterEnvelope(l).From
	if !strings.HasPrefix(from, "bounce+") || !strings.HasSuffix(from, "@bounces.example.com") || strings.IndexByte(from, '@') > 64 {
		t.Errorf("the sender is %s", from)
	}
	// A report to it must not be taken for that of a delivery.
	if ref, err := r.c.Keys.ParseReturnPath(from); err == nil {
		t.Errorf("a letter's return path names delivery %+v", ref)
	}
}
