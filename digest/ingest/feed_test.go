package ingest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"

	"courant/digest"
)

var testNow = time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)

func feed(t *testing.T, data string) Extraction {
	t.Helper()
	e, err := Extract("fixture", []byte(data), Options{Now: testNow})
	if err != nil {
		t.Fatal(err)
	}
	if e.Kind != KindFeed {
		t.Fatalf("kind %s", e.Kind)
	}
	return e
}

func titlesOf(e Extraction) []string {
	var list []string
	for _, a := range e.Articles {
		list = append(list, a.Title)
	}
	return list
}

const rssHead = `<?xml version="1.0" encoding="utf-8"?><rss version="2.0"><channel><title>Harbour Gazette</title><link>https://gazette.example/</link><language>en</language>`

func rssItem(n int, extra string) string {
	return fmt.Sprintf(`<item><title>Story %d of the café</title><link>https://gazette.example/%d</link><guid>g%d</guid>%s</item>`, n, n, n, extra)
}

func TestFeedsOfEveryFormatAreRead(t *testing.T) {
	t.Parallel()
	feeds := map[string]string{
		"RSS 2.0":    rssHead + rssItem(1, `<pubDate>Mon, 02 Mar 2026 08:15:00 GMT</pubDate><author>ann@gazette.example (Ann Example)</author><category>City</category>`) + `</channel></rss>`,
		"RSS 0.91":   `<rss version="0.91"><channel><title>Harbour Gazette</title><link>https://gazette.example/</link><language>en</language><item><title>Story 1 of the café</title><link>https://gazette.example/1</link></item></channel></rss>`,
		"RDF":        `<?xml version="1.0"?><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/"><channel rdf:about="https://gazette.example/"><title>Harbour Gazette</title><link>https://gazette.example/</link><dc:language>en</dc:language></channel><item rdf:about="https://gazette.example/1"><title>Story 1 of the café</title><link>https://gazette.example/1</link><dc:date>2026-03-02T08:15:00Z</dc:date><dc:creator>Ann Example</dc:creator><dc:subject>City</dc:subject></item></rdf:RDF>`,
		"Atom":       `<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="en"><title type="html">Harbour &lt;b&gt;Gazette&lt;/b&gt;</title><link rel="self" href="https://gazette.example/atom"/><entry><id>tag:gazette.example,2026:1</id><title>Story 1 of the café</title><link rel="enclosure" href="https://gazette.example/1.mp3"/><link rel="alternate" href="https://gazette.example/1"/><published>2026-03-02T08:15:00Z</published><updated>2026-03-03T08:15:00Z</updated><author><name>Ann Example</name></author><category term="City"/></entry></feed>`,
		"JSON Feed":  `{"version":"https://jsonfeed.org/version/1.1","title":"Harbour Gazette","language":"en","home_page_url":"https://gazette.example/","items":[{"id":"1","url":"https://gazette.example/1","title":"Story 1 of the café","date_published":"2026-03-02T08:15:00Z","authors":[{"name":"Ann Example"}],"tags":["City"]}]}`,
		"prefixed":   `<?xml version="1.0"?><a:feed xmlns:a="http://www.w3.org/2005/Atom" xml:lang="en"><a:title>Harbour Gazette</a:title><a:entry><a:id>tag:gazette.example,2026:1</a:id><a:title>Story 1 of the café</a:title><a:link href="https://gazette.example/1"/><a:published>2026-03-02T08:15:00Z</a:published><a:author><a:name>Ann Example</a:name></a:author><a:category term="City"/></a:entry></a:feed>`,
		"relaxed up": "\n\n " + rssHead + rssItem(1, `<pubDate>Mon, 2 Mar 2026 09:15 CET</pubDate><dc:creator>Ann Example</dc:creator><category>City</category>`) + `</channel></rss> <!-- 0.1s -->`,
	}
	for name, data := range feeds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := feed(t, data)
			if e.Title != "Harbour Gazette" || len(e.Articles) != 1 {
				t.Fatalf("title %q, %d articles", e.Title, len(e.Articles))
			}
			a := e.Articles[0]
			if a.Title != "Story 1 of the café" || a.URL != "https://gazette.example/1" || a.Language != "en" && name != "Atom" && name != "prefixed" || a.Site != "Harbour Gazette" {
				t.Errorf("%+v", a)
			}
			if name == "RSS 0.91" {
				return
			}
			if want := time.Date(2026, 3, 2, 8, 15, 0, 0, time.UTC); !a.Published.Equal(want) || a.Author != "Ann Example" || a.Category != "City" {
				t.Errorf("published %s, author %q, category %q", a.Published, a.Author, a.Category)
			}
		})
	}
}

