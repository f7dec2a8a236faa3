package ingest

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Headings that say whose the points are: "The Gazette's key takeaways",
// "Summary by Gazette AI", "Von KI zusammengefasst".

// brandedGrade knows the headings that name a publication, or say that a
// machine wrote the points and who looked at them. A publication's name may be
// anybody's, "the minister's key points", so it only makes the grade of words
// that often mean key points. The heading is in lower case, without marks.
func brandedGrade(h string) grade {
	if rest, ok := behindOwner(h); ok && pointsHeadings[rest] {
		return gradeSummary
	}
	made, said, others := false, false, 0
	for word := range strings.FieldsFuncSeq(h, func(r rune) bool { return !inWord(r) }) {
		machine, sums := isMachine(word), hasOpening(word, summingOpenings[:]) // scripts without spaces have both in one
		made, said = made || machine, said || sums
		if !machine && !sums && !makingWords[word] && !hasOpening(word, makingOpenings[:]) {
			others++
		}
	}
	switch {
	case !made || !said || others > 2:
		return gradeNone
	case others > 0:
		return gradeSummary
	}
	return gradePoints
}

// longestOwner is how many words a publication's name has before its points.
const longestOwner = 5

// behindOwner is what follows a name in the possessive.
func behindOwner(h string) (string, bool) {
	at := strings.Index(h, "'s ")
	size := len("'s ")
	if at < 0 {
		at, size = strings.Index(h, "s' "), len("s' ")
	}
	if at < 0 || strings.Count(h[:at], " ") >= longestOwner {
		return "", false
	}
	return h[at+size:], true
}

// speaksOfMachine tells whether one of a line's words may mean a machine. It is
// asked of many a line, and makes nothing.
func speaksOfMachine(h string) bool {
	start := -1
	for i, r := range h {
		if inWord(r) {
			if start < 0 {
				start = i
			}
			continue
		}
		if start >= 0 && isMachine(h[start:i]) {
			return true
		}
		start = -1
	}
	return start >= 0 && isMachine(h[start:])
}

func isMachine(word string) bool {
	return machineWords[word] || hasOpening(word, machineOpenings[:])
}

// hasOpening tells whether a word begins with one of some beginnings.
func hasOpening(word string, openings []string) bool {
	first, _ := utf8.DecodeRuneInString(word)
	if !unicode.IsLetter(first) {
		return false
	}
	for _, o := range openings {
		if strings.HasPrefix(word, o) {
			return true
		}
	}
	return false
}

// machineWords are the short names of what writes by itself. Some are words of
// other meanings too, so another word of the heading must say what was written.
var machineWords = wordSet(`ai ki ia ии ші tn chatgpt gpt`)

var machineOpenings = [...]string{"intelligen", "inteligen", "inteligên", "intelixen", "tekoäly", "нейросе", "нейромереж", "νοημοσύν", "zeka",
	"ai要", "ai摘", "ai总", "ai總", "aiまと", "aiによ", "aiが", "ai가", "ai로", "ai요약", "人工智能", "人工智慧", "生成ai"}

// summingOpenings begin the words for key points and for what sums up.
var summingOpenings = [...]string{"summar", "takeaway", "highlight", "recap", "gist", "bullet", "points", "digest", "overview", "zusammen", "wichtigst", "kurzfass", "kernpunkt", "kernauss",
	"überblick", "résum", "synth", "essentiel", "retenir", "resum", "sínte", "claves", "esencial", "destacad", "essencia", "destaque",
	"riassun", "sinte", "essenzial", "salient", "samenvat", "samengevat", "hoofdpunt", "kernpunt", "kort", "oppsumm", "sammendrag", "sammanfatt", "sammandrag",
	"hovedpunkt", "hovedpoint", "huvudpunkt", "viktigst", "viktigast", "vigtigst", "opsumm", "streszcz", "podsumow", "skró", "najważniej", "tiivist", "yhteenve", "pääkohd",
	"резюм", "кратк", "главн", "пересказ", "стисл", "підсум", "головн", "περίλ", "σύνοψ", "özet", "souhrn", "shrnut", "zhrnut", "összefog", "rezum",
	"תקציר", "סיכום", "ملخص", "خلاصة", "要約", "要点", "摘要", "总结", "總結", "まとめ", "ai要", "ai摘", "ai总", "ai總", "aiまと", "aiによる要", "ai요약", "요약", "ringkas", "rangkum", "tóm"}

// makingWords and makingOpenings say how something was made and by whom; the
// articles and the like between them are here too.
var makingWords = wordSet(`the this a an is was by with our story article key main from of for and news newsroom editors editor desk human in using it
von mit der die das dem den des ein eine wurde ist per und redaktion artikel durch im aus künstliche künstlicher
par de du l la le les un une d avec est a été cet article rédaction et
por con el los del este artículo fue redacción y ha sido noticia con lo más
da do o os as com pelo pela uma um redação artigo foi e em
dall dalla dal di il i lo gli con articolo redazione è stato questo
door met van het een is dit artikel redactie en
av med et en er den denne saken redaksjonen og artikkelen är av artikeln redaktionen har
af artiklen og er redaktionen
przez z artykułu artykuł i jest redakcję
с помощью от статьи и`)

var makingOpenings = [...]string{"generat", "generer", "genere", "generi", "génér", "gerad", "gegener", "assist", "creat", "créé", "powered", "written", "produced", "made", "review", "check", "verif", "vérif", "edited",
	"approv", "erstellt", "erzeugt", "geprüft", "gestützt", "unterstützt", "automat", "relu", "hech", "elabor", "revis", "criad", "feit", "prodott", "creat", "gemaakt", "gecontrol", "laget", "lagd", "kvalitets",
	"skap", "gransk", "lavet", "wygener", "sporz", "przygot", "artific", "artifis", "künstlich", "kunstig", "kunstmat", "sztuczn", "τεχνητ", "yapay", "создан", "сгенер", "подготов", "luoma", "tekemä"}
