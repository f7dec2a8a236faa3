package render

import (
	"testing"
	"time"

	"courant/digest"
)

func testKeys() *digest.Keyring {
	key := func(b byte) []byte {
		k := make([]byte, 32)
		for i := range k {
			k[i] = b
		}
		return k
	}
	return &digest.Keyring{Current: 2, Tokens: map[byte][]byte{1: key(1), 2: key(2)}, Suppression: key(9)}
}

func testConfig() Config {
	return Config{
		Name: "Example News", URL: "https://news.example.com", From: "Example News <news@example.com>",
		ReplyTo: "desk@example.com", PostalAddress: "1 Example Street, Example City", Keys: testKeys(),
		ReturnPath: "bounces.example.com", Mailto: "in.example.com",
	}
}

func newRenderer(t testing.TB, c Config) *Renderer {
	t.Helper()
	r, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

var opening = time.Date(2026, 3, 3, 6, 0, 0, 0, time.UTC)

func testEdition() digest.Edition {
	return digest.Edition{
		ID: 41, Digest: "morning", Title: "Morning Brief", Kind: digest.KindSlot, Number: 12,
		Slot: "2026-03-03T07:00+01:00", Instant: opening, Zone: "Europe/Berlin", Language: "en", KeyID: 1,
		Cadence:   digest.Cadence{Weekdays: []time.Weekday{1, 2, 3, 4, 5}, Hour: 7, Zone: "Europe/Berlin"},
		Subject:   "{{.Title}}: {{.Lead.Title}}",
		Published: opening.Add(3 * time.Second),
	}
}

func testRecipient() digest.Recipient {
	return digest.Recipient{
		Ref: digest.Ref{Edition: 41, Reader: 1007}, Variant: 5, Digest: "morning", Address: "ada@example.org",
		Name: "Ada Lovelace", Since: time.Date(2026, 3, 2, 23, 30, 0, 0, time.UTC), KeyID: 1,
	}
}

func testVariant(stories ...digest.Told) digest.Variant {
	return digest.Variant{ID: 5, Edition: 41, Signature: "s", Language: "en", Zone: "Europe/Berlin", Default: true, Stories: stories}
}
