package ingest

import (
	"embed"
	"encoding/json"
	"fmt"
	"html"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"courant/digest"
)

// The evaluation of key points: articles in eleven languages, poured into
// pages of several makes, with key points in every way that publishers have of
// giving them, and with everything that looks like key points and is none.
// Articles and pages were written for it; see testdata/points.

//go:embed testdata/points
var evaluation embed.FS

// story is an article to pour into pages.
type story struct {
	Lang, Site, Section, Title, Description, Weak, Latest string
	Body, Points, Heads, Subheads, Share, Stories         []string
	Newsletter, Cookies, Bio, Hours, Events, Paywall      []string
}

// slots are the places of a page where a family or a trap puts its markup.
type slots struct{ top, middle, bottom string }

// evalPage is one page of the evaluation. Without points it is a trap.
type evalPage struct {
	name   string
	text   string
	title  string
	points []string
}

func evalStories(t testing.TB) []story {
	t.Helper()
	data, err := evaluation.ReadFile("testdata/points/articles.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []story
	if err := json.Unmarshal(data, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

func evalSkins(t testing.TB) []string {
	t.Helper()
	files, err := evaluation.ReadDir("testdata/points/skins")
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, f := range files {
		data, err := evaluation.ReadFile(path.Join("testdata/points/skins", f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, string(data))
	}
	return all
}

var slotName = regexp.MustCompile(`\{(json )?([a-z]+)(?: (\d))?\}`)

// pour fills a page with a story.
func (s story) pour(skin string, at slots) string {
	lists := map[string][]string{"body": s.Body, "story": s.Stories, "newsletter": s.Newsletter, "cookie": s.Cookies}
	texts := map[string]string{"lang": s.Lang, "site": s.Site, "section": s.Section, "title": s.Title, "description": s.Description, "latest": s.Latest}
	markup := map[string]string{"top": at.top, "middle": at.middle, "bottom": at.bottom}
	return slotName.ReplaceAllStringFunc(skin, func(slot string) string {
		m := slotName.FindStringSubmatch(slot)
		if list, ok := lists[m[2]]; ok {
			n, _ := strconv.Atoi(m[3])
			return html.EscapeString(list[n])
		}
		if text, ok := texts[m[2]]; ok && m[1] != "" {
			quoted, _ := json.Marshal(text)
			return string(quoted)
		} else if ok {
			return html.EscapeString(text)
		}
		if text, ok := markup[m[2]]; ok {
			return text
		}
		return slot
	})
}

// bullets is a list of texts.
func bullets(open string, texts ...string) string {
	var b strings.Builder
	b.WriteString(open)
	for _, text := range texts {
		b.WriteString("<li>" + html.EscapeString(text) + "</li>\n")
	}
	return b.String() + "</" + strings.TrimPrefix(strings.Fields(strings.Trim(open, "<>"))[0], "<") + ">"
}

// linked is a list of links.
func linked(open string, texts ...string) string {
	var b strings.Builder
	b.WriteString(open)
	for i, text := range texts {
		fmt.Fprintf(&b, `<li><a href="/%d">%s</a></li>`, i, html.EscapeString(text))
	}
	return b.String() + "</ul>"
}

// headed puts a heading over a list, in one of the ways of publishers.
func headed(n int, heading, list string) string {
	h := html.EscapeString(heading)
	switch n % 6 {
	case 0:
		return "<h2>" + h + "</h2>" + list
	case 1:
		return "<p><strong>" + h + ":</strong></p>" + list
	case 2:
		return `<div class="c-box"><div class="c-box__title">` + h + `</div>` + list + `</div>`
	case 3:
		return "<aside><h3>" + h + "</h3>" + list + "</aside>"
	case 4:
		return `<section><header><h4>` + strings.ToUpper(h) + `</h4></header><div>` + list + `</div></section>`
	}
	return `<details open><summary>` + h + `</summary>` + list + `</details>`
}

// publishersNames are classes and ids that mean key points, as publishers
// write them.
var publishersNames = []string{
	`class="RenderKeyPoints-list"`, `class="summary-list"`, `class="post-summary-bullets"`, `class="bi-bulletpoints"`, `class="cnnStryHghLght"`,
	`class="el__storyhighlights"`, `class="mol-bullets-with-font"`, `class="abstract__3f9a2c"`, `class="story-highlights"`, `class="article__key-points"`,
	`class="KeyTakeaways_root__x7"`, `data-testid="article-key-takeaways"`, `class="c-article-summary__bullets"`, `id="key-points"`, `class="keyFacts"`,
	`class="o-takeaways"`, `class="tldr-box"`, `class="article-highlights"`, `class="at-a-glance"`, `data-component="KeyPoints"`, `class="summaryBullets"`,
	`class="ai-summary"`, `class="quick-read"`, `class="das-wichtigste"`, `class="key-findings"`, `class="storySummary"`, `class="bullet-summary"`,
	`class="what-to-know"`, `class="puntos-clave"`, `class="punti-chiave"`, `class="kortversjon"`, `class="in-het-kort"`, `class="najwazniejsze"`,
	`class="a-retenir"`, `class="pontos-chave"`,
}

// givenPoints are the pages whose publishers gave points.
func givenPoints(t testing.TB) []evalPage {
	stories, skins := evalStories(t), evalSkins(t)
	var pages []evalPage
	add := func(s story, family string, at slots) {
		n := len(pages)
		pages = append(pages, evalPage{name: fmt.Sprintf("%s/%s/%d", family, s.Lang, n), text: s.pour(skins[n%len(skins)], at), title: s.Title, points: s.Points})
	}
	for _, s := range stories {
		for i, h := range s.Heads {
			add(s, "heading "+h, slots{top: headed(i, h, bullets("<ul>", s.Points...))})
		}
		add(s, "heading twice", slots{top: headed(0, s.Heads[0], bullets("<ul>", s.Points...)), bottom: headed(2, s.Heads[0], bullets("<ul>", s.Points...))})
		add(s, "heading and paragraphs", slots{top: "<h3>" + s.Heads[0] + "</h3><p>• " + strings.Join(s.Points, "</p><p>• ") + "</p>"})
		add(s, "heading at the end", slots{bottom: headed(0, s.Heads[0], bullets(`<ul class="key-points">`, s.Points...))})
		add(s, "bare list", slots{top: bullets("<ul>", s.Points...)})
		add(s, "bare list in divs", slots{top: `<div class="x"><div>` + bullets(`<ul role="list">`, s.Points...) + `</div></div>`})
		add(s, "bulleted lines", slots{top: "<p>• " + strings.Join(s.Points, "<br>\n• ") + "</p>"})
		add(s, "paywall among them", slots{top: bullets(`<ul class="key-points">`, slices.Insert(slices.Clone(s.Points), 1, s.Paywall...)...)})
		add(s, "page's data", slots{bottom: `<script type="application/json">{"story":{"headline":` + asJSON(s.Title) + `,"keyPoints":` + asJSON(s.Points) + `},"more":[{"headline":` +
			asJSON(s.Stories[0]) + `,"keyPoints":` + asJSON(s.Stories) + `}]}</script>`})
		spaced := strings.NewReplacer(" ", "&nbsp;\n ", "e", "&#8203;e").Replace(bullets(`<ul class="key-points">`, s.Points...))
		add(s, "white space", slots{top: strings.ReplaceAll(strings.ReplaceAll(spaced, "<ul&nbsp;\n class", "<ul class"), "k&#8203;ey", "key")})
	}
	for _, s := range stories {
		list := bullets("<ul>", s.Points...)
		add(s, "heading in a button", slots{top: `<div class="fold"><button type="button" aria-expanded="false">` + s.Heads[0] + `</button><div hidden>` + list + `</div></div>`})
		add(s, "button in a heading", slots{top: `<h3><button>` + s.Heads[0] + ` <svg><path/></svg></button></h3>` + list})
		add(s, "heading as an item", slots{top: bullets("<ul>", slices.Insert(slices.Clone(s.Points), 0, s.Heads[0])...)})
		add(s, "a note below the heading", slots{top: "<h3>" + s.Heads[0] + `</h3><p class="note">AI-generated, checked by our editors</p>` + list})
		add(s, "emoji, count and colon", slots{top: "<p><b>✨ " + s.Heads[0] + ":</b></p>" + list})
		add(s, "divs with roles", slots{top: "<h3>" + s.Heads[0] + `</h3><div role="list"><div role="listitem">` + strings.Join(s.Points, `</div><div role="listitem">`) + `</div></div>`})
		add(s, "escaped twice", slots{top: strings.NewReplacer("&#34;", "&amp;quot;", "&#39;", "&amp;#39;", "e ", "e&amp;nbsp;").Replace(bullets("<ul class=key-points>", s.Points...))})
	}
	for i, name := range publishersNames {
		s := stories[i%len(stories)]
		add(s, name, slots{top: `<div ` + name + `>` + bullets("<ul>", s.Points...) + `</div>`})
		s = stories[(i+3)%len(stories)]
		add(s, name+" of the list", slots{top: bullets("<ul "+name+">", s.Points...)})
	}
	for _, name := range []string{`class="key-points"`, `class="bi-bulletpoints"`, `class="story-highlights"`, `class="article-takeaways"`} {
		s := stories[len(name)%len(stories)]
		add(s, name+" paragraphs", slots{top: "<div " + name + "><p>" + strings.Join(s.Points, "</p><p>") + "</p></div>"})
		if name == `class="bi-bulletpoints"` {
			continue // that alone has other meanings further down
		}
		add(s, name+" behind the text", slots{bottom: "<div " + name + ">" + bullets("<ul>", s.Points...) + "</div>"})
		add(s, name+" beside the text", slots{middle: "<aside " + name + ">" + bullets("<ul>", s.Points...) + "</aside>"})
	}
	return pages
}

// asJSON is a value as JSON.
func asJSON(v any) string {
	data, _ := json.Marshal(v)
	return string(data)
}

// traps are pages with what looks like key points and is none.
func traps(t testing.TB) []evalPage {
	stories, skins := evalStories(t), evalSkins(t)
	var pages []evalPage
	add := func(s story, trap string, at slots) {
		n := len(pages)
		pages = append(pages, evalPage{name: fmt.Sprintf("%s/%s/%d", trap, s.Lang, n), text: s.pour(skins[n%len(skins)], at), title: s.Title})
	}
	for _, s := range stories {
		add(s, "nothing", slots{})
		add(s, "share tools", slots{top: bullets("<ul>", s.Share...)})
		add(s, "latest news", slots{top: "<h3>" + s.Latest + "</h3>" + bullets("<ul>", s.Stories...)})
		add(s, "latest news, unnamed", slots{top: bullets("<ul>", s.Stories...)})
		add(s, "links under a weak heading", slots{top: "<h2>" + s.Weak + "</h2>" + linked("<ul>", s.Stories...)})
		add(s, "links under a strong heading", slots{top: "<h2>" + s.Heads[0] + "</h2>" + linked("<ul>", s.Stories...)})
		add(s, "other stories under a weak heading", slots{top: "<h2>" + s.Weak + "</h2>" + bullets("<ul>", s.Stories...)})
		add(s, "other stories under a strong class", slots{bottom: `<div class="key-points">` + bullets("<ul>", s.Stories...) + "</div>"})
		add(s, "newsletter", slots{top: bullets(`<ul class="offer">`, s.Newsletter...)})
		add(s, "cookies", slots{top: bullets("<ul>", s.Cookies...)})
		add(s, "about the author", slots{bottom: "<h3>Anna Example</h3>" + bullets("<ul>", s.Bio...)})
		add(s, "opening hours", slots{top: bullets("<ul>", s.Hours...)})
		add(s, "dates of events", slots{top: "<h3>" + s.Weak + "</h3>" + bullets("<ul>", s.Events...)})
		var toc strings.Builder
		for _, h := range s.Subheads {
			toc.WriteString("<h2>" + h + "</h2><p>" + s.Body[2] + "</p>")
		}
		add(s, "table of contents", slots{top: bullets("<ul>", s.Subheads...), bottom: toc.String()})
		add(s, "table of contents, named", slots{top: "<h3>" + s.Heads[0] + "</h3>" + bullets("<ul>", s.Subheads...), bottom: toc.String()})
		add(s, "list in mid-text", slots{middle: bullets("<ul>", s.Points...)})
		add(s, "weak heading at the end", slots{bottom: "<h3>" + s.Weak + "</h3>" + bullets("<ul>", s.Points...)})
		add(s, "paywall", slots{top: bullets(`<ul class="key-points">`, s.Paywall...)})
		add(s, "related by class", slots{top: `<div class="related-stories">` + bullets("<ul>", s.Points...) + `</div>`})
		add(s, "body in a field called summary", slots{bottom: `<div class="article-summary">` + bullets("<ul>", slices.Concat(s.Body, s.Body, s.Body)...) + `</div>`})
		add(s, "data of another story", slots{bottom: `<script type="application/json">{"headline":` + asJSON(s.Stories[0]) + `,"keyPoints":` + asJSON(s.Points) + `}</script>`})
		add(s, "unnamed data of other stories", slots{bottom: `<script>window.state={"keyPoints":` + asJSON(s.Stories) + `}</script>`})
	}
	for i, trap := range slices.Sorted(maps.Keys(oddTraps)) {
		add(stories[0], trap, slots{top: oddTraps[trap]})
		if i%2 == 0 {
			add(stories[0], trap+" at the end", slots{bottom: oddTraps[trap]})
		}
	}
	return pages
}

// oddTraps are lists of all kinds that speak of the bridge and are no points.
var oddTraps = map[string]string{
	"line-up":             `<h3>Highlights</h3>` + bullets("<ul>", "The Girders", "Bridge Club", "DJ Ferry and the Harbour Choir", "The Bakers of 1911"),
	"credits":             bullets(`<ul>`, "Reporting: Ann Example at the harbour bridge", "Photographs: Bob Example of the port authority", "Editing: Carla Example and the ferry desk"),
	"shop steps":          `<h3>Summary</h3>` + bullets("<ol>", "Step 1: choose your harbour bridge print", "Step 2: add the bridge print to your cart", "Step 3: pay for the ferry of your print"),
	"ingredients":         `<h3>Ingredients</h3>` + bullets("<ul>", "200 g harbour shrimps from the bridge market", "2 tbsp oil for the girders of the grill", "1 cup of the ferry's best cream, cold"),
	"method":              `<h3>Method</h3>` + bullets("<ol>", "Heat the oil under the girders of the grill", "Fry the harbour shrimps for two minutes a side", "Serve with the bread of the north bank"),
	"features":            `<h3>Features</h3>` + bullets("<ul>", "Waterproof bridge model with eight main girders", "Ferry with a motor and a year of warranty", "Ships within ten days, free of charge"),
	"tags":                bullets(`<ul class="tags">`, "harbour bridge", "ferries of the old pier", "port authority and its inspectors", "girders"),
	"live blog":           bullets(`<ol class="timeline">`, "09:14 Inspectors arrive at the harbour bridge", "10:02 The port authority closes two lanes to traffic", "11:30 Ferries leave the old pier every ten minutes"),
	"results":             bullets("<ul>", "Harbour 3, Northbank 1", "Bridge City 0, Old Pier 0", "Ferrymen 2, Girders United 4"),
	"podcast chapters":    bullets("<ul>", "00:00 The harbour bridge and its girders", "04:30 What the inspectors found in the cracks", "12:10 Ferries and commuters of the north bank"),
	"prices":              bullets("<ul>", "Season ticket for the ferry: 40 a month", "Single ticket for the ferry: 3", "Bicycle on the ferry: 1"),
	"glossary":            `<dl class="summary"><dt>Girder</dt><dd>A beam that carries the harbour bridge</dd><dt>Pier</dt><dd>A place where ferries of the port authority land</dd></dl>`,
	"quiz":                bullets(`<ul class="quiz">`, "How many main girders has the harbour bridge?", "When will ferries run to the north bank?", "How much will the repair cost the state?"),
	"questions":           `<h3>Frequently asked</h3>` + bullets("<ul>", "Why does the harbour bridge close on Monday?", "Who pays for the repair of the girders?", "Where do the ferries leave from?"),
	"names":               bullets("<ul>", "Ann Example", "Bob Example", "Carla Example"),
	"menu of sections":    linked(`<ul>`, "All about the harbour bridge", "All about the ferries of the old pier", "All about the port authority"),
	"photo captions":      `<figure>` + bullets("<ul>", "The harbour bridge on Monday morning before it closed", "Ferries at the old pier wait for commuters", "A baker on the north bank counts her bread") + `</figure>`,
	"hidden":              bullets(`<ul style="display: none">`, "Inspectors found cracks in two of the eight main girders.", "Ferries run every ten minutes and are free for commuters."),
	"comments":            `<div id="comments"><h3>Highlights</h3>` + bullets("<ul>", "Closing the harbour bridge for a year is a scandal of the port authority", "Ferries every ten minutes will never work, said my neighbour") + `</div>`,
	"standfirst":          `<div class="article-summary"><p>Inspectors found cracks in two of the eight main girders.</p><p>Ferries run every ten minutes and are free for commuters.</p></div>`,
	"sources":             `<h3>Sources</h3>` + bullets("<ol>", "Port authority: report on the girders of the harbour bridge, 2026", "State audit office: bridges and what their repair costs, 2025"),
	"code":                `<div class="highlight"><pre>$ bridge --close\n$ ferry --start</pre></div>` + bullets(`<ul class="highlight">`, "bridge --close harbour", "ferry --start pier"),
	"numbered paragraphs": `<p>1. The harbour bridge was built in 1911 by the port authority.</p><p>2. The girders were made of steel from the north.</p><p>3. The ferries stopped in 1912.</p>`,
	"dialogue":            `<p>– Will the bridge close at last? asked the baker of the north bank.</p><p>– It will, said the man from the authority, and for a year.</p>`,
	"podcast offers":      bullets(`<ul class="promo">`, "Listen to the harbour podcast about the bridge", "Follow our ferry series wherever you hear podcasts"),
	"polls":               bullets(`<ul class="poll">`, "The bridge should be repaired by the port authority", "The bridge should be torn down and ferries kept"),
	"weather":             bullets(`<ul class="weather">`, "Monday: rain over the harbour bridge all day", "Tuesday: sun over the piers and the ferries"),
	"election results":    bullets("<ul>", "Harbour Party: 34 percent of the votes in the city", "Bridge List: 28 percent of the votes", "Ferry Union: 11 percent of the votes"),
	"jobs":                `<h3>Highlights</h3>` + bullets("<ul>", "Apply now: ferry captain at the port authority", "Apply now: engineer for bridges and girders"),
	"downloads":           bullets("<ul>", "Report of the inspectors (PDF, 2 MB)", "Timetable of the ferries (PDF, 1 MB)", "Map of the piers and the bridge (JPG)"),
	"phone numbers":       bullets("<ul>", "Port authority: 0800 123 456 for questions about the bridge", "Ferry office: 0800 123 457 at the old pier"),
}

// marks are what people begin the lines of a list with.
var marks = []string{"• ", "- ", "* ", "– ", "· ", "▪ ", "‣ ", "— ", "● ", "◦ ", "■ ", "➤ ", "→ ", "✓ ", "◆ ", "❖ ", "🔹 ", "👉 ", "+ ", "•\t", "•", "1. ", "1) ", "(1) "}

// marksBefore is a list in plain text. A mark that counts goes on counting.
func marksBefore(mark string, texts []string) string {
	var b strings.Builder
	for i, text := range texts {
		b.WriteString(strings.Replace(mark, "1", strconv.Itoa(i+1), 1) + text + "\n")
	}
	return b.String()
}

// givenInText are articles as plain text whose publishers gave points.
func givenInText(t testing.TB) []evalPage {
	var pages []evalPage
	for k, s := range evalStories(t) {
		body := strings.Join(s.Body, "\n\n") + "\n"
		cut := strings.Join(s.Paywall, "\n\n") + "\n"
		add := func(shape, text string) {
			pages = append(pages, evalPage{name: fmt.Sprintf("text %s/%s", shape, s.Lang), text: text, title: s.Title, points: s.Points})
		}
		for _, mark := range marks {
			add("marked "+mark, s.Section+"\n\n"+s.Title+"\n\n"+marksBefore(mark, s.Points)+"\n"+body)
		}
		mark := marks[k%len(marks)]
		list := marksBefore(mark, s.Points)
		add("without category", s.Title+"\n\n"+list+"\n"+body)
		add("headed", s.Title+"\n\n"+s.Heads[0]+":\n"+list+"\n"+body)
		add("headed behind the text", s.Title+"\n\n"+s.Body[0]+"\n\n"+s.Heads[0]+"\n\n"+list+"\n"+body)
		add("lines of Windows", strings.ReplaceAll(s.Section+"\n\n"+s.Title+"\n\n"+list+"\n"+body, "\n", "\r\n"))
		add("blank lines between", s.Title+"\n\n"+strings.ReplaceAll(list, "\n", "\n\n")+body)
		add("twice, with a paywall between", s.Section+"\n"+s.Title+"\n\n"+list+"\n"+body+"\n"+cut+"\n"+list+"\n"+body+"\n"+cut)
		add("Markdown", "# "+s.Title+"\n\n## "+s.Heads[0]+"\n\n"+marksBefore("- ", s.Points)+"\n"+body)
		add("Markdown, emphasis", "# **"+s.Title+"**\n\n**"+s.Heads[0]+":**\n\n- **"+strings.Join(s.Points, "**\n- **")+"**\n\n"+body)
		first, rest, _ := strings.Cut(s.Points[0], " ")
		add("Markdown, links", "# "+s.Title+"\n\n* ["+first+"](https://example.com/a_b) "+rest+"\n"+marksBefore("* ", s.Points[1:])+"\n"+body)
		add("odd spaces", s.Title+"\n\n"+strings.ReplaceAll(strings.ReplaceAll(list, "e ", "e \u00a0 "), "er", "e\u00adr")+"\n"+body)
		add("paywall among them", s.Title+"\n\n"+marksBefore(mark, slices.Insert(slices.Clone(s.Points), 1, s.Paywall...))+"\n"+body)
	}
	return pages
}

// textTraps are texts without points.
func textTraps(t testing.TB) []evalPage {
	var pages []evalPage
	for _, s := range evalStories(t) {
		body := strings.Join(s.Body, "\n\n") + "\n"
		add := func(trap, text string) {
			pages = append(pages, evalPage{name: fmt.Sprintf("text %s/%s", trap, s.Lang), text: text, title: s.Title})
		}
		add("nothing", s.Section+"\n\n"+s.Title+"\n\n"+body)
		add("latest news", s.Title+"\n\n"+body+"\n"+s.Latest+"\n"+marksBefore("• ", s.Stories))
		add("latest news above", s.Title+"\n\n"+s.Latest+"\n"+marksBefore("• ", s.Stories)+"\n"+body)
		add("share tools", s.Title+"\n\n"+marksBefore("• ", s.Share)+"\n"+body)
		add("paywall", s.Title+"\n\n"+body+"\n"+marksBefore("- ", s.Paywall))
		add("newsletter", s.Title+"\n\n"+marksBefore("* ", s.Newsletter)+"\n"+body)
		add("list in mid-text", s.Title+"\n\n"+s.Body[0]+"\n\n"+s.Body[1]+"\n\n"+marksBefore("- ", s.Points)+"\n"+s.Body[2]+"\n\n"+s.Body[3]+"\n")
		add("opening hours", s.Title+"\n\n"+s.Body[0]+"\n\n"+marksBefore("- ", s.Hours)+"\n"+body)
		add("about the author", s.Title+"\n\n"+body+"\nAnna Example\n"+marksBefore("- ", s.Bio))
	}
	return pages
}

func TestKeyPointsOfTextsAreRight(t *testing.T) {
	t.Parallel()
	pages, right := givenInText(t), 0
	for _, page := range pages {
		a := text(t, page.text)
		if a.PointsFrom != digest.PointsPage || !slices.Equal(a.Points, page.points) || a.Title != page.title {
			t.Errorf("%s: %q, from %s %q, want %q", page.name, a.Title, a.PointsFrom, a.Points, page.points)
			continue
		}
		right++
	}
	t.Logf("%d of %d texts exactly right", right, len(pages))
	invented := 0
	pages = textTraps(t)
	for _, page := range pages {
		a := text(t, page.text)
		if a.PointsFrom == digest.PointsPage || a.Title != page.title {
			invented++
			t.Errorf("%s: %q, taken for key points: %q", page.name, a.Title, a.Points)
		}
	}
	t.Logf("wrong on %d of %d texts without points", invented, len(pages))
}

func TestKeyPointsOfEveryFamilyAreRight(t *testing.T) {
	t.Parallel()
	pages := givenPoints(t)
	right, found, wanted := 0, 0, 0
	for _, page := range pages {
		a := points(t, page.text)
		wanted += len(page.points)
		for _, p := range page.points {
			if a.PointsFrom == digest.PointsPage && slices.Contains(a.Points, p) {
				found++
			}
		}
		if a.PointsFrom != digest.PointsPage || !slices.Equal(a.Points, page.points) {
			t.Errorf("%s: from %s %q, want %q", page.name, a.PointsFrom, a.Points, page.points)
			continue
		}
		right++
		if a.Title != page.title {
			t.Errorf("%s: title %q", page.name, a.Title)
		}
	}
	t.Logf("%d of %d pages exactly right (%.1f %%), recall %.3f", right, len(pages), 100*float64(right)/float64(len(pages)), float64(found)/float64(wanted))
}

func TestTrapsGiveNoKeyPoints(t *testing.T) {
	t.Parallel()
	pages, invented := traps(t), 0
	site := slices.Concat(evalStories(t)[0].Cookies, evalStories(t)[0].Paywall)
	for _, page := range pages {
		a := points(t, page.text)
		if a.PointsFrom == digest.PointsPage {
			invented++
			t.Errorf("%s: taken for key points: %q", page.name, a.Points)
		}
		if a.Title != page.title {
			t.Errorf("%s: title %q", page.name, a.Title)
		}
		for _, p := range a.Points {
			if slices.Contains(site, p) {
				t.Errorf("%s: boilerplate: %q", page.name, p)
			}
		}
	}
	t.Logf("points invented on %d of %d pages without any (%.2f %%)", invented, len(pages), 100*float64(invented)/float64(len(pages)))
}
