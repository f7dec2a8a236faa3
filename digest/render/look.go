package render

import (
	"errors"
	"fmt"
	"math"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"unicode"

	"courant/digest"
)

// Look is how an editor's mails look where they should not look like ours. The
// zero value is ours; whatever is left empty is taken from it. Its values go
// into style attributes, so they are held to what can do no harm there.
type Look struct {
	Day, Night Colours // on light screens, and on those that are set to dark
	Fonts      Fonts
	Logo       Logo

	// Wording puts texts of the editor in the place of the catalogue's: by
	// language ("de"), then by key ("mail.unsubscribe"), with the same places
	// to fill. A text that has plural forms becomes the same for every number.
	Wording map[string]map[string]string
}

// Colours are written #rrggbb.
type Colours struct {
	Ground string // around the sheet
	Paper  string // the sheet that text stands on
	Ink    string // what is read
	Soft   string // what stands beside it: sources, times, the footer
	Accent string // sections and links
	Rule   string // the strong rules of masthead and footer
	Hair   string // the fine rules between stories
}

// Fonts are stacks as CSS has them: names, with commas between. Mail programs
// load no fonts, so a stack ends in what every machine has.
type Fonts struct {
	Heading   string // masthead and headlines
	Body      string // what is read
	Furniture string // sections, sources, times, links, the footer
}

// Logo stands in the masthead in the place of the publication's name.
type Logo struct {
	URL   string // https only; empty: none
	Alt   string // what is read where images are off: the publication's name
	Width int    // pixels on the page, at most 520; zero: 200
}

// ourLook is a broadsheet: serifs, warm paper, one red.
func ourLook() Look {
	return Look{
		Day:   Colours{Ground: "#efece6", Paper: "#ffffff", Ink: "#1b1a18", Soft: "#5c574f", Accent: "#8a1c14", Rule: "#1b1a18", Hair: "#d8d2c7"},
		Night: Colours{Ground: "#121110", Paper: "#1d1b19", Ink: "#ece7df", Soft: "#b6afa4", Accent: "#f2a191", Rule: "#ece7df", Hair: "#403c37"},
		Fonts: Fonts{Heading: "Georgia,'Times New Roman',serif", Body: "Georgia,'Times New Roman',serif", Furniture: "Helvetica,Arial,sans-serif"},
	}
}

// Over is l with what it leaves empty taken from below: a digest's own look
// over its publication's.
func (l Look) Over(below Look) Look {
	l.Day, l.Night = l.Day.over(below.Day), l.Night.over(below.Night)
	for _, f := range []struct {
		own   *string
		below string
	}{{&l.Fonts.Heading, below.Fonts.Heading}, {&l.Fonts.Body, below.Fonts.Body}, {&l.Fonts.Furniture, below.Fonts.Furniture}} {
		if *f.own == "" {
			*f.own = f.below
		}
	}
	if l.Logo.URL == "" {
		l.Logo = below.Logo
	}
	l.Wording = wordingOver(l.Wording, below.Wording)
	return l
}

func wordingOver(own, below map[string]map[string]string) map[string]map[string]string {
	both := map[string]map[string]string{}
	for _, side := range []map[string]map[string]string{below, own} {
		for lang, texts := range side {
			if both[lang] == nil {
				both[lang] = map[string]string{}
			}
			for key, text := range texts {
				both[lang][key] = text
			}
		}
	}
	return both
}

// Whole is l with what it leaves empty taken from the look that ships.
func (l Look) Whole() Look {
	l = l.Over(ourLook())
	if l.Logo.URL != "" && l.Logo.Width == 0 {
		l.Logo.Width = logoWidth
	}
	return l
}

// Shipped is the look that mails have where an editor sets none, with the width
// that a logo would have.
func Shipped() Look {
	l := ourLook()
	l.Logo.Width = logoWidth
	return l
}

func (c Colours) over(below Colours) Colours {
	rest := below.named()
	for i, own := range c.named() {
		if *own.value == "" {
			*own.value = *rest[i].value
		}
		*own.value = strings.ToLower(*own.value)
	}
	return c
}

// Fault is something wrong with a look: of which part, in the words of this
// package ("night.accent", "fonts.body", "logo.url", "wording.de.mail.view"),
// and what to write instead.
type Fault struct {
	Of  string
	Err error
}

func (f Fault) Error() string { return f.Of + ": " + f.Err.Error() }

// Unwrap is the fault itself.
func (f Fault) Unwrap() error { return f.Err }

// Faults says everything that is wrong with a look: values that may not stand
// in a mail, and text that could not be read on its paper. Wording is checked
// against a catalogue, by New.
func (l Look) Faults() []Fault {
	w := l.Whole()
	faults := append(w.Day.faults("day."), w.Night.faults("night.")...)
	for _, f := range []struct{ name, stack string }{{"heading", w.Fonts.Heading}, {"body", w.Fonts.Body}, {"furniture", w.Fonts.Furniture}} {
		if err := checkFonts(f.stack); err != nil {
			faults = append(faults, Fault{"fonts." + f.name, err})
		}
	}
	return append(faults, w.Logo.faults()...)
}

