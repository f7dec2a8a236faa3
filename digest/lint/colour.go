package lint

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// colour is an sRGB colour, each part from 0 to 1.
type colour struct{ r, g, b float64 }

var (
	white = colour{1, 1, 1}
	black = colour{}
)

// names are the colours with names that mail programs agree on: those of
// HTML 4, and a few.
var names = map[string]string{
	"black": "#000000", "silver": "#c0c0c0", "gray": "#808080", "grey": "#808080", "white": "#ffffff", "maroon": "#800000", "red": "#ff0000",
	"purple": "#800080", "fuchsia": "#ff00ff", "green": "#008000", "lime": "#00ff00", "olive": "#808000", "yellow": "#ffff00",
	"navy": "#000080", "blue": "#0000ff", "teal": "#008080", "aqua": "#00ffff", "orange": "#ffa500",
}

// readColour reads a colour as style sheets write it, and how much of what is
// below it covers.
func readColour(s string) (c colour, alpha float64, ok bool) {
	if hex, named := names[s]; named {
		s = hex
	}
	if s == "transparent" {
		return c, 0, true
	}
	if hex, found := strings.CutPrefix(s, "#"); found {
		return hexColour(hex)
	}
	open := strings.IndexByte(s, '(')
	if open < 0 || !strings.HasSuffix(s, ")") || s[:open] != "rgb" && s[:open] != "rgba" {
		return c, 0, false
	}
	parts := strings.FieldsFunc(s[open+1:len(s)-1], func(c rune) bool { return c == ',' || c == ' ' || c == '/' })
	if len(parts) != 3 && len(parts) != 4 {
		return c, 0, false
	}
	v := [4]float64{3: 1}
	for i, p := range parts {
		number, percent := strings.CutSuffix(p, "%")
		n, err := strconv.ParseFloat(number, 64)
		if err != nil || n < 0 || math.IsNaN(n) {
			return c, 0, false
		}
		switch {
		case percent:
			n /= 100
		case i < 3:
			n /= 255
		}
		v[i] = min(n, 1)
	}
	return colour{v[0], v[1], v[2]}, v[3], true
}

func hexColour(hex string) (c colour, alpha float64, ok bool) {
	if len(hex) == 3 || len(hex) == 4 {
		var long strings.Builder
		for _, x := range []byte(hex) {
			long.Write([]byte{x, x})
		}
		hex = long.String()
	}
	n, err := strconv.ParseUint(hex, 16, 32)
	switch {
	case err != nil:
		return c, 0, false
	case len(hex) == 6:
		n = n<<8 | 0xff
	case len(hex) != 8:
		return c, 0, false
	}
	part := func(shift uint) float64 { return float64(n>>shift&0xff) / 255 }
	return colour{part(24), part(16), part(8)}, part(0), true
}

// over is the colour with what is below showing through.
func (c colour) over(below colour, alpha float64) colour {
	mix := func(a, b float64) float64 { return a*alpha + b*(1-alpha) }
	return colour{mix(c.r, below.r), mix(c.g, below.g), mix(c.b, below.b)}
}

func (c colour) String() string {
	part := func(x float64) int { return int(math.Round(x * 255)) }
	return fmt.Sprintf("#%02x%02x%02x", part(c.r), part(c.g), part(c.b))
}

// luminance and contrast are WCAG 2.2's definitions of relative luminance and
// contrast ratio.
func (c colour) luminance() float64 {
	part := func(x float64) float64 {
		if x <= 0.04045 {
			return x / 12.92
		}
		return math.Pow((x+0.055)/1.055, 2.4)
	}
	return 0.2126*part(c.r) + 0.7152*part(c.g) + 0.0722*part(c.b)
}

