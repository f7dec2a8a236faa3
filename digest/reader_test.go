package digest

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestAddressIsCleanedOrRefused(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"Ann@Example.ORG":       "Ann@example.org",
		" ann@example.org.\r\n": "ann@example.org",
		"o'neil+tag@x.org":      "o'neil+tag@x.org",
		"jörg@bücher.example":   "jörg@bücher.example",
		"root@localhost":        "root@localhost",
	} {
		if got, err := ParseAddress(in); err != nil || got != want {
			t.Errorf("%q is %q, %v; want %q", in, got, err, want)
		}
	}
	for _, in := range []string{
		"", "@", "ann", "ann@", "@x.org", "ann@nodot", "a b@x.org", "a@b@x.org", `"a b"@x.org`, "a@x..org", "a@-x.org", "a@x-.org",
		".a@x.org", "a.@x.org", "a..b@x.org", "a@x.org\r\nBcc: b@y.org", "a\r\n@x.org", "a\x00@x.org", "<a@x.org>", "a@x.org>", "a@[1.2.3.4]",
		"a@x.org,b@y.org", "a;b@x.org", "a\u202eb@x.org", "a\u200bb@x.org", "a\xff@x.org", "a@x_y!.org", "a@x.org..",
		strings.Repeat("a", 65) + "@x.org", "a@" + strings.Repeat("a", 64) + ".org", "a@" + strings.Repeat("abc.", 70) + "org",
	} {
		if got, err := ParseAddress(in); err == nil {
			t.Errorf("%q is taken as %q", in, got)
		} else if strings.ContainsFunc(err.Error(), unicode.IsControl) {
			t.Errorf("the fault of %q brings its control characters along: %q", in, err)
		}
	}
}

func TestMaskedAddressGivesNothingAway(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"anne@example.org": "a…e@example.org", "a@example.org": "a…@example.org", "äß@x.org": "ä…ß@x.org", "": "…", "@x": "…", "nobody": "…",
	} {
		if got := Masked(in); got != want {
			t.Errorf("%q is shown as %q, want %q", in, got, want)
		}
	}
	if got := Domain("Ann@Example.ORG"); got != "example.org" {
		t.Errorf("the domain is %q", got)
	}
}

func TestFrequencyIsReadAsWritten(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]Frequency{"": EveryEdition, "all": EveryEdition, " Every ": EveryEdition, "DAILY": Daily, "weekly": Weekly} {
		if got, err := ParseFrequency(in); err != nil || got != want {
			t.Errorf("%q is %q, %v", in, got, err)
		}
	}
	if _, err := ParseFrequency("hourly"); err == nil {
		t.Error("hourly is taken")
	}
}

func TestPlainLineIsOneLine(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		in   string
		max  int
		want string
	}{
		{"A title", 100, "A title"}, {" a\r\n\tb\x00c ", 100, "a b c"}, {"a\u2028b\u0085c", 100, "a b c"},
		{"pay\u202egnp.exe", 100, "paygnp.exe"}, {"soft\u00adhyphen\ufeff", 100, "softhyphen"}, {"bad\xffbyte", 100, "bad\ufffdbyte"},
		{"größer", 3, "gr"}, {"größer", 4, "grö"}, {"ab cd", 3, "ab"}, {"abc", 0, ""},
	} {
		if got := PlainLine(c.in, c.max); got != c.want {
			t.Errorf("%q within %d is %q, want %q", c.in, c.max, got, c.want)
		}
	}
}

