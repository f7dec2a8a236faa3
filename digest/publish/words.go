package publish

import "strings"

// stopWords are the words that tell nothing of an event, by language. They
// also tell in which language a text is written, so each list keeps to words
// that are frequent in running text and, as a set, its language's own.
var stopWords = map[string]string{
	"en": `the a an of to in on at by for with from and or but as is are was were be been being has have had will would could should may might
		can not no it its he she his her him they their them this that these those which who whom whose what when where why how after before
		over under into out up down off about against between during through more most than then there here also just only so if while amid
		among all some any both each other another such own same very too i we you our your my me us do does did done says said say told tells
		per via`,
	"de": `der die das den dem des ein eine einen einem einer eines und oder aber als ist sind war waren wird werden wurde wurden worden sein
		seine seinen seiner ihr ihre ihren hat haben hatte hatten nicht kein keine auch noch nur schon sich er sie es wir im in am an auf aus
		bei beim mit nach von vom vor zu zum zur für gegen ohne um über unter durch bis seit wie was wer wo dass weil wenn damit dann doch so
		dieser diese dieses man mehr sehr alle kann soll will muss sagte sagt teilte mit darunter laut`,
	"fr": `le la les l un une des du de d et ou mais est sont était été être a ont avait avoir sera ce cet cette ces son sa ses leur leurs il
		elle ils elles on nous vous se s ne n pas plus au aux en dans sur sous par pour avec sans contre entre vers chez après avant depuis
		pendant qui que qu quoi dont où comme si y lui même tout tous toute toutes très selon aussi alors donc car c j je dit annoncé`,
	"es": `el la los las un una unos unas de del al y e o u pero es son fue era ser ha han había haber será se su sus le les lo que quien
		cual cuyo como cuando donde por para con sin contra entre hacia hasta desde sobre tras durante según en a no ni más menos muy ya también
		este esta estos estas ese esa esto eso todo toda todos todas otro otra me te nos mi tu si dijo informó anunció así aquí`,
	"pt": `o a os as um uma uns umas de do da dos das no na nos nas ao aos à às em e ou mas é são foi era ser há tem têm havia será se seu
		sua seus suas lhe que quem qual cujo como quando onde por pelo pela pelos pelas para com sem contra entre até desde sobre após durante
		segundo não nem mais menos muito já também este esta esse essa isso isto todo toda todos todas outro outra disse informou anunciou`,
	"it": `il lo la i gli le l un uno una di del dello della dei degli delle d a al allo alla ai agli alle da dal dallo dalla dai dalle in
		nel nello nella nei negli nelle con col su sul sulla sui sulle per tra fra e ed o ma è sono era erano stato stata stati state essere ha
		hanno aveva avere sarà si suo sua suoi loro che chi cui come quando dove non né più meno molto già anche questo questa quello quella
		tutto tutti dopo prima contro senza secondo ne ci c se`,
	"nl": `de het een en of maar is zijn was waren wordt worden werd werden heeft hebben had hadden niet geen ook nog al er hij zij ze hun haar
		zich die dat deze dit wie wat waar hoe als dan om te in op aan bij van voor met naar uit over onder door tegen tot na sinds tussen
		zonder meer zeer kan zal moet wil zegt zei meldt volgens zo`,
	"sv": `och i att det som en ett på är av för med den till inte har de om han hon var sig från vid så ut men nu kan när efter upp också
		sin sitt sina under mot eller över än hade ska säger uppger har blir då skulle där`,
	"da": `og i at det som en et på er af for med den til ikke har de om han hun var sig fra ved så ud men nu kan når efter op også sin sit
		sine under mod eller over end havde skal siger oplyser bliver da skulle der hvor jeg vi`,
	"pl": `i w na z że do się nie to jest o jak po od za przez dla ze oraz który która które są był była było były być ma mają co ale już
		tylko jego jej ich tym tego tej we przy przed pod nad między podczas gdy także`,
	"ru": `и в на с что не он она они это как по от за для из к о у же был была были было быть а но его её их при после до над под между во со
		также который которая которые об`,
	"ar": `في من على إلى الى عن أن ان إن التي الذي الذين هذا هذه ذلك تلك كان كانت قال قالت بعد قبل مع بين خلال عند حتى أو او ثم لا لم لن ما هو هي
		كما قد وقد أي كل غير منذ نحو فيما حيث بحسب`,
}

