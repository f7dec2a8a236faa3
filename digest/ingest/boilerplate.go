package ingest

import (
	"regexp"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// isBoilerplate tells lines that are about the site and not about the news:
// paywalls, sign-ups, sharing, cookies. None of them ever reaches a reader.
func isBoilerplate(line string) bool {
	line = strings.TrimSpace(line)
	start := head(line, 400)
	return line == "" || siteLines().match(start) || isDenseSite(start)
}

// phrases are patterns that are only tried on lines that hold one of their
// words: a hundred patterns over every line of a feed would cost more than
// everything else together.
type phrases struct {
	anywhere map[string][]*regexp.Regexp
	opening  map[string][]*regexp.Regexp // for lines that begin with the word
}

// newPhrases reads a table of "words / pattern" lines. A word with ^ before
// it must be the line's first.
func newPhrases(table string) *phrases {
	p := &phrases{anywhere: map[string][]*regexp.Regexp{}, opening: map[string][]*regexp.Regexp{}}
	for line := range strings.SplitSeq(table, "\n") {
		words, pattern, ok := strings.Cut(line, " / ")
		if !ok {
			continue
		}
		re := regexp.MustCompile(`(?i)` + strings.TrimSpace(pattern))
		for w := range strings.FieldsSeq(words) {
			if word, first := strings.CutPrefix(w, "^"); first {
				p.opening[word] = append(p.opening[word], re)
			} else {
				p.anywhere[w] = append(p.anywhere[w], re)
			}
		}
	}
	return p
}

// match tries the patterns whose words a line holds. Apostrophes are folded
// first, as sites write both kinds.
func (p *phrases) match(line string) bool {
	lower := strings.ReplaceAll(strings.ToLower(line), "’", "'")
	first := true
	for word := range strings.FieldsFuncSeq(lower, notInWord) {
		for _, re := range p.anywhere[word] {
			if re.MatchString(lower) {
				return true
			}
		}
		if !first {
			continue
		}
		first = false
		for _, re := range p.opening[word] {
			if re.MatchString(lower) {
				return true
			}
		}
	}
	return false
}

// notInWord parts a line into words. The dollar and copyright signs count as
// letters because patterns begin with them.
func notInWord(r rune) bool {
	return !isLetterOrDigit(r) && r != '$' && (r < utf8.RuneSelf || !unicode.IsMark(r) && r != '©')
}

// siteLines are the phrases sites speak of themselves in.
var siteLines = sync.OnceValue(func() *phrases {
	return newPhrases(`
articles article stories limit / you've (?:reached|read|hit|used|run out)\b.{0,60}(?:limit|articles?|free|stories)
article articles / \bfree articles? (?:limit|left|remaining)
^subscribe / ^subscribe\b
subscribe / \bsubscribe (?:now|today|here|and support|to (?:continue|read|unlock|access|our|the|get|keep|receive))
reading / \bto (?:continue|keep) reading\b
already / \balready (?:a )?(?:subscriber|member|subscribed|registered)\b
subscriber subscribers members / \bsubscribers? only\b|\b(?:available|exclusive)(?:ly)? .{0,40}(?:subscribers|members)\b|\bbecome a subscriber\b
^sign ^log ^login ^signup / ^(?:sign|log)[ -]?(?:in|up|on)\b
sign log / \b(?:sign|log)[ -]in (?:to|or|with|here)\b|\bsign up (?:for|to|here|now|today)\b|\bmust (?:be logged in|log ?in|sign in)\b
^register ^join / ^(?:register|join)\b.{0,60}\b(?:free|now|today|access|newsletter|subscri|insider)
^try ^get ^start / ^(?:try|get|start)\b.{0,60}\b(?:free|trial|ad-free|access)\b
access / \b(?:ad-free|unlimited(?: digital)?) access\b
^unlock / ^unlock\b.{0,60}$
trial subscription / \b(?:free trial|your (?:free )?(?:trial|subscription)|gift subscription)\b
cancel / \bcancel any ?time\b
insider supporter member / \bbecome an? (?:subscriber|member|insider|supporter)\b
support / \bsupport (?:our|independent|quality|local) (?:journalis|veteran|newsroom|work|report)
$ week month year / \$[\d.]+ ?(?:/|an?|per) ?(?:week|month|year)\b
newsletter newsletters / \bnewsletters?\b.{0,40}\b(?:sign|subscri|inbox|here|below|free)|^(?:our |the |daily |weekly )?newsletters?$|\b(?:our|free|daily|weekly|this) newsletters?\b
inbox / \b(?:delivered|sent|straight|direct(?:ly)?|right) (?:in)?to your inbox\b
^share / ^share\b.{0,40}$|^share (?:this|it|on|via|to|by|with)\b
^tweet ^pin ^email ^e ^print ^copy ^save ^whatsapp ^facebook ^twitter ^linkedin ^reddit ^telegram ^flipboard ^pocket ^bookmark ^pinterest ^instagram / ^(?:tweet|pin(?: it)?|e-?mail|print|copy link|save|whatsapp|facebook|twitter|linkedin|reddit|telegram|flipboard|pocket|bookmark|pinterest|instagram)(?: (?:this|article|story|it|on|via|link|to|page)\b.{0,30})?$
^tweet ^send ^post ^email ^e / ^(?:tweet|send|post|e-?mail) (?:this|it|on|via|by|with)\b.{0,50}$
^follow ^like ^find / ^(?:follow|like|find)\b.{0,60}\b(?:us|on (?:twitter|facebook|instagram|x|tiktok|linkedin|youtube|threads|google news))\b
app / \b(?:download|get) (?:our|the) .{0,20}\bapp\b
^read ^see ^view ^show ^find ^learn ^discover / ^(?:read|see|view|show|find|learn|discover) (?:more|next|also|all|the full|the whole|full|related|less|out more)\b.{0,80}$
^click ^tap ^swipe ^scroll / ^(?:click|tap|swipe|scroll)\b.{0,80}$
click / \bclick here\b
^see ^related ^recommended ^more ^most ^read ^also ^watch ^listen ^up ^trending ^editor ^editors ^don ^you ^sponsored ^promoted ^advertisement ^continue ^latest ^in ^photo ^photos ^video ^gallery ^what / ^(?:see also|related(?: (?:articles?|stories|topics|content))?|recommended|more (?:from|on|in|stories|news|like)\b.{0,40}|most (?:read|popular|viewed)|read (?:on|it)|also read|watch|listen|up next|trending(?: now)?|editor'?s'? picks?|don't miss|you (?:may|might) (?:also )?(?:like|be interested).{0,20}|sponsored|promoted|advertisement|continue reading|latest(?: news)?|in pictures|photos?|video|gallery|what to read next)\s*(?::.*)?$
^more ^continue / ^(?:more|continue reading)(?: |…|\.{3}|»|→|$).{0,20}$
visit / \bvisit .{1,60}\b(?:homepage|home page|website)\b
stories news articles information details / \bfor more (?:stories|news|articles|information|details)\b.{0,40}$
^skip ^jump ^back ^go ^return / ^(?:skip|jump|back|go|return) to (?:main|content|top|the top|navigation|home|article|start|search|menu)\b
^view / ^view (?:all|comments|profile|gallery)\b
post / \bthe post .{1,300} (?:appeared first|first appeared) on\b
^advertisement ^anzeige ^werbung ^publicité ^publicidad ^pubblicità ^annonse ^reklame ^mainos ^реклама ^annons ^advertentie / ^(?:advertisement|anzeige|werbung|publicité|publicidad|pubblicità|annonse|reklame|mainos|реклама|annons|advertentie)\b?.{0,20}$
cookies cookie / \buses? (?:of )?cookies\b|\baccept (?:all )?cookies\b|\bcookie (?:policy|settings|preferences|notice)\b
privacy / \bprivacy (?:policy|notice|settings)\b
terms / \bterms (?:of (?:use|service)|and conditions|& conditions)\b
rights reserved / \ball rights reserved\b
^© ^copyright ^c / ^(?:©|\(c\)|copyright)
comment comments reply / \b(?:leave|post|view|add|write) (?:a |or post |your )?(?:comments?|reply)\b|^(?:\d+ )?comments?(?: \d+)?$
javascript browser / \benable javascript\b|\byour browser\b.{0,60}(?:support|out of date|javascript)|\bjavascript (?:is|must)\b
^abonnieren ^anmelden ^registrieren ^einloggen ^weiterlesen ^teilen ^drucken ^mehr ^lesen ^zur ^jetzt ^hier / ^(?:jetzt |hier )?(?:abonnieren|anmelden|registrieren|einloggen|weiterlesen|teilen|drucken|mehr lesen|lesen sie (?:auch|mehr|hier)|mehr (?:zum thema|dazu)|zur startseite)(?:[ :!.].*)?$
abonnieren anmelden testen registrieren weiterlesen / \b(?:jetzt|kostenlos|hier|newsletter) (?:abonnieren|anmelden|testen|registrieren|weiterlesen)\b
bereits / \bbereits (?:abonnent|registriert|abonniert)
^abonnez ^inscrivez ^connectez ^partager ^lire ^à ^se ^s ^déjà / ^(?:abonnez-vous|inscrivez-vous|connectez-vous|partager|lire (?:aussi|la suite|plus)|à lire|se connecter|s'abonner|déjà abonné)(?:[^\pL].*)?$
réservé / \bréservé aux abonnés
^suscríbete ^regístrate ^inicia ^compartir ^leer ^lea ^ver / ^(?:suscríbete|regístrate|inicia sesión|compartir|leer (?:más|también)|lea también|ver más)(?:[^\pL].*)?$
^assine ^inscreva ^compartilhe ^compartilhar ^partilhar ^leia ^saiba / ^(?:assine|inscreva-se|compartilh\w+|partilhar|leia (?:mais|também)|saiba mais)(?:[^\pL].*)?$
^abbonati ^accedi ^condividi ^leggi / ^(?:abbonati|accedi|condividi|leggi (?:anche|tutto))(?:[^\pL].*)?$
^les ^læs ^läs ^del ^dela ^abonner ^logg ^log ^logga ^prenumerera ^lue ^tilaa ^jaa ^kirjaudu / ^(?:les (?:også|mer|hele)|læs (?:også|mere)|läs (?:också|mer|även)|del (?:artikkel|artikkelen|denne|saken)|dela|abonner|logg inn|log ind|logga in|prenumerera|lue (?:myös|lisää)|tilaa|jaa|kirjaudu)(?:[^\pL].*)?$
^lees ^abonneer ^deel ^inloggen / ^(?:lees (?:ook|meer|verder)|abonneer|deel (?:dit|op)|inloggen)(?:[^\pL].*)?$
abo abonnent abonnenten abonnentin plus-artikel / \b(?:sind|bist|bereits|schon|noch kein) .{0,12}abonnent|\b(?:nur )?für abonnenten\b.{0,30}(?:lesbar|verfügbar|zugänglich|frei|sichtbar)?$|\babo (?:testen|abschließen|bestellen|sichern)|\bmit (?:dem |einem )?(?:digital-)?abo (?:weiter)?lesen
weiterlesen / \b(?:um|zum) weiterzulesen\b|\bund weiterlesen\b|^zum weiterlesen\b
weiterzulesen kündbar / \bum weiterzulesen\b|\bjederzeit kündbar\b
cookies cookie / \b(?:verwende|nutze|setze|einsatz|verwendung|nutzung)\w* .{0,40}cookies|\bcookies?\b.{0,40}(?:zustimm|akzeptier|ablehn|widersprech|einverstanden)|zustimm\w* .{0,40}cookies
newsletter newsletters newslettern / \bnewsletters?\b.{0,40}(?:abonnier|anmeld|bestell|registrier|inscri|abonn|subskry|tilmeld|aanmeld)|(?:abonnier|bestell|melde|inscri|recevez|reciba|recibe|suscr|receba|assine|ricevi|iscriv|zapisz|tilmeld|ontvang|schrijf|prenumerera)\w*\b.{0,60}\bnewsletters?
javascript / \bjavascript\b.{0,40}(?:aktivier|eingeschaltet|nötig|activ|habilit|attiv|inschakel|aktiver|włącz)|(?:aktivier|activ|habilit|attiv|włącz)\w* .{0,20}javascript
rechte rechten rettigheter rettigheder rättigheter droits derechos direitos diritti prawa / \balle rechte vorbehalten|\balle rechten voorbehouden|\balle rettighe[td]er forbehold|\balla rättigheter|\btous droits réservés|\btodos los derechos reservados|\btodos os direitos reservados|\btutti i diritti riservati|\bwszelkie prawa zastrzeżone
^auch ^das ^zum ^lesen ^hier ^folgen / ^(?:auch interessant|auch lesenswert|das könnte (?:sie|dich) (?:auch )?interessieren|zum thema|lesen sie (?:auch|mehr|hier|dazu|weiter)|hier geht es (?:zu|weiter)|folgen sie uns|folge uns)\b
kommentar kommentare / ^\d* ?kommentare?(?: \d+)?$|\bkommentare? (?:schreiben|verfassen|hinterlassen|anzeigen|lesen)\b
^artikel ^diesen ^link ^beitrag / ^(?:artikel|diesen artikel|diesen beitrag|beitrag|link)\b.{0,40}\b(?:teilen|versenden|drucken|merken|kopieren|weiterempfehlen)$
abonné abonnée abonnés abonner abonnez abonnement / déjà abonnée?|\babonne[zr]-(?:vous|moi|toi)|\bréservé.{0,12} (?:à|aux) (?:nos )?abonnés|\bs'abonner\b|\boffres? d'abonnement|\bsans engagement
suite / \bpour lire la suite\b|^lire la suite\b|\blire la suite$
cookies / \b(?:utilis\w+|accepter|refuser|gérer|paramétrer|dépos\w+) .{0,40}cookies
compte connecter connectez désinscription / \bcrée[rz] (?:un|votre) compte\b|^se connecter\b|\bconnectez-vous\b|\bdésinscription (?:possible )?à tout moment
^à ^voir ^partager ^partagez ^suivez ^envoyer ^copier / ^(?:à lire (?:aussi|également)|voir aussi|partage[rz] (?:cet|l'|sur|via)|suivez-nous|envoyer (?:l'article|cet article|par)|copier le lien)
suscriptor suscriptora suscriptores suscripción suscríbete suscríbase suscribirse suscribirte / \bya (?:eres|es|soy|está|estás) suscriptor|\b(?:sol[oa]|exclusiv[oa]s?) para suscriptores|\bsuscr[ií]b(?:ete|ase|irse|irte)\b.{0,60}$|\bhazte suscriptor
leyendo leer / \bpara (?:seguir|continuar) leyendo\b|^(?:seguir|sigue|siga) leyendo\b|^leer (?:más|también)\b.{0,80}$
sesión cuenta correo / \binici(?:a|ar|e) sesión\b|\bcrea(?:r)? (?:una|tu) cuenta\b|\ben (?:su|tu) correo\b.{0,20}$
cookies / \b(?:utilizamos|usamos|aceptar|rechazar|acepta|uso de) .{0,30}cookies
^compartir ^comparte ^enviar ^copiar ^síguenos ^darse ^puede / ^(?:compart(?:ir|e) (?:esta|este|en|la|el)|enviar (?:la noticia|el artículo|por)|copiar (?:el )?enlace|síguenos)\b|\bdarse de baja en cualquier momento
assinante assinantes assine assinar assinatura / já (?:é|sou) assinante|\b(?:exclusivo|só|apenas) para assinantes|\bassine (?:já|agora|para|grátis|a|o|e|nossa)\b|\bseja assinante
continuar / \bpara continuar (?:a ler|lendo|a leitura)\b|^continuar (?:a ler|lendo)\b
login cadastre cadastro / \bfaça (?:o )?login\b|\bcadastre-se\b|\bjá tem (?:cadastro|conta|login)
cookies / \b(?:usamos|utilizamos|aceitar|recusar|aceita) .{0,30}cookies
^compartilhe ^compartilhar ^partilhe ^enviar ^copiar ^siga ^leia ^cancele / ^(?:compartilh\w+|partilhe) (?:esta|este|no|em|a|o)\b|^(?:enviar (?:a notícia|por)|copiar (?:o )?link|siga-nos)\b|^leia (?:mais|também)\b|^cancele (?:a )?qualquer
abbonato abbonata abbonati abbonamento / già abbonat|\briservat\w+ agli abbonati|\babbonati (?:per|ora|subito|a|e)\b|\battiva (?:il tuo |un )?abbonamento
leggere / \bper continuare a leggere\b|^continua a leggere\b
cookie cookies / \b(?:utilizziamo|usiamo|accettare|rifiutare|accetta|uso dei) .{0,30}cookies?
^condividi ^invia ^copia ^seguici ^leggi ^puoi ^iscriviti ^registrati / ^(?:condividi (?:questo|l'|su|la)|invia (?:l'articolo|per)|copia (?:il )?link|seguici|leggi anche|iscriviti|registrati)|cancellarti in qualsiasi momento
abonnee abonnees abonneer abonnement / \b(?:word|ben je|bent u|al|nu) abonnee|\balleen voor abonnees|\babonneer (?:je|u|nu)\b|\bneem (?:nu )?een abonnement
lezen / \bverder te lezen\b|^verder lezen\b|\bom (?:dit artikel |verder )?te lezen\b.{0,10}$
cookies / \b(?:gebruiken?|gebruikt|plaatsen) .{0,30}cookies|\bcookies? (?:accepteren|weigeren|toestaan)
nieuwsbrief / \b(?:schrijf|meld|ontvang|aanmelden|abonneer).{0,50}nieuwsbrief|nieuwsbrief.{0,30}(?:aanmelden|ontvangen|inschrijven)
^deel ^stuur ^kopieer ^volg ^je / ^(?:deel (?:dit|op|via|het)|stuur (?:het|dit) artikel|kopieer (?:de )?link|volg ons)\b|\baltijd weer afmelden
abonnent abonnenter abonnenten prenumerant prenumeranter abonnement / \b(?:bli|bliv|allerede|redan|er du|är du) (?:abonnent|prenumerant)|\b(?:kun|bare|endast|bara) for abonnenter|\bför prenumeranter|\bfor abonnenter\b.{0,10}$|\bköp (?:en )?prenumeration
saken vidare videre / \bfor å lese (?:hele )?(?:saken|videre)\b|\bför att läsa vidare\b|\b(?:for at læse|og læs|læs) videre\b|^läs vidare\b
logg log logga / \blogg inn\b.{0,20}$|\blog ind\b.{0,20}$|\blogga in\b.{0,20}$
cookies kakor informasjonskapsler / \b(?:bruker|bruger|använder|godta|godkänna|acceptere|avslå|neka|afvise) .{0,30}(?:cookies|kakor|informasjonskapsler)
nyhetsbrev nyhetsbrevet nyhedsbrev nyhedsbrevet / \b(?:meld|tilmeld|prenumerera|motta|abonn|få|modtag).{0,50}nyhe[td]sbrev
^del ^dela ^send ^skicka ^kopier ^kopiera ^du ^følg ^följ / ^(?:dela? (?:saken|artikeln|artiklen|på)|send (?:saken|artiklen)|skicka artikeln|kopier(?:a)? (?:lenken|länken|link)|følg oss|følg os|följ oss)\b|^du kan (?:alltid |altid )?(?:melde deg av|avsluta|afmelde dig)
subskrypcję subskrypcja subskrybentów prenumeratę prenumeratorów dostęp / \bwykup (?:dostęp|subskrypcję|prenumeratę)|\bmasz już (?:subskrypcję|konto|dostęp|prenumeratę)|\btylko dla (?:subskrybentów|prenumeratorów)|\b(?:pełny|nielimitowany) dostęp\b
czytać zaloguj zarejestruj konto / \baby czytać (?:dalej|więcej)\b|\bzaloguj się|\bzarejestruj się|załóż konto
cookie cookies ciasteczka ciasteczek / \bplik\w* cookie|\bciasteczk
^udostępnij ^wyślij ^kopiuj ^czytaj ^zobacz ^zapisz ^możesz ^obserwuj / ^(?:udostępnij|wyślij (?:artykuł|e-mail|mailem)|kopiuj link|czytaj (?:też|także|więcej|również|dalej)|zobacz (?:też|także|również|więcej|wideo)|zapisz się|obserwuj nas)|zrezygnować w każdej chwili
outdated / \bbrowser (?:is )?outdated\b
^read ^more ^watch ^related ^dazu ^lire ^voir ^lee ^leia ^leggi ^lees ^les ^läs ^læs ^czytaj / ^(?:read|more|watch|related|dazu|lire|voir|lee|leia|leggi|lees|les|läs|læs|czytaj):\s
summary summaries takeaways points zusammenfassung kurzfassung résumé resumen riassunto resumo samenvatting sammendrag sammendraget sammanfattning sammanfattningen podsumowanie oppsummering oppsummeringen resumé resumeet punkte / \b(?:summar(?:y|ies)|takeaways|points|zusammenfassung|kurzfassung|punkte|résumé|resumen|riassunto|resumo|samenvatting|sammendrag(?:et)?|sammanfattning(?:en)?|podsumowanie|oppsummering(?:en)?|resumé|resumeet)\b.{0,50}\b(?:generated|written|created|produced|erstellt|generiert|verfasst|généré|generad[oa]|generat[oa]|gerad[oa]|gemaakt|gegenereerd|laget|lavet|skapad|genererad|wygenerowan[ea]|utworzon[ea])\b.{0,30}\b(?:ai|a\.i\.|ki|ia|sztuczn\pL+|chatgpt|artificial|künstliche[rn]?|kunstmatige|kunstig|inteligencia|inteligência|intelligenza|intelligence)
^ai ^ki ^ia ^mit ^generated ^erstellt / ^(?:(?:ai|ki|ia)[- ](?:generated|generiert\pL*|erstellt|genererad|genereret)|(?:generated|created) (?:by|with|using) (?:ai|artificial)|mit ki (?:erstellt|generiert)|erstellt mit (?:ki|hilfe))\b.{0,60}$
^czytaj ^udostępnij ^zaloguj / ^(?:czytaj (?:też|także|więcej)|udostępnij|zaloguj)(?:[^\pL].*)?$
^читайте ^подписаться ^подпишитесь ^поделиться ^войти / ^(?:читайте также|подпи[сш]|поделиться|войти)
` + sentencesOfSites + linesOfBoxes)
})
