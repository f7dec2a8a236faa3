package ingest

import (
	"regexp"
	"strings"
)

// pointsHeadings are the headings that mean key points and nothing else, in
// lower case without marks.
var pointsHeadings = lineSet(`
key points
key point
key takeaways
key takeaway
takeaways
the takeaways
main takeaways
main points
the main points
key highlights
story highlights
article highlights
news highlights
key facts
key details
key messages
key message
key findings
key insights
what to know
what you need to know
what you should know
things to know
need to know
the gist
the gist of it
in a nutshell
in short
the short version
the short story
tl;dr
tldr
tl dr
at a glance
the lowdown
the key points
the takeaway
quick take
quick read
quick summary
article summary
story summary
summary of the article
ai summary
ai-generated summary
summary by ai
bullet points
points
in this story at a glance
things you need to know
what matters
what we know
what we know so far
what happened
here's what to know
here's what you need to know
here is what to know
the key facts
key information
key developments
top points
top takeaways
top line
topline
the big picture in brief
highlights of this story
story at a glance
news at a glance
article at a glance
in this article at a glance
summary points
bullet point summary
summary bullets
article in brief
story in brief
news in brief
the story in brief
in brief points
in a few words
in 30 seconds
in 60 seconds
30-second summary
the 30-second read
quick takeaways
quick overview
quick recap
fast take
the upshot
generated key takeaways
generated key points
ai key takeaways
ai key points
ai-generated key points
key points ai
why this matters in brief
key learnings
key lessons
core points
essential points
the nub
the nuts and bolts
the essentials in brief
just the facts
the crux
crux
nutshell
overview of key points
das wichtigste zum thema
das wichtigste kompakt
das wichtigste in kürze zusammengefasst
das wichtigste in 30 sekunden
das wichtigste in drei punkten
das wichtigste in 3 punkten
das wichtigste in stichpunkten
das wichtigste aus dem artikel
das wichtigste aus diesem artikel
die wichtigsten punkte im überblick
die wichtigsten punkte in kürze
die wichtigsten fakten im überblick
die wichtigsten fakten auf einen blick
die wichtigsten aussagen
die wichtigsten neuerungen im überblick
wichtiges in kürze
wichtig in kürze
kurz erklärt
kurz & bündig
kurz und bündig
kurz notiert
kurzüberblick
kurzzusammenfassung
kurzversion
in aller kürze
im kern
kern der meldung
der kern in kürze
kernbotschaften
fakten kompakt
schnell gelesen
schnellüberblick
auf den punkt
auf den punkt gebracht
artikel in kürze
der artikel in kürze
artikelzusammenfassung
artikel-zusammenfassung
zusammenfassung des artikels
ki-zusammenfassung
zusammenfassung in stichpunkten
das sollten sie wissen
das solltest du wissen
das musst du wissen
was sie wissen müssen
was du wissen musst
was sie wissen sollten
was bisher bekannt ist
das ist passiert
das ist bekannt
darum geht es in kürze
darum geht's in kürze
l'essentiel de l'article
l'essentiel de l'info
l'essentiel de l'actualité
l'essentiel en 3 points
l'essentiel en trois points
l'essentiel en quelques points
les points importants
les points à retenir
points essentiels
points importants
points à retenir
ce qu'il faut retenir de l'article
les points clés de l'article
en quelques mots
en quelques points
en quelques lignes
en un mot
en clair
pour faire court
pour résumer
résumé de l'article
l'article en bref
l'info en bref
les faits essentiels
l'info essentielle
les informations clés
les infos à retenir
les clés de l'article
au sommaire de cet article en bref
ce que l'on sait
ce qu'on sait
le résumé en bref
puntos principales
los puntos principales
puntos destacados
los puntos destacados
los puntos más importantes
puntos más importantes
ideas clave
las ideas clave
ideas principales
datos clave
los datos clave
claves de la noticia
las claves de la noticia
la noticia en claves
lo más destacado
lo esencial de la noticia
lo esencial en breve
lo clave
lo que hay que saber hoy
lo que necesitas saber
lo que debe saber
qué debes saber
qué hay que saber
lo que se sabe
en claves
en corto
en dos palabras
en un minuto
la noticia en breve
la noticia en un minuto
resumen de la noticia
resumen del artículo
resumen rápido
hechos clave
os pontos-chave
os pontos chave
pontos importantes
pontos mais importantes
pontos essenciais
pontos de destaque
principais destaques
principais informações
as principais informações
informações principais
em poucas palavras
em poucas linhas
em breve
em suma
em síntese rápida
em destaque na notícia
resumo da notícia
resumo rápido
resumo do artigo
resumo em pontos
resumo da matéria
o que precisa de saber
o que precisa saber
o que você precisa saber
o que deve saber
o que se sabe
o que é preciso saber
o que já se sabe
o essencial da notícia
destaques do artigo
fatos principais
factos principais
em 30 segundos
punti principali
punti salienti
i punti salienti
punti essenziali
i punti essenziali
punti importanti
i punti importanti
i fatti in breve
i fatti in sintesi
i fatti principali
le cose da sapere
cose da sapere
cosa sapere
cosa c'è da sapere
che cosa sapere
cosa devi sapere
cosa sappiamo
l'essenziale in breve
l'essenziale in sintesi
la notizia in breve
la notizia in sintesi
la sintesi
sintesi dell'articolo
riassunto dell'articolo
in poche parole
in pillole
in due parole
in 30 secondi
le informazioni chiave
informazioni chiave
i concetti chiave
concetti chiave
het belangrijkste
het belangrijkste in het kort
het belangrijkste op een rij
het belangrijkste nieuws in het kort
belangrijkste punten
de belangrijkste punten op een rij
de belangrijkste feiten
de kern
de kernpunten
in een notendop
in een oogopslag
kort gezegd
kort en bondig
het korte verhaal
dit moet je weten
dit moet u weten
wat je moet weten
wat u moet weten
wat weten we
dit weten we
op een rij
op een rijtje
alles op een rij
snel samengevat
samenvatting van het artikel
artikel in het kort
het artikel in het kort
het nieuws in het kort
de feiten op een rij
sleutelpunten
hoofdpunten
hovedpunktene
dette er saken
dette er hovedpunktene
hovedmomenter
hovedinnhold
kort om
kort oppsummering
kort oppsummering av saken
sammendrag av saken
saken i korte trekk
saken i korthet
i korte trekk
i korthet
kortversjon
korte fakta
oppsummering av saken
oppsummert i punkter
det du trenger å vite
dette må du vite
dette bør du vite
dette vet vi
nøkkelpunkter
nøkkelpunktene
viktigste punkter
de viktigste punktene
viktige punkter
stikkord fra saken
i kortform
kort forklart
huvudpunkterna
de viktigaste punkterna
viktigaste punkterna
viktiga punkter
nyckelpunkter
kort sammanfattning
kort sammanfattat
sammanfattning av artikeln
artikeln i korthet
artikeln i sammandrag
nyheten i korthet
snabbversionen
snabbläst
på en minut
det här har hänt
detta har hänt
det här vet vi
detta vet vi
det här behöver du veta
detta behöver du veta
det här handlar det om
kort sagt
i korta drag
korta fakta
hovedpointer
hovedpointerne
de vigtigste pointer
de vigtigste punkter
det vigtigste
det vigtigste i korte træk
vigtigste pointer
vigtige punkter
nøglepunkter
i korte træk
i korthed
i kort form
kort og godt
kort opsummeret
kort om sagen
sagen kort
sagen i korte træk
historien kort
opsummering af artiklen
resumé af artiklen
det skal du vide
dette skal du vide
det ved vi
overblik over sagen
artiklen kort
artiklen fortalt kort
najważniejsze fakty
najważniejsze wnioski
najważniejsze informacje w skrócie
najważniejsze informacje w pigułce
najważniejsze wiadomości w skrócie
najważniejsze w skrócie
kluczowe informacje
kluczowe punkty
kluczowe fakty
kluczowe wnioski
główne punkty
główne wnioski
główne informacje
w pigułce
w kilku zdaniach
w kilku punktach
w punktach
w największym skrócie
w telegraficznym skrócie
skrót artykułu
skrót informacji
artykuł w skrócie
streszczenie artykułu
podsumowanie artykułu
co warto wiedzieć
co musisz wiedzieć
co trzeba wiedzieć
to warto wiedzieć
to musisz wiedzieć
co wiemy
co wiadomo
o co chodzi
das wichtigste in kürze
das wichtigste in kurze
das wichtigste
das wichtigste im überblick
das wichtigste auf einen blick
das wichtigste vorab
das wichtigste zusammengefasst
das steckt dahinter in kürze
kurz und knapp
kurz zusammengefasst
kurz & knapp
kurz gesagt
kurzfassung
auf einen blick
darum geht's
darum gehts
darum geht es
worum geht's
worum geht es
worum es geht
in kürze
die wichtigsten punkte
die wichtigsten fakten
die wichtigsten erkenntnisse
die kernpunkte
kernpunkte
kernaussagen
zusammengefasst
das müssen sie wissen
wichtigste punkte
l'essentiel
l'essentiel à retenir
l'essentiel en bref
les points clés
points clés
points-clés
les points essentiels
les points forts
ce qu'il faut retenir
ce qu'il faut savoir
à retenir
en bref
en résumé
en deux mots
en un coup d'œil
puntos clave
los puntos clave
claves
las claves
lo esencial
lo más importante
lo que debes saber
lo que hay que saber
en síntesis
en breve
en resumen
en pocas palabras
pontos-chave
pontos chave
pontos principais
os pontos principais
principais pontos
em resumo
em síntese
o essencial
destaques da notícia
punti chiave
i punti chiave
in sintesi
in breve
i punti principali
l'essenziale
kort fortalt
kort om saken
kort oppsummert
kortversjonen
det viktigste
hovedpunkter
hovedpoenger
saken kort
saken oppsummert
det korte
det korte af det lange
here are the main points
our key takeaways
the main points at a glance
das sind die wichtigsten punkte
alles wichtige auf einen blick
il riassunto
det viktigaste i korthet
核心提示
内容提要
самое важное
باختصار
det korte av det lange
overblik kort fortalt
sammanfattning i punkter
kortfattat
det viktigaste
sammanfattat
huvudpunkter
kort samengevat
in het kort
samengevat
de belangrijkste punten
kernpunten
lyhyesti
pääkohdat
tiivistelmä
jutun pääkohdat
najważniejsze informacje
w skrócie
najważniejsze
najważniejsze punkty
co najważniejsze
v kostce
ve zkratce
to nejdůležitější
hlavné body
v skratke
röviden
a lényeg
pe scurt
puncte cheie
önemli noktalar
öne çıkanlar
kısaca
ключевые моменты
ключевые тезисы
главное
коротко
кратко
самое главное
основные моменты
головне
коротко про головне
ключові моменти
с две думи
накратко
κύρια σημεία
με λίγα λόγια
要点
重点
核心要点
文章要点
本文要点
摘要要点
ポイント
この記事のポイント
記事のポイント
記事の要約
要約
요약
핵심 요약
핵심 포인트
주요 내용
ai 요약
النقاط الرئيسية
أبرز النقاط
أهم النقاط
الخلاصة
נקודות עיקריות
עיקרי הדברים
בקצרה
मुख्य बातें
मुख्य बिंदु
poin penting
poin utama
ringkasan berita
intinya
các điểm chính
tóm tắt
điểm chính
ประเด็นสำคัญ
สรุปประเด็น
` + headingsAbroad)

