package local

import (
	"strings"
	"testing"
)

func TestPIDFileIsReadAsFarAsItIsWritten(t *testing.T) {
	t.Parallel()
	const whole = "4711\n/srv/data\n1790000000\n5432\n/srv/run\n\n  5432001         5\nready   \n"
	for content, want := range map[string]postmaster{
		whole:                      {pid: 4711, socket: "/srv/run", status: "ready"},
		"4711\n":                   {pid: 4711},
		"-4711\n/srv/data\n":       {pid: 4711, single: true},
		"":                         {},
		"\n":                       {},
		"4711 \n/d\n1\n5432\n/s\n": {pid: 4711, socket: "/s"},
		"99999999999999999999\n":   {},
	} {
		if got := parsePIDFile([]byte(content)); got != want {
			t.Errorf("%q: %+v", content, got)
		}
	}
}

func FuzzPIDFile(f *testing.F) {
	f.Add([]byte("4711\n/srv/data\n1790000000\n5432\n/srv/run\n\n  5432001         5\nready   \n"))
	f.Add([]byte("-1\n"))
	f.Add([]byte("-2147483648\n"))
	f.Fuzz(func(t *testing.T, content []byte) {
		m := parsePIDFile(content)
		if m.pid < 0 || strings.ContainsAny(m.socket+m.status, "\n") {
			t.Errorf("%+v", m)
		}
	})
}

func TestVersionsAreReadAndOrdered(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]int{
		"postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n": 15,
		"postgres (PostgreSQL) 18beta1\n":                        18,
		"postgres (PostgreSQL) 9.6.24\n":                         9,
		"postgres (EnterpriseDB)\n":                              0,
		"":                                                       0,
	} {
		var b binaries
		if err := b.parseVersion(line); b.major != want || (err == nil) != (want > 0) {
			t.Errorf("%q: %d, %v", line, b.major, err)
		}
	}
	if newestFirst("/usr/lib/postgresql/9.6/bin", "/usr/lib/postgresql/14/bin") <= 0 {
		t.Error("9.6 comes before 14")
	}
	if newestFirst("/usr/lib/postgresql/17/bin", "/usr/lib/postgresql/14/bin") >= 0 {
		t.Error("14 comes before 17")
	}
}
