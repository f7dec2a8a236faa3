package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"courant/digest/explain"
	"courant/digest/smtpsink"
)

// source adds a line to the sources of the config.
func (d *desk) source(line string) {
	d.t.Helper()
	text := d.read("courant.yaml")
	d.write("courant.yaml", strings.Replace(text, "\nlists:\n", "\n  - "+line+"\nlists:\n", 1))
}

// sourcesOf are the lines of `courant sources --json`, by name.
func (d *desk) sourcesOf(args ...string) map[string]explain.SourceStatus {
	d.t.Helper()
	all := map[string]explain.SourceStatus{}
	for line := range strings.Lines(d.must(append([]string{"sources", "--json"}, args...)...)) {
		var s explain.SourceStatus
		if err := json.Unmarshal([]byte(line), &s); err != nil {
			d.t.Fatalf("%s: %v", line, err)
		}
		all[s.Source] = s
	}
	return all
}

// gone is a server that says of everything that it is gone, until it is told
// to answer with a feed.
func gone(t *testing.T) (*httptest.Server, *atomic.Bool) {
	t.Helper()
	var back atomic.Bool
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !back.Load() {
			w.WriteHeader(http.StatusGone)
			return
		}
		fmt.Fprintf(w, `<?xml version="1.0"?><rss version="2.0"><channel><title>Gazette</title><item><title>Harbour opens again</title><link>http://%s/harbour</link><description><![CDATA[%s]]></description></item></channel></rss>`,
			r.Host, threePoints)
	}))
	t.Cleanup(s.Close)
	return s, &back
}

