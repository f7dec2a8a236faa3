package ingest

import (
	"regexp"
	"slices"
	"strings"
	"unicode"

	"courant/digest"
)

// fill gives an article its key points, or what can stand in for them, and
// its lead.
func (p *page) fill(a *digest.Article) choice {
	made := choice{pages: []*page{p}}
	points := made.points()
	lead := p.leadSentences()
	a.Lead = digest.PlainLine(strings.Join(lead, " "), maxLead)
	if len(points) > 0 {
		a.Points, a.PointsFrom = points, digest.PointsPage
		return made
	}
	made.description = p.description
	made.fallback = fallBack(a, p.rule.trim(p.description), lead)
	return made
}

// fallback is what stands in for key points, and why.
type fallback struct {
	why  finding  // why the description can't; zero: it does
	lead []string // the sentences there were
}

// fallbackPoints is how many sentences stand in for key points at most.
const fallbackPoints = 3

// fallBack fills the points of an article whose publisher gave none: its
// description, filled up with its first sentences, or these alone. What the
// best of them is, is recorded; a description with more than one point was
// filled up, and readers are told so.
func fallBack(a *digest.Article, description string, lead []string) fallback {
	a.Points, a.PointsFrom = nil, digest.PointsNone
	d, why := usableDescription(description, a, lead)
	if d != "" {
		a.Points, a.PointsFrom = []string{d}, digest.PointsDescription
	}
	fillUp(a, lead)
	return fallback{why, lead}
}

// fillUp adds first sentences to what stands in for key points, those left
// out that say again what stands there or in the headline. A publisher's own
// points are never added to.
func fillUp(a *digest.Article, lead []string) {
	switch a.PointsFrom {
	case digest.PointsDescription, digest.PointsLead, digest.PointsNone:
	default:
		return
	}
	for _, s := range lead {
		if len(a.Points) >= fallbackPoints {
			break
		}
		if !repeats(s, a.Title, a.Points) {
			a.Points = append(a.Points, s)
		}
	}
	if a.PointsFrom == digest.PointsNone && len(a.Points) > 0 {
		a.PointsFrom = digest.PointsLead
	}
}

// repeats tells a sentence that says nothing beside a headline and points.
func repeats(s, headline string, points []string) bool {
	if similar(s, headline) > 0.85 {
		return true
	}
	key := squash(s)
	for _, point := range points {
		v := vocabulary{}
		v.add(point)
		known, all := v.shared(s)
		if strings.Contains(squash(point), key) || all > 0 && known*10 >= all*7 {
			return true
		}
		// The point may be the shorter telling of what the sentence says.
		w := vocabulary{}
		w.add(s)
		if known, all := w.shared(point); all >= 4 && known*10 >= all*7 {
			return true
		}
	}
	return false
}

var cutOff = regexp.MustCompile(`(?:…|\.{3,}|\[\s*(?:…|\.{3,}|&hellip;)\s*\]|»|→)\s*$`)

// isCutOff tells a text that breaks off.
func isCutOff(s string) bool {
	s = strings.TrimRight(s, " \t\n\f\r")
	return (strings.HasSuffix(s, "…") || strings.HasSuffix(s, "...") || strings.HasSuffix(s, "]") || strings.HasSuffix(s, "»") || strings.HasSuffix(s, "→")) &&
		cutOff.MatchString(s)
}

// pointsOn is a call to read on that was glued to a description where it was
// cut off.
var pointsOn = regexp.MustCompile(`(?i)(?:…|\.{3}|\[…\]|\[\.{3}\])?\s*(?:\[\s*)?(?:read more|continue reading|read the full (?:story|article)|weiterlesen|mehr lesen|lire la suite|leer más|seguir leyendo|leia mais|continua a leggere|leggi tutto|lees (?:meer|verder)|les mer|læs mere|läs mer|czytaj (?:więcej|dalej))(?:\s*\])?\s*[.:…»→>]*\s*$`)