// everyday are words that many pieces of news share: they tie two of them
// together less than others do.
const everyday = `people man men woman women police officials official government ministry minister president prime leader state country
	national international world new year years month months week weeks day days today yesterday tomorrow night morning evening monday tuesday
	wednesday thursday friday saturday sunday january february march april june july august september october november december first last
	next early late former million billion percent per cent euros euro dollars dollar pounds company companies group report reports reported
	according news city town time times home news big major local public court judge two three part company's make take get give set show
	still back again top best won win wins beat beats game match season league team final update latest breaking live announced announces
	announce statement spokesman spokesperson authority authorities since ago near
	mensch menschen mann frau polizei regierung minister präsident bundesregierung jahr jahre jahren monat woche tag tage heute gestern morgen
	montag dienstag mittwoch donnerstag freitag samstag sonntag januar februar märz mai juni juli oktober dezember million millionen milliarde
	milliarden prozent neu neue neuen neuer erste ersten ersten zweiten land stadt unternehmen konzern deutschland deutsche deutschen
	personnes homme femme gouvernement ministre président année années mois semaine jour jours lundi mardi mercredi jeudi vendredi samedi
	dimanche janvier février mars avril juin juillet août septembre octobre novembre décembre million millions milliard milliards nouveau
	nouvelle premier première ville pays france français autorités
	personas hombre mujer policía gobierno ministro presidente año años mes semana día lunes martes miércoles jueves viernes sábado domingo
	enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre millones nuevo nueva primer primera ciudad país
	pessoas homem mulher polícia governo ano anos mês dia segunda-feira terça-feira quarta-feira quinta-feira sexta-feira feira sábado milhões
	milhão bilhões novo nova primeiro primeira cidade
	persone uomo donna polizia governo ministro anno anni mese settimana giorno lunedì martedì mercoledì giovedì venerdì sabato domenica milioni
	miliardi nuovo nuova primo prima città paese
	mensen man vrouw politie kabinet minister jaar jaren maand week dag maandag dinsdag woensdag donderdag vrijdag zaterdag zondag miljoen
	miljard nieuw nieuwe eerste stad land procent
	människor polisen regeringen år månad vecka dag måndag tisdag onsdag torsdag fredag lördag söndag miljoner ny nya första
	mennesker politiet mandag onsdag lørdag søndag million kroner
	osób osoby policja rząd rok roku lat miesiąc tydzień dzień poniedziałek wtorek środa czwartek piątek sobota niedziela
	год года лет человек полиция правительство министр президент понедельник вторник среду четверг пятницу субботу
	الرئيس الحكومة رئيس وزارة وزير شخصا شخص الاثنين الثلاثاء الأربعاء الخميس الجمعة السبت الأحد اليوم عام مدينة`