// summaryHeadings often, but not always, stand over key points: section
// fronts, shops and programmes use them too.
var summaryHeadings = lineSet(`
highlights
summary
in brief
brief
overview
infos clés
les infos clés
kort
key updates
le informazioni principali
kerninfos
the essentials
die wichtigsten informationen
die wichtigsten infos in kürze
die wichtigsten infos
recap
quick facts
fast facts
facts
facts and figures
the facts
briefly
snapshot
bottom line
the bottom line
the upside
in summary
to summarize
key dates
at issue
rückblick
zahlen und fakten
daten und fakten
das fazit
fazit
die fakten
in zahlen
repères
à savoir
le récap
récapitulatif
en détail
en chiffres
synopsis
los datos
la sinopsis
sinopsis
recuento
síntesis
os factos
os fatos
fatos
sinopse
síntese
i fatti
sintesi
in numeri
feiten
de feiten
korte inhoud
sammendraget
bakgrunn
dette er fakta
sammandraget
överblick
översikt
overblik
overblikket
oversigt
fakta om sagen
i skrót
skrót
przegląd
fakty
w liczbach
why it matters
abstract
zusammenfassung
überblick
im überblick
fakten
highlights des artikels
übersicht
résumé
synthèse
les faits
resumen
sumario
los hechos
resumo
sumário
riassunto
sommario
oppsummering
oppsummert
resumé
opsummering
sammendrag
sammanfattning
sammandrag
samenvatting
overzicht
yhteenveto
podsumowanie
streszczenie
souhrn
shrnutí
zhrnutie
összefoglaló
rezumat
özet
резюме
итоги
факты
підсумок
περίληψη
σύνοψη
摘要
概要
まとめ
핵심
ملخص
सारांश
ringkasan
สรุป
` + summariesAbroad)

