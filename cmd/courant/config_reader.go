package main

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// place is where something stands in the file, from 1, in characters. The
// zero place is the file as a whole.
type place struct{ line, column int }

// configReader walks the YAML of one config and collects what is wrong with
// it. It knows YAML and places, and nothing of Courant's keys.
type configReader struct {
	file     string
	dir      string // relative paths in the file start here
	env      func(string) (string, bool)
	written  []string // the lines as they stand in the file, secrets included
	shown    []string // the same as they may be shown
	anchors  map[string]ast.Node
	places   map[string]place    // path -> where its value stands
	unread   map[string]bool     // top-level keys lost to a syntax fault
	items    map[string][]string // path of a list -> the paths of the items that could be read
	secrets  []string            // the files that were named as secret
	faults   []Fault
	warnings []Fault
	// worldReadable: others may read the file, so no secret belongs in it.
	worldReadable bool
	namesOnly     bool // no file but this one is opened
	files         readFiles
	first         place // of the first key; zero: there is none
}

// The bounds of a config. They are far above what an editor writes, and keep
// a broken one from costing more than a moment: the parser's time and memory
// grow with the square of the nesting, and of the length of a line.
const (
	maxConfigBytes  = 256 << 10
	maxConfigLine   = 4000
	maxNesting      = 32
	maxSyntaxFaults = 20
)

// fault records what is wrong at a place.
func (r *configReader) fault(at place, path, format string, args ...any) {
	r.faults = append(r.faults, r.tell(at, path, fmt.Sprintf(format, args...)))
}

// warn records what is doubtful at a place.
func (r *configReader) warn(at place, path, format string, args ...any) {
	r.warnings = append(r.warnings, r.tell(at, path, fmt.Sprintf(format, args...)))
}

// tell makes a fault with the line it stands in, secrets masked.
func (r *configReader) tell(at place, path, message string) Fault {
	f := Fault{File: r.file, Line: at.line, Column: at.column, Path: shownPath(path), Message: shownMessage(message)}
	if at.line == 0 { // the file as a whole, or a key that could stand anywhere in it
		f.Line, f.Column = 1, 1
	} else if at.line <= len(r.shown) {
		shown := r.shown[at.line-1]
		f.source, f.caret = excerptOf(shown, shownColumn(r.written[at.line-1], shown, at.column))
	}
	return f
}

// at is where a path stands: itself, or the nearest thing around it. For a key
// at the top that is not there, that is the first one that is.
func (r *configReader) at(path string) place {
	for path != "" {
		if at, ok := r.places[path]; ok {
			return at
		}
		path = path[:max(0, strings.LastIndexAny(path, ".["))]
	}
	return r.first
}

// parse reads the file's text into its top mapping. A fault of syntax costs
// the top-level key it lies in; the rest of the file is still read, so that
// its faults are told as well.
func (r *configReader) parse(text []byte) *yamlMapping {
	r.places, r.anchors, r.unread = map[string]place{}, map[string]ast.Node{}, map[string]bool{}
	r.items = map[string][]string{}
	if len(text) > maxConfigBytes {
		r.fault(place{}, "", "the file is larger than %d KB: is it a config?", maxConfigBytes>>10)
		return nil
	}
	lines := strings.Split(strings.TrimPrefix(string(text), "\uFEFF"), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimSuffix(line, "\r")
	}
	r.written, r.shown = slices.Clone(lines), withoutSecrets(lines)
	if !r.cleanText(lines) {
		return nil
	}
	for range maxSyntaxFaults {
		file, fault := parseBlocks(lines)
		if fault == nil {
			return r.top(file)
		}
		at := place{max(1, min(fault.Token.Position.Line, len(lines))), max(1, fault.Token.Position.Column)}
		fault.Message = syntaxAdvice(fault.Message, lines[at.line-1])
		if quote, swallowed := swallowingQuote(lines, at); swallowed {
			at, fault.Message = quote, neverClosed
		}
		if fault.Message == neverClosed {
			// What came later in the file was read with inside and outside swapped.
			r.faults = slices.DeleteFunc(r.faults, func(f Fault) bool { return f.Line > at.line })
		}
		r.fault(at, "", "%s", fault.Message)
		key, found := blank(lines, at.line-1)
		if !found {
			return nil
		}
		r.unread[key] = true
	}
	return nil
}

