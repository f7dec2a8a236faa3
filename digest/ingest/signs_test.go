package ingest

import (
	"regexp"
	"strings"
	"testing"
)

// headingNoise is the pattern that withoutNoise reads by hand: marks and emojis
// or a number before a heading, a note in brackets or marks behind it.
var headingNoise = regexp.MustCompile(`^[^\pL\pN(„"«]+|^\d{1,2}[.)]\s+|\s*[(\[][^()\[\]]{1,40}[)\]]\s*$|[^\pL\pN)\]]+$`)

func FuzzHeadingNoise(f *testing.F) {
	for _, heading := range []string{
		"Key points", "✨ Key points (AI)", "3. Key takeaways:", "12) In brief", "123. In brief", "1.In brief", "7.", "„Das Wichtigste“", "(In brief)", "«En bref»",
		"Key points [2]", "Key points (a (b))", "Key points ()", "Key points (a] \t", "a )", "(a)", "((a)", "(a) (b)", "* (" + strings.Repeat("é", 40) + ")", "x(" + strings.Repeat("é", 41) + ")",
		" 1. ½ ", "\u00a0Key points\u00a0(AI)\u00a0", "– – –", "…]", "5", "5. (b)", "\xff(\xff)\xfe", "１. ポイント", "key\vpoints\v(a)",
	} {
		f.Add(heading)
	}
	f.Fuzz(func(t *testing.T, heading string) {
		if got, want := withoutNoise(heading), headingNoise.ReplaceAllString(heading, ""); got != want {
			t.Errorf("%q became %q, want %q", heading, got, want)
		}
	})
}

func FuzzTellingParts(f *testing.F) {
	for _, name := range []string{"article-key-points", "RenderKeyPoints-list", "StryHghLght", "at_a_glance", "tldr", "in-kürze kurzundknapp", "keykeypoint", "wichtigst"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		joined, want := strings.Join(nameWords(name), ""), sign(0)
		for s, parts := range map[sign][]string{signPoints: pointsWords, signSeveral: severalPoints} {
			if containsAny(joined, parts) {
				want |= s
			}
		}
		if got := partSigns(joined); got != want {
			t.Errorf("%q says %b, want %b", name, got, want)
		}
	})
}

// TestEachHintHasWhatIsLookedForFirst holds that no hint is passed over.
func TestEachHintHasWhatIsLookedForFirst(t *testing.T) {
	t.Parallel()
	for _, h := range stateHints {
		for _, hint := range h.hints {
			if !strings.Contains(hint, h.shared) || !mayHoldPoints(`{"x`+hint+`":[]}`) {
				t.Errorf("%q is not found by %q", hint, h.shared)
			}
		}
	}
}
