package ingest

import (
	"regexp"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// Hotels, restaurants, programmes and shops are told of in boxes that have the
// headings of key points: "At a glance", "Need to know". What these boxes list
// is where, when and for how much, and no news.

const (
	longestDetail = 12 // words of a line that gives an address or a price
	longestPart   = 5  // words between its commas; more of them may say something
)

// isPractical tells a line that gives an address, a price, a time, a number to
// ring or a way to get there. A sentence that holds one of these is none: it
// ends like one, or the price stands within it.
func isPractical(line string) bool {
	line = strings.TrimSpace(line)
	last, _ := utf8.DecodeLastRuneInString(line)
	if wordCount(line) > longestDetail || strings.ContainsRune("!?…。", last) || last == '.' && !shortened.MatchString(line) {
		return false
	}
	words := practicalWords()
	if words.ways.MatchString(line) {
		return true
	}
	if !strings.ContainsAny(line, "0123456789@") {
		return words.labels.MatchString(line)
	}
	parts, label := detailParts(line)
	found := label && words.labels.MatchString(line) && !newsFigure.MatchString(line)
	for i, part := range parts {
		if wordCount(part) > longestPart {
			return false
		}
		found = found || words.street.MatchString(part) || contactLine.MatchString(part) || words.isPrice(part) || words.isWhen(part, i == 0 || i == 1 && label) ||
			i > 0 && houseNumber.MatchString(part) && words.streetName.MatchString(parts[i-1]) ||
			i > 0 && houseNumber.MatchString(parts[i-1]) && words.streetName.MatchString(part) ||
			i == 1 && label && counts.MatchString(part) && !newsFigure.MatchString(part)
	}
	return found
}

// detailParts are what commas, colons, dashes and brackets part a line into.
// label says that a colon stands behind the first part.
func detailParts(line string) (parts []string, label bool) {
	for _, at := range partings.FindAllStringIndex(line, -1) {
		label = strings.HasPrefix(line[at[0]:], ":")
		break
	}
	for _, part := range partings.Split(line, -1) {
		if part = strings.TrimSpace(part); part != "" {
			parts = append(parts, part)
		}
	}
	return parts, label
}

var (
	partings    = regexp.MustCompile(`[:,;](?:\s|$)|\s[-–—·•|/]\s|[()|•]|\s?·\s?`)
	shortened   = regexp.MustCompile(`(?i)(?:^|[^\pL])(?:st|rd|ave|p\.m|a\.m|p\.p|p\. ?p|str|nr|std|min|kr|tel|zł|godz|od|os)\.$`)
	houseNumber = regexp.MustCompile(`^\d{1,4}[a-zA-Z]?(?:[-–/]\d{1,4}[a-zA-Z]?)?(?: bis| ter)?$`)
	contactLine = regexp.MustCompile(`(?i)^(?:[\pL.-]{1,12} )?(?:\+|00|\(0|0)[\d ()/.-]{6,}\d$|^(?:e-?mail |mail )?[\w.+-]+@[\w-]+(?:\.[\w-]+)+$|^(?:www\.)?[\pL\d-]+(?:\.[\pL\d-]+)*\.(?:com|org|net|info|example|[a-z]{2})(?:/\S*)?$`)
	counts      = regexp.MustCompile(`^(?:\pL{1,6} )?\d[\d.,]*(?: ?\pL{1,12}\.?)?$`)
	// newsFigure tells the figures news is about: nobody pays a billion at a door.
	newsFigure = regexp.MustCompile(`(?i)%|\d[mk](?:\P{L}|$)|\d\s?(?:bn|tn|mn|mio|mrd|mld|mln|md|millions?|billions?|trillions?|millionen|milliarden?|millones|milhões|milhão|bilhões|milioni|miliardi|milliards?|miljoen|miljard|millioner|milliarder|miljoner|miljarder|milion\pL*|miliard\pL*|tys)(?:\P{L}|$)|\b(?:percent|per cent|prozent|procent|prosent|vs|versus|from|up|down)\b`)
)

// practicalPatterns are the words that practical lines are made of.
type practicalPatterns struct {
	street     *regexp.Regexp // a street with its number
	streetName *regexp.Regexp
	price      *regexp.Regexp
	clock      *regexp.Regexp // a time of day
	date       *regexp.Regexp
	labels     *regexp.Regexp // what such lines begin with
	ways       *regexp.Regexp // how to get there
	when       map[string]bool
}

var practicalWords = sync.OnceValue(func() *practicalPatterns {
	const (
		behind = `(?:street|st\.?|road|rd\.?|avenue|ave\.?|lane|ln\.?|drive|dr\.?|square|sq\.?|terrace|crescent|boulevard|blvd\.?|quay|close|court|row|hill|gardens|parade|highway|way|place|mews|wharf|alley|walk|embankment)`
		joined = `\pL*(?:straße|strasse|str\.|gasse|weg|allee|platz|ufer|damm|straat|laan|gracht|kade|plein|gata|gate|gaten|gatan|gade|vej|veien|vägen|allé|torv|torget|plass|plads|stræde)`
		before = `(?:rue|avenue|av\.|boulevard|bd|place|quai|impasse|chemin|allée|calle|c/|avenida|avda\.?|plaza|paseo|carrera|rua|r\.|praça|largo|travessa|via|viale|piazza|corso|vicolo|ul\.|ulica|al\.|aleja|pl\.|plac|am|an der|auf dem|zum)`
		names  = `(?:[\pL'’.-]+ ){0,3}[\pL'’.-]+`
		number = `\d{1,5}(?: ?[a-zA-Z])?(?:[-–/]\d{1,4}[a-zA-Z]?)?`
	)
	w := &practicalPatterns{
		street:     regexp.MustCompile(`(?i)^(?:` + number + ` (?:[\pL'’.-]+ ){1,3}` + behind + `|` + number + ` (?:bis |ter )?` + before + ` ` + names + `|(?:` + names + ` )?` + joined + ` ` + number + `|` + before + ` ` + names + ` ` + number + `)$`),
		streetName: regexp.MustCompile(`(?i)^(?:` + before + ` ` + names + `|(?:` + names + ` )?` + joined + `)$`),
		price:      regexp.MustCompile(`(?i)^(?:(?:from|about|around|ca\.?|approx\.?|only|ab|nur|rund|dès|à partir de|environ|desde|por|da|a partir de|a partire da|vanaf|fra|från|frå|od|adults?|children|kids|singles?|doubles?|erwachsene|kinder|adultos?|niños|adulti|bambini|volwassenen|kinderen|voksne|vuxna|børn|barn|dorośli|dzieci) ){0,2}(?:(?:[£$€¥]|eur|usd|gbp|chf|kr\.?) ?\d[\d.,]*(?:[-–]\d[\d.,]*|\.–|,-)?|\d[\d.,]*(?:[-–]\d[\d.,]*)? ?(?:[£$€¥]|euros?|eur|kr\.?|kroner|kronor|dollars?|pounds?|zł|pln|chf|franken|francs?))(?:$|[ /])`),
		clock:      regexp.MustCompile(`(?i)^(?:\d{1,2}[:.]\d\d|\d{1,2}h(?:\d\d)?|\d{1,2}(?:[:.]\d\d)? ?(?:am|pm)|\d+(?:min|mins|km|mi)|\d{1,2}[:.]\d\d(?:am|pm|h)?[-–]\d{1,2}[:.]\d\d(?:am|pm|h)?|\d{1,2}(?:am|pm)?[-–]\d{1,2}(?:am|pm))$`),
		date:       regexp.MustCompile(`^\d{1,4}(?:st|nd|rd|th|er|º|\.)?(?:[-–]\d{1,2}(?:st|nd|rd|th|\.)?)?$|^\d{1,2}[./-]\d{1,2}[./-](?:\d{2,4})?$|^\d{1,2}\.\d{1,2}\.?$|^\d{4}-\d\d-\d\d$`),
		labels: regexp.MustCompile(`(?i)^(?:where|when|address|location|venue|price|prices|cost|entry|admission|tickets?|opening (?:hours|times)|open|hours|check-?in|check-?out|parking|phone|tel\.?|telephone|website|web|book(?:ing)?|getting there|how to get there|doors|dates?|bookings|` +
			`wo|wann|adresse|ort|anschrift|preise?|eintritt|öffnungszeiten|geöffnet|parken|parkplatz|telefon|anreise|anfahrt|einlass|termine?|karten|buchung|übernachtung|` +
			`où|quand|lieu|prix|tarifs?|entrée|horaires|ouvert|ouverture|téléphone|tél\.?|réservations?|accès|comment s'y rendre|se loger|` +
			`dónde|cuándo|lugar|dirección|precios?|entradas?|horarios?|teléfono|reservas?|cómo llegar|fechas?|` +
			`onde|quando|local|morada|endereço|preços?|bilhetes?|ingressos?|horários?|telefone|como chegar|datas?|` +
			`dove|indirizzo|luogo|prezz[io]|bigliett[io]|ingresso|orari[o]?|telefono|prenotazioni|come arrivare|` +
			`waar|wanneer|adres|plaats|prijs|prijzen|toegang|kaarten|openingstijden|telefoon|reserveren|bereikbaarheid|` +
			`hvor|hvornår|når|sted|priser|pris|billetter|billetpris|åpningstider|åbningstider|var|när|plats|biljetter|öppettider|adress|` +
			`gdzie|kiedy|miejsce|cena|ceny|bilety|wstęp|godziny otwarcia|dojazd|rezerwacja) ?:\s\S(?:[^:]|:\d){0,60}$`),
		ways: regexp.MustCompile(`(?i)^(?:by )?(?:train|trains|bus|buses|tram|metro|tube|ferry|ferries|flights?|car|coach|taxi|parking|car park|nearest (?:station|stop|airport|car park))(?: \d{1,3}[a-z]?)?(?: (?:line|lines?|runs?|goes))?(?: \d{1,3})? (?:from|to|at|between|near|in|behind|via) |^from .{2,30} (?:by|take) (?:train|bus|car|ferry|tram|metro)\b|^take (?:the )?(?:train|bus|ferry|tram|metro|line)\b|` +
			`^(?:mit (?:dem |der )?)?(?:zug|auto|bahn|pkw|bus|tram|straßenbahn|u-bahn|s-bahn|fähre|flugzeug|flug|flüge|buslinie|linie|parkplätze|parkplatz|parkhaus|parken|haltestelle)(?: \d{1,3}[a-z]?)? (?:von|vom|ab|bis|nach|zum|zur|am|an|in|hinter|über)[ ,]|` +
			`^(?:en )?(?:train|bus|car|voiture|métro|tramway|ferry|avion|vols?|ligne|parking)(?: \d{1,3})? (?:depuis|de|du|au|à|entre|jusqu|près)[ ']|` +
			`^(?:en )?(?:tren|autobús|coche|metro|tranvía|ferri|avión|vuelos?|línea|aparcamiento)(?: \d{1,3})? (?:desde|de|del|a|al|hasta|en|junto)\s|` +
			`^(?:de |em )?(?:comboio|trem|autocarro|ônibus|carro|elétrico|barco|avião|voos?|linha|estacionamento)(?: \d{1,3})? (?:desde|de|do|da|a|ao|para|até|no|na|entre)\s|` +
			`^(?:in )?(?:treno|autobus|auto|metropolitana|traghetto|aereo|voli|volo|linea|parcheggio)(?: \d{1,3})? (?:da|dal|dalla|a|al|alla|fino|per|tra|presso)\s|` +
			`^(?:met (?:de )?)?(?:trein|bus|auto|tram|veerboot|vliegtuig|vluchten|lijn|parkeren)(?: \d{1,3})? (?:van|vanaf|vanuit|naar|tot|bij|tussen|achter)\s|` +
			`^(?:med )?(?:tog|toget|tåg|buss|bussen|bus|bil|trikk|spårvagn|ferge|færge|färja|fly|flyg|linje|parkering)(?: \d{1,3})? (?:fra|från|til|till|ved|vid|mellom|mellem|mellan|bak|bag|bakom)\s|` +
			`^(?:pociągiem|pociąg|autobusem|autobus|samochodem|tramwajem|tramwaj|promem|prom|samolotem|linia|parking)(?: \d{1,3})? (?:z|ze|do|od|przy|obok|między|na)\s`),
		when: lineSet(whenWords),
	}
	return w
})

// isPrice tells a part of a line that is a price and what it is paid for.
func (w *practicalPatterns) isPrice(part string) bool {
	return w.price.MatchString(part) && !newsFigure.MatchString(w.price.ReplaceAllStringFunc(part, afterFrom))
}

// afterFrom takes the first word off a price, as of "from £140 a night": no
// magnitude, though figures of news go up and down from others.
func afterFrom(price string) string {
	if at := strings.IndexFunc(price, unicode.IsDigit); at > 0 {
		return price[at:]
	}
	return price
}

// isWhen tells a part that is a time or opening hours and nothing else, or a
// date where the line begins: news has dates at its end.
func (w *practicalPatterns) isWhen(part string, begins bool) bool {
	dated, timed, clocked, named := false, false, false, false
	for word := range strings.FieldsSeq(strings.ToLower(part)) {
		bare := strings.Trim(word, ".")
		from, to, span := strings.Cut(strings.ReplaceAll(bare, "–", "-"), "-")
		switch {
		case w.clock.MatchString(word):
			timed = true
		case w.date.MatchString(word):
			dated = true
		case bare == "uhr", bare == "uur", bare == "hrs", bare == "heures", bare == "horas", bare == "ore", bare == "godz", bare == "kl":
			clocked = true
		case w.when[bare], span && w.when[from] && w.when[to]:
			named = true
		default:
			return false
		}
	}
	return timed || dated && (clocked || begins && named)
}

// whenWords are what dates and opening hours are written with.
const whenWords = `
mon
tue
tues
wed
thu
thur
thurs
fri
sat
sun
monday
tuesday
wednesday
thursday
friday
saturday
sunday
mondays
tuesdays
wednesdays
thursdays
fridays
saturdays
sundays
weekdays
weekends
daily
every
day
until
till
from
at
to
and
noon
midnight
am
pm
hrs
hours
closed
jan
feb
mar
apr
may
jun
jul
aug
sep
sept
oct
nov
dec
january
february
march
april
june
july
august
september
october
november
december
mo
di
mi
do
fr
sa
so
montag
dienstag
mittwoch
donnerstag
freitag
samstag
sonnabend
sonntag
montags
dienstags
mittwochs
donnerstags
freitags
samstags
sonntags
täglich
werktags
von
bis
ab
um
uhr
und
jänner
januar
februar
märz
mai
juni
juli
oktober
dezember
lun
mar
mer
jeu
ven
sam
dim
lundi
mardi
mercredi
jeudi
vendredi
samedi
dimanche
du
au
de
à
le
et
dès
jusqu'à
heures
h
janvier
février
mars
avril
juin
juillet
août
septembre
octobre
novembre
décembre
lunes
martes
miércoles
jueves
viernes
sábado
sábados
domingo
domingos
a
al
del
desde
hasta
las
el
y
horas
enero
febrero
marzo
abril
mayo
junio
julio
agosto
septiembre
octubre
noviembre
diciembre
seg
ter
qua
qui
sex
sáb
dom
segunda
terça
quarta
quinta
sexta
às
das
até
e
janeiro
fevereiro
março
maio
junho
julho
setembro
outubro
novembro
dezembro
lunedì
martedì
mercoledì
giovedì
venerdì
sabato
domenica
dal
alle
dalle
ore
fino
gennaio
febbraio
aprile
maggio
giugno
luglio
settembre
ottobre
dicembre
ma
di
wo
vr
za
zo
maandag
dinsdag
woensdag
donderdag
vrijdag
zaterdag
zondag
dagelijks
van
tot
om
uur
en
januari
februari
maart
mei
augustus
man
tir
tirs
ons
tor
tors
fre
lør
søn
mandag
tirsdag
onsdag
torsdag
fredag
lørdag
søndag
daglig
dagligen
dagligt
kl
klokka
klockan
fra
til
från
till
og
och
måndag
tisdag
onsdag
torsdag
lördag
söndag
mån
tis
lör
sön
maj
august
desember
december
pn
wt
śr
czw
pt
sob
nd
poniedziałek
wtorek
środa
czwartek
piątek
sobota
niedziela
codziennie
od
do
godz
i
stycznia
lutego
marca
kwietnia
maja
czerwca
lipca
sierpnia
września
października
listopada
grudnia
`
