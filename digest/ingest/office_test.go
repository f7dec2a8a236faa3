package ingest

import (
	"slices"
	"strings"
	"testing"

	"courant/digest"
)

// TestSitesSpeakingOfThemselvesStandInForNothing has the sentences in which
// sites speak to their readers, between sentences of the news.
func TestSitesSpeakingOfThemselvesStandInForNothing(t *testing.T) {
	t.Parallel()
	for line := range strings.Lines(`You have reached your limit of free stories for this month.
You have used the number of free articles that we give away each week.
Editor's note: A former version of this piece had another number.
This piece contains affiliate links, from which we earn a commission.
The opinions expressed in this piece are those of its author alone.
Thank you for reading, please log in to continue with this story.
The pier on Monday morning as the ferry comes in. Photograph: Ann Example/Coast Press
This story has been updated to include what the port authority said.
Sie haben bereits ein Abo? Dann geben Sie hier bitte Ihre Daten ein.
Dieser Beitrag ist nur für Abonnenten der Küstenzeitung zu lesen.
Mit Ihrer Zustimmung zeigen wir Ihnen hier einen Beitrag von anderswo.
Sie haben Ihr Kontingent an freien Artikeln für diese Woche verbraucht.
Hinweis der Redaktion: Eine frühere Fassung nannte eine andere Zahl.
Il vous reste 60 % de cet article à lire, qui est réservé aux abonnés.
Vous avez lu tous vos articles gratuits de la semaine sur ce site.
Has llegado al límite de artículos que puedes leer gratis esta semana.
Este contenido es exclusivo para los suscriptores de nuestro diario.
Hai raggiunto il limite di articoli che puoi leggere questa settimana.
Este texto é exclusivo para assinantes do jornal e da sua página.
Dit verhaal is exclusief voor abonnees van de krant en van de site.
Du må være abonnent for å lese resten av denne saken hos oss.
Den här texten är bara för dig som är prenumerant på vår tidning.
Du skal være abonnent for at læse resten af artiklen på siden her.
Ten tekst jest dostępny tylko dla prenumeratorów naszego dziennika.
Этот текст доступен только подписчикам нашей газеты и её сайта.
この記事は有料会員限定のため、続きを読むには登録が必要です。
本文为付费内容，订阅后可以阅读全部文字。
`) {
		line = strings.TrimSpace(line)
		if got := realSentences(line, bridgeTitle); len(got) > 0 {
			t.Errorf("%q stands in: %q", line, got)
		}
		a := points(t, strings.Replace(bridgePage("", ""), "<p>"+bridgeLead, "<p>"+line+"</p><p>"+bridgeLead, 1))
		if slices.ContainsFunc(a.Points, func(p string) bool { return strings.Contains(line, p) }) {
			t.Errorf("%q reaches a reader: %q", line, a.Points)
		}
	}
	for _, line := range []string{
		"The limit of free rides was reached on Monday, the ferry company said in a statement.",
		"The photo shows the bridge as it was before the war, the museum said.",
		"The party wants to make subscriptions to newspapers free of tax for students.",
		"Das Abonnement der Bahn wird teurer, teilte das Unternehmen am Montag mit.",
	} {
		if len(realSentences(line, bridgeTitle)) != 1 {
			t.Errorf("%q is news", line)
		}
	}
}

func TestWrappedTextsAreJoined(t *testing.T) {
	t.Parallel()
	const wrapped = `Harbour bridge closes for a year after cracks are found

* Inspectors found cracks in two main girders of the harbour bridge
that carry its middle part.
* Ferries run every ten minutes and are free for commuters.

The harbour bridge will close to all traffic on Monday after
inspectors found cracks in two of its eight main girders, the port
authority said. Ferries will run every ten minutes from the old pier,
and commuters with a season ticket cross free of charge.
`
	want := []string{"Inspectors found cracks in two main girders of the harbour bridge that carry its middle part.", "Ferries run every ten minutes and are free for commuters."}
	for name, s := range map[string]string{"LF": wrapped, "CRLF": strings.ReplaceAll(wrapped, "\n", "\r\n"), "CR": strings.ReplaceAll(wrapped, "\n", "\r")} {
		a := text(t, s)
		if a.PointsFrom != digest.PointsPage || !slices.Equal(a.Points, want) {
			t.Errorf("%s: from %s: %q", name, a.PointsFrom, a.Points)
		}
		if !strings.HasPrefix(a.Lead, "The harbour bridge will close to all traffic on Monday after inspectors found cracks in two of its eight main girders, the port authority said. Ferries will run") {
			t.Errorf("%s: lead %q", name, a.Lead)
		}
	}
}

