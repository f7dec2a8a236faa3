package ingest

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"courant/digest"
)

// filing is what the tests file by.
func filing() *Filing {
	return NewFiling([]Rule{
		{"Military", []string{"army", "defence", "armed forces", "Verteidigung*", "armée", "Вооружённые силы", "军事", "国防", "ทหาร", "القوات المسلحة"}},
		{"World", []string{"foreign affairs", "international", "U.S.", "Ausland", "世界情勢"}},
		{"Culture", []string{"art", "film", "Kino", "サイバー文化"}},
		{"War studies", []string{"art of war"}},
		{"Straße", nil},
	}, []string{"Science", "World"})
}

func TestRulesMatchWholeWordsAndPhrases(t *testing.T) {
	t.Parallel()
	f := filing()
	for term, want := range map[string]string{
		// Case, accents and punctuation are no difference.
		"army": "Military", "ARMY": "Military", "Army News": "Military", "The-Army": "Military", "news/army": "Military", "#ArmyNews": "Military",
		"#army": "Military", "us_army_life": "Military", "Defence & Security": "Military", "(Defence)": "Military", "Défence": "Military",
		"Armee": "Military", "L’Armée de terre": "Military", "Armed Forces": "Military", "armed  forces, abroad": "Military", "ＡＲＭＹ": "Military",
		"вооруженные силы": "Military", "ВООРУЖЁННЫЕ СИЛЫ": "Military", "القُوّات المُسلّحة": "Military",
		"US": "World", "U.S. politics": "World", "u.s": "World", "International": "World", "Foreign Affairs": "World",
		// A word is no part of another one, a phrase is in one piece.
		"defenceless": "", "Armyworm": "", "armed guards": "", "forces armed": "", "armed and forces": "", "part": "", "internationally": "", "smart": "",
		"foreign": "", "affairs, foreign": "", "U.S.S.R.": "", "Artikel": "", "": "", "—": "", "&": "",
		// A star stands for any ending.
		"Verteidigungspolitik": "Military", "Verteidigung": "Military", "Selbstverteidigung": "", "Verteidiger": "",
		// Scripts without spaces.
		"中国军事新闻": "Military", "军 事": "Military", "国防部": "Military", "国和防": "", "ข่าวทหารไทย": "Military", "今日の世界情勢": "World", "サイバー文化論": "Culture", "サイバ文化": "",
		// The longest phrase counts.
		"The Art of War": "War studies", "Art of the war": "Culture", "art": "Culture",
		// A category's own name matches itself.
		"military": "Military", "World": "World", "World news": "World", "strasse": "Straße", "STRASSE": "Straße", "science": "Science", "War Studies": "War studies",
	} {
		got := f.Categories([]digest.Term{{Text: term, From: digest.TermSection}})
		if want == "" && len(got) > 0 || want != "" && (len(got) == 0 || got[0].Category != want) {
			t.Errorf("%q: %+v, want %q", term, got, want)
		}
	}
}

func TestStrongTermsComeBeforeWeakOnes(t *testing.T) {
	t.Parallel()
	term := func(from digest.TermFrom, text string) digest.Term { return digest.Term{Text: text, From: from} }
	for name, row := range map[string]struct {
		terms []digest.Term
		want  string
	}{
		"a section before a tag":       {[]digest.Term{term(digest.TermTag, "army"), term(digest.TermSection, "film")}, "Culture Military"},
		"a feed's category before":     {[]digest.Term{term(digest.TermBreadcrumb, "army"), term(digest.TermFeed, "Ausland")}, "World Military"},
		"a section before a feed":      {[]digest.Term{term(digest.TermFeed, "army"), term(digest.TermSection, "Ausland")}, "World Military"},
		"feed categories in order":     {[]digest.Term{term(digest.TermFeed, "Ausland"), term(digest.TermFeed, "army")}, "World Military"},
		"a whole term before a part":   {[]digest.Term{term(digest.TermSection, "Army and film")}, "Military Culture"},
		"the editor's order in a term": {[]digest.Term{term(digest.TermSection, "Film, international, army")}, "Military World Culture"},
		"each category once":           {[]digest.Term{term(digest.TermSection, "army"), term(digest.TermTag, "Military"), term(digest.TermTag, "defence")}, "Military"},
		"a name within a tag":          {[]digest.Term{term(digest.TermTag, "World Cup"), term(digest.TermTag, "Science fiction")}, ""},
		"a name that is the tag":       {[]digest.Term{term(digest.TermTag, "world")}, "World"},
		"a word within a tag":          {[]digest.Term{term(digest.TermTag, "defence policy")}, "Military"},
	} {
		var got []string
		for _, filed := range filing().Categories(row.terms) {
			got = append(got, filed.Category)
		}
		if strings.Join(got, " ") != row.want {
			t.Errorf("%s: %q, want %q", name, got, row.want)
		}
	}
}

