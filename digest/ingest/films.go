package ingest

import (
	"regexp"
	"slices"
)

// films are what lists of films begin their lines with: the goals of a match,
// the whole of it, what was said after it. "Highlights" and "Summary" stand over
// these as over key points.
var films = regexp.MustCompile(`(?i)^[^\pL\pN]*(?:` +
	`(?:goals?|tore?|buts?|gole?s?|gols|golos|doelpunten|mål|målene|målen|bramki|bramka|videos?|vidéos?|vídeos?|wideo|filmato|replay|relive|interview|press conference|pressekonferenz|conférence de presse|rueda de prensa|conferenza stampa|highlights|extended highlights|match highlights)\s*:` +
	`|(?:all|every one of) (?:the )?goals|(?:(?:watch|see) )?(?:the )?(?:full|whole|entire|complete) (?:match|game|fight|race|replay|episode|press conference)|(?:extended|match|game|race|fight|video|full|short|best) (?:highlights|replay|recap)|highlights (?:of|from)` +
	`|(?:alle|die) tore|das (?:ganze|komplette) (?:spiel|rennen)|(?:das spiel|das rennen) in voller länge|alle highlights|die highlights` +
	`|(?:tous )?les buts|(?:le )?match (?:en (?:intégralité|entier)|complet|intégral)|les temps forts` +
	`|(?:todos )?los goles|(?:el )?partido (?:completo|íntegro)|(?:las )?mejores jugadas|tutti i gol|(?:la )?partita (?:completa|intera|integrale)|gli highlights` +
	`|todos os gol(?:o?s)|(?:o )?jogo (?:completo|na íntegra)|os melhores momentos|melhores momentos` +
	`|alle (?:doelpunten|goals|mål|målene)|(?:de )?hele wedstrijd|hele kampen|alla mål(?:en)?|hela matchen|wszystkie (?:bramki|gole)|cały mecz` +
	`)(?:\P{L}|$)`)

// How long a film is, set apart from what it shows. A time of day belongs to its
// sentence.
var (
	filmLength = regexp.MustCompile(`[(\[]\d{1,2}:[0-5]\d(?::[0-5]\d)?[)\]]\s*$|[^\d\s]\s*[|·•–—-]\s*\d{1,2}:[0-5]\d(?::[0-5]\d)?\s*$|\pL\d{1,2}:[0-5]\d$|^[(\[]\d{1,2}:[0-5]\d(?::[0-5]\d)?[)\]]`)
	timeBefore = regexp.MustCompile(`^\d{1,2}:[0-5]\d(?::[0-5]\d)?\s`)
	timeBehind = regexp.MustCompile(`(\S+)\s+\d{1,2}:[0-5]\d(?::[0-5]\d)?$`)
)

// clockWords stand before a time of day.
var clockWords = [...]string{"at", "by", "from", "to", "until", "till", "and", "or", "before", "after", "around", "about", "since", "um", "ab", "bis", "gegen", "von", "und", "vor", "nach", "seit",
	"à", "dès", "vers", "et", "las", "la", "y", "alle", "dalle", "às", "as", "e", "om", "tot", "en", "kl", "kl.", "klokken", "klokka", "klockan", "og", "och", "o", "od", "do", "i", "the"}

// ofFilms tells lists of which half the lines lead to films, or of which each
// says how long it takes.
func (c *candidate) ofFilms() bool {
	n, timed := 0, 0
	for _, it := range c.items {
		if films.MatchString(it.text) || filmLength.MatchString(it.text) {
			n++
		}
		m := timeBehind.FindStringSubmatch(it.text)
		if timeBefore.MatchString(it.text) || m != nil && !slices.Contains(clockWords[:], m[1]) || filmLength.MatchString(it.text) {
			timed++
		}
	}
	return len(c.items) > 0 && (n*2 >= len(c.items) || timed == len(c.items))
}
