package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

const schemaFile = "../../docs/courant.schema.json"

func TestEmbeddedExampleIsTheExample(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../config.example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile("config.example.yaml", text, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if exampleText != string(text) {
		t.Error("config.example.yaml changed; run this test with -update, then that of the committed schema")
	}
}

func TestCommittedSchemaIsWhatTheReadersTake(t *testing.T) {
	t.Parallel()
	got, err := configSchema()
	if err != nil {
		t.Fatal(err)
	}
	compareGolden(t, schemaFile, string(got))
	if !strings.HasPrefix(exampleText, "# yaml-language-server: $schema=docs/courant.schema.json\n") {
		t.Error("the first line of config.example.yaml doesn't lead editors to the schema")
	}
}

// compiledSchema is the schema in the hands of a library that is not ours.
func compiledSchema(t testing.TB) *jsonschema.Schema {
	t.Helper()
	text, err := configSchema()
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("courant.schema.json", parsed); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("courant.schema.json") // it is judged by the schema of schemas, too
	if err != nil {
		t.Fatal(err)
	}
	return s
}

var errNoYAML = errors.New("an editor calls this a fault of YAML, not of a key")

// judged is what an editor with the schema says of a config.
func judged(s *jsonschema.Schema, text []byte) error {
	if _, fault := parseYAML(string(text)); fault != nil {
		return errNoYAML
	}
	asJSON, err := yaml.YAMLToJSON(text)
	if err != nil {
		return errNoYAML
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(asJSON))
	if err != nil {
		return errNoYAML
	}
	return s.Validate(value)
}

// readerOnly are the sentences about faults that no schema of single keys can
// see, or not always, under what it would have to know.
func readerOnly() map[string][]string {
	return map[string][]string{
		"one key against another": {"is a domain for examples", "needs a domain the world knows", "readers elsewhere cannot open",
			"the address where readers unsubscribe is missing", "so the address of the pages must be written here", "is taken by",
			"no source has the category", "so no edition could ever go out", "there is no list", "is named twice",
			"mail would leave this machine in clear", "a password is never sent in clear", "a password needs a username",
			"a username needs a password", "password is set, too", "a source is there once", "have the selector", "only the files of a folder need it", "the category is there already",
			"api_key is set, too", "write the model's name", "write where the model is asked", "the rule says nothing", "what is pushed brings its own points", "what lies in a folder is published",
			"only a source that is pushed needs a token", "token is set, too", "needs token_file", "this is the token of", "write push: true, or take it away"},
		"the disk and the environment": {"there is no file", "holds no private key", "others can read or change the key", "not set in the environment",
			"is no plain file", "is larger than 64 KB", "the password is empty", "the password has more than one line", "~ is known to shells only",
			"the key is empty or no single word", "the token is too short", "the token cannot be sent"},
		"a grammar beyond patterns": {"this is no address of a database", "is no address; ", "is not a whole domain name", "has letters before the @",
			"is no IP address of this machine", "is no host", "a host has no user", "is no domain name", "is no selector", "is an IP address; ", "is never read: link-local", "is never asked: link-local", "would cross the network in clear", "has a query or fragment", "is not between 1s and 5m", "would show them to everyone",
			"within brackets; what stands there", "is no pattern", "matches every line",
			"readers' links must be https", "is no port", "nothing from ? or # on", "is no language", "is too short for a lane", "is too short to answer", "is too short, because leaving",
			"the zone has a key of its own", "@every drifts", "of five fields", "is not known: use @hourly", "is not within", "these are typographic quotes", "the template cannot be read", "defines no templates", "a subject knows no",
			"a subject shows fields", "is no time zone", "is a private name of some machines", "there is no letter or digit in it", "a * stands at the end of a word only"},
		"what stands in no text": {"is read in secret keys only", "the text must stay on one line", "the text is longer than", "this is not UTF-8"},
		"what colours come to": {"has a contrast of", "is not a font stack", "ends in a font that readers may not have", "has a comma too many", "does not say what the logo shows",
			"the logo has no address"},
		"the catalogue of texts": {"the mail has no text of this name", "needs the places", "there are no texts in this language"},
		"the editor's templates": {"there is no directory", "name the directory that holds", "there is no layout"},
		"less YAML than editors": {"a second document begins", "a tag, which begins with !"},
	}
}

func TestSchemaJudgesAsTheReaderDoes(t *testing.T) {
	t.Parallel()
	s, dir := compiledSchema(t), configDir(t)
	inputs, err := filepath.Glob("testdata/config/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := judged(s, []byte(exampleText)); err != nil {
		t.Errorf("config.example.yaml: %v", err)
	}
	passed := "" // all faults that the schema let pass
	for _, input := range inputs {
		text, err := os.ReadFile(input)
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = loadText(t, dir, filepath.Base(input), string(text))
		switch wrong := judged(s, text); {
		case err == nil && wrong != nil:
			t.Errorf("%s: the reader takes it, the schema doesn't: %v", input, wrong)
		case err != nil && wrong == nil:
			passed += "\n" + err.Error()
			for _, f := range seenBySchema(err) {
				t.Errorf("%s: the schema takes it, and the list of what only the reader sees doesn't have\n%s", input, f)
			}
		}
	}
	for reason, sentences := range readerOnly() {
		for _, sentence := range sentences {
			if !strings.Contains(passed, sentence) {
				t.Errorf("the schema sees %q in every fixture, or none has it; take it off the list (%s)", sentence, reason)
			}
		}
	}
}

// seenBySchema are the faults that a schema should have seen.
func seenBySchema(err error) (missed []Fault) {
	var faults Faults
	errors.As(err, &faults)
	for _, f := range faults {
		known := !strings.HasSuffix(f.File, ".yaml") // no schema looks into templates
		for _, sentences := range readerOnly() {
			known = known || slices.ContainsFunc(sentences, func(s string) bool { return strings.Contains(f.Message, s) })
		}
		if !known {
			missed = append(missed, f)
		}
	}
	return missed
}

// keysOf are the paths of all keys of the schema.
func keysOf(top *shape) (paths []string) {
	top.eachKey("", func(path string, _ *shape) { paths = append(paths, path) })
	return paths
}

func TestExampleShowsEveryKeyWithItsComment(t *testing.T) {
	t.Parallel()
	known := keysOf(describedConfig())
	if len(known) < 50 {
		t.Fatalf("the readers ask for %d keys only", len(known))
	}
	words := map[string]string{}
	for _, c := range explained(exampleText, func(path string) bool { return slices.Contains(known, path) }) {
		if !slices.Contains(known, c.path) {
			t.Errorf("config.example.yaml:%d: no reader asks for %s", c.line, c.path)
		}
		if words[c.path] == "" && len(c.words) < 10 {
			t.Errorf("config.example.yaml:%d: no comment says what %s is", c.line, c.path)
		}
		words[c.path] += c.words
	}
	for _, path := range known {
		if _, shown := words[path]; !shown {
			t.Errorf("config.example.yaml doesn't show %s", path)
		}
	}
}

func TestEveryKeyOfTheSchemaIsExplained(t *testing.T) {
	t.Parallel()
	top := describedConfig()
	if err := explainShape(top, exampleText); err != nil {
		t.Fatal(err)
	}
	top.eachKey("", func(path string, s *shape) {
		if s.Description == "" {
			t.Errorf("%s has no description", path)
		}
		if s.Properties != nil && s.AdditionalProperties == nil {
			t.Errorf("%s takes keys that nobody reads: is done missing?", path)
		}
	})
}

// What a schema offers must be what it takes, and what the reader takes.
func TestDefaultsAndExamplesOfTheSchemaFitIt(t *testing.T) {
	t.Parallel()
	offered := 0
	var walk func(at string, s *jsonschema.Schema)
	walk = func(at string, s *jsonschema.Schema) {
		if s == nil {
			return
		}
		values := s.Examples
		if s.Default != nil {
			values = append(values, *s.Default)
		}
		for _, value := range values {
			offered++
			if err := s.Validate(value); err != nil {
				t.Errorf("%s offers %v: %v", at, value, err)
			}
		}
		for key, below := range s.Properties {
			walk(keyPath(at, key), below)
		}
		if named, ok := s.AdditionalProperties.(*jsonschema.Schema); ok {
			walk(keyPath(at, anyName), named)
		}
		if items, ok := s.Items.(*jsonschema.Schema); ok {
			walk(at+"[]", items)
		}
		for _, one := range s.AnyOf {
			walk(at, one)
		}
	}
	walk("", compiledSchema(t))
	if offered < 50 {
		t.Errorf("the schema offers %d values only", offered)
	}
}

func TestSchemaCommandPrintsTheSchema(t *testing.T) {
	t.Parallel()
	var out, errs bytes.Buffer
	p := &program{args: []string{"schema"}, stdout: &out, stderr: &errs, env: testEnv}
	if code := p.run(t.Context()); code != exitDone || !json.Valid(out.Bytes()) {
		t.Errorf("exit %d: %s%s", code, out.String(), errs.String())
	}
}

// Whatever the reader takes without a fault, an editor must not call wrong.
func FuzzSchemaTakesWhatTheReaderTakes(f *testing.F) {
	inputs, err := filepath.Glob("testdata/config/*.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, input := range append(inputs, "../../config.example.yaml") {
		text, err := os.ReadFile(input)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	s, dir := compiledSchema(f), configDir(f)
	f.Fuzz(func(t *testing.T, text []byte) {
		r := &configReader{file: "courant.yaml", dir: dir, env: testEnv}
		readConfig(r, text, testHooks())
		if len(r.faults) > 0 {
			return
		}
		if err := judged(s, text); err != nil && !errors.Is(err, errNoYAML) {
			t.Errorf("%v\nof:\n%s", err, text)
		}
	})
}
