package ingest

import (
	"slices"
	"strings"
	"testing"

	"courant/digest"
)

const (
	bridgeTitle = "Harbour bridge closes for a year after cracks are found"
	bridgeLead  = "The harbour bridge will close to all traffic on Monday after inspectors found cracks in two of its eight main girders, the port authority said."
	bridgeBody  = `<p>` + bridgeLead + `</p>
<p>Ferries will run every ten minutes from the old pier, and the authority promised that commuters with a season ticket would cross free of charge.</p>
<p>Engineers expect the repair of the girders to take a year and to cost about forty million, most of it paid by the state.</p>
<p>Shop owners on the north bank fear for their trade. "Nobody takes a ferry for a loaf of bread," said one baker, whose family has sold bread there since 1911.</p>`
)

var bridgePoints = []string{
	"Inspectors found cracks in two main girders of the harbour bridge.",
	"Ferries run every ten minutes and are free for commuters.",
	"The repair will take a year and cost forty million.",
}

// bridgePage is an article page with something above and below its body.
func bridgePage(above, below string) string {
	return `<!DOCTYPE html><html lang="en"><head><title>` + bridgeTitle + ` | Harbour Gazette</title>
<meta property="og:title" content="` + bridgeTitle + `"><meta property="og:site_name" content="Harbour Gazette">
<meta name="description" content="Cracks in the girders close the harbour bridge; ferries take over for a year."></head>
<body><nav><ul><li><a href="/">Home</a></li><li><a href="/city">City</a></li></ul></nav>
<main><article><h1>` + bridgeTitle + `</h1>` + above + bridgeBody + below + `</article></main>
<footer><ul><li>About the Gazette</li><li>Terms of use</li></ul></footer></body></html>`
}

func listOf(open string, items ...string) string {
	return open + "<li>" + strings.Join(items, "</li>\n<li>") + "</li></ul>"
}