// sameSense are newsroom words that papers use for one another, a line each.
const sameSense = `earthquake quake tremor temblor
	kill kills killed killing dead die dies died death deaths fatal fatality fatalities toll
	injured injure injures hurt wounded wound injuries
	fire blaze inferno flames
	buy buys buying bought purchase purchases acquire acquires acquiring acquisition takeover
	order orders ordered contract deal agreement agree agrees agreed
	quit quits resign resigns resigned resignation
	jail jailed prison sentenced sentence imprisoned behind-bars
	crash crashed crashes collision collided collides
	layoff layoffs redundancies job jobs positions
	strike strikes walkout stoppage
	launch launches launched lift lifts lifted liftoff
	chief boss
	premier pm
	blackout outage
	lawsuit sue sues sued suing complaint
	vote votes voted ballot poll polls election elections
	cut cuts lower lowers lowered lowering reduce reduces reduced
	raise raises raised hike hikes hiked increase increases increased
	arrest arrested arrests detain detained detains
	attack attacks attacked assault raid
	expensive pricier dearer price prices priced costlier
	capsize capsizes capsized capsizing sank sunk
	flood floods flooding flooded floodwaters
	explosion explosions blast blasts explodes exploded
	collapse collapses collapsed collapsing
	derail derails derailed derailment
	landslide landslides mudslide mudslides
	semi semis semifinal semifinals
	indict indicts indicted indictment charge charged charges
	split splits breakup separate separates
	truce ceasefire
	invest invests invested investment stake
	fine fines fined penalty
	outage outages
	schüsse schüssen schuss erschossen schießt
	festgenommen festnahme gefasst verhaftet festnehmen
	stellenabbau streicht streichen gestrichen abbau abbauen baut
	stellen jobs arbeitsplätze
	beschließt beschlossen verabschiedet passiert billigt
	tote toten tot getötet sterben starben stirbt gestorben leben todesopfer
	verletzt verletzte verletzten
	brand feuer
	streik warnstreik ausstand
	lastwagen lkw laster
	sieg siegt gewinnt gewinnen gewonnen gewann schlägt besiegt
	mort morts morte mortes tué tués tuée tuées décès décédé meurt
	incendie feu flammes
	interpellé interpellés interpellations interpellation arrêté arrêtés arrestation
	démission démissionne quitte
	vol casse braquage cambriolage
	bijoux joyaux
	muerto muertos muerta muere mueren murieron fallecidos fallecido fallecen víctimas
	incendio fuego llamas
	gana ganó vence venció derrota derrotó supera superó impuso
	apagón corte electricidad luz
	morto mortos mortes mortas morrem morreu morreram
	morti morta vittime vittima muoiono
	crolla crollo crollata crollato
	vince vinto vittoria trionfo battuto batte superando
	brandweer brand vuur
	doden dood overleden omgekomen
	döda dog omkommit omkomna död
	قتيل قتلى قتل مقتل يقتل ضحايا مصرعهم مصرع
	افتتاح افتتح افتتحت تفتتح يفتتح`

// smallNumbers are the numbers that texts spell out.
const smallNumbers = `two=2 three=3 four=4 five=5 six=6 seven=7 eight=8 nine=9 ten=10 eleven=11 twelve=12 thirteen=13 fourteen=14 fifteen=15
	sixteen=16 seventeen=17 eighteen=18 nineteen=19 twenty=20 thirty=30 forty=40 fifty=50 sixty=60
	zwei=2 drei=3 vier=4 fünf=5 sechs=6 sieben=7 acht=8 neun=9 zehn=10 elf=11 zwölf=12 zwanzig=20
	deux=2 trois=3 quatre=4 cinq=5 six=6 sept=7 huit=8 neuf=9 dix=10 onze=11 douze=12 quinze=15 vingt=20
	dos=2 tres=3 cuatro=4 cinco=5 seis=6 siete=7 ocho=8 nueve=9 diez=10 once=11 doce=12 quince=15 veinte=20
	dois=2 duas=2 três=3 quatro=4 cinco=5 seis=6 sete=7 oito=8 nove=9 dez=10 onze=11 doze=12 quinze=15 vinte=20
	due=2 tre=3 quattro=4 cinque=5 sei=6 sette=7 otto=8 nove=9 dieci=10 venti=20
	twee=2 drie=3 vijf=5 zes=6 zeven=7 acht=8 negen=9 tien=10 twaalf=12 twintig=20
	två=2 fyra=4 fem=5 sex=6 sju=7 åtta=8 nio=9 tio=10`

// demonyms name a country by its people, where the word's beginning doesn't.
const demonyms = `finnish=finland swedish=sweden danish=denmark norwegian=norway dutch=netherlands holland=netherlands french=france
	spanish=spain turkish=turkey türkiye=turkey british=britain uk=britain polish=poland greek=greece irish=ireland scottish=scotland
	welsh=wales swiss=switzerland chinese=china beijing=china moscow=russia kremlin=russia washington=us american=us congolese=congo
	mps=parliament commons=parliament kinshasa=congo kyiv=ukraine tehran=iran berlin=germany helsinki=finland stockholm=sweden oslo=norway
	ankara=turkey taiwanese=taiwan philippine=philippines filipino=philippines peruvian=peru
	französische=frankreich französischen=frankreich polnische=polen polnischen=polen spanische=spanien
	français=france française=france espagnol=espagne
	español=españa española=españa francés=francia francesa=francia`

