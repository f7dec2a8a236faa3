package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"courant/digest/smtpsink"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// mostPicture is the most that a picture in the docs may weigh.
const mostPicture = 250_000

// docPage is one page of the docs.
type docPage struct {
	path string // from this directory
	text string
}

// docs reads README.md, CONTRIBUTING.md and docs/.
func docs(t *testing.T) []docPage {
	t.Helper()
	paths, err := filepath.Glob("../../docs/*.md")
	if err != nil || len(paths) == 0 {
		t.Fatalf("docs/ holds %d pages, %v", len(paths), err)
	}
	var pages []docPage
	for _, path := range append(paths, "../../README.md", "../../CONTRIBUTING.md") {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, docPage{path, string(text)})
	}
	return pages
}

// codeBlock is a fenced block with the word behind its fence.
type codeBlock struct{ language, text string }

var (
	fencedBlock = regexp.MustCompile("(?ms)^```([a-z]*)\n(.*?)^```$")
	codeSpan    = regexp.MustCompile("`([^`\n]+)`")
)

// blocks are the fenced blocks of a page, rest is the page without them.
func (p docPage) blocks() (blocks []codeBlock, rest string) {
	for _, m := range fencedBlock.FindAllStringSubmatch(p.text, -1) {
		blocks = append(blocks, codeBlock{m[1], m[2]})
	}
	return blocks, fencedBlock.ReplaceAllString(p.text, "")
}

// commandLines are the calls of courant that a page shows, as words.
func (p docPage) commandLines() [][]string {
	blocks, rest := p.blocks()
	var code []string
	for _, b := range blocks {
		if b.language == "sh" || b.language == "ini" {
			code = append(code, strings.Split(b.text, "\n")...)
		}
	}
	for _, m := range codeSpan.FindAllStringSubmatch(rest, -1) {
		code = append(code, m[1])
	}
	var calls [][]string
	for _, line := range code {
		line, _, _ = strings.Cut(line, " #")
		for _, part := range strings.FieldsFunc(line, func(r rune) bool { return strings.ContainsRune("|&;<>", r) }) {
			words := shellWords(strings.TrimPrefix(strings.TrimSpace(part), "ExecStart="))
			// As another account, or in the container that serves.
			for _, before := range [][]string{{"runuser", "-u", "courant", "--"}, {"docker", "compose", "exec", "courant"}, {"docker", "compose", "run", "--rm"}} {
				if len(words) > len(before) && slices.Equal(words[:len(before)], before) {
					words = words[len(before):]
				}
			}
			if len(words) > 1 && filepath.Base(words[0]) == "courant" {
				calls = append(calls, words[1:])
			}
		}
	}
	return calls
}

var shellWord = regexp.MustCompile(`"[^"]*"|\S+`)

func shellWords(s string) []string {
	words := shellWord.FindAllString(s, -1)
	for i := range words {
		words[i] = strings.Trim(words[i], `"`)
	}
	return words
}

// commandFault says what courant would not take of a command line; nothing is run.
func commandFault(root *cobra.Command, words []string) error {
	c, rest, err := root.Find(words)
	if err != nil {
		return err
	}
	if c == root {
		return fmt.Errorf("%q is no command", words)
	}
	// What a page names in passing, such as `courant send`, stands for the
	// command; what has arguments must have those it takes.
	flags := pflag.NewFlagSet(c.Name(), pflag.ContinueOnError)
	flags.SetOutput(new(bytes.Buffer))
	flags.AddFlagSet(c.InheritedFlags())
	flags.AddFlagSet(c.Flags())
	if err := flags.Parse(rest); err != nil {
		return err
	}
	if args := flags.Args(); len(args) > 0 && c.Args != nil {
		return c.Args(c, args)
	}
	return nil
}

// commandTree is a fresh tree of the program's commands.
func commandTree() *cobra.Command {
	root := (&program{}).root()
	root.InitDefaultHelpCmd()
	return root
}

