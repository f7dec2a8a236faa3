package main

import (
	"fmt"
	"io"

	"courant/digest/ingest"
)

// shownMenus is how many lists of menus and the like are named.
const shownMenus = 8

// explanation prints how one article's points were chosen, for people.
type explanation struct {
	w io.Writer
	style
}

// showExplanation prints what decided first, then each list with its reasons.
func showExplanation(w io.Writer, s style, x ingest.Explanation) {
	e := explanation{w, s}
	fmt.Fprintf(w, "\n  %s\n", s.bold("How the points were chosen: "+x.Verdict()+"."))
	if x.Rule != nil {
		e.rule(*x.Rule)
	}
	menus := 0
	for i, l := range x.Lists {
		if l.Menu {
			menus++
			continue
		}
		e.list(i+1, l)
	}
	e.menus(x.Lists, menus)
	if x.Fallback != nil {
		e.fallback(*x.Fallback)
	}
}

// row prints one line with its name before it.
func (e explanation) row(name, format string, args ...any) {
	fmt.Fprintf(e.w, "    %-12s%s\n", name, fmt.Sprintf(format, args...))
}

// head prints the line that begins a part.
func (e explanation) head(name, format string, args ...any) {
	fmt.Fprintf(e.w, "\n  %-14s%s\n", name, fmt.Sprintf(format, args...))
}

func (e explanation) verdict(taken bool, reason string) string {
	if taken {
		return e.green("taken")
	}
	return e.red("refused") + ": " + reason
}

var gradeWords = map[string]string{
	"points":  "named by words that mean key points",
	"summary": "named by words that often mean key points",
	"bare":    "nothing names it",
	"bullets": "lines of a text that begin with bullets",
}

// list prints a list: its lines, where it stands, and the reasons.
func (e explanation) list(number int, l ingest.ListTrial) {
	e.head(fmt.Sprintf("list %d", number), "%s", e.verdict(l.Taken, l.Reason))
	e.items(l)
	e.row("stands", "%s", l.Place)
	if l.Element != "" {
		e.row("element", "%s%s", l.Element, in(l.Where))
		if l.Unsure != "" {
			e.row("", "%s", e.dim("("+l.Unsure+")"))
		}
	}
	if l.Heading != "" {
		e.row("heading", "%s", l.Heading)
	}
	e.row("grade", "%s: %s", l.Grade, gradeWords[l.Grade])
	for _, reason := range l.For {
		e.row("for", "%s", reason)
	}
	for _, reason := range l.Against {
		e.row("against", "%s", reason)
	}
}

// items prints a list's lines, those that are no points with the reason.
func (e explanation) items(l ingest.ListTrial) {
	e.lines(l.Lines)
	if more := l.Count - len(l.Lines); more > 0 {
		fmt.Fprintf(e.w, "    %s\n", e.dim(fmt.Sprintf("and %d more", more)))
	}
}

// in says which part of a feed's item is meant.
func in(where string) string {
	switch where {
	case "content", "description":
		return ", in the item's " + where
	}
	return ""
}

// menus names the lists of menus in a line each: a page has many.
func (e explanation) menus(lists []ingest.ListTrial, count int) {
	if count == 0 {
		return
	}
	e.head("other lists", "%s: they stand in menus, sharing tools, other stories and the like, or lay out the page", e.red("refused"))
	left := min(count, shownMenus)
	for i, l := range lists {
		if !l.Menu || left == 0 {
			continue
		}
		left--
		first := ""
		if len(l.Lines) > 0 {
			first = ": " + l.Lines[0].Text
		}
		e.row(fmt.Sprintf("list %d", i+1), "%s%s", l.Element, first)
	}
	if count > shownMenus {
		fmt.Fprintf(e.w, "    %s\n", e.dim(fmt.Sprintf("and %d more", count-shownMenus)))
	}
}

// rule prints what an editor's rule picked, and what became of each line.
func (e explanation) rule(r ingest.RuleTrial) {
	e.head("your rule", "%s", e.verdict(r.Taken, r.Reason))
	e.row("css", "%s", r.CSS)
	picked := fmt.Sprintf("%d elements", r.Elements)
	if r.Elements == 1 {
		picked = "1 element"
	}
	for i, name := range r.Picked {
		sep := ", "
		if i == 0 {
			sep = ": "
		}
		picked += sep + name
	}
	if r.Elements > len(r.Picked) {
		picked += ", ..."
	}
	e.row("picks", "%s", picked)
	e.lines(r.Lines)
}

// lines prints lines that were taken or left out.
func (e explanation) lines(lines []ingest.RuleLine) {
	for _, l := range lines {
		if l.Left == "" {
			fmt.Fprintf(e.w, "    • %s\n", l.Text)
			continue
		}
		e.row("left out", "%s %s", l.Text, e.dim("("+l.Left+")"))
	}
}

// fallback prints what stands in, and why.
func (e explanation) fallback(f ingest.FallbackTrial) {
	if f.Description == "" || f.Reason != "" {
		e.head("description", "%s", e.verdict(false, f.Reason))
	} else {
		e.head("description", "%s", e.green("stands in"))
	}
	if f.Description != "" {
		fmt.Fprintf(e.w, "    %s\n", f.Description)
	}
	e.head("first words", "%d of %d sentences at the beginning of the text stand in", f.Used, f.Sentences)
	e.lines(f.Left)
}
