package ingest

import (
	"slices"
	"testing"
)

func TestPageNamesItsFeeds(t *testing.T) {
	t.Parallel()
	page := []byte(`<html><head><link rel="alternate" type="application/rss+xml" href="/rss"><link rel="stylesheet" href="/x.css"><link rel=alternate type="application/feed+json" href="https://wire.example/f.json"></head><body><h1>Gazette</h1><p>Text.</p></body></html>`)
	e, err := Extract("page", page, Options{Address: "https://gazette.example/home"})
	if want := []string{"https://gazette.example/rss", "https://wire.example/f.json"}; err != nil || !slices.Equal(e.Feeds(), want) {
		t.Errorf("%q, %v, want %q", e.Feeds(), err, want)
	}
	for name, text := range map[string]string{"feed": `<rss><channel><title>x</title></channel></rss>`, "text": "A headline\n\nSome text."} {
		if e, err := Extract(name, []byte(text), Options{Address: "https://gazette.example/home"}); err != nil || e.Feeds() != nil {
			t.Errorf("%s: %q, %v", name, e.Feeds(), err)
		}
	}
	if e, err := Extract("file", page, Options{}); err != nil || e.Feeds() != nil {
		t.Errorf("a page without an address: %q, %v", e.Feeds(), err)
	}
}
