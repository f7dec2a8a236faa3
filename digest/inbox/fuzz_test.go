package inbox

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

// seed adds reports about mail, as odd as they come, and small broken mails.
func seed(f *testing.F) {
	f.Helper()
	names, err := filepath.Glob("../receive/testdata/*.eml")
	if err != nil || len(names) == 0 {
		f.Fatalf("no returned mails to begin with: %v", err)
	}
	for _, name := range names {
		raw, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		if len(raw) < 6000 { // a longer one takes the fuzzer a minute to make smaller
			f.Add(raw)
		}
	}
	for _, raw := range []string{
		"", ":", "\r\n", "a:\r\n b", "Content-Type: multipart/x; boundary=\"\"\r\n\r\n--\r\n--\r\n",
		"Content-Type: multipart/x; boundary=a\r\n\r\n--a", "Content-Type: multipart/x; boundary=a\r\n\r\n--a\r\n--a\r\n--a--",
		"Content-Type: text/html\r\n\r\n<style>@media (prefers-color-scheme:dark){:root{color-scheme:light dark}}</style><img src=cid:a><a target=x>",
		"Subject: =?utf-8?q?=?=\r\nList-Unsubscribe: <<>\r\nContent-Disposition: ;;;\r\n\r\n",
	} {
		f.Add([]byte(raw))
	}
}

func FuzzAnyBytesMakeAPage(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, raw []byte) {
		m := readMessage(raw)
		if n := count(&m.part); n > maxParts+1 {
			t.Fatalf("%d parts were read", n)
		}
		box := Box{Title: "t", Mails: func() []Mail { return []Mail{{ID: "m", Raw: raw}} }}
		h, err := box.handler()
		if err != nil {
			t.Fatal(err)
		}
		for _, view := range []string{"", viewHTML, viewText, viewSource, viewHeaders} {
			p := h.newPage("./", box.Mails(), look{View: view, Scheme: schemeDark})
			h.choose(&p, box.Mails()[0])
			var b strings.Builder
			if err := h.page.ExecuteTemplate(&b, "page.html", p); err != nil {
				t.Fatal(err)
			}
			if s := b.String(); !utf8.ValidString(s) || strings.Count(s, "<script") != 1 || strings.Count(s, "<iframe") > 1 {
				t.Fatalf("the page is %q", s)
			}
		}
	})
}

func FuzzFrameKeepsItsBase(f *testing.F) {
	for _, text := range []string{"", "<", "<html><head>", "<!doctype html><style>@media(prefers-color-scheme:dark){", "<a target=b", "<meta name=color-scheme content='light dark'>", "<svg><style/></svg><title>", "<plaintext><base>", "<svg><title><link rel=a>", "<<link>link >", "<!--<iframe >", "<p a='<object\n>'>"} {
		f.Add(text, true)
	}
	f.Fuzz(func(t *testing.T, text string, dark bool) {
		l := look{Scheme: schemeLight}
		if dark {
			l.Scheme = schemeDark
		}
		page, _ := framed(text, l, noPicture)
		if !strings.Contains(page, `<base target="_blank">`) || len(page) > 6*len(text)+100 {
			t.Fatalf("%q became %q", text, page)
		}
		// Wherever a browser may find a tag, it finds none of these.
		for _, name := range []string{"<link ", "<link>", "<link/", "<iframe ", "<object\n", "<frame\t", "<embed "} {
			if strings.Contains(strings.ToLower(page), name) {
				t.Fatalf("%q became %q", text, page)
			}
		}
	})
}
