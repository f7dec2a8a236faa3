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

	"courant"
)

const schemaFile = "../../docs/courant.schema.json"

func TestCommittedSchemaIsWhatTheReadersTake(t *testing.T) {
	t.Parallel()
	got, err := configSchema()
	if err != nil {
		t.Fatal(err)
	}
	compareGolden(t, schemaFile, string(got))
	if !strings.HasPrefix(courant.ExampleConfig, "# yaml-language-server: $schema=docs/courant.schema.json\n") {
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

// readerOnly are the fixtures whose fault no schema of single keys can see,
// each with what it would have to know.
func readerOnly() map[string]string {
	beyond := map[string]string{}
	for reason, names := range map[string]string{
		"one key against another": "digest-all-categories-without-source digest-min-over-max digest-unknown-list from-example-for-real-relay " +
			"from-localhost-for-real-relay listen-any-port-without-url listen-twice receive-collides relay-cleartext " +
			"relay-password-in-clear relay-password-only relay-two-passwords relay-username-only source-same-address source-same-name " +
			"url-example-for-real-relay url-loopback-for-real-relay url-missing-for-real-relay url-private-for-real-relay",
		"what lies on the disk or in the environment": "dkim-missing dkim-no-key dkim-open password-environment-missing password-file-directory password-file-huge " +
			"password-file-missing password-file-none password-file-tilde password-file-two",
		"a grammar that no pattern holds: addresses and hosts": "database-bad-escape database-other database-query-password from-comma from-not-ascii from-two from-without-domain " +
			"listen-name relay-host-with-port return-path-address return-path-ip source-link-local source-password url-http url-port " +
			"url-query url-user",
		"a grammar that no pattern holds: languages, zones, times, templates": "language-unknown lease-too-short schedule-cron-tz schedule-every schedule-fields schedule-tz subject-define " +
			"subject-dollar subject-field subject-function subject-lead-field subject-range subject-syntax zone-case zone-posix " +
			"zone-unknown",
		"what must not stand in any text":                  "environment-in-other-key name-with-line-break not-utf8",
		"YAML of which Courant reads less than editors do": "tag two-documents",
	} {
		for name := range strings.FieldsSeq(names) {
			beyond[name] = reason
		}
	}
	return beyond
}

func TestSchemaJudgesAsTheReaderDoes(t *testing.T) {
	t.Parallel()
	s, dir, beyond := compiledSchema(t), configDir(t), readerOnly()
	inputs, err := filepath.Glob("testdata/config/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := judged(s, []byte(courant.ExampleConfig)); err != nil {
		t.Errorf("config.example.yaml: %v", err)
	}
	for _, input := range inputs {
		name := strings.TrimSuffix(filepath.Base(input), ".yaml")
		text, err := os.ReadFile(input)
		if err != nil {
			t.Fatal(err)
		}
		_, _, faults := loadText(t, dir, filepath.Base(input), string(text))
		reason, listed := beyond[name]
		delete(beyond, name)
		switch wrong := judged(s, text); {
		case faults == nil && wrong != nil:
			t.Errorf("%s: the reader takes it, the schema doesn't: %v", name, wrong)
		case faults == nil && listed:
			t.Errorf("%s is right, but stands in the list of faults", name)
		case faults != nil && wrong == nil && !listed:
			t.Errorf("%s: the schema takes it, the reader doesn't:\n%v", name, faults)
		case faults != nil && wrong != nil && listed:
			t.Errorf("%s: the schema sees the fault, so take it off the list (%s): %v", name, reason, wrong)
		}
	}
	for name := range beyond {
		t.Errorf("there is no fixture %s", name)
	}
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
	for _, c := range explained(courant.ExampleConfig, func(path string) bool { return slices.Contains(known, path) }) {
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
	if err := explainShape(top, courant.ExampleConfig); err != nil {
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
