package templates

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// ownDir writes a directory of an editor and opens it as the program does: no
// link in it leads out.
func ownDir(t *testing.T, files map[string]string) (string, fs.FS) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	return dir, root.FS()
}

func TestOwnFilesComeFirstAndTheRestIsTheProgram(t *testing.T) {
	t.Parallel()
	_, dir := ownDir(t, map[string]string{
		"mail/standard.html": "own", "mail/mine.html": "a", "mail/mine.txt": "b", "lang/nl.json": strings.Replace(english(t), "Unsubscribe", "Afmelden", 1),
		"README.md": "how we do it", ".git/config": "x", "mail/standard.html~": "old", "mail/.standard.html.swp": "\x00",
	})
	own, faults := ReadOwn(dir, FS)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	_, above := ownDir(t, map[string]string{"mail/standard.txt": "above"})
	both, faults := ReadOwn(above, own)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	for pattern, want := range map[string]int{"mail/mine.*": 2, "mail/standard.html": 1, "lang/nl.json": 1, "lang/*.json": 8} {
		if found, err := fs.Glob(both, pattern); err != nil || len(found) != want {
			t.Errorf("%s: %v, %v", pattern, found, err)
		}
	}
	for name, want := range map[string]string{"mail/standard.html": "own", "mail/standard.txt": "above", "mail/mine.txt": "b"} {
		if b, err := fs.ReadFile(both, name); err != nil || string(b) != want {
			t.Errorf("%s: %q, %v", name, b, err)
		}
	}
	texts, err := Load(both)
	if err != nil {
		t.Fatal(err)
	}
	if l := texts.Match("nl-BE"); l.Tag != "nl" || l.Texts["mail.unsubscribe"].Other != "Afmelden" {
		t.Errorf("the added language: %s", l.Tag)
	}
	if got := own.Files(); !slices.Equal(got, []string{"lang/nl.json", "mail/mine.html", "mail/mine.txt", "mail/standard.html"}) {
		t.Errorf("%v", got)
	}
	if own.Sum() == both.Sum() || own.Sum() == "" {
		t.Error("two directories have one sum")
	}
}

