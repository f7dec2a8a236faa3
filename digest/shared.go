package digest

import (
	"crypto/sha256"
	"fmt"
	"net/url"
	"strings"
	"unicode"
)

// itemMark stands between an address that several articles share and what
// tells one of them from the others. CanonicalURL makes no such text: a "#" in
// it is followed by "!" or "/".
const itemMark = "#item="

// SharedAddress is the address in the canonical form of an article, and
// whether it has it together with others.
func SharedAddress(canonical string) (address string, shared bool) {
	if i := strings.LastIndex(canonical, itemMark); i >= 0 {
		return canonical[:i], true
	}
	return canonical, false
}

// OwnCanonical is the canonical form of an article whose address is that of
// others, too: the address and a mark made of its GUID, else of its link's
// fragment. It is the same from poll to poll, whoever else is in the feed.
// Without either the article has nothing but the address.
func OwnCanonical(a Article) string {
	address, shared := SharedAddress(a.Canonical)
	own := ItemOf(a).own()
	if shared || own == "" {
		return a.Canonical
	}
	return fmt.Sprintf("%s%s%.12x", address, itemMark, sha256.Sum256([]byte(own)))
}

// Item is what tells an article from others at the same address.
type Item struct {
	guid, fragment, title string
	front                 bool // its address is that of the whole site
	words, numbers        map[string]bool
}

// ItemOf is an article as an item.
func ItemOf(a Article) Item {
	address, _ := SharedAddress(a.Canonical)
	i := Item{guid: unversioned(a.GUID), fragment: fragment(a.URL), title: a.Title, front: frontPage(address), words: map[string]bool{}, numbers: map[string]bool{}}
	for _, w := range words(a.Title) {
		i.words[w] = true
		if unicode.IsDigit([]rune(w)[0]) {
			i.numbers[w] = true
		}
	}
	return i
}

// own is what an item has to itself, empty if nothing.
func (i Item) own() string {
	if i.guid == "" && i.fragment != "" {
		return "#" + i.fragment
	}
	return i.guid
}

// Continues says that an item is the article that another item at the same
// address was in an earlier poll. An address is one article's, until GUID and
// headline both say otherwise: GUIDs may change wholesale, and headlines are
// rewritten. Of an address that is known to be shared, or that differs in the
// fragment, they are asked more strictly.
func (i Item) Continues(former Item, shared bool) bool {
	switch {
	case i.own() == former.own():
		return true
	case shared || i.front || i.otherPart(former):
		return i.sameHeadline(former)
	case i.own() == "" || former.own() == "":
		return true
	}
	return Retitled(former.title, i.title)
}

// Apart says that two sources that have one address mean two articles: it is
// a site's front page, or they lead to different parts of one page, and the
// headlines are different ones.
func (i Item) Apart(o Item) bool {
	return (i.front || i.otherPart(o)) && !i.sameHeadline(o)
}

// Repeats says that an item is the same article as another at the same address
// in the same document. A wrong answer here costs news, or tells it twice; so
// two GUIDs are two articles where as their headlines share less than half,
// or count differently: "Version 1.2 is out", "Version 1.3 is out".
func (i Item) Repeats(other Item) bool {
	switch {
	case i.own() == other.own() || i.sameHeadline(other):
		return true
	case i.front || i.otherPart(other):
		return false
	case alike(i.numbers, other.numbers) < min(len(i.numbers), len(other.numbers)):
		return false
	}
	return 2*alike(i.words, other.words) >= min(len(i.words), len(other.words))
}

// otherPart says that two links lead to different parts of one page.
func (i Item) otherPart(o Item) bool {
	return i.fragment != "" && o.fragment != "" && i.fragment != o.fragment
}

// sameHeadline says that one headline has all words of the other.
func (i Item) sameHeadline(o Item) bool {
	few, many := i.words, o.words
	if len(few) > len(many) {
		few, many = many, few
	}
	for w := range few {
		if !many[w] {
			return false
		}
	}
	return true
}

// SameHeadline says that one headline has all words of the other.
func SameHeadline(a, b string) bool {
	return ItemOf(Article{Title: a}).sameHeadline(ItemOf(Article{Title: b}))
}

// alike counts what two headlines have both.
func alike(a, b map[string]bool) (n int) {
	for w := range a {
		if b[w] {
			n++
		}
	}
	return n
}

// words are a headline's words, and figures with what is behind their points;
// characters, where words are not set apart.
func words(s string) (all []string) {
	const point = '\u2024'
	letters := []rune(strings.ToLower(s))
	for i := 1; i+1 < len(letters); i++ {
		if (letters[i] == '.' || letters[i] == ',') && unicode.IsDigit(letters[i-1]) && unicode.IsDigit(letters[i+1]) {
			letters[i] = point
		}
	}
	for _, w := range strings.FieldsFunc(string(letters), func(r rune) bool { return r != point && notInWord(r) }) {
		if letters := []rune(w); unspaced(letters[0]) {
			for _, r := range letters {
				all = append(all, string(r))
			}
			continue
		}
		all = append(all, w)
	}
	return all
}

// unversioned is a GUID without the count of editions that some publishers
// put behind it: "https://example.com/fire#3".
func unversioned(guid string) string {
	if at, count, ok := strings.Cut(guid, "#"); ok && at != "" && count != "" && len(count) <= 3 && strings.Trim(count, "0123456789") == "" {
		return at
	}
	return guid
}

// fragment is the part of the page that a link leads to; empty: all of it.
func fragment(link string) string {
	_, f, _ := strings.Cut(link, "#")
	name, _, _ := strings.Cut(f, "=")
	// Some say there where a click came from, or which words to mark.
	if name = strings.ToLower(name); f == "top" || f == "comments" || f == "respond" || strings.HasPrefix(f, ":~:") || name == "echobox" || tracks(name) {
		return ""
	}
	return f
}

// frontPage says that a canonical address is a site's own, and no article's.
func frontPage(canonical string) bool {
	u, err := url.Parse(canonical)
	return err == nil && u.Path == "/" && u.RawQuery == "" && u.Fragment == ""
}

// TellApart finds among the articles of one document those that have one
// address. repeats says of each whether it is one before it over again. Where
// an address has several articles it identifies none of them: they get forms
// of their own, and shared counts the articles of each such address.
func TellApart(articles []Article) (repeats []bool, shared map[string]int) {
	repeats, shared = make([]bool, len(articles)), map[string]int{}
	kept := map[string][]int{}
	items := make([]Item, len(articles))
	for i, a := range articles {
		if a.Canonical == "" {
			continue
		}
		items[i] = ItemOf(a)
		for _, k := range kept[a.Canonical] {
			if repeats[i] = items[i].Repeats(items[k]); repeats[i] {
				break
			}
		}
		if !repeats[i] {
			kept[a.Canonical] = append(kept[a.Canonical], i)
		}
	}
	for canonical, places := range kept {
		if len(places) == 1 {
			continue
		}
		shared[canonical] = len(places)
		for _, i := range places {
			articles[i].Canonical = OwnCanonical(articles[i])
		}
	}
	return repeats, shared
}
