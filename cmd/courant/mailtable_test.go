package main

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// clientTable is what docs/mail.md says of the HTML: what every sample mail
// has, what some have, and what none has.
type clientTable struct{ every, some, none []string }

func readClientTable(t *testing.T, text string) (c clientTable) {
	t.Helper()
	_, section, found := strings.Cut(text, "## Which client does what\n")
	section, _, _ = strings.Cut(section, "\n## ")
	if !found {
		t.Fatal("docs/mail.md has no table of clients")
	}
	spans := func(s string) (all []string) {
		for _, m := range codeSpan.FindAllStringSubmatch(s, -1) {
			all = append(all, m[1])
		}
		return all
	}
	for line := range strings.Lines(section) {
		switch cells := strings.Split(line, "|"); {
		case strings.HasPrefix(line, "Not used"):
			sentence, _, _ := strings.Cut(line, ". ")
			c.none = spans(sentence)
		case len(cells) < 3 || !strings.Contains(cells[1], "`"):
		case strings.Contains(cells[1], "where there is"):
			c.some = append(c.some, spans(cells[1])...)
		default:
			c.every = append(c.every, spans(cells[1])...)
		}
	}
	return c
}

// faults says which mails are not as the table has it.
func (c clientTable) faults(mails map[string]string) (faults []string) {
	for _, technique := range c.some {
		used := false
		for _, html := range mails {
			used = used || strings.Contains(html, technique)
		}
		if !used {
			faults = append(faults, "no mail has "+technique)
		}
	}
	for name, html := range mails {
		for _, technique := range c.every {
			if !strings.Contains(html, technique) {
				faults = append(faults, name+" has no "+technique)
			}
		}
		// What a mail says to its reader is no technique.
		markup := strings.ToLower(strings.Join(regexp.MustCompile(`(?s)<style.*?</style>|<[^>]*>`).FindAllString(html, -1), "\n"))
		markup = regexp.MustCompile(`(?:href|src|alt)="[^"]*"`).ReplaceAllString(markup, "")
		for _, technique := range c.none {
			if strings.Contains(markup, technique) {
				faults = append(faults, name+" has "+technique)
			}
		}
	}
	return faults
}

var (
	inlineStyle = regexp.MustCompile(`\bstyle="([^"]*)"`)
	styleBlock  = regexp.MustCompile(`(?s)<style>(.*?)</style>`)
	styleRule   = regexp.MustCompile(`\{([^{}]*)\}`)
	vendors     = regexp.MustCompile(`^-(?:webkit|ms)-`)
)

// unknown are the properties of CSS that mails use and the table does not
// have.
func (c clientTable) unknown(mails map[string]string) (properties []string) {
	var table []string // words of the techniques
	for _, technique := range slices.Concat(c.every, c.some) {
		table = append(table, strings.FieldsFunc(technique, func(r rune) bool { return r != '-' && (r < 'a' || r > 'z') })...)
	}
	for _, html := range mails {
		declared := inlineStyle.FindAllStringSubmatch(html, -1)
		for _, block := range styleBlock.FindAllStringSubmatch(html, -1) {
			declared = append(declared, styleRule.FindAllStringSubmatch(block[1], -1)...)
		}
		for _, d := range declared {
			for declaration := range strings.SplitSeq(d[1], ";") {
				property, _, found := strings.Cut(declaration, ":")
				property = vendors.ReplaceAllString(strings.TrimSpace(property), "")
				if found && !slices.Contains(table, property) && !slices.Contains(properties, property) {
					properties = append(properties, property)
				}
			}
		}
	}
	return properties
}

func goldenPages(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob("../../digest/render/testdata/*.html")
	if err != nil || len(files) < 9 {
		t.Fatalf("%d sample mails, %v", len(files), err)
	}
	mails := map[string]string{}
	for _, file := range files {
		mails[filepath.Base(file)] = judgeText(t, file)
	}
	return mails
}

func TestTableOfClientsIsWhatTheMailsUse(t *testing.T) {
	t.Parallel()
	c := readClientTable(t, judgeText(t, "../../docs/mail.md"))
	if len(c.every) < 20 || len(c.some) < 3 || len(c.none) < 10 {
		t.Fatalf("the table could not be read: %+v", c)
	}
	mails := goldenPages(t)
	for _, fault := range c.faults(mails) {
		t.Error(fault)
	}
	for _, property := range c.unknown(mails) {
		t.Errorf("the mails use %s, which is not in the table", property)
	}
	for name, html := range mails {
		styles := regexp.MustCompile(`(?s)<style>(.*?)</style>`).FindAllStringSubmatch(regexp.MustCompile(`(?s)<!--.*?-->`).ReplaceAllString(html, ""), -1)
		if len(styles) != 1 || len(styles[0][1]) >= 8<<10 || strings.Index(html, "<style>") > strings.Index(html, "</head>") {
			t.Errorf("%s has %d style blocks, the first not one of under 8 KB in the head", name, len(styles))
		}
		// Word lays out by its own table around ours, whose ends must meet.
		if open, end := strings.Count(html, "<!--[if mso]>"), strings.Count(html, "<![endif]-->"); open < 3 || open != end {
			t.Errorf("%s has %d comments for Word that begin and %d that end", name, open, end)
		}
		var word strings.Builder
		for _, m := range regexp.MustCompile(`(?s)<!--\[if mso\]>(.*?)<!\[endif\]-->`).FindAllStringSubmatch(html, -1) {
			word.WriteString(m[1])
		}
		for _, tag := range []string{"table", "tr", "td"} {
			if open, end := strings.Count(word.String(), "<"+tag+" ")+strings.Count(word.String(), "<"+tag+">"), strings.Count(word.String(), "</"+tag+">"); open != end || open == 0 {
				t.Errorf("%s gives Word %d <%s> and %d </%s>", name, open, tag, end, tag)
			}
		}
	}
}

func TestWhatTheTableOfClientsDoesNotHaveIsSeen(t *testing.T) {
	t.Parallel()
	c := clientTable{every: []string{`role="main"`}, some: []string{"border-radius"}, none: []string{"flex"}}
	good := `<div role="main" style="border-radius:4px"><a href="https://flex.example/">flex</a></div>`
	if faults := c.faults(map[string]string{"a": good}); len(faults) > 0 {
		t.Errorf("a good mail: %q", faults)
	}
	if unknown := c.unknown(map[string]string{"a": good + `<style>p { border-radius: 0; } @media (max-width: 1px) { p { -webkit-filter: none; } }</style>`}); !slices.Equal(unknown, []string{"filter"}) {
		t.Errorf("unknown are %q, want filter", unknown)
	}
	for name, html := range map[string]string{
		"a has no role":   strings.Replace(good, "main", "article", 1),
		"no mail has bor": strings.Replace(good, "border-radius", "border", 1),
		"a has flex":      strings.Replace(good, "border-radius:4px", "border-radius:4px;display:FLEX", 1),
	} {
		if faults := c.faults(map[string]string{"a": html}); len(faults) != 1 || !strings.HasPrefix(faults[0], name) {
			t.Errorf("%s: %q", name, faults)
		}
	}
}
