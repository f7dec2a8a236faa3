package ingest

import (
	"encoding/json"
	"regexp"
	"strings"
	"unicode"

	"courant/digest"
)

// Why a machine's point is not given to readers, or all of them are not.
const (
	faultEmpty     = "empty"       // nothing was said
	faultRefusal   = "refusal"     // the machine says that it won't
	faultLanguage  = "language"    // another language than the article's
	faultLength    = "length"      // too short or too long for a point
	faultMarkup    = "markup"      // more than plain text
	faultAddress   = "address"     // a link, a mail address or a telephone number
	faultFigure    = "number"      // a number that the article doesn't have
	faultName      = "name"        // a name that the article doesn't have
	faultQuotation = "quotation"   // quoted words that the article doesn't have
	faultForeign   = "other words" // little of it is in the article
	faultRepeats   = "repeats"     // the headline or another point again
)

// original is an article as the measure of what a machine says of it.
type original struct {
	headline string
	words    map[string]bool // lower case
	figures  map[figure]bool
	stems    vocabulary
	squashed string
	money    string // its signs of currencies
	script   string
	tongue   string // empty: not known
}

func newOriginal(a digest.Article) *original {
	text := a.Title + "\n" + a.Lead + "\n" + a.Text
	o := &original{headline: a.Title, words: map[string]bool{}, figures: map[figure]bool{}, stems: vocabulary{}, squashed: squash(text), money: only(text, currencies), script: script(text), tongue: tongue(text)}
	if o.tongue == "" && o.script == "Latin" {
		o.tongue, _, _ = strings.Cut(a.Language, "-")
	}
	for _, t := range tokenize(text) {
		o.words[strings.ToLower(t.text)] = true
	}
	for _, f := range figures(text, o.tongue, true) {
		o.figures[f] = true
	}
	o.stems.add(text)
	return o
}

// vet keeps those of a machine's points that the article bears out, at most
// three of them. faults says what was wrong with each of the others; where
// none is kept it is never empty.
func vet(a digest.Article, points []string) (kept, faults []string) {
	o := newOriginal(a)
	if len(points) == 0 {
		return nil, []string{faultEmpty}
	}
	said := strings.Join(points, "\n")
	if t := tongue(said); script(said) != o.script || o.script == "Latin" && t != "" && o.tongue != "" && !kindred(t, o.tongue) {
		return nil, []string{faultLanguage}
	}
	for _, point := range points {
		fault := o.fault(point)
		if fault == "" && repeats(point, a.Title, kept) {
			fault = faultRepeats
		}
		switch {
		case fault != "":
			faults = append(faults, fault)
		case len(kept) < fallbackPoints:
			kept = append(kept, digest.PlainLine(point, maxPoint))
		}
	}
	return kept, faults
}

// fault is what is wrong with a point, empty if the article bears it out.
func (o *original) fault(point string) string {
	words := wordCount(point)
	switch {
	case refusal.MatchString(point), isBoilerplate(point):
		return faultRefusal
	case marked.MatchString(point), strings.ContainsFunc(point, steers):
		return faultMarkup
	case addresses.MatchString(point):
		return faultAddress
	case words < 5, words > 45, len(point) > maxPoint:
		return faultLength
	case script(point) != o.script:
		return faultLanguage
	case !o.hasFigures(point):
		return faultFigure
	case !o.hasQuotations(point):
		return faultQuotation
	case !o.hasNames(point):
		return faultName
	}
	// Two words in five, numbers apart, are its own: the rest may be put in
	// other words, and their endings differ.
	if known, all := o.stems.shared(withoutDigits(point)); known*5 < all*2 || known == 0 {
		return faultForeign
	}
	return ""
}

func withoutDigits(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsDigit(r) {
			return ' '
		}
		return r
	}, s)
}

var (
	refusal = regexp.MustCompile(`(?i)^(?:i['’]?m sorry|i am sorry|sorry,|i (?:can(?:['’]t|not)|am unable|won['’]t)|as an? (?:ai|language model)|es tut mir leid|ich kann (?:ihnen |dir )?(?:leider )?nicht|je suis désolé|désolé,|je ne peux pas|lo siento|no puedo|desculpe|lamento|mi dispiace|none\b)|\b(?:ignore|disregard) (?:all |any |the |your )*(?:previous|prior|above|earlier) |\bsystem prompt\b`)
	marked  = regexp.MustCompile("<[A-Za-z!/?]|\\]\\(|```|\\{\\{|\\{%|&(?:#|[a-z]+;)|\\\\u00|=\\?utf|\\*\\*|__")
	// A name with a dot and no space is taken for a host: a reader's mail
	// program would make a link of it.
	addresses = regexp.MustCompile(`(?i)://|\bwww\.|\b(?:javascript|data|mailto|tel|vbscript):|@|[\pL\pN](?:\.|\[\.\]|\(\.\)|。)\pL{2,}|\bdot (?:com|net|org|info|io|co)\b|(?:\+|\b00)\d[\d ()/.-]{6,}\d`)
)

// steers tells characters that hide what a text says or turn its direction.
func steers(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) && r != '\u200c' && r != '\u200d' || r == unicode.ReplacementChar
}

// hasFigures says whether each number of a point is in the article, with its
// magnitude and as a share where it is one.
func (o *original) hasFigures(point string) bool {
	for _, f := range figures(point, o.tongue, false) {
		if !o.figures[f] {
			return false
		}
	}
	for _, sign := range currencies {
		if strings.ContainsRune(point, sign) && !o.hasCurrency(sign) {
			return false
		}
	}
	return o.hasHanNumerals(point)
}

