package ingest

import (
	"testing"

	"github.com/andybalholm/cascadia"
)

// TestElementsAreNamedAsSelectorsFindThem holds that an editor can put what
// --explain prints into a rule.
func TestElementsAreNamedAsSelectorsFindThem(t *testing.T) {
	t.Parallel()
	for _, names := range []string{`class="md:key-points w-1/2"`, `id="1-points"`, `class="-2 a.b"`, `class="größe_list [x]"`, `id="a#b" class="c>d e'f"`} {
		doc, _ := parseHTML([]byte(`<ul ` + names + `><li>x</li></ul>`))
		n := cascadia.MustCompile("ul").MatchFirst(doc)
		s, err := cascadia.Compile(label(n))
		if err != nil {
			t.Errorf("%s is called %s: %v", names, label(n), err)
			continue
		}
		if found := s.MatchAll(doc); len(found) != 1 || found[0] != n {
			t.Errorf("%s is called %s, which finds %d elements", names, label(n), len(found))
		}
	}
}
