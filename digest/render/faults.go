package render

import (
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"time"

	"courant/digest"
	"courant/templates"
)

// TemplateFaults says all that is wrong with the mail templates in fsys, each
// with its file and line: what cannot be read, names what there is not, prints
// what must not be printed, or makes mails that lack what each must have. To
// see the latter, sample editions of several shapes are rendered.
func TemplateFaults(fsys fs.FS) []*TemplateFault {
	names, err := Layouts(fsys)
	if err != nil {
		return []*TemplateFault{{File: "mail", Err: err}}
	}
	texts, err := templates.Load(fsys)
	if err != nil {
		return []*TemplateFault{{File: "lang", Err: err}}
	}
	var faults []*TemplateFault
	for _, name := range names {
		_, own := parseLayout(fsys, name, ourLook(), texts)
		faults = append(faults, own...)
	}
	if len(faults) > 0 {
		return withoutRepeats(faults)
	}
	r, err := New(specimenConfig(fsys, names[0]))
	if err != nil {
		return []*TemplateFault{executionFault(names[0]+".html", err)}
	}
	for _, name := range names {
		faults = append(faults, r.tryLayout(name)...)
	}
	return withoutRepeats(faults)
}

// withoutRepeats drops what several layouts say of the parts they share.
func withoutRepeats(faults []*TemplateFault) []*TemplateFault {
	var once []*TemplateFault
	for _, f := range faults {
		if !slices.ContainsFunc(once, func(g *TemplateFault) bool { return f.Error() == g.Error() }) {
			once = append(once, f)
		}
	}
	return once
}

var (
	parserPrefix = regexp.MustCompile(`^(?:html/)?template: ?[\w.-]+\.(?:html|txt):\d+(?::\d+)?: `)
	executing    = regexp.MustCompile(`^executing "[^"]*" at `)
	noFunction   = regexp.MustCompile(`function "([^"]+)" not defined`)
)

// parseFault is what the parser said of a file of a layout.
func parseFault(root string, err error) *TemplateFault {
	f := executionFault(root, err)
	if m := noFunction.FindStringSubmatch(err.Error()); m != nil {
		f.Err = fmt.Errorf("there is no function %q", m[1])
		f.Word, f.Known = m[1], Functions()
	}
	for said, better := range map[string]string{
		"unexpected EOF":     "the file ends before its last {{end}}",
		"bad character":      "this is no action of a template: is there a }} or a {{end}} missing above?",
		"unclosed action":    "the action is not closed: write }} behind it",
		"unexpected {{end}}": "there is one {{end}} too many, or its {{if}} or {{range}} is missing",
	} {
		if strings.Contains(f.Err.Error(), said) {
			f.Err = errors.New(better)
		}
	}
	return f
}

// executionFault is what came out of a template, with the place it names.
func executionFault(root string, err error) *TemplateFault {
	f := &TemplateFault{File: "mail/" + root, Err: err}
	if errors.As(err, &f) {
		return f
	}
	var stopped *budgetError
	if errors.As(err, &stopped) {
		f.Err = stopped
		if stopped.file != "" {
			f.File, f.Line = stopped.file, stopped.line
			return f
		}
	}
	text := err.Error()
	if i := strings.Index(text, "template:"); i >= 0 {
		text = strings.TrimPrefix(text[i:], "html/")
	}
	if file, line, column := cutPlace(text); line > 0 && parserPrefix.MatchString(text) {
		f.File, f.Line = "mail/"+file, line
		if column > 0 {
			f.Column = column + 1
		}
		if stopped == nil {
			f.Err = errors.New(executing.ReplaceAllString(parserPrefix.ReplaceAllString(text, ""), "at "))
		}
	}
	return f
}

