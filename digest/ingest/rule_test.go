package ingest

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"courant/digest"
)

// ruled reads a page by a rule.
func ruled(t *testing.T, page string, rule digest.PointRule) (digest.Article, []string) {
	t.Helper()
	e, err := Extract("fixture", []byte(page), Options{Rule: rule})
	if err != nil {
		t.Fatal(err)
	}
	return e.Articles[0], e.Warnings
}

func TestRulesPickWhatEditorsMean(t *testing.T) {
	t.Parallel()
	// Nothing else would take these: they stand in a widget, far below.
	box := func(inner string) string {
		return bridgePage("", `<div id="box" class="widget">`+inner+`</div>`)
	}
	items := "<li>" + strings.Join(bridgePoints, "</li><li>") + "</li>"
	paragraphs := "<p>" + strings.Join(bridgePoints, "</p><p>") + "</p>"
	rows := map[string]struct{ css, page string }{
		"the items of a list":               {"#box li", box("<ul>" + items + "</ul>")},
		"the list itself":                   {"#box ul", box("<ul>" + items + "</ul>")},
		"an element around a list":          {"#box", box("<h3>In brief</h3><p>What you missed today:</p><ul>" + items + "</ul>")},
		"an element around paragraphs":      {"#box", box("<h3>In brief</h3>" + paragraphs)},
		"an element of bulleted lines":      {"#box", box("<p>• " + strings.Join(bridgePoints, "<br>• ") + "</p>")},
		"numbered paragraphs":               {"#box", box("<p>1. " + bridgePoints[0] + "</p><p>2. " + bridgePoints[1] + "</p><p>3) " + bridgePoints[2] + "</p>")},
		"several elements":                  {"#box > div", box("<div>" + strings.Join(bridgePoints, "</div><div>") + "</div>")},
		"several lists":                     {"#box ul", box("<ul><li>" + strings.Join(bridgePoints, "</li></ul><ul><li>") + "</li></ul>")},
		"a list and a paragraph":            {"#box ul, #box p", box("<ul><li>" + bridgePoints[0] + "</li><li>" + bridgePoints[1] + "</li></ul><p>" + bridgePoints[2] + "</p>")},
		"elements within elements":          {"#box, #box li", box("<ul>" + items + "</ul>")},
		"items with a list of their own":    {"#box > ul > li", box("<ul><li>" + strings.Replace(bridgePoints[0], " of", "<ul><li>of", 1) + "</li></ul></li><li>" + bridgePoints[1] + "</li><li>" + bridgePoints[2] + "</li></ul>")},
		"spans":                             {"#box span", box("<span>" + strings.Join(bridgePoints, "</span><span>") + "</span>")},
		"white space and entities":          {"#box li", box("<ul>" + strings.ReplaceAll(items, " ", "\n&nbsp; ") + "</ul>")},
		"twice, for narrow screens":         {"#box li", box("<ul>" + items + "</ul><ul class=narrow>" + items + "</ul>")},
		"bullets that were typed":           {"#box li", box("<ul>" + strings.ReplaceAll(items, "<li>", "<li>• ") + "</ul>")},
		"links":                             {"#box li", box("<ul>" + strings.NewReplacer("<li>", `<li><a href="/x">`, "</li>", "</a></li>").Replace(items) + "</ul>")},
		"behind a heading of these words":   {`h3:contains("In brief") + ul`, box("<h3>In brief</h3><ul>" + items + "</ul>")},
		"a call to subscribe among them":    {"#box li", box("<ul>" + items + "<li>Subscribe now to read more about the bridge</li></ul>")},
		"in a template that is shown":       {"#box li", box("<template shadowrootmode=open><ul>" + items + "</ul></template>")},
		"on a page that sells something":    {"#box li", strings.Replace(box("<ul>"+items+"</ul>"), "<head>", `<head><meta property="og:type" content="product">`, 1)},
		"before a list taken the usual way": {"#box li", bridgePage(listOf(`<ul class="key-points">`, "The harbour bridge is closed to all traffic", "The girders have cracks, inspectors say"), `<div id="box" class="widget"><ul>`+items+`</ul></div>`)},
	}
	for name, row := range rows {
		a, warnings := ruled(t, row.page, digest.PointRule{CSS: row.css})
		if a.PointsFrom != digest.PointsPage || !slices.Equal(a.Points, bridgePoints) || len(warnings) > 0 {
			t.Errorf("%s: from %s: %q, warnings %q", name, a.PointsFrom, a.Points, warnings)
		}
		if a, _ := ruled(t, row.page, digest.PointRule{}); slices.Equal(a.Points, bridgePoints) {
			t.Errorf("%s: the points are found without the rule", name)
		}
	}
}

