package publish

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// kind says what a term is, as far as its spelling shows.
type kind uint8

const (
	word   kind = iota
	part        // the beginning of a word, or two characters of a script without spaces
	name        // written with a capital where the language gives one to names only
	number      // a figure, or a number spelled out
)

// term is one thing that a text tells, in a form that its spellings share.
type term struct {
	id     uint64 // hash of the key
	start  uint64 // hash of the key that words of the same beginning have; 0: none
	key    string // the form; of a number and a part without the mark that its id has
	shown  string // as the text has it
	weight float64
	place  int32 // among all terms of the tellings that are folded
	kind   kind
	head   bool // stands in the headline
	slot   bool // may be whom or what the headline is about, by its capital or its script
	toll   bool // a number of dead, hurt or missing, which grows with each telling
	// subject says that the headline may be about it for all that shows: a
	// slot, a weekday, and any word with a capital where all have one. Figures
	// are subjects, too, and need no mark.
	subject  bool
	calamity bool // a kind of disaster
}

// reading is what an article says, for comparing it with others.
type reading struct {
	language string    // as the text shows it; empty: it doesn't
	terms    []term    // of headline and lead, sorted by id, each once
	ids      []uint64  // theirs, in the same order
	marks    [8]uint64 // a bit for each id, by its last nine: most of what a text doesn't have is seen at once
	head     float64
	whole    float64 // weights of the headline's terms, and of all
	genre    string
	serial   []string                // "part 2", sorted
	moves    [len(opposites)][2]bool // which of the opposites the headline has
	title    []string                // the headline's words
	ordinals []uint64                // terms of the headline that count events
	stages   []uint64                // terms of the headline that name an early stage of a contest
	wins     bool                    // the headline tells who won
	deaths   float64                 // the most dead that the headline counts
	tolled   bool                    // has a toll
	bare     bool                    // has a headline only
	print    fingerprint             // of headline and lead as they stand
}

// lexicon is what is known of words before any text is read.
type lexicon struct {
	languages []string          // of which little words are known, sorted
	littleIn  map[string]uint16 // the languages that have a little word, as bits
	everyday  map[string]bool
	sense     map[string]string
	numbers   map[string]string
	demonyms  map[string]string
	tolls     map[string]bool
	votes     map[string]bool
	serials   map[string]bool
	deadly    map[string]bool
	disasters map[string]bool
	weekdays  map[string]bool
	ordinals  map[string]bool
	uncounted map[string]bool
	stages    map[string]bool
	wins      map[string]bool
	scales    map[string]bool
	opposites [len(opposites)][2]map[string]bool
	phrases   [len(genres)][]string
	labels    [len(genres)][]string
}

func newLexicon() *lexicon {
	l := &lexicon{
		languages: slices.Sorted(maps.Keys(stopWords)), littleIn: map[string]uint16{}, everyday: set(everyday), sense: map[string]string{},
		numbers: pairs(smallNumbers), demonyms: pairs(demonyms), tolls: set(tolls), votes: set(votes), serials: set(serials),
		deadly: set(deadly), disasters: set(disasters), weekdays: set(weekdays), ordinals: set(ordinals), uncounted: set(uncounted),
		stages: set(stages), wins: set(wins), scales: set(scales),
	}
	for i, language := range l.languages {
		for _, w := range strings.Fields(stopWords[language]) {
			l.littleIn[w] |= 1 << i
		}
	}
	for line := range strings.Lines(sameSense) {
		ws := strings.Fields(line)
		for _, w := range ws {
			l.sense[w] = cmp.Or(l.sense[w], ws[0])
		}
	}
	for i, o := range opposites {
		l.opposites[i] = [2]map[string]bool{set(o[0]), set(o[1])}
	}
	for i, g := range genres {
		l.phrases[i], l.labels[i] = phrases(g.phrases), phrases(g.labels)
	}
	return l
}

// phrases splits a list at its bars; each phrase has a space on either side, to
// be found as whole words.
func phrases(list string) []string {
	var all []string
	for phrase := range strings.SplitSeq(list, "|") {
		if ws := words(phrase); len(ws) > 0 {
			all = append(all, " "+strings.Join(ws, " ")+" ")
		}
	}
	return all
}

