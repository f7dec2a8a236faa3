package ingest

import (
	"strings"
	"testing"

	"courant/digest"
)

func TestAttributionIsReadInManyLanguages(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"Read the whole story from Business Insider": "Business Insider",
		"via Coast Courier":                          "Coast Courier",
		"(Via The Verge)":                            "The Verge",
		"Originally published at Coast Courier.":     "Coast Courier",
		"This story was originally published by Grist with the headline “Basin opens”.": "Grist",
		"This article first appeared in the Harbour Tribune on Monday.":                 "the Harbour Tribune",
		"This story originally appeared on The Conversation and is republished here.":   "The Conversation",
		"Adapted with permission from Nature":                                           "Nature",
		"This content is provided by Harbour Wire.":                                     "Harbour Wire",
		"Courtesy of Harbour Wire":                                                      "Harbour Wire",
		"Source: gazette.example":                                                       "gazette.example",
		"Den vollständigen Artikel lesen Sie bei Küstenblatt.":                          "Küstenblatt",
		"Dieser Artikel erschien zuerst auf Zeit Online.":                               "Zeit Online",
		"Dieser Beitrag ist zuerst bei Netzpolitik erschienen.":                         "Netzpolitik",
		"Zuerst erschienen in der Frankfurter Rundschau":                                "Frankfurter Rundschau",
		"Quelle: dpa/Küstenblatt":                                                       "",
		"Quelle: Küstenblatt":                                                           "Küstenblatt",
		"Lire l’article complet sur Le Monde":                                           "Le Monde",
		"Cet article a été publié initialement sur Rue Basse.":                          "Rue Basse",
		"Source : Ouest Quai":                                                           "Ouest Quai",
		"Lea el artículo completo en El Muelle":                                         "El Muelle",
		"Este artículo fue publicado originalmente en El Muelle.":                       "El Muelle",
		"Fuente: El Muelle":                                                             "El Muelle",
		"Leggi l'articolo completo su La Banchina":                                      "La Banchina",
		"Questo articolo è stato pubblicato originariamente su La Banchina.":            "La Banchina",
		"Fonte: ANSA": "ANSA",
		"Leia a matéria completa no Jornal do Porto":            "Jornal do Porto",
		"Este artigo foi publicado originalmente em Cais Novo.": "Cais Novo",
		"Lees het hele artikel op Havenkrant":                   "Havenkrant",
		"Dit artikel verscheen eerder in De Havenkrant.":        "De Havenkrant",
		"Bron: ANP":                    "ANP",
		"Les hele saken på Kystavisen": "Kystavisen",
		"Artikkelen ble først publisert på Forskning.no.": "Forskning.no",
		"Læs hele artiklen på Havnebladet":                "Havnebladet",
		"Artiklen er oprindeligt bragt i Havnebladet.":    "Havnebladet",
		"Läs hela artikeln i Kustbladet":                  "Kustbladet",
		"Artikeln publicerades först i Kustbladet.":       "Kustbladet",
		"Källa: TT":            "TT",
		"Lähde: Rannikkolehti": "Rannikkolehti",
		"Czytaj cały artykuł w Gazecie Portowej":          "Gazecie Portowej",
		"Artykuł ukazał się pierwotnie w Kurier Portowy.": "Kurier Portowy",
		"Źródło: PAP": "PAP",
		// What is none.
		"LONDON (Reuters) - The basin opened on Monday.": "",
		"Source: ":                           "",
		"Source: Getty Images":               "",
		"He read the full report on Monday.": "",
		"They travelled via Paris to the coast, and from there by sea.": "",
		"The source of the river is Lake Hollow.":                       "",
		"Die Quelle der Donau liegt im Schwarzwald.":                    "",
		"The story was published on March 3":                            "",
		"La fuente de la plaza es nueva.":                               "",
		"Share this article via WhatsApp":                               "",
		"the rest of the article is about Harbour Wire":                 "",
	} {
		if got := attribution(line); got != want {
			t.Errorf("%q credits %q, want %q", line, got, want)
		}
	}
}

