package publish

import (
	"math/bits"
	"slices"
	"strings"
	"unicode"
)

const (
	// shingle is how many words in a row make one feature of a text.
	shingle = 3
	// fewest is how many shingles a text must have to be compared: "Morning
	// news in brief" stands over another piece each day.
	fewest = 5
	// sieve is how many of the 64 bits may differ between two texts that are
	// looked at closely. It lets pass nearly all pairs that are alike and one
	// in some thousand of the others.
	sieve = 18
)

// fingerprint is what a text is compared by. The zero value is alike nothing.
type fingerprint struct {
	simhash  uint64   // Charikar's: similar sets of shingles differ in few bits
	shingles []uint64 // sorted hashes, each once
}

// read makes the fingerprint of the words of a headline and a lead.
func read(words []string) fingerprint {
	if len(words) < shingle+fewest-1 {
		return fingerprint{}
	}
	f := fingerprint{shingles: make([]uint64, 0, len(words))}
	for i := range len(words) - shingle + 1 {
		f.shingles = append(f.shingles, hash(words[i:i+shingle]))
	}
	slices.Sort(f.shingles)
	f.shingles = slices.Compact(f.shingles)
	var votes [64]int
	for _, h := range f.shingles {
		for bit := range votes {
			votes[bit] += int(h>>bit&1)<<1 - 1
		}
	}
	for bit, v := range votes {
		if v > 0 {
			f.simhash |= 1 << bit
		}
	}
	return f
}

// words splits a text into lower-case words without punctuation. Scripts that
// put no spaces between words give a word per character.
func words(s string) []string { return appendWords(nil, s) }

// appendWords is words for who has a list to add them to.
func appendWords(list []string, s string) []string {
	start := -1
	for i, r := range s {
		alone := unspaced(r)
		inside := !alone && inWord(r)
		if start >= 0 && !inside {
			list = append(list, strings.ToLower(s[start:i]))
			start = -1
		}
		if start < 0 && inside {
			start = i
		}
		if alone {
			list = append(list, string(r))
		}
	}
	if start >= 0 {
		list = append(list, strings.ToLower(s[start:]))
	}
	return list
}

// unspaced says that r is of a script that puts no spaces between words. Thai
// is the first of them in Unicode's order.
func unspaced(r rune) bool {
	return r >= 0x0e00 && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer)
}

func hash(words []string) uint64 {
	h := fnvBasis
	for _, w := range words {
		h = h.add(w).end()
	}
	return h.spread()
}

// fnv is a sum of FNV-1a under way. It is written out because the standard
// library's takes an allocation for each of the million sums of a day's news.
type fnv uint64

const (
	fnvBasis fnv = 14695981039346656037
	fnvPrime fnv = 1099511628211
)

func (h fnv) add(s string) fnv {
	for i := range len(s) {
		h = (h ^ fnv(s[i])) * fnvPrime
	}
	return h
}

// end marks the end of a word by a zero byte.
func (h fnv) end() fnv { return h * fnvPrime }

// spread is the sum itself. FNV leaves the low bits of short inputs too even
// for votes on single bits; two rounds of multiply and shift spread them.
func (h fnv) spread() uint64 {
	x := uint64(h)
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// distance is the number of bits in which two simhashes differ.
func (f fingerprint) distance(g fingerprint) int { return bits.OnesCount64(f.simhash ^ g.simhash) }

// alike says whether two texts tell the same in mostly the same words: at
// least half of all their shingles are in both. The simhash alone would fold
// two strangers now and then, and a reader who had the one would never see the
// other.
func (f fingerprint) alike(g fingerprint) bool {
	if f.shingles == nil || g.shingles == nil || f.distance(g) > sieve {
		return false
	}
	shared, i, j := 0, 0, 0
	for i < len(f.shingles) && j < len(g.shingles) {
		switch a, b := f.shingles[i], g.shingles[j]; {
		case a < b:
			i++
		case a > b:
			j++
		default:
			shared, i, j = shared+1, i+1, j+1
		}
	}
	return 2*shared >= len(f.shingles)+len(g.shingles)-shared
}
