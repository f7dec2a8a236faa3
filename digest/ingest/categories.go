package ingest

import (
	"cmp"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"courant/digest"
)

// Rule files articles under a category: those whose publisher says one of its
// words.
type Rule struct {
	Category string
	Words    []string // words and phrases; a * at the end stands for any ending
}

// Filing files articles under categories by an editor's rules. Nil has none:
// articles keep what their publisher says.
//
// A rule's word matches a publisher's term that has the same words in a row.
// Case, accents and punctuation are no difference, "defence" is not in
// "defenceless", and in scripts that are written without spaces a word may
// stand anywhere. Of words that overlap in a term the longest counts.
type Filing struct {
	phrases map[string][]phrase // by first word; those that begin with a prefix under ""
}

// phrase is one of a rule's words, taken apart.
type phrase struct {
	rule     int // in the editor's order
	category string
	written  string
	words    []string
	open     bool // its last word may end in any way
	name     bool // it is the category's own name
}

// NewFiling makes rules ready for use. Names are categories that digests and
// sources speak of besides: each matches itself, as a rule's category does.
// Without rules there is no filing.
func NewFiling(rules []Rule, names []string) *Filing {
	if len(rules) == 0 {
		return nil
	}
	f := &Filing{phrases: map[string][]phrase{}}
	for i, r := range rules {
		f.add(phrase{rule: i, category: r.Category, written: r.Category, name: true})
		for _, w := range r.Words {
			f.add(phrase{rule: i, category: r.Category, written: w})
		}
	}
	for i, name := range names {
		ruled := slices.ContainsFunc(rules, func(r Rule) bool { return strings.EqualFold(r.Category, name) })
		if !ruled && !slices.Contains(names[:i], name) {
			f.add(phrase{rule: len(rules) + i, category: name, written: name, name: true})
		}
	}
	return f
}

func (f *Filing) add(p phrase) {
	stem, open := strings.CutSuffix(strings.TrimSpace(p.written), "*")
	p.words, p.open = termWords(stem), open && !p.name
	if len(p.words) == 0 {
		return
	}
	first := p.words[0]
	if p.open && len(p.words) == 1 {
		first = ""
	}
	f.phrases[first] = append(f.phrases[first], p)
}

// SameWord is how a rule's word is compared: two words with the same form
// match the same terms. It is empty for a word that matches nothing.
func SameWord(word string) string {
	stem, open := strings.CutSuffix(strings.TrimSpace(word), "*")
	form := strings.Join(termWords(stem), " ")
	if open && form != "" {
		form += "*"
	}
	return form
}

// Filed says why an article is in a category.
type Filed struct {
	Category string
	Word     string // of the rule
	Term     digest.Term
}

// maxCategories bounds what one article may be filed under.
const maxCategories = 8

// Categories are those that the rules find for terms, the main one first:
// what a strong term says comes before what a weak one says, and within a term
// one that it is wholly before one that it holds, then the editor's order.
func (f *Filing) Categories(terms []digest.Term) []Filed {
	if f == nil {
		return nil
	}
	var all []Filed
	for _, t := range byStrength(terms) {
		for _, p := range f.within(t) {
			known := slices.ContainsFunc(all, func(a Filed) bool { return strings.EqualFold(a.Category, p.category) })
			if !known && len(all) < maxCategories {
				all = append(all, Filed{p.category, p.written, t})
			}
		}
	}
	return all
}

// byStrength puts sections before tags.
func byStrength(terms []digest.Term) []digest.Term {
	rank := func(t digest.Term) int {
		return slices.Index([]digest.TermFrom{digest.TermTag, digest.TermBreadcrumb, digest.TermFeed, digest.TermSection}, t.From)
	}
	sorted := slices.Clone(terms)
	slices.SortStableFunc(sorted, func(a, b digest.Term) int { return cmp.Compare(rank(b), rank(a)) })
	return sorted
}

