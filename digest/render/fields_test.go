package render

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"html/template"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
)

const fieldsBegin, fieldsEnd = "<!-- fields: go test ./digest/render -run TestDocsListEveryFieldOfTheTemplates -update -->\n", "<!-- end of fields -->\n"

// TestDocsListEveryFieldOfTheTemplates holds the tables of docs/editors.md to
// the types that templates see; the words are those of their comments.
func TestDocsListEveryFieldOfTheTemplates(t *testing.T) {
	t.Parallel()
	const path = "../../docs/editors.md"
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), fieldsBegin)
	_, after, ended := strings.Cut(rest, fieldsEnd)
	if !ok || !ended {
		t.Fatal("docs/editors.md has lost the place of its tables of fields")
	}
	want := before + fieldsBegin + fieldTables(t) + fieldsEnd + after
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if !*update && string(text) != want {
		t.Error("docs/editors.md lists other fields than templates see; run this test with -update")
	}
}

// TestDocsListEveryFunctionOfTheTemplates looks for each where it is told.
func TestDocsListEveryFunctionOfTheTemplates(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/editors.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range Functions() {
		if !strings.Contains(string(text), "`"+name+"`") && !strings.Contains(string(text), "`{{"+name) {
			t.Errorf("docs/editors.md does not tell of the function %s", name)
		}
	}
}

// fieldTables are a table for each type, from the page down.
func fieldTables(t *testing.T) string {
	t.Helper()
	words := fieldComments(t)
	var b strings.Builder
	var told []reflect.Type
	waiting := []reflect.Type{reflect.TypeFor[page]()}
	for len(waiting) > 0 {
		of := waiting[0]
		waiting = waiting[1:]
		if slices.Contains(told, of) {
			continue
		}
		told = append(told, of)
		fmt.Fprintf(&b, "\n| `%s` | is | |\n|---|---|---|\n", of.Name())
		for _, f := range reflect.VisibleFields(of) {
			kind, below := editorsKind(f.Type)
			if below != nil {
				waiting = append(waiting, below)
			}
			fmt.Fprintf(&b, "| `.%s` | %s | %s |\n", f.Name, kind, words[of.Name()+"."+f.Name])
		}
	}
	return b.String() + "\n"
}

// editorsKind is a type in the words of editors, and the struct it leads to.
func editorsKind(f reflect.Type) (string, reflect.Type) {
	switch {
	case f.Kind() == reflect.Pointer:
		return editorsKind(f.Elem())
	case f == reflect.TypeFor[template.HTML]():
		return "HTML", nil
	case f.Kind() == reflect.Slice:
		if kind, below := editorsKind(f.Elem()); below == nil {
			return "list of " + kind + "s", nil
		}
		return "list of `" + f.Elem().Name() + "`", f.Elem()
	case f.Kind() == reflect.Struct:
		return "`" + f.Name() + "`", f
	}
	return named(f), nil
}

// fieldComments are the comments behind the fields, by "type.Field".
func fieldComments(t *testing.T) map[string]string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "page.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	words := map[string]string{}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.TypeSpec)
		if !ok {
			return true
		}
		fields, ok := spec.Type.(*ast.StructType)
		if !ok {
			return true
		}
		for _, f := range fields.Fields.List {
			for _, name := range f.Names {
				words[spec.Name.Name+"."+name.Name] = strings.ReplaceAll(strings.TrimSpace(f.Comment.Text()), "|", "\\|")
			}
		}
		return true
	})
	return words
}
