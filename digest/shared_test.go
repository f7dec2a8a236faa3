package digest

import (
	"slices"
	"testing"
)

func TestItemsAtOneAddressAreOneArticleOrTwo(t *testing.T) {
	t.Parallel()
	item := func(guid, link, title string) Article {
		canonical, err := CanonicalURL(link)
		if err != nil {
			t.Fatal(err)
		}
		return Article{GUID: guid, URL: link, Canonical: canonical, Title: title}
	}
	const page, front = "https://example.com/news/1", "https://example.com/"
	for name, c := range map[string]struct {
		a, b      Article
		repeats   bool // in one document
		continues bool // from poll to poll
	}{
		"two guids, one headline":             {item("1", page, "Bees return"), item("2", page+"#top", "Bees return"), true, true},
		"two guids, a headline grown":         {item("1", page, "Bees return"), item("2", page, "Bees return to the quarry"), true, true},
		"two guids, a headline rewritten":     {item("1", page, "Bees return to the old quarry"), item("2", page, "Wild bees return to quarry"), true, true},
		"two guids, little in common":         {item("1", page, "Bees return to quarry"), item("2", page, "Quarry of Faro sold for a song"), false, true},
		"two guids, nothing in common":        {item("1", page, "Bees return to quarry"), item("2", page, "Fares rise"), false, false},
		"two guids, other figures":            {item("1", page, "Version 1.2 is out"), item("2", page, "Version 1.3 is out"), false, true},
		"figures that begin alike":            {item("1", page, "Version 1.1 is out"), item("2", page, "Version 1.10 is out"), false, true},
		"one guid":                            {item("1", page, "Bees return"), item("1", page, "Fares rise"), true, true},
		"no guids":                            {item("", page, "Bees return"), item("", page, "Fares rise"), true, true},
		"a guid comes":                        {item("", page, "Bees return"), item("2", page, "Fares rise"), false, true},
		"a guid that counts editions":         {item(page+"#0", page, "Bees return"), item(page+"#12", page, "Fares rise"), true, true},
		"parts of a page":                     {item("1", page+"#a", "Day 1: bees"), item("2", page+"#b", "Day 2: bees"), false, false},
		"parts of a page without guids":       {item("", page+"#a", "Day 1: bees"), item("", page+"#b", "Day 2: bees"), false, false},
		"one part of a page":                  {item("", page+"#a", "Bees return"), item("", page+"#a", "Fares rise"), true, true},
		"fragments that track":                {item("1", page+"#xtor=RSS-1", "Bees return to quarry"), item("2", page+"#Echobox=17", "Bees of the quarry are back"), true, true},
		"a front page":                        {item("1", front, "Bees return to quarry"), item("2", front, "Bees of the quarry are back"), false, false},
		"a front page, one headline":          {item("1", front, "Bees return"), item("2", front, "Bees return"), true, true},
		"nothing in common, without spaces":   {item("1", page, "蜜蜂回到采石场"), item("2", page, "票价上涨"), false, false},
		"the same headline, without spaces":   {item("1", page, "蜜蜂回到采石场"), item("2", page, "蜜蜂回到采石场了"), true, true},
		"no headline says nothing of another": {item("1", page, ""), item("2", page, "Fares rise"), true, true},
	} {
		a, b := ItemOf(c.a), ItemOf(c.b)
		if got := b.Repeats(a); got != c.repeats || a.Repeats(b) != got {
			t.Errorf("%s: repeats is %v, want %v", name, got, c.repeats)
		}
		if got := b.Continues(a, false); got != c.continues {
			t.Errorf("%s: continues is %v, want %v", name, got, c.continues)
		}
	}
}

func TestArticlesThatShareAnAddressGetFormsOfTheirOwn(t *testing.T) {
	t.Parallel()
	made := func() []Article {
		var all []Article
		for _, a := range [][2]string{{"1", "Bees return to quarry"}, {"2", "Fares rise"}, {"3", "Bees return to quarry"}, {"", "Tapir born"}, {"", "Mayor resigns"}} {
			all = append(all, Article{GUID: a[0], URL: "http://www.example.com/", Canonical: "https://example.com/", Title: a[1]})
		}
		return append(all, Article{GUID: "9", URL: "https://example.com/a", Canonical: "https://example.com/a", Title: "Alone"}, Article{Title: "Without an address"})
	}
	all := made()
	repeats, shared := TellApart(all)
	if !slices.Equal(repeats, []bool{false, false, true, false, true, false, false}) || len(shared) != 1 || shared["https://example.com/"] != 3 {
		t.Errorf("%v, %v", repeats, shared)
	}
	for i, want := range []bool{true, true, false, false, false, false, false} {
		address, marked := SharedAddress(all[i].Canonical)
		if marked != want || address != made()[i].Canonical {
			t.Errorf("%q is %q, %v", all[i].Title, all[i].Canonical, marked)
		}
		if marked && (OwnCanonical(made()[i]) != all[i].Canonical || OwnCanonical(all[i]) != all[i].Canonical) {
			t.Errorf("%q alone is %q, with others %q", all[i].Title, OwnCanonical(made()[i]), all[i].Canonical)
		}
	}
	if all[0].Canonical == all[1].Canonical {
		t.Error("two articles have one form")
	}
}

func FuzzSharedAddresses(f *testing.F) {
	f.Add("1", "https://example.com/#a", "Fire", "2", "https://example.com/#b", "Vote")
	f.Add("", "https://example.com/x#item=1", "", "https://example.com/x", "https://example.com/x#!/item=1", "1.2.3")
	f.Add("u#1", "https://example.com/x?#top", "票价", "u#22", "https://example.com/x", "票")
	f.Fuzz(func(t *testing.T, guid, link, title, guid2, link2, title2 string) {
		a, b := Article{GUID: guid, URL: link, Title: title}, Article{GUID: guid2, URL: link2, Title: title2}
		a.Canonical, _ = CanonicalURL(link)
		b.Canonical, _ = CanonicalURL(link2)
		if ItemOf(a).Repeats(ItemOf(b)) != ItemOf(b).Repeats(ItemOf(a)) {
			t.Fatal("the order decides")
		}
		if !ItemOf(a).Repeats(ItemOf(a)) || !ItemOf(a).Continues(ItemOf(a), true) {
			t.Fatal("an article is not itself")
		}
		pair := []Article{a, b}
		repeats, _ := TellApart(pair)
		if a.Canonical == b.Canonical && a.Canonical != "" && !repeats[1] && pair[0].Canonical == pair[1].Canonical {
			t.Fatalf("both are %q", pair[0].Canonical)
		}
		for i, before := range []Article{a, b} {
			if address, _ := SharedAddress(pair[i].Canonical); address != before.Canonical {
				t.Fatalf("%q became %q", before.Canonical, pair[i].Canonical)
			}
		}
	})
}
