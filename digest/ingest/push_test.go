package ingest

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"courant/digest"
)

var pushDay = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)

// readPush reads what must be right.
func readPush(t *testing.T, document string, o PushOptions) []digest.Article {
	t.Helper()
	o.Now = pushDay
	articles, faults, err := ReadPush([]byte(document), o)
	if err != nil || len(faults) > 0 {
		t.Fatalf("%s: %v %v", document, faults, err)
	}
	return articles
}

const wholePiece = `{
  "url": "http://www.Example.com/flood?utm_source=x#top", "title": " The <b>flood</b> fund &amp; its friends ",
  "category": "World", "categories": ["Money", "world"], "points": ["• The fund has reached 38 million.", "The fund has reached 38 million.", "Half of it goes north."],
  "site": "Example News", "attribution": "Example Wire", "author": "Ann Other", "published": "2026-11-22T09:30:00+01:00",
  "language": "pt_br", "image": {"url": "https://example.com/a.jpg?x=1", "alt": "A <i>river</i>", "width": 800, "height": null},
  "description": null, "guid": "17"}`

func TestPushedPieceIsReadWhole(t *testing.T) {
	t.Parallel()
	for _, document := range []string{wholePiece, "[" + wholePiece + "]", `{"articles": [` + wholePiece + `]}`, "\ufeff" + wholePiece} {
		a := readPush(t, document, PushOptions{})[0]
		got := fmt.Sprintf("%s|%s|%s|%s|%v|%q|%s|%s|%s|%s|%s|%s|%v|%s", a.URL, a.Canonical, a.Title, a.Category, a.Categories, a.Points, a.PointsFrom,
			a.Site, a.Attribution, a.Author, a.Published.Format(time.RFC3339), a.Language, a.Image, a.GUID)
		want := `http://www.Example.com/flood#top|https://example.com/flood|The flood fund & its friends|World|[World Money]|["The fund has reached 38 million." "Half of it goes north."]|feed|` +
			`Example News|Example Wire|Ann Other|2026-11-22T08:30:00Z|pt-BR|{https://example.com/a.jpg?x=1 A river 800 0}|17`
		if got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

func TestPointsOfAPushAreNeverPassedOff(t *testing.T) {
	t.Parallel()
	const body = `<p>The town council voted on Monday to repair the old bridge before winter comes.</p><p>Work on the bridge begins in March and will take about two years.</p>`
	list := `<ul><li>The town council voted to repair the bridge.</li><li>Work begins in March and takes two years.</li></ul>` + body
	for name, c := range map[string]struct {
		fields string
		from   digest.PointsFrom
		points int
	}{
		"own points":               {`"points":["The bridge is repaired."]`, digest.PointsFeed, 1},
		"own points beside a body": {`"points":["The bridge is repaired."],"body":` + inJSON(list), digest.PointsFeed, 1},
		"a list in the body":       {`"body":` + inJSON(list), digest.PointsFeed, 2},
		"an empty list and a body": {`"points":[],"html":` + inJSON(list), digest.PointsFeed, 2},
		"a description":            {`"description":"The town council voted to repair the old bridge, which has been closed since spring."`, digest.PointsDescription, 1},
		"a body":                   {`"body":` + inJSON(body), digest.PointsLead, 2},
		"a plain text":             {`"text":` + inJSON("The town council voted on Monday to repair the old bridge before winter comes.\n\nWork on the bridge begins in March and will take about two years.\n"), digest.PointsLead, 2},
		"a plain text with points": {`"text":` + inJSON("• The town council voted to repair the bridge.\n• Work begins in March and takes two years.\n\nThe town council voted on Monday to repair the old bridge before winter comes.\n\nWork on the bridge begins in March and will take about two years.\n"), digest.PointsFeed, 2},
		"none":                     {`"site":"Example"`, digest.PointsNone, 0},
		"none at all":              {`"points_from":"none","body":` + inJSON(list), digest.PointsNone, 0},
		"lead sentences":           {`"points":["The bridge is repaired."],"points_from":"lead"`, digest.PointsLead, 1},
		"as extract has none":      {`"points":[],"points_from":"none"`, digest.PointsNone, 0},
		"boilerplate alone":        {`"points":["Subscribe to our newsletter"]`, digest.PointsNone, 0},
	} {
		a := readPush(t, `{"url":"https://example.com/bridge","title":"Council votes to repair bridge",`+c.fields+`}`, PushOptions{})[0]
		if a.PointsFrom != c.from || len(a.Points) != c.points {
			t.Errorf("%s: %q from %s, want %d from %s", name, a.Points, a.PointsFrom, c.points, c.from)
		}
	}
}

func TestPushedCategoriesAreFiledByTheRules(t *testing.T) {
	t.Parallel()
	filing := NewFiling([]Rule{{Category: "Military", Words: []string{"army", "defence"}}}, []string{"World"})
	for fields, want := range map[string]string{
		`"category":"Defence & Security","categories":["world"]`: "Military [Military World] 2",
		`"categories":["Gardens","Food"]`:                        "Gardens [Gardens Food] 0",
		`"site":"x"`:                                             " [] 0",
	} {
		a := readPush(t, `{"url":"https://example.com/a","title":"x",`+fields+`}`, PushOptions{Filing: filing})[0]
		if got := fmt.Sprintf("%s %v %d", a.Category, a.Categories, len(a.Terms)); got != want {
			t.Errorf("%s: %s, want %s", fields, got, want)
		}
	}
}

func inJSON(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		return `""` // texts always marshal
	}
	return string(b)
}

func TestFaultsOfAPushAreAllToldWithTheirPlace(t *testing.T) {
	t.Parallel()
	with := func(fields string) string {
		return `{"url":"https://example.com/a","title":"A title",` + fields + `}`
	}
	for document, want := range map[string]string{
		`[]`:                                     "1: there is no article in it",
		`{"articles":[]}`:                        "1: there is no article in it",
		`"text"`:                                 "1: an article is a JSON object, and this is a text",
		`7`:                                      "1: an article is a JSON object, and this is a number",
		`null`:                                   "1: an article is a JSON object, and this is null",
		`[[]]`:                                   "1 /0: an article is a JSON object, and this is a list",
		`{}`:                                     "1 /title: there is no title; every article has its headline\n1 /url: there is no url; it is where readers open the article, and what it is known by",
		"[{\"url\":\"x\",\n\"title\":\"\"},\n3]": "2 /0/title: there is no title; every article has its headline\n1 /0/url: readers cannot open this; write the whole address, as in https://example.com/story\n3 /1: an article is a JSON object, and this is a number",
		with(`"headline":"x"`):                   `1 /headline: unknown field; did you mean "title"?`,
		with(`"a/b~c":1`):                        `1 /a~1b~0c: unknown field; an article has ` + strings.Join(pushNames(), ", "),
		with(`"title":"Again"`):                  "1 /title: this field is there twice",
		`{"url":"https://example.com/a","title":"\u200d\ufe0f \u2800"}`: "1 /title: there is no letter or digit in it that a reader could see; every article has its headline",
		`{"url":"https://example.com/a","title":"\u3164\u2063"}`:        "1 /title: there is no letter or digit in it that a reader could see; every article has its headline",
		with(`"site":1`):                                                                       "1 /site: it is a text, and this is a number",
		with(`"points":"one"`):                                                                 "1 /points: it is a list of texts, and this is a text",
		with(`"points":["ok",{"a":1}]`):                                                        "1 /points/1: it is a text, and this is an object",
		with(`"points":["<script>x()</script>"]`):                                              "1 /points/0: there is markup in it and no words",
		with(`"points":[` + strings.Repeat(`"p",`, 10) + `"p"]`):                               "1 /points: there are more than 10; an article has at most so many",
		with(`"points":["` + strings.Repeat("ü", 701) + `"]`):                                  "1 /points/0: it has more than the 700 characters that are taken",
		with(`"author":"` + strings.Repeat("x", 161) + `"`):                                    "1 /author: it has more than the 160 characters that are taken",
		with(`"points":["a"],"points_from":"none"`):                                            `1 /points_from: "none" does not fit the points that are there; leave it out for points of your own`,
		with(`"points_from":"feed"`):                                                           `1 /points_from: "feed" does not fit the points that are there; leave it out for points of your own`,
		with(`"points":["a"],"points_from":"editor"`):                                          `1 /points_from: "editor" is no origin of points; leave it out for points of your own, or take page, feed, description, lead, model or none`,
		with(`"published":"yesterday"`):                                                        `1 /published: "yesterday" is no time of RFC 3339; write it like 2026-11-22T09:30:00Z`,
		with(`"published":"2026-11-22T09:16:00Z"`):                                             "1 /published: this is yet to come; push the article when it is out, for the next edition may carry it at once",
		with(`"published":"0001-01-01T00:00:00Z"`):                                             "1 /published: nothing was published in the year 1; leave it out where it is not known",
		with(`"language":"English!"`):                                                          `1 /language: "English!" is no language; write its tag, as in en or pt-BR`,
		with(`"image":{"alt":"x","size":1}`):                                                   "1 /image/size: unknown field; an image has url, alt, width and height\n1 /image/url: the image has no address",
		with(`"image":"javascript:alert(1)"`):                                                  "1 /image: a mail cannot show this; write the image's whole address, as in https://example.com/a.jpg",
		with(`"image":{"url":"https://example.com/a.jpg","width":1.5}`):                        "1 /image/width: it is a number of pixels",
		with(`"body":"a","text":"b"`):                                                          "1 /text: body is there, too; the text is sent once: body or html as HTML, or text as it is",
		`{"url":"javascript:alert(1)","title":"x"}`:                                            "1 /url: readers cannot open this; write the whole address, as in https://example.com/story",
		`[` + with(`"site":"a"`) + `,{"url":"http://www.example.com/a?fbclid=1","title":"x"}]`: "1 /1/url: this is the same article as /0",
		`[{"url":"https://example.com/a","title":"x","guid":"1"},{"url":"https://example.com/b","title":"x","guid":"1"}]`: "1 /1/guid: this is the guid of /0, too, which has another address",
		`{"articles":[],"source":"CMS"}`: "1 /source: unknown field beside articles; what belongs to an article stands within it",
		`{"articles":{"url":"x"}}`:       "1 /articles: unknown field; an article has " + strings.Join(pushNames(), ", ") + "\n1 /title: there is no title; every article has its headline\n1 /url: there is no url; it is where readers open the article, and what it is known by",
	} {
		_, faults, err := ReadPush([]byte(document), PushOptions{Now: pushDay, Most: 500})
		var told []string
		for _, f := range faults {
			told = append(told, strings.TrimSpace(fmt.Sprintf("%d %s", f.Line, f.Pointer))+": "+f.Said)
		}
		if got := strings.Join(told, "\n"); err != nil || got != want {
			t.Errorf("%.200s\ngot  %s %v\nwant %s", document, got, err, want)
		}
	}
}

// What a mail cannot open, no reader can: the address is refused where it is
// written, with what to do.
func TestPushTakesNoAddressThatReadersCannotOpen(t *testing.T) {
	t.Parallel()
	const inside, nobody, port = "allow_private_sources", "nobody may open", "ports are 1 to 65535"
	for address, want := range map[string]string{
		"http://localhost/a": inside, "http://LOCALHOST.:8080/a": inside, "http://app.localhost/a": inside, "http://127.0.0.1/a": inside,
		"http://[::1]/a": inside, "http://[::ffff:10.0.0.1]/a": inside, "http://10.1.2.3/a": inside, "https://192.168.0.7/a": inside,
		"http://172.16.0.1/a": inside, "http://100.64.0.1/a": inside, "http://[fd00::1]/a": inside, "http://intranet/a": inside,
		"http://cms.local/a": inside, "http://news.CORP/a": inside, "http://wiki.home.arpa/a": inside, "http://2130706433/a": inside,
		"http://127.1/a": inside, "http://0x7f.0.0.0x1/a": inside, "http://u:p@localhost/a": inside, "http://203.0.113.9/a": inside,
		"http://169.254.169.254/latest": nobody, "http://0.0.0.0/a": nobody, "http://[::]/a": nobody, "http://[fe80::1]/a": nobody,
		"http://224.0.0.1/a": nobody, "http://255.255.255.255/a": nobody,
		"https://example.com:0/a": port, "https://example.com:65536/a": port, "https://example.com:99999999999999999999/a": port,
		"https://example.com/a": "", "https://example.com:8443/a": "", "http://1.1.1.1/a": "", "https://localhost.example.com/a": "",
		"https://local.example/a": "", "https://www.123.example/a": "", "https://münchen.example/a": "", "http://[2606:4700::1111]/a": "",
	} {
		for field, document := range map[string]string{
			"/url":       `{"url":` + inJSON(address) + `,"title":"x"}`,
			"/image":     `{"url":"https://example.com/a","title":"x","image":` + inJSON(address) + `}`,
			"/image/url": `{"url":"https://example.com/a","title":"x","image":{"url":` + inJSON(address) + `}}`,
		} {
			for _, allowed := range []bool{false, true} {
				_, faults, err := ReadPush([]byte(document), PushOptions{Now: pushDay, AllowPrivate: allowed})
				if want == "" || want == inside && allowed {
					if err != nil || len(faults) > 0 {
						t.Errorf("%s %s, allowed %t: %v %v", field, address, allowed, faults, err)
					}
					continue
				}
				if err != nil || len(faults) != 1 || faults[0].Pointer != field || !strings.Contains(faults[0].Said, want) {
					t.Errorf("%s %s, allowed %t: %v %v", field, address, allowed, faults, err)
				}
			}
		}
	}
}

func TestPushedPointsLoseTheirMarks(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ language, given, want string }{
		{"en", "- The bridge is closed.|* The ferry runs.|1. It is free.|• It is full.", "The bridge is closed.|The ferry runs.|It is free.|It is full."},
		{"en", "1. The bridge is closed.|2) The ferry runs.|(3) It is free.", "The bridge is closed.|The ferry runs.|It is free."},
		{"en", "1. The bridge is closed.", "The bridge is closed."},
		{"de", "1. FC Köln steigt ab.", "1. FC Köln steigt ab."},
		{"de", "1. Die Brücke ist zu.|2. Die Fähre geht.", "Die Brücke ist zu.|Die Fähre geht."},
		{"", "1. FC Köln goes down.|50,000 came.", "1. FC Köln goes down.|50,000 came."},
		{"", "3. Liga starts in May.|The 2. Liga does not.", "3. Liga starts in May.|The 2. Liga does not."},
		{"", "2.5 million came.|-5 degrees at night.|–3 on Sunday.|+3 percent.", "2.5 million came.|-5 degrees at night.|–3 on Sunday.|+3 percent."},
		{"", "– The bridge is closed.|— The ferry runs.|‣ It is free.", "The bridge is closed.|The ferry runs.|It is free."},
		{"", "✔ The bridge is closed.|✔ The ferry runs.", "The bridge is closed.|The ferry runs."},
		{"", "★ reviews fall out of fashion.|The guide says why.", "★ reviews fall out of fashion.|The guide says why."},
		{"", "*Star* is back.|A-level results are out.", "*Star* is back.|A-level results are out."},
	} {
		document := `{"url":"https://example.com/a","title":"x","language":` + inJSON(c.language) + `,"points":["` + strings.ReplaceAll(c.given, "|", `","`) + `"]}`
		if got := strings.Join(readPush(t, document, PushOptions{})[0].Points, "|"); got != c.want {
			t.Errorf("%s: %s, want %s", c.given, got, c.want)
		}
	}
}

