package ingest

import (
	"errors"
	"fmt"
	"strings"

	"github.com/andybalholm/cascadia"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// selector is a CSS selector, taken apart at its combinators. cascadia judges
// an element by itself; what stands around it is kept on the way down. Left to
// cascadia, a page nested some hundred elements deep would cost hours under a
// selector of four words, for each of them tries all ancestors again.
type selector struct {
	steps  []step
	finals uint64 // the steps that end a selector; they stand in the order of their bits
	costly bool   // it looks at all that an element holds
}

// step is a part of a selector between two combinators.
type step struct {
	combinator byte // what stands before it: ' ', '>', '+' or '~'; 0: nothing
	compound   cascadia.Sel
}

const (
	maxSteps    = 64       // as many as a word has bits
	maxSiblings = 2000     // of one element's children, those looked at: :nth-child counts them
	maxHeld     = 16 << 20 // bytes below all elements together, for what looks at all of them
)

// CheckSelector says what is wrong with a selector of a PointRule.
func CheckSelector(s string) error {
	_, err := newSelector(s)
	return err
}

// newSelector reads a selector, or several with commas between them.
func newSelector(s string) (*selector, error) {
	if strings.Contains(s, "/*") {
		return nil, errors.New("a selector has no comments")
	}
	if _, err := cascadia.ParseGroup(s); err != nil {
		return nil, fmt.Errorf("%q is no selector that Courant knows (%s)", s, plainFault(err))
	}
	parts, err := takeApart(s)
	if err != nil {
		return nil, err
	}
	sel := &selector{}
	for i, part := range parts {
		compound, err := cascadia.Parse(part.text)
		if err != nil {
			return nil, fmt.Errorf("%q is no selector that Courant knows (%s)", s, plainFault(err))
		}
		sel.steps = append(sel.steps, step{part.combinator, compound})
		if i+1 == len(parts) || parts[i+1].combinator == 0 {
			sel.finals |= 1 << i
		}
	}
	lower := strings.ToLower(s)
	sel.costly = strings.Contains(lower, ":has") || strings.Contains(lower, ":contains") || strings.Contains(lower, ":matches")
	return sel, nil
}

// plainFault is cascadia's message without what only its authors need.
func plainFault(err error) string {
	text := err.Error()
	if strings.Contains(text, "pseudo-element") {
		return "what begins with :: is no element of a page"
	}
	if rest, cut := strings.CutPrefix(text, "parsing "); cut {
		if _, after, found := strings.Cut(rest, "\": "); found {
			text = after
		}
	}
	return strings.Replace(text, "found EOF instead", "and it ends", 1)
}

// part is the text of a step.
type part struct {
	combinator byte
	text       string
}

// takeApart parts a valid selector at its commas and combinators, but for
// those within brackets and quotes.
func takeApart(s string) ([]part, error) {
	var parts []part
	combinator, start := byte(0), 0
	end := func(at int) {
		if text := strings.Trim(s[start:at], space); text != "" {
			parts = append(parts, part{combinator, text})
			combinator = ' '
		}
		start = at + 1
	}
	var open []byte // brackets that are not closed
	plain := 0      // how many of them hold selectors
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '\\':
			i++
		case c == '"' || c == '\'':
			i = endOfString(s, i)
		case c == '(' || c == '[':
			open = append(open, c)
			if c == '(' && holdsSelector(s[:i]) {
				plain = len(open)
			}
		case (c == ')' || c == ']') && len(open) > 0:
			open = open[:len(open)-1]
			plain = min(plain, len(open))
		case !strings.ContainsRune(space+">+~,", rune(c)):
		case len(open) == 0:
			end(i)
			if c == ',' {
				combinator = 0
			} else if strings.IndexByte(space, c) < 0 {
				combinator = c
			}
		case plain == len(open) && c != ',' && !atEdge(s, i):
			return nil, fmt.Errorf("%q has %q within brackets; what stands there may be a single element, as in :not(.ad)", s, string(c))
		}
	}
	end(len(s))
	if len(parts) > maxSteps {
		return nil, fmt.Errorf("the selector has more than %d parts", maxSteps)
	}
	return parts, nil
}

const space = " \t\r\n\f"

// endOfString is where the quote closes that opens at i.
func endOfString(s string, i int) int {
	for quote := s[i]; i+1 < len(s); {
		i++
		if s[i] == '\\' {
			i++
		} else if s[i] == quote {
			break
		}
	}
	return i
}

// holdsSelector tells the brackets with selectors in them from those with
// numbers or text.
func holdsSelector(before string) bool {
	before = strings.ToLower(before)
	return strings.HasSuffix(before, ":not") || strings.HasSuffix(before, ":has") || strings.HasSuffix(before, ":haschild")
}

// atEdge tells white space that parts nothing: it stands beside a bracket, a
// comma or more of it.
func atEdge(s string, i int) bool {
	if strings.IndexByte(space, s[i]) < 0 {
		return false
	}
	before, after := strings.TrimRight(s[:i], space), strings.TrimLeft(s[i:], space)
	return before == "" || after == "" || strings.ContainsRune("(,", rune(before[len(before)-1])) || strings.ContainsRune("),", rune(after[0]))
}

var errTooMuch = errors.New("the page nests too much text for a selector that looks at it")

// find are the elements of a tree that the selector picks, in their order.
// What stands within one that was picked is a part of it; what stands in a
// template is on no reader's screen.
func (s *selector) find(root *html.Node) ([]*html.Node, error) {
	if s.costly && heldBelow(root) > maxHeld {
		return nil, errTooMuch
	}
	var found []*html.Node
	s.descend(root, 0, 0, func(n *html.Node) { found = append(found, n) })
	return found, nil
}

// descend tries the children of an element. Bit i of a mask says that step i
// matched, and all before it: above, any ancestor; parent, the element itself.
func (s *selector) descend(n *html.Node, above, parent uint64, pick func(*html.Node)) {
	var previous, earlier uint64
	children := 0
	for c := n.FirstChild; c != nil && children < maxSiblings; c = c.NextSibling {
		if c.Type != html.ElementNode {
			continue
		}
		children++
		own := uint64(0)
		for i, step := range s.steps {
			before, may := uint64(1)<<i>>1, true
			switch step.combinator {
			case ' ':
				may = above&before != 0
			case '>':
				may = parent&before != 0
			case '+':
				may = previous&before != 0
			case '~':
				may = earlier&before != 0
			}
			if may && step.compound.Match(c) {
				own |= 1 << i
			}
		}
		previous, earlier = own, earlier|own
		if own&s.finals != 0 {
			pick(c)
			continue
		}
		if c.DataAtom == atom.Template && attribute(c, "shadowrootmode") == "" {
			continue
		}
		s.descend(c, above|own, own, pick)
	}
}

// heldBelow counts the bytes of text below each element, all together: what
// a selector reads that looks at the text of any of them.
func heldBelow(root *html.Node) int {
	total := 0
	var walk func(n *html.Node, depth int)
	walk = func(n *html.Node, depth int) {
		total += depth * (1 + len(n.Data))
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			walk(c, depth+1)
		}
	}
	walk(root, 0)
	return total
}
