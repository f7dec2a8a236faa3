package main

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// The four laws of the house, read from the sources: who may import whom,
// which library has which room, and which words are not ours. Whoever needs a
// new import writes it into these tables, and says in the commit why.

// module is the path that our own imports begin with.
const module = "courant/"

// homes lists, for each library, the directories whose code may import it.
// An entry covers the packages below its path as well.
func homes() map[string][]string {
	return map[string][]string{
		"github.com/goccy/go-yaml":               {"cmd/courant"},
		"github.com/spf13/cobra":                 {"cmd/courant"},
		"github.com/spf13/pflag":                 {"cmd/courant"},
		"github.com/robfig/cron":                 {"digest/schedule"},
		"github.com/wneessen/go-mail":            {"digest/submit"},
		"github.com/jmoiron/sqlx":                {"store"},
		"github.com/lib/pq":                      {"store", "store/local", "store/storetest"},
		"github.com/mmcdole/gofeed":              {"digest/ingest"},
		"codeberg.org/readeck/go-readability/v2": {"digest/ingest"},
		"github.com/andybalholm/cascadia":        {"digest/ingest"},
		"github.com/temoto/robotstxt":            {"digest/ingest"},
		"golang.org/x/net/html":                  {"digest/ingest", "digest/inbox", "digest/lint"}, // inbox takes a mail's tags apart for its frame; lint judges them
		"golang.org/x/net/publicsuffix":          {"digest/ingest", "digest/vouch"},
		"github.com/prometheus/client_golang":    {"digest/measure"},
		"github.com/prometheus/client_model":     {"digest/measure"}, // what its text is read into
		"github.com/prometheus/common":           {"digest/measure"}, // reads its text

		// Small ones that know no noun of ours, so several rooms may hold them.
		"golang.org/x/net/idna":       {"cmd/courant", "digest/enrol", "digest/ingest", "digest/render", "digest/submit", "digest/receive", "digest/web"},
		"golang.org/x/text":           {"cmd/courant", "digest/enrol", "digest/ingest", "digest/render", "digest/receive", "digest/web", "digest/publish", "templates"},
		"github.com/rivo/uniseg":      {"cmd/courant", "digest/explain", "digest/render", "digest/lint"}, // the width of text in a terminal or text mail
		"golang.org/x/sys":            {"cmd/courant", "store/local", "digest/deliver", "digest/rehearse"},
		"golang.org/x/term":           {"cmd/courant"},
		"golang.org/x/crypto/argon2":  {"digest/web"},
		"golang.org/x/crypto/ed25519": {"digest/submit"},
	}
}

// testHomes lists what only tests may import, beside what their package may:
// an independent judge of what the code made.
func testHomes() map[string][]string {
	return map[string][]string{
		"github.com/chromedp":            {"cmd/courant"},                                                      // a browser for the readers' pages
		"golang.org/x/net/dns":           {"cmd/courant", "digest/ingest", "digest/vouch", "digest/web"},       // a name server on loopback
		"github.com/santhosh-tekuri":     {"cmd/courant"},                                                      // a judge of the config's JSON Schema
		"github.com/emersion/go-msgauth": {"cmd/courant", "digest/submit", "digest/render", "digest/rehearse"}, // verifies our signatures
		"github.com/lib/pq":              {"cmd/courant", "digest/rehearse"},
		"golang.org/x/net/html":          {"cmd/courant", "digest/render", "digest/sample", "digest/web", "digest/rehearse", "templates"},
	}
}

// forbiddenIO are packages of the standard library that do what the nouns
// must not: I/O, or anything that runs on its own.
func forbiddenIO() []string {
	return []string{"net", "net/http", "net/smtp", "net/textproto", "os", "os/exec", "os/signal", "os/user", "io/ioutil", "database/sql",
		"log", "log/slog", "syscall", "unsafe", "plugin", "embed", "runtime", "testing"}
}

// forbiddenNames are no names of packages or files, alone or as one word of
// several: code without a home is a noun that nobody has found yet.
func forbiddenNames() []string {
	return []string{"util", "utils", "helper", "helpers", "common", "types", "model", "models", "misc", "mock", "mocks", "interfaces",
		"campaign", "campaigns", "blast", "blasts", "contact", "contacts", "user", "users", "job", "jobs", "task", "tasks",
		"manager", "managers", "service", "services", "repository", "repositories"}
}

