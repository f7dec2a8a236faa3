package deploy

import (
	"bytes"
	"context"
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	"github.com/moby/buildkit/frontend/dockerfile/dockerfile2llb"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/buildkit/frontend/dockerui"
	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"
	digest "github.com/opencontainers/go-digest"
)

const (
	tree       = "../.." // the project's root
	dockerfile = tree + "/docs/deploy/Dockerfile"
)

func read(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// bareImages stands for the registry: every image exists and sets nothing.
type bareImages struct{ asked []string }

func (b *bareImages) ResolveImageConfig(_ context.Context, ref string, _ sourceresolver.Opt) (string, digest.Digest, []byte, error) {
	b.asked = append(b.asked, ref)
	config := []byte(`{"os":"linux","architecture":"` + runtime.GOARCH + `","config":{"Env":["PATH=/usr/local/bin:/usr/bin:/bin"]}}`)
	return ref, digest.FromBytes(config), config, nil
}

// convertOptions are those of a build of one target, "" for the default one.
func convertOptions(text []byte, target string) dockerfile2llb.ConvertOpt {
	source := llb.NewSourceMap(nil, "Dockerfile", "dockerfile", text)
	source.Definition = &llb.Definition{} // the linter writes it down
	return dockerfile2llb.ConvertOpt{
		Config:       dockerui.Config{Target: target},
		SourceMap:    source,
		MetaResolver: &bareImages{},
	}
}

// lint are the findings of `docker build --check`, the experimental rules too.
func lint(t *testing.T, text []byte) []string {
	t.Helper()
	text = append([]byte("# check=experimental=all\n"), text...)
	results, err := dockerfile2llb.DockerfileLint(t.Context(), text, convertOptions(text, ""))
	if err != nil {
		t.Fatal(err)
	}
	var findings []string
	for _, w := range results.Warnings {
		findings = append(findings, w.RuleName+": "+w.Detail)
	}
	if results.Error != nil {
		findings = append(findings, "error: "+results.Error.Message)
	}
	return findings
}

func TestDockerfilePassesEveryCheckOfDockerBuild(t *testing.T) {
	t.Parallel()
	for _, finding := range lint(t, read(t, dockerfile)) {
		t.Error(finding)
	}
}

func TestCheckSeesWrongDockerfiles(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ from, to, want string }{
		{"FROM debian:trixie-slim AS base", "FROM debian:trixie-slim as base", "FromAsCasing"},
		{`CMD ["serve"]`, "CMD serve", "JSONArgsRecommended"},
		{"WORKDIR /src", "WORKDIR src", "WorkdirRelativePath"},
		{"ENV XDG_STATE_HOME=/var/lib", "ENV XDG_STATE_HOME /var/lib", "LegacyKeyValueFormat"},
		{"ENV XDG_STATE_HOME=/var/lib", "ENV SMTP_PASSWORD=x", "SecretsUsedInArgOrEnv"},
		{"USER root", "USER $NOBODY", "UndefinedVar"},
		{"FROM base AS courant\n", "FROM base AS base\n", "DuplicateStageName"},
		{"COPY --from=build", "COPY --form=build", "error: "},
		{"# courant needs a database elsewhere. It is the last, so it is the default.\n", "# Courant alone.\n", "InvalidDefinitionDescription"},
		{"EXPOSE 8080", "EXPOSE 8o80", "error: "},
		{"STOPSIGNAL", "STOPSIGNL", "error: "},
	} {
		text := read(t, dockerfile)
		wrong := bytes.Replace(text, []byte(c.from), []byte(c.to), 1)
		if bytes.Equal(text, wrong) {
			t.Errorf("the Dockerfile has no %q any more", c.from)
			continue
		}
		if got := strings.Join(lint(t, wrong), "\n"); !strings.Contains(got, c.want) {
			t.Errorf("%q instead of %q: got %q, want %s", c.to, c.from, got, c.want)
		}
	}
}

