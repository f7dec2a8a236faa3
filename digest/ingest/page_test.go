package ingest

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestHeadlinesComeWithoutTheSitesName(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ html, want string }{
		"h1 and title agree":        {`<title>Bridge closes for a year - Gazette</title><h1>Bridge closes for a year</h1>`, "Bridge closes for a year"},
		"the first h1 is the site":  {`<title>Bridge closes for a year | Harbour Gazette</title><meta property="og:site_name" content="Harbour Gazette"><h1>Harbour Gazette</h1><h1>Bridge closes for a year</h1>`, "Bridge closes for a year"},
		"the site is the only h1":   {`<title>bridge closes for a year | harbour gazette</title><link rel="canonical" href="https://harbourgazette.example/1"><h1><a href="/">harbour gazette</a></h1><h2>bridge closes for a year</h2>`, "bridge closes for a year"},
		"og:title is shortened":     {`<meta property="og:title" content="Bridge closes after cracks"><h1>Bridge closes after cracks were found in two girders</h1>`, "Bridge closes after cracks were found in two girders"},
		"og:title is another":       {`<title>How big is the bridge, really? - Gazette</title><meta property="og:title" content="6 numbers that show the bridge's size"><h1>How big is the bridge, really?</h1>`, "How big is the bridge, really?"},
		"title is another":          {`<title>Why the bridge closes</title><meta property="og:title" content="Commuters face a year of ferries as girders crack"><h1>Commuters face a year of ferries as girders crack</h1>`, "Commuters face a year of ferries as girders crack"},
		"a label in the h1":         {`<meta name="citation_title" content="Cracks in Girders of Steel"><h1>Engineering</h1><h1><span>Title:</span>Cracks in Girders of Steel</h1>`, "Cracks in Girders of Steel"},
		"the site, named nowhere":   {`<title>Bridge closes for a year | Harbour Gazette</title><h1><a href="/">Harbour Gazette</a></h1><h2>Bridge closes for a year</h2>`, "Bridge closes for a year"},
		"no h1":                     {`<title>Bridge closes for a year - Gazette</title><meta property="og:site_name" content="Gazette"><p>x</p>`, "Bridge closes for a year"},
		"the site before it":        {`<title>Gazette: Bridge closes for a year</title><meta property="og:site_name" content="Gazette">`, "Bridge closes for a year"},
		"a dash of its own":         {`<title>Bridge closes - and ferries take over | Gazette</title><meta property="og:site_name" content="Gazette"><h1>Bridge closes - and ferries take over</h1>`, "Bridge closes - and ferries take over"},
		"value instead of content":  {`<meta name="og:title" value="Bridge closes for a year">`, "Bridge closes for a year"},
		"a manual":                  {`<title>Bridges: building them — Manual of Harbours</title><h1><a href="/">Manual of Harbours</a></h1><h1>Bridges: building them<a href="#x">¶</a></h1>`, "Bridges: building them"},
		"broken over elements":      {`<title>Bridge closes for a year</title><h1><div>Bridge closes</div><div>for a year</div></h1>`, "Bridge closes for a year"},
		"JSON-LD":                   {`<script type="application/ld+json">{"@type":"NewsArticle","headline":"Bridge closes for a year"}</script>`, "Bridge closes for a year"},
		"an h1 in the navigation":   {`<title>Bridge closes for a year</title><nav><h1>Menu of the bridge</h1></nav><h1>Bridge closes for a year</h1>`, "Bridge closes for a year"},
		"a script as its headline":  {`<h1>Bridge <script>alert(1)</script>closes for a year</h1>`, "Bridge closes for a year"},
		"markup in its description": {`<meta property="og:title" content="Bridge &lt;b&gt;closes&lt;/b&gt; for a year">`, "Bridge closes for a year"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if a := points(t, "<html><body>"+test.html); a.Title != test.want {
				t.Errorf("%q, want %q", a.Title, test.want)
			}
		})
	}
}

