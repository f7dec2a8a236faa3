package ingest

import (
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/html"

	"courant/digest"
)

// Caps on what one article may hold, in bytes. They are far beyond what
// publishers write and keep a hostile page from filling the database.
const (
	maxTitle = 400
	maxPoint = 700
	maxName  = 160
	maxLead  = 600
	maxBody  = 8000
)

// plainText is a snippet of HTML as one line of text: tags go, what scripts
// and styles hold goes with them, entities are decoded. Feeds are not
// sanitised by anyone else, so every string of theirs comes through here.
func plainText(snippet string, max int) string {
	if !strings.ContainsAny(snippet, "<&") {
		return digest.PlainLine(withoutTagEnd(head(snippet, 8*max)), max)
	}
	var b strings.Builder
	z := html.NewTokenizer(strings.NewReader(snippet))
	skip := ""
	for b.Len() < 8*max {
		switch z.Next() {
		case html.ErrorToken:
			return digest.PlainLine(withoutTagEnd(b.String()), max)
		case html.TextToken:
			if skip == "" {
				b.WriteString(html.UnescapeString(string(z.Raw())))
			}
		case html.StartTagToken, html.SelfClosingTagToken:
			raw := string(z.Raw())
			name, attributes := z.TagName()
			tag := string(name)
			switch {
			case hidesText(tag):
				skip = tag
			case !knownTag(tag) && !(attributes && strings.Contains(raw, "=")):
				b.WriteString(raw) // "Use of <T> in Go" is text, not markup
			case !inlineTag(tag):
				b.WriteByte(' ')
			}
		case html.EndTagToken:
			name, _ := z.TagName()
			tag := string(name)
			if tag == skip {
				skip = ""
			}
			if !inlineTag(tag) {
				b.WriteByte(' ')
			}
		}
	}
	return digest.PlainLine(head(b.String(), 8*max), max)
}

// withoutTagEnd takes off what is left of a tag that a page breaks with quotes,
// to hide it from those with scripts: its end, before the text or behind it.
// Where a tag begins it is the text's own.
func withoutTagEnd(s string) string {
	if !strings.Contains(s, ">") || strings.Contains(s, "<") {
		return s
	}
	trimmed := strings.TrimSpace(s)
	for _, end := range [...]string{`">`, `"/>`, `" />`, `'>`, `'/>`, `' />`, "-->"} {
		trimmed = strings.TrimSpace(strings.TrimSuffix(strings.TrimPrefix(trimmed, end), end))
	}
	return trimmed
}

// plainTitle is plainText for headlines. Feeds often escape them twice
// ("AT&amp;amp;T"), so entities that are left are decoded once more, and
// markup that this uncovers is removed too.
func plainTitle(s string) string {
	once := plainText(s, maxTitle)
	return plainText(once, maxTitle)
}

// hidesText tells the elements whose text no reader sees.
func hidesText(tag string) bool {
	switch tag {
	case "script", "style", "noscript", "template", "iframe", "object", "svg", "math", "head", "title",
		"textarea", "select", "noembed", "noframes", "xmp", "plaintext":
		return true
	}
	return false
}

// inlineTag tells the elements that don't end a line of text.
func inlineTag(tag string) bool {
	switch tag {
	case "a", "abbr", "acronym", "b", "bdi", "bdo", "big", "cite", "code", "data", "del", "dfn", "em", "font", "i", "img",
		"ins", "kbd", "label", "mark", "nobr", "q", "rp", "rt", "ruby", "s", "samp", "small", "span", "strike", "strong",
		"sub", "sup", "time", "tt", "u", "var", "wbr":
		return true
	}
	return false
}

// knownTag tells the rest of HTML's elements.
func knownTag(tag string) bool {
	if inlineTag(tag) || hidesText(tag) {
		return true
	}
	switch tag {
	case "address", "applet", "area", "article", "aside", "audio", "base", "basefont", "blink", "blockquote", "body", "br",
		"button", "canvas", "caption", "center", "col", "colgroup", "dd", "details", "dialog", "dir", "div", "dl", "dt",
		"embed", "fieldset", "figcaption", "figure", "footer", "form", "frame", "frameset", "h1", "h2", "h3", "h4", "h5",
		"h6", "header", "hgroup", "hr", "html", "input", "isindex", "keygen", "legend", "li", "link", "main", "map",
		"marquee", "menu", "meta", "meter", "nav", "ol", "optgroup", "option", "output", "p", "param", "picture", "pre",
		"progress", "search", "section", "slot", "source", "summary", "table", "tbody", "td", "tfoot", "th", "thead", "tr",
		"track", "ul", "video":
		return true
	}
	return false
}

