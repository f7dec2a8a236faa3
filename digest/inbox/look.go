package inbox

import (
	"net/url"
	"slices"
)

// look is how a mail is looked at. The zero value is the page's own choice:
// the best part at desktop width, in light colours, with images.
type look struct{ View, Width, Scheme, Images string }

// The words a look is made of, as they stand in addresses.
const (
	viewHTML    = "html"
	viewText    = "text"
	viewSource  = "source"
	viewHeaders = "headers"

	widthDesktop = "desktop"
	widthPhone   = "phone"

	schemeLight = "light"
	schemeDark  = "dark"

	imagesOn  = "on"
	imagesOff = "off"
)

// readLook reads the query of an address. A word it doesn't know is none.
func readLook(q url.Values) look {
	among := func(key string, words ...string) string {
		if v := q.Get(key); slices.Contains(words, v) {
			return v
		}
		return ""
	}
	return look{
		View:   among("view", viewHTML, viewText, viewSource, viewHeaders),
		Width:  among("width", widthDesktop, widthPhone),
		Scheme: among("scheme", schemeLight, schemeDark),
		Images: among("images", imagesOn, imagesOff),
	}
}

// query is the look as an address carries it, with its question mark; what was
// not chosen is left out.
func (l look) query() string {
	q := url.Values{}
	for key, v := range map[string]string{"view": l.View, "width": l.Width, "scheme": l.Scheme, "images": l.Images} {
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
	return look{Width: l.Width, Scheme: l.Scheme, Images: l.Images}.query()
}

// settled is the look with every choice made, for a mail that is best shown
// as the given view.
func (l look) settled(best string) look {
	or := func(chosen *string, otherwise string) {
		if *chosen == "" {
			*chosen = otherwise
		}
	}
	or(&l.View, best)
	or(&l.Width, widthDesktop)
	or(&l.Scheme, schemeLight)
	or(&l.Images, imagesOn)
	return l
}

// choice is one link of a switch.
type choice struct {
	Label, URL string
	Current    bool
}

// switches are the links that change one thing of the look each.
type switches struct {
	Views, Widths, Schemes, Images []choice
}

// switches are the links beside a mail at the given address. Chosen is the
// look as it was asked for, so that a link keeps what else was chosen.
func (l look) switches(address string, settled look) switches {
	link := func(label, word, current string, change func(*look)) choice {
		next := l
		change(&next)
		return choice{Label: label, URL: address + next.query(), Current: word == current}
	}
	view := func(label, word string) choice {
		return link(label, word, settled.View, func(n *look) { n.View = word })
	}
	width := func(label, word string) choice {
		return link(label, word, settled.Width, func(n *look) { n.Width = word })
	}
	scheme := func(label, word string) choice {
		return link(label, word, settled.Scheme, func(n *look) { n.Scheme = word })
	}
	images := func(label, word string) choice {
		return link(label, word, settled.Images, func(n *look) { n.Images = word })
	}
	return switches{
		Views:   []choice{view("HTML", viewHTML), view("Text", viewText), view("Headers", viewHeaders), view("Source", viewSource)},
		Widths:  []choice{width("Desktop", widthDesktop), width("Phone", widthPhone)},
		Schemes: []choice{scheme("Light", schemeLight), scheme("Dark", schemeDark)},
		Images:  []choice{images("Images", imagesOn), images("No images", imagesOff)},
	}
}