func TestRulesThatFindNothingLeaveTheUsualWays(t *testing.T) {
	t.Parallel()
	page := bridgePage(listOf(`<ul class="key-points">`, bridgePoints...), `<div id="none"><ul><li>Subscribe now</li></ul></div><div id="long">`+strings.Repeat("word and ", 200)+`</div><div id="empty"></div>`)
	for css, want := range map[string]string{
		"#gone":                 `css "#gone" picks nothing of the page; the usual ways were used`,
		"#none":                 `css "#none" picks 1 element of the page, and none of what they hold can be a point; the usual ways were used`,
		"#long, #empty":         `css "#long, #empty" picks 2 elements of the page, and none of what they hold can be a point; the usual ways were used`,
		"head, script, title":   "the usual ways were used",
		"li::before":            "",
		"li:not(:nth-child(1))": "",
	} {
		e, err := Extract("fixture", []byte(page), Options{Rule: digest.PointRule{CSS: css}})
		switch {
		case css == "li::before":
			if err == nil {
				t.Errorf("%s was taken", css)
			}
		case css == "li:not(:nth-child(1))":
			if len(e.Warnings) > 0 {
				t.Errorf("%s: %q", css, e.Warnings)
			}
		case err != nil || len(e.Warnings) != 1 || !strings.Contains(e.Warnings[0], want) || !slices.Equal(e.Articles[0].Points, bridgePoints):
			t.Errorf("%s: %v, %q, %q", css, err, e.Warnings, e.Articles[0].Points)
		}
	}
}

func TestTenPointsAreTakenAtMost(t *testing.T) {
	t.Parallel()
	var many []string
	for i := range 30 {
		many = append(many, fmt.Sprintf("Point number %d of the harbour bridge", i))
	}
	a, _ := ruled(t, bridgePage("", listOf(`<ul id="box">`, many...)), digest.PointRule{CSS: "#box li"})
	if !slices.Equal(a.Points, many[:maxPoints]) {
		t.Errorf("%q", a.Points)
	}
}

func TestDroppedLinesAreTakenFromNowhere(t *testing.T) {
	t.Parallel()
	const noise = "Bulletin: “The Harbour’s   Bridge” on Monday, as seen from the ferry"
	list := listOf(`<ul class="key-points">`, bridgePoints[0], noise, bridgePoints[1], bridgePoints[2])
	description := "Cracks in the girders close the harbour bridge; ferries take over for a year."
	noisy := func(page string) string { return strings.ReplaceAll(page, description, noise+". "+description) }
	rows := map[string]struct {
		page string
		css  string
		from digest.PointsFrom
		want string // the first point
	}{
		"from a list":              {bridgePage(list, ""), "", digest.PointsPage, bridgePoints[0]},
		"from what the rule picks": {bridgePage("", `<div class="widget" id="box">`+list+`</div>`), "#box li", digest.PointsPage, bridgePoints[0]},
		"from the description":     {noisy(bridgePage("", "")), "", digest.PointsDescription, description},
		"from the first sentences": {strings.ReplaceAll(bridgePage("<p>"+noise+", which was closed then.</p>", ""), description, ""), "", digest.PointsLead, bridgeLead},
	}
	for name, row := range rows {
		for _, drop := range []string{`bulletin: "the harbour's bridge" on monday`, `/^BULLETIN: /`, "/as seen from the ferry/", "The Harbour’s bridge”"} {
			a, _ := ruled(t, row.page, digest.PointRule{CSS: row.css, Drop: []string{"never there", drop}})
			if a.PointsFrom != row.from || len(a.Points) == 0 || a.Points[0] != row.want || slices.ContainsFunc(a.Points, func(p string) bool { return strings.Contains(p, "Bulletin") }) {
				t.Errorf("%s by %s: from %s: %q", name, drop, a.PointsFrom, a.Points)
			}
		}
		if a, _ := ruled(t, row.page, digest.PointRule{CSS: row.css}); !strings.Contains(strings.Join(a.Points, "\n"), "Bulletin") && name != "from the first sentences" {
			t.Errorf("%s: nothing to drop in %q", name, a.Points)
		}
	}
	// A description of nothing else goes, and the next in order stands in.
	a, _ := ruled(t, strings.ReplaceAll(bridgePage("", ""), description, noise), digest.PointRule{Drop: []string{"/bulletin/"}})
	if a.PointsFrom != digest.PointsLead {
		t.Errorf("from %s: %q", a.PointsFrom, a.Points)
	}
	e, err := Extract("text", []byte(strings.Replace(bridgeText, "The repair will take a year and cost forty million.", noise, 1)), Options{Rule: digest.PointRule{Drop: []string{"/^bulletin/"}}})
	if err != nil || len(e.Articles[0].Points) != 2 {
		t.Errorf("of a text: %v, %q", err, e.Articles[0].Points)
	}
}