func pairs(list string) map[string]string {
	m := map[string]string{}
	for _, f := range strings.Fields(list) {
		k, v, _ := strings.Cut(f, "=")
		m[k] = v
	}
	return m
}

// read makes the reading of a headline and a lead. language is what the source
// says, which counts where the text itself doesn't show it.
func (t *termer) read(title, lead, language string) reading {
	title = strings.TrimSpace(title)
	loud := shouted(title)
	if loud {
		title = spoken(title, lead)
	}
	t.words = appendWords(t.words[:0], title)
	ofTitle := len(t.words)
	t.words = appendWords(t.words, lead)
	r := reading{title: slices.Clone(t.words[:ofTitle]), print: read(t.words)}
	r.language = t.languageOf(t.words)
	t.forget()
	t.spans = appendSpans(t.spans[:0], title)
	ofHead := len(t.spans)
	t.spans = appendSpans(t.spans, lead)
	head, body := t.spans[:ofHead], t.spans[ofHead:]
	t.language = cmp.Or(r.language, primary(language))
	t.flat = loud || capitals(head) && t.language != "de"
	t.findNames(head, body)
	t.take(head, true)
	t.take(body, false)
	if t.language != "de" {
		t.initials(body, false)
	}
	if !t.flat && t.language != "de" {
		t.initials(head, true)
	}
	for i := range t.terms {
		if n := &t.terms[i]; n.kind == name || n.slot {
			n.start = startOf(n.key)
		}
	}
	r.terms = slices.Clone(t.terms)
	// By id, so that sums come out the same to the last bit.
	slices.SortFunc(r.terms, func(a, b term) int { return cmp.Compare(a.id, b.id) })
	r.ids = make([]uint64, 0, len(r.terms))
	for i := range r.terms {
		n := &r.terms[i]
		r.ids = append(r.ids, n.id)
		r.marks[n.id>>6&7] |= 1 << (n.id & 63)
		r.whole += n.weight
		if n.head {
			r.head += n.weight
		}
		r.tolled = r.tolled || n.toll
	}
	r.deaths, r.bare = t.deaths, len(body) == 0
	t.form(&r, title)
	return r
}

// beginning is how many letters words share that begin alike.
const beginning = 5

// startOf is the id of the part that words of the same beginning share; 0: the
// word is too short to have one.
func startOf(word string) uint64 {
	start, ok := startsWith(word)
	if !ok {
		return 0
	}
	return partID(start)
}

// startsWith gives the beginning of a word that has one.
func startsWith(word string) (start string, ok bool) {
	n := 0
	for i := range word {
		if n == beginning {
			return word[:i], true
		}
		n++
	}
	return word, n == beginning
}

// partID is the id of a beginning. The mark keeps it from a word's of the same
// letters.
func partID(start string) uint64 { return fnvBasis.add(start).add("~").end().spread() }

// primary is the language of a tag without region or script, RFC 5646 section
// 2.2.1.
func primary(tag string) string {
	language, _, _ := strings.Cut(strings.ToLower(tag), "-")
	return language
}

// form reads what kind of piece a headline announces.
func (l *lexicon) form(r *reading, title string) {
	line := " " + strings.Join(r.title, " ") + " "
	set := setOff(title)
	for i, g := range genres {
		if r.genre == "" && (slices.ContainsFunc(l.phrases[i], func(p string) bool { return strings.Contains(line, p) }) || l.labelled(i, set)) {
			r.genre = g.name
		}
	}
	for i, w := range r.title {
		for j, o := range l.opposites {
			r.moves[j][0] = r.moves[j][0] || o[0][w]
			r.moves[j][1] = r.moves[j][1] || o[1][w]
		}
		if i+1 < len(r.title) && l.serials[w] && isNumber(r.title[i+1]) {
			r.serial = append(r.serial, w+" "+r.title[i+1])
		}
		l.count(r, i)
	}
	slices.Sort(r.serial)
}