func TestEveryCommandOfTheDocsIsTaken(t *testing.T) {
	t.Parallel()
	found := 0
	for _, p := range docs(t) {
		for _, words := range p.commandLines() {
			found++
			if err := commandFault(commandTree(), words); err != nil {
				t.Errorf("%s: courant %s: %v", p.path, strings.Join(words, " "), err)
			}
		}
	}
	if found < 50 {
		t.Errorf("only %d command lines were found in the docs", found)
	}
}

func TestWrongCommandsInTheDocsAreSeen(t *testing.T) {
	t.Parallel()
	page := docPage{text: "`courant fly`, `courant send morning --onyl a@b.c`, `journalctl -u courant -f`, `courant`\n\n" +
		"```sh\n./courant plan --days many  # when\ncat x | /usr/bin/courant --config \"my file\" readers import a b && courant why\n```\n" +
		"```ini\nExecStart=/usr/bin/courant serve --all\n```\n```sh\nrunuser -u courant -- courant chek\n```\n"}
	wrong := 0
	for _, words := range page.commandLines() {
		if commandFault(commandTree(), words) != nil {
			wrong++
		}
	}
	if calls := page.commandLines(); len(calls) != 7 || wrong != 6 {
		t.Errorf("%d of %q are seen as wrong, want 6 of 7", wrong, calls)
	}
}

func TestDocsShowEveryCommandAndFlag(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/commands.md")
	if err != nil {
		t.Fatal(err)
	}
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		if c.Hidden { // for the program's own processes
			return
		}
		if c.Runnable() && !strings.Contains(string(text), c.CommandPath()+"\n") && !strings.Contains(string(text), c.CommandPath()+" ") {
			t.Errorf("docs/commands.md doesn't show %s", c.CommandPath())
		}
		c.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if !strings.Contains(string(text), "--"+f.Name) {
				t.Errorf("docs/commands.md doesn't show --%s of %s", f.Name, c.CommandPath())
			}
		})
		for _, below := range c.Commands() {
			walk(below)
		}
	}
	for _, c := range (&program{}).root().Commands() {
		walk(c)
	}
}

func TestTestsThatTheDocsNameExist(t *testing.T) {
	t.Parallel()
	there := testNames(t)
	named := 0
	for _, p := range docs(t) {
		_, rest := p.blocks()
		for _, m := range codeSpan.FindAllStringSubmatch(rest, -1) {
			if !strings.HasPrefix(m[1], "Test") {
				continue
			}
			named++
			if !there[m[1]] {
				t.Errorf("%s names %s, which is not in the tree", p.path, m[1])
			}
		}
	}
	if named < 9 {
		t.Errorf("only %d tests are named in the docs", named)
	}
}

var testFunction = regexp.MustCompile(`(?m)^func (Test\w+)\(`)