func TestBadRulesSayWhatToDo(t *testing.T) {
	t.Parallel()
	for css, want := range map[string]string{
		"li >":                        "and it ends",
		"":                            "",
		"li::after":                   "what begins with :: is no element",
		"li:hovering":                 "is no selector that Courant knows",
		"div:not(nav li)":             "may be a single element",
		"div:has(> ul)":               "is no selector that Courant knows",
		"a /* the list */ b":          "has no comments",
		"[data-x":                     "is no selector that Courant knows",
		strings.Repeat("div ", 70):    "more than 64 parts",
		`div:not(  .a  ,  .b:not(i))`: "",
	} {
		if _, err := newSelector(css); css != "" && (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", css, err, want)
		}
	}
	for line, want := range map[string]string{"": "empty line", " \t": "empty line", "/(/": "is no pattern", "/a*/": "matches every line", "//": "matches every line", "/": "", "/a": "", "a/": ""} {
		if err := CheckDrop(line); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", line, err, want)
		}
	}
}

// TestNoPageMakesASelectorExpensive holds selectors against pages that nest and
// repeat: left to try all ancestors at each step, the first would take hours.
func TestNoPageMakesASelectorExpensive(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("reads pages of 5 MB")
	}
	pages := hostilePages()
	for _, unit := range []string{"<div>", "<ul><li>", "<ul><li>word word word ", "<p>• a b c d e f g</p>", "x</p>", "<li class=summary>a b c d e f"} {
		doc, _ := parseHTML([]byte(pages[unit]))
		for _, css := range []string{"div div div div div .none", "ul li ul li ul li ~ li + .none", "li:nth-last-child(2n+1) p:nth-of-type(3)", "div:has(.none)", "li:contains(none)", "* * * * * * *", "p ~ p ~ p ~ p ~ .none"} {
			r, err := newRule(digest.PointRule{CSS: css})
			if err != nil {
				t.Fatal(err)
			}
			r.try(doc)
		}
	}
}

func TestFeedItemsAreReadByTheRuleFirstThenTheirPages(t *testing.T) {
	t.Parallel()
	odd := func(points ...string) string { return listOf(`<ul class="widget in-short">`, points...) }
	item := func(n int, html string) string {
		return fmt.Sprintf("<item><title>%s</title><link>%%s/story/%d</link><guid>%d</guid><description><![CDATA[%s]]></description></item>", bridgeTitle, n, n, html)
	}
	s := newSite(t, map[string]http.HandlerFunc{
		"/story/2": send("text/html", bridgePage(odd(bridgePoints...), "")),
		"/story/3": send("text/html", bridgePage("", "")),
	})
	feed := rssHead + item(1, odd(bridgePoints...)+bridgeBody) + // the rule finds it here
		item(2, listOf("<ul>", bridgePoints[:2]...)+bridgeBody) + // a list that would be taken, and the rule's on the page
		item(3, listOf("<ul>", bridgePoints[:2]...)+bridgeBody) + "</channel></rss>" // and none there
	s.set("/feed.xml", send("text/xml", strings.ReplaceAll(feed, "%s/story", s.URL+"/story")))
	in, store, _ := room(s)
	in.Sources[0].Points = digest.PointRule{CSS: ".in-short li"}
	r := fetchOne(t, in)
	if want := `css ".in-short li" of the source's points finds none for 1 of 2 articles, neither in the feed nor on their pages; the usual ways were used`; r.Added != 3 || len(r.Warnings) != 1 || r.Warnings[0] != want {
		t.Errorf("%+v", r)
	}
	if got := s.asked(); !slices.Equal(got, []string{"/feed.xml", "/robots.txt", "/story/2", "/story/3"}) {
		t.Errorf("asked %q", got)
	}
	for i, want := range []struct {
		from   digest.PointsFrom
		points []string
	}{{digest.PointsFeed, bridgePoints}, {digest.PointsPage, bridgePoints}, {digest.PointsFeed, bridgePoints[:2]}} {
		if a := store.articles[i]; a.PointsFrom != want.from || !slices.Equal(a.Points, want.points) {
			t.Errorf("article %d from %s: %q", i+1, a.PointsFrom, a.Points)
		}
	}
}

