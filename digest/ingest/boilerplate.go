package ingest

import (
	"regexp"
	"strings"
	"sync"
	"unicode"
)

// isBoilerplate tells lines that are about the site and not about the news:
// paywalls, sign-ups, sharing, cookies. None of them ever reaches a reader.
func isBoilerplate(line string) bool {
	line = strings.TrimSpace(line)
	return line == "" || siteLines().match(head(line, 400))
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
	return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) && r != '$' && r != '©'
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
^czytaj ^udostępnij ^zaloguj / ^(?:czytaj (?:też|także|więcej)|udostępnij|zaloguj)(?:[^\pL].*)?$
^читайте ^подписаться ^подпишитесь ^поделиться ^войти / ^(?:читайте также|подпи[сш]|поделиться|войти)
`)
})
