package main

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// bashScript completes in bash. Cobra's own puts what names have in common on
// the line without quotes, and runs what stands there with eval.
//
//go:embed completion.bash
var bashScript []byte

// fishScript completes in fish. Cobra's own runs the words of the line once more
// by eval, names of the config among them.
//
//go:embed completion.fish
var fishScript []byte

func (p *program) completionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "completion bash|zsh|fish",
		Short: "Print a script that completes commands, digests, lists and sources",
		Long: `Print a script with which a shell completes what you type: commands, flags, and
the digests, lists and sources of your config. Run the line of your shell once,
then open a new terminal:

  bash   echo 'source <(courant completion bash)' >> ~/.bashrc
  zsh    echo 'source <(courant completion zsh)' >> ~/.zshrc      (below compinit)
  fish   courant completion fish > ~/.config/fish/completions/courant.fish

Readers' addresses are never completed.`,
		Args: arguments(1, 1),
		RunE: func(c *cobra.Command, args []string) error {
			script, err := completionScript(c.Root(), args[0])
			if err != nil {
				return err
			}
			if _, err := p.stdout.Write(script); err != nil {
				return fmt.Errorf("write the script: %w", err)
			}
			return nil
		},
	}
}

// completionScript is what a shell reads to complete our commands.
func completionScript(root *cobra.Command, shell string) ([]byte, error) {
	var script bytes.Buffer
	var err error
	switch shell {
	case "bash":
		return bashScript, nil
	case "fish":
		return fishScript, nil
	case "zsh":
		err = root.GenZshCompletion(&script)
	default:
		err = misuse{errors.New(shell + " is no shell that can be helped; it is bash, zsh or fish")}
	}
	return script.Bytes(), err
}

// completer offers what may stand in a place of the command line.
type completer = cobra.CompletionFunc

// completers are what may stand where a usage line has a word: DIGEST in
// "send DIGEST", LIST in the usage of --list. For any other word nothing is
// offered, and no file either. ADDRESS is none of them: readers are nobody's to
// read over a shoulder.
func (p *program) completers() map[string]completer {
	files := func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return nil, cobra.ShellCompDirectiveDefault
	}
	return map[string]completer{
		"DIGEST": p.completeDigests, "SOURCE": p.completeSources, "LIST": p.completeLists, "PARTS": completeParts,
		"FILE": files, "FILE|URL": files, "FILE|SOURCE": p.completeRules,
		"EDITION": p.completeEditions, "STATE": completeWords(stateNames), "CLASS": completeWords(classNames),
		"KIND": completeWords(keyKinds), "ORIGIN": completeWords(originNames), "CATEGORY": p.completeCategories,
		"DIR": func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return nil, cobra.ShellCompDirectiveFilterDirs
		},
	}
}

// complete teaches a tree of commands to complete what their usage lines name.
func (p *program) complete(root *cobra.Command) {
	root.CompletionOptions.DisableDefaultCmd = true // ours says how to install it
	root.CompletionOptions.SetDefaultShellCompDirective(cobra.ShellCompDirectiveNoFileComp)
	known := p.completers()
	var teach func(c *cobra.Command)
	teach = func(c *cobra.Command) {
		if places := usageWords(c.Use); len(places) > 0 && c.ValidArgsFunction == nil {
			c.ValidArgsFunction = completePlaces(places, known)
		}
		c.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
			word, _ := pflag.UnquoteUsage(f)
			if offer := known[word]; offer != nil {
				// It fails only for a flag that has one already, which is the better one.
				_ = c.RegisterFlagCompletionFunc(f.Name, offer)
			}
		})
		for _, below := range c.Commands() {
			teach(below)
		}
	}
	teach(root)
	// The flag is there: root made it.
	_ = root.MarkPersistentFlagFilename("config", "yaml", "yml")
}

// usageWords are what a usage line has for the arguments, without brackets:
// SOURCE... in "fetch [SOURCE...]". Flags in it are left out, with their values.
func usageWords(use string) (places []string) {
	value := false // of a flag in brackets
	for _, word := range strings.Fields(use)[1:] {
		switch {
		case value, strings.HasPrefix(strings.Trim(word, "["), "-"):
			value = strings.HasPrefix(word, "[") && !strings.HasSuffix(word, "]") || value && !strings.HasSuffix(word, "]")
		default:
			places = append(places, strings.Trim(word, "[]"))
		}
	}
	return places
}

