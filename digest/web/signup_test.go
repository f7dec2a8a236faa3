package web

import (
	"context"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"courant/digest"
)

// post keeps letters in memory: what was asked for, and one letter to confirm.
type post struct {
	mu     sync.Mutex
	asked  []digest.LetterAsk
	letter digest.Letter
	acts   []string
	fault  error
}

func (p *post) AskLetter(_ context.Context, ask digest.LetterAsk) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fault == nil {
		p.asked = append(p.asked, ask)
	}
	return p.fault
}

func (p *post) Letter(_ context.Context, id digest.LetterID) (digest.Letter, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if id != p.letter.ID {
		return digest.Letter{}, digest.ErrNotFound
	}
	return p.letter, nil
}

func (p *post) ConfirmSignUp(_ context.Context, id digest.LetterID, shown []digest.SignUp, _ []digest.Offer) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.acts = append(p.acts, fmt.Sprintf("confirm %d %v", id, shown[0].Digests))
	p.letter.UsedAt = today
	return nil
}

func (p *post) DisownSignUp(_ context.Context, id digest.LetterID) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.acts = append(p.acts, fmt.Sprintf("not me %d", id))
	p.letter.SignUps, p.letter.Address, p.letter.State = nil, "", digest.Cancelled
	return nil
}

func (p *post) done() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.acts)
}

func (p *post) asks() []digest.LetterAsk {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.asked)
}

// clock is a time that a test moves.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// enrolling is a site where anyone may sign up to one list with two digests.
func enrolling(t *testing.T, shape ...func(*Site)) (*world, *post, *clock) {
	p, c := &post{letter: aLetter()}, &clock{at: today}
	w := open(t, append([]func(*Site){func(s *Site) {
		s.Now = c.now
		s.Digests = []Publication{
			{Digest: digest.Digest{Name: "morning", Title: "Morning Brief", Lists: []string{"readers"}, Categories: []string{"World", "Science"}, TimeZone: digest.ZoneReader}},
			{Digest: digest.Digest{Name: "evening", Title: "Evening <Paper>", Lists: []string{"readers", "closed"}, Categories: []string{"World", "Arts"}}},
		}
		s.SignUps = SignUps{Store: p, Lists: []OpenList{{Name: "readers", Title: "Readers", Open: true}, {Name: "closed"}, {Name: "bare", Open: true}}}
	}}, shape...)...)
	return w, p, c
}

func aLetter() digest.Letter {
	return digest.Letter{
		ID: 42, Kind: digest.LetterConfirm, Address: "ada.lovelace@example.org", Language: "en", State: digest.Accepted,
		SignUps: []digest.SignUp{{List: "readers", Digests: []string{"morning"}, Frequency: digest.Weekly, Categories: []string{"World"}}},
	}
}

var hiddenField = regexp.MustCompile(`<input type="hidden" name="(\w+)"[^>]* value="([^"]*)">`)

// formOf reads the hidden fields of a page.
func formOf(body string) url.Values {
	form := url.Values{}
	for _, m := range hiddenField.FindAllStringSubmatch(body, -1) {
		form.Add(m[1], m[2])
	}
	return form
}

func filled(w *world, c *clock) url.Values {
	form := formOf(w.get(w.URL + "/s/readers").body)
	c.pass(3 * time.Second)
	form.Set("email", "Bob@Example.org")
	form["digest"] = []string{"morning", "evening"}
	form["category"] = []string{"World", "Science", "Arts"}
	form.Set("frequency", "every")
	return form
}

func TestSignUpAsksForALetterAndNothingElse(t *testing.T) {
	t.Parallel()
	w, p, c := enrolling(t)
	form := filled(w, c)
	form["digest"], form["category"] = []string{"evening", "no such digest"}, []string{"Arts", "free text"}
	form.Set("zone", "Asia/Tokyo")
	form.Set("frequency", "weekly")
	a := w.do("POST", w.URL+"/s/readers", urlencoded, form.Encode())
	if a.StatusCode != 200 || !strings.Contains(a.body, "Check your mail") || !strings.Contains(a.body, "Bob@Example.org") {
		t.Fatalf("%s\n%s", a.Status, a.body)
	}
	asked := p.asks()
	want := digest.SignUp{List: "readers", Digests: []string{"evening"}, Categories: []string{"Arts"}, Frequency: digest.Weekly, Zone: "Asia/Tokyo", Language: "en"}
	if len(asked) != 1 || asked[0].Address != "Bob@example.org" || !asked[0].SignUp.Equal(want) || asked[0].Kind != digest.LetterConfirm {
		t.Fatalf("asked for %+v", asked)
	}
	if s := asked[0].SignUp; s.How != "page" || !strings.HasPrefix(s.Text, "en-") || len(asked[0].Network) != 16 {
		t.Errorf("consent: %+v, network %x", s, asked[0].Network)
	}
	if log := w.log.String(); strings.Contains(strings.ToLower(log), "bob@") {
		t.Errorf("the log has the address: %s", log)
	}
}

