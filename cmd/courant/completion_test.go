package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// faultyConfig has names of every kind, and faults all around them.
const faultyConfig = `name: Example News
in_doubt: nonsense
smtp: {host: [
data_dir: %s
sources:
  - {name: Military wire, feed: https://example.com/m.xml, category: Military}
  - {name: "L'Écho \"du soir\": Übersicht", feed: nowhere}
  - {feed: https://example.com/nameless.xml}
lists:
  readers: {title: All readers}
  staff:
digests:
  morning: {title: "Morgen & Übersicht"}
  evening: {max_articles: many, unknown: key}
  Bad Name: {title: Bad}
`

// completionDesk has the faulty config under a name with a space.
func completionDesk(t *testing.T) (*desk, string) {
	t.Helper()
	d := &desk{t: t, dir: t.TempDir()}
	d.write("list of readers.csv", "email\n")
	if err := os.Mkdir(filepath.Join(d.dir, "sub dir"), 0o700); err != nil {
		t.Fatal(err)
	}
	return d, d.write("my config.yaml", strings.ReplaceAll(faultyConfig, "%s", filepath.Join(d.dir, "data")))
}

// directive is what a completion ends with: what else the shell may offer.
func directive(d cobra.ShellCompDirective) string { return fmt.Sprintf(":%d", d) }

var (
	anyFile = directive(cobra.ShellCompDirectiveDefault)
	noFile  = directive(cobra.ShellCompDirectiveNoFileComp)
	goesOn  = directive(cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace)
	withEnd = directive(cobra.ShellCompDirectiveFilterFileExt)

	directory = directive(cobra.ShellCompDirectiveFilterDirs)
)

// completed is what the program offers to a shell.
func completed(t *testing.T, dir string, typed ...string) (string, error) {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	run := exec.Command(path, append([]string{"__complete"}, typed...)...)
	run.Dir, run.Env = dir, append(os.Environ(), "COURANT_CLOCK=0s")
	out, err := run.Output()
	return strings.TrimSpace(string(out)), err
}