func TestMalformedPushSaysTheLine(t *testing.T) {
	t.Parallel()
	for document, want := range map[string]digest.ArticleFault{
		"":                        {Line: 1, Said: "there is nothing in it; an article is a JSON object"},
		" \n\n":                   {Line: 1, Said: "there is nothing in it; an article is a JSON object"},
		"{":                       {Line: 1, Said: "the document ends in the middle"},
		"[{\"url\":\n\"x\"":       {Line: 2, Said: "the document ends in the middle"},
		"{\"url\":\n\n'x'}":       {Line: 3, Said: "this is no JSON: invalid character '\\'' looking for beginning of value"},
		"{\"title\": \"a\nb\"}":   {Line: 1, Said: "this is no JSON: invalid character '\\n' in string literal"},
		"<html>":                  {Line: 1, Said: "this is no JSON: invalid character '<' looking for beginning of value"},
		"{\"title\":\n\"\xff\"}":  {Line: 2, Said: "this is no UTF-8 text; write the document in UTF-8"},
		wholePiece + "\n{}":       {Line: 7, Said: "another document begins here; several articles stand in one array"},
		"[" + wholePiece + "]  ]": {Line: 6, Said: "this is no JSON: invalid character ']' looking for beginning of value"},
		"{\"url\" \"x\"}":         {Line: 1, Said: "this is no JSON: invalid character '\"' after object key"},
	} {
		_, _, err := ReadPush([]byte(document), PushOptions{Now: pushDay})
		var got digest.ArticleFault
		if !errors.As(err, &got) || got != want {
			t.Errorf("%.20q: line %d %s, want line %d %s", document, got.Line, got.Said, want.Line, want.Said)
		}
	}
}

