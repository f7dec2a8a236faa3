package ingest

import (
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// Boxes of key points have lines about themselves: that a machine wrote them,
// an advertisement, a question whether they were of use. They are found by what
// their item is called, in any language, and by their words.

// besidePoint tells an item that is named for something else than a point.
func besidePoint(n *html.Node) bool {
	for _, a := range n.Attr {
		switch a.Key {
		case "class", "id", "role", "data-testid", "data-component", "data-type":
			if len(a.Val) < 400 && besideWords(nameWords(a.Val)) {
				return true
			}
		}
	}
	return false
}

// besideWords reads the words of a name. Many of them end in what something
// is made of: a "share-price-item" is a point.
func besideWords(words []string) bool {
	for i, w := range words {
		switch w {
		case "disclaimer", "disclaimers", "disclosure", "ad", "ads", "advert", "adverts", "advertisement", "advertising", "adslot", "adunit", "adcontainer",
			"sponsored", "promo", "feedback", "newsletter", "subscribe", "signup", "paywall", "anzeige", "werbung", "publicite", "publicidad", "pubblicita", "reklame", "reklama", "annonce":
			return true
		case "share", "sharing", "social", "related", "label":
			if i == len(words)-1 || words[i+1] == "item" || words[i+1] == "link" || words[i+1] == "links" || words[i+1] == "button" || words[i+1] == "buttons" || words[i+1] == "bar" || words[i+1] == "tools" {
				return true
			}
		}
	}
	return false
}

// besideItems are the items of a list that are named so. Where most of them
// are, the name says nothing.
func (p *page) besideItems(c *candidate) map[int]bool {
	beside, items := map[int]bool{}, 0
	for d := range c.element.ChildNodes() {
		if d.DataAtom != atom.Li && attribute(d, "role") != "listitem" {
			continue
		}
		if besidePoint(d) {
			beside[items] = true
		}
		items++
	}
	if items != len(c.items) || len(beside)*2 >= items {
		return nil
	}
	return beside
}

// dropBeside leaves those items out.
func (p *page) dropBeside(c *candidate) {
	beside := p.besideItems(c)
	if len(beside) == 0 {
		return
	}
	kept := c.items[:0:0]
	for i, it := range c.items {
		if beside[i] {
			c.con(reasonBesideItem, strings.TrimSpace(it.text))
			continue
		}
		kept = append(kept, it)
	}
	c.items = kept
}

// linesOfBoxes are whole lines that stand in such boxes, as newPhrases has
// them. Each pattern takes the whole line: news has many of these words.
const linesOfBoxes = `
ai a.i artificial openai chatgpt claude gemini / ^(?:this |the |these |our |a |an )?(?:(?:article|story|news) )?(?:ai )?(?:summary|summaries|overview|recap|bullet points|points|bullets|key points|takeaways|key takeaways|highlights|synopsis) (?:above |below )?(?:was|were|is|are|has been|have been)? ?(?:automatically )?(?:generated|created|written|produced|made|compiled|prepared)\b.{0,60}\b(?:ai|a\.i|artificial intelligence|openai|chatgpt|claude|gemini)\b.{0,80}$
^ai ^artificial ^generative / ^(?:ai|artificial intelligence|generative ai)(?: tools?)? (?:generated|created|wrote|made|produced|was used to (?:create|write|generate|produce)|helped to (?:create|write)|may (?:make|contain) (?:mistakes|errors)|can (?:make|contain) (?:mistakes|errors))(?: this| these| the)?(?: summary| points| bullets| list)?[^,]{0,60}$
^powered / ^powered by \S+(?: \S+){0,3}$
helpful useful / ^(?:was|were|is|did you find) (?:this|these|it)\b.{0,30}\b(?:helpful|useful)\s*\?.{0,12}$
^give ^send ^leave ^share / ^(?:give|send|leave|share)(?: us)?(?: your)? feedback\W*$
^feedback ^comments ^error ^advertising / ^(?:feedback|comments|advertising)\W*$
^report ^spotted ^found ^see ^notice / ^(?:report (?:an? |this )?(?:error|typo|mistake|correction|issue|problem)s?|(?:spotted|found|see|notice) (?:an? )?(?:error|typo|mistake)s?\s*\?)(?: here| in this (?:article|story|summary))?\W*$
^story ^article ^content ^text ^post ^advertisement ^ad / ^(?:story|article|content|text|post) continues (?:below|after)(?: (?:this|the))?(?: (?:advertisement|ad|advert|video|gallery|newsletter|promotion|image|photo))?\W*$|^(?:advertisement|ad)\s*[-–—:]\s*(?:story|article|content|scroll)\b.{0,40}$
^watch ^see ^play / ^(?:watch|see|play) (?:the |this |our )?(?:full )?(?:video|clip|report)(?: (?:report|player))?(?: (?:above|below|here|now|at the top(?: of (?:the|this) (?:page|story|article))?))?\W*$
^listen ^hear / ^(?:listen to|hear) (?:this|the)(?: full)? (?:article|story|summary|report|episode)(?: (?:above|below|here|now))?\W*$
comments conversation discussion debate / ^(?:jump|skip|go|scroll) (?:down )?to (?:the )?comments\W*$|^join (?:the |in the )?(?:conversation|discussion|debate)(?: (?:in the comments|below|here))*\W*$|^(?:have your say|tell us what you think)(?: in the comments)?(?: below)?\W*$
^follow / ^follow (?:our |the )?live (?:coverage|blog|updates|feed)(?: (?:here|below|now))?\W*$
alerts app notifications / ^(?:get|sign up for|turn on|receive|enable)\b.{0,40}\b(?:alerts|notifications)\b(?: (?:in|from|on|with|via) (?:our|the)(?: \S+){0,2} app)?\W*$
ki intelligenz chatgpt openai / ^(?:die(?:se[rs]?)?|das|der|unsere) ?(?:zusammenfassung|kurzfassung|überblick|stichpunkte|stichworte|kernpunkte|punkte|text|übersicht)\b.{0,20}\b(?:wurden?|ist|sind|hat|haben)\b.{0,60}\b(?:ki|künstliche[rn]? intelligenz|chatgpt|openai)(?:-\pL+)?\b.{0,80}$|^ki-(?:generierte|gestützte|erstellte|basierte)r? (?:zusammenfassung|kurzfassung|stichpunkte|überblick)\b.{0,60}$|^(?:mit|von|durch) (?:hilfe (?:von |einer |der )?)?(?:ki|künstlicher intelligenz) (?:erstellt|generiert|zusammengefasst|verfasst)\b.{0,60}$
^war ^fanden ^ist / ^(?:war|waren|ist|fanden sie) (?:das|dies|diese[rs]?)\b.{0,30}\b(?:hilfreich|nützlich)\s*\?\W*$
^feedback ^rückmeldung ^fehler ^haben ^problem ^korrektur / ^(?:feedback|rückmeldung) (?:geben|senden)\W*$|^(?:fehler|problem) (?:melden|gefunden|entdeckt)\s*\??\W*$|^haben sie (?:einen )?fehler (?:entdeckt|gefunden|bemerkt)\s*\?.{0,40}$
anzeige werbung / ^(?:der |das )?(?:artikel|text|beitrag|inhalt|weiter|es)(?: geht)?\b.{0,20}\b(?:nach|unter|unterhalb) (?:der|dieser) (?:anzeige|werbung)(?: weiter)?\W*$
^zum ^zu ^zur ^sehen ^video ^artikel ^beitrag ^hören ^diskutieren ^diskutiere ^mitdiskutieren ^hier / ^zu[mr]? (?:den )?(?:video|videos|liveticker|liveblog|ticker|kommentare?n?|podcast|bildergalerie|galerie|fotostrecke|live-?blog|live-?ticker)\W*$|^sehen sie (?:hier )?(?:das|im) video(?: oben| unten| hier)?\W*$|^(?:artikel|beitrag|text) (?:anhören|vorlesen(?: lassen)?|hören)\W*$|^hören sie (?:diesen|den) (?:artikel|beitrag)(?: an)?\W*$|^(?:diskutieren sie|diskutiere|mitdiskutieren)(?: jetzt| hier)?(?: mit)?\W*$|^hier (?:geht es|geht's) zu[mr]? .{1,40}$
ia intelligence chatgpt openai / ^(?:(?:ce|cette|ces|le|la|les) )?(?:résumé|synthèse|points|points clés|texte)\P{L}(?:.{0,12}\P{L})?(?:généré|créé|rédigé|réalisé|produit|établi)e?s?\P{L}.{0,40}\b(?:ia|intelligence artificielle|chatgpt|openai)\b.{0,80}$
^cet ^cette ^ce ^avez ^est / ^(?:cet article|ce résumé|cette synthèse|cela|ceci)[ -].{0,30}(?:utile|aidé)s?\s*\?\W*$|^avez-vous trouvé .{1,30} utile\s*\?\W*$
^signaler ^donner ^donnez ^écouter ^écoutez ^réagir ^réagissez ^commenter ^aller ^suivre ^suivez ^voir ^regarder ^regardez ^la ^l ^article / ^signaler (?:une|l') ?(?:erreur|faute|problème)\W*$|^donne[rz] votre avis\W*$|^écoute[rz] (?:cet |l')(?:article|épisode|info)\W*$|^(?:réagi(?:r|ssez)|commente[rz])(?: à)? (?:cet |l')?article\W*$|^aller aux commentaires\W*$|^suiv(?:re|ez) (?:notre|le) (?:direct|live)\b.{0,20}$|^(?:voir|regarde[rz]) (?:la|notre) vidéo(?: ci-(?:dessus|dessous)| ici)?\W*$|^(?:l'article|la suite|article)\b.{0,20}\b(?:après|sous) (?:la|cette) (?:publicité|pub|vidéo|annonce)\W*$
ia inteligencia inteligência chatgpt / ^(?:(?:est[ea]s?|el|la|los|las|os|as|o|a) )?(?:resumen|síntesis|puntos(?: clave)?|texto|resumo|síntese|pontos(?:[- ]chave)?|sumário)\b.{0,16}\b(?:generad[oa]s?|cread[oa]s?|elaborad[oa]s?|redactad[oa]s?|hech[oa]s?|realizad[oa]s?|gerad[oa]s?|criad[oa]s?|feit[oa]s?|produzid[oa]s?)\b.{0,40}\b(?:ia|inteligencia artificial|inteligência artificial|chatgpt)\b.{0,80}$
útil / ^(?:¿)?(?:te|le|este|esta|esto|isto|foi|considera|achou|fue|ha)\b.{0,40} úti(?:l|is)\s*\?\W*$
^publicidade ^publi ^pub ^continua ^continúa ^el ^la ^o ^a / ^(?:publicidade|pub|publi)\W*$|^(?:(?:el|la|o|a) )?(?:artículo|noticia|texto|matéria|artigo|notícia|reportagem)? ?continú?u?a (?:después de|tras|debajo de|após|depois d[ae]|abaixo d[ae]) ?(?:la|a|esta)? ?(?:publicidade?|anuncio|anúncio)\W*$
^reportar ^informar ^comunicar ^notificar ^escuchar ^escucha ^ouvir ^ouça ^ir ^comenta ^comente ^únete ^participe ^deixe ^deja ^sigue ^siga ^sigue ^acompanhe ^mira ^vea ^ver ^veja ^assista / ^(?:reportar|informar|comunicar|notificar) (?:de )?(?:un|el|um|o)? ?(?:error|erro)\W*$|^(?:escucha[r]?|ouvir|ouça) (?:est[ea]|el|o|a) (?:artículo|noticia|artigo|notícia|matéria)\W*$|^ir (?:a los|para os|aos) comentarios?\W*$|^ir (?:para os|aos) comentários\W*$|^(?:comenta|comente) (?:est[ea]|la|el|a|o) (?:noticia|artículo|notícia|artigo)\W*$|^(?:únete a|participe d[ae]|participe na) (?:la )?(?:conversación|conversa|discussão)\W*$|^(?:deja|deixe) (?:tu|o seu|seu) (?:comentario|comentário)\W*$|^(?:sigue|siga|acompanhe)(?: aquí| aqui)? (?:nuestro |nosso |la última hora )?(?:en directo|directo|en vivo|ao vivo|direto)(?: aquí| aqui)?\W*$|^(?:mira|vea|ver|veja|assista(?: ao)?) (?:el |o )?(?:vídeo|video)(?: (?:arriba|abajo|de arriba|acima|abaixo|completo|aquí|aqui))?\W*$
ia intelligenza chatgpt / ^(?:(?:quest[oaie]|il|la|i|le) )?(?:riassunto|sintesi|sommario|punti(?: chiave)?|testo)\b.{0,16}\b(?:generat[oaie]|creat[oaie]|realizzat[oaie]|redatt[oaie]|prodott[oaie]|scritt[oaie])\b.{0,40}\b(?:ia|intelligenza artificiale|chatgpt)\b.{0,80}$
^ti ^è ^questo ^hai / ^(?:ti è stat[oa]|è stat[oa]|quest[oa] (?:articolo|sintesi|riassunto)|hai trovato)\b.{0,30}\butile\s*\?\W*$
^segnala ^ascolta ^vai ^partecipa ^commenta ^segui ^guarda ^l ^continua ^articolo / ^segnala (?:un |l')?(?:errore|refuso|problema)\W*$|^ascolta (?:quest'|questo |l')?(?:articolo|notizia)\W*$|^vai ai commenti\W*$|^partecipa alla (?:discussione|conversazione)\W*$|^commenta(?: (?:l'articolo|la notizia))?\W*$|^segui (?:la|la nostra) diretta\b.{0,20}$|^guarda il video(?: qui)?(?: sopra| sotto)?\W*$|^(?:l')?(?:articolo )?(?:continua|prosegue) (?:dopo|sotto) la pubblicità\W*$
ai intelligentie / ^(?:(?:deze|dit|de|het) )?(?:samenvatting|overzicht|punten|kernpunten)\b.{0,16}\b(?:is|zijn|werd|werden)\b.{0,30}\b(?:ai|kunstmatige intelligentie|chatgpt)\b.{0,80}$
nuttig / ^(?:was|is|vond je|vindt u|vond u) (?:dit|deze|het)\b.{0,30}\bnuttig\s*\?\W*$
^meld ^fout ^luister ^beluister ^naar ^praat ^reageer ^volg ^bekijk ^artikel ^verhaal / ^meld (?:een|deze) fout\W*$|^fout (?:gezien|gevonden|ontdekt)\s*\?.{0,20}$|^(?:luister naar|beluister) (?:dit|het) (?:artikel|verhaal)\W*$|^naar de (?:reacties|comments)\W*$|^praat mee\W*$|^reageer(?: op dit artikel)?\W*$|^volg (?:ons|het) liveblog\W*$|^bekijk (?:de|hier de|het) video(?: hierboven| hieronder)?\W*$|^(?:het )?(?:artikel|verhaal) gaat verder (?:na|onder) (?:de|deze) (?:advertentie|video|reclame)\W*$
ai ki intelligens chatgpt / ^(?:(?:dette|denne|disse|det här|den här|den) )?(?:oppsummeringen|oppsummering|sammendraget|sammendrag|sammanfattningen|sammanfattning|resuméet|resumeet|resumé|opsummeringen|opsummering|punktene|punkterna|punkterne)\b.{0,12}\b(?:er|är|har|ble|blev)\b.{0,30}\b(?:laget|lavet|gjord|gjort|skapad|skapats|generert|genererad|genereret|skrevet|skriven|utarbeidet|udarbejdet|blitt)\b.{0,40}\b(?:ai|ki|kunstig intelligens|artificiell intelligens|chatgpt)\b.{0,80}$
^var ^fant ^fandt ^hade / ^(?:var|er|är|fant du|fandt du|hade du) (?:dette|det|denne|den|det här)\b.{0,30}\b(?:nyttig|nyttigt|hjelpsomt|til hjelp|till hjälp|hjälpsamt|användbart|brugbart|hjælpsomt|användbar)\s*\?\W*$
^annonce ^annonser ^annoncer ^annons ^rapporter ^rapportér ^rapportera ^meld ^fundet ^hittat ^funnet ^lytt ^lyt ^lyssna ^gå ^til ^till ^delta ^deltag ^kommenter ^kommentera ^følg ^följ ^se ^artikkelen ^artiklen ^artikeln ^saken / ^annonce[r]?\W*$|^(?:rapporter|rapportér|rapportera|meld)(?: om)?(?: en| et| ett)? (?:feil|fejl|fel)\W*$|^(?:fundet|hittat|funnet)(?: du)?(?: en| et| ett)? (?:feil|fejl|fel)\s*\?.{0,20}$|^(?:lytt til|lyt til|lyssna på) (?:denne |den här |dette )?(?:saken|artikkelen|artiklen|artikeln|artikel)\W*$|^(?:gå )?til (?:kommentarene|kommentarfeltet|kommentarerne|kommentarer)\W*$|^(?:gå )?till kommentarerna\W*$|^(?:delta|deltag) i (?:debatten|diskusjonen|diskussionen|samtalen)\W*$|^kommenter(?:a)?(?: (?:saken|artiklen|artikeln|artikkelen))?\W*$|^(?:følg|följ) (?:vår|vores|saken|vårt)?.{0,14}\b(?:direkte|live\pL*)\W*$|^se (?:videoen|videon)(?: (?:over|ovenfor|ovan|under|nedan|nedenfor|her|här))?\W*$
sztuczna sztuczną sztucznej ai si / ^(?:(?:to|ta|te|niniejsze) )?(?:streszczenie|podsumowanie|skrót|punkty)\b.{0,20}\b(?:przygotowa\pL+|wygenerowa\pL+|stworzy\pL+|utworz\pL+|napisa\pL+|opracowa\pL+|powsta\pL+)\b.{0,40}(?:sztuczn\pL+ inteligencj\pL+|\bai\b|\bsi\b).{0,80}$
pomocne przydatne pomocny przydatny / ^czy (?:to|ten|ta|było)\b.{0,30}\b(?:pomocn[ey]|przydatn[ey])\s*\?\W*$
^reklama ^reklamy ^zgłoś ^posłuchaj ^przejdź ^dołącz ^skomentuj ^śledź ^obejrzyj / ^reklam[ay]\W*$|^zgłoś (?:błąd|błędy|literówkę)\W*$|^posłuchaj (?:tego )?(?:artykułu|tekstu)\W*$|^przejdź do komentarzy\W*$|^dołącz do (?:dyskusji|rozmowy)\W*$|^skomentuj(?: (?:artykuł|ten artykuł))?\W*$|^śledź (?:naszą )?relację(?: na żywo)?\W*$|^obejrzyj (?:wideo|film|materiał)(?: (?:powyżej|poniżej))?\W*$
ии искусственный искусственного искусственным шi ші штучний штучного / ^(?:это |цей |этот )?(?:краткое содержание|краткий пересказ|резюме|пересказ|стислий виклад|короткий зміст|підсумок)\b?.{0,50}(?:ии|ші|искусственн\pL+ интеллект\pL*|штучн\pL+ інтелект\pL*)(?:\P{L}.{0,80})?$
τεχνητή τεχνητής / ^(?:η |αυτή η )?(?:σύνοψη|περίληψη).{0,50}τεχνητής? νοημοσύνης?.{0,80}$
yapay / ^(?:bu )?özet.{0,20}yapay zek[aâ].{0,80}$
umělá umělou umělé umelá / ^(?:toto |tento )?(?:shrnutí|souhrn|zhrnutie).{0,40}uměl(?:á|ou|é) inteligenc.{0,80}$
mesterséges / ^(?:az |ez az )?összefoglaló.{0,20}mesterséges intelligenci.{0,80}$
tekoäly tekoälyn tekoälyllä / ^(?:tämän )?tiivistelmä\pL*.{0,30}tekoäly\pL*.{0,80}$
ia inteligența / ^(?:acest )?rezumat\pL*.{0,30}(?:\bia\b|inteligența artificială).{0,80}$
الاصطناعي / ^.{0,20}(?:الملخص|ملخص).{0,40}الذكاء الاصطناعي.{0,80}$|^.{0,10}الملخص بالذكاء الاصطناعي.{0,80}$
בינה / ^.{0,4}(?:התקציר|הסיכום).{0,40}בינה מלאכותית.{0,80}$
^إعلان ^اعلان ^פרסומת ^διαφήμιση ^διαφημιση ^reklam ^hirdetés ^publicitate ^реклама / ^(?:إعلان|اعلان|פרסומת|διαφήμιση|διαφημιση|reklam|hirdetés|publicitate|реклама)\W*$
`