func TestBrokenFeedsAreReadAsFarAsTheyMakeSense(t *testing.T) {
	t.Parallel()
	end := `</channel></rss>`
	tests := map[string]struct {
		data  string
		items int
	}{
		"a notice before it":          {"<br />\n<b>Warning</b>: mysql_connect() in /srv/db.php on line 3<br />\n" + rssHead + rssItem(1, "") + rssItem(2, "") + end, 2},
		"a mark and blank lines":      {"\ufeff\n\n" + rssHead + rssItem(1, "") + rssItem(2, "") + end, 2},
		"bare ampersands":             {rssHead + rssItem(1, "<description>Fish & chips at Smith&Sons &c.</description>") + strings.Replace(rssItem(2, ""), "/2<", "/2?a=1&b=2<", 1) + end, 2},
		"undeclared prefixes":         {rssHead + rssItem(1, "<media:thumbnail url='https://gazette.example/1.jpg'/><foo:bar>x</foo:bar>") + rssItem(2, "<content:encoded><![CDATA[<p>x</p>]]></content:encoded>") + end, 2},
		"entities of HTML":            {rssHead + rssItem(1, "<description>caf&eacute;&nbsp;&mdash; &unknown; &copy;</description>") + rssItem(2, "") + end, 2},
		"control characters":          {rssHead + rssItem(1, "<description>a\x01b\x0bc &#8; d&#xFFFF;</description>") + rssItem(2, "") + end, 2},
		"a less-than sign in text":    {rssHead + rssItem(1, "<description>profit < loss, 3<4</description>") + rssItem(2, "") + end, 2},
		"markup that was not escaped": {rssHead + rssItem(1, "<description>one <b>two <i>three</b> four<br> five</description>") + rssItem(2, "") + end, 2},
		"an item that isn't closed":   {rssHead + `<item><title>Story 1 of the café</title><link>https://gazette.example/1</link>` + rssItem(2, "") + rssItem(3, "") + end, 2},
		"cut off in an item":          {rssHead + rssItem(1, "") + rssItem(2, "") + `<item><title>Story 3 of the`, 2},
		"cut off in a tag":            {rssHead + rssItem(1, "") + rssItem(2, "") + `<item><tit`, 2},
		"cut off in CDATA":            {rssHead + rssItem(1, "") + rssItem(2, "") + `<item><title>x</title><description><![CDATA[<p>and then`, 2},
		"cut off between items":       {rssHead + rssItem(1, "") + rssItem(2, ""), 2},
		"cut off in an entry":         {`<feed xmlns="http://www.w3.org/2005/Atom"><title>Harbour Gazette</title><entry><id>1</id><title>Story 1 of the café</title><link href="https://gazette.example/1"/></entry><entry><id>2</id><title>Story 2 of the café</title><link href="https://gazette.example/2"/></entry><entry><id>3</id><ti`, 2},
		"text behind its end":         {rssHead + rssItem(1, "") + rssItem(2, "") + end + "\n<script>track()</script> & more", 2},
		"a document type with a bomb": {strings.Replace(rssHead, "<rss", `<!DOCTYPE rss [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]><rss`, 1) + rssItem(1, "<description>&c;&c;</description>") + rssItem(2, "") + end, 2},
		"invalid UTF-8":               {rssHead + rssItem(1, "<description>d\xe9j\xe0 vu</description>") + rssItem(2, "") + end, 2},
		"a wrong declaration":         {strings.Replace(rssHead, "utf-8", "us-ascii", 1) + rssItem(1, "") + rssItem(2, "") + end, 2},
		"an unknown declaration":      {strings.Replace(rssHead, "utf-8", "klingon-1", 1) + rssItem(1, "") + rssItem(2, "") + end, 2},
		"no channel's end, no rss":    {`<channel><title>Harbour Gazette</title>` + rssItem(1, "") + rssItem(2, ""), 2},
		"upper-case tags":             {strings.Replace(rssHead, "<rss", "<RSS", 1) + rssItem(1, "") + rssItem(2, "") + `</channel></RSS>`, 2},
		"JSON cut off":                {`{"version":"https://jsonfeed.org/version/1","title":"Harbour Gazette","items":[{"id":"1","url":"https://gazette.example/1","title":"Story 1 of the café"},{"id":"2","url":"https://gazette.example/2","title":"Story 2 of the café"},{"id":"3","ti`, 2},
		"JSON with a comma too many":  {`{"version":"https://jsonfeed.org/version/1","title":"Harbour Gazette","items":[{"id":"1","url":"https://gazette.example/1","title":"Story 1 of the café"},{"id":"2","url":"https://gazette.example/2","title":"Story 2 of the café",},]}`, 2},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := feed(t, test.data)
			if len(e.Articles) != test.items || e.Title != "Harbour Gazette" {
				t.Fatalf("title %q, articles %q, warnings %q", e.Title, titlesOf(e), e.Warnings)
			}
			for i, a := range e.Articles {
				if !strings.HasSuffix(a.Title, "of the café") || a.URL == "" {
					t.Errorf("article %d: %q %q", i, a.Title, a.URL)
				}
			}
			// A mark is allowed; blank lines and the case of letters hurt nobody.
			if name != "a mark and blank lines" && name != "upper-case tags" && len(e.Warnings) == 0 {
				t.Error("no warning")
			}
		})
	}
}