// cleanText refuses what is no text: the parser would take it, and it would
// end in a header or on a terminal.
func (r *configReader) cleanText(lines []string) bool {
	if at := notUTF8(lines); at != (place{}) {
		r.fault(at, "", "this is not UTF-8 text; save the file as UTF-8")
		return false
	}
	r.plainSpaces(lines)
	clean := true
	for i, line := range lines {
		if len(line) > maxConfigLine {
			r.fault(place{i + 1, 1}, "", "the line is longer than %d bytes; give each item a line of its own", maxConfigLine)
			clean = false
			continue
		}
		for at, c := range line {
			column := utf8.RuneCountInString(line[:at]) + 1
			if c < ' ' && c != '\t' || c == 0x7f {
				r.fault(place{i + 1, column}, "", "a control character (U+%04X) stands here; remove it", c)
				clean = false
				break
			}
		}
	}
	return clean
}

// parseYAML gives the tree of a text, or the first fault of its syntax; the
// parser stops there. Keys that are there twice are let through, since add
// tells all of them and not only the first.
func parseYAML(text string) (*ast.File, *yaml.SyntaxError) {
	tokens := lexer.Tokenize(text)
	if fault := tooDeep(tokens); fault != nil {
		return nil, fault
	}
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err == nil {
		return file, nil
	}
	if fault := (*yaml.SyntaxError)(nil); errors.As(err, &fault) && fault.Token != nil && fault.Token.Position != nil {
		return nil, fault
	}
	return nil, &yaml.SyntaxError{Message: "this is not YAML", Token: token.New("", "", &token.Position{Line: 1, Column: 1})}
}

const tooDeepMessage = "the brackets or dashes nest deeper than any key of a config does; is one of them not meant?"

// tooDeep finds the token at which a file nests deeper than any config does.
func tooDeep(tokens token.Tokens) *yaml.SyntaxError {
	flow, line, onLine := 0, 0, 0
	for _, tk := range tokens {
		if tk.Position.Line != line {
			line, onLine = tk.Position.Line, 0
		}
		switch tk.Type {
		case token.SequenceStartType, token.MappingStartType:
			flow++
		case token.SequenceEndType, token.MappingEndType:
			flow--
		case token.SequenceEntryType, token.MappingKeyType, token.AnchorType, token.TagType:
			onLine++
		}
		if flow > maxNesting || onLine > maxNesting {
			return &yaml.SyntaxError{Message: tooDeepMessage, Token: tk}
		}
	}
	return nil
}

const neverClosed = "this quote is never closed; write one at the end of the text"

// bareReference finds a reference to the environment without quotes.
var bareReference = regexp.MustCompile(`: +[^"'\s]*\$\{`)