func TestEachPlaceOfTheCommandLineIsCompleted(t *testing.T) {
	t.Parallel()
	d, config := completionDesk(t)
	for _, c := range []struct {
		typed []string
		want  []string // the offers, and the directive
	}{
		{[]string{"send", ""}, []string{"morning\tMorgen & Übersicht", "evening", noFile}},
		{[]string{"send", "morning", ""}, []string{noFile}},
		{[]string{"send", "--only", ""}, []string{noFile}},
		{[]string{"fetch", ""}, []string{"Military wire\tMilitary", `L'Écho "du soir": Übersicht`, noFile}},
		{[]string{"fetch", "Military wire", ""}, []string{`L'Écho "du soir": Übersicht`, noFile}},
		{[]string{"sources", ""}, []string{"wake\tAsk a source again that is gone or backed off", "Military wire\tMilitary", `L'Écho "du soir": Übersicht`, noFile}},
		{[]string{"sources", "Military wire", ""}, []string{noFile}},
		{[]string{"sources", "wake", ""}, []string{"Military wire\tMilitary", `L'Écho "du soir": Übersicht`, noFile}},
		{[]string{"readers", "import", ""}, []string{anyFile}},
		{[]string{"readers", "import", "a.csv", ""}, []string{noFile}},
		{[]string{"readers", "import", "a.csv", "--list", ""}, []string{"readers\tAll readers", "staff", noFile}},
		{[]string{"readers", "export", "--list="}, []string{"readers\tAll readers", "staff", noFile}},
		{[]string{"readers", "list", "--list", "r"}, []string{"readers\tAll readers", "staff", noFile}},
		{[]string{"readers", "remove", ""}, []string{noFile}},
		{[]string{"readers", "erase", ""}, []string{noFile}},
		{[]string{"readers", "add", "ann@example.org", "--name", ""}, []string{noFile}},
		{[]string{"why", ""}, []string{noFile}},
		{[]string{"why", "ann@example.org", ""}, []string{noFile}},
		{[]string{"serve", "--only", ""}, []string{"fetch", "schedule", "deliver", "receive", "web", goesOn}},
		{[]string{"serve", "--only", "web,fetch,d"}, []string{"web,fetch,schedule", "web,fetch,deliver", "web,fetch,receive", goesOn}},
		{[]string{"serve", ""}, []string{noFile}},
		{[]string{"plan", "--days", ""}, []string{noFile}},
		{[]string{"deliver", "--drain", "--wait", ""}, []string{noFile}},
		{[]string{"status", ""}, []string{noFile}},
		{[]string{"deliveries", ""}, []string{noFile}},
		{[]string{"deliveries", "--edition", ""}, []string{"morning/\tMorgen & Übersicht", "evening/", goesOn}},
		{[]string{"deliveries", "--state", ""}, []string{"deferred", "queued", "claimed", "sending", "accepted", "refused", "in-doubt", "bounced", "complained", "cancelled", "expired", noFile}},
		{[]string{"deliveries", "--class", ""}, []string{"hard", "soft", "blocked", "throttled", "content", "unknown", "transient", "configuration", noFile}},
		{[]string{"deliveries", "--reader", ""}, []string{noFile}},
		{[]string{"deliveries", "--since", ""}, []string{noFile}},
		{[]string{"extract", ""}, []string{anyFile}},
		{[]string{"extract", "a.html", ""}, []string{anyFile}},
		{[]string{"bounce", "--dry-run", ""}, []string{anyFile}},
		{[]string{"bounce", "--to", ""}, []string{noFile}},
		{[]string{"check", ""}, []string{noFile}},
		{[]string{"migrate", ""}, []string{noFile}},
		{[]string{"schema", ""}, []string{noFile}},
		{[]string{"preview", ""}, []string{"morning\tMorgen & Übersicht", "evening", noFile}},
		{[]string{"preview", "morning", "--for", ""}, []string{noFile}},
		{[]string{"preview", "morning", "--out", ""}, []string{directory}},
		{[]string{"dkim", "generate", "--type", ""}, []string{"rsa", "ed25519", noFile}},
		{[]string{"init", "--password-file", ""}, []string{anyFile}},
		{[]string{"completion", ""}, []string{"bash", "zsh", "fish", noFile}},
		{[]string{"check", "--config", ""}, []string{"yaml", "yml", withEnd}},
	} {
		out, err := completed(t, d.dir, append([]string{"--config", config}, c.typed...)...)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Split(out, "\n"); !slices.Equal(got, c.want) {
			t.Errorf("%q\ngot  %q\nwant %q", c.typed, got, c.want)
		}
	}
	if _, err := os.Stat(filepath.Join(d.dir, "data")); err == nil {
		t.Error("completion made the data directory: did it start a database?")
	}
}

func TestCompletionIsSilentWithoutAConfig(t *testing.T) {
	t.Parallel()
	d := &desk{t: t, dir: t.TempDir()}
	for _, config := range []string{"no-such.yaml", ".", "/dev/null", d.write("not.yaml", "\x00{{{")} {
		if out, err := completed(t, d.dir, "--config", config, "send", ""); err != nil || out != noFile {
			t.Errorf("%s: got %q, %v", config, out, err)
		}
	}
}

func TestWordsOfTheUsageAreThoseThatAreCompleted(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		for _, place := range usageWords(c.Use) {
			seen[strings.TrimSuffix(place, "...")] = true
		}
		c.LocalFlags().VisitAll(func(f *pflag.Flag) {
			word, _ := pflag.UnquoteUsage(f)
			seen[word] = true
		})
		for _, below := range c.Commands() {
			walk(below)
		}
	}
	walk((&program{}).root())
	for word := range (&program{}).completers() {
		if !seen[word] {
			t.Errorf("no usage line has the word %s", word)
		}
	}
	if len(seen) < 15 {
		t.Errorf("only %d words were found", len(seen))
	}
}

func TestUsageLinesAreReadForTheirArguments(t *testing.T) {
	t.Parallel()
	for use, want := range map[string]string{
		"migrate":                                "",
		"fetch [SOURCE...]":                      "SOURCE...",
		"why ADDRESS [DATE]":                     "ADDRESS DATE",
		"extract FILE|URL...":                    "FILE|URL...",
		"deliver --drain":                        "",
		"preview DIGEST [--at TIME] [--out DIR]": "DIGEST",
		"readers import FILE [--list LIST] [-v]": "import FILE",
	} {
		if got := strings.Join(usageWords(use), " "); got != want {
			t.Errorf("%s: got %q, want %q", use, got, want)
		}
	}
}

