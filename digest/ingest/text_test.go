package ingest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"courant/digest"
)

// bridgeText is a page copied as text, with everything such copies bring.
const bridgeText = `City

Harbour bridge closes for a year after cracks are found — and ferries take over

  • Inspectors found cracks in  two main girders of the harbour bridge.
  • Ferries run every ten minutes and are free for “commuters.”
  • The repair will take a year and cost forty million.

The harbour bridge will close to all traffic on Monday after inspectors found cracks in two of its eight main girders, the port authority said.

Ferries will run every ten minutes from the old pier, and commuters with a season ticket cross free of charge. The repair takes a year.



You've reached your daily free article limit.

Subscribe and support our reporters to continue reading.

Get Full Ad-Free Access For Just $0.50/Week

Enjoy unlimited digital access to our harbour coverage. Already a subscriber?
  • Inspectors found cracks in  two main girders of the harbour bridge.
  • Ferries run every ten minutes and are free for “commuters.”
  • The repair will take a year and cost forty million.

The harbour bridge will close to all traffic on Monday after inspectors found cracks in two of its eight main girders, the port authority said.

Read the whole story from Coast Courier.

Featured image courtesy of the port

About PIERSIDE News Team View All Posts

The PIERSIDE News Team is a collective of harbour reporters. Ann Example is its editor.

COMMENTS

You must become a subscriber or login to view or post comments on this article.

More from PIERSIDE

REAL HARBOURS.
REAL NEWS.

Join PIERSIDE for insider access and analysis.

TRY 14 DAYS FREE

Already a subscriber? Log In`

var textPoints = []string{
	"Inspectors found cracks in two main girders of the harbour bridge.",
	"Ferries run every ten minutes and are free for “commuters.”",
	"The repair will take a year and cost forty million.",
}

func text(t *testing.T, s string) digest.Article {
	t.Helper()
	e, err := Extract("fixture", []byte(s), Options{Now: testNow})
	if err != nil {
		t.Fatal(err)
	}
	if e.Kind != KindText || len(e.Articles) != 1 || e.Title != e.Articles[0].Title {
		t.Fatalf("kind %s, title %q", e.Kind, e.Title)
	}
	return e.Articles[0]
}

func TestTextOfAPageIsReadAsAnArticle(t *testing.T) {
	t.Parallel()
	a := text(t, bridgeText)
	if a.Category != "City" || a.Title != "Harbour bridge closes for a year after cracks are found — and ferries take over" {
		t.Errorf("category %q, title %q", a.Category, a.Title)
	}
	if a.PointsFrom != digest.PointsPage || !slices.Equal(a.Points, textPoints) {
		t.Errorf("from %s: %q", a.PointsFrom, a.Points)
	}
	if a.Attribution != "Coast Courier" || a.Site != "PIERSIDE" {
		t.Errorf("attribution %q, site %q", a.Attribution, a.Site)
	}
	for _, word := range []string{"Subscribe", "limit", "Already", "courtesy"} {
		if strings.Contains(a.Lead, word) {
			t.Errorf("%s in the lead: %q", word, a.Lead)
		}
	}
}

func TestEveryKindOfBulletIsABullet(t *testing.T) {
	t.Parallel()
	for _, mark := range []string{"•", "-", "*", "–", "·", "▪", "●", "✓", "▶", "‣", "\t•", "→", "1."} {
		a := text(t, strings.ReplaceAll(bridgeText, "  •", mark))
		if !slices.Equal(a.Points, textPoints) {
			t.Errorf("%q: from %s %q", mark, a.PointsFrom, a.Points)
		}
	}
	for _, form := range []string{"%d.", "%d)", "(%d)"} {
		counted, n := bridgeText, 0
		for strings.Contains(counted, "  •") {
			n++
			counted = strings.Replace(counted, "  •", fmt.Sprintf(form, n), 1)
		}
		if a := text(t, counted); !slices.Equal(a.Points, textPoints) {
			t.Errorf("%q: from %s %q", form, a.PointsFrom, a.Points)
		}
	}
	wrapped := strings.ReplaceAll(bridgeText, " of the harbour bridge.\n", "\n    of the harbour bridge.\n")
	if a := text(t, wrapped); !slices.Equal(a.Points, textPoints) {
		t.Errorf("wrapped: %q", a.Points)
	}
	if a := text(t, strings.ReplaceAll(bridgeText, "\n", "\r\n")); !slices.Equal(a.Points, textPoints) {
		t.Errorf("line ends: %q", a.Points)
	}
}

