package lint_test

import (
	"bytes"
	"mime/quotedprintable"
	"os"
	"slices"
	"strings"
	"testing"

	"courant/digest/lint"
)

// draft is a mail before it's put together.
type draft struct{ head, text, html string }

func good(t testing.TB) draft {
	t.Helper()
	read := func(name string) string {
		b, err := os.ReadFile("testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	return draft{read("good.head"), read("good.txt"), read("good.html")}
}

// mail puts a draft together.
func (d draft) mail(t testing.TB) string {
	t.Helper()
	const boundary = "=_0123456789abcdef"
	var out strings.Builder
	out.WriteString(strings.ReplaceAll(d.head, "\n", "\r\n"))
	out.WriteString("Content-Type: multipart/alternative; boundary=\"" + boundary + "\"\r\n\r\n")
	for _, p := range []struct{ kind, text string }{{"text/plain", d.text}, {"text/html", d.html}} {
		out.WriteString("--" + boundary + "\r\nContent-Type: " + p.kind + "; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n")
		w := quotedprintable.NewWriter(&out)
		if _, err := w.Write([]byte(p.text)); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		out.WriteString("\r\n")
	}
	out.WriteString("--" + boundary + "--\r\n")
	return out.String()
}

func options() lint.Options {
	return lint.Options{PostalAddress: "1 Example Street, Example City", Reason: "You get Morning Brief, weekdays at 07:00 (Berlin), since 3 March 2026."}
}

func TestGoodMailHasNoFindings(t *testing.T) {
	t.Parallel()
	for _, f := range lint.Mail([]byte(good(t).mail(t)), options()) {
		t.Errorf("%+v", f)
	}
	for _, f := range lint.Page([]byte(good(t).html), lint.Options{}) {
		t.Errorf("%+v", f)
	}
}

// mutation breaks one rule and no other. In the place named it replaces what
// is there, once or wherever it stands.
type mutation struct {
	rule string
	in   string // head, text, html or raw
	old  string
	new  string
	also string // a rule that cannot but break as well
}

const (
	page  = "https://news.example.com/p/AQFw7wcp109V1FJihjvfV_I7kmdKag"
	story = "https://harbour-gazette.example/2026/03/2"
)

func mutations() []mutation {
	return []mutation{
		{rule: "header-syntax", in: "head", old: "Precedence: bulk\n", new: "Precedence: bulk\nno field\n"},
		{rule: "header-syntax", in: "head", old: "Reply-To: desk@example.com", new: "Reply-To: desk@example.com\x01", also: "header-address"},
		{rule: "header-once", in: "head", old: "Precedence: bulk\n", new: "Precedence: bulk\nFrom: Eve <eve@example.com>\n"},
		{rule: "header-once", in: "head", old: "Precedence: bulk\n", new: "Precedence: bulk\nPrecedence: bulk\n"},
		{rule: "header-once", in: "head", old: "Date: Tue, 3 Mar 2026 07:00:03 +0100\n", new: ""},
		{rule: "header-foreign", in: "head", old: "Precedence: bulk\n", new: "Precedence: bulk\nBcc: victim@example.net\n"},
		{rule: "header-ascii", in: "head", old: "Subject: Morning", new: "Subject: Mörning"},
		{rule: "header-address", in: "head", old: "From: Example News <news@example.com>", new: "From: Example News <news@example.com"},
		{rule: "header-address", in: "head", old: "To: Ada Lovelace <ada@example.org>", new: "To: a@example.org, b@example.org"},
		{rule: "header-date", in: "head", old: "Tue, 3 Mar 2026 07:00:03 +0100", new: "tomorrow"},
		{rule: "message-id", in: "head", old: "<aeaw33yhfekolipcehjaefv5npocy463prza@example.com>", new: "aeaw@example.com"},
		{rule: "subject-empty", in: "head", old: "Subject: Morning Brief: Harbour town votes to rebuild its old lighthouse", new: "Subject: =?utf-8?q?_?="},
		{rule: "encoded-word", in: "head", old: "Subject: Morning Brief", new: "Subject: =?utf-8?q?Gr=C3?=\n =?utf-8?q?=BC=C3=9Fe?="},
		{rule: "encoded-word", in: "head", old: "Subject: Morning Brief: Harbour town votes to rebuild its old lighthouse", new: "Subject:\n =?utf-8?q?" + strings.Repeat("a", 70) + "?=", also: "line-over-76"},
		{rule: "encoded-word", in: "head", old: "Subject: Morning Brief: Harbour", new: "Subject: =?x-unknown?q?a?="},
		{rule: "list-unsubscribe", in: "head", old: "<https://news.example.com/u/AQFv7wcpYJ2ZZVqjYKBo8Etq3o_XCg>, ", new: "", also: "unsubscribe-link"},
		{rule: "list-unsubscribe", in: "head", old: "_XCg>, <mailto", new: "_XCg>,\n <mailto"},
		{rule: "list-unsubscribe-post", in: "head", old: "List-Unsubscribe=One-Click", new: "one-click"},
		{rule: "list-unsubscribe-post", in: "head", old: "List-Unsubscribe-Post: List-Unsubscribe=One-Click\n", new: ""},
		{rule: "list-id", in: "head", old: "<morning.example.com>", new: "morning"},
		{rule: "list-id", in: "head", old: "List-Id: Morning Brief <morning.example.com>\n", new: ""},
		{rule: "precedence", in: "head", old: "Precedence: bulk", new: "Precedence: junk"},
		{rule: "feedback-id", in: "head", old: "e41:morning", new: "e41:ada:morning"},
		{rule: "auto-submitted", in: "head", old: "Precedence: bulk\n", new: "Precedence: bulk\nAuto-Submitted: auto-generated\n", also: "header-foreign"},
		{rule: "mime-version", in: "head", old: "MIME-Version: 1.0", new: "MIME-Version: 2.0"},
		{rule: "line-ends", in: "raw", old: "Precedence: bulk\r\n", new: "Precedence: bulk\n"},
		{rule: "line-over-998", in: "head", old: "Archived-At: <https://news.example.com/", new: "Archived-At: <https://news.example.com/" + strings.Repeat("a", 990)},
		{rule: "line-over-76", in: "head", old: "lighthouse\n", new: "lighthouse, and to light it again\n"},
		{rule: "line-over-76", in: "raw", old: "WORLD", new: strings.Repeat("W", 77), also: "text-columns"},
		{rule: "eight-bit", in: "raw", old: "Gr=C3=BC=C3=9Fe vom", new: "Grüße vom"},
		{rule: "mail-size", in: "raw", old: "--=_0123456789abcdef--\r\n", new: "--=_0123456789abcdef--\r\n" + strings.Repeat("a\r\n", 4<<20/3)},

		{rule: "multipart", in: "raw", old: "multipart/alternative", new: "multipart/mixed"},
		{rule: "multipart", in: "raw", old: "Content-Type: text/plain", new: "Content-Type: text/enriched"},
		{rule: "charset", in: "raw", old: "text/plain; charset=utf-8", new: "text/plain; charset=iso-8859-1"},
		{rule: "charset", in: "raw", old: "Gr=C3=BC=C3=9Fe vom", new: "Gr=FC=C3=9Fe vom", also: "parity-titles"},
		{rule: "transfer-encoding", in: "raw", old: "Content-Transfer-Encoding: quoted-printable", new: "Content-Transfer-Encoding: 8bit", also: "*"},
		{rule: "empty-part", in: "text", old: "*", new: "\n"},
		{rule: "empty-part", in: "html", old: "<body class", new: "<body hidden class", also: "*"},
		{rule: "unresolved-tag", in: "text", old: "Work begins in May.", new: "Work begins in {{.Month}}.", also: "parity-points"},
		{rule: "unresolved-tag", in: "html", old: `alt="The lamp"`, new: `alt="%!s(MISSING)"`},
		{rule: "unresolved-tag", in: "html", old: "<p>You get", new: "<p>&lt;no value&gt; You get"},
		{rule: "unresolved-tag", in: "html", old: "color:#5c574f;", new: "color:ZgotmplZ;", also: "colour-unknown"},
		{rule: "unresolved-tag", in: "html", old: ".side { padding", new: ".ZgotmplZ { padding"},
		{rule: "unresolved-tag", in: "html", old: "<p>You get", new: "<p>&lt;ABCDEFGHIJKLMNOPQRSTUVWXYZ=u; You get"},
		{rule: "unresolved-tag", in: "head", old: "Brief: Harbour", new: "Brief: {{.Lead}}"},
		{rule: "no-link", in: "html", old: "href=", new: "title=", also: "*"},
		{rule: "unsubscribe-link", in: "html", old: `<a href="` + page + `"`, new: `<a style="display:none" href="` + page + `"`},
		{rule: "unsubscribe-link", in: "text", old: page + "\n", new: "\n", also: "parity-links"},
		{rule: "unsubscribe-top", in: "html", old: `<p><a href="` + page + `" style="color:#5c574f;">Unsubscribe</a></p>`, new: ""},
		{rule: "unsubscribe-top", in: "text", old: page + "\n\nWORLD", new: "\nWORLD"},
		{rule: "unsubscribe-bottom", in: "html", old: `<a href="` + page + `" style="color:#1b1a18;">Unsubscribe</a>`, new: ""},
		{rule: "unsubscribe-bottom", in: "text", old: page + "\n\n1 Ex", new: "\n1 Ex"},
		{rule: "view-link", in: "html", old: `<a href="https://news.example.com/v/AQF27wcp8HpenRZrAh4pjSjWz1y8mA" style="color:#1b1a18;">View in browser</a>`, new: ""},
		{rule: "view-link", in: "text", old: "https://news.example.com/v/AQF27wcp8HpenRZrAh4pjSjWz1y8mA\n", new: "", also: "parity-links"},
		{rule: "postal-address", in: "html", old: "1 Example Street", new: "somewhere"},
		{rule: "postal-address", in: "text", old: "1 Example Street", new: "somewhere"},
		{rule: "reason", in: "html", old: "You get Morning Brief", new: "Read this"},
		{rule: "text-columns", in: "text", old: "You get Morning Brief", new: "You get " + strings.Repeat("朝刊", 10) + " Morning Brief"},
		{rule: "text-url-alone", in: "text", old: "Read more at harbour-gazette.example:\n" + story, new: "Read more: " + story},
		{rule: "parity-titles", in: "text", old: "Grüße vom Leuchtturm\n", new: ""},
		{rule: "parity-points", in: "text", old: "- Work begins in May.\n", new: ""},
		{rule: "parity-links", in: "text", old: story, new: "https://harbour-gazette.example/2026/03/3"},
		{rule: "parity-links", in: "text", old: story + "\n", new: story + "\nhttps://harbour-gazette.example/another\n"},
		{rule: "parity-links", in: "text", old: page + "#choices\n", new: ""},

		{rule: "html-size-warning", in: "html", old: "</body>", new: "<!-- " + strings.Repeat("a", 80_000) + " --></body>"},
		{rule: "html-size", in: "html", old: "</body>", new: "<!-- " + strings.Repeat("a", 100_000) + " --></body>"},
		{rule: "html-doctype", in: "html", old: "<!DOCTYPE html>\n", new: ""},
		{rule: "html-lang", in: "html", old: ` lang="en"`, new: ""},
		{rule: "html-dir", in: "html", old: ` dir="ltr"`, new: ""},
		{rule: "html-title", in: "html", old: "<title>Morning Brief</title>", new: "<title> </title>"},
		{rule: "html-nesting", in: "html", old: "</ul>", new: ""},
		{rule: "html-nesting", in: "html", old: "</h1>", new: "</h1></b>"},
		{rule: "html-nesting", in: "html", old: "<p>You get", new: strings.Repeat("<span>", 201) + strings.Repeat("</span>", 201) + "<p>You get"},
		{rule: "text-dir", in: "html", old: `<td dir="auto"`, new: `<td`},
		{rule: "script", in: "html", old: "</body>", new: "<script>alert(1)</script></body>"},
		{rule: "script", in: "html", old: "<h1 ", new: `<h1 onclick="alert(1)" `},
		{rule: "script", in: "html", old: "</body>", new: `<a href=" JavaScript:alert(1)">x</a></body>`, also: "contrast-dark"},
		{rule: "script", in: "html", old: "font-size:46px;", new: "font-size:46px;width:expression(alert(1));"},
		{rule: "element-forbidden", in: "html", old: "</body>", new: "<form></form></body>"},
		{rule: "element-forbidden", in: "html", old: "</title>", new: `</title><link rel="stylesheet" href="https://a.example/s.css">`},
		{rule: "element-forbidden", in: "html", old: "</title>", new: `</title><meta http-equiv="Refresh" content="0;url=https://a.example/">`},
		{rule: "css-syntax", in: "html", old: "  .ink, .ink a { color: #ece7df !important; }\n}\n", new: "  .ink, .ink a { color: #ece7df !important; }\n"},
		{rule: "css-remote", in: "html", old: "<style>\n", new: "<style>\n@import url(https://a.example/s.css);\n"},
		{rule: "css-remote", in: "html", old: "<style>\n", new: "<style>\n@font-face { font-family: A; }\n"},
		{rule: "css-remote", in: "html", old: "font-size:46px;", new: "font-size:46px;background:none url(https://a.example/b.png);"},
		{rule: "css-layout", in: "html", old: "font-size:46px;", new: "font-size:46px;display:flex;"},
		{rule: "css-layout", in: "html", old: "font-size:46px;", new: "font-size:46px;position:absolute;"},
		{rule: "css-layout", in: "html", old: "font-size:46px;", new: "font-size:46px;width:var(--wide);"},
		{rule: "css-layout", in: "html", old: ".side { padding-left", new: ".side { float: left; padding-left"},
		{rule: "style-size", in: "html", old: "<style>\n", new: "<style>\n" + strings.Repeat(".a { margin: 0; }\n", 500)},
		{rule: "colour-unknown", in: "html", old: "color:#5c574f;", new: "color:papayawhip;"},
		{rule: "contrast", in: "html", old: "color:#5c574f;", new: "color:#999;"},
		{rule: "contrast", in: "html", old: "font-size:46px;", new: "font-size:46px;color:rgba(0,0,0,.4);", also: "contrast-dark"},
		{rule: "contrast-dark", in: "html", old: "  .ink, .ink a {", new: "  .ink {"},
		{rule: "dark-mode", in: "html", old: "prefers-color-scheme: dark", new: "prefers-color-scheme: light"},
		{rule: "long-word", in: "html", old: `class="side ink" style="color:#1b1a18;word-break:break-word;"`, new: `class="side ink" style="color:#1b1a18;"`},
		{rule: "long-word", in: "html", old: "table-layout:fixed;", new: ""},
		{rule: "table-role", in: "html", old: `<table role="presentation" width="100%"`, new: `<table width="100%"`},
		{rule: "mso-balance", in: "html", old: "<!--[if mso]></td></tr></table><![endif]-->", new: ""},
		{rule: "mso-balance", in: "html", old: "<!--[if mso]></td></tr></table><![endif]-->", new: "<!--[if mso]></td></tr></table>-->"},
		{rule: "mso-balance", in: "html", old: "<!--[if mso]></td></tr></table><![endif]-->", new: "<!--[if mso]></tr></td></table><![endif]-->"},
		{rule: "mso-balance", in: "html", old: "<p>You get", new: "<!--[if !mso]><!--><p>You get"},
		{rule: "mso-balance", in: "html", old: "<p>You get", new: "<!--<![endif]--><p>You get"},
		{rule: "mso-missing", in: "html", old: "[if mso]", new: "", also: "*"},
		{rule: "image-alt", in: "html", old: ` alt="The lamp"`, new: ""},
		{rule: "image-width", in: "html", old: ` width="520"`, new: ""},
		{rule: "image-source", in: "html", old: `src="https://harbour-gazette.example/lamp.jpg"`, new: `src="/lamp.jpg"`},
		{rule: "image-source", in: "html", old: ` width="520"`, new: ` width="520" srcset="https://a.example/b 2x"`},
		{rule: "open-pixel", in: "html", old: ` width="520"`, new: ` width="1" height="1"`},
		{rule: "open-pixel", in: "html", old: ` width="520"`, new: ` width="520" style="display:none"`},
		{rule: "css-escape", in: "html", old: "font-size:46px;", new: `font-size:46\px;`},
		{rule: "css-escape", in: "html", old: ".side { padding", new: `.s\69 de { padding`},
		{rule: "css-remote", in: "html", old: "font-size:46px;", new: `font-size:46px;background:u\72l(https://a.example/b.png);`, also: "css-escape"},
		{rule: "css-remote", in: "html", old: "font-size:46px;", new: `font-size:46px;background:u/* */rl(https://a.example/b.png);`},
		{rule: "css-remote", in: "html", old: "font-size:46px;", new: `font-size:46px;background:src("https://a.example/b.png");`},
		{rule: "css-remote", in: "html", old: "font-size:46px;", new: `font-size:46px;background:-webkit-image-set("https://a.example/b.png" 1x);`},
		{rule: "css-remote", in: "html", old: "<style>\n", new: "<style>\n@\\69mport 'https://a.example/s.css';\n", also: "css-escape"},
		{rule: "css-remote", in: "html", old: "</style>\n", new: "@import 'https://a.example/s.css'</style>\n"},
		{rule: "css-remote", in: "html", old: "<style>\n", new: "<style>\n@layer a { .b { background: url(https://a.example/s.png); } }\n"},
		{rule: "css-remote", in: "html", old: "<p>You get", new: `<v:fill src="https://a.example/b.png"/><p>You get`, also: "html-nesting"},
		{rule: "css-layout", in: "html", old: "font-size:46px;", new: `font-size:46px;display:fl\65x;`, also: "css-escape"},
		{rule: "element-forbidden", in: "html", old: `<img src`, new: `<picture><source srcset="https://a.example/b.png"></picture><img src`},
		{rule: "element-forbidden", in: "html", old: "</body>", new: `<noscript><img src="https://a.example/b.png"></noscript></body>`},
		{rule: "image-plain", in: "html", old: `src="https://harbour`, new: `src="http://harbour`},
		{rule: "open-pixel", in: "html", old: `src="https://harbour-gazette.example/lamp.jpg"`, new: `src="https://news.example.com/v/AQF27wcp8HpenRZrAh4pjSjWz1y8mA"`},
		{rule: "open-pixel", in: "html", old: `src="https://harbour-gazette.example/lamp.jpg"`, new: `src="https://a.example/b.png?r=AQF27wcp8HpenRZrAh4pjSjWz1y8mA"`},
		{rule: "open-pixel", in: "html", old: `src="https://harbour-gazette.example/lamp.jpg"`, new: `src="https://a.example/b.png?to=Ada%40example.org"`},
		{rule: "open-pixel", in: "html", old: ` width="520"`, new: ` width="520" style="width:.1em"`},
		{rule: "open-pixel", in: "html", old: ` width="520"`, new: ` width="520" style="height:.1%"`},
		{rule: "open-pixel", in: "html", old: "<style>\n", new: "<style>\nimg { opacity: 0.01; }\n"},
		{rule: "open-pixel", in: "html", old: "<style>\n", new: "<style>\nh3 + img { width: 1px; }\nimg:not(.x) { display: none; }\n"},
		{rule: "open-pixel", in: "html", old: `<img src`, new: `<div style="height:0;overflow:hidden"><img src="https://a.example/b.png" alt="" width="9"></div><img src`},
		{rule: "open-pixel", in: "html", old: "<!--[if mso]><table", new: `<!--[if mso]><img src="https://a.example/b.png" alt="" width="1"><table`},
		{rule: "open-pixel", in: "html", old: "<!--[if mso]><table", new: `<!--[if gte mso 9]><img src="` + page + `" alt="Ship" width="200"><![endif]--><!--[if mso]><table`},
		{rule: "image-source", in: "html", old: "<!--[if mso]><table", new: `<!--[if mso]><img src="cid:1" alt="" width="100"><table`},
		{rule: "css-remote", in: "html", old: "<!--[if mso]><table", new: `<!--[if mso]><v:image src="https://a.example/b.png"/><table`},
		{rule: "css-remote", in: "html", old: "<!--[if mso]><style>", new: `<!--[if mso]><style>@import "https://a.example/s.css";`},
		{rule: "css-remote", in: "html", old: "<!--[if mso]><style>", new: `<!--[if mso]><style>td{background:url(https://a.example/s.png)}`},
		{rule: "element-forbidden", in: "html", old: "<!--[if mso]><table", new: `<!--[if mso]><form></form><table`},
		{rule: "script", in: "html", old: "<!--[if mso]><table", new: `<!--[if mso]><a href="vbscript:x">x</a><table`},
		{rule: "link-scheme", in: "html", old: "<!--[if mso]><table", new: `<!--[if mso]><v:rect href="ftp://a.example/"></v:rect><table`},
		{rule: "tracked-link", in: "html", old: "<!--[if mso]><table", new: `<!--[if mso]><a href="https://a.example/?who=ada@example.org">x</a><table`},
		{rule: "tracked-link", in: "html", old: `<a href="` + story + `"`, new: `<a ping="https://a.example/" href="` + story + `"`},
		{rule: "tracked-link", in: "html", old: `"` + story + `"`, new: `"https://news.example.com/click?to=https%3A%2F%2Fharbour-gazette.example%2F2026"`, also: "parity-links"},
		{rule: "tracked-link", in: "html", old: `"` + story + `"`, new: `"` + story + `?who=ada%40example.org"`, also: "parity-links"},
		{rule: "link-scheme", in: "html", old: "<p>You get", new: `<p><a href="ftp://a.example/" style="color:inherit">x</a> You get`},
		{rule: "link-scheme", in: "html", old: "<p>You get", new: `<p><a href="mailto:nobody" style="color:inherit">x</a> You get`},
		{rule: "link-scheme", in: "html", old: "<p>You get", new: `<p><a href="tel:call-me" style="color:inherit">x</a> You get`},
		{rule: "link-scheme", in: "html", old: `"` + story + `"`, new: `"https://me:secret@harbour-gazette.example/2026/03/2"`, also: "parity-links"},
		{rule: "link-relative", in: "html", old: "<p>You get", new: `<p><a href="/about" style="color:inherit">x</a> You get`},
		{rule: "link-relative", in: "html", old: "<p>You get", new: `<p><a href="//a.example/b" style="color:inherit">x</a> You get`},
		{rule: "link-target", in: "html", old: "<p>You get", new: `<p><a href="#nowhere" style="color:inherit">x</a> You get`},
		{rule: "link-text", in: "html", old: "Grüße vom Leuchtturm</a>", new: "</a>Grüße vom Leuchtturm"},
	}
}

func (m mutation) apply(t *testing.T, d draft) string {
	t.Helper()
	change := func(s string) string {
		if m.old == "*" {
			return m.new
		}
		if !strings.Contains(s, m.old) {
			t.Fatalf("%s: %q is not in the good mail", m.rule, m.old)
		}
		return strings.ReplaceAll(s, m.old, m.new)
	}
	switch m.in {
	case "head":
		d.head = change(d.head)
	case "text":
		d.text = change(d.text)
	case "html":
		d.html = change(d.html)
	case "raw":
		return change(d.mail(t))
	}
	return d.mail(t)
}

func TestEachRuleIsSeenWhenItIsBrokenAlone(t *testing.T) {
	t.Parallel()
	broken := map[string]bool{}
	for _, m := range mutations() {
		broken[m.rule] = true
		name := m.rule + " " + m.in + " " + m.new[:min(len(m.new), 30)]
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			seen := false
			for _, f := range lint.Mail([]byte(m.apply(t, good(t))), options()) {
				if f.Rule != m.rule && f.Rule != m.also && m.also != "*" {
					t.Errorf("%+v", f)
				}
				if f.Rule == m.rule {
					seen = true
				}
				if f.Finding == "" || f.Advice == "" || f.Severity == "" || f.Part == "" {
					t.Errorf("says too little: %+v", f)
				}
			}
			if !seen {
				t.Error("not seen")
			}
		})
	}
	for _, r := range lint.Rules() {
		if !broken[r.Name] {
			t.Errorf("no mail breaks %s", r.Name)
		}
	}
}

