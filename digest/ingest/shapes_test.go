package ingest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"courant/digest"
)

// TestPartsOfPageBuildersHoldPoints are articles put together from parts that
// the builders call widgets, modules and blocks.
func TestPartsOfPageBuildersHoldPoints(t *testing.T) {
	t.Parallel()
	list, head := listOf(`<ul>`, bridgePoints...), `<h3>Key points</h3>`
	checkPoints(t, map[string]string{
		"elementor":               `<div class="elementor-widget elementor-widget-text-editor"><div class="elementor-widget-container">` + head + list + `</div></div>`,
		"elementor, a list":       `<section class="elementor-section"><div class="elementor-widget elementor-widget-heading"><div class="elementor-widget-container"><h4>Key points</h4></div></div><div class="elementor-element elementor-widget elementor-widget-icon-list" data-element_type="widget"><div class="elementor-widget-container">` + list + `</div></div></section>`,
		"elementor, wrapped":      `<div class="elementor-column"><div class="elementor-widget-wrap elementor-element-populated">` + head + list + `</div></div>`,
		"origin":                  `<div class="so-panel widget widget_sow-editor"><div class="so-widget-sow-editor"><div class="siteorigin-widget-tinymce textwidget">` + head + list + `</div></div></div>`,
		"blocks":                  `<div class="wp-block-group has-background"><div class="wp-block-group__inner-container">` + head + `<ul class="wp-block-list">` + strings.TrimPrefix(list, "<ul>") + `</div></div>`,
		"rows":                    `<div class="vc_row wpb_row vc_row-fluid"><div class="wpb_column vc_column_container vc_col-sm-12"><div class="vc_column-inner"><div class="wpb_wrapper">` + head + list + `</div></div></div></div>`,
		"modules":                 `<div class="et_pb_module et_pb_text et_pb_text_0"><div class="et_pb_text_inner">` + head + list + `</div></div>`,
		"bricks":                  `<div class="brxe-block"><h3 class="brxe-heading">Key points</h3><div class="brxe-text">` + list + `</div></div>`,
		"beaver":                  `<div class="fl-module fl-module-rich-text"><div class="fl-module-content fl-node-content"><div class="fl-rich-text">` + head + list + `</div></div></div>`,
		"square":                  `<div class="sqs-block html-block sqs-block-html"><div class="sqs-block-content"><div class="sqs-html-content">` + head + list + `</div></div></div>`,
		"a widget of the article": `<div class="widget custom-html">` + head + list + `</div>`,
	})
}

func TestWidgetsOfOtherThingsGiveNoPoints(t *testing.T) {
	t.Parallel()
	list, beside := listOf(`<ul>`, bridgePoints...), listOf(`<ul>`, "Ferries of the harbour carry a million commuters a year", "Port authority wants a second bridge on the north bank", "Inspectors of the port authority look at the old pier")
	checkNoPoints(t, map[string]string{
		"a sidebar":           bridgePage("", "") + `<div class="widget-area"><section class="widget widget_text"><h2 class="widget-title">Key points</h2>` + list + `</section></div>`,
		"beside the headline": strings.Replace(bridgePage("", ""), "<main>", `<div class="widget"><h3>Key points</h3>`+beside+`</div><main>`, 1),
		"without a heading":   bridgePage(`<div class="widget">`+beside+`</div>`, ""),
		"another heading":     bridgePage(`<div class="widget"><h4>At the harbour</h4>`+beside+`</div>`, ""),
		"an aside's":          bridgePage(`<aside><div class="widget"><h4>Highlights</h4>`+beside+`</div></aside>`, ""),
		"posts":               bridgePage(`<div class="elementor-widget elementor-widget-posts"><div class="elementor-widget-container">`+beside+`</div></div>`, ""),
		"of the blog's":       bridgePage(`<div class="elementor-widget elementor-widget-wp-widget-recent-posts">`+beside+`</div>`, ""),
		"a menu":              bridgePage(`<div class="elementor-widget elementor-widget-nav-menu">`+beside+`</div>`, ""),
		"a form":              bridgePage(`<div class="elementor-widget elementor-widget-form"><div class="elementor-widget-container">`+beside+`</div></div>`, ""),
	})
}