// count notes what the i-th word of a headline says of the order of events.
func (l *lexicon) count(r *reading, i int) {
	w := r.title[i]
	r.wins = r.wins || l.wins[w]
	if l.stages[w] {
		r.stages = append(r.stages, wordID(cmp.Or(l.sense[w], stemmed(w))))
	}
	if l.isOrdinal(w) && (i+1 == len(r.title) || !l.uncounted[r.title[i+1]]) {
		id := wordID(stemmed(w))
		if isNumber(w) {
			id = numberID(strings.TrimRightFunc(w, unicode.IsLetter))
		}
		r.ordinals = append(r.ordinals, id)
	}
}

// aside is a part of a headline that is set off from the rest.
type aside struct {
	line  string // its words, with a space on either side
	words int
}

// setOff splits a headline where labels are set off: "Opinion: ...", "... | Review".
func setOff(title string) (parts []aside) {
	for _, p := range strings.FieldsFunc(title, func(r rune) bool { return strings.ContainsRune(":|–—：", r) }) {
		ws := words(p)
		parts = append(parts, aside{" " + strings.Join(ws, " ") + " ", len(ws)})
	}
	return parts
}

// labelled says that a headline bears a label of the genre, set off from the
// rest. In the midst of a sentence the same words are news.
func (l *lexicon) labelled(genre int, parts []aside) bool {
	for _, p := range parts {
		for _, label := range l.labels[genre] {
			if p.line == label || len(parts) > 1 && strings.HasSuffix(p.line, label) || p.words <= 4 && len(parts) > 1 && strings.HasPrefix(p.line, label) {
				return true
			}
		}
	}
	return false
}

// languageOf tells the language by its little words; empty: not clear.
func (l *lexicon) languageOf(ws []string) string {
	counts := make([]int, len(l.languages))
	japanese, chinese, korean := 0, 0, 0
	for _, w := range ws {
		switch r := first(w); {
		case r >= 0x0e00 && unicode.In(r, unicode.Hiragana, unicode.Katakana):
			japanese++
		case r >= 0x0e00 && unicode.Is(unicode.Han, r):
			chinese++
		case r >= 0x0e00 && unicode.Is(unicode.Hangul, r):
			korean++
		}
		for i, in := 0, l.littleIn[w]; in != 0; i, in = i+1, in>>1 {
			counts[i] += int(in & 1)
		}
	}
	switch {
	case japanese > 1:
		return "ja" // it is written with Chinese characters, too
	case chinese > 4:
		return "zh"
	case korean > 2:
		return "ko"
	}
	best, second := 0, 0
	for i := 1; i < len(counts); i++ {
		if counts[i] > counts[best] {
			best, second = i, max(second, counts[best])
		} else {
			second = max(second, counts[i])
		}
	}
	if counts[best] < 3 || counts[best] < second+2 {
		return ""
	}
	return l.languages[best]
}

// span is a word as it stands in a text.
type span struct {
	text    string
	lower   string
	opening bool // first in its sentence
	owner   bool // followed by an apostrophe and s
	shouted bool // in capitals only
}

// appendSpans splits a text into words, keeping their capitals, and figures
// whole: "1,200" and "4.25" are one.
func appendSpans(list []span, s string) []span {
	opening := true
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		if !inWord(r) {
			if strings.ContainsRune(".!?:\"“”„«»|\n。！？؟", r) {
				opening = true
			}
			i += size
			continue
		}
		end := i + size
		figure, grouped := unicode.IsDigit(r), false
		for end < len(s) {
			next, n := utf8.DecodeRuneInString(s[end:])
			if unspaced(r) != unspaced(next) || !inWord(next) {
				after, _ := utf8.DecodeRuneInString(s[min(end+n, len(s)):])
				if figure && (end-i <= 3 || grouped) && thousands(next, s[end+n:]) {
					end += n
					grouped = true
					continue
				}
				if !figure || !strings.ContainsRune(".,٫٬", next) || !unicode.IsDigit(after) {
					break
				}
			}
			end += n
		}
		text := s[i:end]
		lower := strings.ToLower(text)
		list = append(list, span{text, lower, opening, owns(s[end:]), text != lower && text == strings.ToUpper(text)})
		opening = false
		i = end
	}
	return list
}

