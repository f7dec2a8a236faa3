package main

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"courant/digest/render"
)

// readMails reads what the mails of all digests look like; each digest may
// have its own.
func (c *Config) readMails(m *yamlMapping) {
	readKey(m, "layout", &c.Layout, aLayout())
	readBrand(m.section("brand"), &c.Brand)
	readKey(m, "templates", &c.Templates.Dir, aPath(""))
}

// readBrand reads a look. What is not written keeps what look holds.
func readBrand(m *yamlMapping, look *render.Look) {
	readColours(m.section("colors"), &look.Day)
	readColours(m.section("dark"), &look.Night)
	fonts := m.section("fonts")
	readKey(fonts, "heading", &look.Fonts.Heading, orUnset(aLine()))
	readKey(fonts, "body", &look.Fonts.Body, orUnset(aLine()))
	readKey(fonts, "furniture", &look.Fonts.Furniture, orUnset(aLine()))
	fonts.done()
	readLogo(m.section("logo"), &look.Logo)
	look.Wording = readWording(m)
	m.done()
}

func readColours(m *yamlMapping, c *render.Colours) {
	for _, key := range []struct {
		name string
		to   *string
	}{
		{"ground", &c.Ground}, {"paper", &c.Paper}, {"ink", &c.Ink}, {"soft", &c.Soft},
		{"accent", &c.Accent}, {"rule", &c.Rule}, {"hair", &c.Hair},
	} {
		readKey(m, key.name, key.to, orUnset(aColour()))
	}
	m.done()
}

func readLogo(m *yamlMapping, l *render.Logo) {
	readKey(m, "url", &l.URL, orUnset(aLogo()))
	readKey(m, "alt", &l.Alt, orUnset(aLine()))
	readKey(m, "width", &l.Width, wholeNumber(16, 520))
	m.done()
	if l.URL == "" && l.Alt != "" && m.shape == nil {
		path := keyPath(m.path, "alt")
		m.r.fault(m.r.at(path), path, "the logo has no address; write its url, or take alt away")
	}
}

// readWording reads texts by language and key. Both are the catalogue's, which
// may have more of them in the editor's templates; checkMails judges them.
func readWording(m *yamlMapping) map[string]map[string]string {
	below := m.section("wording")
	if m.shape != nil {
		// No *shape: the keys are not told one by one.
		texts := shape{Type: optional("object"), AdditionalProperties: shape{Type: oneOrList{"string"}}}
		below.shape.AdditionalProperties = texts
		return nil
	}
	wording := map[string]map[string]string{}
	for _, tag := range slices.Clone(below.order) {
		texts := below.section(tag)
		wording[tag] = map[string]string{}
		for _, key := range slices.Clone(texts.order) {
			var text string
			if readKey(texts, key, &text, aLine()) {
				wording[tag][key] = text
			}
		}
	}
	return wording
}

// readOwnBrand reads the look of a digest, which is the publication's but for
// what is written here.
func (c *Config) readOwnBrand(m *yamlMapping, digest string) {
	if m.shape != nil {
		m.shape.describe("brand", &shape{AnyOf: []*shape{{Ref: "#/properties/brand"}}})
		return
	}
	below := m.section("brand")
	if len(below.order) == 0 {
		return
	}
	var look render.Look
	readBrand(below, &look)
	if look.Logo.URL != "" {
		look.Logo.Width = cmp.Or(look.Logo.Width, c.Brand.Logo.Width)
	}
	c.Looks[digest] = look
}

func aLayout() scalar[string] {
	s := aName().shape
	s.Examples = []any{"standard", "brief"}
	return text(s, parseName)
}

func aLogo() scalar[string] {
	return text(patterned(`^\s*[Hh][Tt][Tt][Pp][Ss]://`, "put the picture on the web and write its https address", "https://example.com/logo.png"), parseLine)
}

func aColour() scalar[string] {
	s := patterned(`^\s*#[0-9A-Fa-f]{6}\s*$`, `write a colour in quotes, like "#8a1c14"`)
	s.Type = oneOrList{"string"}
	return scalar[string]{s, parseColour}
}

var (
	colourPattern = regexp.MustCompile(`^#[0-9a-f]{6}$`)
	hexDigits     = regexp.MustCompile(`^#?([0-9a-f]{3}|[0-9a-f]{6})$`)
	rgbColour     = regexp.MustCompile(`^rgb\(\s*(\d{1,3})[,\s]+(\d{1,3})[,\s]+(\d{1,3})\s*\)$`)
	// commentColour is a colour that YAML takes for a comment.
	commentColour = regexp.MustCompile(`:[ \t]+#[0-9A-Fa-f]{3,8}\b`)
)

const quotedColour = `a colour stands in quotes, like "#8a1c14": what follows a bare # is a comment`

// parseColour reads a colour. YAML takes one of digits alone for a number.
func parseColour(v yamlValue) (string, error) {
	written := ""
	if v.kind() == "a number" {
		written = v.node.GetToken().Value
	} else {
		s, err := v.text()
		if err != nil {
			return "", err
		}
		written = s
	}
	s := strings.ToLower(strings.TrimSpace(written))
	if colourPattern.MatchString(s) {
		return s, nil
	}
	if meant := colourMeant(s); meant != "" {
		return "", fmt.Errorf("%q is not a colour; did you mean %q?", written, meant)
	}
	return "", fmt.Errorf("%.40q is not a colour; write it like %q", written, "#8a1c14")
}

// colourMeant is what somebody used to style sheets meant.
func colourMeant(s string) string {
	if m := hexDigits.FindStringSubmatch(s); m != nil {
		digits := m[1]
		if len(digits) == 3 {
			digits = strings.Repeat(digits[:1], 2) + strings.Repeat(digits[1:2], 2) + strings.Repeat(digits[2:], 2)
		}
		return "#" + digits
	}
	if m := rgbColour.FindStringSubmatch(s); m != nil {
		meant := "#"
		for _, part := range m[1:] {
			n, err := strconv.Atoi(part)
			if err != nil || n > 255 {
				return ""
			}
			meant += fmt.Sprintf("%02x", n)
		}
		return meant
	}
	return namedColours()[s]
}

// namedColours are the sixteen that HTML 4 names (section 6.5), and some more.
func namedColours() map[string]string {
	return map[string]string{
		"black": "#000000", "silver": "#c0c0c0", "gray": "#808080", "grey": "#808080", "white": "#ffffff", "maroon": "#800000", "red": "#ff0000",
		"purple": "#800080", "fuchsia": "#ff00ff", "green": "#008000", "lime": "#00ff00", "olive": "#808000", "yellow": "#ffff00", "navy": "#000080",
		"blue": "#0000ff", "teal": "#008080", "aqua": "#00ffff", "orange": "#ffa500", "crimson": "#dc143c", "darkblue": "#00008b", "darkgreen": "#006400", "darkred": "#8b0000",
	}
}
