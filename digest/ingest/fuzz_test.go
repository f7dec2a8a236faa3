package ingest

import (
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"courant/digest"
)

// sound checks what every extraction owes the rooms behind it, whatever the
// input was.
func sound(t *testing.T, e Extraction) {
	t.Helper()
	if _, err := e.MarshalJSON(); err != nil {
		t.Fatal(err)
	}
	for _, a := range e.Articles {
		for _, s := range append([]string{a.Title, a.Category, a.Site, a.Author, a.Attribution, a.Language, a.URL, a.Canonical, a.GUID, a.Lead, a.Image.Alt, a.Image.URL}, a.Points...) {
			if !utf8.ValidString(s) || strings.ContainsAny(s, "\r\n\x00\u2028") {
				t.Fatalf("%q is no plain line", s)
			}
		}
		if len(a.Points) > maxPoints || (len(a.Points) == 0) != (a.PointsFrom == digest.PointsNone) {
			t.Fatalf("%d points from %s", len(a.Points), a.PointsFrom)
		}
		for _, p := range a.Points {
			if p == "" || len(p) > maxPoint || isBoilerplate(p) {
				t.Fatalf("point %q", p)
			}
		}
		for _, link := range []string{a.URL, a.Image.URL} {
			if link != "" && !strings.HasPrefix(link, "http://") && !strings.HasPrefix(link, "https://") {
				t.Fatalf("link %q", link)
			}
		}
	}
}

func FuzzPage(f *testing.F) {
	f.Add(bridgePage(listOf(`<ul class="key-points">`, bridgePoints...), ""))
	f.Add(bridgePage(`<h2>Das Wichtigste</h2><p>• a<br>• b`, `<table><div><ul><li><ul><li></table>`))
	f.Add(`<script type="application/ld+json">{"@type":"NewsArticle","headline":"x","author":[[{"name":1}]]}</script><h1>x`)
	f.Add(`<svg><title>x</title><h1>y</h1></svg><math><mi><p>z`)
	f.Add(bridgePage(`<h4>✨ 3 Key takeaways (AI)</h4><p>– a b c d e f<br>– g h i j k l`, `<script>s={"keyPoints":["a b c d","e f g h"]}</script>`))
	f.Add(bridgePage(`<h2><ul class="article__summary"><li>A &amp;amp; b &lt;b&gt;c`, `<div class="teaser intro"><ul><li>\u200b•\ufe0f`))
	f.Add("<html><body>" + strings.Repeat("<div>", 600) + "text of some length that goes on")
	f.Fuzz(func(t *testing.T, page string) {
		e, err := Extract("fuzz", []byte("<html>"+page), Options{Address: "https://gazette.example/a"})
		if err == nil {
			sound(t, e)
		}
	})
}

func FuzzLinkedData(f *testing.F) {
	f.Add(`{"@type":"NewsArticle","headline":"x","author":[[{"name":1}]],"articleSection":["a",{"name":"b"}]}`)
	f.Add(`<!-- {"@graph":[{"@type":["Article"],"headline":"a` + "\n" + `b","datePublished":"2026-03-02",}] -->`)
	f.Add(`{"@type":"Product","headline":"\\","description":"\u0000"`)
	f.Fuzz(func(t *testing.T, script string) {
		e, err := Extract("fuzz", []byte(`<html><script type="application/ld+json">`+script+`</script><h1>x y z</h1><p>`+bridgeLead), Options{})
		if err == nil {
			sound(t, e)
		}
	})
}

func FuzzText(f *testing.F) {
	f.Add(bridgeText)
	f.Add("# **City**\r\n\r\n- [one](x) two\r\n🔹 three\r\n❖ four\r\n> five\r\n")
	f.Add("URL: javascript:alert(1)\n\nHead line of four\nWeb: data:text/html,x y\nurl:\n\nAddress: //x\n")
	f.Add("City\n\n# Head line of four\n1. one\n(2) two\n  wrapped\n")
	f.Fuzz(func(t *testing.T, s string) {
		a, _, _ := readText([]byte(s), reading{now: testNow})
		sound(t, Extraction{Articles: []digest.Article{a}})
	})
}

