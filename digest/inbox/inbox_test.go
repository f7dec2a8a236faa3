package inbox_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"courant/digest/inbox"
)

var published = time.Date(2026, 3, 3, 6, 0, 3, 0, time.UTC)

// letter is a mail of two parts.
func letter(subject, text, html string) []byte {
	lines := []string{
		"From: =?utf-8?q?Hafen=2DZ=C3=A4hler?= <news@example.com>",
		"To: ada@example.org",
		"Subject: " + subject,
		"Date: Tue, 3 Mar 2026 07:00:03 +0100",
		"Message-ID: <one@example.com>",
		"MIME-Version: 1.0",
		"List-Id: Morning Brief <morning.example.com>",
		"List-Unsubscribe: <mailto:out@example.com>,",
		" <https://news.example.com/u/token>",
		"List-Unsubscribe-Post: List-Unsubscribe=One-Click",
		"X-Odd: value",
		`Content-Type: multipart/alternative; boundary="cut"`,
		"",
		"--cut",
		"Content-Type: text/plain; charset=utf-8",
		"",
		text,
		"--cut",
		"Content-Type: text/html; charset=utf-8",
		"",
		html,
		"--cut--",
		"",
	}
	return []byte(strings.Join(lines, "\r\n"))
}

// boxOf is a box with the given mails, named m1, m2 ..., a minute apart.
func boxOf(raw ...[]byte) inbox.Box {
	var mails []inbox.Mail
	for i, r := range raw {
		mails = append(mails, inbox.Mail{
			ID: fmt.Sprintf("m%d", i+1), At: published.Add(time.Duration(i) * time.Minute),
			From: "bounces@example.com", To: fmt.Sprintf("reader%d@example.org", i+1), Raw: r,
		})
	}
	return inbox.Box{Title: "Harbour News", Mails: func() []inbox.Mail { return mails }}
}

// serve starts the pages of a box.
func serve(t *testing.T, box inbox.Box) *httptest.Server {
	t.Helper()
	h, err := box.Handler()
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return srv
}

// answer is a response whose body was read.
type answer struct {
	*http.Response
	body string
}

func do(t *testing.T, req *http.Request) answer {
	t.Helper()
	noRedirects := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := noRedirects.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{res, string(body)}
}

func request(t *testing.T, method, url string) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	return req
}

func get(t *testing.T, url string) answer {
	t.Helper()
	return do(t, request(t, http.MethodGet, url))
}

// says fails the test for each text that a page lacks.
func says(t *testing.T, body string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(body, text) {
			t.Errorf("%q is missing in:\n%s", text, body)
		}
	}
}

// isSilentOn fails the test for each text that a page has.
func isSilentOn(t *testing.T, body string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if strings.Contains(body, text) {
			t.Errorf("%q stands in:\n%s", text, body)
		}
	}
}

func TestEveryAddressAnswers(t *testing.T) {
	t.Parallel()
	box := boxOf(letter("First", "a", "<p>a</p>"), letter("Second", "b", "<p>b</p>"))
	box.Next = func(context.Context) error { return nil }
	srv := serve(t, box)
	for _, c := range []struct {
		method, path string
		status       int
		media, text  string
	}{
		{"GET", "/", 200, "text/html; charset=utf-8", `<h2 class="title" dir="auto">Second</h2>`},
		{"HEAD", "/", 200, "text/html; charset=utf-8", ""},
		{"GET", "/mail/m1", 200, "text/html; charset=utf-8", `<h2 class="title" dir="auto">First</h2>`},
		{"GET", "/mail/m1?view=text", 200, "text/html; charset=utf-8", `<pre class="text" dir="auto">a</pre>`},
		{"GET", "/mail/m1?view=source", 200, "text/html; charset=utf-8", "--cut--"},
		{"GET", "/mail/m1?view=headers", 200, "text/html; charset=utf-8", "<dt>Message-ID</dt>"},
		{"GET", "/mail/m1?view=nonsense&width=9&scheme=%00&images=maybe", 200, "text/html; charset=utf-8", `src="../mail/m1/frame?`},
		{"GET", "/mail/m1/frame", 200, "text/html; charset=utf-8", "<p>a</p>"},
		{"GET", "/mail/m1/mail.eml", 200, "message/rfc822", "Subject: First"},
		{"GET", "/mail/m9", 404, "text/html; charset=utf-8", "This mail is not here"},
		{"GET", "/mail/m9/frame", 404, "text/plain; charset=utf-8", ""},
		{"GET", "/mail/m9/mail.eml", 404, "text/plain; charset=utf-8", ""},
		{"GET", "/state", 200, "application/json", `{"mails":2,"rounds":0,"publishing":false}`},
		{"GET", "/style.css", 200, "text/css; charset=utf-8", "--paper"},
		{"GET", "/script.js", 200, "text/javascript; charset=utf-8", "use strict"},
		{"GET", "/icon.svg", 200, "image/svg+xml", "<svg"},
		{"GET", "/next", 303, "", ""},
		{"POST", "/next", 303, "", ""},
		{"POST", "/", 405, "text/plain; charset=utf-8", ""},
		{"POST", "/mail/m1", 405, "text/plain; charset=utf-8", ""},
		{"DELETE", "/mail/m1", 405, "text/plain; charset=utf-8", ""},
		{"GET", "/nothing", 404, "text/plain; charset=utf-8", ""},
	} {
		a := do(t, request(t, c.method, srv.URL+c.path))
		if a.StatusCode != c.status || a.Header.Get("Content-Type") != c.media {
			t.Errorf("%s %s: %d %q, want %d %q", c.method, c.path, a.StatusCode, a.Header.Get("Content-Type"), c.status, c.media)
		}
		says(t, a.body, c.text)
		if a.Header.Get("X-Content-Type-Options") != "nosniff" || !strings.Contains("same-origin no-referrer", a.Header.Get("Referrer-Policy")) {
			t.Errorf("%s %s: headers are %v", c.method, c.path, a.Header)
		}
	}
}