func TestSilentAndDeadSourcesAreSaidToTheOperatorNeverToReaders(t *testing.T) {
	t.Parallel()
	d := newDesk(t, smtpsink.Options{Bodies: true})
	d.feed.put(item{"Bridge opens a year early", "/1", threePoints})
	d.configure()
	old, _ := gone(t)
	d.source(fmt.Sprintf(`{name: Old Gazette, feed: "%s/old.xml", category: World}`, old.URL))
	d.must("readers", "add", "ann@example.org")
	d.must("fetch", "Wire")
	if s := d.sourcesOf(); s["Wire"].Condition != "up" || s["Old Gazette"].Condition != "new" || s["Wire"].Articles != 1 || *s["Wire"].OwnPoints != 1 {
		t.Errorf("%+v", s)
	}

	d.offset = 8*24*time.Hour + time.Minute
	serve := d.start("serve", "--only", "fetch")
	d.until("both are said", func() bool {
		log := serve.log.String()
		return strings.Contains(log, `level=WARN msg="source is silent" source=Wire`) && strings.Contains(log, `level=WARN msg="source is dead" source="Old Gazette"`)
	})
	if err := serve.signal(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
	// Said once: not by the next process, nor by hand.
	r := d.try("fetch")
	if r.code != exitDone || strings.Contains(r.stderr, "silent") || strings.Contains(r.stderr, "dead") {
		t.Errorf("%+v", r)
	}
	s := d.sourcesOf()
	if w := s["Wire"]; w.Condition != "silent" || w.Since == nil || !strings.Contains(w.Next, "publisher's site") {
		t.Errorf("%+v", w)
	}
	if g := s["Old Gazette"]; g.Condition != "dead" || g.NextPoll != nil || !strings.Contains(g.Next, `courant sources wake "Old Gazette"`) {
		t.Errorf("%+v", g)
	}
	if out := d.must("sources"); !strings.HasPrefix(strings.Split(out, "\n")[1], "dead     Old Gazette") || !strings.Contains(out, "2 sources: 1 dead, 1 silent") {
		t.Error(out)
	}
	if out := d.must("sources", "Wire"); !strings.Contains(out, "Bridge opens a year early  (3 points: the feed's own points)") {
		t.Error(out)
	}
	if out := d.must("status"); !strings.Contains(out, "! 2 of 2 sources: Wire is silent, Old Gazette is dead") {
		t.Error(out)
	}
	lines := checkedLines(t, d.must("check", "--json"))
	rowOf(t, lines, "source", "Wire").want(t, "look", "silent, no new article for 8 days")
	rowOf(t, lines, "source", "Old Gazette").want(t, "wrong", "gone for good")

	d.feed.put(item{"Tunnel is dug in a month", "/2", threePoints})
	if r := d.try("fetch"); r.code != exitDone || !strings.Contains(r.stderr, "Wire: well again; it was silent") {
		t.Errorf("%+v", r)
	}
	d.must("send", "morning")
	got := d.sink.Messages()
	if len(got) != 1 {
		t.Fatalf("%d mails", len(got))
	}
	for _, word := range []string{"silent", " dead", "Gazette", "410 Gone", "gone for good", "well again"} {
		if len(got[0].Body) == 0 || strings.Contains(string(got[0].Body), word) {
			t.Errorf("a reader is told %q:\n%s", word, got[0].Body)
		}
	}
}

func TestWakeAsksSourceAgainThatIsGone(t *testing.T) {
	t.Parallel()
	d := newDesk(t, smtpsink.Options{})
	d.configure()
	server, back := gone(t)
	d.source(fmt.Sprintf(`{name: Old Gazette, feed: "%s/old.xml", category: World}`, server.URL))
	if r := d.try("fetch"); r.code != exitFailed || !strings.Contains(r.stderr, "Old Gazette: dead since") || !strings.Contains(r.stderr, "1 of 2 sources could not be polled") {
		t.Errorf("%+v", r)
	}
	// It was said once; who asks for it by name is told again.
	if r := d.try("fetch"); r.code != exitDone || !strings.Contains(r.stdout, "Old Gazette: gone") {
		t.Errorf("%+v", r)
	}
	if r := d.try("fetch", "Old Gazette"); r.code != exitFailed || !strings.Contains(r.stderr, "gone for good") {
		t.Errorf("%+v", r)
	}
	back.Store(true)
	// Nobody asks what is gone.
	if r := d.try("fetch", "Old Gazette"); !strings.Contains(r.stdout, "Old Gazette: gone") {
		t.Errorf("%+v", r)
	}
	r := d.try("sources", "wake", "Old Gazette")
	if r.code != exitDone || !strings.Contains(r.stdout, "Old Gazette: read, 1 articles, 1 new") || !strings.Contains(r.stderr, "well again; it was dead") {
		t.Errorf("%+v", r)
	}
	if s := d.sourcesOf("Old Gazette"); s["Old Gazette"].Condition != "up" || len(s["Old Gazette"].LastArticles) != 1 {
		t.Errorf("%+v", s)
	}
	back.Store(false)
	if r := d.try("sources", "wake", "Old Gazette"); r.code != exitFailed || !strings.Contains(r.stderr, "answered 410 Gone") {
		t.Errorf("%+v", r)
	}
	for _, args := range [][]string{{"sources", "wake", "Gazette"}, {"sources", "Gazette"}} {
		sentence(t, d.try(args...), exitMisused, `there is no source "Gazette"`, `did you mean "Old Gazette"`)
	}
}

func TestFolderIsReadBesideTheConfig(t *testing.T) {
	t.Parallel()
	d := newDesk(t, smtpsink.Options{})
	d.configure()
	d.source(`{name: Wire drop, folder: wire, url_prefix: "https://example.com/wire/", category: World}`)
	if r := d.try("fetch", "Wire drop"); r.code != exitFailed || !strings.Contains(r.stderr, "source Wire drop: there is no folder "+filepath.Join(d.dir, "wire")+"; make it") {
		t.Errorf("%+v", r)
	}
	rowOf(t, checkedLines(t, d.must("check", "--json")), "source", "Wire drop").want(t, "wrong", "there is no folder")
	if err := os.MkdirAll(filepath.Join(d.dir, "wire", "2026"), 0o755); err != nil {
		t.Fatal(err)
	}
	story := "City opens its bridge a year early\n\n• The bridge opens a year early.\n• It cost less than the city planned.\n\n" +
		"The city opened its new bridge on Monday, a year before anybody had planned it, and it cost less than it should have.\n"
	file := d.write("wire/2026/bridge.txt", story)
	if out := d.must("fetch", "Wire drop"); !strings.Contains(out, "unchanged, 0 articles") { // it may still be written
		t.Error(out)
	}
	quiet := func() {
		if err := os.Chtimes(file, time.Time{}, time.Now().Add(-time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	quiet()
	out := d.must("fetch", "Wire drop")
	if !strings.Contains(out, "Wire drop: read, 1 articles, 1 new") {
		t.Error(out)
	}
	rowOf(t, checkedLines(t, d.must("check", "--json")), "source", "Wire drop").want(t, "ok", "1 file, 1 article, key points in 1")
	last := d.sourcesOf("Wire drop")["Wire drop"].LastArticles
	if len(last) != 1 || last[0].URL != "https://example.com/wire/2026/bridge.txt" || last[0].Points != 2 {
		t.Errorf("%+v", last)
	}
	if out := d.must("extract", file); !strings.Contains(out, last[0].Title) {
		t.Error(out)
	}
	// A change corrects the article.
	d.write("wire/2026/bridge.txt", strings.Replace(story, "City opens", "Town opens", 1)+"\n")
	quiet()
	d.must("fetch", "Wire drop")
	if last := d.sourcesOf("Wire drop")["Wire drop"].LastArticles; len(last) != 1 || last[0].Title != "Town opens its bridge a year early" {
		t.Errorf("%+v", last)
	}
	if out := d.must("plan", "--json"); !strings.Contains(out, "Town opens its bridge") {
		t.Error(out)
	}
}
