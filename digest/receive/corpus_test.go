package receive

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

type expected struct {
	Input      string   `json:"input"`
	Kind       string   `json:"kind"`
	AlsoKind   []string `json:"also_kind"`
	Recipients []struct {
		Address, Status, Class, Reason string
		Also                           []string
		ClassSure                      *bool `json:"class_sure"`
	} `json:"recipients"`
	RecipientsSure *bool `json:"recipients_sure"`
	ClassSure      *bool `json:"class_sure"`
}

func sure(b *bool) bool { return b == nil || *b }

// TestCorpus reads a collection of real returned mail beside an expected.jsonl
// and prints how much of it was understood: COURANT_BOUNCES=dir go test -v
// -run Corpus ./digest/receive
func TestCorpus(t *testing.T) {
	dir := os.Getenv("COURANT_BOUNCES")
	if dir == "" {
		t.Skip("set COURANT_BOUNCES to a directory of returned mails with an expected.jsonl")
	}
	raw, err := os.ReadFile(filepath.Join(dir, "expected.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	var mails, kinds, judged, exact, classes, right, falseHard, statuses, statusRight int
	for scan := bufio.NewScanner(bytes.NewReader(raw)); scan.Scan(); {
		var want expected
		if err := json.Unmarshal(scan.Bytes(), &want); err != nil {
			t.Fatal(err)
		}
		file, err := os.ReadFile(filepath.Join(dir, want.Input))
		if err != nil {
			t.Fatal(err)
		}
		m, err := Parse(file, nil, "")
		got := LineOf(want.Input, m, err)
		mails++
		if string(got.Kind) == want.Kind || slices.Contains(want.AlsoKind, string(got.Kind)) {
			kinds++
		} else {
			t.Logf("%s: kind %s, want %s", want.Input, got.Kind, want.Kind)
		}
		if want.Kind != "bounce" {
			if want.Kind != "complaint" {
				for _, r := range got.Recipients {
					if r.Class == "hard" && got.Kind == "bounce" {
						falseHard++
						t.Logf("%s: FALSE HARD", want.Input)
					}
				}
			}
			continue
		}
		if sure(want.RecipientsSure) {
			judged++
			var a, b []string
			for _, r := range got.Recipients {
				a = append(a, strings.ToLower(r.Address))
			}
			for _, r := range want.Recipients {
				b = append(b, strings.ToLower(r.Address))
			}
			slices.Sort(a)
			slices.Sort(b)
			if slices.Equal(a, b) {
				exact++
			} else {
				t.Logf("%s: recipients %q, want %q", want.Input, a, b)
			}
		}
		for _, w := range want.Recipients {
			for i, g := range got.Recipients {
				if !strings.EqualFold(g.Address, w.Address) {
					continue
				}
				statuses++
				if g.Status == w.Status {
					statusRight++
				} else {
					t.Logf("%s: status %q, want %q", want.Input, g.Status, w.Status)
				}
				if w.Class == "unknown" || !sure(want.ClassSure) || !sure(w.ClassSure) {
					continue
				}
				classes++
				if string(g.Class) == w.Class || slices.Contains(w.Also, string(g.Class)) {
					right++
					continue
				}
				mark := ""
				if g.Class == "hard" {
					falseHard++
					mark = " FALSE HARD"
				}
				t.Logf("%s: class %s, want %s %v (%s) status %s:%s %.300s", want.Input, g.Class, w.Class, w.Also, w.Reason, g.Status, mark, m.Recipients[i].Said)
			}
		}
	}
	t.Logf("%d mails: kind %d, recipients exact %d of %d, class right %d of %d, status %d of %d, falsely hard %d",
		mails, kinds, exact, judged, right, classes, statusRight, statuses, falseHard)
}
