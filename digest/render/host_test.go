package render

import (
	"strings"
	"testing"

	"courant/digest"
)

// TestReadMoreSaysWhereTheLinkLeads holds the name that is shown to the link,
// whatever a feed calls itself.
func TestReadMoreSaysWhereTheLinkLeads(t *testing.T) {
	t.Parallel()
	r := newRenderer(t, testConfig())
	long := strings.Repeat("aaaaaaaaa.", 15)
	for _, c := range []struct{ url, lang, want string }{
		{"http://198.51.100.7/login", "en", "198.51.100.7"}, // an IP says nothing, and a feed's word for it could lie,
		{"http://[2001:db8::7]/login", "en", "2001:db8::7"},
		{"https://www.example.com/a", "en", "example.com"},
		{"https://www.com/a", "en", "www.com"},
		{"https://bücher.example/a", "en", "bücher.example"},
		{"https://аррӏе.com/a", "en", "xn--80ak6aa92e.com"},          // all Cyrillic
		{"https://аррӏе.com/a", "ru", "xn--80ak6aa92e.com"},          // and looks Latin to Russians, too
		{"https://раypal.com/a", "ru", "xn--ypal-43d9g.com"},         // Cyrillic and Latin in one label
		{"https://новости.example/a", "ru", "новости.example"},       //
		{"https://новости.example/a", "en", "xn--b1amnebsh.example"}, // who reads English need not know it
		{"https://президент.рф/a", "ru", "президент.рф"},
		{"https://ɡoogle.com/a", "en", "xn--oogle-qmc.com"}, // script g
		{"https://twıtter.com/a", "en", "xn--twtter-q9a.com"},
		{"https://例え.jp/a", "ja", "例え.jp"},
		{"https://example.com." + long + "evil.example/", "en", "…"},
	} {
		v := testVariant(digest.Told{Title: "A", URL: c.url, Site: "www.deutsche-bank.de", Source: "www.deutsche-bank.de", Language: c.lang})
		e := testEdition()
		s, err := r.setting(e, v)
		if err != nil {
			t.Fatal(err)
		}
		got := s.story(v.Stories[0], e).Host
		if c.want == "…" {
			if !strings.HasPrefix(got, "…") || !strings.HasSuffix(got, ".evil.example") {
				t.Errorf("%s is shown as %q, without its end", c.url, got)
			}
		} else if got != c.want {
			t.Errorf("%s in %s is shown as %q, not %q", c.url, c.lang, got, c.want)
		}
	}
}

// The reader's own machine has no name to steal; anybody else's number has.
func TestOnlyLinksToLoopbackBearTheNameOfTheirSite(t *testing.T) {
	t.Parallel()
	r := newRenderer(t, testConfig())
	for _, c := range []struct{ url, site, want string }{
		{"http://127.0.0.1:8025/a", "Harbour Courier", "Harbour Courier"},
		{"http://[::1]/a", "Harbour Courier", "Harbour Courier"},
		{"http://127.0.0.1/a", "bank.example", "127.0.0.1"},
		{"http://198.51.100.7/a", "Harbour Courier", "198.51.100.7"},
		{"http://127.0.0.1.evil.example/a", "Harbour Courier", "127.0.0.1.evil.example"},
	} {
		v := testVariant(digest.Told{Title: "A", URL: c.url, Site: c.site})
		s, err := r.setting(testEdition(), v)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.story(v.Stories[0], testEdition()).Host; got != c.want {
			t.Errorf("%s of %s is shown as %q, not %q", c.url, c.site, got, c.want)
		}
	}
}

func TestNameThatLooksLikeAHostIsTheOneItLeadsTo(t *testing.T) {
	t.Parallel()
	r := newRenderer(t, testConfig())
	v := testVariant(digest.Told{Title: "A", URL: "https://example.com/", Also: []digest.Also{
		{Source: "www.bank.example", URL: "https://evil.example/"}, {Source: "Dr. Who Daily", URL: "https://b.example/"},
	}})
	s, err := r.setting(testEdition(), v)
	if err != nil {
		t.Fatal(err)
	}
	also := s.story(v.Stories[0], testEdition()).Also
	if len(also) != 2 || also[0].Name != "evil.example" || also[1].Name != "Dr. Who Daily" {
		t.Errorf("also at %+v", also)
	}
}

func TestDayOfAGermanDateStaysWithItsMonth(t *testing.T) {
	t.Parallel()
	for before := range 80 {
		text := hang("", strings.Repeat("x", before)+" seit dem 22. November 2026 und so weiter")
		if strings.Contains(text, "22.\n") {
			t.Fatalf("a line ends with the day:\n%s", text)
		}
	}
}
