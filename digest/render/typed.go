package render

import (
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"text/template/parse"

	"courant/templates"
)

// TemplateFault is something wrong with a file of templates.
type TemplateFault struct {
	File   string // "mail/standard.html"
	Line   int    // zero: the file as a whole
	Column int    // from 1, in bytes; zero: the line as a whole
	Err    error  // says what to write instead

	// Word is one that is not among Known, so that another one of them may
	// have been meant; empty: that is not what is wrong.
	Word  string
	Known []string
}

func (f *TemplateFault) Error() string {
	if f.Line == 0 {
		return f.File + ": " + f.Err.Error()
	}
	return fmt.Sprintf("%s:%d: %v", f.File, f.Line, f.Err)
}

// Unwrap is what is wrong.
func (f *TemplateFault) Unwrap() error { return f.Err }

// The bounds that keep html/template itself quick: it reads the body of a
// range twice to see that a second round begins where the first one did, and
// so the body of the innermost of five 32 times.
const mostRanges = 5

// builtins are the functions of text/template that mail templates may call.
// The others can stop a mail at seven in the morning that was right at noon
// (index, slice), or do again what is done already (html, js, urlquery).
var builtins = map[string]bool{
	"and": true, "or": true, "not": true, "eq": true, "ne": true, "lt": true, "le": true, "gt": true, "ge": true,
	"len": true, "print": true, "printf": true, "println": true,
}

// instead says what to write for the functions that are refused.
var instead = map[string]string{
	"index":    "it stops the mail where there is no such item: use {{range}} or {{with}}",
	"slice":    "it stops the mail where the text is shorter",
	"call":     "there is nothing to call",
	"html":     "what is printed is escaped as it must be",
	"js":       "no mail program runs scripts",
	"urlquery": "links come whole, and must stay as they are",
}

// nothing is the type of what was not handed over.
type nothing struct{}

// typist reads the templates of a layout as the program that they are: it
// knows the type of everything a template can see, so it finds a field that
// there is not in a branch that no edition has taken yet.
type typist struct {
	trees  map[string]*parse.Tree
	funcs  map[string]any
	texts  *templates.Language // the one that has every text
	faults []*TemplateFault
	read   map[visit]bool
}

// visit is a template with the type of its dot.
type visit struct {
	name string
	dot  reflect.Type
}

// variable is a name that a template gave to something.
type variable struct {
	name string
	kind reflect.Type // nil: it cannot be told
}

// typed says what is wrong with a template and all those it calls.
func typed(trees map[string]*parse.Tree, root string, texts *templates.Language) []*TemplateFault {
	y := &typist{trees: trees, funcs: new(run).funcs(), texts: texts, read: map[visit]bool{}}
	delete(y.funcs, spendName)
	if y.circles(root) {
		return y.faults
	}
	y.template(root, reflect.TypeFor[*page]())
	return y.faults
}

// scope is where in a template the reading is.
type scope struct {
	tree *parse.Tree
	dot  reflect.Type
	vars []variable
}

func (y *typist) fault(s *scope, n parse.Node, format string, args ...any) *TemplateFault {
	f := &TemplateFault{Err: fmt.Errorf(format, args...)}
	f.at(s.tree, n)
	for _, other := range y.faults { // one call of a part says it for all
		if other.File == f.File && other.Line == f.Line && other.Err.Error() == f.Err.Error() {
			return f
		}
	}
	y.faults = append(y.faults, f)
	return f
}

// at puts a fault where a node is.
func (f *TemplateFault) at(t *parse.Tree, n parse.Node) {
	where, _ := t.ErrorContext(n) // "standard.html:12:7"
	file, line, column := cutPlace(where)
	f.File, f.Line, f.Column = "mail/"+file, line, column+1
}

// placeIn is the file and line of a node.
func placeIn(t *parse.Tree, n parse.Node) (string, int) {
	var f TemplateFault
	f.at(t, n)
	return f.File, f.Line
}

var writtenPlace = regexp.MustCompile(`([\w.-]+\.(?:html|txt)):(\d+)(?::(\d+))?`)

