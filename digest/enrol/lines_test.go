package enrol_test

import (
	"fmt"
	"strings"
	"testing"

	"courant/digest/enrol"
)

// readRows reads a file of readers to its end: addresses with names, and the
// faults.
func readRows(t *testing.T, file string) (rows, faults []string) {
	t.Helper()
	r, err := enrol.Open(strings.NewReader(file), options(""))
	if err != nil {
		t.Fatal(err)
	}
	portion, wrong, end := r.Portion(1000)
	if !end {
		t.Fatal("the file has no end")
	}
	for _, row := range portion {
		rows = append(rows, fmt.Sprintf("%d %s %s", row.Line, row.Address, row.Name))
	}
	for _, f := range wrong {
		faults = append(faults, fmt.Sprintf("%d %s", f.Line, f.Why))
	}
	return rows, faults
}

func TestStrayQuoteCostsItsOwnLineOnly(t *testing.T) {
	t.Parallel()
	rows, faults := readRows(t, "email,name\na@example.org,\"Bob\" Smith\nb@example.org,Carol\nc@example.org,\"Ann\nd@example.org,\"Ann, \"\"Jr.\"\"\"\n")
	if want := []string{"3 b@example.org Carol", `5 d@example.org Ann, "Jr."`}; strings.Join(rows, "|") != strings.Join(want, "|") {
		t.Errorf("rows %q, want %q", rows, want)
	}
	if len(faults) != 2 || !strings.HasPrefix(faults[0], "2 ") || !strings.HasPrefix(faults[1], "4 ") || !strings.Contains(faults[0], "quote") {
		t.Errorf("faults %q", faults)
	}
}

func TestQuotedCellMayGoOnOverLines(t *testing.T) {
	t.Parallel()
	rows, faults := readRows(t, "email,name\na@example.org,\"Ann\nof the \"\"Harbour\"\"\"\nb@example.org,\"Bob\nc@example.org,Cy\nd@example.org,\"Di\n")
	if want := []string{`2 a@example.org Ann of the "Harbour"`, "5 c@example.org Cy"}; strings.Join(rows, "|") != strings.Join(want, "|") {
		t.Errorf("rows %q, want %q", rows, want)
	}
	if len(faults) != 2 || !strings.HasPrefix(faults[0], "4 ") || !strings.HasPrefix(faults[1], "6 ") {
		t.Errorf("faults %q", faults)
	}
}

func TestLinesMayEndAsTheyLike(t *testing.T) {
	t.Parallel()
	for _, end := range []string{"\n", "\r\n", "\r", "\n\n"} {
		rows, faults := readRows(t, strings.Join([]string{"email;name", "a@example.org;A", "b@example.org;B"}, end))
		if len(rows) != 2 || len(faults) != 0 {
			t.Errorf("%q: rows %q, faults %q", end, rows, faults)
		}
	}
}

func TestExportedCellsComeBackAsTheyWere(t *testing.T) {
	t.Parallel()
	rows, _ := readRows(t, "email,name\n"+enrol.Guard("+x@example.org")+","+enrol.Guard("=1+1")+"\no'neill@example.org,'tis\n")
	if want := "2 +x@example.org =1+1|3 o'neill@example.org 'tis"; strings.Join(rows, "|") != want {
		t.Errorf("rows %q, want %q", rows, want)
	}
}

func TestTooLongALineIsNamed(t *testing.T) {
	t.Parallel()
	rows, faults := readRows(t, "email\n"+strings.Repeat("x", 2<<16)+"\na@example.org\n")
	if len(rows) != 1 || len(faults) != 1 || !strings.HasPrefix(faults[0], "2 ") {
		t.Errorf("rows %q, faults %q", rows, faults)
	}
}
