package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"

	"courant/digest"
	"courant/digest/schedule"

	"github.com/rivo/uniseg"
)

// checkTeller tells what check found, to a person or to a program.
type checkTeller interface {
	faults(file string, err error, warnings []Fault) error
	config(c Config, warnings []Fault)
	slots(d digest.Digest, now time.Time)
	findings(findings []digest.Finding)
	end() error // what went wrong with the telling
}

func (p *program) checkTeller(o checkOptions) checkTeller {
	if o.json {
		return &checkLines{encoder: json.NewEncoder(p.stdout)}
	}
	return &checkTable{Writer: p.stdout, style: p.style()}
}

// checkTable is for people.
type checkTable struct {
	io.Writer
	style style
}

// faults are an error, and told as one.
// faults prints what is doubtful beside the faults, which are the error and
// told as such.
func (t *checkTable) faults(_ string, _ error, warnings []Fault) error {
	for _, w := range warnings {
		fmt.Fprintln(t, t.style.yellow("warning:"), w)
	}
	return nil
}

func (t *checkTable) end() error { return nil }

func (t *checkTable) config(c Config, warnings []Fault) {
	fmt.Fprintln(t, configRight(c))
	for _, w := range warnings {
		fmt.Fprintln(t, t.style.yellow("warning:"), w)
	}
	for _, note := range c.notHeeded() {
		fmt.Fprintln(t, "note:", note)
	}
	if asks := c.asksModel(); asks != "" {
		fmt.Fprintln(t, "note:", asks)
	}
}

func configRight(c Config) string {
	return fmt.Sprintf("%s: right (sources: %d, lists: %d, digests: %d)", c.File, len(c.Sources), len(c.Lists), len(c.Digests))
}

func (t *checkTable) slots(d digest.Digest, now time.Time) {
	if d.Schedule == "" {
		fmt.Fprintf(t, "\n%s (%s), no schedule: it goes out by `courant send %s`\n", t.style.bold(d.Name), d.Title, d.Name)
		return
	}
	fmt.Fprintf(t, "\n%s (%s), %q %s\n", t.style.bold(d.Name), d.Title, d.Schedule, d.TimeZone)
	for _, w := range schedule.Warnings(d.Schedule) {
		fmt.Fprintln(t, " ", t.style.yellow("warning:"), w)
	}
	next, err := nextSlots(d, now)
	if err != nil {
		fmt.Fprintln(t, "  ", err)
		return
	}
	var local []string
	columns := 0
	for _, s := range next {
		local = append(local, inZone(s).Format("Mon 2006-01-02 15:04 MST"))
		columns = max(columns, uniseg.StringWidth(local[len(local)-1]))
	}
	for i, s := range next {
		remark := slotRemark(d, s)
		if remark != "" {
			remark = "  " + t.style.yellow("("+remark+")")
		}
		fmt.Fprintf(t, "  %s  %s%s\n", pad(local[i], columns), s.Instant.UTC().Format("2006-01-02 15:04 UTC"), remark)
	}
}

// The columns of the table: a state, what it is about, what was found.
const (
	stateColumns = 5
	widestName   = 32
)

func (t *checkTable) findings(findings []digest.Finding) {
	columns := 0
	for _, f := range findings {
		if w := uniseg.StringWidth(nameOf(f)); w <= t.roomForNames() {
			columns = max(columns, w) // longer ones have a line of their own
		}
	}
	fmt.Fprintln(t)
	for _, f := range findings {
		t.finding(f, columns)
	}
	fmt.Fprintf(t, "\n%s\n", t.sum(findings))
}

// nameOf names a row. A path or an address of the web would fill the line, so
// it stands behind what was found.
func nameOf(f digest.Finding) string {
	if strings.Contains(f.Subject, "/") {
		return f.What
	}
	return strings.TrimSpace(f.What + " " + f.Subject)
}

func textOf(f digest.Finding) string {
	if strings.Contains(f.Subject, "/") {
		return f.Text + " (" + f.Subject + ")"
	}
	return f.Text
}

// finding prints a row, and below it what to do and what to paste. A record is
// never broken: it is to be pasted.
func (t *checkTable) finding(f digest.Finding, columns int) {
	f.Text, f.Next = printable(f.Text), printable(f.Next)
	name, lead := nameOf(f), t.mark(f.State)+"  "
	indent := strings.Repeat(" ", t.markColumns()+2+columns+2)
	text := t.style.wrap(textOf(f), indent)
	if uniseg.StringWidth(name) > columns {
		fmt.Fprintf(t, "%s%s\n%s%s\n", lead, name, indent, text)
	} else {
		fmt.Fprintf(t, "%s%s  %s\n", lead, pad(name, columns), text)
	}
	if f.State != digest.FindingOK && f.Next != "" {
		fmt.Fprintf(t, "%s%s %s\n", indent, t.style.bold("next:"), t.style.wrap(f.Next, indent+"      "))
	}
	for _, r := range f.Records {
		fmt.Fprintf(t, "%s%s\n", strings.Repeat(" ", t.markColumns()+2), printable(r.Zone()))
	}
}

