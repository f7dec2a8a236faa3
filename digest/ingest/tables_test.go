package ingest

import (
	"slices"
	"strings"
	"testing"

	"courant/digest"
)

// rowsOf is a table's rows, each within the given beginning and end.
func rowsOf(open, end string, items ...string) string {
	return open + strings.Join(items, end+"\n"+open) + end
}

// TestPointsInTablesAreFound are boxes as pages had them before there were
// better elements for them.
func TestPointsInTablesAreFound(t *testing.T) {
	t.Parallel()
	list := listOf("<ul>", bridgePoints...)
	single := rowsOf("<tr><td>", "</td></tr>", bridgePoints...)
	dotted := rowsOf("<tr><td>•</td><td>", "</td></tr>", bridgePoints...)
	for name, box := range map[string]string{
		"th over a list":           `<table class=keypoints><tr><th>Key points</th></tr><tr><td>` + list + `</td></tr></table>`,
		"th over a list, no class": `<table border=1><tr><th>Key points</th></tr><tr><td>` + list + `</td></tr></table>`,
		"caption over a list":      `<table><caption>Key points</caption><tr><td>` + list + `</td></tr></table>`,
		"th over rows":             `<table><tr><th>Key points</th></tr>` + single + `</table>`,
		"thead over rows":          `<table><thead><tr><th>Key points</th></tr></thead><tbody>` + single + `</tbody></table>`,
		"th over two columns":      `<table><tr><th colspan=2>Key points</th></tr>` + dotted + `</table>`,
		"caption over rows":        `<table><caption>Key points</caption>` + single + `</table>`,
		"caption over columns":     `<table><caption>In brief</caption>` + dotted + `</table>`,
		"td over rows":             `<table><tr><td><b>Key points</b></td></tr>` + single + `</table>`,
		"heading above":            `<h3>Key points</h3><table>` + single + `</table>`,
		"bold line above":          `<p><b>Key points</b></p><table>` + dotted + `</table>`,
		"a class and rows":         `<table class="key-points">` + single + `</table>`,
		"a class, rows, heading":   `<table class="key-points"><tr><th>The story so far</th></tr>` + single + `</table>`,
		"counted rows":             `<table><tr><th colspan=2>Key points</th></tr><tr><td>1.</td><td>` + bridgePoints[0] + `</td></tr><tr><td>2.</td><td>` + bridgePoints[1] + `</td></tr><tr><td>3.</td><td>` + bridgePoints[2] + `</td></tr></table>`,
		"pictures for bullets":     `<table><tr><th colspan=2>Key points</th></tr>` + rowsOf(`<tr><td><img src="dot.gif" alt="*"></td><td>`, "</td></tr>", bridgePoints...) + `</table>`,
		"paragraphs in the cells":  `<table><tr><th>Key points</th></tr>` + rowsOf("<tr><td><p>", "</p></td></tr>", bridgePoints...) + `</table>`,
		"all in one cell":          `<table><tr><th>Key points</th></tr><tr><td>• ` + strings.Join(bridgePoints, "<br>• ") + `</td></tr></table>`,
		"bullets before the text":  `<table><tr><th>Key points</th></tr>` + rowsOf("<tr><td>• ", "</td></tr>", bridgePoints...) + `</table>`,
		"no name, bullets":         `<table>` + dotted + `</table>`,
		"Das Wichtigste":           `<table><tr><th>Das Wichtigste in Kürze</th></tr>` + single + `</table>`,
		"Summary, early":           `<table><tr><th>Summary</th></tr>` + single + `</table>`,
	} {
		if a := points(t, bridgePage(box, "")); a.PointsFrom != digest.PointsPage || !slices.Equal(a.Points, bridgePoints) {
			t.Errorf("%s: from %s %q", name, a.PointsFrom, a.Points)
		}
	}
}