// longestFunction is how many lines a function may have without a comment
// above it that says why it is long.
const longestFunction = 100

// sourceFile is what the laws ask about one Go file.
type sourceFile struct {
	path    string // from the module's root, with slashes
	pkg     string // the name in its package clause
	imports []string
	clock   []string // where it asks for the time, as file:line
	long    []string // functions that are too long, with their lines
}

func (f sourceFile) dir() string  { return path.Dir(f.path) }
func (f sourceFile) isTest() bool { return strings.HasSuffix(f.path, "_test.go") }

// readSource reads one file.
func readSource(name string, text []byte) (sourceFile, error) {
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, name, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return sourceFile{}, err
	}
	f := sourceFile{path: name, pkg: file.Name.Name}
	times := ""
	for _, spec := range file.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return sourceFile{}, err
		}
		f.imports = append(f.imports, imported)
		if imported == "time" {
			times = "time"
			if spec.Name != nil {
				times = spec.Name.Name
			}
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok && asksTheTime(sel, times) {
			f.clock = append(f.clock, fmt.Sprintf("%s:%d", name, set.Position(sel.Pos()).Line))
		}
		return true
	})
	for _, decl := range file.Decls {
		if fn, ok := decl.(*ast.FuncDecl); ok {
			lines := set.Position(fn.End()).Line - set.Position(fn.Pos()).Line + 1
			if lines > longestFunction && !saysWhyLong(fn.Doc) {
				f.long = append(f.long, fmt.Sprintf("%s has %d lines", fn.Name.Name, lines))
			}
		}
	}
	return f, nil
}