func TestWayOutReasonAndAddressMustBeSeen(t *testing.T) {
	t.Parallel()
	const link, top, foot = `<a href="` + page + `" style="color:#1b1a18;">Unsubscribe</a>`, `<p><a href="` + page + `" style="color:#5c574f;">Unsubscribe</a></p>`, `<p>You get`
	// How words are hidden: by a style of their own, or by a rule.
	ways := []string{
		"opacity:0", "opacity:.01", "font-size:0", "font-size:1px", "font-size:.01em", "font:0/0 serif", "height:0;overflow:hidden", "max-height:0", "visibility:hidden",
		"text-indent:-9999px", "color:transparent", "color:#ffffff", "color:#f5f5f5", "color:rgba(0,0,0,.02)", "position:absolute;left:-9999px", "display:none",
		"transform:scale(0)", "clip-path:inset(100%)", "mso-hide:all", `display:n\6fne`, "display:no/**/ne",
	}
	check := func(name, html, rule string) {
		t.Helper()
		d := good(t)
		d.html = html
		for _, only := range []bool{false, true} {
			o := options()
			o.ErrorsOnly = only
			if !slices.ContainsFunc(lint.Mail([]byte(d.mail(t)), o), func(f lint.Finding) bool {
				return f.Rule == rule && f.Severity == lint.Error && f.Part == lint.PartHTML
			}) {
				t.Errorf("%s: %s is not seen to be hidden", name, rule)
			}
		}
	}
	html := good(t).html
	if !strings.Contains(html, link) || !strings.Contains(html, top) || !strings.Contains(html, foot) {
		t.Fatal("the good mail is another one")
	}
	for _, style := range ways {
		hidden := strings.NewReplacer(top, "", link, `<a href="`+page+`" style="`+style+`">Unsubscribe</a>`).Replace(html)
		check(style, hidden, "unsubscribe-link")
		check(style, strings.Replace(html, foot, `<p style="`+style+`">You get`, 1), "reason")
		check(style, strings.Replace(html, "<p>1 Ex", `<p style="`+style+`">1 Ex`, 1), "postal-address")
	}
	for name, words := range map[string]string{"nbsp": "&nbsp;", "empty": "", "dot": ".", "zero width": "&#8203;", "inner": `<span style="display:none">Unsubscribe</span>`} {
		check(name, strings.NewReplacer(top, "", link, `<a href="`+page+`">`+words+`</a>`).Replace(html), "unsubscribe-link")
	}
	for _, rule := range []string{
		"a { display: none; }", "@media screen and (max-width: 700px) { .ink a { display: none !important; } }", "@media (min-width: 1px) { td { visibility: hidden; } }",
		"td:not(.x) { display: none; }", `a[href*="/p/"] { opacity: 0; }`, "@supports (color: red) { a { color: #fff !important; } }", "@layer x { a { display: none; } }",
		"@media (prefers-color-scheme: dark) { .ink a { color: #121110 !important; } .ink { background: #121110 !important; } }", "[data-ogsc] a { display: none; }",
		"@media (max-width: 700px) { .ink a { color: #fff !important; } }", "@media (max-width: 700px) { .ink a { font-size: 0 !important; } }",
	} {
		check(rule, strings.Replace(html, "</style>\n", rule+"</style>\n", 1), "unsubscribe-link")
	}
	for _, rule := range []string{"body { display: none; }", "@media (max-width: 9999px) { .ground { display: none !important; } }", "@media (max-width: 600px) { body, td, a, h1 { font-size: 0 !important; } }"} {
		check(rule, strings.Replace(html, "</style>\n", rule+"</style>\n", 1), "empty-part")
	}
}