// Both targets come from the same stage, so what the image promises is the
// same; the default one is without Postgres.
func TestImagesAreWhatTheyShouldBe(t *testing.T) {
	t.Parallel()
	text := read(t, dockerfile)
	for _, target := range []string{"", "courant", "courant-with-postgres"} {
		options, images := convertOptions(text, target), &bareImages{}
		options.MetaResolver = images
		_, image, _, _, err := dockerfile2llb.Dockerfile2LLB(t.Context(), text, options)
		if err != nil {
			t.Fatalf("target %q: %v", target, err)
		}
		// A stage with a slip in its name would be fetched as an image.
		slices.Sort(images.asked)
		if want := []string{"docker.io/library/debian:trixie-slim", "docker.io/library/golang:1.25-trixie"}; !slices.Equal(slices.Compact(images.asked), want) {
			t.Errorf("target %q is made of %q, want %q", target, images.asked, want)
		}
		c := image.Config
		if c.User != "10001:10001" || c.StopSignal != "SIGTERM" || c.Healthcheck == nil {
			t.Errorf("target %q: account %q, stop signal %q, health check %v", target, c.User, c.StopSignal, c.Healthcheck)
		}
		if want := []string{"courant", "--config", "/etc/courant/courant.yaml"}; !slices.Equal(c.Entrypoint, want) || !slices.Equal(c.Cmd, []string{"serve"}) {
			t.Errorf("target %q runs %q %q", target, c.Entrypoint, c.Cmd)
		}
		if _, ok := c.Volumes["/var/lib/courant"]; !ok || !slices.Contains(c.Env, "XDG_STATE_HOME=/var/lib") {
			t.Errorf("target %q keeps its files in %v, %q", target, c.Volumes, c.Env)
		}
		if _, ok := c.ExposedPorts["8080/tcp"]; !ok {
			t.Errorf("target %q exposes %v", target, c.ExposedPorts)
		}
		if c.Labels["org.opencontainers.image.licenses"] != "MIT" {
			t.Errorf("target %q has the labels %v", target, c.Labels)
		}
		history, err := json.Marshal(image.History)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := bytes.Contains(history, []byte("postgresql-17")), target == "courant-with-postgres"; got != want {
			t.Errorf("target %q has Postgres: %v", target, got)
		}
	}
}

// buildLine is the command that makes the program, without its mounts.
func buildLine(t *testing.T) string {
	t.Helper()
	parsed, err := parser.Parse(bytes.NewReader(read(t, dockerfile)))
	if err != nil {
		t.Fatal(err)
	}
	stages, _, err := instructions.Parse(parsed.AST, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range stages[0].Commands {
		if run, ok := c.(*instructions.RunCommand); ok && strings.Contains(strings.Join(run.CmdLine, " "), "go build") {
			return strings.Join(run.CmdLine, " ")
		}
	}
	t.Fatal("the first stage runs no go build")
	return ""
}

// copyContext copies what a build would see of the tree.
func copyContext(t *testing.T, to string) (files int) {
	t.Helper()
	patterns, err := ignorefile.ReadAll(bytes.NewReader(read(t, dockerfile+".dockerignore")))
	if err != nil {
		t.Fatal(err)
	}
	ignored, err := patternmatcher.New(patterns)
	if err != nil {
		t.Fatal(err)
	}
	err = filepath.WalkDir(tree, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(tree, path)
		if err != nil || name == "." {
			return err
		}
		if e.IsDir() && name == ".git" {
			return fs.SkipDir
		}
		skip, err := ignored.MatchesOrParentMatches(name)
		if err != nil || skip || !e.Type().IsRegular() {
			return err
		}
		files++
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if err := os.MkdirAll(filepath.Dir(filepath.Join(to, name)), 0o755); err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, name), text, 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// The build of the image runs here, on what .dockerignore lets through, and
// the program it makes reads the config of compose.yaml.
func TestBuildOfTheImageMakesAProgramThatReadsTheExample(t *testing.T) {
	t.Parallel()
	src, out := t.TempDir(), t.TempDir()
	if files := copyContext(t, src); files < 100 {
		t.Fatalf("the build sees %d files", files)
	}
	for _, unwanted := range []string{".git", ".ci", "docs", "courant.yaml", "cmd/courant/docs_test.go", "cmd/courant/testdata"} {
		if _, err := os.Stat(filepath.Join(src, unwanted)); err == nil {
			t.Errorf("the build sees %s", unwanted)
		}
	}
	line := buildLine(t)
	if !strings.Contains(line, "-o /out/courant ") || !strings.Contains(string(read(t, dockerfile)), "COPY --from=build /out/courant /usr/local/bin/courant") {
		t.Fatalf("what is built is not what is copied: %s", line)
	}
	program := filepath.Join(out, "courant")
	build := exec.CommandContext(t.Context(), "/bin/sh", "-c", strings.Replace(line, "/out/courant", program, 1))
	build.Dir = src
	build.Env = append(os.Environ(), "TARGETOS="+runtime.GOOS, "TARGETARCH="+runtime.GOARCH)
	if text, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", line, err, text)
	}
	check := exec.CommandContext(t.Context(), program, "--config", exampleConfig(t), "check", "--offline")
	text, err := check.CombinedOutput()
	if err != nil || !strings.Contains(string(text), "morning") {
		t.Errorf("courant check: %v\n%s", err, text)
	}
}
