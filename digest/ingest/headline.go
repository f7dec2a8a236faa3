package ingest

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/html/atom"
)

// separators part a headline from the site's name in titles.
var separators = []string{" | ", " - ", " – ", " — ", " · ", " • ", " :: ", " » ", " « ", " › ", " ‹ ", " / ", " │ ", " ~ ", " // ", " < ", " > "}

// findHeadline chooses the headline and the block it stands in (-1: none).
// A heading of the page that agrees with what the page's metadata says wins:
// metadata alone is often shortened, and the page's first h1 is often the
// site's name.
func findHeadline(o *outline, m *metadata, address *url.URL) (headline string, at int) {
	t := newTitles(m, address)
	best, bestScore := -1, 0.0
	for i, b := range o.blocks {
		if b.tag != atom.H1 || b.words == 0 || len(b.text) > maxTitle {
			continue
		}
		if score := t.score(cleanHeading(b.text), o, b); score > bestScore+0.01 {
			best, bestScore = i, score
		}
	}
	if best >= 0 && bestScore >= 0.25 {
		return t.agreed(t.withoutExactSite(t.withoutLabel(cleanHeading(o.blocks[best].text)))), best
	}
	headline = t.best()
	if len(t.offered) == 0 && best >= 0 {
		return cleanHeading(o.blocks[best].text), best
	}
	return headline, blockLike(o, headline)
}

// cleanHeading drops the permalink marks that follow headings in manuals.
func cleanHeading(s string) string {
	return strings.TrimSpace(strings.TrimRight(s, "¶# \u200b"))
}

// titles are the headlines a page's metadata offers, without the site's name.
type titles struct {
	offered []string // best first
	parts   []string // all of what stands in <title> between separators
	sites   []string // squashed names of the site
	site    string   // the site's name where a headline should be; empty: nowhere
}

// newTitles gathers the offers in the order of trust: what is marked up as
// the headline, what is meant for sharing, the window's title.
func newTitles(m *metadata, address *url.URL) *titles {
	t := &titles{}
	for _, name := range []string{m.one("og:site_name"), m.one("application-name"), m.linked.publisher, m.one("twitter:site"), m.one("dc.publisher")} {
		if s := squash(name); len(s) > 1 {
			t.sites = append(t.sites, s)
		}
	}
	if domain := siteOfHost(address); domain != "" {
		label, _, _ := strings.Cut(domain, ".")
		t.sites = append(t.sites, squash(domain), squash(label))
	}
	for _, offer := range []string{m.one("headline"), plainTitle(m.linked.headline), m.one("og:title"), m.one("citation_title"), m.one("parsely-title"),
		m.one("twitter:title"), m.one("dc.title"), m.one("sailthru.title"), m.title} {
		switch s := strings.Trim(edgeMarks.ReplaceAllString(t.withoutSite(offer), ""), " |-–—"); {
		case s == "":
		case slices.Contains(t.sites, squash(s)):
			t.site = first(t.site, s)
		default:
			t.offered = append(t.offered, s)
		}
	}
	t.parts = splitTitle(m.title)
	if len(t.parts) > 1 {
		t.offered = append(t.offered, t.withoutExactSite(t.parts[0]))
	}
	return t
}

// edgeMarks are separators left at a title's ends. Without the space they are
// quotes.
var edgeMarks = regexp.MustCompile(`^[»«›‹~·•]\s+|\s+[»«›‹~·•]$`)

// denseTail is the site's name behind a title in Chinese or Japanese, which
// puts no spaces around its separators.
var denseTail = regexp.MustCompile(`^(.*\p{Han}.{4,})(?:_.{1,40}|[-－|｜][^-－|｜]{2,8}[网報报])$`)

// withoutDenseTail takes such names off.
func withoutDenseTail(title string) string {
	for range 3 {
		m := denseTail.FindStringSubmatch(title)
		if m == nil {
			break
		}
		title = m[1]
	}
	return title
}

// splitTitle parts a title at all separators.
func splitTitle(title string) []string {
	title = withoutDenseTail(title)
	for _, s := range separators {
		title = strings.ReplaceAll(title, s, "\x00")
	}
	var parts []string
	for part := range strings.SplitSeq(title, "\x00") {
		if part = strings.TrimSpace(part); part != "" {
			parts = append(parts, part)
		}
	}
	return parts
}