// syntaxAdvice turns the parser's words into what an editor can do.
func syntaxAdvice(message, line string) string {
	_, rest, _ := strings.Cut(line, ": ")
	switch {
	case message == tooDeepMessage:
		return message
	case commentColour.MatchString(line):
		return quotedColour
	case strings.IndexAny(rest, opensCurly) == 0:
		return curlyQuotes
	case strings.Contains(line, "{{") && !strings.ContainsAny(line, `"'`):
		return `a text that begins with {{ must stand in quotes: "{{.Title}}"`
	case strings.Contains(message, "cannot start any token") && strings.Contains(line, "\t"):
		return "a tab stands where YAML wants spaces; indent with spaces only"
	case rest == "*", rest == "&", strings.HasPrefix(message, "undefined a"), strings.HasPrefix(message, "unexpected scalar value type"):
		return "a text that begins with * or & must stand in quotes"
	case strings.HasPrefix(message, "mapping value is not allowed") && strings.Contains(rest, ": "):
		return `a text with ": " in it must stand in quotes`
	case strings.HasPrefix(message, "mapping value is not allowed"):
		return "the keys here are not in one column; look at the indentation of this line and the next"
	case strings.HasPrefix(message, "unexpected key name"):
		return `a key needs a colon and a space behind it, as in "name: Example News"`
	case strings.HasPrefix(message, "value is not allowed in this context") && strings.IndexAny(rest, `"'`) == 0:
		return "the text goes on behind its closing quote; put all of it in quotes"
	case strings.HasPrefix(message, "value is not allowed in this context"), strings.HasPrefix(message, "non-map value"):
		return "this does not belong here; look at the indentation of this line and the one above"
	case strings.HasPrefix(message, "could not find end character"):
		return neverClosed
	case strings.HasSuffix(message, "is a reserved character"): // '@' is one
		return "a text that begins with " + strings.Trim(message[:3], "'") + " must stand in quotes"
	case strings.HasPrefix(message, "unexpected directive value"):
		return "a text that begins with % must stand in quotes"
	case strings.HasPrefix(message, "found an invalid key"):
		return "a key is a plain word, with a colon behind it"
	case strings.HasPrefix(message, "expected sequence element"):
		return "a comma stands here and no value in front of it; take it out, or write one"
	case strings.HasPrefix(message, "invalid header option"):
		return "behind | or > the line ends, and the text stands below it; a text that begins with one of them must stand in quotes"
	case strings.HasPrefix(message, "block sequence entries are not allowed"):
		return "a list with dashes begins on the line below its key; or write it as [a, b]"
	case strings.HasPrefix(message, "found unknown escape character"):
		return `a \ in double quotes begins a special character; write \\, or use single quotes`
	case strings.HasPrefix(message, "could not find '"):
		return "this bracket closes none that is open; a text that begins with one must stand in quotes"
	case strings.HasPrefix(message, "sequence end token"):
		return "this [ is never closed; write ] at the end of the list"
	case strings.HasPrefix(message, "could not find flow mapping end"):
		return "this { is never closed; write } behind the last key"
	case strings.HasPrefix(message, "',' or") && bareReference.MatchString(line):
		return `inside { } a text with ${ } in it must stand in quotes: "${SMTP_PASSWORD}"`
	case strings.HasPrefix(message, "',' or"):
		return "a comma or a closing bracket is missing in front of this; is the bracket above it closed?"
	}
	return "this is not YAML: " + message
}

// parseBlocks gives the tree of a file, or its first fault. A bracket or quote
// that is never closed is a fault to the parser only where it meets something
// it cannot take, maybe far below; a block that is faulty by itself is to blame.
func parseBlocks(lines []string) (*ast.File, *yaml.SyntaxError) {
	file, fault := parseYAML(strings.Join(lines, "\n"))
	if fault == nil {
		return file, nil
	}
	for from := 0; from < min(fault.Token.Position.Line, len(lines)); {
		to := from + 1
		for to < len(lines) && !topLine(lines[to]) {
			to++
		}
		if _, own := parseYAML(strings.Join(lines[from:to], "\n")); own != nil {
			own.Token.Position.Line += from
			return nil, own
		}
		from = to
	}
	return nil, fault
}

// topLine says whether a line begins a block at the top of a file.
func topLine(s string) bool { return s != "" && !strings.ContainsRune(" \t#-]}", rune(s[0])) }

// blank empties the top-level block around lines[at] and names its key.
// found is false when there is no such block left to take away.
func blank(lines []string, at int) (key string, found bool) {
	from := at
	for from > 0 && !topLine(lines[from]) {
		from--
	}
	key, _, _ = strings.Cut(lines[from], ":")
	for i := from; i < len(lines) && (i == from || !topLine(lines[i])); i++ {
		found = found || lines[i] != ""
		lines[i] = ""
	}
	return strings.TrimSpace(key), found
}