func points(t *testing.T, page string) digest.Article {
	t.Helper()
	e, err := Extract("fixture", []byte(page), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if e.Kind != KindPage || len(e.Articles) != 1 {
		t.Fatalf("kind %s with %d articles", e.Kind, len(e.Articles))
	}
	return e.Articles[0]
}

func TestPublishersListsAreFound(t *testing.T) {
	t.Parallel()
	list := func(open string) string { return listOf(open, bridgePoints...) }
	paragraphs := "<p>" + strings.Join(bridgePoints, "</p><p>") + "</p>"
	pages := map[string]string{
		"class of the element above":     bridgePage(`<div class="RenderKeyPoints-list"><div><div class="group">`+list("<ul>")+`</div></div></div>`, ""),
		"class of the list":              bridgePage(list(`<ul class="summary-list">`), ""),
		"class in camel case":            bridgePage(list(`<ul class="cnnStryHghLght">`), ""),
		"class with a hash":              bridgePage(list(`<ul class="abstract__a20fee61">`), ""),
		"class of underscores":           bridgePage(`<div class="el__storyhighlights">`+list("<ul>")+`</div>`, ""),
		"class and paragraphs":           bridgePage(`<div class="bi-bulletpoints">`+paragraphs+`</div>`, ""),
		"class of bullets with a font":   bridgePage(list(`<ul class="mol-bullets-with-font">`), ""),
		"a heading that is a paragraph":  bridgePage(`<div class="key-points"><p>What you need to know</p>`+paragraphs+`</div>`, ""),
		"a heading that is bold":         bridgePage(`<div class="key-points"><p><b>Here's what you need to know</b></p>`+paragraphs+`</div>`, ""),
		"a heading that is a div":        bridgePage(`<div class="key-points"><div>Das Wichtigste in Kürze</div>`+paragraphs+`</div>`, ""),
		"a heading that counts, a div":   bridgePage(`<div class="key-points"><div>Five things to know</div>`+paragraphs+`</div>`, ""),
		"class in an aside":              bridgePage("", `<aside class="story-highlights"><h3>Story Highlights</h3>`+list("<ul>")+`</aside>`),
		"test id":                        bridgePage(`<div data-testid="article-key-takeaways">`+list("<ul>")+`</div>`, ""),
		"heading, English":               bridgePage(`<h2>Key points</h2>`+list("<ul>"), ""),
		"heading that is a button":       bridgePage(`<div class="summary"><button aria-expanded="false">Kortversjonen</button><div hidden>`+list("<ul>")+`</div></div>`, ""),
		"heading that counts":            bridgePage(`<h3>3 things to know</h3>`+strings.ReplaceAll(list("<ol>"), "</ul>", "</ol>"), ""),
		"heading, Danish, of an aside":   bridgePage(`<aside class="facts"><h2>Det korte af det lange</h2>`+list("<ul>")+`</aside>`, ""),
		"headings with bullets":          bridgePage("<div><h2>• "+strings.Join(bridgePoints, "</h2><h2>• ")+"</h2></div>", ""),
		"class of a glance":              bridgePage(`<div class="at-a-glance">`+paragraphs+`</div>`, ""),
		"points of their own below":      bridgePage(`<h3>Key points</h3><ul><li>`+strings.Join(bridgePoints, `<ul><li>The port authority said so on Monday morning.</li></ul></li><li>`)+`</li></ul>`, ""),
		"a list for each":                bridgePage(`<h3>Key points</h3><ul><li>`+strings.Join(bridgePoints, `</li></ul><ul><li>`)+`</li></ul>`, ""),
		"meanings of a heading":          bridgePage(`<dl><dt>Key points</dt><dd>`+strings.Join(bridgePoints, `</dd><dd>`)+`</dd></dl>`, ""),
		"lines of a box":                 bridgePage(`<div class="key-points">`+strings.Join(bridgePoints, `<br>`)+`</div>`, ""),
		"ticks":                          bridgePage(`<ul class="key-points"><li><span>✔</span> `+strings.Join(bridgePoints, `</li><li><span>✔</span> `)+`</li></ul>`, ""),
		"numbers of their own":           bridgePage(`<ul class="key-points"><li><span>1</span> `+bridgePoints[0]+`</li><li><span>2</span> `+bridgePoints[1]+`</li><li><span>3</span> `+bridgePoints[2]+`</li></ul>`, ""),
		"calls to read on":               bridgePage(`<ul class="key-points"><li>`+strings.Join(bridgePoints, ` <a href="/more">Read more</a></li><li>`)+`</li></ul>`, ""),
		"heading with a colon":           bridgePage(`<p><strong>Key Takeaways:</strong></p>`+list("<ul>"), ""),
		"heading in capitals":            bridgePage(`<div><b>STORY HIGHLIGHTS</b></div>`+list("<ul>"), ""),
		"heading behind the text":        bridgePage("", `<h2>Key takeaways</h2>`+list("<ul>")),
		"weak heading at the top":        bridgePage(`<h3>Highlights</h3>`+list("<ul>"), ""),
		"heading, German":                bridgePage(`<h3>Das Wichtigste in Kürze</h3>`+list("<ul>"), ""),
		"heading, Swiss":                 bridgePage(`<div type="typeInfoboxSummary"><h3>Darum geht’s</h3><svg><use/></svg>`+list("<ul>")+`</div>`, ""),
		"heading, French":                bridgePage(`<h2>L’essentiel</h2>`+list("<ul>"), ""),
		"heading, Spanish":               bridgePage(`<p>Puntos clave</p>`+list("<ul>"), ""),
		"heading, Portuguese":            bridgePage(`<h2>Em resumo</h2>`+list("<ul>"), ""),
		"heading, Italian":               bridgePage(`<h2>In sintesi</h2>`+list("<ul>"), ""),
		"heading, Danish":                bridgePage(`<h2>Kort fortalt</h2>`+list("<ul>"), ""),
		"heading, Dutch":                 bridgePage(`<h2>In het kort</h2>`+list("<ul>"), ""),
		"heading, Polish":                bridgePage(`<h2>Najważniejsze informacje</h2>`+list("<ul>"), ""),
		"heading, Russian":               bridgePage(`<h2>Главное</h2>`+list("<ul>"), ""),
		"heading, Japanese":              bridgePage(`<h2>この記事のポイント</h2>`+list("<ul>"), ""),
		"bare list":                      bridgePage(list("<ul>"), ""),
		"bare list below the standfirst": bridgePage(`<p class="dek">Cracks in the girders close the harbour bridge; ferries take over for a year.</p><div class="byline">By Ann Example</div>`+list("<ul>"), ""),
		"bulleted paragraphs":            bridgePage("<p>• "+strings.Join(bridgePoints, "</p><p>• ")+"</p>", ""),
		"bulleted lines":                 bridgePage("<p>• "+strings.Join(bridgePoints, "<br>• ")+"</p>", ""),
		"a list for each point":          bridgePage(`<div class="key-points">`+listOf("<ul>", bridgePoints[0])+listOf("<ul>", bridgePoints[1])+listOf("<ul>", bridgePoints[2])+`</div>`, ""),
		"points in paragraphs in items":  bridgePage(`<h3>Key points</h3><ul><li><p>`+strings.Join(bridgePoints, "</p></li><li><p>")+`</p></li></ul>`, ""),
		"twice on the page":              bridgePage(list(`<ul class="key-points">`), `<div class="teaser"><h2>Key points</h2>`+list("<ul>")+`</div>`),
		"the same point twice":           bridgePage(listOf(`<ul class="key-points">`, append(slices.Clone(bridgePoints), "The repair will take  a year and cost forty&nbsp;million.")...), ""),
		"links within the points":        bridgePage(strings.ReplaceAll(list(`<ul class="key-points">`), "girders", `<a href="/girders">girders</a>`), ""),
		"entities and white space":       bridgePage(`<ul class="key-points">`+strings.ReplaceAll(list(""), " ", "&nbsp;\n  "), ""),
		"a pointer home behind them":     bridgePage(listOf(`<ul class="summary-list">`, append(slices.Clone(bridgePoints), `<a href="/">Visit Harbour Gazette's homepage for more stories</a>.`)...), ""),
		"a call to subscribe among them": bridgePage(listOf(`<ul class="summary-list">`, bridgePoints[0], bridgePoints[1], "Subscribe now to read more about the bridge", bridgePoints[2]), ""),
		"a script in a point":            bridgePage(strings.Replace(list(`<ul class="key-points">`), "<li>", `<li><script>alert("cracks")</script>`, 1), ""),
	}
	for name, page := range pages {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := points(t, page)
			if a.PointsFrom != digest.PointsPage || !slices.Equal(a.Points, bridgePoints) {
				t.Errorf("from %s: %q", a.PointsFrom, a.Points)
			}
			if a.Title != bridgeTitle || a.Site != "Harbour Gazette" {
				t.Errorf("title %q site %q", a.Title, a.Site)
			}
		})
	}
}

