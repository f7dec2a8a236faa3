package main

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"
)

// times and ports of a run.
var passing = regexp.MustCompile(`\d{4}-\d\d-\d\d \d\d:\d\d UTC|127\.0\.0\.1:\d+`)

func TestImportedArticlesAreListedShownAndSent(t *testing.T) {
	t.Parallel()
	d := newPressRoom(t)
	d.must("readers", "add", "ann@example.org")
	d.write("monday.json", `{"articles": [
  {"url": "https://news.example.com/fund", "title": "Fund reaches 38 million", "points": ["It has reached 38 million.", "Half of it goes north."],
   "author": "Ann Other", "image": {"url": "https://news.example.com/a.jpg", "width": 800, "height": 600, "alt": "A river"}},
  {"url": "https://news.example.com/hebrew", "title": "שלום לכולם", "category": "Local"}]}`)
	d.write("page.html", `<html><head><title>Bridge closes</title><link rel="canonical" href="https://news.example.com/bridge"></head><body><h1>Bridge closes</h1>
<p>The old bridge closes on Friday for repairs that will take the whole of the winter.</p></body></html>`)
	d.write("lines.json", d.must("extract", "--json", d.dir+"/page.html"))
	files := []string{"articles", "import", d.dir + "/monday.json", d.dir + "/lines.json"}
	if out := d.must(files...); out != "Newsroom CMS: 3 created, 0 updated, 0 unchanged, 0 kept\n" {
		t.Errorf("the first time: %s", out)
	}
	d.write("tuesday.json", `{"url": "https://news.example.com/later", "title": "Later"}`)
	if out := d.must(append(files, d.dir+"/tuesday.json", "--dry-run")...); out != "Newsroom CMS: 1 created, 0 updated, 3 unchanged, 0 kept (nothing was kept)\n" {
		t.Errorf("a dry run: %s", out)
	}
	if out := d.must(files...); out != "Newsroom CMS: 0 created, 0 updated, 3 unchanged, 0 kept\n" {
		t.Errorf("the second time: %s", out)
	}
	want := `1  WHEN  waiting    Newsroom CMS  World  2 feed  Fund reaches 38 million
   https://news.example.com/fund
2  WHEN  waiting    Newsroom CMS  World  none    שלום לכולם
   https://news.example.com/hebrew
3  WHEN  waiting    Newsroom CMS  World  1 lead  Bridge closes
   https://news.example.com/bridge
`
	if out := passing.ReplaceAllString(d.must("articles", "list"), "WHEN"); out != want {
		t.Errorf("the list:\n%s\nwant:\n%s", out, want)
	}
	var first struct {
		ID     int
		Status string
		Points []string
	}
	if out := d.must("articles", "list", "--json", "--limit", "1"); json.Unmarshal([]byte(out), &first) != nil || first.ID != 1 || first.Status != "waiting" || len(first.Points) != 2 {
		t.Errorf("as JSON: %s", out)
	}
	for flags, count := range map[string]int{
		"--points-from lead": 1, "--category world": 3, "--category Local": 0, "--since 1h": 3, "--source Wire": 0, "--limit 2": 2,
	} {
		if out := d.must(append([]string{"articles", "list", "--json"}, strings.Fields(flags)...)...); strings.Count(out, "\n") != count {
			t.Errorf("%s lists %d, want %d", flags, strings.Count(out, "\n"), count)
		}
	}
	d.must("send", "morning")
	d.must("articles", "correct", "https://news.example.com/fund", "It is 39 million.")
	want = `Fund reaches 38 million  article 1
  url          https://news.example.com/fund
  source       Newsroom CMS
  categories   World
  author       Ann Other
  first seen   WHEN
  image        https://news.example.com/a.jpg (800 x 600) “A river”
  points       the feed's own points
               • It has reached 38 million.
               • Half of it goes north.
  story        1
  edition      morning/1  WHEN  told to 1 reader
  correction   It is 39 million.  WHEN
`
	for _, key := range []string{"1", "http://www.news.example.com/fund?utm_source=x"} {
		if out := passing.ReplaceAllString(d.must("articles", "show", key), "WHEN"); out != want {
			t.Errorf("show %s:\n%s\nwant:\n%s", key, out, want)
		}
	}
	if out := d.must("articles", "show", "1", "--json"); strings.Count(out, "\n") != 1 || !strings.Contains(out, `"tellings":[{"digest":"morning","edition":1`) {
		t.Errorf("as JSON: %s", out)
	}
	d.write("monday.json", `{"url": "https://news.example.com/fund", "title": "Too late"}`)
	r := d.try("articles", "import", d.dir+"/monday.json")
	if r.code != exitDone || !strings.Contains(r.stdout, "1 kept") || !strings.Contains(r.stderr, "courant articles correct") {
		t.Errorf("%+v", r)
	}
}