// completePlaces completes arguments by their place; the last may repeat. What
// is given already is not offered again.
func completePlaces(places []string, known map[string]completer) completer {
	return func(c *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
		at := min(len(args), len(places)-1)
		word, repeats := strings.CutSuffix(places[at], "...")
		if len(args) > at && !repeats {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		if strings.ToLower(word) == word { // bash|zsh|fish: the words themselves
			return strings.Split(word, "|"), cobra.ShellCompDirectiveNoFileComp
		}
		offer := known[word]
		if offer == nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		offered, how := offer(c, args, typed)
		return slices.DeleteFunc(offered, func(o string) bool {
			name, _, _ := strings.Cut(o, "\t")
			return slices.Contains(args, name)
		}), how
	}
}

// configNames is the config as far as its names can be read. Faults elsewhere
// in the file don't matter, nothing is told, and no file but the config is
// opened: it is asked while somebody types.
func (p *program) configNames() (c Config) {
	info, err := os.Stat(p.configFile)
	if err != nil || !info.Mode().IsRegular() {
		return c
	}
	text, err := readBounded(p.configFile)
	if err != nil {
		return c
	}
	r := &configReader{file: p.configFile, dir: filepath.Dir(p.configFile), env: p.env, namesOnly: true}
	m := r.parse(text)
	if m == nil {
		return c
	}
	c.readSources(m, configHooks{})
	c.readLists(m)
	c.readDigests(m, configHooks{})
	return c
}

// completeDigests offers the digests of the config.
func (p *program) completeDigests(*cobra.Command, []string, string) (names []string, how cobra.ShellCompDirective) {
	for _, d := range p.configNames().Digests {
		if _, err := parseName(d.Name); err == nil {
			names = offered(names, d.Name, d.Title)
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// completeEditions offers the digests of the config, to be followed by a
// number: what is in the ledger is not asked for while somebody types.
func (p *program) completeEditions(*cobra.Command, []string, string) (names []string, how cobra.ShellCompDirective) {
	for _, d := range p.configNames().Digests {
		if _, err := parseName(d.Name); err == nil {
			word := d.Title
			if word == d.Name {
				word = ""
			}
			names = offered(names, d.Name+"/", word)
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
}

// completeWords offers a closed set of words. A blank in one is typed as a
// hyphen.
func completeWords(words func() []string) completer {
	return func(*cobra.Command, []string, string) (offers []string, how cobra.ShellCompDirective) {
		for _, w := range words() {
			offers = append(offers, strings.ReplaceAll(w, " ", "-"))
		}
		return offers, cobra.ShellCompDirectiveNoFileComp
	}
}

// completeSources offers the sources of the config.
func (p *program) completeSources(*cobra.Command, []string, string) (names []string, how cobra.ShellCompDirective) {
	for _, s := range p.configNames().Sources {
		names = offered(names, s.Name, strings.Join(s.AllCategories(), ", "))
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// completeCategories offers the categories that sources and digests name.
func (p *program) completeCategories(*cobra.Command, []string, string) (names []string, how cobra.ShellCompDirective) {
	c := p.configNames()
	all, _ := c.categories()
	for _, d := range c.Digests {
		all = append(all, d.Categories...)
	}
	for _, name := range all {
		if !slices.Contains(names, name) {
			names = offered(names, name, "")
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// completeLists offers the lists of the config.
func (p *program) completeLists(*cobra.Command, []string, string) (names []string, how cobra.ShellCompDirective) {
	for _, l := range p.configNames().Lists {
		if _, err := parseName(l.Name); err == nil {
			names = offered(names, l.Name, l.Title)
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// offered adds a name with a word on it, which the shell shows beside it.
func offered(names []string, name, word string) []string {
	switch {
	case name == "":
		return names // its fault is for check to tell
	case word == "" || word == name:
		return append(names, name)
	}
	return append(names, cobra.CompletionWithDesc(name, word))
}

// completeParts offers each part that a list with commas doesn't have yet.
func completeParts(_ *cobra.Command, _ []string, typed string) (lists []string, how cobra.ShellCompDirective) {
	before := typed[:strings.LastIndexByte(typed, ',')+1]
	for _, part := range parts {
		if !slices.Contains(strings.Split(before, ","), part) {
			lists = append(lists, before+part)
		}
	}
	return lists, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
}