// TestSignUpFormSaysWhatIsWrong: what is missing or wrong is said, and nothing is asked for.
func TestSignUpFormSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(url.Values)
		status int
		want   string
		asked  int
	}{
		"no address":          {func(f url.Values) { f.Set("email", "") }, 400, "not a mail address", 0},
		"two addresses":       {func(f url.Values) { f.Set("email", "a@b.org, c@d.org") }, 400, "not a mail address", 0},
		"a header":            {func(f url.Values) { f.Set("email", "a@b.org\r\nBcc: c@d.org") }, 400, "not a mail address", 0},
		"no digest":           {func(f url.Values) { f.Del("digest") }, 400, "Tick at least one.", 0},
		"no category":         {func(f url.Values) { f.Del("category") }, 400, "at least one category", 0},
		"no time":             {func(f url.Values) { f.Del("t") }, 200, "One more step", 0},
		"a forged time":       {func(f url.Values) { f.Set("t", "zzz."+f.Get("t")[4:]) }, 200, "One more step", 0},
		"filled in by no one": {func(f url.Values) { f.Set("website", "http://x.example") }, 200, "Check your mail", 0},
		"scripts":             {func(f url.Values) { f.Set("email", `"><script>x</script>@b.org`) }, 400, "&lt;script&gt;", 0},
		"a zone nobody has":   {func(f url.Values) { f.Set("zone", "../../etc/passwd") }, 200, "Check your mail", 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, p, clock := enrolling(t)
			form := filled(w, clock)
			c.change(form)
			a := w.do("POST", w.URL+"/s/readers", urlencoded, form.Encode())
			if a.StatusCode != c.status || !strings.Contains(a.body, c.want) || len(p.asks()) != c.asked || strings.Contains(a.body, "<script>x") {
				t.Errorf("%s, asked for %d\n%s", a.Status, len(p.asks()), a.body)
			}
			if asked := p.asks(); len(asked) == 1 && asked[0].SignUp.Zone != "" {
				t.Errorf("zone %q", asked[0].SignUp.Zone)
			}
		})
	}
}

// TestFormSentTooQuicklyIsShownOnceMore: a person presses the button again.
func TestFormSentTooQuicklyIsShownOnceMore(t *testing.T) {
	t.Parallel()
	w, p, c := enrolling(t)
	form := formOf(w.get(w.URL + "/s/readers").body)
	form.Set("email", "bob@example.org")
	form["digest"], form["category"] = []string{"morning"}, []string{"World", "Science", "Arts"}
	a := w.do("POST", w.URL+"/s/readers", urlencoded, form.Encode())
	if a.StatusCode != 200 || !strings.Contains(a.body, "once more") || len(p.asks()) != 0 || !strings.Contains(a.body, `value="bob@example.org"`) {
		t.Fatalf("%s\n%s", a.Status, a.body)
	}
	c.pass(3 * time.Second)
	form.Set("t", formOf(a.body).Get("t"))
	if a := w.do("POST", w.URL+"/s/readers", urlencoded, form.Encode()); !strings.Contains(a.body, "Check your mail") || len(p.asks()) != 1 {
		t.Errorf("%s, asked for %d", a.Status, len(p.asks()))
	}
	// A day later the form is shown afresh.
	c.pass(25 * time.Hour)
	if a := w.do("POST", w.URL+"/s/readers", urlencoded, form.Encode()); !strings.Contains(a.body, "One more step") || len(p.asks()) != 1 {
		t.Errorf("%s, asked for %d", a.Status, len(p.asks()))
	}
}