func owns(rest string) bool {
	after, ok := strings.CutPrefix(rest, "'s")
	if !ok {
		after, ok = strings.CutPrefix(rest, "’s")
	}
	return ok && !inWord(first(after))
}

// thousands says that a figure of up to three digits goes on after a space:
// "16 000".
func thousands(space rune, rest string) bool {
	if space != ' ' && space != '\u00a0' && space != '\u202f' || len(rest) < 3 {
		return false
	}
	return strings.Trim(rest[:3], "0123456789") == "" && !inWord(first(rest[3:]))
}

func inWord(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r) }

// capitals says that a headline gives a capital to most of its words, so that
// they are no sign of a name.
func capitals(head []span) bool {
	upper, lower := 0, 0
	for _, s := range head {
		r, _ := utf8.DecodeRuneInString(s.text)
		switch {
		case utf8.RuneCountInString(s.text) < 4:
		case unicode.IsUpper(r):
			upper++
		case unicode.IsLower(r):
			lower++
		}
	}
	return upper > 2*lower
}

// termer collects the terms of one text after the other.
type termer struct {
	*lexicon
	language string
	flat     bool // the headline gives a capital to most words
	deaths   float64
	terms    []term
	at       map[uint64]int  // of a term's id in terms
	names    map[string]bool // in lower case
	small    map[string]bool // written without a capital
	opens    map[string]int  // how often a word with a capital opens a sentence
	words    []string
	spans    []span
	initial  []rune
}

func newTermer(l *lexicon) *termer {
	return &termer{lexicon: l, at: map[uint64]int{}, names: map[string]bool{}, small: map[string]bool{}, opens: map[string]int{}}
}

// forget makes room for the next text.
func (t *termer) forget() {
	t.terms = t.terms[:0]
	t.deaths = 0
	clear(t.at)
	clear(t.names)
	clear(t.small)
	clear(t.opens)
}

// findNames tells the names of a text by their capitals. The first word of a
// sentence always has one: it is a name if it is never written small and
// opens two sentences, or owns something, or has its capital elsewhere, too.
func (t *termer) findNames(head, body []span) {
	if t.language == "de" {
		t.findGermanNames(head)
		t.findGermanNames(body)
		return
	}
	for i, list := range [...][]span{head, body} {
		for _, s := range list {
			switch {
			case !unicode.IsUpper(first(s.text)):
				t.small[s.lower] = true
			case t.everyday[s.lower]:
			case s.owner:
				t.names[s.lower] = true
			case s.opening || i == 0 && t.flat:
				t.opens[s.lower]++
			default:
				t.names[s.lower] = true
			}
		}
	}
	for w, n := range t.opens {
		if n > 1 {
			t.names[w] = true
		}
	}
	for w := range t.names {
		if t.small[w] {
			delete(t.names, w)
		}
	}
}

// findGermanNames goes by neighbours, since every noun has a capital: two nouns
// stand side by side where the second is a name ("Bundestrainer Nagelsmann"),
// and a noun without an article after "in" or "aus" is a place.
func (t *termer) findGermanNames(list []span) {
	for i := 1; i < len(list); i++ {
		s, before := list[i], list[i-1]
		if s.opening || !unicode.IsUpper(first(s.text)) || t.everyday[s.lower] {
			continue
		}
		switch before.lower {
		case "in", "aus", "bei", "nahe", "von", "gegen", "mit":
			t.names[s.lower] = true
		default:
			if unicode.IsUpper(first(before.text)) && t.littleIn[before.lower] == 0 {
				t.names[s.lower] = true
			}
		}
	}
}

// take collects the terms of a headline or of what stands below it.
func (t *termer) take(list []span, head bool) {
	for i := range list {
		s := &list[i]
		if unspaced(first(s.text)) {
			t.unspaced(s.text, head)
			continue
		}
		lower := plain(s.lower)
		if n, ok := t.number(lower); ok {
			t.figure(list, i, n, head)
			continue
		}
		if utf8.RuneCountInString(lower) < 2 || t.stopped(lower, s) {
			continue
		}
		t.word(s, lower, head)
	}
}

