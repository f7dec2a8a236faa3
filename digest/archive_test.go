package digest

import (
	"strings"
	"testing"
)

func FuzzEditionPath(f *testing.F) {
	for _, s := range []string{"1", "12.txt", "012", "0", "-1", "+3", "1.txt.txt", "99999999999999999999", "", ".txt", "٣"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		number, text, ok := ParseEditionName(name)
		if !ok {
			return
		}
		want := EditionPath("d", number)
		if text {
			want += ArchiveTextSuffix
		}
		if want != "/a/d/"+name {
			t.Errorf("%q is read as the address %q", name, want)
		}
	})
}

func TestEditionHasOneAddress(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"012", "0", "-1", "+3", "1.txt.txt", "99999999999999999999", "", ".txt", "٣", "1 ", "1.TXT", "2147483648"} {
		if _, _, ok := ParseEditionName(s); ok {
			t.Errorf("%q is taken for an edition", s)
		}
	}
	if n, text, ok := ParseEditionName(strings.TrimPrefix(EditionPath("morning", 12)+ArchiveTextSuffix, "/a/morning/")); n != 12 || !text || !ok {
		t.Errorf("edition %d, text %v, %v", n, text, ok)
	}
}
