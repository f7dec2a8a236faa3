package lint_test

import (
	"strings"
	"testing"

	"courant/digest/lint"
)

const template = `{{- /* A comment with }} and <script>,
  over two lines. */ -}}
<!DOCTYPE html>
<html lang="{{.Lang}}" dir="{{.Dir}}">
<head>
{{with .Archive}}<link rel="canonical" href="{{.Address}}">{{end}}
{{mso ` + "`<style>table{border-collapse:collapse}</style>`" + `}}
<style>
@media (prefers-color-scheme: dark) { .ink { color: {{.Night.Ink}}; } }
</style>
</head>
<body style="background:{{if .Web}}#fff{{else}}{{.Paper}}{{end}};">
{{with $x := .Sections}}{{end}}
<table role="presentation" width="100%">{{mso "<tr><td>"}}
<tr><td><a href="{{.URL}}">{{.Title}}</a> <a href="{{unsubscribeURL}}">{{say "mail.unsubscribe" "x" "}}"}}</a> <a href="#top">up</a>
<img src="{{.Image.URL}}" alt="{{.Alt}}" width="{{.Width}}">
<a href="{{.URL}}"></a>
</td></tr>{{mso "</td></tr>"}}
</table>
</body>
</html>
`

func TestGoodTemplateHasNoFindings(t *testing.T) {
	t.Parallel()
	for _, f := range lint.Template([]byte(template)) {
		t.Errorf("%+v", f)
	}
}

func TestTemplateIsJudgedByItsSource(t *testing.T) {
	t.Parallel()
	for rule, change := range map[string][2]string{
		"script":            {"<body ", `<body onload="x()" `},
		"element-forbidden": {"</head>", `<link rel="stylesheet" href="https://a.example/s.css"></head>`},
		"css-remote":        {"<style>\n", "<style>\n@import 'https://a.example/s.css';\n"},
		"css-layout":        {`style="background`, `style="display:flex;background`},
		"css-syntax":        {".Night.Ink}}; } }", ".Night.Ink}}; }"},
		"style-size":        {"<style>\n", "<style>\n" + strings.Repeat(".a { margin: 0; }\n", 500)},
		"colour-unknown":    {`style="background`, `style="color:papayawhip;background`},
		"table-role":        {` role="presentation"`, ""},
		"mso-balance":       {`{{mso "</td></tr>"}}`, ""},
		"mso-missing":       {"{{mso", "{{say"},
		"image-alt":         {` alt="{{.Alt}}"`, ""},
		"image-width":       {` width="{{.Width}}"`, ""},
		"image-source":      {`src="{{.Image.URL}}"`, `src="logo.png"`},
		"open-pixel":        {` width="{{.Width}}"`, ` width="1"`},
		"link-relative":     {`<a href="#top">`, `<a href="/top">`},
		"link-scheme":       {`<a href="#top">`, `<a href="ftp://a.example/">`},
	} {
		if !strings.Contains(template, change[0]) {
			t.Fatalf("%s: %q is not in the template", rule, change[0])
		}
		changed := strings.ReplaceAll(template, change[0], change[1])
		got := lint.Template([]byte(changed))
		if len(got) != 1 || got[0].Rule != rule || got[0].Part != lint.PartTemplate || got[0].Advice == "" {
			t.Errorf("%s: %+v", rule, got)
		}
	}
}

func TestPartsOfATemplateNeedNotBalance(t *testing.T) {
	t.Parallel()
	for _, src := range []string{"{{define \"open\"}}{{mso `<table>`}}{{end}}", `{{- template "open" .}}<p>{{.Title}}</p>`} {
		for _, f := range lint.Template([]byte(src)) {
			t.Errorf("%+v", f)
		}
	}
}

func TestFindingsInATemplateNameItsLine(t *testing.T) {
	t.Parallel()
	got := lint.Template([]byte(strings.ReplaceAll(template, ` alt="{{.Alt}}"`, "")))
	if want := strings.Count(template[:strings.Index(template, "<img")], "\n") + 1; len(got) != 1 || got[0].Line != want {
		t.Errorf("got %+v, want line %d", got, want)
	}
}

func FuzzTemplate(f *testing.F) {
	f.Add([]byte(template))
	f.Add([]byte("{{/* {{ \"` }}"))
	f.Add([]byte("{{mso `"))
	f.Fuzz(func(_ *testing.T, src []byte) { lint.Template(src) })
}
