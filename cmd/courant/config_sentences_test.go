package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// shownElsewhere are the beginnings of sentences that no fixture can show, each
// with where it is shown or why it is not.
func shownElsewhere() map[string]string {
	return map[string]string{
		"there is no config at %s":                                                                       "TestMissingConfigSaysWhatToDo",
		"%s is a directory; name the config in it":                                                       "TestDirectoryForAConfigSaysWhatToDo",
		"this account may not read the config %s":                                                        "an account that is not root's",
		"read the config: %w":                                                                            "a disk that fails",
		"the file is larger than %d KB: is it a config?":                                                 "TestHugeConfigIsRefusedBeforeItIsParsed",
		"neither XDG_STATE_HOME nor HOME is set; say where Courant may keep its files":                   "TestAccountWithoutAHomeMustSayWhere",
		"others can read this file and the password in it; chmod 600 it, or use ${ENV}":                  "TestFileThatOthersReadHoldsNoPassword",
		"others can read this file and the key in it":                                                    "TestFileThatOthersReadHoldsNoPassword",
		"others can read this file and the password in it; chmod 600 it, or use password_file or ${ENV}": "TestFileThatOthersReadHoldsNoPassword",
		"others can read this file and the token in it; chmod 600 it, or use token_file or ${ENV}":       "TestFileThatOthersReadHoldsNoPassword",
		"%s may not be read by this account; chown or chgrp it":                                          "an account that is not root's",
		"%v; this file is the program's":                                                                 "TestFaultThatAnOwnPartBringsIsToldAtTheKey",
		"the directory %s cannot be read: %w":                                                            "a disk that fails",
		"this alias names itself":                                                                        "a guard: the parser refuses such a file",
	}
}

// saying is what the config's code may say to an editor.
type saying struct {
	format string
	at     string
}

// tellers are the functions whose texts end as a fault or warning, and tell
// them whole where they give a text back themselves.
func tellers() []string {
	return []string{"fault", "warn", "New", "Errorf", "require", "requireItems", "requireEither", "tell"}
}

// sentencesOf are the sentences of one file: what is handed to a teller, and
// what a function that makes advice returns.
func sentencesOf(t *testing.T, path string) (all []saying) {
	t.Helper()
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, path, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	take := func(n ast.Node) {
		ast.Inspect(n, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok && strings.HasPrefix(calledName(call), "Trim") {
				return false // what is taken away is not said
			}
			lit, ok := n.(*ast.BasicLit)
			if !ok || lit.Kind != token.STRING {
				return true
			}
			text, err := strconv.Unquote(lit.Value)
			if err != nil {
				t.Fatal(err)
			}
			if strings.Count(text, " ") > 1 {
				all = append(all, saying{text, set.Position(lit.Pos()).String()})
			}
			return true
		})
	}
	advises := false
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			if slices.Contains(tellers(), calledName(n)) {
				for _, arg := range n.Args {
					take(arg)
				}
				return false
			}
		case *ast.FuncDecl:
			advises = n.Name.Name == "syntaxAdvice" || n.Name.Name == "zoneMeant" || n.Name.Name == "didYouMean" || n.Name.Name == "switchMeant"
		case *ast.ReturnStmt:
			if advises {
				take(n)
				return false
			}
		case *ast.GenDecl:
			if n.Tok == token.CONST {
				take(n)
			}
		}
		return true
	})
	return all
}

// calledName is the last word of what a call calls.
func calledName(call *ast.CallExpr) string {
	switch f := call.Fun.(type) {
	case *ast.Ident:
		return f.Name
	case *ast.SelectorExpr:
		return f.Sel.Name
	}
	return ""
}

var formatVerb = regexp.MustCompile(`%[-+# 0-9.*]*[a-zA-Z]`)

// shownIn says whether a text holds a sentence, whatever its verbs became.
func (s saying) shownIn(text string) bool {
	parts := formatVerb.Split(s.format, -1)
	for i, part := range parts {
		parts[i] = regexp.QuoteMeta(part)
	}
	return regexp.MustCompile(strings.Join(parts, ".*")).MatchString(text)
}

// A sentence that no fixture shows was read by nobody.
func TestEverySentenceAboutTheConfigHasAFixture(t *testing.T) {
	t.Parallel()
	shown := ""
	wants, err := filepath.Glob("testdata/config/*.want")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range wants {
		text, err := os.ReadFile(want)
		if err != nil {
			t.Fatal(err)
		}
		shown += string(text) + "\n"
	}
	sources, err := filepath.Glob("config*.go")
	if err != nil {
		t.Fatal(err)
	}
	elsewhere, used, found := shownElsewhere(), map[string]bool{}, 0
	for _, source := range sources {
		if strings.HasSuffix(source, "_test.go") || source == "config_shape.go" {
			continue
		}
		for _, s := range sentencesOf(t, source) {
			found++
			reason, listed := "", false
			for part, why := range elsewhere {
				if strings.HasPrefix(s.format, part) {
					reason, listed, used[part] = why, true, true
				}
			}
			switch inFixture := s.shownIn(shown); {
			case !inFixture && !listed:
				t.Errorf("%s: no fixture in testdata/config shows %q", s.at, s.format)
			case inFixture && listed:
				t.Errorf("%s: a fixture shows %q, so take it off the list (%s)", s.at, s.format, reason)
			}
		}
	}
	for part := range elsewhere {
		if !used[part] {
			t.Errorf("nobody says %q any more", part)
		}
	}
	if found < 100 {
		t.Errorf("only %d sentences were found", found)
	}
}