func TestHopelessFeedsAreOneSentence(t *testing.T) {
	t.Parallel()
	for _, data := range []string{"<rss version='2.0'><channel>", "<rss", `<rss><<<<`, `{"version":"https://jsonfeed.org/version/1","items":`} {
		e, err := Extract("fixture", []byte(data), Options{})
		if e.Kind == KindFeed && err == nil && len(e.Articles) > 0 {
			t.Errorf("%q gave %d articles", data, len(e.Articles))
		}
		if err != nil && strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v", data, err)
		}
	}
}

func TestEncodingsAreReadInTheRightOrder(t *testing.T) {
	t.Parallel()
	russian := strings.ReplaceAll(rssHead+rssItem(1, "<description>Мост через гавань закрыт на год из-за трещин</description>")+`</channel></rss>`, "café", "моста")
	french := rssHead + rssItem(1, "") + `</channel></rss>`
	undeclared := func(s string) string { return strings.Replace(s, ` encoding="utf-8"`, "", 1) }
	declare := func(s, name string) string { return strings.Replace(s, `"utf-8"`, `"`+name+`"`, 1) }
	encode := func(s string, m *charmap.Charmap) string {
		out, err := m.NewEncoder().String(s)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	utf16, err := unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewEncoder().String(french)
	if err != nil {
		t.Fatal(err)
	}
	bare, err := unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM).NewEncoder().String(french)
	if err != nil {
		t.Fatal(err)
	}
	wide, err := utf32.UTF32(utf32.LittleEndian, utf32.UseBOM).NewEncoder().String(french)
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct{ data, header, want string }{
		"declared":                            {encode(declare(russian, "koi8-r"), charmap.KOI8R), "", "Story 1 of the моста"},
		"the header":                          {encode(russian, charmap.Windows1251), "text/xml; charset=windows-1251", "Story 1 of the моста"},
		"the header beats the declaration":    {encode(declare(russian, "koi8-r"), charmap.Windows1251), "text/xml; charset=windows-1251", "Story 1 of the моста"},
		"valid UTF-8 beats the declaration":   {declare(french, "iso-8859-1"), "", "Story 1 of the café"},
		"a wrong header beats nothing":        {encode(undeclared(french), charmap.Windows1252), "text/xml; charset=utf-8", "Story 1 of the café"},
		"a mark":                              {utf16, "text/xml; charset=iso-8859-1", "Story 1 of the café"},
		"UTF-16 without a mark":               {bare, "", "Story 1 of the café"},
		"UTF-32":                              {wide, "", "Story 1 of the café"},
		"undeclared Latin":                    {encode(undeclared(french), charmap.Windows1252), "", "Story 1 of the café"},
		"undeclared Cyrillic":                 {encode(undeclared(russian), charmap.Windows1251), "", "Story 1 of the моста"},
		"undeclared Cyrillic, the older kind": {encode(undeclared(russian), charmap.KOI8R), "", "Story 1 of the моста"},
		"said UTF-8, was Latin":               {encode(french, charmap.Windows1252), "", "Story 1 of the café"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, err := Extract("fixture", []byte(test.data), Options{ContentType: test.header})
			if err != nil {
				t.Fatal(err)
			}
			if len(e.Articles) != 1 || e.Articles[0].Title != test.want {
				t.Errorf("%q, want %q (warnings %q)", titlesOf(e), test.want, e.Warnings)
			}
		})
	}
}

