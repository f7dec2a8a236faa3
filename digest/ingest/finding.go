package ingest

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/html"

	"courant/digest"
)

// reason is a sentence that says what a test found, with a place for each
// thing it was measured by. The tests themselves record theirs, so that what
// editors are shown is what decided, and no second telling of the rules.
type reason string

// finding is what one test says of a candidate.
type finding struct {
	reason reason
	values []any
}

// String is made only where somebody asks: most pages are read unexplained.
func (f finding) String() string {
	if len(f.values) == 0 {
		return string(f.reason)
	}
	return fmt.Sprintf(string(f.reason), f.values...)
}

// verdict is what the tests say of a candidate together. The zero value is
// one that no test has refused.
type verdict struct {
	pros    []finding
	cons    []finding
	refusal int // the first of cons that decides, counted from 1; 0: none
}

// pro records what speaks for a candidate.
func (v *verdict) pro(r reason, values ...any) {
	v.pros = append(v.pros, finding{r, values})
}

// con records what speaks against a candidate and doesn't decide.
func (v *verdict) con(r reason, values ...any) {
	v.cons = append(v.cons, finding{r, values})
}

// must records a rule that was broken. The first one decides.
func (v *verdict) must(kept bool, r reason, values ...any) {
	if kept {
		return
	}
	v.con(r, values...)
	if v.refusal == 0 {
		v.refusal = len(v.cons)
	}
}

func (v *verdict) refused() bool { return v.refusal > 0 }

// What speaks for a list.
const (
	reasonClassPoints    reason = "the name of %s means key points and nothing else"
	reasonClassSummary   reason = "the name of %s often means key points"
	reasonHeadingPoints  reason = "the heading %q means key points"
	reasonHeadingSummary reason = "the heading %q often stands over key points"
	reasonState          reason = "the page's own data calls it so"
	reasonAtTop          reason = "it stands before the first paragraph"
	reasonOnTopic        reason = "%d %% of its words are the article's"
)

// What speaks against a list. Those that must not be are the rules.
const (
	reasonNews       reason = "the page says that it sells something, and its lists praise that"
	reasonNested     reason = "it holds headings or further lists: it lays out the page"
	reasonTerms      reason = "it holds terms and what they mean"
	reasonOneText    reason = "it holds a single text, which is a description and no list of points"
	reasonStandfirst reason = "its name does not say that it holds several points: its paragraphs are one text"
	reasonNamed      reason = "the heading %q names something else"
	reasonUnknown    reason = "the heading %q may name anything"
	reasonUnsure     reason = "a heading that may name anything needs three lines below it, none of them a label, each with a third of its words from the article"
	reasonStateOther reason = "the page's data has it under another article, or does not say under which"
	reasonFurniture  reason = "it stands in %s: menus, sharing, other stories, comments or the like"
	reasonForeign    reason = "it stands under the headline of another article"
	reasonTeaser     reason = "it belongs to another article, %q"
	reasonAbove      reason = "it stands above the headline"
	reasonLate       reason = "%d paragraphs stand before it; what is named so may stand behind %d at most"
	reasonLateText   reason = "%d paragraphs stand before it; only what a heading means as key points may stand behind more than one"
	reasonUnseen     reason = "it stands in %s, which is hidden or belongs to a picture"
	reasonBeside     reason = "nothing names it, and it stands in %s: beside the article, hidden, or with a picture or a by-line"
	reasonBehind     reason = "nothing names it, and paragraphs stand before it (%d)"
	reasonOrdered    reason = "nothing names it, and it is numbered"
	reasonAlike      reason = "its lines say nearly the same, as answers to choose from do"
	reasonSpoken     reason = "nothing names it, and its lines begin with a dash, as speech does"
	reasonNoHeadline reason = "nothing names it, and no headline was found above it"
	reasonSite       reason = "a line is about the site: %q"
	reasonBesideItem reason = "an item is named for something else than a point: %q"
	reasonEmpty      reason = "it has no line about the news"
	reasonMany       reason = "it has too many lines (%d, at most %d)"
	reasonOne        reason = "it has a single line"
	reasonLong       reason = "some of its lines are too long for a point (%d of %d)"
	reasonShort      reason = "too many of its lines are shorter than four words (%d of %d)"
	reasonTerse      reason = "its lines have too few words (%d on average, at least %d)"
	reasonQuestions  reason = "its lines are questions, and points answer them"
	reasonOffers     reason = "its lines offer videos, or things for so much a month"
	reasonFilms      reason = "its lines lead to films: goals, whole matches, how long they take"
	reasonColumns    reason = "it stands in a table that has columns, which compares things"
	reasonFigures    reason = "its rows are figures: prices, hours, measures"
	reasonHeadline   reason = "a line is the headline again, %q, below a call to listen: it lists stories"
	reasonPictures   reason = "nothing names it, and its lines belong to pictures"
	reasonLinked     reason = "too many of its lines are links (%d of %d)"
	reasonLabels     reason = "too many of its lines begin with a label and a colon (%d of %d)"
	reasonAmounts    reason = "too many of its lines begin with an amount, a step or a time (%d of %d)"
	reasonPractical  reason = "too many of its lines give an address, a price, a time or a way to get there (%d of %d)"
	reasonContents   reason = "its lines are the headings of the page: a table of contents"
	reasonStrangers  reason = "too many of its lines share no word with headline, description or body, apart from the commonest of the language (%d of %d)"
	reasonSurer      reason = "another list is surer to hold them"
	reasonLater      reason = "a list that is as sure stands before it"
	reasonPart       reason = "another list has its lines and more"
	reasonShown      reason = "a list that readers see counts for more"
	reasonRuled      reason = "your rule says where the points stand"
	reasonOffTopic   reason = "too few of its words are the article's (%d %%, at least %d)"
)

// within names the nearest element around a region that says something of
// itself. Its name is put together only where somebody reads it.
type within struct {
	o      *outline
	region int
	sign   sign
}

func (w within) String() string {
	for r := w.region; r >= 0; r = w.o.regions[r].parent {
		if w.o.regions[r].sign&w.sign != 0 {
			return label(w.o.regions[r].node)
		}
	}
	return "an element"
}

const maxLabel = 60

// label is an element as a selector would name it: its tag, id and classes.
func label(n *html.Node) string {
	if n == nil {
		return "lines with bullets"
	}
	var b strings.Builder
	b.WriteString(n.Data)
	if id := attribute(n, "id"); id != "" && len(id) <= maxLabel && !strings.ContainsAny(id, space) {
		b.WriteString("#" + escapedName(id))
	}
	for class := range strings.FieldsSeq(attribute(n, "class")) {
		if b.Len()+len(class) > maxLabel {
			break // the others name it as well
		}
		b.WriteString("." + escapedName(class))
	}
	return digest.PlainLine(b.String(), 2*maxLabel) // an editor's terminal must not obey a publisher's class
}

// escapedName is a name as a selector has it: what is no letter, digit, hyphen
// or underscore has a backslash before it, a digit at the beginning its number
// (CSSOM section 2.1, serialize an identifier).
func escapedName(name string) string {
	var b strings.Builder
	for i, r := range name {
		switch {
		case r >= '0' && r <= '9' && (i == 0 || i == 1 && name[0] == '-'):
			fmt.Fprintf(&b, `\%x `, r)
		case r >= utf8.RuneSelf, r == '-', r == '_', r >= '0' && r <= '9', r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z':
			b.WriteRune(r)
		case r < ' ' || r == 0x7f:
			fmt.Fprintf(&b, `\%x `, r)
		default:
			b.WriteByte('\\')
			b.WriteRune(r)
		}
	}
	return b.String()
}