// figure adds a number, with what the words around it make of it.
func (t *termer) figure(list []span, i int, n string, head bool) {
	after := list[i+1 : min(i+4, len(list))]
	toll := i > 0 && t.tolls[list[i-1].lower] || i > 1 && tollLine(t, list[:i]) || len(after) > 0 && t.votes[after[0].lower]
	for _, next := range after {
		toll = toll || t.tolls[next.lower]
	}
	if head && t.deadlyBeside(list, i) {
		count, err := strconv.ParseFloat(n, 64)
		if err == nil {
			t.deaths = max(t.deaths, count)
		}
	}
	weight := weigh(n)
	if weight < 1 && (len(after) > 0 && t.scales[after[0].lower] || strings.HasSuffix(list[i].lower, "bn") || strings.HasSuffix(list[i].lower, "b")) {
		weight = 1 // of millions
	}
	t.add(term{id: numberID(n), key: n, shown: list[i].text, weight: weight, kind: number, head: head, toll: toll})
}

func numberID(n string) uint64 { return fnvBasis.add("#").add(n).end().spread() }

// deadlyBeside says that a number counts dead: a word for them stands before
// it or soon after it, and no other number between.
func (t *termer) deadlyBeside(list []span, i int) bool {
	if i > 0 && t.deadly[list[i-1].lower] {
		return true
	}
	for _, next := range list[i+1 : min(i+4, len(list))] {
		if _, ok := t.number(next.lower); ok {
			return false
		}
		if t.deadly[next.lower] {
			return true
		}
	}
	return i > 1 && t.deadly[list[i-2].lower]
}

// initials adds what a name of three or four words is called for short:
// "AWS" for "Amazon Web Services".
func (t *termer) initials(list []span, head bool) {
	run := t.initial[:0]
	for i := 0; i <= len(list); i++ {
		switch {
		case i < len(list) && unicode.IsUpper(first(list[i].text)) && !list[i].shouted:
			run = append(run, first(list[i].lower))
		case i < len(list) && len(run) > 0 && slices.Contains([]string{"of", "for", "and", "de"}, list[i].lower):
		default:
			if len(run) == 3 || len(run) == 4 {
				short := string(run)
				t.add(term{id: wordID(stemmed(short)), key: stemmed(short), shown: strings.ToUpper(short), weight: 1.5, kind: part, head: head})
			}
			run = run[:0]
		}
	}
	t.initial = run
}

// tollLine says that one of the words before a number speaks of a toll:
// "death toll rises to".
func tollLine(t *termer, before []span) bool {
	for _, s := range before[max(0, len(before)-5):] {
		if t.tolls[s.lower] {
			return true
		}
	}
	return false
}

func first(s string) rune { r, _ := utf8.DecodeRuneInString(s); return r }

// stopped says that a word tells nothing. An acronym may look like a little
// word: "US", "IT".
func (t *termer) stopped(lower string, s *span) bool {
	if len(s.text) > 1 && s.shouted {
		return false
	}
	in := t.littleIn[lower]
	if in == 0 {
		return false
	}
	if i, ok := slices.BinarySearch(t.languages, t.language); ok && utf8.RuneCountInString(lower) > 2 {
		in &= 1 << i
	}
	return in != 0
}

// number gives a figure in one form: "1,200" and "1.200" are 1200, "4.50" is
// 4.5, "1.3bn" is 1.3.
func (t *termer) number(lower string) (string, bool) {
	if n, ok := t.numbers[lower]; ok {
		return n, true
	}
	if !unicode.IsDigit(first(lower)) {
		return "", false
	}
	end := strings.IndexFunc(lower, func(r rune) bool { return !unicode.IsDigit(r) && !strings.ContainsRune(".,٫٬ \u00a0\u202f", r) })
	if end < 0 {
		end = len(lower)
	}
	switch lower[end:] {
	case "", "b", "tn", "bln", "mln", "mld", "mrd", "mio", "bn", "m", "mn", "k", "km", "mph", "kmh", "st", "nd", "rd", "th", "pm", "am", "pts", "e", "er":
	default:
		return "", false // "8a8", "3i": a name
	}
	var b strings.Builder
	groups := strings.FieldsFunc(lower[:end], func(r rune) bool { return !unicode.IsDigit(r) })
	for i, g := range groups {
		if i > 0 && (len(g) != 3 || len(groups[0]) > 3 || groups[0] == "0") {
			b.WriteByte('.')
			g = strings.TrimRight(g, "0")
		}
		b.WriteString(g)
	}
	return strings.TrimSuffix(strings.Map(westernDigit, b.String()), "."), true
}