func FuzzFeed(f *testing.F) {
	f.Add(rssHead + rssItem(1, "<description>a & b < c &nbsp;</description>") + "<item><title>cut")
	f.Add(`<feed xmlns="http://www.w3.org/2005/Atom" xml:base="http://a/b"><entry><link href="//x"/><title type="xhtml"><div>x</div></title>`)
	f.Add(`<rdf:RDF><channel/><item rdf:about="x"><title><![CDATA[x]]></title></item></rdf:RDF>`)
	f.Add(`{"version":"https://jsonfeed.org/version/1","items":[{"id":1,"url":"x","title":null},{]}`)
	f.Add("<!DOCTYPE x [<!ENTITY a '&a;'>]><rss><channel><x:y></channel>")
	f.Fuzz(func(t *testing.T, data string) {
		e, err := Extract("fuzz", []byte(data), Options{Now: testNow})
		if err == nil {
			sound(t, e)
		}
	})
}

func FuzzCharset(f *testing.F) {
	f.Add([]byte("caf\xe9 <meta charset=shift_jis>"), "text/html; charset=koi8-r")
	f.Add([]byte("\xff\xfe<\x00h\x00"), "")
	f.Add([]byte("\x00\x00\x00<\x00\x00\x00a"), "text/xml; charset=\"")
	f.Add([]byte("<?xml version='1.0' encoding='iso-2022-jp'?>\x1b$B%K%e\x1b(B"), "x")
	f.Fuzz(func(t *testing.T, data []byte, header string) {
		text, _ := toUTF8(data, header)
		if !utf8.Valid(text) {
			t.Fatalf("%q became %q", data, text)
		}
	})
}

func FuzzPlainText(f *testing.F) {
	f.Add("a <b>c</b> &amp;lt;script&amp;gt; <T> <x y=z>")
	f.Fuzz(func(t *testing.T, s string) {
		if got := plainTitle(s); len(got) > maxTitle || !utf8.ValidString(got) || strings.ContainsAny(got, "\r\n") {
			t.Fatalf("%q became %q", s, got)
		}
	})
}

func FuzzDate(f *testing.F) {
	f.Add("Mo, 02 Mär 2026 08:15:00 +0100")
	f.Fuzz(func(t *testing.T, s string) {
		if got := parseDate(s, testNow); !got.IsZero() && (got.After(testNow.Add(slack)) || got.Year() < earliestYear) {
			t.Fatalf("%q is %s", s, got)
		}
	})
}

// Whoever may put files into a folder may name them and fill them as they like.
func FuzzFolderFile(f *testing.F) {
	f.Add("2026/bridge.html", "https://example.com/wire/", []byte(pointedPage))
	f.Add("a b?#%.txt", "https://example.com/?a=b", []byte("URL: https://example.com/a\n\nCity opens bridge over the river\n"))
	f.Add("../up.txt", "", []byte("Source: javascript:alert(1)\n\nA headline of the morning\n"))
	f.Add("feed.xml", "", []byte(wholeFeed(1)))
	f.Add("\x00\xff.json", "http://[::1]/", []byte("{}"))
	f.Fuzz(func(t *testing.T, name, prefix string, data []byte) {
		d := folder{source: digest.Source{Prefix: prefix}, now: testNow}
		articles, _, err := d.extract(folderFile{path: name, size: int64(len(data))}, data)
		if err != nil && len(articles) > 0 {
			t.Errorf("articles beside %v", err)
		}
		sound(t, Extraction{Articles: articles})
		for _, a := range articles {
			if u, err := url.Parse(a.URL); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || a.Title == "" || a.Canonical == "" {
				t.Errorf("%q gives %+v", name, a)
			}
		}
		m := d.mark(folderFile{path: name})
		if !unpackMarks(packMarks([]mark{m}))[m] {
			t.Error("a mark is lost")
		}
	})
}

func FuzzByLine(f *testing.F) {
	f.Add("By Jane Porter, Tom Quay and Ann Pier, Business Editors | March 3, 2026")
	f.Add("Text: von Anna Hafen und Jörg Kai")
	f.Add("Published 3 March 2026 by J. P. van der Quay's")
	f.Add("Von ,, & & |||| 港 花子 : by by by by")
	f.Fuzz(func(t *testing.T, line string) {
		for _, how := range []signing{signsNothing, signsLine, signsAuthor, signsName} {
			names := namesIn(line, how)
			if len(names) > maxAuthors {
				t.Errorf("%d people of %q", len(names), line)
			}
			for _, name := range names {
				if strings.TrimSpace(name) == "" || strings.ContainsAny(name, "0123456789|\n") {
					t.Errorf("%q is nobody, of %q", name, line)
				}
			}
		}
	})
}
