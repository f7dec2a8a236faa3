package ingest

import "testing"

func TestLinkIsThePublishersWhereAServiceCountsClicks(t *testing.T) {
	t.Parallel()
	for name, extra := range map[string]string{
		"FeedBurner": `<x:origLink xmlns:x="http://rssnamespace.org/feedburner/ext/1.0">https://gazette.example/fire?utm_source=rss</x:origLink>`,
		"by prefix":  `<feedburner:origLink>https://gazette.example/fire</feedburner:origLink>`,
		"Pheedo":     `<pheedo:origLink xmlns:pheedo="http://www.pheedo.com/namespace/pheedo">https://gazette.example/fire</pheedo:origLink>`,
	} {
		e := feed(t, rssHead+`<item><title>Fire in the old harbour</title><link>https://feedproxy.google.com/~r/Gazette/~3/x1/fire</link>`+extra+`</item></channel></rss>`)
		if a := e.Articles[0]; a.URL != "https://gazette.example/fire" || a.Canonical != "https://gazette.example/fire" {
			t.Errorf("%s: opens %s, is %s", name, a.URL, a.Canonical)
		}
	}
	e := feed(t, rssHead+`<item><title>Fire</title><link>https://www.google.com/url?rct=j&amp;url=https://gazette.example/fire&amp;ct=ga</link></item></channel></rss>`)
	if a := e.Articles[0]; a.URL != "https://gazette.example/fire" || a.Canonical != a.URL {
		t.Errorf("an alert's redirect opens %s, is %s", a.URL, a.Canonical)
	}
}