func english(t *testing.T) string {
	t.Helper()
	b, err := fs.ReadFile(FS, "lang/en.json")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestFaultsOfOwnFilesNameFileAndLine(t *testing.T) {
	t.Parallel()
	en := english(t)
	for want, file := range map[string][2]string{
		`mail/standrad.html: no layout reads this file: a layout of your own is a pair, and mail/standrad.txt is missing`: {"mail/standrad.html", "x"},
		`mail/mine.txt: no layout reads this file: a layout of your own is a pair, and mail/mine.html is missing`:         {"mail/mine.txt", "x"},
		`standard.html: nothing reads this file`:                                  {"standard.html", "x"},
		`mail/standard.htm: nothing reads this file`:                              {"mail/standard.htm", "x"},
		`mial: nothing reads this directory`:                                      {"mial/standard.html", "x"},
		`mail/deep: nothing reads this directory`:                                 {"mail/deep/standard.html", "x"},
		`page: readers' pages cannot be replaced`:                                 {"page/frame.html", "x"},
		`mail/standard.html: the file is larger than 128 KB`:                      {"mail/standard.html", strings.Repeat("x", 128<<10+1)},
		`mail/standard.html: this is not UTF-8 text`:                              {"mail/standard.html", "caf\xe9"},
		`lang/nl.json:2: this is not JSON`:                                        {"lang/nl.json", "{\"name\": \"Nederlands\"\n\"direction\": \"ltr\"}"},
		`lang/nl.json:1: name cannot be a number`:                                 {"lang/nl.json", `{"name": 3}`},
		`lang/n_l.json: nothing reads`:                                            {"lang/n_l.json", en},
		`lang/nl.json: direction "" is neither ltr nor rtl`:                       {"lang/nl.json", `{"name": "Nederlands"}`},
		`lang/nl.json:4: months needs 12 names, each another one`:                 {"lang/nl.json", strings.Replace(en, `"January"`, `"March"`, 1)},
		`lang/nl.json:50: there is no text "mail.unsubscirbe"`:                    {"lang/nl.json", strings.Replace(en, `"mail.unsubscribe"`, `"mail.unsubscirbe"`, 1)},
		`mail.read_more: "Read more" needs the places {host}, as in "Read`:        {"lang/nl.json", strings.Replace(en, "Read more at {host}", "Read more", 1)},
		`lang/nl.json:40: clock: "{hours}:{minute} {hour}" has the place {hours}`: {"lang/nl.json", strings.Replace(en, `"{hour}:{minute}"`, `"{hours}:{minute} {hour}"`, 1)},
		`clock: "{hour}" needs the place {minute}`:                                {"lang/nl.json", strings.Replace(en, `"{hour}:{minute}"`, `"{hour}"`, 1)},
		`clock: "{h12}:{minute}" needs {h12} and {ampm} together`:                 {"lang/nl.json", strings.Replace(en, `"{hour}:{minute}"`, `"{h12}:{minute}"`, 1)},
		`clock: {ampm} needs the texts am and pm`:                                 {"lang/nl.json", strings.Replace(en, `"{hour}:{minute}"`, `"{h12}:{minute} {ampm}"`, 1)},
		`date: "{day} {month}" needs the place {year}`:                            {"lang/nl.json", strings.Replace(en, `"date": "{day} {month} {year}"`, `"date": "{day} {month}"`, 1)},
		`short_date: "{day} {month} {" has a brace`:                               {"lang/nl.json", strings.Replace(en, `"short_date": "{day} {month}"`, `"short_date": "{day} {month} {"`, 1)},
		`mail.read_more: "Read {foo}" has the place {foo}, which nothing`:         {"lang/nl.json", strings.Replace(en, "Read more at {host}", "Read {foo}", 1)},
		`lang/nl.json:3: "directoin" is no key of a language file`:                {"lang/nl.json", strings.Replace(en, `"direction": "ltr"`, `"directoin": "ltr", "direction": "ltr"`, 1)},
		`mail.view is missing, and no other language has a text for one`:          {"lang/en.json", strings.Replace(en, `    "mail.view": "View in browser",`+"\n", "", 1)},
	} {
		_, dir := ownDir(t, map[string]string{file[0]: file[1]})
		_, faults := ReadOwn(dir, FS)
		if len(faults) != 1 || !strings.Contains(faults[0].Error(), want) {
			t.Errorf("%v, want %q", faults, want)
		}
	}
	_, dir := ownDir(t, map[string]string{"mail/standrad.html": "x"})
	_, clock := ownDir(t, map[string]string{"lang/nl.json": strings.Replace(en, `"{hour}:{minute}"`, `"{hours}:{minute} {hour}"`, 1)})
	if _, faults := ReadOwn(clock, FS); len(faults) != 1 || faults[0].Word != "{hours}" || !slices.Contains(faults[0].Known, "{hour}") {
		t.Errorf("%+v", faults)
	}
	if _, faults := ReadOwn(dir, FS); faults[0].Word != "mail/standrad.html" || !slices.Contains(faults[0].Known, "mail/standard.html") {
		t.Errorf("%+v", faults[0])
	}
}

func TestLinksAndPipesOfOwnFilesAreRefused(t *testing.T) {
	t.Parallel()
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("key"), 0o600); err != nil {
		t.Fatal(err)
	}
	for what, row := range map[string]struct {
		lay  func(file string) error
		want string
	}{
		"a link out":       {func(file string) error { return os.Symlink(secret, file) }, "the link leads out of the directory"},
		"a relative one":   {func(file string) error { return os.Symlink("../../../../../../etc/passwd", file) }, "the link leads out of the directory"},
		"a link to itself": {func(file string) error { return os.Symlink("standard.html", file) }, "cannot be read"},
		"a link nowhere":   {func(file string) error { return os.Symlink("gone.html", file) }, "cannot be read: no such file"},
		"a pipe":           {func(file string) error { return syscall.Mkfifo(file, 0o600) }, "no plain file"},
		"a link within":    {func(file string) error { return os.Symlink("standard.txt", file) }, ""},
	} {
		dir, root := ownDir(t, map[string]string{"mail/standard.txt": "x"})
		if err := row.lay(filepath.Join(dir, "mail/standard.html")); err != nil {
			t.Fatal(err)
		}
		_, faults := ReadOwn(root, FS)
		if row.want == "" && len(faults) > 0 || row.want != "" && (len(faults) != 1 || !strings.Contains(faults[0].Error(), row.want)) {
			t.Errorf("%s: %v, want %q", what, faults, row.want)
		}
	}
}

func TestOwnDirectoryThatIsNoneIsLeftSoon(t *testing.T) {
	t.Parallel()
	files := map[string]string{}
	for i := range maxOwnFiles + 10 {
		files[fmt.Sprintf("mail/x%d.htm", i)] = "x"
	}
	_, dir := ownDir(t, files)
	_, faults := ReadOwn(dir, FS)
	if last := faults[len(faults)-1].Error(); !strings.Contains(last, "is it the right directory?") || len(faults) > maxOwnFiles+1 {
		t.Errorf("%d faults, the last %s", len(faults), last)
	}
}

func TestTextsThatAnOwnLanguageLacksAreNamed(t *testing.T) {
	t.Parallel()
	_, dir := ownDir(t, map[string]string{"lang/nl.json": strings.Replace(english(t), `    "mail.view": "View in browser",`+"\n", "", 1)})
	own, faults := ReadOwn(dir, FS)
	if len(faults) > 0 || !slices.Equal(own.Missing()["nl"], []string{"mail.view"}) {
		t.Errorf("%v, %v", faults, own.Missing())
	}
}
