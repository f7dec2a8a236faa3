package ingest

import (
	"strings"
	"testing"
)

// signed is a page without an author in its data, with something between its
// headline and its first paragraph, behind its text and behind the article.
func signed(above, below, behind string) string {
	page := strings.Replace(bridgePage(above, below), "</main>", behind+"</main>", 1)
	return page
}

func TestAuthorIsWhoTheByLineNames(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct{ page, want string }{
		"a line":                         {signed(`<p>By Jane Porter</p>`, "", ""), "Jane Porter"},
		"a line in capitals":             {signed(`<p>BY JANE PORTER</p>`, "", ""), "JANE PORTER"},
		"a bold line":                    {signed(`<p><b>By Jane Porter</b></p>`, "", ""), "Jane Porter"},
		"a line behind the standfirst":   {signed(`<p>Cracks in the girders close the harbour bridge; ferries take over for a year.</p><p>By Jane Porter</p>`, "", ""), "Jane Porter"},
		"what she is":                    {signed(`<p>By Jane Porter, Harbour Correspondent</p>`, "", ""), "Jane Porter"},
		"what she is, on the next line":  {signed(`<p>By Jane Porter<br>Harbour Correspondent</p>`, "", ""), "Jane Porter"},
		"two":                            {signed(`<p>By Jane Porter and Tom Quay</p>`, "", ""), "Jane Porter, Tom Quay"},
		"three and what they are":        {signed(`<p>By Jane Porter, Tom Quay and Ann Pier, Business Editors</p>`, "", ""), "Jane Porter, Tom Quay, Ann Pier"},
		"a date behind a bar":            {signed(`<div>By Jane Porter | March 3, 2026</div>`, "", ""), "Jane Porter"},
		"a date in the line":             {signed(`<div>By Jane Porter March 3, 2026 10:00 am</div>`, "", ""), "Jane Porter"},
		"a date glued on":                {signed(`<div>By <span>Jane Porter</span><span>March 3, 2026</span></div>`, "", ""), "Jane Porter"},
		"a time glued on":                {signed(`<p>By <a href="/jane">Jane Porter</a><time>March 3, 2026</time></p>`, "", ""), "Jane Porter"},
		"minutes to read":                {signed(`<div class="byline">Jane Porter · 3 min read</div>`, "", ""), "Jane Porter"},
		"a date before":                  {signed(`<div class="byline">Published 3 March 2026 by Jane Porter</div>`, "", ""), "Jane Porter"},
		"two names without a by":         {signed(`<div class="article-byline">Jane Porter &amp; Tom Quay</div>`, "", ""), "Jane Porter, Tom Quay"},
		"a link to the author":           {signed(`<div><a rel="author" href="/jane">Jane Porter</a></div>`, "", ""), "Jane Porter"},
		"links to authors":               {signed(`<div>By <a rel="author" href="/j">Jane Porter</a>, <a rel="author" href="/t">Tom Quay</a></div>`, "", ""), "Jane Porter, Tom Quay"},
		"links within a by-line":         {signed(`<div class="byline">By <a href="/authors/jane">Jane Porter</a> in Port Example and <a href="/authors/tom">Tom Quay</a> at sea</div>`, "", ""), "Jane Porter, Tom Quay"},
		"an author's element":            {signed(`<span class="author">Jane Porter</span>`, "", ""), "Jane Porter"},
		"an author's name, role, date":   {signed(`<div class="author"><div class="author-name">Jane Porter</div><div class="author-role">Harbour Editor</div><div class="date">3 March</div></div>`, "", ""), "Jane Porter"},
		"an hCard":                       {signed(`<div class="byline author vcard">By <a class="url fn n" href="/jane">Jane Porter</a></div>`, "", ""), "Jane Porter"},
		"an hCard above the headline":    {strings.Replace(signed("", "", ""), "<h1>", `<header><span class="vcard"><a class="fn" href="/jane">Jane Porter</a></span></header><h1>`, 1), "Jane Porter"},
		"microdata":                      {signed(`<div itemprop="author" itemscope><a itemprop="url" href="/jane"><span itemprop="name">Jane Porter</span></a></div>`, "", ""), "Jane Porter"},
		"microdata and a date":           {signed(`<div itemprop="author">By Jane Porter<time>3 March 2026</time></div>`, "", ""), "Jane Porter"},
		"microdata, two":                 {signed(`<div itemprop="author">By Jane Porter and Tom Quay, Harbour Gazette</div>`, "", ""), "Jane Porter, Tom Quay"},
		"agencies behind the name":       {signed(`<div class="byline">By Jane Porter Reuters</div>`, "", ""), "Jane Porter"},
		"a box behind the text":          {signed("", `<div class="author-box"><img alt=""><h4 class="author-name">Jane Porter</h4><p>Jane has told the harbour's tales for many a year and lives on the north bank.</p></div>`, ""), "Jane Porter"},
		"a link behind the text":         {signed("", `<p class="posted">Posted by <a rel="author" href="/jane">Jane Porter</a></p>`, ""), "Jane Porter"},
		"written by":                     {signed(`<p>Written by Jane Porter</p>`, "", ""), "Jane Porter"},
		"words by":                       {signed(`<p>Words by Jane Porter</p>`, "", ""), "Jane Porter"},
		"initials and particles":         {signed(`<p>By J. P. van der Quay</p>`, "", ""), "J. P. van der Quay"},
		"apostrophes and hyphens":        {signed(`<p>By Mary-Ann O’Harbour</p>`, "", ""), "Mary-Ann O’Harbour"},
		"German":                         {signed(`<p>Von Anna Hafen</p>`, "", ""), "Anna Hafen"},
		"German, two":                    {signed(`<p>Von Anna Hafen und Jörg Kai, Lübeck</p>`, "", ""), "Anna Hafen, Jörg Kai"},
		"German, an article by":          {signed(`<p>Ein Beitrag von Anna Hafen</p>`, "", ""), "Anna Hafen"},
		"French":                         {signed(`<p>Par Anne Quai</p>`, "", ""), "Anne Quai"},
		"French, two":                    {signed(`<p>Par Anne Quai et Luc Port</p>`, "", ""), "Anne Quai, Luc Port"},
		"French, a date":                 {signed(`<p>Par Anne Quai, le 3 mars 2026 à 10h00</p>`, "", ""), "Anne Quai"},
		"Spanish":                        {signed(`<p>Por Ana Puerto</p>`, "", ""), "Ana Puerto"},
		"Portuguese":                     {signed(`<p>Por João Porto e Ana Cais</p>`, "", ""), "João Porto, Ana Cais"},
		"Italian":                        {signed(`<p>di Anna Porto</p>`, "", ""), "Anna Porto"},
		"Dutch":                          {signed(`<p>Door Jan de Haven</p>`, "", ""), "Jan de Haven"},
		"Norwegian":                      {signed(`<p>Av Kari Havn</p>`, "", ""), "Kari Havn"},
		"Danish":                         {signed(`<p>Af Karen Havn og Jens Kaj</p>`, "", ""), "Karen Havn, Jens Kaj"},
		"Swedish, a label":               {signed(`<p>Text: Åsa Hamn</p>`, "", ""), "Åsa Hamn"},
		"Polish, a label":                {signed(`<p>Autor: Anna Portowa</p>`, "", ""), "Anna Portowa"},
		"Russian, a label":               {signed(`<p>Автор: Анна Портова</p>`, "", ""), "Анна Портова"},
		"Japanese, an author's element":  {signed(`<span class="author">港 花子</span>`, "", ""), "港 花子"},
		"the data comes first":           {strings.Replace(signed(`<p>By Tom Quay</p>`, "", ""), "</head>", `<meta name="author" content="Jane Porter"></head>`, 1), "Jane Porter"},
		"commenters beside":              {signed(`<p>By Jane Porter</p>`, "", `<ol class="commentlist"><li class="comment"><div class="comment-author vcard"><cite class="fn">Troll Harbour</cite></div></li></ol>`), "Jane Porter"},
		"another by-line further down":   {signed(`<div><div><span class="author">Jane Porter</span></div></div><div><p><i><span class="author">Tom Quay</span></i></p></div>`, "", ""), "Jane Porter"},
		"another story's author behind":  {signed(`<p>By Jane Porter</p>`, "", `<article><h2>Tram line 9 returns to the market square</h2><span class="author">Tom Quay</span><p>The tram will run again from Monday.</p></article>`), "Jane Porter"},
		"an agency":                      {signed(`<p>By The Associated Press</p>`, "", ""), "The Associated Press"},
		"a graph's reference":            {strings.Replace(bridgePage("", ""), "</head>", `<script type="application/ld+json">{"@graph":[{"@type":"NewsArticle","headline":"x","author":[{"@id":"#j"},{"@id":"#gone"}]},{"@type":"Person","@id":"#j","name":"Jane Porter"}]}</script></head>`, 1), "Jane Porter"},
		"the photographer's line beside": {signed(`<figure><img src="b.jpg"><figcaption>By Tom Quay</figcaption></figure><p>By Jane Porter</p>`, "", ""), "Jane Porter"},
	} {
		if got := points(t, row.page).Author; got != row.want {
			t.Errorf("%s: %q, want %q", name, got, row.want)
		}
	}
}