func contrast(a, b colour) float64 {
	x, y := a.luminance(), b.luminance()
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

// look is how the text of an element is shown.
type look struct {
	ink, ground colour
	size        float64 // pixels
	bold        bool
	wraps       bool // long words break
	murky       bool // a colour does not read, so nothing can be said
}

// light is the light a mail is read in.
type light struct {
	night bool
	rule  string // that is broken by too little contrast
	link  colour // of a link without a colour of its own
	base  look
}

var (
	day = light{rule: "contrast", link: colour{0, 0, 0.933}, base: look{ink: black, ground: white, size: 16}}
	// What programs show where a mail says that it has a design for the dark and
	// sets no colour.
	night = light{night: true, rule: "contrast-dark", link: colour{0.62, 0.62, 1}, base: look{ink: white, ground: colour{0.07, 0.07, 0.07}, size: 16}}
)

// headings are the sizes of browsers, in parts of the size around them.
var headings = map[string]float64{"h1": 2, "h2": 1.5, "h3": 1.17, "h4": 1, "h5": 0.83, "h6": 0.67}

// looks computes how each element's text is shown: the inline styles, and
// the rules of the style elements that hold in this light.
func (l light) looks(d *document, s *sheet) []look {
	var rules []rule
	for _, one := range s.rules {
		if one.always() || l.night && one.dark() {
			rules = append(rules, one)
		}
	}
	all := make([]look, len(d.elements))
	for i, e := range d.elements {
		around := l.base
		if e.parent != nil {
			around = all[e.parent.index]
		}
		all[i] = l.look(e, around, applied(e, rules))
	}
	return all
}

// applied is the declarations that reach an element, the stronger the later:
// CSS Cascading section 6.
func applied(e *element, rules []rule) []declaration {
	type weighed struct {
		declaration
		weight int
	}
	var list []weighed
	const inline, important = 1000, 10000
	for _, r := range rules {
		weight := -1
		for _, s := range r.selectors {
			if s.weight > weight && s.matches(e) {
				weight = s.weight
			}
		}
		if weight < 0 {
			continue
		}
		for _, d := range r.declarations {
			w := weight
			if d.important {
				w += important
			}
			list = append(list, weighed{d, w})
		}
	}
	if len(list) == 0 {
		return e.style
	}
	for _, d := range e.style {
		w := inline
		if d.important {
			w += important
		}
		list = append(list, weighed{d, w})
	}
	slices.SortStableFunc(list, func(a, b weighed) int { return cmp.Compare(a.weight, b.weight) })
	out := make([]declaration, len(list))
	for i, w := range list {
		out[i] = w.declaration
	}
	return out
}

func (l light) look(e *element, around look, style []declaration) look {
	k := around
	if size, ok := headings[e.tag]; ok {
		k.size, k.bold = around.size*size, true
	}
	switch e.tag {
	case "a":
		if e.attr("href") != "" {
			k.ink = l.link
		}
	case "b", "strong", "th":
		k.bold = true
	}
	if ground := e.attr("bgcolor"); ground != "" {
		k.lay(strings.ToLower(ground), around)
	}
	for _, d := range style {
		k.apply(d, around)
	}
	return k
}

func (k *look) apply(d declaration, around look) {
	switch d.name {
	case "color":
		k.draw(d.value, around)
	case "background-color":
		k.lay(d.value, around)
	case "background":
		for _, word := range split(d.value, ' ') {
			if _, _, ok := readColour(word.text); ok {
				k.lay(word.text, around)
				return
			}
		}
		k.murky = k.murky || d.value != "none" && d.value != "inherit"
	case "font-size":
		if size, ok := pixels(d.value, around.size); ok {
			k.size = size
		}
	case "font-weight":
		n, err := strconv.Atoi(d.value)
		k.bold = d.value == "bold" || d.value == "bolder" || err == nil && n >= 700
	case "word-break":
		k.wraps = d.value == "break-word" || d.value == "break-all" || k.wraps && d.value == "inherit"
	case "overflow-wrap", "word-wrap":
		k.wraps = k.wraps || d.value == "anywhere" || d.value == "break-word"
	}
}

func (k *look) draw(value string, around look) {
	if value == "inherit" || value == "currentcolor" {
		k.ink = around.ink
		return
	}
	c, alpha, ok := readColour(value)
	k.murky = k.murky || !ok
	k.ink = c.over(k.ground, alpha)
}

func (k *look) lay(value string, around look) {
	if value == "inherit" {
		return
	}
	c, alpha, ok := readColour(value)
	k.murky = !ok // a ground of its own clears what was murky around it
	k.ground = c.over(around.ground, alpha)
}

// pixels reads a length.
func pixels(s string, around float64) (float64, bool) {
	if strings.Trim(s, "0.") == "" && s != "" {
		return 0, true
	}
	for _, unit := range []struct {
		name string
		size float64
	}{{"px", 1}, {"pt", 4.0 / 3}, {"rem", 16}, {"em", around}, {"%", around / 100}} {
		if number, ok := strings.CutSuffix(s, unit.name); ok {
			n, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
			return n * unit.size, err == nil && n >= 0
		}
	}
	return 0, false
}

// enough is the contrast that text of a look needs: WCAG 1.4.3, where large
// is 18 points, or 14 in bold.
func (k look) enough() float64 {
	if k.size >= 24 || k.bold && k.size >= 56.0/3 {
		return 3
	}
	return 4.5
}

// contrasts judges what a reader sees in one light.
func (r *report) contrasts(d *document, l light, looks []look) {
	for _, w := range d.words {
		if !w.shown() || w.parent == nil {
			continue
		}
		k := looks[w.parent.index]
		if k.murky {
			continue
		}
		if got := contrast(k.ink, k.ground); got < k.enough()-0.005 {
			r.find(l.rule, place{PartHTML, w.line}, "%s on %s has a contrast of %.1f, and needs %.1f: %s", k.ink, k.ground, got, k.enough(), short(w.text))
		}
	}
}

// colours looks for colours that don't read.
func (r *report) colours(list []declaration, part string) {
	for _, d := range list {
		if d.name != "color" && d.name != "background-color" || r.template && strings.Contains(d.value, action) {
			continue
		}
		if _, _, ok := readColour(d.value); !ok && !slices.Contains([]string{"inherit", "initial", "unset", "currentcolor"}, d.value) {
			r.find("colour-unknown", place{part, d.line}, "%s is no colour that can be read", short(d.name+": "+d.value))
		}
	}
}