// TestFormOnAnotherSiteLeadsToOurs: an address alone is asked for nothing yet.
func TestFormOnAnotherSiteLeadsToOurs(t *testing.T) {
	t.Parallel()
	w, p, c := enrolling(t)
	code := w.get(w.URL + "/s/readers/form").body
	if !strings.Contains(code, "action=&#34;https://news.example.com/s/readers&#34;") {
		t.Errorf("the form to copy:\n%s", code)
	}
	a := w.do("POST", w.URL+"/s/readers", urlencoded, "email=bob%40example.org", "Origin", "https://elsewhere.example", "Sec-Fetch-Site", "cross-site")
	if a.StatusCode != 200 || !strings.Contains(a.body, "One more step") || !strings.Contains(a.body, `value="bob@example.org"`) || len(p.asks()) != 0 {
		t.Fatalf("%s\n%s", a.Status, a.body)
	}
	if n := strings.Count(a.body, " checked"); n != 2+3+1 {
		t.Errorf("%d boxes are ticked", n)
	}
	c.pass(3 * time.Second)
	form := formOf(a.body)
	form.Set("email", "bob@example.org")
	form["digest"], form["category"] = []string{"morning"}, []string{"World", "Science", "Arts"}
	if a := w.do("POST", w.URL+"/s/readers", urlencoded, form.Encode()); len(p.asks()) != 1 || p.asks()[0].SignUp.How != "form" {
		t.Errorf("%s, asked for %+v", a.Status, p.asks())
	}
}

func TestListThatIsNotOpenIsNotThere(t *testing.T) {
	t.Parallel()
	w, p, _ := enrolling(t)
	for _, path := range []string{"/s/closed", "/s/none", "/s/bare", "/s/closed/form", "/s/", "/s/readers/"} {
		if a := w.get(w.URL + path); a.StatusCode != 404 {
			t.Errorf("%s: %s", path, a.Status)
		}
		if a := w.do("POST", w.URL+path, urlencoded, "email=a%40b.org"); a.StatusCode != 404 && a.StatusCode != 405 || len(p.asks()) != 0 {
			t.Errorf("POST %s: %s", path, a.Status)
		}
	}
	if a := w.get(w.URL + "/"); !strings.Contains(a.body, `href="/s/readers"`) {
		t.Errorf("the home page does not lead there:\n%s", a.body)
	}
}

func TestBudgetsAndFaultsSayNothingOfTheAddress(t *testing.T) {
	t.Parallel()
	w, p, c := enrolling(t)
	form := filled(w, c)
	p.fault = digest.ErrLetterBudget
	a := w.do("POST", w.URL+"/s/readers", urlencoded, form.Encode())
	if a.StatusCode != 429 || a.Header.Get("Retry-After") == "" || strings.Contains(a.body, "Bob@") {
		t.Errorf("%s\n%s", a.Status, a.body)
	}
	p.fault = context.DeadlineExceeded
	if a := w.do("POST", w.URL+"/s/readers", urlencoded, form.Encode()); a.StatusCode != 503 {
		t.Errorf("%s", a.Status)
	}
}

// TestManyFormsOfANetworkAreTurnedAway before the rows are asked.
func TestManyFormsOfANetworkAreTurnedAway(t *testing.T) {
	t.Parallel()
	w, p, c := enrolling(t)
	form := filled(w, c)
	turned := 0
	for range 200 {
		if a := w.do("POST", w.URL+"/s/readers", urlencoded, form.Encode()); a.StatusCode == 429 {
			turned++
		}
	}
	if turned != 200-maxForms || len(p.asks()) != maxForms {
		t.Errorf("%d turned away, %d asked for", turned, len(p.asks()))
	}
	if a := w.get(w.URL + "/s/readers"); a.StatusCode != 200 {
		t.Errorf("the page itself: %s", a.Status)
	}
}

func TestOnlyThePageWithTheZoneRunsAScript(t *testing.T) {
	t.Parallel()
	w, _, _ := enrolling(t)
	a := w.get(w.URL + "/s/readers")
	if p := a.Header.Get("Content-Security-Policy"); !strings.Contains(p, "script-src 'self'") || strings.Contains(p, "unsafe") {
		t.Errorf("policy %s", p)
	}
	w2, _, _ := enrolling(t, func(s *Site) { s.Digests = s.Digests[1:] })
	a = w2.get(w2.URL + "/s/readers")
	if p := a.Header.Get("Content-Security-Policy"); strings.Contains(p, "script") || strings.Contains(a.body, "<script") || strings.Contains(a.body, `name="zone"`) {
		t.Errorf("a page without readers' zones: %s\n%s", p, a.body)
	}
}

func (w *world) letterLink() string {
	return w.URL + "/c/" + w.keys.LetterLink(digest.Letter{ID: 42, Kind: digest.LetterConfirm, KeyID: 2})
}

