package ingest

import (
	"strings"
	"sync"
	"unicode"
)

// script is the one most of a text's letters belong to, empty for a text
// without letters. Chinese and Japanese count as one: both write Han.
func script(text string) string {
	count := map[string]int{}
	best := ""
	for _, r := range text {
		if !unicode.IsLetter(r) {
			continue
		}
		name := scriptOf(r)
		if count[name]++; count[name] > count[best] {
			best = name
		}
	}
	return best
}

func scriptOf(r rune) string {
	switch {
	case unicode.Is(unicode.Latin, r):
		return "Latin"
	case unicode.Is(unicode.Cyrillic, r):
		return "Cyrillic"
	case unicode.Is(unicode.Arabic, r):
		return "Arabic"
	case unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana):
		return "Han"
	}
	for _, name := range []string{"Devanagari", "Hangul", "Greek", "Hebrew", "Thai", "Bengali", "Tamil", "Telugu", "Gujarati", "Georgian", "Armenian", "Ethiopic", "Khmer", "Myanmar"} {
		if unicode.Is(unicode.Scripts[name], r) {
			return name
		}
	}
	return "other"
}

// tongue guesses the language of a text in Latin letters by its commonest
// words. It is empty where they don't decide.
func tongue(text string) string {
	count := map[string]int{}
	for w := range strings.FieldsFuncSeq(strings.ToLower(text), notInWord) {
		for _, language := range commonWords()[w] {
			count[language]++
		}
	}
	best, second := "", 0
	for language, n := range count {
		switch {
		case best == "" || n > count[best] || n == count[best] && language < best:
			if best != "" {
				second = max(second, count[best])
			}
			best = language
		default:
			second = max(second, n)
		}
	}
	if count[best] < 3 || count[best]*2 < second*3 {
		return ""
	}
	return best
}

// kindred tells languages that a few sentences don't keep apart.
func kindred(a, b string) bool {
	near := func(set string) bool { return strings.Contains(set, a) && strings.Contains(set, b) }
	return a == b || near("da no") || near("es pt gl") || near("da no sv")
}

// commonWords are the languages each of some very common words belongs to.
var commonWords = sync.OnceValue(func() map[string][]string {
	words := map[string][]string{}
	for _, row := range [][2]string{
		{"en", "the a an and of to in is was for that with on at by from it its as are were has have had be been will would said after but not this he she they his her their who which or"},
		{"de", "der die das und von zu im in ist war für dass mit auf an bei aus es als sind waren hat haben hatte wird werden wurde nach aber nicht dieser er sie ihr sein den dem des ein eine einen einem einer am zum zur sich auch um über bis"},
		{"fr", "le la les des du de et à en est était pour que avec sur par dans il elle ils qui ne pas une un au aux ce cette son sa ses leur ont a été plus mais selon après"},
		{"es", "el la los las de del y en es era para que con por un una al se lo su sus no más pero ha han fue como entre según tras este esta"},
		{"pt", "o a os as do da dos das de e em é era para que com por um uma ao à se no na nos nas não mais mas foi como segundo após este esta são seu sua pelo pela"},
		{"it", "il lo la i gli le di del della dei delle e in è era per che con su da un una al alla non più ma ha hanno come nel nella dopo secondo questo sono si"},
		{"nl", "de het een en van in is was voor dat met op aan bij uit er als zijn waren heeft hebben had wordt werd naar maar niet deze hij zij hun die te om ook tot"},
		{"sv", "och att det som en ett i är var för med på av den de inte till från har hade men om när han hon sig efter vid under kan ska"},
		{"da", "og at det som en et i er var for med på af den de ikke til fra har havde men om når han hun sig efter ved under kan skal blev"},
		{"no", "og at det som en et i er var for med på av den de ikke til fra har hadde men om når han hun seg etter ved under kan skal ble"},
		{"fi", "ja on ei se että oli ovat hän mutta kun myös sekä joka tai niin mukaan jälkeen kuin voi ole"},
		{"pl", "i w na z do się nie jest że o po od za przez dla jak ale był była są oraz to tego przy po"},
		{"cs", "a v na se že je s z do o pro po od za by ale jak byl byla jsou které při podle"},
		{"tr", "ve bir bu da de için ile olarak daha çok olan sonra gibi kadar ancak göre"},
	} {
		for w := range strings.FieldsSeq(row[1]) {
			words[w] = append(words[w], row[0])
		}
	}
	return words
})
