package ingest

// headingsAbroad are further headings that mean key points and nothing else,
// by language: those of the eleven languages that are asked for first, and of
// some thirty others. They are written as pointsHeadings are; a single digit
// of a heading is a 3 here, whatever it is there.
const headingsAbroad = `
the key takeaways
the key takeaway
our takeaways
the main takeaways
main takeaway
top highlights
main highlights
the essential points
the quick read
the short read
fast read
speed read
brief summary
short summary
summary in points
summary in brief
bulleted summary
the bullet points
news summary
in three points
in 3 points
three-point summary
3-point summary
3 point summary
in three bullets
in 3 bullets
in a minute
the story in three points
the story in 3 points
the story in short
the story in a nutshell
story in a nutshell
this story in brief
this article in brief
this article in short
the article in brief
the article in short
the news in short
too long; didn't read
too long, didn't read
the need to know
need-to-know
essential takeaways
essential facts
important points
important takeaways
core takeaways
main facts
main message
main messages
main ideas
key ideas
key aspects
at-a-glance
quick rundown
the rundown

das wesentliche
das wesentliche in kürze
das wesentliche im überblick
das wesentliche auf einen blick
das wichtigste zuerst
das wichtigste zum artikel
das wichtigste im artikel
das wichtigste aus dem text
das wichtigste im kurzüberblick
das wichtigste in einer minute
das wichtigste kurz
das wichtigste kurz zusammengefasst
die wichtigsten erkenntnisse im überblick
die wichtigsten ergebnisse
die wichtigsten stichpunkte
wichtigste fakten
wichtigste erkenntnisse
wichtigste aussagen
wichtigste ergebnisse
wesentliche punkte
die wesentlichen punkte
zentrale punkte
die zentralen punkte
zentrale aussagen
die zentralen aussagen
zentrale erkenntnisse
die kernaussagen
die kernaussagen im überblick
kernfakten
die kernfakten
kerngedanken
die fakten im überblick
die fakten kompakt
die fakten in kürze
in kurzform
in stichpunkten
in stichworten
in wenigen worten
in drei punkten
in 3 punkten
in drei sätzen
in 3 sätzen
kompakt zusammengefasst
kurze zusammenfassung
der artikel im überblick
der beitrag in kürze
beitrag in kürze
der text in kürze
text in kürze
dieser artikel in kürze
artikel kompakt
artikel im überblick
artikel zusammengefasst
die meldung in kürze
meldung in kürze
die nachricht in kürze
für eilige
für eilige leser
für schnellleser
das wissen wir
das wissen wir bisher
was wir wissen
das muss man wissen
das sollte man wissen
was man wissen muss
darum geht es im artikel
darum geht es in diesem artikel

l'essentiel à savoir
l'essentiel en quelques mots
l'essentiel en une minute
l'essentiel de cet article
les points principaux
points principaux
les principaux points
principaux points
les idées clés
idées clés
les idées principales
idées principales
les éléments clés
éléments clés
les messages clés
messages clés
faits saillants
les faits saillants
points saillants
les points saillants
les principaux enseignements
principaux enseignements
ce que vous devez savoir
ce que vous devez retenir
ce qu'il faut en retenir
que faut-il retenir
que retenir
résumé rapide
résumé en points
résumé en trois points
bref résumé
en trois points
en 3 points
en trois mots
en 3 mots
en une minute
en 30 secondes
en quelques secondes
en substance
en synthèse
en abrégé
l'actu en bref
l'article en résumé
l'article en quelques mots
cet article en bref
cet article en résumé

aspectos destacados
los aspectos destacados
aspectos clave
los aspectos clave
aspectos principales
puntos esenciales
los puntos esenciales
puntos relevantes
principales puntos
los principales puntos
las claves del artículo
claves del artículo
las claves del tema
claves del tema
las claves de la información
claves de la información
lo fundamental
lo principal
lo más relevante
lo más importante de la noticia
lo esencial del artículo
los datos más importantes
datos más importantes
las ideas principales
las ideas más importantes
principales conclusiones
las principales conclusiones
conclusiones clave
mensajes clave
los hechos clave
lo que sabemos
qué sabemos
qué se sabe
en pocas líneas
en tres puntos
en 3 puntos
en tres claves
en 3 claves
en un vistazo
de un vistazo
a grandes rasgos
en esencia
la noticia en síntesis
noticia en breve
noticia en síntesis
resumen breve
breve resumen
resumen en puntos
resumen ejecutivo
el artículo en breve

punti fondamentali
i punti fondamentali
i punti più importanti
gli aspetti principali
aspetti principali
i fatti chiave
fatti chiave
le idee chiave
idee chiave
i messaggi chiave
l'essenziale da sapere
quello che c'è da sapere
quello che devi sapere
cosa bisogna sapere
quello che sappiamo
in poche righe
in tre punti
in 3 punti
per punti
in un minuto
in sostanza
a colpo d'occhio
in un colpo d'occhio
l'articolo in breve
l'articolo in sintesi
l'articolo in pillole
articolo in breve
breve sintesi
breve riassunto
la notizia in pillole
la notizia in tre punti
la notizia in 3 punti
riassunto in punti
riassunto rapido
riassunto della notizia
sintesi della notizia

destaques da matéria
os pontos essenciais
os pontos mais importantes
ideias-chave
ideias chave
ideias principais
as ideias principais
aspectos principais
aspetos principais
aspectos-chave
mensagens-chave
em três pontos
em 3 pontos
em pontos
em tópicos
num minuto
em um minuto
em 3 minuto
num relance
em linhas gerais
o mais importante
o principal
o que sabemos
o que deve saber
o que você deve saber
principais tópicos
tópicos principais
principais conclusões
as principais conclusões
resumo do texto
resumo em tópicos
a notícia em resumo
a notícia em síntese
a notícia em poucas palavras
o artigo em resumo
o artigo em síntese

de hoofdpunten
de hoofdzaken
hoofdzaken
de essentie
belangrijkste inzichten
de belangrijkste inzichten
belangrijkste feiten
belangrijkste bevindingen
de belangrijkste bevindingen
belangrijkste conclusies
de belangrijkste conclusies
de kern van het verhaal
de kern van het nieuws
de kern in het kort
kernboodschap
kernboodschappen
kern van het artikel
in één oogopslag
in een paar woorden
in enkele woorden
in drie punten
in 3 punten
in een minuut
in één minuut
in 30 seconden
korte samenvatting
samenvatting in punten
het artikel samengevat
artikel samengevat
het verhaal in het kort
het verhaal in een notendop
het nieuws samengevat
het nieuws in een notendop
om te onthouden
wat we weten
dit is wat we weten
dit zijn de hoofdpunten
waar gaat het over
waar het om gaat

saken kort fortalt
kort fortalt om saken
hovedpunktene i saken
de viktigste poengene
viktigste poenger
de viktigste momentene
hovedmomentene
hovedpoeng
hovedpoengene
hovedfunn
essensen
kjernen
kjernepunkter
kort sagt
kort og godt
kort versjon
i et nøtteskall
på ett minutt
på et minutt
på 30 sekunder
på 3 minutt
i tre punkter
i 3 punkter
i punktform
i stikkordsform
oppsummering i punkter
kort sammendrag
saken på et minutt
saken på ett minutt
dette handler saken om
dette har skjedd
dette er det viktigste
det viktigste fra saken
det viktigste i saken
det viktigste oppsummert
det viktigste kort fortalt
det viktigste i korte trekk
det vet vi
saka kort
saka kort fortalt
hovudpunkt
hovudpunkta

artikeln i punkter
artikeln i korta drag
artikeln kort
kort om artikeln
kort om nyheten
huvudpoänger
huvudpoängerna
de viktigaste slutsatserna
viktigaste slutsatserna
det viktigaste ur artikeln
det viktigaste i artikeln
det viktigaste i punkter
det här är det viktigaste
nyckelinsikter
kärnan
kärnpunkter
i ett nötskal
i punktform
nyheten i punkter
nyheten på en minut
kort version
kortversionen
kortversion
sammanfattat i punkter
snabb sammanfattning
snabbkoll
det här ska du veta
detta ska du veta
vad vi vet
saken i korthet

det vigtigste i artiklen
det vigtigste fra artiklen
det vigtigste i punkter
det vigtigste på et minut
det vigtigste kort fortalt
artiklens højdepunkter
artiklens pointer
artiklens hovedpointer
artiklens vigtigste pointer
artiklens vigtigste punkter
artiklen i korte træk
artiklen i punkter
artiklen på et minut
de vigtigste konklusioner
vigtigste konklusioner
hovedkonklusioner
hovedpunkterne
nøglepointer
i en nøddeskal
på et minut
kort resumé
kort opsummering
hurtigt overblik
kort overblik
sagen på et minut
sagen i korthed
sagen kort fortalt
historien i korte træk
historien kort fortalt
det er det vigtigste
det handler sagen om
kernen

najważniejsze tezy
główne tezy
kluczowe tezy
najważniejsze kwestie
kluczowe kwestie
najważniejsze ustalenia
kluczowe ustalenia
główne ustalenia
najistotniejsze informacje
najistotniejsze
najważniejsze z artykułu
najważniejsze w artykule
najważniejsze informacje z artykułu
esencja
sedno sprawy
w kilku słowach
w dwóch słowach
w paru słowach
w trzech punktach
w 3 punktach
w minutę
w 30 sekund
krótko
krótko i na temat
krótkie podsumowanie
krótkie streszczenie
szybkie podsumowanie
podsumowanie w punktach
streszczenie w punktach
artykuł w pigułce
wiadomość w pigułce
wiadomość w skrócie
tekst w pigułce
tekst w skrócie
to najważniejsze
musisz to wiedzieć
co już wiadomo

главное за минуту
главное за 3 минуты
главное за 30 секунд
главное из статьи
главное из текста
главное в статье
главные тезисы
главные выводы
главные факты
основные тезисы
основные выводы
основные факты
основное
ключевые выводы
ключевые факты
тезисы
тезисно
коротко о главном
кратко о главном
краткое содержание
краткий пересказ
статья кратко
новость кратко
вкратце
если коротко
в двух словах
в нескольких словах
суть
в чем суть
в чём суть
самое важное
что важно знать
что нужно знать
что надо знать
что известно
о чем речь
о чём речь

стисло
стисло про головне
головне за хвилину
головні тези
головні факти
головні висновки
основні тези
основні моменти
основне
ключові тези
ключові факти
ключове
тези
найголовніше
найважливіше
короткий зміст
якщо коротко
у двох словах
в двох словах
кількома словами
що відомо
що варто знати
що потрібно знати
що важливо знати
про що йдеться
суть

най-важното
важното накратко
основни моменти
основни точки
ключови моменти
ключови точки
с няколко думи
какво трябва да знаете
ukratko
najvažnije
najvažnije ukratko
u kratkim crtama
u nekoliko riječi
u nekoliko reči
ključne točke
ključne tačke
glavne točke
што треба да знате
šta treba da znate
što trebate znati
укратко
најважније
na kratko
v nekaj besedah
ključni poudarki
glavni poudarki
najpomembnejše
trumpai
svarbiausia
svarbiausi faktai
īsumā
galvenais
svarīgākais
lühidalt
olulisem
peamised punktid
í stuttu máli
helstu atriði
aðalatriði

τα κύρια σημεία
κυρια σημεια
τα κυρια σημεια
βασικά σημεία
τα βασικά σημεία
βασικα σημεια
τα βασικα σημεια
τα κυριότερα
τα κυριότερα σημεία
τα σημαντικότερα
τα σημαντικότερα σημεία
σημεία κλειδιά
σημεία-κλειδιά
τα σημεία-κλειδιά
εν συντομία
εν συντομια
εν ολίγοις
με λιγα λογια
με μια ματιά
σε λίγες γραμμές
συνοπτικά
συνοπτικα
η ουσία
η είδηση με λίγα λόγια
τι πρέπει να ξέρετε
τι πρέπει να γνωρίζετε
όσα πρέπει να ξέρετε

haberin özeti
haber özeti
haberin özü
yazının özeti
makalenin özeti
kısa özet
özetle
öne çikanlar
öne çıkan noktalar
haberde öne çıkanlar
ana noktalar
ana hatlarıyla
anahtar noktalar
kilit noktalar
bir bakışta
bilmeniz gerekenler
bilinmesi gerekenler
maddeler halinde
3 maddede

hlavní body
hlavní body článku
hlavní myšlenky
hlavní zjištění
klíčové body
klíčové informace
klíčové poznatky
nejdůležitější body
nejdůležitější informace
nejdůležitější
to hlavní
stručně
stručně řečeno
ve stručnosti
článek v kostce
článek ve zkratce
shrnutí článku
co je důležité
co byste měli vědět
co potřebujete vědět
o co jde
hlavné myšlienky
kľúčové body
kľúčové informácie
najdôležitejšie
najdôležitejšie body
to najdôležitejšie
stručne
v stručnosti
článok v skratke
zhrnutie článku
čo potrebujete vedieť
o čo ide

a legfontosabbak
a legfontosabb tudnivalók
legfontosabb pontok
a legfontosabb pontok
legfontosabb megállapítások
főbb pontok
főbb megállapítások
kulcspontok
kulcsgondolatok
dióhéjban
tömören
összefoglalva
röviden összefoglalva
a lényeg röviden
a cikk lényege
a cikk röviden
a hír röviden
amit tudni kell

ideile principale
idei principale
principalele idei
punctele cheie
punctele principale
puncte principale
aspecte cheie
informații cheie
informaţii cheie
esențialul
esenţialul
cele mai importante
în câteva cuvinte
pe puncte
știrea pe scurt
ştirea pe scurt
articolul pe scurt
rezumatul articolului
ce trebuie să știi
ce trebuie să ştii
ce trebuie să știți
ce trebuie să ştiţi

jutun ydin
asian ydin
keskeiset asiat
keskeinen sisältö
keskeiset kohdat
avainkohdat
tärkeimmät kohdat
tärkeimmät asiat
tärkeimmät huomiot
jutun tärkeimmät kohdat
uutinen lyhyesti
juttu lyhyesti
artikkeli lyhyesti
pähkinänkuoressa
tiivistettynä

les claus
punts clau
idees clau
les idees clau
en resum
en breu
el més important
el més destacat

הנקודות המרכזיות
הנקודות העיקריות
הנקודות החשובות
נקודות מרכזיות
עיקרי הכתבה
עיקרי הידיעה
תקציר הכתבה
תמצית הכתבה
בתמצית
בכמה מילים
על קצה המזלג
בנקודות
מה חשוב לדעת
מה צריך לדעת
כל מה שצריך לדעת

نقاط رئيسية
نقاط أساسية
النقاط الأساسية
النقاط الرئيسة
أبرز ما جاء
أبرز ما جاء في المقال
أبرز ما ورد
أهم ما جاء
أهم ما ورد
ملخص المقال
ملخص الخبر
ملخص سريع
خلاصة الخبر
القصة باختصار
الخبر باختصار
الخبر في نقاط
في نقاط
في سطور
بإيجاز
ما يجب معرفته
ما تحتاج إلى معرفته
نکات کلیدی
نکات مهم
خلاصه خبر
در یک نگاه
به طور خلاصه
اہم نکات

3行でわかるこの記事
3行まとめ
3行要約
3行で
3つのポイント
3つの要点
この記事の3つのポイント
この記事の3つの要点
この記事の要約
この記事の要点
この記事のまとめ
記事のまとめ
記事の要点
記事の概要
主なポイント
重要ポイント
ここがポイント
ニュースのポイント
ポイントまとめ
要点まとめ
要点整理
要旨
ざっくり言うと
ざっくりいうと

重点速览
重點速覽
重点整理
重點整理
重點摘要
重點
要點
本文重点
本文重點
本文摘要
文章摘要
内容摘要
內容摘要
内容要点
內容要點
内容概要
內容概要
內容提要
新闻重点
新聞重點
新闻摘要
新聞摘要
核心要點
核心观点
核心觀點
关键要点
關鍵要點
关键点
关键信息
一分钟速览
一分鐘速覽
速览
速覽
速读
速讀
划重点
劃重點
懶人包

3줄 요약
3줄요약
세 줄 요약
세줄 요약
한눈에 보기
한눈에
핵심요약
핵심 내용
핵심 정리
핵심만 콕
기사 요약
기사 핵심
이 기사의 핵심
뉴스 요약
요점
요점 정리
주요내용
주요 포인트

poin-poin penting
poin-poin utama
inti berita
inti artikel
intisari
ringkasan artikel
rangkuman berita
rangkuman artikel
hal penting
hal-hal penting
yang perlu diketahui
hal yang perlu diketahui
secara singkat
singkatnya
isi utama

những điểm chính
nội dung chính
ý chính
các ý chính
tóm tắt nhanh
tóm tắt bài viết
tóm tắt tin
tóm tắt nội dung
điều cần biết
những điều cần biết
điểm mấu chốt

ประเด็นหลัก
สาระสำคัญ
สรุปข่าว
สรุปสาระสำคัญ
สรุปสั้นๆ
प्रमुख बातें
प्रमुख बिंदु
खास बातें
अहम बातें
बड़ी बातें
संक्षेप में
एक नज़र में
एक नजर में
खबर का सार
সংক্ষেপে
এক নজরে
মূল বিষয়
முக்கிய அம்சங்கள்
`

// summariesAbroad are further headings that often mean key points. In some
// languages the word for highlights stands over programmes and other stories.
const summariesAbroad = `
the summary
the highlights
the brief
kompakt
le résumé
la synthèse
les temps forts
faits marquants
les faits marquants
el resumen
la síntesis
o resumo
il riassunto in breve
essentie
de samenvatting
høydepunkter
højdepunkter
højdepunkterne
höjdpunkter
summering
summerat
sedno
warto wiedzieć
важное
итог
вывод
выводы
пересказ
висновки
підсумки
акценти
sažetak
сажетак
povzetek
kokkuvõte
kopsavilkums
santrauka
σύνοψη άρθρου
περιληψη
öne çıkan başlıklar
nejpodstatnější
összegzés
esențial
esenţial
nostot
tiivistettynä
resum
תקציר
תמצית
סיכום
خلاصة
الأبرز
خلاصه
چکیده
خلاصہ
サマリー
看点
导读
導讀
總結
总结
포인트
rangkuman
sekilas
điểm nhấn
điểm nổi bật
tóm lại
จุดเด่น
हाइलाइट्स
सार
`
