package publish

import (
	"cmp"
	"slices"
	"strings"
)

// standingKey is a sentence of a source.
type standingKey struct {
	source   int // by its place among the sources
	sentence uint64
}

// sentence is where a sentence of a text ends, and the hash of its words; 0:
// it has too few to be known again.
type sentence struct {
	end  int
	hash uint64
}

// standing finds the sentences that a source puts under pieces about different
// things: who it is, what it costs, how to follow it. They tell nothing of an
// event.
func (f *folding) standing(l *lexicon, leads []lead) map[standingKey]bool {
	firsts := make(map[standingKey]int, 4*len(leads))
	repeated := map[standingKey]bool{}
	sources := map[string]int{}
	for i := range f.tellings {
		t := &f.tellings[i]
		source, known := sources[t.Source]
		if !known {
			source = len(sources)
			sources[t.Source] = source
		}
		leads[i].source = source
		if t.Lead == "" {
			continue // its points are no place for such sentences
		}
		for _, s := range leads[i].sentences {
			if s.hash == 0 {
				continue
			}
			key := standingKey{source, s.hash}
			j, seen := firsts[key]
			switch {
			case !seen:
				firsts[key] = i
			case !repeated[key] && l.strangers(t.Title, f.tellings[j].Title):
				repeated[key] = true
			}
		}
	}
	return repeated
}

// strangers says that two headlines have no word in common that tells
// anything.
func (l *lexicon) strangers(a, b string) bool {
	known := map[string]bool{}
	for _, w := range words(a) {
		known[w] = l.littleIn[w] == 0 && !l.everyday[w]
	}
	for _, w := range words(b) {
		if known[w] {
			return false
		}
	}
	return true
}

// shortSentence is how many words a sentence has at least to be known again.
const shortSentence = 4

// lead is the text that a telling is read by.
type lead struct {
	text      string
	source    int
	sentences []sentence
}

// split finds the sentences of the text a telling is read by. room is for its
// words; it is given back.
func (t *telling) split(room []string) (lead, []string) {
	l := lead{text: cmp.Or(t.Lead, strings.Join(t.Points, "\n"))}
	for end := 0; end < len(l.text); {
		start := end
		end += sentenceEnd(l.text[start:])
		s := sentence{end: end}
		if room = appendWords(room[:0], l.text[start:end]); len(room) >= shortSentence {
			s.hash = hash(room)
		}
		l.sentences = append(l.sentences, s)
	}
	return l, room
}

// without is the text without the sentences that stand under others, too.
func (l lead) without(repeated map[standingKey]bool) string {
	stands := func(s sentence) bool { return s.hash != 0 && repeated[standingKey{l.source, s.hash}] }
	if len(repeated) == 0 || !slices.ContainsFunc(l.sentences, stands) {
		return l.text
	}
	var kept strings.Builder
	start := 0
	for _, s := range l.sentences {
		if !stands(s) {
			kept.WriteString(l.text[start:s.end])
		}
		start = s.end
	}
	return kept.String()
}

// sentenceEnd is how long the first sentence of a text is.
func sentenceEnd(text string) int {
	for i, r := range text {
		switch r {
		case '\n', '。', '！', '？', '؟':
			return i + len(string(r))
		case '.', '!', '?':
			if rest := text[i+1:]; rest == "" || rest[0] == ' ' || rest[0] == '\n' {
				return i + 1
			}
		}
	}
	return len(text)
}