func TestOtherListsAreNoKeyPoints(t *testing.T) {
	t.Parallel()
	linked := `<a href="/1">Harbour bridge closed: how to get to work</a></li><li><a href="/2">Ferry fares rise again in the harbour</a></li><li><a href="/3">Baker on the north bank tells of a hard year</a>`
	body := strings.NewReplacer("<p>", "<li>", "</p>", "</li>").Replace(bridgeBody)
	longBody := strings.Repeat(bridgeBody, 4)
	pages := map[string]string{
		"share tools":                   bridgePage(listOf("<ul>", "Share on Facebook", "Share this story by e-mail with friends", "Print this article for later reading"), ""),
		"share tools in words of ours":  bridgePage(listOf(`<ul class="share-summary">`, bridgePoints...), ""),
		"section index":                 bridgePage(`<h2>Highlights</h2><ul><li>`+linked+`</li></ul>`, ""),
		"section index of strong words": bridgePage(`<h2>Key points</h2><ul><li>`+linked+`</li></ul>`, ""),
		"latest news":                   bridgePage(`<h3>Latest news</h3>`+listOf("<ul>", "Council votes on a new tram line next week", "Storm expected on the coast by Thursday evening", "Museum reopens after two years of works"), ""),
		"latest news without heading":   bridgePage(listOf("<ul>", "Council votes on a new tram line next week", "Storm expected on the coast by Thursday evening", "Museum reopens after two years of works"), ""),
		"pictures":                      bridgePage("<ul><li><img src=a.jpg>"+strings.Join(bridgePoints, "</li><li><img src=b.jpg>")+"</li></ul>", ""),
		"questions":                     bridgePage("<h3>Overview</h3>"+listOf("<ul>", "What did the inspectors find in the harbour bridge?", "How do ferries run for commuters?", "Who pays for the repair of the girders?"), ""),
		"labels of a review":            bridgePage("<h3>At a glance</h3>"+listOf("<ul>", "Bridge: two girders with cracks, eight in all", "Ferries: every ten minutes from the pier", "Author: Ann Example, harbour bridge reporter"), ""),
		"also read, a paragraph":        bridgePage(`<p>Also read</p>`+listOf("<ul>", bridgePoints...), ""),
		"also read, bold":               bridgePage(`<div><b>Lees ook:</b>`+listOf("<ul>", bridgePoints...)+`</div>`, ""),
		"also read, of a feed":          bridgePage(`<p><strong>Mehr zum Thema</strong></p>`+listOf("<ul>", bridgePoints...), ""),
		"also read, French":             bridgePage(`<div class="box"><p>À lire également</p>`+listOf("<ul>", bridgePoints...)+`</div>`, ""),
		"related by class":              bridgePage(listOf(`<ul class="related-stories">`, bridgePoints...), ""),
		"line-up":                       bridgePage(`<h3>Highlights</h3>`+listOf("<ul>", "The Girders", "Bridge Club", "DJ Ferry", "Harbour Choir"), ""),
		"credits":                       bridgePage(listOf("<ul>", "Reporting: Ann Example and the harbour desk", "Photographs: Bob Example of the port authority", "Editing: Carla Example for the harbour bridge desk"), ""),
		"shop steps":                    bridgePage(`<h3>Summary</h3>`+listOf("<ul>", "Step 1: choose your harbour bridge print", "Step 2: add the bridge print to your cart", "Step 3: pay for the ferry of your print"), ""),
		"ingredients":                   bridgePage(`<h3>Summary</h3>`+listOf("<ul>", "200 g harbour shrimps from the bridge market", "2 tbsp oil for the girders of the grill", "1 cup of ferries' best cream, cold"), ""),
		"ordered list":                  bridgePage(strings.ReplaceAll(listOf("<ol>", bridgePoints...), "</ul>", "</ol>"), ""),
		"table of contents":             bridgePage(listOf("<ul>", "What the inspectors found in the harbour bridge", "How the ferries will run for a year", "Who pays for the repair of the girders"), "<h2>What the inspectors found in the harbour bridge</h2><p>x</p><h2>How the ferries will run for a year</h2><p>x</p><h2>Who pays for the repair of the girders</h2>"),
		"list in mid-text":              bridgePage("", `<p>Ferries leave from the old pier, the port authority said, and call at three places on the north bank.</p>`+listOf("<ul>", bridgePoints...)),
		"weak heading in mid-text":      bridgePage("", `<h2>Summary</h2>`+listOf("<ul>", bridgePoints...)),
		"list with another heading":     bridgePage(`<h3>Ferry times</h3>`+listOf("<ul>", bridgePoints...), ""),
		"class says summary, holds all": bridgePage("", `<div class="article-summary">`+longBody+`</div>`),
		"class says summary, list too":  bridgePage("", `<div class="summary"><ul>`+body+`</ul></div>`),
		"class highlight is colouring":  bridgePage("", `<div class="highlight"><pre>$ bridge --close\n$ ferry --start</pre></div>`+listOf(`<ul class="highlight">`, "bridge close harbour", "ferry start pier")),
		"class abstract, one paragraph": bridgePage(`<blockquote class="abstract">`+bridgeLead+`</blockquote>`, ""),
		"teasers of other stories":      bridgePage("", `<section class="more"><div class="summary">`+listOf("<ul>", "Tram line 9 returns to the market square", "Storm felled forty trees in the park")+`</div></section>`),
		"other stories, strong words":   bridgePage("", `<div class="key-points">`+listOf("<ul>", "Tram line 9 returns to the market square", "Storm felled forty trees in the park")+`</div>`),
		"standfirst of two paragraphs":  bridgePage(`<div class="article-summary"><p>`+bridgePoints[0]+`</p><p>`+bridgePoints[1]+`</p></div>`, ""),
		"a shop's page":                 strings.Replace(bridgePage(`<h3>Key points</h3>`+listOf("<ul>", bridgePoints...), ""), "<head>", `<head><meta property="og:type" content="product">`, 1),
		"goods by JSON-LD":              strings.Replace(bridgePage(listOf(`<ul class="key-points">`, bridgePoints...), ""), "<head>", `<head><script type="application/ld+json">{"@type":"Product","name":"Bridge print"}</script>`, 1),
		"a box of facts at the end":     bridgePage("", `<h3>At a glance</h3>`+listOf("<ul>", bridgePoints...)),
		"answers to choose from":        bridgePage(listOf("<ul>", "The harbour bridge closes for a year from Monday", "The harbour bridge closes for a month from Monday", "The harbour bridge closes for a week from Monday"), ""),
		"buttons that say what to do":   bridgePage(`<div class="summary"><button>Share</button><div hidden>`+listOf("<ul>", bridgePoints...)+`</div></div>`, ""),
		"names of people":               bridgePage(listOf("<ul>", "Ann Example", "Bob Example", "Carla Example"), ""),
		"hidden menu":                   bridgePage(listOf(`<ul style="display: none">`, bridgePoints...), ""),
		"comments":                      bridgePage("", `<div id="comments"><h3>Highlights</h3>`+listOf("<ul>", bridgePoints...)+`</div>`),
		"paywall":                       bridgePage(listOf(`<ul class="key-points">`, "You've reached your daily free article limit on the harbour bridge.", "Subscribe now to read about the girders", "Already a subscriber? Sign in to the harbour"), ""),
		"nothing at all":                bridgePage("", ""),
	}
	for name, page := range pages {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := points(t, page)
			if a.PointsFrom == digest.PointsPage {
				t.Errorf("taken for key points: %q", a.Points)
			}
			if a.PointsFrom != digest.PointsDescription || !strings.HasPrefix(a.Points[0], "Cracks in the girders") {
				t.Errorf("from %s: %q, want the description first", a.PointsFrom, a.Points)
			}
		})
	}
}

