package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"courant/digest/smtpsink"
)

// sectioned is a feed whose items say what they belong to.
func (d *desk) sectioned(items ...[]string) {
	var b strings.Builder
	for i, words := range items {
		fmt.Fprintf(&b, `<item><title>%[2]s</title><link>%[1]s/s%[3]d</link><guid>s%[3]d</guid><description>&lt;ul&gt;&lt;li&gt;%[2]s, as the ministry said on Monday.&lt;/li&gt;&lt;li&gt;The council hears of number %[3]d today.&lt;/li&gt;&lt;/ul&gt;</description>`, d.feed.URL, words[0], i)
		for _, w := range words[1:] {
			fmt.Fprintf(&b, "<category>%s</category>", w)
		}
		b.WriteString("</item>")
	}
	d.feed.mu.Lock()
	defer d.feed.mu.Unlock()
	d.feed.pages["/sections.xml"] = `<rss version="2.0"><channel><title>Wire</title>` + b.String() + `</channel></rss>`
}

// told lists the headlines of a digest's plan with their sections.
func (d *desk) told() (all []string) {
	for line := range strings.Lines(d.must("plan", "--json")) {
		var slot struct {
			Articles []struct{ Title, Category string }
		}
		if err := json.Unmarshal([]byte(line), &slot); err != nil {
			d.t.Fatalf("%v: %s", err, line)
		}
		for _, a := range slot.Articles {
			all = append(all, a.Category+": "+a.Title)
		}
		break
	}
	return all
}

func TestRulesFileArticlesAndReadersOfAnyOfTheirCategoriesGetThem(t *testing.T) {
	t.Parallel()
	d := newDesk(t, smtpsink.Options{})
	d.sectioned([]string{"Regiment flies out", "Army life", "Abroad"}, []string{"Harvest ends early", "farming"}, []string{"Ministers meet again", "ABROAD"})
	d.configure()
	d.rewrite(`feed.xml", category: World}`, `sections.xml"}`)
	d.rewrite("categories: [World]", "categories: [Military, World]")
	d.rewrite("lists:\n", "categories:\n  World: [abroad]\n  Military: [army]\nlists:\n")
	d.must("readers", "import", d.write("readers.csv", "email,categories\nall@example.org,\nworld@example.org,World\nmilitary@example.org,Military\n"))
	d.must("fetch")
	if got, want := d.told(), []string{"Military: Regiment flies out", "World: Ministers meet again"}; !slices.Equal(got, want) {
		t.Errorf("plan tells %q, want %q", got, want)
	}
	// A rule that comes later finds what is there already.
	d.rewrite("World: [abroad]", "World: [abroad, farming]")
	d.must("fetch")
	if got := d.told(); !slices.Contains(got, "World: Harvest ends early") {
		t.Errorf("with another rule plan tells %q", got)
	}
	d.must("send", "morning")
	d.must("deliver", "--drain")
	for address, want := range map[string][]string{
		"all@example.org":      {"Military: Regiment flies out", "World: Harvest ends early", "World: Ministers meet again"},
		"world@example.org":    {"Military: Regiment flies out", "World: Harvest ends early", "World: Ministers meet again"},
		"military@example.org": {"Military: Regiment flies out"},
	} {
		var note struct {
			Articles []struct{ Title, Category string }
		}
		if err := json.Unmarshal([]byte(d.must("why", address, "--json")), &note); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, a := range note.Articles {
			got = append(got, a.Category+": "+a.Title)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s got %q, want %q", address, got, want)
		}
	}
}

func TestExtractShowsTermsAndTheRuleThatFiledThem(t *testing.T) {
	t.Parallel()
	d := newDesk(t, smtpsink.Options{})
	d.configure()
	d.rewrite("lists:\n", "categories:\n  Military: [army]\n  World: [abroad]\nlists:\n")
	page := d.write("page.html", `<!doctype html><title>Regiment flies out</title><meta property="article:section" content="Army life"><meta property="article:tag" content="abroad">
		<h1>Regiment flies out</h1><p>The regiment left for the islands on Monday after nine weeks of training.</p>`)
	said := d.must("extract", page)
	for _, want := range []string{"category     Military\n", "also in      World\n", "terms        Army life (section), abroad (tag)\n",
		`by rule      Military, as the section "Army life" has the word "army"`, `by rule      World, as the tag "abroad" has the word "abroad"`} {
		if !strings.Contains(said, want) {
			t.Errorf("extract lacks %q:\n%s", want, said)
		}
	}
	if said = d.must("extract", "--json", page); !strings.Contains(said, `"category":"Military","categories":["Military","World"],`) {
		t.Errorf("JSON says %s", said)
	}
	// Without a config the publisher's own words count. A broken one is told, and
	// one that was named must be there.
	d.write("courant.yaml", "name: [")
	if r := d.try("extract", page); r.code != exitDone || !strings.Contains(r.stdout, "category     Army life\n") || !strings.Contains(r.stderr, "has faults") {
		t.Errorf("%+v", r)
	}
	if err := os.Remove(filepath.Join(d.dir, "courant.yaml")); err != nil {
		t.Fatal(err)
	}
	sentence(t, d.try("extract", page), exitFailed, "there is no config at")
	if code, out, said := extracted(t, page); code != exitDone || !strings.Contains(out, "category     Army life\n") || said != "" {
		t.Errorf("%d %s %s", code, out, said)
	}
}

// rewrite changes the config for good.
func (d *desk) rewrite(was, is string) {
	d.t.Helper()
	text, err := os.ReadFile(filepath.Join(d.dir, "courant.yaml"))
	if err != nil || !strings.Contains(string(text), was) {
		d.t.Fatalf("the config has no %q: %v", was, err)
	}
	d.write("courant.yaml", strings.Replace(string(text), was, is, 1))
}
