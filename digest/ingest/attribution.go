package ingest

import (
	"net/url"
	"regexp"
	"strings"
	"sync"
	"unicode"

	"courant/digest"
)

// toldBy are the words, by language, behind which a site names the publication
// whose story it tells. "(Reuters)" in front of a text is none of them: it says
// where a report came in, and stands on the agency's own site as well.
const toldBy = `
(?:read|see|continue reading|view) (?:the )?(?:whole|full|entire|original|complete|rest of the|rest of this|more of this)(?: original)? ?(?:story|article|piece|report|post|version)?(?: here)? (?:from|at|on|in|via|over at)
(?:this|the) (?:article|story|post|piece|report|content|column|essay|interview)(?: was| is| has been| were)?(?: originally| first)? (?:appeared|published|posted|ran|produced|featured|provided|syndicated)(?: originally| first)? (?:on|in|by|at|with|from)
(?:originally|first) (?:appeared|published|posted|reported|aired) (?:on|in|by|at)
(?:republished|reprinted|syndicated|excerpted|adapted) (?:with (?:the )?(?:kind )?permission )?(?:from|of)
(?:this (?:article|story|content) (?:comes|is) (?:to you )?(?:from|courtesy of))
^(?:courtesy of|content (?:provided )?by|from our partners? at)
(?:den ganzen|den vollständigen|den kompletten|den originalen) (?:artikel|bericht|beitrag|text)(?: lesen| finden)?(?: sie)? (?:bei|auf|in|im)
lesen sie (?:hier )?(?:den ganzen|den vollständigen|den kompletten) (?:artikel|bericht|beitrag|text) (?:bei|auf|in|im)
(?:dieser|der|dieses) (?:artikel|beitrag|text|bericht|interview)(?: ist| wurde)? ?(?:erschien|erscheint|zuerst|ursprünglich|zunächst)(?: zuerst| ursprünglich| zunächst)? (?:bei|auf|in|im)
(?:zuerst|ursprünglich) (?:erschienen|veröffentlicht) (?:bei|auf|in|im|von)
(?:übernommen|nachdruck)(?: mit freundlicher genehmigung)? (?:von|aus)
(?:lire|lisez|retrouvez) (?:la suite|l['’]article (?:complet|intégral|original|entier))(?: est à lire)? (?:sur|dans|chez)
l['’]article original (?:est )?(?:à lire )?(?:sur|dans)
(?:cet article|ce texte|cette tribune) (?:a été|est)(?: initialement| d['’]abord| originellement)? (?:publiée?|parue?)(?: initialement| d['’]abord| originellement)? (?:sur|dans|par|chez)
(?:publié|paru) (?:initialement|d['’]abord|originellement|à l['’]origine) (?:sur|dans|par|chez)
(?:leer|lea|lee) (?:el artículo|la historia|la nota|la noticia) (?:completo|completa|original) en
este (?:artículo|texto|reportaje) (?:fue|se|ha sido)(?: originalmente)? (?:publicado|publicó)(?: originalmente| por primera vez)? (?:en|por)
publicad[oa] (?:originalmente|por primera vez) (?:en|por)
leggi (?:l['’]articolo|la notizia|il servizio) (?:complet[oa]|original[e]|integrale) (?:su|sul|sulla|in)
(?:questo articolo|questo testo) (?:è|e['’]) (?:stato )?(?:originariamente |originalmente )?(?:pubblicato|apparso)(?: originariamente| originalmente| per la prima volta| prima)? (?:su|sul|sulla|da|in)
pubblicato (?:originariamente|originalmente|per la prima volta) (?:su|sul|sulla|da|in)
leia (?:a matéria|o artigo|a íntegra|a reportagem|o texto)(?: complet[oa]| original| na íntegra)? (?:em|no|na)
(?:este|esta|o|a) (?:artigo|texto|matéria|reportagem) foi(?: originalmente)? publicad[oa](?: originalmente| primeiro)? (?:em|no|na|por|pel[oa])
publicad[oa] originalmente (?:em|no|na|por|pel[oa])
lees het (?:hele|volledige|originele) (?:artikel|verhaal|stuk) (?:op|bij|in)
dit (?:artikel|verhaal|stuk) (?:verscheen|is|werd)(?: eerder| oorspronkelijk| eerst)?(?: verschenen| gepubliceerd)? (?:op|bij|in|door)
(?:les|læs|läs) hel[ea] (?:saken|artikkelen|historien|artiklen|artikeln|texten) (?:på|hos|i)
(?:artikkelen|saken|artiklen|artikeln|den här artikeln|denne artikkelen|denne artikel)(?: ble| blev| er| var| är| publicerades| har)?(?: først| opprinnelig| oprindeligt| först| ursprungligen)(?: publisert| publiceret| bragt| trykt| publicerad| publicerades)? (?:på|i|av|af|hos)
(?:opprinnelig|oprindeligt|ursprungligen|først|först) (?:publisert|publiceret|publicerad) (?:på|i|av|af|hos)
(?:artykuł|tekst)(?: pierwotnie)? (?:ukazał się|został opublikowany|opublikowano)(?: pierwotnie| po raz pierwszy)? (?:w|na|przez)(?: serwisie| portalu| łamach)?
czytaj (?:cały|pełny|całość)(?: artykuł| tekst)? (?:w|na)
`

