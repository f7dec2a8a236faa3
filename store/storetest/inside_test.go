package storetest

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"courant/store/local"
)

// A verdict records how a test would have ended.
type verdict struct {
	testing.TB
	skipped, failed string
}

func (v *verdict) Helper()                        {}
func (v *verdict) Skipf(format string, a ...any)  { v.skipped = fmt.Sprintf(format, a...); panic(v) }
func (v *verdict) Fatalf(format string, a ...any) { v.failed = fmt.Sprintf(format, a...); panic(v) }

func giveUpWith(t *testing.T, err error) (v *verdict) {
	v = &verdict{TB: t}
	defer func() { recover() }() // as FailNow and SkipNow end a test's goroutine
	giveUp(v, err)
	return v
}

// These set the environment, so they cannot run beside others.
func TestMissingPostgresIsASkipThatSaysWhatToInstall(t *testing.T) {
	t.Setenv("CI", "")
	v := giveUpWith(t, fmt.Errorf("start: %w", local.ErrNoPostgres))
	if !strings.Contains(v.skipped, "apt-get install postgresql") || !strings.Contains(v.skipped, "COURANT_TEST_DATABASE") {
		t.Errorf("skipped with %q, failed with %q", v.skipped, v.failed)
	}
}

func TestMissingPostgresIsAFailureInCI(t *testing.T) {
	t.Setenv("CI", "true")
	if v := giveUpWith(t, local.ErrNoPostgres); v.failed == "" {
		t.Errorf("skipped with %q", v.skipped)
	}
}

func TestBrokenPostgresIsAlwaysAFailure(t *testing.T) {
	t.Setenv("CI", "")
	if v := giveUpWith(t, errors.New("disk full")); !strings.Contains(v.failed, "disk full") {
		t.Errorf("skipped with %q", v.skipped)
	}
}

func TestSettingsJoinConnectionStringsOfBothForms(t *testing.T) {
	t.Parallel()
	for dsn, want := range map[string]string{
		"host=/run user=courant":                  "host=/run user=courant search_path=s",
		"postgres://u:p%40@db/courant":            "postgres://u:p%40@db/courant?search_path=s",
		"postgres://u@db/courant?sslmode=disable": "postgres://u@db/courant?search_path=s&sslmode=disable",
	} {
		if got := withSetting(dsn, "search_path", "s"); got != want {
			t.Errorf("%s: %s", dsn, got)
		}
	}
}

// BenchmarkSchema is what a test pays for its schema, made and dropped.
func BenchmarkSchema(b *testing.B) {
	r, err := shared()
	if err != nil {
		giveUp(b, err)
	}
	for b.Loop() {
		schema, err := r.createSchema(b.Context())
		if err == nil {
			err = r.dropSchema(schema)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkNew is what a test pays for a migrated store.
func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		New(b)
	}
}
