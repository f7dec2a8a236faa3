package main

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"courant/digest"
	"courant/digest/lint"
	"courant/digest/render"
	"courant/digest/sample"
	"courant/digest/smtpsink"
	"courant/templates"
)

// brokenMail is a mail of the goldens that breaks rules: an error and a
// warning.
func brokenMail(t *testing.T, dir string) string {
	t.Helper()
	b, err := os.ReadFile("../../digest/render/testdata/one.eml")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(string(b), "Precedence: bulk\r\n", "Bcc: victim@example.net\r\n", 1)
	file := filepath.Join(dir, "broken.eml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func lintedLines(t *testing.T, out string) (lines []lintLine) {
	t.Helper()
	for line := range strings.Lines(out) {
		var l lintLine
		d := json.NewDecoder(strings.NewReader(line))
		d.DisallowUnknownFields()
		if err := d.Decode(&l); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		lines = append(lines, l)
	}
	return lines
}

func TestLintHoldsTemplatesSamplesAndTheComingEditionAgainstTheRules(t *testing.T) {
	t.Parallel()
	d := newDesk(t, smtpsink.Options{})
	d.configure()
	d.feed.put(item{"Harbour town rebuilds", "/a", "<p>Residents approved the plan by 412 votes to 87 after a winter of public meetings.</p>"})
	d.must("fetch")
	lines := lintedLines(t, d.must("lint", "--json", "--strict"))
	var inputs []string
	for _, l := range lines {
		if l.Severity != "ok" || l.Rule != "" {
			t.Errorf("%+v", l)
		}
		inputs = append(inputs, l.Input)
	}
	all := strings.Join(inputs, "\n")
	for _, want := range []string{"mail/standard.html", "morning, sample: short", "long", "one story", "no images", "right to left", "hard words", "morning, coming edition"} {
		if !strings.Contains(all, want) {
			t.Errorf("%q was not judged:\n%s", want, all)
		}
	}
	if out := d.must("lint", "--offline", "morning"); strings.Contains(out, "error") || !strings.Contains(out, "keep all rules") {
		t.Errorf("offline: %s", out)
	}
	if r := d.try("lint", "--offline", "mornin"); r.code != exitMisused || !strings.Contains(r.stderr, "morning") {
		t.Errorf("exit %d: %s", r.code, r.stderr)
	}
	var check string
	for _, line := range strings.Split(d.must("check", "--offline"), "\n") {
		if strings.Contains(line, "mails") {
			check = line
		}
	}
	if !strings.HasPrefix(check, "ok") {
		t.Errorf("check says %q", check)
	}
}

func TestLintNamesWhatIsWrongWithAFile(t *testing.T) {
	t.Parallel()
	d := newDesk(t, smtpsink.Options{})
	broken := brokenMail(t, d.dir)
	page := filepath.Join("..", "..", "digest", "render", "testdata", "one.html")
	if abs, err := filepath.Abs(page); err != nil {
		t.Fatal(err)
	} else {
		page = abs
	}
	r := d.try("lint", broken, page)
	if r.code != exitFailed || !strings.Contains(r.stdout, "header-foreign, header line 11: the field Bcc") || !strings.Contains(r.stdout, "next: ") || !strings.Contains(r.stdout, "1 of 2 keep all rules") {
		t.Errorf("exit %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	lines := lintedLines(t, d.try("lint", "--json", broken, page, filepath.Join(d.dir, "missing.eml")).stdout)
	rules := map[string]lintLine{}
	for _, l := range lines {
		rules[l.Rule] = l
	}
	if l := rules["header-foreign"]; l.Severity != string(lint.Error) || l.Part != lint.PartHeader || l.Line != 11 || l.Advice == "" || l.Input != broken {
		t.Errorf("%+v", l)
	}
	if rules["precedence"].Severity != string(lint.Warning) || rules[""].Input != page || rules["unreadable"].Severity != string(lint.Error) {
		t.Errorf("%+v", lines)
	}
	if !strings.Contains(r.stderr, "errors") || strings.Contains(r.stderr, "held") {
		t.Errorf("of a file: %s", r.stderr)
	}
	quoting := filepath.Join(d.dir, "quoting.eml")
	raw, err := os.ReadFile("../../digest/render/testdata/one.eml")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(quoting, bytes.Replace(raw, []byte("\r\nSubject: "), []byte("\r\nSubject: {{.Title}} "), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	if out := d.must("lint", quoting); !strings.Contains(out, "article's own words") {
		t.Errorf("nothing is said of what looks like a tag: %s", out)
	}
	// A warning alone ends with 0, unless it must not.
	pale := filepath.Join(d.dir, "pale.html")
	b, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(pale, []byte(strings.ReplaceAll(string(b), "color:#5c574f", "color:#aaaaaa")), 0o600); err != nil {
		t.Fatal(err)
	}
	if out := d.must("lint", pale); !strings.Contains(out, "contrast") {
		t.Errorf("nothing is said of a pale mail: %s", out)
	}
	if r := d.try("lint", "--strict", pale); r.code != exitFailed {
		t.Errorf("--strict: exit %d", r.code)
	}
}

func TestReasonThatNobodySeesIsAnErrorInTheMail(t *testing.T) {
	t.Parallel()
	parts, err := templates.FS.ReadFile("mail/parts.html")
	if err != nil {
		t.Fatal(err)
	}
	files := fstest.MapFS{}
	err = fs.WalkDir(templates.FS, ".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			b, err := fs.ReadFile(templates.FS, path)
			files[path] = &fstest.MapFile{Data: b}
			return err
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	const reason = `">{{reason}}</p>`
	files["mail/parts.html"] = &fstest.MapFile{Data: bytes.Replace(parts, []byte(reason), []byte(`opacity:0;`+reason), 1)}
	rc := render.Config{
		Name: "Example News", URL: "https://news.example.com", From: "Example News <news@example.com>", PostalAddress: "1 Example Street", Keys: sampleKeys(), Templates: files,
	}
	r, err := render.New(rc)
	if err != nil {
		t.Fatal(err)
	}
	s := sample.Shapes(digest.Digest{Name: "morning", Title: "Morning Brief", Language: "en", TimeZone: "UTC", Schedule: "0 7 * * *"})[0]
	m, err := r.Render(s.Edition, s.Variant)
	if err != nil {
		t.Fatal(err)
	}
	found := Config{PostalAddress: rc.PostalAddress}.lintMail(r, m.Splice(nil, s.Recipient), s.Edition, s.Variant, s.Recipient, false)
	if len(found) != 1 || found[0].Rule != "reason" {
		t.Errorf("%+v", found)
	}
}

func TestEveryRuleOfLintIsInTheDocs(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("../../docs/mail.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range lint.Rules() {
		if row := "| `" + r.Name + "` | " + string(r.Severity) + " | "; !strings.Contains(string(b), row) {
			t.Errorf("docs/mail.md has no row %q", row)
		}
	}
}
