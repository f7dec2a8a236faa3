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