// opposites are moves of which a headline tells one or the other.
var opposites = [...][2]string{
	{`higher rise rises rose climb climbs gain gains rally surge surges jump jumps hausse grimpe sube suben alza sobe alta rialzo steigt steigen
		gewinn stiger`,
		`lower fall falls fell drop drops slide slides slump slumps sink sinks loses baisse recule baja bajan caída cai queda ribasso fällt
		fallen verlust falder`},
	{`raise raises raised hike hikes hiked erhöht relève sube aumenta`, `cut cuts lowers lowered senkt baisse abaisse recorta baja corta`},
	{`will meet meets face faces host hosts trifft empfängt affronte reçoit recibe enfrenta visita sfida ospita affronta ontvangt treft recebe`,
		`beat beats won wins win victory champion champions thrash edge edges sink sinks siegt gewinnt besiegt schlägt gewinnen siegen bat battu
		remporte impose sacré vence venció gana ganó derrota batte vince battuto verslaat wint verslaan`},
	{`acquitted cleared freigesprochen acquitté relaxé absuelto absolvido assolto`,
		`convicted guilty jailed sentenced verurteilt condamné condenado condannato`},
}

// genres are the words of a headline that say what kind of piece it is: the
// phrases wherever they stand, the labels only where they are set off from the
// rest. A piece about an event, before it or beside it, is no telling of it.
var genres = [...]struct{ name, phrases, labels string }{
	{"preview", `how to watch|where to watch|start time|kick-off time|kickoff time|what time is|live stream|predicted line|betting tips|so sehen sie|wo läuft
		|compositions probables|à quelle heure|sur quelle chaîne|dónde ver|posibles alineaciones|onde assistir|prováveis escalações|dove vederla
		|dove vedere|probabili formazioni|waar te zien`, `preview|prediction|predictions|vorschau|avant-match|previa|horario|anteprima|voorbeschouwing`},
	{"explainer", `explained|what we know|what to know|what you need to know|everything you need to know|what is a|what causes|here's what|fragen und antworten
		|was wir wissen|was man wissen|ce que l'on sait|ce qu'il faut savoir|qué se sabe|las claves|o que se sabe|cosa sappiamo|dit weten we
		|fact check|faktencheck`, `explainer|faq|q&a|hintergrund|décryptage|entenda|in charts|timeline|chronik|chronologie|cronología|analysis|analyse|análisis|analisi`},
	{"opinion", `letters to the editor|courrier des lecteurs`, `opinion|editorial|op-ed|comment|commentary|kommentar|meinung|leitartikel|tribune|chronique|éditorial
		|opinión|editoriale|opinião|column|columna|leserbriefe|letters`},
	{"review", ``, `review|im test|testbericht|kritik|critique|reseña|recensione|rezension|recensie`},
	{"tribute", ``, `obituary|nachruf|nécrologie|obituario|necrologio|obituário|dödsruna|nekrolog`},
	{"column", `horoscope|horoskop|horóscopo|oroscopo|crossword|wordle|connections hints|sudoku|in pictures|in bildern|en images|week in review
		|wochenrückblick|tv tonight|on this day|news in brief|kurz notiert|morning briefing|evening briefing|daily briefing|lottery results|lotto results
		|lottozahlen`, `briefing|quiz|podcast|newsletter|recipe|rezept|weather|weather forecast|wetter|météo|el tiempo|previsione meteo|obituaries|heute vor`},
}

// tolls are the words beside a number that grows with each telling of a
// disaster.
const tolls = `dead killed kill kills killing die dies died deaths death toll fatalities injured hurt wounded missing evacuated tote toten todesopfer verletzte
	verletzten vermisste opfer morts mort tués blessés disparus muertos muertas muerto fallecidos heridos desaparecidos evacuados mortos feridos
	desaparecidos morti vittime feriti dispersi doden gewonden döda skadade ofiar rannych погибших قتلى قتيل قتيلا جرحى ضحايا 死亡 死者 遇难`

