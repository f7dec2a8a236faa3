package render

import (
	"net/url"
	"strings"
	"unicode"

	"golang.org/x/net/idna"
	"golang.org/x/text/language"
)

// host is where a link leads, as people read it: never the name that a source
// gives itself. A name in another script than ASCII is shown in it only where
// that cannot pass for another name; known are the scripts of the article's
// language and of the edition's.
func host(link string, known ...*script) string {
	u, err := url.Parse(link)
	if err != nil {
		return ""
	}
	h := strings.ToLower(u.Hostname())
	if cut, ok := strings.CutPrefix(h, "www."); ok && strings.Contains(cut, ".") {
		h = cut
	}
	if strings.Contains(h, "xn--") {
		if shown, err := idna.Display.ToUnicode(h); err == nil && readable(shown, known) {
			h = shown
		}
	}
	h = plain(h, 1<<10)
	if len(h) <= maxName {
		return h
	}
	// Whose host it is stands at the end of its name: what is cut is the front,
	// or example.com.of.somebody.else would be shown as example.com.
	h = h[len(h)-maxName:]
	for h != "" && h[0]&0xc0 == 0x80 {
		h = h[1:]
	}
	return "…" + h
}

// script is what names of hosts may be written in for readers of a language.
type script struct {
	code    string                // ISO 15924
	letters []*unicode.RangeTable // none: Latin
	more    string                // Latin letters of the language beyond those of Western and Central Europe
}

// scriptTables are the letters of the scripts that names are shown in, by ISO
// 15924 code.
func scriptTables(code string) []*unicode.RangeTable {
	switch code {
	case "Jpan":
		return []*unicode.RangeTable{unicode.Han, unicode.Hiragana, unicode.Katakana}
	case "Kore":
		return []*unicode.RangeTable{unicode.Hangul}
	case "Hans", "Hant", "Hani":
		return []*unicode.RangeTable{unicode.Han}
	}
	for _, s := range [...]struct {
		code    string
		letters *unicode.RangeTable
	}{
		{"Arab", unicode.Arabic}, {"Armn", unicode.Armenian}, {"Beng", unicode.Bengali}, {"Cyrl", unicode.Cyrillic},
		{"Deva", unicode.Devanagari}, {"Ethi", unicode.Ethiopic}, {"Geor", unicode.Georgian}, {"Grek", unicode.Greek},
		{"Gujr", unicode.Gujarati}, {"Guru", unicode.Gurmukhi}, {"Hebr", unicode.Hebrew}, {"Khmr", unicode.Khmer},
		{"Knda", unicode.Kannada}, {"Laoo", unicode.Lao}, {"Mlym", unicode.Malayalam}, {"Mymr", unicode.Myanmar},
		{"Sinh", unicode.Sinhala}, {"Taml", unicode.Tamil}, {"Telu", unicode.Telugu}, {"Thaa", unicode.Thaana}, {"Thai", unicode.Thai},
	} {
		if s.code == code {
			return []*unicode.RangeTable{s.letters}
		}
	}
	return nil
}

// latinOf are letters that a language has and that others take for another
// letter, by base language.
func latinOf(base string) string {
	switch base {
	case "tr", "az", "kk", "crh":
		return "ıə"
	case "vi":
		return "ơưạảấầẩẫậắằẳẵặẹẻẽếềểễệỉịọỏốồổỗộớờởỡợụủứừửữựỳỵỷỹ"
	case "ro":
		return "șț"
	}
	return ""
}

// scriptOf is the script a language is written in; nil: it is not known.
func scriptOf(tag string) *script {
	if tag == "" {
		return nil
	}
	t, err := language.Parse(tag)
	if err != nil {
		return nil
	}
	code, _ := t.Script() // the likely one where the tag has none
	base, _ := t.Base()
	return &script{code.String(), scriptTables(code.String()), latinOf(base.String())}
}

// rightToLeft says whether the script runs so.
func (s *script) rightToLeft() bool {
	if s == nil {
		return false
	}
	switch s.code {
	case "Arab", "Aran", "Hebr", "Syrc", "Thaa", "Nkoo", "Adlm", "Rohg", "Mand", "Samr":
		return true
	}
	return false
}

// readable says whether a name can be shown as it is written, as browsers
// decide it: each label is in one script that a reader of these articles
// knows, and none is made of letters that look like Latin ones alone, unless
// the name ends in that script as well.
func readable(name string, known []*script) bool {
	labels := strings.Split(name, ".")
	ending := labels[len(labels)-1]
	for _, label := range labels {
		if !ascii(label) && (!inOneScript(label, known) || ascii(ending) && passesForLatin(label)) {
			return false
		}
	}
	return true
}

func inOneScript(label string, known []*script) bool {
	if within(label, func(r rune) bool { return europeanLatin(r) || latinFor(r, known) }) {
		return true
	}
	for _, s := range known {
		if s != nil && len(s.letters) > 0 && within(label, func(r rune) bool {
			return unicode.In(r, s.letters...) || s.code == "Jpan" && r == 'ー'
		}) {
			return true
		}
	}
	return false
}

// within says whether a label has no letters but these; digits and hyphens of
// ASCII go with every script, its letters with none but their own.
func within(label string, letter func(rune) bool) bool {
	for _, r := range label {
		if r != '-' && (r < '0' || r > '9') && !letter(r) {
			return false
		}
	}
	return true
}

// europeanLatin are the letters of ASCII, Latin-1 and Latin Extended-A but for
// those that pass for another: dotless i, kra, l with a dot, 'n, long s.
func europeanLatin(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'ß' && r <= 'ž' && r != '÷' && !strings.ContainsRune("ıĸŀŉſ", r)
}

func latinFor(r rune, known []*script) bool {
	for _, s := range known {
		if s != nil && strings.ContainsRune(s.more, r) {
			return true
		}
	}
	return false
}

// passesForLatin says whether all letters of a label look like Latin ones: the
// letters that Unicode's list of confusables (UTS 39) has for them.
func passesForLatin(label string) bool {
	const alike = "асԁеһіјӏорԛѕԝхуъьҽпгѵѡ" + "ґӓӧӱӑёїў" + // Cyrillic
		"αικνρυωηοτγϲϳάίόύώ" + // Greek
		"ագզէլհյոսւօՙցքռ" + // Armenian
		"דוחיןסװ" // Hebrew
	return within(label, func(r rune) bool { return strings.ContainsRune(alike, r) })
}

// looksLikeHost says whether people could read a name as a host: "example.com".
func looksLikeHost(name string) bool {
	if strings.ContainsAny(name, " /") {
		return false
	}
	i := strings.LastIndexByte(name, '.')
	return i > 0 && i < len(name)-2
}
