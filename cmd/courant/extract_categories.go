package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"courant/digest"
	"courant/digest/ingest"
)

// filer files articles as the config says, for commands that need no config
// but heed the one there is, which comes first.
func (p *program) filer() (c Config, file func(input string, a *digest.Article) []ingest.Filed) {
	c, err := p.loadedConfig()
	if _, missing := os.Stat(p.configFile); err != nil && !errors.Is(missing, fs.ErrNotExist) {
		p.tell("courant: %s has faults, so articles are shown without it; courant check tells them", p.configFile)
	}
	if err != nil {
		c = Config{}
	}
	filing := c.filing()
	return c, func(input string, a *digest.Article) []ingest.Filed {
		filing.File(c.sourceAt(input), a)
		if c.sourceAt(input).AllCategories() != nil {
			return nil
		}
		return filing.Categories(a.Terms)
	}
}

// sourceAt is the source that reads an address; zero: there is none.
func (c Config) sourceAt(address string) digest.Source {
	for _, s := range c.Sources {
		if s.URL == address {
			return s
		}
	}
	return digest.Source{}
}

// showFiling says what the publisher files an article under, and which rule
// made a category of it.
func (p *program) showFiling(a digest.Article, why []ingest.Filed) {
	var terms []string
	for _, t := range a.Terms {
		terms = append(terms, fmt.Sprintf("%s (%s)", t.Text, t.From))
	}
	if all := a.AllCategories(); len(all) > 1 {
		fmt.Fprintf(p.stdout, "  %-12s %s\n", "also in", strings.Join(all[1:], ", "))
	}
	if len(terms) > 0 {
		fmt.Fprintf(p.stdout, "  %-12s %s\n", "terms", strings.Join(terms, ", "))
	}
	for _, w := range why {
		if w.Category != w.Term.Text {
			fmt.Fprintf(p.stdout, "  %-12s %s, as the %s %q has the word %q\n", "by rule", w.Category, w.Term.From, w.Term.Text, w.Word)
		}
	}
}