// pointerWords are those of which each call to read on has one: the pattern is
// tried over all of a description, which costs more than to look for them.
var pointerWords = [...]string{"read more", "reading", "read the full", "weiterlesen", "mehr lesen", "lire la", "leer más", "leyendo", "leia mais",
	"a leggere", "leggi tutto", "lees ", "les mer", "læs mere", "läs mer", "czytaj "}

// containsAny says that a text holds one of the words, wherever.
func containsAny(text string, words []string) bool {
	return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(text, w) })
}

// withoutPointer takes the call off. What then ends in mid-sentence is marked
// as cut off.
func withoutPointer(description string) string {
	if !containsAny(strings.ToLower(description), pointerWords[:]) {
		return description
	}
	at := pointsOn.FindStringIndex(description)
	if at == nil {
		return description
	}
	d := strings.TrimSpace(description[:at[0]])
	if endsLikeSentence(d) {
		return d
	}
	return d + "…"
}

// usableDescription is the publisher's description if it is a real sentence:
// 40 characters or more, not the headline, not the beginning of the body cut
// off, not the site's slogan.
func usableDescription(description string, a *digest.Article, lead []string) (string, finding) {
	d := wholeSentences(withoutDateline(withoutPointer(withoutCredit(strings.TrimSpace(description)))), lead)
	why := finding{}
	switch {
	case strings.TrimSpace(description) == "":
		why.reason = whyNone
	case d == "" || isCutOff(d):
		why.reason = whyCut
	case len([]rune(d)) < 40 && !dense(d), wordCount(d) < 6:
		why.reason = whyShort
	case len(d) > maxPoint:
		why.reason = whyLong
	case isBoilerplate(d):
		why.reason = whySite
	case unfilled(d):
		why.reason = whyUnfilled
	case squash(d) == squash(a.Title), similar(d, a.Title) > 0.85, partOf(d, a.Title):
		why.reason = whyHeadline
	case isSlogan(d, a, lead):
		why.reason = whySlogan
	default:
		return digest.PlainLine(d, maxPoint), finding{}
	}
	return "", why
}

// pictureCredit is who took a picture, at the end of a description.
var pictureCredit = regexp.MustCompile(`(?i)\s*[(|]?\s*(?:foto|photo|bild|image|picture|photograph|imagen|fotografía|фото)s?(?: credits?)?\s*[:©][^.!?:]{2,60}\)?\s*$`)

// withoutCredit takes it off.
func withoutCredit(description string) string {
	if !strings.ContainsAny(description, ":©") {
		return description
	}
	if at := pictureCredit.FindStringIndex(description); at != nil && at[0] >= 40 {
		return description[:at[0]]
	}
	return description
}

// Why a description cannot stand in for key points.
const (
	whyNone     reason = "there is none"
	whyDropped  reason = `your rule drops it by "%s"`
	whyCut      reason = "it is the beginning of a text, cut off"
	whyShort    reason = "it is too short for a sentence"
	whyLong     reason = "it is too long for a point"
	whySite     reason = "it is about the site, not the news"
	whyUnfilled reason = "it has a template's place that nothing has filled"
	whyHeadline reason = "it says no more than the headline"
	whySlogan   reason = "it shares no word with the article: it is what the site says of itself"
)

// wholeSentences is a description without what was cut off at its end, without
// the site's own words there, and not longer than a reader reads at a glance.
// It is empty where nothing but a cut sentence is left.
func wholeSentences(d string, lead []string) string {
	const glance = 420
	parts := sentences(d)
	if len(parts) > 1 && (isCutOff(parts[len(parts)-1]) || isBoilerplate(parts[len(parts)-1])) {
		parts = parts[:len(parts)-1]
	}
	if n := len(parts); n > 0 && cutFrom(parts[n-1], lead) {
		parts = parts[:n-1]
	}
	for len(parts) > 1 && len(strings.Join(parts, " ")) > glance {
		parts = parts[:len(parts)-1]
	}
	return strings.Join(parts, " ")
}

