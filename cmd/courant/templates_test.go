package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"courant/digest/smtpsink"
)

// TestMailsComeInTheEditorsOwnLook sends with a brand, a digest's own layout
// and a language that the program has not.
func TestMailsComeInTheEditorsOwnLook(t *testing.T) {
	t.Parallel()
	d := newDesk(t, smtpsink.Options{})
	d.own("templates", "good")
	d.extra = `    layout: mine
    brand: {colors: {accent: "#00548f"}}
  evening:
    title: Evening Brief
    lists: [readers]
    categories: [World]
brand:
  colors: {ground: "#e8eef4", accent: "#005c3b"}
  dark: {accent: "#7fffc4"}
  fonts: {heading: "Verdana,sans-serif"}
  logo: {url: https://example.com/logo.png, alt: Example News, width: 180}
  wording: {nl: {mail.unsubscribe: Geen post meer}}
templates: templates
language: nl
`
	d.configure()
	d.feed.put(item{"Tide tables", "/tide", "<p>The tide tables of the year are out, and they are longer.</p>"})
	d.must("fetch")
	d.must("send", "morning", "--only", "ann@example.org")
	d.must("send", "evening", "--only", "bob@example.org")
	d.must("deliver", "--drain")
	own := d.sink.To("ann@example.org")[0].Body
	for _, want := range []string{"<h1>Example News: Morning Brief</h1>", "color:#00548f", "Geen post meer", "Nr. "} {
		if has := strings.Contains(htmlPart(t, own), want); has != (want != "Nr. ") { // a proof has no number
			t.Errorf("the digest's own layout: %q is %v\n%s", want, has, own)
		}
	}
	program := htmlPart(t, d.sink.To("bob@example.org")[0].Body)
	for _, want := range []string{"#e8eef4", "#005c3b", "#7fffc4", "Verdana,sans-serif", `src="https://example.com/logo.png" alt="Example News" width="180"`, "Geen post meer", "Lees verder op"} {
		if !strings.Contains(program, want) {
			t.Errorf("the program's layout lacks %q", want)
		}
	}
	d.must("preview", "morning", "--out", filepath.Join(d.dir, "proofs"))
	if html, err := os.ReadFile(filepath.Join(d.dir, "proofs", "morning.html")); err != nil || !strings.Contains(string(html), "color:#00548f") {
		t.Errorf("preview shows another look: %v\n%.300s", err, html)
	}
}

// own lays a directory of templates of the fixtures beside the config.
func (d *desk) own(as, name string) {
	d.t.Helper()
	if err := os.CopyFS(filepath.Join(d.dir, as), os.DirFS(filepath.Join("testdata/templates", name))); err != nil {
		d.t.Fatal(err)
	}
}

// TestLayoutThatWentAwayHoldsItsEdition publishes, takes the layout away and
// delivers: the mail must not come in another one.
func TestLayoutThatWentAwayHoldsItsEdition(t *testing.T) {
	t.Parallel()
	d := newDesk(t, smtpsink.Options{})
	d.own("templates", "good")
	d.extra = "    layout: mine\ntemplates: templates\n"
	d.configure()
	d.feed.put(item{"Tide tables", "/tide", "<p>The tide tables of the year are out, and they are longer.</p>"})
	d.must("fetch")
	d.must("readers", "import", d.write("readers.csv", "email\nann@example.org\n"))
	d.relay = "{host: 127.0.0.1, port: 9, tls: none}" // nobody there: published, not sent
	d.configure()
	if r := d.try("send", "morning"); r.code == 0 {
		t.Fatalf("sent by nobody: %s", r.stdout)
	}
	d.relay, d.extra = "{host: 127.0.0.1, port: "+portOf(d)+", tls: none}", ""
	d.configure()
	r := d.try("deliver", "--drain")
	if got := r.stdout + r.stderr; !strings.Contains(got, `which is gone: put mail/mine.html and mail/mine.txt back`) {
		t.Errorf("exit %d: %s", r.code, got)
	}
	if n := d.sink.Count(); n > 0 {
		t.Errorf("%d mails went out in another layout", n)
	}
}

func portOf(d *desk) string { _, port, _ := strings.Cut(d.sink.Addr(), ":"); return port }

func TestCheckNamesTheLineOfABrokenTemplate(t *testing.T) {
	t.Parallel()
	d := newDesk(t, smtpsink.Options{})
	d.own("templates", "broken")
	d.extra = "templates: templates\n"
	d.configure()
	r := d.try("check", "--offline")
	for _, want := range []string{"templates/mail/standard.html:4:7: the page has no .Tilte; did you mean \"Title\"?\n    4 | <h1>{{.Tilte}}</h1>\n", "templates/mail/standard.txt:2:9: range wants"} {
		if r.code != exitFailed || !strings.Contains(r.stderr, want) {
			t.Errorf("exit %d, want %q in\n%s", r.code, want, r.stderr)
		}
	}
	if s := d.try("serve", "--only", "deliver"); s.code != exitFailed || !strings.Contains(s.stderr, "has no .Tilte") {
		t.Errorf("serve starts with broken templates: exit %d\n%s", s.code, s.stderr)
	}
}

func TestFaultThatAnOwnPartBringsIsToldAtTheKey(t *testing.T) {
	t.Parallel()
	dir := configDir(t)
	parts := filepath.Join(dir, "own", "mail", "parts.html")
	if err := os.MkdirAll(filepath.Dir(parts), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(parts, []byte(`{{define "publication"}}x{{end}}`), 0o644); err != nil {
		t.Fatal(err)
	}
	good, err := os.ReadFile("testdata/config/good.yaml")
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = loadText(t, dir, "courant.yaml", "templates: own\n"+string(good))
	var faults Faults
	if !errors.As(err, &faults) || faults[0].Path != "templates" || !strings.Contains(faults[0].Message, `mail/brief.html`) || !strings.Contains(faults[0].Message, "this file is the program's") {
		t.Errorf("%v", err)
	}
}

func TestExportNeverOverwrites(t *testing.T) {
	t.Parallel()
	d := newDesk(t, smtpsink.Options{})
	d.extra = "templates: own\n"
	d.configure()
	dir := filepath.Join(d.dir, "own")
	if err := os.MkdirAll(filepath.Join(dir, "mail"), 0o755); err != nil {
		t.Fatal(err)
	}
	own := filepath.Join(dir, "mail", "standard.txt")
	mine := "{{wrap .Publication}} {{wrap .Title}} mine\n{{range .Sections}}{{range .Stories}}{{wrap .Title}}\n{{.URL}}\n{{end}}{{end}}{{.PostalAddress}}\n{{reason}}\n{{unsubscribeURL}}\n"
	if err := os.WriteFile(own, []byte(mine), 0o644); err != nil {
		t.Fatal(err)
	}
	out := d.must("templates", "export", dir)
	if text, err := os.ReadFile(own); err != nil || string(text) != mine {
		t.Errorf("the file of the editor became %.80s, %v", text, err)
	}
	if !strings.Contains(out, own+" is there and stays as it is") || !strings.Contains(out, "1 left as they were") {
		t.Error(out)
	}
	// What was written is right, and is what the program has.
	d.must("check", "--offline")
	if again := d.must("templates", "export", dir); !strings.Contains(again, "0 files written") {
		t.Error(again)
	}
	if r := d.try("templates", "export", own); r.code != exitFailed {
		t.Errorf("exported into a file: %d %s", r.code, r.stderr)
	}
}
