package main

import (
	"courant/digest"
)

// givenWords are the words that an edition's articles and its reader brought.
// They may look like anything, a template's tag too.
func givenWords(e digest.Edition, v digest.Variant, to digest.Recipient) []string {
	words := []string{e.Title, to.Name}
	for _, s := range v.Stories {
		words = append(words, s.Title, s.Category, s.Source, s.Site, s.Attribution, s.Image.Alt)
		words = append(words, s.Points...)
		for _, a := range s.Also {
			words = append(words, a.Source)
		}
	}
	return words
}