// top finds the one mapping a config is.
func (r *configReader) top(file *ast.File) *yamlMapping {
	var bodies []ast.Node
	for _, doc := range file.Docs {
		ast.Walk(anchorFinder(r.anchors), doc)
		if _, directive := doc.Body.(*ast.DirectiveNode); doc.Body != nil && !directive {
			bodies = append(bodies, doc.Body)
		}
	}
	if len(bodies) == 0 {
		return &yamlMapping{r: r, places: map[string]place{}, values: map[string]yamlValue{}}
	}
	for _, body := range bodies[1:] {
		r.fault(placeOf(body), "", "a second document begins here; a config is one, without a --- in its middle")
	}
	r.first = placeOf(bodies[0])
	m, err := yamlValue{r: r, node: bodies[0], at: placeOf(bodies[0])}.mapping()
	if err != nil {
		r.fault(placeOf(bodies[0]), "", "%v", err)
		return nil
	}
	return m
}

// anchorFinder collects the anchors of a document by name.
type anchorFinder map[string]ast.Node

// Visit is called by ast.Walk for each node.
func (found anchorFinder) Visit(n ast.Node) ast.Visitor {
	if a, ok := n.(*ast.AnchorNode); ok && a.Name != nil {
		found[a.Name.GetToken().Value] = a.Value
	}
	return found
}

// placeOf is where a node begins: for a block mapping that is its first key,
// since the parser gives the colon.
func placeOf(n ast.Node) place {
	for range maxNesting {
		m, ok := n.(*ast.MappingNode)
		if !ok || m.IsFlowStyle || len(m.Values) == 0 {
			break
		}
		n = m.Values[0].Key
	}
	if n == nil || n.GetToken() == nil || n.GetToken().Position == nil {
		return place{}
	}
	p := n.GetToken().Position
	return place{p.Line, max(1, p.Column)}
}

// yamlMapping is a mapping whose keys are taken one by one; what nobody took
// is unknown.
type yamlMapping struct {
	r      *configReader
	path   string
	at     place            // of its key in the mapping around it
	order  []string         // the keys as they stand in the file
	places map[string]place // of the keys
	values map[string]yamlValue
	known  []string
	broken bool // its fault has been told: nothing in it counts as missing
	// shape is set while the readers are asked what they would take: there is
	// no file then, and each key they ask for is described in shape.
	shape *shape
}

// yamlValue is what stands behind a key or a dash.
type yamlValue struct {
	r    *configReader
	path string
	at   place
	node ast.Node // never an alias; nil or a null node: nothing was written
}