// inBash types a line into a bash that knows our script and nothing else, and
// gives what it would offer.
func inBash(t *testing.T, dir, line string) []string {
	t.Helper()
	// The words are parted as readline parts them: at blanks outside quotes, and at = and :.
	out := inShell(t, dir, "bash", "--norc", "--noprofile", "-c", `
source <(courant completion bash) || exit
COMP_WORDBREAKS=$' \t\n"'"'"'><=;|&(:'
COMP_LINE=$1 COMP_POINT=${#1} COMP_TYPE=9 COMP_WORDS=()
rest=$1 pattern='^[ ]*(([^ =:\\"]|\\.|"[^"]*"?)+|[=:]+)'
while [[ $rest =~ $pattern ]]; do COMP_WORDS+=("${BASH_REMATCH[1]}"); rest=${rest:${#BASH_REMATCH[0]}}; done
[[ $1 == *[\ =] && $1 != *\\\  ]] && COMP_WORDS+=("")
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
compopt() { :; } # only a real Tab may call it
__start_courant
printf '%s\n' "${COMPREPLY[@]}"
`, "bash", line)
	var offers []string
	for offer := range strings.Lines(out) {
		if offer = strings.TrimSpace(offer); offer != "" {
			offers = append(offers, offer)
		}
	}
	return offers
}

func TestBashCompletesWithoutThePackageBashCompletion(t *testing.T) {
	t.Parallel()
	d, config := completionDesk(t)
	if err := os.Rename(config, filepath.Join(d.dir, "courant.yaml")); err != nil {
		t.Fatal(err)
	}
	d.write("second.yml", "")
	for _, c := range []struct {
		line string
		want []string
	}{
		{"courant sen", []string{"send"}},
		{"courant send ", []string{"evening", "morning  (Morgen & Übersicht)"}},
		{"courant send mo", []string{"morning"}},
		{"courant fetch Mil", []string{`Military\ wire`}},
		{`courant fetch Military\ w`, []string{`Military\ wire`}},
		{"courant fetch Military\\ wire ", []string{`L\'Écho\ \"du\ soir\":\ Übersicht`}},
		{"courant readers export --list re", []string{"readers"}},
		{"courant readers export --list=re", []string{"readers"}},
		{"courant serve --only fetch,del", []string{`fetch\,deliver`}}, // bash quotes the comma
		{`courant serve --only fetch\,deliver,w`, []string{`fetch\,deliver\,web`}},
		{"courant why a", nil},
		{"courant readers import ", nil}, // files, by bash itself
		{"courant --config second.yml send ", nil},
		{"courant --config ", []string{"courant.yaml", "second.yml", "sub dir"}},
		{"courant completion f", []string{"fish"}},
	} {
		got := inBash(t, d.dir, c.line)
		slices.Sort(got)
		if !slices.Equal(got, c.want) {
			t.Errorf("%s\ngot  %q\nwant %q", c.line, got, c.want)
		}
	}
}

// inShell runs a line in a shell without anybody's settings, with courant on
// its path.
func inShell(t *testing.T, dir, shell string, args ...string) string {
	t.Helper()
	path, err := exec.LookPath(shell)
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("no %s is here; `make need` installs it", shell)
		}
		t.Skipf("no %s is here; `make need` installs it", shell)
	}
	program, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	run := exec.CommandContext(ctx, path, args...)
	run.Dir = dir
	run.Env = append(os.Environ(), "PATH="+filepath.Dir(program)+":"+os.Getenv("PATH"), "HOME="+t.TempDir(), "COURANT_CLOCK=0s", "LC_ALL=C.UTF-8", "COLUMNS=200")
	var errs strings.Builder
	run.Stderr = &errs
	out, err := run.Output()
	if err != nil || errs.String() != "" {
		t.Fatalf("%s %q: %v\n%s", shell, args, err, errs.String())
	}
	return string(out)
}

