package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"courant/digest"

	"github.com/goccy/go-yaml/ast"
	"github.com/spf13/cobra"
)

// readPoints reads where a source's key points stand.
func readPoints(m *yamlMapping, hooks configHooks) (rule digest.PointRule) {
	below := m.section("points")
	readPointRule(below, hooks, &rule)
	below.done()
	if m.has("points") && !rule.Says() && !m.faulty("points") {
		m.r.fault(m.r.at(keyPath(m.path, "points")), keyPath(m.path, "points"), saysNothing)
	}
	return rule
}

const saysNothing = "the rule says nothing; write css, the selector of the points, or drop, the lines that are never taken"

// readPointRule reads the keys of a rule.
func readPointRule(m *yamlMapping, hooks configHooks, rule *digest.PointRule) {
	readKey(m, "css", &rule.CSS, aPointSelector(hooks.PointSelector))
	readItems(m, "drop", &rule.Drop, aDropLine(hooks.DropLine))
	m.warnOfComment("css", rule.CSS)
}

// commentInSelector is a line whose selector goes on behind a bare #, which
// YAML takes for a comment: what is left of it picks more than was meant.
var commentInSelector = regexp.MustCompile(`\bcss:\s+[^"'#\s][^"'#]*\s#[\pL_-]`)

// commentSelector is one that begins with such a #.
var commentSelector = regexp.MustCompile(`\bcss:\s+#[\pL_-]`)

const quotedSelector = `what follows a bare # is a comment; put the selector in quotes, like "#story .points"`

// warnOfComment tells a selector that may be longer than what was read.
func (m *yamlMapping) warnOfComment(key, read string) {
	at, written := m.places[key]
	if written && read != "" && at.line > 0 && at.line <= len(m.r.shown) && commentInSelector.MatchString(m.r.shown[at.line-1]) {
		m.r.warn(at, keyPath(m.path, key), "only %s was read: %s", read, quotedSelector)
	}
}

// aPointSelector is a selector of CSS. One that begins with a bracket is a list
// in YAML, unless it stands in quotes.
func aPointSelector(check func(string) error) scalar[string] {
	kind := text(filled(), func(s string) (string, error) {
		s, err := parseLine(s)
		if err == nil && check != nil {
			err = check(s)
		}
		return s, err
	})
	kind.shape.Pattern, kind.shape.PatternErrorMessage = `\S`, `write a selector of CSS, like ".key-points li"`
	kind.shape.Examples = []any{".key-points li", "#story > ul.summary", `h2:contains("In brief") + ul`}
	read := kind.read
	kind.read = func(v yamlValue) (string, error) {
		if _, list := v.node.(*ast.SequenceNode); list {
			return "", errors.New(`a selector that begins with [ stands in quotes, like "[data-role=points] li"`)
		}
		return read(v)
	}
	return kind
}

// aDropLine is a text, or a pattern between slashes.
func aDropLine(check func(string) error) scalar[string] {
	kind := text(filled(), func(s string) (string, error) {
		s, err := parseLine(s)
		if err == nil && check != nil {
			err = check(s)
		}
		return s, err
	})
	kind.shape.Pattern, kind.shape.PatternErrorMessage = `\S`, "write a text that the line holds, or a pattern between slashes"
	kind.shape.Examples = []any{"Follow us on", `/^photo: .+$/`}
	read := kind.read
	kind.read = func(v yamlValue) (string, error) {
		switch v.node.(type) {
		case *ast.MappingNode, *ast.MappingValueNode:
			return "", errors.New(`a line with a colon in it stands in quotes, like "Photo: Harbour Gazette"`)
		}
		return read(v)
	}
	return kind
}

// ruleOf is the rule that extract tries: of a file, else of a source of the
// config by that name.
func (p *program) ruleOf(name string) (digest.PointRule, error) {
	text, err := readBounded(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return p.sourceRule(name)
	case err != nil:
		return digest.PointRule{}, fmt.Errorf("read the rule: %w", err)
	}
	dir, err := filepath.Abs(filepath.Dir(name))
	if err != nil {
		return digest.PointRule{}, fmt.Errorf("read the rule: %w", err)
	}
	r := &configReader{file: name, dir: dir, env: p.env}
	rule := readRuleFile(r, text, p.hooks())
	for _, w := range sortFaults(r.warnings) {
		p.tell("warning: %s", w)
	}
	if len(r.faults) > 0 {
		return rule, misuse{Faults(sortFaults(r.faults))}
	}
	return rule, nil
}

// readRuleFile reads a rule as a file of its own: its keys stand at the top, or
// under points as in the config.
func readRuleFile(r *configReader, text []byte, hooks configHooks) (rule digest.PointRule) {
	m := r.parse(text)
	if m == nil {
		if len(r.faults) == 0 {
			r.fault(place{}, "", saysNothing)
		}
		return rule
	}
	if m.has("points") {
		rule = readPoints(m, hooks)
		for _, key := range []string{"css", "drop"} {
			if m.has(key) {
				r.fault(m.places[key], key, "points is there, too; write the rule at the top or under points, not both")
				m.known = append(m.known, key)
			}
		}
		m.done()
		return rule
	}
	readPointRule(m, hooks, &rule)
	m.done()
	if !rule.Says() && len(r.faults) == 0 {
		r.fault(place{}, "", saysNothing)
	}
	return rule
}

// sourceRule is the rule of a source in the config.
func (p *program) sourceRule(name string) (digest.PointRule, error) {
	none := func(why string) error {
		return misuse{fmt.Errorf("there is no file %s, and %s; name a file with css or drop in it, or a source that has points", name, why)}
	}
	if _, err := os.Stat(p.configFile); errors.Is(err, fs.ErrNotExist) {
		return digest.PointRule{}, none("no config " + p.configFile + " with a source of that name")
	}
	c, err := p.loadedConfig()
	if err != nil {
		return digest.PointRule{}, err
	}
	var names []string
	for _, s := range c.Sources {
		switch {
		case s.Name != name:
			names = append(names, s.Name)
		case !s.Points.Says():
			return s.Points, misuse{fmt.Errorf("source %q of %s has no points; write points: {css: ...} there, or name a file that has them", name, p.configFile)}
		default:
			return s.Points, nil
		}
	}
	return digest.PointRule{}, none("no source of that name in " + p.configFile + strings.TrimSuffix(didYouMean(name, names), "?"))
}

// completeRules offers the sources with a rule, and files.
func (p *program) completeRules(*cobra.Command, []string, string) (names []string, how cobra.ShellCompDirective) {
	for _, s := range p.configNames().Sources {
		if s.Points.Says() {
			names = offered(names, s.Name, s.Points.CSS)
		}
	}
	return names, cobra.ShellCompDirectiveDefault
}