func TestBoxWithoutMailsIsRefused(t *testing.T) {
	t.Parallel()
	if _, err := (inbox.Box{}).Handler(); err == nil {
		t.Error("a box without Mails makes a page")
	}
}

// Behind any path a link must lead to where the page itself is.
func TestLinksAreRelative(t *testing.T) {
	t.Parallel()
	box := boxOf(letter("First", "a", "<p>a</p>"))
	box.Next = func(context.Context) error { return nil }
	h, err := box.Handler()
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(http.StripPrefix("/a/b", h))
	t.Cleanup(srv.Close)
	for page, root := range map[string]string{"/a/b/": "./", "/a/b/mail/m1": "../"} {
		a := get(t, srv.URL+page)
		says(t, a.body, `href="`+root+`mail/m1/mail.eml"`, `href="`+root+`style.css?v=`, `src="`+root+`mail/m1/frame?`, `action="`+root+`next"`, `data-root="`+root+`"`)
		isSilentOn(t, a.body, `href="/`, `src="/`, `action="/`)
	}
	if a := do(t, request(t, http.MethodPost, srv.URL+"/a/b/next")); a.Header.Get("Location") != "./" {
		t.Errorf("after publishing the browser is sent to %q", a.Header.Get("Location"))
	}
}

func TestListTellsOfEachMail(t *testing.T) {
	t.Parallel()
	box := boxOf(letter("=?utf-8?q?H=C3=A4fen?= in spring", "a", `<html><head><title>no</title><style>no</style></head><body><div style="display:none">Ships &amp; tides&#847;&zwnj;&nbsp;&#847;&zwnj;</div><p>Not this.</p>`))
	box.Zone = time.FixedZone("CET", 3600)
	a := get(t, serve(t, box).URL)
	says(t, a.body, `<span class="sender" dir="auto">Hafen-Zähler</span>`, `<span class="subject" dir="auto">Häfen in spring</span>`,
		`<span class="preheader" dir="auto">Ships &amp; tides</span>`, `<bdi>reader1@example.org</bdi>`,
		`<time datetime="2026-03-03T07:00:03&#43;01:00">07:00</time>`, "1 mail<", "Tue 3 March 2026, 07:00 CET")
}

func TestEmptyBoxSaysWhatWillCome(t *testing.T) {
	t.Parallel()
	box := boxOf()
	box.Rounds = func() []inbox.Round { return nil }
	a := get(t, serve(t, box).URL)
	says(t, a.body, "No mail yet", "0 mails")
	isSilentOn(t, a.body, "<button", "<iframe")
}

