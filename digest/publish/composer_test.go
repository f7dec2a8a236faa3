package publish

import (
	"fmt"
	"reflect"
	"testing"

	"courant/digest"
)

// Of what comes again a composer may remember how it reads, not what it said.
func TestComposerGivesWhatComposeGives(t *testing.T) {
	t.Parallel()
	var c Composer
	var sent []digest.Story
	for day := range 5 {
		var list []digest.Candidate
		for i := range 30 {
			a := article(day*100+i, "World", float64(23-day*5)-float64(i)/30)
			a.Title = fmt.Sprintf("Harbour %d closes gate %d for the storm of day %d", i%7, i%5, day-i%2)
			a.Lead = fmt.Sprintf("Ferries from pier %d stay away until noon, the port said. Subscribe for 3 euros a month to %d.", i%4, day)
			list = append(list, a)
		}
		if day == 3 { // a known text that reads otherwise now
			again := sent[0].Articles[0]
			again.Title, again.Lead = "Lighthouse keeper of Skarholm retires after forty winters", ownText(7, 60)
			sent[0].Articles = []digest.Article{again}
			list[0].Title, list[0].Lead = again.Title, again.Lead
		}
		m := material(list...)
		m.Sent = sent
		got, err := c.Compose(m)
		if err != nil {
			t.Fatal(err)
		}
		want, err := Compose(m)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("day %d: %+v, want %+v, %v", day, got, want, err)
		}
		for i, f := range got.Stories {
			s := digest.Story{ID: digest.StoryID(day*1000 + i + 1)}
			for _, id := range f.Articles {
				s.Articles = append(s.Articles, list[int(id)%100].Article)
			}
			sent = append(sent, s)
		}
	}
	if len(c.read) != 1 || len(c.read["morning"]) != 150 {
		t.Errorf("it remembers %d texts of %d digests", len(c.read["morning"]), len(c.read))
	}
}

// Who asks which stories are known and then composes has the articles folded
// once, also where other materials are asked of in between, and what is read anew
// is folded anew.
func TestMaterialIsFoldedOnceForKnownAndCompose(t *testing.T) {
	t.Parallel()
	var c Composer
	list := make([]digest.Material, 3)
	for i := range list {
		list[i] = material(article(10*i+1, "World", 2), article(10*i+2, "Military", 3))
		list[i].Candidates[0].Story = digest.StoryID(i + 1)
		if got, want := c.Known(list[i]), Known(list[i]); len(got) != 1 || !reflect.DeepEqual(got, want) {
			t.Errorf("known are %+v, want %+v", got, want)
		}
	}
	for i, m := range list {
		before := c.folded[fingerprintOf(m)]
		m.Digest.Categories = []string{"Military", "World"} // what it is composed with is not what was folded
		for range 2 {
			got, err := c.Compose(m)
			want, _ := Compose(m)
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Fatalf("%+v, want %+v, %v", got, want, err)
			}
			if &got.Stories[0].Articles[0] != &before[0].Articles[0] {
				t.Error("it was folded again")
			}
		}
		anew := m
		anew.Candidates = append([]digest.Candidate{}, m.Candidates...)
		anew.Candidates[0].Title = "Lighthouse " + anew.Candidates[0].Title
		if got, _ := c.Compose(anew); got.Stories[0].Told.Title == got.Stories[1].Told.Title || len(c.folded) != len(list)-i {
			t.Errorf("read anew: %+v, of %d materials", got.Stories, len(c.folded))
		}
	}
	for i := range 2 * mostFolded {
		c.Known(material(article(i+1, "World", 2)))
	}
	if len(c.folded) > mostFolded {
		t.Errorf("%d foldings are kept", len(c.folded))
	}
}

// BenchmarkKnownAndComposeOfFiveHundredArticles is what a slot of a plan, a
// renewed preview and a publication take.
func BenchmarkKnownAndComposeOfFiveHundredArticles(b *testing.B) {
	m := material()
	for id := range 500 {
		a := article(id+1, []string{"Military", "World"}[id%2], float64(id)/10)
		a.Lead = ownText(uint64(id), 60)
		m.Candidates = append(m.Candidates, a)
	}
	for name, ask := range map[string]func() error{
		"each folds": func() error { Known(m); _, err := Compose(m); return err },
		"once":       func() error { var c Composer; c.Known(m); _, err := c.Compose(m); return err },
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if err := ask(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
