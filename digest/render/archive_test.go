package render

import (
	"strings"
	"testing"
	"time"

	"courant/digest"
	"courant/templates"
)

// inArchive shows an edition in the archive, as HTML and as text.
func inArchive(t *testing.T, c Config, e digest.Edition, v digest.Variant, since ...digest.Remark) (html, text string) {
	t.Helper()
	r := newRenderer(t, c)
	page, err := r.Archive(e, v, since, false)
	if err != nil {
		t.Fatal(err)
	}
	words, err := r.Archive(e, v, since, true)
	if err != nil {
		t.Fatal(err)
	}
	return string(page), string(words)
}

// TestArchivedEditionNamesNoReaderAndTellsAll holds it against the mail of a
// reader who is all canaries, in every layout and language.
func TestArchivedEditionNamesNoReaderAndTellsAll(t *testing.T) {
	t.Parallel()
	texts, err := templates.Load(templates.FS)
	if err != nil {
		t.Fatal(err)
	}
	for _, layout := range []string{"standard", "brief"} {
		for _, l := range texts.Languages() {
			for _, s := range specimens()[1:] {
				s.edition.Layout, s.edition.Language, s.variant.Language = layout, l.Tag, l.Tag
				c := testConfig()
				c.Layout = layout
				html, text := inArchive(t, c, s.edition, s.variant)
				for kind, part := range map[string]string{"page": html, "text": text} {
					for _, canary := range []string{"/u/", "/p/", "/v/", "ZgotmplZ", "<no value>"} {
						if strings.Contains(part, canary) {
							t.Errorf("%s %s: the %s has %q", layout, l.Tag, kind, canary)
						}
					}
					for _, story := range s.variant.Stories {
						if !strings.Contains(part, story.URL) {
							t.Fatalf("%s %s: the %s leaves out %s", layout, l.Tag, kind, story.URL)
						}
					}
				}
				if !strings.Contains(html, `href="https://news.example.com/a/sample"`) || !strings.Contains(html, `href="https://news.example.com/a/sample/12.txt"`) ||
					!strings.Contains(html, `type="application/atom+xml" title="Sample Brief" href="https://news.example.com/a/sample/feed.atom"`) {
					t.Fatalf("%s %s: the page lacks its ways on:\n%s", layout, l.Tag, html)
				}
				if !strings.Contains(text, "\nhttps://news.example.com/a/sample/12\n") {
					t.Errorf("%s %s: the text does not say where it stands:\n%s", layout, l.Tag, text)
				}
			}
		}
	}
}

func TestArchiveSaysWhatBecameKnownSince(t *testing.T) {
	t.Parallel()
	s := specimens()[1]
	day := time.Date(2026, 3, 5, 23, 30, 0, 0, time.UTC) // the sixth in Berlin
	html, text := inArchive(t, testConfig(), s.edition, s.variant,
		digest.Remark{Title: "Headline 1 of & about everything", URL: "https://example.com/1", Text: "It was <two>.", At: day},
		digest.Remark{Title: "Headline 2 of & about everything", URL: "https://example.com/2", Withdrawn: true, At: day})
	for _, want := range []string{"Corrected on 6 March 2026: It was &lt;two&gt;.", "The publisher withdrew this article on 6 March 2026.", "It was the other way round."} {
		if !strings.Contains(html, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	for _, want := range []string{"CORRECTIONS", "Corrected on 6 March 2026: It was <two>.", "The publisher withdrew this article on 6 March 2026."} {
		if !strings.Contains(text, want) {
			t.Errorf("the text lacks %q:\n%s", want, text)
		}
	}
	if !strings.Contains(html, "The first point of it.") {
		t.Error("what was told is gone")
	}
}

// A template of an editor's own may print personal values without asking whether
// there is a reader.
func TestArchiveOfACarelessTemplateNamesNoReader(t *testing.T) {
	t.Parallel()
	c := testConfig()
	c.Templates = withOwn(t,
		`<p>{{name}} {{reason}} <a href="{{unsubscribeURL}}">x</a> <a href="{{viewURL}}">y</a> {{.Publication}} {{.PostalAddress}} {{.Title}}{{range .Sections}}{{range .Stories}}<a href="{{.URL}}">{{.Title}}</a>{{end}}{{end}}</p>`,
		"{{name}}\n{{reason}}\n{{unsubscribeURL}}\n{{viewURL}}\n{{.Title}} {{.Publication}} {{.PostalAddress}}\n{{range .Sections}}{{range .Stories}}{{.Title}}\n{{.URL}}\n{{end}}{{end}}")
	c.Layout = "own"
	s := specimens()[1]
	s.edition.Layout = "own"
	html, text := inArchive(t, c, s.edition, s.variant)
	for _, part := range []string{html, text} {
		if strings.Contains(part, "/u/") || strings.Contains(part, "/v/") || !strings.Contains(part, "https://news.example.com/a/sample/12") {
			t.Errorf("it shows\n%s", part)
		}
	}
}
