package inbox

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// framePolicy is what a mail's HTML may do: nothing runs, nothing is sent,
// links open in a tab of their own that is not sandboxed. Images are added.
const framePolicy = "sandbox %s; default-src 'none'; style-src 'unsafe-inline'; " +
	"form-action 'none'; base-uri 'none'; frame-ancestors 'self'; img-src %s"

// What a frame may do beside showing the mail. On a desk the page must see how
// tall the mail is, so that the page scrolls and not the frame, and an editor
// who changes a template stays where he looks. The frame shares the page's
// origin for that; without allow-scripts nothing in it can use that.
const (
	sandbox     = "allow-popups allow-popups-to-escape-sandbox"
	deskSandbox = "allow-same-origin " + sandbox
)

// sandbox is the one of this box's frames.
func (h *handler) sandbox() string {
	if h.Desk != nil {
		return deskSandbox
	}
	return sandbox
}

// frame is the HTML part alone, for the iframe.
func (h *handler) frame(w http.ResponseWriter, r *http.Request) {
	m, _, ok := h.find(r)
	if !ok {
		http.NotFound(w, r)
		return
	}
	l := readLook(r.URL.Query()).settled(viewHTML, h.Desk != nil)
	msg := readMessage(h.raw(m, l))
	if msg.html == nil {
		http.Error(w, "This mail has no HTML part.", http.StatusNotFound)
		return
	}
	images, picture := "https: http: data:", msg.picture
	if l.Images == imagesOff {
		images, picture = "'none'", noPicture
	}
	w.Header().Set("Content-Security-Policy", fmt.Sprintf(framePolicy, h.sandbox(), images))
	w.Header().Set("Referrer-Policy", "no-referrer")
	text, _ := msg.html.words()
	page, _ := framed(text, l, picture)
	write(w, http.StatusOK, "text/html; charset=utf-8", []byte(page))
}

// noPicture is how pictures look where none are to be shown.
func noPicture(string) string { return "" }

// maxPictures bounds what the pictures of a mail may add to its HTML: the same
// one may be shown often.
const maxPictures = 12 << 20

// framing rewrites the HTML of a mail for the frame.
type framing struct {
	out     strings.Builder
	look    look
	picture func(cid string) string
	loaded  map[string]string // pictures by their name, as they are written
	room    int               // bytes that pictures may still add
	based   bool              // the base element is written
	own     map[int]bool      // where in out a tag of a forbidden name is ours, or was looked at
	hollow  bool              // behind a tag that was taken out with its text
	styled  bool              // inside a style element
	dark    bool              // the mail has something to say about dark colours
}

// framed is the mail's HTML as it stands in the frame, and whether the mail
// has dark colours of its own. Its conditions on the colour scheme hold for
// the given scheme, whatever the visitor's system prefers; links open in a new
// tab. What it doesn't touch stays as it was written, byte for byte.
//
// Nothing here keeps the mail from running anything: that is the sandbox and
// the policy, which don't depend on reading HTML as a browser does. What
// neither of them covers is taken out: look-ups of names and lines opened ahead
// by link, pages within the page, whose servers a browser calls before it asks
// the policy, and referrers.
func framed(text string, l look, picture func(cid string) string) (page string, dark bool) {
	f := &framing{look: l, picture: picture, loaded: map[string]string{}, room: maxPictures, own: map[int]bool{}}
	z := html.NewTokenizer(strings.NewReader(text))
	for z.Next() != html.ErrorToken {
		raw := string(z.Raw()) // before Token, which changes the bytes below it
		t := z.Token()
		f.token(t, raw)
		if t.Type == html.StartTagToken && t.Data == "noscript" {
			z.NextIsNotRawText() // nothing runs in the frame, so this is shown
		}
	}
	f.base()
	return f.defused(), f.dark
}

// forbidden are the elements that make a browser call a server whatever the
// policy says, or that turn off what keeps it from that. The name of a tag ends
// where HTML (section 13.2.5.8) ends it.
var forbidden = regexp.MustCompile(`(?i)<(?:link|base|meta|iframe|frame|frameset|object|embed|applet|portal|fencedframe)[\s/>]`)

// defused is what was written, in which no tag of a forbidden name begins but
// those that were looked at. Where such a name stands in a comment, a title, a
// style sheet or a value, another reader of HTML may find a tag: a browser in
// the title of a picture, for one. There is no telling by reading as it does,
// only by leaving none, wherever it stands. It looks the same in text and in
// values.
func (f *framing) defused() string {
	page := f.out.String()
	var b strings.Builder
	done := 0
	for _, at := range forbidden.FindAllStringIndex(page, -1) {
		if !f.own[at[0]] {
			b.WriteString(page[done:at[0]])
			b.WriteString("&lt;")
			done = at[0] + len("<")
		}
	}
	b.WriteString(page[done:])
	return b.String()
}

// keep writes a tag of a forbidden name that may stay.
func (f *framing) keep(tag string) {
	f.own[f.out.Len()] = true
	f.out.WriteString(tag)
}

func (f *framing) token(t html.Token, raw string) {
	if !prelude(t) {
		f.base()
	}
	hollow := f.hollow
	f.hollow = false
	switch t.Type {
	case html.TextToken:
		if hollow {
			return // for browsers that know no frames
		}
		if f.styled {
			raw = f.sheet(raw)
		}
	case html.StartTagToken, html.SelfClosingTagToken:
		raw = f.tag(t, raw)
	case html.EndTagToken:
		if within(t.Data) {
			raw = ""
		}
	}
	// A slash does not close a style element, so what follows is CSS all the same.
	f.styled = t.Data == "style" && (t.Type == html.StartTagToken || t.Type == html.SelfClosingTagToken)
	f.out.WriteString(raw)
	if t.Type == html.StartTagToken && t.Data == "head" {
		f.base()
	}
}

