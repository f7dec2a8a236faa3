package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// awkwardNames are what a config may call its sources. Some would do something
// if a shell read them as more than text.
const awkwardNames = `sources:
  - {name: Wire a, feed: https://example.com/a.xml, category: World}
  - {name: Wire b, feed: https://example.com/b.xml, category: World}
  - {name: Wire, feed: https://example.com/w.xml, category: World}
  - {name: "Brückstädter Tagblatt, Kultur", feed: https://example.com/c.xml, category: Kultur}
  - {name: "Brückstädter Tagblatt, Sport", feed: https://example.com/d.xml}
  - {name: "Run $(touch ran1) x", feed: https://example.com/e.xml}
  - {name: "Run $(touch ran1) y", feed: https://example.com/f.xml}
  - {name: "Tick ` + "`touch ran2`" + ` x", feed: https://example.com/g.xml}
  - {name: "Tick ` + "`touch ran2`" + ` y", feed: https://example.com/h.xml}
  - {name: "Cash $HOME; touch ran3 #1", feed: https://example.com/i.xml}
  - {name: 'Quote "double" it''s \ x', feed: https://example.com/j.xml}
  - {name: 'Quote "double" it''s \ y', feed: https://example.com/k.xml}
  - {name: "Colon: a=b@c d", feed: https://example.com/l.xml}
  - {name: "Colon: a=b@c e", feed: https://example.com/m.xml}
  - {name: "Oh! true", feed: https://example.com/n.xml}
`

// typedInBash types into a bash on a terminal and gives the words that the
// line has in the end, as bash itself reads them.
func typedInBash(t *testing.T, dir, settings, typed string) string {
	t.Helper()
	shell, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("no bash is here")
	}
	program, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	rc := filepath.Join(t.TempDir(), "rc")
	if err := os.WriteFile(rc, []byte(settings+"source <(courant completion bash)\nPS1='> '\nbind 'set bell-style none'\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	term := newTerminal(t)
	c := exec.CommandContext(t.Context(), shell, "--noprofile", "--rcfile", rc, "-i")
	c.Dir = dir
	c.Env = append(os.Environ(), "PATH="+filepath.Dir(program)+":"+os.Getenv("PATH"), "HOME="+dir, "HISTFILE=", "COURANT_CLOCK=0s", "LC_ALL=C.UTF-8", "TERM=xterm", "INPUTRC=/dev/null")
	term.run(c)
	// Ctrl-A: what is on the line becomes the words that printf shows.
	term.answer("", typed+"\x01printf '<%s>' \rexit\r")
	_ = c.Wait() // its exit is printf's
	if err := term.slave.Close(); err != nil {
		t.Fatal(err)
	}
	for range term.grown { // until all is shown
	}
	_, words, _ := strings.Cut(term.shown.String(), "<courant>")
	words, _, _ = strings.Cut(words, "> exit")
	if words == "" {
		t.Logf("the terminal shows %q", term.shown)
	}
	return words
}

func TestBashTabGoesThroughNamesOfEveryKind(t *testing.T) {
	t.Parallel()
	d := &desk{t: t, dir: t.TempDir()}
	d.write("courant.yaml", awkwardNames)
	d.write("my config.yaml", "digests:\n  morning: {title: Morning Brief}\n  evening:\n")
	run := "Run $(touch ran1) x"
	for typed, want := range map[string]string{
		"courant fetch Wi\tX":          "<fetch><WireX",
		"courant fetch Wi\t\\ \tX":     "<fetch><Wire X",
		"courant fetch Wi\t\\ b\t":     "<fetch><Wire b",
		"courant fetch Br\tKul\t":      "<fetch><Brückstädter Tagblatt, Kultur",
		"courant fetch Br\tX":          "<fetch><Brückstädter Tagblatt, X",
		"courant fetch \"Br\tKul\t":    "<fetch><Brückstädter Tagblatt, Kultur",
		"courant fetch 'Br\tKul\t":     "<fetch><Brückstädter Tagblatt, Kultur",
		"courant fetch \"Wire \tb\t":   "<fetch><Wire b",
		"courant fetch \"Wire\"\\ b\t": "<fetch><Wire b",
		"courant fetch Ru\tx\t":        "<fetch><" + run,
		"courant fetch \"Ru\tx\t":      "<fetch><" + run,
		"courant fetch 'Ru\tx\t":       "<fetch><" + run,
		"courant fetch Tick\t\tx\t":    "<fetch><Tick `touch ran2` x",
		"courant fetch \"Tick\tx\t":    "<fetch><Tick `touch ran2` x",
		"courant fetch 'Tick\tx\t":     "<fetch><Tick `touch ran2` x",
		"courant fetch Cas\t":          "<fetch><Cash $HOME; touch ran3 #1",
		"courant fetch \"Cas\t":        "<fetch><Cash $HOME; touch ran3 #1",
		"courant fetch Quo\ty\t":       `<fetch><Quote "double" it's \ y`,
		"courant fetch \"Quo\ty\t":     `<fetch><Quote "double" it's \ y`,
		"courant fetch 'Quo\ty\t":      `<fetch><Quote "double" it's \ y`,
		"courant fetch Col\te\t":       "<fetch><Colon: a=b@c e",
		"courant fetch Colon:\te\t":    "<fetch><Colon: a=b@c e",
		"courant fetch \"Col\te\t":     "<fetch><Colon: a=b@c e",
		"courant fetch Oh\t":           "<fetch><Oh! true",
		"courant fetch \"Oh\t":         "<fetch><Oh! true",
		// What is typed is not run by a Tab either. The line is taken away after it.
		"courant fetch $(touch ran4) W\t\x15courant X":     "<X",
		"courant fetch `touch ran5` W\t\x15courant X":      "<X",
		"courant fetch \"$(touch ran6)\" W\t\x15courant X": "<X",
		"courant --config=$(touch ran7) \t\x15courant X":   "<X",
		"$(touch ran8)courant fetch W\t\x15courant X":      "<X",
		"courant --config=my\t send m\t":                   "<--config=my config.yaml><send><morning",
		"courant --config \"my\tsend m\t":                  "<--config><my config.yaml><send><morning",
		"courant --config ~/my\\ config.yaml send e\t":     "<--config><" + d.dir + "/my config.yaml><send><evening",
		"courant --config \"$HOME/my config.yaml\" sen\t":  "<--config><" + d.dir + "/my config.yaml><send",
	} {
		t.Run(strings.ReplaceAll(typed, "\t", "<Tab>"), func(t *testing.T) {
			t.Parallel()
			if got := typedInBash(t, d.dir, "", typed); !strings.HasPrefix(got, want+">") && got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
	t.Cleanup(func() {
		if ran, err := filepath.Glob(filepath.Join(d.dir, "ran*")); err != nil || len(ran) > 0 {
			t.Errorf("a Tab ran what stands in a name or on the line: %q, %v", ran, err)
		}
	})
}
