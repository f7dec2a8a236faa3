package ingest

import (
	"strings"
	"sync"
)

// languagesKnown are those that their little words tell, in a fixed order.
var languagesKnown = []string{"en", "de", "fr", "es", "it", "pt", "nl", "sv", "da", "no", "pl", "fi", "cs", "tr", "sk", "hu", "ro"}

// littleWords are frequent words and the languages that have them.
var littleWords = sync.OnceValue(func() map[string][]string {
	known := map[string][]string{}
	for tag, list := range map[string]string{
		"en": "the and of to is was that for with are were his her they have has been which would their will from had not but",
		"de": "der die das und ist nicht ein eine mit dem den von sich auch auf für wird werden wurde sind im zum zur als bei nach noch",
		"fr": "le les des et est une dans pour que qui sur pas avec plus par au ce cette son sont aux mais il elle être ont",
		"es": "el los las y que del una por con para es se su al como más pero sus fue este ha han entre también",
		"it": "il di che è della per una con non sono del dei nel alla le gli più anche dalla ha nella delle come si",
		"pt": "o os que não uma da do dos das em para com é no na mais ao pela pelo são foi também seu sua",
		"nl": "de het een van en is dat op te voor met niet zijn die aan ook er door bij naar maar werd worden",
		"sv": "och att det som är på för av med den inte till har ett om från kan var också efter men",
		"da": "og at det er på til af med den ikke som har for et de blev fra kan også efter men hvor være",
		"no": "og at det er på til av med den ikke som har for et de ble fra kan også etter men hvor være",
		"pl": "i w na że się nie z do jest to o jak po od za który która przez oraz dla są ale będzie",
		"fi": "ja on ei että se oli hän mutta myös kun ovat joka mukaan sen kuin ole vain jo sekä tämä",
		"cs": "a se na je že v to s z do o pro jako by za po ale jsou který byl také od podle však",
		"tr": "ve bir bu da de için ile olarak çok daha olan gibi sonra kadar ne ancak ise oldu",
		"hu": "a az és hogy nem is egy volt meg csak ez már még de el vagy mint lesz szerint",
		"ro": "și în de la cu pe nu să care este din mai un o a au pentru fost ca lui",
		"sk": "a sa na je že v s z do o pre ako ale sú ktorý bol aj od podľa však už ich pri po",
	} {
		for w := range strings.FieldsSeq(list) {
			known[w] = append(known[w], tag)
		}
	}
	return known
})
