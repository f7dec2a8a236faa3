package ingest

import (
	"strings"
	"testing"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

func TestSectionsAreNames(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"City":                "City",
		"/world/middle_east/": "middle_east",
		"News > City":         "City",
		"tech,columnist,city": "tech,columnist,city",
		"All that happened in the harbour this year, and what comes of it in the next.": "",
	} {
		if got := sectionName(given); got != want {
			t.Errorf("%q is %q, want %q", given, got, want)
		}
	}
}

func TestDescriptionsEndBeforeACallToReadOn(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"The bridge closes on Monday. Read more":                 "The bridge closes on Monday.",
		"The bridge closes on Monday. It happened nearRead More": "The bridge closes on Monday. It happened near…",
		"Die Brücke schließt am Montag. [...] Weiterlesen »":     "Die Brücke schließt am Montag.",
		"Le pont ferme lundi. Lire la suite":                     "Le pont ferme lundi.",
		"The bridge closes on Monday.":                           "The bridge closes on Monday.",
	} {
		if got := withoutPointer(given); got != want {
			t.Errorf("%q is %q, want %q", given, got, want)
		}
	}
}

func TestHeadlinesLoseLabelsThatTheMetadataHasNot(t *testing.T) {
	t.Parallel()
	title := "Harbour bridge closes for a year after cracks are found"
	for heading, want := range map[string]string{
		`<div><a href="/p">Politics | </a></div><span>` + title + `</span>`: title,
		`<span class="kicker">Harbour</span><span>` + title + `</span>`:     title,
		title + ` <span class="label">Premium</span>`:                       title,
		title + " | Harbour Gazette":                                        title,
		title + " in May":                                                   title + " in May",
		"<ruby>" + title + "<rt>brij</rt></ruby>":                           title,
	} {
		page := strings.Replace(bridgePage("", ""), "<h1>"+bridgeTitle+"</h1>", "<h1>"+heading+"</h1>", 1)
		if got := points(t, page).Title; got != want {
			t.Errorf("%q is %q, want %q", heading, got, want)
		}
	}
}

func TestParsedTagsHaveNoThousandsOfAttributes(t *testing.T) {
	t.Parallel()
	doc, _ := parseHTML([]byte("<html><body><div " + strings.Repeat("a=b c ", 5000) + ">x</div>"))
	for n := range doc.Descendants() {
		if n.Type == html.ElementNode && n.DataAtom == atom.Div && len(n.Attr) > 0 {
			t.Errorf("%d attributes", len(n.Attr))
		}
	}
}