// asksTheTime says whether a selector is one of package time that reads the
// clock or waits for it; times is the package's name in the file.
func asksTheTime(sel *ast.SelectorExpr, times string) bool {
	pkg, ok := sel.X.(*ast.Ident)
	asking := []string{"Now", "Since", "Until", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker", "Sleep", "LoadLocation", "Local"}
	return ok && times != "" && pkg.Name == times && slices.Contains(asking, sel.Sel.Name)
}

var why = regexp.MustCompile(`(?i)\blong\b|\blines\b`)

// saysWhyLong says whether a comment gives a reason for a function's length.
func saysWhyLong(doc *ast.CommentGroup) bool { return doc != nil && why.MatchString(doc.Text()) }

// broken lists the laws that a file breaks, in sentences.
func broken(f sourceFile) []string {
	var faults []string
	fault := func(format string, args ...any) { faults = append(faults, f.path+": "+fmt.Sprintf(format, args...)) }
	for _, imported := range f.imports {
		first, _, _ := strings.Cut(imported, "/")
		switch {
		case imported == strings.TrimSuffix(module, "/") || strings.HasPrefix(imported, module):
			if !mayImportOurs(f, strings.TrimPrefix(imported, module)) {
				fault("a %s does not import %s", kindOf(f.dir()), imported)
			}
		case strings.Contains(first, "."):
			if !atHome(imported, f) {
				fault("%s is not at home here; see the tables in house_test.go", imported)
			}
		case f.dir() == "digest" && !f.isTest() && slices.Contains(forbiddenIO(), imported):
			fault("the nouns do no I/O, so they do not import %s", imported)
		}
	}
	if f.dir() == "digest" && !f.isTest() {
		for _, at := range f.clock {
			fault("the nouns know no clock or zone files; the time comes in as an argument (%s)", at)
		}
	}
	if !f.isTest() {
		for _, fn := range f.long {
			fault("%s; shorten it, or say above it why it is long", fn)
		}
	}
	for _, named := range []string{f.pkg, strings.TrimSuffix(path.Base(f.path), ".go"), path.Base(f.dir())} {
		for word := range strings.FieldsFuncSeq(strings.ToLower(named), func(r rune) bool { return r == '_' || r == '-' || r == '.' }) {
			if slices.Contains(forbiddenNames(), word) {
				fault("%q is none of our words; what noun is this?", word)
			}
		}
	}
	return faults
}

// kindOf says what a directory is in the house.
func kindOf(dir string) string {
	switch {
	case dir == "digest":
		return "noun"
	case dir == "store" || strings.HasPrefix(dir, "store/"):
		return "store"
	case strings.HasPrefix(dir, "digest/"):
		return "room"
	case dir == "templates" || strings.HasPrefix(dir, "templates/"):
		return "template"
	case strings.HasPrefix(dir, "cmd/"):
		return "command"
	}
	return "stranger"
}

// mayImportOurs is the star: may f import our package at dir?
func mayImportOurs(f sourceFile, dir string) bool {
	if strings.TrimSuffix(f.pkg, "_test") != f.pkg && dir == f.dir() {
		return true // a test from outside imports what it tests
	}
	if f.isTest() && kindOf(f.dir()) != "noun" && (dir == "digest/smtpsink" || dir == "store/storetest") {
		return true
	}
	// A room's test against the real rows names their type as well.
	if f.isTest() && kindOf(f.dir()) == "room" && dir == "store" {
		return true
	}
	switch kindOf(f.dir()) {
	case "command":
		return kindOf(dir) != "command" && kindOf(dir) != "stranger"
	case "room":
		return dir == "digest" || dir == "templates" && (f.dir() == "digest/render" || f.dir() == "digest/web")
	case "store":
		// The private Postgres and the tests' schemas stand beside the store, and only
		// storetest needs both.
		return dir == "digest" || f.dir() == "store/storetest" && (dir == "store" || dir == "store/local")
	}
	return false // the nouns and the templates import nothing of ours
}

// atHome says whether a library may be imported by f.
func atHome(imported string, f sourceFile) bool {
	return housed(homes(), imported, f.dir()) || f.isTest() && housed(testHomes(), imported, f.dir())
}

func housed(table map[string][]string, imported, dir string) bool {
	for library, dirs := range table {
		// A library's path goes on with / or, as robfig/cron/v3, with its version.
		if (imported == library || strings.HasPrefix(imported, library+"/")) && slices.Contains(dirs, dir) {
			return true
		}
	}
	return false
}

// readHouse reads every Go file of the module.
func readHouse(t *testing.T, root string) []sourceFile {
	t.Helper()
	var files []sourceFile
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && name != root && (strings.HasPrefix(entry.Name(), ".") || entry.Name() == "testdata" || entry.Name() == "var") {
			return fs.SkipDir
		}
		if entry.IsDir() || filepath.Ext(name) != ".go" {
			return nil
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		short, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		f, err := readSource(filepath.ToSlash(short), text)
		if err != nil {
			return err
		}
		files = append(files, f)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestHouseKeepsItsLaws(t *testing.T) {
	t.Parallel()
	files := readHouse(t, "../..")
	seen := map[string]bool{}
	for _, f := range files {
		seen[f.dir()] = true
		for _, fault := range broken(f) {
			t.Error(fault)
		}
	}
	for _, dir := range []string{"cmd/courant", "digest", "store"} {
		if !seen[dir] {
			t.Errorf("no Go file was read in %s: does this test look at the right place?", dir)
		}
	}
}

// A law that is never broken proves nothing: here each one is.
func TestHouseSeesEachLawBroken(t *testing.T) {
	t.Parallel()
	long := func(comment string) string {
		return "package deliver\n" + comment + "func run() {\n" + strings.Repeat("\t_ = 0\n", longestFunction) + "}\n"
	}
	for _, c := range []struct{ path, text, want string }{
		{"digest/a.go", "package digest\nimport \"courant/store\"", "a noun does not import courant/store"},
		{"digest/a.go", "package digest\nimport \"github.com/lib/pq\"", "github.com/lib/pq is not at home here"},
		{"digest/a.go", "package digest\nimport \"os\"", "do not import os"},
		{"digest/a.go", "package digest\nimport \"net\"", "do not import net"},
		{"digest/a.go", "package digest\nimport \"net/mail\"", ""},
		{"digest/a.go", "package digest\nimport \"time\"\nvar t = time.Now()", "the nouns know no clock"},
		{"digest/a.go", "package digest\nimport clock \"time\"\nvar t = clock.Since", "(digest/a.go:3)"},
		{"digest/a.go", "package digest\nimport \"time\"\nvar t = time.Unix(0, 0)", ""},
		{"digest/a_test.go", "package digest\nimport (\"os\"; \"time\")\nvar t = time.Now()", ""},
		{"digest/a_test.go", "package digest_test\nimport \"courant/digest\"", ""},
		{"digest/a_test.go", "package digest\nimport \"courant/store/storetest\"", "a noun does not import"},
		{"digest/deliver/a.go", "package deliver\nimport \"courant/digest\"", ""},
		{"digest/deliver/a.go", "package deliver\nimport \"courant/digest/submit\"", "a room does not import courant/digest/submit"},
		{"digest/deliver/a.go", "package deliver\nimport \"courant/store\"", "a room does not import courant/store"},
		{"digest/deliver/a.go", "package deliver\nimport \"courant/templates\"", "a room does not import courant/templates"},
		{"digest/deliver/a.go", "package deliver\nimport \"courant/digest/smtpsink\"", "a room does not import"},
		{"digest/deliver/a_test.go", "package deliver\nimport (\"courant/digest/smtpsink\"; \"courant/store/storetest\")", ""},
		{"digest/deliver/a_test.go", "package deliver_test\nimport \"courant/digest/deliver\"", ""},
		{"digest/deliver/a_test.go", "package deliver_test\nimport \"courant/store\"", ""},
		{"digest/deliver/a.go", "package deliver\nimport \"courant/store\"", "a room does not import"},
		{"digest/deliver/a_test.go", "package deliver_test\nimport \"courant/digest/render\"", "a room does not import"},
		{"digest/render/a.go", "package render\nimport \"courant/templates\"", ""},
		{"digest/web/a.go", "package web\nimport \"courant/templates\"", ""},
		{"templates/a.go", "package templates\nimport \"courant/digest\"", "a template does not import"},
		{"store/a.go", "package store\nimport (\"courant/digest\"; \"github.com/jmoiron/sqlx\"; \"github.com/lib/pq\")", ""},
		{"store/a.go", "package store\nimport \"courant/digest/deliver\"", "a store does not import"},
		{"store/a.go", "package store\nimport \"courant/store/local\"", "a store does not import"},
		{"store/local/a.go", "package local\nimport \"github.com/jmoiron/sqlx\"", "not at home"},
		{"store/storetest/a.go", "package storetest\nimport (\"courant/store\"; \"courant/store/local\")", ""},
		{"digest/web/a.go", "package web\nimport \"github.com/robfig/cron/v3\"", "not at home"},
		{"digest/schedule/a.go", "package schedule\nimport \"github.com/robfig/cron/v3\"", ""},
		{"digest/deliver/a.go", "package deliver\nimport \"github.com/wneessen/go-mail/smtp\"", "not at home"},
		{"digest/submit/a.go", "package submit\nimport \"github.com/wneessen/go-mail/smtp\"", ""},
		{"digest/submit/a.go", "package submit\nimport \"github.com/wneessen/go-mailer\"", "not at home"},
		{"digest/measure/a.go", "package measure\nimport \"github.com/prometheus/client_golang/prometheus\"", ""},
		{"digest/deliver/a.go", "package deliver\nimport \"github.com/prometheus/client_golang/prometheus\"", "not at home"},
		{"digest/web/a.go", "package web\nimport \"example.org/web/framework\"", "not at home"},
		{"digest/render/a.go", "package render\nimport \"golang.org/x/net/html\"", "not at home"},
		{"digest/render/a_test.go", "package render\nimport \"golang.org/x/net/html\"", ""},
		{"cmd/courant/a.go", "package main\nimport (\"courant/digest/web\"; \"courant/store\"; \"github.com/spf13/cobra\")", ""},
		{"cmd/courant/a.go", "package main\nimport \"github.com/lib/pq\"", "not at home"},
		{"elsewhere/a.go", "package elsewhere\nimport \"courant/digest\"", "a stranger does not import"},
		{"digest/web/utils.go", "package web", `"utils" is none of our words`},
		{"digest/web/http_helper_test.go", "package web", `"helper" is none`},
		{"digest/common/a.go", "package common", `"common" is none`},
		{"store/users.go", "package store", `"users" is none`},
		{"digest/web/useragent.go", "package web", ""},
		{"digest/deliver/a.go", long(""), "run has 102 lines"},
		{"digest/deliver/a.go", long("// run runs.\n"), "run has 102 lines"},
		{"digest/deliver/a.go", long("// run is long, because the table has a row per reply.\n"), ""},
		{"digest/deliver/a_test.go", long(""), ""},
	} {
		f, err := readSource(c.path, []byte(c.text))
		if err != nil {
			t.Fatal(err)
		}
		got := strings.Join(broken(f), "\n")
		if (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s:\n%.80s\ngot %q, want %q", c.path, c.text, got, cmp.Or(c.want, "nothing"))
		}
	}
}