func TestFishCompletesNamesOfTheConfig(t *testing.T) {
	t.Parallel()
	d, config := completionDesk(t)
	if err := os.Rename(config, filepath.Join(d.dir, "courant.yaml")); err != nil {
		t.Fatal(err)
	}
	for line, want := range map[string]string{
		"courant send ":                 "evening\nmorning\tMorgen & Übersicht\n",
		"courant fetch Mil":             "Military wire\tMilitary\n",
		"courant fetch L":               "L'Écho \"du soir\": Übersicht\n",
		"courant readers list --list r": "readers\tAll readers\n",
		"courant why a":                 "",
	} {
		got := inShell(t, d.dir, "fish", "--no-config", "-c", "courant completion fish | source; complete --do-complete '"+line+"'")
		if got != want {
			t.Errorf("%s\ngot  %q\nwant %q", line, got, want)
		}
	}
}

// TestFishRunsNothingOfANameThatIsCompleted presses Tab behind names that a
// shell would take for commands.
func TestFishRunsNothingOfANameThatIsCompleted(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	config := `name: Example News
from: news@example.com
postal_address: 1 Example Street
sources:
  - {name: "World (touch ran1)", feed: "https://a.example.org/1"}
  - {name: "World $(touch ran2) ; touch ran3", feed: "https://a.example.org/2"}
  - {name: "Other", feed: "https://a.example.org/3"}
`
	if err := os.WriteFile(filepath.Join(dir, "courant.yaml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{`courant fetch W`, `courant fetch World\ \(touch\ ran1\) `, `courant fetch World\ \$\(touch\ ran2\)\ \;\ touch\ ran3 O`, `courant fetch "World (to`} {
		got := inShell(t, dir, "fish", "--no-config", "-c", `courant completion fish | source; complete --do-complete -- $argv[1]`, line)
		if !strings.Contains(got, "World (touch ran1)") && !strings.Contains(got, "Other") {
			t.Errorf("%s completes to %q", line, got)
		}
	}
	left, err := filepath.Glob(filepath.Join(dir, "ran*"))
	if err != nil || len(left) > 0 {
		t.Errorf("names were run: %s, %v", left, err)
	}
}

// What zsh would show stands behind a Tab, which only a terminal has; here it
// asks our function and prints what that hands on.
func TestZshCompletesNamesOfTheConfig(t *testing.T) {
	t.Parallel()
	d, config := completionDesk(t)
	if err := os.Rename(config, filepath.Join(d.dir, "courant.yaml")); err != nil {
		t.Fatal(err)
	}
	for line, want := range map[string]string{
		"courant send ''":           "morning:Morgen & Übersicht|evening|",
		"courant fetch Mil":         `Military wire:Military|L'Écho "du soir"\: Übersicht|`,
		"courant why ''":            "",
		"courant serve --only web,": "web,fetch|web,schedule|web,deliver|web,receive|",
	} {
		got := inShell(t, d.dir, "zsh", "-f", "-c", `
autoload -Uz compinit && compinit -D
source <(courant completion zsh)
[[ $_comps[courant] == _courant ]] || { print -u2 "nothing completes courant"; exit 1 }
_describe() { local c; for c in "${completions[@]}"; do print -rn -- "$c|"; done }
words=(`+line+`) CURRENT=${#words}
_courant
`)
		if got != want {
			t.Errorf("%s\ngot  %q\nwant %q", line, got, want)
		}
	}
}

func TestShellsReadTheirScript(t *testing.T) {
	t.Parallel()
	for _, shell := range []string{"bash", "zsh", "fish"} {
		t.Run(shell, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			script, err := completionScript((&program{}).root(), shell)
			if err != nil || len(script) < 1000 {
				t.Fatalf("%d bytes, %v", len(script), err)
			}
			if err := os.WriteFile(filepath.Join(dir, "script"), script, 0o600); err != nil {
				t.Fatal(err)
			}
			if out := inShell(t, dir, shell, "-n", "script"); out != "" {
				t.Error(out)
			}
		})
	}
}

func TestCompletionOfAnUnknownShellIsMisuse(t *testing.T) {
	t.Parallel()
	d := &desk{t: t, dir: t.TempDir()}
	if r := d.try("completion", "tcsh"); r.code != exitMisused || !strings.Contains(r.stderr, "bash, zsh or fish") {
		t.Errorf("exit %d: %s", r.code, r.stderr)
	}
}