// westernDigit writes Arabic-Indic digits as 0 to 9.
func westernDigit(r rune) rune {
	switch {
	case r >= '٠' && r <= '٩':
		return r - '٠' + '0'
	case r >= '۰' && r <= '۹':
		return r - '۰' + '0'
	}
	return r
}

func isNumber(s string) bool { return unicode.IsDigit(first(s)) }

// weigh says how much a shared number ties two texts together: 7 is
// everywhere, 48.7 is not.
func weigh(n string) float64 {
	digits := len(strings.Trim(strings.ReplaceAll(n, ".", ""), "0"))
	switch {
	case len(n) == 4 && (n[:2] == "20" || n[:2] == "19"):
		return 0.3 // a year
	case len(n) >= 4 && !strings.Contains(n, "."):
		return 1.5 // 4000 is round, and seldom
	case len(n) == 1:
		return 0.35
	case digits == 1 || n == "15" || n == "25":
		return 0.6
	case digits == 2:
		return 1
	}
	return 1.5
}

// word adds a word: whole, and by its beginning, which inflected forms and
// compounds share.
func (t *termer) word(s *span, lower string, head bool) {
	k := word
	runes := utf8.RuneCountInString(lower)
	acronym := runes <= 5 && s.shouted
	capital := unicode.IsUpper(first(s.text))
	if acronym || t.names[s.lower] || strings.ContainsFunc(s.text, unicode.IsDigit) || innerCapital(s.text) {
		k = name
	}
	shown := s.text
	if country, ok := t.demonyms[lower]; ok {
		lower, k = country, name
	}
	if sense, ok := t.sense[lower]; ok && k != name {
		t.add(term{id: wordID(sense), key: sense, shown: shown, weight: 0.8, kind: word, head: head, calamity: t.disasters[sense]})
		return
	}
	weight, everyday := 0.5+0.07*float64(min(runes, 12)), t.everyday[lower]
	switch {
	case everyday:
		weight = 0.3
	case k == name:
		weight = 1.5
	case t.language == "de" && capital:
		weight += 0.2
	}
	stem := stemmed(lower)
	slot := head && !everyday && (capital && (!t.flat || t.names[s.lower]) || unicode.Is(unicode.Lo, first(lower)))
	subject := slot || head && (t.weekdays[s.lower] || t.flat && !everyday && !t.small[s.lower])
	if runes < 6 || k == name && runes < 5 || everyday {
		t.add(term{id: wordID(stem), key: stem, shown: shown, weight: weight, kind: k, head: head, slot: slot, subject: subject, calamity: t.disasters[lower]})
		return
	}
	t.add(term{id: wordID(stem), key: stem, shown: shown, weight: weight * 0.65, kind: k, head: head, slot: slot, subject: subject, calamity: t.disasters[lower]})
	start, _ := startsWith(unaccent(lower)) // of a country it may be the whole name
	t.add(term{id: partID(start), key: start, shown: shown, weight: weight * 0.35, kind: part, head: head})
}

// wordID is the id of a word, and of a pair of characters.
func wordID(word string) uint64 { return fnvBasis.add(word).end().spread() }

// innerCapital says that a word has capitals as names of products have:
// "iPhone", "OpenAI".
func innerCapital(s string) bool {
	_, size := utf8.DecodeRuneInString(s)
	rest := s[size:]
	return strings.ContainsFunc(rest, unicode.IsUpper) && strings.ContainsFunc(s, unicode.IsLower)
}