// withoutSite takes the site's name off the end or the beginning of a title,
// as often as it stands there.
func (t *titles) withoutSite(title string) string {
	title = withoutDenseTail(strings.TrimSpace(title))
	for range 3 {
		if head, tail, ok := lastBracket(title); ok && t.isWholeSite(tail) {
			title = head
			continue
		}
		head, tail, at := lastSeparator(title)
		switch {
		case at && t.isSite(tail):
			title = head
			continue
		case at && t.followsSite(head, tail):
			title, _, _ = lastSeparator(head)
			continue
		case at:
			if first, rest, ok := firstSeparator(title); ok && t.isSite(first) {
				title = rest
				continue
			}
		}
		break
	}
	if before, after, ok := strings.Cut(title, ": "); ok && t.isSite(before) && wordCount(after) > 2 {
		return strings.TrimSpace(after)
	}
	return title
}

// followsSite tells what stands behind the site's own name: a section, or the
// program the site is made with.
func (t *titles) followsSite(head, tail string) bool {
	before, site, ok := lastSeparator(head)
	return ok && slices.Contains(t.sites, squash(site)) && wordCount(tail) <= 3 && wordCount(before) > wordCount(tail)
}

// withoutExactSite takes the site's name off a heading's end. Other than in
// titles, it must be the whole name: headings speak of companies whose site
// it is.
func (t *titles) withoutExactSite(heading string) string {
	for range 3 {
		head, tail, ok := lastSeparator(heading)
		if !ok || !t.isWholeSite(tail) {
			head, tail, ok = lastBracket(heading)
		}
		if !ok || !t.isWholeSite(tail) || wordCount(head) <= 2 {
			break
		}
		heading = head
	}
	return heading
}

// lastSeparator cuts a title at its last separator.
func lastSeparator(s string) (head, tail string, ok bool) {
	at, size := -1, 0
	for _, sep := range separators {
		if i := strings.LastIndex(s, sep); i > at {
			at, size = i, len(sep)
		}
	}
	if at <= 0 {
		return "", "", false
	}
	return strings.TrimSpace(s[:at]), strings.TrimSpace(s[at+size:]), true
}

// isWholeSite tells the site's whole name, with or without its article.
func (t *titles) isWholeSite(name string) bool {
	bare := func(s string) string { return strings.TrimPrefix(s, "the") }
	s := squash(strings.TrimPrefix(strings.TrimPrefix(name, "www."), "WWW."))
	return slices.ContainsFunc(t.sites, func(site string) bool { return bare(site) == bare(s) && len(bare(s)) > 1 })
}

// lastBracket cuts a title at the bracket that ends it. What stands there is
// the site's only where it is the whole of its name: brackets hold much else.
func lastBracket(s string) (head, tail string, ok bool) {
	for _, pair := range [...]string{"()", "[]", "（）", "【】"} {
		open, _ := utf8.DecodeRuneInString(pair)
		inner, ends := strings.CutSuffix(s, pair[utf8.RuneLen(open):])
		if i := strings.LastIndex(inner, string(open)); ends && i > 0 {
			head, tail = strings.TrimSpace(inner[:i]), strings.TrimSpace(inner[i+utf8.RuneLen(open):])
			return head, tail, wordCount(head) > 1 && tail != ""
		}
	}
	return "", "", false
}

// firstSeparator cuts a title at its first separator.
func firstSeparator(s string) (head, tail string, ok bool) {
	at, size := len(s), 0
	for _, sep := range separators {
		if i := strings.Index(s, sep); i > 0 && i < at {
			at, size = i, len(sep)
		}
	}
	if size == 0 {
		return "", "", false
	}
	return strings.TrimSpace(s[:at]), strings.TrimSpace(s[at+size:]), true
}

// isSite tells names of the site, of its edition ("BBC News") and of its
// address ("CNN.com").
func (t *titles) isSite(name string) bool {
	s := squash(name)
	if s == "" {
		return true
	}
	for _, site := range t.sites {
		if s == site || wordCount(name) <= 5 && len(site) >= 3 && (strings.Contains(s, site) || len(s) >= 3 && strings.Contains(site, s)) {
			return true
		}
	}
	return looksLikeDomain(name)
}

