package ingest

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
the essentials
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
kort sagt
kort om saken
kort oppsummert
kortversjonen
det viktigste
hovedpunkter
hovedpoenger
saken kort
saken oppsummert
det korte
overblik kort fortalt
sammanfattning i punkter
i korthet
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
`)

// summaryHeadings often, but not always, stand over key points: section
// fronts, shops and programmes use them too.
var summaryHeadings = lineSet(`
highlights
summary
in brief
brief
overview
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
why it matters
abstract
synopsis
zusammenfassung
überblick
im überblick
fakten
die fakten
highlights des artikels
übersicht
résumé
sommaire
synthèse
les faits
resumen
sumario
destacados
los hechos
destaques
resumo
sumário
riassunto
sommario
fakta
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
`)