// cutPlace takes a place of text/template apart. Columns count from 0 there.
func cutPlace(where string) (file string, line, column int) {
	m := writtenPlace.FindStringSubmatch(where)
	if m == nil {
		return where, 0, 0
	}
	for i, to := range []*int{&line, &column} {
		if n, err := strconv.Atoi(m[i+2]); err == nil { // a column may not be there
			*to = n
		}
	}
	return m[1], line, column
}

func (y *typist) template(name string, dot reflect.Type) {
	if y.read[visit{name, dot}] {
		return
	}
	y.read[visit{name, dot}] = true
	tree := y.trees[name]
	if tree == nil || tree.Root == nil {
		return
	}
	y.list(&scope{tree: tree, dot: dot, vars: []variable{{"$", dot}}}, tree.Root)
}

// list reads nodes in order; what they name is forgotten behind them.
func (y *typist) list(s *scope, l *parse.ListNode) {
	if l == nil {
		return
	}
	inner := *s
	for _, n := range l.Nodes {
		y.node(&inner, n)
	}
}

func (y *typist) node(s *scope, n parse.Node) {
	switch n := n.(type) {
	case *parse.ActionNode:
		kind := y.pipe(s, n.Pipe)
		if len(n.Pipe.Decl) == 0 && !printable(kind) && !y.told(s, n) {
			y.fault(s, n, "%s is %s and cannot be printed: name what of it", cmpSource(n.Pipe), named(kind))
		}
	case *parse.IfNode:
		y.branch(s, &n.BranchNode, func(inner *scope) { y.pipe(inner, n.Pipe) })
	case *parse.WithNode:
		y.branch(s, &n.BranchNode, func(inner *scope) { inner.dot = y.pipe(inner, n.Pipe) })
	case *parse.RangeNode:
		y.branch(s, &n.BranchNode, func(inner *scope) { y.items(inner, n) })
	case *parse.TemplateNode:
		dot := reflect.TypeFor[nothing]()
		if n.Pipe != nil {
			dot = y.pipe(s, n.Pipe)
		}
		if y.trees[n.Name] == nil {
			f := y.fault(s, n, "there is no template %q: it needs a {{define}} in this file or in parts%s", n.Name, s.tree.ParseName[strings.LastIndexByte(s.tree.ParseName, '.'):])
			f.Word, f.Known = n.Name, slices.Sorted(maps.Keys(y.trees))
			return
		}
		y.template(n.Name, dot)
	}
}

// printable says whether a value can stand in a mail.
func printable(t reflect.Type) bool { return kindOf(t) != "" }

// told says whether the line of a node has a fault already.
func (y *typist) told(s *scope, n parse.Node) bool {
	file, line := placeIn(s.tree, n)
	return slices.ContainsFunc(y.faults, func(f *TemplateFault) bool { return f.File == file && f.Line == line })
}

// branch reads both ways; the pipe holds for the first.
func (y *typist) branch(s *scope, b *parse.BranchNode, enter func(inner *scope)) {
	inner := *s
	enter(&inner)
	y.list(&inner, b.List)
	y.list(s, b.ElseList)
}

// items makes dot what a range gives, one after the other.
func (y *typist) items(s *scope, n *parse.RangeNode) {
	decl := n.Pipe.Decl
	bare := *n.Pipe
	bare.Decl = nil
	list := y.pipe(s, &bare)
	if list == nil || list.Kind() != reflect.Slice {
		y.fault(s, n, "range wants a list of the page, and %s is %s", n.Pipe, named(list))
		s.dot = nil
	} else {
		s.dot = list.Elem()
	}
	item := s.dot
	if len(decl) == 2 {
		s.vars = append(s.vars[:len(s.vars):len(s.vars)], variable{decl[0].Ident[0], reflect.TypeFor[int]()})
	}
	if len(decl) > 0 {
		s.vars = append(s.vars[:len(s.vars):len(s.vars)], variable{decl[len(decl)-1].Ident[0], item})
	}
}

