package lint

import (
	"net/mail"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// way is how readers of a mail come to its sender's pages.
type way struct {
	base    string // what the addresses of readers' pages begin with; empty: unknown
	header  string // the address in List-Unsubscribe
	address string // of the reader
}

// wayOut reads where the readers' pages are from the header. Courant's one-click
// address is base/u/token.
func wayOut(f field) way {
	u := oneClick(f)
	if u == nil {
		return way{}
	}
	w := way{header: u.String()}
	if base, _, ok := cutLast(w.header, "/u/"); ok {
		w.base = base
	}
	return w
}

var readersPage = regexp.MustCompile(`^(https?://.+)/p/[A-Za-z0-9_-]{20,}$`)

// ownWay finds where the readers' pages are by the links themselves, where
// there is no header.
func (d *document) ownWay() way {
	for _, e := range d.named("a") {
		if m := readersPage.FindStringSubmatch(e.attr("href")); m != nil {
			return way{base: m[1]}
		}
	}
	return way{}
}

func cutLast(s, sep string) (before, after string, ok bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

// kind is where a link leads.
type kind int

const (
	toStory kind = iota
	toLeave
	toChoices
	toView
	toSender // another page of the sender's
	toOther  // mail, telephone, a place in the mail, nothing
)

// unsubscribing is what others' addresses for leaving say.
var unsubscribing = regexp.MustCompile(`(?i)unsub|opt-?out|abmeld|abbestell|d[eé]sabonn`)

// kindOf tells by the address.
func (w way) kindOf(href string) kind {
	lower := strings.ToLower(href)
	if !strings.HasPrefix(lower, "https://") && !strings.HasPrefix(lower, "http://") {
		return toOther
	}
	if w.base != "" {
		rest, own := strings.CutPrefix(href, w.base+"/")
		switch {
		case own && strings.HasPrefix(rest, "p/") && strings.Contains(rest, "#"):
			return toChoices
		case own && (strings.HasPrefix(rest, "p/") || strings.HasPrefix(rest, "u/")):
			return toLeave
		case own && strings.HasPrefix(rest, "v/"):
			return toView
		case own && rest == "" || href == w.base:
			return toSender
		}
		return toStory
	}
	if href == w.header || unsubscribing.MatchString(href) {
		return toLeave
	}
	return toStory
}

// quoted is an address as a finding shows it, without the token of a reader:
// findings go into logs.
func (w way) quoted(href string) string {
	if k := w.kindOf(href); w.base == "" || k != toLeave && k != toChoices && k != toView {
		return short(href)
	}
	return short(href[:len(w.base)+len("/p/")]) + "..."
}

// tokens are the parts of addresses by which the sender knows the reader.
func (w way) tokens(links []link) (list []string) {
	if w.base == "" {
		return nil
	}
	for _, href := range append([]string{w.header}, hrefs(links)...) {
		if m := readersToken.FindStringSubmatch(href); m != nil && strings.HasPrefix(href, w.base+"/") && !slices.Contains(list, m[1]) {
			list = append(list, m[1])
		}
	}
	return list
}

var readersToken = regexp.MustCompile(`/[puv]/([A-Za-z0-9_-]{20,})(?:[/?#]|$)`)

func hrefs(links []link) (list []string) {
	for _, l := range links {
		list = append(list, l.href)
	}
	return list
}

// link is a link of one part, in the order of the part.
type link struct {
	href   string
	kind   kind
	hidden bool
	line   int
	e      *element // nil in the text part
}

func (d *document) links(w way) (list []link) {
	for _, e := range d.elements {
		if e.tag != "a" && e.tag != "area" && !strings.HasPrefix(e.tag, "v:") { // VML: Outlook's drawings lead somewhere, too
			continue
		}
		href, ok := e.has("href")
		if ok {
			href = strings.TrimSpace(href)
			list = append(list, link{href, w.kindOf(href), e.hidden, e.line, e})
		}
	}
	return list
}

// links judges where links lead and what they say.
func (r *report) links(d *document, links []link, w way) {
	ids := map[string]bool{}
	for _, e := range d.elements {
		ids[e.attr("id")] = true
		if e.tag == "a" {
			ids[e.attr("name")] = true
		}
	}
	web := false
	for _, l := range links {
		web = web || l.kind != toOther
		r.link(d, l, w, ids)
	}
	if !web {
		r.find("no-link", place{part: PartHTML}, "the HTML leads nowhere")
	}
}

func (r *report) link(d *document, l link, w way, ids map[string]bool) {
	at := place{PartHTML, l.line}
	scheme, _, has := strings.Cut(l.href, ":")
	switch scheme = strings.ToLower(squeeze(scheme)); {
	case l.href == "" || l.href == "#":
		r.find("link-relative", at, "a link leads nowhere")
	case strings.HasPrefix(l.href, "#"):
		if !ids[l.href[1:]] {
			r.find("link-target", at, "nothing in the mail has the id %s", short(l.href[1:]))
		}
	case !has || strings.ContainsAny(scheme, "/?#."):
		r.find("link-relative", at, "the link %s has no scheme and host", short(l.href))
	case scheme == "javascript" || scheme == "vbscript" || scheme == "data":
		r.find("script", at, "the link %s runs a script", short(l.href))
	case scheme == "mailto":
		to, _, _ := strings.Cut(l.href[len("mailto:"):], "?")
		if clean, err := url.PathUnescape(to); err != nil || !isAddress(clean) {
			r.find("link-scheme", at, "the link %s has no mail address", short(l.href))
		}
	case scheme == "tel":
		if strings.Trim(l.href[len("tel:"):], "+0123456789-.() ") != "" {
			r.find("link-scheme", at, "the link %s has no telephone number", short(l.href))
		}
	case scheme != "http" && scheme != "https":
		r.find("link-scheme", at, "the link %s begins with %s:", short(l.href), short(scheme))
	default:
		r.webLink(l, w)
	}
	if l.e != nil && !l.hidden && d.content(l.e) == "" && !d.pictured(l.e) {
		r.find("link-text", at, "the link %s says nothing", w.quoted(l.href))
	}
}

func isAddress(s string) bool {
	a, err := mail.ParseAddress(s)
	return err == nil && a.Address == s
}

// pictured says whether there is an image in the element.
func (d *document) pictured(e *element) bool {
	for _, x := range d.elements[e.index+1:] {
		if x.depth <= e.depth {
			return false
		}
		if x.tag == "img" {
			return true
		}
	}
	return false
}

func (r *report) webLink(l link, w way) {
	at := place{PartHTML, l.line}
	u, err := url.Parse(l.href)
	if err != nil || u.Hostname() == "" {
		r.find("link-scheme", at, "the link %s does not read", w.quoted(l.href))
		return
	}
	if u.User != nil {
		r.find("link-scheme", at, "the link %s carries a name or password", short(l.href))
	}
	// A link that names the reader, or leads to its story by way of the sender,
	// tells who followed it. The sender's own pages carry a token, and must.
	full, err := url.QueryUnescape(l.href)
	if err != nil {
		full = l.href
	}
	if w.address != "" && strings.Contains(strings.ToLower(full), strings.ToLower(w.address)) {
		r.find("tracked-link", at, "the link to %s names its reader", short(u.Hostname()))
	}
	if w.base != "" && strings.HasPrefix(l.href, w.base+"/") && strings.Contains(full[len("https://"):], "://") {
		r.find("tracked-link", at, "the link to %s leads elsewhere by way of the sender", short(u.Hostname()))
	}
}

// waysOut judges that one can leave, from the top and from the bottom.
func (r *report) waysOut(links []link, part string, w way) {
	whole := place{part: part}
	shown := slices.DeleteFunc(slices.Clone(links), func(l link) bool { return l.hidden })
	index := func(k kind) int { return slices.IndexFunc(shown, func(l link) bool { return l.kind == k }) }
	leave, view := index(toLeave), index(toView)
	if leave < 0 {
		if slices.ContainsFunc(r.findings, func(f Finding) bool { return f.Rule == "unsubscribe-link" && f.Part == part }) {
			return // said already, and why
		}
		r.find("unsubscribe-link", whole, "there is no link to unsubscribe that can be seen")
		return
	}
	if w.base == "" {
		return // not a digest of ours: where its stories are cannot be told
	}
	if view < 0 {
		r.find("view-link", whole, "there is no link to the edition on the web")
	}
	first := index(toStory)
	if first < 0 {
		return
	}
	if leave > first {
		r.find("unsubscribe-top", whole, "there is no link to unsubscribe above the first story")
	}
	slices.Reverse(shown)
	if last := index(toLeave); last > index(toStory) {
		r.find("unsubscribe-bottom", whole, "there is no link to unsubscribe below the last story")
	}
}
