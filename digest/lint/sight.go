package lint

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// sight is what a reader sees of a mail in one kind of inbox: with the rules
// that always hold, and those of one media query. What must be seen, must be
// seen in each.
type sight struct {
	light
	d         *document
	media     string    // empty: no query
	rules     []rule    // all that hold
	hiding    []rule    // those that may hide or show
	concealed []verdict // by element
	looks     map[*element]look
}

// verdict is what is known of an element: nothing yet, or by what it is hidden,
// if by anything.
type verdict struct {
	known bool
	how   string
}

// sights are all kinds of inboxes that a mail's styles tell apart.
func sights(d *document, s *sheet) []*sight {
	media := []string{""}
	for _, one := range s.rules {
		if !one.always() && !strings.HasPrefix(one.media, "print") && !slices.Contains(media, one.media) {
			media = append(media, one.media)
		}
	}
	var list []*sight
	for _, m := range media {
		v := &sight{light: day, d: d, media: m, concealed: make([]verdict, len(d.elements)), looks: map[*element]look{}}
		for _, one := range s.rules {
			if !one.always() && one.media != m {
				continue
			}
			if one.media == m && one.dark() {
				v.light = night
			}
			v.rules = append(v.rules, one)
			if slices.ContainsFunc(one.declarations, func(d declaration) bool { return sighted[d.name] }) {
				v.hiding = append(v.hiding, one)
			}
		}
		list = append(list, v)
	}
	return list
}

// sighted are the properties by which something is hidden, aside from its
// colours and its size of type.
var sighted = map[string]bool{
	"display": true, "visibility": true, "opacity": true, "overflow": true, "overflow-x": true, "overflow-y": true, "height": true, "width": true,
	"max-height": true, "max-width": true, "clip": true, "clip-path": true, "transform": true, "scale": true, "translate": true, "filter": true, "zoom": true,
	"content-visibility": true, "mso-hide": true, "text-indent": true, "letter-spacing": true, "position": true, "left": true, "right": true, "top": true,
	"bottom": true, "margin": true, "margin-left": true, "margin-right": true, "margin-top": true, "font": true, "-webkit-text-fill-color": true,
}

// style is the declarations for an element that bear on whether it is seen. A
// selector that is not read to its end counts where it hides.
func (v *sight) style(e *element) []declaration {
	list := applied(e, v.hiding)
	for _, r := range v.hiding {
		how, _ := conceals(r.declarations)
		if how == "" {
			continue
		}
		if slices.ContainsFunc(r.selectors, func(s selector) bool { return s.loose && s.reaches(e) }) {
			list = append(slices.Clone(list), r.declarations...)
		}
	}
	return list
}

// hidden says by what an element, or one around it, is hidden; empty: by
// nothing.
func (v *sight) hidden(e *element) string {
	if e == nil {
		return ""
	}
	known := &v.concealed[e.index]
	if !known.known {
		known.known = true
		known.how, _ = conceals(v.style(e))
		if _, attr := e.has("hidden"); attr {
			known.how = "hidden"
		}
		if known.how == "" {
			known.how = v.hidden(e.parent)
		}
	}
	return known.how
}

func (v *sight) lookOf(e *element) look {
	if e == nil {
		return v.base
	}
	k, ok := v.looks[e]
	if !ok {
		k = v.look(e, v.lookOf(e.parent), applied(e, v.rules))
		v.looks[e] = k
	}
	return k
}

// leastContrast is what nobody can read, whatever their eyes.
const leastContrast = 1.5

// unseen says why words are not seen; empty: they are.
func (v *sight) unseen(w words) string {
	if w.parent == nil {
		return ""
	}
	if how := v.hidden(w.parent); how != "" {
		return v.where(how)
	}
	k := v.lookOf(w.parent)
	switch {
	case k.size <= 2:
		return v.where("letters of " + strconv.FormatFloat(k.size, 'f', -1, 64) + "px")
	case !k.murky && contrast(k.ink, k.ground) < leastContrast:
		return v.where(k.ink.String() + " on " + k.ground.String())
	}
	return ""
}