func TestMetadataIsReadWhereverItStands(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 2, 8, 15, 0, 0, time.UTC)
	pages := map[string]string{
		"Open Graph": `<html lang="en_GB"><meta property="article:section" content="City"><meta property="article:published_time" content="2026-03-02T08:15:00Z"><meta property="article:author" content="https://facebook.example/ann"><meta name="author" content="By Ann Example">`,
		"in value":   `<html lang="en-GB"><meta name="og:article:section" value="City"><meta name="og:article:published_time" value="2026-03-02T08:15:00+00:00"><meta name="og:article:author" value="Ann Example">`,
		"JSON-LD":    `<html lang="en-GB"><script type="application/ld+json">{"@graph":[{"@type":"WebSite","name":"x"},{"@type":["NewsArticle"],"headline":"Bridge","articleSection":["City","World"],"datePublished":"2026-03-02T09:15:00+01:00","author":[{"@type":"Person","name":"Ann Example"}]}]}</script>`,
		"broken JSON": `<html lang="en-GB"><script type="application/ld+json">//<![CDATA[
{"@type":"NewsArticle","headline":"Bridge","articleSection":"City","datePublished":"2026-03-02T08:15:00Z"
 "author":{"name":"Ann Example"},}
//]]></script>`,
		"hopeless JSON": `<html lang="en-GB"><script type="application/ld+json">{"@type":"NewsArticle","articleSection":"City","datePublished":"2026-03-02T08:15:00Z","body":"a "quoted" word</script><meta name="author" content="Ann Example">`,
		"microdata":     `<html lang="en-GB"><body itemscope><meta itemprop="articleSection" content="City"><time itemprop="datePublished" datetime="2026-03-02T08:15:00Z">x</time><span itemprop="author" itemscope><span itemprop="name">Ann Example</span></span>`,
		"analytics":     `<html lang="en-GB"><meta name="parsely-section" content="City"><meta name="parsely-pub-date" content="2026-03-02T08:15:00Z"><meta name="parsely-author" content="Ann Example">`,
	}
	for name, head := range pages {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := points(t, head+"<h1>"+bridgeTitle+"</h1>"+bridgeBody)
			if a.Category != "City" || a.Author != "Ann Example" || !a.Published.Equal(at) || a.Language != "en-GB" {
				t.Errorf("category %q, author %q, published %s, language %q", a.Category, a.Author, a.Published, a.Language)
			}
		})
	}
}

func TestPageAddressesAreLinkAndIdentity(t *testing.T) {
	t.Parallel()
	page := func(head string) string {
		return `<html><head>` + head + `</head><body><h1>` + bridgeTitle + `</h1>` + bridgeBody
	}
	tests := map[string]struct{ head, address, open, identity string }{
		"canonical, no address":     {`<link rel="canonical" href="https://www.gazette.example/bridge">`, "", "https://www.gazette.example/bridge", "https://gazette.example/bridge"},
		"address only":              {``, "http://www.gazette.example/bridge?utm_source=x&p=1", "http://www.gazette.example/bridge?p=1", "https://gazette.example/bridge?p=1"},
		"both":                      {`<link rel="canonical" href="/bridge">`, "https://gazette.example/bridge?print=1", "https://gazette.example/bridge?print=1", "https://gazette.example/bridge"},
		"canonical is front page":   {`<link rel="canonical" href="https://gazette.example/">`, "https://gazette.example/bridge", "https://gazette.example/bridge", "https://gazette.example/bridge"},
		"canonical is a script":     {`<link rel="canonical" href="javascript:alert(1)">`, "https://gazette.example/bridge", "https://gazette.example/bridge", "https://gazette.example/bridge"},
		"og:url":                    {`<meta property="og:url" content="https://gazette.example/bridge">`, "", "https://gazette.example/bridge", "https://gazette.example/bridge"},
		"nothing is known":          {``, "", "", ""},
		"a base element, no origin": {`<base href="https://gazette.example/city/"><link rel="canonical" href="bridge">`, "", "https://gazette.example/city/bridge", "https://gazette.example/city/bridge"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, err := Extract("fixture", []byte(page(test.head)), Options{Address: test.address})
			if err != nil {
				t.Fatal(err)
			}
			if a := e.Articles[0]; a.URL != test.open || a.Canonical != test.identity {
				t.Errorf("%q and %q", a.URL, a.Canonical)
			}
		})
	}
}

