package ingest

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// sentences parts a paragraph. A full stop ends a sentence where a space and
// something that may begin one follow, unless the word before it is an
// abbreviation, an initial or a number in a date.
func sentences(paragraph string) []string {
	var out []string
	start := 0
	for i, r := range paragraph {
		end := i + utf8.RuneLen(r)
		if r == utf8.RuneError || !endsSentence(r) || i < start {
			continue
		}
		for end < len(paragraph) {
			next, size := utf8.DecodeRuneInString(paragraph[end:])
			if !closing(next) {
				break
			}
			end += size
		}
		if !breaksAt(paragraph[start:i], r, paragraph[end:]) {
			continue
		}
		out = append(out, strings.TrimSpace(paragraph[start:end]))
		start = end
	}
	if rest := strings.TrimSpace(paragraph[start:]); rest != "" {
		out = append(out, rest)
	}
	return out
}

// endsSentence tells the marks that may end a sentence, in the scripts that
// news is written in.
func endsSentence(r rune) bool {
	return strings.ContainsRune(".!?…。！？।؟۔", r)
}

// closing tells what belongs to the sentence behind its mark.
func closing(r rune) bool {
	return strings.ContainsRune(`.!?"'”’»›)]`, r)
}

// breaksAt decides whether the mark between the two texts ends a sentence.
func breaksAt(before string, mark rune, after string) bool {
	if strings.ContainsRune("。！？।۔؟", mark) {
		return true
	}
	rest := strings.TrimLeftFunc(after, unicode.IsSpace)
	if rest == "" {
		return true
	}
	if len(rest) == len(after) {
		return false // "3.5", "example.com"
	}
	next, _ := utf8.DecodeRuneInString(strings.TrimLeft(rest, `"'“‘«‹„([`))
	if unicode.IsLower(next) {
		return false
	}
	return mark != '.' || !abbreviated(before)
}

// abbreviated tells texts whose last word takes a full stop for another
// reason than ending a sentence.
func abbreviated(before string) bool {
	word := before[strings.LastIndexFunc(before, func(r rune) bool { return unicode.IsSpace(r) || r == '(' || r == '“' || r == '"' })+1:]
	if utf8.RuneCountInString(word) == 1 || strings.Contains(word, ".") && len(word) <= 6 {
		return true // "J. Smith", "U.S. officials", "z.B."
	}
	if len(word) <= 2 && strings.Trim(word, "0123456789") == "" {
		return true // "am 3. März"
	}
	switch strings.ToLower(word) {
	case "mr", "mrs", "ms", "dr", "prof", "sen", "rep", "gov", "gen", "col", "lt", "sgt", "capt", "maj", "st", "jr", "sr", "vs", "no", "inc", "ltd", "co", "corp", "dept",
		"jan", "feb", "mar", "apr", "jun", "jul", "aug", "sep", "sept", "oct", "nov", "dec", "calif", "fla", "ariz", "mass", "wash", "conn", "est", "approx",
		"bzw", "ca", "nr", "usw", "etc", "evtl", "ggf", "vgl", "mio", "mrd", "abs", "art", "bspw", "hr", "fr", "mme", "mlle", "av", "sra", "dra", "ing":
		return true
	}
	return false
}