func TestPushHoldsNoMoreThanItMay(t *testing.T) {
	t.Parallel()
	var many []string
	for i := range 503 {
		many = append(many, fmt.Sprintf(`{"url":"https://example.com/%d","title":"x"}`, i))
	}
	_, faults, err := ReadPush([]byte("["+strings.Join(many, ",")+"]"), PushOptions{Now: pushDay, Most: 500})
	if err != nil || len(faults) != 1 || faults[0].Pointer != "/500" {
		t.Errorf("%v %v", faults, err)
	}
	bad := "[" + strings.TrimSuffix(strings.Repeat(`{},`, 400), ",") + "]"
	if _, faults, _ := ReadPush([]byte(bad), PushOptions{Now: pushDay}); len(faults) != mostFaults+1 || !strings.Contains(faults[mostFaults].Said, "faults more") {
		t.Errorf("%d faults are told, the last is %+v", len(faults), faults[len(faults)-1])
	}
}

// Five megabytes of nonsense are gone through once, whatever they nest.
func TestHostilePushCostsItsLength(t *testing.T) {
	t.Parallel()
	const size = 5 << 20
	for name, document := range map[string]string{
		"fields":   "{" + strings.Repeat(`"a":1,`, size/6) + `"b":1}`,
		"articles": "[" + strings.Repeat(`{},`, size/3) + "{}]",
		"lists":    strings.Repeat("[", size),
		"points":   `{"url":"https://example.com/a","title":"x","points":[` + strings.Repeat(`"x",`, size/4) + `"x"]}`,
		"tags":     `{"url":"https://example.com/a","title":"x","body":"` + strings.Repeat("<b>", mostBody/3) + `"}`,
		"lines":    strings.Repeat("\n", size) + "{",
	} {
		before := time.Now()
		if _, faults, err := ReadPush([]byte(document), PushOptions{Now: pushDay, Most: 500}); err == nil && len(faults) == 0 && name != "tags" {
			t.Errorf("%s pass", name)
		}
		t.Logf("%s: %s", name, time.Since(before))
	}
}

