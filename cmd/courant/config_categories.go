package main

import (
	"errors"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"courant/digest"
	"courant/digest/ingest"
)

// readCategory reads what a source is about: one category, or several with the
// main one first.
func readCategory(m *yamlMapping) (main string, several []string) {
	var all []string
	readOneOrItems(m, "category", &all, aLine())
	if m.shape != nil {
		return "", nil
	}
	if path := keyPath(m.path, "category"); m.has("category") && all == nil && !faultyBelow(m.r, path) {
		m.r.fault(m.r.at(path), path, "the list is empty; name a category, or take the key away")
	}
	all = digest.Source{Categories: all}.AllCategories()
	if len(all) == 0 {
		return "", nil
	}
	if len(all) == 1 {
		return all[0], nil
	}
	return all[0], all
}

// readCategories reads the rules that file articles under categories. Their
// order is the editor's, and decides where several fit as well.
func (c *Config) readCategories(m *yamlMapping) {
	rules := m.section("categories")
	if rules.shape != nil {
		words := aWord().shape
		rules.shape.AdditionalProperties = &shape{Type: optional("array"), Items: &words}
		return
	}
	for _, key := range slices.Clone(rules.order) {
		name, err := parseLine(key)
		if err != nil {
			rules.r.fault(rules.places[key], rules.path, "%v", err)
			continue
		}
		rule := ingest.Rule{Category: name}
		readItems(rules, key, &rule.Words, aWord())
		c.Rules = append(c.Rules, rule)
	}
}

// aWord is a word or phrase of a rule.
func aWord() scalar[string] {
	line := aLine()
	return scalar[string]{line.shape, func(v yamlValue) (string, error) {
		s, err := line.read(v)
		switch {
		case err != nil:
			return "", err
		case ingest.SameWord(s) == "":
			return "", errors.New("there is no letter or digit in it, so no article would ever match")
		case strings.Contains(strings.TrimSuffix(s, "*"), "*"):
			return "", errors.New("a * stands at the end of a word only, for any ending")
		}
		return s, nil
	}}
}

// printedCategory is a source's category as the file has it.
func printedCategory(s digest.Source) any {
	if len(s.Categories) > 1 {
		return s.Categories
	}
	return s.Category
}

func printedRule(r ingest.Rule) yaml.MapItem {
	return yaml.MapItem{Key: r.Category, Value: each(r.Words, func(w string) string { return w })}
}

// checkRules judges the rules against each other, the digests and the sources.
// What they do wrong is never more than a doubt: a rule too many harms nobody.
func (c *Config) checkRules(r *configReader) {
	if len(c.Rules) == 0 {
		return
	}
	if _, open := c.categories(); !open && len(c.Sources) > 0 && !faultyBelow(r, "sources") {
		r.warn(r.at("categories"), "categories", "every source has a category of its own, which wins, so no rule is ever asked; take the category of a source away where rules are meant to find it")
	}
	for i, rule := range c.Rules {
		c.checkTaken(r, rule)
		path := keyPath("categories", rule.Category)
		if len(rule.Words) == 0 && !faultyBelow(r, path) {
			r.warn(r.at(path), path, "there are no words, so only what is called %q itself comes into it; name some, or take the key away", rule.Category)
		}
		for _, other := range c.Rules[:i] {
			if ingest.SameWord(other.Category) == ingest.SameWord(rule.Category) {
				r.fault(r.at(path), path, "the category is there already, as %q; keep one of the two", other.Category)
			}
		}
	}
	c.checkWords(r)
}

// checkTaken wants a digest that takes a rule's category.
func (c *Config) checkTaken(r *configReader, rule ingest.Rule) {
	var taken []string
	for _, d := range c.Digests {
		taken = append(taken, d.Categories...)
	}
	if len(taken) == 0 || faultyBelow(r, "digests") || digest.FirstCategory(taken, []string{rule.Category}) != "" {
		return
	}
	slices.Sort(taken)
	path := keyPath("categories", rule.Category)
	r.warn(r.at(path), path, "no digest takes the category %q%s", rule.Category, meantOrKnown(rule.Category, slices.Compact(taken), "the digests take"))
}

// checkWords wants each word under one category. Under two an article gets
// both, which may be meant.
func (c *Config) checkWords(r *configReader) {
	type stands struct{ under, as string }
	first := map[string]stands{}
	for _, rule := range c.Rules {
		first[ingest.SameWord(rule.Category)] = stands{rule.Category, rule.Category}
	}
	for _, rule := range c.Rules {
		path := keyPath("categories", rule.Category)
		for i, word := range rule.Words {
			other, known := first[ingest.SameWord(word)]
			if !known {
				first[ingest.SameWord(word)] = stands{rule.Category, word}
				continue
			}
			item := r.items[path][i]
			switch {
			case other.under == other.as && other.under == rule.Category:
				// Its own name: it matches in any case, and here within tags, too.
			case other.under == rule.Category:
				r.warn(r.at(item), item, "%q is there already, as %q; case, accents and punctuation are no difference", word, other.as)
			case other.under == other.as:
				r.warn(r.at(item), item, "%q is a category of its own; an article with this word is in both", word)
			default:
				r.warn(r.at(item), item, "%q stands under %s, too; an article with it is in both, and %s comes first", word, other.under, other.under)
			}
		}
	}
}