// votes are the words after a number that counts votes: one telling has the
// majority, the other who was for it.
const votes = `votes voix stimmen votos voti stemmen röster głosów`

// deadly are those of the tolls that count dead.
const deadly = `dead killed kill kills killing die dies died deaths death toll fatalities tote toten todesopfer morts mort tués muertos muertas
	fallecidos mortos morti vittime doden döda ofiar погибших قتيل قتيلا قتلى`

// disasters are the senses, by their first words, of what kills in one place.
const disasters = `earthquake fire crash flood explosion collapse derail capsize landslide wildfire brand unglück überschwemmung erdbeben incendie
	inondation séisme accident incendio terremoto inundación accidente crollo alluvione esplosione brandweer ongeluk olycka wypadek pożar пожар взрыв زلزال انهيار حريق انفجار 地震 火災 火灾 爆発 爆炸`

// weekdays tell two of what comes every day apart.
const weekdays = `monday tuesday wednesday thursday friday saturday sunday montag dienstag mittwoch donnerstag freitag samstag sonntag
	lundi mardi mercredi jeudi vendredi samedi dimanche lunes martes miércoles jueves viernes sábado domingo segunda terça quarta quinta sexta
	lunedì martedì mercoledì giovedì venerdì sabato domenica maandag dinsdag woensdag donderdag vrijdag zaterdag zondag
	måndag tisdag onsdag torsdag fredag lördag söndag mandag tirsdag lørdag søndag poniedziałek wtorek środa środę czwartek piątek sobota sobotę
	niedziela niedzielę понедельник вторник среда среду четверг пятница пятницу суббота субботу воскресенье`

// ordinals count events of one kind. "First" doesn't: most of what is news is
// the first of its kind.
const ordinals = `another second third fourth fifth sixth seventh eighth ninth tenth weiterer zweiter zweite zweites zweiten dritter
	dritte dritten vierte vierter deuxième second seconde troisième quatrième segundo segunda tercer tercero tercera cuarto cuarta terceiro terceira
	secondo seconda terzo terza quarto quarta tweede derde vierde andra tredje fjärde anden drugi druga trzeci trzecia второй вторая третий`

// uncounted are the words after an ordinal that then counts no events: the
// second round, half, city.
const uncounted = `round half quarter city day stage part straight place largest biggest term season year person woman man runde hälfte quartal
	tag stelle platz stadt tour manche trimestre place ville mi-temps vuelta ronda tiempo lugar ciudad turno volta tempo cidade trimestre lugar
	posto città kwartaal helft ronde plaats stad omgången kvartalet halvlek plats`

// stages of a contest come before it is won.
const stages = `pole qualifying qualifies qualifier practice sprint semi semis semifinal semifinals semifinale quarter quarterfinal quarterfinals
	qualifying halbfinale viertelfinale achtelfinale training demi demie quart quarts semifinales cuartos semis quarti semifinali halve kwartfinale
	semifinalen kvartsfinal półfinał półfinału ćwierćfinał ćwierćfinału`

// wins say who won.
const wins = `wins win won victory title champion champions crowned trophy gewinnt sieg siegt titel meister gagne remporte sacré titre victoire gana
	ganó título campeón ganha vence vinto vince titolo campione wint titel vinner vann titeln wygrał wygrała tytuł`

// scales follow a number that is large.
const scales = `million millions billion billions trillion mn bn tn millionen milliarde milliarden mio mrd milliard milliards millones mil milhões bilhões
	milioni miliardi mln mld miljoen miljard miljoner miljarder mln tys млн млрд`

// serials are the words before a number that tells parts of a series apart.
const serials = `part episode chapter volume vol day round matchday week stage game no nr number issue teil folge tag spieltag etappe woche partie
	épisode jour étape journée parte episodio capítulo día jornada etapa dia rodada puntata giornata deel dag aflevering ronde del avsnitt`

// set splits a list of words.
func set(list string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(list) {
		m[w] = true
	}
	return m
}