func TestPagesDataNamesWhoseStoryItIs(t *testing.T) {
	t.Parallel()
	const prose = `<p>The new basin opened on Monday after nine years of work in the old port of the town.</p><p>Two cranes were moved to the new quay overnight, and the first ship came in at six in the morning.</p><p>The council hopes for more trade with the islands, which had none for years now.</p>`
	linked := func(s string) string {
		return `<script type="application/ld+json">{"@type":"NewsArticle","headline":"Basin opens early","publisher":{"name":"Gazette"},` + s + `}</script>`
	}
	for name, row := range map[string]struct{ head, text, want string }{
		"a source organization":            {linked(`"sourceOrganization":{"name":"Harbour Wire"}`), "", "Harbour Wire"},
		"what it is based on":              {linked(`"isBasedOn":{"@type":"NewsArticle","publisher":{"name":"Harbour Wire"}}`), "", "Harbour Wire"},
		"the site itself":                  {linked(`"provider":{"name":"The Gazette"}`), "", ""},
		"an original source":               {`<meta name="original-source" content="https://www.wire.example/a/1">`, "", "wire.example"},
		"the site's own address":           {`<meta name="syndication-source" content="https://www.gazette.example/a/1">`, "", ""},
		"a canonical link elsewhere":       {`<link rel="canonical" href="https://wire.example/a/1">`, "", "wire.example"},
		"a canonical link to a sister":     {`<link rel="canonical" href="https://gazette.com/a/1">`, "", ""},
		"a canonical link to a front page": {`<link rel="canonical" href="https://wire.example/">`, "", ""},
		"a source at the end":              {"", prose + `<p>Source: Harbour Wire</p>`, "Harbour Wire"},
		"the source of a chart within":     {"", `<p>Source: Port Office</p>` + prose + prose, ""},
		"a line within that says it":       {"", `<p>This story was first published by Harbour Wire.</p>` + prose, "Harbour Wire"},
		"a post that says where it is":     {"", prose + `<p>The post Basin opens early appeared first on Gazette.</p>`, ""},
	} {
		e, err := Extract("page", []byte(`<!doctype html><head><title>Basin opens early</title><meta property="og:site_name" content="Gazette">`+row.head+`</head><body><article><h1>Basin opens early</h1>`+
			first(row.text, prose)+`</article>`), Options{Address: "https://www.gazette.example/2026/basin"})
		if err != nil {
			t.Fatal(err)
		}
		if got := e.Articles[0].Attribution; got != row.want {
			t.Errorf("%s: %q, want %q", name, got, row.want)
		}
	}
}

func TestAuthorsAreNames(t *testing.T) {
	t.Parallel()
	for written, want := range map[string]string{
		"By Jane Roe": "Jane Roe", "Von Max Muster": "Max Muster", "Par Anne Quai": "Anne Quai", "Recueilli par Patrick Quai": "Patrick Quai", "jane@example.org (Jane Roe)": "Jane Roe",
		"Jane Roe jane@example.org": "Jane Roe", "Jane Roe <jane@example.org>": "Jane Roe", "jane@example.org": "", "https://www.facebook.com/jane": "", "@jane": "", "www.gazette.example": "",
		"admin": "", "Administrator": "", "Super User": "", "No Author": "", "publisher": "", "anónimo": "", "user5105": "", "jane.roe": "", "{$author}": "", "cipha[at]cipha.net": "",
		"Jane Roe | Gazette": "Jane Roe", "Jane Roe for the Gazette": "Jane Roe", "Organization for Ports": "Organization for Ports", "Jane Roe January 18, 2017 11:00 PM PST": "Jane Roe",
		"Jane Roe Follow": "Jane Roe", "Hafen-Verlag GmbH, Lübeck, Germany": "Hafen-Verlag GmbH", "Фото: Иван Портов": "", "Photo: Jane Roe": "", "Jane Roe, AP": "Jane Roe, AP", "dpa": "dpa",
		"Outside Authors (OA)": "Outside Authors (OA)", "孔德明": "孔德明", "<b>Jane</b> Roe": "Jane Roe", "Jane Roe is a writer who lives in the old port and has told its tales for forty years now": "",
	} {
		if got := cleanAuthor(written); got != want {
			t.Errorf("%q: %q, want %q", written, got, want)
		}
	}
}

func TestSitesAreCalledByTheirNames(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ written, domain, want string }{
		{"Harbour Gazette", "gazette.example", "Harbour Gazette"}, {"https://www.gazette.example/", "gazette.example", "gazette.example"}, {"www.gazette.example", "", "gazette.example"},
		{"Gazette - News, Weather and Sport from the Port", "gazette.example", "Gazette"}, {"Port News, Weather | The Gazette", "thegazette.example", "The Gazette"},
		{"{$site_name}", "", ""}, {"LN - Lübecker Nachrichten", "ln-online.de", "LN - Lübecker Nachrichten"}, {"The Tico Times | Costa Rica News | Travel", "ticotimes.net", "The Tico Times"},
		{"Die Quayzeitung", "", "Die Quayzeitung"}, {"Ukrainian Port News Agency. All the news of the day, at once and online", "", "Ukrainian Port News Agency"},
	} {
		if got := siteName(row.written, row.domain); got != row.want {
			t.Errorf("%q at %s: %q, want %q", row.written, row.domain, got, row.want)
		}
	}
}