func TestImagesAreWebAddressesOnly(t *testing.T) {
	t.Parallel()
	base, _ := url.Parse("https://gazette.example/a/b")
	for link, want := range map[string]string{"../img/1.jpg": "https://gazette.example/img/1.jpg", "//cdn.example/1.jpg": "https://cdn.example/1.jpg", "javascript:alert(1)": "", "data:image/png;base64,x": "", "": "", "file:///etc/passwd": ""} {
		if got := absolute(base, link); got != want {
			t.Errorf("%q is %q, want %q", link, got, want)
		}
	}
}

func TestDeepPagesGiveAWarningAndTheirText(t *testing.T) {
	t.Parallel()
	for _, deep := range []string{strings.Repeat("<div>", 3000), strings.Repeat("<div><b>", 800), strings.Repeat("<span>", 600) + strings.Repeat("<section>", 600)} {
		page := `<html><head><title>` + bridgeTitle + `</title></head><body><h1>` + bridgeTitle + `</h1>` + listOf(`<ul class="key-points">`, bridgePoints...) + deep + bridgeBody
		e, err := Extract("fixture", []byte(page), Options{})
		if err != nil {
			t.Fatal(err)
		}
		if a := e.Articles[0]; a.Title != bridgeTitle || len(a.Points) != 3 || len(e.Warnings) != 1 || a.Lead == "" {
			t.Errorf("title %q, points %q, lead %q, warnings %q", a.Title, a.Points, a.Lead, e.Warnings)
		}
	}
}

// hostilePages are 5 MB each of what makes HTML parsers slow.
func hostilePages() map[string]string {
	const size = 5 << 20
	pages := map[string]string{}
	for _, unit := range []string{"<div>", "<b>", "<a href=x>", "<table><tr><td>", "<table><b>", "<p><b>", "<b><p></b>", "<ul><li>", "<ul><li>word word word ", "x</p>",
		"<span class=key-points>", "<li class=summary>a b c d e f", "<p>• a b c d e f g</p>", "<h1>a</h1>", "<svg>", "<math><mi>", "<", "&amp;", "<!--", "<select>", "<p a=1 b=2>",
		"<time datetime=x>", "<meta name=a content=b>", "<script type=application/ld+json>[[[[</script>", "a. B. ", "• ", "<br>", "— - | "} {
		pages[unit] = "<html><body>" + strings.Repeat(unit, size/len(unit))
	}
	var b strings.Builder
	for i := 0; b.Len() < size; i++ {
		fmt.Fprintf(&b, "<body a%d=1>", i)
	}
	pages["body attributes"] = b.String()
	return pages
}

func TestHostilePagesNeverGiveNothing(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("reads 150 MB of hostile pages")
	}
	for name, page := range hostilePages() {
		e, err := Extract(name, []byte(page), Options{Address: "https://gazette.example/"})
		if err != nil || len(e.Articles) != 1 {
			t.Errorf("%s: %v, %d articles", name, err, len(e.Articles))
		}
	}
}

func TestWhatIsNoDocumentIsRefused(t *testing.T) {
	t.Parallel()
	for _, data := range []string{"", " \n\t", "%PDF-1.7\n%\x80", "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01", "PK\x03\x04\x14\x00\x00\x00\x08\x00"} {
		if e, err := Extract("fixture", []byte(data), Options{}); err == nil {
			t.Errorf("%q was read as %s", data, e.Kind)
		}
	}
}
