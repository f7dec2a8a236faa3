package ingest

import (
	"html"
	"testing"
)

// titled is a page's ways to say its headline.
type titled struct{ title, og, h1, linked, site, want string }

func TestHeadlinesOfEveryShapeComeWithoutTheSitesName(t *testing.T) {
	t.Parallel()
	const basin = "New basin opens after nine years"
	rows := []titled{
		// The site's name behind and before, with every separator.
		{title: basin + " | Harbour Gazette", site: "Harbour Gazette"}, {title: basin + " - Harbour Gazette", site: "Harbour Gazette"}, {title: basin + " – Harbour Gazette", site: "Harbour Gazette"},
		{title: basin + " — Harbour Gazette", site: "Harbour Gazette"}, {title: basin + " · Harbour Gazette", site: "Harbour Gazette"}, {title: basin + " • Harbour Gazette", site: "Harbour Gazette"},
		{title: basin + " :: Harbour Gazette", site: "Harbour Gazette"}, {title: basin + " » Harbour Gazette", site: "Harbour Gazette"}, {title: basin + " « Harbour Gazette", site: "Harbour Gazette"},
		{title: basin + " › Harbour Gazette", site: "Harbour Gazette"}, {title: basin + " / Harbour Gazette", site: "Harbour Gazette"}, {title: basin + " ~ Harbour Gazette", site: "Harbour Gazette"},
		{title: basin + " // Harbour Gazette", site: "Harbour Gazette"}, {title: basin + " < Harbour Gazette", site: "Harbour Gazette"}, {title: basin + " > Harbour Gazette", site: "Harbour Gazette"},
		{title: basin + " ‹ Harbour Gazette — WordPress", site: "Harbour Gazette"}, {title: "Harbour Gazette | " + basin, site: "Harbour Gazette"}, {title: "Harbour Gazette - " + basin, site: "Harbour Gazette"},
		{title: "Harbour Gazette: " + basin, site: "Harbour Gazette"}, {title: "Harbour Gazette » " + basin, site: "Harbour Gazette"}, {title: "» " + basin, site: "Harbour Gazette"}, {title: basin + " »", site: "Harbour Gazette"},
		{title: basin + " | harbourgazette.example"}, {title: basin + " - HarbourGazette.example"}, {title: basin + " | Gazette", site: "Harbour Gazette"}, {title: basin + " | Harbour Gazette Online", site: "Harbour Gazette"},
		{title: basin + " - The Harbour Gazette", site: "Harbour Gazette"}, {title: basin + " – Local – Harbour Gazette", h1: basin, site: "Harbour Gazette"},
		{title: basin + " | Local | Harbour Gazette", og: basin, site: "Harbour Gazette"}, {title: basin + " | Harbour Gazette | Local news", og: basin, site: "Harbour Gazette"},
		{title: basin + "|Harbour Gazette", og: basin, site: "Harbour Gazette"}, {title: basin + " |Harbour Gazette", og: basin, site: "Harbour Gazette"},
		// One says it with the site, another without.
		{title: basin + " | Harbour Gazette", og: basin + " | Harbour Gazette", site: "Harbour Gazette"}, {title: "Basin - Harbour Gazette", og: basin, h1: basin, site: "Harbour Gazette"},
		{title: "Harbour Gazette", og: basin, site: "Harbour Gazette"}, {title: "Harbour Gazette", h1: basin, site: "Harbour Gazette"}, {title: "Harbour Gazette", linked: basin, site: "Harbour Gazette"},
		{title: basin, h1: "Harbour Gazette", site: "Harbour Gazette"}, {og: basin, h1: basin + " | Harbour Gazette", site: "Harbour Gazette"}, {title: "Home", og: basin, h1: basin, site: "Harbour Gazette"},
		{title: basin + " (PHOTOS) | Harbour Gazette", h1: basin, og: basin + " (PHOTOS)", site: "Harbour Gazette"}, {h1: basin, linked: basin}, {h1: basin}, {linked: basin}, {og: basin}, {title: basin},
		// In brackets, the whole name and nothing less.
		{title: basin + " (Harbour Gazette)", site: "Harbour Gazette"}, {title: basin + " [The Harbour Gazette]", h1: basin + " [The Harbour Gazette]", site: "Harbour Gazette"},
		{title: basin + " (HarbourGazette.example)", og: basin + " [harbourgazette.example]"},
		{title: basin + " (Gazette)", site: "Harbour Gazette", want: basin + " (Gazette)"}, {title: basin + " (Other Paper)", site: "Harbour Gazette", want: basin + " (Other Paper)"},
		{title: basin + " [video]", h1: basin + " [video]", site: "Harbour Gazette", want: basin + " [video]"}, {title: basin + " (2026)", og: basin + " (2026)", site: "Harbour Gazette", want: basin + " (2026)"},
		// A dash, a bar and a colon of its own stay.
		{title: "Port - a story of nine years | Harbour Gazette", site: "Harbour Gazette", want: "Port - a story of nine years"},
		{title: "Basin opens – but where are the ships?", site: "Harbour Gazette", want: "Basin opens – but where are the ships?"},
		{title: "Basin opens – but where are the ships? – Harbour Gazette", site: "Harbour Gazette", want: "Basin opens – but where are the ships?"},
		{title: "Mayor: “We will open it” | Harbour Gazette", site: "Harbour Gazette", want: "Mayor: “We will open it”"},
		{title: "Explained: why the basin opens - Harbour Gazette", site: "Harbour Gazette", want: "Explained: why the basin opens"},
		{h1: "Live | Basin opens as crowds come", title: "Live | Basin opens as crowds come | Harbour Gazette", site: "Harbour Gazette", want: "Live | Basin opens as crowds come"},
		{title: "9/11 and 3-2 wins: a look back - Harbour Gazette", site: "Harbour Gazette", want: "9/11 and 3-2 wins: a look back"},
		{title: "Mayor on »trade and the islands«", want: "Mayor on »trade and the islands«"}, {title: "«We will open it». The mayor speaks - Harbour Gazette", site: "Harbour Gazette", want: "«We will open it». The mayor speaks"},
		{title: "AC/DC play at the old port | Harbour Gazette", site: "Harbour Gazette", want: "AC/DC play at the old port"},
		{title: "Why the Gazette building burnt | Harbour Gazette", site: "Harbour Gazette", want: "Why the Gazette building burnt"},
		{title: "Harbour Gazette wins three prizes", h1: "Harbour Gazette wins three prizes", site: "Harbour Gazette", want: "Harbour Gazette wins three prizes"},
		{title: "Ferry - Saltmere to Fennwick - sails again", og: "Ferry - Saltmere to Fennwick - sails again", site: "Harbour Gazette", want: "Ferry - Saltmere to Fennwick - sails again"},
		// Entities escaped once too often, capitals, white space, other scripts.
		{title: "Basin &amp; quay open &#8211; at last | Harbour Gazette", site: "Harbour Gazette", want: "Basin & quay open – at last"}, {og: "Basin &amp;quot;opens&amp;quot; today", want: `Basin "opens" today`},
		{title: "BASIN OPENS AFTER NINE YEARS | Harbour Gazette", site: "Harbour Gazette", want: "BASIN OPENS AFTER NINE YEARS"}, {title: "  New basin\n opens \t after nine years  ", want: basin},
		{title: "Das Becken öffnet nach neun Jahren - Küstenblatt", site: "Küstenblatt", want: "Das Becken öffnet nach neun Jahren"}, {title: "Новый порт открыт | Портовая газета", site: "Портовая газета", want: "Новый порт открыт"},
		{title: "新しい港が開かれました | 港新聞", site: "港新聞", want: "新しい港が開かれました"}, {title: "新港口今天正式开放_新闻_港口网", want: "新港口今天正式开放"}, {title: "نئی بندرگاہ کھل گئی - ہاربر گزٹ", site: "ہاربر گزٹ", want: "نئی بندرگاہ کھل گئی"},
		{h1: "Title: " + basin, og: basin}, {h1: basin + " ¶", title: basin}, {h1: "Local " + basin, og: basin, title: basin + " | Harbour Gazette", site: "Harbour Gazette"}, {h1: "<b>New</b> basin opens<br>after nine years", og: basin},
		{h1: basin, og: "Basin opens: what you need to know about the nine years", title: basin + " - Harbour Gazette", site: "Harbour Gazette"},
	}
	for _, row := range rows {
		want := first(row.want, basin)
		h1 := row.h1
		if h1 != "" {
			h1 = "<h1>" + h1 + "</h1>"
		}
		linked := ""
		if row.linked != "" {
			linked = `<script type="application/ld+json">{"@type":"NewsArticle","headline":"` + row.linked + `"}</script>`
		}
		meta := func(name, s string) string {
			if s == "" {
				return ""
			}
			return `<meta property="` + name + `" content="` + html.EscapeString(s) + `">`
		}
		e, err := Extract("page", []byte(`<!doctype html><head><meta charset="utf-8"><title>`+row.title+`</title>`+meta("og:title", row.og)+meta("og:site_name", row.site)+linked+
			`</head><body><article>`+h1+`<p>The ships came in at six in the morning, and two cranes were moved to the quay overnight.</p><p>The council hopes for more trade with the islands, which had none for years now.</p></article>`),
			Options{Address: "https://www.harbourgazette.example/2026/11/basin"})
		if err != nil {
			t.Fatal(err)
		}
		if got := e.Articles[0].Title; got != want {
			t.Errorf("%+v:\n got %q", row, got)
		}
	}
	if len(rows) < 60 {
		t.Errorf("%d shapes are too few", len(rows))
	}
}

func TestHeadlinesOfAFeedLoseTheSitesNameInBrackets(t *testing.T) {
	t.Parallel()
	for title, want := range map[string]string{
		"New basin opens today (The Daily Example)": "New basin opens today", "New basin opens today [Daily Example]": "New basin opens today",
		"New basin opens today [Example.com]": "New basin opens today", "New basin opens today (Another Paper)": "New basin opens today (Another Paper)",
		"New basin opens today (Example)": "New basin opens today (Example)", "New basin opens today [pdf]": "New basin opens today [pdf]",
	} {
		feed := `<rss version="2.0"><channel><title>The Daily Example</title><link>https://www.example.com/</link><item><title>` + html.EscapeString(title) +
			`</title><link>https://www.example.com/basin</link></item></channel></rss>`
		e, err := Extract("feed.xml", []byte(feed), Options{})
		if err != nil || len(e.Articles) != 1 || e.Articles[0].Title != want {
			t.Errorf("%s: %+v, %v", title, e.Articles, err)
		}
	}
}
