package ingest

import (
	"regexp"
	"strings"
)

// boilerplate matches lines that are about the site and not about the news:
// paywalls, sign-ups, sharing, cookies. None of them ever reaches a reader.
var boilerplate = regexp.MustCompile(`(?i)` + strings.Join([]string{
	// Paywalls and subscriptions.
	`you(?:'|’)?ve (?:reached|read|hit|used|run out)\b.{0,60}(?:limit|articles?|free|stories)`,
	`\b(?:daily|monthly|weekly)? ?free article(?:s)? (?:limit|left|remaining)`,
	`^subscribe\b`, `\bsubscribe (?:now|today|here|and support|to (?:continue|read|unlock|access|our|the|get|keep|receive))`, `\bto (?:continue|keep) reading\b`,
	`already (?:a )?(?:subscriber|member|subscribed|registered)\b`, `\bsubscribers? only\b`, `\bavailable (?:exclusively )?(?:only )?(?:to|for) .{0,40}(?:subscribers|members)`,
	`\bexclusive(?:ly)? (?:to|for) (?:subscribers|members)`, `^(?:sign|log)[ -]?(?:in|up|on)\b`, `\b(?:sign|log)[ -]in (?:to|or|with|here)\b`, `^(?:register|join)\b.{0,60}\b(?:free|now|today|access|newsletter|subscri)`,
	`^(?:try|get)\b.{0,40}\b(?:free|trial|ad-free|access)\b`, `\bad-free access\b`, `\bunlimited (?:digital )?access\b`, `\bstart your (?:free )?(?:trial|subscription)\b`, `\bcancel any ?time\b`,
	`\bbecome an? (?:subscriber|member|insider|supporter)\b`, `\b(?:must|need to) (?:become|be) a subscriber\b`, `\bsupport (?:our|independent|quality) (?:journalis|veteran|newsroom|work)`, `\bgift (?:this )?(?:article|subscription)`,
	`\$[\d.]+ ?(?:/|a|per) ?(?:week|month|year)\b`,
	// Newsletters and sharing.
	`\bsign up (?:for|to|here|now|today)\b`, `\bnewsletter\b.{0,40}\b(?:sign|subscri|inbox|here|below|free)`, `\b(?:delivered|sent|straight|direct(?:ly)?) to your inbox\b`, `^share\b.{0,40}$`, `^(?:share|tweet|pin|email|e-mail|print|copy link|save|whatsapp|facebook|twitter|linkedin|reddit|telegram|flipboard|pocket|bookmark)(?: (?:this|article|story|it|on|via|link|to)\b.{0,30})?$`,
	`^(?:share|tweet|send|post|email|e-mail) (?:this|it|on|via|to|by|with)\b`, `^follow\b.{0,60}\b(?:on|us)\b`, `^(?:like|find) us on\b`, `\bdownload (?:our|the) app\b`, `^(?:get|download) (?:the|our) .{0,20}\bapp\b`,
	// Pointers elsewhere.
	`^(?:read|see|view|show|find|learn|discover) (?:more|next|also|all|the full|the whole|full|related|less)\b.{0,80}$`, `^(?:click|tap|swipe|scroll)\b.{0,80}$`, `\bclick here\b`, `^(?:see also|related|recommended|more (?:from|on|in|stories|news|like)|most (?:read|popular|viewed)|read (?:on|it)|also read|watch|listen|up next|trending|editor(?:'|’)?s picks?|don(?:'|’)?t miss|you may (?:also )?like|you might (?:also )?like|sponsored|promoted|advertisement|advertorial|continue reading|latest|in pictures|photos?|video|gallery)\s*(?::|$)`,
	`^(?:more|continue reading)(?:\s|…|\.{3}|»|→|$).{0,30}$`, `\bvisit .{1,60}\b(?:homepage|home page|website)\b`, `\bfor more (?:stories|news|articles|information|details)\b.{0,30}$`, `^(?:skip to|jump to|back to|go to|return to)\b`, `^view all\b`, `\bthe post .{1,200} (?:appeared first|first appeared) on\b`, `^(?:advertisement|anzeige|werbung|publicité|publicidad|pubblicità|annonse|reklame|mainos|реклама)\b.{0,20}$`,
	// Rules and rights.
	`\b(?:we|this (?:site|website)) uses? (?:of )?cookies\b`, `\baccept (?:all )?cookies\b`, `\bcookie (?:policy|settings|preferences)\b`, `\bprivacy (?:policy|notice|settings)\b`, `\bterms (?:of (?:use|service)|and conditions|& conditions)\b`, `\ball rights reserved\b`, `^(?:©|\(c\)|copyright)\b?`, `\bmust (?:be logged in|become a subscriber|log ?in|sign in)\b`, `\bleave a (?:comment|reply)\b`, `^(?:comments?|\d+ comments?)$`, `\benable javascript\b`, `\byour browser\b.{0,40}(?:support|out of date|javascript)`,
	// Other languages.
	`^(?:jetzt |hier )?(?:abonnieren|anmelden|registrieren|einloggen|weiterlesen|teilen|drucken|mehr lesen|lesen sie (?:auch|mehr)|mehr (?:zum thema|dazu)|zur startseite|lesen sie hier)\b`, `\b(?:jetzt|kostenlos|hier) (?:abonnieren|anmelden|testen|registrieren|weiterlesen)\b`, `\bbereits (?:abonnent|registriert|abonniert)`, `\bnewsletter\b.{0,30}\b(?:abonnieren|anmelden)`, `\b(?:premium|plus)-(?:artikel|inhalt)`,
	`^(?:abonnez-vous|inscrivez-vous|connectez-vous|partager|lire (?:aussi|la suite|plus)|à lire|se connecter|s(?:'|’)abonner|déjà abonné)\b`, `\bréservé aux abonnés\b`,
	`^(?:suscríbete|regístrate|inicia sesión|compartir|leer (?:más|también)|lea también|ver más)\b`, `^(?:assine|inscreva-se|compartilh|partilhar|leia (?:mais|também)|saiba mais)`, `^(?:abbonati|accedi|condividi|leggi (?:anche|tutto))\b`,
	`^(?:les (?:også|mer|hele)|læs (?:også|mere)|läs (?:också|mer|även)|del (?:artikkel|denne)|dela|abonner|logg inn|log ind|logga in|prenumerera|lue (?:myös|lisää)|tilaa|jaa)\b`, `^(?:lees (?:ook|meer|verder)|abonneer|deel (?:dit|op)|inloggen)\b`, `^(?:читайте также|подпи[сш]|поделиться|войти)`,
}, "|"))

// isBoilerplate tells a line no reader should get.
func isBoilerplate(line string) bool {
	line = strings.TrimSpace(line)
	return line == "" || boilerplate.MatchString(line)
}
