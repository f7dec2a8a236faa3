package render

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"courant/digest"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// sample is an edition of testdata with the reader it goes to.
type sample struct {
	Edition   digest.Edition
	Variant   digest.Variant
	Recipient digest.Recipient
	Look      Look // of the digest
}

// renderers makes mails in the look of each sample.
func renderers(t testing.TB, all map[string]sample) map[string]*Renderer {
	t.Helper()
	plain := newRenderer(t, testConfig())
	made := map[string]*Renderer{}
	for name, s := range all {
		made[name] = plain
		if s.Look.Wording != nil || s.Look.Day != (Colours{}) {
			c := testConfig()
			c.Looks = map[string]Look{s.Edition.Digest: s.Look}
			made[name] = newRenderer(t, c)
		}
	}
	return made
}

// samples reads testdata/*.json by name.
func samples(t testing.TB) map[string]sample {
	t.Helper()
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no samples: %v", err)
	}
	all := map[string]sample{}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		var s sample
		d := json.NewDecoder(bytes.NewReader(b))
		d.DisallowUnknownFields()
		if err := d.Decode(&s); err != nil {
			t.Fatalf("%s: %v", f, err)
		}
		all[strings.TrimSuffix(filepath.Base(f), ".json")] = s
	}
	return all
}

func TestSamplesRenderAsTheyDid(t *testing.T) {
	t.Parallel()
	all := samples(t)
	made := renderers(t, all)
	for name, s := range all {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := made[name]
			m, err := r.Render(s.Edition, s.Variant)
			if err != nil {
				t.Fatal(err)
			}
			text, html, err := m.Parts(s.Recipient)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, name+".eml", m.Splice(nil, s.Recipient))
			golden(t, name+".txt", text)
			golden(t, name+".html", html)
		})
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v: run go test -update", err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not as it was: run go test -update and read the difference", path)
	}
}
