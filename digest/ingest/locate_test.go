package ingest

import (
	"slices"
	"strings"
	"testing"

	"courant/digest"
)

// takenList reads a page with all reasons, and gives the list that was taken.
func takenList(t *testing.T, page string) (digest.Article, ListTrial) {
	t.Helper()
	e, err := Extract("fixture", []byte(page), Options{Explain: true})
	if err != nil {
		t.Fatal(err)
	}
	at := slices.IndexFunc(e.Explanations[0].Lists, func(l ListTrial) bool { return l.Taken })
	if at < 0 {
		t.Fatalf("no list was taken of %.3000s", page)
	}
	return e.Articles[0], e.Explanations[0].Lists[at]
}

func TestTheElementShownGivesThePointsAsARule(t *testing.T) {
	t.Parallel()
	menu := `<nav><ul><li>Home</li><li>Harbour</li></ul></nav><ul><li>Politics</li></ul>`
	plain := listOf("<ul>", bridgePoints...)
	for name, row := range map[string]struct{ page, want string }{
		"a class of its own":            {bridgePage(listOf(`<ul class="key-points">`, bridgePoints...), ""), "ul.key-points"},
		"a plain list in a named box":   {strings.Replace(bridgePage(`<div class="key-points">`+plain+`</div>`, ""), "<body>", "<body>"+menu, 1), "div.key-points ul"},
		"a plain list below a heading":  {strings.Replace(bridgePage("<h2>Key points</h2>"+plain, "<ul><li>Ferries</li></ul>"), "<body>", "<body>"+menu, 1), "ul:nth-of-type(1)"},
		"names that only this page has": {strings.Replace(bridgePage(`<div id="post-48213" class="story post-48213"><h2>Key points</h2>`+plain+`</div>`, ""), "<body>", "<body>"+menu, 1), "div.story ul"},
		"two boxes of one name":         {bridgePage(`<div class="box"><h2>Key points</h2>`+plain+`</div>`, `<div class="box"><ul><li>The harbour museum opens on Sunday</li></ul></div>`), "nth-of-type"},
		"a box whose label is a line":   {bridgePage(`<div class="key-points"><p>The key points</p><p>`+strings.Join(bridgePoints, "</p><p>")+`</p></div>`, ""), "div.key-points"},
		"a box of several lists":        {bridgePage(`<div class="key-points"><ul><li>`+strings.Join(bridgePoints, "</li></ul><ul><li>")+`</li></ul></div>`, ""), "div.key-points"},
		"counted lines":                 {bridgePage(`<div class="key-points"><p>Key points</p><ul><li>1. `+bridgePoints[0]+`</li><li>2. `+bridgePoints[1]+`</li><li>3. `+bridgePoints[2]+`</li></ul></div>`, ""), "div.key-points ul"},
	} {
		a, l := takenList(t, row.page)
		if !strings.Contains(l.Element, row.want) || l.Unsure != "" {
			t.Errorf("%s: %q (%s), want %q", name, l.Element, l.Unsure, row.want)
		}
		if again, warnings := ruled(t, row.page, digest.PointRule{CSS: l.Element}); !slices.Equal(again.Points, a.Points) || !slices.Equal(a.Points, bridgePoints) {
			t.Errorf("%s: %q gives %q, not %q; %q", name, l.Element, again.Points, a.Points, warnings)
		}
	}
}

func TestAnElementThatGivesOtherLinesSaysSo(t *testing.T) {
	t.Parallel()
	page := bridgePage(`<div class="key-points"><ul><li>`+strings.Join(bridgePoints, "</li><li>")+`</li><li><a href="/x">Quinces ripen early on southern orchards</a></li></ul></div>`, "")
	a, l := takenList(t, page)
	if len(a.Points) != 3 || !strings.Contains(l.Unsure, "other lines") || l.Lines[3].Left != string(leftStrange) {
		t.Errorf("%q, %+v", a.Points, l)
	}
}

func TestAPageOfListsIsExplainedInItsTime(t *testing.T) {
	t.Parallel()
	e, err := Extract("fixture", []byte(bridgePage("", strings.Repeat("<div><ul><li>The harbour bridge has cracks in its girders</li></ul></div>", 3000))), Options{Explain: true})
	if err != nil {
		t.Fatal(err)
	}
	unsure := slices.IndexFunc(e.Explanations[0].Lists, func(l ListTrial) bool { return l.Unsure != "" && l.Element != "" })
	if unsure < 0 {
		t.Error("each list has a selector, whatever that cost")
	}
}

func TestLinesThatWereTakenOutSayWhyWhereTheyStand(t *testing.T) {
	t.Parallel()
	page := bridgePage(listOf(`<ul class="key-points">`, bridgePoints[0], "Subscribe now to read more", bridgePoints[1], bridgePoints[0], "{{ point.text }} of the bridge", bridgePoints[2]), "")
	a, l := takenList(t, page)
	var left []string
	for _, line := range l.Lines {
		left = append(left, line.Left)
	}
	want := []string{"", string(leftSite), "", string(leftTwice), string(leftUnfilled), ""}
	if !slices.Equal(left, want) || len(l.Against) > 0 || !slices.Equal(a.Points, bridgePoints) {
		t.Errorf("%q, against %q, %q", left, l.Against, a.Points)
	}
}

