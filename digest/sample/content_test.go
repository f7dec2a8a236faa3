package sample

import (
	"bytes"
	"fmt"
	"image/png"
	"io/fs"
	"os"
	"path"
	"strings"
	"testing"
	"testing/fstest"
	"unicode"
)

// largestPicture is what a picture may weigh: the demo's pages and mails are
// looked at over slow lines, too.
const largestPicture = 80_000

func whole(t *testing.T) *collection {
	t.Helper()
	c, err := readCollection(content)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestContentIsWhole(t *testing.T) {
	t.Parallel()
	c := whole(t)
	if len(c.publications) < 4 {
		t.Errorf("%d publications; the press has four or more", len(c.publications))
	}
	for _, a := range c.articles {
		name := a.path()
		if n := a.words(); n < 250 || n > 500 {
			t.Errorf("%s has %d words, not 250 to 500", name, n)
		}
		if !strings.Contains("Politics Science Culture", a.Category) {
			t.Errorf("%s has the category %q", name, a.Category)
		}
		if a.Language != c.publication(a.Publication).Language {
			t.Errorf("%s is written in %q, its publication in %q", name, a.Language, c.publication(a.Publication).Language)
		}
		if n := len(a.Points); n == 1 || n > 5 {
			t.Errorf("%s has %d key points", name, n)
		}
		for _, point := range a.Points {
			if len(strings.Fields(point)) < 7 || !strings.HasSuffix(point, ".") {
				t.Errorf("%s has a key point that is no sentence: %q", name, point)
			}
		}
		if a.Language == "de" && !strings.ContainsAny(text(a), "äöüß") {
			t.Errorf("%s is German without umlauts", name)
		}
		if strings.ContainsAny(text(a), `"'<>`) || strings.Contains(text(a), "\ufffd") {
			t.Errorf("%s has typewriter quotes or markup in its text", name)
		}
	}
}

// text is all a reader sees of an article.
func text(a *article) string {
	parts := append([]string{a.Headline, a.Description, a.Alt, a.Caption}, a.Points...)
	for _, b := range a.Body {
		parts = append(parts, b.Text)
	}
	return strings.Join(parts, "\n")
}

func TestFirstEditionShowsEveryKind(t *testing.T) {
	t.Parallel()
	c := whole(t)
	batches, kinds := map[int]int{}, map[string]int{}
	count := func(kind string, is bool) {
		if is {
			kinds[kind]++
		}
	}
	for _, a := range c.articles {
		batches[a.Batch]++
		count("compound", strings.ContainsFunc(a.Headline, unicode.IsLetter) && longestWord(a.Headline) >= 25)
		count("number and currency", strings.ContainsAny(a.Headline, "€") && strings.ContainsAny(a.Headline, "0123456789"))
		count("quotation marks and ampersand", strings.Contains(a.Headline, "“") && strings.Contains(a.Headline, "&"))
		if a.Batch != 1 {
			continue
		}
		kinds[a.Category+" in "+a.Language]++
		kinds[string(a.Markup)]++
		kinds[string(a.Feed)]++
		count("paywalled", a.Paywalled && len(a.Points) > 0)
		count("pictured", a.Picture != "")
	}
	if fmt.Sprint(batches) != "map[1:11 2:5 3:3]" {
		t.Errorf("the batches are %v", batches)
	}
	for _, kind := range []string{"Politics in en", "Politics in de", "Science in en", "Science in de", "Culture in en", "Culture in de", "headed", "summary",
		"none", "teaser", "full", "paywalled", "pictured", "compound", "number and currency", "quotation marks and ampersand"} {
		if kinds[kind] == 0 {
			t.Errorf("no article shows what this is like: %s", kind)
		}
	}
}

func longestWord(s string) int {
	n := 0
	for word := range strings.FieldsSeq(s) {
		n = max(n, len([]rune(word)))
	}
	return n
}

func TestPicturesAreSmallAndDrawn(t *testing.T) {
	t.Parallel()
	used := map[string]bool{}
	c := whole(t)
	for _, a := range c.articles {
		used[a.Picture] = true
	}
	for name, pic := range c.pictures {
		img, err := png.Decode(bytes.NewReader(pic.Bytes))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if size := img.Bounds().Size(); size.X != 1200 || size.Y != 675 || pic.Width != 1200 || pic.Height != 675 {
			t.Errorf("%s is %v", name, size)
		}
		if len(pic.Bytes) > largestPicture {
			t.Errorf("%s has %d bytes", name, len(pic.Bytes))
		}
		if !used[name] {
			t.Errorf("%s stands in no article", name)
		}
		if _, err := os.Stat(path.Join("content/pictures", strings.TrimSuffix(name, ".png")+".svg")); err != nil {
			t.Errorf("%s has no drawing it was made from: %v", name, err)
		}
	}
}

const goodFile = `---
headline: A headline
category: Science
language: en
author: A Name
batch: 1
age: 2h
description: What it says.
markup: headed
feed: summary
points:
- One point: it has a colon.
- Another point.
---
A paragraph
over two lines.

## A heading

The end.
`

func TestArticleFileIsReadStrictly(t *testing.T) {
	t.Parallel()
	a, err := readArticle("paper", "slug", goodFile)
	if err != nil {
		t.Fatal(err)
	}
	if len(a.Points) != 2 || a.Points[0] != "One point: it has a colon." {
		t.Errorf("points %q", a.Points)
	}
	if want := []block{{false, "A paragraph over two lines."}, {true, "A heading"}, {false, "The end."}}; fmt.Sprint(a.Body) != fmt.Sprint(want) {
		t.Errorf("body %v", a.Body)
	}
	for _, c := range []struct{ old, new, want string }{
		{"---\nheadline", "headline", "the first line is not ---"},
		{"\n---\nA paragraph", "\nA paragraph", "the head has no end"},
		{"author:", "auther:", `there is no key "auther"`},
		{"author: A Name", "author:", "author is empty"},
		{"author: A Name\n", "", "are needed"},
		{"batch: 1", "batch: 1\nbatch: 1", "batch is given twice"},
		{"batch: 1", "batch: one", "invalid syntax"},
		{"batch: 1", "batch: 4", "batch 4 is not 1 to 3"},
		{"batch: 1", "batch: 2", "an age is for the first batch"},
		{"age: 2h\n", "", "an age is for the first batch"},
		{"age: 2h", "age: two hours", "invalid duration"},
		{"markup: headed", "markup: table", `markup "table" is not known`},
		{"feed: summary", "feed: all", `feed "all" is not known`},
		{"markup: headed", "markup: none", "the points are shown nowhere"},
		{"- One point: it has a colon.\n- Another point.\n", "", "there are no points to show"},
		{"points:\n", "points: these\n", "points are a list"},
		{"- Another point.", "Another point.", "neither key: value nor a point"},
		{"description: What it says.\n", "", "needs a description"},
		{"feed: summary", "feed: full\npaywalled: true", "not given away"},
		{"feed: summary", "feed: summary\npicture: a.png", "a picture and its alt text come together"},
	} {
		if !strings.Contains(goodFile, c.old) {
			t.Fatalf("the good file has no %q", c.old)
		}
		_, err := readArticle("paper", "slug", strings.Replace(goodFile, c.old, c.new, 1))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q for %q: %v, want %q", c.new, c.old, err, c.want)
		}
	}
}

