package ingest

import (
	"slices"
	"strings"
	"testing"

	"courant/digest"
)

func TestHeadingsOfManyTonguesMeanKeyPoints(t *testing.T) {
	t.Parallel()
	for _, heading := range []string{
		"Los aspectos destacados:", "DE HOOFDZAKEN", "Saka kort fortalt", "✨ Artikeln i punkter", "Artiklens vigtigste pointer", "Kluczowe ustalenia",
		"Das Wichtigste in 4 Punkten", "L’essentiel en 5 points", "In 2 bullets", "Em 4 pontos",
		"Главные тезисы", "Стисло про головне", "ΚΥΡΙΑ ΣΗΜΕΙΑ", "Τα σημαντικότερα", "HABERİN ÖZETİ", "Klíčové body", "Kľúčové body", "Dióhéjban", "Ştirea pe scurt",
		"Jutun ydin", "Svarbiausia", "Í stuttu máli", "הנקודות העיקריות", "ملخص الخبر", "この記事の4つのポイント", "重點整理", "5줄 요약", "Hal-hal penting", "Nội dung chính",
		"สรุปสาระสำคัญ", "मुख्य बातें", "संक्षेप में:",
	} {
		if got := namedGrade(heading); got != gradePoints {
			t.Errorf("%q: grade %d", heading, got)
		}
	}
}

func TestHeadingsThatOftenMeanKeyPointsNeedMoreEvidence(t *testing.T) {
	t.Parallel()
	for _, heading := range []string{"Højdepunkter", "Höjdpunkter", "תקציר", "Faits marquants", "Выводы", "Sažetak"} {
		if got := namedGrade(heading); got != gradeSummary {
			t.Errorf("%q: grade %d", heading, got)
		}
		top := points(t, bridgePage("<h3>"+heading+"</h3>"+listOf("<ul>", bridgePoints...), ""))
		if top.PointsFrom != digest.PointsPage || !slices.Equal(top.Points, bridgePoints) {
			t.Errorf("%q at the top: %q from %s", heading, top.Points, top.PointsFrom)
		}
		if below := points(t, bridgePage("", "<h3>"+heading+"</h3>"+listOf("<ul>", bridgePoints...))); below.PointsFrom == digest.PointsPage {
			t.Errorf("%q below the text was taken for key points", heading)
		}
	}
}

func TestHeadingsThatCountSomethingElseMeanNothing(t *testing.T) {
	t.Parallel()
	for _, heading := range []string{"In 30 pubs", "Das Wichtigste in 4 Liedern", "Division 3", "3", "Route 66", "En 1995", "4行詩"} {
		if got := namedGrade(heading); got != gradeNone {
			t.Errorf("%q: grade %d", heading, got)
		}
	}
}

func TestHeadingsThatSayAMachineWroteThePointsAreKnown(t *testing.T) {
	t.Parallel()
	for _, heading := range []string{
		"AI-generated summary, reviewed by our editors", "Highlights, generated with AI", "Key points: created by AI", "Zusammenfassung, mit KI erstellt",
		"Kurzfassung, erstellt durch künstliche Intelligenz", "Synthèse générée par IA", "Resumen elaborado con inteligencia artificial", "Riassunto creato con l’intelligenza artificiale",
		"Resumo criado com IA", "Samengevat door AI", "Sammendrag laget med KI", "AI-genererad sammanfattning", "Opsummering lavet af AI", "Podsumowanie wygenerowane przez AI",
		"Tekoälyn luoma yhteenveto", "AIによる要約", "AI摘要", "Краткий пересказ от нейросети",
	} {
		if got := namedGrade(heading); got != gradePoints {
			t.Errorf("%q: grade %d", heading, got)
		}
	}
	for _, heading := range []string{"The Harbour Gazette’s key points", "Summary by Gazette AI", "Gazette KI-Zusammenfassung", "The Pilots’ main points"} {
		if got := namedGrade(heading); got != gradeSummary {
			t.Errorf("%q: grade %d", heading, got)
		}
	}
}

func TestHeadingsAboutMachinesAndOwnersMeanNothing(t *testing.T) {
	t.Parallel()
	for _, heading := range []string{
		"How AI summaries changed what we search for", "AI in the newsroom", "What is AI?", "Künstliche Intelligenz", "The minister’s demands", "The pilots’ strike", "Our readers’ letters",
		"J’ai résumé pour vous les trois romans", "Intelligence agencies", "KI", "Today’s news", "Chi l’ha detto ai lettori",
	} {
		if got := namedGrade(heading); got != gradeNone {
			t.Errorf("%q: grade %d", heading, got)
		}
	}
	if a := points(t, bridgePage("", `<h3>The Gazette’s key takeaways</h3>`+listOf("<ul>", bridgePoints...))); a.PointsFrom == digest.PointsPage {
		t.Errorf("an owner's points below the text were taken: %q", a.Points)
	}
}