func TestTwoFootersForTwoScreensAreSeen(t *testing.T) {
	t.Parallel()
	d := good(t)
	const link = `<a href="` + page + `" style="color:#1b1a18;">Unsubscribe</a>`
	d.html = strings.Replace(d.html, link, `<span class="desk">`+link+`</span><span class="phone" style="display:none">`+link+`</span>`, 1)
	d.html = strings.Replace(d.html, "</style>\n", "@media (max-width: 520px) { .desk { display: none !important; } .phone { display: inline !important; } }</style>\n", 1)
	for _, f := range lint.Mail([]byte(d.mail(t)), options()) {
		if f.Severity == lint.Error {
			t.Errorf("%+v", f)
		}
	}
}

func TestErrorsAloneAreTheErrorsOfAll(t *testing.T) {
	t.Parallel()
	for _, m := range mutations() {
		raw := []byte(m.apply(t, good(t)))
		all := lint.Mail(raw, options())
		all = slices.DeleteFunc(all, func(f lint.Finding) bool { return f.Severity != lint.Error })
		o := options()
		o.ErrorsOnly = true
		if got := lint.Mail(raw, o); !slices.Equal(got, all) {
			t.Errorf("%s: errors only gives %+v, all gives %+v", m.rule, got, all)
		}
		if lint.Failed(all) != (len(all) > 0) {
			t.Errorf("%s: Failed says otherwise than %+v", m.rule, all)
		}
	}
}

