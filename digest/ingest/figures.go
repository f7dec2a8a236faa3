package ingest

import (
	"slices"
	"strings"
	"unicode"
)

// figure is a number as a text tells it, spelled in one way: "1,000", "1.000",
// "1 000" and "one thousand" are 1000, "3,5" is 3.5, "2 million" is 2000000,
// "5 per cent" is 5%.
type figure string

// figures are the numbers of a text. Number words are read in the given
// language, a short tag; where it is empty or not known they are left out.
// plain says that a number before a magnitude counts by itself, too: what
// "3m" is, million or metres, only the writer knows.
func figures(text, language string, plain bool) []figure {
	words := figureWords(language)
	tokens := tokenize(text)
	var found []figure
	for i := 0; i < len(tokens); i++ {
		token := tokens[i]
		value, ok := numeral(token.text)
		if !ok {
			value, ok = words[strings.ToLower(token.text)]
		}
		if !ok {
			if zeros, sure := magnitude(strings.ToLower(token.text)); sure {
				found = append(found, figure("some "+strings.Repeat("0", zeros))) // "hundreds of", "a million"
			}
			continue
		}
		unit := unitAfter(tokens[i+1:])
		zeros, sure := magnitude(unit)
		switch {
		case percent(unit):
			found = append(found, figure(value+"%"))
		case zeros > 0:
			found = append(found, scaled(value, zeros))
			i++
			if plain && !sure {
				found = append(found, figure(value))
			}
		default:
			found = append(found, figure(value))
		}
	}
	return found
}

// unitAfter is what a number counts, as far as its worth hangs on it.
func unitAfter(rest []token) string {
	if len(rest) == 0 {
		return ""
	}
	unit := strings.ToLower(rest[0].text)
	if len(rest) > 1 && (unit == "per" || unit == "pour" || unit == "por") {
		unit += " " + strings.ToLower(rest[1].text)
	}
	return unit
}

// token is a word, a number or a sign of a text.
type token struct{ text string }

// tokenize parts a text into numbers with their separators, words, and the
// sign for per cent.
func tokenize(text string) []token {
	var tokens []token
	r := []rune(text)
	for i := 0; i < len(r); {
		start := i
		switch {
		case unicode.IsDigit(r[i]):
			for i < len(r) && (unicode.IsDigit(r[i]) || separates(r, i)) {
				i++
			}
		case unicode.IsLetter(r[i]):
			for i < len(r) && (unicode.IsLetter(r[i]) || unicode.IsMark(r[i])) {
				i++
			}
		case r[i] == '%' || r[i] == '٪' || r[i] == '％':
			i++
		default:
			i++
			continue
		}
		tokens = append(tokens, token{string(r[start:i])})
	}
	return tokens
}

// separates tells a mark within a number: "1,000", "3.5", "1 000", "1'000". A
// space counts only before a whole group of three.
func separates(r []rune, i int) bool {
	if i == 0 || i+1 >= len(r) || !unicode.IsDigit(r[i-1]) || !unicode.IsDigit(r[i+1]) {
		return false
	}
	switch r[i] {
	case '.', ',', '٫', '٬':
		return true
	case ' ', '\u00a0', '\u202f', '\u2009', '\'', '’':
		group := i+3 < len(r) && unicode.IsDigit(r[i+2]) && unicode.IsDigit(r[i+3]) && (i+4 >= len(r) || !unicode.IsDigit(r[i+4]))
		return group && (i < 2 || i < 4 || !unicode.IsDigit(r[i-4]) || r[i] != ' ')
	}
	return false
}

// numeral reads digits of any script with their separators.
func numeral(s string) (string, bool) {
	var groups []string
	group, marks := "", ""
	for _, r := range s {
		if d, ok := digit(r); ok {
			group += string(d)
			continue
		}
		if group == "" {
			return "", false
		}
		groups, group, marks = append(groups, group), "", marks+string(r)
	}
	if group == "" {
		return "", false
	}
	groups = append(groups, group)
	return joinGroups(groups, marks), true
}

// joinGroups decides what the marks between groups of digits are: several
// groups of three are thousands, one shorter or longer group at the end is a
// fraction.
func joinGroups(groups []string, marks string) string {
	last := len(groups) - 1
	thousands := func(g []string) bool {
		return len(g[0]) <= 3 && !slices.ContainsFunc(g[1:], func(s string) bool { return len(s) != 3 })
	}
	switch {
	case last == 0:
		return trimZeros(groups[0])
	case thousands(groups) && groups[0] != "0":
		return trimZeros(strings.Join(groups, ""))
	case last == 1 || thousands(groups[:last]) && !strings.HasPrefix(marks, string([]rune(marks)[last-1])):
		whole, fraction := trimZeros(strings.Join(groups[:last], "")), strings.TrimRight(groups[last], "0")
		if fraction == "" {
			return whole
		}
		return whole + "." + fraction
	}
	return strings.Join(groups, ".") // a date, a version: as it is
}

