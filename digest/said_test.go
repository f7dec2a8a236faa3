package digest

import "testing"

func TestServersWordsLoseTheirAddresses(t *testing.T) {
	t.Parallel()
	for said, want := range map[string]string{
		"550 5.1.1 <ann.o'hara+x@example.org>: user unknown": "550 5.1.1 <…@example.org>: user unknown",
		"451 try (ann@example.org, bob@example.net) later":   "451 try (…@example.org, …@example.net) later",
		"550 bounce+abc234@bounces.example.com not allowed":  "550 …@bounces.example.com not allowed",
		"RCPT TO:<jürgen@müller.example> refused":            "RCPT TO:<…@müller.example> refused",
		"421 4.7.0 too many connections":                     "421 4.7.0 too many connections",
	} {
		if got := WithoutAddresses(said); got != want {
			t.Errorf("%q became %q, want %q", said, got, want)
		}
	}
}
