package publish

import "strings"

// standingKey is a sentence of a source.
type standingKey struct {
	source   string
	sentence uint64
}

// standing finds the sentences that a source puts under pieces about different
// things: who it is, what it costs, how to follow it. They tell nothing of an
// event.
func (f *folding) standing(l *lexicon) map[standingKey]bool {
	firsts := map[standingKey]int{}
	repeated := map[standingKey]bool{}
	for i := range f.tellings {
		t := &f.tellings[i]
		without(t.Lead, func(sentence uint64) bool {
			key := standingKey{t.Source, sentence}
			j, seen := firsts[key]
			switch {
			case !seen:
				firsts[key] = i
			case !repeated[key] && l.strangers(t.Title, f.tellings[j].Title):
				repeated[key] = true
			}
			return false
		})
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

// without drops the sentences of a text that standing names by their hash.
func without(text string, standing func(sentence uint64) bool) string {
	var kept strings.Builder
	start := 0
	for start < len(text) {
		end := start + sentenceEnd(text[start:])
		ws := words(text[start:end])
		if len(ws) < shortSentence || !standing(hash(ws)) {
			kept.WriteString(text[start:end])
		}
		start = end
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