func TestRoundsTellWhatBecameOfEachReader(t *testing.T) {
	t.Parallel()
	box := boxOf(letter("First", "a", "<p>a</p>"), letter("Second", "b", "<p>b</p>"), letter("Proof", "c", "<p>c</p>"))
	box.Rounds = func() []inbox.Round {
		return []inbox.Round{
			{Title: "Number 1", At: published, Readers: []inbox.Reader{{Address: "ada@example.org", State: "accepted", MailID: "m1"}}},
			{Title: "Number 2", At: published.Add(time.Minute), Note: "One story is new.", Readers: []inbox.Reader{
				{Address: "ben@example.org", State: "accepted", MailID: "m2"},
				{Address: "ada@example.org", State: "skipped", Reason: "Left by one click."},
				{Address: "eve@example.org", State: "refused", Reason: "550 5.1.1 <who>"},
			}},
		}
	}
	a := get(t, serve(t, box).URL)
	says(t, a.body, "Number 1", "Number 2", "One story is new.", "1 mail, 2 readers without",
		`<span class="state idle">skipped</span>`, "Left by one click.", `<span class="state good">accepted</span>`, `<span class="state bad">refused</span>`, "550 5.1.1 &lt;who&gt;",
		"Other mail")
	order := []int{strings.Index(a.body, "Other mail"), strings.Index(a.body, "Number 2"), strings.Index(a.body, "Number 1")}
	if !slices.IsSorted(order) {
		t.Errorf("the newest does not stand on top: %v", order)
	}
	if n := strings.Count(a.body, `aria-current="page"`); n != 1 || !strings.Contains(a.body, `data-id="m3" aria-current="page"`) {
		t.Errorf("%d mails are marked as chosen, want the newest", n)
	}
}

func TestListBeginsWithTheChosenMail(t *testing.T) {
	t.Parallel()
	box := boxOf(letter("First", "a", "<p>a</p>"), letter("Second", "b", "<p>b</p>"))
	srv := serve(t, box)
	says(t, get(t, srv.URL).body, `data-id="m2" aria-current="page"`)
	box.Rounds = func() []inbox.Round {
		return []inbox.Round{{Title: "Number 1", Readers: []inbox.Reader{{Address: "gone@example.org", State: "skipped"}, {MailID: "m1"}, {MailID: "m2"}}}, {Title: "Nothing new"}}
	}
	srv = serve(t, box)
	says(t, get(t, srv.URL).body, `data-id="m1" aria-current="page"`, `data-id="m1">`, "0 mails<")
}

func TestMailNamedByNoRoundStandsBelowNewerRounds(t *testing.T) {
	t.Parallel()
	box := boxOf(letter("Proof", "c", "<p>c</p>"), letter("First", "a", "<p>a</p>"))
	box.Rounds = func() []inbox.Round {
		return []inbox.Round{{Title: "Number 1", Readers: []inbox.Reader{{Address: "ada@example.org", MailID: "m2"}, {Address: "late@example.org", State: "queued", MailID: "m7"}}}}
	}
	a := get(t, serve(t, box).URL)
	if strings.Index(a.body, "Other mail") < strings.Index(a.body, "Number 1") {
		t.Error("an older mail stands above the round")
	}
	says(t, a.body, "1 mail, 1 reader without") // m7 has not come yet
}

// The chosen look stays when another mail is chosen, and each switch changes
// one thing.
func TestLookIsKeptFromMailToMail(t *testing.T) {
	t.Parallel()
	srv := serve(t, boxOf(letter("First", "a", "<p>a</p>"), letter("Second", "b", "<p>b</p>")))
	a := get(t, srv.URL+"/mail/m1?scheme=dark&width=phone")
	says(t, a.body, `href="../mail/m2?scheme=dark&amp;width=phone"`,
		`href="../mail/m1?scheme=dark&amp;view=text&amp;width=phone"`,
		`href="../mail/m1?scheme=light&amp;width=phone"`,
		`href="../mail/m1?images=off&amp;scheme=dark&amp;width=phone"`,
		`<a href="../mail/m1?scheme=dark&amp;width=phone" aria-current="true">Dark</a>`,
		`aria-current="true">Phone</a>`, `aria-current="true">HTML</a>`, `aria-current="true">Images</a>`,
		`class="stage phone dark"`, `src="../mail/m1/frame?images=on&amp;scheme=dark&amp;width=phone"`)
}

func TestWayOutStandsBesideTheMail(t *testing.T) {
	t.Parallel()
	srv := serve(t, boxOf(
		letter("First", "a", "<p>a</p>"),
		[]byte("From: a@example.com\r\nList-Unsubscribe: <javascript:alert(1)>, <mailto:a@example.com>, <https:nohost>, <javascript://example.com/%0aalert(1)>, <ftp://example.com/>\r\n\r\nx\r\n"),
	))
	says(t, get(t, srv.URL+"/mail/m1").body, `<a href="https://news.example.com/u/token" target="_blank" rel="noopener noreferrer">Leave as this reader</a>`)
	isSilentOn(t, get(t, srv.URL+"/mail/m2").body, "Leave as this reader", "alert(1)", "Zgotmpl")
}

