package ingest

import (
	"regexp"
	"sync"
)

// sentencesOfSites are whole sentences in which sites speak of themselves to
// their readers: what the paywall says, corrections, credits, consent. They
// have the form of boilerplate's table.
const sentencesOfSites = `
reached exceeded used read limit free / \byou(?:'ve| have) (?:now )?(?:reached|exceeded|used|read|hit|got|run out of)\b.{0,60}\b(?:limit|free (?:article|stor)|last (?:free )?(?:article|story)|articles? (?:available|this month|left))
free / \b(?:one|two|three|\d+|your last|last|no) free (?:articles?|stories|story)\b|\bfree (?:articles?|stories) (?:left|remaining|available|this month|of the month|a month|per month)|\bnumber of free (?:articles|stories)
^editor ^editors ^correction ^clarification ^update / ^(?:editor'?s'? note|editors' note|correction|clarification)\b\s*(?:\([^)]*\))?\s*[:;–—-]
affiliate commission / \baffiliate (?:links?|commission|partner)|\bearn (?:a |an )?(?:small |affiliate )?commission
views opinions / \b(?:views|opinions) (?:expressed|stated) (?:in this|in the|here|by|are)\b
updated old outdated / \bthis (?:article|story|post|piece|page|report) (?:has been|was) (?:last )?(?:updated|amended|corrected|edited)\b|\bthis (?:article|story|post) is (?:more than|over) \S+ (?:year|month)s? old|\bmay (?:contain|be) (?:outdated|out of date)
listen / ^listen to (?:this|the) (?:article|story|episode)
reading read / ^(?:estimated )?reading time\b|^\d+[- ]min(?:ute)?s? read\b
photograph photo picture image getty photographer / \bphotograph(?:er|s)?:\s|\b(?:file |archive |stock )?(?:photo|picture|image)(?: credit| courtesy)?:\s|^(?:file|archive|stock) (?:photo|picture|image)\b|^getty images\b|\b(?:via getty images|/getty images|getty images\))
support / \b(?:does not|doesn't) support the (?:audio|video|html)
blocker adblocker / \bad ?-?blockers?\b
story tip / \b(?:have|got) a (?:story|tip|news tip|complaint)\b.{0,60}\b(?:contact|e-?mail|call|write|get in touch|let us know|send)
account / \b(?:create|open|register for) (?:a |your )?free account|\bfree account\b.{0,40}\b(?:read|continue|access)
premium exclusive / \b(?:premium|members?-only|subscribers?-only|exclusive) (?:article|content|story|stories)\b|\bexclusive (?:to|for) (?:our )?(?:subscribers|members|paying)
content article / \b(?:content|article|story) is (?:only )?(?:for|available (?:only )?(?:to|for)|reserved for|limited to) (?:our )?(?:\S+ )?(?:subscribers|members|readers who)
subscription subscriptions / \byour subscription\b|\b(?:digital|full|annual|monthly) subscriptions? (?:from|for|starts?|costs?)\b|\bwith a (?:digital )?subscription\b
reading continue / \bwant to (?:keep|continue) reading\b|\bto continue with this (?:story|article)|\bthank(?:s| you) for reading\b
miss / \bnever miss (?:a|an|the|out)\b.{0,30}\b(?:story|stories|update|news|again|thing)
scroll / \bscroll (?:down|on|past|for|to)\b.{0,40}\b(?:continue|go on|read|reading|more)\b
^advertisement ^anzeige ^werbung ^publicité ^publicidad ^pubblicità ^annonse ^annons ^annonce ^reklame ^reklama ^advertentie ^реклама / ^(?:advertisement|anzeige|werbung|publicité|publicidad|pubblicità|annonse|annons|annonce|reklame|reklama|advertentie|реклама)\s*[:;.–—-]
abonnenten abonnentinnen abonnent abo abos digitalabo probeabo / \b(?:exklusiv|nur|ausschließlich)\b.{0,20}\b(?:für|von) (?:unsere |unseren )?(?:\S+ )?abonnent|\b(?:bereits|schon|noch kein|haben sie) ?.{0,10}\bein(?:en)? ?(?:digital|probe|plus-?)?-?abo\b|\b(?:digital|probe|plus)-?abos?\b.{0,60}\b(?:lesen|weiter|testen|euro|sichern|abschließen)|\babos?\b.{0,40}\b(?:abschließen|schließen|ab[!.]?$|bestellen|testen)|\bschließen sie .{0,30}\babo\b
^hinweis ^anmerkung ^korrektur ^transparenzhinweis redaktion / ^(?:hinweis|anmerkung)(?: der redaktion|:)|^(?:korrektur|transparenzhinweis)\s*[:.]|\(anm(?:\.|erkung) d(?:\.|er) red
externe externen externer / \bextern\w+ inhalt
zustimmung einwilligung / \bmit ihrer (?:zustimmung|einwilligung)\b
adblocker werbeblocker / \b(?:ad|werbe)-?blocker
^stand / ^stand\s*:\s*\d
archivbild archivfoto symbolbild symbolfoto foto bild fotos / \b(?:archiv|symbol)(?:bild|foto)\b|\b(?:foto|bild)s?\s*[:©]\s*\S
verpassen / \bverpassen sie (?:keine|nichts|kein)
kontingent freien artikeln / \bkontingent an .{0,20}artikel|\b(?:freie|kostenlose)n? artikeln?\b.{0,40}\b(?:aufgebraucht|gelesen|verbraucht|monat)
angebot / \bwählen sie .{0,30}\bangebot
registrierte registrieren / \bregistrierte (?:nutzer|leser)|\bregistrieren sie sich\b|\bkostenlos registrieren\b
melden anmelden / \bmelden sie sich\b.{0,60}\ban\b|\bhier anmelden\b|\bnewsletter\b.{0,60}\ban[.!]?$
weiterlesen / ^weiterlesen mit\b|\bum weiterzulesen\b
intelligenz / \bmit ?(?:hilfe|unterstützung)? (?:von )?künstlicher intelligenz (?:erstellt|generiert|verfasst|übersetzt)
réservé réservée réservés réservées / \bréservée?s? (?:à|aux) (?:nos |tous nos )?(?:abonnés|membres|adhérents)
reste / \bil vous reste\b.{0,20}%
gratuits gratuit / \b(?:vos|des|d') ?articles? gratuits?\b|\barticles? gratuits? (?:du|ce|de ce) mois
^publié ^mis ^modifié ^temps / ^(?:publié|mis à jour|modifié) (?:le|à|il y a)\b|^temps de lecture\b
photo photos crédit / \b(?:photo|crédit)s?\s*[:©]\s*\S|\(photo \pL
rédaction / ^(?:note|précision) de la rédaction
artículos gratuitos / \blímite de (?:artículos|noticias|contenidos)|\bartículos gratuitos\b
suscriptores suscriptor suscríbete / \bexclusiv[oa]s? (?:para|de) (?:los |las |nuestros |nuestras )?(?:\S+ )?suscriptor|\bsuscríbete (?:para|y|a|por|ahora)\b
sesión regístrate regístrese / \binicia(?:r|e)? sesión\b|\bregístr(?:ate|ese)\b
^actualizado ^publicado ^última / ^(?:actualizado|publicado|última actualización)(?: el|:| a las)\b
foto fotografía imagen / \b(?:foto|fotografía)\s*[:©]\s*\S
boletín boletines / \bboletín\b.{0,60}\b(?:recib|suscr|gratis|correo)|\b(?:recib|suscr|regístr|apúnta)\w+\b.{0,60}\bboletín
articoli gratuiti / \blimite di articoli\b|\barticoli gratuiti\b
abbonati login accedi / \briservat[oaie] (?:agli|ai nostri) abbonati|\beffettua (?:il )?login\b|\babbonati (?:per|e|al|alla|a)\b|\bsei già abbonat
^ultimo ^aggiornato ^pubblicato / ^(?:ultimo aggiornamento|aggiornato|pubblicato)(?: il|:| alle)
artigos gratuitos / \blimite de artigos\b|\bartigos gratuitos\b
assinantes assine subscritores / \bexclusiv[oa]s? (?:para|a) (?:os |nossos )?(?:assinantes|subscritores)|\bassine (?:já|por|para|e)\b
sessão / \binici(?:e|ar) (?:a )?sessão\b
subscreva assine receba newsletter / \b(?:subscreva|assine|receba)\b.{0,40}\bnewsletter
^atualizado ^publicado ^última / ^(?:atualizado|publicado|última atualização)(?: em| a|:)
abonnees abonnee leden lid / \b(?:exclusief|alleen|enkel|uitsluitend) voor (?:onze )?(?:abonnees|leden)|\bword (?:nu )?(?:lid|abonnee)\b|\b(?:neem|sluit) .{0,10}\babonnement\b|\bal abonnee\b
gratis / \bgratis artikel(?:en)?\b.{0,30}\b(?:gelezen|maand)|\blaatste gratis artikel|\bgratis ?artik(?:ler|lar|el)\b.{0,40}\b(?:måned|månad|brugt|brukt|lest|läst)|\b(?:alle|dine|dina) gratis ?artik
gratisartiklene gratisartikler gratisartikel gratisartiklar / \bgratisarti
toestemming / \btoestemming (?:geven|voor)\b.{0,40}\b(?:cookies|inhoud|tonen)|\b(?:tonen|zien|bekijken)\b.{0,40}\btoestemming\b
abonnent abonnenter prenumerant prenumeranter abonnement / \b(?:må|skal|måste) (?:du )?være? (?:\S+ )?(?:abonnent|prenumerant)|\b(?:kun|bare|endast|bara|enbart) (?:for|for dig|för|för dig som är) ?(?:\S+ )?(?:abonnent|prenumerant)|\b(?:logg|log|logga) (?:inn|ind|in)\b.{0,60}\b(?:abonnent|prenumerant|abonnement)|\bk(?:ø|ö)p (?:et |ett |en )?(?:abonnement|prenumeration)|\b(?:allerede|redan|er du|är du) (?:abonnent|prenumerant)|\bfor å lese\b.{0,40}\babonnent|\bbli (?:prenumerant|abonnent)\b
låst låste / \b(?:en )?låst (?:artikel|artikkel|sak)|\b(?:artikeln|artikkelen|artiklen|saken) er låst|\bartikeln är låst
fortsetter fortsætter fortsätter / \b(?:saken|artikkelen|artiklen|artikeln|texten|historien) fort(?:setter|sætter|sätter)\b
nyhetsbrev nyhedsbrev nyhetsbrevet nyhedsbrevet / \b(?:anmäl|anmeld|meld|tilmeld|skriv|registrer)\b.{0,50}\bnyhe[td]sbrev
gammel gammal utdatert forældet / \b(?:artikkelen|artiklen|artikeln|saken) er (?:over|mer enn|mere end|äldre än)\b|\bkan være (?:utdatert|forældet)
dostępny dostępna dostępne subskrypcji subskrypcja prenumeratorów subskrybentów wykup limit bezpłatnych pozostało zaloguj zapisz / \bdostępn[yae] (?:tylko|wyłącznie) dla\b|\bdzięki subskrypcji\b|\bwykup (?:dostęp|subskrypcję|prenumeratę)|\blimit bezpłatnych\b|\bbezpłatny newsletter\b|\bpozostało \d+\s?(?:%|proc)
materiałem artykułu / \bpod (?:materiałem wideo|wideo|reklamą)\b|\bdalsza część (?:artykułu|tekstu)
подписчикам подписчиков подписку подпишитесь подписка канал / только (?:для )?(?:подписчик|по подписке)|подпи(?:шитесь|сывайтесь)\b|оформите подписку|телеграм-канал
фото снимок / (?:^|[\s(])фото\s*[:/]
`

