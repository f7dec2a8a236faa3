package render

import (
	"bytes"
	"errors"
	"fmt"
	htmltemplate "html/template"
	"io/fs"
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
func parseLayout(fsys fs.FS, name string, look Look) (*layout, error) {
	l := &layout{name: name}
	funcs := new(run).funcs()
	l.html = htmltemplate.New(name + ".html").Funcs(funcs)
	if _, err := l.html.ParseFS(fsys, files(fsys, name, ".html")...); err != nil {
		return nil, fmt.Errorf("read template mail/%s.html: %w", name, err)
	}
	for _, t := range l.html.Templates() {
		if err := prepare(t.Tree, look); err != nil {
			return nil, err
		}
	}
	l.text = template.New(name + ".txt").Funcs(funcs)
	if _, err := l.text.ParseFS(fsys, files(fsys, name, ".txt")...); err != nil {
		return nil, fmt.Errorf("read template mail/%s.txt: %w", name, err)
	}
	for _, t := range l.text.Templates() {
		if err := prepare(t.Tree, look); err != nil {
			return nil, err
		}
	}
	return l, nil
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

func prepare(t *parse.Tree, look Look) error {
	err := checkTree(t)
	if err == nil {
		err = look.setInto(t)
	}
	if err != nil {
		return fmt.Errorf("template mail/%s: %w", t.ParseName, err)
	}
	return nil
}

// checkTree refuses templates that do more with a personal function than
// print it: what it returns is a marker, not a value, so a comparison or a
// pipe would compare or change the marker. And mso, which prints its text as it
// is, takes nothing but words of the template itself.
func checkTree(t *parse.Tree) error {
	if t == nil || t.Root == nil {
		return nil
	}
	return checkNode(t, t.Root)
}

func checkNode(t *parse.Tree, n parse.Node) error {
	switch n := n.(type) {
	case *parse.ListNode:
		if n == nil {
			return nil
		}
		for _, x := range n.Nodes {
			if err := checkNode(t, x); err != nil {
				return err
			}
		}
	case *parse.ActionNode:
		if prints(n.Pipe) {
			return nil
		}
		return checkPipe(t, n.Pipe)
	case *parse.TemplateNode:
		return checkPipe(t, n.Pipe)
	case *parse.IfNode:
		return checkBranch(t, &n.BranchNode)
	case *parse.RangeNode:
		return checkBranch(t, &n.BranchNode)
	case *parse.WithNode:
		return checkBranch(t, &n.BranchNode)
	}
	return nil
}

func checkBranch(t *parse.Tree, b *parse.BranchNode) error {
	return errors.Join(checkPipe(t, b.Pipe), checkNode(t, b.List), checkNode(t, b.ElseList))
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

func checkPipe(t *parse.Tree, p *parse.PipeNode) error {
	if p == nil {
		return nil
	}
	for _, c := range p.Cmds {
		for _, a := range c.Args {
			if err := checkArg(t, a); err != nil {
				return err
			}
		}
	}
	return nil
}

func checkArg(t *parse.Tree, a parse.Node) error {
	switch a := a.(type) {
	case *parse.PipeNode:
		return checkPipe(t, a)
	case *parse.ChainNode:
		return checkArg(t, a.Node)
	case *parse.IdentifierNode:
		where, _ := t.ErrorContext(a)
		if personal[a.Ident] != 0 {
			return fmt.Errorf("%s: %s differs from reader to reader and can only be printed: write {{%s}} alone", where, a.Ident, a.Ident)
		}
		if quotedOnly[a.Ident] {
			return fmt.Errorf("%s: %s prints what it gives as it stands: write it alone, with one quoted text", where, a.Ident)
		}
	}
	return nil
}

// run is a copy of a layout in the hands of one render. Copies are kept,
// because escaping a template costs more than executing it.
type run struct {
	marks
	html *htmltemplate.Template
	text *template.Template
	lang *templates.Language
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
		"say":   func(key string, pairs ...any) (string, error) { return x.lang.Say(key, pairs...) },
		"upper": func(s string) string { return x.lang.Upper(s) },
		"cased": cased,
		"wrap":  func(s string) string { return hang("", s) },
		"hang":  hang,
		"label": func(text string) (string, error) {
			s, err := x.lang.Say("mail.label", "text", text)
			return hang("", s), err
		},
		"mso": mso,
		// What these two give is set into a template when it is read.
		"colour": func(name string) string { return name },
		"font":   func(name string) string { return name },
	}
	for name, p := range personal {
		funcs[name] = func() string { return x.print(p) }
	}
	return funcs
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
func (x *run) executeHTML(p *page) (string, error) {
	var out limited
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
func (x *run) executeText(p *page) (string, error) {
	var out limited
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
