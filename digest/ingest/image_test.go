package ingest

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"courant/digest"
)

// imageOf is the lead image of a page with such a head and such a text.
func imageOf(t *testing.T, head, text string) digest.Image {
	t.Helper()
	e, err := Extract("page", []byte(`<!doctype html><head><title>Basin opens early</title>`+head+`</head><body><header><img src="/logo.png"></header><article><h1>Basin opens early</h1>`+text+
		`<p>The new basin opened on Monday after nine years of work in the old port of the town.</p></article>`), Options{Address: "https://gazette.example/2026/basin"})
	if err != nil {
		t.Fatal(err)
	}
	return e.Articles[0].Image
}

func TestLeadImageComesWithItsSizeAndAlt(t *testing.T) {
	t.Parallel()
	const og = `<meta property="og:image" content="https://cdn.example/basin.jpg">`
	linked := func(image string) string {
		return `<script type="application/ld+json">{"@type":"NewsArticle","headline":"Basin opens early","image":` + image + `}</script>`
	}
	for name, row := range map[string]struct {
		head, text string
		want       digest.Image
	}{
		"Open Graph": {og + `<meta property="og:image:width" content="1200"><meta property="og:image:height" content="630px"><meta property="og:image:alt" content="The basin &amp;amp; a crane">`, "",
			digest.Image{URL: "https://cdn.example/basin.jpg", Alt: "The basin & a crane", Width: 1200, Height: 630}},
		"sizes of each of several": {og + `<meta property="og:image:width" content="50"><meta property="og:image" content="/second.jpg"><meta property="og:image:width" content="900">`, "",
			digest.Image{URL: "https://gazette.example/second.jpg", Width: 900}},
		"alt of the same picture in the text": {og, `<figure><img src="https://cdn.example/640/basin-640x360.jpg?x=1" alt="A crane lifts the gate"></figure>`,
			digest.Image{URL: "https://cdn.example/basin.jpg", Alt: "A crane lifts the gate"}},
		"alt of another picture is not taken": {og, `<figure><img src="https://cdn.example/mayor.jpg" alt="The mayor"></figure>`, digest.Image{URL: "https://cdn.example/basin.jpg"}},
		"size of the very same":               {og, `<img src="https://cdn.example/basin.jpg" width="640" height="360">`, digest.Image{URL: "https://cdn.example/basin.jpg", Width: 640, Height: 360}},
		"alt that is a file's name":           {og + `<meta property="og:image:alt" content="IMG_2034.JPG">`, "", digest.Image{URL: "https://cdn.example/basin.jpg"}},
		"alt that is the headline":            {og + `<meta property="og:image:alt" content="Basin opens early!">`, "", digest.Image{URL: "https://cdn.example/basin.jpg"}},
		"JSON-LD": {linked(`[{"@type":"ImageObject","url":"/a.jpg","width":{"@type":"QuantitativeValue","value":"800"},"height":450.0,"caption":"The gate"}]`), "",
			digest.Image{URL: "https://gazette.example/a.jpg", Alt: "The gate", Width: 800, Height: 450}},
		"JSON-LD size of the shared picture": {og + linked(`{"url":"https://cdn.example/basin.jpg","width":1600,"height":900}`), "",
			digest.Image{URL: "https://cdn.example/basin.jpg", Width: 1600, Height: 900}},
		"Twitter":               {`<meta name="twitter:image" content="/t.jpg"><meta name="twitter:image:alt" content="A tug">`, "", digest.Image{URL: "https://gazette.example/t.jpg", Alt: "A tug"}},
		"image_src":             {`<link rel="image_src" href="/i.jpg">`, "", digest.Image{URL: "https://gazette.example/i.jpg"}},
		"a figure":              {"", `<figure><img data-src="/f.jpg" src="/pixel.gif" alt="A ferry" width="800" height="500"></figure>`, digest.Image{URL: "https://gazette.example/f.jpg", Alt: "A ferry", Width: 800, Height: 500}},
		"a figure of a picture": {"", `<figure><div><picture><source srcset="/x.webp"><img srcset="/f.jpg 1x, /g.jpg 2x"></picture></div></figure>`, digest.Image{URL: "https://gazette.example/g.jpg"}},
		"the largest of a set": {"", `<figure><img src="data:image/gif;base64,R0lGODlhAQABAAAAACw=" srcset="/s.jpg 320w,/m,w_800.jpg 800w, /l.jpg 1600w, /xl.jpg 4000w" width="800" height="450"></figure>`,
			digest.Image{URL: "https://gazette.example/l.jpg", Width: 1600, Height: 900}},
		"the narrowest of a set of posters": {"", `<figure><img srcset="/xl.jpg 4000w, /l.jpg 2400w"></figure>`, digest.Image{URL: "https://gazette.example/l.jpg", Width: 2400}},
		"a set behind a pixel":              {"", `<figure><img src="/1x1.gif" data-srcset="/l.jpg 1200w"></figure>`, digest.Image{URL: "https://gazette.example/l.jpg", Width: 1200}},
		"src before a set":                  {"", `<figure><img src="/f.jpg" srcset="/l.jpg 1600w"></figure>`, digest.Image{URL: "https://gazette.example/f.jpg"}},
		"sources around": {"", `<figure><picture><source type="image/webp" srcset="/x.webp 1600w"><source type="image/jpeg" srcset="/j.jpg 1200w"><img src="data:,"></picture></figure>`,
			digest.Image{URL: "https://gazette.example/j.jpg", Width: 1200}},
		"only modern sources": {"", `<figure><picture><source type="image/webp" srcset="/x.webp 900w"><img></picture></figure>`, digest.Image{URL: "https://gazette.example/x.webp", Width: 900}},
		"for those without scripts": {"", `<figure><img class="lazy" data-late="/f.jpg"><noscript><img src="/n.jpg" alt="A ferry" width="900"></noscript></figure><noscript><img src="https://count.example/p.gif" width="1" height="1"></noscript>`,
			digest.Image{URL: "https://gazette.example/n.jpg", Alt: "A ferry", Width: 900}},
		"no pixel, no portrait in a set": {"", `<figure><img srcset="/avatar.jpg 800w"></figure><figure><img srcset="/p.jpg 1w"></figure>`, digest.Image{}},
		"no small figure":                {"", `<figure><img src="/f.jpg" width="120"></figure><img src="/g.jpg" width="900">`, digest.Image{}},
		"not the site's logo":            {`<meta property="og:image" content="/images/gazette-logo.png">`, `<figure><img src="/f.jpg"></figure>`, digest.Image{URL: "https://gazette.example/f.jpg"}},
		"no script":                      {`<meta property="og:image" content="javascript:alert(1)">`, "", digest.Image{}},
	} {
		if got := imageOf(t, row.head, row.text); got != row.want {
			t.Errorf("%s: %+v, want %+v", name, got, row.want)
		}
	}
}