// otherStories are labels over lists of other stories. Lists below them speak
// of the same matter in the same kind of lines, so nothing else tells them.
var otherStories = regexp.MustCompile(`(?i)^\W*(?:` +
	`(?:you (?:may|might) )?also (?:like|read|see|of interest|in the news)|(?:read|see|watch|further|suggested) (?:also|more|next|this|reading)|read:|more (?:on (?:this|the)\b|about this|stories|news|from\b|like this|to read|coverage)|related\b|recommended\b|(?:most|editors?'?s?'?) (?:read|popular|viewed|shared|picks?|choice)|trending\b|(?:latest|other|top) (?:news|stories|headlines|articles)|up next|in other news|don't miss|sponsored\b|` +
	`lesen sie (?:auch|dazu|mehr|hierzu)|lies auch|auch interessant|das könnte (?:sie|dich)|(?:mehr|weitere[sr]?) (?:zum|zu|aus|artikel|themen|nachrichten|meldungen|berichte|lesen|dazu)|zum thema|mehr dazu|passend dazu|dazu passend|verwandte|ähnliche artikel|meistgelesen|meist gelesen|am meisten gelesen|empfohlen|empfehlungen|anzeige\b|` +
	`(?:à|a) (?:lire|voir|découvrir) (?:aussi|également|ailleurs|sur|ensuite)|(?:à|a) lire\s*:?$|lire (?:aussi|également|plus)|lisez (?:aussi|également)|voir aussi|sur le même (?:sujet|thème)|dans la même rubrique|nos (?:autres )?articles|articles (?:liés|similaires|associés|recommandés)|les plus lus|plus d'(?:infos|articles)|` +
	`(?:lea|lee|leer|vea|ver|mira|te puede|le puede|también te puede|quizás? te|quizás? le) (?:también|además|más|interesar|interese)|también (?:te|le) (?:puede )?interesa|(?:más|otras) (?:sobre|noticias|información)|(?:lo |las )?más (?:leído|leídas|visto)|(?:noticias|artículos|notas) relacionad|relacionad[oa]s|` +
	`(?:leia|veja|ler|ver|confira|saiba) (?:também|mais|ainda)|mais (?:sobre|notícias|lidas|lidos)|(?:notícias|artigos|matérias) relacionad|` +
	`legg(?:i|ere) (?:anche|pure|di più)|guarda anche|vedi anche|potrebbe interessart|ti potrebbe|(?:altre|ultime) notizie|(?:articoli|notizie) correlat|i più letti|(?:per )?approfondi|` +
	`lees (?:ook|meer|verder|hier)|bekijk ook|meer (?:over|nieuws|artikelen|lezen)|(?:ook|misschien ook) interessant|gerelateerd|verwant|meest gelezen|` +
	`l(?:es|æs|äs) (?:også|også:|også om|også disse|mer|mere|också|vidare|videre)|se (?:også|också)|mer (?:om|fra|från)|mere om|(?:flere|fler) (?:saker|nyheter|artikler|artiklar|nyheder|artikler)|relatert|relatere[dt]|relaterade?|mest (?:lest|læst|läst)|andre (?:leser|læser)|` +
	`(?:czytaj|przeczytaj|zobacz|sprawdź|polecamy|obejrzyj) (?:też|także|również|więcej)|polecamy|(?:więcej|inne) (?:na ten temat|o|artykuły|wiadomości)|powiązane|podobne|najczęściej czytane|(?:przeczytaj|zobacz)\s*:?$|` +
	`lue (?:myös|lisää)|katso myös|luetuimmat|(?:přečtěte|čtěte|prečítajte) (?:si )?(?:také|též|tiež|aj)|čtěte (?:také|dále)|související|súvisiace|olvassa (?:el|még)|(?:citește|citiți) și|(?:ayrıca|bunları da) (?:okuyun|oku)|ilgili haberler|διαβάστε (?:επίσης|ακόμη)|` +
	`чита(?:йте|ть) (?:также|еще|ещё|далее|по теме)|(?:по теме|материалы по теме|смотрите также|ещё по теме|другие новости|самое читаемое)|чита(?:йте|ти) (?:також|ще)|` +
	`(?:関連|あわせて|合わせて|こちらも|おすすめ|オススメ|その他の)|(?:相关|相關|延伸阅读|延伸閱讀|推荐阅读|推薦閱讀|更多|热门|熱門)|(?:관련|함께|추천|많이 본)|(?:اقرأ|إقرأ|قد يهمك|مواضيع|أخبار ذات|شاهد)|(?:קראו|כתבות|עוד ב)|(?:baca juga|berita terkait|xem thêm|đọc thêm|tin liên quan|อ่านเพิ่มเติม|ข่าวที่เกี่ยวข้อง|यह भी पढ़ें)` +
	`)`)

