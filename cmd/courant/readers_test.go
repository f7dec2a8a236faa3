package main

import (
	"fmt"
	"strings"
	"testing"

	"courant/digest"
)

// readRows reads a file of readers to its end: addresses with names, and the
// faults.
func readRows(t *testing.T, file string) (rows, faults []string) {
	t.Helper()
	keys := &digest.Keyring{Suppression: make([]byte, 32)}
	r, err := newReaderRows(strings.NewReader(file), keys)
	if err != nil {
		t.Fatal(err)
	}
	portion, wrong, end := r.portion(1000)
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

func TestZoneOfAReaderThatIsMisspeltIsOffered(t *testing.T) {
	t.Parallel()
	_, faults := readRows(t, "email,time_zone\na@example.org,America/New_Yrok\nb@example.org,lisbon\nc@example.org,Mars/Olympus\nd@example.org,Europe/Berlin\n")
	for i, want := range []string{`2 time zone "America/New_Yrok" is not known; did you mean "America/New_York"?`, `3 time zone "lisbon" is not known; did you mean "Europe/Lisbon"?`, "4 time zone \"Mars/Olympus\" is not known: use a name such as"} {
		if len(faults) != 3 || !strings.HasPrefix(faults[i], want) {
			t.Fatalf("faults %q, want %q", faults, want)
		}
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
	rows, _ := readRows(t, "email,name\n"+harmless("+x@example.org")+","+harmless("=1+1")+"\no'neill@example.org,'tis\n")
	if want := "2 +x@example.org =1+1|3 o'neill@example.org 'tis"; strings.Join(rows, "|") != want {
		t.Errorf("rows %q, want %q", rows, want)
	}
}

func TestTooLongALineIsNamed(t *testing.T) {
	t.Parallel()
	rows, faults := readRows(t, "email\n"+strings.Repeat("x", 2*longestLine)+"\na@example.org\n")
	if len(rows) != 1 || len(faults) != 1 || !strings.HasPrefix(faults[0], "2 ") {
		t.Errorf("rows %q, faults %q", rows, faults)
	}
}

func FuzzReaderRows(f *testing.F) {
	f.Add("email,name\na@example.org,A\n")
	f.Add("\uFEFFemail;name\r\n\"a\"@b.c;\"\r")
	f.Fuzz(func(t *testing.T, file string) {
		r, err := newReaderRows(strings.NewReader(file), &digest.Keyring{Suppression: make([]byte, 32)})
		if err != nil {
			return
		}
		for {
			rows, _, end := r.portion(10)
			for _, row := range rows {
				if why := row.Fault(); why != "" && row.Address == "" {
					t.Errorf("line %d: %s", row.Line, why)
				}
			}
			if end {
				return
			}
		}
	})
}
