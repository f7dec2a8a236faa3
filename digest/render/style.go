package render

import (
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"text/template/parse"

	"courant/digest"
	"courant/templates"
)

// DefaultLayout is the layout of a publication that names none.
const DefaultLayout = "standard"

// style is a look with all that it is set into: the layouts and the texts.
type style struct {
	layouts map[string]*layout
	letter  *layout
	texts   *templates.Catalogue
	logo    image
}

// Layouts lists the layouts that templates have, by name: each is a pair of
// files, mail/NAME.html and mail/NAME.txt.
func Layouts(fsys fs.FS) ([]string, error) {
	found, err := fs.Glob(fsys, "mail/*.html")
	if err != nil {
		return nil, fmt.Errorf("list layouts: %w", err)
	}
	var names []string
	for _, file := range found {
		if name := strings.TrimSuffix(path.Base(file), ".html"); name != parts {
			names = append(names, name)
		}
	}
	return names, nil
}

// readStyles sets each look into each layout.
func (r *Renderer) readStyles() (err error) {
	if r.c.Layout == "" {
		r.c.Layout = DefaultLayout
	}
	r.styles = map[string]*style{}
	if r.styles[""], err = readStyle(r.c.Templates, r.c.Look); err != nil {
		return err
	}
	if _, there := r.styles[""].layouts[r.c.Layout]; !there {
		return fmt.Errorf("there is no layout %q: set layout to one of %s", r.c.Layout, r.styles[""].names())
	}
	own := map[string]bool{}
	for of := range r.c.Looks {
		own[of] = true
	}
	for of := range r.c.TemplatesOf {
		own[of] = true
	}
	for of := range own {
		fsys := r.c.Templates
		if r.c.TemplatesOf[of] != nil {
			fsys = r.c.TemplatesOf[of]
		}
		if r.styles[of], err = readStyle(fsys, r.c.Looks[of].Over(r.c.Look)); err != nil {
			return fmt.Errorf("digest %s: %w", of, err)
		}
	}
	return nil
}

func readStyle(fsys fs.FS, look Look) (*style, error) {
	if faults := look.Faults(); len(faults) > 0 {
		return nil, faults[0]
	}
	names, err := Layouts(fsys)
	if err != nil {
		return nil, err
	}
	look = look.Whole()
	s := &style{layouts: map[string]*layout{}, logo: image{URL: look.Logo.URL, Alt: look.Logo.Alt, Width: look.Logo.Width}}
	texts, err := templates.Load(fsys)
	if err != nil {
		return nil, err
	}
	if s.texts, err = texts.With(look.Wording); err != nil {
		return nil, err
	}
	for _, name := range names {
		l, faults := parseLayout(fsys, name, look, s.texts)
		if len(faults) > 0 {
			return nil, fmt.Errorf("template %w", faults[0])
		}
		s.layouts[name] = l
	}
	if s.letter, err = parseLetter(templates.FS, look); err != nil {
		return nil, err
	}
	return s, nil
}

// names lists the layouts for people.
func (s *style) names() string { return strings.Join(slices.Sorted(maps.Keys(s.layouts)), ", ") }

func (r *Renderer) style(e digest.Edition) *style {
	if s, ok := r.styles[e.Digest]; ok {
		return s
	}
	return r.styles[""]
}

// layout is the one the edition was published in. Where an editor has taken
// it away since, the edition is still read on the web, in another one; it is
// not mailed, see render.
func (r *Renderer) layout(s *style, e digest.Edition) *layout {
	for _, name := range []string{e.Layout, r.c.Layout} {
		if l, there := s.layouts[name]; there {
			return l
		}
	}
	return s.layouts[DefaultLayout] // it ships, so it is in every set
}

// mailLayout says whether an edition can be mailed as it was published.
func (s *style) mailLayout(e digest.Edition) error {
	if _, there := s.layouts[e.Layout]; there || e.Layout == "" {
		return nil
	}
	return fmt.Errorf("the edition was published in the layout %q, which is gone: put mail/%[1]s.html and mail/%[1]s.txt back among the templates (there are %[2]s) and start courant again", e.Layout, s.names())
}

// quotedOnly names the functions that take one quoted text and stand alone.
var quotedOnly = map[string]bool{"mso": true, "colour": true, "font": true}

// setInto puts the values of the look where a template asks for them. It is
// done once, before html/template escapes: the values were checked, are part of
// the template from here on, and cost a render nothing.
func (l Look) setInto(t *parse.Tree) error {
	if t == nil || t.Root == nil {
		return nil
	}
	return l.setIntoList(t, t.Root)
}

func (l Look) setIntoList(t *parse.Tree, list *parse.ListNode) error {
	if list == nil {
		return nil
	}
	for i, n := range list.Nodes {
		var err error
		switch n := n.(type) {
		case *parse.ActionNode:
			list.Nodes[i], err = l.valueOf(t, n)
		case *parse.IfNode:
			err = l.setIntoBranch(t, &n.BranchNode)
		case *parse.RangeNode:
			err = l.setIntoBranch(t, &n.BranchNode)
		case *parse.WithNode:
			err = l.setIntoBranch(t, &n.BranchNode)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (l Look) setIntoBranch(t *parse.Tree, b *parse.BranchNode) error {
	if err := l.setIntoList(t, b.List); err != nil {
		return err
	}
	return l.setIntoList(t, b.ElseList)
}

// valueOf is the text an action stands for, or the action itself.
func (l Look) valueOf(t *parse.Tree, n *parse.ActionNode) (parse.Node, error) {
	if len(n.Pipe.Cmds) != 1 || len(n.Pipe.Cmds[0].Args) != 2 {
		return n, nil
	}
	f, ok := n.Pipe.Cmds[0].Args[0].(*parse.IdentifierNode)
	name, quoted := n.Pipe.Cmds[0].Args[1].(*parse.StringNode)
	if !ok || !quoted || f.Ident != "colour" && f.Ident != "font" {
		return n, nil
	}
	values := l.values(f.Ident)
	value, known := values[name.Text]
	if !known {
		fault := &TemplateFault{Err: fmt.Errorf("there is no %s %q: write one of %s", f.Ident, name.Text, strings.Join(slices.Sorted(maps.Keys(values)), ", "))}
		fault.at(t, n)
		return nil, fault
	}
	return &parse.TextNode{NodeType: parse.NodeText, Pos: n.Pos, Text: []byte(value)}, nil
}

// values are what colour or font can be asked for: "ink", "night ink".
func (l Look) values(function string) map[string]string {
	if function == "font" {
		return map[string]string{"heading": l.Fonts.Heading, "body": l.Fonts.Body, "furniture": l.Fonts.Furniture}
	}
	values := map[string]string{}
	for _, c := range l.Day.named() {
		values[c.name] = *c.value
	}
	for _, c := range l.Night.named() {
		values["night "+c.name] = *c.value
	}
	return values
}
