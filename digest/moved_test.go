package digest

import (
	"fmt"
	"testing"
	"time"
)

func TestSiteThatMovesIsKnownByMomentHeadlineAndPath(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	at := func(link, title string, published time.Time) Article {
		canonical, err := CanonicalURL(link)
		if err != nil {
			t.Fatal(err)
		}
		return Article{URL: link, Canonical: canonical, Title: title, Published: published}
	}
	const fire = "Fire in the old harbour"
	one := []Article{at("https://old.example/2026/fire?id=7", fire, noon)}
	for name, c := range map[string]struct {
		known, came []Article
		want        string
	}{
		"another host":               {one, []Article{at("https://www.new.example/2026/fire/?id=7&utm_source=rss", "Fire in the old Harbour!", noon)}, "map[0:0]"},
		"another zone's time":        {one, []Article{at("https://new.example/2026/fire?id=7", fire, noon.In(time.FixedZone("", 3600)))}, "map[0:0]"},
		"the same host":              {one, []Article{at("https://old.example/2026/fire?id=7", fire, noon)}, "map[]"},
		"another headline":           {one, []Article{at("https://new.example/2026/fire?id=7", "Fire in the new harbour", noon)}, "map[]"},
		"half of the headline":       {one, []Article{at("https://new.example/2026/fire?id=7", "Fire in the old", noon)}, "map[]"},
		"another path":               {one, []Article{at("https://new.example/2026/fire-2?id=7", fire, noon)}, "map[]"},
		"another parameter":          {one, []Article{at("https://new.example/2026/fire?id=8", fire, noon)}, "map[]"},
		"a second later":             {one, []Article{at("https://new.example/2026/fire?id=7", fire, noon.Add(time.Second))}, "map[]"},
		"no date":                    {[]Article{at("https://old.example/fire", fire, time.Time{})}, []Article{at("https://new.example/fire", fire, time.Time{})}, "map[]"},
		"a front page":               {[]Article{at("https://old.example/", fire, noon)}, []Article{at("https://new.example/", fire, noon)}, "map[]"},
		"two came":                   {one, []Article{at("https://new.example/2026/fire?id=7", fire, noon), at("https://next.example/2026/fire?id=7", fire, noon)}, "map[]"},
		"two were known":             {append([]Article{at("https://older.example/2026/fire?id=7", fire, noon)}, one...), []Article{at("https://new.example/2026/fire?id=7", fire, noon)}, "map[]"},
		"the former host still here": {one, []Article{at("https://new.example/2026/fire?id=7", fire, noon), at("https://old.example/zoo", "Tapir born", noon)}, "map[]"},
		"a template at other times": {[]Article{at("https://old.example/weather", "Weather report", noon)}, []Article{at("https://new.example/weather", "Weather report", noon.Add(24*time.Hour))},
			"map[]"},
		"several": {[]Article{at("https://old.example/a", "One thing", noon), at("https://old.example/b", "Other thing", noon)},
			[]Article{at("https://new.example/c", "A new thing", noon), at("https://new.example/b", "Other thing", noon), at("https://new.example/a", "One thing", noon)}, "map[1:1 2:0]"},
	} {
		if got := fmt.Sprint(Moves(c.came, c.came, c.known)); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
	shared := at("https://new.example/2026/fire?id=7", fire, noon)
	shared.GUID = "x"
	shared.Canonical = OwnCanonical(shared)
	if got := Moves([]Article{shared}, []Article{shared}, one); len(got) != 0 {
		t.Errorf("an address of several: %v", got)
	}
}
