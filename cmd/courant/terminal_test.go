package main

import (
	"bytes"
	"strings"
	"testing"

	"courant/digest/smtpsink"
)

func TestStyleIsPlainWhereNobodyLooks(t *testing.T) {
	t.Parallel()
	p := program{stdout: new(bytes.Buffer), env: func(string) (string, bool) { return "", false }}
	s := p.style()
	for _, paint := range []func(string) string{s.bold, s.dim, s.red, s.green, s.yellow} {
		if got := paint("morning"); got != "morning" {
			t.Errorf("%q was written to a buffer", got)
		}
	}
	if s.width != 0 {
		t.Errorf("a buffer is %d columns wide", s.width)
	}
}

func TestStyleColoursAndEndsWhatItBegan(t *testing.T) {
	t.Parallel()
	s := style{coloured: true}
	if got, want := s.red("wrong")+s.green(""), "\x1b[31mwrong\x1b[0m"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestPadCountsColumnsAndNotLetters(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{"ab": "ab  ", "日本": "日本", "abcdef": "abcdef", "é": "é   "} {
		if got := pad(text, 4); got != want {
			t.Errorf("pad(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestNothingOfStrangersSteersTheTerminal(t *testing.T) {
	t.Parallel()
	d := newDesk(t, smtpsink.Options{})
	d.configure()
	const bad = "no\x1b[31m\u202e\u0085name"
	for _, args := range [][]string{{"extract", bad}, {"--config", bad, "check"}, {"check", "--" + bad}, {"bounce", bad}, {"send", bad}, {"fetch", bad}, {bad}} {
		r := d.try(args...)
		if r.code == exitDone || strings.ContainsAny(r.stdout+r.stderr, "\x1b\u202e\u0085") {
			t.Errorf("%q: exit %d, %q %q", args, r.code, r.stdout, r.stderr)
		}
	}
}