func TestWordsOfArticlesAreNoTags(t *testing.T) {
	t.Parallel()
	d := good(t)
	const quoted = "How {{.Title}} prints <no value>, %!s(MISSING) and <ABCDEFGHIJKLMNOPQRSTUVWXYZ=u;>"
	d.text = strings.ReplaceAll(d.text, "Work begins in May.", quoted)
	d.html = strings.ReplaceAll(d.html, "Work begins in May.", strings.ReplaceAll(quoted, "<", "&lt;"))
	raw := []byte(d.mail(t))
	if len(lint.Mail(raw, options())) == 0 {
		t.Error("no finding where nobody says that an article brought the words")
	}
	o := options()
	o.GivenUnknown = true
	found := lint.Mail(raw, o)
	if lint.Failed(found) || !slices.ContainsFunc(found, func(f lint.Finding) bool {
		return f.Rule == "unresolved-tag" && f.Severity == lint.Warning && strings.Contains(f.Finding, "article's own words")
	}) {
		t.Errorf("where nobody knows: %+v", found)
	}
	o = options()
	o.Given = []string{quoted}
	for _, f := range lint.Mail(raw, o) {
		if f.Rule != "line-over-76" && f.Rule != "text-columns" {
			t.Errorf("%+v", f)
		}
	}
}