// pipe is the type of what a pipe gives; nil: it cannot be told.
func (y *typist) pipe(s *scope, p *parse.PipeNode) reflect.Type {
	var kind reflect.Type
	for i, c := range p.Cmds {
		var before []reflect.Type
		if i > 0 {
			before = []reflect.Type{kind}
		}
		kind = y.command(s, c, before)
	}
	for _, v := range p.Decl {
		if p.IsAssign {
			y.assign(s, v, kind)
			continue
		}
		s.vars = append(s.vars[:len(s.vars):len(s.vars)], variable{v.Ident[0], kind})
	}
	return kind
}

// assign keeps a variable to one type: which branch set it last is not known
// before the mail is made.
func (y *typist) assign(s *scope, v *parse.VariableNode, kind reflect.Type) {
	if was := s.variable(v.Ident[0]); was != kind {
		y.fault(s, v, "%s was %s and becomes %s: take another name", v.Ident[0], named(was), named(kind))
	}
}

func (s *scope) variable(name string) reflect.Type {
	for i := len(s.vars) - 1; i >= 0; i-- {
		if s.vars[i].name == name {
			return s.vars[i].kind
		}
	}
	return nil // the parser has refused it
}

func (y *typist) command(s *scope, c *parse.CommandNode, before []reflect.Type) reflect.Type {
	first := c.Args[0]
	if f, ok := first.(*parse.IdentifierNode); ok {
		args := make([]reflect.Type, 0, len(c.Args))
		for _, a := range c.Args[1:] {
			args = append(args, y.value(s, a))
		}
		return y.call(s, f, c.Args[1:], append(args, before...))
	}
	if len(c.Args) > 1 || len(before) > 0 {
		y.fault(s, first, "%s is a value and takes nothing", first)
	}
	return y.value(s, first)
}

func (y *typist) value(s *scope, n parse.Node) reflect.Type {
	switch n := n.(type) {
	case *parse.DotNode:
		return s.dot
	case *parse.FieldNode:
		return y.fields(s, n, s.dot, n.Ident)
	case *parse.VariableNode:
		return y.fields(s, n, s.variable(n.Ident[0]), n.Ident[1:])
	case *parse.ChainNode:
		return y.fields(s, n, y.value(s, n.Node), n.Field)
	case *parse.PipeNode:
		inner := *s
		return y.pipe(&inner, n)
	case *parse.IdentifierNode:
		return y.call(s, n, nil, nil)
	case *parse.StringNode:
		return reflect.TypeFor[string]()
	case *parse.BoolNode:
		return reflect.TypeFor[bool]()
	case *parse.NumberNode:
		if !n.IsInt {
			y.fault(s, n, "%s is no whole number", n)
		}
		return reflect.TypeFor[int]()
	}
	y.fault(s, n, "%s stands for nothing here", n)
	return nil
}

// fields follows names from a type on.
func (y *typist) fields(s *scope, n parse.Node, kind reflect.Type, names []string) reflect.Type {
	for _, name := range names {
		of := kind
		for of != nil && of.Kind() == reflect.Pointer {
			of = of.Elem()
		}
		if of == nil || of.Kind() != reflect.Struct {
			y.fault(s, n, "%s is %s and has no .%s", cmpSource(n), named(kind), name)
			return nil
		}
		field, there := of.FieldByName(name)
		if !there || !field.IsExported() {
			f := y.fault(s, n, "%s has no .%s", named(kind), name)
			f.Word, f.Known = name, fieldNames(of)
			return nil
		}
		kind = field.Type
	}
	return kind
}

// cmpSource is a node as it is written.
func cmpSource(n parse.Node) string { return strings.TrimSpace(n.String()) }

func fieldNames(of reflect.Type) []string {
	var names []string
	for _, f := range reflect.VisibleFields(of) {
		if f.IsExported() {
			names = append(names, f.Name)
		}
	}
	return names
}

