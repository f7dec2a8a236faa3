package ingest

import (
	"slices"
	"strings"
	"testing"

	"courant/digest"
)

const (
	plantTitle = "Chip maker Orvane builds its first plant in the valley"
	plantBody  = `<p>Chip maker Orvane said on Monday it would build a plant in the valley, its first in the country, with the help of a loan.</p>
<p>The plant is to employ 2,800 people once it produces at full speed, the company said in a statement.</p>
<p>Shares of Orvane rose by seven per cent in early trading, their best day since last November.</p>`
)

var (
	plantPoints = listOf(`<ul class="key-points">`, "Orvane builds a chip plant in the valley for 2,800 people.", "A loan of four billion pays for most of the plant.")
	plantHeaded = "<h3>Key points</h3>" + strings.Replace(plantPoints, ` class="key-points"`, "", 1)
)

// twoStories is a page with something behind its article.
func twoStories(behind string) string {
	return strings.Replace(bridgePage("", ""), "</article>", "</article>"+behind, 1)
}

func TestPointsOfAnotherArticleOnThePageAreNotTaken(t *testing.T) {
	t.Parallel()
	h1, h2 := "<h1>"+plantTitle+"</h1>", "<h2>"+plantTitle+"</h2>"
	pages := map[string]string{
		"article, h1, class":          twoStories("<article>" + h1 + plantPoints + plantBody + "</article>"),
		"article, h1, heading":        twoStories("<article>" + h1 + plantHeaded + plantBody + "</article>"),
		"article, h2":                 twoStories("<article>" + h2 + plantHeaded + plantBody + "</article>"),
		"points above the headline":   twoStories("<article>" + plantPoints + h1 + plantBody + "</article>"),
		"section, h2":                 twoStories(`<section class="story">` + h2 + plantHeaded + plantBody + "</section>"),
		"div, h1":                     twoStories(`<div>` + h1 + plantPoints + plantBody + "</div>"),
		"article within the article":  bridgePage("", "<article>"+h1+plantPoints+plantBody+"</article>"),
		"among the paragraphs":        bridgePage("", h1+plantPoints+plantBody),
		"a card of the same matter":   twoStories(`<article><h3>Ferries take over from the harbour bridge</h3>` + listOf(`<ul class="summary-list">`, bridgePoints...) + "</article>"),
		"a linked headline above it":  bridgePage("", `<div><h3><a href="/ferry">Ferries take over from the harbour bridge</a></h3>`+listOf(`<ul class="summary-list">`, bridgePoints...)+"</div>"),
		"the third article":           twoStories("<article>" + h1 + plantBody + "</article><article><h1>Tram line nine returns to the market square</h1>" + listOf(`<ul class="key-points">`, "The tram returns to the market square in May.", "It runs every ten minutes.") + "<p>The tram line returns to the market square in May and will run every ten minutes.</p></article>"),
		"a headline in its own label": twoStories("<article><header>" + h1 + "<p>By Ann Example, our reporter in the valley</p></header>" + plantPoints + plantBody + "</article>"),
	}
	for name, page := range pages {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if a := points(t, page); a.PointsFrom == digest.PointsPage || strings.Contains(a.Text+strings.Join(a.Points, " "), "Orvane") || a.Title != bridgeTitle {
				t.Errorf("from %s: %q", a.PointsFrom, a.Points)
			}
		})
	}
}

func TestFirstSentencesAndCreditsEndWithTheArticle(t *testing.T) {
	t.Parallel()
	body := `<p>Nobody knows yet when the bridge is going to open.</p>`
	page := `<html lang="en"><head><title>` + bridgeTitle + `</title></head><body><article><h1>` + bridgeTitle + `</h1>` + body +
		`</article><article><h1>` + plantTitle + `</h1>` + plantBody + `<p>This article first appeared in The Valley Times.</p></article></body></html>`
	a := points(t, page)
	if want := []string{"Nobody knows yet when the bridge is going to open."}; !slices.Equal(a.Points, want) || a.Attribution != "" {
		t.Errorf("from %s: %q, credited to %q", a.PointsFrom, a.Points, a.Attribution)
	}
	if a = points(t, strings.Replace(page, body, "<p>It closes.</p>", 1)); len(a.Points) > 0 || strings.Contains(a.Text, "Orvane") {
		t.Errorf("from %s: %q", a.PointsFrom, a.Points)
	}
}

func TestPartsOfOneArticleStayTogether(t *testing.T) {
	t.Parallel()
	list := "<h3>Key points</h3>" + listOf("<ul>", bridgePoints...)
	later := `<p>Inspectors climb into the girders of the bridge every two years, the port authority said, and found the cracks on Friday.</p>
<p>Commuters can take the ferries from the old pier or walk to the road bridge, which is an hour away.</p>`
	pages := map[string]string{
		"the headline twice":            bridgePage("", "<h1>"+bridgeTitle+"</h1>"+later+list),
		"subheadings":                   bridgePage("", "<h2>What the inspectors found in the girders</h2>"+later+list),
		"subheadings that are h1":       bridgePage("", "<h1>What the inspectors found in the girders</h1>"+later+list),
		"subheadings in sections":       bridgePage("", "<section><h2>What the inspectors found in the girders</h2>"+later+list+"</section>"),
		"sections with h1":              bridgePage("", "<section><h1>What the inspectors found in the girders</h1>"+later+list+"</section>"),
		"posts of a live blog":          bridgePage("", "<article><h2>10:30 Inspectors speak about the girders</h2>"+later+"</article>"+list),
		"the text behind another h1":    strings.Replace(bridgePage(list, ""), "<h1>"+bridgeTitle+"</h1>", "<h1>"+bridgeTitle+"</h1><h1>Ferries take over from the old pier for commuters</h1>", 1),
		"a box that calls itself one":   bridgePage("<article>"+list+"</article>", ""),
		"the headline above an article": strings.Replace(strings.Replace(bridgePage(list, ""), "<article>", "", 1), "</h1>", "</h1><article><h2>Ferries take over from the pier</h2>", 1),
	}
	for name, page := range pages {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if a := points(t, page); a.PointsFrom != digest.PointsPage || !slices.Equal(a.Points, bridgePoints) {
				t.Errorf("from %s: %q", a.PointsFrom, a.Points)
			}
		})
	}
}