func TestFileHoldsLinesAndExtractions(t *testing.T) {
	t.Parallel()
	e := Extraction{Input: "a.html", Kind: KindPage, Title: "x", Articles: []digest.Article{
		{URL: "https://example.com/a", Title: "A", Category: "World", Points: []string{"A sentence of the lead."}, PointsFrom: digest.PointsLead, Published: pushDay},
		{URL: "https://example.com/none", Title: "None", PointsFrom: digest.PointsNone},
	}, Warnings: []string{"hm"}}
	line, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	file := string(line) + "\n\n" + `{"url":"https://example.com/b","title":"B"}` + "\n" + `{"url":"https://www.example.com/a","title":"A, later"}` + "\n"
	got := readPush(t, file, PushOptions{File: true})
	if len(got) != 3 || got[0].Title != "A, later" || got[2].Title != "B" || got[1].PointsFrom != digest.PointsNone {
		t.Errorf("%+v", got)
	}
	if first := readPush(t, string(line), PushOptions{File: true})[0]; first.PointsFrom != digest.PointsLead || first.Points[0] != "A sentence of the lead." {
		t.Errorf("%+v", first)
	}
	if got := readPush(t, "", PushOptions{File: true}); len(got) != 0 {
		t.Errorf("%+v", got)
	}
	_, faults, _ := ReadPush([]byte(file+"{\"url\":\"https://example.com/c\",\n\"titel\":\"C\"}"), PushOptions{Now: pushDay, File: true})
	if len(faults) != 2 || faults[0].Line != 6 || faults[0].Pointer != "/titel" {
		t.Errorf("%+v", faults)
	}
}