// TestTablesOfFiguresGiveNoPoints are tables that tell numbers, however they
// are headed.
func TestTablesOfFiguresGiveNoPoints(t *testing.T) {
	t.Parallel()
	columns := func(rows ...string) string {
		return strings.ReplaceAll(rowsOf("<tr><td>", "</td></tr>", rows...), "|", "</td><td>")
	}
	figures := columns("Girders of the harbour bridge|8|of steel", "Ferries for commuters a day|144|free of charge", "Cost of the repair of the bridge|40|million")
	league := columns("1|Harbour Rovers|12|31", "2|Bridge United|12|28", "3|Ferry Town|12|22")
	hours := columns("Ferries from the old pier, Monday to Friday|06:00 to 22:00", "Ferries from the old pier on Saturdays|08:00 to 20:00")
	likes := `<ul><li>Wider than the old bridge and has lanes for commuters</li><li>Its girders carry heavy traffic for a year</li></ul>`
	for name, box := range map[string]string{
		"figures":             `<table><tr><th colspan=3>Key facts</th></tr>` + figures + `</table>`,
		"figures, caption":    `<table><caption>At a glance</caption>` + figures + `</table>`,
		"figures, class":      `<table class="key-points">` + figures + `</table>`,
		"figures, h3":         `<h3>Key points</h3><table>` + figures + `</table>`,
		"a league":            `<table class="at-a-glance"><caption>At a glance</caption>` + league + `</table>`,
		"a league, th":        `<table><tr><th colspan=4>Key facts</th></tr>` + league + `</table>`,
		"hours":               `<table><caption>In brief</caption>` + hours + `</table>`,
		"hours, one cell":     `<table><caption>In brief</caption>` + columns("Monday to Friday: ferries from 06:00 to 22:00 from the old pier", "Saturday: ferries from 08:00 to 20:00", "Sunday: no ferries for commuters from the old pier") + `</table>`,
		"prices":              `<table><tr><th>Key facts</th></tr>` + columns("Ferry ticket for commuters from 2.50 to 4.00", "Season ticket for commuters 40.00 or 60.00 euros", "Dogs 1.00 and bicycles 2.00 on the ferries") + `</table>`,
		"prices, columns":     `<table><tr><th>Highlights</th><th>Price</th></tr>` + columns("A ferry ticket for commuters from the old pier|4.00", "A season ticket for commuters on the ferries|40.00") + `</table>`,
		"a comparison":        `<table><tr><th>Bridge</th><th>Key points</th><th>Year</th></tr>` + columns("Harbour bridge|"+likes+"|1911", "North bridge|"+likes+"|1987") + `</table>`,
		"terms":               `<table><tr><th>Key facts</th></tr>` + columns("<b>Bridge</b>|Harbour bridge over the river", "<b>Repair</b>|It will take a year and cost forty million", "<b>Ferries</b>|Every ten minutes from the old pier") + `</table>`,
		"labels":              `<table><tr><th>Key facts</th></tr>` + columns("Bridge: the harbour bridge on the north bank", "Repair: it will take a year and forty million", "Ferries: run every ten minutes from the old pier") + `</table>`,
		"numbers":             `<table><tr><th>Key facts</th></tr>` + columns("Bridge 1911 girders 8 lanes 4", "Ferries 144 a day 6 piers 2") + `</table>`,
		"bullets, other name": `<table><tr><th colspan=2>Fares of the ferries</th></tr>` + columns("•|Inspectors found cracks in two main girders of the harbour bridge", "•|Ferries run every ten minutes and are free for commuters") + `</table>`,
		"no name":             `<table>` + columns("Inspectors found cracks in two main girders of the harbour bridge", "Ferries run every ten minutes and are free for commuters") + `</table>`,
		"no name, head cells": `<table><tr><th>Fares of the ferries</th></tr>` + columns("Inspectors found cracks in two main girders of the harbour bridge", "Ferries run every ten minutes and are free for commuters") + `</table>`,
	} {
		if a := points(t, bridgePage(box, "")); a.PointsFrom == digest.PointsPage {
			t.Errorf("%s: taken for key points: %q", name, a.Points)
		}
	}
}

