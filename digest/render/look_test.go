package render

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"courant/templates"
)

func TestFaultsOfALookSayWhatToWrite(t *testing.T) {
	t.Parallel()
	for want, look := range map[string]Look{
		`day.ink: "black" is not a colour: write it like #8a1c14`:                                       {Day: Colours{Ink: "black"}},
		`day.hair: "#fff;background:url(x)" is not a colour`:                                            {Day: Colours{Hair: "#fff;background:url(x)"}},
		`night.rule: "#12345" is not`:                                                                   {Night: Colours{Rule: "#12345"}},
		`day.accent: #ffcc00 on the paper #ffffff has a contrast of 1.5, and text needs 4.5: take a da`: {Day: Colours{Accent: "#FFCC00"}},
		`night.soft: #403c37 on the paper #1d1b19 has a contrast of 1.6, and text needs 4.5: take a li`: {Night: Colours{Soft: "#403c37"}},
		`fonts.body: "Georgia;color:red" is not a font stack`:                                           {Fonts: Fonts{Body: "Georgia;color:red"}},
		`fonts.heading: "Georgia'" is not`:                                                              {Fonts: Fonts{Heading: "Georgia\""}},
		`has a quote without its other half`:                                                            {Fonts: Fonts{Heading: "'Times, serif"}},
		`a comma too many`:                                                                              {Fonts: Fonts{Furniture: "Arial,,sans-serif"}},
		`ends in a font that readers may not have`:                                                      {Fonts: Fonts{Furniture: "Our Grotesque"}},
		`logo.url: "http://example.com/l.png" is not a logo's address`:                                  {Logo: Logo{URL: "http://example.com/l.png", Alt: "News"}},
		`logo.url: "javascript:alert(1)"`:                                                               {Logo: Logo{URL: "javascript:alert(1)", Alt: "News"}},
		`logo.alt: "" does not say`:                                                                     {Logo: Logo{URL: "https://example.com/l.png"}},
		`logo.width: a logo 800 pixels wide`:                                                            {Logo: Logo{URL: "https://example.com/l.png", Alt: "News", Width: 800}},
	} {
		faults := look.Faults()
		if len(faults) == 2 && faults[0].Of == faults[1].Of { // soft, on both
			faults = faults[:1]
		}
		if strings.Contains(want, "\"Georgia'\"") {
			want = `fonts.heading: "Georgia\"" is not`
		}
		if len(faults) != 1 || !strings.Contains(faults[0].Error(), want) {
			t.Errorf("%v, want %q", faults, want)
		}
		c := testConfig()
		c.Look = look
		if _, err := New(c); err == nil {
			t.Errorf("%q: New takes it", want)
		}
	}
	if faults := (Look{}).Faults(); len(faults) > 0 {
		t.Errorf("our own look: %v", faults)
	}
}

func TestContrastIsTheOneOfWCAG(t *testing.T) {
	t.Parallel()
	for pair, want := range map[[2]string]float64{
		{"#000000", "#ffffff"}: 21, {"#ffffff", "#000000"}: 21, {"#777777", "#FFFFFF"}: 4.48, {"#767676", "#ffffff"}: 4.54, {"#123456", "#123456"}: 1, {"red", "#ffffff"}: 0,
	} {
		if got := Contrast(pair[0], pair[1]); math.Abs(got-want) > 0.005 {
			t.Errorf("%v: %.3f, want %.2f", pair, got, want)
		}
	}
}

// ownLook has every field set.
func ownLook() Look {
	return Look{
		Day:   Colours{Ground: "#E8EEF4", Paper: "#FDFEFF", Ink: "#0B1B2B", Soft: "#44556A", Accent: "#00548F", Rule: "#00548F", Hair: "#C9D6E2"},
		Night: Colours{Ground: "#07111B", Paper: "#0F1D2B", Ink: "#E6EEF6", Soft: "#A9BACB", Accent: "#7FC4FF", Rule: "#7FC4FF", Hair: "#2A3D50"},
		Fonts: Fonts{Heading: "'Segoe UI',Verdana,sans-serif", Body: "Verdana,Geneva,sans-serif", Furniture: "Tahoma,sans-serif"},
		Logo:  Logo{URL: "https://img.example.com/logo.png?v=2&x=1", Alt: "The Example & Co.", Width: 180},
		Wording: map[string]map[string]string{
			"en": {"mail.unsubscribe": "Stop these mails", "mail.more": "and {n} <further> ones online"},
		},
	}
}

func TestEveryValueOfALookIsInTheMail(t *testing.T) {
	t.Parallel()
	c := testConfig()
	c.Look = ownLook()
	_, p := render(t, newRenderer(t, c), samples(t)["many"])
	for _, set := range []Colours{c.Look.Day, c.Look.Night} {
		for _, n := range set.named() {
			if !strings.Contains(p.html, strings.ToLower(*n.value)) {
				t.Errorf("%s %s is not in the HTML", n.name, *n.value)
			}
		}
	}
	for _, n := range ourColours() {
		if strings.Contains(p.html, n) {
			t.Errorf("%s of our own look is in the HTML", n)
		}
	}
	for _, want := range []string{"font-family:'Segoe UI',Verdana,sans-serif", "font-family:Verdana,Geneva,sans-serif", "font-family:Tahoma,sans-serif",
		`src="https://img.example.com/logo.png?v=2&amp;x=1" alt="The Example &amp; Co." width="180"`, ">Stop these mails<"} {
		if !strings.Contains(p.html, want) {
			t.Errorf("%s is not in the HTML", want)
		}
	}
	if !strings.Contains(p.text, "Stop these mails:\n") {
		t.Error("the text part has other words than the HTML")
	}
	checkHTML(t, p.html)
	parity(t, p)
}

