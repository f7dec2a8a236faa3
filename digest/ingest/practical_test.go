package ingest

import (
	"strings"
	"testing"

	"courant/digest"
)

func TestLinesThatGiveAddressesPricesAndTimesAreToldFromNews(t *testing.T) {
	t.Parallel()
	for _, line := range []string{
		"The Anchor, 14 Mill Lane", "The Anchor Inn, 14-16 Mill Lane, Ambleford", "Gasthof Krone, Lindenallee 7", "Gasthof Krone, Am Markt 2, 04109 Leipzig", "Chez Louise, 8 rue des Lilas", "Chez Louise, 8, rue des Lilas",
		"Casa Pepe, calle Mayor 21", "Casa Pepe, calle Mayor, 21", "Tasca do Rui, Rua do Carmo, 12", "Da Gino, via Garibaldi 3", "De Vergulde Hoorn, Prinsengracht 88", "Fiskehuset, Strandgata 5", "Kaféet, Kungsgatan 11 B", "Smørrebrød, Vestergade 9", "Bar Mleczny, ul. Długa 4",
		"Double rooms: from €95", "Dinner: £32", "Singles: from kr 900 a night, breakfast included", "Eintritt: 12 Euro, Kinder 6 Euro", "Plein tarif : 9 €", "Entrada: 15 euros", "Bilety: 40 zł", "Inträde: 120 kr", "Beds: 24", "Höhe: 310 m",
		"Opera house: Mon-Sat 9:30-18:00", "Fri 3 June, 19:30, Town Hall", "Geöffnet: Di–Fr 10–18 Uhr", "Mittwoch, 4. Mai, 20 Uhr, Stadthalle", "Samedi 4 juin, 20h30, salle des fêtes", "Miércoles, 20:00, Teatro Real", "Sabato 4 giugno, ore 21:00, piazza Dante", "Lørdag 4. juni kl. 19.00, Kulturhuset", "Sobota, 18:00, Dom Kultury",
		"Box office: 01632 960 114", "Tickets: boxoffice@opera.example", "Web: www.opera.example/visit", "Where: Corn Exchange", "Wann: jeden Mittwoch im Juni", "Où : salle des fêtes de Vannes", "Parking: free behind the church",
		"Train from Leeds to Ambleford, 1h 20min", "Bus 7 from the market square", "By car from Leeds, half an hour", "Mit der Bahn von Leipzig nach Krone in einer Stunde", "Parkplätze am Bahnhof", "En train depuis Lyon, deux heures", "In treno da Torino, un'ora", "Met de trein van Utrecht naar Hoorn", "Med tog fra Oslo til Moss", "Pociągiem z Krakowa, dwie godziny",
	} {
		if !isPractical(line) {
			t.Errorf("not seen as practical: %s", line)
		}
	}
	for _, line := range []string{
		"Fire broke out at 14 Mill Lane", "A man, 34, was arrested in Mill Lane", "Tickets cost £12, up from £10", "The hotel, built in 1790, reopens on Monday with 24 rooms", "Cost: £48 million", "Revenue: $4.2bn, up 12%", "Turnout: 61%", "Umsatz: 3,4 Milliarden Euro", "Coût : 48 millions d'euros",
		"The inn opens at 9:30.", "Sunday: Council votes on the wall", "14 May: The council votes on the flood wall", "Why it matters: the wall divides the town", "Where the wall stops: at the old quay, say engineers who surveyed it for two years", "Train drivers from Leeds to strike on Friday",
		"Mit der Bahn reisten 2023 mehr Menschen nach Wien", "Die Bahn streicht 300 Züge", "Two dead, 14 injured", "Liverpool beat Everton, 2-1", "Parking at the museum will cost £10 from May.", "Work begins in April 2027", "Am 4. Mai wählt die Stadt einen Bürgermeister", "The fine: £200 for each of the 16 owners who left their boats at the quay",
	} {
		if isPractical(line) {
			t.Errorf("seen as practical: %s", line)
		}
	}
}

// TestPracticalBoxesAreNoKeyPoints: boxes of hotels, restaurants and programmes
// have the headings and the names of key points, wherever they stand.
func TestPracticalBoxesAreNoKeyPoints(t *testing.T) {
	t.Parallel()
	boxes := map[string]string{
		"hotel":     listOf(`<ul>`, "Rooms: 24, from €95 a night", "Ferries leave below the windows", "Dinner: £32", "Parking: free at the harbour bridge"),
		"addresses": listOf(`<ul>`, "Bridge Inn, 14 Mill Lane", "Harbour Grill, 2 Port Street", "Old Pier Café, 40 Commuter Road"),
		"Adressen":  listOf(`<ul>`, "Gasthof Bridge, Lindenallee 7", "Harbour Grill, Hafenstraße 2", "Café Pier, Am Markt 40"),
		"programme": listOf(`<ul>`, "Fri 3 June, 19:30, Harbour Hall, free", "Sat 4 June, 20:00, Old Pier, £12", "Sun 5 June, 11:00, Bridge Museum"),
		"times":     listOf(`<ul>`, "Bridge museum: Tue-Sun 10:00-17:00, £8", "Ferry: daily at 9:00, £12 return", "Harbour tours: Sat 14:00"),
		"way there": listOf(`<ul>`, "Train from the city to the harbour, 2h 10min", "Bus 14 from the station to the bridge", "Parking at the old pier"),
		"rings":     listOf(`<ul>`, "Port authority: 01632 960 114", "Bridge museum: info@bridge.example", "Ferry office: 01632 960 115"),
	}
	for name, list := range boxes {
		for _, heading := range []string{"At a glance", "Need to know", "Key facts", "In short", "Key points", "Summary", "Highlights", "Auf einen Blick", "Kurz und knapp", "L'essentiel", "En breve", "W skrócie"} {
			box := "<h3>" + heading + "</h3>" + list
			for place, page := range map[string]string{"top": bridgePage(box, ""), "end": bridgePage("", box), "a named box": bridgePage(`<div class="takeaways">`+box+`</div>`, "")} {
				if a := points(t, page); a.PointsFrom == digest.PointsPage {
					t.Errorf("%s under %s, %s: taken for key points: %q", name, heading, place, a.Points)
				}
			}
		}
	}
}

func TestPointsWithAPriceOrATimeAmongThemStay(t *testing.T) {
	t.Parallel()
	for name, lines := range map[string][]string{
		"one price":        {"Ferry tickets: £4", "Inspectors found cracks in two main girders of the harbour bridge", "The repair will take a year"},
		"figures of news":  {"Cost of the repair: 40 million", "Commuters who take the ferries: up 12% in a week", "Cracks found by the inspectors: in two girders"},
		"times that tell":  {"Ferries leave from 6:30 every ten minutes", "The bridge closes on Monday at 18:00 for a year", "Commuters pay £4, down from £6"},
		"an address in it": {"Inspectors met commuters at 14 Mill Lane", "The harbour bridge closes for a year", "Ferries are free"},
	} {
		page := bridgePage(`<h3>Key points</h3>`+listOf(`<ul>`, lines...), "")
		if a := points(t, page); a.PointsFrom != digest.PointsPage || len(a.Points) != len(lines) {
			t.Errorf("%s: from %s %q", name, a.PointsFrom, strings.Join(a.Points, " / "))
		}
	}
}