func TestNotesStandOnLinesOfTheirOwnAndTheWayOutHasItsLabel(t *testing.T) {
	t.Parallel()
	box := boxOf(letter("First", "a", "<p>a</p>"))
	box.Intro, box.Notes, box.WayOut = "A preview.", []string{"2 readers get nothing", "it is Sunday"}, "Unsubscribe link"
	body := get(t, serve(t, box).URL+"/mail/m1").body
	says(t, body, `<p class="intro" dir="auto">A preview.</p>`, `<p class="intro" dir="auto">2 readers get nothing</p>`, `<p class="intro" dir="auto">it is Sunday</p>`, `>Unsubscribe link</a>`)
	isSilentOn(t, body, "Leave as this reader")
}

const attack = `"><script>alert(1)</script><img src=x onerror=alert(2)>'`

func TestNothingOfAMailIsMarkupOutsideTheFrame(t *testing.T) {
	t.Parallel()
	hostile := letter(attack, attack, attack)
	hostile = []byte(strings.Replace(string(hostile), "X-Odd: value", "X-"+"Odd: "+attack+"\r\nX<script>: a", 1))
	box := boxOf(hostile, letter("=?utf-8?q?=3Cscript=3Ealert=281=29=3C/script=3E?=\r\nReply-To: =?utf-8?q?=3Cscript=3E?= <a@b.c>", attack, "<p>"))
	box.Title, box.Intro, box.Notes = attack, attack, []string{attack}
	box.Links = []inbox.Link{{Label: attack, URL: "javascript:alert(1)"}}
	box.Rounds = func() []inbox.Round {
		return []inbox.Round{{Title: attack, Note: attack, Readers: []inbox.Reader{{Address: attack, State: attack, Reason: attack, MailID: "m1"}, {Address: attack, State: attack}}}}
	}
	srv := serve(t, box)
	for _, mail := range []string{"m1", "m2"} {
		for _, view := range []string{"html", "text", "source", "headers"} {
			a := get(t, srv.URL+"/mail/"+mail+"?view="+view)
			isSilentOn(t, a.body, "<script>", "<img", `href="javascript:`)
			says(t, a.Header.Get("Content-Security-Policy"), "default-src 'none'", "script-src 'self'", "frame-ancestors 'none'")
		}
	}
}

func TestDirectionMarksStayInTheirLine(t *testing.T) {
	t.Parallel()
	a := get(t, serve(t, boxOf(letter("invoice \u202Egpj.exe\x07", "a", "<p>a</p>"))).URL)
	says(t, a.body, "<span class=\"subject\" dir=\"auto\">invoice \u202Egpj.exe\uFFFD</span>", "<h2 class=\"title\" dir=\"auto\">invoice \u202Egpj.exe\uFFFD</h2>")
}

func TestDownloadIsWhatArrived(t *testing.T) {
	t.Parallel()
	broken := []byte("Subject: a/../b\\c\r\n\x00\xff no header\r\nbare\nline\r\n.\r\n")
	srv := serve(t, boxOf(broken, letter("=?utf-8?q?H=C3=A4fen=3A_=22now=22?=\r\n =?utf-8?q?_/etc/passwd?=", "a", "b"), letter("", "a", "b")))
	for id, name := range map[string]string{"m1": "a-b-c.eml", "m2": "Häfen-now-etc-passwd.eml", "m3": "mail-m3.eml"} {
		a := get(t, srv.URL+"/mail/"+id+"/mail.eml")
		if id == "m1" && a.body != string(broken) {
			t.Errorf("%q came back as %q", broken, a.body)
		}
		kind, params, err := mime.ParseMediaType(a.Header.Get("Content-Disposition"))
		if err != nil || kind != "attachment" || params["filename"] != name {
			t.Errorf("%s: Content-Disposition is %q (%v), want the name %s", id, a.Header.Get("Content-Disposition"), err, name)
		}
	}
}