// TestHighlightsOfMatchesAreNoPoints are lists of films, under names that stand
// over key points elsewhere.
func TestHighlightsOfMatchesAreNoPoints(t *testing.T) {
	t.Parallel()
	films := map[string][]string{
		"Highlights":            {"Goals: Harbour Rovers 2-1 Bridge United at the old pier", "All goals of the harbour bridge derby", "Full match replay: Harbour Rovers against Ferry Town"},
		"Story highlights":      {"Harbour bridge closes for a year after the cracks (2:31)", "Ferries take commuters from the old pier [1:05]"},
		"Summary":               {"Harbour bridge closes for a year after cracks 2:31", "Ferries take the commuters from the old pier 12:07", "Inspectors climb into the girders 0:48"},
		"Key highlights":        {"0:48 Harbour bridge closes for a year after cracks", "2:31 Ferries take the commuters from the old pier", "10:02 Inspectors climb into the girders"},
		"In brief":              {"Harbour bridge closes for a year after cracks2:31", "Ferries take the commuters from the old pier12:07"},
		"Key points":            {"Harbour bridge closes for a year after the cracks | 2:31", "Ferries take commuters from the old pier (1:05)", "Inspectors climb into the girders of the bridge"},
		"Match highlights":      {"Extended highlights: Harbour Rovers and Bridge United", "Press conference: the inspectors of the harbour bridge"},
		"Zusammenfassung":       {"Alle Tore: Harbour Rovers und Bridge United", "Das ganze Spiel: Harbour Rovers, die harbour bridge", "Video: ferries und commuters"},
		"Résumé":                {"Tous les buts : Harbour Rovers et Bridge United", "Le match en intégralité : harbour bridge et ferries"},
		"Resumen":               {"Todos los goles: Harbour Rovers y Bridge United", "Partido completo: harbour bridge y los ferries"},
		"Sintesi":               {"Tutti i gol: Harbour Rovers e Bridge United", "Partita completa: harbour bridge e le ferries"},
		"Resumo":                {"Todos os gols: Harbour Rovers e Bridge United", "Jogo completo: harbour bridge e as ferries"},
		"Samenvatting":          {"Alle doelpunten: Harbour Rovers en Bridge United", "Hele wedstrijd: harbour bridge en de ferries"},
		"Sammendrag":            {"Alle målene: Harbour Rovers og Bridge United", "Hele kampen: harbour bridge og ferries i dag"},
		"Sammanfattning":        {"Alla mål: Harbour Rovers och Bridge United", "Hela matchen: harbour bridge och ferries i dag"},
		"Skrót":                 {"Wszystkie bramki: Harbour Rovers i Bridge United", "Cały mecz: harbour bridge i ferries commuters"},
		"Opsummering":           {"Alle mål: Harbour Rovers og Bridge United", "Hele kampen: harbour bridge og ferries i dag"},
		"Höhepunkte":            {"Alle Tore: Harbour Rovers und Bridge United", "Video: ferries und commuters am alten pier"},
		"Highlights of the day": {"Goals: Rovers against United on the harbour bridge", "Goals: Ferry Town against Old Pier commuters"},
	}
	for heading, lines := range films {
		for where, box := range map[string]string{"heading": `<h3>` + heading + `</h3>` + listOf("<ul>", lines...), "class": `<div class="story-highlights"><h3>` + heading + `</h3>` + listOf("<ul>", lines...) + `</div>`} {
			if a := points(t, bridgePage(box, "")); a.PointsFrom == digest.PointsPage {
				t.Errorf("%s, %s: taken for key points: %q", heading, where, a.Points)
			}
		}
	}
	for name, lines := range map[string][]string{
		"a report":       bridgePoints,
		"a time of day":  {"The harbour bridge closes tonight at 22:30", "The first of the ferries leaves the old pier at 23:15", "Inspectors will be back on the girders by 6:00"},
		"a goal of many": {"Goals: the port authority wants the harbour bridge repaired in a year", bridgePoints[0], bridgePoints[1]},
		"a video as one": {"Video of the cracks led inspectors to the girders of the bridge", bridgePoints[1], bridgePoints[2]},
	} {
		if a := points(t, bridgePage(`<h3>Highlights</h3>`+listOf("<ul>", lines...), "")); a.PointsFrom != digest.PointsPage || !slices.Equal(a.Points, lines) {
			t.Errorf("%s: from %s %q", name, a.PointsFrom, a.Points)
		}
	}
}
