package ingest

import (
	"slices"
	"strings"
	"unicode"
)

// byWords stand before an author's name, in the languages news is written in;
// byLabels do with a colon, and byLeads before either.
var (
	byWords  = wordSet(`by von par por di door av af oleh`)
	byLabels = wordSet(`author authors autor autorin autoren autore autores auteur auteurs text tekst texte texto testo writer words автор текст författare forfatter skribent redaktör tekstas`)
	byLeads  = wordSet(`written words reported reporting story posted published publish updated text texte texto tekst testo report article artikel artículo artigo articolo beitrag ein eine
		autor author escrito publicado publicada publié publie écrit ecrit propos recueillis a cura geschreven gepubliceerd skrevet skrivet veröffentlicht geschrieben am le on el il op den der last the and analysis
		january february march april may june july august september october november december jan feb mar apr jun jul aug sep sept oct nov dec
		januar februar märz mai juni juli oktober dezember janvier février mars avril juin juillet août septembre octobre novembre décembre de`)
)

// particles are the parts of names that are not written with a capital.
var particles = wordSet(`van der den de del della di da dos das do du des la le les von vom zu zur zum ter ten el al bin ibn ben af av y e i san st und dal dalla degli`)

// joiners stand between two names. Those in brackets below do so only in their
// own language, and mean something else in others.
var joiners = wordSet(`and und et y e og och & + и oraz with mit avec`)

// noPerson are words that are no part of a name: what people are, when they
// wrote, and what is done with a page.
var noPerson = wordSet(`the an this that these those numbers design mistake invitation default demand popular royal night day days week month year next early late land sea all any
	staff senior chief special associate contributing contributor contributors reporter reporters editor editors editorial correspondent correspondents writer writers columnist guest news newsroom desk bureau
	team journalist producer political business sports national science health technology world local features opinion author authors byline
	redaktion redakteur redakteurin korrespondent korrespondentin reporterin autor autorin journaliste rédaction correspondant correspondante redacción redactor redactora redação redator repórter redazione giornalista corrispondente
	redactie verslaggever correspondent redaksjonen journalisten redaktionen redaktör reporteren redakcja dziennikarz dziennikarka
	published updated posted last modified created share follow following comments comment read more view about email e-mail print contact minutes minute min mins listen save photo photos image images foto fotos photograph picture video
	monday tuesday wednesday thursday friday saturday sunday mon tue tues wed thu thur thurs fri sat sun montag dienstag mittwoch donnerstag freitag samstag sonntag lundi mardi mercredi jeudi vendredi samedi dimanche
	lunes martes miércoles jueves viernes sábado domingo lunedì martedì mercoledì giovedì venerdì sabato domenica today yesterday tomorrow morning noon evening anfang primera primer vez ejemplo favor supuesto first second
	alle beiträge artikel meldungen mehr weitere inhalte gesponserte wortlaut autoreninfo autor:innen full bio sign out info todos todas tous toutes voir ver plus tutti altri meer alles redaccion recueilli for propos reuters afp interview
	edited edition home subscribe login register search menu loading posts post profile website advertisement us our my how why what when where who click here by von par por`)

// tails may go on behind a name: where, when and for whom it was written.
var tails = wordSet(`in for from at on le am aus im à um published updated posted the a an special to special, para en em na no til for i på fra zuletzt il`)

// namesIn are the people that a by-line names. How the line's element said so
// decides what is needed besides the names: nothing else than a word like "by"
// in a line of which nothing is known.
func namesIn(line string, how signing) []string {
	tokens := strings.Fields(strings.NewReplacer("|", " | ", "·", " · ", "•", " • ", "／", " / ", "：", ": ", "\u00a0", " ").Replace(line))
	if len(tokens) > 30 {
		tokens = tokens[:30]
	}
	start, by := behindBy(tokens)
	if by == "" && how == signsNothing || by == "" && start < 0 {
		return nil
	}
	if behind := strings.Join(tokens[start:], " "); agencies[strings.TrimPrefix(strings.ToLower(behind), "the ")] {
		return []string{behind}
	}
	s := signedNames{by: by}
	s.read(tokens[start:])
	if how <= signsAuthor && !s.endsPlainly() || how == signsLine && by == "" && !s.endsWithDate() {
		return nil
	}
	return s.people()
}

// behindBy is where the names begin: behind the word that says so, at the
// beginning of the line where there is none, nowhere (-1) where it tells of a
// picture.
func behindBy(tokens []string) (start int, by string) {
	const farthest = 8
	for i, t := range tokens[:min(len(tokens), farthest)] {
		w := strings.ToLower(t)
		label, labelled := strings.CutSuffix(w, ":")
		switch {
		case (byWords[w] || labelled && byWords[label] || labelled && byLabels[label]) && i+1 < len(tokens):
			if j, again := behindBy(tokens[i+1:]); again != "" && j == 1 {
				return i + 2, again // "Text: by Jane Porter"
			}
			return i + 1, label
		case byLeads[strings.Trim(w, ".,:")], strings.ContainsFunc(t, unicode.IsDigit), !strings.ContainsFunc(t, unicode.IsLetter):
		default:
			return 0, ""
		}
	}
	return 0, ""
}

// signedNames are the names of a line while it is read, with what comes
// between and behind them.
type signedNames struct {
	by     string
	groups [][]string // names, roles and places, between commas and joiners
	joined int        // the last group that a joiner stands before
	tail   []string   // what follows the last name
	open   bool       // the tail begins right behind a name, without a mark
}

