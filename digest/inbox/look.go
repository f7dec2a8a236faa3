package inbox

import (
	"net/url"
	"slices"
)

// look is how a mail is looked at. The zero value is the page's own choice:
// the best part at desktop width, in light colours, with images and styles, in
// its own direction. A desk begins with all widths beside each other.
type look struct{ View, Width, Scheme, Images, Styles, Direction, Part string }

// The words a look is made of, as they stand in addresses.
const (
	viewHTML    = "html"
	viewText    = "text"
	viewSource  = "source"
	viewHeaders = "headers"
	viewChecks  = "checks" // of a desk

	widthDesktop = "desktop"
	widthPhone   = "phone"
	widthAll     = "all" // and those of deskWidths, of a desk

	schemeLight = "light"
	schemeDark  = "dark"

	imagesOn  = "on"
	imagesOff = "off"

	stylesOn     = "on"
	stylesInline = "inline" // without style sheets, as some programs show a mail that was forwarded
	stylesOff    = "off"    // without any

	directionOwn = "own"
	directionRTL = "rtl"

	partMessage = "message" // as it arrived; the others decoded
	partHTML    = "html"
	partText    = "text"
)

// deskWidths are the windows that a mail is proofed in, in CSS pixels: the
// smallest phone, the width that the mail is laid out for, a desk.
func deskWidths() []string { return []string{"320", "600", "900"} }

// readLook reads the query of an address. A word it doesn't know is none.
func readLook(q url.Values) look {
	among := func(key string, words ...string) string {
		if v := q.Get(key); slices.Contains(words, v) {
			return v
		}
		return ""
	}
	return look{
		View:      among("view", viewHTML, viewText, viewSource, viewHeaders, viewChecks),
		Width:     among("width", append(deskWidths(), widthDesktop, widthPhone, widthAll)...),
		Scheme:    among("scheme", schemeLight, schemeDark),
		Images:    among("images", imagesOn, imagesOff),
		Styles:    among("styles", stylesOn, stylesInline, stylesOff),
		Direction: among("direction", directionOwn, directionRTL),
		Part:      among("part", partMessage, partHTML, partText),
	}
}

// query is the look as an address carries it, with its question mark; what was
// not chosen is left out.
func (l look) query() string {
	q := url.Values{}
	for key, v := range map[string]string{
		"view": l.View, "width": l.Width, "scheme": l.Scheme, "images": l.Images,
		"styles": l.Styles, "direction": l.Direction, "part": l.Part,
	} {
		if v != "" {
			q.Set(key, v)
		}
	}
	if len(q) == 0 {
		return ""
	}
	return "?" + q.Encode()
}

// frameQuery is the part of the look that the frame's answer depends on.
func (l look) frameQuery() string {
	f := look{Width: l.Width, Scheme: l.Scheme, Images: l.Images}
	if l.Styles != stylesOn {
		f.Styles = l.Styles
	}
	if l.Direction != directionOwn {
		f.Direction = l.Direction
	}
	return f.query()
}

// settled is the look with every choice made, for a mail that is best shown
// as the given view, on a desk or elsewhere.
func (l look) settled(best string, desk bool) look {
	or := func(chosen *string, otherwise string) {
		if *chosen == "" {
			*chosen = otherwise
		}
	}
	elsewhere := l.Width == widthAll || slices.Contains(deskWidths(), l.Width)
	switch {
	case desk && !elsewhere:
		l.Width = widthAll
	case !desk && elsewhere:
		l.Width = ""
	}
	if l.View == viewChecks && !desk {
		l.View = ""
	}
	or(&l.View, best)
	or(&l.Width, widthDesktop)
	or(&l.Scheme, schemeLight)
	or(&l.Images, imagesOn)
	or(&l.Styles, stylesOn)
	or(&l.Direction, directionOwn)
	or(&l.Part, partMessage)
	return l
}

// widths are the frames a look asks for.
func (l look) widths() []string {
	if l.Width == widthAll {
		return deskWidths()
	}
	return []string{l.Width}
}

// choice is one link of a switch.
type choice struct {
	Label, URL string
	Current    bool
	Count      string // what stands behind it, in a word; empty: not said
	Mood       string
}

// switches are the links that change one thing of the look each.
type switches struct {
	Views, Widths, Schemes, Images, Styles, Directions, Parts []choice
}

// pick is one word of a switch with its label.
type pick struct{ label, word string }

// switches are the links beside a mail at the given address. Chosen is the
// look as it was asked for, so that a link keeps what else was chosen.
func (l look) switches(address string, settled look, desk bool) switches {
	links := func(of func(*look) *string, picks ...pick) []choice {
		var list []choice
		for _, p := range picks {
			next := l
			*of(&next) = p.word
			list = append(list, choice{Label: p.label, URL: address + next.query(), Current: p.word == *of(&settled)})
		}
		return list
	}
	s := switches{
		Views:   links(func(l *look) *string { return &l.View }, pick{"HTML", viewHTML}, pick{"Text", viewText}, pick{"Headers", viewHeaders}, pick{"Source", viewSource}),
		Widths:  links(func(l *look) *string { return &l.Width }, pick{"Desktop", widthDesktop}, pick{"Phone", widthPhone}),
		Schemes: links(func(l *look) *string { return &l.Scheme }, pick{"Light", schemeLight}, pick{"Dark", schemeDark}),
		Images:  links(func(l *look) *string { return &l.Images }, pick{"Images", imagesOn}, pick{"No images", imagesOff}),
	}
	if !desk {
		return s
	}
	s.Views = append(s.Views, links(func(l *look) *string { return &l.View }, pick{"Checks", viewChecks})...)
	widths := []pick{{"All widths", widthAll}}
	for _, w := range deskWidths() {
		widths = append(widths, pick{w, w})
	}
	s.Widths = links(func(l *look) *string { return &l.Width }, widths...)
	s.Styles = links(func(l *look) *string { return &l.Styles }, pick{"Styles", stylesOn}, pick{"Inline only", stylesInline}, pick{"No styles", stylesOff})
	s.Directions = links(func(l *look) *string { return &l.Direction }, pick{"As written", directionOwn}, pick{"Right to left", directionRTL})
	s.Parts = links(func(l *look) *string { return &l.Part }, pick{"As sent", partMessage}, pick{"HTML part", partHTML}, pick{"Text part", partText})
	return s
}