func TestFindingsNameTheLineOfTheDecodedPart(t *testing.T) {
	t.Parallel()
	d := good(t)
	d.html = strings.ReplaceAll(d.html, ` alt="The lamp"`, "")
	want := strings.Count(d.html[:strings.Index(d.html, "<img")], "\n") + 1
	for _, f := range lint.Mail([]byte(d.mail(t)), options()) {
		if f.Part != lint.PartHTML || f.Line != want {
			t.Errorf("part %s line %d, want %s %d", f.Part, f.Line, lint.PartHTML, want)
		}
	}
	d = good(t)
	d.html = strings.ReplaceAll(d.html, ".ink, .ink a {", ".ink, .ink a { position: fixed;")
	want = strings.Count(d.html[:strings.Index(d.html, "position")], "\n") + 1
	for _, f := range lint.Mail([]byte(d.mail(t)), options()) {
		if f.Line != want {
			t.Errorf("line %d of the style, want %d", f.Line, want)
		}
	}
}

func TestHTTPIsForLoopbackOnly(t *testing.T) {
	t.Parallel()
	for base, ok := range map[string]bool{"http://127.0.0.1:8080": true, "http://localhost": true, "http://[::1]:80": true, "http://news.example.com": false} {
		d := good(t)
		d.head = strings.ReplaceAll(d.head, "https://news.example.com", base)
		d.text = strings.ReplaceAll(d.text, "https://news.example.com", base)
		d.html = strings.ReplaceAll(d.html, "https://news.example.com", base)
		got := lint.Mail([]byte(d.mail(t)), options())
		if ok != (len(got) == 0) || !ok && (len(got) != 1 || got[0].Rule != "list-unsubscribe") {
			t.Errorf("%s: %+v", base, got)
		}
	}
}

