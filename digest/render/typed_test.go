package render

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"courant/templates"
)

// withOwn is the program's templates with a layout of an editor's.
func withOwn(t testing.TB, html, text string) fstest.MapFS {
	t.Helper()
	files := withTemplates(t, "", "")
	files["mail/own.html"], files["mail/own.txt"] = templateFile(html), templateFile(text)
	return files
}

// wholeHTML and wholeText have all that a mail must have.
const (
	wholeHTML = `<h1>{{.Publication}}: {{.Title}}</h1>
{{template "stories" .}}
<p>{{reason}}</p><p>{{.PostalAddress}}</p><a href="{{unsubscribeURL}}">{{say "mail.unsubscribe"}}</a>
{{define "stories"}}{{range .Sections}}{{range .Stories}}<h2><a href="{{.URL}}">{{.Title}}</a></h2>{{end}}{{end}}{{end}}
`
	wholeText = `{{wrap .Publication}}
{{wrap .Title}}
{{range .Sections}}{{range .Stories}}
{{.Title}}
{{.URL}}
{{end}}{{end}}
{{reason}}
{{wrap .PostalAddress}}
{{unsubscribeURL}}
`
)

// ours are the faults in the files of an editor.
func ours(t testing.TB, html, text string) []string {
	t.Helper()
	var all []string
	for _, f := range TemplateFaults(withOwn(t, html, text)) {
		all = append(all, f.Error())
	}
	return all
}

func TestShippedTemplatesHaveNoFaults(t *testing.T) {
	t.Parallel()
	for _, f := range TemplateFaults(templates.FS) {
		t.Error(f)
	}
	if faults := ours(t, wholeHTML, wholeText); len(faults) > 0 {
		t.Error(faults)
	}
}

// TestFaultsOfTemplatesAreFoundWhereNoEditionGoes has a fault in a branch that
// is never taken, in each row.
func TestFaultsOfTemplatesAreFoundWhereNoEditionGoes(t *testing.T) {
	t.Parallel()
	for wrong, want := range map[string]string{
		`{{.Tilte}}`:                           `the page has no .Tilte`,
		`{{range .Sections}}{{.Titel}}{{end}}`: `the section has no .Titel`,
		`{{.Title.Name}}`:                      `.Title.Name is text and has no .Name`,
		`{{range .Sections}}{{$.Nmae}}{{end}}`: `the page has no .Nmae`,
		`{{with .Logo}}{{.Hight}}{{end}}`:      `the image has no .Hight`,
		`{{$s := .Sections}}{{range $s}}{{range .Stories}}{{range $i, $p := .Points}}{{$p.X}}{{end}}{{end}}{{end}}`: `$p.X is text and has no .X`,
		`{{template "strories" .}}`:                             `there is no template "strories"`,
		`{{template "x"}}{{define "x"}}{{.Title}}{{end}}`:       `nothing (the template is called without a value) has no .Title`,
		`{{template "x" .Logo}}{{define "x"}}{{.Title}}{{end}}`: `the image has no .Title`,
		`{{range 1000000000}}{{end}}`:                           `range wants a list of the page, and 1000000000 is a number`,
		`{{range .Number}}{{end}}`:                              `range wants a list of the page, and .Number is a number`,
		`{{range .Title}}{{end}}`:                               `range wants a list of the page, and .Title is text`,
		`{{range say "mail.view"}}{{end}}`:                      `is text`,
		`{{index .Sections 7}}`:                                 `index is not for mails: it stops the mail where there is no such item`,
		`{{slice .Title 1 2}}`:                                  `slice is not for mails`,
		`{{call .Title}}`:                                       `call is not for mails`,
		`{{html .Title}}`:                                       `html is not for mails`,
		`{{js .Title}}`:                                         `js is not for mails`,
		`{{.Title | urlquery}}`:                                 `urlquery is not for mails`,
		`{{spend 1 "x" 2}}`:                                     `spend is not for mails`,
		`{{printf "%1000000000d" .Number}}`:                     `printf wants a quoted text first`,
		`{{printf "%*d" .Number .Number}}`:                      `printf wants a quoted text first`,
		`{{printf .Title .Number}}`:                             `printf wants a quoted text first`,
		`{{print .Sections}}`:                                   `print cannot print a list`,
		`{{.Sections}}`:                                         `.Sections is a list and cannot be printed`,
		`{{.Logo}}`:                                             `.Logo is the image and cannot be printed`,
		`{{upper .Number}}`:                                     `upper takes text, not a number`,
		`{{upper}}`:                                             `upper takes 1 values, not 0`,
		`{{hang "- "}}`:                                         `hang takes 2 values, not 1`,
		`{{if eq .Number "12"}}{{end}}`:                         `eq compares a number with text, which are never alike`,
		`{{if gt .Sections 3}}{{end}}`:                          `gt does not compare a list`,
		`{{if lt .Web true}}{{end}}`:                            `lt does not compare true or false`,
		`{{if eq .Number 1.5}}{{end}}`:                          `1.5 is no whole number`,
		`{{len .Number}}`:                                       `len wants one list or one text`,
		`{{say "mail.unsubscirbe"}}`:                            `there is no text "mail.unsubscirbe"`,
		`{{say "mail.read_more"}}`:                              `would print {host} as it stands`,
		`{{say "mail.read_more" "hots" .Title}}`:                `would print {host} as it stands`,
		`{{.Title 3}}`:                                          `.Title is a value and takes nothing`,
		`{{$x := .Title}}{{$x = .Number}}`:                      `$x was text and becomes a number`,
		`{{if name}}{{end}}`:                                    `name differs from reader to reader and can only be printed`,
		`{{mso .Title}}`:                                        `write it alone, with one quoted text`,
		`{{colour "pink"}}`:                                     `there is no colour "pink"`,
		`{{.Title`:                                              `is there a }} or a {{end}} missing above?`,
		`{{uper .Title}}`:                                       `there is no function "uper"`,
		`{{template "x" .}}{{define "x"}}{{template "y" .}}{{end}}{{define "y"}}{{template "x" .}}{{end}}`: `comes back to itself`,
	} {
		before, after := "<p>one</p>\n<p>two</p>\n{{if false}}", "{{end}}\n"
		if strings.Contains(wrong, "{{define") {
			before, after = "<p>one</p>\n<p>two</p>\n", "\n"
		}
		for kind, faults := range map[string][]string{
			"html": ours(t, before+wrong+after+wholeHTML, wholeText),
			"txt":  ours(t, wholeHTML, before+wrong+after+wholeText),
		} {
			if len(faults) == 0 || !strings.HasPrefix(faults[0], "mail/own."+kind+":3: ") || !strings.Contains(faults[0], want) {
				t.Errorf("%s in %s:\n%s\nwant line 3, %q", wrong, kind, strings.Join(faults, "\n"), want)
			}
		}
	}
}

