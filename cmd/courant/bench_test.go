package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"courant/digest"
	"courant/digest/render"
	"courant/digest/smtpsink"
	"courant/digest/submit"
)

// BenchmarkEndToEnd publishes an edition for 20,000 readers and delivers it
// with the built program, ledger, journal and safety on, to a recording sink
// over eight connections. It gives messages a second and the program's own
// CPU seconds for 1,000 messages (user and system; Postgres and the sink not
// counted), unsigned and with DKIM.
func BenchmarkEndToEnd(b *testing.B) {
	const readers = 20_000
	for _, signed := range []bool{false, true} {
		b.Run(fmt.Sprintf("signed=%v", signed), func(b *testing.B) {
			d := newDesk(b, smtpsink.Options{})
			d.sink = smtpsink.Start(b, smtpsink.Options{Tally: true})
			d.relay = fmt.Sprintf("{host: 127.0.0.1, port: %d, tls: none, connections: 8}", d.sink.Port())
			d.unsigned = !signed
			d.configure()
			var csv strings.Builder
			csv.WriteString("email\n")
			for i := range readers {
				fmt.Fprintf(&csv, "reader%d@example.org\n", i)
			}
			d.must("readers", "import", d.write("crowd.csv", csv.String()))
			var cpu, wall time.Duration
			sent := 0
			for i := range b.N {
				d.tell(fmt.Sprintf("Harbour closes for repairs %d", i))
				c := d.command(b.Context(), "send", "morning")
				began := time.Now()
				if out, err := c.CombinedOutput(); err != nil {
					b.Fatalf("%v\n%s", err, out)
				}
				wall += time.Since(began)
				cpu += c.ProcessState.UserTime() + c.ProcessState.SystemTime()
				sent += readers
			}
			if d.sink.Count() != sent {
				b.Fatalf("the sink has %d mails of %d", d.sink.Count(), sent)
			}
			b.ReportMetric(float64(sent)/wall.Seconds(), "messages/s")
			b.ReportMetric(cpu.Seconds()*1000/float64(sent), "cpu-s/1k")
		})
	}
}

// BenchmarkMail is what one mail costs before the relay: an edition of 20
// stories rendered and encoded, once a variant; then one reader's parts spliced
// in and the whole signed, once a mail.
func BenchmarkMail(b *testing.B) {
	keys, err := openKeyring(filepath.Join(b.TempDir(), "secret"))
	if err != nil {
		b.Fatal(err)
	}
	e, v, to := editionOfTwenty(keys.Current)
	for _, kinds := range [][]submit.Kind{nil, {submit.RSA}, {submit.RSA, submit.Ed25519}} {
		p := benchedPress(b, keys, kinds...)
		m, err := p.Render(e, v)
		if err != nil {
			b.Fatal(err)
		}
		if kinds == nil {
			b.Run("render", func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if _, err := p.Render(e, v); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
		b.Run(fmt.Sprintf("splice,keys=%d", len(kinds)), func(b *testing.B) {
			var plain, signed []byte
			b.ReportAllocs()
			for b.Loop() {
				to.Reader++
				plain = m.Splice(plain[:0], to)
				if signed, err = p.Sign(signed[:0], plain); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(len(plain)), "bytes/mail")
		})
	}
}

func editionOfTwenty(key byte) (digest.Edition, digest.Variant, digest.Recipient) {
	opening := time.Date(2026, 3, 3, 6, 0, 0, 0, time.UTC)
	e := digest.Edition{
		ID: 41, Digest: "morning", Title: "Morning Brief", Kind: digest.KindSlot, Number: 12, Slot: "2026-03-03T07:00+01:00",
		Instant: opening, Zone: "Europe/Berlin", Language: "en", KeyID: key, Subject: "{{.Title}}: {{.Lead.Title}}", Published: opening,
	}
	v := digest.Variant{ID: 5, Edition: 41, Signature: "s", Language: "en", Zone: "Europe/Berlin", Default: true}
	for i := range 20 {
		v.Stories = append(v.Stories, digest.Told{
			Title: fmt.Sprintf("Story %d: residents of a harbour town vote to rebuild a lighthouse", i),
			URL:   fmt.Sprintf("https://www.example.org/2026/03/%d/lighthouse?ref=%d&x=y", i, i*7), Category: []string{"World", "Politics", "Science", "Sport"}[i%4],
			Site: "Harbour Gazette", PointsFrom: digest.PointsPage, Published: opening,
			Points: []string{
				"Residents approved the plan by 412 votes to 87 after a winter of public meetings.",
				"The lamp went dark in 1974, when the shipping lane moved four miles to the south.",
				"Work begins in May and is paid for by a levy on berths that ends after six years.",
			},
		})
	}
	to := digest.Recipient{Ref: digest.Ref{Edition: 41, Reader: 1007}, Variant: 5, Digest: "morning", Address: "ada@example.org", Name: "Ada Lovelace", Since: opening, KeyID: key}
	return e, v, to
}

// benchedPress renders for example.com and signs with new keys of these kinds.
func benchedPress(b *testing.B, keys *digest.Keyring, kinds ...submit.Kind) (p press) {
	b.Helper()
	var err error
	p.Renderer, err = render.New(render.Config{
		Name: "Example News", URL: "https://news.example.com", From: "Example News <news@example.com>",
		PostalAddress: "1 Example Street, Example City", ReturnPath: "bounces.example.com", Keys: keys,
	})
	if err != nil {
		b.Fatal(err)
	}
	var signing []submit.Key
	for _, kind := range kinds {
		text, err := submit.Generate(kind, submit.LeastRSA)
		if err != nil {
			b.Fatal(err)
		}
		file := filepath.Join(b.TempDir(), string(kind))
		if err := os.WriteFile(file, text, 0o600); err != nil {
			b.Fatal(err)
		}
		signing = append(signing, submit.Key{Domain: "example.com", Selector: string(kind), File: file})
	}
	if len(signing) > 0 {
		if p.signer, err = submit.LoadSigner(signing...); err != nil {
			b.Fatal(err)
		}
	}
	return p
}