func TestChangedRuleCountsAtTheNextPoll(t *testing.T) {
	t.Parallel()
	page := bridgePage("", `<div class="widget"><ul class="in-short"><li>`+strings.Join(bridgePoints, "</li><li>")+`</li></ul></div>`)
	s := newSite(t, map[string]http.HandlerFunc{"/story/1": send("text/html", page), "/story/2": send("text/html", page)})
	s.set("/feed.xml", send("text/xml", linkedFeed(s, 1)))
	in, store, clock := room(s)
	fetchOne(t, in)
	before := store.states[0]
	s.set("/feed.xml", send("text/xml", linkedFeed(s, 2, 1)))
	clock.turn(2 * time.Hour)
	// The rows know nothing of the rule; the config does.
	in.Sources = []digest.Source{in.Sources[0]}
	in.Sources[0].Points = digest.PointRule{CSS: ".in-short li"}
	if r := fetchOne(t, in); r.Added != 1 {
		t.Errorf("%+v", r)
	}
	if a := store.articles[1]; a.PointsFrom != digest.PointsPage || !slices.Equal(a.Points, bridgePoints) {
		t.Errorf("from %s: %q", a.PointsFrom, a.Points)
	}
	if after := store.states[0]; len(store.states) != 1 || before.LastSuccess.IsZero() || !after.LastSuccess.After(before.LastSuccess) {
		t.Errorf("before %+v, after %+v", before, after)
	}
}

func TestLookSaysThatARulePicksNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t, map[string]http.HandlerFunc{"/story/1": send("text/html", pointedPage), "/page": send("text/html", pointedPage)})
	s.set("/feed.xml", send("text/xml", linkedFeed(s, 1)))
	in, _, _ := room(s)
	in.Sources[0].Points = digest.PointRule{CSS: ".gone"}
	in.Sources = append(in.Sources, digest.Source{Name: "Page", Kind: digest.SourcePage, URL: s.URL + "/page", Points: digest.PointRule{CSS: ".gone"}})
	for i, f := range in.Look(t.Context(), nil) {
		if want := []string{`finds none for 1 of 1 articles`, `picks nothing of the page`}[i]; f.State != digest.FindingLook || !strings.Contains(f.Text, want) || !strings.Contains(f.Next, "--explain --rules") {
			t.Errorf("%+v", f)
		}
	}
}

func FuzzRule(f *testing.F) {
	f.Add("#box li", "Photo", bridgePage("", `<div id="box">`+listOf("<ul>", bridgePoints...)))
	f.Add("ul, p", "/^by /", "<ul><li>• a b c<li><ul><li>By me</ul></ul><p>1. x<br>2. y")
	f.Add("*", "x", "<svg><li>a</li></svg><template><p>b")
	f.Add(":not(p):nth-last-of-type(2n)", "/\\d{3}/", strings.Repeat("<div>", 600)+"<li>123")
	f.Fuzz(func(t *testing.T, css, drop, page string) {
		rule := digest.PointRule{CSS: css, Drop: []string{drop}}
		if css == "" || CheckSelector(css) != nil || CheckDrop(drop) != nil {
			return
		}
		for _, explain := range []bool{false, true} {
			e, err := Extract("fuzz", []byte("<html>"+page), Options{Address: "https://gazette.example/a", Rule: rule, Explain: explain})
			if err != nil {
				return
			}
			sound(t, e)
			r, _ := newRule(rule)
			for _, p := range e.Articles[0].Points {
				if by, dropped := r.drops(p); dropped {
					t.Fatalf("%q was taken though %q drops it", p, by)
				}
			}
		}
	})
}