func (v *sight) where(how string) string {
	if v.media == "" {
		return how
	}
	return how + " where " + v.media
}

// says tells words from blanks, dots and letters without a shape.
func says(s string) bool {
	return strings.ContainsFunc(s, func(c rune) bool { return unicode.IsLetter(c) || unicode.IsNumber(c) })
}

// unseenLink says why nothing of a link is seen; empty: something is.
func (v *sight) unseenLink(e *element) string {
	why := "it has no words"
	for _, w := range v.d.words[e.from:e.end] {
		if !says(w.text) {
			continue
		}
		if why = v.unseen(w); why == "" {
			return ""
		}
	}
	for _, x := range v.d.elements[e.index+1:] {
		if x.depth <= e.depth {
			break
		}
		if x.tag == "img" && says(x.attr("alt")) && v.hidden(x) == "" && !tinyStyle(x.style) {
			return ""
		}
	}
	return why
}

// seenLeave wants a link for leaving that is seen in every inbox.
func (r *report) seenLeave(list []*sight, links []link) {
	for i := range links {
		l := &links[i]
		l.hidden = l.hidden || l.kind == toLeave && l.e != nil && len(list) > 0 && list[0].unseenLink(l.e) != ""
	}
	for _, v := range list {
		why, line, seen := "", 0, false
		for _, l := range links {
			if l.kind != toLeave || l.e == nil {
				continue
			}
			how := v.unseenLink(l.e)
			if seen = seen || how == ""; why == "" {
				why, line = how, l.line
			}
		}
		if !seen && why != "" {
			r.find("unsubscribe-link", place{PartHTML, line}, "the link to unsubscribe cannot be seen: %s", short(why))
			return
		}
	}
}

// seenWords wants words that must stand in the mail where they're seen, in
// every inbox.
func (r *report) seenWords(rule, what, needle string, d *document, list []*sight) {
	needle = squeeze(needle)
	if needle == "" {
		return
	}
	var all strings.Builder
	var runs []words
	var ends []int
	for _, w := range d.words {
		if w.shown() {
			all.WriteString(squeeze(w.text))
			runs, ends = append(runs, w), append(ends, all.Len())
		}
	}
	text := all.String()
	if !strings.Contains(text, needle) {
		r.find(rule, place{part: PartHTML}, "%s is missing", what)
		return
	}
	for _, v := range list {
		why, line := "", 0
		for from := 0; ; {
			i := strings.Index(text[from:], needle)
			if i < 0 {
				break
			}
			start, end := from+i, from+i+len(needle)
			from = start + 1
			why = ""
			for n := range runs {
				if begins := ends[n] - len(squeeze(runs[n].text)); ends[n] > start && begins < end && why == "" {
					why, line = v.unseen(runs[n]), runs[n].line
				}
			}
			if why == "" {
				break
			}
		}
		if why != "" {
			r.find(rule, place{PartHTML, line}, "%s cannot be seen: %s", what, short(why))
			return
		}
	}
}

// blank looks for an inbox in which nothing of the mail is seen.
func (r *report) blank(d *document, list []*sight) {
	for _, v := range list {
		how, any := "", false
		for _, w := range d.words {
			if !w.shown() || !says(w.text) {
				continue
			}
			if how = v.unseen(w); how == "" {
				any = true
				break
			}
		}
		if !any && how != "" {
			r.find("empty-part", place{part: PartHTML}, "nothing of the HTML can be seen: %s", short(how))
			return
		}
	}
}

var (
	vanishing = regexp.MustCompile(`scale[xyz3d]*\(\s*0*\.?0*\s*[,)]|translate[xyz3d]*\([^)]*-\d{3,}|opacity\(\s*0*\.?0*%?\s*\)`)
	fontSize  = regexp.MustCompile(`(?:^|\s)(\d*\.?\d+)(px|pt|em|rem|%)?(?:/|\s)`)
)

