package render

import (
	"fmt"
	"strings"
	"testing"

	"courant/digest"
)

// twenty is an edition as large as they usually get.
func twenty() sample {
	s := plainSample()
	s.Variant.Stories = nil
	for i := range 20 {
		s.Variant.Stories = append(s.Variant.Stories, digest.Told{
			Title: fmt.Sprintf("Story %d: residents of a harbour town vote to rebuild a lighthouse", i),
			URL:   fmt.Sprintf("https://www.example.org/2026/03/%d/lighthouse?ref=%d&x=y", i, i*7), Category: []string{"World", "Politics", "Science", "Sport"}[i%4],
			Site: "Harbour Gazette", PointsFrom: digest.PointsPage, Published: opening,
			Points: []string{
				"Residents approved the plan by 412 votes to 87 after a winter of public meetings – “at last”.",
				"The lamp went dark in 1974, when the shipping lane moved four miles to the south.",
				"Work begins in May and is paid for by a levy on berths that ends after six years.",
			},
		})
	}
	return s
}

func BenchmarkRenderTwentyStories(b *testing.B) {
	r := newRenderer(b, testConfig())
	s := twenty()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.Render(s.Edition, s.Variant); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRenderHundredStories(b *testing.B) {
	r := newRenderer(b, testConfig())
	s := twenty()
	for range 4 {
		s.Variant.Stories = append(s.Variant.Stories, s.Variant.Stories[:20]...)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.Render(s.Edition, s.Variant); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSplicePerMail(b *testing.B) {
	r := newRenderer(b, testConfig())
	s := twenty()
	m, err := r.Render(s.Edition, s.Variant)
	if err != nil {
		b.Fatal(err)
	}
	buf := m.Splice(nil, s.Recipient)
	b.SetBytes(int64(len(buf)))
	b.ReportAllocs()
	for b.Loop() {
		s.Recipient.Reader++
		buf = m.Splice(buf[:0], s.Recipient)
	}
}

// BenchmarkSignLinks is the part of a splice that is signing: four tokens.
func BenchmarkSignLinks(b *testing.B) {
	r := newRenderer(b, testConfig())
	to := testRecipient()
	b.ReportAllocs()
	for b.Loop() {
		to.Reader++
		r.token(to, digest.PurposeOneClick)
		r.token(to, digest.PurposePage)
		r.token(to, digest.PurposeView)
		r.c.Keys.MailtoAddress(to.KeyID, to.Ref, r.c.Mailto)
		r.MessageID(to)
	}
}

func BenchmarkEnvelope(b *testing.B) {
	r := newRenderer(b, testConfig())
	to := testRecipient()
	b.ReportAllocs()
	for b.Loop() {
		r.Envelope(to)
	}
}

func BenchmarkQuotedPrintable(b *testing.B) {
	s := strings.Repeat("<td style=\"color:#1b1a18\">Residents approved the plan – “at last”.</td>\n", 300)
	b.SetBytes(int64(len(s)))
	var buf []byte
	for b.Loop() {
		var q quoted
		buf = q.append(buf[:0], s)
	}
}
