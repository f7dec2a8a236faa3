package ingest

import (
	"slices"
	"strings"
	"testing"

	"courant/digest"
)

// TestBoxesThatLookLikePointsAndAreNoneGiveNone are boxes that speak of the
// story, in its words, and tell something else than its points.
func TestBoxesThatLookLikePointsAndAreNoneGiveNone(t *testing.T) {
	t.Parallel()
	pros := []string{"The new harbour bridge is wider and has lanes for commuters", "Its eight girders carry heavy traffic without a sound", "Ferries still cross below it free of charge"}
	cons := []string{"The repair of the old girders took more than a year", "Commuters with a season ticket pay forty a month"}
	others := []string{"Ferries of the harbour carry a million commuters a year", "Port authority wants a second bridge on the north bank", "Baker on the north bank sells bread since 1911"}
	tiers := []string{"$5 a month: your name in the harbour's book of commuters", "$10 a month: a ferry ticket for the old pier each year", "$25 a month: a walk across the girders of the bridge"}
	rules := []string{"Keep comments on the harbour bridge civil and to the point", "Don't post links to other sites about the ferries", "We delete comments that insult commuters or the port authority"}
	for name, page := range map[string]string{
		"pros":                      bridgePage(listOf(`<ul class="pros">`, pros...), ""),
		"cons":                      bridgePage(listOf(`<ul class="cons">`, cons...), ""),
		"pros and cons":             bridgePage(`<div class="summary"><h4>Pros</h4>`+listOf(`<ul>`, pros...)+`<h4>Cons</h4>`+listOf(`<ul>`, cons...)+`</div>`, ""),
		"pros and cons of a review": bridgePage(`<div class="at-a-glance">`+listOf(`<ul class="review-pros">`, pros...)+listOf(`<ul class="review-cons">`, cons...)+`</div>`, ""),
		"what we liked":             bridgePage(`<h3>What we like</h3>`+listOf(`<ul class="summary">`, pros...), ""),
		"Vorteile":                  bridgePage(`<h3>Vorteile</h3>`+listOf(`<ul>`, pros...), ""),
		"Destacados":                bridgePage(`<h3>Destacados</h3>`+listOf(`<ul>`, others...), ""),
		"Destaques":                 bridgePage(`<h3>Destaques</h3>`+listOf(`<ul>`, others...), ""),
		"Destaques, linked":         bridgePage(`<h3>Destaques</h3>`+listOf(`<ul>`, `<a href="/1">`+others[0]+`</a>`, others[1], `<a href="/2">`+others[2]+`</a>`), ""),
		"Sommaire":                  bridgePage(`<h3>Sommaire</h3>`+listOf(`<ul>`, "Why the harbour bridge closes for a year", "What the ferries cost the commuters", "How the girders are repaired"), ""),
		"Sommaire, linked":          bridgePage(`<p>Sommaire</p>`+listOf(`<ul>`, `<a href="#1">Why the harbour bridge closes for a year</a>`, `<a href="#2">What the ferries cost the commuters</a>`), ""),
		"Fakta":                     bridgePage(`<h3>Fakta</h3>`+listOf(`<ul>`, "The harbour bridge was built in 1911 by the port authority", "It has eight main girders and carries four lanes of traffic", "Forty thousand commuters cross it"), ""),
		"Fakta of a bridge":         bridgePage(`<h3>Fakta: Harbour bridge</h3>`+listOf(`<ul>`, "The harbour bridge was built in 1911 by the port authority", "It has eight main girders and carries four lanes of traffic"), ""),
		"Fakta, a class":            bridgePage(`<div class="fakta"><h3>Fakta</h3>`+listOf(`<ul>`, "The harbour bridge was built in 1911 by the port authority", "It has eight main girders and carries four lanes of traffic")+`</div>`, ""),
		"videos":                    bridgePage(`<h3>Highlights: Watch the harbour bridge close</h3>`+listOf(`<ul>`, "Inspectors climb into the girders of the bridge", "Ferries leave the old pier with the first commuters"), ""),
		"videos, below":             bridgePage(`<h3>Highlights</h3>`+listOf(`<ul>`, "Watch: Inspectors climb into the girders of the bridge", "Watch: Ferries leave the old pier with the first commuters"), ""),
		"videos, plainly":           bridgePage(`<p>Highlights:</p>`+listOf(`<ul>`, "Watch inspectors climb into the girders of the bridge", "Watch ferries leave the old pier with the first commuters"), ""),
		"donations":                 bridgePage(listOf(`<ul>`, tiers...), ""),
		"donations, a box":          bridgePage(`<div class="summary">`+listOf(`<ul>`, tiers...)+`</div>`, ""),
		"donations in euros":        bridgePage(`<h3>Overview</h3>`+listOf(`<ul>`, "€5 per month: your name in the harbour's book of commuters", "€10 per month: a ferry ticket for the old pier each year"), ""),
		"donations, the sum behind": bridgePage(listOf(`<ul>`, "Friend of the harbour bridge, 5 € im Monat for the girders", "Captain of the ferries, 10 € im Monat for the commuters"), ""),
		"comment rules":             bridgePage("", `<div class="summary"><p>Before you comment</p>`+listOf(`<ul>`, rules...)+`</div>`),
		"comment rules at the top":  bridgePage(listOf(`<ul>`, rules...), ""),
		"house rules":               bridgePage(`<h3>House rules</h3>`+listOf(`<ul>`, rules...), ""),
		"a player":                  bridgePage(`<div class="summary"><p>Listen to this article</p>`+listOf(`<ul>`, "Harbour bridge closes for a year after cracks are found", "Ferries run from the old pier for commuters")+`</div>`, ""),
		"a player's list":           bridgePage(`<p>Listen to this article</p>`+listOf(`<ul>`, "Part one: inspectors find cracks in the girders of the bridge", "Part two: ferries carry the commuters from the old pier"), ""),
	} {
		if a := points(t, page); a.PointsFrom == digest.PointsPage {
			t.Errorf("%s: taken for key points: %q", name, a.Points)
		}
	}
}