func TestLogosPortraitsPixelsAndPlaceholdersAreNoLeadImage(t *testing.T) {
	t.Parallel()
	for _, link := range []string{"https://s.example/img/logo.png", "https://s.example/SZ_Banner-Logo.gif", "https://s.example/t_logo_291_black.png", "https://s.example/img/cclogogrey.svg",
		"https://s.example/logo2x.gif", "https://s.example/institutionlogo29539", "https://s.example/open_graph_logo/16884/social?1598", "https://s.example/logos/a.jpg",
		"https://secure.gravatar.com/blavatar/74?s=200", "https://s.example/u/Heiko_avatar_1460.jpg", "https://s.example/data/avatars/l/0/8.jpg", "https://s0.example/i/blank.jpg",
		"https://s.example/clear.gif", "https://s.example/a/wordbooker_blank.jpg", "https://s.example/favicon-96.png", "https://s.example/apple-touch-icon@2.png", "https://s.example/default-user-image.png",
		"https://s.example/images/no-img_460x320.jpg", "https://s.example/OG-Image.jpg?x", "https://s.example/images/facebook.png", "https://s.example/fallback/big/136-A.jpg-placeholder.png",
		"https://s.example/meta/placeholder_nr.png", "https://s.example/social_placeholder.png", "https://s.example/a.svg", "https://pixel.example/a.jpg", "https://s.example/np-512x512.png", "https://s.example/1x1.gif"} {
		if p := (picture{url: link}); !p.decorative() {
			t.Errorf("%s is a lead image", link)
		}
	}
	for _, link := range []string{"https://s.example/2026/11/basin.jpg", "https://s.example/catalogo-2026.jpg", "https://s.example/dialogo.jpg", "https://s.example/silicon-valley.jpg",
		"https://s.example/psychologists.jpg", "https://s.example/2019/04/mr1/facebook.jpg", "https://s.example/img/news/61/51/63/default.jpg", "https://i.example/vi/KO_3/hqdefault.jpg", "https://s.example/blog-titelbild.jpg",
		"https://s.example/sites/default/files/styles/facebook/public/a.jpg", "https://s.example/storage/thomas_default_1Bi.jpg", "https://s.example/iconic-bridge.jpg", "https://s.example/pixels-of-art.jpg"} {
		if p := (picture{url: link}); p.decorative() {
			t.Errorf("%s is none", link)
		}
	}
	if p := (picture{url: "https://s.example/a.jpg", width: 60}); !p.decorative() {
		t.Error("60 pixels are a lead image")
	}
}

