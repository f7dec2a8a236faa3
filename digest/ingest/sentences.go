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
		end += closed(paragraph[end:])
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
	return strings.ContainsRune(".!?…", r) || endsAlways(r)
}

// endsAlways tells the marks that have no other use, so that no space needs to
// follow: Chinese and Japanese, Hindi, Urdu and Arabic, Burmese, Khmer,
// Ethiopic, Armenian.
func endsAlways(r rune) bool {
	return strings.ContainsRune("。！？｡।॥؟۔။។።։", r)
}

// closed is how much of what follows a sentence's mark belongs to the
// sentence. French sets a space before its closing mark.
func closed(after string) int {
	end := 0
	for end < len(after) {
		next, size := utf8.DecodeRuneInString(after[end:])
		if !closing(next) {
			break
		}
		end += size
	}
	if rest := strings.TrimLeft(after[end:], " \u00a0\u202f"); len(rest) < len(after)-end && strings.HasPrefix(rest, "»") {
		return len(after) - len(rest) + len("»")
	}
	return end
}

// closing tells what belongs to the sentence behind its mark.
func closing(r rune) bool {
	return strings.ContainsRune(`.!?"'”’»«“›‹)]」』）】`, r) || endsAlways(r)
}

// breaksAt decides whether the mark between the two texts ends a sentence.
func breaksAt(before string, mark rune, after string) bool {
	if endsAlways(mark) {
		return true
	}
	rest := strings.TrimLeftFunc(after, unicode.IsSpace)
	if rest == "" {
		return true
	}
	if len(rest) == len(after) {
		return false // "3.5", "example.com"
	}
	next, _ := utf8.DecodeRuneInString(strings.TrimLeft(rest, `"'“‘«‹„([¿¡`))
	if unicode.IsLower(next) || strings.HasPrefix(strings.TrimLeft(rest, " "), "»") {
		return false
	}
	return mark != '.' || !abbreviated(before, rest) || endsAfterAll(before, rest)
}

// endsAfterAll tells where a sentence ends in an acronym or a number: a word
// follows that hardly stands in mid-sentence with a capital.
func endsAfterAll(before, rest string) bool {
	word := lastWord(before)
	if acronym := strings.Contains(word, ".") && strings.ToUpper(word) == word; !acronym && strings.Trim(word, "0123456789") != "" {
		return false
	}
	next, _, _ := strings.Cut(rest, " ")
	switch strings.TrimRight(next, ",") {
	case "The", "He", "She", "It", "They", "But", "This", "That", "These", "Those", "There", "We", "His", "Her", "Their", "When", "While", "However":
		return true
	}
	return false
}

// lastWord is a text's last word, without a bracket or quotation mark before
// it.
func lastWord(s string) string {
	return s[strings.LastIndexFunc(s, func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune("(“\"„«", r) })+1:]
}

// abbreviated tells texts whose last word takes a full stop for another
// reason than ending a sentence.
func abbreviated(before, after string) bool {
	word := lastWord(before)
	if utf8.RuneCountInString(word) == 1 || strings.Contains(word, ".") && len(word) <= 6 {
		return true // "J. Smith", "U.S. officials", "z.B."
	}
	if len(word) <= 2 && strings.Trim(word, "0123456789") == "" {
		return true // "am 3. März"
	}
	switch strings.ToLower(word) {
	case "mr", "mrs", "ms", "messrs", "dr", "prof", "rev", "sen", "rep", "gov", "gen", "col", "lt", "sgt", "capt", "maj", "cmdr", "adm", "supt", "st", "jr", "sr", "vs", "inc", "ltd", "co", "corp", "dept",
		"jan", "feb", "mar", "apr", "jun", "jul", "aug", "sep", "sept", "oct", "nov", "dec", "calif", "fla", "ariz", "wash", "conn", "est", "approx", "ave", "blvd", "mt", "ft",
		"bzw", "ca", "usw", "etc", "evtl", "ggf", "vgl", "mio", "mrd", "tsd", "bspw", "hr", "fr", "inkl", "zzgl", "geb", "gest", "verh", "sog", "insb", "dipl", "ing",
		"mme", "mlle", "av", "sra", "srta", "dra", "profa", "ej", "uds", "aprox", "exmo", "dott", "ecc", "avv",
		"mw", "dhr", "jl", "bijv", "mill", "dvs", "osv", "tj", "np", "godz", "tys", "mln", "mld", "hab", "inż":
		return true
	case "no", "nr", "art", "abs", "fig", "vol", "pp", "pag", "pág", "núm", "blz", "str", "par", "kap", "ch", "kl":
		return digitFirst(after) // "Nr. 5", but "He said no."
	}
	return false
}

// digitFirst tells a text that goes on with a number.
func digitFirst(s string) bool {
	r, _ := utf8.DecodeRuneInString(strings.TrimLeftFunc(s, unicode.IsSpace))
	return unicode.IsDigit(r)
}