// found is a phrase within a term's words.
type found struct {
	phrase
	from, to int
}

// within lists the phrases that a term holds, in order of weight.
func (f *Filing) within(t digest.Term) []phrase {
	words := termWords(t.Text)
	var all []found
	for at := range words {
		for _, p := range f.phrases[words[at]] {
			all = p.find(words, at, t, all)
		}
		for _, p := range f.phrases[""] {
			all = p.find(words, at, t, all)
		}
	}
	all = slices.DeleteFunc(slices.Clone(all), func(p found) bool {
		return slices.ContainsFunc(all, func(q found) bool { return q.from <= p.from && p.to <= q.to && q.to-q.from > p.to-p.from })
	})
	partly := func(p found) int { return min(len(words)-(p.to-p.from), 1) }
	slices.SortStableFunc(all, func(a, b found) int { return cmp.Or(cmp.Compare(partly(a), partly(b)), cmp.Compare(a.rule, b.rule)) })
	phrases := make([]phrase, len(all))
	for i, p := range all {
		phrases[i] = p.phrase
	}
	return phrases
}

// find adds the phrase to all if it stands in a term's words at a place. A
// category's own name, which is often an everyday word ("World"), must be the
// whole of a tag: a tag "World Cup" is no news of the world.
func (p phrase) find(words []string, at int, t digest.Term, all []found) []found {
	end := at + len(p.words)
	if end > len(words) || p.name && t.From == digest.TermTag && len(p.words) != len(words) {
		return all
	}
	last := len(p.words) - 1
	for i, w := range p.words {
		if words[at+i] != w && !(i == last && p.open && strings.HasPrefix(words[at+i], w)) {
			return all
		}
	}
	return append(all, found{p, at, end})
}

// File gives a new article its categories: the source's if it has some, else
// those that the rules find, else what the publisher says.
func (f *Filing) File(src digest.Source, a *digest.Article) {
	if a.Category != "" && publishersOwn(a.Terms) == "" {
		a.Terms = append([]digest.Term{{Text: a.Category, From: digest.TermSection}}, a.Terms...)
	}
	all := f.Under(src, a.Terms)
	if a.Category, a.Categories = "", nil; len(all) > 0 {
		a.Category = all[0]
	}
	if len(all) > 1 {
		a.Categories = all
	}
}

// Under are the categories of an article of a source, by its terms alone; nil:
// none.
func (f *Filing) Under(src digest.Source, terms []digest.Term) []string {
	if own := src.AllCategories(); own != nil {
		return own
	}
	var all []string
	for _, filed := range f.Categories(terms) {
		all = append(all, filed.Category)
	}
	if own := publishersOwn(terms); all == nil && own != "" {
		return []string{own}
	}
	return all
}

// publishersOwn is the category of an article in its publisher's words: what
// the feed says, else the page's section.
func publishersOwn(terms []digest.Term) string {
	for _, from := range []digest.TermFrom{digest.TermFeed, digest.TermSection} {
		for _, t := range terms {
			if t.From == from {
				return t.Text
			}
		}
	}
	return ""
}

// termList collects terms, each once.
type termList []digest.Term

// maxTerms bounds what is kept of one article's terms.
const maxTerms = 40

// add takes in what a publisher writes, which may be markup, empty or endless.
func (l *termList) add(from digest.TermFrom, texts ...string) {
	for _, text := range texts {
		t := digest.Term{Text: plainText(text, maxName), From: from}
		if t.Text == "" || len(*l) >= maxTerms || slices.ContainsFunc(*l, func(o digest.Term) bool { return o.From == from && strings.EqualFold(o.Text, t.Text) }) {
			continue
		}
		*l = append(*l, t)
	}
}

// addList takes in terms that stand in one text with commas between them.
func (l *termList) addList(from digest.TermFrom, text string) {
	l.add(from, strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ';' || r == '、' || r == '，' || r == '|' })...)
}

