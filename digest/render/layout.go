package render

import (
	"bytes"
	"errors"
	"fmt"
	htmltemplate "html/template"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"sync"
	"text/template"
	"text/template/parse"
	"unicode"

	"courant/templates"
)

// maxOutput ends a template that prints without end.
const maxOutput = 16 << 20

// layout is one pair of templates, parsed and checked and never executed:
// html/template escapes on the first execution and cannot be copied after.
type layout struct {
	name string
	html *htmltemplate.Template
	text *template.Template
	runs sync.Pool // of *run: escaped copies, one per render at a time
}

// parts is the file of what several layouts have in common.
const parts = "parts"

// parseLayout reads mail/NAME.html and mail/NAME.txt, each with what
// mail/parts.html and mail/parts.txt define, and sets the look into them.
func parseLayout(fsys fs.FS, name string, look Look, texts *templates.Catalogue) (*layout, []*TemplateFault) {
	l := &layout{name: name}
	funcs := new(run).funcs()
	l.html = htmltemplate.New(name + ".html").Funcs(funcs)
	_, err := l.html.ParseFS(fsys, files(fsys, name, ".html")...)
	html := map[string]*parse.Tree{}
	for _, t := range l.html.Templates() {
		html[t.Name()] = t.Tree
	}
	faults := prepare(html, l.name+".html", err, look, texts, shipped(fsys, files(fsys, name, ".html")))
	if err == nil {
		faults = append(faults, misplaced(html)...)
		faults = append(faults, ignoredParts(fsys, name, ".html", funcs)...)
	}
	l.text = template.New(name + ".txt").Funcs(funcs)
	_, err = l.text.ParseFS(fsys, files(fsys, name, ".txt")...)
	text := map[string]*parse.Tree{}
	for _, t := range l.text.Templates() {
		text[t.Name()] = t.Tree
	}
	faults = append(faults, prepare(text, l.name+".txt", err, look, texts, shipped(fsys, files(fsys, name, ".txt")))...)
	if err == nil {
		faults = append(faults, ignoredParts(fsys, name, ".txt", funcs)...)
	}
	return l, faults
}

// files are those a layout is made of; the layout's own comes last, so that
// it may define a part anew.
func files(fsys fs.FS, name, kind string) []string {
	own, common := "mail/"+name+kind, "mail/"+parts+kind
	if _, err := fs.Stat(fsys, common); err != nil {
		return []string{own}
	}
	return []string{common, own}
}

// shipped says whether files are the program's own, byte for byte. They are
// known to end, so what they do need not be counted.
func shipped(fsys fs.FS, names []string) bool {
	for _, name := range names {
		ours, err := fs.ReadFile(templates.FS, name)
		if err != nil {
			return false
		}
		if theirs, err := fs.ReadFile(fsys, name); err != nil || !bytes.Equal(ours, theirs) {
			return false
		}
	}
	return true
}

// prepare judges the trees of one kind, of which root is the layout's own,
// and makes them ready; those that are not ours count what they do. An error of the parser is the only thing there is to say.
func prepare(trees map[string]*parse.Tree, root string, parsing error, look Look, texts *templates.Catalogue, ours bool) []*TemplateFault {
	if parsing != nil {
		return []*TemplateFault{parseFault(root, parsing)}
	}
	var faults []*TemplateFault
	for _, name := range slices.Sorted(maps.Keys(trees)) {
		faults = append(faults, checkTree(trees[name])...)
	}
	faults = append(faults, typed(trees, root, texts.Languages()[0])...)
	if len(faults) > 0 {
		return faults
	}
	for _, name := range slices.Sorted(maps.Keys(trees)) {
		err := look.setInto(trees[name])
		if err == nil && !ours {
			err = counted(trees[name])
		}
		if err != nil {
			faults = append(faults, executionFault(root, err))
		}
	}
	return faults
}

// checkTree refuses templates that do more with a personal function than
// print it: what it returns is a marker, not a value, so a comparison or a
// pipe would compare or change the marker. And mso, which prints its text as it
// is, takes nothing but words of the template itself.
func checkTree(t *parse.Tree) []*TemplateFault {
	if t == nil || t.Root == nil {
		return nil
	}
	c := &printCheck{tree: t}
	c.node(t.Root)
	return c.faults
}

// printCheck walks a tree for what may only be printed.
type printCheck struct {
	tree   *parse.Tree
	faults []*TemplateFault
}

func (c *printCheck) node(n parse.Node) {
	switch n := n.(type) {
	case *parse.ListNode:
		if n == nil {
			return
		}
		for _, x := range n.Nodes {
			c.node(x)
		}
	case *parse.ActionNode:
		if !prints(n.Pipe) {
			c.pipe(n.Pipe)
		}
	case *parse.TemplateNode:
		c.pipe(n.Pipe)
	case *parse.IfNode:
		c.branch(&n.BranchNode)
	case *parse.RangeNode:
		c.branch(&n.BranchNode)
	case *parse.WithNode:
		c.branch(&n.BranchNode)
	}
}

func (c *printCheck) branch(b *parse.BranchNode) {
	c.pipe(b.Pipe)
	c.node(b.List)
	c.node(b.ElseList)
}

// prints says whether a pipe is a personal function alone, or mso with words.
func prints(p *parse.PipeNode) bool {
	if len(p.Decl) > 0 || len(p.Cmds) != 1 {
		return false
	}
	args := p.Cmds[0].Args
	f, ok := args[0].(*parse.IdentifierNode)
	if !ok {
		return false
	}
	if quotedOnly[f.Ident] && len(args) == 2 {
		_, literal := args[1].(*parse.StringNode)
		return literal
	}
	return personal[f.Ident] != 0 && len(args) == 1
}