func TestTextHeadsAreTold(t *testing.T) {
	t.Parallel()
	body := "\n\n" + bridgeLead + "\n\nFerries will run every ten minutes from the old pier.\n"
	tests := map[string]struct{ text, category, title, author string }{
		"headline only":    {bridgeTitle + body, "", bridgeTitle, ""},
		"category":         {"World News\n" + bridgeTitle + body, "World News", bridgeTitle, ""},
		"path":             {"Home > City > Harbour\n\n" + bridgeTitle + body, "Harbour", bridgeTitle, ""},
		"short headline":   {"City\n\nBridge closes after cracks" + body, "City", "Bridge closes after cracks", ""},
		"by-line and date": {bridgeTitle + "\nBy Ann Example\nMarch 2, 2026" + body, "", bridgeTitle, "Ann Example"},
		"labels":           {"Category: City\nTitle: " + bridgeTitle + "\nAuthor: Ann Example" + body, "City", bridgeTitle, "Ann Example"},
		"hash marks":       {"# " + bridgeTitle + body, "", bridgeTitle, ""},
		"paywall on top":   {"Already a subscriber? Log in\n\n" + bridgeTitle + body, "", bridgeTitle, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := text(t, test.text)
			if a.Category != test.category || a.Title != test.title || a.Author != test.author {
				t.Errorf("category %q, title %q, author %q", a.Category, a.Title, a.Author)
			}
			if a.PointsFrom != digest.PointsLead || len(a.Points) == 0 || a.Points[0] != bridgeLead {
				t.Errorf("from %s: %q", a.PointsFrom, a.Points)
			}
		})
	}
}

func TestBulletsOfTheSiteAreNoPoints(t *testing.T) {
	t.Parallel()
	body := "\n\n" + bridgeLead + "\n\nFerries will run every ten minutes from the old pier.\n"
	for name, s := range map[string]string{
		"share tools":    bridgeTitle + "\n\n• Share on Facebook\n• Tweet this\n• Print" + body,
		"behind the end": bridgeTitle + body + "\nMore from PIERSIDE\n\n• Council votes on a new tram line next week\n• Storm expected on the coast by Thursday",
		"in mid-text":    bridgeTitle + body + "\nThe port authority named the piers from which the ferries will leave every ten minutes of the day.\n\n• " + strings.Join(bridgePoints, "\n• "),
	} {
		if a := text(t, s); a.PointsFrom != digest.PointsLead {
			t.Errorf("%s: from %s: %q", name, a.PointsFrom, a.Points)
		}
	}
}

func TestAttributionNamesAPublication(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"Read the whole story from Business Wire.":                        "Business Wire",
		"Read the full article at The Coast Courier":                      "The Coast Courier",
		"This article originally appeared on Coast Courier.":              "Coast Courier",
		"This story was first published by the Harbour Tribune.":          "the Harbour Tribune",
		"Originally published in Pier & Quay Magazine, March 2026":        "Pier & Quay Magazine",
		"Source: Coast Courier":                                           "Coast Courier",
		"Den ganzen Artikel lesen Sie bei Küstenblatt.":                   "Küstenblatt",
		"Republished from The Conversation under a licence.":              "The Conversation",
		"The full report from the inspectors is due in May.":              "",
		"Originally published on 3 May 2024":                              "",
		"First published on Monday at noon":                               "",
		"Read the whole story from the beginning":                         "",
		"Read more about the bridge.":                                     "",
		"She read the whole story from beginning to end.":                 "",
		"The rest of the story is well known to everyone in the harbour.": "",
	}
	for line, want := range tests {
		if got := attribution(line); got != want {
			t.Errorf("%q credits %q, want %q", line, got, want)
		}
	}
}