func (c Colours) faults(where string) []Fault {
	var faults []Fault
	for _, n := range c.named() {
		if !colourPattern.MatchString(*n.value) {
			faults = append(faults, Fault{where + n.name, fmt.Errorf("%q is not a colour: write it like #8a1c14", *n.value)})
		}
	}
	if len(faults) > 0 {
		return faults
	}
	// WCAG 2.2, 1.4.3. Text stands on the paper; only what stands for a
	// picture that is not shown stands on the ground.
	for _, n := range []struct{ name, value, on, under string }{
		{"ink", c.Ink, "paper", c.Paper}, {"soft", c.Soft, "paper", c.Paper}, {"accent", c.Accent, "paper", c.Paper}, {"soft", c.Soft, "ground", c.Ground},
	} {
		if got := Contrast(n.value, n.under); got < LeastContrast {
			faults = append(faults, Fault{where + n.name, fmt.Errorf("%s on the %s %s has a contrast of %.1f, and text needs %.1f: take a %s one",
				n.value, n.on, n.under, got, LeastContrast, darkerOrLighter(n.under))})
		}
	}
	return faults
}

func darkerOrLighter(paper string) string {
	if luminance(paper) > 0.18 {
		return "darker"
	}
	return "lighter"
}

// LeastContrast is what text needs on its ground to be read: WCAG 2.2, success
// criterion 1.4.3.
const LeastContrast = 4.5

var colourPattern = regexp.MustCompile(`^#[0-9a-f]{6}$`)

// Contrast is the contrast ratio of two colours written #rrggbb, from 1 to 21:
// WCAG 2.2, "contrast ratio". Of anything else it is 0.
func Contrast(a, b string) float64 {
	a, b = strings.ToLower(a), strings.ToLower(b)
	if !colourPattern.MatchString(a) || !colourPattern.MatchString(b) {
		return 0
	}
	x, y := luminance(a), luminance(b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

// luminance is WCAG's "relative luminance".
func luminance(colour string) float64 {
	n, err := strconv.ParseUint(strings.TrimPrefix(colour, "#"), 16, 32)
	if err != nil {
		return 0
	}
	part := func(v uint64) float64 {
		x := float64(v&255) / 255
		if x <= 0.04045 {
			return x / 12.92
		}
		return math.Pow((x+0.055)/1.055, 2.4)
	}
	return 0.2126*part(n>>16) + 0.7152*part(n>>8) + 0.0722*part(n)
}

// checkFonts lets a stack through that cannot leave its style attribute.
func checkFonts(stack string) error {
	bad := func(r rune) bool {
		return !unicode.IsLetter(r) && !(r >= '0' && r <= '9') && !strings.ContainsRune(" ,'-", r)
	}
	switch {
	case len(stack) > 200:
		return errors.New("the font stack is longer than 200 bytes")
	case strings.ContainsFunc(stack, bad):
		return fmt.Errorf("%q is not a font stack: write names with commas between, like Georgia,'Times New Roman',serif", stack)
	case strings.Count(stack, "'")%2 != 0:
		return fmt.Errorf("%q has a quote without its other half", stack)
	}
	names := strings.Split(stack, ",")
	for _, name := range names {
		if strings.Trim(name, " '") == "" {
			return fmt.Errorf("%q has a comma too many", stack)
		}
	}
	if last := strings.TrimSpace(names[len(names)-1]); last != "serif" && last != "sans-serif" && last != "monospace" {
		return fmt.Errorf("%q ends in a font that readers may not have: end it with serif, sans-serif or monospace", stack)
	}
	return nil
}

const (
	logoWidth = 200
	mostLogo  = column
)

func (g Logo) faults() []Fault {
	if g.URL == "" {
		return nil
	}
	var faults []Fault
	u, err := url.Parse(g.URL)
	if err != nil || u.Scheme != "https" || link(g.URL) != g.URL {
		faults = append(faults, Fault{"logo.url", fmt.Errorf("%q is not a logo's address: put the picture on the web and write its https address", g.URL)})
	}
	if digest.PlainLine(g.Alt, maxName) != g.Alt || g.Alt == "" {
		faults = append(faults, Fault{"logo.alt", fmt.Errorf("%q does not say what the logo shows: write the publication's name, most readers see that first", g.Alt)})
	}
	if g.Width < 16 || g.Width > mostLogo {
		faults = append(faults, Fault{"logo.width", fmt.Errorf("a logo %d pixels wide does not fit: write 16 to %d", g.Width, mostLogo)})
	}
	return faults
}

// namedColour is a colour with the name it has in templates and configs.
type namedColour struct {
	name  string
	value *string
}

func (c *Colours) named() []namedColour {
	return []namedColour{{"ground", &c.Ground}, {"paper", &c.Paper}, {"ink", &c.Ink}, {"soft", &c.Soft}, {"accent", &c.Accent}, {"rule", &c.Rule}, {"hair", &c.Hair}}
}