// keyPath is the path of a key below path.
func keyPath(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// value makes the value that node is, following aliases.
func (r *configReader) value(path string, node ast.Node) (yamlValue, error) {
	at := placeOf(node)
	for range maxNesting { // an alias may lead to an alias, or to itself
		switch n := node.(type) {
		case *ast.AnchorNode:
			node = n.Value
		case *ast.AliasNode:
			if node = r.anchors[n.Value.GetToken().Value]; node == nil {
				// Its name is not told: it may be a password.
				return yamlValue{}, errors.New("it begins with * and no such anchor is in this file; put text in quotes")
			}
		case *ast.TagNode:
			return yamlValue{}, errors.New("a tag, which begins with !, is not read; put text that begins so in quotes") // its name may be a password
		default:
			return yamlValue{r, path, at, node}, nil
		}
	}
	return yamlValue{}, errors.New("this alias names itself")
}

// mapping reads v as a mapping. Faults of single keys are recorded, not
// returned.
func (v yamlValue) mapping() (*yamlMapping, error) {
	m := &yamlMapping{r: v.r, path: v.path, at: v.at, places: map[string]place{}, values: map[string]yamlValue{}}
	if v.null() {
		return m, nil
	}
	n, ok := v.node.(*ast.MappingNode)
	if !ok {
		return nil, fmt.Errorf("expected keys with values like {key: value}, got %s", v.kind())
	}
	for _, entry := range n.Values {
		m.add(entry)
	}
	return m, nil
}

// add takes one key and its value in. Merge keys are refused: with them a
// fault could no longer be told at the line that causes it.
func (m *yamlMapping) add(entry *ast.MappingValueNode) {
	key, at := entry.Key.GetToken().Value, placeOf(entry.Key)
	path := keyPath(m.path, key)
	switch entry.Key.(type) {
	case *ast.MergeKeyNode:
		m.r.fault(at, m.path, "<< is not read; write the keys out")
		return
	case *ast.StringNode, *ast.IntegerNode, *ast.BoolNode, *ast.NullNode, *ast.FloatNode:
	default:
		m.r.fault(at, m.path, "a key is a plain word")
		return
	}
	if first, twice := m.places[key]; twice {
		m.r.fault(at, path, "the key is already set on line %d; keep one of the two", first.line)
		return
	}
	m.order, m.places[key] = append(m.order, key), at
	v, err := m.r.value(path, entry.Value)
	if err != nil {
		m.r.fault(placeOf(entry.Value), path, "%v", err)
		v = yamlValue{r: m.r, path: path, at: at, node: brokenNode{entry.Value}}
	}
	if v.null() || v.block() {
		v.at = at // nothing, or a block below: the key is the better place to point at
	}
	m.r.places[path], m.values[key] = v.at, v
}

// brokenNode is a value whose fault has been told.
type brokenNode struct{ ast.Node }

// take gives the value of a key, and remembers that the key is known.
func (m *yamlMapping) take(key string) (yamlValue, bool) {
	m.known = append(m.known, key)
	v, ok := m.values[key]
	if _, broken := v.node.(brokenNode); broken {
		return v, false
	}
	return v, ok
}

// has says whether the file has the key, readable or not.
func (m *yamlMapping) has(key string) bool {
	_, ok := m.places[key]
	return ok || m.path == "" && m.r.unread[key]
}

// require records a fault for each key that is missing.
func (m *yamlMapping) require(key, why string) {
	switch {
	case m.shape != nil:
		m.shape.Required = append(m.shape.Required, key)
		return
	case m.broken || m.has(key):
		return
	}
	m.r.fault(m.at, keyPath(m.path, key), "the key is missing: %s", why)
}

// requireItems is require for a key whose list may not be empty, either. That
// it is not, who knows what the list is for tells best.
func (m *yamlMapping) requireItems(key, why string) {
	m.require(key, why)
	if m.shape == nil {
		return
	}
	for _, p := range m.shape.Properties {
		if p.key == key {
			p.takes.Type, p.takes.MinItems = oneOrList{"array"}, 1
		}
	}
}

// requireEither wants one of several keys, and no two of them. The key that is
// set first leads the sentence of both.
func (m *yamlMapping) requireEither(neither, both string, keys ...string) {
	if m.shape != nil {
		for _, key := range keys {
			m.shape.OneOf = append(m.shape.OneOf, &shape{Required: []string{key}})
		}
		return
	}
	set := slices.DeleteFunc(slices.Clone(keys), func(key string) bool { return !m.has(key) })
	if len(set) == 0 {
		m.r.fault(m.at, m.path, "%s", neither)
		return
	}
	for _, other := range set[1:] {
		m.r.fault(m.r.at(keyPath(m.path, other)), keyPath(m.path, other), "%s %s", set[0], both)
	}
}

// done records the keys that nobody took.
func (m *yamlMapping) done() {
	if m.shape != nil {
		m.shape.close()
		return
	}
	for _, key := range m.order {
		if slices.Contains(m.known, key) {
			continue
		}
		at, shown := m.places[key], key
		if !announces(key) && nearest(key, m.known) == "" && at.line <= len(m.r.shown) && !strings.Contains(m.r.shown[at.line-1], key) {
			shown = "…" // it may be what stands behind the comma of a password
		}
		m.r.fault(at, keyPath(m.path, shown), "unknown key%s", keyMeant(key, m.known))
	}
}

// keyMeant ends a sentence about a key that is none here: where it belongs,
// the one probably meant, or which keys there are.
func keyMeant(key string, known []string) string {
	var places []string
	describedConfig().eachKey("", func(path string, _ *shape) {
		around, last, below := cutLast(path)
		switch {
		case last != key:
		case below:
			places = append(places, "under "+strings.TrimSuffix(around, "."+anyName))
		default:
			places = append(places, "at the top of the file")
		}
	})
	switch {
	case len(places) > 0:
		return "; it belongs " + strings.Join(places, " or ")
	case nearest(key, known) != "":
		return didYouMean(key, known)
	case len(known) > 12:
		return "; config.example.yaml shows every key"
	}
	return "; the keys here are " + strings.Join(known, ", ")
}

// cutLast parts a path from its last key; below says that there is more than it.
func cutLast(path string) (around, last string, below bool) {
	i := strings.LastIndexByte(path, '.')
	return path[:max(0, i)], path[i+1:], i >= 0
}

// null says whether nothing was written.
func (v yamlValue) null() bool {
	if v.node == nil {
		return true
	}
	_, null := v.node.(*ast.NullNode)
	return null
}

// block says whether the value is a mapping or list on lines of its own.
func (v yamlValue) block() bool {
	switch n := v.node.(type) {
	case *ast.MappingNode:
		return !n.IsFlowStyle
	case *ast.SequenceNode:
		return !n.IsFlowStyle
	}
	return false
}

// kind names what was written, for "expected ..., got ...".
func (v yamlValue) kind() string {
	switch v.node.(type) {
	case nil, *ast.NullNode:
		return "nothing"
	case *ast.StringNode, *ast.LiteralNode:
		return "text"
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		return "a number"
	case *ast.BoolNode:
		return "true or false"
	case *ast.SequenceNode:
		return "a list"
	case *ast.MappingNode:
		return "keys with values"
	}
	return "something else"
}

// got is kind, or the text itself where it is short. It is for keys that hold
// no secret; an alias may lead to one.
func (v yamlValue) got() string {
	if s, err := v.rawText(); err == nil && utf8.RuneCountInString(s) <= 40 && v.at == placeOf(v.node) {
		return strconv.Quote(s)
	}
	return v.kind()
}

// inText is an error about what begins so many bytes into a text.
type inText struct {
	offset int
	error
}

// placeOf is where in v an error lies: at its start, if nothing else is known.
func (v yamlValue) placeOf(err error) place {
	var within inText
	text, notText := v.rawText()
	if !errors.As(err, &within) || notText != nil || v.at.line < 1 || v.at.line > len(v.r.written) {
		return v.at
	}
	runes := []rune(v.r.written[v.at.line-1])
	from := min(len(runes), max(0, v.at.column-1))
	if from < len(runes) && strings.ContainsRune("\"'", runes[from]) {
		from++
	}
	// What stands there may be an alias, or written with escapes.
	before := text[:min(len(text), within.offset)]
	if !strings.HasPrefix(string(runes[from:]), before) {
		return v.at
	}
	return place{v.at.line, from + 1 + utf8.RuneCountInString(before)}
}

// envReference is a reference to the environment, as secret keys take it.
var envReference = regexp.MustCompile(`\$\{([A-Za-z_][A-Za-z0-9_]*)\}`)

// text reads v as text that is no secret.
func (v yamlValue) text() (string, error) {
	s, err := v.rawText()
	if err != nil {
		return "", err
	}
	if ref := envReference.FindString(s); ref != "" {
		return "", fmt.Errorf("%s is read in secret keys only (%s); write the value itself", ref, strings.Join(secretKeys(), ", "))
	}
	return s, nil
}

// secretKeys are the keys that take ${ENV}.
func secretKeys() []string { return []string{"database", "password", "api_key", "token"} }

// rawText is v as text, whatever stands in it. Numbers are refused and not
// turned into text: 010 and 1e3 would come out as another number.
func (v yamlValue) rawText() (string, error) {
	switch n := v.node.(type) {
	case *ast.StringNode:
		return n.Value, nil
	case *ast.LiteralNode:
		return n.Value.Value, nil
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		return "", fmt.Errorf("expected text, got %s; put it in quotes", v.kind())
	}
	return "", fmt.Errorf("expected text, got %s", v.kind())
}

// literal says whether v was written without a reference to the environment.
func (v yamlValue) literal() bool {
	s, err := v.rawText()
	return err == nil && !envReference.MatchString(s)
}

// expanded reads v as the text of a secret key, with each ${ENV} replaced.
func (v yamlValue) expanded() (string, error) {
	s, err := v.rawText()
	if err != nil {
		return "", err
	}
	missing := map[string]bool{}
	s = envReference.ReplaceAllStringFunc(s, func(ref string) string {
		name := ref[2 : len(ref)-1]
		found, _ := v.r.env(name)
		missing[name] = found == "" // set but empty is a slip of whoever starts Courant
		return found
	})
	maps.DeleteFunc(missing, func(_ string, gone bool) bool { return !gone })
	if len(missing) > 0 {
		names := slices.Sorted(maps.Keys(missing))
		return "", fmt.Errorf("not set in the environment: %s; set it where Courant is started", strings.Join(names, ", "))
	}
	return s, nil
}

// list reads v as a list; a null is an empty one.
func (v yamlValue) list() ([]yamlValue, error) {
	if v.null() {
		return nil, nil
	}
	n, ok := v.node.(*ast.SequenceNode)
	if !ok {
		return nil, fmt.Errorf("expected a list like [a, b], got %s", v.kind())
	}
	var items []yamlValue
	for i, node := range n.Values {
		path := fmt.Sprintf("%s[%d]", v.path, i)
		item, err := v.r.value(path, node)
		if err != nil {
			v.r.fault(placeOf(node), path, "%v", err)
			continue
		}
		v.r.places[path] = item.at
		items = append(items, item)
	}
	return items, nil
}

// readKey sets *to to what kind makes of a key's value; without the key *to
// keeps what it has, which is the default. It says whether *to was set.
func readKey[T any](m *yamlMapping, key string, to *T, kind scalar[T]) bool {
	if m.shape != nil {
		m.shape.describe(key, kind.shape.withDefault(*to))
		return false
	}
	v, ok := m.take(key)
	if !ok {
		return false
	}
	if v.null() {
		m.r.fault(v.at, v.path, "%s", m.r.noValue(v))
		return false
	}
	parsed, err := kind.readFrom(v)
	if err != nil {
		return false
	}
	*to = parsed
	return true
}

// noValue is the sentence about a key with nothing behind it.
func (r *configReader) noValue(v yamlValue) string {
	if v.at.line <= len(r.shown) && v.at.line > 0 && commentColour.MatchString(r.shown[v.at.line-1]) {
		return quotedColour
	}
	if v.at.line <= len(r.shown) && v.at.line > 0 && commentSelector.MatchString(r.shown[v.at.line-1]) {
		return quotedSelector
	}
	return "the key has no value; write one or take the key away"
}

// readFrom is what kind makes of a value; an error was told.
func (kind scalar[T]) readFrom(v yamlValue) (T, error) {
	parsed, err := kind.read(v)
	switch curly := v.inCurlyQuotes(); {
	case err != nil && curly:
		v.r.fault(v.at, v.path, "%s", curlyQuotes)
	case err != nil:
		v.r.fault(v.placeOf(err), v.path, "%v", err)
	case curly:
		v.r.warn(v.at, v.path, "the typographic quotes are part of the text; write plain ones (\") unless these belong to it")
	}
	return parsed, err
}

// readItems sets *to to the items of a list; a faulty item does not keep the
// others from being read.
func readItems[T any](m *yamlMapping, key string, to *[]T, kind scalar[T]) {
	if m.shape != nil {
		list := shape{Type: optional("array"), Items: &kind.shape}
		m.shape.describe(key, list.withDefault(*to))
		return
	}
	v, ok := m.take(key)
	if !ok {
		return
	}
	items, err := v.list()
	if err != nil {
		m.r.fault(v.at, v.path, "%v", err)
		return
	}
	*to = nil
	for _, item := range items {
		parsed, err := kind.readFrom(item)
		if err != nil {
			continue
		}
		*to = append(*to, parsed)
		m.r.items[v.path] = append(m.r.items[v.path], item.path)
	}
}

// readOneOrItems is readItems for a key that takes a single item, too.
func readOneOrItems[T any](m *yamlMapping, key string, to *[]T, kind scalar[T]) {
	if m.shape != nil {
		one := *orUnset(kind).shape.withDefault("")
		m.shape.describe(key, &shape{AnyOf: []*shape{&one, {Type: oneOrList{"array"}, Items: &kind.shape, MinItems: 1}}})
		return
	}
	if v, written := m.values[key]; written {
		if _, list := v.node.(*ast.SequenceNode); list {
			readItems(m, key, to, kind)
			return
		}
	}
	var one T
	if readKey(m, key, &one, orUnset(kind)) {
		*to = []T{one}
	}
}

// section gives the mapping behind a key, an empty one without the key.
func (m *yamlMapping) section(key string) *yamlMapping {
	path := keyPath(m.path, key)
	if m.shape != nil {
		below := aMapping()
		m.shape.describe(key, below)
		return &yamlMapping{r: m.r, path: path, shape: below}
	}
	v, ok := m.take(key)
	if !ok {
		return &yamlMapping{r: m.r, path: path, at: m.at, broken: m.has(key)}
	}
	below, err := v.mapping()
	if err != nil {
		m.r.fault(v.at, path, "%v", err)
		return &yamlMapping{r: m.r, path: path, at: v.at, broken: true}
	}
	return below
}

// oneOrMore gives the mappings behind a key that takes a list of them or a
// single one.
func (m *yamlMapping) oneOrMore(key string) []*yamlMapping {
	if m.shape != nil {
		one := aMapping()
		again := &shape{Ref: "#/properties/" + strings.ReplaceAll(keyPath(m.path, key), ".", "/properties/") + "/anyOf/0"}
		m.shape.describe(key, &shape{AnyOf: []*shape{one, {Type: optional("array"), Items: again}}})
		return []*yamlMapping{{r: m.r, path: keyPath(m.path, key), shape: one}}
	}
	v, ok := m.take(key)
	if !ok || v.null() {
		return nil
	}
	if _, single := v.node.(*ast.MappingNode); single {
		return []*yamlMapping{m.section(key)}
	}
	if _, several := v.node.(*ast.SequenceNode); !several {
		m.r.fault(v.at, v.path, "expected keys with values like {key: value}, or a list of such, got %s", v.kind())
		return nil
	}
	return v.mappings()
}

// several gives the mappings behind a key that takes a list of them.
func (m *yamlMapping) several(key string) []*yamlMapping {
	if m.shape != nil {
		one := aMapping()
		m.shape.describe(key, &shape{Type: optional("array"), Items: one})
		return []*yamlMapping{{r: m.r, path: keyPath(m.path, key), shape: one}}
	}
	v, ok := m.take(key)
	if !ok {
		return nil
	}
	return v.mappings()
}

// mappings reads v as a list of mappings.
func (v yamlValue) mappings() []*yamlMapping {
	items, err := v.list()
	if err != nil {
		v.r.fault(v.at, v.path, "expected a list, with a dash before each item, got %s", v.kind())
	}
	var all []*yamlMapping
	for _, item := range items {
		one, err := item.mapping()
		if err == nil && item.null() {
			err = errors.New("expected keys with values like {key: value}, got nothing")
		}
		if err != nil {
			v.r.fault(item.at, item.path, "%v", err)
			continue
		}
		all = append(all, one)
	}
	return all
}
