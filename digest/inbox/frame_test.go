package inbox_test

import (
	"encoding/base64"
	"strings"
	"testing"
)

// frameOf is the frame of a mail with the given HTML.
func frameOf(t *testing.T, html, query string) answer {
	t.Helper()
	a := get(t, serve(t, boxOf(letter("a", "a", html))).URL+"/mail/m1/frame"+query)
	a.body = strings.TrimSuffix(a.body, "\r\n")
	return a
}

func TestFrameIsSandboxedTwice(t *testing.T) {
	t.Parallel()
	srv := serve(t, boxOf(letter("a", "a", "<script>alert(1)</script>")))
	says(t, get(t, srv.URL+"/mail/m1").body, `sandbox="allow-popups allow-popups-to-escape-sandbox"`)
	a := get(t, srv.URL+"/mail/m1/frame")
	policies := a.Header.Values("Content-Security-Policy")
	if len(policies) != 1 {
		t.Fatalf("policies are %q", policies)
	}
	says(t, policies[0], "sandbox allow-popups allow-popups-to-escape-sandbox;", "default-src 'none';", "style-src 'unsafe-inline';",
		"form-action 'none';", "base-uri 'none';", "frame-ancestors 'self';", "img-src https: http: data:")
	isSilentOn(t, policies[0], "allow-scripts", "allow-same-origin", "allow-forms", "allow-top-navigation", "script-src", "'self'; img-src 'self'")
	if a.Header.Get("Referrer-Policy") != "no-referrer" || a.Header.Get("X-DNS-Prefetch-Control") != "off" {
		t.Errorf("headers are %v", a.Header)
	}
}

func TestImagesOffMeansNone(t *testing.T) {
	t.Parallel()
	mail := "Content-Type: multipart/related; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n" +
		"<img src=\"cid:one@x\"><td background=CID:one@x><img src=cid:two>\r\n" +
		"--b\r\nContent-Type: image/png\r\nContent-ID: <one@x>\r\nContent-Transfer-Encoding: base64\r\n\r\naGVsbG8=\r\n--b\r\nContent-Type: text/html\r\nContent-ID: <two>\r\n\r\nno picture\r\n--b--\r\n"
	srv := serve(t, boxOf([]byte(mail)))
	a := get(t, srv.URL+"/mail/m1/frame")
	data := "data:image/png;base64," + base64.StdEncoding.EncodeToString([]byte("hello"))
	says(t, a.body, `<img src="`+data+`">`, `<td background="`+data+`">`, `<img src=cid:two>`)

	a = get(t, srv.URL+"/mail/m1/frame?images=off")
	says(t, a.body, "cid:one@x")
	says(t, a.Header.Get("Content-Security-Policy"), "img-src 'none'")
	isSilentOn(t, a.body+a.Header.Get("Content-Security-Policy"), "data:", "https:")
}

func TestPicturesOfAMailHaveAnEnd(t *testing.T) {
	t.Parallel()
	picture := strings.Repeat(base64.StdEncoding.EncodeToString(make([]byte, 57))+"\r\n", 40000) // 2.3 MB
	mail := "Content-Type: multipart/related; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n" + strings.Repeat("<img src=cid:p>", 100) +
		"\r\n--b\r\nContent-Type: image/png\r\nContent-ID: <p>\r\nContent-Transfer-Encoding: base64\r\n\r\n" + picture + "\r\n--b--\r\n"
	a := get(t, serve(t, boxOf([]byte(mail))).URL+"/mail/m1/frame")
	if len(a.body) > 16<<20 || strings.Count(a.body, "data:image/png") < 2 {
		t.Errorf("the frame has %d bytes", len(a.body))
	}
}

