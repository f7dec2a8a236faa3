package ingest

import (
	"slices"
	"strings"
	"testing"

	"github.com/andybalholm/cascadia"
	"golang.org/x/net/html"
)

const selectorPage = `<html><body><div id="top" class="a b"><p class="x">one</p><p>two</p><ul class="points"><li>l1</li><li class="ad">l2</li><li>l3 <b>bold</b></li></ul>
<h2>Key points</h2><ul><li>m1</li><li>m2</li></ul></div><div><div class="a"><div><p data-test="a > b, c">three</p><section><p class="x y">four</p></section></div></div></div><p lang="en">five</p></body></html>`

// outermost are the elements that stand in no other of them.
func outermost(nodes []*html.Node) []*html.Node {
	var out []*html.Node
	for _, n := range nodes {
		inside := false
		for p := n.Parent; p != nil; p = p.Parent {
			inside = inside || slices.Contains(nodes, p)
		}
		if !inside {
			out = append(out, n)
		}
	}
	return out
}

var selectorSeeds = []string{
	"li", ".points li", "ul.points > li:not(.ad)", "h2:contains(\"Key points\") + ul", "h2 ~ ul li", "div div p", "div > div > div p.x",
	"p, li", "#top p", `[data-test="a > b, c"]`, `[data-test*='> b, c']`, "li:nth-child(2n + 1)", "li:nth-child( 2 )", "div:has(.y)", "p:not( .x , .y )", "*", "div  >p",
	"p:containsOwn(two)", "a\\:b, .x", "p.x\t+\np", ":root p", "ul li ~ li", "body p ~ ul + h2 + ul > li", "p:not([data-test=')'])", "p:contains(a (b) c)",
}

func TestSelectorsPickWhatStylesheetsWould(t *testing.T) {
	t.Parallel()
	for _, s := range selectorSeeds {
		agree(t, selectorPage, s)
	}
}

// agree holds a selector against cascadia's own way of matching.
func agree(t *testing.T, page, s string) {
	t.Helper()
	ours, err := newSelector(s)
	if err != nil {
		return
	}
	doc, err := html.Parse(strings.NewReader(page))
	if err != nil {
		return
	}
	theirs, err := cascadia.ParseGroup(s)
	if err != nil {
		t.Fatalf("%q: %v", s, err)
	}
	got, err := ours.find(doc)
	if err != nil {
		t.Fatalf("%q: %v", s, err)
	}
	if want := outermost(cascadia.QueryAll(doc, theirs)); !slices.Equal(got, want) {
		t.Errorf("%q picks %d elements, cascadia %d", s, len(got), len(want))
	}
}

func FuzzSelector(f *testing.F) {
	for _, s := range selectorSeeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if len(s) < 200 {
			agree(t, selectorPage, s)
		}
	})
}
