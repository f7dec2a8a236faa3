package render

import (
	"bytes"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"courant/digest"
)

func TestConfigFaultsSayWhatToSet(t *testing.T) {
	t.Parallel()
	for want, spoil := range map[string]func(*Config){
		"set name":           func(c *Config) { c.Name = " " },
		"set postal_address": func(c *Config) { c.PostalAddress = "" },
		"set from":           func(c *Config) { c.From = "nobody" },
		"not ASCII":          func(c *Config) { c.From = "jörg@example.com" },
		"set reply_to":       func(c *Config) { c.ReplyTo = "x@y@z" },
		"no keys":            func(c *Config) { c.Keys = nil },
		"must be https":      func(c *Config) { c.URL = "http://news.example.com" },
		"set url":            func(c *Config) { c.URL = "news.example.com" },
		"more than a host":   func(c *Config) { c.URL = "https://news.example.com/?a=b" },
		"do not belong":      func(c *Config) { c.URL = "https://news.example.com/a;b=c" },
		"not a mail domain":  func(c *Config) { c.ReturnPath = "bounces" },
		"lang/en.json":       func(c *Config) { c.Templates = withoutLanguages(t) },
	} {
		c := testConfig()
		spoil(&c)
		if _, err := New(c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	for in, want := range map[string]string{
		"https://news.example.com/": "https://news.example.com", "http://127.0.0.1:8080": "http://127.0.0.1:8080",
		"http://localhost:1": "http://localhost:1", "http://[::1]:80": "http://[::1]:80",
		"https://nachrichten.müller.example/a/": "https://nachrichten.xn--mller-kva.example/a",
	} {
		c := testConfig()
		c.URL = in
		if r := newRenderer(t, c); r.c.URL != want {
			t.Errorf("%s becomes %s, want %s", in, r.c.URL, want)
		}
	}
}

func TestReasonsAreTrueInEveryLanguage(t *testing.T) {
	t.Parallel()
	r := newRenderer(t, testConfig())
	for lang, want := range map[string]string{
		"en":    "You get Morning Brief, weekdays at 07:00 (Berlin), since 3 March 2026.",
		"de":    "Sie erhalten Morning Brief montags bis freitags um 7:00 Uhr (Berlin), seit dem 3. März 2026.",
		"en-US": "You get Morning Brief, weekdays at 7:00 a.m. (Berlin), since March 3, 2026.",
		"fr":    "Vous recevez Morning Brief, du lundi au vendredi à 7 h 00 (Berlin), depuis le 3 mars 2026.",
		"es":    "Recibe Morning Brief, de lunes a viernes, a las 7:00 (Berlín), desde el 3 de marzo de 2026.",
		"pt":    "Você recebe Morning Brief, de segunda a sexta-feira, às 7h00 (Berlim), desde 3 de março de 2026.",
		"ar":    "تصلك نشرة «Morning Brief» من الاثنين إلى الجمعة الساعة 07:00 (برلين) منذ 3 مارس 2026.",
		"nl":    "You get Morning Brief, weekdays at 07:00 (Berlin), since 3 March 2026.",
	} {
		s := plainSample()
		s.Variant.Language = lang
		_, p := render(t, r, s)
		for _, part := range []string{p.text, p.html} {
			if !strings.Contains(squeeze(part), squeeze(want)) {
				t.Errorf("%s: no %q", lang, want)
			}
		}
	}
}

// TestLanguageIsOneFile adds a seventh language by a file and nothing else.
func TestLanguageIsOneFile(t *testing.T) {
	t.Parallel()
	c := testConfig()
	files := withTemplates(t, "", "")
	files["lang/nl.json"] = templateFile(`{
		"name": "Nederlands", "direction": "ltr",
		"months": ["januari","februari","maart","april","mei","juni","juli","augustus","september","oktober","november","december"],
		"weekdays": ["zondag","maandag","dinsdag","woensdag","donderdag","vrijdag","zaterdag"],
		"on_weekdays": ["op zondag","op maandag","op dinsdag","op woensdag","op donderdag","op vrijdag","op zaterdag"],
		"long_date": "{weekday} {day} {month} {year}", "date": "{day} {month} {year}", "short_date": "{day} {month}", "clock": "{hour}.{minute} uur",
		"list_between": ", ", "list_last": " en ", "cities": {"Europe/Berlin": "Berlijn"},
		"texts": {
			"days.weekdays": "op werkdagen", "mail.number": "Nr.\u00a0{n}", "mail.unsubscribe": "Afmelden", "mail.read_more": "Lees verder bij {host}",
			"mail.reason": "U ontvangt {digest} {days} om {time} ({place}), sinds {since}."
		}
	}`)
	c.Templates = files
	r := newRenderer(t, c)
	s := plainSample()
	s.Variant.Language = "nl-BE"
	_, p := render(t, r, s)
	for _, want := range []string{"dinsdag 3 maart 2026", "Nr.\u00a012", "Afmelden", "Lees verder bij example.org", "U ontvangt Morning Brief op werkdagen om 07.00 uur (Berlijn), sinds 3 maart 2026.", "View in browser"} {
		for kind, part := range map[string]string{"text": p.text, "html": p.html} {
			if !strings.Contains(squeeze(part), squeeze(want)) {
				t.Errorf("%s: no %q", kind, want)
			}
		}
	}
	if !strings.Contains(p.html, `<html lang="nl" dir="ltr"`) {
		t.Error("the HTML does not say that it is Dutch")
	}
	parity(t, p)
}

func TestReasonSaysOnlyWhatIsKnown(t *testing.T) {
	t.Parallel()
	r := newRenderer(t, testConfig())
	for want, change := range map[string]func(*sample){
		"You get Morning Brief, weekdays at 07:00 (Berlin).":                     func(s *sample) { s.Recipient.Since = time.Time{} },
		"You get Morning Brief, weekdays at 07:00 (Berlin), since 4 March 2026.": func(s *sample) { s.Recipient.First = digest.Date{Year: 2026, Month: 3, Day: 4} },
		"You get Morning Brief, weekdays at 07:00 (Tokyo), since 4 March 2026.": func(s *sample) {
			s.Recipient.First = digest.Date{Year: 2026, Month: 3, Day: 4} // everywhere the same day
			s.Edition.Cadence.Zone, s.Variant.Zone = digest.ZoneReader, "Asia/Tokyo"
		},
		"You have been getting Morning Brief since 3 March 2026.": func(s *sample) { s.Edition.Cadence.Weekdays = nil },
		"You get Morning Brief, weekdays at 07:00 (Tokyo), since 3 March 2026.": func(s *sample) {
			s.Edition.Cadence.Zone, s.Variant.Zone = digest.ZoneReader, "Asia/Tokyo"
		},
		"You get Morning Brief, weekdays at 07:00 (your time), since 3 March 2026.": func(s *sample) {
			s.Edition.Cadence.Zone, s.Variant.Zone = digest.ZoneReader, ""
		},
		"You get Morning Brief, Mondays and Sundays at 07:00 (Berlin), since 3 March 2026.": func(s *sample) { s.Edition.Cadence.Weekdays = []time.Weekday{0, 1} },
		"This is a proof of Morning Brief, sent to you by its editors.":                     func(s *sample) { s.Edition.Kind = digest.KindProof },
		"You get Morning Brief because you subscribed to it.": func(s *sample) {
			s.Edition.Cadence, s.Recipient.Since = digest.Cadence{}, time.Time{}
		},
	} {
		s := plainSample()
		change(&s)
		_, p := render(t, r, s)
		if !strings.Contains(squeeze(p.text), squeeze(want)) {
			t.Errorf("no %q in:\n%s", want, p.text)
		}
	}
}

func TestViewShowsTheEditionWithoutItsReader(t *testing.T) {
	t.Parallel()
	c := testConfig()
	r := newRenderer(t, c)
	s := plainSample()
	bare, err := r.View(s.Edition, s.Variant, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, no := range []string{"/p/", "/v/", "/u/", "Unsubscribe", "You get", "Ada", "display:none;font-size"} {
		if bytes.Contains(bare, []byte(no)) {
			t.Errorf("the page for nobody has %q", no)
		}
	}
	mine, err := r.View(s.Edition, s.Variant, &s.Recipient)
	if err != nil {
		t.Fatal(err)
	}
	link := "/p/" + c.Keys.LinkToken(1, digest.Token{Purpose: digest.PurposePage, Ref: s.Recipient.Ref})
	for what, want := range map[string]bool{link: true, "since 3 March 2026": true, "/v/": false, "/u/": false, "Ada": false, "ada@": false} {
		if bytes.Contains(mine, []byte(what)) != want {
			t.Errorf("the reader's page has %q: %v", what, !want)
		}
	}
	checkHTML(t, string(mine))
	c.Templates = withTemplates(t, personalHTML, "")
	if page, err := newRenderer(t, c).View(s.Edition, s.Variant, &s.Recipient); err != nil || bytes.Contains(page, []byte("Ada")) {
		t.Errorf("the page names its reader, %v", err)
	}
}

var colour = regexp.MustCompile(`[;" {]color:\s*(#[0-9a-f]{6})`)

// TestContrastIsEnoughInLightAndDark measures every colour of text against
// every ground it may stand on: WCAG 2.1, 1.4.3.
func TestContrastIsEnoughInLightAndDark(t *testing.T) {
	t.Parallel()
	_, p := render(t, newRenderer(t, testConfig()), samples(t)["many"])
	head, body, _ := strings.Cut(p.html, "</head>")
	for where, s := range map[string]string{"light": body, "dark": head} {
		grounds := map[string][]string{"light": {"#ffffff", "#efece6"}, "dark": {"#1d1b19", "#121110"}}[where]
		seen := map[string]bool{}
		for _, m := range colour.FindAllStringSubmatch(s, -1) {
			seen[m[1]] = true
			for _, g := range grounds {
				if c := contrast(t, m[1], g); c < 4.5 {
					t.Errorf("%s: %s on %s has a contrast of %.2f", where, m[1], g, c)
				}
			}
		}
		if len(seen) != 3 {
			t.Errorf("%s: colours %v, want ink, soft and accent", where, seen)
		}
	}
}

func contrast(t *testing.T, a, b string) float64 {
	t.Helper()
	la, lb := lightOf(t, a), lightOf(t, b)
	return (max(la, lb) + 0.05) / (min(la, lb) + 0.05)
}

func lightOf(t *testing.T, c string) float64 {
	t.Helper()
	n, err := strconv.ParseUint(c[1:], 16, 32)
	if err != nil {
		t.Fatal(err)
	}
	part := func(v uint64) float64 {
		x := float64(v&255) / 255
		if x <= 0.03928 {
			return x / 12.92
		}
		return math.Pow((x+0.055)/1.055, 2.4)
	}
	return 0.2126*part(n>>16) + 0.7152*part(n>>8) + 0.0722*part(n)
}

func TestSectionsKeepTheOrderOfTheirFirstStory(t *testing.T) {
	t.Parallel()
	s := plainSample()
	s.Variant.Stories = nil
	for i, c := range []string{"World", "", "Sport", "World", ""} {
		s.Variant.Stories = append(s.Variant.Stories, digest.Told{Title: fmt.Sprint("Story ", i), URL: fmt.Sprint("https://example.org/", i), Category: c})
	}
	_, p := render(t, newRenderer(t, testConfig()), s)
	got := regexp.MustCompile(`WORLD|MORE STORIES|SPORT|Story \d`).FindAllString(p.text, -1)
	if want := "WORLD Story 0 MORE STORIES Story 1 Story 4 SPORT Story 2 WORLD Story 3"; strings.Join(got, " ") != want {
		t.Errorf("%v, want %s", got, want)
	}
	parity(t, p)
}

func TestHangWrapsByWhatIsSeen(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":                        "- ",
		"short":                   "- short",
		strings.Repeat("ab ", 30): "- " + strings.TrimSpace(strings.Repeat("ab ", 25))[:74] + "\n  " + strings.TrimSpace(strings.Repeat("ab ", 5)),
		strings.Repeat("x", 80):   "- " + strings.Repeat("x", 74) + "\n  " + strings.Repeat("x", 6),
		strings.Repeat("長", 40):   "- " + strings.Repeat("長", 37) + "\n  " + strings.Repeat("長", 3),
		"https://example.org/":    "- https://example.org/",
	} {
		if got := hang("- ", in); got != want {
			t.Errorf("%q:\n%q, want\n%q", in, got, want)
		}
	}
}

func TestLinksAreSafeOrAbsent(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"https://example.org/a?b=c&d#e":              "https://example.org/a?b=c&d#e",
		" https://example.org/ü ":                    "https://example.org/%C3%BC",
		"https://müller.example:8443/x":              "https://xn--mller-kva.example:8443/x",
		"https://example.org/%zz":                    "", // net/url cannot read it
		"https://example.org/?%zz'()":                "https://example.org/?%25zz%27%28%29",
		"http://[2001:db8::1]/":                      "http://[2001:db8::1]/",
		"javascript:alert(1)":                        "",
		"data:text/html,x":                           "",
		"//example.org/":                             "",
		"https://user:pw@example.org/":               "",
		"https:///nohost":                            "",
		"https://example.org/ZgotmplZ":               "",
		"https://e.org/" + strings.Repeat("x", 3000): "",
	} {
		if got := link(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestEveryLanguageCountsFromTheDigestsFirstDay(t *testing.T) {
	t.Parallel()
	r := newRenderer(t, testConfig())
	for _, code := range []string{"en", "en-US", "de", "fr", "es", "pt", "ar"} {
		s := plainSample()
		s.Variant.Language, s.Recipient.First = code, digest.Date{Year: 2031, Month: 7, Day: 29}
		_, p := render(t, r, s)
		if !strings.Contains(p.text, "29") || !strings.Contains(p.text, "2031") || !strings.Contains(p.html, "2031") {
			t.Errorf("%s does not name the digest's first day:\n%s", code, p.text)
		}
	}
}