// unspaced adds the pairs of characters of a run without spaces: most words
// of these scripts have two.
func (t *termer) unspaced(run string, head bool) {
	for i, a := range run {
		size := utf8.RuneLen(a)
		b, next := utf8.DecodeRuneInString(run[i+size:])
		if next == 0 {
			break
		}
		pair := run[i : i+size+next]
		if unicode.Is(unicode.Hiragana, a) || unicode.Is(unicode.Hiragana, b) {
			continue // endings and particles
		}
		weight := 0.5
		if unicode.Is(unicode.Katakana, a) {
			weight = 0.7
		}
		if t.everyday[pair] {
			weight = 0.2
		}
		slot := head && unicode.Is(unicode.Han, a) && unicode.Is(unicode.Han, b) && !t.everyday[pair]
		t.add(term{id: wordID(pair), key: pair, shown: pair, weight: weight, kind: part, head: head, slot: slot, subject: slot, calamity: t.disasters[pair]})
	}
}

// add keeps a term once, with the most that any of its places tells.
func (t *termer) add(n term) {
	if n.key == "" {
		return
	}
	i, ok := t.at[n.id]
	if !ok {
		t.at[n.id] = len(t.terms)
		t.terms = append(t.terms, n)
		return
	}
	old := &t.terms[i]
	old.head, old.toll, old.slot = old.head || n.head, old.toll || n.toll, old.slot || n.slot
	old.subject, old.calamity = old.subject || n.subject, old.calamity || n.calamity
	if n.weight > old.weight {
		old.weight, old.shown = n.weight, n.shown
	}
	if n.kind == name && old.kind == word {
		old.kind = name
	}
}

// plain folds accents and the letters that only Arabic spelling tells apart.
func plain(s string) string {
	if isASCII(s) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		switch {
		case unicode.Is(unicode.Mn, r) || r == 'ـ':
			continue
		case strings.ContainsRune("أإآٱ", r):
			r = 'ا'
		case r == 'ى':
			r = 'ي'
		case r == 'ة':
			r = 'ه'
		case r == 'ё':
			r = 'е'
		}
		b.WriteRune(r)
	}
	return b.String()
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// stemmed cuts the endings that inflection puts on words of many languages. It
// cuts too much rather than too little: a word counts only beside others.
func stemmed(w string) string {
	if r := first(w); r >= 0x0600 && r <= 0x06ff {
		return stemmedArabic(w)
	}
	w = unaccent(w)
	for _, end := range [...]string{"ungen", "iones", "ung", "ing", "ies", "ern", "oes", "ed", "es", "en", "er", "em", "os", "as", "an", "s", "e", "n", "o", "a", "i", "y",
		"ами", "ого", "ой", "ая", "ый", "ий", "ов", "ах", "ом", "ев", "ы", "и", "а", "у", "е", "о", "ę", "ą"} {
		if stem, ok := strings.CutSuffix(w, end); ok && (utf8.RuneCountInString(stem) >= 4 || len(stem) == 3 && end == "s" && !strings.HasSuffix(stem, "s")) {
			return stem
		}
	}
	return w
}

// unaccent folds the accents of Latin letters.
func unaccent(w string) string {
	if isASCII(w) {
		return w
	}
	return unaccented.Replace(w)
}

func stemmedArabic(w string) string {
	for _, start := range [...]string{"وال", "بال", "كال", "فال", "لل", "ال", "و", "ب", "ل"} {
		if rest, ok := strings.CutPrefix(w, start); ok && utf8.RuneCountInString(rest) >= 3 {
			w = rest
			break
		}
	}
	for _, end := range [...]string{"يه", "ين", "ون", "ات", "ها", "ان", "ه", "ي"} {
		if stem, ok := strings.CutSuffix(w, end); ok && utf8.RuneCountInString(stem) >= 3 {
			return stem
		}
	}
	return w
}

var unaccented = strings.NewReplacer("á", "a", "à", "a", "â", "a", "ã", "a", "ä", "a", "å", "a", "é", "e", "è", "e", "ê", "e", "ë", "e", "í", "i", "ì", "i",
	"î", "i", "ï", "i", "ó", "o", "ò", "o", "ô", "o", "õ", "o", "ö", "o", "ø", "o", "ú", "u", "ù", "u", "û", "u", "ü", "u", "ç", "c", "ñ", "n", "ß", "ss",
	"ł", "l", "ń", "n", "ś", "s", "ź", "z", "ż", "z", "ć", "c")
