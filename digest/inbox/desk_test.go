package inbox_test

import (
	"bufio"
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"courant/digest/inbox"
)

// deskOf is a box with an editor's desk and what was sent from it.
func deskOf(raw ...[]byte) (inbox.Box, *[]string) {
	box := boxOf(raw...)
	var mu sync.Mutex
	var sent []string
	box.Desk = &inbox.Desk{
		Version: "one",
		Changed: func(ctx context.Context, version string) string {
			if version != "one" {
				return "one"
			}
			<-ctx.Done()
			return ""
		},
		Findings: func(string) []inbox.Finding { return nil },
		Send: func(_ context.Context, id, address string) (string, error) {
			mu.Lock()
			defer mu.Unlock()
			if address == "" {
				return "", errors.New("there is no address")
			}
			sent = append(sent, id+" "+address)
			return "250 fine", nil
		},
		SendTo: "desk@example.com",
	}
	return box, &sent
}

// post sends the form of a desk.
func post(t *testing.T, address string, form url.Values, headers ...string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
		if headers[i] == "Host" {
			req.Host = headers[i+1]
		}
	}
	return do(t, req)
}

func TestOnlyWhatTheEditorSawIsSent(t *testing.T) {
	t.Parallel()
	box, sent := deskOf(letter("First", "a", "<p>a</p>"))
	srv := serve(t, box)
	form := url.Values{"address": {"me@example.org"}, "version": {"one"}}
	for _, c := range []struct {
		name    string
		form    url.Values
		headers []string
		status  int
		says    string
	}{
		{"as it is shown", form, nil, http.StatusSeeOther, ""},
		{"from the page itself", form, []string{"Origin", srv.URL, "Sec-Fetch-Site", "same-origin"}, http.StatusSeeOther, ""},
		{"an older version", url.Values{"address": {"me@example.org"}, "version": {"zero"}}, nil, http.StatusConflict, "has changed since your page was loaded"},
		{"no version", url.Values{"address": {"me@example.org"}}, nil, http.StatusConflict, "Nothing was sent"},
		{"no address", url.Values{"version": {"one"}}, nil, http.StatusUnprocessableEntity, "Not sent: there is no address"},
		{"another site", form, []string{"Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"}, http.StatusForbidden, ""},
		{"a site of the same machine", form, []string{"Origin", "http://127.0.0.1:1"}, http.StatusForbidden, ""},
		{"a stranger's name for this machine", form, []string{"Host", "evil.example"}, http.StatusMisdirectedRequest, ""},
		{"too long a form", url.Values{"version": {"one"}, "address": {strings.Repeat("a", 9<<10)}}, nil, http.StatusConflict, "Nothing was sent"},
	} {
		before := len(*sent)
		a := post(t, srv.URL+"/mail/m1/send", c.form, c.headers...)
		if a.StatusCode != c.status {
			t.Errorf("%s: status %d, want %d\n%s", c.name, a.StatusCode, c.status, a.body)
		}
		says(t, a.body, c.says)
		if went := len(*sent) - before; went != 0 != (c.status == http.StatusSeeOther) {
			t.Errorf("%s: %d mails went out", c.name, went)
		}
	}
	if a := post(t, srv.URL+"/mail/m9/send", form); a.StatusCode != http.StatusNotFound {
		t.Errorf("a mail that is not there: status %d", a.StatusCode)
	}
	if a := get(t, srv.URL+"/mail/m1/send"); a.StatusCode != http.StatusSeeOther || a.Header.Get("Location") != "/mail/m1" {
		t.Errorf("GET of the button: status %d, to %q", a.StatusCode, a.Header.Get("Location"))
	}
}

func TestTheLastGoodStateIsShownAndNotSent(t *testing.T) {
	t.Parallel()
	box, sent := deskOf(letter("First", "a", "<p>a</p>"))
	box.Desk.Fault = "courant.yaml:3:1: <odd>\n    3 | x"
	srv := serve(t, box)
	says(t, get(t, srv.URL).body, "This is the last good state", "courant.yaml:3:1: &lt;odd&gt;\n    3 | x", `<h2 class="title" dir="auto">First</h2>`)
	a := post(t, srv.URL+"/mail/m1/send", url.Values{"address": {"me@example.org"}, "version": {"one"}})
	if a.StatusCode != http.StatusConflict || len(*sent) > 0 {
		t.Errorf("status %d, %d sent", a.StatusCode, len(*sent))
	}
}

func TestADesksFramesRunNothingAndAskNobody(t *testing.T) {
	t.Parallel()
	box, _ := deskOf(letter("First", "a", `<html><head><style>p{color:red}</style></head><body><p style="color:blue" onclick="x()">a</p><script>x()</script>`))
	srv := serve(t, box)
	for query, c := range map[string]struct{ has, lacks string }{
		"":                     {`style="color:blue"`, "\x00"},
		"?styles=inline":       {`style="color:blue"`, "color:red"},
		"?styles=off":          {`style=""`, "color:"},
		"?styles=on&width=320": {"color:red", "\x00"},
	} {
		a := get(t, srv.URL+"/mail/m1/frame"+query)
		says(t, a.body, c.has)
		isSilentOn(t, a.body, c.lacks)
		policy := a.Header.Get("Content-Security-Policy")
		says(t, policy, "sandbox allow-same-origin allow-popups", "default-src 'none'", "form-action 'none'")
		isSilentOn(t, policy, "allow-scripts", "script-src")
	}
	says(t, get(t, srv.URL+"/mail/m1/frame?images=off").Header.Get("Content-Security-Policy"), "img-src 'none'")
	// Received mails are strangers': their frames have no origin at all.
	isSilentOn(t, get(t, serve(t, boxOf(letter("First", "a", "<p>a</p>"))).URL+"/mail/m1/frame").Header.Get("Content-Security-Policy"), "same-origin", "allow-scripts")
}