func TestFilingLeavesWhatNoRuleMatchesToThePublisher(t *testing.T) {
	t.Parallel()
	for _, f := range []*Filing{nil, filing()} {
		a := digest.Article{Category: "Economy", Terms: []digest.Term{
			{Text: "Markets", From: digest.TermSection}, {Text: "Economy", From: digest.TermFeed}, {Text: "Shares", From: digest.TermFeed},
		}}
		f.File(digest.Source{}, &a)
		if a.Category != "Economy" || a.Categories != nil {
			t.Errorf("%q %q", a.Category, a.Categories)
		}
		none := digest.Article{Terms: []digest.Term{{Text: "Shares", From: digest.TermTag}}}
		if f.File(digest.Source{}, &none); none.AllCategories() != nil {
			t.Errorf("%q", none.AllCategories())
		}
		// What came without terms is filed by what it came with.
		pushed := digest.Article{Category: "Army"}
		f.File(digest.Source{}, &pushed)
		if want := map[bool]string{true: "Army", false: "Military"}[f == nil]; pushed.Category != want || len(pushed.Terms) != 1 {
			t.Errorf("%q, want %q; %q", pushed.Category, want, pushed.Terms)
		}
	}
}

func TestSourcesCategoryWinsAndTermsAreKept(t *testing.T) {
	t.Parallel()
	a := digest.Article{Category: "Film", Terms: []digest.Term{{Text: "Film", From: digest.TermFeed}}}
	filing().File(digest.Source{Category: "World", Categories: []string{"World", "Military"}}, &a)
	if !slices.Equal(a.AllCategories(), []string{"World", "Military"}) || len(a.Terms) != 1 {
		t.Errorf("%q %q", a.AllCategories(), a.Terms)
	}
	if got := filing().Under(digest.Source{}, a.Terms); !slices.Equal(got, []string{"Culture"}) {
		t.Errorf("without the source's: %q", got)
	}
}