func TestHeadlineStandsBelowWhatOfficesAndAgenciesWrite(t *testing.T) {
	t.Parallel()
	body := "\n\n" + bridgeLead + "\n\nFerries will run every ten minutes from the old pier, and commuters with a season ticket cross free of charge.\n"
	for _, above := range []string{
		"For immediate release\n", "PRESS RELEASE\nFor immediate release\n20 February 2026\n", "EMBARGOED UNTIL 00:01 FRIDAY 20 FEBRUARY 2026\n",
		"BC-UK--Bridge Closure, 2nd Ld-Writethru\n", "bdt0423 4 wi 250 dpa 1234\nVerkehr/Hafen/Bau/\n", "https://coast.example/city/bridge\n",
		"CITY | 20 FEBRUARY 2026\n\n", "---\n", "Skip to main content\nCoast Courier\nSearch\nMenu\nHome\nNews\n", "From: Port Press Office <press@port.example>\nTo: desk@coast.example\n",
	} {
		if a := text(t, above+bridgeTitle+body); a.Title != bridgeTitle {
			t.Errorf("%q above it: headline %q", above, a.Title)
		}
	}
	if a := text(t, "---\ntitle: \""+bridgeTitle+"\"\n---\n"+body); a.Title != bridgeTitle || a.Category != "" {
		t.Errorf("front matter: %q in %q", a.Title, a.Category)
	}
	if a := text(t, "Harbour bridge closes for the\nwinter after cracks are found"+body); a.Title != "Harbour bridge closes for the winter after cracks are found" {
		t.Errorf("wrapped headline: %q", a.Title)
	}
	if a := text(t, "Bridge closes\nBy Ann Example\n20 February 2026"+body); a.Title != "Bridge closes" || a.Author != "Ann Example" {
		t.Errorf("short headline: %q by %q", a.Title, a.Author)
	}
}

func TestWhatAFeedSaysOfItselfDescribesNoItem(t *testing.T) {
	t.Parallel()
	const slogan = "All the news from the harbour and the county, every day of the year."
	e, err := Extract("feed", []byte(`<rss version="2.0"><channel><title>Gazette</title><link>https://g.example/</link><description>`+slogan+`</description>
<item><title>Bridge closes</title><link>https://g.example/1</link><description>`+slogan+`</description></item>
<item><title>Escaped twice</title><link>https://g.example/2</link><description>&amp;lt;p&amp;gt;`+bridgeLead+`&amp;lt;/p&amp;gt;&amp;lt;ul&amp;gt;&amp;lt;li&amp;gt;`+strings.Join(bridgePoints, "&amp;lt;/li&amp;gt;&amp;lt;li&amp;gt;")+`&amp;lt;/li&amp;gt;&amp;lt;/ul&amp;gt;</description></item>
<item><title>Told elsewhere</title><link>https://g.example/3</link><description>&lt;p&gt;`+bridgeLead+`&lt;/p&gt;&lt;p&gt;Read the whole story from Coast Courier.&lt;/p&gt;</description></item>
</channel></rss>`), Options{})
	if err != nil || len(e.Articles) != 3 {
		t.Fatal(err, e.Articles)
	}
	if a := e.Articles[0]; a.PointsFrom != digest.PointsNone || a.Lead != "" {
		t.Errorf("the slogan: from %s %q, lead %q", a.PointsFrom, a.Points, a.Lead)
	}
	if a := e.Articles[1]; a.PointsFrom != digest.PointsFeed || !slices.Equal(a.Points, bridgePoints) {
		t.Errorf("escaped twice: from %s %q", a.PointsFrom, a.Points)
	}
	if a := e.Articles[2]; a.Attribution != "Coast Courier" || len(a.Points) != 1 {
		t.Errorf("told elsewhere: %q, %q", a.Attribution, a.Points)
	}
}