func TestHeadersHaveAWordEach(t *testing.T) {
	t.Parallel()
	a := get(t, serve(t, boxOf(letter("=?utf-8?q?H=C3=A4fen?=\r\n in spring", "a", "b"))).URL+"/mail/m1?view=headers")
	says(t, a.body,
		"<dt>MAIL FROM</dt>", "&lt;bounces@example.com&gt;", "<dt>RCPT TO</dt>",
		`<dd class="value" dir="auto">Häfen in spring</dd>`, "<pre>Subject: =?utf-8?q?H=C3=A4fen?=\n in spring</pre>",
		`<dd class="value" dir="auto">&lt;mailto:out@example.com&gt;, &lt;https://news.example.com/u/token&gt;</dd>`,
		"Mail programs put it behind their own Unsubscribe button", "one POST to the https address above is enough",
		"The lasting name of this digest", "No standard field: a note that one program writes")
	if fields, words := strings.Count(a.body, "<dt>"), strings.Count(a.body, `<dd class="word">`); fields != 13 || words != fields {
		t.Errorf("%d fields have %d words, want 13", fields, words)
	}
}

func TestBrokenMailIsShownAsSource(t *testing.T) {
	t.Parallel()
	srv := serve(t, boxOf(
		[]byte("Subject: a\r\nContent-Type: multipart/alternative\r\n\r\n--x\r\n\r\nlost words\r\n"),
		[]byte("this is <b>no</b> mail"),
		nil,
	))
	says(t, get(t, srv.URL+"/mail/m1").body, "not where one ends and the next begins", "This is what arrived.", `<pre class="source">`, "lost words")
	says(t, get(t, srv.URL+"/mail/m2").body, "A header ends with a line that is no header field.", "It has no header.", "this is &lt;b&gt;no&lt;/b&gt; mail")
	says(t, get(t, srv.URL+"/mail/m2?view=source").body, "this is &lt;b&gt;no&lt;/b&gt; mail")
	says(t, get(t, srv.URL+"/mail/m3").body, "No subject")
	says(t, get(t, srv.URL+"/mail/m3?view=html").body, "This mail has no HTML part.")
	says(t, get(t, srv.URL+"/mail/m1?view=text").body, "This mail has no text part.")
}

func TestLinksOfATextMailCanBeOpened(t *testing.T) {
	t.Parallel()
	a := get(t, serve(t, boxOf(letter("a", `See https://example.com/?a=b&c=d. Or javascript:alert(1) <https://example.com/"x>`, "b"))).URL+"/mail/m1?view=text")
	says(t, a.body, `See <a href="https://example.com/?a=b&amp;c=d" target="_blank" rel="noopener noreferrer">https://example.com/?a=b&amp;c=d</a>. Or javascript:alert(1) &lt;<a href="https://example.com/"`)
}

func TestNextPublishesAndReturnsToTheList(t *testing.T) {
	t.Parallel()
	calls := 0
	box := boxOf()
	box.Next = func(context.Context) error { calls++; return nil }
	srv := serve(t, box)
	says(t, get(t, srv.URL).body, "Publish the next edition")
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		do(t, request(t, method, srv.URL+"/next"))
	}
	if calls != 0 {
		t.Fatal("a GET published")
	}
	if a := do(t, request(t, http.MethodPost, srv.URL+"/next")); a.StatusCode != http.StatusSeeOther || calls != 1 {
		t.Errorf("%d after %d calls", a.StatusCode, calls)
	}
}

func TestFailedPublicationSaysWhyOnThePage(t *testing.T) {
	t.Parallel()
	box := boxOf(letter("First", "a", "b"))
	box.NextLabel = "Send No. 2"
	box.Next = func(context.Context) error { return errors.New("there are <no> new articles") }
	srv := serve(t, box)
	for range 2 { // a failure doesn't keep the button from working
		a := do(t, request(t, http.MethodPost, srv.URL+"/next"))
		if a.StatusCode != http.StatusInternalServerError {
			t.Errorf("status is %d", a.StatusCode)
		}
		says(t, a.body, `role="alert">The next edition was not published: there are &lt;no&gt; new articles`, "Send No. 2", "First")
	}
}