func trimZeros(s string) string {
	if t := strings.TrimLeft(s, "0"); t != "" {
		return t
	}
	return "0"
}

// digit is a decimal digit of any script as an ASCII one. Unicode keeps the
// ten of a script together, beginning with its zero.
func digit(r rune) (rune, bool) {
	if r >= '0' && r <= '9' {
		return r, true
	}
	if !unicode.IsDigit(r) {
		return 0, false
	}
	n := 0
	for n < 9 && unicode.IsDigit(r-rune(n)-1) {
		n++
	}
	return '0' + rune(n), true
}

// percent tells the words for per cent.
func percent(unit string) bool {
	switch unit {
	case "%", "٪", "％", "percent", "per cent", "pct", "prozent", "pour cent", "por ciento", "por cento", "per cento", "procent", "prosent", "prosenttia", "процент", "процента", "процентов", "प्रतिशत", "بالمئة":
		return true
	}
	return false
}

// magnitude is how many zeros a word stands for. sure is false for the letters
// that may be a unit of length or weight instead.
func magnitude(unit string) (zeros int, sure bool) {
	switch unit {
	case "hundred", "hundreds", "hundert", "hunderte", "cientos", "centaines":
		return 2, true
	case "thousand", "thousands", "tausend", "tausende", "miles", "milhares", "milliers", "migliaia", "tsd", "mille", "mil", "mila", "duizend", "tusen", "tusind", "tysięcy", "tys":
		return 3, true
	case "million", "millions", "millionen", "mio", "mn", "mln", "millón", "millones", "milhão", "milhões", "milione", "milioni", "miljoen", "miljon", "miljoner", "millioner", "mill", "milionów":
		return 6, true
	case "billion", "billions", "bn", "milliarde", "milliarden", "mrd", "milliard", "milliards", "miliardo", "miliardi", "miljard", "miljarder", "milliarder", "mld", "bilhão", "bilhões":
		return 9, true
	case "trillion", "trillions", "trn", "tn":
		return 12, true
	case "k":
		return 3, false
	case "m":
		return 6, false
	case "b":
		return 9, false
	}
	return 0, false
}

// scaled moves a number's point.
func scaled(value string, zeros int) figure {
	whole, fraction, _ := strings.Cut(value, ".")
	for range zeros {
		next := "0"
		if fraction != "" {
			next, fraction = fraction[:1], fraction[1:]
		}
		whole += next
	}
	whole = trimZeros(whole)
	if fraction != "" {
		return figure(whole + "." + fraction)
	}
	return figure(whole)
}

// figureWords are the number words of a language, from two on: one is an
// article in most of them.
func figureWords(language string) map[string]string {
	tables := map[string]string{
		"en": "two three four five six seven eight nine ten eleven twelve",
		"de": "zwei drei vier fünf sechs sieben acht neun zehn elf zwölf",
		"fr": "deux trois quatre cinq six sept huit neuf dix onze douze",
		"es": "dos tres cuatro cinco seis siete ocho nueve diez once doce",
		"pt": "dois três quatro cinco seis sete oito nove dez onze doze",
		"it": "due tre quattro cinque sei sette otto nove dieci undici dodici",
		"nl": "twee drie vier vijf zes zeven acht negen tien elf twaalf",
		"sv": "två tre fyra fem sex sju åtta nio tio elva tolv",
		"da": "to tre fire fem seks syv otte ni ti elleve tolv",
		"no": "to tre fire fem seks sju åtte ni ti elleve tolv",
		"pl": "dwa trzy cztery pięć sześć siedem osiem dziewięć dziesięć jedenaście dwanaście",
	}
	found := map[string]string{}
	for i, w := range strings.Fields(tables[language]) {
		found[w] = numerals[i]
	}
	if language == "en" {
		for i, w := range strings.Fields("thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty") {
			found[w] = numerals[11+i]
		}
		for i, w := range strings.Fields("thirty forty fifty sixty seventy eighty ninety") {
			found[w] = string(rune('3'+i)) + "0"
		}
	}
	return found
}

// numerals are two to twenty.
var numerals = strings.Fields("2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20")
