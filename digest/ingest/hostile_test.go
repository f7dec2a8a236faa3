package ingest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// hostileSize is the cap on a page.
const hostileSize = maxPageBytes

// costlyPages are pages of five megabytes that cost far more than pages of
// that size, or would without a cap in the right place.
var costlyPages = map[string]func() string{
	"nested elements":         func() string { return "<html><body><h1>x y z</h1>" + fill("<div class='key-points'>") },
	"unclosed bold type":      func() string { return "<html><body><h1>x y z</h1>" + fill("<b><p>x") },
	"unclosed links":          func() string { return "<html><body><h1>x y z</h1>" + fill("<a href=x>y") },
	"items":                   func() string { return "<html><body><h1>x y z</h1><ul class=key-points>" + fill("<li>") },
	"paragraphs in one item":  func() string { return "<html><body><h1>x</h1><ul class=key-points><li>" + fill("<p>word and so") },
	"nested lists":            func() string { return "<html><body><h1>x y z</h1>" + fill("<ul class=summary><li>some words") },
	"one line":                func() string { return "<html><body><h1>x y z</h1><p>" + fill("word and ") },
	"line breaks":             func() string { return "<html><body><h1>x y z</h1><p>" + fill("some words that go on and on<br>") },
	"bulleted lines":          func() string { return "<html><body><h1>x y z</h1><p>" + fill("• some words here<br>") },
	"attributes":              func() string { return "<html><body><div " + fill("a=b ") + "><h1>x y z</h1>" },
	"attributes by slashes":   func() string { return "<html><body><div " + fill("a/") + "><h1>x y z</h1>" },
	"a class of five million": func() string { return `<html><body><div class="` + fill("key-points ") + `"><h1>x y z</h1>` },
	"tags that never end":     func() string { return "<html><body><h1>x y z</h1>" + fill("<") },
	"tags within tags":        func() string { return "<html><body><h1>x y z</h1>" + fill("<a <b ") },
	"a title of five million": func() string { return "<html><head><title>" + fill("a | b - c : ") + "</title><h1>x y z</h1>" },
	"headings":                func() string { return "<html><body>" + fill("<h1>x y z</h1>") },
	"meta elements":           func() string { return "<html><head>" + numbered5MB("<meta name=a%d content=b>") + "<h1>x y z</h1>" },
	"bodies":                  func() string { return "<html>" + numbered5MB("<body a%d=1>") },
	"linked data": func() string {
		return "<html><script type='application/ld+json'>" + fill("[") + "</script><h1>x y z</h1>"
	},
	"page's data": func() string { return "<html><script>x={" + fill(`={"keyPoints":["a",`) + "</script><h1>x y z</h1>" },
	"quoted data": func() string { return "<html><script>p(" + fill(`\"keyPoints\":[[[\"`) + "</script><h1>x y z</h1>" },
	"authors":     func() string { return "<html><body><h1>x y z</h1>" + fill("<span class=author>x</span>") },
	"authors above": func() string {
		return "<html><body>" + strings.Repeat("<div>", 400) + fill("<a rel=author>x</a>") + "<h1>x y z</h1>"
	},
	"authors within authors": func() string { return "<html><body><h1>x y z</h1>" + fill("<div class=byline>By") },
	"authors of comments": func() string {
		return "<html><body>" + strings.Repeat("<div>", 400) + fill("<i itemprop=author>x y z</i>") + "<h1>x y z</h1>"
	},
	"cells thrown out": func() string { return "<html><body><table>" + fill("x<b>y") },
}

func fill(unit string) string { return strings.Repeat(unit, hostileSize/len(unit)) }

func numbered5MB(format string) string {
	var b strings.Builder
	for i := 0; b.Len() < hostileSize; i++ {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

func TestHostilePagesAreReadAsFarAsTheyMakeSense(t *testing.T) {
	t.Parallel()
	for name, page := range costlyPages {
		e, err := Extract(name, []byte(page()), Options{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		sound(t, e)
	}
}

func TestTagsOfThousandsOfAttributesLoseThem(t *testing.T) {
	t.Parallel()
	picture := `<img src="data:image/png;base64,` + strings.Repeat("ab/+", 20_000) + `" alt="x">`
	tests := map[string]struct{ page, want string }{
		"thousands":       {`<p>a</p><div ` + strings.Repeat("a=b ", 10_000) + `>b</div>`, `<p>a</p><div>b</div>`},
		"never closed":    {`<p>a</p><div ` + strings.Repeat("a=b ", 10_000), `<p>a</p><div>`},
		"picture":         {`<p>a</p>` + picture + `b`, `<p>a</p>` + picture + `b`},
		"less-than signs": {strings.Repeat("<", 20_000), strings.Repeat("<", 20_000)},
		"a usual page":    {bridgePage("", ""), bridgePage("", "")},
	}
	for name, test := range tests {
		if got := string(shortTags([]byte(test.page))); got != test.want {
			t.Errorf("%s: %.80q of %d bytes, want %d", name, got, len(got), len(test.want))
		}
	}
}

// BenchmarkHostilePage is to be read for memory and time per page: a second
// and 100 MB are the limits.
func BenchmarkHostilePage(b *testing.B) {
	names := make([]string, 0, len(costlyPages))
	for name := range costlyPages {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		b.Run(name, func(b *testing.B) {
			page := []byte(costlyPages[name]())
			b.SetBytes(int64(len(page)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Extract("bench", page, Options{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