// printable keeps what servers and DNS say from steering the terminal.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return unicode.ReplacementChar
		}
		return r
	}, text)
}

func (t *checkTable) roomForNames() int {
	if t.style.width == 0 {
		return widestName
	}
	return min(widestName, t.style.width/4)
}

// mark is a state, coloured and with a disc where colours are shown.
func (t *checkTable) mark(s digest.FindingState) string {
	word := pad(string(s), stateColumns)
	if !t.style.coloured {
		return word
	}
	paint := map[digest.FindingState]func(string) string{
		digest.FindingOK: t.style.green, digest.FindingLook: t.style.yellow, digest.FindingWrong: t.style.red,
	}[s]
	return paint("● " + word)
}

func (t *checkTable) markColumns() int {
	if t.style.coloured {
		return stateColumns + 2
	}
	return stateColumns
}

// sum is the last line.
func (t *checkTable) sum(findings []digest.Finding) string {
	wrong, look := inState(findings, digest.FindingWrong), inState(findings, digest.FindingLook)
	text := fmt.Sprintf("%d wrong, %d to look at, %d ok", wrong, look, len(findings)-wrong-look)
	switch {
	case wrong > 0:
		return t.style.red(text)
	case look > 0:
		return t.style.yellow(text)
	}
	return t.style.green(text)
}

// checkLines is for programs: one JSON object a line.
type checkLines struct {
	encoder *json.Encoder
	errs    []error
}

// checkLine is a row, or the config as a whole.
type checkLine struct {
	What    string              `json:"what"`
	Subject string              `json:"subject"`
	State   digest.FindingState `json:"state"`
	Finding string              `json:"finding"`
	Next    string              `json:"next"`
	Records []checkRecord       `json:"records"`
}

type checkRecord struct {
	Name  string `json:"name"`
	Type  string `json:"type"`
	Value string `json:"value"`
}

// checkFault is one thing wrong or doubtful in the file.
type checkFault struct {
	What    string              `json:"what"`
	State   digest.FindingState `json:"state"`
	File    string              `json:"file"`
	Line    int                 `json:"line"`
	Column  int                 `json:"column"`
	Path    string              `json:"path"`
	Finding string              `json:"finding"`
}

type checkSlot struct {
	What   string `json:"what"`
	Digest string `json:"digest"`
	Slot   string `json:"slot"`
	Local  string `json:"local"`
	Zone   string `json:"zone"`
	Remark string `json:"remark"`
}

func (l *checkLines) tell(line any) { l.errs = append(l.errs, l.encoder.Encode(line)) }

func (l *checkLines) end() error {
	if err := errors.Join(l.errs...); err != nil {
		return fmt.Errorf("write JSON: %w", err)
	}
	return nil
}

func (l *checkLines) faults(file string, err error, warnings []Fault) error {
	var faults Faults
	if !errors.As(err, &faults) {
		l.tell(checkFault{What: "config", State: digest.FindingWrong, File: file, Finding: err.Error()})
	}
	l.faulty(digest.FindingWrong, faults)
	l.faulty(digest.FindingLook, warnings)
	return l.end()
}

func (l *checkLines) faulty(state digest.FindingState, faults []Fault) {
	for _, f := range faults {
		l.tell(checkFault{What: "config", State: state, File: f.File, Line: f.Line, Column: f.Column, Path: f.Path, Finding: f.Message})
	}
}

func (l *checkLines) config(c Config, warnings []Fault) {
	l.row(digest.Finding{What: "config", Subject: c.File}.OK(strings.TrimPrefix(configRight(c), c.File+": ")))
	l.faulty(digest.FindingLook, warnings)
	for _, note := range c.notHeeded() {
		l.row(digest.Finding{What: "config", Subject: c.File}.Look(note, "nothing, or take the key away"))
	}
	if asks := c.asksModel(); asks != "" {
		l.row(digest.Finding{What: "model", Subject: c.Endpoint.Model}.OK(asks))
	}
}

func (l *checkLines) slots(d digest.Digest, now time.Time) {
	for _, w := range schedule.Warnings(d.Schedule) {
		l.row(digest.Finding{What: "schedule", Subject: d.Name}.Look(w, "nothing, if that is meant"))
	}
	next, err := nextSlots(d, now)
	if err != nil {
		l.row(digest.Finding{What: "schedule", Subject: d.Name}.Wrong(err.Error(), "mend schedule"))
	}
	for _, s := range next {
		l.tell(checkSlot{
			What: "slot", Digest: d.Name, Slot: s.Instant.UTC().Format(time.RFC3339), Local: inZone(s).Format(time.RFC3339),
			Zone: s.Zone, Remark: slotRemark(d, s),
		})
	}
}

func (l *checkLines) findings(findings []digest.Finding) {
	for _, f := range findings {
		l.row(f)
	}
}

func (l *checkLines) row(f digest.Finding) {
	records := make([]checkRecord, len(f.Records))
	for i, r := range f.Records {
		records[i] = checkRecord(r)
	}
	l.tell(checkLine{What: f.What, Subject: f.Subject, State: f.State, Finding: f.Text, Next: f.Next, Records: records})
}