func TestPageTellsItsTermsByHowMuchTheySay(t *testing.T) {
	t.Parallel()
	const page = `<!doctype html><title>Basin opens</title><meta property="article:section" content="Harbour &amp;amp; Sea">
	<meta property="article:tag" content="basin"><meta property="article:tag" content="Army"><meta name="news_keywords" content="cranes; pilots, basin">
	<script type="application/ld+json">{"@graph": [
	 {"@type": "BreadcrumbList", "itemListElement": [{"position": 1, "name": "Home"}, {"position": 2, "item": {"@id": "/n", "name": "News"}}, {"name": "Basin opens"}]},
	 {"@type": "NewsArticle", "headline": "Basin opens", "articleSection": ["Harbour", "Works"], "keywords": "tides, sluice", "about": [{"@type": "Thing", "name": "Dredging"}]}]}</script>
	<body><nav class="c-breadcrumbs"><a href="/">Startseite</a> › <a href="/local">Local</a></nav><h1>Basin opens</h1><p>The new basin opened on Monday after nine years of work in the old port.</p>`
	e, err := Extract("page", []byte(page), Options{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, term := range e.Articles[0].Terms {
		got = append(got, string(term.From)+" "+term.Text)
	}
	want := []string{"section Harbour & Sea", "section Harbour", "section Works", "breadcrumb News", "breadcrumb Local",
		"tag basin", "tag Army", "tag cranes", "tag pilots", "tag tides", "tag sluice", "tag Dredging"}
	if !slices.Equal(got, want) {
		t.Errorf("%q\nwant %q", got, want)
	}
	if e.Articles[0].Category != "Harbour & Sea" {
		t.Errorf("category %q", e.Articles[0].Category)
	}
}

func TestFeedsTellTheirTermsInEachFormat(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct{ feed, want string }{
		"RSS": {`<rss version="2.0" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:media="http://search.yahoo.com/mrss/"><channel><title>T</title><item><title>A</title><link>https://example.com/a</link>
			<category domain="x"><![CDATA[Army &amp; Navy]]></category><category> </category><category>World</category><dc:subject>Defence</dc:subject>
			<media:category label="Ships">a/b</media:category><media:keywords>tug, pilot</media:keywords></item></channel></rss>`,
			"feed Army & Navy, feed World, feed Defence, feed Ships, tag tug, tag pilot"},
		"Atom": {`<feed xmlns="http://www.w3.org/2005/Atom"><title>T</title><entry><title>A</title><link href="https://example.com/a"/><id>a</id>
			<category term="mil" label="Military"/><category term="world"/></entry></feed>`, "feed Military, feed world"},
		"JSON Feed": {`{"version":"https://jsonfeed.org/version/1.1","title":"T","items":[{"id":"1","url":"https://example.com/a","title":"A","content_text":"x","tags":["Army","World"]}]}`,
			"feed Army, feed World"},
	} {
		e, err := Extract(name, []byte(row.feed), Options{})
		if err != nil || len(e.Articles) != 1 {
			t.Fatalf("%s: %v, %d articles", name, err, len(e.Articles))
		}
		var got []string
		for _, term := range e.Articles[0].Terms {
			got = append(got, string(term.From)+" "+term.Text)
		}
		if strings.Join(got, ", ") != row.want {
			t.Errorf("%s: %q, want %q", name, got, row.want)
		}
		if e.Articles[0].Category != strings.TrimPrefix(got[0], "feed ") {
			t.Errorf("%s: category %q", name, e.Articles[0].Category)
		}
	}
}

func FuzzFilingTakesAnyTerm(f *testing.F) {
	for _, seed := range []string{"Army", "#ArmyNews", "U.S.", "军事", "ทหาร", "ー", "a.b.c.", "\u0301", "İstanbul", "*", "C++", "🦀 crab", "ﬁlm"} {
		f.Add(seed, seed)
	}
	f.Fuzz(func(t *testing.T, term, word string) {
		term, word = plainText(term, maxName), plainText(word, maxName)
		filing := NewFiling([]Rule{{"One", []string{word}}, {"Two", []string{term}}}, nil)
		got := filing.Categories([]digest.Term{{Text: term, From: digest.TermTag}})
		words := func(s string) []string { return termWords(strings.TrimSuffix(strings.TrimSpace(s), "*")) }
		if len(words(term)) > 0 && len(got) == 0 {
			t.Errorf("%q does not match itself", term)
		}
		if SameWord(word) == SameWord(term) && SameWord(word) != "" && (len(got) == 0 || got[0].Category != "One") {
			t.Errorf("%q and %q are the same word, but %+v", word, term, got)
		}
	})
}

func TestChangedRulesReachWhatIsThereAlready(t *testing.T) {
	t.Parallel()
	s := newSite(t, map[string]http.HandlerFunc{"/story/1": send("text/html",
		strings.Replace(bridgePage("", ""), "<head>", `<head><meta property="article:section" content="Works"><meta property="article:tag" content="Bridges">`, 1))})
	s.set("/feed.xml", send("text/xml", linkedFeed(s, 1)))
	in, store, _ := room(s)
	in.Filing = NewFiling([]Rule{{"Local", []string{"bridges"}}}, nil)
	fetchOne(t, in)
	if a := store.articles[0]; a.Category != "Local" || a.Categories != nil {
		t.Fatalf("%q %q, terms %q", a.Category, a.Categories, a.Terms)
	}
	for _, row := range []struct {
		rules  []Rule
		source digest.Source
		want   string
	}{
		{[]Rule{{"Local", []string{"bridges"}}, {"Building", []string{"works"}}}, digest.Source{}, "Building Local"},
		{nil, digest.Source{}, "Works"},
		{[]Rule{{"Local", []string{"bridges"}}}, digest.Source{Category: "World"}, "World"},
	} {
		in.Filing = NewFiling(row.rules, nil)
		in.Sources[0].Category = row.source.Category
		fetchOne(t, in)
		if got := strings.Join(store.articles[0].AllCategories(), " "); got != row.want {
			t.Errorf("%q, want %q", got, row.want)
		}
	}
}
