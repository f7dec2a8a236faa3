package publish

import (
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// swaps is how much of what a headline is about has to be missing from the
// other text, on both sides, for two headlines that share much to be about two
// things.
const (
	swaps = 0.25
	// kindred is how much headlines of one event, or of one kind of event, share.
	kindred = 0.4
)

// framed says that two headlines are one with something else in its midst:
// they begin and end alike for at least three fifths of their words.
func framed(a, b []string) bool {
	shorter, longer := min(len(a), len(b)), max(len(a), len(b))
	start, end := 0, 0
	for start < shorter && a[start] == b[start] {
		start++
	}
	for end < shorter-start && a[len(a)-1-end] == b[len(b)-1-end] {
		end++
	}
	return 5*(start+end) >= 3*longer
}

// falls says that of two tellings a day or more apart the later one counts
// fewer dead. Within a day sources count differently.
func falls(t, o *telling) bool {
	if t.at.After(o.at) {
		t, o = o, t
	}
	return o.at.Sub(t.at) >= 24*time.Hour && o.deaths > 0 && o.deaths < t.deaths
}

// another says that a headline counts the event as one of several of which the
// other text knows nothing: "second", "10th".
func (r *reading) another(o *reading) bool {
	return slices.ContainsFunc(r.ordinals, func(id uint64) bool { return !o.has(id) })
}

// earlierStage says that a headline tells of a stage that the other text doesn't
// name, while the other headline tells who won.
func (r *reading) earlierStage(o *reading) bool {
	return o.wins && slices.ContainsFunc(r.stages, func(id uint64) bool { return !o.has(id) })
}

// has says that a text has a term.
func (r *reading) has(id uint64) bool {
	_, ok := r.find(id)
	return ok
}

// isOrdinal says that a lower-case word counts events.
func (l *lexicon) isOrdinal(w string) bool {
	if l.ordinals[w] {
		return true
	}
	digits := strings.TrimRightFunc(w, unicode.IsLetter)
	return digits != "" && len(digits) < 4 && isNumber(w) && slices.Contains([]string{"st", "nd", "rd", "th", "e", "ème"}, w[len(digits):])
}

// shouted says that a headline is in capitals only, so that they are no sign
// of anything.
func shouted(title string) bool {
	capitals := 0
	for _, r := range title {
		if unicode.IsLower(r) {
			return false
		}
		if unicode.IsUpper(r) {
			capitals++
		}
	}
	return capitals > fewCapitals
}

// fewCapitals is how many capitals "US GDP UP" may have.
const fewCapitals = 12

// spoken gives a shouted headline the spelling that the lead has. A word that
// the lead doesn't have may be a name.
func spoken(title, lead string) string {
	spelled := map[string]string{}
	for _, w := range strings.FieldsFunc(lead, func(r rune) bool { return !inWord(r) }) {
		if lower := strings.ToLower(w); spelled[lower] == "" || w == lower {
			spelled[lower] = w
		}
	}
	var b strings.Builder
	add := func(w string) {
		if as, ok := spelled[w]; ok {
			b.WriteString(as)
			return
		}
		r, size := utf8.DecodeRuneInString(w)
		b.WriteRune(unicode.ToUpper(r))
		b.WriteString(w[size:])
	}
	lower := strings.ToLower(title)
	start := -1
	for i, r := range lower {
		switch {
		case inWord(r) && start < 0:
			start = i
		case !inWord(r):
			if start >= 0 {
				add(lower[start:i])
				start = -1
			}
			b.WriteRune(r)
		}
	}
	if start >= 0 {
		add(lower[start:])
	}
	return b.String()
}