func TestFallbacksComeInTheirOrder(t *testing.T) {
	t.Parallel()
	without := func(page, what string) string { return strings.ReplaceAll(page, what, "") }
	page := bridgePage("", "")
	description := "Cracks in the girders close the harbour bridge; ferries take over for a year."
	withDescription := func(d string) string { return strings.ReplaceAll(page, description, d) }
	tests := map[string]struct {
		page string
		from digest.PointsFrom
	}{
		"a real sentence":         {page, digest.PointsDescription},
		"none":                    {without(page, description), digest.PointsLead},
		"too short":               {withDescription("The bridge closes."), digest.PointsLead},
		"the headline again":      {withDescription(bridgeTitle), digest.PointsLead},
		"the body cut off":        {withDescription("The harbour bridge will close to all traffic on Monday after inspectors found ..."), digest.PointsLead},
		"the site's slogan":       {withDescription("Breaking news, sport and weather from your favourite region, every day."), digest.PointsLead},
		"a paywall":               {withDescription("Subscribe to the Harbour Gazette to read this story about the bridge."), digest.PointsLead},
		"neither it nor any text": {`<html><head><title>Harbour bridge closes again</title></head><body><h1>Harbour bridge closes again</h1></body></html>`, digest.PointsNone},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := points(t, test.page)
			if a.PointsFrom != test.from {
				t.Errorf("from %s: %q, want %s", a.PointsFrom, a.Points, test.from)
			}
			if test.from == digest.PointsLead && (len(a.Points) != 3 || a.Points[0] != bridgeLead) {
				t.Errorf("lead %q", a.Points)
			}
		})
	}
}

func TestLeadLeavesOutBylinesAndDatelines(t *testing.T) {
	t.Parallel()
	page := `<h1>` + bridgeTitle + `</h1><p>By Ann Example, harbour correspondent of the Gazette</p><p>Published: 3 March 2026, 08:15, updated a little later</p>
<p>Read more: everything we know about the harbour bridge and its girders</p><p>HARBOUR CITY, March 3 (Wire) — ` + bridgeLead + `</p><p>Short one.</p>`
	a := points(t, "<html><body>"+page)
	if a.PointsFrom != digest.PointsLead || !slices.Equal(a.Points, []string{bridgeLead}) {
		t.Errorf("from %s: %q", a.PointsFrom, a.Points)
	}
}