func TestArticlesSayWhatIsWrongAndWhatToDo(t *testing.T) {
	t.Parallel()
	d := newPressRoom(t)
	d.write("bad.json", "{\"url\": \"https://news.example.com/a\", \"title\": \"A\"}\n{\"url\": \"nowhere\",\n \"headline\": \"B\"}\n")
	d.write("broken.json", "{\"url\": \n")
	r := d.try("articles", "import", d.dir+"/bad.json", d.dir+"/broken.json")
	for _, want := range []string{"bad.json:3: /headline: unknown field; did you mean \"title\"?", "bad.json:2: /url: readers cannot open this", "broken.json:2: the document ends", "nothing was kept"} {
		if r.code != exitFailed || !strings.Contains(r.stderr, want) {
			t.Errorf("no %q in %d %s", want, r.code, r.stderr)
		}
	}
	if out := d.must("articles", "list", "--json"); out != "" {
		t.Errorf("kept: %s", out)
	}
	d.write("good.json", `{"url": "https://news.example.com/harbour-closes", "title": "A"}`)
	d.must("articles", "import", d.dir+"/good.json", "--source", "Wire")
	sentence(t, d.try("articles", "show", "https://news.example.com/harbour-close"), exitFailed, "did you mean \"https://news.example.com/harbour-closes\"")
	sentence(t, d.try("articles", "show", "77"), exitFailed, "no article 77", "articles list")
	sentence(t, d.try("articles", "show", "harbour"), exitMisused, "neither an article's address nor its id")
	sentence(t, d.try("articles", "list", "--points-from", "leads"), exitMisused, "did you mean \"lead\"")
	sentence(t, d.try("articles", "list", "--since", "soon"), exitMisused, "--since soon")
	sentence(t, d.try("articles", "list", "--source", "Wirre"), exitMisused, "did you mean \"Wire\"")
	sentence(t, d.try("articles", "import", d.dir+"/none.json"), exitFailed, "none.json")
	sentence(t, d.try("articles", "import", d.dir+"/good.json", "--source", "CMS"), exitMisused, "Newsroom CMS")
	d.configure()
	sentence(t, d.try("articles", "import", d.dir+"/good.json"), exitMisused, "no source", "--source")
}

func TestImportThatWasKilledIsRunAgain(t *testing.T) {
	t.Parallel()
	d := newPressRoom(t)
	var lines strings.Builder
	for i := range 3000 {
		fmt.Fprintln(&lines, pushed(fmt.Sprintf("https://news.example.com/%d", i), fmt.Sprintf("Piece %d", i), "A point."))
	}
	d.write("many.json", lines.String())
	d.must("migrate")
	p := d.start("articles", "import", d.dir+"/many.json")
	for d.ids() == "" {
		select {
		case <-p.done:
		default:
			continue
		}
		break
	}
	// It is dead already where the machine is quick.
	_ = p.Process.Kill()
	d.must("articles", "import", d.dir+"/many.json")
	if out := d.must("articles", "import", d.dir+"/many.json"); !strings.Contains(out, "0 created, 0 updated, 3000 unchanged") {
		t.Error(out)
	}
}
