package main

import (
	"fmt"
	"io"
	"log/slog"
)

// redacted stands wherever a secret would.
const redacted = "[redacted]"

// secret is text that is never printed: every way fmt, slog, JSON and YAML
// have of writing it writes something else. The zero value is no secret.
type secret struct {
	value string
	shown string // what stands for it; empty: redacted
}

// reveal is the secret itself, for the one place that needs it.
func (s secret) reveal() string { return s.value }

// isZero says whether there is no secret.
func (s secret) isZero() bool { return s.value == "" }

// String is what may be printed instead of the secret.
func (s secret) String() string {
	switch {
	case s.value == "":
		return ""
	case s.shown != "":
		return s.shown
	}
	return redacted
}

// GoString keeps %#v from printing the fields.
func (s secret) GoString() string { return s.String() }

// Format keeps %x, %q and the like from printing the fields.
func (s secret) Format(f fmt.State, verb rune) {
	if verb == 'q' {
		fmt.Fprintf(f, "%q", s.String())
		return
	}
	// A state that cannot be written to has nobody to be told.
	_, _ = io.WriteString(f, s.String())
}

// MarshalText serves JSON, and every other encoder that asks for text.
func (s secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// MarshalYAML gives YAML the same text.
func (s secret) MarshalYAML() (any, error) { return s.String(), nil }

// LogValue gives a structured log the same text.
func (s secret) LogValue() slog.Value { return slog.StringValue(s.String()) }