func TestConditionsOnTheColourSchemeFollowTheChosenOne(t *testing.T) {
	t.Parallel()
	const yes, no = "(min-width:0px)", "(max-width:0px)"
	for _, c := range []struct{ html, dark, light string }{
		{"<style>@media (prefers-color-scheme: dark){a{}}</style>", "<style>@media " + yes + "{a{}}</style>", "<style>@media " + no + "{a{}}</style>"},
		{"<style>@media (prefers-color-scheme:light){}</style>", "<style>@media " + no + "{}</style>", "<style>@media " + yes + "{}</style>"},
		{
			"<STYLE>@media screen and ( PREFERS-color-scheme /* x */ :\n dark ) and (max-width:9px){}</STYLE>",
			"<STYLE>@media screen and " + yes + " and (max-width:9px){}</STYLE>", "<STYLE>@media screen and " + no + " and (max-width:9px){}</STYLE>",
		},
		{"<style/>@media not (prefers-color-scheme:dark){}</style>", "<style/>@media not " + yes + "{}</style>", "<style/>@media not " + no + "{}</style>"},
		{`<source media="(prefers-color-scheme: dark)" srcset="d">`, `<source media="` + yes + `" srcset="d">`, `<source media="` + no + `" srcset="d">`},
		{"<p>(prefers-color-scheme: dark) is CSS</p>", "<p>(prefers-color-scheme: dark) is CSS</p>", "<p>(prefers-color-scheme: dark) is CSS</p>"},
		{"<!-- <style>@media (prefers-color-scheme: dark)</style> -->", "<!-- <style>@media (prefers-color-scheme: dark)</style> -->", "<!-- <style>@media (prefers-color-scheme: dark)</style> -->"},
		{`<meta name="color-scheme" content="light dark">`, `<meta name="color-scheme" content="dark">`, `<meta name="color-scheme" content="light">`},
		{`<meta content="Dark, Light" name=Supported-Color-Schemes>`, `<meta content="dark" name="Supported-Color-Schemes">`, `<meta content="light" name="Supported-Color-Schemes">`},
		{`<meta name="color-scheme" content="only light">`, `<meta name="color-scheme" content="only light">`, `<meta name="color-scheme" content="only light">`},
		{"<style>:root{color-scheme:light dark;supported-color-schemes:light dark}</style>", "<style>:root{color-scheme: dark;supported-color-schemes:light dark}</style>", "<style>:root{color-scheme: light;supported-color-schemes:light dark}</style>"},
		{"<style>a{ color-scheme: dark light !important}</style>", "<style>a{ color-scheme: dark!important}</style>", "<style>a{ color-scheme: light!important}</style>"},
		{`<p style="color-scheme: light dark">`, `<p style="color-scheme: dark">`, `<p style="color-scheme: light">`},
		{"<style>a{--color-scheme:light dark}</style>", "<style>a{--color-scheme:light dark}</style>", "<style>a{--color-scheme:light dark}</style>"}, // a name of its own
		{"<style>a{color-scheme:dark}</style>", "<style>a{color-scheme: dark}</style>", "<style>a{color-scheme: dark}</style>"},
	} {
		const base = `<base target="_blank">`
		// The base stands behind comments, before everything else.
		if a := frameOf(t, c.html, "?scheme=dark"); strings.Replace(a.body, base, "", 1) != c.dark {
			t.Errorf("dark: %s became %s, want %s", c.html, a.body, c.dark)
		}
		if a := frameOf(t, c.html, "?scheme=light"); strings.Replace(a.body, base, "", 1) != c.light {
			t.Errorf("light: %s became %s, want %s", c.html, a.body, c.light)
		}
	}
}