func TestLanguagesAreThoseOfTheRegistry(t *testing.T) {
	t.Parallel()
	for written, want := range map[string]string{
		"en_GB": "en-GB", "EN-us": "en-US", "de": "de", "de-DE-formal": "de-DE", "zh-hant-tw": "zh-Hant-TW", "pt-br": "pt-BR", "en-GB, fr": "en-GB", "en_US.UTF-8": "en-US", "sr-Latn": "sr-Latn",
		"english": "", "": "", "und": "", "mul": "", "x-default": "", "{{lang}}": "", "de-ere": "de", "123": "", "fr_FR@euro": "fr",
	} {
		if got := languageTag(written); got != want {
			t.Errorf("%q: %q, want %q", written, got, want)
		}
	}
}

func TestLanguageIsGuessedWhereItIsCertainOnly(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"The new basin was opened on Monday, and the first of the ships came in with the tide. It is the work of nine years, which the council had not thought possible when it was voted for. But they have been proved right, and the port has had its first day of trade with the islands.":  "en",
		"Das neue Becken ist am Montag eröffnet worden, und die ersten Schiffe kamen mit der Flut. Es ist das Werk von neun Jahren, das der Rat nicht für möglich gehalten hatte. Auch die Fischer sind zufrieden, wenn sie mit den Booten nach dem Fang zurück in den Hafen kommen.":           "de",
		"Le nouveau bassin a été ouvert lundi, et les premiers navires sont entrés avec la marée. Il est le travail de neuf ans, que le conseil ne croyait pas possible. Mais les pêcheurs sont contents, car ils ont des quais plus grands pour leurs bateaux dans le vieux port de la ville.": "fr",
		strings.Repeat("新しい港が月曜日に開かれました。町の人々は喜んでいます。", 6):                                              "ja",
		strings.Repeat("Новый порт открыт в понедельник, это большое событие для жителей города. ", 3): "ru",
		"Basin opens.": "",
		"Pier 9, Quay 4, Dock 12. Opening hours: 9-17. Tel. 555 123. Harbour Gazette Harbour Gazette Harbour Gazette": "",
	} {
		if got := guessedLanguage(text); got != want {
			t.Errorf("%.40s: %q, want %q", text, got, want)
		}
	}
}

func TestAggregatorsItemsNameTheirPublisher(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct{ title, source, wantTitle, wantFrom string }{
		"as Google News has it":           {"Basin opens early - Harbour Tribune", "Harbour Tribune", "Basin opens early", "Harbour Tribune"},
		"a dash of its own stays":         {"Basin opens early - and nobody came", "Harbour Tribune", "Basin opens early - and nobody came", "Harbour Tribune"},
		"both dashes":                     {"Port - a story - Harbour Tribune", "Harbour Tribune", "Port - a story", "Harbour Tribune"},
		"the feed's own name":             {"Basin opens early | Harbour Gazette", "", "Basin opens early", ""},
		"the feed itself is the source":   {"Basin opens early", "Harbour Gazette", "Basin opens early", ""},
		"a word like the name stays":      {"Basin opens in Harbour", "Harbour", "Basin opens in Harbour", ""},
		"an address for a name":           {"Basin opens early - tribune.example", "tribune.example", "Basin opens early", "tribune.example"},
		"escaped twice":                   {"Basin &amp;amp; quay open", "", "Basin & quay open", ""},
		"capitals stay":                   {"BASIN OPENS EARLY", "", "BASIN OPENS EARLY", ""},
		"a bar that is not the publisher": {"Port | Basin opens early", "Harbour Tribune", "Port | Basin opens early", "Harbour Tribune"},
	} {
		source := ""
		if row.source != "" {
			source = `<source url="https://tribune.example/feed">` + row.source + `</source>`
		}
		e := feed(t, rssHead+`<item><title>`+row.title+`</title><link>https://gazette.example/1</link>`+source+`</item></channel></rss>`)
		if a := e.Articles[0]; a.Title != row.wantTitle || a.Attribution != row.wantFrom {
			t.Errorf("%s: %q from %q, want %q from %q", name, a.Title, a.Attribution, row.wantTitle, row.wantFrom)
		}
	}
}

func TestJSONFeedsSummaryThatIsItsTextIsADescription(t *testing.T) {
	t.Parallel()
	const said = "The new basin opened on Monday after nine years of work, and the first ship came in at six."
	e := feed(t, `{"version":"https://jsonfeed.org/version/1.1","title":"Gazette","language":"en-gb","items":[{"id":"1","url":"https://gazette.example/1","title":"Basin opens early","summary":"`+said+`","content_text":"`+said+`"}]}`)
	if a := e.Articles[0]; a.PointsFrom != digest.PointsDescription || len(a.Points) == 0 || a.Points[0] != said || a.Language != "en-GB" {
		t.Errorf("%q from %s in %s", a.Points, a.PointsFrom, a.Language)
	}
}