// prelude says whether a token may stand before the head's first element. A
// base element before the doctype would change how the page is laid out.
func prelude(t html.Token) bool {
	switch t.Type {
	case html.TextToken:
		return strings.TrimSpace(t.Data) == ""
	case html.CommentToken, html.DoctypeToken:
		return true
	}
	return t.Data == "html" || t.Data == "head"
}

// base writes the element that makes links open in a new tab. A phone draws its
// scroll bar over the page; one beside it would make the window narrower than
// a phone's.
func (f *framing) base() {
	if f.based {
		return
	}
	f.based = true
	f.keep(`<base target="_blank">`)
	if f.look.Width == widthPhone {
		f.out.WriteString(`<style>html{scrollbar-width:none}</style>`)
	}
}

// within says whether an element shows another page within the page.
func within(element string) bool {
	switch element {
	case "iframe", "frame", "frameset", "object", "embed", "applet", "portal", "fencedframe":
		return true
	}
	return false
}

// tag rewrites a start tag, or takes it out.
func (f *framing) tag(t html.Token, raw string) string {
	switch {
	case t.Data == "link", t.Data == "base":
		return "" // a policy doesn't hold back a look-up of a name
	case within(t.Data):
		f.hollow = t.Data == "iframe" // whose text is no markup; that of an object is shown instead
		return ""
	case t.Data == "meta":
		if f.meta(&t) {
			f.keep(t.String())
		}
		return ""
	}
	changed := f.attributes(&t)
	if !changed {
		return raw
	}
	return t.String()
}

// meta rewrites a meta element; false: it is taken out.
func (f *framing) meta(t *html.Token) bool {
	name := ""
	for _, a := range t.Attr {
		switch a.Key {
		case "http-equiv":
			return false
		case "name":
			name = strings.ToLower(a.Val)
		}
	}
	if name == "color-scheme" || name == "supported-color-schemes" {
		for i, a := range t.Attr {
			if a.Key == "content" {
				t.Attr[i].Val = f.only(a.Val)
			}
		}
	}
	return name != "referrer"
}

// attributes rewrites what a tag says about colours, pictures and targets.
func (f *framing) attributes(t *html.Token) (changed bool) {
	before := len(t.Attr)
	t.Attr = slices.DeleteFunc(t.Attr, func(a html.Attribute) bool {
		return a.Key == "target" || a.Key == "ping" || a.Key == "referrerpolicy" || a.Key == "rel"
	})
	changed = len(t.Attr) < before
	for i, a := range t.Attr {
		v := a.Val
		switch a.Key {
		case "style":
			if v = f.css(v); f.look.Styles == stylesOff {
				v = ""
			}
		case "media":
			v = f.css(v)
		case "src", "background":
			v = f.source(v)
		}
		if v != a.Val {
			t.Attr[i].Val, changed = v, true
		}
	}
	return changed
}

// source puts the picture that the mail carries in the place of its address.
func (f *framing) source(address string) string {
	if len(address) < 4 || !strings.EqualFold(address[:4], "cid:") {
		return address
	}
	data, ok := f.loaded[address[4:]]
	if !ok {
		data = f.picture(address[4:])
		f.loaded[address[4:]] = data
	}
	if data == "" || len(data) > f.room {
		return address // nothing that a browser could load
	}
	f.room -= len(data)
	return data
}

const cssSpace = `(?:\s|/\*[^*]*\*+(?:[^/*][^*]*\*+)*/)*`

var (
	// Media Queries Level 5, section 12.5.
	schemeFeature = regexp.MustCompile(`(?i)\(` + cssSpace + `prefers-color-scheme` + cssSpace + `:` + cssSpace + `(dark|light)` + cssSpace + `\)`)
	// CSS Color Adjustment, section 2.2. The first group keeps
	// prefers-color-scheme and names of the mail's own out.
	schemeProperty = regexp.MustCompile(`(?i)(^|[;{/\s])(color-scheme` + cssSpace + `:)([^;}!]*)`)
)

// sheet is a style sheet as it stands in the frame.
func (f *framing) sheet(s string) string {
	s = f.css(s) // it tells of dark colours even where it is left out
	if f.look.Styles == stylesInline || f.look.Styles == stylesOff {
		return ""
	}
	return s
}

// css makes what a style sheet says about the colour scheme hold or not hold.
func (f *framing) css(s string) string {
	if !strings.Contains(strings.ToLower(s), "color-scheme") {
		return s
	}
	s = schemeFeature.ReplaceAllStringFunc(s, func(feature string) string {
		wanted := strings.ToLower(schemeFeature.FindStringSubmatch(feature)[1])
		f.dark = f.dark || wanted == schemeDark
		if wanted == f.look.Scheme {
			return "(min-width:0px)" // every window is as wide
		}
		return "(max-width:0px)" // none that shows anything is as narrow
	})
	return schemeProperty.ReplaceAllStringFunc(s, func(declaration string) string {
		m := schemeProperty.FindStringSubmatch(declaration)
		return m[1] + m[2] + " " + f.only(m[3])
	})
}

// only is the chosen scheme where a list offers it beside others. A mail that
// is dark or light alone stays so.
func (f *framing) only(list string) string {
	offered := strings.Fields(strings.ToLower(strings.ReplaceAll(list, ",", " ")))
	light, dark := slices.Contains(offered, schemeLight), slices.Contains(offered, schemeDark)
	f.dark = f.dark || dark
	if light && dark {
		return f.look.Scheme
	}
	return list
}
