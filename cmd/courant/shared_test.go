package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"courant/digest/smtpsink"
)

// TestItemsThatShareAnAddressReachTheRowsOnceEach polls, through the program,
// release notes of one page as their publisher adds to them.
func TestItemsThatShareAnAddressReachTheRowsOnceEach(t *testing.T) {
	t.Parallel()
	var items atomic.Value
	items.Store("")
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `<?xml version="1.0"?><rss version="2.0"><channel><title>Cloud</title>%s</channel></rss>`, items.Load())
	}))
	t.Cleanup(s.Close)
	note := func(day, title, guid string) string {
		return fmt.Sprintf(`<item><title>November %s: %s</title><link>%s/notes#November_%s</link><guid isPermaLink="false">%s</guid><description>%s is there for all customers.</description></item>`,
			day, title, s.URL, day, guid, title)
	}
	d := newDesk(t, smtpsink.Options{})
	d.configure()
	d.source(fmt.Sprintf("{name: notes, feed: %q}", s.URL+"/feed"))
	for i, poll := range []struct {
		items, want string
	}{
		{note("20", "Search", "a"), "1 articles, 1 new"},
		{note("21", "Queues", "b") + note("20", "Search", "a"), "2 articles, 1 new"},
		{note("22", "Copies", "c"), "1 articles, 1 new"},
		{note("22", "Copies", "x") + note("21", "Queues", "y") + note("20", "Search", "z"), "3 articles, 0 new"},
	} {
		items.Store(poll.items)
		r := d.try("fetch", "notes")
		out := r.stdout + r.stderr
		if !strings.Contains(out, poll.want) {
			t.Errorf("poll %d: %s", i+1, out)
		}
		t.Log(out)
	}
	if n := d.query(`SELECT count(*) || ' ' || count(DISTINCT canonical) FROM articles WHERE source = 'notes'`); n != "3 3" {
		t.Errorf("rows and forms: %s", n)
	}
	d.write("notes.xml", `<?xml version="1.0"?><rss version="2.0"><channel><title>Cloud</title>`+items.Load().(string)+`</channel></rss>`)
	if r := d.try("extract", d.dir+"/notes.xml"); !strings.Contains(r.stdout+r.stderr, "3 items share one address") {
		t.Errorf("extract does not warn: %+v", r)
	}
}