// drawnBullets begin lines and nothing else. Arrows, ticks and dashes may be
// part of a text. The first four are those of Wingdings, which programs that
// write letters leave in what is copied from them.
const drawnBullets = "\uf0b7\uf0a7\uf0d8\uf0fc・･•‣▪▫●○◦■□▶►▸▹⁃∙◆◇➤➢·❖❑❒➜➥➣⁍⁌‧∎◾◽🔹🔸🔷🔶🔵🔴👉✦✧"

const emojiStyle = "\ufe0f" // follows a character that is to be drawn as an emoji

// bullet is a line's text behind its bullet or number; ok tells whether
// there was one.
func bullet(line string) (text string, ok bool) {
	line = strings.TrimSpace(line)
	r, size := firstRune(line)
	rest := line[size:]
	switch {
	case strings.ContainsRune(drawnBullets, r), strings.ContainsRune("➔→✓✔✅☑★–—", r):
		rest = strings.TrimSpace(strings.TrimPrefix(rest, emojiStyle))
		return rest, rest != ""
	case r == '*' || r == '-' || r == '+':
		return strings.TrimSpace(rest), strings.HasPrefix(rest, " ") || strings.HasPrefix(rest, "\t")
	case r >= '0' && r <= '9' || r == '(':
		return numbered(line)
	}
	return line, false
}

// unmarked are given points without what marks or counts them. A bullet, and a
// hyphen or dash before a space, are no part of a text. Ticks, arrows, a plus
// and a number alone may be one, so they go only where every point has a mark;
// numbers that count from 1 always go. Some languages write an ordinal like a
// number before a line ("1. FC", "1. Mai"): there a single one is left alone.
func unmarked(points []string, language string) []string {
	texts, numbers, all := slices.Clone(points), 0, true
	for i, s := range points {
		text, marked := bullet(s)
		all = all && marked
		first, size := firstRune(s)
		if _, number := numbered(s); number && numbers >= 0 {
			if numbers++; !strings.HasPrefix(strings.TrimPrefix(s, "("), strconv.Itoa(numbers)) {
				numbers = -1
			}
		} else if marked && strings.ContainsRune(drawnBullets, first) || strings.ContainsRune("-*–—", first) && strings.HasPrefix(s[size:], " ") {
			texts[i] = text
		}
	}
	base, _, _ := strings.Cut(language, "-")
	counted := numbers > 1 || numbers == 1 && all && (len(points) > 1 || !slices.Contains(ordinalLanguages[:], base))
	for i, s := range points {
		text, marked := bullet(s)
		first, _ := firstRune(s)
		if _, number := numbered(s); number && counted || marked && all && strings.ContainsRune("➔→✓✔✅☑★+", first) {
			texts[i] = text
		}
	}
	return texts
}

// ordinalLanguages write the first as "1.".
var ordinalLanguages = [...]string{"de", "da", "nb", "nn", "no", "fi", "is", "fo", "pl", "cs", "sk", "sl", "hr", "sr", "bs", "hu", "tr", "et", "lv", "lb"}

// numbered reads "1. ", "12) " and "(3) ".
func numbered(line string) (string, bool) {
	s := strings.TrimPrefix(line, "(")
	n := 0
	for n < len(s) && n < 3 && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	if n == 0 || n == 3 || n+1 >= len(s) || s[n] != '.' && s[n] != ')' || s[n+1] != ' ' {
		return line, false
	}
	return strings.TrimSpace(s[n+1:]), true
}

// firstRune is a text's first character and its size, 0 for none.
func firstRune(s string) (rune, int) {
	if s == "" {
		return 0, 0
	}
	return utf8.DecodeRuneInString(s)
}

// wordCount counts words; scripts that don't put spaces between them count
// two characters as a word.
func wordCount(s string) int {
	n, dense, inWord := 0, 0, false
	for _, r := range s {
		switch {
		case unspaced(r):
			dense++
			inWord = false
		case isLetterOrDigit(r) || r >= utf8.RuneSelf && unicode.IsMark(r):
			if !inWord {
				n++
			}
			inWord = true
		case r == '\'' || r == '’' || r == '-' || r == '.' || r == ',':
			// "don't", "well-known" and "1,000" are one word each.
		default:
			inWord = false
		}
	}
	return n + (dense+1)/2
}

// unspaced tells the scripts that are written without spaces.
func unspaced(r rune) bool {
	return r >= 0x0e00 && (unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar))
}