// TestCountedBoxesArePoints are points that numbers in elements of their own
// count.
func TestCountedBoxesArePoints(t *testing.T) {
	t.Parallel()
	counted := func(open, number, middle, end string) string {
		s := ""
		for i, p := range bridgePoints {
			s += open + strings.Replace(number, "N", string(rune('1'+i)), 1) + middle + p + end
		}
		return s
	}
	boxes := counted(`<div class="item"><span>`, "N", `</span><p>`, `</p></div>`)
	checkPoints(t, map[string]string{
		"named":            `<section class="quick-summary"><h2>Key points</h2>` + boxes + `</section>`,
		"named, unheaded":  `<section class="quick-summary">` + boxes + `</section>`,
		"headed":           `<div class="box"><h3>Das Wichtigste in Kürze</h3>` + boxes + `</div>`,
		"with points":      `<h3>L'essentiel</h3>` + counted(`<div><b>`, "N.", `</b><div>`, `</div></div>`),
		"two digits":       `<h3>Key takeaways</h3>` + counted(`<div><div>`, "0N", `</div><div>`, `</div></div>`),
		"with a sharp":     `<h3>Puntos clave</h3>` + counted(`<p>`, "#N", `</p><p>`, `</p>`),
		"boxes with signs": `<h3>Kort fortalt</h3>` + counted(`<div class="summary"><span>`, "N", `</span><p>`, `</p></div>`),
	})
	checkNoPoints(t, map[string]string{
		"steps":             bridgePage(`<h3>How to cross</h3>`+boxes, ""),
		"unheaded":          bridgePage(boxes, ""),
		"most read":         bridgePage("", `<div class="most-read"><h3>Highlights</h3>`+boxes+`</div>`),
		"most read, linked": bridgePage(`<h3>In short</h3>`+counted(`<div>`, "N", `<p><a href="/x">`, `</a></p></div>`), ""),
		"not in order":      bridgePage(`<h3>Key points</h3><div><span>3</span><p>`+bridgePoints[0]+`</p></div><div><span>1911</span><p>`+bridgePoints[1]+`</p></div><div><span>7</span><p>`+bridgePoints[2]+`</p></div>`, ""),
		"one of them":       bridgePage(`<div class="quick-summary"><span>1</span><p>Ferries</p></div>`, ""),
		"figures":           bridgePage(`<h3>Fakta</h3>`+boxes, ""),
	})
}