func TestPlacesThatNothingFilledAreNoPoints(t *testing.T) {
	t.Parallel()
	for _, place := range []string{"{{ point.text }}", "${point.title} closes the bridge", "The bridge <%= story.point %> is closed", "{% for point in points %} the harbour bridge"} {
		for css, page := range map[string]string{
			"":        bridgePage(listOf(`<ul class="key-points">`, append([]string{strings.ReplaceAll(place, "<", "&lt;")}, bridgePoints...)...), ""),
			"#box li": bridgePage("", `<div id="box" class="widget">`+listOf("<ul>", append([]string{strings.ReplaceAll(place, "<", "&lt;")}, bridgePoints...)...)+`</div>`),
		} {
			if a, _ := ruled(t, page, digest.PointRule{CSS: css}); !slices.Equal(a.Points, bridgePoints) {
				t.Errorf("%s by %q: %q", place, css, a.Points)
			}
		}
	}
	for _, line := range []string{"The bridge costs ${5} million, said {nobody}", "{ferries} every 10 % of < the day", "$40 {forty} million"} {
		if unfilled(line) {
			t.Errorf("%q is taken for a template's", line)
		}
	}
	page := bridgePage("", `<template><div class="box"><ul><li>{{ point.text }}</li></ul></div></template><div class="box widget">`+listOf("<ul>", bridgePoints...)+`</div>`)
	if a, _ := ruled(t, page, digest.PointRule{CSS: ".box li"}); !slices.Equal(a.Points, bridgePoints) {
		t.Errorf("from a template: %q", a.Points)
	}
}

func TestCitiesAreNoAuthors(t *testing.T) {
	t.Parallel()
	for _, line := range []string{`<div class="byline">São Paulo</div>`, `<p>By New York</p>`, `<span class="author">Rio de Janeiro</span>`} {
		if a := points(t, signed(line, "", "")); a.Author != "" {
			t.Errorf("%s: %q", line, a.Author)
		}
	}
}

func TestTheSiteGoesOffAHeadlineInBracketsAndBehindABar(t *testing.T) {
	t.Parallel()
	const want = "Council approves the harbour wall"
	for _, title := range []string{want + " (Harbour Gazette) | The Harbour Gazette", want + " [The Harbour Gazette] - Harbour Gazette"} {
		head := `<html><head><title>` + title + `</title><meta property="og:site_name" content="The Harbour Gazette"></head><body>`
		for _, page := range []string{head + "<h1>" + title + "</h1>", head + "<h2>Wall</h2>"} {
			if a := points(t, page+"<p>The council has approved the wall after a long debate on Monday night.</p></body></html>"); a.Title != want {
				t.Errorf("%s: %q", page, a.Title)
			}
		}
	}
}

func TestTextIsReadAsItStands(t *testing.T) {
	t.Parallel()
	e, err := Extract("text", []byte("Otter keert terug: 'Hij eet ons de vijver op'\nDoor Ruud Kade\n\n• The council met at nine\n• Dogs must be kept on leads\n\nDogs must be kept on leads.\n\nThe council met on Monday at nine and spoke of its harbour for hours.\n"), Options{Explain: true})
	if err != nil {
		t.Fatal(err)
	}
	a, l := e.Articles[0], e.Explanations[0].Lists[0]
	if a.Title != "Otter keert terug: 'Hij eet ons de vijver op'" || a.Author != "Ruud Kade" {
		t.Errorf("%q by %q", a.Title, a.Author)
	}
	if !slices.Contains(l.For, "100 % of its words are the article's") || !strings.Contains(a.Text, "Dogs must be kept") {
		t.Errorf("%q, %q", l.For, a.Text)
	}
}

func TestWhatIsLeftOfTagsAndTerminalsIsNoText(t *testing.T) {
	t.Parallel()
	page := bridgePage(`<ul class="key-points"><li>"&gt;`+bridgePoints[0]+`</li><li>&#27;[31m`+bridgePoints[1]+`&#27;[0m</li><li>`+bridgePoints[2]+`"/&gt;</li></ul>`, "")
	if a := points(t, page); !slices.Equal(a.Points, bridgePoints) {
		t.Errorf("%q", a.Points)
	}
	feed := "<rss><channel><title>x</title><item><title>The \x1b[1;31mharbour\x1b[0m closes</title><link>https://example.com/1</link></item></channel></rss>"
	if e, err := Extract("feed", []byte(feed), Options{}); err != nil || e.Articles[0].Title != "The harbour closes" {
		t.Errorf("%v, %+v", err, e.Articles)
	}
	for _, whole := range []string{`the tag <a href="x">`, "5 > 3", `he said "no" > twice`} {
		if got := withoutTagEnd(whole); got != whole {
			t.Errorf("%q is cut to %q", whole, got)
		}
	}
}
