package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"courant/digest"
	"courant/digest/lint"
)

func TestGoldenMailsHaveNoFindings(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../digest/render/testdata/*.eml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden mails: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".eml"), func(t *testing.T) {
			t.Parallel()
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			b, err := os.ReadFile(strings.TrimSuffix(file, ".eml") + ".json")
			if err != nil {
				t.Fatal(err)
			}
			var s struct {
				Edition   digest.Edition
				Variant   digest.Variant
				Recipient digest.Recipient
			}
			if err := json.Unmarshal(b, &s); err != nil {
				t.Fatal(err)
			}
			o := lint.Options{PostalAddress: "1 Example Street, Example City", Given: givenWords(s.Edition, s.Variant, s.Recipient)}
			for _, f := range lint.Mail(raw, o) {
				t.Errorf("%+v", f)
			}
		})
	}
}
