package ingest

import (
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"courant/digest"
)

// terms are what the page is filed under, in its publisher's words.
func (m *metadata) terms(headline string) []digest.Term {
	var l termList
	section := m.section()
	l.add(digest.TermSection, section)
	if strings.Contains(section, ",") {
		l.addList(digest.TermSection, section)
	}
	l.add(digest.TermSection, m.meta["article:section"]...)
	l.add(digest.TermSection, m.linked.sections...)
	l.add(digest.TermSection, m.meta["articlesection"]...)
	for _, crumbs := range [][]string{m.linked.crumbs, m.crumbs} {
		for i, step := range crumbs {
			if i == 0 && isHome(step) || squash(plainTitle(step)) == squash(headline) {
				continue
			}
			l.add(digest.TermBreadcrumb, step)
		}
	}
	for _, name := range []string{"article:tag", "og:article:tag", "parsely-tags", "sailthru.tags", "news_keywords", "keywords", "dc.subject", "cxenseparse:taxonomy"} {
		for _, value := range m.meta[name] {
			l.addList(digest.TermTag, value)
		}
	}
	for _, word := range m.linked.keywords {
		l.addList(digest.TermTag, word)
	}
	return l
}

// isHome tells the step of a breadcrumb that is the site itself.
func isHome(step string) bool {
	switch squash(plainTitle(step)) {
	case "home", "homepage", "frontpage", "startseite", "start", "accueil", "inicio", "portada", "home page", "início", "principal", "hjem", "forside", "forsiden", "hem",
		"etusivu", "stronagłówna", "voorpagina", "главная", "首页", "首頁", "ホーム", "홈":
		return true
	}
	return false
}

// maxCrumbs is more than any way to a page is long.
const maxCrumbs = 8

// breadcrumb reads a way to the page that is marked up by class or microdata.
// The first one counts: menus call themselves breadcrumbs, too, further down.
func (m *metadata) breadcrumb(n *html.Node) {
	switch n.DataAtom {
	case atom.Nav, atom.Ol, atom.Ul, atom.Div, atom.Section, atom.P:
	default:
		return
	}
	if m.crumbs != nil || !isBreadcrumb(n) {
		return
	}
	m.crumbs = crumbsWithin(n, []string{})
}

func isBreadcrumb(n *html.Node) bool {
	for _, a := range n.Attr {
		switch a.Key {
		case "class", "id", "aria-label", "itemtype", "typeof", "data-testid":
			if strings.Contains(strings.ToLower(a.Val), "breadcrumb") {
				return true
			}
		}
	}
	return false
}

// crumbsWithin are the links below a node.
func crumbsWithin(n *html.Node, steps []string) []string {
	for c := n.FirstChild; c != nil && len(steps) < maxCrumbs; c = c.NextSibling {
		if c.DataAtom != atom.A {
			steps = crumbsWithin(c, steps)
		} else if s := textOf(c, maxName); s != "" {
			steps = append(steps, s)
		}
	}
	return steps
}