func (c *printCheck) pipe(p *parse.PipeNode) {
	if p == nil {
		return
	}
	for _, command := range p.Cmds {
		for _, a := range command.Args {
			c.arg(a)
		}
	}
}

func (c *printCheck) arg(a parse.Node) {
	switch a := a.(type) {
	case *parse.PipeNode:
		c.pipe(a)
	case *parse.ChainNode:
		c.arg(a.Node)
	case *parse.IdentifierNode:
		if personal[a.Ident] != 0 {
			c.fault(a, "%s differs from reader to reader and can only be printed: write {{%s}} alone", a.Ident, a.Ident)
		}
		if quotedOnly[a.Ident] {
			c.fault(a, "%s prints what it gives as it stands: write it alone, with one quoted text", a.Ident)
		}
	}
}

func (c *printCheck) fault(n parse.Node, format string, args ...any) {
	f := &TemplateFault{Err: fmt.Errorf(format, args...)}
	f.at(c.tree, n)
	c.faults = append(c.faults, f)
}

// run is a copy of a layout in the hands of one render. Copies are kept,
// because escaping a template costs more than executing it.
type run struct {
	marks
	html *htmltemplate.Template
	text *template.Template
	lang *templates.Language

	spent, made int // of what one execution may cost
}

// take gets a copy ready for one render: fresh markers, the words of lang.
func (l *layout) take(lang *templates.Language) (*run, error) {
	x, ok := l.runs.Get().(*run)
	if !ok {
		x = &run{}
		var err error
		if x.html, err = l.html.Clone(); err != nil {
			return nil, fmt.Errorf("copy template: %w", err)
		}
		if x.text, err = l.text.Clone(); err != nil {
			return nil, fmt.Errorf("copy template: %w", err)
		}
		x.html.Funcs(x.funcs())
		x.text.Funcs(x.funcs())
	}
	x.marks, x.lang = newMarks(), lang
	return x, nil
}

func (l *layout) give(x *run) { l.runs.Put(x) }

// funcs are the functions of mail templates, of both kinds.
func (x *run) funcs() map[string]any {
	funcs := map[string]any{
		"say":   x.say,
		"upper": func(s string) (string, error) { return x.bounded(x.lang.Upper(s)) },
		"cased": func(s string) (bool, error) { _, err := x.bounded(s); return cased(s), err },
		"direction": func(text string, lang ...string) string {
			return direction(scriptOf(strings.Join(lang, "")), text)
		},
		"wrap": func(s string) (string, error) { return x.hang("", s) },
		"hang": x.hang,
		"label": func(text string) (string, error) {
			s, err := x.say("mail.label", "text", text)
			return hang("", s), err
		},
		"print": x.printing(fmt.Sprint), "println": x.printing(fmt.Sprintln), "printf": x.printing(formatted),
		spendName: x.spend,
		"mso":     mso,
		// What these two give is set into a template when it is read.
		"colour": func(name string) string { return name },
		"font":   func(name string) string { return name },
	}
	for name, p := range personal {
		funcs[name] = func() string { return x.print(p) }
	}
	return funcs
}

// say is a text of the catalogue.
func (x *run) say(key string, pairs ...any) (string, error) {
	s, err := x.lang.Say(key, pairs...)
	if err != nil {
		return "", err
	}
	return x.bounded(s)
}

// cased says whether s is in a script with capitals. Only such words may be
// set in spaced capitals: Arabic letters would fall apart.
func cased(s string) bool {
	for _, c := range s {
		if unicode.IsLetter(c) && !unicode.IsUpper(c) && !unicode.IsLower(c) {
			return false
		}
	}
	return true
}

// mso is markup that only Outlook on Windows reads, and only it needs: it
// knows no max-width. html/template drops comments of a template, so they must
// come from a function.
func mso(markup string) htmltemplate.HTML {
	return htmltemplate.HTML("<!--[if mso]>" + markup + "<![endif]-->")
}

// executeHTML runs the HTML template and checks what came out, except for
// the markers.
func (x *run) executeHTML(p any) (string, error) {
	var out limited
	x.spent, x.made = 0, 0
	if err := x.html.Execute(&out, p); err != nil {
		return "", fmt.Errorf("make the HTML: %w", err)
	}
	s := tidyHTML(out.String())
	// html/template puts this where a value would have been dangerous: in a
	// style, or a link that is not one.
	if i := strings.Index(s, "ZgotmplZ"); i >= 0 {
		return "", fmt.Errorf("the template puts a value where it cannot be made safe: %s", around(s[:i]))
	}
	if strings.Count(s, "<!--[if mso]>") != strings.Count(s, "<![endif]-->") {
		return "", errors.New("the comments for Outlook are out of balance")
	}
	return s, nil
}

// executeText runs the text template.
func (x *run) executeText(p any) (string, error) {
	var out limited
	x.spent, x.made = 0, 0
	if err := x.text.Execute(&out, p); err != nil {
		return "", fmt.Errorf("make the text: %w", err)
	}
	return tidyText(out.String()), nil
}

type limited struct{ bytes.Buffer }

func (l *limited) Write(b []byte) (int, error) {
	if l.Len()+len(b) > maxOutput {
		return 0, fmt.Errorf("the template printed more than %d MB", maxOutput>>20)
	}
	return l.Buffer.Write(b)
}