// leadsElsewhere tells such labels from lines and headings that only begin as
// they do: they are short, or end in a colon.
func leadsElsewhere(line string) bool {
	line = strings.ReplaceAll(strings.TrimSpace(line), "’", "'")
	short := wordCount(line) <= 6 || strings.HasSuffix(line, ":") && wordCount(line) <= 12
	return short && otherStories.MatchString(line)
}

// elseHeadings are those of boxes that tell something else, in the story's own
// words: contents, facts beside it, other stories.
var elseHeadings = lineSet(`
sommaire
au sommaire
destacados
destacadas
destaques
fakta
faktaboks
faktaruta
factbox
faktenkasten
inhalt
inhaltsverzeichnis
contents
table of contents
índice
indice
inhoud
spis treści
`)

// prosAndCons are the headings of a review's lists. Together they may stand in a
// box that is named for its points.
var prosAndCons = lineSet(`
pros
cons
pros & cons
pros and cons
the pros
the cons
the good
the bad
what we like
what we liked
what we don't like
what we didn't like
likes
dislikes
vorteile
nachteile
pro
contra
pro und contra
vor- und nachteile
stärken
schwächen
plus
minus
avantages
inconvénients
points positifs
points négatifs
les plus
les moins
on aime
on n'aime pas
ventajas
desventajas
inconvenientes
lo mejor
lo peor
a favor
en contra
vantagens
desvantagens
prós
contras
prós e contras
vantaggi
svantaggi
pregi
difetti
voordelen
nadelen
pluspunten
minpunten
fordeler
ulemper
fordele
fördelar
nackdelar
zalety
wady
house rules
community rules
comment rules
commenting rules
comment policy
kommentarregeln
netiquette
`)

// headingKey is a heading as the sets above have it.
func headingKey(heading string) string {
	if len(heading) > maxHeading {
		return ""
	}
	return plainMarks.Replace(strings.ToLower(strings.Trim(heading, " :.*–—-+✓✔✗✘👍👎")))
}