// cutFrom tells the beginning of one of the body's sentences: some sites cut
// their description after so many characters and put no ellipsis there.
func cutFrom(s string, lead []string) bool {
	key := squash(s)
	if endsLikeSentence(s) && !endsDense(s) || key == "" {
		return false
	}
	for _, whole := range lead {
		if w := squash(whole); len(w) > len(key) && strings.HasPrefix(w, key) {
			return true
		}
	}
	return false
}

// endsDense tells a text that ends in a script without spaces, and without a
// mark.
func endsDense(s string) bool {
	r := []rune(strings.TrimRight(s, `"'”’»›)] `))
	return len(r) > 0 && unspaced(r[len(r)-1])
}

// partOf tells a text that is a part of the headline, or the headline with
// the site's name.
func partOf(d, headline string) bool {
	key, head := squash(d), squash(headline)
	return head != "" && (strings.Contains(head, key) || strings.HasPrefix(key, head) && wordCount(d) <= wordCount(headline)+4)
}

// dense tells text in a script that says much in few characters.
func dense(s string) bool {
	n := 0
	for _, r := range s {
		if unspaced(r) {
			n++
		}
	}
	return n >= 15
}

var slogan = regexp.MustCompile(`(?i)\b(?:latest|breaking) (?:news|headlines|stories|updates)\b|\bnews,? (?:analysis|sports?|weather|opinion|reviews|video|features)\b|\bthe (?:place|home|best source|leading source|official)\b.{0,20}\b(?:for|of|to)\b|\ball (?:of )?your\b|\baktuelle nachrichten\b|\btoute l['’]actualité\b|\bnachrichten, (?:berichte|hintergründe)\b|\bfind (?:all )?the latest\b|\byour (?:source|guide|home) (?:for|to)\b|^abstract page for\b|\b(?:offizielle|official) (?:startseite|website|webseite|homepage|seite|site)\b|\bhier finden sie (?:aktuelle|alle|die neuesten)\b|\bdie neuesten nachrichten\b|\blas últimas noticias\b|\bas últimas notícias\b|\ble ultime notizie\b|\bhet laatste nieuws\b|\bsiste nytt\b|\bseneste nyheder\b|\bsenaste nytt\b|\bnajnowsze (?:wiadomości|informacje)\b`)

// sloganWords are those of which each slogan has one.
var sloganWords = [...]string{"latest", "breaking", "news", "the ", "your", "nachrichten", "actualité", "abstract", "site", "seite", "homepage", "hier finden",
	"noticias", "notícias", "notizie", "nieuws", "nytt", "nyheder", "najnowsze"}

// isSlogan tells what a site says of itself on every page: it shares no word
// with the headline and the first sentences.
func isSlogan(d string, a *digest.Article, lead []string) bool {
	v := vocabulary{}
	v.add(a.Title)
	for _, s := range lead {
		v.add(s)
	}
	known, all := v.shared(d)
	switch {
	case known*2 < all && containsAny(strings.ToLower(d), sloganWords[:]) && slogan.MatchString(d):
		return true
	case known == 0 && len(v) > 5:
		return all > 0 || !slogan.MatchString(d)
	}
	return false
}

// text is the body, a paragraph a line, without the site's own lines.
func (p *page) text() string {
	var b strings.Builder
	for _, i := range p.body {
		text := p.o.blocks[i].text
		if isBoilerplate(head(text, 300)) || isByline(text) {
			continue
		}
		if b.Len()+len(text) >= maxBody {
			return head(b.String()+text, maxBody)
		}
		b.WriteString(text)
		b.WriteByte('\n')
	}
	return strings.TrimSpace(b.String())
}

// leadSentences are the first real sentences of the body: eight to 45 words,
// no by-lines, datelines, captions or pointers elsewhere.
func (p *page) leadSentences() []string {
	var out []string
	for n, i := range p.body {
		if n > 30 || len(out) >= 6 {
			break
		}
		if p.chosen != nil && i >= p.chosen.from && i < p.chosen.to {
			continue
		}
		out = append(out, p.undropped(realSentences(p.o.blocks[i].text, p.headline))...)
	}
	return out
}

