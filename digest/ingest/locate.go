package ingest

import (
	"fmt"
	"slices"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// locator finds selectors that pick one element of a page and no other. Each
// is tried before an editor is shown it.
type locator struct {
	root *html.Node
	size int // elements of the page
	left int // elements that may still be looked at
}

const (
	mostLookedAt  = 4_000_000 // by all the selectors that are tried on a page
	mostAncestors = 24        // of an element, those that are asked for a name
)

// selectorOf is a selector that picks an element alone. Names come first, for
// those another page of the publisher has as well; where the element stands
// among its like is the last means. ok is false where there is none, or no
// more time to find it.
func (l *locator) selectorOf(n *html.Node) (written string, ok bool) {
	for written = range l.namings(n) {
		if l.picksOnly(written, n) {
			return written, true
		}
		if l.left <= 0 {
			break
		}
	}
	return "", false
}

// picksOnly tries a selector.
func (l *locator) picksOnly(written string, n *html.Node) bool {
	if l.left -= l.size; l.left < 0 {
		return false
	}
	sel, err := newSelector(written)
	if err != nil {
		return false
	}
	found, err := sel.find(l.root)
	return err == nil && len(found) == 1 && found[0] == n
}

// namings are the selectors to try, the best first.
func (l *locator) namings(n *html.Node) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		own := steadyLabel(n)
		if own != n.Data && !yield(own) || !byNames(n, own, yield) {
			return
		}
		place := n.Data + nthOfType(n)
		for a := n.Parent; a != nil && a.Type == html.ElementNode; a = a.Parent {
			name := steadyLabel(a)
			if (name != a.Data || landmark(a)) && !yield(name+" > "+place) {
				return
			}
			place = a.Data + nthOfType(a) + " > " + place
		}
		yield(place)
	}
}

// byNames are the selectors that name an element by those around it: each of
// them alone, and all up to it.
func byNames(n *html.Node, own string, yield func(string) bool) bool {
	chain := own
	asked := 0
	for a := n.Parent; a != nil && a.DataAtom != atom.Body && asked < mostAncestors; a = a.Parent {
		name := steadyLabel(a)
		if asked++; name == a.Data && !landmark(a) {
			continue
		}
		if !yield(name+" "+own) || chain != own && !yield(name+" "+chain) {
			return false
		}
		chain = name + " " + chain
	}
	return true
}

// landmark tells elements of which a page has one or few.
func landmark(n *html.Node) bool {
	return n.DataAtom == atom.Article || n.DataAtom == atom.Main || n.DataAtom == atom.Body
}

// nthOfType is where an element stands among those of its name, nothing for
// one that is alone.
func nthOfType(n *html.Node) string {
	before, alone := 1, true
	for c := n.PrevSibling; c != nil; c = c.PrevSibling {
		if c.Type == html.ElementNode && c.Data == n.Data {
			before++
		}
	}
	for c := n.NextSibling; c != nil && before == 1 && alone; c = c.NextSibling {
		alone = c.Type != html.ElementNode || c.Data != n.Data
	}
	if before == 1 && alone {
		return ""
	}
	return fmt.Sprintf(":nth-of-type(%d)", before)
}

// steadyLabel is an element's label without the names that only this article
// has: those with a number of three digits or more, as of "post-8123".
func steadyLabel(n *html.Node) string {
	if n == nil || n.Type != html.ElementNode {
		return ""
	}
	bare := *n
	bare.Attr = nil
	for _, a := range n.Attr {
		switch {
		case a.Key == "id" && !hasNumber(a.Val):
			bare.Attr = append(bare.Attr, a)
		case a.Key == "class":
			a.Val = strings.Join(slices.DeleteFunc(strings.Fields(a.Val), hasNumber), " ")
			bare.Attr = append(bare.Attr, a)
		}
	}
	return label(&bare)
}

// hasNumber tells names that count something up: three digits in a row.
func hasNumber(name string) bool {
	run := 0
	for i := range len(name) {
		if name[i] < '0' || name[i] > '9' {
			run = 0
		} else if run++; run == 3 {
			return true
		}
	}
	return false
}