func ourColours() []string {
	var all []string
	us := ourLook()
	for _, set := range []Colours{us.Day, us.Night} {
		for _, n := range set.named() {
			if *n.value != "#ffffff" {
				all = append(all, *n.value)
			}
		}
	}
	return all
}

func TestDigestWithALookOfItsOwnKeepsTheRestOfItsPublication(t *testing.T) {
	t.Parallel()
	c := testConfig()
	c.Look = Look{Day: Colours{Accent: "#00548f", Ink: "#101010"}, Wording: map[string]map[string]string{"en": {"mail.view": "On the web", "mail.other": "The rest"}}}
	c.Looks = map[string]Look{"morning": {Day: Colours{Accent: "#006644"}, Wording: map[string]map[string]string{"en": {"mail.view": "In your browser"}}}}
	r := newRenderer(t, c)
	for name, want := range map[string][2]string{"morning": {"#006644", "In your browser"}, "evening": {"#00548f", "On the web"}} {
		s := plainSample()
		s.Edition.Digest = name
		_, p := render(t, r, s)
		for _, w := range append(want[:], "#101010") {
			if !strings.Contains(p.html, w) {
				t.Errorf("%s: no %s", name, w)
			}
		}
	}
	c.Looks["morning"] = Look{Day: Colours{Accent: "#ffffff"}}
	if _, err := New(c); err == nil || !strings.HasPrefix(err.Error(), "digest morning: day.accent: ") {
		t.Errorf("%v", err)
	}
}

func TestWordingHasToFitTheCatalogue(t *testing.T) {
	t.Parallel()
	for want, wording := range map[string]map[string]map[string]string{
		`wording.nl: there are no texts in this language: write one of en, ar, de`: {"nl": {"mail.view": "x"}},
		`wording.en.mail.nothing: the mail has no text of this name`:               {"en": {"mail.nothing": "x"}},
		`wording.en.page.back: the mail has no text`:                               {"en": {"page.back": "x"}},
		`wording.en.mail.read_more: "More" needs the places {host}, as in`:         {"en": {"mail.read_more": "More"}},
		`wording.en.mail.view: "View {host}" has the place {host}`:                 {"en": {"mail.view": "View {host}"}},
		`wording.en.mail.view: a text is one line`:                                 {"en": {"mail.view": "a\nb"}},
	} {
		c := testConfig()
		c.Look.Wording = wording
		_, err := New(c)
		var fault *templates.WordingError
		if err == nil || !strings.Contains(err.Error(), want) || !errors.As(err, &fault) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

func TestLayoutIsTheOneOfTheEdition(t *testing.T) {
	t.Parallel()
	c := testConfig()
	files := withTemplates(t, "", "")
	files["mail/own.html"] = templateFile(`<p>own</p>{{unsubscribeURL}}`)
	files["mail/own.txt"] = templateFile("own\n{{unsubscribeURL}}\n")
	c.Templates = files
	r := newRenderer(t, c)
	for layout, own := range map[string]bool{"own": true, "standard": false, "": false} {
		s := plainSample()
		s.Edition.Layout = layout
		if _, p := render(t, r, s); strings.HasPrefix(p.html, "<p>own</p>") != own {
			t.Errorf("layout %q: %.80s", layout, p.html)
		}
	}
	s := plainSample()
	s.Edition.Layout = "gone"
	if _, err := r.Render(s.Edition, s.Variant); err == nil || !strings.Contains(err.Error(), `published in the layout "gone", which is gone: put mail/gone.html and mail/gone.txt back among the templates (there are `) {
		t.Errorf("a layout that is gone: %v", err)
	}
	if view, err := r.View(s.Edition, s.Variant, nil); err != nil || !strings.Contains(string(view), "<!DOCTYPE") {
		t.Errorf("an edition whose layout is gone cannot be read on the web: %v", err)
	}
	c.Layout = "own"
	if _, p := render(t, newRenderer(t, c), plainSample()); !strings.HasPrefix(p.html, "<p>own</p>") {
		t.Error("the publication's layout is not the default of its editions")
	}
	c.Layout = "gone"
	if _, err := New(c); err == nil || !strings.Contains(err.Error(), `there is no layout "gone": set layout to one of`) {
		t.Error(err)
	}
}

func TestLookIsAskedForInOneWay(t *testing.T) {
	t.Parallel()
	for want, html := range map[string]string{
		`there is no colour "pink": write one of accent, ground`: `<p style="color:{{colour "pink"}}">{{unsubscribeURL}}</p>`,
		`there is no font "script"`:                              `<p style="font-family:{{font "script"}}">{{unsubscribeURL}}</p>`,
		`write it alone, with one quoted text`:                   `<p style="color:{{colour .Title}}">{{unsubscribeURL}}</p>`,
		`template mail/standard.html:1: colour prints what`:      `<p>{{if eq (colour "ink") "x"}}y{{end}}{{unsubscribeURL}}</p>`,
	} {
		c := testConfig()
		c.Templates = withTemplates(t, html, "")
		if _, err := New(c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, fmt.Sprint(want))
		}
	}
}