// sourceWord begins a line that names a source, by itself at the end of a
// text. Within one it is of a chart or a picture.
const sourceWord = `(?:source|sources|via|quelle|quellen|fuente|fonte|bron|kilde|källa|lähde|źródło|vía|con información de|com informações d[aeo]|mit material von)`

const (
	namePart = `((?:The |the |Die |Der |Das |Le |La |El |L['’]|Il |De |Het )?[\pL\pN][\pL\pN&'’.\- ]{1,48}?(?: [\pL\pN][\pL\pN&'’.\-]*){0,4}?)`
	nameEnd  = `\s*(?:[.,;:!(|–—-]\s|[.,;:!)]?$| (?:on|in|by|and|with|under|here|am|erschienen|veröffentlicht|verschenen|gepubliceerd|le|el|il|em|på|where|as part)\b)`
	nameLead = `\s+["“„«]?(?:(?:the website of|our partner|our partners at|our colleagues at|our sister site|the website|unserem partner|notre partenaire)\s+)?(?:(?-i:dem|der|den|die|la|le|il|el|het|lo|les)\s+)?`
)

// tellings are the patterns of lines that tell whose story it is.
var tellings = sync.OnceValue(func() *struct{ within, alone *regexp.Regexp } {
	phrases := strings.Split(strings.TrimSpace(toldBy), "\n")
	return &struct{ within, alone *regexp.Regexp }{
		regexp.MustCompile(`(?:(?i:` + strings.Join(phrases, `)|(?i:`) + `))(?i:` + nameLead + `)` + namePart + nameEnd),
		regexp.MustCompile(`^\(?(?i:` + sourceWord + `)(?:\s*[:：]\s*|\s+)` + namePart + `\s*[.)]?$`),
	}
})

// credits tells lines that may name another publication, without the cost of
// the patterns.
func credits(line string) bool {
	for word := range strings.FieldsFuncSeq(strings.ToLower(line), notInWord) {
		if creditWords()[word] {
			return true
		}
	}
	return false
}

// creditWords holds one word of each of the phrases.
var creditWords = sync.OnceValue(func() map[string]bool {
	words := map[string]bool{}
	for w := range strings.FieldsSeq(`whole full entire original complete rest more originally first appeared published posted ran produced featured provided
		republished reprinted syndicated excerpted adapted courtesy content partner partners comes source sources via quelle quellen fuente fonte bron kilde källa lähde źródło vía información informações material
		ganzen vollständigen kompletten originalen zuerst ursprünglich zunächst erschien erscheint erschienen übernommen nachdruck
		complet intégral entier suite publié publiée paru parue completo completa publicado publicada publicó originalmente
		completa originale integrale pubblicato apparso matéria artigo íntegra reportagem hele volledige originele verscheen verschenen gepubliceerd
		hela publisert publiceret publicerad publicerades først först opprinnelig oprindeligt ursprungligen ukazał opublikowany opublikowano cały pełny całość`) {
		words[w] = true
	}
	return words
})

// attribution is the publication a line credits, empty if it credits none.
func attribution(line string) string { return credited(line, true) }

// credited is attribution; a line that only names a source counts where alone
// is true.
func credited(line string, alone bool) string {
	line = strings.ReplaceAll(line, "\u00a0", " ")
	if len(line) > 300 || !strings.ContainsFunc(line, unicode.IsUpper) && !strings.Contains(line, ".") || !credits(line) {
		return ""
	}
	m := tellings().within.FindStringSubmatch(line)
	if m == nil && alone {
		m = tellings().alone.FindStringSubmatch(line)
	}
	if m == nil {
		return ""
	}
	name := strings.Trim(m[1], " .,;:!\"“”„«»")
	if notPublished.MatchString(name) || !nameLike(name) {
		return ""
	}
	return digest.PlainLine(name, maxName)
}

