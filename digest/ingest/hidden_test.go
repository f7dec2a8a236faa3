package ingest

import (
	"slices"
	"testing"

	"courant/digest"
)

func TestListThatReadersSeeCountsForMoreThanAHiddenOne(t *testing.T) {
	t.Parallel()
	other := listOf(`<ul>`, "The harbour bridge is sold to the ferries, readers hear", "Commuters swim to the old pier")
	seen := listOf(`<ul>`, bridgePoints...)
	for name, page := range map[string]string{
		"by its style":         bridgePage(`<div style="display: none"><h3>Key points</h3>`+other+`</div><div><h3>Key points</h3>`+seen+`</div>`, ""),
		"by an attribute":      bridgePage(`<div hidden class="key-points">`+other+`</div><div class="key-points">`+seen+`</div>`, ""),
		"the list itself":      bridgePage(`<div class="key-points"><ul hidden><li>`+bridgePoints[0]+`</li><li>Commuters swim to the old pier by night</li></ul></div><div class="takeaways">`+seen+`</div>`, ""),
		"in German":            bridgePage(`<section style="color:red;display:none"><h2>Das Wichtigste in Kürze</h2>`+other+`</section><section><h2>Das Wichtigste in Kürze</h2>`+seen+`</section>`, ""),
		"behind the seen one":  bridgePage(`<div class="key-points">`+seen+`</div><div hidden class="key-points">`+other+`</div>`, ""),
		"the only one":         bridgePage(`<div class="key-points" style="display:none">`+seen+`</div>`, ""),
		"folded, a teaser out": bridgePage(`<div class="key-points" style="display:none">`+seen+`</div><div class="key-points">`+listOf(`<ul>`, bridgePoints[:2]...)+`</div>`, ""),
	} {
		if a := points(t, page); a.PointsFrom != digest.PointsPage || !slices.Equal(a.Points, bridgePoints) {
			t.Errorf("%s: from %s %q", name, a.PointsFrom, a.Points)
		}
	}
}

func TestMeaningsOfATermThatIsAHeadingArePoints(t *testing.T) {
	t.Parallel()
	meanings := `<dd>` + bridgePoints[0] + `</dd><dd>` + bridgePoints[1] + `</dd><dd>` + bridgePoints[2] + `</dd></dl>`
	for _, page := range []string{
		bridgePage(`<dl class="story-brief"><dt>Overview</dt>`+meanings, ""),
		bridgePage(`<dl><dt>Zusammenfassung</dt>`+meanings, ""),
		bridgePage(`<dl class="summary"><dt>Résumé</dt>`+meanings, ""),
		bridgePage(`<dl><dt>Key points</dt>`+meanings, ""),
	} {
		if a := points(t, page); a.PointsFrom != digest.PointsPage || !slices.Equal(a.Points, bridgePoints) {
			t.Errorf("from %s %q", a.PointsFrom, a.Points)
		}
	}
	for name, page := range map[string]string{
		"several terms":  bridgePage(`<dl class="summary"><dt>Summary</dt><dd>`+bridgePoints[0]+`</dd><dd>`+bridgePoints[1]+`</dd><dt>Ferry</dt><dd>`+bridgePoints[2]+`</dd></dl>`, ""),
		"a glossary":     bridgePage(`<dl class="summary"><dt>Girder</dt><dd>A beam of the harbour bridge that carries the lanes</dd><dd>A beam of any bridge or of a ferry</dd></dl>`, ""),
		"below the text": bridgePage("", `<dl><dt>Overview</dt>`+meanings),
		"one meaning":    bridgePage(`<dl><dt>Summary</dt><dd>`+bridgePoints[0]+`</dd></dl>`, ""),
		"opening hours":  bridgePage(`<dl><dt>Overview</dt><dd>Bridge museum: Tue-Sun 10:00-17:00</dd><dd>Ferries: daily from 6:30 at the old pier, £4</dd></dl>`, ""),
	} {
		if a := points(t, page); a.PointsFrom == digest.PointsPage {
			t.Errorf("%s: taken for key points: %q", name, a.Points)
		}
	}
}
