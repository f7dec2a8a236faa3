package main

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"courant/digest"
	"courant/digest/lint"
	"courant/digest/render"
	"courant/digest/sample"
	"courant/templates"

	"github.com/spf13/cobra"
)

// lintOptions are the flags of lint.
type lintOptions struct {
	json    bool
	strict  bool // warnings count, too
	offline bool // no database: the samples only
}

func (p *program) lintCommand() *cobra.Command {
	var o lintOptions
	c := &cobra.Command{
		Use:   "lint [DIGEST|FILE.eml|FILE.html]...",
		Short: "Hold the mails against the rules: what is wrong, where, and what to do",
		Long: `Hold the mails against the rules of docs/mail.md. Without arguments: the
templates, sample editions of every shape (long, short, one story, no images,
right to left, hard words), and the coming edition of each digest, rendered as
courant preview does it. Nothing is sent and no row changes.

With a digest's name only that one's mails; with files, mails (.eml, as courant
preview --out writes them) or HTML parts (.html) as they are. Other programs'
mails can be judged, too.

An error is what makes it worse to send a mail than not to: an edition with one
is held before anybody gets it. A warning is what makes a mail less good.

It ends with 1 if there is an error, with --strict also if there is a warning.
--offline leaves the coming editions out, so no database is needed.`,
		Example: "  courant lint\n  courant lint morning --json\n  courant lint --offline --strict\n  courant lint proofs/morning.eml",
		Args:    arguments(0, -1),
		RunE:    func(c *cobra.Command, args []string) error { return p.lint(c.Context(), args, o) },
	}
	c.Flags().BoolVar(&o.json, "json", false, "one JSON object a line: each finding, and each input without one")
	c.Flags().BoolVar(&o.strict, "strict", false, "end with 1 for warnings, too")
	c.Flags().BoolVar(&o.offline, "offline", false, "templates and samples only: no database")
	return c
}

// linted is what was found in one input. An error says that it could not be
// judged at all.
type linted struct {
	input    string
	findings []lint.Finding
	err      error
	file     bool   // given by hand, so nothing waits for it
	layout   string // that a mail was made in; empty: it is no mail, or a file
}

func (p *program) lint(ctx context.Context, args []string, o lintOptions) error {
	var files, digests []string
	for _, a := range args {
		if ending := strings.ToLower(filepath.Ext(a)); ending == ".eml" || ending == ".html" || ending == ".htm" {
			files = append(files, a)
		} else {
			digests = append(digests, a)
		}
	}
	list := p.lintFiles(files)
	if len(digests) > 0 || len(files) == 0 {
		made, err := p.lintDigests(ctx, digests, o)
		if err != nil {
			return err
		}
		list = append(list, made...)
	}
	if err := p.tellLint(list, o); err != nil {
		return err
	}
	return verdict(list, o.strict)
}

// lintFiles judges files as they are. They may be anybody's, so the postal
// address of the config is not looked for, and what their articles say is not
// known.
func (p *program) lintFiles(files []string) (list []linted) {
	o := lint.Options{GivenUnknown: true}
	for _, file := range files {
		l := linted{input: file, file: true}
		var b []byte
		if b, l.err = readAtMost(file, largestInput); l.err == nil {
			if strings.EqualFold(filepath.Ext(file), ".eml") {
				l.findings = lint.Mail(b, o)
			} else {
				l.findings = lint.Page(b, o)
			}
		}
		list = append(list, l)
	}
	return list
}

func readAtMost(file string, most int64) ([]byte, error) {
	info, err := os.Stat(file)
	if err == nil && (info.IsDir() || info.Size() > most) {
		return nil, fmt.Errorf("%s is a directory, or larger than %d MB; name a mail or an HTML file", file, most>>20)
	}
	if err != nil {
		return nil, err
	}
	return os.ReadFile(file)
}