func TestPagesInOtherEncodingsAreRead(t *testing.T) {
	t.Parallel()
	page := `<html><head><meta http-equiv="Content-Type" content="text/html; charset=windows-1251"><title>Мост закрыт на целый год</title></head><body><h1>Мост закрыт на целый год</h1><p>Мост через гавань закрыт на год из-за трещин в двух балках, сообщили в порту.</p></body></html>`
	data, err := charmap.Windows1251.NewEncoder().String(page)
	if err != nil {
		t.Fatal(err)
	}
	if a := points(t, data); a.Title != "Мост закрыт на целый год" || !strings.Contains(a.Lead, "гавань") {
		t.Errorf("%q %q", a.Title, a.Lead)
	}
}

func TestDatesThatCannotBeTrustedAreDropped(t *testing.T) {
	t.Parallel()
	march := time.Date(2026, 3, 2, 7, 15, 0, 0, time.UTC)
	tests := map[string]time.Time{
		"Sat, 02 Jan 2106 10:00:00 GMT":      {},
		"Thu, 01 Jan 1970 00:00:00 +0000":    {},
		"last Tuesday, or so":                {},
		"Mon, 31 Feb 2026 25:61:00 +0000":    {},
		"":                                   {},
		"0000-00-00":                         {},
		"Tue, 10 Mar 2026 12:05:00 GMT":      time.Date(2026, 3, 10, 12, 5, 0, 0, time.UTC), // within the slack
		"Tue, 10 Mar 2026 12:15:00 GMT":      {},
		"Mo, 02 Mär 2026 08:15:00 +0100":     march,
		"2026-03-02T08:15:00+01:00":          march,
		"Fri, 02 Mar 2026 02:15:00 EST":      march,
		"Mon, 2 Mar 2026 08:15 CET":          march,
		"Mon, 02 March 2026 07:15:00 Z":      march,
		"2026-03-02 07:15:00":                march,
		"2 de marzo de 2026 07:15:00":        march,
		"March 2, 2026 07:15:00 GMT":         march,
		"Mon, 02 Mar 26 07:15:00 UT":         march,
		"Mon Mar 2 07:15:00 UTC 2026":        march,
		"Mon, 02 Mar 2026 07:15:00 GMT+0000": march,
		"lun., 02 mars 2026 08:15:00 +0100":  march,
		"20260302":                           time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC),
	}
	for raw, want := range tests {
		if got := parseDate(raw, testNow); !got.Equal(want) {
			t.Errorf("%q is %s, want %s", raw, got, want)
		}
	}
}

