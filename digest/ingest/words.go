package ingest

import (
	"strings"
	"unicode"
)

// vocabulary is the set of words that carry meaning in some texts. Words are
// cut to their first six letters, which folds most endings of most European
// languages; scripts without spaces count by pairs of characters.
type vocabulary map[string]struct{}

// add takes a text's words in.
func (v vocabulary) add(text string) {
	eachWord(text, func(w string) { v[w] = struct{}{} })
}

// shared says how many of a text's words the vocabulary has, and how many
// there are.
func (v vocabulary) shared(text string) (known, all int) {
	seen := map[string]struct{}{}
	eachWord(text, func(w string) {
		if _, twice := seen[w]; twice {
			return
		}
		seen[w] = struct{}{}
		all++
		if _, ok := v[w]; ok {
			known++
		}
	})
	return known, all
}

// similar is the share of words two texts have in common: 1 for the same
// words, 0 for none.
func similar(a, b string) float64 {
	va := vocabulary{}
	va.add(a)
	known, all := va.shared(b)
	union := len(va) + all - known
	if union == 0 {
		return 0
	}
	return float64(known) / float64(union)
}

const stemLength = 6

// eachWord visits the words that carry meaning, cut to their stems.
func eachWord(text string, visit func(string)) {
	var word []rune
	flush := func() {
		if meaningful(word) {
			visit(string(word[:min(len(word), stemLength)]))
		}
		word = word[:0]
	}
	var previous rune
	for _, r := range text {
		switch {
		case unspaced(r):
			flush()
			if previous != 0 {
				visit(string([]rune{previous, r}))
			}
			previous = r
			continue
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			word = append(word, unicode.ToLower(r))
		case unicode.IsMark(r) && len(word) > 0:
			word = append(word, r)
		default:
			flush()
		}
		previous = 0
	}
	flush()
}

// meaningful leaves out short words and the commonest of the longer ones.
func meaningful(word []rune) bool {
	if len(word) == 0 || unicode.IsDigit(word[0]) {
		return len(word) > 1
	}
	if len(word) < 3 {
		return shortScript(word)
	}
	return !fillers[string(word)]
}

// shortScript keeps two-letter words of scripts whose words are short.
func shortScript(word []rune) bool {
	return len(word) == 2 && word[0] >= 0x0400 && !unicode.In(word[0], unicode.Cyrillic)
}

// fillers are words that any two texts of a language share.
var fillers = wordSet(`
the and for are but not you all any can had her was one our out his has him how its may new now old see two way who did get let say she too use
that with this from they will have been were what when which their there would about could other than then them these some into more most over such only also after before just like many
much very your said says here where while because being between both does each even ever every through under until upon during against among still those well back down make made take year years
der die das und den von mit für auf ist des sich dem nicht ein eine als auch aus bei nach wie einen einem einer eines noch zum zur aber über hat sind war wird sie ich wir ihr werden wurde worden haben nur oder kann mehr durch dass diese dieser dieses wenn seine ihre gegen vor unter
les des une dans pour que qui sur est par plus pas avec son aux sont ses mais été leur comme cette nous vous ont fait être deux ces elle ils tout
los las del una por con para que como más pero sus fue son está este esta entre cuando sobre también hasta hay desde todo
der det som til med har ikke den for han var fra kan blir eller men over etter ved ble
het een van dat met zijn voor niet aan ook maar door naar wordt deze heeft werd nog
che per con una del della dei delle sono non più gli nel alla anche dal come
uma não com para dos das mais por foi pelo pela são seu sua
monday tuesday wednesday thursday friday saturday sunday today yesterday tomorrow january february march april june july august september october november december since
montag dienstag mittwoch donnerstag freitag samstag sonntag heute gestern morgen januar februar märz april juni juli september oktober dezember seit wieder jahr jahre jahren während ohne schon immer neue neuer neuen neues
lundi mardi mercredi jeudi vendredi samedi dimanche après avant trois soir matin jour jours ans année années nouvelle nouveau selon sous chez encore aussi
lunes martes miércoles jueves viernes sábado domingo tras años año nueva nuevo noche según ante antes después dos tres otro otra
lunedì martedì mercoledì giovedì venerdì sabato domenica dopo prima anni anno sulla sulle sugli nella nelle negli dalla dalle nuova nuovo nuovi nuove due tre sono stata stato essere anche ogni
segunda terça quarta quinta sexta sábado domingo depois antes anos ano nova novo dois duas três noite entre ainda após ser foram pelo
maandag dinsdag woensdag donderdag vrijdag zaterdag zondag jaar jaren nieuwe nieuw weer twee drie avond tegen onder geen hebben heeft moet kunnen
mandag tirsdag onsdag torsdag fredag lørdag søndag igjen igen etter efter siden nytt ny nye kveld aften dag år skal vil må ble blev være været blive også når hvis ikke
måndag tisdag onsdag torsdag fredag lördag söndag igen sedan efter nya nytt kväll ska kommer vara blir eller inte vid under över när
poniedziałek wtorek środa czwartek piątek sobota niedziela oraz jest nie się dla jak już przez przed który która które tym tego roku lat będą będzie może być czy ale ich jego nad pod również także wieczorem rano nowa nowe nowy dwóch trzech
что как это для его она они был была было или при чтобы`)

// wordSet is a set of words.
func wordSet(list string) map[string]bool {
	set := map[string]bool{}
	for w := range strings.FieldsSeq(list) {
		set[w] = true
	}
	return set
}

// squash is a text's letters and digits, lower-cased: what two spellings of
// one line have in common.
func squash(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, s)
}

// lineSet is a set of lines.
func lineSet(list string) map[string]bool {
	set := map[string]bool{}
	for line := range strings.SplitSeq(list, "\n") {
		if line = strings.TrimSpace(line); line != "" {
			set[line] = true
		}
	}
	return set
}
