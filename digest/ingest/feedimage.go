package ingest

import (
	"strings"

	"github.com/mmcdole/gofeed"
	ext "github.com/mmcdole/gofeed/extensions"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"courant/digest"
)

// image is the item's own picture: Media RSS, its image element, an enclosure,
// else a figure within its HTML. Of several sizes the largest counts; loose
// pictures in the HTML are left alone, half of them count readers.
func (f *feedReader) image(it *gofeed.Item, headline string) digest.Image {
	best, found := picture{}, false
	for _, p := range f.offered(it) {
		p.url = absolute(f.base, strings.TrimSpace(p.url))
		if p.url == "" || len(p.url) > maxImageURL || p.decorative() {
			continue
		}
		if !found || p.width > best.width && (best.width > 0 || thumbnail(digest.Image{URL: best.url})) {
			alt, caption := first(p.alt, best.alt), first(p.caption, best.caption)
			best, found = p, true
			best.alt, best.caption = alt, caption
		}
	}
	if !found {
		return digest.Image{}
	}
	return best.image(headline)
}

// offered are an item's pictures, best first.
func (f *feedReader) offered(it *gofeed.Item) (all []picture) {
	media := it.Extensions["media"]
	contents, thumbnails := media["content"], media["thumbnail"]
	for _, group := range media["group"] {
		contents = append(contents[:len(contents):len(contents)], group.Children["content"]...)
		thumbnails = append(thumbnails[:len(thumbnails):len(thumbnails)], group.Children["thumbnail"]...)
	}
	for _, c := range contents {
		if kind := c.Attrs["type"] + c.Attrs["medium"]; strings.HasPrefix(kind, "image") || kind == "" && imageFile(c.Attrs["url"]) {
			all = append(all, mediaPicture(c, media))
		}
		thumbnails = append(thumbnails[:len(thumbnails):len(thumbnails)], c.Children["thumbnail"]...)
	}
	if it.Image != nil {
		all = append(all, picture{url: it.Image.URL, alt: it.Image.Title})
	}
	for _, e := range it.Enclosures {
		if e != nil && (strings.HasPrefix(e.Type, "image/") || e.Type == "" && imageFile(e.URL)) {
			all = append(all, picture{url: e.URL})
		}
	}
	for _, c := range thumbnails {
		all = append(all, mediaPicture(c, nil))
	}
	if len(all) == 0 {
		all = figuresWithin(first(it.Content, it.Description))
	}
	return all
}

// mediaPicture is a picture as Media RSS has it; what it shows stands in it,
// or beside it where it is the only one.
func mediaPicture(c ext.Extension, around map[string][]ext.Extension) picture {
	p := picture{url: c.Attrs["url"], width: pixels(c.Attrs["width"]), height: pixels(c.Attrs["height"])}
	said := func(in map[string][]ext.Extension) string {
		for _, name := range []string{"text", "description", "title"} {
			for _, e := range in[name] {
				if s := plainText(e.Value, maxTitle); s != "" {
					return s
				}
			}
		}
		return ""
	}
	if p.caption = said(c.Children); p.caption == "" && len(around["content"]) == 1 {
		p.caption = said(around)
	}
	return p
}

// imageFile tells an image by its address.
func imageFile(link string) bool {
	link, _, _ = strings.Cut(strings.ToLower(link), "?")
	for _, end := range []string{".jpg", ".jpeg", ".png", ".webp", ".avif"} {
		if strings.HasSuffix(link, end) {
			return true
		}
	}
	return false
}

// figuresWithin are the pictures of an item's HTML that stand in a figure, or say
// that they are large.
func figuresWithin(snippet string) (all []picture) {
	if !strings.Contains(snippet, "<img") {
		return nil
	}
	m := &metadata{}
	var walk func(n *html.Node)
	walk = func(n *html.Node) {
		switch n.DataAtom {
		case atom.Img:
			m.picture(n)
		case atom.Noscript:
			m.unscripted(n)
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			walk(c)
		}
	}
	doc, _ := parseHTML([]byte(head(snippet, 64<<10)))
	walk(doc)
	for _, p := range m.pictures {
		if (p.figure && (p.width == 0 || p.width >= 200) || p.width >= 300) && imageFile(p.url) {
			all = append(all, p)
		}
	}
	return all
}