// hasCurrency says whether the article counts in that money.
func (o *original) hasCurrency(sign rune) bool {
	names := map[rune][]string{'$': {"dollar", "dollars", "usd", "dólares", "dólar"}, '€': {"euro", "euros", "eur"}, '£': {"pound", "pounds", "gbp", "pfund", "libras"}, '¥': {"yen", "yuan", "jpy", "cny"}, '₹': {"rupee", "rupees", "inr"}}
	for _, name := range names[sign] {
		if o.words[name] {
			return true
		}
	}
	return strings.ContainsRune(o.money, sign)
}

const currencies = "$€£¥₹"

// only is what a text has of a set of characters.
func only(text, set string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(set, r) {
			return r
		}
		return -1
	}, text)
}

// hasHanNumerals wants numbers in Chinese characters to stand in the article
// as they are. One character alone is too often a part of another word.
func (o *original) hasHanNumerals(point string) bool {
	for run := range strings.FieldsFuncSeq(point, func(r rune) bool {
		return !strings.ContainsRune("〇零一二三四五六七八九十百千万億亿两兆", r)
	}) {
		if len([]rune(run)) > 1 && !strings.Contains(o.squashed, run) {
			return false
		}
	}
	return true
}

// quoted finds what stands in quotation marks, in the manners of the languages
// news is written in.
var quoted = regexp.MustCompile(`"([^"]*)"|“([^“”]*)”|„([^„“”]*)[“”]|«([^«»]*)»|»([^«»]*)«|「([^「」]*)」|‘([^‘’]{8,})’`)

// hasQuotations says whether what a point quotes was said like that. Letters
// and digits count: marks at the end of a quotation are the writer's.
func (o *original) hasQuotations(point string) bool {
	if !quotesClose(point) {
		return false
	}
	for _, m := range quoted.FindAllStringSubmatch(point, -1) {
		if words := squash(strings.Join(m[1:], "")); words == "" || !strings.Contains(o.squashed, words) {
			return false
		}
	}
	return true
}

// hasNames says whether each word with a capital is in the article. At the
// beginning of a sentence a common word of the language may stand as well. In
// an article in another script every Latin word must be in it.
func (o *original) hasNames(point string) bool {
	begins := true
	at := 0
	for _, t := range tokenize(point) {
		i := strings.Index(point[at:], t.text)
		begins = begins || strings.ContainsAny(point[at:at+i], ".!?:")
		at += i + len(t.text)
		lower := strings.ToLower(t.text)
		name := strings.ContainsFunc(t.text, unicode.IsUpper) || o.script != "Latin" && script(t.text) == "Latin"
		if name && !o.has(lower) && (!begins || !o.common(lower)) {
			return false
		}
		begins = false
	}
	return true
}

// has says whether a word is in the article, as it is or with another ending
// of its language's nouns.
func (o *original) has(word string) bool {
	if o.words[word] {
		return true
	}
	endings := []string{"s"}
	switch o.tongue {
	case "de", "nl":
		endings = []string{"s", "es", "n", "en", "e", "er", "ern"}
	case "sv", "da", "no":
		endings = []string{"s", "en", "et", "er", "e"}
	}
	const stem = 4
	for _, end := range endings {
		rest, cut := strings.CutSuffix(word, end)
		if cut && len(rest) >= stem && o.words[rest] || len(word) >= stem && o.words[word+end] {
			return true
		}
	}
	return false
}

// common says whether a word may begin a sentence without being a name.
func (o *original) common(word string) bool {
	for _, language := range commonWords()[word] {
		if language == o.tongue {
			return true
		}
	}
	return fillers[word]
}

// pointLines takes a machine's answer apart: a point a line, or a list in
// JSON. Bullets, numbers and emphasis go, and so do lines that only announce
// what follows.
func pointLines(answer string) []string {
	const mostLines = 20
	answer = strings.TrimSpace(answer)
	if thought, rest, ok := strings.Cut(answer, "</think>"); ok && strings.HasPrefix(thought, "<think>") {
		answer = strings.TrimSpace(rest)
	} else if strings.HasPrefix(answer, "<think>") {
		return nil // it was still thinking
	}
	lines, ok := listed(answer)
	if !ok {
		lines = strings.Split(answer, "\n")
	}
	var points []string
	for _, line := range lines {
		if line = bareLine(line); line == "" || strings.HasSuffix(line, ":") || strings.HasPrefix(line, "```") || strings.EqualFold(strings.Trim(line, "."), "none") {
			continue
		}
		if points = append(points, line); len(points) == mostLines {
			break
		}
	}
	return points
}

// listed reads a JSON list of texts, or an object that holds one.
func listed(answer string) ([]string, bool) {
	bare := strings.TrimSuffix(strings.TrimPrefix(strings.TrimPrefix(answer, "```json"), "```"), "```")
	var list []string
	if json.Unmarshal([]byte(bare), &list) == nil {
		return list, true
	}
	var holder map[string][]string
	if json.Unmarshal([]byte(bare), &holder) == nil && len(holder) == 1 {
		for _, list := range holder {
			return list, true
		}
	}
	return nil, false
}

// bareLine is a line without what makes it an item of a list.
func bareLine(line string) string {
	line = strings.TrimSpace(line)
	if text, marked := bullet(line); marked {
		line = text
	}
	line = strings.TrimLeft(line, "#> ")
	line = emphasis.ReplaceAllString(line, "$1")
	return strings.TrimSpace(line)
}

var emphasis = regexp.MustCompile("(?:\\*{1,3}|_{2,3}|`)([^*_`]+)(?:\\*{1,3}|_{2,3}|`)")
