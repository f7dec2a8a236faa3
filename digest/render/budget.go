package render

import (
	"fmt"
	"strconv"
	"text/template/parse"
)

// What one execution of a template may cost. text/template cannot be stopped
// from outside, so templates count by themselves: each round of a range and
// each call of a template spends what stands in it. An edition of a thousand
// stories spends some 200,000.
const (
	mostSpent = 2_000_000 // nodes executed, about half a second
	mostMade  = 32 << 20  // bytes of text made on the way
	mostText  = 16 << 10  // bytes of one text made on the way
)

// spendName is the function that counts. No template may call it: see typist.
const spendName = "spend"

// budgetError says that a template was stopped.
type budgetError struct {
	file string // empty: it was no loop
	line int
	why  string
}

func (e *budgetError) Error() string { return e.why }

// counted makes a tree count what it does.
func counted(t *parse.Tree) error {
	if t == nil || t.Root == nil {
		return nil
	}
	return counter{t}.begin(t.Root, t.Root)
}

type counter struct{ tree *parse.Tree }

// list counts the nodes of a list without the rounds of its ranges, which
// count for themselves.
func (c counter) list(l *parse.ListNode) (int, error) {
	if l == nil {
		return 0, nil
	}
	sum := len(l.Nodes)
	for _, n := range l.Nodes {
		below, err := c.node(n)
		if err != nil {
			return 0, err
		}
		sum += below
	}
	return sum, nil
}

func (c counter) node(n parse.Node) (int, error) {
	var b *parse.BranchNode
	switch n := n.(type) {
	case *parse.IfNode:
		b = &n.BranchNode
	case *parse.WithNode:
		b = &n.BranchNode
	case *parse.RangeNode:
		if err := c.begin(n, n.List); err != nil {
			return 0, err
		}
		return c.list(n.ElseList)
	default:
		return 0, nil
	}
	first, err := c.list(b.List)
	if err != nil {
		return 0, err
	}
	second, err := c.list(b.ElseList)
	return first + second, err
}

// begin puts a node before a list that spends what the list costs, and says
// where at stands if that is too much. It prints nothing, in whatever context.
func (c counter) begin(at parse.Node, l *parse.ListNode) error {
	cost, err := c.list(l)
	if err != nil {
		return err
	}
	file, line := placeIn(c.tree, at)
	source := "{{if " + spendName + " " + strconv.Itoa(cost+1) + " " + strconv.Quote(file) + " " + strconv.Itoa(line) + "}}{{end}}"
	made, err := parse.Parse("spend", source, "", "", map[string]any{spendName: true})
	if err != nil {
		return fmt.Errorf("make %s count: %w", file, err)
	}
	l.Nodes = append([]parse.Node{made["spend"].Root.Nodes[0]}, l.Nodes...)
	return nil
}

// spend is what counting nodes call.
func (x *run) spend(cost int, file string, line int) (bool, error) {
	if x.spent += cost; x.spent > mostSpent {
		return false, &budgetError{file, line, "the template does more than a mail can need, and was stopped here: is there a range within a range that should not be?"}
	}
	return false, nil
}

// bounded is a text that a function made.
func (x *run) bounded(s string) (string, error) {
	if x.made += len(s); x.made > mostMade || len(s) > mostText {
		return "", errTooLong()
	}
	return s, nil
}

// printing is print, printf or println of text/template, within bounds.
func (x *run) printing(sprint func(...any) string) func(...any) (string, error) {
	return func(values ...any) (string, error) {
		size := 0
		for _, v := range values {
			if s, ok := v.(string); ok {
				size += len(s)
			}
		}
		if size > mostText { // before it is made
			return "", errTooLong()
		}
		return x.bounded(sprint(values...))
	}
}

func errTooLong() error {
	return &budgetError{why: "the template makes more text than a mail can need, and was stopped"}
}

// formatted is printf; its first value is a quoted text, see typist.
func formatted(values ...any) string {
	if len(values) == 0 {
		return ""
	}
	format, ok := values[0].(string)
	if !ok {
		return ""
	}
	return fmt.Sprintf(format, values[1:]...)
}

// hang is hang within bounds. What a paragraph hangs on stands before each of
// its lines.
func (x *run) hang(lead, paragraph string) (string, error) {
	if len(lead) > columns {
		return "", errTooLong()
	}
	return x.bounded(hang(lead, paragraph))
}