func TestWidthsAreThoseOfTheDesk(t *testing.T) {
	t.Parallel()
	mail := letter("First", "a", "<p>a</p>")
	box, _ := deskOf(mail)
	srv := serve(t, box)
	for query, frames := range map[string]int{"": 3, "?width=all": 3, "?width=320": 1, "?width=900": 1, "?width=phone": 3} {
		if n := strings.Count(get(t, srv.URL+"/mail/m1"+query).body, "<iframe"); n != frames {
			t.Errorf("%q: %d frames, want %d", query, n, frames)
		}
	}
	if n := strings.Count(get(t, serve(t, boxOf(mail)).URL+"/mail/m1?width=all").body, "<iframe"); n != 1 {
		t.Errorf("a received mail has %d frames", n)
	}
}

func TestTheMeterTellsWhatGmailClips(t *testing.T) {
	t.Parallel()
	for size, c := range map[int]struct{ mood, word string }{
		80_000:  {"good", "<b>80.0 kB</b> of HTML: Gmail shows all of it."},
		80_001:  {"near", "near the size that Gmail clips."},
		100_000: {"near", "near the size that Gmail clips."},
		100_001: {"bad", "Gmail would clip it"},
	} {
		box, _ := deskOf(letter("First", "a", "<p>"+strings.Repeat("a", size-3)))
		says(t, get(t, serve(t, box).URL).body, `class="meter `+c.mood+`"`, c.word)
	}
}

func TestFindingsLeadToTheirLines(t *testing.T) {
	t.Parallel()
	box, _ := deskOf(letter("First", "one\ntwo", "<p>one</p>\n<p>&lt;two&gt;</p>"))
	box.Desk.Findings = func(string) []inbox.Finding {
		return []inbox.Finding{
			{Rule: "pale", Error: true, Part: "html", Line: 2, Finding: "it is <pale>", Advice: "Make it darker."},
			{Rule: "odd", Part: "header", Line: 3, Finding: "it is odd", Advice: "Mend it."},
			{Rule: "large", Part: "message", Finding: "it is large", Advice: "Cut it."},
		}
	}
	srv := serve(t, box)
	a := get(t, srv.URL+"/mail/m1?view=checks&scheme=dark")
	says(t, a.body, `Checks <span class="count">3</span>`, "<b>error</b> <code>pale</code>", "it is &lt;pale&gt;.", "Make it darker.",
		`href="../mail/m1?part=html&amp;scheme=dark&amp;view=source#L2">html part, line 2</a>`,
		`href="../mail/m1?part=message&amp;scheme=dark&amp;view=source#L3">headers, line 3</a>`,
		`href="../mail/m1?part=message&amp;scheme=dark&amp;view=source">the mail</a>`)
	says(t, get(t, srv.URL+"/mail/m1?view=source&part=html").body, `<span class="line" id="L2">&lt;p&gt;&amp;lt;two&amp;gt;&lt;/p&gt;</span>`)
	says(t, get(t, srv.URL+"/mail/m1?view=source&part=text").body, `<span class="line" id="L2">two</span>`)
	says(t, get(t, srv.URL+"/mail/m1?view=source").body, `<span class="line" id="L3">Subject: First</span>`)
	box.Desk.Findings = func(string) []inbox.Finding { return nil }
	says(t, get(t, serve(t, box).URL+"/mail/m1?view=checks").body, "Nothing is wrong with this mail.")
	isSilentOn(t, get(t, serve(t, boxOf(letter("First", "a", "b"))).URL+"/mail/m1?view=checks").body, "Checks", "Send it to me", "data-version")
}

func TestAPageIsToldOfTheVersionAtOnce(t *testing.T) {
	t.Parallel()
	box, _ := deskOf(letter("First", "a", "b"))
	srv := serve(t, box)
	res, err := http.Get(srv.URL + "/events")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.Header.Get("Content-Type") != "text/event-stream" {
		t.Errorf("it is %s", res.Header.Get("Content-Type"))
	}
	lines := bufio.NewScanner(res.Body)
	for lines.Scan() {
		if lines.Text() == "data: one" {
			return
		}
	}
	t.Error("no version came")
}

func TestAMailIsSeenRightToLeftWhereThereIsSuchAOne(t *testing.T) {
	t.Parallel()
	box, _ := deskOf(letter("First", "a", "<p>left</p>"))
	isSilentOn(t, get(t, serve(t, box).URL).body, "Right to left")
	box.Desk.Mirrored = func(string) []byte { return letter("First", "turned", `<p dir="rtl">turned</p>`) }
	srv := serve(t, box)
	says(t, get(t, srv.URL).body, "Right to left")
	says(t, get(t, srv.URL+"/mail/m1/frame?direction=rtl").body, "turned")
	says(t, get(t, srv.URL+"/mail/m1/frame").body, "left")
	says(t, get(t, srv.URL+"/mail/m1?view=text&direction=rtl").body, "turned")
}