// TestElementsOfTheSitesOwnHoldPoints are elements whose names the site made up.
func TestElementsOfTheSitesOwnHoldPoints(t *testing.T) {
	t.Parallel()
	items := func(name string) string {
		return "<" + name + ">" + strings.Join(bridgePoints, "</"+name+">\n<"+name+">") + "</" + name + ">"
	}
	list := listOf(`<ul>`, bridgePoints...)
	checkPoints(t, map[string]string{
		"points":                `<article-key-points><h2>Key points</h2>` + items("key-point") + `</article-key-points>`,
		"points, unheaded":      `<key-points>` + items("key-point") + `</key-points>`,
		"headed by a div":       `<div class="box"><h4>Samengevat</h4>` + items("news-bullet") + `</div>`,
		"items":                 `<story-takeaways>` + items("list-item") + `</story-takeaways>`,
		"items of paragraphs":   `<h3>Key points</h3><x-list><x-item><p>` + strings.Join(bridgePoints, "</p></x-item><x-item><p>") + `</p></x-item></x-list>`,
		"a list within":         `<story-takeaways>` + list + `</story-takeaways>`,
		"a shadow":              `<story-box><template shadowrootmode="open"><style>ul{margin:0}</style><h2>Key points</h2>` + list + `</template></story-box>`,
		"a shadow, named":       `<key-points><template shadowrootmode="closed">` + list + `</template></key-points>`,
		"a shadow of the draft": `<div><template shadowroot="open"><h3>Pontos-chave</h3>` + list + `</template></div>`,
		"a shadow in a shadow":  `<a-box><template shadowrootmode="open"><b-box><template shadowrootmode="open"><h2>Key points</h2>` + list + `</template></b-box></template></a-box>`,
		"a shadow of items":     `<a-box><template shadowrootmode="open"><h2>Key points</h2>` + items("key-point") + `</template></a-box>`,
	})
	checkNoPoints(t, map[string]string{
		"a template":        bridgePage(`<div><template><h2>Key points</h2>`+list+`</template></div>`, ""),
		"a menu":            bridgePage(`<site-nav>`+items("nav-item")+`</site-nav>`, ""),
		"related":           bridgePage(`<related-stories>`+items("story-item")+`</related-stories>`, ""),
		"related, a shadow": bridgePage(`<related-stories><template shadowrootmode="open"><h3>Highlights</h3>`+list+`</template></related-stories>`, ""),
		"another heading":   bridgePage(`<h3>What the ferries cost</h3>`+items("list-item"), ""),
		"links":             bridgePage(`<h3>Key points</h3><x-item><a href="/1">`+strings.Join(bridgePoints, `</a></x-item><x-item><a href="/2">`)+`</a></x-item>`, ""),
		"paragraphs":        bridgePage(items("story-paragraph"), ""),
	})
	e, err := Extract("fixture", []byte(bridgePage(`<h3>What the ferries cost</h3>`+items("list-item"), "")), Options{Explain: true})
	if err != nil {
		t.Fatal(err)
	}
	if told := fmt.Sprintf("%+v", e.Explanations); !strings.Contains(told, bridgePoints[0]) {
		t.Errorf("nothing is told of the list: %s", told)
	}
}

// checkPoints tries that each piece above the text gives the bridge's points.
func checkPoints(t *testing.T, pieces map[string]string) {
	t.Helper()
	for name, piece := range pieces {
		if a := points(t, bridgePage(piece, "")); a.PointsFrom != digest.PointsPage || !slices.Equal(a.Points, bridgePoints) {
			t.Errorf("%s: from %s %q", name, a.PointsFrom, strings.Join(a.Points, " / "))
		}
	}
}

// checkNoPoints tries that pages give none.
func checkNoPoints(t *testing.T, pages map[string]string) {
	t.Helper()
	for name, page := range pages {
		if a := points(t, page); a.PointsFrom == digest.PointsPage {
			t.Errorf("%s: taken for key points: %q", name, a.Points)
		}
	}
}

// TestPointsOfWhatIsNotShownAreTaken are pages that show their beginning only,
// or whose text stands in the posts of a live blog.
func TestPointsOfWhatIsNotShownAreTaken(t *testing.T) {
	t.Parallel()
	box := `<div class="key-points"><h3>In short</h3>` + listOf(`<ul>`, bridgePoints[0], "Shopkeepers ask the mayor for tax relief", "A temporary crossing downstream was ruled out") + `</div>`
	headed := `<h3>Das Wichtigste in Kürze</h3>` + listOf(`<ul>`, bridgePoints[0], "Shopkeepers ask the mayor for tax relief", "A temporary crossing downstream was ruled out")
	for name, piece := range map[string]string{"a class": box, "a heading": headed} {
		if a := points(t, walledPage(piece, "")); a.PointsFrom != digest.PointsPage || len(a.Points) != 3 {
			t.Errorf("%s: from %s %q", name, a.PointsFrom, a.Points)
		}
	}
	brief := strings.Replace(walledPage(box, ""), "The harbour bridge will close to all traffic on Monday after inspectors found", "They found", 1)
	brief = strings.Replace(brief, ", and the authority promised that commuters with a season ticket would cross free of charge", "", 1)
	if a := points(t, brief); a.PointsFrom != digest.PointsPage || len(a.Points) != 3 {
		t.Errorf("two short paragraphs: from %s %q", a.PointsFrom, a.Points)
	}
	strange := `<div class="key-points"><h3>In short</h3>` + listOf(`<ul>`, "Shopkeepers ask the mayor for tax relief", "A temporary crossing downstream was ruled out", "Museum reopens after decade of work") + `</div>`
	next := `<article><h1>Museum reopens after a decade of work behind closed doors</h1>` + box + `<p>The museum of the city reopened on Sunday after ten years of work behind closed doors.</p></article>`
	checkNoPoints(t, map[string]string{
		"nothing of this article": walledPage(strange, ""),
		"behind the text":         walledPage("", box),
		"another article's":       strings.Replace(walledPage("", ""), "</article>", "</article>"+next, 1),
		"the whole text is shown": bridgePage(box, ""),
		"a name that means less":  walledPage(strings.NewReplacer("key-points", "summary", "In short", "Overview").Replace(box), ""),
	})
}

