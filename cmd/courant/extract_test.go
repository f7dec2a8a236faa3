package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// extracted runs extract in this process: it needs no database.
func extracted(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	p := &program{
		stdin: strings.NewReader(""), stdout: &out, stderr: &errs, env: testEnv, configFile: filepath.Join(t.TempDir(), "courant.yaml"),
		now: func() time.Time { return time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC) },
	}
	p.args = append([]string{"extract"}, args...)
	code = p.run(t.Context())
	return code, out.String(), errs.String()
}

// explainedInputs are the inputs whose choice of points is shown in golden files.
func explainedInputs(t *testing.T) (inputs []string) {
	t.Helper()
	all, err := filepath.Glob("testdata/explain/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range all {
		switch filepath.Ext(file) {
		case ".html", ".txt", ".xml":
			inputs = append(inputs, file)
		}
	}
	if len(inputs) < 14 {
		t.Fatalf("%d inputs in testdata/explain", len(inputs))
	}
	return inputs
}

// explainArgs are the arguments that explain an input, by the rule beside it if
// there is one.
func explainArgs(input string) []string {
	base := strings.TrimSuffix(input, filepath.Ext(input))
	if _, err := os.Stat(base + ".rule.yaml"); err == nil {
		return []string{"--explain", "--rules", base + ".rule.yaml", input}
	}
	return []string{"--explain", input}
}

func TestExtractExplainsItsChoice(t *testing.T) {
	t.Parallel()
	for _, input := range explainedInputs(t) {
		t.Run(filepath.Base(input), func(t *testing.T) {
			t.Parallel()
			code, said, stderr := extracted(t, explainArgs(input)...)
			if code != exitDone || stderr != "" {
				t.Fatalf("exit %d: %s", code, stderr)
			}
			compareGolden(t, strings.TrimSuffix(input, filepath.Ext(input))+".want", said)
		})
	}
}

// TestDocsShowWhatExplainSays holds what README and docs show of a page against
// what is said of that page.
func TestDocsShowWhatExplainSays(t *testing.T) {
	t.Parallel()
	_, said, _ := extracted(t, explainArgs("testdata/explain/story.html")...)
	for doc, begins := range map[string]string{"README.md": "$ courant extract --explain story.html\n", "docs/points.md": "```\n  How the points were chosen"} {
		text, err := os.ReadFile(filepath.Join("..", "..", doc))
		if err != nil {
			t.Fatal(err)
		}
		_, shown, found := strings.Cut(string(text), begins)
		shown, _, closed := strings.Cut(shown, "```")
		if !found || !closed || strings.Count(shown, "\n") < 6 {
			t.Fatalf("%s shows no explanation", doc)
		}
		rest, lines := said, strings.Split(shown, "\n")
		for _, line := range lines {
			if strings.TrimSpace(line) == "" || strings.TrimSpace(line) == "..." || strings.HasPrefix(line, ":") {
				continue
			}
			_, behind, ok := strings.Cut(rest, line+"\n")
			if !ok {
				t.Errorf("%s shows %q, which is not said, or not there", doc, line)
				continue
			}
			rest = behind
		}
	}
}

func TestExplainAddsOneKeyAndChangesNoOther(t *testing.T) {
	t.Parallel()
	for _, input := range explainedInputs(t) {
		args := append([]string{"--json"}, explainArgs(input)...)
		_, with, _ := extracted(t, args...)
		without := args[:0:0]
		for _, arg := range args {
			if arg != "--explain" {
				without = append(without, arg)
			}
		}
		_, plain, _ := extracted(t, without...)
		var a, b map[string]any
		if err := json.Unmarshal([]byte(with), &a); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(plain), &b); err != nil {
			t.Fatal(err)
		}
		for i, article := range a["articles"].([]any) {
			x, ok := article.(map[string]any)["explain"].(map[string]any)
			if !ok || x["verdict"] == "" || x["lists"] == nil {
				t.Errorf("%s: article %d says %v of its points", input, i, x)
			}
			delete(article.(map[string]any), "explain")
		}
		again, _ := json.Marshal(a)
		want, _ := json.Marshal(b)
		if !bytes.Equal(again, want) {
			t.Errorf("%s: with --explain\n%s\nwithout\n%s", input, again, want)
		}
	}
}