// What a publisher's system sends reaches readers as text alone.
func FuzzPush(f *testing.F) {
	for _, seed := range []string{
		wholePiece, "[" + wholePiece + "]", `{"articles":[` + wholePiece + `]}`, `[{}]`, `{"url":1}`, "{\"a\":{\"b\":[[[[]]]]}}",
		`{"url":"https://example.com","title":"&lt;script&gt;alert(1)&lt;/script&gt; x","points":["<img src=x onerror=alert(1)>"],"body":"<p>` + strings.Repeat("<b>", 50) + `"}`,
		`{"url":"https://example.com/ü","title":"\ud800 \u202e\u0000","image":{"url":"https://example.com","width":-1}}`,
		"{\"text\":\"A\\n\\n• b\",\"url\":\"https://x.example\",\"title\":\"t\"}", `{"input":"a","kind":"feed","title":"t","articles":[],"warnings":[]}`, "[", "{\"articles\":[", "\xff", "",
	} {
		f.Add([]byte(seed), false)
		f.Add([]byte(seed), true)
	}
	f.Fuzz(func(t *testing.T, data []byte, file bool) {
		articles, faults, err := ReadPush(data, PushOptions{Now: pushDay, Most: 500, File: file})
		if err != nil {
			var fault digest.ArticleFault
			if !errors.As(err, &fault) || fault.Line < 1 {
				t.Fatalf("%v", err)
			}
			return
		}
		if len(faults) > 0 {
			return
		}
		for _, a := range articles {
			if a.Title == "" || a.URL == "" || a.Canonical == "" || len(a.Points) > mostPoints || (a.PointsFrom == digest.PointsNone) != (len(a.Points) == 0) {
				t.Fatalf("%+v", a)
			}
			for _, s := range append([]string{a.Title, a.Category, a.Site, a.Author, a.Attribution, a.Image.Alt, a.Lead}, a.Points...) {
				if !utf8.ValidString(s) || s != digest.PlainLine(s, 1<<20) {
					t.Fatalf("%q is no plain line", s)
				}
			}
		}
	})
}
