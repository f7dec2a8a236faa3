package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// firstPlanned is the first slot of a plan.
type firstPlanned struct {
	Articles []struct{ Title, Why string }
	LeftOut  []struct{ Title, Why string } `json:"left_out"`
	Variants int
}

func (d *desk) planned() (p firstPlanned) {
	d.t.Helper()
	line, _, _ := strings.Cut(d.must("plan", "--json"), "\n")
	if err := json.Unmarshal([]byte(line), &p); err != nil {
		d.t.Fatal(err)
	}
	return p
}

func (p firstPlanned) titles() (list []string) {
	for _, a := range p.Articles {
		list = append(list, a.Title)
	}
	return list
}

func (p firstPlanned) leftOut() map[string]string {
	why := map[string]string{}
	for _, l := range p.LeftOut {
		why[l.Title] = l.Why
	}
	return why
}

// bring imports articles with these titles into a source, the first as the
// newest.
func (d *desk) bring(source string, titles ...string) {
	d.t.Helper()
	var lines strings.Builder
	for _, title := range titles {
		fmt.Fprintf(&lines, `{"url": "https://news.example.com/%s", "title": %q, "category": "World"}`+"\n", strings.ToLower(strings.Fields(title)[0]), title)
	}
	d.must("articles", "import", d.write("bring.json", lines.String()), "--source", source)
}

func TestPinnedAndDroppedStoriesInPlanMailAndWhy(t *testing.T) {
	t.Parallel()
	d := newPressRoom(t)
	d.must("readers", "add", "ann@example.org")
	d.bring("Newsroom CMS", "Harbour closes for repairs", "Bridge opens after eleven years", "Lighthouse is up for sale", "Quotas are cut by half")
	if said := d.must("articles", "drop", "https://news.example.com/harbour", "--by", "Ann Other"); said != "dropped for every digest, by Ann Other: Harbour closes for repairs\n" {
		t.Errorf("said %q", said)
	}
	said := d.must("articles", "pin", "https://news.example.com/quotas", "--digest", "morning", "--until", "3d", "--by", "Ann Other")
	if !strings.HasPrefix(said, "pinned for morning until ") || !strings.HasSuffix(said, " UTC, by Ann Other: Quotas are cut by half\n") {
		t.Errorf("said %q", said)
	}
	d.withConfig("max_articles: 10", "max_articles: 2", func() {
		p := d.planned()
		if got := p.titles(); !slices.Equal(got, []string{"Quotas are cut by half", "Bridge opens after eleven years"}) {
			t.Errorf("plan tells %q", got)
		}
		if !strings.HasPrefix(p.Articles[0].Why, "number 1 of 4, pinned by an editor, first seen ") || !strings.HasPrefix(p.Articles[1].Why, "number 3 of 4 by newness") {
			t.Errorf("because %+v", p.Articles)
		}
		left := p.leftOut()
		if left["Harbour closes for repairs"] != "dropped by an editor" || left["Lighthouse is up for sale"] != "over max_articles (2)" || len(left) != 2 {
			t.Errorf("plan leaves out %q", left)
		}
		if said := d.must("preview", "morning", "--for", "ann@example.org", "--out", d.dir); !strings.Contains(said, "dropped by an editor") || !strings.Contains(said, "over max_articles (2)") {
			t.Errorf("preview:\n%s", said)
		}
		d.must("send", "morning")
	})
	why := d.must("why", "ann@example.org")
	for _, want := range []string{"Quotas are cut by half", "Bridge opens after eleven years", "left out: dropped by an editor", "left out: over max_articles (2)"} {
		if !strings.Contains(why, want) {
			t.Errorf("why does not say %q:\n%s", want, why)
		}
	}
	// What had no place is told by the next edition if it is pinned, and once.
	d.must("articles", "pin", "https://news.example.com/lighthouse")
	if said := d.must("send", "morning"); !strings.Contains(said, "1 accepted") {
		t.Errorf("the second time: %s", said)
	}
	if said := d.must("send", "morning"); !strings.Contains(said, "nothing was sent: below min_articles: 0 of 1") {
		t.Errorf("the third time: %s", said)
	}
	inbox := d.sink.To("ann@example.org")
	if len(inbox) != 2 || !strings.Contains(string(inbox[0].Body), "Subject: Morning Brief: Quotas are cut by half") || !strings.Contains(string(inbox[1].Body), "Subject: Morning Brief: Lighthouse is up for sale") {
		t.Errorf("%d mails came", len(inbox))
	}
	d.must("articles", "undrop", "https://news.example.com/harbour")
	d.must("articles", "pin", "https://news.example.com/harbour", "--by", "Bob")
	if said := d.must("send", "morning"); !strings.Contains(said, "1 accepted") {
		t.Errorf("after the drop was taken back: %s", said)
	}
	shown := d.must("articles", "show", "https://news.example.com/harbour")
	for _, want := range []string{"  pinned       for every digest until ", ", by Bob, ", "  dropped      for every digest, by Ann Other, ", "; taken back by ", "left out: dropped by an editor", "told to 1 reader"} {
		if !strings.Contains(shown, want) {
			t.Errorf("show does not say %q:\n%s", want, shown)
		}
	}
	if shown := d.must("articles", "show", "https://news.example.com/harbour", "--json"); strings.Count(shown, `"kind":"`) != 2 || !strings.Contains(shown, `"kind":"drop","digest":"","until":null,"by":"Ann Other"`) {
		t.Errorf("as JSON: %s", shown)
	}
}