func TestReceivedMailIsNotJudgedByWhatOthersPutOnTop(t *testing.T) {
	t.Parallel()
	top := "Return-Path: <news@example.com>\r\nReceived: from a by b; Tue, 3 Mar 2026 07:00:05 +0100\r\n" +
		"Received: from c by d; Tue, 3 Mar 2026 07:00:04 +0100\r\nAuthentication-Results: mx; dkim=pass\r\n" +
		"DKIM-Signature: v=1; a=rsa-sha256; b=abc\r\nDKIM-Signature: v=1; a=ed25519-sha256; b=abc\r\n"
	raw := good(t).mail(t)
	for _, f := range lint.Mail([]byte(top+raw), options()) {
		t.Errorf("%+v", f)
	}
	below := strings.Replace(raw, "Precedence: bulk\r\n", "Precedence: bulk\r\nReceived: from a by b\r\n", 1)
	if got := lint.Mail([]byte(below), options()); len(got) != 1 || got[0].Rule != "header-foreign" {
		t.Errorf("a trace field among ours: %+v", got)
	}
}

func TestWhatOthersSendIsUnderstood(t *testing.T) {
	t.Parallel()
	d := good(t)
	d.head = strings.ReplaceAll(d.head, "https://news.example.com/u/AQFv7wcpYJ2ZZVqjYKBo8Etq3o_XCg", "https://lists.example.net/leave?id=7")
	if got := lint.Mail([]byte(d.mail(t)), options()); len(got) != 2 || got[0].Rule != "unsubscribe-link" || got[1].Rule != "unsubscribe-link" {
		t.Errorf("no way out that is known: %+v", got)
	}
	for _, way := range []string{"https://lists.example.net/leave?id=7", "https://lists.example.net/Unsubscribe?id=9"} {
		e := d
		e.text, e.html = strings.ReplaceAll(d.text, page, way), strings.ReplaceAll(d.html, page, way)
		if got := lint.Mail([]byte(e.mail(t)), options()); len(got) != 0 {
			t.Errorf("%s: %+v", way, got)
		}
	}
}