// lintDigests judges what the config's digests send: all of them, or those
// named.
func (p *program) lintDigests(ctx context.Context, names []string, o lintOptions) ([]linted, error) {
	c, err := p.loadedConfig()
	if err != nil {
		return nil, err
	}
	digests := c.Digests
	if len(names) > 0 {
		digests = nil
		for _, name := range names {
			d, err := c.digestNamed(name)
			if err != nil {
				return nil, err
			}
			digests = append(digests, d)
		}
	}
	list, err := c.lintSamples(digests)
	if err != nil || o.offline || len(digests) == 0 {
		return list, err
	}
	err = p.with(ctx, p.quiet(), func(h *house) error {
		for _, d := range digests {
			coming, err := h.lintComing(ctx, d)
			if err != nil {
				return err
			}
			list = append(list, coming...)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("%w; `courant lint --offline` does without the coming editions", err)
	}
	return list, nil
}

// lintComing judges the mails of a digest's coming edition.
func (h *house) lintComing(ctx context.Context, d digest.Digest) ([]linted, error) {
	v, err := h.outlook(ctx, previewed{digest: d.Name})
	if err != nil {
		return nil, err
	}
	made, err := v.pull(ctx, h, h.config.URL)
	if err != nil {
		return nil, err
	}
	r, err := h.renderer()
	if err != nil {
		return nil, err
	}
	var list []linted
	for i, m := range made.mails {
		input := d.Name + ", coming edition"
		if i > 0 {
			input += fmt.Sprintf(", group %d", i+1)
		}
		list = append(list, linted{input: input, layout: h.config.layoutOf(m.edition), findings: h.config.lintMail(r, m.message.Splice(nil, m.to), m.edition, m.variant, m.to, true)})
	}
	return list, nil
}

// layoutOf names the layout that an edition is mailed in.
func (c Config) layoutOf(e digest.Edition) string {
	if e.Layout == "" {
		return c.Layout
	}
	return e.Layout
}

// lintSamples judges the templates, and sample editions of each digest made
// with them.
func (c Config) lintSamples(digests []digest.Digest) ([]linted, error) {
	h := &house{config: c, keys: sampleKeys()}
	rc := h.renderConfig()
	list := lintTemplates(rc)
	r, err := render.New(rc)
	if err != nil {
		return nil, err
	}
	for _, d := range digests {
		for _, s := range sample.Shapes(d) {
			l := linted{input: d.Name + ", sample: " + s.Name, layout: c.layoutOf(s.Edition)}
			m, err := r.Render(s.Edition, s.Variant)
			if err != nil {
				l.err = err
			} else {
				l.findings = c.lintMail(r, m.Splice(nil, s.Recipient), s.Edition, s.Variant, s.Recipient, true)
			}
			list = append(list, l)
		}
	}
	return list, nil
}

// sampleKeys sign the links of mails that nobody gets.
func sampleKeys() *digest.Keyring {
	return &digest.Keyring{Current: 1, Tokens: map[byte][]byte{1: make([]byte, 32)}, Suppression: make([]byte, 32)}
}

// lintTemplates judges the sources of the mail templates.
func lintTemplates(rc render.Config) (list []linted) {
	all := map[string]fs.FS{"": rc.Templates}
	for name, own := range rc.TemplatesOf {
		all[name] = own
	}
	var names []string
	for name := range all {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		fsys := all[name]
		if fsys == nil {
			fsys = templates.FS
		}
		of := ""
		if name != "" {
			of = " of " + name
		}
		list = append(list, lintTemplatesIn(fsys, of)...)
	}
	return list
}

func lintTemplatesIn(fsys fs.FS, of string) (list []linted) {
	entries, err := fs.ReadDir(fsys, "mail")
	if err != nil {
		return []linted{{input: "templates" + of, err: err}}
	}
	for _, entry := range entries {
		if !strings.HasSuffix(entry.Name(), ".html") {
			continue
		}
		file := path.Join("mail", entry.Name())
		l := linted{input: file + of}
		var src []byte
		if src, l.err = fs.ReadFile(fsys, file); l.err == nil {
			l.findings = lint.Template(src)
		}
		list = append(list, l)
	}
	return list
}

// verdict is how lint ends.
func verdict(list []linted, strict bool) error {
	faults, warnings, ours := 0, 0, false
	for _, l := range list {
		ours = ours || !l.file && (l.err != nil || lint.Failed(l.findings))
		if l.err != nil {
			faults++
		}
		for _, f := range l.findings {
			if f.Severity == lint.Error {
				faults++
			} else {
				warnings++
			}
		}
	}
	switch {
	case faults > 0 && !ours:
		return fmt.Errorf("%d errors; mend what is named behind each \"next:\"", faults)
	case faults > 0:
		return fmt.Errorf("%d errors; an edition with one of them would be held, and nobody mailed", faults)
	case strict && warnings > 0:
		return fmt.Errorf("%d warnings, and --strict lets none pass", warnings)
	}
	return nil
}

// lintMail judges a mail whose edition is known.
func (c Config) lintMail(r *render.Renderer, mail []byte, e digest.Edition, v digest.Variant, to digest.Recipient, whole bool) []lint.Finding {
	o := lint.Options{PostalAddress: c.PostalAddress, Given: givenWords(e, v, to), ErrorsOnly: !whole}
	if reason, err := r.Reason(e, v, to); err == nil { // who made the mail has said the error
		o.Reason = reason
	}
	return lint.Mail(mail, o)
}

// judge holds mails that are about to go out against the rules.
func (c Config) judge(r *render.Renderer) func([]byte, digest.Edition, digest.Variant, digest.Recipient, bool) []digest.Finding {
	return func(mail []byte, e digest.Edition, v digest.Variant, to digest.Recipient, whole bool) []digest.Finding {
		return asFindings(c.lintMail(r, mail, e, v, to, whole))
	}
}

// asFindings puts what lint found in the words that all of Courant has.
func asFindings(list []lint.Finding) []digest.Finding {
	findings := make([]digest.Finding, len(list))
	for i, f := range list {
		row := digest.Finding{What: f.Rule, Subject: foundAt(f)}
		findings[i] = row.Look(f.Finding, f.Advice)
		if f.Severity == lint.Error {
			findings[i] = row.Wrong(f.Finding, f.Advice)
		}
	}
	return findings
}

// foundAt is where a finding was made, for people. The line of a mail is not
// that of the template which printed it.
func foundAt(f lint.Finding) string {
	switch {
	case f.Line == 0:
		return f.Part
	case f.Part == lint.PartHTML || f.Part == lint.PartText:
		return fmt.Sprintf("%s line %d of the mail", f.Part, f.Line)
	}
	return fmt.Sprintf("%s line %d", f.Part, f.Line)
}

// givenWords are the words that an edition's articles and its reader brought.
// They may look like anything, a template's tag too.
func givenWords(e digest.Edition, v digest.Variant, to digest.Recipient) []string {
	words := []string{e.Title, to.Name}
	for _, s := range v.Stories {
		words = append(words, s.Title, s.Category, s.Source, s.Site, s.Attribution, s.Image.Alt)
		words = append(words, s.Points...)
		for _, a := range s.Also {
			words = append(words, a.Source)
		}
	}
	for _, c := range v.Corrections {
		words = append(words, c.Title, c.Text)
	}
	return words
}

// mailFindings are the rows of check: what the samples of all digests come to.
func (c Config) mailFindings() []digest.Finding {
	row := digest.Finding{What: "mails"}
	list, err := c.lintSamples(c.Digests)
	if err != nil {
		return []digest.Finding{row.Wrong(err.Error(), "mend what it names, then see `courant lint`")}
	}
	var rows []digest.Finding
	var told []lint.Finding
	for _, l := range list {
		row.Subject = l.input
		if l.err != nil {
			rows = append(rows, row.Wrong(l.err.Error(), "mend what it names, then see `courant lint`"))
		}
		for _, f := range l.findings {
			same := func(g lint.Finding) bool { return g.Rule == f.Rule && g.Part == f.Part }
			if slices.ContainsFunc(told, same) {
				continue // one of its kind is enough here
			}
			told = append(told, f)
			text := fmt.Sprintf("%s (%s, %s)", f.Finding, f.Rule, foundAt(f))
			found := row.Look(text, f.Advice)
			if f.Severity == lint.Error {
				found = row.Wrong(text, f.Advice)
			}
			rows = append(rows, found)
		}
	}
	if len(rows) == 0 {
		row.Subject = ""
		return []digest.Finding{row.OK(fmt.Sprintf("%d samples and templates keep the rules", len(list)))}
	}
	return rows
}