func TestNobodyIsCalledTheAuthorWhoIsNot(t *testing.T) {
	t.Parallel()
	for name, page := range map[string]string{
		"nothing":                        signed("", "", ""),
		"the numbers":                    signed(`<p>By the Numbers</p>`, "", ""),
		"the numbers, in capitals":       signed(`<p>BY THE NUMBERS</p>`, "", ""),
		"a heading":                      signed(`<h2>By Land And Sea</h2>`, "", ""),
		"a deadline":                     signed(`<p>By Monday Morning</p>`, "", ""),
		"demand":                         signed(`<p>By Popular Demand</p>`, "", ""),
		"a beginning":                    signed(`<p>Von Anfang an ein Erfolg</p>`, "", ""),
		"the first time":                 signed(`<p>Por Primera Vez</p>`, "", ""),
		"a place":                        signed(`<p>Von Hamburg nach Lübeck</p>`, "", ""),
		"a sentence":                     signed(`<p>By Jane Porter's account the bridge was safe on Sunday.</p>`, "", ""),
		"a part of the text":             signed("", `<p>By Jane Porter</p>`, ""),
		"a photographer":                 signed(`<figure><figcaption>By Tom Quay</figcaption></figure>`, "", ""),
		"a photographer, named":          signed(`<p>Photo by Tom Quay</p>`, "", ""),
		"commenters":                     signed("", "", `<ol class="commentlist"><li class="comment"><div class="comment-author vcard"><cite class="fn">Tom Harbour</cite></div></li></ol>`),
		"commenters, a link":             signed("", "", `<div id="comments"><p><a rel="author" href="/tom">Tom Harbour</a> wrote:</p></div>`),
		"commenters, microdata":          signed("", "", `<div id="comments"><div itemprop="comment" itemscope><span itemprop="author">Tom Harbour</span> <p>What a bridge.</p></div></div>`),
		"commenters, a schema":           signed("", `<div itemscope itemtype="https://schema.org/Comment"><span itemprop="author" itemscope><b itemprop="name">Tom Harbour</b></span></div>`, ""),
		"related stories":                signed("", `<div class="related"><a href="/1">Tram line 9 returns</a><span class="byline">By Tom Quay</span></div>`, ""),
		"cards of other stories":         signed("", "", `<article><h3>Tram line 9 returns to the market square</h3><span class="author">Tom Quay</span></article>`),
		"cards without article elements": signed("", "", `<div class="list"><div><h3>Tram line 9 returns</h3><span class="author">Tom Quay</span></div><div><h3>Storm felled forty trees</h3><span class="author">Ann Pier</span></div></div>`),
		"the site itself":                signed(`<div class="byline">By Harbour Gazette</div>`, "", ""),
		"an account":                     signed(`<span class="author">admin</span>`, "", ""),
		"an address":                     signed(`<span class="author">jane@example.org</span>`, "", ""),
		"a button":                       signed(`<div class="author"><a href="/follow">Follow</a></div>`, "", ""),
		"more of somebody":               signed("", `<div class="author"><a href="/all">View all posts</a></div>`, ""),
		"a date only":                    signed(`<div class="byline">March 3, 2026 10:00 am</div>`, "", ""),
		"minutes only":                   signed(`<div class="byline">3 min read</div>`, "", ""),
		"somebody quoted":                signed(`<blockquote><p>Nobody takes a ferry for a loaf.</p><cite class="author">Tom Harbour</cite></blockquote>`, "", ""),
		"the menu's columnists":          strings.Replace(signed("", "", ""), "<main>", `<div class="menu"><a rel="author" href="/tom">Tom Quay</a></div><main>`, 1),
		"the sidebar's columnist":        signed("", "", `<aside><h4>Our columnist</h4><span class="author">Tom Quay</span></aside>`),
		"a box of a footer":              strings.Replace(signed("", "", ""), "<footer>", `<footer><span class="author">Tom Quay</span>`, 1),
		"hidden":                         signed(`<div style="display:none"><span class="author">Tom Quay</span></div>`, "", ""),
		"all of somebody's":              signed(`<div class="author"><a href="/authors/jane">Alle Beiträge</a></div>`, "", ""),
		"a card above the text":          signed(`<div><div><h3>Tram line 9 returns to the market square</h3><span class="author">Tom Quay</span></div></div>`, "", ""),
		"a card without a heading":       signed("", `<article><a href="/1">Tram line 9 returns to the market square</a> <span class="author">Tom Quay</span></article>`, ""),
		"the next story":                 signed("", `<h1>Orchestra plays Mahler to a hall full of schoolchildren</h1><span class="author">Tom Quay</span><p>Violins and trumpets sounded through the concert room while the pupils listened in silence.</p><p>The conductor explained each movement before the musicians began, and answered what teachers asked.</p>`, ""),
		"a month":                        signed(`<p>March Madness Harbour</p>`, "", ""),
		"of a house":                     signed(`<div class="author">Da Redação</div>`, "", ""),
		"a desk":                         signed(`<div class="byline">By Harbour News Desk</div>`, "", ""),
		"what somebody is":               signed(`<div class="author"><b>Harbour Editor</b></div>`, "", ""),
		"by nobody":                      signed(`<div itemprop="author">von</div>`, "", ""),
		"a life":                         signed("", `<div class="author">Jane Porter has told the tales of the harbour for forty years and lives with two cats on the north bank of the river</div>`, ""),
	} {
		if got := points(t, page).Author; got != "" {
			t.Errorf("%s: %q", name, got)
		}
	}
}
