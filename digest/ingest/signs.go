package ingest

import (
	"slices"
	"strings"
	"sync"
	"unicode"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// sign is what an element says of itself by its name, class, id or role.
type sign uint16

const (
	signPoints    sign = 1 << iota // publishers' own words for key points
	signSummary                    // words that often, but not always, mean key points
	signFurniture                  // navigation, sharing, related stories, comments, advertising
	signAside                      // beside the article, or a box within it
	signHidden                     // not shown to readers
	signCaption                    // captions and credits of pictures
	signByline                     // author, date, source
	signBody                       // the article's own text
	signHeadline                   // the headline
	signSeveral                    // several points, not one text: its paragraphs are points
	signTeaser                     // another story's teaser, or this one's standfirst
	signWidget                     // a part that the site's editor put in: a sidebar's mostly, now and then the article's
)

// pointsWords are class names that mean key points wherever they stand, with
// everything but letters taken out. They are general on purpose: each is used
// by several publishers or is a phrase that means nothing else.
var pointsWords = []string{
	"keypoint", "keytakeaway", "takeaway", "storyhighlight", "stryhghlght", "articlehighlight", "posthighlight",
	"newshighlight", "keyhighlight", "bulletswithfont", "bulletpointswith", "highlightslist", "highlightlist", "summarybullet", "bulletsummary", "bulletedsummary",
	"summarylist", "summarypoint", "bulletpointsummary", "articlebullet", "storybullet", "storysummary", "articlesummary",
	"postsummary", "newssummary", "aisummary", "quicksummary", "summarybox", "boxsummary", "keyfact", "keyfinding", "keyinsight",
	"keymessage", "keydetail", "tldr", "ataglance", "atglance", "quickread", "quicktake", "fastfacts", "whattoknow", "needtoknow",
	"thegist", "daswichtigste", "wichtigste", "kurzundknapp", "aufeinenblick", "darumgehts", "lessentiel", "pointscles",
	"pointscle", "aretenir", "enbref", "puntosclave", "claves", "ensintesis", "pontoschave", "puntichiave", "insintesi",
	"kortfortalt", "kortversjon", "oppsummering", "sammanfattning", "samenvatting", "inhetkort", "tiivistelma", "puntiprincipali",
}

// severalPoints are parts of names of things that come in numbers. A "summary"
// made of paragraphs is a standfirst.
var severalPoints = []string{
	"bullet", "points", "takeaway", "highlights", "hghlght", "keyfact", "keyfinding", "keyinsight", "ataglance", "atglance", "wichtigste", "tldr",
}

// telling is a part of a name that says something.
type telling struct {
	part string
	sign sign
}

// tellingParts are the parts by their first two letters: a page has hundreds
// of names, and few of them have even a beginning of one.
var tellingParts = sync.OnceValue(func() map[[2]byte][]telling {
	by := map[[2]byte][]telling{}
	for s, parts := range map[sign][]string{signPoints: pointsWords, signSeveral: severalPoints} {
		for _, part := range parts {
			opening := [2]byte{part[0], part[1]}
			by[opening] = append(by[opening], telling{part, s})
		}
	}
	return by
})

// partSigns reads a name whose words were joined.
func partSigns(joined string) (s sign) {
	parts := tellingParts()
	for i := 1; i < len(joined); i++ {
		for _, t := range parts[[2]byte{joined[i-1], joined[i]}] {
			if strings.HasPrefix(joined[i-1:], t.part) {
				s |= t.sign
			}
		}
	}
	return s
}

// summaryWord tells whole words of class names that need more evidence.
func summaryWord(w string) bool {
	switch w {
	case "summary", "summaries", "highlight", "highlights", "bullet", "bullets", "bulletpoint", "bulletpoints", "bulletlist",
		"abstract", "brief", "recap", "glance", "facts", "gist", "points", "essentials", "essentiel", "resume", "resumen",
		"resumo", "riassunto", "sintesi", "zusammenfassung", "kurzfassung", "ueberblick", "uberblick", "infobox", "factbox",
		"standfirst", "dek", "subheadlines", "synopsis", "overview", "storylines", "bulletin", "hlts", "hlt":
		return true
	}
	return false
}

// furnitureWord tells the words publishers use for what surrounds an
// article.
func furnitureWord(w string) bool {
	switch w {
	case "nav", "navi", "navbar", "navigation", "menu", "submenu", "megamenu", "breadcrumb", "breadcrumbs", "footer", "masthead",
		"share", "sharing", "shares", "social", "sharebar", "sharetools", "toolbar", "tools", "related", "relatedlinks",
		"recommended", "recommendation", "recommendations", "recirc", "recirculation", "promo", "promos", "promotion",
		"newsletter", "newsletters", "comment", "comments", "commentlist", "disqus", "cookie", "cookies", "consent", "gdpr",
		"advert", "adverts", "advertisement", "advertising", "sponsored", "sponsor", "taboola", "outbrain", "subscribe",
		"subscription", "paywall", "regwall", "signup", "login", "register", "popular", "trending", "mostread", "mostpopular",
		"latest", "livefeed", "ticker", "carousel", "slideshow", "gallery", "teasers", "readmore", "morefrom", "more",
		"pagination", "pager", "tags", "tag", "topics", "keywords", "shop", "product", "products", "checkout", "cart",
		"lineup", "cast", "credits", "ingredients", "ingredient", "toc", "contents", "outline", "jump", "skip", "rating",
		"ratings", "poll", "quiz", "weather", "stocks", "market", "playlist", "schedule", "fixtures", "standings", "sitemap",
		"copyright", "legal", "disclaimer", "banner", "popup", "modal", "overlay", "tooltip", "dropdown",
		"references", "footnotes", "footnote", "citation", "citations", "reviews", "followus", "follow", "alsoread", "readnext", "pros", "cons", "proscons", "proscontras":
		return true
	}
	return false
}

// signsOf reads an element. Class names repeat by the hundred, so the caller
// keeps what was found for each.
func (o *outline) signsOf(n *html.Node) sign {
	s := o.tagSigns(n)
	for _, a := range n.Attr {
		switch a.Key {
		case "class", "id", "role", "itemprop", "type", "aria-label", "data-testid", "data-test", "data-test-id", "data-component",
			"data-component-type", "data-component-name", "data-type", "data-module", "data-qa", "data-cy", "data-name":
			if a.Val != "" && len(a.Val) < 400 {
				s |= o.nameSigns(a.Val)
			}
		case "hidden":
			s |= signHidden
		case "style":
			if strings.Contains(a.Val, "display") && strings.Contains(strings.ReplaceAll(a.Val, " ", ""), "display:none") {
				s |= signHidden
			}
		case "aria-hidden":
			if a.Val == "true" {
				s |= signHidden
			}
		}
	}
	return s
}

// isCustom tells the elements that a site gave names of its own, which have a
// hyphen (HTML section 4.13.2).
func isCustom(n *html.Node) bool {
	return n.DataAtom == 0 && n.Namespace == "" && strings.IndexByte(n.Data, '-') > 0
}

// isCustomItem tells those of them that are an item by their name.
func isCustomItem(n *html.Node) bool {
	if n == nil || n.Type != html.ElementNode || !isCustom(n) {
		return false
	}
	switch n.Data[strings.LastIndexByte(n.Data, '-')+1:] {
	case "item", "li", "point", "keypoint", "bullet", "bulletpoint", "takeaway", "highlight", "fact":
		return true
	}
	return false
}

// tagSigns is what an element's name alone says.
func (o *outline) tagSigns(n *html.Node) sign {
	switch n.DataAtom {
	case 0:
		if isCustom(n) {
			return o.nameSigns(n.Data)
		}
	case atom.Nav, atom.Footer, atom.Form, atom.Dialog:
		return signFurniture
	case atom.Aside:
		return signAside
	case atom.Figcaption, atom.Caption, atom.Figure:
		return signCaption
	case atom.Address, atom.Time:
		return signByline
	}
	return 0
}

// nameSigns reads one class name or id. The result is kept: a page has
// thousands of elements and a few hundred names.
func (o *outline) nameSigns(name string) sign {
	if s, known := o.names[name]; known {
		return s
	}
	words := nameWords(name)
	s := partSigns(strings.Join(words, ""))
	if s&signPoints != 0 && slices.ContainsFunc(strings.Fields(name), elsewise) {
		s = s&^signPoints | signSummary
	}
	before := ""
	for i, w := range words {
		next := ""
		if i+1 < len(words) {
			next = words[i+1]
		}
		if w == "widget" || w == "widgets" {
			s |= widgetSigns(before, next)
		}
		s |= wordSigns(w, next)
		before = w
	}
	o.names[name] = s
	return s
}

// elsewise tells a name of its own beside one that means key points: the box
// "summary-box facts" has the look of one, and what it holds is said by the
// other name. Its heading decides then.
func elsewise(name string) bool {
	switch strings.ToLower(strings.TrimSuffix(name, "-box")) {
	case "fact", "facts", "factbox", "figures", "numbers", "glossary", "terms", "sources", "source", "bibliography", "timeline", "chronology",
		"faq", "legal", "specs", "bio", "profile", "contact", "contacts", "events", "agenda", "hours", "method", "background":
		return true
	}
	return false
}

// widgetSigns reads the word widget by the words beside it. Page builders call
// each paragraph of an article one; what kind it is says more.
func widgetSigns(before, next string) sign {
	switch before {
	case "elementor", "siteorigin", "so":
		switch next {
		case "posts", "loop", "portfolio", "wp", "woocommerce", "form", "archive", "call", "price", "testimonial", "countdown", "counter", "progress":
			return signFurniture
		}
		return 0
	}
	return signWidget
}

// wordSigns reads one word of a name, with the next for those that mean
// something only together.
func wordSigns(w, next string) sign {
	switch {
	case furnitureWord(w):
		return signFurniture
	case summaryWord(w):
		return signSummary
	}
	switch w {
	case "hidden", "hide", "invisible", "offscreen", "visuallyhidden":
		return signHidden
	case "sr", "screen":
		if next == "only" || next == "reader" {
			return signHidden
		}
	case "most", "read", "see":
		if next == "read" || next == "popular" || next == "next" || next == "also" || next == "more" || next == "viewed" {
			return signFurniture
		}
	case "sidebar", "aside", "complementary", "rail":
		return signAside
	case "caption", "captions", "credit", "photo", "image", "media", "figure", "copyright":
		return signCaption
	case "byline", "bylines", "author", "authors", "dateline", "timestamp", "published", "pubdate", "contributor", "contributors", "meta", "metadata":
		return signByline
	case "articlebody", "storybody", "postbody", "entrycontent", "postcontent", "bodytext", "articletext":
		return signBody
	case "article", "story", "post", "entry", "body":
		if next == "body" || next == "text" || next == "content" || next == "copy" {
			return signBody
		}
	case "headline":
		return signHeadline
	case "teaser", "intro":
		return signTeaser
	}
	return 0
}

// nameWords splits a class name into lower-case words at everything that is
// no letter and where upper case begins: "RenderKeyPoints-list" is render,
// key, points, list. Words of one letter and of hashes are dropped.
func nameWords(name string) []string {
	var words []string
	start := -1
	flush := func(end int) {
		if start >= 0 && end-start > 1 {
			words = append(words, strings.ToLower(name[start:end]))
		}
		start = -1
	}
	lower := false
	for i, r := range name {
		letter := unicode.IsLetter(r)
		if !letter || lower && unicode.IsUpper(r) {
			flush(i)
		}
		if letter && start < 0 {
			start = i
		}
		lower = letter && unicode.IsLower(r)
	}
	flush(len(name))
	return words
}