// looksLikeDomain tells "CNN.com" behind a headline.
func looksLikeDomain(name string) bool {
	label, tld, ok := strings.Cut(strings.TrimPrefix(strings.ToLower(name), "www."), ".")
	return ok && label != "" && len(tld) >= 2 && len(tld) <= 7 && !strings.ContainsAny(name, " ")
}

// score says how well a heading fits: 1 is a heading that says what the
// metadata says.
func (t *titles) score(heading string, o *outline, b block) float64 {
	if squash(heading) == "" || t.isSite(heading) && len(t.offered) > 0 {
		return 0
	}
	score := 0.3 // a page without metadata still has its first h1
	if len(t.offered) > 0 {
		score = 0
	}
	for _, offer := range t.offered {
		switch {
		case squash(offer) == squash(heading):
			score = max(score, 1)
		default:
			score = max(score, 0.95*similar(offer, heading))
		}
	}
	for i, part := range t.parts {
		if i > 0 && squash(part) == squash(heading) {
			score -= 0.6
		}
	}
	for r := b.region; r >= 0; r = o.regions[r].parent {
		switch s := o.regions[r].sign; {
		case s&signHeadline != 0:
			return score + 0.1
		case s&(signFurniture|signHidden|signWidget) != 0 && o.regions[r].prose < 400:
			return score - 0.3
		}
	}
	return score
}

// withoutLabel takes a label like "Title:" off a heading whose rest the
// metadata confirms.
func (t *titles) withoutLabel(heading string) string {
	label, rest, ok := strings.Cut(heading, ":")
	if !ok || wordCount(label) > 2 {
		return heading
	}
	for _, offer := range t.offered {
		if squash(offer) == squash(rest) {
			return strings.TrimSpace(rest)
		}
	}
	return heading
}

// paidLabel is what some sites write into the headlines of pieces that cost
// money.
var paidLabel = regexp.MustCompile(`(?i)^(?:\|.*|abonnés|abo|premium|plus|exclusive|exklusiv|subscribers?(?: only)?|members only|paid)$`)

// agreed is a heading as the metadata has it, where the two differ only by a
// label before it ("Politics | ", a kicker) or behind it ("Subscribers"), or
// by white space that the page makes with styles.
func (t *titles) agreed(heading string) string {
	h := squash(heading)
	for _, offer := range t.offered {
		if squash(offer) != h {
			continue
		}
		if strings.Count(offer, " ") > strings.Count(heading, " ") {
			return offer
		}
		return heading
	}
	for _, offer := range t.offered {
		if wordCount(offer) < 4 {
			continue
		}
		if rest, ok := strings.CutPrefix(heading, offer); ok && paidLabel.MatchString(strings.TrimSpace(rest)) {
			return offer
		}
		if kicker, ok := strings.CutSuffix(heading, offer); ok && isKicker(strings.TrimSpace(kicker)) {
			return offer
		}
	}
	return heading
}

// isKicker tells a label before a headline from the headline's own
// beginning, which ends in a mark.
func isKicker(s string) bool {
	last, _ := utf8.DecodeLastRuneInString(s)
	return wordCount(s) <= 5 && (last == '|' || unicode.IsLetter(last) || unicode.IsDigit(last))
}

// best is the headline where no heading of the page will do.
func (t *titles) best() string {
	if len(t.offered) == 0 {
		return t.site
	}
	// <title> with a site that nothing else names: its first part is offered
	// last, and is better than the whole if the whole is all there is.
	whole := t.offered[0]
	if len(t.offered) == 2 && len(t.parts) == 2 && wordCount(t.parts[0]) >= 3 && wordCount(t.parts[1]) <= 3 {
		return t.withoutExactSite(t.parts[0])
	}
	return whole
}

// blockLike finds the block that repeats a headline, headings first.
func blockLike(o *outline, headline string) int {
	want := squash(headline)
	if want == "" {
		return -1
	}
	found := -1
	for i, b := range o.blocks {
		if len(b.text) > 2*len(headline)+20 || squash(cleanHeading(b.text)) != want {
			continue
		}
		if isHeading(b.tag) {
			return i
		}
		if found < 0 {
			found = i
		}
	}
	return found
}