// TestOnlyTheButtonConfirms: scanners fetch each link, with scripts and all.
func TestOnlyTheButtonConfirms(t *testing.T) {
	t.Parallel()
	w, p, _ := enrolling(t)
	link := w.letterLink()
	page := w.get(link)
	for range 3 {
		w.get(link)
		w.do("HEAD", link, "", "")
	}
	if len(p.done()) != 0 || !strings.Contains(page.body, "a…e@example.org") || !strings.Contains(page.body, "Morning Brief") || strings.Contains(page.body, "<script") {
		t.Fatalf("after looking: %v\n%s", p.done(), page.body)
	}
	form := formOf(page.body)
	for name, body := range map[string]string{"nothing": "", "no button": form.Encode(), "one-click": "List-Unsubscribe=One-Click", "another word": "do=yes&" + form.Encode()} {
		if a := w.do("POST", link, urlencoded, body); a.StatusCode != 400 || len(p.done()) != 0 {
			t.Errorf("%s: %s, %v", name, a.Status, p.done())
		}
	}
	if a := w.do("POST", link, urlencoded, "do=confirm&seen=x"); a.StatusCode != 409 || len(p.done()) != 0 || !strings.Contains(a.body, "meanwhile") {
		t.Errorf("what was not shown is confirmed: %s %v", a.Status, p.done())
	}
	form.Set("do", "confirm")
	if a := w.do("POST", link, urlencoded, form.Encode(), "Sec-Fetch-Site", "cross-site"); a.StatusCode != 403 || len(p.done()) != 0 {
		t.Errorf("from another site: %s %v", a.Status, p.done())
	}
	a := w.do("POST", link, urlencoded, form.Encode())
	if a.StatusCode != 200 || !strings.Contains(a.body, "Welcome") || !slices.Equal(p.done(), []string{"confirm 42 [morning]"}) {
		t.Errorf("%s %v\n%s", a.Status, p.done(), a.body)
	}
	if a := w.do("POST", link, urlencoded, form.Encode()); a.StatusCode != 200 || !strings.Contains(a.body, "already") || len(p.done()) != 1 {
		t.Errorf("twice: %s %v", a.Status, p.done())
	}
}

func TestThisWasNotMeHasAButton(t *testing.T) {
	t.Parallel()
	w, p, _ := enrolling(t)
	link := w.letterLink()
	if a := w.do("POST", link, urlencoded, url.Values{"do": {"not me"}}.Encode()); a.StatusCode != 200 || !strings.Contains(a.body, "Thank you") {
		t.Errorf("%s\n%s", a.Status, a.body)
	}
	if a := w.get(link); a.StatusCode != 200 || !strings.Contains(a.body, "Thank you") || strings.Contains(a.body, "<form") {
		t.Errorf("afterwards: %s\n%s", a.Status, a.body)
	}
	if got := p.done(); !slices.Equal(got, []string{"not me 42"}) {
		t.Errorf("%v", got)
	}
}

func TestLettersThatAreOverOrForgedConfirmNothing(t *testing.T) {
	t.Parallel()
	w, p, _ := enrolling(t)
	p.letter.Over = true
	confirm := url.Values{"do": {"confirm"}, "seen": {seen(p.letter.SignUps)}}.Encode()
	if a := w.do("POST", w.letterLink(), urlencoded, confirm); a.StatusCode != 410 {
		t.Errorf("too old: %s", a.Status)
	}
	p.letter.Over = false
	other := w.keys.LetterLink(digest.Letter{ID: 43, Kind: digest.LetterConfirm, KeyID: 2})
	if a := w.do("POST", w.URL+"/c/"+other, urlencoded, confirm); a.StatusCode != 410 {
		t.Errorf("a row that is gone: %s", a.Status)
	}
	token := []byte(w.keys.LetterLink(digest.Letter{ID: 42, Kind: digest.LetterConfirm, KeyID: 2}))
	for i := range token {
		forged := slices.Clone(token)
		if forged[i]++; forged[i] > 'z' {
			forged[i] = 'a'
		}
		if a := w.do("POST", w.URL+"/c/"+string(forged), urlencoded, confirm); a.StatusCode == 200 {
			t.Errorf("byte %d changed: %s", i, a.Status)
		}
	}
	for _, kind := range digest.LetterKinds()[1:] {
		if a := w.do("POST", w.URL+"/c/"+w.keys.LetterLink(digest.Letter{ID: 42, Kind: kind, KeyID: 2}), urlencoded, confirm); a.StatusCode != 404 {
			t.Errorf("a link of %s confirms: %s", kind, a.Status)
		}
	}
	if len(p.done()) != 0 {
		t.Errorf("%v", p.done())
	}
}
