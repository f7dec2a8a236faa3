package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"courant/digest"

	"github.com/spf13/cobra"
)

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
		return rule, Faults(sortFaults(r.faults))
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