// call is the type of what a function gives.
func (y *typist) call(s *scope, f *parse.IdentifierNode, written []parse.Node, args []reflect.Type) reflect.Type {
	if own, ok := y.funcs[f.Ident]; ok && !builtins[f.Ident] {
		y.arguments(s, f, reflect.TypeOf(own), args)
		if f.Ident == "say" {
			y.printing(s, f, args)
			y.say(s, f, written)
		}
		return reflect.TypeOf(own).Out(0)
	}
	if !builtins[f.Ident] {
		why := instead[f.Ident]
		if why == "" {
			why = "it is none of the functions of a mail"
		}
		y.fault(s, f, "%s is not for mails: %s", f.Ident, why)
		return nil
	}
	switch f.Ident {
	case "and", "or":
		return y.oneType(args)
	case "len":
		if len(args) != 1 || args[0] == nil || args[0].Kind() != reflect.Slice && args[0].Kind() != reflect.String {
			y.fault(s, f, "len wants one list or one text")
		}
		return reflect.TypeFor[int]()
	case "not":
		if len(args) != 1 {
			y.fault(s, f, "not wants one value")
		}
		return reflect.TypeFor[bool]()
	case "eq", "ne", "lt", "le", "gt", "ge":
		y.comparable(s, f, args)
		return reflect.TypeFor[bool]()
	case "printf":
		y.format(s, f, written)
	}
	y.printing(s, f, args)
	return reflect.TypeFor[string]()
}

func (y *typist) printing(s *scope, f *parse.IdentifierNode, args []reflect.Type) {
	for _, a := range args {
		if !printable(a) {
			y.fault(s, f, "%s cannot print %s: name what of it", f.Ident, named(a))
		}
	}
}

// oneType is what and and or give: one of their values, so it can be told only
// where these are alike.
func (y *typist) oneType(args []reflect.Type) reflect.Type {
	for _, a := range args {
		if a != args[0] {
			return nil
		}
	}
	if len(args) == 0 {
		return nil
	}
	return args[0]
}

// arguments holds a call to what the function takes, as the execution would.
func (y *typist) arguments(s *scope, f *parse.IdentifierNode, fn reflect.Type, args []reflect.Type) {
	fixed := fn.NumIn()
	if fn.IsVariadic() {
		fixed--
	}
	if len(args) < fixed || len(args) > fixed && !fn.IsVariadic() {
		y.fault(s, f, "%s takes %d values, not %d", f.Ident, fixed, len(args))
		return
	}
	for i, a := range args[:fixed] {
		if a == nil || !a.AssignableTo(fn.In(i)) {
			y.fault(s, f, "%s takes %s, not %s", f.Ident, named(fn.In(i)), named(a))
		}
	}
}

// comparable wants values of one kind: others stop the mail.
func (y *typist) comparable(s *scope, f *parse.IdentifierNode, args []reflect.Type) {
	most := 2
	if f.Ident == "eq" {
		most = 100
	}
	if len(args) < 2 || len(args) > most {
		y.fault(s, f, "%s compares two values", f.Ident)
		return
	}
	ordered := f.Ident != "eq" && f.Ident != "ne"
	for _, a := range args {
		switch k := kindOf(a); {
		case k == "" || k == "bool" && ordered:
			y.fault(s, f, "%s does not compare %s", f.Ident, named(a))
			return
		case k != kindOf(args[0]):
			y.fault(s, f, "%s compares %s with %s, which are never alike", f.Ident, named(args[0]), named(a))
			return
		}
	}
}

// kindOf is the kind as comparisons see it; empty: it cannot be compared.
func kindOf(t reflect.Type) string {
	switch {
	case t == nil:
		return ""
	case t.Kind() == reflect.String:
		return "text"
	case t.Kind() == reflect.Bool:
		return "bool"
	case t.Kind() >= reflect.Int && t.Kind() <= reflect.Int64:
		return "number"
	}
	return ""
}

// plainFormat has no widths: a mail is no table of a printer, and a width can
// fill a disk.
var plainFormat = regexp.MustCompile(`^(?:[^%]|%[sdvq%])*$`)

