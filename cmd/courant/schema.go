package main

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"
)

func (p *program) schemaCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of the config, for editors",
		Long: `Print the JSON Schema of the config. Editors complete and explain its keys with
it: put it beside courant.yaml, and let the first line of courant.yaml be

  # yaml-language-server: $schema=courant.schema.json`,
		Example: "  courant schema > courant.schema.json",
		Args:    arguments(0, 0),
		RunE: func(*cobra.Command, []string) error {
			text, err := configSchema()
			if err != nil {
				return err
			}
			if _, err := p.stdout.Write(text); err != nil {
				return fmt.Errorf("write the schema: %w", err)
			}
			return nil
		},
	}
}

// exampleText is the copy of config.example.yaml that the explanations of keys
// are taken from. The compiler embeds nothing from above this directory, so a
// test holds the two together.
//
//go:embed config.example.yaml
var exampleText string

// configSchema is the JSON Schema (draft-07, which editors know best) of the
// config. Its keys, kinds and defaults are those that the readers ask for, its
// words and examples those of config.example.yaml.
func configSchema() ([]byte, error) {
	top := describedConfig()
	if err := explainShape(top, exampleText); err != nil {
		return nil, fmt.Errorf("read the example config: %w", err)
	}
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false) // placeholders such as <news@example.com> are to be read
	e.SetIndent("", "  ")
	if err := e.Encode(top); err != nil {
		return nil, fmt.Errorf("write the schema: %w", err)
	}
	return text.Bytes(), nil
}

// describedConfig asks the readers what they would take.
func describedConfig() *shape {
	top := &shape{
		Schema: "http://json-schema.org/draft-07/schema#", Title: "Config of Courant", Type: oneOrList{"object"},
		Description: "The one file of editors, courant.yaml. `courant check` has the last word on it.",
	}
	r := &configReader{env: func(string) (string, bool) { return "", false }}
	c := unwritten("") // where the files of this machine lie is nothing to commit
	c.read(&yamlMapping{r: r, shape: top}, configHooks{})
	return top
}

// anyName stands in a path for a name that editors choose, and for nothing
// in a list: what holds for one entry holds for each.
const anyName = "*"

// eachKey walks through a shape's keys, giving the path of each.
func (s *shape) eachKey(path string, visit func(path string, s *shape)) {
	for _, p := range s.Properties {
		below := keyPath(path, p.key)
		visit(below, p.takes)
		p.takes.eachKey(below, visit)
	}
	if named, ok := s.AdditionalProperties.(*shape); ok {
		visit(keyPath(path, anyName), named)
		named.eachKey(keyPath(path, anyName), visit)
	}
	if s.Items != nil {
		s.Items.eachKey(path, visit)
	}
	for _, one := range s.AnyOf {
		one.eachKey(path, visit)
	}
}

// explainShape writes an example's comments and values into a shape.
func explainShape(top *shape, example string) error {
	var values any
	if err := yaml.Unmarshal([]byte(example), &values); err != nil {
		return err
	}
	shapes := map[string]*shape{}
	top.eachKey("", func(path string, s *shape) { shapes[path] = s })
	for _, c := range explained(example, func(path string) bool { return shapes[path] != nil }) {
		if s := shapes[c.path]; s != nil && s.Description == "" {
			s.Description = c.words
		}
	}
	for path, s := range shapes {
		for _, value := range valuesAt(values, strings.Split(path, ".")) {
			s.exemplify(value)
		}
	}
	return nil
}

// exemplify takes the value of the example in, where it tells more than the
// default and the closed words do.
func (s *shape) exemplify(value any) {
	if list, ok := value.([]any); ok && s.Items != nil && s.Items.Properties == nil {
		for _, item := range list {
			s.Items.exemplify(item)
		}
		return
	}
	switch value.(type) {
	case string, uint64:
	default:
		return
	}
	shown := append([]any{s.Default}, s.Examples...)
	for _, other := range shown {
		if fmt.Sprint(other) == fmt.Sprint(value) {
			return
		}
	}
	if s.Enum == nil && value != "" {
		s.Examples = append(s.Examples, value)
	}
}

// valuesAt are the values at a path of keys; a list gives those of each item.
func valuesAt(value any, path []string) (found []any) {
	if list, ok := value.([]any); ok && len(path) > 0 {
		for _, item := range list {
			found = append(found, valuesAt(item, path)...)
		}
		return found
	}
	if len(path) == 0 {
		return []any{value}
	}
	m, ok := value.(map[string]any)
	if !ok {
		return nil
	}
	for _, key := range slices.Sorted(maps.Keys(m)) {
		if key == path[0] || path[0] == anyName {
			found = append(found, valuesAt(m[key], path[1:])...)
		}
	}
	return found
}

// comment is what the example says about a key.
type comment struct {
	path  string
	words string // of the lines above the key, or behind it
	line  int    // of the key, from 1
}

var (
	exampleKey     = regexp.MustCompile(`^( *(?:- )?)([A-Za-z_]+):(?: |$)`)
	exampleComment = regexp.MustCompile(`^ *(?:- +)?#(?: |$)(.*)$`)
	commentedKey   = regexp.MustCompile(`^( *)# ([a-z_]+): `)
	behindValue    = regexp.MustCompile(`[^"]* # (.*)$`)
)

// explained are the keys of an example in its order, each with the comment
// above it. A key that cannot stand beside another one may be commented out;
// known says which words are keys. It is the example's YAML that is read here,
// not any YAML: one key a line, no flow mapping over several.
func explained(example string, known func(path string) bool) []comment {
	var all []comment
	var above []string
	path := &indentedPath{known: known}
	for i, line := range strings.Split(example, "\n") {
		if m := commentedKey.FindStringSubmatch(line); m != nil && known(path.at(len(m[1]), m[2])) {
			all = append(all, comment{path.at(len(m[1]), m[2]), strings.Join(above, " "), i + 1})
			above = nil
			continue
		}
		if m := exampleComment.FindStringSubmatch(line); m != nil {
			above = append(above, m[1])
			continue
		}
		if m := exampleKey.FindStringSubmatch(line); m != nil {
			if behind := behindValue.FindStringSubmatch(line); behind != nil {
				above = append(above, behind[1])
			}
			all = append(all, comment{path.enter(len(m[1]), m[2]), strings.Join(above, " "), i + 1})
		}
		above = nil
	}
	return all
}

// indentedPath follows the keys of a file down and up by their indentation.
type indentedPath struct {
	known   func(path string) bool
	columns []int
	keys    []string
}

// at is the path of a key at a column.
func (p *indentedPath) at(column int, key string) string {
	depth := len(p.columns)
	for depth > 0 && p.columns[depth-1] >= column {
		depth--
	}
	around := strings.Join(p.keys[:depth], ".")
	if below := keyPath(around, key); p.known(below) || !p.known(keyPath(around, anyName)) {
		return below
	}
	return keyPath(around, anyName)
}

// enter goes to a key at a column.
func (p *indentedPath) enter(column int, key string) string {
	path := p.at(column, key)
	for len(p.columns) > 0 && p.columns[len(p.columns)-1] >= column {
		p.columns, p.keys = p.columns[:len(p.columns)-1], p.keys[:len(p.keys)-1]
	}
	p.columns = append(p.columns, column)
	p.keys = append(p.keys, path[strings.LastIndexByte(path, '.')+1:])
	return path
}
