package main

import (
	"io/fs"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"courant/digest"
	"courant/digest/deliver"
	"courant/digest/render"
	"courant/digest/smtpsink"
	"courant/templates"
)

// withTemplates is the engine of a house whose mail templates were changed.
func (h *house) withTemplates(t *testing.T, change func(name, text string) string) *deliver.Engine {
	t.Helper()
	changed := fstest.MapFS{}
	err := fs.WalkDir(templates.FS, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		b, err := fs.ReadFile(templates.FS, name)
		if strings.HasPrefix(name, "mail/") {
			b = []byte(change(name, string(b)))
		}
		changed[name] = &fstest.MapFile{Data: b}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	engine, err := h.engine()
	if err != nil {
		t.Fatal(err)
	}
	c := h.renderConfig()
	c.Templates = changed
	r, err := render.New(c)
	if err != nil {
		t.Fatal(err)
	}
	own := engine.Press.(press)
	engine.Press = press{r, own.signer}
	return engine
}

// TestEditionWithoutAWayOutIsHeldUntilItIsMended has a template whose links to
// unsubscribe are there and cannot be seen, which only the bytes of a mail show.
func TestEditionWithoutAWayOutIsHeldUntilItIsMended(t *testing.T) {
	t.Parallel()
	d := newDesk(t, smtpsink.Options{})
	d.configure()
	d.feed.put(item{"Harbour town rebuilds", "/a", "<p>Residents approved the plan by 412 votes to 87 after a winter of public meetings.</p>"})
	d.must("readers", "add", "ann@example.org")
	d.must("readers", "add", "bob@example.org")
	d.must("fetch")

	logged := &lockedBuffer{}
	p := &program{stdout: logged, stderr: logged, configFile: filepath.Join(d.dir, "courant.yaml"), env: func(string) (string, bool) { return "", false }, now: time.Now}
	err := p.with(t.Context(), slog.New(slog.NewTextHandler(logged, nil)), func(h *house) error {
		cfg, err := h.config.digestNamed("morning")
		if err != nil {
			return err
		}
		if _, err := h.publishNow(t.Context(), cfg, ""); err != nil {
			return err
		}
		hidden := h.withTemplates(t, func(_, text string) string {
			return strings.ReplaceAll(text, `<a href="{{unsubscribeURL}}"`, `<a hidden href="{{unsubscribeURL}}"`)
		})
		if _, err := hidden.Drain(t.Context(), 0); err != nil {
			return err
		}
		if err := hidden.Resume(t.Context(), 1); err == nil || !strings.Contains(err.Error(), "the link to unsubscribe cannot be seen") {
			t.Errorf("resumed with the same template: %v", err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if n := d.sink.Count(); n != 0 {
		t.Fatalf("%d readers were mailed", n)
	}
	for _, want := range []string{"edition is held", "unsubscribe-link", "html", "the link to unsubscribe cannot be seen: hidden"} {
		if !strings.Contains(logged.String(), want) {
			t.Errorf("the log does not say %q:\n%s", want, logged.String())
		}
	}
	status := strings.Join(strings.Fields(d.must("status")), " ")
	for _, want := range []string{"held: preflight: the link to unsubscribe cannot be seen: hidden (unsubscribe-link, html line", "{{unsubscribeURL}}", "courant resume morning/1"} {
		if !strings.Contains(status, want) {
			t.Errorf("status does not say %q:\n%s", want, status)
		}
	}

	if r := d.try("deliveries"); !strings.Contains(r.stderr, "morning/1 is held: preflight: ") {
		t.Errorf("deliveries says %s", r.stderr)
	}

	// The real program has the mended template.
	if out := d.must("resume", "morning/1"); !strings.Contains(out, "goes on") {
		t.Errorf("resume says %s", out)
	}
	d.must("deliver", "--drain")
	for _, reader := range []string{"ann@example.org", "bob@example.org"} {
		if n := len(d.sink.To(reader)); n != 1 {
			t.Errorf("%s has %d mails", reader, n)
		}
	}
	if out := d.must("resume", "morning/1"); !strings.Contains(out, "nothing is held") {
		t.Errorf("resumed what is done: %s", out)
	}
}

func TestStartJudgesHeldEditionsAnew(t *testing.T) {
	t.Parallel()
	d := newDesk(t, smtpsink.Options{})
	d.configure()
	d.feed.put(item{"Harbour town rebuilds", "/a", "<p>Residents approved the plan by 412 votes to 87 after a winter of public meetings.</p>"})
	d.must("readers", "add", "ann@example.org")
	d.must("fetch")
	// Of an edition that was published nothing is known but that a preflight held
	// it; the mails of the real program keep the rules.
	p := &program{stdout: t.Output(), stderr: t.Output(), configFile: filepath.Join(d.dir, "courant.yaml"), env: func(string) (string, bool) { return "", false }, now: time.Now}
	err := p.with(t.Context(), p.quiet(), func(h *house) error {
		cfg, err := h.config.digestNamed("morning")
		if err != nil {
			return err
		}
		e, err := h.publishNow(t.Context(), cfg, "")
		if err == nil {
			_, err = h.store.MoveEdition(t.Context(), e.ID, digest.EditionHeld, digest.HeldByPreflight+"a rule was broken")
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if out := d.must("deliver", "--drain"); len(d.sink.To("ann@example.org")) != 1 {
		t.Errorf("not mailed: %s", out)
	}
}
