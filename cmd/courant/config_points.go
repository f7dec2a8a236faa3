package main

import (
	"errors"
	"regexp"

	"courant/digest"

	"github.com/goccy/go-yaml/ast"
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
