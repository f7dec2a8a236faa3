package render

import (
	"fmt"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"text/template/parse"
)

// misplaced says where HTML templates print a personal value that must not
// stand there, and where they write what html/template drops without a word. A
// part that begins within a tag is judged when it's rendered, see cutHTML; here
// the file and line are known.
func misplaced(trees map[string]*parse.Tree) []*TemplateFault {
	var faults []*TemplateFault
	for _, name := range slices.Sorted(maps.Keys(trees)) {
		if t := trees[name]; t != nil && t.Root != nil {
			c := &printCheck{tree: t}
			c.walk(t.Root, &spot{})
			faults = append(faults, c.faults...)
		}
	}
	return faults
}

// forOutlook are the comments that only Outlook reads, as a template would
// write them.
var forOutlook = regexp.MustCompile(`(?i)<!--\s*(?:\[if\b|<!\[endif)`)

// walk reads the nodes of a list as the HTML they come to. Both ways of an if
// end in the same place: html/template sees to that.
func (c *printCheck) walk(list *parse.ListNode, at *spot) {
	if list == nil {
		return
	}
	for _, n := range list.Nodes {
		switch n := n.(type) {
		case *parse.TextNode:
			if i := forOutlook.FindIndex(n.Text); i != nil {
				there := *n
				there.Pos += parse.Pos(i[0])
				c.fault(&there, "the comment for Outlook would be dropped, as html/template drops all comments of a template: write {{mso `...`}} with what stands in it")
			}
			at.read(string(n.Text))
		case *parse.ActionNode:
			if len(n.Pipe.Cmds) != 1 {
				continue
			}
			if f, ok := n.Pipe.Cmds[0].Args[0].(*parse.IdentifierNode); ok && personal[f.Ident] != 0 {
				if err := at.refuses(personal[f.Ident]); err != nil {
					c.fault(n, "%w", err)
				}
			}
		case *parse.IfNode:
			c.walkBranch(&n.BranchNode, at)
		case *parse.RangeNode:
			c.walkBranch(&n.BranchNode, at)
		case *parse.WithNode:
			c.walkBranch(&n.BranchNode, at)
		case *parse.TemplateNode:
			at.lost = at.lost || at.in != inText
		}
	}
}

func (c *printCheck) walkBranch(b *parse.BranchNode, at *spot) {
	other := *at
	c.walk(b.List, at)
	c.walk(b.ElseList, &other)
	at.lost = at.lost || other.lost
}

// ignoredParts finds parts that a layout defines anew with nothing in them.
// To Go that is no definition, so the part of the same name in parts would stay
// as it is, and nobody would say so.
func ignoredParts(fsys fs.FS, name, kind string, funcs map[string]any) []*TemplateFault {
	list := files(fsys, name, kind)
	if len(list) < 2 {
		return nil
	}
	var sets []map[string]*parse.Tree
	for _, file := range list {
		src, err := fs.ReadFile(fsys, file)
		if err != nil {
			return nil // said by those who read it first
		}
		set := map[string]*parse.Tree{}
		t := parse.New(path.Base(file))
		t.Mode = parse.SkipFuncCheck
		if _, err := t.Parse(string(src), "", "", set, funcs); err != nil {
			return nil
		}
		sets = append(sets, set)
	}
	var faults []*TemplateFault
	for _, part := range slices.Sorted(maps.Keys(sets[1])) {
		own, common := sets[1][part], sets[0][part]
		if !parse.IsEmptyTree(own.Root) || common == nil || parse.IsEmptyTree(common.Root) || part == path.Base(list[1]) {
			continue
		}
		f := &TemplateFault{Err: fmt.Errorf("the part %q is defined with nothing in it, which changes nothing: to empty it write {{define %[1]q}}{{\"\"}}{{end}}", part)}
		f.at(own, own.Root)
		faults = append(faults, f)
	}
	return faults
}