func TestPageSaysMoreOfTheFeedsPicture(t *testing.T) {
	t.Parallel()
	of := func(url, alt string, width, height int) digest.Image {
		return digest.Image{URL: url, Alt: alt, Width: width, Height: height}
	}
	for name, row := range map[string]struct{ feed, page, want digest.Image }{
		"none in the feed":            {of("", "", 0, 0), of("p.jpg", "A", 9, 9), of("p.jpg", "A", 9, 9)},
		"none on the page":            {of("f.jpg", "A", 9, 9), of("", "", 0, 0), of("f.jpg", "A", 9, 9)},
		"the same, with size":         {of("https://a/basin.jpg", "", 0, 0), of("https://a/basin.jpg", "A crane", 1200, 630), of("https://a/basin.jpg", "A crane", 1200, 630)},
		"the same, smaller":           {of("https://a/basin-150x150.jpg", "", 150, 150), of("https://a/basin.jpg", "", 1200, 630), of("https://a/basin.jpg", "", 1200, 630)},
		"the same, no larger":         {of("https://a/basin.jpg", "", 1200, 630), of("https://a/basin-600x300.jpg", "A crane", 600, 300), of("https://a/basin.jpg", "A crane", 1200, 630)},
		"another, clearly larger":     {of("https://a/tug.jpg", "", 240, 160), of("https://a/basin.jpg", "", 1200, 630), of("https://a/basin.jpg", "", 1200, 630)},
		"another, for a thumbnail":    {of("https://a/thumb/tug.jpg", "", 0, 0), of("https://a/basin.jpg", "", 0, 0), of("https://a/basin.jpg", "", 0, 0)},
		"another, of the same size":   {of("https://a/tug.jpg", "", 1000, 600), of("https://a/basin.jpg", "", 1200, 630), of("https://a/tug.jpg", "", 1000, 600)},
		"another, of unknown size":    {of("https://a/tug.jpg", "", 0, 0), of("https://a/basin.jpg", "", 1200, 630), of("https://a/tug.jpg", "", 0, 0)},
		"the same by an image server": {of("https://i.example/r?url=https%3A%2F%2Fa%2Fbasin.jpg&w=140", "", 140, 80), of("https://a/basin.jpg", "B", 1200, 630), of("https://a/basin.jpg", "B", 1200, 630)},
	} {
		if got := betterImage(row.feed, row.page); got != row.want {
			t.Errorf("%s: %+v, want %+v", name, got, row.want)
		}
	}
}

func TestFullPageGivesTheFeedsPictureItsSize(t *testing.T) {
	t.Parallel()
	s := newSite(t, map[string]http.HandlerFunc{"/story/1": send("text/html", strings.Replace(bridgePage("", ""), "<head>",
		`<head><meta property="og:image" content="/i/bridge.jpg"><meta property="og:image:width" content="1200"><meta property="og:image:height" content="630"><meta property="og:image:alt" content="Cracks in a girder">`, 1))})
	s.set("/feed.xml", send("text/xml", strings.Replace(linkedFeed(s, 1), "</item>", `<enclosure type="image/jpeg" url="/i/bridge-150x150.jpg"/></item>`, 1)))
	in, store, _ := room(s)
	fetchOne(t, in)
	if want := (digest.Image{URL: s.URL + "/i/bridge.jpg", Alt: "Cracks in a girder", Width: 1200, Height: 630}); store.articles[0].Image != want {
		t.Errorf("%+v, want %+v", store.articles[0].Image, want)
	}
}