func TestItemsOfOneLinkAreOneArticle(t *testing.T) {
	t.Parallel()
	same := strings.NewReplacer("g1", "g9", "https://gazette.example/1", "http://www.gazette.example/1?utm_source=rss#top").Replace(rssItem(1, ""))
	e := feed(t, rssHead+rssItem(1, "")+rssItem(2, "")+same+`</channel></rss>`)
	if len(e.Articles) != 2 {
		t.Errorf("%q", titlesOf(e))
	}
}

func TestRelativeLinksAreResolved(t *testing.T) {
	t.Parallel()
	relative := strings.ReplaceAll(rssHead+rssItem(1, "<enclosure url='/1.jpg' type='image/jpeg' length='1'/>")+`</channel></rss>`, ">https://gazette.example/1<", ">city/1.html?utm_medium=rss<")
	tests := map[string]struct{ data, address, want string }{
		"the feed's address": {relative, "https://news.example/feeds/all.xml", "https://news.example/feeds/city/1.html"},
		"the channel's link": {relative, "", "https://gazette.example/city/1.html"},
		"xml:base":           {`<feed xmlns="http://www.w3.org/2005/Atom" xml:base="https://base.example/a/feed.atom"><title>x</title><entry><id>1</id><title>Story</title><link href="city/1.html"/></entry></feed>`, "https://news.example/", "https://base.example/a/city/1.html"},
		"a guid for a link":  {strings.ReplaceAll(strings.ReplaceAll(rssHead+rssItem(1, "")+`</channel></rss>`, "<link>https://gazette.example/1</link>", ""), ">g1<", ">https://gazette.example/guid<"), "", "https://gazette.example/guid"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, err := Extract("fixture", []byte(test.data), Options{Address: test.address})
			if err != nil || len(e.Articles) != 1 {
				t.Fatal(err, e.Articles)
			}
			if got := e.Articles[0].URL; got != test.want {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
}

func TestItemsGivePointsListDescriptionOrLead(t *testing.T) {
	t.Parallel()
	encoded := func(html string) string {
		return strings.Replace(rssHead, "<rss", `<rss xmlns:content="http://purl.org/rss/1.0/modules/content/"`, 1) + `<item><title>` + bridgeTitle + `</title><link>https://gazette.example/1</link><content:encoded><![CDATA[` + html + `]]></content:encoded></item></channel></rss>`
	}
	described := func(d string) string {
		return rssHead + `<item><title>` + bridgeTitle + `</title><link>https://gazette.example/1</link><description><![CDATA[` + d + `]]></description></item></channel></rss>`
	}
	tests := map[string]struct {
		data string
		from digest.PointsFrom
		want []string
	}{
		"a headed list":         {encoded(`<h3>Key points</h3>` + listOf("<ul>", bridgePoints...) + bridgeBody), digest.PointsFeed, bridgePoints},
		"a bare list on top":    {encoded(listOf("<ul>", bridgePoints...) + bridgeBody), digest.PointsFeed, bridgePoints},
		"a list of links":       {described(`<p>` + bridgeLead + `</p>` + listOf("<ul>", `<a href="/share">Share</a>`, `<a href="/mail">Mail</a>`)), digest.PointsDescription, []string{bridgeLead}},
		"a list in mid-text":    {encoded(bridgeBody + listOf("<ul>", bridgePoints...)), digest.PointsLead, nil},
		"a description":         {described(bridgeLead), digest.PointsDescription, []string{bridgeLead}},
		"with a pointer":        {described(bridgeLead + ` <a href="/1">Read more</a>`), digest.PointsDescription, []string{bridgeLead}},
		"with the blog's mark":  {described(`<p>` + bridgeLead + `</p><p>The post <a href="/1">` + bridgeTitle + `</a> appeared first on <a href="/">Harbour Gazette</a>.</p>`), digest.PointsDescription, []string{bridgeLead}},
		"cut off with dots":     {described(bridgeLead + " Ferries will run every ten [&hellip;]"), digest.PointsDescription, []string{bridgeLead}},
		"whole body as such":    {described(bridgeBody + bridgeBody), digest.PointsLead, nil},
		"the headline repeated": {described(bridgeTitle), digest.PointsNone, nil},
		"hostile markup":        {described(`<p>` + bridgeLead + `<script>alert(1)</script><img src=x onerror="alert(2)"></p>`), digest.PointsDescription, []string{bridgeLead}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := feed(t, test.data).Articles[0]
			if a.PointsFrom != test.from || test.want != nil && !slices.Equal(a.Points, test.want) {
				t.Errorf("from %s: %q", a.PointsFrom, a.Points)
			}
		})
	}
}

func TestTitlesBecomePlainText(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"AT&amp;T &amp; friends":                      "AT&T & friends",
		"Orchard &amp;amp; Field":                     "Orchard & Field",
		"Apples &lt;b&gt;double&lt;/b&gt; again":      "Apples double again",
		"&lt;script&gt;alert(1)&lt;/script&gt;Safe":   "Safe",
		"&amp;lt;script&amp;gt;alert(1) Safe":         "",
		"&lt;img src=x onerror=alert(1)&gt;Safe":      "Safe",
		"Use of &amp;lt;T&amp;gt; in Go":              "Use of <T> in Go",
		"profit &lt; loss":                            "profit < loss",
		"<![CDATA[Line\nbreaks  and\ttabs]]>":         "Line breaks and tabs",
		"Right\u202eto left":                          "Rightto left",
		"Bcc: all@example.org&#13;&#10;Subject: evil": "Bcc: all@example.org Subject: evil",
	}
	for title, want := range tests {
		e := feed(t, rssHead+`<item><title>`+title+`</title><link>https://gazette.example/1</link></item></channel></rss>`)
		if got := e.Articles[0].Title; got != want {
			t.Errorf("%q became %q, want %q", title, got, want)
		}
	}
}

func TestExtractionMarshalsToTheContract(t *testing.T) {
	t.Parallel()
	e := feed(t, rssHead+rssItem(1, `<pubDate>Mon, 02 Mar 2026 09:15:00 +0100</pubDate><enclosure type="image/png" url="https://gazette.example/1.png"/>`)+`</channel></rss>`)
	got, err := json.Marshal(e)
	want := `{"input":"fixture","kind":"feed","title":"Harbour Gazette","articles":[{"url":"https://gazette.example/1","title":"Story 1 of the café","category":"","categories":[],"points":[],"points_from":"none","site":"Harbour Gazette","attribution":"","author":"","published":"2026-03-02T08:15:00Z","language":"en","image":"https://gazette.example/1.png"}],"warnings":[]}`
	if err != nil || string(got) != want {
		t.Errorf("%v\n%s\nwant\n%s", err, got, want)
	}
	empty, err := json.Marshal(Extraction{Input: "x"})
	if err != nil || string(empty) != `{"input":"x","kind":"","title":"","articles":[],"warnings":[]}` {
		t.Errorf("%v %s", err, empty)
	}
}

func TestOneWrongFieldOfAJSONFeedCostsItsItemOnly(t *testing.T) {
	t.Parallel()
	e, err := Extract("feed.json", []byte(`{"version":"https://jsonfeed.org/version/1.1","title":"J","items":[
		{"id":"1","url":"http://ex.example/ok","title":"A fine story"},{"id":"3","url":["x"],"title":"b"}]}`), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(e.Articles) != 1 || e.Articles[0].Title != "A fine story" || len(e.Warnings) != 1 || !strings.Contains(e.Warnings[0], "1 of its 2 items") {
		t.Errorf("%d articles, warnings %q", len(e.Articles), e.Warnings)
	}
}

func TestMendedFeedsSaySo(t *testing.T) {
	t.Parallel()
	const end = "</channel></rss>"
	plain := rssHead + rssItem(1, "") + end
	for name, c := range map[string]struct{ feed, want string }{
		"as it should be":   {plain, ""},
		"bare ampersand":    {rssHead + rssItem(1, "<description>Fish & chips</description>") + end, "not well-formed"},
		"undeclared prefix": {rssHead + rssItem(1, "<foo:bar>x</foo:bar>") + end, "not well-formed"},
		"not UTF-16":        {`<?xml version="1.0" encoding="utf-16"?>` + plain, "declared as UTF-16"},
		"not UTF-8 at all":  {`<?xml version="1.0" encoding="UTF-8"?>` + strings.Replace(plain, "<channel>", "<channel><description>"+strings.Repeat("Stra\xdfe \xfcber ", 9)+"</description>", 1), "declared as UTF-8"},
	} {
		e, err := Extract(name, []byte(c.feed), Options{})
		if err != nil || len(e.Articles) != 1 {
			t.Errorf("%s: %d articles, %v", name, len(e.Articles), err)
			continue
		}
		if said := strings.Join(e.Warnings, "; "); c.want == "" && said != "" || !strings.Contains(said, c.want) {
			t.Errorf("%s: warnings %q, want %q", name, said, c.want)
		}
	}
}

func TestItemsThatShareAnAddressAreReadAndNamed(t *testing.T) {
	t.Parallel()
	item := func(title, link, guid string) string {
		return "<item><title>" + title + "</title><link>" + link + "</link>" + guid + "</item>"
	}
	guid := func(s string) string { return `<guid isPermaLink="false">` + s + `</guid>` }
	const front, notes = "http://gazette.example/", "https://gazette.example/notes#November_"
	for name, c := range map[string]struct {
		items, want, warning string
	}{
		"a front page":           {item("Fire", front, guid("1")) + item("Vote", front, guid("2")) + item("Fire", front, guid("3")), "Fire|Vote", "2 items share one address, https://gazette.example/;"},
		"parts of a page":        {item("November 20: fire", notes+"20", "") + item("November 21: vote", notes+"21", ""), "November 20: fire|November 21: vote", "2 items share one address, https://gazette.example/notes;"},
		"a guid for all of them": {item("November 20: fire", notes+"20", guid("1")) + item("November 21: vote", notes+"21", guid("1")), "November 20: fire|November 21: vote", "2 items share"},
		"one article twice":      {item("Bees return", front+"bees", guid("1")) + item("Bees return to quarry", front+"bees#top", guid("2")), "Bees return", ""},
		"without headlines":      {"<item><description>Fire in the port</description><link>" + front + "</link>" + guid("1") + "</item><item><description>Votes are counted</description><link>" + front + "</link>" + guid("2") + "</item>", "Fire in the port|Votes are counted", "2 items share"},
		"nothing of their own":   {item("Fire", front, "") + item("Vote", front, ""), "Fire", "1 item has the address of another"},
	} {
		e, err := Extract(name, []byte(rssHead+c.items+"</channel></rss>"), Options{})
		if err != nil || strings.Join(titlesOf(e), "|") != c.want {
			t.Errorf("%s: %q, %v", name, titlesOf(e), err)
		}
		if said := strings.Join(e.Warnings, "; "); c.warning == "" && said != "" || !strings.Contains(said, c.warning) {
			t.Errorf("%s: warnings %q, want %q", name, said, c.warning)
		}
	}
}