// walledPage is the bridge's page with the beginning of its text only.
func walledPage(above, below string) string {
	wall := `<div class="paywall-offer"><h3>Subscribe for a penny a week</h3><p>Already a subscriber? Sign in</p></div>`
	paragraphs := strings.SplitAfter(bridgeBody, "</p>")
	return strings.Replace(bridgePage(above, below), bridgeBody, strings.Join(paragraphs[:2], "")+wall, 1)
}

// livePage is a live blog whose posts are article elements below its headline.
func livePage(above, post, posts string) string {
	return `<!DOCTYPE html><html lang="en"><head><title>Storm Ada: the latest from the coast</title></head><body><main><h1>Storm Ada: the latest from the coast</h1>` + above +
		`<p>Storm Ada has reached the coast, and ferries stay in port.</p>` +
		`<article class="` + post + `"><h3>Trees on the line</h3><p>Trains between the capital and the coast have stopped, the railway said, as trees lie on the line.</p></article>` + posts + `</main></body></html>`
}

func TestPostsOfLiveBlogsAreTheArticles(t *testing.T) {
	t.Parallel()
	summary := `<section class="summary"><h2>Summary</h2>` + listOf(`<ol>`, "Trains between the capital and the coast have stopped", "Forty thousand homes are without electricity tonight", "Schools on the islands remain closed tomorrow") + `</section>`
	posts := func(class, open, end string) string {
		return `<article class="` + class + `"><h3>` + open + `Power cuts spread` + end + `</h3><p>Forty thousand homes are without electricity tonight, the network's engineers say.</p></article>` +
			`<article class="` + class + `"><h3>` + open + `Schools stay shut` + end + `</h3><p>Schools on the islands remain closed tomorrow, and exams are put off.</p></article>`
	}
	if a := points(t, livePage(summary, "post", posts("post", "", ""))); a.PointsFrom != digest.PointsPage || len(a.Points) != 3 {
		t.Errorf("posts: from %s %q", a.PointsFrom, a.Points)
	}
	checkNoPoints(t, map[string]string{
		"cards that are links":    livePage(summary, "post", posts("post", `<a href="/x">`, `</a>`)),
		"cards of another kind":   livePage(summary, "post", posts("card", "", "")),
		"articles without a name": livePage(summary, "", posts("", "", "")),
	})
}

func TestHeadlinesOfPageBuildersAreRead(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ h1, want string }{
		"a widget":           {`<div class="elementor-widget"><div class="elementor-widget-container"><h1>` + bridgeTitle + `</h1></div></div>`, bridgeTitle},
		"a second line":      {`<h1><span class="entry-title-primary">` + bridgeTitle + `</span> <span class="entry-subtitle">Ferries take over</span></h1>`, bridgeTitle},
		"nothing but one":    {`<h1><span class="page-subtitle">` + bridgeTitle + `</span></h1>`, bridgeTitle},
		"the blog's name":    {`<div class="widget Header"><h1>Songs of the harbour</h1></div><h2>` + bridgeTitle + `</h2>`, bridgeTitle},
		"a line and another": {`<h1><span>` + bridgeTitle + `</span> <span>again</span></h1>`, bridgeTitle + " again"},
	} {
		page := `<html lang="en"><head><title>` + bridgeTitle + `</title></head><body><main>` + c.h1 + bridgeBody + `</main></body></html>`
		if a := points(t, page); a.Title != c.want {
			t.Errorf("%s: %q", name, a.Title)
		}
	}
}