func TestAllFaultsOfTemplatesAreToldAtOnce(t *testing.T) {
	t.Parallel()
	got := ours(t, "{{.A}}\n{{range .Sections}}\n{{.B}}\n{{end}}{{say \"mail.c\"}}"+wholeHTML, "{{.D}}\n"+wholeText)
	for i, want := range []string{"mail/own.html:1: the page has no .A", "mail/own.html:3: the section has no .B", "mail/own.html:4: ", "mail/own.txt:1: the page has no .D"} {
		if len(got) != 4 || !strings.HasPrefix(got[i], want) {
			t.Fatalf("%s\nwant %q", strings.Join(got, "\n"), want)
		}
	}
}

func TestFaultOfATemplateKnowsWhatWasMeant(t *testing.T) {
	t.Parallel()
	for html, want := range map[string]string{`{{.Tilte}}`: "Title", `{{uper .Title}}`: "upper", `{{say "mail.veiw"}}`: "mail.view", `{{template "storeis" .}}`: "stories"} {
		faults := TemplateFaults(withOwn(t, html+wholeHTML, wholeText))
		if len(faults) != 1 || faults[0].Word == "" || !slices.Contains(faults[0].Known, want) {
			t.Errorf("%s: %+v", html, faults)
		}
	}
}

func TestMailLacksNothingThatEachMustHave(t *testing.T) {
	t.Parallel()
	for part, want := range map[string]string{
		"{{unsubscribeURL}}": "has no {{unsubscribeURL}}", "{{reason}}": "does not say why its reader gets it", ".PostalAddress": "does not show the postal address",
		".Publication": "does not show the name of the publication", "{{.URL}}": "leaves out the link of a story",
	} {
		without := func(s string) string {
			s = strings.ReplaceAll(s, part, map[bool]string{true: "", false: ".Date"}[strings.HasPrefix(part, "{")])
			if s == wholeHTML || s == wholeText {
				t.Fatalf("%s is not there", part)
			}
			return s
		}
		for file, faults := range map[string][]string{"html": ours(t, without(wholeHTML), wholeText), "txt": ours(t, wholeHTML, without(wholeText))} {
			if len(faults) != 1 || !strings.Contains(faults[0], want) || !strings.Contains(faults[0], "mail/own."+file) && part != "{{unsubscribeURL}}" {
				t.Errorf("without %s in %s: %s", part, file, faults)
			}
		}
	}
	headline := strings.Replace(wholeHTML, `">{{.Title}}</a>`, `">x</a>`, 1)
	if faults := ours(t, headline, wholeText); len(faults) != 1 || !strings.Contains(faults[0], "leaves out the headline") {
		t.Error(faults)
	}
}