// termWords takes a text apart into the words that are compared: without case,
// accents and punctuation. Letters of a script that is written without spaces
// are words of their own, so that a word is found wherever it stands.
func termWords(s string) []string {
	if strings.HasPrefix(strings.TrimSpace(s), "#") {
		s = hashtagWords(s)
	}
	var words []string
	var word strings.Builder
	end := func() {
		if word.Len() > 0 {
			words = append(words, word.String())
			word.Reset()
		}
	}
	for _, r := range withoutDots(plainLetters(s)) {
		switch {
		case unspaced(r), r == 'ー': // the long mark belongs to no script
			end()
			word.WriteRune(r)
		case unicode.IsMark(r):
			word.WriteRune(r) // belongs to the letter before it
		case unicode.IsLetter(r), unicode.IsDigit(r), (r == '+' || r == '#') && word.Len() > 0: // C++, C#
			if previous, _ := lastRune(word.String()); unspaced(previous) || previous == 'ー' {
				end()
			}
			word.WriteRune(r)
		default:
			end()
		}
	}
	end()
	return words
}

func lastRune(s string) (r rune, ok bool) {
	for _, c := range s {
		if !unicode.IsMark(c) {
			r, ok = c, true
		}
	}
	return r, ok
}

// hashtagWords parts "#ClimateChange" at its capitals.
func hashtagWords(s string) string {
	var b strings.Builder
	before := ' '
	for _, r := range s {
		if unicode.IsUpper(r) && unicode.IsLower(before) {
			b.WriteByte(' ')
		}
		b.WriteRune(r)
		before = r
	}
	return b.String()
}

// plainLetters lower-cases a text and takes off what people leave out when
// they type: accents of Latin, Greek and Cyrillic, vowel signs of Arabic and
// Hebrew. Marks of other scripts are letters of their own and stay.
func plainLetters(s string) string {
	var b strings.Builder
	for _, r := range norm.NFKD.String(strings.ToLower(s)) {
		switch {
		case unicode.Is(leftOut, r):
		case letterPairs[r] != "":
			b.WriteString(letterPairs[r])
		default:
			b.WriteRune(unicode.ToLower(r)) // compatibility forms come out in capitals
		}
	}
	return norm.NFC.String(b.String())
}

// leftOut are combining diacritical marks, Hebrew points, Arabic harakat and
// the tatweel.
var leftOut = &unicode.RangeTable{R16: []unicode.Range16{
	{Lo: 0x0300, Hi: 0x036F, Stride: 1}, {Lo: 0x0591, Hi: 0x05BD, Stride: 1}, {Lo: 0x05BF, Hi: 0x05C7, Stride: 1},
	{Lo: 0x0640, Hi: 0x0640, Stride: 1}, {Lo: 0x064B, Hi: 0x065F, Stride: 1}, {Lo: 0x0670, Hi: 0x0670, Stride: 1},
}}

// letterPairs are letters that Unicode does not take apart and that are typed
// otherwise on another keyboard.
var letterPairs = map[rune]string{
	'æ': "ae", 'œ': "oe", 'ø': "o", 'ł': "l", 'đ': "d", 'ð': "d", 'þ': "th", 'ß': "ss", 'ı': "i", 'ħ': "h", 'ς': "σ",
}

// withoutDots writes "u.s." as "us": a dot between single letters parts no
// words.
func withoutDots(s string) string {
	letters := []rune(s)
	var b strings.Builder
	for i, r := range letters {
		if r == '.' && i > 0 && single(letters, i-1) && i+1 < len(letters) && single(letters, i+1) {
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

// single tells a letter that stands alone between dots, spaces and ends.
func single(letters []rune, i int) bool {
	alone := func(i int) bool {
		return i < 0 || i >= len(letters) || !unicode.IsLetter(letters[i]) && !unicode.IsDigit(letters[i])
	}
	return unicode.IsLetter(letters[i]) && alone(i-1) && alone(i+1)
}