func TestOneEditionIsPublishedAtATime(t *testing.T) {
	t.Parallel()
	begun, end := make(chan struct{}), make(chan struct{})
	var calls atomic.Int32
	box := boxOf()
	box.Next = func(context.Context) error {
		if calls.Add(1) == 1 {
			close(begun)
			<-end
		}
		return nil
	}
	srv := serve(t, box)
	first, press := make(chan int), request(t, http.MethodPost, srv.URL+"/next")
	go func() {
		res, err := http.DefaultTransport.RoundTrip(press)
		if err != nil {
			first <- 0
			return
		}
		res.Body.Close()
		first <- res.StatusCode
	}()
	<-begun
	a := do(t, request(t, http.MethodPost, srv.URL+"/next"))
	if a.StatusCode != http.StatusConflict {
		t.Errorf("a second press is answered %d", a.StatusCode)
	}
	says(t, a.body, "An edition is being published just now.", "disabled>Publishing …")
	says(t, get(t, srv.URL+"/state").body, `"publishing":true`)
	close(end)
	if status := <-first; status != http.StatusSeeOther {
		t.Errorf("the first press is answered %d", status)
	}
	says(t, get(t, srv.URL+"/state").body, `"publishing":false`)
	if n := calls.Load(); n != 1 {
		t.Errorf("%d editions were published", n)
	}
}

// A tab that is closed meanwhile doesn't cut a publication in half.
func TestPublicationOutlivesTheRequest(t *testing.T) {
	t.Parallel()
	begun, gone, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	box := boxOf()
	box.Next = func(ctx context.Context) error {
		close(begun)
		<-gone
		ended <- ctx.Err()
		return nil
	}
	h, err := box.Handler()
	if err != nil {
		t.Fatal(err)
	}
	ctx, leave := context.WithCancel(t.Context())
	req := httptest.NewRequestWithContext(ctx, http.MethodPost, "http://localhost/next", nil)
	answered := make(chan struct{})
	go func() { h.ServeHTTP(httptest.NewRecorder(), req); close(answered) }()
	<-begun
	leave()
	close(gone)
	if err := <-ended; err != nil {
		t.Errorf("the publication saw %v", err)
	}
	<-answered
}

func TestOtherSitesCannotPublish(t *testing.T) {
	t.Parallel()
	box := boxOf()
	box.Next = func(context.Context) error { t.Error("published for another site"); return nil }
	srv := serve(t, box)
	for name, value := range map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"} {
		req := request(t, http.MethodPost, srv.URL+"/next")
		req.Header.Set(name, value)
		if a := do(t, req); a.StatusCode != http.StatusForbidden {
			t.Errorf("%s: %s is answered %d", name, value, a.StatusCode)
		}
	}
}

func TestBoxWithoutNextPublishesNothing(t *testing.T) {
	t.Parallel()
	if a := do(t, request(t, http.MethodPost, serve(t, boxOf()).URL+"/next")); a.StatusCode != http.StatusNotFound {
		t.Errorf("status is %d", a.StatusCode)
	}
}

func TestOnlyLoopbackNamesAreAnswered(t *testing.T) {
	t.Parallel()
	box := boxOf()
	box.Hosts = []string{"inbox.example.com"}
	srv := serve(t, box)
	for host, status := range map[string]int{
		"localhost": 200, "LOCALHOST:8025": 200, "demo.localhost:1": 200, "localhost.": 200, "127.0.0.1:99": 200, "127.9.9.9": 200, "[::1]:8025": 200, "[::1]": 200,
		"inbox.example.com:8025": 200, "Inbox.Example.COM": 200,
		"evil.example": 421, "localhost.evil.example": 421, "127.0.0.1.nip.io": 421, "192.168.0.1": 421, "0.0.0.0": 421, "notlocalhost": 421,
	} {
		for _, path := range []string{"/", "/state", "/style.css"} {
			req := request(t, http.MethodGet, srv.URL+path)
			req.Host = host
			if a := do(t, req); a.StatusCode != status {
				t.Errorf("%s by the name %q is answered %d, want %d", path, host, a.StatusCode, status)
			}
		}
	}
}

func TestWhatPagesLoadIsKeptWhileItStaysTheSame(t *testing.T) {
	t.Parallel()
	srv := serve(t, boxOf())
	page := get(t, srv.URL)
	if page.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("the page is kept: %v", page.Header)
	}
	for _, name := range []string{"style.css", "script.js", "icon.svg"} {
		_, rest, _ := strings.Cut(page.body, `"./`+name+"?v=")
		id, _, _ := strings.Cut(rest, `"`)
		if a := get(t, srv.URL+"/"+name+"?v="+id); !strings.Contains(a.Header.Get("Cache-Control"), "immutable") {
			t.Errorf("%s?v=%s may not be kept: %v", name, id, a.Header)
		}
		if a := get(t, srv.URL+"/"+name+"?v=other"); a.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s may be kept by a wrong name: %v", name, a.Header)
		}
	}
}