// testNames are all tests of the module.
func testNames(t *testing.T) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	err := filepath.WalkDir("../..", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, m := range testFunction.FindAllSubmatch(text, -1) {
			names[string(m[1])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

var (
	docLink     = regexp.MustCompile(`\]\(([^)\s]+)\)|src="([^"]+)"`)
	docHeading  = regexp.MustCompile(`(?m)^#+ (.+)$`)
	notInAnchor = regexp.MustCompile(`[^\p{L}\p{N}_ -]`)
)

func TestLinksOfTheDocsLeadSomewhere(t *testing.T) {
	t.Parallel()
	for _, p := range docs(t) {
		_, rest := p.blocks()
		for _, m := range docLink.FindAllStringSubmatch(rest, -1) {
			link := m[1] + m[2]
			if strings.HasPrefix(link, "https://") {
				continue
			}
			if err := p.follow(link); err != nil {
				t.Errorf("%s: %s: %v", p.path, link, err)
			}
		}
	}
}

// follow looks for what a relative link leads to.
func (p docPage) follow(link string) error {
	file, anchor, _ := strings.Cut(link, "#")
	path := p.path
	if file != "" {
		path = filepath.Join(filepath.Dir(p.path), file)
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if strings.HasSuffix(path, ".png") && info.Size() > mostPicture {
		return fmt.Errorf("%d bytes, more than %d", info.Size(), mostPicture)
	}
	if anchor == "" {
		return nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	for _, m := range docHeading.FindAllStringSubmatch(string(text), -1) {
		name := notInAnchor.ReplaceAllString(strings.ToLower(m[1]), "")
		if strings.ReplaceAll(name, " ", "-") == anchor {
			return nil
		}
	}
	return errors.New("no heading gives this anchor")
}

// A whole config in the docs must load as it stands, but for the files it
// names; of a fragment every key must be known and every value right.
func TestConfigsInTheDocsAreRight(t *testing.T) {
	t.Parallel()
	whole := 0
	for _, p := range docs(t) {
		blocks, _ := p.blocks()
		for _, b := range blocks {
			if b.language != "yaml" {
				continue
			}
			complete := strings.HasPrefix(b.text, "name:")
			if complete {
				whole++
			}
			for _, f := range docFaults(t, b.text) {
				missing := strings.Contains(f.String(), "the key is missing") || strings.Contains(f.String(), "is missing, and") ||
					strings.Contains(f.String(), "there is no list") || strings.Contains(f.String(), "domain for examples")
				if complete || !missing {
					t.Errorf("%s: %s\nin\n%s", p.path, f, b.text)
				}
			}
		}
	}
	if whole == 0 {
		t.Error("the docs show no whole config")
	}
}

// docFaults loads a config of the docs beside the files that it names.
func docFaults(t *testing.T, text string) []Fault {
	t.Helper()
	dir := t.TempDir()
	key := "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"
	for name, content := range map[string]string{"courant.yaml": text, "smtp-password": "secret\n", "cms.token": "the-token-of-the-newsroom\n", "dkim.pem": key} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	env := func(name string) (string, bool) { return dir, slices.Contains([]string{"HOME", "PGPASSWORD"}, name) }
	_, _, err := loadConfig(filepath.Join(dir, "courant.yaml"), env, (&program{}).hooks())
	var faults Faults
	if err != nil && !errors.As(err, &faults) {
		t.Fatal(err)
	}
	return faults
}

// figureName is a metric of ours, as docs and alerts write it.
var figureName = regexp.MustCompile(`\bcourant_[a-z_]+[a-z]\b`)

func TestFiguresOfTheDocsAreThoseOfAScrape(t *testing.T) {
	t.Parallel()
	d := newDesk(t, smtpsink.Options{Script: mishaps()})
	d.crowd(5)
	d.query(`UPDATE sources SET next_poll = NULL RETURNING name`)
	serve := d.start("serve", "--only", "fetch,deliver")
	// All are there once a mail was accepted, one was not, and a source was polled.
	there := map[string]bool{}
	d.until("all figures", func() bool {
		d.sink.Release()
		text := d.scrape()
		for _, m := range regexp.MustCompile(`(?m)^# TYPE (courant_\S+) `).FindAllStringSubmatch(text, -1) {
			there[m[1]] = true
		}
		return there["courant_setbacks_total"] && there["courant_polls_total"] && there["courant_slot_to_last_accepted_seconds"] &&
			there["courant_source_last_success_timestamp_seconds"]
	})
	operators, err := os.ReadFile("../../docs/operators.md")
	if err != nil {
		t.Fatal(err)
	}
	alerts, err := os.ReadFile("../../docs/deploy/alerts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	_, chapter, _ := strings.Cut(string(operators), "\n## What to watch\n")
	for _, name := range figureName.FindAllString(chapter+string(alerts), -1) {
		if !there[name] {
			t.Errorf("the docs name %s, and a scrape has none", name)
		}
	}
	for name := range there {
		if !strings.Contains(string(operators), "`"+name+"`") {
			t.Errorf("docs/operators.md doesn't tell of %s", name)
		}
	}
	if err := serve.signal(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
}
