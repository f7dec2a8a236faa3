package digest

import (
	"strings"
	"unicode"
)

// Permalink is the canonical address that a feed's GUID is, RSS 2.0's
// isPermaLink; empty: the GUID is no article's address.
func Permalink(guid string) string {
	if len(guid) < 8 || !strings.EqualFold(guid[:4], "http") {
		return ""
	}
	canonical, err := CanonicalURL(guid)
	if err != nil {
		return ""
	}
	if frontPage(canonical) {
		return "" // for want of anything better
	}
	return canonical
}

// PermalinkGUIDs are the usual spellings of a canonical address as a GUID.
func PermalinkGUIDs(canonical string) []string {
	rest, ok := strings.CutPrefix(canonical, "https://")
	if _, path, _ := strings.Cut(rest, "/"); !ok || path == "" {
		return nil
	}
	var all []string
	for _, start := range [...]string{"https://", "https://www.", "http://", "http://www."} {
		all = append(all, start+rest)
		if !strings.ContainsAny(rest, "?#") {
			all = append(all, start+rest+"/")
		}
	}
	return all
}

// Retitled says that one headline may be an edition of another: they have a
// word in common, or two characters in a row where words are not set apart.
// A feed that hands its GUIDs on from item to item gives one GUID to headlines
// that have none.
func Retitled(a, b string) bool {
	if strings.TrimSpace(a) == "" || strings.TrimSpace(b) == "" {
		return true
	}
	known := map[string]bool{}
	for _, w := range headlineWords(a) {
		known[w] = true
	}
	for _, w := range headlineWords(b) {
		if known[w] {
			return true
		}
	}
	return false
}

// headlineWords are the words of a headline that have four letters or more; all
// words, where none has. Words of scripts without spaces are taken apart into
// pairs of characters.
func headlineWords(s string) []string {
	all := strings.FieldsFunc(strings.ToLower(s), notInWord)
	var long []string
	for _, w := range all {
		letters := []rune(w)
		switch {
		case unspaced(letters[0]):
			for i := range len(letters) - 1 {
				long = append(long, string(letters[i:i+2]))
			}
		case len(letters) >= 4:
			long = append(long, w)
		}
	}
	if long == nil {
		return all
	}
	return long
}

func notInWord(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) }

// unspaced tells the scripts whose words are not set apart.
func unspaced(r rune) bool {
	return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer)
}