func TestWhatStandsWithTheHeadlineNamesNoList(t *testing.T) {
	t.Parallel()
	list := listOf("<ul>", bridgePoints...)
	headed := func(above string) string {
		return strings.Replace(bridgePage(above, ""), `<h1>`+bridgeTitle+`</h1>`, "", 1)
	}
	title := `<h1>` + bridgeTitle + `</h1>`
	for name, page := range map[string]string{
		"an author's name as a heading":         headed(`<header>` + title + `<h4><a href="/people/ann">Ann Example</a></h4></header>` + list),
		"a place and a name":                    headed(`<header>` + title + `<h4>Harbour desk</h4><h5>Ann Example</h5></header><section>` + list + `</section>`),
		"an author's name, by its class":        bridgePage(`<div class="post-byline"><h3>Ann Example</h3></div>`+list, ""),
		"an author's name, by the heading's":    bridgePage(`<h4 class="author-name">Ann Example</h4>`+list, ""),
		"a heading of points within the header": headed(`<header>` + title + `<h4>Key points</h4></header>` + list),
	} {
		if a := points(t, page); a.PointsFrom != digest.PointsPage || !slices.Equal(a.Points, bridgePoints) {
			t.Errorf("%s: %q from %s", name, a.Points, a.PointsFrom)
		}
	}
	for name, page := range map[string]string{
		"a heading outside the header":     headed(`<header>` + title + `</header><h4>Ferry times</h4>` + list),
		"a header of its own":              bridgePage(`<section><header><h4>Ferry times</h4></header>`+list+`</section>`, ""),
		"a header that holds the list too": headed(`<header>` + title + `<h4>Ferry times</h4>` + list + `</header>`),
	} {
		if a := points(t, page); a.PointsFrom == digest.PointsPage {
			t.Errorf("%s was taken for key points: %q", name, a.Points)
		}
	}
}

func TestLinesWithOtherBulletsAreAnotherList(t *testing.T) {
	t.Parallel()
	trail := `<p>• Home<br>• City<br>• Bridges<br>• Harbour<br>• North bank</p>`
	for name, above := range map[string]string{
		"dashes, then drawn ones":  `<h3>Key points</h3><p>– ` + strings.Join(bridgePoints, `</p><p>– `) + `</p>` + trail,
		"numbers, then drawn ones": `<h3>Key points</h3><p>1. ` + bridgePoints[0] + `</p><p>2. ` + bridgePoints[1] + `</p><p>3. ` + bridgePoints[2] + `</p>` + trail,
		"drawn ones, then dashes":  strings.ReplaceAll(trail, "•", "»") + `<p>• ` + strings.Join(bridgePoints, `</p><p>• `) + `</p>`,
		"marks that take turns":    `<h3>Key points</h3><p>• ` + bridgePoints[0] + `</p><p>– ` + bridgePoints[1] + `</p><p>• ` + bridgePoints[2] + `</p>`,
	} {
		if a := points(t, bridgePage(above, "")); a.PointsFrom != digest.PointsPage || !slices.Equal(a.Points, bridgePoints) {
			t.Errorf("%s: %q from %s", name, a.Points, a.PointsFrom)
		}
	}
}

func TestAHeadingThatMayNameAnythingDoesNotDecide(t *testing.T) {
	t.Parallel()
	lines := []string{"Inspectors found cracks in two girders of the harbour bridge.", "Ferries run every ten minutes from the old pier.", "Repair of the girders will take a year and cost forty million."}
	list := listOf("<ul>", lines...)
	for _, heading := range []string{"Mwachidule", "Za one walio na haraka", "Hoofsake"} {
		a := points(t, bridgePage("<h3>"+heading+"</h3>"+list, ""))
		if a.PointsFrom != digest.PointsPage || !slices.Equal(a.Points, lines) {
			t.Errorf("%q: %q from %s", heading, a.Points, a.PointsFrom)
		}
	}
	for name, above := range map[string]string{
		"a part of the story": "<h3>Ferries and girders</h3>" + list,
		"a question":          "<h3>Mwachidule?</h3>" + list,
		"a link":              `<h3><a href="/9">Mwachidule</a></h3>` + list,
		"other stories":       "<h3>Lees ook</h3>" + list,
		"lines of links":      "<h3>Mwachidule</h3>" + listOf("<ul>", `<a href="/1">`+lines[0]+`</a>`, `<a href="/2">`+lines[1]+`</a>`, lines[2]),
		"a line of another":   "<h3>Mwachidule</h3>" + listOf("<ul>", lines[0], lines[1], "Ferry museum reopens on Sunday with songs and cake"),
		"two lines":           "<h3>Mwachidule</h3>" + listOf("<ul>", lines[0], lines[1]),
	} {
		if a := points(t, bridgePage(above, "")); a.PointsFrom == digest.PointsPage {
			t.Errorf("%s was taken for key points: %q", name, a.Points)
		}
	}
	if a := points(t, bridgePage("", "<h3>Mwachidule</h3>"+list)); a.PointsFrom == digest.PointsPage {
		t.Errorf("below the text it was taken for key points: %q", a.Points)
	}
}
