package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// story is a page that extract has much to say of.
func story(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "story.txt")
	text := "City opens bridge\n\n• The bridge opens after nine years.\n• The city paid 40 million for it.\n\nThe city opened its new bridge over the river on Monday, nine years after the works began.\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestWhatCouldNotBeWrittenIsAFailure(t *testing.T) {
	t.Parallel()
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("this system has no /dev/full, which takes nothing")
	}
	defer full.Close() // nothing is in it
	rule := filepath.Join(t.TempDir(), "rule.yaml")
	if err := os.WriteFile(rule, []byte("css: li\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	file := story(t)
	for _, args := range [][]string{
		{"extract", file}, {"extract", "--json", file}, {"extract", "--explain", file}, {"extract", "--rules", rule, file},
		{"schema"}, {"completion", "bash"}, {"--help"}, {"extract", "--help"}, {"__complete", "extr"},
	} {
		var errs bytes.Buffer
		p := &program{args: args, stdin: strings.NewReader(""), stdout: full, stderr: &errs, env: testEnv, now: time.Now}
		if code := p.run(t.Context()); code != exitFailed {
			t.Errorf("%q: exit %d: %s", args, code, &errs)
		}
		if said := errs.String(); strings.Count(said, "could not be written") != 1 || !strings.Contains(said, "make room") {
			t.Errorf("%q: %s", args, said)
		}
		p.stdout, errs = &bytes.Buffer{}, bytes.Buffer{}
		if code := p.run(t.Context()); code != exitDone {
			t.Errorf("%q: exit %d: %s", args, code, &errs)
		}
	}
}

func TestUnreadableInputSaysWhatToDo(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	empty := filepath.Join(dir, "empty.html")
	if err := os.WriteFile(empty, []byte(" \n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for input, want := range map[string]string{
		dir:                             "is a directory; name the files in it",
		filepath.Join(dir, "none.html"): "look at its name",
		"ftp://example.com/a.html":      "only http:// and https:// are",
		"file:///etc/passwd":            "only http:// and https:// are",
		empty:                           "check that it was saved",
	} {
		code, out, said := extracted(t, "--json", input, story(t))
		if code != exitFailed || !strings.Contains(said, want) || strings.Count(out, "\n") != 2 {
			t.Errorf("%s: exit %d: %s\n%s", input, code, said, out)
		}
	}
	many := inputFault("a.html", fmt.Errorf("open: %w", &os.PathError{Op: "open", Path: "a.html", Err: syscall.EMFILE}))
	if !errors.Is(many, syscall.EMFILE) || !strings.Contains(many.Error(), "ulimit -n") {
		t.Error(many)
	}
	if code, _, said := extracted(t, "--config", filepath.Join(dir, "absent.yaml"), story(t)); code != exitFailed || !strings.Contains(said, "there is no config at") {
		t.Errorf("exit %d: %s", code, said)
	}
	if code, _, said := extracted(t, story(t)); code != exitDone {
		t.Errorf("exit %d: %s", code, said)
	}
}