// conceals says by which of its declarations an element is not seen; the later
// ones win. box: images in it are not seen either.
func conceals(style []declaration) (how string, box bool) {
	v := map[string]string{}
	for _, d := range style {
		if sighted[d.name] {
			v[d.name] = d.value
		}
	}
	if len(v) == 0 {
		return "", false
	}
	said := func(name string) string { return name + ":" + v[name] }
	switch {
	case v["display"] == "none":
		return said("display"), true
	case v["visibility"] == "hidden" || v["visibility"] == "collapse":
		return said("visibility"), true
	case v["content-visibility"] == "hidden":
		return said("content-visibility"), true
	case v["opacity"] != "" && faint(v["opacity"]):
		return said("opacity"), true
	case v["zoom"] != "" && faint(v["zoom"]):
		return said("zoom"), true
	case strings.HasPrefix(v["clip"], "rect"):
		return said("clip"), true
	case v["clip-path"] != "" && v["clip-path"] != "none":
		return said("clip-path"), true
	}
	for _, name := range []string{"transform", "filter"} {
		if vanishing.MatchString(v[name]) {
			return said(name), true
		}
	}
	if v["scale"] != "" && faint(v["scale"]) {
		return said("scale"), true
	}
	clipped := false
	for _, name := range []string{"overflow", "overflow-x", "overflow-y"} {
		clipped = clipped || v[name] != "" && !strings.HasPrefix(v[name], "visible")
	}
	for _, name := range []string{"max-height", "max-width", "height", "width"} {
		if v[name] != "" && tiny(v[name]) && (clipped || strings.HasPrefix(name, "max")) {
			return said(name), true
		}
	}
	placed := v["position"] != "" && v["position"] != "static"
	for _, name := range []string{"left", "right", "top", "bottom", "margin", "margin-left", "margin-right", "margin-top", "translate"} {
		for _, length := range strings.Fields(v[name]) {
			if n, ok := distance(length); ok && n <= -100 && (placed || strings.HasPrefix(name, "m") || name == "translate") {
				return said(name), true
			}
		}
	}
	return concealsText(v)
}

// concealsText is what hides words and leaves an image.
func concealsText(v map[string]string) (how string, box bool) {
	if n, ok := distance(v["text-indent"]); ok && (n <= -50 || n >= 2000) {
		return "text-indent:" + v["text-indent"], false
	}
	if n, ok := distance(v["letter-spacing"]); ok && n <= -5 {
		return "letter-spacing:" + v["letter-spacing"], false
	}
	if m := fontSize.FindStringSubmatch(v["font"]); m != nil && tiny(m[1]+m[2]) {
		return "font:" + v["font"], false
	}
	if _, alpha, ok := readColour(v["-webkit-text-fill-color"]); ok && alpha < 0.1 {
		return "-webkit-text-fill-color:" + v["-webkit-text-fill-color"], false
	}
	if v["mso-hide"] == "all" {
		return "mso-hide:all", false
	}
	return "", false
}

// faint reads an opacity or a factor.
func faint(s string) bool {
	number, percent := strings.CutSuffix(strings.Fields(s + " x")[0], "%")
	n, err := strconv.ParseFloat(number, 64)
	if percent {
		n /= 100
	}
	return err == nil && n <= 0.1
}

// units are the lengths of CSS in pixels. Of what depends on the screen, a
// mail's column of 600 pixels is taken.
var units = []struct {
	name string
	size float64
}{{"px", 1}, {"pt", 4.0 / 3}, {"pc", 16}, {"rem", 16}, {"em", 16}, {"ex", 8}, {"ch", 8}, {"in", 96}, {"cm", 37.8}, {"mm", 3.78}, {"vw", 6}, {"vh", 6}, {"%", 6}, {"", 1}}

// distance reads a length, below zero too.
func distance(s string) (float64, bool) {
	for _, u := range units {
		if number, ok := strings.CutSuffix(strings.TrimSpace(s), u.name); ok {
			n, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
			return n * u.size, err == nil
		}
	}
	return 0, false
}

func tiny(length string) bool {
	n, ok := distance(strings.ToLower(length))
	return ok && n <= 2
}
