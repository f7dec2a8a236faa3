package ingest

import (
	"net/url"
	"path"
	"regexp"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"courant/digest"
)

// picture is one that a page or a feed shows or names.
type picture struct {
	url, alt, caption string
	width, height     int  // pixels; 0: unknown
	figure            bool // it stands in a figure
}

const (
	maxPictures = 60
	maxPixels   = 20_000
	maxImageURL = 2000
)

// picture keeps an image of the page's text, for what it says of the lead
// image and to stand in for one.
func (m *metadata) picture(n *html.Node) {
	if len(m.pictures) == maxPictures {
		return
	}
	p := picture{alt: attribute(n, "alt"), width: pixels(attribute(n, "width")), height: pixels(attribute(n, "height"))}
	p.source(n)
	for up, levels := n.Parent, 0; up != nil && levels < 4; up, levels = up.Parent, levels+1 {
		p.figure = p.figure || up.DataAtom == atom.Figure
	}
	if p.url != "" {
		m.pictures = append(m.pictures, p)
	}
}

// leadImage is the picture the publisher chose for sharing, else the one that
// its data names, else the first figure of the text. Logos, portraits of
// authors and placeholders are none.
func (m *metadata) leadImage(address *url.URL, headline string) digest.Image {
	for _, p := range m.offeredPictures() {
		p.url = m.resolve(address, plainTitle(p.url))
		if p.url == "" || len(p.url) > maxImageURL || p.decorative() {
			continue
		}
		return m.described(address, p).image(headline)
	}
	return digest.Image{}
}

// offeredPictures are what can be the lead image, best first.
func (m *metadata) offeredPictures() (all []picture) {
	all = m.shared()
	all = append(all, m.linked.pictures...)
	for _, name := range []string{"twitter:image", "twitter:image:src", "parsely-image-url", "sailthru.image.full", "thumbnailurl", "image", "image_src"} {
		for _, s := range m.meta[name] {
			p := picture{url: s}
			if strings.HasPrefix(name, "twitter:") {
				p.alt = m.one("twitter:image:alt")
			}
			all = append(all, p)
		}
	}
	for _, p := range m.pictures {
		// Small and flat ones are teasers and ornaments.
		if p.figure && !thumbMarks.MatchString(p.url) && (p.width == 0 || p.width >= 300) && (p.height == 0 || p.height >= 150) {
			all = append(all, p)
		}
	}
	return all
}

// shared are the pictures that Open Graph names. Its size and alt follow the
// picture they belong to (ogp.me, "Arrays"), which can be told where each
// picture has them, or there is one only.
func (m *metadata) shared() (all []picture) {
	for _, s := range append(append(m.meta["og:image"], m.meta["og:image:url"]...), m.meta["og:image:secure_url"]...) {
		all = append(all, picture{url: s})
	}
	own := len(m.meta["og:image"])
	of := func(name string, i int) string {
		if values := m.meta[name]; i < len(values) && (len(values) == own || i == 0) {
			return values[i]
		}
		return ""
	}
	for i := range all {
		n := i
		if i >= own && own > 0 {
			n = i - own // the same picture's other address
		}
		all[i].alt = of("og:image:alt", n)
		all[i].width, all[i].height = pixels(of("og:image:width", n)), pixels(of("og:image:height", n))
	}
	return all
}

// described adds what else the page says of the same picture: its data the
// size, its img element what it shows.
func (m *metadata) described(address *url.URL, p picture) picture {
	key := imageKey(p.url)
	for _, all := range [][]picture{m.linked.pictures, m.pictures} {
		for _, other := range all {
			at := m.resolve(address, other.url)
			if at == "" || imageKey(at) != key {
				continue
			}
			p.alt, p.caption = first(p.alt, other.alt), first(p.caption, other.caption)
			if (p.width == 0 || p.height == 0) && at == p.url {
				p.width, p.height = other.width, other.height
			}
		}
	}
	if p.alt == "" {
		p.alt = m.one("twitter:image:alt")
	}
	return p
}

// image is the picture as an article has it. An alt that is a file's name or
// the headline once more says nothing of what is to be seen.
func (p picture) image(headline string) digest.Image {
	alt := plainTitle(p.alt)
	if fileName.MatchString(alt) || squash(alt) == squash(headline) {
		alt = ""
	}
	if alt == "" && len(p.caption) < 300 && squash(p.caption) != squash(headline) {
		alt = plainTitle(p.caption)
	}
	return digest.Image{URL: p.url, Alt: alt, Width: p.width, Height: p.height}
}