func TestLimitsAndRankInPlanAndWhy(t *testing.T) {
	t.Parallel()
	d := newPressRoom(t)
	d.must("readers", "add", "ann@example.org")
	d.bring("Newsroom CMS", "Harbour closes for repairs", "Bridge opens after eleven years", "Lighthouse is up for sale")
	d.bring("Wire", "Lighthouse is up for sale", "Quotas are cut by half")
	d.withConfig("    max_articles: 10", "    max_articles: 10\n    order: ranked\n    half_life: 6h\n    max_per_source: 1", func() {
		p := d.planned()
		// Two sources tell of the lighthouse; then the newer source has its one place.
		if got := p.titles(); !slices.Equal(got, []string{"Lighthouse is up for sale", "Quotas are cut by half"}) {
			t.Errorf("plan tells %q", got)
		}
		if why := p.Articles[0].Why; !strings.HasPrefix(why, "number 1 of 4 by rank ") || !strings.Contains(why, "(2 sources, freshness ") {
			t.Errorf("because %q", why)
		}
		left := p.leftOut()
		if left["Harbour closes for repairs"] != "over max_per_source (1)" || left["Bridge opens after eleven years"] != "over max_per_source (1)" {
			t.Errorf("plan leaves out %q", left)
		}
		if said := d.must("check"); strings.Contains(said, "half_life") {
			t.Errorf("check:\n%s", said)
		}
		d.must("send", "morning")
	})
	if why := d.must("why", "ann@example.org"); !strings.Contains(why, "left out: over max_per_source (1)") {
		t.Errorf("why:\n%s", why)
	}
}

func TestMarksSayWhatIsWrongAndWhatToDo(t *testing.T) {
	t.Parallel()
	d := newPressRoom(t)
	d.bring("Newsroom CMS", "Harbour closes for repairs")
	const harbour = "https://news.example.com/harbour"
	sentence(t, d.try("articles", "pin", "https://news.example.com/harbor"), exitFailed, "did you mean \""+harbour+"\"")
	sentence(t, d.try("articles", "drop", "77"), exitFailed, "no article 77", "articles list")
	sentence(t, d.try("articles", "drop", "harbour"), exitMisused, "neither an article's address nor its id")
	sentence(t, d.try("articles", "pin", harbour, "--digest", "mornin"), exitMisused, "did you mean \"morning\"")
	sentence(t, d.try("articles", "pin", harbour, "--until", "soon"), exitMisused, "--until \"soon\" is no time")
	sentence(t, d.try("articles", "pin", harbour, "--until", "2020-01-01"), exitMisused, "2020-01-01 has passed")
	sentence(t, d.try("articles", "pin", harbour, "--by", " "), exitMisused, "--by")
	sentence(t, d.try("articles", "unpin", harbour), exitFailed, "is not pinned", "articles show")
	sentence(t, d.try("articles", "undrop", harbour), exitFailed, "is not dropped")
	d.must("articles", "drop", harbour)
	sentence(t, d.try("articles", "pin", harbour, "--digest", "morning"), exitFailed, "a drop wins over a pin", "articles undrop "+harbour)
	sentence(t, d.try("articles", "undrop", harbour, "--digest", "morning"), exitFailed, "but for every digest", "courant articles undrop "+harbour)
	if said := d.must("articles", "undrop", harbour); said != "no longer dropped for every digest\n" {
		t.Errorf("said %q", said)
	}
	if !strings.Contains(d.must("plan", "--json"), "Harbour") {
		t.Error("what was dropped is not chosen again")
	}
	// What a mark won't do is said with it.
	d.write("local.token", cmsToken+"-local\n")
	d.sourced("  - {name: Local wire, push: true, token_file: local.token, category: Local}\n")
	d.withConfig("categories: [World]", "categories: [Local]", func() {
		if r := d.try("articles", "pin", harbour, "--digest", "morning"); r.code != exitDone || !strings.Contains(r.stderr, "morning won't choose it: its categories (World) are none of the digest's") {
			t.Errorf("%+v", r)
		}
	})
	d.must("readers", "add", "ann@example.org")
	d.must("send", "morning")
	if r := d.try("articles", "drop", harbour); r.code != exitDone || !strings.Contains(r.stderr, "courant articles correct") {
		t.Errorf("%+v", r)
	}
}

func TestPinHoldsUntilItsTime(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"36h": "2026-03-04T00:00:00Z", "3d": "2026-03-05T12:00:00Z", "2026-03-02": "2026-03-02T23:00:00Z", "2026-03-28": "2026-03-28T23:00:00Z",
		"2026-03-29": "2026-03-29T22:00:00Z", "2026-03-30 07:00": "2026-03-30T05:00:00Z", "07:00": "2026-03-03T06:00:00Z", "2026-03-30T07:00:00Z": "2026-03-30T07:00:00Z",
	} {
		if got, err := readUntil(text, now, berlin); err != nil || got.UTC().Format(time.RFC3339) != want {
			t.Errorf("until %s is %s, %v, want %s", text, got.UTC(), err, want)
		}
	}
}
