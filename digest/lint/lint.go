package lint

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// Severity is how bad it is to break a rule.
type Severity string

// The severities.
const (
	Error   Severity = "error"   // the mail must not go out so
	Warning Severity = "warning" // it may, and should be better
)

// The parts of a mail that findings name.
const (
	PartMessage  = "message"
	PartHeader   = "header"
	PartText     = "text"
	PartHTML     = "html"
	PartTemplate = "template"
)

// Finding is one place where a rule is broken.
type Finding struct {
	Rule     string // its name, as in Rules
	Severity Severity
	Part     string // one of the parts above
	Line     int    // of the message, or of the decoded part; from 1, zero: the whole of it
	Finding  string // what is wrong here, one sentence without a full stop
	Advice   string // what to do, one sentence
}

// Options is what the bytes of a mail cannot say.
type Options struct {
	// PostalAddress must stand in both parts; empty: it isn't known, and not
	// looked for.
	PostalAddress string
	// Reason is why the reader gets the mail, as it must be seen in the HTML;
	// empty: it isn't known, and not looked for.
	Reason string
	// Given are the words that articles and readers brought: a headline may
	// quote a template's tag without being one.
	Given []string
	// GivenUnknown says that nobody knows what articles brought: what looks
	// like a tag may be an article's own words, and is a warning.
	GivenUnknown bool
	// ErrorsOnly leaves the warnings out, and most of the work with them.
	ErrorsOnly bool
}

// maxJudged is how much of a mail is looked at, in bytes. A mail over it is
// at fault by its size alone.
const maxJudged = 4 << 20

// Mail judges the bytes of one mail. Whatever they are, it comes back soon
// and says what is wrong; none are found in a mail that keeps every rule.
func Mail(raw []byte, o Options) []Finding {
	r := &report{o: o, perRule: map[string]int{}}
	if len(raw) > maxJudged {
		r.find("mail-size", place{part: PartMessage}, "the mail has %d bytes, and only %d are looked at", len(raw), maxJudged)
		raw = raw[:bytes.LastIndexByte(raw[:maxJudged], '\n')+1]
	}
	m := readMessage(raw)
	r.header(m)
	r.lines(m)
	parts := r.body(m)
	way := wayOut(m.field("List-Unsubscribe"))
	way.address = m.recipient()
	var doc *document
	if parts.html != nil {
		doc = readDocument(parts.html)
		r.page(doc, way)
	}
	if parts.text != nil {
		r.text(string(parts.text), doc, way)
	}
	return r.sorted()
}

// Page judges an HTML part alone, as a file holds it. What only a whole mail
// can show, headers and the text part, is left aside.
func Page(html []byte, o Options) []Finding {
	r := &report{o: o, perRule: map[string]int{}}
	if len(html) > maxJudged {
		html = html[:maxJudged]
	}
	d := readDocument(html)
	r.page(d, d.ownWay())
	return r.sorted()
}

// Failed says whether one of the findings is an error.
func Failed(findings []Finding) bool {
	return slices.ContainsFunc(findings, func(f Finding) bool { return f.Severity == Error })
}

// place is where in a mail something was found.
type place struct {
	part string
	line int
}

// maxPerRule is how often one rule is reported; more would hide the others.
const maxPerRule = 5

// report collects findings.
type report struct {
	o        Options
	findings []Finding
	perRule  map[string]int
	template bool // it is a template that is judged, its actions taken out
	parts    bool // and only a part of one
	way      way
}

func (r *report) find(name string, at place, format string, args ...any) {
	r.findAs(ruleNamed(name), at, format, args...)
}

// findAs is find for a rule that is broken less badly than it could be.
func (r *report) findAs(rule Rule, at place, format string, args ...any) {
	name := rule.Name
	if r.o.ErrorsOnly && rule.Severity != Error {
		return
	}
	if r.perRule[name]++; r.perRule[name] > maxPerRule {
		return
	}
	text := fmt.Sprintf(format, args...)
	for _, f := range r.findings {
		if f.Rule == name && f.Part == at.part && f.Finding == text {
			return // the same thing in another line tells nothing new
		}
	}
	r.findings = append(r.findings, Finding{
		Rule: name, Severity: rule.Severity, Part: at.part, Line: at.line, Finding: text, Advice: rule.Advice,
	})
}

// sorted puts errors before warnings, and both in the order of the mail.
func (r *report) sorted() []Finding {
	order := []string{PartMessage, PartHeader, PartText, PartHTML, PartTemplate}
	slices.SortStableFunc(r.findings, func(a, b Finding) int {
		if a.Severity != b.Severity {
			return strings.Compare(string(a.Severity), string(b.Severity))
		}
		if a.Part != b.Part {
			return slices.Index(order, a.Part) - slices.Index(order, b.Part)
		}
		return a.Line - b.Line
	})
	return r.findings
}

// short is s as a finding quotes it: one line, not long, nothing that steers
// a terminal.
func short(s string) string {
	const most = 60
	s = strings.Join(strings.FieldsFunc(s, func(c rune) bool { return c <= ' ' || c == 0x7f || c >= 0x80 && c < 0xa0 }), " ")
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}