func TestListThatWasCutOffGivesWayToTheWholeOne(t *testing.T) {
	t.Parallel()
	whole := listOf(`<ul>`, bridgePoints...)
	for name, page := range map[string]string{
		"a teaser before":       bridgePage(`<div class="key-points">`+listOf(`<ul>`, bridgePoints[0], bridgePoints[1]+"…")+`</div><div class="key-points">`+whole+`</div>`, ""),
		"a teaser, words cut":   bridgePage(`<div class="key-points">`+listOf(`<ul>`, bridgePoints[0], "Ferries run every ten ...")+`</div><div class="key-points">`+whole+`</div>`, ""),
		"fewer of the same":     bridgePage(`<div class="key-points">`+listOf(`<ul>`, bridgePoints[:2]...)+`</div><div class="key-points">`+whole+`</div>`, ""),
		"fewer, the whole last": bridgePage(`<h3>Key points</h3>`+listOf(`<ul>`, bridgePoints[:2]...), `<h3>Key points</h3>`+whole),
	} {
		if a := points(t, page); a.PointsFrom != digest.PointsPage || !slices.Equal(a.Points, bridgePoints) {
			t.Errorf("%s: from %s %q", name, a.PointsFrom, strings.Join(a.Points, " / "))
		}
	}
}

func TestRuleOfTwoBoxesKeepsTheirPointsApart(t *testing.T) {
	t.Parallel()
	page := bridgePage(`<div class="box">`+listOf("<ul>", bridgePoints[:2]...)+`</div>`, `<div class="box"><ul><li>`+bridgePoints[2]+`</li></ul></div><p class="box">The port authority said so on Monday.</p>`)
	e, err := Extract("fixture", []byte(page), Options{Rule: digest.PointRule{CSS: ".box"}})
	if err != nil {
		t.Fatal(err)
	}
	if want := append(slices.Clone(bridgePoints), "The port authority said so on Monday."); !slices.Equal(e.Articles[0].Points, want) {
		t.Errorf("%q", e.Articles[0].Points)
	}
}
