package ingest

import (
	"slices"
	"testing"

	"courant/digest"
)

func TestHeadingsOfManyTonguesMeanKeyPoints(t *testing.T) {
	t.Parallel()
	for _, heading := range []string{
		"Los aspectos destacados:", "DE HOOFDZAKEN", "Saka kort fortalt", "✨ Artikeln i punkter", "Artiklens vigtigste pointer", "Kluczowe ustalenia",
		"Das Wichtigste in 4 Punkten", "L’essentiel en 5 points", "In 2 bullets", "Em 4 pontos",
		"Главные тезисы", "Стисло про головне", "ΚΥΡΙΑ ΣΗΜΕΙΑ", "Τα σημαντικότερα", "HABERİN ÖZETİ", "Klíčové body", "Kľúčové body", "Dióhéjban", "Ştirea pe scurt",
		"Jutun ydin", "Svarbiausia", "Í stuttu máli", "הנקודות העיקריות", "ملخص الخبر", "この記事の4つのポイント", "重點整理", "5줄 요약", "Hal-hal penting", "Nội dung chính",
		"สรุปสาระสำคัญ", "मुख्य बातें", "संक्षेप में:",
	} {
		if got := namedGrade(heading); got != gradePoints {
			t.Errorf("%q: grade %d", heading, got)
		}
	}
}

func TestHeadingsThatOftenMeanKeyPointsNeedMoreEvidence(t *testing.T) {
	t.Parallel()
	for _, heading := range []string{"Højdepunkter", "Höjdpunkter", "תקציר", "Faits marquants", "Выводы", "Sažetak"} {
		if got := namedGrade(heading); got != gradeSummary {
			t.Errorf("%q: grade %d", heading, got)
		}
		top := points(t, bridgePage("<h3>"+heading+"</h3>"+listOf("<ul>", bridgePoints...), ""))
		if top.PointsFrom != digest.PointsPage || !slices.Equal(top.Points, bridgePoints) {
			t.Errorf("%q at the top: %q from %s", heading, top.Points, top.PointsFrom)
		}
		if below := points(t, bridgePage("", "<h3>"+heading+"</h3>"+listOf("<ul>", bridgePoints...))); below.PointsFrom == digest.PointsPage {
			t.Errorf("%q below the text was taken for key points", heading)
		}
	}
}

func TestHeadingsThatCountSomethingElseMeanNothing(t *testing.T) {
	t.Parallel()
	for _, heading := range []string{"In 30 pubs", "Das Wichtigste in 4 Liedern", "Division 3", "3", "Route 66", "En 1995", "4行詩"} {
		if got := namedGrade(heading); got != gradeNone {
			t.Errorf("%q: grade %d", heading, got)
		}
	}
}