func TestRulesAreNamedOnceAndSaySomething(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, r := range lint.Rules() {
		if seen[r.Name] || r.Name != strings.ToLower(r.Name) || strings.ContainsAny(r.Name, " _.") {
			t.Errorf("the name %q", r.Name)
		}
		seen[r.Name] = true
		if r.Source == "" || !strings.HasSuffix(r.Advice, ".") || r.Severity != lint.Error && r.Severity != lint.Warning {
			t.Errorf("%+v", r)
		}
	}
}

// FuzzMail wants an answer to whatever comes, and one that can be printed.
func FuzzMail(f *testing.F) {
	raw := good(f).mail(f)
	f.Add([]byte(raw))
	f.Add([]byte(""))
	f.Add([]byte("\r\n\r\n"))
	f.Add([]byte(" folded\nFrom"))
	f.Add([]byte(strings.ReplaceAll(raw, "<table", "<table><table")))
	f.Add([]byte(strings.ReplaceAll(raw, "<style>", "<style>{{{;}@media(@media{a{b:url(")))
	f.Add([]byte(strings.ReplaceAll(raw, "<!--", "<!--[if")))
	f.Fuzz(func(t *testing.T, raw []byte) {
		for _, x := range lint.Mail(raw, lint.Options{PostalAddress: "somewhere"}) {
			if x.Rule == "" || x.Advice == "" || strings.ContainsAny(x.Finding, "\r\n\x00\x1b") {
				t.Errorf("%+v", x)
			}
		}
	})
}

// FuzzPage tries the HTML alone, which is deeper than what comes through an
// encoding.
func FuzzPage(f *testing.F) {
	f.Add([]byte(good(f).html))
	f.Add(bytes.Repeat([]byte("<table>"), 500))
	f.Add([]byte("<style>@media x{@media y{a{color:red}</style><a href=:><img width=-1 src>"))
	f.Fuzz(func(_ *testing.T, html []byte) { lint.Page(html, lint.Options{}) })
}

// BenchmarkMail is what a judgement costs: whole as in a lint, errors alone as
// in a preflight of many variants.
func BenchmarkMail(b *testing.B) {
	raw := []byte(good(b).mail(b))
	for name, brief := range map[string]bool{"whole": false, "errors": true} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(raw)))
			b.ReportAllocs()
			o := options()
			o.ErrorsOnly = brief
			for b.Loop() {
				lint.Mail(raw, o)
			}
		})
	}
}
