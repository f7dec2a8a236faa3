package main

import (
	"fmt"

	"courant/digest"
	"courant/digest/lint"
)

// judge holds mails that are about to go out against the rules.
func (c Config) judge(mail []byte, e digest.Edition, v digest.Variant, to digest.Recipient, whole bool) []digest.Finding {
	o := lint.Options{PostalAddress: c.PostalAddress, Given: givenWords(e, v, to), ErrorsOnly: !whole}
	return asFindings(lint.Mail(mail, o))
}

// asFindings puts what lint found in the words that all of Courant has.
func asFindings(list []lint.Finding) []digest.Finding {
	findings := make([]digest.Finding, len(list))
	for i, f := range list {
		row := digest.Finding{What: f.Rule, Subject: foundAt(f)}
		findings[i] = row.Look(f.Finding, f.Advice)
		if f.Severity == lint.Error {
			findings[i] = row.Wrong(f.Finding, f.Advice)
		}
	}
	return findings
}

// foundAt is where a finding was made, for people.
func foundAt(f lint.Finding) string {
	if f.Line == 0 {
		return f.Part
	}
	return fmt.Sprintf("%s line %d", f.Part, f.Line)
}

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