// denseSites are the same in scripts that put no spaces between words.
var denseSites = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`会員限定|有料会員|会員登録|無料登録|ログインして|お読みいただ(?:け|く)|関連記事|無断転載|転載を禁|【PR】|[=＝].{0,24}撮影$|^写真[はー：:=＝]|` +
		`付费(?:内容|阅读)|订阅后|订阅即可|登录后(?:阅读|查看)|继续阅读|阅读全文|未经授权|不得转载|责任编辑|扫码(?:关注|下载)|点击(?:查看|阅读|下载)|記者.{0,10}(?:報導|報道)$|记者.{0,12}(?:报道|摄)(?:\s|$|编辑)|訂閱(?:後|即可)|會員限定|` +
		`^[この本该本文]{1,2}(?:要約|まとめ|摘要).{0,12}(?:AI|人工知能|人工智能).{0,40}$|^이 요약은 ?(?:AI|인공지능).{0,40}$|^(?:広告|广告|廣告|광고)$|` +
		`구독(?:하기|하세요|자 전용)|무단\s?전재|기자\s*=|로그인\s?(?:후|하세요)`)
})

// isDenseSite tries these on a line that has such a script.
func isDenseSite(line string) bool {
	for _, r := range line {
		if unspaced(r) || r >= 0xac00 && r <= 0xd7a3 {
			return denseSites().MatchString(line)
		}
	}
	return false
}
