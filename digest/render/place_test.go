package render

import (
	"fmt"
	htmltemplate "html/template"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"text/template"

	"courant/digest"
	"courant/templates"
)

func pointsFrom(s string) digest.PointsFrom { return digest.PointsFrom(s) }

// withTemplates is the built-in templates with others for the mail; empty
// means the built-in one.
func withTemplates(t testing.TB, html, text string) fstest.MapFS {
	t.Helper()
	files := fstest.MapFS{}
	err := fs.WalkDir(templates.FS, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := fs.ReadFile(templates.FS, path)
		files[path] = &fstest.MapFile{Data: b}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if html != "" {
		files["mail/standard.html"] = &fstest.MapFile{Data: []byte(html)}
	}
	if text != "" {
		files["mail/standard.txt"] = &fstest.MapFile{Data: []byte(text)}
	}
	return files
}

func templateFile(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }

func TestPersonalValuesCanOnlyBePrinted(t *testing.T) {
	t.Parallel()
	for _, html := range []string{
		`{{if name}}x{{end}}`, `{{if eq name "Ada"}}x{{end}}`, `{{with name}}{{.}}{{end}}`, `{{$n := name}}{{$n}}`,
		`{{name | printf "%.3s"}}`, `{{len name}}`, `{{slice reason 1 3}}`, `{{print "x" name}}`, `{{range name}}{{end}}`,
		`{{define "a"}}{{.}}{{end}}{{template "a" unsubscribeURL}}`, `{{if true}}{{else if viewURL}}{{end}}`,
		`{{print (name)}}`, `{{(name)}}`, `{{range $i, $x := .Sections}}{{if lt name "M"}}{{end}}{{end}}`,
		`{{define "b"}}{{if name}}x{{end}}{{end}}`, `{{mso .Title}}`, `{{mso name}}`, `{{mso (print "a" .Title)}}`, `{{.Title | mso}}`,
	} {
		c := testConfig()
		c.Templates = withTemplates(t, "<p>\n"+html+"</p>", "")
		_, err := New(c)
		if err == nil {
			t.Errorf("%s passes", html)
		} else if !strings.Contains(err.Error(), "mail/standard.html") || !strings.Contains(err.Error(), ":2:") {
			t.Errorf("%s: the error does not say where: %v", html, err)
		}
		c.Templates = withTemplates(t, "", html)
		if _, err := New(c); err == nil {
			t.Errorf("%s passes in the text part", html)
		}
	}
}

func TestMarkerInAWrongPlaceIsAnError(t *testing.T) {
	t.Parallel()
	const unsubscribe = `<a href="{{unsubscribeURL}}">x</a>`
	for html, want := range map[string]string{
		`<a href="https://x.example/?to={{unsubscribeURL}}">x</a>`:    "must not",
		`<a href="https://x.example/{{unsubscribeURL}}">x</a>`:        "within another link",
		`<a href="{{unsubscribeURL}}/more">x</a>`:                     "within another link",
		`<a href="{{unsubscribeURL}}?x=y">x</a>`:                      "within another link",
		`<a href="{{name}}">x</a>` + unsubscribe:                      "name stands in the href of <a>",
		`<a href="{{reason}}">x</a>` + unsubscribe:                    "reason stands in the href of <a>",
		`<p style="color:{{name}}">x</p>` + unsubscribe:               "in the style of <p>",
		`<style>p { color: {{name}} }</style>` + unsubscribe:          "would be changed",
		`<style>p { content: "{{name}}" }</style>` + unsubscribe:      "would be changed",
		`<script>var x = {{name}}</script>` + unsubscribe:             "would be changed",
		`<script>var x = "{{name}}"</script>` + unsubscribe:           "would be changed",
		`<p title={{name}}>x</p>` + unsubscribe:                       "must not",
		`<a href={{unsubscribeURL}}>x</a>`:                            "must not",
		`<p onclick="f({{name}})">x</p>` + unsubscribe:                "in the onclick of <p>",
		`<a href='{{unsubscribeURL}}'>x</a>`:                          "within another link",
		`<p>no link at all</p>`:                                       "no {{unsubscribeURL}}",
		`<img srcset="{{viewURL}} 2x" alt="">` + unsubscribe:          "in the srcset of <img>",
		`<p style="background:url('{{viewURL}}')"></p>` + unsubscribe: "in the style of <p>",
		// What would tell who opened the mail, or followed a link.
		`<img src="{{viewURL}}" alt="Ship" width="200">` + unsubscribe:                          "in the src of <img>, where it would tell who opened the mail",
		`<IMG alt='<a href="' SRC = "{{unsubscribeURL}}" width="200">` + unsubscribe:            "in the src of <img>",
		`<img src="{{if .Title}}{{viewURL}}{{end}}" alt="">` + unsubscribe:                      "in the src of <img>",
		`{{define "own"}}{{viewURL}}{{end}}<img src="{{template "own"}}" alt="">` + unsubscribe: "in the src of <img>",
		`<a href="https://x.example/" ping="{{viewURL}}">x</a>` + unsubscribe:                   "in the ping of <a>",
		`<link rel="stylesheet" href="{{viewURL}}">` + unsubscribe:                              "in the href of <link>",
		`<td background="{{viewURL}}">x</td>` + unsubscribe:                                     "in the background of <td>",
		`<v:fill src="{{viewURL}}"/>` + unsubscribe:                                             "in the src of <v:fill>",
		`<img alt="" data-x="{{name}}">` + unsubscribe:                                          "in the data-x of <img>",
		`<!--[if mso]><img src="https://x.example/"><![endif]--><p>x</p>` + unsubscribe:         "write {{mso `...`}}",
	} {
		c := testConfig()
		c.Templates = withTemplates(t, html, "")
		r, err := New(c)
		if err == nil {
			s := plainSample()
			_, err = r.Render(s.Edition, s.Variant)
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", html, err, want)
		}
	}
	for text, want := range map[string]string{
		"Leave: {{unsubscribeURL}}":          "alone on its line",
		"{{unsubscribeURL}}.":                "alone on its line",
		"{{name}}{{unsubscribeURL}}":         "alone on its line",
		"{{unsubscribeURL}}\n{{reason}} yes": "alone on its line",
		"{{reason}}":                         "no {{unsubscribeURL}}",
	} {
		c := testConfig()
		c.Templates = withTemplates(t, "", text)
		s := plainSample()
		_, err := newRenderer(t, c).Render(s.Edition, s.Variant)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

const personalHTML = `<!DOCTYPE html><title>For {{name}}</title>
<p title="{{name}}">Dear {{name}}, {{name}}.{{name}}</p>
{{mso ` + "`<b>`" + `}}<a href="{{unsubscribeURL}}">{{unsubscribeURL}}</a><a href="{{preferencesURL}}">p</a><a href="{{viewURL}}#top">v</a>
<p>{{reason}}</p>{{range .Sections}}{{range .Stories}}<h2>{{.Title}}</h2>{{end}}{{end}}{{name}}`

const personalText = `{{name}}
.{{name}}. Dear {{name}},{{name}}
{{unsubscribeURL}}
{{reason}}
{{viewURL}}
{{preferencesURL}}
{{range .Sections}}{{range .Stories}}{{wrap .Title}}
{{end}}{{end}}{{name}}`

// naive renders a variant for one reader alone: the templates get the values
// themselves. What Splice makes must be that.
func naive(t testing.TB, r *Renderer, s sample) (text, html string) {
	t.Helper()
	set, err := r.setting(s.Edition, s.Variant)
	if err != nil {
		t.Fatal(err)
	}
	p, err := r.page(s.Edition, s.Variant, set)
	if err != nil {
		t.Fatal(err)
	}
	p.Personal = true
	m := &Message{r: r, lang: set.lang, loc: set.loc, title: p.Title}
	if err := m.words(s.Edition, s.Variant); err != nil {
		t.Fatal(err)
	}
	to := s.Recipient
	since := to.Since
	if !since.IsZero() {
		since = since.In(set.loc)
	}
	keys, base := r.c.Keys, r.c.URL
	values := map[string]string{
		"unsubscribeURL": base + "/p/" + keys.LinkToken(to.KeyID, digest.Token{Purpose: digest.PurposePage, Ref: to.Ref}),
		"viewURL":        base + "/v/" + keys.LinkToken(to.KeyID, digest.Token{Purpose: digest.PurposeView, Ref: to.Ref}),
		"name":           m.nameFor(to),
		"reason":         m.reasonText(since, s.Recipient.Weekly),
	}
	values["preferencesURL"] = values["unsubscribeURL"] + "#choices"
	x := &run{lang: set.lang}
	funcs := x.funcs()
	for name, v := range values {
		funcs[name] = func() string { return v }
	}
	h := htmltemplate.Must(set.layout.html.Clone()).Funcs(funcs)
	var out strings.Builder
	if err := h.Execute(&out, p); err != nil {
		t.Fatal(err)
	}
	html = tidyHTML(out.String())
	funcs["reason"] = func() string { return hang("", values["reason"]) }
	out.Reset()
	if err := template.Must(set.layout.text.Clone()).Funcs(funcs).Execute(&out, p); err != nil {
		t.Fatal(err)
	}
	return tidyText(out.String()), html
}

func TestSpliceIsTheSameAsRenderingForTheReader(t *testing.T) {
	t.Parallel()
	c := testConfig()
	c.Templates = withTemplates(t, personalHTML, personalText)
	renderers := map[string]*Renderer{"standard": newRenderer(t, testConfig()), "personal": newRenderer(t, c)}
	readers := []string{"Ada", "", `<b>"Q" & 'A'+</b>`, ".", "From me", strings.Repeat("長い ", 30), "a = b"}
	for which, r := range renderers {
		all := samples(t)
		for i, name := range slices.Sorted(maps.Keys(all)) {
			some := readers[i%len(readers):][:1]
			if name == "mixed" || name == "brief" {
				some = readers
			}
			for _, reader := range some {
				t.Run(fmt.Sprintf("%s %s %.5q", which, name, reader), func(t *testing.T) {
					s := all[name]
					s.Recipient.Name = reader
					m, p := render(t, r, s)
					if m.More > 0 {
						t.Skip("the naive mail is not shortened")
					}
					text, html := naive(t, r, s)
					if p.text != text {
						t.Errorf("text:\n%s\nwant\n%s", p.text, text)
					}
					if p.html != html {
						t.Errorf("html:\n%s\nwant\n%s", p.html, html)
					}
				})
			}
		}
	}
}

func TestMisplacedPersonalValueIsNamedWithItsLine(t *testing.T) {
	t.Parallel()
	files := withTemplates(t, "", "")
	change := func(name, old, replacement string) {
		t.Helper()
		src := string(files[name].Data)
		if !strings.Contains(src, old) {
			t.Fatalf("%s has no %q", name, old)
		}
		files[name] = templateFile(strings.Replace(src, old, replacement, 1))
	}
	change("mail/parts.html", "<p style=\"margin:0 0 12px 0;\">{{reason}}</p>", "<p>{{reason}}</p>\n<img src=\"{{viewURL}}\" alt=\"Ship\" width=\"200\">")
	src := string(files["mail/parts.html"].Data)
	line := strings.Count(src[:strings.Index(src, "<img src=\"{{viewURL")], "\n") + 1
	faults := TemplateFaults(files)
	if len(faults) != 1 || faults[0].File != "mail/parts.html" || faults[0].Line != line || !strings.Contains(faults[0].Error(), "href of a link") {
		t.Errorf("%v, want line %d", faults, line)
	}
}

func TestPartEmptiedInVainIsNamed(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{".html", ".txt"} {
		files := withTemplates(t, "", "")
		name := "mail/standard" + kind
		src := string(files[name].Data)
		files[name] = templateFile("{{/* ours */}}\n{{define \"contents\"}}{{/* nothing */}} {{end}}" + src)
		faults := TemplateFaults(files)
		if len(faults) != 1 || faults[0].File != name || faults[0].Line != 2 || !strings.Contains(faults[0].Error(), `{{define "contents"}}{{""}}{{end}}`) {
			t.Errorf("%v", faults)
		}
		files[name] = templateFile(`{{define "contents"}}{{""}}{{end}}` + src)
		if faults := TemplateFaults(files); len(faults) != 0 {
			t.Errorf("as it's told to be written: %v", faults)
		}
	}
}

func TestReasonIsThatOfTheMail(t *testing.T) {
	t.Parallel()
	r := newRenderer(t, testConfig())
	for name, s := range samples(t) {
		reason, err := r.Reason(s.Edition, s.Variant, s.Recipient)
		if err != nil || reason == "" {
			t.Errorf("%s: %q, %v", name, reason, err)
		}
		if _, p := render(t, r, s); !strings.Contains(p.html, escape(reason)) {
			t.Errorf("%s: %q is not in the HTML", name, reason)
		}
	}
}

func TestTitleCannotForgeAMarker(t *testing.T) {
	t.Parallel()
	r := newRenderer(t, testConfig())
	s := plainSample()
	m, _ := render(t, r, s)
	cuts := len(m.cuts)
	s.Variant.Stories[0].Title = (marks{"ABCDEFGHIJKLMNOPQRSTUVWXYZ"}).print(placeUnsubscribe)
	s.Variant.Stories[0].Points = []string{"{{name}}", "%3cABCDEFGHIJKLMNOPQRSTUVWXYZ=u;", "&lt;ABCDEFGHIJKLMNOPQRSTUVWXYZ=u;"}
	m, _ = render(t, r, s)
	if len(m.cuts) != cuts {
		t.Errorf("%d places instead of %d", len(m.cuts), cuts)
	}
	seen := map[string]bool{}
	for range 100 {
		n := newMarks().nonce
		if len(n) < 26 || seen[n] {
			t.Fatalf("nonce %q", n)
		}
		seen[n] = true
	}
}

func withoutLanguages(t testing.TB) fs.FS {
	t.Helper()
	return fstest.MapFS{"mail/standard.html": {}, "mail/standard.txt": {}}
}