// nameLike tells a publication's name from the rest of a sentence: it begins
// with a capital, or is an address.
func nameLike(name string) bool {
	r, _ := firstRune(name)
	return wordCount(name) <= 6 && !notAName.MatchString(name) && (unicode.IsUpper(r) || unicode.IsDigit(r) || strings.Contains(name, ".") || strings.HasPrefix(name, "the ") ||
		strings.ContainsFunc(name, unicode.IsUpper) && wordCount(name) == 1 || unicode.Is(unicode.Lo, r))
}

// notAName tells days, dates and the rest of a sentence: "Originally published
// on 3 May 2024", "Read the whole story from the beginning".
var notAName = regexp.MustCompile(`(?i)^(?:\d{1,2}[./ ]|(?:mon|tues|wednes|thurs|fri|satur|sun)day\b|\pL{3,9}\.? \d{1,2}(?:st|nd|rd|th)?,? \d{4}|(?:the )?(?:beginning|start|end|top|archives?|this story|this article|\d{4})$)`)

// notPublished tells what is credited besides publications: pictures, ways to
// pay, papers cited, days.
var notPublished = regexp.MustCompile(`(?i)^(?:giphy|paypal|youtube|instagram|twitter|facebook|x|tiktok|wikipedia|e-?mail|whatsapp|telegram|linkedin|reddit|getty.*|google.*|shutterstock|istock.*|unsplash|pixabay|pexels|\pL{3,9}\.? \d{1,2}|(?:mon|tues|wednes|thurs|fri|satur|sun)day|january|february|march|april|may|june|july|august|september|october|november|december|\d+|internet|reuters connect)$|\bvia\b|\bet al\b|\btranslation\b`)

// attribute finds whose story a page tells: what its data says, a line that
// says so, a source at the text's end, else the site that its canonical link
// leads to.
func (p *page) attribute(a *digest.Article, address, base *url.URL) {
	for _, name := range p.m.creditedTo() {
		if name = siteName(name, ""); nameLike(name) && len(name) > 2 && !sameName(name, a.Site) && !sameName(name, siteOfHost(base)) {
			a.Attribution = name
			return
		}
	}
	end := 0
	if len(p.body) > 0 {
		end = p.body[len(p.body)*4/5]
	}
	for i := max(p.headlineAt, 0); i < len(p.o.blocks); i++ {
		b := p.o.blocks[i]
		if b.words > 40 || b.list >= 0 || p.isForeign(i) || p.o.around(b.region)&(signFurniture|signCaption) != 0 {
			continue
		}
		if name := credited(b.text, i >= end); name != "" && !sameName(name, a.Site) {
			a.Attribution = name
			return
		}
	}
	a.Attribution = p.m.canonicalSite(address)
}

// sameName says whether a site and what it credits are one: "The Gazette" and
// "gazette.example".
func sameName(name, site string) bool {
	a, b := squash(strings.TrimPrefix(strings.ToLower(name), "the ")), squash(strings.TrimPrefix(strings.ToLower(site), "the "))
	if a == "" || b == "" {
		return a == b
	}
	return a == b || strings.HasPrefix(b, a) && len(a) >= 4 || strings.HasPrefix(a, b) && len(b) >= 4
}

// creditedTo is what the page's data says of another publication.
func (m *metadata) creditedTo() []string {
	names := append([]string{}, m.linked.credits...)
	for _, key := range []string{"syndication-source", "original-source", "dc.source"} {
		for _, value := range m.meta[key] {
			if u, err := url.Parse(strings.TrimSpace(value)); err == nil && u.Host != "" {
				value = siteOfHost(u)
			}
			names = append(names, plainTitle(value))
		}
	}
	return names
}

// canonicalSite is where the page's canonical link leads, if that is another
// publication than the one it was read from.
func (m *metadata) canonicalSite(address *url.URL) string {
	u, err := url.Parse(m.resolve(address, m.canonical))
	if err != nil || address == nil || u.Host == "" {
		return ""
	}
	here, there := siteOfHost(address), siteOfHost(u)
	label, _, _ := strings.Cut(here, ".")
	other, _, _ := strings.Cut(there, ".")
	if here == there || label == other || strings.Contains(label, other) || strings.Contains(other, label) || strings.Trim(u.Path, "/") == "" {
		return ""
	}
	if other == "cdn" || strings.Contains(here, "ampproject") || net4(u.Hostname()) || net4(address.Hostname()) {
		return ""
	}
	return there
}

// net4 tells addresses that are numbers or this machine.
func net4(host string) bool {
	return host == "localhost" || strings.Trim(host, "0123456789.:[]abcdefABCDEF") == "" && strings.ContainsAny(host, "0123456789")
}
