package ingest

import (
	"slices"
	"testing"

	"courant/digest"
)

func TestItemsNamedForSomethingElseAreNoPoints(t *testing.T) {
	t.Parallel()
	for _, item := range []string{
		`<li class="ai-disclaimer"><em>Written by our own robot in the cellar</em></li>`, `<li class="c-box__disclaimer"><p>Xyzzy bridge plugh</p></li>`, `<li class="adSlot">Bridge Insurance for commuters</li>`,
		`<li class="box-feedback">Kuidas sulle meeldis harbour bridge</li>`, `<li class="share-item"><span>Jaga harbour bridge</span></li>`, `<li data-component="newsletter-card">The harbour bridge in your post each morning</li>`, `<li class="summary-label">Bridge summary of today</li>`,
	} {
		for place, list := range map[string]string{
			"last":  `<ul><li>` + bridgePoints[0] + `</li><li>` + bridgePoints[1] + `</li><li>` + bridgePoints[2] + `</li>` + item + `</ul>`,
			"amid":  `<ul><li>` + bridgePoints[0] + `</li>` + item + `<li>` + bridgePoints[1] + `</li><li>` + bridgePoints[2] + `</li></ul>`,
			"first": `<ul>` + item + `<li>` + bridgePoints[0] + `</li><li>` + bridgePoints[1] + `</li><li>` + bridgePoints[2] + `</li></ul>`,
		} {
			if a := points(t, bridgePage(`<div class="key-points">`+list+`</div>`, "")); a.PointsFrom != digest.PointsPage || !slices.Equal(a.Points, bridgePoints) {
				t.Errorf("%s, %s: from %s %q", item, place, a.PointsFrom, a.Points)
			}
		}
	}
	for _, open := range []string{`<li class="share-price">`, `<li class="label-list-point">`, `<li class="social-policy">`, `<li class="related-fact">`} {
		page := bridgePage(`<div class="key-points"><ul>`+open+bridgePoints[0]+`</li><li>`+bridgePoints[1]+`</li><li>`+bridgePoints[2]+`</li></ul></div>`, "")
		if a := points(t, page); !slices.Equal(a.Points, bridgePoints) {
			t.Errorf("%s: from %s %q", open, a.PointsFrom, a.Points)
		}
	}
	named := `<div class="key-points"><ul><li class="promo">` + bridgePoints[0] + `</li><li class="promo">` + bridgePoints[1] + `</li><li class="promo">` + bridgePoints[2] + `</li></ul></div>`
	if a := points(t, bridgePage(named, "")); !slices.Equal(a.Points, bridgePoints) {
		t.Errorf("all named alike: from %s %q", a.PointsFrom, a.Points)
	}
}

func TestLinesOfBoxesAboutThemselvesAreNoPoints(t *testing.T) {
	t.Parallel()
	for _, line := range []string{
		"The summary above was written by AI and checked by an editor.", "AI-generated summary, checked by a person", "Artificial intelligence was used to create this summary.", "Powered by Claude", "Did you find this useful?", "Send us your feedback", "Spotted a typo?", "Article continues after this ad", "Watch the full report below", "Listen to this story", "Skip to comments", "Join the discussion", "Follow our live blog", "Turn on notifications in our app", "Report an issue",
		"Diese Stichpunkte wurden von einer KI verfasst.", "Mit Hilfe von KI erstellt", "War dieser Artikel hilfreich?", "Fehler melden", "Der Artikel geht nach der Anzeige weiter", "Zu den Kommentaren", "Beitrag anhören", "Hier geht es zum Podcast", "Diskutieren Sie mit!",
		"Cette synthèse a été rédigée par une intelligence artificielle.", "Ce résumé vous a-t-il été utile ?", "Signaler une faute", "Résumé créé par IA, relu par un journaliste", "Ce résumé a été rédigé par l’IA", "Écoutez cet article", "Suivez le live", "La suite après cette publicité", "Donnez votre avis",
		"Este resumen ha sido elaborado por inteligencia artificial y revisado por un editor.", "¿Te ha resultado útil?", "Reportar un error", "Escuchar este artículo", "El artículo continúa después de la publicidad", "Ir a los comentarios",
		"Este resumo foi criado por IA e revisto pela redação.", "Publicidade", "Este resumo foi útil?", "Comunicar erro", "Ouvir este artigo", "Continua após a publicidade",
		"Il riassunto è stato realizzato con l'intelligenza artificiale.", "Ti è stato utile?", "Segnala un errore", "Ascolta l'articolo", "Vai ai commenti", "L'articolo continua dopo la pubblicità",
		"Deze samenvatting is met AI gemaakt.", "Was dit artikel nuttig?", "Fout gezien?", "Luister naar dit artikel", "Naar de reacties", "Artikel gaat verder na de advertentie",
		"Oppsummeringen er laget med kunstig intelligens.", "Lytt til artikkelen", "Gå til kommentarfeltet", "Var dette nyttig?", "Meld feil",
		"Den här sammanfattningen är skapad med AI.", "Lyssna på artikeln", "Till kommentarerna", "Hittat ett fel?", "Var det här till hjälp?",
		"Resumeet er lavet med kunstig intelligens.", "Annonce", "Lyt til artiklen", "Fundet en fejl?", "Deltag i debatten",
		"Podsumowanie wygenerowała sztuczna inteligencja.", "Reklama", "Zgłoś błąd", "Posłuchaj artykułu", "Przejdź do komentarzy", "Czy to podsumowanie było pomocne?",
		"この要約はAIが生成しました。", "广告", "이 요약은 인공지능이 작성했습니다.", "إعلان", "Краткое содержание составил ИИ.", "Bu özet yapay zekâ tarafından hazırlandı.", "Souhrn napsala umělá inteligence.",
	} {
		if !isBoilerplate(line) {
			t.Errorf("not told from a point: %s", line)
		}
	}
	for _, line := range []string{
		"Apple suspends AI-generated news summaries after errors", "A third of summaries made by AI contain errors, a study says", "Judges ask whether a ruling was written by AI", "Feedback from commuters moved the council", "Report an error and get £10, a bank tells its customers", "Watch the video of the crash, police ask witnesses",
		"Fehler im Haushalt: Stadt muss 3 Millionen nachzahlen", "Werbung für Zucker wird verboten", "KI plant künftig die Züge der Bahn", "Die Anzeige gegen den Bürgermeister ist vom Tisch", "Reklamation abgewiesen", "Artikel 5 bleibt in der Verfassung",
		"La publicité à la télévision recule", "Le texte créé par la commission sera voté lundi", "La publicidad del tabaco queda prohibida", "El artículo 155 continúa en vigor después de la sentencia", "Publicidade infantil é proibida no Brasil", "L'intelligenza artificiale ha prodotto farmaci nuovi", "Annoncer for spil forbydes", "Reklama alkoholu znika z telewizji", "Följ med till Oslo: båten går igen",
		"Follow the money, the judge told the inquiry", "Was this the worst storm in a century?", "Join the union, staff were told", "Listen to this advice, doctors say: wash your hands", "Ces points créés en 2020 seront supprimés", "广告收入下降三成",
	} {
		if isBoilerplate(line) {
			t.Errorf("a point is taken for a line of the box: %s", line)
		}
	}
}