// read parts the line.
func (s *signedNames) read(tokens []string) {
	var current []string
	end := func() {
		if len(current) > 0 {
			s.groups = append(s.groups, current)
		}
		current = nil
	}
	for i, t := range tokens {
		bare := strings.TrimRight(t, ",;")
		lower := strings.ToLower(bare)
		next := ""
		if i+1 < len(tokens) {
			next = tokens[i+1]
		}
		switch {
		case len(current)+len(s.groups) > 0 && s.joins(lower) && nameToken(next):
			end()
			s.joined = len(s.groups)
			continue
		case !nameToken(bare) && !(particles[lower] && nameFollows(tokens[i+1:])), noPerson[lower] && !s.role(len(current)), isDay(lower, next):
			s.open = len(current) > 0
			end()
			s.tail = tokens[i:]
			return
		}
		current = append(current, bare)
		if bare != t {
			end()
		}
	}
	end()
}

// role lets what people are stand between commas, where more names may follow.
func (s *signedNames) role(begun int) bool { return begun == 0 && len(s.groups) > 0 }

// joins tells the words between two names.
func (s *signedNames) joins(w string) bool {
	switch w {
	case "en":
		return s.by == "door" || s.by == "auteur" // "in" to Spanish and French
	case "i":
		return s.by == "autor" || s.by == "tekst" // "in" to Norwegian
	}
	return joiners[w]
}

// people are the groups that are names. Behind the last joiner's name, commas
// part what the people are and where.
func (s *signedNames) people() []string {
	var names []string
	for i, group := range s.groups {
		if i > 0 && i > s.joined || len(names) == maxAuthors {
			break
		}
		if name := strings.Join(group, " "); isPerson(group) && !slices.Contains(names, name) {
			names = append(names, strings.Trim(name, `"“”'‘’.,`+" "))
		} else if i == 0 {
			return nil
		}
	}
	return names
}

// endsPlainly says that behind the names stands nothing, or what tells of them:
// "By Jane Porter in Port Example", not "By Jane Porter's account".
func (s *signedNames) endsPlainly() bool {
	if len(s.tail) == 0 || !s.open {
		return len(s.tail) < 14
	}
	w := strings.ToLower(strings.Trim(s.tail[0], ".,"))
	mark := !strings.ContainsFunc(w, unicode.IsLetter)
	return len(s.tail) < 14 && (mark || tails[w] || noPerson[w] || isDay(w, "1"))
}

// endsWithDate says that behind the names stands nothing, or a time.
func (s *signedNames) endsWithDate() bool {
	return len(s.tail) == 0 || strings.ContainsFunc(strings.Join(s.tail, ""), unicode.IsDigit) || s.open && (tails[strings.ToLower(s.tail[0])] || noPerson[strings.ToLower(s.tail[0])])
}

// agencies sign whole reports with their names.
var agencies = lineSet(`associated press
	press association
	canadian press
	australian associated press
	agence france-presse
	deutsche presse-agentur`)

// cities of two words and more stand in by-lines, and look like people.
var cities = lineSet(`são paulo
	rio de janeiro
	belo horizonte
	porto alegre
	buenos aires
	new york
	new york city
	new delhi
	new orleans
	los angeles
	las vegas
	san francisco
	san diego
	san josé
	san salvador
	santo domingo
	mexico city
	ciudad de méxico
	cidade do méxico
	la paz
	hong kong
	tel aviv
	abu dhabi
	cape town
	addis ababa
	kuala lumpur
	phnom penh
	ho chi minh city
	frankfurt am main
	den haag
	sankt petersburg
	st. petersburg
	washington d.c.`)

// isPerson tells the words of a person's name: two or more, with capitals, or
// one in a script that has no spaces or no capitals.
func isPerson(words []string) bool {
	const longest = 6
	capitals := 0
	if cities[strings.ToLower(strings.Join(words, " "))] {
		return false
	}
	for _, w := range words {
		r, _ := firstRune(strings.TrimLeft(w, `"“‘'(`))
		if unicode.IsUpper(r) || unicode.Is(unicode.Lo, r) {
			capitals++
		}
		if noPerson[strings.ToLower(w)] {
			return false
		}
	}
	if len(words) == 1 {
		r, _ := firstRune(words[0])
		n := len([]rune(words[0]))
		return unspaced(r) && n >= 2 && n <= 8
	}
	if first := strings.ToLower(words[0]); len(words) == 2 && (first == "do" || first == "da" || first == "dos" || first == "im") {
		return false // "Do UOL", "Da Redação": of a house
	}
	return capitals >= 2 && len(words) <= longest
}

// nameToken tells a word that may be a part of a name.
func nameToken(w string) bool {
	if strings.HasSuffix(w, "'s") || strings.HasSuffix(w, "’s") {
		return false
	}
	r, _ := firstRune(strings.TrimLeft(w, `"“‘'`))
	if !unicode.IsUpper(r) && !unicode.Is(unicode.Lo, r) {
		return false
	}
	return !strings.ContainsFunc(strings.TrimRight(w, ",;"), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsMark(r) && !strings.ContainsRune(`.'’‘-‑“”"·`, r)
	})
}

// nameFollows says that behind a particle stands the rest of a name.
func nameFollows(rest []string) bool {
	for _, w := range rest[:min(len(rest), 2)] {
		if nameToken(w) {
			return !noPerson[strings.ToLower(strings.Trim(w, ",;."))]
		}
		if !particles[strings.ToLower(w)] {
			return false
		}
	}
	return false
}

// isDay tells a month that a number follows: the names of some are people's.
func isDay(w, next string) bool {
	r, _ := firstRune(next)
	return unicode.IsDigit(r) && len(w) >= 3 && monthName(w) != ""
}