func TestRulesAreTriedFromFilesAndSources(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	const page = "testdata/explain/rule.html"
	rows := map[string]struct {
		rules string
		want  []string
	}{
		"no file":      {filepath.Join(dir, "none.yaml"), []string{"there is no file", "name a file with css or drop"}},
		"unknown key":  {write("unknown.yaml", "css: li\nselector: x\n"), []string{"unknown.yaml:2:1: selector: unknown key"}},
		"bad selector": {write("selector.yaml", "drop: [x]\ncss: 'li >'\n"), []string{"selector.yaml:2:6: css: \"li >\" is no selector"}},
		"bad pattern":  {write("pattern.yaml", "points:\n  drop:\n    - '/(/'\n"), []string{"pattern.yaml:3:7: points.drop[0]: /(/ is no pattern"}},
		"both":         {write("both.yaml", "points: {css: li}\ncss: p\n"), []string{"both.yaml:2:1: css: points is there, too; write the rule at the top or under points"}},
		"nothing":      {write("nothing.yaml", "# nothing\n"), []string{"nothing.yaml"}},
		"no mapping":   {write("list.yaml", "- li\n"), []string{"list.yaml:1:1"}},
		"a directory":  {dir, []string{"read the rule"}},
	}
	for name, row := range rows {
		code, said, stderr := extracted(t, "--rules", row.rules, page)
		if code == exitDone || said != "" {
			t.Errorf("%s: exit %d, %s", name, code, said)
		}
		for _, want := range row.want {
			if !strings.Contains(stderr, want) {
				t.Errorf("%s: %q lacks %q", name, stderr, want)
			}
		}
	}
	good, err := os.ReadFile("testdata/config/good.yaml")
	if err != nil {
		t.Fatal(err)
	}
	config := write("courant.yaml", strings.Replace(string(good), "category: Military}", `category: Military, points: {css: "#story li"}}
  - {name: World wire, feed: https://example.com/world.xml, category: World}`, 1))
	for source, want := range map[string]string{"Military wire": "", "Miltary wire": `did you mean \"Military wire\"`, "World wire": "has no points"} {
		p := &program{stdin: strings.NewReader(""), env: testEnv, configFile: config, now: time.Now}
		var out, errs bytes.Buffer
		p.stdout, p.stderr = &out, &errs
		p.args = []string{"--config", config, "extract", "--explain", "--rules", source, page}
		code := p.run(t.Context())
		if want = strings.ReplaceAll(want, `\"`, `"`); want == "" && (code != exitDone || !strings.Contains(out.String(), "css         #story li")) || !strings.Contains(errs.String(), want) {
			t.Errorf("%s: exit %d, %s%s", source, code, out.String(), errs.String())
		}
	}
}

func TestExplanationsAreColouredOnTerminalsOnly(t *testing.T) {
	t.Parallel()
	_, said, _ := extracted(t, "--explain", "testdata/explain/class.html")
	if strings.Contains(said, "\x1b") {
		t.Errorf("colours where no terminal is: %q", said)
	}
	e := explanation{io.Discard, style{coloured: true}}
	if got := e.verdict(true, ""); !strings.Contains(got, "\x1b[32m") {
		t.Errorf("%q", got)
	}
}

func TestExtractHeedsTheRuleOfASource(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("testdata/explain/rule.html")
	if err != nil {
		t.Fatal(err)
	}
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/story" {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write(page)
	}))
	t.Cleanup(site.Close)
	good, err := os.ReadFile("testdata/config/good.yaml")
	if err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(t.TempDir(), "courant.yaml")
	text := "allow_private_sources: true\n" + strings.Replace(string(good), "lists:\n", "  - {name: One page, page: "+site.URL+"/story, category: World, points: {css: '#story li'}}\nlists:\n", 1)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	p := &program{args: []string{"--config", config, "extract", site.URL + "/story"}, stdin: strings.NewReader(""), stdout: &out, stderr: &errs, env: testEnv, now: time.Now}
	if code := p.run(t.Context()); code != exitDone || !strings.Contains(out.String(), "points from  page") {
		t.Errorf("exit %d: %s%s", code, out.String(), errs.String())
	}
}
