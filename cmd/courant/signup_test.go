package main

import (
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"

	"courant/digest/smtpsink"

	"github.com/chromedp/chromedp"
)

// open lets anyone sign up to the readers' list.
func (d *desk) openList() {
	d.t.Helper()
	d.configure()
	d.rewrite("{title: All readers}", "{title: All readers, sign_up: true}")
}

// confirmLink is where the button of the last letter to an address leads.
func (d *desk) confirmLink(address string) string {
	d.t.Helper()
	got := d.sink.To(address)
	if len(got) == 0 {
		d.t.Fatalf("%s has no letter", address)
	}
	m := regexp.MustCompile(`href="(http://` + regexp.QuoteMeta(d.listen) + `/c/[\w-]+)"`).FindStringSubmatch(htmlPart(d.t, got[len(got)-1].Body))
	if m == nil {
		d.t.Fatalf("no link in\n%s", got[len(got)-1].Body)
	}
	return html.UnescapeString(m[1])
}

// TestReaderSignsUpInABrowser goes from the sign-up page to the first edition.
func TestReaderSignsUpInABrowser(t *testing.T) {
	t.Parallel()
	browser := openBrowser(t)
	d := newDesk(t, smtpsink.Options{})
	d.extra = strings.Replace(evening, "time_zone: Europe/Berlin", "time_zone: reader\n    home_zone: Europe/Berlin", 1)
	d.openList()
	d.ready(d.start("serve", "--only", "web,deliver"))
	v := d.visit(t, browser)
	if status := v.open("http://" + d.listen + "/s/readers"); status != http.StatusOK {
		t.Fatalf("status %d", status)
	}
	v.wants("Sign up", "Morning Brief", "Evening Brief", "It comes by the clock of your place")
	v.sound("signup")
	v.do(chromedp.SendKeys("#email", "new@example.org"), chromedp.Click(`input[value="evening"]`), chromedp.Click(`input[value="weekly"]`))
	for {
		// A browser that is driven is too quick for a person at first.
		v.load(chromedp.Click("button.main"))
		if strings.Contains(ask[string](v, `document.body.innerText`), "Check your mail") {
			break
		}
	}
	v.wants("new@example.org")
	v.sound("check")
	if got := d.stands(t, "new@example.org"); got != "readers pending" {
		t.Errorf("before the yes: %s", got)
	}
	d.until("the letter is there", func() bool { return len(d.sink.To("new@example.org")) == 1 })
	letter := string(d.sink.To("new@example.org")[0].Body)
	if !strings.Contains(letter, "Auto-Submitted: auto-generated") || !strings.Contains(letter, "DKIM-Signature:") || strings.Contains(letter, "\nList-Unsubscribe") {
		t.Errorf("the letter's header:\n%s", letter[:2000])
	}
	link := d.confirmLink("new@example.org")
	scanner := d.visit(t, browser) // which runs scripts, and comes first
	scanner.open(link)
	for _, method := range []string{"GET", "HEAD"} {
		r, err := http.NewRequestWithContext(t.Context(), method, link, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		if err := resp.Body.Close(); err != nil {
			t.Error(err)
		}
	}
	if got := d.stands(t, "new@example.org"); got != "readers pending" {
		t.Errorf("a scanner confirmed: %s", got)
	}
	v.open(link)
	v.wants("n…w@example.org", "Morning Brief", "Once a week", "This was not you?")
	v.sound("confirm")
	v.press("confirm")
	v.wants("Welcome", "Morning Brief")
	v.sound("welcome")
	if got := d.stands(t, "new@example.org"); !strings.HasPrefix(got, "readers active; evening left weekly") || !strings.Contains(got, "morning weekly") {
		t.Errorf("after the yes: %s", got)
	}
	rows := d.rows(t, "new@example.org")
	for _, want := range []string{`"kind": "confirmed"`, `"how": "page"`, `"text": "en-`, `"network": "`} {
		if !strings.Contains(rows, want) {
			t.Errorf("the record of consent lacks %s:\n%s", want, rows)
		}
	}
	d.tell("Harbour closes for repairs")
	d.must("send", "morning")
	d.must("send", "evening")
	if n := len(d.sink.To("new@example.org")); n != 2 {
		t.Errorf("%d mails, want the letter and one edition", n)
	}
}

// bomber posts the sign-up form, as from networks of its choice: the proxy
// before it is believed.
type bomber struct {
	*desk
	form url.Values
}

func (d *desk) bomber() *bomber {
	d.t.Helper()
	b := &bomber{d, url.Values{}}
	_, page := b.post("192.0.2.1", "") // no address: shows the form
	m := regexp.MustCompile(`name="t" value="([^"]+)"`).FindStringSubmatch(page)
	if m == nil {
		d.t.Fatalf("no form in\n%s", page)
	}
	b.form = url.Values{"t": {m[1]}, "digest": {"morning"}, "frequency": {"every"}, "how": {"page"}}
	tries := 0
	d.until("a person could have filled the form", func() bool {
		tries++ // each of another network, which is looked at
		_, page := b.post(fmt.Sprintf("192.0.2.%d", 2+tries%250), "first@example.org")
		return strings.Contains(page, "Check your mail")
	})
	return b
}

func (b *bomber) post(network, address string) (int, string) {
	b.t.Helper()
	form := url.Values{"email": {address}}
	for k, v := range b.form {
		form[k] = v
	}
	r, err := http.NewRequestWithContext(b.t.Context(), "POST", "http://"+b.listen+"/s/readers", strings.NewReader(form.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("X-Forwarded-For", network)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		b.t.Error(err)
		return 0, ""
	}
	defer resp.Body.Close()
	page, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Error(err)
	}
	return resp.StatusCode, string(page)
}

// many posts n forms from several clients at once.
func (b *bomber) many(n int, form func(i int) (network, address string)) (taken int) {
	b.t.Helper()
	var crew sync.WaitGroup
	var mu sync.Mutex
	for k := range 8 {
		crew.Go(func() {
			for i := k; i < n; i += 8 {
				status, page := b.post(form(i))
				switch {
				case status == http.StatusOK && strings.Contains(page, "Check your mail"):
					mu.Lock()
					taken++
					mu.Unlock()
				case status != http.StatusTooManyRequests:
					b.t.Errorf("post %d: %d\n%s", i, status, page)
				}
			}
		})
	}
	crew.Wait()
	return taken
}

// TestSignUpIsNoBomb: thousands of posts make few mails, and tell nothing.
func TestSignUpIsNoBomb(t *testing.T) {
	t.Parallel()
	d := newDesk(t, smtpsink.Options{})
	d.openList()
	d.rewrite("desk_listen", "letters: {in_all: 400/hour}\ndesk_listen")
	d.must("readers", "import", d.write("readers.csv", "email\nknown@example.org\nerased@example.org\n"))
	d.must("readers", "erase", "erased@example.org")
	d.ready(d.start("serve", "--only", "web,deliver"))
	b := d.bomber()

	// Whoever the address is, the answer is the same to the byte.
	answers := map[string]bool{}
	for i, who := range []string{"known", "nobody", "erased", "known"} {
		status, page := b.post(fmt.Sprintf("203.0.113.%d", i), who+"@example.org")
		page = regexp.MustCompile(`name="t" value="[^"]+"`).ReplaceAllString(strings.ReplaceAll(page, who+"@", "who@"), "")
		answers[fmt.Sprint(status, page)] = true
	}
	if len(answers) != 1 {
		t.Errorf("%d different answers", len(answers))
	}
	if taken := b.many(1000, func(i int) (string, string) { return "198.51.100.7", fmt.Sprintf("one%d@example.org", i) }); taken != 30 {
		t.Errorf("%d of 1000 from one network were taken, want 30", taken)
	}
	b.many(200, func(i int) (string, string) { return fmt.Sprintf("10.0.%d.%d", i/250, i%250), "victim@example.org" })
	b.many(1500, func(i int) (string, string) {
		return fmt.Sprintf("10.9.%d.%d", i/250, i%250), fmt.Sprintf("other%d@example.net", i)
	})
	d.until("all letters are sent", func() bool {
		return d.query(`SELECT count(*) FROM letters WHERE state IN ('queued', 'claimed', 'sending')`) == "0"
	})
	if n := len(d.sink.To("victim@example.org")); n != 1 {
		t.Errorf("the one address got %d letters from 200 networks", n)
	}
	if n := d.query(`SELECT count(*) FROM letters`); n != "400" {
		t.Errorf("%s asks were written down, want 400", n)
	}
	if n := d.sink.Count(); n > 210 {
		t.Errorf("%d mails went out", n)
	}
	if n := len(d.sink.To("known@example.org")) + len(d.sink.To("erased@example.org")) + len(d.sink.To("nobody@example.org")); n != 3 {
		t.Errorf("%d letters to the three who were asked for first", n)
	}
}
