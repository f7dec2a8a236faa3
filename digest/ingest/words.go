package ingest

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// vocabulary is the set of words that carry meaning in some texts. Words are
// cut to their first six letters, which folds most endings of most European
// languages; scripts without spaces count by pairs of characters.
type vocabulary map[string]struct{}

// add takes a text's words in.
func (v vocabulary) add(text string) {
	eachWord(text, func(w []byte) {
		if _, known := v[string(w)]; !known { // which costs no string
			v[string(w)] = struct{}{}
		}
	})
}

// shared says how many of a text's words the vocabulary has, and how many
// there are.
func (v vocabulary) shared(text string) (known, all int) {
	seen := vocabulary{}
	eachWord(text, func(w []byte) {
		if _, twice := seen[string(w)]; twice {
			return
		}
		seen[string(w)] = struct{}{}
		all++
		if _, ok := v[string(w)]; ok {
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

// eachWord visits the words that carry meaning, cut to their stems. The word
// is good until the visit ends.
func eachWord(text string, visit func([]byte)) {
	var room [64]byte
	w := letters{bytes: room[:0]}
	flush := func() {
		if w.meaningful() {
			visit(w.bytes[:w.stem])
		}
		w = letters{bytes: w.bytes[:0]}
	}
	var previous rune
	for _, r := range text {
		switch {
		case unspaced(r):
			flush()
			if previous != 0 {
				visit(utf8.AppendRune(utf8.AppendRune(w.bytes, previous), r))
			}
			previous = r
			continue
		case isLetterOrDigit(r):
			w.add(unicode.ToLower(r))
		case w.count > 0 && unicode.IsMark(r):
			w.add(r)
		default:
			flush()
		}
		previous = 0
	}
	flush()
}

// letters are a word as it is read, in lower case.
type letters struct {
	bytes  []byte
	stem   int // bytes of the stem
	count  int
	opener rune
}

func (w *letters) add(r rune) {
	if w.count == 0 {
		w.opener = r
	}
	w.bytes = utf8.AppendRune(w.bytes, r)
	if w.count++; w.count <= stemLength {
		w.stem = len(w.bytes)
	}
}

// meaningful leaves out short words and the commonest of the longer ones.
func (w *letters) meaningful() bool {
	switch {
	case w.count == 0 || unicode.IsDigit(w.opener):
		return w.count > 1
	case w.count < 3:
		// Words of two letters count in scripts whose words are short.
		return w.count == 2 && w.opener >= 0x0400 && !unicode.In(w.opener, unicode.Cyrillic)
	}
	return !fillers[string(w.bytes)]
}

// isLetterOrDigit is the two questions of Unicode in one, with a short answer
// for ASCII.
func isLetterOrDigit(r rune) bool {
	if r < utf8.RuneSelf {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
	}
	return unicode.IsLetter(r) || unicode.IsDigit(r)
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
		if isLetterOrDigit(r) || unicode.IsMark(r) {
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
