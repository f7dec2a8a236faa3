package main

import (
	"fmt"
	"strings"

	"courant/digest/lint"
)

// lintLine is a finding for programs, or an input without one.
type lintLine struct {
	Input    string `json:"input"`
	Rule     string `json:"rule"`     // empty: nothing was found
	Severity string `json:"severity"` // error, warning, or ok
	Part     string `json:"part"`
	Line     int    `json:"line"` // zero: the whole part
	Finding  string `json:"finding"`
	Advice   string `json:"advice"`
}

// tellLint writes what was found.
func (p *program) tellLint(list []linted, o lintOptions) error {
	if o.json {
		return writeJSON(p, lintLines(list))
	}
	p.lintTable(list)
	return nil
}

func lintLines(list []linted) (lines []lintLine) {
	for _, l := range list {
		if l.err != nil {
			lines = append(lines, lintLine{
				Input: l.input, Rule: "unreadable", Severity: string(lint.Error), Finding: l.err.Error(), Advice: "Mend what it names.",
			})
		}
		for _, f := range l.findings {
			lines = append(lines, lintLine{l.input, f.Rule, string(f.Severity), f.Part, f.Line, f.Finding, f.Advice})
		}
		if l.err == nil && len(l.findings) == 0 {
			lines = append(lines, lintLine{Input: l.input, Severity: "ok"})
		}
	}
	return lines
}

// lintTable writes for people: what was found by input, what was not in one
// line.
func (p *program) lintTable(list []linted) {
	s, good := p.style(), 0
	for _, l := range list {
		if l.err == nil && len(l.findings) == 0 {
			good++
			continue
		}
		heading := printable(l.input)
		if l.layout != "" {
			heading += printable(fmt.Sprintf(" (made by mail/%s.html and .txt)", l.layout))
		}
		fmt.Fprintln(p.stdout, s.bold(heading))
		if l.err != nil {
			fmt.Fprintf(p.stdout, "  %s  %s\n", s.red("error  "), s.wrap(printable(l.err.Error()), strings.Repeat(" ", 11)))
		}
		for _, f := range l.findings {
			severity := s.yellow(pad(string(f.Severity), 7))
			if f.Severity == lint.Error {
				severity = s.red(pad(string(f.Severity), 7))
			}
			indent := strings.Repeat(" ", 11)
			fmt.Fprintf(p.stdout, "  %s  %s\n", severity, s.wrap(fmt.Sprintf("%s, %s: %s", f.Rule, foundAt(f), printable(f.Finding)), indent))
			fmt.Fprintf(p.stdout, "%s%s %s\n", indent, s.bold("next:"), s.wrap(f.Advice, indent+"      "))
		}
	}
	fmt.Fprintf(p.stdout, "%d of %d keep all rules\n", good, len(list))
}
