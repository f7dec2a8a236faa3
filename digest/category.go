package digest

import (
	"slices"
	"strings"
)

// Term is a word or phrase that a publisher files an article under, as the
// publisher writes it.
type Term struct {
	Text string
	From TermFrom
}

// TermFrom says where a term stood, which is how much it says: a section is
// what the article belongs to, a tag is something it speaks of.
type TermFrom string

// Where terms stand, strongest first.
const (
	TermSection    TermFrom = "section"    // article:section, articleSection: the page's own place
	TermFeed       TermFrom = "feed"       // a category of the feed's item
	TermBreadcrumb TermFrom = "breadcrumb" // a step of the way to the page
	TermTag        TermFrom = "tag"        // article:tag, keywords, about, a JSON Feed's tags
)

// AllCategories are the categories a source gives its articles, the main one
// first; nil: they bring their own.
func (s Source) AllCategories() []string { return allCategories(s.Category, s.Categories) }

// AllCategories are the article's categories, the main one first; nil: none.
func (a Article) AllCategories() []string { return allCategories(a.Category, a.Categories) }

// AllCategories are the story's categories, the section it stands in first;
// nil: none.
func (t Told) AllCategories() []string { return allCategories(t.Category, t.Categories) }

// allCategories puts the main one first and drops what stands there twice.
func allCategories(main string, all []string) []string {
	var kept []string
	for _, c := range append([]string{main}, all...) {
		if c != "" && !containsFold(kept, c) {
			kept = append(kept, c)
		}
	}
	return kept
}

// FirstCategory is the first of offered that is among categories, as it is
// written in offered: an editor's order decides. Letters' case is no
// difference. It is empty where they share none.
func FirstCategory(offered, categories []string) string {
	for _, c := range offered {
		if containsFold(categories, c) {
			return c
		}
	}
	return ""
}

func containsFold(list []string, s string) bool {
	return slices.ContainsFunc(list, func(t string) bool { return strings.EqualFold(s, t) })
}