func TestLettersThatNobodySeesAreLeftOut(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"Harbour\U000e0069\U000e0067n closes":                                "Harbourn closes",
		"🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f wins": "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f wins",
		"葛\U000e0100城市":                                                      "葛\U000e0100城市",
		"a\U000e0101b":                                                       "ab",
		"✔️ done":                                                            "✔️ done",
		"har\u200dbour, clo\u180esed, кри\u200dзис, e\u0301\u200dt": "harbour, closed, кризис, e\u0301t",
		"👩\u200d👩\u200d👧 and ❤\ufe0f\u200d🔥":                        "👩\u200d👩\u200d👧 and ❤\ufe0f\u200d🔥",
		"क्\u200dष ශ්\u200dරී می\u200cروم ه\u200d":                  "क्\u200dष ශ්\u200dරී می\u200cروم ه\u200d",
		"ᠬᠠᠭ\u180eᠠ": "ᠬᠠᠭ\u180eᠠ",
		"The \x1b[31mharbour\x1b[0m \u009b1;4mcloses\x1b]0;owned\x07 at [3] nine": "The harbour closes at [3] nine",
		"x\U000e007f\U000e0041": "x",
	} {
		if got := PlainLine(in, 200); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

// TestAccentsDoNotHeapUp takes marks that would be drawn over the lines above
// and below, and none that a language writes.
func TestAccentsDoNotHeapUp(t *testing.T) {
	t.Parallel()
	for _, whole := range []string{
		"Việt Nam, e\u0302\u0323\u0301", "ที่นี่ น้ำ", "בְּרֵאשִׁ֖ית בָּרָ֣א", "بِسْمِ ٱللَّهِ", "བསྒྲུབས་", "ཧཱུྃ", "नमस्ते", "👩‍👩‍👧 ❤️ 1️⃣",
	} {
		if got := PlainLine(whole, 1000); got != whole {
			t.Errorf("%+q became %+q", whole, got)
		}
	}
	for in, most := range map[string]int{
		"Z" + strings.Repeat("\u0335\u0301\u0322", 30):       1 + 4,
		"a" + strings.Repeat("\u0301\u200d\u202e", 30) + "b": 1 + 4 + 30 + 1,
		"ก" + strings.Repeat("็", 50):                        1 + 6,
	} {
		if got := PlainLine(in, 1000); len([]rune(got)) > most {
			t.Errorf("%+q kept %d characters, more than %d", in, len([]rune(got)), most)
		}
	}
}

func FuzzAddress(f *testing.F) {
	for _, s := range []string{"Ann@Example.org", "a@x.org\r\nRCPT TO:<b@y.org>", "jörg@bücher.example", "a@ȺȺ.org", `"a"@b.c`, "a@b.İ"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := ParseAddress(s)
		if err != nil {
			return
		}
		if again, err := ParseAddress(got); err != nil || again != got {
			t.Errorf("%q is %q, and that %q, %v", s, got, again, err)
		}
		if len(got) > MaxAddress || !utf8.ValidString(got) || strings.Count(got, "@") != 1 || strings.ContainsFunc(got, func(r rune) bool {
			return unicode.IsControl(r) || unicode.IsSpace(r) || strings.ContainsRune(`<>()[]\,;:"`, r)
		}) {
			t.Errorf("%q was taken as %q", s, got)
		}
		if masked := Masked(got); len(got)-strings.IndexByte(got, '@') > 0 && strings.HasPrefix(masked, got) {
			t.Errorf("%q is shown whole", got)
		}
	})
}

func FuzzPlainLine(f *testing.F) {
	f.Add("a\r\nb", 10)
	f.Add("\u202e\ufeffaä", 2)
	f.Add(" \u0301\u0301\u202e\u0301\u200d\u0301\u0301\u0e47 \u0301", 40)
	f.Fuzz(func(t *testing.T, s string, max int) {
		max &= 0xfff
		got := PlainLine(s, max)
		if len(got) > max || !utf8.ValidString(got) || got != strings.TrimSpace(got) || strings.Contains(got, "  ") ||
			strings.ContainsFunc(got, unicode.IsControl) {
			t.Errorf("%q within %d is %q", s, max, got)
		}
		if again := PlainLine(got, max); again != got {
			t.Errorf("%q became %q and then %q", s, got, again)
		}
	})
}