// TestHostileTemplatesAreStopped renders what passes the reading and would
// take for ever, or fill the memory.
func TestHostileTemplatesAreStopped(t *testing.T) {
	stories := `{{range .Sections}}{{range .Stories}}`
	square := stories + `{{range $.Sections}}{{range .Stories}}`
	var doubling, laughs, longer, many strings.Builder
	doubling.WriteString(`{{$a0 := "0123456789"}}`)
	laughs.WriteString(`{{define "l0"}}{{end}}`)
	for i := range 60 {
		fmt.Fprintf(&doubling, "{{$a%d := print $a%d $a%d}}", i+1, i, i)
		fmt.Fprintf(&laughs, `{{define "l%d"}}{{template "l%d" .}}{{template "l%d" .}}{{end}}`, i+1, i, i)
	}
	many.WriteString(`{{$a := "` + strings.Repeat("x", 9000) + `"}}`)
	many.WriteString(strings.Repeat(`{{$b := print $a}}`, 5000))
	longer.WriteString(`{{$x := "0123456789"}}` + square)
	longer.WriteString(`{{$x = print $x $x}}{{end}}{{end}}{{end}}{{end}}`)
	for what, row := range map[string]struct{ html, want string }{
		"rounds without a word":    {square + `{{range $.Sections}}{{range .Stories}}{{end}}{{end}}` + strings.Repeat("{{end}}", 4), "6 ranges stand in each other"},
		"rounds within the depth":  {square + `{{range $.Sections}}` + strings.Repeat(`{{if .Name}}{{end}}`, 40) + `{{end}}` + strings.Repeat("{{end}}", 4), "does more than a mail can need"},
		"ranges forty deep":        {strings.Repeat(`{{range $.Sections}}`, 40) + strings.Repeat(`{{end}}`, 40), "ranges stand in each other"},
		"ranges deep by calls":     {`{{template "a" .}}{{define "a"}}{{range .Sections}}{{range .Stories}}{{template "b" $}}{{end}}{{end}}{{end}}{{define "b"}}{{range .Sections}}{{range .Stories}}{{template "c" $}}{{end}}{{end}}{{end}}{{define "c"}}{{range .Sections}}{{range .Stories}}{{end}}{{end}}{{end}}`, "6 ranges stand in each other"},
		"each calls two":           {laughs.String() + `{{template "l60" .}}`, "does more than a mail can need"},
		"text that doubles":        {doubling.String(), "more text than a mail can need"},
		"text that grows by round": {longer.String(), "more text than a mail can need"},
		"many long texts":          {many.String(), "more text than a mail can need"},
		"print without end":        {square + strings.Repeat("x", 60_000) + strings.Repeat("{{end}}", 4), "printed more than"},
		"endless recursion":        {`{{define "r"}}{{template "r" .}}{{end}}{{template "r" .}}`, "comes back to itself"},
		"deep in branches":         {strings.Repeat("{{if .Web}}", 5000) + strings.Repeat("{{end}}", 5000), ""},
		"a lead of blanks":         {`{{hang (print "` + strings.Repeat(" ", 9000) + `") .Title}}`, "more text than a mail can need"},
	} {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		faults := ours(t, row.html+wholeHTML, wholeText)
		runtime.ReadMemStats(&after)
		if row.want == "" && len(faults) > 0 || row.want != "" && (len(faults) == 0 || !strings.Contains(faults[0], row.want)) {
			t.Errorf("%s: %.300s, want %q", what, strings.Join(faults, "\n"), row.want)
		}
		t.Logf("%s: %d MB made, %d MB held", what, (after.TotalAlloc-before.TotalAlloc)>>20, int64(after.HeapSys-before.HeapSys)>>20)
	}
}
