package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"courant/digest"
	"courant/digest/inbox"
	"courant/digest/smtpsink"

	"github.com/chromedp/chromedp"
)

// harbour is a week of a small port's news.
func harbour() []digest.Article {
	story := func(category, title string, points ...string) digest.Article {
		return digest.Article{Title: title, Category: category, Points: points}
	}
	return []digest.Article{
		story("World", "Ferry line to the outer islands is to be sold by the summer",
			"The county keeps the two older boats for the school run.", "Three bidders are named; the harbour board decides in May."),
		story("World", "Bridge over the narrows opens a year early",
			"Tolls end on the day the last loan is paid, which is now expected in 2031."),
		story("World", "Market hall goes to the city for one krone",
			"The traders' guild could not pay for the roof.", "Stalls stay open while the work is done."),
		story("World", "Second basin opens to coasters after eleven years of dredging",
			"The basin is nine metres deep at low water, two more than the old one.",
			"Four berths are let already; the first coaster comes on Thursday.",
			"The board puts the cost at 41 million, a third of it from the state."),
	}
}

// basin is a drawing of a harbour in the morning.
const basin = `<svg xmlns="http://www.w3.org/2000/svg" width="1200" height="630" viewBox="0 0 1200 630">
<rect width="1200" height="400" fill="#e9d3bd"/><circle cx="850" cy="330" r="110" fill="#e0906c"/>
<path d="M0 400L0 300L190 250L330 320L520 270L720 340L1200 300L1200 400Z" fill="#8d8a92"/>
<rect y="395" width="1200" height="235" fill="#3f5866"/><path d="M740 430h220M700 470h300M770 510h160" stroke="#e0906c" stroke-width="10" opacity=".7"/>
<path d="M150 440L640 440L590 520L210 520Z" fill="#22252b"/><rect x="230" y="370" width="110" height="70" fill="#f3ede2"/><rect x="255" y="300" width="34" height="70" fill="#8a1c14"/>
<path d="M380 440V400H450V440M470 440V385H545V440" fill="#b5523c"/><path d="M1040 400V150H860M1040 190L960 150M900 150V240" stroke="#22252b" stroke-width="14" fill="none"/>
</svg>`

// newProofDesk is a desk with news that an editor would look at.
func newProofDesk(t *testing.T, script smtpsink.Script) *desk {
	d := newDesk(t, smtpsink.Options{Bodies: true, Script: script})
	d.configure()
	d.must("readers", "add", "ann@example.org", "--name", "Ann")
	for _, a := range harbour() {
		d.report(a)
	}
	return d
}

// report lets an article come in.
func (d *desk) report(a digest.Article) {
	d.t.Helper()
	source := digest.Source{Name: "Wire", Kind: digest.SourceFeed, URL: d.feed.URL + "/feed.xml", Category: a.Category}
	if err := d.store.SyncSources(d.t.Context(), []digest.Source{source}); err != nil {
		d.t.Fatal(err)
	}
	a.URL = "https://harbour.example/" + strings.ReplaceAll(strings.ToLower(a.Title), " ", "-")
	a.Source, a.GUID, a.Canonical, a.PointsFrom, a.FirstSeen = "Wire", a.URL, a.URL, digest.PointsFeed, time.Now()
	if added, err := d.store.SavePoll(d.t.Context(), digest.SourceState{Source: source}, []digest.Article{a}); err != nil || added != 1 {
		d.t.Fatalf("added %d articles, %v", added, err)
	}
}

// proofDesk opens the page of a preview in a browser.
func (d *desk) proofDesk(t *testing.T, digest string) (*visit, *process, string) {
	t.Helper()
	browser := openBrowser(t)
	p := d.start("preview", digest)
	page := d.page(p)
	v := openWindow(t, browser, hostOf(t, page))
	v.desk = d
	// A frame that may load no picture says so in the console.
	v.spares = append(v.spares, "/favicon.ico", "img-src")
	v.see(looks()[3])
	if status := v.open(page); status != http.StatusOK {
		t.Fatalf("status %d", status)
	}
	return v, p, page
}