func TestFaultyContentIsRefusedWithItsFile(t *testing.T) {
	t.Parallel()
	const papers, good = "content/publications.json", "content/articles/paper/good.txt"
	for _, c := range []struct{ name, text, want string }{
		{papers, `[{"Slug": "paper", "Nmae": "x"}]`, "publications.json"},
		{papers, `[{"Slug": "paper"}] []`, "something follows the list"},
		{papers, `[{"Slug": "absent"}]`, "content/articles/absent"},
		{good, "no head", "content/articles/paper/good.txt: the first line"},
		{good, strings.Replace(goodFile, "feed:", "picture: no.png\nalt: Nothing\nfeed:", 1), "there is no picture no.png"},
		{"content/articles/paper/notes.md", "", "an article is a .txt file"},
		{"content/pictures/a.png", "no picture", "content/pictures/a.png"},
	} {
		files := fstest.MapFS{papers: {Data: []byte(`[{"Slug": "paper"}]`)}, good: {Data: []byte(goodFile)}}
		if _, err := readCollection(files); err != nil {
			t.Fatal(err)
		}
		files[c.name] = &fstest.MapFile{Data: []byte(c.text)}
		if _, err := readCollection(files); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

func FuzzReadArticle(f *testing.F) {
	f.Add(goodFile)
	f.Add("---\n---\n")
	names, err := fs.Glob(content, "content/articles/*/*.txt")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range names {
		text, err := fs.ReadFile(content, name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	f.Fuzz(func(t *testing.T, text string) {
		a, err := readArticle("paper", "slug", text)
		if err == nil && (a.Headline == "" || a.Batch < 1 || a.Batch > lastBatch) {
			t.Errorf("%+v was let through", a)
		}
	})
}

// words counts the words of the text itself, without headings.
func (a *article) words() int {
	n := 0
	for _, b := range a.Body {
		if !b.Heading {
			n += len(strings.Fields(b.Text))
		}
	}
	return n
}