// Functions are those a mail template may call, by name.
func Functions() []string {
	var names []string
	for name := range new(run).funcs() {
		if name != spendName {
			names = append(names, name)
		}
	}
	for name := range builtins {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// specimenKeys are for mails that nobody gets.
func specimenKeys() *digest.Keyring {
	return &digest.Keyring{Current: 1, Tokens: map[byte][]byte{1: make([]byte, 32)}, Suppression: make([]byte, 32)}
}

func specimenConfig(fsys fs.FS, layout string) Config {
	return Config{
		Name: "Example & Sons News", URL: "https://news.example.com", From: "Example News <news@example.com>",
		PostalAddress: "1 Example Street, Example City", Keys: specimenKeys(), Templates: fsys, Layout: layout,
	}
}

// tryLayout renders the specimens in a layout and says the first thing that is
// wrong with each of its parts.
func (r *Renderer) tryLayout(name string) []*TemplateFault {
	var faults []*TemplateFault
	for _, kind := range []string{".html", ".txt"} {
		for _, s := range specimens() {
			s.edition.Layout = name
			if err := r.try(s, kind); err != nil {
				faults = append(faults, executionFault(name+kind, err))
				break
			}
		}
	}
	if len(faults) > 0 {
		return faults
	}
	for _, s := range specimens() {
		s.edition.Layout = name
		// The template shows the edition on the web, too, where there may be no reader.
		_, err := r.View(s.edition, s.variant, nil)
		if err == nil {
			_, err = r.Archive(s.edition, s.variant, nil, true)
		}
		if err == nil {
			_, err = r.Render(s.edition, s.variant) // last, what the size asks for
		}
		if err != nil {
			return []*TemplateFault{executionFault(name+".html", err)}
		}
	}
	return nil
}

// try makes one part of a specimen.
func (r *Renderer) try(s specimen, kind string) error {
	set, err := r.setting(s.edition, s.variant)
	if err != nil {
		return err
	}
	p, err := r.page(s.edition, s.variant, set)
	if err != nil {
		return err
	}
	x, err := set.layout.take(set.lang)
	if err != nil {
		return err
	}
	defer set.layout.give(x)
	p.Personal = true
	run, escaped := x.htmlPieces, escape
	if kind == ".txt" {
		run, escaped = x.textPieces, func(s string) string { return s }
	}
	pieces, err := run(p)
	if err != nil {
		return err
	}
	return lacking(p, s.variant, pieces, escaped)
}

// lacking says what a part does not have that every digest must have: who
// sends it and why (CAN-SPAM, GDPR), and what it is read for.
func lacking(p *page, v digest.Variant, pieces []piece, escape func(string) string) error {
	var b strings.Builder
	for _, x := range pieces {
		b.WriteString(x.text)
	}
	shown := strings.Join(strings.Fields(b.String()), " ") // the text part breaks its lines
	for _, need := range []struct{ what, value, write string }{
		{"name of the publication", p.Publication, "{{.Publication}}"},
		{"postal address, which the law wants", p.PostalAddress, "{{.PostalAddress}}"},
		{"title of the digest", p.Title, "{{.Title}}"},
	} {
		if !strings.Contains(shown, escape(need.value)) {
			return fmt.Errorf("the mail does not show the %s: write %s", need.what, need.write)
		}
	}
	if count(pieces, placeReason) == 0 {
		return errors.New("the mail does not say why its reader gets it: write {{reason}}")
	}
	for _, t := range v.Stories {
		if !strings.Contains(shown, escape(t.Title)) {
			return fmt.Errorf("the mail leaves out the headline of a story (%q in a sample): print .Title of each", t.Title)
		}
		if !strings.Contains(shown, escape(t.URL)) {
			return fmt.Errorf("the mail leaves out the link of a story (%q in a sample): print .URL of each", t.Title)
		}
	}
	return nil
}

// specimen is an edition that was never published.
type specimen struct {
	edition digest.Edition
	variant digest.Variant
}

// specimens are editions of the shapes that templates trip over: as little as
// there can be, everything there can be, more than fits, and right to left.
func specimens() []specimen {
	at := time.Date(2026, 3, 3, 6, 0, 0, 0, time.UTC)
	edition := func(language string) digest.Edition {
		return digest.Edition{
			ID: 1, Digest: "sample", Title: "Sample Brief", Kind: digest.KindSlot, Number: 12, Slot: "2026-03-03T07:00+01:00",
			Instant: at, Zone: "Europe/Berlin", Language: language, KeyID: 1, Published: at,
			Cadence: digest.Cadence{Weekdays: []time.Weekday{1, 2, 3, 4, 5}, Hour: 7, Zone: "Europe/Berlin"},
		}
	}
	bare := edition("en")
	bare.Kind, bare.Number = digest.KindProof, 0
	full := specimenVariant("en", specimenStories(at, 9)...)
	full.Corrections = []digest.Correction{{Title: "What was told wrong", URL: "https://example.com/wrong", Text: "It was the other way round."}}
	return []specimen{
		{bare, specimenVariant("en", digest.Told{Title: "A story alone", URL: "https://example.com/alone"})},
		{edition("en"), full},
		{edition("ar"), specimenVariant("ar", specimenStories(at, 3)...)},
		{edition("en"), specimenVariant("en", specimenStories(at, 150)...)},
	}
}

func specimenVariant(language string, stories ...digest.Told) digest.Variant {
	return digest.Variant{ID: 1, Edition: 1, Signature: "sample", Language: language, Zone: "Europe/Berlin", Default: true, Stories: stories}
}

// specimenStories differ in what they have: each third one has all of it.
func specimenStories(at time.Time, n int) []digest.Told {
	var all []digest.Told
	for i := range n {
		t := digest.Told{
			Title: fmt.Sprintf("Headline %d of & about everything", i+1), URL: fmt.Sprintf("https://example.com/%d", i+1),
			Category: []string{"", "World", "Culture"}[(i*3+n-1)/n%3], Source: "Sample wire", Published: at.Add(-time.Duration(i) * time.Hour),
		}
		if i%3 == 0 {
			t.Points = []string{"The first point of it.", "The second point."}
			t.PointsFrom = []digest.PointsFrom{digest.PointsLead, digest.PointsModel, digest.PointsPage}[i/3%3]
			t.Image = digest.Image{URL: "https://example.com/1.jpg", Alt: "A picture", Width: 1200, Height: 800}
			t.Also = []digest.Also{{Source: "Another wire", URL: "https://example.org/also"}}
			t.Attribution, t.Language = "The other paper", "en"
		}
		all = append(all, t)
	}
	return all
}