// sees waits until an expression about the page is true.
func (v *visit) sees(what, expression string) {
	v.Helper()
	for deadline := time.Now().Add(patience); !ask[bool](v, "!!("+expression+")"); {
		if time.Now().After(deadline) {
			v.Fatalf("waited too long for %s; the page says\n%s", what, ask[string](v, `document.body.innerText`))
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// inFrames is true when all frames are drawn and say a text.
func inFrames(text string) string {
	return fmt.Sprintf(`(f => f.length > 0 && !document.querySelector(".coming") && f.every(e => e.contentDocument?.body?.innerText.includes(%q)))([...document.querySelectorAll(".device iframe")])`, text)
}

func TestPreviewPageFollowsWhatAnEditorChanges(t *testing.T) {
	t.Parallel()
	d := newProofDesk(t, nil)
	v, p, _ := d.proofDesk(t, "morning")
	v.sees("the mail", inFrames("Second basin opens"))
	v.sees("the open line", `document.getElementById("news").textContent === "follows your changes"`)
	v.do(chromedp.Evaluate[chromedp.Void](`window.same = "page"; document.getElementById("address").value = "half@an";
		document.getElementById("address").focus(); document.getElementById("stage").scrollTop = 333`))
	stays := func(what string) {
		t.Helper()
		if got := ask[string](v, `[window.same, document.activeElement.id, document.getElementById("address").value, document.getElementById("stage").scrollTop].join(" ")`); got != "page address half@an 333" {
			t.Errorf("after %s the editor is at %q", what, got)
		}
	}

	d.report(digest.Article{Title: "Lighthouse keeper retires", Category: "World", Points: []string{"Nobody takes his place."}})
	v.sees("an article that came in", inFrames("Lighthouse keeper retires"))
	stays("an article")
	d.query(`UPDATE articles SET title = 'Lighthouse keeper stays' WHERE title LIKE 'Lighthouse%' RETURNING 'x'`)
	v.sees("a corrected article", inFrames("Lighthouse keeper stays"))

	d.withConfig("title: Morning Brief", "title: The Early Edition", func() {
		v.sees("another title", inFrames("The Early Edition"))
		v.wants("The Early Edition, preview")
		stays("the config")
	})
	v.sees("the title as it was", inFrames("Morning Brief"))

	d.withConfig("max_articles: 10", "max_articles: ten", func() {
		v.sees("the fault", `document.getElementById("fault")?.innerText.includes("max_articles")`)
		v.wants("This is the last good state", "max_articles", "Morning Brief, preview")
		v.sees("the last good mail below it", inFrames("Second basin opens"))
		stays("a fault")
		v.sound("inbox-preview-fault")
		v.see(looks()[3])
	})
	v.sees("the mended config", `!document.getElementById("fault")`)
	v.sees("the mail as it was", inFrames("Morning Brief"))
	stays("mending")

	if err := p.signal(syscall.SIGINT); err != nil {
		t.Errorf("with a page open, Ctrl-C ended it with %v\n%s", err, p.log)
	}
	if strings.Contains(p.log.String(), "cut off") {
		t.Errorf("an open page kept it from ending:\n%s", p.log)
	}
	v.sees("that the program ended", `document.getElementById("news").textContent === "the program is not running"`)
	v.spares = append(v.spares, "ERR_CONNECTION_REFUSED", "ERR_INCOMPLETE_CHUNKED_ENCODING", "/events")
}

func TestPreviewPageFollowsAnEditorsOwnTemplates(t *testing.T) {
	t.Parallel()
	d := newProofDesk(t, nil)
	d.must("templates", "export", filepath.Join(d.dir, "own"))
	d.withConfig("name: Example News", "templates: own\nname: Example News", func() {
		v, _, _ := d.proofDesk(t, "morning")
		v.sees("the mail", inFrames("Second basin opens"))
		file := filepath.Join(d.dir, "own", "mail", "parts.html")
		text := d.read("own/mail/parts.html")
		put := func(content string) {
			t.Helper()
			if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		put(strings.Replace(text, "</body>", "<p style=\"color:#000000;background-color:#ffffff\">Printed in Port Ellery.</p></body>", 1))
		v.sees("the changed template", inFrames("Printed in Port Ellery."))
		put(strings.Replace(text, "</body>", "{{.Edtion}}</body>", 1))
		v.sees("the fault in the template", `document.getElementById("fault")?.innerText.includes("parts.html")`)
		if said := ask[string](v, `document.getElementById("fault").innerText`); !strings.Contains(said, "Edtion") || !strings.Contains(said, "parts.html:") {
			t.Errorf("the page says\n%s", said)
		}
		v.sees("the last good mail", inFrames("Printed in Port Ellery."))
		put(text)
		v.sees("the mended template", `!document.getElementById("fault")`)
		v.sees("the mail as it was", `!`+inFrames("Printed in Port Ellery.")+` && `+inFrames("Second basin"))
	})
}

func TestEditorsDeskShowsTheMailInEveryWay(t *testing.T) {
	t.Parallel()
	d := newProofDesk(t, nil)
	var asked atomic.Int64
	canary := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		w.Header().Set("Content-Type", "image/svg+xml")
		fmt.Fprint(w, basin)
	}))
	t.Cleanup(canary.Close)
	d.query(`UPDATE articles SET image_url = $1, image_width = 1200, image_height = 630 WHERE title LIKE 'Second basin%' RETURNING 'x'`, canary.URL+"/basin.png")
	v, _, page := d.proofDesk(t, "morning")
	v.hosts = append(v.hosts, canary.Listener.Addr().String())
	mail := page + "mail/variant-1"

	t.Log("widths")
	v.sees("the mail", inFrames("Second basin"))
	if got := ask[string](v, `[...document.querySelectorAll(".device iframe")].map(e => e.contentWindow.innerWidth).join(" ")`); got != "320 600 900" {
		t.Errorf("the windows are %s wide", got)
	}
	if !ask[bool](v, `[...document.querySelectorAll(".device iframe")].every(e => e.contentDocument.documentElement.scrollHeight <= e.clientHeight && e.clientHeight > 500)`) {
		t.Error("a frame is not as tall as its mail")
	}
	if asked.Load() == 0 {
		t.Error("with images on, nobody asked for the picture")
	}
	v.sound("inbox-preview")
	if *screenshots != "" {
		v.see(looks()[3])
		v.takesPicture("preview.png", page, 1920, 1260, 0.75)
	}
	v.see(look{"wide", 1920, "light"})
	v.sees("three frames in one row", `new Set([...document.querySelectorAll(".device")].map(e => e.getBoundingClientRect().top)).size === 1`)
	v.see(looks()[3])
	v.open(mail + "?width=600")
	if got := ask[string](v, `[...document.querySelectorAll(".device iframe")].map(e => e.contentWindow.innerWidth).join(" ")`); got != "600" {
		t.Errorf("the window is %s wide", got)
	}

	t.Log("looks")
	style := func(query, selector, property string) string {
		t.Helper()
		v.open(mail + "?width=600&images=off&" + query)
		v.sees("the frame", inFrames("Second basin"))
		return ask[string](v, fmt.Sprintf(`(f => f.defaultView.getComputedStyle(f.querySelector(%q)).%s)(document.querySelector(".device iframe").contentDocument)`, selector, property))
	}
	style("images=off", "body", "direction")
	before := asked.Load()
	for _, c := range []struct{ query, selector, property, want string }{
		{"scheme=light", ".sheet", "backgroundColor", "rgb(255, 255, 255)"},
		{"scheme=dark", ".sheet", "backgroundColor", "rgb(29, 27, 25)"},
		{"styles=on", "h1", "fontSize", "46px"},
		{"styles=off", "h1", "fontSize", "32px"},
		{"styles=inline&scheme=dark", ".sheet", "backgroundColor", "rgb(255, 255, 255)"},
		{"direction=rtl", "body", "direction", "rtl"},
		{"direction=own", "body", "direction", "ltr"},
	} {
		if got := style(c.query, c.selector, c.property); got != c.want {
			t.Errorf("%s: %s of %s is %s, want %s", c.query, c.property, c.selector, got, c.want)
		}
	}
	if n := asked.Load(); n != before {
		t.Errorf("with images off, the picture was asked for %d times", n-before)
	}
	for name, query := range map[string]string{"dark": "scheme=dark", "plain": "styles=off", "rtl": "direction=rtl", "no-images": "images=off"} {
		v.open(mail + "?" + query)
		v.sound("inbox-preview-" + name)
	}
	v.see(looks()[3])

	t.Log("views")
	for query, said := range map[string]string{
		"view=text": "Second basin opens", "view=headers": "List-Unsubscribe-Post", "view=source": "Content-Transfer-Encoding: quoted-printable",
		"view=source&part=html": "<!DOCTYPE html", "view=source&part=text": "Unsubscribe", "view=checks": "",
		"view=text&direction=rtl": "إلغاء",
	} {
		v.open(mail + "?" + query)
		v.wants(said, "of HTML: Gmail shows all of it")
		v.sound("inbox-preview-" + strings.NewReplacer("=", "-", "&", "-").Replace(query))
	}
}

func TestWhatTheChecksFindLeadsToItsLine(t *testing.T) {
	t.Parallel()
	d := newProofDesk(t, nil)
	d.must("templates", "export", filepath.Join(d.dir, "own"))
	text := d.read("own/mail/parts.html")
	faulty := strings.Replace(text, "</body>", "\n<p style=\"position:fixed;color:#eeeeee\">Pale</p></body>", 1)
	if err := os.WriteFile(filepath.Join(d.dir, "own", "mail", "parts.html"), []byte(faulty), 0o644); err != nil {
		t.Fatal(err)
	}
	d.withConfig("name: Example News", "templates: own\nname: Example News", func() {
		v, _, page := d.proofDesk(t, "morning")
		count := ask[int](v, `Number(document.querySelector(".tabs .count").textContent)`)
		v.open(page + "mail/variant-1?view=checks")
		if got := ask[int](v, `document.querySelectorAll(".checks li").length`); got != count || count == 0 {
			t.Fatalf("%d findings, and the tab counts %d", got, count)
		}
		v.sound("inbox-preview-findings")
		v.load(chromedp.Click(chromedp.CSS(`.checks a[href*="part=html"][href*="#L"]`)))
		line := ask[string](v, `document.querySelector(".line:target").textContent`)
		if !strings.Contains(line, "Pale") {
			t.Errorf("the finding leads to the line %q", line)
		}
		if !ask[bool](v, `(r => r.top >= 0 && r.bottom <= innerHeight)(document.querySelector(".line:target").getBoundingClientRect())`) {
			t.Error("the line is out of sight")
		}
		v.sound("inbox-preview-line")
	})
}

// wentOut are the proofs in the ledger, as kind, number and state.
func (d *desk) wentOut() string {
	d.t.Helper()
	return d.query(`SELECT COALESCE(string_agg(concat_ws(' ', e.kind, e.number, v.state), ', ' ORDER BY e.id), '') FROM editions e JOIN deliveries v ON v.edition_id = e.id`)
}

func TestTheButtonSendsTheVeryMailAsAProof(t *testing.T) {
	t.Parallel()
	d := newProofDesk(t, nil)
	d.must("readers", "add", "bob@example.org", "--language", "de")
	d.must("send", "morning")
	d.report(digest.Article{Title: "Lighthouse keeper retires", Category: "World", Points: []string{"Nobody takes his place."}})
	v, _, page := d.proofDesk(t, "morning")
	// The second group's: in German, with what its reader has not had.
	v.open(page + "mail/variant-2?width=600")
	v.sees("the mail", inFrames("Abbestellen"))
	shown := ask[string](v, `document.querySelector(".device iframe").contentDocument.body.innerText`)
	address := ask[string](v, `document.getElementById("address").value`)
	if address != "desk@example.com" {
		t.Errorf("the field holds %q", address)
	}
	v.do(chromedp.Evaluate[chromedp.Void](`document.getElementById("address").value = ""`),
		chromedp.Focus(chromedp.CSS("#address")), chromedp.KeyEvent("me@example.org"))
	if status := v.load(chromedp.KeyEvent("\r")); status != http.StatusOK {
		t.Errorf("status %d", status)
	}
	v.wants("Sent to me@example.org at ", "The mail server says: 2")
	if again := ask[string](v, `document.getElementById("address").value`); again != "me@example.org" {
		t.Errorf("the next one would go to %q", again)
	}
	v.sound("inbox-preview-sent")
	got := d.sink.To("me@example.org")
	if len(got) != 1 {
		t.Fatalf("%d mails came", len(got))
	}
	if !strings.Contains(words(shown), "Nr. 2 ") || !strings.Contains(shown, "Lighthouse keeper retires") {
		t.Errorf("shown was\n%s", shown)
	}
	// But for the reason at its end it is, word for word, what was shown.
	v.do(chromedp.Navigate("about:blank"), chromedp.Evaluate[chromedp.Void](fmt.Sprintf(`document.documentElement.innerHTML = new DOMParser().parseFromString(%q, "text/html").documentElement.innerHTML`, htmlPart(t, got[0].Body))))
	sent := ask[string](v, `document.body.innerText`)
	reason := regexp.MustCompile(`(?m)^.*(Sie erhalten|Probe|Probeabzug).*$`)
	if a, b := words(reason.ReplaceAllString(shown, "")), words(reason.ReplaceAllString(sent, "")); a != b {
		t.Errorf("shown was\n%s\nand sent\n%s", a, b)
	}
	if got := d.wentOut(); got != "extra 1 accepted, extra 1 accepted, proof accepted" {
		t.Errorf("the ledger has %q", got)
	}
	// Nobody has had what the proof tells.
	d.must("send", "morning")
	if n := len(d.sink.To("bob@example.org")); n != 2 {
		t.Errorf("after the proof, the reader has %d mails", n)
	}
}

// words is a text without what lays it out.
func words(s string) string { return strings.Join(strings.Fields(s), " ") }

func TestAProofThatCannotBeSentSaysWhy(t *testing.T) {
	t.Parallel()
	d := newProofDesk(t, nil)
	t.Log("an example config")
	d.relay = "{host: smtp.example.com, port: 587}"
	d.configure()
	was := d.read("courant.yaml")
	d.write("courant.yaml", strings.Replace(was, "url: http://"+d.listen, "url: https://news.example.com", 1))
	before := d.wentOut()
	v, _, page := d.proofDesk(t, "morning")
	v.do(chromedp.SetValue(chromedp.CSS("#address"), "me@example.org"))
	if status := v.press("send"); status != http.StatusUnprocessableEntity {
		t.Errorf("status %d", status)
	}
	v.wants("Not sent: bounces.example.com is a domain for examples, so nothing is sent; write your own in ")
	v.spares = append(v.spares, "status of 422")
	v.sound("inbox-preview-refused")
	if said := d.press(page, "me@example.org", "Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"); !strings.HasPrefix(said, "403") {
		t.Errorf("another site's button: %s", said)
	}
	if after := d.wentOut(); after != before {
		t.Errorf("rows went from %q to %q", before, after)
	}
}

// press sends the form of a preview's page as a browser would, and gives the
// status and the page.
func (d *desk) press(page, address string, headers ...string) string {
	d.t.Helper()
	version := regexp.MustCompile(`name="version" value="(\w+)"`).FindStringSubmatch(d.get(page))
	if version == nil {
		d.t.Fatal("the page has no button")
	}
	form := url.Values{"address": {address}, "version": {version[1]}}
	r, err := http.NewRequestWithContext(d.t.Context(), http.MethodPost, page+"mail/variant-1/send", strings.NewReader(form.Encode()))
	if err != nil {
		d.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		d.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	return resp.Status + "\n" + string(b)
}

func TestTheButtonTellsWhatTheMailServerSaid(t *testing.T) {
	t.Parallel()
	d := newProofDesk(t, smtpsink.Rules(
		smtpsink.Rule{At: smtpsink.AtRcpt, To: "gone@example.org", Do: smtpsink.Action{Do: smtpsink.Answer, Reply: smtpsink.Reply{Code: 550, Enhanced: "5.1.1", Text: "no such mailbox"}}},
		smtpsink.Rule{At: smtpsink.AtRcpt, To: "full@example.org", Do: smtpsink.Action{Do: smtpsink.Answer, Reply: smtpsink.Reply{Code: 452, Enhanced: "4.2.2", Text: "the mailbox is full"}}},
	))
	page := d.page(d.start("preview", "morning"))
	d.query(`INSERT INTO suppressions (email_hash, reason) SELECT email_hash, 'hard' FROM readers WHERE email = 'ann@example.org' RETURNING 'x'`)
	for address, want := range map[string]string{
		"me@example.org":   "Sent to me@example.org at ",
		"gone@example.org": "Not sent: refused to gone@example.org: 550 5.1.1 no such mailbox",
		"full@example.org": "the mailbox is full",
		"ann@example.org":  "Not sent: ann@example.org gets no mail (hard)",
		"ann":              "Not sent: &#34;ann&#34; is no address",
	} {
		if said := d.press(page, address); !strings.Contains(said, want) {
			t.Errorf("%s: the page does not say %q:\n%s", address, want, said)
		}
	}
	// What came in since the page was loaded is shown first.
	version := regexp.MustCompile(`name="version" value="\w+"`).FindString(d.get(page))
	d.report(digest.Article{Title: "Lighthouse keeper retires", Category: "World", Points: []string{"Nobody takes his place."}})
	if later := regexp.MustCompile(`name="version" value="\w+"`).FindString(d.get(page)); later == version {
		t.Error("an article came in, and the version is the same")
	}
}

// TestNothingInAMailOfTheDeskRuns tries what a mail could try now that its
// frame shares the page's origin.
func TestNothingInAMailOfTheDeskRuns(t *testing.T) {
	t.Parallel()
	const hostile = `<!DOCTYPE html><html><head><script>parent.document.title = "ran"</script><meta http-equiv="refresh" content="0;url=/mail/m/send"></head>
<body onload="parent.document.title = 'ran'"><p>the hostile mail</p><img src="/none.png" onerror="parent.document.title = 'ran'">
<svg onload="parent.document.title = 'ran'"></svg><iframe srcdoc="<script>top.document.title = 'ran'</script>"></iframe>
<a id="link" target="_self" href="javascript:parent.document.title='ran'">press</a>
<form id="form" method="post" action="/mail/m/send"><input name="address" value="evil@example.org"><input name="version" value="one"><button>go</button></form></body></html>`
	raw := "From: a@example.com\r\nSubject: hostile\r\nMIME-Version: 1.0\r\nContent-Type: text/html; charset=utf-8\r\n\r\n" + strings.ReplaceAll(hostile, "\n", "\r\n")
	var sent atomic.Int64
	box := inbox.Box{Title: "Desk", Mails: func() []inbox.Mail { return []inbox.Mail{{ID: "m", Raw: []byte(raw)}} }, Desk: &inbox.Desk{
		Version: "one",
		Changed: func(ctx context.Context, version string) string {
			if version == "" {
				return "one"
			}
			<-ctx.Done()
			return ""
		},
		Send: func(context.Context, string, string) (string, error) { sent.Add(1); return "", nil },
	}}
	h, err := box.Handler()
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(h)
	t.Cleanup(srv.CloseClientConnections)
	v := openWindow(t, openBrowser(t), hostOf(t, srv.URL))
	v.spares = append(v.spares, "favicon", "Content Security Policy", "ContentSecurityPolicy", "sandboxed", "Sandbox", "GenericIssue", "about:blank")
	v.open(srv.URL + "/?width=600")
	v.sees("the mail", inFrames("the hostile mail"))
	v.do(chromedp.Evaluate[chromedp.Void](`(d => { d.getElementById("link").click(); d.getElementById("form").requestSubmit(); d.getElementById("form").submit(); })(document.querySelector(".device iframe").contentDocument)`))
	v.open(srv.URL + "/mail/m/frame") // and alone, as a page
	v.do(chromedp.Click(chromedp.CSS("#link")), chromedp.Click(chromedp.CSS("#form button")))
	v.open(srv.URL + "/")
	v.sees("the mail again", inFrames("the hostile mail"))
	if title := ask[string](v, `document.title`); !strings.HasPrefix(title, "hostile") || sent.Load() > 0 {
		t.Errorf("the page is called %q, and %d mails were sent", title, sent.Load())
	}
}