func TestLinksOfTheFrameOpenInANewTab(t *testing.T) {
	t.Parallel()
	for html, want := range map[string]string{
		"<!doctype html>\r\n<html lang=en><head><title>a</title></head>": "<!doctype html>\r\n<html lang=en><head><base target=\"_blank\"><title>a</title></head>",
		"<html><body>x":            `<html><base target="_blank"><body>x`,
		"\uFEFF<!doctype html><p>": `<!doctype html><base target="_blank"><p>`,
		"words":                    `<base target="_blank">words`,
		"<!-- a --><html>":         `<!-- a --><html><base target="_blank">`,
		"<base href='https://evil.example/' target=_self><p>":                                                                            `<base target="_blank"><p>`,
		`<a href="/x?a=1&amp;b" target=_self rel=opener>`:                                                                                `<base target="_blank"><a href="/x?a=1&amp;b">`,
		`<area TARGET=_top href=x><form target=_self>`:                                                                                   `<base target="_blank"><area href="x"><form>`,
		`<a href=x ping=https://spy.example referrerpolicy=unsafe-url>`:                                                                  `<base target="_blank"><a href="x">`,
		`<link rel=dns-prefetch href=//spy.example><LINK rel=stylesheet href=x>`:                                                         `<base target="_blank">`,
		`<meta http-equiv=refresh content="0;url=https://evil.example"><meta name=referrer content=unsafe-url><meta charset=utf-8>`:      `<base target="_blank"><meta charset="utf-8">`,
		`<p>a<iframe src=https://spy.example>no frames</iframe>b<IFRAME/srcdoc="<link rel=preconnect href=x>">`:                          `<base target="_blank"><p>ab`,
		`<frameset><frame src=x></frameset><object data=x>words</object><embed src=x><portal src=x></portal><fencedframe></fencedframe>`: `<base target="_blank">words`,
		`<noscript><link rel=preconnect href=x><p>a</noscript>`:                                                                          `<base target="_blank"><noscript><p>a</noscript>`,
		`<svg><title><link rel=preconnect href=x></title></svg>`:                                                                         `<base target="_blank"><svg><title>&lt;link rel=preconnect href=x></title></svg>`,
		`<svg><title><meta http-equiv=refresh content=x></title></svg>`:                                                                  `<base target="_blank"><svg><title>&lt;meta http-equiv=refresh content=x></title></svg>`,
		`<textarea><!-- </textarea><link rel=preconnect href=x> -->`:                                                                     `<base target="_blank"><textarea><!-- </textarea> -->`,
		`<title><a title="</title><link rel=preconnect href=x>">`:                                                                        `<base target="_blank"><title><a title="</title>">`,
		`<!-- <link rel=x> --><p title="<iframe >">`:                                                                                     `<!-- &lt;link rel=x> --><base target="_blank"><p title="&lt;iframe >">`,
		`<<link>link rel=preconnect href=x>`:                                                                                             `<base target="_blank">&lt;link rel=preconnect href=x>`,
		`<meta <link content="<link >"><metadata>a<frames>`:                                                                              `<base target="_blank"><meta <link="" content="&lt;link &gt;"><metadata>a<frames>`,
		`<a HREF='x'  class=b >`: `<base target="_blank"><a HREF='x'  class=b >`, // what needs no change has none
	} {
		if a := frameOf(t, html, ""); a.body != want {
			t.Errorf("%s became %s, want %s", html, a.body, want)
		}
	}
}

// A phone draws no scroll bar beside the page.
func TestPhoneFrameHasNoScrollBar(t *testing.T) {
	t.Parallel()
	says(t, frameOf(t, "<p>", "?width=phone").body, "<style>html{scrollbar-width:none}</style>")
	isSilentOn(t, frameOf(t, "<p>", "?width=desktop").body, "scrollbar")
}

func TestMailWithoutDarkColoursIsSaidToHaveNone(t *testing.T) {
	t.Parallel()
	srv := serve(t, boxOf(letter("a", "a", "<style>@media (prefers-color-scheme:dark){}</style>"), letter("b", "b", "<p>plain</p>")))
	const none = "This mail has no dark colours of its own."
	isSilentOn(t, get(t, srv.URL+"/mail/m1?scheme=dark").body, none)
	says(t, get(t, srv.URL+"/mail/m2?scheme=dark").body, none)
	isSilentOn(t, get(t, srv.URL+"/mail/m2").body, none)
}