func TestFeedsPictureIsTheLargestThatIsMeant(t *testing.T) {
	t.Parallel()
	const media = ` xmlns:media="http://search.yahoo.com/mrss/"`
	for name, row := range map[string]struct {
		item string
		want digest.Image
	}{
		"several sizes": {`<media:content url="/a-140.jpg" medium="image" width="140" height="84"/><media:content url="/a-460.jpg" type="image/jpeg" width="460" height="276"><media:description>A tug</media:description></media:content>`,
			digest.Image{URL: "https://gazette.example/a-460.jpg", Alt: "A tug", Width: 460, Height: 276}},
		"a group": {`<media:group><media:content url="/v.mp4" medium="video"/><media:content url="/a.jpg" medium="image" width="900"/></media:group>`,
			digest.Image{URL: "https://gazette.example/a.jpg", Width: 900}},
		"a thumbnail":                        {`<media:thumbnail url="/t.jpg" width="240" height="135"/>`, digest.Image{URL: "https://gazette.example/t.jpg", Width: 240, Height: 135}},
		"a picture before its own thumbnail": {`<media:thumbnail url="/t.jpg" width="240"/><media:content url="/a.jpg" medium="image"/>`, digest.Image{URL: "https://gazette.example/a.jpg"}},
		"an enclosure":                       {`<enclosure url="/e.png" type="image/png" length="1"/>`, digest.Image{URL: "https://gazette.example/e.png"}},
		"no sound":                           {`<enclosure url="/e.mp3" type="audio/mpeg" length="1"/>`, digest.Image{}},
		"a figure in the text":               {`<description><![CDATA[<figure><img src="https://cdn.example/f.jpg" alt="A ferry" width="800" height="400"></figure><p>Text of the item.</p>]]></description>`, digest.Image{URL: "https://cdn.example/f.jpg", Alt: "A ferry", Width: 800, Height: 400}},
		"a figure that is loaded late":       {`<description><![CDATA[<figure><img src="data:image/gif;base64,R0lGOD" data-original="https://cdn.example/f.jpg" alt="A ferry"></figure>]]></description>`, digest.Image{URL: "https://cdn.example/f.jpg", Alt: "A ferry"}},
		"a figure in sizes":                  {`<description><![CDATA[<figure><img srcset="https://cdn.example/f.jpg?w=640 640w, https://cdn.example/f.jpg?w=1280 1280w"></figure>]]></description>`, digest.Image{URL: "https://cdn.example/f.jpg?w=1280", Width: 1280}},
		"a figure for those without scripts": {`<description><![CDATA[<figure><img data-late="/x"><noscript><img src="https://cdn.example/f.jpg"></noscript></figure>]]></description>`, digest.Image{URL: "https://cdn.example/f.jpg"}},
		"no counter of readers":              {`<description><![CDATA[<p>Text of the item.</p><img src="https://count.example/p.gif" width="1" height="1"><img src="https://count.example/q.jpg">]]></description>`, digest.Image{}},
		"no logo, but the picture":           {`<media:thumbnail url="/logo.png" width="240"/><enclosure url="/e.png" type="image/png" length="1"/>`, digest.Image{URL: "https://gazette.example/e.png"}},
	} {
		e := feed(t, strings.Replace(rssHead, "<rss", "<rss"+media, 1)+`<item><title>Basin opens</title><link>https://gazette.example/1</link>`+row.item+`</item></channel></rss>`)
		if got := e.Articles[0].Image; got != row.want {
			t.Errorf("%s: %+v, want %+v", name, got, row.want)
		}
	}
}

// An item whose picture is written into it is an item like another, in XML and
// in JSON: the picture goes, the words stay.
func TestItemWithItsPictureWrittenIntoItIsRead(t *testing.T) {
	t.Parallel()
	inline := `<img src="data:image/png;base64,` + strings.Repeat("iVBORw0KGgo/", 300_000) + `==" alt="x">`
	text := `<p>The new basin opened on Monday after nine years of work in the old port of the town.</p>`
	xml := rssHead + `<item><title>Basin opens</title><link>https://gazette.example/1</link><description><![CDATA[` + inline + text + `]]></description></item>` +
		`<item><title>Ferry sails</title><link>https://gazette.example/2</link><description>The ferry sailed on Tuesday with nobody aboard but the crew.</description></item></channel></rss>`
	body, err := json.Marshal(map[string]any{"version": "https://jsonfeed.org/version/1.1", "title": "Gazette", "items": []any{
		map[string]any{"id": "1", "url": "https://gazette.example/1", "title": "Basin opens", "content_html": inline + text},
		map[string]any{"id": "2", "url": "https://gazette.example/2", "title": "Ferry sails", "content_html": "<p>The ferry sailed on Tuesday with nobody aboard but the crew.</p>"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	for name, raw := range map[string]string{"RSS": xml, "JSON": string(body), "JSON with escaped slashes": strings.ReplaceAll(string(body), "/", `\/`)} {
		e := feed(t, raw)
		if len(e.Articles) != 2 || e.Articles[0].Title != "Basin opens" || len(e.Articles[0].Points) == 0 || !strings.HasPrefix(e.Articles[0].Points[0], "The new basin opened") {
			t.Errorf("%s: %+v, %q", name, e.Articles, e.Warnings)
		}
		if len(e.Warnings) != 0 {
			t.Errorf("%s: warnings %q", name, e.Warnings)
		}
	}
}
