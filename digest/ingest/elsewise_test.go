package ingest

import (
	"fmt"
	"testing"

	"courant/digest"
)

// A box that has the look of key points and another name of its own is what its
// heading says.
func TestBoxOfAnotherNameIsWhatItsHeadingSays(t *testing.T) {
	t.Parallel()
	const page = `<!doctype html><html lang="en"><head><title>Lighthouse gets a new lamp</title></head><body><article><h1>Lighthouse gets a new lamp</h1>
<p>The lighthouse on the north pier got a new lamp on Monday, the first since the light was moved there in 1931.</p>
<p>Two engineers carried the lamp up the 112 steps of the tower, and the harbour master lit it at nightfall.</p>
%s<p>The old lamp goes to the museum of the town, where children may turn it by hand from the summer on.</p></article></body></html>`
	const lines = `<p>• The lamp is the first since the light was moved in 1931</p><p>• Engineers carried it up the 112 steps of the tower</p><p>• The old lamp goes to the museum of the town</p>`
	for _, c := range []struct {
		class, heading string
		want           digest.PointsFrom
	}{
		{"summary-box facts", "The tower in figures", digest.PointsLead}, {"summary-box glossary", "Words of the harbour", digest.PointsLead},
		{"summary-box sources-box", "Where this comes from", digest.PointsLead},
		{"key-points facts", "Key points", digest.PointsPage}, {"key-points", "The tower in figures", digest.PointsPage},
		{"summary-box box--facts-of-life", "The tower in figures", digest.PointsPage},
	} {
		box := fmt.Sprintf(`<section class="%s"><h2>%s</h2>%s</section>`, c.class, c.heading, lines)
		e, err := Extract("page", []byte(fmt.Sprintf(page, box)), Options{Address: "https://gazette.example/lamp"})
		if err != nil {
			t.Fatal(err)
		}
		if a := e.Articles[0]; a.PointsFrom != c.want {
			t.Errorf("%s, %q: from %s %q, want %s", c.class, c.heading, a.PointsFrom, a.Points, c.want)
		}
	}
}
