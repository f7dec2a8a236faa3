package explain

import (
	"testing"

	"courant/digest"
)

func TestReaderWhoWasNotDueMissedEveryStoryForThat(t *testing.T) {
	t.Parallel()
	const weekly = "reads it weekly, and this was not the week's edition"
	entry := digest.Entry{
		Edition: digest.Edition{Digest: "morning", Number: 1}, Reason: weekly, Empty: "below min_articles: 0 of 1",
		Stories: []digest.Told{{Title: "Told"}}, LeftOut: []digest.LeftOut{{Title: "Left", Reason: "category World is not among the reader's"}},
	}
	a := answer(entry)
	if len(a.Articles) != 0 || len(a.LeftOut) != 2 || a.LeftOut[0].Reason != weekly || a.LeftOut[1].Reason != weekly {
		t.Errorf("%+v", a)
	}
	// A reader whose own choice was too thin is told what the variant says.
	entry.Reason, entry.Stories = entry.Empty, nil
	if a := answer(entry); len(a.LeftOut) != 1 || a.LeftOut[0].Reason != "category World is not among the reader's" {
		t.Errorf("%+v", a)
	}
}

func TestPlanShowsWhatOnlySomeReadersWillGet(t *testing.T) {
	t.Parallel()
	c := coming()[:1]
	planned, err := Plan(c, func(m digest.Material) (digest.Composition, error) {
		composed, err := compose(m)
		composed.Variants = []digest.Draft{
			{Default: true, Reason: "below min_articles: 0 of 1", LeftOut: map[int]string{0: "already sent", 1: "already sent", 2: "already sent"}},
			{Groups: []int64{2}, Stories: []int{1}},
		}
		return composed, err
	})
	if err != nil {
		t.Fatal(err)
	}
	p := planned[0]
	if len(p.Articles) != 1 || p.Articles[0].Title != "Vote in Geneva" || p.Readers != 80 {
		t.Errorf("%d readers get %+v", p.Readers, p.Articles)
	}
	for _, l := range p.LeftOut {
		if l.Title == "Vote in Geneva" {
			t.Error("a story that is carried is said to be left out")
		}
	}
	for _, w := range p.Warnings {
		if w == "below min_articles: 0 of 1" {
			t.Error("warned of an empty edition that goes out")
		}
	}
}