// realSentences are the sentences of a paragraph that may stand for
// themselves.
func realSentences(paragraph, headline string) []string {
	if isBoilerplate(head(paragraph, 300)) || attribution(paragraph) != "" || isByline(paragraph) || squash(paragraph) == squash(headline) {
		return nil
	}
	var out []string
	for _, s := range sentences(withoutDateline(paragraph)) {
		if n := wordCount(s); n < 8 || n > 45 || isBoilerplate(s) || isCutOff(s) || !endsLikeSentence(s) || !quotesClose(s) || unfilled(s) {
			continue
		}
		out = append(out, digest.PlainLine(s, maxPoint))
	}
	return out
}

// quotesClose tells a sentence that can stand alone from one that begins or
// ends in mid-quotation. Half a quotation is not what somebody said.
func quotesClose(s string) bool {
	straight := strings.Count(s, `"`)
	opened := strings.Count(s, "“") + strings.Count(s, "„")
	closed := strings.Count(s, "”")
	if strings.Contains(s, "„") { // German and its neighbours close with the mark that English opens with
		opened, closed = strings.Count(s, "„"), closed+strings.Count(s, "“")
	}
	return straight%2 == 0 && opened == closed && strings.Count(s, "«") == strings.Count(s, "»") && strings.Count(s, "「") == strings.Count(s, "」")
}

// head is the beginning of a text, cut at a character.
func head(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "")
}

// endsLikeSentence tells sentences from captions, labels and lines that a
// paywall cut off. Scripts without spaces often leave the last mark out.
func endsLikeSentence(s string) bool {
	r := []rune(strings.TrimRight(s, `"'”’»›)] `))
	return len(r) > 0 && (endsSentence(r[len(r)-1]) || unspaced(r[len(r)-1]))
}

var (
	byline   = regexp.MustCompile(`(?i)^(?:by|von|par|por|di|door|av|af|text|(?:file |archive )?photos?|fotos?|story|reporting|written|additional reporting|edited|updated|published|posted|last updated|aktualisiert|veröffentlicht|publié|mis à jour|publicado|actualizado|image|photograph|picture|credit|source)(?: by)?[:\s].{0,90}$`)
	dateline = regexp.MustCompile(`^(?:\p{Lu}[\p{Lu}\s.,'’/-]{2,40}|\p{Lu}\pL+(?:[\s.-]\p{Lu}\pL+){0,2})(?:,\s*[\pL .]{2,20}\.?)?\s*(?:,?\s*(?:\d{1,2}\.?\s+\pL{3,9}\.?|\pL{3,9}\.?\s+\d{1,2})(?:,?\s+\d{4})?)?\s*(?:\([\pL\pN\s./-]{2,30}\))?\s*(?:--|[–—-])\s+|^\([\pL\pN./ -]{2,30}\)\s*(?:--|[–—-])?\s*`)
)

// isByline tells lines that name people or times rather than tell news.
func isByline(s string) bool {
	return len(s) < 140 && !strings.HasSuffix(s, ".") && byline.MatchString(s)
}

// withoutDateline drops "ANAHEIM, Calif. (AP) — " from the beginning of a
// paragraph: place and agency are not the news.
func withoutDateline(s string) string {
	start := head(s, 120)
	if r, _ := firstRune(s); r != '(' && (!unicode.IsUpper(r) || !dashed(start)) {
		return s
	}
	if at := dateline.FindStringIndex(start); at != nil {
		return strings.TrimSpace(s[at[1]:])
	}
	return s
}

// dashed says that a text has a dash with white space behind it, as each
// dateline without brackets has.
func dashed(s string) bool {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case ' ', '\t', '\n', '\f', '\r':
			if before := s[:i]; before[i-1] == '-' || strings.HasSuffix(before, "–") || strings.HasSuffix(before, "—") {
				return true
			}
		}
	}
	return false
}