var (
	fileName   = regexp.MustCompile(`(?i)^\S*\.(?:jpe?g|png|gif|webp|avif)$|^(?:img|dsc|dscf|image|photo|foto|bild|picture)?[\d_\- .]*$|^(?:image|photo|picture|foto|bild|imagen?|immagine|thumbnail|article|default)$|^(?:article|post|featured|hero|main|lead|news)[ -]image$`)
	sizeMarks  = regexp.MustCompile(`(?i)(?:[-_](?:\d{2,4}x\d{2,4}|scaled|w?\d{3,4}w?|thumb(?:nail)?|large|small|medium|full|original|rotated|crop(?:ped)?)|@\dx)+$`)
	thumbMarks = regexp.MustCompile(`(?i)[-_/][1-3]?\d{2}x\d{2,3}[._]|thumb(?:nail)?s?\b|[?&](?:w|width)=[1-3]?\d{2}(?:&|$)`)

	// Words of a file's name that make it an ornament, and whole names of what
	// sites share for every page.
	ornament = regexp.MustCompile(`(?i)(?:^|[^a-z])(?:logos?|avatars?|b?l?avatar|gravatar|icons?|spacer|placeholder|fallback|blank|pixel|transparent|clear|1x1|no[-_]?(?:image|img|photo|picture|foto)|default[-_]?(?:user|image|img|share|og|social|thumb)[a-z-]*|image[-_]?(?:default|missing)|apple-touch-icon|ms-icon|sprite|loading|banner[-_]logo|share[-_]?(?:default|image|img)|social[-_]?(?:default|placeholder|image)|site[-_]?(?:image|share))(?:[^a-z]|$)` +
		`|[^aoi\W\d_]logo(?:[^a-z]|$)|(?:^|[^a-z])logo\d*[a-z]{0,2}\d*(?:[^a-z]|$)|favicon|-(?:512x512|310x310|270x270|192x192|180x180)\.|\.(?:svg|ico)$`)
	sharedName = regexp.MustCompile(`(?i)^(?:og|og[-_ ]?image|open[-_]?graph|facebook|fb|twitter|twitter[-_](?:card|image|standard|share)|facebook[-_](?:share|image|default|pic\w*)|social|social[-_](?:share|card|media)|share|sharing|share[-_]pic\w*|shareimages?\d*|default|header|site|home|homepage|cover|empty|none|null|index|noimage)$`)
	// Such a name below a date or a number is one story's.
	ofAStory = regexp.MustCompile(`/\d{2,}/`)
	// Directories of such files.
	ornamentAt = regexp.MustCompile(`(?i)/(?:logos?|[a-z_-]*_logo|avatars?|icons?|favicons?|blavatar|avatar|placeholders?|emojis?|smilies|pixel)/`)
)

// decorative tells logos, portraits of authors, pixels and placeholders by
// their names, sizes and places. A news picture of a logo is lost with them;
// none is better than the site's own logo below every headline.
func (p picture) decorative() bool {
	if p.width > 0 && p.width < 100 || p.height > 0 && p.height < 60 {
		return true
	}
	u, err := url.Parse(p.url)
	if err != nil {
		return true
	}
	file := path.Base(u.Path)
	stem := strings.TrimSuffix(file, path.Ext(file))
	host := strings.ToLower(u.Host)
	switch {
	case strings.HasSuffix(host, "gravatar.com"), strings.HasPrefix(host, "pixel."), strings.HasSuffix(host, "doubleclick.net"), strings.HasSuffix(host, "feedburner.com"):
		return true
	case ornament.MatchString(file), sharedName.MatchString(stem) && !ofAStory.MatchString(u.Path):
		return true
	}
	return ornamentAt.MatchString(u.Path)
}

// imageKey names a picture whatever size it is asked for in. Image servers
// have the picture's own address in the query or at the end of the path.
func imageKey(link string) string {
	u, err := url.Parse(link)
	if err != nil {
		return link
	}
	for _, name := range []string{"url", "src", "image"} {
		if inner := u.Query().Get(name); strings.Contains(inner, "/") {
			if v, err := url.Parse(inner); err == nil {
				u = v
				break
			}
		}
	}
	file := path.Base(u.Path)
	stem := strings.ToLower(strings.TrimSuffix(file, path.Ext(file)))
	if cut := sizeMarks.ReplaceAllString(stem, ""); len(cut) >= 4 {
		stem = cut
	}
	if len(stem) < 4 || stem == "image" || stem == "index" || stem == "picture" {
		return u.Host + u.Path + "?" + u.RawQuery
	}
	return stem
}

// thumbnail tells a picture that was made small.
func thumbnail(i digest.Image) bool {
	return i.Width > 0 && i.Width <= 320 || i.Width == 0 && thumbMarks.MatchString(i.URL)
}

// betterImage chooses between the picture of a feed's item and that of its
// page. Of the same picture the page knows size and alt; another one wins
// where the feed's is a thumbnail or much smaller.
func betterImage(feed, page digest.Image) digest.Image {
	switch {
	case feed.URL == "":
		return page
	case page.URL == "":
		return feed
	}
	larger := thumbnail(feed) && !thumbnail(page) || feed.Width > 0 && 2*page.Width >= 3*feed.Width
	if imageKey(feed.URL) != imageKey(page.URL) {
		if larger {
			return page
		}
		return feed
	}
	chosen := feed
	if larger || feed.Width == 0 && page.Width > 0 {
		chosen = page
	}
	chosen.Alt = first(page.Alt, feed.Alt)
	return chosen
}

// pixels reads a size, 0 if it is none.
func pixels(s string) int {
	n := 0
	for _, r := range strings.TrimSuffix(strings.TrimSpace(s), "px") {
		if r < '0' || r > '9' || n > maxPixels {
			return 0
		}
		n = n*10 + int(r-'0')
	}
	return n
}