func (y *typist) format(s *scope, f *parse.IdentifierNode, written []parse.Node) {
	var format *parse.StringNode
	if len(written) > 0 {
		format, _ = written[0].(*parse.StringNode)
	}
	if format == nil || !plainFormat.MatchString(format.Text) {
		y.fault(s, f, "printf wants a quoted text first, with no other places than %%s, %%d, %%q and %%v")
	}
}

// say wants a text that there is, and something for each of its places, as far
// as both are written out.
func (y *typist) say(s *scope, f *parse.IdentifierNode, written []parse.Node) {
	if len(written) == 0 {
		return
	}
	key, literal := written[0].(*parse.StringNode)
	if !literal {
		return
	}
	text, there := y.texts.Texts[key.Text]
	if !there {
		f := y.fault(s, f, "there is no text %q", key.Text)
		f.Word, f.Known = key.Text, slices.Sorted(maps.Keys(y.texts.Texts))
		return
	}
	var filled []string
	for i, a := range written[1:] {
		name, literal := a.(*parse.StringNode)
		if i%2 == 0 && !literal {
			return
		}
		if i%2 == 0 {
			filled = append(filled, "{"+name.Text+"}")
		}
	}
	for _, place := range text.Places() {
		if !slices.Contains(filled, place) {
			y.fault(s, f, "%q would print %s as it stands: write {{say %q %q ...}}, with what stands there behind it", key.Text, place, key.Text, strings.Trim(place, "{}"))
		}
	}
}

// named is a type in the words of an editor.
func named(t reflect.Type) string {
	if t == nil {
		return "something that differs"
	}
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case t == reflect.TypeFor[nothing]():
		return "nothing (the template is called without a value)"
	case t.Kind() == reflect.Struct:
		return "the " + t.Name()
	case t.Kind() == reflect.Slice:
		return "a list"
	case kindOf(t) == "bool":
		return "true or false"
	case kindOf(t) == "number":
		return "a number"
	}
	return "text"
}

// circles finds templates that call themselves, and ranges that stand too
// deep in each other, calls included.
func (y *typist) circles(root string) bool {
	c := circles{typist: y, state: map[string]int{}, depth: map[string]int{}}
	c.visit(root)
	return len(y.faults) > 0
}

type circles struct {
	*typist
	state map[string]int // 1: under way, 2: done
	depth map[string]int // of ranges in a template that is done
}

func (c *circles) visit(name string) int {
	tree := c.trees[name]
	if c.state[name] == 2 || tree == nil || tree.Root == nil {
		return c.depth[name]
	}
	c.state[name] = 1
	c.depth[name] = c.below(tree, tree.Root, 0)
	c.state[name] = 2
	return c.depth[name]
}

// below is how deep ranges stand in a node that is so deep itself.
func (c *circles) below(t *parse.Tree, n parse.Node, deep int) int {
	deepest := deep
	switch n := n.(type) {
	case *parse.ListNode:
		if n == nil {
			return deep
		}
		for _, x := range n.Nodes {
			deepest = max(deepest, c.below(t, x, deep))
		}
	case *parse.IfNode:
		deepest = max(c.below(t, n.List, deep), c.below(t, n.ElseList, deep))
	case *parse.WithNode:
		deepest = max(c.below(t, n.List, deep), c.below(t, n.ElseList, deep))
	case *parse.RangeNode:
		deepest = max(c.below(t, n.List, deep+1), c.below(t, n.ElseList, deep))
		c.tooDeep(t, n, deep, deepest)
	case *parse.TemplateNode:
		if c.state[n.Name] == 1 {
			c.fault(&scope{tree: t}, n, "the template %q comes back to itself, and would never end", n.Name)
			return deep
		}
		deepest = deep + c.visit(n.Name)
		c.tooDeep(t, n, deep, deepest)
	}
	return deepest
}

// tooDeep tells of the outermost node that goes too deep.
func (c *circles) tooDeep(t *parse.Tree, n parse.Node, deep, deepest int) {
	if deep == 0 && deepest > mostRanges {
		c.fault(&scope{tree: t}, n, "%d ranges stand in each other here; a mail needs no more than %d", deepest, mostRanges)
	}
}
