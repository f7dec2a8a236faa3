package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The judges of `make judge-mail` are other people's programs, and change
// their minds with each release: a verdict of theirs doesn't decide whether a
// change may land. That they can be asked at all, and that each one is known
// to see the fault it's there for, does.

const judgeDir = "../../.ci/judge"

func judgeText(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestJudgesOfMailsAreWholeAndPinned(t *testing.T) {
	t.Parallel()
	var asked struct{ Dependencies map[string]string }
	var locked struct {
		Packages map[string]struct{ Version, Resolved, Integrity string }
	}
	if err := json.Unmarshal([]byte(judgeText(t, judgeDir+"/package.json")), &asked); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(judgeText(t, judgeDir+"/package-lock.json")), &locked); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"axe-core", "html-validate"} {
		if got := locked.Packages["node_modules/"+name].Version; got == "" || got != asked.Dependencies[name] {
			t.Errorf("package.json asks for %s %q, the lock has %q: npm install in .ci/judge", name, asked.Dependencies[name], got)
		}
	}
	for path, p := range locked.Packages {
		if path != "" && (p.Integrity == "" || p.Resolved != "") {
			t.Errorf("%s is locked to a host instead of a content: npm install in .ci/judge, where .npmrc leaves hosts out", path)
		}
	}
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("without Node.js nobody reads the scripts of the judges: sh .ci/need node")
	}
	scripts, err := filepath.Glob(judgeDir + "/*.mjs")
	if err != nil || len(scripts) == 0 {
		t.Fatalf("%d scripts, %v", len(scripts), err)
	}
	for _, script := range scripts {
		if out, err := exec.CommandContext(t.Context(), node, "--check", script).CombinedOutput(); err != nil {
			t.Errorf("%s is not whole: %v\n%s", script, err, out)
		}
	}
}

func TestEachJudgeIsTriedOnAFaultItMustFind(t *testing.T) {
	t.Parallel()
	modes := []string{"markup"}
	for _, m := range regexp.MustCompile(`(?m)^  "([a-z-]+)": \{ width`).FindAllStringSubmatch(judgeText(t, judgeDir+"/axe.mjs"), -1) {
		modes = append(modes, m[1])
	}
	for _, want := range []string{"light", "dark", "phone", "right-to-left", "no-styles"} {
		if !strings.Contains(strings.Join(modes, " "), want) {
			t.Errorf("no judge looks at mails in %s, only in %s", want, modes)
		}
	}
	mails, err := filepath.Glob(judgeDir + "/broken/*.html")
	if err != nil {
		t.Fatal(err)
	}
	// What is wrong in light is wrong in every mode: that a mode is looked at is
	// shown by a fault that is not to be seen in light.
	tried := map[string]bool{}
	for _, mail := range mails {
		wants := strings.Fields(judgeText(t, strings.TrimSuffix(mail, "html")+"want"))
		for _, mode := range modes {
			if slices.Contains(wants, mode) && (mode == "light" || !slices.Contains(wants, "light")) {
				tried[mode] = true
			}
		}
	}
	for _, mode := range modes {
		if !tried[mode] {
			t.Errorf("nothing in .ci/judge/broken shows that the judge of %s can find a fault", mode)
		}
	}
	if text := judgeText(t, judgeDir+"/broken/good.want"); text != "" {
		t.Errorf("a good mail is to be found faulty: %s", text)
	}
}

func TestJudgesOfMailsAreToldWhereTheMailsAre(t *testing.T) {
	t.Parallel()
	for _, pattern := range regexp.MustCompile(`wildcard ([^)]+)\)`).FindAllStringSubmatch(judgeText(t, "../../Makefile"), -1) {
		if found, err := filepath.Glob("../../" + pattern[1]); err != nil || len(found) < 9 {
			t.Errorf("the Makefile judges %s, which are %d mails, %v", pattern[1], len(found), err)
		}
	}
}
